"""Handing messages over: what is known of a channel that is away, and that memory is bounded."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from shared.runtime.outbound import Deliverer, Failure, Sent, Tries, UndeliverableError
from shared.runtime.ports import UnavailableError
from tests.runtime.outbound.support import Leave, StillClock, outgoing


class Channel:
    """Answers as it is told, one answer after the other; then it takes everything."""

    name = "test"

    def __init__(self, *answers: Exception | asyncio.Event) -> None:
        self.answers = list(answers)
        self.taken: list[str] = []

    async def send(self, message: Any) -> None:
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        if answer is not None:
            await answer.wait()
        self.taken.append(message.message_id)


def deliverer(channel: Channel, **tries: Any) -> Deliverer:
    return Deliverer(channel, StillClock(), Tries(**tries))  # type: ignore[arg-type]


async def test_a_channel_is_away_until_it_takes_a_message_again() -> None:
    one = deliverer(Channel(UnavailableError("503")))
    seen = []

    async def leave() -> None:
        seen.append(one.away)

    assert one.away is None
    assert await one.deliver(outgoing(), leave) == Sent("M-1", 2)
    assert seen[0] is None
    assert seen[1] is not None
    assert seen[1][0] == "503"
    assert one.away is None


async def test_a_channel_that_refuses_a_message_is_not_away() -> None:
    one = deliverer(Channel(UnavailableError("503"), UndeliverableError("http_400")))
    assert isinstance(await one.deliver(outgoing(), Leave()), Failure)
    assert one.away is None


async def test_the_ids_of_sent_messages_are_kept_up_to_a_bound_the_oldest_leave() -> None:
    channel = Channel()
    one = deliverer(channel, remembered=2)
    for name in ("M-1", "M-2", "M-3"):
        assert await one.deliver(outgoing(message_id=name), Leave()) == Sent(name, 1)
    assert await one.deliver(outgoing(message_id="M-2"), Leave()) == Sent("M-2", 0)
    assert await one.deliver(outgoing(message_id="M-3"), Leave()) == Sent("M-3", 0)
    assert await one.deliver(outgoing(message_id="M-1"), Leave()) == Sent("M-1", 1), "its id was forgotten"


async def test_whoever_asks_for_the_same_message_meanwhile_waits_for_its_outcome() -> None:
    gate = asyncio.Event()
    channel = Channel(gate)
    one = deliverer(channel)
    first = asyncio.ensure_future(one.deliver(outgoing(), Leave()))
    second = asyncio.ensure_future(one.deliver(outgoing(), Leave()))
    await asyncio.sleep(0.01)
    assert not first.done()
    assert not second.done()
    gate.set()
    assert (await first, await second) == (Sent("M-1", 1), Sent("M-1", 0))
    assert channel.taken == ["M-1"]


async def test_no_more_are_handed_over_at_once_than_the_channel_is_to_bear() -> None:
    gate = asyncio.Event()
    channel = Channel(gate)
    one = deliverer(channel, at_once=1)
    tasks = [asyncio.ensure_future(one.deliver(outgoing(message_id=f"M-{n}"), Leave())) for n in range(2)]
    await asyncio.sleep(0.01)
    assert channel.taken == []
    gate.set()
    await asyncio.gather(*tasks)
    assert channel.taken == ["M-0", "M-1"]


@pytest.mark.parametrize("tries", [{"at_once": 0}, {"remembered": 0}])
def test_what_would_never_send_is_refused(tries: dict[str, int]) -> None:
    assert Tries(at_once=1, remembered=1)
    with pytest.raises(ValueError, match="at least 1"):
        Tries(**tries)  # type: ignore[arg-type]
