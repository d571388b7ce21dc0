"""What followup says: how a signed plan is kept."""

from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar

from pydantic import Field

from shared.contracts.agreement import WaivedDebt
from shared.contracts.base import Event, MoneyField, Percent, Personal, Reason
from shared.contracts.breach import BreachFacts
from shared.contracts.debts import InstalmentTotal
from shared.contracts.desk import FeedbackTheme

__all__ = [
    "ContactNoted",
    "InputRefused",
    "InstalmentCorrected",
    "InstalmentLate",
    "InstalmentMissed",
    "InstalmentPaid",
    "InstalmentPartial",
    "PaymentUnallocated",
    "PlanBroken",
    "PlanCompleted",
    "PlanStarted",
    "PromiseBroken",
    "PromiseKept",
    "PromiseNoted",
    "RenegotiationRequested",
    "ReviewDue",
    "ReviewRecorded",
    "RewardGranted",
    "SupportOffered",
]


class _Followup(Event):
    PRODUCER: ClassVar[str] = "followup"


class _Instalment(_Followup):
    agreement_id: str
    version: int
    number: int = Field(ge=1)
    due: date
    total: MoneyField
    paid: MoneyField = Field(description="what has been paid on it so far")


class PlanStarted(_Followup):
    """A signed plan is followed from now on."""

    TYPE: ClassVar[str] = "parley.followup.plan.started.v1"

    agreement_id: str
    version: int
    effective: date
    instalments: int = Field(ge=1)
    first_due: date
    last_due: date
    next_review: date
    owner: str | None = Field(default=None, description="staff id of who is responsible for the plan (R43)")


class InstalmentPaid(_Instalment):
    """Paid in full (within the policy's tolerance) by the end of the grace days."""

    TYPE: ClassVar[str] = "parley.followup.instalment.paid.v1"

    on: date
    on_time: bool
    shielded: bool = Field(
        default=False,
        description="its grace ended after a hardship was reported: that it is late hurts nothing",
    )
    shielded_days: int = Field(
        default=0, ge=0, description="days between due date and payment on which a new plan was talked about"
    )


class InstalmentPartial(_Instalment):
    """Part of it was there when the due day closed."""

    TYPE: ClassVar[str] = "parley.followup.instalment.partial.v1"


class InstalmentLate(_Instalment):
    """Nothing was there when the due day closed; the grace days run."""

    TYPE: ClassVar[str] = "parley.followup.instalment.late.v1"

    grace_until: date


class InstalmentMissed(_Instalment):
    """The grace days have passed and it is not paid."""

    TYPE: ClassVar[str] = "parley.followup.instalment.missed.v1"

    missed_in_a_row: int = Field(ge=1)
    shielded: bool = Field(
        default=False,
        description="missed after a hardship was reported: it breaks nothing, nobody is pressed",
    )


class InstalmentCorrected(_Instalment):
    """A late or returned payment changed what had been concluded: `was` before, `now` after."""

    TYPE: ClassVar[str] = "parley.followup.instalment.corrected.v1"

    was: str
    now: str
    reason: Reason
    shielded: bool = Field(
        default=False,
        description="its grace ended after a hardship was reported: a miss of it hurts nothing",
    )


class PaymentUnallocated(_Followup):
    """Money for which no instalment is open yet: kept until a plan picks it up."""

    TYPE: ClassVar[str] = "parley.followup.payment.unallocated.v1"

    payment_id: str
    amount: MoneyField


class PromiseNoted(_Followup):
    """A promise to pay is on file."""

    TYPE: ClassVar[str] = "parley.followup.promise.noted.v1"

    promise_id: str
    amount: MoneyField
    due: date


class PromiseKept(_Followup):
    """`paid ≥ promised · (1 − tolerance)` by due date plus grace."""

    TYPE: ClassVar[str] = "parley.followup.promise.kept.v1"

    promise_id: str
    paid: MoneyField
    kept_in_all: int | None = Field(default=None, ge=0, description="promises kept in this case, with it")
    broken_in_all: int | None = Field(default=None, ge=0, description="promises broken in this case")


class PromiseBroken(_Followup):
    """The promise was not kept by due date plus grace."""

    TYPE: ClassVar[str] = "parley.followup.promise.broken.v1"

    promise_id: str
    promised: MoneyField
    paid: MoneyField
    due: date
    kept_in_all: int | None = Field(default=None, ge=0, description="promises kept in this case")
    broken_in_all: int | None = Field(default=None, ge=0, description="promises broken in it, with this one")
    shielded: bool = Field(
        default=False,
        description="its last day was after a hardship was reported: it costs nothing, nobody is pressed",
    )


