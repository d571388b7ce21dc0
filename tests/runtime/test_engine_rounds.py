"""What a close leads to within one document: facts decided by it, and more that is due because of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from shared.contracts.decision import Decision, Emission
from shared.contracts.envelope import Envelope
from shared.contracts.runtime import CaseHeld, CaseReleased
from shared.runtime.days import markers
from shared.runtime.document import Cause
from shared.runtime.lane import InputPosition, Lane
from shared.runtime.ports import ID, VERSION, Record
from shared.runtime.simulation.toy import (
    Accept,
    Agreed,
    BackState,
    Bad,
    Huge,
    Judged,
    Lapsed,
    MiddleState,
    Open,
    Opened,
    Pay,
    Refused,
    Tabled,
)
from tests.runtime.mishaps import Gate, crash
from tests.runtime.rig import ANN, D1, D2, D3, Rig, story


class Again:
    """Tables an offer for one day; once it has lapsed an acceptance, or news, puts it back on the table."""

    def decide(
        self, state: MiddleState | None, message: Envelope[Any], reference: Any
    ) -> Decision[MiddleState]:
        data = message.data
        if isinstance(data, Opened):
            return Decision.of(MiddleState(expiry=data.on, status="tabled"), Tabled(expiry=data.on))
        if state is None or state.status == "tabled":
            return Decision.wait(state or MiddleState(), Refused(number=0))
        back = state.model_copy(update={"status": "tabled", "refused": state.refused + 1})
        if isinstance(data, Accept):
            return Decision.of(back, Agreed(start=message.day, number=data.number))
        return Decision(back)

    def due(self, state: MiddleState) -> date | None:
        return state.expiry if state.status == "tabled" else None

    def close(self, state: MiddleState, day: date, reference: Any) -> Decision[MiddleState]:
        return Decision.of(state.model_copy(update={"status": "lapsed"}), Lapsed())


class Needs(Again):
    """Accepts once there is a document; the last word on an acceptance makes one. Bad ones cannot be said."""

    def decide(
        self, state: MiddleState | None, message: Envelope[Any], reference: Any
    ) -> Decision[MiddleState]:
        data = message.data
        if isinstance(data, Accept) and data.bad:
            return Decision(MiddleState(), (Emission(Huge(text="x" * 40_000), message.subject),), waits=True)
        if state is None:
            return Decision.wait(MiddleState(), Refused(number=data.number))
        return Decision.of(
            state.model_copy(update={"refused": state.refused + 1}),
            Agreed(start=message.day, number=data.number),
        )


def rig_of(decider: Any) -> Rig:
    rig = Rig(names=("middle",))
    rig.services["middle"] = replace(rig.services["middle"], decider=decider)
    return rig


def ids(rig: Rig) -> list[str]:
    found = {(m.sequence, m.id) for m in rig.events("middle")}
    assert len(found) == len({sequence for sequence, _ in found})
    return [id_ for _, id_ in sorted(found, key=lambda one: one[0] or 0)]


@story
async def test_what_a_close_makes_due_is_done_at_the_same_close_under_ids_of_its_own() -> None:
    rig = rig_of(Again())
    rig.start_all()
    rig.tell("front", Opened(on=D1), 1)
    for number in (1, 2):
        rig.say(Accept(number=number), D3)
    await rig.settle()
    rig.close_inputs("middle", D1)
    await rig.settle()
    assert rig.types("middle") == ["tabled", "lapsed", "agreed", "lapsed", "agreed", "lapsed"]
    assert len(set(ids(rig))) == 6
    assert rig.days("middle.events") == [D1]


async def crashed_in_a_close() -> Rig:
    """A rig whose engine has written what lapses at the first close, and died before it was said."""
    rig = rig_of(Again())
    rig.tell("front", Opened(on=D1), 1)
    gate = Gate(rig, "lapsed")
    engine = rig.start("middle", log=gate)
    await rig.settle()
    rig.close_inputs("middle", D1)
    await gate.blocked.wait()
    await crash(rig, engine)
    return rig


@story
async def test_a_close_that_is_done_again_after_a_crash_goes_on_counting() -> None:
    rig = await crashed_in_a_close()
    rig.tell("back", Judged(instalment=1, kept=True), 1)  # makes more due on the day that is being closed
    rig.start("middle")
    await rig.settle()
    lapsed = {m.sequence: m.id for m in rig.events("middle") if isinstance(m.data, Lapsed)}
    assert len(lapsed) == len(set(lapsed.values())) == 2


@story
async def test_a_close_that_is_done_again_leaves_a_case_that_is_held_meanwhile() -> None:
    rig = await crashed_in_a_close()
    rig.tell("back", CaseHeld(service="back", reason="x", count=1), 1)
    rig.tell("back", Judged(instalment=1, kept=True), 2)  # makes more due on the day that is being closed
    rig.start("middle")
    await rig.settle()
    assert len({m.id for m in rig.events("middle") if isinstance(m.data, Lapsed)}) == 1
    assert rig.state("middle")["status"] == "tabled"
    assert set(rig.days("middle.events")) == {D1}
    rig.tell("back", CaseReleased(service="back", count=1), 3)
    rig.close_inputs("middle", D2)
    await rig.settle()
    assert len({m.id for m in rig.events("middle") if isinstance(m.data, Lapsed)}) == 2


@story
async def test_the_last_word_on_one_fact_lets_another_be_decided_at_once() -> None:
    rig = rig_of(Needs())
    rig.start_all()
    rig.say(Accept(number=1), D1)
    rig.say(Accept(number=2), D3)
    await rig.settle()
    assert rig.types("middle") == []
    rig.close_inputs("middle", D1)
    await rig.settle()
    assert [(type(m.data), m.data.number) for m in rig.events("middle")] == [(Refused, 1), (Agreed, 2)]


@story
async def test_a_case_that_its_last_word_parks_decides_nothing_more_at_that_close() -> None:
    rig = rig_of(Needs())
    rig.start_all()
    rig.say(Accept(number=1, bad=True), D1)
    rig.say(Accept(number=2), D1)
    await rig.settle()
    rig.close_inputs("middle", D2)
    await rig.settle()
    assert rig.types("middle") == ["held"]
    assert len(rig.document("middle")["waiting"]) == 2


@story
async def test_a_decision_with_the_state_of_another_service_is_a_bug_of_that_case() -> None:
    class Strays(Again):
        def decide(self, state: Any, message: Any, reference: Any) -> Decision[Any]:
            return Decision(BackState())

        def due(self, state: Any) -> None:
            return None

    rig = rig_of(Strays())
    rig.start_all()
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    assert rig.reasons("middle") == ["decider-failed"]
    assert rig.state("middle") is None


@story
async def test_a_command_is_obeyed_once_however_often_it_is_said() -> None:
    rig = Rig(names=("middle",))
    rig.start_all()
    rig.say(Bad(at="middle", kind="heal"))
    rig.replay("middle", id_="once")
    await rig.settle()
    rig.world.healed = True
    rig.replay("middle", id_="once")
    await rig.settle()
    assert rig.document("middle")["park"] is not None
    rig.replay("middle", id_="another")
    await rig.settle()
    assert rig.document("middle")["park"] is None
    assert rig.telemetry.decisions["obeyed"] == 2, "the trace shows each command that was obeyed"


class CommandsFirst:
    """A log whose batches begin with the commands that came in them."""

    def __init__(self, rig: Rig) -> None:
        self._log = rig.log

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def consumer(self, group: str, client_id: str) -> Any:
        inner = self._log.consumer(group, client_id)
        poll = inner.poll

        async def sorted_poll(max_records: int, timeout: float) -> list[Record]:
            found = await poll(max_records, timeout)
            return sorted(found, key=lambda record: record.topic != "ops.commands")

        inner.poll = sorted_poll  # type: ignore[method-assign]
        return inner


@story
async def test_what_is_parked_again_in_the_batch_of_its_replay_is_held_again() -> None:
    rig = Rig(names=("middle",))
    engine = rig.start("middle", log=CommandsFirst(rig))
    rig.say(Bad(at="middle", kind="heal"))
    await rig.settle()
    assert rig.types("middle") == ["held"]
    engine.stop()
    await rig.stop()
    rig.world.healed = True
    rig.replay("middle")
    rig.say(Bad(at="middle", kind="raise"))
    rig.start("middle", log=CommandsFirst(rig))
    await rig.settle()
    assert rig.document("middle")["park"] is not None
    assert rig.types("middle") == ["held", "released", "held"]
    assert [message.sequence for message in rig.events("middle")] == [1, 2, 3]


@story
async def test_a_payment_published_twice_moves_money_once_even_where_two_replays_decide_it() -> None:
    rig = Rig(names=("front",), replay_rows=2)
    rig.start_all()
    rig.say(Open())
    rig.say(Bad(at="front", kind="heal"))
    await rig.settle()
    rig.say(Pay(pay_id="p", amount=100, value_date=D1), id_="x")
    await rig.settle()
    rig.say(Pay(pay_id="p", amount=100, value_date=D1), id_="x")
    await rig.settle()
    rig.world.healed = True
    assert rig.state("front", ANN)["paid"] == 0
    for _ in range(2):
        rig.replay("front", ANN)
        await rig.settle()
        assert rig.state("front", ANN)["paid"] == 100
    assert rig.document("front", ANN)["park"] is None
    assert rig.types("front").count("paid") == 1


def test_positions_keep_what_was_counted_of_an_input_that_is_no_longer_read() -> None:
    service = Rig().services["middle"]
    old = InputPosition(next=5, processed=5).dump("old.events")
    lane = Lane.load(service, {ID: 0, "epoch": 1, VERSION: 1, "done": None, "inputs": [old]}, {})
    assert old in lane.dump()["inputs"]
    assert "old.events" not in {at.topic for at in lane.offsets()}


def test_what_a_topic_that_nobody_knows_has_caused_is_kept() -> None:
    service = Rig().services["middle"]
    lane = Lane.load(service, {ID: 0, "epoch": 1, VERSION: 1}, {})
    assert not lane.settled(Cause.of_record(Record("gone.events", 0, 0, b"k", b"v", (), 0)))


def test_the_marker_of_a_lane_is_said_though_another_has_closed_no_day_yet() -> None:
    service = Rig(partitions=2).services["middle"]
    fresh, done = (Lane.load(service, {ID: n, "epoch": 1, VERSION: 1}, {}) for n in (0, 1))
    done.done = D1
    assert [said.partition for said in markers(service, [fresh, done])] == [1]


class Dated(Again):
    """Tables an offer that rests on facts of three moments besides the message."""

    def decide(
        self, state: MiddleState | None, message: Envelope[Any], reference: Any
    ) -> Decision[MiddleState]:
        moments = (None, *(message.time + timedelta(hours=hours) for hours in (-1, 1, 24)))
        tabled = Tabled(expiry=message.day)
        return Decision(MiddleState(), tuple(Emission(tabled, not_before=moment) for moment in moments))


@story
async def test_an_event_carries_the_time_of_the_latest_fact_of_its_day_that_it_rests_on() -> None:
    rig = rig_of(Dated())
    rig.start_all()
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    told = next(iter(rig.events("front")))
    later = told.time + timedelta(hours=1)
    assert [m.time for m in rig.events("middle")] == [told.time, told.time, later, told.time]
