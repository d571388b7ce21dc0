"""What borrowers, negotiators, supervisors and channels say on `desk.events`; `ce_subject` is the case."""

from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar, Final

from pydantic import Field

from shared.contracts.base import AccountId, Event, MoneyField, Part, Personal
from shared.contracts.desk_talks import RequestAnswered
from shared.contracts.household import HardshipOnset, IncomeStability, KnownChange, OtherAdult
from shared.policy.sections_conduct import Actor, Party, Purpose

__all__ = [
    "RECORDING",
    "AlertAcknowledged",
    "ApprovalGranted",
    "ApprovalRefused",
    "Asset",
    "ComplaintMade",
    "ContactDirection",
    "ContactOutcome",
    "ContactRecorded",
    "CounterOffered",
    "EvidenceVerified",
    "FeedbackTheme",
    "HardshipCause",
    "HardshipReported",
    "IncomeItem",
    "IncomeSource",
    "OfferAccepted",
    "OfferRejected",
    "OtherDebt",
    "PreferencesSet",
    "PromiseMade",
    "RefusalReason",
    "ReviewHeld",
    "SignatureGiven",
    "SignatureParty",
    "SpendingCategory",
    "SpendingItem",
    "StatementSubmitted",
    "WithdrawalDeclared",
]


class _Desk(Event):
    PRODUCER: ClassVar[str] = "desk"


class IncomeSource(StrEnum):
    """Where income comes from (R24)."""

    SALARY = "salary"
    SELF_EMPLOYMENT = "self_employment"
    PENSION = "pension"
    BENEFIT = "benefit"
    RENT = "rent"
    FAMILY = "family"
    OTHER = "other"


class SpendingCategory(StrEnum):
    """What money is spent on; HOUSING … COMMITMENTS follow the Standard Financial Statement's groups."""

    HOUSING = "housing"
    UTILITIES = "utilities"
    FOOD = "food"
    HEALTH = "health"
    TRANSPORT = "transport"
    EDUCATION = "education"
    CHILDCARE = "childcare"
    INSURANCE = "insurance"
    COMMUNICATION = "communication"
    PERSONAL = "personal"
    OTHER = "other"


class IncomeItem(Part):
    """A monthly income from one source."""

    source: IncomeSource
    monthly: MoneyField
    stability: IncomeStability | None = None
    ends: date | None = Field(default=None, description="the last day it is paid for, where that is known")


class SpendingItem(Part):
    """A monthly spending in one category, with the borrower's explanation where it is unusual."""

    category: SpendingCategory
    monthly: MoneyField
    explanation: Personal[str] | None = None


class Asset(Part):
    """Something owned; `liquid` if it could be used within a month."""

    kind: str = Field(max_length=40)
    value: MoneyField
    liquid: bool = False


class OtherDebt(Part):
    """A debt to somebody else; `priority` debts (rent, tax, mortgage, maintenance) are served first."""

    creditor_kind: str = Field(max_length=40)
    balance: MoneyField
    monthly: MoneyField
    priority: bool = False
    secured: bool = Field(default=False, description="on the home or on something needed: served first, too")
    variable_rate: bool = Field(default=False, description="payments rise where interest rates do")


class StatementSubmitted(_Desk):
    """The borrower's statement of income, spending, household, assets and debts.

    A part that is None was not given and stays missing; an empty list was given and is empty.
    """

    TYPE: ClassVar[str] = "parley.desk.statement.submitted.v1"
    PRIVATE: ClassVar[tuple[str, ...]] = (
        *("income", "spending", "dependants", "assets", "other_debts", "changes", "adults"),
    )

    as_of: date
    income: tuple[IncomeItem, ...] | None = None
    spending: tuple[SpendingItem, ...] | None = None
    dependants: int | None = Field(default=None, ge=0, le=30)
    assets: tuple[Asset, ...] | None = None
    other_debts: tuple[OtherDebt, ...] | None = None
    changes: tuple[KnownChange, ...] | None = Field(
        default=None, max_length=40, description="what will change on a day that is known already"
    )
    wish: Personal[str] | None = Field(
        default=None, description="what the borrower asks for, in their own words"
    )
    adults: tuple[OtherAdult, ...] | None = Field(
        default=None, max_length=20, description="other adults in the household; nobody has to name them"
    )


class EvidenceVerified(_Desk):
    """A person has checked a declared figure against evidence."""

    TYPE: ClassVar[str] = "parley.desk.evidence.verified.v1"
    PRIVATE: ClassVar[tuple[str, ...]] = ("verified",)

    item: str = Field(pattern=r"^(income|spending|asset|other_debt):[a-z_]{1,40}$")
    verified: MoneyField
    evidence_kind: str = Field(max_length=60)
    verified_by: str = Field(max_length=64)
    as_of: date


