"""What fits, as columns: quick to rank by the thousand, exact wherever two of them nearly tie."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from typing import Any, Final, overload

import numpy as np

from shared.lending.plan_grid import SLACK, Cell, Floats, Grid, Ints, Mask, annuities, discounts, growth_of
from shared.lending.plan_model import PlanSpec

# The kinds of help in a candidate, added up.
STEP: Final = 1
GRACE: Final = 2
RATE: Final = 4
WAIVER: Final = 8


@dataclass(frozen=True, slots=True)
class Candidate:
    """A combination that fits, with its figures before rounding; ``peak`` is the largest instalment.

    ``total`` is in whole minor units, so that equal totals are equal; ``number`` counts the combinations
    in the fixed order of the search and settles ties.
    """

    number: int
    spec: PlanSpec
    first: Decimal
    peak: Decimal
    total: int
    conceded_pct: Decimal

    @property
    def months(self) -> int:
        return self.spec.months


class Candidates(Sequence[Candidate]):
    """What fits, in columns, in the order of the search; a row becomes exact when it is looked at.

    ``months``, ``total``, ``conceded`` (a rank) and ``kinds`` are exact; ``starts``, ``peak`` and ``value``
    (present value at the lender's rate) are right to within ``SLACK`` of their size.
    """

    def __init__(self, grid: Grid, first_due: date, at: tuple[Ints, ...]) -> None:
        self.grid, self._first_due = grid, first_due
        self._w, self._c, self._s, self._n, self._g = at
        self._made: dict[int, Candidate] = {}
        w, c, s, n, g = at
        self.months: Ints = n + 1 + np.array(grid.graces)[g]
        self._level: Floats = grid.first[w, c, s, n]
        interest = np.array(grid.interest_only, dtype=np.float64).reshape(len(grid.waivers), -1)[w, c]
        self.starts: Floats = np.where(g > 0, interest, self._level)
        self.peak: Floats = np.maximum(self._level * grid.growths[s, n], self.starts)

    def __len__(self) -> int:
        return len(self._n)

    @overload
    def __getitem__(self, row: int) -> Candidate: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[Candidate]: ...
    def __getitem__(self, row: int | slice) -> Candidate | Sequence[Candidate]:
        if isinstance(row, slice):
            return [self[n] for n in range(*row.indices(len(self)))]
        row = range(len(self))[row]
        if row not in self._made:
            self._made[row] = self._exact(row)
        return self._made[row]

    def only(self, rows: Mask) -> Candidates:
        """Those of these rows, in their order."""
        at = (self._w, self._c, self._s, self._n, self._g)
        return Candidates(self.grid, self._first_due, tuple(column[rows] for column in at))

    def spec(self, row: int) -> PlanSpec:
        """The combination of measures and the term of a row."""
        grid, cell = self.grid, self._cell(row)
        cut, waiver = grid.cuts[cell.cut][0], grid.waivers[cell.waiver]
        return PlanSpec(cell.periods, self._first_due, cell.grace, grid.steps[cell.step], cut, waiver.pct)

    def is_free_of_interest(self, row: int) -> bool:
        """Whether what is repaid bears none."""
        return not self.grid.interest_only[self._w[row]][self._c[row]]

    def _exact(self, row: int) -> Candidate:
        grid, cell = self.grid, self._cell(row)
        first = grid.payment(cell)
        starts = grid.interest_only[cell.waiver][cell.cut] if cell.grace else first
        peak = max(grid.grown(first, cell), starts)
        conceded = grid.conceded[cell.waiver][cell.cut]
        return Candidate(row + 1, self.spec(row), starts, peak, int(self.total[row]), conceded)

    def _cell(self, row: int) -> Cell:
        w, c, s, n, g = (int(at[row]) for at in (self._w, self._c, self._s, self._n, self._g))
        return Cell(w, c, s, n + 1, self.grid.graces[g])

    @cached_property
    def _scale(self) -> Floats:
        """The size of the total, which its error is relative to."""
        weight = self.grid.weights[self._s, self._n]
        size: Floats = self.grid.size[self._w, self._c, self._s, self._n] * weight
        return size + (self.months - self._n - 1) * np.abs(self.starts)

    @cached_property
    def total(self) -> Ints:
        """What is paid in all, in whole minor units."""
        grid, grace = self.grid, self.months - self._n - 1
        raw = self._level * grid.weights[self._s, self._n] + grace * self.starts
        tied = np.abs(raw - np.floor(raw) - 0.5) <= SLACK * self._scale
        total: Ints = np.rint(np.where(tied, 0, raw)).astype(np.int64)
        for row in np.flatnonzero(tied).tolist():
            total[row] = self._total(self._cell(row))
        return total

    def _total(self, cell: Cell) -> int:
        interest = self.grid.interest_only[cell.waiver][cell.cut]
        return round(self.grid.payment(cell) * self.grid.weight(cell) + cell.grace * interest)

    @cached_property
    def peak_off(self) -> float:
        """How far the peaks may be off."""
        size = self.grid.size[self._w, self._c, self._s, self._n] * self.grid.growths[self._s, self._n]
        return SLACK * float(np.maximum(size, np.abs(self.starts)).max(initial=0.0))

    @cached_property
    def conceded(self) -> Ints:
        """Rank of what is conceded, less first."""
        ranks = {pct: rank for rank, pct in enumerate(sorted({p for row in self.grid.conceded for p in row}))}
        table: Ints = np.array([[ranks[pct] for pct in row] for row in self.grid.conceded], dtype=np.int64)
        return table[self._w, self._c]

    @cached_property
    def kinds(self) -> Ints:
        """The kinds of help, added up."""
        grid = self.grid
        cut = np.array([RATE if cut > 0 else 0 for cut, _ in grid.cuts])
        waiver = np.array([WAIVER if waiver.pct else 0 for waiver in grid.waivers])
        step = np.array([STEP if step else 0 for step in grid.steps])
        kinds: Ints = step[self._s] + GRACE * (self._g > 0) + cut[self._c] + waiver[self._w]
        return kinds

    @cached_property
    def groups(self) -> Ints:
        """Which combination of measures each is a term of."""
        shape = (*self.grid.first.shape[:3], len(self.grid.graces))
        return np.ravel_multi_index((self._w, self._c, self._s, self._g), shape)

    @cached_property
    def value(self) -> tuple[Floats, float]:
        """Present values of the payments, and how far they may be off."""
        grid, grace = self.grid, self.months - self._n - 1
        table, waiting = annuities(
            grid.limits.value.discount_pct, grid.months, grid.steps, tuple(grid.graces)
        )
        annuity = table[self._s, self._g, self._n]
        level = (self.total - grace * self.starts) / grid.weights[self._s, self._n]
        plain = (self._g == 0) & (self._s == 0)
        value = np.where(plain, self._level, level) * annuity + self.starts * waiting[self._g] * (grace > 0)
        size = self._scale / grid.weights[self._s, self._n] * annuity + np.abs(self.starts) * waiting[self._g]
        return value, SLACK * float(size.max(initial=0.0))

    def present_value(self, row: int) -> Decimal:
        """Present value of a candidate's payments at the lender's discount rate, in minor units."""
        candidate, grid = self[row], self.grid
        spec = candidate.spec
        worth = discounts(grid.limits.value.discount_pct, grid.months)
        if not spec.grace and spec.step is None:
            return candidate.first * worth[spec.periods]
        pct, every = growth_of(spec.step)
        level = (candidate.total - spec.grace * candidate.first) / grid.weight(self._cell(row))
        value = candidate.first * worth[spec.grace]
        for start, end in pairwise([*range(0, spec.periods, every or spec.periods), spec.periods]):
            value += level * (worth[spec.grace + end] - worth[spec.grace + start])
            level *= 1 + pct / 100
        return value


def leading(column: Ints | Floats, count: int, slack: float = 0.0) -> Ints:
    """The rows among which, by this column first, the ``count`` lowest are."""
    if len(column) <= count:
        return np.arange(len(column))
    return np.flatnonzero(column <= np.partition(column, count - 1)[count - 1] + slack)


def least_first(count: int, *columns: Ints) -> Ints:
    """The ``count`` lowest rows by exact columns, the first column first, and then in their order."""
    rows = leading(columns[0], count)
    return rows[np.lexsort([column[rows] for column in reversed(columns)])][:count]


def ordered(
    rows: Ints,
    column: Floats,
    off: float,
    exactly: Callable[[int], Any],
    *,
    lead: Ints | None = None,
    count: int | None = None,
) -> Ints:
    """Rows by ``lead``, if given, then by a column whose figures may be ``off`` by so much.

    Of those which the column cannot tell apart ``exactly`` gives the whole key. ``count``: so many of them
    need be right.
    """
    order = np.argsort(column, kind="stable") if lead is None else np.lexsort((column, lead))
    rows, column = rows[order], column[order]
    tied = np.diff(column) <= 2 * off
    if lead is not None:
        tied &= np.diff(lead[order]) == 0
    # Runs of rows that tie with their neighbour.
    edges = np.flatnonzero(np.diff(np.concatenate(([False], tied, [False])).astype(np.int8)))
    for start, end in zip(edges[::2].tolist(), (edges[1::2] + 1).tolist(), strict=True):
        if count is not None and start >= count:
            break
        rows[start:end] = sorted(rows[start:end].tolist(), key=exactly)
    return rows
