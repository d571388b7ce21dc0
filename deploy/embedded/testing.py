"""Servers for tests: started once for a whole test run, pytest-xdist's workers included."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from deploy.embedded.cluster import KafkaCluster, recorded_access
from deploy.embedded.platform import Addresses, EmbeddedServers, ServerPlan, resolve_servers
from deploy.embedded.ports import LOOPBACK
from deploy.embedded.probes import NoAnswer, connects
from deploy.embedded.reading import SharedServers

# A worker that started the servers waits for the others, which may be in the middle of a long test.
_OTHER_WORKERS_SECONDS = 1800.0


@contextlib.contextmanager
def shared_servers(plan: ServerPlan | None = None) -> Iterator[Addresses]:
    """Addresses of a real Kafka and database for this test run.

    KAFKA_BOOTSTRAP and MONGODB_URI win. Otherwise the first worker starts both in a temporary folder, the
    others join, and the servers are stopped and the folder removed when the last one is done. Blocking, from
    the main thread. Raises StartError.
    """
    found = resolve_servers() if plan is None else plan
    if not found.start_kafka and not found.start_database:
        yield found.merged(Addresses("", ""))
        return
    with _folder("parley-tests") as folder, _servers_in(folder, found) as started:
        yield found.merged(started)


def _servers_in(folder: Path, found: ServerPlan) -> SharedServers:
    return SharedServers(
        folder,
        kafka=found.start_kafka,
        database=found.start_database,
        role="running",
        others_seconds=_OTHER_WORKERS_SECONDS,
        remove_data=True,
    )


class _SharedCluster(SharedServers):
    """A cluster that the first worker starts and prepares, and the others join."""

    def __init__(
        self,
        folder: Path,
        make: Callable[[Path], KafkaCluster],
        prepare: Callable[[KafkaCluster], Awaitable[None]],
    ) -> None:
        super().__init__(folder, role="running", others_seconds=_OTHER_WORKERS_SECONDS, remove_data=True)
        self._make, self._prepare = make, prepare
        self._prepared = folder / "prepared"

    def new_servers(self) -> EmbeddedServers:
        self._cluster = self._make(self.folder.path)
        return self._cluster

    async def start(self) -> Addresses:
        addresses = await super().start()
        if self.started_here:
            try:
                await self._prepare(self._cluster)
                self._prepared.touch()
            except BaseException:
                await self.stop()
                raise
        return addresses

    async def running(self) -> Addresses | None:
        if not self._prepared.exists():
            return None
        bootstrap = recorded_access(self.folder).bootstrap
        with contextlib.suppress(NoAnswer):
            for address in bootstrap.split(","):
                await connects(LOOPBACK, int(address.rpartition(":")[2]))
            return Addresses(bootstrap, "")
        return None


@contextlib.contextmanager
def shared_cluster(
    make: Callable[[Path], KafkaCluster], prepare: Callable[[KafkaCluster], Awaitable[None]]
) -> Iterator[Path]:
    """The folder of a cluster for this test run: see `recorded_access`. Blocking, from the main thread.

    The first worker makes, starts and prepares it; it is removed when the last one is done.
    """
    with _folder("parley-cluster") as folder, _SharedCluster(folder, make, prepare):
        yield folder


@contextlib.contextmanager
def _folder(name: str) -> Iterator[Path]:
    """One folder for all workers of a pytest-xdist run: the one that comes first starts the servers."""
    shared = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    unique = f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
    folder = Path(tempfile.gettempdir(), f"{name}-{shared or unique}")
    yield folder
    if not shared:
        shutil.rmtree(folder, ignore_errors=True)
