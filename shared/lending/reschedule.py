"""Reschedule: a new rate from a day, moved due dates, more instalments, or grace in mid-term."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from shared.lending.allocation import Components
from shared.lending.loan import (
    LoanInstalment,
    RunningLoan,
    ServicingError,
    advances_from,
    first_open,
    opening_of,
    project,
    with_splits,
)
from shared.lending.money import Money
from shared.lending.pause import refilled
from shared.lending.progressive import Period, Rate, borne, level_payment, rounded, to_multiple


@dataclass(frozen=True, slots=True)
class Reschedule:
    """What changes, from the instalment due on or after ``since``, as known on ``on``.

    ``annual_pct``: the rate that bears the interest of day ``since`` and later; the instalments from the
    one that holds that day get a new level payment. ``due``: where the first of them moves; the later
    ones follow at the loan's distance, payments stay. ``extra``: so many instalments more at the end, with
    a new level payment. ``grace_principal`` / ``grace_interest``: so many instalments ask for no principal
    (the later ones follow, so many periods later) or no interest (the next takes what was borne).
    """

    since: date
    on: date
    annual_pct: Decimal | None = None
    due: date | None = None
    extra: int = 0
    grace_principal: int = 0
    grace_interest: int = 0


def reschedule(loan: RunningLoan, change: Reschedule) -> RunningLoan:
    """The loan after the change. ServicingError when nothing is left to change from that day."""
    rows = loan.regular
    found = [i for i, row in enumerate(rows) if row.due >= change.since and not row.is_down_payment]
    if not found:
        raise ServicingError("there is no instalment on or after that day")
    if change.extra < 0 or change.grace_principal < 0 or change.grace_interest < 0:
        raise ServicingError("a reschedule adds terms and grace, it takes none away")
    at = found[0]
    changed = loan
    if change.due is not None:
        changed = _move(changed, at, change.due)
    if change.extra:
        changed = _extend(changed, change.extra)
    if loan.divided and not (change.grace_principal or change.grace_interest):
        return _charges_moved(_spread(changed, at) if change.extra else changed)
    if change.annual_pct is not None:
        rates = [rate for rate in loan.accrual.rates if rate.since <= change.since]
        later = [rate for rate in loan.accrual.rates if rate.since > change.since]
        rates = [*rates, Rate(change.since, change.annual_pct), *later]
        changed = replace(changed, accrual=replace(loan.accrual, rates=tuple(rates)))
    if change.grace_principal or change.grace_interest:
        return _grace(changed, at, change)
    if loan.flat:
        if change.extra or change.annual_pct is not None:
            changed = _flat(changed, max(at, first_open(loan)), extra=change.extra > 0)
        return _charges_moved(changed)
    changed = replace(changed, instalments=tuple(_emptied(row) for row in changed.instalments))
    if change.extra or change.annual_pct is not None:
        changed = _level(changed, at, min(at, first_open(loan)))
    first = min(at, first_open(loan))
    fresh = with_splits(changed, project(changed, change.on, first=first))
    return _refill(_charges_moved(fresh), loan)


def _emptied(row: LoanInstalment) -> LoanInstalment:
    return replace(row, paid=Components.zero(row.owed.currency))


def _move(loan: RunningLoan, at: int, due: date) -> RunningLoan:
    """Instalment ``at`` falls due on ``due``, the later ones at the loan's distance from it."""
    rows = list(loan.regular)
    lengths = [(row.due - row.start).days for row in rows]
    start, day = rows[at].start, due
    if due < start:
        raise ServicingError("an instalment does not fall due before its period starts")
    for number, row in enumerate(rows[at:]):
        if number:
            usual = loan.due_after(row.start, 1)
            day = loan.due_after(due, number)
            if row.due != usual and number == len(rows) - at - 1 and row.due < usual:
                day = date.fromordinal(start.toordinal() + lengths[at + number])
        rows[at + number] = replace(row, start=start, due=day)
        start = day
    only = [row for row in loan.instalments if row.charges_only]
    return replace(loan, instalments=(*rows, *only))


def _extend(loan: RunningLoan, extra: int) -> RunningLoan:
    rows = list(loan.regular)
    nothing = Components.zero(loan.currency)
    base = rows[-1].due
    for number in range(1, extra + 1):
        due = loan.due_after(base, number)
        rows.append(LoanInstalment(rows[-1].due, due, nothing, nothing))
    only = [row for row in loan.instalments if row.charges_only]
    return replace(loan, instalments=(*rows, *only))


def _spread(loan: RunningLoan, at: int) -> RunningLoan:
    """Principal and interest from instalment ``at`` on in equal sums, the interest staying where it is."""
    rows = list(loan.regular)
    later = rows[at:]
    left = sum(row.owed.principal.minor for row in later)
    total = left + sum(row.owed.interest.minor for row in later)
    level = to_multiple(Decimal(total) / len(later), loan.multiple)
    for index, row in enumerate(later, start=at):
        wanted = max(level - row.owed.interest.minor, row.paid.principal.minor)
        part = left if index == len(rows) - 1 else min(wanted, left)
        left -= part
        rows[index] = replace(row, owed=replace(row.owed, principal=Money(part, loan.currency)))
    only = [row for row in loan.instalments if row.charges_only]
    return replace(loan, instalments=(*rows, *only))


