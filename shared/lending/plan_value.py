"""What a plan costs and is worth: totals, re-default, the lender's value against no deal, who may grant it,
and why it fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from shared.lending.money import Money
from shared.lending.plan_figures import (
    ceiling_of,
    concession_of,
    modification_of,
    needs_a_look,
    stress_margin_of,
)
from shared.lending.plan_model import (
    WAIVER_OF,
    Capacity,
    CeilingTest,
    DebtPlan,
    DebtTerms,
    DueTotal,
    MeasureKind,
    Plan,
    PlanLimits,
    PlanSpec,
    Reason,
)
from shared.lending.rates import RedefaultPath, monthly_apr_pct, npv_of_no_deal, npv_of_offer

_CENTS: Final = Decimal("0.01")
# Re-default is measured by how the first six payments compare with the contractual ones (OCC's measure).
_FIRST_PAYMENTS: Final = 6


def valued(
    spec: PlanSpec,
    debts: Sequence[DebtTerms],
    plans: Sequence[DebtPlan],
    payments: tuple[DueTotal, ...],
    *,
    contract_rates: Sequence[Decimal],
    capacity: Capacity | None,
    limits: PlanLimits,
) -> Plan | Reason:
    """The plan with its figures; ``contract_rates`` are the debts' nominal rates without the cut."""
    currency, value = limits.currency, limits.value
    paid = [row.total for row in payments]
    balance = Money.sum((debt.outstanding.total for debt in debts), currency)
    waived = Money.sum((plan.waived.total for plan in plans), currency)
    # A settlement is paid or lapses: there is no later instalment to break, and nothing to compare.
    reduction = None if spec.lump_sum else reduction_pct(debts, paid)
    margin = stress_margin_of(payments, spec, capacity)
    probability = Decimal(0) if spec.lump_sum else value.probability(reduction, margin)
    made = min(value.payments_before_redefault, len(payments) - 1)
    still_owed = _owed_after(plans, made, currency)
    npv = npv_of_offer(
        [(_month_of(row, payments) + spec.holiday, row.total) for row in payments],
        still_owed,
        RedefaultPath(probability, made, value.redefault_recovery_pct, value.redefault_recovery_month),
        value.discount_pct,
        limits.rounding,
    )
    no_deal = npv_of_no_deal(balance, value.no_deal, value.discount_pct, limits.rounding)
    granted_by = authority_for(spec.rate_cut_pct, waived, balance, limits)
    if granted_by is None:
        return Reason.of("waiver_above_limit", amount=waived)
    # A holiday is help in need, not a bargain: it is not held against the lender's floor.
    below_floor = npv < no_deal and not spec.holiday
    ceiling = ceiling_of(debts, plans, limits)
    untested = needs_a_look(debts, plans, limits)
    looked_at = below_floor or untested or bool(spec.skips)
    tier = max(granted_by, min(1, len(limits.authority) - 1)) if looked_at else granted_by
    modification = modification_of(debts, plans, spec)
    total = Money.sum(paid, currency)
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
        apr_pct=plans[0].apr_pct
        if len(plans) == 1
        else monthly_apr_pct(balance - waived, _by_month(payments)),
        npv=npv,
        npv_no_deal=no_deal,
        redefault_probability=probability,
        reduction_pct=reduction,
        headroom=_headroom(payments, spec, capacity),
        concession=concession_of(debts, plans, contract_rates, spec, limits),
        stress_margin_pct=margin,
        redefault_model=value.model,
        modification_pct=modification,
        substantial=modification is not None and abs(modification) >= value.substantial_pct,
        ceiling=ceiling,
        needs_approval=tier > 0 or looked_at,
        approval_role=limits.authority[tier].role if tier > 0 or looked_at else None,
        reasons=(),
    )
    return replace(
        plan, reasons=_reasons(plan, capacity, contractual(debts), granted_by, below_floor, limits)
    )


