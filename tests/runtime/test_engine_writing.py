"""What the engine has written survives a crash, a zombie and another writer (rules 3, 4, 11 and 14)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from shared.runtime.ports import ParkedRow
from shared.runtime.simulation.toy import Accept, Bad, Judged, Open, Pay
from tests.runtime.mishaps import Gate, crash
from tests.runtime.rig import ANN, ANNS, D1, Rig, story


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
    of_desk = next(p for p in (await rig.positions("middle"))["inputs"] if p["topic"] == "desk.events")
    assert (of_desk["dead_lettered"], of_desk["duplicates"]) == (3, 0)
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
