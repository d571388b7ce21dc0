"""The log in memory: topics, groups with eager Range assignment, generations, evicted members that go on.

Same contracts as the real adapter (tests/runtime/conformance.py). Fault-free by itself; the simulation wraps
it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence

from shared.contracts.partition import partition_of
from shared.runtime.ports import (
    Headers,
    Listener,
    NotOwnerError,
    OffsetLostError,
    Outgoing,
    Record,
    TopicPartition,
    UnencodableError,
)

__all__ = ["MemoryConsumer", "MemoryLog", "MemoryPublisher", "range_assignment"]


def range_assignment(
    members: Sequence[str], topics: Sequence[str], partitions: int
) -> dict[str, set[TopicPartition]]:
    """Assign as Kafka's RangeAssignor: every topic has as many partitions and all members read all."""
    given: dict[str, set[TopicPartition]] = {member: set() for member in members}
    ordered = sorted(members)
    if not ordered:
        return given
    share, extra = divmod(partitions, len(ordered))
    start = 0
    for index, member in enumerate(ordered):
        count = share + (index < extra)
        for number in range(start, start + count):
            given[member].update(TopicPartition(topic, number) for topic in topics)
        start += count
    return given


class _Group:
    """The coordinator of one consumer group."""

    def __init__(self, log: MemoryLog, name: str) -> None:
        self.log = log
        self.name = name
        self.generation = 0
        self.members: list[MemoryConsumer] = []
        self.committed: dict[TopicPartition, int] = {}
        self._task: asyncio.Task[None] | None = None
        self._again = False

    def rebalance(self) -> None:
        """Start a rebalance, or make the running one start over."""
        self._again = True
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def settled(self) -> None:
        """Wait until no rebalance is running."""
        while self._task is not None and not self._task.done():
            await asyncio.shield(self._task)

    async def _run(self) -> None:
        while self._again:
            self._again = False
            await asyncio.gather(*(self._revoke(member) for member in list(self.members)))
            self.generation += 1
            shares = range_assignment(
                [member.member_id for member in self.members],
                self.members[0].topics if self.members else (),
                self.log.partitions,
            )
            for member in list(self.members):
                member.assign(self.generation, shares[member.member_id])

    async def _revoke(self, member: MemoryConsumer) -> None:
        try:
            await asyncio.wait_for(member.revoke(), self.log.rebalance_timeout)
        except TimeoutError:
            self.evict(member)

    def evict(self, member: MemoryConsumer) -> None:
        """Throw a member out that does not answer: it goes on until it notices."""
        if member in self.members:
            self.members.remove(member)
            member.evicted = True
            self.rebalance()


