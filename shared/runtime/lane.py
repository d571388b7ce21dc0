"""A lane: one partition number of all inputs, as its present owner knows it (rules 14 to 18).

The positions document is the truth about how far the service has come; the group's offsets are its mirror.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from shared.runtime.document import Cause
from shared.runtime.inbound import Inbound, Kind, Reason
from shared.runtime.limits import Limits
from shared.runtime.ports import ID, VERSION, Document, TopicPartition
from shared.runtime.service import Service
from shared.runtime.waking import Waking

__all__ = ["OUTCOMES", "InputPosition", "Lane", "OpenWork"]

OUTCOMES = ("processed", "duplicates", "dead_lettered")
"""What becomes of a record; the three add up to the records read (rule 14)."""


@dataclass(slots=True)
class InputPosition:
    """How far one input of the lane has been worked off. `closed` is the last day closed on it."""

    next: int = 0
    closed: date | None = None
    processed: int = 0
    duplicates: int = 0
    dead_lettered: int = 0

    def count(self, outcome: str) -> None:
        """Add a record to one of OUTCOMES."""
        setattr(self, outcome, getattr(self, outcome) + 1)

    def dump(self, topic: str) -> dict[str, Any]:
        """Write it."""
        return {
            "topic": topic,
            "next": self.next,
            "closed": self.closed.isoformat() if self.closed is not None else None,
            "processed": self.processed,
            "duplicates": self.duplicates,
            "dead_lettered": self.dead_lettered,
        }

    @classmethod
    def load(cls, raw: Mapping[str, Any]) -> InputPosition:
        """Read it."""
        closed = raw["closed"]
        return cls(
            raw["next"],
            date.fromisoformat(closed) if closed is not None else None,
            raw["processed"],
            raw["duplicates"],
            raw["dead_lettered"],
        )


class OpenWork(Mapping[str, int]):
    """A live read-only view of the open work of one partition, and how many partitions there are."""

    def __init__(self, work: Mapping[str, int], partitions: int) -> None:
        self._work, self.partitions = work, partitions

    def __getitem__(self, who: str) -> int:
        if who not in self._work:  # a Counter would answer 0, and `get` of a Mapping asks for a KeyError
            raise KeyError(who)
        return self._work[who]

    def __iter__(self) -> Iterator[str]:
        return iter(self._work)

    def __len__(self) -> int:
        return len(self._work)


@dataclass(slots=True)
class Lane:
    """One partition number in the hands of this replica."""

    service: Service
    partition: int
    epoch: int
    version: int
    inputs: dict[str, InputPosition]
    done: date | None = None
    work: Counter[str] = field(default_factory=Counter)
    waking: Waking = field(default_factory=Waking)
    reached: dict[str, tuple[date, Inbound]] = field(default_factory=dict)  # waited-for topic -> marker
    behind_barrier: dict[str, deque[Inbound]] = field(default_factory=dict)
    lagging_since: float | None = None
    lag_told: bool = False
    unsaved: int = 0  # records read since the positions were saved
    pressing: bool = False  # one of them was decided or dead-lettered
    discarded: frozenset[str] = frozenset()  # records that are read again and were discarded the first time

    @classmethod
    def load(
        cls, service: Service, raw: Document, work: Mapping[str, int], waking: Mapping[str, str] | None = None
    ) -> Lane:
        """Make the lane of the positions that raising the epoch returned (rule 14)."""
        stored = {row["topic"]: InputPosition.load(row) for row in raw.get("inputs", ())}
        done = raw.get("done")
        return cls(
            service=service,
            partition=raw[ID],
            epoch=raw["epoch"],
            version=raw[VERSION],
            # What is no longer read stays in the document: its counts belong to the record of what was done.
            inputs={**stored, **{topic: stored.get(topic, InputPosition()) for topic in service.topics}},
            done=date.fromisoformat(done) if done is not None else None,
            work=Counter(work),
            waking=Waking(waking),
            discarded=frozenset(raw.get("discarded", ())),
        )

    def dump(self) -> Document:
        """Write the positions as the next version."""
        return {
            ID: self.partition,
            "epoch": self.epoch,
            VERSION: self.version + 1,
            "done": self.done.isoformat() if self.done is not None else None,
            "inputs": [position.dump(topic) for topic, position in sorted(self.inputs.items())],
            **({"discarded": sorted(self.discarded)} if self.discarded else {}),
        }

    def worked_off(self, inbound: Inbound, outcome: str) -> None:
        """Note that a record has been worked off, as one of OUTCOMES; it is to be saved."""
        position = self.inputs[inbound.record.topic]
        position.next = max(position.next, inbound.record.offset + 1)
        position.count(outcome)
        self.unsaved += 1
        self.pressing = self.pressing or not inbound.passed_over

    def settled(self, cause: Cause) -> bool:
        """Whether everything that came of `cause` is known to be published (rule 2)."""
        if cause.day:
            return self.done is not None and cause.day <= self.done.isoformat()
        return cause.offset < self.inputs[cause.topic].next if cause.topic in self.inputs else False

    def offsets(self) -> dict[TopicPartition, int]:
        """Give what is to be committed: the mirror of the positions."""
        return {
            TopicPartition(topic, self.partition): self.inputs[topic].next for topic in self.service.topics
        }

    def open_work(self, partitions: int = 1) -> OpenWork:
        """Give a live read-only view of the open work of this partition, one of `partitions` (rule 22)."""
        return OpenWork(self.work, partitions)

    # -- the barrier (rules 16 to 18) -------------------------------------------------------------------

    def admit(self, inbounds: Iterable[Inbound], latest: Callable[[Lane], date]) -> list[Inbound]:
        """Take what arrived, in arrival order; give what may be worked on now.

        A waited-for input that has reached a day is stopped at its marker: what follows waits behind it. A
        marker of a day that is done already passes as a duplicate; one beyond `latest` is rejected.
        """
        admitted = []
        for inbound in inbounds:
            topic = inbound.record.topic
            if topic in self.reached:
                self.behind_barrier.setdefault(topic, deque()).append(inbound)
            elif inbound.kind is Kind.MARKER and (self.done is None or _day(inbound) > self.done):
                if _day(inbound) > latest(self):
                    admitted.append(inbound.reject(Reason.MARKER, "the day is too far ahead"))
                else:
                    self.reached[topic] = (_day(inbound), inbound)
            else:
                admitted.append(inbound)
        return admitted

    @property
    def held(self) -> list[Inbound]:
        """What stands at the barrier: the markers, and what waits behind them."""
        waiting = [inbound for behind in self.behind_barrier.values() for inbound in behind]
        return [marker for _, marker in self.reached.values()] + waiting

    def overfull(self, limits: Limits) -> set[TopicPartition]:
        """Give the inputs that are stopped at a marker and hold as much behind it as memory allows."""
        return {
            TopicPartition(topic, self.partition)
            for topic, held in self.behind_barrier.items()
            if len(held) >= limits.batch_records
            or sum(len(inbound.record.value or b"") for inbound in held) >= limits.barrier_bytes
        }

    def ready(self) -> date | None:
        """Give the day that can be closed now: every waited-for input has reached it."""
        waited = self.service.waited_topics
        if not waited or any(topic not in self.reached for topic in waited):
            return None
        return min(self.reached[topic][0] for topic in waited)

    def completed_by(self, topics: Collection[str]) -> bool:
        """Whether markers on `topics` are all that some day still waits for."""
        waited = self.service.waited_topics
        return bool(topics) and all(topic in self.reached or topic in topics for topic in waited)

    def finish(self, day: date) -> list[Inbound]:
        """Note that `day` is done: its markers are worked off. Give what waited behind them."""
        self.done = day
        released: list[Inbound] = []
        for topic, (reached, inbound) in list(self.reached.items()):
            position = self.inputs[topic]
            if reached <= day:
                position.next = inbound.record.offset + 1
                position.closed = reached
                position.processed += 1
                del self.reached[topic]
                released += self.behind_barrier.pop(topic, ())
        return released


def _day(inbound: Inbound) -> date:
    assert inbound.envelope is not None  # noqa: S101 - a marker has been decoded
    day: date = inbound.envelope.data.day
    return day
