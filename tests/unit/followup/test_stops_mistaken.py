"""A stop that never was, and one in which a plan was signed: told when the plan is broken, or in force."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from services.followup.model import FollowupStatus
from services.intake.decide import IntakeDecider
from shared.contracts import desk_parties, followup, followup_care
from shared.contracts.agreement import BankInstructed, InstructionKind
from shared.contracts.envelope import Envelope
from shared.contracts.intake import StopsChanged
from shared.contracts.parties import CaseHalt, StopCause, StopInForce
from tests.unit.builders import DAY, message, reference
from tests.unit.conduct.test_stop_contacts import agreed, case_at_table
from tests.unit.followup.plans import by_evening, live
from tests.unit.followup.test_stands_again import CRISIS, TOLD, broken, plan_broken
from tests.unit.followup.test_stops_over import past
from tests.unit.intake.bank_says import day, lifted, overdue, stopped
from tests.unit.spec import Given, given
from tests.unit.stopping import begins

BY_A_MISTAKE = "plan_stands_again_by_a_mistake"
SIGNED = "signature_in_doubt"


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
