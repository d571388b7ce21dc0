"""Willingness: what the borrower did, apart from what they can pay (R26). Pure."""

from __future__ import annotations

from datetime import date
from typing import Any

from services.assessment.model import AssessmentState, AssessmentStatus, Behaviour, Morning
from shared.contracts import desk, followup, intake
from shared.contracts.base import Reason
from shared.contracts.decision import Decision
from shared.contracts.envelope import Envelope
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import Reference

__all__ = ["as_of_morning", "noted", "talked_or_not", "willingness", "with_morning", "with_payment"]

Outcome = Decision[AssessmentState]


def willingness(state: AssessmentState) -> tuple[int, tuple[Reason, ...]]:
    """Score what the borrower did, from 0 to 100: the share of good signs, 50 where there is none.

    One of each is counted beforehand, so that a single missed call weighs little. The score never makes an
    offer worse: what is offered follows from capacity alone (R26: two separate scores).
    """
    did = state.behaviour
    good = state.answered + state.in_time + did.promises_kept + did.payments + did.instalments_on_time
    bad = state.unanswered + state.late + did.promises_broken + did.instalments_missed
    reasons = []
    if state.answered:
        params = {"answered": str(state.answered)}
        reasons.append(Reason(code=ReasonCode.CONTACTS_ANSWERED, params=params))
    if state.unanswered:
        params = {"unanswered": str(state.unanswered)}
        reasons.append(Reason(code=ReasonCode.CONTACTS_UNANSWERED, params=params))
    if state.in_time:
        reasons.append(Reason(code=ReasonCode.STATEMENT_IN_TIME))
    if state.late:
        reasons.append(Reason(code=ReasonCode.STATEMENT_LATE))
    counted = (
        (ReasonCode.PROMISES_KEPT, did.promises_kept),
        (ReasonCode.PROMISES_NOT_KEPT, did.promises_broken),
        (ReasonCode.PAYMENTS_MADE, did.payments),
        (ReasonCode.INSTALMENTS_ON_TIME, did.instalments_on_time),
        (ReasonCode.INSTALMENTS_MISSED, did.instalments_missed),
    )
    for code, count in counted:
        if count:
            reasons.append(Reason(code=code, params={"count": str(count)}))
    if not reasons:
        reasons.append(Reason(code=ReasonCode.NO_BEHAVIOUR_YET))
    return (100 * (1 + good)) // (2 + good + bad), tuple(reasons)


def talked_or_not(state: AssessmentState, message: Envelope[desk.ContactRecorded]) -> AssessmentState:
    """Count a contact: answered, or tried and not answered; a refusal to talk is anybody's right."""
    outcome = message.data.outcome
    if outcome is desk.ContactOutcome.TALKED:
        return state.model_copy(update={"answered": state.answered + 1})
    tried = message.data.direction is desk.ContactDirection.OUTBOUND
    if tried and outcome in {desk.ContactOutcome.NO_ANSWER, desk.ContactOutcome.MESSAGE_LEFT}:
        return state.model_copy(update={"unanswered": state.unanswered + 1})
    return state


def with_morning(state: AssessmentState, day: date) -> AssessmentState:
    """Keep what was known when `day` began, before the first of its facts that come by other topics."""
    if state.morning is not None and day <= state.morning.on:
        return state
    morning = Morning(on=day, owed=state.owed, behaviour=state.behaviour)
    return state.model_copy(update={"morning": morning})


def as_of_morning(state: AssessmentState, on: date) -> AssessmentState:
    """Give what an assessment of the day `on` goes by: it says the same whichever of the day is read first.

    A statement comes by the desk's topic, a balance or a payment by intake's, an instalment by followup's.
    """
    morning = state.morning
    if morning is None or morning.on < on:
        return state
    return state.model_copy(update={"owed": morning.owed, "behaviour": morning.behaviour})


def with_payment(state: AssessmentState, data: Any) -> AssessmentState:
    """Count a payment of any size, and take back one that was returned."""
    if isinstance(data, intake.PaymentMatched):
        return _counted(state, payments=1)
    if isinstance(data, intake.PaymentTakenBack):
        return _counted(state, payments=-1)
    return state


def noted(state: AssessmentState | None, message: Envelope[Any], _reference: Reference) -> Outcome:
    """Promises and instalments, as followup concludes them; they wait for nobody and move no figure."""
    if state is None or state.status is AssessmentStatus.CLOSED:
        return Decision(state)
    data = message.data
    state = with_morning(state, message.day)
    match data:
        case followup.PromiseKept():
            return Decision(_counted(state, promises_kept=1))
        case followup.PromiseBroken():
            return Decision(_counted(state, promises_broken=1))
        case followup.InstalmentPaid(on_time=True) if data.total.is_positive:
            return Decision(_counted(state, instalments_on_time=1))
        case followup.InstalmentMissed():
            return Decision(_counted(state, instalments_missed=1))
        case followup.InstalmentCorrected(was="missed", now="paid"):
            # It was there in time after all, or asks for nothing any more: nothing had been missed.
            kept = int(data.total.is_positive)
            return Decision(_counted(state, instalments_missed=-1, instalments_on_time=kept))
    return Decision(state)


def _counted(state: AssessmentState, **steps: int) -> AssessmentState:
    known: Behaviour = state.behaviour
    counts = {name: max(0, getattr(known, name) + step) for name, step in steps.items()}
    return state.model_copy(update={"behaviour": known.model_copy(update=counts)})
