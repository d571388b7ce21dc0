"""What intake says: cases, debts, payments. Nobody downstream sees a bank event."""

from datetime import date
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from shared.contracts.agreement import CollectionOrder
from shared.contracts.base import AccountId, Event, MoneyField, Part, Percent, Reason
from shared.contracts.debts import Allocation, DebtLedger, DebtSnapshot, Lateness, PackId, Step
from shared.contracts.parties import CaseHalt, ObligorRole, PartyInCase, StopInForce
from shared.contracts.reach import EarlierReach

__all__ = [
    "BalanceDifferenceClosed",
    "BalanceDiffers",
    "BalanceOutcome",
    "BankAnswered",
    "CaseAssigned",
    "CaseChanged",
    "CaseClosed",
    "CaseOpened",
    "CloseReason",
    "HeldDebt",
    "InputRefused",
    "InstructionAbout",
    "JointDebtElsewhere",
    "PartiesChanged",
    "PaymentMatched",
    "PaymentTakenBack",
    "PlanDebtsChanged",
    "RateDifferenceClosed",
    "RateDiffers",
    "StopsChanged",
    "StopsInstructed",
]


class _Intake(Event):
    PRODUCER: ClassVar[str] = "intake"


class CaseOpened(_Intake):
    """A customer's accounts are overdue: one case for all of them, with its timetable."""

    TYPE: ClassVar[str] = "parley.intake.case.opened.v1"

    episode: int = Field(ge=1)
    opened_on: date
    policy: PackId = Field(description="the pack of conduct of the case")
    policy_version: str
    language: str
    region: str | None = None
    debts: tuple[DebtSnapshot, ...] = Field(min_length=1)
    timetable: tuple[Step, ...]
    conduct: tuple[PackId, ...] = Field(
        default=(), description="the packs of the debts: the strictest of them rules conduct, rule by rule"
    )
    reach: EarlierReach | None = Field(
        default=None, description="what rules of contact count from before the case; None: nothing is known"
    )
    lateness: tuple[Lateness, ...] = Field(
        default=(),
        description="how late each debt is that the bank still holds, by its own pack, latest first",
    )
    bucket: str | None = Field(default=None, description="the band of days of the latest of them")
    risk_class: str | None = Field(default=None, description="the risk class of the latest of them")


class CaseChanged(_Intake):
    """The debts of a case changed; `debts` is the whole list as it stands."""

    TYPE: ClassVar[str] = "parley.intake.case.changed.v1"

    as_of: date
    debts: tuple[DebtSnapshot, ...] = Field(min_length=1)
    reasons: tuple[Reason, ...] = ()
    ledgers: tuple[DebtLedger, ...] = Field(default=(), description="of the debts it touched, in totals")
    conduct: tuple[PackId, ...] = Field(
        default=(), description="the packs of the debts: the strictest of them rules conduct, rule by rule"
    )
    lateness: tuple[Lateness, ...] = Field(
        default=(),
        description="how late each debt is that the bank still holds, by its own pack, latest first",
    )
    bucket: str | None = Field(default=None, description="the band of days of the latest of them")
    risk_class: str | None = Field(default=None, description="the risk class of the latest of them")


class CaseAssigned(_Intake):
    """A named negotiator owns the case from now on (R43)."""

    TYPE: ClassVar[str] = "parley.intake.case.assigned.v1"

    owner: str = Field(description="the negotiator's staff id")
    reasons: tuple[Reason, ...] = ()
    previous: str | None = Field(default=None, description="who had it before")
    by: str | None = Field(default=None, description="staff id of who gave the order, if somebody did")


class CloseReason(StrEnum):
    """Why a case is closed."""

    CURED = "cured"
    SETTLED = "settled"
    PLAN_COMPLETED = "plan_completed"
    SOLD = "sold"
    RECALLED = "recalled"
    ELSEWHERE = "elsewhere"


class CaseClosed(_Intake):
    """Nothing is overdue any more, or the debts left: the episode ends. What follows opens the next one."""

    TYPE: ClassVar[str] = "parley.intake.case.closed.v1"

    as_of: date
    reason: CloseReason
    debts: tuple[DebtSnapshot, ...] = ()
    ledgers: tuple[DebtLedger, ...] = Field(default=(), description="of every debt of the case, in totals")


