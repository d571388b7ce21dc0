"""Replicas of a service share its partitions; one is killed in mid-load, others come: nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from deploy.demo.live import KafkaPlatform
from deploy.embedded.platform import Addresses
from services.cli.catalogue import load_all
from shared.contracts.registry import SERVICES
from shared.runtime.admin import prepare
from shared.runtime.settings import Settings
from tests.fault.house import Replica
from tests.fault.living import Besieged, came_to_the_same, day, world
from tests.runtime.support import fresh, settings_of

pytestmark = pytest.mark.kafka

PARTITIONS = 4

Start = Callable[[str], Replica]


@pytest.fixture
async def settings(servers: Addresses) -> Settings:
    own = settings_of(servers, prefix=fresh("r."), partitions=PARTITIONS)
    await prepare(own, load_all())
    return own


@pytest.fixture
async def start(settings: Settings, tmp_path: Path) -> AsyncIterator[Start]:
    """Start `parley run …`; whatever still runs at the end must end in good order."""
    started: list[Replica] = []

    def one(service: str) -> Replica:
        replica = Replica(service, tmp_path, settings)
        replica.start()
        started.append(replica)
        return replica

    try:
        yield one
        await asyncio.gather(*(replica.stop() for replica in started if replica.running))
    finally:
        for replica in started:
            replica.abandon()


@pytest.mark.slow
async def test_two_whole_platforms_one_is_killed_and_another_comes(settings: Settings, start: Start) -> None:
    first, _second = start("all"), start("all")
    blows = {
        day(5): [(0.1, first.kill)],
        day(7): [(0.0, lambda: _started(start, "all"))],
    }
    async with KafkaPlatform(settings, load_all()) as inner:
        await world(Besieged(inner, blows), customers=10, days=10, seed=3).live()
    await came_to_the_same(settings, customers=10, days=10, seed=3, partitions=PARTITIONS)


@pytest.mark.slow
async def test_a_day_that_is_lived_while_alert_is_still_at_the_one_before(
    settings: Settings, start: Start
) -> None:
    start("all")
    second = start("alert")
    blows = {day(6): [(0.1, second.kill)]}
    async with KafkaPlatform(settings, load_all(), ahead=True) as inner:
        await world(Besieged(inner, blows), customers=12, days=14, seed=5).live()
    await came_to_the_same(settings, customers=12, days=14, seed=5, partitions=PARTITIONS)


async def _started(start: Start, *services: str) -> None:
    for service in services:
        start(service)


@pytest.mark.slow
async def test_two_then_four_replicas_of_one_service_among_single_others(
    settings: Settings, start: Start
) -> None:
    for service in (*SERVICES, "archive"):
        start(service)
    second = start("offer")
    third: list[Replica] = []

    async def two_more() -> None:
        third[:] = [start("offer"), start("offer")]

    async def lose_one() -> None:
        await third[0].kill()

    async def let_one_go() -> None:
        await third[1].stop()

    blows = {
        day(5): [(0.2, second.kill)],
        day(8): [(0.0, lambda: _started(start, "offer"))],
        day(11): [(0.1, two_more)],
        day(15): [(0.3, lose_one)],
        day(18): [(0.2, let_one_go)],
        day(21): [(0.1, lambda: _started(start, "offer", "agreement", "intake"))],
    }
    async with KafkaPlatform(settings, load_all()) as inner:
        await world(Besieged(inner, blows), customers=20, days=25, seed=4).live()
    await came_to_the_same(settings, customers=20, days=25, seed=4, partitions=PARTITIONS)


@pytest.mark.slow
async def test_more_replicas_than_partitions_and_whole_platforms_that_come_and_go(
    settings: Settings, start: Start
) -> None:
    first, second = start("all"), start("all")
    start("offer")

    async def third_and_fourth() -> None:
        start("all")
        start("all")

    blows = {
        day(3): [(0.1, third_and_fourth)],
        day(7): [(0.2, first.kill)],
        day(8): [(0.2, second.stop)],
        day(11): [(0.0, lambda: _started(start, "all", "offer", "offer"))],
    }
    async with KafkaPlatform(settings, load_all()) as inner:
        await world(Besieged(inner, blows), customers=15, days=16, seed=8).live()
    await came_to_the_same(settings, customers=15, days=16, seed=8, partitions=PARTITIONS)
