"""What a borrower can pay, today and under stress."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.lending.affordability import (
    Household,
    SavingAllowance,
    Spending,
    Stress,
    debt_to_income,
    our_share,
    residual_income,
    stressed_residual,
    weekly_to_monthly,
)
from shared.lending.money import CurrencyMismatch, Money, Rounding


def cny(text: str) -> Money:
    return Money.parse(text, "CNY")


FAMILY = Household(
    income=cny("8000"),
    spending={
        "food": Spending(cny("2500"), guideline=cny("2600")),
        "personal": Spending(cny("1500"), guideline=cny("1000")),
        "health": Spending(cny("900"), guideline=cny("300"), explained=True),
        "rent": Spending(cny("2000")),
    },
    priority_debt_payments=cny("400"),
)
SAVING = SavingAllowance(Decimal(10), cny("200"))


def test_spending_counts_to_the_guideline_and_above_it_when_explained() -> None:
    assert FAMILY.allowed_spending == cny("6400")
    assert [name for name, item in FAMILY.spending.items() if item.needs_explanation] == ["personal"]


def test_residual_income_leaves_the_saving_allowance() -> None:
    assert residual_income(FAMILY, None, Rounding.HALF_UP) == cny("1200")
    assert residual_income(FAMILY, SAVING, Rounding.HALF_UP) == cny("1080")
    assert residual_income(FAMILY, SavingAllowance(Decimal(50), cny("200")), Rounding.HALF_UP) == cny("1000")


def test_stress_lowers_income_raises_spending_and_spreads_a_shock() -> None:
    drop = stressed_residual(FAMILY, Stress(income_drop_pct=Decimal(10)), None, Rounding.HALF_UP)
    rise = stressed_residual(FAMILY, Stress(spending_rise_pct=Decimal(5)), None, Rounding.HALF_UP)
    shock = stressed_residual(FAMILY, Stress(one_off=cny("1200")), None, Rounding.HALF_UP)
    assert (drop, rise, shock) == (cny("400"), cny("880"), cny("1100"))


def test_a_shortfall_is_shown_and_saves_nothing() -> None:
    stress = Stress(income_drop_pct=Decimal(50))
    assert stressed_residual(FAMILY, stress, SAVING, Rounding.HALF_UP) == cny("-2800")


@pytest.mark.parametrize(
    ("residual", "ours", "others", "expected"),
    [
        ("1000", "3000", "1000", "750"),
        ("1000", "3000", "0", "1000"),
        ("1000", "0", "0", "1000"),
        ("0", "3000", "1000", "0"),
        ("-5", "3000", "1000", "0"),
        ("100", "1", "2", "33.33"),
    ],
)
def test_our_share_of_what_is_left(residual: str, ours: str, others: str, expected: str) -> None:
    assert our_share(cny(residual), cny(ours), cny(others)) == cny(expected)


def test_debt_to_income() -> None:
    assert debt_to_income(cny("3100"), cny("10000")) == Decimal("0.3100")
    assert debt_to_income(cny("1"), cny("0")) is None
    with pytest.raises(CurrencyMismatch):
        debt_to_income(cny("1"), Money(1, "USD"))


def test_weeks_become_months() -> None:
    assert weekly_to_monthly(cny("300"), Rounding.HALF_UP) == cny("1300")


@given(st.integers(0, 10**8), st.decimals(0, 100, places=1), st.integers(0, 10**7))
def test_stress_never_leaves_more(income: int, drop: Decimal, shock: int) -> None:
    household = Household(Money(income, "CNY"), FAMILY.spending, FAMILY.priority_debt_payments)
    stress = Stress(income_drop_pct=drop, one_off=Money(shock, "CNY"))
    stressed = stressed_residual(household, stress, SAVING, Rounding.HALF_UP)
    assert stressed <= residual_income(household, SAVING, Rounding.HALF_UP)
