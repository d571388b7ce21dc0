"""What stop events mean for what is followed: it is recorded, and not judged, until they are over. Pure.

A signed plan keeps its schedule. What falls due meanwhile and is not paid never counts towards a breach; no
promise is broken, and where contact is stopped no review is asked for. Afterwards the plan goes on; where
something was missed, where the pack says that it does not stand, or where a hardship was told meanwhile,
a new plan is talked about first. Of a plan that was broken on days of a stop that is told later the days are
noted, too: whether it stands again is known at the close of the day (`standing`).

A plan all of whose debts were sold binds the buyer, who is paid from then on: what does not arrive here is no
miss, and the borrower hears nothing from us. Of one that was sold in part see `sold`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from services.followup import problems
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
    ended_by,
    is_shielded,
    later,
    pause_until,
    review_late_on,
    talks_of,
)
from services.followup.sold import all_sold, without_sold
from services.followup.work import policy_of, served_by
from shared.contracts.base import Event, Reason
from shared.contracts.debts import DebtSnapshot, DebtStatus
from shared.contracts.followup import RenegotiationRequested
from shared.contracts.intake import StopsChanged
from shared.contracts.parties import CaseHalt
from shared.contracts.reasons import ReasonCode
from shared.policy.model import PolicyInForce
from shared.policy.reference import Reference

__all__ = [
    "after_sale",
    "after_stops",
    "bears_interest",
    "broken_since",
    "is_owed",
    "stopped",
    "talked_about",
    "talked_on",
    "talks",
    "with_past",
    "with_stops_of",
]

Step = tuple[FollowupState, tuple[Event, ...]]

# Stops of one plan that are remembered; documents do not grow.
_STOPS_KEPT = 30
_FREE = {"silent": False, "talks_after": False, "interest_rests": False}


def after_stops(state: FollowupState, data: StopsChanged, day: date, reference: Reference) -> Step:
    """Stand still while the case is halted, go on when it is not."""
    if state.status is FollowupStatus.CLOSED:
        return state, ()
    state, of_mistakes = _withdrawn(state, data, day, reference)
    state, before = _before_it_was_told(state, data, day, reference)
    after, said = _after_halt(state, data, day, reference)
    return after, (*of_mistakes, *before, *said)


def _withdrawn(state: FollowupState, data: StopsChanged, day: date, reference: Reference) -> Step:
    """A stop never was: no plan stands again by it any more, and one that does already is looked at.

    That stays in force: the bank was told, the borrower may rely on it, and what is owed of it is asked for.
    """
    plan, first = state.plan, min((stop.since for stop in data.mistaken), default=date.max)
    if plan is None or not any(set(stop.debts) & set(plan.debts) for stop in data.mistaken):
        return state, ()
    if state.status is FollowupStatus.LIVE and plan.stood is not None and first <= plan.stood.since:
        return problems.by_a_mistake(state, plan, day, reference.policies.in_force(plan.policy, day))
    if state.status is not FollowupStatus.BROKEN or plan.doubted is None:
        return state, ()
    # What else stops the case is looked at as if it were told now.
    noted = tuple(stop for stop in plan.stops if stop.until < plan.doubted.since)
    plan = plan.model_copy(update={"doubted": None, "stops": noted, **_FREE})
    halted_on = None if data.halt is not None else state.halted_on
    return state.model_copy(update={"plan": plan, "halted_on": halted_on}), ()


def _after_halt(state: FollowupState, data: StopsChanged, day: date, reference: Reference) -> Step:
    if data.halt is not None:
        since = min(data.halt.since or day, day)
        known = state.halted_on is not None and state.halted_on <= since
        halted, said = (state, ()) if known else _halted(state, since, date.max, day, reference)
        plan = _noted_on(halted)
        if plan is None:
            return halted, said
        return halted.model_copy(update={"plan": stopped(plan, data.halt, since)}), said
    plan = state.plan if state.status is FollowupStatus.LIVE else None
    if state.halted_on is None:
        return state, ()
    stood = (day - state.halted_on).days
    promises = tuple(_later(promise, stood) for promise in state.promises)
    update = {"halted_on": None, "promises": promises, "earlier": _earlier(state, stood, day, reference)}
    after = without_attempt_of(state.model_copy(update=update), day)
    broke = broken_since(state, state.halted_on)
    done = state.plan if state.status is FollowupStatus.COMPLETED else None
    if done is not None:
        return after.model_copy(update={"plan": _over(done, day).model_copy(update=_FREE)}), ()
    if broke is not None:
        after = after.model_copy(update={"plan": _over(broke, day)})
        return after, () if broke.doubted is not None or data.mistaken else (talks(broke, day),)
    if plan is None or all_sold(after, plan):
        return after, ()
    goes_on, said = _goes_on(after, plan, day, reference)
    after = after.model_copy(update={"plan": goes_on})
    since = goes_on.stops[-1].since if goes_on is not plan else day
    if not plan.interest_rests or since >= day or not bears_interest(plan, since):
        return after, said
    # Nobody may be asked for it: what was paid of it, and what is still to be paid, a person works out.
    policy = reference.policies.in_force(plan.policy, day)
    after, opened = problems.interest_of_a_stop(after, since, day, policy)
    return after, (*said, *opened)


def bears_interest(plan: FollowedPlan, since: date) -> bool:
    """Whether an instalment due after `since` holds interest, as far as the agreement says."""
    return any(line.due > since and line.interest is not None and line.interest.is_positive
               for line in plan.lines)  # fmt: skip


def _before_it_was_told(state: FollowupState, data: StopsChanged, day: date, reference: Reference) -> Step:
    """Look at a halt that was over when it was told, and at a plan that broke with a debt of it stopped."""
    past = data.past
    if past is not None and past.since is not None and past.until is not None:
        return _had_halted(state, past, past.since, past.until, day, reference)
    plan = broken_since(state, min((stop.since for stop in data.stops), default=date.max))
    if plan is None or plan.ended_on is None or plan.partly_stopped:
        return state, ()
    if data.halt is not None and (data.halt.since or day) <= plan.ended_on:
        return state, ()  # all of it was stopped then
    policy = reference.policies.in_force(plan.policy, day)
    if not any(
        stop.party_id is None and stop.since <= plan.ended_on
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
    plan = _noted_on(after)
    if plan is None or plan.completed or all_sold(after, plan):
        return after, said
    over = Pause(since=since, until=until)
    plan = with_past(plan, over)
    if plan.doubted is not None:
        halted_by = {
            "talks_after": plan.talks_after or not past.plan_stands,
            "interest_rests": plan.interest_rests or "interest" in past.stops,
        }
        return after.model_copy(update={"plan": plan.model_copy(update=halted_by)}), said
    owing = not past.plan_stands or is_owed(after, plan, over, day, reference)
    policy = reference.policies.in_force(plan.policy, day)
    if "interest" in past.stops and until > plan.effective and bears_interest(plan, since):
        after, opened = problems.interest_of_a_stop(after, since, day, policy)
        said = (*said, *opened)
    if state.halted_on is not None:  # talks begin when the one that runs is over
        plan = plan.model_copy(update={"talks_after": plan.talks_after or owing})
        return after.model_copy(update={"plan": plan}), said
    if not owing:
        return after.model_copy(update={"plan": talked_on(plan, over)}), said
    return after.model_copy(update={"plan": talked_about(plan, day, policy)}), (*said, talks(plan, day))


def _halted(state: FollowupState, since: date, until: date, day: date, reference: Reference) -> Step:
    """Stand still from the day on which the halt began, though it is told later.

    A promise that was broken meanwhile is open again. What led nowhere is no ground to refer the case, and a
    referral is held. A plan that was broken meanwhile is looked at again, once its day is over.
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
    broke = broken_since(halted, since)
    if broke is None or until < broke.effective:
        return halted, said
    before = broke.doubted
    if before is None and _is_known(state, broke):
        return halted, said
    doubted = Pause(since=since, until=day)
    if before is not None:
        doubted = Pause(since=min(since, before.since), until=max(day, before.until))
    return halted.model_copy(update={"plan": broke.model_copy(update={"doubted": doubted})}), said


