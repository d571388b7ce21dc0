"""Engines on the log and store in memory, in virtual time, for tests that tell one story each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

from shared.contracts.cloudevents import decode, encode
from shared.contracts.envelope import Envelope
from shared.contracts.ids import case_id
from shared.contracts.ops import Discard, Replay
from shared.contracts.runtime import ServiceDayClosed
from shared.runtime.engine import Engine
from shared.runtime.limits import Limits
from shared.runtime.memory import MemoryLog
from shared.runtime.memory_store import MemoryStore
from shared.runtime.ports import Document, Outgoing, Ports
from shared.runtime.service import Service
from shared.runtime.simulation.loop import run_virtual
from shared.runtime.simulation.script import marker_of, outgoing
from shared.runtime.simulation.toy import toy_services
from shared.runtime.simulation.world import SimClock, Telemetry

D1, D2, D3, D4, D5 = (date(2026, 3, n) for n in range(1, 6))
ANN = "C-ann"
ANNS = case_id(ANN, 1)


def at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 9, tzinfo=UTC)


class Rig:
    """A log, a store and engines; `settle` waits until all that was said has been worked off."""

    def __init__(
        self, *, partitions: int = 1, names: Sequence[str] = ("front", "middle", "back"), **limits: Any
    ) -> None:
        self.world = SimpleNamespace(healed=False, rng=SimpleNamespace(random=lambda: 0.5))
        self.limits = Limits(
            partitions=partitions,
            **{
                "poll_seconds": 1.0,
                "backoff_first": 0.1,
                "document_bytes": 60_000,
                "document_reserve": 8_000,
                **limits,
            },
        )
        self.log = MemoryLog(partitions, max_bytes=20_000)
        self.store = MemoryStore(max_bytes=200_000)
        self.telemetry = Telemetry()
        self.services = {
            service.name: service for service in toy_services(self.world) if service.name in names
        }
        self.engines: list[Engine] = []
        self.tasks: list[asyncio.Task[None]] = []
        self._count = 0

    # -- the platform ----------------------------------------------------------------------------------

    def ports(self, **other: Any) -> Ports:
        given: dict[str, Any] = {
            "log": self.log,
            "store": self.store,
            "clock": SimClock(self.world),  # type: ignore[arg-type]
            "tracer": self.telemetry,
            "meter": self.telemetry,
        }
        return Ports(**{**given, **other})

    def start(self, name: str, service: Service | None = None, **ports: Any) -> Engine:
        engine = Engine(service or self.services[name], self.ports(**ports), self.limits, name)
        self.engines.append(engine)
        self.tasks.append(asyncio.get_running_loop().create_task(engine.run()))
        return engine

    def start_all(self) -> None:
        for name in self.services:
            self.start(name)

    async def stop(self) -> None:
        for engine in self.engines:
            engine.stop()
        await asyncio.gather(*self.tasks)
        self.engines, self.tasks = [], []

    async def settle(self, seconds: float = 30.0) -> None:
        """Let virtual time pass: enough for everything to come to rest. An engine's error is raised."""
        await asyncio.sleep(seconds)
        for task in self.tasks:
            if task.done():
                task.result()

    # -- the world -------------------------------------------------------------------------------------

    def say(
        self, data: Any, day: date = D1, *, key: str = ANN, case: str | None = None, id_: str | None = None
    ) -> Envelope[Any]:
        self._count += 1
        desk = data.PRODUCER == "desk"
        envelope: Envelope[Any] = Envelope(
            id=id_ or f"m{self._count}",
            source=f"/{data.PRODUCER}",
            time=at(day),
            key=key,
            data=data,
            subject=(case or case_id(key, 1)) if desk else None,
        )
        self.log.append(outgoing(envelope))
        return envelope

    def tell(
        self,
        service: str,
        data: Any,
        sequence: int,
        *,
        key: str = ANN,
        id_: str | None = None,
        day: date = D1,
    ) -> None:
        """Say something in a service's own name."""
        envelope: Envelope[Any] = Envelope(
            id=id_ or f"{service}-{sequence}",
            source=f"/parley/{service}",
            time=at(day),
            key=key,
            data=data,
            subject=case_id(key, 1),
            sequence=sequence,
        )
        k, value, headers = encode(envelope)
        self.log.append(Outgoing(f"{service}.events", k, value, tuple(headers)))

    def close(self, day: date, *, source: str = "bank") -> None:
        """Say that a day is closed: the bank does, or a service in its own name."""
        if source == "bank":
            for marker in marker_of(day, range(self.limits.partitions)):
                self.log.append(marker)
            return
        sender = "front" if source == "desk" else source
        envelope: Envelope[Any] = Envelope(
            f"{sender}-{day}", f"/parley/{sender}", at(day), "", ServiceDayClosed(day=day, service=sender)
        )
        key, value, headers = encode(envelope)
        for number in range(self.limits.partitions):
            self.log.append(Outgoing(f"{source}.events", key, value, tuple(headers), number))

    def close_inputs(self, service: str, day: date) -> None:
        """Say that a day is closed on every input that a service waits for."""
        for source in self.services[service].waits_for:
            self.close(day, source=source)

    def forge(self, topic: str, day: date, *, service: str) -> None:
        """Say in the name of a service, on a topic that is not its own, that a day is closed."""
        envelope: Envelope[Any] = Envelope(
            "x", f"/parley/{service}", at(day), "", ServiceDayClosed(day=day, service=service)
        )
        key, value, headers = encode(envelope)
        self.log.append(Outgoing(topic, key, value, tuple(headers)))

    def replay(self, service: str, document: str = ANNS, *, key: str = ANN, id_: str | None = None) -> None:
        self._order(Replay(service=service, document=document), key, id_)

    def discard(
        self,
        service: str,
        topic: str,
        offset: int,
        document: str = ANNS,
        *,
        key: str = ANN,
        partition: int = 0,
    ) -> None:
        self._order(
            Discard(
                service=service,
                document=document,
                topic=topic,
                partition=partition,
                offset=offset,
                reason="of no use",
            ),
            key,
            None,
        )

    def _order(self, data: Any, key: str, id_: str | None) -> None:
        self._count += 1
        k, value, headers = encode(Envelope(id_ or f"cmd{self._count}", "/ops", at(D1), key, data))
        self.log.append(Outgoing("ops.commands", k, value, tuple(headers)))

    # -- what came of it -------------------------------------------------------------------------------

    def document(self, service: str, id_: str = ANNS) -> Document:
        return self.store.documents(service)[id_]

    def state(self, service: str, id_: str = ANNS) -> Any:
        return self.document(service, id_)["state"]

    def events(self, service: str) -> list[Envelope[Any]]:
        found = [decode(r.key, r.value, r.headers) for r in self.log.topic(f"{service}.events")]
        return [message for message in found if not isinstance(message.data, ServiceDayClosed)]

    def types(self, service: str) -> list[str]:
        return [message.type.split(".")[-2] for message in self.events(service)]

    def days(self, topic: str) -> list[date]:
        found = [decode(r.key, r.value, r.headers) for r in self.log.topic(topic)]
        return [message.data.day for message in found if isinstance(message.data, ServiceDayClosed)]

    def dead(self, service: str) -> list[dict[str, str]]:
        return [
            {
                n.removeprefix("parley-"): (v or b"").decode()
                for n, v in record.headers
                if n.startswith("parley-")
            }
            for record in self.log.topic(f"{service}.dead-letter")
        ]

    def reasons(self, service: str) -> list[str]:
        return [letter["reason"] for letter in self.dead(service)]

    def alarms(self) -> list[str]:
        return [name for name, _ in self.telemetry.alarms]

    async def positions(self, service: str, partition: int = 0) -> Document:
        return next(d for d in await self.store.positions(service) if d["_id"] == partition)


def story(tell: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """Run an asynchronous test in virtual time."""

    def run() -> None:
        run_virtual(tell())  # type: ignore[arg-type]

    run.__name__, run.__doc__ = tell.__name__, tell.__doc__
    return run
