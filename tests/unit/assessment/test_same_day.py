"""A statement on the day of a balance, a payment or an instalment: any order gives the same assessment."""

from __future__ import annotations

import pytest

from services.assessment.decide import AssessmentDecider
from shared.contracts import followup, intake
from shared.contracts.assessment import AssessmentCompleted
from shared.contracts.base import Event
from tests.unit.assessment.desk_says import checked, day, opened, owes, states
from tests.unit.builders import balances, cny, debt, message, reference
from tests.unit.spec import Given, given

MUCH = debt(outstanding=balances("90000.00"))
FACTS: dict[str, Event] = {
    "a balance": intake.CaseChanged(as_of=day(3), debts=(MUCH,)),
    "a payment": intake.PaymentMatched(
        payment_id="p-1", amount=cny("100.00"), value_date=day(3), allocations=(),
        unallocated=cny("0.00"), debts=(debt(outstanding=balances("100.00")),),
    ),
    "a promise": followup.PromiseKept(promise_id="p", paid=cny("10.00")),
}  # fmt: skip
each_fact = pytest.mark.parametrize("fact", FACTS.values(), ids=FACTS.keys())
OWES_OTHERS = {"other_debts": (owes("bank", "12000.00", "600.00"),)}


def case() -> Given:
    return given(AssessmentDecider(), reference()).when(opened())


@each_fact
def test_a_statement_on_the_same_day(fact: Event) -> None:
    stated, said = states(3, **OWES_OTHERS), message(fact, day(3))
    one, other = case().when(said, stated), case().when(stated, said)
    assert one.last(AssessmentCompleted) == other.last(AssessmentCompleted)
    assert one.state == other.state


@each_fact
def test_from_the_next_day_on_it_counts(fact: Event) -> None:
    said = message(fact, day(2))
    known = case().when(said, states(3, **OWES_OTHERS)).last(AssessmentCompleted)
    unknown = case().when(states(3, **OWES_OTHERS)).last(AssessmentCompleted)
    assert known != unknown


def test_all_facts_of_one_day_are_left_to_the_next() -> None:
    facts = [message(fact, day(3)) for fact in FACTS.values()]
    unknown = case().when(states(3, **OWES_OTHERS)).last(AssessmentCompleted)
    step = case().when(*facts[:2], states(3, **OWES_OTHERS), facts[2])
    assert step.last(AssessmentCompleted) == unknown
    late = message(FACTS["a balance"], day(2))  # what is dated earlier and read later does not move the day
    again = step.when(late, checked(3, "income:salary", "7000.00")).last(AssessmentCompleted)
    sooner = case().when(states(3, **OWES_OTHERS), checked(3, "income:salary", "7000.00"))
    assert again == sooner.last(AssessmentCompleted)
