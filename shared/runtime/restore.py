"""Going on from a database backup that is older than what Kafka holds.

A backup is of one instant: no replica runs, and every service has read every service's topic to its end.
`backup.set_mark` checks that and writes the ends of all topics into the database, so that the backup holds
them. What the bank and the desk have said may be unread: every reader has a position of its own there.

In the restored database every service stands at that instant again, while the topics hold what has been said
since. `restore` makes the two fit:

- *What came from outside is read again.* On the topics of the bank, the desk and the operators positions stay
  where they are. Ids of external messages that were kept after the backup are gone from the database with
  everything that they had caused, so that each has its effect exactly once. The closed days that intake had
  passed on to `desk.events` stay valid: they stand where they stood between the desk's facts of two days.
- *What the services have said since is void.* All readers' positions on the services' topics move to the
  present end, so that nobody acts on something that its sender no longer knows of. It is said again when its
  cause is read again, and with the same id, for ids are derived from causes: whoever acts once per id (the
  bank's core system on instructions) does not act twice.
- *No sequence is used twice.* The void messages are read once more for the highest sequence per sender and
  case, and the sender's document is raised to it. A case that did not exist at the backup gets a document
  without a state that holds the sequence alone, as one that is parked before it is opened. The archive is
  raised equally: for it, there is no gap. Services that only follow their own kinds of messages expect none
  to be contiguous.
- *What documents hold is published or will be.* An entry whose cause was said by a service has been
  published, for the marked positions stood at the end of those topics and are written after publishing. One
  whose cause came from outside or was a day (a replica was killed before its positions were written) is
  published when that is read again, with the sequence and id that it holds.
- *Nobody of before can interfere.* No group may have a member, and epochs leap beyond any that a replica
  which was forgotten somewhere can hold: its positions are refused.

What is not equal to the first time is which of two facts of one day comes first where they come by different
topics. What follows of that (an offer that stood for a moment) can carry other ids than the void ones did.

The order makes it safe to be killed anywhere and to be repeated: the plan (the present ends) is written
first, then the void ranges, then sequences are raised (to a maximum: twice is once), then service by service
the positions move, together with the epoch, and the committed offsets follow. A service whose offsets have
not been set yet refuses to start, for they lie beyond its positions (rule 15); one that is done may run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from shared.runtime.backup import (
    Bounds,
    Mark,
    Positions,
    members,
    next_of,
    now,
    outside_topics,
    own_topics,
    read_mark,
    refuse,
)
from shared.runtime.document import Case
from shared.runtime.floors import Edit, Edits, note_void, raised
from shared.runtime.kafka.groups import set_group_offsets
from shared.runtime.kafka.reader import end_offsets, scan
from shared.runtime.lane import InputPosition
from shared.runtime.migration_store import BACKUP, MigrationStore
from shared.runtime.mongo import MongoStore
from shared.runtime.ports import ID, PARTITION, VERSION, Document, FatalError, TopicPartition
from shared.runtime.refused import RefusedError
from shared.runtime.service import EXTERNAL, Service, topic_of
from shared.runtime.settings import Settings
from shared.runtime.voids import OWNER, VOIDS, Void

__all__ = ["Plan", "Report", "moved", "plan_restore", "problems", "restore"]

_AT_ONCE: Final = 500  # documents
_LEAP: Final = 1_000_000  # above every epoch of before, should the wall clock have gone wrong


@dataclass(frozen=True, slots=True)
class Plan:
    """What `restore` will do: the mark it goes on from, and the ranges that it declares void.

    `again` counts the records from outside that are read again by intake, the first to read them.
    """

    mark: Mark
    voids: Sequence[Void]
    again: int

    @property
    def void(self) -> int:
        """How many records that are."""
        return sum(one.end - one.start for one in self.voids)


@dataclass(slots=True)
class Report:
    """What `restore` has done: positions moved (one per service and partition), sequences raised (one per
    sender and case, archive included), documents made for cases that did not exist, void records read.
    """

    positions: int = 0
    raised: int = 0
    made: int = 0
    void: int = 0


def problems(
    services: Sequence[Service],
    mark: Mark,
    prefix: str,
    positions: Positions,
    bounds: Bounds,
) -> list[str]:
    """Say why a restored database must not be worked on, in sentences; [] if nothing speaks against it."""
    if mark.finished is not None:
        return [f"it was done already, at {mark.finished}"]
    if mark.prefix != prefix:
        return ["the mark is of topics with another prefix"]
    found: list[str] = []
    own = set(own_topics(services))
    marked_topics = {at.topic for at in mark.ends}
    later = sorted({at.topic for at in bounds if at.topic in own} - marked_topics)
    if later:
        found.append(f"{', '.join(later)} came after the backup: nothing says what was read before it")
    if any(at not in mark.ends for at in bounds if at.topic in own & marked_topics):
        found.append("the topics have been given more partitions since the backup")
    for at, end in mark.ends.items():
        first, now = bounds.get(at, (0, 0))
        if now < end:
            found.append(f"{at.topic}[{at.partition}] ends at {now}, before the mark ({end}): another Kafka")
        elif at.topic in own and first > end and not at.topic.endswith(".dead-letter"):
            found.append(
                f"{at.topic}[{at.partition}]: retention has removed {first - end} records whose sequences"
                " would be used again"
            )
    for service in services:
        there = {position[ID]: position for position in positions.get(service.name, ())}
        for (name, number), marked in mark.next.items():
            if name != service.name:
                continue
            position = there.get(number, {})
            if mark.begun is not None and position.get("epoch", 0) >= mark.epoch:
                continue  # moved by a run that was interrupted; it may have gone on since
            if next_of(position) != marked:
                found.append(
                    f"{name} on partition {number} does not stand where the mark says: the backup is not of"
                    " that instant, or a service has run since it was restored"
                )
            for topic in outside_topics(service.topics):
                first, _ = bounds.get(TopicPartition(topic, number), (0, 0))
                gone = first - marked.get(topic, 0)
                if gone > 0:
                    found.append(
                        f"{topic}[{number}]: retention has removed {gone} records {name} must read again"
                    )
    return found


async def _written_since(store: MongoStore, services: Sequence[Service], mark: Mark) -> list[str]:
    """Say which services have written a document after the mark: then it is not of that instant."""
    found = []
    for service in services:
        documents = await store.every(service.name, "cases", ("epoch", PARTITION))
        if any(one["epoch"] > mark.epochs.get((service.name, one[PARTITION]), 0) for one in documents):
            found.append(f"{service.name} wrote after the mark: the backup is not of that instant")
    return found


async def plan_restore(settings: Settings, services: Sequence[Service]) -> Plan:
    """See what has to be done. Changes nothing.

    Raises RefusedError for everything that would lose or double an effect, with the reason; FatalError where
    a migration is half done; UnavailableError while a server is away.
    """
    again = "When that is mended, run `parley backup restored`."
    refuse(await members(settings, services), again)
    store = MigrationStore(settings)
    try:
        await store.start()
        await store.refuse_half_done()
        mark = await read_mark(store)
        if mark is None:
            raise RefusedError(
                "There is no mark in this database: the backup was taken without `parley backup mark`, and"
                " nothing says what was said after it.",
                "Restore a backup that has one.",
            )
        bounds = await end_offsets(settings, [*own_topics(services), *map(topic_of, sorted(EXTERNAL))])
        positions = {service.name: await store.positions(service.name) for service in services}
        refuse(problems(services, mark, settings.prefix, positions, bounds), again)
        if mark.begun is None:
            refuse(await _written_since(store, services, mark), again)
    finally:
        await store.close()
    own = set(own_topics(services))
    until = mark.until or {at: end for at, (_, end) in bounds.items() if at.topic in own}
    voids = [
        Void(at.topic, at.partition, mark.ends.get(at, 0), end)
        for at, end in sorted(until.items())
        if mark.ends.get(at, 0) < end
    ]
    reread = sum(
        bounds[TopicPartition(topic, number)][1] - row.get(topic, 0)
        for (name, number), row in mark.next.items()
        if name == services[0].name
        for topic in outside_topics(services[0].topics)
        if TopicPartition(topic, number) in bounds
    )
    return Plan(mark, voids, reread)


async def restore(settings: Settings, services: Sequence[Service], plan: Plan) -> Report:
    """Make the restored database and Kafka fit, so that the services can be started.

    Repeat it (with a new plan) if it was interrupted. Raises FatalError where somebody else writes the
    documents, and UnavailableError.
    """
    report = Report()
    store = MongoStore(settings)
    try:
        await store.start()
        mark = plan.mark if plan.mark.begun is not None else await _begin(services, store, plan)
        for void in plan.voids:
            await store.put(OWNER, VOIDS, void.dump(mark.begun or ""))
        edits = await _edits(settings, services, plan.voids, report)
        for service in services:
            await _raise_sequences(store, service, edits[service.name], mark, report)
        for service in services:
            await _move(settings, store, service, mark, report)
        await store.put(OWNER, BACKUP, _with(mark, finished=now()))
    finally:
        await store.close()
    return report


def _with(mark: Mark, **changes: Any) -> Document:
    return {**mark.dump(), **changes}


async def _begin(services: Sequence[Service], store: MongoStore, plan: Plan) -> Mark:
    """Write down what is void and from which epoch on, before anything is changed."""
    own = set(own_topics(services))
    until = {at: end for at, end in plan.mark.ends.items() if at.topic in own}
    until |= {TopicPartition(void.topic, void.partition): void.end for void in plan.voids}
    highest = max([p["epoch"] for service in services for p in await store.positions(service.name)])
    begun = _with(
        plan.mark,
        begun=now(),
        until=[[*at, end] for at, end in until.items()],
        # The wall clock's second: also above what an earlier restoration of the same backup led to.
        epoch=max(highest + _LEAP, int(datetime.now(UTC).timestamp())),
    )
    await store.put(OWNER, BACKUP, begun)
    return Mark.load(begun)


# -- sequences ------------------------------------------------------------------------------------------


async def _edits(
    settings: Settings, services: Sequence[Service], voids: Sequence[Void], report: Report
) -> Edits:
    edits: Edits = {service.name: {} for service in services}
    ranges: dict[str, dict[int, Void]] = defaultdict(dict)
    for void in voids:
        ranges[void.topic][void.partition] = void
    for topic, there in ranges.items():
        if topic not in {service.topic for service in services if service.emits}:
            continue
        counts = {number: void.start for number, void in there.items()}
        async for record in scan(settings, topic, counts):
            void = there.get(record.partition)  # type: ignore[assignment]
            if void is not None and void.start <= record.offset < void.end:
                report.void += 1
                note_void(record, services, edits)
    return edits


async def _raise_sequences(
    store: MongoStore, service: Service, edits: Mapping[str, Edit], mark: Mark, report: Report
) -> None:
    ids = sorted(edits)
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        stored = await store.load_many(service.name, some)
        written = []
        for id_ in some:
            edit = edits[id_]
            document = stored.get(id_)
            if document is None:
                epoch = mark.epochs.get((service.name, edit.partition), 0)
                document = {**Case(id_, edit.partition, edit.key).dump(service, epoch), VERSION: 0}
                report.made += 1
            changed = raised(document, edit)
            if changed is not None:
                written.append(changed)
                report.raised += len(edit.sent) + len(edit.marks)
        if await store.replace_many(service.name, written):
            raise FatalError(f"{service.name}: somebody else writes its documents", "parley backup restored")


# -- positions --------------------------------------------------------------------------------------------


def moved(service: Service, position: Document, mark: Mark) -> Document:
    """Give a positions document that starts after what is void on the services' topics."""
    own = set(mark.until)
    rows = {row["topic"]: row for row in position.get("inputs", ())}
    for topic in service.topics:
        at = TopicPartition(topic, position[ID])
        if at in own:
            row = rows.get(topic) or InputPosition().dump(topic)
            rows[topic] = {**row, "next": max(row["next"], mark.until[at])}
    return {
        **position,
        "epoch": mark.epoch,
        VERSION: position[VERSION] + 1,
        "inputs": [row for _, row in sorted(rows.items())],
    }


async def _move(settings: Settings, store: MongoStore, service: Service, mark: Mark, report: Report) -> None:
    """Move a service's positions, then set its group's offsets: the mirror of them (rule 14)."""
    offsets: dict[TopicPartition, int] = {}
    for stored in await store.positions(service.name):
        position = stored
        if stored["epoch"] < mark.epoch:
            position = moved(service, stored, mark)
            await store.put(service.name, "positions", position)
            report.positions += 1
        reached = next_of(position)
        offsets |= {TopicPartition(topic, position[ID]): reached.get(topic, 0) for topic in service.topics}
    await set_group_offsets(settings, service.group, offsets)
