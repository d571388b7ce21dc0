"""What assessment says: what is missing, and what the borrower can afford."""

from datetime import date
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from shared.contracts.base import Event, MoneyField, Part, Reason
from shared.contracts.desk import HardshipCause
from shared.contracts.household import (
    DoubtKind,
    HardshipKind,
    HardshipOnset,
    IncomeStability,
    OverrideFigure,
    Vulnerability,
)

__all__ = [
    "AssessmentCompleted",
    "AssessmentExpired",
    "AssessmentLapsed",
    "Capacity",
    "Figure",
    "HardshipKind",
    "InputRefused",
    "OpenNeed",
    "OpenPoint",
    "Override",
    "ProjectedCapacity",
    "ReviewReferred",
    "StatementReminded",
    "StatementRequested",
    "Treatment",
    "WilfulFinding",
]


class _Assessment(Event):
    PRODUCER: ClassVar[str] = "assessment"


class StatementRequested(_Assessment):
    """The borrower is asked for what is `missing`, by `due`."""

    TYPE: ClassVar[str] = "parley.assessment.statement.requested.v1"

    missing: tuple[str, ...] = Field(min_length=1, description="parts of the statement: income, spending, …")
    due: date
    reasons: tuple[Reason, ...] = ()
    questions: tuple[str, ...] = Field(default=(), description="what an interview would ask, by code")


class OpenNeed(StrEnum):
    """What would settle an open point."""

    EVIDENCE = "evidence"
    EXPLANATION = "explanation"
    CHECK = "check"


class OpenPoint(Part):
    """Something that nobody must give, but that would make the assessment better: what, and by when."""

    item: str
    need: OpenNeed
    due: date


class StatementReminded(_Assessment):
    """A reminder of what is still missing, or of open points: what would make the assessment better."""

    TYPE: ClassVar[str] = "parley.assessment.statement.reminded.v1"

    missing: tuple[str, ...]
    due: date
    number: int = Field(ge=1)
    open_points: tuple[OpenPoint, ...] = ()


class Capacity(Part):
    """What the borrower can pay a month. Declared and verified figures stay apart.

    `residual_now = income counted − essential spending − priority debts − saving allowance`, and the part of
    it that is ours beside the other non-priority debts is `available_now`; `_stress` is the same after
    the pack's stress. Never negative where it says available.
    """

    currency: str
    income_declared: MoneyField
    income_verified: MoneyField
    spending_declared: MoneyField
    spending_counted: MoneyField
    priority_debts: MoneyField
    residual_now: MoneyField
    residual_stress: MoneyField
    available_now: MoneyField
    available_stress: MoneyField
    liquid_assets: MoneyField


class Figure(Part):
    """One figure of the household: as declared, as verified (by whom and when), and what counts of it.

    Monthly, except that an asset has its value and another creditor's debt that is not served first its
    balance. `counted` is what the computation used.
    """

    item: str
    declared: MoneyField | None = None
    verified: MoneyField | None = None
    counted: MoneyField
    verified_by: str | None = None
    evidence_kind: str | None = None
    verified_on: date | None = None
    in_doubt: bool = False
    stability: IncomeStability | None = None
    ends: date | None = None
    guideline: MoneyField | None = Field(default=None, description="up to it, spending is not questioned")
    explained: bool = False
    served_first: bool = Field(default=False, description="a debt of which the monthly payment counts")


class ProjectedCapacity(Part):
    """What is left and what is ours of it from `start` until the next entry, by what is known today."""

    start: date
    residual: MoneyField
    residual_stress: MoneyField
    available: MoneyField
    available_stress: MoneyField
    reasons: tuple[Reason, ...] = Field(default=(), description="what changes on that day")


class Treatment(StrEnum):
    """How a borrower in vulnerable circumstances is treated."""

    MORE_TIME = "more_time"
    PERSON_DECIDES = "person_decides"
    SIMPLE_WORDS = "simple_words"
    IN_WRITING = "in_writing"
    HELPER = "helper"
    SUPPORT_GROUP = "support_group"


