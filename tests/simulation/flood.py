"""One real service alone, far behind: its backlog, its slow input, and two clocks that are not in-band.

The service is the product's own (its decider, its policy packs, its contracts) on the real engine; log, store
and time are the simulation's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from services.cli.catalogue import load
from shared.contracts.base import Event
from shared.contracts.cloudevents import encode
from shared.contracts.envelope import Envelope
from shared.contracts.runtime import ServiceDayClosed
from shared.runtime.lane import Lane
from shared.runtime.memory import MemoryConsumer, MemoryLog
from shared.runtime.memory_store import MemoryStore
from shared.runtime.ports import Outgoing, Record
from shared.runtime.service import topic_of
from tests.runtime.rig import Rig

PARTITIONS = 2
RECORDS = 200  # of one poll at most
BACKLOG = 2_000
ONE_DAY = timedelta(days=1)

E = TypeVar("E", bound=Event)


class Behind(StrEnum):
    """How a service comes to be behind."""

    ITSELF = "it starts when all is there"
    ITS_INPUT = "one input comes long after the others"


class SlowLog(MemoryLog):
    """A log that takes a second to hand out what it has, so that a backlog costs (virtual) time."""

    def consumer(self, group: str, client_id: str) -> MemoryConsumer:
        """Make a slow consumer."""
        self._members += 1
        return _SlowConsumer(self, self.group(group), f"{client_id}-{self._members:06d}")


class _SlowConsumer(MemoryConsumer):
    async def poll(self, max_records: int, timeout: float) -> list[Record]:
        await asyncio.sleep(1.0)
        return await super().poll(max_records, timeout)


class WallClock:
    """What the clock on the wall says; `set` it as the story needs."""

    def __init__(self) -> None:
        self._zero = datetime(2026, 3, 2, 9, tzinfo=UTC)

    def set(self, to: datetime) -> None:
        """Let it be `to` now."""
        self._zero = to - timedelta(seconds=self.monotonic())

    def now(self) -> datetime:
        return self._zero + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def jitter(self) -> float:
        return 0.5


class Office(Rig):
    """The place where one real service runs; everybody else is spoken for by the test."""

    def __init__(self, service: str) -> None:
        super().__init__(
            partitions=PARTITIONS,
            names=(),
            batch_records=RECORDS,
            document_bytes=8 * 1024 * 1024,
            document_reserve=64 * 1024,
        )
        self.service = load(service)
        self.log = SlowLog(PARTITIONS)
        self.store = MemoryStore()
        self.clock = WallClock()

    def open(self) -> None:
        """Start the service."""
        self.start(self.service.name, self.service, clock=self.clock)

    def close(self, day: date, *, source: str = "bank") -> None:
        """Say that a day is closed on the topic of `source`; those of the desk are passed on by intake."""
        sender = "intake" if source == "desk" else source
        marker = ServiceDayClosed(day=day, service=sender)
        for number in range(PARTITIONS):
            moment = datetime.combine(day, time(23, 59, 59), UTC)
            envelope: Envelope[Any] = Envelope(
                f"{sender}-{number}-{day}", f"/parley/{sender}", moment, "", marker
            )
            key, value, headers = encode(envelope)
            self.log.append(Outgoing(topic_of(source), key, value, tuple(headers), number))

    def close_all(self, day: date, *, but: str = "") -> None:
        """Say it on every input that is waited for."""
        for source in self.service.waits_for:
            if source != but:
                self.close(day, source=source)

    async def closed(self, day: date) -> None:
        """Wait until the service has closed `day` on every partition."""
        for _ in range(500):
            if self.days(self.service.topic).count(day) >= PARTITIONS:
                return
            await self.settle(5.0)
        raise AssertionError(f"{self.service.name} never closes {day}")

    def said(self, kind: type[E]) -> dict[str, E]:
        """Give what the service has said of this kind, by customer: each at most once."""
        found = [message for message in self.events(self.service.name) if type(message.data) is kind]
        keys = [message.key for message in found]
        assert len(set(keys)) == len(keys), f"{kind.__name__} said twice"
        return {message.key: message.data for message in found}

    def dated(self, kind: type[Event]) -> set[date]:
        """Give the business days on which it has said this."""
        return {m.day for m in self.events(self.service.name) if type(m.data) is kind}


@dataclass(frozen=True)
class Flood:
    """What befalls an office: `day` is the last day of its terms, `slow` the input with the backlog.

    `records` writes the records of that input one by one, its markers of `day` and of the next one included.
    """

    office: Office
    day: date
    slow: str
    records: Iterator[None]

    async def break_over(self, behind: Behind) -> None:
        """Let the service come back five seconds before midnight, `behind` as it is."""
        office = self.office
        office.clock.set(datetime.combine(self.day, time(23, 59, 55), UTC))
        for day in (self.day, self.day + ONE_DAY):
            office.close_all(day, but=self.slow)
        if behind is Behind.ITSELF:
            for _ in self.records:
                pass
            office.open()
            return
        office.open()
        for number, _ in enumerate(self.records):
            if number % RECORDS == 0:
                await asyncio.sleep(3.0)


# -- clocks that are not in-band ----------------------------------------------------------------------------


def first_input_is_enough(_clock: WallClock) -> Callable[[Lane], date | None]:
    """A marker closes its day without waiting for the other inputs (against rules 17 and 18)."""

    def ready(lane: Lane) -> date | None:
        return min((day for day, _ in lane.reached.values()), default=None)

    return ready


def by_the_wall(clock: WallClock) -> Callable[[Lane], date | None]:
    """A day is over when the clock on the wall says so (against rule 16)."""

    def ready(lane: Lane) -> date | None:
        over = clock.now().date() - ONE_DAY
        return over if lane.done is not None and lane.done < over else None

    return ready


BROKEN: tuple[Callable[[WallClock], Callable[[Lane], Any]], ...] = (first_input_is_enough, by_the_wall)
