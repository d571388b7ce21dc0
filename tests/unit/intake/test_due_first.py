"""Money that names no debt: what is due of any debt goes before what is not due yet of another."""

from __future__ import annotations

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from shared.contracts.debts import Balances
from shared.contracts.intake import PaymentMatched
from shared.lending.allocation import Components
from shared.lending.money import Money
from tests.unit.builders import cny
from tests.unit.intake.bank_says import LATE, OWED, overdue, paid
from tests.unit.intake.test_lateness import case


def total(balances: Balances) -> Money:
    return Components.from_balances(balances).total


DUE, ALL = total(LATE), total(OWED)


def matched(amount: str | Money, product: str = "cn-consumer-loan") -> PaymentMatched:
    two = case(40, product).when(overdue("A-2", days=60, product=product))
    return two.when(paid(amount, 1)).last(PaymentMatched)


def served(said: PaymentMatched) -> dict[str, Money]:
    return {one.debt_id: total(one.amounts) for one in said.allocations}


@pytest.mark.parametrize("product", ["cn-consumer-loan", "cn-card"])
def test_what_pays_all_that_is_overdue_leaves_nothing_overdue(product: str) -> None:
    """Civil Code of China, Art. 560: the debts that are due come first."""
    said = matched("3400.00", product)
    assert served(said) == {"A-1": DUE, "A-2": DUE}
    assert [(total(debt.overdue).minor, debt.days_past_due) for debt in said.debts] == [(0, 0), (0, 0)]


def test_the_oldest_of_debts_that_weigh_the_same_is_served_first() -> None:
    assert served(matched("1700.00")) == {"A-2": DUE}
    assert served(matched("1800.00")) == {"A-2": DUE, "A-1": cny("100.00")}
    assert served(matched("3500.00")) == {"A-2": DUE + cny("100.00"), "A-1": DUE}


@settings(max_examples=60, deadline=None)
@for_all(minor=st.integers(1, 1_500_000))
def test_every_cent_is_served_or_left_over_and_no_debt_gets_more_than_it_owes(minor: int) -> None:
    said = matched(Money(minor, "CNY"))
    parts = served(said)
    assert sum(part.minor for part in parts.values()) + said.unallocated.minor == minor
    assert all(part.minor <= ALL.minor for part in parts.values())
    not_due = [part.minor - DUE.minor for part in parts.values() if part.minor > DUE.minor]
    if not_due:
        assert all(parts.get(debt, cny("0.00")).minor >= DUE.minor for debt in ("A-1", "A-2"))
