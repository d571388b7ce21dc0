"""Which documents the next closes must look at, as the owner of a lane knows it (rule 18).

Read once when a lane is taken over, and kept by what is loaded and written since: only the owner writes the
documents of a lane. What somebody who has lost it writes all the same is refused to the owner, or found, when
the owner works on the message that led to it; either way the document is loaded, and noted here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from shared.runtime.ports import DUE, ENTRIES_DAY, HELD, ID

__all__ = ["Waking", "first_look", "is_visited"]


def first_look(document: Mapping[str, Any], closing: str = "") -> str | None:
    """Give the first day whose close must look at the document; entries of days before `closing` are settled.

    None: no day. Days are ISO 8601.
    """
    days = [] if document[HELD] or document[DUE] is None else [document[DUE]]
    if document[ENTRIES_DAY] is not None and document[ENTRIES_DAY] >= closing:
        days.append(document[ENTRIES_DAY])
    return min(days, default=None)


def is_visited(document: Mapping[str, Any], day: str) -> bool:
    """Whether the close of `day` does anything about it: work is due, or entries of that day are left."""
    first = first_look(document, day)
    return first is not None and first <= day


class Waking:
    """The first day of each document of a lane that has one: some 100 bytes for each."""

    def __init__(self, days: Mapping[str, str] | None = None) -> None:
        self._days = dict(days or {})

    def note(self, document: Mapping[str, Any], closing: str = "") -> None:
        """Take note of a document as it stands in the store; see `first_look` for `closing`."""
        first = first_look(document, closing)
        if first is None:
            self._days.pop(document[ID], None)
        else:
            self._days[document[ID]] = first

    def upto(self, day: str) -> Iterator[str]:
        """Give the documents that the close of `day` must look at, unordered."""
        return (id_ for id_, first in self._days.items() if first <= day)
