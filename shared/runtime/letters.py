"""Reading the dead letters: what the headers say of each, and whole topics of them, one after the other.

The writer is `deadletters`: the original record's headers come first, then the runtime's own. So everything
before the last `parley-reason` is the original's, whatever it is called.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace

from shared.contracts.cloudevents import DecodeError, decode
from shared.contracts.registry import DEAD_LETTER_SUFFIX
from shared.runtime.deadletters import PREFIX
from shared.runtime.kafka.reader import offsets_at, scan
from shared.runtime.ports import Headers, Record
from shared.runtime.settings import Settings

__all__ = ["DeadLetter", "attributes", "letters", "read_letter"]

_SHOWABLE = 256  # characters of an attribute that a list may show


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One dead letter of a service. `document` is None where no document is parked for it.

    Of due work that failed there is no record, only the `day`. `at_ms` is when it was written, `record` the
    original as far as the letter holds it (`truncated`: without key, value and headers). `type` and `case`
    are what the record says of itself, and may be None.
    """

    service: str
    reason: str
    detail: str
    document: str | None
    at_ms: int
    record: Record
    day: str = ""
    truncated: bool = False
    type: str | None = None
    case: str | None = None

    @property
    def name(self) -> str:
        """Name the letter: service/topic/partition/offset, or service/day/DAY/document."""
        if self.day:
            return f"{self.service}/day/{self.day}/{self.document}"
        return f"{self.service}/{self.record.topic}/{self.record.partition}/{self.record.offset}"

    def without_value(self) -> DeadLetter:
        """Give it without the record's value, which may be large."""
        return replace(self, record=replace(self.record, value=None))


def read_letter(service: str, raw: Record) -> DeadLetter | None:
    """Read one record of a dead-letter topic; None where it is not one of the runtime's."""
    start = max((n for n, (name, _) in enumerate(raw.headers) if name == PREFIX + "reason"), default=None)
    if start is None:
        return None
    said = {name.removeprefix(PREFIX): (content or b"").decode(errors="replace")
            for name, content in raw.headers[start:]}  # fmt: skip
    original, truncated, day = raw.headers[:start], "truncated" in said, said.get("day", "")
    try:
        record = Record(
            topic=said.get("topic", ""),
            partition=int(said.get("partition", 0)),
            offset=int(said.get("offset", 0)),
            key=raw.key,
            value=None if truncated else raw.value,
            headers=original,
            timestamp_ms=int(said.get("timestamp", 0)),
        )
    except ValueError:
        return None
    if not record.topic and not day:
        return None
    type_, case = attributes(record)
    return DeadLetter(
        service=service,
        reason=said["reason"],
        detail=said.get("detail", ""),
        document=said.get("document"),
        at_ms=raw.timestamp_ms,
        record=record,
        day=day,
        truncated=truncated,
        type=type_,
        case=case,
    )


def attributes(record: Record) -> tuple[str | None, str | None]:
    """Give the event type and the case that a record names, if they can be read and shown."""
    found = _binary(record.headers)
    if found == (None, None) and record.value:
        try:
            envelope = decode(record.key, record.value, record.headers)
        except DecodeError as error:
            found = error.type, error.subject
        else:
            found = envelope.type, envelope.subject
    type_, case = found
    return _shown(type_), _shown(case)


def _binary(headers: Headers) -> tuple[str | None, str | None]:
    found: dict[str, str] = {}
    for name, content in headers:
        if content is not None and name in {"ce_type", "ce_subject"}:
            found.setdefault(name, content.decode(errors="replace"))
    return found.get("ce_type"), found.get("ce_subject")


def _shown(text: str | None) -> str | None:
    return text if text and text.isprintable() and len(text) <= _SHOWABLE else None


async def letters(settings: Settings, service: str, *, since_ms: int = 0) -> AsyncGenerator[DeadLetter, None]:
    """Read a service's dead letters written since a moment, up to what is the topic's end now.

    In order within a partition. A letter may be told twice: of a crash, or of a parked record that was
    delivered again. Raises UnavailableError.
    """
    topic = service + DEAD_LETTER_SUFFIX
    start = await offsets_at(settings, topic, since_ms) if since_ms else None
    async with aclosing(scan(settings, topic, start)) as source:
        async for raw in source:
            letter = read_letter(service, raw)
            if letter is not None and letter.at_ms >= since_ms:
                yield letter
