"""Reading without a group: bounds, group offsets, whole topics, and following them as they grow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka import TopicPartition as ClientPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from shared.runtime.kafka.alive import ended, put_down
from shared.runtime.kafka.connection import connection_options
from shared.runtime.kafka.refusals import diagnose, probe
from shared.runtime.kafka.topics import Admin, insist, partition_counts
from shared.runtime.ports import FatalError, OffsetLostError, Record, TopicPartition
from shared.runtime.settings import Settings

_FETCH_WAIT_MS: Final = 20
_SILENCES: Final = 4  # times the wait for an acknowledgement, until whoever says nothing is away

__all__ = ["Tail", "end_offsets", "group_offsets", "offsets_at", "record_of", "scan"]


def record_of(raw: ConsumerRecord, prefix: str = "") -> Record:
    """Give the client's record as ours."""
    topic = raw.topic.removeprefix(prefix)
    return Record(topic, raw.partition, raw.offset, raw.key, raw.value, tuple(raw.headers), raw.timestamp)


def _ours(at: ClientPartition, prefix: str) -> TopicPartition:
    return TopicPartition(at.topic.removeprefix(prefix), at.partition)


class _Reader:
    """A bare consumer without a group, assigned by hand: it can neither join nor disturb anything."""

    _client: AIOKafkaConsumer

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def __aenter__(self) -> AIOKafkaConsumer:
        await probe(self._settings)  # before there is a client that would have to be stopped
        self._client = AIOKafkaConsumer(
            client_id="parley-reader",
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            # A question about offsets waits, on the same connection, until the fetch under way has returned.
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            fetch_max_bytes=self._settings.fetch_bytes,
            max_partition_fetch_bytes=self._settings.fetch_bytes,
            **connection_options(self._settings),
        )
        try:
            async with asyncio.timeout(self._settings.start_seconds):
                await self._client.start()
        except (KafkaError, OSError, TimeoutError) as error:
            await self.__aexit__()
            raise await diagnose(self._settings, error, "connect") from error
        return self._client

    async def __aexit__(self, *_: object) -> None:
        with suppress(Exception):  # whatever a dying client has to say
            async with asyncio.timeout(self._settings.ack_seconds):
                await self._client.stop()
        await put_down(self._client)


async def _partitions(settings: Settings, topics: Iterable[str]) -> list[ClientPartition]:
    """Give every partition of those topics that exist. A bare consumer knows none before it is assigned."""
    async with Admin(settings) as admin:
        counts = await partition_counts(admin, [settings.prefix + topic for topic in dict.fromkeys(topics)])
    return [ClientPartition(topic, number) for topic, count in counts.items() for number in range(count)]


def _assign(client: AIOKafkaConsumer, parts: Sequence[ClientPartition]) -> None:
    """Assign without delivering anything yet, in one go: a partition without an offset is an error."""
    client.assign(parts)
    client.pause(*parts)
    for at in parts:
        client.seek(at, 0)


async def end_offsets(settings: Settings, topics: Iterable[str]) -> dict[TopicPartition, tuple[int, int]]:
    """Read the first offset held and the next to be written, by partition, of the topics that exist."""
    async with _Reader(settings) as client:
        try:
            wanted = await _partitions(settings, topics)
            if not wanted:
                return {}
            _assign(client, wanted)
            first, after = await client.beginning_offsets(wanted), await client.end_offsets(wanted)
        except (KafkaError, OSError, TimeoutError) as error:
            raise await diagnose(settings, error, "read the bounds of the topics", "Describe") from error
    return {_ours(at, settings.prefix): (first[at], after[at]) for at in wanted}


async def group_offsets(settings: Settings, group: str) -> dict[TopicPartition, int]:
    """Read the committed next offsets of a group."""
    try:
        async with asyncio.timeout(settings.ack_seconds), Admin(settings) as admin:
            found = await insist(lambda: admin.list_consumer_group_offsets(settings.prefix + group))
    except (KafkaError, OSError, TimeoutError) as error:
        raise await diagnose(settings, error, f"read the offsets of the group {group}", "Describe") from error
    return {_ours(at, settings.prefix): mark.offset for at, mark in found.items() if mark.offset >= 0}


async def offsets_at(settings: Settings, topic: str, timestamp_ms: int) -> dict[int, int]:
    """Give, by partition, the first offset written at `timestamp_ms` or later; the end if there is none."""
    async with _Reader(settings) as client:
        try:
            parts = await _partitions(settings, [topic])
            if not parts:
                return {}
            _assign(client, parts)
            found = await client.offsets_for_times(dict.fromkeys(parts, timestamp_ms))
            ends = await client.end_offsets(parts)
        except (KafkaError, OSError, TimeoutError) as error:
            raise await diagnose(settings, error, f"look up offsets of {topic}", "Describe") from error
    return {at.partition: mark.offset if (mark := found.get(at)) else ends[at] for at in parts}


