"""A hardship that is reported while an amendment is signed: it was drawn up before, and is protected, too."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from shared.contracts.followup import RenegotiationRequested
from shared.contracts.followup_care import BreachNoticed
from tests.unit.builders import DAY, message, signed
from tests.unit.followup.plans import FIRST, ROWS, live, lives_to
from tests.unit.followup.test_keeping import hardship, talks_failed
from tests.unit.followup.test_talks_withdrawn import LONG, protected
from tests.unit.spec import Given

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


def test_an_agreement_that_amends_none_takes_over_no_report() -> None:
    first = signed(*ROWS, effective=SIGNED, version=2).model_copy(update={"drafted_on": DAY})
    broken = lives_to(live(followup__breach_days_late=1), FIRST + timedelta(days=40))
    again = broken.when(message(first.model_copy(update={"effective": FIRST + timedelta(days=41)})))
    assert again.state.plan.drafted_on is None
