"""A debt that a stop or a recall took out of the plan, and that is not paid: nothing certifies that it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.contracts.agreement import (
    AgreementSigned,
    BankInstructed,
    DebtSettled,
    SettlementKind,
    SettlementLetterIssued,
    SurvivingDebt,
    WaivedDebt,
)
from shared.contracts.base import Reason
from shared.contracts.debts import Allocation, DebtSnapshot, DebtStatus
from shared.contracts.desk import WithdrawalDeclared
from shared.contracts.followup import RewardGranted
from shared.contracts.intake import CaseClosed, CloseReason, PaymentMatched, PaymentTakenBack
from shared.contracts.reasons import ReasonCode
from tests.unit.agreement.test_decide import (
    BOTH,
    DEBTS,
    after,
    agreed,
    changed,
    completed,
    in_force,
    signed_by,
)
from tests.unit.builders import balances, cny, debt, message
from tests.unit.spec import Given

PAID = debt("A-1", outstanding=balances(), overdue=balances())
LEFT = {
    DebtStatus.DISPUTED,
    DebtStatus.LITIGATION,
    DebtStatus.INSOLVENCY,
    DebtStatus.HELD,
    DebtStatus.RECALLED,
    DebtStatus.ELSEWHERE,
}
FULL = DebtSettled(debt_id="A-1", settlement=SettlementKind.FULL, credit_status="settled")


def ends_with(*debts: DebtSnapshot) -> Given:
    live = in_force()
    moved = live.when(message(changed(*debts), after(7), sequence=9))
    return moved.when(message(completed(live.last(AgreementSigned).agreement_id), after(30)))


@pytest.mark.parametrize("status", sorted(LEFT))
def test_what_left_the_plan_unpaid_is_settled_in_part_only(status: DebtStatus) -> None:
    """Its instalments were paid, into no debt's books; letter and bank were told that all was settled."""
    other = DEBTS[1].model_copy(update={"status": status})
    done = ends_with(PAID, other)
    letter, told = done.last(SettlementLetterIssued), done.last(BankInstructed)
    part = DebtSettled(debt_id="A-2", settlement=SettlementKind.PARTIAL, credit_status="settled_in_part")
    assert letter.settlement is SettlementKind.PARTIAL
    assert letter.surviving == (SurvivingDebt(debt_id="A-2", amounts=other.outstanding),)
    assert letter.settled == told.settled == (FULL, part)
    assert told.credit_status is None, "no code is for all of them"


@pytest.mark.parametrize("status", sorted(LEFT))
def test_what_left_it_paid_is_settled(status: DebtStatus) -> None:
    paid = debt("A-2", outstanding=balances(), overdue=balances()).model_copy(update={"status": status})
    letter = ends_with(PAID, paid).last(SettlementLetterIssued)
    assert letter.settlement is SettlementKind.FULL
    assert [one.settlement for one in letter.settled] == [SettlementKind.FULL] * 2


@pytest.mark.parametrize("status", sorted(set(DebtStatus) - LEFT - {DebtStatus.SOLD}))
def test_what_stayed_in_it_is_settled_by_the_last_instalment(status: DebtStatus) -> None:
    other = DEBTS[1].model_copy(update={"status": status})
    assert ends_with(PAID, other).last(SettlementLetterIssued).settlement is SettlementKind.FULL


# -- a stop that was over before the last instalment ---------------------------------------------------------


def payment(n: int, *debts: DebtSnapshot, to: tuple[str, ...] = ("A-1",), dated: int | None = None) -> Any:
    """One payment: it serves the debts `to`; what would have been another's lies on no books."""
    said = PaymentMatched(
        payment_id=f"p-{n}", amount=cny("100.00"), value_date=after(n if dated is None else dated),
        allocations=tuple(Allocation(debt_id=one, amounts=balances("50.00")) for one in to),
        unallocated=cny("50.00") if len(to) < 2 else cny("0.00"), debts=debts,
    )  # fmt: skip
    return message(said, after(n))


