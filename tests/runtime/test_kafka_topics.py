"""Topics on a real broker: partitions, copies, offsets by time, prefixes."""

from __future__ import annotations

import asyncio

import pytest

from deploy.embedded.platform import Addresses
from shared.runtime.kafka import KafkaLog
from shared.runtime.kafka.reader import Tail, end_offsets, group_offsets, offsets_at, scan
from shared.runtime.kafka.topics import create_topics, topic_findings
from shared.runtime.ports import (
    FatalError,
)
from tests.runtime.support import PARTITIONS, Notes, begin, fresh, out, read, settings_of

pytestmark = pytest.mark.kafka


async def test_another_partition_count_is_refused(servers: Addresses) -> None:
    settings, topic = settings_of(servers), fresh("count")
    assert await create_topics(settings, [topic, topic]) == [topic]
    assert await create_topics(settings, [topic]) == []
    assert await topic_findings(settings, [topic]) == []
    more = settings_of(servers, partitions=PARTITIONS + 1)
    with pytest.raises(FatalError, match=f"{topic} has 4 partitions, PARLEY_PARTITIONS says 5"):
        await create_topics(more, [topic])
    larger = settings_of(servers, message_bytes=4 << 20)
    assert await topic_findings(larger, [topic, "absent"]) == [
        "topic absent does not exist",
        f"topic {topic}: max.message.bytes is below {4 << 20}",
    ]


async def test_offsets_are_found_by_time_and_the_end_where_there_is_nothing_later(servers: Addresses) -> None:
    settings, topic = settings_of(servers), fresh("time")
    await create_topics(settings, [topic])
    log = KafkaLog(settings)
    await log.publisher().publish([out(topic, "k", partition=0), out(topic, "k", partition=1)])
    await asyncio.sleep(0.01)
    await log.publisher().publish([out(topic, "k", b"new", partition=0)])
    await log.close()
    new = next(record for record in [r async for r in scan(settings, topic)] if record.value == b"new")
    assert await offsets_at(settings, topic, new.timestamp_ms) == {0: 1, 1: 1, 2: 0, 3: 0}
    assert await offsets_at(settings, topic, 1) == dict.fromkeys(range(PARTITIONS), 0)
    assert await offsets_at(settings, "absent", 1) == {}


async def test_copies_that_the_cluster_cannot_keep_are_refused(servers: Addresses) -> None:
    topic = fresh("copies")
    with pytest.raises(FatalError, match=f"{topic} cannot have 7 copies"):
        await create_topics(settings_of(servers, replication=7), [topic])
    with pytest.raises(FatalError, match="PARLEY_MIN_INSYNC=2 is more than the 1 copies"):
        await create_topics(settings_of(servers, in_sync=2), [topic])


async def test_a_topic_with_fewer_copies_than_asked_for_is_refused(servers: Addresses) -> None:
    topic = fresh("copies")
    await create_topics(settings_of(servers, replication=1), [topic])
    more = settings_of(servers, replication=2)
    problem = f"topic {topic} has 1 copy of a partition, PARLEY_REPLICATION says 2"
    with pytest.raises(FatalError, match=problem):
        await create_topics(more, [topic])
    assert [text[: len(problem)] for text in await topic_findings(more, [topic])] == [problem]


async def test_a_prefix_keeps_two_platforms_apart(servers: Addresses) -> None:
    topic, group, prefixes = fresh("shared"), fresh("g"), (fresh("x."), "")
    for prefix in prefixes:
        settings = settings_of(servers, prefix=prefix)
        assert await create_topics(settings, [topic]) == [topic]
        log = KafkaLog(settings)
        await log.publisher().publish([out(topic, "k", prefix.encode() or b"none", 0)])
        consumer, notes = log.consumer(group, "c"), Notes()
        await consumer.start([topic], notes)
        assert {at.topic for at in consumer.assignment()} == {topic}
        await begin(consumer)
        (record,) = await read(consumer, 1)
        assert (record.topic, record.value) == (topic, prefix.encode() or b"none")
        await consumer.commit({record.at: 1})
        assert await group_offsets(settings, group) == {record.at: 1}
        assert [one async for one in scan(settings, topic)] == [record]
        assert (await end_offsets(settings, [topic]))[record.at] == (0, 1)
        async with Tail(settings, [topic], from_start=True) as tail:
            assert record.at in tail.assignment()
            tail.seek(record.at, 0)
            while not (found := await tail.poll(0.5)):
                pass
            assert found == [record]
        await consumer.stop()
        await log.close()
