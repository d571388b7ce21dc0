"""Stop events on a live plan: what is missed is recorded and not judged, and then the plan goes on."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from shared.contracts import desk, intake
from shared.contracts.debts import DebtStatus
from shared.contracts.followup import (
    InstalmentMissed,
    PlanBroken,
    PromiseBroken,
    RenegotiationRequested,
    ReviewDue,
)
from shared.contracts.followup_care import BreachCured, BreachNoticed
from shared.contracts.parties import StopCause
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import CASE, DAY, case_opened, cny, debt, message, paid, reference, signed
from tests.unit.followup.plans import FIRST, GRACE, ROWS, SECOND, THIRD, live, lives_to
from tests.unit.spec import Given, given
from tests.unit.stopping import CAUSES, begins, halt, over

START = date(2026, 3, 20)
END = date(2026, 11, 2)


def of(step: Given, *kinds: type) -> list[type]:
    return [type(event) for event in step.said if isinstance(event, kinds)]


@pytest.mark.parametrize("cause", CAUSES)
def test_misses_are_recorded_and_never_break_a_stopped_plan(cause: StopCause) -> None:
    lived = lives_to(live().when(*begins(cause, START)), END)
    missed = [event for event in lived.said if isinstance(event, InstalmentMissed)]
    assert [event.number for event in missed] == [1, 2, 3]
    assert all(event.shielded for event in missed)
    assert of(lived, PlanBroken, BreachNoticed) == []
    assert of(lives_to(live(), END), PlanBroken) == [PlanBroken], "without the stop it breaks"


@pytest.mark.parametrize("cause", CAUSES)
def test_afterwards_there_are_talks_and_what_was_missed_meanwhile_breaks_nothing(cause: StopCause) -> None:
    lived = lives_to(live().when(*begins(cause, START)), END)
    back = lived.when(*over(END))
    assert back.emits(RenegotiationRequested)
    assert back.last(RenegotiationRequested).reasons[0].code is ReasonCode.STOP_ENDED
    assert of(lives_to(back, date(2027, 12, 1)), PlanBroken) == []


@pytest.mark.parametrize("cause", CAUSES)
def test_a_short_stop_leaves_a_plan_that_stands_as_it_was(cause: StopCause) -> None:
    back = live().when(*begins(cause, START)).when(*over(START + timedelta(days=2)))
    asked = [RenegotiationRequested] if not halt(cause).plan_stands else []
    assert [type(event) for event in back.said] == asked
    lived = lives_to(back, date(2027, 12, 1))
    assert of(lived, PlanBroken) == [PlanBroken], "what is missed afterwards counts again"
    first = next(event for event in lived.said if isinstance(event, InstalmentMissed))
    assert first.shielded is bool(asked)


@pytest.mark.parametrize("cause", CAUSES)
def test_a_notice_of_breach_is_void(cause: StopCause) -> None:
    noticed = live(breach__notice_required=True)
    while not of(noticed, BreachNoticed):
        noticed = lives_to(noticed, noticed.decider.due(noticed.state))
    at = noticed.state.plan.judged_to + timedelta(days=1)
    assert noticed.state.plan.cure_by > at
    stopped = lives_to(noticed.when(*begins(cause, at)), END)
    cured = [event for event in stopped.said if isinstance(event, BreachCured)]
    assert [event.reason.code for event in cured] == [ReasonCode.DEBT_STOPPED]
    assert of(stopped, PlanBroken) == []


@pytest.mark.parametrize("cause", CAUSES)
def test_where_contact_is_stopped_no_review_is_asked_for_until_it_is_over(cause: StopCause) -> None:
    lived = lives_to(live().when(*begins(cause, START)), date(2026, 6, 20))
    silent = "contact" in halt(cause).stops
    assert of(lived, ReviewDue) == ([] if silent else [ReviewDue])
    on = date(2026, 6, 21)
    assert of(lives_to(lived.when(*over(on)), on), ReviewDue) == ([ReviewDue] if silent else [])


@pytest.mark.parametrize("cause", CAUSES)
def test_a_promise_has_as_many_days_left_as_it_had(cause: StopCause) -> None:
    start = given(live().decider, reference()).when(message(case_opened()))
    promise = desk.PromiseMade(promise_id="p", amount=cny("100.00"), due=START)
    promised = start.when(message(promise))
    until = promised.state.promises[0].until
    stopped = promised.when(*begins(cause, DAY + timedelta(days=1)))
    assert stopped.closes(until + timedelta(days=90)).said == ()
    back = stopped.when(*over(DAY + timedelta(days=101)))
    assert back.closes(until + timedelta(days=99)).said == ()
    assert back.closes(until + timedelta(days=100)).emits(PromiseBroken)


def test_a_hardship_told_meanwhile_is_talked_about_afterwards() -> None:
    report = desk.HardshipReported(cause=desk.HardshipCause.JOB_LOSS, since=START)
    stopped = live().when(*begins(StopCause.BREATHING_SPACE, START)).when(message(report, START))
    assert of(stopped, RenegotiationRequested) == []
    assert of(stopped.when(*over(START + timedelta(days=3))), RenegotiationRequested) != []


def test_what_was_missed_before_the_stop_is_judged_again_after_the_talks() -> None:
    before = lives_to(live(), GRACE)
    assert of(before, InstalmentMissed) == [InstalmentMissed]
    stopped = lives_to(before.when(*begins(StopCause.DISPUTE, GRACE + timedelta(days=1))), THIRD)
    assert of(stopped, PlanBroken) == []
    lived = lives_to(stopped.when(*over(THIRD)), date(2027, 12, 1))
    assert of(lived, PlanBroken) == [PlanBroken]


def test_money_that_comes_meanwhile_is_counted() -> None:
    stopped = live().when(*begins(StopCause.DEATH, START)).when(message(paid("300.00", FIRST), FIRST))
    lived = lives_to(stopped, SECOND)
    assert lived.state.plan.completed


def test_a_new_version_of_the_same_stop_begins_no_second_one() -> None:
    stopped = live().when(*begins(StopCause.DEATH, START)).when(*begins(StopCause.INSOLVENCY, SECOND))
    assert len(stopped.state.plan.stops) == 1
    assert stopped.state.case == CASE
    assert signed(*ROWS).agreement_id == stopped.state.plan.agreement_id


# --- sold


def sells(on: date, *debts: tuple[str, DebtStatus]) -> Any:
    held = tuple(debt(debt_id, status=status) for debt_id, status in debts)
    return message(intake.CaseChanged(as_of=on, debts=held), on)


SOLD, ACTIVE = DebtStatus.SOLD, DebtStatus.ACTIVE


def test_a_plan_that_was_sold_is_paid_to_the_buyer_and_breaks_by_nothing_that_is_missing_here() -> None:
    lived = lives_to(live().when(sells(START, ("A-1", SOLD))), END)
    missed = [event for event in lived.said if isinstance(event, InstalmentMissed)]
    assert all(event.shielded for event in missed)
    assert of(lived, PlanBroken, BreachNoticed, ReviewDue, RenegotiationRequested) == []
    assert lived.when(sells(END, ("A-1", SOLD))).state.plan.stops == lived.state.plan.stops, "once"


def test_another_stop_that_ends_does_not_begin_a_sold_plan_again() -> None:
    sold = live().when(sells(START, ("A-1", SOLD))).when(*begins(StopCause.BREATHING_SPACE, SECOND))
    sold = sold.when(sells(SECOND, ("A-1", SOLD)))
    ended = sold.when(message(intake.StopsChanged(as_of=THIRD, stops=()), THIRD))
    assert of(ended, RenegotiationRequested) == []
    assert of(lives_to(ended, END), PlanBroken, BreachNoticed, ReviewDue) == []


def test_money_for_a_sold_plan_that_still_arrives_here_is_counted() -> None:
    sold = live().when(sells(START, ("A-1", SOLD))).when(message(paid("300.00", FIRST), FIRST))
    assert lives_to(sold, SECOND).state.plan.completed


def test_a_plan_of_which_a_part_was_sold_is_judged_as_before() -> None:
    two = live().when(sells(START, ("A-1", ACTIVE), ("A-2", SOLD)))
    assert of(lives_to(two, END), PlanBroken) == [PlanBroken]


@pytest.mark.parametrize("counts", [True, False])
def test_the_plan_before_an_amendment_waits_as_long_as_it_may_be_withdrawn_from(counts: bool) -> None:
    """The days to withdraw stand still in a stop, where the pack says so; that plan is kept for them."""
    until = START + timedelta(days=10)
    again = signed(*ROWS, version=2).model_copy(update={"may_withdraw": True, "withdraw_until": until})
    amended = live(cooling_off__stands_still_when_stopped=not counts).when(message(again, DAY))
    (kept,) = amended.state.earlier
    assert kept.until == until
    stopped = amended.when(*begins(StopCause.DEATH, START))
    meanwhile = lives_to(stopped, until + timedelta(days=5))
    assert [one.plan.version for one in meanwhile.state.earlier] == [1], "kept while the case is stopped"
    back = meanwhile.when(*over(until + timedelta(days=6)))
    assert back.state.earlier[0].until == (until if counts else until + timedelta(days=16))
    late = lives_to(back, until + timedelta(days=60))
    assert late.state.earlier == ()
