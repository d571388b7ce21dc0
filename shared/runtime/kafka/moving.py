"""What migrations ask of Kafka: how a group stands, to set its offsets, and more partitions for topics."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as ClientPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError, for_code

from shared.runtime.kafka.alive import put_down
from shared.runtime.kafka.connection import connection_options
from shared.runtime.kafka.refusals import diagnose, probe
from shared.runtime.kafka.topics import Admin, described, insist
from shared.runtime.ports import FatalError, TopicPartition
from shared.runtime.settings import Settings

__all__ = ["Group", "group_standing", "grow_topics", "set_group_offsets", "topic_counts"]

_STEADY: Final = frozenset({"Stable", "Empty", "Dead"})


@dataclass(frozen=True, slots=True)
class Group:
    """A consumer group as its coordinator sees it; a killed member counts until its session times out."""

    state: str
    members: int

    @property
    def steady(self) -> bool:
        """Whether its partitions are not being shared out anew."""
        return self.state in _STEADY


async def group_standing(settings: Settings, group: str) -> Group:
    """Ask how a group stands now. Raises UnavailableError, FatalError."""
    await probe(settings)
    try:
        async with asyncio.timeout(settings.ack_seconds), Admin(settings) as admin:
            return await insist(lambda: _standing(admin, settings.prefix + group))
    except (KafkaError, OSError, TimeoutError) as error:
        raise await diagnose(settings, error, f"describe the group {group}", "Describe") from error


async def _standing(admin: AIOKafkaAdminClient, group: str) -> Group:
    (answer,) = await admin.describe_consumer_groups([group])
    ((code, _group, state, _type, _protocol, members, *_),) = answer.groups
    if code:
        raise for_code(code)
    return Group(state, len(members))


async def set_group_offsets(settings: Settings, group: str, offsets: Mapping[TopicPartition, int]) -> None:
    """Set the committed offsets of a group that has no members; Kafka refuses it for one that has.

    Raises UnavailableError, FatalError.
    """
    await probe(settings)
    client = AIOKafkaConsumer(
        client_id="parley-migrate",
        group_id=settings.prefix + group,
        enable_auto_commit=False,
        auto_offset_reset="none",
        **connection_options(settings),
    )
    theirs = {ClientPartition(settings.prefix + at.topic, at.partition): to for at, to in offsets.items()}
    try:
        async with asyncio.timeout(settings.start_seconds):
            await client.start()
            client.assign(list(theirs))  # by hand: it does not join the group
            await client.commit(theirs)
    except (KafkaError, OSError, TimeoutError) as error:
        raise await diagnose(settings, error, f"set the offsets of the group {group}", "Read") from error
    finally:
        with suppress(Exception):  # whatever a dying client has to say
            async with asyncio.timeout(settings.ack_seconds):
                await client.stop()
        await put_down(client)


async def topic_counts(settings: Settings, topics: Iterable[str]) -> dict[str, int]:
    """Give the partition count of those topics that exist. Raises UnavailableError, FatalError."""
    await probe(settings)
    try:
        async with asyncio.timeout(settings.start_seconds), Admin(settings) as admin:
            found, _ = await described(admin, [settings.prefix + topic for topic in topics])
    except (KafkaError, OSError, TimeoutError) as error:
        raise await diagnose(settings, error, "see the topics", "Describe") from error
    return {name.removeprefix(settings.prefix): topic.partitions for name, topic in found.items()}


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
