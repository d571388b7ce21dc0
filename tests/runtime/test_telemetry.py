"""Telemetry: one trace per case with the right parents, nothing personal, nothing that waits."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

import orjson
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from deploy.embedded.platform import Addresses
from shared.contracts.ids import case_id, trace_id_of
from shared.contracts.intake import CaseOpened
from shared.runtime import names
from shared.runtime.meters import Meters
from shared.runtime.ports import METERS, SpanStart
from shared.runtime.spans import CaseSampler, DatabaseSpans, parse_traceparent, root_span_id
from shared.runtime.telemetry import MOST_LINKS, CaseTracer, Telemetry
from shared.runtime.traces import read_trace
from tests.runtime.support import settings_of

CUSTOMER = "C-00077"
CASE = case_id(CUSTOMER, 1)
OTHER = case_id(CUSTOMER, 2)
BANK = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracer(exporter: InMemorySpanExporter) -> CaseTracer:
    return CaseTracer(SimpleSpanProcessor(exporter))


def start(service: str, topic: str | None, case: str | None = CASE, **fields: Any) -> SpanStart:
    return SpanStart(service, f"parley.{service}.test.v1", case, topic, partition=3, offset=17, **fields)


def by_name(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in exporter.get_finished_spans()}


def parent_of(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent is not None else None


def id_of(span: ReadableSpan) -> int:
    assert span.context is not None
    return span.context.span_id


def whole_story(tracer: CaseTracer) -> None:
    """A bank's event opens the case, the next service hears of it, a closed day has consequences."""
    bank = tracer.process(start("intake", "bank.events", None, traceparent=BANK, external=True))
    carried, state = bank.carry(CASE)
    bank.end("decided", [CaseOpened.TYPE])
    heard = tracer.process(start("assessment", "intake.events", traceparent=carried, tracestate=state))
    heard.end("decided")
    due = tracer.process(SpanStart("followup", "day.closed", CASE, day="2026-03-05"))
    due.end("closed")
    desk = tracer.process(start("offer", "desk.events", external=True, traceparent=BANK))
    desk.end("refused")


def test_a_case_is_one_trace_with_the_right_parents(
    tracer: CaseTracer, exporter: InMemorySpanExporter
) -> None:
    whole_story(tracer)
    spans = by_name(exporter)
    assert set(spans) == {
        "case opened",
        "process bank.events",
        "process intake.events",
        "close day",
        "process desk.events",
    }
    assert {span.context.trace_id for span in spans.values() if span.context} == {trace_id_of(CASE)}
    root = spans["case opened"]
    assert root.parent is None
    assert id_of(root) == root_span_id(CASE)
    assert parent_of(spans["process bank.events"]) == id_of(root)
    assert parent_of(spans["process intake.events"]) == id_of(spans["process bank.events"])
    assert parent_of(spans["close day"]) == id_of(root)
    assert parent_of(spans["process desk.events"]) == id_of(root)
    bank = parse_traceparent(BANK)
    for name in ("process bank.events", "process desk.events"):
        assert [link.context.trace_id for link in spans[name].links] == [bank.trace_id if bank else 0]
    assert (root.start_time or 0) <= (spans["process bank.events"].end_time or 0)


def test_no_personal_data_and_no_key_on_spans(tracer: CaseTracer, exporter: InMemorySpanExporter) -> None:
    whole_story(tracer)
    known = {value for name, value in vars(names).items() if name.isupper() and isinstance(value, str)}
    for span in exporter.get_finished_spans():
        assert CUSTOMER not in span.to_json()
        assert set(span.attributes or {}) <= known
    process = by_name(exporter)["process intake.events"]
    assert dict(process.attributes or {}) == {
        names.SERVICE: "assessment",
        names.EVENT_TYPE: "parley.assessment.test.v1",
        names.CASE_ID: CASE,
        names.SYSTEM: "kafka",
        names.OPERATION_NAME: "process",
        names.OPERATION_TYPE: "process",
        names.DESTINATION: "intake.events",
        names.PARTITION: "3",
        names.OFFSET: 17,
        names.GROUP: "parley.assessment",
        names.DECISION: "decided",
    }


