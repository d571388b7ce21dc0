"""The data folder, its lock, ports, and the questions that the launcher asks servers."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from deploy.embedded import probes
from deploy.embedded.errors import StartError
from deploy.embedded.folder import DataFolder, RecordedProcess, State, default_data_dir, write_atomically
from deploy.embedded.locks import FileLock, Holder
from deploy.embedded.platform import Addresses, resolve_servers
from deploy.embedded.ports import LOOPBACK, choose, is_free
from deploy.embedded.reading import reading_database


@contextmanager
def another_process(script: str, ready: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process that has touched `ready`."""
    child = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)])
    try:
        while not ready.exists():
            assert child.poll() is None, "the other process ended early"
            time.sleep(0.01)
        yield child
    finally:
        child.kill()
        child.wait()


def holder_script(path: Path, ready: Path, role: str) -> str:
    return f"""
        import asyncio, pathlib, time
        from deploy.embedded.folder import DataFolder
        folder = DataFolder(pathlib.Path({str(path)!r}))
        asyncio.run(folder.acquire({role!r}))
        pathlib.Path({str(ready)!r}).touch()
        time.sleep(600)
    """


def test_the_state_survives_and_is_replaced_in_one_step(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    assert folder.load() == State()
    state = State(cluster_id="c", ports={"kafka": 21_000}, processes={"kafka": RecordedProcess(7, 1.5)})
    folder.save(state)
    assert replace(DataFolder(tmp_path).load(), version="") == state
    assert [path.name for path in tmp_path.iterdir()] == ["parley.json"]


@pytest.mark.parametrize("text", ["{", "[]", '{"unknown": 1}', '{"processes": {"kafka": {"pid": 1}}}'])
def test_a_state_that_cannot_be_read_says_what_to_do(tmp_path: Path, text: str) -> None:
    (tmp_path / "parley.json").write_text(text)
    with pytest.raises(StartError, match="cannot be read") as caught:
        DataFolder(tmp_path).load()
    assert "delete it" in caught.value.remedy


def test_a_folder_of_a_newer_parley_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "parley.json").write_text('{"format": 99, "version": "9.9"}')
    with pytest.raises(StartError, match="newer"):
        DataFolder(tmp_path).load()


async def test_a_second_run_is_told_who_runs(tmp_path: Path) -> None:
    data, ready = tmp_path / "data", tmp_path / "ready"
    with another_process(holder_script(data, ready, "running"), ready) as other:
        with pytest.raises(StartError, match=f"in use by process {other.pid}") as caught:
            await DataFolder(data).acquire("running")
        assert "PARLEY_DATA" in caught.value.remedy
        other.kill()
        other.wait()
        mine = DataFolder(data)
        await mine.acquire("running")  # the lock went with its holder
        assert mine.lock.read_holder() == Holder.this_process("running")
        mine.lock.release()


async def test_a_reading_command_is_waited_for(tmp_path: Path) -> None:
    data, ready = tmp_path / "data", tmp_path / "ready"
    with another_process(holder_script(data, ready, "reading"), ready) as other:
        folder = DataFolder(data)
        waiting = asyncio.create_task(folder.acquire("running"))
        done, _ = await asyncio.wait([waiting], timeout=0.3)
        assert not done
        other.kill()
        await waiting
        assert folder.lock.held
        folder.lock.release()


def test_a_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StartError, match="cannot be written"):
        asyncio.run(DataFolder(tmp_path / "file" / "data").acquire("running"))


def test_shared_locks_exclude_only_exclusive_ones(tmp_path: Path) -> None:
    first, second, third = (FileLock(tmp_path / "lock") for _ in range(3))
    assert first.try_acquire(shared=True)
    assert second.try_acquire(shared=True)
    assert not third.try_acquire()
    first.release()
    second.release()
    assert third.try_acquire()
    third.release()


def test_what_an_earlier_run_left_is_ended_and_nothing_else(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    deaf = f"""
        import pathlib, signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        pathlib.Path({str(ready)!r}).touch()
        time.sleep(600)
    """
    folder = DataFolder(tmp_path)
    with another_process(deaf, ready) as orphan:
        folder.record("kafka", orphan)
        recorded = folder.load().processes["kafka"]
        # the same pid with another start time is another process, which was given the pid of a dead one
        impostor = replace(recorded, started=recorded.started - 1000)
        folder.save(replace(folder.load(), processes={"kafka": impostor}))
        assert folder.orphans() == []
        folder.save(replace(folder.load(), processes={"kafka": recorded}))
        assert [name for name, _ in folder.orphans()] == ["kafka"]
        assert folder.reap_orphans() == ["kafka"]
        assert not psutil.pid_exists(orphan.pid)
    assert folder.load().processes == {}


def test_where_the_data_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert default_data_dir({"PARLEY_DATA": "/somewhere"}) == Path("/somewhere")
    assert default_data_dir({}) == tmp_path / "var" / "parley"


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_atomically(tmp_path / "file", "old")

    def fails(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="No space"):
        write_atomically(tmp_path / "file", "new")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"file": "old"}


