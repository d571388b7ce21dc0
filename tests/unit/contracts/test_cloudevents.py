"""CloudEvents on Kafka: what is written is read back, and whatever else arrives is refused with a reason."""

from __future__ import annotations

import base64
import contextlib
import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.contracts.bank import AccountOverdue, DayClosed, PaymentReceived
from shared.contracts.base import Event
from shared.contracts.cloudevents import DecodeError, decode, encode
from shared.contracts.envelope import Envelope
from shared.contracts.intake import CaseAssigned
from shared.contracts.partition import murmur2, partition_of
from shared.contracts.registry import EVENTS
from shared.lending.money import Money
from tests.unit.contracts.strategies import envelopes

PAYMENT = PaymentReceived(payment_id="P1", amount=Money(1230, "CNY"), value_date=date(2026, 1, 2))
ENVELOPE = Envelope("id-1", "bank/core", datetime(2026, 1, 2, 9, tzinfo=UTC), "C-77", PAYMENT)
ASSIGNED = Envelope(
    "id-2", "parley/intake", datetime(2026, 1, 2, tzinfo=UTC), "C-77", CaseAssigned(owner="n1"),
    subject="case-1", sequence=7, causation="id-1",
)  # fmt: skip


def headers_of(envelope: Envelope[Any], **changes: bytes | None) -> list[tuple[str, bytes | None]]:
    _, _, headers = encode(envelope)
    kept: list[tuple[str, bytes | None]] = [(k, v) for k, v in headers if k.replace("-", "_") not in changes]
    return kept + [
        (k.replace("content_type", "content-type"), v) for k, v in changes.items() if v is not None
    ]


def refused(key: bytes | None, value: bytes | None, headers: Any) -> DecodeError:
    with pytest.raises(DecodeError) as caught:
        decode(key, value, headers)
    return caught.value


VALUE = encode(ENVELOPE)[1]


@pytest.mark.parametrize("event", EVENTS.values(), ids=lambda event: event.TYPE)
def test_every_message_is_read_back_as_it_was_written(event: type[Event]) -> None:
    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(envelopes(event))
    def round_trip(envelope: Envelope[Any]) -> None:
        key, value, headers = encode(envelope)
        assert decode(key, value, headers) == envelope

    round_trip()


def test_binary_mode_has_the_headers_of_the_binding() -> None:
    key, value, headers = encode(ASSIGNED)
    assert key == b"C-77"
    assert json.loads(value) == {"owner": "n1", "reasons": []}
    assert dict(headers) == {
        "ce_specversion": b"1.0",
        "ce_id": b"id-2",
        "ce_source": b"parley/intake",
        "ce_type": b"parley.intake.case.assigned.v1",
        "ce_time": b"2026-01-02T00:00:00Z",
        "ce_subject": b"case-1",
        "ce_partitionkey": b"C-77",
        "ce_sequence": b"7",
        "ce_causationid": b"id-1",
        "content-type": b"application/json",
    }


def structured(**changes: Any) -> bytes:
    event = {
        "specversion": "1.0",
        "id": "id-1",
        "source": "bank/core",
        "type": PAYMENT.TYPE,
        "time": "2026-01-02T09:00:00Z",
        "datacontenttype": "application/json",
        "data": json.loads(VALUE),
        **changes,
    }
    return json.dumps({k: v for k, v in event.items() if v != "-"}).encode()


STRUCTURED = [("content-type", b"application/cloudevents+json; charset=UTF-8")]


def test_structured_mode_is_read() -> None:
    assert decode(b"C-77", structured(), STRUCTURED) == ENVELOPE
    coded = structured(data="-", data_base64=base64.b64encode(VALUE).decode())
    assert decode(b"C-77", coded, STRUCTURED) == ENVELOPE


def test_structured_mode_takes_the_hops_trace_before_its_own() -> None:
    own, hop = "00-" + "1" * 32 + "-" + "2" * 16 + "-01", "00-" + "3" * 32 + "-" + "4" * 16 + "-01"
    assert decode(b"C-77", structured(traceparent=own), STRUCTURED).traceparent == own
    got = decode(b"C-77", structured(traceparent=own), [*STRUCTURED, ("traceparent", hop.encode())])
    assert got.traceparent == hop


