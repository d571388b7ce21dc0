"""Members of a group on a real broker: assignment, pauses, seeks, commits, drain."""

from __future__ import annotations

import asyncio

import pytest

from deploy.embedded.platform import Addresses
from shared.runtime.kafka import KafkaLog
from shared.runtime.kafka.groups import group_members
from shared.runtime.kafka.reader import group_offsets
from shared.runtime.kafka.topics import create_topics
from shared.runtime.ports import (
    NotOwnerError,
    OffsetLostError,
    TopicPartition,
)
from tests.runtime.support import PARTITIONS, Notes, begin, fresh, out, read, settings_of

pytestmark = pytest.mark.kafka


async def test_nothing_is_delivered_before_the_engine_seeks_and_resumes(servers: Addresses) -> None:
    settings, topic = settings_of(servers), fresh("paused")
    await create_topics(settings, [topic])
    log = KafkaLog(settings)
    await log.publisher().publish([out(topic, str(n)) for n in range(40)])
    consumer, notes = log.consumer(fresh("g"), "c"), Notes()
    await consumer.start([topic], notes)
    assert notes.assigned == [frozenset(TopicPartition(topic, n) for n in range(PARTITIONS))]
    assert await consumer.poll(100, 0.3) == []
    bounds = await consumer.bounds(consumer.assignment())
    assert sum(end for _, end in bounds.values()) == 40
    for at, (_, end) in bounds.items():
        consumer.seek(at, end // 2)
    consumer.resume(consumer.assignment())
    expected = {(at, n) for at, (_, end) in bounds.items() for n in range(end // 2, end)}
    found = await read(consumer, len(expected))
    assert {(record.at, record.offset) for record in found} == expected
    await consumer.stop()
    await log.close()


async def test_pauses_and_seeks_reach_what_was_fetched_already(servers: Addresses) -> None:
    settings, topic = settings_of(servers, batch_records=50), fresh("barrier")
    await create_topics(settings, [topic])
    log = KafkaLog(settings)
    publisher = log.publisher()
    await publisher.publish([out(topic, "k", b"x", n) for n in range(PARTITIONS) for _ in range(200)])
    consumer = log.consumer(fresh("g"), "c")
    await consumer.start([topic], Notes())
    await begin(consumer)
    expected = dict.fromkeys(consumer.assignment(), 0)
    held = TopicPartition(topic, 1)
    seen = 0
    for turn in range(10_000):
        for record in await consumer.poll(7, 0.2):
            assert record.at != held or turn % 20 < 10, "delivered while it was paused"
            assert record.offset == expected[record.at]
            expected[record.at] += 1
            seen += 1
        if turn % 20 == 9:
            consumer.pause([held])
        elif turn % 20 == 19:
            consumer.resume([held])
        if turn % 37 == 5:
            back = TopicPartition(topic, turn % PARTITIONS)
            expected[back] = max(0, expected[back] - 11)
            consumer.seek(back, expected[back])
        if all(next_ == 200 for next_ in expected.values()):
            break
    assert seen > PARTITIONS * 200
    assert set(expected.values()) == {200}
    await consumer.stop()
    await log.close()


async def test_an_offset_that_is_not_in_the_log_is_reported(servers: Addresses) -> None:
    settings, topic = settings_of(servers), fresh("lost")
    await create_topics(settings, [topic])
    log = KafkaLog(settings)
    await log.publisher().publish([out(topic, "k", b"x", 0)])
    consumer = log.consumer(fresh("g"), "c")
    await consumer.start([topic], Notes())
    consumer.seek(TopicPartition(topic, 0), 77)
    consumer.resume([TopicPartition(topic, 0)])
    with pytest.raises(OffsetLostError) as caught:
        await read(consumer, 1)
    assert (caught.value.partition, caught.value.offset) == (0, 77)
    await consumer.stop()
    await log.close()


async def test_a_second_member_takes_the_same_partitions_of_every_topic(servers: Addresses) -> None:
    settings, group = settings_of(servers), fresh("g")
    topics = [fresh("a"), fresh("b"), fresh("c")]
    await create_topics(settings, topics)
    log = KafkaLog(settings)
    first, second = log.consumer(group, "one"), log.consumer(group, "two")
    notes = Notes()
    await first.start(topics, notes)
    generation = first.generation
    notes.changed.clear()
    mine = first.assignment()
    polling = asyncio.create_task(read(first, 1))  # as an engine does: one task polls
    await second.start(topics, Notes())
    async with asyncio.timeout(20):
        await notes.changed.wait()
    polling.cancel()
    assert notes.revoked == [mine]
    assert first.generation == generation + 1
    numbers = []
    for consumer in (first, second):
        per_topic = [{at.partition for at in consumer.assignment() if at.topic == t} for t in topics]
        assert per_topic[0] == per_topic[1] == per_topic[2]
        numbers.append(per_topic[0])
    assert numbers[0] | numbers[1] == set(range(PARTITIONS))
    assert not numbers[0] & numbers[1]
    await second.stop()
    await first.stop()
    await log.close()


async def test_partitions_are_kept_until_the_engine_has_drained(servers: Addresses) -> None:
    settings, group, topic = settings_of(servers), fresh("g"), fresh("drain")
    await create_topics(settings, [topic])
    log = KafkaLog(settings)
    first = log.consumer(group, "one")
    order: list[str] = []
    at = TopicPartition(topic, 0)

    async def drain() -> None:
        await asyncio.sleep(0.3)
        await first.commit({at: 5})
        order.append("drained")

    await log.publisher().publish([out(topic, "k", b"x", 0) for _ in range(9)])
    await first.start([topic], Notes(drain))
    second = log.consumer(group, "two")
    await second.start([topic], Notes())
    order.append("joined")
    assert order == ["drained", "joined"]
    assert (await second.committed([at]))[at] == 5
    await second.stop()
    await first.stop()
    await log.close()


async def test_commits_are_cut_down_to_the_assignment(servers: Addresses) -> None:
    settings, group, topic = settings_of(servers), fresh("g"), fresh("commit")
    await create_topics(settings, [topic])
    log = KafkaLog(settings)
    consumer = log.consumer(group, "c")
    await consumer.start([topic], Notes())
    mine, other = TopicPartition(topic, 2), TopicPartition("elsewhere", 0)
    await consumer.commit({mine: 3, other: 9})
    assert await consumer.committed([mine, TopicPartition(topic, 1)]) == {mine: 3}
    assert await group_offsets(settings, group) == {mine: 3}
    with pytest.raises(NotOwnerError):
        consumer.seek(other, 0)
    await consumer.stop()
    with pytest.raises(NotOwnerError):
        await consumer.commit({mine: 4})
    await log.close()


async def test_members_of_a_group_are_counted(servers: Addresses) -> None:
    settings, topic, group = settings_of(servers), fresh("t"), fresh("g")
    await create_topics(settings, [topic])
    log = KafkaLog(settings)
    assert await group_members(settings, group) == 0
    consumer = log.consumer(group, "c")
    await consumer.start([topic], Notes())
    assert await group_members(settings, group) == 1
    await consumer.stop()
    await log.close()
    assert await group_members(settings, group) == 0
