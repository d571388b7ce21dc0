"""What the services understood and did not act on: by whom, which message, why, and where to read it.

Made from the published messages alone. A refusal is a normal outcome and no dead letter; but where the bank
mistypes the name of a pack, nothing else ever tells of the account. No value of a message is in it: what
was mistyped may be anything, so it is read in the case.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from shared.contracts.envelope import Envelope
from shared.contracts.reasons import ReasonCode
from shared.contracts.refusing import REFUSED

__all__ = ["Refusal", "Refusals"]

_FIELDS: Final = {
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


@dataclass(frozen=True, slots=True)
class Refusal:
    """So many messages of one type that one service refused for one reason; `case` is the last one's.

    `without_case`: how many of them are of customers who have no open case now. `parley case` reads `case`
    also where none was ever opened.
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
    case: str = ""


class Refusals:
    """Sees every message of the services once; then lists what was refused."""

    def __init__(self) -> None:
        self._heard: set[tuple[str, str]] = set()
        self._found: dict[tuple[str, str, ReasonCode], _Seen] = {}

    def saw(self, message: Envelope[Any]) -> None:
        """Take note of a refusal, unless it was seen before (it may be published twice)."""
        data = message.data
        if not isinstance(data, REFUSED) or (message.source, message.id) in self._heard:
            return
        self._heard.add((message.source, message.id))
        seen = self._found.setdefault((data.PRODUCER, data.cause_type, data.reason.code), _Seen())
        seen.customers.append(message.key)
        if message.day >= seen.last:
            seen.last, seen.case = message.day, message.case

    def lines(self, with_open_case: Set[str]) -> list[Refusal]:
        """List them, those first that left somebody without a case, then the most frequent.

        `with_open_case` are the customers who have one.
        """
        lines = [
            Refusal(
                service=service,
                message=kind,
                reason=code.value,
                field=_FIELDS.get(code),
                count=len(seen.customers),
                without_case=sum(customer not in with_open_case for customer in seen.customers),
                last=seen.last,
                case=seen.case,
            )
            for (service, kind, code), seen in self._found.items()
        ]
        return sorted(lines, key=lambda x: (-x.without_case, -x.count, x.service, x.message, x.reason))
