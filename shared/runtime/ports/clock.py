"""Wall time."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

__all__ = [
    "Clock",
]


class Clock(Protocol):
    """Wall time: for back-off, deadlines, durations and stamps meant for people. Never reaches a decider."""

    def now(self) -> datetime:
        """Now, aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that only grow."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...

    def jitter(self) -> float:
        """A number in [0, 1), to spread retries."""
        ...
