"""What stop events mean for what is followed: it is recorded, and not judged, until they are over. Pure.

A signed plan keeps its schedule. What falls due meanwhile and is not paid never counts towards a breach; no
promise is broken, and where contact is stopped no review is asked for. Afterwards the plan goes on; where
something was missed, where the pack says that it does not stand, or where a hardship was told meanwhile,
a new plan is talked about first. A plan that was broken on days of a stop that is told later stands again as
if that had been known, unless something has been built on its end since: then a person sees to it.

A plan all of whose debts were sold binds the buyer, who is paid from then on: what does not arrive here is no
miss, and the borrower hears nothing from us. Of one that was sold in part see `sold`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from services.followup import problems
from services.followup.co_borrowers import to_tell
from services.followup.model import (
    Earlier,
    FollowedPlan,
    FollowupState,
    FollowupStatus,
    LineState,
    Pause,
    Promise,
    PromiseState,
)
from services.followup.referral import held_by_a_stop, without_attempt_of, without_grounds_since
from services.followup.rules import (
    UNPAID,
    breaks,
    ended_by,
    is_shielded,
    later,
    pause_until,
    review_days,
    review_late_on,
    summed,
    talks_of,
)
from services.followup.sold import all_sold, without_sold
from services.followup.work import policy_of, served_by
from shared.contracts.base import Event, Reason
from shared.contracts.debts import DebtSnapshot, DebtStatus
from shared.contracts.departures import may_decide
from shared.contracts.desk_care import PlanReinstated
from shared.contracts.followup import RenegotiationRequested
from shared.contracts.followup_care import PlanReopened
from shared.contracts.intake import StopsChanged
from shared.contracts.parties import CaseHalt
from shared.contracts.reasons import ReasonCode
from shared.policy.model import PolicyInForce
from shared.policy.reference import Reference
from shared.policy.roster import SUPERVISORS

__all__ = ["after_sale", "after_stops", "reinstated"]

Step = tuple[FollowupState, tuple[Event, ...]]

# Stops of one plan that are remembered; documents do not grow.
_STOPS_KEPT = 30


def after_stops(state: FollowupState, data: StopsChanged, day: date, reference: Reference) -> Step:
    """Stand still while the case is halted, go on when it is not."""
    if state.status is FollowupStatus.CLOSED:
        return state, ()
    state, before = _before_it_was_told(state, data, day, reference)
    after, said = _after_halt(state, data, day, reference)
    return after, (*before, *said)


def _after_halt(state: FollowupState, data: StopsChanged, day: date, reference: Reference) -> Step:
    if data.halt is not None:
        since = min(data.halt.since or day, day)
        known = state.halted_on is not None and state.halted_on <= since
        halted, said = (state, ()) if known else _halted(state, since, date.max, day, reference)
        plan = halted.plan if halted.status is FollowupStatus.LIVE else None
        if plan is None:
            return halted, said
        return halted.model_copy(update={"plan": _stopped(plan, data.halt, since)}), said
    plan = state.plan if state.status is FollowupStatus.LIVE else None
    if state.halted_on is None:
        return state, ()
    stood = (day - state.halted_on).days
    promises = tuple(_later(promise, stood) for promise in state.promises)
    update = {"halted_on": None, "promises": promises, "earlier": _earlier(state, stood, day, reference)}
    after = without_attempt_of(state.model_copy(update=update), day)
    broke = _broken_since(state, state.halted_on)
    if broke is not None:
        return after, (_talks(broke, day),)
    if plan is None or all_sold(after, plan):
        return after, ()
    goes_on, said = _goes_on(after, plan, day, reference)
    after = after.model_copy(update={"plan": goes_on})
    since = goes_on.stops[-1].since if goes_on is not plan else day
    if not plan.interest_rests or since >= day or not _bears_interest(plan, since):
        return after, said
    # Nobody may be asked for it: what was paid of it, and what is still to be paid, a person works out.
    policy = reference.policies.in_force(plan.policy, day)
    after, opened = problems.interest_of_a_stop(after, since, day, policy)
    return after, (*said, *opened)


def _bears_interest(plan: FollowedPlan, since: date) -> bool:
    """Whether an instalment due after `since` holds interest, as far as the agreement says."""
    return any(line.due > since and line.interest is not None and line.interest.is_positive
               for line in plan.lines)  # fmt: skip


def _before_it_was_told(state: FollowupState, data: StopsChanged, day: date, reference: Reference) -> Step:
    """Look at a halt that was over when it was told, and at a plan that broke with a debt of it stopped."""
    past = data.past
    if past is not None and past.since is not None and past.until is not None:
        return _had_halted(state, past, past.since, past.until, day, reference)
    plan = _broken_since(state, min((stop.since for stop in data.stops), default=date.max))
    if plan is None or plan.partly_stopped or data.halt is not None:
        return state, ()
    policy = reference.policies.in_force(plan.policy, day)
    if not any(
        stop.party_id is None and plan.ended_on is not None and stop.since <= plan.ended_on
        for stop in data.stops
        if set(stop.debts) & set(plan.debts)
    ):
        return state, ()
    known = state.model_copy(update={"plan": plan.model_copy(update={"partly_stopped": True})})
    return problems.broken_in_a_stop(known, plan, day, policy)


def _had_halted(
    state: FollowupState, past: CaseHalt, since: date, until: date, day: date, reference: Reference
) -> Step:
    """No day of it counts; talks come first where something was missed in it, as after any other."""
    if state.halted_on is not None and state.halted_on <= since:
        return state, ()
    halted, said = _halted(state, since, until, day, reference)
    promises = tuple(_later(promise, (until - since).days) for promise in halted.promises)
    after = halted.model_copy(update={"halted_on": state.halted_on, "promises": promises})
    broke = _broken_since(after, since)
    if broke is not None:
        return after, said if state.halted_on is not None else (*said, _talks(broke, day))
    plan = after.plan if after.status is FollowupStatus.LIVE else None
    if plan is None or all_sold(after, plan):
        return after, said
    # Nobody was asked for anything while it was taken for broken.
    over = Pause(since=since, until=until if state.status is FollowupStatus.LIVE else day)
    plan = _with_past(plan, over)
    owing = not past.plan_stands or _is_owed(after, plan, over, day, reference)
    policy = reference.policies.in_force(plan.policy, day)
    if "interest" in past.stops and until > plan.effective and _bears_interest(plan, since):
        after, opened = problems.interest_of_a_stop(after, since, day, policy)
        said = (*said, *opened)
    if state.halted_on is not None:  # talks begin when the one that runs is over
        plan = plan.model_copy(update={"talks_after": plan.talks_after or owing})
        return after.model_copy(update={"plan": plan}), said
    if not owing:
        return after.model_copy(update={"plan": _talked_on(plan, over)}), said
    return after.model_copy(update={"plan": _talked_about(plan, day, policy)}), (*said, _talks(plan, day))


def _halted(state: FollowupState, since: date, until: date, day: date, reference: Reference) -> Step:
    """Stand still from the day on which the halt began, though it is told later.

    A promise that was broken meanwhile is open again. What led nowhere is no ground to refer the case, and a
    referral is held. A plan that was broken meanwhile stands again, or somebody is to see to it.
    """
    back = [
        promise.state is PromiseState.BROKEN and promise.until >= since and not promise.shielded
        for promise in state.promises
    ]
    promises = tuple(
        promise.model_copy(update={"state": PromiseState.OPEN}) if again else promise
        for promise, again in zip(state.promises, back, strict=True)
    )
    update = {"halted_on": since, "promises": promises, "promises_broken": state.promises_broken - sum(back)}
    halted = without_attempt_of(without_grounds_since(state.model_copy(update=update), since), day)
    halted, said = held_by_a_stop(halted, since, day, reference)
    broke = _broken_since(halted, since)
    if broke is None or (state.halted_on is not None and _broken_since(halted, state.halted_on) is not None):
        return halted, said
    if _may_stand_again(halted, broke) and not _breaks_all_the_same(broke, since, until, reference):
        halted, again = _stands_again(halted, broke, day, reference)
        return halted, (*said, *again)
    policy = reference.policies.in_force(broke.policy, day)
    halted, opened = problems.broken_in_a_stop(halted, broke, day, policy)
    return halted, (*said, *opened)


def _breaks_all_the_same(plan: FollowedPlan, since: date, until: date, reference: Reference) -> bool:
    """Whether what is no miss of a stop that was over would have broken it on the same day."""
    stops = (*plan.stops, Pause(since=since, until=until))
    on = plan.ended_on or date.max
    return breaks(plan.model_copy(update={"stops": stops}), on, policy_of(plan, reference))


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
    update = {"ended_on": None, "replay": True, **review}
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

    What was missed up to now is held against nobody, for its days are not known here; talks come first.
    """
    plan = _broken_since(state, date.min)
    left = any(problem.about == problems.BROKEN_IN_A_STOP for problem in state.problems)
    if plan is None or plan.agreement_id != data.agreement_id or not left:
        return Reason(code=ReasonCode.PROBLEM_UNKNOWN)
    if not may_decide(reference, data.by, SUPERVISORS, day):
        return Reason(code=ReasonCode.NOT_ALLOWED_TO, params={"by": data.by})
    if not _may_stand_again(state, plan):
        return Reason(code=ReasonCode.PLAN_END_BUILT_ON)
    live, said = _stands_again(state, plan, day, reference)
    stood = live.plan
    assert stood is not None  # noqa: S101 - narrows: it stands again
    first = min((line.due for line in stood.lines if line.state in UNPAID), default=day)
    stood = _with_past(stood, Pause(since=first, until=day))
    if state.halted_on is not None:
        # What the stop that runs lets go on is not known here: as little as any does.
        halt = CaseHalt(stops=("contact", "interest"), plan_stands=False)
        return live.model_copy(update={"plan": _stopped(stood, halt, day)}), said
    talked = _talked_about(stood, day, policy_of(stood, reference, day))
    return live.model_copy(update={"plan": talked}), (*said, _talks(stood, day))


