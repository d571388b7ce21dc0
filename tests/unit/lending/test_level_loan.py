"""A level-payment loan through its life: what holds whatever happens to it."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.lending.calendar import add_months
from shared.lending.level_loan import LevelLoan, UnknownPeriodError
from shared.lending.rate_factors import Convention, Every, YearDays, due_factor, rate_factor

BANK_YEAR = Convention(1, Every.MONTHS, YearDays.DAYS_360, thirty_day_months=True)
ACTUAL = Convention(1, Every.MONTHS, YearDays.ACTUAL, thirty_day_months=False)
ACCRUALS = st.sampled_from([BANK_YEAR, ACTUAL])


def months(start: date, count: int) -> list[tuple[date, date]]:
    return [(add_months(start, k), add_months(start, k + 1)) for k in range(count)]


def loan(amount: int, rate: str, count: int, convention: Convention = BANK_YEAR) -> LevelLoan:
    made = LevelLoan(months(date(2024, 1, 1), count), Decimal(rate), convention)
    made.disburse(date(2024, 1, 1), amount)
    return made


def instalments(made: LevelLoan) -> list[int]:
    return [period.instalment for period in made.periods]


def check(made: LevelLoan, lent: int) -> None:
    """Principal adds up to what was lent, no figure is negative, and the parts make the instalment."""
    assert sum(period.principal for period in made.periods) == lent
    assert made.periods[-1].balance == 0
    for period in made.periods:
        assert min(period.principal, period.interest, period.balance, period.instalment) >= 0
        assert period.principal + period.interest == period.whole


def test_a_hundred_in_six_months() -> None:
    made = loan(10000, "7", 6)
    assert instalments(made) == [1701] * 5 + [1700]
    assert [period.interest for period in made.periods] == [58, 49, 39, 29, 20, 10]


def test_without_interest_it_is_a_division() -> None:
    assert instalments(loan(1000, "0", 3)) == [333, 333, 334]


def test_a_cent_falls_on_the_last_instalment() -> None:
    assert instalments(loan(1, "12", 3)) == [0, 0, 1]


def test_one_instalment() -> None:
    assert instalments(loan(200000, "7", 1)) == [201167]


def test_instalments_in_whole_units() -> None:
    made = LevelLoan(months(date(2024, 1, 1), 12), Decimal(0), BANK_YEAR, multiple=100)
    made.disburse(date(2024, 1, 1), 75000)
    assert instalments(made) == [6200] * 11 + [6800]


def test_a_pause_shrinks_the_last_instalment_alone() -> None:
    made, paused = loan(10000, "7", 6), loan(10000, "7", 6)
    paused.pause_interest(date(2024, 2, 2), date(2024, 3, 1))
    assert paused.periods[1].interest == 0
    assert instalments(paused)[:5] == instalments(made)[:5]
    assert instalments(paused)[5] < instalments(made)[5]
    check(paused, 10000)


def test_a_new_rate_makes_a_new_instalment_from_its_period_on() -> None:
    made, changed = loan(10000, "7", 6), loan(10000, "7", 6)
    changed.change_rate(date(2024, 2, 15), Decimal(4))
    assert instalments(changed)[0] == instalments(made)[0]
    assert instalments(changed)[1] < instalments(made)[1]
    check(changed, 10000)


def test_what_is_paid_back_to_the_borrower_is_owed_again() -> None:
    made = loan(10000, "7", 6)
    for due in (date(2024, 2, 1), date(2024, 3, 1)):
        owed = made.due(due, due)
        made.pay_principal(due, due, owed.principal)
        made.pay_interest(due, due, owed.interest)
    assert [period.fully_paid for period in made.periods[:3]] == [True, True, False]
    made.credit(date(2024, 3, 1), principal=1652, interest=49)
    check(made, 10000 + 1652)
    assert made.periods[2].whole == 1701 + 1701


def test_overdue_principal_bears_interest_until_the_day() -> None:
    made, late = loan(10000, "7", 6), loan(10000, "7", 6)
    late.run_overdue(date(2024, 3, 1))
    assert late.periods[1].interest == 58
    check(late, 10000)
    made.run_overdue(date(2024, 2, 1))
    assert made.periods[1].interest == 49, "on its due date nothing is overdue"


def test_overdue_principal_may_bear_interest_until_the_next_due_date() -> None:
    until_day, until_due = loan(10000, "7", 6), loan(10000, "7", 6)
    until_day.run_overdue(date(2024, 2, 15))
    until_due.run_overdue(date(2024, 2, 15), to_due=True)
    assert [made.periods[1].interest for made in (until_day, until_due)] == [53, 58]


def test_nothing_happens_on_days_outside_the_loan() -> None:
    made = loan(10000, "7", 6)
    before = instalments(made)
    for act in (made.disburse, made.correct_balance, made.credit):
        with pytest.raises(UnknownPeriodError):
            act(date(2025, 1, 1), 100)
    assert instalments(made) == before


def test_grace_is_interest_alone() -> None:
    made = LevelLoan(months(date(2024, 1, 1), 6), Decimal(7), BANK_YEAR, grace=2)
    made.disburse(date(2024, 1, 1), 10000)
    assert [period.principal for period in made.periods[:2]] == [0, 0]
    check(made, 10000)


@pytest.mark.parametrize(
    "periods",
    [
        [],
        [(date(2024, 1, 1), date(2024, 1, 1))],
        [(date(2024, 1, 1), date(2024, 2, 1)), (date(2024, 2, 2), date(2024, 3, 1))],
    ],
)
def test_periods_follow_one_another(periods: list[tuple[date, date]]) -> None:
    with pytest.raises(ValueError):
        LevelLoan(periods, Decimal(7), BANK_YEAR)


def test_a_payment_for_no_period() -> None:
    with pytest.raises(ValueError):
        loan(10000, "7", 6).pay_interest(date(2024, 2, 2), date(2024, 2, 2), 1)


def test_an_actual_year_is_split_on_its_last_day() -> None:
    period = (date(2023, 12, 13), date(2024, 1, 13))
    factor = rate_factor(ACTUAL, Decimal("9.99"), period, *period)
    assert factor == (Decimal("0.0999") * (Decimal(18) / 365 + Decimal(13) / 366)).quantize(Decimal("1e-12"))
    assert due_factor(ACTUAL, Decimal("9.99"), period, period[0], period[0]) == factor


def test_an_odd_period_is_counted_in_months_and_days() -> None:
    period = (date(2024, 1, 1), date(2024, 2, 16))
    factor = due_factor(BANK_YEAR, Decimal(12), period, period[0], period[0])
    assert factor == (Decimal("0.01") * (1 + Decimal(15) / 29)).quantize(Decimal("1e-12"))


@given(st.integers(1, 10**9), st.decimals(0, 40, places=2), st.integers(1, 60), ACCRUALS)
def test_every_loan_adds_up(amount: int, rate: Decimal, count: int, convention: Convention) -> None:
    made = loan(amount, str(rate), count, convention)
    check(made, amount)
    balances = [period.balance for period in made.periods]
    assert balances == sorted(balances, reverse=True)
    assert balances[0] <= amount


@given(
    st.integers(10**4, 10**7),
    st.integers(1, 10**6),
    st.integers(0, 170),
    st.decimals(0, 30, places=2),
    st.decimals(0, 30, places=2),
    ACCRUALS,
)
def test_later_tranches_and_rates_add_up(
    amount: int, more: int, days: int, rate: Decimal, other: Decimal, convention: Convention
) -> None:
    made = loan(amount, str(rate), 6, convention)
    made.disburse(date(2024, 1, 1) + timedelta(days=days), more)
    check(made, amount + more)
    made.change_rate(date(2024, 1, 2) + timedelta(days=days), other)
    check(made, amount + more)


@given(st.integers(10**4, 10**7), st.integers(1, 180), st.integers(0, 60))
def test_a_pause_never_costs(amount: int, first: int, length: int) -> None:
    made, paused = loan(amount, "12", 6), loan(amount, "12", 6)
    start = date(2024, 1, 1) + timedelta(days=first)
    paused.pause_interest(start, start + timedelta(days=length))
    assert paused.total_interest <= made.total_interest
    check(paused, amount)


@given(st.integers(10**4, 10**7), st.integers(1, 5))
def test_paying_what_is_due_on_its_day_changes_no_figure(amount: int, count: int) -> None:
    made, paid = loan(amount, "12", 6), loan(amount, "12", 6)
    for period in made.periods[:count]:
        owed = paid.due(period.due, period.due)
        assert (owed.principal, owed.interest) == (period.principal, period.interest)
        paid.pay_principal(period.due, period.due, owed.principal)
        paid.pay_interest(period.due, period.due, owed.interest)
    assert instalments(paid) == instalments(made)
    assert all(period.fully_paid for period in paid.periods[:count])


def test_a_tranche_with_a_full_term_of_its_own_comes_on_top() -> None:
    periods = months(date(2024, 1, 1), 6)
    made = LevelLoan(periods, Decimal("9.4822"), BANK_YEAR, full_term=True)
    made.disburse(date(2024, 1, 1), 10_000)
    made.disburse(date(2024, 2, 1), 10_000)
    check(made, 20_000)
    parts = [(period.principal, period.interest) for period in made.periods]
    assert parts == [(1634, 79), (3281, 145), (3307, 119), (3333, 93), (3359, 67), (3386, 40), (1700, 13)]
    assert instalments(made) == [1713, *([3426] * 5), 1713]


def test_a_tranche_with_a_full_term_is_lent_on_a_due_date() -> None:
    made = LevelLoan(months(date(2024, 1, 1), 6), Decimal(7), BANK_YEAR, full_term=True)
    made.disburse(date(2024, 1, 1), 10_000)
    with pytest.raises(ValueError, match="on a due date"):
        made.disburse(date(2024, 2, 4), 10_000)
