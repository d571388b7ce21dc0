"""What one engine has in hand: which days are ready, which inputs are full, what is not worked off yet."""

from __future__ import annotations

from datetime import date

from shared.contracts.envelope import Envelope
from shared.contracts.runtime import ServiceDayClosed
from shared.runtime.hand import Hand
from shared.runtime.inbound import Inbound, Kind
from shared.runtime.lane import Lane
from shared.runtime.limits import Limits
from shared.runtime.ports import Record, TopicPartition
from tests.runtime.rig import D1, D2, D3, Rig, at

MIDDLE = Rig(names=("middle",)).services["middle"]
INPUTS = ("front.events", "desk.events")


def said(topic: str, partition: int, offset: int) -> Inbound:
    return Inbound(Record(topic, partition, offset, b"k", b"v", ()), "front", Kind.MESSAGE)


def marker(topic: str, partition: int, offset: int, day: date) -> Inbound:
    inbound = said(topic, partition, offset)
    inbound.kind = Kind.MARKER
    data = ServiceDayClosed(day=day, service="front")
    inbound.envelope = Envelope("x", "/parley/front", at(day), "", data)
    return inbound


def hand(count: int) -> Hand:
    lanes = {
        number: Lane.load(MIDDLE, {"_id": number, "epoch": 1, "version": 1}, {}) for number in range(count)
    }
    return Hand(lanes)


def reach(one: Hand, partition: int, day: date, *topics: str) -> None:
    for topic in topics:
        one.lanes[partition].admit([marker(topic, partition, 0, day)], lambda _lane: D3)


def test_lanes_are_closed_day_by_day_the_earliest_first() -> None:
    one = hand(4)
    reach(one, 0, D3, *INPUTS)
    reach(one, 1, D1, *INPUTS)
    reach(one, 2, D3, *INPUTS)
    reach(one, 3, D1, "front.events")
    found = [(day, [lane.partition for lane in lanes]) for day, lanes in one.ready()]
    assert found == [(D1, [1]), (D3, [0, 2])]


def test_a_day_is_completed_on_one_partition_by_what_comes_on_that_one() -> None:
    one = hand(2)
    reach(one, 0, D2, "front.events")
    assert not one.completed_by([marker("desk.events", 1, 0, D2)])
    assert not one.completed_by([said("desk.events", 0, 0)])
    assert not one.completed_by([])
    assert one.completed_by([said("desk.events", 0, 0), marker("desk.events", 0, 1, D2)])
    assert one.completed_by([marker(topic, 1, 0, D2) for topic in INPUTS])


def test_what_was_read_is_unfinished_wherever_it_stands() -> None:
    one = hand(1)
    reach(one, 0, D1, "front.events")
    behind, batch, carry, fetched = (said("front.events", 0, offset) for offset in range(1, 5))
    one.lanes[0].admit([behind], lambda _lane: D3)
    one.batch, one.carry = [batch], [carry]
    assert [record.offset for record in one.unfinished([fetched])] == [2, 3, 4, 0, 1]


def test_positions_and_full_inputs_are_those_of_all_lanes() -> None:
    one = hand(2)
    one.lanes[1].worked_off(said("back.events", 1, 6), "processed")
    assert one.unsaved == [one.lanes[1]]
    assert len(one.offsets()) == 2 * len(MIDDLE.topics)
    assert one.offsets()[TopicPartition("back.events", 1)] == 7
    reach(one, 1, D1, "front.events")
    one.lanes[1].admit([said("front.events", 1, 1)], lambda _lane: D3)
    assert one.overfull(Limits(partitions=2, batch_records=1)) == {TopicPartition("front.events", 1)}
    assert one.overfull(Limits(partitions=2)) == set()
