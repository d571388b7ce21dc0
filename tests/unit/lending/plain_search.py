"""The search over plans the plain way: one combination after the other, all in decimals.

Slow and easy to follow; what the search in arrays gives must be equal to it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import count, islice, pairwise
from typing import Any

from shared.lending.calendar import add_months
from shared.lending.money import Money
from shared.lending.plan_build import build_plan
from shared.lending.plan_candidates import Candidate
from shared.lending.plan_choice import ranked
from shared.lending.plan_grid import Waiver, discounts
from shared.lending.plan_model import (
    Counter,
    MeasureKind,
    Nearest,
    NoPlan,
    Plan,
    PlanLimits,
    PlanSpec,
    Reason,
    StepUp,
)
from shared.lending.plan_relief import no_plan
from shared.lending.plan_search import Search
from shared.lending.plans import (
    _after_a_holiday,
    _not_affordable,
    _too_short,
    _wished_due,
    _wished_months,
    answered,
)
from shared.lending.schedule import payment_factors

CLOSE, TRIES, ENOUGH = 6, 24, 3


def plain_plans(search: Search, first_due: date) -> tuple[Plan, ...] | None:
    """What `find_plans` gives; None where it finds nothing."""
    chosen = chosen_plans(search, plain_candidates(search, first_due), first_due)
    return ranked(chosen) if chosen else None


def plain_candidates(search: Search, first_due: date, wish: Money | None = None) -> list[Candidate]:
    """Every combination and term within policy and capacity (and `wish`, if given)."""
    caps, numbers = plain_caps(search, first_due, wish), count(1)
    return [
        candidate
        for waiver in search.waivers
        for cut, rates in search.cuts
        if search.allowed(cut, waiver.waived)
        for step in search.steps
        for candidate in plain_terms(search, waiver, cut, rates, step, first_due, caps, numbers)
    ]


def plain_caps(search: Search, first_due: date, wish: Money | None) -> list[int]:
    caps = []
    for k in range(search.limits.max_months):
        now, stress = search.capacity.at(add_months(first_due, k))
        caps.append((min(now, stress) if wish is None else min(now, stress, wish)).minor)
    return caps


def plain_smallest_peak(search: Search, first_due: date) -> Money:
    """What `Search.smallest_peak` gives."""
    caps = [10**18] * search.limits.max_months
    peaks = [
        candidate.peak
        for waiver in search.waivers
        for cut, rates in search.cuts
        if search.allowed(cut, waiver.waived)
        for candidate in plain_terms(search, waiver, cut, rates, None, first_due, caps, count(1))
    ]
    found = min(peaks, default=Decimal(search.balance.minor))
    return Money(int(found.to_integral_value(rounding="ROUND_CEILING")), search.limits.currency)


def plain_terms(
    search: Search,
    waiver: Waiver,
    cut: Decimal,
    rates: Sequence[Fraction],
    step: StepUp | None,
    first_due: date,
    caps: Sequence[int],
    numbers: Iterator[int],
) -> Iterator[Candidate]:
    limits, steady = search.limits, len(set(caps)) == 1
    interest_only = sum(
        (Decimal(p) * r.numerator / r.denominator for p, r in zip(waiver.principal, rates, strict=True)),
        Decimal(0),
    )
    pct, every = (step.pct, step.every_months) if step else (Decimal(0), 0)
    weights = payment_factors(Fraction(0), limits.max_months, pct, every)
    worth = [payment_factors(rate, limits.max_months, pct, every) for rate in rates]
    conceded = Decimal(waiver.waived.minor) * 100 / search.balance.minor + cut
    growth = 1 + pct / 100
    for n in range(1, limits.max_months + 1):
        first = Decimal(waiver.carried) / weights[n - 1][0]
        for principal, factors in zip(waiver.principal, worth, strict=True):
            first += principal / factors[n - 1][0]
        if n > 1 and first < limits.min_payment.minor:
            return  # payments only fall as the term grows
        if step and n <= every:
            continue  # too short to step
        peak = first * growth ** ((n - 1) // every) if step else first
        if steady and peak > caps[0]:
            continue
        for grace in search.graces:
            if grace and (n == 1 or n + grace > limits.max_months):
                continue  # nothing to wait for
            if grace and interest_only < max(limits.min_payment.minor, 1):
                continue  # no interest to pay meanwhile that is worth collecting
            if not steady and not fits(first, growth, n, every, grace, interest_only, caps):
                continue
            if grace and interest_only > caps[0]:
                continue
            spec = PlanSpec(n, first_due, grace, step, cut, waiver.pct)
            total = round(first * weights[n - 1][0] + grace * interest_only)
            starts = interest_only if grace else first
            yield Candidate(next(numbers), spec, starts, max(peak, starts), total, conceded)


def fits(
    first: Decimal,
    growth: Decimal,
    periods: int,
    every: int,
    grace: int,
    interest_only: Decimal,
    caps: Sequence[int],
) -> bool:
    """Whether every instalment fits a capacity that changes over time."""
    if grace and interest_only > min(caps[:grace]):
        return False
    level = first
    for start in range(0, periods, every or periods):
        end = min(start + (every or periods), periods)
        if level > min(caps[grace + start : grace + end]):
            return False
        level *= growth
    return True


def present_value(search: Search, candidate: Candidate) -> Decimal:
    """Present value of a candidate's payments at the lender's discount rate, in minor units."""
    spec = candidate.spec
    worth = discounts(search.limits.value.discount_pct, search.limits.max_months)
    if not spec.grace and spec.step is None:
        return candidate.first * worth[spec.periods]
    level = first_after_grace(candidate)
    value = candidate.first * worth[spec.grace]
    every = spec.step.every_months if spec.step else spec.periods
    growth = 1 + spec.step.pct / 100 if spec.step else Decimal(1)
    ends = [*range(0, spec.periods, every), spec.periods]
    for start, end in pairwise(ends):
        value += level * (worth[spec.grace + end] - worth[spec.grace + start])
        level *= growth
    return value


def first_after_grace(candidate: Candidate) -> Decimal:
    """The first payment after the grace."""
    spec = candidate.spec
    pct, every = (spec.step.pct, spec.step.every_months) if spec.step else (Decimal(0), 0)
    weight = payment_factors(Fraction(0), spec.periods, pct, every)[-1][0]
    return (candidate.total - spec.grace * candidate.first) / weight


def chosen_plans(search: Search, candidates: Sequence[Candidate], first_due: date) -> list[Plan]:
    """The plans to show: a settlement if one was offered, the cheapest, the fastest, then the best rest."""
    limits = search.limits
    chosen: list[Plan] = []
    spec = search.settlement(first_due)
    settled = build_plan(spec, search.debts, search.capacity, limits) if spec is not None else None
    if isinstance(settled, Plan):
        chosen.append(settled)
    fastest = sorted(candidates, key=lambda c: (c.months, c.total, c.conceded_pct, c.number))
    for plan in (cheapest(candidates, search), first_that_stands(fastest, search)):
        if plan is not None and all(plan.payments != other.payments for other in chosen):
            chosen.append(plan)
    apart, must = limits.min_difference_pct, len(chosen)
    fill(chosen, representatives(candidates, limits), limits.max_ranked, apart, search)
    # Where little room is left, plans half as far apart are still different enough to make three.
    fill(chosen, candidates, min(ENOUGH, limits.max_ranked), apart / 2, search)
    chosen = chosen[: limits.max_ranked]
    lighter = lightest(chosen, candidates, search)
    if lighter is None or must >= limits.max_ranked:
        return chosen
    if len(chosen) == limits.max_ranked:
        # What asks nobody for a favour stays, and the cheapest and the fastest do.
        favours = {"approval_needed", "below_npv_floor"}
        asking = [p for p in chosen[must:] if favours & {reason.code for reason in p.reasons}]
        gives_way = asking[-1] if asking else chosen[-1]
        chosen = [plan for plan in chosen if plan is not gives_way]
    return [*chosen, lighter]


def lightest(chosen: Sequence[Plan], candidates: Sequence[Candidate], search: Search) -> Plan | None:
    """Where all chosen plans ask more at first than the contracts, the best that never does."""
    payments = [debt.monthly_payment for debt in search.debts]
    if not payments or not all(payments) or not candidates:
        return None
    before = sum(payment.minor for payment in payments if payment is not None)
    if any(plan.reduction_pct is None or plan.reduction_pct > 0 for plan in chosen):
        return None
    some = [c for c in representatives(candidates, search.limits) if c.peak <= before]
    apart = search.limits.min_difference_pct
    some = [c for c in by_score(search, some) if all(differs(c, plan, apart) for plan in chosen)]
    return first_that_stands(some, search, Money(before, search.limits.currency))


def fill(
    chosen: list[Plan], candidates: Sequence[Candidate], wanted: int, apart_pct: Decimal, search: Search
) -> None:
    """Add the best of the candidates that differ from what is chosen, until enough are."""
    if len(chosen) >= wanted:
        return
    fresh = [c for c in by_score(search, candidates) if all(differs(c, p, apart_pct) for p in chosen)]
    tries = TRIES
    while fresh and len(chosen) < wanted and tries:
        tries -= 1
        # Other kinds of help before more of the same kind; within a kind, the best for both sides.
        seen = [kinds_of(plan.measures) for plan in chosen]
        best = min(range(len(fresh)), key=lambda index: (seen.count(kinds(fresh[index])), index))
        found = build(fresh.pop(best), search)
        if found is not None and all(found.payments != other.payments for other in chosen):
            chosen.append(found)
            fresh = [c for c in fresh if differs(c, found, apart_pct)]


def cheapest(candidates: Sequence[Candidate], search: Search) -> Plan | None:
    """The plan with the lowest total, exactly: those within rounding of the least are built and compared."""
    ordered = sorted(candidates, key=lambda c: (c.total, c.months, c.conceded_pct, c.number))
    first = first_that_stands(ordered, search)
    if first is None:
        return None
    close = [c for c in ordered[:CLOSE] if c.total <= first.total.minor + first.spec.months]
    built = [plan for c in close if (plan := build(c, search)) is not None]
    return min([first, *built], key=lambda plan: (plan.total.minor, plan.last_due, plan.waived.minor))


def representatives(candidates: Iterable[Candidate], limits: PlanLimits) -> list[Candidate]:
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


def by_score(search: Search, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Best for both sides first: what the borrower pays over the least, less what the lender gets."""
    if not candidates:
        return []
    values = {c.number: present_value(search, c) for c in candidates}
    least = min(c.total for c in candidates)
    most = max(values.values())

    def score(c: Candidate) -> Decimal:
        return (Decimal(c.total) / least if least else Decimal(0)) - (values[c.number] / most if most else 0)

    return sorted(candidates, key=lambda c: (score(c), c.months, c.number))


