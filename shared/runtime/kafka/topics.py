"""Topics: creating and checking them. Nothing is ever changed or deleted."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.protocol.metadata import MetadataRequest

from shared.runtime.kafka.connection import connection_options
from shared.runtime.kafka.refusals import diagnose, explain, probe
from shared.runtime.ports import FatalError, UnavailableError
from shared.runtime.settings import Settings

__all__ = [
    "Admin",
    "Topic",
    "ask",
    "create_topics",
    "described",
    "insist",
    "partition_counts",
    "topic_findings",
]

T = TypeVar("T")

_LOG = logging.getLogger("parley.kafka")
_FORBIDDEN: Final = 29  # TOPIC_AUTHORIZATION_FAILED
_EXISTS: Final = 36  # TOPIC_ALREADY_EXISTS
_TOO_MANY_COPIES: Final = 38  # INVALID_REPLICATION_FACTOR
_FOR_GOOD: Final = "-1"


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as the cluster sees it. By partition number: leader (-1: none), copies, copies in sync."""

    leaders: tuple[int, ...]
    copies: tuple[int, ...]
    in_sync: tuple[int, ...]

    @property
    def partitions(self) -> int:
        """How many partitions it has."""
        return len(self.leaders)


class Admin:
    """Kafka's admin client, for the length of an `async with`."""

    def __init__(self, settings: Settings) -> None:
        self._client = AIOKafkaAdminClient(
            client_id="parley-admin",
            request_timeout_ms=round(settings.ack_seconds * 1000),
            **connection_options(settings),
        )

    async def __aenter__(self) -> AIOKafkaAdminClient:
        await self._client.start()
        return self._client

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()


async def ask(admin: AIOKafkaAdminClient, request: Any) -> Any:
    """Ask one broker after the other: a dead one is listed until the others have noticed.

    The client asks one at random, and no other.
    """
    nodes = [broker.nodeId for broker in admin._client.cluster.brokers()]
    random.shuffle(nodes)
    for number, node in enumerate(nodes, start=1):
        try:
            return await admin._send_request(request, node)
        except KafkaError as error:
            if number == len(nodes) or not error.retriable:
                raise
    raise KafkaConnectionError("no broker is known")


async def insist(call: Callable[[], Awaitable[T]]) -> T:
    """Repeat what the client does not repeat itself: a new cluster has no group coordinator for a moment."""
    while True:
        try:
            return await call()
        except KafkaError as error:
            if not error.retriable:
                raise
        await asyncio.sleep(0.1)


def _limit(settings: Settings, topic: str) -> int:
    """Dead letters carry the input with the reason around it: they allow twice as much."""
    return settings.message_bytes * (2 if topic.endswith(".dead-letter") else 1)


async def create_topics(settings: Settings, topics: Iterable[str]) -> list[str]:
    """Create the topics that are missing, and give their names; nothing is ever changed.

    Raises FatalError where one exists with another partition count, or with fewer copies than
    PARLEY_REPLICATION asks for; UnavailableError while Kafka is away.
    """
    wanted = list(dict.fromkeys(settings.prefix + topic for topic in topics))
    await probe(settings)
    try:
        async with asyncio.timeout(settings.start_seconds), Admin(settings) as admin:
            found, brokers = await described(admin, wanted)
            _refuse_other_counts(settings, found)  # before anything is made beside them
            missing = [topic for topic in wanted if topic not in found]
            if missing:
                await _create(admin, settings, missing, brokers)
                found = await _settled(admin, wanted)
                _refuse_other_counts(settings, found)
    except (KafkaError, OSError, TimeoutError) as error:
        raise await diagnose(settings, error, "see the topics", "Describe") from error
    for topic, is_ in found.items():
        if (problem := _too_few_copies(settings, topic, is_, brokers)) is not None:
            if settings.replication is not None:
                raise FatalError(problem)
            _LOG.warning("%s", problem)
    return [topic.removeprefix(settings.prefix) for topic in missing]


