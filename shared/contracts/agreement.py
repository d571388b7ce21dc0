"""What agreement says: drafts, signatures, and instructions to the bank."""

from datetime import date
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from shared.contracts.base import Event, MoneyField, Part, Reason
from shared.contracts.debts import Balances, DebtSchedule, InstalmentTotal, PackId, Plan
from shared.contracts.desk import SignatureParty

__all__ = [
    "AgreementCompleted",
    "AgreementDrafted",
    "AgreementEnded",
    "AgreementReturned",
    "AgreementSigned",
    "BankInstructed",
    "GuarantorConsented",
    "InputRefused",
    "InstructionKind",
    "PartySigned",
    "WaivedDebt",
]


class _Agreement(Event):
    PRODUCER: ClassVar[str] = "agreement"


class AgreementDrafted(_Agreement):
    """The formal document from the agreed plan, recomputed on today's balances; both sign `content_hash`."""

    TYPE: ClassVar[str] = "parley.agreement.drafted.v1"

    agreement_id: str
    version: int = Field(ge=1)
    offer_id: str
    plan: Plan
    schedules: tuple[DebtSchedule, ...]
    instalments: tuple[InstalmentTotal, ...]
    sections: tuple[str, ...] = Field(description="the mandatory sections of the pack, by name")
    language: str
    drafted_on: date
    sign_by: date
    content_hash: str = Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the canonical content")
    policy_version: str
    guarantors: tuple[str, ...] = Field(
        default=(), description="party ids of guarantors whose liability grows: each agrees in writing first"
    )


class PartySigned(_Agreement):
    """One party's signature is on file; with both, the agreement is signed when the day has closed."""

    TYPE: ClassVar[str] = "parley.agreement.party.signed.v1"

    agreement_id: str
    version: int
    party: SignatureParty
    content_hash: str


class GuarantorConsented(_Agreement):
    """A guarantor whose liability grows has agreed in writing to the document."""

    TYPE: ClassVar[str] = "parley.agreement.guarantor.consented.v1"

    agreement_id: str
    version: int
    party_id: str
    content_hash: str


class WaivedDebt(Part):
    """What is waived of a debt."""

    debt_id: str
    amounts: Balances


class AgreementSigned(_Agreement):
    """Both parties have signed. Collection stops while it is kept (Art. 70)."""

    TYPE: ClassVar[str] = "parley.agreement.signed.v1"

    agreement_id: str
    version: int = Field(ge=1)
    offer_id: str
    effective: date
    schedules: tuple[DebtSchedule, ...]
    instalments: tuple[InstalmentTotal, ...]
    waived: tuple[WaivedDebt, ...] = Field(default=(), description="what is waived with the signature")
    content_hash: str
    policy: PackId
    policy_version: str


class AgreementReturned(_Agreement):
    """The draft no longer fits (a balance changed, the day to sign passed): back to the table."""

    TYPE: ClassVar[str] = "parley.agreement.returned.v1"

    agreement_id: str
    version: int
    offer_id: str
    as_of: date
    reason: Reason


class InstructionKind(StrEnum):
    """What the bank is asked to do."""

    APPLY_PLAN = "apply_plan"
    STOP_COLLECTION = "stop_collection"
    RESUME_COLLECTION = "resume_collection"
    PLAN_COMPLETED = "plan_completed"


class BankInstructed(_Agreement):
    """An instruction to the bank: idempotent by `instruction_id`; it answers on `bank.events`."""

    TYPE: ClassVar[str] = "parley.agreement.bank.instructed.v1"

    instruction_id: str
    agreement_id: str
    version: int
    kind: InstructionKind
    effective: date
    schedules: tuple[DebtSchedule, ...] = ()
    waived: tuple[WaivedDebt, ...] = ()
    answer_by: date


class AgreementCompleted(_Agreement):
    """Every instalment is paid."""

    TYPE: ClassVar[str] = "parley.agreement.completed.v1"

    agreement_id: str
    as_of: date
    paid: tuple[MoneyField, ...] = ()


class AgreementEnded(_Agreement):
    """The agreement is over before completion: broken, or the case was closed."""

    TYPE: ClassVar[str] = "parley.agreement.ended.v1"

    agreement_id: str
    as_of: date
    reason: Reason


class InputRefused(_Agreement):
    """An input was understood but cannot be acted on: wrong hash, wrong version, too late."""

    TYPE: ClassVar[str] = "parley.agreement.input.refused.v1"

    cause_id: str
    cause_type: str
    reason: Reason
