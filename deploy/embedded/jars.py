"""Apache Kafka's jars: exactly those of `jars.txt`, downloaded once by jgo into the user's cache.

jgo's resolver is pure Python, so neither Maven nor Java is needed. Which jars Kafka consists of was resolved
when `jars.txt` was made (`python -m deploy.embedded.relock`); here they are fetched by their coordinates and
nothing with another SHA-256 is ever used.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from deploy.embedded.cache import cache_dir, repositories, without_login
from deploy.embedded.errors import StartError
from deploy.embedded.locks import FileLock, describe

KAFKA_VERSION = "4.3.1"
LOCK_FILE = Path(__file__).with_name("jars.txt")
_ATTEMPTS = 4
_FIRST_PAUSE_SECONDS = 1.0
_PARALLEL = 4
_HTTP_TIMEOUT_SECONDS = 30
_NETWORK_REMEDY = (
    "Check the network (HTTPS_PROXY, REQUESTS_CA_BUNDLE), or name a Maven repository that this machine can "
    "reach in PARLEY_MAVEN_REPOSITORY; then run the command again: it goes on where it stopped."
)


class Cancelled(Exception):  # noqa: N818 - not an error: the user pressed Ctrl-C
    """The download was stopped by the caller."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One pinned jar: Maven coordinates, size in bytes, SHA-256 in hexadecimal."""

    group: str
    artifact: str
    version: str
    size: int
    sha256: str

    @property
    def file_name(self) -> str:
        return f"{self.artifact}-{self.version}.jar"


Fetch = Callable[[Jar, Path, Callable[[int], None]], Path]
"""Downloads one jar somewhere below a folder, reporting received bytes; any exception means failure."""


def pinned(lock: Path = LOCK_FILE) -> tuple[Jar, ...]:
    """The committed list; one line is `sha256 size group:artifact:version`."""
    jars = []
    for line in lock.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            sha256, size, coordinates = line.split()
            group, artifact, version = coordinates.split(":")
            jars.append(Jar(group, artifact, version, int(size), sha256))
    return tuple(jars)


def jar_folder(cache: Path | None = None) -> Path:
    return (cache or cache_dir()) / f"kafka-{KAFKA_VERSION}"


def missing(jars: tuple[Jar, ...], folder: Path) -> list[Jar]:
    """The jars that are not in the cache. Raises StartError for a jar that must not be used."""
    known = {jar.file_name for jar in jars}
    for file in sorted(folder.glob("*.jar")):
        if file.name not in known:
            raise StartError(
                f"{file} is not one of the jars that this version of Parley was made with.",
                "Somebody put it there; delete it and run the command again.",
            )
    absent = []
    for jar in jars:
        file = folder / jar.file_name
        if not file.exists():
            absent.append(jar)
        elif sha256_of(file) != jar.sha256:
            raise StartError(
                f"{file} does not have the SHA-256 that is pinned for it: it was damaged or changed.",
                "Delete it and run the command again; it is then downloaded afresh.",
            )
    return absent


