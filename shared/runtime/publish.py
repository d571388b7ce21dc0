"""Producing from outside the engine: the console, `parley publish`, the demo's bank and borrowers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from types import TracebackType
from typing import Any, Final, Self

from shared.contracts.bank import DayClosed
from shared.contracts.cloudevents import encode
from shared.contracts.envelope import Envelope
from shared.contracts.ids import derive_id
from shared.runtime.kafka.publisher import KafkaPublisher
from shared.runtime.kafka.reader import Tail
from shared.runtime.ports import Outgoing, UnencodableError
from shared.runtime.service import topic_of
from shared.runtime.settings import Settings

__all__ = ["EventPublisher", "Tail"]

_CHUNK: Final = 1000
_MARKER_KEY: Final = "day"


class EventPublisher:
    """Publishes messages of producers outside the services, keyed by customer, acknowledged by all replicas.

        async with EventPublisher(settings) as publisher:
            await publisher.send(envelope)
            await publisher.close_day(date(2026, 3, 1))

    May be shared by tasks. What one task sends and awaits in turn stays in order per customer.
    """

    def __init__(self, settings: Settings) -> None:
        self._publisher = KafkaPublisher(settings)
        self._sending: set[asyncio.Future[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._publisher.close()

    async def send(self, *envelopes: Envelope[Any]) -> None:
        """Publish messages on their producer's topic; return when all are acknowledged.

        Raises UnencodableError (nothing was sent) or UnavailableError (an unknown part was; ids make
        it harmless to send all of them again).
        """
        await self.send_all(envelopes)

    async def send_all(self, envelopes: Iterable[Envelope[Any]]) -> int:
        """Publish many, a thousand at a time and in order; give how many."""
        records = [self._record(envelope) for envelope in envelopes]
        for start in range(0, len(records), _CHUNK):
            await self._send(records[start : start + _CHUNK])
        return len(records)

    async def send_raw(self, records: Sequence[Outgoing]) -> None:
        """Publish records as they are (files that carry their own encoding, tests of garbage)."""
        await self._send(records)

    async def _send(self, records: Sequence[Outgoing]) -> None:
        done: asyncio.Future[None] = asyncio.ensure_future(self._publisher.publish(records))
        self._sending.add(done)
        done.add_done_callback(self._sending.discard)
        await done

    def _record(self, envelope: Envelope[Any]) -> Outgoing:
        key, value, headers = encode(envelope)
        record = Outgoing(topic_of(envelope.data.PRODUCER), key, value, tuple(headers))
        self._publisher.measure(record)
        return record

    async def partitions(self, producer: str) -> int:
        """Give how many partitions a producer's topic has. Raises UnavailableError."""
        return await self._publisher.partitions(topic_of(producer))

    def measure(self, envelope: Envelope[Any]) -> None:
        """Raise UnencodableError if the topic would refuse the message."""
        try:
            self._record(envelope)
        except (ValueError, TypeError) as error:
            raise UnencodableError(f"cannot be written as a CloudEvent ({type(error).__name__})") from None

    async def close_day(self, day: date, *, zone: tzinfo = UTC, source: str = "/bank/core") -> None:
        """Say that the bank has said all there is about `day`: a marker to every partition, by number.

        Waits for everything this publisher is sending first. `zone` is the bank's: the marker's time is
        the last second of the day there. Saying it again is harmless.
        """
        if self._sending:
            await asyncio.gather(*self._sending)
        moment = datetime.combine(day + timedelta(days=1), datetime.min.time(), zone) - timedelta(seconds=1)
        marker = Envelope(
            id=derive_id("bank day", source, day.isoformat()),
            source=source,
            time=moment,
            key=_MARKER_KEY,
            data=DayClosed(day=day),
        )
        key, value, headers = encode(marker)
        topic = topic_of(DayClosed.PRODUCER)
        # The topic's own count, not a setting: a day that is closed on too few partitions closes nowhere.
        count = await self._publisher.partitions(topic)
        await self._send(
            [Outgoing(topic, key, value, tuple(headers), partition=number) for number in range(count)]
        )