def test_a_message_that_speaks_of_two_cases_joins_no_two_traces(tracer: CaseTracer) -> None:
    span = tracer.process(start("intake", "bank.events", None))
    first, _ = span.carry(CASE)
    second, _ = span.carry(OTHER)
    assert span.carry(CASE)[0] == first
    one, two = parse_traceparent(first), parse_traceparent(second)
    assert one is not None
    assert two is not None
    assert (one.trace_id, two.trace_id) == (trace_id_of(CASE), trace_id_of(OTHER))
    assert two.span_id == root_span_id(OTHER)


def test_the_trace_state_travels_on(tracer: CaseTracer) -> None:
    carried, _ = tracer.process(start("intake", "bank.events")).carry(CASE)
    span = tracer.process(start("offer", "intake.events", traceparent=carried, tracestate="vendor=1"))
    assert span.carry(CASE)[1] == "vendor=1"


def test_what_was_dropped_is_not_exported(tracer: CaseTracer, exporter: InMemorySpanExporter) -> None:
    span = tracer.process(start("offer", "intake.events"))
    span.carry(CASE)
    span.drop()
    tracer.process(start("offer", "intake.events")).drop()
    assert exporter.get_finished_spans() == ()


def test_a_parked_message_is_an_error(tracer: CaseTracer, exporter: InMemorySpanExporter) -> None:
    tracer.process(start("offer", "intake.events")).end("parked")
    (span,) = exporter.get_finished_spans()
    assert not span.status.is_ok
    assert (span.attributes or {})[names.ERROR_TYPE] == "parked"


def test_the_batch_has_a_trace_of_its_own_and_128_links(
    tracer: CaseTracer, exporter: InMemorySpanExporter
) -> None:
    batch = tracer.batch("offer", 200)
    for number in range(200):
        span = tracer.process(start("offer", "intake.events", case_id(CUSTOMER, number)))
        span.end("decided")
        batch.link(span)
    batch.end({"publish": 0.25})
    spans = exporter.get_finished_spans()
    (one,) = [span for span in spans if span.name == "batch"]
    assert one.parent is None
    assert len(one.links) == MOST_LINKS
    assert one.context is not None
    assert one.context.trace_id not in {s.context.trace_id for s in spans if s is not one and s.context}
    assert (one.attributes or {})[f"{names.STAGE}.publish"] == 0.25


@pytest.mark.parametrize("ratio", [0.0, 0.1, 0.5, 1.0])
def test_sampling_keeps_whole_cases_and_the_share(ratio: float) -> None:
    cases = [str(uuid4()) for _ in range(4000)]
    sampler = CaseSampler(ratio)
    kept = [case for case in cases if sampler.samples(trace_id_of(case))]
    assert abs(len(kept) / len(cases) - ratio) < 0.05
    exporter = InMemorySpanExporter()
    tracer = CaseTracer(SimpleSpanProcessor(exporter), ratio=ratio)
    for case in cases[:200]:
        carried, _ = tracer.process(start("intake", "bank.events", case)).carry(case)
        context = parse_traceparent(carried)
        assert context is not None
        assert context.trace_flags.sampled == (case in set(kept))
        span = tracer.process(start("offer", "intake.events", case, traceparent=carried))
        span.end("decided", [CaseOpened.TYPE])
    exported = {s.context.trace_id for s in exporter.get_finished_spans() if s.context}
    assert exported == {trace_id_of(case) for case in cases[:200] if case in set(kept)}


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "garbage",
        "00-0-0-01",
        BANK.replace("00-", "ff-", 1),
        BANK + "-01",
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-0af7651916cd43dd8448eb211c80319c-{'0' * 16}-01",
    ],
)
def test_a_malformed_traceparent_is_ignored(
    text: str | None, tracer: CaseTracer, exporter: InMemorySpanExporter
) -> None:
    assert parse_traceparent(text) is None
    tracer.process(start("offer", "intake.events", traceparent=text)).end("decided")
    (span,) = exporter.get_finished_spans()
    assert parent_of(span) == root_span_id(CASE)
    assert span.links == ()


