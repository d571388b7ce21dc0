"""The secrets of documents that a replica has at hand, so that each is loaded once in an assignment.

Only the owner of a lane destroys secrets of its documents: what was loaded in an earlier assignment may have
been destroyed by another owner since, and is not used.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from shared.runtime.bounded import Bounded
from shared.runtime.lane import Lane
from shared.runtime.ports import Document

__all__ = ["Secrets"]

_MOST: Final = 20_000


class Secrets:
    """Bounded by count (about 300 bytes each); what was used longest ago goes first."""

    def __init__(self, most: int = _MOST) -> None:
        self._held = Bounded[str, tuple[int, int, Document]](most)

    def find(self, document: str, lane: Lane) -> Document | None:
        """Give the row as it was loaded in this assignment of the lane; None if it must be loaded."""
        held = self._held.get(document)
        if held is None or held[:2] != (lane.partition, lane.epoch):
            return None
        self._held.used(document)
        return held[2]

    def keep(self, document: str, lane: Lane, row: Document) -> None:
        """Hold a row that has been loaded."""
        self._held.keep(document, (lane.partition, lane.epoch, row))

    def drop(self, documents: Iterable[str]) -> None:
        """Forget secrets: they are destroyed."""
        for document in documents:
            self._held.drop(document)
