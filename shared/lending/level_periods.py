"""What a level-payment loan is made of while it lives: its periods, and the parts that interest runs over.

Amounts are integers of minor units. A part begins and ends where the balance or the rate changes; interest
runs over each part, unrounded, and is rounded once for the whole period. Figures that depend on each other
(balance, interest, principal) are worked out in one walk from the first period to the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import date
from decimal import Context, Decimal
from itertools import pairwise

_ZERO = Decimal(0)


@dataclass(slots=True)
class Part:
    """A stretch of one period over which balance and rate are the same.

    ``lent``, ``corrected`` and ``credited_*`` take effect at its end. ``to_due`` is the rate factor from its
    start to the period's due date, of which a part bears its share of days.
    """

    start: date
    end: date
    factor: Decimal = _ZERO
    to_due: Decimal = _ZERO
    balance: int = 0
    lent: int = 0
    corrected: int = 0
    credited_principal: int = 0
    credited_interest: int = 0
    paused: bool = False

    @property
    def idle(self) -> bool:
        """Whether nothing happens at its end."""
        return not (self.lent or self.corrected or self.credited_principal or self.credited_interest)

    @property
    def after(self) -> int:
        """The balance once what happens at its end has happened."""
        return self.balance + self.corrected + self.lent

    def interest(self, due: date, base: int, context: Context) -> Decimal:
        """Unrounded interest in minor units on ``base`` until the part ends, and interest credited back."""
        credited = Decimal(self.credited_interest)
        days = (due - self.start).days
        if self.paused or days == 0:
            return max(credited, _ZERO)
        whole = context.divide(context.multiply(Decimal(base), self.to_due), Decimal(days))
        return max(
            context.add(credited, context.multiply(whole, Decimal((self.end - self.start).days))), _ZERO
        )


@dataclass(slots=True)
class Period:
    """One instalment: from the day after ``start`` to ``due``, what is to be paid then and what was paid."""

    start: date
    due: date
    parts: list[Part] = field(default_factory=list)
    instalment: int = 0
    agreed: int = 0
    """The instalment as it was last agreed, before payments changed it."""
    paid_principal: int = 0
    paid_interest: int = 0
    deferred: int = 0
    """Interest of later periods that this one, the last unpaid, has to take."""
    moved: bool = False
    """Its own interest was taken by an earlier period."""
    own: int = 0
    accrued: int = 0
    interest: int = 0
    principal: int = 0
    balance: int = 0

    @property
    def paid(self) -> int:
        return self.paid_principal + self.paid_interest

    @property
    def credited(self) -> int:
        return self.credited_principal + sum(part.credited_interest for part in self.parts)

    @property
    def credited_principal(self) -> int:
        return sum(part.credited_principal for part in self.parts)

    @property
    def whole(self) -> int:
        """The instalment with everything that is added to it."""
        return self.instalment + self.credited + self.deferred

    @property
    def fully_paid(self) -> bool:
        return self.whole == self.paid

    @property
    def unrecognized(self) -> int:
        """Interest for which the instalment has no room; the next period takes it."""
        return self.accrued - self.interest

    @property
    def outstanding_principal(self) -> int:
        return max(self.principal - self.paid_principal, 0)

    @property
    def growth(self) -> Decimal:
        """One plus the rate factors of its parts."""
        return sum((part.factor for part in self.parts), Decimal(1))

    def holds(self, day: date, *, first: bool) -> bool:
        """Whether the day lies after the start and not after the due date; a first period holds its start."""
        return (self.start <= day if first else self.start < day) and day <= self.due


def clone(periods: Sequence[Period]) -> list[Period]:
    """Periods that can be changed without changing these."""
    copies = []
    for period in periods:
        twin = copy(period)
        twin.parts = [copy(part) for part in period.parts]
        copies.append(twin)
    return copies


def walk(periods: Sequence[Period], context: Context, *, flat: bool = False, balances: bool = True) -> None:
    """Work out balance, interest and principal of every period in turn.

    ``flat``: interest runs on what was lent so far, not on what is still owed. Without ``balances`` those
    that the parts have are kept.
    """
    carried, lent, before = 0, 0, 0
    for period in periods:
        accrued = _ZERO
        for part in period.parts:
            if balances:
                part.balance = max(carried, 0)
            accrued += part.interest(period.due, lent if flat else part.balance, context)
            carried = part.after
            lent += part.lent
        period.own = 0 if period.moved else int(accrued.to_integral_value(rounding=context.rounding))
        period.accrued = max(period.own + period.deferred + before, 0)
        room = max(period.whole - period.accrued, 0)
        wanted = period.paid_interest if period.paid_principal > room else min(period.accrued, period.whole)
        period.interest = max(wanted, period.paid_interest)
        period.principal = max(period.whole - period.interest, 0, period.paid_principal)
        if period.parts:
            carried = carried - period.principal + period.paid_principal
        period.balance = max(carried, 0)
        before = period.unrecognized


def split(period: Period, on: date) -> Part:
    """Make a part of the period end on the day, and return it."""
    holders = [k for k, each in enumerate(period.parts) if each.start < on <= each.end]
    place = holders[-1] if holders else 0
    part = period.parts[place]
    period.parts.insert(place + 1, Part(on, part.end, balance=part.balance, paused=part.paused))
    part.end = on
    return part


def stop_accruing(periods: Sequence[Period], current: Period | None, on: date) -> None:
    """Let nothing accrue after the day, which lies in the ``current`` period; later tranches stay lent."""
    for k, period in enumerate(periods):
        if period.due <= on:
            continue
        if period is current:
            _cut(period, on, first=k == 0)
            continue
        first = period.parts[0]
        if k == 0 or periods[k - 1] is not current or not first.credited_principal:
            first.lent = sum(part.lent for part in period.parts)
        period.parts = [first]
        first.end = first.start


def gap(periods: Sequence[Period]) -> tuple[int, int]:
    """The instalment before the last open one, and by how much the last differs from it."""
    for before, last in reversed(list(pairwise(periods))):
        if not before.fully_paid and not last.fully_paid:
            return before.instalment, last.instalment - before.instalment
    return periods[0].instalment, 0


def pause(period: Period, start: date, end: date) -> None:
    """Let the days after ``start`` up to ``end`` bear nothing; what happens on them still happens."""
    parts: list[Part] = []
    for part in period.parts:
        edges = [part.start, *(day for day in (start, end) if part.start < day < part.end), part.end]
        pieces = [
            Part(first, last, paused=part.paused or (start <= first < last <= end))
            for first, last in pairwise(edges)
        ]
        last = pieces[-1]
        last.lent, last.corrected = part.lent, part.corrected
        last.credited_principal, last.credited_interest = part.credited_principal, part.credited_interest
        for piece in pieces:
            before = parts[-1] if parts else None
            if before is not None and before.paused and piece.paused and before.idle:
                piece.start = before.start
                parts.pop()
            parts.append(piece)
    period.parts = parts


def _cut(period: Period, on: date, *, first: bool) -> None:
    """End the period's interest on ``on``; what is credited on that day still counts."""
    for k, part in enumerate(period.parts):
        if (part.start < on or (first and k == 0 and part.start <= on)) and on <= part.end:
            place = k
    part = period.parts[place]
    part.end = on
    for later in period.parts[place + 1 : place + 2]:
        part.credited_principal += later.credited_principal
        part.credited_interest += later.credited_interest
    del period.parts[place + 1 :]