def _month_of(row: DueTotal, payments: Sequence[DueTotal]) -> int:
    """In which month of the plan an instalment falls due; the first is month 1."""
    first = payments[0].due
    return (row.due.year - first.year) * 12 + row.due.month - first.month + 1


def _by_month(payments: Sequence[DueTotal]) -> list[Money]:
    """What falls due in each month of the plan, nothing in those that are left out."""
    due = {_month_of(row, payments): row.total for row in payments}
    return [due.get(month, payments[0].total * 0) for month in range(1, max(due) + 1)]


def authority_for(cut_pct: Decimal, waived: Money, balance: Money, limits: PlanLimits) -> int | None:
    """The lowest tier that may grant this cut and waiver; None when nobody may."""
    share = Decimal(waived.minor) * 100 / Decimal(balance.minor)
    for index, tier in enumerate(limits.authority):
        if share <= tier.max_waived_pct and cut_pct <= tier.max_rate_cut_pct:
            return index
    return None


def reduction_pct(debts: Sequence[DebtTerms], payments: Sequence[Money]) -> Decimal | None:
    """How much the first six payments lie below the contractual ones, in per cent; None if not known."""
    before = contractual(debts)
    if before is None:
        return None
    first = payments[:_FIRST_PAYMENTS]
    after = Decimal(sum(payment.minor for payment in first)) / len(first)
    return ((1 - after / before.minor) * 100).quantize(_CENTS)


def contractual(debts: Sequence[DebtTerms]) -> Money | None:
    """What the contracts ask for a month in all; None where one of them is not known, or for nothing."""
    known = [debt.monthly_payment for debt in debts if debt.monthly_payment is not None]
    if not known or len(known) != len(debts):
        return None
    before = Money.sum(known, known[0].currency)
    return before if before.is_positive else None


def _owed_after(plans: Sequence[DebtPlan], made: int, currency: str) -> Money:
    if made:
        # A debt that ended before is owed nothing of.
        after = (plan.schedule.parts.balance_after[made - 1 :][:1] for plan in plans)
        return Money(sum(left for rest in after for left in rest), currency)
    return Money.sum((plan.balance.total - plan.waived.total for plan in plans), currency)


def _headroom(payments: Sequence[DueTotal], spec: PlanSpec, capacity: Capacity | None) -> Money:
    zero = payments[0].total * 0
    if capacity is None:
        return zero
    if spec.lump_sum:
        return (capacity.lump_sum or zero) - payments[0].total
    if not capacity.later:
        return min(capacity.at(payments[0].due)) - max((row.total for row in payments), key=_minor)
    return min((min(capacity.at(row.due)) - row.total for row in payments), key=_minor)


def _minor(amount: Money) -> int:
    return amount.minor


def _measures(
    spec: PlanSpec, debts: Sequence[DebtTerms], plans: Sequence[DebtPlan]
) -> tuple[MeasureKind, ...]:
    found = []
    if spec.lump_sum:
        found.append(MeasureKind.LUMP_SUM)
    elif spec.months > 1:
        found.append(MeasureKind.TERM_EXTENSION)
    if any(plan.terms.step_pct for plan in plans):
        found.append(MeasureKind.STEP_UP)
    if any(plan.terms.grace_periods for plan in plans):
        found.append(MeasureKind.GRACE)
    if spec.holiday:
        found.append(MeasureKind.PAYMENT_HOLIDAY)
    if spec.skips:
        found.append(MeasureKind.SEASONAL_PAUSE)
    if not spec.lump_sum and any(
        plan.terms.annual_rate_pct < debt.annual_rate_pct for plan, debt in zip(plans, debts, strict=True)
    ):
        found.append(MeasureKind.RATE_CUT)
    for component, kind in WAIVER_OF.items():
        if any(plan.waived.get(component).is_positive for plan in plans):
            found.append(kind)
    return tuple(found)


