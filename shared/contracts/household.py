"""What is said of a household by more than one producer: stability, known changes, circumstances."""

from datetime import date
from enum import StrEnum

from pydantic import Field

from shared.contracts.base import MoneyField, Part, Personal

__all__ = [
    "AnswerValue",
    "ChangeKind",
    "DoubtKind",
    "HardshipKind",
    "HardshipOnset",
    "IncomeStability",
    "InterviewAnswer",
    "KnownChange",
    "OtherAdult",
    "OverrideFigure",
    "Vulnerability",
]


class IncomeStability(StrEnum):
    """Whether an income comes in the same amount every month."""

    STABLE = "stable"
    VARIABLE = "variable"


class ChangeKind(StrEnum):
    """What will change in a household on a day that is known already."""

    INCOME = "income"
    SPENDING = "spending"
    CHILD_BORN = "child_born"
    DEPENDANT_LEAVES = "dependant_leaves"
    DEBT_ENDS = "debt_ends"


class KnownChange(Part):
    """From `on` a figure has another monthly amount, or the household another size.

    An income or a spending needs its `item`, as evidence names it (`income:benefit`), and the `monthly`
    amount, zero where it ends; a debt that ends needs its `item`. For a child `monthly` is what it will
    cost; without it the guidelines say.
    """

    kind: ChangeKind
    on: date
    item: str | None = Field(default=None, pattern=r"^(income|spending|other_debt):[a-z_]{1,40}$")
    monthly: MoneyField | None = None


class OtherAdult(Part):
    """Another adult who lives in the household; no name is needed.

    `contribution` is what they pay towards it a month, and all of their money that counts: the debt is not
    theirs. `costs` is what is spent on them beyond the household's own spending, care for instance.
    """

    contribution: MoneyField
    costs: MoneyField


class HardshipKind(StrEnum):
    """How long the difficulty is expected to last (R30)."""

    NONE = "none"
    TEMPORARY = "temporary"
    LASTING = "lasting"
    UNKNOWN = "unknown"


class HardshipOnset(StrEnum):
    """Whether the difficulty came by one event or by and by (R30)."""

    SUDDEN = "sudden"
    SLOW = "slow"


class Vulnerability(StrEnum):
    """Circumstances in which a person is easily harmed, and is treated with more care."""

    HEALTH = "health"
    MENTAL_HEALTH = "mental_health"
    DISABILITY = "disability"
    BEREAVEMENT = "bereavement"
    ADDICTION = "addiction"  # gambling for one
    ABUSE = "abuse"
    CARER = "carer"
    OLD_AGE = "old_age"
    LANGUAGE = "language"
    LITERACY = "literacy"


class DoubtKind(StrEnum):
    """What a person has to look at before anybody relies on it; the borrower keeps every right."""

    FORGED_EVIDENCE = "forged_evidence"
    PAID_AGENT = "paid_agent"


class OverrideFigure(StrEnum):
    """What a person may set beside the computed value."""

    AVAILABLE = "available"
    CAPACITY_SCORE = "capacity_score"
    WILLINGNESS_SCORE = "willingness_score"
    HARDSHIP = "hardship"


class AnswerValue(StrEnum):
    """An answer that rules can read; the words are kept beside it."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class InterviewAnswer(Part):
    """The answer to one question of the pack's interview, with the day or the amount it names."""

    question: str = Field(pattern=r"^[a-z][a-z_]{1,59}$")
    answer: AnswerValue
    on: date | None = None
    monthly: MoneyField | None = None
    words: Personal[str] | None = None
