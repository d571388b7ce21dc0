"""The assessment's document: the statement as given and as verified, what is asked, what is in force.

It keeps no name, no contact data and no free text: of an explanation only that it was given.
"""

from datetime import date
from enum import StrEnum

from pydantic import Field

from shared.contracts.assessment import OpenPoint, Override, WilfulFinding
from shared.contracts.base import MoneyField
from shared.contracts.decision import State
from shared.contracts.desk import (
    Asset,
    HardshipCause,
    IncomeItem,
    OtherDebt,
    SpendingCategory,
)
from shared.contracts.household import (
    DoubtKind,
    HardshipOnset,
    InterviewAnswer,
    KnownChange,
    OtherAdult,
    Vulnerability,
)

__all__ = [
    "AgreedPlan",
    "AssessmentState",
    "AssessmentStatus",
    "Behaviour",
    "Doubt",
    "Hardship",
    "InForce",
    "Morning",
    "Request",
    "SpendingFigure",
    "Statement",
    "Verified",
    "Wanted",
]


class AssessmentStatus(StrEnum):
    """What is waited for."""

    ASKED = "asked"  # for a statement, or what is missing of it
    ASSESSED = "assessed"  # figures in force until they expire
    LAPSED = "lapsed"  # nothing came, after every reminder: a person takes over; asked again later
    PLANNED = "planned"  # a signed plan is in force: nothing is asked
    CLOSED = "closed"  # final


class SpendingFigure(State):
    """Declared monthly spending of one category; whether it was explained."""

    category: SpendingCategory
    monthly: MoneyField
    explained: bool = False


class Statement(State):
    """The borrower's statement as far as it was given; None is not given, empty is nothing.

    `given` is the day for which each part was stated.
    """

    income: tuple[IncomeItem, ...] | None = None
    spending: tuple[SpendingFigure, ...] | None = None
    dependants: int | None = None
    assets: tuple[Asset, ...] | None = None
    other_debts: tuple[OtherDebt, ...] | None = None
    changes: tuple[KnownChange, ...] | None = None
    adults: tuple[OtherAdult, ...] | None = None
    given: dict[str, date] = Field(default_factory=dict)


class Verified(State):
    """A figure that a person has checked against evidence, e.g. of `income:salary`: what, who and when."""

    item: str
    amount: MoneyField
    as_of: date
    verified_by: str | None = None
    evidence_kind: str | None = None


class Hardship(State):
    """The difficulty that the borrower reported last."""

    cause: HardshipCause
    since: date
    expected_end: date | None = None
    onset: HardshipOnset | None = None


class AgreedPlan(State):
    """What an agreed debt plan gives us a month, until its last day where it has one."""

    monthly: MoneyField
    as_of: date
    until: date | None = None


class Doubt(State):
    """What a person looks at; `upheld` is None until somebody has decided."""

    doubt_id: str
    about: DoubtKind
    item: str | None = None
    upheld: bool | None = None


class Behaviour(State):
    """What the borrower did, counted: promises, payments of any size, instalments of a plan."""

    promises_kept: int = 0
    promises_broken: int = 0
    payments: int = 0
    instalments_on_time: int = 0
    instalments_missed: int = 0


class Morning(State):
    """What was owed to us, and what the borrower had done, when the business day `on` began."""

    on: date
    owed: MoneyField
    behaviour: Behaviour


class Request(State):
    """What is asked of the borrower, since when, by when, the reminders to come, and how many were sent."""

    missing: tuple[str, ...]
    due: date
    reminders: tuple[date, ...] = ()
    reminded: int = 0
    asked_on: date | None = None


class Wanted(State):
    """What would make the assessment better and is reminded of; nothing lapses where it never comes."""

    points: tuple[OpenPoint, ...]
    due: date
    reminders: tuple[date, ...] = ()
    reminded: int = 0
    asked_on: date | None = None


class InForce(State):
    """The assessment in force, up to and including `expires`.

    `figures` digests what it says of the household; on `renew_on` a change that is known takes effect.
    """

    assessment_id: str
    as_of: date
    expires: date
    figures: str = ""
    renew_on: date | None = None


class AssessmentState(State):
    """One case. `owed` is what is owed to us in the pack's currency, `talks` whether an offer is wanted.

    `live` says that a signed plan is in force; `agreement` and `agreed_version` name the latest one;
    `stands_since`: it was in force again then, after an end that was undone.
    The counts are of contacts that were answered or not, and of statements that came in time or late.
    `halted_on`: since that day stop events leave no debt to talk about, and nothing is asked.
    `no_plan`: talks beside a live plan have found no other; they are over when the figures expire.
    `stop_told_on` is the last day on which the desk told of a stop, or of its end.
    `morning` is what an assessment goes by on a day whose facts from intake and followup have begun to come.
    """

    case: str
    status: AssessmentStatus
    policy: str
    owed: MoneyField
    statement: Statement = Statement()
    verified: tuple[Verified, ...] = ()
    hardship: Hardship | None = None
    request: Request | None = None
    current: InForce | None = None
    version: int = 0
    talks: bool = True
    live: bool = False
    stands_since: date | None = None
    no_plan: bool = False
    agreement: str | None = None
    agreed_version: int = 0
    ask_again: date | None = None
    answered: int = 0
    unanswered: int = 0
    in_time: int = 0
    late: int = 0
    behaviour: Behaviour = Behaviour()
    interview: tuple[InterviewAnswer, ...] = ()
    vulnerabilities: tuple[Vulnerability, ...] = ()
    debt_plan: AgreedPlan | None = None
    doubts: tuple[Doubt, ...] = ()
    wilful: WilfulFinding | None = None
    overrides: tuple[Override, ...] = ()
    wanted: Wanted | None = None
    halted_on: date | None = None
    stop_told_on: date | None = None
    morning: Morning | None = None

    @property
    def next_date(self) -> date | None:
        """The first day whose close has work: a reminder, the last day to answer, figures that expire."""
        if self.status is AssessmentStatus.CLOSED or self.halted_on is not None:
            return None
        days: list[date | None] = [self.ask_again]
        if self.request is not None:
            days += [self.request.due, *self.request.reminders]
        if self.current is not None and self.talks:
            days += [self.current.expires, self.current.renew_on]
            days += () if self.wanted is None else self.wanted.reminders
        return min((day for day in days if day is not None), default=None)
