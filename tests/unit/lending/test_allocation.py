"""Waterfalls: exact, in the order of the band, over several debts."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.lending.allocation import (
    AllocationBand,
    AllocationRules,
    Component,
    Components,
    DebtBalance,
    DebtOrder,
    allocate,
    apply_oldest_first,
    waterfall,
)
from shared.lending.money import CurrencyMismatch, Money

C = Component
CHARGES_FIRST = (C.COSTS, C.FEES, C.INTEREST, C.LATE_CHARGES, C.PRINCIPAL)
PRINCIPAL_FIRST = (C.COSTS, C.PRINCIPAL, C.INTEREST, C.FEES, C.LATE_CHARGES)
CARD = AllocationRules((AllocationBand(0, CHARGES_FIRST), AllocationBand(91, PRINCIPAL_FIRST)))


def cny(text: str) -> Money:
    return Money.parse(text, "CNY")


OWED = Components.of("CNY", fees=cny("200"), interest=cny("500"), principal=cny("5000"))


def balance(debt_id: str, principal: str, days: int = 10, since: date | None = None) -> DebtBalance:
    return DebtBalance(debt_id, Components.of("CNY", principal=cny(principal)), days, since)


@pytest.mark.parametrize(
    ("days", "fees", "interest", "principal"),
    [(60, "200", "500", "300"), (90, "200", "500", "300"), (91, "0", "0", "1000"), (120, "0", "0", "1000")],
)
def test_the_order_switches_on_day_91(days: int, fees: str, interest: str, principal: str) -> None:
    got = allocate(cny("1000"), [DebtBalance("a", OWED, days)], CARD).of("a")
    assert (got.fees, got.interest, got.principal) == (cny(fees), cny(interest), cny(principal))


def test_what_is_left_over_stays_unallocated() -> None:
    result = allocate(cny("6000"), [DebtBalance("a", OWED, 1)], CARD)
    assert (result.of("a"), result.unallocated) == (OWED, cny("300"))


def test_the_oldest_due_debt_is_served_first() -> None:
    debts = [balance("new", "100", since=date(2026, 3, 1)), balance("old", "100", since=date(2026, 1, 1))]
    result = allocate(cny("150"), debts, CARD)
    assert [(name, part.principal) for name, part in result.by_debt] == [
        ("new", cny("50")),
        ("old", cny("100")),
    ]


@pytest.mark.parametrize(
    ("order", "first"),
    [(DebtOrder.SMALLEST_BALANCE_FIRST, "small"), (DebtOrder.HIGHEST_RATE_FIRST, "dear")],
)
def test_other_orders_of_debts(order: DebtOrder, first: str) -> None:
    dear = DebtBalance("dear", Components.of("CNY", principal=cny("500")), 1, None, cny("18").to_decimal())
    debts = [dear, balance("small", "400")]
    result = allocate(cny("300"), debts, AllocationRules(CARD.bands, order))
    assert result.of(first).principal == cny("300")


def test_the_heaviest_of_what_is_due_is_served_first_and_of_equals_the_oldest() -> None:
    """Civil Code of China, Art. 560: due, then the heavier burden, then the earlier date."""

    def one(name: str, rate: str, since: date | None) -> DebtBalance:
        return DebtBalance(name, Components.of("CNY", principal=cny("100")), 1, since, Decimal(rate))

    debts = [
        one("not due, dearest", "24", None),
        one("old and cheap", "6", date(2026, 1, 1)),
        one("dear and newer", "18", date(2026, 3, 1)),
        one("dear and older", "18", date(2026, 2, 1)),
    ]
    rules = AllocationRules(CARD.bands, DebtOrder.HEAVIEST_DUE_FIRST)
    served = [
        {name for name, part in allocate(cny(paid), debts, rules).by_debt if part.total.is_positive}
        for paid in ("100", "200", "300", "400")
    ]
    assert served[0] == {"dear and older"}
    assert served[1] - served[0] == {"dear and newer"}
    assert served[2] - served[1] == {"old and cheap"}
    assert served[3] - served[2] == {"not due, dearest"}


def test_pro_rata_gives_each_debt_its_share_and_no_more_than_it_is_owed() -> None:
    rules = AllocationRules(CARD.bands, DebtOrder.PRO_RATA)
    debts = [balance("a", "300"), balance("b", "100")]
    assert [part.total for _, part in allocate(cny("100"), debts, rules).by_debt] == [cny("75"), cny("25")]
    all_paid = allocate(cny("500"), debts, rules)
    assert all_paid.unallocated == cny("100")
    assert allocate(cny("5"), [balance("a", "0")], rules).unallocated == cny("5")


def test_currencies_are_never_netted() -> None:
    dollars = DebtBalance("usd", Components.of("USD", principal=Money(100, "USD")), 1)
    assert allocate(cny("1"), [dollars], CARD).unallocated == cny("1")
    with pytest.raises(CurrencyMismatch):
        Components(cny("1"), Money(1, "USD"), cny("1"), cny("1"), cny("1"))


def test_invalid_rules_and_payments() -> None:
    with pytest.raises(ValueError, match="day 0"):
        AllocationRules((AllocationBand(1, CHARGES_FIRST),))
    with pytest.raises(ValueError, match="every component"):
        AllocationRules((AllocationBand(0, CHARGES_FIRST[:-1]),))
    with pytest.raises(ValueError, match="not negative"):
        allocate(cny("-1"), [], CARD)
    with pytest.raises(ValueError, match="once"):
        allocate(cny("1"), [balance("a", "1"), balance("a", "1")], CARD)
    with pytest.raises(ValueError, match="negative"):
        waterfall(cny("1"), Components.of("CNY", fees=cny("-1")), CHARGES_FIRST)


def test_apply_oldest_first() -> None:
    assert apply_oldest_first(cny("5"), [cny("3"), cny("4")]) == ((cny("3"), cny("2")), cny("0"))
    assert apply_oldest_first(cny("9"), [cny("3"), cny("4")]) == ((cny("3"), cny("4")), cny("2"))


amounts = st.integers(0, 10**7)
debts = st.lists(
    st.tuples(st.tuples(*[amounts] * 5), st.integers(0, 200), st.dates(date(2025, 1, 1), date(2026, 1, 1))),
    max_size=6,
)


@given(amounts, debts, st.sampled_from(DebtOrder))
def test_every_allocation_is_exact(
    paid: int, rows: list[tuple[tuple[int, ...], int, date]], order: DebtOrder
) -> None:
    balances = [
        DebtBalance(str(i), Components(*(Money(part, "CNY") for part in parts)), days, since)
        for i, (parts, days, since) in enumerate(rows)
    ]
    result = allocate(Money(paid, "CNY"), balances, AllocationRules(CARD.bands, order))
    allocated = Money.sum((part.total for _, part in result.by_debt), "CNY")
    assert allocated + result.unallocated == result.paid
    for debt in balances:
        got = result.of(debt.debt_id)
        assert not got.has_negative
        assert not (debt.outstanding - got).has_negative
    if result.unallocated.is_positive:
        assert allocated == Money.sum((debt.outstanding.total for debt in balances), "CNY")
