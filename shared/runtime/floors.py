"""The sequences that void messages have used: what a sender must not give again, and an archive not miss."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from shared.runtime.ports import VERSION, Document, Record
from shared.runtime.service import DocumentPer, Service

__all__ = ["Edit", "Edits", "note_void", "raised"]

_NUMBER: Final = re.compile(rb"[1-9][0-9]{0,17}")  # as messages are read; the database takes no more


@dataclass(slots=True)
class Edit:
    """What one document must not give or expect again: its `sent` by case, its `marks` by source and case."""

    partition: int
    key: str
    sent: dict[str, int] = field(default_factory=dict)
    marks: dict[tuple[str, str], int] = field(default_factory=dict)


Edits = Mapping[str, dict[str, Edit]]
"""By service and document id."""


def note_void(record: Record, services: Sequence[Service], edits: Edits) -> None:
    """Take note of a void record's sequence, from its headers: whatever version its content is of."""
    said = {name: content for name, content in record.headers if content is not None}
    sender = next((s for s in services if s.topic == record.topic), None)
    number = said.get("ce_sequence", b"")
    if sender is None or not _NUMBER.fullmatch(number) or said.get("ce_source") != sender.source.encode():
        return  # a marker, a dead letter, or somebody else's garbage
    try:
        case, key = said.get("ce_subject", b"").decode(), (record.key or b"").decode()
    except UnicodeDecodeError:
        return  # a service says nothing that is not UTF-8: garbage that resembles a message
    for service in services:
        id_ = case if service.per is DocumentPer.CASE else key
        if service.name == sender.name:
            edit = edits[service.name].setdefault(id_, Edit(record.partition, key))
            edit.sent[case] = max(edit.sent.get(case, 0), int(number))
        elif service.audits and record.topic in service.topics:
            edit = edits[service.name].setdefault(id_, Edit(record.partition, key))
            at = (sender.name, case)
            edit.marks[at] = max(edit.marks.get(at, 0), int(number))


def raised(document: Document, edit: Edit) -> Document | None:
    """Give a case document with its sequences raised, as its next version; None if it has them already."""
    sent = dict(document["sent"])
    marks = {(source, case): mark for source, case, mark in document["marks"]}
    tails = {(source, case): tail for source, case, tail in document["tails"]}
    higher = {case: number for case, number in edit.sent.items() if number > sent.get(case, 0)}
    seen = {at: number for at, number in edit.marks.items() if number > marks.get(at, 0)}
    if not higher and not seen:
        return None
    sent |= higher
    marks |= seen
    tails |= {at: [] for at in seen}  # they end at the mark: what was said before it cannot be compared now
    return {
        **document,
        VERSION: document[VERSION] + 1,
        "sent": [[case, number] for case, number in sent.items()],
        "marks": [[*at, mark] for at, mark in marks.items()],
        "tails": [[*at, tail] for at, tail in tails.items()],
    }
