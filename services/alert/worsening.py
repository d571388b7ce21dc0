"""Slow worsening of a plan that is still kept (R62): an early alert, before anything is missed. Pure.

Instalments paid later and later after their due dates though within grace, parts paid by the due date that
grow smaller, contacts that nobody answers any more: the pack says which of these rules hold, and from how
many in a row on. A talk is the remedy and starts nothing anew but the count of contacts: what worsens after
it is said again. What was missed, broken or told as a hardship has its own remedy and takes the place of
this one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from services.alert.model import AlertState, Paying, WatchedPlan
from services.alert.raising import Step, raise_alert, resolve
from shared.contracts import agreement, desk, followup, followup_care
from shared.contracts.alert import AlertKind
from shared.contracts.base import Event, Reason
from shared.contracts.envelope import Envelope
from shared.contracts.reasons import ReasonCode
from shared.policy.model import PolicyInForce
from shared.policy.reference import Reference

__all__ = ["OF_WORSENING", "note"]

_KIND = AlertKind.SLOW_WORSENING
_GRAVER = (AlertKind.INSTALMENT_MISSED, AlertKind.PLAN_BROKEN)
_WHOLE = 1000  # a share is told per mille
# Instalments of one plan that are remembered, in all its currencies; far above what a rule asks for.
_KEPT = 60


def note(state: AlertState, message: Envelope[Any], reference: Reference) -> Step:
    """Take note of how the plan is paid and whether the borrower answers; raise or end the early alert."""
    handler = OF_WORSENING.get(type(message.data))
    policy = reference.policies.in_force(state.policy, message.day)
    return (state, ()) if handler is None else handler(state, message, policy)


# --- what is noted


def _started(
    state: AlertState,
    message: Envelope[followup.PlanStarted] | Envelope[followup_care.PlanReopened],
    _: PolicyInForce,
) -> Step:
    """A plan is watched from the day after its start: how it is paid says nothing of the one before."""
    watched = WatchedPlan(agreement_id=message.data.agreement_id, since=message.day)
    return resolve(
        state.model_copy(update={"watched": watched}), _KIND, message.day, ReasonCode.PLAN_SUPERSEDED
    )


def _over(state: AlertState, message: Envelope[Any], _: PolicyInForce) -> Step:
    """The plan is broken, completed or withdrawn from: there is nothing to watch."""
    if state.watched is None or state.watched.agreement_id != message.data.agreement_id:
        return state, ()
    if isinstance(message.data, agreement.AgreementEnded) and message.data.as_of < state.watched.since:
        return state, ()  # an end that is undone, heard later by another topic
    return resolve(state.model_copy(update={"watched": None}), _KIND, message.day, ReasonCode.PLAN_SUPERSEDED)


def _not_all(
    state: AlertState,
    message: Envelope[followup.InstalmentPartial] | Envelope[followup.InstalmentLate],
    policy: PolicyInForce,
) -> Step:
    """The due day has closed with a part of it, or with nothing."""
    data = message.data
    share = data.paid.minor * _WHOLE // data.total.minor if data.total.minor else _WHOLE
    return _look(_with(state, data, share=share), message, policy)


def _paid(state: AlertState, message: Envelope[followup.InstalmentPaid], policy: PolicyInForce) -> Step:
    """All of it is there. What was late while a new plan was talked about says nothing."""
    data = message.data
    if data.shielded or data.shielded_days:
        return _without(state, data), ()
    return _look(_with(state, data, days=max((data.on - data.due).days, 0)), message, policy)


def _missed(state: AlertState, message: Envelope[followup.InstalmentMissed], _: PolicyInForce) -> Step:
    """Now it is missed: its own alert takes the place of the early one, and what comes is counted anew."""
    return resolve(_without(state, message.data), _KIND, message.day, ReasonCode.INSTALMENT_MISSED)


def _corrected(state: AlertState, message: Envelope[followup.InstalmentCorrected], _: PolicyInForce) -> Step:
    """What was concluded has changed; how it was paid is not known any more."""
    return _without(state, message.data), ()


def _talks(state: AlertState, message: Envelope[followup.RenegotiationRequested], _: PolicyInForce) -> Step:
    """A new plan is talked about: what an alert would lead to."""
    if state.watched is None:
        return state, ()
    watched = state.watched.model_copy(update={"paying": (), "unanswered": 0})
    now = state.model_copy(update={"watched": watched})
    return resolve(now, _KIND, message.day, ReasonCode.NEW_TALKS_BEGUN)


def _contact(state: AlertState, message: Envelope[desk.ContactRecorded], policy: PolicyInForce) -> Step:
    """Who is talked to answers. A talk of the day of the alert itself may have been before it."""
    data, watched = message.data, state.watched
    if watched is None or message.day <= watched.since or data.with_another:
        return state, ()
    if data.direction is desk.ContactDirection.INBOUND or data.outcome is desk.ContactOutcome.TALKED:
        state = state.model_copy(update={"watched": watched.model_copy(update={"unanswered": 0})})
        alert = state.open(_KIND)
        if alert is None or alert.raised_on >= message.day:
            return state, ()
        return resolve(state, _KIND, message.day, ReasonCode.CONTACT_MADE)
    if data.outcome is not desk.ContactOutcome.NO_ANSWER:
        return state, ()
    more = watched.model_copy(update={"unanswered": watched.unanswered + 1})
    return _look(state.model_copy(update={"watched": more}), message, policy)


# --- what follows


def _look(state: AlertState, message: Envelope[Any], policy: PolicyInForce) -> Step:
    """Raise the alert where a rule of the pack holds; where none does any more, it is over."""
    if state.watched is None:
        return state, ()
    found = [
        Reason(code=code, params={"count": str(count)})
        for rule in policy.alert.early
        if (count := (named := _RULES[rule.rule])[1](state.watched)) >= rule.in_a_row
        for code in (named[0],)
    ]
    if not found:
        return resolve(state, _KIND, message.day, ReasonCode.CAUGHT_UP)
    if state.missed or any(state.open(kind) is not None for kind in _GRAVER):
        return state, ()
    return raise_alert(state, _KIND, found[0].code.value, message.day, policy, *found, cause=message.id)


def _paid_later(plan: WatchedPlan) -> int:
    """How many instalments in a row, up to the latest, were each paid later than the one before."""
    return _run([one for one in plan.paying if one.days is not None], _is_later)


def _paid_less(plan: WatchedPlan) -> int:
    """Of how many in a row the part that was there when the due day closed was smaller than before."""
    return _run(plan.paying, _is_less)


def _is_later(before: Paying, now: Paying) -> bool:
    return before.days is not None and now.days is not None and now.days > before.days


def _is_less(before: Paying, now: Paying) -> bool:
    return 0 < now.share < before.share


def _run(paying: Sequence[Paying], worse: Callable[[Paying, Paying], bool]) -> int:
    """Give the longest run, over the currencies of the plan, that reaches up to the latest instalment."""
    runs = [0]
    for currency in {one.currency for one in paying}:
        rows = sorted((one for one in paying if one.currency == currency), key=lambda one: one.number)
        run = 0
        for before, now in pairwise(rows):
            run = run + 1 if now.number == before.number + 1 and worse(before, now) else 0
        runs.append(run)
    return max(runs)


_RULES: dict[str, tuple[ReasonCode, Callable[[WatchedPlan], int]]] = {
    "paid_later": (ReasonCode.PAID_LATER_EACH_TIME, _paid_later),
    "paid_less": (ReasonCode.PAID_LESS_EACH_TIME, _paid_less),
    "unanswered": (ReasonCode.ATTEMPTS_UNANSWERED, lambda plan: plan.unanswered),
}


def _with(state: AlertState, data: Any, **known: int) -> AlertState:
    """Put what is known of an instalment of the watched plan in its place."""
    plan = state.watched
    if plan is None or plan.agreement_id != data.agreement_id:
        return state
    at = (data.number, data.total.currency)
    rows = {(one.number, one.currency): one for one in plan.paying}
    row = rows.pop(at, None) or Paying(number=data.number, currency=data.total.currency)
    rows[at] = row.model_copy(update=known)
    kept = tuple(rows[key] for key in sorted(rows))[-_KEPT:]
    return state.model_copy(update={"watched": plan.model_copy(update={"paying": kept})})


def _without(state: AlertState, data: Any) -> AlertState:
    plan = state.watched
    if plan is None or plan.agreement_id != data.agreement_id:
        return state
    at = (data.number, data.total.currency)
    kept = tuple(one for one in plan.paying if (one.number, one.currency) != at)
    return state.model_copy(update={"watched": plan.model_copy(update={"paying": kept})})


OF_WORSENING: dict[type[Event], Callable[[AlertState, Envelope[Any], PolicyInForce], Step]] = {
    followup.PlanStarted: _started,
    followup_care.PlanReopened: _started,
    followup.PlanBroken: _over,
    followup.PlanCompleted: _over,
    agreement.AgreementEnded: _over,
    followup.InstalmentPartial: _not_all,
    followup.InstalmentLate: _not_all,
    followup.InstalmentPaid: _paid,
    followup.InstalmentMissed: _missed,
    followup.InstalmentCorrected: _corrected,
    followup.RenegotiationRequested: _talks,
    desk.ContactRecorded: _contact,
}
"""What this module takes note of."""
