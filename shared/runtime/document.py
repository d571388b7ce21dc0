"""A service's document as the runtime keeps it: the decider's state and everything rule 1 puts beside it.

In the store it is one plain dict; here it is a mutable working copy that the fold changes and the batch
writes. Lists of lists stand where a map's keys could hold dots or dollar signs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, NamedTuple

from shared.contracts.decision import State
from shared.runtime.ports import (
    DUE,
    ENTRIES_DAY,
    HELD,
    ID,
    PARK,
    PARTITION,
    VERSION,
    WORK,
    Document,
    Headers,
    Outgoing,
    ParkedRow,
    Record,
)
from shared.runtime.service import Service

__all__ = [
    "RUNTIME_SCHEMA",
    "BrokenStateError",
    "Case",
    "Cause",
    "DropEntry",
    "IdEntry",
    "LinkEntry",
    "OutEntry",
    "Park",
    "Waiting",
]

RUNTIME_SCHEMA = 1
"""The version of the layout below; a service's own state has its own version beside it."""


class BrokenStateError(Exception):
    """The stored state does not fit the service's model."""


class Cause(NamedTuple):
    """What an entry came from: a record (topic and offset.

    The partition is the document's) or due work (day).
    """

    topic: str
    offset: int
    day: str = ""

    @classmethod
    def of_record(cls, record: Record) -> Cause:
        """The record in hand."""
        return cls(record.topic, record.offset)

    @classmethod
    def of_day(cls, day: date) -> Cause:
        """Due work of `day`."""
        return cls("", 0, day.isoformat())

    def dump(self) -> list[Any]:
        """Write it."""
        return [self.day] if self.day else [self.topic, self.offset]

    @classmethod
    def load(cls, raw: Sequence[Any]) -> Cause:
        """Read it."""
        return cls("", 0, raw[0]) if len(raw) == 1 else cls(raw[0], raw[1])


class OutEntry(NamedTuple):
    """An emission not yet known to be published, as the bytes that go on the wire."""

    cause: Cause
    key: bytes
    value: bytes
    headers: Headers

    def outgoing(self, topic: str) -> Outgoing:
        """Give what is published."""
        return Outgoing(topic, self.key, self.value, self.headers)


class IdEntry(NamedTuple):
    """The id of an external input, to be kept for good."""

    cause: Cause
    id: str


class LinkEntry(NamedTuple):
    """A body to be kept for good (the archive's chain; the reason of a discard)."""

    cause: Cause
    id: str
    body: dict[str, Any]


class DropEntry(NamedTuple):
    """Parked rows to delete: those with order <= upto, and those named."""

    cause: Cause
    upto: int
    names: tuple[str, ...]


@dataclass(slots=True)
class Waiting:
    """A fact that waits for what it builds on; `failed` if deciding it raised: then it counts as parked."""

    record: Record
    day: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Park:
    """Why a document is parked; `at` names the record or day, for people."""

    reason: str
    at: str


_UNREAD: Any = object()


