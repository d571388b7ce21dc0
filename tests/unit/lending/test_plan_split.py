"""How money under a plan is split over its debts: whole instalments exactly, partial ones in proportion."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.lending.plan_split import pro_rata, split_over

ENOUGH = (10**12,) * 3


@pytest.mark.parametrize(
    ("amount", "open_", "shares"),
    [
        (0, (5, 5), [0, 0]),
        (10, (5, 5), [5, 5]),
        (5, (5, 5), [2, 3]),  # the rest to the last
        (2, (1, 1, 1), [0, 1, 1]),  # never more than what is open
        (100, (300, 100), [75, 25]),
        (7, (0, 10), [0, 7]),
        (0, (), []),
    ],
)
def test_shares_in_proportion(amount: int, open_: tuple[int, ...], shares: list[int]) -> None:
    assert pro_rata(amount, open_) == shares


@pytest.mark.parametrize(("amount", "open_"), [(-1, (5,)), (6, (5,)), (1, (2, -1)), (1, ())])
def test_what_cannot_be_shared_is_refused(amount: int, open_: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="neither negative nor more"):
        pro_rata(amount, open_)


@pytest.mark.parametrize(
    ("amount", "served", "room", "got"),
    [
        (400, (0, 0), ENOUGH, [300, 100]),  # one whole instalment
        (600, (0, 0), ENOUGH, [450, 150]),  # and half of the next
        (200, (150, 50), ENOUGH, [150, 50]),  # the rest of the first
        (100, (300, 0), ENOUGH, [0, 100]),  # one had more: the other catches up
        (5000, (0, 0), ENOUGH, [900, 300]),  # the plan asks for no more than this
        (400, (0, 0), (120, 10**9), [120, 280]),  # a debt takes no more than is owed on it
        (400, (-50, 0), ENOUGH, [300, 100]),  # what came back is never counted twice
    ],
)
def test_instalments_are_served_in_their_order(
    amount: int, served: tuple[int, ...], room: tuple[int, ...], got: list[int]
) -> None:
    assert split_over(amount, [(300, 100)] * 3, served, room[:2]) == got


ROWS = st.lists(st.tuples(*[st.integers(0, 10_000)] * 3), min_size=1, max_size=8)


@given(rows=ROWS, payments=st.lists(st.integers(0, 20_000), max_size=12))
def test_nothing_is_lost_and_no_debt_gets_more_than_the_plan_asks_for(
    rows: list[tuple[int, int, int]], payments: list[int]
) -> None:
    served = [0, 0, 0]
    asked = [sum(row[at] for row in rows) for at in range(3)]
    for amount in payments:
        got = split_over(amount, rows, served, ENOUGH)
        assert all(part >= 0 for part in got)
        served = [before + part for before, part in zip(served, got, strict=True)]
        assert all(s <= a for s, a in zip(served, asked, strict=True))
        assert sum(got) == amount or served == asked
    assert sum(served) == min(sum(payments), sum(asked))


@given(rows=ROWS, parts=st.lists(st.integers(1, 9_999), max_size=6), upto=st.integers(0, 8))
def test_when_whole_instalments_are_paid_each_debt_has_what_the_schedule_says_however_it_was_paid(
    rows: list[tuple[int, int, int]], parts: list[int], upto: int
) -> None:
    whole = rows[:upto]
    left, served = sum(map(sum, whole)), [0, 0, 0]
    for part in (*parts, left):
        amount = min(part, left)
        left -= amount
        got = split_over(amount, rows, served, ENOUGH)
        served = [before + more for before, more in zip(served, got, strict=True)]
    got = split_over(left, rows, served, ENOUGH)
    served = [before + more for before, more in zip(served, got, strict=True)]
    assert served == [sum(row[at] for row in whole) for at in range(3)]
