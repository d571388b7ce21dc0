"""A message with what travels around it: the CloudEvents attributes, in Python's terms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Generic, TypeVar

from shared.contracts.base import Event

__all__ = ["Envelope"]

E_co = TypeVar("E_co", bound=Event, covariant=True)


@dataclass(frozen=True, slots=True)
class Envelope(Generic[E_co]):
    """One message.

    `id` and `source` identify it; `time` is business time, aware; `key` is the customer number (the record's
    key); `subject` is the case id (bank events know none); `sequence` counts from 1 per source service and
    case (None on external inputs); `causation` is the id of the message that caused it; `traceparent`
    and `tracestate` are the W3C context it arrived with.
    """

    id: str
    source: str
    time: datetime
    key: str
    data: E_co
    subject: str | None = None
    sequence: int | None = None
    causation: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None

    @property
    def type(self) -> str:
        """The CloudEvents type."""
        return self.data.TYPE

    @property
    def day(self) -> date:
        """The business date: the date of `time` in its own offset."""
        return self.time.date()

    @property
    def case(self) -> str:
        """The case id; a message that has none raises ValueError (the runtime never passes one on)."""
        if self.subject is None:
            raise ValueError(f"subject: a {self.type} message needs the case id in ce_subject")
        return self.subject
