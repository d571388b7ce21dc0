"""Schedules of new loans from their terms: published rows, and what holds for every one."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.lending.loan_schedule import classic, progressive
from shared.lending.loan_terms import Interest, LoanRow, LoanTerms, RatePer, Repayment, TermsError
from shared.lending.money import Money, Rounding
from shared.lending.rate_factors import Convention, Every, YearDays

START = date(2024, 1, 1)
BANK_YEAR = Convention(1, Every.MONTHS, YearDays.DAYS_360, thirty_day_months=True)
BY_PERIOD = Convention(1, Every.MONTHS, YearDays.ACTUAL, thirty_day_months=False, by_period=True)
DAILY = Convention(15, Every.DAYS, YearDays.ACTUAL, thirty_day_months=False)


def eur(text: str) -> Money:
    return Money.parse(text, "EUR")


BASE = LoanTerms(START, ((START, eur("1000")),), Decimal(12), BY_PERIOD, 4)


def totals(rows: tuple[LoanRow, ...]) -> list[str]:
    return [str(row.total) for row in rows if row.number is not None]


def column(rows: tuple[LoanRow, ...], name: str) -> list[str]:
    return [str(getattr(row, name)) for row in rows if row.number is not None]


def test_a_tranche_comes_before_what_is_paid() -> None:
    first = progressive(BASE)[0]
    assert (first.number, first.due, first.balance) == (None, START, eur("1000"))


def test_grace_on_principal_is_interest_alone() -> None:
    rows = classic(replace(BASE, grace_principal=1))
    assert column(rows, "principal")[0] == "0.00"
    assert column(rows, "interest")[:2] == ["10.00", "10.00"]


def test_grace_on_interest_is_made_up_for_after_it() -> None:
    rows = classic(replace(BASE, grace_principal=2, grace_interest=2))
    assert totals(rows)[:2] == ["0.00", "0.00"]
    assert column(rows, "interest")[2] == "30.00"


def test_interest_free_periods_bear_none() -> None:
    assert column(classic(replace(BASE, interest_free=2)), "interest")[:3] == ["0.00", "0.00", "4.87"]


def test_equal_principal() -> None:
    rows = classic(replace(BASE, repayment=Repayment.EQUAL_PRINCIPAL))
    assert column(rows, "principal") == ["250.00"] * 4
    assert column(rows, "interest") == ["10.00", "7.50", "5.00", "2.50"]


def test_a_balloon_falls_on_the_last_instalment() -> None:
    rows = classic(replace(BASE, balloon=eur("400")))
    assert column(rows, "balance")[2] > "400.00"
    assert totals(rows)[0] == totals(rows)[1] == "157.77"
    assert abs(Decimal(totals(rows)[3]) - Decimal("557.77")) < Decimal("0.05")


def test_flat_interest_is_spread_evenly() -> None:
    rows = classic(replace(BASE, interest=Interest.FLAT, instalments=3))
    assert column(rows, "interest") == ["10.00"] * 3
    assert column(rows, "principal") == ["333.33", "333.33", "333.34"]


def test_a_week_by_period_is_a_52nd_of_the_year() -> None:
    weekly = Convention(1, Every.WEEKS, YearDays.ACTUAL, thirty_day_months=False, by_period=True)
    for make in (classic, progressive):
        rows = make(replace(BASE, convention=weekly, rate_pct=Decimal("5.2")))
        assert rows[1].interest == eur("1.00")
        assert rows[1].due == date(2024, 1, 8)


@pytest.mark.parametrize("made", [progressive, classic])
def test_a_down_payment_is_a_whole_multiple_too(made: Callable[[LoanTerms], tuple[LoanRow, ...]]) -> None:
    terms = replace(BASE, tranches=((START, eur("487.58")),), down_payment_pct=Decimal(25))
    assert column(made(terms), "principal")[0] == "121.90"
    assert column(made(replace(terms, multiple=eur("1"))), "principal")[0] == "122.00"


def test_a_down_payment_is_due_at_once_and_bears_nothing() -> None:
    rows = progressive(replace(BASE, down_payment_pct=Decimal(25)))
    assert (rows[1].number, rows[1].due, rows[1].total) == (1, START, eur("250.00"))
    assert rows[2].interest == eur("7.50")


def test_a_later_tranche_makes_a_new_instalment() -> None:
    terms = replace(BASE, tranches=((START, eur("600")), (date(2024, 2, 1), eur("400"))))
    rows = progressive(terms)
    assert [row.number for row in rows] == [None, 1, None, 2, 3, 4]
    assert rows[3].total > rows[1].total


def test_odd_first_and_last_periods() -> None:
    terms = replace(BASE, convention=BANK_YEAR, first_due=date(2024, 2, 15), last_due=date(2024, 5, 20))
    rows = progressive(terms)
    dues = [(row.due.month, row.due.day) for row in rows[1:]]
    assert dues == [(2, 15), (3, 15), (4, 15), (5, 20)]
    assert rows[1].interest > eur("10.00")


def test_the_end_of_the_month_is_kept() -> None:
    start = date(2024, 1, 31)
    terms = replace(BASE, start=start, tranches=((start, eur("1000")),))
    assert [row.due.day for row in progressive(terms)[1:]] == [29, 31, 30, 31]


@pytest.mark.parametrize(("per", "annual"), [("YEAR", 12), ("MONTH", 144), ("WHOLE_TERM", 36)])
def test_what_the_rate_is_for(per: str, annual: int) -> None:
    assert replace(BASE, rate_per=RatePer[per]).annual_rate_pct == annual


@pytest.mark.parametrize(
    "change",
    [
        {"instalments": 0},
        {"tranches": ()},
        {"tranches": ((START, Money(-1, "EUR")),)},
        {"tranches": ((START, eur("1")), (START, Money(1, "USD")))},
        {"tranches": ((date(2024, 2, 1), eur("1")), (START, eur("1")))},
        {"tranches": ((date(2030, 1, 1), eur("1")),)},
        {"rate_pct": Decimal(-1)},
        {"down_payment_pct": Decimal(100)},
        {"grace_principal": 4},
        {"interest_free": -1},
        {"multiple": eur("0")},
        {"balloon": eur("1000.01")},
        {"last_due": date(2024, 4, 1)},
        {"first_due": START},
    ],
)
def test_terms_that_make_no_loan(change: dict[str, object]) -> None:
    for make in (classic, progressive):
        with pytest.raises(TermsError):
            make(replace(BASE, **change))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        {"balloon": eur("1")},
        {"interest_free": 1},
        {"repayment": Repayment.EQUAL_PRINCIPAL},
        {"interest": Interest.FLAT, "grace_principal": 1},
    ],
)
def test_what_only_a_classic_schedule_has(change: dict[str, object]) -> None:
    with pytest.raises(TermsError):
        progressive(replace(BASE, **change))  # type: ignore[arg-type]


def test_a_classic_schedule_has_one_tranche() -> None:
    with pytest.raises(TermsError):
        classic(replace(BASE, tranches=((START, eur("1")), (START, eur("1")))))


@st.composite
def any_terms(draw: st.DrawFn) -> LoanTerms:
    count = draw(st.integers(1, 48))
    lent = draw(st.integers(0, 10**9))
    unit = draw(st.sampled_from(Every))
    convention = Convention(
        draw(st.integers(1, 3)),
        unit,
        draw(st.sampled_from(YearDays)),
        thirty_day_months=draw(st.booleans()),
        by_period=draw(st.booleans()),
        rounding=draw(st.sampled_from([Rounding.HALF_EVEN, Rounding.HALF_UP])),
    )
    return LoanTerms(
        START,
        ((START, Money(lent, "EUR")),),
        draw(st.decimals(0, 40, places=2)),
        convention,
        count,
        interest=draw(st.sampled_from(Interest)),
        repayment=draw(st.sampled_from(Repayment)),
        multiple=draw(st.none() | st.just(Money(100, "EUR"))),
        down_payment_pct=draw(st.sampled_from([Decimal(0), Decimal(25)])),
        grace_principal=draw(st.integers(0, min(3, count - 1))),
        grace_interest=draw(st.integers(0, min(3, count - 1))),
        interest_free=draw(st.integers(0, 3)),
    )


def check(terms: LoanTerms, rows: tuple[LoanRow, ...]) -> None:
    paid = [row for row in rows if row.number is not None]
    lent = terms.tranches[0][1]
    assert Money.sum((row.principal for row in paid), "EUR") == lent
    assert paid[-1].balance.is_zero
    assert [row.number for row in paid] == list(range(1, len(paid) + 1))
    owed = lent
    for row in paid:
        assert not any(part.is_negative for part in (row.principal, row.interest, row.balance))
        assert row.balance == owed - row.principal
        owed = row.balance
    if terms.rate_pct == 0:
        assert all(row.interest.is_zero for row in paid)


@given(any_terms())
def test_every_classic_schedule_adds_up(terms: LoanTerms) -> None:
    try:
        rows = classic(terms)
    except TermsError:
        assume(False)
    check(terms, rows)


@given(any_terms())
def test_every_progressive_schedule_adds_up(terms: LoanTerms) -> None:
    plain = replace(terms, grace_interest=0, interest_free=0, repayment=Repayment.LEVEL)
    if plain.interest is Interest.FLAT:
        plain = replace(plain, grace_principal=0)
    check(plain, progressive(plain))


@pytest.mark.parametrize(
    ("part_periods", "principal", "interest"),
    [(True, ["333.33", "458.90", "457.77"], "11.37"), (False, ["333.33", "458.34", "458.33"], "12.50")],
)
def test_a_tranche_within_a_period_bears_its_days_or_all_of_it(
    part_periods: bool, principal: list[str], interest: str
) -> None:
    start, later = date(2024, 6, 1), date(2024, 7, 15)
    terms = LoanTerms(
        start,
        ((start, eur("1000")), (later, eur("250"))),
        Decimal(12),
        replace(BY_PERIOD, part_periods=part_periods),
        3,
        interest=Interest.FLAT,
    )
    rows = progressive(terms)
    assert column(rows, "principal") == principal
    assert column(rows, "interest") == ["10.00", interest, "12.50"]
