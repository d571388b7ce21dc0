"""Day counts against published examples, and what holds for every one of them."""

from datetime import date
from fractions import Fraction

import pytest
import pyxirr
from hypothesis import given
from hypothesis import strategies as st

from shared.lending.cash_flows import NAMES
from shared.lending.daycount import DayCount

DATES = st.dates(date(1990, 1, 1), date(2060, 12, 31))


@pytest.mark.parametrize(
    ("day_count", "start", "end", "days"),
    [
        (DayCount.THIRTY_360_US, date(2007, 1, 15), date(2007, 1, 30), 15),
        (DayCount.THIRTY_360_US, date(2007, 9, 30), date(2008, 3, 31), 180),
        (DayCount.THIRTY_360_US, date(2007, 9, 30), date(2007, 10, 31), 30),
        (DayCount.THIRTY_360_US, date(2008, 2, 29), date(2008, 8, 31), 180),
        (DayCount.THIRTY_360_US, date(2006, 8, 31), date(2007, 2, 28), 178),
        (DayCount.THIRTY_360_US, date(2007, 2, 28), date(2008, 2, 29), 360),
        (DayCount.THIRTY_360_ISDA, date(2007, 1, 15), date(2007, 1, 31), 16),
        (DayCount.THIRTY_360_ISDA, date(2007, 2, 28), date(2007, 3, 31), 33),
        (DayCount.THIRTY_360_ISDA, date(2006, 8, 31), date(2007, 2, 28), 178),
        (DayCount.THIRTY_E_360, date(2007, 1, 15), date(2007, 1, 31), 15),
        (DayCount.THIRTY_E_360, date(2007, 2, 28), date(2007, 3, 31), 32),
    ],
)
def test_thirty_days_a_month(day_count: DayCount, start: date, end: date, days: int) -> None:
    assert day_count.year_fraction(start, end) == Fraction(days, 360)


@given(st.sampled_from(DayCount), DATES, DATES)
def test_a_day_count_is_that_of_the_package_that_searches_rates(
    day_count: DayCount, start: date, end: date
) -> None:
    start, end = sorted((start, end))
    theirs = pyxirr.year_fraction(start, end, NAMES[day_count])
    assert abs(float(day_count.year_fraction(start, end)) - theirs) < 1e-12


def test_actual_days_are_split_at_new_year() -> None:
    start, end = date(2003, 11, 1), date(2004, 5, 1)
    assert DayCount.ACT_ACT.year_fraction(start, end) == Fraction(61, 365) + Fraction(121, 366)
    assert DayCount.ACT_365F.year_fraction(start, end) == Fraction(182, 365)
    assert DayCount.ACT_360.year_fraction(start, end) == Fraction(182, 360)


def test_whole_years_between_are_whole() -> None:
    assert DayCount.ACT_ACT.year_fraction(date(2020, 1, 1), date(2025, 1, 1)) == 5


@given(st.sampled_from(DayCount), DATES, DATES)
def test_a_day_count_is_odd_and_nothing_for_nothing(day_count: DayCount, start: date, end: date) -> None:
    assert day_count.year_fraction(start, start) == 0
    assert day_count.year_fraction(start, end) == -day_count.year_fraction(end, start)
    assert abs(day_count.year_fraction(start, end) - Fraction((end - start).days, 365)) < Fraction(2)


@given(
    st.sampled_from([DayCount.ACT_360, DayCount.ACT_365F, DayCount.ACT_ACT]),
    st.lists(DATES, min_size=3, max_size=3),
)
def test_actual_counts_add_up(day_count: DayCount, dates: list[date]) -> None:
    first, middle, last = sorted(dates)
    parts = day_count.year_fraction(first, middle) + day_count.year_fraction(middle, last)
    assert parts == day_count.year_fraction(first, last)
