"""More partitions for a platform with data, and which count was in force when a record was written.

Why nothing doubles and nothing is lost: it begins only when every service has read every input to its end,
has closed the same last day on every partition, and no fact waits and no case is held. Then

- whatever a document still holds as an entry is settled by its old lane's positions (each is looked at; one
  that is not refuses the migration before anything is changed). Its cause names an offset of the old
  partition, which says nothing on the new one, so that it is dropped and not compared: dropped, it is never
  published again, and settled, it never needs to be (rule 2);
- marks and kept ids go by case and by id, not by partition: what comes is known or new as before;
- `parked_upto` names offsets of the old partition: kept, a new record with a lower offset would be taken for
  one that was parked already, so it is emptied; no row is parked that could need it;
- the epoch of a moved document is that of its old lane, and would make a new lane with a lower one give up
  (rule 4): it becomes 0, the lowest;
- the new partitions begin with the last closed day as done, so that nobody closes it again there, and their
  owners say so by the marker that every take-over says again (rule 18).

Each document moves in one write under its version; one that has moved is recognised by its partition, so that
the migration may be killed and given again. The note in the database keeps services from starting in between,
the topics' count those that are set to the old one. What was written before stays where it is; `Layout` tells
which count that was.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from shared.contracts.partition import partition_of
from shared.runtime.admin import topics_of
from shared.runtime.kafka.growth import grow_topics, topic_counts
from shared.runtime.kafka.reader import end_offsets
from shared.runtime.lane import InputPosition, Lane
from shared.runtime.migrate import refuse_held, refuse_running, replace_documents, unsettled
from shared.runtime.migration_store import GROWTH, MigrationStore
from shared.runtime.ports import ENTRIES_DAY, ID, PARTITION, VERSION, Document, Record, TopicPartition
from shared.runtime.refused import RefusedError
from shared.runtime.service import Service
from shared.runtime.settings import Settings

__all__ = ["Layout", "grow", "layout", "moved"]

_FINISH = "Start the services with the old count, let them finish, stop them and try again."


@dataclass(frozen=True, slots=True)
class Layout:
    """Which partition count was in force where: `eras` are those that ended, with where, the oldest first."""

    now: Mapping[str, int]
    eras: tuple[tuple[int, Mapping[tuple[str, int], int]], ...] = ()

    def era(self, record: Record) -> int:
        """Give the number of the era in which a record was written: as many as `eras` for the present one."""
        at = record.topic, record.partition
        return next(
            (number for number, (_, ends) in enumerate(self.eras) if record.offset < ends.get(at, 0)),
            len(self.eras),
        )

    def count(self, record: Record) -> int:
        """Give the count by which a record was put on its partition."""
        era = self.era(record)
        return self.eras[era][0] if era < len(self.eras) else self.now[record.topic]

    async def ordered(self, records: AsyncIterator[Record]) -> AsyncIterator[Record]:
        """Give a topic's records era after era: a customer's lie on another partition in each.

        What belongs to a later era than the first is kept in memory until the earlier ones are over.
        """
        later: list[list[Record]] = [[] for _ in self.eras]
        async for record in records:
            era = self.era(record)
            if era == 0:
                yield record
            else:
                later[era - 1].append(record)
        for kept in later:
            for record in kept:
                yield record


async def layout(settings: Settings, topics: Sequence[str]) -> Layout:
    """Read how the topics are and were divided. Raises UnavailableError, FatalError."""
    store = MigrationStore(settings)
    try:
        await store.start()
        note = await store.note(GROWTH)
    finally:
        await store.close()
    eras = [] if note is None else note["eras"]
    return Layout(
        await topic_counts(settings, topics),
        tuple((count, {(topic, number): end for topic, number, end in ends}) for count, ends in eras),
    )


async def grow(
    settings: Settings,
    store: MigrationStore,
    services: Sequence[Service],
    to: int,
    absent: Collection[str] = (),
) -> dict[str, int]:
    """Change the partition count to `to`; give how many documents of each service have moved.

    `absent` have never run, and could never begin afterwards (`refuse_too_late`): refused until they have.

    Where that was done already, nothing happens again: a command that was killed at its very end is repeated.

    The bank and the desk must be silent meanwhile: what they publish between the look at the topics' ends and
    the growth is judged by the new count, and dead-lettered where that is another partition.

    Raises RefusedError, UnavailableError, FatalError.
    """
    note = await store.note(GROWTH)
    under_way = note is not None and note["under_way"]
    if note is not None and under_way and note["to"] != to:
        raise RefusedError(
            f"A change to {note['to']} partitions has not ended.", f"Run `{note['command']}` first."
        )
    await store.refuse_half_done(but=GROWTH)
    await store.refuse_half_restored()
    topics = topics_of(services)
    if note is not None and note["to"] == to and not under_way:
        counts = await topic_counts(settings, topics)
        if {counts.get(topic) for topic in topics} == {to}:
            return {service.name: 0 for service in services}  # it ended, and whoever gave it may not know
    old: int = note["from"] if note is not None and under_way else await _count(settings, topics, to)
    await refuse_running(settings, services)
    await refuse_held(store, services)
    bounds = await end_offsets(settings, [topic for topic in topics if not topic.endswith(".dead-letter")])
    lanes = {one.name: await _lanes(store, one, old) for one in services}
    if not under_way:
        if absent:
            raise RefusedError(
                f"{', '.join(sorted(absent))} has never run, and could not begin any more after a change of"
                " the count.",
                "Run `parley run notice` until it has read everything, or say --without-notice.",
            )
        day = _refuse_unfinished(services, lanes, bounds)
        for service in services:
            await _refuse_unsettled(store, service, lanes[service.name], to)
        await grow_topics(
            settings, topics, to, only_ask=True
        )  # a missing right shows before anything changes
        ends = [[at.topic, at.partition, end] for at, (_, end) in bounds.items()]
        note = {
            "under_way": True,
            "from": old,
            "to": to,
            "day": day.isoformat() if day is not None else None,
            "eras": [*(note["eras"] if note is not None else []), [old, ends]],
            "what": f"a change of the partition count from {old} to {to}",
            "command": f"parley migrate partitions --to {to}",
        }
        await store.write_note(GROWTH, note)
        await refuse_running(settings, services)  # one that was starting has seen the note, or is seen here
    assert note is not None  # noqa: S101 - written above or found
    await grow_topics(settings, topics, to)
    counts = {one.name: await _move(store, one, to) for one in services}
    last = date.fromisoformat(note["day"]) if note["day"] is not None else None
    for service in services:
        await _begin(store, service, lanes[service.name], range(old, to), last)
    await store.write_note(GROWTH, {**note, "under_way": False})
    return counts


async def _count(settings: Settings, topics: Sequence[str], to: int) -> int:
    """Give the topics' present count; refuse where it is not one, or not lower."""
    counts = await topic_counts(settings, topics)
    absent = [topic for topic in topics if topic not in counts]
    if absent:
        raise RefusedError(f"There is no topic {', '.join(absent)}.", "`parley prepare` creates it.")
    if len(set(counts.values())) > 1:
        raise RefusedError("The topics have different partition counts.", "`parley doctor` lists them.")
    now = counts[topics[0]]
    if to <= now:
        raise RefusedError(
            f"The topics have {now} partitions: Kafka can add some and remove none.",
            f"Give --to more than {now}.",
        )
    return now


