"""What surrounds a plan: notices, hardship, rewards, reviews, owners, problems, support, credit."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from services.followup.decide import FollowupDecider
from services.followup.model import FollowupStatus, Pause
from services.followup.problems import RETURNED_BEFORE
from services.followup.rules import days_in, is_performing
from shared.contracts import desk, intake, offer
from shared.contracts.agreement import DebtRate
from shared.contracts.base import Personal, Reason
from shared.contracts.debts import DebtSchedule, ScheduleRow
from shared.contracts.departures import Departure, work_of
from shared.contracts.desk_care import (
    CreditChoice,
    CreditChosen,
    ProblemNoted,
    ProblemSolved,
    ReviewNotHeld,
    ReviewOutcome,
    SatisfactionGiven,
    SatisfactionTopic,
    SessionKind,
    SupportJoined,
    SupportSessionHeld,
)
from shared.contracts.desk_team import AwayWhy, OwnerAway
from shared.contracts.followup import (
    InputRefused,
    InstalmentCorrected,
    InstalmentMissed,
    InstalmentPaid,
    PlanBroken,
    PlanCompleted,
    PlanStarted,
    PromiseBroken,
    PromiseKept,
    ReviewDue,
    ReviewRecorded,
    RewardGranted,
)
from shared.contracts.followup_care import (
    BreachCured,
    BreachNoticed,
    CreditFound,
    CreditInstructed,
    OwnerTookOver,
    PlanReopened,
    ProblemHandedOver,
    ProblemOpened,
    ProblemOverdue,
    ProblemResolved,
    ReferralMade,
    ReviewOverdue,
    ReviewPassed,
    SatisfactionAsked,
    SatisfactionNoted,
    SupportEnrolled,
    SupportSessionNoted,
)
from shared.contracts.reasons import ReasonCode
from shared.lending.calendar import add_months
from shared.policy.roster import Absence, Roster
from tests.unit.builders import DAY, case_opened, cny, message, paid, reference, signed, taken_back
from tests.unit.followup.plans import FIRST, PLAIN, ROWS, SECOND, THIRD, live, lives_to, states, steps
from tests.unit.spec import Given, given

NOTICED: dict[str, Any] = {"breach__notice_required": True, "breach__notice_days": 5, "breach__cure_days": 10}
BREACH = date(2026, 5, 9)  # the grace days of the second instalment end: two are missed in a row


def hardship(day: date, end: date | None = None) -> Any:
    return message(desk.HardshipReported(cause=desk.HardshipCause.JOB_LOSS, since=day, expected_end=end), day)


def talks_failed(day: date) -> Any:
    why, then = Reason(code=ReasonCode.ROUNDS_EXHAUSTED), Reason(code=ReasonCode.NEXT_HUMAN_REVIEW)
    return message(offer.TalksFailed(rounds=3, as_of=day, reason=why, next_step=then), day)


def no_plan(day: date, code: ReasonCode, look: date | None, *, then: str = "next_human_review") -> Any:
    said = offer.NoPlanFound(assessment_id="as-2", as_of=day, reason=Reason(code=code),
                             next_step=Reason(code=ReasonCode(then)), review_on=look)  # fmt: skip
    return message(said, day)


# --- notice of breach, and time to cure


def test_a_plan_is_broken_only_after_notice_and_time_to_cure() -> None:
    plan = lives_to(live(**NOTICED), BREACH)
    noticed = plan.last(BreachNoticed)
    assert (noticed.cure_by, noticed.missing) == (date(2026, 5, 25), (cny("200.00"),))  # the 24th is a Sunday
    assert not any(isinstance(event, PlanBroken) for event in plan.said)
    waiting = lives_to(plan, noticed.cure_by - timedelta(days=1))
    assert waiting.said == ()
    broken = lives_to(waiting, noticed.cure_by)
    assert broken.emits(PlanBroken)
    assert broken.state.status is FollowupStatus.BROKEN


def test_what_is_paid_in_time_cures_a_breach_and_a_new_one_is_noticed_again() -> None:
    plan = lives_to(live(**NOTICED), BREACH)
    day = date(2026, 5, 25)
    cured = lives_to(plan.when(message(paid("100.00", day), day)), day)
    assert cured.last(BreachCured).reason.code is ReasonCode.CAUGHT_UP
    assert cured.state.status is FollowupStatus.LIVE
    again = lives_to(cured, date(2026, 6, 8))
    assert again.last(BreachNoticed).cure_by == date(2026, 6, 23)
    assert again.last(BreachNoticed).missing == (cny("200.00"),)


def test_a_payment_found_later_takes_a_notice_back() -> None:
    plan = lives_to(live(**NOTICED), BREACH)
    day = BREACH + timedelta(days=2)
    assert isinstance(plan.when(message(paid("100.00", FIRST), day)).closes(day).said[-1], BreachCured)


# --- hardship never hurts


def test_from_a_report_of_hardship_misses_are_recorded_and_hurt_nothing_until_the_talks_end() -> None:
    plan = lives_to(live(**NOTICED), FIRST).when(hardship(FIRST + timedelta(days=1)))
    quiet = lives_to(plan, BREACH)
    missed = [event for event in quiet.said if isinstance(event, InstalmentMissed)]
    assert [event.shielded for event in missed] == [True, True]
    assert not any(isinstance(event, BreachNoticed | PlanBroken) for event in quiet.said)
    over = quiet.when(talks_failed(BREACH + timedelta(days=3)))
    noticed = lives_to(over, BREACH + timedelta(days=4))
    assert noticed.emits(BreachNoticed)  # only now, and with time to cure
    assert noticed.last(BreachNoticed).as_of == BREACH + timedelta(days=4)


def test_a_report_of_hardship_voids_a_notice() -> None:
    plan = lives_to(live(**NOTICED, breach__hardship_shield_days=20), BREACH)
    told = plan.when(hardship(BREACH + timedelta(days=5)))
    void = lives_to(told, BREACH + timedelta(days=16))
    assert void.last(BreachCured).reason.code is ReasonCode.HARDSHIP_REPORTED
    assert void.state.status is FollowupStatus.LIVE
    again = lives_to(void, BREACH + timedelta(days=26))
    assert again.last(BreachNoticed).as_of == BREACH + timedelta(days=26)


def test_what_is_missed_after_the_report_costs_no_reward() -> None:
    rows = [(add_months(FIRST, n), "100.00") for n in range(8)]
    kept = live(*rows, followup__breach_days_late=3000)
    plan = kept.when(*(message(paid("100.00", due)) for due, _ in rows[:2]))
    told = lives_to(plan, rows[2][0]).when(hardship(rows[2][0]))
    late = rows[2][0] + timedelta(days=20)
    caught_up = told.when(message(paid("100.00", late), late), message(paid("100.00", rows[3][0]), late))
    assert lives_to(caught_up, rows[3][0]).last(RewardGranted).after_instalment == 4
    silent = lives_to(plan, late).when(message(paid("200.00", late), late))
    assert not any(isinstance(event, RewardGranted) for event in lives_to(silent, rows[3][0]).said)


@pytest.mark.parametrize(
    ("code", "look", "then", "ends"),
    [
        (ReasonCode.NOT_AFFORDABLE, None, "next_human_review", True),
        (ReasonCode.RATES_STALE, FIRST, "next_human_review", False),
        (ReasonCode.STATEMENT_NO_NEWS, FIRST, "next_human_review", False),
        (ReasonCode.ASSESSMENT_EXPIRED, None, "next_new_statement", False),
    ],
)
def test_what_the_lender_has_not_done_ends_no_protection(
    code: ReasonCode, look: date | None, then: str, ends: bool
) -> None:
    """Rates out of date were an end of the talks like any other, and the misses after it broke the plan."""
    told = live(breach__hardship_shield_days=90).when(hardship(date(2026, 3, 20)))
    plan = told.when(no_plan(date(2026, 3, 25), code, look, then=then))
    broken = lives_to(plan, BREACH)
    assert any(isinstance(event, PlanBroken) for event in broken.said) is ends
    assert broken.state.plan is not None
    until = broken.state.plan.paused_until
    assert until == (date(2026, 3, 25) if ends else date(2026, 6, 18))


def test_what_is_said_of_an_instalment_says_that_a_report_shields_it() -> None:
    rows = [(add_months(FIRST, n), "100.00") for n in range(4)]
    quiet = lives_to(live(*rows, followup__breach_days_late=3000), FIRST)
    told = quiet.when(hardship(FIRST + timedelta(days=1)))
    late = FIRST + timedelta(days=20)
    caught_up = lives_to(told.when(message(paid("100.00", late), late)), late)
    assert [event.shielded for event in caught_up.said if isinstance(event, InstalmentPaid)] == [True]
    back = caught_up.when(message(taken_back("100.00", late, late + timedelta(days=1)), late))
    returned = lives_to(back, late + timedelta(days=40))
    assert returned.last(InstalmentCorrected).shielded
    untold = lives_to(quiet, late).when(message(paid("100.00", late), late))
    assert not untold.closes(late + timedelta(days=1)).last(InstalmentPaid).shielded


def test_what_is_paid_late_says_for_how_many_of_its_days_a_hardship_was_talked_about() -> None:
    rows = [(add_months(FIRST, n), "100.00") for n in range(4)]
    late = lives_to(live(*rows, followup__breach_days_late=3000), FIRST + timedelta(days=10))
    told = late.when(hardship(FIRST + timedelta(days=11)))
    over = lives_to(told, FIRST + timedelta(days=20)).when(talks_failed(FIRST + timedelta(days=20)))
    on = FIRST + timedelta(days=25)
    paid_up = lives_to(lives_to(over, on).when(message(paid("100.00", on), on)), on + timedelta(days=1))
    settled = paid_up.last(InstalmentPaid)
    assert (settled.number, settled.shielded, settled.shielded_days) == (1, False, 10)


@pytest.mark.parametrize(
    ("pauses", "days"),
    [
        ([], 0),
        ([(5, 9)], 5),
        ([(-9, 2)], 2),  # the due date itself is no day late
        ([(18, 99)], 3),
        ([(5, 9), (7, 12)], 8),
        ([(7, 12), (5, 99)], 16),
        ([(5, 9), (6, 7)], 5),
        ([(-9, -1), (21, 30)], 0),
    ],
)
def test_days_of_pauses_are_counted_once(pauses: list[tuple[int, int]], days: int) -> None:
    rests = [Pause(since=FIRST + timedelta(since), until=FIRST + timedelta(until)) for since, until in pauses]
    assert days_in(rests, FIRST, FIRST + timedelta(days=20)) == days
    whole = [Pause(since=date.min, until=date.max)]
    assert days_in(whole, FIRST, FIRST + timedelta(days=20)) == 20


def test_who_catches_up_after_a_hardship_has_the_longer_time_between_reviews_back() -> None:
    rows = [(add_months(FIRST, n), "100.00") for n in range(12)]
    often = {"followup__breach_days_late": 3000, "followup__performing_on_time_in_a_row": 3}
    plan = live(*rows, **often).when(*(message(paid("100.00", due)) for due, _ in rows[:3]))
    performs = lives_to(plan, rows[2][0] + timedelta(days=10))
    assert is_performing(
        performs.state.plan, policy := performs.reference.policies.in_force("example-card", DAY)
    )
    told = performs.when(hardship(rows[3][0]))
    missed = lives_to(told, rows[3][0] + timedelta(days=10))
    assert not is_performing(missed.state.plan, policy), "while it is missing the regular review is the care"
    late = rows[3][0] + timedelta(days=15)
    assert is_performing(lives_to(missed.when(message(paid("100.00", late), late)), late).state.plan, policy)
    untold = lives_to(performs, rows[3][0] + timedelta(days=10)).when(message(paid("100.00", late), late))
    assert not is_performing(lives_to(untold, late).state.plan, policy), "nobody was told of a hardship"


@pytest.mark.parametrize("reported", [True, False])
def test_a_promise_broken_in_a_reported_hardship_costs_no_reward(reported: bool) -> None:
    rows = [(add_months(FIRST, n), "100.00") for n in range(6)]
    plan = live(*rows, incentives__cooperation=["promises_kept"])
    if reported:
        plan = plan.when(hardship(DAY + timedelta(days=1)))
    promise = desk.PromiseMade(promise_id="p", amount=cny("999.00"), due=DAY + timedelta(days=3))
    broken = lives_to(plan.when(message(promise)), FIRST - timedelta(days=1))
    assert broken.last(PromiseBroken).shielded is reported
    assert broken.state.promises_broken == 1, "it is recorded all the same"
    kept = broken.when(*(message(paid("100.00", due)) for due, _ in rows[:3]))
    assert any(isinstance(event, RewardGranted) for event in lives_to(kept, rows[2][0]).said) is reported


def test_who_told_late_and_has_caught_up_is_no_worse_off_than_who_never_told() -> None:
    rows = [(add_months(FIRST, n), "100.00") for n in range(8)]
    plan = live(*rows, incentives__cooperation=["hardship_told_early"], followup__breach_days_late=3000)
    late = lives_to(plan, FIRST + timedelta(days=20))
    assert states(late)[0] == "missed"
    for now in (late, late.when(hardship(FIRST + timedelta(days=20)))):
        again = now.when(message(paid("200.00", rows[1][0]), rows[1][0]))
        paid_up = again.when(*(message(paid("100.00", due)) for due, _ in rows[2:4]))
        after = lives_to(paid_up, rows[3][0])
        assert after.last(RewardGranted).after_instalment == 4


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


# --- owners and problems


def owned(by: str, day: date = DAY) -> Any:
    return message(intake.CaseAssigned(owner=by), day)


def test_a_live_plan_has_a_named_owner_and_a_hand_over_moves_its_problems() -> None:
    start = given(FollowupDecider(), reference(**PLAIN)).when(message(case_opened()), owned("n-1"))
    plan = start.when(message(signed(*ROWS)))
    assert plan.last(PlanStarted).owner == "n-1"
    noted = plan.when(message(ProblemNoted(problem_id="q", about="wrong account"), FIRST))
    opened = noted.last(ProblemOpened)
    assert (opened.owner, opened.owner_role, opened.due) == ("n-1", "negotiator", date(2026, 4, 30))
    other = noted.when(message(ProblemNoted(problem_id="r", about="letters", owner="n-9"), FIRST))
    moved = other.when(owned("n-2", FIRST))
    assert moved.emits(OwnerTookOver)
    assert moved.last(OwnerTookOver).model_dump() == {"owner": "n-2", "before": "n-1", "problems": ("q",)}
    assert moved.when(owned("n-2", FIRST)).said == ()


def leaves(staff: str, why: AwayWhy = AwayWhy.LEFT) -> Any:
    return message(OwnerAway(staff=staff, why=why, since=FIRST, by="s-1", reason="leaves the house"), FIRST)


def test_who_leaves_leaves_the_problems_on_others_cases_to_who_owns_them() -> None:
    """They stayed with who had left: only the case's former owner handed problems over."""
    plan = given(FollowupDecider(), reference(**PLAIN)).when(message(case_opened()), owned("n-1"))
    due = FIRST + timedelta(days=6)
    known = plan.when(
        message(signed(*ROWS)),
        message(ProblemNoted(problem_id="q", about="wrong account"), FIRST),
        message(ProblemNoted(problem_id="r", about="letters", owner="n-9", due=due), FIRST),
    )
    gone = known.when(leaves("n-9"))
    assert gone.said == (ProblemHandedOver(problem_id="r", owner="n-1", before="n-9", due=due),)
    assert gone.when(leaves("n-9")).said == ()
    assert known.when(leaves("n-9", AwayWhy.CERTIFICATE)).said == (), "no certificate is needed to solve one"
    assert known.when(leaves("n-8")).said == ()
    over = {"why": AwayWhy.ABSENT, "until": FIRST - timedelta(days=1)}
    late = leaves("n-9").data.model_copy(update=over)
    assert known.when(message(late, FIRST)).said == (), "told when it is over"
    assert known.when(leaves("n-1")).said == (), "that goes with the case"
    for first, second in ((leaves("n-9"), owned("n-2", FIRST)), (owned("n-2", FIRST), leaves("n-9"))):
        both = known.when(first, second)
        assert [problem.owner for problem in both.state.problems] == ["n-2", "n-2"], "in either order"
    late = lives_to(gone.when(message(paid("300.00", SECOND))), due)
    assert late.last(ProblemOverdue).owner == "n-1"


