"""The servers of the embedded default as one thing that is started and stopped."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from rich.console import Console

from deploy.embedded.database import Database
from deploy.embedded.errors import StartError
from deploy.embedded.folder import DataFolder
from deploy.embedded.jars import ensure_jars
from deploy.embedded.kafka import Kafka
from deploy.embedded.ports import choose
from deploy.embedded.server import PortTaken, Server

_PORT_TRIES = 5

T = TypeVar("T")


def run_blocking(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine where no event loop runs, without touching the thread's current loop (pytest's)."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        return runner.run(work)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the servers are; a text is empty when that server was neither started nor named."""

    kafka_bootstrap: str
    mongodb_uri: str


@dataclass(frozen=True, slots=True)
class ServerPlan:
    """Which servers are somebody else's (their addresses) and which are to be started."""

    kafka_bootstrap: str | None
    mongodb_uri: str | None

    @property
    def start_kafka(self) -> bool:
        return self.kafka_bootstrap is None

    @property
    def start_database(self) -> bool:
        return self.mongodb_uri is None

    def merged(self, started: Addresses) -> Addresses:
        """The addresses that the services get."""
        return Addresses(
            self.kafka_bootstrap or started.kafka_bootstrap, self.mongodb_uri or started.mongodb_uri
        )


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """One server: `running` means that it answered when it was started and its process lives."""

    name: str
    running: bool
    pid: int | None
    address: str


def resolve_servers(settings: Mapping[str, str] | None = None) -> ServerPlan:
    """KAFKA_BOOTSTRAP and MONGODB_URI of the environment (or of `settings`), each by itself, win."""
    found = os.environ if settings is None else settings
    return ServerPlan(found.get("KAFKA_BOOTSTRAP") or None, found.get("MONGODB_URI") or None)


def for_own_database() -> dict[str, bool]:
    """Give the settings that suit the embedded database, unless the environment says otherwise.

    It pays at every write for an index that a close can do without.
    """
    return {} if os.environ.get("PARLEY_WAKE_INDEX") else {"wake_index": False}


class EmbeddedServers:
    """Kafka and the database of one data folder, locked for this process while they run.

    Use as a context manager, `async with` in a coroutine and `with` elsewhere; the value is the object itself
    and `addresses` says where the servers are. Only from the main thread (see process.spawn).
    """

    know_each_other = False
    """Whether the servers have each other's ports in their configuration: a changed one restarts all."""

    def __init__(
        self,
        data_dir: Path,
        *,
        kafka: bool = True,
        database: bool = True,
        console: Console | None = None,
        role: str = "running",
    ) -> None:
        self.folder = DataFolder(data_dir)
        self.addresses = Addresses("", "")
        self._want_kafka = kafka
        self._want_database = database
        self._console = console
        self._role = role
        self._servers: list[Server] = []

    @property
    def servers(self) -> tuple[Server, ...]:
        """What was started, in the order of starting."""
        return tuple(self._servers)

    async def start(self) -> Addresses:
        """Lock the folder, end orphans, download what is missing, start and wait until both answer.

        Raises StartError; nothing runs then and the folder is free again.
        """
        await self.folder.acquire(self._role)
        try:
            ended = self.folder.reap_orphans()
            if ended:
                self._say(f"Ended what an earlier run left behind: {', '.join(ended)}.")
            await self._start_all(await self.wanted())
        except BaseException:
            self.kill()
            raise
        return self.addresses

    async def wanted(self) -> list[Server]:
        """What is to be started here; called with the folder locked."""
        found: list[Server] = []
        if self._want_database:
            found.append(Database(self.folder))
        if self._want_kafka:
            found.append(Kafka(self.folder, await self.jars()))
        return found

    def located(self, servers: Sequence[Server]) -> Addresses:
        """Where clients find them."""
        by_name = {server.name: server.address for server in servers}
        return Addresses(by_name.get("kafka", ""), by_name.get("database", ""))

    async def jars(self) -> list[Path]:
        """Kafka's class path; what is missing is downloaded."""
        cancel = threading.Event()
        try:
            return await asyncio.to_thread(ensure_jars, console=self._console, cancel=cancel)
        finally:
            cancel.set()  # a cancelled wait must not leave the download going on

    async def _start_all(self, wanted: list[Server]) -> None:
        """Start side by side. A port that was taken at the last moment is replaced, a few times."""
        taken: set[int] = set()
        self._servers = wanted
        for attempt in range(_PORT_TRIES):
            self._assign_ports(taken)
            waiting = [server for server in wanted if server.pid is None]
            results = await asyncio.gather(*(server.start() for server in waiting), return_exceptions=True)
            for result in results:
                if isinstance(result, PortTaken) and attempt + 1 < _PORT_TRIES:
                    taken |= set(result.ports)
                elif isinstance(result, PortTaken):
                    raise StartError(
                        f"The ports {sorted(result.ports)} were taken by another program, again and again.",
                        "See with `parley doctor` what listens on this machine, and try again.",
                    ) from result
                elif isinstance(result, BaseException):
                    raise result
            if self.know_each_other and any(isinstance(result, PortTaken) for result in results):
                for server in wanted:
                    server.kill()
            if all(server.pid is not None for server in wanted):
                break
        self.addresses = self.located(wanted)

    def _assign_ports(self, taken: set[int]) -> None:
        state = self.folder.load()
        running = {
            port for server in self._servers if server.pid is not None for port in server.ports.values()
        }
        waiting = [server for server in self._servers if server.pid is None]
        names = [name for server in waiting for name in server.port_names]
        chosen = choose(names, state.ports, avoid=taken | running)
        for server in waiting:
            server.ports = {name: chosen[name] for name in server.port_names}
        self.folder.save(replace(state, ports=state.ports | chosen))

    async def restart(self, server: Server) -> None:
        """Start a server that died again, on the same ports: its clients know no others."""
        try:
            server.kill()
            await server.start()
        except PortTaken as error:
            raise StartError(
                f"{server.label} died, and port {error.ports[0]} was taken before it could be started again.",
                "Stop the program that listens there, and run `parley up` again.",
            ) from error

    async def stop(self) -> None:
        """Stop Kafka, then the database, and free the folder. When cancelled, end them at once."""
        try:
            for server in reversed(self._servers):
                await server.stop()
        finally:
            self.kill()

    def kill(self) -> None:
        """End everything at once and free the folder."""
        for server in reversed(self._servers):
            server.kill()
        self._servers = []
        self.folder.lock.release()

    def status(self) -> list[ServerStatus]:
        """The servers that this object started."""
        return [
            ServerStatus(
                server.name, server.pid is not None and server.exit_code() is None, server.pid, server.address
            )
            for server in self._servers
        ]

    def _say(self, text: str) -> None:
        if self._console is not None:
            self._console.print(text)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def __enter__(self) -> Self:
        run_blocking(self.start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        run_blocking(self.stop())
