"""Conversations drawn for review: reminded of, overdue, done (R71c). Pure.

Intake draws them and says until when; scores come from the desk. Whether a review is late is judged here
when the day is closed, because this service waits for both.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from services.alert.model import AlertState, AwaitedReview
from services.alert.raising import Step, resolve
from services.alert.steps import conduct_on, escalate_step, policy_on, remind
from shared.contracts.alert import AlertKind
from shared.contracts.alert_steps import StepCaughtUp
from shared.contracts.base import Event
from shared.contracts.desk_team import ConversationScored
from shared.contracts.envelope import Envelope
from shared.contracts.intake_team import ConversationSampled
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import Reference

__all__ = ["OF_REVIEWS", "act", "judged_on", "note"]

_REVIEW = "conversation_review"  # its row in the pack's timetable
# Far above what a case has; of more the oldest is forgotten, as intake forgets it.
_KEPT = 20


def note(state: AlertState, message: Envelope[Any], reference: Reference) -> Step:
    """Take note of a conversation that was drawn, or of scores; what was late is caught up."""
    handler = OF_REVIEWS.get(type(message.data))
    return (state, ()) if handler is None else handler(state, message, reference)


def _sampled(state: AlertState, message: Envelope[ConversationSampled], reference: Reference) -> Step:
    data = message.data
    if data.due is None:
        return state, ()
    review = AwaitedReview(
        contact_id=data.contact_id,
        negotiator=data.negotiator,
        due=data.due,
        remind_on=_reminder(state, data.due, message.day, reference),
    )
    by = [reviewer for contact_id, reviewer in state.scored if contact_id == data.contact_id]
    left = tuple(one for one in state.scored if one[0] != data.contact_id)
    state = state.model_copy(update={"scored": left})
    if any(reference.roster.may_review(reviewer, data.negotiator) for reviewer in by):
        return state, ()  # the desk was quicker than the news that it was drawn
    return state.model_copy(update={"reviews": (*state.reviews, review)[-_KEPT:]}), ()


def _reminder(state: AlertState, due: date, on: date, reference: Reference) -> date | None:
    policy = policy_on(state, on, reference)
    if policy.team.remind_business_days == 0 or due <= on:
        return None
    day = policy.calendar.add_business_days(due, -policy.team.remind_business_days)
    return day if day > on else None


def _scored(state: AlertState, message: Envelope[ConversationScored], reference: Reference) -> Step:
    data = message.data
    review = next((one for one in state.reviews if one.contact_id == data.contact_id), None)
    if review is None:
        scored = (*state.scored, (data.contact_id, data.reviewer))[-_KEPT:]
        return state.model_copy(update={"scored": scored}), ()
    if not reference.roster.may_review(data.reviewer, review.negotiator):
        return state, ()  # intake refuses it: the review is still to be held
    left = tuple(one for one in state.reviews if one is not review)
    state = state.model_copy(update={"reviews": left})
    if not review.overdue:
        return state, ()
    done = StepCaughtUp(step=_REVIEW, due=review.due, as_of=message.day, still_overdue=state.late)
    if state.late:
        return state, (done,)
    state, resolved = resolve(state, AlertKind.STEP_OVERDUE, message.day, ReasonCode.STEP_DONE)
    return state, (done, *resolved)


def judged_on(state: AlertState) -> date | None:
    """The next day whose close has something to say of a review."""
    return min((day for one in state.reviews if (day := one.next_date) is not None), default=None)


def act(state: AlertState, due: date, day: date, reference: Reference) -> Step:
    """Remind of the reviews whose day is `due`; say which were not held by the end of their last day.

    `day` is the one that is closed: later than `due` where the case was held.
    """
    row = conduct_on(state, due, reference).step(_REVIEW)
    said: tuple[Event, ...] = ()
    for review in state.reviews:
        if review.next_date != due:
            continue
        late = due >= review.due
        told = review.model_copy(update={"remind_on": None, "overdue": late})
        reviews = tuple(told if one is review else one for one in state.reviews)
        state = state.model_copy(update={"reviews": reviews})
        if row is None:
            continue
        if late:
            state, events = escalate_step(state, row, _REVIEW, review.due, day, reference)
        else:
            events = (remind(state, row, _REVIEW, review.due),)
        said += tuple(event for event in events if event not in said)  # several of one day are told once
    return state, said


OF_REVIEWS: dict[type[Event], Callable[[AlertState, Envelope[Any], Reference], Step]] = {
    ConversationSampled: _sampled,
    ConversationScored: _scored,
}
"""What this module takes note of."""
