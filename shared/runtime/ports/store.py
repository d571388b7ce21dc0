"""The store, and what it reads of the documents that it keeps.

Documents cross this port as plain dicts of BSON types (str, int, bool, None, bytes, list, dict); days are ISO
strings, which sort like days. The names of the fields that the store filters by are constants here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from shared.runtime.ports.records import Record

__all__ = [
    "DUE",
    "ENTRIES_DAY",
    "HELD",
    "ID",
    "PARK",
    "PARTITION",
    "VERSION",
    "WORK",
    "Document",
    "ParkedRow",
    "Store",
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

    async def waking(self, service: str, partitions: Collection[int]) -> dict[int, dict[str, str]]:
        """Give, for each partition, the first day whose close must look at a document, by the document's id.

        That is DUE where it is not HELD, or ENTRIES_DAY (held or not), whichever is earlier; a day that is
        later than the stored one is never given. Documents without such a day are left out.
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
