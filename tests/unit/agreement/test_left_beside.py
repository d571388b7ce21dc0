"""A plan or an amendment leaves a debt to a person: the bank is told what holds of it until the end."""

from __future__ import annotations

from typing import Any

import pytest

from services.agreement.decide import AgreementDecider
from shared.contracts.agreement import AgreementSigned, BankInstructed, CollectionOrder, InstructionKind
from shared.contracts.base import Reason
from shared.contracts.debts import DebtApart, DebtSnapshot, DebtStatus
from shared.contracts.followup_care import PlanReopened
from shared.contracts.reasons import ReasonCode
from tests.unit.agreement.test_decide import (
    BOTH,
    DEBTS,
    after,
    agreed,
    broken,
    changed,
    completed,
    in_force,
    signed_by,
)
from tests.unit.agreement.test_withdrawal import DAYS, withdrawal
from tests.unit.builders import balances, case_opened, cny, debt, message, reference
from tests.unit.spec import Given, given

PAID = debt("A-1", outstanding=balances(), overdue=balances())


def amended(**rules: Any) -> Given:
    """A plan over both debts, and since day 6 an amendment over the first that leaves the other apart."""
    said = agreed(2, (DEBTS[0],), **rules)
    left = DebtApart(debt_id="A-2", reason=Reason(code=ReasonCode.CURRENCY_APART))
    plan = said.plan.model_copy(update={"apart": (left,)})
    said = said.model_copy(update={"plan": plan, "offer_id": "O-2"})
    return signed_by(in_force(**rules).when(message(said, after(5))), *BOTH, day=after(6)).closes(after(6))


def over(step: Given, *debts: DebtSnapshot) -> BankInstructed:
    moved = step.when(message(changed(*debts), after(20), sequence=20))
    return moved.when(message(completed(step.state.live.agreement_id), after(30))).last(BankInstructed)


def test_it_is_named_and_nobody_collects_it_while_the_plan_is_kept() -> None:
    """The schedules of the amendment were all that was said: no word on whether its collection rests."""
    told = amended().last(BankInstructed)
    assert (told.kind, told.beside) == (InstructionKind.APPLY_PLAN, ("A-2",))
    assert (told.collection, told.agents) == (CollectionOrder.STOP, True)
    assert [one.debt_id for one in told.schedules] == ["A-1"]
    assert in_force().last(BankInstructed).beside == ()


def test_after_the_completion_it_may_be_collected() -> None:
    """It was stopped with the plan for good: the debts of the plan were settled, and nothing resumed it."""
    told = over(amended(), PAID, DEBTS[1])
    assert (told.kind, told.beside, told.held) == (InstructionKind.PLAN_COMPLETED, ("A-2",), ())
    assert (told.collection, told.agents) == (CollectionOrder.RESUME, True)
    assert [one.debt_id for one in told.settled] == ["A-1"]


def test_one_that_is_stopped_then_rests_all_the_same() -> None:
    held = DEBTS[1].model_copy(update={"status": DebtStatus.DISPUTED})
    told = over(amended(), PAID, held)
    assert (told.collection, told.beside, told.held) == (CollectionOrder.RESUME, ("A-2",), ("A-2",))


@pytest.mark.parametrize("status", [DebtStatus.SOLD, DebtStatus.RECALLED, DebtStatus.ELSEWHERE, None])
def test_nothing_resumes_for_what_is_paid_or_gone(status: DebtStatus | None) -> None:
    gone = debt("A-2", outstanding=balances(), overdue=balances())
    gone = gone if status is None else DEBTS[1].model_copy(update={"status": status})
    told = over(amended(), PAID, gone)
    assert (told.collection, told.agents, told.beside) == (None, False, ())


def test_where_no_signature_stopped_it_nothing_resumes() -> None:
    told = over(amended(agreement__stop_collection_on_sign=False), PAID, DEBTS[1])
    assert (told.collection, told.agents) == (None, False)


def test_after_a_breach_it_is_named_with_the_others() -> None:
    step = amended()
    told = step.when(message(broken(step.state.live.agreement_id), after(90))).last(BankInstructed)
    assert (told.collection, told.beside) == (CollectionOrder.RESUME, ("A-2",))


def test_it_rests_again_where_the_plan_is_reopened() -> None:
    step = amended()
    live = step.state.live.agreement_id
    done = step.when(message(completed(live), after(30)))
    back = PlanReopened(
        agreement_id=live,
        as_of=after(40),
        missing=(cny("1.00"),),
        reason=Reason(code=ReasonCode.PAYMENT_RETURNED),
    )
    told = done.when(message(back, after(40))).last(BankInstructed)
    assert (told.collection, told.beside) == (CollectionOrder.STOP, ("A-2",))


def test_who_withdraws_from_the_amendment_has_it_in_the_plan_again() -> None:
    step = amended(agreement__cooling_off_days=DAYS)
    signed = step.last(AgreementSigned)
    told = step.when(withdrawal(signed.agreement_id, 8)).last(BankInstructed)
    assert (told.returns_to, told.beside) == (signed.supersedes, ())
    assert [one.debt_id for one in told.schedules] == ["A-1", "A-2"]


# -- by a first plan -----------------------------------------------------------------------------------------


def first(**rules: Any) -> Given:
    """A first plan, over one debt of the case: no plan was found for the other."""
    said = agreed(debts=(DEBTS[0],), **rules)
    left = DebtApart(debt_id="A-2", reason=Reason(code=ReasonCode.NO_PLAN_IN_CURRENCY))
    said = said.model_copy(update={"plan": said.plan.model_copy(update={"apart": (left,)})})
    start = given(AgreementDecider(), reference(**rules)).when(message(case_opened(*DEBTS), sequence=1))
    return signed_by(start.when(message(said, after(1))), *BOTH, day=after(2)).closes(after(2))


def test_what_a_first_plan_leaves_apart_rests_with_it() -> None:
    """The bank's agents pressed who kept the plan, for the debt that nobody had found a plan for."""
    told = first().last(BankInstructed)
    assert (told.kind, told.beside) == (InstructionKind.APPLY_PLAN, ("A-2",))
    assert told.collection is CollectionOrder.STOP
    assert over(first(), PAID, DEBTS[1]).beside == ("A-2",)


def test_who_withdraws_from_a_first_plan_has_it_collected_again_with_the_others() -> None:
    step = first(agreement__cooling_off_days=DAYS)
    told = step.when(withdrawal(step.last(AgreementSigned).agreement_id, 8)).last(BankInstructed)
    assert (told.kind, told.collection) == (InstructionKind.RESTORE_TERMS, CollectionOrder.RESUME)
    assert told.beside == ("A-2",)
