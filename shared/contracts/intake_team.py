"""What intake says about the people of a case: whose conduct it keeps, conversations reviewed.

Of steps alert speaks now (`alert_steps`); what intake said of them before stays readable.
"""

from datetime import date
from typing import ClassVar

from pydantic import Field

from shared.contracts.base import Event, Reason
from shared.contracts.debts import PackId
from shared.contracts.reach import EarlierContact, EarlierReach

__all__ = [
    "ConductChanged",
    "ConversationReviewed",
    "ConversationSampled",
    "EarlierComplaint",
    "EarlierContactMade",
    "EarlierReachHeard",
    "StepCaughtUp",
    "StepOverdue",
    "StepReminded",
]


class _Intake(Event):
    PRODUCER: ClassVar[str] = "intake"


class ConductChanged(_Intake):
    """Debts of other packs have come into the case, or left it: the strictest of these rules its conduct."""

    TYPE: ClassVar[str] = "parley.intake.conduct.changed.v1"

    as_of: date
    packs: tuple[PackId, ...]


class StepReminded(_Intake):
    """Said by older versions: a step of the timetable is still open shortly before its last day."""

    TYPE: ClassVar[str] = "parley.intake.step.reminded.v1"

    step: str = Field(description="a state of the pack's timetable")
    action: str
    owner_role: str
    owner: str | None = Field(default=None, description="staff id of who owns the case")
    due: date


class StepOverdue(_Intake):
    """Said by older versions: the last day of a step has passed, it goes to `escalate_to`, too."""

    TYPE: ClassVar[str] = "parley.intake.step.overdue.v1"

    step: str = Field(description="a state of the pack's timetable")
    action: str
    owner_role: str
    owner: str | None = Field(default=None, description="staff id of who owns the case")
    due: date
    escalate_to: str


class StepCaughtUp(_Intake):
    """Said by older versions: a step that was overdue is done, or the case has gone on without it."""

    TYPE: ClassVar[str] = "parley.intake.step.caught-up.v1"

    step: str
    due: date
    as_of: date
    still_overdue: int = Field(default=0, ge=0, description="other steps of the case")


class EarlierComplaint(_Intake):
    """A complaint of an earlier case was made, or finally answered, while this one is open."""

    TYPE: ClassVar[str] = "parley.intake.complaint.earlier.v1"

    complaint_id: str = Field(description="its case, a stroke, and its id there")
    is_open: bool = Field(description="false: it has its final response")


class EarlierContactMade(_Intake):
    """A contact about an earlier case became known while this one is open: the limits are the person's."""

    TYPE: ClassVar[str] = "parley.intake.contact.earlier.v1"

    contact: EarlierContact


class EarlierReachHeard(_Intake):
    """Said about an earlier case while this one is open: how the person may be reached, whom to speak to.

    Only what is news, and only what adds to the protection or says who acts: what opens a channel again is
    said about the open case.
    """

    TYPE: ClassVar[str] = "parley.intake.reach.earlier.v1"

    reach: EarlierReach
    ended: tuple[str, ...] = Field(default=(), max_length=20, description="authorities that are over")
    lifts: tuple[str, ...] | None = Field(
        default=None,
        max_length=10,
        description="limits that the borrower still agrees not to need, where they had; None: as before",
    )


class ConversationSampled(_Intake):
    """A recorded conversation was drawn for review; the draw follows from the record alone."""

    TYPE: ClassVar[str] = "parley.intake.conversation.sampled.v1"

    contact_id: str
    negotiator: str
    due: date | None = Field(default=None, description="the last day of its review, where the pack sets one")
    also: tuple[str, ...] = Field(
        default=(), description="others of the staff who took part: they do not review it either"
    )


class ConversationReviewed(_Intake):
    """A sampled conversation has its scores; low ones name the training that follows (R71c)."""

    TYPE: ClassVar[str] = "parley.intake.conversation.reviewed.v1"

    contact_id: str
    negotiator: str
    reviewer: str
    listening: int = Field(ge=1, le=5)
    empathy: int = Field(ge=1, le=5)
    conduct: int = Field(ge=1, le=5)
    training: tuple[str, ...] = Field(default=(), description="the pack's names of what is to be trained")
    train_by: date | None = Field(
        default=None, description="the last day of each training, where the pack sets one"
    )
    reasons: tuple[Reason, ...] = ()
