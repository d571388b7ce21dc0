"""One customer's case is parked, by a decider's bug and by poison; mended or discarded, it comes to the same.

Two customers of the portfolio are the victims of a day. For the one, the decider of a service raises: its
case waits until a version without the bug runs and `parley dead replay` is given. For the other, bytes that
nobody can read bear its number: they are discarded, and what waits behind them is replayed. All that happens
before the day is closed, so that both must come to exactly what they come to where nothing can fail. Nobody
else notices anything.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deploy.demo.live import KafkaPlatform
from deploy.embedded.platform import Addresses
from services.cli.catalogue import load_all
from services.cli.main import app
from services.console.audit import audit
from shared.contracts.envelope import Envelope
from shared.contracts.ids import case_id
from shared.contracts.registry import SERVICES
from shared.contracts.runtime import CaseHeld, CaseReleased
from shared.runtime.admin import prepare, read_documents
from shared.runtime.kafka.groups import group_members
from shared.runtime.service import group_of
from shared.runtime.settings import Settings
from tests.fault.garbage import Rubbish
from tests.fault.house import WAIT_SECONDS, environment_on
from tests.fault.living import (
    RETRIES,
    START,
    Besieged,
    Trouble,
    again,
    day,
    differences,
    outcomes,
    said,
    world,
)
from tests.fault.nemesis import MARK, PARTITIONS, STRANGER
from tests.fault.raising import RAISES, Raising
from tests.fault.test_garbage import Place, Vandal
from tests.journey.sequential import SequentialPlatform
from tests.runtime.support import fresh, settings_of

pytestmark = pytest.mark.kafka

STATEMENT = "parley.desk.statement.submitted.v1"
SPOILT = b"\x00{not a message of anybody"
WHY = "cut off by the sender"
NOBODY_THERE = ("A server does not answer", "No replica of")
"""What `parley dead` says where servers or replicas are only coming back."""

Said = dict[str, Counter[str]]


@dataclass(frozen=True)
class Life:
    """Days of a portfolio, and who is struck on one of them."""

    customers: int
    days: int
    seed: int
    replicas: int

    def world(self, platform: Any) -> Any:
        return world(platform, customers=self.customers, days=self.days, seed=self.seed)


@dataclass(frozen=True)
class Victims:
    """Two customers who say on one day what they own; both have been known for days."""

    day: int
    raising: str
    spoilt: str


async def calm(life: Life) -> tuple[Said, Victims]:
    """What each case comes to where nothing can fail, and who of them can be struck before the last day."""
    platform = SequentialPlatform(load_all(), partitions=PARTITIONS)
    await life.world(platform).live()
    assert platform.failures() == []
    speaking: dict[int, dict[str, None]] = defaultdict(dict)
    for message in platform.published:
        if message.type == STATEMENT:
            speaking[(message.day - START).days][message.key] = None
    found = (Victims(at, *list(them)[:2]) for at, them in sorted(speaking.items())
             if len(them) > 1 and at < life.days - 1)  # fmt: skip
    return said(one for one in platform.published if one.source.startswith("/parley/")), next(found)


async def nothing() -> None:
    """No trouble at all."""


class Operator:
    """Whoever sees that something is parked, and gives the commands.

    `blow` comes while a command is obeyed, once with each.
    """

    def __init__(self, settings: Settings, victims: Victims, blow: Trouble = nothing) -> None:
        self._settings, self._victims, self._blow = settings, victims, blow
        self.case = case_id(victims.raising, 1)

    async def dead(self, *args: str, code: int = 0) -> str:
        """Run `parley dead …` on the platform's servers; give what it prints.

        Where nobody is there to be asked it is given again, as people do.
        """
        for _ in range(RETRIES):
            env = environment_on(self._settings)
            done = await asyncio.to_thread(CliRunner().invoke, app, ["dead", *args], env=env)
            if not any(text in done.output for text in NOBODY_THERE):
                break
            await asyncio.sleep(0.2)
        assert done.exit_code == code, f"{args}: {done.exit_code} {done.output} {done.exception!r}"
        return done.output

    async def commands(self, *args: str, code: int = 0) -> str:
        """Give a command that changes something, and let the blow come meanwhile."""
        given = asyncio.create_task(self.dead(*args, "--wait", str(WAIT_SECONDS), code=code))
        await self._blow()
        return await given

    async def held(self) -> dict[str, tuple[str, str]]:
        """What is parked: service and reason, by document. Strangers are not looked at."""
        found = json.loads(await self.dead("held", "--json"))
        return {one["document"]: (one["service"], one["reason"]) for one in found
                if one["document"] != STRANGER}  # fmt: skip

    async def sees(self) -> None:
        """Wait until both are parked, and held wherever they are known; nobody else is."""
        # Who is parked at intake may have a new case any time: that one would be held too.
        theirs = [case_id(self._victims.spoilt, number) for number in (1, 2)]
        wanted = {(case, name) for case in theirs for name in SERVICES[1:]}
        wanted |= {(self.case, name) for name in SERVICES[2:]}
        wanted.add((self._victims.raising, "intake"))  # its own document is the customer's
        await self._come_to(wanted)
        assert await self.held() == {
            self.case: ("assessment", "decider-failed"),
            self._victims.spoilt: ("intake", "undecodable"),
        }

    async def _holding(self) -> set[tuple[str, str]]:
        """Whose documents are held, of all cases."""
        return await again(self._held_now)

    async def _held_now(self) -> set[tuple[str, str]]:
        return {
            (one["_id"], service)
            for service in SERVICES
            async for one in read_documents(self._settings, f"{service}.cases", {"held": True})
            if one["park"] is None and one["key"] != STRANGER
        }

    async def replays_too_soon(self) -> None:
        """A replay parks again where the bug is still there and the bytes have not been discarded."""
        for service, document, reason in (
            ("assessment", self.case, "decider-failed"),
            ("intake", self._victims.spoilt, "undecodable"),
        ):
            told = await self.commands("replay", "--service", service, "--case", document, "--yes", code=1)
            assert f"({reason})" in told

    async def mends(self, place: Place) -> None:
        """The bug is gone and the bytes are discarded: what waited is decided, and nobody holds anybody."""
        await self._present()
        await self.commands("replay", "--service", "assessment", "--case", self.case, "--yes")
        id_ = f"intake/bank/{place[1]}/{place[2]}"
        await self.commands("discard", id_, "--reason", WHY)
        await self.commands("replay", "--service", "intake", "--case", self._victims.spoilt, "--yes")
        assert await self.held() == {}
        await self._come_to(set())

    async def _present(self) -> None:
        """Wait until replicas of both services have joined again: nobody else would obey."""
        async with asyncio.timeout(WAIT_SECONDS):
            for service in ("intake", "assessment"):
                members = partial(group_members, self._settings, group_of(service))
                while not await again(members):  # noqa: ASYNC110 - another process's
                    await asyncio.sleep(0.1)

    async def _come_to(self, wanted: set[tuple[str, str]]) -> None:
        """Wait until exactly these documents are held."""
        found: set[tuple[str, str]] = set()
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while (found := await self._holding()) != wanted:  # noqa: ASYNC110 - other processes'
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"held: {sorted(found)}, not {sorted(wanted)}") from None


class Struck:
    """The demo's `Platform`: something happens before one day, and something before its close."""

    def __init__(
        self,
        inner: Besieged,
        at: int,
        before: Callable[[], Awaitable[Any]],
        meanwhile: Callable[[], Awaitable[Any]],
    ) -> None:
        self._inner, self._at = inner, day(at)
        self._eve, self._before, self._meanwhile = day(at - 1), before, meanwhile

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def close_day(self, today: date) -> None:
        if today == self._at:
            await self._meanwhile()
        await self._inner.close_day(today)

    async def settled(self, today: date) -> list[Envelope[Any]]:
        fresh = await self._inner.settled(today)
        if today == self._eve:
            await self._before()
        return fresh


