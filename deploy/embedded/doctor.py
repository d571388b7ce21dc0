"""`parley doctor`: what a run needs, checked one by one, each with what to do when it is not there."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from deploy.embedded import probes
from deploy.embedded.cache import cache_dir
from deploy.embedded.database import described
from deploy.embedded.errors import StartError
from deploy.embedded.folder import DataFolder, free_bytes
from deploy.embedded.jars import KAFKA_VERSION, jar_folder, missing, pinned
from deploy.embedded.kafka import java_answers
from deploy.embedded.locks import describe
from deploy.embedded.platform import ServerPlan, resolve_servers, run_blocking
from deploy.embedded.ports import LOOPBACK, choose, is_free

_MIB = 1024 * 1024
_PYTHON = (3, 11)
_DATA_BYTES = 1024 * _MIB
_CACHE_BYTES = 100 * _MIB
# Kafka 330 MiB, the database about 200 MiB with a small data set, the services about 300 MiB.
_MEMORY_BYTES = 1024 * _MIB
_KAFKA_PORT, _MONGODB_PORT = 9092, 27017
_SECURED = ("tls=true", "ssl=true")
_SHOWN = 10  # findings at most, so that a wrong setting does not fill the screen


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that a run needs. `remedy` is empty when `ok`."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


Inspect = Callable[[str, str], Awaitable[tuple[str, list[str]]]]
"""Looks at what is on servers, given their addresses: how it is when all is well, and what is wrong."""


def run_checks(
    data_dir: Path, *, plan: ServerPlan | None = None, inspect: Inspect | None = None
) -> list[Check]:
    """Every check for a run in `data_dir`; nothing is started, and nothing is changed.

    Servers that the environment (or `plan`) names are asked whether they answer. When both are named, what
    only the embedded ones need is left out, and `inspect` looks at what is on them.
    """
    return run_blocking(checks(data_dir, plan=plan, inspect=inspect))


async def checks(
    data_dir: Path, *, plan: ServerPlan | None = None, inspect: Inspect | None = None
) -> list[Check]:
    """`run_checks` for coroutines."""
    servers = plan or resolve_servers()
    folder = DataFolder(data_dir)
    found = [
        _check("Python", _python),
        _check("data folder", lambda: _writable(folder.path, "PARLEY_DATA")),
        _check("disk", lambda: _disk(folder.path, _DATA_BYTES, "PARLEY_DATA")),
        _check("memory", _memory),
        _check("already running", lambda: _not_running(folder)),
    ]
    if servers.start_kafka:
        found += [
            _check("download cache", lambda: _writable(cache_dir(), "PARLEY_CACHE")),
            _check("Kafka's jars", _jars),
            _check("Java", java_answers),
        ]
    if servers.start_database:
        found.append(_check("database program", described))
    if servers.start_kafka or servers.start_database:
        found.append(_check("ports", lambda: _ports(folder)))
    if servers.kafka_bootstrap is not None:
        found.append(await _answer("Kafka (KAFKA_BOOTSTRAP)", _ask_kafka(servers.kafka_bootstrap)))
    if servers.mongodb_uri is not None:
        found.append(await _answer("database (MONGODB_URI)", _ask_mongodb(servers.mongodb_uri)))
    named = servers.kafka_bootstrap, servers.mongodb_uri
    # Where one of them does not answer, that has been said already.
    if (
        inspect is not None
        and named[0] is not None
        and named[1] is not None
        and found[-1].ok
        and found[-2].ok
    ):
        found.append(await _answer("what is on the servers", _look_into(inspect(named[0], named[1]))))
    return found


def _check(name: str, look: Callable[[], str]) -> Check:
    """`look` returns the detail of what is well, or raises StartError."""
    try:
        return Check(name, True, look())
    except StartError as error:
        return Check(name, False, error.problem, error.remedy)


async def _answer(name: str, ask: Awaitable[str]) -> Check:
    try:
        return Check(name, True, await ask)
    except StartError as error:
        return Check(name, False, error.problem, error.remedy)


def _python() -> str:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] < _PYTHON:
        raise StartError(f"Python {version} is too old.", "Use Python 3.11 or newer.")
    if os.name != "posix":
        raise StartError(
            "This system has no process groups and file locks as the embedded servers need them.",
            "Use Linux or macOS (or WSL), or name other servers in KAFKA_BOOTSTRAP and MONGODB_URI.",
        )
    return version


def _writable(path: Path, variable: str) -> str:
    """A folder that exists and takes a file, or could be made."""
    existing = next(parent for parent in [path.absolute(), *path.absolute().parents] if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise StartError(
            f"{path} cannot be written ({error.strerror or error}).",
            f"Make it writable, or choose another folder with {variable}.",
        ) from error
    return str(path)


def _disk(path: Path, needed: int, variable: str) -> str:
    free = free_bytes(path)
    if free < needed:
        raise StartError(
            f"{free // _MIB} MiB are free on the disk of {path}; a run needs {needed // _MIB} MiB.",
            f"Free disk space, or choose another disk with {variable}.",
        )
    return f"{free // _MIB} MiB free"


def _memory() -> str:
    available = psutil.virtual_memory().available
    if available < _MEMORY_BYTES:
        raise StartError(
            f"{available // _MIB} MiB of memory are available; a run needs {_MEMORY_BYTES // _MIB} MiB.",
            "Close other programs, or use servers of another machine (KAFKA_BOOTSTRAP, MONGODB_URI).",
        )
    return f"{available // _MIB} MiB available"


def _not_running(folder: DataFolder) -> str:
    """Nothing runs in the folder. That somebody runs it is no fault, but a second start would say so."""
    if not folder.lock.path.exists():
        return "no, and there is no data yet"
    if not folder.lock.try_acquire():
        return f"yes, by {describe(folder.lock.read_holder())}"
    try:
        left = [f"{name} (pid {process.pid})" for name, process in folder.orphans()]
    finally:
        folder.lock.release()
    if left:
        raise StartError(
            f"An earlier run left processes behind: {', '.join(left)}.",
            "The next `parley up` ends them; or end them with `kill PID`.",
        )
    return "no"


def _jars() -> str:
    folder = jar_folder()
    absent = missing(pinned(), folder)
    if not absent:
        return f"all {len(pinned())} jars of Kafka {KAFKA_VERSION} are in {folder}, with the right checksums"
    size = sum(jar.size for jar in absent) // _MIB + 1
    _disk(folder, _CACHE_BYTES, "PARLEY_CACHE")
    return f"{len(absent)} of {len(pinned())} jars are still to be downloaded ({size} MiB, once)"


def _ports(folder: DataFolder) -> str:
    remembered = folder.load().ports
    running = {name for name, _ in folder.orphans()}
    taken = [port for port in remembered.values() if not is_free(port)]
    if taken and not running:
        return f"{', '.join(map(str, taken))} are taken by another program; others will be chosen"
    choose(["probe"], {})
    return ", ".join(f"{name} {port}" for name, port in remembered.items()) or "chosen at the first start"


async def _ask_kafka(bootstrap: str) -> str:
    """One of the bootstrap servers answers, and takes the login where it wants one."""
    if os.environ.get("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT").upper() != "PLAINTEXT":
        return await _log_in(bootstrap)
    problem = "no server is named"
    for server in filter(None, (part.strip() for part in bootstrap.split(","))):
        host, port = _split(server, _KAFKA_PORT)
        try:
            return f"{server} answers, cluster {await probes.kafka(port, host)}"
        except probes.NoAnswer as error:
            problem = str(error)
    raise StartError(
        f"Kafka does not answer: {problem}.",
        "Start it, correct KAFKA_BOOTSTRAP, or unset it to use the embedded one.",
    )


async def _log_in(bootstrap: str) -> str:
    """Every broker of the cluster is asked: the certificate of one may have expired."""
    from shared.runtime.admin import probe
    from shared.runtime.settings import Settings

    with _told("Start it, correct KAFKA_BOOTSTRAP, or unset it to use the embedded one."):
        settings = Settings.load(kafka_bootstrap=bootstrap)
        await probe(settings, every=True)
    return f"{bootstrap} answers and takes the login" + (
        f" of {settings.kafka_username}" if settings.kafka_username else ""
    )


@contextmanager
def _told(when_away: str) -> Iterator[None]:
    """Say what the runtime has found as a StartError, with `when_away` as the remedy of an outage."""
    from shared.runtime.ports import FatalError, UnavailableError
    from shared.runtime.settings import SettingsError

    try:
        yield
    except SettingsError as error:
        raise StartError(str(error), "Correct the environment.") from error
    except FatalError as error:
        raise StartError(error.problem, "Until then nothing of Parley can run on it.") from error
    except UnavailableError as error:
        raise StartError(f"{error}.", when_away) from error


async def _look_into(looking: Awaitable[tuple[str, list[str]]]) -> str:
    """Nothing is wrong with what is on the servers."""
    with _told("See that both servers run, and try again."):
        detail, findings = await looking
    if findings:
        more = f"; and {len(findings) - _SHOWN} more" if len(findings) > _SHOWN else ""
        raise StartError(
            f"{'; '.join(findings[:_SHOWN])}{more}.",
            "`parley prepare` creates what does not exist. For another partition count set PARLEY_PARTITIONS"
            " to it, or have `parley migrate partitions` raise it; correct the rest with Kafka's own tools.",
        )
    return detail


async def _ask_mongodb(uri: str) -> str:
    """One of the hosts of the URI answers. A `mongodb+srv` name is left to the driver."""
    scheme, _, rest = uri.partition("://")
    if scheme == "mongodb+srv":
        return "named by DNS (mongodb+srv), not tried"
    hosts = rest.partition("/")[0].rpartition("@")[2]
    problem = "no host is named"
    for server in filter(None, hosts.split(",")):
        host, port = _split(server, _MONGODB_PORT)
        try:
            if any(mark in uri.lower() for mark in _SECURED):
                await probes.connects(host, port)
            else:
                await probes.mongodb(port, host)
        except probes.NoAnswer as error:
            problem = str(error)
        else:
            return f"{server} answers"
    raise StartError(
        f"The database does not answer: {problem}.",
        "Start it, correct MONGODB_URI, or unset it to use the embedded one.",
    )


def _split(server: str, default_port: int) -> tuple[str, int]:
    """`host:port`, `[v6]:port` or `host`."""
    host, colon, port = server.rpartition(":")
    if not colon or not port.isdigit():
        return server.strip("[]") or LOOPBACK, default_port
    return host.strip("[]"), int(port)


__all__ = ["Check", "checks", "run_checks"]
