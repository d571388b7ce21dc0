"""What the nemesis will do, drawn from a seed before anything runs: same seed, same plan.

    for fault in plan(seed=1, days=12, replicas=2):
        print(fault)

On every disturbed day something befalls a process and something is said on a topic; now and then a second
process meets with something at the same time. The first day and the last one are calm, so that
there is something to lose, and so that what was done last is seen to be got over.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from shared.contracts.registry import OPTIONAL, PRODUCERS, topic_of

__all__ = [
    "BLOWS", "BLOWS_OF_THREE", "BROKERS", "FEWEST", "LED", "MOST_MORE", "OF_THREE", "SESSION_SECONDS",
    "WORDS", "Body", "Fault", "Kind", "living_after", "plan",
]  # fmt: skip

SESSION_SECONDS = 6.0
"""Silence after which Kafka takes a replica's partitions away: a pause beyond it makes a zombie."""

MOST_MORE = 2
"""Replicas that may be added to those a run begins with."""

FEWEST = 2
"""Replicas that are left at least, where there are so many: two share the work for the whole of a life."""

BROKERS = 3
"""Brokers of a cluster; each leads some of the partitions."""

LED = "intake.events"
"""The topic of whose partitions a leader is killed."""

LATEST = 0.5  # seconds after a day was closed until a fault begins: the day is being worked on
TOGETHER = 0.35  # share of the days on which a second process is hit at the same time
_READ = [topic_of(producer) for producer in PRODUCERS if producer not in OPTIONAL]
EXTERNAL = ("bank.events", "desk.events", "ops.commands")  # rule 8: where a record lies is checked on these


class Body(StrEnum):
    """What a fault befalls. On one day nothing is hit twice, topics apart."""

    REPLICA = "replica"
    BROKER = "broker"
    DATABASE = "database"
    TOPIC = "topic"


class Kind(StrEnum):
    """Everything that the nemesis can do."""

    KILL_REPLICA = "kill a replica"
    PAUSE_REPLICA = "pause a replica"
    RESTART_REPLICA = "restart a replica"
    ADD_REPLICA = "add a replica"
    REMOVE_REPLICA = "remove a replica"
    KILL_BROKER = "kill the broker"
    RESTART_BROKER = "restart the broker"
    KILL_LEADER = "kill the broker that leads"
    RESTART_NODE = "restart one broker"
    CUT_OFF = "cut one broker off"
    PAUSE_NODE = "pause one broker"
    STOP_DATABASE = "stop the database"
    KILL_DATABASE = "kill the database"
    PAUSE_DATABASE = "pause the database"
    REPEAT = "say records again"
    REORDER = "say old records again, the newest first"
    BYTES = "undecodable bytes"
    HEADERS = "headers null and not UTF-8"
    TOMBSTONE = "a tombstone"
    MISPLACED = "a record on the wrong partition"
    OVERSIZED = "a value that is too large"

    @property
    def body(self) -> Body:
        return next((body for body in Body if body in self.value.split()), Body.TOPIC)

    @property
    def poison(self) -> bool:
        """Whether it is a record that nobody can take: it must end in the dead letters."""
        return self.body is Body.TOPIC and self not in {Kind.REPEAT, Kind.REORDER}


OF_THREE = (Kind.KILL_LEADER, Kind.RESTART_NODE, Kind.CUT_OFF, Kind.PAUSE_NODE)
"""What befalls one broker of three: where there is one alone, that one is killed or restarted."""

BLOWS = tuple(kind for kind in Kind if kind.body is not Body.TOPIC and kind not in OF_THREE)
"""What befalls the replicas and the servers of the embedded default."""

BLOWS_OF_THREE = (*(kind for kind in BLOWS if kind.body is Body.REPLICA), *OF_THREE)
"""The same where there are three brokers; the database is left alone there."""

