"""Reading what is parked: documents that hold their case, what waits in each, what became of a letter.

For people's commands. Everything comes through the store's port and nothing here writes; who wants something
changed sends a command (rule 12), and `commands` says by the same rules what may be done.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from shared.runtime.deadletters import discard_id
from shared.runtime.document import Case, row_name
from shared.runtime.inbound import Reason
from shared.runtime.letters import DeadLetter, attributes
from shared.runtime.ports import ID, Document, ParkedRow, Record, Store

__all__ = [
    "Fate",
    "Held",
    "Message",
    "State",
    "fates",
    "held_document",
    "held_documents",
    "held_elsewhere",
    "lowest_of_source",
]

ROWS: Final = 5_000  # messages of one document that are looked at; there may be more
_PAGE: Final = 50  # documents loaded at once


class State(StrEnum):
    """What has become of a dead letter."""

    PARKED = "parked"  # waits in its document for a replay
    DECIDED = "decided"  # replayed, or decided meanwhile
    WAITS = "waits"  # replayed, and put to wait for what it builds on (rule 9)
    DISCARDED = "discarded"
    FINAL = "final"  # no document holds it: whoever sent it must send it again, corrected


@dataclass(frozen=True, slots=True)
class Message:
    """One message that waits in a parked document. Its record has no value unless it was asked for."""

    record: Record
    reason: str
    parked_at: str
    type: str | None
    case: str | None

    @property
    def name(self) -> str:
        """Name its record: topic/partition/offset."""
        return row_name(self.record)


@dataclass(frozen=True, slots=True)
class Held:
    """A parked document: since when (wall time), why, where (a record's name, or a day), and what waits.

    `messages` are in the order in which a replay decides them; `more` tells that there are more of them.
    `cases` are those that it holds everywhere (rule 13).
    """

    service: str
    document: str
    key: str
    partition: int
    reason: str
    at: str
    since: str
    cases: tuple[str, ...]
    messages: tuple[Message, ...]
    more: bool = False

    def is_of(self, case: str) -> bool:
        """Tell whether it is of a case, by its id or the beginning of it, or of a customer."""
        return case in {self.key, self.document} or any(name.startswith(case) for name in self.cases)


@dataclass(frozen=True, slots=True)
class Fate:
    """What has become of a letter.

    `reason` is why a replay stopped at it, where one did; `discard` what was kept of its discard; `cases` are
    those of its document.
    """

    state: State
    reason: str | None = None
    discard: Mapping[str, Any] | None = None
    cases: tuple[str, ...] = ()


async def held_documents(store: Store, service: str) -> AsyncIterator[Held]:
    """Give every parked document of a service, by id."""
    after = ""
    while page := await store.parked_documents(service, after, _PAGE):
        after = page[-1][ID]
        for document in page:
            yield await _held(store, service, document)


async def held_document(store: Store, service: str, document: str) -> Held | None:
    """Give one parked document; None where it is not parked, or does not exist."""
    found = (await store.load_many(service, [document])).get(document)
    return await _held(store, service, found) if found is not None and found["park"] is not None else None


async def _held(store: Store, service: str, document: Document) -> Held:
    case = Case.load(document)
    assert case.park is not None  # noqa: S101 - asked by the callers
    rows = await store.parked(service, case.id, ROWS + 1, values=False)
    failed = [_message(waiting.record, case.park.reason, "") for waiting in case.waiting if waiting.failed]
    parked = [_message(row.record, row.reason, row.parked_at) for row in rows[:ROWS] if not case.dropped(row)]
    return Held(
        service=service,
        document=case.id,
        key=case.key,
        partition=case.partition,
        reason=case.park.reason,
        at=case.park.at,
        since=case.park_since or next((m.parked_at for m in parked), ""),
        cases=tuple(case.park_cases) or (case.id,),
        messages=(*failed, *parked),
        more=len(rows) > ROWS,
    )


def _message(record: Record, reason: str, parked_at: str) -> Message:
    type_, case = attributes(record)
    return Message(record, reason, parked_at, type_, case)


def lowest_of_source(held: Held, name: str) -> Message | None:
    """Give the message that must be discarded before the one called `name`, or None where it is the lowest.

    The rule is `commands`' own: of its topic, the one of the lowest offset.
    """
    wanted = next((message.record for message in held.messages if message.name == name), None)
    if wanted is None:
        return None
    same = [m for m in held.messages if m.record.topic == wanted.topic and m.record.offset < wanted.offset]
    return min(same, key=lambda message: message.record.offset, default=None)


async def held_elsewhere(store: Store, held: Held, services: Collection[str]) -> tuple[str, ...]:
    """Say which other services leave the due work of the same cases because of it (rule 13)."""
    found = []
    for service in services:
        if service == held.service:
            continue
        documents = await store.load_many(service, [*held.cases, held.key])
        cases = [Case.load(document) for document in documents.values()]
        if any(rank % 2 == 0 and source == held.service and name in held.cases
               for case in cases for (source, name), rank in case.holds.items()):  # fmt: skip
            found.append(service)
    return tuple(found)


async def fates(store: Store, service: str, letters: Sequence[DeadLetter]) -> list[Fate]:
    """Say what has become of letters of one service, in their order. Take a few hundred at once."""
    documents: dict[str, Case] = {}
    wanted = list({letter.document: None for letter in letters if letter.document is not None})
    for start in range(0, len(wanted), _PAGE):
        loaded = await store.load_many(service, wanted[start : start + _PAGE])
        documents |= {id_: Case.load({**raw, "state": None}) for id_, raw in loaded.items()}
    names = [row_name(letter.record) for letter in letters if letter.document is not None and not letter.day]
    rows = await store.parked_named(service, names)
    kept = await store.links(service, [discard_id(service, name) for name in names])
    found = []
    for letter in letters:
        name = row_name(letter.record)
        case = documents.get(letter.document) if letter.document is not None else None
        discard = kept.get(discard_id(service, name)) or _uncopied(case, discard_id(service, name))
        state = _state(letter, case, rows.get(name), discarded=discard is not None)
        cases = tuple(case.park_cases) or (case.id,) if case is not None else ()
        stopped = _stopped(case, name) if state is State.PARKED and not letter.day else None
        found.append(Fate(state, stopped, discard if state is State.DISCARDED else None, cases))
    return found


def _stopped(case: Case | None, name: str) -> str | None:
    """Give why a document is parked at the record of that name (not: where a replay had enough)."""
    park = case.park if case is not None else None
    if park is None or park.at != name or park.reason == Reason.REPLAY_LIMIT:
        return None
    return park.reason


def _uncopied(case: Case | None, id_: str) -> Mapping[str, Any] | None:
    """Give what a crash has left in the document alone: look-ups read both (rule 3)."""
    return next((link.body for link in case.links if link.id == id_), None) if case is not None else None


def _state(letter: DeadLetter, case: Case | None, row: ParkedRow | None, *, discarded: bool) -> State:
    if case is None or letter.reason == Reason.COMMAND:  # a command is given again, never replayed
        return State.FINAL
    if letter.day:
        return State.PARKED if case.park is not None and case.park.at == letter.day else State.DECIDED
    if discarded:
        return State.DISCARDED
    if row is not None and row.document == case.id and case.parked and not case.dropped(row):
        return State.PARKED
    waiting = next((w for w in case.waiting if row_name(w.record) == row_name(letter.record)), None)
    if waiting is None:
        return State.DECIDED
    return State.PARKED if waiting.failed else State.WAITS
