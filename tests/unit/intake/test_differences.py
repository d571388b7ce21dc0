"""Balances of a signed plan: what differs is shown, and settled by a person; nothing is overwritten."""

from __future__ import annotations

from typing import Any

import pytest

from services.alert.decide import AlertDecider
from services.intake.decide import IntakeDecider
from services.intake.halting import days_without_interest
from services.intake.model import Stop
from shared.contracts import agreement
from shared.contracts.agreement import WaivedDebt
from shared.contracts.alert import AlertEscalated, AlertKind, AlertRaised, AlertResolved, RemedyStarted
from shared.contracts.base import Personal, Reason
from shared.contracts.desk_care import BalanceReconciled, BalanceRight
from shared.contracts.envelope import Envelope
from shared.contracts.intake import (
    BalanceDifferenceClosed,
    BalanceDiffers,
    BalanceOutcome,
    CaseChanged,
    CaseOpened,
    InputRefused,
    PaymentMatched,
)
from shared.contracts.parties import StopCause
from shared.contracts.personal import personal_places
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import balances, cny, message, reference
from tests.unit.intake.bank_says import (
    balance,
    confirmed,
    day,
    instructed,
    overdue,
    paid,
    signed,
    stopped,
)
from tests.unit.spec import Given, given

# 5,700.00 is owed at 18 per cent a year: 85.50 a month; 28.50 are within the tolerance of half a per cent.


def planned(**overrides: Any) -> Given:
    start = given(IntakeDecider(), reference(**overrides)).when(overdue())
    return start.when(signed(5), instructed(5)).closes(day(5))


def figure(n: int, principal: str, interest: str = "500.00", late: str = "0.00") -> Envelope[Any]:
    return balance(n, balances(principal, interest, "200.00", late))


def settles(right: BalanceRight, n: int, account: str = "A-1") -> Envelope[Any]:
    data = BalanceReconciled(
        account_id=account, right=right, by="n-7", reason=Personal(value="the teller booked it twice")
    )
    return message(data, day(n))


def differing() -> Given:
    return planned().when(figure(10, "5300.00")).closes(day(10))


@pytest.mark.parametrize(
    ("said", "difference"),
    [
        (figure(10, "5000.00"), None),
        (figure(10, "5028.00"), None),  # within the tolerance
        (figure(10, "4972.00"), None),
        (figure(10, "5000.00", "585.50"), None),  # the interest of a month, billed ahead
        (figure(35, "5000.00", "671.00"), None),  # of two months
        (figure(10, "5300.00"), "285.95"),  # less the interest of the five days
        (figure(10, "4900.00"), "-100.00"),
        (figure(10, "5000.00", late="60.00"), "60.00"),  # a plan that is kept has no late charges
        (figure(35, "5000.00", "800.00"), "198.25"),
    ],
)
def test_only_what_no_plan_says_is_a_difference(said: Envelope[Any], difference: str | None) -> None:
    after = planned().when(said).closes(said.day)
    if difference is None:
        assert BalanceDiffers not in map(type, after.said)
        return
    shown = after.last(BalanceDiffers)
    assert (shown.account_id, shown.agreement_id, shown.as_of) == ("A-1", "AG-1", said.day)
    assert shown.bank_says - shown.plan_says == shown.difference
    assert abs((shown.difference - cny(difference)).minor) < 2500
    assert shown.reason.code is ReasonCode.BALANCE_DIFFERS


def test_it_is_said_once_when_the_day_is_closed_and_both_figures_stand() -> None:
    told = planned().when(figure(10, "5300.00"))
    assert BalanceDiffers not in map(type, told.said)
    shown = told.closes(day(10))
    assert shown.emits(BalanceDiffers)
    assert shown.state.debt("A-1").outstanding.principal == 530000
    again = shown.when(figure(11, "5300.00")).closes(day(11))
    assert BalanceDiffers not in map(type, again.said)
    more = again.when(figure(12, "5600.00")).closes(day(12))
    assert more.last(BalanceDiffers).difference > shown.last(BalanceDiffers).difference


def test_the_figure_may_come_before_the_payment_that_it_holds() -> None:
    early = planned().when(figure(10, "4500.00"))
    after = early.when(paid("500.00", 9, on=10)).closes(day(10))
    assert BalanceDiffers not in map(type, after.said)
    assert after.state.plan.watched[0].look_on is None
    late = early.closes(day(10))
    assert late.last(BalanceDiffers).difference == cny("-500.00")
    cleared = late.when(paid("500.00", 9, on=11))
    assert cleared.emits(PaymentMatched, BalanceDifferenceClosed)
    assert cleared.last(BalanceDifferenceClosed).outcome is BalanceOutcome.AGREES_AGAIN


