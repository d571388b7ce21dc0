"""Arithmetic of the checker of plans: plain Decimal and integers, nothing of the product."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

__all__ = ["PARTS", "add_months", "annuity", "bisected", "capacity_on", "is_foreign", "minor", "minors",
           "outstanding", "rounded", "worth"]  # fmt: skip

PARTS = ("principal", "interest", "fees", "late_charges")
DIGITS = {"JPY": 0}


def minor(amount: dict[str, str]) -> int:
    """Give an amount of a message in minor units."""
    scaled = Decimal(amount["amount"]).scaleb(DIGITS.get(amount["currency"], 2))
    assert scaled == scaled.to_integral_value(), f"{amount} has parts of a minor unit"
    return int(scaled)


def minors(parts: dict[str, Any]) -> dict[str, int]:
    return {part: minor(parts[part]) for part in PARTS}


def is_foreign(debt: dict[str, Any], currency: str) -> bool:
    return any(
        isinstance(amount, dict) and amount["currency"] != currency for amount in debt["outstanding"].values()
    )


def outstanding(debt: dict[str, Any], currency: str, name: str = "outstanding") -> dict[str, int]:
    given = debt.get(name, {})
    return {part: minor({"amount": given.get(part, "0.00"), "currency": currency}) for part in PARTS}


def capacity_on(assessed: dict[str, Any], on: str) -> tuple[int, int]:
    """What can be paid a month on a day, today's way and under stress."""
    found = (minor(assessed["now"]), minor(assessed["stress"]))
    for step in sorted(assessed["later"], key=lambda step: step["start"]):
        if step["start"] <= on:
            found = (minor(step["now"]), minor(step["stress"]))
    return found


def annuity(principal: int, rate_pct: Decimal, term: dict[str, Any]) -> list[tuple[int, int]]:
    """Give principal and interest of each instalment: interest alone in the grace, then level or growing."""
    rate, count, grace = rate_pct / 1200, term["instalments"], term["grace_periods"]
    growth, every = 1 + Decimal(term["step_pct"]) / 100, term["step_every"] or count
    worth = sum(growth ** (t // every) * (1 + rate) ** -(t + 1) for t in range(count))
    # A tie stays one: the factors are a little off in their last digits.
    level, left = Decimal(rounded(round(principal / worth, 12))), principal
    found = [(0, rounded(left * rate_pct / 1200))] * grace
    for t in range(count):
        if t and t % every == 0:
            level *= growth
        interest = rounded(left * rate_pct / 1200)
        if rounded(level) < interest and t < count - 1:  # never repaid: all of it is interest
            return [(0, rounded(principal * rate_pct / 1200))] * (grace + count)
        part = left if t == count - 1 else min(rounded(level) - interest, left)
        found.append((part, interest))
        left -= part
    return found


def rounded(amount: Decimal) -> int:
    return int(amount.to_integral_value(ROUND_HALF_UP))


def add_months(day: date, months: int) -> date:
    """Give the same day some months later, or that month's last."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def worth(flows: Sequence[tuple[Decimal, int]], rate: Decimal) -> Decimal:
    with localcontext() as context:
        context.prec = 28
        return sum((amount / (1 + rate) ** time for time, amount in flows), Decimal(0))


def bisected(value: Callable[[Decimal], Decimal]) -> Decimal:
    """Give the rate at which a falling function is zero, between -99 % and far above any rate."""
    low, high = Decimal("-0.99"), Decimal(1)
    while value(high) > 0:
        high *= 4
    while high - low > Decimal("1e-12"):
        middle = (low + high) / 2
        low, high = (middle, high) if value(middle) > 0 else (low, middle)
    return low
