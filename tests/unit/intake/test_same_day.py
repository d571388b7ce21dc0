"""Money and a stop on one day: the bank's topic and the desk's may be read in either order."""

from __future__ import annotations

from typing import Any

import pytest

from services.intake.decide import IntakeDecider
from shared.contracts.desk_parties import StopLifted, StopReported
from shared.contracts.envelope import Envelope
from shared.contracts.intake import PaymentMatched
from shared.contracts.parties import StopCause
from tests.unit.builders import message, reference
from tests.unit.intake.bank_says import day, lifted, overdue, paid, stopped
from tests.unit.spec import Given, given


def case() -> Given:
    return given(IntakeDecider(), reference()).when(overdue())


def told(n: int, stop: str = "S-1") -> Envelope[Any]:
    return message(StopReported(stop_id=stop, cause=StopCause.DISPUTE, since=day(n)), day(n))


def over(n: int, stop: str = "S-1") -> Envelope[Any]:
    return message(StopLifted(stop_id=stop, on=day(n)), day(n))


def reaches_the_debt(step: Given) -> bool:
    return bool(step.last(PaymentMatched).allocations)


@pytest.mark.parametrize("fact", [told(3), over(3)], ids=["begins", "ends"])
def test_money_goes_by_how_the_day_began(fact: Envelope[Any]) -> None:
    start = case() if isinstance(fact.data, StopReported) else case().when(told(1))
    money = paid("100.00", 3)
    one, other = start.when(fact, money), start.when(money, fact)
    assert one.last(PaymentMatched).allocations == other.last(PaymentMatched).allocations
    assert one.last(PaymentMatched).unallocated == other.last(PaymentMatched).unallocated
    assert one.state.debts[0].outstanding == other.state.debts[0].outstanding
    assert reaches_the_debt(one) is isinstance(fact.data, StopReported)


def test_from_the_next_day_on_the_stop_counts_and_then_its_end() -> None:
    stopped_ = case().when(told(3))
    assert not reaches_the_debt(stopped_.when(paid("100.00", 4)))
    assert not reaches_the_debt(stopped_.when(told(5), paid("100.00", 5))), (
        "who says it again says nothing new"
    )
    assert reaches_the_debt(stopped_.when(over(6), paid("100.00", 7)))


def test_what_the_bank_says_has_its_order_with_the_banks_money() -> None:
    held = case().when(stopped(StopCause.DISPUTE, n=3))
    assert not reaches_the_debt(held.when(paid("100.00", 3)))
    assert reaches_the_debt(held.when(lifted(5), paid("100.00", 5)))
