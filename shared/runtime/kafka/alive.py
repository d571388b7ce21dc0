"""Whether a client still works, and the end of one that does not.

aiokafka's consumer is a handful of background tasks: one keeps the metadata, one the membership, one fetches.
What ends one of them by surprise is kept to itself: the others go on and wait for it, for ever. Nothing in
its interface tells, so the tasks themselves are looked at (aiokafka is pinned, and a test ends each of them
on a real broker).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, Final

from aiokafka import AIOKafkaConsumer

__all__ = ["ended", "put_down"]

_PUT_DOWN_SECONDS: Final = 2.0


def _lasting(client: AIOKafkaConsumer) -> dict[str, asyncio.Task[Any] | None]:
    """The tasks that live as long as the client."""
    return {
        "metadata": client._client._sync_task,
        "fetching": getattr(client._fetcher, "_fetch_task", None),
        "membership": getattr(client._coordinator, "_coordination_task", None),
    }


def _renewed(client: AIOKafkaConsumer) -> dict[str, asyncio.Task[Any] | None]:
    """The tasks that end and are begun again with every assignment, unless they fail."""
    return {
        "heartbeat": getattr(client._coordinator, "_heartbeat_task", None),
        "committed offsets": getattr(client._coordinator, "_commit_refresh_task", None),
    }


def ended(client: AIOKafkaConsumer) -> str | None:
    """Name a task of a started client that has ended and will not come back; None if it is well."""
    for name, task in _lasting(client).items():
        if task is not None and task.done():
            return name
    for name, task in _renewed(client).items():
        if task is not None and task.done() and not task.cancelled() and task.exception() is not None:
            return name
    return None


async def put_down(client: AIOKafkaConsumer) -> None:
    """End what is left of a client: its tasks, then its connections.

    Its own `stop` waits for tasks that may wait for each other.
    """
    tasks = [task for task in (*_lasting(client).values(), *_renewed(client).values()) if task is not None]
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=_PUT_DOWN_SECONDS)
    for connection in list(client._client._conns.values()):
        with suppress(Exception):
            connection.close()
