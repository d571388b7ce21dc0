"""What alert says: what is going wrong, and what is done about it at once."""

from datetime import date
from enum import StrEnum
from typing import ClassVar, Final

from pydantic import Field

from shared.contracts.base import Event, Reason

__all__ = [
    "AlertEscalated",
    "AlertKind",
    "AlertRaised",
    "AlertResolved",
    "AlertSeverity",
    "AlertTaken",
    "ComplaintAssigned",
    "ComplaintClosed",
    "ComplaintHandedOver",
    "ComplaintOpened",
    "ComplaintShortened",
    "InputRefused",
    "RemedyStarted",
    "with_over",
]

_OVER_KEPT: Final = 40  # far above the complaints of one person


class _Alert(Event):
    PRODUCER: ClassVar[str] = "alert"


class AlertKind(StrEnum):
    """What was noticed."""

    INSTALMENT_MISSED = "instalment_missed"
    PROMISE_BROKEN = "promise_broken"
    BORROWER_SILENT = "borrower_silent"
    PLAN_BROKEN = "plan_broken"
    BANK_SILENT = "bank_silent"
    REVIEW_OVERDUE = "review_overdue"
    PROBLEM_OVERDUE = "problem_overdue"
    COMPLETION_UNDONE = "completion_undone"
    PERSON_ASKED = "person_asked"
    BALANCE_DIFFERS = "balance_differs"
    RATE_DIFFERS = "rate_differs"
    STEP_OVERDUE = "step_overdue"
    COMPLAINT_OVERDUE = "complaint_overdue"
    COMPLAINT_UNACKNOWLEDGED = "complaint_unacknowledged"
    CONTACT_IN_VAIN = "contact_in_vain"
    SLOW_WORSENING = "slow_worsening"
    MECHANISM_UNREVIEWED = "mechanism_unreviewed"
    CALENDAR_MISSING = "calendar_missing"
    LANGUAGE_UNSPOKEN = "language_unspoken"


class AlertSeverity(StrEnum):
    """How urgent it is."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class AlertRaised(_Alert):
    """Something abnormal was noticed: one alert per cause, with its remedy (R63)."""

    TYPE: ClassVar[str] = "parley.alert.raised.v1"

    alert_id: str
    kind: AlertKind
    severity: AlertSeverity
    about: str = Field(description="what it is about: an instalment, a promise, a step; never personal data")
    raised_on: date
    remedy: str = Field(description="the remedy of the policy's catalogue")
    owner_role: str
    reasons: tuple[Reason, ...] = ()
    owner: str | None = Field(
        default=None, description="staff id of who owns the case, or answers for the complaint"
    )


class RemedyStarted(_Alert):
    """The remedy is under way."""

    TYPE: ClassVar[str] = "parley.alert.remedy.started.v1"

    alert_id: str
    remedy: str
    due: date


class AlertTaken(_Alert):
    """A person has taken the alert in hand."""

    TYPE: ClassVar[str] = "parley.alert.taken.v1"

    alert_id: str
    by: str


class AlertEscalated(_Alert):
    """The remedy's time has passed without a cure."""

    TYPE: ClassVar[str] = "parley.alert.escalated.v1"

    alert_id: str
    as_of: date
    to_role: str


class AlertResolved(_Alert):
    """The cause is cured."""

    TYPE: ClassVar[str] = "parley.alert.resolved.v1"

    alert_id: str
    as_of: date
    reason: Reason
    days: int | None = Field(default=None, ge=0, description="from the day that it was raised")


class ComplaintOpened(_Alert):
    """A complaint is on file: whose it is, until when it is acknowledged, and finally answered."""

    TYPE: ClassVar[str] = "parley.alert.complaint.opened.v1"

    complaint_id: str
    owner: str | None = Field(default=None, description="staff id")
    owner_role: str
    opened_on: date
    acknowledge_by: date
    answer_by: date


class ComplaintHandedOver(_Alert):
    """Who answers for a complaint has left the case or the house: it is another's, with the same last day."""

    TYPE: ClassVar[str] = "parley.alert.complaint.handed-over.v1"

    complaint_id: str
    owner: str
    before: str
    answer_by: date


class ComplaintAssigned(_Alert):
    """A complaint for which only a role was named has somebody who answers for it, by the same last day."""

    TYPE: ClassVar[str] = "parley.alert.complaint.assigned.v1"

    complaint_id: str
    owner: str
    answer_by: date


class ComplaintShortened(_Alert):
    """Debts of a stricter pack are in the case: what is still awaited of an open complaint is sooner."""

    TYPE: ClassVar[str] = "parley.alert.complaint.shortened.v1"

    complaint_id: str
    owner: str | None = Field(default=None, description="staff id")
    acknowledge_by: date | None = Field(default=None, description="None: acknowledged, or no day of its own")
    answer_by: date
    as_of: date


class ComplaintClosed(_Alert):
    """A complaint has its final response, so many days after it was made."""

    TYPE: ClassVar[str] = "parley.alert.complaint.closed.v1"

    complaint_id: str
    by: str
    as_of: date
    days: int = Field(ge=0)
    in_time: bool


def with_over(known: tuple[str, ...], complaint_id: str) -> tuple[str, ...]:
    """Give the complaints that are over with one more; of too many all services forget the oldest."""
    return tuple(dict.fromkeys((*known, complaint_id)))[-_OVER_KEPT:]


class InputRefused(_Alert):
    """An input was understood but cannot be acted on."""

    TYPE: ClassVar[str] = "parley.alert.input.refused.v1"

    cause_id: str
    cause_type: str
    reason: Reason
