"""What assessment says: what is missing, and what the borrower can afford."""

from datetime import date
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from shared.contracts.base import Event, MoneyField, Part, Reason
from shared.contracts.desk import HardshipCause

__all__ = [
    "AssessmentCompleted",
    "AssessmentExpired",
    "AssessmentLapsed",
    "Capacity",
    "HardshipKind",
    "InputRefused",
    "StatementReminded",
    "StatementRequested",
]


class _Assessment(Event):
    PRODUCER: ClassVar[str] = "assessment"


class StatementRequested(_Assessment):
    """The borrower is asked for what is `missing`, by `due`."""

    TYPE: ClassVar[str] = "parley.assessment.statement.requested.v1"

    missing: tuple[str, ...] = Field(min_length=1, description="parts of the statement: income, spending, …")
    due: date
    reasons: tuple[Reason, ...] = ()


class StatementReminded(_Assessment):
    """A reminder of what is still missing."""

    TYPE: ClassVar[str] = "parley.assessment.statement.reminded.v1"

    missing: tuple[str, ...]
    due: date
    number: int = Field(ge=1)


class HardshipKind(StrEnum):
    """How long the difficulty is expected to last (R30)."""

    NONE = "none"
    TEMPORARY = "temporary"
    LASTING = "lasting"
    UNKNOWN = "unknown"


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


class AssessmentCompleted(_Assessment):
    """The borrower's real situation on `as_of`; without it no offer is made (R28)."""

    TYPE: ClassVar[str] = "parley.assessment.completed.v1"
    PRIVATE: ClassVar[tuple[str, ...]] = ("capacity", "dependants", "cause")

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


class InputRefused(_Assessment):
    """An input was understood but cannot be acted on."""

    TYPE: ClassVar[str] = "parley.assessment.input.refused.v1"

    cause_id: str
    cause_type: str
    reason: Reason
