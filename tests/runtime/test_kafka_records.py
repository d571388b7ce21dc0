"""What lies in the topics reaches the engine whole, whoever wrote it and however."""

from __future__ import annotations

import asyncio
import gzip
import struct
from collections import Counter
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.record.util import calc_crc32c

from deploy.embedded.platform import Addresses
from shared.contracts.partition import partition_of
from shared.runtime.kafka import KafkaLog, reader
from shared.runtime.kafka.reader import Tail, end_offsets, scan
from shared.runtime.kafka.topics import create_topics
from shared.runtime.ports import (
    FatalError,
    Outgoing,
    TopicPartition,
    UnavailableError,
    UnencodableError,
)
from tests.runtime.support import JSON, PARTITIONS, Notes, begin, fresh, out, read, settings_of

pytestmark = pytest.mark.kafka


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
