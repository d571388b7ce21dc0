"""Annual percentage rates as the law defines them: effective (EU, UK) and actuarial (US).

* Effective annual: ``sum advances (1+X)^-t = sum payments (1+X)^-t``, times in years from the first advance
  (Directive 2008/48/EC, Annex I; FCA Handbook MCOB 10). A month is a twelfth of a year.
* Actuarial: ``A = sum P_k / ((1 + f i)(1 + i)^t_k)``, the annual rate being ``i`` times the unit periods in a
  year (12 CFR Part 1026, Appendix J (b)). ``f`` is the fraction of a unit period before the first payment,
  ``t_k`` the whole ones before payment k.

Rates are per cent, solved in floating point and given as decimals of ten digits: no amount comes out of here.
"""

from __future__ import annotations

import calendar
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from shared.lending.calendar import add_months, months_between
from shared.lending.time_value import as_rate, nearest_root


def effective_annual_pct(
    advances: Sequence[tuple[Decimal, Decimal]], payments: Sequence[tuple[Decimal, Decimal]]
) -> Decimal | None:
    """Effective annual rate in per cent of (time in years, amount) pairs; None when no rate fits."""
    flows = [(float(time), float(amount)) for time, amount in payments]
    flows += [(float(time), -float(amount)) for time, amount in advances]

    def value(rate: float) -> float:
        return sum(amount * math.pow(1 + rate, -time) for time, amount in flows)

    return _pct(as_rate(nearest_root(value)))


class Unit(StrEnum):
    """What a unit period is a multiple of."""

    DAY = "day"
    WEEK = "week"
    HALF_MONTH = "half month"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class UnitPeriod:
    """The common period between payments: so many units. Half months and years come one at a time."""

    every: int
    unit: Unit

    @property
    def per_year(self) -> Fraction:
        """Unit periods in a year: 365 days, 52 weeks, 24 half months or 12 months over their number."""
        in_year = {Unit.DAY: 365, Unit.WEEK: 52, Unit.HALF_MONTH: 24, Unit.MONTH: 12, Unit.YEAR: 1}
        return Fraction(in_year[self.unit], self.every)

    def before(self, start: date, first: date) -> tuple[int, Fraction]:
        """Whole unit periods, and the fraction, from the advance to the first payment, counted backwards.

        Odd days count 1/30 of a month, 1/15 of half a month, 1/7 of a week and 1/365 of a year; whole months
        left over count 1/12 of a year when no day is left (Appendix J (b)(5)).
        """
        if first < start:
            raise ValueError("a payment does not come before the advance")
        if self.unit in (Unit.DAY, Unit.WEEK):
            length = self.every * (1 if self.unit is Unit.DAY else 7)
            whole, odd = divmod((first - start).days, length)
            return whole, Fraction(odd, length)
        if self.unit is Unit.HALF_MONTH:
            months, odd = _months_back(start, first)
            halves, odd = divmod(odd, 15)
            # The second half of a month of 31 days has no sixteenth day of its own.
            return 2 * months + min(halves, 1), Fraction(min(odd + 15 * max(halves - 1, 0), 15), 15)
        if self.unit is Unit.YEAR:
            years = months_between(start, first) // 12
            back = add_months(first, -12 * years)
            months, odd = _months_back(start, back)
            return years, Fraction((back - start).days, 365) if odd else Fraction(months, 12)
        months, odd = _months_back(start, first)
        whole, left = divmod(months, self.every)
        return whole, Fraction(30 * left + odd, 30 * self.every)

    def between(self, first: date, later: date) -> int:
        """Whole unit periods from one payment to another, dates a day or two off being taken as meant."""
        days = (later - first).days
        if self.unit is Unit.DAY:
            return round(Fraction(days, self.every))
        if self.unit is Unit.WEEK:
            return round(Fraction(days, 7 * self.every))
        months = 12 * (later.year - first.year) + later.month - first.month
        if self.unit is Unit.HALF_MONTH:
            return 2 * months + round(Fraction(later.day - first.day, 15))
        return round(Fraction(months, self.every * (12 if self.unit is Unit.YEAR else 1)))


def actuarial_pct(
    advance: Decimal, payments: Sequence[tuple[int, Decimal]], fraction: Fraction, per_year: Fraction
) -> Decimal | None:
    """US annual percentage rate of one advance: (whole unit periods from the advance, amount) pairs.

    ``fraction`` is the part of a unit period that comes on top for every payment. None when no rate fits.
    """
    lent, odd = float(advance), float(fraction)
    flows = [(whole, float(amount)) for whole, amount in payments]

    def value(rate: float) -> float:
        worth = sum(amount * math.pow(1 + rate, -whole) for whole, amount in flows)
        return worth / (1 + odd * rate) - lent

    found = as_rate(nearest_root(value))
    return None if found is None else _pct(found * per_year.numerator / per_year.denominator)


def actuarial_pct_of_dates(
    advance: Decimal, on: date, payments: Sequence[tuple[date, Decimal]], unit: UnitPeriod
) -> Decimal | None:
    """The same of dated payments, in order, a whole number of unit periods apart; None without a payment."""
    if not payments:
        return None
    first = payments[0][0]
    whole, fraction = unit.before(on, first)
    counted = [(whole + unit.between(first, due), amount) for due, amount in payments]
    return actuarial_pct(advance, counted, fraction, unit.per_year)


def _months_back(start: date, end: date) -> tuple[int, int]:
    """Whole months counted back from ``end``, and the days left; the last day of a month stays the last."""
    months = months_between(start, end)
    while True:
        back = add_months(end, -months)
        if (end + timedelta(days=1)).day == 1:
            back = back.replace(day=calendar.monthrange(back.year, back.month)[1])
        if back >= start or months == 0:
            return months, max((back - start).days, 0)
        months -= 1


def _pct(rate: Decimal | None) -> Decimal | None:
    return None if rate is None else (rate * 100).quantize(Decimal("1e-10")) + 0
