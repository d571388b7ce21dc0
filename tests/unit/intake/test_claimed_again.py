"""What an agreement has settled in full is claimed again: the case knows it, and a person looks."""

from __future__ import annotations

from typing import Any

import pytest

from services.intake.decide import IntakeDecider
from shared.contracts.agreement import (
    BankInstructed,
    DebtSettled,
    InstructionKind,
    SettlementKind,
)
from shared.contracts.debts import DebtSchedule, DebtStatus
from shared.contracts.envelope import Envelope
from shared.contracts.intake import CaseChanged, CaseOpened
from tests.unit.builders import balances, message, reference
from tests.unit.intake.bank_says import day, overdue, paid, plan_completed, returned, signed
from tests.unit.spec import Given, given

INTEREST = balances("0.00", "12.34")
LENT = balances("800.00", "12.34")


def settled(n: int, how: SettlementKind = SettlementKind.FULL, **facts: Any) -> Envelope[Any]:
    said = BankInstructed(
        instruction_id=f"I-{n}",
        agreement_id="AG-1",
        version=1,
        kind=InstructionKind.PLAN_COMPLETED,
        effective=day(n),
        answer_by=day(n + 5),
        settled=(DebtSettled(debt_id="A-1", settlement=how, credit_status="settled"),),
    )
    return message(said.model_copy(update=facts), day(n))


def done(how: SettlementKind = SettlementKind.FULL, *between: Envelope[Any], beside: bool = False) -> Given:
    """All that was owed is paid on day 20, and the agreement completed."""
    others = (overdue("A-2"),) if beside else ()
    start = given(IntakeDecider(), reference()).when(overdue(), *others, signed(2))
    whole = str(start.state.debt("A-1").outstanding.on_wire("CNY").principal)
    assert whole.startswith("5000.00")
    step = start.when(paid("5700.00", 20, account="A-1"), plan_completed(20), settled(20, how), *between)
    assert step.state.is_open is beside
    return step


def claims(step: Given, *, owed: Any = INTEREST, days: int = 5, n: int = 60) -> str | None:
    opened = step.when(overdue(n=n, owed=owed, late=owed, days=days))
    assert opened.state.is_open
    said = opened.last(CaseOpened) if opened.emits(CaseOpened) else None
    one = opened.state.debt("A-1")
    assert one.status is DebtStatus.ACTIVE
    if said is not None:
        assert said.debts[0].bound_by == one.bound_by
    return one.bound_by


def test_interest_that_is_billed_after_the_letter_is_claimed_under_the_agreement() -> None:
    """A case was opened about what was certified as settled, and nobody in it knew of the letter."""
    assert claims(done()) == "AG-1"


@pytest.mark.parametrize(("days", "bound"), [(5, None), (39, None), (40, "AG-1"), (70, "AG-1")])
def test_so_is_what_was_due_by_then_and_nothing_that_was_lent_since(days: int, bound: str | None) -> None:
    assert claims(done(), owed=LENT, days=days) == bound


def test_in_a_case_that_is_still_open_it_is_the_same() -> None:
    step = done(beside=True).when(overdue(n=60, owed=INTEREST, late=INTEREST, days=5))
    (one,) = (debt for debt in step.last(CaseChanged).debts if debt.debt_id == "A-1")
    assert one.bound_by == "AG-1"


def test_what_survives_the_agreement_is_owed() -> None:
    assert claims(done(SettlementKind.PARTIAL)) is None


def test_so_is_what_came_back_and_what_the_agreement_asks_for_again() -> None:
    assert claims(done(SettlementKind.FULL, returned("5700.00", 30))) is None
    kind = InstructionKind.RESTORE_TERMS
    again = settled(30, kind=kind, settled=(), returns_to="AG-1", instruction_id="I-again")
    assert claims(done(SettlementKind.FULL, again)) is None


def test_a_new_agreement_about_it_ends_that() -> None:
    rows = (DebtSchedule(debt_id="A-1", rows=()),)
    anew = settled(70, kind=InstructionKind.APPLY_PLAN, settled=(), schedules=rows, agreement_id="AG-2")
    step = done().when(overdue(n=60, owed=INTEREST, late=INTEREST, days=5), anew)
    assert (step.state.debt("A-1").bound_by, step.state.debt("A-1").settled_by) == (None, None)
