"""An operator's commands on a platform in memory: obeyed, refused with the reason, or not answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import pytest

from shared.contracts.cloudevents import encode
from shared.contracts.envelope import Envelope
from shared.contracts.ops import Discard, Replay
from shared.runtime import operate
from shared.runtime.operate import Command, Operator, SilentError
from shared.runtime.ports import FatalError, Outgoing
from shared.runtime.settings import Settings
from shared.runtime.simulation.loop import run_virtual
from shared.runtime.simulation.toy import Bad, Opened
from tests.runtime.in_memory import House
from tests.runtime.rig import ANN, ANNS, D1


class Desk(House):
    """A house with an operator."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(monkeypatch, partitions=2)
        monkeypatch.setattr(operate, "end_offsets", self._end_offsets)
        monkeypatch.setattr(operate, "scan", self._scan)
        monkeypatch.setattr(operate, "group_members", self._running)
        self.operator = Operator(self.settings, self.store, self)  # type: ignore[arg-type]

    async def send(self, *envelopes: Envelope[Any]) -> None:
        for envelope in envelopes:
            key, value, headers = encode(envelope)
            self.log.append(Outgoing("ops.commands", key, value, tuple(headers)))

    async def _running(self, settings: Settings, group: str) -> int:
        return (await self._members(settings, [group])).get(group, 0)

    async def parked(self, *keys: str) -> None:
        for key in keys:
            self.tell("front", Opened(on=D1), 1, key=key)
        await self.settle()
        for key in keys:
            self.say(Bad(at="middle", kind="heal"), key=key)
        await self.settle()


def replay(key: str = ANN, service: str = "middle", document: str = ANNS) -> Command:
    return Command(key, Replay(service=service, document=document, by="ann"))


def told(monkeypatch: pytest.MonkeyPatch, tell: Callable[[Desk], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with asyncio.timeout(1800):  # of virtual time: who waits for ever has failed
            await tell(Desk(monkeypatch))

    run_virtual(whole())


def test_each_command_is_waited_for_and_its_refusal_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(desk: Desk) -> None:
        desk.start_all()
        await desk.parked(ANN)
        old = replay(document="of-before")
        assert await desk.operator.give([old], patience=60) == ["document: there is none of this id"]
        desk.world.healed = True
        heard: list[int] = []
        discard = Discard(service="middle", document=ANNS, topic="desk.events", partition=0, offset=99,
                          reason="of no use", by="ann")  # fmt: skip
        commands = [Command(ANN, discard), replay(), replay(ANN, "back", "no-such-case")]
        answers = await desk.operator.give(commands, patience=60, on_progress=heard.append)
        assert answers == [
            "offset: no such message is parked for this document", None, "document: there is none of this id",
        ]  # fmt: skip
        assert (min(heard), heard[-1]) == (0, 3)
        assert heard == sorted(heard)
        assert desk.document("middle")["park"] is None
        await desk.stop()

    told(monkeypatch, story)


def test_who_does_not_obey_is_named_after_silence_and_a_long_queue_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story(desk: Desk) -> None:
        desk.start("middle")
        await desk.settle()
        assert await desk.operator.absent(["middle", "back"]) == ["back"]
        loop = asyncio.get_running_loop()
        began = loop.time()
        with pytest.raises(SilentError, match="no answer from back") as silent:
            await desk.operator.give([replay(), replay(service="back")], patience=60)
        assert silent.value.services == ("back",)
        assert 60 < loop.time() - began < 120
        assert len(desk.log.topic("ops.commands")) == 2, "it stands, and will be obeyed"
        await desk.stop()

        # Each position that moves begins the waiting anew.
        positions, reached = desk.store.positions, 0

        async def slow(service: str) -> Any:
            nonlocal reached
            reached += 1 if loop.time() - began > reached * 40 else 0
            inputs = [{"topic": "ops.commands", "next": reached}, {"topic": "z.events", "next": 1_000}]
            rows = [{"_id": n, "inputs": inputs} for n in range(2)]
            return [*rows, *await positions(service)][:2]

        desk.store.positions = slow  # type: ignore[method-assign]
        began = loop.time()
        await desk.operator.give([replay()], patience=60)
        assert loop.time() - began > 60

    told(monkeypatch, story)


def test_without_the_topic_of_commands_there_is_nobody_to_obey(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(desk: Desk) -> None:
        async def none(_settings: Settings, _topics: Iterable[str]) -> dict[Any, Any]:
            return {}

        monkeypatch.setattr(operate, "end_offsets", none)
        with pytest.raises(FatalError, match=r"there is no topic ops\.commands"):
            await desk.operator.give([replay()], patience=60)

    told(monkeypatch, story)