def but_for_holds(live: Said, customers: Sequence[str]) -> Said:
    """The story without what is held and released of these customers, their next case included."""
    cases = {case_id(customer, number) for customer in customers for number in (1, 2)}
    runtime = (CaseHeld.TYPE, CaseReleased.TYPE)
    return {
        case: Counter({text: times for text, times in texts.items()
                       if case not in cases or not text.startswith(runtime)})
        for case, texts in live.items()
    }  # fmt: skip


async def lived(
    platform: Besieged, settings: Settings, vandal: Vandal, life: Life, victims: Victims,
    mend: Trouble, trouble: Trouble = nothing, blow: Trouble = nothing,
) -> Place:  # fmt: skip
    """Live the days. Where the poison lies.

    On the victims' day `trouble` comes while they are parked, and a `blow` with each command.
    """
    operator = Operator(settings, victims, blow)
    places: list[Place] = []

    async def before() -> None:
        # By its mark a nemesis knows that it must not say it again.
        poison = Rubbish("bytes", victims.spoilt.encode(), SPOILT, ((MARK, b"a victim's"),))
        places.append(await vandal.throw("bank.events", poison))

    async def meanwhile() -> None:
        await operator.sees()
        await trouble()
        await operator.sees()
        await operator.replays_too_soon()
        await mend()
        await operator.mends(places[0])

    await life.world(Struck(platform, victims.day, before, meanwhile)).live()
    return places[0]


@pytest.mark.slow
async def test_a_bug_and_poison_cost_two_customers_a_wait_and_nobody_else_anything(
    servers: Addresses, tmp_path: Path
) -> None:
    life = Life(customers=6, days=5, seed=57, replicas=1)  # they say early what they own
    same, victims = await calm(life)
    settings = settings_of(servers, prefix=fresh("p."), partitions=PARTITIONS)
    await prepare(settings, load_all())
    bug = {RAISES: f"assessment {victims.raising} {STATEMENT}"}
    replica = Raising("all", tmp_path, settings, **bug)
    replica.start()
    try:
        async with Vandal(settings) as vandal, KafkaPlatform(settings, load_all()) as inner:
            poison = await lived(Besieged(inner, {}), settings, vandal, life, victims, replica.mend)
        await replica.stop()
    finally:
        replica.abandon()
    found = await audit(settings, load_all())
    assert [text for check in found.checks for text in check.findings] == []
    told = await outcomes(settings)
    assert {CaseHeld.TYPE in text for text in told[case_id(victims.spoilt, 1)]} == {False, True}
    assert differences(but_for_holds(told, (victims.raising, victims.spoilt)), same) == []
    assert poison[0] == "bank.events"
