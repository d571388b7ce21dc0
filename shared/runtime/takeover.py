"""Taking lanes over after a rebalance.

Committed offsets, epoch, positions, bounds, the last marker (rules 14, 15).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from shared.runtime.batch import Shell
from shared.runtime.days import markers
from shared.runtime.lane import Lane
from shared.runtime.ports import Consumer, FatalError, TopicPartition
from shared.runtime.service import Service

__all__ = ["owned_partitions", "take_over"]


def owned_partitions(service: Service, assigned: Collection[TopicPartition]) -> list[int]:
    """Give the partition numbers that are assigned on every input; others are not worked on (rule 8)."""
    numbers = {at.partition for at in assigned}
    return sorted(
        number
        for number in numbers
        if all(TopicPartition(topic, number) in assigned for topic in service.topics)
    )


async def take_over(shell: Shell, consumer: Consumer, numbers: Collection[int]) -> dict[int, Lane]:
    """Make this replica the owner of the partition numbers; give the lanes, positioned but not resumed.

    In this order (rule 14): the committed offsets are read, then the epoch is raised, and only the positions
    that this returned count. The other way round a former owner could still commit beyond what was read.
    """
    service, store = shell.service, shell.ports.store
    inputs = [TopicPartition(topic, number) for number in numbers for topic in service.topics]
    committed = await shell.insist("take-over", lambda: consumer.committed(inputs))
    positions = await shell.insist("take-over", lambda: store.raise_epoch(service.name, numbers))
    bounds = await shell.insist("take-over", lambda: consumer.bounds(inputs))
    work = await shell.insist("take-over", lambda: store.workload(service.name, numbers))
    # After the epoch: what another owner writes from now on is refused, or found by its message.
    waking: dict[int, dict[str, str]] = {}
    if service.waits_for:
        waking = await shell.insist("take-over", lambda: store.waking(service.name, numbers))
    lanes = {
        number: Lane.load(service, positions[number], work.get(number, {}), waking.get(number))
        for number in numbers
    }
    for lane in lanes.values():
        check(service, lane, committed, bounds)
    # Between positions and marker an owner may have died: say again what was done last (rule 18).
    last = markers(service, lanes.values())
    if last:
        await shell.insist("publish", lambda: shell.publisher.publish(last))
    offsets = {at: offset for lane in lanes.values() for at, offset in lane.offsets().items()}
    await shell.insist("commit", lambda: consumer.commit(offsets))
    for at, offset in offsets.items():
        consumer.seek(at, offset)
    return lanes


def check(
    service: Service,
    lane: Lane,
    committed: Mapping[TopicPartition, int],
    bounds: Mapping[TopicPartition, tuple[int, int]],
) -> None:
    """Refuse to guess an offset (rule 15)."""
    for at, position in lane.offsets().items():
        first, end = bounds[at]
        where = f"{service.name}: {at.topic}[{at.partition}]"
        if committed.get(at, 0) > position:
            raise FatalError(
                f"{where}: the group has committed offset {committed[at]} beyond the position {position}: the"
                " database is older than Kafka, or another database is in use",
                "parley backup restored",
            )
        if position > end:
            raise FatalError(
                f"{where}: the position {position} lies beyond the log's end {end}: is it a new topic?",
                "parley check",
            )
        if position < first:
            raise FatalError(
                f"{where}: the position {position} lies before the log's start {first}: retention has removed"
                f" {first - position} records that were never read",
                "parley check",
            )
