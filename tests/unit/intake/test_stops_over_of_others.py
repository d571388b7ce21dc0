"""Stops of other obligors that are over: said once, with their last day, for what was signed meanwhile."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shared.contracts.bank import StopLifted, StopReported
from shared.contracts.intake import StopsChanged, StopsInstructed
from shared.contracts.parties import StopCause, StopInForce, party_id_of
from tests.unit.intake.bank_says import day, lifted, overdue, says, stopped
from tests.unit.intake.test_stops import JOINT, two

THEIRS = party_id_of("C-2")


def ended(n: int, on: int) -> Any:
    """On day n somebody says that it ended on another."""
    return says(StopLifted(stop_id="S-1", on=day(on)), day(n))


def over(step: Any) -> list[tuple[str | None, Any, Any, tuple[str, ...]]]:
    return [_row(one) for said in step.said if isinstance(said, StopsChanged) for one in said.over]


def _row(one: StopInForce) -> tuple[str | None, Any, Any, tuple[str, ...]]:
    return one.party_id, one.since, one.ends_on, one.debts


def test_the_end_of_a_stop_of_another_obligor_says_which_days_it_had() -> None:
    told = two(obligors=JOINT).when(stopped(StopCause.LOST_CAPACITY, 1, customer="C-2"))
    assert over(told) == []
    done = told.when(ended(6, 4))
    assert done.last(StopsChanged).stops == ()
    assert over(done) == [(THEIRS, day(1), day(4), ("A-1",))]
    assert over(done.when(lifted(7), overdue("A-2", n=8))) == [], "said once"


def test_one_that_ended_before_it_began_was_a_mistake_and_had_no_days() -> None:
    told = two(obligors=JOINT).when(stopped(StopCause.DISPUTE, 3, customer="C-2"))
    assert over(told.when(ended(6, 2))) == [(THEIRS, day(3), day(2), ("A-1",))]


def test_one_that_was_over_when_it_was_told_is_said_and_the_bank_hears_nothing() -> None:
    late = StopReported(
        stop_id="S-1", cause=StopCause.BREATHING_SPACE, since=day(0) - timedelta(days=90), customer="C-2"
    )
    told = two(obligors=JOINT).when(says(late, day(2)))
    assert told.emits(StopsChanged)
    assert over(told) == [(THEIRS, late.since, late.since + timedelta(days=30), ("A-1",))]


def test_one_that_ends_by_date_says_it_that_evening() -> None:
    told = two(obligors=JOINT).when(stopped(StopCause.BREATHING_SPACE, 1, customer="C-2"))
    evening = told.closes(day(31))
    assert evening.emits(StopsChanged, StopsInstructed)
    assert over(evening) == [(THEIRS, day(1), day(31), ("A-1",))]


def test_of_the_customer_s_own_nothing_is_said_twice() -> None:
    told = two(obligors=JOINT).when(stopped(StopCause.INSOLVENCY, 1)).when(ended(6, 4))
    assert over(told) == []
