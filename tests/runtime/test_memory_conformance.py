"""The in-memory log and store keep every contract of the ports."""

from __future__ import annotations

import pytest

from shared.runtime.memory import MemoryLog
from shared.runtime.memory_store import MemoryStore
from shared.runtime.ports import Log, NotOwnerError, Store, TopicPartition
from tests.runtime.conformance import LogContract, Notes, StoreContract


class MemoryCluster:
    partitions = 4
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


class TestMemoryLog(LogContract):
    @pytest.fixture
    def cluster(self) -> MemoryCluster:
        return MemoryCluster()


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore()


async def test_a_member_that_was_thrown_out_cannot_commit_and_joins_again() -> None:
    log = MemoryLog(2)
    consumer, notes = log.consumer("g", "a"), Notes()
    await consumer.start(["t"], notes)
    consumer.evict()
    with pytest.raises(NotOwnerError):
        await consumer.commit({TopicPartition("t", 0): 0})
    await consumer.poll(1, 0.01)
    await log.group("g").settled()
    assert consumer.assignment() == {TopicPartition("t", 0), TopicPartition("t", 1)}
    await consumer.commit({TopicPartition("t", 0): 0})
    await consumer.stop()
