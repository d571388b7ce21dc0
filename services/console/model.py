"""The archive's document: one customer's hash chain, and an overview of each of their cases."""

from datetime import date, datetime
from enum import StrEnum

from pydantic import Field

from shared.contracts.decision import State

__all__ = ["ArchivedCustomer", "CaseLine", "Checkpoint", "Hold", "Stage", "Voice"]


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


class Voice(State):
    """What a borrower was last heard to say of how they are treated: a score of 5, and what it is about.

    `complaints` have no final response yet. Their own words stay in the case, under their key.
    """

    score: int | None = None
    about: tuple[str, ...] = ()
    complaints: tuple[str, ...] = ()


class CaseLine(State):
    """One case in the lists. `reached` are the stages it has ever been in, in the order of arrival.

    `latest` is the last stage that each producer has said, with its business time: `stage` follows from it.

    What retention counts from: `made` is the last day of each kind of records (see `kinds.py`), `active_on`
    of collection activity, `ended_on` and `reopened_on` when the case or its plan ended and was owed again,
    `packs` are all that its debts ever had. `counted`: all of it is known, from the first entry on; not so in
    documents of versions before 4, which are kept longest.
    """

    stage: Stage = Stage.OVERDUE
    latest: dict[str, tuple[Stage, datetime]] = Field(default_factory=dict)
    reached: tuple[Stage, ...] = ()
    policy: str | None = None
    owner: str | None = None
    opened_on: date | None = None
    last_on: date | None = None
    close_reason: str | None = None
    packs: tuple[str, ...] = ()
    made: dict[str, date] = Field(default_factory=dict)
    active_on: date | None = None
    ended_on: date | None = None
    reopened_on: date | None = None
    counted: bool = False
    voice: Voice = Voice()


class Checkpoint(State):
    """The lender's signature over how many entries a chain had, and its head then."""

    entries: int
    head: str
    key: str
    signature: str


class Hold(State):
    """A legal hold on a case: who has set it, when (ISO 8601) and why."""

    since: str
    by: str
    reason: str


class ArchivedCustomer(State):
    """One customer: how many entries the chain has, its last hash, and the cases by id.

    The chain is per customer because bank facts know no case; what a case's story is, the entries say.
    `last` is the latest business time of any entry but operators' own, `erased` up to when the person's data
    is erased: both ISO 8601 in UTC, "" for never. `checkpoint` is the latest that was signed. `made` is the
    last day of each kind of records that belong to no case; it is known where `counted`.
    """

    entries: int = 0
    head: str = "0" * 64
    cases: dict[str, CaseLine] = Field(default_factory=dict)
    holds: dict[str, Hold] = Field(default_factory=dict)
    last: str = ""
    erased: str = ""
    checkpoint: Checkpoint | None = None
    made: dict[str, date] = Field(default_factory=dict)
    counted: bool = False
