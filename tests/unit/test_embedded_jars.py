"""The download cache: nothing unpinned, nothing half, nothing twice. The network is a function here."""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from deploy.embedded import cache
from deploy.embedded.errors import StartError
from deploy.embedded.jars import KAFKA_VERSION, Cancelled, Jar, ensure_jars, jar_folder, missing, pinned

CONTENT = {"alpha": b"alpha" * 1000, "beta": b"beta" * 1000, "gamma": b"gamma" * 1000}


def jar(name: str, content: bytes | None = None) -> Jar:
    body = CONTENT[name] if content is None else content
    return Jar("org.example", name, "1.0", len(body), hashlib.sha256(body).hexdigest())


JARS = tuple(jar(name) for name in CONTENT)


class Repository:
    """Serves CONTENT; `trouble` may raise or change what is served."""

    def __init__(self, trouble: Callable[[str, int], bytes | None] = lambda _name, _attempt: None) -> None:
        self.served: list[str] = []
        self._trouble = trouble
        self._lock = threading.Lock()

    def __call__(self, wanted: Jar, folder: Path, report: Callable[[int], None]) -> Path:
        with self._lock:
            self.served.append(wanted.artifact)
            attempt = self.served.count(wanted.artifact)
        folder.mkdir(parents=True)
        file = folder / wanted.file_name
        body = CONTENT[wanted.artifact]
        file.write_bytes(body[: len(body) // 2])  # an interruption from here on would leave half a file
        other = self._trouble(wanted.artifact, attempt)
        report(len(body) // 2)
        file.write_bytes(body if other is None else other)
        report(len(body) - len(body) // 2)
        return file


def files(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


def test_the_download_happens_once_and_shows_its_progress(tmp_path: Path) -> None:
    repository = Repository()
    shown = Console(file=StringIO(), force_terminal=True, width=120)
    paths = ensure_jars(cache=tmp_path, jars=JARS, fetch=repository, console=shown)
    assert [path.read_bytes() for path in paths] == list(CONTENT.values())
    output = shown.file.getvalue()  # type: ignore[attr-defined]
    assert f"Apache Kafka {KAFKA_VERSION} (3 files, once)" in output
    again = Console(file=StringIO(), force_terminal=True, width=120)
    assert ensure_jars(cache=tmp_path, jars=JARS, fetch=repository, console=again) == paths
    assert again.file.getvalue() == ""  # type: ignore[attr-defined]
    assert sorted(repository.served) == sorted(CONTENT)


def test_a_jar_with_another_checksum_is_refused_and_not_kept(tmp_path: Path) -> None:
    repository = Repository(lambda name, _attempt: b"something else" if name == "beta" else None)
    with pytest.raises(StartError, match=r"beta-1\.0\.jar was downloaded with SHA-256") as caught:
        ensure_jars(cache=tmp_path, jars=JARS, fetch=repository, first_pause=0.0)
    assert "refused" in caught.value.remedy
    assert "beta-1.0.jar" not in {path.name for path in tmp_path.rglob("*")}


def test_a_network_failure_is_tried_again(tmp_path: Path) -> None:
    def fails_twice(_name: str, attempt: int) -> None:
        if attempt < 3:
            raise ConnectionError("the line is cut")

    repository = Repository(fails_twice)
    assert len(ensure_jars(cache=tmp_path, jars=JARS, fetch=repository, first_pause=0.0)) == 3
    assert len(repository.served) == 9


def test_a_lasting_network_failure_says_what_to_do(tmp_path: Path) -> None:
    def fails(_name: str, _attempt: int) -> None:
        raise ConnectionError("cannot reach https://me:secret@repository.example/kafka")

    with pytest.raises(StartError) as caught:
        ensure_jars(cache=tmp_path, jars=JARS, fetch=Repository(fails), first_pause=0.0)
    assert "cannot reach https://repository.example/kafka" in caught.value.problem
    assert "PARLEY_MAVEN_REPOSITORY" in caught.value.remedy
    assert not any(path.suffix == ".jar" for path in tmp_path.rglob("*"))


def test_an_interrupted_download_leaves_no_half_file_and_goes_on_later(tmp_path: Path) -> None:
    cancel = threading.Event()

    def pull_the_plug(name: str, _attempt: int) -> None:
        if name == "gamma":
            cancel.set()

    with pytest.raises(Cancelled):
        ensure_jars(cache=tmp_path, jars=JARS, fetch=Repository(pull_the_plug), cancel=cancel)
    complete = {path.name: path.read_bytes() for path in jar_folder(tmp_path).glob("*.jar")}
    assert "gamma-1.0.jar" not in complete
    for name, body in complete.items():
        assert body == CONTENT[name.removesuffix("-1.0.jar")]
    second = Repository()
    ensure_jars(cache=tmp_path, jars=JARS, fetch=second)
    assert {f"{name}-1.0.jar" for name in second.served} == {j.file_name for j in JARS} - set(complete)


DOWNLOADER = """
    import pathlib, sys, time
    sys.path[:0] = {paths!r}
    from tests_embedded_jars import JARS, Repository
    from deploy.embedded.jars import ensure_jars
    def wait(name, attempt):
        pathlib.Path({ready!r}).touch()
        time.sleep({seconds})
    ensure_jars(cache=pathlib.Path({cache!r}), jars=JARS, fetch=Repository(wait))
"""


def start_downloader(tmp_path: Path, seconds: float) -> subprocess.Popen[bytes]:
    """A process that downloads into the cache, slowly; returns when it is in the middle of it."""
    (tmp_path / "code").mkdir(exist_ok=True)
    (tmp_path / "code" / "tests_embedded_jars.py").write_text(Path(__file__).read_text(encoding="utf-8"))
    ready = tmp_path / "ready"
    values = {
        "paths": [str(tmp_path / "code")],
        "ready": str(ready),
        "seconds": seconds,
        "cache": str(tmp_path / "cache"),
    }
    child = subprocess.Popen([sys.executable, "-c", textwrap.dedent(DOWNLOADER.format(**values))])
    while not ready.exists():
        assert child.poll() is None, "the downloader ended early"
        time.sleep(0.01)
    return child


def test_kill_9_in_the_middle_leaves_nothing_that_is_used(tmp_path: Path) -> None:
    child = start_downloader(tmp_path, 600)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert any(path.suffix == ".jar" for path in (tmp_path / "cache").rglob("*"))  # half a file, put aside
    assert missing(JARS, jar_folder(tmp_path / "cache")) == list(JARS)
    ensure_jars(cache=tmp_path / "cache", jars=JARS, fetch=Repository())
    folder = jar_folder(Path())
    assert files(tmp_path / "cache") == {f"{folder}.lock", *(f"{folder}/{j.file_name}" for j in JARS)}


def test_two_processes_download_one_after_the_other(tmp_path: Path) -> None:
    child = start_downloader(tmp_path, 0.3)
    told = StringIO()
    repository = Repository()
    ensure_jars(cache=tmp_path / "cache", jars=JARS, fetch=repository, console=Console(file=told, width=200))
    assert child.wait() == 0
    assert repository.served == []  # the other one had fetched everything
    assert "Another process" in told.getvalue()


def test_jgo_downloads_without_java_and_maven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = jar("alpha")
    place = tmp_path / "repository" / "org" / "example" / "alpha" / "1.0"
    place.mkdir(parents=True)
    (place / wanted.file_name).write_bytes(CONTENT["alpha"])
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert shutil.which("java") is None
    assert shutil.which("mvn") is None
    handler = functools.partial(QuietHandler, directory=str(tmp_path / "repository"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as repository:
        thread = threading.Thread(target=repository.serve_forever)
        thread.start()
        try:
            monkeypatch.setenv("PARLEY_MAVEN_REPOSITORY", f"http://127.0.0.1:{repository.server_port}/")
            (path,) = ensure_jars(cache=tmp_path / "cache", jars=(wanted,), first_pause=0.0)
            assert path.read_bytes() == CONTENT["alpha"]
            with pytest.raises(StartError, match=r"beta-1\.0\.jar could not be downloaded"):
                ensure_jars(cache=tmp_path / "cache", jars=(wanted, jar("beta")), first_pause=0.0)
        finally:
            repository.shutdown()
            thread.join()


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without logging."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        return


def test_a_damaged_or_changed_jar_of_the_cache_is_refused(tmp_path: Path) -> None:
    ensure_jars(cache=tmp_path, jars=JARS, fetch=Repository())
    (jar_folder(tmp_path) / "alpha-1.0.jar").write_bytes(b"evil")
    with pytest.raises(StartError, match="does not have the SHA-256") as caught:
        ensure_jars(cache=tmp_path, jars=JARS, fetch=Repository())
    assert "Delete it" in caught.value.remedy


def test_an_unknown_jar_of_the_cache_is_refused(tmp_path: Path) -> None:
    ensure_jars(cache=tmp_path, jars=JARS, fetch=Repository())
    (jar_folder(tmp_path) / "evil.jar").write_bytes(b"evil")
    with pytest.raises(StartError, match=r"evil\.jar is not one of the jars"):
        ensure_jars(cache=tmp_path, jars=JARS, fetch=Repository())


def test_a_cache_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StartError, match="cannot be used") as caught:
        ensure_jars(cache=tmp_path / "file", jars=JARS, fetch=Repository())
    assert "PARLEY_CACHE" in caught.value.remedy


def test_the_committed_list_is_complete() -> None:
    jars = pinned()
    names = [j.file_name for j in jars]
    assert len(names) == len(set(names)) == 46
    assert f"kafka_2.13-{KAFKA_VERSION}.jar" in names
    assert f"kafka-clients-{KAFKA_VERSION}.jar" in names
    versions = {j.version for j in jars if j.group == "org.apache.logging.log4j"}
    assert versions == {"2.25.4"}
    assert all(len(j.sha256) == 64 and j.size > 0 for j in jars)


@pytest.mark.parametrize(
    ("mirror_of", "found"),
    [
        ("central", True),
        ("*", True),
        ("external:*", True),
        ("snapshots, central", True),
        ("*,!central", False),
        ("other", False),
    ],
)
def test_a_mirror_in_the_maven_settings_is_used(tmp_path: Path, mirror_of: str, found: bool) -> None:
    (tmp_path / ".m2").mkdir()
    (tmp_path / ".m2" / "settings.xml").write_text(
        '<settings xmlns="http://maven.apache.org/SETTINGS/1.2.0"><mirrors><mirror>'
        f"<mirrorOf>{mirror_of}</mirrorOf><url>https://mirror.example/maven/</url>"
        "</mirror></mirrors></settings>"
    )
    addresses = cache.repositories({}, home=tmp_path)
    assert ("https://mirror.example/maven" in addresses) is found


def test_a_named_repository_is_the_only_one(tmp_path: Path) -> None:
    named = {"PARLEY_MAVEN_REPOSITORY": "https://only.example/maven/"}
    assert cache.repositories(named, home=tmp_path) == ["https://only.example/maven"]
    assert len(cache.repositories({}, home=tmp_path)) >= 1


def test_broken_maven_settings_are_not_our_business(tmp_path: Path) -> None:
    broken = tmp_path / "settings.xml"
    broken.write_text("<settings><mirrors>")
    assert cache.mirror_of_central(broken) is None


def test_where_the_cache_is() -> None:
    assert cache.cache_dir({"PARLEY_CACHE": "/somewhere"}) == Path("/somewhere")
    assert cache.cache_dir({"XDG_CACHE_HOME": "/xdg"}) == Path("/xdg/parley")
    assert cache.cache_dir({}) == Path.home() / ".cache" / "parley"
