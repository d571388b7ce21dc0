"""Day counts: what share of a year lies between two dates, as an exact ratio.

Sources: ISDA 2006 Definitions, section 4.16 (a) act/360 (e), act/365F (d), act/act ISDA (b), 30/360 US (f),
30E/360 (g), 30E/360 ISDA (h); the others as spreadsheets and the ``pyxirr`` package have them. Actual/actual
splits at New Year: the days of each calendar year over its length.
"""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Final


class DayCount(StrEnum):
    """How days are counted and how many make a year."""

    ACT_360 = "act/360"
    ACT_365F = "act/365F"
    ACT_ACT = "act/act ISDA"
    THIRTY_360_US = "30/360"
    THIRTY_E_360 = "30E/360"
    THIRTY_360_ISDA = "30/360 ISDA"
    THIRTY_E_360_ISDA = "30E/360 ISDA"
    ACT_365_25 = "act/365.25"
    ACT_364 = "act/364"

    def year_fraction(self, start: date, end: date) -> Fraction:
        """Years from ``start`` to ``end``; negative when ``end`` is earlier."""
        if end < start:
            return -self.year_fraction(end, start)
        if self is DayCount.ACT_ACT:
            return _actual(start, end)
        if self not in _YEAR:
            return Fraction(self._thirty(start, end), 360)
        return (end - start).days / _YEAR[self]

    def _thirty(self, start: date, end: date) -> int:
        first, last = start.day, end.day
        if self is DayCount.THIRTY_E_360:
            first, last = min(first, 30), min(last, 30)
        elif self is DayCount.THIRTY_E_360_ISDA:
            first, last = (30 if _ends_february(day) else min(day.day, 30) for day in (start, end))
        elif self is DayCount.THIRTY_360_ISDA:
            # The bond basis: the 31st becomes the 30th, at the end only when the start is the 30th too.
            first = min(first, 30)
            last = min(last, 30) if first == 30 else last
        else:
            if _ends_february(start):
                last = 30 if _ends_february(end) else last
                first = 30
            first = min(first, 30)
            last = 30 if last == 31 and first == 30 else last
        return 360 * (end.year - start.year) + 30 * (end.month - start.month) + last - first


_YEAR: Final = {
    DayCount.ACT_360: Fraction(360),
    DayCount.ACT_364: Fraction(364),
    DayCount.ACT_365F: Fraction(365),
    DayCount.ACT_365_25: Fraction(1461, 4),
}


def days_of_year(year: int) -> int:
    """366 in a leap year, else 365."""
    return 366 if calendar.isleap(year) else 365


def _ends_february(day: date) -> bool:
    return day.month == 2 and (day + timedelta(days=1)).month == 3


def _actual(start: date, end: date) -> Fraction:
    if start.year == end.year:
        return Fraction((end - start).days, days_of_year(start.year))
    first = Fraction((date(start.year + 1, 1, 1) - start).days, days_of_year(start.year))
    last = Fraction((end - date(end.year, 1, 1)).days, days_of_year(end.year))
    return first + (end.year - start.year - 1) + last
