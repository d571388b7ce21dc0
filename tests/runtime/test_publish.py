"""Producing from outside the engine: in order, a thousand at a time, and a day closed on every partition."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from shared.contracts.bank import DayClosed
from shared.contracts.cloudevents import decode
from shared.contracts.envelope import Envelope
from shared.contracts.ids import derive_id
from shared.runtime import publish
from shared.runtime.ports import Outgoing, UnavailableError, UnencodableError
from shared.runtime.publish import EventPublisher
from shared.runtime.settings import Settings
from shared.runtime.simulation.toy import Accept, Open, Pay
from tests.runtime.rig import ANN, ANNS, D1, at


class Kafka:
    """A publisher that keeps what it is given; it waits for `go`."""

    def __init__(self, _settings: Settings) -> None:
        self.sent: list[list[Outgoing]] = []
        self.go = asyncio.Event()
        self.go.set()
        self.closed = False
        self.away = False

    def measure(self, record: Outgoing) -> None:
        if len(record.value or b"") > 1000:
            raise UnencodableError("larger than the limit")

    async def publish(self, records: Sequence[Outgoing]) -> None:
        await self.go.wait()
        if self.away:
            raise UnavailableError("away")
        self.sent.append(list(records))

    async def partitions(self, topic: str) -> int:
        return {"bank.events": 3, "desk.events": 2}[topic]

    async def close(self) -> None:
        self.closed = True


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> list[Kafka]:
    made: list[Kafka] = []

    def make(settings: Settings) -> Kafka:
        made.append(Kafka(settings))
        return made[-1]

    monkeypatch.setattr(publish, "KafkaPublisher", make)
    return made


def message(data: Any, key: str = ANN, id_: str = "m") -> Envelope[Any]:
    return Envelope(id_, f"/{data.PRODUCER}", at(D1), key, data, ANNS if data.PRODUCER == "desk" else None)


async def test_what_is_sent_lies_on_its_producers_topic_under_its_customers_key(kafka: list[Kafka]) -> None:
    async with EventPublisher(Settings()) as publisher:
        await publisher.send(message(Open()), message(Accept(number=1), "C-bob"))
        assert (await publisher.partitions("bank"), await publisher.partitions("desk")) == (3, 2)
    (sent,) = kafka[0].sent
    assert [(one.topic, one.key, one.partition) for one in sent] == [
        ("bank.events", ANN.encode(), None), ("desk.events", b"C-bob", None),
    ]  # fmt: skip
    assert decode(sent[1].key, sent[1].value, sent[1].headers).data == Accept(number=1)
    assert kafka[0].closed


async def test_many_are_sent_in_order_a_thousand_at_a_time(kafka: list[Kafka]) -> None:
    async with EventPublisher(Settings()) as publisher:
        assert await publisher.send_all(message(Open(), id_=f"m{n}") for n in range(2001)) == 2001
        assert await publisher.send_all([]) == 0
    assert [len(each) for each in kafka[0].sent] == [1000, 1000, 1]
    ids = [dict(one.headers)["ce_id"] for each in kafka[0].sent for one in each]
    assert ids == [f"m{n}".encode() for n in range(2001)]


async def test_of_what_cannot_be_sent_nothing_is(kafka: list[Kafka]) -> None:
    huge = message(Pay(pay_id="x" * 2000, amount=1, value_date=D1))
    async with EventPublisher(Settings()) as publisher:
        with pytest.raises(UnencodableError, match="larger"):
            await publisher.send(message(Open()), huge)
        with pytest.raises(UnencodableError, match="larger"):
            publisher.measure(huge)
        with pytest.raises(UnencodableError, match=r"cannot be written as a CloudEvent \(ValueError\)"):
            publisher.measure(message(Open(), key="not a customer's"))
        publisher.measure(message(Open()))
    assert kafka[0].sent == []


async def test_records_are_sent_as_they_are(kafka: list[Kafka]) -> None:
    record = Outgoing("bank.events", b"k", b"\xff", (("x", None),), partition=2)
    async with EventPublisher(Settings()) as publisher:
        await publisher.send_raw([record])
    assert kafka[0].sent == [[record]]


@pytest.mark.parametrize(
    ("zone", "moment"),
    [
        (UTC, datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC)),
        (timezone(timedelta(hours=8)), datetime(2026, 3, 1, 15, 59, 59, tzinfo=UTC)),
    ],
)
async def test_a_day_is_closed_on_every_partition_at_its_last_second(
    kafka: list[Kafka], zone: Any, moment: datetime
) -> None:
    async with EventPublisher(Settings()) as publisher:
        await publisher.close_day(D1, zone=zone)
        await publisher.close_day(D1, zone=zone)
    first, again = kafka[0].sent
    assert first == again, "said again it is the same"
    assert [(one.topic, one.key, one.partition) for one in first] == [
        ("bank.events", b"day", number) for number in range(3)
    ]
    said = decode(first[0].key, first[0].value, first[0].headers)
    assert said.data == DayClosed(day=date(2026, 3, 1))
    assert (said.time, said.source) == (moment, "/bank/core")
    assert said.id == derive_id("bank day", "/bank/core", "2026-03-01")


async def test_a_day_is_not_closed_before_everything_sent_has_been_acknowledged(kafka: list[Kafka]) -> None:
    async with EventPublisher(Settings()) as publisher:
        kafka[0].go.clear()
        sending = asyncio.ensure_future(publisher.send(message(Open())))
        await asyncio.sleep(0)
        closing = asyncio.ensure_future(publisher.close_day(D1))
        partitions = kafka[0].partitions
        asked: list[str] = []

        async def noting(topic: str) -> int:
            asked.append(topic)
            return await partitions(topic)

        kafka[0].partitions = noting  # type: ignore[method-assign]
        for _ in range(5):
            await asyncio.sleep(0)
        assert asked == [], "the marker has to wait"
        kafka[0].go.set()
        await asyncio.gather(sending, closing)
    assert [len(each) for each in kafka[0].sent] == [1, 3]


async def test_a_day_is_closed_though_something_could_not_be_sent_before(kafka: list[Kafka]) -> None:
    async with EventPublisher(Settings()) as publisher:
        kafka[0].away = True
        with pytest.raises(UnavailableError):
            await publisher.send(message(Open()))
        kafka[0].away = False
        await publisher.close_day(D1)
    assert [len(each) for each in kafka[0].sent] == [3]
