"""Conversations drawn for review: reminded of, overdue, done (R71c). Pure.

Intake draws them and says until when; scores come from the desk. Whether a review is late is judged here
when the day is closed, because this service waits for both.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from services.alert import dated
from services.alert.model import AlertState, AwaitedReview
from services.alert.raising import Step, caught_up
from services.alert.steps import conduct_on
from shared.contracts.base import Event
from shared.contracts.departures import has_left
from shared.contracts.desk_team import ConversationScored
from shared.contracts.envelope import Envelope
from shared.contracts.intake_team import ConversationSampled
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
        also=data.also,
        due=data.due,
        remind_on=dated.reminder(state, data.due, message.day, reference),
    )
    by = [reviewer for contact_id, reviewer in state.scored if contact_id == data.contact_id]
    left = tuple(one for one in state.scored if one[0] != data.contact_id)
    state = state.model_copy(update={"scored": left})
    roster, day = reference.roster, message.day
    if any(roster.may_review(reviewer, data.negotiator, data.also, day) for reviewer in by):
        return state, ()  # the desk was quicker than the news that it was drawn
    return state.model_copy(update={"reviews": (*state.reviews, review)[-_KEPT:]}), ()


def _scored(state: AlertState, message: Envelope[ConversationScored], reference: Reference) -> Step:
    data = message.data
    if has_left(reference, data.reviewer, message.day):
        return state, ()  # intake refuses it: the review is still to be held
    review = next((one for one in state.reviews if one.contact_id == data.contact_id), None)
    if review is None:
        scored = (*state.scored, (data.contact_id, data.reviewer))[-_KEPT:]
        return state.model_copy(update={"scored": scored}), ()
    if not reference.roster.may_review(data.reviewer, review.negotiator, review.also, message.day):
        return state, ()  # refused, too
    left = tuple(one for one in state.reviews if one is not review)
    state = state.model_copy(update={"reviews": left})
    return caught_up(state, _REVIEW, (review,), message.day)


def judged_on(state: AlertState) -> date | None:
    """The next day whose close has something to say of a review."""
    return dated.judged_on(state.reviews)


def act(state: AlertState, due: date, day: date, reference: Reference) -> Step:
    """Remind of the reviews whose day is `due`; say which were not held by the end of their last day."""
    row = conduct_on(state, due, reference).step(_REVIEW)
    return dated.act(
        state,
        state.reviews,
        lambda reviews: {"reviews": reviews},
        step=_REVIEW,
        row_of=lambda _: row,
        due=due,
        day=day,
        reference=reference,
    )


OF_REVIEWS: dict[type[Event], Callable[[AlertState, Envelope[Any], Reference], Step]] = {
    ConversationSampled: _sampled,
    ConversationScored: _scored,
}
"""What this module takes note of."""
