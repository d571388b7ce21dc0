"""Processes that may die, freeze and be lied to.

The engine's ports, wrapped, over the in-memory log and store.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

from shared.runtime.engine import Engine
from shared.runtime.limits import Limits
from shared.runtime.memory import MemoryConsumer, MemoryLog, MemoryPublisher
from shared.runtime.memory_store import MemoryStore
from shared.runtime.ports import (
    BrokenError,
    FatalError,
    Listener,
    Outgoing,
    Ports,
    Record,
    SpanStart,
    Store,
    TopicPartition,
    UnavailableError,
)
from shared.runtime.service import Service

__all__ = ["Chaos", "Killed", "Process", "Telemetry", "World"]

T = TypeVar("T")
SESSION_TIMEOUT = 6.0
REBALANCE_TIMEOUT = 30.0


class Killed(BaseException):  # like KeyboardInterrupt: nothing may catch it as an Exception
    """The process is dead: nothing it does has an effect any more."""


@dataclass(slots=True)
class Chaos:
    """How likely each fault is at one await, and how many may still happen."""

    crash: float = 0.0
    freeze: float = 0.0
    fail: float = 0.0
    breaks: float = 0.0  # a consumer whose client has died under it
    budget: int = 0

    def strikes(self, rng: random.Random, chance: float) -> bool:
        """Draw; every fault costs one of the budget."""
        if self.budget <= 0 or rng.random() >= chance:
            return False
        self.budget -= 1
        return True


class Telemetry:
    """Tracer, span, batch span and meter in one.

    Counts, remembers alarms, and checks that every span ends once.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.alarms: list[tuple[str, dict[str, str]]] = []
        self.decisions: Counter[str] = Counter()  # what the spans say was decided

    def count(self, name: str, amount: int = 1, **labels: str) -> None:  # noqa: ARG002
        self.counts[name] += amount

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Not looked at."""

    def retire(self, name: str, **labels: str) -> None:
        """Not looked at."""

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """Not looked at."""

    def alarm(self, name: str, **fields: str) -> None:
        self.alarms.append((name, fields))

    def process(self, start: SpanStart) -> SimSpan:
        return SimSpan(self, start)

    def batch(self, service: str, records: int) -> SimBatchSpan:  # noqa: ARG002
        return SimBatchSpan()


@dataclass(slots=True)
class SimSpan:
    telemetry: Telemetry
    start: SpanStart
    ended: bool = False

    def carry(self, case: str) -> tuple[str | None, str | None]:  # noqa: ARG002
        return None, None

    def end(self, decision: str, emitted: Sequence[str] = ()) -> None:  # noqa: ARG002
        assert not self.ended, "a span ends once"  # noqa: S101
        self.telemetry.decisions[decision] += 1
        self.ended = True

    def drop(self) -> None:
        self.ended = True


class SimBatchSpan:
    def link(self, span: Any) -> None:
        """Not looked at."""

    def end(self, stages: Mapping[str, float]) -> None:
        """Not looked at."""


class World:
    """One cluster, one database, many processes, one seed."""

    def __init__(self, seed: int, services: Callable[[World], Sequence[Service]], limits: Limits) -> None:
        self.rng = random.Random(seed)  # noqa: S311 - a schedule, not a secret
        self.limits = limits
        self.healed = False
        self.chaos = Chaos()
        self.telemetry = Telemetry()
        self.fatal: list[BaseException] = []
        self.log = MemoryLog(
            limits.partitions, max_bytes=20_000, rebalance_timeout=REBALANCE_TIMEOUT, timestamp=self._millis
        )
        self.store = MemoryStore(max_bytes=200_000)
        self.services = list(services(self))
        self.processes: list[Process] = []
        self.tasks: set[asyncio.Task[Any]] = set()

    def _millis(self) -> int:
        return int(asyncio.get_running_loop().time() * 1000)

    def start(self, service: Service, name: str) -> Process:
        """Start a supervised replica."""
        process = Process(self, service, name)
        self.processes.append(process)
        self.spawn(process.supervise())
        return process

    def spawn(self, coroutine: Any) -> None:
        """Run beside everything else."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def tick(self) -> None:
        """A step of anybody takes a while."""
        await asyncio.sleep(self.rng.random() * 0.004)


