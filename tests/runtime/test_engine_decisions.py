"""What a decider may answer, in whatever state its document is found, and what the engine makes of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from shared.contracts.cloudevents import encode
from shared.contracts.decision import Decision, Emission
from shared.contracts.envelope import Envelope
from shared.contracts.ids import derive_id
from shared.contracts.runtime import CaseHeld
from shared.runtime.ports import Outgoing
from shared.runtime.simulation.toy import (
    Accept,
    Agreed,
    Bad,
    Front,
    FrontState,
    Judged,
    Middle,
    MiddleState,
    Open,
    Opened,
    Pay,
    Refused,
    ToyReference,
)
from tests.runtime.mishaps import Gate, crash
from tests.runtime.rig import ANN, ANNS, D1, D2, D3, Rig, at, story


def rig_of(name: str, decider: Any, **limits: Any) -> Rig:
    rig = Rig(names=(name,), **limits)
    rig.services[name] = replace(rig.services[name], decider=decider)
    return rig


# -- whose document it is ----------------------------------------------------------------------------------


@story
async def test_a_case_that_lies_on_another_partition_is_nobodys_here() -> None:
    rig = Rig(names=("middle",), partitions=2)
    rig.start_all()
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    (record,) = rig.log.topic("front.events")
    other = 1 - record.partition
    mine = rig.document("middle")
    later = {**mine, "epoch": mine["epoch"] + 5, "version": mine["version"] + 1}  # taken over more often
    assert await rig.store.replace_many("middle", [later]) == set()
    headers = tuple((n, b"2" if n == "ce_sequence" else v) for n, v in record.headers)
    rig.log.append(Outgoing("front.events", record.key, record.value, headers, partition=other))
    await rig.settle()
    assert rig.reasons("middle") == ["wrong-case"]
    assert rig.document("middle")["marks"] == [["front", ANNS, 1]]
    assert rig.alarms() == [], "that its own owner has a higher epoch is no reason to give this one up"
    for service in rig.services["middle"].waits_for:
        sender = "front" if service == "desk" else service
        closed = _closed(D3, sender)
        rig.log.append(replace(closed, topic=f"{service}.events", partition=other))
    await rig.settle()
    assert {m.id for m in rig.events("middle")} == {rig.events("middle")[0].id}, (
        "nor is its due work done there"
    )


def _closed(day: date, service: str) -> Outgoing:
    from shared.contracts.runtime import ServiceDayClosed

    key, value, headers = encode(
        Envelope("x", f"/parley/{service}", at(day), "", ServiceDayClosed(day=day, service=service))
    )
    return Outgoing("", key, value, tuple(headers))


@story
async def test_what_was_decided_before_is_a_duplicate_though_its_case_is_parked_now() -> None:
    rig = Rig(names=("middle",))
    rig.start_all()
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    rig.say(Bad(at="middle", kind="raise"))
    await rig.settle()
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    assert rig.reasons("middle") == ["decider-failed"]
    assert rig.telemetry.counts["duplicates"] == 1
    assert len(rig.store.all_parked("middle")) == 1


@story
async def test_a_parked_record_whose_letter_was_not_sent_is_a_dead_letter_when_it_is_read_again() -> None:
    rig = Rig(names=("middle",))
    gate = Gate(rig, "desk.bad")
    rig.say(Bad(at="middle", kind="raise"))
    engine = rig.start("middle", log=gate)
    await gate.blocked.wait()
    assert rig.document("middle")["park"] is not None
    await crash(rig, engine)
    rig.start("middle")
    await rig.settle()
    assert rig.reasons("middle") == ["case-is-parked"]
    assert rig.types("middle") == ["held"]


@story
async def test_only_what_comes_from_outside_is_kept_by_its_id() -> None:
    rig = Rig(names=("middle",))
    rig.start_all()
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    assert rig.document("middle")["ids"] == []
    rig.say(Accept(number=1))
    await rig.settle()
    assert [entry[0] for entry in rig.document("middle")["ids"]] == [["desk.events", 0]]


@story
async def test_news_of_a_hold_are_filed_by_the_archive_and_decided_by_nobody_else() -> None:
    rig = Rig(names=("archive", "back"))
    rig.start_all()
    rig.tell("front", CaseHeld(service="front", reason="x", count=1), 1)
    await rig.settle()
    assert rig.state("archive", ANN) == {"entries": 2}, "the hold, and that it was passed on"
    assert rig.telemetry.decisions == {"held": 1, "decided": 2}
    assert rig.state("back") is None


@story
async def test_a_record_is_stored_with_the_moment_it_was_parked() -> None:
    rig = Rig(names=("middle",))
    rig.start_all()
    rig.say(Bad(at="middle", kind="raise"))
    await rig.settle()
    (row,) = rig.store.all_parked("middle")
    assert row.parked_at == rig.document("middle")["park_since"] != ""
    assert datetime.fromisoformat(row.parked_at).tzinfo is not None


# -- facts that wait ---------------------------------------------------------------------------------------


class Asked(Middle):
    """Notes what it is asked; the last word on an acceptance changes nothing of the state."""

    def __init__(self) -> None:
        self.accepts: list[int] = []

    def decide(
        self, state: MiddleState | None, message: Envelope[Any], reference: ToyReference
    ) -> Decision[MiddleState]:
        data = message.data
        if isinstance(data, Accept):
            self.accepts.append(data.number)
            if state is None or state.expiry is None:
                return Decision(state, (Emission(Refused(number=data.number), message.subject),), waits=True)
        return super().decide(state, message, reference)


@story
async def test_a_fact_that_waits_is_asked_again_only_when_the_state_has_changed() -> None:
    asked = Asked()
    rig = rig_of("middle", asked)
    rig.start_all()
    rig.say(Accept(number=1))
    await rig.settle()
    rig.say(Bad(at="back", kind="raise"))  # middle has nothing to do with it
    await rig.settle()
    assert asked.accepts == [1]
    rig.tell("back", Judged(instalment=1, kept=True), 1)
    await rig.settle()
    assert asked.accepts == [1, 1]


@story
async def test_the_last_word_on_a_fact_is_written_though_it_changes_no_state() -> None:
    rig = rig_of("middle", Asked())
    rig.start_all()
    rig.say(Accept(number=1))
    await rig.settle()
    rig.close_inputs("middle", D1)
    await rig.settle()
    assert rig.types("middle") == ["refused"]
    assert rig.document("middle")["waiting"] == []
    assert rig.document("middle")["sent"] == [[ANNS, 1]]


class Wakes(Middle):
    """Refuses the first acceptance at the end of its day, which lets it agree to all others."""

    def decide(
        self, state: MiddleState | None, message: Envelope[Any], reference: ToyReference
    ) -> Decision[MiddleState]:
        number = message.data.number
        if state is None:
            return Decision.wait(MiddleState(), Refused(number=number))
        return Decision.of(state.model_copy(update={"refused": number}), Agreed(start=D1, number=number))


@story
async def test_a_fact_that_another_ones_last_word_has_decided_has_no_last_word_of_its_own() -> None:
    rig = rig_of("middle", Wakes())
    rig.start_all()
    for number in (1, 2, 3):
        rig.say(Accept(number=number))
    await rig.settle()
    rig.close_inputs("middle", D1)
    await rig.settle()
    assert [(type(m.data), m.data.number) for m in rig.events("middle")] == [
        (Refused, 1), (Agreed, 2), (Agreed, 3),
    ]  # fmt: skip


@story
async def test_of_facts_that_wait_none_is_decided_past_one_that_fails() -> None:
    rig = Rig(names=("middle",))
    rig.start_all()
    rig.say(Accept(number=1, bad=True))
    rig.say(Accept(number=2))
    await rig.settle()
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    assert rig.types("middle") == ["tabled", "held"]
    assert len(rig.document("middle")["waiting"]) == 2
    rig.discard("middle", "desk.events", 0)
    await rig.settle()
    assert rig.types("middle") == ["tabled", "held", "released", "agreed"], "and the others once it has gone"
    assert rig.document("middle")["waiting"] == []


@story
async def test_a_fact_that_waited_and_cannot_be_read_any_more_parks_its_case() -> None:
    rig = Rig(names=("middle",), recent_bytes=0)
    rig.start_all()
    rig.say(Accept(number=1))
    await rig.settle()
    document = rig.document("middle")
    document["waiting"][0][3] = b"an older version's"
    document["version"] += 1
    assert await rig.store.replace_many("middle", [document]) == set()
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    assert rig.reasons("middle") == ["undecodable"]
    assert rig.types("middle") == ["tabled", "held"]
    assert rig.telemetry.decisions["parked"] == 1
    assert len(rig.document("middle")["waiting"]) == 1


# -- due work ----------------------------------------------------------------------------------------------


@story
async def test_what_due_work_emits_is_known_by_its_day_and_dated_at_its_end() -> None:
    rig = Rig(names=("back",))
    rig.start_all()
    rig.tell("middle", Agreed(start=D1, number=1), 1)
    for day in (D2, D3):
        rig.close_inputs("back", day)
        await rig.settle()
    told = rig.events("back")
    assert [(m.id, m.time, m.causation) for m in told] == [
        (derive_id("back", ANNS, f"day:{day}", 0), datetime(2026, 3, day.day, 23, 59, 59, tzinfo=UTC), None)
        for day in (D2, D3)
    ]


@pytest.mark.parametrize(
    ("status", "told"), [("lapsed", ["tabled"]), ("tabled", ["tabled", "lapsed"])], ids=["it", "else"]
)
def test_what_another_writer_has_done_of_a_day_is_not_done_again_and_the_rest_is(
    status: str, told: list[str]
) -> None:
    class Meddler:
        """Another writer changes the document between load and write, once: does its due work, or not."""

        def __init__(self, rig: Rig) -> None:
            self.rig, self.done = rig, True

        def __getattr__(self, name: str) -> Any:
            return getattr(self.rig.store, name)

        async def replace_many(self, service: str, documents: Any) -> set[str]:
            if not self.done:
                self.done = True
                theirs = self.rig.document("middle")
                theirs["state"]["status"] = status
                if status == "lapsed":
                    theirs["state_due"] = theirs["due"] = None
                await self.rig.store.replace_many(service, [{**theirs, "version": theirs["version"] + 1}])
            return await self.rig.store.replace_many(service, documents)

    @story
    async def tell() -> None:
        rig = Rig(names=("middle",))
        meddler = Meddler(rig)
        rig.start("middle", store=meddler)
        rig.tell("front", Opened(on=D1), 1)
        await rig.settle()
        meddler.done = False
        rig.close_inputs("middle", D3)
        await rig.settle()
        assert rig.telemetry.counts["conflicts"] == 1
        assert rig.types("middle") == told
        assert rig.state("middle")["status"] == "lapsed"
        assert rig.days("middle.events") == [D3]

    tell()


# -- open work ---------------------------------------------------------------------------------------------


class HandsOver(Front):
    """A payment hands the case over to Bob; the second one ends it."""

    def decide(
        self, state: FrontState | None, message: Envelope[Any], reference: ToyReference
    ) -> Decision[FrontState]:
        if state is not None and isinstance(message.data, Pay):
            return Decision(state.model_copy(update={"owner": "bob" if state.owner == "ann" else None}))
        return super().decide(state, message, reference)


@story
async def test_work_that_is_handed_over_or_ended_is_counted_where_it_is() -> None:
    rig = rig_of("front", HandsOver())
    engine = rig.start("front")
    pay = Pay(pay_id="p", amount=1, value_date=D1)
    for data, expected in ((Open(), {"ann": 1}), (pay, {"bob": 1}), (pay, {})):
        rig.say(data)
        await rig.settle()
        assert +engine.lanes[0].work == expected
        assert rig.document("front", ANN)["work"] == list(expected)


@story
async def test_work_of_a_decision_that_lost_is_counted_once() -> None:
    class Meddler:
        def __init__(self) -> None:
            self.left = 2

        def __getattr__(self, name: str) -> Any:
            return getattr(rig.store, name)

        async def replace_many(self, service: str, documents: Any) -> set[str]:
            if self.left:
                self.left -= 1
                theirs = rig.document("front", ANN)
                await rig.store.replace_many(service, [{**theirs, "version": theirs["version"] + 1}])
            return await rig.store.replace_many(service, documents)

    rig = Rig(names=("front",))
    rig.say(Pay(pay_id="p", amount=1, value_date=D1))
    rig.start("front")
    await rig.settle()
    await rig.stop()
    engine = rig.start("front", store=Meddler())
    rig.say(Open())
    await rig.settle()
    assert rig.telemetry.counts["conflicts"] == 2
    assert +engine.lanes[0].work == {"ann": 1}
    assert rig.types("front") == ["opened", "paid"]


@story
async def test_whoever_loses_again_and_again_gives_up_the_assignment() -> None:
    class Meddler:
        def __getattr__(self, name: str) -> Any:
            return getattr(rig.store, name)

        async def replace_many(self, service: str, documents: Any) -> set[str]:
            return {document["_id"] for document in documents}

    rig = Rig(names=("front",), conflicts=3)
    rig.say(Open())
    rig.start("front", store=Meddler())
    await rig.settle(0.01)
    assert rig.alarms() == ["assignment-abandoned"]
    assert rig.telemetry.counts["conflicts"] == 3
    assert rig.log.topic("front.events") == []


# -- what leaves the document ------------------------------------------------------------------------------


@story
async def test_what_was_filed_and_what_was_deleted_leave_the_document_with_a_later_write() -> None:
    rig = Rig(names=("archive", "middle"))
    rig.start_all()
    rig.say(Bad(at="middle", kind="raise"))
    await rig.settle()
    rig.discard("middle", "desk.events", 0)
    await rig.settle()
    document = rig.document("middle")
    assert (len(document["drops"]), len(document["links"]), len(document["ids"])) == (1, 1, 2)
    assert [entry[1] for entry in document["out"]] == [ANN.encode()]
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    document = rig.document("middle")
    assert (document["drops"], document["links"], document["ids"]) == ([], [], [])
    assert [entry[0] for entry in document["out"]] == [["front.events", 0]]
    assert [entry[0] for entry in rig.document("archive", ANN)["links"]] != []
    for number in range(3):
        rig.tell("back", Judged(instalment=number, kept=True), number + 1)
        await rig.settle()
        assert len(rig.document("archive", ANN)["links"]) <= 2
