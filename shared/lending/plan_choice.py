"""Which of the plans that fit are shown, and in what order: the cheapest, the fastest, and the best others
that truly differ, ranked for both sides."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence, Set
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Final

import numpy as np

from shared.lending.money import Money
from shared.lending.plan_candidates import (
    GRACE,
    RATE,
    STEP,
    WAIVER,
    Candidates,
    leading,
    least_first,
    ordered,
)
from shared.lending.plan_grid import SLACK, Floats, Ints, Mask
from shared.lending.plan_model import MeasureKind, Plan, PlanLimits, PlanSpec, Reason, Refused, Shown
from shared.lending.plan_search import Search
from shared.lending.plan_value import contractual

# How many candidates of nearly the same total are compared exactly.
_CLOSE = 6
# How many are built before giving up: what stops so many in a row (a rate ceiling that past payments have
# reached) stops them all.
_TRIES = 24
_KIND_OF: Final = {
    MeasureKind.STEP_UP: STEP,
    MeasureKind.GRACE: GRACE,
    MeasureKind.RATE_CUT: RATE,
    MeasureKind.LATE_CHARGE_WAIVER: WAIVER,
    MeasureKind.INTEREST_WAIVER: WAIVER,
    MeasureKind.FEE_WAIVER: WAIVER,
    MeasureKind.PART_FORGIVENESS: WAIVER,
}
# A borrower has a choice from three plans on.
_ENOUGH = 3


def chosen_plans(search: Search, candidates: Candidates, first_due: date) -> list[Plan]:
    """The plans to show: a settlement if one was offered, the cheapest, the fastest, then the best rest."""
    limits = search.limits
    chosen: list[Plan] = []
    spec = search.settlement(first_due)
    settled = search.build(spec) if spec is not None else None
    if isinstance(settled, Plan):
        chosen.append(settled)
    if not len(candidates):
        return chosen
    fastest = least_first(_TRIES, candidates.months, candidates.total, candidates.conceded)
    for plan in (_cheapest(candidates, search), first_that_stands(candidates, fastest, search)):
        if plan is not None and is_new(plan, chosen):
            chosen.append(plan)
    apart, must = limits.min_difference_pct, len(chosen)
    if len(chosen) < limits.max_ranked:
        _fill(chosen, candidates, _representatives(candidates, limits), limits.max_ranked, apart, search)
    # Where little room is left, plans half as far apart are still different enough to make three.
    everything = np.arange(len(candidates))
    _fill(chosen, candidates, everything, min(_ENOUGH, limits.max_ranked), apart / 2, search)
    chosen = chosen[: limits.max_ranked]
    if must < limits.max_ranked and (lighter := _lighter(chosen, candidates, search)) is not None:
        if len(chosen) == limits.max_ranked:
            # Neither the cheapest nor the fastest gives way, nor what asks nobody for a favour, which is what
            # is left where the lender says no.
            asked = [at for at in range(must, len(chosen)) if _asks_a_favour(chosen[at])]
            del chosen[asked[-1] if asked else -1]
        chosen.append(lighter)
    return chosen


def _lighter(chosen: Sequence[Plan], candidates: Candidates, search: Search) -> Plan | None:
    """The best plan that never asks more a month than the contracts do, where every chosen one does at first
    (R33): what is ranked by cost and value alone would all be repaid as fast as can be."""
    before = contractual(search.debts)
    if before is None or any(plan.reduction_pct is None or plan.reduction_pct > 0 for plan in chosen):
        return None
    rows = _representatives(candidates, search.limits)
    rows = rows[candidates.peak[rows] <= before.minor + candidates.peak_off]
    if not len(rows):
        return None
    best = _by_score(candidates, rows, chosen, search.limits.min_difference_pct)
    return first_that_stands(candidates, best, search, before)


def _asks_a_favour(plan: Plan) -> bool:
    """Whether somebody has to grant more than the first tier may, or less than the lender's floor."""
    return any(reason.code in {"approval_needed", "below_npv_floor"} for reason in plan.reasons)