@pytest.mark.parametrize("told", ["roster", "command"])
@pytest.mark.parametrize("closed", [False, True])
def test_a_problem_given_to_somebody_who_is_not_there_is_somebody_elses_that_evening(
    told: str, *, closed: bool
) -> None:
    """The order to hand over was said of the problems that there were; the roster's word of none at all."""
    away = Absence(since=DAY, until=FIRST + timedelta(days=1))
    start = given(FollowupDecider(), reference(**PLAIN)).when(message(case_opened()))
    start = start.when(owned("n-1" if closed else "n-2"))
    gone = intake.CaseClosed(as_of=FIRST, reason=intake.CloseReason.PLAN_COMPLETED)
    noted = start.when(
        message(signed(*ROWS)),
        message(paid("300.00", DAY)),
        message(ProblemNoted(problem_id="q", about=RETURNED_BEFORE, owner="n-1"), FIRST),
        *([message(gone, FIRST)] if closed else []),
    )
    assert noted.closes(FIRST).state.problems[0].owner == "n-1", "who is there keeps it"
    if told == "roster":
        who = noted.reference.roster.get("n-1").model_copy(update={"absences": (away,)})
        ref = replace(noted.reference, roster=Roster(negotiators=(who,)))
    else:
        words = work_of([Departure(staff="n-1", since=away.since, until=away.until)])
        ref = replace(noted.reference, open_work=Counter(words))
    handed = replace(noted, reference=ref).closes(FIRST)
    said = handed.last(ProblemHandedOver)
    assert (said.owner, said.before) == (None if closed else "n-2", "n-1")
    assert not any(
        isinstance(one, ProblemHandedOver) for one in handed.closes(FIRST + timedelta(days=1)).said
    )
    # Who is back on the next day keeps it.
    later = replace(noted, reference=ref).closes(away.until)
    assert not any(isinstance(one, ProblemHandedOver) for one in later.said)


