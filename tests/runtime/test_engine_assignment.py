"""What an engine does while its group takes an assignment away and gives another (rules 14, 21)."""

from __future__ import annotations

import asyncio
from typing import Any

from shared.runtime.ports import Record, TopicPartition, UnavailableError
from shared.runtime.pulse import State
from shared.runtime.simulation.toy import Open, Opened
from tests.runtime.rig import D1, D2, Rig, story

_BANK = TopicPartition("bank.events", 0)


class Away:
    """A store whose bulk writes fail; it counts them."""

    def __init__(self, rig: Rig) -> None:
        self.rig, self.asked = rig, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rig.store, name)

    async def replace_many(self, service: str, documents: Any) -> set[str]:
        self.asked += 1
        raise UnavailableError("away")


class Held:
    """A store that raises epochs only when it is told to `go`."""

    def __init__(self, rig: Rig) -> None:
        self.rig, self.entered, self.go = rig, asyncio.Event(), asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rig.store, name)

    async def raise_epoch(self, service: str, partitions: Any) -> Any:
        self.entered.set()
        await self.go.wait()
        return await self.rig.store.raise_epoch(service, partitions)


class Told:
    """A log whose consumers note the calls that position them, and may bring a record more."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.calls: list[str] = []
        self.more: list[Record] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rig.log, name)

    def consumer(self, group: str, client_id: str) -> Any:
        return _Told(self, self.rig.log.consumer(group, client_id))


class _Told:
    def __init__(self, log: Told, inner: Any) -> None:
        self.__dict__.update(log=log, inner=inner)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def start(self, topics: Any, listener: Any) -> None:
        told, assigned = self.log.calls, listener.on_assigned

        def on_assigned(partitions: Any) -> None:
            told.append("assigned")
            assigned(partitions)

        listener.on_assigned = on_assigned
        await self.inner.start(topics, listener)

    async def poll(self, most: int, timeout: float) -> list[Record]:
        more, self.log.more = self.log.more, []
        return more or list(await self.inner.poll(most, timeout))

    def resume(self, partitions: Any) -> None:
        if partitions:
            self.log.calls.append("resume")
        self.inner.resume(partitions)

    def seek(self, at: TopicPartition, offset: int) -> None:
        self.log.calls.append("seek")
        self.inner.seek(at, offset)


@story
async def test_after_the_drain_deadline_nothing_more_is_tried_though_nothing_is_assigned_yet() -> None:
    rig = Rig(names=("front",), drain_seconds=1.0)
    store = Away(rig)
    engine = rig.start("front", store=store)
    rig.say(Open())
    await rig.settle(2)
    await engine.on_revoked({_BANK})
    assert engine.state is State.GIVING_UP
    asked = store.asked
    assert asked > 0
    await rig.settle(60)
    assert store.asked <= asked + 1, "what was under way may still end"
    assert "assignment-abandoned" in rig.alarms()


@story
async def test_an_assignment_out_of_the_blue_abandons_the_work_in_hand() -> None:
    rig = Rig(names=("front",))
    engine = rig.start("front", store=Away(rig))
    rig.say(Open())
    await rig.settle(2)
    assert "assignment-abandoned" not in rig.alarms()
    engine.on_assigned({_BANK})
    await rig.settle()
    assert "assignment-abandoned" in rig.alarms()
    assert (await rig.positions("front"))["epoch"] == 2, "it was taken over anew"


@story
async def test_what_was_taken_over_too_late_is_not_resumed() -> None:
    rig = Rig(names=("front",), partitions=2, drain_seconds=1.0)
    store, log = Held(rig), Told(rig)
    rig.start("front", store=store, log=log)
    await store.entered.wait()
    rig.start("front")
    await rig.settle(5)  # the deadline is over, and partitions have been given anew
    store.go.set()
    await rig.settle()
    last = len(log.calls) - log.calls[::-1].index("assigned")
    assert "assigned" in log.calls[: last - 1], "there were two assignments"
    assert "resume" not in log.calls[:last], "the first was over before its positions were read"
    assert log.calls[last] == "seek"
    rig.say(Open())
    await rig.settle()
    # The late epoch has fenced the other replica once more, which then says again what it had said.
    assert {message.id for message in rig.events("front")} == {rig.events("front")[0].id}


@story
async def test_a_record_of_a_partition_that_is_not_worked_on_is_nobodys_to_judge() -> None:
    rig = Rig(names=("front",))
    log = Told(rig)
    rig.start("front", log=log)
    await rig.settle(2)
    rig.say(Open())
    record = rig.log.topic("bank.events")[0]
    log.more = [Record("bank.events", 7, 0, record.key, record.value, record.headers, record.timestamp_ms)]
    await rig.settle()
    assert rig.types("front") == ["opened"], "once, from its own partition"
    assert rig.dead("front") == []
    assert rig.telemetry.counts["duplicates"] == 0


@story
async def test_offsets_are_committed_when_a_day_is_closed_without_waiting_for_silence() -> None:
    rig = Rig(names=("front",), settle_seconds=1e6, settle_idle_seconds=1e6)
    rig.start("front")
    rig.say(Open())
    rig.close(D1)
    await rig.settle()
    assert rig.days("front.events") == [D1]
    assert rig.log.group("parley.front").committed[_BANK] == 2


@story
async def test_under_a_flood_positions_are_saved_without_waiting_for_silence() -> None:
    rig = Rig(names=("front",), settle_seconds=1e6, settle_idle_seconds=1e6, settle_records=3)
    rig.start("front")
    for number in range(3):
        rig.say(Open(), key=f"C-{number}")
    await rig.settle()
    assert rig.log.group("parley.front").committed[_BANK] == 3
    rig.say(Open(), key="C-3")
    await rig.settle()
    assert rig.log.group("parley.front").committed[_BANK] == 3, "one more is not a flood"


@story
async def test_what_waits_behind_a_day_is_bounded_and_read_on_once_the_day_is_done() -> None:
    rig = Rig(names=("middle",), batch_records=5, batch_least=5)
    engine = rig.start("middle")
    rig.close(D1, source="front")
    for number in range(60):
        rig.tell("front", Opened(on=D2), 1, key=f"C-{number}")
    await rig.settle()
    held = len(list(engine.unfinished()))
    assert 5 <= held <= 15, "what one batch brings, and at most the batch that was under way"
    rig.close(D1, source="desk")
    await rig.settle()
    assert rig.days("middle.events") == [D1]
    assert len(rig.types("middle")) == 60
    assert not list(engine.unfinished())
