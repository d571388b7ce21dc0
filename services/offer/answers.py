"""What the borrower and the approver answer: acceptance, counter-offer, rejection, approval. Pure.

An answer counts by its own business time, whenever it arrives. One that builds on an offer or a request not
known here waits until its day is closed.
"""

from dataclasses import replace
from datetime import date
from typing import Any

from services.offer.basis import rests_on
from services.offer.model import OfferState, OfferStatus, Refusals, Request, Standing, Wish
from services.offer.refusals import answer_to, refused_in
from services.offer.rules import (
    is_affordable,
    is_assessed,
    may_approve,
    tier_of,
    what_is_wrong_with,
)
from services.offer.search import payments_of
from services.offer.standing import answered_as_it_stood
from services.offer.talks import (
    Step,
    balances,
    fail,
    kept_for_fresh_rates,
    policy_of,
    retable,
    round_after,
    rounds_are_left,
    stale_in,
    table,
)
from shared.contracts import desk
from shared.contracts.base import Event, Reason
from shared.contracts.debts import Plan
from shared.contracts.decision import Decision
from shared.contracts.departures import may_decide
from shared.contracts.desk import RefusalReason
from shared.contracts.envelope import Envelope
from shared.contracts.ids import derive_id
from shared.contracts.offer import (
    ApprovalRequested,
    HumanReviewOpened,
    InputRefused,
    OfferAgreed,
    RefusalAnswered,
)
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import Reference

__all__ = ["accepted", "approval_granted", "approval_overdue", "approval_refused", "countered", "rejected"]

Outcome = Decision[OfferState]
# Why an offer is replaced by another of the same round without anybody's answer.
_MOVED = {ReasonCode.BALANCE_CHANGED, ReasonCode.CAPACITY_CHANGED}
_WHY_APPROVAL = {
    ReasonCode.CEILING_NOT_TESTABLE,
    ReasonCode.HISTORY_WITHOUT_ADVANCE,
    ReasonCode.HISTORY_DOES_NOT_ADD_UP,
    ReasonCode.PART_FORGIVEN,
    ReasonCode.APPROVAL_NEEDED,
    ReasonCode.BELOW_NPV_FLOOR,
    ReasonCode.CHARGES_WAIVED,
    ReasonCode.RATE_REDUCED,
    ReasonCode.SEASONAL_PAUSE,
}


def refusal(message: Envelope[Any], code: ReasonCode, **params: str) -> InputRefused:
    """Refuse a message with a reason."""
    return InputRefused(cause_id=message.id, cause_type=message.type, reason=Reason(code=code, params=params))


def accepted(
    state: OfferState | None, message: Envelope[desk.OfferAccepted], reference: Reference
) -> Outcome:
    """The borrower accepts one plan: agreed, or first a request for approval."""
    then = answered_as_it_stood(
        state, message, message.data.offer_id, lambda s: _accepted(s, message, reference)
    )
    return _accepted(state, message, reference) if then is None else then


def _accepted(
    state: OfferState | None, message: Envelope[desk.OfferAccepted], reference: Reference
) -> Outcome:
    found = _standing(state, message, message.data.offer_id)
    if isinstance(found, Decision):
        return found
    state, offer = found
    plan = next((plan for plan in offer.plans if plan.plan_id == message.data.plan_id), None)
    if plan is None:
        return Decision.of(state, refusal(message, ReasonCode.PLAN_UNKNOWN))
    if not _still_affordable(state, offer, plan, reference):
        after, said = retable(state, message.day, reference, ReasonCode.CAPACITY_CHANGED)
        refused = Decision.of(after, refusal(message, ReasonCode.NOT_AFFORDABLE), *said)
        # Figures of the day come by another topic, and may allow it: without any it is refused at the close.
        todays = state.assessed is not None and state.assessed.since >= message.day
        return refused if todays else replace(refused, waits=True)
    if not plan.needs_approval:
        return _agree(state, offer, plan, message, reference)
    policy = policy_of(state, message.day, reference)
    request = Request(
        request_id=derive_id("approval", offer.offer_id, plan.plan_id),
        plan_id=plan.plan_id,
        role=offer.approvers.get(plan.plan_id, policy.waiver.authority[-1].role),
        due=min(
            policy.deadline(message.day, policy.offers.approval_business_days), plan.sign_until or date.max
        ),
        asked_on=message.day,
    )
    asked = ApprovalRequested(
        request_id=request.request_id,
        offer_id=offer.offer_id,
        plan_id=plan.plan_id,
        role=request.role,
        due=request.due,
        reasons=tuple(reason for reason in plan.reasons if reason.code in _WHY_APPROVAL),
    )
    update = {"status": OfferStatus.APPROVAL, "request": request, "next_date": request.due}
    return Decision.of(state.model_copy(update=update), asked)


