"""The store in memory: the same atomicity, version filter and refusals (BSON's own) as the database's."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import bson
from bson.errors import InvalidDocument

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
    ParkedRow,
    UnencodableError,
)
from shared.runtime.waking import first_look

__all__ = ["MemoryStore", "encoded_size"]

MAX_DOCUMENT_BYTES = 16 * 1024 * 1024


def encoded_size(document: Mapping[str, Any], limit: int) -> int:
    """Give the BSON size of a document; raise UnencodableError for what BSON or the limit refuses."""
    try:
        size = len(bson.encode(document))
    except (InvalidDocument, OverflowError, UnicodeError, RecursionError, TypeError, ValueError) as error:
        # The error's text may quote the document: only its kind is passed on.
        raise UnencodableError(f"the database refuses it: {type(error).__name__}") from None
    if size > limit:
        raise UnencodableError("larger than the database's document limit")
    return size


class MemoryStore:
    """Everything a database would keep, as BSON bytes, so that nobody shares a mutable document."""

    def __init__(self, *, max_bytes: int = MAX_DOCUMENT_BYTES) -> None:
        self._max_bytes = max_bytes
        self._cases: dict[str, dict[str, bytes]] = {}
        self._heads: dict[str, dict[str, Document]] = {}
        self._ids: dict[str, set[str]] = {}
        self._links: dict[str, dict[str, bytes]] = {}
        self._parked: dict[str, dict[tuple[str, int, int], ParkedRow]] = {}
        self._positions: dict[str, dict[int, bytes]] = {}
        self._secrets: dict[str, dict[str, Document]] = {}

    def encode(self, document: Mapping[str, Any]) -> int:
        """Measure; refuse what BSON refuses."""
        return encoded_size(document, self._max_bytes)

    async def load_many(self, service: str, ids: Collection[str]) -> dict[str, Document]:
        """Load by id."""
        await asyncio.sleep(0)
        cases = self._cases.get(service, {})
        return {id_: bson.decode(cases[id_]) for id_ in ids if id_ in cases}

    def documents(self, service: str) -> dict[str, Document]:
        """Give every case document (for oracles and tests)."""
        return {id_: bson.decode(raw) for id_, raw in self._cases.get(service, {}).items()}

    async def replace_many(self, service: str, documents: Sequence[Document]) -> set[str]:
        """Write those whose version follows the stored one."""
        await asyncio.sleep(0)
        cases = self._cases.setdefault(service, {})
        heads = self._heads.setdefault(service, {})
        losers = set()
        for document in documents:
            id_ = document[ID]
            if heads.get(id_, {VERSION: 0})[VERSION] != document[VERSION] - 1:
                losers.add(id_)
                continue
            self.encode(document)
            cases[id_] = bson.encode(document)
            heads[id_] = {
                name: document.get(name) for name in (VERSION, PARTITION, DUE, HELD, ENTRIES_DAY, WORK)
            }
        return losers

    async def waking(self, service: str, partitions: Collection[int]) -> dict[int, dict[str, str]]:
        """Give the days that wake documents."""
        await asyncio.sleep(0)
        days: dict[int, dict[str, str]] = {number: {} for number in partitions}
        for id_, head in self._heads.get(service, {}).items():
            first = first_look(head)
            if head[PARTITION] in days and first is not None:
                days[head[PARTITION]][id_] = first
        return days

    async def known_ids(self, service: str, ids: Collection[str]) -> set[str]:
        """Say which are kept."""
        await asyncio.sleep(0)
        return self._ids.get(service, set()) & set(ids)

    async def copy_ids(self, service: str, ids: Collection[str]) -> None:
        """Keep."""
        await asyncio.sleep(0)
        self._ids.setdefault(service, set()).update(ids)

    async def copy_links(self, service: str, links: Mapping[str, Mapping[str, Any]]) -> None:
        """Keep the first body of each."""
        await asyncio.sleep(0)
        kept = self._links.setdefault(service, {})
        for id_, body in links.items():
            kept.setdefault(id_, bson.encode(body))

    async def links(self, service: str, ids: Collection[str]) -> dict[str, dict[str, Any]]:
        """Load bodies."""
        await asyncio.sleep(0)
        kept = self._links.get(service, {})
        return {id_: bson.decode(kept[id_]) for id_ in ids if id_ in kept}

    def all_links(self, service: str) -> dict[str, dict[str, Any]]:
        """Give every kept body (for oracles and tests)."""
        return {id_: bson.decode(raw) for id_, raw in self._links.get(service, {}).items()}

    async def secrets(self, service: str, ids: Collection[str]) -> dict[str, Document]:
        """Load, or make."""
        await asyncio.sleep(0)
        kept = self._secrets.setdefault(service, {})
        for id_ in ids:
            if id_ not in kept:
                kept[id_] = {ID: id_, "salt": _secret(), "next": _secret(), "erased": ""}
        return {id_: dict(kept[id_]) for id_ in ids}

    async def destroy_secrets(self, service: str, upto: Mapping[str, str]) -> None:
        """Put the next in its place."""
        rows = await self.secrets(service, upto.keys())
        for id_, moment in upto.items():
            if rows[id_]["erased"] < moment:
                self._secrets[service][id_] = {
                    ID: id_, "salt": rows[id_]["next"], "next": _secret(), "erased": moment
                }  # fmt: skip

    async def park(self, service: str, rows: Sequence[ParkedRow]) -> None:
        """Store rows of the same or a higher epoch."""
        await asyncio.sleep(0)
        kept = self._parked.setdefault(service, {})
        for row in rows:
            identity = (row.record.topic, row.record.partition, row.record.offset)
            old = kept.get(identity)
            if old is None or old.epoch <= row.epoch:
                kept[identity] = row

    async def parked(
        self, service: str, document: str, limit: int, *, values: bool = True
    ) -> list[ParkedRow]:
        """Load rows in arrival order."""
        await asyncio.sleep(0)
        rows = [row for row in self._parked.get(service, {}).values() if row.document == document]
        first = sorted(rows, key=lambda row: row.order)[:limit]
        return first if values else [_without_value(row) for row in first]

    async def parked_named(self, service: str, records: Collection[str]) -> dict[str, ParkedRow]:
        """Load rows by name."""
        await asyncio.sleep(0)
        rows = {"/".join(map(str, at)): row for at, row in self._parked.get(service, {}).items()}
        return {name: _without_value(rows[name]) for name in records if name in rows}

    async def parked_documents(self, service: str, after: str, limit: int) -> list[Document]:
        """Load documents that have a park mark."""
        await asyncio.sleep(0)
        found = ((id_, bson.decode(raw)) for id_, raw in sorted(self._cases.get(service, {}).items()))
        marked = (document for id_, document in found if id_ > after and document.get(PARK) is not None)
        return list(islice(marked, limit))

    def all_parked(self, service: str) -> list[ParkedRow]:
        """Give every row (for oracles and tests)."""
        return list(self._parked.get(service, {}).values())

    async def unpark(self, service: str, document: str, upto: int, records: Collection[str]) -> None:
        """Delete rows."""
        await asyncio.sleep(0)
        kept = self._parked.get(service, {})
        for identity, row in list(kept.items()):
            named = "/".join(map(str, identity)) in records
            if row.document == document and (row.order <= upto or named):
                del kept[identity]

    async def raise_epoch(self, service: str, partitions: Collection[int]) -> dict[int, Document]:
        """Raise epoch and version."""
        await asyncio.sleep(0)
        kept = self._positions.setdefault(service, {})
        for number in partitions:
            old = bson.decode(kept[number]) if number in kept else {ID: number, "epoch": 0, VERSION: 0}
            kept[number] = bson.encode({**old, "epoch": old["epoch"] + 1, VERSION: old[VERSION] + 1})
        return {number: bson.decode(kept[number]) for number in partitions}

    async def write_positions(self, service: str, positions: Sequence[Document]) -> set[int]:
        """Write those of the same epoch whose version follows."""
        await asyncio.sleep(0)
        kept = self._positions.setdefault(service, {})
        losers = set()
        for document in positions:
            number = document[ID]
            old = bson.decode(kept[number]) if number in kept else {"epoch": None, VERSION: None}
            if old["epoch"] != document["epoch"] or old[VERSION] != document[VERSION] - 1:
                losers.add(number)
                continue
            kept[number] = bson.encode(document)
        return losers

    async def positions(self, service: str) -> list[Document]:
        """Read all."""
        await asyncio.sleep(0)
        return [bson.decode(raw) for _, raw in sorted(self._positions.get(service, {}).items())]

    async def workload(self, service: str, partitions: Collection[int]) -> dict[int, dict[str, int]]:
        """Count WORK by partition."""
        await asyncio.sleep(0)
        counts: dict[int, Counter[str]] = {number: Counter() for number in partitions}
        for head in self._heads.get(service, {}).values():
            if head[PARTITION] in counts:
                counts[head[PARTITION]].update(head[WORK] or ())
        return {number: dict(count) for number, count in counts.items()}


def _secret() -> bytes:
    return secrets.token_bytes(32)


def _without_value(row: ParkedRow) -> ParkedRow:
    return replace(row, record=replace(row.record, value=None))
