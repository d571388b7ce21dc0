"""The rules of noticing: when a borrower is silent, what an instalment is called, what is done about what.

Days, remedies and owners come from the policy pack (`alert.silent_days`, `alert.rules`).
"""

from datetime import date, timedelta

from services.alert.model import AlertState, OpenAlert
from shared.contracts.alert import AlertKind, AlertSeverity
from shared.contracts.desk import ContactDirection, ContactOutcome, ContactRecorded
from shared.contracts.ids import derive_id
from shared.policy.model import PolicyInForce
from shared.policy.sections import AlertRule

__all__ = [
    "CLOSED_KEPT",
    "alert_id",
    "instalment_name",
    "is_heard",
    "remedy_due",
    "rule_of",
    "severity",
    "silent_on",
]

CLOSED_KEPT = 20  # a bound on the document, not a business rule: older acknowledgements are "unknown"


def silent_on(state: AlertState, policy: PolicyInForce) -> date | None:
    """Give the day at whose close the borrower counts as silent: something is asked and no sign came since.

    None while nothing is asked, or while an alert about the silence is open already.
    """
    if not state.asks or any(alert.kind is AlertKind.BORROWER_SILENT for alert in state.alerts):
        return None
    asked = min(ask.since for ask in state.asks)
    quiet_since = max(asked, state.heard_on) if state.heard_on is not None else asked
    return quiet_since + timedelta(days=policy.alert.silent_days)


def is_heard(contact: ContactRecorded) -> bool:
    """Tell whether a contact is a sign of the borrower: they called, or they talked to us."""
    return contact.direction is ContactDirection.INBOUND or contact.outcome is ContactOutcome.TALKED


def instalment_name(agreement_id: str, version: int, number: int, currency: str) -> str:
    """Name an instalment in one word."""
    return f"{agreement_id}/{version}/{number}/{currency}"


def alert_id(state: AlertState, kind: AlertKind, about: str) -> str:
    """Give the id of the next alert of the case."""
    return derive_id("alert", state.case, kind.value, about, state.raised + 1)


def rule_of(policy: PolicyInForce, kind: AlertKind) -> AlertRule | None:
    """Give what the pack says about a kind; None where it wants no alert of it."""
    return next((rule for rule in policy.alert.rules if rule.kind == kind.value), None)


def severity(rule: AlertRule) -> AlertSeverity:
    """Give the severity as messages say it."""
    return AlertSeverity(rule.severity.value)


def remedy_due(policy: PolicyInForce, rule: AlertRule, raised_on: date) -> date:
    """Give the business day by which the remedy should have worked."""
    return policy.calendar.add_business_days(raised_on, rule.business_days)


def overdue(alert: OpenAlert, day: date) -> bool:
    """Tell whether the remedy's time has passed at the close of `day`."""
    return not alert.escalated and alert.remedy_due <= day
