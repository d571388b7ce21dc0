"""`wait_until_read`: services that run are given a moment, nobody else is waited for."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from services.cli.catalogue import load_all
from shared.runtime import admin
from shared.runtime.ports import TopicPartition
from shared.runtime.settings import Settings

ARCHIVE = next(service for service in load_all() if service.name == "archive")
AT = TopicPartition("bank.events", 0)


class World:
    """Positions of the archive that advance each time they are asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, saved: Iterable[int], *, running: bool) -> None:
        self._saved = list(saved)
        self.asked = 0
        self.closed = False
        self._running = running
        monkeypatch.setattr(admin, "MongoStore", lambda _settings: self)
        monkeypatch.setattr(admin, "end_offsets", self._ends)
        monkeypatch.setattr(admin, "groups_with_members", self._groups)
        monkeypatch.setattr(admin, "_LOOK_AGAIN_SECONDS", 0.001)

    async def start(self) -> None:
        pass

    async def close(self) -> None:
        self.closed = True

    async def positions(self, _service: str) -> list[dict[str, Any]]:
        reached = self._saved[min(self.asked, len(self._saved) - 1)]
        self.asked += 1
        return [{"_id": 0, "inputs": [{"topic": "bank.events", "next": reached}]}]

    async def _ends(self, _settings: Settings, _topics: list[str]) -> dict[TopicPartition, tuple[int, int]]:
        return {AT: (3, 10), TopicPartition("dead.letters.of.nobody", 0): (0, 7)}

    async def _groups(self, _settings: Settings, groups: list[str]) -> dict[str, int]:
        return dict.fromkeys(groups, 1) if self._running else {}


async def waited(seconds: float) -> Mapping[TopicPartition, tuple[int, int]]:
    async with asyncio.timeout(60):
        return await admin.wait_until_read(Settings.load(), [ARCHIVE], seconds)


async def test_it_waits_until_what_runs_has_read_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    there = World(monkeypatch, [4, 9, 10, 10], running=True)
    assert (await waited(3600))[AT] == (3, 10), "up to where it has been read by all"
    assert there.asked == 3
    assert there.closed


async def test_nobody_is_waited_for_who_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    there = World(monkeypatch, [4], running=False)
    await waited(3600)
    assert there.asked == 1


async def test_whoever_is_stuck_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    there = World(monkeypatch, [4], running=True)
    looked = itertools.count()  # a second passes with each look at the clock
    monkeypatch.setattr(admin, "time", SimpleNamespace(monotonic=lambda: next(looked)))
    await waited(3)
    assert there.asked == 2
    assert there.closed