class Process:
    """One replica: an engine with its own view of log, store and clock, restarted when it dies."""

    def __init__(self, world: World, service: Service, name: str) -> None:
        self.world = world
        self.service = service
        self.name = name
        self.life = 0  # which incarnation is alive; calls of earlier ones are dead
        self.frozen_until = 0.0
        self.consumer: MemoryConsumer | None = None
        self.engine: Engine | None = None
        self.wanted = True
        self._task: asyncio.Task[None] | None = None

    async def supervise(self) -> None:
        """Start an engine, and another one whenever it has died."""
        while self.wanted:
            self.life += 1
            ports = Ports(
                log=SimLog(self, self.life),
                store=cast(Store, SimStore(self, self.life, self.world.store)),
                clock=SimClock(self.world),
                tracer=self.world.telemetry,
                meter=self.world.telemetry,
            )
            self.engine = Engine(self.service, ports, self.world.limits, self.name)
            self._task = asyncio.get_running_loop().create_task(self.engine.run())
            try:
                await self._task
            except Killed:
                pass
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise
            except BaseException as error:  # noqa: BLE001 - whatever ends an engine is a finding
                self.world.fatal.append(error)
                return
            self.frozen_until = 0.0
            await asyncio.sleep(self.world.rng.random() * 3)

    def kill(self) -> None:
        """Die now: whatever the engine still awaits has no effect."""
        self.life += 1
        if self.consumer is not None:
            self.consumer.crash()
        if self._task is not None:
            self._task.cancel()

    async def retire(self) -> None:
        """Stop for good, gracefully."""
        self.wanted = False
        if self.engine is not None:
            self.engine.stop()

    async def point(self, life: int, *, may_fail: bool = True) -> None:
        """An await: time passes; the process may die or freeze here, or be told that the server is away."""
        world = self.world
        self.check(life)
        await world.tick()
        self.check(life)
        if world.chaos.strikes(world.rng, world.chaos.crash):
            self.kill()
            raise Killed
        if world.chaos.strikes(world.rng, world.chaos.freeze):
            self.freeze(world.rng.choice((0.5, 3.0, 8.0, 40.0)))
        await self.thaw(life)
        if may_fail and world.chaos.strikes(world.rng, world.chaos.fail):
            raise UnavailableError("the server is away")

    def check(self, life: int) -> None:
        if life != self.life:
            raise Killed

    def freeze(self, seconds: float) -> None:
        """Stand still; the group evicts a member that has been silent for the session timeout."""
        loop = asyncio.get_running_loop()
        self.frozen_until = loop.time() + seconds
        if seconds > SESSION_TIMEOUT and self.consumer is not None:
            consumer = self.consumer
            loop.call_later(SESSION_TIMEOUT, consumer.evict)

    async def thaw(self, life: int) -> None:
        """Wait until the process runs again."""
        loop = asyncio.get_running_loop()
        while loop.time() < self.frozen_until:  # noqa: ASYNC110 - time is virtual and may be frozen again
            await asyncio.sleep(self.frozen_until - loop.time())
        self.check(life)


class SimClock:
    """Virtual time."""

    def __init__(self, world: World) -> None:
        self._world = world

    def now(self) -> datetime:
        return datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def jitter(self) -> float:
        return self._world.rng.random()


@dataclass(slots=True)
class SimStore:
    """The store as one incarnation of a process sees it.

    Every call has an await before and after its effect.
    """

    process: Process
    life: int
    store: MemoryStore

    def encode(self, document: Mapping[str, Any]) -> int:
        return self.store.encode(document)

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self.store, name)

        async def call(*args: Any) -> Any:
            await self.process.point(self.life)
            result = await method(*args)
            await self.process.point(self.life)
            return result

        return call


@dataclass(slots=True)
class SimLog:
    process: Process
    life: int

    def consumer(self, group: str, client_id: str) -> SimConsumer:
        consumer = self.process.world.log.consumer(group, client_id)
        self.process.consumer = consumer
        return SimConsumer(self.process, self.life, consumer)

    def publisher(self) -> SimPublisher:
        return SimPublisher(self.process, self.life, self.process.world.log.publisher())


