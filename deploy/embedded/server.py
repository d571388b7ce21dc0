"""What Kafka and the database have in common: start, wait until it answers, notice its death, stop."""

from __future__ import annotations

import asyncio
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path

from deploy.embedded import process
from deploy.embedded.errors import StartError
from deploy.embedded.folder import DataFolder, unusable
from deploy.embedded.ports import is_free
from deploy.embedded.probes import NoAnswer

_ASK_EVERY_SECONDS = 0.1
_TRACEBACK_LINES = 15


class PortTaken(Exception):  # noqa: N818 - a signal to choose another one, not an error for the user
    """Somebody else took a port between our choosing it and the server's listening on it."""

    def __init__(self, ports: list[int]) -> None:
        super().__init__(ports)
        self.ports = ports


class Server(ABC):
    """One server process of the data folder. Not safe for concurrent calls."""

    name: str
    label: str
    start_seconds: float = 90.0
    stop_seconds: float = 20.0

    def __init__(self, folder: DataFolder) -> None:
        self.folder = folder
        self.ports: dict[str, int] = {}
        self._process: subprocess.Popen[bytes] | None = None

    # what each server says about itself

    @property
    @abstractmethod
    def port_names(self) -> tuple[str, ...]:
        """Keys under which its ports are remembered."""

    @property
    @abstractmethod
    def address(self) -> str:
        """What a client is given: bootstrap servers or URI."""

    @abstractmethod
    def prepare(self) -> list[str]:
        """Write the configuration for `self.ports`; the command to run."""

    @abstractmethod
    async def ask(self) -> None:
        """Ask the server something that only a ready one answers; raises NoAnswer."""

    @property
    @abstractmethod
    def log(self) -> Path:
        """The log to look into when it fails."""

    def environment(self) -> dict[str, str] | None:
        """The child's environment; None for ours."""
        return None

    def nudge(self) -> None:
        """Called while waiting for the process to stop; most need no waking."""
        return

    # the same for all

    @property
    def output(self) -> Path:
        """Where standard output and error go."""
        return self.folder.logs / f"{self.name}.out"

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def exit_code(self) -> int | None:
        """Its exit code when it has ended by itself; None while it runs or was never started."""
        return None if self._process is None else self._process.poll()

    async def start(self) -> None:
        """Start and wait for the first true answer. Raises PortTaken or StartError; nothing runs then."""
        command = self.prepare()
        try:
            self._process = process.spawn(
                command, log=self.output, env=self.environment(), cwd=self.folder.path
            )
        except OSError as error:
            raise unusable(self.folder.path, error) from error
        try:
            self.folder.record(self.name, self._process)
            await self._until_ready()
        except BaseException:
            self._forget(process.kill(self._process))
            raise

    async def _until_ready(self) -> None:
        ends = time.monotonic() + self.start_seconds
        answer = "no answer"
        while time.monotonic() < ends:
            if (code := self.exit_code()) is not None:
                taken = [port for port in self.ports.values() if not is_free(port)]
                if taken:
                    raise PortTaken(taken)
                raise StartError(
                    f"{self.label} ended with exit code {code} while starting.\n{self.last_words()}",
                    f"See {self.log}; `parley doctor` checks disk, memory, ports and downloads.",
                )
            try:
                await self.ask()
            except NoAnswer as error:
                answer = str(error)
                await asyncio.sleep(_ASK_EVERY_SECONDS)
            else:
                if self.exit_code() is None:
                    return
        raise StartError(
            f"{self.label} was not ready after {self.start_seconds:.0f} s ({answer}).\n{self.last_words()}",
            f"See {self.log}. A slow disk or little free memory is the usual reason: run `parley doctor`.",
        )

    async def stop(self) -> None:
        """End it in good order, with force after a deadline; nothing happens when it does not run."""
        if self._process is not None:
            child = self._process
            self._forget(await process.stop(child, deadline=self.stop_seconds, nudge=self.nudge))

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._forget(process.kill(self._process))

    def _forget(self, _code: int) -> None:
        self._process = None
        self.folder.record(self.name, None)

    def last_words(self) -> str:
        """The end of its output, or of its log when it said nothing."""
        return process.tail(self.output, _TRACEBACK_LINES) or process.tail(self.log, _TRACEBACK_LINES)
