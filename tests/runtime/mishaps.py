"""What happens to an engine of the rig in the middle of its work."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.runtime.rig import Rig


class Gate:
    """A publisher that stops before the first record of one kind; `open` lets it go on."""

    def __init__(self, rig: Rig, kind: str) -> None:
        self.rig, self.kind, self.inner, self.blocked = rig, kind, rig.log.publisher(), asyncio.Event()

    def consumer(self, group: str, client_id: str) -> Any:
        return self.rig.log.consumer(group, client_id)

    def publisher(self) -> Any:
        return self

    def measure(self, record: Any) -> None:
        self.inner.measure(record)

    async def publish(self, records: Any) -> None:
        for record in records:
            if any(n == "ce_type" and self.kind.encode() in (v or b"") for n, v in record.headers):
                self.blocked.set()
                await asyncio.sleep(1e9)
            await self.inner.publish([record])


class Slow:
    """A store whose first bulk write waits for `go`."""

    def __init__(self, rig: Rig) -> None:
        self.rig, self.entered, self.go = rig, asyncio.Event(), asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rig.store, name)

    async def replace_many(self, service: str, documents: Any) -> set[str]:
        self.entered.set()
        await self.go.wait()
        return await self.rig.store.replace_many(service, documents)


async def crash(rig: Rig, engine: Any) -> None:
    """Take an engine away as a kill would: nothing of it goes on."""
    number = rig.engines.index(engine)
    engine._consumer.crash()
    task = rig.tasks.pop(number)
    rig.engines.remove(engine)
    engine._consumer.stop = _nothing
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _nothing() -> None:
    return
