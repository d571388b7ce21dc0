"""The platform without a platform, in every order that the design allows: chosen by a seed.

Each service has one queue for each topic that it reads. What is at the head of any of them may be next; a
marker of a topic that is waited for stops it until all of those have reached the day (rules 16 to 18). So one
day's facts on two topics reach a service in either order, and what flows back before or after its close.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from random import Random
from typing import Any

from shared.contracts.envelope import Envelope
from shared.runtime.service import DocumentPer, Service
from tests.journey.sequential import Cell, SequentialPlatform

__all__ = ["ScrambledPlatform"]


class ScrambledPlatform(SequentialPlatform):
    """Decides one message at a time, of whichever service and topic the seed says."""

    def __init__(self, services: Sequence[Service], seed: int, partitions: int = 1) -> None:
        super().__init__([service for service in services if service.emits], partitions)
        self._chance = Random(seed)
        self._inputs: dict[tuple[str, str], deque[Envelope[Any] | date]] = {
            (cell.service.name, producer): deque()
            for cell in self.cells
            for producer in (*cell.service.waits_for, *cell.service.reads)
        }

    async def publish(self, messages: Sequence[Envelope[Any]]) -> None:
        await super().publish(messages)
        self._run(self._chance.randrange(2 * len(messages) + 1))

    async def close_day(self, day: date) -> None:
        self._put("bank", day)
        self._run(None)

    def _drain(self) -> None:
        while self._queue:
            producer, message = self._queue.popleft()
            self._put(producer, message)

    def _put(self, producer: str, what: Envelope[Any] | date) -> None:
        for (_, topic), queue in self._inputs.items():
            if topic == producer:
                queue.append(what)

    def _run(self, most: int | None) -> None:
        """Take steps in any order, until none can be taken, or so many."""
        while (most is None or most > 0) and (steps := self._possible()):
            self._chance.choice(steps)()
            self._drain()
            most = None if most is None else most - 1

    def _possible(self) -> list[Callable[[], None]]:
        steps: list[Callable[[], None]] = []
        for cell in self.cells:
            service = cell.service
            for producer in (*service.waits_for, *service.reads):
                queue = self._inputs[service.name, producer]
                if queue and not isinstance(queue[0], date):
                    steps.append(lambda c=cell, q=queue: self._take(c, q.popleft()))  # type: ignore[misc]
                elif queue and producer in service.reads:
                    steps.append(queue.popleft)  # type: ignore[arg-type]
            heads = [self._inputs[service.name, producer] for producer in service.waits_for]
            if all(queue and isinstance(queue[0], date) for queue in heads):
                steps.append(lambda c=cell, q=heads: self._close(c, max(one.popleft() for one in q)))  # type: ignore[misc]
        return steps

    def _take(self, cell: Cell, message: Envelope[Any]) -> None:
        name = message.key if cell.service.per is DocumentPer.CUSTOMER else message.subject
        if name is not None:
            self._decide(cell, name, message)

    def _close(self, cell: Cell, day: date) -> None:
        moment = datetime.combine(day, time(23, 59, 59), UTC)
        for name in sorted(cell.documents):
            self._close_document(cell, name, day, moment)
        self._drain()
        self._put(cell.service.name, day)
        if cell.service.passes_to_desk:
            self._put("desk", day)
