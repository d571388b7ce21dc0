"""The ranges of topics that a restored backup has made void: nobody reads them, and nobody misses them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from shared.runtime.mongo import MongoStore
from shared.runtime.ports import ID, Document
from shared.runtime.settings import Settings

__all__ = ["OWNER", "VOIDS", "Void", "Voids", "read_voids"]

OWNER = "parley"
"""Whose collections those of the whole platform are: `parley.voids`, `parley.backup`."""

VOIDS = "voids"


class Void(NamedTuple):
    """Records of one partition that count as never said: from `start` up to but not including `end`."""

    topic: str
    partition: int
    start: int
    end: int

    def dump(self, restored_at: str) -> Document:
        """Write it. Its id is its place, so that writing it again changes nothing."""
        return {
            ID: f"{self.topic}/{self.partition}/{self.start}",
            "topic": self.topic,
            "partition": self.partition,
            "start": self.start,
            "end": self.end,
            "restored_at": restored_at,
        }

    @classmethod
    def load(cls, raw: Document) -> Void:
        """Read it."""
        return cls(raw["topic"], raw["partition"], raw["start"], raw["end"])


class Voids:
    """All void ranges of a platform."""

    def __init__(self, ranges: Iterable[Void] = ()) -> None:
        self._ranges: dict[tuple[str, int], list[Void]] = defaultdict(list)
        for one in ranges:
            self._ranges[one.topic, one.partition].append(one)

    @property
    def topics(self) -> set[str]:
        """The topics that have any."""
        return {topic for topic, _ in self._ranges}

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._ranges)

    def holds(self, topic: str, partition: int, offset: int) -> bool:
        """Tell whether a record is void."""
        ranges = self._ranges.get((topic, partition), ())
        return any(one.start <= offset < one.end for one in ranges)

    def count(self, topic: str, partition: int, start: int, end: int) -> int:
        """Count the void records of a partition from `start` up to but not including `end`."""
        ranges = self._ranges.get((topic, partition), ())
        return sum(max(0, min(end, one.end) - max(start, one.start)) for one in ranges)


async def read_voids(settings: Settings) -> Voids:
    """Read them from the database; there are none where no backup was ever restored."""
    store = MongoStore(settings)
    try:
        await store.start()
        return Voids(Void.load(raw) for raw in await store.every(OWNER, VOIDS))
    finally:
        await store.close()
