"""Which documents a close looks at, as the owner of a lane keeps it."""

from __future__ import annotations

from typing import Any

import pytest

from shared.runtime.ports import DUE, ENTRIES_DAY, HELD, ID, VERSION
from shared.runtime.simulation.toy import Agreed, Opened
from shared.runtime.waking import Waking, first_look, is_visited
from tests.runtime.rig import D1, D2, D3, Rig, story

DAY = "2026-03-05"


def document(
    id_: str = "a", due: str | None = None, entries: str | None = None, *, held: bool = False
) -> dict[str, Any]:
    return {ID: id_, DUE: due, ENTRIES_DAY: entries, HELD: held}


@pytest.mark.parametrize(
    ("given", "closing", "first"),
    [
        (document(), "", None),
        (document(due=DAY), "", DAY),
        (document(due=DAY, held=True), "", None),
        (document(due=DAY, entries="2026-03-04"), "", "2026-03-04"),
        (document(due=DAY, entries="2026-03-04"), "2026-03-04", "2026-03-04"),
        (document(due=DAY, entries="2026-03-04"), DAY, DAY),
        (document(entries="2026-03-04", held=True), "2026-03-04", "2026-03-04"),
        (document(entries="2026-03-04", held=True), DAY, None),
    ],
)
def test_the_first_day_that_must_look(given: dict[str, Any], closing: str, first: str | None) -> None:
    assert first_look(given, closing) == first


@pytest.mark.parametrize(
    ("given", "visited"),
    [
        (document(due=DAY), True),
        (document(due="2026-01-01"), True),
        (document(due="2026-03-06"), False),
        (document(due=DAY, held=True), False),
        (document(entries=DAY, held=True), True),
        (document(entries="2026-03-04"), False),
        (document(), False),
    ],
)
def test_what_a_close_does_something_about(given: dict[str, Any], visited: bool) -> None:
    assert is_visited(given, DAY) is visited


def test_what_was_noted_last_counts() -> None:
    waking = Waking({"read": DAY, "later": "2026-03-06"})
    waking.note(document("due", DAY))
    waking.note(document("left", entries=DAY))
    assert sorted(waking.upto(DAY)) == ["due", "left", "read"]
    assert list(waking.upto("2026-03-04")) == []
    waking.note(document("due", "2026-04-01"))
    waking.note(document("read"))
    waking.note(document("left", entries=DAY), "2026-03-06")
    assert list(waking.upto("2026-03-05")) == []
    assert sorted(waking.upto("2026-04-01")) == ["due", "later"]


@story
async def test_what_another_wrote_is_looked_at_once_it_was_loaded() -> None:
    """Who lost the partition still decides a message: its owner drops it as a duplicate, but has to know."""
    zombie = Rig(names=("back",))
    zombie.start_all()
    agreed = Agreed(start=D1, number=1)
    zombie.tell("front", Opened(on=D1), 1)
    zombie.tell("middle", agreed, 1)
    await zombie.settle()
    written = zombie.document("back")

    rig = Rig(names=("back",), recent_bytes=0)
    rig.start_all()
    rig.tell("front", Opened(on=D1), 1)
    await rig.settle()
    mine = rig.document("back")
    theirs = {**written, VERSION: mine[VERSION] + 1, "epoch": mine["epoch"]}
    assert await rig.store.replace_many("back", [theirs]) == set()
    rig.tell("middle", agreed, 1)
    await rig.settle()
    assert rig.document("back")[VERSION] == theirs[VERSION], "a duplicate writes nothing"
    rig.close_inputs("back", D2)
    await rig.settle()
    assert [m.data.instalment for m in rig.events("back")] == [1]
    assert rig.document("back")[DUE] == D3.isoformat()


@story
async def test_who_closes_no_day_asks_for_none() -> None:
    class Asked:
        def __init__(self) -> None:
            self.waking_asked = 0

        def __getattr__(self, name: str) -> Any:
            return getattr(rig.store, name)

        async def waking(self, service: str, partitions: Any) -> Any:
            self.waking_asked += 1
            return await rig.store.waking(service, partitions)

    rig = Rig(names=("archive", "back"))
    stores = {name: Asked() for name in rig.services}
    for name, store in stores.items():
        rig.start(name, store=store)
    await rig.settle()
    assert {name: store.waking_asked for name, store in stores.items()} == {"archive": 0, "back": 1}
