"""What signed plans came to, against what was foreseen of them, and a table that learns from it (R68). Pure.

The published table is the prior, and counts as much as ``prior_plans`` plans of one's own in each of its rows
(a Beta prior): of ``n`` own plans in a row ``d`` broke, of which the published figures foresaw ``e``, and so

    blended = published + (d - e) / (prior_plans + n)

which without surcharges for the stress margin is ``(prior_plans p + d) / (prior_plans + n)``. Surcharges are
in ``e`` and stay as they are. From no cut on, no figure rises with the cut: an order that is chance might
favour small cuts. Rows that do rise share their weighted mean, which is isotonic regression (pool adjacent
violators: Barlow, Bartholomew, Bremner and Brunk, 1972). A payment that rises is in no order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Decimal
from statistics import NormalDist
from typing import Final

from shared.lending.plan_lender import LenderValue, RedefaultRow

__all__ = ["PlanOutcome", "Score", "blended", "interval", "scored"]

_STEP: Final = Decimal("0.001")  # a table says tenths of a per cent
_LEAST: Final = 0.001  # a probability of 0 would make one plan that broke count without end
_CONFIDENCE: Final = 0.95


@dataclass(frozen=True, slots=True)
class PlanOutcome:
    """A plan whose time is up: what was known of it when it was offered, and whether it broke by then."""

    reduction_pct: Decimal | None
    margin_pct: Decimal | None
    broke: bool


@dataclass(frozen=True, slots=True)
class Score:
    """How far predictions were from what came: both are better when lower."""

    plans: int
    brier: float
    log_loss: float


def interval(count: int, of: int) -> tuple[float, float]:
    """Between which shares the true one lies with 95 per cent confidence (Wilson, 1927); all, of nothing."""
    if of == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + _CONFIDENCE) / 2)
    share, spread = count / of, z * z / of
    middle = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / of + spread / (4 * of)) / (1 + spread)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def scored(value: LenderValue, outcomes: Sequence[PlanOutcome]) -> Score:
    """Score what a table foresees of plans against what became of them."""
    brier = log_loss = 0.0
    for outcome in outcomes:
        foreseen = float(value.probability(outcome.reduction_pct, outcome.margin_pct))
        brier += (foreseen - outcome.broke) ** 2
        certain = min(max(foreseen, _LEAST), 1 - _LEAST)
        log_loss -= math.log(certain if outcome.broke else 1 - certain)
    plans = max(len(outcomes), 1)
    return Score(len(outcomes), brier / plans, log_loss / plans)


def blended(value: LenderValue, outcomes: Sequence[PlanOutcome], prior_plans: int) -> LenderValue:
    """Give the table that blends published figures with outcomes; all else stays as it is."""
    seen: dict[int | None, list[PlanOutcome]] = {}
    for outcome in outcomes:
        seen.setdefault(value.row_of(outcome.reduction_pct), []).append(outcome)

    def learnt(at: int | None, published: Decimal) -> Decimal:
        own = seen.get(at, [])
        foreseen = sum((value.probability(o.reduction_pct, o.margin_pct) for o in own), Decimal(0))
        broke = sum(o.broke for o in own)
        return min(max(published + (broke - foreseen) / (prior_plans + len(own)), Decimal(0)), Decimal(1))

    rows = [learnt(at, row.probability) for at, row in enumerate(value.redefault)]
    first = sum(row.reduction_pct < 0 for row in value.redefault)
    weights = [prior_plans + len(seen.get(at, [])) for at in range(len(rows))]
    rows[first:] = _falling(rows[first:], weights[first:])
    return replace(
        value,
        redefault=tuple(
            RedefaultRow(row.reduction_pct, _rounded(now))
            for row, now in zip(value.redefault, rows, strict=True)
        ),
        unknown_probability=_rounded(learnt(None, value.unknown_probability)),
    )


def _falling(values: Sequence[Decimal], weights: Sequence[int]) -> list[Decimal]:
    """Give the nearest values that never rise: neighbours that do share their weighted mean."""
    blocks: list[tuple[Decimal, int, int]] = []  # value, weight, rows
    for value, weight in zip(values, weights, strict=True):
        block = (value, weight, 1)
        while blocks and blocks[-1][0] < block[0]:
            mean, heavy, rows = blocks.pop()
            both = heavy + block[1]
            block = ((mean * heavy + block[0] * block[1]) / both, both, rows + block[2])
        blocks.append(block)
    return [value for value, _, rows in blocks for _ in range(rows)]


def _rounded(probability: Decimal) -> Decimal:
    return probability.quantize(_STEP, ROUND_HALF_EVEN)
