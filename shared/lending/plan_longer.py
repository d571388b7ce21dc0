"""Plans over debts of several policies in which some debts have what others may not.

Each debt is repaid within the longest term of its own policy: what ends first makes room, and no short term
shortens the rest. So it is with steps and graces: a debt whose policy has none is level, or pays from the
start, and the others have theirs. Combinations are screened in floating point, with room for rounding, and
built exactly.
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
from shared.lending.plan_build import build_plan
from shared.lending.plan_choice import is_new
from shared.lending.plan_grid import Floats, Ints, Waiver, grown_payments, growth_of, worth
from shared.lending.plan_model import Plan, PlanSpec, StepUp
from shared.lending.plan_own import grace_of, may_step, waived_of
from shared.lending.plan_search import Search

# How many combinations are built before giving up, and of how many nearly the same total is compared exactly.
_TRIES: Final = 24
_CLOSE: Final = 6


@dataclass(frozen=True, slots=True)
class _Row:
    """A combination and its figures before rounding, in minor units; ``conceded`` is a share in per cent."""

    spec: PlanSpec
    total: float
    first: float
    peak: float
    conceded: float


def longer_plans(
    search: Search, first_due: date, *, wish: Money | None = None, months: int | None = None
) -> list[Plan]:
    """The plans with what only some debts may have: the cheapest first, then the fastest, then others.

    Each is affordable and allowed. ``wish`` is the most that an instalment may be, ``months`` a wished term.
    None where all debts may have the same.
    """
    rows = list(_rows(search, first_due, search.caps(first_due, wish, search.longest), months))
    if not rows:
        return []
    by_total = sorted(rows, key=lambda row: (row.total, row.spec.months, row.conceded))[:_TRIES]
    by_term = sorted(rows, key=lambda row: (row.spec.months, row.total, row.conceded))[:_TRIES]
    by_peak = sorted(rows, key=lambda row: (row.peak, row.conceded, row.spec.months))[:_TRIES]
    by_start = sorted(rows, key=lambda row: (row.first, row.total, row.conceded))[:_TRIES]
    close = [row for row in by_total if row.total <= by_total[0].total + row.spec.months][:_CLOSE]
    cheap = list(_standing(search, close)) or list(_standing(search, by_total, 1))
    found = sorted(cheap, key=lambda plan: (plan.total.minor, plan.last_due, plan.waived.minor))[:1]
    offered = {*search.terms, *([] if months is None else [months])}
    terms = [row for row in by_total if row.spec.months in offered]
    near = [row for row in rows if row.spec.months == months]
    near.sort(key=lambda row: (row.conceded, row.total))
    for some, most in ((near[:_TRIES], 1), (by_term, 1), (by_peak, 1), (by_start, 1), (terms, _CLOSE)):
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
    """The plans to show of both: the cheapest and the fastest of all stay, and of ``longer`` the lowest.

    The first of ``chosen`` stays in any case: it may be the settlement that was offered. The lowest are those
    with the lowest instalment and with the lowest first payment, where they differ from the others.
    """
    limits = search.limits
    if not longer:
        return list(chosen)
    every = [*chosen, *(plan for plan in longer if is_new(plan, chosen))]
    kept: list[Plan] = []
    cheapest = min(every, key=lambda plan: (plan.total.minor, plan.last_due))
    fastest = min(every, key=lambda plan: (plan.last_due, plan.total.minor))
    lowest = min(longer, key=lambda plan: (plan.peak.minor, plan.total.minor))
    softest = min(longer, key=lambda plan: (plan.first_payment.minor, plan.total.minor))
    settled = [plan for plan in chosen if plan.spec.lump_sum]
    for plan in (*settled, cheapest, fastest, lowest, softest, *every):
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
    steps, graces = (
        (search.some_steps, search.some_graces) if search.differ else (search.steps, search.graces)
    )
    shapes = []
    for step, grace in product(steps, graces):
        # What every debt may have is searched elsewhere, in the terms that every debt may have.
        shared = step in search.steps and grace in search.graces
        shortest = common - grace + 1 if shared else 2
        terms = np.arange(max(shortest, step.every_months + 1 if step else 1), longest - grace + 1)
        if len(terms):
            shapes.append((step, grace, terms))
    if not shapes:
        return
    offered = {*search.terms, *([] if months is None else [months])}
    least = min(debt.limits(search.policy).min_payment.minor for debt in search.debts)
    for waiver, (cut, rates) in product(search.waivers, search.cuts):
        if not search.allowed(cut, waiver.waived):
            continue
        parts = _parts(search, waiver)
        conceded = waiver.waived.minor * 100 / search.balance.minor + float(cut)
        for step, grace, terms in shapes:
            paid = _payments(search, parts, rates, step, terms, grace)
            if paid is None:
                continue
            # Each debt's payment is rounded: the exact schedule decides.
            fits = (paid[:, grace] >= least - len(parts)) & (paid[:, 0] >= least - len(parts))
            if caps is not None:
                fits &= ((paid <= np.array(caps, dtype=np.float64) + len(parts)) | (paid == 0)).all(axis=1)
            able = np.flatnonzero(fits).tolist()
            for at in able:
                if at in (able[0], able[-1]) or int(terms[at]) + grace + search.holiday in offered:
                    spec = PlanSpec(
                        int(terms[at]), first_due, grace, step, cut, waiver.pct, False, search.holiday
                    )
                    row = paid[at]
                    yield _Row(spec, float(row.sum()), float(row[0]), float(row.max()), conceded)


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
    terms: Ints,
    grace: int,
) -> Floats | None:
    """What is paid in each month, by term, each debt in the shape that its own policy gives it.

    None where no debt would take the steps, or none has anything to wait for in the grace.
    """
    longest, stepping, waiting = search.longest, step is None, not grace
    paid = np.zeros((len(terms), longest))
    for debt, rate, (principal, carried) in zip(search.debts, rates, parts, strict=True):
        own_grace = grace_of(debt, grace, search.policy, holiday=search.holiday)
        own = debt.longest(search.policy) - search.holiday - own_grace
        its = np.clip(terms + grace - own_grace, 1, max(own, 1))
        interest = principal * float(rate)
        waiting |= own_grace == grace and interest > 0
        paid[:, :own_grace] += interest
        rows = _level(principal, carried, rate, its, longest - own_grace, None)
        if step is not None and may_step(debt, step, search.policy):
            grows = its > step.every_months
            stepping |= bool(grows.any())
            in_steps = _level(principal, carried, rate, its, longest - own_grace, step)
            rows = np.where(grows[:, None], in_steps, rows)
        paid[:, own_grace:] += rows
    return paid if stepping and waiting else None


def _level(
    principal: int, carried: int, rate: Fraction, terms: Ints, months: int, step: StepUp | None
) -> Floats:
    """What one debt asks for in each month after its grace, by term."""
    pct, every = growth_of(step)
    first = principal * worth(rate, months, pct, every)[1][terms - 1]
    first = first + carried * worth(Fraction(0), months, pct, every)[1][terms - 1]
    running = np.arange(months)[None, :] < terms[:, None]
    rows: Floats = first[:, None] * running * grown_payments(months, pct, every)[None, :]
    return rows
