"""Trainings that follow a reviewed conversation: reminded of, overdue, held (R71c). Pure.

Intake names them and says until when; who held one says so at the desk. It is owed to the person who talked,
and to the borrowers to come, so it outlives the case. Who leaves the house is trained no more.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from services.alert import dated
from services.alert.model import AlertState, AwaitedTraining
from services.alert.raising import Step, caught_up
from services.alert.steps import conduct_on
from shared.contracts.alert import InputRefused
from shared.contracts.base import Reason
from shared.contracts.decision import Decision
from shared.contracts.departures import has_left
from shared.contracts.desk_team import TrainingHeld
from shared.contracts.envelope import Envelope
from shared.contracts.intake_team import ConversationReviewed
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import Reference

__all__ = ["act", "held", "judged_on", "note"]

_STEP = "training"  # its row in the pack's timetable
# Far above what a case has; of more the oldest is forgotten.
_KEPT = 20


def note(state: AlertState, message: Envelope[Any], reference: Reference) -> AlertState:
    """Take note of the trainings that follow a review."""
    data = message.data
    if not isinstance(data, ConversationReviewed) or data.train_by is None:
        return state
    remind_on = dated.reminder(state, data.train_by, message.day, reference)
    news = tuple(
        AwaitedTraining(
            contact_id=data.contact_id,
            training=training,
            negotiator=data.negotiator,
            due=data.train_by,
            remind_on=remind_on,
        )
        for training in data.training
    )
    return state.model_copy(update={"trainings": (*state.trainings, *news)[-_KEPT:]})


def held(
    state: AlertState | None, message: Envelope[TrainingHeld], reference: Reference
) -> Decision[AlertState]:
    """One of them was held; what was late is caught up. The review may be on its way by another topic."""
    data = message.data
    item = next((one for one in state.trainings if _is_of(one, data)), None) if state is not None else None
    if state is None or item is None:
        return Decision.wait(state, _refusal(message, ReasonCode.TRAINING_UNKNOWN, training=data.training))
    if data.by == item.negotiator or has_left(reference, data.by, message.day):
        return Decision.of(state, _refusal(message, ReasonCode.NOT_ALLOWED_TO, by=data.by))
    state, said = caught_up(_without(state, (item,)), _STEP, (item,), message.day)
    return Decision.of(state, *said)


def judged_on(state: AlertState) -> date | None:
    """The next day whose close has something to say of a training.

    Of one that is overdue it is looked each evening whether the person has left: nobody can hold it then.
    """
    days = [one.next_date for one in state.trainings]
    asked = state.trainees_asked_on
    if asked is not None and asked < date.max and any(one.overdue for one in state.trainings):
        days.append(asked + timedelta(days=1))
    return min((day for day in days if day is not None), default=None)


def act(state: AlertState, due: date, day: date, reference: Reference) -> Step:
    """Remind of the trainings whose day is `due`; say which were not held by the end of their last day."""
    gone = tuple(one for one in state.trainings if has_left(reference, one.negotiator, day))
    state, ended = caught_up(_without(state, gone), _STEP, gone, day)
    row = conduct_on(state, due, reference).step(_STEP)
    state, said = dated.act(
        state.model_copy(update={"trainees_asked_on": day}),
        state.trainings,
        lambda trainings: {"trainings": trainings},
        step=_STEP,
        row_of=lambda _: row,
        due=due,
        day=day,
        reference=reference,
        owner_of=lambda one: one.negotiator,
    )
    return state, (*ended, *said)


def _is_of(item: AwaitedTraining, data: TrainingHeld) -> bool:
    return (item.contact_id, item.training) == (data.contact_id, data.training)


def _without(state: AlertState, gone: tuple[AwaitedTraining, ...]) -> AlertState:
    left = tuple(one for one in state.trainings if one not in gone)
    return state.model_copy(update={"trainings": left})


def _refusal(message: Envelope[Any], code: ReasonCode, **params: str) -> InputRefused:
    return InputRefused(cause_id=message.id, cause_type=message.type, reason=Reason(code=code, params=params))
