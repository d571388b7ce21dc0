"""The servers that commands on a stopped platform work on, in memory: restoring a backup, and migrations."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from copy import deepcopy
from typing import Any

import bson
import pytest

from shared.runtime import backup, migrate, restore, voids
from shared.runtime.memory_store import MemoryStore
from shared.runtime.migration_store import MigrationStore
from shared.runtime.ports import ID, Document, Record, TopicPartition, UnavailableError
from shared.runtime.settings import Settings
from shared.runtime.simulation.loop import run_virtual
from shared.runtime.simulation.toy import Accept, Bad, Open, Pay, Sign
from tests.runtime.rig import ANN, D1, D2, D3, Rig


class CommandStore(MemoryStore):
    """The store, with what only commands do. It may die at a write."""

    def __init__(self, *, max_bytes: int) -> None:
        super().__init__(max_bytes=max_bytes)
        self.other: dict[tuple[str, str], dict[Any, Document]] = {}
        self.writes = 0
        self.dies_at: int | None = None
        self.open = 0

    async def start(self) -> None:
        self.open += 1

    async def close(self) -> None:
        self.open -= 1

    def written(self) -> None:
        """Count a write, and die at the one that was named."""
        self.writes += 1
        if self.writes == self.dies_at:
            raise UnavailableError("database: died")

    async def replace_many(self, service: str, documents: Any) -> set[str]:
        if documents and self.open:
            self.written()
        return await super().replace_many(service, documents)

    async def put(self, service: str, kind: str, document: Document) -> None:
        self.written()
        if kind == "positions":
            self._positions[service][document[ID]] = bson.encode(document)
        else:
            self.other.setdefault((service, kind), {})[document[ID]] = deepcopy(document)

    async def every(self, service: str, kind: str, fields: Collection[str] | None = None) -> list[Document]:
        if kind != "cases":
            return deepcopy(list(self.other.get((service, kind), {}).values()))
        return [
            {name: one[name] for name in (ID, *(fields or one))} for one in self.documents(service).values()
        ]

    # -- migrations --------------------------------------------------------------------------------------

    note = MigrationStore.note
    write_note = MigrationStore.write_note
    refuse_half_done = MigrationStore.refuse_half_done
    refuse_half_restored = MigrationStore.refuse_half_restored

    async def clear(self, service: str, kind: str) -> int:
        self.written()
        kept: Any = getattr(self, f"_{kind}").get(service, {})
        before = len(kept)
        stays = {id_: raw for id_, raw in kept.items() if _is_discard(raw)} if kind == "links" else {}
        if kind == "cases":
            self._heads.get(service, {}).clear()
        kept.clear()
        kept.update(stays)
        return before - len(stays)

    async def discarded(self, service: str) -> list[tuple[str, int, int]]:
        links = self.all_links(service).values()
        return [
            (one["topic"], one["partition"], one["offset"]) for one in links if one.get("kind") == "discard"
        ]

    async def cases(self, service: str) -> AsyncIterator[list[Document]]:
        for _, document in sorted(self.documents(service).items()):
            yield [document]

    async def newer_schema(self, service: str, runtime: int, own: int) -> bool:
        return any(
            one["schema"][0] > runtime or one["schema"][1] > own for one in self.documents(service).values()
        )

    def contents(self) -> dict[str, Any]:
        """All that is kept, but for moments and epochs, which are of the wall clock."""
        places = {
            service: [{**bson.decode(raw), "epoch": 0} for raw in rows.values()]
            for service, rows in self._positions.items()
        }
        others = {
            where: [
                {name: value for name, value in row.items() if name not in _MOMENTS} for row in rows.values()
            ]
            for where, rows in self.other.items()
        }
        cases = {service: self.documents(service) for service in self._cases}
        return {"cases": cases, "positions": places, "others": others}


def _is_discard(raw: bytes) -> bool:
    return bool(bson.decode(raw).get("kind") == "discard")


_MOMENTS = {"at", "begun", "finished", "restored_at", "epoch"}


class House(Rig):
    """A platform whose database can be copied and put back, and its services stopped."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **given: Any) -> None:
        super().__init__(names=("front", "middle", "back", "archive"), **given)
        self.store: CommandStore = CommandStore(max_bytes=200_000)
        self.settings = Settings.load(partitions=self.limits.partitions)
        self.all = list(self.services.values())
        for module, store in (
            (backup, "MigrationStore"),
            (restore, "MigrationStore"),
            (restore, "MongoStore"),
            (voids, "MongoStore"),
        ):
            monkeypatch.setattr(module, store, lambda _: self.store)
        for module in (backup, restore, migrate):
            monkeypatch.setattr(module, "end_offsets", self._end_offsets)
        for module in (backup, migrate):
            monkeypatch.setattr(module, "groups_with_members", self._members)
        for module in (restore, migrate):
            monkeypatch.setattr(module, "set_group_offsets", self._set_offsets)
        monkeypatch.setattr(restore, "scan", self._scan)

    def copy(self) -> CommandStore:
        """The backup."""
        return deepcopy(self.store)

    def put_back(self, copy: CommandStore) -> None:
        self.store = deepcopy(copy)

    def committed(self) -> dict[str, dict[TopicPartition, int]]:
        return {one.name: dict(self.log.group(one.group).committed) for one in self.all}

    def said(self, service: str) -> list[tuple[str, int, str]]:
        """The case, sequence and id of what a service has said, markers apart."""
        return [(str(one.subject), one.sequence or 0, one.id) for one in self.events(service)]

    async def _end_offsets(self, _: Settings, topics: Iterable[str]) -> dict[TopicPartition, tuple[int, int]]:
        places = [TopicPartition(name, n) for name in topics for n in range(self.log.partitions)]
        return {at: self.log.bounds(at) for at in places}

    async def _members(self, _: Settings, groups: Iterable[str]) -> dict[str, int]:
        counts = {name: len(self.log.group(name).members) for name in groups}
        return {name: count for name, count in counts.items() if count}

    async def _set_offsets(self, _: Settings, group: str, offsets: Mapping[TopicPartition, int]) -> None:
        self.store.written()
        assert not self.log.group(group).members
        self.log.group(group).committed.update(offsets)

    async def _scan(
        self, _: Settings, topic: str, start: Mapping[int, int] | None = None
    ) -> AsyncIterator[Record]:
        for number in range(self.log.partitions):
            for record in self.log.records(topic, number):
                if record.offset >= (start or {}).get(number, 0):
                    yield record