def test_of_a_closed_case_a_problem_of_who_leaves_is_the_roles() -> None:
    plan = given(FollowupDecider(), reference(**PLAIN)).when(message(case_opened()), owned("n-1"))
    closed = plan.when(
        message(signed(*ROWS)),
        message(intake.CaseClosed(as_of=FIRST, reason=intake.CloseReason.SOLD), FIRST),
        message(intake.BankAnswered(instruction_id="I-1", confirmed=False, as_of=FIRST), FIRST),
    )
    assert closed.last(ProblemOpened).owner == "n-1"
    assert closed.when(leaves("n-1")).last(ProblemHandedOver).owner is None


def test_a_problem_escalates_after_its_day_and_its_time_is_measured() -> None:
    due = FIRST + timedelta(days=6)
    plan = live().when(
        message(paid("300.00", SECOND)), message(ProblemNoted(problem_id="q", about="x", due=due), FIRST)
    )
    late = lives_to(plan, due)
    assert late.last(ProblemOverdue).to_role == "supervisor"
    assert not any(
        isinstance(event, ProblemOverdue) for event in lives_to(late, due + timedelta(days=9)).said
    )
    solved = late.when(message(ProblemSolved(problem_id="q", by="n-1"), due + timedelta(days=2)))
    assert solved.last(ProblemResolved).days == 8
    unknown = solved.when(message(ProblemSolved(problem_id="q", by="n-1")))
    assert unknown.last(InputRefused).reason.code is ReasonCode.PROBLEM_UNKNOWN
    twice = plan.when(message(ProblemNoted(problem_id="q", about="x"), FIRST))
    assert twice.last(InputRefused).reason.code is ReasonCode.PROBLEM_KNOWN
    closed = plan.when(message(intake.CaseClosed(as_of=SECOND, reason=intake.CloseReason.SOLD), SECOND))
    assert closed.last(ProblemResolved).by == "case_closed"


