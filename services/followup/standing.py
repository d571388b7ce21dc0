"""A plan that was broken stands again: in a stop that was told later, or by a supervisor's word. Pure.

What comes on a day, a payment or the word of a stop, is read in any order. So it is decided when the day is
closed, on all of it, as if the stop had been told in its time; where something was built on the end of the
plan meanwhile a person sees to it.
"""

from __future__ import annotations

from datetime import date

from services.followup import problems
from services.followup.co_borrowers import to_tell
from services.followup.model import FollowedPlan, FollowupState, FollowupStatus, Pause
from services.followup.rules import UNPAID, breaks, later, review_days, summed
from services.followup.sold import all_sold
from services.followup.stops import (
    bears_interest,
    broken_since,
    is_owed,
    stopped,
    talked_about,
    talked_on,
    talks,
    with_past,
)
from services.followup.work import policy_of, served_by
from shared.contracts.base import Event, Reason
from shared.contracts.departures import may_decide
from shared.contracts.desk_care import PlanReinstated
from shared.contracts.followup_care import PlanReopened
from shared.contracts.intake import CloseReason
from shared.contracts.parties import CaseHalt
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import Reference
from shared.policy.roster import SUPERVISORS

__all__ = ["close_doubted", "doubted_at_the_end", "reinstated"]

Step = tuple[FollowupState, tuple[Event, ...]]


def close_doubted(state: FollowupState, day: date, reference: Reference) -> Step:
    """Have a plan stand again that would not have been broken, had the stop been told; or ask a person."""
    plan = state.plan if state.status is FollowupStatus.BROKEN else None
    if plan is None or plan.doubted is None or plan.doubted.until > day:
        return state, ()
    since = plan.doubted.since
    known = state.model_copy(update={"plan": plan.model_copy(update={"doubted": None})})
    if all_sold(state, plan):
        return known, ()
    on = plan.ended_on or day
    if not _may_stand_again(state, plan) or breaks(plan, on, policy_of(plan, reference)):
        policy = reference.policies.in_force(plan.policy, day)
        known, opened = problems.broken_in_a_stop(known, plan, day, policy)
        return known, opened if state.halted_on is not None else (*opened, talks(plan, day))
    live, said = _stands_again(known, plan, day, reference)
    return (live, said) if live.halted_on is not None else _goes_on(live, since, day, reference, said)


def _goes_on(
    state: FollowupState, since: date, day: date, reference: Reference, said: tuple[Event, ...]
) -> Step:
    """The stop is over when it is known that the plan stands: talks come first where something was missed.

    Nobody was asked for anything while it was taken for broken.
    """
    plan, over = state.plan, Pause(since=since, until=day)
    assert plan is not None  # noqa: S101 - narrows: it stands again
    policy = reference.policies.in_force(plan.policy, day)
    if plan.interest_rests and since < day and bears_interest(plan, since):
        state, opened = problems.interest_of_a_stop(state, since, day, policy)
        said = (*said, *opened)
    owing = plan.talks_after or is_owed(state, plan, over, day, reference)
    free = {"silent": False, "talks_after": False, "interest_rests": False}
    plan = (plan if over in plan.stops else with_past(plan, over)).model_copy(update=free)
    if not owing:
        return state.model_copy(update={"plan": talked_on(plan, over)}), said
    talked = talked_about(plan, day, policy)
    return state.model_copy(update={"plan": talked}), (*said, talks(plan, day))


def doubted_at_the_end(state: FollowupState, reason: CloseReason, day: date, reference: Reference) -> Step:
    """The case ends before it is known whether its plan stands again: a person sees what is made good.

    What has another creditor is theirs, as in a case that goes on.
    """
    plan = state.plan if state.status is FollowupStatus.BROKEN else None
    if plan is None or plan.doubted is None or reason is CloseReason.SOLD:
        return state, ()
    return problems.broken_in_a_stop(state, plan, day, reference.policies.in_force(plan.policy, day))


def _may_stand_again(state: FollowupState, plan: FollowedPlan) -> bool:
    """Whether nothing was built on the end of a plan: no offer that stands, no court, no money since.

    What was paid after it went where it would without a plan; what was sold is another's. Of an amendment
    that could be withdrawn from, the plan before it is not known any more.
    """
    built = state.offer_stands or state.referred_on is not None or plan.moved_since
    return not built and not plan.apart and not state.earlier and not set(plan.debts) & set(state.sold)


def _stands_again(state: FollowupState, plan: FollowedPlan, day: date, reference: Reference) -> Step:
    """Take the breach back: agreement tells the bank, and each instalment is looked at again."""
    policy = policy_of(plan, reference)
    review = review_days(day, policy) if plan.review_on <= day else {}
    stood = Pause(since=plan.ended_on or day, until=day)
    anew = {"doubted": None, "partly_stopped": False, "stood": stood}
    update = {"ended_on": None, "replay": True, **anew, **review}
    back = {"status": FollowupStatus.LIVE, "plan": plan.model_copy(update=update)}
    live, solved = problems.stands_again(state.model_copy(update=back), day)
    missing = summed(
        line.total - part.paid
        for line, part in zip(plan.lines, served_by(plan, state, day, policy), strict=True)
        if line.due <= day and part.reached is None
    )
    said = PlanReopened(
        agreement_id=plan.agreement_id,
        as_of=day,
        missing=tuple(one for one in missing if one.is_positive),
        reason=Reason(code=ReasonCode.BROKEN_IN_A_STOP),
    )
    live, told = to_tell(live, plan, problems.TELL_STANDS, day, policy)
    return live, (said, *solved, *told)


def reinstated(state: FollowupState, data: PlanReinstated, day: date, reference: Reference) -> Step | Reason:
    """Have a plan stand again that was left to a person, when nothing is built on its end any more.

    What was missed up to now is held against nobody, for its days are not known here; talks come first. It is
    of a day after the breach, whatever its own says: an end that is heard later ends nothing then.
    """
    plan = broken_since(state, date.min)
    left = any(problem.about in problems.TAKEN_BACK for problem in state.problems)
    if plan is None or plan.agreement_id != data.agreement_id or not left or plan.ended_on is None:
        return Reason(code=ReasonCode.PROBLEM_UNKNOWN)
    if not may_decide(reference, data.by, SUPERVISORS, day):
        return Reason(code=ReasonCode.NOT_ALLOWED_TO, params={"by": data.by})
    if not _may_stand_again(state, plan):
        return Reason(code=ReasonCode.PLAN_END_BUILT_ON)
    day = max(day, later(plan.ended_on, 1))
    live, said = _stands_again(state, plan, day, reference)
    stood = live.plan
    assert stood is not None  # noqa: S101 - narrows: it stands again
    first = min((line.due for line in stood.lines if line.state in UNPAID), default=day)
    if state.halted_on is not None:
        # What the stop that runs lets go on is not known here: as little as any does.
        halt = CaseHalt(stops=("contact", "interest"), plan_stands=False)
        noted = any(stop.since <= first and stop.until == date.max for stop in stood.stops)
        stood = stood if noted else with_past(stood, Pause(since=first, until=day))
        return live.model_copy(update={"plan": stopped(stood, halt, day)}), said
    again = live.model_copy(update={"plan": stood.model_copy(update={"talks_after": True})})
    return _goes_on(again, first, day, reference, said)
