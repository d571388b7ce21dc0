"""How far behind a replica is: by partition and input, and how old the oldest record is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.runtime.backlog import Backlog, Behind
from shared.runtime.inbound import Inbound, Kind
from shared.runtime.lane import Lane
from shared.runtime.meters import Meters
from shared.runtime.ports import Record, TopicPartition
from tests.runtime.rig import D1, Rig

FRONT = Rig(names=("front",)).services["front"]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BANK = TopicPartition("bank.events", 0)


class Clock:
    def __init__(self) -> None:
        self.passed = 100.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(NOW.timestamp() + self.passed, UTC)

    def monotonic(self) -> float:
        return self.passed


def lane(number: int = 0, **read: int) -> Lane:
    one = Lane.load(FRONT, {"_id": number, "epoch": 1, "version": 1}, {})
    for name, next_ in read.items():
        one.inputs[f"{name}.events"].next = next_
    return one


def record(offset: int, seconds: float, topic: str = "bank.events") -> Record:
    """Written so many seconds after NOW."""
    return Record(topic, 0, offset, b"k", b"v", (), int((NOW.timestamp() + seconds) * 1000))


def bench() -> tuple[Backlog, Clock, Meters]:
    clock, meters = Clock(), Meters()
    return Backlog("front", clock, meters), clock, meters  # type: ignore[arg-type]


def ends(**known: int) -> Any:
    return lambda at: known.get(at.topic.partition(".")[0])


def test_lag_is_what_lies_between_the_position_and_the_end() -> None:
    backlog, _, _ = bench()
    (found,) = backlog.measure([lane(bank=3, desk=5, back=9)], ends(bank=10, desk=5, back=8, ops=0), [])
    assert found.lag == {"bank.events": 7, "desk.events": 0, "back.events": 0, "ops.commands": 0}
    assert (found.partition, found.total, found.stopped, found.oldest_seconds) == (0, 7, (), 0.0)


def test_the_oldest_record_in_hand_tells_the_age() -> None:
    backlog, _, _ = bench()
    fetched = [record(4, 60), record(3, 40), record(5, 80), record(1, 70, "desk.events")]
    (found,) = backlog.measure([lane()], ends(bank=10, desk=10), fetched)
    assert found.oldest_seconds == pytest.approx(60.0)
    (ahead,) = backlog.measure([lane()], ends(bank=10), [record(0, 500)])
    assert ahead.oldest_seconds == 0.0, "a clock that is ahead makes nothing younger than new"


def test_what_was_never_fetched_is_as_old_as_it_has_been_known_and_young_again_once_caught_up() -> None:
    backlog, clock, _ = bench()
    assert backlog.measure([lane()], ends(bank=1), [])[0].oldest_seconds == 0.0
    clock.passed += 30
    assert backlog.measure([lane()], ends(bank=1), [])[0].oldest_seconds == 30.0
    assert (
        backlog.measure([lane()], ends(bank=1), [Record("bank.events", 0, 0, b"", b"", (), 0)])[
            0
        ].oldest_seconds
        == 30.0
    ), "a record without a timestamp tells no age"
    clock.passed += 5
    assert backlog.measure([lane(bank=1)], ends(bank=1), [])[0].oldest_seconds == 0.0
    clock.passed += 5
    assert backlog.measure([lane(bank=1)], ends(bank=2), [])[0].oldest_seconds == 0.0
    clock.passed += 7
    assert backlog.measure([], ends(bank=2), []) == []
    clock.passed += 5
    assert backlog.measure([lane(bank=1)], ends(bank=2), [])[0].oldest_seconds == 0.0, (
        "it was another's meanwhile"
    )


def test_where_the_end_is_not_known_what_is_in_hand_is_behind() -> None:
    backlog, _, _ = bench()
    (found,) = backlog.measure([lane()], ends(), [record(0, 90)])
    assert found.lag == {"bank.events": 1, "desk.events": 0, "back.events": 0, "ops.commands": 0}
    assert found.oldest_seconds == pytest.approx(10.0)
    (worked_off,) = backlog.measure([lane(bank=1)], ends(bank=1), [record(0, 20)])
    assert (worked_off.total, worked_off.oldest_seconds) == (0, pytest.approx(80.0)), "still in hand"


def test_inputs_that_are_stopped_at_their_day_are_named() -> None:
    backlog, _, _ = bench()
    one = lane()
    marker = Inbound(record(0, 0), "bank", Kind.MARKER)
    one.reached = {"desk.events": (D1, marker), "bank.events": (D1, marker)}
    assert backlog.measure([one], ends(), [])[0].stopped == ("bank.events", "desk.events")


def test_gauges_are_those_of_the_partitions_in_hand() -> None:
    backlog, _, meters = bench()
    backlog.measure([lane(0, bank=1), lane(1)], ends(bank=4), [])
    for number in ("0", "1"):
        meters.gauge("days_behind", 1.0, service="front", partition=number)
    meters.gauge("lag", 9.0, topic="bank.events", service="other", partition="1")

    def shown() -> dict[tuple[str, ...], float]:
        return {
            (row["name"], *sorted(row["labels"].values())): row["value"]
            for row in meters.snapshot()["gauges"]
            if row["value"] or row["name"] == "oldest_seconds"
        }

    others = {("lag", "1", "bank.events", "other"): 9.0}
    assert shown() == {
        ("oldest_seconds", "0", "front"): 0.0, ("oldest_seconds", "1", "front"): 0.0,
        ("lag", "0", "bank.events", "front"): 3.0, ("lag", "1", "bank.events", "front"): 4.0,
        ("days_behind", "0", "front"): 1.0, ("days_behind", "1", "front"): 1.0, **others,
    }  # fmt: skip
    backlog.measure([lane(0, bank=1)], ends(bank=4), [])
    assert shown() == {
        ("oldest_seconds", "0", "front"): 0.0, ("lag", "0", "bank.events", "front"): 3.0,
        ("days_behind", "0", "front"): 1.0, **others,
    }  # fmt: skip


def test_the_sum_is_over_all_inputs() -> None:
    assert Behind(0, {"a": 2, "b": 5}, (), 0.0).total == 7
