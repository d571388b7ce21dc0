"""Traces and metrics of a process: OpenTelemetry's SDK behind the engine's ports.

One trace per case. Its id is the case id, its root a short span "case opened". Each record's `process` span
is a child of the context it arrived with if that belongs to the case's trace; otherwise (a bank's own trace,
or none) a child of the root, linked to what it arrived with. A batch has a span in a trace of its own, with
at most 128 links. Spans and metrics go to an OTLP endpoint if one is set, else to the database, in the
background: the engine never waits for them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode

from shared.contracts.ids import trace_id_of
from shared.contracts.intake import CaseOpened
from shared.runtime import names
from shared.runtime.meters import Meters
from shared.runtime.ports import SpanStart
from shared.runtime.settings import Settings
from shared.runtime.sink import SpanSink
from shared.runtime.spans import (
    CaseSampler,
    DatabaseSpans,
    DerivedIds,
    parent_in,
    parse_traceparent,
    root_context,
    root_span_id,
    to_traceparent,
)

__all__ = ["CaseTracer", "Telemetry"]

MOST_LINKS: Final = 128
_SNAPSHOT_SECONDS: Final = 5.0
_FAILED: Final = frozenset({"parked"})


class CaseTracer:
    """Implements `ports.Tracer`. One per process; used from the event loop only."""

    def __init__(self, processor: SpanProcessor | None, *, ratio: float = 1.0, instance: str = "") -> None:
        self._sampler = CaseSampler(ratio)
        self._ids = DerivedIds()
        self._provider = TracerProvider(
            sampler=self._sampler,
            id_generator=self._ids,
            resource=Resource({"service.namespace": "parley", "service.instance.id": instance}),
            shutdown_on_exit=False,
        )
        if processor is not None:
            self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("parley")

    def process(self, start: SpanStart) -> _ProcessSpan:
        """Begin a process span."""
        return _ProcessSpan(self, start)

    def batch(self, service: str, records: int) -> _BatchSpan:
        """Begin a batch span."""
        return _BatchSpan(self, service, records)

    def sampled(self, case: str) -> bool:
        """Tell whether the case is traced."""
        return self._sampler.samples(trace_id_of(case))

    def root(self, case: str) -> SpanContext:
        """Give the context of the case's root span."""
        return root_context(case, sampled=self.sampled(case))

    def start(
        self, name: str, parent: SpanContext | None, kind: SpanKind, at: int, links: Sequence[Link] = ()
    ) -> Span:
        """Start a span of the SDK at a moment in nanoseconds since 1970."""
        return self._tracer.start_span(name, parent_in(parent), kind, links=links, start_time=at)

    def opened(self, case: str, service: str, at: int) -> None:
        """Write the case's root span. Writing it again writes the same."""
        self._ids.force(trace_id_of(case), root_span_id(case))
        span = self.start(names.CASE_OPENED, None, SpanKind.INTERNAL, at)
        span.set_attributes({names.CASE_ID: case, names.SERVICE: service})
        span.end(at)

    def close(self) -> None:
        """Hand over what is left."""
        self._provider.shutdown()


class _ProcessSpan:
    """A `process` span. The SDK's span is started when its trace is known, back-dated to where it began."""

    __slots__ = ("_at", "_case", "_span", "_start", "_tracer")

    def __init__(self, tracer: CaseTracer, start: SpanStart) -> None:
        self._tracer = tracer
        self._start = start
        self._at = time.time_ns()
        self._case = start.case
        self._span: Span | None = None

    @property
    def context(self) -> SpanContext:
        """The span's own context; a span that still knows no case gets a trace of its own."""
        return self._open().get_span_context()

    def _open(self) -> Span:
        if self._span is not None:
            return self._span
        start, case = self._start, self._case
        arrived = parse_traceparent(start.traceparent, start.tracestate)
        parent = self._tracer.root(case) if case is not None else None
        links: tuple[Link, ...] = ()
        if arrived is not None:
            if parent is not None and arrived.trace_id == parent.trace_id:
                parent = arrived
            else:
                links = (Link(arrived),)
        name = f"process {start.topic}" if start.topic is not None else names.CLOSE
        kind = SpanKind.CONSUMER if start.topic is not None else SpanKind.INTERNAL
        self._span = self._tracer.start(name, parent, kind, self._at, links)
        if self._span.is_recording():
            self._span.set_attributes(_attributes(start, case))
        return self._span

    def carry(self, case: str) -> tuple[str | None, str | None]:
        """Give the context for an emission about `case`."""
        if self._case is None and self._span is None:
            self._case = case
        if case != self._case:
            return to_traceparent(self._tracer.root(case)), None
        context = self.context
        return to_traceparent(context), context.trace_state.to_header() or None

    def end(self, decision: str, emitted: Sequence[str] = ()) -> None:
        """Finish."""
        span = self._open()
        if CaseOpened.TYPE in emitted and self._case is not None:
            self._tracer.opened(self._case, self._start.service, self._at)
        if span.is_recording():
            span.set_attribute(names.DECISION, decision)
            if emitted:
                span.set_attribute(names.EMITTED, list(emitted))
            if decision in _FAILED:
                span.set_attribute(names.ERROR_TYPE, decision)
                span.set_status(Status(StatusCode.ERROR, decision))
        span.end()

    def drop(self) -> None:
        """Forget it: a span that is not ended is not exported."""
        self._span = None


