"""Internal rates of dated cash flows, under the day count that each case names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.lending.cash_flows import dated_irr, dated_npv
from shared.lending.daycount import DayCount
from tests.oracles.figures import compare, day, number
from tests.oracles.outcome import EQUAL, Outcome, different, out_of_scope

_DIGITS = 8
_DAY_COUNTS = {**{each.value.lower(): each for each in DayCount}, "30u/360": DayCount.THIRTY_360_US}


def judge(document: Mapping[str, Any], case: Mapping[str, Any]) -> Outcome:
    """The rate equals to eight digits, and at it the flows are worth nothing by our own day count."""
    day_count = _DAY_COUNTS.get(str(case["day_count"]).lower())
    if day_count is None:
        return out_of_scope(f"day count {case['day_count']}")
    dates = [day(on) for on, _ in case["cash_flows"]]
    amounts = [number(amount) for _, amount in case["cash_flows"]]
    ours = dated_irr(dates, amounts, day_count)
    outcome = compare("rate", ours, case["expected_xirr"], _DIGITS)
    if ours is None or outcome != EQUAL:
        return outcome
    left = dated_npv(ours, dates, amounts, day_count)
    scale = sum(
        abs(dated_npv(ours, [min(dates), on], [number(0), amount], day_count))
        for on, amount in zip(dates, amounts, strict=True)
    )
    return EQUAL if abs(left) <= scale / 10**6 else different(f"value at the rate: ours {left}, theirs 0")
