"""Re-age: an overdue loan starts anew, with what is unpaid in a number of new instalments.

The old instalments keep what was paid of them and ask for nothing else; the period in which the loan is
re-aged ends on that day, and what was paid in advance is gathered there. Nothing owed is lost or made:
principal moves whole, interest is what the chosen handling says, charges are spread or stay with their day.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum

from shared.lending.allocation import Component, Components
from shared.lending.loan import Charge, LoanInstalment, Receipt, RunningLoan, ServicingError, arrears, project
from shared.lending.money import Money
from shared.lending.progressive import (
    Period,
    amortise,
    level_payment,
    no_deviation,
    rounded,
    to_multiple,
)
from shared.lending.rate_factors import Every


class ReageInterest(StrEnum):
    """What becomes of interest.

    ``ANNUITY``: the level payment repays the principal, interest goes on, what was borne falls due first.
    ``EQUAL_PAYABLE`` and ``EQUAL_FULL``: nothing more is borne; what was borne up to the day (or would have
    been to the end) and is not paid is divided equally. ``WAIVE``: as ``ANNUITY``, without what was borne.
    """

    ANNUITY = "annuity"
    EQUAL_PAYABLE = "equal_payable"
    EQUAL_FULL = "equal_full"
    WAIVE = "waive"


@dataclass(frozen=True, slots=True)
class Reage:
    """``count`` instalments, ``every`` ``unit`` apart, the first on ``first_due``.

    The loan is re-aged on ``on``, or on the first due date when that is earlier. Without ``net_of_paid``
    ``EQUAL_PAYABLE`` divides the interest borne whole, though a part of it was paid, as a published system
    does: that part is then paid twice, so nothing of ours asks for it.
    """

    on: date
    first_due: date
    count: int
    every: int = 1
    unit: Every = Every.MONTHS
    interest: ReageInterest = ReageInterest.ANNUITY
    net_of_paid: bool = True

    @property
    def effective(self) -> date:
        return min(self.on, self.first_due)

    def periods(self) -> tuple[Period, ...]:
        """The new periods; the first is counted from the day of the re-age."""
        dues = [self.unit.after(self.first_due, self.every * k) for k in range(self.count)]
        return tuple(Period(start, due) for start, due in zip([self.effective, *dues], dues, strict=False))


def reage(loan: RunningLoan, terms: Reage) -> RunningLoan:
    """The loan after the re-age. ServicingError without an instalment, or when no principal is unpaid."""
    if terms.count < 1 or terms.every < 1:
        raise ServicingError("a re-age has at least one instalment")
    principal = sum(row.unpaid.principal.minor for row in loan.regular)
    if principal <= 0:
        raise ServicingError("there is no principal to re-age")
    equal = terms.interest in (ReageInterest.EQUAL_PAYABLE, ReageInterest.EQUAL_FULL)
    old = _closed(loan, terms.effective, keep_charges=not equal)
    carried: tuple[int, ...] = ()
    if equal:
        new = _equal(loan, terms, principal)
    else:
        new, first = _annuity(loan, terms, principal)
        carried = (*(0 for _ in old), first)
    held = [row for row in loan.instalments if row.charges_only or not equal]
    keep = [charge for row in held for charge in _waiting(loan, row, terms.effective)]
    rows = (*old, *_with_charges(new, keep, loan.currency))
    since = loan.overdue_from(terms.effective)
    return replace(
        loan,
        every=terms.every,
        unit=terms.unit,
        instalments=rows,
        receipts=_receipts(old),
        overdue_since=since,
        divided=equal,
        carried=carried,
    )


def _receipts(old: list[LoanInstalment]) -> tuple[Receipt, ...]:
    """What was paid of the old instalments bears no interest from the new ones' start on."""
    return tuple(
        Receipt(min(row.settled_on or row.due, row.due), index, row.paid.principal)
        for index, row in enumerate(old)
        if row.paid.principal
    )


