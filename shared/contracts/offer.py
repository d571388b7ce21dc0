"""What offer says: plans on the table, rounds, agreement in principle, or why not."""

from datetime import date
from typing import ClassVar

from pydantic import Field

from shared.contracts.base import Event, MoneyField, Part, Percent, Reason
from shared.contracts.debts import Balances, InstalmentTotal, Plan
from shared.contracts.desk_talks import MoneySource

__all__ = [
    "ApprovalRequested",
    "CounterAnswer",
    "DayBalance",
    "DebtBalance",
    "DecisionExplained",
    "HumanReviewOpened",
    "InputRefused",
    "LumpSumAnswered",
    "NoPlanFound",
    "OfferAgreed",
    "OfferLapsed",
    "OfferRevised",
    "OfferTabled",
    "OfferWithdrawn",
    "RefusalAnswered",
    "TalksFailed",
]


class _Offer(Event):
    PRODUCER: ClassVar[str] = "offer"


class DebtBalance(Part):
    """What was owed on a debt when an offer was made."""

    debt_id: str
    balances: Balances
    as_of: date
    annual_rate_pct: Percent | None = Field(
        default=None, description="the rate of its contract then; None: events of older versions"
    )


class DayBalance(Part):
    """What is owed in all at the end of a day of an offer's validity, if nothing is paid until then."""

    day: date
    balance: MoneyField
    parts: Balances | None = Field(default=None, description="what the balance consists of; None: not said")


class _OnTheTable(_Offer):
    balance_by_day: tuple[DayBalance, ...] = Field(
        default=(), description="of each day of validity, one row for each currency of the debts"
    )
    terms: tuple[Reason, ...] = Field(
        default=(),
        description="whether interest, fees and late charges run in talks, and what a payment then means",
    )
    strategy: str | None = Field(default=None, description="the experiment's arm that this case is in")


class CounterAnswer(Part):
    """How a counter-offer was answered: the nearest plan, and what would have to change for the wish."""

    wished_monthly: MoneyField | None = None
    wished_first_due: date | None = None
    wished_months: int | None = None
    wished_lump_sum: MoneyField | None = None
    granted: bool
    reasons: tuple[Reason, ...]


class OfferTabled(_OnTheTable):
    """Round `round`: up to the policy's number of plans, ranked. The snapshot says on which balances."""

    TYPE: ClassVar[str] = "parley.offer.tabled.v1"

    offer_id: str
    round: int = Field(ge=1)
    assessment_id: str
    plans: tuple[Plan, ...] = Field(min_length=1)
    balances: tuple[DebtBalance, ...]
    tabled_on: date
    valid_until: date
    answer: CounterAnswer | None = Field(
        default=None, description="to a sum that the borrower had offered before anything was on the table"
    )
    reasons: tuple[Reason, ...] = ()
    policy_version: str


class OfferRevised(_OnTheTable):
    """The answer to a counter-offer: the next numbered round."""

    TYPE: ClassVar[str] = "parley.offer.revised.v1"

    offer_id: str
    round: int = Field(ge=2)
    assessment_id: str
    plans: tuple[Plan, ...] = Field(min_length=1)
    balances: tuple[DebtBalance, ...]
    tabled_on: date
    valid_until: date
    answer: CounterAnswer | None = None
    reasons: tuple[Reason, ...] = ()
    policy_version: str


class ApprovalRequested(_Offer):
    """A plan goes beyond the negotiator's limit: a named role decides by `due`."""

    TYPE: ClassVar[str] = "parley.offer.approval.requested.v1"

    request_id: str
    offer_id: str
    plan_id: str
    role: str
    due: date
    reasons: tuple[Reason, ...]


class OfferAgreed(_Offer):
    """The borrower accepted this plan; the agreement is drafted from it."""

    TYPE: ClassVar[str] = "parley.offer.agreed.v1"

    offer_id: str
    round: int = Field(ge=1)
    plan: Plan
    balances: tuple[DebtBalance, ...]
    agreed_on: date
    policy_version: str
    pinned_on: date | None = Field(
        default=None, description="the day of the round's first offer: what was promised keeps its rules"
    )
    intake_sequence: int | None = Field(
        default=None,
        description="sequence of the latest word on the debts from intake that the offer had read",
    )
    incentives: str | None = Field(
        default=None, description="the pack's set of incentives of the experiment's arm; None: everybody's"
    )


