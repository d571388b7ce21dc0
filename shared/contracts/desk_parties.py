"""What the desk says about other obligors of a debt, and about what stops a debt or a person."""

from datetime import date
from typing import ClassVar

from pydantic import Field

from shared.contracts.base import AccountId, Event, Personal
from shared.contracts.parties import StopCause

__all__ = ["CoBorrowerSigned", "GuarantorAgreed", "PartyRightsSet", "StopLifted", "StopReported"]


class _Desk(Event):
    PRODUCER: ClassVar[str] = "desk"


class PartyRightsSet(_Desk):
    """What another obligor wishes or consents to; what is None stays as it was."""

    TYPE: ClassVar[str] = "parley.desk.party.rights-set.v1"

    party_id: str = Field(min_length=1, max_length=64)
    language: str | None = Field(default=None, pattern=r"^(zh|en)$")
    channel: str | None = Field(default=None, max_length=20)
    opt_out: tuple[str, ...] | None = None
    may_contact: bool | None = None
    may_discuss: bool | None = Field(
        default=None, description="the customer of the case agrees that it may be discussed with them"
    )
    evidence: str | None = Field(default=None, max_length=200, description="a reference to the consent")


class GuarantorAgreed(_Desk):
    """A guarantor agrees in writing to the document of one version, by the hash of its content."""

    TYPE: ClassVar[str] = "parley.desk.guarantor.agreed.v1"

    party_id: str = Field(min_length=1, max_length=64)
    agreement_id: str
    version: int = Field(ge=1)
    content_hash: str = Field(pattern=r"^[0-9a-f]{64}$")
    evidence: str = Field(
        min_length=1, max_length=200, description="a reference to the signed paper or its electronic form"
    )


class CoBorrowerSigned(_Desk):
    """A co-borrower signs the document of one version, by the hash of its content: its terms bind them, too.

    An event of its own, so that nobody takes it for the borrower's acceptance.
    """

    TYPE: ClassVar[str] = "parley.desk.co-borrower.signed.v1"

    party_id: str = Field(min_length=1, max_length=64)
    agreement_id: str
    version: int = Field(ge=1)
    content_hash: str = Field(pattern=r"^[0-9a-f]{64}$")
    channel: str = Field(max_length=20)
    evidence: str = Field(max_length=200, description="a reference: one-time code, recording, certificate")
    checked: tuple[str, ...] = Field(
        default=(), max_length=10, description="what was checked of who signs: identity, capacity"
    )


class StopReported(_Desk):
    """Somebody tells the desk what stops debts or protects a person: a dispute, an insolvency, a death.

    Without accounts it is about every debt of the case; without a party, about the customer of the case.
    """

    TYPE: ClassVar[str] = "parley.desk.stop.reported.v1"
    PRIVATE: ClassVar[tuple[str, ...]] = ("cause", "expected_end")

    stop_id: str = Field(min_length=1, max_length=64)
    cause: StopCause
    since: date
    accounts: tuple[AccountId, ...] = Field(default=(), max_length=200)
    party_id: str | None = Field(default=None, max_length=64)
    expected_end: date | None = None
    words: Personal[str] | None = None


class StopLifted(_Desk):
    """What stopped has ended."""

    TYPE: ClassVar[str] = "parley.desk.stop.lifted.v1"
    PRIVATE: ClassVar[tuple[str, ...]] = ("outcome",)

    stop_id: str = Field(min_length=1, max_length=64)
    on: date
    outcome: str | None = Field(default=None, max_length=100)
