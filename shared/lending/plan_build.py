"""One combination of measures made exact: a schedule per debt, what it costs and is worth, and whether it
stands within capacity and policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import count, zip_longest
from typing import Final

from shared.lending.allocation import Components
from shared.lending.money import Money, Rounding
from shared.lending.plan_model import (
    Capacity,
    DebtPlan,
    DebtTerms,
    DueTotal,
    Plan,
    PlanLimits,
    PlanSpec,
    Reason,
)
from shared.lending.plan_own import base_rate, rate_of, shape_of, waived_of
from shared.lending.plan_value import valued
from shared.lending.rates import (
    CashFlow,
    monthly_apr_of,
    xirr_of,
    xirr_pct,
)
from shared.lending.schedule import Carried, Schedule, ScheduleError, ScheduleTerms, build

# A nominal rate at the ceiling may exceed it on actual days, where a short month counts: it is lowered in
# such steps until it does not.
_RATE_STEP: Final = Decimal("0.05")


def schedule_terms(
    balance: Components,
    waived: Components,
    *,
    annual_rate_pct: Decimal,
    periods: int,
    first_due: date,
    rounding: Rounding,
    grace_periods: int = 0,
    step_pct: Decimal = Decimal(0),
    step_every: int = 0,
    skips: tuple[int, ...] = (),
) -> ScheduleTerms:
    """Terms under which ``balance`` less ``waived`` is repaid: principal bears interest, the rest is spread.

    ``periods`` instalments follow ``grace_periods``. ScheduleError when more is waived than owed.
    """
    left = balance - waived
    if left.has_negative:
        raise ScheduleError("more is waived than owed")
    return ScheduleTerms(
        principal=left.principal,
        annual_rate_pct=annual_rate_pct,
        periods=periods,
        first_due=first_due,
        rounding=rounding,
        grace_periods=grace_periods,
        step_pct=step_pct,
        step_every=step_every,
        skips=skips,
        carried=Carried(left.interest, left.fees + left.costs, left.late_charges),
    )


def schedule_of(
    balance: Components,
    waived: Components,
    *,
    annual_rate_pct: Decimal,
    periods: int,
    first_due: date,
    rounding: Rounding,
    grace_periods: int = 0,
    step_pct: Decimal = Decimal(0),
    step_every: int = 0,
    skips: tuple[int, ...] = (),
) -> Schedule:
    """The schedule of :func:`schedule_terms`: what a plan's debt computes to again from its terms."""
    return build(
        schedule_terms(
            balance,
            waived,
            annual_rate_pct=annual_rate_pct,
            periods=periods,
            first_due=first_due,
            rounding=rounding,
            grace_periods=grace_periods,
            step_pct=step_pct,
            step_every=step_every,
            skips=skips,
        )
    )


def build_plan(
    spec: PlanSpec, debts: Sequence[DebtTerms], capacity: Capacity | None, limits: PlanLimits
) -> Plan | Reason:
    """The whole plan of ``spec`` on these balances, with rank 0; or why it does not stand.

    Without ``capacity`` affordability is not tested (a plan that was agreed is recomputed). Codes:
    ``above_max_term``, ``below_min_payment``, ``not_affordable``, ``not_affordable_under_stress``,
    ``above_rate_ceiling``, ``waiver_above_limit``, ``plan_no_longer_computes``, ``currency_mismatch``,
    ``account_cured`` (nothing is owed).
    """
    owed = [debt for debt in debts if debt.outstanding.total.is_positive]
    if not owed:
        return Reason.of("account_cured")
    foreign = sorted({debt.currency for debt in owed} - {limits.currency})
    if foreign:
        return Reason.of("currency_mismatch", given=", ".join(foreign), expected=limits.currency)
    if spec.months > limits.max_months:
        return Reason.of("above_max_term", months=spec.months, limit=limits.max_months)
    plans: list[DebtPlan] = []
    for debt in owed:
        try:
            made = _debt_plan(debt, spec, limits)
        except ScheduleError:
            return Reason.of("plan_no_longer_computes")
        if isinstance(made, Reason):
            return made
        plans.append(made)
    payments = _totals(plans, limits.currency)
    refusal = _too_small(payments, owed, plans, spec, limits) or _too_large(payments, spec, capacity)
    if refusal is not None:
        return refusal
    rates = [_uncut(debt, spec, plan, limits) for debt, plan in zip(owed, plans, strict=True)]
    return valued(spec, owed, plans, payments, contract_rates=rates, capacity=capacity, limits=limits)


def _uncut(debt: DebtTerms, spec: PlanSpec, plan: DebtPlan, limits: PlanLimits) -> Decimal:
    """The rate without the cut: what the ceiling does not allow on these instalments is not given up."""
    if not spec.rate_cut_pct:
        return plan.terms.annual_rate_pct
    if debt.ceiling(limits) is None:
        return base_rate(debt, limits)
    try:
        made = _debt_plan(debt, replace(spec, rate_cut_pct=Decimal(0)), limits)
    except ScheduleError:  # at that rate nothing would ever be repaid
        return base_rate(debt, limits)
    return plan.terms.annual_rate_pct if isinstance(made, Reason) else made.terms.annual_rate_pct


