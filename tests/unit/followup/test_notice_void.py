"""A notice of breach is void from the evening of the report of a hardship, not from the day it runs out."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from shared.contracts.followup import PlanBroken
from shared.contracts.followup_care import BreachCured, BreachNoticed
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import message
from tests.unit.followup.plans import live, lives_to
from tests.unit.followup.test_care import review
from tests.unit.followup.test_keeping import BREACH, NOTICED, hardship, talks_failed
from tests.unit.followup.test_plan_debts import said as debts_changed
from tests.unit.followup.test_talks_again import tabled
from tests.unit.spec import Given

CURE_BY = date(2026, 5, 25)


def after(days: int) -> date:
    return BREACH + timedelta(days=days)


def noticed() -> Given:
    plan = lives_to(live(**NOTICED, breach__hardship_shield_days=90), BREACH)
    assert plan.last(BreachNoticed).cure_by == CURE_BY
    return lives_to(plan, after(2))


@pytest.mark.parametrize("said", ["hardship", "review", "debt left"])
def test_it_is_said_on_the_evening_of_the_report(said: str) -> None:
    """It was said when the notice ran out, weeks later."""
    day = after(3)
    told = {
        "hardship": hardship(day),
        "review": message(review(difficulties=True), day),
        "debt left": message(debts_changed(left=("A-2",)), day),
    }[said]
    evening = noticed().when(told).closes(day)
    assert evening.last(BreachCured).reason.code is ReasonCode.HARDSHIP_REPORTED
    assert evening.state.plan.cure_by is None


@pytest.mark.parametrize("ended", [3, 4, 9])
def test_when_the_talks_end_before_it_ran_out_there_is_a_new_notice(ended: int) -> None:
    """The plan broke on the last day of the notice that the report had made void."""
    told = noticed().when(hardship(after(3)))
    if ended > 3:
        told = lives_to(told, after(ended - 1))
    over = lives_to(told.when(talks_failed(after(ended))), CURE_BY)
    assert not any(isinstance(event, PlanBroken) for event in over.said)
    again = over.last(BreachNoticed)
    assert again.as_of == after(ended + 1)
    broken = lives_to(over, again.cure_by).last(PlanBroken)
    assert (broken.as_of - again.as_of).days >= 15


def test_talks_that_are_taken_up_again_make_a_notice_void_too() -> None:
    told = lives_to(live(**NOTICED, breach__hardship_shield_days=90), BREACH - timedelta(days=9))
    over = told.when(hardship(BREACH - timedelta(days=8)), talks_failed(BREACH - timedelta(days=7)))
    notice = lives_to(over, after(2))
    assert any(isinstance(event, BreachNoticed) for event in notice.said)
    told = notice.when(tabled(after(3)))  # offer may be a day ahead of the close
    evening = told.closes(after(2)).closes(after(3))
    assert evening.emits(BreachCured)
