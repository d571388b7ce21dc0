"""Traces, counts and durations, as the engine gives them away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

__all__ = [
    "METERS",
    "BatchSpan",
    "Meter",
    "Span",
    "SpanStart",
    "Tracer",
]


@dataclass(frozen=True, slots=True)
class SpanStart:
    """What a process span is about: a record, or the close of `day` for one case (then no record fields).

    `traceparent`/`tracestate` are what the record arrived with (None: child of the case's root). No message
    key.
    """

    service: str
    type: str
    case: str | None
    topic: str | None = None
    partition: int | None = None
    offset: int | None = None
    message_id: str | None = None
    day: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None
    external: bool = False  # a bank's or desk's own trace: linked, not joined


class Span(Protocol):
    """One `process` span. Exactly one of `end` and `drop` is called, `end` after the decision is written."""

    def carry(self, case: str) -> tuple[str | None, str | None]:
        """Give the traceparent and tracestate that an emission about `case` carries on.

        Stored with the emission, so that publishing it again has the same. A span that did not know its case
        (a bank's event names none) becomes a span of the first case asked for; what it says about another
        case goes on under that one's root: a trace never holds two cases.
        """
        ...

    def end(self, decision: str, emitted: Sequence[str] = ()) -> None:
        """Finish: `decision` is decided, waits, refused, duplicate, parked, held ….

        `emitted` are event types.
        """
        ...

    def drop(self) -> None:
        """Forget it: the decision was not written (lost against another writer, abandoned)."""
        ...


class BatchSpan(Protocol):
    """The span of one batch, in its own trace."""

    def link(self, span: Span) -> None:
        """Link a process span; those after the 128th are left out."""
        ...

    def end(self, stages: Mapping[str, float]) -> None:
        """Finish, with seconds by stage."""
        ...


class Tracer(Protocol):
    """Spans. Cheap, synchronous, never raises."""

    def process(self, start: SpanStart) -> Span:
        """Begin a process span."""
        ...

    def batch(self, service: str, records: int) -> BatchSpan:
        """Begin a batch span."""
        ...


class Meter(Protocol):
    """Counts and durations. Cheap, synchronous, never raises.

    Labels never carry personal data or case ids.
    """

    def count(self, name: str, amount: int = 1, **labels: str) -> None:
        """Add to a counter: see `METERS` for the names."""
        ...

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        ...

    def retire(self, name: str, **labels: str) -> None:
        """Forget the gauges that carry these labels: another replica sets them now."""
        ...

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """Record a duration."""
        ...

    def alarm(self, name: str, **fields: str) -> None:
        """Raise an operational alert (gap, two ids, lagging partition, abandoned assignment): logged and
        counted.

        `fields` may name case ids, topics, partitions and offsets, never personal data.
        """
        ...


METERS = (
    "decided",  # service, type, outcome: one per message
    "emitted",  # service, type
    "duplicates",  # service, topic
    "dead_letters",  # service, topic, reason
    "parked",  # service: documents parked now (+1, -1)
    "days_closed",  # service
    "days_behind",  # service, partition (gauge): the partition against the replica's furthest one
    "gaps",  # service, source: sequences that did not follow the one before
    "conflicts",  # service: documents decided again after a lost write
    "retries",  # service, stage
    "batch_seconds",  # service, stage (observe)
    "batch_records",  # service
    "lag",  # service, topic, partition (gauge)
    "oldest_seconds",  # service, partition (gauge): age of the first record not worked off; 0: none is left
    "batch_limit",  # service (gauge): records of the next batch at most
    "outbound",  # channel, outcome: messages that have ended: sent, or why they did not leave
    "outbound_waiting",  # channel (gauge): messages whose time has come and that have not ended
    "outbound_oldest_seconds",  # channel (gauge): for how long the first of them has been due; 0: none is
)
"""The names of all counters, gauges and durations."""
