"""What one debt gets of a plan's combination of measures: never more than its own policy allows.

A combination is one for all debts of the plan. Where they are under several policies, each debt takes of it
what its own allows: the deepest of its policy's rate cuts and the longest of its graces within those of the
combination, waivers up to its own caps, steps only if they are its own, and its own longest term. A debt that
names no policy of its own takes the combination as it is: then the limits of the plan are its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from shared.lending.allocation import Component, Components
from shared.lending.money import Money, Rounding
from shared.lending.plan_model import WAIVER_OF, DebtTerms, MeasureKind, PlanLimits, PlanSpec, StepUp
from shared.lending.rates import nominal_pct

__all__ = [
    "Shape",
    "allows",
    "base_rate",
    "grace_of",
    "may_step",
    "may_wait",
    "rate_of",
    "shape_of",
    "waived_of",
]

_CENTS: Final = Decimal("0.01")
_NOTHING: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Shape:
    """How a debt is repaid: ``periods`` after ``grace`` months of interest alone, in steps or level."""

    periods: int
    grace: int
    step: StepUp | None


def allows(limits: PlanLimits, measure: MeasureKind, debt: DebtTerms) -> bool:
    """Whether the debt is late enough for the measure, by its own policy."""
    return debt.days_past_due >= debt.limits(limits).min_days_past_due.get(measure, 0)


def shape_of(debt: DebtTerms, spec: PlanSpec, limits: PlanLimits) -> Shape:
    """The shape of a debt's schedule: with a shorter grace it pays from its end on, and ends with the others.

    One whose own longest term is shorter ends before them; in a term too short for the steps it stays level.
    """
    grace = grace_of(debt, spec.grace, limits, holiday=spec.holiday)
    own = debt.longest(limits) - spec.holiday - grace
    periods = max(min(spec.instalments - grace, own), 1)
    step = spec.step
    if step is not None and debt.own is not None:
        step = step if may_step(debt, step, limits) and periods > step.every_months else None
    return Shape(periods, grace, step)


def grace_of(debt: DebtTerms, grace: int, limits: PlanLimits, *, holiday: int = 0) -> int:
    """The longest grace that its own policy has, within the one of the plan and its own longest term."""
    if debt.own is None:
        return grace
    room = min(grace, debt.longest(limits) - holiday - 1)
    return max((n for n in debt.own.grace_months if n <= room and may_wait(debt, n, limits)), default=0)


def may_wait(debt: DebtTerms, grace: int, limits: PlanLimits) -> bool:
    """Whether its own policy has this grace, and it is late enough for it."""
    return grace in debt.limits(limits).grace_months and allows(limits, MeasureKind.GRACE, debt)


def may_step(debt: DebtTerms, step: StepUp, limits: PlanLimits) -> bool:
    """Whether its own policy has these steps, and it is late enough for them."""
    return step in debt.limits(limits).step_ups and allows(limits, MeasureKind.STEP_UP, debt)


def waived_of(debt: DebtTerms, spec: PlanSpec, limits: PlanLimits) -> Components:
    """What ``spec`` waives of a debt: a share of what is overdue, never more than is owed or than its cap.

    Of principal, and in a lump-sum settlement, the share is of what is outstanding.
    """
    waived: dict[Component, Money] = {}
    for component, asked in spec.waived_pct:
        measure = MeasureKind.LUMP_SUM if spec.lump_sum else WAIVER_OF[component]
        if allows(limits, measure, debt):
            pct = asked if debt.own is None else min(asked, _cap(debt.own, component, lump_sum=spec.lump_sum))
            of_all = spec.lump_sum or component is Component.PRINCIPAL
            base = (debt.outstanding if of_all else debt.overdue).get(component)
            waived[component] = min(base.times(pct / 100, Rounding.DOWN), debt.outstanding.get(component))
    return Components.from_mapping(debt.currency, waived)


def _cap(own: PlanLimits, component: Component, *, lump_sum: bool) -> Decimal:
    """The most that a policy lets be waived of a component, in per cent."""
    if lump_sum:
        return _NOTHING if own.lump_sum is None else own.lump_sum.max_waived_pct.get(component, _NOTHING)
    if component is Component.PRINCIPAL:
        return own.max_forgiven_pct
    return own.max_waived_pct.get(component, _NOTHING)


def base_rate(debt: DebtTerms, limits: PlanLimits) -> Decimal:
    """The contract's nominal rate, or less where the ceiling on all-in cost demands it."""
    ceiling = debt.ceiling(limits)
    return debt.annual_rate_pct if ceiling is None else min(debt.annual_rate_pct, nominal_pct(ceiling))


def rate_of(debt: DebtTerms, cut_pct: Decimal, limits: PlanLimits) -> Decimal:
    """The nominal rate under a plan: cut by ``cut_pct`` per cent, not below its policy's floor."""
    base, own = base_rate(debt, limits), debt.limits(limits)
    if debt.own is not None:
        cut_pct = max((pct for pct in own.rate_cuts_pct if pct <= cut_pct), default=_NOTHING)
    if not cut_pct or not allows(limits, MeasureKind.RATE_CUT, debt):
        return base
    cut = (base * (100 - cut_pct) / 100).quantize(_CENTS, rounding="ROUND_DOWN")
    return max(cut, min(base, own.rate_floor_pct))