def stopped_for_a_time(*between: Any, status: DebtStatus = DebtStatus.DISPUTED) -> Given:
    """A plan over two debts, the second of which was stopped from day 7 to day 12; paid on day 30."""
    live = in_force()
    out = DEBTS[1].model_copy(update={"status": status})
    live = live.when(message(changed(DEBTS[0], out), after(7), sequence=9))
    live = live.when(*between)
    return live.when(message(changed(PAID, DEBTS[1]), after(12), sequence=12))


def last_of(step: Given, **also: Any) -> Given:
    agreement_id = step.state.live.agreement_id
    done = completed(agreement_id).model_copy(update=also)
    return step.when(message(done, after(30)))


OUT = DEBTS[1].model_copy(update={"status": DebtStatus.DISPUTED})


@pytest.mark.parametrize("status", sorted(LEFT))
def test_what_money_has_passed_by_in_a_stop_is_not_settled_when_that_is_over(status: DebtStatus) -> None:
    """What was paid meanwhile was put on no books of its own, and the debt was certified as settled."""
    out = DEBTS[1].model_copy(update={"status": status})
    done = last_of(stopped_for_a_time(payment(9, DEBTS[0], out), status=status))
    letter, told = done.last(SettlementLetterIssued), done.last(BankInstructed)
    assert letter.settlement is SettlementKind.PARTIAL
    assert letter.surviving == (SurvivingDebt(debt_id="A-2", amounts=DEBTS[1].outstanding),)
    assert [one.settlement for one in told.settled] == [SettlementKind.FULL, SettlementKind.PARTIAL]


def test_a_stop_in_which_nothing_was_paid_takes_nothing_from_the_letter() -> None:
    assert last_of(stopped_for_a_time()).last(SettlementLetterIssued).settlement is SettlementKind.FULL


def test_nor_does_one_in_which_its_own_account_was_paid() -> None:
    named = payment(9, DEBTS[0], OUT, to=("A-1", "A-2"))
    done = last_of(stopped_for_a_time(named))
    assert done.last(SettlementLetterIssued).settlement is SettlementKind.FULL


def test_nor_does_money_dated_before_the_plan() -> None:
    done = last_of(stopped_for_a_time(payment(9, DEBTS[0], OUT, dated=1)))
    assert done.last(SettlementLetterIssued).settlement is SettlementKind.FULL


def test_what_has_been_booked_since_is_settled() -> None:
    step = stopped_for_a_time(payment(9, DEBTS[0], OUT))
    booked = debt("A-2", outstanding=balances(), overdue=balances())
    done = last_of(step.when(message(changed(PAID, booked), after(20), sequence=15)))
    assert done.last(SettlementLetterIssued).settlement is SettlementKind.FULL


def test_on_the_day_of_its_end_money_still_passes_it_by() -> None:
    step = stopped_for_a_time().when(payment(12, PAID, DEBTS[1]))
    assert last_of(step).last(SettlementLetterIssued).settlement is SettlementKind.PARTIAL


def test_what_came_back_beside_it_is_not_stated_twice() -> None:
    step = stopped_for_a_time(payment(9, DEBTS[0], OUT))
    back = PaymentTakenBack(
        payment_id="p-0", reversal_id="r-0", amount=cny("50.00"), reversed_on=after(14), value_date=after(0),
        allocations=(Allocation(debt_id="A-2", amounts=balances("50.00")),), debts=(PAID, DEBTS[1]),
    )  # fmt: skip
    letter = last_of(step.when(message(back, after(14)))).last(SettlementLetterIssued)
    assert letter.surviving == (SurvivingDebt(debt_id="A-2", amounts=DEBTS[1].outstanding),)


