"""A hardship, and a breach, where an amendment is withdrawn from: the plan before it is judged from there."""

from __future__ import annotations

from datetime import date, timedelta

from shared.contracts.followup import InstalmentMissed, PlanBroken, RenegotiationRequested, ReviewDue
from shared.contracts.followup_care import BreachCured, BreachNoticed, ReviewInvited
from shared.contracts.parties import StopCause
from shared.contracts.reasons import ReasonCode
from shared.lending.calendar import add_months
from tests.unit.builders import message, paid
from tests.unit.followup.plans import FIRST, PLAIN, live, lives_to
from tests.unit.followup.test_care import review
from tests.unit.followup.test_found_withdrawn import GONE, amended, withdrawn
from tests.unit.followup.test_keeping import BREACH, NOTICED, hardship, talks_failed
from tests.unit.spec import Given
from tests.unit.stopping import begins, over

LONG = {**NOTICED, "breach__hardship_shield_days": 90}
UNTIL = GONE + timedelta(days=90)


def protected(plan: Given, reported: date) -> None:
    last = reported + timedelta(days=90)
    quiet = lives_to(plan, last)
    assert all(event.shielded for event in quiet.said if isinstance(event, InstalmentMissed))
    assert not any(isinstance(event, BreachNoticed | PlanBroken) for event in quiet.said)
    assert lives_to(quiet, last + timedelta(days=1)).last(BreachNoticed).as_of == last + timedelta(days=1)


def test_a_hardship_reported_on_the_day_of_the_withdrawal_leads_back_and_protects() -> None:
    """The day of the withdrawal counted as talks under way: nobody was asked, and nothing protected."""
    back = withdrawn(lives_to(amended(live(**LONG)), GONE - timedelta(days=1)))
    told = back.when(hardship(GONE))
    assert told.last(RenegotiationRequested).agreement_id == "agreement-1"
    protected(told, GONE)


def test_a_hardship_reported_under_the_amendment_protects_the_plan_before_it_too() -> None:
    """Talks went on, and the plan that had come back broke meanwhile."""
    reported = GONE - timedelta(days=2)
    told = lives_to(amended(live(**LONG)), reported - timedelta(days=1)).when(hardship(reported))
    protected(withdrawn(lives_to(told, GONE - timedelta(days=1))), reported)


def test_who_reports_again_after_a_withdrawal_from_what_the_talks_came_to_is_heard() -> None:
    """They were over with the signature, and a report counted as heard in them: nobody was asked to talk."""
    reported = GONE - timedelta(days=12)
    talked = lives_to(live(**LONG), reported - timedelta(days=1)).when(hardship(reported))
    back = withdrawn(lives_to(amended(talked), GONE - timedelta(days=1)))
    protected(back, reported)
    again = lives_to(back, GONE + timedelta(days=5)).when(hardship(GONE + timedelta(days=6)))
    assert again.last(RenegotiationRequested).as_of == GONE + timedelta(days=6)
    twice = again.when(hardship(GONE + timedelta(days=7)))
    assert not any(isinstance(event, RenegotiationRequested) for event in twice.said)


def test_who_showed_good_will_under_the_amendment_has_shown_it() -> None:
    """It was forgotten with the amendment, and who missed an instalment was not offered support."""
    reported = GONE - timedelta(days=2)
    told = lives_to(amended(live(**LONG)), reported - timedelta(days=1)).when(hardship(reported))
    assert withdrawn(lives_to(told, GONE - timedelta(days=1))).state.plan.cooperated


def test_a_notice_after_a_withdrawal_is_of_its_evening_and_leaves_the_whole_time_to_cure() -> None:
    """Of a plan that had been talked about before, the days of the amendment were judged afterwards: its
    notice was dated back, and most of the time to cure was over when it was given.
    """
    early = date(2026, 3, 20)
    plan = lives_to(live(**LONG), early - timedelta(days=1)).when(hardship(early), talks_failed(early))
    signed_on, gone = BREACH - timedelta(days=2), BREACH + timedelta(days=11)
    under = amended(lives_to(plan, signed_on - timedelta(days=1)), signed_on)
    back = withdrawn(lives_to(under, gone - timedelta(days=1)), gone)
    evening = lives_to(back, gone + timedelta(days=1))
    assert not any(isinstance(event, PlanBroken) for event in evening.said)
    notice = evening.last(BreachNoticed)
    assert notice.as_of == gone + timedelta(days=1)
    assert (notice.cure_by - notice.as_of).days >= 15


