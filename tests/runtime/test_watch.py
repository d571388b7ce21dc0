"""When an engine is called stuck: judged look by look, on one that does exactly what a test says."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from shared.runtime.health import Standing, Watch
from shared.runtime.inbound import Inbound, Kind
from shared.runtime.lane import Lane
from shared.runtime.meters import Meters
from shared.runtime.ports import Record, TopicPartition, UnavailableError
from shared.runtime.pulse import Pulse, State
from tests.runtime.rig import D1, Rig

FRONT = Rig(names=("front",)).services["front"]
PATIENCE = 60.0


class Clock:
    def now(self) -> datetime:
        return datetime(2026, 3, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0


class Engine:
    """Three records of the bank wait, and nothing happens."""

    def __init__(self, state: State = State.WORKING, records: int = 3) -> None:
        self.service, self.state = FRONT, state
        self.pulse = Pulse(Clock())  # type: ignore[arg-type]
        self.lanes = [Lane.load(FRONT, {"_id": 0, "epoch": 1, "version": 1}, {})]
        self.records = records
        self.silent = False
        self.asked = 0

    def unfinished(self) -> list[Record]:
        return []

    async def ends(self) -> dict[TopicPartition, int]:
        self.asked += 1
        if self.silent:
            raise UnavailableError("Kafka: no answer")
        return {}

    def high_water(self, at: TopicPartition) -> int:
        return self.records if at.topic == "bank.events" else 0


def watch(engine: Engine) -> Watch:
    return Watch(engine, Clock(), Meters(), PATIENCE)  # type: ignore[arg-type]


async def looks(watched: Watch, times: int = 4, passed: float = 25.0, **each: Any) -> Standing:
    """Look some times, after doing `each`; give what the last look found."""
    for _ in range(times):
        for does in each.values():
            does()
        standing = await watched.look(passed)
    return standing


def stillness(standing: Standing) -> list[float]:
    return [trouble.still for trouble in standing.troubles]


async def test_an_engine_that_neither_polls_nor_has_anything_under_way_is_stuck_with_records_waiting() -> (
    None
):
    standing = await looks(watch(Engine()))
    assert stillness(standing) == [100]
    assert "3 records behind; partitions: 0; under way: nothing" in standing.troubles[0].why


async def test_without_work_there_is_nothing_to_be_stuck_in() -> None:
    assert stillness(await looks(watch(Engine(records=0)))) == []


async def test_a_day_that_could_be_closed_is_work_though_no_record_waits() -> None:
    engine = Engine(records=0)
    (lane,) = engine.lanes
    marker = Inbound(Record("bank.events", 0, 0, b"", b"", ()), "bank", Kind.MARKER)
    lane.reached = {"bank.events": (D1, marker)}
    assert lane.ready() == D1
    assert stillness(await looks(watch(engine))) == [100]


async def test_one_partition_with_work_is_enough() -> None:
    engine = Engine()
    engine.lanes.append(Lane.load(FRONT, {"_id": 1, "epoch": 1, "version": 1}, {}))
    engine.lanes[1].inputs["bank.events"].next = 3  # it has read everything
    assert stillness(await looks(watch(engine))) == [100]
    engine = Engine(records=0)
    engine.lanes.append(Lane.load(FRONT, {"_id": 1, "epoch": 1, "version": 1}, {}))
    marker = Inbound(Record("bank.events", 0, 0, b"", b"", ()), "bank", Kind.MARKER)
    engine.lanes[0].reached = {"bank.events": (D1, marker)}
    assert stillness(await looks(watch(engine))) == [100]


async def test_who_takes_over_for_ever_is_stuck_and_who_waits_to_join_is_not() -> None:
    assert stillness(await looks(watch(Engine(State.TAKING_OVER, records=0)))) == [0, 100]
    assert stillness(await looks(watch(Engine(State.GIVING_UP, records=0)))) == [0, 100]
    assert stillness(await looks(watch(Engine(State.JOINING, records=0)))) == [0]


async def test_an_input_that_moves_between_polls_that_find_nothing_is_not_stuck() -> None:
    engine = Engine(records=1000)

    def moves() -> None:
        engine.lanes[0].inputs["bank.events"].next += 1
        engine.pulse.polled(1)
        engine.pulse.polled(0)

    assert stillness(await looks(watch(engine), 20, moves=moves)) == []


async def test_an_input_that_brings_nothing_is_stuck_though_others_move() -> None:
    engine = Engine()

    def others() -> None:
        engine.pulse.polled(1)
        engine.pulse.polled(0)

    (trouble,) = (await looks(watch(engine), others=others)).troubles
    assert (trouble.partition, trouble.still) == (0, 75)


async def test_where_polls_bring_records_those_of_another_input_may_come_first() -> None:
    engine = Engine()
    assert stillness(await looks(watch(engine), 20, polls=lambda: engine.pulse.polled(1))) == []


async def test_the_broker_is_asked_for_the_ends_only_while_nothing_moves() -> None:
    engine = Engine(records=0)
    watched = watch(engine)
    await looks(watched, 5, moves=lambda: engine.pulse.polled(1))
    assert engine.asked == 0
    await looks(watched, 5)
    assert engine.asked == 5


# -- what an engine notes ----------------------------------------------------------------------------------


class Passing(Clock):
    passed = 0.0

    def monotonic(self) -> float:
        return self.passed


def test_a_stage_is_under_way_until_it_ends_and_is_progress_if_it_ends_well() -> None:
    clock = Passing()
    pulse = Pulse(clock)  # type: ignore[arg-type]
    with pulse.stage("write"):
        clock.passed = 5.0
        with pulse.stage("write"), pulse.stage("load"):
            clock.passed = 7.0
            assert pulse.under_way == {"write": 7.0, "load": 2.0}, "the longest counts"
            assert pulse.moves == 0
    assert (pulse.under_way, pulse.moves) == ({}, 3)
    with suppress(UnavailableError), pulse.stage("write"):
        raise UnavailableError("away")
    assert (pulse.under_way, pulse.moves) == ({}, 3)


def test_a_call_fails_from_its_first_refusal_until_it_is_over() -> None:
    clock = Passing()
    pulse = Pulse(clock)  # type: ignore[arg-type]
    with pulse.stage("write"):
        pulse.failed("write")
        clock.passed = 5.0
        pulse.failed("write")
        pulse.failed("poll")
        assert pulse.failing == {"write": 5.0, "poll": 0.0}
    assert pulse.failing == {"poll": 0.0}
    pulse.polled(0)
    assert (pulse.failing, pulse.failures, pulse.empties, pulse.moves) == ({}, 3, 1, 1)
