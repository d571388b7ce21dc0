"""Kafka and the database keep every contract of the ports, as the in-memory ones do."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from deploy.embedded.platform import Addresses
from shared.runtime.kafka import KafkaLog
from shared.runtime.kafka.topics import create_topics
from shared.runtime.mongo import MongoStore
from shared.runtime.ports import Log, Store
from tests.runtime.conformance import LogContract, StoreContract
from tests.runtime.support import PARTITIONS, fresh, settings_of


class KafkaCluster:
    """Topics, groups and connections of one test."""

    partitions = PARTITIONS
    max_bytes = 100_000

    def __init__(self, servers: Addresses) -> None:
        self._settings = settings_of(servers, message_bytes=self.max_bytes, prefix=fresh("c."))
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

    async def close(self) -> None:
        for log in self._logs:
            await log.close()


@pytest.mark.kafka
class TestKafkaLog(LogContract):
    @pytest_asyncio.fixture
    async def cluster(self, servers: Addresses) -> AsyncIterator[KafkaCluster]:
        cluster = KafkaCluster(servers)
        yield cluster
        await cluster.close()


@pytest.mark.kafka
class TestMongoStore(StoreContract):
    @pytest_asyncio.fixture
    async def store(self, servers: Addresses) -> AsyncIterator[Store]:
        store = MongoStore(settings_of(servers))
        await store.start()
        await store.create_indexes("offer", workload=True)
        yield store
        await store.close()
