"""The demo's days: bank, borrowers and desk act, the day is closed, and what was published is read.

Actors see events only after the day on which they were published has been closed and everything is quiet,
those of alert a day after that, and they see them in a fixed order: so one seed gives one story.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Protocol

from deploy.demo.acts import Act, Cure, Pay, Say
from deploy.demo.bank import CoreBank, external
from deploy.demo.borrower import Borrower, draw_persona
from deploy.demo.portfolio import Customer
from deploy.demo.staff import Desk
from shared.contracts.envelope import Envelope
from shared.contracts.registry import PRODUCERS
from shared.lending.money import Money
from shared.runtime.service import Service

__all__ = ["Platform", "Progress", "World", "last_in_line"]

DESK_SOURCE = "/desk/demo"


class Platform(Protocol):
    """What the demo needs of the platform, whatever it runs on."""

    async def publish(self, messages: Sequence[Envelope[Any]]) -> None:
        """Publish in order; returns when every message is acknowledged."""
        ...

    async def close_day(self, day: date) -> None:
        """Close a business day on every partition."""
        ...

    async def settled(self, day: date) -> list[Envelope[Any]]:
        """Wait until `day` is closed and all is quiet; give what was published since.

        What those that are last in line say is given a day later: up to the close of the day before.
        """
        ...

    async def finished(self) -> None:
        """Wait, after the last day, until those that only read have read everything."""
        ...


def last_in_line(services: Sequence[Service]) -> frozenset[str]:
    """Give the services whose days no other waits for: people hear of what they say on the next day."""
    awaited = {producer for service in services for producer in service.waits_for}
    return frozenset(service.name for service in services if service.emits and service.name not in awaited)


@dataclass(slots=True)
class Progress:
    """What a live display shows."""

    day: date
    number: int
    days: int
    published: int = 0
    seen: Counter[str] = field(default_factory=Counter)


class World:
    """One run of the demo."""

    def __init__(
        self, customers: list[Customer], *, seed: int, start: date, days: int, platform: Platform
    ) -> None:
        self.customers = customers
        self.bank = CoreBank(customers)
        self.desk = Desk(customers, seed)
        self.borrowers = {c.number: Borrower(c, draw_persona(seed, c.number), seed) for c in customers}
        self.start, self.days = start, days
        self._platform = platform
        self._agenda: dict[date, list[tuple[str, Act]]] = {}
        self._returns: dict[date, list[tuple[str, str]]] = {}
        self.progress = Progress(start, 0, days)

    async def live(self, watch: Callable[[Progress], None] = lambda _progress: None) -> Progress:
        """Live every day from the start; `watch` is told after each."""
        for number in range(self.days):
            day = self.start + timedelta(days=number)
            await self.live_day(day)
            self.progress.day, self.progress.number = day, number + 1
            watch(self.progress)
        await self._platform.finished()
        return self.progress

    async def live_day(self, day: date) -> None:
        """Live one day: act, close it, read what was published, plan the answers."""
        messages = self._messages_of(day)
        await self._platform.publish(messages)
        self.progress.published += len(messages)
        await self._platform.close_day(day)
        published = await self._platform.settled(day)
        for message in sorted(published, key=_reading_order):
            self.progress.seen[message.type] += 1
            self.bank.hears(message)
            borrower = self.borrowers.get(message.key)
            if borrower is None:
                continue
            for act in (*borrower.sees(message), *self.desk.sees(message)):
                when = max(act.day, day + timedelta(days=1))
                self._agenda.setdefault(when, []).append((message.key, act))

    def _messages_of(self, day: date) -> list[Envelope[Any]]:
        messages = list(self.bank.says(day))
        for customer, act in sorted(self._agenda.pop(day, []), key=_acting_order):
            if isinstance(act, Say | Pay) and act.unless is not None and act.unless():
                continue
            match act:
                case Say():
                    messages.append(
                        external(DESK_SOURCE, customer, day, act.event, act.about, subject=act.case)
                    )
                case Pay():
                    amount = act.asked() if act.asked is not None else act.amount
                    paid = self.bank.receives(customer, day, amount, act.about)
                    messages.append(paid)
                    if act.returned_after:
                        back = day + timedelta(days=act.returned_after)
                        self._returns.setdefault(back, []).append((customer, paid.data.payment_id))
                case Cure():
                    messages += self._cure(customer, day)
        for customer, payment_id in self._returns.pop(day, []):
            messages.append(self.bank.returns(customer, payment_id, day))
        return messages

    def _cure(self, customer: str, day: date) -> list[Envelope[Any]]:
        account_list = next(c for c in self.customers if c.number == customer).accounts
        messages = []
        for account in account_list:
            if account.arrears > 0:
                amount = Money(min(account.arrears, account.outstanding), account.currency)
                messages.append(self.bank.receives(customer, day, amount, account.account_id, "cure"))
                account.arrears = 0
        return messages + self.bank.cures(customer, day)


def _reading_order(message: Envelope[Any]) -> tuple[str, int, int, str]:
    producer = message.source.rsplit("/", 1)[-1]
    rank = PRODUCERS.index(producer) if producer in PRODUCERS else 0
    return (message.key, rank, message.sequence or 0, message.id)


def _acting_order(item: tuple[str, Act]) -> tuple[str, str, str]:
    customer, act = item
    return (customer, type(act).__name__, getattr(act, "about", ""))