class PaymentMatched(_Intake):
    """A payment of the customer, allocated to the debts in the order of the policy.

    The parts and `unallocated` add up to `amount`.
    """

    TYPE: ClassVar[str] = "parley.intake.payment.matched.v1"

    payment_id: str
    amount: MoneyField
    value_date: date
    allocations: tuple[Allocation, ...]
    unallocated: MoneyField
    debts: tuple[DebtSnapshot, ...] = Field(default=(), description="the debts after it")
    ledgers: tuple[DebtLedger, ...] = Field(default=(), description="of the debts it touched, in totals")
    in_balance: bool = Field(
        default=False, description="the bank's figures held it already: what is owed did not change"
    )
    beside: MoneyField | None = Field(
        default=None,
        description="went to debts outside the signed plan, and is nothing that it asks for",
    )

    def money_date(self) -> date:
        """Give the value date."""
        return self.value_date


class PaymentTakenBack(_Intake):
    """A payment was returned, whole or in part: what it had been allocated to is owed again.

    A debt that has gone on to a later case is owed again in that one, whose change says so; here its part is
    `elsewhere`.
    """

    TYPE: ClassVar[str] = "parley.intake.payment.taken-back.v1"

    payment_id: str
    reversal_id: str
    amount: MoneyField
    reversed_on: date
    value_date: date = Field(description="value date of the payment that was returned")
    allocations: tuple[Allocation, ...]
    debts: tuple[DebtSnapshot, ...] = ()
    ledgers: tuple[DebtLedger, ...] = Field(default=(), description="of the debts it touched, in totals")
    in_balance: bool = Field(
        default=False, description="the bank's figures held it already: what is owed did not change"
    )
    beside: MoneyField | None = Field(default=None, description="what of it had gone beside the plan")
    made_up: MoneyField | None = Field(
        default=None,
        description="was paid in its place by other money that no debt had had room for: `allocations` are "
        "less by it",
    )
    elsewhere: tuple[Allocation, ...] = Field(
        default=(), description="parts that are owed again in a later case: of debts that have gone on to it"
    )

    def money_date(self) -> date:
        """Give the day of the return."""
        return self.reversed_on


class PartiesChanged(_Intake):
    """The other obligors of the case's debts, as they all stand: their debts, wishes and consents."""

    TYPE: ClassVar[str] = "parley.intake.parties.changed.v1"

    as_of: date
    parties: tuple[PartyInCase, ...]


class StopsChanged(_Intake):
    """What stops debts of the case, or protects a person in it: all that is in force."""

    TYPE: ClassVar[str] = "parley.intake.stops.changed.v1"
    PRIVATE: ClassVar[tuple[str, ...]] = ("stops", "halt", "past", "over", "mistaken")

    as_of: date
    stops: tuple[StopInForce, ...]
    halt: CaseHalt | None = Field(
        default=None, description="None: the case goes on, at least about one of its debts"
    )
    past: CaseHalt | None = Field(
        default=None, description="what halted the case for days that were over when it was told"
    )
    over: tuple[StopInForce, ...] = Field(
        default=(),
        description="of other obligors: what has ended with this word, or was over when it was told, up to "
        "`ends_on`; one that ended before it began was a mistake",
    )
    mistaken: tuple[StopInForce, ...] = Field(
        default=(), description="what had stopped these debts and is withdrawn with this word: it never was"
    )


class HeldDebt(Part):
    """What must not go on about a debt because of stop events, as it all stands: none of it means nothing.

    `stops` are contact, interest, fees, enforcement; `resumes` what was stopped and may go on again.
    `collection` binds the bank's agents too: to stop it, or to take it up again; None leaves it as it is (a
    signed plan may still stop it). With `party_id` it is about another obligor and not about the customer.
    """

    debt_id: AccountId
    stops: tuple[str, ...] = ()
    resumes: tuple[str, ...] = ()
    collection: CollectionOrder | None = None
    party_id: str | None = None


class StopsInstructed(_Intake):
    """An instruction to the bank: what stop events stop about debts, and what goes on after them.

    Idempotent by `instruction_id`; it answers on `bank.events`. It holds beside what a plan says: the bank
    collects, or charges, only where neither forbids it. Debts that are not named stay as they were.
    """

    TYPE: ClassVar[str] = "parley.intake.stops.instructed.v1"

    instruction_id: str
    effective: date
    answer_by: date
    holds: tuple[HeldDebt, ...] = Field(min_length=1)


