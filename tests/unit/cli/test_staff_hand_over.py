"""`parley staff` while cases change hands: what becomes theirs before it is heard is handed over, too."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli import staff
from services.cli.main import app
from services.cli.staff_orders import Owned, expand, to_every_partition, to_relieve
from shared.contracts.desk_team import AwayWhy, OwnerAway
from shared.contracts.envelope import Envelope
from shared.contracts.ids import case_id
from shared.contracts.intake import CaseAssigned
from shared.contracts.reasons import ReasonCode
from shared.runtime.ports import WORK
from tests.unit.builders import DAY
from tests.unit.intake.bank_says import day
from tests.unit.intake.test_absences import Partition

ORDER = ("--reason", "left the house", "--by", "s-zhao")
PEOPLE: dict[str, dict[str, Any]] = {
    "n-chen": {"capacity": 400},
    "n-lin": {"capacity": 400},
    "n-wang": {"capacity": 400},
    "s-zhao": {"supervisor": True},
}


class House(Partition):
    """Intake in one partition: what is published is read when somebody looks, in the order of the log."""

    def __init__(self) -> None:
        super().__init__(**PEOPLE)
        self.log: deque[Envelope[Any]] = deque()
        self.known: set[str] = set()
        self.reads = True

    async def send(self, *events: Envelope[Any]) -> None:
        self.log.extend(events)

    async def partitions(self, _producer: str) -> int:
        return 1

    def read(self, most: int | None = None) -> list[Any]:
        said: list[Any] = []
        while self.log and (most is None or most > 0):
            event = self.log.popleft()
            most = None if most is None else most - 1
            if event.id not in self.known:
                self.known.add(event.id)
                said += self.say(event, event.key)
        return said

    def owned_by(self, name: str) -> list[str]:
        return [key for key, state in self.documents.items() if state.is_open and state.owner == name]

    async def documents_of(
        self, _settings: Any, collection: str, query: dict[str, Any], **_: Any
    ) -> AsyncIterator[dict[str, Any]]:
        if collection != "intake.cases":
            return
        if "_id" in query and self.reads:
            self.read()  # time passes while it is waited for
        for key, state in list(self.documents.items()):
            if key in query.get("_id", {}).get("$in", ()) or query.get(WORK) == state.owner is not None:
                yield {"_id": key, "state": state.model_dump(mode="json")}


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    found = House()

    @asynccontextmanager
    async def door(_data: Any) -> AsyncIterator[House]:
        yield found

    async def today(_settings: Any) -> date:
        return DAY

    monkeypatch.setattr(staff, "open_publisher", door)
    monkeypatch.setattr(staff, "open_day", today)
    monkeypatch.setattr(staff, "_HEARD_SECONDS", 0.4)
    monkeypatch.setattr(staff, "with_database", lambda _folder, work: staff.guarded(lambda: work(None)))
    monkeypatch.setattr("shared.runtime.mongo.read_documents", found.documents_of)
    for number in range(30):
        found.opens(f"C-{number}")
    return found


def told(*words: str) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["staff", *words, *ORDER, "--json"])
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_of_two_who_leave_at_once_neither_keeps_what_came_from_the_other(house: House) -> None:
    """The second order had looked before the cases of the first had come to its person: they stayed there."""
    first = told("leave", "n-chen", "--from", f"{DAY}")
    assert first["cases"] == len(house.owned_by("n-chen")) == 10
    assert first["heard"]
    assert len(house.log) == 10, "its cases are said, and not read yet"
    second = told("leave", "n-lin", "--from", f"{DAY}")
    assert second["cases"] > 10
    house.read()
    assert len(house.owned_by("n-wang")) == 30
    assert house.owned_by("n-chen") == house.owned_by("n-lin") == []


def test_where_intake_does_not_read_it_is_said_to_give_the_order_again(house: House) -> None:
    house.reads = False
    words = ["staff", "leave", "n-chen", "--from", f"{DAY}", *ORDER]
    said = CliRunner().invoke(app, words).stdout
    assert "10 open cases of n-chen" in said
    assert "Run this again" in said
    assert not told("leave", "n-lin", "--from", f"{DAY}")["heard"]
    house.read()
    assert house.owned_by("n-lin") != [], "they came from the other, after it was looked"
    house.reads = True
    assert told("leave", "n-lin", "--from", f"{DAY}")["heard"]


def test_an_absence_that_is_made_longer_hands_over_what_came_back_meanwhile() -> None:
    """The second order had the ids of the first, and was dropped as told already."""
    house = House()
    owner = house.opens("C-1")
    case = Owned(case_id("C-1", 1), "C-1", f"{DAY}")

    def absent(last: date, said_on: date) -> list[Envelope[Any]]:
        order = (owner, AwayWhy.ABSENT, DAY, last)
        who: dict[str, Any] = {"by": "s-zhao", "reason": "ill", "day": said_on}
        return [*to_every_partition(1, *order, **who), *expand([case], *order, **who)]

    house.log.extend(absent(day(1), DAY))
    other = house.read()[-1].owner
    back = OwnerAway(staff=other, why=AwayWhy.LEFT, since=day(4), until=None, by="s-zhao", reason="gone")
    everybody = {name: 300 for name in PEOPLE if name not in {owner, other}}
    house.work.update(everybody)
    house.log.append(replace(absent(day(1), day(4))[1], id="gone", data=back))
    assert house.read()[-1].owner == owner
    house.log.extend(absent(day(9), day(5)))
    (said,) = [one for one in house.read() if isinstance(one, CaseAssigned)]
    assert said.previous == owner
    assert said.reasons[0].code is ReasonCode.OWNER_ABSENT


def test_who_was_said_to_be_away_is_relieved_of_what_they_own_all_the_same() -> None:
    """Only the roster was asked: what had come to them before the absence was heard was never named."""
    house = House()
    owner = house.opens("C-1")
    order = (owner, AwayWhy.ABSENT, day(1), day(9))
    house.log.extend(to_every_partition(1, *order, by="s-zhao", reason="ill", day=DAY))
    house.read()
    words: dict[str, Any] = {"by": "s-zhao", "reason": "looked again", "day": DAY}
    (event,) = to_relieve(house.documents.values(), house.reference, **words)
    assert (event.key, event.data.staff, event.data.since) == ("C-1", owner, day(1))
    assert house.say(event, "C-1") == []
    (said,) = [one for one in house.close("C-1", DAY) if isinstance(one, CaseAssigned)]
    assert said.previous == owner
