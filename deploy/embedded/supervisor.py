"""Keeps service processes, and the embedded servers under them, running.

A process that ends by itself is started again after a pause that grows; one that keeps failing ends the whole
run with its last words, because a service that cannot start needs a person and not another attempt.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from deploy.embedded import process
from deploy.embedded.errors import StartError
from deploy.embedded.folder import DataFolder, unusable
from deploy.embedded.platform import EmbeddedServers
from deploy.embedded.server import Server


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """One child process. `argv[0]` is an absolute path; `env` is added to our own environment."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """When a process that ended is started again. Times in seconds.

    The pause doubles from `first_pause` to `longest_pause`. A process that ran for `healthy_after` starts a
    new count; `attempts` failures in one count, or an exit code of `hopeless`, end the run.
    """

    first_pause: float = 0.5
    longest_pause: float = 10.0
    healthy_after: float = 20.0
    attempts: int = 6
    # EX_CONFIG: the process knows that another attempt is of no use (a setting, or positions that do not fit)
    hopeless: frozenset[int] = frozenset({78})

    def pause(self, failures: int) -> float:
        """Seconds to wait after the `failures`-th failure in a row (1 and up)."""
        return min(self.longest_pause, self.first_pause * float(2 ** (failures - 1)))


class Phase(StrEnum):
    """What a supervised process is doing."""

    STARTING = "starting"
    RUNNING = "running"
    RESTARTING = "restarting"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(slots=True)
class Unit:
    """One supervised process, as the status shows it. `since` is monotonic seconds."""

    name: str
    log: Path
    phase: Phase = Phase.STARTING
    pid: int | None = None
    restarts: int = 0
    since: float = field(default_factory=time.monotonic)
    last_exit: int | None = None
    address: str = ""
    failures: int = 0
    problem: str = ""  # why it could not be started again, where the log does not say it


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the supervisor gave up: the process, what happened, and its last log lines."""

    name: str
    reason: str
    last_words: str


Listener = Callable[[Unit], None]


class Supervisor:
    """Runs `specs` and watches `servers`; see `run`. Only from the main thread (see process.spawn)."""

    def __init__(
        self,
        specs: Sequence[ServiceSpec],
        folder: DataFolder,
        *,
        servers: EmbeddedServers | None = None,
        policy: RestartPolicy | None = None,
        stop_seconds: float = 30.0,
        listener: Listener | None = None,
    ) -> None:
        self._specs = tuple(specs)
        self._folder = folder
        self._servers = servers
        self._policy = policy or RestartPolicy()
        self._stop_seconds = stop_seconds
        self._listener = listener or (lambda _unit: None)
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._give_up = asyncio.Event()
        self.failure: Failure | None = None
        self.units: dict[str, Unit] = {}

    async def run(self, stop: asyncio.Event) -> int:
        """Start everything and keep it running until `stop` is set; then stop the services.

        Returns 0, or 1 when a process kept failing (`failure` says which). The servers are watched, and left
        running: who started them stops them. No service process is left on return, cancellation included.
        """
        servers = () if self._servers is None else self._servers.servers
        for server in servers:
            self.units[server.name] = Unit(server.name, server.log, address=server.address)
        for spec in self._specs:
            self.units[spec.name] = Unit(spec.name, self._log(spec.name))
        tasks = [asyncio.create_task(self._keep_server(server)) for server in servers]
        try:
            for spec in self._specs:
                self._launch(spec)
            tasks += [asyncio.create_task(self._keep_service(spec)) for spec in self._specs]
            ended: list[asyncio.Task[Any]] = [
                asyncio.create_task(stop.wait()),
                asyncio.create_task(self._give_up.wait()),
            ]
            try:
                done, _ = await asyncio.wait([*ended, *tasks], return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()  # a keeper ends only by an error of ours: show it
            finally:
                await _cancel([*ended, *tasks])
            await self._stop_services()
        finally:
            for name, child in self._children.items():
                process.kill(child)
                self._folder.record(name, None)
            self._children.clear()
        return 0 if self.failure is None else 1

    def _log(self, name: str) -> Path:
        return self._folder.logs / f"{name}.log"

    def _launch(self, spec: ServiceSpec) -> None:
        try:
            child = process.spawn(spec.argv, log=self._log(spec.name), env={**os.environ, **spec.env})
        except OSError as error:
            raise unusable(self._folder.path, error) from error
        self._children[spec.name] = child
        try:
            self._folder.record(spec.name, child)
        except StartError:
            process.kill(child)  # or two of it would run after the next attempt
            raise
        self._enter(self.units[spec.name], Phase.RUNNING, pid=child.pid)

    async def _keep_service(self, spec: ServiceSpec) -> None:
        unit = self.units[spec.name]
        while True:
            child = self._children[spec.name]
            code = await process.until_ended(child.poll)
            process.sweep(child)
            while code is not None and await self._may_start_again(unit, code):
                try:
                    self._launch(spec)
                except StartError as error:
                    unit.problem = str(error)
                else:
                    break
            else:
                return

    async def _keep_server(self, server: Server) -> None:
        unit = self.units[server.name]
        servers = self._servers
        assert servers is not None  # noqa: S101 - servers are kept only when they were given
        self._enter(unit, Phase.RUNNING, pid=server.pid)
        while True:
            code = await process.until_ended(server.exit_code)
            while code is not None and await self._may_start_again(unit, code):
                try:
                    await servers.restart(server)
                except StartError as error:
                    unit.problem = str(error)
                else:
                    self._enter(unit, Phase.RUNNING, pid=server.pid)
                    break
            else:
                return

    async def _may_start_again(self, unit: Unit, code: int) -> bool:
        """Count a failure and wait out the pause; False (and the end of the run) when it is hopeless."""
        policy = self._policy
        healthy = unit.phase is Phase.RUNNING and time.monotonic() - unit.since >= policy.healthy_after
        unit.failures = 1 if healthy else unit.failures + 1
        unit.last_exit = code
        if code in policy.hopeless or unit.failures >= policy.attempts:
            reason = describe_exit(code)
            if unit.failures > 1:
                reason += f", {unit.failures} times in a row"
            last_words = "\n".join(filter(None, (process.tail(unit.log), unit.problem)))
            self.failure = Failure(unit.name, reason, last_words)
            self._enter(unit, Phase.FAILED, pid=None)
            self._give_up.set()
            return False
        self._enter(unit, Phase.RESTARTING, pid=None)
        await asyncio.sleep(policy.pause(unit.failures))
        unit.restarts += 1
        return True

    def _enter(self, unit: Unit, phase: Phase, *, pid: int | None) -> None:
        unit.phase, unit.pid, unit.since = phase, pid, time.monotonic()
        if phase is Phase.RUNNING:
            unit.problem = ""
        self._listener(unit)

    async def _stop_services(self) -> None:
        """SIGTERM to all at once, so that the deadline passes once and not once for each."""

        async def one(name: str, child: subprocess.Popen[bytes]) -> None:
            await process.stop(child, deadline=self._stop_seconds)
            unit = self.units[name]
            unit.last_exit = child.returncode
            self._folder.record(name, None)
            if unit.phase is not Phase.FAILED:
                self._enter(unit, Phase.STOPPED, pid=None)

        await asyncio.gather(*(one(name, child) for name, child in self._children.items()))
        self._children.clear()


def describe_exit(code: int) -> str:
    """`ended with exit code 1`, or `was killed by signal 9`."""
    return f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"


async def _cancel(tasks: Sequence[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