def spans_of(number: int) -> list[ReadableSpan]:
    exporter = InMemorySpanExporter()
    tracer = CaseTracer(SimpleSpanProcessor(exporter))
    for _ in range(number):
        tracer.process(start("offer", "intake.events")).end("decided")
    return list(exporter.get_finished_spans())


def test_a_slow_database_costs_spans_and_not_time() -> None:
    release = threading.Event()
    written: list[Mapping[str, Any]] = []

    def slow(documents: Sequence[Mapping[str, Any]]) -> None:
        release.wait(20)
        written.extend(documents)

    processor = DatabaseSpans(slow, limit=10, every=0.001, most=5)
    for span in spans_of(100):
        processor.on_end(span)
    assert processor.dropped >= 80
    release.set()
    processor.shutdown()
    assert processor.dropped + processor.written == 100
    assert sum(len(orjson.loads(document["spans"])) for document in written) == processor.written


def test_a_database_that_is_away_is_counted_too() -> None:
    def away(_documents: Sequence[Mapping[str, Any]]) -> None:
        raise OSError

    processor = DatabaseSpans(away, every=60)
    for span in spans_of(3):
        processor.on_end(span)
    processor.force_flush()
    assert (processor.dropped, processor.written) == (3, 0)
    processor.shutdown()


def test_every_meter_has_a_name_and_is_exported() -> None:
    assert set(METERS) <= set(names.METRICS)
    meters, reader = Meters(), InMemoryMetricReader()
    meters.export_to(MeterProvider([reader], shutdown_on_exit=False))
    meters.count("decided", 2, service="offer", outcome="decided")
    meters.count("decided", service="offer", outcome="decided")
    meters.count("parked", -1, service="offer")
    meters.gauge("lag", 7, service="offer", topic="intake.events", partition="1")
    meters.observe("batch_seconds", 0.5, service="offer", stage="publish")
    meters.alarm("gap", case=CASE)
    data = reader.get_metrics_data()
    assert data is not None
    points = {
        metric.name: next(iter(metric.data.data_points))
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.data.data_points
    }
    assert points["parley.decisions"].value == 3  # type: ignore[union-attr]
    assert points["parley.cases.parked"].value == -1  # type: ignore[union-attr]
    assert points["parley.consumer.lag"].value == 7  # type: ignore[union-attr]
    assert points["parley.batch.stage.duration"].sum == 0.5  # type: ignore[union-attr]
    assert points["parley.alarms"].value == 1  # type: ignore[union-attr]
    assert meters.total("decided", service="offer") == 3
    shown = meters.snapshot()
    assert shown["durations"] == [
        {
            "name": "batch_seconds",
            "labels": {"service": "offer", "stage": "publish"},
            "value": 1,
            "seconds": 0.5,
        }
    ]
    assert shown["alarms"][0]["alarm"] == "gap"


@pytest.mark.kafka
async def test_a_trace_is_read_back_from_the_database(servers: Addresses) -> None:
    settings = settings_of(servers)
    for instance in ("first", "second"):
        telemetry = Telemetry(settings, instance, ["intake"])
        opened = telemetry.tracer.process(start("intake", "bank.events"))
        opened.end("decided", [CaseOpened.TYPE])  # the second process decides it again: the same root
        telemetry.close()
        assert telemetry.dropped == 0
    found = await read_trace(settings, CASE)
    assert [span.name for span in found].count("case opened") == 1
    assert [span.name for span in found].count("process bank.events") == 2
    assert found[0].parent is None
    assert {span.parent for span in found[1:]} == {found[0].span}
    assert found[1].attributes[names.CASE_ID] == CASE
    assert await read_trace(settings, OTHER) == []
