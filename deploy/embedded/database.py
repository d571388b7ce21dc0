"""SecantusDB, a database that speaks MongoDB's protocol, as a process of its own on loopback.

`secantusd-py` of the wheel; `secantusd-rs` instead when PARLEY_DB_SERVER=rs and it is on the PATH. Both use
the same files. The Rust server loses acknowledged writes on kill -9 unless it syncs every commit, so it does.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import socket
import sys
from importlib.metadata import version
from pathlib import Path

from deploy.embedded import probes
from deploy.embedded.errors import StartError
from deploy.embedded.folder import DataFolder, write_atomically
from deploy.embedded.ports import LOOPBACK
from deploy.embedded.server import Server

_CONFIGURATION = """\
# Written at every start; changes are lost. Its own file, because the server would read a user's otherwise.
[server]
host = "{host}"
port = {port}
log_level = "WARNING"
standalone = true

[oplog]
# Nothing here reads the oplog (no change streams, no point-in-time recovery), and it holds whole documents.
max_entries = 20000

[storage]
cache_size = "512M"
"""


SERVER = "deploy.embedded.secantus_server"

_LET_IN_MOST = 10  # times while stopping, until it is told once more


def address(port: int) -> str:
    """Give the address of the embedded database. It is one Python process: more questions at once slow it."""
    return f"mongodb://{LOOPBACK}:{port}/?directConnection=true&maxPoolSize=2"


class Database(Server):
    """The database of a data folder."""

    name = "database"
    label = "The database"

    def __init__(self, folder: DataFolder) -> None:
        super().__init__(folder)
        self._home = folder.path / "database"
        self._let_in = 0  # how often, since it was told to stop

    @property
    def port_names(self) -> tuple[str, ...]:
        return ("database",)

    @property
    def address(self) -> str:
        return address(self.ports["database"])

    @property
    def log(self) -> Path:
        return self.output

    def prepare(self) -> list[str]:
        configuration = self._home / "secantusd.toml"
        text = _CONFIGURATION.format(host=LOOPBACK, port=self.ports["database"])
        try:
            write_atomically(configuration, text)
        except OSError as error:
            raise StartError(
                f"{self._home} cannot be written ({error.strerror or error}).",
                "Free disk space, or choose another data folder with PARLEY_DATA.",
            ) from error
        self._let_in = 0
        return [*program(), "--config", str(configuration), "--storage-path", str(self._home / "data")]

    async def ask(self) -> None:
        await probes.mongodb(self.ports["database"])

    def nudge(self) -> None:
        """Wake the server's accept call: it looks at the stop signal only when somebody connects.

        Whoever is still let in time and again talks to a server that has missed the signal: its main thread
        sleeps on a lock, and a signal that came to another thread does not wake it.
        """
        with contextlib.suppress(OSError):
            socket.create_connection((LOOPBACK, self.ports["database"]), timeout=0.05).close()
            self._let_in += 1
            if self._let_in % _LET_IN_MOST == 0 and self._process is not None:
                self._process.terminate()


def described() -> str:
    """Say which server is used, for people. Raises StartError when it is not installed."""
    command = program()
    return f"secantusdb {version('secantusdb')}" if SERVER in command else command[0]


def program() -> list[str]:
    """The command of the database server that is to be used. Raises StartError when it is not installed."""
    if os.environ.get("PARLEY_DB_SERVER") == "rs":
        rust = shutil.which("secantusd-rs")
        if rust is None:
            raise StartError(
                "PARLEY_DB_SERVER=rs, but secantusd-rs is not on the PATH.",
                "Install it (cargo install secantus-mdb), or unset PARLEY_DB_SERVER.",
            )
        return [rust, "--sync-on-commit"]
    if importlib.util.find_spec("secantus") is None:
        raise StartError("The database server is not installed.", "Install it: pip install secantusdb")
    return [sys.executable, "-m", SERVER]
