"""The log: consumers, their listener, and publishers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from shared.runtime.ports.records import Outgoing, Record, TopicPartition

__all__ = [
    "Consumer",
    "Listener",
    "Log",
    "Publisher",
]


class Listener(Protocol):
    """Told about the assignment; implemented by the engine."""

    async def on_revoked(self, partitions: Collection[TopicPartition]) -> None:
        """Give the partitions up: finish the batch in hand. The consumer awaits this before it lets go.

        Never raises and returns within the engine's drain deadline. It is not called, or called late, for a
        member that the group has already thrown out.
        """
        ...

    def on_assigned(self, partitions: Collection[TopicPartition]) -> None:
        """Take note of the whole new assignment. Synchronous: the engine's loop does the rest.

        Before this call, and before its own first await, the consumer has paused every assigned partition and
        sought it to 0, so that nothing is delivered until the engine seeks and resumes.
        """
        ...


class Consumer(Protocol):
    """One member of one group. One task calls `poll`.

    The other methods may run beside it, from that task's loop. Every method that waits, `start` and `stop`
    apart, may raise BrokenError: a consumer that cannot go on says so instead of staying silent.
    """

    @property
    def generation(self) -> int:
        """A number that rises with every `on_assigned` of this consumer (not the broker's generation)."""
        ...

    async def start(self, topics: Sequence[str], listener: Listener) -> None:
        """Join the group with Range assignment over `topics`.

        Returns when joined or raises UnavailableError. May be called again after `stop`: it joins anew, as
        another member.
        """
        ...

    async def stop(self) -> None:
        """Leave the group (after `on_revoked`); idempotent; commits nothing by itself.

        Never waits for ever.
        """
        ...

    def assignment(self) -> frozenset[TopicPartition]:
        """The partitions assigned by the last `on_assigned`; empty after a revocation."""
        ...

    async def poll(self, max_records: int, timeout: float) -> list[Record]:
        """Give up to `max_records` raw records of assigned partitions that are not paused; [] after
        `timeout` seconds.

        Ordered by offset within a partition, without holes but those of the log itself; each record once per
        seek. At least once over restarts. The position is this consumer's own: nothing is committed. A
        partition is never starved for ever by another. Raises UnavailableError, or OffsetLostError where the
        position is not in the log.
        """
        ...

    def pause(self, partitions: Collection[TopicPartition]) -> None:
        """Deliver nothing of them from the next poll on; their positions stay.

        Unassigned ones are ignored.
        """
        ...

    def resume(self, partitions: Collection[TopicPartition]) -> None:
        """Deliver them again. Unassigned ones are ignored."""
        ...

    def seek(self, at: TopicPartition, offset: int) -> None:
        """Continue `at` from `offset`; records fetched before are dropped.

        An unassigned one raises NotOwnerError.
        """
        ...

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commit next offsets for the group, all or (of those still assigned) none.

        Waits for the broker's answer. Partitions that are no longer assigned are left out. Raises
        NotOwnerError when the group refuses this member, UnavailableError otherwise. Repeating it is
        harmless.
        """
        ...

    async def committed(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """Read the group's committed next offsets from the broker (never from a cache); none, no entry."""
        ...

    async def bounds(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, tuple[int, int]]:
        """Read the first offset held and the next offset to be written, of every given partition."""
        ...

    def high_water(self, at: TopicPartition) -> int | None:
        """The next offset to be written as of the last fetch, or None if not known. For lag only."""
        ...

    async def ends(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """Ask the broker for the offset after the last record that `poll` can still deliver.

        Unlike `high_water` it is true where nothing is fetched any more, and what only marks the end of a
        transaction is no record. Unassigned ones are left out. Raises UnavailableError. For lag only.
        """
        ...


class Publisher(Protocol):
    """An idempotent producer with acks from all replicas.

    May be shared by engines and called concurrently.
    """

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Publish all of `records`; return when every one is acknowledged (at least once).

        Ordered within each partition, also across calls of one caller that awaits them in turn. If it raises
        (UnavailableError), an unknown part was written; but within a partition no record was, or later will
        be, written after one of this call that failed: receivers drop what is older than what they saw, so a
        hole would be for ever. Never waits without end: raises UnavailableError after the adapter's own
        timeout. An empty sequence returns at once.
        """
        ...

    def measure(self, record: Outgoing) -> None:
        """Raise UnencodableError if the log would refuse `record` for good (its size over the topic's limit).

        Pure.
        """
        ...


class Log(Protocol):
    """Where consumers and publishers come from (one per process or simulated process)."""

    def consumer(self, group: str, client_id: str) -> Consumer:
        """Make a consumer that has not started yet."""
        ...

    def publisher(self) -> Publisher:
        """Give the publisher; it may be the same object every time."""
        ...