class ReviewDue(_Followup):
    """A regular review is due (R53: three months; six for those who perform well, R54)."""

    TYPE: ClassVar[str] = "parley.followup.review.due.v1"

    number: int = Field(ge=1)
    due: date
    interval_months: int
    reasons: tuple[Reason, ...] = ()
    questions: tuple[str, ...] = Field(default=(), description="what the pack asks in every review, by code")
    records: tuple[str, ...] = Field(default=(), description="what the pack wants on file of it, by code")


class ReviewRecorded(_Followup):
    """A review took place; the answers lead to the next date or back to assessment."""

    TYPE: ClassVar[str] = "parley.followup.review.recorded.v1"
    PRIVATE: ClassVar[tuple[str, ...]] = ("place",)

    number: int = Field(ge=0)
    at: datetime
    new_difficulties: bool
    special_needs: bool
    next_review: date
    place: str | None = None
    participants: tuple[str, ...] = ()
    satisfaction: int | None = Field(default=None, ge=1, le=5)
    feedback: bool = Field(
        default=False, description="whether the borrower gave feedback; it is in the desk's event"
    )
    feedback_about: tuple[FeedbackTheme, ...] = ()


class ContactNoted(_Followup):
    """A contact on a live plan: time, place, participants and key points (R50)."""

    TYPE: ClassVar[str] = "parley.followup.contact.noted.v1"
    PRIVATE: ClassVar[tuple[str, ...]] = ("place",)

    at: datetime
    place: str
    participants: tuple[str, ...]
    key_points: Personal[str]
    talked: bool


class RewardGranted(_Followup):
    """An incentive has vested (R38–R41)."""

    TYPE: ClassVar[str] = "parley.followup.reward.granted.v1"

    reward: str
    after_instalment: int
    waived: tuple[WaivedDebt, ...] = ()
    after_on_time: int = Field(
        default=0,
        description="instalments on time in a row that the step asked for; 0: not known",
    )
    rules: tuple[str, ...] = Field(default=(), description="the rules of cooperation that were met, by name")
    rate_cut_pct: Percent | None = Field(default=None, description="share of the plan's rate that is cut")
    not_charged: tuple[MoneyField, ...] = Field(default=(), description="interest not charged by the cut")
    instalments: tuple[InstalmentTotal, ...] = Field(default=(), description="what is due from now on")
    reasons: tuple[Reason, ...] = ()
    instruction_id: str | None = Field(
        default=None, description="the bank is to apply it, and answers by this id; None: nothing to apply"
    )
    answer_by: date | None = None


class SupportOffered(_Followup):
    """The support group is offered: good will and temporary difficulty (R58)."""

    TYPE: ClassVar[str] = "parley.followup.support.offered.v1"

    as_of: date
    reasons: tuple[Reason, ...]


class RenegotiationRequested(_Followup):
    """The plan no longer fits the borrower: back to assessment and offer, on the same case (R45)."""

    TYPE: ClassVar[str] = "parley.followup.renegotiation.requested.v1"

    agreement_id: str
    as_of: date
    reasons: tuple[Reason, ...]


class PlanCompleted(_Followup):
    """Every instalment is paid."""

    TYPE: ClassVar[str] = "parley.followup.plan.completed.v1"

    agreement_id: str
    as_of: date
    paid: tuple[MoneyField, ...]
    with_case: bool = Field(
        default=False, description="said with the end of the case, before the day is closed"
    )
    short: tuple[MoneyField, ...] = Field(
        default=(),
        description="what was paid less than agreed, per currency: no more than the agreement counts as full",
    )


class PlanBroken(_Followup):
    """The plan is broken as the pack defines it."""

    TYPE: ClassVar[str] = "parley.followup.plan.broken.v1"

    agreement_id: str
    as_of: date
    missed: int
    reasons: tuple[Reason, ...]
    returns: tuple[MoneyField, ...] = Field(
        default=(), description="what was waived on condition and is owed again, by the agreement"
    )
    rates_return: bool = Field(default=False, description="so are the rates of the contract")
    rate_cut_pct: Percent = Field(
        default=Decimal(0), description="share of the rate that rewards had cut: that stays cut"
    )
    facts: BreachFacts | None = Field(
        default=None, description="what the borrower is told; None in events of older versions"
    )


class InputRefused(_Followup):
    """An input was understood but cannot be acted on."""

    TYPE: ClassVar[str] = "parley.followup.input.refused.v1"

    cause_id: str
    cause_type: str
    reason: Reason
