"""A consumer group seen from outside: how it stands, and its committed offsets while it has no members."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as ClientPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    CommitFailedError,
    IllegalGenerationError,
    KafkaError,
    UnknownMemberIdError,
    for_code,
)

from shared.runtime.kafka.alive import put_down
from shared.runtime.kafka.connection import connection_options
from shared.runtime.kafka.refusals import diagnose, probe
from shared.runtime.kafka.topics import Admin, insist
from shared.runtime.ports import FatalError, TopicPartition
from shared.runtime.settings import Settings

__all__ = ["Group", "group_members", "group_standing", "groups_with_members", "set_group_offsets"]

_STEADY: Final = frozenset({"Stable", "Empty", "Dead"})
_JOINED: Final = (CommitFailedError, IllegalGenerationError, UnknownMemberIdError)


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


async def group_members(settings: Settings, group: str) -> int:
    """Count the members of a group now. Raises as `group_standing`."""
    return (await group_standing(settings, group)).members


async def groups_with_members(settings: Settings, groups: Iterable[str]) -> dict[str, int]:
    """Give the groups that have members, with how many. Raises as `group_standing`."""
    counts = {group: await group_members(settings, group) for group in groups}
    return {group: count for group, count in counts.items() if count}


async def set_group_offsets(settings: Settings, group: str, offsets: Mapping[TopicPartition, int]) -> None:
    """Commit next offsets for a group, forwards or backwards, without joining it.

    Kafka itself refuses that while the group has a member: FatalError. Raises UnavailableError otherwise.
    """
    if not offsets:
        return
    await probe(settings)
    client = AIOKafkaConsumer(
        client_id="parley-offsets",
        group_id=settings.prefix + group,
        enable_auto_commit=False,
        auto_offset_reset="none",
        **connection_options(settings),
    )
    wanted = {ClientPartition(settings.prefix + at.topic, at.partition): n for at, n in offsets.items()}
    try:
        async with asyncio.timeout(settings.start_seconds):
            await client.start()
            client.assign(list(wanted))
            client.pause(*wanted)
            await client.commit(wanted)
    except _JOINED as error:
        raise FatalError(f"the group {group} has members: stop every replica first") from error
    except (KafkaError, OSError, TimeoutError) as error:
        raise await diagnose(settings, error, f"set the offsets of the group {group}", "Read") from error
    finally:
        with suppress(Exception):  # whatever a dying client has to say
            async with asyncio.timeout(settings.ack_seconds):
                await client.stop()
        await put_down(client)
