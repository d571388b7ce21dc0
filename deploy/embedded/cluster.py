"""Kafka as a bank runs it, on one machine: three nodes, every record on three of them, two must have it.

The same pinned jars as the embedded default's one node, in a data folder of its own. Secure: TLS, users with
SCRAM-SHA-512, and rights that are granted one by one (access.py).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from deploy.embedded.access import PLATFORM, USERS, Access, Secrets, write_environment
from deploy.embedded.cluster_node import ClusterNode, ClusterPlan, port_name
from deploy.embedded.errors import StartError
from deploy.embedded.folder import DataFolder, write_atomically
from deploy.embedded.platform import Addresses, EmbeddedServers
from deploy.embedded.ports import LOOPBACK
from deploy.embedded.server import Server

_FILE = "cluster.json"


class KafkaCluster(EmbeddedServers):
    """The nodes of one data folder, used like `EmbeddedServers`. What the first start fixed is kept."""

    know_each_other = True

    def __init__(
        self, data_dir: Path, plan: ClusterPlan, *, console: Console | None = None, role: str = "running"
    ) -> None:
        super().__init__(data_dir, console=console, role=role)
        self.plan = plan
        self.secrets = Secrets(self.folder.path) if plan.secure else None

    async def wanted(self) -> list[Server]:
        first = self._keep_plan()
        if self.secrets is not None:
            self.secrets.ensure(first=first)
        if first:
            self._write_plan()
        jars = await self.jars()
        return [
            ClusterNode(self.folder, jars, number, self.plan, self.secrets)
            for number in range(1, self.plan.nodes + 1)
        ]

    def _keep_plan(self) -> bool:
        """Whether this is the folder's first start. Raises StartError where it was another cluster's."""
        found = recorded_plan(self.folder)
        if found is None:
            return True
        if (found.nodes, found.secure) != (self.plan.nodes, self.plan.secure):
            raise StartError(
                f"The cluster in {self.folder.path} has {_described(found)}, "
                f"not {_described(self.plan)}: that is fixed when it is made.",
                "Start it as it was made, or make another one in another folder with --data.",
            )
        return False

    def _write_plan(self) -> None:
        text = json.dumps({"nodes": self.plan.nodes, "secure": self.plan.secure})
        try:
            write_atomically(self.folder.path / _FILE, text + "\n")
        except OSError as error:
            raise StartError(
                f"{self.folder.path} cannot be written ({error.strerror or error}).",
                "Free disk space, or choose another data folder with --data.",
            ) from error

    def located(self, servers: Sequence[Server]) -> Addresses:
        bootstrap = ",".join(server.address for server in servers)
        for user in self.users:
            write_environment(environment_file(self.folder.path, user), self.access(user, bootstrap))
        return Addresses(bootstrap, "")

    async def stop(self) -> None:
        """Stop the nodes at once: each hands its leaderships over while a majority still lives."""
        try:
            await asyncio.gather(*(server.stop() for server in self.servers))
        finally:
            self.kill()

    @property
    def users(self) -> tuple[str, ...]:
        return USERS if self.plan.secure else (PLATFORM,)

    @property
    def nodes(self) -> tuple[ClusterNode, ...]:
        """The nodes that were started, by number."""
        return tuple(server for server in self.servers if isinstance(server, ClusterNode))

    def access(self, user: str = PLATFORM, bootstrap: str = "") -> Access:
        """How a user reaches the running cluster."""
        where = bootstrap or self.addresses.kafka_bootstrap
        return Access(where) if self.secrets is None else self.secrets.access(where, user)


def recorded_plan(folder: DataFolder) -> ClusterPlan | None:
    """What the cluster of a folder is made of; None where there is none yet. Raises StartError."""
    file = folder.path / _FILE
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return ClusterPlan(int(found["nodes"]), bool(found["secure"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StartError(
            f"{file} cannot be read ({type(error).__name__}).",
            'Restore it: {"nodes": 3, "secure": true}, as the cluster was made.',
        ) from error


def environment_file(folder: Path, user: str) -> Path:
    """What a shell sources to be that user."""
    return folder / "secrets" / f"{user}.env"


def recorded_access(folder: DataFolder, user: str = PLATFORM) -> Access:
    """How a user reaches the cluster that another process runs in this folder. KeyError: it never ran."""
    plan, ports = recorded_plan(folder) or ClusterPlan(0), folder.load().ports
    numbers = range(1, plan.nodes + 1)
    where = ",".join(f"{LOOPBACK}:{ports[port_name(number, 'CLIENTS')]}" for number in numbers)
    return Secrets(folder.path).access(where, user) if plan.secure else Access(where)


def _described(plan: ClusterPlan) -> str:
    return f"{plan.nodes} nodes {'with' if plan.secure else 'without'} TLS and logins"
