"""What lies between the engine and the client: which records it is given, and which are fetched again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition as Theirs
from aiokafka.errors import IllegalStateError, KafkaConnectionError, OffsetOutOfRangeError

from shared.runtime.kafka import consumer as module
from shared.runtime.kafka.consumer import KafkaConsumer
from shared.runtime.ports import (
    BrokenError,
    FatalError,
    NotOwnerError,
    OffsetLostError,
    TopicPartition,
    UnavailableError,
)
from shared.runtime.settings import Settings

A0, A1, B0 = TopicPartition("a", 0), TopicPartition("a", 1), TopicPartition("b", 0)
ALL = [Theirs("x.a", 0), Theirs("x.a", 1)]


class Client:
    """Notes what it is told. `gone` partitions are no longer its own."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.gone: set[Theirs] = set()
        self.after: dict[Theirs, int] = {}
        self.at: dict[Theirs, int] = {}
        self.first: dict[Theirs, int] = {}
        self.idle = 0.0
        self._subscription = SimpleNamespace(fetcher_idle_time=0.0)
        self._client = SimpleNamespace(_sync_task=None, _conns={})
        self._fetcher = self._coordinator = None

    def _check(self, *parts: Theirs) -> None:
        if self.gone & set(parts):
            raise IllegalStateError("not assigned")

    def pause(self, *parts: Theirs) -> None:
        self._check(*parts)
        self.told.append(("pause", *sorted(parts)))

    def resume(self, *parts: Theirs) -> None:
        self._check(*parts)
        self.told.append(("resume", *sorted(parts)))

    def seek(self, part: Theirs, offset: int) -> None:
        self._check(part)
        self.told.append(("seek", part, offset))

    async def commit(self, offsets: dict[Theirs, int]) -> None:
        self.told.append(("commit", offsets))

    async def committed(self, part: Theirs) -> int | None:
        return self.at.get(part)

    async def beginning_offsets(self, parts: list[Theirs]) -> dict[Theirs, int]:
        return {part: self.first.get(part, 0) for part in parts}

    async def end_offsets(self, parts: list[Theirs]) -> dict[Theirs, int]:
        return {part: self.after[part] for part in parts}

    async def position(self, part: Theirs) -> int:
        return self.at[part]

    def highwater(self, part: Theirs) -> int | None:
        self._check(part)
        return self.after.get(part)

    def said(self) -> list[tuple[Any, ...]]:
        told, self.told = self.told, []
        return told


class Engine:
    """The listener."""

    def __init__(self) -> None:
        self.assigned: list[frozenset[TopicPartition]] = []
        self.revoked: list[frozenset[TopicPartition]] = []
        self.fails = False

    def on_assigned(self, partitions: Collection[TopicPartition]) -> None:
        self.assigned.append(frozenset(partitions))

    async def on_revoked(self, partitions: Collection[TopicPartition]) -> None:
        self.revoked.append(frozenset(partitions))
        if self.fails:
            raise RuntimeError("a bug")


def made(**given: Any) -> tuple[Any, Client, Engine]:
    """A consumer that has just been assigned two partitions."""
    consumer: Any = KafkaConsumer(Settings.load(prefix="x.", **given), "g", "c")
    client, engine = Client(), Engine()
    consumer._subscriber, consumer._listener = SimpleNamespace(consumer=client), engine
    consumer.assigned(ALL)
    return consumer, client, engine


def record(part: Theirs, offset: int) -> Any:
    return SimpleNamespace(
        topic=part.topic,
        partition=part.partition,
        offset=offset,
        key=b"k",
        value=b"v",
        headers=(),
        timestamp=1,
    )


async def fetched(consumer: Any, *records: Any) -> asyncio.Task[None]:
    """FastStream's loop has fetched these, and hands them over."""
    task = asyncio.ensure_future(consumer._take(list(records)))
    await asyncio.sleep(0)
    return task


async def polled(consumer: Any, most: int = 100) -> list[tuple[TopicPartition, int]]:
    return [(one.at, one.offset) for one in await consumer.poll(most, 0.01)]


async def begun(**given: Any) -> tuple[Any, Client, Engine]:
    """The same, sought to 5 and resumed, with the first fetch, which was under way, done with."""
    consumer, client, engine = made(**given)
    for at in (A0, A1):
        consumer.seek(at, 5)
    consumer.resume([A0, A1])
    await fetched(consumer)
    client.said()
    return consumer, client, engine


