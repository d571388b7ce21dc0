"""Migrations between days that are lived: more partitions, a read model rebuilt, a topic replayed.

What was decided before and after must be what an undisturbed run decides, and nothing may be said twice.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.demo.live import KafkaPlatform
from deploy.embedded.platform import Addresses
from services.cli.catalogue import load, load_all
from services.console.audit import audit
from shared.contracts.cloudevents import decode
from shared.contracts.registry import SERVICES
from shared.contracts.runtime import ServiceDayClosed
from shared.runtime import growing
from shared.runtime.admin import prepare, read_documents, scan
from shared.runtime.growing import grow
from shared.runtime.migrate import RefusedError, rebuild, replay, unready
from shared.runtime.migration_store import MigrationStore
from shared.runtime.ports import FatalError
from shared.runtime.service import topic_of
from shared.runtime.settings import Settings
from tests.fault.house import Replica
from tests.fault.living import day, differences, outcomes, said, world
from tests.journey.sequential import SequentialPlatform
from tests.runtime.support import fresh, settings_of

pytestmark = pytest.mark.kafka

BEFORE, AFTER, CUSTOMERS, DAYS, SEED = 2, 4, 8, 9, 3
GROWN_AFTER = day(5)


@pytest.fixture
async def settings(servers: Addresses) -> Settings:
    own = settings_of(servers, prefix=fresh("m."), partitions=BEFORE)
    await prepare(own, load_all())
    return own


@pytest.fixture
async def store(settings: Settings) -> AsyncIterator[MigrationStore]:
    opened = MigrationStore(settings)
    await opened.start()
    yield opened
    await opened.close()


Start = Callable[..., Replica]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start `parley run …`; whatever still runs at the end is ended."""
    started: list[Replica] = []

    def one(settings: Settings, service: str = "all") -> Replica:
        replica = Replica(service, tmp_path, settings)
        replica.start()
        started.append(replica)
        return replica

    yield one
    for replica in started:
        replica.abandon()


class Relay:
    """The demo's `Platform` over one that is exchanged for another between two days."""

    def __init__(self, inner: Any, after: Any, exchange: Callable[[], Awaitable[Any]]) -> None:
        self._inner, self._day, self._exchange = inner, after, exchange

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def settled(self, of: Any) -> Any:
        fresh = await self._inner.settled(of)
        if of == self._day:
            self._inner = await self._exchange()
        return fresh


async def contents(settings: Settings, service: str) -> dict[str, Any]:
    """Everything of a service's documents that is not the runtime's bookkeeping."""
    found: dict[str, Any] = {}
    async for one in read_documents(settings, f"{service}.cases"):
        found[one["_id"]] = {name: one[name] for name in ("key", "marks", "sent", "state", "partition")}
        found[one["_id"]]["marks"] = sorted(one["marks"])
    return found


async def spoken(settings: Settings) -> int:
    """How many records the services have published, twice-told ones twice; closed days left out."""
    count = 0
    for service in SERVICES:
        async for record in scan(settings, topic_of(service)):
            count += not isinstance(decode(record.key, record.value, record.headers).data, ServiceDayClosed)
    return count


async def clean(settings: Settings) -> None:
    found = await audit(settings, load_all())
    assert [text for check in found.checks for text in check.findings] == []
    assert all(check.looked_at for check in found.checks)


