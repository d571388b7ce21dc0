"""Patience: an outage backs off and tries again, for ever or until the work is no longer ours (rule 10)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from shared.runtime.limits import Limits
from shared.runtime.ports import Clock, Meter, UnavailableError

__all__ = ["AbandonedError", "Patience"]

T = TypeVar("T")


class AbandonedError(Exception):
    """The assignment is no longer worked on: somebody else owns it, or the drain deadline has passed."""


class Patience:
    """Retries what is unavailable, with exponential back-off and full jitter."""

    def __init__(self, clock: Clock, meter: Meter, limits: Limits, service: str) -> None:
        self._clock = clock
        self._meter = meter
        self._limits = limits
        self._service = service

    async def insist(self, stage: str, call: Callable[[], Awaitable[T]], lost: Callable[[], bool]) -> T:
        """Give what `call` gives, trying while it raises UnavailableError; AbandonedError once `lost()`."""
        attempt = 0
        while True:
            if lost():
                raise AbandonedError(stage)
            try:
                return await call()
            except UnavailableError:
                self._meter.count("retries", service=self._service, stage=stage)
                await self.pause(attempt)
                attempt += 1

    async def pause(self, attempt: int) -> None:
        """Wait before try `attempt + 1`."""
        most = min(self._limits.backoff_most, self._limits.backoff_first * 2 ** min(attempt, 16))
        await self._clock.sleep(most * (0.5 + self._clock.jitter() / 2))
