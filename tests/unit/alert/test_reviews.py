"""Conversations drawn for review: reminded of, overdue, done, in whatever order the news arrive."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from services.alert.decide import AlertDecider
from shared.contracts.alert import AlertEscalated, AlertKind, AlertRaised, AlertResolved, RemedyStarted
from shared.contracts.alert_steps import StepCaughtUp, StepOverdue, StepReminded
from shared.contracts.desk_team import ConversationScored
from shared.contracts.intake import CaseClosed, CloseReason
from shared.contracts.intake_team import ConversationSampled
from shared.contracts.reasons import ReasonCode
from shared.texts import story
from tests.unit.alert.test_timetable import contact, intake_says, performing
from tests.unit.builders import message
from tests.unit.intake.bank_says import day
from tests.unit.intake.team import roster
from tests.unit.spec import Given, given

DUE = day(24)
PEOPLE = {"a": {}, "s": {"supervisor": True}, "t": {"supervisor": True, "tier": 3}}


def kept_plan(**people: dict[str, Any]) -> Given:
    """A case whose plan is kept: no step of its own is open."""
    now = performing()
    return replace(now, reference=replace(now.reference, roster=roster(**(people or PEOPLE))), said=())


def drawn(
    contact_id: str = "c-1", on: date | None = None, due: date | None = DUE, also: tuple[str, ...] = ()
) -> Any:
    said = ConversationSampled(contact_id=contact_id, negotiator="a", due=due, also=also)
    return message(said, on or day(10))


def scores(on: date, contact_id: str = "c-1", by: str = "s") -> Any:
    data = ConversationScored(contact_id=contact_id, reviewer=by, listening=4, empathy=4, conduct=4)
    return message(data, on)


def test_a_review_is_reminded_of_and_then_late_with_an_alert_until_it_is_held() -> None:
    now = kept_plan().when(drawn())
    assert now.said == ()
    remind_on = now.state.reviews[0].remind_on
    assert remind_on is not None
    assert day(10) < remind_on < DUE
    assert now.closes(remind_on - timedelta(days=1)).said == ()
    reminded = now.closes(remind_on)
    assert reminded.emits(StepReminded)
    assert (reminded.last(StepReminded).step, reminded.last(StepReminded).due) == ("conversation_review", DUE)
    late = reminded.closes(DUE)
    assert late.emits(StepOverdue, AlertRaised, RemedyStarted)
    said = late.last(StepOverdue)
    assert (said.action, said.escalate_to) == ("review_conversation", "supervisor")
    assert (late.last(AlertRaised).kind, late.last(AlertRaised).about) == (
        AlertKind.STEP_OVERDUE,
        "conversation_review",
    )
    assert late.closes(day(90)).emits(AlertEscalated), "said once; then it is the alert's"
    done = late.when(scores(DUE + timedelta(days=1)))
    assert done.emits(StepCaughtUp, AlertResolved)
    assert done.last(AlertResolved).reason.code is ReasonCode.STEP_DONE
    assert done.state.reviews == ()


@pytest.mark.parametrize("on", [day(11), DUE])
def test_a_review_in_time_says_nothing(on: date) -> None:
    held = kept_plan().when(drawn(), scores(on))
    assert held.said == ()
    assert held.closes(day(90)).said == ()


@pytest.mark.parametrize("drawn_first", [True, False])
def test_scores_by_who_took_part_are_no_review(*, drawn_first: bool) -> None:
    for also, open_ in ((("s",), True), (("t",), False)):
        said = [drawn(on=day(11), also=also), scores(day(11))]
        assert bool(kept_plan().when(*(said if drawn_first else said[::-1])).state.reviews) is open_


def test_scores_may_come_before_the_news_that_a_conversation_was_drawn() -> None:
    now = kept_plan().when(scores(day(10)), drawn())
    assert (now.state.reviews, now.state.scored) == ((), ())
    assert now.closes(day(90)).said == ()


@pytest.mark.parametrize(
    ("by", "who"),
    [
        pytest.param("a", {}, id="who talked"),
        pytest.param("x", {}, id="nobody we know"),
        pytest.param("s", {"supervisor": True, "tier": 3}, id="less authority than who talked"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_scores_that_intake_refuses_end_nothing(by: str, who: dict[str, Any], first: bool) -> None:
    both = [scores(day(10), by=by), drawn()]
    now = kept_plan(**{**PEOPLE, "a": who}).when(*(both if first else both[::-1]))
    assert StepOverdue in {type(event) for event in now.closes(DUE).said}


def test_one_alert_for_what_is_late_and_it_ends_with_the_last() -> None:
    late = kept_plan().when(drawn(), drawn("c-2")).closes(DUE)
    assert [type(event) for event in late.said].count(AlertRaised) == 1
    first = late.when(scores(day(30)))
    assert first.emits(StepCaughtUp)
    assert first.last(StepCaughtUp).still_overdue == 1
    assert first.when(scores(day(31), "c-2")).emits(StepCaughtUp, AlertResolved)


def test_a_step_that_is_caught_up_counts_the_review_that_is_late() -> None:
    now = (
        given(AlertDecider(), kept_plan().reference)
        .when(*intake_says(people=PEOPLE))
        .when(drawn())
        .closes(day(40))
    )
    assert {step.overdue for step in now.state.steps} == {True}
    reached = now.when(contact(day(41))).closes(day(41))
    assert [event.still_overdue for event in reached.said if isinstance(event, StepCaughtUp)] == [2]


@pytest.mark.parametrize("after", [drawn(due=None), drawn("c-9", due=DUE)])
def test_nothing_is_awaited_without_a_day_or_once_the_case_is_closed(after: Any) -> None:
    closed = CaseClosed(as_of=day(12), reason=CloseReason.CURED)
    now = kept_plan().when(after, message(closed, day(12)))
    assert now.state.reviews == ()
    assert StepOverdue not in {type(event) for event in now.closes(day(90)).said}


def test_the_words_of_a_review_are_there_in_both_languages() -> None:
    late = kept_plan().when(drawn()).closes(DUE)
    said = late.last(StepOverdue)
    assert "the review of a conversation" in story(said.TYPE, "en", said)
    assert "沟通评议" in story(said.TYPE, "zh", said)