WORDS = tuple(kind for kind in Kind if kind.body is Body.TOPIC)
_BRIEF = {Kind.KILL_REPLICA, Kind.PAUSE_REPLICA, Kind.PAUSE_DATABASE, Kind.KILL_LEADER}
_LONG = {Kind.PAUSE_REPLICA, Kind.PAUSE_NODE, Kind.CUT_OFF}
"""What lasts longer than a session: the others notice, and what comes back is behind the times."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: on the day of that number, `after` seconds from its close, healed `lasting` seconds later.

    `replica` counts those that run when it begins, oldest first. A killed replica is started again when
    `lasting` is over, a paused process continued; a restarted one, and a server that is killed or stopped, at
    once. An added replica stays, a removed one stays away: another fault of the plan makes up for it.

    `broker` is one of three, counted from 1. Of the one that leads it says for which partition of `LED` it
    does, counted from 1 too; it is started again when `lasting` is over, as is whoever is paused or cut off.
    """

    day: int
    after: float
    kind: Kind
    lasting: float = 0.0
    replica: int | None = None
    topic: str = ""
    broker: int | None = None

    def __str__(self) -> str:
        number = self.broker if self.replica is None else self.replica
        which = "" if number is None else f" (number {number})"
        where = f" on {self.topic}" if self.topic else ""
        lasting = f" for {self.lasting:.1f} s" if self.lasting else ""
        return f"day {self.day:>2} + {self.after:.2f} s: {self.kind}{which}{where}{lasting}"


def living_after(faults: Sequence[Fault], replicas: int) -> int:
    """Count the replicas that are there when the faults are over."""
    change = {Kind.ADD_REPLICA: 1, Kind.REMOVE_REPLICA: -1}
    return replicas + sum(change.get(fault.kind, 0) for fault in faults)


def plan(seed: int, days: int, replicas: int, *, brokers: int = 1, together: float = TOGETHER) -> list[Fault]:
    """Draw the faults of a life of `days` days, in the order of their days; there are 1 or 3 brokers."""
    draw = random.Random(f"{seed}/{days}/{replicas}")
    cards = BLOWS if brokers == 1 else BLOWS_OF_THREE
    blows = _Deck(draw, cards)
    words = _Deck(draw, WORDS)
    faults: list[Fault] = []
    for number in range(1, days - 1):
        hit: set[Body] = set()
        for _ in range(2 if draw.random() < together else 1):
            living = living_after(faults, replicas)
            kind = blows.next(_impossible(living, replicas) | {one for one in cards if one.body in hit})
            if kind is not None:
                hit.add(kind.body)
                faults.append(_blow(draw, number, kind, living))
        word = words.next(set())
        if word is not None:
            topics = EXTERNAL if word is Kind.MISPLACED else _READ
            faults.append(Fault(number, _moment(draw), word, topic=draw.choice(topics)))
    return faults


def _blow(draw: random.Random, number: int, kind: Kind, living: int) -> Fault:
    replica = None
    if kind.body is Body.REPLICA and kind is not Kind.ADD_REPLICA:
        replica = draw.randrange(living)
    lasting = round(draw.uniform(0.3, 2.5), 1) if kind in _BRIEF else 0.0
    if kind in _LONG:
        lasting = round(SESSION_SECONDS + draw.uniform(1, 2), 1)
    broker = draw.randint(1, BROKERS) if kind in OF_THREE else None
    return Fault(number, _moment(draw), kind, lasting, replica, broker=broker)


def _moment(draw: random.Random) -> float:
    return round(draw.uniform(0, LATEST), 2)


def _impossible(living: int, replicas: int) -> set[Kind]:
    """What would leave nobody, or too many."""
    found = set()
    if living <= min(replicas, FEWEST):
        found.add(Kind.REMOVE_REPLICA)
    if living == replicas + MOST_MORE:
        found.add(Kind.ADD_REPLICA)
    return found


class _Deck:
    """Cards that are all drawn before they are shuffled again: every kind has its turn."""

    def __init__(self, draw: random.Random, cards: Sequence[Kind]) -> None:
        self._draw, self._cards = draw, list(cards)
        self._left: list[Kind] = []

    def next(self, without: set[Kind]) -> Kind | None:
        """Draw the next card that is possible; what is passed over keeps its place. None if none is."""
        if not self._left:
            self._left = self._draw.sample(self._cards, len(self._cards))
        kind = next((card for card in self._left if card not in without), None)
        if kind is not None:
            self._left.remove(kind)
        return kind
