"""Spreadsheet functions of the time value of money."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, localcontext
from typing import Any

from shared.lending import time_value
from tests.oracles.figures import number
from tests.oracles.outcome import EQUAL, Outcome, different, out_of_scope

_NAMES = {"cash_flows": "flows"}
# How a rate is searched for is no part of the question.
_OF_THE_SEARCH = ("guess", "tol", "maxiter")


def judge(document: Mapping[str, Any], case: Mapping[str, Any]) -> Outcome:
    """The function of that name gives the figure to its digits; no figure where there is none."""
    name = case["function"]
    if name not in ("pmt", "ipmt", "ppmt", "pv", "fv", "nper", "rate", "irr", "npv", "mirr"):
        return out_of_scope(f"function {name}")
    arguments: dict[str, Any] = {}
    for key, value in case["inputs"].items():
        if key not in _OF_THE_SEARCH:
            arguments[_NAMES.get(key, key)] = _argument(name, key, value)
    if name in ("ipmt", "ppmt") and "fv" in arguments:
        arguments["fv_"] = arguments.pop("fv")
    theirs, decimals = case["expected"], case["decimals"]
    try:
        ours = getattr(time_value, name)(**arguments)
    except ValueError:
        ours = None
    # The published figures are floating point: their own tests grant one and a half of the last digit.
    near = None not in (ours, theirs) and abs(ours - number(theirs)) < Decimal("1.5").scaleb(-decimals)
    return EQUAL if near or ours is theirs is None else different(f"{name}: ours {ours}, theirs {theirs}")


def _argument(function: str, key: str, value: Any) -> Any:
    if key == "when":
        return (
            time_value.When.BEGIN if value in ("begin", "beginning", "start", "b", 1) else time_value.When.END
        )
    if key == "cash_flows":
        return [number(flow) for flow in value]
    if key == "per" or (key == "nper" and function in ("pmt", "ipmt", "ppmt")):
        return int(value)
    return _ratio(value)


def _ratio(value: Any) -> Decimal:
    """A number, or a quotient of two such as ``0.08/12``."""
    over, _, under = str(value).partition("/")
    with localcontext(prec=40):
        return Decimal(over) / Decimal(under or 1)
