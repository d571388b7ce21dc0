"""The names of all attributes, spans, metrics and links: telemetry is an API, and this is its vocabulary.

`messaging.*` follows the OpenTelemetry semantic conventions of 2026. The message key is left out on purpose:
it is the customer number.
"""

from __future__ import annotations

from typing import Final

# --- semantic conventions: messaging
SYSTEM: Final = "messaging.system"
OPERATION_NAME: Final = "messaging.operation.name"
OPERATION_TYPE: Final = "messaging.operation.type"
DESTINATION: Final = "messaging.destination.name"
PARTITION: Final = "messaging.destination.partition.id"
GROUP: Final = "messaging.consumer.group.name"
BATCH_COUNT: Final = "messaging.batch.message_count"
OFFSET: Final = "messaging.kafka.offset"
MESSAGE_ID: Final = "messaging.message.id"
ERROR_TYPE: Final = "error.type"

# --- Parley's own
CASE_ID: Final = "parley.case.id"
SERVICE: Final = "parley.service"
EVENT_TYPE: Final = "parley.event.type"
DECISION: Final = "parley.decision"
EMITTED: Final = "parley.emitted"
BUSINESS_DAY: Final = "parley.business.day"
STAGE: Final = "parley.batch.stage"

# --- span names
CASE_OPENED: Final = "case opened"
BATCH: Final = "batch"
CLOSE: Final = "close day"

# --- metrics: the engine's name (`ports.METERS`) -> the exported name and its unit
METRICS: Final = {
    "decided": ("parley.decisions", "{message}"),
    "emitted": ("messaging.client.sent.messages", "{message}"),
    "duplicates": ("parley.duplicates", "{message}"),
    "dead_letters": ("parley.dead_letters", "{message}"),
    "parked": ("parley.cases.parked", "{case}"),
    "days_closed": ("parley.days.closed", "{day}"),
    "days_behind": ("parley.days.behind", "{day}"),
    "conflicts": ("parley.conflicts", "{document}"),
    "gaps": ("parley.sequence.gaps", "{gap}"),
    "retries": ("parley.retries", "{attempt}"),
    "batch_seconds": ("parley.batch.stage.duration", "s"),
    "batch_records": ("messaging.client.consumed.messages", "{message}"),
    "lag": ("parley.consumer.lag", "{message}"),
    "oldest_seconds": ("parley.consumer.oldest.age", "s"),
    "batch_limit": ("parley.batch.limit", "{message}"),
    "outbound": ("parley.outbound.messages", "{message}"),
    "outbound_waiting": ("parley.outbound.waiting", "{message}"),
    "outbound_oldest_seconds": ("parley.outbound.oldest.age", "s"),
    "alarms": ("parley.alarms", "{alarm}"),
}
GAUGES: Final = frozenset(
    {
        "lag",
        "oldest_seconds",
        "days_behind",
        "batch_limit",
        "outbound_waiting",
        "outbound_oldest_seconds",
    }
)
UP_AND_DOWN: Final = frozenset({"parked"})
DURATIONS: Final = frozenset({"batch_seconds"})

KAFKA: Final = "kafka"
"""The value of `messaging.system`."""