def _flat(loan: RunningLoan, at: int, *, extra: bool) -> RunningLoan:
    """Interest on what was lent, from instalment ``at`` on; with ``extra`` terms principal in equal parts."""
    rows = list(loan.regular)
    lent = sum(advance.amount.minor for advance in loan.advances)
    left = sum(row.owed.principal.minor for row in rows[at:])
    share = to_multiple(Decimal(left) / len(rows[at:]), loan.multiple)
    for index, row in enumerate(rows[at:], start=at):
        principal = row.owed.principal.minor
        if extra:
            principal = left if index == len(rows) - 1 else min(share, left)
        left -= principal
        interest = rounded(borne(loan.accrual, row.period, row.due, lambda _: lent, ()))
        owed = replace(
            row.owed, principal=Money(principal, loan.currency), interest=Money(interest, loan.currency)
        )
        rows[index] = replace(row, owed=owed)
    only = [row for row in loan.instalments if row.charges_only]
    return replace(loan, instalments=(*rows, *only))


def _level(loan: RunningLoan, at: int, first: int) -> RunningLoan:
    """A new level payment from instalment ``at`` on, for what the schedule (not what is late) leaves then."""
    planned = project(replace(loan, recalculates=False), loan.regular[at].start, first=first)
    opening = opening_of(loan, first) + sum(
        advance for day, advance in advances_from(loan, first) if day < loan.regular[at].start
    )
    opening -= sum(split.principal for split in planned.splits[: at - first])
    rows = list(loan.regular)
    periods: Sequence[Period] = [row.period for row in rows[at:]]
    level = level_payment(
        opening, periods, loan.accrual, multiple=loan.multiple, advances=advances_from(loan, at)
    )
    for offset, period in enumerate(level):
        row = rows[at + offset]
        owed = replace(
            row.owed,
            principal=Money(period.payment, loan.currency),
            interest=Money.zero(loan.currency),
        )
        rows[at + offset] = replace(row, owed=owed)
    only = [row for row in loan.instalments if row.charges_only]
    return replace(loan, instalments=(*rows, *only))


def _grace(loan: RunningLoan, at: int, change: Reschedule) -> RunningLoan:
    rows = list(loan.regular)
    if len(rows) <= at + change.grace_interest:
        raise ServicingError("grace on interest ends before the last instalment")
    if change.grace_principal:
        # What the instalments ask for moves back by so many periods; till then interest alone is due.
        asked = [row.owed for row in rows[at:]]
        spared = replace(asked[0], principal=Money.zero(loan.currency))
        rows = list(_extend(loan, change.grace_principal).regular)
        for index, parts in enumerate([spared] * change.grace_principal + asked, start=at):
            charges = rows[index].owed
            owed = replace(parts, fees=charges.fees, late_charges=charges.late_charges)
            rows[index] = replace(rows[index], owed=owed)
    waiting = Money.zero(loan.currency)
    for index in range(at, at + change.grace_interest):
        waiting += rows[index].owed.interest
        rows[index] = replace(rows[index], owed=replace(rows[index].owed, interest=Money.zero(loan.currency)))
    after = at + change.grace_interest
    if not waiting.is_zero:
        owed = rows[after].owed
        rows[after] = replace(rows[after], owed=replace(owed, interest=owed.interest + waiting))
    paid_out = loan.advances[0].on
    rows = [
        replace(row, settled_on=row.settled_on or paid_out) if row.owed.total.is_zero else row for row in rows
    ]
    only = [row for row in loan.instalments if row.charges_only]
    return replace(loan, instalments=(*rows, *only))


def _charges_moved(loan: RunningLoan) -> RunningLoan:
    """The later charges join the last instalment when the moved dates reach them."""
    rows = list(loan.regular)
    only = [row for row in loan.instalments if row.charges_only]
    kept: list[LoanInstalment] = []
    for row in only:
        if row.due <= rows[-1].due:
            index = next(i for i, other in enumerate(rows) if other.due >= row.due)
            owed = rows[index].owed + row.owed
            rows[index] = replace(rows[index], owed=owed)
        else:
            kept.append(replace(row, start=rows[-1].due))
    return replace(loan, instalments=(*rows, *kept))


def _refill(loan: RunningLoan, before: RunningLoan) -> RunningLoan:
    """Money that instalments had received stays; what they ask for no more goes to the next ones."""
    rows: list[LoanInstalment] = []
    over = 0
    old = list(before.instalments)
    for index, row in enumerate(loan.instalments):
        source = old[index] if index < len(old) else None
        got = source.paid if source else Components.zero(loan.currency)
        room = row.owed.total.minor - got.total.minor
        if room < 0:
            over -= room
            got = row.owed
            rows.append(replace(row, paid=got, settled_on=source.settled_on if source else None))
            continue
        held = replace(row, paid=got) if not (row.owed - got).has_negative else None
        done = held or (refilled(row, source) if source else row)
        take = min(over, done.unpaid.total.minor)
        if take:
            over -= take
            paid = done.paid
            principal = min(take, done.unpaid.principal.minor)
            paid = replace(
                paid,
                principal=paid.principal + Money(principal, loan.currency),
                interest=paid.interest + Money(take - principal, loan.currency),
            )
            done = replace(done, paid=paid)
        settled = source.settled_on if source and done.is_settled else None
        rows.append(replace(done, settled_on=settled))
    if over:
        raise ServicingError("more was paid than the loan asks for now")
    return replace(loan, instalments=tuple(rows))
