"""What desk and channels say of contacts: asked for, delivered, failed; authorities; complaints answered."""

from datetime import date, datetime
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from shared.contracts.base import AccountId, Event, Personal
from shared.policy.sections_conduct import Actor, Channel, Errand, LegalMatter, Party, Purpose

__all__ = [
    "AuthorityEnded",
    "AuthorityRecorded",
    "ComplaintAnswered",
    "ContactAsked",
    "ContactResumed",
    "NoticeDelivered",
    "NoticeFailed",
]

Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class _Desk(Event):
    PRODUCER: ClassVar[str] = "desk"


class NoticeDelivered(_Desk):
    """The other side has taken a message: a mail server, or the lender's own sender."""

    TYPE: ClassVar[str] = "parley.desk.notice.delivered.v1"

    notice_id: Id
    message_id: Id
    channel: Channel
    at: datetime
    attempts: int = Field(ge=0, description="0: it had been taken before")
    purpose: Purpose | None = Field(default=None, description="None: told by an older version")
    recipient: Id = Field(default="borrower", description="borrower, or the id of an authority on file")
    debts: tuple[AccountId, ...] = Field(
        default=(), max_length=200, description="what it was about; empty: none in particular"
    )


class NoticeFailed(_Desk):
    """A message was given up, or its time had passed before it could leave."""

    TYPE: ClassVar[str] = "parley.desk.notice.failed.v1"

    notice_id: Id
    message_id: Id
    channel: Channel
    at: datetime
    attempts: int = Field(ge=0)
    reason: str = Field(max_length=80, description="a code, never what a server answered")


class ContactAsked(_Desk):
    """Somebody wants to call, write or visit at a moment: may they?

    Where limits count it, who may is counted as having done so until the contact is recorded, or the day of
    the borrower is over. The same `contact_id` asked again takes the place of the question before.
    """

    TYPE: ClassVar[str] = "parley.desk.contact.asked.v1"

    contact_id: Id
    at: datetime
    purpose: Purpose
    matter: LegalMatter | None = Field(
        default=None, description="what a legal notice is about; where it is not said, the worst is taken"
    )
    channel: Channel
    by: Id
    actor: Actor = Field(default="creditor", description="agent: a collector that works for the lender")
    party: Party = "borrower"
    person: Id = Field(default="borrower", description="borrower, or the id of an authority or obligor")
    number: Id | None = Field(default=None, description="a reference to the number, never the number")
    errand: Errand = Field(default="talk_about_debt", description="what somebody else is spoken to for")
    debts: tuple[AccountId, ...] = Field(default=(), max_length=200)
    asks_for_payment: bool = False
    tells_about_debt: bool = True


class ContactResumed(_Desk):
    """After attempts in vain a person has decided that contact goes on, and why."""

    TYPE: ClassVar[str] = "parley.desk.contact.resumed.v1"
    PRIVATE: ClassVar[tuple[str, ...]] = ("reason",)

    by: Id
    reason: str = Field(min_length=3, max_length=400)


class AuthorityRecorded(_Desk):
    """Somebody acts for the borrower: for what, until when, and who has verified it (None: nobody yet)."""

    TYPE: ClassVar[str] = "parley.desk.authority.recorded.v1"

    authority_id: Id = Field(description="a reference, never a name: papers and stories print it")
    party: Party
    purposes: tuple[Purpose, ...] = Field(min_length=1, max_length=4)
    until: date = Field(description="the last day on which it holds")
    debts: tuple[AccountId, ...] = Field(default=(), max_length=200, description="empty: all of them")
    verified_by: Id | None = None
    evidence: str = Field(min_length=1, max_length=200, description="a reference to the paper")
    signs: bool = Field(
        default=False,
        description="the paper lets them, alone, sign agreements for the borrower and withdraw from them, "
        "not only be spoken to",
    )

    @property
    def is_verified(self) -> bool:
        """Whether somebody else than who acts has verified it; a blank is nobody."""
        return bool((self.verified_by or "").strip()) and self.verified_by != self.authority_id


class AuthorityEnded(_Desk):
    """Nobody acts for the borrower by this authority from the moment of the message on, which may be past."""

    TYPE: ClassVar[str] = "parley.desk.authority.ended.v1"

    authority_id: Id


class ComplaintAnswered(_Desk):
    """A complaint was answered; the final response closes it."""

    TYPE: ClassVar[str] = "parley.desk.complaint.answered.v1"

    complaint_id: str
    by: Id
    final: bool
    words: Personal[str]