# -- stories of a platform that lives and is stopped -------------------------------------------------------

BOB, EVE = "C-bob", "C-eve"


def told(monkeypatch: pytest.MonkeyPatch, tell: Callable[[House], Awaitable[None]]) -> None:
    async def whole() -> None:
        await tell(House(monkeypatch, partitions=2))

    run_virtual(whole())


async def lived(house: House, *days: Callable[[], Any]) -> None:
    """Start everything, let each of these happen and come to rest, and stop."""
    house.start_all()
    await house.settle()
    for happens in days:
        happens()
        await house.settle()
    await house.stop()


def first_days(house: House) -> tuple[Callable[[], Any], ...]:
    def first() -> None:
        house.say(Open(), key=ANN)
        house.say(Open(), key=BOB)

    def agreed() -> None:
        house.say(Accept(number=1), key=ANN)
        house.say(Pay(pay_id="p1", amount=100, value_date=D1), key=ANN)

    return first, agreed, lambda: house.close(D1)


def later_days(house: House, *, poison: bool = False) -> tuple[Callable[[], Any], ...]:
    def second() -> None:
        house.say(Open(), D2, key=EVE)
        house.say(Sign(number=1), D2, key=ANN)
        house.say(Pay(pay_id="p2", amount=100, value_date=D2), D2, key=ANN)
        if poison:
            house.say(Bad(at="back", kind="raise"), D2, key="C-dan")

    return second, lambda: house.close(D2), lambda: house.close(D3)


def states(house: House) -> dict[str, dict[str, Any]]:
    return {
        name: {id_: one["state"] for id_, one in house.store.documents(name).items()}
        for name in house.services
    }