def _with_past(plan: FollowedPlan, over: Pause) -> FollowedPlan:
    """Remember a stop that is over when it is told; what was judged in it is judged anew."""
    stops = tuple(sorted((*plan.stops, over), key=lambda stop: stop.since))[-_STOPS_KEPT:]
    return plan.model_copy(update={"stops": stops, "replay": True})


def _broken_since(state: FollowupState, since: date) -> FollowedPlan | None:
    """Give the plan that was broken on a day or later, where it is still owed here."""
    plan = state.plan if state.status is FollowupStatus.BROKEN else None
    if plan is None or plan.ended_on is None or plan.ended_on < since or all_sold(state, plan):
        return None
    return plan


def _talks(plan: FollowedPlan, day: date) -> RenegotiationRequested:
    reason = Reason(code=ReasonCode.STOP_ENDED)
    return RenegotiationRequested(agreement_id=plan.agreement_id, as_of=day, reasons=(reason,))


def after_sale(
    state: FollowupState, debts: Iterable[DebtSnapshot], day: date, reference: Reference
) -> FollowupState:
    """Note which debts have another creditor now; nothing of them is judged here any more."""
    sold = tuple(debt.debt_id for debt in debts if debt.status is DebtStatus.SOLD)
    plan = state.plan if state.status is FollowupStatus.LIVE else None
    after = state if sold == state.sold else state.model_copy(update={"sold": sold})
    if plan is None or not all_sold(after, plan):
        return without_sold(after, day, reference)
    if all_sold(state, plan):
        return after
    row = reference.policies.in_force(plan.policy, day).stop_events.sold
    halt = CaseHalt(stops=row.stops, may_contact=row.may_contact, plan_stands=row.plan_stands)
    return after.model_copy(update={"plan": _stopped(plan, halt, day)})


