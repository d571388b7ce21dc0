"""Child processes that log to a file, live in their own process group and cannot outlive us."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_GUARD = Path(__file__).with_name("guard.py")
_POLL_SECONDS = 0.05
_MAX_LOG_BYTES = 32 * 1024 * 1024


def spawn(
    argv: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.Popen[bytes]:
    """Start `argv` (absolute program path) with its output appended to `log`.

    The child leads its own process group, so that Ctrl-C in the terminal reaches only us and we decide the
    order of stopping. It is killed by the kernel when this process, or the thread that called, ends: only the
    main thread may call, because a helper thread would take its children with it when it is done.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError(
            "child processes are started from the main thread only: they die with their thread"
        )
    log.parent.mkdir(parents=True, exist_ok=True)
    _rotate(log)
    guarded = [sys.executable, "-I", "-S", str(_GUARD), str(os.getpid()), *argv]
    with log.open("ab") as output:
        return subprocess.Popen(
            guarded,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if env is None else dict(env),
            cwd=cwd,
            start_new_session=True,
        )


def _rotate(log: Path) -> None:
    """Keep one older log: a service that logs for months must not fill the disk unseen."""
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > _MAX_LOG_BYTES:
            log.replace(log.with_name(log.name + ".1"))


async def until_ended(
    poll: Callable[[], int | None], *, deadline: float = math.inf, nudge: Callable[[], None] | None = None
) -> int | None:
    """Wait until `poll` gives an exit code; None when `deadline` seconds pass before.

    Polled, because a Popen can then be waited for by any event loop, also one made later.
    """
    ends = time.monotonic() + deadline
    while (code := poll()) is None and time.monotonic() < ends:
        if nudge is not None:
            nudge()
        await asyncio.sleep(_POLL_SECONDS)
    return code


async def stop(
    process: subprocess.Popen[bytes], *, deadline: float, nudge: Callable[[], None] | None = None
) -> int:
    """SIGTERM, wait up to `deadline` seconds, then SIGKILL; the whole group is gone on return.

    `nudge` is called after the signal and while waiting, for programs that need waking to notice it. When the
    caller is cancelled (a second Ctrl-C) the group is killed at once. Returns the exit code.
    """
    if (code := process.poll()) is not None:
        return code
    process.terminate()
    return await wait(process, deadline=deadline, nudge=nudge)


async def wait(
    process: subprocess.Popen[bytes], *, deadline: float, nudge: Callable[[], None] | None = None
) -> int:
    """Wait for a child that is about to end; killed after `deadline` seconds, or on cancellation."""
    try:
        if await until_ended(process.poll, deadline=deadline, nudge=nudge) is not None:
            sweep(process)
    finally:
        code = kill(process)
    return code


def sweep(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL what is left of a child's group: right after its end, while the group's id is still its."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def kill(process: subprocess.Popen[bytes]) -> int:
    """SIGKILL the child's whole group and reap it; its exit code. Nothing happens when it has ended."""
    if process.poll() is None:
        sweep(process)
    return process.wait()


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log, or an empty text: shown when a start fails."""
    try:
        with log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 64 * 1024))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
