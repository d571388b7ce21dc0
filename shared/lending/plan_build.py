"""One combination of measures made exact: a schedule per debt, what it costs and is worth, and whether it
stands within capacity and policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Final

from shared.lending.allocation import Component, Components
from shared.lending.money import Money, Rounding
from shared.lending.plan_model import (
    WAIVER_OF,
    Capacity,
    DebtPlan,
    DebtTerms,
    DueTotal,
    MeasureKind,
    Plan,
    PlanLimits,
    PlanSpec,
    Reason,
)
from shared.lending.rates import (
    CashFlow,
    RedefaultPath,
    monthly_apr_pct,
    nominal_pct,
    npv_of_no_deal,
    npv_of_offer,
    xirr_pct,
)
from shared.lending.schedule import Carried, Schedule, ScheduleError, ScheduleTerms, build

_CENTS: Final = Decimal("0.01")
# A nominal rate at the ceiling may exceed it on actual days, where a short month counts: it is lowered in
# such steps until it does not.
_RATE_STEP: Final = Decimal("0.05")
# Re-default is measured by how the first six payments compare with the contractual ones (OCC's measure).
_FIRST_PAYMENTS: Final = 6


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
        )
    )


def allows(limits: PlanLimits, measure: MeasureKind, debt: DebtTerms) -> bool:
    """Whether the debt is late enough for the measure."""
    return debt.days_past_due >= limits.min_days_past_due.get(measure, 0)


def waived_of(debt: DebtTerms, spec: PlanSpec, limits: PlanLimits) -> Components:
    """What ``spec`` waives of a debt: a share of what is overdue, never more than is owed.

    In a lump-sum settlement the share is of what is outstanding.
    """
    waived: dict[Component, Money] = {}
    for component, pct in spec.waived_pct:
        measure = MeasureKind.LUMP_SUM if spec.lump_sum else WAIVER_OF[component]
        if allows(limits, measure, debt):
            base = (debt.outstanding if spec.lump_sum else debt.overdue).get(component)
            waived[component] = min(base.times(pct / 100, Rounding.DOWN), debt.outstanding.get(component))
    return Components.from_mapping(debt.currency, waived)


def base_rate(debt: DebtTerms, limits: PlanLimits) -> Decimal:
    """The contract's nominal rate, or less where the ceiling on all-in cost demands it."""
    ceiling = limits.ceiling(debt.contract_date)
    return debt.annual_rate_pct if ceiling is None else min(debt.annual_rate_pct, nominal_pct(ceiling))


def rate_of(debt: DebtTerms, cut_pct: Decimal, limits: PlanLimits) -> Decimal:
    """The nominal rate under a plan: cut by ``cut_pct`` per cent, not below the policy's floor."""
    base = base_rate(debt, limits)
    if not cut_pct or not allows(limits, MeasureKind.RATE_CUT, debt):
        return base
    cut = (base * (100 - cut_pct) / 100).quantize(_CENTS, rounding="ROUND_DOWN")
    return max(cut, min(base, limits.rate_floor_pct))


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
    refusal = _too_small(payments, spec, limits) or _too_large(payments, spec, capacity)
    if refusal is not None:
        return refusal
    return _valued(spec, owed, plans, payments, capacity=capacity, limits=limits)


def _debt_plan(debt: DebtTerms, spec: PlanSpec, limits: PlanLimits) -> DebtPlan | Reason:
    """One debt's plan at the highest rate, from the plan's own downwards, whose all-in cost the ceiling
    allows; or a reason when even an interest-free one would exceed it."""
    ceiling = limits.ceiling(debt.contract_date)
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
    terms = schedule_terms(
        debt.outstanding,
        waived,
        annual_rate_pct=rate,
        periods=spec.periods,
        first_due=spec.first_due,
        rounding=limits.rounding,
        grace_periods=spec.grace,
        step_pct=spec.step.pct if spec.step else Decimal(0),
        step_every=spec.step.every_months if spec.step else 0,
    )
    schedule = build(terms)
    financed = debt.outstanding.total - waived.total
    apr = monthly_apr_pct(financed, [row.total for row in schedule.instalments])
    return DebtPlan(
        debt_id=debt.debt_id,
        balance=debt.outstanding,
        waived=waived,
        terms=terms,
        schedule=schedule,
        apr_pct=apr,
        all_in_pct=_all_in(debt, financed, terms, schedule, apr),
        tested_from_advance=bool(debt.history),
    )