def not_refused(candidates: Candidates, refused: Refused, pct: Decimal) -> Candidates:
    """The candidates that a borrower has not said no to: unlike each refused plan by ``pct`` per cent."""
    if not refused or not len(candidates):
        return candidates
    rows = np.arange(len(candidates))
    for shown in refused.plans:
        rows = rows[_unlike(candidates, rows, shown, pct)]
    if refused.fewer_than is not None:
        rows = rows[candidates.months[rows] < refused.fewer_than]
    if refused.cheaper_than is not None:
        rows = rows[candidates.total[rows] < refused.cheaper_than.minor]
    kept = np.zeros(len(candidates), dtype=np.bool_)
    kept[rows] = True
    return candidates.only(kept)


def without(candidates: Candidates, specs: Set[PlanSpec]) -> Candidates:
    """The candidates but for some combinations, of which there are few."""
    kept = np.array([candidates.spec(row) not in specs for row in range(len(candidates))], dtype=np.bool_)
    return candidates.only(kept)


def stands_after(plan: Plan, refused: Refused, pct: Decimal) -> bool:
    """Whether a plan, computed to the cent, is one that a borrower has not said no to."""
    seen = (plan.spec.instalments, plan.total.minor, plan.first_payment.minor, pct)
    return (
        all(shown.differs(*seen) for shown in refused.plans)
        and (refused.fewer_than is None or plan.spec.instalments < refused.fewer_than)
        and (refused.cheaper_than is None or plan.total < refused.cheaper_than)
        and (refused.below is None or plan.peak < refused.below)
    )


def is_new(plan: Plan, others: Sequence[Plan]) -> bool:
    """No plan is shown twice: to the borrower, the same amounts on the same days are the same plan."""
    return all(plan.payments != other.payments for other in others)


def _fill(
    chosen: list[Plan], candidates: Candidates, rows: Ints, wanted: int, apart_pct: Decimal, search: Search
) -> None:
    """Add the best of the rows that differ from what is chosen, until enough are."""
    if len(chosen) >= wanted or not len(rows):
        return
    fresh = _by_score(candidates, rows, chosen, apart_pct)
    tries = _TRIES
    while len(fresh) and len(chosen) < wanted and tries:
        tries -= 1
        # Other kinds of help before more of the same kind; within a kind, the best for both sides.
        kinds = np.array([_kinds_of(plan.measures) for plan in chosen], dtype=np.int64)
        seen = np.bincount(kinds, minlength=STEP + GRACE + RATE + WAIVER + 1)
        best = int(np.argmin(seen[candidates.kinds[fresh]]))
        found = _build(candidates, int(fresh[best]), search)
        fresh = np.delete(fresh, best)
        if found is not None and is_new(found, chosen):
            chosen.append(found)
            fresh = fresh[_differ(candidates, fresh, found, apart_pct)]


def _cheapest(candidates: Candidates, search: Search) -> Plan | None:
    """The plan with the lowest total, exactly: those within rounding of the least are built and compared."""
    rows = least_first(_TRIES, candidates.total, candidates.months, candidates.conceded)
    first = first_that_stands(candidates, rows, search)
    if first is None:
        return None
    total, months = first.total.minor, first.spec.instalments
    built = []
    for row in rows[:_CLOSE].tolist():
        its = int(candidates.total[row]), int(candidates.months[row])
        # Without interest nothing is rounded: then the total is exact already.
        beaten = candidates.is_free_of_interest(row) and its > (total, months)
        if its[0] <= total + months and not beaten and (plan := _build(candidates, row, search)):
            built.append(plan)
    return min([first, *built], key=lambda plan: (plan.total.minor, plan.last_due, plan.waived.minor))


