"""The store on a real database: what is beyond the conformance suite, and what indexes and sinks do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from deploy.embedded.platform import Addresses
from shared.runtime.mongo import MongoStore, read_documents
from shared.runtime.ports import (
    Document,
    FatalError,
    ParkedRow,
    Record,
    UnavailableError,
    UnencodableError,
)
from shared.runtime.settings import Settings
from shared.runtime.sink import SpanSink
from tests.runtime.support import settings_of

pytestmark = pytest.mark.kafka

S = "toy"


@pytest.fixture
def settings(servers: Addresses) -> Settings:
    return settings_of(servers, document_bytes=2 << 20)


@pytest_asyncio.fixture
async def store(settings: Settings) -> AsyncIterator[MongoStore]:
    opened = MongoStore(settings)
    await opened.start()
    await opened.create_indexes(S, workload=True)
    await opened.create_indexes(S, workload=True)  # repeating changes nothing
    yield opened
    await opened.close()


def doc(id_: str, version: int, **fields: Any) -> Document:
    given: Document = {
        "_id": id_,
        "version": version,
        "partition": 0,
        "due": None,
        "held": False,
        "entries_day": None,
        "work": [],
    }
    return given | fields


async def test_only_the_version_that_follows_is_written(store: MongoStore) -> None:
    assert await store.replace_many(S, [doc("a", 1, x=1), doc("b", 1)]) == set()
    assert await store.replace_many(S, [doc("a", 1, x=9), doc("b", 2), doc("c", 1)]) == {"a"}
    assert await store.replace_many(S, [doc("a", 3, x=9)]) == {"a"}
    loaded = await store.load_many(S, ["a", "b", "c", "d"])
    assert {id_: d["version"] for id_, d in loaded.items()} == {"a": 1, "b": 2, "c": 1}
    assert loaded["a"]["x"] == 1


async def test_two_writers_of_one_version_one_wins(store: MongoStore) -> None:
    ids = [f"case-{n}" for n in range(40)]
    results = await asyncio.gather(
        *(store.replace_many(S, [doc(id_, 1, writer=w) for id_ in ids]) for w in range(4))
    )
    stored = await store.load_many(S, ids)
    for id_ in ids:
        winners = [w for w, losers in enumerate(results) if id_ not in losers]
        assert winners == [stored[id_]["writer"]]


async def test_bytes_dots_and_dollars_come_back_as_they_were(store: MongoStore) -> None:
    body = {"a.b": 1, "$set": [b"\x00\xff", None, True, 2**63 - 1, -(2**63), "逾期", {"": 1.5}]}
    await store.replace_many(S, [doc("a", 1, body=body)])
    await store.replace_many(S, [doc("a", 2, body=body)])
    assert (await store.load_many(S, ["a"]))["a"]["body"] == body


@pytest.mark.parametrize(
    "bad",
    [
        {"nul\x00key": 1},
        {"x": 2**63},
        {"x": -(2**63) - 1},
        {"x": {1, 2}},
        {"x": "\ud800"},
        {"x": "y" * (2 << 20)},
        {1: "x"},
    ],
)
async def test_what_bson_refuses_is_found_by_measuring(store: MongoStore, bad: Any) -> None:
    with pytest.raises(UnencodableError) as caught:
        store.encode(doc("a", 1, state=bad))
    assert "yyy" not in str(caught.value)


async def test_a_document_may_be_as_large_as_the_limit_and_not_a_byte_larger(
    store: MongoStore, settings: Settings
) -> None:
    room = settings.document_bytes - store.encode(doc("a", 1, x=""))
    assert store.encode(doc("a", 1, x="y" * room)) == settings.document_bytes
    with pytest.raises(UnencodableError, match="larger than"):
        store.encode(doc("a", 1, x="y" * (room + 1)))


async def test_asking_for_kept_secrets_makes_none(store: MongoStore) -> None:
    made = await store.secrets(S, ["a"])
    assert await store.kept_secrets(S, ["a", "b"]) == made
    assert await store.kept_secrets(S, []) == {}
    assert await store.kept_secrets(S, ["b"]) == {}


async def test_of_two_owners_who_destroy_a_secret_the_second_is_refused(
    store: MongoStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await store.secrets(S, ["a"])
    await store.destroy_secrets(S, {"a": "2031-01-01"})
    after = await store.secrets(S, ["a"])

    async def as_it_was(service: str, ids: object) -> dict[str, Document]:
        return dict(before)

    with monkeypatch.context() as patched:
        patched.setattr(store, "secrets", as_it_was)
        with pytest.raises(UnavailableError, match="another owner"):
            await store.destroy_secrets(S, {"a": "2031-02-01"})
    assert await store.secrets(S, ["a"]) == after, "what the first put in its place stays"


async def test_what_wakes_is_found_without_an_index_too(store: MongoStore, settings: Settings) -> None:
    bare = f"{S}-bare"
    await store.create_indexes(bare, closes=False)
    day = "2026-03-05"
    documents = [
        doc("due", 1, due=day),
        doc("due-later", 1, due="2026-03-06", entries_day=day),
        doc("held", 1, due=day, held=True),
        doc("elsewhere", 1, due=day, partition=2),
        doc("idle", 1),
    ]
    for service in (S, bare):
        await store.replace_many(service, documents)
        assert await store.waking(service, [0, 1]) == {0: {"due": day, "due-later": day}, 1: {}}
    wakes = {d["_id"]: d["wake"] async for d in read_documents(settings, f"{S}.cases")}
    assert wakes == {"due": day, "due-later": day, "held": None, "elsewhere": day, "idle": None}


async def test_ids_and_links_keep_what_came_first(store: MongoStore) -> None:
    await store.copy_ids(S, ["1", "2"])
    await store.copy_ids(S, ["2", "3"])
    await store.copy_ids(S, [])
    assert await store.known_ids(S, ["0", "1", "2", "3"]) == {"1", "2", "3"}
    assert await store.known_ids(S, []) == set()
    await store.copy_links(S, {"l": {"n": 1}})
    await store.copy_links(S, {"l": {"n": 2}, "m": {"n": 3}})
    assert await store.links(S, ["l", "m", "x"]) == {"l": {"n": 1}, "m": {"n": 3}}


def row(offset: int, order: int, epoch: int = 1, document: str = "d") -> ParkedRow:
    record = Record("t", 0, offset, b"k", b"\x00v", (("h", None), ("h", b"\xff")), 7)
    return ParkedRow(document, record, order, epoch, "decider", "2026-03-05T00:00:00+00:00")


async def test_parked_rows_keep_their_order_and_the_higher_epoch(store: MongoStore) -> None:
    await store.park(S, [row(10, 2), row(9, 1), row(11, 3), row(12, 1, document="other")])
    await store.park(S, [row(9, 5, epoch=0), row(10, 4, epoch=2)])
    found = await store.parked(S, "d", 10)
    assert found == [row(9, 1), row(11, 3), row(10, 4, epoch=2)]
    assert await store.parked(S, "d", 1) == [row(9, 1)]
    await store.unpark(S, "d", 1, ["t/0/10"])
    assert await store.parked(S, "d", 10) == [row(11, 3)]
    assert await store.parked(S, "other", 10) == [row(12, 1, document="other")]


async def test_epochs_rise_and_only_their_owner_writes_positions(store: MongoStore) -> None:
    first = await store.raise_epoch(S, [0, 1])
    assert {n: (d["epoch"], d["version"]) for n, d in first.items()} == {0: (1, 1), 1: (1, 1)}
    mine = {"_id": 0, "epoch": 1, "version": 2, "inputs": [{"topic": "bank.events", "next": 5}]}
    assert await store.write_positions(S, [mine]) == set()
    assert await store.write_positions(S, [mine]) == {0}
    second = await store.raise_epoch(S, [0])
    assert second[0] == {**mine, "epoch": 2, "version": 3}
    late = {**mine, "version": 3}
    assert await store.write_positions(S, [late, {"_id": 1, "epoch": 1, "version": 2}]) == {0}
    assert [d["_id"] for d in await store.positions(S)] == [0, 1]
    raised = await asyncio.gather(*(store.raise_epoch(S, [7]) for _ in range(8)))
    assert sorted(d[7]["epoch"] for d in raised) == list(range(1, 9))


async def test_open_work_is_counted_per_partition(store: MongoStore) -> None:
    await store.replace_many(
        S,
        [
            doc("a", 1, work=["li", "li", "wang"]),
            doc("b", 1, work=["li"], partition=1),
            doc("c", 1, work=["li"], partition=2),
            doc("d", 1),
        ],
    )
    assert await store.workload(S, [0, 1, 3]) == {0: {"li": 2, "wang": 1}, 1: {"li": 1}, 3: {}}


async def test_documents_are_read_by_people_too(store: MongoStore, settings: Settings) -> None:
    await store.replace_many(S, [doc(f"c{n}", 1, n=n) for n in range(5)])
    found = [
        d
        async for d in read_documents(
            settings, f"{S}.cases", {"n": {"$gte": 2}}, fields=["n"], order=[("n", -1)], limit=2
        )
    ]
    assert found == [{"_id": "c4", "n": 4}, {"_id": "c3", "n": 3}]


async def test_spans_and_metrics_are_written(settings: Settings) -> None:
    sink = SpanSink(settings)
    sink.spans([{"trace": "t", "spans": [{"span": "s"}]}])
    sink.spans([])
    sink.metrics({"_id": "me", "n": 1})
    sink.metrics({"_id": "me", "n": 2})
    sink.close()
    spans = [d async for d in read_documents(settings, "telemetry.spans")]
    assert [(d["trace"], d["spans"]) for d in spans] == [("t", [{"span": "s"}])]
    assert [d async for d in read_documents(settings, "telemetry.metrics")] == [{"_id": "me", "n": 2}]


async def test_nobody_there_is_an_outage(servers: Addresses) -> None:
    store = MongoStore(settings_of(servers, mongodb_uri="mongodb://127.0.0.1:9", database_seconds=1))
    for call in (store.start(), store.load_many(S, ["a"]), store.replace_many(S, [doc("a", 1)])):
        with pytest.raises(UnavailableError):
            await call
    await store.close()


@pytest.mark.parametrize("uri", ["http://x", "mongodb://user:secret@h:70000", "mongodb://:@"])
async def test_a_wrong_uri_is_not_an_outage_and_is_not_quoted(servers: Addresses, uri: str) -> None:
    with pytest.raises(FatalError, match="MONGODB_URI") as caught:
        MongoStore(settings_of(servers, mongodb_uri=uri))
    assert "secret" not in str(caught.value)
