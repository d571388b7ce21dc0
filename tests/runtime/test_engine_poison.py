"""A message that cannot be decided costs its own case alone, an outage no message (rules 5, 10, 11)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, NoReturn

import pytest

from shared.contracts.decision import Decision
from shared.contracts.envelope import Envelope
from shared.contracts.runtime import CaseHeld
from shared.runtime.ports import FatalError, Outgoing, UnavailableError
from shared.runtime.simulation.toy import Accept, Archive, ArchiveState, Bad, Open, Opened, Pay, Sign
from tests.runtime.rig import ANN, ANNS, D1, Rig, story


@story
async def test_a_bad_message_costs_only_its_case() -> None:
    rig = Rig(names=("middle",))
    rig.start_all()
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    bad = rig.say(Bad(at="middle", kind="raise"))
    rig.say(Accept(number=1))
    rig.tell("front", Opened(on=D1), 1, key="C-bob")
    await rig.settle()
    rig.say(Accept(number=2), key="C-bob")
    await rig.settle()
    assert rig.reasons("middle") == ["decider-failed", "case-is-parked"]
    assert re.fullmatch(r"RuntimeError at toy\.py:\d+", rig.dead("middle")[0]["detail"]), (
        "where it was raised"
    )
    assert "poison" not in rig.dead("middle")[0]["detail"], "an exception's text may quote personal data"
    assert [(m.key, m.type.split(".")[-2]) for m in rig.events("middle")].count((ANN, "tabled")) == 1
    assert ("C-bob", "agreed") in [(m.key, m.type.split(".")[-2]) for m in rig.events("middle")]
    held = [m for m in rig.events("middle") if isinstance(m.data, CaseHeld)]
    assert [(m.subject, m.sequence, m.data.service) for m in held] == [(ANNS, 2, "middle")]
    assert (held[0].causation, held[0].time) == (bad.id, bad.time)
    assert rig.document("middle")["park"] == ["decider-failed", "desk.events/0/0"]
    assert len(rig.store.all_parked("middle")) == 2
    assert rig.telemetry.decisions["parked"] == 2, "the trace shows both"


class Deaf(Archive):
    """An archive that can keep nothing."""

    def decide(self, state: ArchiveState | None, message: Envelope[Any], reference: object) -> NoReturn:
        raise RuntimeError("poison")


@story
async def test_who_says_nothing_parks_in_silence() -> None:
    rig = Rig(names=("archive",))
    rig.services["archive"] = replace(rig.services["archive"], decider=Deaf())
    rig.start_all()
    rig.say(Open())
    await rig.settle()
    assert rig.document("archive", ANN)["park"] is not None
    assert rig.reasons("archive") == ["decider-failed"]
    assert rig.log.topic("archive.events") == [], "the archive has no topic"


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
async def test_a_newer_layout_ends_the_process_before_it_overwrites() -> None:
    rig = Rig(names=("front",), recent_bytes=0)
    rig.start("front")
    rig.say(Open())
    await rig.settle()
    document = rig.document("front", ANN)
    newer = {**document, "schema": [2, 1], "version": document["version"] + 1}
    await rig.store.replace_many("front", [newer])
    rig.say(Pay(pay_id="p", amount=1, value_date=D1))
    with pytest.raises(FatalError, match=r"newer version.*schema 2\.1"):
        await rig.settle()
    assert rig.document("front", ANN) == newer


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
