"""What goes on `<service>.dead-letter`: the original key, bytes and headers, and why.

And what of it is parked where it is too large for the database.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from shared.contracts.ids import derive_id
from shared.runtime.inbound import Failure
from shared.runtime.ports import Outgoing, Publisher, Record, UnencodableError
from shared.runtime.service import Service

__all__ = ["PREFIX", "dead_letter", "discard_id", "due_work_letter", "storable"]

PREFIX = "parley-"
"""Of the headers that say why; those of the original record stand before them, untouched."""

_HEADER_BYTES = 64  # what a header costs in a document beside its name and value, at most


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


def discard_id(service: str, record: str) -> str:
    """Give the id under which the reason of a discard is kept; `record` is "topic/partition/offset".

    A record is discarded by a service once at most. So the id can be computed, and nothing is searched for.
    """
    return derive_id("discard", service, record)


def storable(record: Record, limit: int) -> Record:
    """Give the record as it is parked: what no database takes (small only while compressed) is cut (rule 5).

    Its value goes first, then its headers; the whole record still lies in its topic.
    """
    if _bytes(record) <= limit:
        return record
    cut = replace(record, value=b"")
    return cut if _bytes(cut) <= limit else replace(cut, headers=())


def _bytes(record: Record) -> int:
    """Say at most how many bytes a record takes as part of a document."""
    headers = sum(
        len(name.encode()) + len(content or b"") + _HEADER_BYTES for name, content in record.headers
    )
    return len(record.key or b"") + len(record.value or b"") + headers


def _reason(failure: Failure, document: str | None, **where: str) -> tuple[tuple[str, bytes], ...]:
    fields = {"reason": failure.reason.value, "detail": failure.detail, "document": document or "", **where}
    return tuple((PREFIX + name, text.encode()) for name, text in fields.items() if text)