class MemoryLog:
    """All topics of one cluster. One event loop; survives the consumers and publishers that it hands out."""

    def __init__(
        self,
        partitions: int = 4,
        *,
        max_bytes: int = 1_000_000,
        rebalance_timeout: float = 30.0,
        timestamp: Callable[[], int] = lambda: 0,
    ) -> None:
        self.partitions = partitions
        self.max_bytes = max_bytes
        self.rebalance_timeout = rebalance_timeout
        self._timestamp = timestamp
        self._topics: dict[str, list[list[Record]]] = {}
        self._starts: dict[TopicPartition, int] = {}
        self._groups: dict[str, _Group] = {}
        self._watchers: dict[str, dict[asyncio.Event, None]] = {}
        self._members = 0

    def group(self, name: str) -> _Group:
        """Give a group's coordinator."""
        return self._groups.setdefault(name, _Group(self, name))

    def records(self, topic: str, partition: int) -> list[Record]:
        """Give what one partition holds (for oracles and tests)."""
        start = self._starts.get(TopicPartition(topic, partition), 0)
        return self._logs(topic)[partition][start:]

    def tail(self, at: TopicPartition, position: int, most: int) -> list[Record]:
        """Give up to `most` records from an offset on."""
        return self._logs(at.topic)[at.partition][position : position + most]

    def topic(self, topic: str) -> list[Record]:
        """Give what a topic holds, partition by partition."""
        return [record for number in range(self.partitions) for record in self.records(topic, number)]

    @property
    def topics(self) -> list[str]:
        """The topics that anybody has written or read."""
        return sorted(self._topics)

    def _logs(self, topic: str) -> list[list[Record]]:
        return self._topics.setdefault(topic, [[] for _ in range(self.partitions)])

    def append(self, out: Outgoing) -> Record:
        """Append one record at once."""
        partition = out.partition
        if partition is None:
            partition = partition_of(out.key, self.partitions) if out.key is not None else 0
        log = self._logs(out.topic)[partition]
        record = Record(
            out.topic, partition, len(log), out.key, out.value, tuple(out.headers), self._timestamp()
        )
        log.append(record)
        for event in self._watchers.get(out.topic, ()):
            event.set()
        return record

    def trim(self, at: TopicPartition, start: int) -> None:
        """Forget what lies before `start`, as retention does."""
        self._starts[at] = start

    def bounds(self, at: TopicPartition) -> tuple[int, int]:
        """Give the first offset held and the next to be written."""
        return self._starts.get(at, 0), len(self._logs(at.topic)[at.partition])

    def watch(self, topics: Sequence[str], event: asyncio.Event) -> None:
        """Set `event` whenever something is appended to one of `topics`."""
        for topic in topics:
            self._watchers.setdefault(topic, {})[event] = None

    def unwatch(self, event: asyncio.Event) -> None:
        """Stop watching."""
        for watchers in self._watchers.values():
            watchers.pop(event, None)

    def consumer(self, group: str, client_id: str) -> MemoryConsumer:
        """Make a consumer."""
        self._members += 1
        return MemoryConsumer(self, self.group(group), f"{client_id}-{self._members:06d}")

    def publisher(self) -> MemoryPublisher:
        """Give a publisher."""
        return MemoryPublisher(self)


class MemoryPublisher:
    """Appends in order."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Append all. What is too large is a bug of the caller: it should have been measured."""
        for record in records:
            self.measure(record)
            self._log.append(record)
        await asyncio.sleep(0)

    def measure(self, record: Outgoing) -> None:
        """Refuse what is over the limit; dead letters may be twice as large."""
        limit = self._log.max_bytes * (2 if record.topic.endswith(".dead-letter") else 1)
        if size_of(record.key, record.value, record.headers) > limit:
            raise UnencodableError("larger than the topic's limit")


def size_of(key: bytes | None, value: bytes | None, headers: Headers) -> int:
    """Give an upper bound of what a record takes in a Kafka batch, in bytes."""
    size = 100 + len(key or b"") + len(value or b"")
    return size + sum(10 + len(name.encode()) + len(content or b"") for name, content in headers)


