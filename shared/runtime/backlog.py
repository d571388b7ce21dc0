"""How far behind a replica is: records not worked off, and the age of the oldest of them, by partition."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from shared.runtime.lane import Lane
from shared.runtime.ports import Clock, Meter, Record, TopicPartition

__all__ = ["Backlog", "Behind"]


@dataclass(frozen=True, slots=True)
class Behind:
    """One partition: records not worked off by input, those inputs that are stopped at a marker, an age."""

    partition: int
    lag: dict[str, int]
    stopped: tuple[str, ...]
    oldest_seconds: float

    @property
    def total(self) -> int:
        """The records of all inputs."""
        return sum(self.lag.values())


class Backlog:
    """Measures lanes and sets the gauges `lag` and `oldest_seconds`.

    The first record not worked off is as a rule one that has been fetched, and its own timestamp tells its
    age. Where none has been fetched, its age is at least the time since the partition was seen to be behind.
    """

    def __init__(self, service: str, clock: Clock, meter: Meter) -> None:
        self._service = service
        self._clock = clock
        self._meter = meter
        self._since: dict[TopicPartition, float] = {}
        self._told: frozenset[int] = frozenset()

    def measure(
        self,
        lanes: Sequence[Lane],
        end: Callable[[TopicPartition], int | None],
        unfinished: Iterable[Record],
    ) -> list[Behind]:
        """Say how far behind each lane is. `end` is the log's, `unfinished` what was fetched."""
        first: dict[TopicPartition, int] = {}
        for record in unfinished:
            first[record.at] = min(first.get(record.at, record.timestamp_ms), record.timestamp_ms)
        found = [self._one(lane, end, first) for lane in lanes]
        owned = {at for lane in lanes for at in lane.offsets()}
        self._since = {at: since for at, since in self._since.items() if at in owned}
        self._gauge(found)
        return found

    def _one(
        self, lane: Lane, end: Callable[[TopicPartition], int | None], first: dict[TopicPartition, int]
    ) -> Behind:
        wall, now = self._clock.now().timestamp(), self._clock.monotonic()
        lag: dict[str, int] = {}
        oldest = 0.0
        for at, offset in lane.offsets().items():
            after = end(at)
            lag[at.topic] = max(0, after - offset) if after is not None else int(at in first)
            if not lag[at.topic] and at not in first:
                self._since.pop(at, None)
                continue
            since = self._since.setdefault(at, now)
            written = first.get(at, 0)
            oldest = max(oldest, wall - written / 1000 if written > 0 else now - since)
        return Behind(lane.partition, lag, tuple(sorted(lane.reached)), oldest)

    def _gauge(self, found: Sequence[Behind]) -> None:
        """Set the gauges; those of partitions that another replica owns now are its to set."""
        for partition in self._told - {one.partition for one in found}:
            for name in ("lag", "oldest_seconds", "days_behind"):
                self._meter.retire(name, service=self._service, partition=str(partition))
        self._told = frozenset(one.partition for one in found)
        for one in found:
            labels = {"service": self._service, "partition": str(one.partition)}
            self._meter.gauge("oldest_seconds", one.oldest_seconds, **labels)
            for topic, records in one.lag.items():
                self._meter.gauge("lag", float(records), topic=topic, **labels)
