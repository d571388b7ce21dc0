"""The whole mechanism is reviewed every so many months: due, overdue, escalated, caught up."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from services.alert.decide import AlertDecider
from services.cli.catalogue import policies_dir
from services.cli.reviewed import said
from shared.contracts import desk
from shared.contracts.alert import (
    AlertEscalated,
    AlertKind,
    AlertRaised,
    AlertResolved,
    AlertTaken,
    InputRefused,
    RemedyStarted,
)
from shared.contracts.alert_steps import MechanismReviewNoted, StepCaughtUp, StepOverdue, StepReminded
from shared.contracts.base import Event
from shared.contracts.reasons import ReasonCode
from shared.policy.loader import PolicyBook
from tests.unit.builders import CASE, case_opened, message, reference
from tests.unit.spec import Given, given

START = date(2026, 3, 2)
BEGINS = date(2026, 9, 2)  # six months later, by the shipped packs
PACKS = replace(reference(), policies=PolicyBook.load(policies_dir()))


def review(on: date = START, pack: str = "cn-card", role: str = "supervisor") -> Any:
    return said(pack, "s-zhao", role, "the rate cut of rewards is doubled", on)


def begun() -> Given:
    return given(AlertDecider(), PACKS).when(review())


def lives(now: Given, last: date) -> tuple[Given, list[tuple[date, Event]]]:
    heard: list[tuple[date, Event]] = []
    day = START
    while day <= last:
        now = now.closes(day)
        heard += [(day, event) for event in now.said]
        day += timedelta(days=1)
    return now, heard


def test_a_review_says_who_what_by_which_pack_and_when_the_next_one_is() -> None:
    noted = begun().last(MechanismReviewNoted)
    assert (noted.on, noted.reviewer, noted.role) == (START, "s-zhao", "supervisor")
    assert noted.decided == "the rate cut of rewards is doubled"
    assert noted.policy_version == PACKS.policies.in_force("cn-card", START).version
    assert (noted.next_review, noted.due) == (BEGINS, date(2026, 9, 30))  # twenty business days in China


def test_it_is_asked_for_when_due_then_overdue_with_an_alert_that_escalates() -> None:
    now, heard = lives(begun(), date(2026, 10, 31))
    assert [type(event) for _, event in heard] == [
        StepReminded, StepOverdue, AlertRaised, RemedyStarted, AlertEscalated,
    ]  # fmt: skip
    days, events = zip(*heard, strict=True)
    assert days[0] == BEGINS
    assert days[1] == date(2026, 9, 30)
    assert events[0].owner_role == "supervisor"
    assert events[0].step == "mechanism_review"
    assert (events[1].owner_role, events[1].escalate_to) == ("supervisor", "credit_committee")
    assert (events[2].kind, events[2].about) == (AlertKind.MECHANISM_UNREVIEWED, "cn-card")
    assert events[2].owner_role == "credit_committee"
    assert (days[4], events[4].to_role) == (events[3].due, "board")
    taken = now.when(message(desk.AlertAcknowledged(alert_id=events[2].alert_id, by="c-wu"), days[4]))
    assert taken.emits(AlertTaken)


def test_a_review_in_time_begins_the_months_again_and_nothing_is_said() -> None:
    now, heard = lives(begun(), BEGINS)
    assert [type(event) for _, event in heard] == [StepReminded]
    held = now.when(review(BEGINS + timedelta(days=5), role="credit_committee"))
    assert held.emits(MechanismReviewNoted)
    assert held.last(MechanismReviewNoted).next_review == date(2027, 3, 7)
    _, after = lives(held, date(2027, 3, 6))
    assert after == []


def test_it_is_asked_for_on_a_business_day() -> None:
    on = date(2026, 4, 2)  # six months later is in the week of the National Day
    said_ = given(AlertDecider(), PACKS).when(review(on))
    assert said_.last(MechanismReviewNoted).next_review == date(2026, 10, 2)
    reminded = [day for day, event in lives(said_, date(2026, 10, 20))[1] if isinstance(event, StepReminded)]
    assert reminded == [date(2026, 10, 8)]


def test_a_late_review_is_caught_up_and_ends_the_alert() -> None:
    now, _ = lives(begun(), date(2026, 10, 20))
    held = now.when(review(date(2026, 10, 21)))
    assert held.emits(MechanismReviewNoted, StepCaughtUp, AlertResolved)
    assert held.last(StepCaughtUp).due == date(2026, 9, 30)
    assert held.state.alerts == ()


def test_days_that_were_missed_are_caught_up_at_one_close() -> None:
    closed = begun().closes(date(2026, 12, 1))
    assert [type(event) for event in closed.said] == [StepReminded, StepOverdue, AlertRaised, RemedyStarted]


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (review(pack="nowhere"), ReasonCode.UNKNOWN_PRODUCT),
        (review(pack="tw-card"), ReasonCode.UNKNOWN_PRODUCT),
        (review(START - timedelta(days=1)), ReasonCode.STALE_FACT),
        (review(START + timedelta(days=9), role="negotiator"), ReasonCode.NOT_ALLOWED_TO),
    ],
)
def test_what_cannot_be_a_review_of_it_changes_nothing(other: Any, why: ReasonCode) -> None:
    now = begun()
    after = now.when(replace(other, subject=now.state.case))
    assert after.emits(InputRefused)
    assert after.last(InputRefused).reason.code is why
    assert after.state == now.state


def test_a_borrowers_case_is_no_mechanism_and_a_wrong_role_begins_none() -> None:
    case = given(AlertDecider(), reference()).when(message(case_opened()))
    after = case.when(replace(review(pack="example-card"), subject=CASE))
    assert after.last(InputRefused).reason.code is ReasonCode.UNKNOWN_PRODUCT
    assert after.state.mechanism is None
    wrong = given(AlertDecider(), PACKS).when(review(role="negotiator"))
    assert wrong.emits(InputRefused)
    assert wrong.state is None


def test_at_the_end_of_the_calendar_it_is_never_due() -> None:
    far = given(AlertDecider(), PACKS).when(review(date(9999, 9, 1)))
    assert far.last(MechanismReviewNoted).due == date.max