async def test_what_is_assigned_is_paused_at_0_until_the_engine_seeks_and_resumes() -> None:
    consumer, client, engine = made()
    assert client.said() == [("pause", *ALL), ("seek", ALL[0], 0), ("seek", ALL[1], 0)]
    assert engine.assigned == [frozenset({A0, A1})]
    assert (consumer.generation, consumer.assignment()) == (1, frozenset({A0, A1}))
    consumer.resume([A0, B0])
    consumer.resume([A0])
    assert client.said() == [("resume", ALL[0])], "what is not paused is not resumed again"
    consumer.seek(A0, 7)
    assert client.said() == [("seek", ALL[0], 7)]
    await fetched(consumer, record(ALL[0], 0), record(ALL[1], 0))  # of the fetch that was under way
    assert await polled(consumer) == []
    assert sorted(client.said()) == [("seek", ALL[0], 7), ("seek", ALL[1], 0)], (
        "fetched again from where it is wanted"
    )
    await fetched(consumer, record(ALL[0], 7), record(ALL[1], 0))
    assert await polled(consumer) == [(A0, 7)]
    assert client.said() == [("seek", ALL[1], 0)], "it is paused still"


async def test_a_batch_is_kept_until_it_has_been_polled_and_more_is_asked_for() -> None:
    consumer, _, _ = await begun()
    waiting = asyncio.ensure_future(consumer.poll(2, 60))
    await asyncio.sleep(0)
    await fetched(consumer, record(ALL[1], 4))
    async with asyncio.timeout(10):
        assert [one.offset for one in await waiting] == [4], "what arrives wakes who waits for it"
    assert await polled(consumer) == []
    task = await fetched(consumer, record(ALL[0], 5), record(ALL[1], 5), record(ALL[0], 6))
    assert await polled(consumer, 2) == [(A0, 5), (A1, 5)]
    assert await polled(consumer, 2) == [(A0, 6)]
    await asyncio.sleep(0)
    assert not task.done()
    assert await polled(consumer) == []
    await asyncio.sleep(0)
    assert task.done()


async def test_what_is_paused_loses_what_was_fetched_and_begins_with_its_first_record_again() -> None:
    consumer, client, _ = await begun()
    await fetched(consumer, record(ALL[0], 5), record(ALL[1], 5), record(ALL[0], 6), record(ALL[1], 6))
    consumer.pause([A0])
    assert client.said() == [("pause", ALL[0]), ("seek", ALL[0], 5)]
    consumer.pause([A0])
    assert client.said() == []
    assert await polled(consumer) == [(A1, 5), (A1, 6)]
    consumer.resume([A0])
    assert await polled(consumer) == []
    await fetched(consumer, record(ALL[0], 5))
    assert await polled(consumer) == [(A0, 5)], "no fetch was under way: it is of afterwards"


async def test_records_of_a_fetch_that_was_under_way_when_a_partition_was_sought_are_dropped() -> None:
    consumer, client, _ = await begun()
    consumer.seek(A0, 3)
    client.said()
    await fetched(consumer, record(ALL[0], 5), record(ALL[1], 5), record(Theirs("x.b", 0), 9))
    assert await polled(consumer) == [(A1, 5)]
    assert client.said() == [("seek", ALL[0], 3)]
    await polled(consumer)
    await fetched(consumer, record(ALL[0], 3))
    assert await polled(consumer) == [(A0, 3)]


async def test_seeking_drops_only_what_was_fetched_of_that_partition() -> None:
    consumer, client, _ = await begun()
    await fetched(consumer, record(ALL[0], 5), record(ALL[1], 5))
    consumer.seek(A0, 2)
    assert client.said() == [("seek", ALL[0], 2)]
    assert await polled(consumer) == [(A1, 5)]
    with pytest.raises(NotOwnerError, match=r"b\[0\] is not assigned"):
        consumer.seek(B0, 0)
    client.gone = {ALL[0]}
    with pytest.raises(NotOwnerError, match=r"a\[0\] is not assigned"):
        consumer.seek(A0, 2)


async def test_a_failed_fetch_is_told_once_and_everything_is_fetched_again() -> None:
    consumer, client, _ = await begun()
    await fetched(consumer, record(ALL[0], 5))
    assert await polled(consumer) == [(A0, 5)]
    await polled(consumer)
    consumer.failed(KafkaConnectionError("x"))
    assert sorted(client.said()) == [("seek", ALL[0], 6), ("seek", ALL[1], 5)]
    with pytest.raises(UnavailableError, match="cannot fetch records"):
        await polled(consumer)
    assert await polled(consumer) == []