def _closed(loan: RunningLoan, day: date, *, keep_charges: bool) -> list[LoanInstalment]:
    """The old instalments up to ``day``: what was paid of them, and the charges that stay."""
    rows: list[LoanInstalment] = []
    gathered = Components.zero(loan.currency)
    stub: LoanInstalment | None = None
    settled: date | None = None
    for row in loan.instalments:
        if row.due <= day and not row.charges_only:
            owed = row.paid
            if keep_charges:
                owed = replace(owed, fees=row.owed.fees, late_charges=row.owed.late_charges)
            rows.append(_settled(replace(row, owed=owed), row, day))
            continue
        gathered += row.paid
        if row.start < day and not row.charges_only:
            stub, settled = row, row.settled_on
    if stub is not None:
        owed = gathered
        if keep_charges:
            waiting = _by_component(_waiting(loan, stub, day), loan.currency)
            owed = replace(
                owed,
                fees=owed.fees + stub.unpaid.fees - waiting[0],
                late_charges=owed.late_charges + stub.unpaid.late_charges - waiting[1],
            )
        end = LoanInstalment(stub.start, day, owed, gathered, settled)
        rows.append(_settled(end, replace(stub, settled_on=settled), day))
    elif not gathered.total.is_zero:
        # Nothing ends on this day, so what was paid in advance joins the last instalment before it.
        last = rows.pop() if rows else LoanInstalment(day, day, gathered - gathered, gathered - gathered)
        rows.append(replace(last, owed=last.owed + gathered, paid=last.paid + gathered))
    return rows


def _waiting(loan: RunningLoan, row: LoanInstalment, day: date) -> list[Charge]:
    """Unpaid charges of an instalment whose own day is after ``day``; the earlier ones were paid first."""
    if row.due <= day:
        return [] if not row.charges_only else _unlisted(row.unpaid, row.due)
    left = row.unpaid
    waiting: list[Charge] = []
    first = loan.instalments[0].start
    listed = [c for c in loan.charges if row.start < c.due <= row.due or row.start == c.due == first]
    for charge in sorted(listed, key=lambda charge: charge.due, reverse=True):
        amount = min(charge.amount, left.get(charge.component))
        left -= Components.from_mapping(loan.currency, {charge.component: amount})
        if charge.due > day:
            waiting.append(replace(charge, amount=amount))
    return [*waiting, *_unlisted(left, row.due)] if not listed else waiting


def _unlisted(left: Components, due: date) -> list[Charge]:
    parts = ((Component.FEES, left.fees), (Component.LATE_CHARGES, left.late_charges))
    return [Charge(due, amount, part) for part, amount in parts if amount.is_positive]


def _settled(row: LoanInstalment, before: LoanInstalment, day: date) -> LoanInstalment:
    if not row.is_settled:
        return replace(row, settled_on=None)
    return replace(row, settled_on=before.settled_on or day)


def _equal(loan: RunningLoan, terms: Reage, principal: int) -> list[LoanInstalment]:
    interest = _unpaid_interest(loan, terms)
    fees = sum(row.unpaid.fees.minor for row in loan.regular)
    late = sum(row.unpaid.late_charges.minor for row in loan.regular)
    count = terms.count
    level = to_multiple(Decimal(principal + interest + fees + late) / count, loan.multiple)
    others = [_spread(part, rounded(Decimal(part) / count), count) for part in (interest, fees, late)]
    # Where interest runs on the schedule the principal is level, else the whole instalment.
    rest = [level - sum(parts) for parts in zip(*others, strict=True)]
    columns = (_less(principal, rest if loan.recalculates else [rest[0]] * count), *others)
    rows = []
    for period, parts in zip(terms.periods(), zip(*columns, strict=True), strict=True):
        rows.append(_new(period, loan.currency, *parts))
    return rows


def _spread(total: int, share: int, count: int) -> list[int]:
    """``share`` in each but the last, never more than is left; the last takes the rest."""
    return _less(total, [share] * count)


