"""A breathing space is looked at in its middle: who asks, by when, and what if nobody does."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import permutations
from typing import Any

import pytest

from services.cli.catalogue import policies_dir
from shared.contracts import desk
from shared.contracts.alert import AlertKind, AlertRaised, AlertResolved, RemedyStarted
from shared.contracts.alert_steps import StepCaughtUp, StepOverdue, StepReminded
from shared.contracts.base import Event
from shared.contracts.intake import CaseClosed, CloseReason, StopsChanged
from shared.contracts.parties import StopCause, StopInForce
from shared.policy.loader import PolicyBook
from tests.unit.alert.test_timetable import contact, performing
from tests.unit.builders import message
from tests.unit.spec import Given

PACKS = PolicyBook.load(policies_dir())
START = date(2026, 3, 16)
FROM, UNTIL = START + timedelta(days=25), START + timedelta(days=35)
TALKED = desk.ContactOutcome.TALKED


def kept_plan(*packs: str) -> Given:
    """A case whose plan is kept, by the packs that are shipped."""
    base = performing()
    state = base.state.model_copy(update={"policy": packs[0], "packs": packs})
    return replace(base, reference=replace(base.reference, policies=PACKS), state=state, said=())


def stops(on: date, *ids: str, cause: StopCause = StopCause.BREATHING_SPACE, since: date = START) -> Any:
    found = tuple(StopInForce(stop_id=one, cause=cause, since=since) for one in ids)
    return message(StopsChanged(as_of=on, stops=found), on)


def adviser(on: date, outcome: desk.ContactOutcome = TALKED, who: str = "debt_adviser") -> Any:
    talk = contact(on, outcome)
    return message(talk.data.model_copy(update={"participants": (who, "a")}), on)


def lives(now: Given, last: date) -> tuple[Given, list[tuple[date, type[Event]]]]:
    said = []
    for n in range((last - START).days + 1):
        now = now.closes(START + timedelta(days=n))
        said += [(START + timedelta(days=n), type(event)) for event in now.said]
    return now, said


def test_the_review_is_asked_about_when_its_days_begin_and_escalated_by_their_end() -> None:
    now, said = lives(kept_plan("uk-unsecured").when(stops(START, "s-1")), UNTIL)
    assert [what for _, what in said] == [StepReminded, StepOverdue, AlertRaised, RemedyStarted]
    assert said[0][0] == FROM
    assert FROM < said[1][0] <= UNTIL
    alert = now.state.open(AlertKind.STEP_OVERDUE)
    assert alert is not None
    assert alert.about == "moratorium_review"
    assert now.when(adviser(UNTIL, who="borrower")).said == (), "it is the adviser who knows"
    assert now.when(adviser(UNTIL, desk.ContactOutcome.NO_ANSWER)).said == ()
    asked = now.when(adviser(UNTIL + timedelta(days=1)))
    assert asked.emits(StepCaughtUp, AlertResolved)
    assert asked.state.looks == ()


def test_what_was_looked_at_is_not_looked_at_again() -> None:
    now = kept_plan("uk-unsecured").when(stops(START, "s-1"), adviser(FROM))
    again = now.when(stops(FROM + timedelta(days=1), "s-1"))
    assert again.state.looks == ()
    other = stops(FROM + timedelta(days=2), "s-2", since=START + timedelta(days=9))
    assert [one.stop_id for one in again.when(other).state.looks] == ["s-2"], "its days are later"


def test_a_moratorium_that_is_heard_of_after_those_days_is_not_late() -> None:
    now = kept_plan("uk-unsecured").when(stops(UNTIL + timedelta(days=2), "s-1"))
    assert now.state.looks == ()


@pytest.mark.parametrize(
    ("heard", "due"),
    [(FROM - timedelta(days=1), True), (FROM, False), (FROM + timedelta(days=2), False)],
)
def test_only_a_talk_since_the_first_day_tells_how_it_went(heard: date, due: bool) -> None:
    now = kept_plan("uk-unsecured").when(stops(START, "s-1"), adviser(heard))
    assert (StepOverdue in {what for _, what in lives(now, UNTIL)[1]}) is due


def test_in_which_order_a_late_report_and_the_talk_are_heard_changes_nothing() -> None:
    late = FROM + timedelta(days=1)
    for order in permutations([stops(late, "s-1"), adviser(late)]):
        now = kept_plan("uk-unsecured").when(*order)
        assert now.state.looks == ()
        assert lives(now, UNTIL)[1] == []


def test_a_stop_that_is_over_needs_no_review() -> None:
    now = kept_plan("uk-unsecured").when(stops(START, "s-1"), stops(FROM, cause=StopCause.DISPUTE))
    assert lives(now, UNTIL)[1] == []
    late, _ = lives(kept_plan("uk-unsecured").when(stops(START, "s-1")), UNTIL)
    assert late.when(stops(UNTIL)).emits(StepCaughtUp, AlertResolved)


@pytest.mark.parametrize(
    ("packs", "cause", "looks"),
    [
        (("uk-unsecured",), StopCause.BREATHING_SPACE, 1),
        (("us-unsecured", "uk-unsecured"), StopCause.BREATHING_SPACE, 1),
        (("uk-unsecured",), StopCause.CRISIS_BREATHING_SPACE, 0),
        (("uk-unsecured",), StopCause.DISPUTE, 0),
        *(((pack,), StopCause.BREATHING_SPACE, 0) for pack in PACKS.pack_ids if pack != "uk-unsecured"),
    ],
)
def test_whose_moratorium_has_a_review(packs: tuple[str, ...], cause: StopCause, looks: int) -> None:
    now = kept_plan(*packs).when(stops(START, "s-1", cause=cause))
    assert len(now.state.looks) == looks
    assert now.when(stops(START, "s-1", cause=cause)).state.looks == now.state.looks


def test_a_closed_case_has_none() -> None:
    closed = message(CaseClosed(as_of=FROM, reason=CloseReason.CURED), FROM)
    assert lives(kept_plan("uk-unsecured").when(stops(START, "s-1"), closed), UNTIL)[1] == []
