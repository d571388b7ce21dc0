"""Screening every combination of measures: what each would cost, and whether it fits.

The payment of a plan is additive: per debt ``principal / worth(rate, steps, n)`` plus the carried balances
over n. So one table per rate and step gives the payment of every combination with a handful of
decimal operations, all terms of all combinations included; only the few that are chosen are then built
exactly (:mod:`shared.lending.plan_build`). Amounts here are minor units before rounding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cached_property, lru_cache
from itertools import pairwise

from shared.lending.allocation import Component
from shared.lending.calendar import add_months
from shared.lending.money import Money
from shared.lending.plan_build import allows, rate_of, waived_of
from shared.lending.plan_model import (
    WAIVER_OF,
    Capacity,
    DebtTerms,
    MeasureKind,
    PlanLimits,
    PlanSpec,
    StepUp,
)
from shared.lending.plan_value import authority_for
from shared.lending.rates import discount
from shared.lending.schedule import payment_factors, period_rate

# Shares of a waiver's cap that are tried: none, half, all of it.
_HALF = Decimal("0.5")


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


@dataclass(frozen=True, slots=True)
class _Waiver:
    """One level of waivers and what is left to carry under it."""

    pct: tuple[tuple[Component, Decimal], ...]
    waived: Money
    principal: tuple[int, ...]
    carried: int


@lru_cache(maxsize=4096)
def _discounts(annual_pct: Decimal, months: int) -> tuple[Decimal, ...]:
    """Cumulated discount factors: entry k is what 1 a month for k months is worth."""
    worth = [Decimal(0)]
    for month in range(1, months + 1):
        worth.append(worth[-1] + discount(annual_pct, month))
    return tuple(worth)


class Search:
    """The combinations of one case: debts, capacity and limits given, first due date per call."""

    def __init__(
        self,
        debts: Sequence[DebtTerms],
        capacity: Capacity,
        limits: PlanLimits,
        *,
        tier: int | None = None,
    ) -> None:
        """``tier`` restricts the search to what that tier of authority may grant; None: all of them."""
        self.debts = [debt for debt in debts if debt.outstanding.total.is_positive]
        self.capacity = capacity
        self.limits = limits
        self._tier = tier
        self._rates: dict[Decimal, list[Fraction]] = {}
        self._number = 0

    # -- the combinations ---------------------------------------------------------------------------

    @cached_property
    def balance(self) -> Money:
        return Money.sum((debt.outstanding.total for debt in self.debts), self.limits.currency)

    @cached_property
    def _waivers(self) -> list[_Waiver]:
        """Levels of waiver from none to all that the caps allow, late charges first; no level twice."""
        caps = {c: pct for c in WAIVER_OF if (pct := self.limits.max_waived_pct.get(c, Decimal(0))) > 0}
        late = caps.get(Component.LATE_CHARGES)
        levels: list[dict[Component, Decimal]] = [{}]
        if late is not None:
            levels += [{Component.LATE_CHARGES: late * _HALF}, {Component.LATE_CHARGES: late}]
        levels += [
            caps | {c: pct * _HALF for c, pct in caps.items() if c is not Component.LATE_CHARGES},
            caps,
        ]
        found: dict[Money, _Waiver] = {}
        for level in levels:
            made = self._waiver(tuple(sorted(level.items())))
            found.setdefault(made.waived, made)
        return list(found.values())

    def _waiver(self, pct: tuple[tuple[Component, Decimal], ...], *, lump_sum: bool = False) -> _Waiver:
        spec = PlanSpec(periods=1, first_due=date.min, waived_pct=pct, lump_sum=lump_sum)
        waived = [waived_of(debt, spec, self.limits) for debt in self.debts]
        total = Money.sum((w.total for w in waived), self.limits.currency)
        principal = tuple(
            (d.outstanding.principal - w.principal).minor for d, w in zip(self.debts, waived, strict=True)
        )
        carried = self.balance.minor - total.minor - sum(principal)
        return _Waiver(pct, total, principal, carried)

    @cached_property
    def _cuts(self) -> list[Decimal]:
        """Rate cuts that make a difference: no two that end at the same rates."""
        found: dict[tuple[Decimal, ...], Decimal] = {}
        for cut in sorted({Decimal(0), *self.limits.rate_cuts_pct}):
            rates = tuple(rate_of(debt, cut, self.limits) for debt in self.debts)
            if rates not in found:
                found[rates] = cut
                self._rates[cut] = [period_rate(rate) for rate in rates]
        return list(found.values())

    @cached_property
    def _steps(self) -> list[StepUp | None]:
        if all(allows(self.limits, MeasureKind.STEP_UP, debt) for debt in self.debts):
            return [None, *self.limits.step_ups]
        return [None]

    @cached_property
    def _graces(self) -> list[int]:
        if all(allows(self.limits, MeasureKind.GRACE, debt) for debt in self.debts):
            return sorted({0, *self.limits.grace_months})
        return [0]

    def allowed(self, cut: Decimal, waived: Money) -> bool:
        """Whether somebody (or the given tier) may grant this cut and waiver."""
        tier = authority_for(cut, waived, self.balance, self.limits)
        return tier is not None and (self._tier is None or tier <= self._tier)

    # -- their figures ------------------------------------------------------------------------------

    def candidates(self, first_due: date, *, wish: Money | None = None) -> Iterator[Candidate]:
        """Every combination and term within policy and capacity (and ``wish``, if given)."""
        caps = self._caps(first_due, wish)
        for waiver in self._waivers:
            for cut in self._cuts:
                if self.allowed(cut, waiver.waived):
                    for step in self._steps:
                        yield from self._terms(waiver, cut, step, first_due, caps)

    def smallest_peak(self, first_due: date) -> Money:
        """The lowest peak instalment that the policy would allow, whatever the capacity."""
        found = min((c.peak for c in self._unbounded(first_due)), default=Decimal(self.balance.minor))
        return Money(int(found.to_integral_value(rounding="ROUND_CEILING")), self.limits.currency)

    def _unbounded(self, first_due: date) -> Iterator[Candidate]:
        caps = [10**18] * self.limits.max_months
        for waiver in self._waivers:
            for cut in self._cuts:
                if self.allowed(cut, waiver.waived):
                    yield from self._terms(waiver, cut, None, first_due, caps)

    def settlement(self, first_due: date) -> PlanSpec | None:
        """One payment within what was offered, with the smallest waiver that makes it enough; or None."""
        offered = self.capacity.lump_sum
        if offered is None:
            return None
        for pct, amount in self._settlements():
            if amount <= offered:
                return PlanSpec(periods=1, first_due=first_due, waived_pct=pct, lump_sum=True)
        return None

    def least_settlement(self) -> Money:
        """The smallest single payment that would settle everything; without a rule it is the balance."""
        return min(amount for _, amount in self._settlements())

    def _settlements(self) -> Iterator[tuple[tuple[tuple[Component, Decimal], ...], Money]]:
        """Waivers from none to all that the rule for single payments allows, and what is left to pay."""
        yield (), self.balance
        rule = self.limits.lump_sum
        if rule is None:
            return
        for share in (_HALF, Decimal(1)):
            pct = tuple(sorted((c, pct * share) for c, pct in rule.max_waived_pct.items() if pct))
            waived = self._waiver(pct, lump_sum=True).waived
            if self.allowed(Decimal(0), waived):
                yield pct, self.balance - waived

    def _caps(self, first_due: date, wish: Money | None) -> list[int]:
        """The most that each instalment may be, in minor units."""
        caps = []
        for k in range(self.limits.max_months):
            now, stress = self.capacity.at(add_months(first_due, k))
            cap = min(now, stress) if wish is None else min(now, stress, wish)
            caps.append(cap.minor)
        return caps

    def _terms(
        self, waiver: _Waiver, cut: Decimal, step: StepUp | None, first_due: date, caps: Sequence[int]
    ) -> Iterator[Candidate]:
        limits, steady = self.limits, len(set(caps)) == 1
        rates = self._rates[cut]
        interest_only = sum(
            (Decimal(p) * r.numerator / r.denominator for p, r in zip(waiver.principal, rates, strict=True)),
            Decimal(0),
        )
        pct, every = (step.pct, step.every_months) if step else (Decimal(0), 0)
        weights = payment_factors(Fraction(0), limits.max_months, pct, every)
        worth = [payment_factors(rate, limits.max_months, pct, every) for rate in rates]
        conceded = Decimal(waiver.waived.minor) * 100 / self.balance.minor + cut
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
            for grace in self._graces:
                if grace and (n == 1 or n + grace > limits.max_months or interest_only <= 0):
                    continue  # nothing to wait for: one payment, or no interest to pay meanwhile
                if not steady and not _fits(first, growth, n, every, grace, interest_only, caps):
                    continue
                if grace and interest_only > caps[0]:
                    continue
                spec = PlanSpec(n, first_due, grace, step, cut, waiver.pct)
                total = round(first * weights[n - 1][0] + grace * interest_only)
                starts = interest_only if grace else first
                self._number += 1
                yield Candidate(self._number, spec, starts, max(peak, starts), total, conceded)

    def present_value(self, candidate: Candidate) -> Decimal:
        """Present value of a candidate's payments at the lender's discount rate, in minor units."""
        spec = candidate.spec
        worth = _discounts(self.limits.value.discount_pct, self.limits.max_months)
        if not spec.grace and spec.step is None:
            return candidate.first * worth[spec.periods]
        level = self._level(candidate)
        value = candidate.first * worth[spec.grace]
        every = spec.step.every_months if spec.step else spec.periods
        growth = 1 + spec.step.pct / 100 if spec.step else Decimal(1)
        ends = [*range(0, spec.periods, every), spec.periods]
        for start, end in pairwise(ends):
            value += level * (worth[spec.grace + end] - worth[spec.grace + start])
            level *= growth
        return value

    @staticmethod
    def _level(candidate: Candidate) -> Decimal:
        """The first payment after the grace."""
        spec = candidate.spec
        pct, every = (spec.step.pct, spec.step.every_months) if spec.step else (Decimal(0), 0)
        weight = payment_factors(Fraction(0), spec.periods, pct, every)[-1][0]
        return (candidate.total - spec.grace * candidate.first) / weight


def _fits(
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
