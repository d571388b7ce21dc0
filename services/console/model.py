"""The archive's document: where the chain of a case stands, and what the lists show of it."""

from datetime import date
from enum import StrEnum

from pydantic import Field

from shared.contracts.decision import State

__all__ = ["ArchivedCase", "Gap", "Stage"]


class Stage(StrEnum):
    """Where a case stands, as an operator reads it. The order is the order of the flow."""

    OVERDUE = "overdue"
    ASSESSMENT = "assessment"
    ASSESSED = "assessed"
    TALKS = "talks"
    AGREED = "agreed"
    DRAFTED = "drafted"
    PLAN = "plan"
    COMPLETED = "completed"
    BROKEN = "broken"
    HUMAN = "human"
    CLOSED = "closed"


class Gap(State):
    """A sequence that is missing: after `last` of `source` came `got`."""

    source: str
    last: int
    got: int


class ArchivedCase(State):
    """One case (or one customer's bank facts): the head of its hash chain, and its overview."""

    customer: str
    entries: int = 0
    head: str = "0" * 64
    stage: Stage = Stage.OVERDUE
    policy: str | None = None
    owner: str | None = None
    opened_on: date | None = None
    last_on: date | None = None
    close_reason: str | None = None
    ever: tuple[str, ...] = ()
    sequences: dict[str, int] = Field(default_factory=dict)
    gaps: tuple[Gap, ...] = ()
