"""The combinations of measures of one case: what each would cost, and whether it fits.

The payment of a plan is additive: per debt ``principal / worth(rate, steps, n)`` plus the carried balances
over n. So one table per rate and step gives the payment of every combination and term
(:mod:`shared.lending.plan_grid`); only the few that are chosen are then built exactly
(:mod:`shared.lending.plan_build`). Amounts here are minor units before rounding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cached_property

import numpy as np

from shared.lending.allocation import Component
from shared.lending.calendar import add_months
from shared.lending.money import Money
from shared.lending.plan_build import build_plan
from shared.lending.plan_candidates import Candidates
from shared.lending.plan_grid import Grid, Waiver
from shared.lending.plan_model import (
    WAIVER_OF,
    Capacity,
    DebtTerms,
    Plan,
    PlanLimits,
    PlanSpec,
    Reason,
    StepUp,
)
from shared.lending.plan_own import may_step, may_wait, rate_of, waived_of
from shared.lending.plan_value import authority_for
from shared.lending.schedule import dates_without, period_rate

# Shares of a waiver's cap that are tried: none, half, all of it.
_HALF = Decimal("0.5")
_CHARGES: tuple[Component, ...] = tuple(
    component for component in WAIVER_OF if component is not Component.PRINCIPAL
)


@dataclass(frozen=True, slots=True)
class Season:
    """Calendar months in which nothing falls due, of a plan that begins on ``first_due``."""

    skips: tuple[int, ...]
    first_due: date

    def instalments(self, months: int) -> int:
        """How many instalments fall due within so many months."""
        return sum(add_months(self.first_due, k).month not in self.skips for k in range(max(months, 0)))


class Search:
    """The combinations of one case: debts, capacity and limits given, first due date per call."""

    def __init__(
        self,
        debts: Sequence[DebtTerms],
        capacity: Capacity,
        limits: PlanLimits,
        *,
        tier: int | None = None,
        holiday: int = 0,
        forgive: bool = False,
        season: Season | None = None,
    ) -> None:
        """``tier`` restricts the search to what that tier of authority may grant; None: all of them.

        With a ``holiday`` every plan starts after so many months in which nothing is paid. With
        ``forgive`` a part of the principal may be forgiven, as far as the limits allow. With a ``season``
        nothing falls due in some months of each year; terms are counted in instalments then.
        """
        self.debts = [debt for debt in debts if debt.outstanding.total.is_positive]
        self.capacity = capacity
        # Terms that every debt may have; longer ones, up to `longest`, are looked for apart.
        within = min((debt.longest(limits) for debt in self.debts), default=limits.max_months) - holiday
        within = within if season is None else season.instalments(within)
        self.season = season
        self.limits = limits if within == limits.max_months else replace(limits, max_months=max(within, 1))
        self.policy = limits
        self.longest = max((debt.longest(limits) for debt in self.debts), default=limits.max_months) - holiday
        self.holiday = holiday
        self._forgive = forgive
        self.tier = tier
        self._found: dict[tuple[date, Money | None], Candidates] = {}
        self._built: dict[PlanSpec, Plan | Reason] = {}

    def after(self, holiday: int = 0, *, forgive: bool = False, season: Season | None = None) -> Search:
        """The same case, with plans that start after a holiday, forgive a part of the principal, or leave out
        months of each year."""
        return Search(
            self.debts,
            self.capacity,
            self.policy,
            tier=self.tier,
            holiday=holiday,
            forgive=forgive,
            season=season,
        )

    # -- the combinations ---------------------------------------------------------------------------

    @cached_property
    def balance(self) -> Money:
        return Money.sum((debt.outstanding.total for debt in self.debts), self.limits.currency)

    @cached_property
    def waivers(self) -> list[Waiver]:
        """Levels of waiver from none to all that the caps allow, late charges first, principal last; no
        level twice."""
        caps: dict[Component, Decimal] = {
            c: pct for c in _CHARGES if (pct := self.limits.max_waived_pct.get(c, Decimal(0))) > 0
        }
        late = caps.get(Component.LATE_CHARGES)
        levels: list[dict[Component, Decimal]] = [{}]
        if late is not None:
            levels += [{Component.LATE_CHARGES: late * _HALF}, {Component.LATE_CHARGES: late}]
        levels += [
            caps | {c: pct * _HALF for c, pct in caps.items() if c is not Component.LATE_CHARGES},
            caps,
        ]
        forgiven = self.limits.max_forgiven_pct
        if self._forgive and forgiven > 0:
            levels += [caps | {Component.PRINCIPAL: forgiven * share} for share in (_HALF, Decimal(1))]
        found: dict[Money, Waiver] = {}
        for level in levels:
            made = self._waiver(tuple(sorted(level.items())))
            found.setdefault(made.waived, made)
        return list(found.values())

    def _waiver(self, pct: tuple[tuple[Component, Decimal], ...], *, lump_sum: bool = False) -> Waiver:
        spec = PlanSpec(periods=1, first_due=date.min, waived_pct=pct, lump_sum=lump_sum)
        waived = [waived_of(debt, spec, self.limits) for debt in self.debts]
        total = Money.sum((w.total for w in waived), self.limits.currency)
        principal = tuple(
            (d.outstanding.principal - w.principal).minor for d, w in zip(self.debts, waived, strict=True)
        )
        carried = self.balance.minor - total.minor - sum(principal)
        return Waiver(pct, total, principal, carried)

    @cached_property
    def cuts(self) -> list[tuple[Decimal, list[Fraction]]]:
        """Rate cuts that make a difference, and the rates of a month: no two that end at the same."""
        found: dict[tuple[Decimal, ...], Decimal] = {}
        for cut in sorted({Decimal(0), *self.limits.rate_cuts_pct}):
            rates = tuple(rate_of(debt, cut, self.limits) for debt in self.debts)
            if rates not in found:
                found[rates] = cut
        return [(cut, [period_rate(rate) for rate in rates]) for rates, cut in found.items()]

    @cached_property
    def steps(self) -> list[StepUp | None]:
        """No steps, and those that every debt may have."""
        if self.season is not None:  # what grows by the month would grow by the year
            return [None]
        return [None, *(s for s in self.policy.step_ups if all(self._may_step(s)))]

    @cached_property
    def some_steps(self) -> list[StepUp | None]:
        """No steps, and those that some debt may have."""
        return [None, *(s for s in self.policy.step_ups if any(self._may_step(s)))]

    def _may_step(self, step: StepUp) -> Iterator[bool]:
        return (may_step(debt, step, self.policy) for debt in self.debts)

    @cached_property
    def graces(self) -> list[int]:
        """No grace, and those that every debt may have."""
        if self.season is not None:
            return [0]
        return sorted({0, *(n for n in self.policy.grace_months if all(self._may_wait(n)))})

    @cached_property
    def some_graces(self) -> list[int]:
        """No grace, and those that some debt may have."""
        return sorted({0, *(n for n in self.policy.grace_months if any(self._may_wait(n)))})

    def _may_wait(self, grace: int) -> Iterator[bool]:
        return (may_wait(debt, grace, self.policy) for debt in self.debts)

    @property
    def differ(self) -> bool:
        """Whether some debt has a policy of its own: only then one may have what another may not."""
        return any(debt.own is not None for debt in self.debts)

    def allowed(self, cut: Decimal, waived: Money) -> bool:
        """Whether somebody (or the given tier) may grant this cut and waiver."""
        tier = authority_for(cut, waived, self.balance, self.limits)
        return tier is not None and (self.tier is None or tier <= self.tier)

    # -- their figures ------------------------------------------------------------------------------

    @cached_property
    def _grid(self) -> Grid:
        allowed = [[self.allowed(cut, waiver.waived) for cut, _ in self.cuts] for waiver in self.waivers]
        return Grid(
            self.balance.minor,
            self.limits,
            self.waivers,
            self.cuts,
            self.steps,
            self.graces,
            np.array(allowed, dtype=np.bool_),
        )

    def candidates(self, first_due: date, *, wish: Money | None = None) -> Candidates:
        """Every combination and term within policy and capacity (and ``wish``, if given)."""
        key = (first_due, wish)
        if key not in self._found:
            at = self._grid.fitting(self.caps(first_due, wish))
            self._found[key] = Candidates(self._grid, first_due, at)
        return self._found[key]

    @property
    def combinations(self) -> int:
        """How many combinations of measures and terms are screened, whether they fit or not."""
        return int(self._grid.first.size) * len(self.graces)

    def build(self, spec: PlanSpec) -> Plan | Reason:
        """The plan of ``spec``, or why it does not stand; each is computed once."""
        if spec not in self._built:
            after = replace(spec, holiday=self.holiday, skips=self.season.skips if self.season else ())
            self._built[spec] = build_plan(after, self.debts, self.capacity, self.policy)
        return self._built[spec]

    def smallest_peak(self) -> Money:
        """The lowest peak instalment that the policy would allow, whatever the capacity."""
        found = self._grid.smallest()
        lowest = Decimal(self.balance.minor) if found is None else found
        return Money(int(lowest.to_integral_value(rounding="ROUND_CEILING")), self.limits.currency)

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

    @property
    def terms(self) -> tuple[int, ...]:
        """The terms that the policy offers."""
        return self.policy.terms_months

    def caps(self, first_due: date, wish: Money | None, months: int | None = None) -> list[int]:
        """The most that each instalment may be, in minor units: of so many, or of all common to the debts."""
        months = self.limits.max_months if months is None else months
        if not self.capacity.later:
            steady = [self.capacity.now, self.capacity.stress, *([] if wish is None else [wish])]
            return [min(steady).minor] * months
        caps = []
        for day in dates_without(first_due, months, self.season.skips if self.season else ()):
            now, stress = self.capacity.at(day)
            cap = min(now, stress) if wish is None else min(now, stress, wish)
            caps.append(cap.minor)
        return caps
