"""Garbage on every topic while the platform works: it costs only its own case, and everything is counted."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from deploy.demo.live import KafkaPlatform
from deploy.embedded.platform import Addresses
from services.cli.catalogue import load_all
from services.console.audit import audit
from shared.contracts import ops
from shared.contracts.envelope import Envelope
from shared.contracts.ids import case_id
from shared.contracts.partition import partition_of
from shared.contracts.registry import PRODUCERS, SERVICES, topic_of
from shared.runtime.admin import prepare, read_documents, scan
from shared.runtime.publish import EventPublisher
from shared.runtime.settings import Settings
from tests.fault.garbage import Rubbish, everything, overdue, raw
from tests.fault.house import WAIT_SECONDS, Replica
from tests.fault.living import day, differences, outcomes, undisturbed, world
from tests.runtime.support import fresh, settings_of

pytestmark = pytest.mark.kafka

PARTITIONS = 2
STRANGERS = {topic_of(producer): f"STRANGER-{producer}" for producer in PRODUCERS}
SPOILT = 2  # the day on which garbage is thrown
REPEATED = 40  # records of each topic that are said again

Place = tuple[str, int, int]


class Vandal:
    """Writes raw records, with Kafka's own limits and no others; knows where they lie."""

    def __init__(self, settings: Settings) -> None:
        self._prefix, self._partitions = settings.prefix, settings.partitions
        self._producer = AIOKafkaProducer(
            bootstrap_servers=settings.kafka_bootstrap,
            compression_type="gzip",
            max_request_size=64 << 20,
            # What is thrown is counted on, whichever broker dies, and lies where it is said to lie alone.
            acks="all",
            enable_idempotence=True,
        )

    async def __aenter__(self) -> Vandal:
        await self._producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._producer.stop()

    async def throw(self, topic: str, rubbish: Rubbish) -> Place:
        partition = rubbish.partition
        if partition is None:
            partition = partition_of(rubbish.key or b"", self._partitions)
        sent = await self._producer.send_and_wait(
            self._prefix + topic, rubbish.value, rubbish.key, partition, headers=list(rubbish.headers)
        )
        return topic, partition, sent.offset


@pytest.fixture
def settings(servers: Addresses) -> Settings:
    return settings_of(servers, prefix=fresh("g."), partitions=PARTITIONS)


@pytest.fixture
async def platform(settings: Settings, tmp_path: Path) -> AsyncIterator[KafkaPlatform]:
    """The whole platform in one process of its own."""
    await prepare(settings, load_all())
    replica = Replica("all", tmp_path, settings)
    replica.start()
    try:
        async with KafkaPlatform(settings, load_all()) as running:
            yield running
        await replica.stop()
    finally:
        replica.abandon()


async def letters(settings: Settings) -> dict[Place, dict[str, str]]:
    """Why each record went to the dead letters, by service."""
    found: dict[Place, dict[str, str]] = defaultdict(dict)
    for service in load_all():
        async for record in scan(settings, service.dead_letter_topic):
            said = {name: content.decode() for name, content in record.headers
                    if name.startswith("parley-") and content}  # fmt: skip
            at = (said["parley-topic"], int(said["parley-partition"]), int(said["parley-offset"]))
            found[at][service.name] = said["parley-reason"]
    return found


def readers(topic: str) -> set[str]:
    return {service.name for service in load_all() if topic in service.topics}


def waiting(topic: str) -> set[str]:
    return {service.name for service in load_all() if topic in map(topic_of, service.waits_for)}


async def parked(settings: Settings) -> set[str]:
    """The documents that any service has parked."""
    found = set()
    for service in load_all():
        query = {"park": {"$ne": None}}
        found |= {one["_id"] async for one in read_documents(settings, f"{service.name}.cases", query)}
    return found


async def findings(settings: Settings) -> list[str]:
    return [text for check in (await audit(settings, load_all())).checks for text in check.findings]


