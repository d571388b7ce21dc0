"""`parley dead` on a platform of its own, as an operator uses it: look, replay, discard, and it is over."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.demo.live import KafkaPlatform
from services.cli.catalogue import load_all
from shared.contracts.ids import case_id
from shared.contracts.registry import SERVICES
from shared.runtime.publish import EventPublisher
from shared.runtime.settings import Settings
from tests.fault.garbage import Rubbish, overdue, raw
from tests.fault.house import WAIT_SECONDS, House, environment, parley, wrong
from tests.fault.living import day
from tests.fault.test_garbage import Vandal

pytestmark = pytest.mark.kafka

VICTIM = "VICTIM"
NOBODY = "Mr-Nobody"
WHY = "cut off by the sender"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    built = House(tmp_path / "data")
    yield built
    built.abandon()


class Desk:
    """An operator at a terminal."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def dead(self, *args: str, code: int = 0) -> str:
        """Run `parley dead …`; give what it prints."""
        return await self.parley("dead", *args, code=code)

    async def parley(self, *args: str, code: int = 0) -> str:
        """Run `parley …` on the house's folder."""
        done = await asyncio.to_thread(
            subprocess.run,
            parley(*args, "--data", str(self._house.folder)),
            env=environment(COLUMNS="200"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=WAIT_SECONDS,
            check=False,
        )
        assert done.returncode == code, f"{args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    async def dead_json(self, *args: str, code: int = 0) -> Any:
        return json.loads(await self.dead(*args, "--json", code=code))

    async def sees_held(self, services: set[str]) -> None:
        """Look until these services, and no others, hold a case."""
        held: set[str] = set()
        async with asyncio.timeout(WAIT_SECONDS):
            while held != services:
                held = {one["service"] for one in await self.dead_json("held")}

    async def states(self, **fields: str) -> dict[str, str]:
        found = await self.dead_json("list", *(f"--{name}={value}" for name, value in fields.items()))
        return {letter["short"]: letter["state"] for letter in found["letters"]
                if letter["topic"] == "bank.events"}  # fmt: skip


async def spoil(settings: Settings, platform: KafkaPlatform) -> tuple[str, str, str, str]:
    """Park a customer by two unreadable records with a good one between and after; give the four ids."""
    async with Vandal(settings) as vandal, EventPublisher(settings) as publisher:
        await publisher.send(overdue(VICTIM, day(0)))
        places = []
        for number in (2, 3, 4, 5):
            key, value, headers = raw(overdue(VICTIM, day(0), f"{VICTIM}-{number}"))
            spoilt = f"{{{NOBODY}}}".encode() if number in {2, 4} else value
            _, partition, offset = await vandal.throw("bank.events", Rubbish("x", key, spoilt, headers))
            places.append(f"intake/bank/{partition}/{offset}")
        await vandal.throw("bank.events", Rubbish("no key", None, b"{}", partition=1))
        await publisher.close_day(day(0))
        await platform.settled(day(0))
    first, second, third, fourth = places
    return first, second, third, fourth


@pytest.mark.slow
async def test_an_operator_finds_replays_and_discards(house: House) -> None:
    desk = Desk(house)
    assert "no data" in await desk.dead("list", code=1)
    await house.start()
    settings = house.settings()
    assert "no dead letters" in await desk.dead("list")
    assert "nothing is parked" in await desk.dead("held")
    assert "nothing to replay" in await desk.dead("replay", "--all", "--yes")
    async with KafkaPlatform(settings, load_all()) as platform:
        first, second, third, fourth = await spoil(settings, platform)
        nobodys = next(id_ for id_ in await desk.states(state="final") if id_.startswith("intake/bank/1/"))
        parked = dict.fromkeys((first, second, third, fourth), "parked")
        assert await desk.states(service="intake") == {**parked, nobodys: "final"}
        assert await desk.states(reason="undecodable", case=VICTIM, service="intake") == {first: "parked"}, (
            "the second one is parked because its case is"
        )
        assert (await desk.states(since="1h", until="2100-01-01")).keys() >= parked.keys()
        listed = await desk.dead("list", "--service", "intake", "--limit", "1")
        assert "dead letters (--limit shows more)" in listed
        assert listed.count("intake/") == 1

        (held,) = await desk.dead_json("held")
        assert (held["service"], held["document"], held["reason"]) == ("intake", VICTIM, "undecodable")
        assert held["since"]
        waiting = [message["id"].replace("bank.events", "bank") for message in held["messages"]]
        assert [name for name in waiting if name in parked] == list(parked)
        assert waiting[0] == first
        assert case_id(VICTIM, 1) in held["cases"]
        assert "assessment" in held["held_by_too"]

        told = await desk.dead("show", first)
        assert "undecodable" in told
        assert f'parley dead discard {first} --reason "…"' in told
        assert NOBODY not in told
        whole = first.replace("bank", "bank.events")
        assert NOBODY in await desk.dead("show", whole, "--value")
        assert f"Say which one: {first}, archive/" in await desk.dead(
            "show", first.removeprefix("intake/"), code=2
        ), "the archive has a letter of the same record"
        assert f"parley dead show {first}" in await desk.dead("show", third)

        # Two at once: one too many does no harm.
        for said in await asyncio.gather(*(desk.dead("replay", first, code=1) for _ in range(2))):
            assert f"parked again at {first} (undecodable), 0 decided, {len(waiting)} wait" in said
        assert f"{len(waiting)} wait" in await desk.dead("replay", "--service", "intake", "--dry-run")
        assert "--reason" in await desk.dead("discard", first, code=2)
        refused = await desk.dead("discard", second, "--reason", WHY, code=1)
        assert f"{first} (undecodable) must go first" in refused
        assert "no document holds it" in await desk.dead("discard", nobodys, "--reason", WHY, code=1)

        dropped = await desk.dead("discard", first, "--reason", WHY, "--by", "ann")
        assert "parley dead replay --service intake --case VICTIM" in dropped
        assert f"discarded already, by ann: {WHY}" in await desk.dead(
            "discard", first, "--reason", WHY, code=1
        )
        (again,) = await desk.dead_json("replay", "--service", "intake", "--case", VICTIM, "--yes", code=1)
        assert (again["outcome"], again["waiting"]) == ("parked", len(waiting) - 2)
        assert again["at"].replace("bank.events", "intake/bank") == third
        assert await desk.states(service="intake", reason="undecodable") == {
            first: "discarded", third: "parked", nobodys: "final",
        }  # fmt: skip
        await desk.dead("discard", third, "--reason", WHY, "--by", "ann")
        assert "1 of 1" not in await desk.dead("replay", "--all", "--yes")
        assert "is not parked (decided)" in await desk.dead("replay", fourth)

        states = await desk.states(service="intake")
        assert states == {first: "discarded", second: "decided", third: "discarded", fourth: "decided",
                          nobodys: "final"}  # fmt: skip
        assert f"by ann: {WHY}" in await desk.dead("show", third)
        told = await desk.parley("case", case_id(VICTIM, 1))
        assert f"({third.removeprefix('intake/').replace('bank', 'bank.events')}) ({WHY})" in told
        async with EventPublisher(settings) as publisher:
            await publisher.close_day(day(0) + timedelta(days=1))
        await platform.settled(day(1))
    await house.stop()
    assert wrong(await house.check()) == []
    assert f"discarded by ann: {WHY}" in await desk.dead("list", "--state", "discarded")
    assert "nothing is parked" in await desk.dead("held")
    assert "No platform runs" in await desk.dead("replay", "--all", "--yes", code=1)


async def spoil_desk(settings: Settings, platform: KafkaPlatform) -> str:
    """Say something about a known case at the desk that no service can read; give its record."""
    async with Vandal(settings) as vandal, EventPublisher(settings) as publisher:
        told = overdue(VICTIM, day(0))
        await publisher.send(told)
        await publisher.close_day(day(0))
        await platform.settled(day(0))
        key, _, headers = raw(replace(told, id="desk-1", subject=case_id(VICTIM, 1)))
        _, partition, offset = await vandal.throw("desk.events", Rubbish("x", key, b"{cut o", headers))
        await publisher.close_day(day(1))
        await platform.settled(day(1))
    return f"desk/{partition}/{offset}"


@pytest.mark.slow
async def test_one_command_drops_a_message_that_every_service_holds(house: House) -> None:
    desk = Desk(house)
    everybody = (*SERVICES, "archive")
    await house.start()
    settings = house.settings()
    async with KafkaPlatform(settings, load_all()) as platform:
        record = await spoil_desk(settings, platform)
        await desk.sees_held(set(everybody))  # the archive closes no day: it may still be reading
        assert f"parley dead discard intake/{record} --everywhere" in await desk.dead(
            "show", f"intake/{record}"
        )
        nowhere = record.rsplit("/", 1)[0] + "/999"
        drop = ("discard", record, "--everywhere", "--reason", WHY, "--by", "ann")
        assert "No service has a dead letter of that record" in await desk.dead(
            "discard", nowhere, *drop[2:], code=1
        )
        possible = await desk.dead_json(*drop, "--dry-run")
        assert {one["service"]: one["outcome"] for one in possible} == dict.fromkeys(everybody, "possible")
        told = await desk.dead(*drop)
        assert [line.split(":")[0] for line in told.splitlines() if ": discarded" in line] == list(everybody)
        again = await desk.dead(*drop)
        assert again.count(f"was discarded before: by ann: {WHY}") == len(everybody)
        await desk.dead("replay", "--case", VICTIM, "--yes")
        assert "nothing is parked" in await desk.dead("held")
        async with EventPublisher(settings) as publisher:
            await publisher.close_day(day(2))
        await platform.settled(day(2))
    await house.stop()
    await desk.parley("check")
    listed = await desk.dead("list", "--reason", "undecodable", "--state", "discarded")
    assert listed.count(f"discarded by ann: {WHY}") == len(everybody)
