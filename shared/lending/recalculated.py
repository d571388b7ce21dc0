"""Payments where interest runs on what is really owed, day by day.

A payment first meets the interest borne up to its day: an instalment that is paid before its day asks for
that much interest only, later ones for none, and their level payments are principal. What the first of
them bears until its day, on the smaller balance, falls due with the next. Late principal bears interest up
to the day on which one looks. Amounts are minor units inside; half-even.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from shared.lending.allocation import Component, Components
from shared.lending.instalment_allocation import Future, Payment, PaymentRules, pay
from shared.lending.loan import LoanInstalment, Receipt, RunningLoan, arrears
from shared.lending.money import Money
from shared.lending.progressive import Period, Split, borne, rounded


@dataclass(frozen=True, slots=True)
class _Seen:
    """An instalment as asked for at its day, and its interest and principal when paid on a day before."""

    split: Split
    now: Split


def pay_recalculated(loan: RunningLoan, on: date, amount: Money, rules: PaymentRules, as_of: date) -> Payment:
    """Serve the loan with ``amount`` received on ``on``, and show it as known on ``as_of``.

    What the parts received and what is left over add up to ``amount``. The loan keeps its level payments;
    its last instalment takes what is left.
    """
    fixed = _fixed(loan)
    payments = [row.period.payment for row in loan.regular]
    seen = _run(loan, on, fixed, payments, rules.future)
    count = len(loan.regular)
    asked = tuple(
        _asking(row, part.split if row.due <= on else part.now)
        for row, part in zip(loan.regular, seen, strict=True)
    )
    rest = loan.instalments[count:]
    done = pay(replace(loan, instalments=(*asked, *rest)), on, amount, rules)
    receipts = list(loan.receipts)
    for index, (new, old) in enumerate(zip(done.loan.instalments, loan.instalments, strict=True)):
        more = new.paid.principal - old.paid.principal
        if more:
            receipts.append(Receipt(on, index, more))
    for index, row in enumerate(done.loan.regular):
        if row.is_settled and index not in fixed and row.owed.total:
            fixed[index] = Split(row.owed.principal.minor, row.owed.interest.minor)
    paid = replace(done.loan, receipts=tuple(receipts))
    shown = [
        _asking(row, part.split)
        for row, part in zip(paid.regular, _run(paid, as_of, fixed, payments), strict=True)
    ]
    for index, (row, before) in enumerate(zip(shown, loan.regular, strict=True)):
        # What was left of an instalment may end because the payment made it bear, or ask for, less.
        if row.is_settled and row.settled_on is None and not before.is_settled:
            shown[index] = replace(row, settled_on=on)
    return replace(done, loan=replace(paid, instalments=(*shown, *paid.instalments[count:])))


def _fixed(loan: RunningLoan) -> dict[int, Split]:
    """Settled instalments do not change any more."""
    return {
        index: Split(row.owed.principal.minor, row.owed.interest.minor)
        for index, row in enumerate(loan.regular)
        if row.is_settled
    }


def _asking(row: LoanInstalment, split: Split) -> LoanInstalment:
    """The instalment with this principal and interest, never less than what was paid of them."""
    currency = row.owed.currency
    interest = max(split.interest, row.paid.interest.minor)
    principal = max(split.principal + split.interest - interest, row.paid.principal.minor)
    owed = replace(row.owed, principal=Money(principal, currency), interest=Money(interest, currency))
    done = replace(row, owed=owed)
    return replace(done, settled_on=row.settled_on if done.is_settled else None)


def _run(
    loan: RunningLoan,
    day: date,
    fixed: Mapping[int, Split],
    payments: Sequence[int],
    future: Future = Future.NEXT,
) -> list[_Seen]:
    """Every instalment as known on ``day``, the settled ones as they are."""
    rows = loan.regular
    periods = [Period(row.start, row.due, level) for row, level in zip(rows, payments, strict=True)]
    deviation = arrears(loan.receipts, 0, day, late_bears=loan.late_bears)
    moments = sorted({receipt.on for receipt in loan.receipts} | {day} | {row.due for row in rows})
    open_rows = [index for index in range(len(rows)) if index not in fixed]
    last = open_rows[-1] if open_rows else len(rows)
    total = sum(advance.amount.minor for advance in loan.advances)
    later = sum(split.principal for index, split in fixed.items() if index > last)
    splits: list[Split] = []
    borne_now: list[int] = []
    balance, waiting, waiting_now = 0, 0, 0
    advances = [(advance.on, advance.amount.minor) for advance in loan.advances]
    for index, period in enumerate(periods):
        row = rows[index]
        paid_out = [(when, sum_) for when, sum_ in advances if period.start <= when < period.due]
        if row.is_down_payment:
            paid_out = []
        if index and rows[index - 1].is_down_payment and rows[index - 1].due == period.start:
            paid_out = [(when, sum_) for when, sum_ in paid_out if when != period.start]
        if row.is_down_payment:
            balance += sum(sum_ for when, sum_ in advances if when == row.due)

        def owed(
            when: date, index: int = index, level: int = balance, out: list[tuple[date, int]] = paid_out
        ) -> int:
            more = sum(sum_ for paid_on, sum_ in out if paid_on <= when)
            return max(level + more + deviation(index, when, splits), 0)

        days = [*(when for when, _ in paid_out), *moments]
        due = rounded(borne(loan.accrual, period, period.due, owed, days)) + waiting
        due += loan.carried[index] if index < len(loan.carried) else 0
        until = min(max(day, period.start), period.due)
        now = rounded(borne(loan.accrual, period, until, owed, days)) + waiting_now
        now += loan.carried[index] if index < len(loan.carried) and period.start < day else 0
        balance += sum(sum_ for _, sum_ in paid_out)
        if index in fixed:
            split = fixed[index]
            early = row.settled_on is None or row.settled_on < row.due
            waiting = max(due - split.interest, 0) if early and not row.is_down_payment else 0
            waiting_now = max(now - split.interest, 0) if early and not row.is_down_payment else 0
            borne_now.append(split.interest)
        else:
            interest = due if index == last else min(due, period.payment)
            if row.paid.principal.minor > period.payment - interest and index != last:
                interest = min(row.paid.interest.minor, period.payment)
            waiting = due - interest
            left = max(balance - later, 0)
            split = Split(left if index == last else min(period.payment - interest, left), interest)
            interest_now = min(now, period.payment)
            waiting_now = now - interest_now
            borne_now.append(interest_now)
        splits.append(split)
        balance -= split.principal
    return _now(loan, day, fixed, payments, future, splits, borne_now, total)


def _now(
    loan: RunningLoan,
    day: date,
    fixed: Mapping[int, Split],
    payments: Sequence[int],
    future: Future,
    splits: Sequence[Split],
    borne_now: Sequence[int],
    total: int,
) -> list[_Seen]:
    """What each instalment asks for when paid on ``day``: level payments in the order they are served."""
    rows = loan.regular
    known = {i: split for i, split in enumerate(splits) if i in fixed or rows[i].due <= day}
    ahead = [i for i in range(len(rows)) if i not in known]
    if future in (Future.LAST, Future.CURRENT_THEN_LAST):
        ahead.reverse()
    if future is Future.CURRENT_THEN_LAST:
        ahead.sort(key=lambda i: not rows[i].start <= day < rows[i].due)
    left = max(total - sum(split.principal for split in known.values()), 0)
    today = dict(known)
    for i in ahead:
        # The last instalment asks for what rounding left; served before others it takes a whole payment.
        level = max(payments[i], payments[i - 1]) if i == max(ahead) and i else payments[i]
        principal = left if i == ahead[-1] else min(max(level - borne_now[i], 0), left)
        principal = max(principal, min(rows[i].paid.principal.minor, left))
        today[i] = Split(principal, borne_now[i])
        left -= principal
    return [_Seen(split, today[i]) for i, split in enumerate(splits)]


def paid_off(loan: RunningLoan, on: date) -> Components:
    """What clears the loan on a day, by component: all principal, and the interest borne up to then.

    Where interest does not run on what is really owed, all that the instalments ask for.
    """
    if not loan.recalculates:
        return loan.unpaid
    seen = _run(loan, on, _fixed(loan), [row.period.payment for row in loan.regular])
    total = Components.zero(loan.currency)
    for row, part in zip(loan.regular, seen, strict=True):
        total += _asking(row, part.split if row.due <= on else part.now).unpaid
    for row in loan.instalments[len(loan.regular) :]:
        total += row.unpaid
    return Components.from_mapping(loan.currency, {part: total.get(part) for part in Component})
