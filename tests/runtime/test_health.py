"""Lag, readiness, backpressure and the watchdog, in virtual time: one story each."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from shared.runtime.engine import Engine
from shared.runtime.memory import MemoryLog
from shared.runtime.memory_store import MemoryStore
from shared.runtime.meters import Meters
from shared.runtime.monitor import Monitor
from shared.runtime.ports import Document, Outgoing, TopicPartition, UnavailableError
from shared.runtime.pulse import State
from shared.runtime.simulation.toy import Accept, Open, Opened, Pay
from shared.runtime.simulation.world import SimClock
from shared.runtime.watchdog import StalledError
from tests.runtime.rig import ANN, D1, Rig, story


class SlowStore:
    """A store whose writes take a while, come to no end, or are refused."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.seconds = 0.0
        self.hangs = False
        self.away = False
        self.written: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def replace_many(self, service: str, documents: Sequence[Document]) -> set[str]:
        await asyncio.sleep(self.seconds)
        if self.hangs:
            await asyncio.Event().wait()
        if self.away:
            raise UnavailableError("database: cannot write")
        self.written.append(len(documents))
        return await self._store.replace_many(service, documents)


class Ward:
    """A rig with a store of moods, meters that remember, and a monitor of all engines."""

    def __init__(self, *names: str, **limits: Any) -> None:
        self.rig = Rig(names=names or ("front",), **limits)
        self.clock = SimClock(self.rig.world)  # type: ignore[arg-type]
        self.rig.log = MemoryLog(
            self.rig.limits.partitions,
            max_bytes=20_000,
            timestamp=lambda: int(self.clock.now().timestamp() * 1000),
        )
        self.store = SlowStore(self.rig.store)
        self.meters = Meters()
        self.kafka_away = False
        self.engines: list[Engine] = []

    def start(self, *names: str) -> None:
        for name in names or tuple(self.rig.services):
            self.engines.append(self.rig.start(name, store=self.store, meter=self.meters))

    def monitor(self) -> Monitor:
        async def kafka() -> None:
            if self.kafka_away:
                raise UnavailableError("Kafka: away")

        async def database() -> None:
            """Always answers."""

        servers = {"Kafka": kafka, "database": database}
        return Monitor(self.engines, self.rig.limits, self.clock, self.meters, servers)

    def watch(self) -> tuple[Monitor, asyncio.Task[None]]:
        monitor = self.monitor()
        return monitor, asyncio.get_running_loop().create_task(monitor.run())

    def pay(self, number: int, first: int = 0) -> None:
        for n in range(first, first + number):
            self.rig.say(Pay(pay_id=f"p{n}", amount=1, value_date=D1), key=f"C-{n:04d}")

    def gauges(self, name: str) -> dict[str, float]:
        """A gauge by partition (and topic, where it has one)."""
        rows = [row for row in self.meters.snapshot()["gauges"] if row["name"] == name]
        return {
            "/".join(v for k, v in row["labels"].items() if k in {"topic", "partition"}): row["value"]
            for row in rows
        }


def reasons(monitor: Monitor) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = monitor.report.readiness()["reasons"]
    return found


# -- lag ---------------------------------------------------------------------------------------------------


@story
async def test_lag_and_age_of_the_oldest_record_are_known_by_partition_and_0_when_caught_up() -> None:
    ward = Ward(partitions=2)
    ward.start()
    monitor = ward.monitor()
    await ward.rig.settle()
    for _ in range(2):
        await monitor.look(5)  # where the topics ended while nothing moved is not where they end
    ward.store.seconds = 100
    ward.rig.say(Open())
    partition = next(n for n in range(2) if ward.rig.log.records("bank.events", n))
    await asyncio.sleep(40)
    ward.rig.say(Pay(pay_id="p", amount=1, value_date=D1))
    await asyncio.sleep(30)
    await monitor.look(5)
    rows = {row["partition"]: row for row in monitor.report.lag()}
    assert rows[partition] == {
        "service": "front",
        "partition": partition,
        "lag": 2,
        "by_topic": {"bank.events": 2, "desk.events": 0, "ops.commands": 0} | rows[partition]["by_topic"],
        "oldest_seconds": 70,
        "waits_for": [],
    }
    assert (rows[1 - partition]["lag"], rows[1 - partition]["oldest_seconds"]) == (0, 0)
    assert ward.gauges("oldest_seconds") == {str(partition): 70, str(1 - partition): 0}
    assert ward.gauges("lag")[f"bank.events/{partition}"] == 2
    assert monitor.report.ready, "slow is not stuck"
    await asyncio.sleep(40)
    await monitor.look(5)
    assert ward.gauges("oldest_seconds")[str(partition)] == 70, "now the second one is the oldest"
    await asyncio.sleep(300)
    await monitor.look(5)
    assert set(ward.gauges("oldest_seconds").values()) == set(ward.gauges("lag").values()) == {0}


