"""The servers that `parley dead` reads, and the platform that it commands."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from services.cli.common import data_dir, stderr
from services.cli.platform import settings_for

if TYPE_CHECKING:
    from shared.runtime.mongo import MongoStore
    from shared.runtime.settings import Settings

__all__ = ["Where", "open_servers"]

Where = tuple["Settings", "MongoStore"]


@asynccontextmanager
async def open_servers(
    data: Path | None, *, kafka: bool = True, running: bool = False
) -> AsyncIterator[Where]:
    """Give settings and a store on KAFKA_BOOTSTRAP and MONGODB_URI, or on the folder's embedded servers.

    Those are joined when they run, and otherwise started for the duration; with `running` they must run.
    Raises StartError, SettingsError, FatalError, UnavailableError.
    """
    from deploy.embedded.platform import Addresses, resolve_servers
    from deploy.embedded.reading import SharedServers, no_data
    from shared.runtime.mongo import MongoStore

    plan, folder = resolve_servers(), data_dir(data)
    async with AsyncExitStack() as stack:
        started = Addresses("", "")
        if plan.start_database or (plan.start_kafka and kafka):
            if plan.start_database and not running and not (folder / "database").is_dir():
                raise no_data(folder)
            started = await stack.enter_async_context(
                SharedServers(
                    folder,
                    kafka=plan.start_kafka and kafka,
                    database=plan.start_database,
                    console=stderr,
                    only_join=running,
                )
            )
        addresses = plan.merged(started)
        settings = settings_for(addresses.kafka_bootstrap or "127.0.0.1:9", addresses.mongodb_uri, folder)
        store = MongoStore(settings)
        stack.push_async_callback(store.close)
        await store.start()
        yield settings, store
