"""Conversations drawn for review, their scores, and the training that follows (R71c)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from services.intake.decide import IntakeDecider
from services.intake.talks import is_drawn
from shared.contracts import desk
from shared.contracts.desk_team import ConversationScored
from shared.contracts.intake import InputRefused
from shared.contracts.intake_team import ConversationReviewed, ConversationSampled
from shared.contracts.reasons import ReasonCode
from shared.texts import story, text
from tests.unit.alert.test_timetable import contact
from tests.unit.builders import message, reference
from tests.unit.intake.bank_says import day, overdue
from tests.unit.intake.team import roster
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
    assert (said.train_by is not None and said.train_by > day(3)) is bool(training), "by a day"
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


def test_who_took_part_in_a_conversation_does_not_review_it() -> None:
    """Only who is named first was kept from scoring what was their own."""
    talk = contact(day(1), TALKED)
    joint = replace(talk, data=talk.data.model_copy(update={"participants": ("a", "borrower", "s", "a")}))
    after = case().when(joint)
    drawn = after.last(ConversationSampled)
    assert (drawn.negotiator, drawn.also) == ("a", ("s",))
    assert (
        after.when(score(drawn.contact_id, 4, 4, 4)).last(InputRefused).reason.code
        is ReasonCode.NOT_ALLOWED_TO
    )
    assert after.when(score(drawn.contact_id, 4, 4, 4, by="t")).emits(ConversationReviewed)


@pytest.mark.parametrize(
    ("people", "drawn"),
    [
        pytest.param({"s": {"supervisor": True}}, False, id="the only supervisor's own"),
        pytest.param({"s": {"supervisor": True}, "a": {}}, True, id="no other supervisor"),
        pytest.param({"s": {"supervisor": True}, "t": {"supervisor": True, "tier": 3}}, True, id="another"),
        pytest.param(
            {"s": {"supervisor": True, "tier": 3}, "t": {"supervisor": True}}, True, id="of less authority"
        ),
        pytest.param(
            {"s": {"supervisor": True}, "t": {"supervisor": True, "left": day(1).isoformat()}},
            False,
            id="who has left",
        ),
    ],
)
def test_what_nobody_may_review_is_not_drawn(people: dict[str, Any], *, drawn: bool) -> None:
    """It was: the alert of a review that nobody could hold was open until the case was closed."""
    talk = contact(day(1), TALKED)
    own = replace(talk, data=talk.data.model_copy(update={"participants": ("s", "borrower")}))
    assert case(**people).when(own).emits(*([ConversationSampled] if drawn else []))


@pytest.mark.parametrize(
    ("people", "may"),
    [
        pytest.param({"a": {}, "b": {"tier": 2}}, ["b"], id="who has most authority"),
        pytest.param({"a": {}, "b": {}}, ["a", "b"], id="as much as each other"),
        pytest.param({"a": {"tier": 4}, "t": {"supervisor": True}}, ["t"], id="a supervisor first"),
        pytest.param(
            {"a": {}, "t": {"supervisor": True, "tier": 3, "left": day(3).isoformat()}},
            ["a"],
            id="who has left",
        ),
        pytest.param({"a": {}, "t": {"supervisor": True, "tier": 3}}, ["t"], id="the plain rule"),
    ],
)
def test_the_conversation_of_who_has_most_authority_is_reviewed_by_who_comes_next(
    people: dict[str, Any], may: list[str]
) -> None:
    """It was reviewed by nobody, whatever was said in it."""
    talk = contact(day(1), TALKED)
    own = replace(talk, data=talk.data.model_copy(update={"participants": ("s", "borrower")}))
    after = case(s={"supervisor": True, "tier": 3}, **people).when(own)
    contact_id = after.last(ConversationSampled).contact_id
    reviewed = {by: after.when(score(contact_id, 4, 4, 4, by=by)) for by in ("s", *people)}
    assert [by for by, said in reviewed.items() if said.emits(ConversationReviewed)] == may


@pytest.mark.parametrize(
    ("who", "allowed"),
    [
        pytest.param({"left": day(3).isoformat()}, False, id="left"),
        pytest.param({"left": day(4).isoformat()}, True, id="the last day"),
        pytest.param({"absences": [{"since": day(3), "until": day(3)}]}, True, id="away"),
    ],
)
def test_who_has_left_reviews_nothing(who: dict[str, Any], *, allowed: bool) -> None:
    after, contact_id = sampled(**{**PEOPLE, "s": {"supervisor": True, **who}})
    reviewed = after.when(score(contact_id, 4, 4, 4))
    assert reviewed.emits(ConversationReviewed if allowed else InputRefused)
    assert allowed or reviewed.last(InputRefused).reason.code is ReasonCode.NOT_ALLOWED_TO


def test_the_training_is_told_in_both_languages() -> None:
    after, contact_id = sampled()
    said = after.when(score(contact_id, 2, 5, 5)).last(ConversationReviewed)
    reason = said.reasons[0]
    assert "active listening" in text(reason.code, reason.params, "en")
    assert "积极倾听" in text(reason.code, reason.params, "zh")
    assert "listening 2" in story(said.TYPE, "en", said)
    assert "倾听2" in story(said.TYPE, "zh", said)
    until = said.train_by
    assert until is not None
    assert f"until {until.isoformat()}" in story(said.TYPE, "en", said)
    assert f"须于{until.isoformat()}前完成" in story(said.TYPE, "zh", said)


def test_a_draw_says_until_when_its_review_is_to_be_held() -> None:
    after, _ = sampled()
    due = after.last(ConversationSampled).due
    assert due is not None
    assert due > day(1)


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
