"""kill -9 at precise points of the runtime, on real servers: each time another replica carries on, nothing is
lost and nothing is done twice.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from deploy.demo.live import KafkaPlatform
from deploy.embedded.platform import Addresses
from services.cli.catalogue import load_all
from services.console.audit import audit
from shared.runtime.admin import prepare
from shared.runtime.settings import Settings
from tests.fault.dying import POINTS
from tests.fault.house import Replica
from tests.fault.living import Besieged, differences, outcomes, undisturbed, world
from tests.runtime.support import fresh, settings_of

pytestmark = pytest.mark.kafka

PARTITIONS = 2
_GIVING_UP = "in a rebalance, giving up"


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


@asynccontextmanager
async def one_after_the_other(
    points: Sequence[tuple[str, int]], folder: Path, settings: Settings
) -> AsyncIterator[list[str]]:
    """Keep one replica running: each dies at its point, the last lives. Gives the points reached."""
    started: list[Replica] = []
    reached: list[str] = []

    def begin(replica: Replica) -> Replica:
        started.append(replica)
        replica.start()
        return replica

    async def keep() -> None:
        for point, times in points:
            dying = begin(Dying(point, times, folder, settings))
            if point == _GIVING_UP:  # asked for only when somebody else comes
                begin(Replica("all", folder, settings))
            code = await dying.died()
            assert code == -signal.SIGKILL, f"{point}: exit code {code}: {dying.log.read_text()}"
            reached.append(point)
        begin(Replica("all", folder, settings))

    keeper = asyncio.create_task(keep())
    try:
        yield reached
        if keeper.done():
            await keeper
        await asyncio.gather(*(replica.stop() for replica in started if replica.running))
    finally:
        keeper.cancel()
        with suppress(asyncio.CancelledError):
            await keeper
        for replica in started:
            replica.abandon()


async def lived_through(
    points: Sequence[tuple[str, int]],
    settings: Settings,
    folder: Path,
    *,
    customers: int,
    days: int,
    seed: int,
) -> None:
    async with one_after_the_other(points, folder, settings) as reached:
        async with KafkaPlatform(settings, load_all()) as inner:
            await world(Besieged(inner, {}), customers=customers, days=days, seed=seed).live()
        assert reached == [point for point, _ in points], "the life was too short for the rest"
    found = await audit(settings, load_all())
    assert [text for check in found.checks for text in check.findings] == []
    assert all(check.looked_at for check in found.checks)
    live = await outcomes(settings)
    assert live
    calm = await undisturbed(customers=customers, days=days, seed=seed, partitions=PARTITIONS)
    assert differences(live, calm) == []


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
    seldom = {_GIVING_UP: 1, "in a rebalance, taking over": 1, "in a bulk write": min(times, 2)}
    points = [(point, seldom.get(point, times)) for point in POINTS]
    await lived_through(points, settings, tmp_path, customers=15, days=24, seed=40 + times)
