"""The schedule of a new loan, from its terms.

``progressive`` computes level instalments from rate factors (``level_loan``): tranches may come later, a
later one making a new instalment. ``classic`` computes period by period what the terms say, with grace,
interest-free periods, equal principal and a balloon:

* level: ``A = (P - B v) i / (1 - v)`` with ``v = (1 + i)^-n``; interest of a period on the balance, the last
  instalment takes what is left;
* flat: interest on what was lent for the whole term, spread evenly like the principal.

A year of actual days has 365 in classic schedules. Amounts are rounded by the convention's rule; a down
payment is a share of a tranche due on its own day, first in the schedule and without interest.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Context, Decimal
from typing import Final

from shared.lending.level_loan import LevelLoan
from shared.lending.loan_terms import Interest, LoanRow, LoanTerms, Repayment, TermsError, check
from shared.lending.money import Money, Rounding
from shared.lending.rate_factors import Every, YearDays

_PRECISE: Final = Context(prec=40)


def progressive(terms: LoanTerms) -> tuple[LoanRow, ...]:
    """Level instalments from rate factors; TermsError for features that only ``classic`` has."""
    return progressive_rows(terms, level_loan(terms))


def level_loan(terms: LoanTerms) -> LevelLoan:
    """The loan of such terms with its tranches lent, for what happens to it later. TermsError as above."""
    check(terms)
    if terms.grace_interest or terms.interest_free or terms.balloon is not None:
        raise TermsError("grace on interest, interest-free periods and balloons are classic")
    if terms.repayment is not Repayment.LEVEL:
        raise TermsError("equal principal is classic")
    if terms.interest is Interest.FLAT and terms.grace_principal:
        raise TermsError("grace with flat interest is classic")
    loan = LevelLoan(
        terms.periods,
        terms.annual_rate_pct,
        terms.convention,
        multiple=terms.multiple.minor if terms.multiple is not None else 1,
        grace=terms.grace_principal,
        flat=terms.interest is Interest.FLAT,
    )
    for day, amount in terms.tranches:
        loan.disburse(day, amount.minor - _down_payment(terms, amount))
    return loan


def progressive_rows(terms: LoanTerms, loan: LevelLoan) -> tuple[LoanRow, ...]:
    """The schedule of a loan made by ``level_loan`` as it stands now."""
    return _rows(terms, [(period.principal, period.interest) for period in loan.periods])


def classic(terms: LoanTerms) -> tuple[LoanRow, ...]:
    """Period by period; one tranche. TermsError for several, or when instalments never pay down."""
    check(terms)
    if len(terms.tranches) != 1:
        raise TermsError("a classic schedule has one tranche")
    lent = terms.tranches[0][1].minor - _down_payment(terms, terms.tranches[0][1])
    return _rows(terms, _flat(terms, lent) if terms.interest is Interest.FLAT else _declining(terms, lent))


def _down_payment(terms: LoanTerms, amount: Money) -> int:
    """A whole multiple like the instalments, though that be nothing."""
    step = terms.multiple.minor if terms.multiple is not None else 1
    share = amount.times(terms.down_payment_pct / 100, terms.convention.rounding).minor
    return _round(Decimal(share) / step, terms.convention.rounding) * step


def _rows(terms: LoanTerms, parts: Sequence[tuple[int, int]]) -> tuple[LoanRow, ...]:
    """Tranches before what falls due after their day; a down payment right after its tranche."""
    zero = Money.zero(terms.currency)
    events: list[tuple[date, int, date, Money, int, int]] = []
    for day, amount in terms.tranches:
        events.append((day, 1, day, amount, 0, 0))
        if terms.down_payment_pct:
            events.append((day, 1, day, zero, _down_payment(terms, amount), 0))
    events += [(due, 0, start, zero, *part) for (start, due), part in zip(terms.periods, parts, strict=True)]
    events.sort(key=lambda event: event[:2])
    rows, owed, number = [], 0, 0
    for due, _, start, lent, principal, interest in events:
        if lent:
            owed += lent.minor
            rows.append(LoanRow(None, due, due, zero, zero, lent))
            continue
        number, owed = number + 1, owed - principal
        amounts = (Money(minor, terms.currency) for minor in (principal, interest, owed))
        rows.append(LoanRow(number, start, due, *amounts))
    return tuple(rows)


def _round(amount: Decimal, rounding: Rounding) -> int:
    return int(amount.to_integral_value(rounding=rounding.mode))


def _multiple(terms: LoanTerms, amount: Decimal) -> int:
    step = terms.multiple.minor if terms.multiple is not None else 1
    exact = _round(amount, terms.convention.rounding)
    return _round(Decimal(exact) / step, terms.convention.rounding) * step or exact


def _period_rate(terms: LoanTerms, start: date, end: date) -> Decimal:
    """The rate of one period: a share of the year by whole months or weeks, or by days when it is daily."""
    convention, annual = terms.convention, terms.annual_rate_pct / 100
    if convention.by_period and convention.unit is Every.WEEKS:
        return _PRECISE.divide(annual * convention.every, Decimal(52))
    months = {Every.MONTHS: convention.every, Every.YEARS: 12 * convention.every}.get(convention.unit)
    if months is not None and (convention.by_period or convention.thirty_day_months):
        return _PRECISE.divide(annual * months, Decimal(12))
    year = 365 if convention.year is YearDays.ACTUAL else int(convention.year.value)
    return _PRECISE.divide(annual * (end - start).days, Decimal(year))


def _declining(terms: LoanTerms, lent: int) -> list[tuple[int, int]]:
    rounding, balance, held = terms.convention.rounding, lent, 0
    keep = terms.balloon.minor if terms.balloon is not None else 0
    paying = terms.instalments - terms.grace_principal
    level = _level(terms, lent, keep, paying)
    share = _multiple(terms, _PRECISE.divide(Decimal(lent - keep), Decimal(paying)))
    parts = []
    for k, (start, due) in enumerate(terms.periods):
        rate = Decimal(0) if k < terms.interest_free else _period_rate(terms, start, due)
        held += _round(balance * rate, rounding)
        interest, held = (0, held) if k < terms.grace_interest else (held, 0)
        if k < terms.grace_principal:
            principal = 0
        elif k == terms.instalments - 1:
            principal = balance
        elif terms.repayment is Repayment.EQUAL_PRINCIPAL:
            principal = min(share, balance - keep)
        else:
            principal = min(level - interest, balance - keep)
            if principal < 0:
                raise TermsError("the instalments do not cover the interest")
        parts.append((principal, interest))
        balance -= principal
    return parts


def _level(terms: LoanTerms, lent: int, keep: int, paying: int) -> int:
    """The level instalment by the rate of the first period that pays."""
    rate = _period_rate(terms, *terms.periods[terms.grace_principal])
    if rate == 0:
        return _multiple(terms, _PRECISE.divide(Decimal(lent - keep), Decimal(paying)))
    worth = _PRECISE.power(1 + rate, -paying)
    numerator = _PRECISE.multiply(Decimal(lent) - keep * worth, rate)
    return _multiple(terms, _PRECISE.divide(numerator, 1 - worth))


def _flat(terms: LoanTerms, lent: int) -> list[tuple[int, int]]:
    """Principal and interest, each spread evenly; interest on the whole tranche, a down payment included."""
    rounding, count = terms.convention.rounding, terms.instalments
    bearing = terms.periods[terms.interest_free :]
    rate = sum((_period_rate(terms, start, due) for start, due in bearing), Decimal(0))
    total = _round(terms.tranches[0][1].minor * rate, rounding)
    keep = terms.balloon.minor if terms.balloon is not None else 0
    paying, charged = count - terms.grace_principal, count - max(terms.grace_interest, terms.interest_free)
    share = _round(_PRECISE.divide(Decimal(total), Decimal(max(charged, 1))), rounding)
    part = _PRECISE.divide(Decimal(lent - keep), Decimal(paying))
    parts, balance, left = [], lent, total
    for k in range(count):
        interest = 0 if k < count - charged else min(share, left)
        if k == count - 1:
            parts.append((balance, left))
            break
        principal = 0
        if k >= terms.grace_principal:
            # With a multiple it is the whole instalment that is rounded, and principal what interest leaves.
            whole = _multiple(terms, part + interest) if terms.multiple is not None else 0
            wanted = whole - interest if whole else _round(part, rounding)
            principal = max(min(wanted, balance - keep), 0)
        parts.append((principal, interest))
        balance, left = balance - principal, left - interest
    return parts
