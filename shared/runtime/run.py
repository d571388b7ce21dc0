"""A process of the platform: one service or several, until it is told to stop.

SIGTERM and SIGINT finish the batches in hand, within PARLEY_DRAIN_SECONDS; a second signal ends without them,
which costs nothing but time. While Kafka or the database is away the engines wait and try again. What must be
mended by people ends the process with a FatalError, whose text says which command to run; a replica that is
stuck ends with a StalledError, to be started again.
"""

from __future__ import annotations

import asyncio
import gc
import os
import platform
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Final, Protocol
from uuid import uuid4

from shared.runtime import logs
from shared.runtime.admin import create_topics, may_start, prepare
from shared.runtime.clock import SystemClock
from shared.runtime.endpoint import Endpoint
from shared.runtime.engine import Engine
from shared.runtime.kafka import KafkaLog
from shared.runtime.kafka.refusals import probe
from shared.runtime.limits import Limits
from shared.runtime.mongo import MongoStore
from shared.runtime.monitor import Monitor
from shared.runtime.outbound.courier import DEAD_LETTERS, Courier
from shared.runtime.outbound.restored import learn_what_left
from shared.runtime.outbound.routes import routes_of, said_of_lender
from shared.runtime.outbound.watch import CourierWatch
from shared.runtime.ports import Ports
from shared.runtime.service import Service
from shared.runtime.settings import Settings
from shared.runtime.telemetry import Telemetry
from shared.runtime.watchdog import Sentinel, StalledError

__all__ = ["collect_seldom", "health", "limits_of", "run_blocking", "run_services"]

_POLL_SECONDS: Final = 0.25  # a poll returns as soon as there is something; this only bounds an idle turn
_SLACK_SECONDS: Final = 10.0  # beyond the drain deadline, to leave the groups
_TURN_SECONDS: Final = 0.5
# Of objects made, until a collection: a batch makes thousands, nearly all of which end with it by themselves.
_COLLECTED_AFTER: Final = (50_000, 20, 50)


def limits_of(settings: Settings) -> Limits:
    """Give the engine's bounds as the environment sets them."""
    return Limits(
        partitions=settings.partitions,
        batch_records=settings.batch_records,
        batch_least=settings.batch_least,
        batch_seconds=settings.batch_seconds,
        ready_seconds=settings.ready_seconds,
        stall_seconds=settings.stall_seconds,
        poll_seconds=_POLL_SECONDS,
        document_bytes=settings.document_bytes,
        drain_seconds=settings.drain_seconds,
        backoff_first=settings.backoff_first_seconds,
        backoff_most=settings.backoff_most_seconds,
    )


def instance_name() -> str:
    """Name this process among all replicas."""
    return f"{platform.node() or 'host'}-{os.getpid()}-{uuid4().hex[:6]}"


def health(engines: Iterable[Engine]) -> list[dict[str, Any]]:
    """Say how each engine stands: its partitions, the last day done on them, what waits at the barrier."""
    rows = []
    for engine in engines:
        lanes = engine.lanes
        done = [lane.done.isoformat() if lane.done is not None else "" for lane in lanes]
        rows.append(
            {
                "service": engine.service.name,
                "partitions": sorted(lane.partition for lane in lanes),
                "day_done": min(done, default=""),
                "day_ahead": max(done, default=""),
                "waiting_at_barrier": sum(len(lane.reached) for lane in lanes),
            }
        )
    return rows


async def run_services(
    services: Sequence[Service], settings: Settings, stop: asyncio.Event, sentinel: Sentinel | None = None
) -> int:
    """Run the services until `stop` is set or a signal comes; give the exit code 0.

    Raises FatalError (a person is needed), StalledError (it was stuck), UnavailableError (the servers did not
    answer at the start), or whatever broke an engine: the process then has to end, and be started again.
    """
    logs.configure(settings.log_level, settings.log_format)
    log = logs.get_logger(
        "+".join(service.name for service in services) if len(services) == 1 else "platform"
    )
    await prepare(settings, services)
    await may_start(settings, services)
    instance = instance_name()
    store, kafka = MongoStore(settings), KafkaLog(settings)
    telemetry = Telemetry(settings, instance, [service.name for service in services])
    ports = Ports(kafka, store, SystemClock(), telemetry.tracer, telemetry.meters, {"instance": instance})
    limits = limits_of(settings)
    try:
        await store.start()
        engines = [Engine(service, ports, limits, f"{service.name}-{instance}") for service in services]
        couriers = await _couriers(services, settings, ports, store, instance)
        if couriers:
            await create_topics(settings, [DEAD_LETTERS])
        telemetry.health = lambda: health(engines)
        servers = {"Kafka": lambda: probe(settings), "database": store.ping}
        others = [CourierWatch(one, ports.clock, ports.meter, limits.ready_seconds) for one in couriers]
        monitor = Monitor(engines, limits, ports.clock, ports.meter, servers, others)
        with ExitStack() as watched:
            watched.enter_context(_signals(stop))
            watched.enter_context(_turning(monitor, engines, settings, sentinel))
            log.info("running", extra={"count": len(engines)})
            await _supervise([*engines, *couriers], monitor, settings, stop)
        log.info("stopped")
    except StalledError:
        if sentinel is not None:
            sentinel.expect_the_end(3 * _SLACK_SECONDS)
        raise
    finally:
        await kafka.close()
        await asyncio.to_thread(telemetry.close)
        await store.close()
    return 0


