"""A supervisor has a plan stand again that was left to a person, once nothing is built on its end."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from services.agreement.model import AgreementStatus
from services.followup.model import FollowupStatus
from services.offer.model import OfferStatus
from shared.contracts import agreement, followup, followup_care, offer
from shared.contracts.agreement import BankInstructed, CollectionOrder, InstructionKind
from shared.contracts.base import Personal, Reason
from shared.contracts.desk_care import PlanReinstated, ProblemSolved
from shared.contracts.envelope import Envelope
from shared.contracts.parties import StopCause
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import message
from tests.unit.followup.plans import by_evening, lives_to
from tests.unit.followup.test_stands_again import ENDS, TOLD, broken, late, plan_broken, tabled
from tests.unit.household import Household
from tests.unit.intake.bank_says import day, lifted, stopped
from tests.unit.intake.team import roster
from tests.unit.spec import Given
from tests.unit.stopping import over

WHY = Personal[str](value="the borrower was in hospital")
PEOPLE: dict[str, Any] = {"s": {"supervisor": True}, "n-1": {}}


def says(agreement_id: str, on: date, by: str = "s") -> Envelope[Any]:
    return message(PlanReinstated(agreement_id=agreement_id, by=by, reason=WHY), on)


def left_to_a_person() -> Given:
    """Give a plan that broke in a stop told later, while an offer stood."""
    _, broke = broken()
    step, _ = broken(tabled(broke + timedelta(days=1)))
    there = replace(step, reference=replace(step.reference, roster=roster(**PEOPLE)))
    return late(there, broke)


def offer_withdrawn() -> Envelope[Any]:
    reason = Reason(code=ReasonCode.ASSESSMENT_EXPIRED)
    return message(offer.OfferWithdrawn.model_construct(offer_id="O-2", reason=reason), TOLD)


def refused(step: Given, said: Envelope[Any]) -> ReasonCode:
    after = step.when(said)
    assert after.state == step.state
    return after.last(followup.InputRefused).reason.code


def test_not_while_an_offer_stands_nor_by_anybody_nor_what_was_not_left_to_a_person() -> None:
    step = left_to_a_person()
    plan = step.state.plan.agreement_id
    assert refused(step, says(plan, TOLD)) is ReasonCode.PLAN_END_BUILT_ON
    free = step.when(offer_withdrawn())
    assert refused(free, says(plan, TOLD, by="n-1")) is ReasonCode.NOT_ALLOWED_TO
    assert refused(free, says("another", TOLD)) is ReasonCode.PROBLEM_UNKNOWN
    (problem,) = free.state.problems
    solved = free.when(message(ProblemSolved(problem_id=problem.problem_id, by="s"), TOLD))
    assert refused(solved, says(plan, TOLD)) is ReasonCode.PROBLEM_UNKNOWN
    again = by_evening(free, TOLD, says(plan, TOLD))
    assert again.state.status is FollowupStatus.LIVE
    assert refused(again, says(plan, TOLD)) is ReasonCode.PROBLEM_UNKNOWN, "once"


def test_in_the_stop_it_rests_and_is_talked_about_when_that_is_over() -> None:
    free = left_to_a_person().when(offer_withdrawn())
    again = by_evening(free, TOLD, says(free.state.plan.agreement_id, TOLD))
    solved = again.last(followup_care.ProblemResolved)
    assert (solved.by, again.state.problems) == ("plan_stands_again", ())
    assert again.emits(followup_care.PlanReopened, followup_care.ProblemResolved)
    assert again.state.plan.silent
    rests = lives_to(again, ENDS - timedelta(days=1))
    assert not [one for one in rests.said if isinstance(one, followup.PlanBroken)]
    assert followup.RenegotiationRequested in {type(one) for one in rests.when(*over(ENDS)).said}


# --- over all services


def to_decide(pack: str) -> tuple[Household, int]:
    """Give a life in which an offer stood when a stop was told that was over; it has lapsed since."""
    there, _, n = plan_broken(pack)
    there.lives_to(day(n))
    while not there.state("followup").offer_stands:
        n += 1
        there.lives_to(day(n))
    said = stopped(StopCause.LITIGATION, n + 1)
    since = there.all(followup.PlanBroken)[-1].as_of
    ends = lifted(n + 1)
    there.hears(replace(ends, data=ends.data.model_copy(update={"on": day(n)})))
    there.hears(replace(said, data=said.data.model_copy(update={"since": since}))).lives_to(day(n + 1))
    n += 1
    while there.state("followup").offer_stands:
        n += 1
        there.lives_to(day(n))
    people = roster(**{"s": {"supervisor": True}, "n-1": {}})
    there = replace(there, reference=replace(there.reference, roster=people))
    for name, one in there.services.items():
        there.services[name] = replace(one, reference=replace(one.reference, roster=people))
    return there, n + 2


@pytest.mark.parametrize("pack", ["cn-card", "uk-unsecured"])
def test_all_services_and_the_bank_hear_it_and_it_does_not_break_at_once(pack: str) -> None:
    there, n = to_decide(pack)
    signed = there.all(agreement.AgreementSigned)[-1]
    assert there.state("followup").status is FollowupStatus.BROKEN
    there.hears(says(signed.agreement_id, day(n))).lives_to(day(n))
    assert there.state("agreement").status is AgreementStatus.IN_FORCE
    assert there.state("intake").plan.agreement_id == signed.agreement_id
    assert there.state("offer").status in {OfferStatus.AGREED, OfferStatus.WAITING}
    told = there.all(BankInstructed)[-1]
    assert (told.kind, told.collection) == (InstructionKind.RESTORE_TERMS, CollectionOrder.STOP)
    assert there.all(followup.RenegotiationRequested, day(n))
    there.lives_to(day(n + 60))
    assert there.state("followup").status is FollowupStatus.LIVE


@pytest.mark.parametrize("days", [0, 300])
def test_the_stop_in_which_it_was_broken_ends_for_it_too_whenever_it_had_begun(days: int) -> None:
    """Begun before the first instalment that was missed, it would have gone on for this plan alone."""
    _, broke = broken()
    step, _ = broken(tabled(broke + timedelta(days=1)))
    there = replace(step, reference=replace(step.reference, roster=roster(**PEOPLE)))
    free = late(there, broke - timedelta(days=days)).when(offer_withdrawn())
    again = by_evening(free, TOLD, says(free.state.plan.agreement_id, TOLD))
    ended = again.when(*over(ENDS))
    assert max(stop.until for stop in ended.state.plan.stops) == ENDS
    missed = [line for line in ended.state.plan.lines if line.due <= TOLD]
    assert min(stop.since for stop in ended.state.plan.stops) <= min(line.due for line in missed)
