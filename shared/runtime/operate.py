"""An operator's commands: published on `ops.commands`, then waited for until the services have obeyed.

A service has obeyed when its positions have passed the command: documents, events and dead letters of a batch
come before its positions (rule 14). Each command has an id of its own, so that a second try is a second try;
giving it twice does no harm (rule 12).
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from shared.contracts.envelope import Envelope
from shared.contracts.ops import Discard, ErasePerson, LegalHold, Replay
from shared.contracts.partition import partition_of
from shared.contracts.registry import DEAD_LETTER_SUFFIX, topic_of
from shared.runtime.admin import end_offsets, scan
from shared.runtime.kafka.groups import group_members
from shared.runtime.letters import read_letter
from shared.runtime.ports import ID, FatalError, Store
from shared.runtime.publish import EventPublisher
from shared.runtime.service import group_of
from shared.runtime.settings import Settings

__all__ = ["Command", "Operator", "SilentError"]

SOURCE: Final = "/ops/parley"
_LOOK_SECONDS: Final = 0.1
_TOPIC: Final = topic_of("ops")


class SilentError(Exception):
    """A service has not obeyed in time; the commands stand in the topic and will be obeyed by and by."""

    def __init__(self, services: Sequence[str]) -> None:
        super().__init__(f"no answer from {', '.join(services)}")
        self.services = tuple(services)


@dataclass(frozen=True, slots=True)
class Command:
    """A command for the document of a customer (`key`)."""

    key: str
    data: Replay | Discard | LegalHold | ErasePerson


class Operator:
    """Gives commands and waits for what comes of them. One task uses it."""

    def __init__(self, settings: Settings, store: Store, publisher: EventPublisher) -> None:
        self.settings = settings
        self._store = store
        self._publisher = publisher

    async def absent(self, services: Iterable[str]) -> list[str]:
        """Say of which services no replica runs: nobody would obey."""
        return [name for name in services if not await group_members(self.settings, group_of(name))]

    async def give(
        self,
        commands: Sequence[Command],
        *,
        patience: float,
        on_progress: Callable[[int], None] = lambda _obeyed: None,
    ) -> list[str | None]:
        """Publish commands and wait until all are obeyed; give, of each, why it was refused, or None.

        `on_progress` hears how many have been obeyed. Raises SilentError where nothing moves for `patience`
        seconds, UnavailableError, FatalError.
        """
        services = {command.data.service for command in commands}
        topics = [name + DEAD_LETTER_SUFFIX for name in services]
        before = {(at.topic, at.partition): end for at, (_, end) in
                  (await end_offsets(self.settings, topics)).items()}  # fmt: skip
        envelopes = [_envelope(command) for command in commands]
        await self._publisher.send(*envelopes)
        ends = {at.partition: end for at, (_, end) in (await end_offsets(self.settings, [_TOPIC])).items()}
        if not ends:
            raise FatalError(f"there is no topic {_TOPIC}", "parley up")
        places = [
            (command.data.service, partition_of(command.key.encode(), len(ends))) for command in commands
        ]
        await self._obeyed(places, ends, patience, on_progress)
        why = await self._refusals(services, before)
        return [why.get(envelope.id) for envelope in envelopes]

    async def _obeyed(
        self,
        places: Sequence[tuple[str, int]],
        ends: Mapping[int, int],
        patience: float,
        on_progress: Callable[[int], None],
    ) -> None:
        loop = asyncio.get_running_loop()
        seen: dict[tuple[str, int], int] = {}
        until = loop.time() + patience
        while True:
            now = {(name, number): offset for name in {name for name, _ in places}
                   for number, offset in (await self._read_up_to(name)).items()}  # fmt: skip
            open_ = [place for place in places if now.get(place, 0) < ends[place[1]]]
            on_progress(len(places) - len(open_))
            if not open_:
                return
            if now != seen:  # a long queue is no silence
                seen, until = now, loop.time() + patience
            if loop.time() > until:
                raise SilentError(sorted({name for name, _ in open_}))
            await asyncio.sleep(_LOOK_SECONDS)

    async def _read_up_to(self, service: str) -> dict[int, int]:
        """Give the next offset of the commands' topic by partition."""
        return {
            position[ID]: row["next"]
            for position in await self._store.positions(service)
            for row in position.get("inputs", ())
            if row["topic"] == _TOPIC
        }

    async def _refusals(
        self, services: Iterable[str], before: Mapping[tuple[str, int], int]
    ) -> dict[str, str]:
        """Read why commands were refused, by their ids, from what was dead-lettered meanwhile."""
        why: dict[str, str] = {}
        for service in services:
            topic = service + DEAD_LETTER_SUFFIX
            start = {number: end for (name, number), end in before.items() if name == topic}
            async for raw in scan(self.settings, topic, start):
                letter = read_letter(service, raw)
                if letter is not None and letter.record.topic == _TOPIC:
                    ids = [value for name, value in letter.record.headers if name == "ce_id" and value]
                    why.update(dict.fromkeys((id_.decode(errors="replace") for id_ in ids), letter.detail))
        return why


def _envelope(command: Command) -> Envelope[Any]:
    return Envelope(str(uuid.uuid4()), SOURCE, datetime.now(UTC), command.key, command.data)