def _all_in(
    debt: DebtTerms, financed: Money, terms: ScheduleTerms, schedule: Schedule, apr: Decimal | None
) -> Decimal | None:
    """The rate to hold against the ceiling: on actual days and on equal months, the higher one.

    From the original advance where its history is known, else from the balance that is financed.
    """
    if schedule.interest.is_zero and not debt.history:
        return Decimal(0)
    rows = [CashFlow(row.due, row.total) for row in schedule.instalments]
    if debt.history:
        return xirr_pct([*debt.history, *rows])
    start = terms.frequency.period_before(terms.first_due)
    on_days = xirr_pct([CashFlow(start, -financed), *rows])
    known = [rate for rate in (on_days, apr) if rate is not None]
    return max(known, default=None)


def _totals(plans: Sequence[DebtPlan], currency: str) -> tuple[DueTotal, ...]:
    rows = zip(*(plan.schedule.instalments for plan in plans), strict=True)
    return tuple(
        DueTotal(row[0].number, row[0].due, Money.sum((part.total for part in row), currency)) for row in rows
    )


def _too_small(payments: Sequence[DueTotal], spec: PlanSpec, limits: PlanLimits) -> Reason | None:
    """A plan in parts has parts worth collecting: the first one after the grace decides."""
    if spec.periods > 1 and payments[spec.grace].total < limits.min_payment:
        first = payments[spec.grace].total
        return Reason.of("below_min_payment", payment=first, minimum=limits.min_payment)
    return None


def _too_large(payments: Sequence[DueTotal], spec: PlanSpec, capacity: Capacity | None) -> Reason | None:
    if capacity is None:
        return None
    if spec.lump_sum:
        offered = capacity.lump_sum
        if offered is None or payments[0].total > offered:
            return _over("not_affordable", payments[0].total, offered or payments[0].total * 0)
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


def _valued(
    spec: PlanSpec,
    debts: Sequence[DebtTerms],
    plans: Sequence[DebtPlan],
    payments: tuple[DueTotal, ...],
    *,
    capacity: Capacity | None,
    limits: PlanLimits,
) -> Plan | Reason:
    currency, value = limits.currency, limits.value
    balance = Money.sum((debt.outstanding.total for debt in debts), currency)
    waived = Money.sum((plan.waived.total for plan in plans), currency)
    # A settlement is paid or lapses: there is no later instalment to break, and nothing to compare.
    reduction = None if spec.lump_sum else reduction_pct(debts, [row.total for row in payments])
    probability = Decimal(0) if spec.lump_sum else value.probability(reduction)
    made = min(value.payments_before_redefault, len(payments) - 1)
    still_owed = _owed_after(plans, made, currency)
    npv = npv_of_offer(
        [(row.number, row.total) for row in payments],
        still_owed,
        RedefaultPath(probability, made, value.redefault_recovery_pct, value.redefault_recovery_month),
        value.discount_pct,
        limits.rounding,
    )
    no_deal = npv_of_no_deal(balance, value.no_deal, value.discount_pct, limits.rounding)
    granted_by = authority_for(spec.rate_cut_pct, waived, balance, limits)
    if granted_by is None:
        return Reason.of("waiver_above_limit", amount=waived)
    below_floor = npv < no_deal
    tier = max(granted_by, min(1, len(limits.authority) - 1)) if below_floor else granted_by
    total = Money.sum((row.total for row in payments), currency)
    plan = Plan(
        plan_id=spec.key,
        rank=0,
        spec=spec,
        measures=_measures(spec, debts, plans),
        debts=tuple(plans),
        payments=payments,
        total=total,
        interest=total - (balance - waived),
        waived=waived,
        apr_pct=monthly_apr_pct(balance - waived, [row.total for row in payments]),
        npv=npv,
        npv_no_deal=no_deal,
        redefault_probability=probability,
        reduction_pct=reduction,
        headroom=_headroom(payments, spec, capacity),
        needs_approval=tier > 0 or below_floor,
        approval_role=limits.authority[tier].role if tier > 0 or below_floor else None,
        reasons=(),
    )
    return replace(plan, reasons=_reasons(plan, capacity, granted_by, below_floor, limits))


