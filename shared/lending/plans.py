"""The search over plans: which combinations of measures a borrower can afford, today and under stress, and
the policy allows; ranked for both sides. Deterministic and pure.

``find_plans`` gives up to ``limits.max_ranked`` truly different plans, the cheapest (lowest total) and the
fastest (earliest last payment) always among them; ``nearest`` answers a wish; ``build_plan`` computes
one plan again on other balances.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import product

from shared.lending.calendar import add_months
from shared.lending.money import Money
from shared.lending.plan_build import build_plan, schedule_of, schedule_terms
from shared.lending.plan_choice import (
    chosen_plans,
    first_that_stands,
    lowest_first,
    nearest_first,
    not_refused,
    ranked,
    stands_after,
    titled,
    without,
)
from shared.lending.plan_longer import longer_plans, with_longer
from shared.lending.plan_model import (
    Capacity,
    CapacityStep,
    CeilingTest,
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
    Refused,
    Shown,
)
from shared.lending.plan_relief import no_plan
from shared.lending.plan_search import Search, Season

__all__ = [
    "Capacity",
    "CapacityStep",
    "CeilingTest",
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
    "Refused",
    "Shown",
    "answered",
    "build_plan",
    "count_candidates",
    "find_and_answer",
    "find_plans",
    "least_settlement",
    "nearest",
    "schedule_of",
    "schedule_terms",
    "search_for",
    "titled",
]

_NOTHING = Refused()


def find_plans(
    debts: Sequence[DebtTerms],
    capacity: Capacity,
    first_due: date,
    limits: PlanLimits,
    authority: str | None = None,
    refused: Refused = _NOTHING,
) -> tuple[Plan, ...] | NoPlan:
    """Ranked plans over all debts, rank 1 first, or why there is none and what happens next.

    Those that the borrower has ``refused`` are left out, with all that are like them.

    ``authority`` names a role of ``limits.authority``: only what that role may grant is searched (a plan
    below the value floor still needs approval). ValueError for an unknown role.
    """
    untestable = _untestable(debts, capacity, limits)
    if untestable is not None:
        return untestable
    search = search_for(debts, capacity, first_due, limits, _tier(authority, limits))
    return _found(search, first_due, refused)


def search_for(
    debts: Sequence[DebtTerms],
    capacity: Capacity,
    first_due: date,
    limits: PlanLimits,
    tier: int | None = None,
) -> Search:
    """The search of a case: principal is forgiven only where nothing else would be affordable."""
    search = Search(debts, capacity, limits, tier=tier)
    if limits.max_forgiven_pct <= 0 or len(search.candidates(first_due)) or longer_plans(search, first_due):
        return search
    return search.after(forgive=True)


def count_candidates(
    debts: Sequence[DebtTerms],
    capacity: Capacity,
    first_due: date,
    limits: PlanLimits,
    authority: str | None = None,
) -> int:
    """How many combinations of measures and terms are affordable and allowed."""
    if _untestable(debts, capacity, limits) is not None:
        return 0
    search = search_for(debts, capacity, first_due, limits, _tier(authority, limits))
    return len(search.candidates(first_due))


def nearest(
    counter: Counter,
    debts: Sequence[DebtTerms],
    capacity: Capacity,
    first_due: date,
    limits: PlanLimits,
    authority: str | None = None,
) -> Nearest | NoPlan:
    """The allowed plan nearest to a wish, and what would have to change for the wish itself.

    ``first_due`` is the earliest first due date; a wished later one is granted up to
    ``limits.first_due_max_days`` after it. Of plans equally near, the one that concedes least.
    """
    return _untestable(debts, capacity, limits) or _nearest(
        counter, search_for(debts, capacity, first_due, limits, _tier(authority, limits)), first_due
    )


def least_settlement(
    debts: Sequence[DebtTerms], capacity: Capacity, first_due: date, limits: PlanLimits
) -> Money | None:
    """The smallest single payment that would settle all; None for what a person must look at."""
    if _untestable(debts, capacity, limits) is not None:
        return None
    return search_for(debts, capacity, first_due, limits).least_settlement()


def find_and_answer(
    counter: Counter,
    debts: Sequence[DebtTerms],
    capacity: Capacity,
    first_due: date,
    limits: PlanLimits,
    authority: str | None = None,
) -> tuple[tuple[Plan, ...] | NoPlan, Nearest | NoPlan]:
    """What ``find_plans`` and ``nearest`` give, of one search."""
    refused = _untestable(debts, capacity, limits)
    if refused is not None:
        return refused, refused
    search = search_for(debts, capacity, first_due, limits, _tier(authority, limits))
    return _found(search, first_due), _nearest(counter, search, first_due)


def _found(search: Search, first_due: date, refused: Refused = _NOTHING) -> tuple[Plan, ...] | NoPlan:
    chosen = _chosen(search, first_due, refused)
    if not chosen and not (refused and _chosen(search, first_due)):
        chosen = _after_a_holiday(search, first_due, refused) or _in_season(search, first_due, refused)
    if chosen:
        return ranked(chosen)
    if refused and not isinstance(_found(search, first_due), NoPlan):
        return NoPlan(Reason.of("nothing_else_fits"), NextStep.HUMAN_REVIEW)
    return no_plan(search, first_due, search.candidates(first_due))


def _chosen(search: Search, first_due: date, refused: Refused = _NOTHING) -> list[Plan]:
    """The plans to show, those included in which some debts run longer than others may."""
    pct, most = search.limits.min_difference_pct, refused.most
    candidates = not_refused(search.candidates(first_due, wish=most), refused, pct)
    # Months that are left out are the same for all debts, and so is the term.
    wider = longer_plans(search, first_due, wish=most) if search.season is None else []
    longer = [plan for plan in wider if stands_after(plan, refused, pct)]
    chosen = chosen_plans(search, candidates, first_due)
    # What was screened before rounding is looked at to the cent; what is like a refused one after all goes.
    while alike := {
        replace(plan.spec, holiday=0, skips=()) for plan in chosen if not stands_after(plan, refused, pct)
    }:
        before, candidates = len(candidates), without(candidates, alike)
        if len(candidates) == before:  # only a settlement, which no candidate is
            chosen = [plan for plan in chosen if stands_after(plan, refused, pct)]
            break
        chosen = chosen_plans(search, candidates, first_due)
    return with_longer(chosen, longer, search)


def _after_a_holiday(search: Search, first_due: date, refused: Refused = _NOTHING) -> list[Plan]:
    """Plans that start when more can be paid, after the shortest holiday that makes one possible.

    A holiday only waits: where nothing is expected to change, it leads nowhere.
    """
    if not search.capacity.later:
        return []
    holidays = [months for months in search.limits.holiday_months if 0 < months < search.limits.max_months]
    forgiving = (False, True) if search.limits.max_forgiven_pct > 0 else (False,)
    for forgive, months in product(forgiving, sorted(holidays)):
        later = search.after(months, forgive=forgive)
        due = add_months(first_due, months)
        chosen = _chosen(later, due, refused)
        if chosen:
            return chosen
    return []


def _in_season(search: Search, first_due: date, refused: Refused = _NOTHING) -> list[Plan]:
    """Plans that leave out the months of a year in which nothing can be paid, where there are such months.

    The year from the first due date shows which they are; a plan begins with the first of the others.
    """
    days = [add_months(first_due, k) for k in range(12)]
    least = search.limits.min_payment
    able = [min(search.capacity.at(day)) >= least for day in days]
    skips = tuple(sorted(day.month for day, fits in zip(days, able, strict=True) if not fits))
    if not 0 < len(skips) <= search.limits.season_months or not search.capacity.later:
        return []
    wait = able.index(True)
    for forgive in (False, True) if search.limits.max_forgiven_pct > 0 else (False,):
        season = search.after(wait, forgive=forgive, season=Season(skips, days[wait]))
        if season.limits.max_months > 0 and (chosen := _chosen(season, days[wait], refused)):
            return chosen
    return []


def _nearest(counter: Counter, search: Search, first_due: date) -> Nearest | NoPlan:
    limits, capacity = search.limits, search.capacity
    changes: list[Reason] = []
    due = _wished_due(counter, first_due, limits, changes)
    if counter.lump_sum is not None:
        settled = Search(search.debts, replace(capacity, lump_sum=counter.lump_sum), limits, tier=search.tier)
        spec = settled.settlement(due)
        made = settled.build(spec) if spec is not None else None
        if isinstance(made, Plan):
            return answered(made, changes)
        least = settled.least_settlement()
        changes.append(Reason.of("settlement_too_low", wished=counter.lump_sum, needed=least))
    months = _wished_months(counter, search.longest, changes)
    within = search.candidates(due, wish=counter.monthly)
    plan = first_that_stands(within, nearest_first(within, counter.monthly, months), search, counter.monthly)
    if plan is None or (months is not None and months > plan.spec.months):
        longer = longer_plans(search, due, wish=counter.monthly, months=months)
        if counter.monthly is not None:  # screened before rounding
            longer = [one for one in longer if one.peak <= counter.monthly]
        plan = min((*filter(None, [plan]), *longer), key=lambda one: _far(one, months), default=None)
    if plan is None and counter.monthly is not None:
        everything = search.candidates(due)
        # Nothing is as low as the wish: the smallest instalment that is allowed comes nearest.
        lowest = first_that_stands(everything, lowest_first(everything), search)
        every = (*filter(None, [lowest]), *longer_plans(search, due))
        plan = min(every, key=lambda one: one.peak.minor, default=None)
        if plan is not None and plan.peak > counter.monthly:
            changes.append(Reason.of("counter_too_low", wished=counter.monthly, needed=plan.peak))
    if plan is None:
        waited = _after_a_holiday(search, due) or _in_season(search, due)
        if not waited:
            return no_plan(search, due, search.candidates(due))
        plan = ranked(waited)[0]
        if plan.spec.holiday:
            changes.append(Reason.of("starts_after_holiday", months=plan.spec.holiday))
        if counter.monthly is not None and plan.peak > counter.monthly:
            changes.append(Reason.of("counter_too_low", wished=counter.monthly, needed=plan.peak))
    affordable = min(capacity.at(due))
    # More than can be afforded changes nothing where the wished time, or the shortest there is, needs less.
    in_time = plan.spec.months == (months or 1)
    if counter.monthly is not None and counter.monthly > affordable and not in_time:
        changes.append(_not_affordable(affordable))
    elif months is not None and plan.spec.months > months:
        # In the wished time the instalments would be larger: than is affordable, or than is wished.
        changes.append(_too_short(counter.monthly, months, plan) or _not_affordable(affordable))
    elif months is not None and plan.spec.months < months:
        # Two limits on one wish would contradict each other: the lower one is what counts.
        changes = [reason for reason in changes if reason.code != "above_max_term"]
        changes.append(Reason.of("counter_too_long", months=counter.months, limit=plan.spec.months))
    return answered(plan, changes)


# -- wishes -------------------------------------------------------------------------------------------


def _wished_due(counter: Counter, first_due: date, limits: PlanLimits, changes: list[Reason]) -> date:
    latest = first_due + timedelta(days=limits.first_due_max_days)
    wished = counter.first_due or first_due
    if wished > latest:
        changes.append(Reason.of("counter_too_late", wished=wished, limit=latest))
    elif wished < first_due:
        changes.append(Reason.of("counter_too_early", wished=wished, limit=first_due))
    return min(max(wished, first_due), latest)


def _far(plan: Plan, months: int | None) -> tuple[int, int, Decimal, int]:
    """How far a plan is from a wished term, then what it concedes, then what it costs."""
    apart = abs(plan.spec.months - months) if months is not None else 0
    return apart, plan.waived.minor, plan.spec.rate_cut_pct, plan.total.minor


def _wished_months(counter: Counter, longest: int, changes: list[Reason]) -> int | None:
    if counter.months is None:
        return None
    if counter.months > longest:
        changes.append(Reason.of("above_max_term", months=counter.months, limit=longest))
    return max(1, min(counter.months, longest))


def _not_affordable(affordable: Money) -> Reason:
    return Reason.of("counter_not_affordable", available=affordable)


def _too_short(monthly: Money | None, months: int, plan: Plan) -> Reason | None:
    if monthly is None:
        return None
    return Reason.of("counter_too_short", wished=monthly, months=months, needed=plan.spec.months)


def answered(plan: Plan, changes: Sequence[Reason]) -> Nearest:
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
