"""kill -9 at precise points of the runtime, on real servers: each time another replica carries on, nothing is
lost and nothing is done twice.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import date
from pathlib import Path

import pytest

from deploy.demo.live import KafkaPlatform
from deploy.embedded.platform import Addresses
from services.cli.catalogue import load_all
from shared.runtime.admin import prepare
from shared.runtime.settings import Settings
from tests.fault.dying import POINTS
from tests.fault.house import Replica
from tests.fault.living import Besieged, came_to_the_same, world
from tests.runtime.support import fresh, settings_of

pytestmark = pytest.mark.kafka

PARTITIONS = 2
GIVING_UP, TAKING_OVER = "in a rebalance, giving up", "in a rebalance, taking over"
REBALANCES = {GIVING_UP, TAKING_OVER}


@pytest.fixture
async def settings(servers: Addresses) -> Settings:
    own = settings_of(servers, prefix=fresh("k."), partitions=PARTITIONS)
    await prepare(own, load_all())
    return own


class Dying(Replica):
    """Runs all services until it comes to a point for the `times`-th time."""

    def __init__(self, point: str, times: int, folder: Path, settings: Settings) -> None:
        self._at = (point, str(times))
        super().__init__("all", folder, settings)

    def command(self, service: str) -> list[str]:
        """A program of the tests, not the product's."""
        assert service == "all"
        return [sys.executable, "-m", "tests.fault.dying", *self._at]


class Keeper:
    """Keeps one replica running: each dies at its point, the last lives."""

    def __init__(self, points: Sequence[tuple[str, int]], folder: Path, settings: Settings) -> None:
        self._points, self._folder, self._settings = points, folder, settings
        self._started: list[Replica] = []
        self._calm = asyncio.Event()
        self.reached: list[str] = []

    async def calm(self) -> None:
        """Return when no rebalance is waited for: a day may be over before a second replica has joined."""
        await self._calm.wait()

    @asynccontextmanager
    async def keeping(self) -> AsyncIterator[None]:
        """Begin; at the end, whatever runs must end in good order."""
        keeper = asyncio.create_task(self._keep())
        try:
            yield
            if keeper.done():
                await keeper
            await asyncio.gather(*(replica.stop() for replica in self._started if replica.running))
        finally:
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper
            for replica in self._started:
                replica.abandon()

    async def _keep(self) -> None:
        try:
            for point, times in self._points:
                if point not in REBALANCES:
                    self._calm.set()
                else:
                    self._calm.clear()
                dying = self._begin(Dying(point, times, self._folder, self._settings))
                if point == GIVING_UP:
                    await self._disturb(dying)
                code = await dying.died(point)
                assert code == -signal.SIGKILL, f"{point}: exit code {code}: {dying.log.read_text()}"
                self.reached.append(point)
            self._begin(Replica("all", self._folder, self._settings))
        finally:
            self._calm.set()

    async def _disturb(self, dying: Dying) -> None:
        """Let others come and go: who came into the group together with them gives nothing up yet."""
        while dying.running:
            other = self._begin(Replica("all", self._folder, self._settings))
            for _ in range(10):
                await asyncio.sleep(1.0)
                if not dying.running:
                    return
            await other.stop()

    def _begin(self, replica: Replica) -> Replica:
        self._started.append(replica)
        replica.start()
        return replica


class Patient(Besieged):
    """Closes no day while a rebalance is waited for; what the day brought is under way meanwhile."""

    def __init__(self, inner: KafkaPlatform, keeper: Keeper) -> None:
        super().__init__(inner, {})
        self._keeper = keeper

    async def close_day(self, day: date) -> None:
        """Wait, then close."""
        await self._keeper.calm()
        await super().close_day(day)


async def lived_through(
    points: Sequence[tuple[str, int]],
    settings: Settings,
    folder: Path,
    *,
    customers: int,
    days: int,
    seed: int,
) -> None:
    keeper = Keeper(points, folder, settings)
    async with keeper.keeping():
        async with KafkaPlatform(settings, load_all()) as inner:
            await world(Patient(inner, keeper), customers=customers, days=days, seed=seed).live()
        assert keeper.reached == [point for point, _ in points], "the life was too short for the rest"
        # Before they go: who is left for a moment takes over, and says markers that nobody reads any more.
        await came_to_the_same(settings, customers=customers, days=days, seed=seed, partitions=PARTITIONS)


@pytest.mark.slow
async def test_killed_where_it_hurts_most(settings: Settings, tmp_path: Path) -> None:
    points = [
        ("between write and publish", 3),
        ("in a day's close, before the marker", 4),
        ("between publish and positions", 2),
    ]
    await lived_through(points, settings, tmp_path, customers=8, days=8, seed=5)


@pytest.mark.slow
@pytest.mark.parametrize("times", [1, 2, 5])
async def test_killed_at_every_point(times: int, settings: Settings, tmp_path: Path) -> None:
    # The rarer points come once or twice in a short life.
    seldom = {GIVING_UP: 1, TAKING_OVER: 1, "in a bulk write": min(times, 2)}
    points = [(point, seldom.get(point, times)) for point in POINTS]
    await lived_through(points, settings, tmp_path, customers=15, days=24, seed=40 + times)