async def scan(
    settings: Settings, topic: str, start: Mapping[int, int] | None = None
) -> AsyncGenerator[Record, None]:
    """Read a topic from its beginning (or `start`, by partition) to what is its end now.

    In order within a partition; partitions are interleaved. Raises OffsetLostError, and UnavailableError also
    when nothing comes for some time: a client whose broker has gone keeps asking, without a word.
    """
    patience, loop = settings.ack_seconds * _SILENCES, asyncio.get_running_loop()
    async with _Reader(settings) as client:
        try:
            parts = await _partitions(settings, [topic])
            if not parts:
                return
            _assign(client, parts)
            first, after = await client.beginning_offsets(parts), await client.end_offsets(parts)
            begin = {at: max(first[at], (start or {}).get(at.partition, 0)) for at in parts}
            left = {at for at in parts if begin[at] < after[at]}
            for at in left:
                client.seek(at, begin[at])
                client.resume(at)
            moved = loop.time()
            while left:
                async with asyncio.timeout(patience):
                    batches = await client.getmany(timeout_ms=1000, max_records=5000)
                if not batches and loop.time() - moved > patience:
                    raise TimeoutError(f"nothing has come for {patience:.0f} s")
                for at, batch in batches.items():
                    for raw in batch:
                        if raw.offset < after[at]:
                            yield record_of(raw, settings.prefix)
                    if batch[-1].offset + 1 >= after[at]:
                        left.discard(at)
                        client.pause(at)
                if batches:
                    moved = loop.time()  # after the reader has done with them, however long that took
                left = {at for at in left if await client.position(at) < after[at]}
        except OffsetOutOfRangeError as error:
            at, offset = next(iter(error.args[0].items()))
            raise OffsetLostError(*_ours(at, settings.prefix), offset) from error
        except (KafkaError, OSError, TimeoutError) as error:
            raise await diagnose(settings, error, f"read {topic}") from error


class Tail:
    """Follows topics without a group, from their end (or their beginning) on. One task polls.

    Used by whoever only watches: nothing is committed, a second reader starts over.
    """

    def __init__(self, settings: Settings, topics: Sequence[str], *, from_start: bool = False) -> None:
        self._settings = settings
        self._topics = tuple(topics)
        self._prefix = settings.prefix
        self._from_start = from_start
        self._reader = _Reader(settings)
        self._client: Any = None

    async def __aenter__(self) -> Self:
        self._client = await self._reader.__aenter__()
        try:
            parts = await _partitions(self._settings, self._topics)
            absent = sorted(set(self._topics) - {_ours(at, self._prefix).topic for at in parts})
            if absent:
                raise FatalError(f"topics do not exist: {', '.join(absent)}", "parley up")
            _assign(self._client, parts)
            look_up = self._client.beginning_offsets if self._from_start else self._client.end_offsets
            for at, offset in (await look_up(parts)).items():
                self._client.seek(at, offset)
            self._client.resume(*parts)
        except BaseException as error:
            await self._reader.__aexit__()
            if isinstance(error, (KafkaError, OSError, TimeoutError)):
                raise await diagnose(self._settings, error, "follow the topics") from error
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._reader.__aexit__(kind, error, trace)

    async def _heal(self) -> None:
        """Go on with another client, from where this one was, if it has lost a part of itself.

        If that fails on the way, the other client is put down and this one stays, to be healed another time.
        """
        old = self._client
        if ended(old) is None:
            return
        reader = _Reader(self._settings)
        client = await reader.__aenter__()
        try:
            parts = list(old.assignment())
            _assign(client, parts)
            for at in parts:
                client.seek(at, await old.position(at))
            client.resume(*(at for at in parts if at not in old.paused()))
        except BaseException as error:
            await reader.__aexit__()
            if isinstance(error, (KafkaError, OSError, TimeoutError)):
                raise await diagnose(self._settings, error, "follow the topics") from error
            raise
        broken, self._reader, self._client = self._reader, reader, client
        await broken.__aexit__()

    def _theirs(self, at: TopicPartition) -> ClientPartition:
        return ClientPartition(self._prefix + at.topic, at.partition)

    def assignment(self) -> frozenset[TopicPartition]:
        """The partitions that are followed."""
        return frozenset(_ours(at, self._prefix) for at in self._client.assignment())

    def seek(self, at: TopicPartition, offset: int) -> None:
        """Go on from `offset`."""
        self._client.seek(self._theirs(at), offset)

    def pause(self, partitions: Collection[TopicPartition]) -> None:
        """Deliver nothing of them until resumed."""
        self._client.pause(*(self._theirs(at) for at in partitions))

    def resume(self, partitions: Collection[TopicPartition]) -> None:
        """Deliver them again."""
        self._client.resume(*(self._theirs(at) for at in partitions))

    async def ends(self) -> dict[TopicPartition, int]:
        """Ask the broker for the next offset to be written, by partition; or UnavailableError."""
        await self._heal()
        try:
            async with asyncio.timeout(self._settings.ack_seconds):
                found = await self._client.end_offsets(list(self._client.assignment()))
        except (KafkaError, OSError, TimeoutError) as error:
            raise await diagnose(self._settings, error, "follow the topics") from error
        return {_ours(at, self._prefix): offset for at, offset in found.items()}

    async def poll(self, timeout: float = 1.0, max_records: int = 2000) -> list[Record]:
        """Give new records, in order within a partition; [] after `timeout` seconds, or UnavailableError."""
        await self._heal()
        try:
            batches = await self._client.getmany(timeout_ms=round(timeout * 1000), max_records=max_records)
        except (KafkaError, OSError) as error:
            raise await diagnose(self._settings, error, "follow the topics") from error
        return [record_of(raw, self._prefix) for batch in batches.values() for raw in batch]
