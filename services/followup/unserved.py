"""A notice of breach that could not leave: the plan does not break by it, and a person serves it. Pure.

Where nothing is sent from here nobody says so, and the house serves its notices from the event itself.
"""

from __future__ import annotations

from datetime import date

from services.followup import problems
from services.followup.ending import give_notice
from services.followup.model import FollowedPlan, FollowupState, FollowupStatus, Problem
from services.followup.work import Work, policy_of
from shared.contracts.base import Event
from shared.contracts.desk_care import ProblemSolved
from shared.contracts.desk_contact import NoticeDelivered
from shared.contracts.notice import NoticeKind, NoticeWithdrawn, about_breach, notice_id
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import Reference

__all__ = ["delivered", "heard", "over", "solved"]

Step = tuple[FollowupState, tuple[Event, ...]]

_NOT_SENT = frozenset({ReasonCode.NOTICE_NOT_SENT, ReasonCode.NOTICE_TOO_LATE})
_BY_THE_PLAN = "notice_void"
_BY_COURIER = "courier"


def heard(state: FollowupState, data: NoticeWithdrawn, day: date, reference: Reference) -> Step:
    """The notice that the plan would break by has not left, and will not: it holds the breach.

    Of one that was to leave, and of which nobody has said whether it did, nothing is known. A plan that it
    has broken already stays so: the bank was told, and a person sees what is made good.
    """
    plan = state.plan
    if plan is None or data.may_have_left or data.notice_id != _notice_of(state, plan):
        return state, ()
    policy = policy_of(plan, reference)
    if state.status is FollowupStatus.BROKEN:
        return problems.unnoticed(state, data.notice_id, day, policy)
    if state.status is not FollowupStatus.LIVE or plan.unserved or data.reason.code not in _NOT_SENT:
        return state, ()
    held = state.model_copy(update={"plan": plan.model_copy(update={"unserved": True})})
    return problems.unserved(held, data.notice_id, day, policy)


def solved(state: FollowupState, data: ProblemSolved, day: date, reference: Reference) -> Step:
    """It was served by hand: the time to cure counts from that day, all of it."""
    mine = any(one.problem_id == data.problem_id for one in _asked(state))
    return _served(state, day, reference) if mine else (state, ())


def delivered(state: FollowupState, data: NoticeDelivered, day: date, reference: Reference) -> Step:
    """It had left after all when it was given up, which is told late."""
    plan = state.plan
    if plan is None or not plan.unserved or data.notice_id != _notice_of(state, plan):
        return state, ()
    after, said = _served(state, day, reference)
    after, off = problems.taken_off(after, _asked(after), day, _BY_COURIER)
    return after, (*said, *off)


def over(state: FollowupState, day: date) -> Step:
    """No notice is to be served any more: it is void, or another plan has taken the place of this one."""
    if state.plan is not None and state.plan.unserved:
        return state, ()
    return problems.taken_off(state, _asked(state), day, _BY_THE_PLAN)


def _served(state: FollowupState, day: date, reference: Reference) -> Step:
    plan = state.plan
    if plan is None or not plan.unserved or state.status is not FollowupStatus.LIVE:
        return state, ()
    work = Work(state, plan, policy_of(plan, reference))
    # A word that comes after the close of its day shortens nobody's time.
    on = max(day, plan.judged_to)
    give_notice(work, on, work.policy.late_until(on, work.policy.breach.cure_days), served=True)
    return work.done()


def _notice_of(state: FollowupState, plan: FollowedPlan) -> str | None:
    if plan.noticed_on is None:
        return None
    about = about_breach(plan.agreement_id, plan.noticed_on)
    return notice_id(state.case, NoticeKind.BREACH_NOTICE, about)


def _asked(state: FollowupState) -> list[Problem]:
    return [one for one in state.problems if one.about == problems.BREACH_UNSERVED]
