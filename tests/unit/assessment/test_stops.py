"""Stop events at each moment: nobody who is protected is asked or reminded, and no day to answer passes."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from services.assessment.decide import AssessmentDecider
from shared.contracts import desk, desk_parties
from shared.contracts.assessment import (
    AssessmentCompleted,
    AssessmentExpired,
    StatementReminded,
    StatementRequested,
)
from shared.contracts.debts import DebtStatus
from shared.contracts.desk import HardshipCause
from shared.contracts.parties import StopCause
from tests.unit.assessment.desk_says import day, opened, plan_started, renegotiation, states
from tests.unit.builders import case_opened, debt, message, reference
from tests.unit.spec import Given, given
from tests.unit.stopping import CAUSES, begins, halt, over

START, END = day(1), day(201)
STOOD = timedelta(days=200)


def asked() -> Given:
    return given(AssessmentDecider(), reference()).when(opened())


def passes(step: Given, first: date, last: date) -> list[tuple[date, type]]:
    said = []
    while first <= last:
        step = step.closes(first)
        said += [(first, type(event)) for event in step.said]
        first += timedelta(days=1)
    return said


@pytest.mark.parametrize("cause", CAUSES)
def test_who_is_protected_is_not_reminded_and_has_the_days_left_afterwards(
    cause: StopCause,
) -> None:
    undisturbed = passes(asked(), START, day(60))
    assert (StatementReminded in [kind for _, kind in undisturbed]) is True
    stopped = asked().when(*begins(cause, START))
    assert stopped.said == ()
    assert passes(stopped, START, END) == []
    free = stopped.when(*over(END))
    resumed = passes(free, END, day(60) + STOOD)
    assert resumed[: len(undisturbed)] == [(on + STOOD, kind) for on, kind in undisturbed]


@pytest.mark.parametrize("status", [DebtStatus.HELD, DebtStatus.INSOLVENCY, DebtStatus.LITIGATION])
def test_a_case_that_opens_over_a_stopped_debt_asks_when_that_is_over(status: DebtStatus) -> None:
    start = given(AssessmentDecider(), reference()).when(message(case_opened(debt(status=status))))
    assert start.said == ()
    assert start.decider.due(start.state) is None
    assert start.when(*over(END)).emits(StatementRequested)


def test_a_case_with_one_free_debt_is_asked() -> None:
    two = case_opened(debt(status=DebtStatus.HELD), debt("A-2"))
    assert given(AssessmentDecider(), reference()).when(message(two)).emits(StatementRequested)


@pytest.mark.parametrize("cause", CAUSES)
def test_figures_do_not_expire_and_no_round_asks_anew_while_a_plan_is_stopped(cause: StopCause) -> None:
    planned = asked().when(states(3), plan_started(4))
    stopped = planned.when(*begins(cause, day(5)), renegotiation(6))
    assert stopped.said == ()
    assert passes(stopped, day(5), END) == []
    free = stopped.when(*over(END))
    assert free.emits(StatementRequested)
    assert free.closes(END).emits(AssessmentExpired)


def test_what_the_borrower_sends_meanwhile_is_taken() -> None:
    stopped = asked().when(*begins(StopCause.BREATHING_SPACE, START))
    assert stopped.when(states(3)).emits(AssessmentCompleted)


def test_what_is_asked_while_halted_stands_still_from_then_on_only() -> None:
    # The statement comes by the desk's topic, the end of the stop by intake's: on one day in either order.
    start = given(AssessmentDecider(), reference(assessment__open_reminders_business_days=[3, 7]))
    stopped = start.when(opened(), *begins(StopCause.DISPUTE, START))
    before, after = stopped.when(states(201), *over(END)), stopped.when(*over(END), states(201))
    assert before.state == after.state
    reminded = passes(before, END, END + timedelta(days=30))
    assert [kind for _, kind in reminded] == [StatementReminded] * len(reminded) != []
    earlier = passes(stopped.when(states(194), *over(END)), END, END + timedelta(days=30))
    assert len(earlier) == len(reminded), "seven days of the halt are given back, not two hundred"


def test_a_hardship_on_the_day_on_which_a_stop_ends_is_asked_about_that_day_in_either_order() -> None:
    told = message(desk_parties.StopLifted(stop_id="s-1", on=END), END)
    hardship = message(desk.HardshipReported(cause=HardshipCause.JOB_LOSS, since=END), END)
    stopped = asked().when(states(3), *begins(StopCause.DISPUTE, day(190)))
    found = [stopped.when(*facts) for facts in (
        (hardship, told, *over(END)), (*over(END), hardship, told), (told, hardship, *over(END)),
    )]  # fmt: skip
    assert [step.emits(StatementRequested) for step in found] == [True] * 3
    assert [step.state for step in found] == [found[0].state] * 3


def test_the_table_of_the_pack_says_what_is_halted() -> None:
    assert halt(StopCause.DISPUTE).stops == ("enforcement", "fees")
    assert halt(StopCause.DEATH).may_contact == ("estate", "lawyer")
    assert not halt(StopCause.DEATH).plan_stands
    assert not any(halt(cause).offers for cause in CAUSES), "a stopped debt comes into no plan"
