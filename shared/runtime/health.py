"""Whether a replica gets on: what each engine has done since the last look, and what it ought to have done.

Live: the event loop turns. Ready: every engine has joined its group, works or stands by, its servers answer,
and where there is work something has moved lately. An input that is stopped at a marker has no work: it waits
for the others (rule 18), and which those are is said.

Stillness is counted look by look and not by the clock, so that a process that was suspended for an hour has
not stood still for an hour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.runtime.backlog import Backlog, Behind
from shared.runtime.engine import Engine
from shared.runtime.ports import Clock, Meter, TopicPartition, UnavailableError
from shared.runtime.pulse import State
from shared.runtime.service import topic_of

__all__ = ["Standing", "Trouble", "Watch"]


@dataclass(frozen=True, slots=True)
class Trouble:
    """A reason not to be ready. `still` is how long nothing has moved; 0 for what waiting mends."""

    service: str
    why: str
    partition: int | None = None
    still: float = 0.0

    def plain(self) -> dict[str, Any]:
        """Give it as JSON has it."""
        where = {} if self.partition is None else {"partition": self.partition}
        return {"service": self.service, **where, "why": self.why}


@dataclass(frozen=True, slots=True)
class Standing:
    """How one engine stood at the last look."""

    service: str
    state: State
    behind: tuple[Behind, ...] = ()
    waits_for: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    troubles: tuple[Trouble, ...] = ()

    def plain(self) -> list[dict[str, Any]]:
        """Give its lag by partition, as JSON has it."""
        return [
            {
                "service": self.service,
                "partition": one.partition,
                "lag": one.total,
                "by_topic": dict(sorted(one.lag.items())),
                "oldest_seconds": round(one.oldest_seconds, 3),
                "waits_for": list(self.waits_for.get(one.partition, ())),
            }
            for one in self.behind
        ]


class Watch:
    """Looks at one engine again and again. `ready_seconds` of stillness with work to do are trouble."""

    def __init__(self, engine: Engine, clock: Clock, meter: Meter, ready_seconds: float) -> None:
        self._engine = engine
        self._service = engine.service.name
        self._patience = ready_seconds
        self._backlog = Backlog(self._service, clock, meter)
        self._seen = (0, 0, 0)  # moves, empties, failures at the last look
        self._still = 0.0
        self._stuck: dict[TopicPartition, float] = {}  # for how long an input with work has brought nothing
        self._next: dict[TopicPartition, int] = {}
        self._asked: dict[TopicPartition, int] = {}

    async def look(self, passed: float) -> Standing:
        """Look, `passed` seconds after the last time. Sets the gauges."""
        engine, pulse = self._engine, self._engine.pulse
        before, self._seen = self._seen, (pulse.moves, pulse.empties, pulse.failures)
        moved, empty, failed = (now != then for now, then in zip(self._seen, before, strict=True))
        answered = await self._ask(moved)
        behind = self._backlog.measure(engine.lanes, self._end, engine.unfinished())
        if failed or not answered or pulse.failing.keys() & pulse.under_way.keys():
            self._still, self._stuck = 0.0, {}  # an outage: it waits, as it should (rule 10)
        else:
            self._still = 0.0 if moved or not self._has_work(behind) else self._still + passed
            self._count_stuck(behind, passed if empty else 0.0)
        troubles = self._troubles(behind)
        if not answered:
            troubles.append(Trouble(self._service, "Kafka does not say where the topics end"))
        return Standing(self._service, engine.state, tuple(behind), self._waits_for(), tuple(troubles))

    async def _ask(self, moved: bool) -> bool:
        """Ask the broker where the log ends before anything is called stuck; False where it does not answer.

        What the last fetch said may be long ago, and it counts the markers of transactions as records.
        """
        self._asked = {}
        if self._engine.lanes and (not moved or self._stuck):
            try:
                self._asked = await self._engine.ends()
            except UnavailableError:
                return False
        return True

    def _end(self, at: TopicPartition) -> int | None:
        return self._asked.get(at, self._engine.high_water(at))

    def _has_work(self, behind: list[Behind]) -> bool:
        engine = self._engine
        if engine.state in {State.TAKING_OVER, State.GIVING_UP} or engine.pulse.under_way:
            return engine.state is not State.JOINING
        return any(_open(one) for one in behind) or any(lane.ready() is not None for lane in engine.lanes)

    def _count_stuck(self, behind: list[Behind], passed: float) -> None:
        """Count, per input with work, how long polls have found nothing and it has not moved.

        Where polls bring records, other inputs' records may simply come first.
        """
        offsets = {at: offset for lane in self._engine.lanes for at, offset in lane.offsets().items()}
        work = {TopicPartition(topic, one.partition) for one in behind for topic in _open(one)}
        self._stuck = {
            at: self._stuck.get(at, 0.0) + passed
            for at in work
            if at in offsets and self._next.get(at) == offsets[at]
        }
        self._next = offsets

    def _waits_for(self) -> dict[int, tuple[str, ...]]:
        """Whom each lane waits for at its barrier: the producers that have not closed the day."""
        waited = self._engine.service.waits_for
        return {
            lane.partition: tuple(one for one in waited if topic_of(one) not in lane.reached)
            for lane in self._engine.lanes
            if lane.reached
        }

    def _troubles(self, behind: list[Behind]) -> list[Trouble]:
        engine, pulse = self._engine, self._engine.pulse
        found = [
            Trouble(self._service, f"{stage}: no answer for {seconds:.0f} s; it is tried again")
            for stage, seconds in pulse.failing.items()
        ]
        if engine.state not in {State.WORKING, State.STANDBY}:
            found.append(Trouble(self._service, engine.state.value))
        stuck = [
            Trouble(
                self._service,
                f"{at.topic} has brought nothing for {seconds:.0f} s, although records of it are waiting",
                at.partition,
                seconds,
            )
            for at, seconds in sorted(self._stuck.items())
            if seconds > self._patience
        ]
        if self._still > self._patience and not stuck:
            stages = ", ".join(f"{stage} for {seconds:.0f} s" for stage, seconds in pulse.under_way.items())
            records = sum(one.total for one in behind)
            numbers = ", ".join(str(one.partition) for one in behind) or "none"
            why = (
                f"nothing has moved for {self._still:.0f} s; {engine.state.value}, {records} records behind; "
                f"partitions: {numbers}; under way: {stages or 'nothing'}"
            )
            stuck = [Trouble(self._service, why, still=self._still)]
        return found + stuck


def _open(one: Behind) -> list[str]:
    """The inputs of a lane that have records and may go on."""
    return [topic for topic, records in one.lag.items() if records and topic not in one.stopped]