def _representatives(candidates: Candidates, limits: PlanLimits) -> Ints:
    """Of each combination the shortest and longest term that fit, and the terms the policy offers."""
    months, groups = candidates.months, candidates.groups
    shortest, longest = np.zeros((2, int(groups.max()) + 1), dtype=np.int64)
    # Terms of a combination ascend, and of several entries the last one stays.
    longest[groups] = months
    shortest[groups[::-1]] = months[::-1]
    offered = np.zeros(limits.max_months + 1, dtype=np.bool_)
    offered[[term for term in limits.terms_months if 0 < term <= limits.max_months]] = True
    return np.flatnonzero(offered[months] | (months == shortest[groups]) | (months == longest[groups]))


def _by_score(candidates: Candidates, rows: Ints, chosen: Sequence[Plan], apart_pct: Decimal) -> Ints:
    """The rows that differ from what is chosen, best for both sides first: what the borrower pays over
    the least of all rows, less what the lender gets of the most."""
    total, (value, off) = candidates.total[rows], candidates.value
    least, most = int(total.min()), float(value[rows].max())
    cost = total / least if least else np.zeros(len(rows))
    gain = value[rows] / most if most else np.zeros(len(rows))
    dear, best = float(np.abs(cost).max()), float(np.abs(gain).max())
    slack = SLACK * (dear + best) + (2 * off * (1 + best) / abs(most) if most else math.inf if off else 0.0)
    fresh = np.arange(len(rows))
    for plan in chosen:
        fresh = fresh[_differ(candidates, rows[fresh], plan, apart_pct)]

    @cache
    def highest() -> Decimal:
        near = rows[value[rows] >= most - 2 * off]
        return max(candidates.present_value(row) for row in near.tolist())

    def exactly(row: int) -> tuple[Decimal, int, int]:
        c = candidates[row]
        share = candidates.present_value(row) / highest() if highest() else 0
        return (Decimal(c.total) / least if least else Decimal(0)) - share, c.months, c.number

    return ordered(rows[fresh], (cost - gain)[fresh], slack, exactly)


def _differ(candidates: Candidates, rows: Ints, plan: Plan, pct: Decimal) -> Mask:
    """Which rows truly differ: first payment, duration or total is apart by ``pct`` per cent."""
    return _unlike(candidates, rows, Shown(plan.spec.instalments, plan.total, plan.first_payment), pct)


def _unlike(candidates: Candidates, rows: Ints, shown: Shown, pct: Decimal) -> Mask:
    found = np.zeros(len(rows), dtype=np.bool_)
    _apart(found, candidates.months[rows], shown.instalments, pct, lambda at: candidates[rows[at]].months)
    _apart(found, candidates.total[rows], shown.total.minor, pct, lambda at: candidates[rows[at]].total)
    _apart(found, candidates.starts[rows], shown.first.minor, pct, lambda at: candidates[rows[at]].first)
    return found


def _apart(
    found: Mask, amounts: Floats | Ints, other: int, pct: Decimal, exactly: Callable[[int], Decimal | int]
) -> None:
    """Note which amounts are apart from another by ``pct`` per cent of the larger one."""
    share = float(pct)
    gap, least = np.abs(amounts - other) * 100, np.maximum(amounts, other) * share
    wide = gap >= least
    close = np.abs(gap - least) <= SLACK * (100 + share) * (np.abs(amounts) + abs(other))
    for at in np.flatnonzero(close & ~found).tolist():
        a, b = Decimal(exactly(at)), Decimal(other)
        wide[at] = a != b and abs(a - b) * 100 >= pct * max(a, b)
    found |= wide


def _kinds_of(measures: Sequence[MeasureKind]) -> int:
    return sum({_KIND_OF[kind] for kind in measures if kind in _KIND_OF})


def ranked(plans: Sequence[Plan]) -> tuple[Plan, ...]:
    """Rank 1 is best for both sides together; each plan says which of them it is."""
    score = _scores(plans)
    in_order = sorted(plans, key=lambda plan: (score(plan), plan.last_due, plan.plan_id))
    return tuple(replace(plan, rank=at + 1) for at, plan in enumerate(titled(in_order)))


