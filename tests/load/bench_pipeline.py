"""The pipeline against the bare loop, on the same servers in the same run: `make bench`.

Six stages in a row, each reads a message, changes its document, writes it, publishes the next message and
commits, in one process. The bare loop does only that, in batches, with the plain clients and no guarantee: a
crash of it loses or doubles. Parley does it with every rule of its runtime on, and its telemetry. The figure
is completed cases a second, from the first message published to the last one out; the ratio is the price.
Every case goes through twice: first its documents are made, then they are changed.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import statistics
import sys
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, date, datetime
from functools import partial
from typing import Any, ClassVar
from uuid import uuid4

import orjson
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import ReplaceOne
from pymongo.write_concern import WriteConcern

from deploy.embedded.testing import shared_servers
from shared.contracts.base import Event
from shared.contracts.decision import Decision, State
from shared.contracts.envelope import Envelope
from shared.contracts.ids import derive_id
from shared.contracts.registry import add_guests
from shared.runtime.admin import Tail, prepare
from shared.runtime.clock import SystemClock
from shared.runtime.engine import Engine
from shared.runtime.kafka import KafkaLog
from shared.runtime.kafka.topics import create_topics
from shared.runtime.mongo import MongoStore
from shared.runtime.ports import Ports
from shared.runtime.publish import EventPublisher
from shared.runtime.run import limits_of
from shared.runtime.service import Service
from shared.runtime.settings import Settings
from shared.runtime.telemetry import Telemetry

STAGES = 6
LAP_NAMES = ("new documents", "existing documents")
LAPS = len(LAP_NAMES)
BATCH = 500
FILLER = "x" * 1000
PAYLOAD = "y" * 300
DAY = date(2026, 3, 2)


class Start(Event):
    TYPE: ClassVar[str] = "bench.start.v1"
    PRODUCER: ClassVar[str] = "desk"
    payload: str = PAYLOAD


class BenchState(State):
    """About 1.5 KB with what the runtime puts beside it."""

    steps: int = 0
    filler: str = FILLER


def _step(number: int) -> type[Event]:
    name = f"bench{number}"
    return type(
        f"Step{number}",
        (Event,),
        {
            "TYPE": f"bench.step{number}.v1",
            "PRODUCER": name,
            "__annotations__": {"TYPE": ClassVar[str], "PRODUCER": ClassVar[str], "payload": str},
            "payload": PAYLOAD,
            "__module__": __name__,
        },
    )


class Step:
    """Counts, and passes on."""

    def __init__(self, out: type[Event]) -> None:
        self._out = out

    def decide(
        self, state: BenchState | None, message: Envelope[Any], reference: object
    ) -> Decision[BenchState]:
        """One step."""
        before = state or BenchState()
        return Decision.of(BenchState(steps=before.steps + 1), self._out())

    def due(self, state: BenchState) -> date | None:
        """Nothing is ever due."""
        return None

    def close(self, state: BenchState, day: date, reference: object) -> Decision[BenchState]:
        """Nothing to do."""
        return Decision(state)


_STEPS = [_step(number) for number in range(STAGES)]
add_guests(Start, *_STEPS)
SERVICES = [
    Service(
        name=f"bench{number}",
        state=BenchState,
        decider=Step(_STEPS[number]),
        reads=(f"bench{number - 1}" if number else "desk",),
    )
    for number in range(STAGES)
]


def settings_for(kafka: str, mongo: str, telemetry: bool) -> Settings:
    name = f"bench{uuid4().hex[:8]}"
    return Settings.load(
        kafka_bootstrap=kafka,
        mongodb_uri=mongo,
        database=name,
        prefix=f"{name}.",
        partitions=12,
        batch_records=BATCH,
        telemetry=telemetry,
        log_level="ERROR",
    )


Say = Callable[[int], Coroutine[Any, Any, None]]


async def laps(settings: Settings, topic: str, count: int, say: Say) -> list[float]:
    """Send every case through LAPS times, one lap after the other; give cases a second of each."""
    rates = []
    async with Tail(settings, [topic]) as tail:
        for lap in range(LAPS):
            keys: set[bytes | None] = set()
            began = time.perf_counter()
            telling = asyncio.create_task(say(lap))
            while len(keys) < count:
                keys.update(record.key for record in await tail.poll(0.5))
            rates.append(count / (time.perf_counter() - began))
            await telling
    return rates


async def parley(settings: Settings, count: int) -> list[float]:
    """Run the pipeline on Parley's runtime."""
    await prepare(settings, SERVICES)
    log, store = KafkaLog(settings), MongoStore(settings)
    telemetry = Telemetry(settings, "bench", [])
    ports = Ports(log, store, SystemClock(), telemetry.tracer, telemetry.meters)
    engines = [Engine(service, ports, limits_of(settings), service.name) for service in SERVICES]
    running = [asyncio.create_task(engine.run()) for engine in engines]
    while not all(len(engine.lanes) == settings.partitions for engine in engines):  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    moment = datetime(DAY.year, DAY.month, DAY.day, 12, tzinfo=UTC)
    async with EventPublisher(settings) as publisher:

        async def say(lap: int) -> None:
            await publisher.send_all(
                Envelope(
                    derive_id("bench", lap, n),
                    "/bench",
                    moment,
                    f"C-{n}",
                    Start(),
                    derive_id("bench case", n),
                )
                for n in range(count)
            )

        rates = await laps(settings, SERVICES[-1].topic, count, say)
    for engine in engines:
        engine.stop()
    await asyncio.gather(*running)
    await log.close()
    await asyncio.to_thread(telemetry.close)
    await store.close()
    return rates


