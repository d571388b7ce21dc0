"""Fetching: the next records are polled and decoded while the batch before them is worked on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from shared.runtime.inbound import Inbound, receive
from shared.runtime.limits import Limits
from shared.runtime.pace import Pace
from shared.runtime.ports import Clock, Consumer, FatalError, Meter, OffsetLostError, UnavailableError
from shared.runtime.pulse import Pulse
from shared.runtime.retry import Patience
from shared.runtime.service import Service

__all__ = ["Fetching"]


class Fetching:
    """At most one poll under way. `hurried` tells that nobody should be kept waiting for more records.

    `ends` tells that some day is complete with the records given, so that nothing more comes of it.
    """

    def __init__(
        self,
        service: Service,
        limits: Limits,
        consumer: Consumer,
        clock: Clock,
        meter: Meter,
        patience: Patience,
        pulse: Pulse,
        pace: Pace,
        hurried: Callable[[], bool],
        ends: Callable[[Sequence[Inbound]], bool],
    ) -> None:
        self._service, self._limits, self._consumer = service, limits, consumer
        self._clock, self._meter, self._patience = clock, meter, patience
        self._pulse, self._pace, self._hurried, self._ends = pulse, pace, hurried, ends
        self._task: asyncio.Task[tuple[int, list[Inbound]]] | None = None

    @property
    def fetched(self) -> Sequence[Inbound]:
        """What has come and has not been taken."""
        task = self._task
        if task is None or not task.done() or task.cancelled() or task.exception():
            return ()
        return task.result()[1]

    def start(self) -> asyncio.Task[tuple[int, list[Inbound]]]:
        """Begin a poll, unless one is under way; give it."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._poll())
        return self._task

    async def within(self, seconds: float) -> bool:
        """Begin, and tell whether it has come to its end within `seconds`."""
        done, _ = await asyncio.wait({self.start()}, timeout=seconds)
        return bool(done)

    async def take(self) -> tuple[int, list[Inbound]]:
        """Give the next records, decoded, and the consumer's generation when they were asked for.

        Raises BrokenError, and FatalError where retention has removed what was never read.
        """
        found = await self.start()
        self._task = None
        return found

    async def drop(self) -> None:
        """Wait for a poll under way and forget what it brings."""
        if self._task is not None:
            task, self._task = self._task, None
            await asyncio.gather(task, return_exceptions=True)

    async def _poll(self) -> tuple[int, list[Inbound]]:
        generation = self._consumer.generation
        try:
            inbounds = await self._records(self._pace.size)
            if inbounds:
                await self._gather(inbounds)
        except UnavailableError:
            self._pulse.failed("poll")
            self._meter.count("retries", service=self._service.name, stage="poll")
            await self._patience.pause(0)
            return generation, []
        except OffsetLostError as error:
            raise FatalError(
                f"{self._service.name}: {error}: retention has removed it", "parley check"
            ) from None
        self._pulse.polled(len(inbounds))
        return generation, inbounds

    async def _records(self, most: int) -> list[Inbound]:
        records = await self._consumer.poll(most, self._limits.poll_seconds)
        return [receive(self._service, record, self._limits.partitions) for record in records]

    async def _gather(self, inbounds: list[Inbound]) -> None:
        """Add what comes while the service lingers, up to a full batch; a day's end is not kept waiting."""
        size = self._pace.size
        until = self._clock.monotonic() + self._service.linger_seconds
        while len(inbounds) < size and self._clock.monotonic() < until and not self._hurried():
            if self._ends(inbounds):
                return
            try:
                inbounds += await self._records(size - len(inbounds))
            except UnavailableError:
                return  # what came before it is not lost; the next poll says so again, if it lasts
