"""The time value of money: level payments, their parts, present and future values, rates of return.

Signs are those of spreadsheets: money received is positive, money paid negative, and
``pv (1+r)^n + pmt (1 + r w) ((1+r)^n - 1)/r + fv = 0`` with ``w`` 1 for payments at the start of a period, 0
at its end. A rate is that of one period, as a fraction: 0.01 is one per cent. Closed formulas are computed in
decimals of 40 digits; a rate that has to be searched is found in floating point and has fifteen places.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Context, Decimal, localcontext
from enum import Enum
from typing import Final

import numpy as np

_CONTEXT: Final = Context(prec=40)
_RATE_DIGITS: Final = Decimal("1e-15")
_ZERO: Final = Decimal(0)
_HIGHEST_RATE: Final = 1e9


class When(Enum):
    """Whether payments are made at the end or at the start of their period."""

    END = 0
    BEGIN = 1


def pmt(rate: Decimal, nper: int, pv: Decimal, fv: Decimal = _ZERO, when: When = When.END) -> Decimal:
    """The level payment of ``nper`` periods. ValueError without a period."""
    if nper < 1:
        raise ValueError("payments need at least one period")
    with localcontext(_CONTEXT):
        if rate == 0:
            return -(pv + fv) / nper
        growth = (1 + rate) ** nper
        return -(pv * growth + fv) * rate / ((1 + rate * when.value) * (growth - 1))


def fv(rate: Decimal, nper: Decimal, pmt: Decimal, pv: Decimal, when: When = When.END) -> Decimal:
    """What is there after ``nper`` periods."""
    with localcontext(_CONTEXT):
        if rate == 0:
            return -(pv + pmt * nper)
        growth = (1 + rate) ** nper
        return -(pv * growth + pmt * (1 + rate * when.value) * (growth - 1) / rate)


def pv(rate: Decimal, nper: Decimal, pmt: Decimal, fv: Decimal = _ZERO, when: When = When.END) -> Decimal:
    """What the payments and the final amount are worth today."""
    with localcontext(_CONTEXT):
        if rate == 0:
            return -(fv + pmt * nper)
        growth = (1 + rate) ** nper
        return -(fv + pmt * (1 + rate * when.value) * (growth - 1) / rate) / growth


def ipmt(
    rate: Decimal, per: int, nper: int, pv: Decimal, fv_: Decimal = _ZERO, when: When = When.END
) -> Decimal:
    """The interest in payment number ``per``, from 1. ValueError for a number that no payment has."""
    if not 1 <= per <= nper:
        raise ValueError("no payment has that number")
    if when is When.BEGIN and per == 1:
        return _ZERO
    payment = pmt(rate, nper, pv, fv_, when)
    with localcontext(_CONTEXT):
        interest = fv(rate, Decimal(per - 1), payment, pv, when) * rate
        return interest / (1 + rate) if when is When.BEGIN else interest


def ppmt(
    rate: Decimal, per: int, nper: int, pv: Decimal, fv_: Decimal = _ZERO, when: When = When.END
) -> Decimal:
    """The principal in payment number ``per``: the payment less its interest. ValueError as for ``ipmt``."""
    with localcontext(_CONTEXT):
        return pmt(rate, nper, pv, fv_, when) - ipmt(rate, per, nper, pv, fv_, when)


def nper(
    rate: Decimal, pmt: Decimal, pv: Decimal, fv: Decimal = _ZERO, when: When = When.END
) -> Decimal | None:
    """How many periods it takes, with a fraction; None when it never ends."""
    with localcontext(_CONTEXT):
        if rate == 0:
            return None if pmt == 0 else -(fv + pv) / pmt
        level = pmt * (1 + rate * when.value) / rate
        if pv + level == 0:
            return None
        growth = (level - fv) / (level + pv)
        return growth.ln() / (1 + rate).ln() if growth > 0 else None


def rate(
    nper: Decimal, pmt: Decimal, pv: Decimal, fv: Decimal = _ZERO, when: When = When.END
) -> Decimal | None:
    """The rate of one period at which it all adds up; the one nearest to zero, None when there is none."""
    n, level, now, later, begin = float(nper), float(pmt), float(pv), float(fv), when.value

    def value(trial: float) -> float:
        if abs(trial) < 1e-12:
            return now + level * n + later
        # As of today for a gain, as of the end for a loss: the other one may be beyond what a float can hold.
        growth = math.pow(1 + trial, math.copysign(n, -trial))
        whole = level * (1 + trial * begin) / trial * abs(1 - growth)
        return now + whole + later * growth if trial > 0 else now * growth - whole + later

    return as_rate(nearest_root(value))


def irr(flows: Sequence[Decimal]) -> Decimal | None:
    """The rate of one period at which equally spaced flows are worth nothing.

    Of several the one nearest to zero: the real positive roots of the polynomial in ``1/(1+r)``. None when no
    rate above -100 % fits.
    """
    amounts = [float(flow) for flow in flows]
    if not any(amount > 0 for amount in amounts) or not any(amount < 0 for amount in amounts):
        return None
    roots = np.roots(amounts[::-1])
    real = [float(root.real) for root in roots if abs(root.imag) < 1e-9 and root.real > 0]
    return as_rate(min((1 / root - 1 for root in real), key=abs, default=None))


def npv(rate: Decimal, flows: Sequence[Decimal]) -> Decimal:
    """What equally spaced flows are worth today, the first one today. ValueError at -100 % or less."""
    if rate <= -1:
        raise ValueError("the discount rate leaves no present value")
    with localcontext(_CONTEXT):
        return sum((flow / (1 + rate) ** k for k, flow in enumerate(flows)), _ZERO)


def mirr(flows: Sequence[Decimal], finance_rate: Decimal, reinvest_rate: Decimal) -> Decimal | None:
    """The return when losses are financed at one rate and gains are reinvested at another.

    ``(FV of gains / -PV of losses)^(1/(n-1)) - 1``; None without a gain or without a loss.
    """
    gains = [max(flow, _ZERO) for flow in flows]
    losses = [min(flow, _ZERO) for flow in flows]
    if not any(gains) or not any(losses):
        return None
    last = len(flows) - 1
    with localcontext(_CONTEXT):
        later = npv(reinvest_rate, gains) * (1 + reinvest_rate) ** last
        ratio = later / -npv(finance_rate, losses)
        return (ratio.ln() / last).exp() - 1


def nearest_root(value: Callable[[float], float]) -> float | None:
    """The rate above -100 % nearest to zero where ``value`` changes its sign, or None.

    Steps outwards from zero in both directions, then halves the step in which the sign changes.
    """
    if value(0.0) == 0:
        return 0.0
    found = []
    for step in (_up, _down):
        bracket = _bracket(value, step())
        if bracket is not None:
            found.append(_bisect(value, *bracket))
    return min(found, key=abs, default=None)


def as_rate(found: float | None) -> Decimal | None:
    """A rate found in floating point as a decimal of fifteen places; None for one that nobody means."""
    if found is None or abs(found) > _HIGHEST_RATE:
        return None
    return Decimal(repr(found)).quantize(_RATE_DIGITS) + 0


def _bracket(value: Callable[[float], float], steps: Sequence[float]) -> tuple[float, float] | None:
    near, before = 0.0, value(0.0) > 0
    for far in steps:
        try:
            found = value(far)
        except OverflowError:  # beyond what a float can hold there is no rate anybody means
            return None
        # Nothing at all may be what is left of sums that cancel out: the sign has to change.
        if found == 0:
            continue
        if (found > 0) != before:
            return near, far
        near = far
    return None


def _up() -> list[float]:
    steps = [k / 100 for k in range(1, 101)]
    while steps[-1] < _HIGHEST_RATE:
        steps.append(steps[-1] * 1.5)
    return steps


def _down() -> list[float]:
    return [-k / 100 for k in range(1, 100)] + [-1 + 10.0**-k for k in range(3, 10)]


def _bisect(value: Callable[[float], float], near: float, far: float) -> float:
    positive = value(near) > 0
    for _ in range(200):
        middle = (near + far) / 2
        if (value(middle) > 0) == positive:
            near = middle
        else:
            far = middle
    return (near + far) / 2
