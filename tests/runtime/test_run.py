"""A process of several services ends by the first that breaks, and says that once."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from shared.runtime.ports import FatalError
from shared.runtime.run import _supervise
from shared.runtime.settings import Settings


class Breaks:
    """A service that no start can help: its database is older than Kafka."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def run(self) -> None:
        raise FatalError(f"{self.name}: run: parley backup restored")

    def stop(self) -> None:
        pass


class Watches:
    async def run(self) -> None:
        await asyncio.Event().wait()


def test_what_breaks_every_service_is_said_once() -> None:
    logged: list[dict[str, Any]] = []

    async def story() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: logged.append(context))
        services = [Breaks("intake"), Breaks("offer"), Breaks("archive")]
        with pytest.raises(FatalError, match="intake: run: parley backup restored"):
            await _supervise(services, Watches(), Settings(), asyncio.Event())  # type: ignore[arg-type]
        gc.collect()

    asyncio.run(story())
    gc.collect()
    assert logged == []
