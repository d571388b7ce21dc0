"""Money: an exact number of minor units of one currency.

Amounts never pass through binary floats. Arithmetic stays inside one currency; rounding happens only
where a caller names a :class:`Rounding`, because the rounding mode is a rule of the product.
"""

from __future__ import annotations

import decimal
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from typing import Final

# Number of minor digits where it is not two, from ISO 4217:2015, list one ("Minor unit" column).
# TWD is 2 there although Taiwan hardly uses cents: its packs quote NT$ with a product rule, not here.
_NOT_TWO_DIGITS: Final = {
    **dict.fromkeys(
        (
            *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF"),
            *("UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"),
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
# A plain decimal number: no exponent, no sign but a leading minus, no separators, at most 18 digits
# before the point (what a 64-bit integer of minor units can hold is checked apart).
_PLAIN: Final = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,9})?")
# MongoDB's integers have 64 bits; an amount beyond them could not be stored.
MAX_MINOR: Final = 2**63 - 1
# Precision for products such as amount x rate x days; far above any amount of MAX_MINOR digits.
_CONTEXT: Final = decimal.Context(prec=60)


class CurrencyMismatch(ValueError):  # noqa: N818 - reads as the refusal it is
    """Two amounts of different currencies met in one operation."""


class Rounding(StrEnum):
    """How a fraction of a minor unit is rounded: a product rule, always given by the caller."""

    HALF_UP = "half_up"
    HALF_EVEN = "half_even"
    HALF_DOWN = "half_down"
    UP = "up"
    DOWN = "down"
    CEILING = "ceiling"
    FLOOR = "floor"

    @property
    def mode(self) -> str:
        """The name that :mod:`decimal` gives this mode."""
        return f"ROUND_{self.name}"


@lru_cache(maxsize=256)
def minor_digits(currency: str) -> int:
    """Digits after the point of ``currency`` (ISO 4217 alphabetic code).

    Raises ValueError when the code is not three capital letters.
    """
    if not isinstance(currency, str) or _CURRENCY.fullmatch(currency) is None:
        raise ValueError(f"not an ISO 4217 currency code: {currency!r}")
    return _NOT_TWO_DIGITS.get(currency, 2)


@dataclass(frozen=True, slots=True, order=False, init=False)
class Money:
    """``minor`` minor units (cents, fen, yen, fils) of ``currency``; may be negative.

    Raises TypeError for an amount that is not an int, ValueError for a bad currency code and
    OverflowError beyond 64 bits.
    """

    minor: int
    currency: str

    def __init__(self, minor: int, currency: str) -> None:
        # Written out, because schedules make amounts by the thousand.
        if type(minor) is not int:
            raise TypeError(f"minor units must be an int, not {type(minor).__name__}")
        minor_digits(currency)
        if not -MAX_MINOR <= minor <= MAX_MINOR:
            raise OverflowError("the amount does not fit in 64 bits")
        object.__setattr__(self, "minor", minor)
        object.__setattr__(self, "currency", currency)

    # -- making ---------------------------------------------------------------------------------

    @staticmethod
    def zero(currency: str) -> Money:
        return Money(0, currency)

    @staticmethod
    def parse(text: str, currency: str) -> Money:
        """Read a plain decimal such as ``"123.45"`` or ``"-7"``.

        Refuses (ValueError) exponents, NaN, blanks, separators, and any digit beyond the currency's
        own, even a zero: ``"1.000"`` is not an amount of CNY.
        """
        if not isinstance(text, str):
            raise TypeError(f"an amount is parsed from a string, not {type(text).__name__}")
        return _parsed(text, currency)

    @staticmethod
    def from_decimal(amount: Decimal, currency: str, rounding: Rounding) -> Money:
        """``amount`` major units, rounded to the currency. ValueError for NaN and infinities."""
        if not isinstance(amount, Decimal):
            raise TypeError(f"expected Decimal, not {type(amount).__name__}")
        if not amount.is_finite():
            raise ValueError("an amount must be finite")
        scaled = amount.scaleb(minor_digits(currency), _CONTEXT)
        return Money(int(scaled.to_integral_value(rounding=rounding.mode)), currency)

    @staticmethod
    def sum(amounts: Iterable[Money], currency: str) -> Money:
        """The exact total; zero ``currency`` for nothing. CurrencyMismatch if one is of another."""
        total = 0
        for amount in amounts:
            if amount.currency != currency:
                raise CurrencyMismatch(f"{amount.currency} in a sum of {currency}")
            total += amount.minor
        return Money(total, currency)

    # -- showing --------------------------------------------------------------------------------

    def to_decimal(self) -> Decimal:
        """Major units, with exactly the currency's digits."""
        return Decimal(self.minor).scaleb(-minor_digits(self.currency))

    def __str__(self) -> str:
        """The wire form: a plain decimal string without the currency, e.g. ``"123.40"``."""
        return _plain(self.minor, self.currency)

    # -- arithmetic -----------------------------------------------------------------------------

    def _same(self, other: object) -> int:
        if not isinstance(other, Money):
            raise TypeError(f"money and {type(other).__name__} do not mix")
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} do not mix")
        return other.minor

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __abs__(self) -> Money:
        return Money(abs(self.minor), self.currency)

    def __mul__(self, count: int) -> Money:
        """A whole multiple; use :meth:`times` for anything that needs rounding."""
        if type(count) is not int:
            raise TypeError("multiply by an int, or use times(factor, rounding)")
        return Money(self.minor * count, self.currency)

    __rmul__ = __mul__

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.minor <= self._same(other)

    def __gt__(self, other: Money) -> bool:
        return self.minor > self._same(other)

    def __ge__(self, other: Money) -> bool:
        return self.minor >= self._same(other)

    def __bool__(self) -> bool:
        return self.minor != 0

    @property
    def is_zero(self) -> bool:
        return self.minor == 0

    @property
    def is_positive(self) -> bool:
        return self.minor > 0

    @property
    def is_negative(self) -> bool:
        return self.minor < 0

    def times(self, factor: Decimal | Fraction, rounding: Rounding) -> Money:
        """``self x factor``, rounded once, exactly (no intermediate rounding for a Fraction)."""
        if isinstance(factor, Fraction):
            return Money(
                round_ratio(self.minor * factor.numerator, factor.denominator, rounding), self.currency
            )
        if not isinstance(factor, Decimal):
            raise TypeError(f"a factor is a Decimal or a Fraction, not {type(factor).__name__}")
        if not factor.is_finite():
            raise ValueError("a factor must be finite")
        product = _CONTEXT.multiply(Decimal(self.minor), factor)
        return Money(int(product.to_integral_value(rounding=rounding.mode)), self.currency)

    def clamp(self, low: Money, high: Money) -> Money:
        """The nearest amount within ``low..high``."""
        return max(low, min(self, high))

    def split(self, parts: int) -> tuple[Money, ...]:
        """``parts`` equal amounts, the residue on the last; they add up to ``self``."""
        if parts < 1:
            raise ValueError("an amount is split into at least one part")
        share = round_ratio(self.minor, parts, Rounding.DOWN)
        last = self.minor - share * (parts - 1)
        return (*(Money(share, self.currency),) * (parts - 1), Money(last, self.currency))

    def allocate(self, weights: Sequence[int | Decimal]) -> tuple[Money, ...]:
        """Shares proportional to ``weights``, each rounded towards zero, the residue on the last
        share with a weight; they add up to ``self``.

        ValueError when a weight is negative or not finite, or all are zero.
        """
        shares = [Fraction(weight) for weight in weights if Decimal(weight).is_finite()]
        if len(shares) != len(weights) or any(share < 0 for share in shares):
            raise ValueError("weights must be finite and not negative")
        total = sum(shares, Fraction(0))
        if total == 0:
            raise ValueError("at least one weight must be positive")
        parts = [
            round_ratio(
                self.minor * s.numerator * total.denominator, s.denominator * total.numerator, Rounding.DOWN
            )
            for s in shares
        ]
        last = max(index for index, share in enumerate(shares) if share)
        parts[last] += self.minor - sum(parts)
        return tuple(Money(part, self.currency) for part in parts)


