"""The data folder: where everything of one embedded platform lives, who runs it, and what it remembers.

parley.json   ports, cluster id, pids of what we started, version
parley.lock   held while something runs here
kafka/        configuration and log segments
database/     configuration and WiredTiger files
logs/         one file per process
keys/         the lender's signing key and the master key, where the environment names none
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from importlib import metadata
from pathlib import Path

import psutil

from deploy.embedded.errors import StartError
from deploy.embedded.locks import FileLock, Holder, describe

_FORMAT = 1
_REAP_SECONDS = 5.0
_READER_WAIT_SECONDS = 20.0


def default_data_dir(environ: Mapping[str, str] | None = None) -> Path:
    """`PARLEY_DATA`, or `var/parley` below the current folder."""
    return Path((environ or os.environ).get("PARLEY_DATA") or Path("var") / "parley").absolute()


def parley_version() -> str:
    """The installed distribution's version, `0` when the sources are used without being installed."""
    try:
        return metadata.version("parley-platform")
    except metadata.PackageNotFoundError:
        return "0"


@dataclass(frozen=True, slots=True)
class RecordedProcess:
    """A process that we started. The start time tells it from a later one that was given the same pid."""

    pid: int
    started: float

    @classmethod
    def of(cls, process: subprocess.Popen[bytes]) -> RecordedProcess | None:
        """None when it has ended already."""
        with contextlib.suppress(psutil.Error):
            return cls(process.pid, psutil.Process(process.pid).create_time())
        return None

    def find(self) -> psutil.Process | None:
        """The process, if it is still the one that was recorded and not a zombie."""
        with contextlib.suppress(psutil.Error):
            found = psutil.Process(self.pid)
            if abs(found.create_time() - self.started) < 1.0 and found.status() != psutil.STATUS_ZOMBIE:
                return found
        return None


@dataclass(frozen=True, slots=True)
class State:
    """The contents of `parley.json`."""

    format: int = _FORMAT
    version: str = ""
    cluster_id: str = ""
    ports: dict[str, int] = field(default_factory=dict)
    processes: dict[str, RecordedProcess] = field(default_factory=dict)


class DataFolder:
    """One data folder. Reading is free; whoever changes something holds the lock (`acquire`)."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.lock = FileLock(self.path / "parley.lock")
        self._file = self.path / "parley.json"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    async def acquire(self, role: str) -> None:
        """Lock the folder for this process; `role` is `running` or `reading`.

        A reading command is waited for, since it is soon done. Raises StartError when another platform runs
        here, or when the folder cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if not self.lock.try_acquire():
                holder = self.lock.read_holder()
                wait = _READER_WAIT_SECONDS if holder is None or holder.role == "reading" else 0.0
                if not await self.lock.acquire(wait=wait):
                    raise in_use(self.path, self.lock.read_holder())
            self.lock.write_holder(Holder.this_process(role))
        except OSError as error:
            raise unusable(self.path, error) from error

    def load(self) -> State:
        """What is remembered; an empty state for a new folder. Raises StartError when it cannot be read."""
        try:
            raw = json.loads(self._file.read_text(encoding="utf-8"))
            processes = {name: RecordedProcess(**item) for name, item in raw.pop("processes", {}).items()}
            state = State(**raw, processes=processes)
        except FileNotFoundError:
            return State()
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise StartError(
                f"{self._file} cannot be read ({error}).",
                "Restore it, or delete it: ports are then chosen anew; the data itself is untouched.",
            ) from error
        if state.format > _FORMAT:
            raise StartError(
                f"{self.path} was written by Parley {state.version}, newer than this one.",
                "Update Parley, or choose another data folder with PARLEY_DATA.",
            )
        return state

    def save(self, state: State) -> None:
        """Write the state in one step, so that a kill leaves no half file."""
        text = json.dumps(asdict(replace(state, version=parley_version())), indent=2, sort_keys=True)
        write_atomically(self._file, text + "\n")

    def record(self, name: str, process: subprocess.Popen[bytes] | None) -> None:
        """Remember the process that runs as `name`, or with None forget it.

        Raises StartError when that cannot be written; but forgetting never fails, because it is part of
        stopping and a record of a process that has ended does no harm.
        """
        recorded = None if process is None else RecordedProcess.of(process)
        try:
            state = self.load()
            processes = {key: value for key, value in state.processes.items() if key != name}
            if recorded is not None:
                processes[name] = recorded
            self.save(replace(state, processes=processes))
        except (OSError, StartError) as error:
            if process is not None:
                raise unusable(self.path, error) if isinstance(error, OSError) else error from None

    def orphans(self) -> list[tuple[str, psutil.Process]]:
        """Recorded processes that still live. Orphans when nobody holds the lock."""
        recorded = self.load().processes
        return [(name, found) for name, item in recorded.items() if (found := item.find()) is not None]

    def reap_orphans(self) -> list[str]:
        """End what an earlier run left behind; needs the lock. Returns the names of what was ended.

        Normally nothing: the kernel ends our children with us (guard.py). Kafka and the database survive
        being killed without losing what they acknowledged.
        """
        found = self.orphans()
        for _, process in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
        _, alive = psutil.wait_procs([process for _, process in found], timeout=_REAP_SECONDS)
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(alive, timeout=_REAP_SECONDS)
        state = self.load()
        if state.processes:
            self.save(replace(state, processes={}))
        return [name for name, _ in found]


def write_atomically(path: Path, text: str) -> None:
    """Replace `path` by `text`: written aside, flushed to disk, renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def free_bytes(path: Path) -> int:
    """Free space where `path` is, or will be made."""
    existing = next(parent for parent in [path.absolute(), *path.absolute().parents] if parent.exists())
    return shutil.disk_usage(existing).free


def in_use(path: Path, holder: Holder | None) -> StartError:
    return StartError(
        f"The data folder {path} is in use by {describe(holder)}.",
        "Stop it with Ctrl-C (or `kill PID`), or choose another data folder with PARLEY_DATA.",
    )


def unusable(path: Path, error: OSError) -> StartError:
    return StartError(
        f"The data folder {path} cannot be written ({error.strerror or error}).",
        "Make it writable, free disk space, or choose another data folder with PARLEY_DATA.",
    )
