"""A plan that was completed is in force again, because its last payment came back: intake knows it again."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from shared.contracts import followup, followup_care
from shared.contracts.agreement import AgreementCompleted, BankInstructed, DebtRate, InstructionKind
from shared.contracts.base import Reason
from shared.contracts.debts import DebtStatus
from shared.contracts.envelope import Envelope
from shared.contracts.intake import BalanceDiffers
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import balances, cny, message
from tests.unit.intake.bank_says import balance, day, paid, returned
from tests.unit.intake.test_beside import beside, over_the_second
from tests.unit.intake.test_splits import served
from tests.unit.spec import Given


def completed(n: int, agreement_id: str = "AG-1") -> Envelope[Any]:
    return message(AgreementCompleted(agreement_id=agreement_id, as_of=day(n)), day(n))


def reopened(n: int, agreement_id: str = "AG-1") -> Envelope[Any]:
    reason = Reason(code=ReasonCode.PAYMENT_RETURNED)
    missing = (cny("200.00"),)
    said = followup_care.PlanReopened(agreement_id=agreement_id, as_of=day(n), missing=missing, reason=reason)
    return message(said, day(n))


def applies_again(n: int, agreement_id: str = "AG-1") -> Envelope[Any]:
    said = BankInstructed(
        instruction_id="I-9",
        agreement_id=agreement_id,
        version=1,
        kind=InstructionKind.RESTORE_TERMS,
        effective=day(n),
        answer_by=day(n + 7),
        returns_to=agreement_id,
    )
    return message(said, day(n))


def kept() -> Given:
    """Three instalments of 200.00 on A-2, the last of them apart; A-1 is owed beside it all the time."""
    return over_the_second().when(paid("400.00", 30)).when(paid("200.00", 60, "P-2")).when(completed(61))


def came_back() -> Given:
    return kept().when(returned("200.00", 70, "P-2")).when(reopened(70)).when(applies_again(70))


def test_money_that_names_no_debt_serves_the_plan_that_is_in_force_again() -> None:
    """It went to the debt beside it, by the order of the pack, and the plan broke though it was paid."""
    step = came_back()
    assert step.state.plan is not None
    assert step.state.plan.agreement_id == "AG-1"
    assert served(step.when(paid("200.00", 80, "P-3"))) == {"A-2": "200.00"}
    more = step.when(paid("250.00", 80, "P-3"))
    assert (served(more), beside(more)) == ({"A-2": "200.00", "A-1": "50.00"}, cny("50.00"))


def test_money_before_the_word_that_it_is_in_force_again_makes_up_what_came_back() -> None:
    """It went by the order of the pack to the debt beside it; the plan's own had to be paid once more."""
    back = kept().when(returned("200.00", 70, "P-2"))
    step = back.when(paid("250.00", 70, "P-3"))
    assert (served(step), beside(step)) == ({"A-2": "200.00", "A-1": "50.00"}, cny("50.00"))
    assert step.when(reopened(70)).when(applies_again(70)).state.plan.splits == back.state.fulfilled.splits
    half = back.when(paid("120.00", 70, "P-3"))
    assert served(half) == {"A-2": "120.00"}
    again = half.when(reopened(70)).when(applies_again(71)).when(paid("100.00", 72, "P-4"))
    assert (served(again), beside(again)) == ({"A-2": "80.00", "A-1": "20.00"}, cny("20.00"))


def test_of_a_completed_plan_whose_debt_is_paid_in_part_only_what_came_back_is_made_up() -> None:
    """The bank's figure left something owed on it, so that it was no settled debt."""
    step = over_the_second().when(paid("600.00", 60)).when(completed(61))
    assert {debt.debt_id: debt.status for debt in step.state.of_case}["A-2"] is DebtStatus.CURED
    assert served(step.when(paid("50.00", 62, "P-2"))) == {"A-1": "50.00"}
    back = step.when(returned("100.00", 70))
    assert served(back.when(paid("150.00", 70, "P-2"))) == {"A-2": "100.00", "A-1": "50.00"}


def test_what_comes_back_of_other_money_brings_no_plan_back() -> None:
    other = kept().when(paid("300.00", 62, "P-5")).when(returned("300.00", 70, "P-5"))
    assert served(other.when(paid("50.00", 70, "P-6"))) == {"A-1": "50.00"}


def test_its_second_completion_ends_it_as_the_first_did() -> None:
    step = came_back()
    assert {debt.debt_id: debt.status for debt in step.state.of_case}["A-2"] is DebtStatus.ACTIVE
    over = step.when(paid("200.00", 80, "P-3")).when(completed(81))
    assert (over.state.plan, over.state.is_open) == (None, True)
    assert {debt.debt_id: debt.is_active for debt in over.state.of_case} == {"A-1": True, "A-2": False}


def test_a_return_that_is_heard_before_the_completion_takes_back_that_the_case_ends_soon() -> None:
    done = message(followup.PlanCompleted(agreement_id="AG-1", as_of=day(60), paid=()), day(61))
    step = over_the_second().when(paid("600.00", 60)).when(done)
    assert step.state.finish is not None
    again = step.when(returned("200.00", 61)).when(reopened(61))
    assert again.state.finish is None
    later = again.when(completed(62)).when(applies_again(62)).state.plan
    assert (later.splits, later.debts) == (again.state.plan.splits, again.state.plan.debts)


def test_of_a_plan_that_is_not_the_last_completed_nothing_comes_back() -> None:
    step = kept().when(returned("200.00", 70, "P-2"))
    assert step.when(applies_again(70, "AG-0")).state.plan is None
    live = over_the_second()
    assert live.when(reopened(20, "AG-0")).when(applies_again(20)).state.plan == live.state.plan


def test_it_is_compared_anew_at_its_own_rate() -> None:
    """What the bank billed between the completion and the return is not held against the plan."""
    rates = (DebtRate(debt_id="A-2", annual_rate_pct=Decimal(3)),)
    told = applies_again(6)
    first = {"kind": InstructionKind.APPLY_PLAN, "returns_to": None, "rates": rates, "instruction_id": "I-1"}
    step = over_the_second().when(message(told.data.model_copy(update=first), day(6)))
    step = (
        step.when(paid("600.00", 30))
        .when(completed(31))
        .when(balance(40, balances("1900.00"), account="A-2"))
    )
    step = step.when(returned("200.00", 50)).when(applies_again(50))
    assert step.state.plan is not None
    assert [(one.rate, one.seen, one.told) for one in step.state.plan.watched] == [(3, day(40), None)]
    assert not any(isinstance(one, BalanceDiffers) for one in step.closes(day(51)).said)
