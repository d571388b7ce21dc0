"""Two versions of a service side by side: the newer one reads the older one's documents, never the other way.

An upgrade one replica by one (deploy/README.md): the older replicas go on beside the newer one with the cases
that are theirs. As soon as one of them is given a case that the newer one has written, it ends and says why,
and overwrites nothing. Nothing is lost on the way, and nothing done twice.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from deploy.demo.live import KafkaPlatform
from deploy.embedded.platform import Addresses
from services.cli.catalogue import load, load_all
from services.cli.platform import HOPELESS
from shared.runtime.admin import prepare, read_documents
from shared.runtime.kafka.groups import group_standing
from shared.runtime.migrate import unready
from shared.runtime.migration_store import MigrationStore
from shared.runtime.service import group_of
from shared.runtime.settings import Settings
from tests.fault.house import WAIT_SECONDS, Replica, until
from tests.fault.living import Besieged, came_to_the_same, day, world
from tests.fault.newer import NEWER, Newer, next_version
from tests.runtime.support import fresh, settings_of

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

PARTITIONS = 2
UPGRADED = "offer"
CUSTOMERS, DAYS, SEED = 10, 12, 3
JOINS, DIES = 3, 6  # the days on which a newer replica comes, and is killed


async def schemas(settings: Settings) -> Counter[int]:
    """How many documents of the service there are of each of its schema versions."""
    return Counter([one["schema"][1] async for one in read_documents(settings, f"{UPGRADED}.cases")])


async def ready(settings: Settings, *, newer: bool) -> list[str]:
    """What `parley migrate ready` says, asked with the newer version or with the older one."""
    store = MigrationStore(settings)
    await store.start()
    try:
        services = next_version([load(UPGRADED)], UPGRADED if newer else "")
        return await unready(settings, store, services, most_behind=1000)
    finally:
        await store.close()


async def members(settings: Settings) -> int:
    """How many replicas share the service's partitions; 0 while these are being shared out."""
    group = await group_standing(settings, group_of(UPGRADED))
    return group.members if group.steady else 0


async def test_an_older_replica_leaves_what_a_newer_one_has_written(
    servers: Addresses, tmp_path: Path
) -> None:
    settings = settings_of(servers, prefix=fresh("u."), partitions=PARTITIONS)
    await prepare(settings, load_all())
    own = load(UPGRADED).schema_version
    older = Replica("all", tmp_path, settings)
    newer = [Newer("all", tmp_path, settings, **{NEWER: UPGRADED}) for _ in range(2)]
    told: list[str] = []
    seen: list[Counter[int]] = []
    going_on: list[asyncio.Task[None]] = []

    async def join() -> None:
        newer[0].start()
        async with asyncio.timeout(WAIT_SECONDS):
            while await members(settings) < 2:  # noqa: ASYNC110 - other processes join
                await asyncio.sleep(0.2)

    async def die() -> None:
        told[:] = await ready(settings, newer=False)
        seen.append(await schemas(settings))
        await newer[0].kill()
        going_on.append(asyncio.create_task(go_on_with_the_newer_version()))

    async def go_on_with_the_newer_version() -> None:
        """What the operator does when the older replica has ended."""
        await until(lambda: older.has_ended, "the older replica to meet what it cannot read")
        for replica in newer:
            replica.start()

    troubles = {day(JOINS): [(0.0, join)], day(DIES): [(0.0, die)]}
    older.start()
    try:
        async with KafkaPlatform(settings, load_all()) as inner:
            lives = world(Besieged(inner, troubles), customers=CUSTOMERS, days=DAYS, seed=SEED)
            await lives.live()
        await asyncio.gather(*going_on)
        assert await older.died("that met a newer document") == HOPELESS
        assert (
            f"{UPGRADED}: a newer version of the service has written its documents" in older.log.read_text()
        )
        assert any("a newer version has written its documents" in reason for reason in told)
        assert set(seen[0]) == {own, own + 1}, "both versions worked side by side"
        assert not any("a newer version" in reason for reason in await ready(settings, newer=True))
        # Before they go: who is left for a moment takes over, and says markers that nobody reads any more.
        await came_to_the_same(settings, customers=CUSTOMERS, days=DAYS, seed=SEED, partitions=PARTITIONS)
        await asyncio.gather(*(replica.stop() for replica in newer))
    finally:
        for task in going_on:
            task.cancel()
        await asyncio.gather(*going_on, return_exceptions=True)
        for replica in (older, *newer):
            replica.abandon()
