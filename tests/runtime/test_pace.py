"""The pace: batches halve while the database is slow and grow step by step when it is fast."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.runtime.pace import DATABASE, Pace

TARGET = 5.0
bounds = st.tuples(st.integers(1, 1000), st.integers(1, 1000))
batches = st.lists(st.tuples(st.floats(0, 60), st.integers(0, 1000)), max_size=60)


def batch(pace: Pace, seconds: float, records: int | None = None) -> int:
    pace.spent("write", seconds)
    pace.settle(pace.size if records is None else records)
    return pace.size


def test_a_slow_database_halves_the_batch_down_to_the_least() -> None:
    pace = Pace(500, 10, TARGET)
    assert [batch(pace, 6) for _ in range(7)] == [250, 125, 62, 31, 15, 10, 10]


def test_a_fast_one_gives_it_back_step_by_step() -> None:
    pace = Pace(100, 10, TARGET)
    for _ in range(4):
        batch(pace, 6)
    assert pace.size == 10
    assert [batch(pace, 0.1) for _ in range(3)] == [15, 20, 25]
    assert [batch(pace, 0.1) for _ in range(20)][-1] == 100


def test_between_fast_and_slow_it_stays() -> None:
    pace = Pace(100, 10, TARGET)
    batch(pace, 6)
    assert [batch(pace, 4) for _ in range(3)] == [50, 50, 50]


def test_a_small_batch_that_was_fast_says_nothing_about_a_large_one() -> None:
    pace = Pace(100, 10, TARGET)
    batch(pace, 6)
    assert batch(pace, 0.1, records=24) == 50
    assert batch(pace, 0.1, records=25) == 55


def test_the_stages_of_one_batch_are_added_and_only_the_databases_count() -> None:
    pace = Pace(100, 10, TARGET)
    for stage in ("publish", "commit", "take-over"):
        assert stage not in DATABASE
        pace.spent(stage, 60)
    assert batch(pace, 1) == 100
    pace.spent("load", 3)
    assert batch(pace, 3) == 50


def test_another_bound_shrinks_alike() -> None:
    pace = Pace(500, 10, TARGET)
    assert pace.of(200) == 200
    batch(pace, 6)
    assert pace.of(200) == 100
    for _ in range(9):
        batch(pace, 6)
    assert (pace.size, pace.of(200), pace.of(1)) == (10, 4, 1)


@given(bounds, batches)
def test_it_never_leaves_its_bounds_and_never_grows_on_a_slow_batch(
    bound: tuple[int, int], said: list[tuple[float, int]]
) -> None:
    most, least = bound
    pace = Pace(most, least, TARGET)
    for seconds, records in said:
        before = pace.size
        after = batch(pace, seconds, records)
        assert min(least, most) <= after <= most
        assert 1 <= pace.of(most) <= most
        if seconds > TARGET:
            assert after <= before
        else:
            assert after >= before


@given(bounds, batches)
def test_from_anywhere_a_fast_database_brings_it_back_to_full_size(
    bound: tuple[int, int], said: list[tuple[float, int]]
) -> None:
    most, least = bound
    pace = Pace(most, least, TARGET)
    for seconds, records in said:
        batch(pace, seconds, records)
    for _ in range(40):
        batch(pace, 0.0)
    assert pace.size == most


def test_half_of_the_target_is_fast_and_the_step_is_a_twentieth_but_one_at_least() -> None:
    for most, size, grown in ((100, 50, 55), (10, 5, 6), (59, 29, 31)):
        pace = Pace(most, 1, 4.0)
        pace.size = size
        pace.spent("write", 2.01)
        pace.settle(size)
        assert pace.size == size
        pace.spent("write", 2.0)
        pace.settle(size)
        assert pace.size == grown
        pace.spent("write", 4.0)
        pace.settle(grown)
        assert pace.size == grown, "as slow as it may be"
        pace.spent("write", 4.01)
        pace.settle(grown)
        assert pace.size == grown // 2