def _attributes(start: SpanStart, case: str | None) -> dict[str, str | int]:
    found: dict[str, str | int | None] = {
        names.SERVICE: start.service,
        names.EVENT_TYPE: start.type,
        names.CASE_ID: case,
        names.BUSINESS_DAY: start.day,
    }
    if start.topic is not None:
        found |= {
            names.SYSTEM: names.KAFKA,
            names.OPERATION_NAME: "process",
            names.OPERATION_TYPE: "process",
            names.DESTINATION: start.topic,
            names.PARTITION: str(start.partition),
            names.OFFSET: start.offset,
            names.GROUP: f"parley.{start.service}",
            names.MESSAGE_ID: start.message_id,
        }
    return {name: value for name, value in found.items() if value is not None}


class _BatchSpan:
    """The span of one batch; started when it ends, because only then its links are known."""

    __slots__ = ("_at", "_links", "_records", "_service", "_tracer")

    def __init__(self, tracer: CaseTracer, service: str, records: int) -> None:
        self._tracer = tracer
        self._service = service
        self._records = records
        self._at = time.time_ns()
        self._links: list[Link] = []

    def link(self, span: Any) -> None:
        """Link a process span, unless 128 are linked."""
        if len(self._links) < MOST_LINKS and isinstance(span, _ProcessSpan):
            context = span.context
            if context.trace_flags.sampled:
                self._links.append(Link(context))

    def end(self, stages: Mapping[str, float]) -> None:
        """Finish; `stages` are seconds by stage."""
        span = self._tracer.start(names.BATCH, None, SpanKind.INTERNAL, self._at, self._links)
        if span.is_recording():
            span.set_attributes(
                {
                    names.SERVICE: self._service,
                    names.SYSTEM: names.KAFKA,
                    names.BATCH_COUNT: self._records,
                    **{f"{names.STAGE}.{stage}": seconds for stage, seconds in stages.items()},
                }
            )
        span.end()


class Telemetry:
    """A process's tracer and meters with where they go. Open one per process, close it at the end."""

    def __init__(self, settings: Settings, instance: str, services: Sequence[str]) -> None:
        self._instance = instance
        self._services = list(services)
        self._sink: SpanSink | None = None
        self._spans: DatabaseSpans | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._metrics: MeterProvider | None = None
        self.meters = Meters()
        self.health: Callable[[], list[dict[str, Any]]] = list  # set by whoever runs the engines
        endpoint = settings.otel_exporter_otlp_endpoint
        processor: SpanProcessor | None = None
        if settings.telemetry and endpoint is not None:
            base = endpoint.rstrip("/")
            processor = BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{base}/v1/traces"))
            if settings.otel_metrics_exporter != "none":
                reader = PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=f"{base}/v1/metrics"))
                self._metrics = MeterProvider([reader], shutdown_on_exit=False)
                self.meters.export_to(self._metrics)
        elif settings.telemetry:
            self._sink = SpanSink(settings)
            self._spans = DatabaseSpans(self._sink.spans)
            processor = self._spans
            self._thread = threading.Thread(target=self._snapshots, name="parley-metrics", daemon=True)
            self._thread.start()
        self.tracer = CaseTracer(
            processor, ratio=settings.sampling if settings.telemetry else 0.0, instance=instance
        )

    @property
    def dropped(self) -> int:
        """Spans that the database was too slow for."""
        return self._spans.dropped if self._spans is not None else 0

    def snapshot(self) -> dict[str, Any]:
        """Give the process's numbers now."""
        return {
            "_id": self._instance,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "services": self._services,
            "health": self.health(),
            "spans_dropped": self.dropped,
            **self.meters.snapshot(),
        }

    def _snapshots(self) -> None:
        while not self._stopping.wait(_SNAPSHOT_SECONDS):
            self._write()
        self._write()

    def _write(self) -> None:
        try:
            if self._sink is not None:
                self._sink.metrics(self.snapshot())
        except Exception:  # noqa: BLE001, S110  numbers for people: the next snapshot has them again
            pass

    def close(self) -> None:
        """Hand over what is left. Blocking, a few seconds at most."""
        self.tracer.close()
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
        if self._metrics is not None:
            self._metrics.shutdown()
        if self._sink is not None:
            self._sink.close()
