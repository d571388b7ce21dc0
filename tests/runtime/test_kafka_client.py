"""What aiokafka makes of a broker that goes away under it, without a broker."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import Callable
from typing import Any

import pytest
import uvloop
from aiokafka.client import AIOKafkaClient
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import IncompatibleBrokerVersion, KafkaConnectionError
from aiokafka.protocol.admin import ApiVersionRequest
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.structs import BrokerMetadata

from shared.runtime.kafka import KafkaLog
from shared.runtime.kafka.reader import end_offsets
from shared.runtime.ports import TopicPartition, UnavailableError
from shared.runtime.settings import Settings

assert KafkaLog  # importing it prepares aiokafka


async def dropped() -> AIOKafkaConnection:
    """A connection whose transport is closed, in the moment before its reader finds out."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    conn = AIOKafkaConnection(host, port, request_timeout_ms=1000)
    conn._reader, conn._writer = await asyncio.open_connection(host, port)
    conn._read_task = asyncio.create_task(asyncio.sleep(3600))
    conn._closed_fut = asyncio.get_running_loop().create_future()
    conn._closed_fut.set_result(None)
    conn._writer.transport.abort()
    await asyncio.sleep(0.05)
    conn._reader._eof = False  # a reset is an error, not an end: aiokafka takes it for connected
    server.close()
    assert conn.connected()
    return conn


def on(loop: Callable[[], asyncio.AbstractEventLoop], story: Any) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(story())


@pytest.fixture(params=[uvloop.new_event_loop, asyncio.new_event_loop], ids=["uvloop", "asyncio"])
def loop(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    made: Callable[[], asyncio.AbstractEventLoop] = request.param
    return made


def test_a_write_to_a_dropped_connection_is_an_error_of_the_connection(
    loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def story() -> None:
        conn = await dropped()

        async def send() -> None:
            sent = conn.send(ApiVersionRequest())
            conn.close()  # asyncio's loop says nothing; then the reader finds out
            await sent

        with pytest.raises(KafkaConnectionError):
            await send()
        assert not conn.connected()

    on(loop, story)


def test_a_request_that_the_broker_does_not_know_stays_what_it_is() -> None:
    async def story() -> None:
        conn = await dropped()
        with pytest.raises(IncompatibleBrokerVersion):
            conn.send(MetadataRequest([]))
        conn._versions = {MetadataRequest.API_KEY: (999, 999)}
        with pytest.raises(NotImplementedError):
            conn.send(MetadataRequest([]))
        conn.close()

    on(uvloop.new_event_loop, story)


def test_metadata_are_asked_for_again_after_the_broker_has_dropped_the_connection() -> None:
    """The task that keeps the metadata ended, and consumers waited for it for ever."""

    async def story() -> None:
        client = AIOKafkaClient(request_timeout_ms=200)
        conn = await dropped()
        conn._versions = {MetadataRequest.API_KEY: (0, 5)}
        client.cluster._brokers = {1: BrokerMetadata(1, conn.host, conn.port, None)}
        client._conns[1, 0] = conn
        client._sync_task = asyncio.create_task(client._md_synchronizer())
        async with asyncio.timeout(10):
            assert await client.force_metadata_update() is False
            assert await client.force_metadata_update() is False
        assert not client._sync_task.done()
        await client.close()

    on(uvloop.new_event_loop, story)


async def test_an_onlooker_that_asks_for_the_ends_while_the_client_is_replaced_is_told_of_none() -> None:
    consumer, at = KafkaLog(Settings()).consumer("g", "c"), TopicPartition("bank.events", 0)
    consumer._assigned = frozenset({at})  # of the client that is gone
    assert await consumer.ends([at]) == {}


async def test_who_asks_where_no_broker_is_leaves_no_client_behind() -> None:
    """A client that nobody has stopped complains of it on the terminal of whoever typed a command."""
    told: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context["message"]))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        settings = Settings.load(kafka_bootstrap=address, mongodb_uri="mongodb://127.0.0.1:1")
        with pytest.raises(UnavailableError):
            await end_offsets(settings, ["bank.events"])
    gc.collect()
    assert told == []
