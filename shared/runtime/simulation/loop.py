"""An event loop whose time is virtual: it jumps to the next timer. Same callbacks, same order, every time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ["StuckError", "VirtualLoop", "run_virtual"]

T = TypeVar("T")


class StuckError(Exception):
    """Nothing is ready and no timer is set: every task waits for another."""


class _Selector:
    """Waits by moving the clock."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise StuckError("every task waits for another")
        self._loop.now += timeout
        return []

    def close(self) -> None:
        """Nothing is open."""


class VirtualLoop(asyncio.BaseEventLoop):
    """asyncio's own loop with no files and no wall clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self._selector = _Selector(self)
        self._clock_resolution = 1e-9

    def time(self) -> float:
        """Virtual seconds since the start."""
        return self.now

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody waits in another thread."""


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` on a loop of its own; tasks that are left are cancelled."""
    loop = VirtualLoop()
    loop.set_exception_handler(lambda _loop, _context: None)  # tasks of crashed processes die alone
    try:
        return loop.run_until_complete(main)
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.close()
