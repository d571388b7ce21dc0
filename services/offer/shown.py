"""Plans as they go on the wire, and which of them are shown first. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from shared.contracts.base import Reason
from shared.contracts.debts import InstalmentTotal, Measure, Plan, PlanDebt
from shared.contracts.ids import derive_id
from shared.contracts.plan_terms import balances_of
from shared.contracts.reasons import ReasonCode
from shared.lending import plans as lending
from shared.policy.sections_agreement import StrategyRow

__all__ = [
    "asks_a_favour",
    "distinct",
    "in_order",
    "plan_on_wire",
    "reason_of",
    "strategy_of",
    "with_nearest",
]

# Why a plan needs approval because of what it gives, not because something could not be tested.
_FAVOURS = {"approval_needed", "below_npv_floor"}


def reason_of(reason: lending.Reason) -> Reason:
    """Give a reason of the search as a message carries it."""
    return Reason(code=ReasonCode(reason.code), params=reason.as_dict())


def distinct(reasons: Sequence[Reason]) -> tuple[Reason, ...]:
    """Give reasons in their order, none twice."""
    return tuple(reason for at, reason in enumerate(reasons) if reason not in reasons[:at])


def strategy_of(case: str, strategies: Sequence[StrategyRow], recorded: str | None = None) -> StrategyRow:
    """Give the arm of the experiment that a case is in: the same case always, by a hash of its id.

    The case's place among ten thousand falls into one of the shares, in the order of the pack. The arm that
    is `recorded` on the case stays for as long as the pack has it: other shares are for other cases.
    """
    for row in strategies:
        if row.name == recorded:
            return row
    place = int(sha256(f"strategy:{case}".encode()).hexdigest(), 16) % 10_000
    reached = 0
    for row in strategies:
        reached += int(row.share_pct * 100)
        if place < reached:
            return row
    return strategies[-1]


def in_order(plans: Sequence[lending.Plan], first: str) -> list[lending.Plan]:
    """Give the plans with the one first that a strategy puts first; the others keep their order."""
    found = list(plans)
    if first == "lowest_total":
        best = min(found, key=lambda plan: (plan.total.minor, plan.last_due, plan.rank))
    elif first == "lowest_instalment":
        best = min(found, key=lambda plan: (plan.peak.minor, plan.rank))
    else:
        return found
    return [best, *(plan for plan in found if plan is not best)]


def with_nearest(near: lending.Plan, plans: Sequence[lending.Plan], most: int) -> list[lending.Plan]:
    """Give the plan nearest to a wish first, then the others, none twice; where there are too many, the
    cheapest and the fastest of all stay. A wished settlement is one, not a plan of one instalment."""
    same = next((plan for plan in plans if plan.payments == near.payments), None)
    first = near if same is None or near.spec.lump_sum else same
    found = [first, *(plan for plan in plans if plan is not same)]
    cheapest = min(found, key=lambda plan: (plan.total.minor, plan.last_due))
    fastest = min(found, key=lambda plan: (plan.last_due, plan.total.minor))
    while len(found) > most:
        spare = [plan for plan in found[1:] if plan is not cheapest and plan is not fastest]
        found.remove(spare[-1] if spare else found[-1])
    return found


def asks_a_favour(plan: lending.Plan) -> bool:
    """Whether the plan needs approval for what it concedes."""
    return any(reason.code in _FAVOURS for reason in plan.reasons)


def plan_on_wire(
    plan: lending.Plan, rank: int, offer_id: str, packs: dict[str, str], problems: Sequence[Reason] = ()
) -> Plan:
    """Give a plan as a message carries it; `packs` names the pack of each debt.

    `problems` say why histories do not count, where a ceiling could therefore not be tested.
    """
    untested = problems if plan.ceiling is lending.CeilingTest.NOT_TESTABLE else ()
    return Plan(
        plan_id=derive_id("plan", offer_id, plan.plan_id),
        rank=rank,
        measures=tuple(Measure(kind.value) for kind in plan.measures),
        debts=tuple(_plan_debt(debt, plan.spec, packs[debt.debt_id]) for debt in plan.debts),
        payments=tuple(
            InstalmentTotal(number=row.number, due=row.due, total=row.total) for row in plan.payments
        ),
        total_paid=(plan.total,),
        apr_pct=plan.apr_pct if plan.apr_pct is not None and plan.apr_pct >= 0 else None,
        npv=(plan.npv,),
        npv_no_deal=(plan.npv_no_deal,),
        needs_approval=plan.needs_approval,
        reasons=(*(reason_of(reason) for reason in plan.reasons), *untested),
        holiday_months=plan.spec.holiday,
        interest=(plan.interest,),
        concession=(plan.concession,),
        redefault_pct=plan.redefault_probability * 100,
        redefault_model=plan.redefault_model,
        payment_reduction_pct=plan.reduction_pct,
        stress_margin_pct=plan.stress_margin_pct,
        modification_pct=plan.modification_pct,
        substantial_modification=plan.substantial,
        ceiling_test=plan.ceiling.value,
    )


def _plan_debt(debt: lending.DebtPlan, spec: lending.PlanSpec, pack: str) -> PlanDebt:
    method = "lump_sum" if spec.lump_sum else "step_up" if debt.terms.step_pct else debt.terms.method.value
    return PlanDebt(
        debt_id=debt.debt_id,
        policy=pack,
        method=method,
        instalments=debt.terms.periods,
        first_due=debt.terms.first_due,
        annual_rate_pct=debt.terms.annual_rate_pct,
        grace_periods=debt.terms.grace_periods,
        step_every=debt.terms.step_every,
        step_pct=debt.terms.step_pct,
        skips=debt.terms.skips,
        waived=balances_of(debt.waived),
        balance=balances_of(debt.balance),
    )
