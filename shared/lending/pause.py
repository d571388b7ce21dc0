"""Interest pause: no interest is borne on some days; level payments stay, the last instalment shrinks."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from shared.lending.allocation import Component, Components
from shared.lending.loan import LoanInstalment, RunningLoan, ServicingError, first_open, project, with_splits
from shared.lending.money import Money
from shared.lending.progressive import Stop


def pause_interest(loan: RunningLoan, first: date, last: date, on: date) -> RunningLoan:
    """The loan with no interest on the days ``first`` to ``last``, both included, as known on ``on``.

    Instalments from the one that holds the first of these days are computed anew. What was paid of an
    instalment stays paid of it; interest that was paid and is not borne any more counts as principal.
    A loan whose interest is divided bears none any more and does not change. ServicingError when the days
    lie outside the loan.
    """
    rows = loan.regular
    if last < first or first > rows[-1].due or first < rows[0].start:
        raise ServicingError("a pause lies inside the loan")
    if loan.divided:
        return loan
    paused = replace(loan, accrual=replace(loan.accrual, stops=(*loan.accrual.stops, Stop(first, last))))
    at = next(index for index, row in enumerate(rows) if row.due >= first and not row.is_down_payment)
    moved = [replace(row, paid=Components.zero(loan.currency)) for row in paused.instalments]
    seen = project(paused, on, first=min(at, first_open(loan)))
    fresh = with_splits(replace(paused, instalments=tuple(moved)), seen)
    done = [refilled(new, old) for new, old in zip(fresh.instalments, loan.instalments, strict=True)]
    return replace(fresh, instalments=tuple(done))


def refilled(row: LoanInstalment, before: LoanInstalment) -> LoanInstalment:
    """``row`` with the money that ``before`` had received: the same parts, what is over to principal."""
    paid = {part: min(amount, row.owed.get(part)) for part, amount in before.paid.parts().items()}
    over = before.paid.total.minor - sum(amount.minor for amount in paid.values())
    for part in (Component.PRINCIPAL, Component.INTEREST, Component.FEES, Component.LATE_CHARGES):
        more = min(over, (row.owed.get(part) - paid[part]).minor)
        paid[part] += Money(more, row.owed.currency)
        over -= more
    if over:
        raise ServicingError("an instalment received more than it asks for now")
    done = replace(row, paid=Components.from_mapping(row.owed.currency, paid))
    return replace(done, settled_on=before.settled_on if done.is_settled else None)
