"""The search over plans: which combinations of measures a borrower can afford, today and under stress, and
the policy allows; ranked for both sides. Deterministic and pure.

``find_plans`` gives up to ``limits.max_ranked`` truly different plans, the cheapest (lowest total) and the
fastest (earliest last payment) always among them; ``nearest`` answers a wish; ``build_plan`` computes
one plan again on other balances.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice

from shared.lending.money import Money
from shared.lending.plan_build import build_plan, schedule_of, schedule_terms
from shared.lending.plan_model import (
    Capacity,
    CapacityStep,
    Counter,
    DebtPlan,
    DebtTerms,
    DueTotal,
    MeasureKind,
    Nearest,
    NextStep,
    NoPlan,
    Plan,
    PlanLimits,
    PlanSpec,
    Reason,
)
from shared.lending.plan_search import Candidate, Search

__all__ = [
    "Capacity",
    "CapacityStep",
    "Counter",
    "DebtPlan",
    "DebtTerms",
    "DueTotal",
    "MeasureKind",
    "Nearest",
    "NextStep",
    "NoPlan",
    "Plan",
    "PlanLimits",
    "PlanSpec",
    "Reason",
    "build_plan",
    "find_plans",
    "nearest",
    "schedule_of",
    "schedule_terms",
]

# How many candidates of nearly the same total are compared exactly.
_CLOSE = 6
# How many are built before giving up: what stops so many in a row (a rate ceiling that past payments have
# reached) stops them all.
_TRIES = 24
# A borrower has a choice from three plans on.
_ENOUGH = 3


def find_plans(
    debts: Sequence[DebtTerms],
    capacity: Capacity,
    first_due: date,
    limits: PlanLimits,
    authority: str | None = None,
) -> tuple[Plan, ...] | NoPlan:
    """Ranked plans over all debts, rank 1 first, or why there is none and what happens next.

    ``authority`` names a role of ``limits.authority``: only what that role may grant is searched (a plan
    below the value floor still needs approval). ValueError for an unknown role.
    """
    refused = _untestable(debts, capacity, limits)
    if refused is not None:
        return refused
    search = Search(debts, capacity, limits, tier=_tier(authority, limits))
    candidates = list(search.candidates(first_due))
    chosen = _chosen(search, candidates, first_due)
    if not chosen:
        return _no_plan(search, first_due, candidates)
    return _ranked(chosen)


def nearest(
    counter: Counter,
    debts: Sequence[DebtTerms],
    capacity: Capacity,
    first_due: date,
    limits: PlanLimits,
) -> Nearest | NoPlan:
    """The allowed plan nearest to a wish, and what would have to change for the wish itself.

    ``first_due`` is the earliest first due date; a wished later one is granted up to
    ``limits.first_due_max_days`` after it. Of plans equally near, the one that concedes least.
    """
    refused = _untestable(debts, capacity, limits)
    if refused is not None:
        return refused
    changes: list[Reason] = []
    due = _wished_due(counter, first_due, limits, changes)
    if counter.lump_sum is not None:
        settled = Search(debts, replace(capacity, lump_sum=counter.lump_sum), limits)
        spec = settled.settlement(due)
        made = build_plan(spec, debts, settled.capacity, limits) if spec is not None else None
        if isinstance(made, Plan):
            return _answer(made, changes)
        least = settled.least_settlement()
        changes.append(Reason.of("counter_too_low", wished=counter.lump_sum, needed=least))
    months = _wished_months(counter, limits, changes)
    search = Search(debts, capacity, limits)
    within = _nearest_of(search.candidates(due, wish=counter.monthly), counter.monthly, months)
    plan = _first_that_stands(within, search)
    if plan is None and counter.monthly is not None:
        # Nothing is as low as the wish: the smallest instalment that is allowed comes nearest.
        above = sorted(search.candidates(due), key=lambda c: (c.peak, c.conceded_pct, c.number))
        plan = _first_that_stands(above, search)
        if plan is not None:
            changes.append(Reason.of("counter_too_low", wished=counter.monthly, needed=plan.peak))
    if plan is None:
        return _no_plan(search, due, list(search.candidates(due)))
    affordable = min(capacity.at(due))
    if counter.monthly is not None and counter.monthly > affordable:
        changes.append(_not_affordable(affordable))
    elif months is not None and plan.spec.months > months:
        changes.append(_not_affordable(affordable))  # in the wished time the instalments would be larger
    elif months is not None and plan.spec.months < months:
        changes.append(Reason.of("counter_too_long", months=months, limit=plan.spec.months))
    return _answer(plan, changes)


# -- choosing and ranking -----------------------------------------------------------------------------


def _chosen(search: Search, candidates: Sequence[Candidate], first_due: date) -> list[Plan]:
    """The plans to show: a settlement if one was offered, the cheapest, the fastest, then the best rest."""
    limits = search.limits
    chosen: list[Plan] = []
    spec = search.settlement(first_due)
    settled = build_plan(spec, search.debts, search.capacity, limits) if spec is not None else None
    if isinstance(settled, Plan):
        chosen.append(settled)
    fastest = sorted(candidates, key=lambda c: (c.months, c.total, c.conceded_pct, c.number))
    for plan in (_cheapest(candidates, search), _first_that_stands(fastest, search)):
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
    first = _first_that_stands(ordered, search)
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


def _ranked(plans: Sequence[Plan]) -> tuple[Plan, ...]:
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


def _first_that_stands(candidates: Iterable[Candidate], search: Search) -> Plan | None:
    """The first candidate that stands exactly: rounding or the ceiling may take one that was screened."""
    some = islice(candidates, _TRIES)
    return next((plan for c in some if (plan := _build(c, search)) is not None), None)


# -- wishes -------------------------------------------------------------------------------------------


def _wished_due(counter: Counter, first_due: date, limits: PlanLimits, changes: list[Reason]) -> date:
    latest = first_due + timedelta(days=limits.first_due_max_days)
    wished = counter.first_due or first_due
    if wished > latest:
        changes.append(Reason.of("counter_too_late", wished=wished, limit=latest))
    return min(max(wished, first_due), latest)


def _wished_months(counter: Counter, limits: PlanLimits, changes: list[Reason]) -> int | None:
    if counter.months is None:
        return None
    if counter.months > limits.max_months:
        changes.append(Reason.of("above_max_term", months=counter.months, limit=limits.max_months))
    return max(1, min(counter.months, limits.max_months))


def _nearest_of(
    candidates: Iterable[Candidate], monthly: Money | None, months: int | None
) -> list[Candidate]:
    """Nearest first: by term where one is wished, then by how far below the wished amount, then by what
    is conceded."""

    def distance(c: Candidate) -> tuple[object, ...]:
        apart = abs(c.months - months) if months is not None else 0
        below = monthly.minor - c.peak if monthly is not None else c.total
        return (apart, c.conceded_pct, below, c.months, c.number)

    return sorted(candidates, key=distance)


def _not_affordable(affordable: Money) -> Reason:
    return Reason.of("counter_not_affordable", available=affordable)


def _answer(plan: Plan, changes: Sequence[Reason]) -> Nearest:
    """Granted means: nothing of the wish had to change."""
    granted = not changes
    code = "counter_granted" if granted else "counter_nearest"
    first = Reason.of(code, monthly=plan.peak, months=plan.spec.months)
    return Nearest(replace(plan, rank=1), granted, (first, *changes))


# -- where nothing fits -------------------------------------------------------------------------------


def _tier(authority: str | None, limits: PlanLimits) -> int | None:
    if authority is None:
        return None
    roles = [tier.role for tier in limits.authority]
    if authority not in roles:
        raise ValueError(f"the policy knows no role {authority!r}")
    return roles.index(authority)


def _untestable(debts: Sequence[DebtTerms], capacity: Capacity, limits: PlanLimits) -> NoPlan | None:
    """What a person must look at: nothing owed, or several currencies (they are never netted)."""
    owed = [debt for debt in debts if debt.outstanding.total.is_positive]
    if not owed:
        return NoPlan(Reason.of("account_cured"), NextStep.HUMAN_REVIEW)
    currencies = {debt.currency for debt in owed} | {capacity.now.currency, capacity.stress.currency}
    if currencies != {limits.currency}:
        given = ", ".join(sorted(currencies - {limits.currency}))
        reason = Reason.of("currency_mismatch", given=given, expected=limits.currency)
        return NoPlan(reason, NextStep.HUMAN_REVIEW)
    return None


def _no_plan(search: Search, first_due: date, candidates: Sequence[Candidate]) -> NoPlan:
    """Why there is none, and the humane next step: a token payment where one is possible, else help.

    ``candidates`` fitted before they were built: what stopped the first of them is for a person to see.
    """
    if candidates:
        refused = build_plan(candidates[0].spec, search.debts, search.capacity, search.limits)
        if isinstance(refused, Reason):
            return NoPlan(refused, NextStep.HUMAN_REVIEW)
    now, stress = search.capacity.at(first_due)
    if not now.is_positive:
        hope = any(step.now.is_positive for step in search.capacity.later)
        step = NextStep.SUPPORT_GROUP if hope else NextStep.DEBT_ADVICE
        return NoPlan(Reason.of("no_residual_income"), step)
    needed = search.smallest_peak(first_due)
    if needed > now:
        reason = Reason.of("not_affordable", payment=needed, available=now)
    else:
        reason = Reason.of("not_affordable_under_stress", payment=needed, available=stress)
    token = search.limits.token_payment
    if token.is_positive and token <= now:
        return NoPlan(reason, NextStep.TOKEN_PLAN, token)
    return NoPlan(reason, NextStep.DEBT_ADVICE)