def test_a_payment_of_all_that_is_owed_does_not_make_the_last_bill_wrong() -> None:
    billed = planned().when(figure(10, "5000.00", "585.50")).closes(day(10))
    assert BalanceDiffers not in map(type, billed.said)
    done = billed.when(paid("5785.50", 12, on=12)).closes(day(12))
    assert done.state.debt("A-1").outstanding.total == 0
    assert BalanceDiffers not in map(type, done.said)


def test_the_bank_is_right() -> None:
    step = differing().when(settles(BalanceRight.BANK, 11))
    assert step.emits(BalanceDifferenceClosed)
    closed = step.last(BalanceDifferenceClosed)
    assert (closed.outcome, closed.by, closed.correct_by) == (BalanceOutcome.BANK_RIGHT, "n-7", None)
    later = step.when(figure(14, "5300.00")).closes(day(14)).closes(day(30))
    assert BalanceDiffers not in map(type, later.said)
    # From there on it is compared again.
    assert later.when(figure(31, "4900.00")).closes(day(31)).last(BalanceDiffers).difference.minor < -30000


def test_the_plan_is_right_and_the_bank_corrects_itself_or_it_is_said_again() -> None:
    step = differing().when(settles(BalanceRight.PLAN, 11))
    closed = step.last(BalanceDifferenceClosed)
    assert closed.outcome is BalanceOutcome.PLAN_RIGHT
    assert closed.correct_by is not None
    corrected = step.when(figure(12, "5000.00")).closes(closed.correct_by)
    assert BalanceDiffers not in map(type, corrected.said)
    wrong = step.when(figure(12, "5300.00")).closes(day(12))
    assert BalanceDiffers not in map(type, wrong.said)
    again = wrong.closes(closed.correct_by).last(BalanceDiffers)
    # Two more days of interest explain a little of it.
    assert closed.difference > again.difference > closed.difference - cny("10.00")


def test_without_a_difference_there_is_nothing_to_settle() -> None:
    for step in (planned(), planned().when(figure(10, "5300.00"))):
        refused = step.when(settles(BalanceRight.BANK, 10)).closes(day(10))
        assert refused.last(InputRefused).reason.code is ReasonCode.NO_BALANCE_DIFFERENCE
    other = differing().when(settles(BalanceRight.BANK, 10, "A-9")).closes(day(10))
    assert other.last(InputRefused).reason.params == {"account": "A-9"}


def test_nothing_is_compared_without_a_plan() -> None:
    start = given(IntakeDecider(), reference()).when(overdue())
    assert BalanceDiffers not in map(type, start.when(figure(10, "9300.00")).closes(day(10)).said)
    ended = agreement.AgreementEnded(
        agreement_id="AG-1", as_of=day(11), reason=Reason(code=ReasonCode.PLAN_BROKEN)
    )
    over = differing().when(message(ended, day(11)))
    assert over.emits(BalanceDifferenceClosed)
    assert over.last(BalanceDifferenceClosed).outcome is BalanceOutcome.PLAN_OVER


def test_a_waiver_that_the_bank_has_booked_before_it_answered_is_no_difference() -> None:
    waived = balances("0.00", "300.00", "0.00", "0.00")
    start = given(IntakeDecider(), reference()).when(overdue())
    plan = start.when(signed(5, waived=waived), instructed(5, waived)).closes(day(5))
    booked = plan.when(figure(8, "5000.00", "200.00")).closes(day(8))
    assert BalanceDiffers not in map(type, booked.said)
    answered = booked.when(confirmed(8)).closes(day(9))
    assert BalanceDiffers not in map(type, answered.said)


# -- what is waived comes back with a withdrawal -------------------------------------------------------------


def withdrawn(n: int, waived: Any) -> Envelope[Any]:
    ended = agreement.AgreementEnded(
        agreement_id="AG-1",
        as_of=day(n),
        reason=Reason(code=ReasonCode.WITHDRAWN_IN_TIME),
        restored=(WaivedDebt(debt_id="A-1", amounts=waived),),
    )
    return message(ended, day(n))


def restore_told(n: int, waived: Any) -> Envelope[Any]:
    told = agreement.BankInstructed(
        instruction_id="I-2",
        agreement_id="AG-1",
        version=1,
        kind=agreement.InstructionKind.RESTORE_TERMS,
        effective=day(n),
        restored=(WaivedDebt(debt_id="A-1", amounts=waived),),
        answer_by=day(n + 3),
    )
    return message(told, day(n))