class MemoryConsumer:
    """One member."""

    def __init__(self, log: MemoryLog, group: _Group, member_id: str) -> None:
        self.member_id = member_id
        self.topics: tuple[str, ...] = ()
        self.evicted = False
        self._log = log
        self._group = group
        self._listener: Listener | None = None
        self._generation = 0
        self._group_generation = -1
        self._assigned: frozenset[TopicPartition] = frozenset()
        self._paused: set[TopicPartition] = set()
        self._position: dict[TopicPartition, int] = {}
        self._grown = asyncio.Event()
        self._turn = 0
        self._stopped = False

    @property
    def generation(self) -> int:
        """Rises with every assignment."""
        return self._generation

    async def start(self, topics: Sequence[str], listener: Listener) -> None:
        """Join."""
        self.topics = tuple(topics)
        self._listener = listener
        self._stopped = self.evicted = False
        self._log.watch(self.topics, self._grown)
        self._group.members.append(self)
        self._group.rebalance()
        await self._group.settled()

    async def stop(self) -> None:
        """Leave."""
        if self._stopped:
            return
        self._stopped = True
        self._log.unwatch(self._grown)
        await self.revoke()
        if self in self._group.members:
            self._group.members.remove(self)
            self._group.rebalance()

    def evict(self) -> None:
        """Be thrown out, as if the session had timed out; the member itself finds out later."""
        self._group.evict(self)

    def crash(self) -> None:
        """Be gone without a word: the group finds out as if the session had timed out."""
        self._stopped = True
        self._log.unwatch(self._grown)
        self._listener = None
        self._group.evict(self)

    async def revoke(self) -> None:
        """Give the assignment up (called by the group)."""
        if self._listener is not None and self._assigned:
            await self._listener.on_revoked(self._assigned)
        self._assigned = frozenset()

    def assign(self, generation: int, share: Collection[TopicPartition]) -> None:
        """Take the new assignment: everything paused at 0 (called by the group)."""
        self._group_generation = generation
        self._generation += 1
        self._assigned = frozenset(share)
        self._paused = set(share)
        self._position = dict.fromkeys(share, 0)
        if self._listener is not None:
            self._listener.on_assigned(self._assigned)
        self._grown.set()

    def assignment(self) -> frozenset[TopicPartition]:
        """The assigned partitions."""
        return self._assigned

    async def _notice(self) -> None:
        """Find out about the eviction, as a heartbeat would, and join again."""
        self.evicted = False
        await self.revoke()
        if not self._stopped:
            self._group.members.append(self)
            self._group.rebalance()

    async def poll(self, max_records: int, timeout: float) -> list[Record]:
        """Give records round-robin over the partitions."""
        if self.evicted and not self._stopped:
            await self._notice()
        self._grown.clear()
        found = self._take(max_records)
        if not found:
            try:
                await asyncio.wait_for(self._grown.wait(), timeout)
            except TimeoutError:
                return []
            found = self._take(max_records)
        else:
            await asyncio.sleep(0)
        return found

    def _take(self, max_records: int) -> list[Record]:
        ready = sorted(self._assigned - self._paused)
        if not ready:
            return []
        self._turn = (self._turn + 1) % len(ready)
        found: list[Record] = []
        for at in ready[self._turn :] + ready[: self._turn]:
            start, end = self._log.bounds(at)
            position = self._position[at]
            if not start <= position <= end:
                raise OffsetLostError(at.topic, at.partition, position)
            if position == end:
                continue
            chunk = self._log.tail(at, position, max_records - len(found))
            self._position[at] = position + len(chunk)
            found += chunk
        return found

    def pause(self, partitions: Collection[TopicPartition]) -> None:
        """Deliver nothing of them."""
        self._paused |= set(partitions) & self._assigned

    def resume(self, partitions: Collection[TopicPartition]) -> None:
        """Deliver them again."""
        self._paused -= set(partitions)
        self._grown.set()

    def seek(self, at: TopicPartition, offset: int) -> None:
        """Continue from `offset`."""
        if at not in self._assigned:
            raise NotOwnerError(f"{at.topic}[{at.partition}] is not assigned")
        self._position[at] = offset

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commit, if this member is still of the group's generation."""
        await asyncio.sleep(0)
        if self.evicted or self._stopped or self._group_generation != self._group.generation:
            raise NotOwnerError("the group has gone on without this member")
        self._group.committed.update({at: o for at, o in offsets.items() if at in self._assigned})

    async def committed(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """Read committed offsets."""
        await asyncio.sleep(0)
        return {at: self._group.committed[at] for at in partitions if at in self._group.committed}

    async def bounds(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, tuple[int, int]]:
        """Read the bounds."""
        await asyncio.sleep(0)
        return {at: self._log.bounds(at) for at in partitions}

    def high_water(self, at: TopicPartition) -> int | None:
        """The next offset to be written."""
        return self._log.bounds(at)[1]

    async def ends(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """The next offset to be written."""
        await asyncio.sleep(0)
        return {at: self._log.bounds(at)[1] for at in partitions if at in self._assigned}
