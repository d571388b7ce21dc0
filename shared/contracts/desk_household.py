"""What the desk says of a household beside the statement: interviews, agreed plans, doubts, overrides."""

from datetime import date, datetime
from typing import ClassVar

from pydantic import Field

from shared.contracts.base import Event, MoneyField, Personal
from shared.contracts.household import (
    DoubtKind,
    HardshipKind,
    InterviewAnswer,
    OverrideFigure,
    Vulnerability,
)

__all__ = [
    "AssessmentOverridden",
    "DebtPlanAgreed",
    "DoubtRaised",
    "DoubtSettled",
    "InterviewHeld",
    "VulnerabilityRecorded",
    "WilfulDefaultStated",
]


class _Desk(Event):
    PRODUCER: ClassVar[str] = "desk"


class InterviewHeld(_Desk):
    """An interview along the pack's questions (R25); who, when and where are mandatory as for a contact."""

    TYPE: ClassVar[str] = "parley.desk.interview.held.v1"
    PRIVATE: ClassVar[tuple[str, ...]] = ("answers", "place")

    at: datetime
    place: str = Field(min_length=1, max_length=100)
    participants: tuple[str, ...] = Field(
        min_length=1, description="roles or staff ids, never the borrower's name"
    )
    key_points: Personal[str]
    answers: tuple[InterviewAnswer, ...] = Field(min_length=1, max_length=60)


class VulnerabilityRecorded(_Desk):
    """Circumstances that change how the borrower is treated, in place of those recorded before.

    They are sensitive data: without the borrower's consent they are not kept.
    """

    TYPE: ClassVar[str] = "parley.desk.vulnerability.recorded.v1"
    PRIVATE: ClassVar[tuple[str, ...]] = ("flags",)

    flags: tuple[Vulnerability, ...] = Field(description="all that hold; empty takes back what was recorded")
    consent: bool
    recorded_by: str = Field(min_length=1, max_length=64)
    as_of: date


class DebtPlanAgreed(_Desk):
    """A plan with all creditors gives us so much a month; it takes the place of our share by balance."""

    TYPE: ClassVar[str] = "parley.desk.debt-plan.agreed.v1"
    PRIVATE: ClassVar[tuple[str, ...]] = ("monthly", "until", "evidence_kind")

    monthly: MoneyField
    arranged_by: str = Field(
        min_length=1, max_length=60, description="a kind: debt adviser, court, creditors"
    )
    until: date | None = Field(default=None, description="its last day; none where it is open")
    evidence_kind: str = Field(min_length=1, max_length=60)
    verified_by: str = Field(min_length=1, max_length=64)
    as_of: date


class DoubtRaised(_Desk):
    """Somebody suspects forged evidence or a paid anti-collection agent: a person looks at it."""

    TYPE: ClassVar[str] = "parley.desk.doubt.raised.v1"

    doubt_id: str = Field(min_length=1, max_length=64)
    about: DoubtKind
    item: str | None = Field(default=None, pattern=r"^(income|spending|asset|other_debt):[a-z_]{1,40}$")
    raised_by: str = Field(min_length=1, max_length=64)
    grounds: Personal[str]
    as_of: date


class DoubtSettled(_Desk):
    """A named person has looked: upheld or not, with the reason."""

    TYPE: ClassVar[str] = "parley.desk.doubt.settled.v1"
    PRIVATE: ClassVar[tuple[str, ...]] = ("reason",)

    doubt_id: str = Field(min_length=1, max_length=64)
    upheld: bool
    by: str = Field(min_length=1, max_length=64)
    reason: str = Field(min_length=3, max_length=400)
    as_of: date


class WilfulDefaultStated(_Desk):
    """A named person states on evidence that the borrower could pay and will not; or takes it back."""

    TYPE: ClassVar[str] = "parley.desk.wilful-default.stated.v1"
    PRIVATE: ClassVar[tuple[str, ...]] = ("evidence", "reason")

    by: str = Field(min_length=1, max_length=64)
    role: str = Field(min_length=1, max_length=40)
    evidence: str = Field(min_length=3, max_length=200, description="a reference to it, not its content")
    reason: str = Field(min_length=3, max_length=400)
    withdrawn: bool = False
    as_of: date


class AssessmentOverridden(_Desk):
    """A named person sets a value beside the computed one, with the reason; or takes it back.

    It gives the one value that fits its figure, and no other.
    """

    TYPE: ClassVar[str] = "parley.desk.assessment.overridden.v1"
    PRIVATE: ClassVar[tuple[str, ...]] = ("monthly", "score", "hardship", "reason")

    figure: OverrideFigure
    monthly: MoneyField | None = Field(default=None, description="for `available`")
    score: int | None = Field(default=None, ge=0, le=100, description="for a score")
    hardship: HardshipKind | None = Field(default=None, description="for `hardship`")
    by: str = Field(min_length=1, max_length=64)
    role: str = Field(min_length=1, max_length=40)
    reason: str = Field(min_length=3, max_length=400)
    withdrawn: bool = False