def test_followups_word_of_an_end_waits_for_the_payment_that_brought_it() -> None:
    """Followup is read as it comes: the payment that paid the rest of the debt may still be on its way."""
    step = stopped_for_a_time(payment(9, DEBTS[0], OUT))
    ahead = last_of(step, with_case=True)
    assert ahead.said == ()
    nothing = debt("A-2", outstanding=balances(), overdue=balances())
    closed = CaseClosed(as_of=after(30), reason=CloseReason.SETTLED, debts=(PAID, nothing))
    done = ahead.when(message(closed, after(30)))
    assert [one.settlement for one in done.said if isinstance(one, SettlementLetterIssued)] == [
        SettlementKind.FULL
    ]


def test_the_agreement_before_an_amendment_remembers_it_too() -> None:
    rules = {"agreement__cooling_off_days": 60}
    live = in_force(**rules)
    first = live.last(AgreementSigned)
    again = live.when(message(agreed(2).model_copy(update={"offer_id": "O-2"}), after(5)))
    second = signed_by(again, *BOTH, day=after(6)).closes(after(6))
    second = second.when(message(changed(DEBTS[0], OUT), after(7), sequence=9), payment(9, DEBTS[0], OUT))
    second = second.when(message(changed(PAID, DEBTS[1]), after(12), sequence=12))
    gone = WithdrawalDeclared(agreement_id=second.state.live.agreement_id, channel="app", evidence="letter-1")
    back = second.when(message(gone, after(13)))
    assert back.state.live.agreement_id == first.agreement_id
    assert last_of(back).last(SettlementLetterIssued).settlement is SettlementKind.PARTIAL


# -- a reward that completes the plan ------------------------------------------------------------------------

LATE = cny("10.00")
GRANTED = RewardGranted(
    reward="late_charges_waived",
    after_instalment=1,
    waived=(WaivedDebt(debt_id="A-2", amounts=balances(late="10.00")),),
)
REWARD = replace(message(GRANTED, after(30)), id="reward-1")


def booked(late_charges: str) -> Any:
    """Intake's word of the waiver: of the debt that is left that much."""
    owing = debt("A-2", outstanding=balances("50.00", late=late_charges))
    said = changed(PAID, owing.model_copy(update={"status": DebtStatus.DISPUTED}))
    said = said.model_copy(update={"reasons": (Reason(code=ReasonCode.AMOUNT_WAIVED),)})
    return replace(message(said, after(30), sequence=21), causation="reward-1")


def owing(late_charges: str) -> Given:
    left = debt("A-2", outstanding=balances("50.00", late=late_charges))
    out = left.model_copy(update={"status": DebtStatus.DISPUTED})
    return in_force().when(message(changed(PAID, out), after(7), sequence=20))


@pytest.mark.parametrize("order", ["unread", "read_after", "read_before"])
def test_what_a_reward_waives_with_the_last_instalment_does_not_survive(order: str) -> None:
    """Intake's figures did not hold it yet: the letter said of the waived sum that it was still owed."""
    between = {
        "unread": [REWARD],
        "read_after": [REWARD, booked("0.00")],
        "read_before": [booked("0.00"), REWARD],
    }
    step = owing("10.00").when(*between[order])
    letter = last_of(step).last(SettlementLetterIssued)
    assert letter.surviving == (SurvivingDebt(debt_id="A-2", amounts=balances("50.00")),)
    assert [one.amounts.late_charges for one in letter.forgiven if one.debt_id == "A-2"] == [LATE]


def test_what_is_charged_beside_it_does() -> None:
    letter = last_of(owing("15.00").when(REWARD, booked("5.00"))).last(SettlementLetterIssued)
    assert letter.surviving[0].amounts.late_charges == cny("5.00")


def test_nor_is_a_waiver_of_before_counted_twice() -> None:
    """Intake may have said nothing of it: nothing was owed to waive. What is charged since is owed."""
    early = replace(message(GRANTED, after(10)), id="reward-0")
    letter = last_of(owing("15.00").when(early)).last(SettlementLetterIssued)
    assert letter.surviving[0].amounts.late_charges == cny("15.00")
