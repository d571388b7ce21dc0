"""Publishing: all acknowledged or an outage, one session until its first failure, and what a topic takes."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import pytest
from aiokafka.errors import KafkaConnectionError

from shared.contracts.partition import partition_of
from shared.runtime.kafka import publisher as module
from shared.runtime.kafka.publisher import KafkaPublisher, _as_text, _partition
from shared.runtime.ports import Outgoing, UnavailableError, UnencodableError
from shared.runtime.settings import Settings

RECORD = Outgoing("a", b"k", b"v", (("content-type", b"application/json"),))


class Session:
    """Acknowledges, fails or says nothing."""

    made: ClassVar[list[Session]] = []
    opens_with: Exception | None = None

    def __init__(self, _settings: Settings) -> None:
        self.broken: BaseException | None = None
        self.sent: list[Outgoing] = []
        self.answer: Exception | str = "taken"
        self.closed = False
        self.made.append(self)

    async def open(self) -> None:
        if self.opens_with is not None:
            raise self.opens_with

    async def send(self, record: Outgoing) -> asyncio.Future[Any]:
        self.sent.append(record)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if isinstance(self.answer, Exception):
            future.set_exception(self.answer)
        elif self.answer == "taken":
            future.set_result(None)
        return future

    async def partitions(self, _topic: str) -> set[int]:
        return {0, 1, 2}

    def give_up(self, error: BaseException) -> None:
        self.broken = error

    async def close(self) -> None:
        self.closed = True


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> list[Session]:
    async def probe(_: Settings) -> None:
        """It can be reached."""

    monkeypatch.setattr(Session, "made", [])
    monkeypatch.setattr(Session, "opens_with", None)
    monkeypatch.setattr(module, "_Session", Session)
    monkeypatch.setattr(module, "probe", probe)
    return Session.made


def publisher(**changes: Any) -> KafkaPublisher:
    return KafkaPublisher(Settings.load().model_copy(update={"ack_seconds": 0.1, **changes}))


async def test_one_session_is_used_until_it_is_broken(sessions: list[Session]) -> None:
    one = publisher()
    await one.publish([])
    assert sessions == []
    await asyncio.gather(one.publish([RECORD, RECORD]), one.publish([RECORD]))
    assert [len(session.sent) for session in sessions] == [3]
    assert await one.partitions("a") == 3
    sessions[0].broken = KafkaConnectionError("by itself")
    await one.publish([RECORD])
    assert [len(session.sent) for session in sessions] == [3, 1]


@pytest.mark.parametrize("answer", [KafkaConnectionError("x"), OSError("x"), "nothing"])
async def test_what_is_not_acknowledged_is_an_outage_and_gives_the_session_up(
    sessions: list[Session], answer: Exception | str
) -> None:
    one = publisher()
    await one.publish([RECORD])
    sessions[0].answer = answer
    with pytest.raises(UnavailableError, match="cannot publish"):
        await one.publish([RECORD])
    assert sessions[0].broken is not None
    await one.publish([RECORD])
    assert len(sessions) == 2


async def test_a_session_that_does_not_open_is_an_outage_and_is_not_used(sessions: list[Session]) -> None:
    one = publisher()
    Session.opens_with = KafkaConnectionError("x")
    for _ in range(2):
        with pytest.raises(UnavailableError, match="cannot open a producer"):
            await one.publish([RECORD])
    assert len(sessions) == 2
    await one.close()
    assert not any(session.closed for session in sessions), "there is none to close"


async def test_a_publisher_that_was_closed_sends_nothing(sessions: list[Session]) -> None:
    one = publisher()
    await one.publish([RECORD])
    await one.close()
    assert sessions[0].closed
    with pytest.raises(UnavailableError, match="the publisher is closed"):
        await one.publish([RECORD])
    assert len(sessions[0].sent) == 1


def test_dead_letters_may_be_twice_as_large_and_not_a_byte_larger() -> None:
    one = publisher(message_bytes=1000)

    def fits(topic: str, size: int) -> bool:
        try:
            one.measure(Outgoing(topic, b"", b"x" * size, ()))
        except UnencodableError:
            return False
        return True

    largest = {
        topic: max(n for n in range(2100) if fits(topic, n)) for topic in ("a.events", "a.dead-letter")
    }
    assert largest["a.dead-letter"] - largest["a.events"] in {999, 1000}
    assert 900 < largest["a.events"] < 1000, "what Kafka adds is counted"
    assert not fits("a.events", largest["a.events"] + 1)


def test_headers_go_as_text_only_where_that_changes_nothing() -> None:
    kind = ("content-type", b"application/json")
    assert _as_text((kind, ("ce_id", b"1"))) == {"content-type": "application/json", "ce_id": "1"}
    for odd in (
        (("ce_id", b"1"),),
        (kind, ("x", None)),
        (kind, ("x", b"1"), ("x", b"2")),
        (kind, ("x", b"\xff")),
    ):
        assert _as_text(odd) is None


def test_keys_go_where_java_puts_them_and_what_has_none_where_somebody_takes_it() -> None:
    everything = [0, 1, 2, 3, 4]
    assert [_partition(b"C-%d" % n, everything, [0]) for n in range(20)] == [
        partition_of(b"C-%d" % n, 5) for n in range(20)
    ]
    assert _partition(None, everything, [3, 4]) == 3
    assert _partition(None, everything, []) == 0
