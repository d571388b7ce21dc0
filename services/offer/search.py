"""The search over plans in the words of the contracts: from debts and capacity to the table. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from services.offer.model import Assessed, OfferState, Standing
from services.offer.rules import (
    capacity_of,
    counter_of,
    debt_terms,
    owed_debts,
    strictest,
    without_approval,
)
from shared.contracts.base import Reason
from shared.contracts.debts import InstalmentTotal, Measure, Plan, PlanDebt
from shared.contracts.ids import derive_id
from shared.contracts.offer import CounterAnswer
from shared.contracts.plan_terms import balances_of, instalment_totals, schedules_of
from shared.contracts.reasons import ReasonCode
from shared.lending import plans as lending
from shared.lending.allocation import Components
from shared.policy.reference import Reference

__all__ = ["Found", "NotFound", "payments_of", "reason_of", "search", "without_payments"]


@dataclass(frozen=True, slots=True)
class Found:
    """Plans to table, best first, who must approve which, and the answer to a wish if there was one."""

    plans: tuple[Plan, ...]
    approvers: dict[str, str]
    answer: CounterAnswer | None = None


@dataclass(frozen=True, slots=True)
class NotFound:
    """No plan: why, and what happens next."""

    reason: Reason
    next_step: Reason


def reason_of(reason: lending.Reason) -> Reason:
    """Give a reason of the search as a message carries it."""
    return Reason(code=ReasonCode(reason.code), params=reason.as_dict())


def search(
    state: OfferState, assessed: Assessed, day: date, offer_id: str, reference: Reference
) -> Found | NotFound:
    """Search plans over all debts of the case; with a wish, the plan nearest to it comes first.

    Each debt keeps its own pack's limits: the plan keeps the strictest of them.
    """
    owed = owed_debts(state.debts)
    packs = dict.fromkeys((state.policy, *(debt.policy for debt in owed)))
    unknown = [pack for pack in packs if pack not in reference.policies]
    if unknown:
        return _for_a_person(ReasonCode.UNKNOWN_PRODUCT)
    in_force = [reference.policies.in_force(pack, day) for pack in packs]
    currencies = {assessed.now.currency, assessed.stress.currency, *(policy.currency for policy in in_force)}
    for debt in owed:
        currencies |= {debt.outstanding.principal.currency, debt.overdue.principal.currency}
    if len(currencies) > 1:
        return _for_a_person(ReasonCode.CURRENCY_MISMATCH)
    if any(Components.from_balances(debt.outstanding).has_negative for debt in owed):
        return _for_a_person(ReasonCode.PLAN_NO_LONGER_COMPUTES)
    limits = strictest([policy.plan_limits for policy in in_force])
    if state.lender_refused:
        limits = without_approval(limits)
    debts, capacity = [debt_terms(debt) for debt in owed], capacity_of(assessed)
    first_due = max(policy.first_due(day) for policy in in_force)
    wish, asked = state.wish, (debts, capacity, first_due, limits)
    if wish is None:
        found, near = lending.find_plans(*asked), None
    else:
        found, near = lending.find_and_answer(counter_of(wish), *asked)
    plans = [] if isinstance(found, lending.NoPlan) else list(found)
    answer = None
    if wish is not None and isinstance(near, lending.Nearest):
        answer = CounterAnswer(
            wished_monthly=wish.monthly,
            granted=near.granted,
            reasons=tuple(reason_of(reason) for reason in near.reasons),
        )
        plans = [near.plan, *(plan for plan in plans if plan.plan_id != near.plan.plan_id)]
        plans = plans[: limits.max_ranked]
    if state.lender_refused:
        plans = [plan for plan in plans if not plan.needs_approval]
    if not plans:
        return (
            _not_found(found)
            if isinstance(found, lending.NoPlan)
            else _for_a_person(ReasonCode.APPROVAL_DENIED)
        )
    packs_of = {debt.debt_id: debt.policy for debt in owed}
    tabled = [_plan(plan, rank, offer_id, packs_of) for rank, plan in enumerate(plans, start=1)]
    approvers = {
        on_wire.plan_id: plan.approval_role
        for on_wire, plan in zip(tabled, plans, strict=True)
        if plan.needs_approval and plan.approval_role is not None
    }
    return Found(tuple(tabled), approvers, answer)


def payments_of(
    state: OfferState, offer: Standing, plan: Plan, reference: Reference
) -> tuple[InstalmentTotal, ...]:
    """Give what the borrower pays under a kept plan: computed from its terms, as when it was tabled."""
    policy = reference.policies.in_force(state.policy, offer.tabled_on)
    return instalment_totals(schedules_of(plan.debts, policy.amounts.rounding))


def without_payments(plans: Sequence[Plan]) -> tuple[Plan, ...]:
    """Give plans as the document keeps them."""
    return tuple(plan.model_copy(update={"payments": ()}) for plan in plans)


def _for_a_person(code: ReasonCode) -> NotFound:
    return NotFound(Reason(code=code), Reason(code=ReasonCode.NEXT_HUMAN_REVIEW))


def _not_found(found: lending.NoPlan) -> NotFound:
    token = found.token_payment
    params = {} if token is None else {"amount": str(token), "currency": token.currency}
    step = Reason(code=ReasonCode(found.next_step.value), params=params)
    return NotFound(reason_of(found.reason), step)


def _plan(plan: lending.Plan, rank: int, offer_id: str, packs: dict[str, str]) -> Plan:
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
        reasons=tuple(reason_of(reason) for reason in plan.reasons),
    )


def _plan_debt(debt: lending.DebtPlan, spec: lending.PlanSpec, pack: str) -> PlanDebt:
    method = "lump_sum" if spec.lump_sum else "step_up" if spec.step else debt.terms.method.value
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
        waived=balances_of(debt.waived),
        balance=balances_of(debt.balance),
    )
