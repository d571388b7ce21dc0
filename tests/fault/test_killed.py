"""kill -9 of any process and of all of them, Ctrl-C in mid-load: a second `parley up` carries on.

The demo's days are lived on a real platform while it is being killed; then everything must add up, every
case must have come to what it comes to where nothing can fail, and no process may be left.
"""

from __future__ import annotations

import random
import signal
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from deploy.demo.live import KafkaPlatform
from services.cli.catalogue import load_all
from tests.fault.checker import examine
from tests.fault.evidence import gather
from tests.fault.house import House, wrong
from tests.fault.living import Besieged, Trouble, day, differences, outcomes, undisturbed, world

pytestmark = pytest.mark.kafka

LATEST = 0.8  # seconds after a day's messages were published until the blow falls


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    built = House(tmp_path / "data")
    yield built
    built.abandon()


class Blows:
    """What can happen to a platform. After what ends it whole, it is started again."""

    def __init__(self, house: House, *options: str) -> None:
        self._house, self._options = house, options

    async def services(self) -> None:
        await self._house.kill("services")

    async def kafka(self) -> None:
        await self._house.kill("kafka")

    async def database(self) -> None:
        await self._house.kill("database")

    async def servers(self) -> None:
        await self._house.kill("kafka", "database")

    async def one_service(self) -> None:
        await self._house.kill("offer")

    async def two_services(self) -> None:
        await self._house.kill("intake", "followup")

    async def everything(self) -> None:
        await self._again(self._house.kill_everything)

    async def launcher(self) -> None:
        await self._again(self._house.kill_launcher)

    async def interrupt(self) -> None:
        await self._again(lambda: self._stopped(signal.SIGINT))

    async def terminate(self) -> None:
        await self._again(lambda: self._stopped(signal.SIGTERM))

    async def _stopped(self, number: signal.Signals) -> None:
        assert await self._house.stop(number) == 0, self._house.said()

    async def _again(self, end: Callable[[], Awaitable[None]]) -> None:
        await end()
        assert self._house.processes() == []
        await self._house.start(*self._options)


def siege(blows: list[Trouble], *, seed: int, days: int) -> dict[date, list[tuple[float, Trouble]]]:
    """Spread blows over the days, at seeded moments."""
    draw = random.Random(seed)
    when: dict[date, list[tuple[float, Trouble]]] = defaultdict(list)
    for number, blow in zip(sorted(draw.sample(range(1, days), len(blows))), blows, strict=True):
        when[day(number)].append((draw.uniform(0, LATEST), blow))
    return when


async def lived_through(
    house: House, blows: list[Trouble], *options: str, seed: int, customers: int, days: int
) -> None:
    """Live the days under `blows`, and check what came of them."""
    await house.start(*options)
    async with KafkaPlatform(house.settings(), load_all()) as inner:
        platform = Besieged(inner, siege(blows, seed=seed, days=days))
        await world(platform, customers=customers, days=days, seed=seed).live()
    live = await outcomes(house.settings())
    evidence = await gather(house.addresses["KAFKA_BOOTSTRAP"], house.addresses["MONGODB_URI"])
    assert [str(finding) for finding in examine(evidence)] == []
    assert await house.stop() == 0, house.said()
    assert house.processes() == []
    assert live
    assert differences(live, await undisturbed(customers=customers, days=days, seed=seed)) == []
    assert wrong(await house.check()) == []
    assert house.processes() == []


@pytest.mark.slow
async def test_everything_is_killed_in_turn_and_nothing_is_lost(house: House) -> None:
    blow = Blows(house)
    blows: list[Trouble] = [blow.services, blow.database, blow.kafka, blow.interrupt, blow.everything]
    await lived_through(house, blows, seed=1, customers=12, days=16)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3, 4, 7])
async def test_killed_again_and_again(house: House, seed: int) -> None:
    blow = Blows(house)
    every: list[Trouble] = [
        blow.services, blow.database, blow.kafka, blow.servers, blow.everything, blow.launcher,
        blow.interrupt, blow.terminate,
    ]  # fmt: skip
    draw = random.Random(seed)
    blows = [*every, *draw.choices(every, k=8)]
    draw.shuffle(blows)
    await lived_through(house, blows, seed=seed, customers=15, days=40)


@pytest.mark.slow
async def test_one_process_for_each_service_is_killed(house: House) -> None:
    blow = Blows(house, "--processes")
    blows: list[Trouble] = [
        blow.one_service, blow.two_services, blow.kafka, blow.one_service, blow.database, blow.everything,
        blow.two_services, blow.interrupt,
    ]  # fmt: skip
    await lived_through(house, blows, "--processes", seed=6, customers=15, days=30)
