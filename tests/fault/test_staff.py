"""`parley staff absent` on a platform of its own: cases are handed over, and new ones go to somebody else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from deploy.demo.live import KafkaPlatform
from services.cli.catalogue import load_all
from shared.contracts.base import Personal
from shared.contracts.desk import ComplaintMade, PreferencesSet
from shared.contracts.envelope import Envelope
from shared.contracts.ids import case_id
from shared.runtime.publish import EventPublisher
from tests.fault.garbage import overdue
from tests.fault.house import PARTITIONS, House, until
from tests.fault.living import day
from tests.fault.test_evidence import run

pytestmark = pytest.mark.kafka

OLD = [f"OLD-{number}" for number in range(8)]
NEW = [f"NEW-{number}" for number in range(12)]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    built = House(tmp_path / "data")
    yield built
    built.abandon()


async def load_of(house: House) -> dict[str, int]:
    """Who owns how many open cases, as the command says."""
    told = await run("staff", "list", "--json", "--data", str(house.folder))
    return {row["staff"]: row["open"] for row in json.loads(told)}


def absences(house: House) -> int:
    """In how many partitions an absence is known."""
    settings = house.settings()
    with MongoClient[dict[str, object]](settings.mongodb_uri.get_secret_value()) as client:
        return client[settings.database]["intake.cases"].count_documents({"work": {"$regex": "^~away/"}})


def owners_of_complaints(house: House) -> list[str]:
    """Who answers for the complaints that are open."""
    settings = house.settings()
    with MongoClient[dict[str, Any]](settings.mongodb_uri.get_secret_value()) as client:
        found = client[settings.database]["alert.cases"].find({"state.complaints.0": {"$exists": True}})
        return [one["owner"] for row in found for one in row["state"]["complaints"]]


@pytest.mark.slow
async def test_who_is_said_to_be_absent_gets_no_new_case_and_keeps_none(house: House) -> None:
    complaint = ComplaintMade(complaint_id="K-1", words=Personal(value="unheard"), owner="n-miller")
    await house.start()
    data = ("--data", str(house.folder))
    async with (
        KafkaPlatform(house.settings(), load_all()) as platform,
        EventPublisher(house.settings()) as publisher,
    ):
        await publisher.send(*(overdue(name, day(0)) for name in OLD))
        answers = Envelope(
            *("k-1", "/desk", datetime.combine(day(0), time(10), UTC), OLD[0], complaint),
            subject=case_id(OLD[0], 1),
        )
        await publisher.send(answers)
        await publisher.close_day(day(0))
        await platform.settled(day(0))
        before = await load_of(house)
        who = max(before, key=lambda name: before[name])
        assert before[who] > 0

        order = ("--reason", "leave of absence", "--by", "s-zhao")
        days = ("--from", f"{day(1)}", "--until", f"{day(9)}")
        said = await run("staff", "absent", who, *days, *order, *data)
        assert f"{before[who]} open cases of {who}" in said
        await until(lambda: absences(house) == PARTITIONS, "the absence in every partition")

        await publisher.send(*(overdue(name, day(1)) for name in NEW))
        gone = await run("staff", "leave", "n-miller", "--from", f"{day(1)}", *order, *data)
        assert "1 cases with a complaint" in gone
        noon = datetime.combine(day(1), time(12), UTC)
        english = PreferencesSet(language="en")  # has every case looked at once more
        await publisher.send(
            *(Envelope(f"p-{n}", "/desk", noon, n, english, subject=case_id(n, 1)) for n in (*OLD, *NEW))
        )
        await publisher.close_day(day(1))
        await platform.settled(day(1))
        after = await load_of(house)
        assert after[who] == 0
        assert sum(after.values()) == len(OLD) + len(NEW)
        assert not any(name.startswith("~") for name in after)
        assert owners_of_complaints(house) == ["s-zhao"]
        await run("check", *data)
    await house.stop()
