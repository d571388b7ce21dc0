"""What the demo's bank tells of an account before it became overdue: made so that it adds up to the balance.

No source has such histories. An account was repaid in equal instalments until its oldest unpaid one, each
with a month's interest; a share has none on file, and a few have lost an entry.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from random import Random

from shared.contracts.history import AccountEntry, EntryKind
from shared.lending.money import Money

__all__ = ["history_of"]

# Of a hundred accounts so many have no history on file, and so many one with a gap. Assumptions.
_WITHOUT_PCT, _WITH_A_GAP_PCT = 12, 4
_MONTH = timedelta(days=30)


def history_of(
    draw: Random,
    *,
    currency: str,
    annual_rate_pct: Decimal,
    contract_date: date,
    oldest_due: date,
    as_of: date,
    principal: int,
    charged: int,
    monthly: int,
) -> tuple[AccountEntry, ...]:
    """Give an account's entries up to `as_of`; nothing where none are on file. Amounts are minor units.

    `principal` and `charged` (interest, fees and late charges since the oldest unpaid instalment) are owed
    then.
    """
    chance = draw.randrange(100)
    if chance < _WITHOUT_PCT:
        return ()
    rate = annual_rate_pct / 1200
    paid = max((oldest_due - contract_date).days // _MONTH.days - 1, 0)
    found: list[AccountEntry] = []

    def note(on: date, kind: EntryKind, amount: int) -> None:
        if amount:
            found.append(AccountEntry(on=on, kind=kind, amount=Money(amount, currency)))

    left = principal
    for number in range(paid, 0, -1):
        on = contract_date + _MONTH * number
        before = int(((left + monthly) / (1 + rate)).quantize(Decimal(1), ROUND_HALF_EVEN))
        note(on, EntryKind.PAYMENT, monthly)
        note(on, EntryKind.CHARGE, left + monthly - before)
        left = before
    note(contract_date, EntryKind.ADVANCE, left)
    found.reverse()
    note(as_of, EntryKind.CHARGE, charged)
    if chance < _WITHOUT_PCT + _WITH_A_GAP_PCT and len(found) > 2:
        del found[draw.randrange(1, len(found))]
    return tuple(found)
