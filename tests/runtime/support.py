"""What the tests on real servers share: settings of their own, and a listener that notes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Any
from uuid import uuid4

from deploy.embedded.platform import Addresses
from shared.runtime.kafka import KafkaConsumer
from shared.runtime.ports import Outgoing, Record, TopicPartition
from shared.runtime.settings import Settings

PARTITIONS = 4
JSON = (("content-type", b"application/json"),)


def settings_of(servers: Addresses, **overrides: Any) -> Settings:
    """Settings on the test servers, with a database of their own."""
    given: dict[str, Any] = {
        "kafka_bootstrap": servers.kafka_bootstrap,
        "mongodb_uri": servers.mongodb_uri,
        "database": f"t{uuid4().hex[:12]}",
        "partitions": PARTITIONS,
        "log_level": "ERROR",
        **overrides,
    }
    return Settings.load(**given)


def fresh(name: str) -> str:
    """A name nobody else uses."""
    return f"{name}{uuid4().hex[:8]}"


def out(topic: str, key: str, value: bytes = b"{}", partition: int | None = None) -> Outgoing:
    """A record of JSON."""
    return Outgoing(topic, key.encode(), value, JSON, partition)


class Notes:
    """A listener that notes what it is told; `drain` runs while partitions are given up."""

    def __init__(self, drain: Callable[[], Awaitable[None]] | None = None) -> None:
        self.revoked: list[frozenset[TopicPartition]] = []
        self.assigned: list[frozenset[TopicPartition]] = []
        self.changed = asyncio.Event()
        self._drain = drain

    async def on_revoked(self, partitions: Collection[TopicPartition]) -> None:
        self.revoked.append(frozenset(partitions))
        if self._drain is not None:
            await self._drain()

    def on_assigned(self, partitions: Collection[TopicPartition]) -> None:
        self.assigned.append(frozenset(partitions))
        self.changed.set()


async def read(consumer: KafkaConsumer, count: int, *, at_once: int = 500) -> list[Record]:
    """Poll until `count` records are there; fails after half a minute."""
    found: list[Record] = []
    async with asyncio.timeout(30):
        while len(found) < count:
            found += await consumer.poll(at_once, 0.5)
    return found


async def begin(consumer: KafkaConsumer, offset: int = 0) -> None:
    """Start every assigned partition from `offset`."""
    for at in consumer.assignment():
        consumer.seek(at, offset)
    consumer.resume(consumer.assignment())
