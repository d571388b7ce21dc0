"""A stop that is told when it is over, and one of a part of a plan's debts: their days do not count."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from services.followup.model import FollowupStatus, PromiseState
from services.intake.decide import IntakeDecider
from shared.contracts import desk, followup, followup_care
from shared.contracts.debts import DebtStatus
from shared.contracts.desk_care import ProblemSolved
from shared.contracts.desk_parties import StopReported
from shared.contracts.envelope import Envelope
from shared.contracts.intake import CaseChanged, StopsChanged
from shared.contracts.parties import CaseHalt, StopCause, StopInForce
from tests.unit.builders import cny, message, reference
from tests.unit.conduct.test_stop_contacts import agreed, case_at_table
from tests.unit.followup.plans import FIRST, GRACE, SECOND, THIRD, by_evening, live, lives_to
from tests.unit.intake.bank_says import day, overdue, signed, stopped
from tests.unit.spec import Given, given

BREATHING = StopCause.BREATHING_SPACE
TOLD = SECOND + timedelta(days=16)


def past(since: date, until: date, on: date = TOLD, **more: Any) -> Envelope[Any]:
    halt = CaseHalt(stops=("contact", "interest"), since=since, until=until, **more)
    return message(StopsChanged(as_of=on, stops=(), past=halt), on)


def broken() -> tuple[Given, date]:
    lived = lives_to(live(), TOLD - timedelta(days=1))
    return lived, next(one.as_of for one in lived.said if isinstance(one, followup.PlanBroken))


# --- told when it is over


def test_what_was_missed_in_it_is_held_against_nobody_and_talked_about() -> None:
    lived = lives_to(live(), FIRST + timedelta(days=20))
    on = FIRST + timedelta(days=21)
    told = lived.when(past(FIRST - timedelta(days=2), GRACE + timedelta(days=3), on))
    assert told.emits(followup.RenegotiationRequested)
    assert told.state.halted_on is None
    later_on = lives_to(told, THIRD)
    assert later_on.state.status is FollowupStatus.LIVE
    assert lives_to(lived, THIRD).state.status is FollowupStatus.BROKEN, (
        "without it, two missed in a row break it"
    )


def test_nothing_missed_in_it_changes_nothing() -> None:
    lived = lives_to(live(), FIRST - timedelta(days=5))
    told = lived.when(past(FIRST - timedelta(days=20), FIRST - timedelta(days=9), FIRST - timedelta(days=4)))
    assert told.said == ()
    assert lives_to(told, THIRD).state.status is FollowupStatus.BROKEN


@pytest.mark.parametrize(
    ("first", "last", "stands"),
    [
        (FIRST, TOLD - timedelta(days=1), True),
        (FIRST, GRACE, True),
        (FIRST, FIRST, False),
        (TOLD, TOLD, False),
    ],
)
def test_a_plan_that_broke_only_by_its_days_stands_again(first: date, last: date, *, stands: bool) -> None:
    lived, _ = broken()
    told = by_evening(lived, TOLD, past(first, last))
    assert (told.state.status is FollowupStatus.LIVE) is stands
    assert any(isinstance(one, followup_care.PlanReopened) for one in told.said) is stands
    if stands:
        assert lives_to(told, TOLD + timedelta(days=9)).state.status is FollowupStatus.LIVE
    opened = [one.about for one in told.said if isinstance(one, followup_care.ProblemOpened)]
    assert opened == ["plan_broken_in_a_stop"] * (first == last == FIRST), (
        "a person looks where it is not clear"
    )


def test_a_promise_broken_in_it_has_its_days_again() -> None:
    made, due = FIRST - timedelta(days=9), FIRST - timedelta(days=5)
    promise = desk.PromiseMade(promise_id="p", amount=cny("10.00"), due=due)
    lived = lives_to(
        lives_to(live(), made - timedelta(days=1)).when(message(promise, made)), FIRST + timedelta(days=2)
    )
    assert lived.state.promises[0].state is PromiseState.BROKEN
    told = lived.when(past(made, FIRST, FIRST + timedelta(days=3)))
    assert told.state.promises[0].state is PromiseState.OPEN
    assert told.state.promises[0].until > lived.state.promises[0].until
    assert told.state.promises_broken == 0


# --- what intake says of it


def told_late(n: int, since: int, last: int, *accounts: str) -> Envelope[Any]:
    said = stopped(BREATHING, n, *accounts)
    return replace(said, data=said.data.model_copy(update={"since": day(since), "expected_end": day(last)}))


def test_intake_says_which_days_were_halted_and_that_nothing_is() -> None:
    """The case was said to be stopped, and never that it is not."""
    step = given(IntakeDecider(), reference()).when(overdue(n=1)).when(told_late(60, 10, 30))
    said = step.last(StopsChanged)
    assert (said.halt, said.stops) == (None, ())
    assert said.past is not None
    assert (said.past.since, said.past.until) == (day(10), day(30))
    assert not [one for one in step.said if isinstance(one, CaseChanged)]
    assert step.state.of_case[0].status is DebtStatus.ACTIVE
    assert step.when(told_late(61, 10, 30)).said == ()


def test_it_is_nothing_where_a_debt_was_free_or_where_it_was_halted_already() -> None:
    two = given(IntakeDecider(), reference()).when(overdue(n=1), overdue("A-2", n=1))
    assert two.when(told_late(60, 10, 30, "A-1")).said == ()
    before = replace(
        told_late(60, 10, 30), data=told_late(60, 10, 30).data.model_copy(update={"stop_id": "S-2"})
    )
    dead = given(IntakeDecider(), reference()).when(overdue(n=1)).when(stopped(StopCause.DEATH, 5))
    assert dead.when(before).said == ()


def test_the_desk_may_tell_it_too() -> None:
    desk_says = StopReported(
        stop_id="S-9", cause=BREATHING, since=day(10), expected_end=day(30), told_by="n-1"
    )
    step = given(IntakeDecider(), reference()).when(overdue(n=1), signed(2)).when(message(desk_says, day(60)))
    assert step.last(StopsChanged).past is not None


def test_over_all_services_the_plan_stands_and_nobody_is_left_halted() -> None:
    there, n = agreed(case_at_table("cn-card").branch()), 4
    while not there.all(followup.PlanBroken):
        there.lives_to(day(n))
        n += 1
    there.hears(told_late(n + 2, 10, n)).lives_to(day(n + 3))
    assert there.state("followup").status is FollowupStatus.LIVE
    assert there.state("agreement").live is not None
    halted = [there.state(name).halted_on for name in ("assessment", "offer", "agreement", "followup")]
    assert halted == [None] * 4
    assert not there.state("alert").halted


# --- a part of the debts


def partial(since: date, on: date = TOLD, *debts: str, party: str | None = None) -> Envelope[Any]:
    stop = StopInForce(
        stop_id="S-1", cause=StopCause.DISPUTE, since=since, debts=debts or ("A-1",), party_id=party
    )
    return message(StopsChanged(as_of=on, stops=(stop,)), on)


def test_a_plan_broken_while_one_of_its_debts_was_stopped_is_somebody_s_once() -> None:
    lived, broke = broken()
    told = lived.when(partial(broke))
    assert [one.about for one in told.said if isinstance(one, followup_care.ProblemOpened)] == [
        "plan_broken_in_a_stop"
    ]
    solved = solves(told)
    assert solved.when(partial(broke, TOLD + timedelta(days=3))).said == (), "somebody has looked"


def solves(told: Given) -> Given:
    opened = told.last(followup_care.ProblemOpened)
    return told.when(message(ProblemSolved(problem_id=opened.problem_id, by="s-1"), TOLD + timedelta(days=1)))


@pytest.mark.parametrize("unlike", ["later", "another debt", "another person"])
def test_of_another_stop_nobody_is_told(unlike: str) -> None:
    lived, broke = broken()
    stops = {
        "later": partial(broke + timedelta(days=1)),
        "another debt": partial(broke, TOLD, "A-9"),
        "another person": partial(broke, party="party-c"),
    }
    assert lived.when(stops[unlike]).said == ()
