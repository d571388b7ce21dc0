"""A document as the runtime keeps it: everything comes back from the store, and a copy shares nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import bson
import pytest

from shared.runtime.document import (
    BrokenStateError,
    Case,
    Cause,
    DropEntry,
    IdEntry,
    LinkEntry,
    OutEntry,
    Park,
    Waiting,
)
from shared.runtime.ports import DUE, ENTRIES_DAY, HELD, ParkedRow, Record
from shared.runtime.simulation.toy import MiddleState
from tests.runtime.rig import ANN, ANNS, D1, D2, D3, Rig

MIDDLE = Rig(names=("middle",)).services["middle"]
HERE, LATER = Cause("desk.events", 4), Cause("front.events", 9)
FACT = Record("desk.events", 2, 5, ANN.encode(), b"{}", (("ce_id", b"1"), ("odd", None)), 77)


def full() -> Case:
    """A document of which no field has its default."""
    case = Case(
        ANNS, 2, ANN, version=6, epoch=3,
        marks={("front", ANNS): 4, ("back", ANNS): 2},
        tails={("front", ANNS): ["a", "b"]},
        sent={ANNS: 8},
        out=[
            OutEntry(HERE, b"k", b"v", (("h", b"1"), ("n", None))),
            OutEntry(Cause.of_day(D2), b"k", b"w", ()),
        ],
        ids=[IdEntry(HERE, "id1"), IdEntry(Cause.of_day(D1), "id2")],
        links=[LinkEntry(LATER, "link", {"number": 1})],
        drops=[DropEntry(LATER, 3, ("desk.events/2/1",))],
        waiting=[Waiting(FACT, D3.isoformat()), Waiting(FACT, D1.isoformat(), failed=True)],
        park=Park("decider-failed", "desk.events/2/5"),
        park_since="2026-03-01T09:00:00+00:00", park_count=2, park_cases=[ANNS, "other"],
        park_order=7, cleared=4,
        parked_upto={"desk.events": 5},
        holds={("front", ANNS): 3}, echoes={("front", "back", ANNS): 2},
        day_index=(D2.isoformat(), 3), work=["ann"],
    )  # fmt: skip
    case.put(MiddleState(status="tabled", expiry=D2), D2)
    return case


def stored(case: Case) -> dict[str, Any]:
    found: dict[str, Any] = bson.decode(bson.encode(case.dump(MIDDLE, 5)))
    return found


def test_everything_comes_back_from_the_store() -> None:
    case, raw = full(), stored(full())
    again = Case.load(raw)
    assert (again.version, again.epoch) == (7, 5)
    assert (again.work_stored, again.parked_stored, again.changed) == (["ann"], True, False)
    assert again.state(MiddleState) == case.state(MiddleState)
    assert again.state_due == D2
    for name in (
        "id", "partition", "key", "marks", "tails", "sent", "out", "ids", "links", "drops", "waiting", "park",
        "park_since", "park_count", "park_cases", "park_order", "cleared", "parked_upto", "holds", "echoes",
        "day_index", "work",
    ):  # fmt: skip
        assert getattr(again, name) == getattr(case, name), name
    assert {**stored(again), "version": 7, "epoch": 5} == raw
    assert raw["schema"] == [1, MIDDLE.schema_version]


def test_what_was_loaded_is_left_as_it_was() -> None:
    raw = full().dump(MIDDLE, 5)
    before = bson.encode(raw)
    case = Case.load(raw)
    case.tails["front", ANNS].append("c")
    for listed in (case.work, case.work_stored, case.park_cases, case.out, case.ids, case.waiting):
        listed.clear()
    assert bson.encode(raw) == before, "it may be begun again from the same"


def test_what_has_no_day_wakes_nobody() -> None:
    case = Case(ANNS, 2, ANN, out=[OutEntry(HERE, b"k", b"v", ())])
    assert stored(case)[ENTRIES_DAY] is None


def test_an_empty_document_comes_back_too() -> None:
    raw = stored(Case(ANNS, 2, ANN))
    assert (raw["version"], raw["state"], raw[DUE], raw[ENTRIES_DAY], raw[HELD]) == (
        1,
        None,
        None,
        None,
        False,
    )
    again = Case.load(raw)
    assert (again.state(MiddleState), again.state_due, again.park, again.parked_stored) == (
        None,
        None,
        None,
        False,
    )
    assert again.day_index == ("", 0)
    del raw["park_since"], raw["echoes"]  # as an older version wrote it
    assert (Case.load(raw).park_since, Case.load(raw).echoes) == ("", {})


def test_what_the_store_may_ask_for_follows_from_the_rest() -> None:
    raw = stored(full())
    assert (raw[HELD], raw[DUE], raw[ENTRIES_DAY]) == (True, D2.isoformat(), D2.isoformat())
    case = full()
    case.waiting[1].failed = False
    assert stored(case)[DUE] == D1.isoformat(), "a fact that waits is due on its day"
    case.out.pop()
    assert stored(case)[ENTRIES_DAY] == D1.isoformat()


@pytest.mark.parametrize(
    ("change", "held"),
    [
        (lambda _case: None, False),
        (lambda case: setattr(case, "park", Park("x", "y")), True),
        (lambda case: case.holds.update({("front", ANNS): 2}), True),
        (lambda case: case.holds.update({("front", ANNS): 0}), True),
        (lambda case: case.holds.update({("front", ANNS): 3}), False),
        (lambda case: case.echoes.update({("front", "back", ANNS): 4}), True),
        (lambda case: case.echoes.update({("front", "back", ANNS): 5}), False),
    ],
)
def test_a_case_is_held_by_its_own_mark_or_by_anybodys_word(
    change: Callable[[Case], None], held: bool
) -> None:
    case = Case(ANNS, 2, ANN)
    change(case)
    assert case.held is held
    assert case.dump(MIDDLE, 1)[HELD] is held


def test_an_echo_is_one_holders() -> None:
    case = Case(ANNS, 2, ANN, echoes={("front", "back", ANNS): 2, ("desk", "middle", ANNS): 3})
    assert case.echoed(("back", ANNS))
    assert not case.echoed(("back", "another"))
    assert not case.echoed(("middle", ANNS))


def test_an_entry_leaves_when_its_own_cause_is_settled() -> None:
    case = full()
    case.links.append(LinkEntry(HERE, "settled", {}))
    case.drops.append(DropEntry(HERE, 1, ()))
    case.prune(lambda cause: cause == HERE)
    assert [entry.value for entry in case.out] == [b"w"]
    assert [entry.id for entry in case.ids] == ["id2"]
    assert [entry.id for entry in case.links] == ["link"]
    assert [entry.upto for entry in case.drops] == [3]
    case.prune(lambda _cause: False)
    assert len(list(case.entries)) == 4


@pytest.mark.parametrize(
    ("offset", "order", "dropped"),
    [(5, 5, False), (5, 4, True), (5, 3, True), (6, 5, True), (1, 6, True), (2, 6, False)],
)
def test_a_row_is_its_documents_to_decide_until_it_was_cleared_or_dropped(
    offset: int, order: int, dropped: bool
) -> None:
    row = ParkedRow(ANNS, Record("desk.events", 2, offset, b"k", b"v", (), 0), order, 1, "x")
    assert full().dropped(row) is dropped
    elsewhere = ParkedRow(ANNS, Record("back.events", 2, 0, b"k", b"v", (), 0), 9, 1, "x")
    assert full().dropped(elsewhere), "nothing of that topic was ever parked"


def test_a_copy_shares_nothing_that_changes() -> None:
    case = full()
    before = stored(case)
    copy = case.clone()
    assert stored(copy) == before
    for held in (copy.marks, copy.tails, copy.sent, copy.parked_upto, copy.holds, copy.echoes):
        held.clear()
    for listed in (copy.out, copy.ids, copy.links, copy.drops, copy.park_cases):
        listed.clear()
    copy.waiting.pop().failed = False
    copy.waiting[0].failed = True
    copy.put(None, None)
    assert stored(copy)["state"] is None
    assert stored(case) == before
    copy = case.clone()
    copy.tails["front", ANNS].append("c")
    assert stored(case) == before


def test_another_state_is_told_from_the_same_one() -> None:
    case = Case(ANNS, 2, ANN)
    one = MiddleState(status="tabled")
    assert case.put(one, D1) is True
    assert case.put(one, D2) is False
    assert case.state_due == D1, "the same object: nothing has been decided"
    case.waiting.append(Waiting(FACT, D3.isoformat()))
    assert case.put(one.model_copy(), D2) is False, "a fact that waits need not look at what has not changed"
    assert case.state_due == D2
    assert case.put(MiddleState(), None) is True
    assert case.state_due is None


def test_a_state_is_read_once_and_not_quoted_when_it_cannot_be() -> None:
    raw = stored(full())
    case = Case.load(raw)
    assert case.state(MiddleState) is case.state(MiddleState)
    raw["state"]["expiry"] = "C-ann's secret"
    with pytest.raises(BrokenStateError) as caught:
        Case.load(raw).state(MiddleState)
    assert str(caught.value) == "ValidationError"
    assert caught.value.__cause__ is None
    assert Case.load(raw).dump(MIDDLE, 5)["state"] == raw["state"], (
        "what nobody has read is written as it was"
    )


@pytest.mark.parametrize("cause", [Cause.of_record(FACT), Cause.of_day(date(2026, 12, 31))])
def test_a_cause_comes_back(cause: Cause) -> None:
    assert Cause.load(cause.dump()) == cause