@story
async def test_what_was_never_fetched_is_at_least_as_old_as_it_has_been_known() -> None:
    ward = Ward()
    ward.start()
    await ward.rig.settle()
    (engine,) = ward.engines
    engine._consumer.pause(engine._consumer.assignment())
    monitor, watching = ward.watch()
    ward.rig.say(Open())
    await asyncio.sleep(52)
    (row,) = monitor.report.lag()
    assert row["lag"] == 1
    assert 40 < row["oldest_seconds"] <= 52
    watching.cancel()


@story
async def test_gauges_of_partitions_that_another_replica_owns_are_forgotten() -> None:
    ward = Ward(partitions=2)
    ward.start("front")
    monitor = ward.monitor()
    await ward.rig.settle()
    await monitor.look(5)
    assert set(ward.gauges("oldest_seconds")) == {"0", "1"}
    ward.rig.start("front")
    await ward.rig.settle()
    await monitor.look(5)
    (kept,) = [str(lane.partition) for lane in ward.engines[0].lanes]
    assert set(ward.gauges("oldest_seconds")) == {kept}
    assert {at.partition("/")[2] for at in ward.gauges("lag")} == {kept}


# -- readiness ---------------------------------------------------------------------------------------------


@story
async def test_a_replica_is_ready_when_it_works_or_stands_by() -> None:
    ward = Ward()
    ward.start("front")
    ward.start("front")
    monitor = ward.monitor()
    assert monitor.report.readiness() == {
        "ready": False,
        "services": {},
        "reasons": [{"why": "starting"}],
    }
    await monitor.look(5)
    assert not monitor.report.ready
    assert {one["why"] for one in reasons(monitor)} == {State.JOINING.value}
    await ward.rig.settle()
    await monitor.look(5)
    assert monitor.report.ready
    assert [engine.state for engine in ward.engines] == [State.WORKING, State.STANDBY]


@story
async def test_a_call_that_comes_to_no_end_is_told_and_then_ends_the_replica() -> None:
    ward = Ward()
    ward.start()
    ward.store.hangs = True
    monitor, watching = ward.watch()
    await ward.rig.settle(20)
    ward.rig.say(Open())
    await asyncio.sleep(50)
    assert monitor.report.ready
    await asyncio.sleep(30)
    (reason,) = reasons(monitor)
    assert reason["service"] == "front"
    assert "nothing has moved for" in reason["why"]
    assert "partitions: 0; under way: write for" in reason["why"]
    assert ANN not in str(monitor.report)
    assert not watching.done()
    with pytest.raises(StalledError, match=r"front is stuck: .*under way: write .*; run: parley doctor"):
        await watching


@story
async def test_an_input_that_brings_nothing_is_told_by_partition_though_others_move() -> None:
    ward = Ward(partitions=2)
    ward.start()
    monitor, watching = ward.watch()
    await ward.rig.settle(20)
    ward.rig.say(Open())
    partition = next(n for n in range(2) if ward.rig.log.records("bank.events", n))
    await ward.rig.settle(20)
    # The consumer forgets to resume one partition: nothing fails, and nothing comes.
    ward.engines[0]._consumer.pause([TopicPartition("bank.events", partition)])
    ward.rig.say(Pay(pay_id="p", amount=1, value_date=D1))
    for n in range(30):
        ward.rig.log.append(Outgoing("ops.commands", b"", b"", (), 1 - partition))  # garbage: it moves
        await asyncio.sleep(3)
        assert monitor.report.ready or n > 15
    (reason,) = reasons(monitor)
    assert (reason["service"], reason["partition"]) == ("front", partition)
    assert "bank.events has brought nothing for" in reason["why"]
    with pytest.raises(StalledError, match=f"front partition {partition} is stuck: bank.events"):
        await watching


@story
async def test_an_outage_turns_readiness_red_and_ends_nothing() -> None:
    ward = Ward()
    ward.start()
    monitor, watching = ward.watch()
    await ward.rig.settle()
    ward.store.away = True
    ward.rig.say(Open())
    await asyncio.sleep(2000)
    assert not watching.done()
    (reason,) = reasons(monitor)
    assert reason["service"] == "front"
    assert "write: no answer for 1" in reason["why"]
    ward.store.away = False
    await ward.rig.settle()
    assert monitor.report.ready
    assert ward.rig.types("front") == ["opened"]
    watching.cancel()


@story
async def test_a_hang_after_an_outage_is_still_a_hang() -> None:
    ward = Ward()
    ward.start()
    ward.store.hangs = True
    _, watching = ward.watch()
    await ward.rig.settle()
    ward.rig.say(Open())
    await asyncio.sleep(5)
    ward.engines[0].pulse.failed("poll")  # the last one before the batch came to its stop
    with pytest.raises(StalledError, match="under way: write"):
        await watching


@story
async def test_while_kafka_does_not_say_where_the_topics_end_nothing_is_called_stuck() -> None:
    ward = Ward()
    ward.start()
    ward.store.hangs = True
    monitor, watching = ward.watch()
    await ward.rig.settle()
    ward.rig.say(Open())
    await asyncio.sleep(200)
    (engine,) = ward.engines
    ends, engine._consumer.ends = engine._consumer.ends, _unavailable  # type: ignore[method-assign]
    await asyncio.sleep(1000)
    assert not watching.done()
    assert reasons(monitor) == [{"service": "front", "why": "Kafka does not say where the topics end"}]
    engine._consumer.ends = ends  # type: ignore[method-assign]
    await asyncio.sleep(200)
    assert not watching.done(), "what it was still before the outage does not count"
    with pytest.raises(StalledError):
        await watching


