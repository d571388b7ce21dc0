"""What FastStream is told: one batch subscriber that hands raw records over and decides nothing by itself."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from typing import Any, Final, Protocol

from aiokafka import ConsumerRebalanceListener, ConsumerRecord
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaAckableMessage, KafkaMessage

from shared.runtime.kafka.connection import security_of, servers
from shared.runtime.settings import Settings

__all__ = ["Fed", "Raw", "feed"]

Raw = tuple[ConsumerRecord, ...]

# After so long without a fetch the client would leave the group, and an engine that waits for a slow database
# fetches nothing: heartbeats tell that it lives, the watchdog whether it gets on. So: never.
_IDLE_MS: Final = 2**31 - 1


class Fed(Protocol):
    """Who is told of what the client meets."""

    def failed(self, error: Exception) -> None:
        """Take note of an error that FastStream would only log."""
        ...

    async def revoked(self) -> None:
        """Give the partitions up; the client waits for it."""
        ...

    def assigned(self, partitions: Collection[Any]) -> None:
        """Take the client's partitions over."""
        ...


class _Errors:
    """FastStream's logger: it drops what the log knows already and hands over the client's errors."""

    def __init__(self, fed: Fed) -> None:
        self._fed = fed

    def log(
        self, level: int, _message: Any, /, *, exc_info: Any = None, extra: Mapping[str, Any] | None = None
    ) -> None:
        """Take one line of FastStream's."""
        del extra
        if level >= logging.ERROR and isinstance(exc_info, Exception):
            self._fed.failed(exc_info)


class _Rebalance(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, fed: Fed) -> None:
        self._fed = fed

    async def on_partitions_revoked(self, revoked: Collection[Any]) -> None:  # noqa: ARG002
        await self._fed.revoked()

    async def on_partitions_assigned(self, assigned: Collection[Any]) -> None:
        self._fed.assigned(assigned)


def feed(
    settings: Settings,
    group: str,
    client_id: str,
    topics: Sequence[str],
    fed: Fed,
) -> tuple[KafkaBroker, Any]:
    """Make a broker with its one subscriber, neither started yet; the handler is still to be given."""
    broker = KafkaBroker(
        servers(settings),
        client_id=client_id,
        security=security_of(settings),
        consumer_only=True,
        apply_types=False,
        graceful_timeout=None,
        logger=_Errors(fed),
    )
    subscriber = broker.subscriber(
        *topics,
        batch=True,
        group_id=group,
        batch_timeout_ms=max(1, round(settings.poll_seconds * 1000)),
        max_records=settings.batch_records,
        auto_offset_reset="none",
        isolation_level="read_committed",  # what a bank's own transaction took back was never said
        ack_policy=AckPolicy.MANUAL,
        partition_assignment_strategy=(RangePartitionAssignor,),
        session_timeout_ms=round(settings.session_seconds * 1000),
        heartbeat_interval_ms=max(100, round(settings.session_seconds * 1000 / 6)),
        rebalance_timeout_ms=round(settings.rebalance_seconds * 1000),
        max_poll_interval_ms=_IDLE_MS,
        fetch_max_wait_ms=max(1, round(settings.fetch_wait_seconds * 1000)),
        fetch_max_bytes=settings.fetch_bytes,
        max_partition_fetch_bytes=min(settings.fetch_bytes, settings.message_bytes),
        listener=_Rebalance(fed),
        parser=_parse,
        decoder=_decode,
        no_reply=True,
    )
    subscriber.__class__ = _prompt(type(subscriber))
    return broker, subscriber


def _prompt(kind: type[Any]) -> type[Any]:
    """Give the subscriber's class with a wait that ends when records come.

    FastStream sleeps as long again as the client has waited in vain, and hears nothing meanwhile: short waits
    then keep the process busy, long ones add to every step of a case.
    """

    class Prompt(kind):  # type: ignore[misc]
        __slots__ = ()

        async def get_msg(self, consumer: Any) -> Raw:
            wait = self.batch_timeout_ms / 1000
            began = time.monotonic()
            found = await consumer.getmany(timeout_ms=self.batch_timeout_ms, max_records=self.max_records)
            if not found and time.monotonic() - began < wait / 2:
                # The client has not waited: it is leaving, or between two assignments.
                await asyncio.sleep(wait / 2)
            return tuple(chain.from_iterable(found.values()))

    return Prompt


async def _parse(records: Raw) -> KafkaMessage:
    """Wrap a batch as it is: no header is decoded."""
    return KafkaAckableMessage(raw_message=records, body=b"", headers={}, consumer=None)


async def _decode(message: KafkaMessage) -> Raw:
    """Hand the raw records over."""
    raw: Raw = message.raw_message
    return raw