async def test_an_offset_that_is_not_in_the_log_is_named() -> None:
    consumer, client, _ = await begun()
    client.gone = {ALL[1]}  # the client has lost it meanwhile: that is no other error
    consumer.failed(OffsetOutOfRangeError({ALL[1]: 9}))
    with pytest.raises(OffsetLostError) as lost:
        await polled(consumer)
    assert "a[1]: offset 9" in str(lost.value)


async def test_a_failure_wakes_a_poll_that_waits() -> None:
    consumer, _, _ = await begun()
    waiting = asyncio.ensure_future(consumer.poll(10, 60))
    await asyncio.sleep(0)
    consumer.failed(KafkaConnectionError("x"))
    async with asyncio.timeout(10):
        with pytest.raises(UnavailableError):
            await waiting


async def test_partitions_are_given_up_after_the_engine_has_drained_whatever_it_raises(
    caplog: pytest.LogCaptureFixture,
) -> None:
    consumer, _, engine = await begun()
    await fetched(consumer, record(ALL[0], 5))
    engine.fails = True
    await consumer.revoked()
    assert engine.revoked == [frozenset({A0, A1})]
    assert "giving partitions up failed" in caplog.text
    assert consumer.assignment() == frozenset()
    assert await polled(consumer) == [], "what was fetched is another's"
    await consumer.revoked()
    assert len(engine.revoked) == 1, "there is nothing to give up"
    consumer.assigned(ALL[:1])
    assert (consumer.generation, consumer.assignment()) == (2, frozenset({A0}))


async def test_what_was_fetched_before_another_assignment_is_not_of_it() -> None:
    consumer, _, _ = await begun()
    await fetched(consumer, record(ALL[0], 5))
    consumer.assigned(ALL)  # without a revocation before it
    assert consumer.generation == 2
    assert await polled(consumer) == []


async def test_commits_are_cut_down_to_what_is_assigned() -> None:
    consumer, client, _ = await begun()
    await consumer.commit({A0: 6, B0: 3})
    assert client.said() == [("commit", {ALL[0]: 6})]
    await consumer.commit({B0: 3})
    await consumer.commit({})
    assert client.said() == []
    await consumer.revoked()
    await consumer.commit({})
    with pytest.raises(NotOwnerError, match="nothing is assigned"):
        await consumer.commit({A0: 6})


async def test_what_the_group_has_committed_and_the_bounds_are_named_without_the_prefix() -> None:
    consumer, client, _ = await begun()
    client.at, client.first, client.after = {ALL[0]: 4}, {ALL[0]: 2}, {ALL[0]: 9, ALL[1]: 7}
    assert await consumer.committed([A0, A1]) == {A0: 4}
    assert await consumer.bounds([A0, A1]) == {A0: (2, 9), A1: (0, 7)}
    assert await consumer.bounds([]) == {}
    assert (consumer.high_water(A1), consumer.high_water(B0)) == (7, None)
    client.gone = {ALL[1]}
    assert consumer.high_water(A1) is None


async def test_the_markers_of_transactions_at_the_end_are_no_records_that_wait() -> None:
    consumer, client, _ = await begun()
    client.after, client.at = {ALL[0]: 8, ALL[1]: 8}, {ALL[0]: 8, ALL[1]: 6}
    assert await consumer.ends([A0, A1, B0]) == {A0: 5, A1: 8}
    client._subscription.fetcher_idle_time = 5.0  # nothing is being fetched: its position says nothing
    assert await consumer.ends([A0, A1]) == {A0: 8, A1: 8}
    client._subscription.fetcher_idle_time = 0.0
    await fetched(consumer, record(ALL[0], 5))
    assert await consumer.ends([A0]) == {A0: 8}, "records are in hand"
    assert await consumer.ends([B0]) == {}
    client.end_offsets = _not_ours  # type: ignore[method-assign]
    assert await consumer.ends([A0]) == {}


async def _not_ours(_: Any) -> dict[Theirs, int]:
    raise IllegalStateError("given up")


