"""One member of one consumer group, pulled by the engine, fed by a FastStream batch subscriber.

FastStream's loop fetches a batch and calls `_take`, which keeps it until the engine has polled it all and
asks for more; only then does the loop fetch again. Records that were under way while a partition was paused
or sought are dropped and fetched again from where the engine wants them: the engine never sees one too many.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, TypeVar

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as ClientPartition
from aiokafka.errors import IllegalStateError, KafkaError, OffsetOutOfRangeError
from faststream.kafka import KafkaBroker

from shared.runtime.kafka.alive import ended, put_down
from shared.runtime.kafka.asking import Asking
from shared.runtime.kafka.feed import Raw, feed
from shared.runtime.kafka.refusals import Operation, diagnose, probe
from shared.runtime.ports import (
    BrokenError,
    Listener,
    NotOwnerError,
    OffsetLostError,
    Record,
    TopicPartition,
    UnavailableError,
)
from shared.runtime.settings import Settings

__all__ = ["KafkaConsumer"]

_LOG = logging.getLogger("parley.kafka")
_TURNS_SECONDS: Final = 1.0  # FastStream's loop, if it lives, fetches far more often
T = TypeVar("T")
_QUIET_SECONDS: Final = 30.0


class KafkaConsumer:
    """Implements `ports.Consumer`."""

    def __init__(self, settings: Settings, group: str, client_id: str) -> None:
        self._settings = settings
        self._group = settings.prefix + group
        self._prefix = settings.prefix
        self._client_id = client_id
        self._broker: KafkaBroker | None = None
        self._subscriber: Any = None
        self._listener: Listener | None = None
        self._generation = 0
        self._assigned: frozenset[TopicPartition] = frozenset()
        self._paused: set[TopicPartition] = set()
        self._next: dict[TopicPartition, int] = {}  # the offset that the engine gets next
        self._stale: set[TopicPartition] = set()  # moved while a fetch was under way
        self._buffer: deque[Record] = deque()
        self._holding = False  # the handler holds FastStream's loop: no fetch is under way
        self._asked = asyncio.Event()
        self._arrived = asyncio.Event()
        self._failure: Exception | None = None
        self._stopped = False
        self._asking = Asking(settings, self._group)
        self._heard = time.monotonic()  # when there were records, or the broker was last asked

    @property
    def generation(self) -> int:
        """A number that rises with every assignment."""
        return self._generation

    async def start(self, topics: Sequence[str], listener: Listener) -> None:
        """Join the group; returns when joined."""
        await probe(self._settings)
        settings = self._settings
        self._listener = listener
        self._stopped = False  # a start that failed may be tried again, and a broken client replaced
        self._failure = None
        self._asking.begin()
        self._asked.clear()
        names = [self._prefix + topic for topic in topics]
        self._broker, self._subscriber = feed(settings, self._group, self._client_id, names, self)
        self._subscriber(self._take)
        try:
            async with asyncio.timeout(settings.rebalance_seconds + settings.session_seconds + 10):
                await self._broker.start()
        except (KafkaError, OSError, TimeoutError) as error:
            await self._close()
            raise await diagnose(settings, error, f"join the group {self._group}") from error

    async def stop(self) -> None:
        """Leave the group, after the engine has given its partitions up."""
        if self._stopped:
            return
        self._stopped = True
        await self.revoked()
        await self._close()

    async def _close(self) -> None:
        self._stopped = True
        self._asked.set()
        self._arrived.set()
        if self._broker is None:
            return
        client = self._subscriber.consumer
        if client is not None and ended(client) is not None:
            await put_down(client)  # what is left of it would wait for itself
        with suppress(Exception):  # whatever a dying client has to say
            async with asyncio.timeout(self._settings.ack_seconds):
                await self._broker.stop()
        if client is not None:
            await put_down(client)
        self._assigned = frozenset()  # a client that ends may have been given partitions a moment ago

    def assignment(self) -> frozenset[TopicPartition]:
        """The partitions assigned now."""
        return self._assigned

    @property
    def _client(self) -> AIOKafkaConsumer:
        client = self._subscriber.consumer if self._subscriber is not None else None
        if client is None:
            raise NotOwnerError("the consumer is not running")
        return client

    def _check(self) -> None:
        """Raise BrokenError where the client has lost a part of itself."""
        client = self._subscriber.consumer if self._subscriber is not None else None
        if client is not None and not self._stopped and (name := ended(client)) is not None:
            raise BrokenError(f"the Kafka client of {self._group} has lost its {name} task")

    async def _ask(self, doing: str, question: Callable[[], Awaitable[T]], needs: Operation = "Read") -> T:
        self._check()
        return await self._asking.ask(doing, question, needs)

    def _theirs(self, at: TopicPartition) -> ClientPartition:
        return ClientPartition(self._prefix + at.topic, at.partition)

    def _ours(self, topic: str, partition: int) -> TopicPartition:
        return TopicPartition(topic.removeprefix(self._prefix), partition)

    # --- called by FastStream

    async def _take(self, records: Raw) -> None:
        """Keep a batch until the engine has polled it and asks for more."""
        if self._sift(records):
            self._asked.clear()
            self._arrived.set()
            self._holding = True
            try:
                await self._asked.wait()
            finally:
                self._holding = False

    def _sift(self, records: Raw) -> bool:
        """Take over the records that the engine still wants; the others are fetched again."""
        unwanted: set[TopicPartition] = set()
        refused = self._stale | self._paused
        for raw in records:
            at = self._ours(raw.topic, raw.partition)
            if at in refused or at not in self._assigned:
                unwanted.add(at)
                continue
            self._next[at] = raw.offset + 1
            self._buffer.append(
                Record(
                    at.topic,
                    raw.partition,
                    raw.offset,
                    raw.key,
                    raw.value,
                    tuple(raw.headers),
                    raw.timestamp,
                )
            )
        self._stale.clear()
        for at in unwanted & self._assigned:
            with suppress(IllegalStateError):
                self._client.seek(self._theirs(at), self._next[at])
        return bool(self._buffer)

    def failed(self, error: Exception) -> None:
        """Note an error of the client: the next poll raises it.

        What the client had gathered when it failed is gone, and its positions are beyond it: all is fetched
        again.
        """
        self._failure = error
        for at in self._assigned:
            with suppress(IllegalStateError, NotOwnerError):
                self._move(at, self._next[at])
        self._arrived.set()

    async def revoked(self) -> None:
        """Let the engine finish, then own nothing."""
        if self._listener is not None and self._assigned:
            try:
                async with asyncio.timeout(self._settings.rebalance_seconds):
                    await self._listener.on_revoked(self._assigned)
            except Exception:  # noqa: BLE001  the client would swallow it; the engine promises not to raise
                _LOG.exception("giving partitions up failed", extra={"service": self._group})
        self._assigned = frozenset()
        self._buffer.clear()
        self._paused.clear()

    def assigned(self, partitions: Collection[ClientPartition]) -> None:
        """Pause everything at 0 and tell the engine. No await: the client delivers during it."""
        client = self._client
        client.pause(*partitions)
        for at in partitions:
            client.seek(at, 0)
        self._generation += 1
        self._buffer.clear()
        self._assigned = frozenset(self._ours(at.topic, at.partition) for at in partitions)
        self._paused = set(self._assigned)
        self._next = dict.fromkeys(self._assigned, 0)
        self._stale = set() if self._holding else set(self._assigned)
        if self._listener is not None:
            self._listener.on_assigned(self._assigned)
        self._arrived.set()  # a poll that waits has nothing to wait for any more

    # --- called by the engine

    async def poll(self, max_records: int, timeout: float) -> list[Record]:
        """Give up to `max_records` records, or [] after `timeout` seconds."""
        if not self._buffer and not self._stopped and self._failure is None:
            self._arrived.clear()
            self._asked.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._arrived.wait()
        if self._failure is not None:
            error, self._failure = self._failure, None
            raise self._lost(error) or await diagnose(self._settings, error, "fetch records")
        self._check()
        if self._buffer:
            self._heard = time.monotonic()
        elif time.monotonic() - self._heard > _QUIET_SECONDS:
            await self._see_whether_welcome()
        count = min(max_records, len(self._buffer))
        return [self._buffer.popleft() for _ in range(count)]

    async def _see_whether_welcome(self) -> None:
        """Log in once more when it has been quiet on a secured cluster. Raises FatalError if refused.

        The client goes on for ever, and says nothing, when a broker that came back refuses it: the password
        was changed, or the certificate has expired meanwhile.
        """
        self._heard = time.monotonic()
        if self._settings.kafka_security_protocol != "PLAINTEXT":
            with suppress(UnavailableError):
                await probe(self._settings, timeout=2.0)

    def _lost(self, error: Exception) -> OffsetLostError | None:
        """Name the offset that is not in the log."""
        if isinstance(error, OffsetOutOfRangeError) and error.args and isinstance(error.args[0], Mapping):
            for at, offset in error.args[0].items():
                return OffsetLostError(*self._ours(at.topic, at.partition), offset)
        return None

    def pause(self, partitions: Collection[TopicPartition]) -> None:
        """Deliver nothing of them from the next poll on."""
        chosen = set(partitions) & self._assigned - self._paused
        if not chosen:
            return
        self._paused |= chosen
        with suppress(IllegalStateError):
            self._client.pause(*(self._theirs(at) for at in chosen))
        self._put_back(chosen)

    def _put_back(self, partitions: Collection[TopicPartition]) -> None:
        """Drop what is buffered of `partitions`; it is fetched again from its first record."""
        kept: deque[Record] = deque()
        first: dict[TopicPartition, int] = {}
        for record in self._buffer:
            if record.at in partitions:
                first.setdefault(record.at, record.offset)
            else:
                kept.append(record)
        self._buffer = kept
        for at, offset in first.items():
            with suppress(IllegalStateError):
                self._move(at, offset)

    def _move(self, at: TopicPartition, offset: int) -> None:
        self._next[at] = offset
        self._client.seek(self._theirs(at), offset)
        if not self._holding:
            self._stale.add(at)

    def resume(self, partitions: Collection[TopicPartition]) -> None:
        """Deliver them again."""
        chosen = set(partitions) & self._paused
        self._paused -= chosen
        if chosen:
            with suppress(IllegalStateError):
                self._client.resume(*(self._theirs(at) for at in chosen))

    def seek(self, at: TopicPartition, offset: int) -> None:
        """Continue `at` from `offset`."""
        if at not in self._assigned:
            raise NotOwnerError(f"{at.topic}[{at.partition}] is not assigned")
        self._buffer = deque(record for record in self._buffer if record.at != at)
        try:
            self._move(at, offset)
        except IllegalStateError as error:
            raise NotOwnerError(f"{at.topic}[{at.partition}] is not assigned") from error

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commit next offsets of what is still assigned."""
        mine = {self._theirs(at): offset for at, offset in offsets.items() if at in self._assigned}
        if not mine:
            if offsets and not self._assigned:
                raise NotOwnerError("nothing is assigned")
            return
        await self._ask(f"commit for the group {self._group}", lambda: self._client.commit(mine))

    async def committed(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """Read the group's committed next offsets."""
        ordered = list(partitions)
        found = await self._ask(
            f"read the offsets of the group {self._group}",
            lambda: asyncio.gather(*(self._client.committed(self._theirs(at)) for at in ordered)),
        )
        return {at: offset for at, offset in zip(ordered, found, strict=True) if offset is not None}

    async def bounds(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, tuple[int, int]]:
        """Read the first offset held and the next to be written."""
        if not partitions:
            return {}
        wanted = [self._theirs(at) for at in partitions]

        async def both() -> tuple[Mapping[Any, int], Mapping[Any, int]]:
            return await self._client.beginning_offsets(wanted), await self._client.end_offsets(wanted)

        first, after = await self._ask("read the bounds of the topics", both, "Describe")
        return {self._ours(*at): (first[at], after[at]) for at in wanted}

    async def ends(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """Ask for the last stable offsets."""
        mine = {self._theirs(at): at for at in partitions if at in self._assigned}
        if not mine:
            return {}

        async def stable() -> dict[TopicPartition, int]:
            client = self._client
            after = await client.end_offsets(list(mine))
            found = {at: after[theirs] for theirs, at in mine.items()}
            # The client is at the end and nothing is held back: beyond the engine's next record there are
            # only the markers of transactions, which nobody is ever given.
            if not self._holding and client._subscription.fetcher_idle_time < _TURNS_SECONDS:
                for theirs, at in mine.items():
                    if await client.position(theirs) >= found[at]:
                        found[at] = self._next.get(at, found[at])
            return found

        try:
            return await self._asking.ask("read the ends of the topics", stable, "Describe", counts=False)
        except NotOwnerError:
            return {}  # they are being given up, or the client is being replaced

    def high_water(self, at: TopicPartition) -> int | None:
        """The next offset to be written, as of the last fetch."""
        if at not in self._assigned:
            return None
        with suppress(IllegalStateError, NotOwnerError):
            found: int | None = self._client.highwater(self._theirs(at))
            return found
        return None
