"""Annual rates of the law: effective and actuarial, and how unit periods are counted."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.lending.apr import (
    Unit,
    UnitPeriod,
    actuarial_pct,
    actuarial_pct_of_dates,
    effective_annual_pct,
)
from shared.lending.calendar import add_months
from shared.lending.cash_flows import dated_irr, dated_npv
from shared.lending.daycount import DayCount

MONTH = UnitPeriod(1, Unit.MONTH)
CENT = Decimal("0.01")


def test_two_advances() -> None:
    rate = effective_annual_pct(
        [(Decimal(0), Decimal(1000)), (Decimal(1), Decimal(1000))], [(Decimal(2), Decimal("2310"))]
    )
    assert rate is not None
    assert rate.quantize(CENT) == Decimal("10.00")


def test_what_is_paid_back_at_once_and_again_has_no_rate() -> None:
    """Far out the sums cancel out in floating point; that is no change of sign."""
    paid = [(Decimal(0), Decimal("6213.88")), (Decimal(2), Decimal("6213.88"))]
    assert effective_annual_pct([(Decimal(0), Decimal("6213.88"))], paid) is None


def test_nothing_paid_back_has_no_rate() -> None:
    assert effective_annual_pct([(Decimal(0), Decimal(1000))], []) is None
    assert actuarial_pct(Decimal(1000), [], Fraction(0), Fraction(12)) is None
    assert actuarial_pct_of_dates(Decimal(1000), date(2026, 1, 1), [], MONTH) is None


@pytest.mark.parametrize(
    ("unit", "start", "first", "whole", "fraction"),
    [
        (MONTH, date(1978, 2, 10), date(1978, 4, 1), 1, Fraction(19, 30)),
        (MONTH, date(2026, 1, 31), date(2026, 2, 28), 1, Fraction(0)),
        (UnitPeriod(3, Unit.MONTH), date(1978, 5, 23), date(1978, 10, 1), 1, Fraction(39, 90)),
        (UnitPeriod(2, Unit.MONTH), date(1978, 1, 10), date(1978, 3, 1), 0, Fraction(52, 60)),
        (UnitPeriod(1, Unit.HALF_MONTH), date(1978, 2, 23), date(1978, 3, 1), 0, Fraction(6, 15)),
        (UnitPeriod(4, Unit.WEEK), date(1978, 3, 18), date(1978, 4, 20), 1, Fraction(5, 28)),
        (UnitPeriod(1, Unit.YEAR), date(2023, 10, 26), date(2023, 11, 30), 0, Fraction(35, 365)),
        (UnitPeriod(1, Unit.YEAR), date(2024, 1, 15), date(2025, 7, 15), 1, Fraction(6, 12)),
        (UnitPeriod(255, Unit.DAY), date(2026, 1, 1), date(2026, 9, 13), 1, Fraction(0)),
    ],
)
def test_unit_periods_before_the_first_payment(
    unit: UnitPeriod, start: date, first: date, whole: int, fraction: Fraction
) -> None:
    assert unit.before(start, first) == (whole, fraction)


def test_a_payment_before_the_advance() -> None:
    with pytest.raises(ValueError):
        MONTH.before(date(2026, 2, 1), date(2026, 1, 1))


@given(st.integers(1, 60), st.decimals("0.01", "99", places=2), st.dates(date(2000, 1, 1), date(2050, 1, 1)))
def test_payments_at_a_rate_give_that_rate(months: int, annual: Decimal, start: date) -> None:
    rate = annual / 1200
    payment = Decimal(10000) * rate / (1 - (1 + rate) ** -months)
    dates = [add_months(start.replace(day=1), k) for k in range(1, months + 1)]
    actuarial = actuarial_pct_of_dates(
        Decimal(10000), start.replace(day=1), [(due, payment) for due in dates], MONTH
    )
    assert actuarial is not None
    assert abs(actuarial - annual) < Decimal("0.00001")
    effective = effective_annual_pct(
        [(Decimal(0), Decimal(10000))], [(Decimal(k) / 12, payment) for k in range(1, months + 1)]
    )
    assert effective is not None
    assert abs(effective - ((1 + rate) ** 12 - 1) * 100) < Decimal("0.00001")


@given(
    st.lists(
        st.tuples(st.dates(date(2020, 1, 2), date(2035, 1, 1)), st.decimals("1", "5000", places=2)),
        min_size=1,
        max_size=20,
    ),
    st.sampled_from(DayCount),
)
def test_at_the_dated_rate_the_flows_are_worth_nothing(
    paid: list[tuple[date, Decimal]], day_count: DayCount
) -> None:
    lent = sum(amount for _, amount in paid) * Decimal("0.8")
    dates = [date(2020, 1, 1), *(on for on, _ in paid)]
    amounts = [-lent, *(amount for _, amount in paid)]
    found = dated_irr(dates, amounts, day_count)
    if found is not None:  # a single payment after a day or two has a rate that no search is asked to reach
        assert abs(dated_npv(found, dates, amounts, day_count)) < lent / 1000


def test_dated_rates_that_do_not_exist() -> None:
    assert dated_irr([date(2026, 1, 1)], [Decimal(5)]) is None
    assert dated_irr([], []) is None
    # Half is lost within a day: the search ends beyond -100 %, where nothing can be discounted.
    assert dated_irr([date(2026, 1, 1), date(2026, 1, 2)], [Decimal(-100), Decimal(50)]) is None
    with pytest.raises(ValueError):
        dated_irr([date(2026, 1, 1)], [])
    with pytest.raises(ValueError):
        dated_npv(Decimal(-1), [date(2026, 1, 1)], [Decimal(1)])
