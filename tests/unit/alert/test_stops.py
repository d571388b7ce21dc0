"""Stop events: nothing presses the borrower, and silence means nothing meanwhile."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from services.alert.decide import AlertDecider
from shared.contracts import assessment, desk_parties, followup, followup_care
from shared.contracts.alert import AlertEscalated, AlertKind, AlertRaised, AlertResolved
from shared.contracts.parties import StopCause
from shared.contracts.reasons import ReasonCode
from tests.unit.alert.test_keeping import missed, overdue
from tests.unit.builders import DAY, case_opened, cny, message, reference
from tests.unit.spec import Given, given
from tests.unit.stopping import CAUSES, begins, over

START = DAY + timedelta(days=1)
END = date(2026, 12, 1)


def case() -> Given:
    return given(AlertDecider(), reference()).when(message(case_opened()))


def kinds(step: Given) -> list[AlertKind]:
    return [event.kind for event in step.said if isinstance(event, AlertRaised)]


@pytest.mark.parametrize("cause", CAUSES)
def test_silence_is_no_alert_while_the_case_is_stopped_and_counts_anew_afterwards(cause: StopCause) -> None:
    asked = case().when(message(assessment.StatementRequested(missing=("income",), due=START, reasons=())))
    silent = asked.decider.due(asked.state)
    assert silent is not None
    assert kinds(asked.closes(silent)) == [AlertKind.BORROWER_SILENT]
    stopped = asked.when(*begins(cause, START))
    assert stopped.closes(END).said == ()
    back = stopped.when(*over(END))
    assert back.decider.due(back.state) == END + (silent - DAY)


@pytest.mark.parametrize("cause", CAUSES)
def test_what_presses_the_borrower_is_taken_back_and_not_raised_again(cause: StopCause) -> None:
    raised = case().when(message(missed(shielded=False)))
    assert kinds(raised) == [AlertKind.INSTALMENT_MISSED]
    stopped = raised.when(*begins(cause, START))
    assert stopped.emits(AlertResolved)
    assert stopped.last(AlertResolved).reason.code is ReasonCode.DEBT_STOPPED
    promise = followup.PromiseBroken(
        promise_id="p", paid=cny("0.00"), promised=cny("10.00"), due=DAY, kept_in_all=0, broken_in_all=1
    )
    again = stopped.when(message(missed(shielded=False), START), message(promise, START))
    assert again.said == ()
    assert kinds(again.when(*over(END)).when(message(promise, END))) == [AlertKind.PROMISE_BROKEN]


@pytest.mark.parametrize("cause", CAUSES)
def test_what_asks_our_own_people_goes_on(cause: StopCause) -> None:
    stopped = case().when(*begins(cause, START))
    assert kinds(stopped.when(message(overdue(), START))) == [AlertKind.REVIEW_OVERDUE]
    late = followup_care.ProblemOverdue(problem_id="x", as_of=START, owner=None, to_role="supervisor")
    assert kinds(stopped.when(message(late, START))) == [AlertKind.PROBLEM_OVERDUE]


def escalated(now: Given, first: date, last: date) -> list[date]:
    days = []
    for n in range((last - first).days + 1):
        now = now.closes(first + timedelta(days=n))
        days += [first + timedelta(days=n) for event in now.said if isinstance(event, AlertEscalated)]
    return days


def test_an_escalation_that_rests_because_of_a_stop_comes_on_a_business_day() -> None:
    """A word of a stop on a Friday put it off to the Saturday; one on the Monday puts it off again."""
    raised = case().when(message(overdue(), START))
    friday = raised.state.alerts[0].remedy_due
    assert friday.isoweekday() == 5
    last = friday + timedelta(days=9)
    assert escalated(raised, START, last) == [friday]
    told = desk_parties.StopReported(
        stop_id="S-1", cause=StopCause.INSOLVENCY, since=friday + timedelta(days=300)
    )
    stopped = raised.when(message(told, friday))
    monday = friday + timedelta(days=3)
    assert escalated(stopped, friday, last) == [monday]
    again = stopped.closes(friday + timedelta(days=1)).when(message(told, monday))
    assert escalated(again, monday, last) == [monday + timedelta(days=1)]
