"""The bounds of the engine (rule 21: everything is bounded). Sizes in bytes, times in seconds."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What an engine may take, hold and try. `partitions` is the same for every topic, fixed at creation."""

    partitions: int
    batch_records: int = 500
    batch_least: int = 10  # a slow database makes batches smaller, down to here
    batch_seconds: float = 5.0  # of the database's time for one batch: above it, the next one is smaller
    poll_seconds: float = 0.02
    settle_seconds: float = 0.03  # of silence, until the positions are saved
    settle_idle_seconds: float = 1.0  # the same, where records were only passed over
    settle_records: int = 100  # worked off in a lane, until they are saved without any silence
    barrier_bytes: int = 4 * 1024 * 1024  # held of an input behind a marker; a batch of records at most
    page_documents: int = 500  # documents of due work decided at once
    recent_bytes: int = 8 * 1024 * 1024  # of documents written last, held so that they need not be loaded
    waiting_messages: int = 200  # facts that wait in one document
    replay_rows: int = 5_000  # parked records decided by one replay command
    document_bytes: int = 8 * 1024 * 1024
    document_reserve: int = 64 * 1024  # of document_bytes: kept for the park mark of a document that is full
    conflicts: int = 5  # times a document is decided again within a batch
    days_ahead: int = 100  # a marker further ahead of the day done is dead-lettered
    first_day_ahead: int = 3660  # the same, of today, for the first marker ever
    drain_seconds: float = 20.0  # below the group's rebalance timeout
    backoff_first: float = 0.2
    backoff_most: float = 10.0
    lag_alarm_seconds: float = 60.0  # a partition a day behind the others for so long raises an alert
    ready_seconds: float = 60.0  # nothing has moved for so long though there is work: not ready
    stall_seconds: float = 300.0  # the same, though the servers answer: the process ends
    audit_tail: int = 16  # ids per source and case that the archive compares redeliveries with

    def __post_init__(self) -> None:
        """Refuse limits that contradict each other."""
        if min(self.partitions, self.batch_records, self.batch_least) < 1:
            raise ValueError("partitions, batch_records and batch_least must be at least 1")
        if self.document_reserve * 2 > self.document_bytes:
            raise ValueError("document_reserve must be at most half of document_bytes")
