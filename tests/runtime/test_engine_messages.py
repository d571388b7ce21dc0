"""The engine, message by message: exactly once, waiting, what is counted and kept (rules 1 to 9, 14)."""

from __future__ import annotations

from typing import Any

from shared.runtime.ports import Outgoing, UnavailableError
from shared.runtime.simulation.toy import Accept, Bad, Judged, Open, Opened, Pay, Signed
from tests.runtime.rig import ANN, ANNS, D1, Rig, story


@story
async def test_the_chain_says_what_was_decided_once_and_in_sequence() -> None:
    rig = Rig()
    rig.start_all()
    rig.say(Open(), id_="open")
    rig.say(Open(), id_="open")
    rig.say(Accept(number=1))
    await rig.settle()
    assert rig.types("front") == ["opened"]
    assert rig.types("middle") == ["tabled", "agreed"]
    tabled, agreed = rig.events("middle")
    opened = rig.events("front")[0]
    assert (tabled.sequence, agreed.sequence) == (1, 2)
    assert tabled.causation == opened.id
    assert opened.causation == "open"
    assert opened.time == tabled.time
    assert (opened.source, opened.subject, opened.key) == ("/parley/front", ANNS, ANN)
    assert rig.telemetry.decisions == {"decided": 8, "waits": 1, "duplicate": 1}, "a span for each"


@story
async def test_a_message_said_twice_in_one_batch_is_decided_once() -> None:
    rig = Rig(names=("front",))
    for _ in range(2):
        rig.say(Pay(pay_id="p", amount=5, value_date=D1), id_="same")
    rig.start_all()
    await rig.settle()
    assert rig.state("front", ANN)["paid"] == 5
    assert rig.telemetry.counts["duplicates"] == 1


@story
async def test_a_decided_id_is_found_again_after_its_entry_has_left_the_document() -> None:
    rig = Rig(names=("front",))
    rig.start_all()
    rig.say(Open())
    rig.say(Pay(pay_id="p", amount=5, value_date=D1), id_="file-1")
    await rig.settle()
    for n in range(3):
        rig.say(Pay(pay_id=f"q{n}", amount=1, value_date=D1))
        await rig.settle()
    assert len(rig.document("front", ANN)["ids"]) <= 1, "documents do not grow with age"
    rig.say(Pay(pay_id="p", amount=5, value_date=D1), id_="file-1")
    await rig.settle()
    assert rig.state("front", ANN)["paid"] == 8
    assert rig.telemetry.counts["duplicates"] == 1


@story
async def test_the_ids_of_all_documents_of_a_batch_are_kept() -> None:
    rig = Rig(names=("front",))
    keys = ("C-1", "C-2", "C-3")
    for _ in range(2):
        for key in keys:
            rig.say(Pay(pay_id="p", amount=5, value_date=D1), key=key, id_="file-1")
        rig.start_all()
        await rig.settle()
        await rig.stop()
        for key in keys:  # their entries leave the documents
            rig.say(Pay(pay_id="q", amount=1, value_date=D1), key=key)
        rig.start_all()
        await rig.settle()
        await rig.stop()
    assert [rig.state("front", key)["paid"] for key in keys] == [7, 7, 7]


@story
async def test_entries_leave_the_document_with_a_later_write() -> None:
    rig = Rig(names=("front",))
    rig.start_all()
    rig.say(Open())
    await rig.settle()
    assert len(rig.document("front", ANN)["out"]) == 1
    rig.say(Pay(pay_id="p", amount=5, value_date=D1))
    await rig.settle()
    assert len(rig.document("front", ANN)["out"]) == 1
    assert rig.document("front", ANN)["out"][0][0] == ["bank.events", 1]


@story
async def test_a_fact_waits_for_what_it_builds_on_and_is_then_decided() -> None:
    rig = Rig(names=("middle",))
    rig.start_all()
    rig.say(Accept(number=1))
    await rig.settle()
    assert rig.types("middle") == []
    assert len(rig.document("middle")["waiting"]) == 1
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    assert rig.types("middle") == ["tabled", "agreed"]
    assert rig.document("middle")["waiting"] == []
    causes = [entry[0] for entry in rig.document("middle")["out"]]
    assert causes == [["front.events", 0]] * 2, "the cause is the prerequisite, not the fact's own offset"


@story
async def test_a_waiting_fact_is_known_when_it_is_said_again() -> None:
    rig = Rig(names=("middle",))
    rig.start_all()
    for _ in range(2):
        rig.say(Accept(number=1), id_="same")
        await rig.settle()
    assert len(rig.document("middle")["waiting"]) == 1
    rig.tell("front", Opened(on=D1), 1)
    rig.say(Accept(number=1), id_="same")
    await rig.settle()
    assert rig.types("middle") == ["tabled", "agreed"]


@story
async def test_too_many_waiting_facts_park_the_case() -> None:
    rig = Rig(names=("middle",), waiting_messages=2)
    rig.start_all()
    for n in range(3):
        rig.say(Accept(number=n))
    await rig.settle()
    assert rig.reasons("middle") == ["too-many-waiting"]
    assert rig.document("middle")["park"][0] == "too-many-waiting"


