"""The search over plans in the words of the contracts: from debts and capacity to the table. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from services.offer.history import problems_of
from services.offer.model import Assessed, OfferState, Standing
from services.offer.rules import (
    capacity_of,
    counter_of,
    debt_terms,
    owed_debts,
    strictest,
    with_reference_rate,
    without_approval,
)
from services.offer.shown import (
    asks_a_favour,
    in_order,
    plan_on_wire,
    reason_of,
    strategy_of,
    with_nearest,
)
from shared.contracts.base import Reason
from shared.contracts.debts import InstalmentTotal, Plan
from shared.contracts.offer import CounterAnswer
from shared.contracts.plan_terms import instalment_totals, schedules_of
from shared.contracts.reasons import ReasonCode
from shared.lending import plans as lending
from shared.lending.allocation import Components
from shared.policy.rates import StaleRate
from shared.policy.reference import Reference

__all__ = [
    "Found",
    "NotFound",
    "Question",
    "payments_of",
    "question",
    "reason_of",
    "search",
    "without_payments",
]


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
    payments: tuple[InstalmentTotal, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """What the search over plans is asked about a case; `first` is the plan that its strategy puts first."""

    debts: tuple[lending.DebtTerms, ...]
    capacity: lending.Capacity
    first_due: date
    limits: lending.PlanLimits
    packs: dict[str, str]
    first: str


def search(
    state: OfferState, assessed: Assessed, day: date, offer_id: str, reference: Reference
) -> Found | NotFound:
    """Search plans over all debts of the case; with a wish, the plan nearest to it comes first.

    The plan keeps the strictest limits of all packs; a ceiling on cost is that of each debt's own pack.
    """
    asked = question(state, assessed, day, reference)
    if isinstance(asked, NotFound):
        return asked
    wish, terms = state.wish, (asked.debts, asked.capacity, asked.first_due, asked.limits)
    if wish is None:
        found, near = lending.find_plans(*terms), None
    else:
        found, near = lending.find_and_answer(counter_of(wish), *terms)
    plans = [] if isinstance(found, lending.NoPlan) else in_order(found, asked.first)
    answer = None
    if wish is not None and isinstance(near, lending.Nearest):
        answer = CounterAnswer(
            wished_monthly=wish.monthly,
            wished_first_due=wish.first_due,
            wished_months=wish.months,
            wished_lump_sum=wish.lump_sum,
            granted=near.granted,
            reasons=tuple(reason_of(reason) for reason in near.reasons),
        )
        plans = with_nearest(near.plan, plans, asked.limits.max_ranked)
    if state.refused_twice:
        plans = [plan for plan in plans if not plan.needs_approval]
    elif state.lender_refused:
        # What only needs a person's look at its cost may still be asked for.
        plans = [plan for plan in plans if not asks_a_favour(plan)]
    if not plans:
        return (
            _not_found(found)
            if isinstance(found, lending.NoPlan)
            else _for_a_person(ReasonCode.APPROVAL_DENIED)
        )
    problems = problems_of(owed_debts(state.debts))
    tabled = [
        plan_on_wire(plan, rank, offer_id, asked.packs, problems) for rank, plan in enumerate(plans, start=1)
    ]
    approvers = {
        on_wire.plan_id: plan.approval_role
        for on_wire, plan in zip(tabled, plans, strict=True)
        if plan.needs_approval and plan.approval_role is not None
    }
    return Found(tuple(tabled), approvers, answer)


def question(state: OfferState, assessed: Assessed, day: date, reference: Reference) -> Question | NotFound:
    """Put the case as the search over plans sees it; or say what a person must look at first."""
    owed = owed_debts(state.debts)
    packs = dict.fromkeys((state.policy, *(debt.policy for debt in owed)))
    unknown = [pack for pack in packs if pack not in reference.policies]
    if unknown:
        return _for_a_person(ReasonCode.UNKNOWN_PRODUCT)
    ruling = {pack: reference.policies.for_case(pack, day, agreed_on=state.round_on) for pack in packs}
    in_force = list(ruling.values())
    currencies = {assessed.now.currency, assessed.stress.currency, *(policy.currency for policy in in_force)}
    for debt in owed:
        currencies |= {debt.outstanding.principal.currency, debt.overdue.principal.currency}
    if len(currencies) > 1:
        return _for_a_person(ReasonCode.CURRENCY_MISMATCH)
    if any(Components.from_balances(debt.outstanding).has_negative for debt in owed):
        return _for_a_person(ReasonCode.PLAN_NO_LONGER_COMPUTES)
    own = in_force[0]
    limits = with_reference_rate(strictest([policy.plan_limits for policy in in_force]), own, day, reference)
    if isinstance(limits, StaleRate):
        params = {"name": limits.name} | ({"until": limits.until.isoformat()} if limits.until else {})
        stale = Reason(code=ReasonCode.RATES_STALE, params=params)
        return NotFound(stale, Reason(code=ReasonCode.NEXT_HUMAN_REVIEW))
    if state.lender_refused:
        limits = without_approval(limits)
    return Question(
        debts=tuple(debt_terms(debt, ruling[debt.policy].plan_limits) for debt in owed),
        capacity=capacity_of(assessed),
        first_due=max(policy.first_due(day) for policy in in_force),
        limits=limits,
        packs={debt.debt_id: debt.policy for debt in owed},
        first=strategy_of(state.case, own.talks.strategies).first,
    )


def payments_of(
    state: OfferState, offer: Standing, plan: Plan, reference: Reference
) -> tuple[InstalmentTotal, ...]:
    """Give what the borrower pays under a kept plan: computed from its terms, as when it was tabled."""
    policy = reference.policies.for_case(state.policy, offer.tabled_on, agreed_on=offer.pinned_on)
    return instalment_totals(schedules_of(plan.debts, policy.amounts.rounding))


def without_payments(plans: Sequence[Plan]) -> tuple[Plan, ...]:
    """Give plans as the document keeps them."""
    return tuple(plan.model_copy(update={"payments": ()}) for plan in plans)


def _for_a_person(code: ReasonCode) -> NotFound:
    return NotFound(Reason(code=code), Reason(code=ReasonCode.NEXT_HUMAN_REVIEW))


def _not_found(found: lending.NoPlan) -> NotFound:
    token = found.token_payment
    params = {} if token is None else {"amount": str(token), "currency": token.currency}
    if found.months is not None:
        params["months"] = str(found.months)
    step = Reason(code=ReasonCode(found.next_step.value), params=params)
    payments = tuple(
        InstalmentTotal(number=row.number, due=row.due, total=row.total) for row in found.payments
    )
    return NotFound(reason_of(found.reason), step, payments)
