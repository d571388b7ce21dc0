"""Nobody of the house speaks the borrower's language: a supervisor hears of it, until the owner does."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from services.alert.decide import AlertDecider
from services.intake.decide import IntakeDecider
from shared.contracts import desk
from shared.contracts.alert import AlertKind, AlertRaised, AlertResolved, RemedyStarted
from shared.contracts.intake import CaseAssigned, CaseClosed, CloseReason
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import case_opened, message, reference
from tests.unit.intake.bank_says import day, overdue
from tests.unit.intake.team import roster
from tests.unit.spec import Given, given

ZH = {"languages": ["zh"]}
PEOPLE: dict[str, dict[str, Any]] = {"a": ZH, "b": ZH, "s": {"supervisor": True, **ZH}}


def told(language: str, on: date | None = None) -> Any:
    return message(desk.PreferencesSet(language=language), on or day(0))


def owned(by: str, on: date | None = None) -> Any:
    return message(CaseAssigned(owner=by), on or day(0))


def case(*, owner: str | None = "a", **people: dict[str, Any]) -> Given:
    """A case of a borrower who speaks Chinese; steps are looked at elsewhere."""
    people_ = reference(roster=roster(**(people or PEOPLE)))
    opened = message(case_opened().model_copy(update={"language": "zh", "timetable": ()}), day(0))
    now = given(AlertDecider(), people_).when(opened)
    return now if owner is None else now.when(owned(owner))


def test_a_wish_that_nobody_can_meet_is_a_supervisors_until_somebody_has_it_who_speaks_it() -> None:
    """Intake leaves the case where it is, and nobody heard that the two cannot talk."""
    now = case().closes(day(0)).when(told("en", day(1)))
    assert now.said == ()
    asked = now.closes(day(1))
    assert asked.emits(AlertRaised, RemedyStarted)
    raised = asked.last(AlertRaised)
    assert (raised.kind, raised.about) == (AlertKind.LANGUAGE_UNSPOKEN, "en")
    assert raised.reasons[0].params == {"language": "en"}
    assert asked.closes(day(2)).said == ()
    hired = replace(asked, reference=reference(roster=roster(**PEOPLE, m={})))
    met = hired.when(owned("m", day(2))).closes(day(2))
    assert met.last(AlertResolved).reason.code is ReasonCode.OWNER_FITS_LANGUAGE


@pytest.mark.parametrize("first", ["the wish", "the hand-over"])
def test_a_wish_that_is_met_on_its_day_is_nobodys_item_in_either_order(first: str) -> None:
    messages = [told("en", day(1)), owned("m", day(1))]
    if first == "the hand-over":
        messages.reverse()
    now = case(**PEOPLE, m={}).closes(day(0)).when(*messages)
    assert now.closes(day(1)).said == ()


def test_who_takes_a_case_over_without_the_language_and_a_case_of_nobody_are_items_too() -> None:
    taken = case(**PEOPLE, m={"languages": ["en"]}).closes(day(0)).when(owned("m", day(1))).closes(day(1))
    assert taken.last(AlertRaised).about == "zh"
    nobody = case(owner=None).when(told("en")).closes(day(0))
    assert nobody.last(AlertRaised).kind is AlertKind.LANGUAGE_UNSPOKEN


def test_it_ends_where_the_borrower_goes_back_and_with_the_case() -> None:
    asked = case().when(told("en")).closes(day(0))
    back = asked.when(told("zh", day(1))).closes(day(1))
    assert back.last(AlertResolved).reason.code is ReasonCode.OWNER_FITS_LANGUAGE
    closed = asked.when(message(CaseClosed(as_of=day(1), reason=CloseReason.CURED), day(1)))
    assert closed.last(AlertResolved).reason.code is ReasonCode.CASE_CLOSED
    soon = case().when(told("en"), message(CaseClosed(as_of=day(0), reason=CloseReason.CURED), day(0)))
    assert soon.closes(day(0)).said == ()


def test_the_same_language_and_an_owner_of_whom_nothing_is_known_say_nothing() -> None:
    assert case().when(told("zh")).closes(day(0)).said == ()
    assert case(owner="from-elsewhere").when(told("en")).closes(day(0)).said == ()


def test_what_intake_says_of_it_is_enough() -> None:
    people = reference(roster=roster(**PEOPLE))
    intake = given(IntakeDecider(), people).when(overdue(language="zh"))
    opened = [message(event, day(0)) for event in intake.said]
    told_since = intake.when(told("en", day(1))).said
    assert not [event for event in told_since if isinstance(event, CaseAssigned)]
    now = given(AlertDecider(), people).when(*opened, told("en", day(1)))
    assert now.closes(day(1)).last(AlertRaised).kind is AlertKind.LANGUAGE_UNSPOKEN
