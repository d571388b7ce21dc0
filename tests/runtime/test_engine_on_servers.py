"""The engine on the real servers: the same outcome as in memory, replicas, a replica lost in mid-batch."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from deploy.embedded.platform import Addresses
from shared.contracts.bank import DayClosed
from shared.contracts.cloudevents import decode, encode
from shared.contracts.envelope import Envelope
from shared.contracts.ids import case_id, derive_id, trace_id_of
from shared.runtime.admin import end_offsets, group_offsets, prepare, scan
from shared.runtime.clock import SystemClock
from shared.runtime.engine import Engine
from shared.runtime.kafka import KafkaLog
from shared.runtime.memory import MemoryLog
from shared.runtime.memory_store import MemoryStore
from shared.runtime.meters import Meters
from shared.runtime.mongo import MongoStore, read_documents
from shared.runtime.ports import Document, FatalError, Outgoing, Ports, TopicPartition
from shared.runtime.publish import EventPublisher
from shared.runtime.run import limits_of, run_services
from shared.runtime.service import Service, topic_of
from shared.runtime.settings import Settings
from shared.runtime.simulation.toy import Accept, Open, Pay, Sign, toy_services
from shared.runtime.telemetry import Telemetry
from shared.runtime.traces import read_trace
from shared.runtime.watchdog import StalledError
from tests.runtime.support import PARTITIONS, fresh, settings_of

pytestmark = pytest.mark.kafka

FIRST = date(2026, 3, 2)
DAYS = [FIRST + timedelta(days=n) for n in range(8)]
CUSTOMERS = [f"C-{n:03d}" for n in range(24)]
SERVICES = toy_services(SimpleNamespace(healed=True))


def message(customer: str, day: date, data: Any, subject: str | None = None) -> Envelope[Any]:
    moment = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    id_ = derive_id("test", customer, day.isoformat(), data.model_dump_json())
    return Envelope(id_, "/bank/core", moment, customer, data, subject)


def script() -> dict[date, list[Envelope[Any]]]:
    """What the world says on each day: some accept too late, some pay late, some sign before they may."""
    said: dict[date, list[Envelope[Any]]] = defaultdict(list)
    for number, customer in enumerate(CUSTOMERS):
        case = case_id(customer, 1)
        said[DAYS[0]].append(message(customer, DAYS[0], Open()))
        agreed = DAYS[number % 5]
        said[agreed].append(message(customer, agreed, Accept(number=1), case))
        said[agreed].append(message(customer, agreed, Sign(number=1), case))
        for instalment in range(3):
            due = agreed + timedelta(days=instalment + 1)
            arrives = min(due + timedelta(days=number % 2), DAYS[-1])
            pay = Pay(pay_id=f"{customer}-{instalment}", amount=100, value_date=due)
            said[arrives].append(message(customer, arrives, pay))
            if number % 3 == 0:
                said[arrives].append(message(customer, arrives, pay))  # said twice
    return said


@dataclass
class Replica:
    """The engines of one process."""

    engines: list[Engine]
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    close: list[Callable[[], Awaitable[None]]] = field(default_factory=list)

    def run(self) -> None:
        self.tasks = [asyncio.create_task(engine.run()) for engine in self.engines]

    async def stop(self) -> None:
        for engine in self.engines:
            engine.stop()
        await asyncio.gather(*self.tasks)
        for close in self.close:
            await close()

    async def die(self) -> None:
        """End without finishing anything."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for close in self.close:
            await close()


def replica_on_servers(
    settings: Settings, name: str, store: Any = None, services: Sequence[Service] = SERVICES
) -> Replica:
    log, own = KafkaLog(settings), MongoStore(settings)
    telemetry = Telemetry(settings, name, [])
    ports = Ports(log, store or own, SystemClock(), telemetry.tracer, telemetry.meters)
    engines = [Engine(s, ports, limits_of(settings), f"{s.name}-{name}") for s in services]

    async def flush() -> None:
        await asyncio.to_thread(telemetry.close)

    return Replica(engines, close=[log.close, own.close, flush])


async def say(publisher: EventPublisher, days: Sequence[date]) -> None:
    said = script()
    for day in days:
        await publisher.send(*said[day])
        await publisher.close_day(day)


async def settled(store: Any, day: date, written: Callable[[], Awaitable[Mapping[Any, int]]]) -> None:
    """Wait until `day` is done everywhere and every record has been read: nothing is left to happen."""
    async with asyncio.timeout(90):
        for service in SERVICES:
            while not await _settled(store, service, day, written):  # noqa: ASYNC110  it is in the database
                await asyncio.sleep(0.05)


