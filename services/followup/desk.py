"""What is said at the desk beside a plan: problems, support, credit, the lawyers, new credit. Pure."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from services.followup import group, leftover, problems, referral, standing, unserved
from services.followup.model import FollowupState, FollowupStatus
from shared.contracts import desk_care, followup
from shared.contracts.base import Event, Reason
from shared.contracts.decision import Decision
from shared.contracts.envelope import Envelope
from shared.contracts.followup_care import NewCreditCleared
from shared.contracts.reasons import ReasonCode
from shared.policy.model import PolicyInForce
from shared.policy.reference import Reference

__all__ = ["OF_THE_DESK", "Handler", "Outcome", "refusal"]

Outcome = Decision[FollowupState]
Handler = Callable[[FollowupState | None, Envelope[Any], Reference], Outcome]


def _once_known(answer: Callable[[FollowupState, Envelope[Any], Reference], Outcome]) -> Handler:
    """Wait where there is no case yet: it is on its way by another topic."""

    def handler(state: FollowupState | None, message: Envelope[Any], reference: Reference) -> Outcome:
        if state is None:
            return Decision.wait(state, refusal(message, ReasonCode.NO_CASE))
        return answer(state, message, reference)

    return handler


def _open_case(
    state: FollowupState, message: Envelope[Any], reference: Reference
) -> tuple[FollowupState, PolicyInForce] | Outcome:
    """Give the case with its pack; what to answer where that is not known yet, or the case is closed."""
    if state.policy is None:
        return Decision.wait(state, refusal(message, ReasonCode.NO_CASE))
    if state.status is FollowupStatus.CLOSED:
        return Decision.of(state, refusal(message, ReasonCode.CASE_CLOSED))
    return state, reference.policies.in_force(state.policy, message.day)


def _problem(
    state: FollowupState, message: Envelope[desk_care.ProblemNoted], reference: Reference
) -> Outcome:
    found = _open_case(state, message, reference)
    if isinstance(found, Decision):
        return found
    case, policy = found
    return _either(case, message, problems.noted(case, message.data, message.day, policy))


def _solved(
    state: FollowupState, message: Envelope[desk_care.ProblemSolved], reference: Reference
) -> Outcome:
    """What is solved of a notice that could not leave is that it was served."""
    after, said = unserved.solved(state, message.data, message.day, reference)
    answered = _either(after, message, problems.solved(after, message.data, message.day))
    return replace(answered, emissions=(*answered.emissions, *Decision.of(after, *said).emissions))


def _joined(state: FollowupState, message: Envelope[desk_care.SupportJoined], _: Reference) -> Outcome:
    return _either(state, message, group.enrolled(state, message.day))


def _session(state: FollowupState, message: Envelope[desk_care.SupportSessionHeld], _: Reference) -> Outcome:
    return _either(state, message, group.session_held(state, message.data, message.day))


def _satisfied(state: FollowupState, message: Envelope[desk_care.SatisfactionGiven], _: Reference) -> Outcome:
    return Decision.of(state, group.satisfied(message.data))


def _credit_chosen(
    state: FollowupState, message: Envelope[desk_care.CreditChosen], reference: Reference
) -> Outcome:
    day = message.day
    policy = None if state.policy is None else reference.policies.in_force(state.policy, day)
    decided = leftover.chosen(state, message.data, message.id, day, policy)
    if isinstance(decided, ReasonCode):
        return _either(state, message, decided)
    after, off = problems.chosen(decided[0], day)
    return Decision.of(after, *decided[1], *off)


def _new_credit(
    state: FollowupState, message: Envelope[desk_care.NewCreditAsked], reference: Reference
) -> Outcome:
    """New credit is for who has completed the plan, after a check of its own, never to pay this debt."""
    if state.policy is None:
        return Decision.wait(state, refusal(message, ReasonCode.NO_CASE))
    data, policy = message.data, reference.policies.in_force(state.policy, message.day)
    rules = policy.incentives
    if rules.new_credit_only_after_completion and state.completed_on is None:
        return Decision.of(state, refusal(message, ReasonCode.NEW_CREDIT_AFTER_COMPLETION))
    if rules.new_credit_never_to_pay_this_debt and set(data.pays) & set(state.planned):
        return Decision.of(state, refusal(message, ReasonCode.NEW_CREDIT_NOT_FOR_THIS_DEBT))
    if data.check is None:
        return Decision.of(state, refusal(message, ReasonCode.NEW_CREDIT_NEEDS_CHECK))
    cleared = NewCreditCleared(request_id=data.request_id, as_of=message.day, check=data.check)
    return Decision.of(state, cleared)


def _to_the_lawyers(
    state: FollowupState, message: Envelope[desk_care.LegalReferralAsked], reference: Reference
) -> Outcome:
    found = _open_case(state, message, reference)
    if isinstance(found, Decision):
        return found
    case, policy = found
    complains = referral.is_held_by_a_complaint(case, message.day, reference)
    return _either(case, message, referral.asked(case, message, policy, reference, complains=complains))


def _reinstated(
    state: FollowupState, message: Envelope[desk_care.PlanReinstated], reference: Reference
) -> Outcome:
    found = _open_case(state, message, reference)
    if isinstance(found, Decision):
        return found
    granted = standing.reinstated(state, message.data, message.day, reference)
    answered = _either(state, message, granted)
    # What comes by the close of the day may still be built on the end of the plan, whichever is read first.
    return answered if isinstance(granted, Reason) else replace(answered, waits=True)


def _either(
    state: FollowupState,
    message: Envelope[Any],
    decided: tuple[FollowupState, tuple[Event, ...]] | Reason | ReasonCode,
) -> Outcome:
    if isinstance(decided, ReasonCode):
        return Decision.of(state, refusal(message, decided))
    if isinstance(decided, Reason):
        return Decision.of(state, refusal(message, decided.code, **decided.params))
    after, said = decided
    return Decision.of(after, *said)


def refusal(message: Envelope[Any], code: ReasonCode, **params: str) -> followup.InputRefused:
    """Refuse a message with a reason."""
    reason = Reason(code=code, params=params)
    return followup.InputRefused(cause_id=message.id, cause_type=message.type, reason=reason)


OF_THE_DESK: dict[type[Event], Handler] = {
    desk_care.ProblemNoted: _once_known(_problem),
    desk_care.ProblemSolved: _once_known(_solved),
    desk_care.SupportJoined: _once_known(_joined),
    desk_care.SupportSessionHeld: _once_known(_session),
    desk_care.SatisfactionGiven: _once_known(_satisfied),
    desk_care.CreditChosen: _once_known(_credit_chosen),
    desk_care.LegalReferralAsked: _once_known(_to_the_lawyers),
    desk_care.NewCreditAsked: _once_known(_new_credit),
    desk_care.PlanReinstated: _once_known(_reinstated),
}
"""What the desk says beside what keeps a plan, and what is done about it."""
