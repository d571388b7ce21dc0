"""What an operator types: the id of a dead letter, and moments. And how both are shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from shared.contracts.registry import PRODUCERS, SENDERS, topic_of

__all__ = ["NAMES", "DeadId", "IdError", "columns", "local", "moment", "parse_id", "plain", "short"]

NAMES: Final = (*SENDERS, "archive")
"""Every service that may hold a case, in the order of the flow; of one that does not run there is nothing."""

_TOPICS: Final = {topic_of(producer): producer for producer in PRODUCERS}
_BY_NAME: Final = _TOPICS | {producer: producer for producer in PRODUCERS}
_AGE: Final = re.compile(r"([0-9]{1,6})([smhdw])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class IdError(ValueError):
    """What was typed is no id, or no moment; the text names the rule."""


@dataclass(frozen=True, slots=True)
class DeadId:
    """A dead letter as it was named: a record ("topic/partition/offset"), or a document's due work of a day.

    `service` is None where it was left out.
    """

    service: str | None
    record: str = ""
    day: str = ""
    document: str = ""


def parse_id(text: str) -> DeadId:
    """Read `intake/bank.events/0/12`, `intake/bank/0/12`, `bank/0/12` or `followup/day/2026-01-31/CASE`."""
    parts = text.strip().split("/", 3)
    if len(parts) == 4 and parts[1] == "day":
        service, _, day, document = parts
        if service in NAMES and _DAY.fullmatch(day) and document:
            return DeadId(service, day=day, document=document)
    elif len(parts) in {3, 4}:
        *services, topic, partition, offset = parts
        digits = partition.isascii() and partition.isdigit() and offset.isascii() and offset.isdigit()
        if digits and topic in _BY_NAME and all(name in NAMES for name in services):
            record = f"{topic_of(_BY_NAME[topic])}/{int(partition)}/{int(offset)}"
            return DeadId(services[0] if services else None, record)
    raise IdError(
        "ID: must be service/topic/partition/offset, like intake/bank.events/0/12 or intake/bank/0/12"
        f"; services are {', '.join(NAMES)}"
    )


def short(name: str) -> str:
    """Give the shortest form of an id, or of a record's name, that says which topic is meant."""
    parts = name.split("/")
    return "/".join([*(_TOPICS.get(part, part) for part in parts[:2]), *parts[2:]])


def moment(text: str, *, now: datetime, end: bool = False) -> datetime:
    """Read `2026-01-31`, `2026-01-31T14:00`, or `2h`, `30m`, `7d` ago.

    The time zone is this computer's unless it is said. A bare day begins at midnight; as an `end` it is meant
    whole.
    """
    age = _AGE.fullmatch(text.strip())
    if age is not None:
        return now - timedelta(seconds=int(age[1]) * _SECONDS[age[2]])
    try:
        if _DAY.fullmatch(text):
            day = date.fromisoformat(text) + timedelta(days=1 if end else 0)
            return datetime(day.year, day.month, day.day).astimezone()
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise IdError(
            "must be a moment like 2026-01-31, 2026-01-31T14:00 or 2h (ago; s, m, h, d, w)"
        ) from None
    return found.astimezone() if found.tzinfo is None else found


def local(given: int | str) -> str:
    """Show a moment (milliseconds, or ISO 8601) in this computer's time zone; – where there is none."""
    if isinstance(given, str):
        return datetime.fromisoformat(given).astimezone().strftime("%Y-%m-%d %H:%M:%S") if given else "–"
    try:
        return datetime.fromtimestamp(given / 1000).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):  # whoever wrote the record chose its timestamp
        return str(given)


def plain(text: str | None, most: int = 200) -> str:
    """Show what somebody else wrote: nothing of it may command a terminal."""
    if not text:
        return "–"
    clean = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
    return clean if len(clean) <= most else clean[: most - 1] + "…"


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Give one line per row, in columns as wide as they must be: nothing is cut, so lines can be searched."""
    widths = [max(map(len, column), default=0) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows]  # fmt: skip
