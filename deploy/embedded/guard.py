"""Runs a program so that it cannot outlive its launcher: `guard.py PARENT_PID PROGRAM [ARGUMENT…]`.

Started as a file with `python -I -S`, it asks the kernel to kill this process when its parent dies and then
becomes the program (the wish survives exec). So a `parley up` killed with -9 leaves nothing behind. Done here
and not in a `preexec_fn`, which is not safe in a process with threads. Where the kernel has no such wish
(macOS), the next start finds the orphan by its recorded pid and start time (`folder.reap_orphans`).

Linux sends the signal when the *thread* that started us ends: see `process.spawn`.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1
# Kafka and WiredTiger keep a handful of files open per partition and collection.
_WANTED_FILES = 65_536


def _die_with_parent(parent: int) -> None:
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the wish was made
        os._exit(0)


def _raise_file_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED_FILES if hard == resource.RLIM_INFINITY else min(hard, _WANTED_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def main(argv: list[str]) -> None:
    """Become `argv[2:]`; exit code 127 when the program cannot be run."""
    _die_with_parent(int(argv[1]))
    _raise_file_limit()
    try:
        os.execv(argv[2], argv[2:])  # noqa: S606 - the program was chosen by the launcher
    except OSError as error:
        os.write(2, f"cannot run {argv[2]}: {error.strerror}\n".encode())
        os._exit(127)


if __name__ == "__main__":
    main(sys.argv)