def _less(total: int, shares: list[int]) -> list[int]:
    """These shares, never more than is left; the last takes the rest."""
    parts, left = [], total
    for share in shares[:-1]:
        parts.append(min(share, left))
        left -= parts[-1]
    return [*parts, left]


def _unpaid_interest(loan: RunningLoan, terms: Reage) -> int:
    """Interest borne (to the day or to the end) that is not paid, in minor units."""
    seen = project(loan, terms.effective)
    open_rows = loan.regular[seen.first :]
    paid = sum(row.paid.interest.minor for row in open_rows)
    if terms.interest is ReageInterest.EQUAL_FULL:
        total = sum(split.interest for split in seen.splits)
    else:
        total = sum(rounded(part) for part in seen.borne)
        paid = paid if terms.net_of_paid else 0
    return max(total - paid, 0)


def _annuity(loan: RunningLoan, terms: Reage, principal: int) -> tuple[list[LoanInstalment], int]:
    """The new instalments, and the interest in the first of them that was borne before."""
    seen = project(_ending(loan, terms.effective), terms.effective)
    paid = sum(row.paid.interest.minor for row in loan.regular[seen.first :])
    # The level payment is found with the exact interest; what falls due is rounded period by period.
    exact = max(seen.until - paid, Decimal(0))
    carried = Decimal(max(sum(rounded(part) for part in seen.borne) - paid, 0))
    if terms.interest is ReageInterest.WAIVE:
        exact = carried = Decimal(0)
    later = [(a.on, a.amount.minor) for a in loan.advances if a.on > terms.effective]
    planned = level_payment(
        principal,
        terms.periods(),
        loan.accrual,
        multiple=loan.multiple,
        advances=later,
        carried=exact,
    )
    late = arrears((), 0, terms.on) if loan.recalculates else no_deviation
    splits = amortise(
        principal,
        planned,
        loan.accrual,
        advances=later,
        carried=carried,
        deviation=late,
        moments=[terms.on, *(period.due for period in planned)],
    )
    rows = [
        _new(period, loan.currency, split.principal, split.interest)
        for period, split in zip(planned, splits, strict=True)
    ]
    return rows, int(carried)


def _ending(loan: RunningLoan, day: date) -> RunningLoan:
    """The loan with the period that holds the day ended on it, which counts its months anew."""
    rows = [replace(row, due=day) if row.start < day < row.due else row for row in loan.instalments]
    return replace(loan, instalments=tuple(rows))


def _new(
    period: Period, currency: str, principal: int, interest: int, fees: int = 0, late: int = 0
) -> LoanInstalment:
    owed = Components.of(
        currency,
        principal=Money(principal, currency),
        interest=Money(interest, currency),
        fees=Money(fees, currency),
        late_charges=Money(late, currency),
    )
    return LoanInstalment(period.start, period.due, owed, Components.zero(currency))


def _by_component(charges: Iterable[Charge], currency: str) -> tuple[Money, Money]:
    fees, late = Money.zero(currency), Money.zero(currency)
    for charge in charges:
        if charge.component is Component.LATE_CHARGES:
            late += charge.amount
        else:
            fees += charge.amount
    return fees, late


def _with_charges(rows: list[LoanInstalment], charges: list[Charge], currency: str) -> list[LoanInstalment]:
    """Each charge in the instalment whose period holds its day; the later ones in one of their own."""
    done = []
    for row in rows:
        fees, late = _by_component([c for c in charges if row.start < c.due <= row.due], currency)
        owed = replace(row.owed, fees=row.owed.fees + fees, late_charges=row.owed.late_charges + late)
        done.append(replace(row, owed=owed))
    rest = [charge for charge in charges if charge.due > rows[-1].due]
    if rest:
        fees, late = _by_component(rest, currency)
        owed = Components.of(currency, fees=fees, late_charges=late)
        last = max(charge.due for charge in rest)
        done.append(LoanInstalment(rows[-1].due, last, owed, Components.zero(currency), charges_only=True))
    return done