def test_what_was_waived_is_owed_again_after_a_withdrawal_and_payments_stay() -> None:
    waived = balances("0.00", "300.00", "0.00", "0.00")
    start = given(IntakeDecider(), reference()).when(overdue())
    plan = start.when(signed(5, waived=waived), instructed(5, waived), confirmed(6)).closes(day(6))
    kept = plan.when(figure(7, "5000.00", "200.00"), paid("100.00", 8)).closes(day(8))
    assert kept.state.debt("A-1").outstanding.total == 530000
    gone = kept.when(withdrawn(9, waived), restore_told(9, waived))
    assert gone.emits(CaseChanged)
    change = gone.last(CaseChanged)
    assert change.reasons[0].code is ReasonCode.WITHDRAWN_IN_TIME
    assert change.ledgers[0].waived == balances()
    assert change.ledgers[0].paid != balances()
    assert gone.state.debt("A-1").outstanding.total == 560000
    assert gone.state.plan is None
    # The bank's figure of before its answer does not hold it yet; that of after does.
    before = gone.when(figure(9, "5000.00", "100.00"))
    assert before.state.debt("A-1").outstanding.total == 560000
    after = before.when(confirmed(10, "I-2"), figure(11, "5000.00", "400.00"))
    assert after.state.debt("A-1").outstanding.total == 560000


def test_the_answer_may_come_before_the_end() -> None:
    waived = balances("0.00", "300.00", "0.00", "0.00")
    start = given(IntakeDecider(), reference()).when(overdue())
    plan = start.when(signed(5, waived=waived), instructed(5, waived), confirmed(6)).closes(day(6))
    for messages in (
        (withdrawn(9, waived), restore_told(9, waived), confirmed(10, "I-2"), figure(11, "5000.00")),
        (confirmed(10, "I-2"), figure(11, "5000.00"), withdrawn(11, waived), restore_told(11, waived)),
    ):
        after = plan.when(figure(7, "5000.00", "200.00"), *messages).closes(day(11))
        assert after.state.debt("A-1").outstanding.total == 570000
        assert after.state.debt("A-1").waived.total == 0


# -- the alert -----------------------------------------------------------------------------------------------


def alerted() -> Given:
    case = given(IntakeDecider(), reference()).when(overdue())
    opened = case.last(CaseOpened).model_copy(update={"timetable": ()})  # what else is due is not asked here
    step = given(AlertDecider(), reference()).when(message(opened))
    return step.when(message(differing().last(BalanceDiffers), day(10)))


def test_a_difference_has_an_owner_and_a_deadline_until_it_is_settled() -> None:
    step = alerted()
    assert step.emits(AlertRaised, RemedyStarted)
    raised = step.last(AlertRaised)
    assert (raised.kind, raised.about, raised.owner_role) == (AlertKind.BALANCE_DIFFERS, "A-1", "negotiator")
    due = step.last(RemedyStarted).due
    assert step.closes(due).emits(AlertEscalated)
    settled = differing().when(settles(BalanceRight.BANK, 11)).last(BalanceDifferenceClosed)
    over = step.when(message(settled, day(11)))
    assert over.emits(AlertResolved)
    assert over.last(AlertResolved).reason.code is ReasonCode.BALANCE_RECONCILED
    assert not over.closes(due).said


def test_why_a_person_decided_so_is_personal() -> None:
    said = settles(BalanceRight.BANK, 11).data
    assert "teller" not in repr(said)
    assert list(personal_places(said)) == [("reason",)]


@pytest.mark.parametrize(
    ("cause", "added", "difference"),
    [
        (StopCause.BREATHING_SPACE, "671.00", None),  # by the example's row interest goes on
        (StopCause.INSOLVENCY, "671.00", "171.00"),
        (StopCause.INSOLVENCY, "612.00", None),  # billed a month ahead before it began, as any bill may be
    ],
)
def test_interest_that_a_bank_adds_while_a_stop_lets_none_run_is_a_difference(
    cause: StopCause, added: str, difference: str | None
) -> None:
    """It was told to stop it; what it added all the same was within what the plan's rate gives."""
    after = planned().when(stopped(cause, 0), figure(65, "5000.00", added)).closes(day(65))
    if difference is None:
        assert BalanceDiffers not in map(type, after.said)
    else:
        assert after.last(BalanceDiffers).difference == cny(difference)


@pytest.mark.parametrize(
    ("stops", "days"),
    [
        ([], 0),
        ([(5, 9)], 5),
        ([(5, None)], 16),
        ([(-5, 2)], 2),
        ([(5, 9), (7, 12)], 8),
        ([(5, 9), (20, 40)], 6),
        ([(21, None)], 0),
        ([(9, 8)], 0),  # a mistake
    ],
)
def test_days_in_which_no_interest_runs_are_counted_once(
    stops: list[tuple[int, int | None]], days: int
) -> None:
    state = planned().state
    held = tuple(
        Stop(stop_id=f"S-{n}", cause=StopCause.DEATH, since=day(a), ended_on=None if b is None else day(b))
        for n, (a, b) in enumerate(stops)
    )
    other = Stop(stop_id="S-o", cause=StopCause.DEATH, since=day(1), party_id="party-o")
    stopped_ = state.model_copy(update={"stops": (*held, other)})
    assert days_without_interest(stopped_, state.debts[0], day(0), day(20), reference()) == days