async def _lanes(store: MigrationStore, service: Service, count: int) -> dict[int, Lane]:
    found = {raw[ID]: Lane.load(service, raw, {}) for raw in await store.positions(service.name)}
    new = {number: Lane.load(service, {ID: number, "epoch": 0, VERSION: 0}, {}) for number in range(count)}
    return {number: found.get(number, new[number]) for number in range(count)}


def _refuse_unfinished(
    services: Sequence[Service],
    lanes: Mapping[str, Mapping[int, Lane]],
    bounds: Mapping[TopicPartition, tuple[int, int]],
) -> date | None:
    """Refuse unless everything has been read and the same day closed everywhere; give that day."""
    behind: list[str] = []
    days: dict[date | None, str] = {}
    for service in services:
        for number, lane in lanes[service.name].items():
            for at, offset in lane.offsets().items():
                end = bounds[at][1] if at in bounds else 0
                if offset != end:
                    behind.append(f"{service.name} on {at.topic}[{number}]: {offset} of {end}")
            if service.waits_for:
                days.setdefault(lane.done, f"{service.name} on partition {number}")
    if behind:
        raise RefusedError(f"Not everything has been read. Behind: {'; '.join(behind[:10])}.", _FINISH)
    if len(days) > 1:
        told = "; ".join(f"{where}: {day or 'none'}" for day, where in days.items())
        raise RefusedError(f"Not the same day is closed everywhere ({told}).", _FINISH)
    return next(iter(days), None)


async def _refuse_unsettled(
    store: MigrationStore, service: Service, lanes: Mapping[int, Lane], to: int
) -> None:
    """Refuse before anything changes: facts that wait, and entries that may not have been published."""
    waiting = open_ = 0
    async for page in store.cases(service.name):
        for document in page:
            lane = lanes.get(document[PARTITION])
            if _target(document, to) == document[PARTITION]:
                continue
            waiting += bool(document["waiting"])
            open_ += lane is None or unsettled(document, lane.settled)
    if waiting:
        raise RefusedError(
            f"In {waiting} documents of {service.name} a fact waits for what it builds on.",
            "Close the day that they wait for, and try again.",
        )
    if open_:
        raise RefusedError(
            f"{open_} documents of {service.name} hold what may not have been published.", _FINISH
        )


async def _move(store: MigrationStore, service: Service, to: int) -> int:
    count = 0
    async for page in store.cases(service.name):
        changed = [moved(one, to) for one in page if _target(one, to) != one[PARTITION]]
        await replace_documents(store, service.name, changed)
        count += len(changed)
    return count


def _target(document: Mapping[str, Any], to: int) -> int:
    return partition_of(document["key"].encode(), to)


def moved(document: Document, to: int) -> Document:
    """Give the next version of a document, on the partition of its key among `to`."""
    return {
        **document,
        PARTITION: _target(document, to),
        VERSION: document[VERSION] + 1,
        "epoch": 0,
        "out": [],
        "ids": [],
        "links": [],
        "drops": [],
        "parked_upto": [],
        ENTRIES_DAY: None,
    }


async def _begin(
    store: MigrationStore, service: Service, lanes: Mapping[int, Lane], numbers: range, day: date | None
) -> None:
    """Create the positions of new partitions: nothing read, `day` done."""
    raised = await store.raise_epoch(service.name, numbers)
    closed = {topic: position.closed for topic, position in lanes[0].inputs.items()}
    new = []
    for number in numbers:
        lane = Lane.load(service, {**raised[number], "inputs": [], "done": None}, {})
        lane.done = day if service.waits_for else None
        lane.inputs = {topic: InputPosition(closed=closed.get(topic)) for topic in service.topics}
        new.append(lane.dump())
    if await store.write_positions(service.name, new):
        raise RefusedError(
            f"Somebody else has written the positions of {service.name} meanwhile.",
            "Stop its replicas and try again.",
        )
