"""Documents that were written last need not be loaded (rule 4), and lingering gathers more for a batch."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from shared.runtime.lane import Lane
from shared.runtime.memory import MemoryConsumer
from shared.runtime.ports import UnavailableError
from shared.runtime.recent import Recent
from shared.runtime.simulation.toy import Accept, Bad, Open, Opened, Pay
from tests.runtime.rig import ANN, D1, D3, Rig, story


def lane(rig: Rig, *, partition: int = 0, epoch: int = 1) -> Lane:
    return Lane(service=rig.services["front"], partition=partition, epoch=epoch, version=1, inputs={})


def document(name: str, *, partition: int = 0, epoch: int = 1) -> dict[str, Any]:
    return {"_id": name, "partition": partition, "epoch": epoch}


def test_only_what_this_assignment_of_the_lane_wrote_is_given() -> None:
    rig = Rig()
    recent = Recent(1000)
    recent.keep(document("a"), 10)
    assert recent.find("a", lane(rig)) == document("a")
    assert recent.find("a", lane(rig, epoch=2)) is None
    assert recent.find("a", lane(rig, partition=1)) is None
    assert recent.find("b", lane(rig)) is None
    recent.drop(["a", "never held"])
    assert recent.find("a", lane(rig)) is None
    assert len(recent) == 0


def test_what_was_used_longest_ago_makes_room() -> None:
    rig = Rig()
    recent = Recent(100)
    for name in ("a", "b", "c"):
        recent.keep(document(name), 30)
    assert recent.find("a", lane(rig)) is not None
    recent.keep(document("c"), 35)  # written again: it counts once
    assert len(recent) == 3
    recent.keep(document("d"), 30)
    assert [name for name in "abcd" if recent.find(name, lane(rig))] == ["a", "c", "d"]
    recent.keep(document("e"), 101)
    assert len(recent) == 0, "what is larger than everything that may be held is not held"


class Noting:
    """The rig's store, noting the documents that are loaded and how many each bulk write has."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.loaded: list[str] = []
        self.written: list[int] = []
        self.asked: list[tuple[str, list[Any]]] = []  # look-ups other than those of documents
        self.loads = 0
        self.parks = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rig.store, name)

    async def load_many(self, service: str, ids: Any) -> Any:
        self.loaded += list(ids)
        self.loads += 1
        return await self.rig.store.load_many(service, ids)

    async def known_ids(self, service: str, ids: Any) -> set[str]:
        self.asked.append(("ids", list(ids)))
        return await self.rig.store.known_ids(service, ids)

    async def parked(self, service: str, document: str, limit: int) -> Any:
        self.asked.append(("parked", [document]))
        return await self.rig.store.parked(service, document, limit)

    async def park(self, service: str, rows: Any) -> None:
        self.parks += 1
        await self.rig.store.park(service, rows)

    async def replace_many(self, service: str, documents: Any) -> set[str]:
        self.written.append(len(documents))
        return await self.rig.store.replace_many(service, documents)


@story
async def test_a_document_is_loaded_once_while_nobody_else_writes_it() -> None:
    rig = Rig(names=("front",))
    store = Noting(rig)
    rig.start("front", store=store)
    for data in (Open(), Pay(pay_id="p", amount=1, value_date=D1), Pay(pay_id="q", amount=2, value_date=D1)):
        rig.say(data)
        await rig.settle()
    assert store.loaded == [ANN]
    assert rig.state("front", ANN)["paid"] == 3
    await rig.stop()
    rig.start("front", store=store)
    rig.say(Pay(pay_id="r", amount=4, value_date=D1))
    await rig.settle()
    assert store.loaded == [ANN, ANN], "another assignment loads for itself"
    assert rig.state("front", ANN)["paid"] == 7


@story
async def test_what_is_held_stays_at_hand_beside_what_has_to_be_loaded() -> None:
    rig = Rig(names=("front",))
    store = Noting(rig)
    rig.start("front", store=store)
    rig.say(Open())
    await rig.settle()
    rig.say(Pay(pay_id="p", amount=1, value_date=D1))
    rig.say(Open(), key="C-bob")
    await rig.settle()
    assert store.loaded == [ANN, "C-bob"]
    rig.say(Pay(pay_id="q", amount=1, value_date=D1))
    await rig.settle()
    assert store.loads == 2, "no query for nothing"
    assert rig.state("front", ANN)["paid"] == 2
    assert rig.telemetry.counts["conflicts"] == 0


@story
async def test_nothing_is_looked_up_that_no_message_asks_for() -> None:
    rig = Rig(names=("middle",))
    store = Noting(rig)
    rig.start("middle", store=store)
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    assert store.asked == [], "a service's message is known by its sequence"
    rig.say(Accept(number=1))
    await rig.settle()
    assert [(kind, len(ids), None in ids) for kind, ids in store.asked] == [("ids", 1, False)]
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    assert (store.written, store.parks) == ([1, 1], 0), (
        "a duplicate writes nothing, nor a decision in the rows"
    )
    rig.say(Bad(at="middle", kind="raise"))
    await rig.settle()
    rig.tell("front", Opened(on=D1), 2)
    await rig.settle()
    del store.asked[:]
    rig.replay("middle")
    await rig.settle()
    # The command's own id and the parked message's; the parked one of a service has none.
    assert [(kind, len(ids), None in ids) for kind, ids in store.asked] == [
        ("parked", 1, False), ("ids", 2, False),
    ]  # fmt: skip


