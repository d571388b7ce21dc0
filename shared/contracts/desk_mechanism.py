"""What is said at the desk about no case: of the whole mechanism of a pack (R70), and of its calendar."""

from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from shared.contracts.base import Event
from shared.contracts.debts import PackId

__all__ = ["CalendarWatched", "MechanismReviewed", "calendar_key", "mechanism_key"]

Short = Annotated[str, StringConstraints(min_length=1, max_length=64)]


def mechanism_key(pack: str) -> str:
    """Give the key of a pack's mechanism, which is no customer's number."""
    return f"~mechanism/{pack}"


def calendar_key(calendar: str) -> str:
    """Give the key of a calendar of business days, which is no customer's number."""
    return f"~calendar/{calendar}"


class MechanismReviewed(Event):
    """Somebody has reviewed how well a pack's mechanism works; its key and case are the mechanism's own.

    What of the pack is changed for it stands in the pack, by its dates. The first one begins the months.
    """

    PRODUCER: ClassVar[str] = "desk"
    TYPE: ClassVar[str] = "parley.desk.mechanism.reviewed.v1"

    pack: PackId
    reviewer: Short = Field(description="staff id")
    role: Short = Field(description="that of the step in the pack's timetable, or whom it escalates to")
    decided: str = Field(min_length=3, max_length=2000, description="never personal data")


class CalendarWatched(Event):
    """From now on somebody hears when a coming year of a pack's calendar is not known; the key is its own.

    Said again, also for another pack with that calendar, it changes nothing.
    """

    PRODUCER: ClassVar[str] = "desk"
    TYPE: ClassVar[str] = "parley.desk.calendar.watched.v1"

    pack: PackId
