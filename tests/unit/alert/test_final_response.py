"""The final response to a complaint is given by who answers for it, or by a supervisor; by nobody else."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.alert.decide import AlertDecider
from shared.contracts import desk, desk_contact, intake
from shared.contracts.alert import ComplaintClosed, ComplaintHandedOver, ComplaintOpened, InputRefused
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


def answered(by: str, *, final: bool = True, on: Any = LATER) -> Any:
    data = desk_contact.ComplaintAnswered(complaint_id="K", by=by, final=final, words=WORDS)
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
