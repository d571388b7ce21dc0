"""Every log and every store that the conformance suite runs on: a new one is a line in LOGS or STORES.

`KAFKA_BOOTSTRAP` and `MONGODB_URI`, each by itself, put the server that they name in the place of those that
would be started, reached with whatever else a process of Parley reads from its environment.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.embedded.access import ADMIN
from deploy.embedded.platform import Addresses, EmbeddedServers, resolve_servers
from tests.fault.cluster import Cluster as NodesOfOnesOwn
from tests.runtime.conformance import Features
from tests.runtime.secured import SecureKafka
from tests.runtime.support import settings_of
from tests.runtime.under_test import KafkaCluster, MemoryCluster, MemoryDatabase, MongoDatabase

__all__ = ["LOGS", "STORES", "Chosen", "Implementation", "choose", "parameters"]


@dataclass(frozen=True)
class Implementation:
    """One log or store. `open` takes what the session's fixture `server` gives, and `own` a folder.

    `own` is for tests that kill: it starts a server that nobody else uses.
    """

    name: str
    open: Callable[[Any], AbstractAsyncContextManager[Any]]
    features: Features
    server: str | None = None
    own: Callable[[Path], AbstractAsyncContextManager[Any]] | None = None


@dataclass(frozen=True)
class Chosen:
    """An implementation for one test, with its server running, unless the test starts its own."""

    open: Callable[[], AbstractAsyncContextManager[Any]]


def parameters(listed: list[Implementation], *, real: bool) -> list[Any]:
    """Those with a server, or those without, as parameters of a fixture."""
    marks = [pytest.mark.kafka] if real else []
    return [pytest.param(one, id=one.name, marks=marks) for one in listed if (one.server is not None) == real]


def choose(request: pytest.FixtureRequest) -> Chosen:
    """What the parameter of a fixture names. Not from a coroutine: servers start in a loop of their own."""
    one: Implementation = request.param
    wanted = [mark.args[0] for mark in request.node.iter_markers("needs")]
    if "survives_restart" in wanted:
        assert one.own is not None
        own, folder = one.own, request.getfixturevalue("tmp_path") / "own"
        return Chosen(lambda: own(folder))
    server = request.getfixturevalue(one.server) if one.server is not None else None
    return Chosen(lambda: one.open(server))


@asynccontextmanager
async def _memory_log(_: None) -> AsyncIterator[MemoryCluster]:
    yield MemoryCluster()


@asynccontextmanager
async def _memory_store(_: None) -> AsyncIterator[MemoryDatabase]:
    yield MemoryDatabase()


def _kafka(servers: Addresses) -> AbstractAsyncContextManager[KafkaCluster]:
    return aclosing(KafkaCluster(settings_of(servers)))


def _secured(secured: SecureKafka) -> AbstractAsyncContextManager[KafkaCluster]:
    return aclosing(KafkaCluster(secured.settings(ADMIN)))


def _mongo(servers: Addresses) -> AbstractAsyncContextManager[MongoDatabase]:
    return aclosing(MongoDatabase(settings_of(servers)))


@asynccontextmanager
async def _own_node(folder: Path) -> AsyncIterator[KafkaCluster]:
    async with EmbeddedServers(folder, database=False) as servers:

        async def again() -> None:
            await servers.restart(servers.servers[0])  # kills it first

        async with aclosing(KafkaCluster(settings_of(servers.addresses), again)) as cluster:
            yield cluster


@asynccontextmanager
async def _own_nodes(folder: Path) -> AsyncIterator[KafkaCluster]:
    async with NodesOfOnesOwn(folder, secure=True) as nodes:

        async def again() -> None:
            nodes.kill(1, 2, 3)
            await nodes.restart(1, 2, 3)

        async with aclosing(KafkaCluster(nodes.settings(ADMIN), again)) as cluster:
            yield cluster


@asynccontextmanager
async def _own_mongo(folder: Path) -> AsyncIterator[MongoDatabase]:
    async with EmbeddedServers(folder, kafka=False) as servers:

        async def again() -> None:
            await servers.restart(servers.servers[0])

        settings = settings_of(Addresses("127.0.0.1:9", servers.addresses.mongodb_uri))  # it needs no Kafka
        async with aclosing(MongoDatabase(settings, again)) as database:
            yield database
        servers.kill()  # nobody reads its data again


_TLS = os.environ.get("KAFKA_SECURITY_PROTOCOL", "").upper().endswith("SSL")
_ONE = Features(survives_restart=True, retention=True)
_THREE = Features(survives_restart=True, retention=True, tls=True, copies=True)
_DURABLE = Features(survives_restart=True)

_STARTED_LOGS = [
    Implementation("one-node", _kafka, _ONE, "servers", _own_node),
    Implementation("three-nodes-tls", _secured, _THREE, "secured", _own_nodes),
]
_STARTED_STORES = [Implementation("secantusdb", _mongo, _DURABLE, "servers", _own_mongo)]
_NAMED_LOGS = [Implementation("KAFKA_BOOTSTRAP", _kafka, Features(retention=True, tls=_TLS), "servers")]
_NAMED_STORES = [Implementation("MONGODB_URI", _mongo, Features(), "servers")]

LOGS = [
    Implementation("memory", _memory_log, Features(retention=True)),
    *(_STARTED_LOGS if resolve_servers().start_kafka else _NAMED_LOGS),
]
STORES = [
    Implementation("memory", _memory_store, Features()),
    *(_STARTED_STORES if resolve_servers().start_database else _NAMED_STORES),
]
