"""The Kafka adapter beyond the conformance suite: what only a real broker can show."""

from __future__ import annotations

import asyncio
import gzip
import operator
import struct
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.record.util import calc_crc32c

from deploy.embedded.platform import Addresses
from shared.contracts.partition import partition_of
from shared.runtime.kafka import KafkaLog, reader
from shared.runtime.kafka.groups import group_members
from shared.runtime.kafka.reader import Tail, end_offsets, group_offsets, offsets_at, scan
from shared.runtime.kafka.refusals import probe
from shared.runtime.kafka.topics import create_topics, topic_findings
from shared.runtime.ports import (
    BrokenError,
    FatalError,
    NotOwnerError,
    OffsetLostError,
    Outgoing,
    TopicPartition,
    UnavailableError,
    UnencodableError,
)
from tests.runtime.support import PARTITIONS, Notes, begin, fresh, read, settings_of

pytestmark = pytest.mark.kafka

JSON = (("content-type", b"application/json"),)


def out(topic: str, key: str, value: bytes = b"{}", partition: int | None = None) -> Outgoing:
    return Outgoing(topic, key.encode(), value, JSON, partition)


async def test_records_come_back_byte_for_byte_whatever_their_headers(servers: Addresses) -> None:
    settings, topic = settings_of(servers), fresh("odd")
    await create_topics(settings, [topic])
    log = KafkaLog(settings)
    headers = [
        (("content-type", b"application/json"), ("ce_id", b"1"), ("ce_type", "逾期".encode())),
        (("content-type", b"application/json"), ("bad", b"\xff\xfe")),
        (("twice", b"1"), ("twice", b"2"), ("none", None)),
        (),
        (("content-type", b"application/json"), ("none", None)),
    ]
    values = [b"{}", b"\x00\xff", None, b"", b"x"]
    sent = [Outgoing(topic, b"k", v, h) for h, v in zip(headers, values, strict=True)]
    await log.publisher().publish(sent)
    await log.publisher().publish([Outgoing(topic, None, b"no key", JSON, 0)])
    found = [record async for record in scan(settings, topic)]
    await log.close()

    keyed = [record for record in found if record.key == b"k"]
    assert [record.value for record in keyed] == values
    assert [set(record.headers) for record in keyed] == [set(h) for h in headers]
    assert keyed[2].headers == headers[2]
    assert [record.value for record in found if record.key is None] == [b"no key"]


async def test_a_batch_with_odd_headers_reaches_the_engine_whole(servers: Addresses) -> None:
    settings, topic, group = settings_of(servers), fresh("odd"), fresh("g")
    await create_topics(settings, [topic])
    log = KafkaLog(settings)
    good = [out(topic, "k", str(n).encode()) for n in range(5)]
    bad = Outgoing(topic, b"k", b"bad", (("h", b"\xff"), ("h", None)))
    await log.publisher().publish([*good[:2], bad, *good[2:]])
    consumer = log.consumer(group, "c")
    await consumer.start([topic], Notes())
    await begin(consumer)
    found = await read(consumer, 6)
    await consumer.stop()
    await log.close()
    assert [record.value for record in found] == [b"0", b"1", b"bad", b"2", b"3", b"4"]
    assert found[2].headers == (("h", b"\xff"), ("h", None))


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_whatever_a_bank_compresses_with_is_read(servers: Addresses, codec: str) -> None:
    settings, topic = settings_of(servers), fresh("codec")
    await create_topics(settings, [topic])
    async with AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap, compression_type=codec) as bank:
        await bank.send_and_wait(topic, b"x" * 5000, b"k")
    log = KafkaLog(settings)
    consumer = log.consumer(fresh("g"), "c")
    await consumer.start([topic], Notes())
    await begin(consumer)
    (record,) = await read(consumer, 1)
    assert record.value == b"x" * 5000
    await consumer.stop()
    await log.close()


@pytest.mark.parametrize("codec", [None, "gzip"])
async def test_a_header_name_that_is_no_text_stops_nobody(servers: Addresses, codec: str | None) -> None:
    settings, topic = settings_of(servers), fresh("name")
    await create_topics(settings, [topic])
    async with AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap, compression_type=codec) as bank:
        await bank.send_and_wait(topic, b"before", b"k", 0)
        batch = bank.create_batch()
        for value, headers in ((b"one", []), (b"bad", [("QQQQ", b"v")]), (b"two", [])):
            batch.append(key=b"k", value=value, timestamp=None, headers=headers)
        batch.close()
        batch._buffer = _with_a_bad_name(bytearray(batch._build()), codec)
        await (await bank.send_batch(batch, topic, partition=0))
        await bank.send_and_wait(topic, b"after", b"k", 0)
    log = KafkaLog(settings)
    consumer = log.consumer(fresh("g"), "c")
    await consumer.start([topic], Notes())
    await begin(consumer)
    found = await read(consumer, 5)
    await consumer.stop()
    await log.close()
    assert [record.value for record in found] == [b"before", b"one", b"bad", b"two", b"after"]
    assert found[2].headers == (("\\xff\\xfe\\xff\\xfe", b"v"),)


