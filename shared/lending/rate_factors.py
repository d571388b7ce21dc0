"""Rate factors: the interest on one unit of principal from one day to another within a repayment period.

``f = rate/100 x share of the year``. The share is

* with months of thirty days: ``30 every / year`` for months, ``7 every / year`` for weeks, ``every / year``
  for days, times the days of the part over the days of the period;
* with actual days: days over the year; an actual year has 365 or 366 days, and a part that crosses New Year
  is split there;
* by repayment period: ``every / 12`` for months, ``every / 52`` for weeks, in proportion to days.

Factors are worked out with twelve significant digits and kept with twelve after the point (Apache Fineract's
progressive schedules; the published figures of its tests are what this is compared with).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Context, Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Final

from shared.lending.calendar import add_months, months_between
from shared.lending.daycount import days_of_year
from shared.lending.money import Rounding

_DIGITS: Final = 12
_PLACES: Final = Decimal(1).scaleb(-_DIGITS)


class Every(StrEnum):
    """The unit of a repayment period."""

    DAYS = "days"
    WEEKS = "weeks"
    MONTHS = "months"
    YEARS = "years"

    def after(self, start: date, count: int) -> date:
        """``start`` plus so many units; a day that a month lacks becomes its last one."""
        if self is Every.DAYS:
            return start + timedelta(days=count)
        if self is Every.WEEKS:
            return start + timedelta(days=7 * count)
        return add_months(start, count * (12 if self is Every.YEARS else 1))


class YearDays(StrEnum):
    """How many days a year has."""

    ACTUAL = "actual"
    DAYS_360 = "360"
    DAYS_364 = "364"
    DAYS_365 = "365"


def calendar_years(start: date, end: date, context: Context, whole_new_year: bool = False) -> Decimal:
    """Years from start to end, each calendar year's days over its own length.

    A year ends with 31 December, or with ``whole_new_year`` after it.
    """
    total, day = Decimal(0), start
    for year in range(start.year, end.year + 1):
        last = date(year + 1, 1, 1) if whole_new_year else date(year, 12, 31)
        until = end if year == end.year else last
        days = Decimal((until - day).days)
        total = context.add(total, context.divide(days, Decimal(days_of_year(year))))
        day = until
    return total


def spans(start: date, end: date, unit: Every, every: int, context: Context) -> tuple[int, Decimal]:
    """Whole spans of ``every`` units from start to end, and the days left over the days of the next span."""
    count = max(months_between(start, end) // every - 1, 0) if unit is Every.MONTHS else 0
    while unit.after(start, every * (count + 1)) <= end:
        count += 1
    whole, following = unit.after(start, every * count), unit.after(start, every * (count + 1))
    return count, context.divide(Decimal((end - whole).days), Decimal((following - whole).days))


@dataclass(frozen=True, slots=True)
class Convention:
    """How days become shares of a year between due dates, and how what comes of it is rounded.

    ``thirty_day_months``: a month has thirty days, else actual days count. ``by_period``: a month is a
    twelfth and a week a 52nd of the year, whatever its days; what is lent within a period then bears all of
    its interest, with ``part_periods`` that of its days. ``leap_day_only``: a leap year has 366 days only
    for the period that holds 29 February. ``whole_new_year``: a year ends after 31 December, else with it.
    """

    every: int
    unit: Every
    year: YearDays
    thirty_day_months: bool
    by_period: bool = False
    part_periods: bool = False
    leap_day_only: bool = False
    whole_new_year: bool = False
    rounding: Rounding = Rounding.HALF_EVEN

    @property
    def context(self) -> Context:
        """Twelve significant digits, rounded by the loan's rule."""
        return Context(prec=_DIGITS, rounding=self.rounding.mode)


@lru_cache(maxsize=16384)  # the same few periods are looked at again with every change to a loan
def rate_factor(
    convention: Convention, annual_rate_pct: Decimal, period: tuple[date, date], start: date, end: date
) -> Decimal:
    """Interest on one unit of principal from ``start`` to ``end``, within the repayment period."""
    return _factor(convention, annual_rate_pct, period, start, end, Decimal(convention.every))


