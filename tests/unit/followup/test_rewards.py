"""Rewards for who cooperates and pays in time, and the reviews of a plan."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from services.followup.decide import FollowupDecider
from services.followup.model import FollowupStatus
from shared.contracts import desk
from shared.contracts.agreement import DebtRate
from shared.contracts.base import Personal
from shared.contracts.debts import Allocation, Balances, DebtSchedule, ScheduleRow
from shared.contracts.desk_care import (
    ReviewNotHeld,
    ReviewOutcome,
)
from shared.contracts.followup import (
    InputRefused,
    PlanCompleted,
    ReviewDue,
    ReviewRecorded,
    RewardGranted,
)
from shared.contracts.followup_care import (
    CreditFound,
    ReviewOverdue,
    ReviewPassed,
)
from shared.contracts.reasons import ReasonCode
from shared.lending.calendar import add_months
from tests.unit.builders import DAY, case_opened, cny, message, paid, reference, signed, taken_back
from tests.unit.followup.plans import FIRST, PLAIN, ROWS, live, lives_to, steps
from tests.unit.spec import given

# --- rewards


def test_rewards_come_step_by_step_to_who_cooperated_by_named_rules() -> None:
    rows = [(add_months(FIRST, n), "100.00") for n in range(9)]
    rules = ["statement_complete", "contacts_answered", "promises_kept"]
    plan = live(*rows, incentives__cooperation=rules, incentives__steps=steps((3, 50, 0), (6, 100, 0)))
    plan = plan.when(*(message(paid("100.00", due)) for due, _ in rows[:6]))
    nothing = lives_to(plan, rows[5][0])
    assert not any(isinstance(event, RewardGranted) for event in nothing.said)
    complete = desk.StatementSubmitted(
        as_of=DAY, income=(), spending=(), dependants=0, assets=(), other_debts=()
    )
    told = lives_to(plan.when(message(complete)), rows[5][0])
    granted = [event for event in told.said if isinstance(event, RewardGranted)]
    assert [event.after_instalment for event in granted] == [3, 6]
    assert [str(event.waived[0].amounts.late_charges) for event in granted] == ["75.00", "75.00"]
    assert {event.rules for event in granted} == {tuple(rules)}
    partly = plan.when(message(complete.model_copy(update={"assets": None})))
    assert not any(isinstance(event, RewardGranted) for event in lives_to(partly, rows[5][0]).said)


@pytest.mark.parametrize(
    ("rule", "spoils"),
    [
        ("promises_kept", [(desk.PromiseMade(promise_id="p", amount=cny("999.00"), due=DAY), DAY)]),
        ("reviews_held", [(ReviewNotHeld(outcome=ReviewOutcome.DECLINED), FIRST)]),
    ],
)
def test_each_rule_of_cooperation_can_be_missed(rule: str, spoils: list[tuple[Any, date]]) -> None:
    rows = [(add_months(FIRST, n), "100.00") for n in range(6)]
    plan = live(*rows, incentives__cooperation=[rule])
    good = plan.when(*(message(paid("100.00", due)) for due, _ in rows[:3]))
    assert any(isinstance(event, RewardGranted) for event in lives_to(good, rows[2][0]).said)
    bad = good.when(*(message(event, on) for event, on in spoils))
    assert not any(isinstance(event, RewardGranted) for event in lives_to(bad, rows[2][0]).said)


def with_interest(
    version: int = 1, effective: date = DAY, months: int = 6, *, gives: str | None = "20.00"
) -> Any:
    """A plan of 100.00 a month, of which 20.00 are interest; as much of it as `gives` comes of the rate."""
    nothing, dues = cny("0.00"), [add_months(FIRST, n) for n in range(months)]
    rows = tuple(
        ScheduleRow(number=n + 1, due=due, principal=cny("80.00"), interest=cny("20.00"), fees=nothing,
                    late_charges=nothing, total=cny("100.00"), balance=cny("1120.00"))
        for n, due in enumerate(dues)
    )  # fmt: skip
    plan = signed(*((due, "100.00") for due in dues), effective=effective, version=version)
    rate = None if gives is None else (DebtRate(debt_id="A-1", annual_rate_pct=Decimal(gives)),)
    return plan.model_copy(update={"schedules": (DebtSchedule(debt_id="A-1", rows=rows),), "rates": rate})


def test_a_lower_rate_makes_the_interest_of_what_is_still_to_come_less() -> None:
    start = given(
        FollowupDecider(), reference(**PLAIN | {"incentives__steps": steps((2, 0, 25), (4, 0, 50))})
    )
    plan = start.when(message(case_opened()), message(with_interest()))
    dues = [add_months(FIRST, n) for n in range(6)]
    plan = lives_to(plan.when(*(message(paid("100.00", due)) for due in dues[:2])), dues[1])
    first = plan.last(RewardGranted)
    assert (first.reward, str(first.rate_cut_pct), first.not_charged) == ("lower_rate", "25", (cny("20.00"),))
    assert [str(row.total) for row in first.instalments] == ["95.00"] * 4
    plan = lives_to(plan.when(*(message(paid("95.00", due)) for due in dues[2:4])), dues[3])
    # Half of the rate in all: the second cut takes a third of what the first one left.
    assert [str(row.total) for row in plan.last(RewardGranted).instalments] == ["90.00"] * 2
    done = lives_to(plan.when(message(paid("180.00", dues[4]))), dues[4])
    assert done.last(PlanCompleted).paid == (cny("570.00"),)


@pytest.mark.parametrize(("gives", "later"), [("20.00", "95.00"), ("8.00", "98.00"), ("0.00", None)])
def test_interest_that_was_owed_before_the_plan_is_made_no_less_by_a_lower_rate(
    gives: str, later: str | None
) -> None:
    start = given(FollowupDecider(), reference(**PLAIN | {"incentives__steps": steps((2, 0, 25))}))
    plan = start.when(message(case_opened()), message(with_interest(gives=gives)))
    dues = [add_months(FIRST, n) for n in range(2)]
    granted = lives_to(plan.when(*(message(paid("100.00", due)) for due in dues)), dues[1])
    rewards = [event for event in granted.said if isinstance(event, RewardGranted)]
    assert [event.reward for event in rewards] == (["lower_rate"] if later else [])
    assert [str(row.total) for event in rewards for row in event.instalments] == [later] * 4 * len(rewards)


def test_where_the_agreement_does_not_say_the_rates_a_person_works_it_out() -> None:
    start = given(FollowupDecider(), reference(**PLAIN | {"incentives__steps": steps((1, 0, 25))}))
    plan = start.when(message(case_opened()), message(with_interest(gives=None)))
    granted = lives_to(plan.when(message(paid("100.00", FIRST))), FIRST)
    assert granted.last(RewardGranted).reward == "lower_rate_option"


def test_an_amendment_keeps_what_was_earned_and_vested_waivers_never_return() -> None:
    rows = [(add_months(FIRST, n), "100.00") for n in range(9)]
    plan = live(*rows, incentives__steps=steps((2, 50, 0), (4, 100, 0)))
    plan = lives_to(plan.when(*(message(paid("100.00", due)) for due, _ in rows[:3])), rows[2][0])
    assert [e.after_instalment for e in plan.said if isinstance(e, RewardGranted)] == [2]
    on = rows[2][0] + timedelta(days=2)
    amended = plan.when(message(signed(*rows[3:], effective=on, version=2), on))
    assert (amended.state.plan.steps_given, amended.state.plan.on_time_before) == (1, 3)
    fourth = lives_to(amended.when(message(paid("100.00", rows[3][0]), rows[3][0])), rows[3][0])
    assert [str(d.amounts.late_charges) for d in fourth.last(RewardGranted).waived] == ["75.00"]
    # Even a return of everything takes no reward back.
    back = fourth.when(message(taken_back("100.00", rows[3][0], rows[4][0]), rows[4][0]))
    assert not any("waive" in event.TYPE for event in lives_to(back, rows[4][0]).said)
    assert [charge.owed for charge in back.state.charges] == [cny("0.00")]


def test_a_step_that_came_to_nothing_may_come_to_something_under_an_amendment() -> None:
    """The paper of the amendment promises it; it counted as granted, and was never given."""
    start = given(
        FollowupDecider(), reference(**PLAIN | {"incentives__steps": steps((2, 50, 25), (4, 100, 50))})
    )
    opened = case_opened()
    none = opened.debts[0].outstanding.model_copy(update={"late_charges": cny("0.00")})
    debts = (opened.debts[0].model_copy(update={"outstanding": none}),)
    plan = start.when(
        message(opened.model_copy(update={"debts": debts})), message(with_interest(gives="0.00"))
    )
    dues = [add_months(FIRST, n) for n in range(6)]
    plan = lives_to(plan.when(*(message(paid("100.00", due)) for due in dues[:3])), dues[2])
    assert not [event for event in plan.said if isinstance(event, RewardGranted)]
    on = dues[2] + timedelta(days=2)
    second = with_interest(2, on, 12)
    rows = tuple(row for row in second.schedules[0].rows if row.due > on)
    second = second.model_copy(
        update={
            "schedules": (DebtSchedule(debt_id="A-1", rows=rows),),
            "instalments": tuple(row for row in second.instalments if row.due > on),
        }
    )
    amended = plan.when(message(second, on))
    kept = lives_to(amended.when(message(paid("100.00", dues[3]), dues[3])), dues[3])
    granted = [event for event in kept.said if isinstance(event, RewardGranted)]
    assert [(event.reward, str(event.rate_cut_pct)) for event in granted][:1] == [("lower_rate", "25")]
    assert [event.after_on_time for event in granted] == [2, 4]


def test_what_a_lower_rate_takes_off_is_no_credit_where_the_money_has_served_another_debt() -> None:
    """Paid in advance on the day after the reward: 304.50 were a credit in a life, and on a debt as well."""
    start = given(FollowupDecider(), reference(**PLAIN | {"incentives__steps": steps((2, 0, 25))}))
    plan = start.when(message(case_opened()), message(with_interest()))
    dues = [add_months(FIRST, n) for n in range(2)]
    on = dues[1] + timedelta(days=1)

    def pays(amount: str, when: date, *booked: tuple[str, str]) -> Any:
        parts = tuple(part(*one) for one in booked)
        return message(paid(amount, when).model_copy(update={"allocations": parts}), when)

    plan = lives_to(plan.when(*(pays("100.00", due, ("A-1", "100.00")) for due in dues)), dues[1])

    def credit(*booked: tuple[str, str]) -> list[Any]:
        done = lives_to(plan.when(pays("400.00", on, *booked)), on)
        assert done.last(PlanCompleted).paid == (cny("580.00"),)
        return [event.amount for event in done.said if isinstance(event, CreditFound)]

    assert credit(("A-1", "320.00"), ("B-1", "80.00")) == []
    assert credit(("A-1", "320.00"), ("B-1", "65.00")) == [cny("15.00")]
    assert credit(("A-1", "320.00")) == [cny("20.00")], "the rest is interest that is not billed yet"


def part(debt: str, amount: str) -> Allocation:
    nothing = cny("0.00")
    amounts = Balances(principal=cny(amount), interest=nothing, fees=nothing, late_charges=nothing)
    return Allocation(debt_id=debt, amounts=amounts)


# --- reviews


def test_an_overdue_review_escalates_once_and_breaks_nothing() -> None:
    rows = [(add_months(FIRST, n), "100.00") for n in range(12)]
    plan = live(*rows, followup__performing_on_time_in_a_row=99)
    plan = plan.when(*(message(paid("100.00", due)) for due, _ in rows))
    due = lives_to(plan, date(2026, 6, 2))
    assert due.last(ReviewDue).due == date(2026, 6, 2)
    late = lives_to(due, date(2026, 8, 31))
    overdue = [event for event in late.said if isinstance(event, ReviewOverdue)]
    assert [(event.number, event.due, event.as_of) for event in overdue] == [
        (1, date(2026, 6, 2), date(2026, 6, 16))
    ]
    assert late.state.status is FollowupStatus.LIVE


def test_a_review_that_is_declined_has_its_next_day() -> None:
    plan = live(*ROWS).when(message(ReviewNotHeld(outcome=ReviewOutcome.DECLINED), FIRST))
    assert plan.emits(ReviewPassed)
    assert plan.last(ReviewPassed).next_review == date(2026, 7, 1)
    assert plan.state.status is FollowupStatus.LIVE
    none = given(FollowupDecider(), reference()).when(message(case_opened()))
    waiting = none.when(message(ReviewNotHeld(outcome=ReviewOutcome.NOT_REACHED)))
    assert waiting.closes(DAY).last(InputRefused).reason.code is ReasonCode.NO_LIVE_PLAN


def test_a_review_records_time_place_people_feedback_and_satisfaction() -> None:
    held = desk.ReviewHeld(
        at=datetime(2026, 4, 9, 10, tzinfo=UTC),
        place="branch",
        participants=("n-1", "borrower"),
        key_points=Personal(value="…"),
        new_difficulties=False,
        special_needs=False,
        feedback=Personal(value="…"),
        satisfaction=4,
        feedback_about=(desk.FeedbackTheme.DATES,),
    )
    plan = live().when(message(held, date(2026, 4, 9)))
    assert plan.emits(ReviewRecorded)  # it has the satisfaction: nobody asks again
    noted = plan.last(ReviewRecorded)
    assert (noted.place, noted.participants, noted.satisfaction, noted.feedback) == (
        "branch", ("n-1", "borrower"), 4, True,
    )  # fmt: skip
    assert noted.feedback_about == (desk.FeedbackTheme.DATES,)
