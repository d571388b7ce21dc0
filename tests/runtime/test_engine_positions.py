"""The engine's positions and its take-over: no offset is guessed (rules 8, 14 and 15)."""

from __future__ import annotations

from typing import Any

import pytest

from shared.runtime.lane import Lane
from shared.runtime.ports import FatalError, TopicPartition, UnavailableError
from shared.runtime.simulation.toy import Open, Pay
from shared.runtime.takeover import check, owned_partitions
from tests.runtime.rig import ANN, D1, Rig, story


def test_only_numbers_assigned_on_all_inputs_are_worked_on() -> None:
    service = Rig().services["middle"]
    every = {TopicPartition(topic, number) for topic in service.topics for number in range(3)}
    assert owned_partitions(service, every) == [0, 1, 2]
    assert owned_partitions(service, every - {TopicPartition("desk.events", 1)}) == [0, 2]
    assert owned_partitions(service, []) == []


def positions_at(next_: int) -> Lane:
    rig = Rig(names=("front",))
    service = rig.services["front"]
    lane = Lane.load(service, {"_id": 0, "epoch": 1, "version": 1}, {})
    for position in lane.inputs.values():
        position.next = next_
    return lane


@pytest.mark.parametrize(
    ("position", "committed", "bounds", "words"),
    [
        (5, 6, (0, 9), "committed offset 6 beyond the position 5"),
        (5, 5, (0, 4), "beyond the log's end"),
        (5, 5, (6, 9), "before the log's start"),
        (0, 0, (3, 9), "never read"),
    ],
)
def test_no_offset_is_guessed(position: int, committed: int, bounds: tuple[int, int], words: str) -> None:
    lane = positions_at(position)
    where = dict.fromkeys(lane.offsets(), bounds)
    with pytest.raises(FatalError, match=words) as caught:
        check(lane.service, lane, dict.fromkeys(where, committed), where)
    assert "parley" in caught.value.command


def test_offsets_that_agree_are_accepted() -> None:
    lane = positions_at(5)
    check(lane.service, lane, {}, dict.fromkeys(lane.offsets(), (0, 5)))
    check(lane.service, lane, dict.fromkeys(lane.offsets(), 5), dict.fromkeys(lane.offsets(), (5, 9)))


@story
async def test_committed_offsets_are_read_before_the_epoch_is_raised() -> None:
    """The other way round, a later owner's commit would look like an offset beyond the position."""
    rig = Rig(names=("front",))
    asked: list[str] = []

    class Noting:
        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def __getattr__(self, name: str) -> Any:
            if name in {"committed", "raise_epoch", "bounds", "commit"}:
                asked.append(name)
            if name == "consumer":
                return lambda *names: Noting(self.inner.consumer(*names))
            return getattr(self.inner, name)

    rig.start("front", log=Noting(rig.log), store=Noting(rig.store))
    await rig.settle()
    assert asked == ["committed", "raise_epoch", "bounds", "commit"]


@story
async def test_no_position_moves_before_every_publish_has_succeeded() -> None:
    class Fails:
        """Acknowledges nothing at first."""

        def __init__(self) -> None:
            self.tries, self.positions = 0, list[Any]()

        def __getattr__(self, name: str) -> Any:
            return getattr(rig.log, name)

        def publisher(self) -> Any:
            return self

        def measure(self, record: Any) -> None:
            rig.log.publisher().measure(record)

        async def publish(self, records: Any) -> None:
            self.tries += 1
            if self.tries < 4:
                self.positions.append((await rig.positions("front")).get("inputs"))
                raise UnavailableError("not acknowledged")
            await rig.log.publisher().publish(records)

    rig = Rig(names=("front",))
    fails = Fails()
    rig.start("front", log=fails)
    rig.say(Open())
    await rig.settle()
    assert fails.positions == [None] * 3
    assert rig.types("front") == ["opened"]


@story
async def test_a_lost_database_ends_the_process() -> None:
    from shared.runtime.memory_store import MemoryStore

    rig = Rig(names=("front",))
    rig.start("front")
    rig.say(Open())
    await rig.settle()
    await rig.stop()
    rig.store = MemoryStore()
    rig.start("front")
    with pytest.raises(FatalError, match="parley backup restored"):
        await rig.settle()


@story
async def test_positions_are_the_truth_and_the_groups_offsets_their_mirror() -> None:
    rig = Rig(names=("front",))
    rig.start("front")
    rig.say(Open())
    await rig.settle()
    await rig.stop()
    group = rig.log.group("parley.front")
    assert group.committed[TopicPartition("bank.events", 0)] == 1
    group.committed.clear()
    rig.say(Pay(pay_id="p", amount=1, value_date=D1))
    rig.start("front")
    await rig.settle()
    assert rig.telemetry.counts["duplicates"] == 0, "reading starts from the position"
    assert rig.state("front", ANN)["paid"] == 1
    assert group.committed[TopicPartition("bank.events", 0)] == 2


@story
async def test_whoever_loses_the_positions_abandons_and_takes_over_again() -> None:
    rig = Rig(names=("front",))
    engine = rig.start("front")
    rig.say(Open())
    await rig.settle()
    await rig.store.raise_epoch("front", [0])  # a replica that has long lost still raises it
    rig.say(Pay(pay_id="p", amount=1, value_date=D1))
    await rig.settle()
    assert "assignment-abandoned" in rig.alarms()
    assert rig.state("front", ANN)["paid"] == 1
    assert engine.lanes[0].epoch == 3
