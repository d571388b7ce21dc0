"""What notice says: which message to a borrower may leave, which may not, and what is on file of it."""

from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from shared.conduct.model import Rule
from shared.contracts.base import AccountId, Event, Reason
from shared.contracts.breach import BreachFacts
from shared.contracts.ids import derive_id
from shared.policy.sections_conduct import Channel, Party, Purpose

__all__ = [
    "ContactAnswered",
    "InputRefused",
    "NoticeDenied",
    "NoticeDue",
    "NoticeFiled",
    "NoticeKind",
    "NoticeWithdrawn",
    "about_breach",
    "message_id",
    "notice_id",
]


def message_id(notice_id: str, attempt: int) -> str:
    """Name an attempt at a notice: whoever has two of them can tell that they are of one."""
    return derive_id("message", notice_id, attempt)


class _Notice(Event):
    PRODUCER: ClassVar[str] = "notice"


class NoticeKind(StrEnum):
    """What a message is about; each has a template of this name in both languages."""

    STATEMENT_REQUEST = "statement_request"
    STATEMENT_REMINDER = "statement_reminder"
    OFFER = "offer"
    OFFER_REVISED = "offer_revised"
    AGREEMENT = "agreement"
    AGREEMENT_SIGNED = "agreement_signed"
    AGREEMENT_WITHDRAWN = "agreement_withdrawn"
    PROMISE_REMINDER = "promise_reminder"
    REVIEW_INVITATION = "review_invitation"
    BREACH_NOTICE = "breach_notice"
    PLAN_BROKEN = "plan_broken"
    PLAN_STANDS_AGAIN = "plan_stands_again"
    SUPPORT_OFFER = "support_offer"
    REWARD = "reward_granted"
    COMPLETION_LETTER = "completion_letter"
    NEXT_STEP = "next_step"
    SATISFACTION = "satisfaction"
    CREDIT = "credit_found"
    PAYMENT_RETURNED = "payment_returned"


def notice_id(case: str, kind: NoticeKind, about: str) -> str:
    """Name a notice: whoever gave the cause of it can tell that what is said is of that one."""
    return derive_id("notice", case, kind, about)


def about_breach(agreement_id: str, as_of: date) -> str:
    """Tell one notice of breach from another."""
    return f"{agreement_id}/{as_of.isoformat()}"


class NoticeDue(_Notice):
    """The guard lets this message leave, from `send_from` until just before `send_until`.

    No address and no name: whoever sends it looks them up. `message_id` is one attempt at the notice; a
    message that leaves twice under one id is one message.
    """

    TYPE: ClassVar[str] = "parley.notice.due.v1"

    notice_id: str
    message_id: str
    attempt: int = Field(ge=1)
    kind: NoticeKind
    category: Purpose
    channel: Channel
    language: str
    arguments: dict[str, str] = Field(description="of the template: dates in ISO 8601, never personal data")
    party: Party = "borrower"
    recipient: str = Field(default="borrower", description="borrower, or the id of an authority on file")
    send_from: datetime
    send_until: datetime
    useful_until: date
    debts: tuple[AccountId, ...] = Field(
        default=(), max_length=200, description="what it is about; empty: none in particular"
    )
    facts: BreachFacts | None = Field(
        default=None,
        description="figures of the debt, for who was shown to be the borrower; None: it names no debt",
    )


class NoticeDenied(_Notice):
    """The message may not leave: by which rules, and from when on it may; None: not by time alone.

    What was due under this notice and has not left stays here. It is asked again when something changes.
    """

    TYPE: ClassVar[str] = "parley.notice.denied.v1"
    PRIVATE: ClassVar[tuple[str, ...]] = ("basis",)

    notice_id: str
    kind: NoticeKind
    category: Purpose
    channel: Channel
    rule: Rule = Field(description="the heaviest of the rules")
    rules: tuple[Rule, ...] = Field(min_length=1)
    basis: str = Field(description="the value of the pack that the rule rests on")
    allowed_again: datetime | None = None


class NoticeWithdrawn(_Notice):
    """The message is of no use any more; what has not left stays here."""

    TYPE: ClassVar[str] = "parley.notice.withdrawn.v1"

    notice_id: str
    kind: NoticeKind
    reason: Reason
    may_have_left: bool = Field(
        default=False, description="its time had come, and nobody has said whether it went out"
    )


class NoticeFiled(_Notice):
    """An attempt is on file (R50): when, where, with whom, about what, how it ended, what comes next."""

    TYPE: ClassVar[str] = "parley.notice.filed.v1"

    notice_id: str
    message_id: str
    at: datetime
    place: Channel
    participants: tuple[str, ...]
    key_points: NoticeKind
    outcome: str = Field(description="message_left, or not_sent with the reason that the sender gave")
    next_step: str = Field(description="await_answer, try_again, another_channel or none")
    recorded_by: str


class ContactAnswered(_Notice):
    """The guard's answer to somebody at the desk who wants to make a contact."""

    TYPE: ClassVar[str] = "parley.notice.contact.answered.v1"

    contact_id: str
    allowed: bool
    rule: Rule | None = None
    rules: tuple[Rule, ...] = ()
    allowed_again: datetime | None = None


class InputRefused(_Notice):
    """An input was understood but cannot be acted on."""

    TYPE: ClassVar[str] = "parley.notice.input.refused.v1"

    cause_id: str
    cause_type: str
    reason: Reason