@pytest.mark.slow
async def test_garbage_on_every_topic_costs_nobody_anything(
    settings: Settings, platform: KafkaPlatform
) -> None:
    customers, days = 8, 6
    thrown: dict[Place, Rubbish] = {}
    again: set[Place] = set()
    lives = world(platform, customers=customers, days=days, seed=1)
    async with Vandal(settings) as vandal:
        for number in range(days):
            if number == SPOILT:
                for topic, stranger in STRANGERS.items():
                    for rubbish in everything(stranger, day(number), topic, PARTITIONS):
                        thrown[await vandal.throw(topic, rubbish)] = rubbish
            if number == SPOILT + 1:
                # The bank repeats itself, and somebody copies what the services said back to their topics.
                for topic in STRANGERS:
                    old = [
                        r async for r in scan(settings, topic) if (topic, r.partition, r.offset) not in thrown
                    ]
                    old = [record for record in old if b"STRANGER" not in (record.key or b"")]
                    for one in old[:REPEATED]:
                        copy = Rubbish("again", one.key, one.value, one.headers, one.partition)
                        again.add(await vandal.throw(topic, copy))
            await lives.live_day(day(number))
    await platform.finished()
    assert await findings(settings) == []
    why = await letters(settings)
    for at, rubbish in thrown.items():
        # A marker that stands where markers may stand is judged by those alone that wait for it.
        judges = waiting(at[0]) if "day closed" in rubbish.what else readers(at[0])
        assert judges <= set(why[at]) <= readers(at[0]), (at, rubbish.what)
    assert len(again) > REPEATED
    assert {at: why[at] for at in again if at in why} == {}, "what is said again is a duplicate"
    live = await outcomes(settings)
    calm = await undisturbed(customers=customers, days=days, seed=1)
    assert calm
    assert differences({case: live[case] for case in live if case in calm}, calm) == []
    assert await parked(settings) <= {
        name for s in STRANGERS.values() for name in (s, case_id(s, 1), f"no-such-case-{s}")
    }


async def refused(settings: Settings) -> list[dict[str, str]]:
    """Why commands went to the dead letters; waits until one has: nothing tells when a command was obeyed."""
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            why = await letters(settings)
            found = [reasons for at, reasons in why.items() if at[0] == "ops.commands"]
            if found:
                return found


def command(customer: str, data: Any, number: int) -> Envelope[Any]:
    return Envelope(f"command-{number}", "/ops/test", datetime(2026, 1, 5, 12, tzinfo=UTC), customer, data)


async def test_a_parked_customer_is_replayed_and_what_cannot_be_read_is_discarded(
    settings: Settings, platform: KafkaPlatform
) -> None:
    victim = "VICTIM"
    case = case_id(victim, 1)

    async def intake() -> dict[str, Any]:
        (found,) = [one async for one in read_documents(settings, "intake.cases", {"_id": victim})]
        return found

    async def holders() -> dict[str, list[Any]]:
        found = {}
        for service in SERVICES[1:]:
            async for one in read_documents(settings, f"{service}.cases", {"_id": case, "held": True}):
                found[service] = one["holds"]
        return found

    async with Vandal(settings) as vandal, EventPublisher(settings) as publisher:
        await publisher.send(overdue(victim, day(0)))
        key, _, headers = raw(overdue(victim, day(0), "VICTIM-2"))
        _, partition, offset = await vandal.throw("bank.events", Rubbish("spoilt", key, b"{spoilt}", headers))
        await publisher.send(overdue(victim, day(0), "VICTIM-3"))
        await publisher.close_day(day(0))
        await platform.settled(day(0))
        found = await intake()
        assert found["park"] == ["undecodable", f"bank.events/{partition}/{offset}"]
        assert [debt["debt_id"] for debt in found["state"]["debts"]] == ["VICTIM-1"]
        assert "assessment" in await holders(), "a parked case is held wherever it is known"
        await platform.finished()
        assert await findings(settings) == []

        lowest = {"service": "intake", "document": victim, "topic": "bank.events", "partition": partition}
        replay = ops.Replay(service="intake", document=victim)
        discard = ops.Discard(**lowest, offset=offset, reason="cannot be read")
        too_soon = ops.Discard(**lowest, offset=offset + 1, reason="not the lowest")
        await publisher.send(command(victim, replay, 1), command(victim, too_soon, 2))
        await platform.settled(day(0))
        await platform.finished()  # the days do not wait for commands
        assert (await intake())["park"] == ["undecodable", f"bank.events/{partition}/{offset}"]
        assert {"intake": "command-refused"} in await refused(settings)

        await publisher.send(command(victim, discard, 3), command(victim, replay, 4))
        await publisher.close_day(day(1))
        await platform.settled(day(1))
        await platform.finished()
    found = await intake()
    assert found["park"] is None
    assert [debt["debt_id"] for debt in found["state"]["debts"]] == ["VICTIM-1", "VICTIM-3"]
    assert await holders() == {}
    assert [row async for row in read_documents(settings, "intake.parked")] == []
    await platform.finished()
    assert await findings(settings) == []
