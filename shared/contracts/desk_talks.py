"""What a borrower may ask for at any time in the talks: a person, and the explanation of a decision."""

from typing import ClassVar

from pydantic import Field

from shared.contracts.base import Event, Personal

__all__ = ["ExplanationRequested", "HumanRequested"]


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
