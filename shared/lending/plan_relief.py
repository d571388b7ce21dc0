"""What happens where no plan fits: a reason, and a humane next step that is always something to go by."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from shared.lending.calendar import add_months
from shared.lending.money import Money
from shared.lending.plan_candidates import Candidates
from shared.lending.plan_longer import lowest_longer
from shared.lending.plan_model import Capacity, CapacityStep, DueTotal, NextStep, NoPlan, PlanLimits, Reason
from shared.lending.plan_search import Search


def no_plan(search: Search, first_due: date, candidates: Candidates) -> NoPlan:
    """Why there is none, and what comes next: a holiday where income is expected again, lower payments or a
    token where one is possible, else help.

    ``candidates`` fitted before they were built: what stopped the first of them is for a person to see. So is
    less than a nominal payment: whether that is asked for at all is nothing to seek advice about.
    """
    found = _no_plan(search, first_due, candidates)
    little = search.balance <= search.limits.token_payment
    if little and found.next_step in {NextStep.DEBT_ADVICE, NextStep.SUPPORT_GROUP}:
        return replace(found, next_step=NextStep.HUMAN_REVIEW)
    return found


def _no_plan(search: Search, first_due: date, candidates: Candidates) -> NoPlan:
    if len(candidates):
        refused = search.build(candidates.spec(0))
        if isinstance(refused, Reason):
            return NoPlan(refused, NextStep.HUMAN_REVIEW)
    now, stress = search.capacity.at(first_due)
    if not search.capacity.now.is_positive and not now.is_positive:
        return _without_income(Reason.of("no_residual_income"), search.capacity, first_due, search.limits)
    needed = min(filter(None, (search.smallest_peak(), lowest_longer(search, first_due))), key=_minor)
    later = _falls_below(needed, search.capacity, first_due)
    if not now.is_positive and later is not None:  # today there is something, by the first due date nothing
        return _without_income(_falls(needed, later), search.capacity, first_due, search.limits)
    if needed > now:
        reason = Reason.of("not_affordable", payment=needed, available=now)
    elif needed > stress or later is None:
        reason = Reason.of("not_affordable_under_stress", payment=needed, available=stress)
    else:
        reason = _falls(needed, later)
    return _for_a_while(reason, search, first_due, needed) or NoPlan(reason, NextStep.DEBT_ADVICE)


def _minor(amount: Money) -> int:
    return amount.minor


def _falls_below(needed: Money, capacity: Capacity, first_due: date) -> CapacityStep | None:
    """Since when, from the first due date on, less than ``needed`` can be paid, today's way or under stress.

    Where that is so on the first due date itself, it is the day since when.
    """
    steps = sorted(capacity.later, key=lambda step: step.start)
    begun = [step for step in steps if step.start <= first_due][-1:]
    for step in (*begun, *(step for step in steps if step.start > first_due)):
        if min(step.now, step.stress) < needed:
            return step
    return None


def _falls(needed: Money, step: CapacityStep) -> Reason:
    """What is left under stress is not called what is left: only where that alone is too little."""
    if step.now < needed:
        return Reason.of("not_affordable_later", payment=needed, available=step.now, on=step.start)
    code = "not_affordable_later_under_stress"
    return Reason.of(code, payment=needed, available=step.stress, on=step.start)


def _without_income(reason: Reason, capacity: Capacity, first_due: date, limits: PlanLimits) -> NoPlan:
    better = sorted(step.start for step in capacity.later if step.now.is_positive)
    holidays = sorted(months for months in limits.holiday_months if months > 0)
    if holidays and (capacity.temporary or better):
        reaching = [m for m in holidays if better and better[0] <= add_months(first_due, m)]
        if reaching:
            return NoPlan(reason, NextStep.HOLIDAY, months=reaching[0])
        # Nobody knows when, or not long after: the longest holiday, at whose end the figures are asked again.
        if not better or better[0] <= add_months(first_due, 2 * holidays[-1]):
            return NoPlan(reason, NextStep.HOLIDAY, months=holidays[-1])
    hope = capacity.temporary or bool(better)
    return NoPlan(reason, NextStep.SUPPORT_GROUP if hope else NextStep.DEBT_ADVICE)


def _for_a_while(reason: Reason, search: Search, first_due: date, needed: Money) -> NoPlan | None:
    """Less than a plan would ask, until the figures are asked again: nothing is waived, and more than is owed
    is never asked for. It is what can be paid even under stress; where that is nothing, a nominal payment.
    """
    capacity, owed = search.capacity, search.balance
    token = min(search.limits.token_payment, owed)
    if not token.is_positive:
        return None
    days = [add_months(first_due, k) for k in range(max(search.limits.token_months, 1))]
    able = {day: spare for day in days if (spare := min(capacity.at(day))) >= token}
    reduced = min([needed, owed, *able.values()], key=_minor)
    if able and reduced > token:
        return _payments(reason, NextStep.REDUCED_PAYMENTS, reduced, list(able), owed, capacity)
    if token > capacity.at(first_due)[0]:
        return None
    days = days[: max(owed.minor // token.minor, 1)]
    fitting = [day for day in days if token <= capacity.at(day)[0]]
    return _payments(reason, NextStep.TOKEN_PLAN, token, fitting, owed, capacity)


def _payments(
    reason: Reason, step: NextStep, each: Money, days: list[date], owed: Money, capacity: Capacity
) -> NoPlan:
    days = days[: max(owed.minor // each.minor, 1)]
    rows = tuple(DueTotal(number, day, each) for number, day in enumerate(days, start=1))
    # Nobody is asked for it; but who could pay more, and hears of a token only, would owe more for that.
    most = min([owed, *(capacity.at(day)[0] for day in days)], key=_minor)
    return NoPlan(reason, step, each, len(rows), rows, most if most > each else None)