@pytest.mark.parametrize(
    ("protocol", "quiet", "answer", "asked"),
    [
        ("SASL_SSL", 31.0, None, 1),
        ("SASL_SSL", 29.0, None, 0),
        ("PLAINTEXT", 31.0, None, 0),
        ("SASL_SSL", 31.0, UnavailableError("away"), 1),
        ("SASL_SSL", 31.0, FatalError("refused"), 1),
    ],
)
async def test_who_hears_nothing_on_a_secured_cluster_asks_whether_it_is_still_welcome(
    monkeypatch: pytest.MonkeyPatch, protocol: str, quiet: float, answer: Exception | None, asked: int
) -> None:
    calls = []

    async def probe(*_: Any, **__: Any) -> None:
        calls.append(1)
        if answer is not None:
            raise answer

    monkeypatch.setattr(module, "probe", probe)
    login = {"kafka_username": "u", "kafka_password": "p"} if protocol != "PLAINTEXT" else {}
    consumer, _, _ = await begun(kafka_security_protocol=protocol, **login)
    consumer._heard = time.monotonic() - 3600
    await fetched(consumer, record(ALL[0], 5))
    assert await polled(consumer) == [(A0, 5)], "who hears something need not ask"
    assert await polled(consumer) == []
    assert calls == []
    consumer._heard = time.monotonic() - quiet
    if isinstance(answer, FatalError):
        with pytest.raises(FatalError):
            await polled(consumer)
    else:
        assert await polled(consumer) == []
    assert await polled(consumer) == [], "and not again right away"
    assert len(calls) == asked


class Broker:
    """FastStream's, which starts a client or fails to."""

    def __init__(self, fails: Exception | None) -> None:
        self.fails = fails
        self.running = False
        self.stopped = 0

    async def start(self) -> None:
        if self.fails is not None:
            raise self.fails
        self.running = True

    async def stop(self) -> None:
        self.running = False
        self.stopped += 1


async def test_a_consumer_joins_leaves_once_and_can_be_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    brokers: list[Broker] = []
    down: list[Client] = []
    failures: list[Exception | None] = [KafkaConnectionError("x"), None, None]
    taking: list[Any] = []

    class Subscriber:
        def __init__(self) -> None:
            self.consumer = Client()

        def __call__(self, handler: Any) -> None:
            taking.append(handler)

    def feed(_settings: Any, group: str, client: str, names: list[str], _owner: Any) -> tuple[Broker, Any]:
        assert (group, client, names) == ("x.g", "c", ["x.a", "x.b"])
        brokers.append(Broker(failures.pop(0)))
        return brokers[-1], Subscriber()

    async def put_down(client: Client) -> None:
        down.append(client)

    async def probe(_: Settings) -> None:
        """It can be reached."""

    for name, fake in (("feed", feed), ("put_down", put_down), ("probe", probe)):
        monkeypatch.setattr(module, name, fake)
    consumer: Any = KafkaConsumer(Settings.load(prefix="x."), "g", "c")
    engine = Engine()
    with pytest.raises(UnavailableError, match=r"cannot join the group x\.g"):
        await consumer.start(["a", "b"], engine)
    assert (brokers[0].stopped, len(down)) == (1, 1), "nothing is left of it"
    await consumer.start(["a", "b"], engine)
    assert brokers[1].running
    assert taking == [consumer._take] * 2
    consumer.assigned(ALL)
    assert engine.assigned == [frozenset({A0, A1})]
    consumer.failed(KafkaConnectionError("of before"))
    for _ in range(2):
        await consumer.stop()
    assert engine.revoked == [frozenset({A0, A1})]
    assert (brokers[1].running, brokers[1].stopped, len(down)) == (False, 1, 2)
    await consumer.start(["a", "b"], engine)
    consumer.assigned(ALL)
    assert await polled(consumer) == [], "what the client before failed at is forgotten"
    broken = asyncio.get_running_loop().create_future()
    broken.set_result(None)
    consumer._client._client._sync_task = broken
    with pytest.raises(BrokenError, match="has lost its metadata task"):
        await polled(consumer)
    await consumer.stop()
    assert len(down) == 4, "a client that would wait for itself is put down before it is stopped, too"


async def test_a_consumer_that_is_not_running_owns_nothing() -> None:
    consumer: Any = KafkaConsumer(Settings.load(), "g", "c")
    with pytest.raises(NotOwnerError, match="not running"):
        await consumer.committed([A0])
    assert consumer.high_water(A0) is None
    await consumer.stop()
    await consumer.stop()
    assert await consumer.poll(10, 60) == [], "who was stopped does not wait"
