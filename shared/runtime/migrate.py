"""Migrations of a stopped service: what each refuses, a rebuild, a replay; and whether a replica may go.

Every one of them may be killed at any point and given again. None says anything on a topic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from shared.runtime.document import RUNTIME_SCHEMA, Cause, record_name
from shared.runtime.kafka.groups import group_standing, groups_with_members, set_group_offsets
from shared.runtime.kafka.reader import end_offsets
from shared.runtime.lane import InputPosition, Lane
from shared.runtime.migration_store import GROWTH, MigrationStore
from shared.runtime.ports import ENTRIES_DAY, ID, VERSION, Document, TopicPartition
from shared.runtime.refused import RefusedError
from shared.runtime.service import Service, topic_of
from shared.runtime.settings import Settings
from shared.runtime.voids import read_voids

__all__ = [
    "pruned",
    "rebuild",
    "refuse_held",
    "refuse_running",
    "replace_documents",
    "replay",
    "unready",
    "unsettled",
]

_REBUILD: Final = "rebuild"
_ENTRIES: Final = ("out", "ids", "links", "drops")
_KEPT: Final = ("links", "ids", "parked", "cases")


# -- what is refused ------------------------------------------------------------------------------------


async def refuse_running(settings: Settings, services: Iterable[Service]) -> None:
    """Refuse while a replica of one of the services runs: it would write what is being migrated."""
    names = {service.group: service.name for service in services}
    running = await groups_with_members(settings, names)
    if running:
        told = (f"{names[group]} ({count})" for group, count in running.items())
        raise RefusedError(
            f"Replicas are running: {', '.join(told)}.",
            "Stop them with SIGTERM and try again; one that was killed counts until its session times out.",
        )


async def refuse_held(store: MigrationStore, services: Iterable[Service]) -> None:
    """Refuse while cases are held: the names of their parked records are places in the topics."""
    held = [one.name for one in services if await store.parked_documents(one.name, "", 1)]
    if held:
        raise RefusedError(
            f"Cases are held by {', '.join(held)}.",
            "`parley dead held` lists them: replay or discard them first.",
        )


async def _refuse_gaps(settings: Settings, topics: Sequence[str]) -> dict[TopicPartition, tuple[int, int]]:
    """Refuse where a topic no longer has its first records; give the bounds."""
    bounds = await end_offsets(settings, topics)
    absent = sorted(set(topics) - {at.topic for at in bounds})
    if absent:
        raise RefusedError(f"There is no topic {', '.join(absent)}.", "`parley prepare` creates it.")
    gone = [f"{at.topic}[{at.partition}] begins at {first}" for at, (first, _) in bounds.items() if first]
    if gone:
        raise RefusedError(
            f"Retention has removed the start of a topic: {', '.join(gone)}.",
            "What is gone cannot be read again: restore a backup instead, and set retention.ms=-1.",
        )
    return bounds


async def _refuse_regrouped(store: MigrationStore) -> None:
    """Refuse after a change of the partition count.

    What was written before stands on the partitions of the old count: it would be read by the owner of
    another partition than its customer's, and what came from outside would be dead-lettered.
    """
    note = await store.note(GROWTH)
    if note is not None and note["eras"]:
        raise RefusedError(
            "The partition count has been changed: older records stand on the partitions of the old count.",
            "They cannot be read again in place.",
        )


async def _refuse_void(settings: Settings, topics: Iterable[str]) -> None:
    """Refuse where a restored backup has made records void: read from the start, they would be acted on."""
    void = sorted((await read_voids(settings)).topics & set(topics))
    if void:
        raise RefusedError(
            f"A restored backup has made records void on {', '.join(void)}.",
            "They must not be read again; `parley check` says how many they are.",
        )


# -- rebuild --------------------------------------------------------------------------------------------


async def rebuild(settings: Settings, store: MigrationStore, service: Service) -> dict[str, int]:
    """Forget what a read model holds, so that it reads everything again; give how much was deleted, by kind.

    The note keeps it from being started on half of its documents. The positions stay, emptied, for the sake
    of their epoch: a replica that was thought dead still loses against it (rule 14).

    Raises RefusedError, UnavailableError, FatalError.
    """
    if service.emits:
        raise RefusedError(
            f"{service.name} publishes: rebuilt, it would say everything again.",
            "Only the archive can be rebuilt; `parley migrate replay` reads one topic again.",
        )
    await store.refuse_half_done(but=_REBUILD)
    await store.refuse_half_restored()
    await refuse_running(settings, [service])
    await _refuse_regrouped(store)
    await _refuse_void(settings, service.topics)
    bounds = await _refuse_gaps(settings, service.topics)
    note = {
        "under_way": True,
        "what": f"a rebuild of {service.name}",
        "command": f"parley migrate rebuild {service.name}",
    }
    await store.write_note(_REBUILD, note)
    await refuse_running(settings, [service])  # one that was starting has seen the note, or is seen here
    await _rewind(settings, store, service, bounds)
    deleted = {kind: await store.clear(service.name, kind) for kind in _KEPT}
    await store.write_note(_REBUILD, {**note, "under_way": False})
    return deleted


async def _rewind(
    settings: Settings, store: MigrationStore, service: Service, inputs: Iterable[TopicPartition]
) -> None:
    """Set inputs of a service to their start, with counters at zero: they add up to the position.

    What was discarded on them stays discarded: the lanes know it when they read it again. The group's offsets
    go first: takeover refuses one beyond the position, not one before it.
    """
    rewound = list(inputs)
    await set_group_offsets(settings, service.group, dict.fromkeys(rewound, 0))
    numbers = sorted({at.partition for at in rewound})
    discarded = await store.discarded(service.name)
    positions = await store.raise_epoch(service.name, numbers)
    changed: list[Document] = []
    for number in numbers:
        lane = Lane.load(service, positions[number], {})
        for at in rewound:
            if at.partition == number:
                lane.inputs[at.topic] = InputPosition(closed=lane.inputs[at.topic].closed)
        lane.discarded |= {record_name(*one) for one in discarded if one[1] == number}
        changed.append(lane.dump())
    lost = await store.write_positions(service.name, changed)
    if lost:
        raise RefusedError(
            f"Somebody else has written the positions of {service.name} meanwhile.",
            "Stop its replicas and try again.",
        )


# -- replay ---------------------------------------------------------------------------------------------


async def replay(settings: Settings, store: MigrationStore, service: Service, topic: str) -> int:
    """Rewind one input of a stopped service to its start; give how many records it will read again.

    What it did about them before is dropped as a duplicate, by marks and ids (rules 3 and 6). Entries whose
    publishing is known to have succeeded leave the documents before the position goes back: it is by the
    position that they are known (rule 2), and a document that is loaded publishes what it still holds.

    Raises RefusedError, UnavailableError, FatalError.
    """
    if topic == topic_of("ops"):
        raise RefusedError("What operators said once is not obeyed again.", "Choose another input.")
    if topic not in service.topics:
        raise RefusedError(
            f"{service.name} does not read {topic}.",
            f"It reads {', '.join(one for one in service.topics if one != topic_of('ops'))}.",
        )
    await store.refuse_half_done()
    await store.refuse_half_restored()
    await refuse_running(settings, [service])
    await _refuse_regrouped(store)
    await _refuse_void(settings, [topic])
    await refuse_held(store, [service])
    bounds = await _refuse_gaps(settings, [topic])
    lanes = {raw[ID]: Lane.load(service, raw, {}) for raw in await store.positions(service.name)}
    async for page in store.cases(service.name):
        known = [one for one in page if one["partition"] in lanes]
        changed = [pruned(one, lanes[one["partition"]].settled) for one in known]
        await replace_documents(store, service.name, [one for one in changed if one is not None])
    await refuse_running(settings, [service])
    await _rewind(settings, store, service, bounds)
    return sum(lanes[at.partition].inputs[topic].next for at in bounds if at.partition in lanes)


def unsettled(document: Mapping[str, Any], settled: Callable[[Cause], bool]) -> bool:
    """Say whether a document holds an entry that is not known to be published."""
    return any(not settled(Cause.load(entry[0])) for name in _ENTRIES for entry in document[name])


def pruned(document: Document, settled: Callable[[Cause], bool]) -> Document | None:
    """Give the next version of a document without its settled entries; None if it holds none.

    As Case.prune does, but on what is stored: its schema version stays its writer's.
    """
    left = {
        name: [entry for entry in document[name] if not settled(Cause.load(entry[0]))] for name in _ENTRIES
    }
    if all(len(left[name]) == len(document[name]) for name in _ENTRIES):
        return None
    days = [entry[0][0] for entries in left.values() for entry in entries if len(entry[0]) == 1]
    return {**document, **left, ENTRIES_DAY: max(days, default=None), VERSION: document[VERSION] + 1}


async def replace_documents(store: MigrationStore, service: str, documents: Sequence[Document]) -> None:
    lost = await store.replace_many(service, documents)
    if lost:
        raise RefusedError(
            f"Somebody else writes documents of {service}.", "Stop its replicas and try again."
        )


# -- one replica after the other ------------------------------------------------------------------------


async def unready(
    settings: Settings, store: MigrationStore, services: Sequence[Service], *, most_behind: int
) -> list[str]:
    """Say why the next replica must not be stopped yet, in sentences; [] if it may.

    Two replicas at least, so that one is left; partitions that have owners; and not more than `most_behind`
    records behind, so that the one that is left does not begin with a queue.
    """
    reasons: list[str] = []
    for service in services:
        group = await group_standing(settings, service.group)
        if not group.steady:
            reasons.append(f"{service.name}: its partitions are being shared out ({group.state}): wait.")
        elif group.members < 2:
            reasons.append(
                f"{service.name}: {group.members or 'no'} replica runs: start another one first, or nobody"
                " works while it is away."
            )
        behind = await _behind(settings, store, service)
        if behind > most_behind:
            reasons.append(f"{service.name}: {behind} records behind: wait.")
        if await store.newer_schema(service.name, RUNTIME_SCHEMA, service.schema_version):
            reasons.append(
                f"{service.name}: a newer version has written its documents, and this one refuses them: go on"
                " with that version."
            )
    return reasons


async def _behind(settings: Settings, store: MigrationStore, service: Service) -> int:
    positions = {
        TopicPartition(row["topic"], raw[ID]): row["next"]
        for raw in await store.positions(service.name)
        for row in raw.get("inputs", ())
    }
    bounds = await end_offsets(settings, service.topics)
    return sum(max(0, end - positions.get(at, 0)) for at, (_, end) in bounds.items())
