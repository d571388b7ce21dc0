"""Raising, resolving and escalating: the three things that can happen to an alert."""

from collections.abc import Callable
from datetime import date

from services.alert.model import AlertState, OpenAlert
from services.alert.rules import CLOSED_KEPT, alert_id, overdue, remedy_due, rule_of, severity
from shared.contracts.alert import AlertEscalated, AlertKind, AlertRaised, AlertResolved, RemedyStarted
from shared.contracts.base import Event, Reason
from shared.contracts.reasons import ReasonCode
from shared.policy.model import PolicyInForce

__all__ = ["Said", "escalate", "raise_once", "resolve"]

Said = tuple[AlertState, tuple[Event, ...]]


def raise_once(
    state: AlertState, kind: AlertKind, about: str, day: date, policy: PolicyInForce, why: ReasonCode
) -> Said:
    """Raise an alert and start its remedy, unless one of that kind about the same cause is open.

    Missed instalments and silence are one alert for the whole run of them.
    """
    rule = rule_of(policy, kind)
    a_run = kind in {AlertKind.INSTALMENT_MISSED, AlertKind.BORROWER_SILENT}
    if rule is None or any(a.kind is kind and (a_run or a.about == about) for a in state.alerts):
        return state, ()
    due = remedy_due(policy, rule, day)
    alert = OpenAlert(
        alert_id=alert_id(state, kind, about),
        kind=kind,
        about=about,
        raised_on=day,
        remedy_due=due,
        escalate_to=rule.escalate_to,
    )
    after = state.model_copy(update={"alerts": (*state.alerts, alert), "raised": state.raised + 1})
    return after, (
        AlertRaised(
            alert_id=alert.alert_id,
            kind=kind,
            severity=severity(rule),
            about=about,
            raised_on=day,
            remedy=rule.remedy,
            owner_role=rule.owner_role,
            reasons=(Reason(code=why),),
        ),
        RemedyStarted(alert_id=alert.alert_id, remedy=rule.remedy, due=due),
    )


def resolve(state: AlertState, day: date, why: ReasonCode, which: Callable[[OpenAlert], bool]) -> Said:
    """Resolve the open alerts that `which` names."""
    gone = tuple(alert for alert in state.alerts if which(alert))
    if not gone:
        return state, ()
    after = state.model_copy(
        update={
            "alerts": tuple(alert for alert in state.alerts if not which(alert)),
            "closed_ids": (*state.closed_ids, *(alert.alert_id for alert in gone))[-CLOSED_KEPT:],
        }
    )
    return after, tuple(
        AlertResolved(alert_id=alert.alert_id, as_of=day, reason=Reason(code=why)) for alert in gone
    )


def escalate(state: AlertState, day: date) -> Said:
    """Escalate, once, the open alerts whose remedy's time has passed at the close of `day`."""
    late = [alert for alert in state.alerts if overdue(alert, day)]
    if not late:
        return state, ()
    alerts = tuple(a.model_copy(update={"escalated": True}) if a in late else a for a in state.alerts)
    return state.model_copy(update={"alerts": alerts}), tuple(
        AlertEscalated(alert_id=a.alert_id, as_of=a.remedy_due, to_role=a.escalate_to) for a in late
    )
