"""Topics: creating and checking them. Nothing is ever changed or deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

from shared.runtime.kafka.connection import connection_options, explain, probe
from shared.runtime.ports import FatalError
from shared.runtime.settings import Settings

__all__ = ["Admin", "create_topics", "partition_counts", "topic_findings"]

_EXISTS: Final = 36  # TOPIC_ALREADY_EXISTS
_FOR_GOOD: Final = "-1"


class Admin:
    """Kafka's admin client, for the length of an `async with`."""

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
    wanted = list(dict.fromkeys(settings.prefix + topic for topic in topics))
    await probe(settings)
    try:
        async with asyncio.timeout(settings.start_seconds), Admin(settings) as admin:
            counts = await partition_counts(admin, wanted)
            _refuse_other_counts(settings, counts)  # before anything is made beside them
            missing = [topic for topic in wanted if topic not in counts]
            if missing:
                await _create(admin, settings, missing)
                _refuse_other_counts(settings, await _settled(admin, wanted))
    except (KafkaError, OSError, TimeoutError) as error:
        raise explain(error, "create the topics") from error
    return [topic.removeprefix(settings.prefix) for topic in missing]


def _refuse_other_counts(settings: Settings, counts: Mapping[str, int]) -> None:
    for topic, count in counts.items():
        if count != settings.partitions:
            raise FatalError(
                f"topic {topic} has {count} partitions, PARLEY_PARTITIONS says {settings.partitions}. "
                "The count is fixed when the topics are created: one writer per case depends on it. Set "
                "PARLEY_PARTITIONS to the topics' count, or use topics of your own"
            )


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
                f"topic {topic} cannot be created: {for_code(code).__name__} {(rest or [''])[0] or ''}"
            )


async def partition_counts(admin: AIOKafkaAdminClient, topics: Sequence[str]) -> dict[str, int]:
    """Give the partition count of every topic that exists, by its full name."""
    # Only those that exist are described: a broker may create by itself whatever it is asked about.
    existing = set(await admin.list_topics()).intersection(topics)
    found = await admin.describe_topics(sorted(existing)) if existing else []
    return {entry["topic"]: len(entry["partitions"]) for entry in found if entry["partitions"]}


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
    wanted = list(dict.fromkeys(settings.prefix + topic for topic in topics))
    await probe(settings)
    findings: list[str] = []
    try:
        async with asyncio.timeout(settings.start_seconds), Admin(settings) as admin:
            counts = await partition_counts(admin, wanted)
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
