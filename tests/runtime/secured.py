"""A secure cluster of three nodes for the whole test run, with two listeners whose certificates are wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from deploy.embedded.access import NODE_NAME, PLATFORM, Access
from deploy.embedded.certificates import Authority, write_secret
from deploy.embedded.cluster import KafkaCluster, recorded_access
from deploy.embedded.cluster_node import ClusterPlan, port_name
from deploy.embedded.folder import DataFolder
from deploy.embedded.ports import LOOPBACK
from deploy.embedded.server import Server
from deploy.embedded.testing import shared_cluster
from services.cli.kafka import grant_rights
from shared.runtime.settings import Settings

__all__ = ["SecureKafka", "fields_of", "secure_kafka"]

FLAWS = ("EXPIRED", "MISNAMED")


class FlawedCluster(KafkaCluster):
    """Node 1 listens twice more: with a certificate that has expired, and with one of another host."""

    async def wanted(self) -> list[Server]:
        servers = await super().wanted()
        assert self.secrets is not None
        authority, now = self.secrets.authority(), datetime.now(UTC)
        expired = authority.issue(NODE_NAME, starts=now - timedelta(days=90), ends=now - timedelta(days=1))
        write_secret(self.plan.more["EXPIRED"], expired)
        write_secret(self.plan.more["MISNAMED"], authority.issue(NODE_NAME, hosts=["kafka.bank.example"]))
        Authority.create("Somebody else").save(
            self.folder.path / "foreign.pem", self.folder.path / "foreign.key"
        )
        return servers


@dataclass(frozen=True)
class SecureKafka:
    """Where it is, and how each user gets in."""

    folder: Path

    def access(self, user: str = PLATFORM) -> Access:
        return recorded_access(DataFolder(self.folder), user)

    def settings(self, user: str = PLATFORM, **overrides: Any) -> Settings:
        """Settings of a user, with a database name of their own."""
        given = fields_of(self.access(user)) | {"database": f"t{uuid4().hex[:12]}", "log_level": "ERROR"}
        return Settings.load(**given | overrides)

    def listener(self, listener: str) -> str:
        """The address of a listener of node 1: EXPIRED and MISNAMED show a wrong certificate."""
        return f"{LOOPBACK}:{DataFolder(self.folder).load().ports[port_name(1, listener)]}"

    @property
    def foreign_authority(self) -> Path:
        """An authority that signed none of the certificates."""
        return self.folder / "foreign.pem"


def fields_of(access: Access) -> dict[str, Any]:
    """The settings that reach the cluster, by field."""
    return {name.lower(): value for name, value in access.environment().items()}


@contextmanager
def secure_kafka() -> Iterator[SecureKafka]:
    """Start it, or join it under pytest-xdist."""

    def make(folder: Path) -> KafkaCluster:
        more = {listener: folder / f"{listener.lower()}.pem" for listener in FLAWS}
        return FlawedCluster(folder, ClusterPlan(3, secure=True, more=more))

    with shared_cluster(make, grant_rights) as folder:
        yield SecureKafka(folder)