# An amount is read and written by every service that a message passes through, and most are zero.
@lru_cache(maxsize=16384)
def _parsed(text: str, currency: str) -> Money:
    digits = minor_digits(currency)
    if _PLAIN.fullmatch(text) is None:
        raise ValueError("an amount is a plain decimal number such as 123.45")
    whole, _, fraction = text.partition(".")
    if len(fraction) > digits:
        raise ValueError(f"{currency} has {digits} digits after the point, {len(fraction)} were given")
    return Money(int(whole + fraction.ljust(digits, "0")), currency)


@lru_cache(maxsize=16384)
def _plain(minor: int, currency: str) -> str:
    return format(Decimal(minor).scaleb(-minor_digits(currency)), "f")


def round_ratio(numerator: int, denominator: int, rounding: Rounding) -> int:
    """``numerator / denominator`` as an integer, rounded exactly. ``denominator`` is positive."""
    if rounding is Rounding.HALF_UP and numerator >= 0:  # most of what is ever rounded
        return (2 * numerator + denominator) // (2 * denominator)
    quotient, remainder = divmod(numerator, denominator)
    if remainder == 0:
        return quotient
    if rounding is Rounding.FLOOR:
        return quotient
    if rounding is Rounding.CEILING:
        return quotient + 1
    away = quotient if numerator < 0 else quotient + 1
    towards = quotient + 1 if numerator < 0 else quotient
    if rounding is Rounding.UP:
        return away
    if rounding is Rounding.DOWN:
        return towards
    twice = 2 * remainder
    if twice != denominator:
        return quotient + 1 if twice > denominator else quotient
    if rounding is Rounding.HALF_UP:
        return away
    if rounding is Rounding.HALF_DOWN:
        return towards
    return quotient + (quotient % 2)
