"""A coming year without its business days: one item for a calendar and a year, in time, until it is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from services.alert.decide import AlertDecider
from services.cli.catalogue import policies_dir
from services.cli.reviewed import watching
from shared.contracts.alert import (
    AlertEscalated,
    AlertKind,
    AlertRaised,
    AlertResolved,
    InputRefused,
    RemedyStarted,
)
from shared.contracts.base import Event
from shared.contracts.desk_mechanism import CalendarWatched, calendar_key
from shared.contracts.reasons import ReasonCode
from shared.lending import calendar
from shared.policy.loader import PolicyBook
from tests.unit.builders import case_opened, message, reference
from tests.unit.spec import Given, given

START = date(2026, 3, 2)
MISSED_FROM = date(2026, 11, 2)  # two months before 2027, and 1 November is a Sunday
PACKS = replace(reference(), policies=PolicyBook.load(policies_dir()))


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """The years that the platform knows, whatever version of the package is installed."""
    years = set(range(2001, 2027))
    monkeypatch.setattr(
        calendar, "_announced", lambda code: frozenset(years) if code == "CN" else frozenset()
    )
    return years


def told(pack: str = "cn-card", on: date = START, place: str = "CN") -> Any:
    return watching(pack, place, on)


def lives(now: Given, first: date, last: date) -> tuple[Given, list[tuple[date, Event]]]:
    heard: list[tuple[date, Event]] = []
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        now = now.closes(day)
        heard += [(day, event) for event in now.said]
    return now, heard


def test_somebody_hears_in_time_once_and_it_escalates() -> None:
    begun = given(AlertDecider(), PACKS).when(told())
    assert begun.said == ()
    _, heard = lives(begun, START, date(2027, 2, 1))
    assert [(day, type(event)) for day, event in heard] == [
        (MISSED_FROM, AlertRaised),
        (MISSED_FROM, RemedyStarted),
        (date(2026, 11, 23), AlertEscalated),
    ]
    raised = heard[0][1]
    assert isinstance(raised, AlertRaised)
    assert (raised.kind, raised.about, raised.owner_role) == (
        AlertKind.CALENDAR_MISSING, "CN 2027", "operations",
    )  # fmt: skip
    assert raised.reasons[0].params == {"calendar": "CN", "year": "2027"}


def test_it_ends_by_itself_when_the_year_is_known_and_the_next_one_has_an_item_of_its_own(
    known: set[int],
) -> None:
    now, _ = lives(given(AlertDecider(), PACKS).when(told()), START, date(2026, 11, 10))
    known.add(2027)
    now = now.closes(date(2026, 11, 11))
    assert now.emits(AlertResolved)
    assert now.last(AlertResolved).reason.code is ReasonCode.CALENDAR_KNOWN
    _, heard = lives(now, date(2026, 11, 12), date(2027, 11, 1))
    assert [(day, event.about) for day, event in heard if isinstance(event, AlertRaised)] == [
        (date(2027, 11, 1), "CN 2028")
    ]


def test_of_a_year_that_is_known_in_time_nothing_is_said(known: set[int]) -> None:
    known.add(2027)
    _, heard = lives(given(AlertDecider(), PACKS).when(told()), START, date(2027, 10, 31))
    assert heard == []


def test_said_for_another_pack_of_the_calendar_and_again_there_is_one_item() -> None:
    now = given(AlertDecider(), PACKS).when(told(), told("cn-consumer-loan"), told(on=date(2026, 11, 2)))
    _, heard = lives(now, START, date(2026, 11, 20))
    assert [type(event) for _, event in heard] == [AlertRaised, RemedyStarted]
    assert told().key == told("cn-consumer-loan").key == calendar_key("CN")
    assert told().subject == told("cn-consumer-loan").subject != told(place="TW").subject


def test_days_that_were_missed_are_caught_up_and_begun_late_it_is_said_at_once() -> None:
    late = given(AlertDecider(), PACKS).when(told(on=date(2026, 12, 15))).closes(date(2026, 12, 15))
    assert late.emits(AlertRaised, RemedyStarted)
    after = given(AlertDecider(), PACKS).when(told()).closes(date(2026, 12, 20))
    assert after.emits(AlertRaised, RemedyStarted)


def test_a_calendar_that_nobody_announces_is_never_missing() -> None:
    now = given(AlertDecider(), PACKS).when(told("us-unsecured", place="US"))
    _, heard = lives(now, START, date(2028, 1, 5))
    assert heard == []


def test_at_the_last_day_that_there_is_nothing_turns_for_ever() -> None:
    for pack, place in (("cn-card", "CN"), ("us-unsecured", "US")):
        last = given(AlertDecider(), PACKS).when(told(pack, date(9999, 12, 31), place)).closes(date.max)
        assert last.closes(date.max).state.coming.look_on is None


@pytest.mark.parametrize("pack", ["nowhere", "cn-card"])
def test_an_unknown_pack_or_a_borrowers_case_is_refused(pack: str) -> None:
    case = given(AlertDecider(), PACKS).when(
        message(case_opened().model_copy(update={"policy": "cn-card"}), START)
    )
    before = case if pack == "cn-card" else given(AlertDecider(), PACKS)
    refused = before.when(message(CalendarWatched(pack=pack), START))
    assert refused.last(InputRefused).reason.code is ReasonCode.UNKNOWN_PRODUCT