def countered(
    state: OfferState | None, message: Envelope[desk.CounterOffered], reference: Reference
) -> Outcome:
    """The borrower asks for something else: the next round, with the nearest plan that is allowed."""
    data = message.data
    found = _standing(state, message, _successor(state, data.offer_id))
    if isinstance(found, Decision):
        return found
    state, offer = found
    if data.round != offer.round:
        refused = refusal(message, ReasonCode.ROUND_MISMATCH, round=str(offer.round))
        return Decision.of(state, refused)
    assert state.assessed is not None  # noqa: S101 - narrows: no standing offer without
    wrong = what_is_wrong_with(data, state.assessed.now.currency)
    if wrong is not None:
        return Decision.of(state, refusal(message, wrong))
    if not rounds_are_left(state, message.day, reference):
        return _decided(fail(state, message.day, reference, ReasonCode.ROUNDS_EXHAUSTED))
    wish = Wish(monthly=data.monthly, first_due=data.first_due, months=data.months, lump_sum=data.lump_sum)
    asked = round_after(state).model_copy(update={"wish": wish})
    after, said = table(asked, message.day, reference, revised=True)
    stale = stale_in(said)
    if stale is not None:
        noted = state.model_copy(update={"wish": wish.model_copy(update={"noted_on": message.day})})
        kept = kept_for_fresh_rates(noted, message.day, reference)
        return _decided(_heard(kept, message, stale, reference))
    return _decided((after, said))


def rejected(
    state: OfferState | None, message: Envelope[desk.OfferRejected], reference: Reference
) -> Outcome:
    """The borrower says no: what follows is theirs to say, and never silence.

    | the no | and then |
    | --- | --- |
    | says what does not fit | the next round at once, with plans that answer it and differ from all refused |
    | in own words | the same, with plans that differ; a person reads the words by a day |
    | says nothing more, for the first time in a round | they are asked; the offer stands to its last day |
    | says what no plan can give, for the first time in a round | they hear so, and of a person; it stands |
    | a second time nothing, or nothing that can be given; no plan is wanted; no round is left | talks end |

    While rates are stale nothing can be searched: that is said, takes neither the offer nor the round, and
    what was said is answered once they are fresh.
    """
    data, day = message.data, message.day
    found = _standing(state, message, _successor(state, data.offer_id))
    if isinstance(found, Decision):
        return found
    state, offer = found
    again, bare = state.asked_in == state.round, data.reason is None and data.words is None
    if data.reason is RefusalReason.NO_PLAN_WANTED or (bare and again):
        return _decided(fail(state, day, reference, ReasonCode.OFFER_REJECTED))
    if not rounds_are_left(state, day, reference):
        why = ReasonCode.OFFER_REJECTED if bare else ReasonCode.ROUNDS_EXHAUSTED
        return _decided(fail(state, day, reference, why))
    if bare:
        return _decided(_still_stands(state, message, None, reference))
    refusals = refused_in(state, data.offer_id, data.reason)
    asked = round_after(state).model_copy(
        update={
            "refusals": refusals,
            "wish": None,
            "answered": state.over(offer.offer_id, ReasonCode.OFFER_REJECTED),
        }
    )
    reason = answer_to(refusals, met=True)
    opened: tuple[Event, ...] = ()
    if data.reason is None:
        asked, reason, opened = _person_reads(asked, day, reference)
    after, said = table(asked, day, reference, reason)
    if after.status is OfferStatus.TABLED:
        return _decided((after, (*said, *opened)))
    stale = stale_in(said)
    if stale is not None:
        waits = state.model_copy(update={"unmet": refusals, "wish": None})
        kept = kept_for_fresh_rates(waits, day, reference)
        return _decided(_heard(kept, message, stale, reference))
    if again:
        return _decided(fail(state, day, reference, ReasonCode.OFFER_REJECTED))
    return _decided(_still_stands(state, message, refusals, reference))


