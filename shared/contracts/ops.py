"""Operators' commands on `ops.commands`: replay and discard of what is parked."""

from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from shared.contracts.base import Event, Text

__all__ = ["Discard", "Operator", "Replay"]

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
