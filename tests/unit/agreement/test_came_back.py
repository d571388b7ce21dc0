"""What the settlement letter says of payments from before the plan that were returned while it ran."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from shared.contracts.agreement import (
    AgreementSigned,
    BankInstructed,
    SettlementKind,
    SettlementLetterIssued,
)
from shared.contracts.debts import Allocation, Balances, DebtSnapshot
from shared.contracts.intake import PaymentTakenBack
from shared.contracts.plan_terms import total_of
from tests.unit.agreement.test_decide import after, changed, completed, in_force
from tests.unit.builders import balances, debt, message
from tests.unit.spec import Given

BEFORE = date(2026, 2, 2)
NOTHING = balances()
OTHER = debt("A-2", outstanding=NOTHING, overdue=NOTHING)


def owing(left: Balances) -> DebtSnapshot:
    return debt(outstanding=left, overdue=NOTHING)


def comes_back(step: Given, amount: Balances, *, dated: date = BEFORE, on: int = 200, **facts: Any) -> Given:
    """A payment is returned; the books owe it again beside what is left of the plan."""
    data = PaymentTakenBack(
        payment_id="p-0",
        reversal_id=f"r-{on}",
        amount=total_of(amount),
        reversed_on=after(on),
        value_date=dated,
        allocations=(Allocation(debt_id="A-1", amounts=amount),),
        debts=(owing(amount),),
        **facts,
    )
    return step.when(message(data, after(on), sequence=on))


def letter(step: Given, *debts: DebtSnapshot) -> tuple[SettlementLetterIssued, BankInstructed]:
    """The last instalment is paid, and the books say what is owed then."""
    known = step.when(message(changed(*debts), after(290), sequence=290))
    done = known.when(message(completed(LIVE.last(AgreementSigned).agreement_id), after(300)))
    return done.last(SettlementLetterIssued), done.last(BankInstructed)


LIVE = in_force()


def test_what_came_back_from_before_the_plan_survives_it() -> None:
    """The letter said that nothing is owed any more, and the bank was told so."""
    back = comes_back(LIVE, balances("0.00", "116.67"))
    said, told = letter(back, owing(balances("120.00", "0.00")), OTHER)
    assert said.settlement is SettlementKind.PARTIAL
    assert [(one.debt_id, one.amounts) for one in said.surviving] == [("A-1", balances("116.67"))]
    assert told.settled == said.settled
    assert [(one.debt_id, one.settlement, one.credit_status) for one in said.settled] == [
        ("A-1", SettlementKind.PARTIAL, "settled_in_part"),
        ("A-2", SettlementKind.FULL, "settled"),
    ]
    assert (told.credit_status, said.credit_status) == (None, "settled_in_part")


def test_returns_add_up_and_what_was_put_right_since_is_not_owed() -> None:
    twice = comes_back(comes_back(LIVE, balances("50.00")), balances("30.00", "20.00"), on=210)
    said, _ = letter(twice, owing(balances("300.00")), OTHER)
    assert [one.amounts for one in said.surviving] == [balances("100.00")]
    part, _ = letter(twice, owing(balances("15.00", "5.00")), OTHER)
    assert [one.amounts for one in part.surviving] == [balances("15.00", "5.00")]
    paid, _ = letter(twice, owing(NOTHING), OTHER)
    assert (paid.settlement, paid.surviving) == (SettlementKind.FULL, ())


def test_what_was_paid_for_it_may_lie_on_another_debt_of_the_plan() -> None:
    """Money that names no debt is split: the debt that got less of it was certified as settled in full."""
    back = comes_back(LIVE, balances("100.00", "20.00"))
    other = debt("A-2", outstanding=balances("90.00"), overdue=NOTHING)
    said, told = letter(back, owing(balances("50.00")), other)
    owed = [("A-1", balances("50.00")), ("A-2", balances("70.00"))]
    assert [(one.debt_id, one.amounts) for one in said.surviving] == owed
    assert [one.settlement for one in told.settled] == [SettlementKind.PARTIAL] * 2
    apart, _ = letter(back, owing(balances("300.00")), other)
    assert [(one.debt_id, str(total_of(one.amounts))) for one in apart.surviving] == [("A-1", "120.00")]
    foreign = debt("A-2", outstanding=balances("90.00", currency="USD"), overdue=balances(currency="USD"))
    elsewhere, _ = letter(back, owing(balances("50.00")), foreign)
    assert [one.debt_id for one in elsewhere.surviving] == ["A-1"]


@pytest.mark.parametrize("dated", [after(2), after(100)])
def test_a_return_of_what_was_paid_on_the_plan_is_missing_from_its_instalments(dated: date) -> None:
    assert LIVE.last(AgreementSigned).effective == after(2)
    said, _ = letter(comes_back(LIVE, balances("100.00"), dated=dated), owing(balances("1.00")), OTHER)
    assert said.settlement is SettlementKind.FULL


@pytest.mark.parametrize(("on", "kind"), [(1, SettlementKind.FULL), (200, SettlementKind.PARTIAL)])
def test_a_return_that_the_plan_was_made_on_is_part_of_it(on: int, kind: SettlementKind) -> None:
    """The bank's figures held it: before the draft the plan asks for it, later it does not."""
    back = comes_back(LIVE, balances("100.00"), on=on, in_balance=True)
    said, _ = letter(back, owing(balances("100.00")), OTHER)
    assert said.settlement is kind


def test_a_debt_that_is_not_in_the_plan_is_stated_once_and_beside_it() -> None:
    back = comes_back(LIVE, balances("100.00"))
    other = debt("A-3", outstanding=balances("70.00"))
    said, _ = letter(back, owing(balances("100.00")), OTHER, other)
    stated = (said.surviving, said.beside)
    assert [[(one.debt_id, str(total_of(one.amounts))) for one in rows] for rows in stated] == [
        [("A-1", "100.00")],
        [("A-3", "70.00")],
    ]