def _person_reads(
    state: OfferState, day: date, reference: Reference, code: ReasonCode = ReasonCode.REFUSED_IN_OWN_WORDS
) -> tuple[OfferState, Reason, tuple[Event, ...]]:
    """Have a person look by a day that is told; who looks already is enough."""
    policy = policy_of(state, day, reference)
    looks = state.human_due if state.human_due is not None and day <= state.human_due else None
    due = looks or policy.deadline(day, policy.talks.human_business_days)
    reason = Reason(code=code, params={"due": due.isoformat()})
    if looks is not None:
        return state, reason, ()
    opened = HumanReviewOpened(role=policy.talks.human_role, due=due, reason=reason)
    return state.model_copy(update={"human_due": due}), reason, (opened,)


def _still_stands(
    state: OfferState,
    message: Envelope[desk.OfferRejected],
    unmet: Refusals | None,
    reference: Reference,
) -> Step:
    """Nothing else follows at once: the borrower hears why, and what they can do; the offer stays."""
    asked = state.model_copy(update={"asked_in": state.round, "unmet": unmet})
    if unmet is not None:
        return _heard(asked, message, answer_to(unmet, met=False), reference)
    assert state.offer is not None  # noqa: S101 - narrows: the caller has found it
    until = {"until": state.offer.valid_until.isoformat()}
    step = Reason(code=ReasonCode.NEXT_SAY_WHAT_FITS, params=until)
    return asked, (_says(asked, message, Reason(code=ReasonCode.REFUSED_WITHOUT_REASON), step),)


def _heard(
    state: OfferState,
    message: Envelope[desk.OfferRejected | desk.CounterOffered],
    reason: Reason,
    reference: Reference,
) -> Step:
    """Say why nothing else follows at once, and by when a person comes; the offer stays."""
    after, step, opened = _person_reads(state, message.day, reference, ReasonCode.NEXT_HUMAN_REVIEW)
    return after, (_says(state, message, reason, step), *opened)


def _says(
    state: OfferState,
    message: Envelope[desk.OfferRejected | desk.CounterOffered],
    reason: Reason,
    step: Reason,
) -> RefusalAnswered:
    assert state.offer is not None  # noqa: S101 - narrows: the caller has found it
    return RefusalAnswered(
        offer_id=message.data.offer_id,
        round=state.round,
        as_of=message.day,
        stands_until=state.offer.valid_until,
        reason=reason,
        next_step=step,
    )


def approval_granted(
    state: OfferState | None, message: Envelope[desk.ApprovalGranted], reference: Reference
) -> Outcome:
    """A named person grants: agreed, if their role may and it is in time."""
    asked = message.data.request_id
    then = answered_as_it_stood(state, message, asked, lambda s: _granted(s, message, reference))
    return _granted(state, message, reference) if then is None else then


def _granted(
    state: OfferState | None, message: Envelope[desk.ApprovalGranted], reference: Reference
) -> Outcome:
    found = _requested(state, message, message.data.request_id)
    if isinstance(found, Decision):
        return found
    state, offer, request = found
    policy = policy_of(state, message.day, reference)
    if message.day > request.due:
        return Decision.of(state, refusal(message, ReasonCode.APPROVAL_OVERDUE))
    if not may_approve(message.data.role, request.role, policy):
        return Decision.of(state, refusal(message, ReasonCode.APPROVAL_NEEDED, role=request.role))
    by, tier = message.data.by, tier_of(message.data.role, policy)
    if not may_decide(reference, by, tier, message.day):
        return Decision.of(state, refusal(message, ReasonCode.NOT_ALLOWED_TO, by=by))
    plan = next(plan for plan in offer.plans if plan.plan_id == request.plan_id)
    return _agree(state, offer, plan, message, reference)


def approval_refused(
    state: OfferState | None, message: Envelope[desk.ApprovalRefused], reference: Reference
) -> Outcome:
    """A named person refuses: the same round again with what needs no approval, or the talks have failed."""
    found = _requested(state, message, message.data.request_id)
    if isinstance(found, Decision):
        moved = state is not None and state.why_over(message.data.request_id) in _MOVED
        if state is None or not moved or state.status is not OfferStatus.TABLED or state.offer is None:
            return found
        if message.day > state.offer.tabled_on:
            return found
        # The request became void that very day, the lender's no did not: it holds for what replaced it.
    else:
        state = found[0]
    refused = _refused(state)
    return _decided(retable(refused, message.day, reference, ReasonCode.APPROVAL_DENIED))