def _with_a_bad_name(data: bytearray, codec: str | None) -> bytes:
    """Put bytes that are not UTF-8 in place of the header's name, and the checksum right."""
    records = gzip.decompress(data[61:]) if codec else bytes(data[61:])
    records = records.replace(b"QQQQ", b"\xff\xfe\xff\xfe")
    data[61:] = gzip.compress(records) if codec else records
    data[8:12] = struct.pack(">i", len(data) - 12)
    data[17:21] = struct.pack(">I", calc_crc32c(bytes(data[21:])))
    return bytes(data)


async def test_what_a_banks_transaction_took_back_is_not_read(servers: Addresses) -> None:
    settings, topic = settings_of(servers), fresh("tx")
    await create_topics(settings, [topic])
    async with AIOKafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap, transactional_id=fresh("bank")
    ) as bank:
        for value, kept in ((b"1", True), (b"2", False), (b"3", True)):
            await bank.begin_transaction()
            await bank.send_and_wait(topic, value, b"k", 0)
            await (bank.commit_transaction() if kept else bank.abort_transaction())
    log = KafkaLog(settings)
    consumer = log.consumer(fresh("g"), "c")
    await consumer.start([topic], Notes())
    await begin(consumer)
    assert [record.value for record in await read(consumer, 2)] == [b"1", b"3"]
    assert await consumer.poll(10, 0.3) == []
    at = TopicPartition(topic, 0)
    assert (await consumer.bounds([at]))[at] == (0, 6)
    assert await consumer.ends([at]) == {at: 5}, (
        "after the last record there is only its transaction's marker"
    )
    assert [record.value async for record in scan(settings, topic)] == [b"1", b"3"]
    await consumer.stop()
    await log.close()


async def test_keys_go_where_java_puts_them(servers: Addresses) -> None:
    settings, topic = settings_of(servers), fresh("keys")
    await create_topics(settings, [topic])
    log = KafkaLog(settings)
    keys = [f"C-{n:05d}" for n in range(300)]
    await log.publisher().publish([out(topic, key) for key in keys])
    found = [record async for record in scan(settings, topic)]
    await log.close()
    assert len(found) == len(keys)
    for record in found:
        assert record.key is not None
        assert record.partition == partition_of(record.key, PARTITIONS)
    assert len(Counter(record.partition for record in found)) == PARTITIONS


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


@pytest.mark.parametrize(
    "task",
    ["_client._sync_task", "_fetcher._fetch_task", "_coordinator._coordination_task"],
)
async def test_a_client_that_has_lost_a_task_is_broken_until_it_is_started_again(
    servers: Addresses, task: str
) -> None:
    settings, topic = settings_of(servers), fresh("broken")
    await create_topics(settings, [topic])
    log = KafkaLog(settings)
    await log.publisher().publish([out(topic, "k", str(n).encode(), 0) for n in range(3)])
    consumer, notes = log.consumer(fresh("g"), "c"), Notes()
    await consumer.start([topic], notes)
    await begin(consumer)
    await read(consumer, 3)
    client = consumer._client
    operator.attrgetter(task)(client).cancel()
    await asyncio.sleep(0.05)
    at = TopicPartition(topic, 0)
    for attempt in (
        lambda: consumer.poll(10, 0.1),
        lambda: consumer.commit({at: 3}),
        lambda: consumer.committed([at]),
        lambda: consumer.bounds([at]),
    ):
        with pytest.raises(BrokenError):
            await attempt()
    async with asyncio.timeout(settings.ack_seconds):  # it waits for no task of its own that is gone
        await consumer.stop()
    assert not [connection for connection in client._client._conns.values() if connection.connected()]
    await consumer.start([topic], notes)
    await begin(consumer)
    assert [record.value for record in await read(consumer, 3)] == [b"0", b"1", b"2"]
    await consumer.commit({at: 3})
    assert notes.revoked == [notes.assigned[0]]
    await consumer.stop()
    await log.close()