@pytest.mark.parametrize(
    ("value", "content_type", "field"),
    [
        (structured(), b"application/cloudevents-batch+json", "content-type"),
        (structured(), b"application/cloudevents+avro", "content-type"),
        (structured(), b"application/cloudevents+json; charset=gbk", "content-type"),
        (b"[1]", b"application/cloudevents+json", "value"),
        (None, b"application/cloudevents+json", "value"),
        (structured(data="-"), b"application/cloudevents+json", "data"),
        (structured(data_base64="eyJ9"), b"application/cloudevents+json", "data_base64"),
        (structured(data="-", data_base64="%%%"), b"application/cloudevents+json", "data_base64"),
        (structured(data="-", data_base64=5), b"application/cloudevents+json", "data_base64"),
        (structured(id=5), b"application/cloudevents+json", "id"),
        (structured(id="-"), b"application/cloudevents+json", "id"),
        (structured(datacontenttype="text/xml"), b"application/cloudevents+json", "datacontenttype"),
        (structured(partitionkey="other"), b"application/cloudevents+json", "partitionkey"),
    ],
)
def test_structured_mode_refuses(value: bytes | None, content_type: bytes, field: str) -> None:
    assert refused(b"C-77", value, [("content-type", content_type)]).field == field


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"ce_id": None}, "ce_id"),
        ({"ce_id": b""}, "ce_id"),
        ({"ce_id": b"\xff"}, "ce_id"),
        ({"ce_id": b"a\x00b"}, "ce_id"),
        ({"ce_id": b"x" * 257}, "ce_id"),
        ({"ce_source": None}, "ce_source"),
        ({"ce_specversion": None}, "ce_specversion"),
        ({"ce_specversion": b"0.3"}, "ce_specversion"),
        ({"ce_type": None}, "ce_type"),
        ({"ce_type": b"parley.bank.unheard.of.v1"}, "ce_type"),
        ({"ce_time": None}, "ce_time"),
        ({"ce_time": b"2026-01-02T09:00:00"}, "ce_time"),
        ({"ce_time": b"2026-01-02 09:00:00Z"}, "ce_time"),
        ({"ce_time": b"2026-02-30T09:00:00Z"}, "ce_time"),
        ({"ce_time": b"2026-W01-1T09:00:00Z"}, "ce_time"),
        ({"ce_time": b"0001-01-01T00:00:00+14:00"}, "ce_time"),
        ({"ce_subject": b"a\nb"}, "ce_subject"),
        ({"ce_partitionkey": b"C-78"}, "ce_partitionkey"),
        ({"content_type": b"text/csv"}, "content-type"),
        ({"content_type": b"application/json; charset=gb18030"}, "content-type"),
        ({"content_type": b"\xff"}, "content-type"),
    ],
)
def test_binary_mode_refuses_attributes(changes: dict[str, bytes | None], field: str) -> None:
    assert refused(b"C-77", VALUE, headers_of(ENVELOPE, **changes)).field == field


@pytest.mark.parametrize(
    "text", [b"0", b"-1", b"+1", b"01", b"1.0", b"1e3", b" 1", b"x", b"9" * 19, "٣".encode()]
)
def test_a_bad_sequence_is_refused(text: bytes) -> None:
    assert (
        refused(b"C-77", encode(ASSIGNED)[1], headers_of(ASSIGNED, ce_sequence=text)).field == "ce_sequence"
    )


def test_a_banks_own_sequence_is_its_own_affair() -> None:
    assert decode(b"C-77", VALUE, headers_of(ENVELOPE, ce_sequence=b"2026-000017")).sequence is None


def test_a_code_at_the_start_of_a_rule_stays_a_code() -> None:
    value = VALUE.replace(b'"currency":"CNY"', b'"currency":"JPY"')
    assert value != VALUE
    assert refused(b"C-77", value, headers_of(ENVELOPE)).rule.startswith("JPY has 0 digits after the point")
    assert refused(b"C-77", b"{}", headers_of(ENVELOPE)).rule.startswith("field required")