class OfferLapsed(_Offer):
    """Nobody answered in time. Silence is never acceptance and never wilful default."""

    TYPE: ClassVar[str] = "parley.offer.lapsed.v1"

    offer_id: str
    round: int = Field(ge=1)
    as_of: date
    next_step: Reason
    review_on: date | None = Field(default=None, description="when it is looked at again")


class RefusalAnswered(_Offer):
    """The borrower said no, or wished for something else, and no other plans follow at once: why.

    The offer stays on the table until `stands_until`; silence is still no acceptance.
    """

    TYPE: ClassVar[str] = "parley.offer.refusal.answered.v1"

    offer_id: str
    round: int = Field(ge=1)
    as_of: date
    stands_until: date
    reason: Reason
    next_step: Reason


class LumpSumAnswered(_Offer):
    """The borrower offered a sum, and no plan follows from it at once: what it would do, and what comes next.

    What is on the table stays, and no round is used up. Nobody has to pay the sum.
    """

    TYPE: ClassVar[str] = "parley.offer.lump.sum.answered.v1"
    PRIVATE: ClassVar[tuple[str, ...]] = ("source", "reasons", "next_step")

    amount: MoneyField
    source: MoneySource | None = None
    as_of: date
    reasons: tuple[Reason, ...] = Field(min_length=1)
    next_step: Reason
    review_on: date | None = Field(default=None, description="when it is looked at again")


class OfferWithdrawn(_Offer):
    """An offer no longer stands: its balances or its assessment changed. A new one follows where it can."""

    TYPE: ClassVar[str] = "parley.offer.withdrawn.v1"

    offer_id: str
    as_of: date
    reason: Reason


class NoPlanFound(_Offer):
    """No plan is affordable and allowed: why, in a reason, and what happens next; never silence."""

    TYPE: ClassVar[str] = "parley.offer.none-found.v1"
    PRIVATE: ClassVar[tuple[str, ...]] = ("reason", "next_step")

    assessment_id: str
    as_of: date
    reason: Reason
    next_step: Reason
    review_on: date | None = Field(default=None, description="when it is looked at again")
    payments: tuple[InstalmentTotal, ...] = Field(
        default=(),
        description="lower payments for a while, or a token, where that is the next step; nothing is waived",
    )


class TalksFailed(_Offer):
    """Rounds or time are used up: a person takes over; never straight to court (R71a)."""

    TYPE: ClassVar[str] = "parley.offer.talks.failed.v1"

    rounds: int = Field(ge=0)
    as_of: date
    reason: Reason
    next_step: Reason
    review_on: date | None = Field(default=None, description="when it is looked at again")
    then: tuple[Reason, ...] = Field(
        default=(), description="what else may help, in the order of the pack, where the next step does not"
    )


class InputRefused(_Offer):
    """An input was understood but is not allowed: expired, unknown, or against the policy."""

    TYPE: ClassVar[str] = "parley.offer.input.refused.v1"
    PRIVATE: ClassVar[tuple[str, ...]] = ("reason",)

    cause_id: str
    cause_type: str
    reason: Reason


class HumanReviewOpened(_Offer):
    """The borrower asked for a person: a named role gets in touch by `due`. What is on the table stays."""

    TYPE: ClassVar[str] = "parley.offer.human.review.opened.v1"

    role: str
    due: date
    reason: Reason


class DecisionExplained(_Offer):
    """How a decision came about, in reasons; a person can be asked for (PIPL Art. 24)."""

    TYPE: ClassVar[str] = "parley.offer.decision.explained.v1"
    PRIVATE: ClassVar[tuple[str, ...]] = ("reasons", "next_step")

    about: str | None = None
    as_of: date
    automatic: bool = Field(default=True, description="no person has decided it so far")
    reasons: tuple[Reason, ...] = Field(min_length=1)
    policy_version: str
    strategy: str | None = None
    next_step: Reason
