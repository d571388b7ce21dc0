"""All combinations and terms of one case at once: screened in floating point, decided exactly.

The payment of every combination is worked out in arrays of float64. What those cannot tell for certain (a
payment that lies within ``SLACK`` of a limit, a total that close to half a minor unit, two candidates that
nearly tie) is computed again in decimals, the way a single candidate is; so no outcome ever hangs on a
float. The error of an array is at most a few roundings per debt or month of 2^-53 each, far below ``SLACK``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.lending.allocation import Component
from shared.lending.money import Money
from shared.lending.plan_model import PlanLimits, StepUp
from shared.lending.rates import discount
from shared.lending.schedule import payment_factors

# What float64 is trusted for, relative to the size of what is compared.
SLACK: Final = 1e-12
_UNBOUNDED: Final = 10**18

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Factors = tuple[tuple[Decimal, Decimal], ...]


@dataclass(frozen=True, slots=True)
class Waiver:
    """One level of waivers and what is left to carry under it."""

    pct: tuple[tuple[Component, Decimal], ...]
    waived: Money
    principal: tuple[int, ...]
    carried: int


@dataclass(frozen=True, slots=True)
class Cell:
    """Where a candidate is in the grid: waiver, cut, step-up, instalments after the grace, grace."""

    waiver: int
    cut: int
    step: int
    periods: int
    grace: int


def growth_of(step: StepUp | None) -> tuple[Decimal, int]:
    """Growth in per cent and after how many months; nothing where there are no steps."""
    return (step.pct, step.every_months) if step else (Decimal(0), 0)


@lru_cache(maxsize=4096)
def discounts(annual_pct: Decimal, months: int) -> tuple[Decimal, ...]:
    """Cumulated discount factors: entry k is what 1 a month for k months is worth."""
    worth = [Decimal(0)]
    for month in range(1, months + 1):
        worth.append(worth[-1] + discount(annual_pct, month))
    return tuple(worth)


@lru_cache(maxsize=4096)
def worth(rate: Fraction, months: int, pct: Decimal, every: int) -> tuple[Factors, Floats]:
    """The factors by term, and what 1 of principal costs a month at first."""
    factors = payment_factors(rate, months, pct, every)
    return factors, 1 / np.array([float(worth) for worth, _ in factors])


@lru_cache(maxsize=256)
def grown_payments(months: int, pct: Decimal, every: int) -> Floats:
    """How far the payment of each month has grown."""
    growth = 1 + pct / 100
    return np.array([float(growth ** (t // every)) if every else 1.0 for t in range(months)])


@lru_cache(maxsize=256)
def annuities(
    annual_pct: Decimal, months: int, steps: tuple[StepUp | None, ...], graces: tuple[int, ...]
) -> tuple[Floats, Floats]:
    """Present value of payments that start at 1 after each grace, by step-up, grace and term; and of 1 a
    month during the grace."""
    worth = np.array([float(w) for w in discounts(annual_pct, months)])
    table = np.zeros((len(steps), len(graces), months))
    for s, step in enumerate(steps):
        grown = grown_payments(months, *growth_of(step))
        for g, grace in enumerate(graces):
            left = max(months - grace, 0)
            table[s, g, :left] = np.cumsum(grown[:left] * np.diff(worth)[grace:])
    return table, worth[np.minimum(graces, months)]


class Grid:
    """Payments of one case by waiver, cut, step-up and term, whatever the capacity."""

    def __init__(
        self,
        balance: int,
        limits: PlanLimits,
        waivers: Sequence[Waiver],
        cuts: Sequence[tuple[Decimal, Sequence[Fraction]]],
        steps: Sequence[StepUp | None],
        graces: Sequence[int],
        allowed: Mask,
    ) -> None:
        """``cuts`` come with the monthly rates of the debts; ``allowed`` says which waiver and cut may be."""
        self.limits, self.waivers, self.cuts = limits, waivers, cuts
        self.steps, self.graces, self.allowed = tuple(steps), tuple(graces), allowed
        self.months = limits.max_months
        self.interest_only = [[_interest(w.principal, rates) for _, rates in cuts] for w in waivers]
        self.conceded = [
            [Decimal(waiver.waived.minor) * 100 / balance + cut for cut, _ in cuts] for waiver in waivers
        ]
        self.growths = np.array([grown_payments(self.months, *growth_of(step)) for step in self.steps])
        # By cut and step-up: the factors of each debt, and at last those of what bears no interest.
        tables = [
            [
                [worth(rate, self.months, *growth_of(step)) for rate in (*rates, Fraction(0))]
                for step in self.steps
            ]
            for _, rates in cuts
        ]
        self._factors = [[[factors for factors, _ in table] for table in row] for row in tables]
        self._costs = [[np.array([costs for _, costs in table]) for table in row] for row in tables]
        self.weights = np.array([1 / costs[-1] for costs in self._costs[0]])
        parts = np.array([[*w.principal, w.carried] for w in waivers], dtype=np.float64)
        self.first = self._payments(parts)
        # Errors are relative to the sum of the parts, which is the payment itself unless one is negative.
        self.size = self.first if (parts >= 0).all() else self._payments(np.abs(parts))

    def _payments(self, parts: Floats) -> Floats:
        made = np.empty((len(self.waivers), len(self.cuts), len(self.steps), self.months))
        for c, row in enumerate(self._costs):
            for s, costs in enumerate(row):
                made[:, c, s] = parts @ costs
        return made

    @cached_property
    def worth_collecting(self) -> Mask:
        """Terms whose payment is not below the minimum, up to the first that is; one payment always is."""
        least = self.limits.min_payment.minor
        small = self.first < least
        for w, c, s, n in np.argwhere(np.abs(self.first - least) <= SLACK * (self.size + least)).tolist():
            small[w, c, s, n] = self.payment(Cell(w, c, s, n + 1, 0)) < least
        small[..., 0] = False
        enough: Mask = ~np.logical_or.accumulate(small, axis=3)
        enough &= self.allowed[:, :, None, None]
        for s, step in enumerate(self.steps):
            if step:
                enough[:, :, s, : step.every_months] = False  # too short to step
        return enough

    def payment(self, cell: Cell) -> Decimal:
        """The first payment after the grace, in decimals."""
        waiver, n = self.waivers[cell.waiver], cell.periods - 1
        *worth, weights = self._factors[cell.cut][cell.step]
        first = Decimal(waiver.carried) / weights[n][0]
        for principal, factors in zip(waiver.principal, worth, strict=True):
            first += principal / factors[n][0]
        return first

    def grown(self, first: Decimal, cell: Cell) -> Decimal:
        """The last payment, the largest after the grace."""
        pct, every = growth_of(self.steps[cell.step])
        return first * (1 + pct / 100) ** ((cell.periods - 1) // every) if every else first

    def weight(self, cell: Cell) -> Decimal:
        """How many first payments all payments after the grace add up to."""
        return self._factors[cell.cut][cell.step][-1][cell.periods - 1][0]

    def smallest(self) -> Decimal | None:
        """The lowest peak payment of what is worth collecting; None where nothing is, or is far too large."""
        plain = np.where(self.worth_collecting[:, :, 0], self.first[:, :, 0], np.inf)
        off = SLACK * self.size[:, :, 0]
        near = np.isfinite(plain) & (plain - off <= np.min(plain + off))
        lowest = [self.payment(Cell(w, c, 0, n + 1, 0)) for w, c, n in np.argwhere(near).tolist()]
        found = min(lowest, default=None)
        return None if found is None or found > _UNBOUNDED else found

    # -- what fits ----------------------------------------------------------------------------------

    def fitting(self, caps: Sequence[int]) -> tuple[Ints, ...]:
        """Where in the grid, by the fields of a cell, is what fits ``caps``, the most that each
        instalment may be; in the order of the search."""
        steady = len(set(caps)) == 1
        mask = np.zeros((*self.first.shape, len(self.graces)), dtype=np.bool_)
        fits = self._payable(0, caps, steady=steady)
        for g, grace in enumerate(self.graces):
            ends = self.months - grace
            if ends < 1:
                continue
            if not steady:
                fits = self._payable(grace, caps, steady=False)
            able = fits[..., :ends]
            if grace:
                # Nothing to wait for where there is one payment, or too little interest to pay meanwhile.
                least, most = max(self.limits.min_payment.minor, 1), min(caps[:grace])
                waits = [[least <= i <= most for i in row] for row in self.interest_only]
                able = able & np.array(waits)[:, :, None, None]
                able[..., 0] = False
            mask[..., :ends, g] = able
        return np.nonzero(mask)

    def _payable(self, grace: int, caps: Sequence[int], *, steady: bool) -> Mask:
        """Where what follows the grace is worth collecting and fits; steady: whatever the grace is."""
        ends = self.months - grace
        # How large the first payment may be, so that none of those after it is too large.
        room = np.array(caps[grace:], dtype=np.float64) / self.growths[:, :ends]
        if not steady:
            room = np.minimum.accumulate(room, axis=1)
        able, short = self.worth_collecting[..., :ends], self.first[..., :ends] - room
        fits: Mask = able & (short <= 0)
        close = able & (np.abs(short) <= SLACK * (self.size[..., :ends] + np.abs(room)))
        for w, c, s, n in np.argwhere(close).tolist() if close.any() else ():
            fits[w, c, s, n] = self._fits(Cell(w, c, s, n + 1, grace), caps, steady=steady)
        return fits

    def _fits(self, cell: Cell, caps: Sequence[int], *, steady: bool) -> bool:
        """Whether every instalment after the grace fits, in decimals."""
        if steady:
            return self.grown(self.payment(cell), cell) <= caps[0]
        level = self.payment(cell)
        pct, every = growth_of(self.steps[cell.step])
        for start in range(0, cell.periods, every or cell.periods):
            end = min(start + (every or cell.periods), cell.periods)
            if level > min(caps[cell.grace + start : cell.grace + end]):
                return False
            level *= 1 + pct / 100
        return True


def _interest(principal: Sequence[int], rates: Sequence[Fraction]) -> Decimal:
    parts = (Decimal(p) * r.numerator / r.denominator for p, r in zip(principal, rates, strict=True))
    return sum(parts, Decimal(0))
