"""The engine, day by day: markers, the barrier, and who lags (rules 16 to 19)."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Any

from shared.contracts.runtime import CaseHeld
from shared.runtime.days import watch_lag
from shared.runtime.ports import Outgoing
from shared.runtime.simulation.toy import Accept, Open, Opened, Pay
from tests.runtime.rig import ANN, D1, D2, D3, D4, D5, Rig, story


@story
async def test_a_day_is_passed_on_to_the_services_own_topic_and_to_the_desk() -> None:
    rig = Rig(partitions=2)
    rig.start_all()
    rig.close(D1)
    rig.close(D2)
    await rig.settle()
    for topic in ("front.events", "middle.events", "back.events", "desk.events"):
        assert rig.days(topic) == [D1, D2, D1, D2], "each partition, by number"
    assert (await rig.positions("back", 1))["done"] == D2.isoformat()
    assert rig.telemetry.counts["days_closed"] == 12


@story
async def test_markers_are_monotone_and_close_all_earlier_days() -> None:
    rig = Rig(names=("front",))
    rig.start_all()
    rig.say(Open(), D1)
    rig.close(D3)
    await rig.settle()
    rig.close(D2)
    rig.close(D3)
    rig.close(D4)
    await rig.settle()
    assert rig.days("front.events") == [D3, D4]
    assert rig.types("front") == ["opened", "reminded"]
    bank = next(r for r in (await rig.positions("front"))["inputs"] if r["topic"] == "bank.events")
    assert (bank["processed"], bank["duplicates"], bank["closed"]) == (3, 2, D4.isoformat())


@story
async def test_a_marker_too_far_ahead_is_dead_lettered() -> None:
    rig = Rig(names=("front",), days_ahead=30, first_day_ahead=60)
    rig.start_all()
    rig.close(date(8000, 1, 1))
    await rig.settle()
    assert rig.reasons("front") == ["marker-refused"]
    rig.close(D1)
    rig.close(D1 + timedelta(days=31))
    rig.close(D1 + timedelta(days=30))
    await rig.settle()
    assert rig.reasons("front") == ["marker-refused"] * 2
    assert rig.days("front.events") == [D1, D1 + timedelta(days=30)]


@story
async def test_a_marker_of_somebody_else_closes_nothing() -> None:
    rig = Rig(names=("back",))
    rig.start_all()
    rig.forge("front.events", D1, service="back")
    await rig.settle()
    assert rig.reasons("back") == ["marker-refused"]


@story
async def test_only_the_first_service_of_the_flow_closes_the_desks_days() -> None:
    rig = Rig(names=("middle",))
    rig.start_all()
    rig.close(D1, source="front")
    rig.forge("desk.events", D1, service="back")
    await rig.settle()
    assert rig.reasons("middle") == ["marker-refused"]
    assert rig.days("middle.events") == []
    rig.close(D1, source="desk")
    await rig.settle()
    assert rig.days("middle.events") == [D1]


@story
async def test_a_null_key_is_good_enough_for_a_marker() -> None:
    rig = Rig(names=("front",))
    rig.start_all()
    rig.close(D1)
    record = rig.log.topic("bank.events")[0]
    rig.log.append(replace_key(record))
    await rig.settle()
    assert rig.days("front.events") == [D1]
    assert rig.reasons("front") == []


def replace_key(record: Any) -> Outgoing:
    return Outgoing(record.topic, None, record.value, record.headers, record.partition)


@story
async def test_an_input_that_has_reached_its_day_waits_for_the_others() -> None:
    rig = Rig(names=("middle",))
    rig.start_all()
    rig.tell("front", Opened(on=D1), 1)
    rig.close(D3, source="front")
    rig.tell("front", CaseHeld(service="front", reason="x"), 2)
    await rig.settle()
    rows = {row["topic"]: row for row in (await rig.positions("middle"))["inputs"]}
    assert rows["front.events"]["next"] == 1, "a marker's offset enters positions only when its day is done"
    assert rig.types("middle") == ["tabled"]
    rig.say(Accept(number=1), D3)
    await rig.settle()
    assert rig.types("middle") == ["tabled", "agreed"]
    rig.close(D3, source="desk")
    await rig.settle()
    assert rig.types("middle") == ["tabled", "agreed", "held"]
    assert rig.days("middle.events") == [D3]


@story
async def test_an_input_far_ahead_stays_stopped_until_its_own_day_is_done() -> None:
    rig = Rig(names=("middle",))
    rig.start_all()
    rig.close(D5, source="front")
    for day in (D1, D2):
        rig.close(day, source="desk")
    await rig.settle()
    assert rig.days("middle.events") == [D1, D2]
    assert (await rig.positions("middle"))["done"] == D2.isoformat()
    rig.close(D5, source="desk")
    await rig.settle()
    assert rig.days("middle.events") == [D1, D2, D5]


@story
async def test_inputs_that_flow_back_are_never_waited_for() -> None:
    rig = Rig(names=("front",))
    rig.start_all()
    rig.close(D1)
    await rig.settle()
    assert rig.days("front.events") == [D1], "neither the desk nor back has closed anything"


@story
async def test_a_long_backlog_behind_the_barrier_is_worked_off_in_order() -> None:
    rig = Rig(batch_records=2)
    days = [D1 + timedelta(days=n) for n in range(20)]
    for number, day in enumerate(days):
        rig.say(Pay(pay_id=f"p{number}", amount=1, value_date=day), day)
        if number == 3:
            rig.say(Open(), day)
        rig.close(day)
    rig.start_all()
    await rig.settle(200)
    assert rig.days("back.events") == days
    assert rig.state("front", ANN)["paid"] == 20


@story
async def test_a_partition_that_lags_by_more_than_a_day_raises_one_alert() -> None:
    rig = Rig(names=("front",), partitions=2, lag_alarm_seconds=10.0)
    engine = rig.start("front")
    await rig.settle(1)
    one, two = engine.lanes
    one.done, two.done = D3, D2
    watch_lag(engine._shell, engine.lanes)
    await asyncio.sleep(20)
    watch_lag(engine._shell, engine.lanes)
    assert rig.alarms() == [], "a day behind is nothing"
    one.done = D4
    watch_lag(engine._shell, engine.lanes)
    await asyncio.sleep(5)
    watch_lag(engine._shell, engine.lanes)
    assert rig.alarms() == [], "not for long enough"
    await asyncio.sleep(5)
    for _ in range(3):
        watch_lag(engine._shell, engine.lanes)
    assert rig.alarms() == ["lagging-partition"]
    told = rig.telemetry.alarms[0][1]
    assert (told["partition"], told["done"], told["newest"]) == ("1", D2.isoformat(), D4.isoformat())


@story
async def test_a_partition_that_has_closed_no_day_lags_too() -> None:
    rig = Rig(names=("front",), partitions=2, lag_alarm_seconds=10.0)
    engine = rig.start("front")
    await rig.settle(1)
    engine.lanes[0].done = D1
    for _ in range(2):
        watch_lag(engine._shell, engine.lanes)
        await asyncio.sleep(10)
    watch_lag(engine._shell, engine.lanes)
    assert [told["done"] for _, told in rig.telemetry.alarms] == ["never"]
