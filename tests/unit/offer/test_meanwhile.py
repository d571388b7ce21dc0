"""A payment during talks: it reduces what is owed, is the first instalment where the offer says so, once."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from services.offer.decide import OfferDecider
from shared.contracts import desk, intake
from shared.contracts.debts import Allocation, DebtSnapshot
from shared.contracts.offer import OfferAgreed, OfferRevised, OfferTabled, OfferWithdrawn
from shared.contracts.plan_terms import total_of
from shared.contracts.reasons import ReasonCode
from shared.lending.calendar import add_months
from tests.unit.builders import DAY, assessed, balances, case_opened, cny, debt, message, reference
from tests.unit.spec import Given, given


def after(days: int) -> date:
    return DAY + timedelta(days=days)


def tabled(**pack: Any) -> Given:
    start = given(OfferDecider(), reference(**pack))
    return start.when(message(case_opened(), sequence=1), message(assessed()))


def left(principal: str) -> DebtSnapshot:
    return debt(
        outstanding=balances(principal, "420.00", "60.00", "150.00"), overdue=balances("600.00", "420.00")
    )


def pays(amount: str, n: int, remains: str, payment: str = "p-1", **more: Any) -> Any:
    debts, part = (left(remains),), Allocation(debt_id="A-1", amounts=balances(amount))
    about = {"payment_id": payment, "amount": cny(amount), "value_date": after(n), "allocations": (part,)}
    data = intake.PaymentMatched.model_validate({**about, "unallocated": cny("0.00"), "debts": debts, **more})
    return message(data, after(n))


def back(amount: str, n: int, remains: str, payment: str = "p-1") -> Any:
    data = intake.PaymentTakenBack(
        payment_id=payment,
        reversal_id="r-1",
        amount=cny(amount),
        reversed_on=after(n),
        value_date=after(3),
        allocations=(),
        debts=(left(remains),),
    )
    return message(data, after(n))


def first_due(offer: OfferTabled | OfferRevised) -> date:
    return min(plan.payments[0].due for plan in offer.plans)


def least(offer: OfferTabled) -> str:
    return offer.terms[-1].params["amount"].removesuffix(" CNY")


def test_a_payment_of_the_first_instalment_moves_the_plans_a_month_and_accepts_nothing() -> None:
    step = tabled()
    amount = least(step.last(OfferTabled))
    paid = step.when(pays(amount, 3, "11400.00"))
    assert paid.emits(OfferWithdrawn, OfferTabled)  # on the table still, on the lower balance
    offer = paid.last(OfferTabled)
    assert offer.balances[0].balances.principal == cny("11400.00")
    assert offer.terms[-1].code is ReasonCode.PAYMENT_WAS_FIRST
    assert offer.terms[-1].params == {"amount": f"{amount} CNY", "date": after(3).isoformat()}
    small = step.when(pays("10.00", 3, "11400.00")).last(OfferTabled)
    assert small.terms[-1].code is ReasonCode.PAYMENT_COUNTS_AS_FIRST
    assert first_due(offer) == add_months(first_due(small), 1)
    # What is paid in all over the plan is what is owed after the payment: nothing counts twice.
    for plan in offer.plans:
        principal = sum(d.balance.principal.minor - d.waived.principal.minor for d in plan.debts)
        assert plan.total_paid[0].minor >= principal
    accepted = next(plan for plan in offer.plans if not plan.needs_approval)
    said = desk.OfferAccepted(offer_id=offer.offer_id, plan_id=accepted.plan_id, channel="app")
    agreed = paid.when(message(said, after(4))).last(OfferAgreed)
    assert agreed.plan.payments[0].due == first_due(offer)
    assert total_of(agreed.plan.debts[0].balance) == total_of(left("11400.00").outstanding)


@pytest.mark.parametrize(
    ("pack", "payment"),
    [
        ({"talks__payment_is_first_instalment": "never"}, pays("3000.00", 3, "9000.00")),
        ({}, pays("1.00", 3, "9000.00")),
        ({}, pays("3000.00", 0, "9000.00")),
        ({}, pays("3000.00", 3, "9000.00", in_balance=True)),
    ],
    ids=["the pack says never", "less than an instalment", "before the talks", "in the balance already"],
)
def test_other_payments_only_reduce_what_is_owed(pack: dict[str, Any], payment: Any) -> None:
    step = tabled(**pack)
    once = step.when(payment).last(OfferTabled)
    assert first_due(once) - first_due(step.last(OfferTabled)) < timedelta(days=7)
    assert once.terms[-1].code is not ReasonCode.PAYMENT_WAS_FIRST


def test_it_counts_once_in_the_talks_and_no_more_when_it_came_back() -> None:
    step = tabled()
    amount = least(step.last(OfferTabled))
    once = step.when(pays(amount, 3, "11400.00"))
    twice = once.when(pays(amount, 4, "10900.00", "p-2"))
    assert first_due(twice.last(OfferTabled)) - first_due(once.last(OfferTabled)) < timedelta(days=7)
    returned = once.when(back(amount, 5, "12000.00"))
    offer = returned.last(OfferTabled)
    assert offer.terms[-1].code is ReasonCode.PAYMENT_COUNTS_AS_FIRST
    assert first_due(offer) < first_due(once.last(OfferTabled))
    other = once.when(back(amount, 5, "12000.00", "p-9")).last(OfferTabled)
    assert other.terms[-1].code is ReasonCode.PAYMENT_WAS_FIRST


def test_it_holds_for_the_next_round_of_the_same_talks() -> None:
    step = tabled()
    paid = step.when(pays(least(step.last(OfferTabled)), 3, "11400.00"))
    offer = paid.last(OfferTabled)
    wish = desk.CounterOffered(offer_id=offer.offer_id, round=1, monthly=cny("700.00"))
    revised = paid.when(message(wish, after(4))).last(OfferRevised)
    assert revised.terms[-1].code is ReasonCode.PAYMENT_WAS_FIRST
    assert first_due(revised) >= first_due(offer)
