"""How Parley uses OpenTelemetry's SDK: ids derived from the case, sampling per case, spans in the database.

Trace ids are the case ids' own bits; the root span's id is derived too, so that every process can parent to
it without having seen it. The W3C trace context (traceparent, tracestate) travels as plain strings.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import orjson
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision as SamplingDecision
from opentelemetry.sdk.trace.sampling import Sampler, SamplingResult
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    TraceFlags,
    TraceState,
    get_current_span,
    set_span_in_context,
)

from shared.contracts.ids import derive_id, trace_id_of

if TYPE_CHECKING:
    from opentelemetry.trace import Link
    from opentelemetry.util.types import Attributes

__all__ = [
    "CaseSampler",
    "DatabaseSpans",
    "DerivedIds",
    "parse_traceparent",
    "root_context",
    "root_span_id",
    "to_traceparent",
]

_RANDOM_BITS: Final = (
    56  # of a trace id, from the right: W3C Trace Context level 2; a UUID's are uniform there
)
_FIELDS: Final = 4


@lru_cache(maxsize=8192)
def root_span_id(case: str) -> int:
    """Give the id of the case's root span, "case opened" (never 0)."""
    return UUID(derive_id("root span", case)).int & (1 << 64) - 1 or 1


def to_traceparent(context: SpanContext) -> str:
    """Write a span context as a W3C `traceparent`."""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags & 1:02x}"


def parse_traceparent(text: str | None, state: str | None = None) -> SpanContext | None:
    """Read a W3C `traceparent`; None for one that is missing or malformed: the standard says to ignore it."""
    parts = (text or "").strip().split("-")
    if len(parts) < _FIELDS or [len(part) for part in parts[:_FIELDS]] != [2, 32, 16, 2]:
        return None
    try:
        version, trace, span, flags = (int(part, 16) for part in parts[:_FIELDS])
    except ValueError:
        return None
    if version == 0xFF or (version == 0 and len(parts) > _FIELDS) or not trace or not span:
        return None
    tracestate = TraceState.from_header([state]) if state else TraceState()
    return SpanContext(trace, span, is_remote=True, trace_flags=TraceFlags(flags & 1), trace_state=tracestate)


@lru_cache(maxsize=8192)
def root_context(case: str, *, sampled: bool) -> SpanContext:
    """Give the context of the case's root span, as if it had arrived from elsewhere."""
    flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
    return SpanContext(trace_id_of(case), root_span_id(case), is_remote=True, trace_flags=flags)


def parent_in(context: SpanContext | None) -> Context:
    """Give an OpenTelemetry context in which `context` is the parent; an empty one starts a trace."""
    return set_span_in_context(NonRecordingSpan(context), Context()) if context else Context()


class DerivedIds(RandomIdGenerator):
    """Random ids, except for the next root span after `force`, which gets the ids it was told."""

    def __init__(self) -> None:
        self._forced: tuple[int, int] | None = None

    def force(self, trace: int, span: int) -> None:
        """Give the next trace and span these ids."""
        self._forced = (trace, span)

    def generate_trace_id(self) -> int:
        """Give the forced trace id, or a random one."""
        return self._forced[0] if self._forced else super().generate_trace_id()

    def generate_span_id(self) -> int:
        """Give the forced span id once, or a random one."""
        if self._forced is None:
            return super().generate_span_id()
        span, self._forced = self._forced[1], None
        return span


