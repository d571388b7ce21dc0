"""What stop events mean here: while no debt may be talked about, nobody is asked, reminded or given up. Pure.

The days to answer stand still meanwhile: when the halt is over, the borrower has as many as were left.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TypeVar

from services.assessment.model import AssessmentState, AssessmentStatus, Request, Wanted
from shared.contracts.debts import PROTECTED, DebtSnapshot
from shared.contracts.intake import StopsChanged
from shared.contracts.parties import last_told

__all__ = ["after_stops", "is_halted", "last_day", "stop_told"]

Asked = TypeVar("Asked", Request, Wanted)


def is_halted(debts: tuple[DebtSnapshot, ...]) -> bool:
    """Say whether a case opens over debts that all are stopped: then not even a first question is asked."""
    return bool(debts) and all(debt.status in PROTECTED for debt in debts)


def stop_told(state: AssessmentState | None, day: date) -> AssessmentState | None:
    """The desk tells of a stop, or of its end: what it means is on its way, and nobody is reminded."""
    if state is None or state.status is AssessmentStatus.CLOSED:
        return state
    return state.model_copy(update={"stop_told_on": last_told(state.stop_told_on, day)})


def after_stops(state: AssessmentState, data: StopsChanged, day: date) -> AssessmentState:
    """Stand still while the case is halted; go on with the days that were left when it is over."""
    if state.status is AssessmentStatus.CLOSED:
        return state
    if data.halt is not None:
        return state if state.halted_on is not None else state.model_copy(update={"halted_on": day})
    if state.halted_on is None:
        return state
    update = {
        "halted_on": None,
        "request": _later(state.request, state.halted_on, day),
        "wanted": _later(state.wanted, state.halted_on, day),
    }
    return state.model_copy(update=update)


def last_day(request: Request, state: AssessmentState, day: date) -> date:
    """Give the last day to answer, as it would be if the halt ended on `day`."""
    if state.halted_on is None:
        return request.due
    return _plus(request.due, _stood(request, state.halted_on, day))


def _later(asked: Asked | None, since: date, until: date) -> Asked | None:
    if asked is None:
        return None
    days = _stood(asked, since, until)
    reminders = tuple(_plus(on, days) for on in asked.reminders)
    return asked.model_copy(update={"due": _plus(asked.due, days), "reminders": reminders})


def _stood(asked: Request | Wanted, since: date, until: date) -> int:
    """Give the days that stood still: of what was asked meanwhile, those since it was asked."""
    return max((until - max(since, asked.asked_on or since)).days, 0)


def _plus(on: date, days: int) -> date:
    try:
        return on + timedelta(days=days)
    except OverflowError:
        return date.max
