"""A Kafka cluster as its admin client shows it, for what a real one shows only when something is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.admin import NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource
from aiokafka.errors import KafkaError
from aiokafka.protocol.admin import CreateAclsRequest

from shared.runtime.kafka import groups, growth, rights, topics
from shared.runtime.ports import FatalError
from shared.runtime.settings import Settings

UNKNOWN, FORBIDDEN, EXISTS, TOO_MANY_COPIES = 3, 29, 36, 38
KEPT = {
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "max.message.bytes": str(8 << 20),
    "min.insync.replicas": "1",
    "unclean.leader.election.enable": "false",
}


class FakeKafka:
    """Its topics, its brokers, and what it refuses. `slow` looks pass before the last has leaders."""

    def __init__(self, brokers: int = 1) -> None:
        self.brokers = list(range(brokers))
        self.topics: dict[str, list[dict[str, Any]]] = {}
        self.configs: dict[str, dict[str, str]] = {}
        self.codes: dict[str, int] = {}  # the answer to creating a topic, or describing what it is set to
        self.hidden: set[str] = set()
        self.slow = 0
        self.connected = False
        self.refusal: FatalError | None = None  # of the login
        self.failing: list[KafkaError] = []  # raised by the next questions
        self.asked: list[int] = []
        self.created: list[NewTopic] = []
        self.granted: list[tuple[Any, ...]] = []
        self.grant_code = 0
        self.on_create: Callable[[], None] = lambda: None
        self.group: list[tuple[int, str, int]] = [(0, "Empty", 0)]  # error code, state, members

    def add(
        self, name: str, partitions: int, copies: int = 1, in_sync: int | None = None, **configs: str
    ) -> None:
        self.topics[name] = [
            {
                "partition": number,
                "leader": 0,
                "replicas": list(range(copies)),
                "isr": list(range(copies if in_sync is None else in_sync)),
            }
            for number in reversed(range(partitions))  # in no order that could be relied on
        ]
        self.configs[name] = {**KEPT, **{key.replace("_", "."): value for key, value in configs.items()}}

    # -- what the admin client is asked ------------------------------------------------------------------

    async def start(self) -> None:
        assert not self.connected
        self.connected = True

    async def close(self) -> None:
        self.connected = False

    @property
    def _client(self) -> Any:
        return SimpleNamespace(
            cluster=SimpleNamespace(
                brokers=lambda: [SimpleNamespace(nodeId=number) for number in self.brokers]
            )
        )

    async def _send_request(self, request: Any, node: int) -> Any:
        assert self.connected
        self.asked.append(node)
        if self.failing:
            raise self.failing.pop(0)
        if isinstance(request, CreateAclsRequest):
            self.granted.append(tuple(vars(request).values()))
            return SimpleNamespace(creation_responses=[(self.grant_code, None)])
        (names,) = (value for value in vars(request).values() if isinstance(value, list))
        assert not request._allow_auto_topic_creation, "to look at a topic is not to make it"
        return SimpleNamespace(to_object=lambda: self._metadata(names))

    def _metadata(self, names: Iterable[str]) -> dict[str, Any]:
        self.slow -= 1
        leaderless, last = self.slow >= 0, [name for name in names if name in self.topics][-1:]
        found = []
        for name in names:
            code = FORBIDDEN if name in self.hidden else 0 if name in self.topics else UNKNOWN
            parts = [
                {**part, "leader": -1} if leaderless and name in last and part["partition"] == 0 else part
                for part in self.topics.get(name, ())
            ]
            found.append({"topic": name, "error_code": code, "partitions": parts})
        return {"topics": found, "brokers": self.brokers}

    async def create_topics(self, wanted: list[NewTopic]) -> Any:
        self.on_create()
        for topic in wanted:
            if not self.codes.get(topic.name):
                self.created.append(topic)
                self.add(topic.name, topic.num_partitions, topic.replication_factor)
                self.configs[topic.name] = dict(topic.topic_configs)
        return SimpleNamespace(
            topic_errors=[(topic.name, self.codes.get(topic.name, 0), None) for topic in wanted]
        )

    async def describe_configs(self, resources: list[ConfigResource]) -> list[Any]:
        return [
            SimpleNamespace(
                resources=[
                    (self.codes.get(one.name, 0), "", 2, one.name, list(self.configs[one.name].items()))
                    for one in resources
                ]
            )
        ]

    async def create_partitions(self, more: Mapping[str, NewPartitions], validate_only: bool) -> None:
        if self.failing:
            raise self.failing.pop(0)
        if not validate_only:
            for name, wanted in more.items():
                self.add(name, wanted.total_count)

    async def describe_consumer_groups(self, names: list[str]) -> list[Any]:
        code, state, members = self.group.pop(0) if len(self.group) > 1 else self.group[0]
        row = (code, names[0], state, "consumer", "range", [object()] * members, 0)
        return [SimpleNamespace(groups=[row])]


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> FakeKafka:
    fake = FakeKafka()

    async def probe(_: Settings) -> None:
        if fake.refusal is not None:
            raise fake.refusal

    monkeypatch.setattr(topics, "AIOKafkaAdminClient", lambda **_: fake)
    for module in (groups, growth, rights, topics):
        monkeypatch.setattr(module, "probe", probe)
    return fake