@pytest.mark.parametrize("name", ["ce_id", "ce_type", "content-type"])
def test_null_and_doubled_headers_are_refused(name: str) -> None:
    headers = headers_of(ENVELOPE)
    assert refused(b"C-77", VALUE, [*headers, (name, b"x")]).rule == "is given more than once"
    without = [pair for pair in headers if pair[0] != name]
    assert refused(b"C-77", VALUE, [*without, (name, None)]).rule == "is null"


def test_foreign_headers_may_hold_anything() -> None:
    foreign = [("x", b"\xff\xfe"), ("x", None), ("ce_dataschema", b"\xff"), ("__TypeId__", b"a")]
    assert decode(b"C-77", VALUE, [*headers_of(ENVELOPE), *foreign]) == ENVELOPE


@pytest.mark.parametrize(
    "text", [b"", b"nonsense", b"\xff", b"00-" + b"0" * 32 + b"-" + b"1" * 16 + b"-01", None]
)
def test_a_doubtful_trace_is_dropped_and_the_message_is_not(text: bytes | None) -> None:
    assert decode(b"C-77", VALUE, [*headers_of(ENVELOPE), ("traceparent", text)]) == ENVELOPE


def test_header_names_are_read_without_regard_to_case() -> None:
    assert decode(b"C-77", VALUE, [(name.title(), data) for name, data in headers_of(ENVELOPE)]) == ENVELOPE


@pytest.mark.parametrize(
    ("time", "same"),
    [
        (b"2026-01-02T17:00:00+08:00", True),
        (b"2026-01-02t09:00:00z", True),
        (b"2026-01-02T09:00:00.000000999Z", True),
        (b"2026-01-02T09:00:00.123456789Z", False),
    ],
)
def test_times_as_other_languages_write_them(time: bytes, same: bool) -> None:
    assert (decode(b"C-77", VALUE, headers_of(ENVELOPE, ce_time=time)).time == ENVELOPE.time) is same


def data(**changes: Any) -> bytes:
    return json.dumps({**json.loads(VALUE), **changes}, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (None, "value"),
        (b"", "value"),
        (b"\xff\xfe\x00", "value"),
        (b"null", "value"),
        (b"[]", "value"),
        (b'"text"', "value"),
        (b"{", "value"),
        (b"[" * 100_000, "value"),
        (data(x=json.loads("[" * 500 + "]" * 500)), "value"),
        (data(x=10**400), "value"),
        (data(x=2**63), "value"),
        (VALUE[:-1] + b',"x":NaN}', "value"),
        (VALUE[:-1] + b',"x":1e999}', "value"),
        (VALUE[:-1] + b',"payment_id":"P2"}', "value"),
        (VALUE[:-1] + b',"x":{"a":1,"a":2}}', "value"),
        (data(payment_id=""), "data.payment_id"),
        (data(payment_id=None), "data.payment_id"),
        (data(value_date=0), "data.value_date"),
        (data(value_date="2026-01-02T00:00:00"), "data.value_date"),
        (data(value_date="2026-02-30"), "data.value_date"),
        (data(amount={"amount": 12.3, "currency": "CNY"}), "data.amount.amount"),
        (data(amount={"amount": "1e3", "currency": "CNY"}), "data.amount.amount"),
        (data(amount={"amount": "12.345", "currency": "CNY"}), "data.amount"),
        (data(amount={"amount": "9" * 18, "currency": "CNY"}), "data"),
        (data(amount={"amount": "1", "currency": "cny"}), "data.amount.currency"),
        (data(amount={"amount": "1"}), "data.amount.currency"),
    ],
)
def test_bad_values_are_refused(value: bytes | None, field: str) -> None:
    error = refused(b"C-77", value, headers_of(ENVELOPE))
    assert error.field == field
    assert (error.key, error.source, error.id, error.type) == ("C-77", "bank/core", "id-1", PAYMENT.TYPE)


