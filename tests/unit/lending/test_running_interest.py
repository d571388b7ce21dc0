"""What a running loan bears is what its first schedule said, and what a level loan says after a change.

Two modules work out the same figures: ``level_loan`` from what happened to a loan since it was lent,
``progressive`` from the rows of a loan that runs. To the cent they may not differ.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.lending.allocation import Components
from shared.lending.level_loan import LevelLoan
from shared.lending.loan import Advance, LoanInstalment, RunningLoan, project, with_splits
from shared.lending.loan_schedule import level_loan
from shared.lending.loan_terms import LoanTerms
from shared.lending.money import Money
from shared.lending.pause import pause_interest
from shared.lending.progressive import Accrual, Rate
from shared.lending.rate_factors import Convention, Every, YearDays
from shared.lending.reage import Reage, reage
from shared.lending.reschedule import Reschedule, reschedule

START = date(2024, 1, 1)
BANK_YEAR = Convention(1, Every.MONTHS, YearDays.DAYS_360, thirty_day_months=True)
ACTUAL = Convention(1, Every.MONTHS, YearDays.ACTUAL, thirty_day_months=False)
CONVENTIONS = (
    BANK_YEAR,
    ACTUAL,
    replace(BANK_YEAR, every=2),
    replace(BANK_YEAR, every=2, unit=Every.WEEKS),
    replace(BANK_YEAR, every=15, unit=Every.DAYS),
    replace(BANK_YEAR, thirty_day_months=False),
    replace(ACTUAL, year=YearDays.DAYS_365),
    replace(ACTUAL, year=YearDays.DAYS_364, every=1, unit=Every.WEEKS),
    replace(ACTUAL, leap_day_only=True),
    replace(ACTUAL, by_period=True),
    replace(ACTUAL, by_period=True, unit=Every.WEEKS),
)


def terms(convention: Convention, pct: str, minor: int, count: int, start: date = START) -> LoanTerms:
    return LoanTerms(start, ((start, Money(minor, "EUR")),), Decimal(pct), convention, count)


def running(of: LoanTerms, loan: LevelLoan) -> RunningLoan:
    """The same loan by its rows."""
    convention = of.convention
    accrual = Accrual(
        (Rate(of.start, of.rate_pct),),
        every=convention.every,
        unit=convention.unit,
        year=convention.year,
        equal_months=convention.thirty_day_months,
        by_period=convention.by_period,
        leap_day_only=convention.leap_day_only,
    )
    nothing = Components.zero("EUR")
    rows = [
        LoanInstalment(
            period.start,
            period.due,
            Components.of(
                "EUR", principal=Money(period.principal, "EUR"), interest=Money(period.interest, "EUR")
            ),
            nothing,
        )
        for period in loan.periods
    ]
    advances = tuple(Advance(on, amount) for on, amount in of.tranches)
    return RunningLoan(accrual, tuple(rows), advances, recalculates=True)


def figures(loan: RunningLoan | LevelLoan) -> list[tuple[int, int]]:
    if isinstance(loan, LevelLoan):
        return [(period.principal, period.interest) for period in loan.periods]
    return [(row.owed.principal.minor, row.owed.interest.minor) for row in loan.instalments]


loans = st.builds(
    terms,
    st.sampled_from(CONVENTIONS),
    st.sampled_from(["7", "9.4822", "9.99", "12", "45"]),
    st.sampled_from([10_000, 15_000, 75_000, 100_000, 800_000, 1_234_567]),
    st.integers(2, 12),
    st.dates(date(2023, 1, 1), date(2025, 12, 28)),
)


@settings(max_examples=150)
@given(loans)
def test_working_a_loan_out_again_changes_nothing(of: LoanTerms) -> None:
    loan = level_loan(of)
    rows = running(of, loan)
    assert figures(with_splits(rows, project(rows, of.start, first=0))) == figures(loan)


@settings(max_examples=150)
@given(loans, st.floats(0, 1), st.integers(0, 45), st.sampled_from([None, "0", "4", "20"]))
def test_a_change_comes_to_the_same_in_both(of: LoanTerms, part: float, length: int, pct: str | None) -> None:
    loan = level_loan(of)
    rows = running(of, loan)
    end = loan.periods[-1].due
    day = of.start + timedelta(days=1 + int(part * ((end - of.start).days - 2)))
    if pct is None:
        last = min(day + timedelta(days=length), end)
        loan.pause_interest(day, last)
        changed = pause_interest(rows, day, last, of.start)
    else:
        loan.change_rate(day, Decimal(pct))
        changed = reschedule(rows, Reschedule(day, of.start, annual_pct=Decimal(pct)))
    assert figures(changed) == figures(loan)


def test_the_factor_is_kept_with_twelve_places() -> None:
    """750.00 at a factor of 0.005833333333 bears 4.37, which 7 % over twelve would round to 4.38."""
    of = terms(BANK_YEAR, "7", 75_000, 4)
    rows = running(of, level_loan(of))
    assert with_splits(rows, project(rows, START, first=0)).instalments[0].owed.interest.minor == 437


def test_a_period_of_many_years_bears_more_than_was_lent() -> None:
    of = terms(replace(BANK_YEAR, every=30, unit=Every.YEARS), "7", 75_000, 2)
    rows = running(of, level_loan(of))
    assert with_splits(rows, project(rows, START, first=0)).instalments[0].owed.interest.minor == 157_500


@pytest.mark.parametrize(("leap_day_only", "interest"), [(True, 1019), (False, 1016)])
def test_only_the_period_of_the_leap_day_has_the_longer_year(leap_day_only: bool, interest: int) -> None:
    of = terms(replace(ACTUAL, leap_day_only=leap_day_only), "12", 100_000, 4, date(2024, 3, 1))
    rows = running(of, level_loan(of))
    assert with_splits(rows, project(rows, of.start, first=0)).instalments[0].owed.interest.minor == interest


def test_a_re_age_ends_a_moved_period_and_counts_its_months_anew() -> None:
    """One month and 14 of 31 days at 7 % on 83.57, then 17 of 31: 0.98, not 43 of the 74 days that were."""
    of = terms(BANK_YEAR, "7", 10_000, 6)
    loan = running(of, level_loan(of))
    first, *others = loan.instalments
    first = replace(first, paid=first.owed, settled_on=first.due)
    paid = replace(loan, instalments=(first, *others))
    moved = reschedule(paid, Reschedule(date(2024, 3, 1), date(2024, 2, 2), due=date(2024, 4, 15)))
    done = reage(moved, Reage(date(2024, 3, 15), date(2024, 4, 1), 6))
    asked = [row.owed for row in done.instalments if row.owed.total.is_positive][1:]
    assert (asked[0].principal.minor, asked[0].interest.minor) == (1332, 98)
