"""What a borrower has said no to: how other plans differ from it, and what they have to be. Pure."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from services.offer.model import OfferState, Refusals, Shown, ShownPlan
from shared.contracts.base import Reason
from shared.contracts.debts import InstalmentTotal, Plan
from shared.contracts.desk import RefusalReason
from shared.contracts.reasons import ReasonCode
from shared.lending import plans as lending
from shared.lending.money import Money

__all__ = [
    "answer_to",
    "first_due_after",
    "in_search",
    "is_refused",
    "refused_in",
    "seen",
    "shown_with",
]

# Of one round: more offers than facts of one day replace.
_KEPT = 4
_NOTHING: Final = {
    RefusalReason.TOO_HIGH: ReasonCode.NOTHING_LOWER,
    RefusalReason.TOO_LONG: ReasonCode.NOTHING_SHORTER,
    RefusalReason.TOO_EXPENSIVE: ReasonCode.NOTHING_CHEAPER,
    RefusalReason.TOO_SOON: ReasonCode.NOTHING_LATER,
}
_OTHERS: Final = {
    RefusalReason.TOO_HIGH: ReasonCode.REFUSED_TOO_HIGH,
    RefusalReason.TOO_LONG: ReasonCode.REFUSED_TOO_LONG,
    RefusalReason.TOO_EXPENSIVE: ReasonCode.REFUSED_TOO_EXPENSIVE,
    RefusalReason.TOO_SOON: ReasonCode.REFUSED_TOO_SOON,
}


def shown_with(state: OfferState, offer_id: str, plans: Sequence[Plan]) -> tuple[Shown, ...]:
    """Give what was on the table in this round, with an offer of these plans (which have their payments)."""
    kept = tuple(one for one in state.shown if one.offer_id != offer_id)
    return (*kept, Shown(offer_id=offer_id, plans=tuple(map(seen, plans))))[-_KEPT:]


def seen(plan: Plan) -> ShownPlan:
    """Give a plan as a borrower sees it."""
    by_currency: dict[str, list[InstalmentTotal]] = {}
    for row in plan.payments:
        by_currency.setdefault(row.total.currency, []).append(row)
    rows = [by_currency[currency] for currency in sorted(by_currency)]
    return ShownPlan(
        instalments=len({row.number for row in plan.payments}),
        first_due=min(row.due for row in plan.payments),
        totals=tuple(Money.sum([row.total for row in own], own[0].total.currency) for own in rows),
        firsts=tuple(min(own, key=lambda row: row.number).total for own in rows),
        peaks=tuple(max(row.total for row in own) for own in rows),
    )


def refused_in(state: OfferState, offer_id: str, why: RefusalReason | None = None) -> Refusals:
    """Give what is refused with a no to an offer of this round: its plans, and what others have to be.

    Who only says that it begins too soon may have the same later.
    """
    before = state.refusals.model_copy(update={"why": why})
    plans = next((one.plans for one in state.shown if one.offer_id == offer_id), ())
    if not plans:
        return before
    if why is RefusalReason.TOO_SOON:
        # The latest day moves on with the calendar, but who has refused it is not asked a day later again.
        later_than, given = max(plan.first_due for plan in plans), before.later_than
        late = {"later_than": max(later_than, given or later_than), "too_late": given is not None}
        return before.model_copy(update=late)
    known = (*before.plans, *(plan for plan in plans if plan not in before.plans))
    after = before.model_copy(update={"plans": known})
    if why is RefusalReason.TOO_LONG:
        fewest = min(plan.instalments for plan in plans)
        return after.model_copy(update={"fewer_than": min(fewest, before.fewer_than or fewest)})
    if why is RefusalReason.TOO_HIGH:
        return after.model_copy(update={"below": _least(before.below, *(plan.peaks for plan in plans))})
    if why is RefusalReason.TOO_EXPENSIVE:
        least = _least(before.cheaper_than, *(plan.totals for plan in plans))
        return after.model_copy(update={"cheaper_than": least})
    return after


def _least(*amounts: tuple[Money, ...]) -> tuple[Money, ...]:
    """Give the least amount in each currency."""
    found: dict[str, Money] = {}
    for amount in (amount for each in amounts for amount in each):
        found[amount.currency] = min(amount, found.get(amount.currency, amount))
    return tuple(found[currency] for currency in sorted(found))


def answer_to(refusals: Refusals, *, met: bool) -> Reason:
    """Say how other plans answer the latest no, or that none does."""
    why = refusals.why
    said = (_OTHERS if met else _NOTHING).get(why) if why is not None else None
    if said is None:
        return Reason(code=ReasonCode.OFFER_REJECTED if met else ReasonCode.NOTHING_ELSE_FITS)
    params = {
        "payment": _amounts(refusals.below) if why is RefusalReason.TOO_HIGH else "",
        "total": _amounts(refusals.cheaper_than) if why is RefusalReason.TOO_EXPENSIVE else "",
        "months": str(refusals.fewer_than or "") if why is RefusalReason.TOO_LONG else "",
        "date": str(refusals.later_than or "") if why is RefusalReason.TOO_SOON else "",
    }
    return Reason(code=said, params={name: value for name, value in params.items() if value})


def _amounts(amounts: Sequence[Money]) -> str:
    return ", ".join(f"{amount} {amount.currency}" for amount in amounts)


def in_search(
    refusals: Refusals, currencies: Sequence[str], currency: str, *, lower: bool
) -> lending.Refused:
    """Give refusals as the search over plans in one currency, of these in which a plan is, sees them.

    With `lower` an amount has to be lower in this one; else it may be as high as what was refused.
    """
    below, cheaper = (_of(amounts, currency) for amounts in (refusals.below, refusals.cheaper_than))
    if not lower:
        below, cheaper = (None if one is None else Money(one.minor + 1, currency) for one in (below, cheaper))
    return lending.Refused(
        plans=tuple(
            lending.Shown(plan.instalments, total, first)
            for plan in refusals.plans
            if [total.currency for total in plan.totals] == sorted(currencies)
            for total, first in zip(plan.totals, plan.firsts, strict=True)
            if total.currency == currency
        ),
        below=below,
        cheaper_than=cheaper,
        fewer_than=refusals.fewer_than,
    )


def _of(amounts: Sequence[Money], currency: str) -> Money | None:
    return next((amount for amount in amounts if amount.currency == currency), None)


def is_refused(plan: Plan, refusals: Refusals, pct: Decimal) -> bool:
    """Whether a plan in several currencies is one that was refused: too long, or unlike it in no currency.

    What its amounts have to be was asked of each currency.
    """
    own = seen(plan)
    if refusals.fewer_than is not None and own.instalments >= refusals.fewer_than:
        return True
    return any(_alike(own, other, pct) for other in refusals.plans)


def _alike(one: ShownPlan, other: ShownPlan, pct: Decimal) -> bool:
    currencies = [total.currency for total in one.totals]
    if currencies != [total.currency for total in other.totals]:
        return False
    pairs = zip(one.totals, one.firsts, other.totals, other.firsts, strict=True)
    return not any(
        lending.Shown(other.instalments, its_total, its_first).differs(
            one.instalments, total.minor, first.minor, pct
        )
        for total, first, its_total, its_first in pairs
    )


def first_due_after(first_due: date, refusals: Refusals, most_days: int) -> date | None:
    """Give the day from which plans begin where it was too soon: the latest that the pack allows, or None."""
    if refusals.later_than is None:
        return first_due
    latest = first_due + timedelta(days=most_days)
    return latest if latest > refusals.later_than and not refusals.too_late else None
