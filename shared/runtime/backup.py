"""The mark of a database backup: one instant at which nothing is under way between the services.

What it is good for, and why nothing is lost or doubled, is said in `restore`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from shared.runtime.kafka.groups import groups_with_members
from shared.runtime.kafka.reader import end_offsets
from shared.runtime.migration_store import BACKUP, MigrationStore
from shared.runtime.mongo import MongoStore
from shared.runtime.ports import ID, Document, TopicPartition
from shared.runtime.refused import RefusedError
from shared.runtime.service import EXTERNAL, Service, topic_of
from shared.runtime.settings import Settings
from shared.runtime.voids import OWNER

__all__ = [
    "Bounds",
    "Mark",
    "Positions",
    "members",
    "next_of",
    "now",
    "outside_topics",
    "own_topics",
    "read_mark",
    "refuse",
    "set_mark",
    "where_they_stand",
]

_ID: Final = "mark"

Positions = Mapping[str, Sequence[Document]]
"""The positions documents, by service."""
Bounds = Mapping[TopicPartition, tuple[int, int]]
"""First offset held and next to be written, by partition."""


def own_topics(services: Iterable[Service]) -> list[str]:
    """Give the topics that only the services write: what is on them can become void."""
    listed = list(services)
    return [s.topic for s in listed if s.emits] + [s.dead_letter_topic for s in listed]


def outside_topics(topics: Iterable[str]) -> list[str]:
    return [topic for topic in topics if topic in {topic_of(producer) for producer in EXTERNAL}]


@dataclass(frozen=True, slots=True)
class Mark:
    """The instant of a backup. Times are wall time, ISO 8601; `done` is the business day closed last.

    `ends` are the next offsets to be written then. `next` are all positions and `epochs` their epochs, by
    service and partition. `begun` is when a restored database was first worked on, `until` the ends at that
    time and `epoch` the first one of afterwards; `finished` is when it was done.
    """

    at: str
    prefix: str
    done: str | None
    ends: Mapping[TopicPartition, int]
    next: Mapping[tuple[str, int], Mapping[str, int]]
    epochs: Mapping[tuple[str, int], int]
    begun: str | None = None
    until: Mapping[TopicPartition, int] = field(default_factory=dict)
    epoch: int = 0
    finished: str | None = None

    def dump(self) -> Document:
        """Write it; lists stand where a map's keys would hold dots."""
        return {
            ID: _ID,
            "at": self.at,
            "prefix": self.prefix,
            "done": self.done,
            "ends": [[*at, end] for at, end in self.ends.items()],
            "next": [[*where, [list(one) for one in row.items()]] for where, row in self.next.items()],
            "epochs": [[*where, epoch] for where, epoch in self.epochs.items()],
            "begun": self.begun,
            "until": [[*at, end] for at, end in self.until.items()],
            "epoch": self.epoch,
            "finished": self.finished,
        }

    @classmethod
    def load(cls, raw: Document) -> Mark:
        """Read it."""
        return cls(
            at=raw["at"],
            prefix=raw["prefix"],
            done=raw["done"],
            ends={TopicPartition(topic, number): end for topic, number, end in raw["ends"]},
            next={(service, number): dict(row) for service, number, row in raw["next"]},
            epochs={(service, number): epoch for service, number, epoch in raw["epochs"]},
            begun=raw["begun"],
            until={TopicPartition(topic, number): end for topic, number, end in raw["until"]},
            epoch=raw["epoch"],
            finished=raw["finished"],
        )


def next_of(position: Document) -> dict[str, int]:
    return {row["topic"]: row["next"] for row in position.get("inputs", ())}


def where_they_stand(services: Sequence[Service], positions: Positions, bounds: Bounds) -> list[str]:
    """Say who does not stand at the common instant, in sentences; [] if all do.

    What the services say must have been read to its end by all. What comes from outside need not: it waits
    in Kafka, and every reader goes on from its own position.
    """
    found: list[str] = []
    own = set(own_topics(services))
    days: dict[str, list[str]] = defaultdict(list)
    for service in services:
        there = {position[ID]: position for position in positions.get(service.name, ())}
        for at, (_first, end) in bounds.items():
            if at.topic in service.topics and at.topic in own:
                reached = next_of(there.get(at.partition, {})).get(at.topic, 0)
                if reached < end:
                    found.append(f"{service.name} has read {at.topic}[{at.partition}] to {reached} of {end}")
        if service.waits_for:
            for number in sorted({at.partition for at in bounds}):
                done = there.get(number, {}).get("done") or "no day"
                days[done].append(f"{service.name} on partition {number}")
    if len(days) > 1:
        last = max(days, key=lambda day: "" if day == "no day" else day)
        found += [
            f"{who} has closed {done}, others {last}"
            for done, them in days.items()
            if done != last
            for who in them
        ]
    return found


async def members(settings: Settings, services: Iterable[Service]) -> list[str]:
    """Say which groups have members, in sentences."""
    there = await groups_with_members(settings, [service.group for service in services])
    return [
        f"the group {group} has members ({count}): a replica runs, or was killed a moment"
        " ago and still counts until its session has timed out"
        for group, count in there.items()
    ]


async def set_mark(settings: Settings, services: Sequence[Service]) -> Mark:
    """Mark the instant of a backup that is to be taken now.

    Raises RefusedError where replicas run, where not all services stand at one instant,
    or where a restoration has begun and is not done; FatalError where a migration is half done, for its
    documents are of no instant; UnavailableError while a server is away.
    """
    refuse(
        await members(settings, services),
        "Run `parley backup mark` once every replica has been stopped.",
    )
    store = MigrationStore(settings)
    try:
        await store.start()
        await store.refuse_half_done()
        before = await read_mark(store)
        if before is not None and before.begun is not None and before.finished is None:
            raise RefusedError(
                "A backup has been restored here and the work is not done.", "Run `parley backup restored`."
            )
        bounds = await end_offsets(settings, [*own_topics(services), *map(topic_of, sorted(EXTERNAL))])
        numbers = sorted({at.partition for at in bounds})
        positions = {service.name: await store.positions(service.name) for service in services}
        refuse(
            where_they_stand(services, positions, bounds),
            "Run the services until all is read (see `/lag`), then stop them and mark again.",
        )
        # Raised, so that whoever writes after the mark leaves a higher epoch behind, in every document.
        for service in services:
            positions[service.name] = list((await store.raise_epoch(service.name, numbers)).values())
        everybody = [(s.name, p) for s in services for p in positions[s.name]]
        done = [p["done"] for s in services if s.waits_for for p in positions[s.name] if p.get("done")]
        mark = Mark(
            at=now(),
            prefix=settings.prefix,
            done=max(done, default=None),
            ends={at: end for at, (_, end) in bounds.items()},
            next={(name, p[ID]): next_of(p) for name, p in everybody},
            epochs={(name, p[ID]): p["epoch"] for name, p in everybody},
        )
        await store.put(OWNER, BACKUP, mark.dump())
    finally:
        await store.close()
    return mark


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


async def read_mark(store: MongoStore) -> Mark | None:
    found = await store.every(OWNER, BACKUP)
    return Mark.load(found[0]) if found else None


def refuse(problems: Sequence[str], remedy: str) -> None:
    if problems:
        shown = "; ".join(problems[:10])
        more = f"; and {len(problems) - 10} more" if len(problems) > 10 else ""
        raise RefusedError(f"Nothing was changed: {shown}{more}.", remedy)
