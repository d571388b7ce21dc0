"""Where the tasks of a test that hangs wait: its own stack shows the event loop and nothing else."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from typing import Any


def waiting_tasks() -> str:
    """Say where every unfinished task waits, from the outermost await to the innermost."""
    tasks = [one for one in gc.get_objects() if isinstance(one, asyncio.Task) and not one.done()]
    return "\n\n".join("\n".join([task.get_name(), *_places(task.get_coro())]) for task in tasks)


def _places(waiting: Any) -> Iterator[str]:
    while waiting is not None:
        for kind in ("cr", "gi", "ag"):  # coroutine, generator, asynchronous generator
            frame = getattr(waiting, f"{kind}_frame", None)
            if frame is not None:
                yield f"  {frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_qualname}"
                inner = getattr(waiting, f"{kind}_await", None) or getattr(waiting, f"{kind}_yieldfrom", None)
                break
        else:
            yield f"  {waiting!r}"
            return
        waiting = inner
