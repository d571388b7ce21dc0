"""Plans over debts of several policies in which some debts run longer than others may.

Each debt is repaid within the longest term of its own policy: what ends first makes room, and no short term
shortens the rest. Combinations are screened in floating point, with room for rounding, and built exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import product
from typing import Final

import numpy as np

from shared.lending.money import Money
from shared.lending.plan_build import build_plan, waived_of
from shared.lending.plan_choice import is_new
from shared.lending.plan_grid import Floats, Waiver, grown_payments, growth_of, worth
from shared.lending.plan_model import Plan, PlanSpec, StepUp
from shared.lending.plan_search import Search

# How many combinations are built before giving up, and of how many nearly the same total is compared exactly.
_TRIES: Final = 24
_CLOSE: Final = 6


@dataclass(frozen=True, slots=True)
class _Row:
    """A combination and its figures before rounding, in minor units; ``conceded`` is a share in per cent."""

    spec: PlanSpec
    total: float
    peak: float
    conceded: float


def longer_plans(
    search: Search, first_due: date, *, wish: Money | None = None, months: int | None = None
) -> list[Plan]:
    """The plans with terms that only some debts may have: the cheapest first, then the fastest, then others.

    Each is affordable and allowed. ``wish`` is the most that an instalment may be, ``months`` a wished term.
    None where all debts may have the same terms.
    """
    rows = list(_rows(search, first_due, search.caps(first_due, wish, search.longest), months))
    if not rows:
        return []
    by_total = sorted(rows, key=lambda row: (row.total, row.spec.months, row.conceded))[:_TRIES]
    by_term = sorted(rows, key=lambda row: (row.spec.months, row.total, row.conceded))[:_TRIES]
    by_peak = sorted(rows, key=lambda row: (row.peak, row.conceded, row.spec.months))[:_TRIES]
    close = [row for row in by_total if row.total <= by_total[0].total + row.spec.months][:_CLOSE]
    cheap = list(_standing(search, close)) or list(_standing(search, by_total, 1))
    found = sorted(cheap, key=lambda plan: (plan.total.minor, plan.last_due, plan.waived.minor))[:1]
    offered = {*search.terms, *([] if months is None else [months])}
    terms = [row for row in by_total if row.spec.months in offered]
    near = [row for row in rows if row.spec.months == months]
    near.sort(key=lambda row: (row.conceded, row.total))
    for some, most in ((near[:_TRIES], 1), (by_term, 1), (by_peak, 1), (terms, _CLOSE)):
        found += [plan for plan in _standing(search, some, most) if is_new(plan, found)]
    return [plan for at, plan in enumerate(found) if is_new(plan, found[:at])]


def lowest_longer(search: Search, first_due: date) -> Money | None:
    """The lowest peak instalment of such plans, whatever can be paid; None where there are none."""
    rows = list(_rows(search, first_due, None, None))
    for row in sorted(rows, key=lambda row: row.peak)[:_CLOSE]:
        made = build_plan(row.spec, search.debts, None, search.policy)
        if isinstance(made, Plan):
            return made.peak
    return None


def with_longer(chosen: Sequence[Plan], longer: Sequence[Plan], search: Search) -> list[Plan]:
    """The plans to show of both: the cheapest and the fastest of all stay, and one that runs longer is there.

    The first of ``chosen`` stays in any case: it may be the settlement that was offered.
    """
    limits = search.limits
    if not longer:
        return list(chosen)
    every = [*chosen, *(plan for plan in longer if is_new(plan, chosen))]
    kept: list[Plan] = []
    cheapest = min(every, key=lambda plan: (plan.total.minor, plan.last_due))
    fastest = min(every, key=lambda plan: (plan.last_due, plan.total.minor))
    lowest = min(longer, key=lambda plan: (plan.peak.minor, plan.total.minor))
    settled = [plan for plan in chosen if plan.spec.lump_sum]
    for plan in (*settled, cheapest, fastest, lowest, *every):
        must = plan is cheapest or plan is fastest
        if len(kept) < limits.max_ranked and is_new(plan, kept) and (must or _differs(plan, kept, search)):
            kept.append(plan)
    return kept


def _differs(plan: Plan, others: Sequence[Plan], search: Search) -> bool:
    """Whether its term, its total or its first payment is apart from each other plan's."""
    pct = search.limits.min_difference_pct
    return all(
        any(
            abs(a - b) * 100 >= pct * max(a, b) and a != b
            for a, b in (
                (plan.spec.instalments, other.spec.instalments),
                (plan.total.minor, other.total.minor),
                (plan.first_payment.minor, other.first_payment.minor),
            )
        )
        for other in others
    )


