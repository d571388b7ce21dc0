"""What the services did not act on: by whom, which message, why, and where to read it.

Made from the published messages alone. A refusal is a normal outcome and no dead letter; but where the bank
mistypes the name of a pack, nothing else ever tells of the account. Two more are listed of which no service
says a word: another content under an id that was used before, as a mended message has that kept its id, and
a question that nobody answers. No value of a message is in it: what was mistyped may be anything, so it is
read in the case.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field
from datetime import date
from hashlib import blake2b
from typing import Any, Final

from shared.contracts.bank import DayClosed
from shared.contracts.desk_contact import ContactAsked, NoticeDelivered, NoticeFailed
from shared.contracts.envelope import Envelope
from shared.contracts.notice import ContactAnswered
from shared.contracts.reasons import ReasonCode
from shared.contracts.refusing import REFUSED

__all__ = ["ID_USED", "NOT_ANSWERED", "Refusal", "Refusals"]

ID_USED: Final = "id_used_before"
"""Passed over as a duplicate, though it says another thing than what had the id first."""

NOT_ANSWERED: Final = "not_answered"
"""Only notice answers whether a contact may be made, and where it does not run nobody does."""

_FIELDS: Final[dict[str, str]] = {
    ReasonCode.UNKNOWN_PRODUCT: "product",
    ReasonCode.CURRENCY_MISMATCH: "currency",
    ReasonCode.AMOUNT_OUT_OF_RANGE: "amount",
    ReasonCode.UNKNOWN_ACCOUNT: "account_id",
    ReasonCode.JOINT_DEBT_ELSEWHERE: "account_id",
    ReasonCode.NOTHING_OWED: "outstanding",
    ReasonCode.STALE_FACT: "as_of",
    ReasonCode.PAYMENT_KNOWN: "payment_id",
    ReasonCode.UNKNOWN_PAYMENT: "payment_id",
    ReasonCode.REVERSAL_EXCEEDS_PAYMENT: "amount",
}
"""The field that a sender looks at; other reasons are about where the case stands."""


_OWN: Final = (DayClosed, NoticeDelivered, NoticeFailed)
"""What the platform itself says again, where it cannot know that it was said: never a mended message."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """So many messages of one type that one service refused for one reason; `case` is the last one's.

    `without_case`: how many of them are of customers who have no open case now. `parley case` reads `case`
    also where none was ever opened; it is empty where nothing was ever said of the customer.
    """

    service: str
    message: str
    reason: str
    field: str | None
    count: int
    without_case: int
    last: date
    case: str


@dataclass(slots=True)
class _Seen:
    customers: list[str] = field(default_factory=list)
    last: date = date.min
    customer: str = ""
    case: str = ""

    def add(self, message: Envelope[Any]) -> None:
        self.customers.append(message.key)
        if message.day >= self.last:
            self.last, self.customer, self.case = message.day, message.key, message.subject or ""


class Refusals:
    """Sees every message, the bank's and the desk's before the services'; then lists what was refused."""

    def __init__(self) -> None:
        self._heard: set[tuple[str, str]] = set()
        self._found: dict[tuple[str, str, str], _Seen] = {}
        self._contents: dict[tuple[str, str, str], bytes] = {}
        self._asked: dict[tuple[str, str], Envelope[Any]] = {}
        self._cases: dict[str, str] = {}

    def saw(self, message: Envelope[Any]) -> None:
        """Take note of a message, unless a service has published it before."""
        data = message.data
        if data.PRODUCER in {"bank", "desk"} and not isinstance(data, _OWN):
            self._said(message)
            return
        if message.subject is not None:
            self._cases[message.key] = message.subject
        if isinstance(data, ContactAnswered):
            self._asked.pop((message.case, data.contact_id), None)
        if not isinstance(data, REFUSED) or (message.source, message.id) in self._heard:
            return
        self._heard.add((message.source, message.id))
        self._seen(data.PRODUCER, data.cause_type, data.reason.code.value).add(message)
        if data.cause_type == ContactAsked.TYPE:
            self._asked = {at: asked for at, asked in self._asked.items() if asked.id != data.cause_id}

    def _said(self, message: Envelope[Any]) -> None:
        data = message.data
        # As every service knows it: by customer, source and id.
        name = (message.key, message.source, message.id)
        content = blake2b(f"{message.type} {data.model_dump_json()}".encode(), digest_size=8).digest()
        if self._contents.setdefault(name, content) != content:
            self._seen("–", message.type, ID_USED).add(message)
        elif isinstance(data, ContactAsked):
            self._asked[message.case, data.contact_id] = message

    def _seen(self, service: str, kind: str, reason: str) -> _Seen:
        return self._found.setdefault((service, kind, reason), _Seen())

    def lines(self, with_open_case: Set[str]) -> list[Refusal]:
        """List them, those first that left somebody without a case, then the most frequent.

        `with_open_case` are the customers who have one.
        """
        found = dict(self._found)
        if self._asked:
            unanswered = found["notice", ContactAsked.TYPE, NOT_ANSWERED] = _Seen()
            for asked in self._asked.values():
                unanswered.add(asked)
        lines = [
            Refusal(
                service=service,
                message=kind,
                reason=reason,
                field="id" if reason == ID_USED else _FIELDS.get(reason),
                count=len(seen.customers),
                without_case=sum(customer not in with_open_case for customer in seen.customers),
                last=seen.last,
                case=seen.case or self._cases.get(seen.customer, ""),
            )
            for (service, kind, reason), seen in found.items()
        ]
        return sorted(lines, key=lambda x: (-x.without_case, -x.count, x.service, x.message, x.reason))
