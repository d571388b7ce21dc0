"""The platform without a platform: the six deciders, called one after another, nothing lost or doubled.

It implements the demo's `Platform`, so that the same days can be lived here and on the real servers: what
differs then is the runtime's fault. It shares no code with the runtime.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from hashlib import sha256
from typing import Any

from deploy.demo.world import last_in_line
from shared.contracts.decision import Decision, State
from shared.contracts.envelope import Envelope
from shared.contracts.ids import derive_id
from shared.contracts.partition import partition_of
from shared.runtime.lane import OpenWork
from shared.runtime.service import DocumentPer, Service
from tests.unit.console.filing import secret


@dataclass
class Document:
    state: State | None = None
    waiting: list[Envelope[Any]] = field(default_factory=list)


@dataclass
class Cell:
    """One service with all its documents."""

    service: Service
    documents: dict[str, Document] = field(default_factory=dict)
    sequences: dict[str, int] = field(default_factory=dict)
    failures: list[tuple[str, BaseException]] = field(default_factory=list)
    links: dict[str, dict[str, Any]] = field(default_factory=dict)


class SequentialPlatform:
    """Every message is decided at once by every service that reads it, in the order of the flow."""

    def __init__(self, services: Sequence[Service], partitions: int = 1) -> None:
        self.partitions = partitions  # open work is counted within one
        self.cells = [Cell(service) for service in services]
        self.published: list[Envelope[Any]] = []
        self._read = 0
        self._last = last_in_line(services)
        self._later: list[Envelope[Any]] = []  # what is heard a day later
        self._queue: deque[tuple[str, Envelope[Any]]] = deque()
        self._external: set[tuple[str, str]] = set()
        self._keys: dict[str, str] = {}

    async def publish(self, messages: Sequence[Envelope[Any]]) -> None:
        for message in messages:
            if (message.source, message.id) in self._external:
                continue
            self._external.add((message.source, message.id))
            producer = message.data.PRODUCER
            self.published.append(message)
            self._queue.append((producer, message))
            self._drain()

    async def close_day(self, day: date) -> None:
        moment = datetime.combine(day, time(23, 59, 59), UTC)
        for cell in self.cells:
            for name in sorted(cell.documents):
                self._close_document(cell, name, day, moment)
            self._drain()

    def _close_document(self, cell: Cell, name: str, day: date, moment: datetime) -> None:
        document = cell.documents[name]
        for message in list(document.waiting):
            if message.day <= day and message in document.waiting:
                document.waiting.remove(message)
                self._decide(cell, name, message, last_call=True)
        state = document.state
        if state is None:
            return
        due = cell.service.decider.due(state)
        if due is not None and due <= day:
            decision = cell.service.decider.close(state, day, self._reference(cell, name))
            document.state = decision.state
            self._emit(cell, name, decision, f"day:{day}", moment, None)
            again = cell.service.decider.due(decision.state) if decision.state else None
            assert again is None or again > day, f"{cell.service.name} left {again} due after {day}"

    async def settled(self, day: date) -> list[Envelope[Any]]:
        fresh = self.published[self._read :]
        self._read = len(self.published)
        later = [message for message in fresh if message.data.PRODUCER in self._last]
        told, self._later = self._later, later
        return [message for message in fresh if message.data.PRODUCER not in self._last] + told

    async def finished(self) -> None:
        """Nothing is ever behind."""

    def state(self, service: str, document: str) -> Any:
        cell = next(c for c in self.cells if c.service.name == service)
        return cell.documents[document].state

    def failures(self) -> list[tuple[str, str, BaseException]]:
        return [(c.service.name, what, error) for c in self.cells for what, error in c.failures]

    def _drain(self) -> None:
        while self._queue:
            producer, message = self._queue.popleft()
            for cell in self.cells:
                if producer not in (*cell.service.waits_for, *cell.service.reads):
                    continue
                if cell.service.per is DocumentPer.CUSTOMER:
                    name: str | None = message.key
                else:
                    name = message.subject
                if name is not None:
                    self._decide(cell, name, message)

    def _decide(self, cell: Cell, name: str, message: Envelope[Any], *, last_call: bool = False) -> None:
        document = cell.documents.setdefault(name, Document())
        try:
            decision = cell.service.decider.decide(document.state, message, self._reference(cell, name))
        except Exception as error:  # noqa: BLE001 - a decider's bug is a finding, not the end of the run
            cell.failures.append((message.type, error))
            return
        if decision.waits and not last_call:
            document.waiting.append(message)
            return
        changed = decision.state != document.state
        document.state = decision.state
        for link in decision.links:
            cell.links[link.id] = dict(link.body)
        self._emit(cell, name, decision, message.id, message.time, message.id)
        if changed and document.waiting:
            waiting, document.waiting = document.waiting, []
            for waiter in waiting:
                self._decide(cell, name, waiter)

    def _emit(
        self,
        cell: Cell,
        name: str,
        decision: Decision[Any],
        cause: str,
        moment: datetime,
        causation: str | None,
    ) -> None:
        if cell.service.per is DocumentPer.CUSTOMER:
            self._keys.update({e.subject: name for e in decision.emissions if e.subject})
        for index, emission in enumerate(decision.emissions):
            case = emission.subject or name
            sequence = cell.sequences.get(case, 0) + 1
            cell.sequences[case] = sequence
            message = Envelope(
                id=derive_id(cell.service.name, case, cause, index),
                source=cell.service.source,
                time=emission.moment(moment),
                key=self._keys[case],
                data=emission.data,
                subject=case,
                sequence=sequence,
                causation=causation,
            )
            self.published.append(message)
            self._queue.append((cell.service.name, message))

    def _reference(self, cell: Cell, name: str) -> Any:
        open_work: dict[str, int] = {}
        if cell.service.keyed is not None:
            return cell.service.reference({name: secret(sha256(name.encode()).digest())})
        own = self._partition(name)
        for other, document in cell.documents.items():
            if document.state is not None and self._partition(other) == own:
                for who in cell.service.workload(document.state):
                    open_work[who] = open_work.get(who, 0) + 1
        return cell.service.reference(OpenWork(open_work, self.partitions))

    def _partition(self, document: str) -> int:
        """The partition of a document: of its case's customer, or of the customer."""
        if self.partitions == 1:
            return 0
        return partition_of(self._keys.get(document, document).encode(), self.partitions)
