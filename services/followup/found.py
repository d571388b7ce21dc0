"""Money dated before the plan that is told after the signing: it was made without it, and counts it. Pure.

The agreement is recomputed until its day is closed on everything that was told by then. What is told later is
in none of its balances, unless the bank's own figures had it; so it pays the first instalments, as if it had
come on the effective day, and is taken from them again where it is returned.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from services.followup.ledger import receive
from services.followup.model import DayMoney, FollowedPlan, FollowupState, FollowupStatus
from services.followup.returns import remember
from services.followup.rules import summed
from shared.contracts.debts import Allocation
from shared.contracts.intake import PaymentMatched, PaymentTakenBack
from shared.contracts.plan_terms import total_of
from shared.lending.money import Money

__all__ = [
    "counted",
    "handed_back",
    "missing_beside",
    "on_no_debt",
    "owed_again",
    "paid_for",
    "returned",
    "returned_before",
    "unbooked",
]

# Days of such money that are remembered of one plan; documents do not grow.
_KEPT = 50


def _of_plan(plan: FollowedPlan, allocations: Iterable[Allocation], currency: str) -> Money:
    ours = set(plan.debts) - {debt.debt_id for debt in plan.apart}
    parts = [total_of(part.amounts) for part in allocations if part.debt_id in ours]
    return Money.sum((part for part in parts), currency)


def counted(state: FollowupState, data: PaymentMatched, day: date) -> FollowupState | None:
    """Count a payment on the plan that was made without it; None where it is no such payment.

    What no debt has room for is in no balance, whatever the bank's figure holds, and is beyond a plan that
    was completed.
    """
    plan = state.plan
    if plan is None or not data.value_date < plan.effective < day:
        return None
    if state.status not in {FollowupStatus.LIVE, FollowupStatus.COMPLETED}:
        return None
    amount = spare = data.unallocated
    if state.status is FollowupStatus.LIVE and not data.in_balance:
        amount += _of_plan(plan, data.allocations, spare.currency)
    if not amount.is_positive or all(line.total.currency != spare.currency for line in plan.lines):
        return None
    plan = unbooked(plan, data)
    known = receive(state.model_copy(update={"plan": plan}), plan.effective, amount, spare)
    return _added(known, data.value_date, amount, spare)


def returned(
    state: FollowupState, data: PaymentTakenBack, amount: Money, told: date
) -> tuple[FollowupState, Money]:
    """Take back what was counted of a payment of that day; give what of the return it is not about."""
    plan = state.plan
    there = Money.zero(amount.currency) if plan is None else _of_day(plan, data.value_date, amount.currency)
    part = min(there, amount)
    if plan is None or not part.is_positive:
        return state, amount
    loose = _loose_of(plan, data)
    state = state.model_copy(update={"plan": _less_unbooked(plan, loose)})
    known = receive(remember(state, plan.effective, part, told), plan.effective, -part, -loose)
    return _added(known, data.value_date, -part, -loose), amount - part


def missing_beside(plan: FollowedPlan, data: PaymentTakenBack, amount: Money) -> FollowedPlan:
    """Remember what a return from before the plan leaves owed beside it: what is paid for it is no credit."""
    if data.in_balance and data.reversed_on <= plan.effective:
        return plan  # the plan was made on it
    part = min(_of_plan(plan, data.allocations, amount.currency), amount)
    if not part.is_positive:
        return plan
    name = "came_back" if plan.completed else "beside"
    return plan.model_copy(update={name: summed((*getattr(plan, name), part))})


def paid_for(plan: FollowedPlan, data: PaymentMatched) -> FollowedPlan:
    """Forget of what came back of payments from before a completed plan what is paid for it apart."""
    if not plan.completed or data.beside is None:
        return plan
    paid = min(_of_plan(plan, data.allocations, data.beside.currency), data.beside)
    left = tuple(
        max(one - paid, Money.zero(one.currency)) if one.currency == paid.currency else one
        for one in plan.came_back
    )
    return plan.model_copy(update={"came_back": left})


def returned_before(state: FollowupState, data: PaymentTakenBack, amount: Money, told: date) -> FollowupState:
    """Take a return from before the first plan from those that a withdrawal would bring back, too.

    A plan whose own days the payment is of shares the money received, and needs nothing.
    """
    for at, one in enumerate(state.earlier):
        plan = one.plan
        if data.value_date >= plan.effective:
            continue
        part = min(_of_day(plan, data.value_date, amount.currency), amount)
        if part.is_positive:
            loose = _loose_of(plan, data)
            known = remember(state, plan.effective, part, told)
            state = receive(known, plan.effective, -part, -loose)
            plan = _with(_less_unbooked(plan, loose), data.value_date, -part, -loose)
        if part < amount:
            plan = missing_beside(plan, data, amount - part)
        earlier = list(state.earlier)
        earlier[at] = one.model_copy(update={"plan": plan})
        state = state.model_copy(update={"earlier": tuple(earlier)})
    return state


def handed_back(state: FollowupState, gone: Iterable[FollowedPlan]) -> FollowupState:
    """After a withdrawal the plan that is followed again counts what was found under those that are gone.

    Of its own days it counts by value date, and what is dated before it as found of its own.
    """
    back = state.plan
    assert back is not None  # noqa: S101 - narrows: who calls has brought it back
    for plan in gone:
        for entry in plan.found:
            loose = entry.on_no_debt or Money.zero(entry.amount.currency)
            state = receive(state, plan.effective, -entry.amount, -loose)
            if entry.on < back.effective:
                known = receive(state, back.effective, entry.amount, loose)
                state = _added(known, entry.on, entry.amount, loose)
            else:
                state = receive(state, entry.on, entry.amount, loose)
    return state


def unbooked(plan: FollowedPlan, data: PaymentMatched | PaymentTakenBack) -> FollowedPlan:
    """Remember how much of the plan's money lies on no debt: more by a payment, less by one that came back.

    What made up for a return was put on a debt by it.
    """
    more = data.unallocated if isinstance(data, PaymentMatched) else owed_again(data) - data.amount
    return plan.model_copy(update={"unbooked": summed((*plan.unbooked, more))})


def owed_again(data: PaymentTakenBack) -> Money:
    """Give what of a return is owed on debts again, here or in a later case."""
    return _booked(data)


def on_no_debt(data: PaymentMatched | PaymentTakenBack) -> Money:
    """Give what of a payment, or of its return, is on the books of no debt."""
    return data.amount - _booked(data)


def _booked(data: PaymentMatched | PaymentTakenBack) -> Money:
    later = data.elsewhere if isinstance(data, PaymentTakenBack) else ()
    parts = (total_of(part.amounts) for part in (*data.allocations, *later))
    currency = data.amount.currency
    return Money.sum((part for part in parts if part.currency == currency), currency)


def _of_day(plan: FollowedPlan, on: date, currency: str, *, loose: bool = False) -> Money:
    entries = [entry for entry in plan.found if entry.on == on and entry.amount.currency == currency]
    amounts = (entry.on_no_debt if loose else entry.amount for entry in entries)
    return Money.sum((amount for amount in amounts if amount is not None), currency)


def _loose_of(plan: FollowedPlan, data: PaymentTakenBack) -> Money:
    """Give what comes back of the money of that day that was counted and lay on no debt."""
    back = on_no_debt(data)
    return min(_of_day(plan, data.value_date, back.currency, loose=True), back)


def _less_unbooked(plan: FollowedPlan, loose: Money) -> FollowedPlan:
    return plan.model_copy(update={"unbooked": summed((*plan.unbooked, -loose))}) if loose else plan


def _added(state: FollowupState, on: date, amount: Money, loose: Money) -> FollowupState:
    plan = state.plan
    assert plan is not None  # noqa: S101 - narrows: who calls has looked
    return state.model_copy(update={"plan": _with(plan, on, amount, loose)})


def _with(plan: FollowedPlan, on: date, amount: Money, loose: Money) -> FollowedPlan:
    left = _of_day(plan, on, amount.currency) + amount
    on_none = _of_day(plan, on, amount.currency, loose=True) + loose
    others = [one for one in plan.found if (one.on, one.amount.currency) != (on, amount.currency)]
    entry = DayMoney(on=on, amount=left, on_no_debt=on_none)
    found = (*others, entry) if left.is_positive else tuple(others)
    return plan.model_copy(update={"found": found[-_KEPT:]})