def sha256_of(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def ensure_jars(
    *,
    console: Console | None = None,
    cache: Path | None = None,
    cancel: threading.Event | None = None,
    jars: tuple[Jar, ...] | None = None,
    fetch: Fetch | None = None,
    first_pause: float = _FIRST_PAUSE_SECONDS,
) -> list[Path]:
    """The class path: every pinned jar, in the cache and with its checksum right; blocking.

    Downloads what is missing, one process at a time, showing progress on `console`. A jar enters the cache
    by a rename after its checksum was found right, so an interruption leaves no half file, and what was
    complete is not downloaded again. Raises StartError (with what to do), or Cancelled once `cancel` is set.
    """
    wanted = pinned() if jars is None else jars
    folder = jar_folder(cache)
    stop = cancel or threading.Event()
    try:
        if absent := missing(wanted, folder):
            folder.mkdir(parents=True, exist_ok=True)
            with _only_one(folder, console, stop):
                absent = missing(wanted, folder)  # another process may have been quicker
                if absent:
                    _download(
                        absent,
                        folder,
                        console=console,
                        stop=stop,
                        fetch=fetch or _with_jgo(),
                        first_pause=first_pause,
                    )
    except OSError as error:
        raise StartError(
            f"The download cache {folder} cannot be used ({error.strerror or error}).",
            "Make it writable and free disk space, or choose another folder with PARLEY_CACHE.",
        ) from error
    return [folder / jar.file_name for jar in wanted]


@contextlib.contextmanager
def _only_one(folder: Path, console: Console | None, stop: threading.Event) -> Iterator[None]:
    lock = FileLock(folder.with_name(folder.name + ".lock"))
    told = False
    while not lock.try_acquire():
        if not told and console is not None:
            console.print(
                f"Another process ({describe(lock.read_holder())}) downloads Kafka; waiting for it."
            )
        told = True
        if stop.wait(0.2):
            raise Cancelled
    try:
        yield
    finally:
        lock.release()


@dataclass(slots=True)
class _Download:
    """One run of downloads. `stop` is the caller's wish, `failed` tells the other threads."""

    folder: Path
    staging: Path
    fetch: Fetch
    first_pause: float
    stop: threading.Event
    failed: threading.Event
    advance: Callable[[int], None]

    def one(self, jar: Jar) -> None:
        try:
            self._retrying(jar)
        except BaseException:
            self.failed.set()
            raise

    def _retrying(self, jar: Jar) -> None:
        """Fetch, check and move one jar into the cache; gives up after a few attempts."""
        problem: Exception | None = None
        for attempt in range(_ATTEMPTS):
            if attempt and self.stop.wait(self.first_pause * 2 ** (attempt - 1)):
                raise Cancelled
            received: list[int] = []

            def report(count: int, received: list[int] = received) -> None:
                if self.stop.is_set() or self.failed.is_set():
                    raise Cancelled
                received.append(count)
                self.advance(count)

            try:
                report(0)
                file = self.fetch(jar, self.staging / f"{jar.artifact}-{attempt}", report)
                found = sha256_of(file)
                if found == jar.sha256:
                    file.replace(self.folder / jar.file_name)
                    self.advance(jar.size - sum(received))
                    return
                problem = _refused(jar, found)
            except Cancelled:
                raise
            except Exception as error:  # whatever the resolver and its HTTP client raise
                if isinstance(error, OSError) and _is_local(error):
                    raise
                problem = error
            self.advance(-sum(received))
        if isinstance(problem, StartError):
            raise problem
        reason = without_login(str(problem)) or type(problem).__name__
        raise StartError(f"{jar.file_name} could not be downloaded: {reason}.", _NETWORK_REMEDY) from problem


def _download(
    jars: list[Jar],
    folder: Path,
    *,
    console: Console | None,
    stop: threading.Event,
    fetch: Fetch,
    first_pause: float,
) -> None:
    for stale in folder.parent.glob(f".{folder.name}-*"):  # of a process that was killed; we hold the lock
        shutil.rmtree(stale, ignore_errors=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    shown = Progress(*columns, console=console, disable=console is None)
    title = f"Apache Kafka {KAFKA_VERSION} ({len(jars)} files, once)"
    with (
        tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as staging,
        shown,
        ThreadPoolExecutor(_PARALLEL) as pool,
    ):
        task = shown.add_task(title, total=sum(jar.size for jar in jars))
        run = _Download(
            folder,
            Path(staging),
            fetch,
            first_pause,
            stop,
            threading.Event(),
            lambda count: shown.advance(task, count),
        )
        results = [pool.submit(run.one, jar) for jar in jars]
        errors = [error for result in results if (error := result.exception()) is not None]
    if errors:
        raise next((error for error in errors if not isinstance(error, Cancelled)), errors[0])


def _refused(jar: Jar, found: str) -> StartError:
    return StartError(
        f"{jar.file_name} was downloaded with SHA-256 {found}, but {jar.sha256} is pinned for it.",
        "It was refused. A proxy or mirror on the way changes files: name another Maven repository in"
        " PARLEY_MAVEN_REPOSITORY.",
    )


def _is_local(error: OSError) -> bool:
    """Disk full or not writable, as opposed to the network (requests' exceptions are OSErrors, too)."""
    return error.errno is not None and error.filename is not None


def _with_jgo() -> Fetch:
    """Fetch with jgo's Python resolver, trying the repositories in order."""
    from jgo.maven import MavenContext, PythonResolver

    addresses = repositories()
    if os.environ.get("SSL_CERT_FILE") and not os.environ.get("REQUESTS_CA_BUNDLE"):
        os.environ["REQUESTS_CA_BUNDLE"] = os.environ["SSL_CERT_FILE"]  # requests knows only its own variable

    def fetch(jar: Jar, folder: Path, report: Callable[[int], None]) -> Path:
        @contextlib.contextmanager
        def progress(_name: str, _size: int) -> Iterator[Callable[[int], None]]:
            yield report

        problem: Exception = FileNotFoundError(jar.file_name)
        for number, address in enumerate(addresses):
            context = MavenContext(
                resolver=PythonResolver(progress_callback=progress),
                repo_cache=folder / str(number),
                remote_repos={"repository": address},
                timeout=_HTTP_TIMEOUT_SECONDS,
            )
            artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact()
            try:
                file = context.resolver.download(artifact)
            except Cancelled:
                raise
            except Exception as error:  # noqa: BLE001 - the next repository may have it
                problem = error
            else:
                if file is not None:
                    return Path(file)
        raise problem

    return fetch
