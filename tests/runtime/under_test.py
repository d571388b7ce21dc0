"""What the conformance suite runs on: topics, groups and connections of one test, on whatever server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiokafka import TopicPartition as ClientPartition
from aiokafka.admin import RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from shared.runtime.kafka import KafkaLog
from shared.runtime.kafka.refusals import probe
from shared.runtime.kafka.topics import Admin, create_topics, described
from shared.runtime.memory import MemoryLog
from shared.runtime.memory_store import MemoryStore
from shared.runtime.mongo import MongoStore
from shared.runtime.ports import Log, Store, TopicPartition
from shared.runtime.settings import Settings
from tests.runtime.support import PARTITIONS, fresh

Again = Callable[[], Awaitable[None]]
"""Kills the server and starts it again."""


class MemoryCluster:
    """The log in memory: one object for all processes, gone with it."""

    partitions = PARTITIONS
    max_bytes = 100_000

    def __init__(self) -> None:
        self._log = MemoryLog(self.partitions, max_bytes=self.max_bytes)
        self._count = 0

    async def topics(self, count: int) -> list[str]:
        return [f"topic{n}" for n in range(count)]

    async def log(self) -> Log:
        return self._log  # type: ignore[return-value]

    def group(self) -> str:
        self._count += 1
        return f"group{self._count}"

    async def trim(self, topic: str, partition: int, before: int) -> None:
        self._log.trim(TopicPartition(topic, partition), before)


class KafkaCluster:
    """A Kafka, with names of the test's own."""

    partitions = PARTITIONS
    max_bytes = 100_000

    def __init__(self, settings: Settings, again: Again | None = None) -> None:
        changes = {"message_bytes": self.max_bytes, "prefix": fresh("c."), "partitions": PARTITIONS}
        self._settings = settings.model_copy(update=changes)
        self._again = again
        self._logs: list[KafkaLog] = []
        self._count = 0

    async def topics(self, count: int) -> list[str]:
        names = [f"topic{self._count + n}" for n in range(count)]
        self._count += count
        # A dead-letter topic beside each, for what may be twice as large.
        await create_topics(self._settings, [*names, *(f"{name}.dead-letter" for name in names)])
        return names

    async def log(self) -> Log:
        self._logs.append(KafkaLog(self._settings))
        return self._logs[-1]

    def group(self) -> str:
        return fresh("group")

    async def trim(self, topic: str, partition: int, before: int) -> None:
        at = ClientPartition(self._settings.prefix + topic, partition)
        async with Admin(self._settings) as admin:
            await admin.delete_records({at: RecordsToDelete(before)})

    async def stranger(self) -> None:
        await probe(self._settings.model_copy(update={"kafka_security_protocol": "PLAINTEXT"}))

    async def safety(self, topic: str) -> tuple[int, int]:
        name = self._settings.prefix + topic
        async with Admin(self._settings) as admin:
            found, _ = await described(admin, [name])
            (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
        configs = {entry[0]: entry[1] for entry in answer.resources[0][4]}
        return min(found[name].copies), int(configs["min.insync.replicas"])

    async def kill_and_start(self) -> None:
        assert self._again is not None
        await self._again()

    async def aclose(self) -> None:
        await asyncio.gather(*(log.close() for log in self._logs))


class MemoryDatabase:
    """The store in memory: one object for all processes, gone with it."""

    def __init__(self) -> None:
        self._store = MemoryStore()

    async def store(self) -> Store:
        return self._store


class MongoDatabase:
    """A server of MongoDB's protocol, with a database of the test's own."""

    def __init__(self, settings: Settings, again: Again | None = None) -> None:
        self._settings, self._again = settings, again
        self._stores: list[MongoStore] = []

    async def store(self) -> Store:
        store = MongoStore(self._settings)
        self._stores.append(store)
        await store.start()
        await store.create_indexes("offer", workload=True)
        return store

    async def kill_and_start(self) -> None:
        assert self._again is not None
        await self._again()

    async def aclose(self) -> None:
        for store in self._stores:
            await store.close()