class PlanDebtsChanged(_Intake):
    """Debts have left a signed plan, or come back, while it is in force: it is re-opened over what remains.

    `left` are all that are out of it now, `beside` the overdue debts that it never covered (one that came
    back after the plan was signed over the others). Its schedule is kept until a new one is signed. A debt
    that was sold has not left it, for the buyer is bound by it; but it is not ours to talk about, and so not
    among those `remaining`.
    """

    TYPE: ClassVar[str] = "parley.intake.plan.debts-changed.v1"

    agreement_id: str
    as_of: date
    left: tuple[AccountId, ...]
    remaining: tuple[AccountId, ...]
    beside: tuple[AccountId, ...] = ()


class JointDebtElsewhere(_Intake):
    """The customer owes a joint debt, or stands in for it, that the case of another obligor holds.

    Here it is known and nothing more: neither what is owed nor what is agreed about it.
    """

    TYPE: ClassVar[str] = "parley.intake.joint-debt.elsewhere.v1"

    account_id: AccountId
    role: ObligorRole | None = Field(default=None, description="None: the customer is not an obligor")
    as_of: date


class BalanceDiffers(_Intake):
    """The bank's balance of a debt in a signed plan is not what the plan says. A person finds out why.

    Until then both figures stand on the case: neither the plan nor the bank's figure is changed by it. The
    plan says what was owed at the signing, less what was waived and paid since, with the interest and the
    fees that it agrees on; `difference` is the bank's figure less that, after the tolerance of the pack.
    """

    TYPE: ClassVar[str] = "parley.intake.balance.differs.v1"

    account_id: AccountId
    agreement_id: str
    as_of: date
    bank_says: MoneyField
    plan_says: MoneyField
    difference: MoneyField
    reason: Reason


class BalanceOutcome(StrEnum):
    """How a difference of balances came to its end."""

    BANK_RIGHT = "bank_right"
    PLAN_RIGHT = "plan_right"
    AGREES_AGAIN = "agrees_again"
    PLAN_OVER = "plan_over"


class BalanceDifferenceClosed(_Intake):
    """A difference of balances is settled: by a person, by newer figures, or because the plan is over.

    Where the plan's figure is right the bank corrects its own until `correct_by`; else it is said again.
    """

    TYPE: ClassVar[str] = "parley.intake.balance.difference.closed.v1"

    account_id: AccountId
    agreement_id: str
    as_of: date
    outcome: BalanceOutcome
    difference: MoneyField
    by: str | None = Field(default=None, description="staff id of the person who settled it")
    correct_by: date | None = None


class RateDiffers(_Intake):
    """An overdue notice names a higher rate than the one that stands by a plan or a reward: a person looks.

    Until then the agreed rate stands, whatever the bank's notices say. Said again when the bank's changes.
    """

    TYPE: ClassVar[str] = "parley.intake.rate.differs.v1"

    account_id: AccountId
    as_of: date
    bank_says: Percent
    agreed: Percent
    reason: Reason


class RateDifferenceClosed(_Intake):
    """A difference of rates is settled: by a person, by a newer notice, or because the plan is over.

    Where the agreed rate is right the bank corrects its own until `correct_by`; else it is said again.
    """

    TYPE: ClassVar[str] = "parley.intake.rate.difference.closed.v1"

    account_id: AccountId
    as_of: date
    outcome: BalanceOutcome
    bank_says: Percent
    by: str | None = Field(default=None, description="staff id of the person who settled it")
    correct_by: date | None = None


class InstructionAbout(StrEnum):
    """What the bank was instructed about."""

    PLAN = "plan"
    STOPS = "stops"
    CREDIT = "credit"
    REWARD = "reward"
    REFERRAL = "referral"


class BankAnswered(_Intake):
    """The bank's answer to an instruction, passed on in the case's own vocabulary."""

    TYPE: ClassVar[str] = "parley.intake.bank.answered.v1"
    PRIVATE: ClassVar[tuple[str, ...]] = ("reason",)

    instruction_id: str
    confirmed: bool
    as_of: date
    reason: str | None = None
    about: InstructionAbout | None = Field(default=None, description="None: the instruction is not known")


class InputRefused(_Intake):
    """An input was understood but cannot be acted on."""

    TYPE: ClassVar[str] = "parley.intake.input.refused.v1"

    cause_id: str
    cause_type: str
    reason: Reason
