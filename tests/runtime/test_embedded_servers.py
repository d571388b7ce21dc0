"""The real Kafka and database, started, killed and started again, with no Java of the machine in sight."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pymongo
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.embedded import probes
from deploy.embedded.errors import StartError
from deploy.embedded.folder import DataFolder
from deploy.embedded.platform import Addresses, EmbeddedServers, ServerPlan
from deploy.embedded.reading import reading_database

pytestmark = pytest.mark.kafka

NOTHING_NAMED = ServerPlan(None, None)

UP = """
    import asyncio, pathlib, shutil, sys
    from deploy.embedded.up import UpOptions, up
    assert shutil.which("java") is None and shutil.which("mvn") is None
    async def prepare(addresses):
        print("prepared", addresses.kafka_bootstrap, flush=True)
    service = "import os, time; print(os.environ['KAFKA_BOOTSTRAP'], flush=True); time.sleep(600)"
    options = UpOptions(
        pathlib.Path({data!r}), prepare=prepare, processes=True, services=("intake", "offer"),
        command=lambda name: [sys.executable, "-c", service], stop_seconds=10.0,
    )
    sys.exit(asyncio.run(up(options)))
"""


@contextmanager
def running_up(data: Path, empty: Path) -> Iterator[subprocess.Popen[str]]:
    """`parley up` in a process of its own, on a machine without Java and Maven."""
    empty.mkdir(exist_ok=True)
    env = {
        key: value for key, value in os.environ.items() if key not in {"JAVA_HOME", "M2_HOME", "MAVEN_HOME"}
    }
    env |= {"PATH": str(empty)}
    for name in ("KAFKA_BOOTSTRAP", "MONGODB_URI", "PARLEY_DB_SERVER"):
        env.pop(name, None)
    with (data.parent / "up.log").open("w") as log:
        child = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(UP.format(data=str(data)))],
            env=env,
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
        )
    try:
        yield child
    finally:
        if child.poll() is None:
            child.kill()
        child.wait()


async def until(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    try:
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - the condition is another process's
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"waited in vain for {what}")


def pids(data: Path) -> dict[str, int]:
    """What is recorded as running, and does."""
    return {name: item.pid for name, item in DataFolder(data).load().processes.items() if item.find()}


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def until_up(data: Path, child: subprocess.Popen[str]) -> dict[str, int]:
    def ready() -> bool:
        assert child.poll() is None, (data.parent / "up.log").read_text()
        return set(pids(data)) == {"kafka", "database", "intake", "offer"}

    await until(ready, "all processes")
    return pids(data)


def addresses(data: Path) -> Addresses:
    ports = DataFolder(data).load().ports
    return Addresses(f"127.0.0.1:{ports['kafka']}", f"mongodb://127.0.0.1:{ports['database']}/")


async def write(where: Addresses) -> None:
    """One acknowledged record and one acknowledged document."""
    admin = AIOKafkaAdminClient(bootstrap_servers=where.kafka_bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic("kept", num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=where.kafka_bootstrap, acks="all", compression_type="gzip")
    await producer.start()
    try:
        await producer.send_and_wait("kept", b"record", partition=0)
    finally:
        await producer.stop()
    with pymongo.MongoClient[dict[str, object]](where.mongodb_uri) as client:
        durable = pymongo.WriteConcern("majority", j=True)
        client.test.get_collection("kept", write_concern=durable).insert_one({"_id": 1, "text": "document"})


async def read(where: Addresses) -> tuple[bytes, object]:
    consumer = AIOKafkaConsumer(bootstrap_servers=where.kafka_bootstrap)
    await consumer.start()
    try:
        partition = TopicPartition("kept", 0)
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        record = await asyncio.wait_for(consumer.getone(partition), 30)
    finally:
        await consumer.stop()
    with pymongo.MongoClient[dict[str, object]](where.mongodb_uri) as client:
        document = client.test.kept.find_one({"_id": 1})
    return record.value, None if document is None else document["text"]


async def test_everything_killed_and_started_again_loses_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running_up(data, tmp_path / "empty") as first:
        started = await until_up(data, first)
        await write(addresses(data))
        state = DataFolder(data).load()
        for pid in [first.pid, *started.values()]:
            os.kill(pid, signal.SIGKILL)
        await until(lambda: not any(alive(pid) for pid in started.values()), "the end of every process")
    with running_up(data, tmp_path / "empty") as second:
        restarted = await until_up(data, second)
        assert set(restarted.values()).isdisjoint(started.values())
        again = DataFolder(data).load()
        assert (again.cluster_id, again.ports) == (state.cluster_id, state.ports)
        assert await read(addresses(data)) == (b"record", "document")

        # one killed: started again where its clients know it
        os.kill(restarted["kafka"], signal.SIGKILL)
        os.kill(restarted["database"], signal.SIGKILL)
        os.kill(restarted["offer"], signal.SIGKILL)
        names = ("kafka", "database", "offer")
        await until(
            lambda: all(pids(data).get(name, restarted[name]) != restarted[name] for name in names),
            "a restart",
        )
        await until_answering(data, state.cluster_id)
        assert await read(addresses(data)) == (b"record", "document")
        assert second.poll() is None
        now = await until_up(data, second)
        assert now["intake"] == restarted["intake"]

        # a second start is told who runs; a reading command joins
        with pytest.raises(StartError, match=f"process {second.pid}"):
            await EmbeddedServers(data).start()
        async with reading_database(data, plan=NOTHING_NAMED) as uri:
            await probes.mongodb(again.ports["database"])
            assert str(again.ports["database"]) in uri
        await probes.mongodb(again.ports["database"])

        second.send_signal(signal.SIGINT)
        assert await asyncio.to_thread(second.wait, 60) == 0
        assert not any(alive(pid) for pid in now.values())
    output = (tmp_path / "up.log").read_text()
    assert f"prepared {addresses(data).kafka_bootstrap}" in output
    assert output.index("prepared") < output.index("intake: running")
    assert DataFolder(data).load().processes == {}

    # where nothing runs, a reading command starts the database alone and stops it again
    async with reading_database(data, plan=NOTHING_NAMED):
        assert set(pids(data)) == {"database"}
        alone = pids(data)["database"]
    assert not alive(alone)


async def until_answering(data: Path, cluster_id: str) -> None:
    """Both servers give a true answer again."""
    ports = DataFolder(data).load().ports
    async with asyncio.timeout(60):
        while True:
            try:
                assert await probes.kafka(ports["kafka"]) == cluster_id
                await probes.mongodb(ports["database"])
            except probes.NoAnswer:
                await asyncio.sleep(0.1)
            else:
                return


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux ends children with their parent")
async def test_kill_9_of_the_launcher_alone_leaves_no_orphan(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running_up(data, tmp_path / "empty") as up:
        started = await until_up(data, up)
        up.kill()
        await until(lambda: not any(alive(pid) for pid in started.values()), "the end of every process")


async def test_a_port_that_another_program_took_is_replaced(tmp_path: Path) -> None:
    servers = EmbeddedServers(tmp_path, kafka=False)
    async with servers:
        first = servers.addresses.mongodb_uri
    port = DataFolder(tmp_path).load().ports["database"]

    async def nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    taker = await asyncio.start_server(nothing, "127.0.0.1", port)
    async with taker, EmbeddedServers(tmp_path, kafka=False) as again:
        assert again.addresses.mongodb_uri != first
        await probes.mongodb(DataFolder(tmp_path).load().ports["database"])


async def test_the_test_runs_own_servers_answer(servers: Addresses) -> None:
    host, _, port = servers.kafka_bootstrap.partition(",")[0].rpartition(":")
    assert await probes.kafka(int(port), host) != ""
    with pymongo.MongoClient[dict[str, object]](servers.mongodb_uri) as client:
        assert client.admin.command("ping")["ok"] == 1.0
