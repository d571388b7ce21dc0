"""A plan that was broken in a stop which is told later stands again, in every service and at the bank."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from services.agreement.model import AgreementStatus
from services.followup.model import FollowupStatus, LineState
from services.intake.books import Debt
from services.offer.model import OfferStatus
from shared.contracts import agreement, alert, followup, followup_care, notice, offer
from shared.contracts.agreement import AgreementEnded, BankInstructed, CollectionOrder, InstructionKind
from shared.contracts.base import Reason
from shared.contracts.envelope import Envelope
from shared.contracts.intake import BankAnswered
from shared.contracts.parties import StopCause
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import DAY, message, paid
from tests.unit.conduct.test_stop_contacts import agreed, case_at_table
from tests.unit.followup.plans import SECOND, THIRD, by_evening, live, lives_to
from tests.unit.household import Household
from tests.unit.intake.bank_says import confirmed, day, lifted, stopped
from tests.unit.spec import Given
from tests.unit.stopping import begins, over

CRISIS = StopCause.CRISIS_BREATHING_SPACE
TOLD = SECOND + timedelta(days=10)
ENDS = THIRD + timedelta(days=20)
PACKS = ("cn-card", "cn-consumer-loan")


def broken(*since: Envelope[Any]) -> tuple[Given, date]:
    lived = lives_to(live(), TOLD - timedelta(days=1))
    broke = next(event for event in lived.said if isinstance(event, followup.PlanBroken))
    return lived.when(*since), broke.as_of


def late(step: Given, since: date) -> Given:
    return by_evening(step, TOLD, *begins(CRISIS, TOLD, since=since))


@pytest.mark.parametrize(("before_it_broke", "stands"), [(30, True), (0, True), (-1, False)])
def test_as_if_the_stop_had_been_told_in_time(before_it_broke: int, *, stands: bool) -> None:
    """The borrower was in a crisis when it broke, and lost the plan by it for good."""
    lived, broke = broken()
    told = late(lived, broke - timedelta(days=before_it_broke))
    assert (told.state.status is FollowupStatus.LIVE) is stands
    assert told.emits(followup_care.PlanReopened) is stands
    if not stands:
        return
    said = told.last(followup_care.PlanReopened)
    assert (said.as_of, said.reason.code) == (TOLD, ReasonCode.BROKEN_IN_A_STOP)
    rests = lives_to(told, ENDS - timedelta(days=1))
    assert not [event for event in rests.said if isinstance(event, followup.PlanBroken)], "nothing counts"
    free = lives_to(rests.when(*over(ENDS)), ENDS + timedelta(days=4))
    assert free.state.status is FollowupStatus.LIVE
    assert late(told, broke - timedelta(days=before_it_broke)).said == (), "once"


def test_what_was_missed_is_looked_at_again_and_can_be_paid() -> None:
    lived, broke = broken()
    rests = lives_to(late(lived, broke - timedelta(days=60)).when(*over(TOLD)), TOLD + timedelta(days=1))
    paid_up = lives_to(
        rests.when(message(paid("300.00", TOLD + timedelta(days=2)))), THIRD + timedelta(days=1)
    )
    assert {line.state for line in paid_up.state.plan.lines} <= {LineState.PAID, LineState.PAID_LATE}
    assert paid_up.state.status is FollowupStatus.COMPLETED


def tabled(on: date) -> Envelope[Any]:
    return message(
        offer.OfferTabled.model_construct(offer_id="O-2", round=1, valid_until=on + timedelta(days=9)), on
    )


@pytest.mark.parametrize("built", ["paid", "offer"])
def test_what_was_built_on_its_end_leaves_it_to_a_person(built: str) -> None:
    _, broke = broken()
    on = broke + timedelta(days=1)
    step, _ = broken(message(paid("10.00", on), on) if built == "paid" else tabled(on))
    told = late(step, broke)
    assert told.state.status is FollowupStatus.BROKEN
    assert told.last(followup_care.ProblemOpened).about == "plan_broken_in_a_stop"


# --- over all services


def plan_broken(pack: str) -> tuple[Household, Household, int]:
    """Give a life to the day on which the plan broke, that before it, and the number of the next day."""
    there, n = agreed(case_at_table(pack).branch()), 4
    there.hears(*_answers(there, 4))
    before = there
    while not there.all(followup.PlanBroken):
        before = there.branch()
        there.lives_to(day(n))
        n += 1
    return there, before, n


def _answers(there: Household, n: int) -> list[Envelope[Any]]:
    told = [one.instruction_id for one in there.all(BankInstructed)]
    return [confirmed(n, one) for one in told]


def _stop(n: int, since: int, name: str = "S-1") -> Envelope[Any]:
    said = stopped(CRISIS, n, stop=name)
    return replace(said, data=said.data.model_copy(update={"since": day(since)}))


def _owed(there: Household) -> list[Any]:
    debts: tuple[Debt, ...] = there.state("intake").of_case
    return [(debt.debt_id, debt.outstanding, debt.waived) for debt in debts]


@pytest.mark.parametrize("pack", PACKS)
@pytest.mark.parametrize("answered", [True, False])
def test_all_services_and_the_bank_take_the_breach_back(pack: str, *, answered: bool) -> None:
    there, before, n = plan_broken(pack)
    if answered:
        there.hears(*_answers(there, n))
    there.lives_to(day(n)).hears(_stop(n + 1, n - 10)).lives_to(day(n + 2))
    assert there.state("agreement").status is AgreementStatus.IN_FORCE
    assert there.state("followup").status is FollowupStatus.LIVE
    assert (there.state("offer").status, there.state("offer").live) == (OfferStatus.AGREED, True)
    assert there.state("assessment").live
    was, now = before.state("intake"), there.state("intake")
    assert (was.plan.agreement_id, was.plan.splits) == (now.plan.agreement_id, now.plan.splits)
    assert _owed(before) == _owed(there)
    raised = {one.kind for one in there.all(alert.AlertRaised)}
    assert "completion_undone" not in raised, "nobody has completed anything"
    assert "plan_broken" not in {one.kind.value for one in there.state("alert").alerts}
    signed, ended = there.all(agreement.AgreementSigned)[-1], there.all(AgreementEnded)[-1]
    told = there.all(BankInstructed)[-1]
    assert (told.kind, told.returns_to) == (InstructionKind.RESTORE_TERMS, signed.agreement_id)
    assert (told.schedules, told.rates, told.waived) == (signed.schedules, signed.rates, ended.restored)
    assert (told.collection, told.credit_status) == (CollectionOrder.STOP, "renegotiated")


def test_the_borrower_hears_it_when_the_stop_is_over_however_long_that_takes() -> None:
    there, _, n = plan_broken("cn-card")
    there.lives_to(day(n)).hears(_stop(n + 1, n - 10)).lives_to(day(n + 60))
    assert not [one for one in there.all(notice.NoticeDue) if one.kind == "plan_stands_again"]
    there.hears(lifted(n + 61)).lives_to(day(n + 62))
    due = [one for one in there.all(notice.NoticeDue) if one.kind == "plan_stands_again"]
    assert [one.category for one in due] == ["service"]


def test_broken_again_it_returns_what_was_waived_by_an_instruction_of_its_own() -> None:
    """The bank's answer to the first breach must not be taken for one to the second."""
    there, _, n = plan_broken("cn-card")
    once = _owed(there)
    there.hears(*_answers(there, n))
    there.lives_to(day(n)).hears(_stop(n + 1, n - 10)).lives_to(day(n + 2))
    there.hears(*_answers(there, n + 3), lifted(n + 4))
    m = n + 4
    while len(there.all(followup.PlanBroken)) < 2:
        there.lives_to(day(m))
        m += 1
    assert _owed(there) == once
    ids = [one.instruction_id for one in there.all(BankInstructed)]
    assert len(ids) == len(set(ids)) == 4
    there.hears(*_answers(there, m)).lives_to(day(m))
    assert _owed(there) == once
    assert there.all(BankAnswered)
    assert there.state("intake").broken is not None


def test_of_an_agreement_that_is_not_the_last_broken_one_nothing_changes() -> None:
    there, _, n = plan_broken("cn-card")
    reason = Reason(code=ReasonCode.BROKEN_IN_A_STOP)
    said = followup_care.PlanReopened(agreement_id="another", as_of=DAY, missing=(), reason=reason)
    same = there.services["agreement"].when(message(said, day(n)))
    assert (same.said, same.state) == ((), there.state("agreement"))
