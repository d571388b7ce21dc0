"""A replica that cannot get on ends, and says where it was stuck: a hang helps nobody.

`Watchdog` judges what health has found, on the event loop. `Sentinel` is a thread, for when the loop itself
does not turn any more, or an end that was begun does not come to its end.

An outage is no hang: while a server is away, everything waits and tries again (rule 10).
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Final, Self

from shared.runtime.health import Standing
from shared.runtime.logs import get_logger
from shared.runtime.ports import FatalError

__all__ = ["STALLED", "Sentinel", "StalledError", "Watchdog"]

STALLED: Final = 75
"""Exit code of a replica that was stuck (EX_TEMPFAIL of sysexits.h): starting it again is worth while."""

_LOOKS: Final = 20  # within the time that the loop may stand still


class StalledError(FatalError):
    """Nothing has moved for too long although there is work and the servers answer."""


class Watchdog:
    """Ends what has been still for `stall_seconds`."""

    def __init__(self, stall_seconds: float) -> None:
        self._patience = stall_seconds

    def judge(self, standings: Sequence[Standing], servers_answer: bool) -> None:
        """Raise StalledError for the first engine that is stuck."""
        if not servers_answer:
            return
        for standing in standings:
            for trouble in standing.troubles:
                if trouble.still > self._patience:
                    where = "" if trouble.partition is None else f" partition {trouble.partition}"
                    raise StalledError(f"{trouble.service}{where} is stuck: {trouble.why}")


class Sentinel:
    """Ends the process from a thread when the loop has not called `turned` for `seconds`, within its `with`.

    It begins with the first `turned`. Looks are counted, not seconds: a process that was suspended gets its
    time when it wakes up.
    """

    def __init__(
        self, seconds: float, stages: Callable[[], Any] = dict, end: Callable[[int], Any] = os._exit
    ) -> None:
        self._pause = seconds / _LOOKS
        self._stages = stages
        self._end = end
        self._turns = 0
        self._left = threading.Event()
        self._deadline: int | None = None
        self._thread = threading.Thread(target=self._watch, name="parley-sentinel", daemon=True)
        self._log = get_logger("watchdog")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._left.set()
        self._thread.join()

    def watch(self, stages: Callable[[], Any]) -> None:
        """Say what is under way in the words of `stages` if it comes to the worst."""
        self._stages = stages

    def turned(self) -> None:
        """Note that the loop turns."""
        self._turns += 1

    def expect_the_end(self, seconds: float) -> None:
        """Give the process so long to end by itself."""
        self._deadline = max(1, math.ceil(seconds / self._pause))

    def _watch(self) -> None:
        seen, missed = self._turns, 0
        while not self._left.wait(self._pause):
            missed = missed + 1 if 0 < self._turns == seen else 0  # what starts is not watched yet
            seen = self._turns
            if self._deadline is not None:
                self._deadline -= 1
            if missed >= _LOOKS or self._deadline == 0:
                what = "the event loop does not turn" if missed >= _LOOKS else "it does not come to its end"
                self._log.critical("stuck: %s; under way: %s; run: parley doctor", what, self._stages())
                self._end(STALLED)
                return
