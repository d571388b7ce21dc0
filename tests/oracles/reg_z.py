"""US annual percentage rates: the worked examples of 12 CFR Part 1026, Appendix J."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from shared.lending.apr import Unit, UnitPeriod, actuarial_pct, actuarial_pct_of_dates
from tests.oracles.figures import compare, day, first_difference, number
from tests.oracles.outcome import EQUAL, Outcome, different


def judge(document: Mapping[str, Any], case: Mapping[str, Any]) -> Outcome:
    """The rate from the given unit periods, and the same from the dates where the case has them."""
    unit = _unit(case["unit_period"])
    whole, fraction = case["first_period_whole_unit_periods_t"], number(case["first_period_fraction_f"])
    expected, decimals = case["expected_apr_pct"], case["decimals"]
    amount = number(case["amount_advanced"])
    if "single_payment" in case:
        paid = [(whole, number(case["single_payment"]))]
        return compare(
            "rate", actuarial_pct(amount, paid, Fraction(fraction), unit.per_year), expected, decimals
        )
    start = day(case["advance_date"])
    payments = [(day(due), number(paid)) for due, paid in case["payments"]]
    counted = unit.before(start, payments[0][0])
    ours = actuarial_pct_of_dates(amount, start, payments, unit)
    same = counted[0] == whole and abs(counted[1] - Fraction(fraction)) < Fraction(1, 10**9)
    return first_difference(
        [
            EQUAL if same else different(f"first period: ours {counted}, theirs {whole} and {fraction}"),
            compare("rate", ours, expected, decimals),
        ]
    )


def _unit(text: str) -> UnitPeriod:
    count, name = text.split(" ")
    if (count, name) == ("1/2", "month"):
        return UnitPeriod(1, Unit.HALF_MONTH)
    return UnitPeriod(int(count), Unit(name.removesuffix("s")))
