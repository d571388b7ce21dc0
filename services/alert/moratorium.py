"""The review in the middle of a breathing space: who looks whether it goes on, and until when. Pure.

The debt adviser reviews a moratorium between two of its days (`moratorium.review_from_day` and
`review_until_day`, counted from its start) and may end it. When the first has come the owner of the step asks
how it went; a talk with the debt adviser since then, or the end of the stop, is the answer. Not done by the
last day it is escalated; the moratorium goes on all the same, until it is lifted or its own last day.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from services.alert import dated
from services.alert.model import AlertState, StopLook
from services.alert.raising import Step, caught_up
from services.alert.steps import conduct_on
from shared.contracts import desk, intake
from shared.contracts.base import Event
from shared.contracts.envelope import Envelope
from shared.contracts.parties import StopCause
from shared.policy.reference import Reference

__all__ = ["OF_MORATORIUMS", "act", "judged_on", "note"]

_STEP = "moratorium_review"  # its row in the pack's timetable
_ADVISER = "debt_adviser"  # as `contact_rules.third_parties` names them, among a contact's participants
_KEPT = 20


def note(state: AlertState, message: Envelope[Any], reference: Reference) -> Step:
    """Take note of what stops the case, or of a talk with the debt adviser; what was late is caught up."""
    handler = OF_MORATORIUMS.get(type(message.data))
    return (state, ()) if handler is None else handler(state, message, reference)


def _stops(state: AlertState, message: Envelope[intake.StopsChanged], reference: Reference) -> Step:
    """Begin a look for each breathing space that is new; one that is over needs none."""
    spaces = {stop.stop_id: stop for stop in message.data.stops if stop.cause is StopCause.BREATHING_SPACE}
    over = tuple(one for one in state.looks if one.stop_id not in spaces)
    state, said = _done(state, over, message.day)
    rules = conduct_on(state, message.day, reference).moratorium
    for stop_id, stop in sorted(spaces.items()):
        if not rules.review_until_day or any(one.stop_id == stop_id for one in state.looks):
            continue
        look = _look(state, stop_id, stop.since, reference)
        if look is None or look.due < message.day:  # its time was over before it was heard of
            continue
        if state.adviser_on is None or state.adviser_on < look.begins:
            state = state.model_copy(update={"looks": (*state.looks, look)[-_KEPT:]})
    return state, said


def _look(state: AlertState, stop_id: str, since: date, reference: Reference) -> StopLook | None:
    try:
        conduct = conduct_on(state, since, reference)
        begins = since + timedelta(days=conduct.moratorium.review_from_day)
        due = since + timedelta(days=conduct.moratorium.review_until_day)
        row = conduct.step(_STEP)
        if row is not None:
            due = min(due, conduct.deadline(begins, row.business_days))
    except (OverflowError, ValueError):  # past the last date there is
        return None
    return StopLook(stop_id=stop_id, begins=begins, due=due, remind_on=begins if begins < due else None)


def _talked(state: AlertState, message: Envelope[desk.ContactRecorded], _: Reference) -> Step:
    data = message.data
    if data.outcome is not desk.ContactOutcome.TALKED or _ADVISER not in data.participants:
        return state, ()
    state = state.model_copy(update={"adviser_on": max(state.adviser_on or message.day, message.day)})
    return _done(state, tuple(one for one in state.looks if one.begins <= message.day), message.day)


def _done(state: AlertState, looks: tuple[StopLook, ...], on: date) -> Step:
    if not looks:
        return state, ()
    left = tuple(one for one in state.looks if one not in looks)
    return caught_up(state.model_copy(update={"looks": left}), _STEP, looks, on)


def judged_on(state: AlertState) -> date | None:
    """The next day whose close has something to say of a look."""
    return dated.judged_on(state.looks)


def act(state: AlertState, due: date, day: date, reference: Reference) -> Step:
    """Say when the days of the review begin; say which was not done by the end of its last day."""
    row = conduct_on(state, due, reference).step(_STEP)
    return dated.act(
        state,
        state.looks,
        lambda looks: {"looks": looks},
        step=_STEP,
        row_of=lambda _: row,
        due=due,
        day=day,
        reference=reference,
    )


OF_MORATORIUMS: dict[type[Event], Callable[[AlertState, Envelope[Any], Reference], Step]] = {
    intake.StopsChanged: _stops,
    desk.ContactRecorded: _talked,
}
"""What this module takes note of."""