@dataclass(slots=True)
class Case:
    """One document in hand. `version` 0: not stored yet."""

    id: str
    partition: int
    key: str
    version: int = 0
    epoch: int = 0
    marks: dict[tuple[str, str], int] = field(default_factory=dict)  # (source, case) -> highest sequence seen
    tails: dict[tuple[str, str], list[str]] = field(default_factory=dict)  # audits: the last short ids seen
    sent: dict[str, int] = field(default_factory=dict)  # case -> last sequence given
    out: list[OutEntry] = field(default_factory=list)
    ids: list[IdEntry] = field(default_factory=list)
    links: list[LinkEntry] = field(default_factory=list)
    drops: list[DropEntry] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    park: Park | None = None
    park_since: str = ""  # wall time of the mark, ISO 8601, for people; a replay that stops leaves it
    park_count: int = 0
    park_cases: list[str] = field(default_factory=list)
    park_order: int = 0  # the last arrival number given to a parked row; never starts again
    cleared: int = 0  # rows up to this order have been decided by a replay
    parked_upto: dict[str, int] = field(default_factory=dict)  # topic -> highest offset ever parked
    holds: dict[tuple[str, str], int] = field(default_factory=dict)  # (service, case) -> rank, see `held`
    echoes: dict[tuple[str, str, str], int] = field(default_factory=dict)  # (by whom, service, case) -> rank
    day_index: tuple[str, int] = ("", 0)  # the last day that due work was done for, and its emissions so far
    work: list[str] = field(default_factory=list)
    work_stored: list[str] = field(default_factory=list)
    parked_stored: bool = False
    changed: bool = False
    _state: Any = None
    _raw_state: Any = None
    _due: date | None = None

    # -- the decider's state ------------------------------------------------------------------------

    def state(self, model: type[State]) -> State | None:
        """Give the state, validated once; raises BrokenStateError."""
        if self._state is _UNREAD:
            try:
                self._state = model.model_validate(self._raw_state)
            except ValueError as error:  # the text quotes values: keep it out
                raise BrokenStateError(type(error).__name__) from None
        state: State | None = self._state
        return state

    def put(self, state: State | None, due: date | None) -> bool:
        """Take a new state with its due day.

        Tell whether it is another one (for waiting facts to look at).
        """
        if state is self._state:
            return False
        changed = not self.waiting or bool(state != self._state)
        self._state, self._raw_state, self._due = state, _UNREAD, due
        return changed

    @property
    def parked(self) -> bool:
        """Whether messages are parked instead of decided."""
        return self.park is not None

    # -- what follows from the rest ------------------------------------------------------------------

    @property
    def held(self) -> bool:
        """Whether due work waits: parked here, or held by any service (rule 13).

        A rank is twice the count of the service's holds, plus 1 once that hold is released, so that news of
        one hold that come by two ways, late or in circles, count once. Beside the news stands what each
        waited-for input said last (`echoes`): whoever has not heard of a release yet has put its due work
        off, and what it was to bring is still to come, of a hold of one's own too.
        """
        ranks = (*self.holds.values(), *self.echoes.values())
        return self.park is not None or any(rank % 2 == 0 for rank in ranks)

    def echoed(self, holder: tuple[str, str]) -> bool:
        """Whether some waited-for input still says that the holder (service, case) holds."""
        return any(rank % 2 == 0 for (_, *of), rank in self.echoes.items() if tuple(of) == holder)

    @property
    def state_due(self) -> date | None:
        """The first day whose close has work for the state itself."""
        return self._due

    @property
    def due(self) -> str | None:
        """The first day whose close has work here: of the state, or of a waiting fact."""
        days = [waiting.day for waiting in self.waiting if not waiting.failed]
        if self._due is not None:
            days.append(self._due.isoformat())
        return min(days, default=None)

    @property
    def entries(self) -> Iterable[OutEntry | IdEntry | LinkEntry | DropEntry]:
        """Everything that has a cause."""
        return (*self.out, *self.ids, *self.links, *self.drops)

    def prune(self, settled: Callable[[Cause], bool]) -> None:
        """Forget the entries whose cause lies below the position (rule 2).

        That alone is no reason to write.
        """
        if any(settled(entry.cause) for entry in self.entries):
            self.out = [entry for entry in self.out if not settled(entry.cause)]
            self.ids = [entry for entry in self.ids if not settled(entry.cause)]
            self.links = [entry for entry in self.links if not settled(entry.cause)]
            self.drops = [entry for entry in self.drops if not settled(entry.cause)]

    def dropped(self, row: ParkedRow) -> bool:
        """Whether a parked row is only waiting to be deleted, or was never this document's to decide."""
        name = row_name(row.record)
        return (
            row.order <= self.cleared
            or any(name in drop.names for drop in self.drops)
            or row.record.offset > self.parked_upto.get(row.record.topic, -1)
        )

    def clone(self) -> Case:
        """Give a copy that shares nothing that changes."""
        return replace(
            self,
            marks=dict(self.marks),
            tails={at: list(tail) for at, tail in self.tails.items()},
            sent=dict(self.sent),
            out=list(self.out),
            ids=list(self.ids),
            links=list(self.links),
            drops=list(self.drops),
            waiting=[replace(waiting) for waiting in self.waiting],
            park_cases=list(self.park_cases),
            parked_upto=dict(self.parked_upto),
            holds=dict(self.holds),
            echoes=dict(self.echoes),
        )

    # -- to and from the store ------------------------------------------------------------------------

    def dump(self, service: Service, epoch: int) -> Document:
        """Write it as the next version."""
        raw_state = self._raw_state
        if raw_state is _UNREAD:
            raw_state = None if self._state is None else self._state.model_dump(mode="json")
        days = [entry.cause.day for entry in self.entries if entry.cause.day]
        return {
            ID: self.id,
            VERSION: self.version + 1,
            "schema": [RUNTIME_SCHEMA, service.schema_version],
            "epoch": epoch,
            PARTITION: self.partition,
            "key": self.key,
            "state": raw_state,
            "state_due": self._due.isoformat() if self._due is not None else None,
            "marks": [[source, case, mark] for (source, case), mark in self.marks.items()],
            "tails": [[source, case, tail] for (source, case), tail in self.tails.items()],
            "sent": [[case, sequence] for case, sequence in self.sent.items()],
            "out": [
                [e.cause.dump(), e.key, e.value, [[name, value] for name, value in e.headers]]
                for e in self.out
            ],
            "ids": [[e.cause.dump(), e.id] for e in self.ids],
            "links": [[e.cause.dump(), e.id, e.body] for e in self.links],
            "drops": [[e.cause.dump(), e.upto, list(e.names)] for e in self.drops],
            "waiting": [[*_dump_record(w.record), w.day, w.failed] for w in self.waiting],
            PARK: [self.park.reason, self.park.at] if self.park is not None else None,
            "park_since": self.park_since,
            "park_count": self.park_count,
            "park_cases": self.park_cases,
            "park_order": self.park_order,
            "cleared": self.cleared,
            "parked_upto": [[topic, offset] for topic, offset in self.parked_upto.items()],
            "holds": [[service_, case, rank] for (service_, case), rank in self.holds.items()],
            "echoes": [[by, service_, case, rank] for (by, service_, case), rank in self.echoes.items()],
            "day_index": list(self.day_index),
            HELD: self.held,
            DUE: self.due,
            ENTRIES_DAY: max(days, default=None),
            WORK: self.work,
        }

    @classmethod
    def load(cls, raw: Document) -> Case:
        """Read it; the state stays unread until somebody asks for it."""
        due = raw["state_due"]
        return cls(
            id=raw[ID],
            partition=raw[PARTITION],
            key=raw["key"],
            version=raw[VERSION],
            epoch=raw["epoch"],
            marks={(source, case): mark for source, case, mark in raw["marks"]},
            tails={(source, case): list(tail) for source, case, tail in raw["tails"]},
            sent=dict(raw["sent"]),
            out=[
                OutEntry(Cause.load(cause), key, value, tuple((name, content) for name, content in headers))
                for cause, key, value, headers in raw["out"]
            ],
            ids=[IdEntry(Cause.load(cause), id_) for cause, id_ in raw["ids"]],
            links=[LinkEntry(Cause.load(cause), id_, body) for cause, id_, body in raw["links"]],
            drops=[DropEntry(Cause.load(cause), upto, tuple(names)) for cause, upto, names in raw["drops"]],
            waiting=[
                Waiting(_load_record(fields, raw[PARTITION]), day, failed)
                for *fields, day, failed in raw["waiting"]
            ],
            park=Park(*raw[PARK]) if raw[PARK] is not None else None,
            park_since=raw.get("park_since", ""),
            park_count=raw["park_count"],
            park_cases=list(raw["park_cases"]),
            park_order=raw["park_order"],
            cleared=raw["cleared"],
            parked_upto=dict(raw["parked_upto"]),
            holds={(service, case): rank for service, case, rank in raw["holds"]},
            echoes={(by, service, case): rank for by, service, case, rank in raw.get("echoes", ())},
            day_index=(raw["day_index"][0], raw["day_index"][1]),
            work=list(raw[WORK]),
            work_stored=list(raw[WORK]),
            parked_stored=raw[PARK] is not None,
            _state=None if raw["state"] is None else _UNREAD,
            _raw_state=raw["state"],
            _due=date.fromisoformat(due) if due is not None else None,
        )


def row_name(record: Record) -> str:
    """Name a parked record as commands and the store do."""
    return record_name(record.topic, record.partition, record.offset)


def record_name(topic: str, partition: int, offset: int) -> str:
    """Name a record by where it stands."""
    return f"{topic}/{partition}/{offset}"


def _dump_record(record: Record) -> list[Any]:
    headers = [[name, content] for name, content in record.headers]
    return [record.topic, record.offset, record.key, record.value, headers, record.timestamp_ms]


def _load_record(fields: Sequence[Any], partition: int) -> Record:
    topic, offset, key, value, headers, timestamp_ms = fields
    return Record(
        topic, partition, offset, key, value, tuple((n, content) for n, content in headers), timestamp_ms
    )