def _stopped(plan: FollowedPlan, halt: CaseHalt, since: date) -> FollowedPlan:
    before = plan.stops
    if before and before[-1].until == date.max:
        before, since = before[:-1], min(since, before[-1].since)
    if before:
        since = max(since, later(before[-1].until, 1))
    stops = (*before, Pause(since=since, until=date.max))[-_STOPS_KEPT:]
    update = {
        "stops": stops,
        "silent": "contact" in halt.stops,
        "talks_after": plan.talks_after or not halt.plan_stands,
        "interest_rests": plan.interest_rests or "interest" in halt.stops,
        "replay": True,  # a notice of breach is void at the close of this day
    }
    return plan.model_copy(update=update)


def _goes_on(
    state: FollowupState, plan: FollowedPlan, day: date, reference: Reference
) -> tuple[FollowedPlan, tuple[Event, ...]]:
    if not plan.stops or plan.stops[-1].until < date.max:
        return plan, ()
    policy = reference.policies.in_force(plan.policy, day)
    over = plan.stops[-1].model_copy(update={"until": day})
    owing = _is_owed(state, plan, over, day, reference)
    late = review_late_on(day, policy) if plan.review_late_on is not None else None
    update = {
        "stops": (*plan.stops[:-1], over),
        "silent": False,
        "talks_after": False,
        "interest_rests": False,
        "replay": True,
        "review_late_on": late,
    }
    after = plan.model_copy(update=update)
    if not owing and not plan.talks_after:
        return _talked_on(after, over), ()
    return _talked_about(after, day, policy), (_talks(plan, day),)


