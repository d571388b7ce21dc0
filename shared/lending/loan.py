"""A running loan: its instalments with what is paid of each part, its charges, and how interest runs.

The operations of servicing (re-age, re-amortise, reschedule, pause, payment) are pure functions from one
loan to the next; none of them changes what was paid. Amounts are Money of one currency.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from shared.lending.allocation import Component, Components
from shared.lending.money import CurrencyMismatch, Money
from shared.lending.progressive import Accrual, Deviation, Period, Split, amortise, borne, no_deviation
from shared.lending.rate_factors import Every


class ServicingError(ValueError):
    """This operation makes no sense for this loan: a reason one can show, without any amount in it."""


@dataclass(frozen=True, slots=True)
class Advance:
    """Money paid out to the borrower on a day."""

    on: date
    amount: Money


@dataclass(frozen=True, slots=True)
class Charge:
    """A fee or a late charge, by the day it falls due; ``made`` is when it came up (None: from the start)."""

    due: date
    amount: Money
    component: Component = Component.FEES
    made: date | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """Principal of instalment ``index`` that was paid on a day; interest runs on less from then on."""

    on: date
    index: int
    principal: Money


@dataclass(frozen=True, slots=True)
class LoanInstalment:
    """One instalment: its period, what it asks for by component, and what is paid of that.

    ``settled_on`` is the day it was fully paid. ``charges_only`` marks the one after the last ordinary
    instalment that holds charges due later. A down payment is due on the day its period starts.
    """

    start: date
    due: date
    owed: Components
    paid: Components
    settled_on: date | None = None
    charges_only: bool = False

    def __post_init__(self) -> None:
        if self.due < self.start:
            raise ServicingError("an instalment does not fall due before its period starts")
        if (self.owed - self.paid).has_negative or self.paid.has_negative:
            raise ServicingError("no part of an instalment is paid beyond what it asks for")

    @property
    def unpaid(self) -> Components:
        return self.owed - self.paid

    @property
    def is_settled(self) -> bool:
        return self.unpaid.total.is_zero

    @property
    def is_down_payment(self) -> bool:
        return self.start == self.due and self.owed.interest.is_zero and not self.charges_only

    @property
    def period(self) -> Period:
        return Period(self.start, self.due, self.owed.principal.minor + self.owed.interest.minor)


@dataclass(frozen=True, slots=True)
class RunningLoan:
    """The state that servicing works on.

    ``multiple`` is what level payments are rounded to, in minor units (1: not at all). With
    ``recalculates`` interest runs on what is really owed up to ``as_of``, so paying early or late changes
    it; ``receipts`` then say when principal was paid. Otherwise it runs on the schedule. Without
    ``late_bears`` principal that is late bears no more than the schedule says. ``overdue_since`` is the
    due date of the oldest instalment that was unpaid when the loan was re-aged or re-amortised: the new
    dates do not make the debt any younger. With ``divided`` (after a re-age in equal parts) all interest that
    will ever be borne is in the instalments: neither days nor rates change it. With ``flat`` interest runs on
    what was lent, not on what is owed. ``carried`` is, for each of
    the regular instalments, interest (minor units) that falls due with it but was borne before its period.
    ``every`` and ``unit`` are how far apart instalments are since a re-age; interest goes on being counted by
    the distance that the loan had at first.
    """

    accrual: Accrual
    instalments: tuple[LoanInstalment, ...]
    advances: tuple[Advance, ...]
    charges: tuple[Charge, ...] = ()
    receipts: tuple[Receipt, ...] = ()
    multiple: int = 1
    recalculates: bool = False
    late_bears: bool = True
    overdue_since: date | None = None
    divided: bool = False
    flat: bool = False
    carried: tuple[int, ...] = ()
    every: int | None = None
    unit: Every | None = None

    def __post_init__(self) -> None:
        if not self.instalments or not self.advances:
            raise ServicingError("a running loan has advances and instalments")
        currencies = {row.owed.currency for row in self.instalments}
        currencies |= {advance.amount.currency for advance in self.advances}
        if len(currencies) != 1:
            raise CurrencyMismatch("one loan has one currency")

    @property
    def currency(self) -> str:
        return self.advances[0].amount.currency

    def due_after(self, due: date, count: int) -> date:
        """The due date so many instalments after one."""
        every = self.accrual.every if self.every is None else self.every
        return (self.unit or self.accrual.unit).after(due, every * count)

    @property
    def unpaid(self) -> Components:
        """What is still asked for, by component."""
        total = Components.zero(self.currency)
        for row in self.instalments:
            total += row.unpaid
        return total

    @property
    def paid(self) -> Components:
        """What was paid so far, by component."""
        total = Components.zero(self.currency)
        for row in self.instalments:
            total += row.paid
        return total

    def oldest_unpaid(self, on: date) -> date | None:
        """The due date of the oldest instalment that fell due before ``on`` and is not settled."""
        return min((row.due for row in self.instalments if row.due < on and not row.is_settled), default=None)

    def overdue_from(self, on: date) -> date | None:
        """Since when the debt is overdue on ``on``, whatever was agreed in between; None when nothing is."""
        if self.unpaid.total.is_zero:
            return None
        days = [day for day in (self.overdue_since, self.oldest_unpaid(on)) if day is not None]
        return min(days, default=None)

    @property
    def regular(self) -> tuple[LoanInstalment, ...]:
        """The instalments without the one that holds later charges only."""
        return tuple(row for row in self.instalments if not row.charges_only)

    def balances_after(self) -> tuple[Money, ...]:
        """The principal of each instalment's later ones: advances up to then less principal asked for."""
        left, balances = 0, []
        advances = sorted(self.advances, key=lambda advance: advance.on)
        for row in self.instalments:
            while advances and (advances[0].on < row.due or row.start == row.due == advances[0].on):
                left += advances.pop(0).amount.minor
            left -= row.owed.principal.minor
            balances.append(Money(left, self.currency))
        return tuple(balances)


