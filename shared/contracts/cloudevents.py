"""CloudEvents 1.0 on Kafka: messages to records and back (Kafka protocol binding 1.0.2).

Binary mode is written; binary and structured mode are read. What is wrong with a record is said as the field
and the rule it breaks, never with a value: records carry personal data.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import orjson

from shared.contracts.base import Event
from shared.contracts.data import Violation, read_event, read_json
from shared.contracts.envelope import Envelope
from shared.contracts.registry import event_class

__all__ = ["MARKER_TYPES", "DecodeError", "decode", "encode", "read_data", "read_time"]

Header = tuple[str, bytes | None]

MARKER_TYPES: Final = frozenset({"parley.bank.day.closed.v1", "parley.runtime.day.closed.v1"})
"""The markers: sent to a partition by its number, so their key says nothing and may be null."""

# Whose `ce_sequence` does not count: only emissions of the runtime have one that does. A bank may use
# CloudEvents' `sequence` its own way.
_EXTERNAL: Final = frozenset({"bank", "desk", "ops"})
_CUSTOMER: Final = re.compile(r"[\x21-\x7e]{1,64}")
_WORD: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,256}")
_SEQUENCE: Final = re.compile(r"[1-9][0-9]{0,17}")
_RFC3339: Final = re.compile(
    r"(?:19|[2-8][0-9])[0-9]{2}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_TRACEPARENT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_TRACESTATE: Final = re.compile(r"[\x20-\x7e]{1,512}")
_JSON_TYPE: Final = re.compile(r"application/(?:json|[\w.+-]+\+json)\s*(?:;.*)?")
_CHARSET: Final = re.compile(r"charset\s*=\s*\"?([^\s;\"]+)")

_ATTRIBUTES: Final = ("id", "source", "specversion", "type", "time", "subject")
_EXTENSIONS: Final = ("partitionkey", "sequence", "causationid")
_READ: Final = frozenset({*_ATTRIBUTES, *_EXTENSIONS})
_TRACE: Final = ("traceparent", "tracestate")


class DecodeError(ValueError):
    """A record is not a message of ours: `field` breaks `rule`.

    `key`, `type`, `source`, `subject` and `id` are given when they could be read all the same, else None.
    `key_only` tells that nothing but the key says whom the record is about: no case could be read.
    Neither the text nor the rule holds a value of the record; the attributes may, and stay out of logs.
    """

    def __init__(
        self,
        field: str,
        rule: str,
        *,
        key: str | None = None,
        type: str | None = None,  # noqa: A002 - the attribute's name in CloudEvents
        source: str | None = None,
        subject: str | None = None,
        id: str | None = None,  # noqa: A002
    ) -> None:
        super().__init__(f"{field}: {rule}")
        self.field = field
        self.rule = rule
        self.key = key
        self.type = type
        self.source = source
        self.subject = subject
        self.id = id

    @property
    def key_only(self) -> bool:
        """Whether the record names a customer by its key but no case."""
        return self.key is not None and self.subject is None


@dataclass(slots=True)
class _Raw:
    """The attributes as they came, before they are checked: text, or what is wrong with the field."""

    prefix: str
    values: dict[str, str] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)

    def text(self, name: str, *, required: bool = False) -> str | None:
        if name in self.wrong:
            raise Violation(self.prefix + name, self.wrong[name])
        value = self.values.get(name)
        if value is None:
            if required:
                raise Violation(self.prefix + name, "is missing")
            return None
        if not _WORD.fullmatch(value):
            raise Violation(self.prefix + name, "must be 1 to 256 characters without control characters")
        return value

    def readable(self, name: str) -> str | None:
        try:
            return self.text(name)
        except Violation:
            return None


def decode(key: bytes | None, value: bytes | None, headers: Iterable[Header] | None) -> Envelope[Any]:
    """Read one Kafka record in binary or structured mode. Raises DecodeError, and nothing else."""
    raw, content_type = _headers(headers or ())
    customer: str | None = None
    try:
        if content_type.startswith("application/cloudevents"):
            trace = {name: raw.values.get(name) for name in _TRACE}
            raw, value = _structured(content_type, value)
            for name, seen in trace.items():
                if seen is not None:  # the hop's own context, not the one the event started with
                    raw.values[name] = seen
        elif not raw.values.keys() & _READ and not raw.wrong:
            raise Violation("ce_id", "there are no ce_ headers; structured events need a content-type header")
        customer = _customer(key, raw)
        return _envelope(customer, value, raw, content_type)
    except Violation as bad:
        raise DecodeError(
            bad.field,
            bad.rule,
            key=customer if customer is not None else _key_or_none(key),
            type=raw.readable("type"),
            source=raw.readable("source"),
            subject=raw.readable("subject"),
            id=raw.readable("id"),
        ) from None


def encode(envelope: Envelope[Any]) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """Write a message in binary mode: key, value and headers.

    Raises ValueError where the envelope breaks a rule of the wire (a naive time, a key that is not a customer
    number): a bug of the sender, to be found before it is published. A marker may have an empty key.
    """
    if not _CUSTOMER.fullmatch(envelope.key) and not (envelope.key == "" and envelope.type in MARKER_TYPES):
        raise ValueError("key: must be 1 to 64 visible ASCII characters")
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", _out("ce_id", envelope.id)),
        ("ce_source", _out("ce_source", envelope.source)),
        ("ce_type", envelope.type.encode()),
        ("ce_time", _time_out(envelope.time)),
        ("content-type", b"application/json"),
    ]
    if envelope.subject is not None:
        headers.append(("ce_subject", _out("ce_subject", envelope.subject)))
    if envelope.key:
        headers.append(("ce_partitionkey", envelope.key.encode()))
    if envelope.sequence is not None:
        text = str(envelope.sequence)
        if not _SEQUENCE.fullmatch(text):
            raise ValueError("ce_sequence: must be a whole number from 1 with at most 18 digits")
        headers.append(("ce_sequence", text.encode()))
    if envelope.causation is not None:
        headers.append(("ce_causationid", _out("ce_causationid", envelope.causation)))
    if envelope.traceparent is not None:
        headers.append(("traceparent", _out("traceparent", envelope.traceparent)))
        if envelope.tracestate:
            headers.append(("tracestate", envelope.tracestate.encode()))
    # What is None is left out: every such field has None as its default, and small messages get smaller.
    data: Event = envelope.data
    value = data.__pydantic_serializer__.to_json(data, exclude_none=True)
    return envelope.key.encode(), value, headers


def read_data(event: type[Event], value: bytes) -> Event:
    """Read a message's data from JSON by the rules of its contract. Raises DecodeError."""
    try:
        return read_event(event, value)
    except Violation as bad:
        raise DecodeError(bad.field, bad.rule, type=event.TYPE) from None


