"""`parley kafka up` is killed, in parts and whole: it carries on with the same data and leaves nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from deploy.embedded.cluster import recorded_access
from deploy.embedded.folder import DataFolder
from deploy.embedded.process import spawn
from shared.runtime.kafka import KafkaLog
from shared.runtime.kafka.reader import scan
from shared.runtime.kafka.topics import create_topics
from shared.runtime.ports import Outgoing
from shared.runtime.settings import Settings
from tests.fault.house import environment, parley, until
from tests.runtime.secured import fields_of

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


class Up:
    """One `parley kafka up --secure` after the other, on one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._log = folder.parent / "up.log"
        self._runs = 0

    async def start(self) -> None:
        self._runs += 1
        command = parley("kafka", "up", "--nodes", "3", "--secure", "--data", str(self.folder))
        self.process = spawn(command, log=self._log, env=environment())

        def running() -> bool:
            assert self.process.poll() is None, self.said()
            return self.said().count("Running. 3 nodes") == self._runs

        await until(running, "parley kafka up")

    def said(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def nodes(self) -> dict[str, psutil.Process]:
        """The nodes that live, by name."""
        recorded = DataFolder(self.folder).load().processes
        return {name: found for name, item in recorded.items() if (found := item.find()) is not None}

    def left(self) -> list[psutil.Process]:
        """Every process that has to do with the folder."""
        found = []
        for process in psutil.process_iter():
            try:
                mine = any(str(self.folder) in word for word in process.cmdline())
                if mine and process.status() != psutil.STATUS_ZOMBIE and process.pid != os.getpid():
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def settings(self) -> Settings:
        access = recorded_access(DataFolder(self.folder), "admin")
        return Settings.load(**fields_of(access), partitions=1, log_level="ERROR")

    def abandon(self) -> None:
        for process in self.left():
            process.kill()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Up]:
    up = Up(tmp_path / "kafka")
    yield up
    up.abandon()


async def publish(settings: Settings, text: str) -> None:
    log = KafkaLog(settings)
    try:
        async with asyncio.timeout(60):
            await log.publisher().publish([Outgoing("t", b"k", text.encode())])
    finally:
        await log.close()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux ends children with their parent")
async def test_it_carries_on_and_leaves_nothing(cluster: Up) -> None:
    await cluster.start()
    assert set(cluster.nodes()) == {"kafka-1", "kafka-2", "kafka-3"}
    await create_topics(cluster.settings(), ["t"])
    await publish(cluster.settings(), "one")
    for user in ("admin", "parley", "bank"):
        secret = recorded_access(DataFolder(cluster.folder), user).password
        assert secret not in cluster.said()
        assert all(secret not in word for process in cluster.left() for word in process.cmdline())

    # the launcher alone: the kernel ends the nodes
    cluster.process.kill()
    cluster.process.wait()
    await until(lambda: not cluster.left(), "the end of every node")

    # the same data, the same users; a node that dies is started again
    await cluster.start()
    await publish(cluster.settings(), "two")
    victim = cluster.nodes()["kafka-2"]
    victim.kill()
    await until(lambda: cluster.said().count("kafka-2: running") == 3, "kafka-2 among the living")
    assert cluster.nodes()["kafka-2"].pid != victim.pid
    await publish(cluster.settings(), "three")

    # what the first start fixed stays
    other = subprocess.run(  # noqa: ASYNC221 - it ends at once
        parley("kafka", "up", "--data", str(cluster.folder)),
        env=environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert other.returncode == 1
    assert "is in use by process" in other.stderr

    cluster.process.send_signal(signal.SIGINT)
    await until(lambda: cluster.process.poll() is not None, "its end")
    assert cluster.process.returncode == 0, cluster.said()
    assert cluster.left() == []

    plain = subprocess.run(  # noqa: ASYNC221
        parley("kafka", "up", "--data", str(cluster.folder)),
        env=environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert plain.returncode == 1
    assert "has 3 nodes with TLS and logins, not 3 nodes without TLS and logins" in plain.stderr

    await cluster.start()
    found = [record.value async for record in scan(cluster.settings(), "t")]
    assert found == [b"one", b"two", b"three"]
    cluster.process.send_signal(signal.SIGTERM)
    await until(lambda: cluster.process.poll() is not None, "its end")
    assert cluster.process.returncode == 0, cluster.said()