def _refuse_other_counts(settings: Settings, topics: Mapping[str, Topic]) -> None:
    for topic, is_ in topics.items():
        if is_.partitions != settings.partitions:
            raise FatalError(
                f"topic {topic} has {is_.partitions} partitions, PARLEY_PARTITIONS says "
                f"{settings.partitions}. The count is fixed when the topics are created: one writer per case "
                "depends on it. Set PARLEY_PARTITIONS to the topics' count, or use topics of your own"
            )


def _copies(settings: Settings, brokers: int) -> int:
    """How many copies of each partition: what is set, or what the cluster allows."""
    if settings.replication is not None:
        return settings.replication
    if brokers == 2:  # more likely a cluster of three with one away than one of two
        raise UnavailableError(
            "Kafka shows two brokers: topics are created once there are three, or with as many copies as "
            "PARLEY_REPLICATION says"
        )
    return 3 if brokers >= 3 else 1


def _in_sync(settings: Settings, copies: int) -> int:
    """How many copies must have a record: all but one, so that one may be away and none is lost."""
    return settings.in_sync or max(1, copies - 1)


def _too_few_copies(settings: Settings, topic: str, found: Topic, brokers: int) -> str | None:
    """Say what is wrong with a topic that a dead broker could take away."""
    least = min(found.copies, default=0)
    if least >= (settings.replication or (3 if brokers >= 3 else 1)):
        return None
    asked = (
        f"PARLEY_REPLICATION says {settings.replication}"
        if settings.replication is not None
        else f"the cluster has {brokers} brokers"
    )
    return (
        f"topic {topic} has {least} {'copy' if least == 1 else 'copies'} of a partition, {asked}: give it "
        "more with kafka-reassign-partitions, or set PARLEY_REPLICATION to what it has"
    )


async def _create(
    admin: AIOKafkaAdminClient, settings: Settings, topics: Sequence[str], brokers: int
) -> None:
    copies = _copies(settings, brokers)
    in_sync = _in_sync(settings, copies)
    if in_sync > copies:
        raise FatalError(
            f"PARLEY_MIN_INSYNC={in_sync} is more than the {copies} copies that topics get on a cluster of "
            f"{brokers} brokers: nothing could be written"
        )
    answer = await admin.create_topics(
        [
            NewTopic(
                name=topic,
                num_partitions=settings.partitions,
                replication_factor=copies,
                topic_configs={
                    "cleanup.policy": "delete",
                    "retention.ms": _FOR_GOOD,
                    "retention.bytes": _FOR_GOOD,
                    "max.message.bytes": str(_limit(settings, topic)),
                    "min.insync.replicas": str(in_sync),
                    "unclean.leader.election.enable": "false",
                },
            )
            for topic in topics
        ]
    )
    forbidden = [topic for topic, code, *_ in answer.topic_errors if code == _FORBIDDEN]
    if forbidden:
        refused = TopicAuthorizationFailedError(forbidden)
        raise explain(refused, "create or see the topics", settings, "Create")
    for topic, code, *rest in answer.topic_errors:
        if code == _TOO_MANY_COPIES:
            raise FatalError(
                f"topic {topic} cannot have {copies} copies on a cluster of {brokers} brokers: set "
                "PARLEY_REPLICATION to what it allows, or start the others"
            )
        if code not in {0, _EXISTS}:  # another process may have been quicker
            why = for_code(code)
            if why.retriable:
                raise why
            raise FatalError(f"topic {topic} cannot be created: {why.__name__} {(rest or [''])[0] or ''}")


async def described(admin: AIOKafkaAdminClient, topics: Sequence[str]) -> tuple[dict[str, Topic], int]:
    """Look up those of the topics that exist, and count the live brokers.

    Raises TopicAuthorizationFailedError for those that may not be seen: they would look absent.
    """
    # Asked by name, so that a missing right shows; a broker may create by itself whatever it is asked about.
    request = MetadataRequest(list(topics), allow_auto_topic_creation=False)
    answer = (await ask(admin, request)).to_object()
    forbidden = [entry["topic"] for entry in answer["topics"] if entry["error_code"] == _FORBIDDEN]
    if forbidden:
        raise TopicAuthorizationFailedError(forbidden)
    found: dict[str, Topic] = {}
    for entry in answer["topics"]:
        parts = sorted(entry["partitions"], key=lambda part: int(part["partition"]))
        if parts and entry["error_code"] != UnknownTopicOrPartitionError.errno:
            found[entry["topic"]] = Topic(
                tuple(part["leader"] for part in parts),
                tuple(len(part["replicas"]) for part in parts),
                tuple(len(part["isr"]) for part in parts),
            )
    return found, len(answer["brokers"])


