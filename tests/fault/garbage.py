"""What nobody should send, for every topic: raw records, and what must become of them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from shared.contracts import bank, intake
from shared.contracts.cloudevents import encode
from shared.contracts.debts import Balances, ProductKind
from shared.contracts.envelope import Envelope
from shared.contracts.ids import case_id
from shared.contracts.partition import partition_of
from shared.contracts.runtime import ServiceDayClosed
from shared.lending.money import Money

Headers = tuple[tuple[str, bytes | None], ...]

HUGE = 20 << 20
"""Bytes of what is small only while it is compressed: more than a document of the database may have."""


@dataclass(frozen=True)
class Rubbish:
    """One raw record. `what` says what is wrong with it, in a test's output."""

    what: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    partition: int | None = None  # None: where the key belongs


def overdue(customer: str, day: date, account: str = "") -> Envelope[Any]:
    """A true message of the bank about a customer of its own."""
    nothing = Money.zero("CNY")
    owed = Balances(principal=Money(500_000, "CNY"), interest=Money(9_000, "CNY"), fees=nothing,
                    late_charges=nothing)  # fmt: skip
    late = Balances(principal=Money(40_000, "CNY"), interest=nothing, fees=nothing, late_charges=nothing)
    data = bank.AccountOverdue(
        account_id=account or f"{customer}-1",
        as_of=day,
        product="cn-card",
        kind=ProductKind.CARD,
        days_past_due=40,
        outstanding=owed,
        overdue=late,
        annual_rate_pct=Decimal("18"),
        contract_date=date(2023, 5, 4),
    )
    moment = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
    return Envelope(f"{customer}/{account}/{day}", "/bank/core", moment, customer, data)


def raw(envelope: Envelope[Any]) -> tuple[bytes, bytes, Headers]:
    """The record of a message."""
    key, value, headers = encode(envelope)
    return key, value, tuple(headers)


def unreadable(stranger: str) -> Iterator[Rubbish]:
    """What no service can read, keyed by a customer that the bank never spoke of."""
    key = stranger.encode()
    yield Rubbish("bytes", key, b"\x00\xff\xfe{{{")
    yield Rubbish("tombstone", key, None)
    yield Rubbish("a tombstone of nobody", b"", None, partition=0)
    yield Rubbish("no key", None, b"{}", partition=1)
    yield Rubbish("key is not text", b"\xff\xfe\x00", b"{}")
    yield Rubbish("key is a novel", b"k" * 70_000, b"{}")
    headers = (("ce_id", None), ("ce_type", b"\xff\xfe"), ("x", None), ("y", b"\xc3\x28"), ("", b""))
    yield Rubbish("headers null and not UTF-8", key, b"{}", headers)
    yield Rubbish("a thousand headers", key, b"{}", tuple((f"h{n}", b"v" * 50) for n in range(1000)))
    yield Rubbish("as large as the topic allows", key, b"x" * ((1 << 20) - 1000))
    yield Rubbish("huge, but compressed", key, b"\x00" * HUGE)
    _, _, known = raw(overdue(stranger, date(2026, 1, 5)))
    yield Rubbish("nested without end", key, b"[" * 100_000 + b"]" * 100_000, known)
    yield Rubbish("a number beyond 64 bits", key, b'{"account_id": 36893488147419103232}', known)
    yield Rubbish("a key twice", key, b'{"account_id":"a","account_id":"b"}', known)
    yield Rubbish("a lone surrogate", key, b'{"account_id":"\\ud800"}', known)
    yield Rubbish("NaN", key, b'{"account_id":NaN}', known)
    yield Rubbish("gzip", key, gzip.compress(b"{}"), known)
    structured = (("content-type", b"application/cloudevents+json"),)
    yield Rubbish("structured, empty", key, b"{}", structured)
    yield Rubbish("structured batch", key, b"[]", (("content-type", b"application/cloudevents-batch+json"),))
    event = {"specversion": "1.0", "id": "x", "source": "/s", "type": "no.such.type", "data": {}}
    timed = json.dumps({**event, "time": "2026-01-05T09:00:00Z"}).encode()
    yield Rubbish("a type nobody knows", key, timed, structured)
    # One of their own: a case is never two customers'.
    none = f"no-such-case-{stranger}".encode()
    yield Rubbish("a case that is none", key, b"{}", (*known, ("ce_subject", none)))


def misplaced(stranger: str, partitions: int) -> Iterator[Rubbish]:
    """What is right, but not where it stands (external topics)."""
    key, value, headers = raw(overdue(stranger, date(2026, 1, 5)))
    elsewhere = (partition_of(key, partitions) + 1) % partitions
    yield Rubbish("wrong partition", key, value, headers, elsewhere)
    yield Rubbish("unreadable on a wrong partition", key, b"?", (), elsewhere)


def forged(stranger: str, day: date, topic: str) -> Iterator[Rubbish]:
    """Readable messages that their topic's producer cannot have sent, and days that nobody may close."""
    case = case_id(stranger, 1)
    moment = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
    paid = bank.PaymentReceived(payment_id="forged", amount=Money(100, "CNY"), value_date=day)
    if topic != "bank.events":
        yield Rubbish("a payment", *raw(Envelope("f1", "/bank/core", moment, stranger, paid, case)))
        yield Rubbish("a payment, no case", *raw(Envelope("f2", "/bank/core", moment, stranger, paid)))
    closed = intake.CaseClosed(reason=intake.CloseReason.CURED, as_of=day, ledgers=())
    for name, source, subject, sequence in (
        ("a service's word from somebody", "/somebody", case, 1),
        ("a service's word about no case", "/parley/intake", None, 1),
        ("a service's word without a number", "/parley/intake", case, None),
    ):
        yield Rubbish(name, *raw(Envelope(name, source, moment, stranger, closed, subject, sequence)))
    for name, data in (
        ("day closed far ahead", bank.DayClosed(day=date(2999, 1, 1))),
        ("service's day closed far ahead", ServiceDayClosed(day=date(2999, 1, 1), service="intake")),
        ("service's day closed by nobody", ServiceDayClosed(day=day, service="nobody")),
    ):
        source = "/bank/core" if isinstance(data, bank.DayClosed) else f"/parley/{data.service}"
        yield Rubbish(name, *raw(Envelope(name, source, moment, "", data)), partition=0)


def everything(stranger: str, day: date, topic: str, partitions: int) -> Sequence[Rubbish]:
    """All of it for one topic."""
    external = topic in {"bank.events", "desk.events", "ops.commands"}
    more = misplaced(stranger, partitions) if external else ()
    return [*unreadable(stranger), *more, *forged(stranger, day, topic)]
