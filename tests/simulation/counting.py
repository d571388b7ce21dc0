"""One real service with everything counted that it asks of the store and the log, in virtual time.

Idle polls are not counted: how many there are says how long the test waited, not what an event costs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from inspect import iscoroutinefunction
from typing import Any

import bson

from shared.contracts.ids import case_id
from shared.contracts.partition import partition_of
from shared.runtime.memory import MemoryConsumer, MemoryLog
from shared.runtime.memory_store import MemoryStore
from shared.runtime.ports import ID, PARTITION, VERSION, Document, Outgoing, Record
from shared.runtime.service import DocumentPer
from tests.runtime.rig import Rig
from tests.simulation.flood import PARTITIONS, Office

_NO_ENTRIES: dict[str, list[Any]] = {"out": [], "ids": [], "links": [], "drops": []}


@dataclass
class Tally:
    """What was asked for since the count began: `calls` of each kind, `items` in them, and which documents.

    `sizes` are the encoded bytes of the documents written, in order, `kept` the same without the entries:
    these are as many as the batch had messages, and leave with a later write.
    """

    calls: Counter[str] = field(default_factory=Counter)
    items: Counter[str] = field(default_factory=Counter)
    loaded: set[str] = field(default_factory=set)
    sizes: list[int] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)

    def note(self, name: str, given: tuple[Any, ...], result: Any) -> None:
        """Count one operation of the store."""
        self.calls[name] += 1
        if name == "load_many":
            self.loaded |= {document[ID] for document in result.values()}
            self.items[name] += len(result)
        elif name == "replace_many":
            self.sizes += [len(bson.encode(document)) for document in given[1]]
            self.kept += [len(bson.encode({**document, **_NO_ENTRIES})) for document in given[1]]
            self.items[name] += len(given[1])
        elif name in {"copy_ids", "copy_links", "known_ids", "write_positions"}:
            self.items[name] += len(given[1])

    @property
    def costs(self) -> dict[str, int]:
        """Everything that is counted, by name."""
        calls = {f"calls of {name}": count for name, count in self.calls.items()}
        return calls | {f"items of {name}": count for name, count in self.items.items() if count}


class _CountedStore:
    """The store, with every operation that waits counted."""

    def __init__(self, store: MemoryStore, office: Counted) -> None:
        self._store, self._office = store, office

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if not iscoroutinefunction(method):
            return method

        async def counted(*args: Any, **kwargs: Any) -> Any:
            result = await method(*args, **kwargs)
            self._office.tally.note(name, args, result)
            return result

        return counted


class _CountedLog(MemoryLog):
    """The log, with what is committed, published and received counted."""

    def __init__(self, partitions: int, office: Counted) -> None:
        super().__init__(partitions)
        self._office = office

    def consumer(self, group: str, client_id: str) -> MemoryConsumer:
        self._members += 1
        return _CountedConsumer(self, self.group(group), f"{client_id}-{self._members:06d}", self._office)

    def append(self, out: Outgoing) -> Record:
        record = super().append(out)
        if out.topic.startswith(f"{self._office.service.name}."):
            self._office.tally.calls["publish"] += 1
        return record


class _CountedConsumer(MemoryConsumer):
    def __init__(self, log: MemoryLog, group: Any, member: str, office: Counted) -> None:
        super().__init__(log, group, member)
        self._office = office

    async def poll(self, max_records: int, timeout: float) -> list[Record]:
        records = await super().poll(max_records, timeout)
        self._office.tally.calls["poll with records"] += bool(records)
        return records

    async def commit(self, offsets: Mapping[Any, int]) -> None:
        self._office.tally.calls["commit"] += 1
        await super().commit(offsets)


class Counted(Office):
    """An office whose operations are counted; no document is remembered, so that every load is one."""

    def __init__(self, service: str) -> None:
        super().__init__(service)
        self.limits = replace(self.limits, recent_bytes=0)
        self.tally = Tally()
        self.log = _CountedLog(self.limits.partitions, self)

    def open(self) -> None:
        """Start the service."""
        store = _CountedStore(self.store, self)
        self.start(self.service.name, self.service, clock=self.clock, store=store)

    def close_all(self, day: date, *, but: str = "") -> None:
        """Say that the day is closed on every input that is waited for; the bank speaks for itself."""
        for source in self.service.waits_for:
            if source == "bank":
                Rig.close(self, day)
            else:
                self.close(day, source=source)

    async def counted(self, act: Callable[[], None], seconds: float = 5.0) -> Tally:
        """Give what it cost to work off what `act` says."""
        self.tally = Tally()
        act()
        await self.settle(seconds)
        return self.tally

    async def done(self) -> date:
        """Give the last day done, which must be the same on every partition."""
        (day,) = {document["done"] for document in await self.store.positions(self.service.name)}
        return date.fromisoformat(day)

    async def fill(self, template: Document, customers: Iterable[str]) -> set[str]:
        """Put copies of a document into the store as if these customers' had been written before.

        Give their ids. A copy holds no entries: its emissions have been published long ago.
        """
        copies = [self._copy(template, customer) for customer in customers]
        assert await self.store.replace_many(self.service.name, copies) == set()
        return {document[ID] for document in copies}

    def _copy(self, template: Document, customer: str) -> Document:
        of_customer = self.service.per is DocumentPer.CUSTOMER
        id_ = customer if of_customer else case_id(customer, 1)
        name = "customer" if of_customer else "case"
        return {
            **template,
            **_NO_ENTRIES,
            ID: id_,
            VERSION: 1,
            "epoch": 0,
            "key": customer,
            PARTITION: partition_of(customer.encode(), PARTITIONS),
            "state": {**template["state"], name: id_},
        }


def noon(day: date) -> datetime:
    """Give the middle of a day."""
    return datetime.combine(day, time(12), UTC)


def together(tallies: Iterable[Tally]) -> Tally:
    """Add counts up."""
    total = Tally()
    for tally in tallies:
        total.calls += tally.calls
        total.items += tally.items
        total.loaded |= tally.loaded
        total.sizes += tally.sizes
        total.kept += tally.kept
    return total
