"""Talks beside a live plan that had ended and are taken up again: what was reported protects on."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from services.followup.model import Pause
from shared.contracts.desk import EvidenceVerified, StatementSubmitted
from shared.contracts.followup import InstalmentMissed, PlanBroken, RenegotiationRequested
from shared.contracts.followup_care import BreachNoticed
from shared.contracts.offer import OfferTabled
from shared.contracts.reasons import ReasonCode
from tests.unit.alert.test_timetable import tabled as offered
from tests.unit.builders import cny, message
from tests.unit.followup.plans import live, lives_to
from tests.unit.followup.test_keeping import BREACH, hardship, no_plan, talks_failed


def tabled(day: date) -> Any:
    said: OfferTabled = offered(day)
    return message(said, day)


def test_talks_that_are_taken_up_again_protect_as_the_first_ones_did_within_the_same_days() -> None:
    """Better evidence reopened talks that had ended, and the plan broke while they ran."""
    told = live(breach__hardship_shield_days=90).when(hardship(date(2026, 3, 20)))
    over = told.when(no_plan(date(2026, 3, 30), ReasonCode.NOT_AFFORDABLE, None))
    assert (over.state.plan.paused_until, over.state.plan.pause_left) == (date(2026, 3, 30), 80)
    again = lives_to(over, date(2026, 4, 9)).when(tabled(date(2026, 4, 10)))
    quiet = lives_to(again, BREACH)
    assert not any(isinstance(event, BreachNoticed | PlanBroken) for event in quiet.said)
    assert all(event.shielded for event in quiet.said if isinstance(event, InstalmentMissed))
    until = date(2026, 4, 10) + timedelta(days=79)
    assert quiet.state.plan.paused_until == until
    assert any(isinstance(event, PlanBroken) for event in lives_to(quiet, until + timedelta(days=1)).said)


def test_talks_that_go_on_on_the_day_they_ended_end_when_they_would_have() -> None:
    told = live(breach__hardship_shield_days=90).when(hardship(date(2026, 3, 20)))
    day = date(2026, 3, 30)
    over = told.when(no_plan(day, ReasonCode.NOT_AFFORDABLE, None), talks_failed(day))
    again = over.when(tabled(day)).state.plan
    assert (again.paused_from, again.paused_until) == (date(2026, 3, 20), date(2026, 6, 18))
    assert again.pauses == ()


def test_rounds_again_and_again_protect_no_longer_than_the_pack_says() -> None:
    plan = live(breach__hardship_shield_days=10, followup__breach_days_late=3000)
    plan, day = plan.when(hardship(date(2026, 3, 20))), date(2026, 3, 20)
    for _ in range(5):
        plan = plan.when(talks_failed(day + timedelta(days=2)), tabled(day + timedelta(days=4)))
        day += timedelta(days=4)
    pauses = [*plan.state.plan.pauses, plan.state.plan]
    days = [
        ((one.until - one.since) if isinstance(one, Pause) else (one.paused_until - one.paused_from)).days + 1
        for one in pauses
    ]
    assert sum(days) == 11, "the day of the report, and ten"
    assert plan.state.plan.pause_left == 0


def test_an_offer_protects_nobody_who_reported_nothing() -> None:
    plan = live(breach__hardship_shield_days=90).when(tabled(date(2026, 3, 20)))
    assert plan.state.plan.paused_from is None
    reported = plan.when(hardship(date(2026, 3, 21))).when(tabled(date(2026, 3, 25)))
    assert reported.state.plan.paused_until == date(2026, 6, 19), "talks under way are not begun again"


def statement(day: date) -> Any:
    return message(StatementSubmitted(as_of=day), day)


def evidence(day: date) -> Any:
    said = EvidenceVerified(
        item="income:salary", verified=cny("900.00"), evidence_kind="payslip", verified_by="n-1", as_of=day
    )
    return message(said, day)


def ended_without_plan(shield: int = 90) -> Any:
    told = live(breach__hardship_shield_days=shield).when(hardship(date(2026, 3, 20)))
    return told.when(no_plan(date(2026, 3, 30), ReasonCode.NOT_AFFORDABLE, None))


def in_the_gap(over: Any) -> Any:
    """The first instalment is missed once the talks are over, and it is not caught up."""
    return lives_to(over, date(2026, 4, 8))


@pytest.mark.parametrize("brings", [statement, evidence])
def test_what_the_borrower_brings_protects_while_it_is_looked_at(brings: Any) -> None:
    """The lender took its time over the statement, and the plan broke before the offer that came of it."""
    again = in_the_gap(ended_without_plan()).when(brings(date(2026, 4, 9)))
    quiet = lives_to(again, BREACH)
    assert not any(isinstance(event, BreachNoticed | PlanBroken) for event in quiet.said)
    tabled_late = quiet.when(tabled(BREACH + timedelta(days=1)))
    until = date(2026, 4, 9) + timedelta(days=79)
    assert tabled_late.state.plan.paused_until == until, "the offer adds no day"
    assert any(isinstance(event, PlanBroken) for event in lives_to(quiet, until + timedelta(days=1)).said)


def test_its_answer_ends_what_it_protected() -> None:
    again = in_the_gap(ended_without_plan()).when(statement(date(2026, 4, 9)))
    over = again.when(no_plan(date(2026, 4, 12), ReasonCode.STATEMENT_NO_NEWS, None))
    assert (over.state.plan.paused_until, over.state.plan.pause_left) == (date(2026, 4, 12), 76)


@pytest.mark.parametrize("on", [date(2026, 3, 30), date(2026, 4, 9)])
def test_an_answer_of_the_same_day_is_one_whichever_is_read_first(on: date) -> None:
    if on == date(2026, 3, 30):
        before = live(breach__hardship_shield_days=90).when(hardship(date(2026, 3, 20)))
    else:
        before = in_the_gap(ended_without_plan())
    none = no_plan(on, ReasonCode.NOT_AFFORDABLE, None)
    said_first, answered_first = before.when(statement(on), none), before.when(none, statement(on))
    assert said_first.state == answered_first.state
    assert said_first.state.plan.paused_until == on


def test_talks_that_failed_are_begun_again_by_a_report_and_by_no_statement() -> None:
    told = live(breach__hardship_shield_days=90).when(hardship(date(2026, 3, 20)))
    failed = in_the_gap(told.when(talks_failed(date(2026, 3, 30))))
    assert failed.when(statement(date(2026, 4, 9))).state.plan.paused_until == date(2026, 3, 30)
    again = failed.when(hardship(date(2026, 4, 9)))
    assert any(isinstance(event, RenegotiationRequested) for event in again.said)
    assert again.state.plan.paused_until == date(2026, 4, 9) + timedelta(days=79)
    assert not any(isinstance(event, BreachNoticed | PlanBroken) for event in lives_to(again, BREACH).said)


def test_what_is_brought_protects_nobody_whose_days_are_used_up() -> None:
    over = in_the_gap(ended_without_plan(shield=10))
    assert over.state.plan.pause_left == 0
    assert over.when(statement(date(2026, 4, 9)), hardship(date(2026, 4, 9))).state.plan.paused_until == (
        date(2026, 3, 30)
    )