def titled(plans: Sequence[Plan]) -> tuple[Plan, ...]:
    """The plans in their order, each saying what it is of these: what was said of it among others is gone."""
    score, places = _scores(plans), range(len(plans))
    winners = {
        "lowest_total": min(places, key=lambda at: (plans[at].total.minor, plans[at].last_due)),
        "fastest": min(places, key=lambda at: (plans[at].last_due, plans[at].total.minor)),
        "lowest_instalment": min(places, key=lambda at: plans[at].peak.minor),
        "best_balance": min(places, key=lambda at: (score(plans[at]), plans[at].last_due, plans[at].plan_id)),
    }
    found = []
    for at, plan in enumerate(plans):
        won = tuple(_title(code, plan) for code, winner in winners.items() if winner == at)
        others = tuple(reason for reason in plan.reasons if reason.code not in winners)
        found.append(replace(plan, reasons=won + others))
    return tuple(found)


def _scores(plans: Sequence[Plan]) -> Callable[[Plan], Decimal]:
    """How good a plan is for both sides among these, the lowest best: its cost over the least, less its value
    over the most."""
    least = min(plan.total.minor for plan in plans)
    most = max(plan.npv.minor for plan in plans)

    def score(plan: Plan) -> Decimal:
        cost = Decimal(plan.total.minor) / least if least else Decimal(0)
        return cost - (Decimal(plan.npv.minor) / most if most > 0 else 0)

    return score


def _title(code: str, plan: Plan) -> Reason:
    if code == "lowest_total":
        return Reason.of(code, total=plan.total)
    if code == "fastest":
        return Reason.of(code, months=plan.spec.months)
    if code == "lowest_instalment":
        return Reason.of(code, payment=plan.peak)
    return Reason.of(code)


def _build(candidates: Candidates, row: int, search: Search) -> Plan | None:
    plan = search.build(candidates.spec(row))
    return plan if isinstance(plan, Plan) else None


def nearest_first(candidates: Candidates, monthly: Money | None, months: int | None) -> Ints:
    """Nearest first: by term where one is wished, then by what is conceded, then, of an amount a month that
    no instalment exceeds, by what is paid a month on average: who names one means every month of the plan."""
    apart = np.abs(candidates.months - months) if months is not None else 0
    lead = apart * (int(candidates.conceded.max(initial=0)) + 1) + candidates.conceded
    if monthly is None:
        return least_first(_TRIES, lead, candidates.total, candidates.months)
    rows = leading(lead, _TRIES)

    def exactly(row: int) -> tuple[Fraction, int, int]:
        c = candidates[row]
        return -Fraction(c.total, c.months), c.months, c.number

    average = candidates.total[rows] / candidates.months[rows]
    off = SLACK * float(np.abs(average).max(initial=0.0))
    return ordered(rows, -average, off, exactly, lead=lead[rows], count=_TRIES)


def lowest_first(candidates: Candidates) -> Ints:
    """The lowest peak instalment first, then what concedes least."""

    def exactly(row: int) -> tuple[Decimal, Decimal, int]:
        c = candidates[row]
        return c.peak, c.conceded_pct, c.number

    off = candidates.peak_off
    rows = leading(candidates.peak, _TRIES, 2 * off)
    return ordered(rows, candidates.peak[rows], off, exactly, count=_TRIES)


def first_that_stands(
    candidates: Candidates, rows: Ints, search: Search, most: Money | None = None
) -> Plan | None:
    """The first row that stands exactly, with no instalment above ``most``: rounding or the ceiling may take
    one that was screened."""
    some = (_build(candidates, row, search) for row in rows[:_TRIES].tolist())
    return next((plan for plan in some if plan is not None and (most is None or plan.peak <= most)), None)
