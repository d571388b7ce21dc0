"""The embedded database's process: a stop signal that it has missed is given again."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from deploy.embedded import database as module
from deploy.embedded.database import Database
from deploy.embedded.folder import DataFolder
from deploy.embedded.ports import LOOPBACK, choose
from deploy.embedded.probes import connects

_DEAF = """
import signal, socket, sys
heard = []
def told(*_):
    heard.append(1)
    if len(heard) > 1:
        sys.exit(0)
signal.signal(signal.SIGTERM, told)
here = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    here.accept()[0].close()
"""


async def test_a_database_that_has_missed_the_signal_is_told_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "deaf.py"
    script.write_text(_DEAF, "utf-8")
    folder = DataFolder(tmp_path / "data")
    folder.logs.mkdir(parents=True)
    server = Database(folder)
    server.ports = choose(["database"], {})
    command = [sys.executable, str(script), str(server.ports["database"])]
    monkeypatch.setattr(module, "program", lambda: command)

    async def ask() -> None:
        await connects(LOOPBACK, server.ports["database"])

    monkeypatch.setattr(server, "ask", ask)
    await server.start()
    child = server._process
    assert child is not None
    began = time.monotonic()
    await server.stop()
    assert child.returncode == 0, "it ended by itself: nobody killed it"
    assert time.monotonic() - began < server.stop_seconds


def test_the_wheels_server_is_run_and_collects_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARLEY_DB_SERVER", raising=False)
    python, *rest = module.program()
    assert rest == ["-m", module.SERVER]
    script = (
        "import gc, runpy, sys\n"
        "sys.argv = ['server', '--help']\n"
        "try:\n"
        f"    runpy.run_module({module.SERVER!r}, run_name='__main__')\n"
        "except SystemExit as end:\n"
        "    print(end.code, *gc.get_threshold(), gc.get_freeze_count() > 0)\n"
    )
    done = subprocess.run([python, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert "--storage-path" in done.stdout
    assert done.stdout.splitlines()[-1] == "0 50000 20 50 True"
