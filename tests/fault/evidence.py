"""Gathers what a platform has left behind, with a bare client and a bare driver."""

from __future__ import annotations

from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from pymongo import MongoClient

from tests.fault.checker import Evidence, Seen

__all__ = ["gather"]

_KINDS = (".events", ".dead-letter")
_COLLECTIONS = (".cases", ".links", ".parked", ".positions")


async def gather(bootstrap: str, uri: str, database: str = "parley") -> Evidence:
    """Read every topic of events and dead letters from its start to its present end, and the documents."""
    records: list[Seen] = []
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        names = sorted(name for name in await admin.list_topics() if name.endswith(_KINDS))
        described = await admin.describe_topics(names)
    finally:
        await admin.close()
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        for topic in described:
            numbers = sorted(place["partition"] for place in topic["partitions"])
            places = [TopicPartition(topic["topic"], number) for number in numbers]
            consumer.assign(places)
            ends = await consumer.end_offsets(places)
            for at, first in (await consumer.beginning_offsets(places)).items():
                consumer.seek(at, first)
            while any([await consumer.position(at) < end for at, end in ends.items()]):
                for at, found in (await consumer.getmany(timeout_ms=200)).items():
                    records += [_seen(one) for one in found if one.offset < ends[at]]
    finally:
        await consumer.stop()
    client: MongoClient[dict[str, Any]] = MongoClient(uri)
    try:
        kept = [n for n in client[database].list_collection_names() if n.endswith(_COLLECTIONS)]
        return Evidence(records, {name: list(client[database][name].find()) for name in sorted(kept)})
    finally:
        client.close()


def _seen(record: Any) -> Seen:
    headers = {name: value.decode("utf-8", "replace") for name, value in record.headers if value is not None}
    key = (record.key or b"").decode("utf-8", "replace")
    return Seen(record.topic, record.partition, record.offset, key, headers, record.value or b"")
