"""What holds while the talks go on: what runs and what rests, what is owed day by day, what a payment means.

A payment reduces what is owed, and may be the first instalment. Pure.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from fractions import Fraction
from typing import Final

from services.offer.model import Dawn, OfferState, OfferStatus, Prepaid
from services.offer.rules import owed_debts
from shared.contracts.base import Reason
from shared.contracts.debts import Balances, DebtSnapshot, Measure, Plan
from shared.contracts.intake import PaymentMatched, PaymentTakenBack
from shared.contracts.offer import DayBalance
from shared.contracts.plan_terms import total_of
from shared.contracts.reasons import ReasonCode
from shared.lending.money import Money
from shared.policy.model import PolicyInForce
from shared.policy.reference import Reference

__all__ = [
    "Ruled",
    "as_the_day_began",
    "balance_by_day",
    "charged_in_talks",
    "counts_as_first",
    "ruled_by",
    "terms_of_talks",
    "with_payment_in_talks",
]

_ON_OFFER = {OfferStatus.TABLED, OfferStatus.APPROVAL, OfferStatus.AGREED}
_AWAITED = _ON_OFFER | {OfferStatus.LAPSED}
_INTEREST: Final = {
    "runs": ReasonCode.INTEREST_RUNS,
    "frozen": ReasonCode.INTEREST_FROZEN,
    "waived": ReasonCode.INTEREST_WAIVED,
}
_FEES: Final = {
    "runs": ReasonCode.FEES_RUN,
    "frozen": ReasonCode.FEES_FROZEN,
    "waived": ReasonCode.FEES_WAIVED,
}
_LATE_CHARGES: Final = {
    "runs": ReasonCode.LATE_CHARGES_RUN,
    "frozen": ReasonCode.LATE_CHARGES_FROZEN,
    "waived": ReasonCode.LATE_CHARGES_WAIVED,
}
_RUNNING: Final = {"interest": _INTEREST, "fees": _FEES, "late_charges": _LATE_CHARGES}


Ruled = Mapping[str, PolicyInForce]
"""The pack in force of each debt, by the debt's id: it says what runs on the debt in talks."""


def ruled_by(debts: Sequence[DebtSnapshot], day: date, reference: Reference, agreed_on: date | None) -> Ruled:
    """Give the pack in force of each debt whose pack is known."""
    return {
        debt.debt_id: reference.policies.for_case(debt.policy, day, agreed_on=agreed_on)
        for debt in debts
        if debt.policy in reference.policies
    }


def balance_by_day(
    debts: Sequence[DebtSnapshot], first: date, last: date, policy: PolicyInForce, ruled: Ruled
) -> tuple[DayBalance, ...]:
    """Give what is owed on each day of an offer's validity, with the parts that add up to it.

    Interest runs from `first` on where a debt's pack says so: by actual days over 365 on its principal.
    Fees and late charges stay as they are: what a bank may add where they run is not known before it does,
    which the terms of the offer say. One row a day for each currency.
    """
    by_currency: dict[str, list[DebtSnapshot]] = {}
    for debt in owed_debts(debts):
        by_currency.setdefault(debt.outstanding.principal.currency, []).append(debt)
    found = []
    for days in range((last - first).days + 1):
        for currency, owed in sorted(by_currency.items()):
            parts = _added_up(owed, days, currency, policy, ruled)
            found.append(DayBalance(day=first + timedelta(days=days), balance=total_of(parts), parts=parts))
    return tuple(found)


def _added_up(
    owed: Sequence[DebtSnapshot], days: int, currency: str, policy: PolicyInForce, ruled: Ruled
) -> Balances:
    """Add up debts of one currency, part by part, with the interest of so many days more where it runs."""
    interest = Money.sum([debt.outstanding.interest for debt in owed], currency)
    for debt in owed:
        if ruled.get(debt.debt_id, policy).talks.interest != "runs":
            continue
        share = Fraction(debt.annual_rate_pct) / 100 * Fraction(days, 365)
        interest += debt.outstanding.principal.times(share, policy.amounts.rounding)
    return Balances(
        principal=Money.sum([debt.outstanding.principal for debt in owed], currency),
        interest=interest,
        fees=Money.sum([debt.outstanding.fees for debt in owed], currency),
        late_charges=Money.sum([debt.outstanding.late_charges for debt in owed], currency),
    )


