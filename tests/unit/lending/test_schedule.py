"""Schedules: the published vectors, and what holds for every schedule."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.lending.money import CurrencyMismatch, Money, Rounding
from shared.lending.schedule import (
    Carried,
    Frequency,
    Method,
    Schedule,
    ScheduleError,
    ScheduleTerms,
    build,
)


def usd(text: str) -> Money:
    return Money.parse(text, "USD")


BASE = ScheduleTerms(
    principal=usd("10000"),
    annual_rate_pct=Decimal(12),
    periods=12,
    first_due=date(2026, 1, 31),
    rounding=Rounding.HALF_UP,
)


def totals(schedule: Schedule) -> list[str]:
    return [str(row.total) for row in schedule.instalments]


def test_annuity_vector() -> None:
    assert totals(build(BASE)) == ["888.49"] * 11 + ["888.47"]


def test_balloon_vector() -> None:
    schedule = build(replace(BASE, balloon=usd("3000")))
    assert totals(schedule)[:11] == ["651.94"] * 11
    assert schedule.instalments[-1].total == usd("3651.98")


def test_a_payment_of_half_a_cent_more_is_a_tie() -> None:
    """126.25 in two months at 2 % are 65.025 a month exactly: 65.03, not a little less than half."""
    terms = replace(BASE, principal=usd("126.25"), annual_rate_pct=Decimal(24), periods=2)
    assert totals(build(terms)) == ["65.03", "65.03"]


@pytest.mark.parametrize(
    ("rounding", "interest"),
    [
        (Rounding.HALF_UP, ("1.01", "1.00")),
        (Rounding.HALF_EVEN, ("1.00", "1.00")),
        (Rounding.FLOOR, ("1.00", "1.00")),
        (Rounding.UP, ("1.01", "1.00")),
    ],
)
def test_where_all_is_left_for_the_last_instalment_the_others_are_interest(
    rounding: Rounding, interest: tuple[str, str]
) -> None:
    """1.0050 a month of 80.40, and 1.00 of 80.00: a tie and a whole unit, not a little less than that."""
    for owed, due in zip(("80.40", "80.00"), interest, strict=True):
        terms = replace(BASE, principal=usd(owed), balloon=usd(owed), annual_rate_pct=Decimal(15), periods=3)
        schedule = build(replace(terms, rounding=rounding))
        assert [str(row.total) for row in schedule.instalments[:2]] == [due, due]
        assert schedule.instalments[-1].principal == usd(owed)


def test_zero_interest_vector() -> None:
    schedule = build(replace(BASE, principal=usd("50000"), annual_rate_pct=Decimal(0), periods=60))
    assert totals(schedule) == ["833.33"] * 59 + ["833.53"]
    assert schedule.interest.is_zero


def test_step_up_vector() -> None:
    schedule = build(replace(BASE, periods=24, step_pct=Decimal(10), step_every=6))
    assert totals(schedule)[:23] == ["408.61"] * 6 + ["449.47"] * 6 + ["494.42"] * 6 + ["543.86"] * 5
    assert schedule.instalments[-1].total == usd("543.90")


def test_grace_vector() -> None:
    schedule = build(replace(BASE, grace_periods=3))
    assert totals(schedule) == ["100.00"] * 3 + ["888.49"] * 11 + ["888.47"]
    assert [row.principal.minor for row in schedule.instalments[:3]] == [0, 0, 0]


def test_equal_principal() -> None:
    schedule = build(replace(BASE, periods=4, method=Method.EQUAL_PRINCIPAL))
    assert [str(row.principal) for row in schedule.instalments] == ["2500.00"] * 4
    assert [str(row.interest) for row in schedule.instalments] == ["100.00", "75.00", "50.00", "25.00"]


def test_due_dates_keep_the_end_of_the_month() -> None:
    dues = [row.due for row in build(replace(BASE, periods=3)).instalments]
    assert dues == [date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31)]


def test_weekly_periods_bear_a_52nd_of_the_year() -> None:
    schedule = build(replace(BASE, annual_rate_pct=Decimal("5.2"), periods=2, frequency=Frequency.WEEKLY))
    first, second = schedule.instalments
    assert first.interest == usd("10.00")
    assert (second.due - first.due).days == 7


def test_carried_balances_are_spread_and_bear_no_interest() -> None:
    carried = Carried(interest=usd("100.00"), fees=usd("0.50"), late_charges=usd("33.34"))
    plain, spread = build(BASE), build(replace(BASE, carried=carried))
    assert spread.total == plain.total + usd("133.84")
    assert (spread.interest, spread.fees, spread.late_charges) == (
        plain.interest + usd("100.00"),
        usd("0.50"),
        usd("33.34"),
    )
    pairs = zip(spread.instalments, plain.instalments, strict=True)
    shares = [str(row.interest - other.interest) for row, other in pairs]
    assert shares == ["8.33"] * 11 + ["8.37"]


def test_carried_balances_wait_for_the_end_of_the_grace_and_follow_the_steps() -> None:
    carried = Carried(usd("0"), usd("0"), usd("210.00"))
    terms = replace(BASE, periods=2, grace_periods=1, step_pct=Decimal(10), step_every=1, carried=carried)
    assert [str(row.late_charges) for row in build(terms).instalments] == ["0.00", "100.00", "110.00"]


@pytest.mark.parametrize(
    "change",
    [
        {"periods": 0},
        {"periods": 1201},
        {"grace_periods": -1},
        {"principal": usd("-1")},
        {"annual_rate_pct": Decimal(-1)},
        {"step_pct": Decimal(10)},
        {"step_pct": Decimal(-10), "step_every": 6},
        {"balloon": usd("10000.01")},
        {"balloon": usd("-1")},
        {"method": Method.EQUAL_PRINCIPAL, "balloon": usd("1")},
        {"carried": Carried(usd("-1"), usd("0"), usd("0"))},
        # Payments that start too low to cover the interest would let the balance grow.
        {"annual_rate_pct": Decimal(30), "periods": 60, "step_pct": Decimal(50), "step_every": 6},
    ],
)
def test_terms_that_make_no_schedule(change: dict[str, object]) -> None:
    with pytest.raises(ScheduleError):
        build(replace(BASE, **change))  # type: ignore[arg-type]


def test_one_schedule_has_one_currency() -> None:
    with pytest.raises(CurrencyMismatch):
        build(replace(BASE, carried=Carried.nothing("CNY")))


minor = st.integers(0, 10**9)


@st.composite
def any_terms(draw: st.DrawFn) -> ScheduleTerms:
    principal = draw(minor)
    method = draw(st.sampled_from(Method))
    plain = method is Method.ANNUITY
    steps = draw(st.sampled_from([(0, 0), (5, 3), (10, 6)])) if plain else (0, 0)
    return ScheduleTerms(
        principal=Money(principal, "CNY"),
        annual_rate_pct=draw(st.decimals(0, 36, places=2)),
        periods=draw(st.integers(1, 84)),
        first_due=draw(st.dates(date(2024, 1, 1), date(2027, 12, 31))),
        rounding=draw(st.sampled_from(Rounding)),
        frequency=draw(st.sampled_from(Frequency)),
        method=method,
        grace_periods=draw(st.integers(0, 6)),
        step_pct=Decimal(steps[0]),
        step_every=steps[1],
        balloon=Money(draw(st.integers(0, principal)), "CNY") if plain and not steps[1] else None,
        carried=Carried(*(Money(draw(minor), "CNY") for _ in range(3))),
    )


@given(any_terms())
def test_every_schedule_adds_up_and_ends_at_zero(terms: ScheduleTerms) -> None:
    try:
        schedule = build(terms)
    except ScheduleError:
        assume(False)
    carried = terms.carried
    assert carried is not None
    rows = schedule.instalments
    assert len(rows) == terms.grace_periods + terms.periods
    assert schedule.principal == terms.principal
    assert (schedule.fees, schedule.late_charges) == (carried.fees, carried.late_charges)
    assert schedule.interest >= carried.interest
    assert schedule.total == sum((row.total for row in rows), Money.zero("CNY"))
    assert rows[-1].balance_after.is_zero
    owed = terms.principal + carried.interest + carried.fees + carried.late_charges
    for row in rows:
        assert not any(part.is_negative for part in (row.principal, row.interest, row.fees, row.late_charges))
        assert row.balance_after <= owed, "the balance never grows"
        owed = row.balance_after
    assert [row.due for row in rows] == sorted({row.due for row in rows})


@given(st.integers(1, 10**9), st.decimals(0, 36, places=2), st.integers(1, 120))
def test_all_payments_of_an_annuity_but_the_last_are_equal(principal: int, rate: Decimal, n: int) -> None:
    terms = replace(BASE, principal=Money(principal, "USD"), annual_rate_pct=rate, periods=n)
    payments = [row.total.minor for row in build(terms).instalments]
    # Where rounding repays a tiny principal early, the tail is smaller.
    assert payments[:-1] == sorted(payments[:-1], reverse=True)
    if principal > 100 * n:
        assert len(set(payments[:-1])) <= 1
        # Half a cent of each payment and of each interest, carried on at compound interest to the end.
        monthly = rate / 1200
        growth = ((1 + monthly) ** n - 1) / monthly if monthly else Decimal(n)
        assert abs(payments[-1] - payments[0]) <= growth + 1