def _is_owed(state: FollowupState, plan: FollowedPlan, over: Pause, day: date, reference: Reference) -> bool:
    """Whether an instalment was missed in a stop; of a plan that stands again not all are judged yet."""
    served = served_by(plan, state, day, policy_of(plan, reference))
    return any(
        line.state in UNPAID or (line.state is LineState.DUE and line.due < day and part.reached is None)
        for line, part in zip(plan.lines, served, strict=True)
        if is_shielded(line, (over,))
    )


def _talked_about(plan: FollowedPlan, day: date, policy: PolicyInForce) -> FollowedPlan:
    resting = plan.paused_until == date.max
    before = ended_by(plan.pauses if resting else talks_of(plan)[-_STOPS_KEPT:], day)
    stopped = plan.stops[-1].since if plan.stops else day
    talks = {
        "pauses": before,
        "paused_from": day,
        "paused_until": pause_until(day, policy),
        "pause_left": 0,
        "unreported": plan.told_on is None or plan.told_on < stopped,
    }
    return plan.model_copy(update=talks)


def _talked_on(plan: FollowedPlan, over: Pause) -> FollowedPlan:
    """Talks that a report of hardship had led to rested, too: they protect for the days that were left.

    Those that ended meanwhile have kept their days for a next round (`pause_left`).
    """
    began, until = plan.paused_from, plan.paused_until
    if began is None or until is None or until == date.max or plan.pause_left:
        return plan
    first = max(began, over.since)
    if not first <= min(until, over.until):
        return plan
    return plan.model_copy(update={"paused_until": later(until, (over.until - first).days)})


def _earlier(state: FollowupState, stood: int, day: date, reference: Reference) -> tuple[Earlier, ...]:
    """The days to withdraw from an amendment stood still, where the pack says so."""
    if state.policy is None or state.halted_on is None:
        return state.earlier
    if not reference.policies.in_force(state.policy, day).cooling_off.stands_still_when_stopped:
        return state.earlier
    return tuple(
        one.model_copy(update={"until": later(one.until, stood)})
        if one.until is not None and one.until >= state.halted_on
        else one
        for one in state.earlier
    )


def _later(promise: Promise, days: int) -> Promise:
    """The time to keep a promise stood still, too."""
    if promise.state is not PromiseState.OPEN:
        return promise
    try:
        return promise.model_copy(update={"until": promise.until + timedelta(days=days)})
    except OverflowError:
        return promise.model_copy(update={"until": date.max})