def test_unknown_fields_are_ignored() -> None:
    assert decode(b"C-77", data(new_field={"a": [1, 2.5, "x"]}), headers_of(ENVELOPE)) == ENVELOPE


@pytest.mark.parametrize("key", [None, b"", b"\xff", b"two words", b"x" * 65, "客户".encode(), b"a\x00"])
def test_the_key_must_be_a_customer_number(key: bytes | None) -> None:
    error = refused(key, VALUE, headers_of(ENVELOPE))
    assert error.field == "key"
    assert error.key is None
    assert not error.key_only


@pytest.mark.parametrize("key", [None, b"", b"\xff", b"anything"])
def test_a_marker_needs_no_key(key: bytes | None) -> None:
    marker = Envelope("m", "bank/core", ENVELOPE.time, "", DayClosed(day=date(2026, 1, 2)))
    written, value, headers = encode(marker)
    assert written == b""
    assert decode(key, value, headers).data == marker.data


def test_what_can_be_read_of_a_bad_record_is_given() -> None:
    error = refused(b"C-77", b"{", headers_of(ASSIGNED))
    assert (error.subject, error.key_only) == ("case-1", False)
    error = refused(b"C-77", b"garbage", [])
    assert (error.key, error.subject, error.id, error.key_only) == ("C-77", None, None, True)


def test_errors_hold_no_personal_data() -> None:
    private = "王小明-13800138000"
    overdue = {
        "name": private,
        "contact": {"value": {"phone": private}, private: private},
        "kind": private,
        "language": private,
    }
    headers = headers_of(ENVELOPE, ce_type=AccountOverdue.TYPE.encode())
    assert private not in str(refused(b"C-77", json.dumps(overdue).encode(), headers))
    refusal = {"cause_id": "c", "cause_type": "t", "reason": {"code": "no_case", "params": {private: 5}}}
    headers = headers_of(ASSIGNED, ce_type=b"parley.intake.input.refused.v1")
    error = refused(b"C-77", json.dumps(refusal).encode(), headers)
    assert error.field == "data.reason.params.*"
    assert private not in str(error)


@settings(max_examples=300, deadline=None, database=None)
@given(
    st.none() | st.binary(max_size=70),
    st.none() | st.binary(max_size=200) | st.sampled_from([VALUE, structured()]),
    st.lists(
        st.tuples(
            st.sampled_from([name for name, _ in headers_of(ASSIGNED)] + ["x", "traceparent"]),
            st.none() | st.binary(max_size=20) | st.sampled_from([v for _, v in headers_of(ENVELOPE)]),
        ),
        max_size=12,
    ),
)
def test_garbage_never_raises_anything_else(key: Any, value: Any, headers: Any) -> None:
    with contextlib.suppress(DecodeError):
        assert decode(key, value, headers).data.TYPE in EVENTS


@pytest.mark.parametrize(
    "envelope",
    [
        Envelope("i", "s", datetime(2026, 1, 1), "C", PAYMENT),  # noqa: DTZ001
        Envelope("i", "s", ENVELOPE.time, "", PAYMENT),
        Envelope("i", "s", ENVELOPE.time, "two words", PAYMENT),
        Envelope("", "s", ENVELOPE.time, "C", PAYMENT),
        Envelope("i", "s", ENVELOPE.time, "C", PAYMENT, sequence=0),
        Envelope("i", "s", ENVELOPE.time, "C", PAYMENT, subject="a\x00"),
    ],
)
def test_encode_refuses_what_could_not_be_read_back(envelope: Envelope[Any]) -> None:
    with pytest.raises(ValueError, match=":"):
        encode(envelope)


@pytest.mark.parametrize(
    ("key", "expected"),
    [  # from Kafka's own UtilsTest.testMurmur2
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_is_kafkas(key: bytes, expected: int) -> None:
    assert murmur2(key) == expected & 0xFFFFFFFF
    assert partition_of(key, 12) == (expected & 0x7FFFFFFF) % 12


def test_a_topic_has_a_partition() -> None:
    with pytest.raises(ValueError, match="at least one"):
        partition_of(b"x", 0)
