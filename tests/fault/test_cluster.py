"""A cluster of three loses a node in the middle of things: nothing that it acknowledged, and no order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from shared.runtime.kafka import KafkaLog
from shared.runtime.kafka.reader import scan
from shared.runtime.kafka.topics import create_topics
from shared.runtime.ports import Outgoing, UnavailableError
from shared.runtime.settings import Settings
from tests.fault.cluster import Cluster

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

TOPIC = "t"
BATCH = 20
PATIENCE = 180.0


class Producer:
    """Publishes numbers in batches, each batch again until it is acknowledged, as the engine does."""

    def __init__(self, settings: Settings) -> None:
        self._log = KafkaLog(settings)
        self.acknowledged = 0
        self.refused = 0
        self._stop = asyncio.Event()

    async def batch(self) -> None:
        """Publish the next batch once: raises UnavailableError."""
        numbers = range(self.acknowledged, self.acknowledged + BATCH)
        await self._log.publisher().publish([_record(number) for number in numbers])
        self.acknowledged += BATCH

    async def run(self) -> None:
        while not self._stop.is_set():
            try:
                await self.batch()
            except UnavailableError:
                self.refused += 1
                await asyncio.sleep(0.2)

    async def reaches(self, number: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while self.acknowledged < number:  # noqa: ASYNC110 - another task counts
                await asyncio.sleep(0.02)

    async def stop(self) -> None:
        self._stop.set()

    async def close(self) -> None:
        await self._log.close()


def _record(number: int) -> Outgoing:
    return Outgoing(TOPIC, b"k", str(number).encode(), (("content-type", b"application/json"),), 0)


@asynccontextmanager
async def producing(settings: Settings) -> Any:
    """A producer that runs meanwhile; in the end everything acknowledged is there, in order."""
    producer = Producer(settings)
    running = asyncio.create_task(producer.run())
    try:
        yield producer
    finally:
        await producer.stop()
        await asyncio.wait_for(running, PATIENCE)
        await producer.close()
    await assert_complete(settings, producer.acknowledged)


async def assert_complete(settings: Settings, acknowledged: int) -> None:
    """Each acknowledged number is there, and its first appearance comes after its predecessor's."""
    first: list[int] = []
    seen: set[int] = set()
    async for record in scan(settings, TOPIC):
        number = int(record.value or b"")
        if number not in seen:
            first.append(number)
            seen.add(number)
    assert acknowledged
    assert first[:acknowledged] == list(range(acknowledged))


async def until(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            while not await condition():  # noqa: ASYNC110 - the condition is another process's
                await asyncio.sleep(0.1)
    except TimeoutError:
        pytest.fail(f"waited in vain for {what}")


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "secure"])
async def test_the_leader_is_killed_while_producing(tmp_path: Path, secure: bool) -> None:
    async with Cluster(tmp_path / "kafka", secure=secure) as cluster:
        user = "admin" if secure else "parley"
        settings = cluster.settings(user, partitions=1, ack_seconds=10)
        await create_topics(settings, [TOPIC])
        assert (await cluster.topic(TOPIC)).copies == (3,)
        async with producing(settings) as producer:
            for _ in range(2):
                await producer.reaches(producer.acknowledged + 10 * BATCH)
                leader = await cluster.leader(TOPIC, 0)
                cluster.kill(leader)
                await producer.reaches(producer.acknowledged + 10 * BATCH)
                assert await cluster.leader(TOPIC, 0) not in {leader, -1}
                await cluster.restart(leader)

                async def whole() -> bool:
                    return (await cluster.topic(TOPIC)).in_sync == (3,)

                await until(whole, "the copy to catch up")


async def test_the_leader_says_nothing_any_more(tmp_path: Path) -> None:
    async with Cluster(tmp_path / "kafka") as cluster:
        settings = cluster.settings(partitions=1, ack_seconds=4)
        await create_topics(settings, [TOPIC])
        async with producing(settings) as producer:
            await producer.reaches(10 * BATCH)
            leader = await cluster.leader(TOPIC, 0)
            cluster.freeze(leader)
            await producer.reaches(producer.acknowledged + 10 * BATCH)
            cluster.thaw(leader)
            await producer.reaches(producer.acknowledged + 10 * BATCH)


async def test_too_few_copies_in_sync_is_an_outage_that_loses_nothing(tmp_path: Path) -> None:
    async with Cluster(tmp_path / "kafka") as cluster:
        # All three must have it, so that one node away is one too few while a majority still decides.
        settings = cluster.settings(partitions=1, in_sync=3, ack_seconds=3)
        await create_topics(settings, [TOPIC])
        producer = Producer(settings)
        try:
            await producer.batch()
            leader = await cluster.leader(TOPIC, 0)
            follower = next(number for number in (1, 2, 3) if number != leader)
            cluster.kill(follower)

            async def two_in_sync() -> bool:
                return (await cluster.topic(TOPIC)).in_sync == (2,)

            await until(two_in_sync, "the cluster to notice")
            for _ in range(2):
                with pytest.raises(UnavailableError):
                    await producer.batch()
            assert producer.acknowledged == BATCH
            await cluster.restart(follower)

            async def accepted() -> bool:
                try:
                    await producer.batch()
                except UnavailableError:
                    return False
                return True

            await until(accepted, "the same batch to be accepted")
        finally:
            await producer.close()
        await assert_complete(settings, 2 * BATCH)


async def test_a_node_that_is_cut_off_is_an_outage_until_it_is_mended(tmp_path: Path) -> None:
    async with Cluster(tmp_path / "kafka", gates=True) as cluster:
        settings = cluster.settings(partitions=1, ack_seconds=3)
        await create_topics(settings, [TOPIC])
        producer = Producer(settings)
        try:
            await producer.batch()
            leader = await cluster.leader(TOPIC, 0)
            cluster.cut(leader, "CLIENTS")
            with pytest.raises(UnavailableError):
                await producer.batch()
            assert await cluster.leader(TOPIC, 0) == leader  # to the other nodes it lives
            cluster.mend(leader)
            await producer.batch()
        finally:
            await producer.close()
        await assert_complete(settings, 2 * BATCH)
