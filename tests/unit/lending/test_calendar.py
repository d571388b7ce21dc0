"""Business days and month arithmetic."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.lending.calendar import BusinessCalendar, UnknownCalendarError, add_months, months_between

CN, US, TARGET = BusinessCalendar("CN"), BusinessCalendar("US"), BusinessCalendar("TARGET")
days = st.dates(date(2024, 1, 1), date(2027, 12, 31))


@pytest.mark.parametrize(
    ("calendar", "day", "open_"),
    [
        (CN, date(2026, 2, 14), True),  # a Saturday worked for the spring festival
        (CN, date(2026, 2, 17), False),  # spring festival
        (CN, date(2026, 10, 1), False),  # national day
        (CN, date(2026, 11, 28), False),  # an ordinary Saturday
        (US, date(2026, 11, 26), False),  # Thanksgiving
        (US, date(2026, 11, 27), True),
        (TARGET, date(2026, 12, 25), False),
        (BusinessCalendar("TW"), date(2025, 2, 8), True),  # a Saturday worked
        (BusinessCalendar("GB-ENG"), date(2026, 8, 31), False),  # summer bank holiday
    ],
)
def test_business_days(calendar: BusinessCalendar, day: date, open_: bool) -> None:
    assert calendar.is_business_day(day) is open_


def test_next_and_previous_skip_the_spring_festival() -> None:
    assert CN.next_business_day(date(2026, 2, 15)) == date(2026, 2, 24)
    assert CN.previous_business_day(date(2026, 2, 23)) == date(2026, 2, 14)
    assert CN.add_business_days(date(2026, 2, 13), 2) == date(2026, 2, 24)
    assert CN.add_business_days(date(2026, 2, 24), -2) == date(2026, 2, 13)
    assert CN.add_business_days(date(2026, 2, 15), 0) == date(2026, 2, 24)


@given(days, st.integers(1, 30))
def test_adding_counts_business_days(day: date, count: int) -> None:
    end = CN.add_business_days(day, count)
    assert CN.is_business_day(end)
    assert CN.business_days_between(day, end) == count


def test_an_unknown_calendar_is_refused() -> None:
    with pytest.raises(UnknownCalendarError, match="ZZ"):
        BusinessCalendar("ZZ")


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2026, 1, 31), 2, date(2026, 3, 31)),
        (date(2026, 12, 15), 1, date(2027, 1, 15)),
        (date(2026, 3, 31), -1, date(2026, 2, 28)),
        (date(2026, 5, 31), -12, date(2025, 5, 31)),
    ],
)
def test_add_months(day: date, months: int, expected: date) -> None:
    assert add_months(day, months) == expected


def test_an_anchor_keeps_the_day_of_the_month() -> None:
    assert add_months(date(2026, 2, 28), 1, anchor_day=31) == date(2026, 3, 31)


@given(days, st.integers(-60, 60))
def test_months_between_is_the_inverse_where_the_day_exists(day: date, months: int) -> None:
    if day.day <= 28:
        assert months_between(day, add_months(day, months)) == months


def test_years_are_announced_only_where_weekends_are_worked() -> None:
    assert set(range(2015, 2027)) <= BusinessCalendar("CN").announced
    assert not BusinessCalendar("CN").announced & {2050}
    # Days that a state gave for one year alone (a funeral, a coronation) are no calendar of that year.
    assert BusinessCalendar("US").announced == BusinessCalendar("GB-ENG").announced == frozenset()
