"""A case's story as people read it: one line per event, in order: when, by whom, what, why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from services.console.handles import ids_of, printable
from services.console.rules import SIGNED_AT, chain_hash
from shared.contracts.ops import Discard
from shared.contracts.runtime import CaseHeld, CaseReleased, ServiceDayClosed
from shared.texts import label, story, text

__all__ = [
    "NOT_HASHED",
    "WITHHELD",
    "Line",
    "Tampered",
    "discard_lines",
    "lines_of",
    "lines_to_tell",
    "verify",
    "without_content",
]


NOT_HASHED: Final = frozenset({"hash", "_id", "checkpoint"})
"""What stands in an entry beside what its hash covers; a checkpoint has a signature of its own."""

WITHHELD: Final = frozenset({"number", "previous", "hash"})
"""All that is handed out of an entry of another case, but for a checkpoint."""

_HOLDS: Final = frozenset({CaseHeld.TYPE, CaseReleased.TYPE})


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a story; `ids` are what the message names, with the version and the hash to sign."""

    time: str
    who: str
    what: str
    why: tuple[str, ...]
    type: str
    id: str
    causation: str | None
    ids: Mapping[str, Any] = field(default_factory=dict)

    @property
    def unsaid(self) -> tuple[str, ...]:
        """The reasons that `what` does not tell already, for a page that shows both."""
        return tuple(reason for reason in self.why if reason not in self.what)


@dataclass(frozen=True, slots=True)
class Tampered:
    """The first entry of a chain that is not what was written."""

    number: int
    rule: str


def lines_of(entries: Iterable[Mapping[str, Any]], case: str | None, lang: str = "en") -> list[Line]:
    """Give the story of a case: its own entries, and those of the customer that know no case.

    `case=None` gives everything about the customer. Ordered by business time, then as they arrived.
    """
    chosen = [
        entry
        for entry in entries
        if entry["type"] != ServiceDayClosed.TYPE and (case is None or entry["case"] in (case, None))
    ]
    chosen.sort(key=lambda entry: (entry["time"], entry["number"]))
    return [_line(entry, lang) for entry in chosen]


def lines_to_tell(lines: Sequence[Line]) -> list[Line]:
    """Leave out what services repeat of each other's holds: of such lines in a row first and last stay."""
    found: list[Line] = []
    for before, line, after in zip((None, *lines), lines, (*lines[1:], None), strict=False):
        within = all(other is not None and other.type in _HOLDS for other in (before, line, after))
        if not within:
            found.append(line)
    return found


def discard_lines(discards: Iterable[Mapping[str, Any]], lang: str = "en") -> list[Line]:
    """Give a line for each message that an operator has discarded, with who did it and why."""
    return [
        Line(
            time=kept["time"],
            who=printable(kept.get("by") or "ops"),
            what=f"{story(Discard.TYPE, lang, kept)} ({kept['topic']}/{kept['partition']}/{kept['offset']})",
            why=(printable(kept["reason"]),),
            type=Discard.TYPE,
            id=kept["command"],
            causation=None,
        )
        for kept in discards
    ]


def _line(entry: Mapping[str, Any], lang: str) -> Line:
    data, refused = entry["data"], entry.get("refused")  # what the archive said to an operator's command
    what = printable(story(entry["type"], lang, data))
    return Line(
        time=entry["time"],
        who=entry["source"].strip("/").removeprefix("parley/"),
        what=what if refused is None else f"{label('command_refused', lang)}: {what}",
        why=tuple(_reasons(data if refused is None else {**data, "reason": refused}, lang)),
        type=entry["type"],
        id=entry["id"],
        causation=entry["causation"],
        ids=ids_of(data),
    )


def _reasons(data: Mapping[str, Any], lang: str) -> Iterable[str]:
    for name in ("reason", "reasons", "next_step"):
        found = data.get(name)
        for reason in found if isinstance(found, Sequence) and not isinstance(found, str) else [found]:
            if isinstance(reason, Mapping) and "code" in reason:
                yield text(reason["code"], reason.get("params") or {}, lang)


def without_content(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give an entry by its hash alone, where its content is what was hashed; else as it is, for `verify`.

    So is one of the few that the archive's document and its checkpoints follow from.
    """
    body = {name: value for name, value in entry.items() if name not in NOT_HASHED}
    if not entry.keys() >= WITHHELD or chain_hash(entry["previous"], body) != entry["hash"]:
        return entry
    if entry.get("type") in SIGNED_AT:
        return entry
    return {name: entry[name] for name in (*WITHHELD, "checkpoint") if name in entry}


def _is_whole(entry: Mapping[str, Any], body: dict[str, Any]) -> bool:
    """Whether an entry is what was hashed after the one that it names, whichever that is."""
    previous = entry.get("previous")
    return isinstance(previous, str) and chain_hash(previous, body) == entry.get("hash")


def verify(entries: Sequence[Mapping[str, Any]], head: str, *, withheld: bool = False) -> Tampered | None:
    """Compute a chain again; give the first entry that is wrong, or None where all is untouched.

    `entries` are in order from number 1; `head` is the hash that the archive's document names. `withheld`:
    an entry may be given by its hash alone (`WITHHELD`): its place is proven, its content is not shown.
    """
    previous, hidden = "0" * 64, False

    def is_hidden(entry: Mapping[str, Any]) -> bool:
        return withheld and entry.keys() - {"checkpoint"} == WITHHELD

    for number, entry in enumerate(entries, start=1):
        body = {name: value for name, value in entry.items() if name not in NOT_HASHED}
        if entry.get("number") != number:
            return Tampered(number, "the number is not the next one")
        if entry.get("previous") != previous:
            if hidden and not is_hidden(entry) and _is_whole(entry, body):
                # It is as it was written, and names what it follows: the hash given for that is another.
                return Tampered(number - 1, "its hash is not the one that the entry after it follows")
            return Tampered(number, "it does not follow the entry before it")
        hidden = is_hidden(entry)
        if hidden:
            if not isinstance(entry["hash"], str):
                return Tampered(number, "its hash is none")
            previous = entry["hash"]
            continue
        if chain_hash(previous, body) != entry.get("hash"):
            return Tampered(number, "its content is not what was hashed")
        previous = entry["hash"]
    return None if previous == head else Tampered(len(entries) + 1, "the chain is shorter than its head says")