@contextmanager
def _turning(
    monitor: Monitor, engines: Sequence[Engine], settings: Settings, sentinel: Sentinel | None
) -> Iterator[None]:
    """Serve the health endpoint, where one is asked for, and let threads know that the loop turns."""
    told: list[Callable[[], None]] = []
    with ExitStack() as open_:
        if settings.health_port is not None:
            endpoint = Endpoint(
                settings.health_host, settings.health_port, lambda: monitor.report, settings.ready_seconds
            )
            told.append(open_.enter_context(endpoint).turned)
        if sentinel is not None:
            sentinel.watch(lambda: {engine.service.name: engine.pulse.under_way for engine in engines})
            told.append(sentinel.turned)
        task = asyncio.ensure_future(_tell(told))
        try:
            yield
        finally:
            task.cancel()


async def _tell(told: Sequence[Callable[[], None]]) -> None:
    while True:
        for tell in told:
            tell()
        await asyncio.sleep(_TURN_SECONDS)


async def _couriers(
    services: Sequence[Service], settings: Settings, ports: Ports, store: MongoStore, instance: str
) -> list[Courier]:
    """Give the courier, where notice runs here and messages can leave by some channel."""
    if not settings.has_channels or not any(service.name == "notice" for service in services):
        return []
    routes = routes_of(settings, ports.clock)
    voids = await learn_what_left(settings, store)
    return [Courier(ports, routes, said_of_lender(settings), f"courier-{instance}", voids=voids)]


class _Runner(Protocol):
    """What runs until it is told to stop."""

    async def run(self) -> None:
        """Work until `stop`."""
        ...

    def stop(self) -> None:
        """End after what is in hand."""
        ...


async def _supervise(
    engines: Sequence[_Runner], monitor: Monitor, settings: Settings, stop: asyncio.Event
) -> None:
    """Run all engines; the first that ends by itself, or is stuck, ends the others, gracefully."""
    stopped = asyncio.ensure_future(stop.wait())
    watching = asyncio.ensure_future(monitor.run())
    running = [asyncio.ensure_future(engine.run()) for engine in engines]
    try:
        await asyncio.wait([stopped, watching, *running], return_when=asyncio.FIRST_COMPLETED)
        for engine in engines:
            engine.stop()
        _, late = await asyncio.wait(running, timeout=settings.drain_seconds + _SLACK_SECONDS)
    except asyncio.CancelledError:
        late = set(running)
    finally:
        stopped.cancel()
        watching.cancel()
    for task in late:
        task.cancel()
    # What is stuck may not even take its cancellation: then the rest is not held up for it.
    patience = settings.rebalance_seconds + settings.ack_seconds + _SLACK_SECONDS
    ended, _ = await asyncio.wait([watching, *running], timeout=patience)
    # All are asked: what nobody asked for asyncio would log beside the first, which is told in words.
    broke = [task.exception() for task in (watching, *running) if task in ended and not task.cancelled()]
    for one in broke:
        if isinstance(one, Exception):
            raise one


@contextmanager
def _signals(stop: asyncio.Event) -> Iterator[None]:
    """Stop on SIGTERM or SIGINT; at the second signal, at once."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()

    def signalled() -> None:
        if stop.is_set() and task is not None:
            task.cancel()
        stop.set()

    handled: list[signal.Signals] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError, RuntimeError, ValueError):  # not in the main thread: no signals
            loop.add_signal_handler(number, signalled)
            handled.append(number)
    try:
        yield
    finally:
        for number in handled:
            loop.remove_signal_handler(number)


def collect_seldom() -> None:
    """Have cycles looked for less often, and only in what is made from now on: for a process of messages."""
    gc.freeze()
    gc.set_threshold(*_COLLECTED_AFTER)


def run_blocking(services: Sequence[Service], settings: Settings) -> int:
    """Run the services in this thread, on uvloop where there is one, until a signal; give the exit code."""
    collect_seldom()
    factory = None
    if sys.platform != "win32":
        import uvloop

        factory = uvloop.new_event_loop
    with Sentinel(settings.stall_seconds) as sentinel, asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(run_services(services, settings, asyncio.Event(), sentinel))
