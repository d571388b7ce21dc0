"""Money dated before the plan: what was told by the signing is in its balances, what comes later counts."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from services.followup.model import FollowupStatus
from shared.contracts import intake
from shared.contracts.debts import Allocation
from shared.contracts.followup import InstalmentMissed, InstalmentPaid, PaymentUnallocated, PlanCompleted
from shared.contracts.followup_care import CreditFound, PlanReopened, ProblemOpened
from tests.unit.builders import DAY, balances, cny, message, taken_back
from tests.unit.followup.plans import FIRST, GRACE, SECOND, THIRD, live, lives_to
from tests.unit.spec import Given

BEFORE, LATER = DAY - timedelta(days=2), DAY + timedelta(days=3)


def told(
    amount: str,
    *,
    dated: date = BEFORE,
    on: date = LATER,
    debt: str = "A-1",
    spare: str = "0.00",
    **facts: Any,
) -> Any:
    """Say of a payment on a day: matched to a debt, but for what it has no room for."""
    booked = str(cny(amount) - cny(spare)).split()[0]
    data = intake.PaymentMatched(
        payment_id=f"p-{amount}-{dated}-{on}",
        amount=cny(amount),
        value_date=dated,
        allocations=(Allocation(debt_id=debt, amounts=balances(booked)),),
        unallocated=cny(spare),
        **facts,
    )
    return message(data, on)


def comes_back(amount: str, *, dated: date = BEFORE, on: date = SECOND) -> Any:
    parts = (Allocation(debt_id="A-1", amounts=balances(amount)),)
    return message(taken_back(amount, dated, on).model_copy(update={"allocations": parts}), on)


def events(step: Given, *kinds: Any) -> list[Any]:
    return [event for event in step.said if isinstance(event, kinds)]


def test_a_payment_from_before_the_signing_that_is_told_after_it_pays_the_first_instalment() -> None:
    """The borrower paid it once more, and nobody heard of it."""
    step = live().when(told("100.00"))
    assert events(step, PaymentUnallocated) == []
    kept = lives_to(step, GRACE)
    (paid,) = events(kept, InstalmentPaid)
    assert (paid.number, paid.on_time, paid.on) == (1, True, DAY)
    assert events(kept, InstalmentMissed) == []


def test_what_is_more_than_the_plan_asks_for_is_the_borrower_s() -> None:
    step = live().when(told("50.00"), told("300.00", dated=FIRST, on=FIRST, spare="50.00"))
    done = lives_to(step, SECOND)
    assert done.state.status is FollowupStatus.COMPLETED
    assert events(done, PlanCompleted)
    assert events(done, CreditFound)[-1].amount == cny("50.00")


@pytest.mark.parametrize(
    "payment",
    [
        pytest.param(told("100.00", on=DAY), id="told on the day of the signing"),
        pytest.param(told("100.00", in_balance=True), id="the bank's figure had it"),
        pytest.param(told("100.00", debt="A-9"), id="of a debt beside the plan"),
    ],
)
def test_what_the_plan_was_made_on_does_not_count_twice(payment: Any) -> None:
    step = live().when(payment)
    assert events(step, PaymentUnallocated)
    assert events(lives_to(step, GRACE), InstalmentPaid) == []


def test_it_is_taken_from_the_instalments_again_where_it_comes_back_and_nobody_has_to_decide() -> None:
    step = live().when(told("100.00"), told("100.00", dated=SECOND, on=SECOND))
    back = lives_to(step, SECOND).when(comes_back("100.00", on=SECOND + timedelta(days=1)))
    assert events(back, ProblemOpened) == []
    assert back.state.plan.found == ()
    states = [line.state.value for line in lives_to(back, SECOND + timedelta(days=2)).state.plan.lines]
    assert states == ["paid", "late", "due"], "what is left pays the first; the second has new grace"
    paid = back.when(told("200.00", dated=THIRD, on=THIRD))
    assert lives_to(paid, THIRD).state.status is FollowupStatus.COMPLETED


def test_of_a_return_only_what_had_been_counted_is_missing_here() -> None:
    step = live().when(told("60.00"))
    part = step.when(comes_back("40.00"))
    assert part.state.plan.found[0].amount == cny("20.00")
    assert events(part, ProblemOpened) == []
    more = part.when(comes_back("80.00", on=SECOND))
    assert events(more, ProblemOpened)
    assert more.state.plan.found == ()
    assert sum(entry.amount.minor for entry in more.state.received) == 0


@pytest.mark.parametrize(("paid", "credit"), [("380.00", None), ("400.00", "20.00"), ("300.00", None)])
def test_what_is_paid_for_money_that_came_back_from_before_the_plan_is_no_credit(
    paid: str, credit: str | None
) -> None:
    """It was found as credit, to be paid out, although the books owe it."""
    back = taken_back("80.00", BEFORE, LATER).model_copy(
        update={"allocations": (Allocation(debt_id="A-1", amounts=balances("80.00")),)}
    )
    step = live().when(message(back, LATER), told(paid, dated=FIRST, on=FIRST, spare=credit or "0.00"))
    assert events(step, PaymentUnallocated) == []
    done = lives_to(step, SECOND)
    assert done.state.status is FollowupStatus.COMPLETED
    assert [event.amount for event in events(done, CreditFound)] == ([] if credit is None else [cny(credit)])


@pytest.mark.parametrize("first", [0, 1])
def test_nor_where_the_plan_was_completed_and_money_of_its_own_came_back_too(first: int) -> None:
    """The plan was completed by what paid the other return, and most of that was said to be a credit."""
    done = lives_to(live().when(told("300.00", dated=FIRST, on=FIRST)), FIRST)
    assert done.state.status is FollowupStatus.COMPLETED
    later = FIRST + timedelta(days=2)
    before = taken_back("80.00", BEFORE, later).model_copy(
        update={"allocations": (Allocation(debt_id="A-1", amounts=balances("80.00")),)}
    )
    both = [message(before, later), comes_back("100.00", dated=FIRST, on=later)]
    owing = lives_to(done.when(both[first], both[1 - first]), later)
    assert events(owing, PlanReopened)
    paid = lives_to(owing.when(told("180.00", dated=SECOND, on=SECOND)), SECOND)
    assert paid.state.status is FollowupStatus.COMPLETED
    assert events(paid, CreditFound) == []
    more = lives_to(owing.when(told("200.00", dated=SECOND, on=SECOND, spare="20.00")), SECOND)
    assert events(more, CreditFound)[-1].amount == cny("20.00")


@pytest.mark.parametrize(("debt", "credit"), [("A-1", ["20.00"]), ("A-9", [])])
def test_what_was_paid_for_a_return_before_another_brought_the_plan_back_is_taken_off_once(
    debt: str, credit: list[str]
) -> None:
    """The plan was completed, so that it was told apart; off the credit it was taken once more."""
    done = lives_to(live().when(told("300.00", dated=FIRST, on=FIRST)), FIRST)
    on = [FIRST + timedelta(days=n) for n in range(4)]
    before = comes_back("80.00", on=on[1])
    paid_for = told("80.00", dated=on[2], on=on[2], debt=debt, beside=cny("80.00"))
    step = done.when(before, paid_for, comes_back("100.00", dated=FIRST, on=on[3]))
    owing = lives_to(step, on[3])
    assert events(owing, PlanReopened)
    paid = lives_to(owing.when(told("120.00", dated=SECOND, on=SECOND, spare="20.00")), SECOND)
    assert paid.state.status is FollowupStatus.COMPLETED
    assert [event.amount for event in events(paid, CreditFound)] == [cny(amount) for amount in credit]


def test_a_credit_stays_the_borrower_s_where_money_came_back_from_before_a_completed_plan() -> None:
    done = lives_to(live().when(told("320.00", dated=FIRST, on=FIRST, spare="20.00")), FIRST)
    later = FIRST + timedelta(days=2)
    back = taken_back("80.00", BEFORE, later).model_copy(
        update={"allocations": (Allocation(debt_id="A-1", amounts=balances("80.00")),)}
    )
    step = lives_to(done.when(message(back, later), told("5.00", dated=later, on=later, spare="5.00")), later)
    assert [event.amount for event in events(step, CreditFound)] == [cny("25.00")]


def test_a_return_that_the_plan_was_made_on_takes_no_credit() -> None:
    back = taken_back("80.00", BEFORE, DAY).model_copy(
        update={
            "allocations": (Allocation(debt_id="A-1", amounts=balances("80.00")),),
            "in_balance": True,
        }
    )
    step = live().when(message(back, LATER), told("380.00", dated=FIRST, on=FIRST, spare="80.00"))
    assert events(lives_to(step, SECOND), CreditFound)[-1].amount == cny("80.00")


@pytest.mark.parametrize("in_balance", [False, True])
def test_what_of_it_no_debt_has_room_for_is_the_plan_s_too(in_balance: bool) -> None:
    """Of money that was told late only what went on a debt counted: the rest was in no plan and no credit."""
    paid = live().when(told("290.00", dated=DAY, on=DAY + timedelta(days=1)))
    booked, late = ("0.00", "40.00") if in_balance else ("10.00", "40.00")
    late_told = told("50.00", spare="40.00", in_balance=in_balance)
    step = lives_to(paid.when(late_told), LATER)
    assert events(step, PaymentUnallocated) == []
    assert step.state.status is FollowupStatus.COMPLETED
    found = cny(booked) + cny(late) - cny("10.00")
    assert [event.amount for event in events(step, CreditFound)] == [found]
    asked = [event.about for event in events(step, ProblemOpened)]
    assert asked[1:] == (["interest_paid_before_it_was_billed"] if in_balance else [])
    parts = (Allocation(debt_id="A-1", amounts=balances("10.00")),)
    data = taken_back("50.00", BEFORE, SECOND).model_copy(update={"allocations": parts})
    back = lives_to(step.when(message(data, SECOND)), SECOND)
    assert back.state.plan.found == ()
    assert events(back, PlanReopened)[-1].missing == (cny("10.00"),)
    assert sum(entry.amount.minor for entry in back.state.received) == cny("290.00").minor
    assert all(entry.on_no_debt == cny("0.00") for entry in back.state.received)
    assert all(not amount for amount in back.state.plan.unbooked)


def test_nor_is_it_nobody_s_where_the_plan_was_completed_by_then() -> None:
    done = lives_to(live().when(told("300.00", dated=DAY, on=DAY + timedelta(days=1))), LATER)
    assert done.state.status is FollowupStatus.COMPLETED
    on = LATER + timedelta(days=1)
    more = lives_to(done.when(told("50.00", on=on, spare="20.00")), on)
    assert [event.amount for event in events(more, CreditFound)] == [cny("20.00")]
    data = taken_back("20.00", BEFORE, SECOND)
    less = lives_to(more.when(message(data, SECOND)), SECOND)
    assert [event.amount for event in events(less, CreditFound)] == [cny("0.00")]
    assert less.state.status is FollowupStatus.COMPLETED