def test_a_return_of_what_was_paid_before_the_plan_is_a_persons_problem() -> None:
    """The plan divides balances that it had lowered; its signed instalments are not touched."""
    before = DAY - timedelta(days=9)
    back = message(taken_back("80.00", before, FIRST), FIRST)
    plan = given(FollowupDecider(), reference(**PLAIN)).when(message(case_opened()), owned("n-1"))
    plan = plan.when(message(paid("80.00", before)), message(signed(*ROWS))).when(back)
    assert plan.emits(ProblemOpened)
    assert plan.last(ProblemOpened).owner == "n-1"
    assert [str(line.total) for line in plan.state.plan.lines] == ["100.00"] * 3
    assert plan.when(back).said == ()


# --- promises, support, satisfaction


def test_promises_kept_and_broken_are_counted_and_recounted() -> None:
    case = given(FollowupDecider(), reference()).when(message(case_opened()))
    due = DAY + timedelta(days=3)
    made = [desk.PromiseMade(promise_id=name, amount=cny("50.00"), due=due) for name in "ab"]
    plan = case.when(*(message(promise) for promise in made), message(paid("50.00", DAY))).closes(DAY)
    assert (plan.last(PromiseKept).kept_in_all, plan.last(PromiseKept).broken_in_all) == (1, 0)
    broken = plan.closes(due + timedelta(days=9))
    assert (broken.last(PromiseBroken).kept_in_all, broken.last(PromiseBroken).broken_in_all) == (1, 1)
    back = broken.when(message(taken_back("50.00", DAY, due), due + timedelta(days=10)))
    back = back.closes(due + timedelta(days=10))
    assert (back.state.promises_kept, back.state.promises_broken) == (0, 2)


