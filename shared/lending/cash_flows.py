"""Values of dated cash flows: present value and internal rate of return under a day count.

``NPV = sum amount (1 + r)^-t`` with ``t`` the years from the first date by the day count; the internal rate
is the ``r`` at which that is nothing (the ``pyxirr`` package searches it). Rates are fractions of one a year,
solved in floating point and given as decimals of fifteen places.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import pyxirr

from shared.lending.daycount import DayCount
from shared.lending.time_value import as_rate

# What may be left of the value, as a share of all that is discounted, when a rate was found indeed.
_NOTHING = 1e-6


def times(dates: Sequence[date], day_count: DayCount = DayCount.ACT_365F) -> list[float]:
    """Years of each date from the earliest one."""
    start = min(dates)
    return [float(day_count.year_fraction(start, day)) for day in dates]


def dated_npv(
    rate: Decimal, dates: Sequence[date], amounts: Sequence[Decimal], day_count: DayCount = DayCount.ACT_365F
) -> Decimal:
    """What the flows are worth on the earliest date. ValueError for no flows or a rate of -100 % or less."""
    if not dates or rate <= -1:
        raise ValueError("a present value needs flows and a rate above -100 %")
    return Decimal(repr(_value(float(rate), times(dates, day_count), [float(each) for each in amounts])))


def dated_irr(
    dates: Sequence[date], amounts: Sequence[Decimal], day_count: DayCount = DayCount.ACT_365F
) -> Decimal | None:
    """The internal rate a year, a fraction of one; None when there is none.

    Of several, the one that the search from ten per cent reaches. ValueError when the two do not pair.
    """
    if len(dates) != len(amounts):
        raise ValueError("each amount has one date")
    if not any(amount > 0 for amount in amounts) or not any(amount < 0 for amount in amounts):
        return None
    floats = [float(each) for each in amounts]
    found = pyxirr.xirr(list(dates), floats, day_count=NAMES[day_count])
    return as_rate(found) if found is not None and _fits(found, times(dates, day_count), floats) else None


def _fits(rate: float, years: Sequence[float], amounts: Sequence[float]) -> bool:
    """Whether the flows are worth nothing at this rate."""
    if rate <= -1:  # where the search ends for some flows that lose nearly everything within days
        return False
    try:
        left, whole = _value(rate, years, amounts), _value(rate, years, [abs(each) for each in amounts])
    except OverflowError:  # so near to -100 % that nothing can be checked
        return False
    return abs(left) <= _NOTHING * whole


def _value(rate: float, years: Sequence[float], amounts: Sequence[float]) -> float:
    return sum(amount * math.pow(1 + rate, -time) for time, amount in zip(years, amounts, strict=True))


NAMES = {
    DayCount.ACT_360: "act/360",
    DayCount.ACT_365F: "act/365f",
    DayCount.ACT_ACT: "act/act isda",
    DayCount.THIRTY_360_US: "30u/360",
    DayCount.THIRTY_E_360: "30e/360",
    DayCount.THIRTY_360_ISDA: "30/360 isda",
    DayCount.THIRTY_E_360_ISDA: "30e/360 isda",
    DayCount.ACT_365_25: "act/365.25",
    DayCount.ACT_364: "act/364",
}
