"""The documents that this replica wrote last, as they stand in the store, so that they need not be loaded.

Only the owner of a lane writes its documents, and every write carries the version that it follows (rule 4):
what another has written since is refused, loaded and decided again. So a document that is held here saves a
query and is never relied upon.
"""

from __future__ import annotations

from collections.abc import Iterable

from shared.runtime.bounded import Bounded
from shared.runtime.lane import Lane
from shared.runtime.ports import ID, PARTITION, Document

__all__ = ["Recent"]


class Recent:
    """Bounded by the encoded bytes of what is held; what was used longest ago goes first."""

    def __init__(self, most_bytes: int) -> None:
        self._held = Bounded[str, Document](most_bytes)

    def __len__(self) -> int:
        """Count the documents."""
        return len(self._held)

    def find(self, document: str, lane: Lane) -> Document | None:
        """Give the document as it was written in this assignment of the lane; None if it must be loaded."""
        held = self._held.get(document)
        if held is None or (held[PARTITION], held["epoch"]) != (lane.partition, lane.epoch):
            return None
        self._held.used(document)
        return held

    def keep(self, document: Document, size: int) -> None:
        """Hold a document that has been written; `size` is its encoded length in bytes."""
        self._held.keep(document[ID], document, size)

    def drop(self, documents: Iterable[str]) -> None:
        """Forget documents: what stands in the store is not known any more."""
        for document in documents:
            self._held.drop(document)
