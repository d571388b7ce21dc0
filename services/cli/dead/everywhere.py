"""One record, discarded in every service that holds it: for one reason, which each of them keeps.

An unreadable message of the desk parks its case in each service that reads it, and each must be told to drop
it. Nothing here is atomic, and nothing has to be: each service drops it for itself, what is done is found
done when the command is repeated, and the first reason stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from services.cli.dead.advice import discarded_by, refusal
from services.cli.dead.book import Entry
from services.cli.dead.ids import plain
from shared.contracts.ops import Discard
from shared.runtime.operate import Command, SilentError
from shared.runtime.parked import Held, State, fates, held_document
from shared.runtime.ports import ID, Store

__all__ = ["Copy", "Gives", "discard_copies", "look", "unread"]

_WORDS: Final = {
    "discarded": "discarded",
    "possible": "can be discarded",
    "before": "was discarded before",
    "nothing": "nothing to discard",
    "refused": "not discarded",
    "silent": "no answer yet: the command stands in ops.commands",
    "unread": "has not read it yet: it may hold it soon",
}


class Gives(Protocol):
    """Whoever gives commands: see `Operator.give`."""

    async def give(self, commands: Sequence[Command], *, patience: float) -> list[str | None]:
        """Publish commands, wait until all are obeyed, and give why each was refused, or None."""


@dataclass(frozen=True, slots=True)
class Copy:
    """What one service has of the record, and what has come of it: one of the words above.

    `held` is its document where that is parked; `why` who has discarded it and why, or why it cannot go.
    """

    service: str
    word: str
    why: str = ""
    entry: Entry | None = None
    held: Held | None = None

    @property
    def done(self) -> bool:
        """Whether the record holds nothing in this service any more."""
        return self.word in {"discarded", "before", "nothing"}

    @property
    def dropped(self) -> bool:
        """Whether a discard of it is on file in this service."""
        return self.word in {"discarded", "before"}

    def line(self) -> str:
        """Say it."""
        waits = f", {len(self.held.messages)} wait in its document" if self.held is not None else ""
        more = f": {plain(self.why, 500)}" if self.why else ""
        return f"{self.service}: {_WORDS[self.word]}{more}{waits}"

    def as_json(self) -> dict[str, Any]:
        """Give it for scripts."""
        return {
            "service": self.service,
            "outcome": self.word,
            "why": self.why or None,
            "document": self.entry.letter.document if self.entry is not None else None,
            "waiting": len(self.held.messages) if self.held is not None else 0,
        }


async def look(store: Store, entries: Sequence[Entry]) -> list[Copy]:
    """Say of each service's letter of a record whether it can be discarded, or what has become of it."""
    copies = []
    for entry in entries:
        letter, state = entry.letter, entry.fate.state
        held = None
        if letter.document is not None:
            held = await held_document(store, letter.service, letter.document)
        if state is State.PARKED:
            why = refusal(entry, held)
            word = "possible" if why is None else "refused"
        elif state is State.DISCARDED:
            word, why = "before", discarded_by(entry.fate.discard)
        else:
            word, why = "nothing", refusal(entry, held)
        copies.append(Copy(letter.service, word, why or "", entry, held))
    return copies


async def unread(store: Store, services: Sequence[str], record: tuple[str, int, int]) -> list[Copy]:
    """Give those services that read the record's topic and have not come to it yet."""
    topic, partition, offset = record
    late = []
    for service in services:
        for position in await store.positions(service):
            rows: Sequence[Mapping[str, Any]] = position.get("inputs", ())
            if position[ID] == partition and any(
                row["topic"] == topic and row["next"] <= offset for row in rows
            ):
                late.append(Copy(service, "unread"))
    return late


async def discard_copies(
    operator: Gives, store: Store, copies: Sequence[Copy], *, reason: str, by: str, patience: float
) -> list[Copy]:
    """Discard the record wherever that is possible; give what has come of each. Raises UnavailableError."""
    possible = {copy.service: copy for copy in copies if copy.word == "possible"}
    commands = [_command(copy, reason, by) for copy in possible.values()]
    refused: Mapping[str, str | None] = {}
    with suppress(SilentError):  # whoever obeyed is seen below, and who did not is told
        refused = dict(zip(possible, await operator.give(commands, patience=patience), strict=True))
    return [
        await _outcome(store, copy, refused.get(copy.service)) if copy.service in possible else copy
        for copy in copies
    ]


async def _outcome(store: Store, copy: Copy, refused: str | None) -> Copy:
    assert copy.entry is not None  # noqa: S101 - what is possible has a letter
    letter = copy.entry.letter
    (fate,) = await fates(store, letter.service, [letter])
    (now,) = await look(store, [replace(copy.entry, fate=fate)])
    if now.word == "before" and refused is None:  # else another operator was quicker
        return replace(now, word="discarded", why="")
    if now.word == "possible":
        return replace(now, word="silent" if refused is None else "refused", why=refused or "")
    return now


def _command(copy: Copy, reason: str, by: str) -> Command:
    assert copy.held is not None  # noqa: S101 - what is possible is parked
    assert copy.entry is not None  # noqa: S101
    at = copy.entry.letter.record
    data = Discard(
        service=copy.service,
        document=copy.held.document,
        topic=at.topic,
        partition=at.partition,
        offset=at.offset,
        reason=reason,
        by=by,
    )
    return Command(copy.held.key, data)
