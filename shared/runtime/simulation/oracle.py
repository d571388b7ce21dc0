"""The sequential oracle: the same deciders, one message after another, nothing lost, doubled or late.

It shares no code with the engine. Poison that cannot be healed is skipped, as if it had been discarded.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from shared.contracts.decision import Decision, State
from shared.contracts.envelope import Envelope
from shared.contracts.ids import derive_id
from shared.runtime.service import DocumentPer, Service
from shared.runtime.simulation.script import Script
from shared.runtime.simulation.toy import PERMANENT, Accept, Bad, toy_services

__all__ = ["Oracle", "run_oracle"]


@dataclass(slots=True)
class Cell:
    """One service: its documents' states and waiting facts."""

    service: Service
    states: dict[str, State | None] = field(default_factory=dict)
    waiting: dict[str, list[Envelope[Any]]] = field(default_factory=dict)


@dataclass(slots=True)
class Oracle:
    """What a history must come to."""

    cells: list[Cell]
    emitted: dict[tuple[str, str], list[tuple[str, str]]] = field(default_factory=dict)
    healed: bool = True
    _queue: deque[tuple[str, Envelope[Any]]] = field(default_factory=deque)
    _seen: set[tuple[str, str]] = field(default_factory=set)
    _keys: dict[str, str] = field(default_factory=dict)

    def take(self, envelope: Envelope[Any]) -> None:
        """Take an external message, once."""
        if (envelope.source, envelope.id) not in self._seen:
            self._seen.add((envelope.source, envelope.id))
            self._queue.append((envelope.data.PRODUCER, envelope))
            self._drain()

    def close(self, day: date) -> None:
        """Close a day along the chain."""
        for cell in self.cells:
            for name in sorted(cell.states):
                for message in list(cell.waiting.get(name, ())):
                    if message.day <= day and message in cell.waiting[name]:
                        cell.waiting[name].remove(message)
                        self._decide(cell, name, message, last_call=True)
                state = cell.states[name]
                due = cell.service.decider.due(state) if state is not None else None
                if due is not None and due <= day:
                    reference = cell.service.reference({})
                    self._apply(cell, name, cell.service.decider.close(state, day, reference))
            self._drain()

    def _drain(self) -> None:
        while self._queue:
            producer, message = self._queue.popleft()
            for cell in self.cells:
                if producer in (*cell.service.waits_for, *cell.service.reads):
                    customer = cell.service.per is DocumentPer.CUSTOMER
                    name = message.key if customer else message.subject
                    if name is not None:
                        self._decide(cell, name, message)

    def _decide(self, cell: Cell, name: str, message: Envelope[Any], *, last_call: bool = False) -> None:
        data = message.data
        if isinstance(data, Bad) and data.at == cell.service.name and data.kind in PERMANENT:
            return
        if isinstance(data, Accept) and data.bad and cell.service.name == "middle":
            return
        self._keys[message.subject or ""] = message.key
        state = cell.states.setdefault(name, None)
        decision = cell.service.decider.decide(state, message, cell.service.reference({}))
        if decision.waits and not last_call:
            cell.waiting.setdefault(name, []).append(message)
        elif self._apply(cell, name, decision):
            waiting, cell.waiting[name] = cell.waiting.get(name, []), []
            for waiter in waiting:
                self._decide(cell, name, waiter)

    def _apply(self, cell: Cell, name: str, decision: Decision[Any]) -> bool:
        changed = decision.state != cell.states[name]
        cell.states[name] = decision.state
        for emission in decision.emissions:
            case = emission.subject or name
            emitted = self.emitted.setdefault((cell.service.name, case), [])
            emitted.append((emission.data.TYPE, emission.data.model_dump_json()))
            key = name if cell.service.per is DocumentPer.CUSTOMER else self._keys[case]
            message = Envelope(
                id=derive_id("oracle", cell.service.name, case, len(emitted)),
                source=cell.service.source,
                time=_MOMENT,
                key=key,
                data=emission.data,
                subject=case,
            )
            self._queue.append((cell.service.name, message))
        return changed


_MOMENT: Any = None


def run_oracle(script: Script) -> Oracle:
    """Live the history in order."""
    oracle = Oracle([])
    oracle.cells = [Cell(service) for service in toy_services(oracle, archive=False)]
    for day in script.days:
        for envelope in (*day.bank, *day.desk):
            oracle.take(replace(envelope))
        oracle.close(day.day)
    return oracle
