"""What happens where no plan fits: a reason, and a humane next step that is always something to go by."""

from __future__ import annotations

from datetime import date

from shared.lending.calendar import add_months
from shared.lending.money import Money
from shared.lending.plan_candidates import Candidates
from shared.lending.plan_longer import lowest_longer
from shared.lending.plan_model import Capacity, DueTotal, NextStep, NoPlan, PlanLimits, Reason
from shared.lending.plan_search import Search


def no_plan(search: Search, first_due: date, candidates: Candidates) -> NoPlan:
    """Why there is none, and what comes next: a holiday where income is expected again, a token payment
    where one is possible, else help.

    ``candidates`` fitted before they were built: what stopped the first of them is for a person to see.
    """
    if len(candidates):
        refused = search.build(candidates.spec(0))
        if isinstance(refused, Reason):
            return NoPlan(refused, NextStep.HUMAN_REVIEW)
    now, stress = search.capacity.at(first_due)
    if not now.is_positive:
        return _without_income(search.capacity, first_due, search.limits)
    needed = min(filter(None, (search.smallest_peak(), lowest_longer(search, first_due))), key=_minor)
    if needed > now:
        reason = Reason.of("not_affordable", payment=needed, available=now)
    else:
        reason = Reason.of("not_affordable_under_stress", payment=needed, available=stress)
    return _token(reason, search, first_due, now) or NoPlan(reason, NextStep.DEBT_ADVICE)


def _minor(amount: Money) -> int:
    return amount.minor


def _without_income(capacity: Capacity, first_due: date, limits: PlanLimits) -> NoPlan:
    reason = Reason.of("no_residual_income")
    better = sorted(step.start for step in capacity.later if step.now.is_positive)
    holidays = sorted(months for months in limits.holiday_months if months > 0)
    if holidays and (capacity.temporary or better):
        reaching = [m for m in holidays if better and better[0] <= add_months(first_due, m)]
        if reaching:
            return NoPlan(reason, NextStep.HOLIDAY, months=reaching[0])
        if not better:  # nobody knows when: the longest holiday, at whose end the figures are asked again
            return NoPlan(reason, NextStep.HOLIDAY, months=holidays[-1])
    hope = capacity.temporary or bool(better)
    return NoPlan(reason, NextStep.SUPPORT_GROUP if hope else NextStep.DEBT_ADVICE)


def _token(reason: Reason, search: Search, first_due: date, now: Money) -> NoPlan | None:
    """A nominal payment for a while: nothing is waived, and more than is owed is never asked for."""
    token = min(search.limits.token_payment, search.balance)
    if not token.is_positive or token > now:
        return None
    months = min(max(search.limits.token_months, 1), max(search.balance.minor // token.minor, 1))
    days = (add_months(first_due, k) for k in range(months))
    payments = tuple(DueTotal(number, day, token) for number, day in enumerate(days, start=1))
    fitting = tuple(row for row in payments if token <= search.capacity.at(row.due)[0])
    return NoPlan(reason, NextStep.TOKEN_PLAN, token, len(fitting), fitting)
