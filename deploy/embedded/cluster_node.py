"""One node of a cluster: broker and controller, three listeners on loopback.

CLIENTS     for clients; with TLS and a login where the cluster is secure
INTERNAL    for the other brokers, CONTROLLER for the quorum: there mutual TLS, by the nodes' certificate
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.embedded import probes
from deploy.embedded.access import ADMIN, MECHANISM, NODE_NAME, Secrets
from deploy.embedded.folder import DataFolder
from deploy.embedded.kafka_node import KafkaNode, escaped
from deploy.embedded.ports import LOOPBACK

_LISTENERS = ("CLIENTS", "INTERNAL", "CONTROLLER")


@dataclass(frozen=True, slots=True)
class ClusterPlan:
    """What a cluster is made of: fixed at its first start.

    For tests: `advertised` names other ports than the nodes' own, by listener and node (a proxy stands
    there); `more` are further listeners of node 1, like CLIENTS but with a certificate of their own.
    """

    nodes: int = 3
    secure: bool = False
    advertised: Mapping[tuple[str, int], int] = field(default_factory=dict)
    more: Mapping[str, Path] = field(default_factory=dict)

    @property
    def copies(self) -> int:
        """Of every partition."""
        return min(3, self.nodes)

    @property
    def in_sync(self) -> int:
        """Copies that must have a record before it is acknowledged."""
        return max(1, self.copies - 1)


def port_name(node: int, listener: str) -> str:
    return f"kafka-{node}-{listener.lower()}"


class ClusterNode(KafkaNode):
    """Node `number` (1 and up). `secrets` are the cluster's; a plain one has none."""

    # The quick compiler alone: three of them that start together spend their first minute compiling else.
    jvm = ("-Xmx256m", "-XX:TieredStopAtLevel=1")

    def __init__(
        self, folder: DataFolder, jars: list[Path], number: int, plan: ClusterPlan, secrets: Secrets | None
    ) -> None:
        self.number = number
        self.name = f"kafka-{number}"
        self.label = f"Kafka's node {number}"
        self.plan = plan
        self._secrets = secrets
        super().__init__(folder, jars)

    @property
    def _listeners(self) -> Sequence[str]:
        return (*_LISTENERS, *(self.plan.more if self.number == 1 else ()))

    @property
    def port_names(self) -> tuple[str, ...]:
        return tuple(port_name(self.number, listener) for listener in self._listeners)

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.advertised('CLIENTS')}"

    def advertised(self, listener: str) -> int:
        """The port under which clients and brokers find a listener."""
        own = self.ports[port_name(self.number, listener)]
        return self.plan.advertised.get((listener, self.number), own)

    def properties(self) -> dict[str, str]:
        ports = self.folder.load().ports
        voters = [
            f"{number}@{LOOPBACK}:{ports[port_name(number, 'CONTROLLER')]}"
            for number in range(1, self.plan.nodes + 1)
        ]
        brokers = [listener for listener in self._listeners if listener != "CONTROLLER"]
        copies, in_sync = str(self.plan.copies), str(self.plan.in_sync)
        return {
            "node.id": str(self.number),
            "controller.quorum.voters": ",".join(voters),
            "inter.broker.listener.name": "INTERNAL",
            "listeners": ",".join(
                f"{listener}://{LOOPBACK}:{self.ports[port_name(self.number, listener)]}"
                for listener in self._listeners
            ),
            "advertised.listeners": ",".join(
                f"{listener}://{LOOPBACK}:{self.advertised(listener)}" for listener in brokers
            ),
            "default.replication.factor": copies,
            "min.insync.replicas": in_sync,
            "unclean.leader.election.enable": "false",
            "offsets.topic.replication.factor": copies,
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": in_sync,
            "share.coordinator.state.topic.replication.factor": copies,
            "share.coordinator.state.topic.min.isr": in_sync,
            # A node that is silent for so long is dead to the others (9 s by default); not less, for three
            # of them may share two processors.
            "broker.session.timeout.ms": "6000",
            "controller.quorum.fetch.timeout.ms": "4000",
            **self._security(),
        }

    def _security(self) -> dict[str, str]:
        if self._secrets is None:
            mapping = ",".join(f"{listener}:PLAINTEXT" for listener in self._listeners)
            return {"listener.security.protocol.map": mapping}
        of_nodes = ("INTERNAL", "CONTROLLER")
        protocols = [
            f"{listener}:{'SSL' if listener in of_nodes else 'SASL_SSL'}" for listener in self._listeners
        ]
        settings = {
            "listener.security.protocol.map": ",".join(protocols),
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": escaped(self._secrets.node_file),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": escaped(self._secrets.authority_file),
            "sasl.enabled.mechanisms": MECHANISM,
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": f"User:{ADMIN};User:CN={NODE_NAME}",
            "allow.everyone.if.no.acl.found": "false",
        }
        for listener in of_nodes:
            settings[f"listener.name.{listener.lower()}.ssl.client.auth"] = "required"
        for listener in set(self._listeners) - set(of_nodes):
            prefix = f"listener.name.{listener.lower()}."
            settings[f"{prefix}{MECHANISM.lower()}.sasl.jaas.config"] = (
                "org.apache.kafka.common.security.scram.ScramLoginModule required;"
            )
            if listener in self.plan.more:
                settings[f"{prefix}ssl.keystore.type"] = "PEM"
                settings[f"{prefix}ssl.keystore.location"] = escaped(self.plan.more[listener])
        return settings

    @contextlib.contextmanager
    def format_options(self) -> Iterator[list[str]]:
        if self._secrets is None:
            yield []
        else:
            with self._secrets.format_options(self.name) as options:
                yield options

    async def ask(self) -> None:
        """Ready is a node that the cluster counts among its live brokers."""
        port = self.ports[port_name(self.number, "INTERNAL")]
        context = None if self._secrets is None else self._secrets.node_context()
        cluster, brokers = await probes.kafka_cluster(port, context=context)
        if cluster != self.cluster_id:
            raise probes.NoAnswer(f"port {port} is another Kafka cluster's")
        if self.number not in brokers:
            raise probes.NoAnswer("the cluster does not count it among its live brokers yet")
