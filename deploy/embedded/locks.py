"""File locks that the kernel releases when their holder dies, kill -9 included."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.embedded.errors import StartError

_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock: for the message to the one who comes second. `role` is `running` or `reading`."""

    pid: int
    role: str
    command: str

    @classmethod
    def this_process(cls, role: str) -> Holder:
        program = Path(sys.argv[0]).name or "python"
        return cls(os.getpid(), role, " ".join([program, *sys.argv[1:2]]))


class FileLock:
    """An exclusive or shared lock on a file; not re-entrant, one per process and file.

    The file stays behind when the lock is released: removing it would let two processes hold "the" lock.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        return self._descriptor is not None

    def try_acquire(self, *, shared: bool = False) -> bool:
        """Take the lock now, or change its kind when it is held; False when another process is in the way."""
        if self._descriptor is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        else:
            descriptor = self._descriptor
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            if self._descriptor is None:
                os.close(descriptor)
            return False
        except OSError:
            if self._descriptor is None:
                os.close(descriptor)
            raise
        self._descriptor = descriptor
        return True

    async def acquire(self, *, shared: bool = False, wait: float | None = None) -> bool:
        """Take the lock within `wait` seconds (None: for ever); False when that was not possible."""
        ends = None if wait is None else time.monotonic() + wait
        while not self.try_acquire(shared=shared):
            if ends is not None and time.monotonic() >= ends:
                return False
            await asyncio.sleep(_POLL_SECONDS)
        return True

    def write_holder(self, holder: Holder) -> None:
        """Say in the locked file who we are. Only while the lock is held exclusively."""
        if self._descriptor is None:
            raise RuntimeError("the lock is not held")
        text = json.dumps(asdict(holder)).encode()
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text, 0)

    def read_holder(self) -> Holder | None:
        """Who wrote last; None when that cannot be read (the holder may be writing)."""
        with contextlib.suppress(OSError, ValueError, TypeError):
            return Holder(**json.loads(self.path.read_text(encoding="utf-8")))
        return None

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)  # closing the only descriptor gives the lock back
            self._descriptor = None

    def __enter__(self) -> Self:
        if not self.try_acquire():
            holder = self.read_holder()
            raise StartError(
                f"{self.path} is locked by {describe(holder)}.", "Wait until it is done, or stop it."
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def describe(holder: Holder | None) -> str:
    """`process 4711 (parley up)`, for messages."""
    return "another process" if holder is None else f"process {holder.pid} ({holder.command})"
