"""What goes on `<service>.dead-letter`: the original key, bytes and headers, and why."""

from __future__ import annotations

from datetime import date

from shared.runtime.inbound import Failure
from shared.runtime.ports import Outgoing, Publisher, Record, UnencodableError
from shared.runtime.service import Service

__all__ = ["PREFIX", "dead_letter", "due_work_letter"]

PREFIX = "parley-"
"""Of the headers that say why; those of the original record stand before them, untouched."""


def dead_letter(
    service: Service, record: Record, failure: Failure, document: str | None, publisher: Publisher
) -> Outgoing:
    """Give the copy of `record` for the dead letters. What is too large even there goes without its value."""
    headers = record.headers + _reason(
        failure,
        document,
        topic=record.topic,
        partition=str(record.partition),
        offset=str(record.offset),
        timestamp=str(record.timestamp_ms),
    )
    letter = Outgoing(service.dead_letter_topic, record.key, record.value, headers)
    try:
        publisher.measure(letter)
    except UnencodableError:
        return Outgoing(
            service.dead_letter_topic,
            None,
            b"",
            (*headers[len(record.headers) :], (PREFIX + "truncated", b"true")),
        )
    return letter


def due_work_letter(service: Service, document: str, key: str, day: date, failure: Failure) -> Outgoing:
    """Give the letter for due work that failed: there is no record, only the day."""
    return Outgoing(
        service.dead_letter_topic, key.encode(), b"", _reason(failure, document, day=day.isoformat())
    )


def _reason(failure: Failure, document: str | None, **where: str) -> tuple[tuple[str, bytes], ...]:
    fields = {"reason": failure.reason.value, "detail": failure.detail, "document": document or "", **where}
    return tuple((PREFIX + name, text.encode()) for name, text in fields.items() if text)
