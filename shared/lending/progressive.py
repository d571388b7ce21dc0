"""Interest by rate factors, and the level payment of the periods that remain.

What a loan bears over a period is the sum, over the pieces of the period in which neither the balance nor
the rate changes, of balance x rate factor. A factor is ``rate/100`` times a share of a year: on 30/360
``months/12``, where the last broken month counts by its own days; on actual days ``days/365`` (or 360,
or each calendar year by its own days). The level payment is ``(P + interest of the first period) x
prod(1 + f_i) / g_n`` over the later periods, ``g_1 = 1``, ``g_i = 1 + g_(i-1)(1 + f_i)``; what rounding
leaves falls on the last instalment. All amounts here are integer minor units; 12 significant digits in
between, half-even: the convention of Apache Fineract's progressive loans, whose figures this equals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from itertools import pairwise
from typing import Final

from shared.lending.rate_factors import Every, YearDays, calendar_years, holds_leap_day, spans

_CONTEXT: Final = Context(prec=12, rounding=ROUND_HALF_EVEN)
_WIDE: Final = Context(prec=40, rounding=ROUND_HALF_EVEN)
_DAY: Final = timedelta(days=1)
_PLACES: Final = Decimal(1).scaleb(-12)
_IN_YEAR: Final = {Every.WEEKS: 52, Every.MONTHS: 12, Every.YEARS: 1}


@dataclass(frozen=True, slots=True)
class Rate:
    """``annual_pct`` per cent a year bears the interest of day ``since`` and of the days after it."""

    since: date
    annual_pct: Decimal


@dataclass(frozen=True, slots=True)
class Stop:
    """No interest is borne on the days ``first`` to ``last``, both included.

    The interest of a day is what a balance bears from the day before to that day. ValueError when the
    last day is before the first.
    """

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError("a pause does not end before it starts")


@dataclass(frozen=True, slots=True)
class Period:
    """One instalment period, and its level payment in minor units (principal and interest together)."""

    start: date
    due: date
    payment: int = 0


@dataclass(frozen=True, slots=True)
class Accrual:
    """How interest of a running loan accrues: the rates by their first day, the days without any, the count.

    ``equal_months`` counts every whole month as 30 days (of a year of 360), ``by_period`` every period as
    its part of a year; with ``leap_day_only`` only the period of 29 February has a year of 366 days.
    ``every`` and ``unit`` are the distance between two instalments. After ``ended`` (a charge-off) nothing
    is borne, though level payments are still found as if it were. ValueError without a rate or when the
    rates are not in order.
    """

    rates: tuple[Rate, ...]
    every: int = 1
    unit: Every = Every.MONTHS
    year: YearDays = YearDays.DAYS_360
    equal_months: bool = True
    stops: tuple[Stop, ...] = ()
    ended: date | None = None
    by_period: bool = False
    leap_day_only: bool = False

    def __post_init__(self) -> None:
        days = [rate.since for rate in self.rates]
        if not days or days != sorted(days):
            raise ValueError("an accrual has rates, in the order of their first day")
        if self.every < 1:
            raise ValueError("instalments are at least one unit apart")

    def rate_on(self, day: date) -> Decimal:
        """The annual rate that bears the interest of ``day``: zero inside a pause."""
        if self.ended is not None and day > self.ended:
            return Decimal(0)
        if any(stop.first <= day <= stop.last for stop in self.stops):
            return Decimal(0)
        known = [rate.annual_pct for rate in self.rates if rate.since <= day]
        return known[-1] if known else self.rates[0].annual_pct

    def cuts(self, start: date, end: date) -> set[date]:
        """Where the rate changes strictly between the two dates."""
        days = {rate.since - _DAY for rate in self.rates}
        days |= {stop.first - _DAY for stop in self.stops} | {stop.last for stop in self.stops}
        days |= {self.ended} if self.ended is not None else set()
        return {day for day in days if start < day < end}

    def share(self, period: Period, start: date, end: date) -> Decimal:
        """The share of a year from ``start`` to ``end`` inside ``period``."""
        with localcontext(_CONTEXT):
            days, whole = (end - start).days, (period.due - period.start).days
            if self.by_period and self.unit is not Every.DAYS:
                return Decimal(self.every) / _IN_YEAR[self.unit] * days / whole
            if self.year is YearDays.ACTUAL:
                if self.leap_day_only and not holds_leap_day(period.start, period.due):
                    return Decimal(days) / 365
                return calendar_years(start, end, _CONTEXT)
            days_in_year = int(self.year.value)
            if not self.equal_months or self.unit not in (Every.MONTHS, Every.YEARS):
                return Decimal(days) / days_in_year
            months = self.every * (12 if self.unit is Every.YEARS else 1)
            units = Decimal(1)
            if not _is_whole(period, months):
                full, odd = spans(period.start, period.due, Every.MONTHS, months, _CONTEXT)
                units = full + odd
            passed = units * days / whole
            return passed * 30 * months / days_in_year


def _is_whole(period: Period, months: int) -> bool:
    """Whether a period has its usual length, also where a month's end stands for a later day."""
    start, due = period.start, period.due
    if (due.year - start.year) * 12 + due.month - start.month != months:
        return False
    day_after = due + _DAY, start + _DAY
    return (
        due.day == start.day
        or (due.day < start.day and day_after[0].day == 1)
        or (due.day > start.day and day_after[1].day == 1)
    )


