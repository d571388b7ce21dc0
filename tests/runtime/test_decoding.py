"""One message for all that read the same bytes, within bounds, and nothing kept of what cannot be read."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.contracts.cloudevents import DecodeError, encode
from shared.contracts.envelope import Envelope
from shared.runtime.decoding import Decoded
from shared.runtime.ports import Record
from shared.runtime.simulation.toy import Pay
from tests.runtime.rig import ANN, D1, at


def record(number: int, *, offset: int = 0, topic: str = "bank.events") -> Record:
    paid = Pay(pay_id=f"p{number}", amount=number, value_date=D1 + timedelta(days=number))
    message: Envelope[Any] = Envelope(id=f"m{number}", source="/bank", time=at(D1), key=ANN, data=paid)
    key, value, headers = encode(message)
    return Record(topic, 0, offset, key, value, tuple(headers))


def test_the_same_bytes_are_read_once_wherever_they_stand() -> None:
    decoded = Decoded(1_000_000)
    first = decoded.read(record(1))
    assert decoded.read(record(1, offset=7, topic="other")) is first
    assert decoded.read(record(2)).data.amount == 2
    assert len(decoded) == 2


def test_another_header_is_another_message() -> None:
    decoded = Decoded(1_000_000)
    one = record(1)
    other = Record(one.topic, 0, 1, one.key, one.value, (*one.headers, ("traceparent", b"00-" + b"1" * 32)))
    assert decoded.read(one) is not decoded.read(other)
    with pytest.raises(DecodeError, match="ce_partitionkey"):
        decoded.read(Record(one.topic, 0, 2, b"another", one.value, one.headers))


def test_what_was_used_longest_ago_makes_room() -> None:
    one = record(1)
    size = 200 + len(one.value or b"") + sum(len(name) + len(value or b"") for name, value in one.headers)
    decoded = Decoded(3 * size)
    held = {number: decoded.read(record(number)) for number in (1, 2, 3)}
    assert decoded.read(record(1)) is held[1]
    decoded.read(record(4))
    assert decoded.read(record(1)) is held[1]
    assert decoded.read(record(2)) is not held[2]


def test_what_is_larger_than_everything_that_may_be_held_is_read_all_the_same() -> None:
    decoded = Decoded(10)
    assert decoded.read(record(5)).data.amount == 5
    assert len(decoded) == 0


def test_headers_count() -> None:
    decoded = Decoded(100_000)
    one = record(1)
    for number in range(10):
        decoded.read(
            Record(one.topic, 0, number, one.key, one.value, (*one.headers, (f"x{number}", b"x" * 40_000)))
        )
    assert len(decoded) == 2


def test_what_cannot_be_read_is_not_held() -> None:
    decoded = Decoded(1_000_000)
    for _ in range(2):
        with pytest.raises(DecodeError):
            decoded.read(Record("bank.events", 0, 0, b"k", b"{", record(1).headers))
    assert len(decoded) == 0
