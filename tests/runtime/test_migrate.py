"""The pure parts of migrations: what leaves a document, where it goes, by which count a record was put."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from typing import Any

import pytest

from services.cli.catalogue import load, load_all
from shared.contracts.partition import partition_of
from shared.runtime.document import Case, Cause, IdEntry, OutEntry
from shared.runtime.growing import Layout, grow, moved
from shared.runtime.lane import Lane
from shared.runtime.migrate import pruned, rebuild, replay, unsettled
from shared.runtime.migration_store import MigrationStore
from shared.runtime.ports import Document, FatalError, Record
from shared.runtime.settings import Settings

SERVICE = load("intake")


def lane(*, upto: int, done: str | None) -> Lane:
    row = {"topic": "bank.events", "next": upto, "closed": done, "processed": upto, "duplicates": 0,
           "dead_lettered": 0}  # fmt: skip
    return Lane.load(SERVICE, {"_id": 1, "epoch": 5, "version": 9, "done": done, "inputs": [row]}, {})


def document(*causes: Cause) -> dict[str, Any]:
    case = Case("c-1", 1, "customer-7", version=3, epoch=5)
    case.out = [OutEntry(cause, b"k", b"v", ()) for cause in causes]
    case.ids = [IdEntry(cause, "id") for cause in causes]
    case.parked_upto = {"bank.events": 40}
    case.marks = {("/parley/offer", "c-1"): 6}
    return case.dump(SERVICE, 5)


def test_what_is_known_to_be_published_leaves_and_the_rest_stays() -> None:
    known = lane(upto=10, done="2026-01-05")
    old, new = Cause("bank.events", 9), Cause("bank.events", 10)
    closed, open_ = Cause("", 0, "2026-01-05"), Cause("", 0, "2026-01-06")
    before = document(old, new, closed, open_)
    assert unsettled(before, known.settled)
    after = pruned(before, known.settled)
    assert after is not None
    assert [Cause.load(entry[0]) for entry in after["out"]] == [new, open_]
    assert [Cause.load(entry[0]) for entry in after["ids"]] == [new, open_]
    assert after["entries_day"] == "2026-01-06"
    assert after["version"] == before["version"] + 1
    assert pruned(after, known.settled) is None


def test_the_last_entry_of_a_day_takes_the_day_with_it() -> None:
    known = lane(upto=10, done="2026-01-05")
    settled = document(Cause("", 0, "2026-01-05"))
    assert not unsettled(settled, known.settled)
    after = pruned(settled, known.settled)
    assert after is not None
    assert after["entries_day"] is None


def test_of_the_days_whose_entries_stay_the_last_is_noted() -> None:
    known = lane(upto=10, done="2026-01-05")
    days = [Cause("", 0, f"2026-01-0{n}") for n in (7, 5, 6)]
    after = pruned(document(*days), known.settled)
    assert after is not None
    assert after["entries_day"] == "2026-01-07"


def test_nothing_is_known_where_no_day_was_done() -> None:
    fresh = lane(upto=0, done=None)
    assert pruned(document(Cause("bank.events", 0), Cause("", 0, "2026-01-05")), fresh.settled) is None


def test_a_moved_document_carries_nothing_of_its_old_partition_and_all_of_its_past() -> None:
    before = document(Cause("bank.events", 9))
    after = moved(before, 12)
    case = Case.load(after)
    assert case.partition == partition_of(b"customer-7", 12)
    assert list(case.entries) == []
    assert case.parked_upto == {}
    assert case.epoch == 0
    assert case.marks == {("/parley/offer", "c-1"): 6}
    assert after["version"] == before["version"] + 1
    assert moved(after, 12)["partition"] == case.partition


def record(partition: int, offset: int) -> Record:
    return Record("bank.events", partition, offset, b"k", b"v", (), 0)


class HalfRestored(MigrationStore):
    """A database on which `parley backup restored` was killed; nothing else can be asked of it."""

    async def every(self, service: str, kind: str, fields: Collection[str] | None = None) -> list[Document]:
        mark = {"begun": "2026-01-11T08:00:00+00:00", "finished": None}
        return [mark] if (service, kind) == ("parley", "backup") else []

    async def note(self, name: str) -> Document | None:
        return None


@pytest.mark.parametrize(
    "migrate",
    [
        lambda settings, store: rebuild(settings, store, load("archive")),
        lambda settings, store: replay(settings, store, load("intake"), "bank.events"),
        lambda settings, store: grow(settings, store, load_all(), 24),
    ],
    ids=["rebuild", "replay", "partitions"],
)
async def test_nothing_is_migrated_while_a_restoration_is_half_done(
    migrate: Callable[[Settings, MigrationStore], Awaitable[Any]],
) -> None:
    settings = Settings.load()
    with pytest.raises(FatalError, match="parley backup restored"):
        await migrate(settings, HalfRestored(settings))


async def test_records_are_read_era_after_era() -> None:
    layout = Layout(
        {"bank.events": 8},
        ((2, {("bank.events", 0): 2, ("bank.events", 1): 1}), (4, {("bank.events", 0): 3,
         ("bank.events", 1): 1, ("bank.events", 2): 1, ("bank.events", 3): 0})),
    )  # fmt: skip
    written = [
        record(0, 2),
        record(0, 3),
        record(2, 0),
        record(7, 0),
        record(0, 0),
        record(1, 0),
        record(3, 0),
    ]
    assert [layout.count(one) for one in written] == [4, 8, 4, 8, 2, 2, 8]

    async def given() -> AsyncIterator[Record]:
        for one in written:
            yield one

    read = [layout.count(one) async for one in layout.ordered(given())]
    assert read == [2, 2, 4, 4, 8, 8, 8]


async def test_without_a_growth_records_are_read_as_they_come() -> None:
    async def given() -> AsyncIterator[Record]:
        for one in (record(1, 5), record(0, 0)):
            yield one

    layout = Layout({"bank.events": 2})
    assert [one.offset async for one in layout.ordered(given())] == [5, 0]
