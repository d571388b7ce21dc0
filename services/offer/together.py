"""Plans of several currencies put together as one: a schedule for each debt, amounts never added up. Pure."""

from collections.abc import Sequence
from decimal import Decimal

from services.offer.questions import Question, Sharing
from services.offer.shown import distinct, plan_on_wire
from shared.contracts.base import Reason
from shared.contracts.debts import CurrencyPart, DebtApart, InstalmentTotal, Measure, Plan
from shared.contracts.ids import derive_id
from shared.contracts.reasons import ReasonCode
from shared.lending import plans as lending
from shared.lending.plan_model import AuthorityTier

__all__ = ["approver_of", "combined", "on_wire"]

Together = tuple[lending.Plan, ...]


def combined(found: Sequence[Sequence[lending.Plan]], most: int) -> list[Together]:
    """Put the ranked plans of each currency together: the first of each first, none twice, at most `most`.

    What is cheapest, or fastest, in every currency is so in all, whatever the rates: both are always among
    them. So is one that nobody needs to approve, where there is one. The others pair plans of one rank.
    """
    if len(found) == 1:
        return [(plan,) for plan in found[0]]
    first = tuple(plans[0] for plans in found)
    cheapest = tuple(min(plans, key=lambda p: (p.total.minor, p.last_due, p.rank)) for plans in found)
    fastest = tuple(min(plans, key=lambda p: (p.last_due, p.total.minor, p.rank)) for plans in found)
    at_once = tuple(min(plans, key=lambda p: (p.needs_approval, p.rank)) for plans in found)
    longest = max(len(plans) for plans in found)
    others = [tuple(plans[min(n, len(plans) - 1)] for plans in found) for n in range(1, longest)]
    chosen: list[Together] = []
    for one in (first, cheapest, fastest, at_once, *others):
        if len(chosen) < max(most, 1) and not any(_ids(one) == _ids(other) for other in chosen):
            chosen.append(one)
    places = [{plan.plan_id: at for at, plan in enumerate(plans)} for plans in found]
    return sorted(chosen, key=lambda one: sum(at[plan.plan_id] for at, plan in zip(places, one, strict=True)))


def _ids(plans: Together) -> tuple[str, ...]:
    return tuple(plan.plan_id for plan in plans)


def approver_of(plans: Together, tiers: Sequence[AuthorityTier]) -> str | None:
    """Give the role that must agree: the highest that any of the plans needs; None where none does."""
    roles = [tier.role for tier in tiers]
    needed = [p.approval_role for p in plans if p.needs_approval and p.approval_role is not None]
    return max(needed, key=lambda role: roles.index(role) if role in roles else len(roles), default=None)


def on_wire(
    plans: Together,
    questions: Sequence[Question],
    sharing: Sharing,
    rank: int,
    offer_id: str,
    problems: Sequence[Reason],
    apart: tuple[DebtApart, ...],
) -> Plan:
    """Give plans of several currencies as one; what cannot be said of all stands in the part of each."""
    made = [
        plan_on_wire(plan, rank, offer_id, asked.packs, problems)
        for plan, asked in zip(plans, questions, strict=True)
    ]
    parts = tuple(_part(plan, asked, sharing) for plan, asked in zip(made, questions, strict=True))
    shared = tuple(
        reason
        for plan, asked, part in zip(made, questions, parts, strict=True)
        for reason in (*_shares(asked, part, sharing), *plan.reasons)
    )
    measures = {measure for plan in made for measure in plan.measures}
    models = {plan.redefault_model for plan in made}
    return Plan(
        plan_id=derive_id("plan", offer_id, *_ids(plans)),
        rank=rank,
        measures=tuple(measure for measure in Measure if measure in measures),
        debts=tuple(debt for plan in made for debt in plan.debts),
        payments=_payments(made),
        total_paid=tuple(amount for plan in made for amount in plan.total_paid),
        npv=tuple(amount for plan in made for amount in plan.npv),
        npv_no_deal=tuple(amount for plan in made for amount in plan.npv_no_deal),
        needs_approval=any(plan.needs_approval for plan in made),
        reasons=distinct((*shared, *(left.reason for left in apart))),
        holiday_months=max(plan.holiday_months for plan in made),
        interest=tuple(amount for plan in made for amount in plan.interest),
        concession=tuple(amount for plan in made for amount in plan.concession),
        redefault_pct=max((p.redefault_pct for p in made if p.redefault_pct is not None), default=None),
        redefault_model=", ".join(sorted(model for model in models if model)) or None,
        stress_margin_pct=_least([plan.stress_margin_pct for plan in made]),
        substantial_modification=any(plan.substantial_modification for plan in made),
        ceiling_test=next(
            (test for test in _WORST_FIRST if test in {plan.ceiling_test for plan in made}), None
        ),
        parts=parts,
        apart=apart,
    )


_WORST_FIRST = ("not_testable", "tested", "no_ceiling")


def _least(values: Sequence[Decimal | None]) -> Decimal | None:
    known = [value for value in values if value is not None]
    return min(known) if len(known) == len(values) else None


def _payments(plans: Sequence[Plan]) -> tuple[InstalmentTotal, ...]:
    """Number what falls due by day over all currencies."""
    rows = [row for plan in plans for row in plan.payments]
    days = {day: number for number, day in enumerate(sorted({row.due for row in rows}), start=1)}
    ordered = sorted(rows, key=lambda row: (row.due, row.total.currency))
    return tuple(row.model_copy(update={"number": days[row.due]}) for row in ordered)


def _part(plan: Plan, asked: Question, sharing: Sharing) -> CurrencyPart:
    return CurrencyPart(
        currency=asked.currency,
        share_pct=sharing.share_pct(asked.currency),
        exchange=sharing.exchange(asked.currency),
        measures=plan.measures,
        apr_pct=plan.apr_pct,
        redefault_pct=plan.redefault_pct,
        redefault_model=plan.redefault_model,
        payment_reduction_pct=plan.payment_reduction_pct,
        stress_margin_pct=plan.stress_margin_pct,
        modification_pct=plan.modification_pct,
        substantial_modification=plan.substantial_modification,
        ceiling_test=plan.ceiling_test,
    )


def _shares(asked: Question, part: CurrencyPart, sharing: Sharing) -> tuple[Reason, ...]:
    most = min(asked.capacity.now, asked.capacity.stress)
    params = {"pct": str(part.share_pct), "currency": part.currency, "amount": f"{most} {most.currency}"}
    shared = Reason(code=ReasonCode.CAPACITY_SHARED, params=params)
    rate = part.exchange
    if rate is None:
        return (shared,)
    rested_on = {
        "currency": rate.currency,
        "against": rate.against,
        "rate": f"{rate.per_unit.normalize():f}",
        "date": rate.as_of.isoformat(),
        "source": rate.source,
        "margin": str(sharing.margin_pct),
    }
    return shared, Reason(code=ReasonCode.EXCHANGE_RATE_USED, params=rested_on)
