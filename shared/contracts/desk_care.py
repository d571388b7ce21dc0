"""What is said at the desk while a plan is kept, beside reviews and contacts: problems, support, credit."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from shared.contracts.base import AccountId, Event, Personal
from shared.contracts.desk import FeedbackTheme

__all__ = [
    "BalanceReconciled",
    "BalanceRight",
    "CreditChoice",
    "CreditChosen",
    "LegalOverride",
    "LegalReferralAsked",
    "NewCreditAsked",
    "PlanReinstated",
    "ProblemNoted",
    "ProblemSolved",
    "RateReconciled",
    "ReviewNotHeld",
    "ReviewOutcome",
    "SatisfactionGiven",
    "SatisfactionTopic",
    "SessionKind",
    "SupportJoined",
    "SupportSessionHeld",
]

Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class _Desk(Event):
    PRODUCER: ClassVar[str] = "desk"


class ProblemNoted(_Desk):
    """Somebody noticed a problem with a plan that is kept (R44)."""

    TYPE: ClassVar[str] = "parley.desk.problem.noted.v1"

    problem_id: Id
    about: str = Field(min_length=1, max_length=60, description="a short name; never personal data")
    owner: str | None = Field(default=None, max_length=64, description="staff id; else the owner of the case")
    due: date | None = Field(default=None, description="else the pack's time for it")
    words: Personal[str] | None = None


class ProblemSolved(_Desk):
    """A problem is solved."""

    TYPE: ClassVar[str] = "parley.desk.problem.solved.v1"

    problem_id: Id
    by: str = Field(max_length=64)


class ReviewOutcome(StrEnum):
    """Why a review did not take place; neither does the plan any harm."""

    DECLINED = "declined"
    NOT_REACHED = "not_reached"


class ReviewNotHeld(_Desk):
    """The borrower declined a review, or could not be reached for it."""

    TYPE: ClassVar[str] = "parley.desk.review.not-held.v1"

    outcome: ReviewOutcome
    words: Personal[str] | None = None


class NewCreditAsked(_Desk):
    """A borrower whose plan is fulfilled asks for new credit; somebody made a check of its own for it.

    `pays` are the debts that the money would pay.
    """

    TYPE: ClassVar[str] = "parley.desk.new-credit.asked.v1"

    request_id: Id
    by: str = Field(max_length=64, description="staff id")
    check: Id | None = Field(default=None, description="the reference of the check of the borrower's means")
    pays: tuple[AccountId, ...] = Field(default=(), max_length=200)


class SupportJoined(_Desk):
    """The borrower wants to be in the support group (R58)."""

    TYPE: ClassVar[str] = "parley.desk.support.joined.v1"

    channel: str = Field(max_length=20)


class SessionKind(StrEnum):
    """What a session of the support group is about (R59, R60)."""

    SEMINAR = "seminar"
    TAX_ADVICE = "tax_advice"
    MONEY_ADVICE = "money_advice"


class SupportSessionHeld(_Desk):
    """A session of the support group took place: whether the borrower came, and whom they were sent to."""

    TYPE: ClassVar[str] = "parley.desk.support.session.held.v1"

    session_id: Id
    session: SessionKind
    at: datetime
    place: str = Field(min_length=1, max_length=100)
    attended: bool
    referred_to: str | None = Field(default=None, max_length=80, description="a kind of help outside")


class SatisfactionTopic(StrEnum):
    """What the borrower is asked about."""

    SIGNING = "signing"
    REVIEW = "review"
    SEMINAR = "seminar"


class SatisfactionGiven(_Desk):
    """How satisfied the borrower is, from 1 (not at all) to 5."""

    TYPE: ClassVar[str] = "parley.desk.satisfaction.given.v1"

    topic: SatisfactionTopic
    score: int = Field(ge=1, le=5)
    words: Personal[str] | None = None
    about: tuple[FeedbackTheme, ...] = Field(default=(), max_length=9)


class CreditChoice(StrEnum):
    """What becomes of money beyond the plan."""

    REFUND = "refund"
    OTHER_DEBT = "other_debt"


class CreditChosen(_Desk):
    """The borrower says what becomes of the money that was paid beyond the plan."""

    TYPE: ClassVar[str] = "parley.desk.credit.chosen.v1"

    currency: str = Field(pattern=r"^[A-Z]{3}$")
    choice: CreditChoice
    debt_id: AccountId | None = Field(default=None, description="needed for another debt")


class LegalOverride(StrEnum):
    """Why a case may have to go to court before the talks have had their time."""

    LIMITATION = "limitation"
    ASSET_FLIGHT = "asset_flight"


class LegalReferralAsked(_Desk):
    """Somebody wants to hand the case to the lawyers (R71a). An override needs a reason in words."""

    TYPE: ClassVar[str] = "parley.desk.legal-referral.asked.v1"

    by: str = Field(min_length=1, max_length=64, description="staff id")
    role: str = Field(max_length=40)
    override: LegalOverride | None = None
    words: Personal[str] | None = None


class PlanReinstated(_Desk):
    """A supervisor has a plan stand again that was broken in a stop told later, and was left to a person."""

    TYPE: ClassVar[str] = "parley.desk.plan.reinstated.v1"

    agreement_id: Id
    by: Id
    reason: Personal[Annotated[str, StringConstraints(min_length=3, max_length=4000)]]


class BalanceRight(StrEnum):
    """Whose figure of a debt in a signed plan is right."""

    BANK = "bank"
    PLAN = "plan"


class BalanceReconciled(_Desk):
    """A person has looked into a balance that is not what the plan says: who, which figure is right, why."""

    TYPE: ClassVar[str] = "parley.desk.balance.reconciled.v1"

    account_id: AccountId
    right: BalanceRight
    by: str = Field(min_length=1, max_length=64, description="staff id")
    reason: Personal[Annotated[str, StringConstraints(min_length=3, max_length=4000)]]


class RateReconciled(_Desk):
    """A person has looked into a rate that is not the agreed one: who, which is right, why."""

    TYPE: ClassVar[str] = "parley.desk.rate.reconciled.v1"

    account_id: AccountId
    right: BalanceRight
    by: str = Field(min_length=1, max_length=64, description="staff id")
    reason: Personal[Annotated[str, StringConstraints(min_length=3, max_length=4000)]]
