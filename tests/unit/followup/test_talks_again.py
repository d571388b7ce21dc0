"""Talks beside a live plan that had ended and are taken up again: what was reported protects on."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from services.followup.model import Pause
from shared.contracts.followup import InstalmentMissed, PlanBroken
from shared.contracts.followup_care import BreachNoticed
from shared.contracts.offer import OfferTabled
from shared.contracts.reasons import ReasonCode
from tests.unit.alert.test_timetable import tabled as offered
from tests.unit.builders import message
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