def opening_of(loan: RunningLoan, index: int) -> int:
    """Principal in minor units that the schedule leaves when the period of ``index`` starts."""
    start = loan.regular[index].start
    out = sum(advance.amount.minor for advance in loan.advances if advance.on < start)
    if index and loan.regular[0].is_down_payment and loan.regular[0].start == start:
        out = sum(advance.amount.minor for advance in loan.advances if advance.on <= start)
    return out - sum(row.owed.principal.minor for row in loan.regular[:index])


def advances_from(loan: RunningLoan, index: int) -> list[tuple[date, int]]:
    """What is paid out in or after the period of ``index``."""
    start = loan.regular[index].start
    paid_with = index and loan.regular[0].is_down_payment and loan.regular[0].start == start
    return [
        (advance.on, advance.amount.minor)
        for advance in loan.advances
        if advance.on > start or (advance.on == start and not paid_with)
    ]


def first_open(loan: RunningLoan) -> int:
    """The first instalment that is not settled, or whose late payment still bears on the next ones."""
    rows = loan.regular
    receipts = loan.receipts if loan.recalculates else ()
    late = {receipt.index for receipt in receipts if receipt.on > loan.instalments[receipt.index].due}
    for index, row in enumerate(rows):
        if not row.is_down_payment and (not row.is_settled or index in late):
            return index
    return len(rows)


@dataclass(frozen=True, slots=True)
class Projection:
    """The instalments from ``first`` on, and the interest that each of them bears up to a day, unrounded."""

    first: int
    splits: tuple[Split, ...]
    borne: tuple[Decimal, ...]

    @property
    def until(self) -> Decimal:
        return sum(self.borne, Decimal(0))


def arrears(receipts: Sequence[Receipt], at: int, as_of: date, *, late_bears: bool = True) -> Deviation:
    """What is owed beyond the schedule of the instalments from ``at`` on, as known on ``as_of``.

    Up to that day principal that fell due and is not paid still bears interest; after it, the schedule is
    taken to be kept. Principal paid before its day bears none from then on. Without ``late_bears`` what is
    late bears nothing beyond the schedule.
    """

    def deviation(index: int, day: date, splits: Sequence[Split]) -> int:
        early = sum(r.principal.minor for r in receipts if r.on <= day and r.index >= at + index)
        if day >= as_of or not late_bears:
            return -early
        late = 0
        for back, split in enumerate(splits[:index]):
            got = sum(r.principal.minor for r in receipts if r.on <= day and r.index == at + back)
            late += max(split.principal - got, 0)
        return late - early

    return deviation


def project(loan: RunningLoan, as_of: date, *, first: int | None = None) -> Projection:
    """What the level payments give from instalment ``first`` on, as known on ``as_of``.

    ``borne`` counts from the start of that instalment to ``as_of``.
    """
    rows = loan.regular
    at = first_open(loan) if first is None else first
    if at >= len(rows):
        return Projection(at, (), ())
    if loan.flat:
        return _as_asked(rows, at, as_of)
    opening = opening_of(loan, at)
    periods = [row.period for row in rows[at:]]
    advances = advances_from(loan, at)
    moments = sorted({receipt.on for receipt in loan.receipts} | {as_of} | {row.due for row in rows})

    deviation: Deviation = no_deviation
    if loan.recalculates:
        deviation = arrears(loan.receipts, at, as_of, late_bears=loan.late_bears)
    splits = amortise(
        opening,
        periods,
        loan.accrual,
        advances=advances,
        deviation=deviation,
        moments=moments,
        extra=loan.carried[at:],
    )
    parts, balance = [], opening
    for index, period in enumerate(periods):
        if period.start >= as_of:
            break
        paid_out = [(day, amount) for day, amount in advances if period.start <= day < period.due]

        def owed(
            day: date, index: int = index, level: int = balance, out: Sequence[tuple[date, int]] = paid_out
        ) -> int:
            more = sum(amount for when, amount in out if when <= day)
            return max(level + more + deviation(index, day, splits[:index]), 0)

        days = [*moments, *(day for day, _ in paid_out)]
        part = borne(loan.accrual, period, min(period.due, as_of), owed, days)
        parts.append(part + (loan.carried[at + index] if at + index < len(loan.carried) else 0))
        balance += sum(amount for _, amount in paid_out) - splits[index].principal
    return Projection(at, splits, tuple(parts))


def _as_asked(rows: Sequence[LoanInstalment], first: int, as_of: date) -> Projection:
    """What the instalments ask for, each bearing its interest day by day: nothing that is paid changes it."""
    splits = tuple(Split(row.owed.principal.minor, row.owed.interest.minor) for row in rows[first:])
    parts = []
    for row, split in zip(rows[first:], splits, strict=True):
        days = (min(row.due, as_of) - row.start).days
        if days > 0:
            parts.append(Decimal(split.interest) * days / (row.due - row.start).days)
    return Projection(first, splits, tuple(parts))


def with_splits(loan: RunningLoan, projection: Projection) -> RunningLoan:
    """The loan with the projected principal and interest; what was paid stays where it is."""
    rows = list(loan.regular)
    for offset, split in enumerate(projection.splits):
        row = rows[projection.first + offset]
        owed = replace(
            row.owed,
            principal=Money(split.principal, loan.currency),
            interest=Money(split.interest, loan.currency),
        )
        rows[projection.first + offset] = replace(row, owed=owed)
    later = [row for row in loan.instalments if row.charges_only]
    return replace(loan, instalments=(*rows, *later))