async def test_a_client_whose_heartbeat_has_failed_is_broken(servers: Addresses) -> None:
    settings, topic = settings_of(servers), fresh("heart")
    await create_topics(settings, [topic])
    log = KafkaLog(settings)
    consumer = log.consumer(fresh("g"), "c")
    await consumer.start([topic], Notes())

    async def fail() -> bool:
        raise KafkaError("unexpected")

    consumer._client._coordinator._do_heartbeat = fail

    async def poll() -> None:
        while True:
            with suppress(UnavailableError):  # what the client says of it itself, again and again
                await consumer.poll(10, 0.1)

    with pytest.raises(BrokenError):
        await asyncio.wait_for(poll(), 30)
    await consumer.stop()
    await log.close()


async def test_a_client_that_answers_nothing_though_the_broker_does_is_broken(servers: Addresses) -> None:
    settings, topic = settings_of(servers, ack_seconds=1), fresh("mute")
    await create_topics(settings, [topic])
    log = KafkaLog(settings)
    consumer = log.consumer(fresh("g"), "c")
    await consumer.start([topic], Notes())
    lock = consumer._client._coordinator._commit_lock
    at = TopicPartition(topic, 0)
    async with lock:
        for _ in range(2):
            with pytest.raises(UnavailableError):
                await consumer.commit({at: 1})
        with pytest.raises(BrokenError):
            await consumer.commit({at: 1})
    await consumer.commit({at: 1})
    await consumer.stop()
    await log.close()


async def test_what_a_failed_fetch_had_gathered_is_fetched_again(servers: Addresses) -> None:
    settings, topic = settings_of(servers), fresh("gathered")
    await create_topics(settings, [topic])
    log = KafkaLog(settings)
    consumer = log.consumer(fresh("g"), "c")
    await consumer.start([topic], Notes())
    await begin(consumer)
    await log.publisher().publish([out(topic, "k", str(n).encode(), 0) for n in range(5)])
    assert [record.offset for record in await read(consumer, 2, at_once=2)] == [0, 1]
    # As when one partition's batch turns out to be corrupt: what was drained of the others is dropped.
    consumer._client.seek(consumer._theirs(TopicPartition(topic, 0)), 5)
    consumer._buffer.clear()
    consumer._next[TopicPartition(topic, 0)] = 2
    consumer.failed(KafkaError("a batch is corrupt"))
    with pytest.raises(UnavailableError):
        await consumer.poll(10, 0.1)
    assert [record.offset for record in await read(consumer, 3)] == [2, 3, 4]
    await consumer.stop()
    await log.close()


@pytest.mark.parametrize("task", ["_client._sync_task", "_fetcher._fetch_task"])
async def test_whoever_follows_goes_on_with_another_client(servers: Addresses, task: str) -> None:
    settings, topic = settings_of(servers), fresh("tail")
    await create_topics(settings, [topic])
    log = KafkaLog(settings)
    publish, held = log.publisher().publish, TopicPartition(topic, 1)
    await publish([out(topic, "k", b"1", 0)])
    async with Tail(settings, [topic], from_start=True) as tail:
        found = await _followed(tail, 1)
        tail.pause([held])
        operator.attrgetter(task)(tail._client).cancel()
        await publish([out(topic, "k", b"2", 0), out(topic, "k", b"held", 1)])
        found += await _followed(tail, 1)
        assert (await tail.ends())[held] == 1
        assert await tail.poll(0.3) == []
        tail.resume([held])
        found += await _followed(tail, 1)
    await log.close()
    assert found == [b"1", b"2", b"held"]


async def _followed(tail: Tail, count: int) -> list[bytes | None]:
    found: list[bytes | None] = []
    async with asyncio.timeout(30):
        while len(found) < count:
            found += [record.value for record in await tail.poll(0.5)]
    return found


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


async def test_a_failed_session_is_given_up_and_the_next_call_opens_another(servers: Addresses) -> None:
    settings, topic = settings_of(servers), fresh("again")
    await create_topics(settings, [topic])
    log = KafkaLog(settings)
    publisher = log.publisher()
    await publisher.publish([out(topic, "k", b"1", 0)])
    session = publisher._session
    assert session is not None
    # As when an acknowledgement does not come: queued behind a failure nothing may be sent any more.
    queued = [await session.send(out(topic, "k", str(n).encode(), 0)) for n in range(2, 50)]
    session.give_up(TimeoutError())
    outcomes = await asyncio.gather(*queued, return_exceptions=True)
    assert all(isinstance(outcome, Exception) for outcome in outcomes)
    await publisher.publish([out(topic, "k", b"after", 0)])
    found = [record.value async for record in scan(settings, topic)]
    await log.close()
    lost = len(queued) - (len(found) - 2)
    assert found == [b"1", *(str(n).encode() for n in range(2, 50 - lost)), b"after"]


