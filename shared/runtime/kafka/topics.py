"""Topics: creating and checking them, their offsets, reading them whole, following them without a group."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka import TopicPartition as ClientPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, OffsetOutOfRangeError, for_code

from shared.runtime.kafka.connection import connection_options, explain, probe
from shared.runtime.ports import FatalError, OffsetLostError, Record, TopicPartition
from shared.runtime.settings import Settings

__all__ = ["Tail", "create_topics", "end_offsets", "group_offsets", "record_of", "scan", "topic_findings"]

_EXISTS: Final = 36  # TOPIC_ALREADY_EXISTS
_UNKNOWN: Final = 3  # UNKNOWN_TOPIC_OR_PARTITION
_FOR_GOOD: Final = "-1"


def record_of(raw: ConsumerRecord) -> Record:
    """Give the client's record as ours."""
    return Record(raw.topic, raw.partition, raw.offset, raw.key, raw.value, tuple(raw.headers), raw.timestamp)


class _Admin:
    def __init__(self, settings: Settings) -> None:
        self._client = AIOKafkaAdminClient(client_id="parley-admin", **connection_options(settings))

    async def __aenter__(self) -> AIOKafkaAdminClient:
        await self._client.start()
        return self._client

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()


def _limit(settings: Settings, topic: str) -> int:
    """Dead letters carry the input with the reason around it: they allow twice as much."""
    return settings.message_bytes * (2 if topic.endswith(".dead-letter") else 1)


async def create_topics(settings: Settings, topics: Iterable[str]) -> list[str]:
    """Create the topics that are missing, and give their names; nothing is ever changed.

    Raises FatalError where one exists with another partition count, UnavailableError while Kafka is away.
    """
    wanted = list(dict.fromkeys(topics))
    await probe(settings)
    try:
        async with asyncio.timeout(settings.start_seconds), _Admin(settings) as admin:
            counts = await _partition_counts(admin, wanted)
            missing = [topic for topic in wanted if topic not in counts]
            if missing:
                await _create(admin, settings, missing)
                counts = await _settled(admin, wanted)
    except (KafkaError, OSError, TimeoutError) as error:
        raise explain(error, "create the topics") from error
    for topic, count in counts.items():
        if count != settings.partitions:
            raise FatalError(
                f"topic {topic} has {count} partitions, PARLEY_PARTITIONS says {settings.partitions}. "
                "The count is fixed when the topics are created: one writer per case depends on it. Set "
                "PARLEY_PARTITIONS to the topics' count, or use topics of your own"
            )
    return missing


async def _create(admin: AIOKafkaAdminClient, settings: Settings, topics: Sequence[str]) -> None:
    answer = await admin.create_topics(
        [
            NewTopic(
                name=topic,
                num_partitions=settings.partitions,
                replication_factor=settings.replication,
                topic_configs={
                    "cleanup.policy": "delete",
                    "retention.ms": _FOR_GOOD,
                    "retention.bytes": _FOR_GOOD,
                    "max.message.bytes": str(_limit(settings, topic)),
                },
            )
            for topic in topics
        ]
    )
    for topic, code, *rest in answer.topic_errors:
        if code not in {0, _EXISTS}:  # another process may have been quicker
            raise FatalError(
                f"topic {topic} cannot be created: {for_code(code).__name__} {rest[0] if rest else ''}"
            )


async def _partition_counts(admin: AIOKafkaAdminClient, topics: Sequence[str]) -> dict[str, int]:
    found = await admin.describe_topics(list(topics))
    return {
        entry["topic"]: len(entry["partitions"])
        for entry in found
        if entry["error_code"] != _UNKNOWN and entry["partitions"]
    }


async def _settled(admin: AIOKafkaAdminClient, topics: Sequence[str]) -> dict[str, int]:
    """Wait until the brokers know all of them, with a leader everywhere."""
    while True:
        found = await admin.describe_topics(list(topics))
        counts = {entry["topic"]: len(entry["partitions"]) for entry in found if not entry["error_code"]}
        led = all(part["leader"] >= 0 for entry in found for part in entry["partitions"])
        if led and len(counts) == len(topics) and all(counts.values()):
            return counts
        await asyncio.sleep(0.05)


async def topic_findings(settings: Settings, topics: Iterable[str]) -> list[str]:
    """Say what is wrong with the topics, in sentences; [] if nothing. For `parley doctor`."""
    wanted = list(dict.fromkeys(topics))
    await probe(settings)
    findings: list[str] = []
    try:
        async with asyncio.timeout(settings.start_seconds), _Admin(settings) as admin:
            counts = await _partition_counts(admin, wanted)
            present = [topic for topic in wanted if topic in counts]
            resources = [ConfigResource(ConfigResourceType.TOPIC, topic) for topic in present]
            answers = await admin.describe_configs(resources) if resources else []
    except (KafkaError, OSError, TimeoutError) as error:
        raise explain(error, "describe the topics") from error
    for topic in wanted:
        if topic not in counts:
            findings.append(f"topic {topic} does not exist")
        elif counts[topic] != settings.partitions:
            findings.append(f"topic {topic} has {counts[topic]} partitions instead of {settings.partitions}")
    for answer in answers:
        for _code, _text, _type, topic, entries in answer.resources:
            configs = {entry[0]: entry[1] for entry in entries}
            if configs.get("retention.ms") != _FOR_GOOD or configs.get("retention.bytes") != _FOR_GOOD:
                findings.append(f"topic {topic} forgets: set retention.ms=-1 and retention.bytes=-1")
            if "compact" in (configs.get("cleanup.policy") or ""):
                findings.append(f"topic {topic} is compacted: set cleanup.policy=delete")
            if int(configs.get("max.message.bytes") or 0) < _limit(settings, topic):
                findings.append(f"topic {topic}: max.message.bytes is below {_limit(settings, topic)}")
    return findings