class CaseSampler(Sampler):
    """Samples by the random part of the trace id alone: a case is traced wholly or not at all.

    The SDK's TraceIdRatioBased looks at the lower 64 bits, two of which are fixed in a UUID: a ratio of 0.2
    would trace nothing. The 56 rightmost bits are uniform.
    """

    def __init__(self, ratio: float) -> None:
        self._ratio = ratio
        self._least = round((1 - ratio) * (1 << _RANDOM_BITS))

    def samples(self, trace_id: int) -> bool:
        """Tell whether the trace is kept."""
        return (trace_id & (1 << _RANDOM_BITS) - 1) >= self._least

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,  # noqa: ARG002
        kind: SpanKind | None = None,  # noqa: ARG002
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,  # noqa: ARG002
        trace_state: TraceState | None = None,  # noqa: ARG002
    ) -> SamplingResult:
        """Decide by the trace id, whatever the parent said; its trace state travels on."""
        kept = self.samples(trace_id)
        decision = SamplingDecision.RECORD_AND_SAMPLE if kept else SamplingDecision.DROP
        return SamplingResult(
            decision, attributes, get_current_span(parent_context).get_span_context().trace_state
        )

    def get_description(self) -> str:
        """Describe the sampler."""
        return f"CaseSampler{{{self._ratio}}}"


Sink = Callable[[Sequence[Mapping[str, Any]]], None]


class DatabaseSpans(SpanProcessor):
    """Keeps ended spans in a bounded queue; a thread of its own writes them, in the meantime nobody waits.

    What does not fit is dropped and counted. Spans of one trace that are written together share a document,
    as JSON text: the embedded database's cost is per document and field. It writes as seldom as the SDK's own
    batches are sent.
    """

    def __init__(self, sink: Sink, *, limit: int = 20_000, every: float = 5.0, most: int = 2_000) -> None:
        self._sink, self._limit, self._every, self._most = sink, limit, every, most
        self._queue: deque[ReadableSpan] = deque()
        self._stopping = threading.Event()
        self._flush = threading.Lock()
        self.dropped = 0
        self.written = 0
        self._thread = threading.Thread(target=self._work, name="parley-spans", daemon=True)
        self._thread.start()

    def on_start(self, span: SdkSpan, parent_context: Context | None = None) -> None:
        """Do nothing: a span counts when it ends."""

    def on_end(self, span: ReadableSpan) -> None:
        """Take a span, or drop it when the database is too slow. Never waits."""
        if len(self._queue) >= self._limit:
            self.dropped += 1
        else:
            self._queue.append(span)

    def shutdown(self) -> None:
        """Write what is left, for at most five seconds."""
        self._stopping.set()
        self._thread.join(timeout=5)
        self.dropped += len(self._queue)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002
        """Write what is there now, in the calling thread."""
        return self._drain()

    def _work(self) -> None:
        while not self._stopping.wait(self._every):
            self._drain()
        self._drain()

    def _drain(self) -> bool:
        with self._flush:
            while self._queue:
                batch = [self._queue.popleft() for _ in range(min(self._most, len(self._queue)))]
                try:
                    self._sink(list(_documents(batch)))
                except Exception:  # noqa: BLE001  telemetry never stops the work: what cannot be written is counted
                    self.dropped += len(batch)
                    return False
                self.written += len(batch)
        return True


def _documents(spans: Iterable[ReadableSpan]) -> Iterable[dict[str, Any]]:
    by_trace: dict[str, list[dict[str, Any]]] = {}
    for span in spans:
        if span.context is not None:
            by_trace.setdefault(f"{span.context.trace_id:032x}", []).append(to_document(span))
    for trace, found in by_trace.items():
        yield {"trace": trace, "spans": orjson.dumps(found).decode()}


def to_document(span: ReadableSpan) -> dict[str, Any]:
    """Write an ended span as a plain document. Times are nanoseconds since 1970, UTC."""
    context = span.context
    document: dict[str, Any] = {
        "span": f"{context.span_id:016x}" if context else "",
        "parent": f"{span.parent.span_id:016x}" if span.parent else None,
        "name": span.name,
        "kind": span.kind.name,
        "start": span.start_time,
        "end": span.end_time,
        "attributes": dict(span.attributes or {}),
    }
    if span.links:
        document["links"] = [
            {"trace": f"{link.context.trace_id:032x}", "span": f"{link.context.span_id:016x}"}
            for link in span.links
        ]
    if not span.status.is_unset:
        document["status"] = {"code": span.status.status_code.name, "description": span.status.description}
    return document
