"""The search over plans in the words of the contracts: from debts and capacity to the table. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from services.offer.basis import bound_before, not_covered
from services.offer.history import problems_of
from services.offer.model import Assessed, OfferState, Refusals, Standing, Wish
from services.offer.nearest import nearest_of_what_is_left
from services.offer.questions import Asked, NotFound, Question, questions
from services.offer.refusals import first_due_after, in_search, is_refused
from services.offer.rules import counter_of, owed_debts
from services.offer.shown import asks_a_favour, distinct, in_order, plan_on_wire, reason_of, with_nearest
from services.offer.together import approver_of, combined, on_wire
from shared.contracts.base import Reason
from shared.contracts.debts import DebtApart, InstalmentTotal, Measure, Plan
from shared.contracts.offer import CounterAnswer
from shared.contracts.plan_terms import instalment_totals, schedules_of
from shared.contracts.reasons import ReasonCode
from shared.lending import plans as lending
from shared.lending.calendar import add_months
from shared.policy.reference import Reference

__all__ = ["Found", "NotFound", "payments_of", "reason_of", "search", "without_payments"]


@dataclass(frozen=True, slots=True)
class Found:
    """Plans to table, best first, who must approve which, the answer to a wish, and the debts left apart.

    `until`: the last day on which the plans are possible, if nothing is paid.
    """

    plans: tuple[Plan, ...]
    approvers: dict[str, str]
    answer: CounterAnswer | None = None
    apart: tuple[DebtApart, ...] = ()
    until: date = date.max


def search(
    state: OfferState, assessed: Assessed, day: date, offer_id: str, reference: Reference
) -> Found | NotFound:
    """Search plans over all debts of the case; with a wish, the plan nearest to it comes first.

    What a plan may do for a debt is as the debt's own pack says (`services.offer.limits`). The debts in each
    currency have plans of their own. Where some have none, the others have the offer.
    """
    without: tuple[str, ...] = ()
    failed: NotFound | None = None
    while True:
        asked = questions(state, assessed, day, reference, without)
        if isinstance(asked, NotFound):
            return failed or asked
        wishes = _wishes(state, asked)
        found = _search_each(state, asked, wishes)
        if any(isinstance(one, NotFound) and one.reason.code is _NOTHING for one in found):
            return _NOTHING_ELSE  # a no is about the whole offer: no debt is left out of a plan for it
        plans = [one for one in found if isinstance(one, _Plans)]
        if len(plans) == len(found):
            return _table(state, asked, plans, offer_id)
        for one, result in zip(asked.questions, found, strict=True):
            if isinstance(result, NotFound):
                failed = failed or result
                without += (one.currency,)
        if failed is not None and not plans:
            return failed


@dataclass(frozen=True, slots=True)
class _Plans:
    """What was found in one currency: plans, best first, and the answer to its share of a wish."""

    plans: list[lending.Plan]
    near: lending.Nearest | None


def _wishes(state: OfferState, asked: Asked) -> dict[str, Wish]:
    if state.wish is None:
        return {}
    if asked.sharing is None:
        return {one.currency: state.wish for one in asked.questions}
    return asked.sharing.wish(state.wish)


def _search_each(state: OfferState, asked: Asked, wishes: dict[str, Wish]) -> list[_Plans | NotFound]:
    """Search in each currency. What was refused as too high or too dear has to be less in one at least.

    Where there are several, plans that are like refused ones may be needed beside others in another currency.
    """
    currencies = [one.currency for one in asked.questions]

    def searched(one: Question, *, lower: bool) -> _Plans | NotFound:
        refused = in_search(state.refusals, currencies, one.currency, lower=lower)
        wish = wishes.get(one.currency)
        found = _search_one(state, one, wish, refused)
        if isinstance(found, NotFound) and refused.plans and len(currencies) > 1:
            return _search_one(state, one, wish, replace(refused, plans=()))
        return found

    found = [searched(one, lower=True) for one in asked.questions]
    if len(currencies) == 1 or not (state.refusals.below or state.refusals.cheaper_than):
        return found
    if not any(isinstance(one, _Plans) for one in found):
        return found
    return [
        result if isinstance(result, _Plans) else searched(one, lower=False)
        for one, result in zip(asked.questions, found, strict=True)
    ]


def _search_one(
    state: OfferState, asked: Question, wish: Wish | None, refused: lending.Refused
) -> _Plans | NotFound:
    """Search in one currency; what the borrower has `refused` is left out."""
    terms = (asked.debts, asked.capacity, asked.first_due, asked.limits, asked.authority)
    near: lending.Nearest | lending.NoPlan | None = None
    if state.refusals != Refusals():
        first_due = first_due_after(asked.first_due, state.refusals, asked.limits.first_due_max_days)
        if first_due is None:
            return _NOTHING_ELSE
        later = (asked.debts, asked.capacity, first_due, asked.limits, asked.authority)
        found = lending.find_plans(*later, refused=refused)
        if wish is not None and wish.first_due is None and state.refusals.later_than is not None:
            wish = wish.model_copy(update={"first_due": first_due})
        near = lending.nearest(counter_of(wish), *terms) if wish is not None else None
    elif wish is None:
        found = lending.find_plans(*terms)
    else:
        found, near = lending.find_and_answer(counter_of(wish), *terms)
    plans = [] if isinstance(found, lending.NoPlan) else in_order(found, asked.first)
    answer = near if isinstance(near, lending.Nearest) else None
    may_be = _may_be(state)
    left = [plan for plan in plans if may_be(plan)]
    if left and wish is not None and answer is not None and not may_be(answer.plan):
        answer = nearest_of_what_is_left(counter_of(wish), answer, left, asked, may_be)
    if answer is not None:
        left = [plan for plan in with_nearest(answer.plan, left, asked.limits.max_ranked) if may_be(plan)]
    plans = left
    if plans:
        # Which is the cheapest, the fastest and so on is said of what is shown: with the plan nearest to a
        # wish, without what the lender has refused.
        return _Plans(list(lending.titled(plans)), answer)
    if isinstance(found, lending.NoPlan) and not _for_want_of_approval(found, asked):
        return _not_found(found)
    return NotFound(Reason(code=ReasonCode.APPROVAL_DENIED), Reason(code=ReasonCode.NEXT_HUMAN_REVIEW))


def _for_want_of_approval(none: lending.NoPlan, asked: Question) -> bool:
    """Whether there would be plans, had the lender not refused what goes beyond the negotiator's limit."""
    if asked.authority is None or none.reason.code == ReasonCode.NOTHING_ELSE_FITS:
        return False
    found = lending.find_plans(asked.debts, asked.capacity, asked.first_due, asked.limits)
    return not isinstance(found, lending.NoPlan)


