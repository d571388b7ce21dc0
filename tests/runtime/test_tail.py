"""A tail whose client has lost a part of itself goes on with another one, and leaves none behind."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka import TopicPartition as ClientPartition
from aiokafka.errors import IllegalStateError, KafkaError, NotLeaderForPartitionError

from shared.runtime.kafka import reader
from shared.runtime.ports import UnavailableError
from shared.runtime.settings import Settings

AT = (ClientPartition("t", 0), ClientPartition("t", 1))


class Client:
    """As much of the client as a tail asks for; `trouble` comes when its position is asked for."""

    def __init__(self, *, whole: bool = True) -> None:
        self.whole = whole
        self.trouble: BaseException | None = None
        self.assigned: tuple[ClientPartition, ...] = () if whole else AT
        self.positions: dict[ClientPartition, int] = {} if whole else {AT[0]: 7, AT[1]: 9}
        self.stopped: set[ClientPartition] = set() if whole else {AT[1]}

    def assign(self, parts: Any) -> None:
        self.assigned = tuple(parts)

    def assignment(self) -> set[ClientPartition]:
        return set(self.assigned)

    def pause(self, *parts: ClientPartition) -> None:
        self.stopped |= set(parts)

    def resume(self, *parts: ClientPartition) -> None:
        self.stopped -= set(parts)

    def paused(self) -> set[ClientPartition]:
        return self.stopped

    def seek(self, at: ClientPartition, offset: int) -> None:
        self.positions[at] = offset

    async def position(self, at: ClientPartition) -> int:
        if self.trouble is not None:
            raise self.trouble
        return self.positions[at]

    async def getmany(self, **_: Any) -> dict[ClientPartition, list[Any]]:
        return {}


class Readers:
    """Stands in for the readers that a tail opens, and knows which are open."""

    def __init__(self) -> None:
        self.open: list[Client] = []

    def __call__(self, _settings: Settings) -> Any:
        readers, client = self, Client()

        class Reader:
            async def __aenter__(self) -> Client:
                readers.open.append(client)
                return client

            async def __aexit__(self, *_: object) -> None:
                if client in readers.open:
                    readers.open.remove(client)

        return Reader()


@pytest.fixture
def readers(monkeypatch: pytest.MonkeyPatch) -> Readers:
    readers = Readers()
    monkeypatch.setattr(reader, "_Reader", readers)
    monkeypatch.setattr(reader, "ended", lambda client: None if client.whole else "a task")

    async def diagnose(_settings: Settings, error: BaseException, *_: str) -> BaseException:
        return UnavailableError(type(error).__name__)

    monkeypatch.setattr(reader, "diagnose", diagnose)
    return readers


def broken_tail(readers: Readers) -> tuple[reader.Tail, Client]:
    tail, client = reader.Tail(Settings(), ["t"]), Client(whole=False)
    readers.open.append(client)
    tail._client = client

    class Old:
        async def __aexit__(self, *_: object) -> None:
            readers.open.remove(client)

    tail._reader = Old()  # type: ignore[assignment]
    return tail, client


async def test_it_goes_on_from_where_it_was(readers: Readers) -> None:
    tail, old = broken_tail(readers)
    assert await tail.poll() == []
    (new,) = readers.open
    assert new is not old
    assert (new.positions, new.paused()) == ({AT[0]: 7, AT[1]: 9}, {AT[1]})
    await tail.poll()
    assert readers.open == [new], "what is whole is left alone"


@pytest.mark.parametrize(
    ("trouble", "raised"),
    [
        (NotLeaderForPartitionError(), UnavailableError),
        (OSError(), UnavailableError),
        (IllegalStateError("gone"), (KafkaError, UnavailableError)),
        (RuntimeError(), RuntimeError),
        (asyncio.CancelledError(), asyncio.CancelledError),
    ],
    ids=lambda one: type(one).__name__,
)
async def test_what_fails_on_the_way_leaves_no_client_behind_and_is_tried_again(
    readers: Readers, trouble: BaseException, raised: Any
) -> None:
    tail, old = broken_tail(readers)
    old.trouble = trouble
    with pytest.raises(raised):
        await tail.poll()
    assert readers.open == [old], "the new one was put down, the old one is there to be healed"
    old.trouble = None
    await tail.poll()
    (new,) = readers.open
    assert new.positions == {AT[0]: 7, AT[1]: 9}
