"""A debt's history from the bank: kept where it adds up, said once, and added to by payments."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from services.intake.decide import IntakeDecider
from services.intake.model import IntakeState
from shared.contracts import intake
from shared.contracts.base import Event
from shared.contracts.debts import DebtFlow, DebtSnapshot
from shared.contracts.envelope import Envelope
from shared.contracts.history import AccountEntry, EntryKind
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import DAY, cny, reference
from tests.unit.intake.bank_says import LATE, balance, balances, day, overdue, paid

REFERENCE = reference()
ADVANCED, FIRST, SECOND = date(2022, 5, 4), date(2022, 6, 4), date(2022, 7, 4)


def entry(on: date, kind: EntryKind, amount: str, currency: str = "CNY") -> AccountEntry:
    return AccountEntry(on=on, kind=kind, amount=cny(amount, currency))


WHOLE = (
    entry(ADVANCED, EntryKind.ADVANCE, "6000.00"),
    entry(FIRST, EntryKind.CHARGE, "90.00"),
    entry(FIRST, EntryKind.PAYMENT, "590.00"),
    entry(SECOND, EntryKind.PAYMENT, "500.00"),
    entry(SECOND, EntryKind.RETURNED, "500.00"),
    entry(SECOND, EntryKind.CHARGE, "250.00"),
    entry(date(2026, 2, 1), EntryKind.WAIVED, "50.00"),
)
"""Comes to the 5,700.00 that `overdue` says are owed."""


def told(*history: AccountEntry, n: int = 0, **more: Any) -> Envelope[Any]:
    said = overdue(n=n, **more)
    return replace(said, data=said.data.model_copy(update={"history": history}))


def live(*messages: Envelope[Any]) -> tuple[IntakeState, list[Event]]:
    state: IntakeState | None = None
    said: list[Event] = []
    for message in messages:
        decided = IntakeDecider().decide(state, message, REFERENCE)
        state, said = decided.state, [emission.data for emission in decided.emissions]
    assert state is not None
    return state, said


def flows(*rows: tuple[date, str]) -> tuple[DebtFlow, ...]:
    return tuple(DebtFlow(on=on, amount=cny(amount)) for on, amount in rows)


def debt_in(said: list[Event], kind: type[intake.CaseOpened | intake.CaseChanged]) -> DebtSnapshot:
    return next(event.debts[0] for event in said if isinstance(event, kind))


MOVED = ((ADVANCED, "-6000.00"), (FIRST, "590.00"))


def test_a_whole_history_is_said_with_the_case_as_the_money_that_moved() -> None:
    _, said = live(told(*WHOLE))
    debt = debt_in(said, intake.CaseOpened)
    assert debt.history == flows(*MOVED)
    assert debt.history_as_of == DAY
    assert debt.history_problem is None


def test_without_history_nothing_is_said_of_it() -> None:
    _, said = live(overdue())
    debt = debt_in(said, intake.CaseOpened)
    assert (debt.history, debt.history_as_of, debt.history_problem) == ((), None, None)


@pytest.mark.parametrize(
    ("history", "code"),
    [
        (WHOLE[1:], ReasonCode.HISTORY_WITHOUT_ADVANCE),
        (WHOLE[:-2], ReasonCode.HISTORY_DOES_NOT_ADD_UP),
        ((*WHOLE, entry(day(1), EntryKind.PAYMENT, "1.00")), ReasonCode.HISTORY_DOES_NOT_ADD_UP),
    ],
)
def test_a_history_that_is_not_whole_does_not_count_and_says_why(
    history: tuple[AccountEntry, ...], code: ReasonCode
) -> None:
    _, said = live(told(*history))
    debt = debt_in(said, intake.CaseOpened)
    assert debt.history == ()
    assert debt.history_problem is not None
    assert debt.history_problem.code is code


@pytest.mark.parametrize(("waived", "whole"), [("21.50", True), ("21.49", False), ("78.50", True)])
def test_the_tolerance_is_the_packs_share_of_what_is_owed(waived: str, whole: bool) -> None:
    """Half a per cent of 5,700.00 are 28.50."""
    _, said = live(told(*WHOLE[:-1], entry(DAY, EntryKind.WAIVED, waived)))
    assert (debt_in(said, intake.CaseOpened).history_problem is None) is whole


def test_a_history_in_another_currency_is_refused() -> None:
    strange = told(entry(ADVANCED, EntryKind.ADVANCE, "5700.00", "USD"))
    decided = IntakeDecider().decide(None, strange, REFERENCE)
    (refused,) = (emission.data for emission in decided.emissions)
    assert decided.state is None
    assert isinstance(refused, intake.InputRefused)
    assert refused.reason.code is ReasonCode.CURRENCY_MISMATCH


def test_a_history_that_comes_later_is_said_for_its_own_sake() -> None:
    _, said = live(overdue(), told(*WHOLE))
    assert debt_in(said, intake.CaseChanged).history == flows(*MOVED)


def test_the_same_history_again_is_no_news_and_neither_is_a_payment_that_was_said() -> None:
    again = (*WHOLE, entry(day(3), EntryKind.PAYMENT, "700.00"))
    left = balances("5000.00")
    _, said = live(told(*WHOLE), paid("700.00", 3), told(*again, n=5, owed=left, late=balances("1000.00")))
    assert all(not debt.history for e in said if isinstance(e, intake.CaseChanged) for debt in e.debts)
    state, _ = live(told(*WHOLE), paid("700.00", 3))
    assert state.debts[0].history is not None
    assert dict(state.debts[0].history.flows)[day(3)] == 700_00


def test_a_payment_that_the_history_holds_is_not_counted_twice() -> None:
    state, _ = live(told(*WHOLE, n=5), paid("590.00", -1, on=6))
    known = state.debts[0].history
    assert known is not None
    assert known.flows == ((ADVANCED, -6000_00), (FIRST, 590_00))
    assert state.debts[0].history_problem is None


def test_a_figure_that_holds_what_nobody_has_told_spoils_the_history_until_it_is_told() -> None:
    lower = balances("4700.00", "500.00", "200.00")
    state, said = live(told(*WHOLE), balance(4, lower, LATE))
    problem = debt_in(said, intake.CaseChanged).history_problem
    assert problem is not None
    assert problem.params == {"owed": "5400.00", "found": "5700.00", "currency": "CNY"}
    assert state.debts[0].history_problem == problem
    after, said = live(told(*WHOLE), balance(4, lower, LATE), paid("300.00", 2, on=5))
    assert after.debts[0].history_problem is None
    assert after.debts[0].history is not None
    assert dict(after.debts[0].history.flows)[day(2)] == 300_00


def test_charges_of_the_bank_leave_the_history_whole() -> None:
    more = balances("5000.00", "575.00", "200.00")
    state, _ = live(told(*WHOLE), balance(30, more, LATE))
    assert state.debts[0].history_problem is None