@story
async def test_the_archive_notices_gaps_and_double_ids() -> None:
    rig = Rig(names=("archive",))
    rig.start_all()
    rig.tell("back", Judged(instalment=1, kept=True), 1)
    rig.tell("back", Judged(instalment=2, kept=True), 2)
    await rig.settle()
    assert rig.alarms() == []
    rig.tell("back", Judged(instalment=2, kept=True), 2)
    await rig.settle()
    assert rig.alarms() == []
    rig.tell("back", Judged(instalment=2, kept=False), 2, id_="another")
    await rig.settle()
    assert rig.alarms() == ["two-ids"]
    rig.tell("back", Signed(number=1, ok=True), 4)
    await rig.settle()
    assert rig.alarms() == ["two-ids", "gap"]


@story
async def test_open_work_is_counted_by_the_fold_and_at_load() -> None:
    rig = Rig(names=("front",))
    for n in range(5):
        rig.say(Open(), key=f"C-{n}")
    rig.start("front")
    await rig.settle()
    owners = [rig.state("front", f"C-{n}")["owner"] for n in range(5)]
    assert owners == ["ann", "bob", "ann", "bob", "ann"]
    await rig.stop()
    rig.start("front")
    rig.say(Open(), key="C-5")
    await rig.settle()
    assert rig.state("front", "C-5")["owner"] == "bob"
    assert dict(rig.engines[0].lanes[0].work) == _counts_of(rig)


class _LosesAnAnswer:
    """The rig's store, which writes once without being able to say so."""

    def __init__(self, rig: Rig) -> None:
        self.rig, self.lost = rig, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rig.store, name)

    async def replace_many(self, service: str, documents: Any) -> set[str]:
        refused = await self.rig.store.replace_many(service, documents)
        if not self.lost:
            self.lost = True
            raise UnavailableError("away")
        return refused


@story
async def test_open_work_that_was_written_without_an_answer_is_counted_once() -> None:
    rig = Rig(names=("front",))
    for n in range(3):
        rig.say(Open(), key=f"C-{n}")
    rig.start("front", store=_LosesAnAnswer(rig))
    await rig.settle()
    assert rig.telemetry.counts["conflicts"] == 3, "its own writes"
    assert [rig.state("front", f"C-{n}")["owner"] for n in range(3)] == ["ann", "bob", "ann"]
    assert dict(rig.engines[0].lanes[0].work) == _counts_of(rig) == {"ann": 2, "bob": 1}
    rig.say(Open(), key="C-3")
    await rig.settle()
    assert rig.state("front", "C-3")["owner"] == "bob"


def _counts_of(rig: Rig) -> dict[str, int]:
    counts: dict[str, int] = {}
    for document in rig.store.documents("front").values():
        for who in document["work"]:
            counts[who] = counts.get(who, 0) + 1
    return counts


@story
async def test_every_record_is_counted_once() -> None:
    rig = Rig(names=("front",))
    rig.start_all()
    rig.say(Open(), id_="a")
    rig.say(Open(), id_="a")
    rig.say(Bad(at="front", kind="raise"))
    rig.say(Pay(pay_id="p", amount=1, value_date=D1))
    rig.close(D1)
    rig.close(D1)
    rig.log.append(Outgoing("bank.events", None, b"", ()))
    await rig.settle()
    rows = {row["topic"]: row for row in (await rig.positions("front"))["inputs"]}
    bank = rows["bank.events"]
    assert bank["next"] == bank["processed"] + bank["duplicates"] + bank["dead_lettered"] == 6
    assert bank["duplicates"] == 2
    desk = rows["desk.events"]
    assert (desk["next"], desk["dead_lettered"], desk["processed"]) == (2, 1, 1)


async def _next(rig: Rig, topic: str) -> int:
    row = next(row for row in (await rig.positions("front"))["inputs"] if row["topic"] == topic)
    return int(row["next"])


@story
async def test_what_was_decided_is_saved_at_once_and_what_was_passed_over_after_a_while() -> None:
    rig = Rig(names=("front",))
    rig.start("front")
    rig.say(Open())
    await rig.settle()
    rig.say(Pay(pay_id="p", amount=1, value_date=D1))
    await rig.settle(0.2)
    assert await _next(rig, "bank.events") == 2
    rig.replay("middle")
    await rig.settle(0.2)
    assert await _next(rig, "ops.commands") == 0, "another service's command presses nobody"
    await rig.settle(2.0)
    assert await _next(rig, "ops.commands") == 1


@story
async def test_what_was_passed_over_is_saved_when_the_partitions_are_given_up() -> None:
    rig = Rig(names=("front",))
    rig.start("front")
    await rig.settle()
    rig.replay("middle")
    await rig.settle(0.2)
    await rig.stop()
    assert await _next(rig, "ops.commands") == 1
