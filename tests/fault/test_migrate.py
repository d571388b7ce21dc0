"""Migrations between days that are lived: more partitions, a read model rebuilt, a topic replayed.

What was decided before and after must be what an undisturbed run decides, and nothing may be said twice.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition as ClientPartition
from aiokafka.admin import RecordsToDelete
from click.testing import Result
from typer.testing import CliRunner

from deploy.demo.live import KafkaPlatform
from deploy.embedded.platform import Addresses
from services.cli.catalogue import load, load_all
from services.cli.main import app
from services.console.audit import audit
from shared.contracts import bank
from shared.contracts.cloudevents import decode, encode
from shared.contracts.desk import AlertAcknowledged
from shared.contracts.envelope import Envelope
from shared.contracts.partition import partition_of
from shared.contracts.registry import SERVICES
from shared.contracts.runtime import ServiceDayClosed
from shared.runtime import growing
from shared.runtime.admin import prepare, read_documents, scan
from shared.runtime.backup import set_mark
from shared.runtime.document import Case, Cause, OutEntry, Park, Waiting
from shared.runtime.growing import grow
from shared.runtime.kafka import KafkaLog
from shared.runtime.kafka.groups import group_members
from shared.runtime.kafka.topics import Admin
from shared.runtime.migrate import rebuild, replay, unready
from shared.runtime.migration_store import MigrationStore
from shared.runtime.ports import FatalError, Outgoing, Record
from shared.runtime.publish import EventPublisher
from shared.runtime.refused import RefusedError
from shared.runtime.restore import plan_restore
from shared.runtime.run import run_services
from shared.runtime.service import Service, topic_of
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
    # Half of a migration is of no instant: neither marked as a backup nor gone on from.
    for backing_up in (set_mark, plan_restore):
        with pytest.raises(FatalError, match="parley migrate partitions --to 4"):
            await backing_up(settings, load_all())


async def undisturbed_grown() -> dict[str, Counter[str]]:
    """The same days where nothing can fail; open work is counted in the partitions of each day."""
    platform = SequentialPlatform(load_all(), partitions=BEFORE)

    async def exchange() -> SequentialPlatform:
        platform.partitions = AFTER
        return platform

    await world(Relay(platform, GROWN_AFTER, exchange), customers=CUSTOMERS, days=DAYS, seed=SEED).live()
    assert platform.failures() == []
    return said(message for message in platform.published if message.source.startswith("/parley/"))


@pytest.mark.slow
async def test_rebuild_and_replay(settings: Settings, store: MigrationStore, start: Start) -> None:
    first = start(settings)
    async with KafkaPlatform(settings, load_all()) as platform:
        await world(platform, customers=CUSTOMERS, days=8, seed=SEED).live()
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
            await replay(settings, store, load("intake"), "offer.events")
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
        await platform.settled(day(7))
        await platform.finished()
        assert await outcomes(settings) == outcome
        assert {service: await contents(settings, service) for service in SERVICES} == before
        rebuilt = await contents(settings, "archive")
        assert without_order(rebuilt) == without_order(archived)
        await last.stop()
    assert await spoken(settings) == told
    await clean(settings)


async def test_what_is_refused(settings: Settings, store: MigrationStore) -> None:
    """Each by a document or a record that the migration would hurt; nothing is changed by a refusal."""
    intake = load("intake")

    async def refused(why: str) -> None:
        with pytest.raises(RefusedError, match=why):
            await grow(settings, store, load_all(), AFTER)

    key = next(f"c{n}" for n in range(50) if partition_of(f"c{n}".encode(), AFTER) == 3)
    waits = Case(
        "waits", 1, key, waiting=[Waiting(Record("desk.events", 1, 0, b"k", b"v", (), 0), "2026-01-05")]
    )
    open_ = Case("open", 1, key, out=[OutEntry(Cause("bank.events", 0), b"k", b"v", ())])
    parked = Case("parked", 1, key, park=Park("decider", "bank.events/1/0"))
    for case, why in (
        (waits, "a fact waits"),
        (open_, "may not have been published"),
        (parked, "held by intake"),
    ):
        await store.replace_many("intake", [case.dump(intake, 1)])
        await refused(why)
        if case is parked:
            with pytest.raises(RefusedError, match="held by intake"):
                await replay(settings, store, intake, "bank.events")
        await store.clear("intake", "cases")
    await store.raise_epoch("offer", [0])
    (position,) = await store.positions("offer")
    await store.write_positions("offer", [{**position, "version": 2, "done": "2026-01-05", "inputs": []}])
    await refused("Not the same day")
    await store.clear("offer", "positions")
    async with EventPublisher(settings) as publisher:
        await publisher.close_day(day(0))
    await refused("Not everything has been read. Behind: intake on bank.events")
    newer = {**Case("newer", 1, key).dump(intake, 1), "schema": [1, intake.schema_version + 1]}
    await store.replace_many("intake", [newer])
    assert any("a newer version" in why for why in await settled(settings, store))
    async with Admin(settings) as admin:
        await admin.delete_records({ClientPartition(settings.prefix + "bank.events", 0): RecordsToDelete(1)})
    for migration in (
        rebuild(settings, store, load("archive")),
        replay(settings, store, intake, "bank.events"),
    ):
        with pytest.raises(RefusedError, match="Retention has removed the start"):
            await migration
    assert await store.note("partitions") is None
    assert await store.note("rebuild") is None
    await prepare(settings, load_all())


async def test_a_replay_decides_what_was_passed_over_and_nothing_twice(
    settings: Settings, store: MigrationStore
) -> None:
    sequential = SequentialPlatform(load_all())
    await world(sequential, customers=CUSTOMERS, days=60, seed=SEED).live()
    messages = [one for one in sequential.published if one.data.PRODUCER == "bank"]
    kinds = Counter(type(one.data) for one in messages)
    assert len(kinds) > 1
    archive = load("archive")
    narrow = replace(archive, handles=frozenset({bank.AccountOverdue}), linger_seconds=0.0)
    async with EventPublisher(settings) as publisher:
        await publisher.send_all(messages)
    await worked_off(settings, store, narrow, len(messages))
    assert await kept(settings) == Counter({bank.AccountOverdue.TYPE: kinds[bank.AccountOverdue]})
    assert await replay(settings, store, archive, "bank.events") == len(messages)
    await worked_off(settings, store, replace(archive, linger_seconds=0.0), len(messages))
    assert await kept(settings) == Counter(one.type for one in messages)
    rows = [
        row
        for one in await store.positions("archive")
        for row in one["inputs"]
        if row["topic"] == "bank.events"
    ]
    assert sum(row["processed"] for row in rows) == len(messages) - kinds[bank.AccountOverdue]
    assert sum(row["duplicates"] for row in rows) == kinds[bank.AccountOverdue]


async def worked_off(settings: Settings, store: MigrationStore, service: Service, records: int) -> None:
    """Run a service here until it has read so many records of the bank, and stop it."""
    stop = asyncio.Event()
    running = asyncio.create_task(run_services([service], settings, stop))
    async with asyncio.timeout(60):
        while not running.done():
            found = [row for one in await store.positions(service.name) for row in one.get("inputs", ())]
            if sum(row["next"] for row in found if row["topic"] == "bank.events") == records:
                break
            await asyncio.sleep(0.1)
    stop.set()
    assert await running == 0


async def kept(settings: Settings) -> Counter[str]:
    """What the archive has kept, by type."""
    return Counter([one["body"]["type"] async for one in read_documents(settings, "archive.links")])


async def test_a_rebuild_that_was_killed_keeps_the_services_from_starting_until_it_ends(
    settings: Settings, store: MigrationStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = load("archive")
    await store.replace_many("archive", [Case("c", 0, "c", version=0).dump(archive, 1)])
    clear = MigrationStore.clear

    async def dying(self: MigrationStore, service: str, kind: str) -> int:
        if kind == "cases":
            raise KeyboardInterrupt
        return await clear(self, service, kind)

    with monkeypatch.context() as patched:
        patched.setattr(MigrationStore, "clear", dying)
        with pytest.raises(KeyboardInterrupt):
            await rebuild(settings, store, archive)
    with pytest.raises(FatalError, match="parley migrate rebuild archive"):
        await prepare(settings, load_all())
    with pytest.raises(FatalError, match="a rebuild of archive was begun"):
        await grow(settings, store, load_all(), AFTER)
    said = await asyncio.to_thread(cli, settings, "rebuild", "archive", "--yes")
    assert (said.exit_code, "archive.cases: 1 deleted" in said.output) == (0, True), said.output
    await prepare(settings, load_all())
    for args, why in (
        (("rebuild", "offer"), "it would say everything again"),
        (("replay", "offer", "bank.events"), "offer does not read bank.events"),
        (("partitions", "--to", "2"), "The topics have 2 partitions"),
        (("ready", "offer"), "start another one first"),
    ):
        said = await asyncio.to_thread(cli, settings, *args)
        assert (said.exit_code, why in said.output) == (1, True), said.output


async def test_what_was_discarded_stays_discarded_when_the_archive_is_rebuilt(
    settings: Settings, store: MigrationStore, start: Start
) -> None:
    number = partition_of(b"C-1", BEFORE)
    log = KafkaLog(settings)
    garbage = Outgoing("desk.events", b"C-1", b"garbage", (("ce_subject", b"c-1"), ("ce_type", b"x")))
    good = Envelope("m1", "/desk", datetime.now(UTC), "C-1", AlertAcknowledged(alert_id="a", by="d"), "c-1")
    key, value, headers = encode(good)
    await log.publisher().publish([garbage, Outgoing("desk.events", key, value, tuple(headers))])
    await log.close()
    name = f"desk.events/{number}/0"
    first = start(settings, "archive")
    async with asyncio.timeout(60):
        while len(await store.parked_documents("archive", "", 2)) < 1:  # noqa: ASYNC110 - another process's
            await asyncio.sleep(0.2)
    said = await asyncio.to_thread(
        cli, settings, "discard", f"archive/{name}", "--reason", "scrap", of="dead"
    )
    assert said.exit_code == 0, said.output
    await first.stop()
    await nobody_runs(settings)
    await rebuild(settings, store, load("archive"))
    again = start(settings, "archive")
    async with asyncio.timeout(60):
        while "m1" not in [body.get("id") for body in await filed(store)]:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    await again.stop()
    assert await store.parked_documents("archive", "", 2) == []
    reasons = [
        row["body"]["reason"] for row in await store.every("archive", "links") if "kind" in row["body"]
    ]
    assert reasons == ["scrap"]
    letters = [record async for record in scan(settings, "archive.dead-letter")]
    assert [dict(one.headers)["parley-reason"] for one in letters] == [b"undecodable", b"case-is-parked"]


async def filed(store: MigrationStore) -> list[dict[str, Any]]:
    return [row["body"] for row in await store.every("archive", "links")]


async def nobody_runs(settings: Settings) -> None:
    async with asyncio.timeout(60):
        while await group_members(settings, load("archive").group):  # noqa: ASYNC110 - another process's
            await asyncio.sleep(0.2)


def cli(settings: Settings, *args: str, of: str = "migrate") -> Result:
    """Run `parley migrate …` (or another group's command) as an operator does."""
    env = {
        "KAFKA_BOOTSTRAP": settings.kafka_bootstrap,
        "MONGODB_URI": settings.mongodb_uri.get_secret_value(),
        "PARLEY_DATABASE": settings.database,
        "PARLEY_PREFIX": settings.prefix,
        "PARLEY_PARTITIONS": str(settings.partitions),
    }
    return CliRunner().invoke(app, [of, *args], env=env)


def without_order(documents: dict[str, Any]) -> dict[str, Any]:
    """The archive's documents without what says in which order they were read: head, order of `reached`."""
    for one in documents.values():
        one["state"]["head"] = ""
        for line in one["state"]["cases"].values():
            line["reached"] = sorted(line["reached"])
    return documents


async def settled(settings: Settings, store: MigrationStore) -> list[str]:
    return await unready(settings, store, load_all(), most_behind=1000)


async def until_ready(settings: Settings, store: MigrationStore) -> None:
    async with asyncio.timeout(60):
        while await settled(settings, store):  # noqa: ASYNC110 - the condition is another process's
            await asyncio.sleep(0.2)