def _may_be(state: OfferState) -> Callable[[lending.Plan], bool]:
    """Give what the lender has left: at first what only needs a person's look may still be asked for."""
    if state.refused_twice:
        return lambda plan: not plan.needs_approval
    if state.lender_refused:
        return lambda plan: not asks_a_favour(plan)
    return lambda _plan: True


_NOTHING = ReasonCode.NOTHING_ELSE_FITS
_NOTHING_ELSE = NotFound(Reason(code=_NOTHING), Reason(code=ReasonCode.NEXT_HUMAN_REVIEW))


def _table(state: OfferState, asked: Asked, found: Sequence[_Plans], offer_id: str) -> Found | NotFound:
    problems = problems_of(owed_debts(state.debts))
    tiers = asked.questions[0].limits.authority
    together = combined([one.plans for one in found], asked.questions[0].limits.max_ranked)
    tabled = []
    for rank, plans in enumerate(together, start=1):
        if asked.sharing is not None:
            args = (asked.sharing, rank, offer_id, problems, asked.apart)
            tabled.append(on_wire(plans, asked.questions, *args))
        else:
            made = plan_on_wire(plans[0], rank, offer_id, asked.questions[0].packs, problems)
            left = {"apart": asked.apart, "reasons": (*made.reasons, *(one.reason for one in asked.apart))}
            tabled.append(made.model_copy(update=left) if asked.apart else made)
    if asked.sharing is not None:
        pct = asked.questions[0].limits.min_difference_pct
        # A wish is answered, even by what was refused before it: that comes first.
        wished = state.wish is not None
        kept = [
            at
            for at, plan in enumerate(tabled)
            if (wished and at == 0) or not is_refused(plan, state.refusals, pct)
        ]
        if not kept:
            return _NOTHING_ELSE
        together = [together[at] for at in kept]
        tabled = [tabled[at].model_copy(update={"rank": rank}) for rank, at in enumerate(kept, start=1)]
    outside = not_covered(state.debts)
    tabled = [plan.model_copy(update={"not_covered": outside}) for plan in tabled] if outside else tabled
    bound = bound_before(state.debts)
    tabled = [_with_bound(plan, bound) for plan in tabled] if bound else tabled
    tabled = [_with_re_age(plan, asked) for plan in tabled] if asked.re_aged else tabled
    tabled = [_with_record(plan, asked) for plan in tabled] if asked.on_record else tabled
    if asked.until != date.max:
        tabled = [plan.model_copy(update={"sign_until": asked.until}) for plan in tabled]
    roles = [approver_of(plans, tiers) for plans in together]
    approvers = {plan.plan_id: role for plan, role in zip(tabled, roles, strict=True) if role is not None}
    answer = _answer(state.wish, [one.near for one in found])
    return Found(tuple(tabled), approvers, answer, asked.apart, asked.until)


