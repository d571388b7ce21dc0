"""`up` and the servers as one thing, with small programs in the place of Kafka, database and services."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from deploy.embedded import platform, probes, process
from deploy.embedded.errors import StartError
from deploy.embedded.folder import DataFolder
from deploy.embedded.platform import Addresses, EmbeddedServers, ServerPlan
from deploy.embedded.ports import LOOPBACK
from deploy.embedded.reading import SharedServers
from deploy.embedded.server import Server
from deploy.embedded.supervisor import RestartPolicy
from deploy.embedded.testing import shared_servers
from deploy.embedded.up import Platform, UpOptions, run_service, up
from services.cli.platform import _prepare
from shared.runtime.settings import Settings

NAMED = ServerPlan("broker:9092", "mongodb://somewhere")
QUICK = RestartPolicy(first_pause=0.01, longest_pause=0.02, healthy_after=60.0, attempts=2)
FOREVER = "import time\ntime.sleep(600)"
LISTENER = """
    import socket, sys, time
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", {port}))
    server.listen()
    time.sleep(600)
"""


def python(script: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(script)]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - the condition is another process's
            await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Fake(Server):
    """A server that listens, or does what its `script` says. `ended` collects names as they are stopped."""

    script = LISTENER
    ended: list[str]

    def __init__(self, folder: DataFolder, *_: object) -> None:
        super().__init__(folder)
        self.start_seconds = 20.0

    @property
    def port_names(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def address(self) -> str:
        return f"{self.name}:{self.ports[self.name]}"

    @property
    def log(self) -> Path:
        return self.output

    def prepare(self) -> list[str]:
        return python(self.script.format(port=self.ports[self.name]))

    async def ask(self) -> None:
        await probes.connects(LOOPBACK, self.ports[self.name])

    async def stop(self) -> None:
        if self.pid is not None:
            self.ended.append(self.name)
        await super().stop()


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> list[type[Fake]]:
    """Stand-ins for Kafka and the database."""
    ended: list[str] = []
    kafka = type("FakeKafka", (Fake,), {"name": "kafka", "label": "Kafka", "ended": ended})
    database = type("FakeDatabase", (Fake,), {"name": "database", "label": "The database", "ended": ended})
    monkeypatch.setattr(platform, "Kafka", kafka)
    monkeypatch.setattr(platform, "Database", database)
    monkeypatch.setattr(platform, "ensure_jars", lambda **_: [])
    return [kafka, database]


async def test_servers_are_started_side_by_side_and_stopped_in_order(
    tmp_path: Path, fakes: list[type[Fake]]
) -> None:
    async with EmbeddedServers(tmp_path) as servers:
        ports = servers.folder.load().ports
        assert servers.addresses == Addresses(f"kafka:{ports['kafka']}", f"database:{ports['database']}")
        assert [(status.name, status.running) for status in servers.status()] == [
            ("database", True),
            ("kafka", True),
        ]
        pids = [status.pid for status in servers.status()]
    assert fakes[0].ended == ["kafka", "database"]
    assert not any(alive(pid) for pid in pids if pid is not None)
    assert not DataFolder(tmp_path).lock.held


async def test_one_server_that_cannot_start_takes_the_other_with_it(
    tmp_path: Path, fakes: list[type[Fake]]
) -> None:
    fakes[0].script = "print('no room left'); raise SystemExit(4)"
    servers = EmbeddedServers(tmp_path)
    with pytest.raises(StartError, match="Kafka ended with exit code 4") as caught:
        await servers.start()
    assert "no room left" in caught.value.problem
    assert "parley doctor" in caught.value.remedy
    assert servers.status() == []
    assert DataFolder(tmp_path).load().processes == {}
    fakes[0].script = LISTENER
    async with EmbeddedServers(tmp_path):
        pass  # the folder is free again


async def test_a_server_that_never_answers_is_given_up(
    tmp_path: Path, fakes: list[type[Fake]], monkeypatch: pytest.MonkeyPatch
) -> None:
    fakes[0].script = FOREVER
    original = fakes[0].__init__

    def impatient(self: Fake, folder: DataFolder, *_: object) -> None:
        original(self, folder)
        self.start_seconds = 0.5

    monkeypatch.setattr(fakes[0], "__init__", impatient)
    with pytest.raises(StartError, match="was not ready after"):
        await EmbeddedServers(tmp_path).start()


async def test_a_port_taken_at_the_last_moment_is_replaced(
    tmp_path: Path, fakes: list[type[Fake]], monkeypatch: pytest.MonkeyPatch
) -> None:
    taker = socket.socket()
    prepare = fakes[1].prepare
    taken: list[int] = []

    def quicker(self: Fake) -> list[str]:
        if not taken:
            taken.append(self.ports[self.name])
            taker.bind((LOOPBACK, taken[0]))  # between our choice and the server's start
        return prepare(self)

    monkeypatch.setattr(fakes[1], "prepare", quicker)
    try:
        async with EmbeddedServers(tmp_path, kafka=False) as servers:
            assert servers.folder.load().ports["database"] != taken[0]
    finally:
        taker.close()


async def test_a_platform_restarts_a_server_on_its_port(tmp_path: Path, fakes: list[type[Fake]]) -> None:
    options = UpOptions(
        tmp_path, command=lambda _name: python(FOREVER), plan=ServerPlan(None, None), policy=QUICK
    )
    async with Platform(options) as running:
        before = DataFolder(tmp_path).load()
        await until(lambda: "services" in DataFolder(tmp_path).load().processes)
        os.kill(before.processes["kafka"].pid, signal.SIGKILL)
        await until(
            lambda: (
                (now := DataFolder(tmp_path).load().processes.get("kafka")) is not None
                and now.pid != before.processes["kafka"].pid
                and now.find() is not None
            )
        )
        assert DataFolder(tmp_path).load().ports == before.ports
        assert running.failure is None
    assert DataFolder(tmp_path).load().processes == {}


async def test_who_only_joins_starts_nothing_and_leaves_no_folder(tmp_path: Path) -> None:
    for folder in (tmp_path / "absent", tmp_path):
        with pytest.raises(StartError, match="No platform runs"):
            await SharedServers(folder, only_join=True).start()
    assert not (tmp_path / "absent").exists()
    assert DataFolder(tmp_path).load().processes == {}


async def test_shared_servers_stop_with_their_last_user(tmp_path: Path, fakes: list[type[Fake]]) -> None:
    first, second = SharedServers(tmp_path, kafka=False), SharedServers(tmp_path, kafka=False)
    await first.start()
    second.running = lambda: asyncio.sleep(0, Addresses("", "joined"))  # type: ignore[method-assign]
    assert (await second.start()).mongodb_uri == "joined"
    assert (first.started_here, second.started_here) == (True, False)
    stopping = asyncio.create_task(first.stop())
    await asyncio.sleep(0)
    assert fakes[0].ended == []
    await second.stop()
    await stopping
    assert fakes[0].ended == ["database"]


def test_servers_for_tests_leave_nothing_behind(
    fakes: list[type[Fake]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def folders() -> set[Path]:
        opened = (Path(open_file.path).parent for open_file in psutil.Process().open_files())
        return {folder for folder in opened if folder.name.startswith("parley-tests-")}

    monkeypatch.delenv("PYTEST_XDIST_TESTRUNUID", raising=False)
    before = folders()  # those of the test run itself
    with shared_servers(ServerPlan(None, None)) as where:
        assert where.kafka_bootstrap.startswith("kafka:")
        (mine,) = folders() - before
        assert (mine / "parley.json").exists()
    assert not mine.exists()
    with shared_servers(NAMED) as where:
        assert where == Addresses("broker:9092", "mongodb://somewhere")


@pytest.fixture
def shown() -> StringIO:
    return StringIO()


def options(tmp_path: Path, shown: StringIO, script: str) -> UpOptions:
    console = Console(file=shown, width=200)
    return UpOptions(
        tmp_path / "data",
        command=lambda name: [*python(script), name],
        plan=NAMED,
        policy=QUICK,
        console=console,
    )


async def test_up_runs_until_a_signal_and_stops_cleanly(tmp_path: Path, shown: StringIO) -> None:
    script = """
        import os, sys, time
        print(sys.argv[1], *(os.environ[name] for name in ("KAFKA_BOOTSTRAP", "MONGODB_URI", "PARLEY_DATA")))
        time.sleep(600)
    """
    prepared: list[Addresses] = []

    async def prepare(addresses: Addresses) -> None:
        assert not (tmp_path / "data" / "logs").exists()  # no service runs yet
        prepared.append(addresses)

    run = asyncio.create_task(up(replace(options(tmp_path, shown, script), prepare=prepare)))
    log = tmp_path / "data" / "logs" / "services.log"
    await until(lambda: process.tail(log) != "")
    (recorded,) = DataFolder(tmp_path / "data").load().processes.values()
    os.kill(os.getpid(), signal.SIGTERM)
    assert await run == 0
    assert not alive(recorded.pid)
    assert prepared == [Addresses("broker:9092", "mongodb://somewhere")]
    assert process.tail(log) == f"all broker:9092 mongodb://somewhere {tmp_path / 'data'}"
    assert "services: running" in shown.getvalue()
    assert "services: stopped" in shown.getvalue()


async def test_up_runs_one_process_for_each_service(tmp_path: Path, shown: StringIO) -> None:
    wanted = replace(options(tmp_path, shown, FOREVER), processes=True, services=("intake", "offer"))
    run = asyncio.create_task(up(wanted))
    folder = DataFolder(tmp_path / "data")
    await until(lambda: set(folder.load().processes) == {"intake", "offer"})
    os.kill(os.getpid(), signal.SIGINT)
    assert await run == 0


async def test_a_second_signal_does_not_wait(tmp_path: Path, shown: StringIO) -> None:
    deaf = """
        import signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("ready", flush=True)
        time.sleep(600)
    """
    wanted = replace(options(tmp_path, shown, deaf), stop_seconds=600.0)
    run = asyncio.create_task(up(wanted))
    await until(lambda: "ready" in process.tail(tmp_path / "data" / "logs" / "services.log"))
    (recorded,) = DataFolder(tmp_path / "data").load().processes.values()
    os.kill(os.getpid(), signal.SIGINT)
    await until(lambda: "Stopping" in shown.getvalue())
    assert alive(recorded.pid)
    os.kill(os.getpid(), signal.SIGINT)
    assert await run == 0
    assert not alive(recorded.pid)


async def test_a_crash_loop_is_shown_and_is_a_failure(tmp_path: Path, shown: StringIO) -> None:
    code = await up(options(tmp_path, shown, "raise SystemExit('the position is beyond the log')"))
    assert code == 1
    assert "services ended with exit code 1, 2 times in a row" in shown.getvalue()
    assert "the position is beyond the log" in shown.getvalue()
    assert "run `parley up` again" in shown.getvalue()


async def test_nothing_runs_when_topics_cannot_be_created(tmp_path: Path, shown: StringIO) -> None:
    async def prepare(_addresses: Addresses) -> None:
        raise StartError("Kafka refuses.", "Ask it why.")

    with pytest.raises(StartError, match="Kafka refuses"):
        await up(replace(options(tmp_path, shown, FOREVER), prepare=prepare))
    folder = DataFolder(tmp_path / "data")
    assert folder.load().processes == {}
    assert folder.lock.try_acquire()
    folder.lock.release()


async def test_a_signal_while_starting_stops_the_start(tmp_path: Path, shown: StringIO) -> None:
    reached = asyncio.Event()

    async def prepare(_addresses: Addresses) -> None:
        reached.set()
        await asyncio.sleep(600)

    run = asyncio.create_task(up(replace(options(tmp_path, shown, FOREVER), prepare=prepare)))
    await reached.wait()
    os.kill(os.getpid(), signal.SIGINT)
    assert await run == 0
    assert "Stopped before everything was started" in shown.getvalue()
    assert DataFolder(tmp_path / "data").load().processes == {}


def test_the_command_of_a_service() -> None:
    assert run_service("offer") == [sys.executable, "-m", "services.cli.main", "run", "offer"]


@pytest.mark.parametrize(
    ("environment", "wake_index"),
    [
        pytest.param({}, False, id="the embedded database pays for an index at every write"),
        pytest.param({"PARLEY_WAKE_INDEX": "true"}, True, id="the environment says so"),
        pytest.param({"MONGODB_URI": "mongodb://db.example:27017"}, True, id="a server of one's own"),
    ],
)
async def test_the_embedded_database_gets_no_index_that_it_pays_for_unless_asked(
    environment: dict[str, str], wake_index: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared: list[Settings] = []

    async def prepare(settings: Settings, services: object) -> None:
        prepared.append(settings)

    monkeypatch.setattr("shared.runtime.admin.prepare", prepare)
    monkeypatch.setenv("PARLEY_PARTITIONS", "12")
    for name in ("PARLEY_WAKE_INDEX", "MONGODB_URI"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    await _prepare(Addresses("127.0.0.1:9092", environment.get("MONGODB_URI", "mongodb://127.0.0.1:27017")))
    assert [settings.wake_index for settings in prepared] == [wake_index]


@pytest.mark.parametrize(
    ("environment", "there", "count"),
    [
        pytest.param({}, {"bank.events": 1, "desk.events": 1}, 1, id="a demo's folder says its own"),
        pytest.param({}, {}, 12, id="a new folder gets the setting"),
        pytest.param({}, {"bank.events": 24, "desk.events": 12}, 12, id="half grown, to be refused"),
        pytest.param({"PARLEY_PARTITIONS": "6"}, {"bank.events": 1}, 6, id="the environment says it"),
        pytest.param({"KAFKA_BOOTSTRAP": "broker:9092"}, {"bank.events": 1}, 12, id="a cluster of one's own"),
    ],
)
async def test_a_folder_is_run_with_the_partitions_that_it_has(
    environment: dict[str, str], there: dict[str, int], count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared: list[Settings] = []

    async def prepare(settings: Settings, services: object) -> None:
        prepared.append(settings)

    async def topic_counts(settings: Settings, topics: object) -> dict[str, int]:
        return there

    monkeypatch.setattr("shared.runtime.admin.prepare", prepare)
    monkeypatch.setattr("shared.runtime.kafka.growth.topic_counts", topic_counts)
    for name in ("PARLEY_PARTITIONS", "KAFKA_BOOTSTRAP", "MONGODB_URI"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    told = await _prepare(Addresses("127.0.0.1:9092", "mongodb://127.0.0.1:27017"))
    assert [settings.partitions for settings in prepared] == [count]
    assert told == {"PARLEY_PARTITIONS": str(count)}


async def test_what_was_prepared_stands_in_the_environment_of_the_services(
    tmp_path: Path, shown: StringIO
) -> None:
    async def prepare(_addresses: Addresses) -> dict[str, str]:
        return {"PARLEY_PARTITIONS": "1"}

    told = tmp_path / "told"
    script = f"""
        import os, pathlib, time
        pathlib.Path({str(told)!r}).write_text(os.environ["PARLEY_PARTITIONS"])
        time.sleep(600)
    """
    wanted = options(tmp_path, shown, script)
    async with Platform(replace(wanted, prepare=prepare, environment={"PARLEY_PARTITIONS": "7"})):
        await until(lambda: told.exists() and told.read_text() != "")
    assert told.read_text() == "1"
