"""`parley evidence`, `verify`, `hold` and `erase` on a platform of its own, as an officer uses them."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from deploy.demo.live import KafkaPlatform
from services.cli.catalogue import load_all
from shared.contracts import bank
from shared.contracts.envelope import Envelope
from shared.contracts.ids import case_id
from shared.runtime.mongo import read_documents
from shared.runtime.publish import EventPublisher
from shared.texts import text
from tests.fault.garbage import overdue
from tests.fault.house import WAIT_SECONDS, House, environment, parley
from tests.fault.living import day
from tests.unit.console.filing import WORDS, contact

pytestmark = pytest.mark.kafka

CUSTOMER = "EVA"
CASE = case_id(CUSTOMER, 1)
LAW = ("--role", "legal", "--reason", "a law suit", "--by", "ann")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    built = House(tmp_path / "data")
    yield built
    built.abandon()


async def run(*args: str, code: int = 0, **where: Path) -> str:
    """Run `parley …`; give what it prints."""
    done = await asyncio.to_thread(
        subprocess.run,
        parley(*args),
        env=environment(COLUMNS="300"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
        **where,
    )
    assert done.returncode == code, f"{args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return " ".join((done.stdout + done.stderr).split())


@pytest.mark.slow
async def test_a_case_is_handed_out_proven_held_and_kept(house: House, tmp_path: Path) -> None:
    await house.start()
    settings, data = house.settings(), ("--data", str(house.folder))
    async with KafkaPlatform(settings, load_all()) as platform, EventPublisher(settings) as publisher:
        noon = datetime.combine(day(0), time(12), overdue(CUSTOMER, day(0)).time.tzinfo)
        talk = Envelope("talk-1", "/desk", noon, CUSTOMER, contact(), subject=CASE)
        await publisher.send(overdue(CUSTOMER, day(0)), talk)
        await publisher.close_day(day(0))
        await platform.settled(day(0))
        await platform.finished()  # the archive takes its time

        held = await run("hold", CASE, "set", *LAW, *data)
        assert "is under a legal hold" in held
        other = await run("hold", CASE, "lift", *LAW, "--role", "negotiator", *data, code=1)
        assert text("hold_needs_role", {"role": "legal"}) in other
        refused = await run("erase", CUSTOMER, "--reason", "asked for", "--yes", *data, code=1)
        assert text("kept_by_hold", {"case": CASE}) in refused
        assert "is free of its hold" in await run("hold", CASE, "lift", *LAW, *data)
        refused = await run("erase", CUSTOMER, "--reason", "asked for", "--dry-run", *data, code=1)
        assert text("kept_while_open", {"case": CASE}) in refused
        assert "--reason" in await run("hold", CASE, "set", *data, code=2)

    links = [link async for link in read_documents(settings, "archive.links")]
    assert len(links) > 5
    assert WORDS not in repr(links)
    assert [link["body"]["type"] for link in links].count("parley.ops.hold.v1") == 2

    bundle = tmp_path / "case.zip"
    assert "signed with key" in await run("evidence", CASE, "-o", str(bundle), *data)
    assert "is there already" in await run("evidence", CASE, "-o", str(bundle), *data, code=2)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(house.folder / "keys" / "lender.pub", elsewhere)
    raw = bundle.read_bytes()
    assert WORDS.encode() in raw
    (elsewhere / "case.zip").write_bytes(raw)
    checked = await run("verify", "case.zip", "--key", "lender.pub", cwd=elsewhere)
    assert f"complete and untouched: case {CASE}" in checked
    at = raw.index(b'"channel":"phone"')
    (elsewhere / "case.zip").write_bytes(raw[:at] + b'"channel":"house"' + raw[at + 17 :])
    told = await run("verify", "case.zip", "--key", "lender.pub", cwd=elsewhere, code=1)
    assert "its content is not what was hashed" in told
    assert f"the chain of {len(links)} entries is whole" in await run("case", CASE, *data)
    await house.stop()


OLD = date(2018, 3, 1)  # longer ago than any pack keeps evidence


@pytest.mark.slow
async def test_a_person_whose_evidence_may_go_is_erased_and_the_rest_still_proves_itself(
    house: House, tmp_path: Path
) -> None:
    await house.start()
    settings, data = house.settings(), ("--data", str(house.folder))
    last = OLD + timedelta(days=1)
    async with KafkaPlatform(settings, load_all()) as platform, EventPublisher(settings) as publisher:
        said = overdue(CUSTOMER, OLD)
        said = replace(said, data=said.data.model_copy(update={"contract_date": date(2015, 5, 4)}))
        noon = datetime.combine(OLD, time(12), UTC)
        talk = Envelope("talk-1", "/desk", noon, CUSTOMER, contact(), subject=CASE)
        await publisher.send(said, talk)
        await publisher.close_day(OLD)
        await platform.settled(OLD)
        cured = bank.AccountCured(account_id=f"{CUSTOMER}-1", as_of=last)
        await publisher.send(Envelope("cured-1", "/bank/core", noon + timedelta(days=1), CUSTOMER, cured))
        await publisher.close_day(last)
        await platform.settled(last)
        await platform.finished()  # the archive takes its time
        before = tmp_path / "before.zip"
        await run("evidence", CASE, "-o", str(before), *data)
        assert WORDS.encode() in before.read_bytes()

        allowed = await run("erase", CUSTOMER, "--reason", "asked for", "--dry-run", *data)
        assert f"{CUSTOMER} may be erased; nothing was done" in allowed
        done = await run("erase", CUSTOMER, "--reason", "asked for", "--by", "ann", "--yes", *data)
        assert f"{CUSTOMER} is erased: the key is destroyed" in done

        after = tmp_path / "after.zip"
        await run("evidence", CASE, "-o", str(after), *data)
        key = ("--key", str(house.folder / "keys" / "lender.pub"))
        for bundle in (before, after):
            assert f"complete and untouched: case {CASE}" in await run("verify", str(bundle), *key)
        assert "entries is whole" in await run("case", CASE, *data)
        assert WORDS not in await run("case", CASE, "--json", *data)
    says_what_was_erased(before, after)
    rows = [row async for row in read_documents(settings, "archive.keys")]
    assert [row["erased"] for row in rows if row["_id"] == CUSTOMER] > [f"{last}"]
    await run("check", *data)
    await house.stop()


def says_what_was_erased(before: Path, after: Path) -> None:
    """The chain is the same and goes on; the words are gone, and the index names the field that held them."""
    with zipfile.ZipFile(before) as old, zipfile.ZipFile(after) as new:
        chain, longer = old.read("chain.jsonl"), new.read("chain.jsonl")
        facts = json.loads(new.read("manifest.json"))
        pages = {name: new.read(name).decode() for name in ("index.html", "index.zh.html")}
        timeline = json.loads(new.read("timeline.json"))
        assert json.loads(old.read("keys.json"))
        assert json.loads(new.read("keys.json")) == {}
    assert longer.startswith(chain)
    assert len(longer) > len(chain), "the erasure is on file"
    assert facts["erased"] > OLD.isoformat()
    assert WORDS.encode() not in after.read_bytes()
    assert "erased: key points; place" in pages["index.html"]
    assert "已删除：要点；地点" in pages["index.zh.html"]
    erased = {row["type"]: row["erased"] for row in timeline if "erased" in row}
    assert erased["parley.desk.contact.recorded.v1"] == ["key_points", "place"]
