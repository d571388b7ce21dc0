"""Money: payments, the bank's figures by value date, returns, waivers; the ledger always adds up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from services.intake.decide import IntakeDecider
from services.intake.ledger import confirm_waiver
from shared.contracts import followup
from shared.contracts.agreement import WaivedDebt
from shared.contracts.debts import Balances, DebtLedger
from shared.contracts.ids import case_id
from shared.contracts.intake import (
    CaseAssigned,
    CaseChanged,
    CaseClosed,
    CaseOpened,
    InputRefused,
    PaymentMatched,
    PaymentTakenBack,
)
from shared.contracts.plan_terms import total_of
from shared.contracts.reasons import ReasonCode
from shared.lending.money import Money
from shared.policy.testing import example_pack
from tests.unit.builders import balances, cny, message, reference
from tests.unit.intake.bank_says import (
    LATE,
    NOTHING,
    OWED,
    balance,
    confirmed,
    cured,
    day,
    instructed,
    overdue,
    paid,
    recalled,
    returned,
    signed,
)
from tests.unit.spec import Given, given

REFERENCE = reference()
PARTS = ("principal", "interest", "fees", "late_charges")


def opened(days: int = 60, **overrides: Any) -> Given:
    return given(IntakeDecider(), reference(**overrides)).when(overdue(days=days))


def ledger(event: Any, debt_id: str = "A-1") -> DebtLedger:
    return next(entry for entry in event.ledgers if entry.debt_id == debt_id)


def adds_up(entry: DebtLedger) -> bool:
    return all(
        getattr(entry.opening, part) + getattr(entry.charges, part) + getattr(entry.corrections, part)
        == getattr(entry.paid, part) + getattr(entry.waived, part) + getattr(entry.outstanding, part)
        for part in PARTS
    )


# -- the waterfall (domain vector 9: 1000 paid on fee 200, interest 500, principal 5000)


@pytest.mark.parametrize(
    ("days", "served"),
    [
        (60, balances("300.00", "500.00", "200.00")),
        (120, balances("1000.00")),
    ],
)
def test_a_payment_is_served_in_the_order_of_the_band_of_days_past_due(days: int, served: Balances) -> None:
    after = opened(days).when(paid("1000.00", 1))
    said = after.last(PaymentMatched)
    assert said.allocations[0].amounts == served
    assert said.unallocated.is_zero
    assert not said.in_balance
    assert total_of(said.debts[0].outstanding) == cny("4700.00")
    assert adds_up(ledger(said))


def test_the_band_is_that_of_the_value_date_not_of_the_last_figure() -> None:
    assert opened(89).when(paid("1000.00", 1)).last(PaymentMatched).allocations[0].amounts.interest
    late = opened(89).when(paid("1000.00", 2)).last(PaymentMatched).allocations[0].amounts
    assert late == balances("1000.00")


def test_another_order_in_the_pack_serves_other_components() -> None:
    order = ["principal", "costs", "interest", "fees", "late_charges"]
    after = opened(60, allocation__bands=[{"from_days": 0, "order": order}]).when(paid("1000.00", 1))
    assert after.last(PaymentMatched).allocations[0].amounts == balances("1000.00")


def test_each_debt_is_served_in_the_order_of_its_own_pack() -> None:
    principal_first = [{"from_days": 0, "order": ["principal", "costs", "interest", "fees", "late_charges"]}]
    packs = (example_pack(), example_pack({"id": "other"}, allocation__bands=principal_first))
    small = balances("10.00", "5.00")
    after = given(IntakeDecider(), reference(*packs)).when(
        overdue(days=61, owed=small, late=small), overdue("A-2", product="other"), paid("20.00", 1)
    )
    served = {a.debt_id: a.amounts for a in after.last(PaymentMatched).allocations}
    assert served == {"A-1": small, "A-2": balances("5.00")}


def test_the_oldest_debt_is_served_first_and_what_is_left_over_stays_unallocated() -> None:
    small = balances("100.00")
    after = opened(30).when(overdue("A-2", days=90, owed=small, late=small))
    said = after.when(paid("150.00", 1)).last(PaymentMatched)
    assert [(a.debt_id, total_of(a.amounts)) for a in said.allocations] == [
        ("A-2", cny("100.00")),
        ("A-1", cny("50.00")),
    ]
    much = after.when(paid("9000.00", 1)).last(PaymentMatched)
    assert much.unallocated == cny("3200.00")


def test_a_payment_that_names_its_account_serves_only_that() -> None:
    after = opened().when(overdue("A-2", days=90)).when(paid("150.00", 1, account="A-1"))
    assert [a.debt_id for a in after.last(PaymentMatched).allocations] == ["A-1"]
    other = opened().when(paid("150.00", 1, account="A-9"))
    assert other.said == ()
    assert other.when(overdue("A-9", n=0)).last(PaymentMatched).allocations[0].debt_id == "A-9"
    assert other.closes(day(1)).last(PaymentMatched).unallocated == cny("150.00")


def test_currencies_never_mix() -> None:
    usd = example_pack({"id": "us-card", "currency": "USD"})
    ref = reference(example_pack(), usd)
    dollars = balances("100.00", currency="USD")
    after = given(IntakeDecider(), ref).when(
        overdue(), overdue("U-1", product="us-card", owed=dollars, late=dollars, language="en")
    )
    said = after.when(paid(Money(15000, "USD"), 1)).last(PaymentMatched)
    assert [a.debt_id for a in said.allocations] == ["U-1"]
    assert said.unallocated == Money(5000, "USD")
    euros = after.when(paid(Money(15000, "EUR"), 1)).last(PaymentMatched)
    assert euros.allocations == ()
    assert euros.unallocated == Money(15000, "EUR")
    back = after.when(paid(Money(15000, "USD"), 1), returned("1.00", 2))
    assert back.last(InputRefused).reason.code is ReasonCode.CURRENCY_MISMATCH


@pytest.mark.parametrize(
    ("payment", "code"),
    [
        (paid("0.00", 1), ReasonCode.AMOUNT_OUT_OF_RANGE),
        (paid("-5.00", 1), ReasonCode.AMOUNT_OUT_OF_RANGE),
        (paid("9000000000000000.00", 1), ReasonCode.AMOUNT_OUT_OF_RANGE),
        (paid("10.00", 1, "P-0"), ReasonCode.PAYMENT_KNOWN),
    ],
)
def test_payments_that_cannot_be(payment: Any, code: ReasonCode) -> None:
    before = opened().when(paid("10.00", 1, "P-0"))
    after = before.when(payment)
    assert after.last(InputRefused).reason.code is code
    assert after.state == before.state


# -- the bank's figures


def test_the_bank_s_increase_is_a_charge_in_interest_and_a_correction_in_principal() -> None:
    said = opened().when(balance(30, balances("5010.00", "575.00", "200.00"))).last(CaseChanged)
    entry = ledger(said)
    assert (entry.charges, entry.corrections) == (balances("0.00", "75.00"), balances("10.00"))
    assert adds_up(entry)
    less = opened().when(balance(30, balances("5000.00", "450.00", "200.00"))).last(CaseChanged)
    assert ledger(less).corrections.interest == cny("-50.00")


def test_a_figure_holds_the_payments_dated_before_it_and_not_those_after() -> None:
    after = opened(120).when(paid("100.00", 2), paid("30.00", 9, "P-2"))
    now = after.when(replace(balance(5, balances("4900.00", "520.00", "200.00")), time=paid("1.00", 9).time))
    said = now.last(CaseChanged)
    assert total_of(said.debts[0].outstanding) == cny("5590.00")
    assert ledger(said).charges == balances("0.00", "20.00")
    assert ledger(said).corrections == NOTHING
    assert ledger(said).paid == balances("130.00")


def test_a_payment_heard_after_the_figure_that_holds_it_changes_what_was_paid_not_what_is_owed() -> None:
    fallen = opened(120).when(balance(5, balances("4900.00", "500.00", "200.00"), days=125))
    assert ledger(fallen.last(CaseChanged)).corrections == balances("-100.00")
    said = fallen.when(paid("100.00", 3, on=6)).last(PaymentMatched)
    assert said.in_balance
    assert said.allocations[0].amounts == balances("100.00")
    assert said.debts[0].outstanding == balances("4900.00", "500.00", "200.00")
    assert (ledger(said).corrections, ledger(said).paid) == (NOTHING, balances("100.00"))


def test_of_one_day_the_order_of_arrival_decides_whether_the_figure_holds_the_payment() -> None:
    before = opened(120).when(
        paid("100.00", 5), balance(5, balances("4900.00", "500.00", "200.00"), days=125)
    )
    assert total_of(before.state.debts[0].snapshot().outstanding) == cny("5600.00")
    after = opened(120).when(balance(5, OWED, days=125), paid("100.00", 5))
    assert total_of(after.last(PaymentMatched).debts[0].outstanding) == cny("5600.00")
    assert not after.last(PaymentMatched).in_balance


def test_a_settling_payment_heard_after_the_zero_balance_is_allocated_on_the_closed_case() -> None:
    closed = opened().when(balance(5, NOTHING, NOTHING, days=0))
    assert closed.emits(CaseClosed)
    said = closed.when(paid("5700.00", 5, on=6))
    decision = IntakeDecider().decide(closed.state, paid("5700.00", 4, on=6), reference())
    assert decision.emissions[0].subject == case_id("C-1", 1)
    matched = decision.emissions[0].data
    assert isinstance(matched, PaymentMatched)
    assert matched.unallocated.is_zero
    assert ledger(matched).paid == OWED
    assert said.last(PaymentMatched).unallocated == cny("5700.00")  # dated after the figure: not held by it


def test_a_figure_that_turns_out_lower_than_what_was_paid_since_leaves_nothing_owed() -> None:
    fallen = replace(balance(5, balances("4000.00", "600.00")), time=paid("1.00", 9).time)
    after = opened(120).when(paid("5600.00", 9)).when(fallen)
    said = after.last(CaseChanged)
    assert said.debts[0].outstanding == NOTHING
    assert adds_up(ledger(said))


# -- money before a case


def test_money_before_the_first_case_is_matched_when_it_opens() -> None:
    waiting = given(IntakeDecider(), reference()).when(paid("100.00", -3), paid("40.00", 2, "P-2", on=0))
    assert waiting.said == ()
    after = waiting.when(overdue(days=120))
    assert after.emits(CaseOpened, CaseAssigned, PaymentMatched, PaymentMatched)
    held, fresh = (event for event in after.said if isinstance(event, PaymentMatched))
    assert held.in_balance
    assert held.debts[0].outstanding == OWED
    assert not fresh.in_balance
    assert total_of(fresh.debts[0].outstanding) == cny("5660.00")
    back = after.when(returned("100.00", 4)).last(PaymentTakenBack)
    assert total_of(back.debts[0].outstanding) == cny("5760.00")


def test_money_before_a_case_is_kept_in_bounds_and_never_dropped_in_silence() -> None:
    state = given(IntakeDecider(), reference())
    refused = 0
    for n in range(60):
        state = state.when(paid("1.00", n, f"P-{n}"))
        refused += sum(isinstance(event, InputRefused) for event in state.said)
    assert len(state.state.payments) + refused == 60
    assert len(state.state.payments) < 30


def test_money_returned_before_a_case_is_gone() -> None:
    after = given(IntakeDecider(), reference()).when(
        paid("100.00", -3), returned("40.00", -2), paid("10.00", -3, "P-2"), returned("10.00", -2, "P-2")
    )
    assert after.when(overdue()).last(PaymentMatched).amount == cny("60.00")


# -- returns


def test_a_return_takes_back_exactly_what_had_been_allocated() -> None:
    before = opened()
    after = before.when(paid("1000.00", 1), returned("1000.00", 4))
    said = after.last(PaymentTakenBack)
    assert said.allocations[0].amounts == balances("300.00", "500.00", "200.00")
    assert said.debts[0].outstanding == OWED
    assert said.debts[0].overdue == LATE
    assert ledger(said).paid == NOTHING


@pytest.mark.parametrize("part", ["50.00", "400.00", "999.99"])
def test_a_part_returned_leaves_what_the_smaller_payment_would_have_served(part: str) -> None:
    whole = opened().when(paid("1000.00", 1), returned(part, 4))
    small = opened().when(paid(str(cny("1000.00") - cny(part)), 1))
    assert whole.state.debts[0].outstanding == small.state.debts[0].outstanding
    assert whole.state.debts[0].overdue == small.state.debts[0].overdue


def test_what_was_unallocated_comes_back_first() -> None:
    after = opened().when(paid("6000.00", 1), returned("300.00", 2)).last(PaymentTakenBack)
    assert after.allocations == ()
    more = opened().when(paid("6000.00", 1), returned("301.00", 2)).last(PaymentTakenBack)
    assert total_of(more.allocations[0].amounts) == cny("1.00")


def test_no_more_comes_back_than_was_paid() -> None:
    after = opened().when(paid("100.00", 1), returned("60.00", 2), returned("60.00", 3, reversal="R-2"))
    assert after.last(InputRefused).reason.code is ReasonCode.REVERSAL_EXCEEDS_PAYMENT
    twice = opened().when(paid("100.00", 1), returned("60.00", 2), returned("60.00", 2))
    assert [type(event) for event in twice.said] == [PaymentMatched, PaymentTakenBack]


def test_a_return_waits_for_its_payment_and_is_refused_when_the_day_closes() -> None:
    waiting = opened().when(returned("100.00", 2))
    assert waiting.said == ()
    assert waiting.when(paid("100.00", 1, on=2)).last(PaymentTakenBack).amount == cny("100.00")
    assert waiting.closes(day(2)).last(InputRefused).reason.code is ReasonCode.UNKNOWN_PAYMENT


def test_a_return_that_the_figure_holds_already_changes_what_was_paid_alone() -> None:
    after = opened(120).when(paid("100.00", 1), balance(5, OWED, days=125), returned("100.00", 3, on=6))
    said = after.last(PaymentTakenBack)
    assert said.in_balance
    assert said.debts[0].outstanding == OWED
    assert (ledger(said).paid, ledger(said).corrections) == (NOTHING, NOTHING)


def test_a_return_in_the_next_case_is_told_on_both() -> None:
    after = opened().when(paid("1000.00", 1), cured(5), overdue(n=30, days=5))
    decision = IntakeDecider().decide(after.state, returned("1000.00", 31), reference())
    told = [(type(e.data), e.subject) for e in decision.emissions]
    assert told == [(PaymentTakenBack, case_id("C-1", 1)), (CaseChanged, case_id("C-1", 2))]
    back, changed = (emission.data for emission in decision.emissions)
    assert isinstance(back, PaymentTakenBack)
    assert back.allocations == ()
    (part,) = back.elsewhere
    assert (part.debt_id, total_of(part.amounts)) == ("A-1", cny("1000.00")), "none of it lay on no debt"
    assert isinstance(changed, CaseChanged)
    assert total_of(changed.debts[0].outstanding) == cny("6700.00")
    assert adds_up(ledger(changed))


# -- waivers

WAIVED = balances("0.00", "200.00", "50.00")


def test_what_is_waived_is_owed_no_more() -> None:
    said = opened().when(signed(2, waived=WAIVED)).last(CaseChanged)
    assert said.debts[0].outstanding == balances("5000.00", "300.00", "150.00")
    assert said.debts[0].overdue == balances("1000.00", "300.00", "150.00")
    assert ledger(said).waived == WAIVED
    assert said.reasons[0].code is ReasonCode.AMOUNT_WAIVED


def test_no_more_is_waived_than_is_owed() -> None:
    said = opened().when(signed(2, waived=balances("0.00", "900.00"))).last(CaseChanged)
    assert ledger(said).waived == balances("0.00", "500.00")


def test_figures_from_before_the_bank_has_carried_it_out_do_not_undo_a_waiver() -> None:
    told = opened().when(signed(2, waived=WAIVED), instructed(2, WAIVED))
    unaware = told.when(balance(3, OWED, days=63))
    assert unaware.state.debts[0].outstanding == told.state.debts[0].outstanding
    aware = unaware.when(confirmed(4), balance(5, balances("5000.00", "300.00", "150.00"), days=65))
    assert aware.state.debts[0].outstanding == told.state.debts[0].outstanding
    final = ledger(opened().decider and aware.last(CaseChanged))
    assert (final.charges, final.corrections, final.waived) == (NOTHING, NOTHING, WAIVED)
    undone = unaware.when(confirmed(4), balance(5, OWED, days=65))
    assert total_of(undone.last(CaseChanged).debts[0].outstanding) == cny("5700.00")  # the bank wins


def test_a_confirmation_heard_after_the_figure_that_holds_the_waiver_counts_it_once() -> None:
    less = balances("5000.00", "300.00", "150.00")
    after = opened().when(signed(2, waived=WAIVED), instructed(2, WAIVED), balance(5, less, days=65))
    assert total_of(after.state.debts[0].snapshot().outstanding) == cny("5200.00")  # not known to be in it
    said = after.when(confirmed(4)).last(CaseChanged)
    assert said.debts[0].outstanding == less
    assert adds_up(ledger(said))
    assert ledger(said).corrections == NOTHING


def test_a_reward_waives_and_the_bank_has_its_days_to_book_it() -> None:
    granted = followup.RewardGranted(
        reward="late_charges", after_instalment=3, waived=(WaivedDebt(debt_id="A-1", amounts=WAIVED),)
    )
    after = opened().when(message(granted, day(2)))
    assert ledger(after.last(CaseChanged)).waived == WAIVED
    assert after.when(balance(4, OWED, days=64)).state.debts[0].outstanding.total == 545000
    assert after.when(balance(9, OWED, days=69)).state.debts[0].outstanding.total == 570000


def test_waivers_that_a_silent_bank_never_confirms_do_not_make_the_document_grow() -> None:
    """A confirmation of the last of those that were merged speaks for all of them."""
    cent = balances("0.00", "0.01")

    def version(number: int) -> Any:
        told = signed(2, waived=cent)
        return replace(told, data=told.data.model_copy(update={"version": number}))

    after = opened().when(*(version(number) for number in range(1, 101)))
    (debt,) = after.state.debts
    assert len(debt.after) <= 41
    assert debt.waived.interest == -sum(movement.amounts.interest for movement in debt.after) == 100
    unaware = after.when(balance(3, OWED, days=63))
    assert unaware.state.debts[0].outstanding == debt.outstanding
    merged = debt.after[0]
    assert merged.amounts.interest < -1
    answered = confirm_waiver(debt, merged.waiver or "", day(4))
    assert [m.amounts for m in answered.after if m.on == day(4)] == [merged.amounts]


def test_money_for_a_closed_case_says_what_the_bank_has_said_of_its_debts_since() -> None:
    step = opened(10).when(recalled(0, "A-1"))
    nothing = balances("0.00")
    step = step.when(overdue("A-1", n=1, days=1, owed=nothing, late=nothing, on=day(1)))
    assert step.emits()
    said = step.when(paid("1.25", 0, "P-1", on=1)).last(PaymentMatched)
    (snapshot,), (ledger,) = said.debts, said.ledgers
    assert ledger.outstanding == snapshot.outstanding
    assert adds_up(ledger)