def _standing(search: Search, rows: Sequence[_Row], most: int = _TRIES) -> Iterator[Plan]:
    """Build the rows in their order, and give so many that stand exactly."""
    for row in rows:
        made = search.build(row.spec)
        if isinstance(made, Plan):
            yield made
            most -= 1
            if not most:
                return


def _rows(search: Search, first_due: date, caps: Sequence[int] | None, months: int | None) -> Iterator[_Row]:
    """Of each combination the shortest and the longest term that fit, those on offer and the wished one."""
    common, longest = search.limits.max_months, search.longest
    if longest <= common:
        return
    offered = {*search.terms, *([] if months is None else [months])}
    for waiver, (cut, rates) in product(search.waivers, search.cuts):
        if not search.allowed(cut, waiver.waived):
            continue
        parts = _parts(search, waiver)
        conceded = waiver.waived.minor * 100 / search.balance.minor + float(cut)
        waits = sum(principal * float(rate) for (principal, _), rate in zip(parts, rates, strict=True))
        for step, grace in product(search.steps, search.graces):
            if grace and (waits <= 0 or (caps is not None and waits > min(caps[:grace]) + len(parts))):
                continue
            terms = np.arange(common - grace + 1, longest - grace + 1)
            terms = terms[terms > (step.every_months if step else 1)]
            paid = _payments(search, parts, rates, step, terms, grace)
            if paid is None:
                continue
            fits = np.ones(len(terms), dtype=np.bool_)
            if caps is not None:
                room = np.array(caps[grace:], dtype=np.float64)[: paid.shape[1]]
                # Each debt's payment is rounded: the exact schedule decides.
                fits &= (paid <= room + len(parts)).all(axis=1)
            able = np.flatnonzero(fits).tolist()
            for at in able:
                if at in (able[0], able[-1]) or int(terms[at]) + grace + search.holiday in offered:
                    spec = PlanSpec(
                        int(terms[at]), first_due, grace, step, cut, waiver.pct, False, search.holiday
                    )
                    total = float(paid[at].sum()) + grace * waits
                    yield _Row(spec, total, max(float(paid[at].max()), waits if grace else 0.0), conceded)


def _parts(search: Search, waiver: Waiver) -> list[tuple[int, int]]:
    """Of each debt what bears interest under a waiver, and what does not."""
    spec = PlanSpec(periods=1, first_due=date.min, waived_pct=waiver.pct)
    waived = [waived_of(debt, spec, search.policy).total.minor for debt in search.debts]
    return [
        (principal, debt.outstanding.total.minor - less - principal)
        for debt, less, principal in zip(search.debts, waived, waiver.principal, strict=True)
    ]


def _payments(
    search: Search,
    parts: Sequence[tuple[int, int]],
    rates: Sequence[Fraction],
    step: StepUp | None,
    terms: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
    grace: int,
) -> Floats | None:
    """What is paid in each month after the grace, by term; None where a debt is too short for the step."""
    longest, (pct, every) = search.longest, growth_of(step)
    if not len(terms):
        return None
    paid = np.zeros((len(terms), longest - grace))
    at = np.arange(longest - grace)
    for debt, rate, (principal, carried) in zip(search.debts, rates, parts, strict=True):
        own = debt.longest(search.policy) - search.holiday - grace
        if own < 1 or (step is not None and own <= every):
            return None
        its = np.minimum(terms, own)
        level = principal * worth(rate, longest, pct, every)[1][its - 1]
        level = level + carried * worth(Fraction(0), longest, pct, every)[1][its - 1]
        paid += level[:, None] * (at[None, :] < its[:, None])
    return paid * grown_payments(longest - grace, pct, every)[None, :]
