"""A hardship that is reported while a plan is signed: it was drawn up before, and is protected, too."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from services.followup.decide import FollowupDecider
from shared.contracts.followup import RenegotiationRequested
from shared.contracts.followup_care import BreachNoticed
from tests.unit.builders import DAY, case_opened, message, reference, signed
from tests.unit.followup.plans import FIRST, PLAIN, ROWS, live, lives_to
from tests.unit.followup.test_keeping import hardship, talks_failed
from tests.unit.followup.test_talks_withdrawn import LONG, protected
from tests.unit.spec import Given, given

DRAFTED = FIRST - timedelta(days=4)
SIGNED = FIRST - timedelta(days=2)


def amendment(drafted: date | None) -> Any:
    data = signed(*ROWS, effective=SIGNED, version=2)
    return message(data.model_copy(update={"drafted_on": drafted}), SIGNED)


def before() -> Given:
    return lives_to(live(**LONG), DRAFTED - timedelta(days=1))


def noticed(plan: Given) -> None:
    """Before the days of a protection would have been over."""
    assert lives_to(plan, FIRST + timedelta(days=80)).last(BreachNoticed)


@pytest.mark.parametrize("told", [DRAFTED + timedelta(days=1), SIGNED])
def test_who_reports_after_it_was_drawn_up_is_protected_under_it(told: date) -> None:
    """The talks were asked for under the plan that it amends, and it was given notice while they went on."""
    heard = lives_to(before(), told - timedelta(days=1)).when(hardship(told))
    assert heard.last(RenegotiationRequested).agreement_id == "agreement-1"
    under = lives_to(heard, SIGNED - timedelta(days=1)).when(amendment(DRAFTED))
    assert not any(isinstance(event, RenegotiationRequested) for event in under.said), "once is enough"
    protected(under, told)


def test_it_does_not_matter_which_topic_is_read_first() -> None:
    under = lives_to(before(), SIGNED - timedelta(days=1)).when(amendment(DRAFTED))
    told = under.when(hardship(SIGNED))
    assert told.last(RenegotiationRequested).agreement_id == "agreement-2"
    protected(told, SIGNED)


def test_what_is_told_in_the_talks_that_led_to_it_is_talked_about_again() -> None:
    """It had been heard in these talks, and they were over with the signature."""
    first, again = DRAFTED - timedelta(days=3), DRAFTED + timedelta(days=1)
    talks = lives_to(live(**LONG), first - timedelta(days=1)).when(hardship(first))
    told = lives_to(talks, again - timedelta(days=1)).when(hardship(again))
    under = lives_to(told, SIGNED - timedelta(days=1)).when(amendment(DRAFTED))
    assert under.last(RenegotiationRequested).agreement_id == "agreement-2"
    protected(under, again)


@pytest.mark.parametrize("drafted", [DRAFTED, None])
def test_what_it_was_drawn_up_for_is_answered_by_it(drafted: date | None) -> None:
    told = DRAFTED if drafted else SIGNED - timedelta(days=1)
    heard = lives_to(before(), told - timedelta(days=1)).when(hardship(told))
    under = lives_to(heard, SIGNED - timedelta(days=1)).when(amendment(drafted))
    assert not any(isinstance(event, RenegotiationRequested) for event in under.said)
    noticed(under)


def test_the_protection_ends_with_the_talks() -> None:
    heard = lives_to(before(), SIGNED - timedelta(days=1)).when(hardship(SIGNED), amendment(DRAFTED))
    over = SIGNED + timedelta(days=5)
    quiet = lives_to(heard, over - timedelta(days=1)).when(talks_failed(over))
    noticed(quiet)


def opened() -> Given:
    return given(FollowupDecider(), reference(**PLAIN | LONG)).when(message(case_opened()))


def test_so_is_a_first_plan() -> None:
    """Who lost their job between draft and signature was given notice: nobody had heard it."""
    told = DRAFTED + timedelta(days=1)
    under = opened().when(hardship(told)).closes(told).when(amendment(DRAFTED))
    assert under.last(RenegotiationRequested).agreement_id == "agreement-2"
    assert under.state.plan.cooperated
    assert under.state.told_on is None
    protected(under, told)


def test_what_is_told_on_the_day_on_which_a_first_plan_is_signed_is_heard_in_either_order() -> None:
    told, made = hardship(SIGNED), amendment(DRAFTED)
    first = opened().when(told).when(made)
    assert first.last(RenegotiationRequested).agreement_id == "agreement-2"
    assert first.state == opened().when(made).when(told).state
    protected(first, SIGNED)


@pytest.mark.parametrize("told", [DRAFTED - timedelta(days=9), DRAFTED])
def test_what_a_first_plan_was_drawn_up_for_is_answered_by_it(told: date) -> None:
    under = opened().when(hardship(told)).closes(told).when(amendment(DRAFTED))
    assert not any(isinstance(event, RenegotiationRequested) for event in under.said)
    noticed(under)


def test_a_plan_after_a_broken_one_takes_over_what_was_told_without_a_plan_alone() -> None:
    drafted, effective = FIRST + timedelta(days=38), FIRST + timedelta(days=41)
    data = signed(*ROWS, effective=effective, version=2).model_copy(update={"drafted_on": drafted})
    under_it = live(followup__breach_days_late=1).when(
        hardship(DAY + timedelta(days=1)), talks_failed(SIGNED)
    )
    broken = lives_to(under_it, FIRST + timedelta(days=37))
    assert broken.state.plan.ended_on is not None
    assert broken.when(message(data)).state.plan.paused_from is None
    told = drafted + timedelta(days=1)
    heard = broken.when(hardship(told)).closes(told)
    assert heard.when(message(data)).state.plan.paused_from == told