@lru_cache(maxsize=16384)
def due_factor(
    convention: Convention, annual_rate_pct: Decimal, period: tuple[date, date], start: date, first: date
) -> Decimal:
    """Interest on one unit from ``start`` to the due date, which interest is charged by.

    It differs from ``rate_factor`` for an odd period under months of thirty days: how many units long a
    period is gets counted from the loan's ``first`` day, not taken from the terms.
    """
    units = Decimal(convention.every)
    if convention.thirty_day_months and not convention.by_period:
        units = _units(convention, period, first)
    return _factor(convention, annual_rate_pct, period, start, period[1], units)


def _factor(
    convention: Convention, annual: Decimal, period: tuple[date, date], start: date, end: date, units: Decimal
) -> Decimal:
    ctx = convention.context
    rate = ctx.divide(annual, Decimal(100))
    days, whole = Decimal((end - start).days), Decimal((period[1] - period[0]).days)
    if whole == 0:
        return Decimal(0)
    in_year = {Every.MONTHS: 12, Every.WEEKS: 52, Every.YEARS: 1, Every.DAYS: 0}[convention.unit]
    if convention.by_period and in_year:
        share = ctx.divide(Decimal(convention.every), Decimal(in_year))
        return _places(convention, ctx.divide(ctx.multiply(ctx.multiply(rate, share), days), whole))
    leaps = not convention.leap_day_only or holds_leap_day(*period)
    if convention.year is YearDays.ACTUAL and end.year > start.year and leaps:
        years = calendar_years(start, end, ctx, convention.whole_new_year)
        return _places(convention, ctx.multiply(rate, years))
    year = _year_days(convention, period, start)
    if not convention.thirty_day_months:
        return _places(convention, ctx.multiply(rate, ctx.divide(days, year)))
    length = {Every.DAYS: 1, Every.WEEKS: 7, Every.MONTHS: 30, Every.YEARS: 360}[convention.unit]
    share = ctx.divide(ctx.multiply(Decimal(length), units), year)
    return _places(convention, ctx.divide(ctx.multiply(ctx.multiply(rate, share), days), whole))


def _places(convention: Convention, factor: Decimal) -> Decimal:
    return factor.quantize(_PLACES, rounding=convention.rounding.mode)


def _year_days(convention: Convention, period: tuple[date, date], start: date) -> Decimal:
    if convention.year is not YearDays.ACTUAL:
        return Decimal(convention.year.value)
    if convention.leap_day_only:
        return Decimal(366 if holds_leap_day(*period) else 365)
    return Decimal(days_of_year(start.year))


def holds_leap_day(start: date, end: date) -> bool:
    """Whether 29 February of the year in which a period starts lies in it."""
    return days_of_year(start.year) == 366 and start < date(start.year, 2, 29) <= end


def _units(convention: Convention, period: tuple[date, date], first: date) -> Decimal:
    """How many units long the period is: whole ones, then the days left over the days of the next one."""
    start, due = period
    if convention.unit.after(start, convention.every) == due or _regular(convention, period, first):
        return Decimal(convention.every)
    whole, odd = spans(start, due, convention.unit, 1, convention.context)
    return odd + whole


def _regular(convention: Convention, period: tuple[date, date], first: date) -> bool:
    """Whether both ends lie a whole number of units after the loan's first day."""
    days, months = (period[1] - first).days, months_between(first, period[1])
    whole = {Every.DAYS: days, Every.WEEKS: days // 7, Every.MONTHS: months, Every.YEARS: months // 12}
    count = whole[convention.unit]
    # A month's last day may stand for one that the month lacks.
    count += convention.unit.after(first, count) < period[1]
    return (
        convention.unit.after(first, count) == period[1]
        and convention.unit.after(first, count - convention.every) == period[0]
    )
