"""The embedded default's Kafka: one node, without TLS and login, for one machine."""

from __future__ import annotations

from deploy.embedded import probes
from deploy.embedded.kafka_node import KafkaNode, java, java_answers
from deploy.embedded.ports import LOOPBACK

__all__ = ["Kafka", "java", "java_answers"]

# Everything here is for one node.
_PROPERTIES = {
    "node.id": "1",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # After kill -9 the node registers anew only when its old session has run out (9 s by default).
    "broker.session.timeout.ms": "3000",
}


class Kafka(KafkaNode):
    """The broker of a data folder."""

    name = "kafka"
    label = "Kafka"

    @property
    def port_names(self) -> tuple[str, ...]:
        return ("kafka", "kafka_controller")

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.ports['kafka']}"

    def properties(self) -> dict[str, str]:
        broker, controller = (self.ports[name] for name in self.port_names)
        return _PROPERTIES | {
            "listeners": f"PLAINTEXT://{LOOPBACK}:{broker},CONTROLLER://{LOOPBACK}:{controller}",
            "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{broker}",
            "controller.quorum.voters": f"1@{LOOPBACK}:{controller}",
        }

    async def ask(self) -> None:
        cluster = await probes.kafka(self.ports["kafka"])
        if cluster != self.cluster_id:
            raise probes.NoAnswer(f"port {self.ports['kafka']} is another Kafka cluster's")
