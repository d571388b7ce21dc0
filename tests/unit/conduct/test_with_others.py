"""A talk with a guarantor or a relative is none with the borrower: neither an answer nor an attempt."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, get_args

import pytest

from services.alert.decide import AlertDecider
from services.assessment.decide import AssessmentDecider
from services.followup.decide import FollowupDecider
from services.intake.decide import IntakeDecider
from shared.contracts import desk
from shared.contracts.base import Personal
from shared.policy.sections_conduct import Party
from tests.unit.builders import CASE, DAY, case_opened, message, reference
from tests.unit.intake.bank_says import overdue
from tests.unit.spec import Given, given

OTHERS = ("co_debtor", "guarantor", "named_contact", "relative", "employer", "buyer", "principal")
OURS = tuple(party for party in get_args(Party) if party not in OTHERS)


def contact(party: str, outcome: str, direction: str) -> Any:
    data = desk.ContactRecorded(
        at=datetime(2026, 3, 2, 9, tzinfo=UTC), place="office", participants=("n-1",),
        key_points=Personal(value="…"), direction=desk.ContactDirection(direction),
        outcome=desk.ContactOutcome(outcome), channel="phone", actor="agent",
        party=party, person=f"{party}-1",
    )  # fmt: skip
    return message(data, DAY)


def case(decider: Any) -> Given:
    return given(decider, reference()).when(message(case_opened()))


@pytest.mark.parametrize("direction", ["outbound", "inbound"])
@pytest.mark.parametrize("outcome", [each.value for each in desk.ContactOutcome])
@pytest.mark.parametrize("party", OTHERS)
def test_no_service_takes_it_for_a_word_of_the_borrower(party: str, outcome: str, direction: str) -> None:
    said = contact(party, outcome, direction)
    for decider in (AssessmentDecider(), AlertDecider()):
        before = case(decider)
        after = before.when(said)
        # Alert counts what was tried with them apart, as the guard does.
        apart = {"others": after.state.others} if isinstance(decider, AlertDecider) else {}
        assert (after.state, after.said) == (before.state.model_copy(update=apart), ())
    before = case(FollowupDecider())
    tried = before.when(contact("borrower", "no_answer", "outbound"))
    after = tried.when(said)
    assert after.state.attempts == tried.state.attempts, "neither an attempt to reach the borrower nor a talk"
    assert after.state.cooperation == tried.state.cooperation
    assert after.state.contacts.recent[-1].person == f"{party}-1"


@pytest.mark.parametrize("party", OURS)
def test_who_speaks_for_the_borrower_answers_for_them(party: str) -> None:
    said = contact(party, "talked", "outbound")
    assert case(AssessmentDecider()).when(said).state.answered == 1
    alert = case(AlertDecider()).when(contact("borrower", "no_answer", "outbound"))
    assert (alert.state.in_vain, alert.when(said).state.in_vain) == (1, 0)
    tried = case(FollowupDecider()).when(contact("borrower", "no_answer", "outbound"))
    assert (tried.state.attempts.count, tried.when(said).state.attempts.count) == (1, 0)


def test_an_attempt_at_who_speaks_for_the_borrower_is_no_ground_for_a_court() -> None:
    tried = case(FollowupDecider()).when(contact("representative", "no_answer", "outbound"))
    assert tried.state.attempts.count == 0


def test_the_next_case_of_the_person_knows_whom_it_was_with() -> None:
    opened = given(IntakeDecider(), reference()).when(overdue())
    after = opened.when(contact("guarantor", "talked", "outbound"))
    assert [one.person for one in after.state.reach.contacts] == ["guarantor-1"]
    assert [one.actor for one in after.state.reach.contacts] == ["agent"]
    assert after.state.case == CASE
