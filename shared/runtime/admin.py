"""What has to be there before services run, and what commands read when nothing runs."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from shared.runtime.kafka.groups import groups_with_members
from shared.runtime.kafka.reader import Tail, end_offsets, group_offsets, scan
from shared.runtime.kafka.refusals import Operation, probe
from shared.runtime.kafka.rights import Right, grant
from shared.runtime.kafka.topics import create_topics, topic_findings
from shared.runtime.migration_store import MigrationStore
from shared.runtime.mongo import MongoStore, read_documents
from shared.runtime.outbound.courier import DEAD_LETTERS, GROUP
from shared.runtime.ports import TopicPartition, UnavailableError
from shared.runtime.service import EXTERNAL, Service, topic_of
from shared.runtime.settings import Settings
from shared.runtime.traces import TraceSpan, read_trace

__all__ = [
    "Prepared",
    "Right",
    "Tail",
    "TraceSpan",
    "check_servers",
    "courier_rights",
    "create_topics",
    "end_offsets",
    "grant",
    "group_offsets",
    "may_start",
    "prepare",
    "probe",
    "read_documents",
    "read_trace",
    "rights_of",
    "rights_of_bank",
    "scan",
    "topics_of",
    "wait_for_servers",
    "wait_until_read",
]

T = TypeVar("T")
_LOOK_AGAIN_SECONDS = 0.25
_LOG = logging.getLogger("parley.admin")


def topics_of(services: Iterable[Service]) -> list[str]:
    """Give every topic that the services read or write, their dead letters included, each once."""
    listed = list(services)
    read = [topic for service in listed for topic in service.topics]
    own = [service.topic for service in listed if service.emits]
    dead = [service.dead_letter_topic for service in listed]
    outside = [topic_of(producer) for producer in sorted(EXTERNAL)]
    return list(dict.fromkeys((*outside, *read, *own, *dead)))


def rights_of(services: Iterable[Service]) -> list[Right]:
    """Give what the platform's own principal needs: not writing what the bank says."""
    listed = list(services)
    written = [service.topic for service in listed if service.emits]
    written += [service.dead_letter_topic for service in listed]
    written += [topic_of(producer) for producer in sorted(EXTERNAL - {"bank"})]
    seen: tuple[Operation, ...] = ("Create", "DescribeConfigs", "Read")
    rights = [Right("topic", topic, operation) for topic in topics_of(listed) for operation in seen]
    rights += [Right("topic", topic, "Write") for topic in written]
    return rights + [Right("group", service.group, "Read") for service in listed]


def courier_rights() -> list[Right]:
    """Give what sending messages needs beside: its own group, and its own dead letters."""
    seen: tuple[Operation, ...] = ("Create", "DescribeConfigs", "Read", "Write")
    return [Right("group", GROUP, "Read"), *(Right("topic", DEAD_LETTERS, operation) for operation in seen)]


def rights_of_bank() -> list[Right]:
    """Give what the bank's principal needs: to say what happened, and nothing else."""
    return [Right("topic", topic_of("bank"), "Write")]


async def _retrying(settings: Settings, what: str, call: Callable[[], Awaitable[T]]) -> T:
    """Do it, waiting for the server up to PARLEY_START_SECONDS; a FatalError is raised at once."""
    until = time.monotonic() + settings.start_seconds
    wait = settings.backoff_first_seconds
    while True:
        try:
            return await call()
        except UnavailableError as error:
            if time.monotonic() + wait > until:
                raise
            _LOG.info("waiting for %s: %s", what, error)
        # Jitter: replicas that were started together do not knock together.
        await asyncio.sleep(wait * (0.5 + random.random() / 2))  # noqa: S311
        wait = min(wait * 2, settings.backoff_most_seconds)


async def wait_for_servers(settings: Settings) -> None:
    """Wait until Kafka and the database answer and accept the login.

    Raises UnavailableError after PARLEY_START_SECONDS, FatalError at once for a refused login.
    """
    store = MongoStore(settings)
    try:
        await asyncio.gather(
            _retrying(settings, "Kafka", lambda: probe(settings)),
            _retrying(settings, "the database", store.start),
        )
    finally:
        await store.close()


@dataclass(frozen=True, slots=True)
class Prepared:
    """What `prepare` found and what it made: topics and indexes by name, and whether each is new."""

    topics: Mapping[str, bool]
    indexes: Mapping[str, bool]


async def prepare(settings: Settings, services: Sequence[Service]) -> Prepared:
    """Wait for the servers, then create the missing topics and indexes. Repeating it changes nothing.

    Raises UnavailableError, or FatalError for what waiting cannot mend (another partition count, a migration
    that has not ended): then nothing was created.
    """
    await wait_for_servers(settings)
    wanted = topics_of(services)
    indexes: dict[str, bool] = {}
    store = MigrationStore(settings)
    try:
        await _retrying(settings, "the database", store.start)
        await _retrying(settings, "the database", store.refuse_half_done)
        names = [service.name for service in services]
        await _retrying(settings, "the database", lambda: store.refuse_too_late(names))
        created = await _retrying(settings, "Kafka", lambda: create_topics(settings, wanted))
        if created:
            _LOG.info("topics created: %s", ", ".join(created))
        for service in services:
            make = partial(
                store.create_indexes,
                service.name,
                closes=bool(service.waits_for) and settings.wake_index,
                workload=service.counts_work,
            )
            indexes |= await _retrying(settings, "the database", make)
        indexes |= await _retrying(settings, "the database", store.create_telemetry_indexes)
    finally:
        await store.close()
    return Prepared({topic: topic in created for topic in wanted}, indexes)


async def may_start(settings: Settings, services: Sequence[Service]) -> None:
    """Ask each service whether a replica may work at all, waiting for the servers as `prepare` does.

    Raises FatalError where it may not, UnavailableError.
    """
    for service in services:
        if service.starts is not None:
            await _retrying(settings, "the database", partial(service.starts, settings))


async def wait_until_read(
    settings: Settings, services: Sequence[Service], seconds: float
) -> Mapping[TopicPartition, tuple[int, int]]:
    """Wait until services that run have saved that they read what is in their topics now; give those bounds.

    What was passed over is saved only after a moment of silence. Nobody is waited for who does not run, and
    nobody for longer than `seconds`. Raises UnavailableError.
    """
    ends = await end_offsets(settings, topics_of(services))
    until = time.monotonic() + seconds
    store = MongoStore(settings)
    await store.start()
    try:
        while time.monotonic() < until:
            late = [one.group for one in services if await _is_late(store, one, ends)]
            if not late or not await groups_with_members(settings, late):
                break
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
    finally:
        await store.close()
    return ends


async def _is_late(
    store: MongoStore, service: Service, ends: Mapping[TopicPartition, tuple[int, int]]
) -> bool:
    """Whether the saved positions of a service stand before the ends."""
    saved = {(row["topic"], one["_id"]): row["next"]
             for one in await store.positions(service.name) for row in one.get("inputs", ())}  # fmt: skip
    return any(
        saved.get((at.topic, at.partition), first) < end
        for at, (first, end) in ends.items()
        if at.topic in service.topics
    )


async def check_servers(settings: Settings, services: Sequence[Service]) -> list[str]:
    """Say what is wrong with the servers, in sentences; [] if nothing. Raises as `wait_for_servers` does."""
    await wait_for_servers(settings)
    return await topic_findings(settings, topics_of(services))
