"""What the world says to the toys: a seeded list of days with facts, duplicates and poison."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from shared.contracts.bank import DayClosed
from shared.contracts.base import Event
from shared.contracts.cloudevents import encode
from shared.contracts.envelope import Envelope
from shared.contracts.ids import case_id
from shared.contracts.partition import partition_of
from shared.runtime.ports import Outgoing
from shared.runtime.simulation.toy import Accept, Bad, Open, Pay, Sign

__all__ = ["FIRST", "Day", "Script", "make_script", "marker_of", "outgoing"]

FIRST = date(2026, 3, 1)
_KINDS = ("raise", "heal", "huge", "nul", "int", "bomb", "heal", "heal", "bomb")


@dataclass(slots=True)
class Day:
    """One business day: facts by topic in publishing order, and raw rubbish."""

    day: date
    bank: list[Envelope[Event]] = field(default_factory=list)
    desk: list[Envelope[Event]] = field(default_factory=list)
    rubbish: list[Outgoing] = field(default_factory=list)


@dataclass(slots=True)
class Script:
    """A whole history. `sick` are the customers with poison.

    Their emissions may differ in number, not in effect.
    """

    days: list[Day]
    customers: list[str]
    sick: set[str]


def make_script(rng: random.Random, partitions: int, *, days: int = 6, customers: int = 3) -> Script:
    """Make a history."""
    names = [f"C{rng.randrange(1000):03d}-{n}" for n in range(customers)]
    script = Script([Day(FIRST + timedelta(days=n)) for n in range(days)], names, set())
    for name in names:
        _customer(rng, script, name, partitions)
    for day in script.days:
        rng.shuffle(day.rubbish)
    return script


def _customer(rng: random.Random, script: Script, name: str, partitions: int) -> None:
    case = case_id(name, 1)
    sick = rng.random() < 0.45
    last = len(script.days) - 1
    opened = rng.randrange(2)
    number = 0

    def put(index: int, data: Event, *, desk: bool) -> Envelope[Event]:
        nonlocal number
        number += 1
        day = script.days[min(index, last)]
        moment = datetime.combine(day.day, datetime.min.time(), UTC) + timedelta(seconds=number)
        id_ = f"{name}-{number}"
        if desk:
            envelope: Envelope[Event] = Envelope(id_, "/desk", moment, name, data, case)
            day.desk.append(envelope)
        else:
            envelope = Envelope(id_, "/bank", moment, name, data)
            day.bank.append(envelope)
        if rng.random() < 0.15:  # a file is published again, now or later
            again = script.days[rng.randint(min(index, last), last)]
            (again.desk if desk else again.bank).append(envelope)
        return envelope

    put(opened, Open(), desk=False)
    accepted = opened + rng.choice((0, 0, 1, 1, 2, 3))
    bad_accept = sick and rng.random() < 0.2
    if bad_accept:
        script.sick.add(name)
    put(accepted, Accept(number=1, bad=bad_accept), desk=True)
    if rng.random() < 0.4:
        put(accepted + rng.randrange(2), Accept(number=2), desk=True)
    for n in range(rng.randrange(2, 5)):
        at = rng.randint(max(0, opened - 1), last)
        dated = script.days[at].day - timedelta(days=rng.choice((0, 0, 0, 1, 2)))
        put(at, Pay(pay_id=f"p{n}", amount=rng.choice((50, 100, 150)), value_date=dated), desk=False)
    sign_from = accepted if sick else opened
    for n in range(rng.randrange(1, 3)):
        put(rng.randint(min(sign_from, last), last), Sign(number=n), desk=True)
    if sick:
        _poison(rng, script, name, case, put, opened, partitions)


def _poison(rng, script, name, case, put, opened, partitions) -> None:  # type: ignore[no-untyped-def]
    last = len(script.days) - 1
    for _ in range(rng.randrange(1, 3)):
        script.sick.add(name)
        if rng.random() < 0.25:
            day = script.days[rng.randint(opened, last)]
            day.rubbish.append(_rubbish(rng, name, case, partitions))
        else:
            data = Bad(at=rng.choice(("front", "middle", "middle", "back")), kind=rng.choice(_KINDS))
            put(rng.randint(opened, last), data, desk=True)


def _rubbish(rng: random.Random, name: str, case: str, partitions: int) -> Outgoing:
    """Give a record that nobody can read, in one of the ways that happen."""
    key = name.encode()
    right = partition_of(key, partitions)
    return rng.choice(
        (
            Outgoing("desk.events", key, b"{not json", _heads("toy.desk.sign.v1", case), right),
            Outgoing("desk.events", key, None, _heads("toy.desk.sign.v1", case), right),
            Outgoing("bank.events", key, b"{}", (("ce_id", None),), right),
            Outgoing("bank.events", key, b"{}", (("x", b"\xff\xfe"),), (right + 1) % partitions),
            Outgoing("bank.events", None, b"{}", (), right),
            Outgoing("desk.events", key, b"{}", _heads("toy.unknown.v9", case), right),
        )
    )


def _heads(type_: str, case: str) -> tuple[tuple[str, bytes | None], ...]:
    return (
        ("ce_specversion", b"1.0"),
        ("ce_id", b"rubbish"),
        ("ce_source", b"/desk"),
        ("ce_type", type_.encode()),
        ("ce_time", b"2026-03-01T00:00:00Z"),
        ("ce_subject", case.encode()),
    )


def outgoing(envelope: Envelope[Event]) -> Outgoing:
    """Give the record of an external message."""
    key, value, headers = encode(envelope)
    return Outgoing(
        "bank.events" if envelope.data.PRODUCER == "bank" else "desk.events", key, value, tuple(headers)
    )


def marker_of(day: date, partitions: Sequence[int]) -> list[Outgoing]:
    """Give the bank's markers of one day."""
    envelope: Envelope[Event] = Envelope(
        f"day-{day}", "/bank", datetime.combine(day, datetime.max.time(), UTC), "", DayClosed(day=day)
    )
    key, value, headers = encode(envelope)
    return [Outgoing("bank.events", key, value, tuple(headers), number) for number in partitions]
