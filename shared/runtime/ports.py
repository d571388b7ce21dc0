"""What the engine needs from the world: a log, a publisher, a store, a clock, a tracer and meters.

Every method states its delivery contract: does it wait, is it ordered, at least or at most once, may it be
called concurrently. `tests/runtime/conformance.py` holds one test per contract; the in-memory ports
(`shared.runtime.memory`) and the real ones (`kafka`, `mongo`) pass the same suite.

Documents cross the store's port as plain dicts of BSON types (str, int, bool, None, bytes, list, dict); days
are ISO strings, which sort like days. The names of the fields that the store filters by are constants here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol

__all__ = [
    "DUE",
    "ENTRIES_DAY",
    "HELD",
    "ID",
    "PARK",
    "PARTITION",
    "VERSION",
    "WORK",
    "BatchSpan",
    "BrokenError",
    "Clock",
    "Consumer",
    "Document",
    "FatalError",
    "Listener",
    "Log",
    "Meter",
    "NotOwnerError",
    "OffsetLostError",
    "Outgoing",
    "ParkedRow",
    "PortError",
    "Publisher",
    "Record",
    "Span",
    "SpanStart",
    "Store",
    "TopicPartition",
    "Tracer",
    "UnavailableError",
    "UnencodableError",
]

Document = dict[str, Any]
"""A document as the store keeps it."""

# The fields that the store itself reads; everything else in a document is the engine's.
ID = "_id"
VERSION = "version"  # int, 1 for the first write; the filter of every replace (rule 4)
PARTITION = "partition"  # int, the partition number that owns the document
DUE = "due"  # ISO day or None: the first day at whose close the document has work
HELD = "held"  # bool: due work waits (rule 13)
ENTRIES_DAY = "entries_day"  # ISO day or None: the day whose due work left entries in it (rule 18)
PARK = "park"  # list or None: messages are parked instead of decided (rule 11)
WORK = "work"  # list of str: whose open work it is, once per piece (rule 22)


class PortError(Exception):
    """Base of what a port raises on purpose."""


class UnavailableError(PortError):
    """The server is away, slow or refuses for now; whether the call took effect is unknown. Retry it."""


class NotOwnerError(PortError):
    """The group has given the partitions to somebody else: nothing was committed; wait for an assignment."""


class BrokenError(PortError):
    """This consumer will never work again, though the log may: stop it and start it. Nothing is lost."""


class OffsetLostError(PortError):
    """The log no longer (or not yet) holds the offset to read from. Never guessed (rule 15)."""

    def __init__(self, topic: str, partition: int, offset: int) -> None:
        super().__init__(f"{topic}[{partition}]: offset {offset} is not in the log")
        self.topic, self.partition, self.offset = topic, partition, offset


class UnencodableError(PortError):
    """One document or message that the store or the log would refuse.

    `rule` names why, without its content.
    """

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


class FatalError(PortError):
    """The process must end; `problem` is why, `command` what the operator should run."""

    def __init__(self, message: str, command: str = "parley doctor") -> None:
        super().__init__(f"{message}; run: {command}")
        self.problem = message
        self.command = command


class TopicPartition(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int


Headers = tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it lies in the log, raw: nothing in it has been checked. `timestamp_ms` is wall time."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    timestamp_ms: int = 0

    @property
    def at(self) -> TopicPartition:
        """Its topic and partition."""
        return TopicPartition(self.topic, self.partition)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record to publish. `partition=None`: murmur2 of the key, as Java's client does it."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    partition: int | None = None


class Listener(Protocol):
    """Told about the assignment; implemented by the engine."""

    async def on_revoked(self, partitions: Collection[TopicPartition]) -> None:
        """Give the partitions up: finish the batch in hand. The consumer awaits this before it lets go.

        Never raises and returns within the engine's drain deadline. It is not called, or called late, for a
        member that the group has already thrown out.
        """
        ...

    def on_assigned(self, partitions: Collection[TopicPartition]) -> None:
        """Take note of the whole new assignment. Synchronous: the engine's loop does the rest.

        Before this call, and before its own first await, the consumer has paused every assigned partition and
        sought it to 0, so that nothing is delivered until the engine seeks and resumes.
        """
        ...


class Consumer(Protocol):
    """One member of one group. One task calls `poll`.

    The other methods may run beside it, from that task's loop. Every method that waits, `start` and `stop`
    apart, may raise BrokenError: a consumer that cannot go on says so instead of staying silent.
    """

    @property
    def generation(self) -> int:
        """A number that rises with every `on_assigned` of this consumer (not the broker's generation)."""
        ...

    async def start(self, topics: Sequence[str], listener: Listener) -> None:
        """Join the group with Range assignment over `topics`.

        Returns when joined or raises UnavailableError. May be called again after `stop`: it joins anew, as
        another member.
        """
        ...

    async def stop(self) -> None:
        """Leave the group (after `on_revoked`); idempotent; commits nothing by itself.

        Never waits for ever.
        """
        ...

    def assignment(self) -> frozenset[TopicPartition]:
        """The partitions assigned by the last `on_assigned`; empty after a revocation."""
        ...

    async def poll(self, max_records: int, timeout: float) -> list[Record]:
        """Give up to `max_records` raw records of assigned partitions that are not paused; [] after
        `timeout` seconds.

        Ordered by offset within a partition, without holes but those of the log itself; each record once per
        seek. At least once over restarts. The position is this consumer's own: nothing is committed. A
        partition is never starved for ever by another. Raises UnavailableError, or OffsetLostError where the
        position is not in the log.
        """
        ...

    def pause(self, partitions: Collection[TopicPartition]) -> None:
        """Deliver nothing of them from the next poll on; their positions stay.

        Unassigned ones are ignored.
        """
        ...

    def resume(self, partitions: Collection[TopicPartition]) -> None:
        """Deliver them again. Unassigned ones are ignored."""
        ...

    def seek(self, at: TopicPartition, offset: int) -> None:
        """Continue `at` from `offset`; records fetched before are dropped.

        An unassigned one raises NotOwnerError.
        """
        ...

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commit next offsets for the group, all or (of those still assigned) none.

        Waits for the broker's answer. Partitions that are no longer assigned are left out. Raises
        NotOwnerError when the group refuses this member, UnavailableError otherwise. Repeating it is
        harmless.
        """
        ...

    async def committed(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """Read the group's committed next offsets from the broker (never from a cache); none, no entry."""
        ...

    async def bounds(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, tuple[int, int]]:
        """Read the first offset held and the next offset to be written, of every given partition."""
        ...

    def high_water(self, at: TopicPartition) -> int | None:
        """The next offset to be written as of the last fetch, or None if not known. For lag only."""
        ...

    async def ends(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """Ask the broker for the offset after the last record that `poll` can still deliver.

        Unlike `high_water` it is true where nothing is fetched any more, and what only marks the end of a
        transaction is no record. Unassigned ones are left out. Raises UnavailableError. For lag only.
        """
        ...


class Publisher(Protocol):
    """An idempotent producer with acks from all replicas.

    May be shared by engines and called concurrently.
    """

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Publish all of `records`; return when every one is acknowledged (at least once).

        Ordered within each partition, also across calls of one caller that awaits them in turn. If it raises
        (UnavailableError), an unknown part was written; but within a partition no record was, or later will
        be, written after one of this call that failed: receivers drop what is older than what they saw, so a
        hole would be for ever. Never waits without end: raises UnavailableError after the adapter's own
        timeout. An empty sequence returns at once.
        """
        ...

    def measure(self, record: Outgoing) -> None:
        """Raise UnencodableError if the log would refuse `record` for good (its size over the topic's limit).

        Pure.
        """
        ...


class Log(Protocol):
    """Where consumers and publishers come from (one per process or simulated process)."""

    def consumer(self, group: str, client_id: str) -> Consumer:
        """Make a consumer that has not started yet."""
        ...

    def publisher(self) -> Publisher:
        """Give the publisher; it may be the same object every time."""
        ...


@dataclass(frozen=True, slots=True)
class ParkedRow:
    """A parked record (rule 11). Its identity is (service, topic, partition, offset); `order` is arrival
    order.

    `order` counts within the document and never starts again; `epoch` is the writer's: a row is replaced only
    by a writer of the same or a higher epoch.
    """

    document: str
    record: Record
    order: int
    epoch: int
    reason: str
    parked_at: str = ""  # wall time, ISO 8601, for people


class Store(Protocol):
    """Case documents, ids, links, parked records and positions. Concurrent use by many tasks is safe.

    Reads are from the primary with majority concern; writes are acknowledged with w=majority, journal=true:
    what has returned survives any crash. Every method may raise UnavailableError, and then a write may or
    may not have happened.
    """

    def encode(self, document: Mapping[str, Any]) -> int:
        """Give the size in bytes that the store would write; raise UnencodableError where it would refuse.
        Pure.

        Refused are: a NUL in a key, an integer outside 64 bits, a type that is not BSON's, a document over
        the limit.
        """
        ...

    async def load_many(self, service: str, ids: Collection[str]) -> dict[str, Document]:
        """Load case documents by id (one query); those that do not exist are left out."""
        ...

    async def replace_many(self, service: str, documents: Sequence[Document]) -> set[str]:
        """Write each document where the stored version is its own minus one (0 = does not exist); one bulk
        write.

        Unordered, each document atomic and alone: returns the ids of the losers, which were not written; the
        others were. UnavailableError: an unknown part was written; repeating gives conflicts for those.
        """
        ...

    async def waking(
        self, service: str, partitions: Collection[int], day: str, after: str, limit: int
    ) -> list[Document]:
        """Load the documents that the close of `day` must visit, ordered by id, from ids greater than
        `after`.

        They are, of the given partitions: DUE <= day and not HELD, or ENTRIES_DAY == day (held or not).
        """
        ...

    async def known_ids(self, service: str, ids: Collection[str]) -> set[str]:
        """Say which ids of external inputs were copied earlier (one query)."""
        ...

    async def copy_ids(self, service: str, ids: Collection[str]) -> None:
        """Keep ids for good; those already kept change nothing. Durable when it returns."""
        ...

    async def copy_links(self, service: str, links: Mapping[str, Mapping[str, Any]]) -> None:
        """Keep bodies by id for good; an id already kept keeps its first body. Durable when it returns."""
        ...

    async def links(self, service: str, ids: Collection[str]) -> dict[str, dict[str, Any]]:
        """Load kept bodies by id; those that do not exist are left out."""
        ...

    async def secrets(self, service: str, ids: Collection[str]) -> dict[str, Document]:
        """Load the secret of each document, made at random where there is none yet.

        A row has `_id`, `salt` (32 random bytes), `next` (those that take its place when it is destroyed) and
        `erased` (up to which moment what was said is erased, ISO 8601 in UTC; "" where never). Durable when
        it returns: what is encrypted under a secret can be read as long as nobody destroys it.
        """
        ...

    async def destroy_secrets(self, service: str, upto: Mapping[str, str]) -> None:
        """Destroy the secret of each document for all up to a moment; nothing where that was done before.

        Atomic for each; the next secret takes its place. Durable when it returns.
        """
        ...

    async def park(self, service: str, rows: Sequence[ParkedRow]) -> None:
        """Store rows, replacing those of the same identity whose epoch is not higher.

        Others stay as they are.
        """
        ...

    async def parked(
        self, service: str, document: str, limit: int, *, values: bool = True
    ) -> list[ParkedRow]:
        """Load the first `limit` rows of a document in order of `order`.

        For people, who count and name them, without the records' values: None stands in their place.
        """
        ...

    async def parked_named(self, service: str, records: Collection[str]) -> dict[str, ParkedRow]:
        """Load the rows of records named "topic/partition/offset", by that name, without their values.

        Those that do not exist are left out.
        """
        ...

    async def parked_documents(self, service: str, after: str, limit: int) -> list[Document]:
        """Load the documents that have a PARK mark, ordered by id, from ids greater than `after`.

        For people: no index serves it.
        """
        ...

    async def unpark(self, service: str, document: str, upto: int, records: Collection[str]) -> None:
        """Delete a document's rows with order <= upto, and those named "topic/partition/offset" in `records`.

        Repeating it is harmless.
        """
        ...

    async def raise_epoch(self, service: str, partitions: Collection[int]) -> dict[int, Document]:
        """Add 1 to `epoch` and to `version` of each partition's positions, creating them; give the documents
        after it.

        Each atomic and alone. A document has `_id` (the partition number), `epoch`, `version` and what was
        last written. Repeating it after UnavailableError only raises the epoch once more.
        """
        ...

    async def write_positions(self, service: str, positions: Sequence[Document]) -> set[int]:
        """Replace each where epoch is its own and the stored version is its own minus one.

        Give the losers' partitions.
        """
        ...

    async def positions(self, service: str) -> list[Document]:
        """Read all positions of a service (for reconciliation and people)."""
        ...

    async def workload(self, service: str, partitions: Collection[int]) -> dict[int, dict[str, int]]:
        """Count, per partition, how often each value stands in WORK over its documents (rule 22)."""
        ...


class Clock(Protocol):
    """Wall time: for back-off, deadlines, durations and stamps meant for people. Never reaches a decider."""

    def now(self) -> datetime:
        """Now, aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that only grow."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...

    def jitter(self) -> float:
        """A number in [0, 1), to spread retries."""
        ...


@dataclass(frozen=True, slots=True)
class SpanStart:
    """What a process span is about: a record, or the close of `day` for one case (then no record fields).

    `traceparent`/`tracestate` are what the record arrived with (None: child of the case's root). No message
    key.
    """

    service: str
    type: str
    case: str | None
    topic: str | None = None
    partition: int | None = None
    offset: int | None = None
    message_id: str | None = None
    day: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None
    external: bool = False  # a bank's or desk's own trace: linked, not joined


class Span(Protocol):
    """One `process` span. Exactly one of `end` and `drop` is called, `end` after the decision is written."""

    def carry(self, case: str) -> tuple[str | None, str | None]:
        """Give the traceparent and tracestate that an emission about `case` carries on.

        Stored with the emission, so that publishing it again has the same. A span that did not know its case
        (a bank's event names none) becomes a span of the first case asked for; what it says about another
        case goes on under that one's root: a trace never holds two cases.
        """
        ...

    def end(self, decision: str, emitted: Sequence[str] = ()) -> None:
        """Finish: `decision` is decided, waits, refused, duplicate, parked, held ….

        `emitted` are event types.
        """
        ...

    def drop(self) -> None:
        """Forget it: the decision was not written (lost against another writer, abandoned)."""
        ...


class BatchSpan(Protocol):
    """The span of one batch, in its own trace."""

    def link(self, span: Span) -> None:
        """Link a process span; those after the 128th are left out."""
        ...

    def end(self, stages: Mapping[str, float]) -> None:
        """Finish, with seconds by stage."""
        ...


class Tracer(Protocol):
    """Spans. Cheap, synchronous, never raises."""

    def process(self, start: SpanStart) -> Span:
        """Begin a process span."""
        ...

    def batch(self, service: str, records: int) -> BatchSpan:
        """Begin a batch span."""
        ...


class Meter(Protocol):
    """Counts and durations. Cheap, synchronous, never raises.

    Labels never carry personal data or case ids.
    """

    def count(self, name: str, amount: int = 1, **labels: str) -> None:
        """Add to a counter: see `METERS` for the names."""
        ...

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        ...

    def retire(self, name: str, **labels: str) -> None:
        """Forget the gauges that carry these labels: another replica sets them now."""
        ...

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """Record a duration."""
        ...

    def alarm(self, name: str, **fields: str) -> None:
        """Raise an operational alert (gap, two ids, lagging partition, abandoned assignment): logged and
        counted.

        `fields` may name case ids, topics, partitions and offsets, never personal data.
        """
        ...


METERS = (
    "decided",  # service, type, outcome: one per message
    "emitted",  # service, type
    "duplicates",  # service, topic
    "dead_letters",  # service, topic, reason
    "parked",  # service: documents parked now (+1, -1)
    "days_closed",  # service
    "days_behind",  # service, partition (gauge): the partition against the replica's furthest one
    "gaps",  # service, source: sequences that did not follow the one before
    "conflicts",  # service: documents decided again after a lost write
    "retries",  # service, stage
    "batch_seconds",  # service, stage (observe)
    "batch_records",  # service
    "lag",  # service, topic, partition (gauge)
    "oldest_seconds",  # service, partition (gauge): age of the first record not worked off; 0: none is left
    "batch_limit",  # service (gauge): records of the next batch at most
)
"""The names of all counters, gauges and durations."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything an engine is given."""

    log: Log
    store: Store
    clock: Clock
    tracer: Tracer
    meter: Meter
    labels: Mapping[str, str] = field(default_factory=dict)
