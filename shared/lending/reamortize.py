"""Re-amortise: what is overdue is spread over the instalments that remain, whose dates stay.

Without running interest the overdue amounts are divided equally and added to the instalments. With it, a
new level payment repays the whole principal that is owed; overdue interest falls due first, or is divided.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from enum import StrEnum

from shared.lending.allocation import Component, Components
from shared.lending.loan import LoanInstalment, RunningLoan, ServicingError, project
from shared.lending.money import Money
from shared.lending.progressive import Split, amortise, level_payment, rounded, to_multiple


class OverdueInterest(StrEnum):
    """Whether interest that is overdue falls due with the next instalment or is divided over all."""

    FIRST = "first"
    DIVIDED = "divided"


def reamortize(loan: RunningLoan, on: date, interest: OverdueInterest = OverdueInterest.FIRST) -> RunningLoan:
    """Spread what fell due up to ``on`` and is unpaid over the later instalments.

    Divided interest is rounded for each instalment, half-even: what that rounding leaves is not asked for
    when interest runs. ServicingError when nothing is overdue or no instalment is left.
    """
    rows = loan.regular
    past = [row for row in rows if row.due <= on]
    later = [row for row in rows if row.due > on]
    if not later:
        raise ServicingError("there is no later instalment to spread over")
    overdue = Components.zero(loan.currency)
    for row in past:
        overdue += row.unpaid
    if overdue.total.is_zero:
        raise ServicingError("nothing is overdue")
    divided = interest is OverdueInterest.DIVIDED
    bears = loan.recalculates and any(rate.annual_pct for rate in loan.accrual.rates)
    closed = [_closed(row, on, keep_charges=bears and not divided) for row in past]
    carried = loan.carried
    if bears:
        new, carried = _annuity(loan, on, past, later, divided=divided)
        if divided:
            new = _add_charges(new, overdue)
    else:
        new = _spread(loan, later, overdue)
    only = [row for row in loan.instalments if row.charges_only]
    since = loan.overdue_from(on)
    return replace(loan, instalments=(*closed, *new, *only), overdue_since=since, carried=carried)


def _closed(row: LoanInstalment, on: date, *, keep_charges: bool) -> LoanInstalment:
    owed = row.paid
    if keep_charges:
        owed = replace(owed, fees=row.owed.fees, late_charges=row.owed.late_charges)
    done = replace(row, owed=owed)
    return replace(done, settled_on=(row.settled_on or on) if done.is_settled else None)


def _spread(loan: RunningLoan, later: list[LoanInstalment], overdue: Components) -> list[LoanInstalment]:
    """Each part divided equally, level parts in whole multiples; the last instalment takes the rest."""
    multiples = {part: loan.multiple if part is Component.PRINCIPAL else 1 for part in Component}
    count = len(later)
    rows, left = [], overdue
    for number, row in enumerate(later, start=1):
        share = left
        if number < count:
            share = Components.from_mapping(
                loan.currency,
                {
                    part: min(
                        Money(to_multiple(Decimal(amount.minor) / count, multiples[part]), loan.currency),
                        left.get(part),
                    )
                    for part, amount in overdue.parts().items()
                },
            )
        left -= share
        rows.append(replace(row, owed=row.owed + share, settled_on=None))
    return rows


def _add_charges(later: list[LoanInstalment], overdue: Components) -> list[LoanInstalment]:
    nothing = Money.zero(overdue.currency)
    charges = replace(overdue, principal=nothing, interest=nothing)
    count = len(later)
    rows, left = [], charges
    for number, row in enumerate(later, start=1):
        share = left
        if number < count:
            share = Components.from_mapping(
                overdue.currency,
                {
                    part: min(Money(rounded(Decimal(amount.minor) / count), overdue.currency), left.get(part))
                    for part, amount in charges.parts().items()
                },
            )
        left -= share
        rows.append(replace(row, owed=row.owed + share))
    return rows


def _annuity(
    loan: RunningLoan, on: date, past: list[LoanInstalment], later: list[LoanInstalment], *, divided: bool
) -> tuple[list[LoanInstalment], tuple[int, ...]]:
    """A new level payment on all the principal that is owed, and the overdue interest in each instalment."""
    seen = project(loan, on)
    kept = sum(row.paid.interest.minor for row in loan.regular[seen.first : len(past)])
    count = max(len(past) - seen.first, 0)
    exact = max(sum(seen.borne[:count], Decimal(0)) - kept, Decimal(0))
    principal = sum(row.unpaid.principal.minor for row in past) + sum(
        row.owed.principal.minor for row in later
    )
    periods = [row.period for row in later]
    start = periods[0].start
    advances = [(a.on, a.amount.minor) for a in loan.advances if a.on > start]
    principal -= sum(amount for _, amount in advances)
    due_first = Decimal(0) if divided else exact
    level = level_payment(
        principal, periods, loan.accrual, multiple=loan.multiple, advances=advances, carried=due_first
    )
    share = rounded(exact / len(later)) if divided else 0
    asked = Decimal(max(sum(rounded(part) for part in seen.borne[:count]) - kept, 0))
    splits = amortise(
        principal, level, loan.accrual, advances=advances, carried=Decimal(0) if divided else asked
    )
    rows = [
        replace(row, owed=_parts(row, split, share), settled_on=None)
        for row, split in zip(later, splits, strict=True)
    ]
    shares = [share] * len(later) if divided else [int(asked)]
    return rows, (*(0 for _ in past), *shares)


def _parts(row: LoanInstalment, split: Split, more: int) -> Components:
    currency = row.owed.currency
    return replace(
        row.owed,
        principal=Money(split.principal, currency),
        interest=Money(split.interest + more, currency),
    )
