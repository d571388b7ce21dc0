"""Which of the plans that fit are shown, and in what order: the cheapest, the fastest, and the best others
that truly differ, ranked for both sides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import islice

from shared.lending.plan_build import build_plan
from shared.lending.plan_model import MeasureKind, Plan, PlanLimits, Reason
from shared.lending.plan_search import Candidate, Search

# How many candidates of nearly the same total are compared exactly.
_CLOSE = 6
# How many are built before giving up: what stops so many in a row (a rate ceiling that past payments have
# reached) stops them all.
_TRIES = 24
# A borrower has a choice from three plans on.
_ENOUGH = 3


def chosen_plans(search: Search, candidates: Sequence[Candidate], first_due: date) -> list[Plan]:
    """The plans to show: a settlement if one was offered, the cheapest, the fastest, then the best rest."""
    limits = search.limits
    chosen: list[Plan] = []
    spec = search.settlement(first_due)
    settled = build_plan(spec, search.debts, search.capacity, limits) if spec is not None else None
    if isinstance(settled, Plan):
        chosen.append(settled)
    fastest = sorted(candidates, key=lambda c: (c.months, c.total, c.conceded_pct, c.number))
    for plan in (_cheapest(candidates, search), first_that_stands(fastest, search)):
        if plan is not None and all(plan.spec != other.spec for other in chosen):
            chosen.append(plan)
    apart = limits.min_difference_pct
    _fill(chosen, _representatives(candidates, limits), limits.max_ranked, apart, search)
    # Where little room is left, plans half as far apart are still different enough to make three.
    _fill(chosen, candidates, min(_ENOUGH, limits.max_ranked), apart / 2, search)
    return chosen[: limits.max_ranked]


def _fill(
    chosen: list[Plan], candidates: Sequence[Candidate], wanted: int, apart_pct: Decimal, search: Search
) -> None:
    """Add the best of the candidates that differ from what is chosen, until enough are."""
    if len(chosen) >= wanted:
        return
    fresh = [c for c in _by_score(search, candidates) if all(_differs(c, p, apart_pct) for p in chosen)]
    tries = _TRIES
    while fresh and len(chosen) < wanted and tries:
        tries -= 1
        # Other kinds of help before more of the same kind; within a kind, the best for both sides.
        seen = [_kinds_of(plan.measures) for plan in chosen]
        best = min(range(len(fresh)), key=lambda index: (seen.count(_kinds(fresh[index])), index))
        found = _build(fresh.pop(best), search)
        if found is not None:
            chosen.append(found)
            fresh = [c for c in fresh if _differs(c, found, apart_pct)]


def _cheapest(candidates: Sequence[Candidate], search: Search) -> Plan | None:
    """The plan with the lowest total, exactly: those within rounding of the least are built and compared."""
    ordered = sorted(candidates, key=lambda c: (c.total, c.months, c.conceded_pct, c.number))
    first = first_that_stands(ordered, search)
    if first is None:
        return None
    close = [c for c in ordered[:_CLOSE] if c.total <= first.total.minor + first.spec.months]
    built = [plan for c in close if (plan := _build(c, search)) is not None]
    return min([first, *built], key=lambda plan: (plan.total.minor, plan.last_due, plan.waived.minor))


def _representatives(candidates: Iterable[Candidate], limits: PlanLimits) -> list[Candidate]:
    """Of each combination the shortest and longest term that fit, and the terms the policy offers."""
    groups: dict[tuple[object, ...], list[Candidate]] = {}
    for c in candidates:
        spec = c.spec
        groups.setdefault((spec.grace, spec.step, spec.rate_cut_pct, spec.waived_pct), []).append(c)
    found = []
    for group in groups.values():
        ends = {group[0].months, group[-1].months}
        found += [c for c in group if c.months in ends or c.months in limits.terms_months]
    return found


def _by_score(search: Search, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Best for both sides first: what the borrower pays over the least, less what the lender gets."""
    if not candidates:
        return []
    values = {c.number: search.present_value(c) for c in candidates}
    least = min(c.total for c in candidates)
    most = max(values.values())

    def score(c: Candidate) -> Decimal:
        return (Decimal(c.total) / least if least else Decimal(0)) - (values[c.number] / most if most else 0)

    return sorted(candidates, key=lambda c: (score(c), c.months, c.number))


def _differs(candidate: Candidate, plan: Plan, pct: Decimal) -> bool:
    """Truly different: first payment, duration or total is apart by ``pct`` per cent."""
    pairs = (
        (candidate.first, Decimal(plan.first_payment.minor)),
        (Decimal(candidate.months), Decimal(plan.spec.months)),
        (Decimal(candidate.total), Decimal(plan.total.minor)),
    )
    return any(abs(a - b) * 100 >= pct * max(a, b) for a, b in pairs if a != b)


def _kinds(candidate: Candidate) -> frozenset[str]:
    spec = candidate.spec
    parts = {
        "step": spec.step is not None,
        "grace": spec.grace > 0,
        "rate": spec.rate_cut_pct > 0,
        "waiver": bool(spec.waived_pct),
    }
    return frozenset(name for name, used in parts.items() if used)


def _kinds_of(measures: Sequence[MeasureKind]) -> frozenset[str]:
    names = {
        MeasureKind.STEP_UP: "step",
        MeasureKind.GRACE: "grace",
        MeasureKind.RATE_CUT: "rate",
        MeasureKind.LATE_CHARGE_WAIVER: "waiver",
        MeasureKind.INTEREST_WAIVER: "waiver",
        MeasureKind.FEE_WAIVER: "waiver",
    }
    return frozenset(names[kind] for kind in measures if kind in names)


def ranked(plans: Sequence[Plan]) -> tuple[Plan, ...]:
    """Rank 1 is best for both sides together; each plan says which of them it is."""
    least = min(plan.total.minor for plan in plans)
    most = max(plan.npv.minor for plan in plans)

    def score(plan: Plan) -> Decimal:
        cost = Decimal(plan.total.minor) / least if least else Decimal(0)
        return cost - (Decimal(plan.npv.minor) / most if most > 0 else 0)

    ordered = sorted(plans, key=lambda plan: (score(plan), plan.last_due, plan.plan_id))
    titles = {
        "lowest_total": min(ordered, key=lambda plan: (plan.total.minor, plan.last_due)),
        "fastest": min(ordered, key=lambda plan: (plan.last_due, plan.total.minor)),
        "lowest_instalment": min(ordered, key=lambda plan: plan.peak.minor),
        "best_balance": ordered[0],
    }
    ranked = []
    for rank, plan in enumerate(ordered, start=1):
        won = tuple(_title(code, plan) for code, winner in titles.items() if winner is plan)
        ranked.append(replace(plan, rank=rank, reasons=won + plan.reasons))
    return tuple(ranked)


def _title(code: str, plan: Plan) -> Reason:
    if code == "lowest_total":
        return Reason.of(code, total=plan.total)
    if code == "fastest":
        return Reason.of(code, months=plan.spec.months)
    if code == "lowest_instalment":
        return Reason.of(code, payment=plan.peak)
    return Reason.of(code)


def _build(candidate: Candidate, search: Search) -> Plan | None:
    plan = build_plan(candidate.spec, search.debts, search.capacity, search.limits)
    return plan if isinstance(plan, Plan) else None


def first_that_stands(candidates: Iterable[Candidate], search: Search) -> Plan | None:
    """The first candidate that stands exactly: rounding or the ceiling may take one that was screened."""
    some = islice(candidates, _TRIES)
    return next((plan for c in some if (plan := _build(c, search)) is not None), None)
