"""A backup that is older than Kafka is restored: nothing from outside is lost, nothing is doubled."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from deploy.demo.live import KafkaPlatform
from deploy.embedded.platform import Addresses
from services.cli.catalogue import load, load_all
from services.console.audit import audit
from shared.contracts import agreement
from shared.contracts.cloudevents import decode
from shared.contracts.envelope import Envelope
from shared.contracts.registry import PRODUCERS, SERVICES, topic_of
from shared.contracts.runtime import ServiceDayClosed
from shared.runtime import restore as restoring
from shared.runtime.admin import end_offsets, prepare, scan
from shared.runtime.backup import set_mark
from shared.runtime.kafka.groups import group_members
from shared.runtime.migrate import rebuild, replay
from shared.runtime.migration_store import MigrationStore
from shared.runtime.mongo import MongoStore
from shared.runtime.refused import RefusedError
from shared.runtime.restore import plan_restore, restore
from shared.runtime.settings import Settings
from shared.runtime.voids import read_voids
from tests.fault.house import WAIT_SECONDS, Replica, environment_on, parley, until
from tests.fault.living import day, differences, said, undisturbed, world
from tests.runtime.support import fresh, settings_of

pytestmark = pytest.mark.kafka

PARTITIONS = 4
CUSTOMERS, SEED = 10, 3
MARKED, LOST, LAST = 5, 12, 13  # the backup is of the evening of day 5; on day 12 the database is lost
SERVICES_ALL = load_all()

Start = Callable[[], Replica]
Copy = dict[str, list[dict[str, Any]]]


@pytest.fixture
async def settings(servers: Addresses) -> Settings:
    own = settings_of(servers, prefix=fresh("b."), partitions=PARTITIONS)
    await prepare(own, SERVICES_ALL)
    return own


@pytest.fixture
async def start(settings: Settings, tmp_path: Path) -> AsyncIterator[Start]:
    started: list[Replica] = []

    def one() -> Replica:
        replica = Replica("all", tmp_path, settings)
        replica.start()
        started.append(replica)
        return replica

    try:
        yield one
    finally:
        for replica in started:
            replica.abandon()


class Meanwhile:
    """The demo's platform, with something that happens between the next day's facts and its close."""

    def __init__(self, inner: KafkaPlatform) -> None:
        self._inner = inner
        self.next: Callable[[], Awaitable[None]] | None = None
        self.close_day, self.settled, self.finished = inner.close_day, inner.settled, inner.finished

    async def publish(self, messages: Sequence[Envelope[Any]]) -> None:
        await self._inner.publish(messages)
        if messages and self.next is not None:
            happens, self.next = self.next, None
            await happens()


def copy_of(settings: Settings) -> Copy:
    """The backup: every document of every collection."""
    with MongoClient[dict[str, Any]](settings.mongodb_uri.get_secret_value()) as client:
        database = client[settings.database]
        return {name: list(database[name].find()) for name in database.list_collection_names()}


async def put_back(settings: Settings, copy: Copy) -> None:
    """Replace the database with the copy, indexes and all."""
    with MongoClient[dict[str, Any]](settings.mongodb_uri.get_secret_value()) as client:
        database = client[settings.database]
        for name in database.list_collection_names():
            database.drop_collection(name)
        for name, documents in copy.items():
            if documents:
                database[name].insert_many(documents)
    await prepare(settings, SERVICES_ALL)


async def quiet(settings: Settings, last: date) -> None:
    """Wait until everybody has read everything and has closed `last`."""
    ends = await end_offsets(settings, map(topic_of, PRODUCERS))
    store = MongoStore(settings)
    await store.start()

    async def behind() -> bool:
        now = await end_offsets(settings, map(topic_of, PRODUCERS))
        for service in SERVICES_ALL:
            places = {place["_id"]: place for place in await store.positions(service.name)}
            for at, (_, end) in now.items():
                place = places.get(at.partition, {})
                rows = {row["topic"]: row["next"] for row in place.get("inputs", ())}
                if at.topic in service.topics and rows.get(at.topic, 0) < end:
                    return True
                if service.waits_for and place.get("done") != last.isoformat():
                    return True
        return False

    try:
        assert ends
        async with asyncio.timeout(WAIT_SECONDS):
            while await behind():  # noqa: ASYNC110 - the condition is another process's
                await asyncio.sleep(0.2)
    finally:
        await store.close()


async def nobody_is_left(settings: Settings) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while any([await group_members(settings, s.group) for s in SERVICES_ALL]):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.2)


async def everything(settings: Settings) -> tuple[list[Envelope[Any]], list[Envelope[Any]]]:
    """What the services have said of cases: what stands, and what is void."""
    voids = await read_voids(settings)
    stands: list[Envelope[Any]] = []
    void: list[Envelope[Any]] = []
    for service in SERVICES:
        async for record in scan(settings, topic_of(service)):
            message = decode(record.key, record.value, record.headers)
            if not isinstance(message.data, ServiceDayClosed):
                to = void if voids.holds(record.topic, record.partition, record.offset) else stands
                to.append(message)
    return stands, void


@pytest.mark.slow
async def test_an_older_backup_is_restored_and_everything_comes_to_the_same(
    settings: Settings, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    replica = start()
    async with KafkaPlatform(settings, SERVICES_ALL) as platform:
        bank = Meanwhile(platform)
        life = world(bank, customers=CUSTOMERS, days=LAST + 1, seed=SEED)
        for number in range(MARKED + 1):
            await life.live_day(day(number))
        await quiet(settings, day(MARKED))
        with pytest.raises(RefusedError, match="has members"):
            await set_mark(settings, SERVICES_ALL)
        await replica.stop()
        await nobody_is_left(settings)
        copy: Copy = {}
        replicas: list[Replica] = []

        async def back_up() -> None:
            mark = await command(settings, "mark")
            assert mark["day"] == day(MARKED).isoformat()
            copy.update(copy_of(settings))
            replicas.append(start())

        known = {message.case for message in (await everything(settings))[0]}
        bank.next = back_up  # the bank and the desk have spoken of the next day already
        for number in range(MARKED + 1, LOST + 1):
            await life.live_day(day(number))
        assert copy
        with pytest.raises(RefusedError, match="has members"):
            await plan_restore(settings, SERVICES_ALL)
        await replicas[0].stop()
        await nobody_is_left(settings)
        with pytest.raises(RefusedError, match="does not stand where the mark says"):
            await plan_restore(settings, SERVICES_ALL)  # nothing was restored here

        await put_back(settings, copy)
        early = start()
        await until(lambda: not early.running, "a replica to refuse")
        assert "the database is older than Kafka" in early.log.read_text()
        await nobody_is_left(settings)

        await interrupted(settings, monkeypatch)
        with pytest.raises(RefusedError, match="not done"):
            await set_mark(settings, SERVICES_ALL)
        done = await command(settings, "restored", "--yes")
        assert done["records_to_be_read_again"] > 0
        assert done["records_void"] > 0
        assert done["positions_moved"] == (len(SERVICES_ALL) - 3) * PARTITIONS
        assert done["sequences_raised"] == 0  # by the run that was interrupted
        with pytest.raises(RefusedError, match="done already"):
            await plan_restore(settings, SERVICES_ALL)

        replica = start()
        await quiet(settings, day(LOST))
        for number in range(LOST + 1, LAST + 1):
            await life.live_day(day(number))
        await platform.finished()
        await replica.stop()
    assert "alarm:" not in replica.log.read_text()  # for the archive, no sequence is missing
    await came_to_the_same(settings, known)
    await nothing_void_is_read_again(settings)


async def nothing_void_is_read_again(settings: Settings) -> None:
    """Neither a rebuild of the archive nor a replay may act on what is void."""
    await nobody_is_left(settings)
    store = MigrationStore(settings)
    await store.start()
    try:
        with pytest.raises(RefusedError, match="void on"):
            await rebuild(settings, store, load("archive"))
        with pytest.raises(RefusedError, match="void on"):
            await replay(settings, store, load("followup"), topic_of("agreement"))
    finally:
        await store.close()


async def command(settings: Settings, *arguments: str) -> dict[str, Any]:
    """`parley backup … --json`, as an operator runs it."""
    done = await asyncio.to_thread(
        subprocess.run,
        parley("backup", *arguments, "--json"),
        env=environment_on(settings),
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


async def interrupted(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin, and die when the third service has been moved and its offsets have not been set."""
    groups: list[str] = []
    really = restoring.set_group_offsets

    async def dying(settings: Settings, group: str, offsets: Any) -> None:
        if len(groups) == 2:
            raise KeyboardInterrupt
        groups.append(group)
        await really(settings, group, offsets)

    plan = await plan_restore(settings, SERVICES_ALL)
    with monkeypatch.context() as patch:
        patch.setattr(restoring, "set_group_offsets", dying)
        with pytest.raises(KeyboardInterrupt):
            await restore(settings, SERVICES_ALL, plan)
    assert len(groups) == 2


