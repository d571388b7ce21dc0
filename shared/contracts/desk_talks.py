"""What a borrower may ask for at any time in the talks: a person, an explanation; and that papers arrived."""

from datetime import date
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from shared.contracts.base import Event, MoneyField, Part, Personal

__all__ = [
    "DocumentsReceived",
    "ExplanationRequested",
    "HumanRequested",
    "LumpSumOffered",
    "MoneySource",
    "RequestAnswered",
    "RequestKind",
]


class RequestKind(StrEnum):
    """What a borrower may ask us for."""

    HUMAN = "human"
    EXPLANATION = "explanation"


class RequestAnswered(Part):
    """A request of the borrower that a talk has answered: of one kind and matter at most one is open."""

    what: RequestKind
    about: str | None = Field(
        default=None, max_length=64, description="as the request says it; None: how things stand, or a person"
    )


class _Desk(Event):
    PRODUCER: ClassVar[str] = "desk"


class HumanRequested(_Desk):
    """The borrower wants a person to deal with the case; what is on the table stays there meanwhile."""

    TYPE: ClassVar[str] = "parley.desk.human.requested.v1"

    words: Personal[str] | None = None


class ExplanationRequested(_Desk):
    """The borrower wants to know how a decision came about."""

    TYPE: ClassVar[str] = "parley.desk.explanation.requested.v1"

    about: str | None = Field(
        default=None,
        max_length=64,
        description="the offer or the request it is about; None: how things stand",
    )
    words: Personal[str] | None = None


class MoneySource(StrEnum):
    """Where money comes from that a borrower offers to pay at once."""

    SAVINGS = "savings"
    RELATIVES = "relatives"  # given, not lent
    SEVERANCE = "severance"
    INSURANCE = "insurance"
    INHERITANCE = "inheritance"
    SALE_OF_ASSETS = "sale_of_assets"  # other than the home
    SALE_OF_HOME = "sale_of_home"
    BORROWED = "borrowed"  # from whomever
    OTHER = "other"


class LumpSumOffered(_Desk):
    """The borrower offers to pay a sum at once, whether or not an offer is on the table; nobody asked."""

    TYPE: ClassVar[str] = "parley.desk.lump.sum.offered.v1"
    PRIVATE: ClassVar[tuple[str, ...]] = ("source",)

    amount: MoneyField
    source: MoneySource | None = Field(default=None, description="None: not said")
    available_on: date | None = Field(default=None, description="when the money is there; None: now")
    words: Personal[str] | None = None


class DocumentsReceived(_Desk):
    """The borrower has received the agreement: the days to withdraw may count from here."""

    TYPE: ClassVar[str] = "parley.desk.documents.received.v1"

    agreement_id: str = Field(min_length=1, max_length=64)
    channel: str = Field(min_length=1, max_length=20)
    evidence: str = Field(default="", max_length=200, description="reference of the proof; no personal data")
