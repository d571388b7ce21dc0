"""`parley doctor` finds what is wrong and says what to do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from deploy.embedded import doctor, jars
from deploy.embedded.doctor import Check, run_checks
from deploy.embedded.folder import DataFolder
from deploy.embedded.locks import Holder
from deploy.embedded.platform import ServerPlan
from deploy.embedded.ports import LOOPBACK, choose
from shared.runtime.ports import FatalError, UnavailableError
from shared.runtime.settings import SettingsError

EMBEDDED = ServerPlan(None, None)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("PARLEY_DB_SERVER", raising=False)


def named(checks: list[Check], name: str) -> Check:
    return next(check for check in checks if check.name == name)


def test_a_fresh_machine_is_well_and_nothing_is_changed(tmp_path: Path) -> None:
    checks = run_checks(tmp_path / "data", plan=EMBEDDED)
    assert [check for check in checks if not check.ok] == []
    assert all(check.remedy == "" for check in checks)
    assert "46 of 46 jars are still to be downloaded" in named(checks, "Kafka's jars").detail
    assert "openjdk" in named(checks, "Java").detail
    assert list(tmp_path.iterdir()) == []


def test_too_little_disk_and_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "free_bytes", lambda _path: 10 * 1024 * 1024)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=20 * 1024 * 1024))
    checks = run_checks(tmp_path, plan=EMBEDDED)
    assert "10 MiB are free" in named(checks, "disk").detail
    assert "20 MiB of memory" in named(checks, "memory").detail
    assert "10 MiB are free" in named(checks, "Kafka's jars").detail
    for name in ("disk", "memory", "Kafka's jars"):
        assert not named(checks, name).ok
        assert named(checks, name).remedy != ""


def test_a_damaged_jar(tmp_path: Path) -> None:
    folder = jars.jar_folder()
    folder.mkdir(parents=True)
    (folder / jars.pinned()[0].file_name).write_bytes(b"damaged")
    check = named(run_checks(tmp_path, plan=EMBEDDED), "Kafka's jars")
    assert not check.ok
    assert "SHA-256" in check.detail
    assert "Delete it" in check.remedy


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    folder = tmp_path / "read-only"
    folder.mkdir(mode=0o500)
    yield folder
    folder.chmod(0o700)


def test_folders_that_cannot_be_written(read_only: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_CACHE", str(read_only / "cache"))
    checks = run_checks(read_only / "data", plan=EMBEDDED)
    assert "PARLEY_DATA" in named(checks, "data folder").remedy
    assert "PARLEY_CACHE" in named(checks, "download cache").remedy


def test_a_file_where_the_data_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    check = named(run_checks(tmp_path / "data", plan=EMBEDDED), "data folder")
    assert not check.ok
    assert "PARLEY_DATA" in check.remedy


def test_who_runs_and_what_was_left(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    assert folder.lock.try_acquire()
    folder.lock.write_holder(Holder(4711, "running", "parley up"))
    check = named(run_checks(tmp_path, plan=EMBEDDED), "already running")
    assert check.ok
    assert check.detail == "yes, by process 4711 (parley up)"
    folder.lock.release()

    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        folder.record("kafka", child)
        check = named(run_checks(tmp_path, plan=EMBEDDED), "already running")
        assert not check.ok
        assert f"kafka (pid {child.pid})" in check.detail
    finally:
        child.kill()
        child.wait()
    assert named(run_checks(tmp_path, plan=EMBEDDED), "already running").ok


def test_named_servers_that_do_not_answer(tmp_path: Path) -> None:
    port = choose(["nobody"], {})["nobody"]
    plan = ServerPlan(f"{LOOPBACK}:{port}", f"mongodb://me:secret@{LOOPBACK}:{port}/?x=1")
    checks = run_checks(tmp_path, plan=plan)
    kafka, database = named(checks, "Kafka (KAFKA_BOOTSTRAP)"), named(checks, "database (MONGODB_URI)")
    assert (kafka.ok, database.ok) == (False, False)
    assert "KAFKA_BOOTSTRAP" in kafka.remedy
    assert "MONGODB_URI" in database.remedy
    assert "secret" not in database.detail
    assert {"Java", "Kafka's jars", "ports"}.isdisjoint(check.name for check in checks)


async def answers(*_: object) -> str:
    return "answers"


@pytest.mark.parametrize(
    ("found", "ok", "detail", "remedy"),
    [
        (("all 9 topics are as they have to be", []), True, "all 9 topics are as they have to be", ""),
        (
            ("", [f"topic t{n} forgets" for n in range(12)]),
            False,
            "topic t8 forgets; topic t9 forgets; and 2 more.",
            "parley prepare",
        ),
        (FatalError("Kafka does not allow it"), False, "Kafka does not allow it", "Until then"),
        (UnavailableError("database: cannot connect"), False, "database: cannot connect.", "try again"),
        (SettingsError("PARLEY_PARTITIONS: what"), False, "PARLEY_PARTITIONS: what", "environment"),
    ],
)
def test_what_is_on_named_servers_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: Any, ok: bool, detail: str, remedy: str
) -> None:
    asked: list[tuple[str, str]] = []

    async def inspect(bootstrap: str, uri: str) -> tuple[str, list[str]]:
        asked.append((bootstrap, uri))
        if isinstance(found, Exception):
            raise found
        return found  # type: ignore[no-any-return]

    monkeypatch.setattr(doctor, "_ask_kafka", answers)
    monkeypatch.setattr(doctor, "_ask_mongodb", answers)
    checks = run_checks(tmp_path, plan=ServerPlan("kafka:1", "mongodb://db"), inspect=inspect)
    check = named(checks, "what is on the servers")
    assert asked == [("kafka:1", "mongodb://db")]
    assert (check.ok, check.remedy == "") == (ok, ok)
    assert check.detail.endswith(detail)
    assert remedy in check.remedy


async def never(*_: object) -> tuple[str, list[str]]:
    raise AssertionError("there is nothing to look at")


def test_servers_that_do_not_answer_and_embedded_ones_are_not_looked_into(tmp_path: Path) -> None:
    port = choose(["nobody"], {})["nobody"]
    away = f"{LOOPBACK}:{port}"
    for plan in (ServerPlan(away, f"mongodb://{away}"), ServerPlan(away, None), EMBEDDED):
        found = run_checks(tmp_path, plan=plan, inspect=never)
        assert "what is on the servers" not in {check.name for check in found}


def test_the_rust_server_is_wanted_but_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_DB_SERVER", "rs")
    monkeypatch.setenv("PATH", str(tmp_path))
    check = named(run_checks(tmp_path, plan=EMBEDDED), "database program")
    assert not check.ok
    assert "cargo install" in check.remedy
