"""What a raw record is to a service.

A message of a case, a marker, a command, or nothing that can be used.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from shared.contracts.bank import DayClosed
from shared.contracts.cloudevents import DecodeError
from shared.contracts.envelope import Envelope
from shared.contracts.ids import derive_id
from shared.contracts.ops import Discard, ErasePerson, LegalHold, Replay
from shared.contracts.partition import partition_of
from shared.contracts.runtime import ServiceDayClosed
from shared.runtime.decoding import Decoded
from shared.runtime.ports import Record
from shared.runtime.service import EXTERNAL, DocumentPer, Service

__all__ = ["Failure", "Inbound", "Kind", "Reason", "receive"]

_partition_of = lru_cache(maxsize=65536)(partition_of)
_decoded = Decoded(8_000_000)  # bytes of messages


class Reason(StrEnum):
    """Why a record went to the dead letters."""

    UNDECODABLE = "undecodable"
    WRONG_PARTITION = "wrong-partition"
    NO_CASE = "no-case"
    WRONG_CASE = "wrong-case"  # the document belongs to another customer
    WRONG_SOURCE = "wrong-source"  # a service's topic carries what that service cannot have sent
    DECIDER = "decider-failed"
    TOO_LARGE = "refused-by-size-or-encoding"
    STATE = "state-unreadable"
    WAITING = "too-many-waiting"
    PARKED = "case-is-parked"
    MARKER = "marker-refused"
    COMMAND = "command-refused"
    DUE_WORK = "due-work-failed"
    REPLAY_LIMIT = "more-to-replay"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a message cannot be decided. `detail` never holds a value of the message."""

    reason: Reason
    detail: str = ""


class Kind(StrEnum):
    """What is done with a record."""

    MESSAGE = "message"
    MARKER = "marker"
    COMMAND = "command"
    REJECTED = "rejected"  # dead-lettered; touches no document
    IGNORED = "ignored"  # read and passed over: for other readers, or another service's command


@dataclass(slots=True)
class Inbound:
    """A record with what could be read of it.

    `mark` is (source service, case, sequence) of a service's message; `external_id` the id of an external
    one. Either may be known although `failure` is set. `document` is the id of the document it belongs to.
    """

    record: Record
    producer: str
    kind: Kind
    envelope: Envelope[Any] | None = None
    failure: Failure | None = None
    document: str | None = None
    key: str = ""
    mark: tuple[str, str, int] | None = None
    external_id: str | None = None

    @property
    def type(self) -> str:
        """The CloudEvents type, or a stand-in."""
        return self.envelope.type if self.envelope is not None else "unknown"

    @property
    def passed_over(self) -> bool:
        """Whether nothing is decided about it: a marker, or a message for other readers."""
        return self.kind in {Kind.IGNORED, Kind.MARKER}

    def reject(self, reason: Reason, detail: str = "") -> Inbound:
        """Dead-letter it without touching a document."""
        self.kind, self.failure, self.document = Kind.REJECTED, Failure(reason, detail), None
        return self


def receive(service: Service, record: Record, partitions: int) -> Inbound:
    """Read a record for `service`. Never raises."""
    producer = service.producers[record.topic]
    inbound = Inbound(record, producer, Kind.MESSAGE)
    try:
        envelope = _decoded.read(record)
    except DecodeError as error:
        return _undecodable(service, inbound, error, partitions)
    inbound.envelope, inbound.key = envelope, envelope.key
    if isinstance(envelope.data, DayClosed | ServiceDayClosed):
        return _marker(service, inbound, envelope)
    if _misplaced(inbound, record, partitions):
        return inbound.reject(*_wrong_partition(record))
    if producer == "ops":
        return _command(service, inbound, envelope)
    return _message(service, inbound, envelope)


def _message(service: Service, inbound: Inbound, envelope: Envelope[Any]) -> Inbound:
    inbound.document = envelope.key if service.per is DocumentPer.CUSTOMER else envelope.subject
    if inbound.document is None:
        return inbound.reject(Reason.NO_CASE, "ce_subject: is missing: it is the case id")
    if inbound.producer in EXTERNAL:
        if inbound.producer != envelope.data.PRODUCER:
            inbound.failure = Failure(Reason.WRONG_SOURCE, "ce_type: does not belong here")
        inbound.external_id = _external_id(service, inbound.document, envelope.source, envelope.id)
        return _unless_passed_over(service, inbound, envelope)
    known = envelope.source == f"/parley/{inbound.producer}"
    if not known or envelope.sequence is None or envelope.subject is None:
        # No receiver may move its marks for it; it is nobody's next message.
        inbound.failure = Failure(Reason.WRONG_SOURCE, f"ce_source, ce_sequence: not {inbound.producer}'s")
    else:
        inbound.mark = (inbound.producer, envelope.subject, envelope.sequence)
    return _unless_passed_over(service, inbound, envelope)


