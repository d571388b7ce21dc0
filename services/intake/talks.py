"""Contacts as intake hears them: some conversations are drawn for review (R71c). Pure.

The draw is a hash of the person and the record: nobody can choose it, and asking again gives the same. The
last day of a review is said with the draw, that of a training with the scores; alert watches both.
"""

from __future__ import annotations

from datetime import date
from hashlib import sha256

from services.intake import reach
from services.intake.cases import Outcome, answer
from services.intake.model import IntakeState, Talk
from services.intake.rules import conduct_in, policy_of, refusal
from shared.contracts import desk
from shared.contracts.base import Reason
from shared.contracts.decision import Decision
from shared.contracts.desk_team import ConversationScored
from shared.contracts.envelope import Envelope
from shared.contracts.ids import case_id
from shared.contracts.intake_team import ConversationReviewed, ConversationSampled
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import Reference

__all__ = ["contacted", "is_drawn", "scored"]

# Their rows in the pack's timetable.
_REVIEW = "conversation_review"
_TRAINING = "training"

# Conversations that wait for a review, of one customer; of more the oldest is forgotten.
_WAITING_KEPT = 20


def is_drawn(negotiator: str, contact_id: str, share_pct: int) -> bool:
    """Whether a conversation is reviewed: of each person's conversations, so many in a hundred."""
    drawn = int.from_bytes(sha256(f"{negotiator}\x1f{contact_id}".encode()).digest()[:8], "big")
    return drawn % 10_000 < share_pct * 100


def contacted(
    state: IntakeState | None, message: Envelope[desk.ContactRecorded], reference: Reference
) -> Outcome:
    """A contact is on file, for the limits of cases to come; a conversation may be drawn for review."""
    if state is None:
        # The customer is on the way by the bank's topic; what limits count must not depend on which is read.
        return Decision.wait(None)
    kept = reach.contacted(state, message)
    if kept.state is None or not state.is_open or message.subject != state.case:
        return kept
    state = kept.state
    if message.data.outcome is not desk.ContactOutcome.TALKED:
        return answer(state)
    staff = [name for name in dict.fromkeys(message.data.participants) if reference.roster.get(name)]
    who, also = (staff[0], tuple(staff[1:])) if staff else (state.owner, ())
    share = policy_of(state, message.day, reference).team.sampled_pct
    if who is None or not is_drawn(who, message.id, share):
        return answer(state)
    if not reference.roster.reviewers(who, also, message.day):
        return answer(state)  # nobody else is in the house
    talk = Talk(contact_id=message.id, negotiator=who, also=also)
    after = state.model_copy(update={"talks": (*state.talks, talk)[-_WAITING_KEPT:]})
    due = _last_day(state, _REVIEW, message.day, reference)
    return answer(after, ConversationSampled(contact_id=message.id, negotiator=who, due=due, also=also))


def _last_day(state: IntakeState, step: str, on: date, reference: Reference) -> date | None:
    """Give the last day of a review or a training; None where the pack sets none. Alert watches it."""
    conduct = conduct_in(state, on, reference)
    row = conduct.step(step)
    return None if row is None else conduct.deadline(on, row.business_days)


def scored(state: IntakeState | None, message: Envelope[ConversationScored], reference: Reference) -> Outcome:
    """Who may review it has scored a sampled conversation; low scores name the training."""
    data = message.data
    about = state.case if state is not None else case_id(message.key, 1)
    talks = state.talks if state is not None else ()
    talk = next((talk for talk in talks if talk.contact_id == data.contact_id), None)
    if state is None or talk is None:
        unknown = refusal(message, ReasonCode.CONVERSATION_UNKNOWN, contact=data.contact_id)
        return Decision.wait(state, unknown, subject=about)
    if not reference.roster.may_review(data.reviewer, talk.negotiator, talk.also, message.day):
        return answer(state, refusal(message, ReasonCode.NOT_ALLOWED_TO, by=data.reviewer))
    rows = [
        row
        for row in policy_of(state, message.day, reference).team.trainings
        if getattr(data, row.respect) < row.below
    ]
    reasons = tuple(
        Reason(
            code=ReasonCode.TRAINING_FOLLOWS,
            params={
                "training": row.training,
                "respect": row.respect,
                "score": str(getattr(data, row.respect)),
            },
        )
        for row in rows
    )
    said = ConversationReviewed(
        contact_id=talk.contact_id,
        negotiator=talk.negotiator,
        reviewer=data.reviewer,
        listening=data.listening,
        empathy=data.empathy,
        conduct=data.conduct,
        training=tuple(dict.fromkeys(row.training for row in rows)),
        train_by=_last_day(state, _TRAINING, message.day, reference) if rows else None,
        reasons=reasons,
    )
    left = tuple(other for other in state.talks if other is not talk)
    return answer(state.model_copy(update={"talks": left}), said)
