"""Looks at the engines of a process every few seconds, for /ready and /lag, the gauges and the watchdog."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn, Protocol

from shared.runtime.engine import Engine
from shared.runtime.health import Standing, Watch
from shared.runtime.limits import Limits
from shared.runtime.ports import Clock, Meter, PortError
from shared.runtime.watchdog import Watchdog

__all__ = ["Monitor", "Report"]

_LOOKS: Final = 12  # within the time after which stillness is trouble
_MOST_SECONDS: Final = 5.0
_ANSWER_SECONDS: Final = 5.0

Probe = Callable[[], Awaitable[None]]


class Watching(Protocol):
    """Looks at something that runs in this process."""

    async def look(self, passed: float) -> Standing:
        """Say how it stands, `passed` seconds after the last look."""
        ...


@dataclass(frozen=True, slots=True)
class Report:
    """What the last look found. Never changed: the next look makes a new one."""

    standings: tuple[Standing, ...] = ()
    silent: tuple[str, ...] = ()  # servers that do not answer

    @property
    def ready(self) -> bool:
        """Whether the process does what it is there for."""
        return bool(self.standings) and not self.reasons

    @property
    def reasons(self) -> list[dict[str, Any]]:
        """Why it does not: which service, which partition, what. No personal data."""
        silent = [{"server": name, "why": "does not answer"} for name in self.silent]
        return silent + [one.plain() for standing in self.standings for one in standing.troubles]

    def readiness(self) -> dict[str, Any]:
        """Give what /ready says."""
        reasons = self.reasons if self.standings else [{"why": "starting"}]
        states = {one.service: one.state.value for one in self.standings}
        return {"ready": self.ready, "services": states, "reasons": reasons}

    def lag(self) -> list[dict[str, Any]]:
        """Give what /lag says."""
        return [row for standing in self.standings for row in standing.plain()]


class Monitor:
    """Looks at `engines` (and `others`) and asks `servers` whether they answer.

    `report` may be read from any thread.
    """

    def __init__(
        self,
        engines: Sequence[Engine],
        limits: Limits,
        clock: Clock,
        meter: Meter,
        servers: Mapping[str, Probe],
        others: Sequence[Watching] = (),
    ) -> None:
        self._clock = clock
        self._servers = servers
        watches = [Watch(engine, clock, meter, limits.ready_seconds) for engine in engines]
        self._watches: list[Watching] = [*watches, *others]
        self._watchdog = Watchdog(limits.stall_seconds)
        self._pause = min(_MOST_SECONDS, limits.ready_seconds / _LOOKS)
        self.report = Report()

    async def run(self) -> NoReturn:
        """Look again and again. Raises StalledError when an engine is stuck."""
        last = self._clock.monotonic()
        while True:
            await self._clock.sleep(self._pause)
            now = self._clock.monotonic()
            # A process that was suspended has not been still for so long: it had no chance to move.
            await self.look(min(now - last, 2 * self._pause))
            last = now

    async def look(self, passed: float) -> None:
        """Look once, `passed` seconds after the last time."""
        silent = await self._silent()
        standings = tuple([await watch.look(passed) for watch in self._watches])
        self.report = Report(standings, silent)
        self._watchdog.judge(standings, servers_answer=not silent)

    async def _silent(self) -> tuple[str, ...]:
        async def answers(probe: Probe) -> bool:
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    await probe()
            except (PortError, TimeoutError):
                return False
            return True

        found = await asyncio.gather(*(answers(probe) for probe in self._servers.values()))
        return tuple(name for name, answered in zip(self._servers, found, strict=True) if not answered)
