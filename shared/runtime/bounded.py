"""What is kept at hand within a bound: what was used longest ago goes first."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

__all__ = ["Bounded"]

K = TypeVar("K")
V = TypeVar("V")


class Bounded(Generic[K, V]):
    """Bounded by the sum of the sizes that things are kept with: bytes, or one for each."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._size = 0
        self._held: OrderedDict[K, tuple[V, int]] = OrderedDict()

    def __len__(self) -> int:
        """Count the things."""
        return len(self._held)

    def get(self, key: K) -> V | None:
        """Give what is kept, without calling it used."""
        held = self._held.get(key)
        return None if held is None else held[0]

    def used(self, key: K) -> None:
        """Note that it was used."""
        self._held.move_to_end(key)

    def keep(self, key: K, thing: V, size: int = 1) -> None:
        """Keep it in the place of what was kept, and make room."""
        self.drop(key)
        self._held[key] = thing, size
        self._size += size
        while self._size > self._most:
            _, (_, oldest) = self._held.popitem(last=False)
            self._size -= oldest

    def drop(self, key: K) -> None:
        """Forget it, if it is kept."""
        held = self._held.pop(key, None)
        if held is not None:
            self._size -= held[1]
