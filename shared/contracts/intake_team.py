"""What intake says about the people and the dates of a case: steps that are late, conversations reviewed."""

from datetime import date
from typing import ClassVar

from pydantic import Field

from shared.contracts.base import Event, Reason

__all__ = ["ConversationReviewed", "ConversationSampled", "StepCaughtUp", "StepOverdue", "StepReminded"]


class _Intake(Event):
    PRODUCER: ClassVar[str] = "intake"


class StepReminded(_Intake):
    """A step of the timetable is still open shortly before its last day."""

    TYPE: ClassVar[str] = "parley.intake.step.reminded.v1"

    step: str = Field(description="a state of the pack's timetable")
    action: str
    owner_role: str
    owner: str | None = Field(default=None, description="staff id of who owns the case")
    due: date


class StepOverdue(_Intake):
    """The last day of a step has passed: it goes to `escalate_to`, too."""

    TYPE: ClassVar[str] = "parley.intake.step.overdue.v1"

    step: str = Field(description="a state of the pack's timetable")
    action: str
    owner_role: str
    owner: str | None = Field(default=None, description="staff id of who owns the case")
    due: date
    escalate_to: str


class StepCaughtUp(_Intake):
    """A step that was overdue is done, or the case has gone on without it."""

    TYPE: ClassVar[str] = "parley.intake.step.caught-up.v1"

    step: str
    due: date
    as_of: date
    still_overdue: int = Field(default=0, ge=0, description="other steps of the case")


class ConversationSampled(_Intake):
    """A recorded conversation was drawn for review; the draw follows from the record alone."""

    TYPE: ClassVar[str] = "parley.intake.conversation.sampled.v1"

    contact_id: str
    negotiator: str
    due: date | None = Field(default=None, description="the last day of its review, where the pack sets one")


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
    reasons: tuple[Reason, ...] = ()
