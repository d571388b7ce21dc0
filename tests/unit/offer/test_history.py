"""What offer knows of a debt's flows since its advance: said once by intake, added to by payments."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from services.offer.decide import OfferDecider
from shared.contracts import intake
from shared.contracts.base import Reason
from shared.contracts.debts import Allocation, DebtFlow, DebtSnapshot
from shared.contracts.desk import OfferAccepted
from shared.contracts.offer import ApprovalRequested, OfferTabled
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import (
    DAY,
    assessed,
    balances,
    case_opened,
    cny,
    debt,
    message,
    reference,
    taken_back,
)
from tests.unit.spec import Given, given

ADVANCE = DebtFlow(on=date(2022, 5, 4), amount=cny("-14000.00"))
PROBLEM = Reason(
    code=ReasonCode.HISTORY_DOES_NOT_ADD_UP,
    params={"owed": "12630.00", "found": "9000.00", "currency": "CNY"},
)


def after(days: int) -> date:
    return DAY + timedelta(days=days)


def with_history(left: DebtSnapshot | None = None, **more: Any) -> DebtSnapshot:
    known = {"history": (ADVANCE,), "history_as_of": DAY, **more}
    return (left or debt()).model_copy(update=known)


def tabled(first: DebtSnapshot) -> Given:
    start = given(OfferDecider(), reference(talks__untested_ceiling="person_looks"))
    return start.when(message(case_opened(first), sequence=1), message(assessed("1500.00")))


def flows_in(step: Given) -> tuple[DebtFlow, ...]:
    state: Any = step.state
    return tuple(state.debts[0].history)


def paid(left: DebtSnapshot, on: date, *, held: bool = False) -> intake.PaymentMatched:
    part = Allocation(debt_id=left.debt_id, amounts=balances("100.00"))
    return intake.PaymentMatched(
        payment_id="p-1", amount=cny("100.00"), value_date=on, allocations=(part,),
        unallocated=cny("0.00"), debts=(left,), in_balance=held,
    )  # fmt: skip


LESS = debt(outstanding=balances("11900.00", "420.00", "60.00", "150.00"))


def test_with_a_history_nobody_has_to_look_at_the_cost() -> None:
    plans = tabled(with_history()).last(OfferTabled).plans
    assert {plan.ceiling_test for plan in plans} == {"tested"}
    assert not any(
        reason.code is ReasonCode.CEILING_NOT_TESTABLE for plan in plans for reason in plan.reasons
    )


def test_flows_are_kept_when_the_case_says_no_more_of_them() -> None:
    changed = intake.CaseChanged(as_of=after(2), debts=(LESS,))
    step = tabled(with_history()).when(message(changed, after(2), sequence=2))
    assert flows_in(step) == (ADVANCE,)
    assert {plan.ceiling_test for plan in step.last(OfferTabled).plans} == {"tested"}


@pytest.mark.parametrize(
    ("on", "held", "counted"),
    [(-1, True, False), (0, True, False), (0, False, True), (3, False, True), (3, True, True)],
)
def test_a_payment_joins_the_flows_unless_they_hold_it(on: int, held: bool, counted: bool) -> None:
    step = tabled(with_history()).when(message(paid(LESS, after(on), held=held), after(4), sequence=2))
    flow = DebtFlow(on=after(on), amount=cny("100.00"))
    assert flows_in(step) == ((ADVANCE, flow) if counted else (ADVANCE,))


def test_a_payment_that_is_taken_back_leaves_them_as_they_were() -> None:
    step = tabled(with_history()).when(message(paid(LESS, after(3)), after(3), sequence=2))
    back = taken_back("100.00", after(3), after(3), "p-1").model_copy(
        update={
            "allocations": (Allocation(debt_id="A-1", amounts=balances("100.00")),),
            "debts": (debt(),),
        }
    )
    assert flows_in(step.when(message(back, after(3), sequence=3))) == (ADVANCE,)


def test_a_payment_makes_no_history_where_there_is_none() -> None:
    step = tabled(debt()).when(message(paid(LESS, after(3)), after(3), sequence=2))
    assert flows_in(step) == ()


def test_a_history_that_does_not_add_up_is_not_tested_on_and_the_person_who_looks_hears_why() -> None:
    step = tabled(with_history(history_problem=PROBLEM))
    offer = step.last(OfferTabled)
    plan = offer.plans[0]
    assert plan.ceiling_test == "not_testable"
    assert PROBLEM in plan.reasons
    accepted = OfferAccepted(offer_id=offer.offer_id, plan_id=plan.plan_id, channel="app")
    asked = step.when(message(accepted, after(1))).last(ApprovalRequested)
    assert PROBLEM in asked.reasons


def test_an_offer_is_withdrawn_when_its_history_stops_adding_up() -> None:
    spoiled = debt().model_copy(update={"history_problem": PROBLEM})
    changed = intake.CaseChanged(as_of=after(2), debts=(spoiled,))
    step = tabled(with_history()).when(message(changed, after(2), sequence=2))
    assert {plan.ceiling_test for plan in step.last(OfferTabled).plans} == {"not_testable"}
    healed = intake.CaseChanged(as_of=after(3), debts=(debt(),))
    again = step.when(message(healed, after(3), sequence=3))
    assert {plan.ceiling_test for plan in again.last(OfferTabled).plans} == {"tested"}
