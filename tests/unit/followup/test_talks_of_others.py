"""Talks that no report of the borrower's began: who reports hardship in or after them is heard as any is."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from shared.contracts.followup import PlanBroken, RenegotiationRequested
from shared.contracts.followup_care import BreachNoticed
from shared.contracts.intake import PlanDebtsChanged
from shared.contracts.parties import StopCause
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import message
from tests.unit.followup.plans import FIRST, GRACE, ROWS, SECOND, live, lives_to
from tests.unit.followup.test_keeping import hardship, talks_failed
from tests.unit.followup.test_plan_debts import said
from tests.unit.spec import Given
from tests.unit.stopping import begins, over

SHIELD = 90
TALKS: dict[str, Any] = {"breach__hardship_shield_days": SHIELD}
ON = date(2026, 3, 20)


def debts(on: date, *left: str, remaining: tuple[str, ...] = ("A-1",)) -> Any:
    now: PlanDebtsChanged = said(left, remaining)
    return message(now.model_copy(update={"as_of": on}), on)


def all_back() -> Given:
    """Give a plan that rested while its only debt was disputed, and goes on: nothing was missed."""
    resting = live(**TALKS).when(debts(ON, "A-1", remaining=()))
    return resting.when(debts(ON + timedelta(days=5)))


def a_debt_left() -> Given:
    return live(**TALKS).when(debts(ON, "A-2"))


def stop_over() -> Given:
    """Give a plan of which an instalment was missed in a stop: it is talked about when that is over."""
    stopped = live(**TALKS).when(*begins(StopCause.BREATHING_SPACE, FIRST - timedelta(days=1)))
    return lives_to(stopped, GRACE).when(*over(GRACE + timedelta(days=1)))


@pytest.mark.parametrize("plan", [all_back(), a_debt_left(), stop_over()])
def test_who_reports_a_hardship_in_them_is_talked_with_about_it_and_protected_as_long_as_anyone(
    plan: Given,
) -> None:
    began = plan.state.plan.paused_from
    day = max(began, plan.state.plan.judged_to) + timedelta(days=20)
    told = plan.when(hardship(day))
    assert told.last(RenegotiationRequested).reasons[0].code is ReasonCode.HARDSHIP_REPORTED
    assert told.state.plan.paused_until == day + timedelta(days=SHIELD)
    again = told.when(hardship(day + timedelta(days=1)))
    assert not any(isinstance(event, RenegotiationRequested) for event in again.said), "once"
    assert again.state.plan.paused_until == day + timedelta(days=SHIELD)


def test_who_missed_something_in_them_is_protected_by_a_report_after_them() -> None:
    """The days of the talks about a stop were counted as those of the hardship that came after them."""
    plan = lives_to(stop_over(), SECOND + timedelta(days=1))
    ended = plan.when(talks_failed(SECOND + timedelta(days=1)))
    told = ended.when(hardship(SECOND + timedelta(days=2)))
    until = SECOND + timedelta(days=2 + SHIELD)
    assert told.state.plan.paused_until == until
    kept = lives_to(told, until)
    assert not any(isinstance(event, BreachNoticed | PlanBroken) for event in kept.said)
    after = lives_to(kept, until + timedelta(days=1))
    assert after.emits(PlanBroken)


def test_the_talks_that_go_before_end_with_those_about_the_report() -> None:
    day = ON + timedelta(days=10)
    over_soon = a_debt_left().when(hardship(day), talks_failed(day + timedelta(days=2)))
    rows_missed = lives_to(over_soon, ROWS[-1][0] + timedelta(days=10))
    assert any(isinstance(event, PlanBroken) for event in rows_missed.said)


def test_a_report_in_a_rest_does_not_end_it() -> None:
    resting = live(**TALKS).when(debts(ON, "A-1", remaining=()))
    told = resting.when(hardship(ON + timedelta(days=1)))
    assert told.state.plan.paused_until == date.max
