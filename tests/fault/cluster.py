"""A Kafka cluster of a test's own, whose nodes are killed, frozen, cut off and started again.

    async with Cluster(tmp_path) as cluster:
        settings = cluster.settings(partitions=2)
        await create_topics(settings, ["t"])
        leader = await cluster.leader("t", 0)
        cluster.kill(leader)            # kill -9; nothing starts it again but `restart`
        await cluster.restart(leader)   # until the others count it among the living
        cluster.freeze(1)               # SIGSTOP: silent, its connections stay open; `thaw` ends it
        cluster.cut(2)                  # with gates=True: nobody reaches it, it reaches the others; `mend`

Nodes are numbered from 1. A frozen node is dead to the others after 6 seconds of silence. `secure=True` gives
TLS, logins and rights: `settings(user="bank")`.
"""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from deploy.embedded.access import ADMIN, PLATFORM
from deploy.embedded.cluster import KafkaCluster
from deploy.embedded.cluster_node import ClusterNode, ClusterPlan, port_name
from deploy.embedded.ports import choose
from services.cli.kafka import grant_rights
from shared.runtime.kafka.topics import Admin, Topic, described
from shared.runtime.settings import Settings
from tests.fault.gate import Gate
from tests.runtime.secured import fields_of

LISTENERS = ("CLIENTS", "INTERNAL")


class Cluster:
    """Three nodes, or `nodes`, in a folder; stopped and swept on leaving. Only from the main thread."""

    def __init__(self, folder: Path, *, nodes: int = 3, secure: bool = False, gates: bool = False) -> None:
        doors = [(listener, node) for node in range(1, nodes + 1) for listener in LISTENERS if gates]
        ports = choose([f"{listener}-{node}" for listener, node in doors], {})
        advertised = {(listener, node): ports[f"{listener}-{node}"] for listener, node in doors}
        self.servers = KafkaCluster(folder, ClusterPlan(nodes, secure, advertised))
        self._gates: dict[tuple[str, int], Gate] = {}
        self._stack = ExitStack()

    async def __aenter__(self) -> Self:
        with ExitStack() as stack:
            for door, port in self.servers.plan.advertised.items():
                self._gates[door] = stack.enter_context(Gate(port, partial(self._port_of, *door)))
            await self.servers.start()
            self._stack = stack.pop_all()
        try:
            await grant_rights(self.servers)
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            for node in self.servers.nodes:
                self.thaw(node.number)
            self.servers.kill()  # a test is over: nobody reads its data again

    def _port_of(self, listener: str, node: int) -> int:
        return self.servers.folder.load().ports[port_name(node, listener)]

    # -- for clients

    @property
    def bootstrap(self) -> str:
        return self.servers.addresses.kafka_bootstrap

    def settings(self, user: str = PLATFORM, **overrides: Any) -> Settings:
        """Settings of a user, with a database name of their own."""
        given = fields_of(self.servers.access(user)) | {"database": f"t{uuid4().hex[:12]}"}
        return Settings.load(**given | {"log_level": "ERROR"} | overrides)

    # -- what the cluster thinks

    async def topic(self, name: str, prefix: str = "") -> Topic:
        """A topic as the living nodes see it: leaders, copies, and how many are in sync."""
        async with Admin(self.settings(ADMIN)) as admin:
            found, _ = await described(admin, [prefix + name])
        return found[prefix + name]

    async def leader(self, topic: str, partition: int, prefix: str = "") -> int:
        """The node that leads a partition; -1 while there is none."""
        return (await self.topic(topic, prefix)).leaders[partition]

    async def living(self) -> int:
        """How many nodes the cluster counts among the living."""
        async with Admin(self.settings(ADMIN)) as admin:
            return (await described(admin, []))[1]

    # -- what befalls them

    def node(self, number: int) -> ClusterNode:
        return self.servers.nodes[number - 1]

    def pid(self, number: int) -> int:
        pid = self.node(number).pid
        assert pid is not None, f"node {number} does not run"
        return pid

    def kill(self, *numbers: int) -> None:
        """kill -9, all at once."""
        for number in numbers:
            os.kill(self.pid(number), signal.SIGKILL)
        for number in numbers:
            self.node(number).kill()  # reaps it

    async def restart(self, *numbers: int) -> None:
        """Start them again on the same ports and data, one after the other; each lives when it is done."""
        for number in numbers:
            await self.servers.restart(self.node(number))

    def freeze(self, number: int) -> None:
        """SIGSTOP: it says nothing any more, and nobody is told."""
        os.kill(self.pid(number), signal.SIGSTOP)

    def thaw(self, number: int) -> None:
        """SIGCONT; nothing happens to one that is not frozen or does not run."""
        pid = self.node(number).pid
        if pid is not None:
            os.kill(pid, signal.SIGCONT)

    def cut(self, number: int, *listeners: str) -> None:
        """Cut a node off from clients and other brokers, or from one of these (CLIENTS, INTERNAL).

        The quorum still hears it, and it hears the others: what it leads it goes on leading. With gates only.
        """
        for listener in listeners or LISTENERS:
            self._gates[listener, number].shut()

    def mend(self, number: int) -> None:
        """Let everybody reach it again."""
        for listener in LISTENERS:
            self._gates[listener, number].open()