def approval_overdue(
    state: OfferState, message_day: Any, reference: Reference
) -> tuple[OfferState, tuple[Event, ...]]:
    """Nobody decided in time: as if refused, for the borrower must not wait for ever."""
    refused = _refused(state)
    return retable(refused, message_day, reference, ReasonCode.APPROVAL_OVERDUE)


def _refused(state: OfferState) -> OfferState:
    """The lender said no, to a favour first, and at last to whatever needs approval."""
    return state.model_copy(update={"lender_refused": True, "refused_twice": state.lender_refused})


def _decided(step: tuple[OfferState, tuple[Event, ...]]) -> Outcome:
    return Decision.of(step[0], *step[1])


def _agree(
    state: OfferState, offer: Standing, plan: Plan, message: Envelope[Any], reference: Reference
) -> Outcome:
    agreed = OfferAgreed(
        offer_id=offer.offer_id,
        round=offer.round,
        plan=plan.model_copy(update={"payments": payments_of(state, offer, plan, reference)}),
        balances=balances(state),
        agreed_on=message.day,
        policy_version=offer.policy_version,
        pinned_on=offer.pinned_on or offer.tabled_on,
        intake_sequence=state.debts_seen,
        incentives=offer.incentives,
    )
    kept = offer.model_copy(update={"plans": (plan,), "approvers": {}})
    answered = state.answered
    if state.request is not None:
        answered = state.over(state.request.request_id, ReasonCode.OFFER_ALREADY_ANSWERED)
    update = {
        "status": OfferStatus.AGREED,
        "offer": kept,
        "request": None,
        "answered": answered,
        "next_date": None,
    }
    return Decision.of(state.model_copy(update=update), agreed)


def _still_affordable(state: OfferState, offer: Standing, plan: Plan, reference: Reference) -> bool:
    if state.assessed is None:
        return False
    return is_affordable(plan, payments_of(state, offer, plan, reference), state.assessed)


def _successor(state: OfferState | None, offer_id: str) -> str:
    """A wish or a no is about the offer as a whole: it holds for the one tabled because figures moved."""
    replaced = state is not None and state.why_over(offer_id) in _MOVED
    if state is None or not replaced or state.status is not OfferStatus.TABLED or state.offer is None:
        return offer_id
    return state.offer.offer_id


def _standing(
    state: OfferState | None, message: Envelope[Any], offer_id: str
) -> tuple[OfferState, Standing] | Outcome:
    """Give the offer that the message answers, if it can still be answered on the message's day."""
    if state is None:
        return Decision.wait(None, refusal(message, ReasonCode.NO_CASE))
    if state.status is OfferStatus.CLOSED:
        return Decision.of(state, refusal(message, ReasonCode.CASE_CLOSED))
    offer = state.offer
    if offer is None or offer.offer_id != offer_id:
        over = state.why_over(offer_id)
        if over is not None:
            return Decision.of(state, refusal(message, over))
        return Decision.wait(state, refusal(message, ReasonCode.OFFER_UNKNOWN))
    if state.status in {OfferStatus.APPROVAL, OfferStatus.AGREED}:
        return Decision.of(state, refusal(message, ReasonCode.OFFER_ALREADY_ANSWERED))
    if message.day > offer.valid_until:
        until = offer.valid_until.isoformat()
        return Decision.of(state, refusal(message, ReasonCode.OFFER_EXPIRED, date=until))
    # A lapsed offer is no longer withdrawn when the figures change: an answer in time, arriving late, looks.
    if not rests_on(offer.basis, state.debts):
        return Decision.of(state, refusal(message, ReasonCode.BALANCE_CHANGED))
    if not is_assessed(state, message.day):
        return Decision.of(state, refusal(message, ReasonCode.ASSESSMENT_EXPIRED))
    return state, offer


def _requested(
    state: OfferState | None, message: Envelope[Any], request_id: str
) -> tuple[OfferState, Standing, Request] | Outcome:
    if state is None:
        return Decision.wait(None, refusal(message, ReasonCode.NO_CASE))
    if state.status is OfferStatus.CLOSED:
        return Decision.of(state, refusal(message, ReasonCode.CASE_CLOSED))
    if state.request is None or state.offer is None or state.request.request_id != request_id:
        over = state.why_over(request_id)
        if over is not None:
            return Decision.of(state, refusal(message, over))
        return Decision.wait(state, refusal(message, ReasonCode.APPROVAL_UNKNOWN))
    return state, state.offer, state.request