async def partition_counts(admin: AIOKafkaAdminClient, topics: Sequence[str]) -> dict[str, int]:
    """Give the partition count of every topic that exists, by its full name."""
    found, _ = await described(admin, topics)
    return {name: topic.partitions for name, topic in found.items()}


async def _settled(admin: AIOKafkaAdminClient, topics: Sequence[str]) -> dict[str, Topic]:
    """Wait until the brokers know all of them, with a leader everywhere."""
    while True:
        found, _ = await described(admin, topics)
        if len(found) == len(topics) and all(min(topic.leaders) >= 0 for topic in found.values()):
            return found
        await asyncio.sleep(0.05)


async def topic_findings(settings: Settings, topics: Iterable[str]) -> list[str]:
    """Say what is wrong with the topics, in sentences; [] if nothing. For `parley doctor`."""
    wanted = list(dict.fromkeys(settings.prefix + topic for topic in topics))
    await probe(settings)
    try:
        async with asyncio.timeout(settings.start_seconds), Admin(settings) as admin:
            found, brokers = await described(admin, wanted)
            present = [topic for topic in wanted if topic in found]
            resources = [ConfigResource(ConfigResourceType.TOPIC, topic) for topic in present]
            answers = await insist(lambda: admin.describe_configs(resources)) if resources else []
    except (KafkaError, OSError, TimeoutError) as error:
        raise await diagnose(settings, error, "describe the topics", "Describe") from error
    findings = [text for topic in wanted for text in _shape_findings(settings, topic, found, brokers)]
    forbidden: list[str] = []
    for answer in answers:
        for code, _text, _type, topic, entries in answer.resources:
            if code == _FORBIDDEN:
                forbidden.append(topic)
            else:
                configs = {entry[0]: entry[1] or "" for entry in entries}
                findings += _config_findings(settings, topic, found[topic], configs)
    if forbidden:
        refused = TopicAuthorizationFailedError(forbidden)
        raise explain(refused, "read how the topics are configured", settings, "DescribeConfigs")
    return findings


def _shape_findings(settings: Settings, topic: str, found: dict[str, Topic], brokers: int) -> list[str]:
    if topic not in found:
        return [f"topic {topic} does not exist"]
    findings = []
    if found[topic].partitions != settings.partitions:
        findings.append(
            f"topic {topic} has {found[topic].partitions} partitions instead of {settings.partitions}"
        )
    if (problem := _too_few_copies(settings, topic, found[topic], brokers)) is not None:
        findings.append(problem)
    return findings


def _config_findings(settings: Settings, topic: str, found: Topic, configs: dict[str, str]) -> list[str]:
    findings = []
    if configs.get("retention.ms") != _FOR_GOOD or configs.get("retention.bytes") != _FOR_GOOD:
        findings.append(f"topic {topic} forgets: set retention.ms=-1 and retention.bytes=-1")
    if "compact" in configs.get("cleanup.policy", ""):
        findings.append(f"topic {topic} is compacted: set cleanup.policy=delete")
    if int(configs.get("max.message.bytes") or 0) < _limit(settings, topic):
        findings.append(f"topic {topic}: max.message.bytes is below {_limit(settings, topic)}")
    copies = min(found.copies)
    least, wanted = int(configs.get("min.insync.replicas") or 1), _in_sync(settings, copies)
    if least > copies:
        findings.append(f"topic {topic} takes no record: min.insync.replicas={least} with {copies} copies")
    elif least < min(wanted, copies):
        findings.append(
            f"topic {topic} loses records with one broker: set min.insync.replicas={min(wanted, copies)}"
        )
    if configs.get("unclean.leader.election.enable") == "true":
        findings.append(
            f"topic {topic} may forget what it acknowledged: set unclean.leader.election.enable=false"
        )
    return findings
