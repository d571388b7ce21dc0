"""Setting a group's committed offsets from outside, while it has no members."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as ClientPartition
from aiokafka.errors import CommitFailedError, IllegalGenerationError, KafkaError, UnknownMemberIdError

from shared.runtime.kafka.alive import put_down
from shared.runtime.kafka.connection import connection_options
from shared.runtime.kafka.refusals import diagnose, probe
from shared.runtime.ports import FatalError, TopicPartition
from shared.runtime.settings import Settings

__all__ = ["set_group_offsets"]

_JOINED = (CommitFailedError, IllegalGenerationError, UnknownMemberIdError)


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
