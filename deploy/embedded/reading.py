"""Servers that several processes use and the last one stops: for reading commands and for tests.

Two locks make it safe. Every user holds `readers.lock` shared; the one that holds the data folder's lock
started the servers, and before it stops them it takes `readers.lock` alone, which waits for the other users.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Collection
from pathlib import Path
from types import TracebackType

from rich.console import Console

from deploy.embedded import probes
from deploy.embedded.database import address
from deploy.embedded.errors import StartError
from deploy.embedded.folder import DataFolder, State, in_use
from deploy.embedded.locks import FileLock
from deploy.embedded.platform import Addresses, EmbeddedServers, ServerPlan, resolve_servers, run_blocking
from deploy.embedded.ports import LOOPBACK

_JOIN_SECONDS = 90.0
_OTHERS_SECONDS = 60.0
_POLL_SECONDS = 0.1


class SharedServers:
    """The servers of a data folder: those that run already, otherwise started here and stopped at the end.

    A context manager like EmbeddedServers. Servers that a `parley up` runs are used and left alone. With
    `remove_data` the data is removed when they are stopped here; with `only_join` nothing is ever started:
    what needs a running platform fails where there is none.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        kafka: bool = True,
        database: bool = True,
        console: Console | None = None,
        role: str = "reading",
        join_seconds: float = _JOIN_SECONDS,
        others_seconds: float = _OTHERS_SECONDS,
        remove_data: bool = False,
        only_join: bool = False,
    ) -> None:
        self.folder = DataFolder(data_dir)
        self._users = FileLock(self.folder.path / "readers.lock")
        self._want_kafka = kafka
        self._want_database = database
        self._console = console
        self._role = role
        self._join_seconds = join_seconds
        self._others_seconds = others_seconds
        self._remove_data = remove_data
        self._only_join = only_join
        self._own: EmbeddedServers | None = None

    @property
    def started_here(self) -> bool:
        """Whether this object started the servers, and will stop them."""
        return self._own is not None

    async def start(self) -> Addresses:
        """Join what runs, or start it. Raises StartError when neither works within a deadline."""
        if self._only_join and not self.folder.path.is_dir():
            raise _nothing_runs(self.folder.path)
        await self._users.acquire(shared=True)
        try:
            ends = time.monotonic() + self._join_seconds
            while True:
                if not self._only_join and (addresses := await self._try_own()) is not None:
                    return addresses
                if (addresses := await self.running()) is not None:
                    return addresses
                if self._only_join:
                    raise _nothing_runs(self.folder.path)
                if time.monotonic() >= ends:
                    raise in_use(self.folder.path, self.folder.lock.read_holder())
                await asyncio.sleep(_POLL_SECONDS)
        except BaseException:
            self._users.release()
            raise

    def new_servers(self) -> EmbeddedServers:
        """What is started where nothing runs."""
        return EmbeddedServers(
            self.folder.path,
            kafka=self._want_kafka,
            database=self._want_database,
            console=self._console,
            role=self._role,
        )

    async def _try_own(self) -> Addresses | None:
        own = self.new_servers()
        if not own.folder.lock.try_acquire():
            return None  # another one was quicker: join it
        addresses = await own.start()
        self._own = own
        return addresses

    async def running(self) -> Addresses | None:
        """The addresses of servers that answer now; None while they do not."""
        state: State = self.folder.load()
        kafka, database = "", ""
        try:
            if self._want_kafka:
                kafka = f"{LOOPBACK}:{state.ports['kafka']}"
                if await probes.kafka(state.ports["kafka"]) != state.cluster_id:
                    return None
            if self._want_database:
                database = address(state.ports["database"])
                await probes.mongodb(state.ports["database"])
        except (KeyError, probes.NoAnswer):
            return None
        return Addresses(kafka, database)

    async def stop(self) -> None:
        """Stop what was started here, once the other users are done (or a deadline has passed)."""
        try:
            if self._own is not None:
                await self._users.acquire(wait=self._others_seconds)
                await self._own.stop()
                if self._remove_data:
                    remove_data(self.folder.path)
        finally:
            if self._own is not None:
                self._own.kill()
            self._own = None
            self._users.release()

    async def __aenter__(self) -> Addresses:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def __enter__(self) -> Addresses:
        return run_blocking(self.start())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        run_blocking(self.stop())


def _nothing_runs(folder: Path) -> StartError:
    return StartError(
        f"No platform runs on the data folder {folder}: nobody would obey.",
        "Start it with `parley up`, or name the servers with KAFKA_BOOTSTRAP and MONGODB_URI.",
    )


def no_data(folder: Path) -> StartError:
    """Give the error of a command that reads what nothing has written yet."""
    return StartError(
        f"There is no data in {folder} yet.",
        "Run `parley up` or `parley demo` first, or say with --data or PARLEY_DATA where the data is.",
    )


def remove_data(folder: Path, keep: Collection[str] = ()) -> None:
    """Remove everything but the lock files (another process may be waiting for one of them) and `keep`."""
    for entry in folder.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        elif entry.suffix != ".lock" and entry.name not in keep:
            entry.unlink(missing_ok=True)


class reading_database:  # noqa: N801 - used like a function: `async with reading_database(folder) as uri`
    """The database for a command that only reads, as a context manager (`with` or `async with`): its URI.

    MONGODB_URI when it is set; otherwise the running database of the folder, or one that is started for the
    duration (about two seconds). Raises StartError, also when the folder holds no data yet.
    """

    def __init__(
        self, data_dir: Path, *, console: Console | None = None, plan: ServerPlan | None = None
    ) -> None:
        found = resolve_servers() if plan is None else plan
        self._data_dir = data_dir
        self._uri = found.mongodb_uri
        self._shared = SharedServers(data_dir, kafka=False, console=console)

    async def start(self) -> str:
        """Join or start the database; its URI."""
        if self._uri is not None:
            return self._uri
        if not (self._data_dir / "database").is_dir():
            raise no_data(self._data_dir)
        return (await self._shared.start()).mongodb_uri

    async def stop(self) -> None:
        """Stop the database if it was started here."""
        if self._uri is None:
            await self._shared.stop()

    async def __aenter__(self) -> str:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def __enter__(self) -> str:
        return run_blocking(self.start())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        run_blocking(self.stop())
