"""What a test has started ends with it, however the test ends."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from tests.fault.house import until

BEREAVED = """
    import pathlib, sys, time
    from shared.runtime.settings import Settings
    from tests.fault.house import Replica

    class Sleeper(Replica):
        def command(self, service):
            return [sys.executable, "-c", "import time; time.sleep(600)"]

    folder = pathlib.Path(sys.argv[1])
    settings = Settings.load(kafka_bootstrap="nowhere:1", mongodb_uri="mongodb://nowhere:1")
    replica = Sleeper("all", folder, settings, PARLEY_DATA=sys.argv[1])
    replica.start()
    time.sleep(600)
"""


def _sleepers(folder: Path) -> list[psutil.Process]:
    """The processes that the folder's test has started; not while they only become what is run."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("PARLEY_DATA") == str(folder) and process.cmdline()[1:2] == ["-c"]:
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux ends children with their parent")
@pytest.mark.parametrize("paused", [False, True])
async def test_a_replica_ends_with_a_test_that_is_killed(tmp_path: Path, paused: bool) -> None:
    test = subprocess.Popen([sys.executable, "-c", textwrap.dedent(BEREAVED), str(tmp_path)])  # noqa: ASYNC220
    try:
        await until(lambda: len(_sleepers(tmp_path)) == 1, "a replica to run")
        if paused:
            _sleepers(tmp_path)[0].suspend()
    finally:
        test.kill()
        test.wait()
    await until(lambda: _sleepers(tmp_path) == [], "the end of the replica")
