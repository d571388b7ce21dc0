"""A payment that had completed the plan comes back while the case goes on: it is in force again."""

from __future__ import annotations

from typing import Any

from services.agreement.model import AgreementStatus
from shared.contracts import desk, followup, followup_care
from shared.contracts.agreement import (
    AgreementCompleted,
    AgreementEnded,
    AgreementSigned,
    BankInstructed,
    CollectionOrder,
    InstructionKind,
    SettlementLetterIssued,
)
from shared.contracts.base import Reason
from shared.contracts.intake import CloseReason, PaymentMatched
from shared.contracts.parties import StopCause
from shared.contracts.reasons import ReasonCode
from shared.lending.money import Money
from tests.unit.agreement.test_decide import after, broken, closed, completed, in_force
from tests.unit.builders import cny, message
from tests.unit.conduct.test_stop_contacts import agreed, case_at_table, owed
from tests.unit.intake.bank_says import day, lifted, overdue, paid, stopped
from tests.unit.intake.bank_says import returned as comes_back
from tests.unit.spec import Given

LIVE = in_force()
ID = LIVE.last(AgreementSigned).agreement_id
DONE = message(completed(ID), after(300))


def returned(day: int, agreement_id: str = ID) -> Any:
    reason = Reason(code=ReasonCode.PAYMENT_RETURNED)
    said = followup_care.PlanReopened(
        agreement_id=agreement_id, as_of=after(day), missing=(cny("100.00"),), reason=reason
    )
    return message(said, after(day))


def reopened() -> Given:
    return LIVE.when(DONE).when(returned(310))


def test_the_bank_hears_that_it_applies_again_and_nothing_else_of_its_terms() -> None:
    """It had been told that the debts are settled, and heard nothing more, whatever became of the plan."""
    step = reopened()
    told = step.last(BankInstructed)
    assert step.emits(BankInstructed)
    assert (told.kind, told.returns_to, told.credit_status) == (
        InstructionKind.RESTORE_TERMS,
        ID,
        "renegotiated",
    )
    assert (told.collection, told.schedules, told.restored, told.waived) == (CollectionOrder.STOP, (), (), ())
    assert (step.state.status, step.state.live is not None) == (AgreementStatus.IN_FORCE, True)
    assert step.when(returned(310)).said == ()


def test_a_breach_after_it_ends_the_agreement_as_any_other() -> None:
    """The bank was never told: collection rested for good, and the record said settled."""
    ended = reopened().when(message(broken(ID), after(340)))
    assert ended.emits(AgreementEnded, BankInstructed)
    assert ended.last(BankInstructed).credit_status == "overdue"


def test_the_second_letter_takes_the_place_of_the_first_and_each_instruction_has_its_own_id() -> None:
    first, again = LIVE.when(DONE), reopened().when(message(completed(ID), after(330)))
    assert again.emits(AgreementCompleted, SettlementLetterIssued, BankInstructed)
    letters = [step.last(SettlementLetterIssued) for step in (first, again)]
    assert letters[0].replaces is None
    assert letters[1].replaces == letters[0].letter_id != letters[1].letter_id
    twice = again.when(returned(340)).when(message(completed(ID), after(350)))
    assert twice.last(SettlementLetterIssued).replaces == letters[1].letter_id
    told = [step.last(BankInstructed) for step in (first, reopened(), again, twice)]
    assert len({one.instruction_id for one in told}) == len(told)


def test_of_another_agreement_or_a_closed_case_nothing_changes() -> None:
    assert LIVE.when(returned(10)).said == ()
    assert LIVE.when(DONE).when(returned(310, "another")).said == ()
    over = LIVE.when(DONE).when(message(closed(CloseReason.PLAN_COMPLETED), after(301)))
    assert over.when(returned(310)).said == ()
    assert over.state.completed is None


def test_over_all_services_the_bank_hears_each_turn_of_such_a_plan() -> None:
    """A second debt, in dispute, keeps the case open; nothing is paid after the return."""
    there = case_at_table("cn-card").branch()
    again = {"product": "cn-card", "owed": owed("600", "10", "CNY"), "late": owed("60", "10", "CNY")}
    there = agreed(there)
    there.hears(overdue("A-2", n=4, **again), stopped(StopCause.DISPUTE, 4, "A-2")).lives_to(day(6))
    signed = there.all(AgreementSigned)[-1]
    whole = Money.sum((row.total for row in signed.instalments), "CNY")
    there.hears(paid(whole, 7)).lives_to(day(9))
    assert there.all(followup.PlanCompleted)
    there.hears(comes_back(whole, 12)).lives_to(day(120))
    assert [(told.kind, told.credit_status) for told in there.all(BankInstructed)] == [
        (InstructionKind.APPLY_PLAN, "renegotiated"),
        (InstructionKind.PLAN_COMPLETED, "settled"),
        (InstructionKind.RESTORE_TERMS, "renegotiated"),
        (InstructionKind.RESUME_COLLECTION, "overdue"),
    ]


def test_what_is_paid_after_the_return_serves_the_plan_before_the_debt_beside_it() -> None:
    """Intake knew no plan any more: the money went to the other debt by the order of the pack."""
    there = agreed(case_at_table("cn-card").branch())
    again = {"product": "cn-card", "owed": owed("600", "10", "CNY"), "late": owed("60", "10", "CNY")}
    there.hears(overdue("A-0", n=4, **again), stopped(StopCause.DISPUTE, 4, "A-0")).lives_to(day(6))
    signed = there.all(AgreementSigned)[-1]
    whole = Money.sum((row.total for row in signed.instalments), "CNY")
    there.hears(paid(whole, 7)).lives_to(day(9))
    there.hears(lifted(10)).lives_to(day(11))
    there.hears(comes_back(whole, 12)).lives_to(day(13))
    there.hears(paid(whole, 14, "P-2")).lives_to(day(16))
    matched = there.all(PaymentMatched)[-1]
    assert {part.debt_id for part in matched.allocations} == {
        schedule.debt_id for schedule in signed.schedules
    }
    assert len(there.all(followup.PlanCompleted)) == 2
    assert [told.kind for told in there.all(BankInstructed)][-2:] == [
        InstructionKind.RESTORE_TERMS,
        InstructionKind.PLAN_COMPLETED,
    ]


def test_who_withdraws_from_it_in_time_is_told_of_by_an_instruction_of_its_own() -> None:
    """It had the id of the word that the plan applies again: the bank took it for that, and did nothing."""
    live = in_force(agreement__cooling_off_days=14)
    agreement_id = live.last(AgreementSigned).agreement_id
    again = live.when(message(completed(agreement_id), after(4))).when(returned(6, agreement_id))
    said = desk.WithdrawalDeclared(agreement_id=agreement_id, channel="app", evidence="letter-1")
    gone = again.when(message(said, after(8)))
    assert gone.emits(AgreementEnded, BankInstructed)
    told = [step.last(BankInstructed) for step in (again, gone)]
    assert [one.kind for one in told] == [InstructionKind.RESTORE_TERMS] * 2
    assert told[0].instruction_id != told[1].instruction_id
