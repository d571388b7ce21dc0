"""A lane as its owner keeps it: positions, the barrier, and what is said of them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from shared.contracts.envelope import Envelope
from shared.contracts.ids import derive_id
from shared.contracts.runtime import ServiceDayClosed
from shared.runtime.days import markers
from shared.runtime.document import Cause
from shared.runtime.inbound import Inbound, Kind, Reason
from shared.runtime.lane import InputPosition, Lane
from shared.runtime.limits import Limits
from shared.runtime.ports import Record, TopicPartition
from tests.runtime.rig import D1, D2, D3, D4, Rig, at

MIDDLE = Rig(names=("middle",)).services[
    "middle"
]  # waits for front and desk; reads back and ops as they come


def fresh(**given: object) -> Lane:
    return Lane.load(MIDDLE, {"_id": 3, "epoch": 5, "version": 8, **given}, {"ann": 2}, {"a": D1.isoformat()})


def said(topic: str, offset: int, kind: Kind = Kind.MESSAGE, value: bytes | None = b"v") -> Inbound:
    return Inbound(Record(topic, 3, offset, b"k", value, ()), topic.partition(".")[0], kind)


def marker(topic: str, offset: int, day: date) -> Inbound:
    inbound = said(topic, offset, Kind.MARKER)
    data = ServiceDayClosed(day=day, service="front")
    inbound.envelope = Envelope("x", "/parley/front", at(day), "", data)
    return inbound


def admitted(lane: Lane, *inbounds: Inbound, latest: date = D4) -> list[Inbound]:
    return lane.admit(inbounds, lambda _lane: latest)


def test_positions_come_back_from_the_store() -> None:
    lane = fresh(done=D2.isoformat())
    lane.inputs["front.events"] = InputPosition(7, D2, 4, 2, 1)
    raw = lane.dump()
    assert (raw["_id"], raw["epoch"], raw["version"], raw["done"]) == (3, 5, 9, D2.isoformat())
    assert [row["topic"] for row in raw["inputs"]] == sorted(MIDDLE.topics)
    again = Lane.load(MIDDLE, raw, {})
    assert (again.partition, again.epoch, again.version, again.done) == (3, 5, 9, D2)
    assert again.inputs == lane.inputs
    assert fresh().dump()["done"] is None
    assert list(lane.waking.upto(D1.isoformat())) == ["a"]


def test_every_record_moves_the_position_once_and_is_counted_by_its_outcome() -> None:
    lane = fresh()
    outcomes = ["processed", "duplicates", "dead_lettered", "processed"]
    for offset, outcome in zip((2, 0, 1, 3), outcomes, strict=True):  # messages after those that were refused
        lane.worked_off(said("back.events", offset), outcome)
    assert lane.inputs["back.events"] == InputPosition(4, None, 2, 1, 1)
    assert lane.unsaved == 4
    assert lane.offsets() == {
        TopicPartition(topic, 3): 4 if topic == "back.events" else 0 for topic in MIDDLE.topics
    }


def test_one_that_was_decided_presses_whatever_comes_after_it() -> None:
    lane = fresh()
    lane.worked_off(said("back.events", 0, Kind.IGNORED), "processed")
    assert lane.pressing is False
    lane.worked_off(said("back.events", 1), "processed")
    lane.worked_off(said("back.events", 2, Kind.IGNORED), "processed")
    assert lane.pressing is True


@pytest.mark.parametrize(
    ("cause", "settled"),
    [
        (Cause("back.events", 3), True),
        (Cause("back.events", 4), False),
        (Cause("desk.events", 0), False),
        (Cause("gone.events", 0), False),
        (Cause.of_day(D1), True),
        (Cause.of_day(D2), True),
        (Cause.of_day(D3), False),
    ],
)
def test_what_lies_below_the_position_is_settled(cause: Cause, settled: bool) -> None:
    lane = fresh(done=D2.isoformat())
    lane.inputs["back.events"].next = 4
    assert lane.settled(cause) is settled
    assert fresh().settled(Cause.of_day(D1)) is False


def test_open_work_is_seen_live_and_without_guesses() -> None:
    lane = fresh()
    work = lane.open_work(12)
    assert (work["ann"], work.get("bob", 0), len(work), list(work), work.partitions) == (2, 0, 1, ["ann"], 12)
    with pytest.raises(KeyError):
        work["bob"]
    lane.work["bob"] = 1
    assert dict(work) == {"ann": 2, "bob": 1}
    assert lane.open_work().partitions == 1


# -- the barrier ---------------------------------------------------------------------------------------------


def test_what_follows_a_marker_waits_behind_it_until_every_input_has_reached_a_day() -> None:
    lane = fresh()
    one, stop, two, three = (
        said("front.events", 0), marker("front.events", 1, D2),
        said("front.events", 2), said("front.events", 3),
    )  # fmt: skip
    other = said("desk.events", 0)
    assert admitted(lane, one, stop, two, other, three) == [one, other]
    assert lane.held == [stop, two, three]
    assert lane.ready() is None
    assert not lane.completed_by([])
    assert not lane.completed_by(["front.events"])
    assert lane.completed_by(["desk.events"])
    ahead = marker("desk.events", 1, D3)
    assert admitted(lane, ahead) == []
    assert lane.completed_by(["front.events"])
    assert not lane.completed_by([]), "nothing new completes it"
    assert lane.ready() == D2, "the earlier of the two"
    assert lane.finish(D2) == [two, three]
    assert lane.done == D2
    assert lane.inputs["front.events"] == InputPosition(2, D2, 1, 0, 0)
    assert lane.inputs["desk.events"] == InputPosition(0, None, 0, 0, 0), (
        "it has not reached the end of its day"
    )
    assert lane.held == [ahead]
    assert lane.ready() is None
    assert admitted(lane, two, three) == [two, three]


def test_a_marker_of_a_day_that_is_done_is_a_duplicate_and_one_too_far_ahead_is_refused() -> None:
    lane = fresh(done=D2.isoformat())
    old, same = marker("front.events", 0, D1), marker("front.events", 1, D2)
    assert admitted(lane, old, same) == [old, same]
    assert lane.held == []
    assert (old.kind, same.kind) == (Kind.MARKER, Kind.MARKER)
    last, beyond = marker("front.events", 2, D3), marker("desk.events", 0, D4)
    assert admitted(lane, last, beyond, latest=D3) == [beyond]
    assert beyond.failure is not None
    assert (beyond.kind, beyond.failure.reason) == (Kind.REJECTED, Reason.MARKER)
    assert beyond.failure.detail == "the day is too far ahead"
    assert lane.held == [last]


def test_an_input_holds_no_more_behind_its_day_than_memory_allows() -> None:
    lane = fresh()
    admitted(lane, marker("front.events", 0, D1), marker("desk.events", 0, D1))
    front = TopicPartition("front.events", 3)
    few, small = Limits(partitions=4, batch_records=3), Limits(partitions=4, barrier_bytes=10)
    assert lane.overfull(few) == set()
    admitted(lane, said("front.events", 1, value=b"x" * 4), said("front.events", 2, value=b"x" * 5))
    assert (lane.overfull(few), lane.overfull(small)) == (set(), set())
    admitted(lane, said("front.events", 3, value=b"x"))
    assert (lane.overfull(few), lane.overfull(small)) == ({front}, {front})
    admitted(lane, said("front.events", 4, value=None))
    assert lane.overfull(small) == {front}
    lane.finish(D1)
    assert lane.overfull(few) == set()


def test_who_waits_for_nobody_closes_no_day() -> None:
    archive = Rig(names=("archive",)).services["archive"]
    lane = Lane.load(archive, {"_id": 0, "epoch": 1, "version": 1}, {})
    assert lane.ready() is None


def test_a_marker_says_which_day_its_partition_has_closed_and_is_the_same_whenever_it_is_said() -> None:
    front = Rig(names=("front",)).services["front"]
    lane = Lane.load(front, {"_id": 3, "epoch": 1, "version": 1, "done": D1.isoformat()}, {})
    told = markers(front, [lane])
    assert [(one.topic, one.partition) for one in told] == [("front.events", 3), ("desk.events", 3)]
    assert markers(front, [lane]) == told
    assert dict(told[0].headers)["ce_id"] == derive_id("front", "day", 3, D1.isoformat()).encode()
    lane.done = D1 + timedelta(days=1)
    assert markers(front, [lane]) != told
