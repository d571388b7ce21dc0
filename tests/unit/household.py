"""Every decider of the platform composed, each hearing what the others say: a case lived day by day.

No log, no store, no clock: each event is handed on at once to every service that handles it, and days are
closed in the order in which services wait for each other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import count
from typing import Any, TypeVar

from services.agreement.app import SERVICE as AGREEMENT
from services.alert.app import SERVICE as ALERT
from services.assessment.app import SERVICE as ASSESSMENT
from services.followup.app import SERVICE as FOLLOWUP
from services.intake.app import SERVICE as INTAKE
from services.notice.app import SERVICE as NOTICE
from services.offer.app import SERVICE as OFFER
from shared.contracts.base import Event
from shared.contracts.envelope import Envelope
from shared.policy.reference import Reference
from shared.runtime.service import Service
from tests.unit.builders import message
from tests.unit.spec import Given, given

__all__ = ["Household"]

# In the order in which days are closed.
_SERVICES = (INTAKE, ASSESSMENT, OFFER, AGREEMENT, FOLLOWUP, ALERT, NOTICE)
E = TypeVar("E", bound=Event)


@dataclass
class Household:
    """The services of one customer with one open case, and everything that they have said, with its day."""

    reference: Reference
    services: dict[str, Given] = field(default_factory=dict)
    said: list[tuple[date, Event]] = field(default_factory=list)
    numbers: Any = field(default_factory=lambda: count(1))
    closed: date | None = None

    def __post_init__(self) -> None:
        for service in _SERVICES:
            self.services.setdefault(service.name, given(service.decider, self.reference))

    def branch(self) -> Household:
        """Go on from here in another way; what a service knows is never changed in place."""
        return replace(self, services=dict(self.services), said=list(self.said))

    def state(self, service: str) -> Any:
        """Give a service's document."""
        return self.services[service].state

    def hears(self, *messages: Envelope[Any]) -> Household:
        """Tell something to every service that reads it, and what they say of it to the others."""
        on_the_way = deque(messages)
        while on_the_way:
            sent = on_the_way.popleft()
            for service in _SERVICES:
                if sent.data.PRODUCER in {*service.waits_for, *service.reads} and _handles(service, sent):
                    after = self.services[service.name].when(sent)
                    self.services[service.name] = after
                    on_the_way += self._noted(after.said, sent.day)
        return self

    def lives_to(self, last: date) -> Household:
        """Close every day up to `last`."""
        day = last if self.closed is None else self.closed + timedelta(days=1)
        while day <= last:
            for service in _SERVICES:
                after = self.services[service.name].closes(day)
                self.services[service.name] = after
                self.hears(*self._noted(after.said, day))
            self.closed = day
            day += timedelta(days=1)
        return self

    def all(self, kind: type[E], since: date = date.min) -> list[E]:
        """Give the events of a type that were said from a day on."""
        return [event for on, event in self.said if isinstance(event, kind) and on >= since]

    def _noted(self, events: Iterable[Event], on: date) -> list[Envelope[Any]]:
        self.said += [(on, event) for event in events]
        return [message(event, on, sequence=next(self.numbers)) for event in events]


def _handles(service: Service, sent: Envelope[Any]) -> bool:
    return service.handles is None or type(sent.data) in service.handles