async def test_messages_over_the_limit_are_measured_as_the_broker_does(servers: Addresses) -> None:
    settings, topic = settings_of(servers, message_bytes=20_000), fresh("size")
    dead = f"{topic}.dead-letter"
    await create_topics(settings, [topic, dead])
    log = KafkaLog(settings)
    publisher = log.publisher()
    largest = max(
        size
        for size in range(19_000, 20_001)
        if _fits(publisher.measure, Outgoing(topic, b"key", b"x" * size, JSON))
    )
    await publisher.publish([Outgoing(topic, b"key", b"x" * largest, JSON)])  # what measures, fits
    assert largest > 19_800
    with pytest.raises(UnencodableError):
        publisher.measure(Outgoing(topic, b"key", b"x" * (largest + 1), JSON))
    publisher.measure(Outgoing(dead, b"key", b"x" * (largest + 15_000), JSON))
    await publisher.publish([Outgoing(dead, b"key", b"x" * (largest + 15_000), JSON)])
    with pytest.raises(UnavailableError):
        await publisher.publish([Outgoing(topic, b"key", b"x" * 30_000, JSON)])
    await publisher.publish([Outgoing(topic, b"key", b"still alive", JSON)])
    await log.close()


def _fits(measure: object, record: Outgoing) -> bool:
    assert callable(measure)
    try:
        measure(record)
    except UnencodableError:
        return False
    return True


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


async def test_scan_stops_at_the_end_that_it_found_and_tail_goes_on(servers: Addresses) -> None:
    settings, topic = settings_of(servers), fresh("scan")
    await create_topics(settings, [topic])
    log = KafkaLog(settings)
    assert [record async for record in scan(settings, topic)] == []
    assert [record async for record in scan(settings, "absent")] == []
    await log.publisher().publish([out(topic, str(n)) for n in range(50)])
    seen = []
    async for record in scan(settings, topic):
        if not seen:
            await log.publisher().publish([out(topic, "late")])
        seen.append(record)
    assert len(seen) == 50
    ends = await end_offsets(settings, [topic, "absent"])
    assert sum(end for _, end in ends.values()) == 51
    async with Tail(settings, [topic], from_start=True) as everything, Tail(settings, [topic]) as new:
        found = []
        async with asyncio.timeout(20):
            while len(found) < 51:
                found += await everything.poll(0.5)
        assert await new.poll(0.2) == []
        await log.publisher().publish([out(topic, "newest", b"n")])
        async with asyncio.timeout(20):
            while not (latest := await new.poll(0.5)):
                pass
        assert [record.value for record in latest] == [b"n"]
    with pytest.raises(FatalError, match="absent"):
        async with Tail(settings, ["absent"]):
            pass
    await log.close()


async def test_a_scan_that_nothing_comes_to_ends(servers: Addresses, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, topic = settings_of(servers, ack_seconds=1), fresh("scan")
    await create_topics(settings, [topic])
    log = KafkaLog(settings)
    await log.publisher().publish([out(topic, "one")])
    await log.close()
    assign = reader._assign

    def without_fetching(client: Any, parts: Any) -> None:
        assign(client, parts)
        client._fetcher._fetch_task.cancel()

    monkeypatch.setattr(reader, "_assign", without_fetching)
    with pytest.raises(UnavailableError):
        async with asyncio.timeout(60):
            assert [record async for record in scan(settings, topic)] == []


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


async def test_nobody_there_is_an_outage_and_a_wrong_address_is_not(servers: Addresses) -> None:
    nobody = settings_of(servers, kafka_bootstrap="127.0.0.1:9", ack_seconds=2)
    with pytest.raises(UnavailableError, match="cannot be reached"):
        await probe(nobody)
    log = KafkaLog(nobody)
    with pytest.raises(UnavailableError):
        await log.publisher().publish([out("t", "k")])
    with pytest.raises(UnavailableError):
        await log.consumer("g", "c").start(["t"], Notes())
    await log.publisher().publish([])  # nothing to say needs nobody
    await log.close()
    with pytest.raises(FatalError, match="host:port"):
        await probe(settings_of(servers, kafka_bootstrap="localhost"))


async def test_a_sender_that_fails_brings_no_error_of_its_own(servers: Addresses) -> None:
    """aiokafka then fails a transaction as well, and there is none."""
    log = KafkaLog(settings_of(servers))
    publisher = log.publisher()
    topic = fresh("failing")
    await create_topics(settings_of(servers), [topic])
    await publisher.publish([Outgoing(topic, b"k", b"1", ())])
    said: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context))

    async def failing() -> None:
        raise KafkaError("the topic is not yours")

    sender = publisher._session._producer._sender  # type: ignore[attr-defined]
    task = asyncio.create_task(failing())
    task.add_done_callback(sender._fail_all)
    await asyncio.wait([task])
    await asyncio.sleep(0)
    assert said == []
    await log.close()