def authority_for(cut_pct: Decimal, waived: Money, balance: Money, limits: PlanLimits) -> int | None:
    """The lowest tier that may grant this cut and waiver; None when nobody may."""
    share = Decimal(waived.minor) * 100 / Decimal(balance.minor)
    for index, tier in enumerate(limits.authority):
        if share <= tier.max_waived_pct and cut_pct <= tier.max_rate_cut_pct:
            return index
    return None


def reduction_pct(debts: Sequence[DebtTerms], payments: Sequence[Money]) -> Decimal | None:
    """How much the first six payments lie below the contractual ones, in per cent; None if not known."""
    contractual = [debt.monthly_payment for debt in debts]
    known = [payment for payment in contractual if payment is not None]
    before = sum(payment.minor for payment in known)
    if len(known) != len(contractual) or before <= 0:
        return None
    first = payments[:_FIRST_PAYMENTS]
    after = Decimal(sum(payment.minor for payment in first)) / len(first)
    return ((1 - after / before) * 100).quantize(_CENTS)


def _owed_after(plans: Sequence[DebtPlan], made: int, currency: str) -> Money:
    if made:
        return Money.sum((plan.schedule.instalments[made - 1].balance_after for plan in plans), currency)
    return Money.sum((plan.balance.total - plan.waived.total for plan in plans), currency)


def _headroom(payments: Sequence[DueTotal], spec: PlanSpec, capacity: Capacity | None) -> Money:
    zero = payments[0].total * 0
    if capacity is None:
        return zero
    if spec.lump_sum:
        return (capacity.lump_sum or zero) - payments[0].total
    return min((min(capacity.at(row.due)) - row.total for row in payments), key=lambda money: money.minor)


def _measures(
    spec: PlanSpec, debts: Sequence[DebtTerms], plans: Sequence[DebtPlan]
) -> tuple[MeasureKind, ...]:
    found = []
    if spec.lump_sum:
        found.append(MeasureKind.LUMP_SUM)
    elif spec.months > 1:
        found.append(MeasureKind.TERM_EXTENSION)
    if spec.step:
        found.append(MeasureKind.STEP_UP)
    if spec.grace:
        found.append(MeasureKind.GRACE)
    if not spec.lump_sum and any(
        plan.terms.annual_rate_pct < debt.annual_rate_pct for plan, debt in zip(plans, debts, strict=True)
    ):
        found.append(MeasureKind.RATE_CUT)
    for component, kind in WAIVER_OF.items():
        if any(plan.waived.get(component).is_positive for plan in plans):
            found.append(kind)
    return tuple(found)


def _reasons(
    plan: Plan, capacity: Capacity | None, granted_by: int, below_floor: bool, limits: PlanLimits
) -> tuple[Reason, ...]:
    """Why the plan fits and what it changes; which of the plans it is comes with the ranking."""
    found = []
    if capacity is not None and not plan.spec.lump_sum:
        peak = max(plan.payments, key=lambda row: row.total.minor)
        now, stress = capacity.at(peak.due)
        found.append(Reason.of("affordable_now", payment=peak.total, available=now))
        found.append(Reason.of("affordable_under_stress", payment=peak.total, available=stress))
    if MeasureKind.TERM_EXTENSION in plan.measures:
        found.append(Reason.of("longer_term", months=plan.spec.months))
    if plan.spec.step or plan.spec.grace:
        found.append(Reason.of("lower_start", payment=plan.first_payment))
    if MeasureKind.RATE_CUT in plan.measures:
        rate = max(debt.terms.annual_rate_pct for debt in plan.debts)
        found.append(Reason.of("rate_reduced", rate=rate.quantize(_CENTS)))
    if plan.waived.is_positive:
        found.append(Reason.of("charges_waived", amount=plan.waived))
    if below_floor:
        found.append(Reason.of("below_npv_floor", npv=plan.npv, floor=plan.npv_no_deal))
    if granted_by > 0:
        found.append(Reason.of("approval_needed", role=limits.authority[granted_by].role))
    return tuple(found)