class _Reader:
    """A bare consumer without a group, assigned by hand: it can neither join nor disturb anything."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client = AIOKafkaConsumer(
            client_id="parley-reader",
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            fetch_max_bytes=settings.fetch_bytes,
            max_partition_fetch_bytes=settings.fetch_bytes,
            **connection_options(settings),
        )

    async def __aenter__(self) -> AIOKafkaConsumer:
        await probe(self._settings)
        try:
            async with asyncio.timeout(self._settings.start_seconds):
                await self._client.start()
        except (KafkaError, OSError, TimeoutError) as error:
            await self._client.stop()
            raise explain(error, "connect") from error
        return self._client

    async def __aexit__(self, *_: object) -> None:
        with suppress(KafkaError, OSError):
            await self._client.stop()


async def _partitions(settings: Settings, topics: Iterable[str]) -> list[ClientPartition]:
    """Give every partition of those topics that exist. A bare consumer knows none before it is assigned."""
    async with _Admin(settings) as admin:
        counts = await _partition_counts(admin, list(dict.fromkeys(topics)))
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
            raise explain(error, "read the bounds of the topics") from error
    return {TopicPartition(*at): (first[at], after[at]) for at in wanted}


async def group_offsets(settings: Settings, group: str) -> dict[TopicPartition, int]:
    """Read the committed next offsets of a group."""
    try:
        async with asyncio.timeout(settings.ack_seconds), _Admin(settings) as admin:
            found = await admin.list_consumer_group_offsets(group)
    except (KafkaError, OSError, TimeoutError) as error:
        raise explain(error, f"read the offsets of the group {group}") from error
    return {
        TopicPartition(at.topic, at.partition): mark.offset for at, mark in found.items() if mark.offset >= 0
    }


async def scan(
    settings: Settings, topic: str, start: Mapping[int, int] | None = None
) -> AsyncIterator[Record]:
    """Read a topic from its beginning (or `start`, by partition) to what is its end now.

    In order within a partition; partitions are interleaved. Raises UnavailableError, OffsetLostError.
    """
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
            while left:
                async with asyncio.timeout(settings.ack_seconds * 4):
                    batches = await client.getmany(timeout_ms=1000, max_records=5000)
                for at, batch in batches.items():
                    for raw in batch:
                        if raw.offset < after[at]:
                            yield record_of(raw)
                    if batch[-1].offset + 1 >= after[at]:
                        left.discard(at)
                        client.pause(at)
                left = {at for at in left if await client.position(at) < after[at]}
        except OffsetOutOfRangeError as error:
            at, offset = next(iter(error.args[0].items()))
            raise OffsetLostError(at.topic, at.partition, offset) from error
        except (KafkaError, OSError, TimeoutError) as error:
            raise explain(error, f"read {topic}") from error


class Tail:
    """Follows topics without a group, from their end (or their beginning) on. One task polls.

    Used by whoever only watches: nothing is committed, a second reader starts over.
    """

    def __init__(self, settings: Settings, topics: Sequence[str], *, from_start: bool = False) -> None:
        self._settings = settings
        self._topics = tuple(topics)
        self._from_start = from_start
        self._reader = _Reader(settings)
        self._client: Any = None

    async def __aenter__(self) -> Self:
        self._client = await self._reader.__aenter__()
        try:
            parts = await _partitions(self._settings, self._topics)
            if {at.topic for at in parts} != set(self._topics):
                absent = sorted(set(self._topics) - {at.topic for at in parts})
                raise FatalError(f"topics do not exist: {', '.join(absent)}", "parley up")
            _assign(self._client, parts)
            look_up = self._client.beginning_offsets if self._from_start else self._client.end_offsets
            for at, offset in (await look_up(parts)).items():
                self._client.seek(at, offset)
            self._client.resume(*parts)
        except BaseException as error:
            await self._reader.__aexit__()
            if isinstance(error, (KafkaError, OSError, TimeoutError)):
                raise explain(error, "follow the topics") from error
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._reader.__aexit__(kind, error, trace)

    def assignment(self) -> frozenset[TopicPartition]:
        """The partitions that are followed."""
        return frozenset(TopicPartition(*at) for at in self._client.assignment())

    def seek(self, at: TopicPartition, offset: int) -> None:
        """Go on from `offset`."""
        self._client.seek(ClientPartition(*at), offset)

    def pause(self, partitions: Collection[TopicPartition]) -> None:
        """Deliver nothing of them until resumed."""
        self._client.pause(*(ClientPartition(*at) for at in partitions))

    def resume(self, partitions: Collection[TopicPartition]) -> None:
        """Deliver them again."""
        self._client.resume(*(ClientPartition(*at) for at in partitions))

    async def poll(self, timeout: float = 1.0, max_records: int = 2000) -> list[Record]:
        """Give new records, in order within a partition; [] after `timeout` seconds, or UnavailableError."""
        try:
            batches = await self._client.getmany(timeout_ms=round(timeout * 1000), max_records=max_records)
        except (KafkaError, OSError) as error:
            raise explain(error, "follow the topics") from error
        return [record_of(raw) for batch in batches.values() for raw in batch]
