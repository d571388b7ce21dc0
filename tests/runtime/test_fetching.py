"""Fetching: at most one poll under way, what it brings and what becomes of its failures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from shared.contracts.cloudevents import encode
from shared.contracts.envelope import Envelope
from shared.runtime.fetching import Fetching
from shared.runtime.inbound import Inbound
from shared.runtime.limits import Limits
from shared.runtime.meters import Meters
from shared.runtime.pace import Pace
from shared.runtime.ports import BrokenError, FatalError, OffsetLostError, Record, UnavailableError
from shared.runtime.pulse import Pulse
from shared.runtime.retry import Patience
from shared.runtime.simulation.toy import Open
from tests.runtime.rig import ANN, D1, Rig, at, story

FRONT = Rig(names=("front",)).services["front"]


def records(count: int, first: int = 0) -> list[Record]:
    key, value, headers = encode(Envelope("m", "/bank", at(D1), ANN, Open()))
    return [Record("bank.events", 0, first + n, key, value, tuple(headers)) for n in range(count)]


class Clock:
    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def jitter(self) -> float:
        return 1.0

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Consumer:
    """Answers polls from a list: after so many seconds, with records or an error."""

    def __init__(self, *answers: tuple[float, Any]) -> None:
        self.generation = 7
        self.asked: list[tuple[int, float]] = []
        self._answers = list(answers)

    async def poll(self, most: int, timeout: float) -> list[Record]:
        self.asked.append((most, timeout))
        after, answer = self._answers.pop(0) if self._answers else (timeout, [])
        await asyncio.sleep(after)
        if isinstance(answer, Exception):
            raise answer
        found: list[Record] = answer
        return found


class Bench:
    """A Fetching on a consumer with given answers."""

    def __init__(
        self,
        *answers: tuple[float, Any],
        linger: float = 0.0,
        hurried: Callable[[], bool] = lambda: False,
        ends: Callable[[Any], bool] = lambda _inbounds: False,
    ) -> None:
        from dataclasses import replace

        self.consumer, self.meters = Consumer(*answers), Meters()
        clock: Any = Clock()
        self.pulse = Pulse(clock)
        limits = Limits(partitions=1, poll_seconds=1.0, backoff_first=0.5)
        self.fetching = Fetching(
            service=replace(FRONT, linger_seconds=linger),
            limits=limits,
            consumer=self.consumer,  # type: ignore[arg-type]
            clock=clock,
            meter=self.meters,
            patience=Patience(clock, self.meters, limits, "front"),
            pulse=self.pulse,
            pace=Pace(10, 1, 5.0),
            hurried=hurried,
            ends=ends,
        )


def offsets(inbounds: Any) -> list[int]:
    return [one.record.offset for one in inbounds]


@story
async def test_one_poll_is_under_way_and_gives_what_came_with_the_generation_that_asked() -> None:
    bench = Bench((0.3, records(2)))
    task = bench.fetching.start()
    assert bench.fetching.start() is task
    assert bench.fetching.fetched == ()
    await asyncio.sleep(0.1)
    bench.consumer.generation = 8
    assert not await bench.fetching.within(0.1)
    assert await bench.fetching.within(0.2)
    assert offsets(bench.fetching.fetched) == [0, 1]
    generation, found = await bench.fetching.take()
    assert (generation, offsets(found)) == (7, [0, 1])
    assert all(isinstance(one, Inbound) and one.envelope is not None for one in found)
    assert bench.fetching.fetched == ()
    assert bench.consumer.asked == [(10, 1.0)]
    assert (bench.pulse.moves, bench.pulse.empties) == (1, 0)
    assert (await bench.fetching.take())[1] == []
    assert (bench.pulse.moves, bench.pulse.empties) == (1, 1)


@story
async def test_what_is_dropped_is_waited_for_and_forgotten() -> None:
    bench = Bench((0.3, records(1)), (0.0, records(1, 5)))
    began = asyncio.get_running_loop().time()
    bench.fetching.start()
    await bench.fetching.drop()
    assert asyncio.get_running_loop().time() - began == pytest.approx(0.3), (
        "a consumer is polled by one at a time"
    )
    assert bench.fetching.fetched == ()
    assert offsets((await bench.fetching.take())[1]) == [5]
    await bench.fetching.drop()
    failing = Bench((0.0, BrokenError("dead")))
    failing.fetching.start()
    await failing.fetching.drop()
    assert failing.fetching.fetched == ()
    ended = Bench()
    ended.fetching.start().cancel()
    await asyncio.sleep(0.1)
    assert ended.fetching.fetched == ()


@story
async def test_an_outage_brings_nothing_is_counted_and_waited_out() -> None:
    bench = Bench((0.0, UnavailableError("away")), (0.0, records(1)))
    began = asyncio.get_running_loop().time()
    assert await bench.fetching.take() == (7, [])
    assert asyncio.get_running_loop().time() - began == pytest.approx(0.5)
    assert bench.meters.total("retries", service="front", stage="poll") == 1
    assert set(bench.pulse.failing) == {"poll"}
    assert bench.pulse.failures == 1
    assert offsets((await bench.fetching.take())[1]) == [0]
    assert bench.pulse.failing == {}


@story
async def test_what_retention_has_removed_ends_the_process_and_a_dead_consumer_is_told() -> None:
    lost = Bench((0.0, OffsetLostError("bank.events", 0, 3)))
    with pytest.raises(FatalError, match=r"front: .*retention has removed it") as caught:
        await lost.fetching.take()
    assert caught.value.command == "parley check"
    dead = Bench((0.0, BrokenError("dead")))
    dead.fetching.start()
    await asyncio.sleep(0.1)
    assert dead.fetching.fetched == ()
    with pytest.raises(BrokenError):
        await dead.fetching.take()


# -- lingering ---------------------------------------------------------------------------------------------


@story
async def test_who_lingers_asks_for_what_a_full_batch_still_lacks() -> None:
    bench = Bench((0.0, records(4)), (0.5, records(5, 4)), (0.5, records(1, 9)), linger=60.0)
    found = (await bench.fetching.take())[1]
    assert offsets(found) == list(range(10))
    assert bench.consumer.asked == [(10, 1.0), (6, 1.0), (1, 1.0)]


@story
async def test_who_lingers_does_so_for_a_while_from_the_first_record_on() -> None:
    bench = Bench((0.7, records(1)), (1.0, records(1, 1)), (1.0, []), (1.0, records(1, 2)), linger=2.5)
    began = asyncio.get_running_loop().time()
    assert offsets((await bench.fetching.take())[1]) == [0, 1, 2]
    assert asyncio.get_running_loop().time() - began == pytest.approx(3.7)
    empty = Bench((0.2, []), (0.2, records(1)), linger=2.5)
    assert (await empty.fetching.take())[1] == []
    assert len(empty.consumer.asked) == 1, "nothing has come that could wait"


@story
async def test_who_is_hurried_or_has_the_days_end_in_hand_lingers_no_more() -> None:
    hurried = Bench((0.0, records(1)), (0.0, records(1, 1)), linger=60.0, hurried=lambda: True)
    assert offsets((await hurried.fetching.take())[1]) == [0]
    ended = Bench(
        (0.0, records(1)),
        (0.0, records(1, 1)),
        (0.0, records(1, 2)),
        linger=60.0,
        ends=lambda got: len(got) == 2,
    )
    assert offsets((await ended.fetching.take())[1]) == [0, 1]


@story
async def test_an_outage_while_lingering_keeps_what_had_come() -> None:
    bench = Bench((0.0, records(1)), (0.0, UnavailableError("away")), linger=60.0)
    assert offsets((await bench.fetching.take())[1]) == [0]
    assert len(bench.consumer.asked) == 2, "it is not kept waiting for the rest"
    assert bench.meters.total("retries") == 0