@story
async def test_a_close_loads_what_it_looks_at_once() -> None:
    rig = Rig(names=("middle",), recent_bytes=0)
    store = Noting(rig)
    rig.start("middle", store=store)
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    before = store.loads
    rig.close_inputs("middle", D3)
    await rig.settle()
    assert rig.types("middle") == ["tabled", "lapsed"]
    assert store.loads == before + 1


@story
async def test_what_another_has_written_since_is_loaded_and_decided_again() -> None:
    rig = Rig(names=("front",))
    store = Noting(rig)
    rig.start("front", store=store)
    rig.say(Open())
    await rig.settle()
    theirs = rig.document("front", ANN)
    theirs["state"]["waived"] = 70
    await rig.store.replace_many("front", [{**theirs, "version": theirs["version"] + 1}])
    rig.say(Pay(pay_id="p", amount=1, value_date=D1))
    await rig.settle()
    rig.say(Pay(pay_id="q", amount=2, value_date=D1))
    await rig.settle()
    assert (rig.state("front", ANN)["waived"], rig.state("front", ANN)["paid"]) == (70, 3)
    assert rig.telemetry.counts["conflicts"] == 1
    assert store.loaded == [ANN, ANN]


async def _say_three(rig: Rig, seconds: float) -> None:
    for number in range(3):
        rig.say(Open(), key=f"C-{number}")
        await rig.settle(seconds)


@story
async def test_a_service_that_lingers_takes_what_comes_meanwhile_in_one_batch() -> None:
    rig = Rig(names=("front",))
    store = Noting(rig)
    rig.start("front", replace(rig.services["front"], linger_seconds=10.0), store=store)
    await rig.settle()
    await _say_three(rig, 1.0)
    assert store.written == []
    await rig.settle()
    assert store.written == [3]


@story
async def test_a_service_that_does_not_linger_takes_them_as_they_come() -> None:
    rig = Rig(names=("front",))
    store = Noting(rig)
    rig.start("front", store=store)
    await rig.settle()
    await _say_three(rig, 1.0)
    assert store.written == [1, 1, 1]


@story
async def test_a_stop_does_not_wait_for_the_linger_and_loses_nothing() -> None:
    rig = Rig(names=("front",))
    lingering = replace(rig.services["front"], linger_seconds=3600.0)
    rig.start("front", lingering)
    await rig.settle()
    await _say_three(rig, 1.0)
    assert rig.types("front") == []
    began = asyncio.get_running_loop().time()
    await rig.stop()
    assert asyncio.get_running_loop().time() - began < 10.0
    rig.start("front", replace(lingering, linger_seconds=0.0))
    await rig.settle()
    assert rig.types("front") == ["opened"] * 3


@story
async def test_the_end_of_a_day_does_not_wait_for_the_linger() -> None:
    rig = Rig(names=("front",))
    rig.start("front", replace(rig.services["front"], linger_seconds=3600.0))
    await rig.settle()
    await _say_three(rig, 1.0)
    assert rig.types("front") == []
    rig.close(D1)
    await rig.settle(2.0)
    assert rig.types("front") == ["opened"] * 3
    assert rig.days("front.events") == [D1]


@story
async def test_the_lingering_goes_on_until_the_day_has_ended_on_every_input() -> None:
    rig = Rig(names=("middle",))
    store = Noting(rig)
    rig.start("middle", replace(rig.services["middle"], linger_seconds=3600.0), store=store)
    await rig.settle()
    rig.tell("front", Opened(on=D1), 1)
    rig.close(D1, source="front")
    await rig.settle(2.0)
    assert store.written == []
    rig.say(Accept(number=1))
    rig.close(D1, source="desk")
    await rig.settle(2.0)
    assert store.written[0] == 1
    assert rig.types("middle")[:2] == ["tabled", "agreed"]
    assert rig.days("middle.events") == [D1]


class Flaky:
    """The rig's log with a consumer whose next poll fails when told so."""

    def __init__(self, rig: Rig) -> None:
        self.rig, self.failing, self.failed = rig, False, 0

    def publisher(self) -> Any:
        return self.rig.log.publisher()

    def consumer(self, group: str, client_id: str) -> Any:
        return _FlakyConsumer(self, self.rig.log.consumer(group, client_id))


class _FlakyConsumer:
    def __init__(self, log: Flaky, inner: MemoryConsumer) -> None:
        self._log, self._inner = log, inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def poll(self, max_records: int, timeout: float) -> Any:
        if self._log.failing:
            self._log.failing = False
            self._log.failed += 1
            raise UnavailableError("away")
        return await self._inner.poll(max_records, timeout)


@story
async def test_an_outage_while_lingering_loses_nothing_that_was_polled() -> None:
    rig = Rig(names=("front",))
    log = Flaky(rig)
    rig.start("front", replace(rig.services["front"], linger_seconds=10.0), log=log)
    await rig.settle()
    rig.say(Open())
    await rig.settle(1.5)
    log.failing = True
    await rig.settle()
    assert log.failed == 1
    assert rig.types("front") == ["opened"]
