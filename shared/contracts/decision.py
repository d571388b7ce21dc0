"""The contract between a decider and the runtime: one message in, one decision out.

    decide(state, message, reference) -> Decision(state', emissions)

A decider is pure: no I/O, no clock, no randomness, no logging. What is illegal in this state is a typed
refusal (an event with a reason), never an exception; an exception is a bug and parks the case.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from shared.contracts.base import Event
from shared.contracts.envelope import Envelope

__all__ = ["Decider", "Decision", "Emission", "Link", "State", "events_of", "later_of"]


class State(BaseModel):
    """The base of every service's document: frozen, and strict about what it holds."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


S = TypeVar("S", bound=State)


@dataclass(frozen=True, slots=True)
class Emission:
    """An event to publish on the service's own topic, about the case `subject`.

    `subject=None` means the case of the document (its id); intake, whose document is per customer, always
    names the case. `not_before` is the moment of another fact that the event rests on: of two facts of one
    day, which come by two topics, it carries the time of the later one, whichever was read first.
    """

    data: Event
    subject: str | None = None
    not_before: datetime | None = None

    def moment(self, cause: datetime) -> datetime:
        """Give the event's business time: that of its cause, or of a later fact of the same day."""
        other = self.not_before
        return other if other is not None and other.date() == cause.date() and other > cause else cause


def later_of(known: datetime | None, new: datetime) -> datetime:
    """Give the later of two business moments: by their business days first, whatever their offsets."""
    if known is None or (known.date(), known) < (new.date(), new):
        return new
    return known


@dataclass(frozen=True, slots=True)
class Link:
    """A document to keep for good beside the case's own (the archive's chain): copied out after the write.

    `id` is derived, so that copying twice changes nothing; `body` is what is stored. A body with `erases` (a
    moment, ISO 8601 in UTC) destroys the secret of its document for all up to then, when it is copied out.
    """

    id: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Decision(Generic[S]):
    """What a decider decided.

    `state` is the document from now on (None only where there is none yet). With `waits=True` the message
    builds on something that has not arrived: the runtime keeps it in the document and decides it again,
    in arrival order, whenever the document's state has changed. When the message's business day has closed
    on every input that the service waits for, and the decider still says `waits`, then `state` and
    `emissions` of that last answer apply: they are the refusal.
    """

    state: S | None
    emissions: tuple[Emission, ...] = ()
    waits: bool = False
    links: tuple[Link, ...] = ()

    @classmethod
    def of(cls, state: S | None, *events: Event, subject: str | None = None) -> Decision[S]:
        """Decide `state` and publish `events`, all about `subject`."""
        return cls(state, tuple(Emission(event, subject) for event in events))

    @classmethod
    def wait(cls, state: S | None, *otherwise: Event, subject: str | None = None) -> Decision[S]:
        """Wait for what the message builds on; at the close of its day, publish `otherwise`."""
        return cls(state, tuple(Emission(event, subject) for event in otherwise), waits=True)


R_contra = TypeVar("R_contra", contravariant=True)


class Decider(Protocol[S, R_contra]):
    """A service's decisions. Every function is pure and total; the runtime calls them in order per case."""

    def decide(self, state: S | None, message: Envelope[Any], reference: R_contra) -> Decision[S]:
        """Decide one message. Unknown and uninteresting types return the state unchanged."""
        ...

    def due(self, state: S) -> date | None:
        """Give the first business day whose close has work for this document, or None."""
        ...

    def close(self, state: S, day: date, reference: R_contra) -> Decision[S]:
        """Act on all that is due up to and including `day`, in order of due date.

        Judges each item on the facts dated up to it. Acting twice changes nothing: after it,
        `due(state')` lies after `day` or is None.
        """
        ...


def events_of(emissions: Sequence[Emission]) -> list[Event]:
    """Give the events alone, for tests and read-outs."""
    return [emission.data for emission in emissions]
