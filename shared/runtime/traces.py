"""Reading a case's trace back from the database, for `parley trace` and the console."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.contracts.ids import trace_id_of
from shared.runtime.mongo import read_documents
from shared.runtime.settings import Settings

__all__ = ["TraceSpan", "read_trace"]


@dataclass(frozen=True, slots=True)
class TraceSpan:
    """One span. Times are nanoseconds since 1970; `parent` is None for the root."""

    span: str
    parent: str | None
    name: str
    kind: str
    start: int
    end: int
    attributes: Mapping[str, Any]
    error: str | None = None

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.end - self.start) / 1e9


async def read_trace(settings: Settings, case: str) -> list[TraceSpan]:
    """Read all spans of a case, each once, by start. Raises UnavailableError, FatalError.

    A span may have been written twice: the root, by a service that decided its first message again.
    """
    found: dict[str, TraceSpan] = {}
    query = {"trace": f"{trace_id_of(case):032x}"}
    async for document in read_documents(settings, "telemetry.spans", query):
        for row in document["spans"]:
            status = row.get("status") or {}
            found.setdefault(
                row["span"],
                TraceSpan(
                    span=row["span"],
                    parent=row["parent"],
                    name=row["name"],
                    kind=row["kind"],
                    start=row["start"],
                    end=row["end"],
                    attributes=row["attributes"],
                    error=status.get("description") if status.get("code") == "ERROR" else None,
                ),
            )
    return sorted(found.values(), key=lambda span: (span.start, span.parent is not None, span.span))