def _reasons(
    plan: Plan,
    capacity: Capacity | None,
    before: Money | None,
    granted_by: int,
    below_floor: bool,
    limits: PlanLimits,
) -> tuple[Reason, ...]:
    """Why the plan fits and what it changes; which of the plans it is comes with the ranking.

    ``before`` is what the contracts ask for a month, None where that is not known of all of them.
    """
    found = []
    if plan.total.is_zero:
        found.append(Reason.of("nothing_to_pay", waived=plan.waived))
    elif capacity is not None and not plan.spec.lump_sum:
        found += _why_affordable(plan, capacity)
    if MeasureKind.TERM_EXTENSION in plan.measures:
        # Only payments that all lie below those of the contract are called lighter.
        lighter = before is not None and all(row.total < before for row in plan.payments)
        found.append(Reason.of("longer_term" if lighter else "repaid_over", months=plan.spec.months))
    if plan.spec.holiday:
        found.append(Reason.of("starts_after_holiday", months=plan.spec.holiday))
    if plan.spec.skips:
        found.append(Reason.of("seasonal_pause", months=", ".join(map(str, plan.spec.skips))))
    grace = {debt.terms.grace_periods for debt in plan.debts}
    if plan.spec.lump_sum:
        grace = {0}
    if len(grace) == 1 and (months := max(grace)):
        then = plan.payments[months].total
        found.append(Reason.of("interest_only_first", months=months, payment=plan.first_payment, then=then))
    elif {MeasureKind.STEP_UP, MeasureKind.GRACE} & {*plan.measures}:
        found.append(Reason.of("lower_start", payment=plan.first_payment))
    if MeasureKind.RATE_CUT in plan.measures:
        rate = max(debt.terms.annual_rate_pct for debt in plan.debts)
        found.append(Reason.of("rate_reduced", rate=rate.quantize(_CENTS)))
    forgiven = Money.sum((debt.waived.principal for debt in plan.debts), limits.currency)
    if plan.waived > forgiven:
        found.append(Reason.of("charges_waived", amount=plan.waived - forgiven))
    if forgiven.is_positive:
        found.append(Reason.of("part_forgiven", amount=forgiven))
    if below_floor:
        found.append(Reason.of("below_npv_floor", npv=plan.npv, floor=plan.npv_no_deal))
    if granted_by > 0:
        found.append(Reason.of("approval_needed", role=limits.authority[granted_by].role))
    if plan.ceiling is CeilingTest.NOT_TESTABLE:
        found.append(Reason.of("ceiling_not_testable"))
    found.append(Reason.of(_on_the_record(plan)))
    return tuple(found)


def _why_affordable(plan: Plan, capacity: Capacity) -> list[Reason]:
    """The largest payment against today's means, and the one that leaves least where they will be others."""
    found = []
    today = [row for row in plan.payments if capacity.at(row.due)[0] == capacity.now]
    if today:
        found.append(
            Reason.of("affordable_now", payment=max(today, key=_total).total, available=capacity.now)
        )
    if changed := [row for row in plan.payments if row not in today]:
        least = min(changed, key=lambda row: capacity.at(row.due)[0].minor - row.total.minor)
        then = capacity.at(least.due)[0]
        found.append(Reason.of("affordable_later", payment=least.total, available=then, on=least.due))
    tight = min(plan.payments, key=lambda row: capacity.at(row.due)[1].minor - row.total.minor)
    stress = capacity.at(tight.due)[1]
    return [*found, Reason.of("affordable_under_stress", payment=tight.total, available=stress)]


def _total(row: DueTotal) -> int:
    return row.total.minor


def _on_the_record(plan: Plan) -> str:
    """What the plan does to the borrower's credit record."""
    if plan.spec.lump_sum or plan.total.is_zero:
        return "record_settled_for_less" if plan.waived.is_positive else "record_settled"
    if any(debt.waived.principal.is_positive for debt in plan.debts):
        return "record_settled_for_less"
    return "record_renegotiated"
