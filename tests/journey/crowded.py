"""The demo's days with more on each than usual: who acts meets another balance or a stop on that very day.

Both come at hours of their own. What is added is drawn from the seed, the customer and the day alone, so that
the same is added whatever the order in which the services read.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Any

from deploy.demo.acts import Say
from deploy.demo.bank import SOURCE, external
from deploy.demo.portfolio import Account, Customer, generate, random_for
from deploy.demo.world import DESK_SOURCE, World
from shared.contracts.bank import BalanceReported
from shared.contracts.desk_parties import StopLifted, StopReported
from shared.contracts.envelope import Envelope
from shared.contracts.ids import derive_id
from shared.contracts.parties import StopCause
from tests.fault.living import ENTRY_DAYS, START

__all__ = ["CrowdedWorld", "OvercrowdedWorld", "parted"]

_HOURS = (8, 9, 11, 14, 17, 19, 21)
_Kind = Callable[[Customer, Account, date, Random], Envelope[Any]]


class CrowdedWorld(World):
    """A life in which half of all acts do not have their day for themselves."""

    share_of_acts, share_of_others, most = 0.5, 0.02, 2
    """How many of those who act, and of all others, meet something else that day, and how much at most."""

    def __init__(self, platform: Any, *, customers: int, days: int, seed: int) -> None:
        portfolio = generate(customers, seed=seed, start=START, entry_days=ENTRY_DAYS)
        super().__init__(portfolio, seed=seed, start=START, days=days, platform=platform)
        self._seed = seed
        self._latest: dict[tuple[str, str, date], int] = {}

    def _messages_of(self, day: date) -> list[Envelope[Any]]:
        messages = super()._messages_of(day)
        acting = {message.key for message in messages if message.source == DESK_SOURCE}
        for customer in self.customers:
            draw = random_for(self._seed, "crowd", customer.number, day.isoformat())
            share = self.share_of_acts if customer.number in acting else self.share_of_others
            if self._cases(customer) and draw.random() < share:
                for kind in draw.choices(self._kinds(), k=draw.choice(range(1, self.most + 1))):
                    messages += self._added(kind, customer, day, draw)
        return [self._at_its_hour(message) for message in messages]

    def _kinds(self) -> Sequence[_Kind]:
        return self._balance, self._soaring, self._stop

    def _cases(self, customer: Customer) -> str | None:
        return self.borrowers[customer.number]._case

    def _added(
        self,
        kind: _Kind,
        customer: Customer,
        day: date,
        draw: Random,
    ) -> Sequence[Envelope[Any]]:
        account = draw.choice(customer.accounts)
        told = kind(customer, account, day, draw)
        over = self.borrowers[customer.number]._closed
        return () if over and isinstance(told.data, BalanceReported) else (told,)

    def _balance(self, customer: Customer, account: Account, day: date, draw: Random) -> Envelope[Any]:
        account.fees += draw.randint(1, 900)
        return self._reported(customer, account, day)

    def _soaring(self, customer: Customer, account: Account, day: date, draw: Random) -> Envelope[Any]:
        account.principal *= draw.choice((3, 6, 20))
        return self._reported(customer, account, day)

    def _reported(self, customer: Customer, account: Account, day: date) -> Envelope[Any]:
        data = BalanceReported(
            account_id=account.account_id,
            as_of=day,
            outstanding=account.balances(),
            overdue=account.overdue(),
            days_past_due=max(1, (day - account.oldest_due).days),
            obligors=account.obligors,
        )
        return external(SOURCE, customer.number, day, data, account.account_id, "crowd")

    def _stop(self, customer: Customer, account: Account, day: date, draw: Random) -> Envelope[Any]:
        """Dispute one account, or all; some days later it is settled."""
        accounts = draw.choice(((account,), tuple(customer.accounts)))
        stop_id = derive_id("crowded", customer.number, day.isoformat())
        case = self._cases(customer) or ""
        until = day + timedelta(days=draw.randint(1, 9))
        lifted = Say(until, case, StopLifted(stop_id=stop_id, on=until), stop_id)
        self._agenda.setdefault(until, []).append((customer.number, lifted))
        named = tuple(one.account_id for one in accounts)
        told = StopReported(stop_id=stop_id, cause=StopCause.DISPUTE, since=day, accounts=named)
        return external(DESK_SOURCE, customer.number, day, told, stop_id, subject=case)

    def _at_its_hour(self, message: Envelope[Any]) -> Envelope[Any]:
        """Give another hour, never before what the same side has said of the customer that day."""
        lane = (message.source, message.key, message.day)
        hour = random_for(self._seed, "hour", message.source, message.id).choice(_HOURS)
        self._latest[lane] = max(self._latest.get(lane, 0), hour)
        return replace(message, time=message.time.replace(hour=self._latest[lane]))


class OvercrowdedWorld(CrowdedWorld):
    """Nobody who acts has the day for themselves, and many who do not act meet up to four things on it."""

    share_of_acts, share_of_others, most = 1.0, 0.15, 4

    def _kinds(self) -> Sequence[_Kind]:
        return (*super()._kinds(), self._balance, self._stop, self._sinking)

    def _soaring(self, customer: Customer, account: Account, day: date, draw: Random) -> Envelope[Any]:
        told = super()._soaring(customer, account, day, draw)
        account.principal = min(account.principal, 10**11)  # what soars every other day
        return told

    def _sinking(self, customer: Customer, account: Account, day: date, draw: Random) -> Envelope[Any]:
        account.principal = max(1000, account.principal // draw.choice((2, 3)))
        return self._reported(customer, account, day)

    def _added(self, kind: _Kind, customer: Customer, day: date, draw: Random) -> Sequence[Envelope[Any]]:
        number = draw.randrange(1 << 32)  # of two figures of an account on one day both are told
        told = super()._added(kind, customer, day, draw)
        return [replace(one, id=derive_id(one.id, str(number))) for one in told]


def parted(lives: Sequence[Any], besides: Collection[str] = ()) -> dict[str, date]:
    """Give, by customer, the first day on which people or the bank did something else; `besides`: ids."""
    did: list[set[tuple[str, date, str]]] = [
        {(one.key, one.day, one.id) for one in life.published if not one.source.startswith("/parley/")}
        for life in lives
    ]
    found: dict[str, date] = {}
    for key, day, name in did[0] ^ did[1]:
        if name not in besides:
            found[key] = min(day, found.get(key, day))
    return found