def read_time(text: str) -> datetime:
    """Read an RFC 3339 time with its offset. Raises DecodeError."""
    try:
        return _time_in("time", text)
    except Violation as bad:
        raise DecodeError(bad.field, bad.rule) from None


# -- the attributes -------------------------------------------------------------------------------------


def _headers(headers: Iterable[Header]) -> tuple[_Raw, str]:
    """Pick our headers; foreign ones may hold any bytes. Names are compared without regard to case."""
    raw = _Raw("ce_")
    content_type = ""
    seen: set[str] = set()
    for given, data in headers:
        name = given.lower()
        trace = name in _TRACE
        if name.startswith("ce_"):
            name = name[3:]
            if name not in _READ:
                continue
        elif name != "content-type" and not trace:
            continue
        if name in seen:
            if trace:  # a doubtful trace is dropped, the message is not
                raw.values.pop(name, None)
            else:
                raw.wrong[name] = "is given more than once"
            continue
        seen.add(name)
        try:
            text = (data or b"").decode()
        except UnicodeDecodeError:
            if not trace:
                raw.wrong[name] = "is not UTF-8"
            continue
        if data is None and not trace:
            raw.wrong[name] = "is null"
        elif name == "content-type":
            content_type = text.strip().lower()
        else:
            raw.values[name] = text
    return raw, content_type


def _structured(content_type: str, value: bytes | None) -> tuple[_Raw, bytes | None]:
    """Take an event apart whose attributes and data are one JSON object."""
    if not content_type.startswith("application/cloudevents+json"):
        raise Violation(
            "content-type", "of structured events must be application/cloudevents+json, one event each"
        )
    _charset(content_type)
    event = read_json("value", value)
    if not isinstance(event, dict):
        raise Violation("value", "must be a JSON object")
    raw = _Raw("")
    for name in (*_ATTRIBUTES, *_EXTENSIONS, *_TRACE):
        given = event.get(name)
        if given is None:
            continue
        if isinstance(given, str):
            raw.values[name] = given
        elif name == "sequence" and type(given) is int:
            raw.values[name] = str(given)
        elif name not in _TRACE:
            raw.wrong[name] = "must be a string"
    inner = event.get("datacontenttype")
    if inner is not None and not (isinstance(inner, str) and _JSON_TYPE.fullmatch(inner.strip().lower())):
        raw.wrong.setdefault("datacontenttype", "must be application/json")
    if "data_base64" in event:
        coded = event["data_base64"]
        if "data" in event or not isinstance(coded, str):
            raw.wrong["data_base64"] = "must be a string and stand alone"
            return raw, b""
        try:
            return raw, base64.b64decode(coded, validate=True)
        except (binascii.Error, ValueError):
            raw.wrong["data_base64"] = "is not base64"
            return raw, b""
    if "data" not in event:
        raw.wrong["data"] = "is missing"
        return raw, None
    return raw, orjson.dumps(event["data"])