def _is_known(state: FollowupState, broke: FollowedPlan) -> bool:
    """Whether a stop that runs, and had been told, holds the day on which the plan was broken."""
    return state.halted_on is not None and broke.ended_on is not None and state.halted_on <= broke.ended_on


def _noted_on(state: FollowupState) -> FollowedPlan | None:
    """Give the plan on which stops are noted: it is followed, or may stand again.

    So may one that was completed, by a payment that comes back, in the stop or after it.
    """
    plan = state.plan
    doubted = plan is not None and plan.doubted is not None and state.status is FollowupStatus.BROKEN
    followed = state.status in {FollowupStatus.LIVE, FollowupStatus.COMPLETED}
    return plan if doubted or followed else None


def _over(plan: FollowedPlan, day: date) -> FollowedPlan:
    """Note on a plan that has ended that the stop which was told since is over."""
    if not plan.stops or plan.stops[-1].until < date.max:
        return plan
    over = plan.stops[-1].model_copy(update={"until": day})
    return plan.model_copy(update={"stops": (*plan.stops[:-1], over), "silent": False})


def with_past(plan: FollowedPlan, over: Pause) -> FollowedPlan:
    """Remember a stop that is over, before one that runs; what was judged in it is judged anew."""
    in_order = sorted((*plan.stops, over), key=lambda stop: (stop.until == date.max, stop.since))
    stops = tuple(in_order)[-_STOPS_KEPT:]
    return plan.model_copy(update={"stops": stops, "replay": True})


