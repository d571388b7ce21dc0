"""Rates and values against published vectors."""

from datetime import date
from decimal import Decimal

import pytest

from shared.lending.calendar import add_months
from shared.lending.money import CurrencyMismatch, Money, Rounding
from shared.lending.rates import (
    CashFlow,
    NoDealPath,
    RedefaultPath,
    apr_pct,
    effective_pct,
    modification_pct,
    monthly_apr_pct,
    nominal_pct,
    npv_of_no_deal,
    npv_of_offer,
    present_value,
    xirr_pct,
)
from shared.lending.schedule import Schedule, ScheduleTerms, build


def usd(text: str) -> Money:
    return Money.parse(text, "USD")


def plan(principal: str, rate: int, periods: int) -> Schedule:
    terms = ScheduleTerms(usd(principal), Decimal(rate), periods, date(2026, 2, 1), Rounding.HALF_UP)
    return build(terms)


def payments(schedule: Schedule) -> list[tuple[int, Money]]:
    return [(row.number, row.total) for row in schedule.instalments]


ANNUITY = [usd("888.49")] * 12


def test_xirr_counts_actual_days() -> None:
    start = date(2026, 1, 1)
    flows = [CashFlow(start, usd("-10000"))]
    flows += [CashFlow(add_months(start, k), paid) for k, paid in enumerate(ANNUITY, start=1)]
    assert xirr_pct(flows) == Decimal("12.7387")


def test_apr_counts_equal_months() -> None:
    # On ten million the payment's cents no longer show: the rate is that of the unrounded plan.
    paid = [usd("888487.89")] * 12
    times = [(Decimal(k) / 12, amount) for k, amount in enumerate(paid, start=1)]
    assert apr_pct(usd("10000000"), times) == Decimal("12.6825")
    assert monthly_apr_pct(usd("10000000"), paid) == Decimal("12.6825")
    # On ten thousand, a payment rounded up by a fifth of a cent costs half a thousandth of a per cent.
    assert monthly_apr_pct(usd("10000"), ANNUITY) == Decimal("12.6830")


def test_apr_of_one_payment_after_eighteen_months() -> None:
    assert apr_pct(usd("1000"), [(Decimal("1.5"), usd("1200"))]) == Decimal("12.9243")


def test_rates_that_do_not_exist() -> None:
    assert apr_pct(usd("0"), [(Decimal(1), usd("1"))]) is None
    assert apr_pct(usd("1000"), []) is None
    assert apr_pct(usd("1000"), [(Decimal(1), usd("0.01"))]) is None
    assert monthly_apr_pct(usd("1000"), []) is None
    assert xirr_pct([]) is None
    assert xirr_pct([CashFlow(date(2026, 1, 1), usd("5"))]) is None
    mixed = [CashFlow(date(2026, 1, 1), usd("-5")), CashFlow(date(2026, 2, 1), Money(500, "CNY"))]
    assert xirr_pct(mixed) is None


def test_a_rate_beyond_all_meaning_is_given_as_the_highest_there_is() -> None:
    # 97 cents for one within thirty days is 1.5e26 % a year: too long for a number with four digits after it.
    absurd = [CashFlow(date(2025, 1, 31), usd("-0.01")), CashFlow(date(2025, 3, 2), usd("0.97"))]
    assert xirr_pct(absurd) == Decimal(10**9)
    assert monthly_apr_pct(usd("0.01"), [usd("1000000.00")]) == Decimal(10**9)


def test_an_interest_free_plan_has_rate_zero_without_a_sign() -> None:
    assert str(monthly_apr_pct(usd("1200"), [usd("100")] * 12)) == "0.0000"


def test_effective_and_nominal_rates_are_inverse() -> None:
    assert effective_pct(Decimal(12)) == Decimal("12.6825")
    assert nominal_pct(Decimal("12.6826")) == Decimal("12.00")
    assert effective_pct(nominal_pct(Decimal(24))) <= 24


def test_the_offer_against_no_deal() -> None:
    schedule = plan("20000", 6, 48)
    assert schedule.instalments[0].total == usd("469.70")
    offer = npv_of_offer(
        payments(schedule),
        schedule.instalments[5].balance_after,
        RedefaultPath(Decimal("0.3"), 6, Decimal(25), 18),
        Decimal(10),
        Rounding.HALF_UP,
    )
    no_deal = npv_of_no_deal(usd("20000"), NoDealPath(Decimal(25), 12), Decimal(10), Rounding.HALF_UP)
    # The vector is computed on unrounded payments; a schedule in cents lies within two cents of it.
    assert abs(offer - usd("14931.72")) <= usd("0.02")
    assert no_deal == usd("4526.06")
    assert abs((offer - no_deal) - usd("10405.66")) <= usd("0.02")


def test_no_deal_costs_are_taken_off() -> None:
    path = NoDealPath(Decimal(25), 0, cost_pct=Decimal(5), fixed_cost=usd("100"))
    assert npv_of_no_deal(usd("1000"), path, Decimal(10), Rounding.HALF_UP) == usd("100.00")


@pytest.mark.parametrize(("rate", "periods", "expected"), [(6, 48, "-20.05"), (15, 36, "-4.11")])
def test_the_ten_percent_test(rate: int, periods: int, expected: str) -> None:
    before, after = plan("20000", 18, 24), plan("20000", rate, periods)
    change = modification_pct(payments(before), payments(after), Decimal(18))
    assert change is not None
    assert change.quantize(Decimal("0.01")) == Decimal(expected)


def test_modification_of_nothing() -> None:
    assert modification_pct([], [], Decimal(10)) is None
    assert modification_pct([(1, usd("0"))], [], Decimal(10)) is None


def test_present_value_has_one_currency() -> None:
    with pytest.raises(CurrencyMismatch):
        present_value([(1, Money(1, "CNY"))], Decimal(10), "USD")