@dataclass(frozen=True, slots=True)
class Split:
    """An instalment's principal and interest, in minor units."""

    principal: int
    interest: int


# The difference, in minor units, between what is really owed at a moment of period ``index`` and what
# the schedule says, and the moments at which it changes.
Deviation = Callable[[int, date, Sequence[Split]], int]


def no_deviation(_index: int, _day: date, _splits: Sequence[Split]) -> int:
    """What is owed is what the schedule says."""
    return 0


def rounded(amount: Decimal) -> int:
    """To a whole minor unit, half-even."""
    return int(amount.to_integral_value(rounding=ROUND_HALF_EVEN))


def to_multiple(amount: Decimal, multiple: int) -> int:
    """To a whole multiple of ``multiple`` minor units, half-even."""
    return rounded(amount / multiple) * multiple


def borne(
    accrual: Accrual,
    period: Period,
    until: date,
    balance: Callable[[date], int],
    moments: Sequence[date],
    *,
    by_piece: bool = False,
) -> Decimal:
    """Interest from the start of ``period`` to ``until``, unrounded.

    ``balance(day)`` is what is owed from the end of ``day`` on; ``moments`` are the days it changes on. What
    falls due bears its share of days of the factor to the due date; a level payment is found with factors of
    the pieces (``by_piece``), which differ where the days after a piece are of a longer year.
    """
    inside = {day for day in moments if period.start < day < until}
    days = sorted({period.start, until} | inside | accrual.cuts(period.start, until))
    total = Decimal(0)
    with localcontext(_CONTEXT):
        for start, end in pairwise(days):
            # Kept with twelve places.
            reached = end if by_piece else period.due
            factor = accrual.rate_on(start + _DAY) / 100 * accrual.share(period, start, reached)
            to_it = balance(start) * factor.quantize(_PLACES, context=_WIDE)
            total += to_it / (reached - start).days * (end - start).days
    return total


def amortise(
    opening: int,
    periods: Sequence[Period],
    accrual: Accrual,
    *,
    advances: Sequence[tuple[date, int]] = (),
    carried: Decimal = Decimal(0),
    deviation: Deviation = no_deviation,
    moments: Sequence[date] = (),
    extra: Sequence[int] = (),
) -> tuple[Split, ...]:
    """The instalments that the level payments give, the last of them taking what is left.

    ``opening`` is owed at the first start; ``advances`` are paid out later, ``carried`` is interest that
    was borne before; ``extra`` is such interest that falls due with each of the first instalments. Interest
    beyond a payment waits for the next one.
    """
    splits: list[Split] = []
    balance, waiting = opening, carried
    for index, period in enumerate(periods):
        paid_out = [(day, sum_) for day, sum_ in advances if period.start <= day < period.due]

        def owed(
            day: date, index: int = index, level: int = balance, out: Sequence[tuple[date, int]] = paid_out
        ) -> int:
            more = sum(amount for when, amount in out if when <= day)
            return max(level + more + deviation(index, day, splits), 0)

        days = [*(day for day, _ in paid_out), *moments]
        due = borne(accrual, period, period.due, owed, days) + waiting
        due += extra[index] if index < len(extra) else 0
        balance += sum(amount for _, amount in paid_out)
        if index == len(periods) - 1:
            splits.append(Split(balance, rounded(due)))
            break
        interest = min(rounded(due), period.payment)
        waiting = due - interest if rounded(due) > period.payment else Decimal(0)
        principal = min(period.payment - interest, balance)
        splits.append(Split(principal, interest))
        balance -= principal
    return tuple(splits)


def level_payment(
    opening: int,
    periods: Sequence[Period],
    accrual: Accrual,
    *,
    multiple: int = 1,
    advances: Sequence[tuple[date, int]] = (),
    carried: Decimal = Decimal(0),
) -> tuple[Period, ...]:
    """``periods`` with one level payment that repays everything, a multiple of ``multiple`` minor units.

    When rounding leaves the last instalment more than half a minor unit per period away from the others,
    the payment is moved by that difference over the number of periods if this brings them closer. It is found
    with the exact ``carried``, of which whole minor units fall due.
    """
    accrual = replace(accrual, ended=None)
    first = periods[0]
    paid_out = [(day, amount) for day, amount in advances if first.start <= day < first.due]
    total = opening + sum(amount for _, amount in paid_out)

    def owed(day: date) -> int:
        return opening + sum(amount for when, amount in paid_out if when <= day)

    with localcontext(_CONTEXT):
        growth, weight = Decimal(1), Decimal(1)
        for period in periods[1:]:
            factor = 1 + borne(accrual, period, period.due, lambda _: 1, (), by_piece=True)
            growth *= factor
            weight = 1 + weight * factor
        days = [day for day, _ in paid_out]
        at_end = total + borne(accrual, first, first.due, owed, days, by_piece=True) + carried
        payment = to_multiple(at_end * growth / weight, multiple)

    def with_(amount: int) -> tuple[tuple[Period, ...], int]:
        level = tuple(Period(period.start, period.due, amount) for period in periods)
        asked = Decimal(rounded(carried))
        last = amortise(opening, level, accrual, advances=paid_out, carried=asked)[-1]
        return level, last.principal + last.interest - amount

    level, gap = with_(payment)
    if abs(gap) > len(periods) // 2:
        moved = to_multiple(Decimal(payment) + Decimal(gap) / len(periods), multiple)
        other, smaller = with_(moved)
        if moved != payment and abs(smaller) < abs(gap):
            return other
    return level
