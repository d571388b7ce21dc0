"""Trainings that follow a reviewed conversation: reminded of, overdue, held, whatever becomes of the case."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from shared.contracts.alert import (
    AlertEscalated,
    AlertKind,
    AlertRaised,
    AlertResolved,
    InputRefused,
    RemedyStarted,
)
from shared.contracts.alert_steps import StepCaughtUp, StepOverdue, StepReminded
from shared.contracts.base import Personal
from shared.contracts.desk_team import TrainingHeld
from shared.contracts.intake import CaseClosed, CloseReason
from shared.contracts.intake_team import ConversationReviewed
from shared.contracts.reasons import ReasonCode
from shared.texts import story
from tests.unit.alert.test_reviews import PEOPLE, kept_plan
from tests.unit.builders import message
from tests.unit.intake.bank_says import day
from tests.unit.spec import Given

DUE = day(38)
BOTH = ("active_listening", "rules_of_conduct")
CLOSED = message(CaseClosed(as_of=day(20), reason=CloseReason.CURED), day(20))


def reviewed(*training: str, contact_id: str = "c-1", due: date | None = DUE) -> Any:
    said = ConversationReviewed(
        contact_id=contact_id, negotiator="a", reviewer="s", listening=2, empathy=4, conduct=3,
        training=training or BOTH[:1], train_by=due,
    )  # fmt: skip
    return message(said, day(10))


def held(on: date, training: str = BOTH[0], *, by: str = "s") -> Any:
    data = TrainingHeld(contact_id="c-1", training=training, by=by, remarks=Personal(value="…"))
    return message(data, on)


def late(**people: dict[str, Any]) -> Given:
    return kept_plan(**people).when(reviewed()).closes(DUE)


def test_it_is_reminded_of_and_then_late_with_an_alert_until_it_is_held() -> None:
    now = kept_plan().when(reviewed())
    assert now.said == ()
    remind_on = now.state.trainings[0].remind_on
    assert remind_on is not None
    assert day(10) < remind_on < DUE
    assert now.closes(remind_on - timedelta(days=1)).said == ()
    reminded = now.closes(remind_on)
    assert (reminded.last(StepReminded).owner, reminded.last(StepReminded).due) == ("a", DUE)
    over = reminded.closes(DUE)
    assert over.emits(StepOverdue, AlertRaised, RemedyStarted)
    said, raised = over.last(StepOverdue), over.last(AlertRaised)
    assert (said.step, said.action, said.owner) == ("training", "hold_training", "a")
    assert said.escalate_to == "supervisor"
    assert (raised.kind, raised.about, raised.owner) == (AlertKind.STEP_OVERDUE, "training", "a")
    assert over.closes(day(90)).emits(AlertEscalated), "said once; then it is the alert's"
    done = over.when(held(DUE + timedelta(days=1)))
    assert done.emits(StepCaughtUp, AlertResolved)
    assert done.state.trainings == ()


@pytest.mark.parametrize("on", [day(11), DUE])
def test_one_that_is_held_in_time_says_nothing(on: date) -> None:
    now = kept_plan().when(reviewed(), held(on))
    assert now.said == ()
    assert now.closes(day(90)).said == ()


def test_each_training_of_a_review_is_held_by_itself() -> None:
    over = kept_plan().when(reviewed(*BOTH)).closes(DUE)
    told = [type(event) for event in over.said]
    assert told == [StepReminded, StepOverdue, AlertRaised, RemedyStarted], "each once for both"
    first = over.when(held(day(40)))
    assert first.emits(StepCaughtUp)
    assert first.last(StepCaughtUp).still_overdue == 1
    assert first.when(held(day(41), BOTH[1])).emits(StepCaughtUp, AlertResolved)


def test_without_a_day_none_is_awaited() -> None:
    now = kept_plan().when(reviewed(due=None))
    assert now.closes(day(90)).said == ()


def test_it_may_be_told_before_the_news_of_its_review() -> None:
    now = kept_plan().when(held(day(10)), reviewed()).closes(day(10))
    assert now.said == ()
    assert now.state.trainings == ()


@pytest.mark.parametrize(
    ("word", "code"),
    [
        pytest.param(held(day(11), by="a"), ReasonCode.NOT_ALLOWED_TO, id="by who is trained"),
        pytest.param(held(day(11), by="g"), ReasonCode.NOT_ALLOWED_TO, id="by who has left"),
        pytest.param(held(day(11), BOTH[1]), ReasonCode.TRAINING_UNKNOWN, id="another"),
    ],
)
def test_what_holds_none_is_refused_and_it_is_still_to_be_held(word: Any, code: ReasonCode) -> None:
    people = {**PEOPLE, "g": {"left": day(5).isoformat()}}
    told = kept_plan(**people).when(reviewed(), word)
    now = told.closes(day(11))
    assert [event.reason.code for event in (*told.said, *now.said) if isinstance(event, InputRefused)] == [
        code
    ]
    assert now.state.trainings


def test_an_outside_trainer_holds_it_as_well() -> None:
    assert kept_plan().when(reviewed(), held(day(11), by="academy")).state.trainings == ()


def test_it_outlives_the_case() -> None:
    """The borrower is cured; who talked to them badly is trained all the same."""
    over = kept_plan().when(reviewed(), CLOSED).closes(DUE)
    assert over.emits(StepReminded, StepOverdue, AlertRaised, RemedyStarted)
    assert late().when(message(CLOSED.data, day(40))).said == (), "nor does a late one end with the case"
    assert over.when(held(day(41))).emits(StepCaughtUp, AlertResolved)
    after = kept_plan().when(CLOSED, reviewed())
    assert after.state.trainings, "scored when the case was closed already"


@pytest.mark.parametrize("leaves", [day(30), day(50)])
def test_nobody_trains_who_has_left(leaves: date) -> None:
    """Who leaves later is found the evening they are gone: nothing else would end the alert."""
    people = {**PEOPLE, "a": {"left": leaves.isoformat()}}
    now = late(**people).closes(leaves)
    assert now.state.trainings == ()
    assert (AlertResolved in {type(event) for event in now.said}) is (leaves > DUE)
    assert AlertKind.STEP_OVERDUE not in {alert.kind for alert in now.state.alerts}


def test_its_words_are_there_in_both_languages() -> None:
    over = late().last(StepOverdue)
    assert "the training that follows a review" in story(over.TYPE, "en", over)
    assert "评议后的培训" in story(over.TYPE, "zh", over)
    word = held(day(11)).data
    assert "s held a training" in story(word.TYPE, "en", word)
    assert "active listening" in story(word.TYPE, "en", word)
    assert "积极倾听" in story(word.TYPE, "zh", word)
