"""What cannot be written or said parks its case, and leaves no gap."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import model_serializer

from shared.contracts.decision import Decision, Emission, Link
from shared.contracts.envelope import Envelope
from shared.contracts.ids import derive_id
from shared.runtime.ports import Outgoing, Record
from shared.runtime.simulation.toy import (
    Accept,
    Archive,
    ArchiveState,
    FrontState,
    Huge,
    Middle,
    MiddleState,
    Open,
    Opened,
    Sign,
    ToyReference,
)
from tests.runtime.rig import ANN, ANNS, D1, Rig, story
from tests.runtime.test_engine_decisions import rig_of


class Talks(Middle):
    """Says a lot about every acceptance; after the fourth it holds what no database takes, and says so."""

    def decide(
        self, state: MiddleState | None, message: Envelope[Any], reference: ToyReference
    ) -> Decision[MiddleState]:
        if not isinstance(message.data, Accept):
            return super().decide(state, message, reference)
        before = state or MiddleState()
        after = before.model_copy(update={"refused": before.refused + 1})
        if message.data.bad:
            after = after.model_copy(update={"odd": {"a\x00b": 1}})
        return Decision(after, (Emission(Huge(text="x" * 6_000), message.subject),))


@story
async def test_a_document_that_grows_over_the_limit_by_what_it_says_is_parked_where_it_does() -> None:
    rig = rig_of("middle", Talks(), document_bytes=18_000, document_reserve=4_000)
    for number in range(6):
        rig.say(Accept(number=number))
    rig.start_all()
    await rig.settle()
    said = rig.types("middle").count("huge")
    assert said == 2, "what is kept free for the park mark is too little for a third"
    assert rig.types("middle") == ["huge"] * said + ["held"]
    assert rig.reasons("middle")[0] == "refused-by-size-or-encoding"
    assert [m.sequence for m in rig.events("middle")] == list(range(1, said + 2))
    assert len(rig.store.all_parked("middle")) == 6 - said


@story
async def test_what_a_refused_decision_would_have_said_leaves_no_gap() -> None:
    rig = rig_of("middle", Talks())
    rig.say(Accept(number=1))
    rig.say(Accept(number=2, bad=True))
    rig.start_all()
    await rig.settle()
    assert rig.reasons("middle") == ["refused-by-size-or-encoding"]
    assert [(m.sequence, m.type.split(".")[-2]) for m in rig.events("middle")] == [(1, "huge"), (2, "held")]
    assert rig.state("middle")["refused"] == 1


class Files(Archive):
    """Files more than a document may hold until it has been copied out."""

    def decide(
        self, state: ArchiveState | None, message: Envelope[Any], _reference: object
    ) -> Decision[ArchiveState]:
        link = Link(derive_id("chain", message.id), {"text": "x" * 3_000})
        return Decision(ArchiveState(entries=(state.entries if state else 0) + 1), links=(link,))


@story
async def test_a_document_that_grows_over_the_limit_by_what_it_files_is_parked_where_it_does() -> None:
    rig = rig_of("archive", Files(), document_bytes=18_000, document_reserve=4_000)
    for _ in range(6):
        rig.say(Open())
    rig.start_all()
    await rig.settle()
    filed = rig.state("archive", ANN)["entries"]
    assert 2 <= filed <= 4
    assert len(rig.store.all_links("archive")) == filed
    assert rig.reasons("archive")[0] == "refused-by-size-or-encoding"
    assert len(rig.store.all_parked("archive")) == 6 - filed


@story
async def test_a_document_that_grows_over_the_limit_by_what_waits_is_parked_where_it_does() -> None:
    rig = Rig(names=("back",), document_bytes=9_000, document_reserve=2_000)
    for number in range(2):
        rig.say(Sign(number=number))
    large = [replace_headers(record, ("x", b"x" * 5_500)) for record in rig.log.topic("desk.events")]
    rig = Rig(names=("back",), document_bytes=9_000, document_reserve=2_000)
    for record in large:
        rig.log.append(record)
    rig.start_all()
    await rig.settle()
    assert rig.reasons("back") == ["refused-by-size-or-encoding"]
    assert len(rig.document("back")["waiting"]) == 1


def replace_headers(record: Record, *more: tuple[str, bytes]) -> Outgoing:
    return Outgoing(record.topic, record.key, record.value, (*record.headers, *more))


class Undumpable(MiddleState):
    """What a bug may make of a state."""

    @model_serializer
    def dumped(self) -> dict[str, Any]:
        raise KeyError("C-ann")


class Says:
    """Answers as it is told to."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def decide(self, state: Any, message: Any, reference: Any) -> Any:
        return self.answer

    def due(self, state: Any) -> None:
        return None

    def close(self, state: Any, day: Any, reference: Any) -> Any:
        return Decision(state)


@pytest.mark.parametrize(
    ("name", "answer", "error"),
    [
        ("archive", Decision.of(ArchiveState(), Opened(on=D1), subject=ANNS), "TypeError at judge.py"),
        ("front", Decision.of(FrontState(), Opened(on=D1)), "ValueError at judge.py"),
    ],
)
def test_what_cannot_be_said_is_a_bug_of_that_case(name: str, answer: Any, error: str) -> None:
    @story
    async def tell() -> None:
        rig = rig_of(name, Says(answer))
        rig.start_all()
        rig.say(Open())
        await rig.settle()
        assert rig.reasons(name) == ["decider-failed"]
        assert rig.dead(name)[0]["detail"].startswith(error)
        assert rig.document(name, ANN)["state"] is None

    tell()


@story
async def test_a_state_that_cannot_be_written_down_parks_its_case_and_is_not_quoted() -> None:
    rig = rig_of("middle", Says(Decision(Undumpable())))
    rig.start_all()
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    (letter,) = rig.dead("middle")
    assert letter["reason"] == "refused-by-size-or-encoding"
    assert ANN not in letter["detail"]
    assert rig.state("middle") is None


@story
async def test_what_leads_to_no_document_of_the_deciders_is_only_noted() -> None:
    rig = rig_of("front", Says(Decision(None)))
    rig.start_all()
    rig.say(Open())
    await rig.settle()
    assert rig.dead("front") == []
    assert (rig.state("front", ANN), rig.document("front", ANN)["work"]) == (None, [])
