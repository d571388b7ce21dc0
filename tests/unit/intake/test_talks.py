"""Conversations drawn for review, their scores, and the training that follows (R71c)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from services.alert.decide import AlertDecider
from services.intake.decide import IntakeDecider
from services.intake.talks import is_drawn
from shared.contracts import desk
from shared.contracts.alert import AlertRaised, AlertResolved
from shared.contracts.desk_team import ConversationScored
from shared.contracts.intake import InputRefused
from shared.contracts.intake_team import (
    ConversationReviewed,
    ConversationSampled,
    StepCaughtUp,
    StepOverdue,
    StepReminded,
)
from shared.contracts.reasons import ReasonCode
from shared.texts import story, text
from tests.unit.builders import case_opened, message, reference
from tests.unit.intake.bank_says import day, overdue
from tests.unit.intake.team import roster
from tests.unit.intake.test_steps import contact
from tests.unit.spec import Given, given

PEOPLE = {"a": {}, "s": {"supervisor": True}, "t": {"supervisor": True, "tier": 3}}
TALKED = desk.ContactOutcome.TALKED


def case(share: int = 100, **people: dict[str, Any]) -> Given:
    ref = reference(roster=roster(**(people or PEOPLE)), team__sampled_pct=share)
    return given(IntakeDecider(), ref).when(overdue())


def score(contact_id: str, *scores: int, by: str = "s") -> Any:
    listening, empathy, conduct = scores
    data = ConversationScored(
        contact_id=contact_id, reviewer=by, listening=listening, empathy=empathy, conduct=conduct
    )
    return message(data, day(3))


def sampled(**people: dict[str, Any]) -> tuple[Given, str]:
    after = case(**people).when(contact(day(1), TALKED))
    return after, after.last(ConversationSampled).contact_id


@pytest.mark.parametrize(
    ("share", "outcome", "drawn"),
    [
        pytest.param(100, TALKED, True, id="drawn"),
        pytest.param(0, TALKED, False, id="no share"),
        pytest.param(100, desk.ContactOutcome.NO_ANSWER, False, id="nobody talked"),
    ],
)
def test_conversations_are_drawn(share: int, outcome: desk.ContactOutcome, drawn: bool) -> None:
    after = case(share).when(contact(day(1), outcome))
    assert after.emits(*([ConversationSampled] if drawn else []))
    if drawn:
        assert after.last(ConversationSampled).negotiator == "a"


@pytest.mark.parametrize(
    ("scores", "training"),
    [
        pytest.param((5, 5, 5), (), id="good"),
        pytest.param((3, 3, 4), (), id="at the edge"),
        pytest.param((2, 3, 4), ("active_listening",), id="listening"),
        pytest.param((3, 2, 4), ("talking_about_hardship",), id="empathy"),
        pytest.param((3, 3, 3), ("rules_of_conduct",), id="conduct"),
        pytest.param((1, 1, 1), ("active_listening", "talking_about_hardship", "rules_of_conduct"), id="all"),
    ],
)
def test_low_scores_name_the_training(scores: tuple[int, int, int], training: tuple[str, ...]) -> None:
    after, contact_id = sampled()
    reviewed = after.when(score(contact_id, *scores))
    said = reviewed.last(ConversationReviewed)
    assert (said.negotiator, said.reviewer, said.training) == ("a", "s", training)
    assert [reason.params["training"] for reason in said.reasons] == list(training)
    again = reviewed.when(score(contact_id, 1, 1, 1))
    assert again.closes(day(3)).last(InputRefused).reason.code is ReasonCode.CONVERSATION_UNKNOWN


@pytest.mark.parametrize(
    ("by", "who", "allowed"),
    [
        pytest.param("s", {}, True, id="a supervisor"),
        pytest.param("a", {}, False, id="who talked"),
        pytest.param("x", {}, False, id="nobody we know"),
        pytest.param("s", {"supervisor": True, "tier": 3}, False, id="less authority than who talked"),
        pytest.param("t", {"supervisor": True, "tier": 3}, True, id="as much authority"),
    ],
)
def test_who_may_review(by: str, who: dict[str, Any], allowed: bool) -> None:
    after, contact_id = sampled(**{**PEOPLE, "a": who})
    reviewed = after.when(score(contact_id, 4, 4, 4, by=by))
    assert reviewed.emits(ConversationReviewed if allowed else InputRefused)
    if not allowed:
        assert reviewed.last(InputRefused).reason.code is ReasonCode.NOT_ALLOWED_TO
        assert reviewed.state.talks, "it still waits for a review"


def test_the_training_is_told_in_both_languages() -> None:
    after, contact_id = sampled()
    said = after.when(score(contact_id, 2, 5, 5)).last(ConversationReviewed)
    reason = said.reasons[0]
    assert "active listening" in text(reason.code, reason.params, "en")
    assert "积极倾听" in text(reason.code, reason.params, "zh")
    assert "listening 2" in story(said.TYPE, "en", said)
    assert "倾听2" in story(said.TYPE, "zh", said)


# --- the last day of a review: reminded of, overdue, done


def test_a_review_has_a_last_day_is_reminded_of_and_goes_to_the_next_one_up() -> None:
    after, contact_id = sampled()
    talk = after.state.talks[0]
    assert after.last(ConversationSampled).due == talk.due
    assert talk.due is not None
    assert talk.remind_on is not None
    assert day(1) < talk.remind_on < talk.due
    quiet = after.closes(talk.remind_on - timedelta(days=1))
    assert not [said for said in quiet.said if getattr(said, "step", "") == "conversation_review"]
    reminded = quiet.closes(talk.remind_on).last(StepReminded)
    assert (reminded.step, reminded.due) == ("conversation_review", talk.due)
    late = after.closes(talk.due)
    overdue_ = [said for said in late.said if isinstance(said, StepOverdue)]
    mine = next(said for said in overdue_ if said.step == "conversation_review")
    assert (mine.action, mine.escalate_to) == ("review_conversation", "supervisor")
    assert late.closes(talk.due + timedelta(days=30)).state.talks[0].overdue
    assert not [one for one in late.closes(talk.due + timedelta(days=1)).said if isinstance(one, StepOverdue)]
    done = late.when(score(contact_id, 5, 5, 5))
    assert done.emits(ConversationReviewed, StepCaughtUp)
    assert done.last(StepCaughtUp).step == "conversation_review"
    assert done.state.talks == ()


def test_a_review_that_is_late_raises_an_alert_until_it_is_done() -> None:
    after, _ = sampled()
    due = after.state.talks[0].due
    assert due is not None
    late = [said for said in after.closes(due).said if isinstance(said, StepOverdue)]
    mine = next(said for said in late if said.step == "conversation_review")
    watching = given(AlertDecider(), reference()).when(message(case_opened()))
    raised = watching.when(message(mine, due))
    assert raised.last(AlertRaised).about == "conversation_review"
    done = StepCaughtUp(step="conversation_review", due=due, as_of=due)
    assert raised.when(message(done, due)).emits(AlertResolved)


def test_a_review_in_time_says_nothing_of_its_day() -> None:
    after, contact_id = sampled()
    done = after.when(score(contact_id, 5, 5, 5))
    assert done.emits(ConversationReviewed)
    due = after.state.talks[0].due
    assert due is not None
    later = done.closes(due)
    assert not [said for said in later.said if getattr(said, "step", "") == "conversation_review"]


def test_a_step_that_is_caught_up_counts_the_review_that_is_late() -> None:
    after, _ = sampled()
    talk = after.state.talks[0]
    assert talk.due is not None
    late = after.closes(talk.due)
    assert any(step.overdue for step in late.state.steps), "the statement is late, too"
    stated = desk.StatementSubmitted.model_construct()
    caught = late.when(message(stated, talk.due + timedelta(days=1)))
    assert caught.last(StepCaughtUp).still_overdue == 1


def test_the_words_of_a_review_are_there_in_both_languages() -> None:
    after, _ = sampled()
    talk = after.state.talks[0]
    assert talk.due is not None
    reminder = after.closes(talk.due - timedelta(days=1)).said
    said = next(one for one in reminder if getattr(one, "step", "") == "conversation_review")
    assert "the review of a conversation" in story(said.TYPE, "en", said)
    assert "沟通评议" in story(said.TYPE, "zh", said)


@for_all(st.text(min_size=1, max_size=8), st.text(max_size=30), st.integers(0, 100), st.integers(0, 100))
@settings(max_examples=200, deadline=None)
def test_the_draw_is_stable_and_a_larger_share_holds_the_smaller(who: str, id_: str, a: int, b: int) -> None:
    low, high = sorted((a, b))
    assert is_drawn(who, id_, low) <= is_drawn(who, id_, high)
    assert is_drawn(who, id_, low) == is_drawn(who, id_, low)
    assert is_drawn(who, id_, 100)
    assert not is_drawn(who, id_, 0)


@pytest.mark.parametrize("who", ["a", "b", "n-chen"])
def test_each_person_has_about_the_share(who: str) -> None:
    drawn = sum(is_drawn(who, f"contact-{n}", 10) for n in range(4000))
    assert 320 <= drawn <= 480
