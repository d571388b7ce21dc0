"""Three brokers and a database for a nemesis: one broker at a time is killed, restarted, paused or cut off.

    async with Clustered(tmp_path / "data") as servers, Nemesis(servers, faults, replicas=2) as nemesis:
        ...

Killed is the leader of a partition (kill -9): another one that has everything takes over, and it is started
again some seconds later. Paused (SIGSTOP past the brokers' session) it is dead to the others, and wakes up
believing that it still leads. Cut off, a relay in front of it hangs up on clients and on the other brokers,
which models a port that a firewall has shut: the quorum still hears it, so nobody takes its place and what it
leads stands still until it is mended. Each time the next fault comes only when all three have everything
again, so that two of three always do. The database is left alone: one broker's life sees to that.
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from deploy.embedded.platform import EmbeddedServers
from shared.runtime.ports import UnavailableError
from shared.runtime.settings import Settings
from tests.fault.cluster import Cluster
from tests.fault.house import PARTITIONS, WAIT_SECONDS
from tests.fault.plan import BROKERS, LED, Fault, Kind

__all__ = ["Clustered"]


class Clustered:
    """A cluster and a database in a folder, swept on leaving. Only from the main thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._cluster = Cluster(folder / "kafka", nodes=BROKERS, gates=True)
        self._database = EmbeddedServers(folder / "database", kafka=False)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._database)
            await stack.enter_async_context(self._cluster)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    @property
    def addresses(self) -> dict[str, str]:
        """KAFKA_BOOTSTRAP (the relays in front of all brokers) and MONGODB_URI."""
        return {
            "KAFKA_BOOTSTRAP": self._cluster.bootstrap,
            "MONGODB_URI": self._database.addresses.mongodb_uri,
        }

    def settings(self, **overrides: Any) -> Settings:
        """Settings of a program on these servers."""
        where = self.addresses
        given: dict[str, Any] = {
            "kafka_bootstrap": where["KAFKA_BOOTSTRAP"],
            "mongodb_uri": where["MONGODB_URI"],
            "partitions": PARTITIONS,
            "log_level": "ERROR",
            **overrides,
        }
        return Settings.load(**given)

    async def suffer(self, fault: Fault) -> None:
        """Carry a fault out on one broker; return when all three have everything again."""
        assert fault.broker is not None
        cluster, number = self._cluster, fault.broker
        match fault.kind:
            case Kind.KILL_LEADER:
                number = await self._leader(fault.broker - 1)
                cluster.kill(number)
                await asyncio.sleep(fault.lasting)
                await cluster.restart(number)
            case Kind.RESTART_NODE:
                os.kill(cluster.pid(number), signal.SIGTERM)  # it hands over what it leads, and ends
                await self._ended(number)
                await cluster.restart(number)
            case Kind.PAUSE_NODE:
                cluster.freeze(number)
                await asyncio.sleep(fault.lasting)
                cluster.thaw(number)
            case Kind.CUT_OFF:
                cluster.cut(number)
                await asyncio.sleep(fault.lasting)
                cluster.mend(number)
            case _:
                raise AssertionError(fault)
        await self._whole()

    async def _leader(self, partition: int) -> int:
        async with asyncio.timeout(WAIT_SECONDS):
            while (number := await self._cluster.leader(LED, partition)) < 1:  # noqa: ASYNC110 - others elect it
                await asyncio.sleep(0.1)
        return number

    async def _ended(self, number: int) -> None:
        async with asyncio.timeout(WAIT_SECONDS):
            while self._cluster.node(number).exit_code() is None:  # noqa: ASYNC110 - another process ends
                await asyncio.sleep(0.1)

    async def _whole(self) -> None:
        """Wait until every copy of the topic is in sync again."""
        async with asyncio.timeout(WAIT_SECONDS):
            while not await self._in_sync():  # noqa: ASYNC110 - other processes copy
                await asyncio.sleep(0.2)

    async def _in_sync(self) -> bool:
        try:
            return set((await self._cluster.topic(LED)).in_sync) == {BROKERS}
        except UnavailableError:
            return False
