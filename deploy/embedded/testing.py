"""Servers for tests: one Kafka and one database for a whole test run, pytest-xdist's workers included."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from deploy.embedded.platform import Addresses, ServerPlan, resolve_servers
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
    folder = _folder_of_this_run()
    servers = SharedServers(
        folder,
        kafka=found.start_kafka,
        database=found.start_database,
        role="running",
        others_seconds=_OTHER_WORKERS_SECONDS,
    )
    with servers as started:
        mine = servers.started_here
        yield found.merged(started)
    if mine:
        shutil.rmtree(folder, ignore_errors=True)


def _folder_of_this_run() -> Path:
    """The same for all workers of one pytest-xdist run, a new one otherwise."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    if run:
        return Path(tempfile.gettempdir()) / f"parley-tests-{run}"
    return Path(tempfile.mkdtemp(prefix="parley-tests-"))
