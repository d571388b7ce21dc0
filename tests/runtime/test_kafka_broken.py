"""A client that has lost a part of itself, a session or its broker is known as broken, and replaced."""

from __future__ import annotations

import asyncio
import operator
from contextlib import suppress
from typing import Any

import pytest
from aiokafka.errors import KafkaError

from deploy.embedded.platform import Addresses
from shared.runtime.kafka import KafkaLog
from shared.runtime.kafka.reader import Tail, scan
from shared.runtime.kafka.refusals import probe
from shared.runtime.kafka.topics import create_topics
from shared.runtime.ports import (
    BrokenError,
    FatalError,
    Outgoing,
    TopicPartition,
    UnavailableError,
)
from tests.runtime.support import Notes, begin, fresh, out, read, settings_of

pytestmark = pytest.mark.kafka


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


async def test_an_error_of_before_is_not_told_by_the_client_that_follows(servers: Addresses) -> None:
    settings, topic = settings_of(servers), fresh("forgotten")
    await create_topics(settings, [topic])
    consumer = KafkaLog(settings).consumer(fresh("g"), "c")
    await consumer.start([topic], Notes())
    consumer.failed(KafkaError("of the one that is replaced"))
    await consumer.stop()
    await consumer.start([topic], Notes())
    await begin(consumer)
    assert await consumer.poll(10, 0.1) == []
    await consumer.stop()


async def test_what_a_client_is_given_while_it_is_put_down_is_not_owned(servers: Addresses) -> None:
    settings, topic = settings_of(servers), fresh("late")
    await create_topics(settings, [topic])
    consumer = KafkaLog(settings).consumer(fresh("g"), "c")
    await consumer.start([topic], Notes())
    given, stop = [consumer._theirs(at) for at in consumer.assignment()], consumer._broker.stop
    assert given

    async def late() -> None:
        consumer.assigned(given)
        await stop()

    consumer._broker.stop = late
    await consumer.stop()
    assert consumer.assignment() == frozenset()


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
