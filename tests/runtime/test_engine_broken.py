"""A consumer that will never work again is started anew: a replica does not fall silent (rule 10)."""

from __future__ import annotations

from typing import Any

import pytest

from shared.runtime.memory import MemoryConsumer, MemoryLog
from shared.runtime.ports import BrokenError, Listener
from shared.runtime.simulation.loop import run_virtual
from shared.runtime.simulation.toy import Open, Pay
from tests.runtime.rig import ANN, D1, D2, Rig, story

_MOST_STARTS = 500


class Fragile:
    """A log whose consumer dies at the next call of `at`, and is dead until it is started again.

    With `ever`, it dies at the first call of that after every start.
    """

    ever = ""

    def __init__(self, log: MemoryLog, at: str = "") -> None:
        self._log, self.at = log, at
        self.dead = False
        self.starts = 0

    def publisher(self) -> Any:
        return self._log.publisher()

    def consumer(self, group: str, client_id: str) -> Any:
        return _Consumer(self, self._log.consumer(group, client_id))


class _Consumer:
    def __init__(self, log: Fragile, inner: MemoryConsumer) -> None:
        self._log, self._inner = log, inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def start(self, topics: Any, listener: Listener) -> None:
        self._log.dead = False
        self._log.starts += 1
        assert self._log.starts < _MOST_STARTS, "replaced at once, again and again: the clock stands still"
        self._log.at = self._log.ever or self._log.at
        await self._inner.start(topics, listener)

    async def poll(self, *args: Any) -> Any:
        self._live("poll")
        return await self._inner.poll(*args)

    async def commit(self, *args: Any) -> None:
        self._live("commit")
        await self._inner.commit(*args)

    async def committed(self, *args: Any) -> Any:
        self._live("committed")
        return await self._inner.committed(*args)

    async def bounds(self, *args: Any) -> Any:
        self._live("bounds")
        return await self._inner.bounds(*args)

    def _live(self, call: str) -> None:
        if self._log.at == call:
            self._log.at, self._log.dead = "", True
        if self._log.dead:
            raise BrokenError("the client has lost a task")


@pytest.mark.parametrize("call", ["poll", "commit", "committed", "bounds"])
def test_a_consumer_that_has_died_is_replaced_and_nothing_is_lost(call: str) -> None:
    async def tell() -> None:
        rig = Rig(names=("front",), partitions=2)
        log = Fragile(rig.log, call if call in {"committed", "bounds"} else "")
        engine = rig.start("front", log=log)
        rig.say(Open())
        rig.close(D1)
        await rig.settle()
        log.at = log.at or (call if call in {"poll", "commit"} else "")
        rig.say(Pay(pay_id="p", amount=7, value_date=D2), D2)
        rig.close(D2)
        await rig.settle()
        assert log.starts == 2
        assert rig.alarms() == ["consumer-broken"]
        assert rig.state("front", ANN)["paid"] == 7
        assert {lane.done for lane in engine.lanes} == {D2}
        assert len(engine.lanes) == 2
        await rig.stop()

    run_virtual(tell())


@story
async def test_a_consumer_that_dies_while_another_replica_joins_is_replaced() -> None:
    rig = Rig(names=("front",), partitions=2)
    log = Fragile(rig.log)
    rig.start("front", log=log)
    rig.say(Open())
    await rig.settle()
    log.at = "committed"  # the take-over after the rebalance
    rig.start("front")
    rig.say(Pay(pay_id="p", amount=7, value_date=D1))
    rig.close(D1)
    await rig.settle(60)
    assert log.starts == 2
    assert rig.state("front", ANN)["paid"] == 7
    assert sorted(len(engine.lanes) for engine in rig.engines) == [1, 1]
    await rig.stop()


@story
async def test_an_engine_that_is_stopped_while_its_consumer_is_dead_ends() -> None:
    rig = Rig(names=("front",))
    log = Fragile(rig.log)
    rig.start("front", log=log)
    rig.say(Open())
    await rig.settle()
    log.at = "poll"
    rig.engines[0].stop()
    await rig.stop()
    assert rig.state("front", ANN)["case"] is not None


@story
async def test_a_consumer_that_dies_while_partitions_are_given_up_costs_only_a_second_reading() -> None:
    rig = Rig(names=("front",), partitions=2, settle_seconds=3600.0)
    log = Fragile(rig.log)
    rig.start("front", log=log)
    rig.say(Open())
    await rig.settle(1.5)
    assert rig.state("front", ANN)["case"] is not None, "worked off, its positions not saved yet"
    log.at = "commit"  # the drain saves them, and dies
    rig.start("front")
    await rig.settle(60)
    rig.say(Pay(pay_id="p", amount=7, value_date=D1))
    await rig.settle(60)
    assert log.starts == 2
    assert rig.state("front", ANN)["paid"] == 7
    assert rig.types("front") == ["opened", "paid"]
    assert sorted(len(engine.lanes) for engine in rig.engines) == [1, 1]
    await rig.stop()


@story
async def test_a_consumer_that_dies_again_and_again_is_replaced_less_and_less_often() -> None:
    rig = Rig(names=("front",))
    log = Fragile(rig.log)
    log.ever = "poll"
    rig.start("front", log=log)
    await rig.settle(100)
    first = log.starts
    assert 5 < first < _MOST_STARTS - 1
    await rig.settle(100)
    assert log.starts - first < 15, "ten seconds apart by now, but for some scatter"
    log.ever = log.at = ""
    rig.say(Open())
    await rig.settle()
    assert rig.types("front") == ["opened"]