def test_the_support_group_is_for_whom_the_rule_offers_it() -> None:
    join = message(SupportJoined(channel="app"), FIRST)
    assert live().when(join).last(InputRefused).reason.code is ReasonCode.SUPPORT_NOT_OFFERED
    day = FIRST + timedelta(days=1)
    offered = live().when(hardship(day, date(2026, 9, 1)))
    enrolled = offered.when(message(SupportJoined(channel="app"), day))
    assert enrolled.emits(SupportEnrolled)
    assert enrolled.when(message(SupportJoined(channel="app"), day)).said == ()

    def session(id_: str, kind: SessionKind, *, came: bool, to: str | None = None) -> Any:
        at = datetime(2026, 4, 20, 18, tzinfo=UTC)
        held = SupportSessionHeld(
            session_id=id_, session=kind, at=at, place="branch", attended=came, referred_to=to
        )
        return message(held, date(2026, 4, 20))

    seminar = enrolled.when(session("s1", SessionKind.SEMINAR, came=True))
    assert seminar.emits(SupportSessionNoted, SatisfactionAsked)
    assert seminar.last(SatisfactionAsked).topic is SatisfactionTopic.SEMINAR
    tax = seminar.when(session("s2", SessionKind.TAX_ADVICE, came=True, to="tax_office"))
    assert tax.emits(SupportSessionNoted, ReferralMade)
    absent = tax.when(session("s3", SessionKind.SEMINAR, came=False))
    assert absent.emits(SupportSessionNoted)
    noted = absent.last(SupportSessionNoted)
    assert (noted.sessions, noted.attended_in_all) == (3, 2)
    assert absent.when(session("s3", SessionKind.SEMINAR, came=True)).said == ()
    about = (desk.FeedbackTheme.PEOPLE,)
    given_ = SatisfactionGiven(topic=SatisfactionTopic.SEMINAR, score=5, about=about)
    told = absent.when(message(given_, FIRST))
    assert told.last(SatisfactionNoted).about == about
    assert told.emits(SatisfactionNoted)
    outside = live().when(session("s1", SessionKind.SEMINAR, came=True))
    assert outside.last(InputRefused).reason.code is ReasonCode.SUPPORT_NOT_OFFERED
    waiting = offered.when(session("s1", SessionKind.SEMINAR, came=True))
    assert waiting.last(InputRefused).reason.code is ReasonCode.SUPPORT_NOT_JOINED


