"""Operators' commands on `ops.commands`: replay and discard of what is parked, legal holds, erasure."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from shared.contracts.base import Event, Text

__all__ = ["Discard", "ErasePerson", "HoldAction", "LegalHold", "Operator", "Replay"]

Operator = Annotated[str, StringConstraints(max_length=128)]
"""Who gives a command; empty where nobody said so."""


class Replay(Event):
    """Decide again, in arrival order, all that `service` has parked for this document."""

    TYPE: ClassVar[str] = "parley.ops.replay.v1"
    PRODUCER: ClassVar[str] = "ops"

    service: str
    document: str = Field(description="the id of the parked document: a case id, or the customer at intake")
    reason: Text = ""
    by: Operator = Field(default="", description="the operator who gives the command")


class Discard(Event):
    """Drop one parked message for good: the lowest of its source. The reason is kept."""

    TYPE: ClassVar[str] = "parley.ops.discard.v1"
    PRODUCER: ClassVar[str] = "ops"

    service: str
    document: str
    topic: str
    partition: int = Field(ge=0)
    offset: int = Field(ge=0)
    reason: Text = Field(min_length=3)
    by: Operator = Field(default="", description="the operator who gives the command; kept with the reason")


class HoldAction(StrEnum):
    """What happens to a legal hold."""

    SET = "set"
    LIFT = "lift"


class LegalHold(Event):
    """Keep all that is on file about a case's customer, whatever its age, until the hold is lifted.

    Decided by the archive, which files it: who set or lifted it, when and why is part of the chain.
    """

    TYPE: ClassVar[str] = "parley.ops.hold.v1"
    PRODUCER: ClassVar[str] = "ops"

    service: str = Field(default="archive", description="whose file it is: archive")
    document: str = Field(description="the customer")
    case: str
    action: HoldAction
    reason: Text = Field(min_length=3)
    by: Operator = Field(default="", description="the operator who gives the command; kept with the reason")
    role: Operator | None = Field(
        default=None,
        description="in which role: that of retention.hold_role of a pack of the case. None: a command of an"
        " older version, which may set a hold and not lift it",
    )


class ErasePerson(Event):
    """Destroy the key of a person, and so all that is personal about them in the archive.

    Refused while a case is open or held and before the last one's evidence may go; filed either way.
    """

    TYPE: ClassVar[str] = "parley.ops.erase.v1"
    PRODUCER: ClassVar[str] = "ops"

    service: str = Field(default="archive", description="whose file it is: archive")
    document: str = Field(description="the customer")
    reason: Text = Field(min_length=3)
    by: Operator = Field(default="", description="the operator who gives the command; kept with the reason")