def _debt_plan(debt: DebtTerms, spec: PlanSpec, limits: PlanLimits) -> DebtPlan | Reason:
    """One debt's plan at the highest rate, from the plan's own downwards, whose all-in cost the ceiling
    allows; or a reason when even an interest-free one would exceed it."""
    ceiling = debt.ceiling(limits)
    rate = Decimal(0) if spec.lump_sum else rate_of(debt, spec.rate_cut_pct, limits)
    waived = waived_of(debt, spec, limits)
    made = _at_rate(debt, spec, limits, waived, rate)
    if not _exceeds(made, ceiling):
        return made
    steps = int((rate / _RATE_STEP).to_integral_value(rounding="ROUND_CEILING"))
    allowed = _at_rate(debt, spec, limits, waived, Decimal(0))
    if _exceeds(allowed, ceiling):
        return Reason.of("above_rate_ceiling", apr=allowed.all_in_pct, limit=ceiling)
    # The all-in rate rises with the nominal one: find the fewest steps down that are enough.
    low, high = 1, steps
    while low < high:
        middle = (low + high) // 2
        lowered = _at_rate(debt, spec, limits, waived, max(rate - middle * _RATE_STEP, Decimal(0)))
        if _exceeds(lowered, ceiling):
            low = middle + 1
        else:
            high, allowed = middle, lowered
    return allowed


def _exceeds(plan: DebtPlan, ceiling: Decimal | None) -> bool:
    return ceiling is not None and plan.all_in_pct is not None and plan.all_in_pct > ceiling


def _at_rate(
    debt: DebtTerms, spec: PlanSpec, limits: PlanLimits, waived: Components, rate: Decimal
) -> DebtPlan:
    shape = shape_of(debt, spec, limits)
    terms = schedule_terms(
        debt.outstanding,
        waived,
        annual_rate_pct=rate,
        periods=shape.periods,
        first_due=spec.first_due,
        rounding=limits.rounding,
        grace_periods=shape.grace,
        step_pct=shape.step.pct if shape.step else Decimal(0),
        step_every=shape.step.every_months if shape.step else 0,
        skips=spec.skips,
    )
    schedule = build(terms)
    financed = debt.outstanding.total - waived.total
    apr = monthly_apr_of(financed, schedule.by_month)
    all_in = _all_in(debt, financed, terms, schedule, apr)
    return DebtPlan(
        debt_id=debt.debt_id,
        balance=debt.outstanding,
        waived=waived,
        terms=terms,
        schedule=schedule,
        apr_pct=apr,
        all_in_pct=all_in,
        tested_from_advance=bool(debt.history) and all_in is not None,
    )


def _all_in(
    debt: DebtTerms, financed: Money, terms: ScheduleTerms, schedule: Schedule, apr: Decimal | None
) -> Decimal | None:
    """The rate to hold against the ceiling: on actual days and on equal months, the higher one.

    From the original advance where its history is known, else from the balance that is financed.
    """
    if schedule.interest.is_zero and not debt.history:
        return Decimal(0)
    if debt.history:
        totals = (Money(minor, financed.currency) for minor in schedule.totals)
        rows = map(CashFlow, schedule.dates, totals)
        return xirr_pct([*debt.history, *rows])
    start = terms.frequency.period_before(terms.first_due)
    on_days = xirr_of((start, *schedule.dates), (-financed.minor, *schedule.totals), financed.currency)
    known = [rate for rate in (on_days, apr) if rate is not None]
    return max(known, default=None)


def _totals(plans: Sequence[DebtPlan], currency: str) -> tuple[DueTotal, ...]:
    # All begin on one day; one whose own policy allows fewer instalments ends before the others.
    columns = (plan.schedule.totals for plan in plans)
    totals = [Money(sum(parts), currency) for parts in zip_longest(*columns, fillvalue=0)]
    longest = max((plan.schedule.dates for plan in plans), key=len)
    return tuple(map(DueTotal, count(1), longest, totals))


def _too_small(
    payments: Sequence[DueTotal],
    debts: Sequence[DebtTerms],
    plans: Sequence[DebtPlan],
    spec: PlanSpec,
    limits: PlanLimits,
) -> Reason | None:
    """A plan in parts has parts worth collecting: the first one of the grace and after it decide, and the
    first one after a debt has ended before the others. A last one alone is what is left.

    A month has one payment for all debts: the highest minimum of those still repaid in it is held against it.
    """
    ends = {len(plan.schedule.dates) for plan in plans}
    for at in sorted({0, spec.grace, *ends} if spec.instalments > 1 else ()):
        if at in {0, spec.grace} or spec.grace < at < len(payments) - 1:
            running = (d for d, plan in zip(debts, plans, strict=True) if at < len(plan.schedule.dates))
            least = max((debt.limits(limits).min_payment for debt in running), key=lambda one: one.minor)
            if payments[at].total < least:
                return Reason.of("below_min_payment", payment=payments[at].total, minimum=least)
    return None


def _too_large(payments: Sequence[DueTotal], spec: PlanSpec, capacity: Capacity | None) -> Reason | None:
    if capacity is None:
        return None
    if spec.lump_sum:
        offered = capacity.lump_sum
        if offered is None or payments[0].total > offered:
            return _over("not_affordable", payments[0].total, offered or payments[0].total * 0)
        return None
    if (
        not capacity.later
        and max(row.total.minor for row in payments) <= min(capacity.at(payments[0].due)).minor
    ):
        return None
    for row in payments:
        now, stress = capacity.at(row.due)
        if row.total > now:
            return _over("not_affordable", row.total, now)
        if row.total > stress:
            return _over("not_affordable_under_stress", row.total, stress)
    return None


def _over(code: str, needed: Money, capacity: Money) -> Reason:
    return Reason.of(code, payment=needed, available=capacity)
