"""The demo's days on a platform that is being killed, and the same days where nothing can fail."""

from __future__ import annotations

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, TypeVar

from deploy.demo.live import KafkaPlatform
from deploy.demo.portfolio import generate
from deploy.demo.world import World
from services.cli.catalogue import load_all
from services.console.audit import audit
from shared.contracts import offer
from shared.contracts.cloudevents import DecodeError, decode
from shared.contracts.envelope import Envelope
from shared.contracts.registry import SERVICES
from shared.contracts.runtime import ServiceDayClosed
from shared.runtime.admin import scan
from shared.runtime.ports import UnavailableError
from shared.runtime.service import topic_of
from shared.runtime.settings import Settings
from tests.fault.house import PARTITIONS
from tests.journey.sequential import SequentialPlatform

START = date(2026, 1, 5)
ENTRY_DAYS = 8
RETRIES = 600  # with a pause between each two: as patient as whoever waits for a process

T = TypeVar("T")
Trouble = Callable[[], Awaitable[None]]


class Besieged:
    """The demo's `Platform` over one that comes and goes: what is interrupted is said again.

    `troubles` are begun when their day's messages have been published, `delays` seconds later.
    """

    def __init__(
        self, inner: KafkaPlatform, troubles: Mapping[date, Sequence[tuple[float, Trouble]]]
    ) -> None:
        self._inner = inner
        self._troubles = dict(troubles)
        self._under_way: list[asyncio.Task[None]] = []

    async def publish(self, messages: Sequence[Envelope[Any]]) -> None:
        await again(lambda: self._inner.publish(messages))

    async def close_day(self, day: date) -> None:
        self._begin(day)
        await again(lambda: self._inner.close_day(day))

    async def settled(self, day: date) -> list[Envelope[Any]]:
        fresh = await again(lambda: self._inner.settled(day))
        await self._over()  # a trouble that is still coming belongs to this day
        return fresh

    async def struck(self, day: date) -> None:
        """Let the day's troubles come before it is closed, and wait until they are over."""
        self._begin(day)
        await self._over()

    def _begin(self, day: date) -> None:
        for delay, trouble in self._troubles.pop(day, ()):
            self._under_way.append(asyncio.create_task(_later(delay, trouble)))

    async def _over(self) -> None:
        for task in self._under_way:
            await task
        self._under_way.clear()

    async def finished(self) -> None:
        await again(self._inner.finished)


async def _later(delay: float, trouble: Trouble) -> None:
    await asyncio.sleep(delay)
    await trouble()


async def again(call: Callable[[], Awaitable[T]]) -> T:
    """Call until the platform answers; fail when it does not come back."""
    for _ in range(RETRIES):
        try:
            return await call()
        except UnavailableError:
            await asyncio.sleep(0.2)
    raise AssertionError("the platform did not come back")


def world(platform: Any, *, customers: int, days: int, seed: int) -> World:
    portfolio = generate(customers, seed=seed, start=START, entry_days=ENTRY_DAYS)
    return World(portfolio, seed=seed, start=START, days=days, platform=platform)


async def came_to_the_same(
    settings: Settings, *, customers: int, days: int, seed: int, partitions: int
) -> None:
    """Everything adds up, and every case has come to what it comes to where nothing can fail."""
    found = await audit(settings, load_all())
    findings = [text for check in found.checks for text in check.findings]
    assert findings == [], findings
    assert all(check.looked_at for check in found.checks)
    live = await outcomes(settings)
    assert live
    calm = await undisturbed(customers=customers, days=days, seed=seed, partitions=partitions)
    different = differences(live, calm)
    assert different == [], different


def day(number: int) -> date:
    """The `number`-th day, from 0."""
    return START + timedelta(days=number)


async def undisturbed(
    *, customers: int, days: int, seed: int, partitions: int = PARTITIONS
) -> dict[str, Counter[str]]:
    """What the services say of each case when nothing can fail: by case."""
    platform = SequentialPlatform(load_all(), partitions=partitions)
    await world(platform, customers=customers, days=days, seed=seed).live()
    assert platform.failures() == []
    return said(message for message in platform.published if message.source.startswith("/parley/"))


async def outcomes(settings: Settings) -> dict[str, Counter[str]]:
    """The same from the topics; what was published twice counts once."""
    messages: dict[tuple[str, str], Envelope[Any]] = {}
    for service in SERVICES:
        async for record in scan(settings, topic_of(service)):
            try:
                message = decode(record.key, record.value, record.headers)
            except DecodeError:
                continue
            own = message.source == f"/parley/{service}" and message.sequence is not None
            if own and message.subject is not None and not isinstance(message.data, ServiceDayClosed):
                messages[message.source, message.id] = message
    return said(messages.values())


_DERIVED = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{64}")
_PASSING = (offer.OfferTabled.TYPE, offer.OfferRevised.TYPE, offer.OfferWithdrawn.TYPE)


def said(messages: Iterable[Envelope[Any]]) -> dict[str, Counter[str]]:
    """What is said of each case, without what depends on which of one day's facts came first.

    Those are ids derived from a cause, and an offer that stood for the moment between two of them: a wish for
    other terms that is answered before the day's new figures are known is answered again with them, as a
    table laid anew; after them it is answered once, as a revision. What is agreed names the offer that stood.
    """
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for message in messages:
        if message.type not in _PASSING:
            data = message.data.model_dump_json(exclude={"round", "intake_sequence"})
            found[message.case][f"{message.type} {message.time} {_DERIVED.sub('#', data)}"] += 1
    return dict(found)


def differences(live: Mapping[str, Counter[str]], calm: Mapping[str, Counter[str]]) -> list[str]:
    """Say where the two stories differ, by case and type."""
    lines = []
    for case in sorted({*live, *calm}):
        more, fewer = live.get(case, Counter()), calm.get(case, Counter())
        lines += [f"{case}: only live {what}" for what in sorted((more - fewer).elements())]
        lines += [f"{case}: only calm {what}" for what in sorted((fewer - more).elements())]
    return lines
