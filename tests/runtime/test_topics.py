"""Topics, rights and groups on a cluster that is not as it should be: what is made, refused and told."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    InvalidReplicationFactorError,
    KafkaConnectionError,
    NotControllerError,
    TopicAuthorizationFailedError,
)

from shared.runtime.kafka.groups import Group, group_standing, groups_with_members
from shared.runtime.kafka.growth import grow_topics, topic_counts
from shared.runtime.kafka.rights import Right, grant
from shared.runtime.kafka.topics import create_topics, insist, topic_findings
from shared.runtime.ports import FatalError, UnavailableError
from shared.runtime.settings import Settings
from tests.runtime.fake_kafka import EXISTS, FORBIDDEN, TOO_MANY_COPIES, FakeKafka, kafka

__all__ = ["kafka"]


def settings(**given: Any) -> Settings:
    return Settings.load(**{"partitions": 4, "message_bytes": 1 << 20, "ack_seconds": 1.0, **given})


# -- creating --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("brokers", "given", "copies", "in_sync"),
    [
        (1, {}, 1, "1"),
        (3, {}, 3, "2"),
        (5, {}, 3, "2"),
        (2, {"replication": 2}, 2, "1"),
        (3, {"replication": 3, "in_sync": 3}, 3, "3"),
        (3, {"replication": 3, "in_sync": 1}, 3, "1"),
    ],
)
async def test_as_many_copies_as_there_are_brokers_for_and_all_but_one_must_have_a_record(
    kafka: FakeKafka, brokers: int, given: dict[str, int], copies: int, in_sync: str
) -> None:
    kafka.brokers = list(range(brokers))
    assert await create_topics(settings(prefix="x.", **given), ["a", "b", "a"]) == ["a", "b"]
    assert [topic.name for topic in kafka.created] == ["x.a", "x.b"]
    for topic in kafka.created:
        assert (topic.num_partitions, topic.replication_factor) == (4, copies)
        assert topic.topic_configs["min.insync.replicas"] == in_sync
    assert await topic_findings(settings(prefix="x.", **given), ["a", "b"]) == []


async def test_topics_are_kept_for_good_and_dead_letters_may_be_twice_as_large(kafka: FakeKafka) -> None:
    await create_topics(settings(), ["a.events", "a.dead-letter"])
    first, second = (topic.topic_configs for topic in kafka.created)
    assert first == {
        "cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1",
        "max.message.bytes": str(1 << 20), "min.insync.replicas": "1",
        "unclean.leader.election.enable": "false",
    }  # fmt: skip
    assert second == {**first, "max.message.bytes": str(2 << 20)}


async def test_of_two_brokers_one_may_be_missing_so_nothing_is_made(kafka: FakeKafka) -> None:
    kafka.brokers = [1, 2]
    with pytest.raises(UnavailableError, match="two brokers"):
        await create_topics(settings(), ["a"])
    assert kafka.created == []


async def test_more_copies_in_sync_than_there_are_copies_would_let_nothing_be_written(
    kafka: FakeKafka,
) -> None:
    with pytest.raises(FatalError, match="PARLEY_MIN_INSYNC=2 is more than the 1 copies"):
        await create_topics(settings(in_sync=2), ["a"])
    assert kafka.created == []


async def test_who_is_refused_at_the_door_is_told_before_anything_is_asked(kafka: FakeKafka) -> None:
    kafka.refusal = FatalError("the login is refused")
    for call in (
        create_topics(settings(), ["a"]),
        topic_findings(settings(), ["a"]),
        topic_counts(settings(), ["a"]),
        grow_topics(settings(), ["a"], 6),
        grant(settings(), "bank", [Right("topic", "a", "Write")]),
        group_standing(settings(), "g"),
    ):
        with pytest.raises(FatalError, match="the login is refused"):
            await call
    assert kafka.asked == []


async def test_no_connection_is_left_behind(kafka: FakeKafka) -> None:
    await create_topics(settings(), ["a"])
    assert not kafka.connected
    kafka.failing = [KafkaConnectionError()]
    with pytest.raises(UnavailableError):
        await topic_findings(settings(), ["a"])
    assert not kafka.connected


async def test_nothing_is_made_beside_a_topic_of_another_count(kafka: FakeKafka) -> None:
    kafka.add("a", 5)
    with pytest.raises(FatalError, match="topic a has 5 partitions, PARLEY_PARTITIONS says 4"):
        await create_topics(settings(), ["a", "b"])
    assert kafka.created == []


async def test_a_topic_that_another_process_made_meanwhile_is_looked_at_too(kafka: FakeKafka) -> None:
    kafka.codes["a"] = EXISTS
    kafka.on_create = lambda: kafka.add("a", 4)
    assert await create_topics(settings(), ["a"]) == ["a"]
    del kafka.topics["a"]
    kafka.on_create = lambda: kafka.add("a", 6)
    with pytest.raises(FatalError, match="has 6 partitions"):
        await create_topics(settings(), ["a"])


async def test_new_topics_are_waited_for_until_every_partition_has_a_leader(kafka: FakeKafka) -> None:
    kafka.slow = 4
    assert await create_topics(settings(), ["a", "b"]) == ["a", "b"]
    assert len(kafka.asked) == 5
    assert kafka.slow < 0


@pytest.mark.parametrize(
    ("code", "error", "told"),
    [
        (TOO_MANY_COPIES, FatalError, "cannot have 1 copies on a cluster of 1 brokers"),
        (FORBIDDEN, FatalError, "ask for the ACL Create on topic a"),
        (17, FatalError, "topic a cannot be created: InvalidTopicError"),
        (NotControllerError.errno, UnavailableError, "NotControllerError"),
    ],
)
async def test_why_a_topic_cannot_be_made_is_told(
    kafka: FakeKafka, code: int, error: type[Exception], told: str
) -> None:
    kafka.codes["a"] = code
    with pytest.raises(error, match=told):
        await create_topics(settings(), ["a", "b"])


async def test_topics_that_may_not_be_seen_are_not_taken_for_absent(kafka: FakeKafka) -> None:
    kafka.hidden.add("a")
    with pytest.raises(FatalError, match="ask for the ACL Describe on topic a"):
        await create_topics(settings(), ["a"])
    assert kafka.created == []


async def test_too_few_copies_are_a_warning_where_nothing_is_set_and_refused_where_it_is(
    kafka: FakeKafka, caplog: pytest.LogCaptureFixture
) -> None:
    kafka.brokers = [1, 2, 3]
    kafka.add("a", 4, copies=2)
    with caplog.at_level(logging.WARNING):
        assert await create_topics(settings(), ["a"]) == []
    assert "topic a has 2 copies of a partition, the cluster has 3 brokers" in caplog.text
    with pytest.raises(FatalError, match="2 copies of a partition, PARLEY_REPLICATION says 3"):
        await create_topics(settings(replication=3), ["a"])
    caplog.clear()
    assert await create_topics(settings(replication=2), ["a"]) == []
    kafka.brokers = [1, 2]  # of which one may be missing: nothing is called wrong for it
    assert await create_topics(settings(), ["a"]) == []
    assert caplog.text == ""


# -- what a person is told -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"retention_ms": "604800000"}, ["topic a forgets: set retention.ms=-1 and retention.bytes=-1"]),
        ({"retention_bytes": "1"}, ["topic a forgets: set retention.ms=-1 and retention.bytes=-1"]),
        ({"cleanup_policy": "compact,delete"}, ["topic a is compacted: set cleanup.policy=delete"]),
        ({"max_message_bytes": str((1 << 20) - 1)}, [f"topic a: max.message.bytes is below {1 << 20}"]),
        ({"max_message_bytes": str(1 << 20)}, []),
        (
            {"min_insync_replicas": "1"},
            ["topic a loses records with one broker: set min.insync.replicas=2"],
        ),
        ({"min_insync_replicas": "3"}, []),
        ({"min_insync_replicas": "4"}, ["topic a takes no record: min.insync.replicas=4 with 3 copies"]),
        (
            {"unclean_leader_election_enable": "true"},
            ["topic a may forget what it acknowledged: set unclean.leader.election.enable=false"],
        ),
    ],
)
async def test_each_setting_of_a_topic_that_could_lose_something_is_named(
    kafka: FakeKafka, config: dict[str, str], told: list[str]
) -> None:
    kafka.brokers = [1, 2, 3]
    kafka.add("a", 4, copies=3, **{"min_insync_replicas": "2", **config})
    assert await topic_findings(settings(), ["a"]) == told


async def test_the_partition_with_the_fewest_copies_counts(kafka: FakeKafka) -> None:
    kafka.brokers = [1, 2, 3]
    kafka.add("a", 4, copies=3, min_insync_replicas="2")
    kafka.topics["a"][1]["replicas"] = [0]
    few, none = await topic_findings(settings(), ["a"])
    assert few.startswith("topic a has 1 copy of a partition")
    assert none == "topic a takes no record: min.insync.replicas=2 with 1 copies"


async def test_a_topic_that_is_being_deleted_is_absent(kafka: FakeKafka) -> None:
    kafka.add("a", 0)
    assert await topic_findings(settings(), ["a"]) == ["topic a does not exist"]


async def test_absent_topics_other_counts_and_too_few_copies_are_named(kafka: FakeKafka) -> None:
    kafka.brokers = [1, 2, 3]
    kafka.add("a", 5, copies=1)
    kafka.add("b", 4, copies=3, min_insync_replicas="2")
    missing, other, few = await topic_findings(settings(), ["c", "a", "b"])
    assert missing == "topic c does not exist"
    assert other == "topic a has 5 partitions instead of 4"
    assert few.startswith("topic a has 1 copy of a partition, the cluster has 3 brokers: give it more")
    assert await topic_findings(settings(), ["c"]) == ["topic c does not exist"]


async def test_a_topic_whose_settings_may_not_be_read_is_no_finding_but_a_missing_right(
    kafka: FakeKafka,
) -> None:
    kafka.add("a", 4)
    kafka.codes["a"] = FORBIDDEN
    with pytest.raises(FatalError, match="ask for the ACL DescribeConfigs on topic a"):
        await topic_findings(settings(), ["a"])


# -- asking ------------------------------------------------------------------------------------------------


async def test_a_dead_broker_is_passed_over_and_the_last_one_that_fails_is_told(kafka: FakeKafka) -> None:
    kafka.brokers = [1, 2, 3]
    kafka.add("a", 4)
    kafka.failing = [KafkaConnectionError(), KafkaConnectionError()]
    assert await topic_counts(settings(), ["a"]) == {"a": 4}
    assert sorted(kafka.asked) == [1, 2, 3], "each once"
    kafka.failing = [KafkaConnectionError() for _ in range(3)]
    with pytest.raises(UnavailableError):
        await topic_counts(settings(), ["a"])
    kafka.brokers = []
    with pytest.raises(UnavailableError):
        await topic_counts(settings(), ["a"])


async def test_what_a_broker_refuses_is_not_asked_of_another(kafka: FakeKafka) -> None:
    kafka.brokers = [1, 2, 3]
    kafka.failing = [TopicAuthorizationFailedError(["a"])]
    with pytest.raises(FatalError, match="ask for the ACL Describe on topic a"):
        await topic_counts(settings(), ["a"])
    assert len(kafka.asked) == 1


async def test_only_what_may_come_right_is_repeated() -> None:
    answers: list[Any] = [GroupCoordinatorNotAvailableError(), GroupCoordinatorNotAvailableError(), 7]

    async def call() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert await insist(call) == 7
    answers = [InvalidReplicationFactorError()]
    with pytest.raises(InvalidReplicationFactorError):
        await insist(call)


# -- growing ---------------------------------------------------------------------------------------------


async def test_topics_grow_to_the_count_once_and_are_waited_for(kafka: FakeKafka) -> None:
    for name, partitions in (("x.a", 4), ("x.b", 6)):
        kafka.add(name, partitions)
    kafka.slow = 3
    assert await grow_topics(settings(prefix="x."), ["a", "b", "a", "none"], 6) == ["a"]
    assert kafka.slow < 0, "every partition has a leader"
    assert await topic_counts(settings(prefix="x."), ["a", "b", "none"]) == {"a": 6, "b": 6}
    assert await grow_topics(settings(prefix="x."), ["a", "b"], 6) == []


async def test_asking_whether_topics_would_grow_changes_nothing(kafka: FakeKafka) -> None:
    kafka.add("a", 4)
    assert await grow_topics(settings(), ["a"], 6, only_ask=True) == ["a"]
    assert await topic_counts(settings(), ["a"]) == {"a": 4}
    kafka.failing = []
    kafka.add("b", 8)
    with pytest.raises(FatalError, match="more than 6 partitions"):
        await grow_topics(settings(), ["a", "b"], 6)


async def test_who_may_not_let_topics_grow_is_told_which(kafka: FakeKafka) -> None:
    kafka.add("a", 4)
    kafka.add("b", 4)

    async def refuse(_more: Any, validate_only: bool) -> None:
        raise TopicAuthorizationFailedError("Topic authorization failed.")

    kafka.create_partitions = refuse  # type: ignore[method-assign]
    with pytest.raises(FatalError, match="ask for the ACL Alter on topic a, b"):
        await grow_topics(settings(), ["a", "b"], 6)


# -- rights ----------------------------------------------------------------------------------------------


async def test_each_right_is_given_once_by_its_name_with_the_prefix(kafka: FakeKafka) -> None:
    wanted = [Right("topic", "a", "Write"), Right("group", "g", "Read"), Right("topic", "a", "Write")]
    await grant(settings(prefix="x."), "bank", wanted)
    assert [row[:7] for row in kafka.granted] == [
        (2, "x.a", 3, "User:bank", "*", 4, 3),
        (3, "x.g", 3, "User:bank", "*", 3, 3),
    ]


@pytest.mark.parametrize(("code", "error"), [(NotControllerError.errno, UnavailableError), (54, FatalError)])
async def test_a_right_that_is_not_given_is_told(kafka: FakeKafka, code: int, error: type[Exception]) -> None:
    kafka.grant_code = code
    with pytest.raises(error, match="'bank' cannot be given rights"):
        await grant(settings(), "bank", [Right("topic", "a", "Write")])


# -- groups ----------------------------------------------------------------------------------------------


async def test_a_group_stands_as_its_coordinator_says_once_there_is_one(kafka: FakeKafka) -> None:
    kafka.group = [(15, "", 0), (0, "PreparingRebalance", 2)]
    found = await group_standing(settings(), "g")
    assert (found, found.steady) == (Group("PreparingRebalance", 2), False)
    assert [Group(state, 1).steady for state in ("Stable", "Empty", "Dead", "CompletingRebalance")] == [
        True, True, True, False,
    ]  # fmt: skip
    assert await groups_with_members(settings(), ["g", "h"]) == {"g": 2, "h": 2}
    kafka.group = [(0, "Empty", 0)]
    assert await groups_with_members(settings(), ["g"]) == {}


async def test_a_group_that_may_not_be_seen_is_a_missing_right(kafka: FakeKafka) -> None:
    kafka.group = [(30, "", 0)]
    with pytest.raises(FatalError, match="ask for the ACL Describe on group"):
        await group_standing(settings(), "g")