class ContactDirection(StrEnum):
    """Who began."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class ContactOutcome(StrEnum):
    """How a contact ended."""

    TALKED = "talked"
    NO_ANSWER = "no_answer"
    REFUSED = "refused"
    MESSAGE_LEFT = "message_left"


# Who neither is the borrower nor speaks for them.
_OTHERS: Final[frozenset[Party]] = frozenset(
    {"co_debtor", "guarantor", "named_contact", "relative", "employer", "buyer", "principal"}
)


class ContactRecorded(_Desk):
    """A contact: time, place, participants and key points are mandatory (R50)."""

    TYPE: ClassVar[str] = "parley.desk.contact.recorded.v1"
    PRIVATE: ClassVar[tuple[str, ...]] = ("place",)

    at: datetime
    place: str = Field(min_length=1, max_length=100, description="where or by which channel")
    participants: tuple[str, ...] = Field(
        min_length=1, description="roles or staff ids, never the borrower's name"
    )
    key_points: Personal[str]
    direction: ContactDirection
    outcome: ContactOutcome
    channel: str = Field(max_length=20)
    purpose: Purpose | None = Field(
        default=None, description="None: nobody said, and it counts as collection, whoever began it"
    )
    asks_for_payment: bool = False
    number: str | None = Field(
        default=None, max_length=64, description="a reference to the number, never the number"
    )
    debts: tuple[AccountId, ...] = Field(default=(), max_length=200, description="empty: none in particular")
    right_party: bool = Field(default=False, description="who spoke was shown to be who they are")
    actor: Actor = Field(default="creditor", description="agent: a collector that works for the lender")
    party: Party = Field(default="borrower", description="who it was with")
    person: str = Field(
        default="borrower",
        min_length=1,
        max_length=64,
        description="borrower, or the id of an authority or obligor",
    )
    next_step: str | None = Field(
        default=None, max_length=100, description="what comes next, a short name; never personal data"
    )
    recorded_by: str | None = Field(default=None, max_length=64, description="staff id")
    answers: tuple[RequestAnswered, ...] = Field(
        default=(),
        max_length=20,
        description="requests of the borrower that were answered in it; a talk about something else: none",
    )

    @property
    def with_whom(self) -> str:
        """The person whose limits count it; somebody without an id is known by what they are."""
        return self.party if self.person == "borrower" else self.person

    @property
    def with_another(self) -> bool:
        """Whether nobody of the borrower's side was reached or tried by it: a guarantor, a relative."""
        return self.party in _OTHERS


class CounterOffered(_Desk):
    """The borrower's own proposal in answer to round `round`."""

    TYPE: ClassVar[str] = "parley.desk.counter.offered.v1"

    offer_id: str
    round: int = Field(ge=1)
    monthly: MoneyField | None = None
    first_due: date | None = None
    months: int | None = Field(default=None, ge=1, le=600)
    lump_sum: MoneyField | None = None
    words: Personal[str] | None = None


class OfferAccepted(_Desk):
    """The borrower accepts one plan of an offer."""

    TYPE: ClassVar[str] = "parley.desk.offer.accepted.v1"

    offer_id: str
    plan_id: str
    channel: str = Field(max_length=20)


class RefusalReason(StrEnum):
    """What does not fit in an offer; or the borrower wants no plan at all."""

    TOO_HIGH = "too_high"  # each instalment
    TOO_LONG = "too_long"
    TOO_EXPENSIVE = "too_expensive"  # what is paid in all
    TOO_SOON = "too_soon"  # the first instalment
    NO_PLAN_WANTED = "no_plan_wanted"


class OfferRejected(_Desk):
    """The borrower rejects the offer as a whole; who says what does not fit is answered with other plans."""

    TYPE: ClassVar[str] = "parley.desk.offer.rejected.v1"

    offer_id: str
    reason: RefusalReason | None = Field(default=None, description="None: not said, or in own words")
    words: Personal[str] | None = None


class ApprovalGranted(_Desk):
    """A named person grants what goes beyond the negotiator's limit."""

    TYPE: ClassVar[str] = "parley.desk.approval.granted.v1"
    PRIVATE: ClassVar[tuple[str, ...]] = ("reason",)

    request_id: str
    by: str = Field(max_length=64)
    role: str = Field(max_length=40)
    reason: str = Field(min_length=3, max_length=400)


class ApprovalRefused(_Desk):
    """A named person refuses what goes beyond the negotiator's limit."""

    TYPE: ClassVar[str] = "parley.desk.approval.refused.v1"
    PRIVATE: ClassVar[tuple[str, ...]] = ("reason",)

    request_id: str
    by: str = Field(max_length=64)
    role: str = Field(max_length=40)
    reason: str = Field(min_length=3, max_length=400)


RECORDING = "recording:"
"""How the reference of a recording begins where a message names its evidence."""


class SignatureParty(StrEnum):
    """Who signs."""

    BORROWER = "borrower"
    LENDER = "lender"


