"""Deciders as data: given a state, when messages come or a day closes, then state and emissions.

    after = given(OfferDecider(), reference).when(opened, assessed)
    assert after.emits(OfferTabled)

A small stand-in for the runtime: what waits is decided again when the state changes, and refused when its
day closes. Each step gives a new `Given`, so that a test can branch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import Any, TypeVar

from shared.contracts.base import Event
from shared.contracts.decision import Decider, Decision
from shared.contracts.envelope import Envelope

__all__ = ["Given", "given"]

E = TypeVar("E", bound=Event)


@dataclass(frozen=True)
class Given:
    """A document, what waits for something not there yet, and what the last step said, each at its moment."""

    decider: Decider[Any, Any]
    reference: Any
    state: Any = None
    waiting: tuple[Envelope[Any], ...] = ()
    said: tuple[Event, ...] = ()
    at: tuple[datetime, ...] = ()

    def when(self, *messages: Envelope[Any]) -> Given:
        """Decide messages in order; `said` is what all of them led to."""
        after = replace(self, said=(), at=())
        for message in messages:
            after = after._decide(message)
        return after

    def closes(self, day: date) -> Given:
        """Close a day: refuse what still waits, then do the due work."""
        late = [message for message in self.waiting if message.day <= day]
        waiting = tuple(message for message in self.waiting if message.day > day)
        after = replace(self, said=(), at=(), waiting=waiting)
        for message in late:
            decided = after.decider.decide(after.state, message, after.reference)
            after = after._applied(decided, message.time)
        moment = datetime.combine(day, time(23, 59, 59), UTC)
        if after.state is not None:
            due = after.decider.due(after.state)
            if due is not None and due <= day:
                after = after._applied(after.decider.close(after.state, day, after.reference), moment)
                due = after.decider.due(after.state)
                assert due is None or due > day, "after its close nothing is due on the day any more"
        return after

    def emits(self, *types: type[Event]) -> bool:
        """Say whether the last step said exactly these types, in this order."""
        return [type(event) for event in self.said] == list(types)

    def last(self, kind: type[E]) -> E:
        """Give the last event of a type that the last step said."""
        return [event for event in self.said if isinstance(event, kind)][-1]

    def moment_of(self, kind: type[Event]) -> datetime:
        """Give the business time of the last event of a type that the last step said."""
        return [at for event, at in zip(self.said, self.at, strict=True) if isinstance(event, kind)][-1]

    def _decide(self, message: Envelope[Any]) -> Given:
        decision = self.decider.decide(self.state, message, self.reference)
        if decision.waits:
            return replace(self, waiting=(*self.waiting, message))
        return self._applied(decision, message.time)

    def _applied(self, decision: Decision[Any], moment: datetime) -> Given:
        said = (*self.said, *(emission.data for emission in decision.emissions))
        at = (*self.at, *(emission.moment(moment) for emission in decision.emissions))
        after = replace(self, state=decision.state, said=said, at=at)
        if decision.state == self.state:
            return after
        for message in after.waiting:
            rest = tuple(other for other in after.waiting if other is not message)
            again = after.decider.decide(after.state, message, after.reference)
            if not again.waits:
                return replace(after, waiting=rest)._applied(again, message.time)
        return after


def given(decider: Decider[Any, Any], reference: Any, state: Any = None) -> Given:
    """Begin with a document, or with none."""
    return Given(decider, reference, state)
