"""The in-memory log and store keep every contract of the ports."""

from __future__ import annotations

import pytest

from shared.runtime.memory import MemoryLog
from shared.runtime.ports import NotOwnerError, TopicPartition
from tests.runtime.implementations import LOGS, STORES, Chosen, choose, parameters
from tests.runtime.log_contract import LogContract, Notes
from tests.runtime.store_contract import StoreContract


class TestMemoryLog(LogContract):
    @pytest.fixture(params=parameters(LOGS, real=False))
    def implementation(self, request: pytest.FixtureRequest) -> Chosen:
        return choose(request)


class TestMemoryStore(StoreContract):
    @pytest.fixture(params=parameters(STORES, real=False))
    def implementation(self, request: pytest.FixtureRequest) -> Chosen:
        return choose(request)


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
