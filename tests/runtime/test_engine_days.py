"""The engine, day by day: markers, the barrier, due work, positions, take-over, drain (rules 8, 14 to 21)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from shared.contracts.cloudevents import decode, encode
from shared.contracts.envelope import Envelope
from shared.contracts.runtime import CaseHeld, CaseReleased, ServiceDayClosed
from shared.runtime.days import watch_lag
from shared.runtime.lane import Lane
from shared.runtime.limits import Limits
from shared.runtime.ports import FatalError, Outgoing, ParkedRow, TopicPartition, UnavailableError
from shared.runtime.simulation.toy import Accept, Agreed, Bad, Judged, Open, Opened, Paid, Pay, Sign
from shared.runtime.takeover import check, owned_partitions
from tests.runtime.rig import ANN, ANNS, D1, D2, D3, D4, D5, Rig, at, story

# -- markers and the barrier -----------------------------------------------------------------------------


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
    forged: Envelope[Any] = Envelope(
        "x", "/parley/back", at(D1), "", ServiceDayClosed(day=D1, service="back")
    )
    key, value, headers = encode(forged)
    rig.log.append(Outgoing("front.events", key, value, tuple(headers)))
    await rig.settle()
    assert rig.reasons("back") == ["marker-refused"]


@story
async def test_only_the_first_service_of_the_flow_closes_the_desks_days() -> None:
    rig = Rig(names=("middle",))
    rig.start_all()
    rig.close(D1, source="front")
    forged: Envelope[Any] = Envelope(
        "x", "/parley/back", at(D1), "", ServiceDayClosed(day=D1, service="back")
    )
    key, value, headers = encode(forged)
    rig.log.append(Outgoing("desk.events", key, value, tuple(headers)))
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


# -- due work ----------------------------------------------------------------------------------------------


@story
async def test_due_work_is_done_by_due_date_and_only_what_is_due() -> None:
    rig = Rig(names=("back",))
    rig.start_all()
    rig.tell("front", Paid(pay_id="p", amount=150, value_date=D1), 1)
    rig.tell("middle", Agreed(start=D1, number=1), 1)
    for source in ("front", "middle", "desk"):
        rig.close(D3, source=source)
    await rig.settle()
    assert [(m.data.instalment, m.data.kept) for m in rig.events("back")] == [(1, True), (2, False)]
    assert {m.time.date() for m in rig.events("back")} == {D3}
    assert rig.document("back")["due"] == D4.isoformat()


@story
async def test_a_late_fact_corrects_what_had_been_concluded() -> None:
    rig = Rig(names=("back",))
    rig.start_all()
    rig.tell("middle", Agreed(start=D1, number=1), 1)
    for source in ("front", "middle", "desk"):
        rig.close(D2, source=source)
    await rig.settle()
    rig.tell("front", Paid(pay_id="p", amount=100, value_date=D2), 1, day=D3)
    await rig.settle()
    assert [(m.data.instalment, m.data.kept) for m in rig.events("back")] == [(1, False), (1, True)]


@story
async def test_a_fact_is_not_refused_before_its_day_is_closed_on_all_inputs() -> None:
    rig = Rig(names=("back",))
    rig.start_all()
    rig.say(Sign(number=1), D2)
    rig.say(Sign(number=2), D3)
    rig.close(D2, source="front")
    rig.close(D2, source="desk")
    await rig.settle()
    assert rig.types("back") == []
    rig.close(D1, source="middle")
    await rig.settle()
    assert rig.types("back") == []
    rig.close(D2, source="middle")
    await rig.settle()
    assert [(m.data.number, m.data.ok) for m in rig.events("back")] == [(1, False)]
    for source in ("front", "middle", "desk"):
        rig.close(D4, source=source)
    await rig.settle()
    assert [(m.data.number, m.data.ok) for m in rig.events("back")] == [(1, False), (2, False)]
    assert rig.document("back")["waiting"] == []


@story
async def test_due_work_of_a_held_case_waits_for_the_first_close_after_its_release() -> None:
    rig = Rig(names=("back",))
    rig.start_all()
    rig.tell("middle", Agreed(start=D1, number=1), 1)
    rig.tell("front", CaseHeld(service="front", reason="x"), 1)
    await rig.settle()
    for day in (D2, D3):
        for source in ("front", "middle", "desk"):
            rig.close(day, source=source)
    await rig.settle()
    assert rig.types("back") == ["held"]
    rig.tell("front", CaseReleased(service="front"), 2)
    await rig.settle()
    assert rig.types("back") == ["held", "released"]
    for source in ("front", "middle", "desk"):
        rig.close(D4, source=source)
    await rig.settle()
    assert rig.types("back") == ["held", "released", "judged", "judged", "judged", "waived"]


@story
async def test_due_work_that_fails_parks_its_case_and_the_day_goes_on() -> None:
    rig = Rig(names=("middle",))
    rig.start_all()
    for key in (ANN, "C-bob"):
        rig.tell("front", Opened(on=D1), 1, key=key)
    rig.say(Bad(at="middle", kind="bomb"))
    await rig.settle()
    for source in ("front", "desk"):
        rig.close(D3, source=source)
    await rig.settle()
    assert rig.reasons("middle") == ["due-work-failed"]
    assert rig.dead("middle")[0]["day"] == D3.isoformat()
    assert rig.types("middle").count("lapsed") == 1
    assert rig.days("middle.events") == [D3]
    rig.world.healed = True
    rig.replay("middle")
    await rig.settle()
    for source in ("front", "desk"):
        rig.close(D4, source=source)
    await rig.settle()
    assert rig.types("middle").count("lapsed") == 2


@story
async def test_due_work_that_is_never_done_parks_its_case() -> None:
    class Stuck:
        def __init__(self, inner: Any) -> None:
            self.decide, self.due = inner.decide, inner.due

        def close(self, state: Any, day: Any, reference: Any) -> Any:
            from shared.contracts.decision import Decision

            return Decision(state)

    rig = Rig(names=("middle",))
    service = rig.services["middle"]
    rig.start("middle", replace(service, decider=Stuck(service.decider)))
    rig.tell("front", Opened(on=D1), 1)
    for source in ("front", "desk"):
        rig.close(D3, source=source)
    await rig.settle()
    assert rig.reasons("middle") == ["due-work-failed"]
    assert rig.days("middle.events") == [D3]


@pytest.mark.parametrize("page", [1, 2, 3, 500])
def test_due_work_is_done_page_by_page_until_none_is_left(page: int) -> None:
    @story
    async def tell() -> None:
        rig = Rig(names=("middle",), page_documents=page)
        rig.start_all()
        for n in range(6):
            rig.tell("front", Opened(on=D1), 1, key=f"C-{n}")
        await rig.settle()
        for source in ("front", "desk"):
            rig.close(D3, source=source)
        await rig.settle()
        assert rig.types("middle").count("lapsed") == 6

    tell()


class Gate:
    """A publisher that stops before the first record of one kind; `open` lets it go on."""

    def __init__(self, rig: Rig, kind: str) -> None:
        self.rig, self.kind, self.inner, self.blocked = rig, kind, rig.log.publisher(), asyncio.Event()

    def consumer(self, group: str, client_id: str) -> Any:
        return self.rig.log.consumer(group, client_id)

    def publisher(self) -> Any:
        return self

    def measure(self, record: Any) -> None:
        self.inner.measure(record)

    async def publish(self, records: Any) -> None:
        for record in records:
            if any(n == "ce_type" and self.kind.encode() in (v or b"") for n, v in record.headers):
                self.blocked.set()
                await asyncio.sleep(1e9)
            await self.inner.publish([record])


async def crash(rig: Rig, engine: Any) -> None:
    """Take an engine away as a kill would: nothing of it goes on."""
    number = rig.engines.index(engine)
    engine._consumer.crash()
    task = rig.tasks.pop(number)
    rig.engines.remove(engine)
    engine._consumer.stop = _nothing
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _nothing() -> None:
    return


@story
async def test_what_due_work_wrote_before_a_crash_is_published_before_the_marker() -> None:
    rig = Rig(names=("middle",))
    rig.tell("front", Opened(on=D1), 1)
    gate = Gate(rig, "lapsed")
    engine = rig.start("middle", log=gate)
    await rig.settle()
    for source in ("front", "desk"):
        rig.close(D3, source=source)
    await gate.blocked.wait()
    assert rig.document("middle")["entries_day"] == D3.isoformat()
    await crash(rig, engine)
    rig.start("middle")
    await rig.settle()
    assert rig.types("middle") == ["tabled", "lapsed"]
    kinds = [decode(r.key, r.value, r.headers).type for r in rig.log.topic("middle.events")]
    assert kinds[-1] == ServiceDayClosed.TYPE
    assert kinds.count(ServiceDayClosed.TYPE) == 1


@story
async def test_the_last_marker_is_said_again_on_assignment() -> None:
    rig = Rig(names=("front",))
    gate = Gate(rig, "day.closed")
    engine = rig.start("front", log=gate)
    rig.close(D1)
    await gate.blocked.wait()
    assert (await rig.positions("front"))["done"] == D1.isoformat(), "positions first, then the marker"
    await crash(rig, engine)
    rig.start("front")
    await rig.settle()
    assert rig.days("front.events") == [D1]
    assert rig.days("desk.events") == [D1]


@story
async def test_what_a_batch_wrote_before_a_crash_is_published_when_it_is_read_again() -> None:
    rig = Rig(names=("front",))
    gate = Gate(rig, "front.opened")
    engine = rig.start("front", log=gate)
    rig.say(Open())
    await gate.blocked.wait()
    assert "inputs" not in await rig.positions("front"), "nothing is published, so no position moves"
    await crash(rig, engine)
    rig.start("front")
    await rig.settle()
    assert rig.types("front") == ["opened"]
    assert rig.telemetry.counts["duplicates"] == 1


# -- positions and take-over -------------------------------------------------------------------------------


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
async def test_documents_carry_the_epoch_of_their_last_writer() -> None:
    rig = Rig(names=("front",))
    for expected in (1, 2):
        rig.start("front")
        rig.say(Open(), key=f"C-{expected}")
        rig.say(Pay(pay_id="p", amount=1, value_date=D1))
        await rig.settle()
        assert rig.document("front", ANN)["epoch"] == expected
        await rig.stop()


@story
async def test_a_parked_record_that_is_read_again_stays_where_it_was() -> None:
    rig = Rig(names=("middle",))
    rig.say(Bad(at="middle", kind="heal"))
    rig.say(Accept(number=1))
    rig.say(Accept(number=2))
    gate = Gate(rig, "case.held")
    engine = rig.start("middle", log=gate)
    await gate.blocked.wait()
    await crash(rig, engine)
    before = rig.store.all_parked("middle")
    rig.limits = replace(rig.limits, batch_records=1)
    rig.start("middle")
    await rig.settle()
    assert [(r.record.offset, r.order) for r in rig.store.all_parked("middle")] == [
        (r.record.offset, r.order) for r in before
    ]
    assert len(before) == 3
    rig.world.healed = True
    rig.replay("middle")
    await rig.settle()
    assert rig.state("middle")["healed"] == 1


@story
async def test_rows_of_a_replica_that_had_lost_are_not_decided() -> None:
    """A zombie stored a row of a record that the owner has not read yet; its document write failed."""
    rig = Rig(names=("middle",))
    rig.start_all()
    rig.say(Bad(at="middle", kind="heal"))
    await rig.settle()
    other = Rig()
    other.tell("back", Judged(instalment=1, kept=True), 1)
    other.tell("back", Judged(instalment=2, kept=True), 2)
    stray = other.log.topic("back.events")[1]
    await rig.store.park("middle", [ParkedRow(ANNS, stray, 2, 0, "case-is-parked")])
    rig.world.healed = True
    rig.replay("middle")
    await rig.settle()
    assert rig.state("middle")["kept"] == {}
    for number in (1, 2):
        rig.tell("back", Judged(instalment=number, kept=True), number)
    await rig.settle()
    assert rig.state("middle")["kept"] == {"1": True, "2": True}


@story
async def test_ids_survive_a_crash_between_the_document_and_their_collection() -> None:
    class Stops:
        def __getattr__(self, name: str) -> Any:
            return getattr(rig.store, name)

        async def copy_ids(self, service: str, ids: Any) -> None:
            stopped.set()
            await asyncio.sleep(1e9)

    rig, stopped = Rig(names=("front",)), asyncio.Event()
    engine = rig.start("front", store=Stops())
    rig.say(Pay(pay_id="p", amount=5, value_date=D1), id_="pay")
    await stopped.wait()
    await crash(rig, engine)
    rig.start("front")
    await rig.settle()
    assert rig.state("front", ANN)["paid"] == 5
    for n in range(2):  # the entry leaves the document with a later write
        rig.say(Pay(pay_id=f"q{n}", amount=1, value_date=D1))
        await rig.settle()
    rig.say(Pay(pay_id="p", amount=5, value_date=D1), id_="pay")
    await rig.settle()
    assert rig.state("front", ANN)["paid"] == 7


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


@story
async def test_a_document_of_a_later_owner_makes_a_replica_abandon() -> None:
    rig = Rig(names=("front",))
    engine = rig.start("front")
    rig.say(Open())
    await rig.settle()
    theirs = rig.document("front", ANN)
    await rig.store.replace_many("front", [{**theirs, "epoch": 2, "version": theirs["version"] + 1}])
    rig.say(Pay(pay_id="p", amount=1, value_date=D1))
    await rig.settle()
    assert "assignment-abandoned" in rig.alarms()
    assert rig.state("front", ANN)["paid"] == 1
    assert engine.lanes[0].epoch == 2


@story
async def test_a_stale_write_loses_and_is_decided_again() -> None:
    rig = Rig(names=("front",))
    rig.start("front")
    rig.say(Open())
    await rig.settle()

    class Meddler:
        """Another writer comes between load and write, once."""

        def __init__(self) -> None:
            self.done = False

        def __getattr__(self, name: str) -> Any:
            return getattr(rig.store, name)

        async def replace_many(self, service: str, documents: Any) -> set[str]:
            if not self.done:
                self.done = True
                theirs = rig.document("front", ANN)
                theirs["state"]["waived"] = 70
                await rig.store.replace_many(service, [{**theirs, "version": theirs["version"] + 1}])
            return await rig.store.replace_many(service, documents)

    await rig.stop()
    rig.start("front", store=Meddler())
    rig.say(Pay(pay_id="p", amount=1, value_date=D1))
    await rig.settle()
    assert (rig.state("front", ANN)["waived"], rig.state("front", ANN)["paid"]) == (70, 1)
    assert rig.telemetry.counts["conflicts"] == 1


# -- drain and lag ------------------------------------------------------------------------------------------


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


class Slow:
    """A store whose first bulk write waits for `go`."""

    def __init__(self, rig: Rig) -> None:
        self.rig, self.entered, self.go = rig, asyncio.Event(), asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rig.store, name)

    async def replace_many(self, service: str, documents: Any) -> set[str]:
        self.entered.set()
        await self.go.wait()
        return await self.rig.store.replace_many(service, documents)


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
    assert rig.alarms() == []
    await asyncio.sleep(11)
    for _ in range(3):
        watch_lag(engine._shell, engine.lanes)
    assert rig.alarms() == ["lagging-partition"]
    assert rig.telemetry.alarms[0][1]["partition"] == "1"


def test_limits_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Limits(partitions=0)
    with pytest.raises(ValueError, match="document_reserve"):
        Limits(partitions=1, document_bytes=10, document_reserve=9)
