"""The engine, message by message: exactly once, waiting, poison, parking, replay, discard (rules 1 to 13)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.contracts.decision import Decision
from shared.contracts.runtime import CaseHeld, CaseReleased
from shared.runtime.ports import FatalError, Outgoing, UnavailableError
from shared.runtime.simulation.toy import Accept, Agreed, Bad, Judged, Open, Opened, Pay, Sign, Signed, Tabled
from tests.runtime.rig import ANN, ANNS, D1, D2, Rig, story


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
async def test_a_bad_message_costs_only_its_case() -> None:
    rig = Rig(names=("middle",))
    rig.start_all()
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    rig.say(Bad(at="middle", kind="raise"))
    rig.say(Accept(number=1))
    rig.tell("front", Opened(on=D1), 1, key="C-bob")
    await rig.settle()
    rig.say(Accept(number=2), key="C-bob")
    await rig.settle()
    assert rig.reasons("middle") == ["decider-failed", "case-is-parked"]
    assert "RuntimeError" in rig.dead("middle")[0]["detail"]
    assert "poison" not in rig.dead("middle")[0]["detail"], "an exception's text may quote personal data"
    assert [(m.key, m.type.split(".")[-2]) for m in rig.events("middle")].count((ANN, "tabled")) == 1
    assert ("C-bob", "agreed") in [(m.key, m.type.split(".")[-2]) for m in rig.events("middle")]
    held = [m for m in rig.events("middle") if isinstance(m.data, CaseHeld)]
    assert [(m.subject, m.sequence, m.data.service) for m in held] == [(ANNS, 2, "middle")]
    assert len(rig.store.all_parked("middle")) == 2


@story
async def test_the_dead_letter_keeps_bytes_and_headers() -> None:
    rig = Rig(names=("front",))
    rig.start_all()
    odd = Outgoing("bank.events", ANN.encode(), b"\xff\x00", (("x", None), ("ce_id", b"1")))
    rig.log.append(odd)
    await rig.settle()
    (letter,) = rig.log.topic("front.dead-letter")
    assert (letter.key, letter.value, letter.headers[:2]) == (odd.key, odd.value, odd.headers)
    assert rig.dead("front")[0] | {"detail": ""} == {
        "reason": "undecodable",
        "detail": "",
        "document": ANN,
        "topic": "bank.events",
        "partition": "0",
        "offset": "0",
        "timestamp": "0",
    }


@story
async def test_nothing_but_a_key_parks_the_customer_at_intake_only() -> None:
    rig = Rig(names=("front", "archive", "middle"))
    rig.start_all()
    for topic in ("bank.events", "desk.events"):
        rig.log.append(Outgoing(topic, ANN.encode(), b"rubbish", ()))
    await rig.settle()
    assert rig.reasons("front") == ["undecodable", "case-is-parked"]
    assert rig.document("front", ANN)["park"] is not None
    assert rig.reasons("archive") == ["undecodable", "undecodable"]
    assert rig.reasons("middle") == ["undecodable"]
    assert rig.document("archive", ANN)["park"] is None
    assert rig.document("middle")["park"] is None
    # The customer's next case is held before anybody has opened it.
    assert [m.subject for m in rig.events("front")] == [ANNS]


@story
async def test_records_without_a_key_are_dead_lettered_and_passed() -> None:
    rig = Rig(names=("front",))
    rig.start_all()
    rig.log.append(Outgoing("bank.events", None, b"{}", ()))
    rig.say(Open())
    await rig.settle()
    assert rig.reasons("front") == ["undecodable"]
    assert rig.types("front") == ["opened"]


@story
async def test_a_foreign_partitioner_is_refused_with_the_setting_to_change() -> None:
    rig = Rig(names=("front",), partitions=2)
    rig.start_all()
    rig.say(Open())
    (record,) = rig.log.topic("bank.events")
    rig.log.append(
        Outgoing("bank.events", record.key, record.value, record.headers, partition=1 - record.partition)
    )
    await rig.settle()
    assert rig.reasons("front") == ["wrong-partition"]
    assert "murmur2" in rig.dead("front")[0]["detail"]
    assert rig.document("front", ANN)["park"] is None


@story
async def test_a_case_under_another_customers_key_is_refused() -> None:
    rig = Rig(names=("middle",))
    rig.start_all()
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    rig.say(Accept(number=1), key="C-thief", case=ANNS)
    await rig.settle()
    assert rig.reasons("middle") == ["wrong-case"]
    assert rig.types("middle") == ["tabled"]


@story
async def test_a_service_topic_carries_only_that_service() -> None:
    rig = Rig(names=("middle",))
    rig.start_all()
    rig.tell("front", Opened(on=D1), 1)
    record = rig.log.topic("front.events")[0]
    forged = tuple((n, b"/parley/back" if n == "ce_source" else v) for n, v in record.headers)
    rig.log.append(Outgoing("front.events", record.key, record.value, forged))
    await rig.settle()
    assert rig.reasons("middle") == ["wrong-source"]


@pytest.mark.parametrize(("kind", "rule"), [("nul", "refuses"), ("int", "refuses"), ("huge", "larger")])
def test_what_cannot_be_written_parks_its_case_and_stops_nothing(kind: str, rule: str) -> None:
    @story
    async def tell() -> None:
        rig = Rig(names=("middle",))
        rig.start_all()
        rig.tell("front", Opened(on=D1), 1)
        rig.tell("front", Opened(on=D1), 1, key="C-bob")
        await rig.settle()
        rig.say(Accept(number=1))
        rig.say(Bad(at="middle", kind=kind))
        rig.say(Accept(number=1), key="C-bob")
        await rig.settle()
        assert rig.reasons("middle") == ["refused-by-size-or-encoding"]
        assert rule in rig.dead("middle")[0]["detail"]
        assert rig.types("middle").count("agreed") == 2
        assert rig.state("middle")["status"] == "agreed", "the results of earlier messages stand"

    tell()


@story
async def test_a_document_that_grows_over_the_limit_parks_its_case() -> None:
    rig = Rig(names=("back",), document_bytes=9_000, document_reserve=4_000)
    rig.start_all()
    for n in range(60):
        rig.say(Sign(number=n))
    await rig.settle()
    assert rig.reasons("back")[0] == "refused-by-size-or-encoding"
    waiting = len(rig.document("back")["waiting"])
    assert 0 < waiting < 60
    assert len(rig.store.all_parked("back")) == 60 - waiting


@story
async def test_replay_decides_what_is_parked_in_arrival_order_and_releases() -> None:
    rig = Rig(names=("middle", "back"))
    rig.start_all()
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    rig.say(Bad(at="middle", kind="heal"))
    rig.say(Accept(number=1))
    rig.say(Accept(number=2))
    await rig.settle()
    assert rig.types("middle") == ["tabled", "held"]
    rig.world.healed = True
    rig.replay("middle", id_="r1")
    rig.replay("middle", id_="r1")
    await rig.settle()
    assert rig.types("middle") == ["tabled", "held", "agreed", "refused", "released"]
    assert [m.sequence for m in rig.events("middle")] == [1, 2, 3, 4, 5]
    assert rig.document("middle")["park"] is None
    assert rig.store.all_parked("middle") == []
    assert rig.document("back")["held"] is False
    assert rig.document("back")["holds"] == [["middle", ANNS, 3]]


@story
async def test_replay_folds_what_its_own_batch_parked() -> None:
    rig = Rig(names=("middle",))
    rig.world.healed = False
    rig.tell("front", Opened(on=D1), 1)
    rig.say(Bad(at="middle", kind="heal"))
    rig.start("middle")
    await rig.settle()
    await rig.stop()
    rig.world.healed = True
    rig.say(Accept(number=1))
    rig.replay("middle")
    rig.start("middle")
    await rig.settle()
    rig.replay("middle")
    await rig.settle()
    assert sorted(rig.types("middle")) == ["agreed", "held", "released", "tabled"]
    assert rig.store.all_parked("middle") == []


@story
async def test_replay_stops_and_parks_again_at_the_first_failure() -> None:
    rig = Rig(names=("middle",))
    rig.start_all()
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    rig.say(Bad(at="middle", kind="heal"))
    rig.say(Accept(number=1))
    rig.say(Bad(at="middle", kind="raise"))
    rig.say(Accept(number=2))
    await rig.settle()
    rig.world.healed = True
    rig.replay("middle")
    await rig.settle()
    assert rig.types("middle") == ["tabled", "held", "agreed"], (
        "it was never released, so it is not held again"
    )
    assert rig.document("middle")["park"] == ["decider-failed", "desk.events/0/2"]
    assert [row.record.offset for row in rig.store.all_parked("middle")] == [2, 3]


@story
async def test_a_replay_takes_no_more_than_its_bound() -> None:
    rig = Rig(names=("middle",), replay_rows=2)
    rig.start_all()
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    rig.say(Bad(at="middle", kind="heal"))
    for n in range(4):
        rig.say(Accept(number=n))
    await rig.settle()
    rig.world.healed = True
    for left in (3, 1):
        rig.replay("middle")
        await rig.settle()
        assert rig.document("middle")["park"][0] == "more-to-replay"
        assert len(rig.store.all_parked("middle")) == left
    rig.replay("middle")
    await rig.settle()
    assert rig.types("middle") == ["tabled", "held", "agreed", "refused", "refused", "refused", "released"]


@story
async def test_only_the_lowest_of_its_source_can_be_discarded() -> None:
    rig = Rig(names=("middle",))
    rig.start_all()
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    rig.say(Bad(at="middle", kind="raise"))
    rig.say(Accept(number=1))
    await rig.settle()
    rig.discard("middle", "desk.events", 1)
    await rig.settle()
    assert rig.reasons("middle")[-1] == "command-refused"
    assert "lowest" in rig.dead("middle")[-1]["detail"]
    rig.discard("middle", "desk.events", 0)
    await rig.settle()
    assert rig.document("middle")["park"] is not None, "what is left must be replayed"
    rig.replay("middle")
    await rig.settle()
    assert rig.types("middle") == ["tabled", "held", "agreed", "released"]
    (kept,) = [body for body in rig.store.all_links("middle").values() if body["kind"] == "discard"]
    assert (kept["reason"], kept["topic"], kept["offset"]) == ("of no use", "desk.events", 0)


@story
async def test_a_discard_advances_the_mark_and_records_the_id() -> None:
    rig = Rig(names=("back",))
    rig.start_all()
    rig.tell("middle", Tabled(expiry=D1), 1)
    record = rig.log.topic("middle.events")[0]
    rig.log.append(
        Outgoing(
            "middle.events",
            record.key,
            b"rubbish",
            tuple((n, b"2" if n == "ce_sequence" else v) for n, v in record.headers),
        )
    )
    await rig.settle()
    assert rig.document("back")["marks"] == [["middle", ANNS, 1]]
    rig.discard("back", "middle.events", 1)
    await rig.settle()
    assert rig.document("back")["marks"] == [["middle", ANNS, 2]]
    assert rig.types("back") == ["held", "released"]
    rig.say(Bad(at="back", kind="raise"), id_="bad")
    await rig.settle()
    rig.discard("back", "desk.events", 0)
    await rig.settle()
    rig.say(Bad(at="back", kind="raise"), id_="bad")
    await rig.settle()
    assert rig.document("back")["park"] is None, "the discarded message is known by its id"


@story
async def test_an_id_is_not_recorded_while_its_message_is_parked() -> None:
    rig = Rig(names=("front",))
    rig.start_all()
    rig.say(Open())
    rig.say(Bad(at="front", kind="heal"))
    await rig.settle()
    rig.say(Pay(pay_id="p", amount=5, value_date=D1), id_="pay")
    await rig.settle()
    rig.world.healed = True
    rig.replay("front", ANN)
    await rig.settle()
    assert rig.state("front", ANN)["paid"] == 5


@story
async def test_a_waiting_fact_that_fails_later_parks_the_case_and_can_be_discarded() -> None:
    rig = Rig(names=("middle",))
    rig.start_all()
    rig.say(Accept(number=1, bad=True))
    await rig.settle()
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    assert rig.types("middle") == ["tabled", "held"], "the result of the message in hand stands"
    assert rig.reasons("middle") == ["decider-failed"]
    rig.replay("middle")
    await rig.settle()
    assert rig.document("middle")["park"] is not None
    rig.discard("middle", "desk.events", 0)
    await rig.settle()
    assert rig.types("middle") == ["tabled", "held", "released"]
    assert rig.document("middle")["waiting"] == []


@story
async def test_commands_that_cannot_be_obeyed_are_dead_lettered() -> None:
    rig = Rig(names=("middle",))
    rig.start_all()
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    rig.replay("middle", "no-such-case")
    rig.replay("middle", key="C-thief")
    rig.discard("middle", "desk.events", 0)
    rig.replay("back")
    rig.log.append(Outgoing("ops.commands", ANN.encode(), b"rubbish", ()))
    await rig.settle()
    assert sorted(rig.reasons("middle")) == ["command-refused"] * 3 + ["undecodable"]
    assert rig.document("middle")["park"] is None


@story
async def test_holds_go_down_the_chain_and_round_once() -> None:
    rig = Rig()
    rig.start_all()
    rig.say(Open())
    await rig.settle()
    rig.say(Bad(at="back", kind="heal"))
    await rig.settle()
    assert rig.types("back")[-1] == "held"
    assert rig.types("front")[-1] == "held"
    assert rig.types("middle")[-1] == "held"
    assert all(
        rig.document(name, doc)["held"] for name, doc in (("front", ANN), ("middle", ANNS), ("back", ANNS))
    )
    rig.world.healed = True
    rig.replay("back")
    await rig.settle()
    for name, doc in (("front", ANN), ("middle", ANNS), ("back", ANNS)):
        assert not rig.document(name, doc)["held"]
    once = ["held", "released"]
    assert [t for t in rig.types("front") if t in once] == once
    # Whoever waits for others is not free before they have heard of the release, and says so.
    for name in ("middle", "back"):
        assert [t for t in rig.types(name) if t in once] == [*once, *once]


@story
async def test_what_was_put_off_upstream_is_waited_for_after_a_release() -> None:
    """Middle has not heard of the release when it closes the day: its agreement comes a day later."""
    rig = Rig(names=("back",))
    rig.start_all()
    rig.tell("front", Opened(on=D1), 1)
    rig.say(Sign(number=1))
    await rig.settle()
    rig.say(Bad(at="back", kind="heal"))
    await rig.settle()
    rig.tell("middle", CaseHeld(service="back", reason="decider-failed", count=1), 1)
    await rig.settle()
    rig.world.healed = True
    rig.replay("back")
    await rig.settle()
    assert rig.types("back") == ["held", "released", "held"]
    rig.close_inputs("back", D1)
    await rig.settle()
    assert rig.document("back")["held"] is True
    assert rig.types("back") == ["held", "released", "held"], "the signature still waits"
    rig.tell("middle", CaseReleased(service="back", count=1), 2)
    rig.tell("middle", Agreed(start=D1, number=1), 3)
    rig.close_inputs("back", D2)
    await rig.settle()
    assert rig.document("back")["held"] is False
    signed = [message.data for message in rig.events("back") if isinstance(message.data, Signed)]
    assert signed == [Signed(number=1, ok=True)]


@story
async def test_a_release_heard_by_another_way_frees_nothing_that_a_waited_for_input_holds() -> None:
    rig = Rig(names=("back",))
    rig.start_all()
    rig.tell("middle", CaseHeld(service="front", reason="x", count=1), 1)
    rig.tell("front", CaseHeld(service="front", reason="x", count=1), 1)
    rig.tell("front", CaseReleased(service="front", count=1), 2)
    await rig.settle()
    assert rig.document("back")["held"] is True
    assert rig.types("back") == ["held", "released", "held"]
    rig.tell("middle", CaseReleased(service="front", count=1), 2)
    await rig.settle()
    assert rig.document("back")["held"] is False
    assert rig.types("back") == ["held", "released", "held", "released"]
    assert {message.data.count for message in rig.events("back")} == {1}


@story
async def test_the_word_of_those_that_are_not_waited_for_holds_nothing() -> None:
    rig = Rig(names=("middle",))
    rig.start_all()
    rig.tell("front", CaseHeld(service="front", reason="x", count=1), 1)
    rig.tell("back", CaseHeld(service="front", reason="x", count=1), 1)
    rig.tell("front", CaseReleased(service="front", count=1), 2)
    await rig.settle()
    assert rig.document("middle")["held"] is False
    assert rig.types("middle") == ["held", "released"]


@story
async def test_the_echo_of_a_hold_that_comes_while_it_is_parked_again_frees_nothing() -> None:
    rig = Rig(names=("back",))
    rig.start_all()
    rig.tell("middle", CaseHeld(service="back", reason="x", count=1), 1)
    rig.say(Bad(at="back", kind="heal"))
    await rig.settle()
    rig.tell("middle", CaseReleased(service="back", count=1), 2)
    await rig.settle()
    assert rig.document("back")["held"] is True
    assert rig.types("back") == ["held", "held"]
    rig.world.healed = True
    rig.replay("back")
    await rig.settle()
    assert rig.document("back")["held"] is False
    assert rig.types("back") == ["held", "held", "released"]


@story
async def test_old_news_of_a_hold_change_nothing() -> None:
    rig = Rig(names=("back",))
    rig.start_all()
    rig.tell("front", CaseHeld(service="front", reason="x", count=2), 1)
    rig.tell("middle", CaseHeld(service="front", reason="x", count=1), 1)
    rig.tell("middle", CaseReleased(service="front", count=1), 2)
    await rig.settle()
    assert rig.document("back")["held"] is True
    assert rig.types("back") == ["held"]
    rig.tell("middle", CaseReleased(service="front", count=2), 3)
    rig.tell("front", CaseReleased(service="front", count=2), 2)
    await rig.settle()
    assert rig.document("back")["held"] is False
    assert rig.types("back") == ["held", "released"]


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
async def test_a_newer_schema_ends_the_process_before_it_overwrites() -> None:
    rig = Rig(names=("front",))
    newer = replace(rig.services["front"], schema_version=2)
    rig.start("front", newer)
    rig.say(Open())
    await rig.settle()
    await rig.stop()
    before = rig.document("front", ANN)
    rig.start("front")
    rig.say(Pay(pay_id="p", amount=1, value_date=D1))
    with pytest.raises(FatalError, match="newer version"):
        await rig.settle()
    assert rig.document("front", ANN) == before


@story
async def test_a_state_that_the_model_refuses_parks_its_case_and_is_kept() -> None:
    rig = Rig(names=("front",))
    rig.start_all()
    rig.say(Open())
    await rig.settle()
    broken = rig.document("front", ANN)
    broken["state"]["paid"] = "a lot"
    broken["version"] += 1
    await rig.store.replace_many("front", [broken])
    rig.say(Pay(pay_id="p", amount=1, value_date=D1))
    await rig.settle()
    assert rig.reasons("front") == ["state-unreadable"]
    assert rig.state("front", ANN)["paid"] == "a lot"


@story
async def test_a_decision_that_drops_the_state_or_brings_another_is_a_bug_of_that_case() -> None:
    class Forgets:
        def decide(self, state: Any, message: Any, reference: Any) -> Decision[Any]:
            return Decision(None)

        def due(self, state: Any) -> None:
            return None

        def close(self, state: Any, day: Any, reference: Any) -> Decision[Any]:
            return Decision(state)

    rig = Rig(names=("front",))
    rig.start("front")
    rig.say(Open())
    await rig.settle()
    await rig.stop()
    rig.start("front", replace(rig.services["front"], decider=Forgets()))
    rig.say(Pay(pay_id="p", amount=1, value_date=D1))
    await rig.settle()
    assert rig.reasons("front") == ["decider-failed"]


@story
async def test_an_outage_dead_letters_nothing() -> None:
    class Away:
        """The database is away for a while."""

        def __init__(self, store: Any) -> None:
            self.store, self.calls = store, 0

        def __getattr__(self, name: str) -> Any:
            method = getattr(self.store, name)
            if name == "encode":
                return method

            async def call(*args: Any) -> Any:
                self.calls += 1
                if self.calls % 4:
                    raise UnavailableError("away")
                return await method(*args)

            return call

    rig = Rig(names=("front",))
    rig.start("front", store=Away(rig.store))
    rig.say(Open())
    rig.say(Pay(pay_id="p", amount=1, value_date=D1))
    await rig.settle(200)
    assert rig.reasons("front") == []
    assert rig.types("front") == ["opened", "paid"]
    assert rig.telemetry.counts["retries"] > 5


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
