"""Who may reach a cluster of ours, and how: users, passwords, certificates, and what a client is to set.

secrets/ca.pem      the authority that clients trust      secrets/ca.key      its key
secrets/node.pem    the nodes' certificate and key        secrets/users.json  passwords
secrets/USER.env    what a program of that user exports

A plain cluster has none of them but `parley.env`. Passwords are in files that only their owner may read, and
never on a command line or a screen.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import shlex
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deploy.embedded.certificates import Authority, write_secret
from deploy.embedded.errors import StartError

ADMIN, PLATFORM, BANK = "admin", "parley", "bank"
USERS = (ADMIN, PLATFORM, BANK)
NODE_NAME = "parley-kafka"
"""The common name in the nodes' certificate: they know each other, and their controllers, by it."""

MECHANISM = "SCRAM-SHA-512"


@dataclass(frozen=True, slots=True)
class Access:
    """How one user reaches a cluster: its settings as environment variables. A plain one needs no user."""

    bootstrap: str
    user: str = ""
    password: str = ""
    authority: Path | None = None

    @property
    def secure(self) -> bool:
        return self.authority is not None

    def environment(self) -> dict[str, str]:
        """The variables that a `parley` process reads (shared/runtime/settings.py)."""
        variables = {"KAFKA_BOOTSTRAP": self.bootstrap}
        if self.authority is not None:
            variables |= {
                "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
                "KAFKA_SASL_MECHANISM": MECHANISM,
                "KAFKA_USERNAME": self.user,
                "KAFKA_PASSWORD": self.password,
                "KAFKA_SSL_CAFILE": str(self.authority),
            }
        return variables

    def __repr__(self) -> str:
        return f"Access({self.bootstrap!r}, user={self.user!r})"


class Secrets:
    """The secrets of one data folder. `ensure` makes what is missing; nothing else writes."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "secrets"
        self.authority_file = self.path / "ca.pem"
        self.node_file = self.path / "node.pem"
        self._authority_key = self.path / "ca.key"
        self._users_file = self.path / "users.json"

    def ensure(self, *, first: bool) -> None:
        """Make authority and passwords at the `first` start, and the nodes' certificate at every start."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            if first:
                Authority.create("Parley's own cluster").save(self.authority_file, self._authority_key)
                passwords = {user: secrets.token_urlsafe(24) for user in USERS}
                write_secret(self._users_file, json.dumps(passwords).encode())
            self._passwords()
            write_secret(self.node_file, self.authority().issue(NODE_NAME))
        except (OSError, ValueError) as error:
            raise StartError(
                f"The cluster's secrets in {self.path} cannot be used ({type(error).__name__}).",
                "Restore them from a copy: who may log in is written in the cluster's data. Or choose "
                "another folder with --data.",
            ) from error

    def authority(self) -> Authority:
        """What signs the nodes' certificates. Raises OSError or ValueError."""
        return Authority.load(self.authority_file, self._authority_key)

    def _passwords(self) -> dict[str, str]:
        found = json.loads(self._users_file.read_text(encoding="utf-8"))
        return {user: str(found[user]) for user in USERS}

    def access(self, bootstrap: str, user: str) -> Access:
        """The access of one of `USERS`."""
        return Access(bootstrap, user, self._passwords()[user], self.authority_file)

    def node_context(self) -> ssl.SSLContext:
        """What a node shows, and trusts, when it calls another: for asking whether it is ready."""
        context = ssl.create_default_context(cafile=self.authority_file)
        context.load_cert_chain(self.node_file)
        return context

    @contextlib.contextmanager
    def format_options(self, node: str) -> Iterator[list[str]]:
        """The users for `StorageTool format`, in a file of its own: arguments can be seen by everybody."""
        file = self.path / f".{node}.format"
        lines = [
            line
            for user, password in self._passwords().items()
            for line in ("--add-scram", f"{MECHANISM}=[name={user},password={password}]")
        ]
        write_secret(file, "\n".join(lines).encode())
        try:
            yield [f"@{file}"]
        finally:
            file.unlink(missing_ok=True)


def write_environment(file: Path, access: Access) -> None:
    """Write what a shell sets (`. FILE`) to be that user."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in access.environment().items()]
    write_secret(file, "".join(lines).encode())
