"""One alert: raised with its remedy, escalated, resolved; each once. Pure."""

from collections.abc import Collection, Sequence
from datetime import date
from types import EllipsisType

from services.alert.model import AlertState, Dated, OpenAlert
from services.alert.rules import remedy_due
from shared.contracts.alert import (
    AlertEscalated,
    AlertKind,
    AlertRaised,
    AlertResolved,
    AlertSeverity,
    RemedyStarted,
)
from shared.contracts.alert_steps import StepCaughtUp
from shared.contracts.base import Event, Reason
from shared.contracts.ids import derive_id
from shared.contracts.reasons import ReasonCode
from shared.policy.model import PolicyInForce

__all__ = [
    "PRESSING",
    "Step",
    "caught_up",
    "escalate",
    "raise_alert",
    "raise_step",
    "resolve",
    "resolve_all",
    "rest",
]

Step = tuple[AlertState, tuple[Event, ...]]

PRESSING = frozenset(
    {
        AlertKind.INSTALMENT_MISSED,
        AlertKind.PROMISE_BROKEN,
        AlertKind.BORROWER_SILENT,
        AlertKind.PLAN_BROKEN,
        AlertKind.SLOW_WORSENING,
    }
)
"""Alerts whose remedy asks the borrower for money or an answer; none of them while stops halt a case."""


def raise_alert(
    state: AlertState,
    kind: AlertKind,
    about: str,
    day: date,
    policy: PolicyInForce,
    *reasons: Reason,
    cause: str,
    owner: str | EllipsisType | None = ...,
) -> Step:
    """Raise an alert and start its remedy at once (R63); whose it is, where not who owns the case.

    While one of its kind is open, a further cause joins it; a kind that the pack has no rule for is no alert.
    """
    rule = policy.alert_rule(kind.value)
    if rule is None or state.open(kind) is not None or (state.halted and kind in PRESSING):
        return state, ()
    alert = OpenAlert(
        alert_id=derive_id("alert", state.case, kind.value, cause),
        kind=kind,
        about=about,
        raised_on=day,
        remedy=rule.remedy,
        remedy_due=remedy_due(day, rule.business_days, policy),
        escalate_to=rule.escalate_to,
    )
    raised = AlertRaised(
        alert_id=alert.alert_id,
        kind=kind,
        severity=AlertSeverity(rule.severity.value),
        about=about,
        raised_on=day,
        remedy=rule.remedy,
        owner_role=rule.owner_role,
        reasons=reasons,
        owner=state.owner if isinstance(owner, EllipsisType) else owner,
    )
    started = RemedyStarted(alert_id=alert.alert_id, remedy=rule.remedy, due=alert.remedy_due)
    return state.with_alerts((*state.alerts, alert)), (raised, started)


def raise_step(
    state: AlertState,
    name: str,
    due: date,
    day: date,
    policy: PolicyInForce,
    owner: str | EllipsisType | None = ...,
) -> Step:
    """Raise the alert of a step of the timetable that was not done by its last day."""
    reason = Reason(code=ReasonCode.STEP_OVERDUE, params={"step": name, "due": due.isoformat()})
    cause = f"{name}/{due.isoformat()}"
    return raise_alert(state, AlertKind.STEP_OVERDUE, name, day, policy, reason, cause=cause, owner=owner)


def resolve(state: AlertState, kind: AlertKind, day: date, code: ReasonCode) -> Step:
    """Resolve the open alert of a kind, if there is one."""
    alert = state.open(kind)
    if alert is None:
        return state, ()
    days = max((day - alert.raised_on).days, 0)
    resolved = AlertResolved(alert_id=alert.alert_id, as_of=day, reason=Reason(code=code), days=days)
    return state.without(alert, day), (resolved,)


def caught_up(state: AlertState, name: str, done: Sequence[Dated], on: date) -> Step:
    """Say which of those that are done now were late; with the last late one of the case its alert ends."""
    late = [one for one in done if one.overdue]
    said: tuple[Event, ...] = tuple(
        StepCaughtUp(step=name, due=one.due, as_of=on, still_overdue=state.late) for one in late
    )
    if not late or state.late:
        return state, said
    state, resolved = resolve(state, AlertKind.STEP_OVERDUE, on, ReasonCode.STEP_DONE)
    return state, (*said, *resolved)


def resolve_all(state: AlertState, day: date, code: ReasonCode, kept: Collection[AlertKind] = ()) -> Step:
    """Resolve everything that is open, but what is `kept`."""
    said: tuple[Event, ...] = ()
    for kind in AlertKind:
        if kind in kept:
            continue
        state, events = resolve(state, kind, day, code)
        said += events
    return state, said


def escalate(state: AlertState, alert: OpenAlert, day: date) -> Step:
    """The remedy's time has passed without a cure."""
    said = AlertEscalated(alert_id=alert.alert_id, as_of=day, to_role=alert.escalate_to)
    return _with(state, alert, escalated=True), (said,)


def rest(state: AlertState, alert: OpenAlert, until: date) -> AlertState:
    """Leave its escalation until a business day: on this one nobody would hear of it."""
    return _with(state, alert, escalates_on=until)


def _with(state: AlertState, alert: OpenAlert, **changes: object) -> AlertState:
    known = tuple(other.model_copy(update=changes) if other is alert else other for other in state.alerts)
    return state.model_copy(update={"alerts": known})