def test_talks_that_a_stop_begins_anew_end_for_good_when_they_end() -> None:
    """Those before the stop had days left, and protect no longer than those that took their place."""
    told_on = date(2026, 3, 20)
    told = live(**PLAIN | {"breach__hardship_shield_days": 365}).when(hardship(told_on))
    stopped = lives_to(told, told_on + timedelta(days=2)).when(*begins(StopCause.DISPUTE, FIRST))
    ended = FIRST + timedelta(days=30)
    back = lives_to(stopped, ended - timedelta(days=1)).when(*over(ended))
    assert back.last(RenegotiationRequested).reasons[0].code is ReasonCode.STOP_ENDED
    quiet = back.when(talks_failed(ended + timedelta(days=2)))
    assert lives_to(quiet, date(2026, 12, 1)).last(PlanBroken).as_of < told_on + timedelta(days=365)


def test_a_review_that_came_up_under_the_amendment_is_asked_for_on_the_day_of_the_withdrawal() -> None:
    """It was dated back: people were invited to a day that was over, and it was overdue the sooner."""
    plan = live(**PLAIN | {"followup__review_months": 1})
    due = plan.state.plan.review_on
    signed_on, gone = due - timedelta(days=9), due + timedelta(days=3)
    under = amended(lives_to(plan, signed_on - timedelta(days=1)), signed_on)
    back = withdrawn(lives_to(under, gone - timedelta(days=1)), gone).closes(gone)
    assert (back.last(ReviewInvited).on, back.last(ReviewInvited).as_of) == (gone, gone)
    assert back.last(ReviewDue).due == gone


def test_a_review_that_a_miss_under_the_amendment_brings_up_is_asked_for_when_it_is_withdrawn_from() -> None:
    """Who had performed well has the regular review, which was over: it was dated back to the miss."""
    rows = [(add_months(FIRST, n), "100.00") for n in range(24)]
    plan = live(*rows).when(*(message(paid("100.00", due)) for due, _ in rows[:3]))
    missed = rows[3][0]
    signed_on, gone = missed - timedelta(days=2), missed + timedelta(days=12)
    under = amended(lives_to(plan, signed_on - timedelta(days=1)), signed_on)
    assert plan.state.plan.review_on < signed_on
    back = withdrawn(lives_to(under, gone - timedelta(days=1)), gone).closes(gone)
    assert back.last(InstalmentMissed).due == missed
    assert (back.last(ReviewInvited).on, back.last(ReviewInvited).as_of) == (gone, gone)
    assert back.last(ReviewDue).due == gone


def test_a_notice_that_a_withdrawal_ends_says_so() -> None:
    """It said that a hardship was reported, and nobody had reported one."""
    plan = lives_to(live(**LONG), BREACH)
    assert plan.state.plan.cure_by is not None
    gone = BREACH + timedelta(days=3)
    under = amended(plan, BREACH + timedelta(days=1))
    back = lives_to(withdrawn(lives_to(under, gone - timedelta(days=1)), gone), gone)
    assert back.last(BreachCured).reason.code is ReasonCode.WITHDRAWN_IN_TIME


def monthly() -> tuple[Given, date]:
    """Give a plan with a review each month, amended ten days before its first one, and the day of that."""
    plan = live(**PLAIN | {"followup__review_months": 1, "followup__review_months_performing": 2})
    due = plan.state.plan.review_on
    signed_on = due - timedelta(days=10)
    return amended(lives_to(plan, signed_on - timedelta(days=1)), signed_on), due


def test_a_review_that_was_held_under_the_amendment_stands_for_the_plan_that_is_back() -> None:
    """Who had answered all the questions on Monday was invited anew on Wednesday."""
    under, due = monthly()
    held = lives_to(under, due - timedelta(days=4)).when(message(review(), due - timedelta(days=3)))
    next_ = held.state.plan.review_on
    back = withdrawn(lives_to(held, due - timedelta(days=1)), due)
    assert back.state.plan.review_on == next_ > due
    before = lives_to(back, next_ - timedelta(days=1))
    assert not any(isinstance(event, ReviewDue) for event in before.said)
    assert lives_to(before, next_ + timedelta(days=31)).last(ReviewDue).due == next_


def test_a_review_that_was_asked_for_under_the_amendment_stays_the_same_one() -> None:
    """It was asked for once more, by the same number and with new time; the first was never answered."""
    plan = live(**PLAIN | {"followup__review_months": 1})
    under = amended(plan, plan.state.plan.effective, days=40)
    due = under.state.plan.review_on
    asked = lives_to(under, due)
    assert asked.last(ReviewDue).number == 1
    back = withdrawn(asked, due + timedelta(days=1))
    after = lives_to(back, due + timedelta(days=2))
    assert not any(isinstance(event, ReviewDue) for event in after.said)
    assert (after.state.plan.review_open, after.state.plan.reviews) == (True, 1)