# --- credit


def overpaid() -> Given:
    """Twelve too much by the last instalment."""
    return lives_to(live().when(message(paid("312.00", FIRST, "p"), FIRST)), FIRST)


def test_money_beyond_the_plan_is_refunded_or_moved_as_the_borrower_chooses() -> None:
    done = overpaid()
    assert done.said[-2:] == (done.last(PlanCompleted), done.last(CreditFound))
    assert done.last(CreditFound).amount == cny("12.00")
    closed = done.when(message(intake.CaseClosed(as_of=FIRST, reason=intake.CloseReason.SETTLED), FIRST))
    choice = CreditChosen(currency="CNY", choice=CreditChoice.REFUND)
    refund = closed.when(message(choice, SECOND))
    told = refund.last(CreditInstructed)
    assert (told.amount, told.choice, told.debt_id) == (cny("12.00"), CreditChoice.REFUND, None)
    assert refund.when(message(choice, SECOND)).last(InputRefused).reason.code is ReasonCode.NO_CREDIT
    nowhere = CreditChosen(currency="CNY", choice=CreditChoice.OTHER_DEBT)
    assert done.when(message(nowhere)).last(InputRefused).reason.code is ReasonCode.DEBT_NOT_NAMED
    moved = done.when(message(nowhere.model_copy(update={"debt_id": "A-9"})))
    assert moved.last(CreditInstructed).debt_id == "A-9"
    back = closed.when(message(taken_back("5.00", FIRST, SECOND, "p"), SECOND))
    assert back.last(CreditFound).amount == cny("7.00")


