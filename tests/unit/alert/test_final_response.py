"""The final response to a complaint is given by who answers for it, or by a supervisor; by nobody else."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.alert.decide import AlertDecider
from shared.contracts import desk, desk_contact, intake
from shared.contracts.alert import (
    ComplaintAssigned,
    ComplaintClosed,
    ComplaintHandedOver,
    ComplaintOpened,
    InputRefused,
)
from shared.contracts.base import Personal
from shared.contracts.departures import Departure, work_of
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import DAY, case_opened, message, reference
from tests.unit.intake.team import roster
from tests.unit.spec import Given, given

LATER = DAY + timedelta(days=2)
WORDS = Personal(value="…")
GONE = {"left": "2026-01-01", "tier": 3}
TEAM = roster(n={}, other={}, head={"supervisor": True}, senior={"tier": 2}, gone=GONE)


def case(owner: str | None = "n") -> Given:
    opened = given(AlertDecider(), reference(roster=TEAM)).when(
        message(case_opened()), message(intake.CaseAssigned(owner="n"))
    )
    return opened.when(message(desk.ComplaintMade(complaint_id="K", words=WORDS, owner=owner)))


def answered(by: str, *, final: bool = True, on: Any = LATER, words: Personal[str] = WORDS) -> Any:
    data = desk_contact.ComplaintAnswered(complaint_id="K", by=by, final=final, words=words)
    return message(data, on)


@pytest.mark.parametrize("by", ["n", "head", "senior", "complaints-department"])
def test_the_owner_a_supervisor_or_who_is_on_no_roster_ends_it(by: str) -> None:
    closed = case().when(answered(by))
    assert closed.emits(ComplaintClosed)
    assert closed.last(ComplaintClosed).by == by


@pytest.mark.parametrize("by", ["other", "gone"])
def test_a_colleague_or_who_has_left_ends_nothing(by: str) -> None:
    """Anybody's word ended it, and collection went on."""
    refused = case().when(answered(by))
    assert refused.emits(InputRefused)
    assert refused.last(InputRefused).reason.code is ReasonCode.COMPLAINT_NOT_THEIRS
    assert [one.complaint_id for one in refused.state.complaints] == ["K"]
    assert refused.when(answered("n")).emits(ComplaintClosed), "and who may, still does"
    assert case().when(answered(by, final=False)).said == (), "an interim answer is anybody's"


def test_an_owner_who_has_left_ends_nothing() -> None:
    there = case()
    told = Counter(work_of([Departure(staff="n", since=LATER)]))
    left = replace(there, reference=replace(there.reference, open_work=told))
    assert left.when(answered("n", on=LATER - timedelta(days=1))).emits(ComplaintClosed)
    assert left.when(answered("n")).last(InputRefused).reason.code is ReasonCode.COMPLAINT_NOT_THEIRS


def test_who_it_was_handed_to_ends_it_and_who_had_it_does_not() -> None:
    moved = case().when(message(intake.CaseAssigned(owner="other", previous="n"))).closes(DAY)
    assert moved.last(ComplaintHandedOver).owner == "other"
    assert moved.when(answered("n")).emits(InputRefused)
    assert moved.when(answered("other")).emits(ComplaintClosed)


def test_where_only_a_role_is_named_no_negotiator_ends_it() -> None:
    there = case(owner=None)
    assert there.when(answered("n")).emits(InputRefused)
    assert there.when(answered("head")).emits(ComplaintClosed)


def test_a_complaint_is_not_made_again_by_its_id() -> None:
    """Other services hear of its end by another topic than of itself: what is over stays over."""
    over = case().when(answered("n"))
    again = over.when(message(desk.ComplaintMade(complaint_id="K", words=WORDS, owner="n"), LATER))
    assert again.last(InputRefused).reason.code is ReasonCode.COMPLAINT_ANSWERED
    assert again.state.complaints == ()
    other = over.when(message(desk.ComplaintMade(complaint_id="K-2", words=WORDS, owner="n"), LATER))
    assert other.emits(ComplaintOpened)


def test_a_blank_answers_nothing_and_around_a_name_it_makes_nobody_a_stranger_to_the_roster() -> None:
    """By nobody, or without a word, it was the final response; a colleague needed a blank before the name."""
    for blank in (answered(" "), answered("n", words=Personal(value=" \n"))):
        refused = case().when(blank)
        assert refused.last(InputRefused).reason.code is ReasonCode.RECORD_INCOMPLETE
        assert refused.state.complaints
    assert case().when(answered(" other ")).last(InputRefused).reason.code is ReasonCode.COMPLAINT_NOT_THEIRS
    assert case().when(answered(" n")).emits(ComplaintClosed)


@pytest.mark.parametrize("name", ["", "K" * 300])
def test_whatever_its_id_a_complaint_can_be_answered(name: str) -> None:
    """One that was longer than an answer could name held for ever."""
    opened = given(AlertDecider(), reference(roster=TEAM)).when(message(case_opened()))
    there = opened.when(message(desk.ComplaintMade(complaint_id=name, words=WORDS, owner="n")))
    said = desk_contact.ComplaintAnswered(complaint_id=name, by="n", final=True, words=WORDS)
    assert there.when(message(said)).last(ComplaintClosed).complaint_id == name


def test_an_answer_about_a_case_that_nobody_knows_is_refused() -> None:
    waits = given(AlertDecider(), reference(roster=TEAM)).when(answered("n"))
    assert waits.said == ()
    assert waits.closes(LATER).last(InputRefused).reason.code is ReasonCode.COMPLAINT_UNKNOWN


@pytest.mark.parametrize("owner", ["gone", " ", None])
def test_who_has_left_already_or_nobody_has_no_complaint_after_its_first_evening(owner: str | None) -> None:
    there = case(owner)
    evening = there.closes(DAY)
    (complaint,) = evening.state.complaints
    assert complaint.owner in {"head"}, "a supervisor"
    assert evening.emits(ComplaintHandedOver if owner == "gone" else ComplaintAssigned)
    assert evening.when(answered("head")).emits(ComplaintClosed)


def test_so_it_is_where_another_complaint_was_over_long_before_and_where_a_command_told_of_it() -> None:
    over = case().closes(DAY).when(answered("n", on=DAY))
    assert over.state.complaints == ()
    told = Counter(work_of([Departure(staff="other", since=DAY)]))
    left = replace(over, reference=replace(over.reference, open_work=told))
    second = desk.ComplaintMade(complaint_id="K-2", words=WORDS, owner="other")
    evening = left.when(message(second, LATER)).closes(LATER)
    assert evening.last(ComplaintHandedOver).owner == "head"
