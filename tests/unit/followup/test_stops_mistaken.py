"""A stop that never was, and one in which a plan was signed: told when the plan is broken, or in force."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from services.followup.decide import FollowupDecider
from services.followup.model import FollowupStatus
from services.intake.decide import IntakeDecider
from shared.contracts import desk_parties, followup, followup_care
from shared.contracts.agreement import BankInstructed, InstructionKind
from shared.contracts.desk_care import ProblemSolved
from shared.contracts.envelope import Envelope
from shared.contracts.intake import StopsChanged
from shared.contracts.parties import CaseHalt, StopCause, StopInForce
from tests.unit.builders import DAY, case_opened, message, reference, signed
from tests.unit.conduct.test_stop_contacts import agreed, case_at_table
from tests.unit.followup.plans import PLAIN, ROWS, by_evening, live, lives_to
from tests.unit.followup.test_stands_again import CRISIS, TOLD, broken, plan_broken
from tests.unit.followup.test_stops_over import past
from tests.unit.intake.bank_says import day, lifted, overdue, stopped
from tests.unit.spec import Given, given
from tests.unit.stopping import begins

BY_A_MISTAKE = "plan_stands_again_by_a_mistake"
SIGNED = "agreement_signed_in_a_stop"


def withdrawn(on: date, since: date, **still: Any) -> Envelope[Any]:
    mistaken = StopInForce(stop_id="S-1", cause=CRISIS, since=since, debts=("A-1",))
    return message(StopsChanged(as_of=on, stops=(), mistaken=(mistaken,), **still), on)


def opened(step: Given) -> list[str]:
    return [one.about for one in step.said if isinstance(one, followup_care.ProblemOpened)]


# --- it never was


def test_intake_says_which_stop_never_was() -> None:
    step = given(IntakeDecider(), reference()).when(overdue(n=1), stopped(CRISIS, 9))
    ends = lifted(12)
    for on, never in ((8, ["S-1"]), (9, []), (12, [])):
        over = step.when(replace(ends, data=ends.data.model_copy(update={"on": day(on)})))
        said = over.last(StopsChanged)
        assert [one.stop_id for one in said.mistaken] == never
        assert [one.debts for one in said.mistaken] == [("A-1",)] * len(never)


def test_withdrawn_on_the_day_on_which_it_was_told_it_has_no_plan_stand_again() -> None:
    """A slip of the desk, put right within the hour, gave a plan back that the bank had ended."""
    lived, broke = broken()
    slip = [*begins(CRISIS, TOLD, since=broke - timedelta(days=5)), withdrawn(TOLD, broke)]
    told = by_evening(lived, TOLD, *slip)
    assert told.said == ()
    assert (told.state.status, told.state.halted_on) == (FollowupStatus.BROKEN, None)
    assert told.state.plan == lived.state.plan


@pytest.mark.parametrize(("since", "stands"), [(-1, True), (1, False)])
def test_what_else_stops_the_case_is_looked_at_as_if_it_were_told_then(since: int, *, stands: bool) -> None:
    lived, broke = broken()
    first = begins(CRISIS, TOLD, since=broke - timedelta(days=5))
    halt = CaseHalt(stops=("contact",), since=broke + timedelta(days=since))
    told = by_evening(lived, TOLD, *first, withdrawn(TOLD, broke - timedelta(days=5), halt=halt))
    assert (told.state.status is FollowupStatus.LIVE) is stands
    assert told.state.halted_on == halt.since


def test_a_plan_that_stands_by_it_stays_in_force_and_somebody_looks_at_it() -> None:
    lived, broke = broken()
    stands = by_evening(lived, TOLD, *begins(CRISIS, TOLD, since=broke - timedelta(days=5)))
    on = TOLD + timedelta(days=4)
    never = stands.when(withdrawn(on, broke - timedelta(days=5)))
    assert opened(never) == [BY_A_MISTAKE]
    assert never.state.status is FollowupStatus.LIVE
    assert never.state.halted_on is None


@pytest.mark.parametrize("unlike", ["after it broke", "another debt", "in time"])
def test_of_another_stop_that_never_was_nobody_is_told(unlike: str) -> None:
    lived, broke = broken()
    stands = by_evening(lived, TOLD, *begins(CRISIS, TOLD, since=broke - timedelta(days=5)))
    if unlike == "in time":
        stands = live().when(*begins(CRISIS, DAY + timedelta(days=5)))
    never = withdrawn(TOLD, broke + timedelta(days=1) if unlike == "after it broke" else broke)
    if unlike == "another debt":
        other = never.data.mistaken[0].model_copy(update={"debts": ("A-9",)})
        never = replace(never, data=never.data.model_copy(update={"mistaken": (other,)}))
    assert opened(stands.when(never)) == []


def test_over_all_services_the_bank_hears_nothing_of_a_slip_and_no_more_of_a_plan_that_stands() -> None:
    there, _, n = plan_broken("cn-card")
    there.lives_to(day(n))
    said = stopped(CRISIS, n + 1)
    stop = replace(said, data=said.data.model_copy(update={"since": day(n - 10)}))
    ends = lifted(n + 1)
    never = replace(ends, data=ends.data.model_copy(update={"on": day(n - 11)}))
    slip = there.branch().hears(stop, never).lives_to(day(n + 3))
    assert slip.state("followup").status is FollowupStatus.BROKEN
    assert slip.all(BankInstructed) == there.all(BankInstructed)
    later_on = there.branch().hears(stop).lives_to(day(n + 5))
    told = later_on.all(BankInstructed)
    assert told[-1].kind is InstructionKind.RESTORE_TERMS
    later_on.hears(replace(never, time=never.time + timedelta(days=5))).lives_to(day(n + 6))
    assert later_on.state("followup").status is FollowupStatus.LIVE
    assert [one.about for one in later_on.state("followup").problems] == [BY_A_MISTAKE]
    assert later_on.all(BankInstructed) == told


# --- a plan was signed in it


def stop_of(since: date, on: date, *debts: str, party: str | None = None) -> Envelope[Any]:
    stop = StopInForce(
        stop_id="S-7", cause=StopCause.LOST_CAPACITY, since=since, debts=debts or ("A-1",), party_id=party
    )
    return message(StopsChanged(as_of=on, stops=(stop,)), on)


@pytest.mark.parametrize(("since", "asked"), [(-40, True), (0, True), (1, False)])
def test_who_signed_in_a_stop_that_is_told_later_is_looked_after(since: int, *, asked: bool) -> None:
    """Told in time nothing would have been signed; told a day later, nobody heard of it."""
    lived = lives_to(live(), DAY + timedelta(days=4))
    on = DAY + timedelta(days=5)
    told = lived.when(stop_of(DAY + timedelta(days=since), on))
    assert opened(told) == [SIGNED] * asked
    assert told.state.status is FollowupStatus.LIVE
    if not asked:
        return
    solved = told.when(message(ProblemSolved(problem_id=told.state.problems[0].problem_id, by="s"), on))
    assert opened(solved.when(stop_of(DAY, on + timedelta(days=1)))) == [], "somebody has looked"


@pytest.mark.parametrize(
    ("first", "last", "asked"), [(-9, 0, True), (-9, 3, True), (-9, -1, False), (1, 3, False)]
)
def test_so_it_is_where_the_stop_was_over_when_it_was_told(first: int, last: int, *, asked: bool) -> None:
    lived = lives_to(live(), DAY + timedelta(days=4))
    told = lived.when(
        *[past(DAY + timedelta(days=first), DAY + timedelta(days=last), DAY + timedelta(days=5))]
    )
    assert opened(told) == [SIGNED] * asked


def test_who_signed_in_it_before_the_lender_did_is_asked_about_too() -> None:
    """It took effect when the stop was over: with the lender's signature."""
    on = DAY + timedelta(days=5)
    plan = signed(*ROWS).model_copy(update={"drafted_on": DAY - timedelta(days=4)})
    step = given(FollowupDecider(), reference(**PLAIN)).when(message(case_opened()), message(plan))
    for first, last, asked in ((-9, -4, True), (-2, -1, True), (-9, -5, False)):
        told = past(DAY + timedelta(days=first), DAY + timedelta(days=last), on)
        assert opened(lives_to(step, on - timedelta(days=1)).when(told)) == [SIGNED] * asked


