"""A debt that a stop or a recall took out of the plan, and that is not paid: nothing certifies that it is."""

from __future__ import annotations

import pytest

from shared.contracts.agreement import (
    AgreementSigned,
    BankInstructed,
    DebtSettled,
    SettlementKind,
    SettlementLetterIssued,
    SurvivingDebt,
)
from shared.contracts.debts import DebtSnapshot, DebtStatus
from tests.unit.agreement.test_decide import DEBTS, after, changed, completed, in_force
from tests.unit.builders import balances, debt, message
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
