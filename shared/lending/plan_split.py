"""How money paid under a plan is split over its debts: as the instalments that it settles. Exact and pure.

A row is one instalment: what it asks for of each debt, in minor units of one currency. Rows are served in
their order, whole ones exactly, a partial one in proportion to what is still open of it.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["pro_rata", "split_over"]


def pro_rata(amount: int, open_: Sequence[int]) -> list[int]:
    """Share ``amount`` in proportion to ``open_``, rounded down; the rest to the last that has room for it.

    No share is more than what is open. ValueError for a negative amount, or for more than is open in all.
    """
    whole = sum(open_)
    if amount < 0 or amount > whole or any(part < 0 for part in open_):
        raise ValueError("what is shared is neither negative nor more than what is open")
    shares = [amount * part // whole if whole else 0 for part in open_]
    rest = amount - sum(shares)
    for at in reversed(range(len(open_))):
        more = min(rest, open_[at] - shares[at])
        shares[at] += more
        rest -= more
    return shares


def split_over(
    amount: int, rows: Sequence[Sequence[int]], served: Sequence[int], room: Sequence[int]
) -> list[int]:
    """Give what each debt gets of ``amount``: less than all of it where the rows, or the debts, need less.

    ``served`` is what each debt has received under the plan so far, ``room`` the most that it can take now.
    What one debt has received ahead of the rows, the others catch up on first.
    """
    ahead, left, got = list(served), list(room), [0] * len(served)
    for row in rows:
        if amount <= 0:
            break
        open_ = []
        for at, asked in enumerate(row):
            done = min(max(ahead[at], 0), asked)
            ahead[at] -= done
            open_.append(min(asked - done, max(left[at], 0)))
        for at, share in enumerate(pro_rata(min(amount, sum(open_)), open_)):
            got[at] += share
            left[at] -= share
            amount -= share
    return got