def differs(candidate: Candidate, plan: Plan, pct: Decimal) -> bool:
    """Truly different: first payment, duration or total is apart by ``pct`` per cent."""
    pairs = (
        (candidate.first, Decimal(plan.first_payment.minor)),
        (Decimal(candidate.months), Decimal(plan.spec.months)),
        (Decimal(candidate.total), Decimal(plan.total.minor)),
    )
    return any(abs(a - b) * 100 >= pct * max(a, b) for a, b in pairs if a != b)


def kinds(candidate: Candidate) -> frozenset[str]:
    spec = candidate.spec
    parts = {
        "step": spec.step is not None,
        "grace": spec.grace > 0,
        "rate": spec.rate_cut_pct > 0,
        "waiver": bool(spec.waived_pct),
    }
    return frozenset(name for name, used in parts.items() if used)


def kinds_of(measures: Sequence[MeasureKind]) -> frozenset[str]:
    names = {
        MeasureKind.STEP_UP: "step",
        MeasureKind.GRACE: "grace",
        MeasureKind.RATE_CUT: "rate",
        MeasureKind.LATE_CHARGE_WAIVER: "waiver",
        MeasureKind.INTEREST_WAIVER: "waiver",
        MeasureKind.FEE_WAIVER: "waiver",
        MeasureKind.PART_FORGIVENESS: "waiver",
    }
    return frozenset(names[kind] for kind in measures if kind in names)


