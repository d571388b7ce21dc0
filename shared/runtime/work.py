"""What passes through a batch: a document's work, where an emission comes from, what a decision does."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from shared.contracts.decision import State
from shared.runtime.document import Case, LinkEntry, OutEntry
from shared.runtime.inbound import Inbound
from shared.runtime.lane import Lane
from shared.runtime.ports import Outgoing, ParkedRow, Span

__all__ = ["Effects", "Origin", "Work"]


@dataclass(slots=True)
class Work:
    """One document's part of a batch: what came for it and, after the fold, what came of it."""

    lane: Lane
    document: str
    inbounds: list[Inbound] = field(default_factory=list)
    closing: date | None = None
    case: Case | None = None
    rows: list[ParkedRow] = field(default_factory=list)  # to be stored before the document is written
    letters: list[Outgoing] = field(default_factory=list)
    spans: list[tuple[Span, str, list[str]]] = field(default_factory=list)
    outcomes: list[tuple[Inbound, str, str]] = field(default_factory=list)  # inbound, OUTCOMES member, word
    emitted: list[str] = field(default_factory=list)
    replaying: bool = False

    def forget(self) -> None:
        """Undo what the fold did, in the lane's open work too; the document must be begun again."""
        if self.case is not None:
            self.count(self.case.work, self.case.work_stored)
        for span, _, _ in self.spans:
            span.drop()
        self.case, self.replaying = None, False
        self.rows, self.letters, self.spans, self.outcomes, self.emitted = [], [], [], [], []

    @property
    def stored(self) -> list[str]:
        """The open work that the document has where it was loaded from."""
        return [] if self.case is None else self.case.work_stored

    def count(self, old: list[str], new: list[str]) -> None:
        """Count the document's open work anew in its lane."""
        self.lane.work.subtract(old)
        self.lane.work.update(new)


@dataclass(frozen=True, slots=True)
class Origin:
    """What an emission comes from.

    Its cause's id and time, its place in the trace, and the first free index.
    """

    id: str
    time: datetime
    causation: str | None
    span: Span | None
    index: int = 0


@dataclass(slots=True)
class Effects:
    """What a decision does to a document, worked out whole before anything is changed."""

    state: State | None
    due: date | None
    out: list[OutEntry]
    links: list[LinkEntry]
    sent: dict[str, int]
    work: list[str]
    types: list[str]
