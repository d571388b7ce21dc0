"""Rows to messages: map, give an id, validate by the contract. Nothing is published here."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any

import orjson

from services.cli.ingest.errors import RowError, SourceError
from services.cli.ingest.mapping import PUBLISHABLE, EventRule, Mapping
from services.cli.ingest.source import Row, Source
from shared.contracts.cloudevents import DecodeError, decode, encode, read_data, read_time
from shared.contracts.envelope import Envelope
from shared.contracts.ids import derive_id

__all__ = ["Bad", "Good", "Item", "Occurrences", "Skipped", "read_items"]

_STRUCTURED = [("content-type", b"application/cloudevents+json")]


@dataclass(frozen=True, slots=True)
class Good:
    """A row that became messages."""

    line: int
    envelopes: tuple[Envelope[Any], ...]


@dataclass(frozen=True, slots=True)
class Bad:
    """A row that did not: `field` breaks `rule`. No value of the row is in it."""

    line: int
    field: str
    rule: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A row that the mapping leaves out on purpose."""

    line: int
    reason: str


Item = Good | Bad | Skipped


class Occurrences:
    """Counts how often the same content came in a file: on disk, so that memory stays constant."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("")  # a temporary file that SQLite deletes by itself
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute("CREATE TABLE seen (hash BLOB PRIMARY KEY, count INTEGER) WITHOUT ROWID")

    def count(self, content: bytes) -> int:
        """Count this content once more; give how often it came so far (1 for the first time)."""
        row = self._database.execute(
            "INSERT INTO seen VALUES (?, 1) ON CONFLICT DO UPDATE SET count = count + 1 RETURNING count",
            (sha256(content).digest(),),
        ).fetchone()
        return int(row[0])

    def close(self) -> None:
        """Drop what was counted."""
        self._database.close()


def read_items(source: Source, mapping: Mapping | None) -> Iterator[Item]:
    """Read a file's rows as messages, in order. Raises SourceError.

    With a mapping, rows are mapped; a JSON line that is a CloudEvent already is taken as it is, and without a
    mapping every line must be one. Equal files always give equal ids.
    """
    if mapping is None and source.format == "csv":
        raise SourceError(
            "a CSV file needs a mapping (--mapping); without one, lines of CloudEvents are read"
        )
    seen = Occurrences()
    try:
        for row in source.rows(mapping.columns if mapping else frozenset()):
            yield _item(row, mapping, seen)
    finally:
        seen.close()


def _item(row: Row, mapping: Mapping | None, seen: Occurrences) -> Item:
    if row.error is not None:
        return Bad(row.line, row.error.field, row.error.rule)
    cells = row.cells or {}
    try:
        if row.json is not None and (mapping is None or {"specversion", "type"} <= cells.keys()):
            return Good(row.line, (_complete(row.json, cells),))
        if mapping is None:  # pragma: no cover - only JSON lines come here without a mapping
            raise RowError("line", "needs a mapping")
        filled = mapping.prepare(cells)
        reason = mapping.skipped(filled)
        if reason is not None:
            return Skipped(row.line, reason)
        made = tuple(
            _mapped(rule, filled, mapping, seen)
            for rule in mapping.events
            if rule.when is None or rule.when.flag(filled)
        )
    except (RowError, DecodeError) as error:
        return Bad(row.line, error.field, error.rule)
    return Good(row.line, made) if made else Skipped(row.line, "no message applies")


def _complete(line: bytes, cells: dict[str, Any]) -> Envelope[Any]:
    """A line that is a whole CloudEvent in structured form; its `partitionkey` is the record's key."""
    key = cells.get("partitionkey")
    envelope = decode(key.encode() if isinstance(key, str) else None, line, _STRUCTURED)
    if envelope.data.PRODUCER not in PUBLISHABLE:
        raise RowError("type", f"files hold messages of {' and '.join(PUBLISHABLE)}, no others")
    return _of_a_case(envelope)


def _of_a_case(envelope: Envelope[Any]) -> Envelope[Any]:
    """What people say at the desk is about a case; without one every service dead-letters it, for good."""
    if envelope.data.PRODUCER == "desk" and not envelope.subject:
        raise RowError("subject", "is missing: it is the case id")
    return envelope


def _mapped(rule: EventRule, row: dict[str, Any], mapping: Mapping, seen: Occurrences) -> Envelope[Any]:
    key, time = _word("key", rule.key.make(row)), _word("time", rule.time.make(row))
    subject = _word("subject", rule.subject.make(row)) if rule.subject else None
    value = orjson.dumps(rule.data.make(row))
    data = read_data(rule.event, value)
    if rule.id is not None:
        id_ = _word("id", rule.id.make(row))
    else:
        content = orjson.dumps([rule.event.TYPE, key, subject, time]) + value
        occurrence = seen.count(content)
        id_ = derive_id("file", mapping.source, sha256(content).hexdigest(), occurrence)
    envelope = Envelope(id_, mapping.source, read_time(time), key, data, subject=subject)
    try:
        encode(envelope)
    except ValueError as error:
        field, _, text = str(error).partition(": ")
        raise RowError(field, text) from None
    return _of_a_case(envelope)


def _word(name: str, value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    if value is None:
        raise RowError(name, "is empty")
    return str(value)
