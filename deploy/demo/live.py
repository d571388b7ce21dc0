"""The demo on the real platform: publish, close a day, wait until everything is quiet, read what was said."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date
from types import TracebackType
from typing import Any, Self

from deploy.demo.world import last_in_line
from shared.contracts.bank import DayClosed
from shared.contracts.base import Event
from shared.contracts.cloudevents import DecodeError, decode
from shared.contracts.envelope import Envelope
from shared.contracts.registry import PRODUCERS
from shared.contracts.runtime import CaseHeld, CaseReleased, ServiceDayClosed
from shared.runtime.mongo import MongoStore
from shared.runtime.ports import Record
from shared.runtime.publish import EventPublisher, Tail
from shared.runtime.service import Service, topic_of
from shared.runtime.settings import Settings

__all__ = ["DemoStalled", "KafkaPlatform"]

_MARKERS = (DayClosed, ServiceDayClosed, CaseHeld, CaseReleased)
_COMMANDS = topic_of("ops")
_POLL_SECONDS = 0.02
_STALL_SECONDS = 120.0


class DemoStalled(RuntimeError):  # noqa: N818 - said to a person
    """A day was not finished in time; the message names who is behind."""


class KafkaPlatform:
    """Implements the demo's `Platform`. Quiet means: every service has worked off what it acts on.

    A service publishes before it writes its positions, so once all positions have reached the last record
    that their service does anything about, and the tail has read the topics to their ends, there is nothing
    under way. The broker is asked for the ends: a tail that reads nothing may only be slow. Positions are
    asked for only where they are behind what is known of them.

    With `ahead`, those that nobody waits for (`last_in_line`) may still be at the end of a day while the next
    one is lived. What they say is heard a day later in any case, so both ways give the same story.
    """

    def __init__(self, settings: Settings, services: Sequence[Service], *, ahead: bool = False) -> None:
        self._services = services
        self._last = last_in_line(services)
        # Whoever only keeps what was said (the archive) may come later: nobody acts on it.
        self._acting = [
            service for service in services if service.emits and not (ahead and service.name in self._last)
        ]
        self._awaited_topics = {topic_of(p) for p in PRODUCERS if not (ahead and p in self._last)}
        self._publisher = EventPublisher(settings)
        self._tail = Tail(settings, [topic_of(p) for p in PRODUCERS], from_start=True)
        self._store = MongoStore(settings)
        self._readers = {
            topic_of(p): [service for service in services if p in service.inputs] for p in PRODUCERS
        }
        self._ends: dict[tuple[str, int], int] = {}
        self._acted_on: dict[tuple[str, str, int], int] = {}  # service, topic, partition -> end of it
        self._reached: dict[tuple[str, str, int], int] = {}  # the same, as its positions said last
        self._fresh: list[Envelope[Any]] = []
        self._later: list[tuple[date, Envelope[Any]]] = []  # with the day whose marker came before it
        self._day_before: date | None = None  # the last day but one that was closed here
        self._today: date | None = None
        self._seen: set[tuple[str, str]] = set()
        self._closed: dict[tuple[str, int], date] = {}
        self._partitions = settings.partitions
        self.records = 0

    async def __aenter__(self) -> Self:
        await self._store.start()
        await self._tail.__aenter__()
        await self._publisher.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._publisher.__aexit__(kind, error, trace)
        await self._tail.__aexit__(kind, error, trace)
        await self._store.close()

    async def publish(self, messages: Sequence[Envelope[Any]]) -> None:
        """Publish in order; returns when every message is acknowledged."""
        await self._publisher.send_all(messages)

    async def close_day(self, day: date) -> None:
        """Close a business day on every partition."""
        if day != self._today:
            self._day_before, self._today = self._today, day
        await self._publisher.close_day(day)

    async def settled(self, day: date) -> list[Envelope[Any]]:
        """Wait until `day` is closed and all is quiet; give what is new. Raises DemoStalled.

        Of those that are last in line, what they said up to the close of the day before.
        """
        loop = asyncio.get_running_loop()
        moved = loop.time()
        while True:
            records = await self._tail.poll(_POLL_SECONDS)
            if self._take(records):
                moved = loop.time()
            # The last service's marker comes last: until it is there, nobody need be asked.
            behind = self._open(day) or await self._behind(self._acting, self._acted_on)
            if not behind and await self._all_read():
                return self._taken()
            if loop.time() - moved > _STALL_SECONDS:
                raise DemoStalled(f"{day.isoformat()} is not done after {_STALL_SECONDS:.0f} s: {behind}")

    def _taken(self) -> list[Envelope[Any]]:
        until = self._day_before or date.min
        told = [message for after, message in self._later if after < until]
        self._later = [(after, message) for after, message in self._later if after >= until]
        fresh, self._fresh = self._fresh, []
        return fresh + told

    async def finished(self) -> None:
        """Wait until everybody's positions have reached the end of everything. Raises DemoStalled."""
        everything = {
            (service.name, topic, partition): end
            for (topic, partition), end in self._ends.items()
            for service in self._readers[topic]
        }
        loop = asyncio.get_running_loop()
        began = loop.time()
        while behind := await self._behind(self._services, everything):
            if loop.time() - began > _STALL_SECONDS:
                raise DemoStalled(f"the year is not read after {_STALL_SECONDS:.0f} s: {behind}")
            await asyncio.sleep(_POLL_SECONDS)

    async def _all_read(self) -> bool:
        ends = await self._tail.ends()
        return all(
            self._ends.get((at.topic, at.partition), 0) == end
            for at, end in ends.items()
            if at.topic in self._awaited_topics
        )

    def _take(self, records: Sequence[Record]) -> bool:
        """Note what was read; give whether any of it was new: who only repeats itself gets nowhere."""
        new = False
        for record in records:
            self.records += 1
            self._ends[record.topic, record.partition] = record.offset + 1
            try:
                message = decode(record.key, record.value, record.headers)
            except DecodeError:
                self._act(record)  # somebody else's garbage: the services dead-letter it
                new = True
                continue
            self._act(record, type(message.data))
            if isinstance(message.data, ServiceDayClosed):
                # A marker may be said again, and one that is older by whoever was thought dead.
                at_place = (record.topic, record.partition)
                last = self._closed.get(at_place, date.min)
                new |= message.data.day > last
                self._closed[at_place] = max(message.data.day, last)
            at = (message.source, message.id)
            if not isinstance(message.data, _MARKERS) and at not in self._seen:
                self._seen.add(at)  # what was published twice, by a service that was killed, is told once
                self._keep(record, message)
                new = True
        return new

    def _keep(self, record: Record, message: Envelope[Any]) -> None:
        if message.data.PRODUCER in self._last:
            after = self._closed.get((record.topic, record.partition), date.min)
            self._later.append((after, message))
        else:
            self._fresh.append(message)

    def _act(self, record: Record, kind: type[Event] | None = None) -> None:
        """Note who does something about a record; everybody, if it cannot be read."""
        if kind is not None and issubclass(kind, DayClosed | ServiceDayClosed):
            return  # whoever waits for it says so by a marker of its own
        for service in self._readers[record.topic]:
            # A command is the runtime's own: no decider handles it, but its service works on it.
            if kind is None or record.topic == _COMMANDS or not service.passes_over(kind):
                self._acted_on[service.name, record.topic, record.partition] = record.offset + 1

    def _open(self, day: date) -> str:
        """Say which service's marker of `day` has not been read yet, or nothing."""
        for service in self._services:
            wanted = day if service in self._acting else self._day_before
            if service.waits_for and wanted is not None:
                for partition in range(self._partitions):
                    done = self._closed.get((service.topic, partition))
                    if done is None or done < wanted:
                        return f"{service.name} has not closed it on partition {partition}"
        return ""

    async def _behind(self, services: Sequence[Service], wanted: Mapping[tuple[str, str, int], int]) -> str:
        """Say who has not reached what it should have, or nothing."""
        for service in services:
            missing = self._missing(service, wanted)
            if missing:
                for position in await self._store.positions(service.name):
                    for row in position.get("inputs", ()):
                        self._reached[service.name, row["topic"], position["_id"]] = row["next"]
                missing = self._missing(service, wanted)
            if missing:
                return missing
        return ""

    def _missing(self, service: Service, wanted: Mapping[tuple[str, str, int], int]) -> str:
        for topic in service.topics:
            for partition in range(self._partitions):
                at = (service.name, topic, partition)
                if self._reached.get(at, 0) < wanted.get(at, 0):
                    return f"{service.name} reads {topic}[{partition}]"
        return ""