def _customer(key: bytes | None, raw: _Raw) -> str:
    if raw.values.get("type") in MARKER_TYPES:
        return _key_or_none(key) or ""
    if not key:
        raise Violation("key", "is missing: the record key is the customer number")
    customer = _key_or_none(key)
    if customer is None:
        raise Violation("key", "must be 1 to 64 visible ASCII characters")
    partition_key = raw.text("partitionkey")
    if partition_key is not None and partition_key != customer:
        raise Violation(raw.prefix + "partitionkey", "must be equal to the record key")
    return customer


def _key_or_none(key: bytes | None) -> str | None:
    try:
        text = (key or b"").decode("ascii")
    except UnicodeDecodeError:
        return None
    return text if _CUSTOMER.fullmatch(text) else None


def _envelope(customer: str, value: bytes | None, raw: _Raw, content_type: str) -> Envelope[Any]:
    for name in ("content-type", "datacontenttype", "data_base64", "data"):
        if name in raw.wrong:
            raise Violation(name, raw.wrong[name])
    if raw.text("specversion", required=True) != "1.0":
        raise Violation(raw.prefix + "specversion", "must be 1.0")
    id_, source = raw.text("id", required=True), raw.text("source", required=True)
    type_ = raw.text("type", required=True)
    assert id_ is not None  # noqa: S101 - required above; for the type checker
    assert source is not None  # noqa: S101
    assert type_ is not None  # noqa: S101
    event = event_class(type_)
    if event is None:
        raise Violation(raw.prefix + "type", "is not a message that this version knows")
    time = _time_in(raw.prefix + "time", raw.text("time", required=True) or "")
    subject, causation = raw.text("subject"), raw.text("causationid")
    sequence = None if event.PRODUCER in _EXTERNAL else _sequence(raw)
    if raw.prefix and content_type:
        if not _JSON_TYPE.fullmatch(content_type):
            raise Violation("content-type", "must be application/json")
        _charset(content_type)
    traceparent = raw.values.get("traceparent")
    if traceparent is not None and not _TRACEPARENT.fullmatch(traceparent):
        traceparent = None  # W3C Trace Context: what cannot be read is ignored
    tracestate = raw.values.get("tracestate") if traceparent else None
    if tracestate is not None and not _TRACESTATE.fullmatch(tracestate):
        tracestate = None
    return Envelope(
        id=id_,
        source=source,
        time=time,
        key=customer,
        data=read_event(event, value),
        subject=subject,
        sequence=sequence,
        causation=causation,
        traceparent=traceparent,
        tracestate=tracestate,
    )


def _sequence(raw: _Raw) -> int | None:
    text = raw.text("sequence")
    if text is None:
        return None
    if not _SEQUENCE.fullmatch(text):
        raise Violation(raw.prefix + "sequence", "must be a whole number from 1 with at most 18 digits")
    return int(text)


def _charset(content_type: str) -> None:
    charset = _CHARSET.search(content_type)
    if charset and charset[1] not in {"utf-8", "utf8"}:
        raise Violation("content-type", "must have the charset UTF-8")


def _time_in(name: str, text: str) -> datetime:
    """RFC 3339 with its offset; finer than microseconds is cut off. Years 1900 to 8999."""
    if not _RFC3339.fullmatch(text):
        raise Violation(name, "must be an RFC 3339 time with its offset, e.g. 2026-01-31T09:00:00+08:00")
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError:
        raise Violation(name, "is not a time that exists") from None


def _time_out(time: datetime) -> bytes:
    text = time.isoformat()
    if not _RFC3339.fullmatch(text):
        raise ValueError("ce_time: must be aware, with an offset of whole minutes")
    return (text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text).encode()


def _out(name: str, text: str) -> bytes:
    if not _WORD.fullmatch(text):
        raise ValueError(f"{name}: must be 1 to 256 characters without control characters")
    return text.encode()