class SignatureGiven(_Desk):
    """A party signs one version of an agreement by the hash of its content."""

    TYPE: ClassVar[str] = "parley.desk.signature.given.v1"

    agreement_id: str
    version: int = Field(ge=1)
    content_hash: str = Field(pattern=r"^[0-9a-f]{64}$")
    party: SignatureParty
    channel: str = Field(max_length=20)
    evidence: str = Field(max_length=200, description="a reference: one-time code, recording, certificate")
    checked: tuple[str, ...] = Field(
        default=(), max_length=10, description="what was checked of who signs: identity, capacity"
    )
    key_id: str | None = Field(default=None, max_length=64, description="the lender's key")
    signature: str | None = Field(
        default=None,
        pattern=r"^[0-9a-f]{128}$",
        description="Ed25519 over the canonical content, by the lender",
    )
    by: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="the id of the authority by which somebody signs for the borrower; None: in person",
    )


class WithdrawalDeclared(_Desk):
    """The borrower withdraws from a signed agreement within the pack's cooling-off time."""

    TYPE: ClassVar[str] = "parley.desk.withdrawal.declared.v1"

    agreement_id: str
    channel: str = Field(max_length=20)
    evidence: str = Field(max_length=200, description="a reference: message, letter, recording")
    by: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="the id of the authority by which somebody withdraws for the borrower; None: in person",
    )


class PromiseMade(_Desk):
    """The borrower promises an amount by a day."""

    TYPE: ClassVar[str] = "parley.desk.promise.made.v1"

    promise_id: str = Field(min_length=1, max_length=64)
    amount: MoneyField
    due: date


class FeedbackTheme(StrEnum):
    """What feedback is about, so that whoever runs the process may hear of it without the words (R57)."""

    PLAN = "plan"
    AMOUNTS = "amounts"
    DATES = "dates"
    PAPERS = "papers"
    CHANNELS = "channels"
    PEOPLE = "people"
    SPEED = "speed"
    SUPPORT = "support"
    OTHER = "other"


class ReviewHeld(_Desk):
    """A regular review took place: the four fields of R50 and the two questions of R55."""

    TYPE: ClassVar[str] = "parley.desk.review.held.v1"
    PRIVATE: ClassVar[tuple[str, ...]] = ("place",)

    at: datetime
    place: str = Field(min_length=1, max_length=100)
    participants: tuple[str, ...] = Field(min_length=1)
    key_points: Personal[str]
    new_difficulties: bool
    special_needs: bool
    feedback: Personal[str] | None = None
    satisfaction: int | None = Field(default=None, ge=1, le=5)
    feedback_about: tuple[FeedbackTheme, ...] = Field(default=(), max_length=9)


class HardshipCause(StrEnum):
    """Why the borrower cannot pay (R30)."""

    JOB_LOSS = "job_loss"
    INCOME_CUT = "income_cut"
    ILLNESS = "illness"
    DISASTER = "disaster"
    FAMILY = "family"
    OVER_INDEBTED = "over_indebted"
    OTHER = "other"


class HardshipReported(_Desk):
    """The borrower reports changed circumstances; it leads back to assessment."""

    TYPE: ClassVar[str] = "parley.desk.hardship.reported.v1"
    PRIVATE: ClassVar[tuple[str, ...]] = ("cause", "expected_end", "onset")

    cause: HardshipCause
    since: date
    expected_end: date | None = None
    onset: HardshipOnset | None = Field(default=None, description="one event, or by and by")
    words: Personal[str] | None = None


class ComplaintMade(_Desk):
    """The borrower complains, in their own words."""

    TYPE: ClassVar[str] = "parley.desk.complaint.made.v1"

    complaint_id: str
    words: Personal[str]
    owner: str | None = Field(default=None, max_length=64, description="staff id; else the pack's role")


class PreferencesSet(_Desk):
    """Language, channel and hours that the borrower prefers."""

    TYPE: ClassVar[str] = "parley.desk.preferences.set.v1"

    language: str | None = Field(default=None, pattern=r"^(zh|en)$")
    channel: str | None = Field(default=None, max_length=20)
    opt_out: tuple[str, ...] = Field(
        default=(), description="all channels that the borrower has closed; empty: as before"
    )
    opens: tuple[str, ...] = Field(
        default=(), max_length=20, description="channels that the borrower had closed and opens again"
    )
    time_zone: str | None = Field(
        default=None, max_length=60, description="where the borrower lives; else that of the pack"
    )
    consents: tuple[str, ...] | None = Field(
        default=None,
        max_length=20,
        description="all channels that the borrower has agreed to be written to by; None: as before",
    )
    lifts: tuple[str, ...] | None = Field(
        default=None,
        max_length=10,
        description="all limits of contact that the borrower has agreed not to need in this case, of those "
        "that a pack lets them; empty: they need each again; None: as before",
    )


class AlertAcknowledged(_Desk):
    """A person takes an alert in hand."""

    TYPE: ClassVar[str] = "parley.desk.alert.acknowledged.v1"

    alert_id: str
    by: str = Field(max_length=64)