def _unless_passed_over(service: Service, inbound: Inbound, envelope: Envelope[Any]) -> Inbound:
    """Most of what a topic carries is for other readers: it costs this one no document."""
    if inbound.failure is None and service.passes_over(type(envelope.data)):
        inbound.kind, inbound.document = Kind.IGNORED, None
        inbound.mark = inbound.external_id = None
    return inbound


def _marker(service: Service, inbound: Inbound, envelope: Envelope[Any]) -> Inbound:
    """The bank's marker stands on the bank's topic, a service's on its own, and the first service's on the
    desk's.
    """
    data = envelope.data
    if isinstance(data, DayClosed):
        fits = inbound.producer == "bank"
    elif envelope.source != f"/parley/{data.service}":
        fits = False
    elif inbound.producer == "desk":
        fits = service.desk_closed_by in {data.service, None}
    else:
        fits = inbound.producer == data.service
    if not fits:
        return inbound.reject(Reason.MARKER, f"a {envelope.type} does not belong on {inbound.record.topic}")
    inbound.kind = Kind.MARKER if inbound.producer in service.waits_for else Kind.IGNORED
    return inbound


def _command(service: Service, inbound: Inbound, envelope: Envelope[Any]) -> Inbound:
    data = envelope.data
    if not isinstance(data, Replay | Discard | LegalHold | ErasePerson):
        return inbound.reject(Reason.COMMAND, f"a {envelope.type} is not a command")
    if data.service != service.name:
        inbound.kind = Kind.IGNORED
        return inbound
    if isinstance(data, LegalHold | ErasePerson):  # decided and filed like any message
        if service.keyed is None or data.document != envelope.key:
            return inbound.reject(Reason.COMMAND, "service, document: must be the archive's and the key")
        inbound.kind, inbound.document = Kind.MESSAGE, data.document
    else:
        inbound.kind, inbound.document = Kind.COMMAND, data.document
    inbound.external_id = _external_id(service, data.document, envelope.source, envelope.id)
    return inbound


def _undecodable(service: Service, inbound: Inbound, error: DecodeError, partitions: int) -> Inbound:
    inbound.failure = Failure(Reason.UNDECODABLE, f"{error.field}: {error.rule}")
    if error.key is None or inbound.producer == "ops":  # a spoilt command is no fact of a case
        return inbound.reject(Reason.UNDECODABLE, f"{error.field}: {error.rule}")
    if _misplaced(inbound, inbound.record, partitions):
        return inbound.reject(*_wrong_partition(inbound.record))
    inbound.key = error.key
    inbound.document = error.key if service.per is DocumentPer.CUSTOMER else error.subject
    if inbound.document is None or (error.key_only and not service.emits):
        # With nothing but a key it parks the customer at intake and is only dead-lettered elsewhere (rule
        # 11).
        return inbound.reject(Reason.UNDECODABLE, f"{error.field}: {error.rule}")
    if inbound.producer in EXTERNAL:
        if error.id is not None and error.source is not None:
            inbound.external_id = _external_id(service, inbound.document, error.source, error.id)
    elif error.source == f"/parley/{inbound.producer}" and error.subject is not None:
        sequence = next((value for name, value in inbound.record.headers if name == "ce_sequence"), None)
        if sequence is not None and sequence.isdigit() and 0 < int(sequence) < 10**18:
            inbound.mark = (inbound.producer, error.subject, int(sequence))
    return inbound


def _external_id(service: Service, document: str, source: str, id_: str) -> str:
    """One id per document: the bank's repetition for another customer is that customer's own fact."""
    return derive_id("external", service.name, document, source, id_)


def _misplaced(inbound: Inbound, record: Record, partitions: int) -> bool:
    """External producers may use another partitioner than Kafka's own (rule 8)."""
    if inbound.producer not in EXTERNAL or not record.key:
        return False
    return _partition_of(record.key, partitions) != record.partition


def _wrong_partition(record: Record) -> tuple[Reason, str]:
    return (
        Reason.WRONG_PARTITION,
        f"key: belongs on another partition than {record.partition}; the producer must use Kafka's murmur2"
        " (librdkafka: partitioner=murmur2_random)",
    )