def test_what_was_paid_out_makes_up_for_no_payment_that_comes_back() -> None:
    """The plan stayed completed on money that the borrower had been given back: nobody asked for the rest."""
    refund = message(CreditChosen(currency="CNY", choice=CreditChoice.REFUND), FIRST)
    out = overpaid().when(refund)
    told = out.last(CreditInstructed)
    more = lives_to(out.when(message(paid("3.00", SECOND, "q"), SECOND)), SECOND)
    assert [event.amount for event in more.said if isinstance(event, CreditFound)] == [cny("3.00")]
    back = lives_to(out.when(message(taken_back("10.00", FIRST, SECOND, "p"), SECOND)), SECOND)
    assert [event.missing for event in back.said if isinstance(event, PlanReopened)] == [(cny("10.00"),)]
    assert not any(isinstance(event, CreditFound) for event in back.said)
    kept = lives_to(overpaid().when(message(taken_back("10.00", FIRST, SECOND, "p"), SECOND)), SECOND)
    assert kept.state.status is FollowupStatus.COMPLETED
    # The bank could not pay it out: it is there after all.
    refused = intake.BankAnswered(
        instruction_id=told.instruction_id,
        confirmed=False,
        as_of=SECOND,
        about=intake.InstructionAbout.CREDIT,
    )
    again = lives_to(back.when(message(refused, SECOND)), SECOND + timedelta(days=1))
    assert again.state.status is FollowupStatus.COMPLETED
    # So it is where the case has been closed: a person hears of what is missing.
    closed = out.when(message(intake.CaseClosed(as_of=FIRST, reason=intake.CloseReason.SETTLED), FIRST))
    late = closed.when(message(taken_back("10.00", FIRST, SECOND, "p"), SECOND))
    assert late.emits(ProblemOpened)
    assert late.state.completed_on is None


def test_a_credit_of_an_earlier_plan_that_was_paid_out_hides_none_of_the_next_plan() -> None:
    refund = message(CreditChosen(currency="CNY", choice=CreditChoice.REFUND), FIRST)
    out = overpaid().when(refund)
    again = out.when(message(signed((THIRD, "50.00"), effective=SECOND, version=2), SECOND))
    done = lives_to(again.when(message(paid("55.00", SECOND, "r"), SECOND)), THIRD)
    assert done.last(CreditFound).amount == cny("5.00")
    assert done.when(refund).last(CreditInstructed).amount == cny("5.00")


def test_what_is_said_without_a_case_waits_for_one_and_is_refused_at_the_close() -> None:
    nobody = replace(live(), state=None)
    for said in (
        ProblemNoted(problem_id="q", about="x"),
        SupportJoined(channel="app"),
        SatisfactionGiven(topic=SatisfactionTopic.SIGNING, score=1),
        CreditChosen(currency="CNY", choice=CreditChoice.REFUND),
        ProblemSolved(problem_id="q", by="n-1"),
    ):
        waits = nobody.when(message(said))
        assert len(waits.waiting) == 1
        assert waits.closes(DAY).last(InputRefused).reason.code is ReasonCode.NO_CASE