def test_forgetting_a_process_never_fails(tmp_path: Path) -> None:
    (tmp_path / "parley.json").write_text("{")
    folder = DataFolder(tmp_path)
    folder.record("kafka", None)
    with (
        another_process(
            f"open({str(tmp_path / 'ready')!r}, 'w'); import time; time.sleep(600)", tmp_path / "ready"
        ) as child,
        pytest.raises(StartError, match="cannot be read"),
    ):
        folder.record("kafka", child)


def test_ports_are_remembered_unless_taken() -> None:
    first = choose(["kafka", "database"], {})
    assert len(set(first.values())) == 2
    assert choose(["kafka", "database"], first) == first
    with socket.socket() as taker:
        taker.bind((LOOPBACK, first["kafka"]))
        taker.listen()
        assert not is_free(first["kafka"])
        second = choose(["kafka", "database"], first)
        assert second["kafka"] != first["kafka"]
        assert second["database"] == first["database"]
    assert is_free(first["kafka"])


def test_ports_that_a_start_found_taken_are_avoided() -> None:
    first = choose(["kafka"], {})
    assert choose(["kafka"], first, avoid=first.values()) != first


def test_two_names_never_get_the_same_port() -> None:
    known = choose(["a"], {})["a"]
    chosen = choose(["a", "b"], {"a": known, "b": known})
    assert chosen["a"] == known
    assert chosen["b"] != known


Reply = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(answer: bytes | None) -> AsyncIterator[int]:
    """A server that reads something and gives a fixed answer, or closes the connection."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        if answer is not None:
            writer.write(answer)
        writer.close()

    async with await asyncio.start_server(handle, LOOPBACK, 0) as listening:
        yield listening.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    "answer", [None, b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00\x00\x00\x04abcd", b"\x00" * 64]
)
async def test_other_protocols_are_no_answer(answer: bytes | None) -> None:
    async with server(answer) as port:
        with pytest.raises(probes.NoAnswer):
            await probes.kafka(port)
        with pytest.raises(probes.NoAnswer):
            await probes.mongodb(port)


async def test_a_broker_without_brokers_is_not_ready() -> None:
    body = b"\x00\x00\x00\x01" + b"\x00" * 4 + b"\x00" * 4 + b"\x00\x03abc" + b"\x00" * 8
    async with server(len(body).to_bytes(4, "big") + body) as port:
        with pytest.raises(probes.NoAnswer, match="no broker"):
            await probes.kafka(port)


async def test_nobody_there_is_no_answer() -> None:
    port = choose(["nobody"], {})["nobody"]
    for ask in (probes.kafka(port), probes.mongodb(port), probes.connects(LOOPBACK, port)):
        with pytest.raises(probes.NoAnswer):
            await ask


def test_named_servers_win_each_by_itself() -> None:
    plan = resolve_servers({"KAFKA_BOOTSTRAP": "broker:9092", "MONGODB_URI": ""})
    assert (plan.start_kafka, plan.start_database) == (False, True)
    assert plan.merged(Addresses("", "mongodb://here")) == Addresses("broker:9092", "mongodb://here")
    nothing = resolve_servers({})
    assert (nothing.start_kafka, nothing.start_database) == (True, True)


def test_a_reading_command_uses_the_named_database_and_starts_nothing(tmp_path: Path) -> None:
    with reading_database(tmp_path / "none", plan=resolve_servers({"MONGODB_URI": "mongodb://x"})) as uri:
        assert uri == "mongodb://x"
    assert list(tmp_path.iterdir()) == []


def test_a_reading_command_without_data_says_so(tmp_path: Path) -> None:
    with (
        pytest.raises(StartError, match="There is no data") as caught,
        reading_database(tmp_path / "none", plan=resolve_servers({})),
    ):
        raise AssertionError("not reached")
    assert "parley up" in caught.value.remedy
    assert list(tmp_path.iterdir()) == []
