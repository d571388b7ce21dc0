"""Contacts as intake hears them: the first is a step; some conversations are drawn for review (R71c). Pure.

The draw is a hash of the person and the record: nobody can choose it, and asking again gives the same. A
review has a last day like a step of the timetable: reminded of, and said to be overdue once it has passed.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from hashlib import sha256

from services.intake.cases import Outcome, answer
from services.intake.model import IntakeState, Talk
from services.intake.rules import conduct_in, policy_of, refusal
from services.intake.steps import move, stage_done
from shared.contracts import desk
from shared.contracts.base import Event, Reason
from shared.contracts.decision import Decision, Emission
from shared.contracts.desk_team import ConversationScored
from shared.contracts.envelope import Envelope
from shared.contracts.ids import case_id
from shared.contracts.intake_team import (
    ConversationReviewed,
    ConversationSampled,
    StepCaughtUp,
    StepOverdue,
    StepReminded,
)
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import Reference

__all__ = ["act_on_reviews", "contacted", "is_drawn", "scored", "stated", "still_overdue"]

_REVIEW = "conversation_review"  # its row in the pack's timetable

# Conversations that wait for a review, of one customer; of more the oldest is forgotten.
_WAITING_KEPT = 20


def is_drawn(negotiator: str, contact_id: str, share_pct: int) -> bool:
    """Whether a conversation is reviewed: of each person's conversations, so many in a hundred."""
    drawn = int.from_bytes(sha256(f"{negotiator}\x1f{contact_id}".encode()).digest()[:8], "big")
    return drawn % 10_000 < share_pct * 100


def contacted(
    state: IntakeState | None, message: Envelope[desk.ContactRecorded], reference: Reference
) -> Outcome:
    """A contact is on file: an attempt is the first contact; a conversation may be drawn for review."""
    if state is None or not state.is_open or message.subject != state.case:
        return Decision(state)
    after, said = stage_done(state, frozenset({"first_contact"}), message.day)
    events: tuple[Event, ...] = said
    if message.data.outcome is not desk.ContactOutcome.TALKED:
        return answer(after, *events)
    after, said = stage_done(after, frozenset({"no_plan"}), message.day)
    events += said
    who = next((name for name in message.data.participants if reference.roster.get(name)), state.owner)
    share = policy_of(state, message.day, reference).team.sampled_pct
    if who is not None and is_drawn(who, message.id, share):
        talk = _drawn(after, message.id, who, message.day, reference)
        after = after.model_copy(update={"talks": (*after.talks, talk)[-_WAITING_KEPT:]})
        events += (ConversationSampled(contact_id=message.id, negotiator=who, due=talk.due),)
    return answer(after, *events)


def _drawn(state: IntakeState, contact_id: str, who: str, on: date, reference: Reference) -> Talk:
    """Draw a conversation, with the last day of its review and the day of the reminder."""
    conduct = conduct_in(state, on, reference)
    row = conduct.step(_REVIEW)
    if row is None:
        return Talk(contact_id=contact_id, negotiator=who)
    due, policy = conduct.deadline(on, row.business_days), policy_of(state, on, reference)
    before = policy.team.remind_business_days
    reminder = policy.calendar.add_business_days(due, -before) if before else None
    if reminder is not None and reminder <= on:
        reminder = None
    return Talk(contact_id=contact_id, negotiator=who, due=due, remind_on=reminder)


def act_on_reviews(
    state: IntakeState, on: date, reference: Reference
) -> tuple[IntakeState, tuple[Event, ...]]:
    """Remind of the reviews that are due soon; say which were not done by the end of their last day."""
    row = conduct_in(state, on, reference).step(_REVIEW)
    kept: list[Talk] = []
    said: list[Event] = []
    for talk in state.talks:
        if talk.next_date != on or talk.due is None:
            kept.append(talk)
            continue
        late = on >= talk.due
        kept.append(talk.model_copy(update={"remind_on": None, "overdue": late}))
        if row is None:
            continue
        who = {"step": _REVIEW, "action": row.action, "owner_role": row.owner_role, "owner": state.owner}
        if late:
            said.append(StepOverdue(**who, due=talk.due, escalate_to=row.escalate_to))
        else:
            said.append(StepReminded(**who, due=talk.due))
    return state.model_copy(update={"talks": tuple(kept)}), tuple(dict.fromkeys(said))


def still_overdue(state: IntakeState, said: tuple[Emission, ...]) -> tuple[Emission, ...]:
    """Count the reviews that are late with the steps that still are, where a step has been caught up."""
    late = sum(talk.overdue for talk in state.talks)
    if not late:
        return said
    return tuple(
        replace(one, data=one.data.model_copy(update={"still_overdue": one.data.still_overdue + late}))
        if isinstance(one.data, StepCaughtUp) and one.data.step != _REVIEW
        else one
        for one in said
    )


def stated(
    state: IntakeState | None, message: Envelope[desk.StatementSubmitted], reference: Reference
) -> Outcome:
    """The borrower's statement is in: they were reached, and the assessment is next."""
    if state is None or not state.is_open or message.subject != state.case:
        return Decision(state)
    after, said = stage_done(state, frozenset({"first_contact"}), message.day)
    if after.stage in {"statement", "no_plan"}:
        after, more = move(after, "assessment", message, reference)
        said += more
    return answer(after, *said)


def scored(state: IntakeState | None, message: Envelope[ConversationScored], reference: Reference) -> Outcome:
    """A person of more authority has scored a sampled conversation; low scores name the training."""
    data = message.data
    about = state.case if state is not None else case_id(message.key, 1)
    talks = state.talks if state is not None else ()
    talk = next((talk for talk in talks if talk.contact_id == data.contact_id), None)
    if state is None or talk is None:
        unknown = refusal(message, ReasonCode.CONVERSATION_UNKNOWN, contact=data.contact_id)
        return Decision.wait(state, unknown, subject=about)
    reviewer, heard = reference.roster.get(data.reviewer), reference.roster.get(talk.negotiator)
    below = heard.authority if heard is not None else 1
    own = data.reviewer == talk.negotiator
    if own or reviewer is None or not reviewer.supervisor or reviewer.authority < below:
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
        reasons=reasons,
    )
    left = tuple(other for other in state.talks if other is not talk)
    after = state.model_copy(update={"talks": left})
    if not talk.overdue or talk.due is None:
        return answer(after, said)
    still = sum(step.overdue for step in state.steps) + sum(other.overdue for other in left)
    done = StepCaughtUp(step=_REVIEW, due=talk.due, as_of=message.day, still_overdue=still)
    return answer(after, said, done)
