"""What alert says about the dates of a case: steps of the timetable that are due soon, late, or caught up."""

from datetime import date
from typing import ClassVar

from pydantic import Field

from shared.contracts.base import Event
from shared.contracts.debts import PackId

__all__ = ["MechanismReviewNoted", "StepCaughtUp", "StepOverdue", "StepReminded"]


class _Alert(Event):
    PRODUCER: ClassVar[str] = "alert"


class StepReminded(_Alert):
    """A step of the timetable is still open shortly before its last day."""

    TYPE: ClassVar[str] = "parley.alert.step.reminded.v1"

    step: str = Field(description="a state of the pack's timetable")
    action: str
    owner_role: str
    owner: str | None = Field(default=None, description="staff id of whose step it is, where that is known")
    due: date


class StepOverdue(_Alert):
    """The last day of a step has passed: it goes to `escalate_to`, too."""

    TYPE: ClassVar[str] = "parley.alert.step.overdue.v1"

    step: str = Field(description="a state of the pack's timetable")
    action: str
    owner_role: str
    owner: str | None = Field(default=None, description="staff id of whose step it is, where that is known")
    due: date
    escalate_to: str


class StepCaughtUp(_Alert):
    """A step that was overdue is done, or the case has gone on without it."""

    TYPE: ClassVar[str] = "parley.alert.step.caught-up.v1"

    step: str
    due: date
    as_of: date
    still_overdue: int = Field(default=0, ge=0, description="other steps of the case")


class MechanismReviewNoted(_Alert):
    """A pack's mechanism was reviewed (R70); the next review is due from `next_review` on, by `due`."""

    TYPE: ClassVar[str] = "parley.alert.mechanism.reviewed.v1"

    pack: PackId
    on: date
    reviewer: str = Field(description="staff id")
    role: str
    decided: str = Field(description="never personal data")
    policy_version: str = Field(description="the pack as it was in force at the review")
    next_review: date
    due: date
