"""A `parley up` of its own for a test: started, killed in parts or whole, stopped, started again."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil

from deploy.embedded.database import address
from deploy.embedded.folder import DataFolder
from deploy.embedded.ports import LOOPBACK
from deploy.embedded.process import spawn
from shared.runtime.settings import Settings

PARTITIONS = 2
_numbers = itertools.count(1)
WAIT_SECONDS = 120.0  # a bound, far above what anything takes: nothing here measures time

_SERVERS = ("KAFKA_BOOTSTRAP", "MONGODB_URI", "PARLEY_DB_SERVER")


def environment(**extra: str) -> dict[str, str]:
    """The environment of a child: two partitions, the servers of its own folder."""
    env = {name: value for name, value in os.environ.items() if name not in _SERVERS}
    return env | {"PARLEY_PARTITIONS": str(PARTITIONS), "PARLEY_LOG_LEVEL": "WARNING"} | extra


def environment_on(settings: Settings) -> dict[str, str]:
    """The environment of a child that works on the servers, topics and database of `settings`."""
    return environment(
        KAFKA_BOOTSTRAP=settings.kafka_bootstrap,
        MONGODB_URI=settings.mongodb_uri.get_secret_value(),
        PARLEY_DATABASE=settings.database,
        PARLEY_PREFIX=settings.prefix,
        PARLEY_PARTITIONS=str(settings.partitions),
    )


def parley(*args: str) -> list[str]:
    """The command line of `parley`."""
    return [sys.executable, "-m", "services.cli.main", *args]


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something that another process does."""
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            while not condition():  # noqa: ASYNC110 - the condition is another process's
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"waited in vain for {what}") from None


def processes_of(folder: Path) -> list[psutil.Process]:
    """Every process that belongs to a folder, by its command line or its environment; no zombies."""
    mine = str(folder)
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
                continue
            if (
                any(mine in word for word in process.cmdline())
                or process.environ().get("PARLEY_DATA") == mine
            ):
                found.append(process)
        except psutil.Error:
            continue
    return found


class House:
    """One data folder and the `parley up` on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = folder.parent / f"{folder.name}.up.log"
        self._up: subprocess.Popen[bytes] | None = None
        self._runs = 0

    # -- life

    async def start(self, *options: str, **env: str) -> None:
        """`parley up`; returns when it says that everything runs."""
        self._runs += 1
        command = parley("up", "--data", str(self.folder), *options)
        self._up = spawn(command, log=self.output, env=environment(**env))

        def running() -> bool:
            assert self._up is not None
            assert self._up.poll() is None, self.said()
            return self.said().count("Running. Kafka") == self._runs

        await until(running, "parley up")

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to stop; its exit code."""
        assert self._up is not None
        self._up.send_signal(number)
        return await self.ended()

    async def ended(self) -> int:
        """Wait for its end; its exit code."""
        assert self._up is not None
        up = self._up
        await until(lambda: up.poll() is not None, "the end of parley up")
        return up.wait()

    def abandon(self) -> None:
        """End it at once, whatever it does: a test is over."""
        if self._up is not None and self._up.poll() is None:
            self._up.kill()
            self._up.wait()
        for process in self.processes():
            process.kill()

    def said(self) -> str:
        """Everything that `parley up` has printed."""
        return self.output.read_text(encoding="utf-8") if self.output.exists() else ""

    # -- what runs

    def pid(self, name: str) -> int | None:
        """The recorded process of that name (`services`, `kafka`, `database`), if it lives."""
        found = DataFolder(self.folder).load().processes.get(name)
        process = found.find() if found is not None else None
        return process.pid if process is not None else None

    async def kill(self, *names: str) -> None:
        """kill -9, all at once, each as soon as it lives."""
        pids: list[int] = []

        def alive() -> bool:
            pids[:] = [pid for name in names if (pid := self.pid(name)) is not None]
            return len(pids) == len(names)

        await until(alive, f"{', '.join(names)} to live")
        for pid in pids:
            os.kill(pid, signal.SIGKILL)

    async def kill_everything(self) -> None:
        """kill -9 of the launcher and of whatever it started, at once; what is left is waited for."""
        assert self._up is not None
        for pid in [self._up.pid, *(p for n in ("services", "kafka", "database") if (p := self.pid(n)))]:
            os.kill(pid, signal.SIGKILL)
        self._up.wait()
        await until(lambda: not self.processes(), "the end of every process")

    async def kill_launcher(self) -> None:
        """kill -9 of `parley up` alone: the kernel ends what it started."""
        assert self._up is not None
        self._up.kill()
        self._up.wait()
        await until(lambda: not self.processes(), "the end of every process")

    def processes(self) -> list[psutil.Process]:
        """Every process that belongs to the folder."""
        return processes_of(self.folder)

    # -- what it holds

    @property
    def addresses(self) -> dict[str, str]:
        """KAFKA_BOOTSTRAP and MONGODB_URI of the folder's servers."""
        ports = DataFolder(self.folder).load().ports
        return {
            "KAFKA_BOOTSTRAP": f"{LOOPBACK}:{ports['kafka']}",
            "MONGODB_URI": address(ports["database"]),
        }

    def settings(self, **overrides: Any) -> Settings:
        """Settings of a program on the folder's servers."""
        where = self.addresses
        given: dict[str, Any] = {
            "kafka_bootstrap": where["KAFKA_BOOTSTRAP"],
            "mongodb_uri": where["MONGODB_URI"],
            "partitions": PARTITIONS,
            "log_level": "ERROR",
            **overrides,
        }
        return Settings.load(**given)

    async def check(self) -> list[dict[str, Any]]:
        """`parley check --json`; servers that do not run are started for it."""
        done = await asyncio.to_thread(
            subprocess.run,
            parley("check", "--json", "--data", str(self.folder)),
            env=environment(),
            capture_output=True,
            text=True,
            timeout=WAIT_SECONDS,
            check=False,
        )
        assert done.stdout.startswith("["), done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout)
        assert (done.returncode == 0) == (not wrong(found)), done.stderr
        return found


