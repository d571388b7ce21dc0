"""Payments on a running loan: which part of which instalment they reduce.

Each slot of the order is a part (late charges, fees, interest, principal) of instalments that are past
due, due on the day, or in advance. Horizontally an instalment is served whole before the next one;
vertically a slot is served over all instalments before the next slot. What is paid in advance goes to the
next instalment, to the last one (or to the current one before it), or in equal shares to all of them.
Several debts of one case are shared out by :func:`shared.lending.allocation.allocate`; this is what
happens inside one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from shared.lending.allocation import Component, Components, waterfall
from shared.lending.loan import LoanInstalment, RunningLoan
from shared.lending.money import Money, Rounding, round_ratio


class Due(StrEnum):
    """Where an instalment stands on the day of a payment."""

    PAST_DUE = "past_due"
    DUE = "due"
    IN_ADVANCE = "in_advance"


class Future(StrEnum):
    """Which of the instalments not yet due takes what is paid in advance."""

    NEXT = "next"
    LAST = "last"
    CURRENT_THEN_LAST = "current_then_last"
    EQUALLY = "equally"


Slot = tuple[Due, Component]


@dataclass(frozen=True, slots=True)
class PaymentRules:
    """The order of slots, each named at most once. ValueError when one is named twice or none is.

    With ``charges_by_own_day`` a charge whose own day has come is due though its instalment is not yet.
    """

    order: tuple[Slot, ...]
    future: Future = Future.NEXT
    vertical: bool = False
    charges_by_own_day: bool = False

    def __post_init__(self) -> None:
        if not self.order or len(set(self.order)) != len(self.order):
            raise ValueError("an order names slots, each at most once")

    @staticmethod
    def same_for_all(
        parts: Sequence[Component], future: Future = Future.NEXT, *, vertical: bool = False
    ) -> PaymentRules:
        """Past due before due before in advance, the same order of parts in each of them."""
        return PaymentRules(tuple((due, part) for due in Due for part in parts), future, vertical)

    def parts(self, due: Due) -> tuple[Component, ...]:
        """The order of parts for one standing."""
        return tuple(part for where, part in self.order if where is due)

    def standings(self) -> tuple[Due, ...]:
        """The standings in the order in which the first slot of each is named."""
        return tuple(dict.fromkeys(where for where, _ in self.order))


@dataclass(frozen=True, slots=True)
class Payment:
    """The loan after a payment, what each part received in all, and what is left over."""

    loan: RunningLoan
    parts: Components
    unallocated: Money


def standing(row: LoanInstalment, on: date) -> Due:
    """Where an instalment stands on a day."""
    if row.due < on:
        return Due.PAST_DUE
    return Due.DUE if row.due == on else Due.IN_ADVANCE


def pay(loan: RunningLoan, on: date, amount: Money, rules: PaymentRules) -> Payment:
    """Serve the instalments with ``amount`` received on ``on``.

    What the parts received and what is left over add up to ``amount``; no part is paid beyond what it asks
    for. ValueError for a negative amount, CurrencyMismatch for one of another currency.
    """
    if amount.is_negative:
        raise ValueError("a payment is not negative")
    later = [_made_later(loan, row, on) for row in loan.instalments]
    rows = [replace(row, owed=row.owed - more) for row, more in zip(loan.instalments, later, strict=True)]
    early = [_due_charges(loan, row, on) for row in rows] if rules.charges_by_own_day else None
    left = _round(rows, on, amount, rules, early)
    rows = [
        replace(row, owed=row.owed + more, settled_on=None if more.total else row.settled_on)
        for row, more in zip(rows, later, strict=True)
    ]
    if any(more.total for more in later):
        left = _round(rows, on, left, rules)
    got = Components.zero(loan.currency)
    for new, old in zip(rows, loan.instalments, strict=True):
        got += new.paid - old.paid
    return Payment(replace(loan, instalments=tuple(rows)), got, left)


def give_back(loan: RunningLoan, on: date, amount: Money, rules: PaymentRules) -> Payment:
    """Take ``amount``, paid back to the borrower on ``on``, off what was paid: a payment's order, reversed.

    The newest instalments give first, each its parts from the last to the first. ``parts`` is what each part
    gave, ``unallocated`` what nothing was paid for. ValueError for a negative amount.
    """
    if amount.is_negative:
        raise ValueError("a refund is not negative")
    rows, left = list(loan.instalments), amount
    slots: list[tuple[Due, Sequence[Component]]] = [(where, (part,)) for where, part in rules.order]
    if not rules.vertical:
        slots = [(where, rules.parts(where)) for where in rules.standings()]
    for where, parts in reversed(slots):
        for index in reversed([i for i, row in enumerate(rows) if standing(row, on) is where]):
            row = rows[index]
            back, left = waterfall(left, row.paid, tuple(reversed(parts)))
            if back.total.is_positive:
                rows[index] = replace(row, paid=row.paid - back, settled_on=None)
    given = loan.paid
    for row in rows:
        given -= row.paid
    return Payment(replace(loan, instalments=tuple(rows)), given, left)


def _round(
    rows: list[LoanInstalment],
    on: date,
    left: Money,
    rules: PaymentRules,
    early: Sequence[Components] | None = None,
) -> Money:
    """Serve all slots once, in place; what is left."""
    if rules.vertical:
        for where, part in rules.order:
            left = _serve(rows, on, left, where, (part,), rules.future)
        return left
    for where in rules.standings():
        left = _serve(rows, on, left, where, rules.parts(where), rules.future)
        if where is Due.DUE and early is not None:
            left = _serve_charges(rows, early, on, left, rules.parts(where))
    return left


def _serve_charges(
    rows: list[LoanInstalment], early: Sequence[Components], on: date, left: Money, parts: Sequence[Component]
) -> Money:
    """Serve the charges that are due in instalments that are not, in place; what is left."""
    for index, owed in enumerate(early):
        row = rows[index]
        open_now = Components.from_mapping(
            owed.currency, {part: min(amount, row.unpaid.get(part)) for part, amount in owed.parts().items()}
        )
        if standing(row, on) is Due.IN_ADVANCE and open_now.total.is_positive:
            got, left = waterfall(left, open_now, parts)
            done = replace(row, paid=row.paid + got)
            rows[index] = replace(done, settled_on=on) if done.is_settled else done
    return left


def _holds(loan: RunningLoan, row: LoanInstalment, day: date) -> bool:
    """Whether a charge of this day belongs to the instalment."""
    return row.start < day <= row.due or row.start == day == loan.instalments[0].start


def _due_charges(loan: RunningLoan, row: LoanInstalment, on: date) -> Components:
    """Charges of an instalment whose own day has come."""
    total = Components.zero(loan.currency)
    for charge in loan.charges:
        if charge.due <= on and _holds(loan, row, charge.due):
            total += Components.from_mapping(loan.currency, {charge.component: charge.amount})
    return total


def _made_later(loan: RunningLoan, row: LoanInstalment, on: date) -> Components:
    """Unpaid charges that came up, and fall due, after the day of the payment: they wait."""
    wait = Components.zero(loan.currency)
    for charge in loan.charges:
        known = charge.made is None or charge.made <= on or charge.due <= on
        if known or not _holds(loan, row, charge.due):
            continue
        wait += Components.from_mapping(loan.currency, {charge.component: charge.amount})
    return Components.from_mapping(
        loan.currency, {part: min(amount, row.unpaid.get(part)) for part, amount in wait.parts().items()}
    )


def _serve(
    rows: list[LoanInstalment],
    on: date,
    left: Money,
    where: Due,
    parts: Sequence[Component],
    future: Future,
) -> Money:
    """Serve the instalments of one standing, in place; what is left of the payment."""
    chosen = [i for i, row in enumerate(rows) if standing(row, on) is where]
    if where is Due.IN_ADVANCE and future is Future.EQUALLY:
        return _equally(rows, on, left, chosen, parts)
    if where is Due.IN_ADVANCE and future in (Future.LAST, Future.CURRENT_THEN_LAST):
        chosen.reverse()
    if where is Due.IN_ADVANCE and future is Future.CURRENT_THEN_LAST:
        # Sorting is stable, so the others stay in their order from the last.
        chosen.sort(key=lambda index: not rows[index].start <= on < rows[index].due)
    for index in chosen:
        rows[index], left = _take(rows[index], on, left, left, parts)
    return left


def _equally(
    rows: list[LoanInstalment], on: date, left: Money, chosen: Sequence[int], parts: Sequence[Component]
) -> Money:
    """Part by part, equal shares (half-even) to the unsettled ones, the last takes the rest of a round.

    Again while something is left that one of them can take.
    """
    while left.is_positive:
        before = left
        for part in parts:
            wanting = [i for i in chosen if not rows[i].is_settled]
            if not wanting or not left.is_positive:
                break
            share = Money(round_ratio(left.minor, len(wanting), Rounding.HALF_EVEN), left.currency)
            rest = left - share * (len(wanting) - 1)
            for index in wanting:
                most = rest if index == wanting[-1] else share
                rows[index], left = _take(rows[index], on, left, most, (part,))
        if left == before:
            break
    return left


def _take(
    row: LoanInstalment, on: date, left: Money, most: Money, parts: Sequence[Component]
) -> tuple[LoanInstalment, Money]:
    """One instalment served in the order of parts with at most ``most``; what is left after it."""
    offered = min(left, most)
    if not offered.is_positive or row.is_settled:
        return row, left
    got, rest = waterfall(offered, row.unpaid, parts)
    done = replace(row, paid=row.paid + got)
    if done.is_settled:
        done = replace(done, settled_on=on)
    return done, left - (offered - rest)
