"""How large the next batch may be: halved when the database was slow, a step larger when it was fast.

Additive increase, multiplicative decrease, as TCP does it (RFC 5681): the size settles just below what the
database can take in the target time, whatever that is today. A smaller batch is given up sooner when the
group wants the partitions back, so a slow database costs throughput and no membership.
"""

from __future__ import annotations

from typing import Final

__all__ = ["DATABASE", "Pace"]

DATABASE: Final = frozenset({"load", "park", "write", "ids", "links", "unpark", "due", "positions"})
"""The stages that are the database's time."""

_STEPS: Final = 20  # from nothing to the full size
_FAST: Final = 0.5  # of the target: what is slower, yet within it, changes nothing


class Pace:
    """The bound of the next batch, between `least` and `most` records.

    `spent` adds up the stages of a batch; `settle` draws the conclusion and begins the next one.
    """

    def __init__(self, most: int, least: int, target_seconds: float) -> None:
        self._most = most
        self._least = min(least, most)
        self._target = target_seconds
        self._seconds = 0.0
        self.size = most

    def spent(self, stage: str, seconds: float) -> None:
        """Add the time of one stage; what is not the database's does not count."""
        if stage in DATABASE:
            self._seconds += seconds

    def settle(self, records: int) -> None:
        """Judge a batch of `records` that has come to its end.

        Only one of at least half the size says that a larger one would have been fast as well.
        """
        seconds, self._seconds = self._seconds, 0.0
        if seconds > self._target:
            self.size = max(self._least, self.size // 2)
        elif seconds <= self._target * _FAST and records * 2 >= self.size:
            self.size = min(self._most, self.size + max(1, self._most // _STEPS))

    def of(self, whole: int) -> int:
        """Give the same share of another bound (a page of due work)."""
        return max(1, whole * self.size // self._most)
