"""Servicing: nothing owed is lost or made, no balance is negative, and what clears a loan clears it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.lending.allocation import Component, Components, DebtOrder
from shared.lending.delinquency import LoanDays, Pause, days_of_loan
from shared.lending.instalment_allocation import Due, Future, PaymentRules, give_back, pay
from shared.lending.loan import Advance, Charge, LoanInstalment, RunningLoan, ServicingError
from shared.lending.money import CurrencyMismatch, Money
from shared.lending.pause import pause_interest
from shared.lending.progressive import Accrual, Period, Rate, Stop, amortise, level_payment
from shared.lending.rate_factors import Every
from shared.lending.reage import Reage, ReageInterest, reage
from shared.lending.reamortize import OverdueInterest, reamortize
from shared.lending.recalculated import paid_off, pay_recalculated
from shared.lending.reschedule import Reschedule, reschedule
from shared.lending.several_loans import BandedRules, pay_several

C = Component
START = date(2024, 1, 1)
PRINCIPAL_FIRST = (C.LATE_CHARGES, C.FEES, C.PRINCIPAL, C.INTEREST)
INTEREST_FIRST = (C.LATE_CHARGES, C.FEES, C.INTEREST, C.PRINCIPAL)
RULES = PaymentRules.same_for_all(PRINCIPAL_FIRST)


def eur(text: str) -> Money:
    return Money.parse(text, "EUR")


def make(
    principal: int = 10000,
    pct: str = "7",
    count: int = 6,
    *,
    multiple: int = 1,
    recalculates: bool = False,
    fee: int = 0,
) -> RunningLoan:
    """A monthly loan from 1 January 2024, with a fee in its second instalment if there is one."""
    accrual = Accrual((Rate(START, Decimal(pct)),))
    dues = [Every.MONTHS.after(START, k + 1) for k in range(count)]
    periods = [Period(a, b) for a, b in zip([START, *dues], dues, strict=False)]
    level = level_payment(principal, periods, accrual, multiple=multiple)
    rows = []
    for period, split in zip(level, amortise(principal, level, accrual), strict=True):
        more = fee if len(rows) == 1 else 0
        owed = Components.of(
            "EUR",
            principal=Money(split.principal, "EUR"),
            interest=Money(split.interest, "EUR"),
            fees=Money(more, "EUR"),
        )
        rows.append(LoanInstalment(period.start, period.due, owed, Components.zero("EUR")))
    charges = (Charge(rows[1].due, Money(fee, "EUR")),) if fee else ()
    advances = (Advance(START, Money(principal, "EUR")),)
    return RunningLoan(accrual, tuple(rows), advances, charges, multiple=multiple, recalculates=recalculates)


loans = st.builds(
    make,
    st.integers(5_000, 5_000_000),
    st.sampled_from(["0", "5", "9.4822", "24"]),
    st.integers(2, 24),
    multiple=st.sampled_from([1, 100]),
    fee=st.integers(0, 5000),
)
payments = st.lists(st.tuples(st.integers(0, 400), st.integers(1, 300_000)), max_size=5)
rules = st.builds(
    PaymentRules.same_for_all,
    st.sampled_from([PRINCIPAL_FIRST, INTEREST_FIRST]),
    st.sampled_from(Future),
    vertical=st.booleans(),
)


def served(loan: RunningLoan, received: list[tuple[int, int]], by: PaymentRules = RULES) -> RunningLoan:
    for days, minor in sorted(received):
        loan = pay(loan, START + timedelta(days=days), Money(minor, "EUR"), by).loan
    return loan


def principal_of(loan: RunningLoan) -> Money:
    return Money.sum((row.owed.principal for row in loan.instalments), loan.currency)


def is_sound(loan: RunningLoan) -> bool:
    """All principal that was paid out is asked for, and nothing is negative."""
    lent = Money.sum((advance.amount for advance in loan.advances), loan.currency)
    parts = (part for row in loan.instalments for part in (row.owed, row.paid, row.unpaid))
    return principal_of(loan) == lent and not any(part.has_negative for part in parts)


@settings(max_examples=40)
@given(loans, payments, rules)
def test_a_payment_is_neither_lost_nor_made(
    loan: RunningLoan, received: list[tuple[int, int]], by: PaymentRules
) -> None:
    for days, minor in sorted(received):
        amount = Money(minor, "EUR")
        done = pay(loan, START + timedelta(days=days), amount, by)
        assert done.parts.total + done.unallocated == amount
        assert done.loan.paid == loan.paid + done.parts
        assert done.loan.unpaid == loan.unpaid - done.parts
        assert done.unallocated.is_zero or done.loan.unpaid.total.is_zero
        assert is_sound(done.loan)
        loan = done.loan


@settings(max_examples=40)
@given(loans, payments, rules, st.data())
def test_what_is_unpaid_in_all_does_not_depend_on_the_order_of_payments(
    loan: RunningLoan, received: list[tuple[int, int]], by: PaymentRules, data: st.DataObject
) -> None:
    other = data.draw(st.permutations(received))
    turned: RunningLoan = loan
    for days, minor in other:
        turned = pay(turned, START + timedelta(days=days), Money(minor, "EUR"), by).loan
    assert turned.unpaid.total == served(loan, received, by).unpaid.total


@settings(max_examples=40)
@given(loans, st.integers(1, 300_000), st.integers(1, 300_000), st.integers(0, 400))
def test_two_payments_on_a_day_are_as_good_as_one(loan: RunningLoan, a: int, b: int, days: int) -> None:
    assert served(loan, [(days, a), (days, b)]) == served(loan, [(days, a + b)])


@settings(max_examples=40)
@given(
    loans,
    payments,
    st.integers(30, 500),
    st.integers(1, 24),
    st.sampled_from(ReageInterest),
    st.integers(0, 60),
)
def test_a_re_age_moves_what_is_unpaid_and_keeps_what_is_paid(
    loan: RunningLoan,
    received: list[tuple[int, int]],
    days: int,
    count: int,
    interest: ReageInterest,
    wait: int,
) -> None:
    on = START + timedelta(days=days)
    before = served(loan, [(min(day, days), minor) for day, minor in received])
    if before.unpaid.principal.is_zero:
        with pytest.raises(ServicingError):
            reage(before, Reage(on, on + timedelta(days=wait), count, interest=interest))
        return
    after = reage(before, Reage(on, on + timedelta(days=wait), count, interest=interest))
    assert is_sound(after)
    assert after.paid.total == before.paid.total
    assert after.unpaid.fees == before.unpaid.fees
    if interest is ReageInterest.EQUAL_FULL:
        assert after.unpaid == before.unpaid
    if interest is ReageInterest.EQUAL_PAYABLE:
        assert after.unpaid.interest <= before.unpaid.interest
        first = on + timedelta(days=wait)
        twice = reage(before, Reage(on, first, count, interest=interest, net_of_paid=False))
        # What a published system asks for again is what was paid, and no more.
        assert after.unpaid.interest <= twice.unpaid.interest
        assert twice.unpaid.interest - after.unpaid.interest <= before.paid.interest
        assert twice.unpaid.principal == after.unpaid.principal


@settings(max_examples=40)
@given(loans, payments, st.integers(32, 700))
def test_a_re_amortisation_spreads_what_is_overdue(
    loan: RunningLoan, received: list[tuple[int, int]], days: int
) -> None:
    on = START + timedelta(days=days)
    before = served(loan, [(min(day, days), minor) for day, minor in received])
    late = [row for row in before.instalments if row.due <= on and not row.is_settled]
    if not late or before.instalments[-1].due <= on:
        with pytest.raises(ServicingError):
            reamortize(before, on)
        return
    after = reamortize(before, on)
    assert is_sound(after)
    assert (after.unpaid, after.paid) == (before.unpaid, before.paid)
    assert after.oldest_unpaid(on) is None


@settings(max_examples=40)
@given(loans, st.integers(0, 300), st.integers(0, 90))
def test_a_pause_only_lowers_interest(loan: RunningLoan, first: int, length: int) -> None:
    begin = START + timedelta(days=first)
    if begin > loan.instalments[-1].due:
        with pytest.raises(ServicingError):
            pause_interest(loan, begin, begin + timedelta(days=length), begin)
        return
    after = pause_interest(loan, begin, begin + timedelta(days=length), begin)
    assert is_sound(after)
    assert after.unpaid.interest <= loan.unpaid.interest
    assert after.unpaid.fees == loan.unpaid.fees


@settings(max_examples=40)
@given(
    loans,
    payments,
    st.integers(1, 300),
    st.sampled_from(["rate", "due", "extra", "grace"]),
    st.integers(1, 12),
)
def test_a_reschedule_asks_for_all_principal_and_keeps_what_is_paid(
    loan: RunningLoan, received: list[tuple[int, int]], days: int, kind: str, size: int
) -> None:
    since = START + timedelta(days=days)
    before = served(loan, [(min(day, days), minor) for day, minor in received])
    rows = [row for row in before.instalments if row.due >= since]
    if not rows:
        with pytest.raises(ServicingError):
            reschedule(before, Reschedule(since, since, extra=1))
        return
    change = {
        "rate": Reschedule(since, since, annual_pct=Decimal(size)),
        "due": Reschedule(since, since, due=rows[0].due + timedelta(days=size)),
        "extra": Reschedule(since, since, extra=size),
        "grace": Reschedule(since, since, grace_principal=1),
    }[kind]
    try:
        after = reschedule(before, change)
    except ServicingError:
        # The loan was paid beyond what it asks for now: that is a refund, not a reschedule.
        assert before.paid.total.is_positive
        return
    assert is_sound(after)
    assert after.paid.total == before.paid.total
    assert after.unpaid.fees + after.paid.fees == before.unpaid.fees + before.paid.fees


@settings(max_examples=40)
@given(
    st.integers(5_000, 500_000),
    st.sampled_from(["0", "7", "24"]),
    st.integers(2, 12),
    payments,
    st.integers(0, 500),
)
def test_what_clears_a_loan_on_a_day_clears_it(
    principal: int, pct: str, count: int, received: list[tuple[int, int]], days: int
) -> None:
    loan = make(principal, pct, count, recalculates=True)
    on = START + timedelta(days=days)
    for day, minor in sorted((min(day, days), minor) for day, minor in received):
        when = START + timedelta(days=day)
        done = pay_recalculated(loan, when, Money(minor, "EUR"), RULES, when)
        assert done.parts.total + done.unallocated == Money(minor, "EUR")
        loan = done.loan
        assert is_sound(loan)
    quote = paid_off(loan, on)
    cleared = pay_recalculated(loan, on, quote.total, RULES, on)
    assert cleared.unallocated.is_zero
    assert cleared.loan.unpaid.total.is_zero
    assert is_sound(cleared.loan)


BANDS = BandedRules(
    ((0, PaymentRules.same_for_all(INTEREST_FIRST)), (91, PaymentRules.same_for_all(PRINCIPAL_FIRST)))
)


@settings(max_examples=40)
@given(
    st.lists(loans, min_size=1, max_size=3),
    st.integers(0, 500),
    st.integers(0, 900_000),
    st.sampled_from(DebtOrder),
)
def test_a_payment_over_several_loans_is_neither_lost_nor_made(
    several: list[RunningLoan], days: int, minor: int, order: DebtOrder
) -> None:
    named = {str(number): loan for number, loan in enumerate(several)}
    amount, on = Money(minor, "EUR"), START + timedelta(days=days)
    done, left = pay_several(named, on, amount, BANDS, order)
    received = Money.sum((payment.parts.total for payment in done.values()), "EUR")
    assert received + left == amount
    assert all(is_sound(payment.loan) for payment in done.values())
    assert left.is_zero or all(payment.loan.unpaid.total.is_zero for payment in done.values())


def test_the_order_of_parts_goes_by_the_days_before_a_re_age() -> None:
    loan, on = make(pct="24"), date(2024, 5, 15)
    assert days_of_loan(loan, on).for_allocation == 104
    young, _ = pay_several({"a": make(pct="24")}, date(2024, 2, 2), eur("1.00"), BANDS, DebtOrder.PRO_RATA)
    assert young["a"].parts.interest == eur("1.00")
    after = reage(loan, Reage(on, date(2024, 6, 1), 6, interest=ReageInterest.EQUAL_FULL))
    old, left = pay_several({"a": after}, date(2024, 6, 1), eur("1.00"), BANDS, DebtOrder.PRO_RATA)
    assert (old["a"].parts.principal, left) == (eur("1.00"), eur("0.00"))
    with pytest.raises(ValueError, match="ascend"):
        BandedRules(((1, RULES),))


def test_days_shown_start_anew_after_a_re_age_and_those_of_allocation_do_not() -> None:
    loan, on = make(), date(2024, 3, 15)
    assert days_of_loan(loan, on) == LoanDays(43, 43)
    pauses = [Pause(date(2024, 2, 10), date(2024, 2, 20))]
    assert days_of_loan(loan, on, pauses) == LoanDays(33, 33)
    after = reage(loan, Reage(on, date(2024, 4, 1), 6))
    assert days_of_loan(after, on) == LoanDays(0, 43)
    assert days_of_loan(after, date(2024, 4, 11)) == LoanDays(10, 70)
    settled = pay(after, date(2024, 4, 11), after.unpaid.total, RULES).loan
    assert days_of_loan(settled, date(2024, 4, 12)) == LoanDays(0, 0)


def test_divided_interest_and_the_first_instalment() -> None:
    loan = make(recalculates=True)
    first = pay_recalculated(loan, date(2024, 2, 1), eur("17.01"), RULES, date(2024, 2, 1)).loan
    divided = reamortize(first, date(2024, 3, 15), OverdueInterest.DIVIDED)
    assert [row.owed.interest for row in divided.instalments[2:]] == [
        eur("0.61"),
        eur("0.49"),
        eur("0.37"),
        eur("0.24"),
    ]
    whole = reamortize(first, date(2024, 3, 15))
    assert whole.instalments[2].owed.interest == eur("0.98")


def test_operations_follow_each_other() -> None:
    """Re-aged, then paused and paid: interest carried into the first instalment is borne only once."""
    on = date(2024, 3, 15)
    loan = pay_recalculated(make(recalculates=True), date(2024, 2, 1), eur("17.01"), RULES, on).loan
    after = reage(loan, Reage(on, date(2024, 4, 1), 6))
    new = after.instalments[-6:]
    assert [row.owed.interest for row in new[:2]] == [eur("0.98"), eur("0.41")]
    paused = pause_interest(after, date(2024, 4, 10), date(2024, 6, 10), date(2024, 4, 1))
    assert [row.owed.interest for row in paused.instalments[-6:]] == [
        eur("0.98"),
        eur("0.11"),
        eur("0"),
        eur("0.17"),
        eur("0.16"),
        eur("0.08"),
    ]
    paid = pay_recalculated(after, date(2024, 4, 1), eur("14.30"), RULES, date(2024, 4, 1))
    assert (paid.parts.principal, paid.parts.interest) == (eur("13.32"), eur("0.98"))
    assert [row.owed for row in paid.loan.instalments] == [row.owed for row in after.instalments]
    equal = reage(loan, Reage(on, date(2024, 4, 1), 6, interest=ReageInterest.EQUAL_PAYABLE))
    assert pause_interest(equal, date(2024, 4, 10), date(2024, 6, 10), on) == equal
    longer = reschedule(equal, Reschedule(date(2024, 7, 1), date(2024, 4, 2), extra=2))
    assert is_sound(longer)
    assert longer.unpaid.total == equal.unpaid.total


def test_an_early_payment_asks_for_the_interest_borne_so_far() -> None:
    loan = make(recalculates=True)
    done = pay_recalculated(loan, date(2024, 1, 14), eur("17.01"), RULES, date(2024, 1, 14))
    assert (done.parts.principal, done.parts.interest) == (eur("16.77"), eur("0.24"))
    assert done.loan.instalments[1].owed.interest == eur("0.78")


def test_the_current_instalment_before_the_last() -> None:
    rules = PaymentRules.same_for_all(INTEREST_FIRST, Future.CURRENT_THEN_LAST)
    done = pay(make(pct="0"), date(2024, 2, 10), eur("50.01"), rules)
    paid = [row.paid.total for row in done.loan.instalments]
    # The first is past due, the second is the current one; the last (16.65) takes what is left, and 2 cents
    # go to the one before it.
    assert paid == [eur("16.67"), eur("16.67"), eur("0"), eur("0"), eur("0.02"), eur("16.65")]


@settings(max_examples=40)
@given(loans, payments, st.integers(0, 400), st.integers(1, 300_000), rules)
def test_what_is_given_back_was_paid(
    loan: RunningLoan, received: list[tuple[int, int]], days: int, minor: int, by: PaymentRules
) -> None:
    loan = served(loan, received, by)
    amount = Money(minor, "EUR")
    back = give_back(loan, START + timedelta(days=days), amount, by)
    assert back.parts.total + back.unallocated == amount
    assert back.loan.paid + back.parts == loan.paid
    assert back.unallocated.is_zero or back.loan.paid.total.is_zero
    assert is_sound(back.loan)


def test_a_refund_takes_from_the_newest_instalment_and_its_last_part_first() -> None:
    loan = make(pct="0", fee=100)
    loan = served(loan, [(31, 1667), (60, 1767), (60, 500)])
    back = give_back(loan, date(2024, 3, 2), eur("10"), RULES)
    # The third instalment gives its five euros; of the second the principal goes before the fee.
    assert [row.paid.total for row in back.loan.instalments][:3] == [eur("16.67"), eur("12.67"), eur("0")]
    assert back.loan.instalments[1].paid.fees == eur("1")
    assert back.loan.instalments[1].settled_on is None
    vertical = PaymentRules.same_for_all(PRINCIPAL_FIRST, vertical=True)
    assert give_back(loan, date(2024, 3, 2), eur("10"), vertical).parts.principal == eur("10")
    with pytest.raises(ValueError, match="not negative"):
        give_back(loan, START, eur("-1"), RULES)


def test_refusals() -> None:
    loan = make()
    with pytest.raises(ValueError, match="at most once"):
        PaymentRules(((Due.DUE, C.FEES), (Due.DUE, C.FEES)))
    with pytest.raises(ValueError, match="not negative"):
        pay(loan, START, Money(-1, "EUR"), RULES)
    with pytest.raises(CurrencyMismatch):
        pay(loan, START, Money(1, "USD"), RULES)
    with pytest.raises(ServicingError, match="at least one"):
        reage(loan, Reage(START, START, 0))
    with pytest.raises(ValueError, match="before it starts"):
        Stop(date(2024, 2, 2), date(2024, 2, 1))
    with pytest.raises(ServicingError, match="paid beyond"):
        replace(loan.instalments[0], paid=Components.of("EUR", fees=Money(1, "EUR")))
    with pytest.raises(ValueError, match="rates"):
        Accrual(())
