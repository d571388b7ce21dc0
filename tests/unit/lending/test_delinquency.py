"""Days past due and their bands."""

from datetime import date

import pytest

from shared.lending.delinquency import Bucket, Pause, bucket, days_past_due, due_since

BUCKETS = [Bucket("current", 0), Bucket("1-30", 1), Bucket("31-60", 31), Bucket("91+", 91)]
DUE = date(2026, 3, 1)


def test_days_since_the_oldest_unpaid_instalment() -> None:
    assert days_past_due(None, date(2026, 5, 1)) == 0
    assert days_past_due(DUE, DUE) == 0
    assert days_past_due(DUE, date(2026, 2, 1)) == 0
    assert days_past_due(DUE, date(2026, 3, 31)) == 30
    assert due_since(30, date(2026, 3, 31)) == DUE


def test_paused_days_do_not_count_and_overlaps_count_once() -> None:
    pauses = [
        Pause(date(2026, 3, 6), date(2026, 3, 16)),
        Pause(date(2026, 3, 11), date(2026, 3, 21)),
        Pause(date(2026, 2, 1), date(2026, 3, 3)),  # partly before it fell due
        Pause(date(2026, 3, 29), date(2026, 4, 30)),  # still running
    ]
    assert days_past_due(DUE, date(2026, 3, 31), pauses) == 30 - 15 - 2 - 2


def test_a_pause_does_not_end_before_it_starts() -> None:
    with pytest.raises(ValueError, match="pause"):
        Pause(date(2026, 3, 2), date(2026, 3, 1))


@pytest.mark.parametrize(
    ("days", "name"), [(0, "current"), (1, "1-30"), (30, "1-30"), (31, "31-60"), (400, "91+")]
)
def test_buckets(days: int, name: str) -> None:
    assert bucket(days, BUCKETS) == name


def test_buckets_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match="ascend"):
        bucket(1, BUCKETS[::-1])
    with pytest.raises(ValueError, match="no bucket"):
        bucket(0, BUCKETS[1:])