async def bare(settings: Settings, count: int) -> list[float]:
    """Run the same with the plain clients."""
    topics = [f"stage{number}" for number in range(STAGES + 1)]
    await create_topics(settings, topics)
    names = [settings.prefix + topic for topic in topics]
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap, acks="all", max_batch_size=1 << 18
    )
    await producer.start()
    client: Any = AsyncIOMotorClient(settings.mongodb_uri.get_secret_value())
    stages = [
        asyncio.create_task(_stage(settings, names[n], names[n + 1], producer, client)) for n in range(STAGES)
    ]
    await asyncio.sleep(3)  # the stages join their groups
    body = orjson.dumps({"payload": PAYLOAD, "steps": 0})

    async def say(_lap: int) -> None:
        await asyncio.gather(*[await producer.send(names[0], body, f"C-{n}".encode()) for n in range(count)])

    rates = await laps(settings, topics[-1], count, say)
    for stage in stages:
        stage.cancel()
    await asyncio.gather(*stages, return_exceptions=True)
    await producer.stop()
    client.close()
    return rates


async def _stage(
    settings: Settings, source: str, target: str, producer: AIOKafkaProducer, client: Any
) -> None:
    documents = client[settings.database].get_collection(
        source, write_concern=WriteConcern(w="majority", j=True)
    )
    consumer = AIOKafkaConsumer(
        source,
        bootstrap_servers=settings.kafka_bootstrap,
        group_id=source,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        partition_assignment_strategy=(RangePartitionAssignor,),
    )
    await consumer.start()
    try:
        while True:
            batches = await consumer.getmany(timeout_ms=10, max_records=BATCH)
            records = [record for batch in batches.values() for record in batch]
            if not records:
                continue
            parsed = {record.key.decode(): orjson.loads(record.value) for record in records}
            found = await documents.find({"_id": {"$in": list(parsed)}}).to_list(None)
            loaded = {document["_id"]: document for document in found}
            operations, sends = [], []
            for key, message in parsed.items():
                document = loaded.get(key) or {"_id": key, "steps": 0, "filler": FILLER + PAYLOAD}
                document["steps"] += 1
                operations.append(ReplaceOne({"_id": key}, document, upsert=True))
                sends.append((orjson.dumps({**message, "steps": document["steps"]}), key.encode()))
            await documents.bulk_write(operations, ordered=False)
            await asyncio.gather(*[await producer.send(target, value, key) for value, key in sends])
            await consumer.commit()
    finally:
        await consumer.stop()


def run(work: Callable[[], Coroutine[Any, Any, list[float]]]) -> list[float]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work())


def main() -> int:
    """Measure, print, and fail below the wanted ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--want", type=float, default=0.0, help="exit with 1 below this ratio")
    parser.add_argument("--no-telemetry", action="store_true")
    options = parser.parse_args()
    logging.basicConfig(level=logging.CRITICAL)
    figures: dict[str, list[list[float]]] = {"bare": [], "parley": []}
    with shared_servers() as addresses:
        for number in range(options.rounds):
            for name, work in (("bare", bare), ("parley", parley)):
                settings = settings_for(
                    addresses.kafka_bootstrap, addresses.mongodb_uri, not options.no_telemetry
                )
                rates = run(partial(work, settings, options.cases))
                figures[name].append(rates)
                shown = ", ".join(f"{rate:5.0f} {lap}" for rate, lap in zip(rates, LAP_NAMES, strict=True))
                sys.stdout.write(f"round {number + 1}  {name:<7} cases/s: {shown}\n")
                sys.stdout.flush()
    worst = []
    for lap, lap_name in enumerate(LAP_NAMES):
        plain, ours = (
            statistics.median(rates[lap] for rates in figures[name]) for name in ("bare", "parley")
        )
        worst.append(ours / plain)
        sys.stdout.write(
            f"median  {lap_name}: bare {plain:.0f}, parley {ours:.0f} cases/s; ratio {worst[-1]:.2f}\n"
        )
    return 1 if min(worst) < options.want else 0


if __name__ == "__main__":
    raise SystemExit(main())
