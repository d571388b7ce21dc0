"""What an operator can do about a dead letter: the exact commands, and why a discard would be refused.

Pure. The rules are the runtime's (rule 12); asking them before anything is published saves a refused command.
"""

from __future__ import annotations

from collections.abc import Mapping
from shlex import quote
from typing import Any, Final

from services.cli.dead.book import Entry
from services.cli.dead.ids import plain, short
from shared.runtime.document import row_name
from shared.runtime.inbound import Reason
from shared.runtime.parked import Held, Message, State, lowest_of_source

__all__ = ["discarded_by", "next_steps", "refusal", "replay_document"]

_DROP: Final = 'parley dead discard {id} --reason "…"'
_DROP_ALL: Final = 'parley dead discard {id} --everywhere --reason "…"'
_REPLAY_ALL: Final = "parley dead replay --case {key}"
_REPLAY: Final = "parley dead replay {id}"
_SHOW: Final = "parley dead show {id}"

_UNREADABLE: Final = frozenset({Reason.UNDECODABLE, Reason.WRONG_SOURCE, Reason.TOO_LARGE})
"""No replay by the same version can decide these."""


def refusal(entry: Entry, held: Held | None) -> str | None:
    """Say why the letter's message cannot be discarded, or None."""
    letter, fate = entry.letter, entry.fate
    if letter.day:
        return "it is due work, not a message: mend the cause and replay its document"
    if fate.state is State.FINAL:
        return "no document holds it: nothing waits for it and nothing has to be discarded"
    if fate.state is State.DISCARDED:
        return f"it is discarded already, {discarded_by(fate.discard)}"
    if fate.state is State.DECIDED or held is None:
        return "it is not parked any more: a replay has decided it"
    if fate.state is State.WAITS:
        return "it is not parked any more: it waits for what it builds on"
    first = lowest_of_source(held, row_name(letter.record))
    if first is not None:
        return (
            "only the lowest parked message of its topic can be discarded: "
            f"{_id(held, first)} ({plain(first.reason)}) must go first, by a replay or by its own discard"
        )
    return None


def next_steps(entry: Entry, held: Held | None) -> list[str]:
    """Say what to do next; a line that begins with `parley` is a command to be run as it is."""
    letter, fate, id_ = entry.letter, entry.fate, quote(short(entry.letter.name))
    if fate.state is State.PARKED and held is not None:
        return _parked(entry, held, id_)
    if fate.state is State.FINAL:
        if letter.reason == Reason.COMMAND:
            return ["Nothing was changed. See what is parked now, and give the command again if need be:",
                    "parley dead held"]  # fmt: skip
        if letter.reason == Reason.WRONG_PARTITION:
            return ["Nothing waits for it. Set the producer's partitioner to murmur2 and publish it again."]
        return ["Nothing waits for it. Have it corrected where it comes from and published again."]
    if fate.state is State.WAITS:
        return ["Nothing: it waits for what it builds on, until its day is closed at the latest."]
    if fate.state is State.DISCARDED:
        return ["Nothing: it was discarded for good."]
    if letter.day:
        return ["Nothing: its document was released, and the work is done when the next day is closed."]
    return ["Nothing: it has been decided meanwhile."]


def _parked(entry: Entry, held: Held, id_: str) -> list[str]:
    letter = entry.letter
    first = held.messages[0] if held.messages else None
    if letter.day:
        return ["When the cause is mended, release it; the work is done when the next day is closed:",
                _REPLAY.format(id=id_)]  # fmt: skip
    if first is not None and first.name != row_name(letter.record):
        place = [message.name for message in held.messages].index(row_name(letter.record))
        lines = [f"{place} of the same document must be decided before it. Look at the first one:",
                 _SHOW.format(id=_id(held, first))]  # fmt: skip
        if lowest_of_source(held, row_name(letter.record)) is None:
            lines += ["Or drop this one for good:", _DROP.format(id=id_)]
        return lines
    if entry.reason in _UNREADABLE:
        return ["It cannot be read as it is. Drop it for good, then replay what waits behind it:",
                _DROP.format(id=id_), replay_document(held),
                "Other services may hold it as well. To drop it in all of them:",
                _DROP_ALL.format(id=id_), _REPLAY_ALL.format(key=quote(held.key)),
                "Or, once a version that can read it is installed:", _REPLAY.format(id=id_)]  # fmt: skip
    return ["When the cause is mended, decide it and all that waits behind it:", _REPLAY.format(id=id_),
            "Or drop it for good and replay the rest:", _DROP.format(id=id_),
            replay_document(held)]  # fmt: skip


def replay_document(held: Held) -> str:
    """Give the command that replays a document."""
    return f"parley dead replay --service {held.service} --case {quote(held.document)}"


def _id(held: Held, message: Message) -> str:
    return short(f"{held.service}/{message.name}")


def discarded_by(kept: Mapping[str, Any] | None) -> str:
    """Say who has discarded a message, and why."""
    if kept is None:
        return "–"
    by = f"by {plain(kept.get('by'))}" if kept.get("by") else "by somebody"
    return f"{by}: {plain(str(kept.get('reason', '')))}"
