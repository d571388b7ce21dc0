"""The engine drains before it gives up partitions, and everything is bounded (rule 21)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from shared.runtime.limits import Limits
from shared.runtime.ports import TopicPartition, UnavailableError
from shared.runtime.simulation.toy import Open
from tests.runtime.mishaps import Slow
from tests.runtime.rig import ANN, ANNS, Rig, story


@story
async def test_a_rebalance_waits_for_the_batch_in_hand() -> None:
    rig = Rig(names=("front",), partitions=2)
    slow = Slow(rig)
    rig.start("front", store=slow)
    rig.say(Open())
    await slow.entered.wait()
    rig.start("front")
    await rig.settle(2)
    assert rig.engines[1].lanes == [], "nobody has taken over yet"
    assert (await rig.positions("front"))["epoch"] == 1
    slow.go.set()
    await rig.settle()
    assert rig.telemetry.counts["duplicates"] == 0
    assert rig.types("front") == ["opened"]
    assert sorted(len(engine.lanes) for engine in rig.engines) == [1, 1]


@story
async def test_after_the_drain_deadline_the_batch_is_abandoned_uncommitted() -> None:
    rig = Rig(names=("front",), partitions=2, drain_seconds=3.0)
    slow = Slow(rig)
    rig.start("front", store=slow)
    rig.say(Open())
    await slow.entered.wait()
    rig.start("front")
    await rig.settle(10)
    assert "drain-deadline" in rig.alarms()
    slow.go.set()
    await rig.settle()
    assert rig.types("front") == ["opened"], "whoever owns it now reads it again"
    assert rig.state("front", ANN)["case"] == ANNS


@story
async def test_stop_finishes_the_batch_in_hand() -> None:
    rig = Rig(names=("front",))
    slow = Slow(rig)
    rig.start("front", store=slow)
    rig.say(Open())
    await slow.entered.wait()
    stopping = asyncio.create_task(rig.stop())
    await asyncio.sleep(1)
    assert not stopping.done()
    slow.go.set()
    await stopping
    assert rig.types("front") == ["opened"]
    assert rig.log.group("parley.front").committed[TopicPartition("bank.events", 0)] == 1


@story
async def test_stop_gives_up_after_the_deadline() -> None:
    class Away(Slow):
        async def replace_many(self, service: str, documents: Any) -> set[str]:
            self.entered.set()
            raise UnavailableError("away")

    rig = Rig(names=("front",), drain_seconds=2.0)
    slow = Away(rig)
    rig.start("front", store=slow)
    rig.say(Open())
    await slow.entered.wait()
    async with asyncio.timeout(60):
        await rig.stop()
    assert rig.types("front") == []


def test_limits_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Limits(partitions=0)
    with pytest.raises(ValueError, match="document_reserve"):
        Limits(partitions=1, document_bytes=10, document_reserve=9)
