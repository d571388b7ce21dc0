"""The bank's door: a publisher on the platform's Kafka, wherever it runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date, tzinfo
from pathlib import Path
from typing import Any, Protocol

from services.cli.common import data_dir, stderr
from shared.contracts.envelope import Envelope

__all__ = ["Publisher", "open_publisher"]

_TOPICS = ("bank.events", "desk.events")


class Publisher(Protocol):
    """What the commands need of `shared.runtime.publish.EventPublisher`."""

    async def send(self, *envelopes: Envelope[Any]) -> None:
        """Publish in order; return when all are acknowledged. UnavailableError: some may not be."""
        ...

    def measure(self, envelope: Envelope[Any]) -> None:
        """Raise UnencodableError for a message that Kafka would refuse."""
        ...

    async def partitions(self, producer: str) -> int:
        """Give how many partitions a producer's topic has."""
        ...

    async def close_day(self, day: date, *, zone: tzinfo, source: str) -> None:
        """Publish the day's close to every partition, after all that was sent before."""
        ...


@asynccontextmanager
async def open_publisher(data: Path | None) -> AsyncIterator[Publisher]:
    """Publish on KAFKA_BOOTSTRAP, or on the embedded Kafka of the data folder.

    That one is joined when it runs; otherwise it is started for the duration, and what was published
    waits for the next `parley up`. Raises StartError, SettingsError, FatalError, UnavailableError.
    """
    from deploy.embedded.platform import resolve_servers
    from deploy.embedded.reading import SharedServers
    from shared.runtime.admin import create_topics, end_offsets
    from shared.runtime.ports import FatalError
    from shared.runtime.publish import EventPublisher
    from shared.runtime.settings import Settings

    async with AsyncExitStack() as stack:
        settings = Settings.load()
        embedded = not resolve_servers().kafka_bootstrap
        if embedded:
            servers = SharedServers(data_dir(data), database=False, console=stderr)
            addresses = await stack.enter_async_context(servers)
            if servers.started_here:  # also where a folder was mistyped
                stderr.print(
                    f"Nothing runs in {data_dir(data)}: what is said now waits there for `parley up`.",
                    markup=False,
                    highlight=False,
                    soft_wrap=True,
                )
            settings = Settings.load(kafka_bootstrap=addresses.kafka_bootstrap)
        found = await end_offsets(settings, _TOPICS[:1])
        if not found and embedded:
            await create_topics(settings, _TOPICS)
            found = await end_offsets(settings, _TOPICS[:1])
        if not found:
            raise FatalError(f"There is no topic {_TOPICS[0]} yet: start the platform once with `parley up`.")
        # The topic's own count, not this shell's setting: a day closed on too few partitions closes nowhere.
        exact = Settings.load(kafka_bootstrap=settings.kafka_bootstrap, partitions=len(found))
        yield await stack.enter_async_context(EventPublisher(exact))
