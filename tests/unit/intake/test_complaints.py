"""Complaints of a person: each is of one case, holds in every case, and ends by alert's word about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from services.intake.decide import IntakeDecider
from shared.contracts.alert import ComplaintClosed
from shared.contracts.base import Personal
from shared.contracts.desk import ComplaintMade
from shared.contracts.ids import case_id
from shared.contracts.intake import CaseOpened, InputRefused
from shared.contracts.intake_team import EarlierComplaint
from shared.contracts.reach import EarlierReach
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import DAY, message, reference
from tests.unit.intake.bank_says import cured, day, overdue
from tests.unit.spec import Given, given

FIRST, SECOND, THIRD = (case_id("C-1", number) for number in (1, 2, 3))


def opened() -> Given:
    return given(IntakeDecider(), reference()).when(overdue())


def made(case: str | None, complaint: str = "K", n: int = 0) -> Any:
    data = ComplaintMade(complaint_id=complaint, words=Personal(value="…"))
    return replace(message(data, day(n), hour=10), subject=case)


def ended(case: str, complaint: str = "K", n: int = 0) -> Any:
    data = ComplaintClosed(complaint_id=complaint, by="n", as_of=day(n), days=0, in_time=True)
    return replace(message(data, day(n), hour=11), subject=case)


def closed(there: Given, n: int = 1, account: str = "A-1") -> Given:
    return there.when(cured(n, account))


def again(there: Given, n: int = 2) -> Given:
    return there.when(overdue("A-2", n=n))


def told(step: Given) -> list[tuple[str, bool]]:
    return [(one.complaint_id, one.is_open) for one in step.said if isinstance(one, EarlierComplaint)]


@pytest.mark.parametrize("case", [None, "a slip", THIRD])
def test_one_about_no_case_of_theirs_is_refused_and_holds_nothing(case: str | None) -> None:
    """Alert knows no such case, so that nobody could give the final response: every case to come rested."""
    waits = opened().when(made(case))
    assert waits.said == ()
    refused = waits.closes(DAY)
    assert refused.last(InputRefused).reason.code is ReasonCode.COMPLAINT_OF_NO_CASE
    assert refused.state.reach.complaints == ()


def test_one_of_a_customer_without_a_case_is_refused_and_not_lost() -> None:
    nobody = given(IntakeDecider(), reference()).when(made(FIRST))
    assert nobody.when(overdue()).state.reach.complaints == (f"{FIRST}/K",), "its case opens on that day"
    assert nobody.closes(DAY).last(InputRefused).reason.code is ReasonCode.COMPLAINT_OF_NO_CASE


def test_one_that_is_read_before_its_case_is_kept_when_the_case_opens() -> None:
    waits = closed(opened()).when(made(SECOND, n=2))
    assert waits.state.reach.complaints == ()
    assert again(waits).state.reach.complaints == (f"{SECOND}/K",)


def test_one_of_a_closed_case_holds_in_the_next_until_its_end_about_that_case() -> None:
    second = again(closed(opened().when(made(FIRST))))
    assert second.last(CaseOpened).reach.complaints == (f"{FIRST}/K",)
    over = second.when(ended(FIRST, n=2))
    assert told(over) == [(f"{FIRST}/K", False)]
    assert over.state.reach.complaints == ()


@pytest.mark.parametrize("ahead", [True, False])
def test_the_two_topics_in_either_order(ahead: bool) -> None:
    said = (ended(FIRST), made(FIRST)) if ahead else (made(FIRST), ended(FIRST))
    over = opened().when(*said)
    assert over.state.reach.complaints == ()
    assert over.when(made(FIRST)).state.reach.complaints == (), "nor by a copy of it"


def test_a_desk_may_count_its_complaints_anew_in_each_case() -> None:
    """The end of the first took the second off, and collection went on while that one was open."""
    second = again(closed(opened().when(made(FIRST))))
    both = second.when(made(SECOND, n=2))
    assert both.state.reach.complaints == (f"{FIRST}/K", f"{SECOND}/K")
    left = both.when(ended(FIRST, n=2))
    assert told(left) == [(f"{FIRST}/K", False)], "which is no word about the one of this case"
    assert left.state.reach.complaints == (f"{SECOND}/K",)
    third = again(closed(left, n=3, account="A-2"), n=4)
    assert third.last(CaseOpened).reach.complaints == (f"{SECOND}/K",)


def test_of_very_many_none_is_forgotten_before_its_end() -> None:
    """Of more than forty the oldest held no more."""
    names = [str(number) for number in range(45)]
    many = opened().when(*(made(FIRST, name) for name in names))
    left = many.when(*(ended(FIRST, name) for name in names[1:]))
    assert left.state.reach.complaints == (f"{FIRST}/0",)


@pytest.mark.parametrize("name", ["", "K" * 300])
def test_whatever_its_id_the_next_case_can_be_told_of_it(name: str) -> None:
    """The desk may name it as it likes; a case that could not be told of it would have been parked."""
    reach = again(closed(opened().when(made(FIRST, name)))).last(CaseOpened).reach
    assert EarlierReach.model_validate_json(reach.model_dump_json()) == reach


def test_one_of_a_document_of_before_ends_by_its_id_alone() -> None:
    there = opened()
    known = there.state.reach.model_copy(update={"complaints": ("K",)})
    second = again(closed(replace(there, state=there.state.model_copy(update={"reach": known}))))
    assert second.when(made(FIRST)).state.reach.complaints == ("K",)
    over = second.when(ended(FIRST, n=2))
    assert told(over) == [("K", False)], "the name by which the case was told of it"
    assert over.state.reach.complaints == ()