@dataclass(slots=True)
class SimPublisher:
    process: Process
    life: int
    publisher: MemoryPublisher

    def measure(self, record: Outgoing) -> None:
        self.publisher.measure(record)

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Publish all, or on failure a prefix of each partition's records (as idempotent producers do)."""
        world = self.process.world
        await self.process.point(self.life, may_fail=False)
        if world.chaos.strikes(world.rng, world.chaos.fail):
            await self.publisher.publish(self._prefixes(records))
            await self.process.point(self.life)
            raise UnavailableError("not all was acknowledged")
        for record in records:
            self.process.check(self.life)
            await self.publisher.publish([record])
            if world.chaos.strikes(world.rng, world.chaos.crash):
                self.process.kill()
                raise Killed
        await self.process.point(self.life)

    def _prefixes(self, records: Sequence[Outgoing]) -> list[Outgoing]:
        cut: set[tuple[str, bytes | int | None]] = set()
        kept = []
        for record in records:
            at = (record.topic, record.key if record.partition is None else record.partition)
            if at not in cut and self.process.world.rng.random() < 0.6:
                kept.append(record)
            else:
                cut.add(at)
        return kept


@dataclass(slots=True)
class _SimListener:
    process: Process
    life: int
    listener: Listener

    async def on_revoked(self, partitions: Collection[TopicPartition]) -> None:
        with contextlib.suppress(Killed):  # the group does not wait for the dead
            await self.process.thaw(self.life)
            await self.listener.on_revoked(partitions)

    def on_assigned(self, partitions: Collection[TopicPartition]) -> None:
        if self.life == self.process.life:
            self.listener.on_assigned(partitions)


@dataclass(slots=True)
class SimConsumer:
    process: Process
    life: int
    inner: MemoryConsumer
    taken: list[Record] = field(default_factory=list)
    broken: bool = False
    _silence: asyncio.TimerHandle | None = None

    async def point(self) -> None:
        """An await of the consumer's: its client may die here, and stay dead until it is started again."""
        await self.process.point(self.life)
        world = self.process.world
        if not self.broken and world.chaos.strikes(world.rng, world.chaos.breaks):
            self.broken = True
            loop = asyncio.get_running_loop()
            self._silence = loop.call_later(SESSION_TIMEOUT, self.inner.evict)
        if self.broken:
            raise BrokenError("the client has lost a task")

    @property
    def generation(self) -> int:
        return self.inner.generation

    async def start(self, topics: Sequence[str], listener: Listener) -> None:
        await self.process.point(self.life)
        self.broken = False
        if self._silence is not None:
            self._silence.cancel()
        await self.inner.start(topics, _SimListener(self.process, self.life, listener))

    async def stop(self) -> None:
        if self.life == self.process.life:
            await self.inner.stop()

    def assignment(self) -> frozenset[TopicPartition]:
        return self.inner.assignment()

    async def poll(self, max_records: int, timeout: float) -> list[Record]:
        await self.point()
        some = self.process.world.rng.choice((1, 2, max_records, max_records))
        records = await self.inner.poll(min(some, max_records), timeout)
        await self.process.point(self.life, may_fail=False)
        return records

    def pause(self, partitions: Collection[TopicPartition]) -> None:
        self.inner.pause(partitions)

    def resume(self, partitions: Collection[TopicPartition]) -> None:
        self.inner.resume(partitions)

    def seek(self, at: TopicPartition, offset: int) -> None:
        self.inner.seek(at, offset)

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        await self.point()
        await self.inner.commit(offsets)
        await self.point()

    async def committed(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        await self.point()
        return await self.inner.committed(partitions)

    async def bounds(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, tuple[int, int]]:
        await self.point()
        return await self.inner.bounds(partitions)

    def high_water(self, at: TopicPartition) -> int | None:
        return self.inner.high_water(at)

    async def ends(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        await self.process.point(self.life)
        return await self.inner.ends(partitions)


def is_fatal(error: BaseException) -> bool:
    """Whether the engine ended by itself, on purpose."""
    return isinstance(error, FatalError)