async def came_to_the_same(settings: Settings, known: set[str]) -> None:
    found = await audit(settings, SERVICES_ALL)
    assert [text for check in found.checks for text in check.findings] == []
    assert all(check.looked_at for check in found.checks)
    assert found.skipped > 0

    stands, void = await everything(settings)
    assert {message.case for message in void} & known
    assert {message.case for message in void} - known, "a case that did not exist at the backup"
    assert {(m.source, m.id) for m in void} <= {(m.source, m.id) for m in stands}
    # No sequence is used twice: of a void message by one that stands, or with two ids.
    used = {(message.source, message.case, message.sequence) for message in void}
    assert used.isdisjoint((message.source, message.case, message.sequence) for message in stands)
    ids: dict[tuple[str, str, int | None], str] = {}
    for message in stands:
        place = (message.source, message.case, message.sequence)
        assert ids.setdefault(place, message.id) == message.id, place
    # What the bank was told before is told again under the same ids: it acts on neither twice.
    told = {m.data.instruction_id for m in void if isinstance(m.data, agreement.BankInstructed)}
    again = {m.data.instruction_id for m in stands if isinstance(m.data, agreement.BankInstructed)}
    assert told
    assert told <= again
    calm = await undisturbed(customers=CUSTOMERS, days=LAST + 1, seed=SEED, partitions=PARTITIONS)
    unique = {(message.source, message.id): message for message in stands}
    assert differences(said(unique.values()), calm) == []
