"""A dead letter as it is written, and as it is read back: the original record untouched, and why."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from shared.contracts.cloudevents import encode
from shared.contracts.envelope import Envelope
from shared.runtime import letters as module
from shared.runtime.deadletters import dead_letter, discard_id, due_work_letter
from shared.runtime.inbound import Failure, Reason
from shared.runtime.letters import attributes, read_letter
from shared.runtime.ports import Headers, Outgoing, Record, UnencodableError
from shared.runtime.settings import Settings
from shared.runtime.simulation.toy import Accept
from tests.runtime.rig import ANN, ANNS, D1, Rig, at

MIDDLE = Rig(names=("middle",)).services["middle"]
FAILED = Failure(Reason.DECIDER, "RuntimeError at rules.py:7")
RECORD = Record("desk.events", 3, 41, ANN.encode(), b"\xff", (("ce_type", b"t"), ("odd", None)), 99)


class Publisher:
    def __init__(self, most: int = 10_000) -> None:
        self._most = most

    def measure(self, record: Outgoing) -> None:
        if len(record.value or b"") > self._most:
            raise UnencodableError("larger than the limit")


def letter(record: Record = RECORD, document: str | None = ANNS, most: int = 10_000) -> Outgoing:
    return dead_letter(MIDDLE, record, FAILED, document, Publisher(most))  # type: ignore[arg-type]


def arrived(written: Outgoing) -> Record:
    return Record(written.topic, 0, 5, written.key, written.value, written.headers, 1234)


def test_a_letter_holds_the_record_as_it_came_and_says_why() -> None:
    written = letter()
    assert (written.topic, written.key, written.value) == ("middle.dead-letter", RECORD.key, RECORD.value)
    assert written.headers[:2] == RECORD.headers
    assert dict(written.headers[2:]) == {
        "parley-reason": b"decider-failed",
        "parley-detail": b"RuntimeError at rules.py:7",
        "parley-document": ANNS.encode(),
        "parley-topic": b"desk.events",
        "parley-partition": b"3",
        "parley-offset": b"41",
        "parley-timestamp": b"99",
    }
    read = read_letter("middle", arrived(written))
    assert read is not None
    assert read.record == RECORD
    assert (read.service, read.reason, read.detail) == ("middle", "decider-failed", FAILED.detail)
    assert (read.document, read.at_ms, read.day, read.truncated) == (ANNS, 1234, "", False)
    assert (read.type, read.case) == ("t", None)
    assert read.name == "middle/desk.events/3/41"
    assert read.without_value().record.value is None
    assert read.without_value().record.headers == RECORD.headers


def test_what_is_no_documents_names_none() -> None:
    read = read_letter("middle", arrived(letter(document=None)))
    assert read is not None
    assert read.document is None


def test_what_is_too_large_even_for_a_letter_goes_without_its_content() -> None:
    written = letter(most=0)
    assert (written.topic, written.key, written.value) == ("middle.dead-letter", None, b"")
    read = read_letter("middle", arrived(written))
    assert read is not None
    assert read.truncated
    assert read.record == Record("desk.events", 3, 41, None, None, (), 99)


def test_due_work_that_failed_is_named_by_its_day() -> None:
    written = due_work_letter(MIDDLE, ANNS, ANN, date(2026, 3, 5), FAILED)
    assert (written.topic, written.key, written.value) == ("middle.dead-letter", ANN.encode(), b"")
    read = read_letter("middle", arrived(written))
    assert read is not None
    assert read.name == f"middle/day/2026-03-05/{ANNS}"
    assert (read.day, read.reason, read.detail) == ("2026-03-05", "decider-failed", FAILED.detail)


def test_a_letter_about_a_letter_is_read_from_its_own_reason_on() -> None:
    first = arrived(letter())
    again = Record("desk.events", 1, 8, first.key, first.value, first.headers, 11)
    read = read_letter("middle", arrived(letter(again)))
    assert read is not None
    assert read.record == again


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("ce_type", b"t"),),
        (("parley-reason", b"x"),),
        (("parley-topic", b"t"),),
        (("parley-reason", b"x"), ("parley-topic", b"t"), ("parley-offset", b"many")),
    ],
)
def test_what_the_runtime_has_not_written_is_no_letter(headers: Headers) -> None:
    assert read_letter("middle", Record("middle.dead-letter", 0, 0, b"k", b"v", headers, 0)) is None


def test_a_reason_that_is_null_or_no_text_is_shown_as_far_as_it_can_be() -> None:
    headers = (("parley-reason", b"\xff"), ("parley-topic", b"t"), ("parley-detail", None))
    read = read_letter("middle", Record("middle.dead-letter", 0, 0, b"k", b"v", headers, 0))
    assert read is not None
    assert (read.reason, read.detail) == ("�", "")
    assert (read.record.offset, read.record.partition, read.record.timestamp_ms) == (0, 0, 0)


def structured(number: bytes = b"1") -> Record:
    body = (
        b'{"specversion":"1.0","id":"1","source":"/desk","type":"toy.desk.accept.v1","subject":"c-9",'
        b'"time":"2026-03-01T09:00:00Z","datacontenttype":"application/json","data":{"number":'
        + number
        + b"}}"
    )
    return Record(
        "desk.events", 0, 0, b"C-ann", body, (("content-type", b"application/cloudevents+json"),), 0
    )


def binary() -> Record:
    message: Envelope[Any] = Envelope("m", "/desk", at(D1), ANN, Accept(number=1), ANNS)
    key, value, headers = encode(message)
    return Record("desk.events", 0, 0, key, value, tuple(headers), 0)


def with_headers(*headers: tuple[str, bytes | None], value: bytes | None = None) -> Record:
    return Record("desk.events", 0, 0, b"k", value, headers, 0)


@pytest.mark.parametrize(
    ("record", "shown"),
    [
        (binary(), (Accept.TYPE, ANNS)),
        (structured(), (Accept.TYPE, "c-9")),
        (structured(b'"many"'), (Accept.TYPE, "c-9")),
        (with_headers(), (None, None)),
        (with_headers(value=b"{"), (None, None)),
        (with_headers(("ce_subject", b"c-1")), (None, "c-1")),
        (with_headers(("ce_type", None), ("ce_subject", b"c-1"), ("ce_subject", b"c-2")), (None, "c-1")),
        (with_headers(("ce_type", b"t" * 256), ("ce_subject", b"t" * 257)), ("t" * 256, None)),
        (with_headers(("ce_type", b"a\x1b[0m"), ("ce_subject", b"")), (None, None)),
    ],
)
def test_a_record_is_shown_by_what_it_says_of_itself(
    record: Record, shown: tuple[str | None, str | None]
) -> None:
    assert attributes(record) == shown


async def test_letters_are_read_from_a_moment_on_and_what_is_no_letter_is_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raw = [replace(arrived(letter()), offset=n, timestamp_ms=moment) for n, moment in enumerate((5, 7, 9))]
    asked: list[Any] = []

    async def scan(_settings: Settings, topic: str, start: Any) -> AsyncIterator[Record]:
        asked.append((topic, start))
        for one in (raw[2], replace(raw[0], headers=()), raw[1], raw[0]):
            yield one

    async def offsets_at(_settings: Settings, topic: str, since_ms: int) -> str:
        return f"{topic} at {since_ms}"

    monkeypatch.setattr(module, "scan", scan)
    monkeypatch.setattr(module, "offsets_at", offsets_at)
    told = [one.at_ms async for one in module.letters(Settings(), "middle")]
    assert told == [9, 7, 5]
    told = [one.at_ms async for one in module.letters(Settings(), "middle", since_ms=7)]
    assert told == [9, 7]
    assert asked == [("middle.dead-letter", None), ("middle.dead-letter", "middle.dead-letter at 7")]


def test_a_discard_has_one_id() -> None:
    assert discard_id("middle", "a/0/1") == discard_id("middle", "a/0/1")
    assert (
        len({discard_id("middle", "a/0/1"), discard_id("middle", "a/0/2"), discard_id("back", "a/0/1")}) == 3
    )
