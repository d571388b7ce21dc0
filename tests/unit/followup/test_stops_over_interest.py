"""Who solves what interest the instalments hold of a stop that was over when it was told."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from shared.contracts.followup_care import ProblemOpened, ProblemOverdue, ProblemResolved
from shared.contracts.intake import CaseClosed, CloseReason, StopsChanged
from shared.contracts.parties import CaseHalt
from tests.unit.builders import DAY, message
from tests.unit.followup.plans import FIRST, SECOND, lives_to
from tests.unit.followup.test_stops_clocks import bearing

TOLD = FIRST + timedelta(days=9)


@pytest.mark.parametrize(
    ("rate", "stops", "first", "last", "asked"),
    [
        (12, ("contact", "interest"), DAY + timedelta(days=2), FIRST + timedelta(days=3), True),
        (12, ("contact",), DAY + timedelta(days=2), FIRST + timedelta(days=3), False),
        (0, ("contact", "interest"), DAY + timedelta(days=2), FIRST + timedelta(days=3), False),
        (12, ("contact", "interest"), DAY - timedelta(days=40), DAY - timedelta(days=9), False),
    ],
)
def test_somebody_takes_it_out_once(rate: int, stops: tuple[str, ...], first: date, last: date, *,
                                    asked: bool) -> None:  # fmt: skip
    """Told while it ran, a person was asked at its end; told afterwards, nobody was."""
    past = CaseHalt.model_validate({"stops": stops, "since": first, "until": last})
    lived = lives_to(bearing(rate), TOLD - timedelta(days=1))
    told = lived.when(message(StopsChanged(as_of=TOLD, stops=(), past=past), TOLD))
    opened = [event for event in told.said if isinstance(event, ProblemOpened)]
    assert [event.about for event in opened] == (["interest_of_a_stop_in_instalments"] if asked else [])
    again = lives_to(told, SECOND).when(message(StopsChanged(as_of=SECOND, stops=(), past=past), SECOND))
    assert not any(isinstance(event, ProblemOpened) for event in again.said)


@pytest.mark.parametrize(
    ("reason", "stays"),
    [(CloseReason.PLAN_COMPLETED, True), (CloseReason.SETTLED, True), (CloseReason.CURED, False)],
)
def test_who_has_paid_it_to_the_end_is_still_owed_an_answer(reason: CloseReason, *, stays: bool) -> None:
    """With the last instalment it was called solved, and the borrower had paid the interest."""
    halt = CaseHalt(stops=("contact", "interest"), since=DAY + timedelta(days=2), until=FIRST)
    lived = lives_to(bearing(12), TOLD - timedelta(days=1))
    told = lived.when(message(StopsChanged(as_of=TOLD, stops=(), past=halt), TOLD))
    opened = told.last(ProblemOpened)
    closed = told.when(message(CaseClosed(as_of=TOLD, reason=reason), TOLD))
    solved = [event.problem_id for event in closed.said if isinstance(event, ProblemResolved)]
    assert (opened.problem_id not in solved) is stays
    if stays:
        assert closed.closes(opened.due).last(ProblemOverdue).problem_id == opened.problem_id
