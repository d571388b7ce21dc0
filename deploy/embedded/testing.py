"""Servers for tests: one Kafka and one database for a whole test run, pytest-xdist's workers included."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import uuid
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
    shared = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    # The same folder for all workers of one pytest-xdist run: the one that comes first starts the servers.
    folder = Path(tempfile.gettempdir(), f"parley-tests-{shared}" if shared else _unique())
    servers = SharedServers(
        folder,
        kafka=found.start_kafka,
        database=found.start_database,
        role="running",
        others_seconds=_OTHER_WORKERS_SECONDS,
        remove_data=True,
    )
    with servers as started:
        yield found.merged(started)
    if not shared:
        shutil.rmtree(folder, ignore_errors=True)


def _unique() -> str:
    return f"parley-tests-{os.getpid()}-{uuid.uuid4().hex[:8]}"
