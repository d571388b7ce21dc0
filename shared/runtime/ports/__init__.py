"""What the engine needs from the world: a log, a publisher, a store, a clock, a tracer and meters.

Every method states its delivery contract: does it wait, is it ordered, at least or at most once, may it be
called concurrently. `tests/runtime/conformance.py` holds one test per contract; the in-memory ports
(`shared.runtime.memory`) and the real ones (`kafka`, `mongo`) pass the same suite.

One module per topic below; whoever uses a port imports it from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.runtime.ports.clock import Clock
from shared.runtime.ports.errors import (
    BrokenError,
    FatalError,
    NotOwnerError,
    OffsetLostError,
    PortError,
    UnavailableError,
    UnencodableError,
)
from shared.runtime.ports.log import Consumer, Listener, Log, Publisher
from shared.runtime.ports.records import Headers, Outgoing, Record, TopicPartition
from shared.runtime.ports.store import (
    DUE,
    ENTRIES_DAY,
    HELD,
    ID,
    PARK,
    PARTITION,
    VERSION,
    WORK,
    Document,
    ParkedRow,
    Store,
)
from shared.runtime.ports.telemetry import METERS, BatchSpan, Meter, Span, SpanStart, Tracer

__all__ = [
    "DUE",
    "ENTRIES_DAY",
    "HELD",
    "ID",
    "METERS",
    "PARK",
    "PARTITION",
    "VERSION",
    "WORK",
    "BatchSpan",
    "BrokenError",
    "Clock",
    "Consumer",
    "Document",
    "FatalError",
    "Headers",
    "Listener",
    "Log",
    "Meter",
    "NotOwnerError",
    "OffsetLostError",
    "Outgoing",
    "ParkedRow",
    "PortError",
    "Ports",
    "Publisher",
    "Record",
    "Span",
    "SpanStart",
    "Store",
    "TopicPartition",
    "Tracer",
    "UnavailableError",
    "UnencodableError",
]


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything an engine is given."""

    log: Log
    store: Store
    clock: Clock
    tracer: Tracer
    meter: Meter
    labels: Mapping[str, str] = field(default_factory=dict)
