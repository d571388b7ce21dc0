"""Reading a case's trace back from the database, for `parley trace` and the console."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from shared.contracts.ids import trace_id_of
from shared.runtime.mongo import read_documents
from shared.runtime.settings import Settings

__all__ = ["TraceSpan", "read_span_rows", "read_trace"]


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


async def read_span_rows(settings: Settings, case: str) -> list[dict[str, Any]]:
    """Read the spans of a case as they were written (`spans.to_document`), each once, in no order.

    A span may have been written twice: the root, by a service that decided its first message again.
    Raises UnavailableError, FatalError.
    """
    found: dict[str, dict[str, Any]] = {}
    query = {"trace": f"{trace_id_of(case):032x}"}
    async for document in read_documents(settings, "telemetry.spans", query):
        for row in orjson.loads(document["spans"]):
            found.setdefault(row["span"], row)
    return list(found.values())


async def read_trace(settings: Settings, case: str) -> list[TraceSpan]:
    """Read all spans of a case, each once, by start. Raises UnavailableError, FatalError."""
    return sorted(
        (_span(row) for row in await read_span_rows(settings, case)),
        key=lambda span: (span.start, span.parent is not None, span.span),
    )


def _span(row: Mapping[str, Any]) -> TraceSpan:
    status = row.get("status") or {}
    return TraceSpan(
        span=row["span"],
        parent=row["parent"],
        name=row["name"],
        kind=row["kind"],
        start=row["start"],
        end=row["end"],
        attributes=row["attributes"],
        error=status.get("description") if status.get("code") == "ERROR" else None,
    )
