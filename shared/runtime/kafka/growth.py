"""More partitions for topics."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from aiokafka.admin import NewPartitions
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError

from shared.runtime.kafka.refusals import diagnose, probe
from shared.runtime.kafka.topics import Admin, described, insist, partition_counts
from shared.runtime.ports import FatalError
from shared.runtime.settings import Settings

__all__ = ["grow_topics", "topic_counts"]


async def topic_counts(settings: Settings, topics: Iterable[str]) -> dict[str, int]:
    """Give the partition count of those topics that exist. Raises UnavailableError, FatalError."""
    await probe(settings)
    try:
        async with asyncio.timeout(settings.start_seconds), Admin(settings) as admin:
            counts = await partition_counts(admin, [settings.prefix + topic for topic in topics])
    except (KafkaError, OSError, TimeoutError) as error:
        raise await diagnose(settings, error, "see the topics", "Describe") from error
    return {name.removeprefix(settings.prefix): count for name, count in counts.items()}


async def grow_topics(
    settings: Settings, topics: Iterable[str], count: int, *, only_ask: bool = False
) -> list[str]:
    """Give every topic `count` partitions, and wait until each has a leader; give the names of the grown.

    Those that have them already stay, so that it may be repeated. With `only_ask` nothing is changed: Kafka
    says whether it would be. Raises UnavailableError, FatalError.
    """
    wanted = [settings.prefix + topic for topic in dict.fromkeys(topics)]
    await probe(settings)
    try:
        async with asyncio.timeout(settings.start_seconds), Admin(settings) as admin:
            found, _ = await described(admin, wanted)
            short = [topic for topic in wanted if topic in found and found[topic].partitions < count]
            if short:
                more = {topic: NewPartitions(count) for topic in short}
                try:
                    await insist(lambda: admin.create_partitions(more, validate_only=only_ask))
                except TopicAuthorizationFailedError as error:  # the client's names one, in a sentence
                    raise TopicAuthorizationFailedError(short) from error
            while not only_ask:
                found, _ = await described(admin, wanted)
                if all(one.partitions == count and min(one.leaders) >= 0 for one in found.values()):
                    return [topic.removeprefix(settings.prefix) for topic in short]
                if any(one.partitions > count for one in found.values()):
                    raise FatalError(f"a topic has more than {count} partitions", "parley doctor")
                await asyncio.sleep(0.05)
            return [topic.removeprefix(settings.prefix) for topic in short]
    except (KafkaError, OSError, TimeoutError) as error:
        raise await diagnose(settings, error, "add partitions to the topics", "Alter") from error