_ON_RECORD = {
    ReasonCode.RECORD_RENEGOTIATED,
    ReasonCode.RECORD_SETTLED,
    ReasonCode.RECORD_SETTLED_FOR_LESS,
}


def _with_record(plan: Plan, asked: Asked) -> Plan:
    """Say how long what was overdue stays on the credit record, as the pack has it."""
    reasons = tuple(
        reason.model_copy(update={"params": {**reason.params, **asked.on_record}})
        if reason.code in _ON_RECORD
        else reason
        for reason in plan.reasons
    )
    return plan.model_copy(update={"reasons": reasons})


def _with_bound(plan: Plan, bound: Mapping[str, Reason]) -> Plan:
    """Say which debts of a plan an agreement of an earlier case still binds: it is no first one."""
    said = tuple(bound[debt.debt_id] for debt in plan.debts if debt.debt_id in bound)
    return plan.model_copy(update={"reasons": (*plan.reasons, *said)})


def _with_re_age(plan: Plan, asked: Asked) -> Plan:
    """Say when debts are shown as current again; one that is settled at once never is."""
    if Measure.LUMP_SUM in plan.measures or all(amount.is_zero for amount in plan.total_paid):
        return plan
    debts = tuple(
        debt.model_copy(update={"re_aged_after": asked.re_aged.get(debt.debt_id)}) for debt in plan.debts
    )
    first_due = {debt.debt_id: debt.first_due for debt in plan.debts}
    later = (_in_time(reason, asked, first_due[reason.params["account"]]) for reason in asked.later)
    return plan.model_copy(update={"debts": debts, "reasons": (*plan.reasons, *later)})


def _in_time(reason: Reason, asked: Asked, first_due: date) -> Reason:
    """Say with the payments that come first from when on the debt may have to be charged off before them.

    It is so where they are due later than that; whether they keep it from being later still is not known.
    """
    account, last = reason.params["account"], asked.last_days[reason.params["account"]]
    if add_months(first_due, asked.re_aged[account] - 1) <= last:
        return reason
    day = (last + timedelta(days=1)).isoformat()
    return reason.model_copy(update={"params": {**reason.params, "date": day}})


def _answer(wish: Wish | None, near: Sequence[lending.Nearest | None]) -> CounterAnswer | None:
    """Answer a wish: granted where it is in every currency, with what would have to change in any."""
    known = [one for one in near if one is not None]
    if wish is None or not known:
        return None
    granted = len(known) == len(near) and all(one.granted for one in known)
    reasons = distinct([reason_of(reason) for one in known for reason in one.reasons])
    if wish.lump_sum is not None:
        reasons = (*reasons, Reason(code=ReasonCode.LUMP_SUM_YOUR_WISH))
    return CounterAnswer(
        wished_monthly=wish.monthly,
        wished_first_due=wish.first_due,
        wished_months=wish.months,
        wished_lump_sum=wish.lump_sum,
        granted=granted,
        reasons=reasons,
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


def _not_found(found: lending.NoPlan) -> NotFound:
    each = found.payment
    params = {} if each is None else {"amount": str(each), "currency": each.currency}
    if found.months is not None:
        params["months"] = str(found.months)
    if found.most is not None:
        params["most"] = str(found.most)
    step = Reason(code=ReasonCode(found.next_step.value), params=params)
    payments = tuple(
        InstalmentTotal(number=row.number, due=row.due, total=row.total) for row in found.payments
    )
    return NotFound(reason_of(found.reason), step, payments)
