"""What is sent, how it ended, and what a channel is. Whatever is personal does not show when printed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from shared.runtime.ports import PortError

__all__ = ["Channel", "Failure", "Outgoing", "Sent", "UndeliverableError"]

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class UndeliverableError(PortError):
    """The other side will never take this message; `rule` names why, without its content or addressee."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to one addressee, in its final words.

    ``message_id`` is the same whenever the same message is sent again: it goes with it, so that whoever
    receives it twice can tell. Raises ValueError for an id that could not stand in a header.
    """

    message_id: str
    kind: str
    language: str
    to: str = field(repr=False)
    subject: str = field(repr=False)
    body: str = field(repr=False)
    channel: str = ""  # for a sender of several

    def __post_init__(self) -> None:
        """Refuse an id that a header cannot carry."""
        if not _ID.fullmatch(self.message_id):
            raise ValueError("message_id: letters, digits, '.', '_' and '-', at most 128 of them")


@dataclass(frozen=True, slots=True)
class Sent:
    """The other side has taken it. ``attempts`` is 0 where it had taken it before."""

    message_id: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Failure:
    """A message that was given up: what a person needs in order to decide, and nobody's data."""

    message_id: str
    kind: str
    channel: str
    attempts: int
    reason: str
    at: datetime


class Channel(Protocol):
    """A way out."""

    @property
    def name(self) -> str:
        """What it is called in a failure record."""
        ...

    async def send(self, outgoing: Outgoing) -> None:
        """Hand it over once. Raises UnavailableError (try again) or UndeliverableError (never)."""
        ...
