"""Time value functions: closed forms agree with each other, and a rate found is a rate."""

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.lending import time_value as tv
from shared.lending.time_value import When

RATES = st.decimals("0.0001", "0.2", places=4) | st.just(Decimal(0))
AMOUNTS = st.decimals("0.01", "1000000", places=2)
COUNTS = st.integers(1, 120)
WHENS = st.sampled_from(When)
TINY = Decimal("1e-20")


def test_a_loan_of_ten_thousand() -> None:
    payment = tv.pmt(Decimal("0.01"), 12, Decimal(10000))
    assert payment.quantize(Decimal("0.01")) == Decimal("-888.49")


@given(RATES, COUNTS, AMOUNTS, AMOUNTS, WHENS)
def test_the_payment_leaves_the_future_value_asked_for(
    rate: Decimal, count: int, now: Decimal, later: Decimal, when: When
) -> None:
    payment = tv.pmt(rate, count, now, later, when)
    assert abs(tv.fv(rate, Decimal(count), payment, now, when) - later) < later * TINY + Decimal("1e-15")
    assert abs(tv.pv(rate, Decimal(count), payment, later, when) - now) < now * TINY + Decimal("1e-15")


@given(RATES, COUNTS, AMOUNTS, WHENS)
def test_the_parts_of_the_payments_add_up_to_the_loan(
    rate: Decimal, count: int, now: Decimal, when: When
) -> None:
    principal = sum(tv.ppmt(rate, k, count, now, when=when) for k in range(1, count + 1))
    assert abs(principal + now) < now * TINY
    for k in (1, count):
        both = tv.ppmt(rate, k, count, now, when=when) + tv.ipmt(rate, k, count, now, when=when)
        assert abs(both - tv.pmt(rate, count, now, when=when)) < now * TINY


@given(st.decimals("0.0001", "0.2", places=4), st.integers(1, 60), AMOUNTS, WHENS)
def test_number_of_periods_and_rate_are_found_again(
    rate: Decimal, count: int, now: Decimal, when: When
) -> None:
    payment = tv.pmt(rate, count, now, when=when)
    periods = tv.nper(rate, payment, now, when=when)
    assert periods is not None
    assert abs(periods - count) < Decimal("1e-15")
    assume(count > 1 or when is When.END)
    found = tv.rate(Decimal(count), payment, now, when=when)
    assert found is not None
    assert abs(found - rate) < Decimal("1e-8")


def test_a_rate_is_found_where_nearly_everything_is_lost() -> None:
    """As of today such flows are worth more than a float can hold."""
    found = tv.rate(Decimal(230), Decimal("858.32"), Decimal("5668.65"), Decimal("-865.51"))
    assert found is not None
    assert found.quantize(Decimal("1e-6")) == Decimal("-0.991693")


@given(st.lists(AMOUNTS, min_size=1, max_size=24), st.decimals("0.4", "3", places=2))
def test_at_the_internal_rate_the_flows_are_worth_nothing(paid: list[Decimal], share: Decimal) -> None:
    lent = sum(paid, Decimal(0)) * share
    flows = [-lent, *paid]
    found = tv.irr(flows)
    assert found is not None
    assert abs(tv.npv(found, flows)) < lent / 10**5


def test_what_has_no_answer() -> None:
    assert tv.irr([Decimal(1), Decimal(2)]) is None
    assert tv.mirr([Decimal(1), Decimal(2)], Decimal("0.1"), Decimal("0.1")) is None
    assert tv.nper(Decimal(0), Decimal(0), Decimal(100)) is None
    assert tv.nper(Decimal("0.01"), Decimal(-1), Decimal(100)) is None
    assert tv.rate(Decimal(12), Decimal(400), Decimal(10000), Decimal(5000)) is None
    with pytest.raises(ValueError):
        tv.pmt(Decimal("0.1"), 0, Decimal(100))
    with pytest.raises(ValueError):
        tv.ipmt(Decimal("0.1"), 13, 12, Decimal(100))
    with pytest.raises(ValueError):
        tv.npv(Decimal(-1), [Decimal(1)])


def test_without_interest_everything_is_a_sum() -> None:
    assert tv.pmt(Decimal(0), 4, Decimal(100)) == -25
    assert tv.fv(Decimal(0), Decimal(4), Decimal(-25), Decimal(100)) == 0
    assert tv.nper(Decimal(0), Decimal(-25), Decimal(100)) == 4
    assert tv.rate(Decimal(4), Decimal(-25), Decimal(100)) == 0