async def _settled(
    store: Any, service: Service, day: date, written: Callable[[], Awaitable[Mapping[Any, int]]]
) -> bool:
    positions = await store.positions(service.name)
    if len(positions) < PARTITIONS or not all(
        "inputs" in row and ((row.get("done") or "") >= str(day) or not service.waits_for)
        for row in positions
    ):
        return False
    read = {(one["topic"], row["_id"]): one["next"] for row in positions for one in row["inputs"]}
    ends = await written()
    return all(read[at] == ends.get(at, 0) for at in read)


async def done_on_servers(settings: Settings, day: date) -> None:
    async def written() -> Mapping[Any, int]:
        topics = {topic for service in SERVICES for topic in service.topics}
        return {tuple(at): end for at, (_, end) in (await end_offsets(settings, topics)).items()}

    store = MongoStore(settings)
    await settled(store, day, written)
    await store.close()


def outcome(documents: Mapping[str, Document]) -> dict[str, Any]:
    """What a service holds of each case, without what depends on how often it was written."""
    return {
        id_: (document["state"], sorted(map(tuple, document["sent"])), sorted(map(tuple, document["marks"])))
        for id_, document in documents.items()
    }


async def outcomes_on_servers(settings: Settings) -> dict[str, Any]:
    return {
        service.name: outcome({d["_id"]: d async for d in read_documents(settings, f"{service.name}.cases")})
        for service in SERVICES
    }


async def outcomes_in_memory() -> dict[str, Any]:
    """The oracle: the same engine, the same script, no servers."""
    log, store = MemoryLog(PARTITIONS), MemoryStore()
    telemetry = Telemetry(Settings.load(telemetry=False), "memory", [])
    ports = Ports(log, store, SystemClock(), telemetry.tracer, Meters())
    limits = limits_of(Settings.load(partitions=PARTITIONS, poll_seconds=0.005))
    memory = Replica([Engine(service, ports, limits, service.name) for service in SERVICES])
    said = script()
    for day in DAYS:
        for envelope in said[day]:
            key, value, headers = encode(envelope)
            log.append(Outgoing(topic_of(envelope.data.PRODUCER), key, value, tuple(headers)))
        marker = Envelope(str(day), "/bank/core", datetime.now(UTC), "day", DayClosed(day=day))
        key, value, headers = encode(marker)
        for number in range(PARTITIONS):
            log.append(Outgoing("bank.events", key, value, tuple(headers), number))
    memory.run()

    async def written() -> Mapping[Any, int]:
        return {
            (topic, n): log.bounds(TopicPartition(topic, n))[1]
            for topic in log.topics
            for n in range(PARTITIONS)
        }

    await settled(store, DAYS[-1], written)
    await memory.stop()
    return {service.name: outcome(store.documents(service.name)) for service in SERVICES}


async def check_log(settings: Settings) -> None:
    """No sequence gap on any topic, and no sequence with two ids."""
    for service in SERVICES:
        if not service.emits:
            continue
        ids: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        async for record in scan(settings, service.topic):
            envelope = decode(record.key, record.value, record.headers)
            if envelope.sequence is not None:
                ids[envelope.case][envelope.sequence].add(envelope.id)
        assert ids
        for sequences in ids.values():
            assert sorted(sequences) == list(range(1, len(sequences) + 1))
            assert all(len(found) == 1 for found in sequences.values())


def own_settings(servers: Addresses) -> Settings:
    return settings_of(servers, prefix=fresh("e."), session_seconds=6, drain_seconds=5, rebalance_seconds=8)


async def test_the_outcome_is_the_one_in_memory_and_each_case_is_one_trace(servers: Addresses) -> None:
    settings = own_settings(servers)
    await prepare(settings, SERVICES)
    replica = replica_on_servers(settings, "one")
    replica.run()
    async with EventPublisher(settings) as publisher:
        await say(publisher, DAYS)
    await done_on_servers(settings, DAYS[-1])
    await replica.stop()
    assert await outcomes_on_servers(settings) == await outcomes_in_memory()
    await check_log(settings)

    case = case_id(CUSTOMERS[0], 1)
    spans = await read_trace(settings, case)
    known = {span.span for span in spans} | {f"{trace_id_of(case):032x}"}
    assert {s.attributes["parley.service"] for s in spans} == {service.name for service in SERVICES}
    orphans = {span.parent for span in spans} - known
    # Toys open no case of the contracts', so their root span itself is never written: it is the one unknown.
    assert len(orphans) == 1
    assert CUSTOMERS[0] not in repr(spans)