@pytest.mark.parametrize("unlike", ["another debt", "another person", "on its day"])
def test_of_what_is_no_such_stop_nobody_is_told(unlike: str) -> None:
    on = DAY + timedelta(days=5)
    lived = lives_to(live(), on - timedelta(days=1))
    told = {
        "another debt": stop_of(DAY, on, "A-9"),
        "another person": stop_of(DAY, on, party="party-c"),
        "on its day": stop_of(DAY, DAY),
    }
    assert opened(lived.when(told[unlike])) == []


def test_a_stop_that_was_over_before_the_plan_breaks_nothing_of_it() -> None:
    lived, broke = broken()
    told = by_evening(lived, TOLD, past(DAY - timedelta(days=20), DAY - timedelta(days=1), TOLD))
    assert (told.said, told.state.status) == ((), FollowupStatus.BROKEN), broke


@pytest.mark.parametrize("pack", ["cn-card", "eu-consumer"])
def test_over_all_services_the_desk_tells_it_the_day_after(pack: str) -> None:
    there = agreed(case_at_table(pack).branch()).lives_to(day(4))
    tells = desk_parties.StopReported(
        stop_id="S-1", cause=StopCause.LOST_CAPACITY, since=day(2), told_by="n-1"
    )
    there.hears(message(tells, day(5))).lives_to(day(6))
    assert [one.about for one in there.state("followup").problems] == [SIGNED]
    assert there.state("followup").status is FollowupStatus.LIVE
    assert not there.all(followup.PlanBroken)
