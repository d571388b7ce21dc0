"""A plan that leaves out the months of a year in which nothing can be paid; interest rests in them.

| given what can be paid | and the pack | then |
| --- | --- | --- |
| in April to September only | lets six months be left out | instalments in these months only |
| the same, asked in November | the same | the first instalment is due in April |
| the same | lets four be left out, or none | no such plan: lower payments for a while, or a pause |
| every month | lets six be left out | no month is left out |
| only until the autumn, with nothing after | the same | as many instalments as fit before, or none |
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from shared.lending.allocation import Components
from shared.lending.money import Money
from shared.lending.plan_model import AuthorityTier, MeasureKind, PlanSpec
from shared.lending.plans import (
    Capacity,
    CapacityStep,
    Counter,
    NoPlan,
    Plan,
    build_plan,
    find_plans,
    nearest,
)
from shared.lending.schedule import ScheduleError, ScheduleTerms, build, dates_without
from shared.policy.testing import example_policy
from tests.unit.lending.test_relief import cny, loan

WINTER = (1, 2, 3, 10, 11, 12)
LIMITS = replace(example_policy().plan_limits, season_months=6, token_months=6)
SPRING, AUTUMN = date(2026, 4, 23), date(2026, 11, 23)


def seasons(summer: str = "1600", *, first: bool = True) -> Capacity:
    """What is left from April to September, nothing in the other months, over four years."""
    zero, able = cny("0"), cny(summer)
    steps = [
        step
        for year in range(2026, 2031)
        for step in (
            CapacityStep(date(year, 4, 1), able, able),
            CapacityStep(date(year, 10, 1), zero, zero),
        )
    ]
    return Capacity(able if first else zero, able if first else zero, tuple(steps))


def plans(capacity: Capacity, first_due: date = SPRING, limits: object = LIMITS) -> tuple[Plan, ...]:
    found = find_plans((loan("12000", "18"),), capacity, first_due, limits)  # type: ignore[arg-type]
    assert not isinstance(found, NoPlan), found
    return found


def test_instalments_follow_the_months_with_income_and_interest_rests_in_the_others() -> None:
    found = plans(seasons())
    for plan in found:
        assert MeasureKind.SEASONAL_PAUSE in plan.measures
        assert plan.spec.skips == WINTER
        assert all(row.due.month not in WINTER for row in plan.payments)
        assert all(row.total <= cny("1600") for row in plan.payments)
        assert plan.needs_approval
        code = next(reason for reason in plan.reasons if reason.code == "seasonal_pause")
        assert code.as_dict() == {"months": "1, 2, 3, 10, 11, 12"}
        assert plan.spec.months <= LIMITS.max_months
    # The same instalments without the winters cost the borrower the same, and the lender less.
    seasonal = found[0]
    bare = replace(seasonal.spec, skips=())
    level = build_plan(bare, (loan("12000", "18"),), None, LIMITS)
    assert isinstance(level, Plan)
    assert [row.total for row in seasonal.payments] == [row.total for row in level.payments]
    assert seasonal.npv < level.npv
    assert seasonal.concession > level.concession


def test_the_interest_that_rests_is_what_the_lender_gives_up_to_the_cent() -> None:
    """12,000.00 at 12 %, eight instalments from April: six of them, then six months of winter, then two."""
    spec = PlanSpec(8, SPRING, skips=WINTER)
    plan = build_plan(spec, (loan("12000", "12"),), None, LIMITS)
    assert isinstance(plan, Plan)
    left = plan.debts[0].schedule.parts.balance_after[5]
    assert plan.concession == Money(left, "CNY").times(Decimal("0.06"), LIMITS.rounding)
    assert [row.due.month for row in plan.payments] == [4, 5, 6, 7, 8, 9, 4, 5]
    assert plan.spec.months == 14


def test_who_asks_in_the_autumn_begins_in_spring() -> None:
    found = plans(seasons(first=False), AUTUMN)
    assert {plan.payments[0].due for plan in found} == {date(2027, 4, 23)}
    assert {plan.spec.holiday for plan in found} == {5}


@pytest.mark.parametrize("allowed", [0, 4, 5])
def test_a_pack_that_allows_fewer_months_has_no_such_plan(allowed: int) -> None:
    found = find_plans((loan("12000", "18"),), seasons(), SPRING, replace(LIMITS, season_months=allowed))
    assert isinstance(found, NoPlan)


def test_who_can_pay_in_every_month_has_every_month() -> None:
    able = cny("1600")
    for capacity in (Capacity(able, able), seasons("30000")):
        assert all(not plan.spec.skips for plan in plans(capacity))


def test_what_is_known_to_end_for_good_is_not_taken_for_a_season() -> None:
    zero, able = cny("0"), cny("1600")
    ends = Capacity(able, able, (CapacityStep(date(2026, 10, 1), zero, zero),))
    assert isinstance(find_plans((loan("12000", "18"),), ends, SPRING, LIMITS), NoPlan)


def test_a_wish_is_answered_by_such_a_plan_too() -> None:
    answer = nearest(Counter(months=12), (loan("12000", "18"),), seasons(), SPRING, LIMITS)
    assert not isinstance(answer, NoPlan)
    assert answer.plan.spec.skips == WINTER


def test_of_several_debts_each_leaves_out_the_same_months() -> None:
    debts = (loan("6000", "18"), replace(loan("6000", "12"), debt_id="B-2"))
    found = find_plans(debts, seasons(), SPRING, LIMITS)
    assert not isinstance(found, NoPlan)
    for plan in found:
        assert {row.due.month for row in plan.payments}.isdisjoint(WINTER)
        for row in plan.payments:
            assert row.total <= cny("1600")


def test_a_person_is_asked_even_where_the_negotiator_may_grant_all() -> None:
    tiers = (AuthorityTier("negotiator", Decimal(100), Decimal(100)),)
    found = plans(seasons(), limits=replace(LIMITS, authority=tiers))
    assert all(plan.needs_approval and plan.approval_role == "negotiator" for plan in found)


@pytest.mark.parametrize("skips", [(4,), tuple(range(1, 13)), (0,), (13,)])
def test_months_that_make_no_sense_give_no_schedule(skips: tuple[int, ...]) -> None:
    terms = ScheduleTerms(
        Components.of("CNY", principal=cny("100")).principal, Decimal(12), 3, SPRING, LIMITS.rounding,
        skips=skips,
    )  # fmt: skip
    with pytest.raises(ScheduleError, match="months that are left out"):
        build(terms)


def test_dates_without_some_months() -> None:
    assert dates_without(date(2026, 8, 31), 3, (9, 10)) == (
        date(2026, 8, 31),
        date(2026, 11, 30),
        date(2026, 12, 31),
    )
    assert len(dates_without(SPRING, 30, WINTER)) == 30