class FailingStore:
    """A store whose next write of documents happens and is never heard of again."""

    def __init__(self, store: MongoStore) -> None:
        self._store = store
        self.armed = False
        self.hit = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def replace_many(self, service: str, documents: Sequence[Document]) -> set[str]:
        losers = await self._store.replace_many(service, documents)
        if self.armed:
            self.hit.set()
            await asyncio.Event().wait()
        return losers


async def shared_out(*replicas: Any) -> None:
    """Wait until the replicas have an equal share each: days may be done before all of them are in."""
    even = [PARTITIONS * len(SERVICES) // len(replicas)] * len(replicas)
    async with asyncio.timeout(60):
        while [sum(len(engine.lanes) for engine in one.engines) for one in replicas] != even:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def test_a_replica_lost_in_mid_batch_is_followed_exactly(servers: Addresses) -> None:
    settings = own_settings(servers)
    await prepare(settings, SERVICES)
    real = MongoStore(settings)
    failing = FailingStore(real)
    first, second = replica_on_servers(settings, "one", failing), replica_on_servers(settings, "two")
    first.run()
    second.run()
    async with EventPublisher(settings) as publisher:
        await say(publisher, DAYS[:3])
        await done_on_servers(settings, DAYS[2])
        await shared_out(first, second)
        failing.armed = True
        telling = asyncio.create_task(say(publisher, DAYS[3:]))
        async with asyncio.timeout(60):
            await failing.hit.wait()
        await first.die()  # written, neither published nor committed
        await telling
        third = replica_on_servers(settings, "three")
        third.run()
        await done_on_servers(settings, DAYS[-1])
    await second.stop()
    await third.stop()
    await real.close()
    assert await outcomes_on_servers(settings) == await outcomes_in_memory()
    await check_log(settings)


async def test_a_process_runs_until_it_is_told_to_stop_and_says_how_it_stands(servers: Addresses) -> None:
    settings, stop = own_settings(servers), asyncio.Event()
    running = asyncio.create_task(run_services(SERVICES, settings, stop))
    async with asyncio.timeout(60):
        while not await group_offsets(settings, SERVICES[-1].group):  # noqa: ASYNC110  it is on the broker
            await asyncio.sleep(0.1)
    async with EventPublisher(settings) as publisher:
        await say(publisher, DAYS[:1])
    await done_on_servers(settings, DAYS[0])
    stop.set()
    assert await running == 0
    (snapshot,) = [d async for d in read_documents(settings, "telemetry.metrics")]
    rows = {row["service"]: row for row in snapshot["health"]}
    assert rows["front"]["partitions"] == list(range(PARTITIONS))
    assert rows["front"]["day_done"] == rows["front"]["day_ahead"] == str(DAYS[0])
    assert snapshot["spans_dropped"] == 0


async def test_a_process_that_is_stuck_ends_and_says_where(
    servers: Addresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(MongoStore, "replace_many", hang)
    settings = own_settings(servers).model_copy(
        update={"ready_seconds": 1.0, "stall_seconds": 2.0, "drain_seconds": 1.0}
    )
    running = asyncio.create_task(run_services(SERVICES, settings, asyncio.Event()))
    async with asyncio.timeout(60):
        while not await group_offsets(settings, SERVICES[-1].group):  # noqa: ASYNC110  it is on the broker
            await asyncio.sleep(0.1)
    async with EventPublisher(settings) as publisher:
        await publisher.send(message(CUSTOMERS[0], FIRST, Open()))
    with pytest.raises(
        StalledError, match=r"(front|archive) is stuck: .* under way: write for .*; run: parley doctor"
    ):
        async with asyncio.timeout(120):
            await running


async def test_an_engine_that_needs_a_person_ends_the_process(servers: Addresses) -> None:
    settings = own_settings(servers)
    await prepare(settings, SERVICES)
    store = MongoStore(settings)
    await store.raise_epoch("middle", [0])
    inputs = [{"topic": "front.events", "next": 99, "closed": None}]
    counts = {"processed": 99, "duplicates": 0, "dead_lettered": 0}
    row = {"_id": 0, "epoch": 1, "version": 2, "done": None, "inputs": [{**inputs[0], **counts}]}
    assert await store.write_positions("middle", [row]) == set()
    await store.close()
    with pytest.raises(FatalError, match=r"front\.events"):
        await run_services(SERVICES, settings, asyncio.Event())


async def test_a_service_that_may_not_work_here_ends_the_process_before_it_reads(servers: Addresses) -> None:
    async def refuse(_: Settings) -> None:
        raise FatalError("the key is another house's")

    front, *others = SERVICES
    with pytest.raises(FatalError, match="another house"):
        await run_services([replace(front, starts=refuse), *others], own_settings(servers), asyncio.Event())
