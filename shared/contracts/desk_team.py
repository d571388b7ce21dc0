"""What is said at the desk about the people who own cases: away, named by a supervisor, and how they talk."""

from datetime import date
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from shared.contracts.base import Event, Personal

__all__ = ["AwayWhy", "ConversationScored", "OwnerAway", "OwnerNamed", "StaffAbsent", "TrainingHeld"]

StaffId = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Remarks = Annotated[str, StringConstraints(max_length=2000)]
Score = Annotated[int, Field(ge=1, le=5)]


class _Desk(Event):
    PRODUCER: ClassVar[str] = "desk"


class AwayWhy(StrEnum):
    """Why somebody gives up all their cases."""

    ABSENT = "absent"
    LEFT = "left"
    CERTIFICATE = "certificate"


class OwnerAway(_Desk):
    """One case of a portfolio that is handed over: its owner `staff` is away (R47).

    A command on a portfolio is expanded into one of these for each open case, and for each with a complaint
    that they answer for or a problem that they are to solve. It leaves a case where it is that somebody else
    owns by then.
    """

    TYPE: ClassVar[str] = "parley.desk.owner.away.v1"

    staff: StaffId
    why: AwayWhy
    since: date = Field(description="the first day away")
    until: date | None = Field(default=None, description="the last day away; None: for good, or not known")
    by: StaffId
    reason: str = Field(min_length=3, max_length=400, description="never personal data")

    def is_over(self, day: date) -> bool:
        """Whether they are back by a day: an absence may be told when it is over."""
        return self.why is AwayWhy.ABSENT and self.until is not None and self.until < day


class StaffAbsent(_Desk):
    """A person is away: on those days no case becomes theirs.

    Said once to every partition, under a key of its own there that is no customer's number. Another one of
    the same person with the same first day takes its place, so that an absence can be made shorter or longer.
    """

    TYPE: ClassVar[str] = "parley.desk.staff.absent.v1"

    staff: StaffId
    why: AwayWhy
    since: date = Field(description="the first day away")
    until: date | None = Field(default=None, description="the last day away; None: for good")
    by: StaffId
    reason: str = Field(min_length=3, max_length=400, description="never personal data")


class OwnerNamed(_Desk):
    """A supervisor gives a case to somebody by name, with a reason on file."""

    TYPE: ClassVar[str] = "parley.desk.owner.named.v1"
    PRIVATE: ClassVar[tuple[str, ...]] = ("reason",)

    owner: StaffId
    by: StaffId
    reason: str = Field(min_length=3, max_length=400)


class ConversationScored(_Desk):
    """A sampled conversation was reviewed: from 1 (poor) to 5 for listening, empathy and conduct (R71c)."""

    TYPE: ClassVar[str] = "parley.desk.conversation.scored.v1"

    contact_id: str = Field(max_length=64, description="of the recorded contact")
    reviewer: StaffId
    listening: Score
    empathy: Score
    conduct: Score
    remarks: Personal[str] | None = None


class TrainingHeld(_Desk):
    """A training that follows a reviewed conversation was held, says who held it; its time is then (R71c)."""

    TYPE: ClassVar[str] = "parley.desk.training.held.v1"

    contact_id: str = Field(max_length=64, description="of the conversation that it follows")
    training: str = Field(min_length=1, max_length=64, description="the pack's name of it")
    by: StaffId = Field(description="who held it; never who was trained")
    remarks: Personal[Remarks] | None = None