def counts_as_first(plans: Sequence[Plan], policy: PolicyInForce) -> Money | None:
    """Give the least payment in talks that is the first instalment; None where none is.

    It is the smallest first instalment of the first offer of the talks, so that it does not change with the
    balance. Over several currencies no one payment is the first instalment, and a settlement in one payment
    has none: it has to be accepted first.
    """
    monthly = [plan for plan in plans if Measure.LUMP_SUM not in plan.measures]
    firsts = [plan.payments[0].total for plan in monthly if plan.payments and len(plan.total_paid) == 1]
    if policy.talks.payment_is_first_instalment == "never" or len(firsts) != len(monthly):
        return None
    # Where everything is waived nothing is to be paid: no payment is the first instalment of that.
    return min((first for first in firsts if first.is_positive), default=None)


def terms_of_talks(
    ruled: Ruled, counts_from: Money | None = None, prepaid: Prepaid | None = None
) -> tuple[Reason, ...]:
    """Say whether interest, fees and late charges run while talks go on, and what a payment means.

    Of debts whose packs differ it is said on which.
    """
    meanwhile = Reason(code=ReasonCode.PAYMENT_IN_TALKS)
    if prepaid is not None:
        params = {"amount": f"{prepaid.amount} {prepaid.amount.currency}", "date": prepaid.on.isoformat()}
        meanwhile = Reason(code=ReasonCode.PAYMENT_WAS_FIRST, params=params)
    elif counts_from is not None:
        params = {"amount": f"{counts_from} {counts_from.currency}"}
        meanwhile = Reason(code=ReasonCode.PAYMENT_COUNTS_AS_FIRST, params=params)
    running = [reason for name, codes in _RUNNING.items() for reason in _of_debts(name, codes, ruled)]
    return (*running, meanwhile)


def _of_debts(name: str, codes: Mapping[str, ReasonCode], ruled: Ruled) -> list[Reason]:
    found: dict[str, list[str]] = {}
    for debt_id, policy in ruled.items():
        found.setdefault(getattr(policy.talks, name), []).append(debt_id)
    if len(found) == 1:
        return [Reason(code=codes[value]) for value in found]
    return [
        Reason(code=codes[value], params={"accounts": ", ".join(ids)}) for value, ids in sorted(found.items())
    ]


def as_the_day_began(state: OfferState, day: date) -> OfferState:
    """Keep how the talks stood before the first fact of `day`, where they had gone on until then."""
    if state.offer is None or state.started is None or state.status not in _AWAITED:
        return state
    if state.offer.tabled_on >= day or (state.dawn is not None and state.dawn.day >= day):
        return state
    debts = tuple(debt.debt_id for debt in owed_debts(state.debts))
    return state.model_copy(update={"dawn": Dawn(day=day, started=state.started, debts=debts)})


def charged_in_talks(
    before: OfferState, after: Sequence[DebtSnapshot], day: date, ruled: Ruled
) -> tuple[Reason, ...]:
    """Say what the bank has added in interest, fees and late charges that should rest while the talks go on.

    Only what came between two figures of the talks' own time: what was charged before may be told late. They
    go on, and are about a debt, as when the day began: an answer, a stop or its end of that day comes by
    another topic, before the figure or after it.
    """
    dawn = before.dawn
    if dawn is None or dawn.day != day:
        return ()
    known = {debt.debt_id: debt for debt in before.debts if debt.debt_id in dawn.debts}
    said = []
    for debt in after:
        old, policy = known.get(debt.debt_id), ruled.get(debt.debt_id)
        if old is None or policy is None or old.as_of < dawn.started or debt.as_of < old.as_of:
            continue
        resting = [name for name in _RUNNING if getattr(policy.talks, name) != "runs"]
        grown = [getattr(debt.outstanding, name) - getattr(old.outstanding, name) for name in resting]
        added = Money.sum([amount for amount in grown if amount.is_positive], debt.outstanding.fees.currency)
        if added.is_positive:
            params = {"account": debt.debt_id, "amount": f"{added} {added.currency}"}
            said.append(Reason(code=ReasonCode.CHARGED_IN_TALKS, params=params))
    return tuple(said)


def with_payment_in_talks(state: OfferState, data: PaymentMatched | PaymentTakenBack) -> OfferState:
    """Note a payment that is the first instalment, as the offer says; one that came back is none any more.

    It is dated after the day on which the talks began, comes once, and never means acceptance.
    """
    if isinstance(data, PaymentTakenBack):
        came_back = state.prepaid is not None and state.prepaid.payment_id == data.payment_id
        return state.model_copy(update={"prepaid": None}) if came_back else state
    least, began = state.counts_from, state.started
    if state.offer is None or state.status not in _ON_OFFER or least is None or began is None:
        return state
    enough = data.amount.currency == least.currency and data.amount >= least
    if state.prepaid is not None or not enough or data.value_date <= began or data.in_balance:
        return state
    paid = Prepaid(payment_id=data.payment_id, amount=data.amount, on=data.value_date)
    return state.model_copy(update={"prepaid": paid})
