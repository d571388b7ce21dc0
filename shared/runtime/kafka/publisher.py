"""The process's producer: idempotent, acknowledged by all replicas, and never a hole.

A FastStream broker publishes each record by itself, unconfirmed; the acknowledgements are awaited together
under a timeout, for an idempotent producer never times out by itself. When one record fails, or the wait, the
whole session is given up on the spot: nothing that was queued behind the failed record is sent any more, and
the next call opens a new session. So no record follows one that was not written, and an outage of any length
queues nothing twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any

from aiokafka.errors import KafkaConnectionError, KafkaError
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from faststream.exceptions import IncorrectState
from faststream.kafka import KafkaBroker

from shared.contracts.partition import partition_of
from shared.runtime.kafka.connection import security_of, servers
from shared.runtime.kafka.refusals import diagnose, probe
from shared.runtime.ports import Headers, Outgoing, UnavailableError, UnencodableError
from shared.runtime.settings import Settings

__all__ = ["KafkaPublisher"]

_BATCH_BYTES = 1 << 18
_SLACK = 4096


class _Session:
    """One broker with one producer, until the first failure."""

    def __init__(self, settings: Settings) -> None:
        self.broken: BaseException | None = None
        self._prefix = settings.prefix
        self._closing: asyncio.Task[None] | None = None
        self._broker = KafkaBroker(
            servers(settings),
            client_id="parley-publisher",
            security=security_of(settings),
            acks="all",
            enable_idempotence=True,
            # Nothing may fail by its age inside the client, with younger records behind it: our own wait ends
            # first.
            request_timeout_ms=round(settings.ack_seconds * 4000),
            max_request_size=2 * settings.message_bytes + _SLACK,
            max_batch_size=min(_BATCH_BYTES, settings.message_bytes),
            partitioner=_partition,
            id_generator=_no_correlation,
            apply_types=False,
            logger=None,
        )

    async def open(self) -> None:
        await self._broker.start()
        # FastStream has no way to give up what is queued; these two belong to the client it wraps.
        self._producer: Any = self._broker.config.producer._producer.producer  # type: ignore[attr-defined]
        # When its sender fails, aiokafka fails the transaction too, and trips where there has never been one.
        none = asyncio.get_running_loop().create_future()
        none.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        self._producer._txn_manager._transaction_waiter = none

    async def send(self, record: Outgoing) -> asyncio.Future[Any]:
        """Queue one record; its future is done when it is acknowledged."""
        if self.broken is not None:
            raise KafkaConnectionError("the session was given up")
        headers = _as_text(record.headers)
        if headers is not None:
            future: asyncio.Future[Any] = await self._broker.publish(
                record.value if record.value is not None or record.key is not None else b"",
                self._prefix + record.topic,
                key=record.key,
                partition=record.partition,
                headers=headers,
                no_confirm=True,
            )
        else:
            future = await self._producer.send(
                self._prefix + record.topic,
                record.value if record.value is not None or record.key is not None else b"",
                record.key,
                record.partition,
                headers=list(record.headers),
            )
        future.add_done_callback(self._done)
        return future

    async def partitions(self, topic: str) -> Collection[int]:
        found: Collection[int] = await self._producer.partitions_for(self._prefix + topic)
        return found

    def _done(self, future: asyncio.Future[Any]) -> None:
        if not future.cancelled() and (error := future.exception()) is not None:
            self.give_up(error)

    def give_up(self, error: BaseException) -> None:
        """Send nothing more and fail everything that waits. Synchronous: before the sender's next turn."""
        if self.broken is not None:
            return
        self.broken = error
        sender = self._producer._sender.sender_task
        if sender is not None:
            sender.cancel()
        failure = error if isinstance(error, KafkaError) else KafkaConnectionError("the session was given up")
        self._producer._message_accumulator.fail_all(failure)
        self._closing = asyncio.get_running_loop().create_task(self._drop())

    async def _drop(self) -> None:
        with suppress(Exception):
            async with asyncio.timeout(5):
                await self._producer.client.close()
        # Stopping awaits the sender, which was cancelled: with a request under way it says so.
        with suppress(Exception, asyncio.CancelledError):
            async with asyncio.timeout(5):
                await self._broker.stop()

    async def close(self) -> None:
        """Close: nothing is queued any more."""
        if self._closing is not None:
            await self._closing
        elif self.broken is None:
            self.broken = KafkaConnectionError("closed")
            with suppress(Exception):
                async with asyncio.timeout(10):
                    await self._broker.stop()


class KafkaPublisher:
    """Implements `ports.Publisher`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._session: _Session | None = None
        self._opening = asyncio.Lock()
        self._closed = False

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Publish all; return when every one is acknowledged, or raise UnavailableError."""
        if not records:
            return
        session = await self._open()
        try:
            async with asyncio.timeout(self._settings.ack_seconds):
                waiting = [await session.send(record) for record in records]
                await asyncio.gather(*waiting)
        except (KafkaError, OSError, TimeoutError, IncorrectState) as error:
            session.give_up(error)
            raise await diagnose(self._settings, error, "publish", "Write") from error

    async def _open(self) -> _Session:
        async with self._opening:
            if self._closed:
                raise UnavailableError("Kafka: the publisher is closed")
            if self._session is None or self._session.broken is not None:
                await probe(self._settings)
                session = _Session(self._settings)
                try:
                    async with asyncio.timeout(self._settings.ack_seconds):
                        await session.open()
                except (KafkaError, OSError, TimeoutError) as error:
                    raise await diagnose(self._settings, error, "open a producer", "Write") from error
                self._session = session
            return self._session

    async def partitions(self, topic: str) -> int:
        """Read how many partitions a topic has."""
        session = await self._open()
        try:
            async with asyncio.timeout(self._settings.ack_seconds):
                return len(await session.partitions(topic))
        except (KafkaError, OSError, TimeoutError) as error:
            raise await diagnose(self._settings, error, f"describe {topic}", "Describe") from error

    def measure(self, record: Outgoing) -> None:
        """Raise UnencodableError if the topic's limit refuses the record."""
        limit = self._settings.message_bytes * (2 if record.topic.endswith(".dead-letter") else 1)
        size = DefaultRecordBatchBuilder.estimate_size_in_bytes(
            record.key, record.value, list(record.headers)
        )
        if size > limit:
            raise UnencodableError("larger than the topic's limit")

    async def close(self) -> None:
        """Close the connections."""
        self._closed = True
        if self._session is not None:
            await self._session.close()


def _as_text(headers: Headers) -> dict[str, str] | None:
    """Give headers as FastStream takes them, or None where that would change them."""
    texts: dict[str, str] = {}
    for name, value in headers:
        if value is None or name in texts:
            return None
        try:
            texts[name] = value.decode()
        except UnicodeDecodeError:
            return None
    # FastStream adds an empty content type to records that have none.
    return texts if "content-type" in texts else None


def _partition(key: bytes | None, everything: list[int], available: list[int]) -> int:
    """Java's default partitioner, with a cache: customers come again."""
    if key is None:
        return (available or everything)[0]
    return everything[partition_of(key, len(everything))]


def _no_correlation() -> str:
    """Keep FastStream's own header out of the records: the envelope names its cause."""
    return ""
