"""What every log does: one test per contract that `shared.runtime.ports` states."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

import pytest

from shared.contracts.partition import partition_of
from shared.runtime.ports import (
    Consumer,
    NotOwnerError,
    OffsetLostError,
    Outgoing,
    Record,
    TopicPartition,
    UnavailableError,
    UnencodableError,
)
from tests.runtime.conformance import Cluster, needs

__all__ = ["LogContract", "Notes"]


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
