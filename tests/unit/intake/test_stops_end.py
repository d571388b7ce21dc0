"""What stops come to by the packs' tables, and how they end: lifted, by date, or never by themselves."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.intake.decide import IntakeDecider
from shared.contracts.debts import DebtStatus
from shared.contracts.desk_parties import StopReported as StopReportedAtDesk
from shared.contracts.envelope import Envelope
from shared.contracts.intake import CaseChanged, CaseClosed, CaseOpened, InputRefused, StopsChanged
from shared.contracts.parties import CaseHalt, StopCause
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import reference
from tests.unit.intake.bank_says import day, lifted, overdue, recalled, says, signed, sold, stopped
from tests.unit.spec import Given, given

BY_DATE = {StopCause.BREATHING_SPACE, StopCause.CRISIS_BREATHING_SPACE}


def case(**overrides: Any) -> Given:
    return given(IntakeDecider(), reference(**overrides)).when(overdue())


def expected(cause: StopCause, n: int, end: int) -> Envelope[Any]:
    """Stopped on day n, and expected to end on day `end`."""
    said = stopped(cause, n)
    return replace(said, data=said.data.model_copy(update={"expected_end": day(end)}))


def closing(step: Given, last: int) -> tuple[Given, list[tuple[int, Any]]]:
    said: list[tuple[int, Any]] = []
    for n in range(last + 1):
        step = step.closes(day(n))
        said += [(n, event) for event in step.said if isinstance(event, StopsChanged | CaseChanged)]
    return step, said


@pytest.mark.parametrize("cause", StopCause)
def test_a_stop_halts_a_case_by_the_table_and_a_lifted_one_lets_it_go_on(cause: StopCause) -> None:
    step = case().when(stopped(cause, 1))
    rule = getattr(step.reference.policies.in_force("example-card", day(1)).stop_events, cause.value)
    halt = step.last(StopsChanged).halt
    assert halt is not None
    assert set(halt.stops) == set(rule.stops)
    assert (halt.offers, halt.plan_stands) == (rule.offers, rule.plan_stands)
    assert set(halt.may_contact) == (set(rule.may_contact) if "contact" in rule.stops else set())
    back = step.when(lifted(9))
    assert back.last(StopsChanged).halt is None
    assert back.last(CaseChanged).debts[0].status is DebtStatus.ACTIVE


@pytest.mark.parametrize("cause", [cause for cause in StopCause if cause not in BY_DATE])
def test_what_is_lifted_by_somebody_never_ends_by_a_date(cause: StopCause) -> None:
    _, said = closing(case().when(expected(cause, 0, 10)), 200)
    assert said == []


def test_a_breathing_space_ends_after_the_days_of_the_pack() -> None:
    step, said = closing(case().when(stopped(StopCause.BREATHING_SPACE, 0)), 200)
    assert [(n, type(event)) for n, event in said] == [(30, CaseChanged), (30, StopsChanged)]
    assert step.state.stops[0].ended_on == day(30)
    assert said[1][1].halt is None
    assert step.when(lifted(201)).said == ()


def test_a_crisis_ends_so_many_days_after_its_treatment() -> None:
    _, said = closing(case().when(expected(StopCause.CRISIS_BREATHING_SPACE, 0, 20)), 200)
    assert {n for n, _ in said} == {50}
    _, open_end = closing(case().when(stopped(StopCause.CRISIS_BREATHING_SPACE, 0)), 200)
    assert open_end == []


def test_a_second_stop_keeps_the_case_halted_when_the_first_ends_by_date() -> None:
    both = case().when(stopped(StopCause.BREATHING_SPACE, 0), stopped(StopCause.DISPUTE, 1, stop="S-2"))
    _, said = closing(both, 40)
    last = said[-1][1]
    assert isinstance(last, StopsChanged)
    assert last.halt is not None
    assert last.halt.stops == ("enforcement", "fees"), "contact is free again"


def test_a_stop_about_one_of_two_debts_halts_nothing() -> None:
    step = given(IntakeDecider(), reference()).when(overdue(), overdue("A-2"))
    one = step.when(stopped(StopCause.DISPUTE, 1, "A-1"))
    assert one.last(StopsChanged).halt is None
    assert one.when(stopped(StopCause.DISPUTE, 2, "A-2", stop="S-2")).last(StopsChanged).halt is not None


def test_a_breathing_space_that_was_over_before_the_case_opened_stops_nothing() -> None:
    start = given(IntakeDecider(), reference()).when(stopped(StopCause.BREATHING_SPACE, 0))
    later = start.when(overdue(n=100))
    assert later.last(CaseOpened).debts[0].status is DebtStatus.ACTIVE
    assert not [event for event in later.said if isinstance(event, StopsChanged)]
    assert later.closes(day(100) + timedelta(days=1)).state.stops[0].ended_on == day(30)
    assert closing(later, 120)[1] == []


@pytest.mark.parametrize("leaves", [sold, recalled])
def test_a_debt_that_leaves_before_or_during_the_talks_closes_the_case(leaves: Any) -> None:
    assert case().when(leaves(2)).emits(CaseClosed)


def test_a_debt_that_is_sold_with_its_signed_plan_keeps_the_case_and_halts_its_talks() -> None:
    planned = case().when(signed(1, "A-1"))
    after = planned.when(sold(2))
    assert not [event for event in after.said if isinstance(event, CaseClosed)]
    assert after.last(StopsChanged).halt == CaseHalt(
        stops=("contact", "enforcement", "fees", "interest"), may_contact=("buyer",), plan_stands=True
    )
    assert after.state.plan is not None


def asks(cause: StopCause, n: int, stop: str = "S-1") -> Envelope[Any]:
    """Somebody at the desk asks for it."""
    said = stopped(cause, n, stop=stop).data
    facts = said.model_dump(exclude={"customer"})
    return says(StopReportedAtDesk.model_validate(facts), day(n))


def test_a_breathing_space_is_granted_once_in_the_months_of_the_pack() -> None:
    over = case().when(asks(StopCause.BREATHING_SPACE, 0)).closes(day(30))
    assert over.state.stops[0].ended_on == day(30)
    soon = over.when(asks(StopCause.BREATHING_SPACE, 364, "S-2"))
    assert soon.emits(InputRefused)
    refused = soon.last(InputRefused).reason
    assert (refused.code, refused.params) == (ReasonCode.STOP_TOO_SOON, {"date": day(365).isoformat()})
    same = over.when(asks(StopCause.BREATHING_SPACE, 364))
    assert same.last(InputRefused).reason.code is ReasonCode.STOP_TOO_SOON, "nor under its old id"
    assert over.when(asks(StopCause.BREATHING_SPACE, 365, "S-2")).last(StopsChanged).halt is not None


def test_other_causes_packs_without_such_a_limit_and_the_bank_s_own_word_are_not_held_back() -> None:
    over = case().when(asks(StopCause.BREATHING_SPACE, 0)).closes(day(30))
    assert over.when(asks(StopCause.DISPUTE, 40, "S-2")).last(StopsChanged).halt is not None
    assert over.when(stopped(StopCause.BREATHING_SPACE, 40, stop="S-2")).last(StopsChanged).halt is not None
    rule = reference().policies.in_force("example-card", day(0)).stop_events.breathing_space.model_dump()
    free = case(stop_events__breathing_space={**rule, "once_in_months": 0})
    again = free.when(asks(StopCause.BREATHING_SPACE, 0)).closes(day(30))
    assert again.when(asks(StopCause.BREATHING_SPACE, 40, "S-2")).last(StopsChanged).halt is not None


def test_a_halt_is_as_old_as_the_day_on_which_its_last_free_debt_was_stopped() -> None:
    """Told late it says since when: nothing that ran out meanwhile may be held against anybody."""
    two = given(IntakeDecider(), reference()).when(overdue(), overdue("A-2"))
    late = stopped(StopCause.DEATH, 30)
    late = replace(late, data=late.data.model_copy(update={"since": day(4)}))
    died = two.when(late).last(StopsChanged).halt
    assert died is not None
    assert died.since == day(4)
    disputed = two.when(stopped(StopCause.DISPUTE, 1, "A-1"))
    third = stopped(StopCause.LITIGATION, 9, "A-2", stop="S-3")
    both = disputed.when(stopped(StopCause.DISPUTE, 6, "A-1", stop="S-2"), third).last(StopsChanged).halt
    assert both is not None
    assert both.since == day(9)


# --- said beforehand, or by mistake


def until(end: int, n: int) -> Envelope[Any]:
    """Day n: it ends on day `end`."""
    said = lifted(n)
    return replace(said, data=said.data.model_copy(update={"on": day(end)}))


def test_an_end_that_is_said_beforehand_ends_nothing_before_its_day() -> None:
    """The proceedings close at the end of the month: until then nobody is written to."""
    told = case().when(stopped(StopCause.INSOLVENCY, 1)).when(until(20, 5))
    assert told.emits(StopsChanged)
    known = told.last(StopsChanged)
    assert known.halt is not None
    assert known.stops[0].ends_on == day(20)
    assert told.when(until(20, 6)).said == ()
    _, said = closing(told, 40)
    assert {n for n, _ in said} == {20}
    at_once = told.when(lifted(8))
    assert at_once.last(StopsChanged).halt is None
    assert closing(at_once, 40)[1] == []


def test_an_end_said_beforehand_does_not_make_it_longer() -> None:
    told = case().when(stopped(StopCause.BREATHING_SPACE, 0)).when(until(200, 5))
    assert {n for n, _ in closing(told, 250)[1]} == {30}


def test_a_repeat_of_what_was_withdrawn_as_a_mistake_begins_nothing() -> None:
    """It never began: it is said to have ended on the day before."""
    reported = case().when(stopped(StopCause.DEATH, 10))
    withdrawn = reported.when(until(9, 11))
    assert withdrawn.last(StopsChanged).halt is None
    assert withdrawn.when(stopped(StopCause.DEATH, 10)).said == ()
    assert withdrawn.when(stopped(StopCause.DEATH, 12)).last(StopsChanged).halt is not None


def test_a_breathing_space_that_was_a_mistake_uses_none_up() -> None:
    granted = case().when(asks(StopCause.BREATHING_SPACE, 10))
    mistaken = granted.when(until(9, 12))
    assert mistaken.when(asks(StopCause.BREATHING_SPACE, 40, "S-2")).last(StopsChanged).halt is not None
    short = granted.when(until(10, 12)).when(asks(StopCause.BREATHING_SPACE, 40, "S-2"))
    assert short.last(InputRefused).reason.code is ReasonCode.STOP_TOO_SOON
