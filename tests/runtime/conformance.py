"""One suite for every implementation of the log and of the store: one test per contract stated in `ports`.

`tests/runtime/implementations.py` lists them, a line for each, with the `Features` that it has; a test that
`needs` a feature is not collected for an implementation without it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import pytest

from shared.contracts.partition import partition_of
from shared.runtime.ports import (
    DUE,
    ENTRIES_DAY,
    HELD,
    ID,
    PARK,
    PARTITION,
    VERSION,
    WORK,
    Consumer,
    Document,
    Log,
    NotOwnerError,
    OffsetLostError,
    Outgoing,
    ParkedRow,
    Record,
    Store,
    TopicPartition,
    UnavailableError,
    UnencodableError,
)

__all__ = ["Cluster", "Database", "Features", "LogContract", "Notes", "StoreContract", "needs"]


@dataclass(frozen=True, slots=True)
class Features:
    """What not every log or store has, or not where we may show it. All else every one must have."""

    survives_restart: bool = False
    """It can be killed and started here, and what it had acknowledged is still there."""
    retention: bool = False
    """The beginning of a partition can be taken away, as retention does."""
    tls: bool = False
    """Clients that do not speak TLS are turned away."""
    copies: bool = False
    """Every record is on several nodes, and most of them must have it before it is acknowledged."""


def needs(feature: str) -> pytest.MarkDecorator:
    """Mark a test that makes no sense for an implementation without the feature."""
    assert feature in Features.__dataclass_fields__
    return pytest.mark.needs(feature)


class Cluster(Protocol):
    """A log under test."""

    partitions: int
    max_bytes: int

    async def topics(self, count: int) -> list[str]:
        """Create topics of `partitions` partitions with names of their own."""
        ...

    async def log(self) -> Log:
        """Give a log as one process would have it."""
        ...

    def group(self) -> str:
        """Give a group name nobody else uses."""
        ...

    async def trim(self, topic: str, partition: int, before: int) -> None:
        """Take away the records before an offset (`retention`)."""
        ...

    async def kill_and_start(self) -> None:
        """Kill the server without warning and start it again (`survives_restart`)."""
        ...

    async def stranger(self) -> None:
        """Connect as a client that does not speak TLS; raises what that gives (`tls`)."""
        ...

    async def safety(self, topic: str) -> tuple[int, int]:
        """Give how many copies a topic has, and how many must have a record (`copies`)."""
        ...


class Database(Protocol):
    """A store under test."""

    async def store(self) -> Store:
        """Give the store as one process would have it."""
        ...

    async def kill_and_start(self) -> None:
        """Kill the server without warning and start it again (`survives_restart`)."""
        ...


class Notes:
    """A listener that notes what it is told; `drain` is awaited while partitions are given up."""

    def __init__(self) -> None:
        self.assigned: list[frozenset[TopicPartition]] = []
        self.revoked: list[frozenset[TopicPartition]] = []
        self.changed = asyncio.Event()
        self.may_revoke = asyncio.Event()
        self.may_revoke.set()

    async def on_revoked(self, partitions: Collection[TopicPartition]) -> None:
        self.revoked.append(frozenset(partitions))
        await self.may_revoke.wait()

    def on_assigned(self, partitions: Collection[TopicPartition]) -> None:
        self.assigned.append(frozenset(partitions))
        self.changed.set()


def out(topic: str, key: str, value: str = "{}", partition: int | None = None) -> Outgoing:
    return Outgoing(topic, key.encode(), value.encode(), (("content-type", b"application/json"),), partition)


async def begin(consumer: Consumer, offset: int = 0) -> None:
    """Start every assigned partition."""
    for at in consumer.assignment():
        consumer.seek(at, offset)
    consumer.resume(consumer.assignment())


async def read(consumer: Consumer, count: int, *, at_once: int = 100) -> list[Record]:
    """Poll until `count` records are there."""
    found: list[Record] = []
    async with asyncio.timeout(30):
        while len(found) < count:
            found += await consumer.poll(at_once, 0.2)
    return found


async def shares(consumers: Sequence[Consumer], expected: int) -> None:
    """Wait until the members share `expected` partitions, each with some."""
    async with asyncio.timeout(60):
        while not (
            all(consumer.assignment() for consumer in consumers)
            and sum(len(consumer.assignment()) for consumer in consumers) == expected
        ):
            for consumer in consumers:
                await consumer.poll(1, 0.05)


class LogContract:
    """Consumer, publisher and group."""

    async def test_records_with_a_key_go_where_java_puts_them_in_order(self, cluster: Cluster) -> None:
        (topic,) = await cluster.topics(1)
        log = await cluster.log()
        await log.publisher().publish([out(topic, f"k{n % 7}", str(n)) for n in range(60)])
        consumer = log.consumer(cluster.group(), "a")
        await consumer.start([topic], Notes())
        await begin(consumer)
        found = await read(consumer, 60)
        await consumer.stop()
        for record in found:
            assert record.key is not None
            assert record.partition == partition_of(record.key, cluster.partitions)
        for key in range(7):
            mine = [int(record.value or b"") for record in found if record.key == f"k{key}".encode()]
            assert mine == list(range(key, 60, 7))

    async def test_a_partition_number_is_obeyed(self, cluster: Cluster) -> None:
        (topic,) = await cluster.topics(1)
        log = await cluster.log()
        await log.publisher().publish([out(topic, "same", str(n), n) for n in range(cluster.partitions)])
        consumer = log.consumer(cluster.group(), "a")
        await consumer.start([topic], Notes())
        await begin(consumer)
        found = await read(consumer, cluster.partitions)
        await consumer.stop()
        assert {record.partition: record.value for record in found} == {
            n: str(n).encode() for n in range(cluster.partitions)
        }

    async def test_odd_records_come_back_byte_for_byte(self, cluster: Cluster) -> None:
        (topic,) = await cluster.topics(1)
        log = await cluster.log()
        odd = [
            Outgoing(topic, b"k", None, (("a", None),), 0),
            Outgoing(topic, None, b"\xff\x00", (("b", b"\xff"), ("b", b"2")), 0),
            Outgoing(topic, b"k", b"", (), 0),
        ]
        await log.publisher().publish(odd)
        consumer = log.consumer(cluster.group(), "a")
        await consumer.start([topic], Notes())
        await begin(consumer)
        found = await read(consumer, 3)
        await consumer.stop()
        assert [(r.key, r.value, sorted(r.headers, key=repr)) for r in found] == [
            (o.key, o.value, sorted(o.headers, key=repr)) for o in odd
        ]
        assert [record.offset for record in found] == [0, 1, 2]

    async def test_publishing_nothing_returns(self, cluster: Cluster) -> None:
        await (await cluster.log()).publisher().publish([])

    async def test_what_is_too_large_is_refused_before_it_is_sent(self, cluster: Cluster) -> None:
        publisher = (await cluster.log()).publisher()
        publisher.measure(Outgoing("t", b"k", b"x" * (cluster.max_bytes // 2)))
        with pytest.raises(UnencodableError):
            publisher.measure(Outgoing("t", b"k", b"x" * (cluster.max_bytes + 1)))

    async def test_dead_letters_may_be_twice_as_large(self, cluster: Cluster) -> None:
        publisher = (await cluster.log()).publisher()
        publisher.measure(Outgoing("offer.dead-letter", b"k", b"x" * (cluster.max_bytes + 1)))
        with pytest.raises(UnencodableError):
            publisher.measure(Outgoing("offer.dead-letter", b"k", b"x" * (2 * cluster.max_bytes + 1)))

    async def test_nothing_is_delivered_before_seek_and_resume(self, cluster: Cluster) -> None:
        topics = await cluster.topics(2)
        log = await cluster.log()
        await log.publisher().publish([out(topic, "k", "1") for topic in topics])
        notes = Notes()
        consumer = log.consumer(cluster.group(), "a")
        await consumer.start(topics, notes)
        every = {TopicPartition(topic, n) for topic in topics for n in range(cluster.partitions)}
        assert notes.assigned[-1] == every
        assert consumer.assignment() == every
        assert await consumer.poll(10, 0.2) == []
        await begin(consumer)
        assert len(await read(consumer, 2)) == 2
        await consumer.stop()
        assert consumer.assignment() == frozenset()

    async def test_polls_are_bounded_and_each_record_comes_once_in_order(self, cluster: Cluster) -> None:
        (topic,) = await cluster.topics(1)
        log = await cluster.log()
        await log.publisher().publish([out(topic, "k", str(n), 0) for n in range(25)])
        consumer = log.consumer(cluster.group(), "a")
        await consumer.start([topic], Notes())
        await begin(consumer)
        found: list[Record] = []
        async with asyncio.timeout(30):
            while len(found) < 25:
                some = await consumer.poll(10, 0.2)
                assert len(some) <= 10
                found += some
        assert [record.offset for record in found] == list(range(25))
        assert await consumer.poll(10, 0.1) == []
        await consumer.stop()

    async def test_a_paused_partition_keeps_its_place(self, cluster: Cluster) -> None:
        (topic,) = await cluster.topics(1)
        log = await cluster.log()
        await log.publisher().publish([out(topic, "k", str(n), 0) for n in range(4)])
        consumer = log.consumer(cluster.group(), "a")
        await consumer.start([topic], Notes())
        await begin(consumer)
        first = await read(consumer, 2, at_once=2)
        at = TopicPartition(topic, 0)
        consumer.pause([at, TopicPartition("nobody's", 0)])
        assert await consumer.poll(10, 0.2) == []
        consumer.resume([at, TopicPartition("nobody's", 0)])
        assert [record.offset for record in first + await read(consumer, 2)] == [0, 1, 2, 3]
        await consumer.stop()

    async def test_seeking_back_delivers_again(self, cluster: Cluster) -> None:
        (topic,) = await cluster.topics(1)
        log = await cluster.log()
        await log.publisher().publish([out(topic, "k", str(n), 0) for n in range(5)])
        consumer = log.consumer(cluster.group(), "a")
        await consumer.start([topic], Notes())
        await begin(consumer)
        await read(consumer, 5)
        consumer.seek(TopicPartition(topic, 0), 3)
        assert [record.offset for record in await read(consumer, 2)] == [3, 4]
        await consumer.stop()

    async def test_an_offset_that_is_not_there_is_never_guessed(self, cluster: Cluster) -> None:
        (topic,) = await cluster.topics(1)
        log = await cluster.log()
        await log.publisher().publish([out(topic, "k", "1", 0)])
        consumer = log.consumer(cluster.group(), "a")
        await consumer.start([topic], Notes())
        await begin(consumer)
        consumer.seek(TopicPartition(topic, 0), 99)
        with pytest.raises(OffsetLostError):
            await read(consumer, 1)
        await consumer.stop()

    async def test_seeking_what_is_not_assigned_is_refused(self, cluster: Cluster) -> None:
        (topic,) = await cluster.topics(1)
        consumer = (await cluster.log()).consumer(cluster.group(), "a")
        await consumer.start([topic], Notes())
        with pytest.raises(NotOwnerError):
            consumer.seek(TopicPartition(topic, cluster.partitions + 5), 0)
        await consumer.stop()

    async def test_commits_are_read_back_from_the_broker(self, cluster: Cluster) -> None:
        (topic,) = await cluster.topics(1)
        log, group = await cluster.log(), cluster.group()
        await log.publisher().publish([out(topic, "k", str(n), 0) for n in range(5)])
        at, foreign = TopicPartition(topic, 0), TopicPartition(topic, cluster.partitions + 5)
        consumer = log.consumer(group, "a")
        await consumer.start([topic], Notes())
        assert await consumer.committed([at]) == {}
        await consumer.commit({at: 3, foreign: 1})
        await consumer.commit({at: 3})
        assert await consumer.committed([at]) == {at: 3}
        await consumer.stop()
        other = (await cluster.log()).consumer(group, "b")
        await other.start([topic], Notes())
        assert await other.committed([at, TopicPartition(topic, 1)]) == {at: 3}
        await other.stop()

    async def test_polling_commits_nothing(self, cluster: Cluster) -> None:
        (topic,) = await cluster.topics(1)
        log, group = await cluster.log(), cluster.group()
        await log.publisher().publish([out(topic, "k", "1", 0)])
        consumer = log.consumer(group, "a")
        await consumer.start([topic], Notes())
        await begin(consumer)
        await read(consumer, 1)
        await consumer.stop()
        other = log.consumer(group, "b")
        await other.start([topic], Notes())
        assert await other.committed([TopicPartition(topic, 0)]) == {}
        await other.stop()

    async def test_a_stopped_consumer_may_be_started_again(self, cluster: Cluster) -> None:
        (topic,) = await cluster.topics(1)
        log, notes = await cluster.log(), Notes()
        await log.publisher().publish([out(topic, "k", str(n), 0) for n in range(3)])
        consumer, first = log.consumer(cluster.group(), "a"), TopicPartition(topic, 0)
        await consumer.start([topic], notes)
        await begin(consumer)
        await read(consumer, 3)
        await consumer.commit({first: 2})
        generation = consumer.generation
        await consumer.stop()
        assert consumer.assignment() == frozenset()
        await consumer.start([topic], notes)
        assert consumer.generation > generation
        assert await consumer.committed([first]) == {first: 2}
        assert await consumer.poll(10, 0.2) == []
        await begin(consumer)
        assert [record.offset for record in await read(consumer, 3)] == [0, 1, 2]
        await consumer.commit({first: 3})
        await consumer.stop()

    async def test_bounds_are_the_first_and_the_next_offset(self, cluster: Cluster) -> None:
        (topic,) = await cluster.topics(1)
        log = await cluster.log()
        await log.publisher().publish([out(topic, "k", str(n), 0) for n in range(5)])
        consumer = log.consumer(cluster.group(), "a")
        await consumer.start([topic], Notes())
        one, two = TopicPartition(topic, 0), TopicPartition(topic, 1)
        assert await consumer.bounds([one, two]) == {one: (0, 5), two: (0, 0)}
        await consumer.stop()

    async def test_the_end_is_known_where_nothing_has_been_fetched(self, cluster: Cluster) -> None:
        (topic,) = await cluster.topics(1)
        log = await cluster.log()
        consumer = log.consumer(cluster.group(), "a")
        await consumer.start([topic], Notes())  # everything is paused: nothing is fetched
        await log.publisher().publish([out(topic, "k", str(n), 0) for n in range(5)])
        one, two = TopicPartition(topic, 0), TopicPartition(topic, 1)
        assert await consumer.ends([one, two, TopicPartition("not mine", 0)]) == {one: 5, two: 0}
        await consumer.stop()

    async def test_members_own_the_same_numbers_of_every_topic(self, cluster: Cluster) -> None:
        topics = await cluster.topics(3)
        log, group = await cluster.log(), cluster.group()
        first, second = log.consumer(group, "a"), (await cluster.log()).consumer(group, "b")
        await first.start(topics, Notes())
        before = first.generation
        await second.start(topics, Notes())
        await shares([first, second], 3 * cluster.partitions)
        for consumer in (first, second):
            numbers = {at.partition for at in consumer.assignment()}
            assert consumer.assignment() == {TopicPartition(t, n) for t in topics for n in numbers}
        assert first.generation > before
        await first.stop()
        await shares([second], 3 * cluster.partitions)
        await second.stop()

    async def test_partitions_are_not_given_on_before_their_owner_has_drained(self, cluster: Cluster) -> None:
        (topic,) = await cluster.topics(1)
        log, group, notes = await cluster.log(), cluster.group(), Notes()
        first, second = log.consumer(group, "a"), (await cluster.log()).consumer(group, "b")
        await first.start([topic], notes)
        await begin(first)
        notes.may_revoke.clear()
        joining = asyncio.create_task(second.start([topic], Notes()))
        async with asyncio.timeout(60):
            while not notes.revoked:
                await first.poll(1, 0.05)
        await asyncio.sleep(0.3)
        assert second.assignment() == frozenset()
        at = next(iter(notes.revoked[0]))
        await first.commit({at: 0})  # what was drained can still be committed
        notes.may_revoke.set()
        await joining
        await shares([first, second], cluster.partitions)
        await first.stop()
        await second.stop()

    @needs("retention")
    async def test_what_retention_took_is_lost_and_never_skipped(self, cluster: Cluster) -> None:
        (topic,) = await cluster.topics(1)
        log = await cluster.log()
        await log.publisher().publish([out(topic, "k", str(n), 0) for n in range(5)])
        await cluster.trim(topic, 0, 3)
        consumer = log.consumer(cluster.group(), "a")
        await consumer.start([topic], Notes())
        at = TopicPartition(topic, 0)
        assert await consumer.bounds([at]) == {at: (3, 5)}
        await begin(consumer)
        with pytest.raises(OffsetLostError) as caught:
            await read(consumer, 1)
        assert (caught.value.partition, caught.value.offset) == (0, 0)
        await consumer.stop()

    @needs("tls")
    async def test_who_does_not_speak_tls_is_told_which_setting(self, cluster: Cluster) -> None:
        with pytest.raises(UnavailableError, match="does KAFKA_SECURITY_PROTOCOL=PLAINTEXT fit its listener"):
            await cluster.stranger()

    @needs("copies")
    async def test_topics_get_as_many_copies_as_there_are_nodes_for(self, cluster: Cluster) -> None:
        (topic,) = await cluster.topics(1)
        copies, in_sync = await cluster.safety(topic)
        assert (copies, in_sync) == (3, 2)

    @pytest.mark.slow
    @needs("survives_restart")
    async def test_what_was_acknowledged_survives_a_kill(self, cluster: Cluster) -> None:
        (topic,) = await cluster.topics(1)
        log, group, at = await cluster.log(), cluster.group(), TopicPartition(topic, 0)
        await log.publisher().publish([out(topic, "k", str(n), 0) for n in range(50)])
        consumer = log.consumer(group, "a")
        await consumer.start([topic], Notes())
        await consumer.commit({at: 20})
        await consumer.stop()
        await cluster.kill_and_start()
        again = (await cluster.log()).consumer(group, "b")
        await again.start([topic], Notes())
        assert await again.committed([at]) == {at: 20}
        await begin(again)
        assert [record.value for record in await read(again, 50)] == [str(n).encode() for n in range(50)]
        await again.stop()


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
