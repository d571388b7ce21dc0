"""Exchange of amounts, and what can be paid shared out over debts of several currencies. Exact and pure.

Nothing here knows a rate: whoever calls has one, with its source and its date.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from shared.lending.money import Money, Rounding, minor_digits, round_ratio
from shared.lending.plan_model import Capacity, CapacityStep

__all__ = ["capacity_by_currency", "converted", "shares_by_currency"]


def converted(amount: Money, into: str, rate: Fraction, rounding: Rounding) -> Money:
    """Give ``amount`` in the currency ``into``, of which one unit of its own is worth ``rate``.

    ValueError for a rate that is not positive.
    """
    if rate <= 0:
        raise ValueError("a rate of exchange is positive")
    factor = rate * Fraction(10) ** (minor_digits(into) - minor_digits(amount.currency))
    minor = round_ratio(amount.minor * factor.numerator, factor.denominator, rounding)
    return Money(minor, into)


def shares_by_currency(
    amount: Money, weights: Mapping[str, int], rates: Mapping[str, Fraction], margin: Fraction
) -> dict[str, Money]:
    """Share ``amount`` out by ``weights``, each share in its own currency.

    ``rates`` say what one unit of each other currency is worth in that of ``amount``; of what is exchanged
    the share ``margin`` is held back. Exchanged back at the same rates, the shares never come to more than
    ``amount``. KeyError for a currency without a rate, ValueError where all weights are zero.
    """
    parts = amount.allocate([weights[currency] for currency in weights])
    found = {}
    for currency, part in zip(weights, parts, strict=True):
        if currency == amount.currency:
            found[currency] = part
        else:
            found[currency] = converted(part, currency, (1 - margin) / rates[currency], Rounding.FLOOR)
    return found


def capacity_by_currency(
    capacity: Capacity, weights: Mapping[str, int], rates: Mapping[str, Fraction], margin: Fraction
) -> dict[str, Capacity]:
    """Share out what can be paid a month, now, under stress and after every change that is known."""

    def shared(amount: Money) -> dict[str, Money]:
        return shares_by_currency(amount, weights, rates, margin)

    now, stress = shared(capacity.now), shared(capacity.stress)
    later = [(step.start, shared(step.now), shared(step.stress)) for step in capacity.later]
    once = None if capacity.lump_sum is None else shared(capacity.lump_sum)
    return {
        currency: Capacity(
            now=now[currency],
            stress=stress[currency],
            later=tuple(CapacityStep(start, n[currency], t[currency]) for start, n, t in later),
            lump_sum=None if once is None else once[currency],
            temporary=capacity.temporary,
        )
        for currency in weights
    }
