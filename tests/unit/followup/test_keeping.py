"""What surrounds a plan: notices, hardship, rewards, reviews, owners, problems, support, credit."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from services.followup.model import FollowupStatus, Pause
from services.followup.rules import days_in, is_performing
from shared.contracts import desk, intake, offer
from shared.contracts.base import Reason
from shared.contracts.desk_care import (
    CreditChoice,
    CreditChosen,
    ProblemNoted,
    ProblemSolved,
    SatisfactionGiven,
    SatisfactionTopic,
    SupportJoined,
)
from shared.contracts.followup import (
    InputRefused,
    InstalmentCorrected,
    InstalmentMissed,
    InstalmentPaid,
    PlanBroken,
    PlanCompleted,
    PromiseBroken,
    RewardGranted,
)
from shared.contracts.followup_care import (
    BreachCured,
    BreachNoticed,
    CreditFound,
    CreditInstructed,
    PlanReopened,
    ProblemOpened,
)
from shared.contracts.reasons import ReasonCode
from shared.lending.calendar import add_months
from tests.unit.builders import DAY, cny, message, paid, signed, taken_back
from tests.unit.followup.plans import FIRST, SECOND, THIRD, live, lives_to, states
from tests.unit.spec import Given

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


# --- credit


def overpaid() -> Given:
    """Twelve too much by the last instalment."""
    return lives_to(live().when(message(paid("312.00", FIRST, "p"), FIRST)), FIRST)


def test_money_beyond_the_plan_is_refunded_or_moved_as_the_borrower_chooses() -> None:
    done = overpaid()
    assert done.said[-3:-1] == (done.last(PlanCompleted), done.last(CreditFound))
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
