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

from shared.lending.allocation import Component, Components
from shared.lending.instalment_allocation import Future, PaymentRules
from shared.lending.level_loan import LevelLoan
from shared.lending.loan import Advance, LoanInstalment, RunningLoan, project, with_splits
from shared.lending.loan_schedule import level_loan
from shared.lending.loan_terms import Interest, LoanTerms
from shared.lending.money import Money
from shared.lending.pause import pause_interest
from shared.lending.progressive import Accrual, Rate
from shared.lending.rate_factors import Convention, Every, YearDays
from shared.lending.reage import Reage, ReageInterest, reage
from shared.lending.recalculated import pay_recalculated
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
    assert same_but_for_a_tie(figures(changed), figures(loan))


def same_but_for_a_tie(these: list[tuple[int, int]], those: list[tuple[int, int]]) -> bool:
    """A level payment of half a minor unit is rounded either way: one counts in twelve digits, one in all.

    It is a minor unit more or less in each instalment then, and the last one has the rest.
    """
    by = [sum(this) - sum(that) for this, that in zip(these, those, strict=True)]
    level = set(by[:-1]) - {0}
    return sum(p for p, _ in these) == sum(p for p, _ in those) and len(level) <= 1 and level <= {-1, 1}


def test_a_change_before_a_longer_year_is_paid_by_factors_of_its_own_days() -> None:
    """The days before the change are a 365th of the year each, whatever follows until the due date."""
    of = terms(ACTUAL, "7", 1_234_567, 12, date(2023, 8, 20))
    loan = level_loan(of)
    rows = running(of, loan)
    loan.change_rate(date(2023, 12, 28), Decimal(0))
    changed = reschedule(rows, Reschedule(date(2023, 12, 28), of.start, annual_pct=Decimal(0)))
    assert figures(changed) == figures(loan)
    assert figures(changed)[4] == (103_104, 1_116)


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


def flat(count: int = 4) -> RunningLoan:
    """4,000 lent at 12 %, which runs on all of it to the end: 40.00 a month."""
    monthly = replace(ACTUAL, by_period=True)
    of = replace(terms(monthly, "12", 400_000, count), interest=Interest.FLAT)
    return replace(running(of, level_loan(of)), flat=True, recalculates=False)


def test_a_new_rate_of_flat_interest_runs_on_what_was_lent() -> None:
    done = reschedule(flat(), Reschedule(date(2024, 4, 2), START, annual_pct=Decimal(6)))
    assert figures(done) == [(100_000, 4000), (100_000, 4000), (100_000, 4000), (100_000, 2000)]


def test_more_terms_of_flat_interest_bear_as_much_each() -> None:
    done = reschedule(flat(), Reschedule(date(2024, 3, 1), START, extra=2))
    assert figures(done) == [(100_000, 4000), *([(60_000, 4000)] * 5)]


def test_moved_instalments_of_flat_interest_ask_for_what_they_asked() -> None:
    done = reschedule(flat(), Reschedule(date(2024, 3, 1), START, due=date(2024, 3, 20)))
    assert figures(done) == figures(flat())
    assert [row.due.day for row in done.instalments] == [1, 20, 20, 20]


def test_interest_of_a_flat_loan_is_divided_as_it_was_borne() -> None:
    """Re-aged in the middle of the second month: 40.00 of the first, half of the second."""
    equal = Reage(date(2024, 2, 15), date(2024, 3, 1), 2, interest=ReageInterest.EQUAL_PAYABLE)
    done = reage(flat(), equal)
    assert sum(row.owed.interest.minor for row in done.instalments) == 4000 + round(4000 * 14 / 29)


def test_an_instalment_that_a_payment_makes_smaller_is_settled_by_it() -> None:
    """16.50 paid in two parts to the last instalment, which then bears nothing and asks for no more."""
    of = terms(BANK_YEAR, "7", 10_000, 6)
    loan = running(of, level_loan(of))
    order = (Component.LATE_CHARGES, Component.FEES, Component.PRINCIPAL, Component.INTEREST)
    rules = PaymentRules.same_for_all(order, Future.LAST)
    on = date(2024, 1, 15)
    for paid in (1500, 150):
        loan = pay_recalculated(loan, on, Money(paid, "EUR"), rules, on).loan
    last = loan.instalments[-1]
    assert (last.owed.total.minor, last.paid.total.minor, last.settled_on) == (1650, 1650, on)


def test_a_re_age_by_days_counts_interest_by_the_months_that_the_loan_had() -> None:
    of = terms(BANK_YEAR, "7", 10_000, 6)
    first, *others = running(of, level_loan(of)).instalments
    first = replace(first, paid=first.owed, settled_on=first.due)
    loan = replace(running(of, level_loan(of)), instalments=(first, *others))
    done = reage(loan, Reage(date(2024, 3, 15), date(2024, 4, 1), 6, every=15, unit=Every.DAYS))
    asked = figures(done)[3:]
    assert asked == [(1321, 98), (1398, 21), (1403, 16), (1407, 12), (1411, 8), (1417, 4)]
    moved = reschedule(done, Reschedule(date(2024, 5, 31), date(2024, 3, 15), due=date(2024, 6, 3)))
    assert [row.due for row in moved.instalments[-2:]] == [date(2024, 6, 3), date(2024, 6, 18)]


def test_the_level_payment_of_a_re_age_is_evened_out_with_the_interest_that_falls_due() -> None:
    """0.40498 borne before is 0.40: with it the last of 17.00 is 17.02, near enough not to ask for 17.01."""
    of = terms(replace(BANK_YEAR, every=15, unit=Every.DAYS), "7", 10_000, 6)
    loan = running(of, level_loan(of))
    order = (Component.LATE_CHARGES, Component.FEES, Component.PRINCIPAL, Component.INTEREST)
    paid = pay_recalculated(
        loan, date(2024, 1, 16), Money(1698, "EUR"), PaymentRules.same_for_all(order), date(2024, 1, 16)
    ).loan
    done = reage(paid, Reage(date(2024, 2, 10), date(2024, 3, 1), 5))
    assert figures(done)[3:] == [(1628, 72), (1660, 40), (1671, 29), (1680, 20), (1692, 10)]
