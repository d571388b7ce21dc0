"""What one engine has in hand: the lanes of its assignment, and the records of them that it has begun."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from shared.runtime.inbound import Inbound, Kind
from shared.runtime.lane import Lane
from shared.runtime.limits import Limits
from shared.runtime.ports import Record, TopicPartition

__all__ = ["Hand"]


@dataclass(slots=True)
class Hand:
    """Everything that is forgotten when the assignment goes: whoever owns it next reads it again."""

    lanes: dict[int, Lane] = field(default_factory=dict)
    carry: list[Inbound] = field(default_factory=list)  # what waited behind a barrier that has opened
    batch: list[Inbound] = field(default_factory=list)  # what is worked on
    stopped: set[TopicPartition] = field(default_factory=set)  # inputs that the consumer was asked to pause

    def unfinished(self, fetched: Sequence[Inbound]) -> Iterator[Record]:
        """Give what has been read and is not worked off, `fetched` included."""
        held = [one for lane in self.lanes.values() for one in lane.held]
        return (one.record for one in (*self.batch, *self.carry, *fetched, *held))

    @property
    def unsaved(self) -> list[Lane]:
        """The lanes whose positions have moved since they were saved."""
        return [lane for lane in self.lanes.values() if lane.unsaved]

    def offsets(self) -> dict[TopicPartition, int]:
        """Give the positions of all lanes, by input."""
        return {at: offset for lane in self.lanes.values() for at, offset in lane.offsets().items()}

    def overfull(self, limits: Limits) -> set[TopicPartition]:
        """Give the inputs that have more waiting behind their day than may be held."""
        return {at for lane in self.lanes.values() for at in lane.overfull(limits)}

    def completed_by(self, inbounds: Sequence[Inbound]) -> bool:
        """Whether `inbounds` bring the last marker that some lane's day still wants."""
        markers = [inbound.record for inbound in inbounds if inbound.kind is Kind.MARKER]
        return any(
            lane.completed_by({record.topic for record in markers if record.partition == partition})
            for partition, lane in self.lanes.items()
        )

    def ready(self) -> list[tuple[date, list[Lane]]]:
        """Group the lanes whose barrier is complete by the day that they close, the earliest first."""
        days: dict[date, list[Lane]] = {}
        for lane in self.lanes.values():
            day = lane.ready()
            if day is not None:
                days.setdefault(day, []).append(lane)
        return sorted(days.items(), key=lambda item: item[0])
