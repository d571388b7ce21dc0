"""What every store does: one test per contract that `shared.runtime.ports` states."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

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
    Record,
    Store,
    UnencodableError,
)
from tests.runtime.conformance import Database, needs

__all__ = ["StoreContract"]

DAY = "2026-03-05"


def case(id_: str, version: int = 1, **fields: Any) -> Document:
    """A document with the fields that the store looks at."""
    return {
        ID: id_,
        VERSION: version,
        PARTITION: 0,
        DUE: None,
        HELD: False,
        ENTRIES_DAY: None,
        WORK: [],
        **fields,
    }


def row(document: str, offset: int, order: int, epoch: int = 1, **fields: Any) -> ParkedRow:
    record = Record("desk.events", 2, offset, b"k", None, (("h", b"\xff"), ("n", None)), 17)
    return replace(ParkedRow(document, record, order, epoch, "decider-failed", "2026"), **fields)


class StoreContract:
    """Documents, ids, links, parked rows, positions."""

    async def test_documents_come_back_as_they_were(self, store: Store) -> None:
        body = {"n": 2**62, "b": b"\x00\xff", "l": [[1, None, "é"]], "d": {"x": {}}, "f": False}
        assert await store.replace_many("s", [case("a", **body)]) == set()
        assert await store.load_many("s", ["a", "b"]) == {"a": case("a", **body)}
        assert await store.load_many("other", ["a"]) == {}
        assert await store.load_many("s", []) == {}

    async def test_only_the_next_version_is_written(self, store: Store) -> None:
        assert await store.replace_many("s", [case("a"), case("b")]) == set()
        losers = await store.replace_many(
            "s", [case("a", 2, x=1), case("b", 1, x=1), case("c", 1), case("d", 3)]
        )
        assert losers >= {"b"}
        found = await store.load_many("s", ["a", "b", "c"])
        assert (found["a"][VERSION], found["a"]["x"]) == (2, 1)
        assert found["b"] == case("b")
        assert found["c"] == case("c")
        assert await store.replace_many("s", [case("a", 2, x=2), case("a", 1)]) == {"a"}
        assert (await store.load_many("s", ["a"]))["a"]["x"] == 1

    async def test_of_two_writers_one_wins(self, store: Store) -> None:
        await store.replace_many("s", [case("a")])
        lost = await asyncio.gather(
            *(store.replace_many("s", [case("a", 2, by=n), case(f"own{n}")]) for n in range(5))
        )
        assert sorted(len(losers) for losers in lost) == [0, 1, 1, 1, 1]
        assert (await store.load_many("s", ["a"]))["a"]["by"] == lost.index(set())
        assert len(await store.load_many("s", [f"own{n}" for n in range(5)])) == 5

    async def test_what_would_be_refused_is_said_before(self, store: Store) -> None:
        assert store.encode(case("a")) > 0
        for wrong in ({"a\x00b": 1}, {"x": 2**63}, {"x": object()}, {"x": "\ud800"}):
            with pytest.raises(UnencodableError) as caught:
                store.encode({ID: "a", "state": wrong})
            assert "a\x00b" not in str(caught.value)
        with pytest.raises(UnencodableError):
            store.encode({ID: "a", "x": b"x" * (16 * 1024 * 1024)})

    async def test_a_day_wakes_what_is_due_and_what_holds_its_entries(self, store: Store) -> None:
        await store.replace_many(
            "s",
            [
                case("due", **{DUE: DAY}),
                case("overdue", **{DUE: "2026-03-01"}),
                case("later", **{DUE: "2026-03-06"}),
                case("never"),
                case("held", **{DUE: DAY, HELD: True}),
                case("holds", **{ENTRIES_DAY: DAY}),
                case("held-holds", **{ENTRIES_DAY: DAY, HELD: True, DUE: DAY}),
                case("held-before", **{ENTRIES_DAY: "2026-03-04"}),
                case("elsewhere", **{DUE: DAY, PARTITION: 3}),
            ],
        )
        assert await store.waking("s", [0, 1]) == {
            0: {
                "due": DAY,
                "overdue": "2026-03-01",
                "later": "2026-03-06",
                "holds": DAY,
                "held-holds": DAY,
                "held-before": "2026-03-04",
            },
            1: {},
        }
        assert await store.waking("s", [3]) == {3: {"elsewhere": DAY}}
        assert await store.waking("another", [0]) == {0: {}}

    async def test_what_was_woken_and_written_is_not_due_any_more(self, store: Store) -> None:
        await store.replace_many("s", [case("a", **{DUE: DAY})])
        await store.replace_many("s", [case("a", 2, **{DUE: None})])
        assert await store.waking("s", [0]) == {0: {}}

    async def test_ids_are_kept_for_good_and_once(self, store: Store) -> None:
        await store.copy_ids("s", ["x", "y"])
        await store.copy_ids("s", ["y", "z"])
        await store.copy_ids("s", [])
        assert await store.known_ids("s", ["x", "y", "z", "w"]) == {"x", "y", "z"}
        assert await store.known_ids("s", []) == set()
        assert await store.known_ids("other", ["x"]) == set()

    async def test_links_keep_their_first_body(self, store: Store) -> None:
        await store.copy_links("s", {"a": {"n": 1}, "b": {"n": 2}})
        await store.copy_links("s", {"a": {"n": 9}, "c": {"n": 3}})
        await store.copy_links("s", {})
        assert await store.links("s", ["a", "b", "c", "d"]) == {"a": {"n": 1}, "b": {"n": 2}, "c": {"n": 3}}
        assert await store.links("s", []) == {}

    async def test_a_secret_is_made_once_and_stays(self, store: Store) -> None:
        first = await store.secrets("s", ["a", "b"])
        again = await store.secrets("s", ["b", "a", "c"])
        assert {name: again[name] for name in first} == first
        assert await store.secrets("s", []) == {}
        values = [bytes(row[part]) for row in again.values() for part in ("salt", "next")]
        assert {len(value) for value in values} == {32}
        assert len(set(values)) == len(values)
        assert [row["erased"] for row in again.values()] == [""] * 3
        assert await store.secrets("other", ["a"]) != {"a": first["a"]}

    async def test_secrets_made_at_once_are_the_same(self, store: Store) -> None:
        found = await asyncio.gather(*(store.secrets("s", ["x"]) for _ in range(4)))
        assert all(one == found[0] for one in found)

    async def test_a_destroyed_secret_yields_to_the_next_and_is_destroyed_once(self, store: Store) -> None:
        before = (await store.secrets("s", ["a", "b"]))["a"]
        await store.destroy_secrets("s", {"a": "2031-01-01", "new": "2031-01-01"})
        after = (await store.secrets("s", ["a"]))["a"]
        assert (after["salt"], after["erased"]) == (before["next"], "2031-01-01")
        assert after["next"] not in {before["salt"], before["next"]}
        await store.destroy_secrets("s", {"a": "2031-01-01"})
        await store.destroy_secrets("s", {"a": "2030-01-01"})
        assert (await store.secrets("s", ["a"]))["a"] == after, "what was made since is not destroyed"
        assert (await store.secrets("s", ["new"]))["new"]["erased"] == "2031-01-01"
        await store.destroy_secrets("s", {"a": "2031-01-01", "b": "2031-01-01"})
        found = await store.secrets("s", ["a", "b"])
        assert found["a"] == after
        assert found["b"]["erased"] == "2031-01-01", "whoever was destroyed before keeps nobody else"

    async def test_parked_rows_come_back_in_arrival_order(self, store: Store) -> None:
        await store.park("s", [row("d", 7, 2), row("d", 9, 1), row("other", 8, 1)])
        await store.park("s", [])
        assert await store.parked("s", "d", 10) == [row("d", 9, 1), row("d", 7, 2)]
        assert await store.parked("s", "d", 1) == [row("d", 9, 1)]

    async def test_a_row_yields_only_to_the_same_or_a_later_owner(self, store: Store) -> None:
        await store.park("s", [row("d", 7, 1, epoch=2)])
        await store.park("s", [row("d", 7, 5, epoch=1), row("d", 8, 6, epoch=1)])
        assert [one.order for one in await store.parked("s", "d", 10)] == [1, 6]
        await store.park("s", [row("d", 7, 3, epoch=2)])
        await store.park("s", [row("d", 8, 4, epoch=3)])
        assert [one.order for one in await store.parked("s", "d", 10)] == [3, 4]

    async def test_rows_are_deleted_by_order_and_by_name(self, store: Store) -> None:
        await store.park("s", [row("d", n, n) for n in range(1, 6)] + [row("e", 9, 1)])
        await store.unpark("s", "d", 2, ["desk.events/2/4"])
        await store.unpark("s", "d", 2, [])
        assert [one.order for one in await store.parked("s", "d", 10)] == [3, 5]
        assert len(await store.parked("s", "e", 10)) == 1

    async def test_rows_are_found_by_name_and_told_without_their_values(self, store: Store) -> None:
        whole = [
            replace(one, record=replace(one.record, value=b"v")) for one in (row("d", 7, 2), row("e", 9, 1))
        ]
        await store.park("s", whole)
        assert await store.parked_named("s", ["desk.events/2/7", "desk.events/2/8"]) == {
            "desk.events/2/7": row("d", 7, 2)
        }
        assert await store.parked_named("s", []) == {}
        assert await store.parked("s", "d", 10) == whole[:1]
        assert await store.parked("s", "d", 10, values=False) == [row("d", 7, 2)]

    async def test_parked_documents_are_found_by_their_mark_page_by_page(self, store: Store) -> None:
        marked = {PARK: ["undecodable", "bank.events/0/1"]}
        await store.replace_many(
            "s", [case("a", **marked), case("b"), case("c", **marked), case("d", **marked)]
        )
        assert [one[ID] for one in await store.parked_documents("s", "", 2)] == ["a", "c"]
        assert await store.parked_documents("s", "c", 2) == [case("d", **marked)]
        assert await store.parked_documents("other", "", 2) == []

    async def test_raising_the_epoch_creates_and_counts(self, store: Store) -> None:
        first = await store.raise_epoch("s", [0, 1])
        assert {n: (d["epoch"], d[VERSION], d[ID]) for n, d in first.items()} == {0: (1, 1, 0), 1: (1, 1, 1)}
        again = await store.raise_epoch("s", [1])
        assert (again[1]["epoch"], again[1][VERSION]) == (2, 2)

    async def test_raising_gives_what_was_written(self, store: Store) -> None:
        mine = (await store.raise_epoch("s", [0]))[0]
        assert await store.write_positions("s", [{**mine, VERSION: 2, "inputs": [{"next": 5}]}]) == set()
        next_owner = (await store.raise_epoch("s", [0]))[0]
        assert next_owner == {ID: 0, "epoch": 2, VERSION: 3, "inputs": [{"next": 5}]}

    async def test_a_former_owner_cannot_write_positions(self, store: Store) -> None:
        mine = (await store.raise_epoch("s", [0, 1]))[0]
        await store.raise_epoch("s", [0])
        other = {ID: 1, "epoch": 1, VERSION: 2, "x": 1}
        assert await store.write_positions("s", [{**mine, VERSION: 2}, {**mine, VERSION: 3}, other]) == {0}
        found = {document[ID]: document for document in await store.positions("s")}
        assert found[1] == other
        assert found[0]["epoch"] == 2

    async def test_positions_are_written_in_sequence(self, store: Store) -> None:
        mine = (await store.raise_epoch("s", [0]))[0]
        assert await store.write_positions("s", [{**mine, VERSION: 2}]) == set()
        assert await store.write_positions("s", [{**mine, VERSION: 2}]) == {0}
        assert await store.write_positions("s", [{**mine, VERSION: 3}]) == set()

    async def test_epochs_raised_at_once_differ(self, store: Store) -> None:
        raised = await asyncio.gather(*(store.raise_epoch("s", [0]) for _ in range(6)))
        assert sorted(one[0]["epoch"] for one in raised) == [1, 2, 3, 4, 5, 6]

    async def test_open_work_is_counted_by_partition(self, store: Store) -> None:
        await store.replace_many(
            "s",
            [
                case("a", **{WORK: ["ann"]}),
                case("b", **{WORK: ["ann", "bob"]}),
                case("c", **{WORK: ["ann"], PARTITION: 1}),
                case("d", **{WORK: ["bob"], PARTITION: 2}),
                case("e"),
            ],
        )
        assert await store.workload("s", [0, 1, 5]) == {0: {"ann": 2, "bob": 1}, 1: {"ann": 1}, 5: {}}

    @needs("survives_restart")
    async def test_what_was_acknowledged_survives_a_kill(self, database: Database) -> None:
        store = await database.store()
        await store.replace_many("s", [case("a"), case("b", **{DUE: DAY})])
        await store.copy_ids("s", ["x"])
        await store.park("s", [row("d", 7, 1)])
        mine = (await store.raise_epoch("s", [0]))[0]
        await database.kill_and_start()
        again = await database.store()
        assert await again.load_many("s", ["a", "b"]) == {"a": case("a"), "b": case("b", **{DUE: DAY})}
        assert await again.known_ids("s", ["x"]) == {"x"}
        assert await again.parked("s", "d", 10) == [row("d", 7, 1)]
        assert await again.positions("s") == [mine]
