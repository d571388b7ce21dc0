"""The supervisor with real child processes that do what they are told."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from deploy.embedded import process
from deploy.embedded.folder import DataFolder
from deploy.embedded.supervisor import Phase, RestartPolicy, ServiceSpec, Supervisor, Unit
from deploy.embedded.view import duration, line, table

QUICK = RestartPolicy(first_pause=0.01, longest_pause=0.02, healthy_after=60.0, attempts=3)
FOREVER = "import time\nwhile True: time.sleep(60)"


def spec(name: str, script: str, **env: str) -> ServiceSpec:
    return ServiceSpec(name, [sys.executable, "-c", textwrap.dedent(script)], env)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition; the test's own time-out ends a wait in vain."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - the condition is another process's
            await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data")


async def test_a_crashed_service_is_started_again_and_stopped_in_the_end(
    folder: DataFolder, tmp_path: Path
) -> None:
    marker = tmp_path / "ran-before"
    script = f"""
        import pathlib, sys, time
        marker = pathlib.Path({str(marker)!r})
        if not marker.exists():
            marker.touch()
            sys.exit("first run")
        time.sleep(600)
    """
    seen: list[tuple[str, Phase]] = []
    supervisor = Supervisor(
        [spec("offer", script)],
        folder,
        policy=QUICK,
        listener=lambda unit: seen.append((unit.name, unit.phase)),
    )
    stop = asyncio.Event()
    run = asyncio.create_task(supervisor.run(stop))
    await until(lambda: "offer" in supervisor.units and supervisor.units["offer"].restarts == 1)
    unit = supervisor.units["offer"]
    await until(lambda: unit.phase is Phase.RUNNING)
    pid = unit.pid
    assert pid is not None
    assert unit.last_exit == 1
    assert folder.load().processes["offer"].pid == pid
    stop.set()
    assert await run == 0
    assert not alive(pid)
    assert supervisor.failure is None
    assert folder.load().processes == {}
    phases = [Phase.RUNNING, Phase.RESTARTING, Phase.RUNNING, Phase.STOPPED]
    assert seen == [("offer", phase) for phase in phases]


async def test_a_killed_service_is_started_again(folder: DataFolder) -> None:
    supervisor = Supervisor([spec("offer", FOREVER), spec("alert", FOREVER)], folder, policy=QUICK)
    stop = asyncio.Event()
    run = asyncio.create_task(supervisor.run(stop))
    await until(lambda: all(unit.pid for unit in supervisor.units.values()) and len(supervisor.units) == 2)
    first, other = supervisor.units["offer"].pid, supervisor.units["alert"].pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: supervisor.units["offer"].restarts == 1 and supervisor.units["offer"].pid is not None)
    assert supervisor.units["offer"].pid != first
    assert supervisor.units["alert"].pid == other
    assert supervisor.units["offer"].last_exit == -signal.SIGKILL
    stop.set()
    assert await run == 0


async def test_a_crash_loop_ends_the_run_with_the_last_words(folder: DataFolder) -> None:
    script = "import sys; print('cannot reach the moon'); sys.exit(3)"
    supervisor = Supervisor([spec("offer", script), spec("alert", FOREVER)], folder, policy=QUICK)
    assert await supervisor.run(asyncio.Event()) == 1
    failure = supervisor.failure
    assert failure is not None
    assert (failure.name, failure.reason) == ("offer", "ended with exit code 3, 3 times in a row")
    assert "cannot reach the moon" in failure.last_words
    assert supervisor.units["offer"].phase is Phase.FAILED
    assert supervisor.units["alert"].phase is Phase.STOPPED
    assert folder.load().processes == {}


async def test_an_exit_code_that_says_hopeless_is_not_tried_again(folder: DataFolder) -> None:
    supervisor = Supervisor([spec("offer", "raise SystemExit(78)")], folder, policy=QUICK)
    assert await supervisor.run(asyncio.Event()) == 1
    assert supervisor.units["offer"].restarts == 0
    assert supervisor.failure is not None
    assert supervisor.failure.reason == "ended with exit code 78"


async def test_services_are_asked_to_stop_before_they_are_killed(folder: DataFolder, tmp_path: Path) -> None:
    polite = f"""
        import pathlib, signal, sys, time
        def leave(*_):
            pathlib.Path({str(tmp_path / "drained")!r}).touch()
            sys.exit(0)
        signal.signal(signal.SIGTERM, leave)
        print("ready", flush=True)
        time.sleep(600)
    """
    deaf = """
        import signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("ready", flush=True)
        time.sleep(600)
    """
    specs = [spec("polite", polite), spec("deaf", deaf)]
    supervisor = Supervisor(specs, folder, policy=QUICK, stop_seconds=1.0)
    stop = asyncio.Event()
    run = asyncio.create_task(supervisor.run(stop))
    await until(lambda: all("ready" in process.tail(folder.logs / f"{s.name}.log") for s in specs))
    stop.set()
    assert await run == 0
    assert (tmp_path / "drained").exists()
    assert supervisor.units["polite"].last_exit == 0
    assert supervisor.units["deaf"].last_exit == -signal.SIGKILL


async def test_what_a_service_started_itself_goes_with_it(folder: DataFolder, tmp_path: Path) -> None:
    pid_file = tmp_path / "grandchild"
    script = f"""
        import pathlib, subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        pathlib.Path({str(pid_file)!r}).write_text(str(child.pid))
        time.sleep(600)
    """
    supervisor = Supervisor([spec("offer", script)], folder, policy=QUICK)
    stop = asyncio.Event()
    run = asyncio.create_task(supervisor.run(stop))
    await until(lambda: pid_file.exists() and pid_file.read_text() != "")
    grandchild = int(pid_file.read_text())
    assert alive(grandchild)
    stop.set()
    assert await run == 0
    await until(lambda: not alive(grandchild))


async def test_cancelling_leaves_no_process(folder: DataFolder) -> None:
    supervisor = Supervisor([spec("offer", FOREVER)], folder, policy=QUICK)
    run = asyncio.create_task(supervisor.run(asyncio.Event()))
    await until(lambda: "offer" in supervisor.units and supervisor.units["offer"].pid is not None)
    pid = supervisor.units["offer"].pid
    assert pid is not None
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert not alive(pid)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux ends children with their parent")
async def test_kill_9_of_the_supervisor_leaves_no_orphan(tmp_path: Path) -> None:
    script = f"""
        import asyncio, pathlib, sys
        from deploy.embedded.folder import DataFolder
        from deploy.embedded.supervisor import ServiceSpec, Supervisor
        specs = [ServiceSpec(name, [sys.executable, "-c", {FOREVER!r}]) for name in ("offer", "alert")]
        asyncio.run(Supervisor(specs, DataFolder(pathlib.Path({str(tmp_path)!r}))).run(asyncio.Event()))
    """
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)])  # noqa: ASYNC220
    try:
        folder = DataFolder(tmp_path)
        await until(lambda: len(folder.load().processes) == 2)
        children = [recorded.pid for recorded in folder.load().processes.values()]
        assert all(alive(pid) for pid in children)
    finally:
        parent.kill()
        parent.wait()
    await until(lambda: not any(alive(pid) for pid in children))


async def test_a_log_that_cannot_be_written_is_said(folder: DataFolder) -> None:
    logs = folder.logs
    script = (
        f"import pathlib; logs = pathlib.Path({str(logs)!r}); logs.rename(logs.parent / 'x'); logs.touch()"
    )
    supervisor = Supervisor([spec("offer", script)], folder, policy=QUICK)
    assert await supervisor.run(asyncio.Event()) == 1
    assert supervisor.failure is not None
    assert "cannot be written" in supervisor.failure.last_words
    assert "PARLEY_DATA" in supervisor.failure.last_words


async def test_the_environment_is_ours_and_the_specs(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OURS", "1")
    script = "import os; print(os.environ['OURS'], os.environ['THEIRS']); raise SystemExit(78)"
    await Supervisor([spec("offer", script, THEIRS="2")], folder).run(asyncio.Event())
    assert process.tail(folder.logs / "offer.log") == "1 2"


def test_children_are_started_from_the_main_thread_only(tmp_path: Path) -> None:
    async def in_a_thread() -> None:
        with pytest.raises(RuntimeError, match="main thread"):
            await asyncio.to_thread(process.spawn, [sys.executable], log=tmp_path / "log")

    asyncio.run(in_a_thread())


def test_pauses_grow_up_to_a_limit() -> None:
    policy = RestartPolicy(first_pause=0.5, longest_pause=3.0)
    assert [policy.pause(count) for count in (1, 2, 3, 4, 5)] == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_a_program_that_cannot_be_run_says_so_in_the_log(tmp_path: Path) -> None:
    child = process.spawn([str(tmp_path / "absent")], log=tmp_path / "log")
    assert child.wait() == 127
    assert "cannot run" in process.tail(tmp_path / "log")


def test_the_status_as_a_table_and_as_lines(tmp_path: Path) -> None:
    unit = Unit("offer", tmp_path / "offer.log", Phase.RESTARTING, restarts=2, since=100.0, last_exit=-9)
    console = Console(width=120, record=True)
    console.print(table([unit], now=160.0))
    text = console.export_text()
    assert "restarting" in text
    assert "1 min" in text
    assert line(unit) == "offer: restarting (was killed by signal 9)"
    running = Unit("kafka", tmp_path / "k", Phase.RUNNING, pid=7, address="127.0.0.1:1")
    assert line(running) == "kafka: running, pid 7, 127.0.0.1:1"
    assert [duration(seconds) for seconds in (5, 119, 3 * 3600 + 300)] == ["5 s", "1 min", "3 h 05"]