async def _unavailable(_: object) -> dict[TopicPartition, int]:
    raise UnavailableError("Kafka: no answer")


@story
async def test_the_markers_of_transactions_are_not_waited_for() -> None:
    ward = Ward()
    ward.start()
    monitor, watching = ward.watch()
    (engine,) = ward.engines
    fetched = engine._consumer.high_water

    def high_water(at: TopicPartition) -> int | None:
        return (fetched(at) or 0) + (at.topic == "bank.events")  # one beyond what is ever delivered

    engine._consumer.high_water = high_water  # type: ignore[method-assign]
    for _ in range(300):
        ward.rig.log.append(Outgoing("ops.commands", b"", b"", (), 0))  # garbage: it moves
        await asyncio.sleep(3)
    assert monitor.report.ready
    assert not watching.done()
    watching.cancel()


@story
async def test_a_server_that_is_away_is_named_and_nothing_ends_for_it() -> None:
    ward = Ward()
    ward.start()
    ward.store.hangs = True
    monitor, watching = ward.watch()
    await ward.rig.settle()
    ward.rig.say(Open())
    ward.kafka_away = True
    await asyncio.sleep(1000)
    assert reasons(monitor)[0] == {"server": "Kafka", "why": "does not answer"}
    assert not watching.done(), "while a server is away nobody knows who is to blame"
    ward.kafka_away = False
    with pytest.raises(StalledError):
        await watching


@story
async def test_what_waits_at_the_barrier_is_not_stuck_and_says_for_whom() -> None:
    ward = Ward("middle")
    ward.start()
    monitor, watching = ward.watch()
    ward.rig.tell("front", Opened(on=D1), 1)
    ward.rig.close(D1, source="front")
    ward.rig.tell("front", Opened(on=D1), 1, key="C-bob")
    await asyncio.sleep(1000)
    assert monitor.report.ready
    assert not watching.done()
    (row,) = monitor.report.lag()
    assert row["by_topic"]["front.events"] == 2, "the marker and what lies behind it"
    assert row["waits_for"] == ["desk"]
    ward.rig.close(D1, source="desk")
    await asyncio.sleep(20)
    (row,) = monitor.report.lag()
    assert (row["lag"], row["waits_for"]) == (0, [])
    watching.cancel()


@story
async def test_a_process_that_was_suspended_has_not_been_stuck() -> None:
    ward = Ward()
    ward.start()
    ward.store.seconds = 50
    monitor, watching = ward.watch()
    await ward.rig.settle()
    ward.rig.say(Open())
    await asyncio.sleep(10)
    asyncio.get_running_loop().now += 10_000  # type: ignore[attr-defined]
    await asyncio.sleep(45)
    assert monitor.report.ready
    assert not watching.done()
    watching.cancel()


@story
async def test_idle_is_ready_for_ever() -> None:
    ward = Ward("front", "middle", "back")
    ward.start()
    ward.rig.say(Open())
    ward.rig.say(Accept(number=1))
    ward.rig.close(D1)
    monitor, watching = ward.watch()
    await asyncio.sleep(5000)
    assert monitor.report.ready
    assert not watching.done()
    watching.cancel()


# -- backpressure ------------------------------------------------------------------------------------------


@story
async def test_a_slow_database_makes_batches_smaller_and_costs_no_membership() -> None:
    ward = Ward(batch_records=64, batch_least=4, batch_seconds=5.0)
    ward.store.seconds = 60
    ward.pay(300)
    ward.start()
    monitor, watching = ward.watch()
    (engine,) = ward.engines
    await asyncio.sleep(400)
    assert len(list(engine.unfinished())) <= 2 * 64, "nothing is taken in that cannot be worked off"
    await asyncio.sleep(6000)
    sizes = ward.store.written
    assert sizes[:2] == [64, 64], "the second was fetched while the first was written"
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 4
    assert engine.state is State.WORKING
    assert ward.rig.log.group("parley.front").generation == 1, "nobody has left the group"
    assert "assignment-abandoned" not in {one["alarm"] for one in ward.meters.snapshot()["alarms"]}
    assert not watching.done(), "slow is not stuck"
    assert monitor.report.ready

    ward.store.seconds = 0
    await ward.rig.settle(100)
    assert sum(ward.store.written) == 300
    ward.pay(1000, first=300)
    await ward.rig.settle(100)
    assert sum(ward.store.written) == 1300
    assert max(ward.store.written[-8:]) == 64, "fast again, it has grown again"
    assert ward.rig.log.group("parley.front").generation == 1
    assert [row["value"] for row in ward.meters.snapshot()["gauges"] if row["name"] == "batch_limit"] == [64]
    watching.cancel()
