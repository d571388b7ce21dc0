"""What intake says when a stop event befalls the one debt of a case, and when it is over."""

from __future__ import annotations

from datetime import date
from typing import Any

from services.intake.decide import IntakeDecider
from shared.contracts import intake
from shared.contracts.envelope import Envelope
from shared.contracts.parties import CaseHalt, StopCause
from tests.unit.builders import DAY, debt, message, reference
from tests.unit.intake.bank_says import overdue, stopped
from tests.unit.spec import given

CAUSES = tuple(StopCause)


def _said(cause: StopCause) -> tuple[intake.CaseChanged, intake.StopsChanged]:
    step = given(IntakeDecider(), reference()).when(overdue()).when(stopped(cause, n=1))
    return step.last(intake.CaseChanged), step.last(intake.StopsChanged)


def halt(cause: StopCause) -> CaseHalt:
    """Give what intake makes of a stop event by the example's table."""
    found = _said(cause)[1].halt
    assert found is not None
    return found


def begins(cause: StopCause, on: date, since: date | None = None) -> list[Envelope[Any]]:
    """Give what is said when it begins, in its order; `since`: where it is told later than that."""
    changed, stops = _said(cause)
    held = debt(status=changed.debts[0].status)
    return [
        message(intake.CaseChanged(as_of=on, debts=(held,)), on),
        message(_since(stops, on if since is None else since).model_copy(update={"as_of": on}), on),
    ]


def _since(said: intake.StopsChanged, since: date) -> intake.StopsChanged:
    assert said.halt is not None
    stops = tuple(stop.model_copy(update={"since": since}) for stop in said.stops)
    return said.model_copy(update={"stops": stops, "halt": said.halt.model_copy(update={"since": since})})


def over(on: date) -> list[Envelope[Any]]:
    """Give what is said when nothing stops the case any more."""
    return [
        message(intake.CaseChanged(as_of=on, debts=(debt(as_of=DAY),)), on),
        message(intake.StopsChanged(as_of=on, stops=()), on),
    ]
