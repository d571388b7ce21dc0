"""What is printed with a plan: what the lender gives up, the modification indicator, the margin in stress,
and whether the ceiling on all-in cost could be tested."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Final

from shared.lending.money import Money
from shared.lending.plan_model import (
    Capacity,
    CeilingTest,
    DebtPlan,
    DebtTerms,
    DueTotal,
    PlanLimits,
    PlanSpec,
)
from shared.lending.rates import discount
from shared.lending.schedule import ScheduleError, build, period_rate

_CENTS: Final = Decimal("0.01")


def concession_of(
    debts: Sequence[DebtTerms],
    plans: Sequence[DebtPlan],
    contract_rates: Sequence[Decimal],
    spec: PlanSpec,
    limits: PlanLimits,
) -> Money:
    """What the lender gives up: what is waived, and the interest that the same schedule would have brought.

    ``contract_rates`` are the nominal rates without the cut, within the ceiling (what the law does not
    allow is not given up). In a holiday, and in months that are left out, interest rests: given up too.
    """
    given = 0
    for debt, plan, rate in zip(debts, plans, contract_rates, strict=True):
        given += plan.waived.total.minor
        if spec.lump_sum:
            continue
        if spec.rate_cut_pct:
            given += _interest_at(plan, rate) - _interest_at(plan, plan.terms.annual_rate_pct)
        if spec.holiday:
            resting = debt.outstanding.principal.times(period_rate(rate) * spec.holiday, limits.rounding)
            given += resting.minor
        if spec.skips:
            given += _resting_between(plan, rate, limits)
    return Money(given, limits.currency)


def _resting_between(plan: DebtPlan, rate: Decimal, limits: PlanLimits) -> int:
    """The interest of the months that are left out, each on the principal that is still owed in it."""
    months, left, owed = plan.schedule.months, plan.terms.principal.minor, 0
    for principal, month, following in zip(plan.schedule.parts.principal, months, months[1:], strict=False):
        left -= principal
        owed += left * (following - month - 1)
    return Money(owed, limits.currency).times(period_rate(rate), limits.rounding).minor


def _interest_at(plan: DebtPlan, rate_pct: Decimal) -> int:
    if rate_pct == plan.terms.annual_rate_pct:
        return plan.schedule.interest.minor
    try:
        return build(replace(plan.terms, annual_rate_pct=rate_pct)).interest.minor
    except ScheduleError:  # at this rate the payments would never repay anything: they are all interest
        months, principal = plan.terms.grace_periods + plan.terms.periods, plan.terms.principal
        accrued = principal.times(period_rate(rate_pct), plan.terms.rounding).minor * months
        return accrued + (plan.balance.interest - plan.waived.interest).minor


def modification_of(debts: Sequence[DebtTerms], plans: Sequence[DebtPlan], spec: PlanSpec) -> Decimal | None:
    """Change of present value in per cent, at each debt's original effective rate (IFRS 9 B3.3.6).

    What remained of the contract is worth, at its own rate, what is owed. None where nothing is owed.
    """
    owed = sum(debt.outstanding.total.minor for debt in debts)
    if not owed:
        return None
    worth = Decimal(0)
    for debt, plan in zip(debts, plans, strict=True):
        # A single payment is made at once, not a month later.
        first = 0 if spec.lump_sum else 1 + spec.holiday
        for month, minor in enumerate(plan.schedule.by_month, start=first):
            worth += minor * discount(debt.annual_rate_pct, month)
    return ((worth / owed - 1) * 100).quantize(_CENTS) + 0


def stress_margin_of(
    payments: Sequence[DueTotal], spec: PlanSpec, capacity: Capacity | None
) -> Decimal | None:
    """What the tightest instalment leaves of the capacity under stress, in per cent of it."""
    if capacity is None or spec.lump_sum:
        return None
    # Where nothing changes later, the largest instalment is the tightest.
    rows = payments if capacity.later else [max(payments, key=lambda row: row.total.minor)]
    least: Fraction | None = None
    for row in rows:
        stress = capacity.at(row.due)[1].minor
        if stress > 0:
            left = Fraction(stress - row.total.minor, stress)
            least = left if least is None else min(least, left)
    if least is None:
        return None
    return (Decimal(least.numerator) * 100 / Decimal(least.denominator)).quantize(_CENTS)


def ceiling_of(debts: Sequence[DebtTerms], plans: Sequence[DebtPlan], limits: PlanLimits) -> CeilingTest:
    """Whether the all-in cost of every debt that has a ceiling could be tested from its advance."""
    bound = [plan for debt, plan in zip(debts, plans, strict=True) if debt.ceiling(limits) is not None]
    if not bound:
        return CeilingTest.NO_CEILING
    known = all(plan.tested_from_advance for plan in bound)
    return CeilingTest.TESTED if known else CeilingTest.NOT_TESTABLE


def needs_a_look(debts: Sequence[DebtTerms], plans: Sequence[DebtPlan], limits: PlanLimits) -> bool:
    """Whether a person must look at what could not be tested, as the policy of one of those debts says."""
    return any(
        debt.limits(limits).untested_to_person
        for debt, plan in zip(debts, plans, strict=True)
        if debt.ceiling(limits) is not None and not plan.tested_from_advance
    )