def wrong(checks: list[dict[str, Any]]) -> list[Mapping[str, Any]]:
    """The checks that found something, and those that looked at nothing."""
    return [check for check in checks if check["wrong"] or not check["looked_at"]]


class Replica:
    """One `parley run …` against servers that are somebody else's."""

    def __init__(self, service: str, folder: Path, settings: Settings, **env: str) -> None:
        self.log = folder / f"{service}-{next(_numbers)}.log"
        self._argv = self.command(service)
        self._env = environment_on(settings) | env
        self._process: subprocess.Popen[bytes] | None = None

    def command(self, service: str) -> list[str]:
        """What is run."""
        return parley("run", service)

    async def died(self, where: str) -> int:
        """Wait for its end `where` it should die; its exit code, negative for a signal."""
        assert self._process is not None
        process = self._process
        await until(lambda: process.poll() is not None, f"the end of a replica {where}")
        return process.wait()

    def start(self) -> None:
        """Start it and return at once; it ends with the process that calls, however that ends."""
        self._process = spawn(self._argv, log=self.log, env=self._env)

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def has_ended(self) -> bool:
        """Whether it was started and has ended."""
        return self._process is not None and not self.running

    async def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        """SIGSTOP: it says nothing any more, and nobody is told."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT: it goes on as if no time had passed."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    async def stop(self) -> None:
        """SIGTERM; it finishes the batch in hand and ends with code 0."""
        assert self._process is not None
        process = self._process
        await until(lambda: process.poll() is not None or _listens(process.pid), "a replica to listen")
        process.terminate()
        await until(lambda: process.poll() is not None, "the end of a replica")
        assert process.returncode == 0, f"exit code {process.returncode}: {self.log.read_text()}"

    def abandon(self) -> None:
        """End it at once; a test that leaves it running has failed, and shows what it said last."""
        if self._process is not None and self.running:
            self._process.kill()
            self._process.wait()
            print(f"{self.log.name}:\n{self.log.read_text(errors='replace')[-4000:]}")  # noqa: T201


def _listens(pid: int) -> bool:
    """Whether a process has a handler for SIGTERM: one that is only being started simply dies of it."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():  # not on this system: nothing to wait for
        return True
    caught = next(line for line in status.read_text().splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)
