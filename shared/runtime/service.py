"""What a service tells the runtime about itself: its name, its inputs and its decider."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from shared.contracts.base import Event
from shared.contracts.decision import Decider, State
from shared.contracts.runtime import CaseHeld, CaseReleased

if TYPE_CHECKING:
    from shared.runtime.settings import Settings

__all__ = ["EXTERNAL", "DocumentPer", "Service", "group_of", "topic_of"]

EXTERNAL = frozenset({"bank", "desk", "ops"})
"""Producers outside the services.

Their messages are de-duplicated by id, and their partitions are checked.
"""

_RUNTIME: frozenset[type[Event]] = frozenset({CaseHeld, CaseReleased})
"""What the runtime itself has to see, whatever the decider handles."""


class DocumentPer(StrEnum):
    """What a service keeps one document of."""

    CASE = "case"
    CUSTOMER = "customer"
    CASE_OR_CUSTOMER = (
        "case-or-customer"  # the archive: messages without a case go to the customer's own chain
    )


def topic_of(producer: str) -> str:
    """Give the one topic of a producer."""
    return "ops.commands" if producer == "ops" else f"{producer}.events"


def group_of(service: str) -> str:
    """Give the consumer group of a service."""
    return f"parley.{service}"


def _no_work(_state: Any) -> Sequence[str]:
    return ()


def _no_reference(_given: Mapping[str, Any]) -> Any:
    return None


@dataclass(frozen=True)
class Service:
    """A service: a decider and where its messages come from and go to.

    `waits_for` are the producers whose closed days it waits for (rule 17), in the order of the flow; `reads`
    are inputs that flow back and are read as they come. `ops.commands` is read by every service. `reference`
    makes what deciders are given from the open work per negotiator of the partition, a live read-only view.
    `workload` names whose open work a document is, once per piece. `cases` names the cases that a document
    speaks for when it is held (needed only where documents are per customer). `upcoming` gives the id that
    the customer's next case will have, so that it is held too when the customer is parked before it is
    opened. `passes_to_desk`: the markers go to `desk.events` too (intake). `emits=False`: the archive, which
    has no topic of its own. `audits`: check sequences for gaps and double ids. `handles` are the messages
    that the decider does anything about: all others are read and passed over, without a document, a mark or
    an id (None: every message is handled). Whether they come once, twice or late is all the same to a decider
    that ignores them in every state. `linger_seconds` is how long it waits for more before a batch: not at
    all where somebody waits for what it decides, a while where nobody does and larger batches cost less.
    `keyed` says which messages are decided with the secret of their document: `reference` is then given the
    secrets by document, of those that the batch needs, in the place of the open work. `starts` is asked once,
    before a replica reads anything; it raises FatalError where this replica must not work.
    """

    name: str
    state: type[State]
    decider: Decider[Any, Any]
    waits_for: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    per: DocumentPer = DocumentPer.CASE
    schema_version: int = 1
    reference: Callable[[Mapping[str, Any]], Any] = _no_reference
    workload: Callable[[Any], Sequence[str]] = _no_work
    cases: Callable[[Any], Sequence[str]] | None = None
    upcoming: Callable[[Any, str], str] | None = None
    passes_to_desk: bool = False
    emits: bool = True
    audits: bool = False
    handles: frozenset[type[Event]] | None = None
    linger_seconds: float = 0.0
    keyed: Callable[[Event], bool] | None = None
    starts: Callable[[Settings], Awaitable[None]] | None = None

    def passes_over(self, message: type[Event]) -> bool:
        """Whether the decider ignores this kind of message in every state."""
        return self.handles is not None and message not in self.handles and message not in _RUNTIME

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """Every producer that is read, each once, those waited for first."""
        return tuple(dict.fromkeys((*self.waits_for, *self.reads, "ops")))

    @property
    def desk_closed_by(self) -> str | None:
        """The service that closes the desk's days: the first of the flow. None: this one waits for nobody."""
        return self.name if self.passes_to_desk else next(iter(self.waits_for), None)

    @cached_property
    def topics(self) -> tuple[str, ...]:
        """The topics that are read."""
        return tuple(topic_of(producer) for producer in self.inputs)

    @cached_property
    def waited_topics(self) -> tuple[str, ...]:
        """The topics that a day waits for."""
        return tuple(topic_of(producer) for producer in self.waits_for)

    @cached_property
    def producers(self) -> Mapping[str, str]:
        """Whose topic is whose, of those that are read."""
        return {topic_of(producer): producer for producer in self.inputs}

    @property
    def topic(self) -> str:
        """The service's own topic."""
        return topic_of(self.name)

    @property
    def dead_letter_topic(self) -> str:
        """Where what could not be processed goes."""
        return f"{self.name}.dead-letter"

    @property
    def group(self) -> str:
        """The consumer group."""
        return group_of(self.name)

    @property
    def counts_work(self) -> bool:
        """Whether its documents can be somebody's open work (then the store indexes it)."""
        return self.workload is not _no_work

    @property
    def source(self) -> str:
        """The CloudEvents source of its messages."""
        return f"/parley/{self.name}"