class Override(Part):
    """A person's value, in force, beside the computed one. Both as text: an amount, a score, a kind."""

    figure: OverrideFigure
    computed: str
    value: str
    by: str
    role: str
    reason: str
    on: date


class WilfulFinding(Part):
    """A named person has stated on evidence that the borrower could pay and will not."""

    by: str
    role: str
    evidence: str
    reason: str
    on: date


class AssessmentCompleted(_Assessment):
    """The borrower's real situation on `as_of`; without it no offer is made (R28).

    `capacity` holds the values in force; where a person has set one, `overrides` has the computed one
    beside it. `projection` begins with today and has an entry for each day on which a known change takes
    effect, up to the pack's longest term; `available_over_life` is its lowest, `_stress` the same under
    stress. Of the scores only the reasons differ: neither refuses anything.
    """

    TYPE: ClassVar[str] = "parley.assessment.completed.v1"
    PRIVATE: ClassVar[tuple[str, ...]] = (
        *("capacity", "dependants", "cause", "figures", "projection", "other_adults"),
        *("available_over_life", "available_over_life_stress", "onset", "hardship_since", "hardship_ends"),
        *("vulnerabilities", "treatments", "overrides", "open_points"),
        *("reasons", "capacity_reasons", "willingness_reasons"),
    )

    assessment_id: str
    version: int = Field(ge=1)
    as_of: date
    expires: date
    capacity: Capacity
    dependants: int = Field(ge=0)
    hardship: HardshipKind
    cause: HardshipCause | None = None
    capacity_score: int = Field(ge=0, le=100)
    willingness_score: int = Field(ge=0, le=100)
    reasons: tuple[Reason, ...] = ()
    policy_version: str
    figures: tuple[Figure, ...] = ()
    projection: tuple[ProjectedCapacity, ...] = ()
    available_over_life: MoneyField | None = None
    available_over_life_stress: MoneyField | None = None
    capacity_reasons: tuple[Reason, ...] = Field(
        default=(), description="why the capacity score is what it is"
    )
    willingness_reasons: tuple[Reason, ...] = Field(
        default=(), description="the same of the willingness score"
    )
    onset: HardshipOnset | None = None
    hardship_since: date | None = None
    hardship_ends: date | None = None
    wilful: WilfulFinding | None = None
    vulnerabilities: tuple[Vulnerability, ...] = ()
    treatments: tuple[Treatment, ...] = ()
    doubts: tuple[DoubtKind, ...] = Field(default=(), description="what a person is looking at")
    overrides: tuple[Override, ...] = ()
    open_points: tuple[OpenPoint, ...] = ()
    questions: tuple[str, ...] = Field(default=(), description="what an interview would still ask, by code")
    other_adults: int = Field(
        default=0, ge=0, description="in the household: what they contribute and cost is in the figures"
    )
    answers_statement: bool = Field(
        default=False, description="the borrower has just sent a statement, and waits for an answer"
    )


class AssessmentExpired(_Assessment):
    """The figures are too old to offer on; a new statement is asked for."""

    TYPE: ClassVar[str] = "parley.assessment.expired.v1"

    assessment_id: str
    as_of: date


class AssessmentLapsed(_Assessment):
    """No statement came in time, after every reminder: a person takes over."""

    TYPE: ClassVar[str] = "parley.assessment.lapsed.v1"

    as_of: date
    missing: tuple[str, ...]
    next_step: Reason


class ReviewReferred(_Assessment):
    """A person takes a look before anybody relies on something; the borrower keeps every right."""

    TYPE: ClassVar[str] = "parley.assessment.referred.v1"

    as_of: date
    owner_role: str
    due: date
    reasons: tuple[Reason, ...] = Field(min_length=1)
    next_step: Reason


class InputRefused(_Assessment):
    """An input was understood but cannot be acted on."""

    TYPE: ClassVar[str] = "parley.assessment.input.refused.v1"

    cause_id: str
    cause_type: str
    reason: Reason
