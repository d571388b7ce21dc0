"""A notice of breach that could not leave breaks no plan: a person serves it, with all the time to cure."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from services.followup.model import FollowupStatus
from services.notice.sending import withdraw
from shared.contracts.base import Personal, Reason
from shared.contracts.desk_care import PlanReinstated, ProblemSolved
from shared.contracts.desk_contact import NoticeDelivered, NoticeFailed
from shared.contracts.envelope import Envelope
from shared.contracts.followup import InputRefused, PlanBroken
from shared.contracts.followup_care import (
    BreachCured,
    BreachNoticed,
    PlanReopened,
    ProblemOpened,
    ProblemOverdue,
    ProblemResolved,
)
from shared.contracts.intake import CaseClosed, CloseReason
from shared.contracts.notice import NoticeDue, NoticeKind, NoticeWithdrawn, about_breach, notice_id
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import message, paid, signed
from tests.unit.followup.plans import THIRD, live, lives_to
from tests.unit.followup.test_keeping import BREACH, NOTICED, hardship
from tests.unit.followup.test_notice_void import CURE_BY
from tests.unit.intake.team import roster
from tests.unit.notice.test_decide import at, case
from tests.unit.spec import Given

NOT_SENT, TOO_LATE, OVER = (
    ReasonCode.NOTICE_NOT_SENT,
    ReasonCode.NOTICE_TOO_LATE,
    ReasonCode.NOTICE_CAUSE_OVER,
)


def after(days: int) -> date:
    return BREACH + timedelta(days=days)


def noticed(**overrides: Any) -> Given:
    return lives_to(live(**NOTICED | overrides), BREACH)


def gone(
    plan: Given, on: date, code: ReasonCode = NOT_SENT, noticed_on: date = BREACH, **more: Any
) -> Envelope[Any]:
    about = about_breach(plan.state.plan.agreement_id, noticed_on)
    id_ = notice_id(plan.state.case, NoticeKind.BREACH_NOTICE, about)
    reason = Reason(code=code)
    said = NoticeWithdrawn(notice_id=id_, kind=NoticeKind.BREACH_NOTICE, reason=reason, **more)
    return message(said, on)


def served(plan: Given, on: date) -> Envelope[Any]:
    (problem,) = plan.state.problems
    return message(ProblemSolved(problem_id=problem.problem_id, by="n-1"), on)


def events(step: Given, kind: type[Any]) -> list[Any]:
    return [event for event in step.said if isinstance(event, kind)]


@pytest.mark.parametrize("code", [NOT_SENT, TOO_LATE])
def test_the_plan_does_not_break_by_it_and_whoever_owns_it_has_the_notice_to_serve(code: ReasonCode) -> None:
    plan = noticed()
    held = plan.when(gone(plan, after(2), code))
    opened = held.last(ProblemOpened)
    assert (opened.about, opened.due) == ("breach_notice_not_delivered", after(7))
    assert held.when(gone(plan, after(2), code)).said == (), "twice"
    lives = lives_to(held, CURE_BY + timedelta(days=40))
    assert lives.state.status is FollowupStatus.LIVE
    assert [one.problem_id for one in events(lives, ProblemOverdue)] == [opened.problem_id]
    assert not events(lives, PlanBroken)


def test_once_it_is_served_the_time_to_cure_counts_in_full() -> None:
    plan = noticed()
    held = lives_to(plan.when(gone(plan, after(2))), after(6))
    told = held.when(served(held, after(7)))
    again = told.last(BreachNoticed)
    assert (again.as_of, again.served) == (after(7), True)
    assert (again.cure_by - after(7)).days >= 10
    assert again.missing == plan.last(BreachNoticed).missing
    assert events(told, ProblemResolved)
    assert told.when(gone(plan, after(7))).state == told.state, "of the notice before"
    before = lives_to(told, again.cure_by - timedelta(days=1))
    assert before.state.status is FollowupStatus.LIVE
    assert before.closes(again.cure_by).last(PlanBroken).as_of == again.cure_by


@pytest.mark.parametrize("on", [after(4), CURE_BY + timedelta(days=9)])
def test_arrears_that_are_paid_meanwhile_leave_nothing_to_serve(on: date) -> None:
    plan = noticed()
    held = lives_to(plan.when(gone(plan, after(2))), on - timedelta(days=1))
    put_right = held.when(message(paid("200.00", on), on)).closes(on)
    assert events(put_right, BreachCured)
    assert events(put_right, ProblemResolved)
    assert put_right.state.problems == ()
    refused = put_right.when(served(held, on)).last(InputRefused)
    assert refused.reason.code is ReasonCode.PROBLEM_UNKNOWN


def test_a_hardship_that_is_reported_and_an_amendment_take_it_off_too() -> None:
    plan = noticed()
    held = plan.when(gone(plan, after(2)))
    told = held.when(hardship(after(3))).closes(after(3))
    assert told.state.problems == ()
    amended = held.when(
        message(
            signed((THIRD, "300.00"), effective=after(3), version=2, agreement_id="agreement-2"), after(3)
        )
    )
    assert events(amended, ProblemResolved)
    closed = held.when(message(CaseClosed(as_of=after(3), reason=CloseReason.SETTLED), after(3)))
    assert closed.state.problems == ()


def test_of_another_notice_or_one_that_may_have_left_nothing_is_held() -> None:
    plan = noticed()
    for said in (
        gone(plan, after(2), noticed_on=after(-30)),
        gone(plan, after(2), TOO_LATE, may_have_left=True),
        gone(plan, after(2), ReasonCode.NOTICE_REPLACED),
    ):
        assert plan.when(said).state == plan.state
    assert lives_to(plan, CURE_BY).emits(PlanBroken)


def test_a_newer_notice_is_held_by_its_own_word_alone() -> None:
    """The first was void by a payment that came back."""
    plan = noticed()
    cured = plan.when(message(paid("200.00", after(1)), after(1))).closes(after(1))
    assert events(cured, BreachCured)
    assert cured.when(gone(plan, after(2))).state == cured.state


def test_what_had_left_after_all_was_served_when_it_is_told() -> None:
    plan = noticed()
    said = gone(plan, after(2))
    left = NoticeDelivered(
        notice_id=said.data.notice_id, message_id="m", channel="email",
        at=said.time, attempts=1,
    )  # fmt: skip
    told = plan.when(said, message(left, after(3)))
    assert told.last(BreachNoticed).as_of == after(3)
    assert told.state.problems == ()


@pytest.mark.parametrize("code", [NOT_SENT, TOO_LATE, OVER])
def test_heard_after_the_plan_was_broken_it_is_a_person_s_and_a_supervisor_may_take_it_back(
    code: ReasonCode,
) -> None:
    plan = noticed()
    broken = lives_to(plan, CURE_BY)
    late = broken.when(gone(plan, CURE_BY, code))
    assert late.last(ProblemOpened).about == "plan_broken_without_notice"
    assert late.when(gone(plan, CURE_BY, code)).said == ()
    closed = late.when(message(CaseClosed(as_of=CURE_BY, reason=CloseReason.SETTLED), CURE_BY))
    assert [one.about for one in closed.state.problems] == ["plan_broken_without_notice"]
    who = replace(late, reference=replace(late.reference, roster=roster(s={"supervisor": True})))
    back = PlanReinstated(
        agreement_id=plan.state.plan.agreement_id, by="s", reason=Personal[str](value="never told")
    )
    on = CURE_BY + timedelta(days=2)
    stands = who.when(message(back, on)).closes(on)
    assert stands.state.status is FollowupStatus.LIVE
    assert stands.state.problems == ()
    assert events(stands, PlanReopened)


def test_notice_says_it_of_the_notice_that_followup_means() -> None:
    """From the event to the courier's last failure, and back."""
    plan = noticed()
    there = case().when(at(plan.last(BreachNoticed), 10))
    while there.said and isinstance(there.said[-1], NoticeDue):
        due = there.last(NoticeDue)
        failed = NoticeFailed(
            notice_id=due.notice_id, message_id=due.message_id, channel=due.channel, at=due.send_from,
            attempts=1, reason="smtp_550",
        )  # fmt: skip
        there = there.when(at(failed, 11))
    said = there.last(NoticeWithdrawn)
    assert (said.notice_id, said.may_have_left) == (due.notice_id, False)
    assert plan.when(message(said, after(1))).emits(ProblemOpened)


def test_a_notice_served_by_hand_is_not_sent() -> None:
    plan = noticed()
    held = plan.when(gone(plan, after(2)))
    again = held.when(served(held, after(3))).last(BreachNoticed)
    assert case().when(at(again, 10)).said == ()


def test_one_that_cannot_leave_in_the_pack_s_days_is_given_up_while_there_is_time() -> None:
    """It was, on the last day of the time to cure, when the plan was broken already."""
    plan = noticed()
    there = case().when(at(plan.last(BreachNoticed), 10))
    (waiting,) = there.state.notices
    assert waiting.useful_until < CURE_BY
    unsaid = withdraw(there.state, waiting, TOO_LATE, waiting.send_from)[1][0]
    ahead = withdraw(there.state, waiting, TOO_LATE, waiting.send_from - timedelta(hours=1))[1][0]
    assert (unsaid.may_have_left, ahead.may_have_left) == (True, False)
