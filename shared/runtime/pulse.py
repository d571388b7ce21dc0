"""What an engine notes of its own progress. Its loop writes; health, the watchdog and other threads read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from shared.runtime.ports import Clock

__all__ = ["Pulse", "State"]


class State(StrEnum):
    """Where a replica stands in its group."""

    JOINING = "joining the group"
    TAKING_OVER = "taking its partitions over"
    WORKING = "working"
    STANDBY = "standing by"  # a member that no partition is left for
    GIVING_UP = "giving its partitions up"


class Pulse:
    """Counts what got done, and remembers what is under way and what a server has refused to do.

    `moves` rises with every stage that came to its end and every poll that brought records; `empties` with
    every poll that found nothing; `failures` with every call that a server did not answer.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.moves = 0
        self.empties = 0
        self.failures = 0
        self._under_way: dict[object, tuple[str, float]] = {}
        self._failing: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Note that a stage is under way; that it ended well is progress."""
        token = object()
        self._under_way[token] = (name, self._clock.monotonic())
        try:
            yield
            self.moves += 1
        finally:
            del self._under_way[token]
            self._failing.pop(name, None)

    def failed(self, stage: str) -> None:
        """Note that a server was away, slow or refused: an outage, and no fault of the engine's (rule 10)."""
        self.failures += 1
        self._failing.setdefault(stage, self._clock.monotonic())

    def polled(self, records: int) -> None:
        """Note what a poll brought."""
        self._failing.pop("poll", None)
        if records:
            self.moves += 1
        else:
            self.empties += 1

    @property
    def under_way(self) -> dict[str, float]:
        """The stages that are under way, and for how many seconds."""
        now, ages = self._clock.monotonic(), dict[str, float]()
        for name, since in list(self._under_way.values()):
            ages[name] = max(ages.get(name, 0.0), now - since)
        return ages

    @property
    def failing(self) -> dict[str, float]:
        """The stages whose last call was not answered, and for how many seconds that has been so."""
        now = self._clock.monotonic()
        return {stage: now - since for stage, since in list(self._failing.items())}