async def test_the_partition_count_grows_between_two_days(
    settings: Settings, store: MigrationStore, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = [start(settings)]
    grown = settings.model_copy(update={"partitions": AFTER})
    opened: list[KafkaPlatform] = []

    async def on() -> KafkaPlatform:
        inner = KafkaPlatform(grown, load_all())
        opened.append(await inner.__aenter__())
        return inner

    async def exchange() -> KafkaPlatform:
        with pytest.raises(RefusedError, match="Replicas are running"):
            await grow(settings, store, load_all(), AFTER)
        await opened[0].finished()
        await running[0].stop()
        with pytest.raises(RefusedError, match="remove none"):
            await grow(settings, store, load_all(), BEFORE)
        await killed_half_way(settings, store, monkeypatch)
        moved = await grow(settings, store, load_all(), AFTER)
        assert set(moved) == {*SERVICES, "archive"}
        with pytest.raises(FatalError, match="has 4 partitions"):
            await prepare(settings, load_all())  # a replica that is still set to the old count
        running.append(start(grown))
        platform = await on()
        await platform.settled(GROWN_AFTER)  # what was told before the exchange is read again: not new
        return platform

    inner = KafkaPlatform(settings, load_all())
    opened.append(await inner.__aenter__())
    try:
        await world(Relay(inner, GROWN_AFTER, exchange), customers=CUSTOMERS, days=DAYS, seed=SEED).live()
        await opened[-1].finished()
    finally:
        for platform in opened:
            await platform.__aexit__(None, None, None)
    await clean(grown)
    assert differences(await outcomes(grown), await undisturbed_grown()) == []
    partitions = Counter([one["partition"] for one in (await contents(grown, "intake")).values()])
    assert max(partitions) >= BEFORE, partitions
    await running[-1].stop()
    for refused in (
        replay(grown, store, load("intake"), "bank.events"),
        rebuild(grown, store, load("archive")),
    ):
        with pytest.raises(RefusedError, match="partition count has been changed"):
            await refused


async def killed_half_way(settings: Settings, store: MigrationStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin the growth and die of it after some services have moved; then nothing may start."""
    move, calls = growing._move, Counter[str]()

    async def dying(*args: Any) -> int:
        calls["moved"] += 1
        if calls["moved"] > 3:
            raise KeyboardInterrupt
        return await move(*args)

    with monkeypatch.context() as patched:
        patched.setattr(growing, "_move", dying)
        with pytest.raises(KeyboardInterrupt):
            await grow(settings, store, load_all(), AFTER)
    for count in (BEFORE, AFTER):
        with pytest.raises(FatalError, match="parley migrate partitions --to 4"):
            await prepare(settings.model_copy(update={"partitions": count}), load_all())
    with pytest.raises(RefusedError, match="has not ended"):
        await grow(settings, store, load_all(), AFTER + 1)


async def undisturbed_grown() -> dict[str, Counter[str]]:
    """The same days where nothing can fail; open work is counted in the partitions of each day."""
    platform = SequentialPlatform(load_all(), partitions=BEFORE)

    async def exchange() -> SequentialPlatform:
        platform.partitions = AFTER
        return platform

    await world(Relay(platform, GROWN_AFTER, exchange), customers=CUSTOMERS, days=DAYS, seed=SEED).live()
    assert platform.failures() == []
    return said(message for message in platform.published if message.source.startswith("/parley/"))


async def test_rebuild_and_replay(settings: Settings, store: MigrationStore, start: Start) -> None:
    first = start(settings)
    async with KafkaPlatform(settings, load_all()) as platform:
        await world(platform, customers=CUSTOMERS, days=4, seed=SEED).live()
        with pytest.raises(RefusedError, match="Replicas are running"):
            await rebuild(settings, store, load("archive"))
        with pytest.raises(RefusedError, match="Replicas are running"):
            await replay(settings, store, load("intake"), "bank.events")
        assert any("start another one first" in why for why in await settled(settings, store))
        second = start(settings)
        await until_ready(settings, store)
        await second.stop()
        await first.stop()
        with pytest.raises(RefusedError, match="everything again"):
            await rebuild(settings, store, load("intake"))
        with pytest.raises(RefusedError, match="does not read"):
            await replay(settings, store, load("intake"), "alert.events")
        with pytest.raises(RefusedError, match="not obeyed again"):
            await replay(settings, store, load("intake"), "ops.commands")
        archived = await contents(settings, "archive")
        before = {service: await contents(settings, service) for service in SERVICES}
        told = await spoken(settings)
        outcome = await outcomes(settings)
        deleted = await rebuild(settings, store, load("archive"))
        assert deleted["cases"] == len(archived)
        assert deleted["links"] == sum(one["state"]["entries"] for one in archived.values())
        assert await contents(settings, "archive") == {}
        for service, topic in (
            ("intake", "bank.events"),
            ("offer", "assessment.events"),
            ("offer", "desk.events"),
        ):
            assert await replay(settings, store, load(service), topic) > 0
        last = start(settings)
        await platform.settled(day(3))
        await platform.finished()
        assert await outcomes(settings) == outcome
        assert {service: await contents(settings, service) for service in SERVICES} == before
        rebuilt = await contents(settings, "archive")
        assert without_order(rebuilt) == without_order(archived)
        await last.stop()
    assert await spoken(settings) == told
    await clean(settings)


def without_order(documents: dict[str, Any]) -> dict[str, Any]:
    """The archive's documents without the head: entries are chained in the order in which they are read."""
    return {name: {**one, "state": {**one["state"], "head": ""}} for name, one in documents.items()}


async def settled(settings: Settings, store: MigrationStore) -> list[str]:
    return await unready(settings, store, load_all(), most_behind=1000)


async def until_ready(settings: Settings, store: MigrationStore) -> None:
    async with asyncio.timeout(60):
        while await settled(settings, store):  # noqa: ASYNC110 - the condition is another process's
            await asyncio.sleep(0.2)
