"""Reading and comparing figures: what the judges of the families share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from tests.oracles.outcome import EQUAL, Outcome, different

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def number(value: float | str) -> Decimal:
    """A printed number as the decimal that was printed."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError(f"not a number: {value!r}")
    return Decimal(str(value))


def day(text: str) -> date:
    """A printed day: ISO, or as in ``23 Jun 2024``, which a few of the sources use."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        number, month, year = text.split()
        return date(int(year), _MONTHS.index(month[:3]) + 1, int(number))


def compare(
    what: str, ours: Decimal | None, theirs: float | None, decimals: int, rounding: str = ROUND_HALF_UP
) -> Outcome:
    """Equal when both round to the same number of that many digits, or when neither exists."""
    if ours is None or theirs is None:
        return (
            EQUAL if ours is None and theirs is None else different(f"{what}: ours {ours}, theirs {theirs}")
        )
    unit = Decimal(1).scaleb(-decimals)
    if ours.quantize(unit, rounding=rounding) == number(theirs).quantize(unit, rounding=rounding):
        return EQUAL
    return different(f"{what}: ours {ours}, theirs {theirs}")


def first_difference(outcomes: Sequence[Outcome]) -> Outcome:
    """The first outcome that is not equal, or equal."""
    return next((outcome for outcome in outcomes if outcome != EQUAL), EQUAL)
