"""Waterfalls: which component of which debt a payment reduces.

The order of components depends on how many days a debt is past due (domain rule: Chinese cards switch
from "interest and fees first" to "principal first" on day 91), so it is a table of bands; the order of
debts is a rule of its own. Everything is exact: what is allocated and what is left adds up to what was
paid, and no component falls below zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from shared.lending.money import CurrencyMismatch, Money


class Component(StrEnum):
    """What a balance is made of."""

    COSTS = "costs"
    FEES = "fees"
    INTEREST = "interest"
    PRINCIPAL = "principal"
    LATE_CHARGES = "late_charges"


class Balances(Protocol):
    """What a message calls an amount by component."""

    @property
    def principal(self) -> Money: ...
    @property
    def interest(self) -> Money: ...
    @property
    def fees(self) -> Money: ...
    @property
    def late_charges(self) -> Money: ...


@dataclass(frozen=True, slots=True)
class Components:
    """One balance by component; all of one currency (CurrencyMismatch otherwise)."""

    principal: Money
    interest: Money
    fees: Money
    late_charges: Money
    costs: Money

    def __post_init__(self) -> None:
        parts = (self.principal, self.interest, self.fees, self.late_charges, self.costs)
        if len({part.currency for part in parts}) != 1:
            raise CurrencyMismatch("the components of one balance have one currency")

    @staticmethod
    def zero(currency: str) -> Components:
        return Components.of(currency)

    @staticmethod
    def of(
        currency: str,
        *,
        principal: Money | None = None,
        interest: Money | None = None,
        fees: Money | None = None,
        late_charges: Money | None = None,
        costs: Money | None = None,
    ) -> Components:
        """Named parts; what is not given is zero."""
        nothing = Money.zero(currency)
        return Components(
            principal=principal or nothing,
            interest=interest or nothing,
            fees=fees or nothing,
            late_charges=late_charges or nothing,
            costs=costs or nothing,
        )

    @staticmethod
    def from_balances(balances: Balances) -> Components:
        """From anything with the four usual balances (costs are then zero)."""
        return Components.of(
            balances.principal.currency,
            principal=balances.principal,
            interest=balances.interest,
            fees=balances.fees,
            late_charges=balances.late_charges,
        )

    @staticmethod
    def from_mapping(currency: str, parts: Mapping[Component, Money]) -> Components:
        return Components.of(currency, **{component.value: amount for component, amount in parts.items()})

    @property
    def currency(self) -> str:
        return self.principal.currency

    @property
    def total(self) -> Money:
        parts = (self.principal, self.interest, self.fees, self.late_charges, self.costs)
        return Money(sum(part.minor for part in parts), self.currency)

    @property
    def has_negative(self) -> bool:
        return any(part.is_negative for part in self.parts().values())

    def get(self, component: Component) -> Money:
        part: Money = getattr(self, component.value)
        return part

    def parts(self) -> dict[Component, Money]:
        return {
            Component.PRINCIPAL: self.principal,
            Component.INTEREST: self.interest,
            Component.FEES: self.fees,
            Component.LATE_CHARGES: self.late_charges,
            Component.COSTS: self.costs,
        }

    def __add__(self, other: Components) -> Components:
        return Components(
            self.principal + other.principal,
            self.interest + other.interest,
            self.fees + other.fees,
            self.late_charges + other.late_charges,
            self.costs + other.costs,
        )

    def __sub__(self, other: Components) -> Components:
        return Components(
            self.principal - other.principal,
            self.interest - other.interest,
            self.fees - other.fees,
            self.late_charges - other.late_charges,
            self.costs - other.costs,
        )


class DebtOrder(StrEnum):
    """Which debt of a case is served first.

    ``heaviest_due_first``: what is due before what is not, of what is due the dearest, of those the oldest.
    """

    OLDEST_DUE_FIRST = "oldest_due_first"
    HEAVIEST_DUE_FIRST = "heaviest_due_first"
    HIGHEST_RATE_FIRST = "highest_rate_first"
    SMALLEST_BALANCE_FIRST = "smallest_balance_first"
    PRO_RATA = "pro_rata"


@dataclass(frozen=True, slots=True)
class AllocationBand:
    """From ``from_days`` past due (the next band's start ends it), components are served in ``order``."""

    from_days: int
    order: tuple[Component, ...]


@dataclass(frozen=True, slots=True)
class AllocationRules:
    """The bands, ascending from day 0, and the order of debts. ValueError when they leave a gap."""

    bands: tuple[AllocationBand, ...]
    debt_order: DebtOrder = DebtOrder.OLDEST_DUE_FIRST

    def __post_init__(self) -> None:
        starts = [band.from_days for band in self.bands]
        if not starts or starts[0] != 0 or starts != sorted(set(starts)):
            raise ValueError("allocation bands start at day 0 and ascend")
        for band in self.bands:
            if sorted(band.order) != sorted(Component):
                raise ValueError(f"the band from day {band.from_days} names every component once")

    def order_at(self, days_past_due: int) -> tuple[Component, ...]:
        """The order of components for a debt so many days past due (negative counts as 0)."""
        return [band for band in self.bands if band.from_days <= max(days_past_due, 0)][-1].order


@dataclass(frozen=True, slots=True)
class DebtBalance:
    """What is owed on one debt, as far as allocation needs to know."""

    debt_id: str
    outstanding: Components
    days_past_due: int
    due_since: date | None = None
    annual_rate_pct: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Allocation:
    """Per debt, in the order given to :func:`allocate`, what was taken by each component."""

    paid: Money
    by_debt: tuple[tuple[str, Components], ...]
    unallocated: Money

    def of(self, debt_id: str) -> Components:
        """What ``debt_id`` received; KeyError when it was not among the debts."""
        return dict(self.by_debt)[debt_id]


def waterfall(paid: Money, owed: Components, order: Sequence[Component]) -> tuple[Components, Money]:
    """Serve ``owed`` in ``order``: what each component got, and what is left of ``paid``.

    ValueError for a negative payment or balance.
    """
    if paid.is_negative or owed.has_negative:
        raise ValueError("neither a payment nor a balance is negative")
    left = paid
    taken: dict[Component, Money] = {}
    for component in order:
        part = min(left, owed.get(component))
        taken[component] = part
        left -= part
    return Components.from_mapping(paid.currency, taken), left


def allocate(paid: Money, debts: Sequence[DebtBalance], rules: AllocationRules) -> Allocation:
    """Distribute one payment over the debts of a case.

    Debts of another currency receive nothing (currencies are never netted). Σ allocated + unallocated
    = paid. ValueError for a negative payment, a negative balance or one debt named twice.
    """
    if paid.is_negative:
        raise ValueError("a payment is not negative")
    if len({debt.debt_id for debt in debts}) != len(debts):
        raise ValueError("each debt is named once")
    open_debts = [debt for debt in debts if debt.outstanding.currency == paid.currency]
    shares = shares_of_debts(paid, open_debts, rules.debt_order)
    left = paid
    taken: dict[str, Components] = {}
    for debt, share in shares:
        got, _ = waterfall(min(share, left), debt.outstanding, rules.order_at(debt.days_past_due))
        taken[debt.debt_id] = got
        left -= got.total
    nothing = Components.zero(paid.currency)
    return Allocation(
        paid=paid,
        by_debt=tuple((debt.debt_id, taken.get(debt.debt_id, nothing)) for debt in debts),
        unallocated=left,
    )


def shares_of_debts(
    paid: Money, debts: Sequence[DebtBalance], order: DebtOrder
) -> Iterable[tuple[DebtBalance, Money]]:
    """The debts in the order they are served, each with the most of ``paid`` that it may take."""
    if order is DebtOrder.PRO_RATA:
        totals = [debt.outstanding.total.minor for debt in debts]
        if sum(totals) == 0:
            return []
        # Never more than is owed: beyond the sum of balances there is nothing to share.
        shared = min(paid, Money(sum(totals), paid.currency))
        return zip(debts, shared.allocate(totals), strict=True)
    return [(debt, paid) for debt in sorted(debts, key=lambda debt: _rank(debt, order))]


def _rank(debt: DebtBalance, order: DebtOrder) -> tuple[object, ...]:
    since = debt.due_since or date.max
    if order is DebtOrder.HEAVIEST_DUE_FIRST:
        return (debt.due_since is None, -debt.annual_rate_pct, since, debt.debt_id)
    if order is DebtOrder.HIGHEST_RATE_FIRST:
        return (-debt.annual_rate_pct, since, debt.debt_id)
    if order is DebtOrder.SMALLEST_BALANCE_FIRST:
        return (debt.outstanding.total.minor, since, debt.debt_id)
    return (since, -debt.days_past_due, debt.debt_id)


def apply_oldest_first(paid: Money, dues: Sequence[Money]) -> tuple[tuple[Money, ...], Money]:
    """Serve amounts due in their order: what each received, and what is left."""
    if paid.is_negative or any(due.is_negative for due in dues):
        raise ValueError("neither a payment nor an amount due is negative")
    left = paid
    served = []
    for due in dues:
        part = min(left, due)
        served.append(part)
        left -= part
    return tuple(served), left
