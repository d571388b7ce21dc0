"""Business days of a jurisdiction, and the month arithmetic of due dates.

Holidays come from the ``holidays`` package: public holidays and, where a country moves working days to
a weekend (China, Taiwan), those weekend working days as far ahead as the package knows them. Years
that are not announced yet fall back to the plain calendar.
"""

from __future__ import annotations

import calendar as _months
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

import holidays

# Calendars that are not a country's: TARGET, the euro payment system, stands for the euro area.
_FINANCIAL: Final = {"TARGET": "ECB"}
_DAY: Final = timedelta(days=1)
# Longest run without a business day that is believed; a longer one is a broken calendar.
_LONGEST_CLOSURE: Final = 31


class UnknownCalendarError(ValueError):
    """No business-day calendar of that name."""


@lru_cache(maxsize=64)
def _holidays(code: str) -> holidays.HolidayBase:
    try:
        if code in _FINANCIAL:
            return holidays.financial_holidays(_FINANCIAL[code])
        country, _, subdivision = code.partition("-")
        return holidays.country_holidays(country, subdiv=subdivision or None)
    except NotImplementedError as error:
        raise UnknownCalendarError(f"no business-day calendar named {code!r}") from error


@lru_cache(maxsize=64)
def _announced(code: str) -> frozenset[int]:
    known = _holidays(code)
    return frozenset(known.special_public_holidays if known.has_substituted_holidays else ())


@lru_cache(maxsize=65536)
def _is_business_day(code: str, day: date) -> bool:
    return bool(_holidays(code).is_working_day(day))


@dataclass(frozen=True, slots=True)
class BusinessCalendar:
    """Business days of ``code``: ISO 3166 country (``CN``), country and part (``GB-SCT``) or ``TARGET``.

    Raises UnknownCalendarError when the code is not known.
    """

    code: str

    def __post_init__(self) -> None:
        _holidays(self.code)

    def is_business_day(self, day: date) -> bool:
        return _is_business_day(self.code, day)

    @property
    def announced(self) -> frozenset[int]:
        """The years whose announcement is known, where working days are moved to weekends by one; else none.

        In a later year than these a business day is no more than what the plain calendar says.
        """
        return _announced(self.code)

    def next_business_day(self, day: date) -> date:
        """``day`` itself when it is one, else the first after it."""
        return self._seek(day, _DAY)

    def previous_business_day(self, day: date) -> date:
        """``day`` itself when it is one, else the last before it."""
        return self._seek(day, -_DAY)

    def add_business_days(self, day: date, count: int) -> date:
        """The ``count``-th business day after ``day`` (before it, when negative).

        Zero gives ``day`` or, when that is closed, the next business day.
        """
        if count == 0:
            return self.next_business_day(day)
        step = _DAY if count > 0 else -_DAY
        for _ in range(abs(count)):
            day = self._seek(day + step, step)
        return day

    def business_days_between(self, start: date, end: date) -> int:
        """Business days after ``start`` up to and with ``end``; 0 when ``end`` is not later."""
        days = (end - start).days
        return sum(self.is_business_day(start + timedelta(days=n)) for n in range(1, days + 1))

    def _seek(self, day: date, step: timedelta) -> date:
        for _ in range(_LONGEST_CLOSURE):
            if self.is_business_day(day):
                return day
            day += step
        raise ValueError(f"calendar {self.code} has no business day near {day.isoformat()}")


def add_months(day: date, months: int, *, anchor_day: int | None = None) -> date:
    """``day`` moved by calendar months; a day the month lacks becomes its last day.

    ``anchor_day`` keeps the wished day of the month over a chain of dates: from 31 January, one month
    gives 28 February and two months 31 March.
    """
    year, month0 = divmod(day.year * 12 + day.month - 1 + months, 12)
    wished = anchor_day or day.day
    return date(year, month0 + 1, min(wished, _months.monthrange(year, month0 + 1)[1]))


def months_between(start: date, end: date) -> int:
    """Whole calendar months from ``start`` to ``end`` (negative when ``end`` is earlier)."""
    if end < start:
        return -months_between(end, start)
    months = (end.year - start.year) * 12 + end.month - start.month
    return months if add_months(start, months) <= end else months - 1
