"""Spans on their way to the database: nobody waits, memory is bounded, and what is lost is counted."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from opentelemetry.sdk.trace import TracerProvider

from shared.runtime.spans import DatabaseSpans


class Database:
    """Takes documents, or refuses them."""

    def __init__(self) -> None:
        self.documents: list[Mapping[str, Any]] = []
        self.batches: list[int] = []
        self.away = False

    def __call__(self, documents: Sequence[Mapping[str, Any]]) -> None:
        if self.away:
            raise OSError("away")
        self.documents += documents
        self.batches.append(sum(len(orjson.loads(one["spans"])) for one in documents))


def end(spans: DatabaseSpans, count: int) -> None:
    provider = TracerProvider()
    provider.add_span_processor(spans)
    tracer = provider.get_tracer("test")
    for number in range(count):
        tracer.start_span(f"s{number}").end()


def test_what_does_not_fit_is_dropped_and_counted_and_the_rest_is_written_in_batches() -> None:
    database = Database()
    spans = DatabaseSpans(database, limit=7, every=3600, most=3)
    end(spans, 10)
    assert (spans.dropped, spans.written) == (3, 0)
    assert spans.force_flush()
    assert (spans.dropped, spans.written, database.batches) == (3, 7, [3, 3, 1])
    spans.shutdown()


def test_what_the_database_refuses_is_counted_and_stops_nobody() -> None:
    database = Database()
    spans = DatabaseSpans(database, every=3600, most=3)
    end(spans, 5)
    database.away = True
    assert not spans.force_flush()
    assert (spans.dropped, spans.written) == (3, 0)
    database.away = False
    assert spans.force_flush()
    assert (spans.dropped, spans.written) == (3, 2)
    spans.shutdown()


def test_what_is_left_at_the_end_is_written() -> None:
    database = Database()
    spans = DatabaseSpans(database, every=3600)
    end(spans, 4)
    spans.shutdown()
    assert (spans.dropped, spans.written, database.batches) == (0, 4, [4])
    assert not spans._thread.is_alive()


def test_spans_are_written_by_themselves_after_a_while() -> None:
    written = threading.Event()
    spans = DatabaseSpans(lambda _documents: written.set(), every=0.01)
    end(spans, 1)
    assert written.wait(30)
    spans.shutdown()
