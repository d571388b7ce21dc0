"""The names of all attributes, spans, metrics and links: telemetry is an API, and this is its vocabulary.

`messaging.*` and `cloudevents.*` follow the OpenTelemetry semantic conventions of 2026. The message key is
left out on purpose: it is the customer number. So is `cloudevents.event_subject` where `parley.case.id` says
the same.
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

# --- semantic conventions: CloudEvents
EVENT_ID: Final = "cloudevents.event_id"
EVENT_SOURCE: Final = "cloudevents.event_source"
EVENT_TYPE_CE: Final = "cloudevents.event_type"

# --- Parley's own
CASE_ID: Final = "parley.case.id"
SERVICE: Final = "parley.service"
EVENT_TYPE: Final = "parley.event.type"
DECISION: Final = "parley.decision"
BUSINESS_DAY: Final = "parley.business.day"
STAGE: Final = "parley.batch.stage"

# --- span names
CASE_OPENED: Final = "case opened"
BATCH: Final = "batch"
CLOSE: Final = "close day"

# --- metrics: (name, unit); the counters and histograms of `telemetry.Metrics`
RECORDS: Final = ("messaging.client.consumed.messages", "{message}")
PUBLISHED: Final = ("messaging.client.sent.messages", "{message}")
LAG: Final = ("parley.consumer.lag", "{message}")
AGE: Final = ("parley.consumer.oldest.age", "s")
STAGE_TIME: Final = ("parley.batch.stage.duration", "s")
DECISIONS: Final = ("parley.decisions", "{decision}")
DEAD_LETTERS: Final = ("parley.dead_letters", "{message}")
PARKED: Final = ("parley.cases.parked", "{case}")
DUPLICATES: Final = ("parley.duplicates", "{message}")
GAPS: Final = ("parley.sequence.gaps", "{gap}")
DAYS_CLOSED: Final = ("parley.days.closed", "{day}")
SPANS_DROPPED: Final = ("parley.telemetry.spans.dropped", "{span}")

KAFKA: Final = "kafka"
"""The value of `messaging.system`."""
