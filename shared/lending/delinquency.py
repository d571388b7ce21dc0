"""How late a debt is: days past due of the oldest unpaid instalment, less paused days, in named bands.

After a re-age the instalments have new dates, so the days that are shown start anew. The days that choose
the order in which payments are allocated do not: the debt is as old as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from shared.lending.loan import RunningLoan


@dataclass(frozen=True, slots=True)
class Pause:
    """The delinquency clock stands still from ``start`` up to, but without, ``end``."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError("a pause does not end before it starts")


@dataclass(frozen=True, slots=True)
class Bucket:
    """A band of days past due, from ``from_days`` up to the next band."""

    name: str
    from_days: int


def paused_days(oldest_unpaid_due: date, on: date, pauses: Iterable[Pause]) -> int:
    """Days of ``(oldest_unpaid_due, on]`` that fall into a pause; overlaps count once."""
    total, reached = 0, oldest_unpaid_due
    for pause in sorted(pauses, key=lambda pause: (pause.start, pause.end)):
        start = max(pause.start, reached)
        end = min(pause.end, on)
        if end > start:
            total += (end - start).days
            reached = end
    return total


def days_past_due(oldest_unpaid_due: date | None, on: date, pauses: Iterable[Pause] = ()) -> int:
    """Days since the oldest unpaid instalment fell due, less paused days; 0 when nothing is overdue."""
    if oldest_unpaid_due is None or on <= oldest_unpaid_due:
        return 0
    return (on - oldest_unpaid_due).days - paused_days(oldest_unpaid_due, on, pauses)


@dataclass(frozen=True, slots=True)
class LoanDays:
    """Days past due of one loan: those that are shown, and those that allocation goes by."""

    shown: int
    for_allocation: int


def days_of_loan(loan: RunningLoan, on: date, pauses: Sequence[Pause] = ()) -> LoanDays:
    """Days past due on ``on``, less paused days, by the dates as they are and by those before a re-age."""
    return LoanDays(
        days_past_due(loan.oldest_unpaid(on), on, pauses),
        days_past_due(loan.overdue_from(on), on, pauses),
    )


def due_since(days: int, on: date) -> date:
    """The due date that makes a debt ``days`` past due on ``on`` (no pauses)."""
    return on - timedelta(days=days)


def bucket(days: int, buckets: Sequence[Bucket]) -> str:
    """The name of the band that ``days`` falls into.

    ValueError when the bands are not ascending or none starts at or below ``days``.
    """
    starts = [band.from_days for band in buckets]
    if starts != sorted(set(starts)):
        raise ValueError("buckets ascend")
    names = [band.name for band in buckets if band.from_days <= days]
    if not names:
        raise ValueError(f"no bucket for {days} days past due")
    return names[-1]
