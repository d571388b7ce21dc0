"""Effective annual rates: the European Commission's examples, UK and EU loans, the Directive's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.lending.apr import effective_annual_pct
from tests.oracles.figures import compare, number
from tests.oracles.outcome import EQUAL, Outcome, out_of_scope

_PER_YEAR = {"years": 1, "days": 365}


def judge(document: Mapping[str, Any], case: Mapping[str, Any]) -> Outcome:
    """The rate equals the published one to its digits."""
    per_year = _PER_YEAR.get(case["time_unit"].split(" ")[0])
    if per_year is None:
        return out_of_scope("times that are neither years nor days of a year of 365")
    advances, payments = (
        [(number(time) / per_year, number(amount)) for time, amount in case[side]]
        for side in ("advances", "payments")
    )
    ours, theirs = effective_annual_pct(advances, payments), case["expected_apr_pct"]
    granted = case.get("tolerance_pct")
    if granted is not None and ours is not None and abs(ours - number(theirs)) <= number(granted):
        return EQUAL  # the source itself grants that much
    return compare("rate", ours, theirs, case["decimals"])