def build(candidate: Candidate, search: Search) -> Plan | None:
    plan = build_plan(candidate.spec, search.debts, search.capacity, search.limits)
    return plan if isinstance(plan, Plan) else None


def first_that_stands(
    candidates: Iterable[Candidate], search: Search, most: Money | None = None
) -> Plan | None:
    """The first candidate that stands exactly: rounding or the ceiling may take one that was screened."""
    plans = (plan for c in islice(candidates, TRIES) if (plan := build(c, search)) is not None)
    return next((plan for plan in plans if most is None or plan.peak <= most), None)


def plain_nearest(counter: Counter, search: Search, first_due: date) -> Nearest | NoPlan:
    """What `nearest` gives."""
    debts, capacity, limits = search.debts, search.capacity, search.limits
    changes: list[Reason] = []
    due = _wished_due(counter, first_due, limits, changes)
    if counter.lump_sum is not None:
        settled = Search(debts, replace(capacity, lump_sum=counter.lump_sum), limits)
        spec = settled.settlement(due)
        made = build_plan(spec, debts, settled.capacity, limits) if spec is not None else None
        if isinstance(made, Plan):
            return answered(made, changes)
        least = settled.least_settlement()
        changes.append(Reason.of("settlement_too_low", wished=counter.lump_sum, needed=least))
    months = _wished_months(counter, search.longest, changes)
    within = nearest_of(plain_candidates(search, due, counter.monthly), counter.monthly, months)
    plan = first_that_stands(within, search, counter.monthly)
    if plan is None and counter.monthly is not None:
        # Nothing is as low as the wish: the smallest instalment that is allowed comes nearest.
        above = sorted(plain_candidates(search, due), key=lambda c: (c.peak, c.conceded_pct, c.number))
        plan = first_that_stands(above, search)
        if plan is not None and plan.peak > counter.monthly:
            changes.append(Reason.of("counter_too_low", wished=counter.monthly, needed=plan.peak))
    if plan is None:
        waited = _after_a_holiday(search, due)
        if not waited:
            return no_plan(search, due, search.candidates(due))
        plan = ranked(waited)[0]
        changes.append(Reason.of("starts_after_holiday", months=plan.spec.holiday))
        if counter.monthly is not None and plan.peak > counter.monthly:
            changes.append(Reason.of("counter_too_low", wished=counter.monthly, needed=plan.peak))
    affordable = min(capacity.at(due))
    in_time = plan.spec.months == (months or 1)
    if counter.monthly is not None and counter.monthly > affordable and not in_time:
        changes.append(_not_affordable(affordable))
    elif months is not None and plan.spec.months > months:
        # In the wished time the instalments would be larger: than is affordable, or than is wished.
        changes.append(_too_short(counter.monthly, months, plan) or _not_affordable(affordable))
    elif months is not None and plan.spec.months < months:
        changes = [reason for reason in changes if reason.code != "above_max_term"]
        changes.append(Reason.of("counter_too_long", months=counter.months, limit=plan.spec.months))
    return answered(plan, changes)


def nearest_of(candidates: Iterable[Candidate], monthly: Money | None, months: int | None) -> list[Candidate]:
    """Nearest first: by term where one is wished, then by what is conceded, then by how far what is paid a
    month on average is below the wished amount."""

    def distance(c: Candidate) -> tuple[Any, ...]:
        apart = abs(c.months - months) if months is not None else 0
        below = monthly.minor - Fraction(c.total, c.months) if monthly is not None else c.total
        return (apart, c.conceded_pct, below, c.months, c.number)

    return sorted(candidates, key=distance)