def with_stops_of(state: FollowupState, plan: FollowedPlan, over: Sequence[FollowedPlan]) -> FollowedPlan:
    """Give a plan that comes back with the stops noted on those in its place: it rests in them, too.

    One that ended meanwhile has ended for it, from when on its days do not count for that already.
    """
    noted = (*plan.stops, *(stop for one in over for stop in one.stops))
    past = [stop for stop in noted if stop.until < date.max]
    since = min((stop.since for stop in noted if stop.until == date.max), default=None)
    free = state.halted_on is None and not all_sold(state, plan)
    if since is not None:
        past.append(Pause(since=since, until=over[0].effective if free else date.max))
    in_order = sorted(past, key=lambda stop: (stop.until == date.max, stop.since))
    rests = {name: any(getattr(one, name) for one in (plan, *over)) for name in _FREE}
    update = {"stops": tuple(in_order)[-_STOPS_KEPT:], **(_FREE if free else rests)}
    return plan.model_copy(update=update)


def broken_since(state: FollowupState, since: date) -> FollowedPlan | None:
    """Give the plan that was broken on a day or later, where it is still owed here."""
    plan = state.plan if state.status is FollowupStatus.BROKEN else None
    if plan is None or plan.ended_on is None or plan.ended_on < since or all_sold(state, plan):
        return None
    return plan


def talks(plan: FollowedPlan, day: date) -> RenegotiationRequested:
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
    return after.model_copy(update={"plan": stopped(plan, halt, day)})


def stopped(plan: FollowedPlan, halt: CaseHalt, since: date) -> FollowedPlan:
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
    owing = is_owed(state, plan, over, day, reference)
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
        return talked_on(after, over), ()
    return talked_about(after, day, policy), (talks(plan, day),)


def is_owed(state: FollowupState, plan: FollowedPlan, over: Pause, day: date, reference: Reference) -> bool:
    """Whether an instalment was missed in a stop; of a plan that stands again not all are judged yet."""
    served = served_by(plan, state, day, policy_of(plan, reference))
    return any(
        line.state in UNPAID or (line.state is LineState.DUE and line.due < day and part.reached is None)
        for line, part in zip(plan.lines, served, strict=True)
        if is_shielded(line, (over,))
    )


def talked_about(plan: FollowedPlan, day: date, policy: PolicyInForce) -> FollowedPlan:
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


def talked_on(plan: FollowedPlan, over: Pause) -> FollowedPlan:
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
