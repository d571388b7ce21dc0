"""Debts of two packs in one plan: each runs to the longest term of its own pack, within what can be paid."""

from __future__ import annotations

from datetime import date

from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from services.offer.decide import OfferDecider
from shared.contracts import desk
from shared.contracts.debts import Plan
from shared.contracts.offer import NoPlanFound, OfferRevised, OfferTabled
from shared.contracts.plan_terms import schedules_of, total_of
from shared.lending.money import Money
from shared.policy.testing import example_pack, example_policy
from tests.unit.builders import assessed, balances, case_opened, debt, message, reference
from tests.unit.spec import Given, given

ROUNDING = example_policy().amounts.rounding
SHORT = example_pack({"id": "short-loan"}, term__max_months=10, term__offered_months=[6, 9])
REFERENCE = reference(example_pack(), SHORT)
LONG, BRIEF = debt(), debt("A-2", policy="short-loan", payment="400.00")


def tabled(now: str, stress: str | None = None, *, first: bool = True) -> Given:
    debts = (LONG, BRIEF) if first else (BRIEF, LONG)
    start = given(OfferDecider(), REFERENCE).when(message(case_opened(*debts), sequence=1))
    return start.when(message(assessed(now, stress)))


def months(plan: Plan) -> dict[str, int]:
    return {d.debt_id: d.instalments + d.grace_periods + plan.holiday_months for d in plan.debts}


def sums(plan: Plan) -> dict[date, int]:
    """What the schedules of the debts ask for, day by day, worked out from their terms."""
    found: dict[date, int] = {}
    for schedule in schedules_of(plan.debts, ROUNDING):
        for row in schedule.rows:
            found[row.due] = found.get(row.due, 0) + row.total.minor
    return found


def test_the_shorter_pack_does_not_shorten_the_other_debt() -> None:
    plans = tabled("3000.00").last(OfferTabled).plans
    assert all(months(plan)["A-2"] <= 10 for plan in plans)
    longer = [plan for plan in plans if months(plan)["A-1"] > 10]
    assert longer  # the debt of the longer pack runs on
    assert all(months(plan)["A-2"] == 10 for plan in longer)  # and the other as long as its pack allows
    assert any(months(plan)["A-1"] <= 10 for plan in plans)  # the fastest is there too
    assert {d.policy for d in plans[0].debts} == {"example-card", "short-loan"}


def test_a_plan_is_found_where_the_short_term_for_all_could_not_be_paid() -> None:
    plans = tabled("2000.00").last(OfferTabled).plans
    assert plans
    assert all(months(plan)["A-1"] > 10 >= months(plan)["A-2"] for plan in plans)
    assert all(max(sums(plan).values()) <= 2000_00 for plan in plans)


def test_a_wish_for_a_longer_term_is_answered_debt_by_debt() -> None:
    step = tabled("3000.00")
    offer = step.last(OfferTabled)
    wish = desk.CounterOffered(offer_id=offer.offer_id, round=offer.round, months=30)
    answered = step.when(message(wish)).last(OfferRevised)
    assert months(answered.plans[0]) == {"A-1": 30, "A-2": 10}


def test_the_order_of_the_debts_changes_nothing() -> None:
    one, other = (tabled("2500.00", first=first).last(OfferTabled) for first in (True, False))
    assert [sums(plan) for plan in one.plans] == [sums(plan) for plan in other.plans]


@settings(max_examples=15, deadline=None)
@for_all(
    now=st.integers(0, 4_000_00),
    stress=st.integers(0, 4_000_00),
    most=st.sampled_from([3, 10, 24]),
    owed=st.tuples(st.integers(1, 20_000_00), st.integers(1, 20_000_00)),
)
def test_each_debt_is_repaid_within_its_own_term_and_the_sum_is_affordable_every_month(
    now: int, stress: int, most: int, owed: tuple[int, int]
) -> None:
    short = example_pack({"id": "short-loan"}, term__max_months=most, term__offered_months=[most])
    ref = reference(example_pack(), short)
    pair = (
        debt(outstanding=balances(str(Money(owed[0], "CNY")), "20.00"), overdue=balances("0.00", "20.00")),
        debt("A-2", policy="short-loan", outstanding=balances(str(Money(owed[1], "CNY"))),
             overdue=balances("0.00"), days=40),
    )  # fmt: skip
    start = given(OfferDecider(), ref).when(message(case_opened(*pair), sequence=1))
    step = start.when(message(assessed(str(Money(now, "CNY")), str(Money(stress, "CNY")))))
    offers = [event for event in step.said if isinstance(event, OfferTabled)]
    assert offers or any(isinstance(event, NoPlanFound) for event in step.said)  # never silence
    for plan in (plan for offer in offers for plan in offer.plans):
        assert months(plan)["A-2"] <= most
        assert months(plan)["A-1"] <= 60
        by_day = sums(plan)
        assert {row.due: row.total.minor for row in plan.payments} == by_day
        assert [row.number for row in plan.payments] == list(range(1, len(by_day) + 1))
        assert max(by_day.values()) <= min(now, stress)
        assert sum(by_day.values()) == plan.total_paid[0].minor
        for part, schedule in zip(plan.debts, schedules_of(plan.debts, ROUNDING), strict=True):
            principal = sum(row.principal.minor for row in schedule.rows)
            assert principal == part.balance.principal.minor - part.waived.principal.minor
            assert total_of(part.waived) <= total_of(part.balance)
    for offer in offers:
        totals = [plan.total_paid[0].minor for plan in offer.plans]
        assert len({tuple(sorted(sums(plan).items())) for plan in offer.plans}) == len(totals)
