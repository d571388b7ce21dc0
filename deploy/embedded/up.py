"""`parley up`: servers, then topics and indexes, then services, until told to stop.

async with Platform(options) as platform:   # for programs that use the platform (the demo)
    ...
code = await up(options)                    # for the command
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console

from deploy.embedded.errors import StartError
from deploy.embedded.folder import DataFolder
from deploy.embedded.house_keys import house_keys, make_house_keys
from deploy.embedded.platform import Addresses, EmbeddedServers, ServerPlan, resolve_servers
from deploy.embedded.supervisor import Failure, RestartPolicy, ServiceSpec, Supervisor
from deploy.embedded.view import StatusView

SERVICES = ("intake", "assessment", "offer", "agreement", "followup", "alert", "archive")
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_service(name: str) -> list[str]:
    """The command of one service process, `all` for every service in one process."""
    return [sys.executable, "-m", "services.cli.main", "run", name]


@dataclass(frozen=True, slots=True)
class UpOptions:
    """What to run. `prepare` creates topics and indexes, after the servers answer and before any service.

    What it gives is added to the services' environment, as `environment` is. `services` are started in one
    process (`run all`), or with `processes` in one each. `plan` says which servers are somebody else's; by
    default the environment.
    `servers` replaces the embedded ones whole, `running` what is said once everything runs. `name` is what
    the user typed.
    """

    data_dir: Path
    prepare: Callable[[Addresses], Awaitable[Mapping[str, str] | None]] | None = None
    processes: bool = False
    services: Sequence[str] = SERVICES
    command: Callable[[str], Sequence[str]] = run_service
    environment: Mapping[str, str] = field(default_factory=dict)
    plan: ServerPlan | None = None
    servers: EmbeddedServers | None = None
    running: Callable[[], str] | None = None
    name: str = "parley up"
    policy: RestartPolicy = field(default_factory=RestartPolicy)
    stop_seconds: float = 30.0
    console: Console | None = None
    show_status: bool = True

    def specs(self, addresses: Addresses, prepared: Mapping[str, str]) -> list[ServiceSpec]:
        """The child processes and their environment; `prepared` is what `prepare` gave."""
        own = (self.plan or resolve_servers()).start_database
        env = {
            **self.environment,
            **prepared,
            "KAFKA_BOOTSTRAP": addresses.kafka_bootstrap,
            "MONGODB_URI": addresses.mongodb_uri,
            "PARLEY_DATA": str(self.data_dir.absolute()),
            **(house_keys(self.data_dir) if own else {}),
            "PYTHONUNBUFFERED": "1",  # the last words of a killed process are in its log
        }
        names = self.services if self.processes else ("all",) if self.services else ()
        return [ServiceSpec("services" if name == "all" else name, self.command(name), env) for name in names]


class Platform:
    """The running platform as an async context manager; everything is stopped on leaving, in order.

    Entering raises StartError when it cannot be started. While it runs, `failure` says whether a process kept
    failing; `wait` returns when that happens.
    """

    def __init__(self, options: UpOptions) -> None:
        self.options = options
        self.addresses = Addresses("", "")
        self._plan = options.plan or resolve_servers()
        self._servers = options.servers or EmbeddedServers(
            options.data_dir,
            kafka=self._plan.start_kafka,
            database=self._plan.start_database,
            console=options.console,
        )
        self._view = StatusView(options.console if options.show_status else None)
        self._stop = asyncio.Event()
        self._supervisor: Supervisor | None = None
        self._run: asyncio.Task[int] | None = None

    @property
    def folder(self) -> DataFolder:
        return self._servers.folder

    @property
    def failure(self) -> Failure | None:
        """The process that kept failing; None while all is well."""
        return None if self._supervisor is None else self._supervisor.failure

    async def start(self) -> Self:
        """Start everything. Raises StartError, and what `prepare` raises; nothing runs then."""
        try:
            started = await self._servers.start()
            self.addresses = self._plan.merged(started)
            prepared: Mapping[str, str] = {}
            if self.options.prepare is not None:
                prepared = await self.options.prepare(self.addresses) or {}
            if self._plan.start_database:
                make_house_keys(self.options.data_dir)
            self._supervisor = Supervisor(
                self.options.specs(self.addresses, prepared),
                self.folder,
                servers=self._servers,
                policy=self.options.policy,
                stop_seconds=self.options.stop_seconds,
                listener=self._view.changed,
            )
            self._view.watch(self._supervisor)
            self._run = asyncio.create_task(self._supervisor.run(self._stop))
        except BaseException:
            self._view.close()
            self._servers.kill()
            raise
        return self

    async def wait(self) -> int:
        """Wait until `stop` is called elsewhere (0), or a process kept failing (1)."""
        if self._run is None:
            raise RuntimeError("the platform is not started")
        return await asyncio.shield(self._run)

    async def stop(self) -> None:
        """Stop the services, then Kafka, then the database. When cancelled, everything is killed at once."""
        self._stop.set()
        try:
            if self._run is not None:
                await self._run
        except asyncio.CancelledError:
            self._servers.kill()
            raise
        finally:
            self._view.close()
            await self._servers.stop()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


async def up(options: UpOptions) -> int:
    """Run the platform until SIGINT, SIGTERM or SIGHUP; a second signal kills instead of waiting.

    Returns 0 after a clean stop and 1 when a process kept failing, having shown its last words. Raises
    StartError when it cannot be started.
    """
    console = options.console or Console(stderr=True)
    with _stop_signals() as interrupt:
        platform = Platform(replace(options, console=console))
        if not await _unless_interrupted(platform.start(), interrupt):
            console.print("Stopped before everything was started.")
            return 0
        console.print(_running(platform), soft_wrap=True)
        try:
            await _unless_interrupted(platform.wait(), interrupt)
        finally:
            interrupt.clear()
            console.print("Stopping.")
            await _unless_interrupted(platform.stop(), interrupt)
        if platform.failure is not None:
            show_failure(console, platform.failure, platform.folder, options.name)
            return 1
        return 0


def _running(platform: Platform) -> str:
    if platform.options.running is not None:
        return platform.options.running()
    return (
        f"Running. Kafka {platform.addresses.kafka_bootstrap},"
        f" database {platform.addresses.mongodb_uri}, data in {platform.folder.path}"
    )


def show_failure(console: Console, failure: Failure, folder: DataFolder, command: str = "parley up") -> None:
    """Say which process kept failing and what it said last."""
    console.print(f"{failure.name} {failure.reason}. Its last words:", style="bold red", markup=False)
    console.print(failure.last_words or "(none)", markup=False, highlight=False, soft_wrap=True)
    console.print(
        f"Nothing is lost: correct the cause and run `{command}` again. Logs: {folder.logs}",
        markup=False,
        soft_wrap=True,
    )


async def _unless_interrupted(work: Awaitable[object], interrupt: asyncio.Event) -> bool:
    """Await `work`; when the interrupt comes first, cancel it and wait for its cleaning up.

    True when `work` ended by itself; what it raises is raised here.
    """
    task = asyncio.ensure_future(work)
    waiter = asyncio.create_task(interrupt.wait())
    try:
        await asyncio.wait([task, waiter], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
            return True
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return False
    finally:
        waiter.cancel()
        if not task.done():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


@contextlib.contextmanager
def _stop_signals() -> Iterator[asyncio.Event]:
    """An event that is set by every stop signal while the block runs."""
    loop = asyncio.get_running_loop()
    interrupt = asyncio.Event()
    for number in _STOP_SIGNALS:
        loop.add_signal_handler(number, interrupt.set)
    try:
        yield interrupt
    finally:
        for number in _STOP_SIGNALS:
            loop.remove_signal_handler(number)


__all__ = ["SERVICES", "Platform", "StartError", "UpOptions", "run_service", "show_failure", "up"]
