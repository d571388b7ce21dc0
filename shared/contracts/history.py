"""What happened on an account since its original advance, as the bank tells it, and whether it adds up.

The all-in cost of a debt is tested on its cash flows from the advance. A history that is not whole would give
a wrong cost, so it counts only where its entries add up to what is owed.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from shared.contracts.base import MoneyField, Part, Reason
from shared.contracts.debts import DebtFlow
from shared.contracts.reasons import ReasonCode
from shared.lending.money import Money

__all__ = ["AccountEntry", "EntryKind", "flows_of", "merged", "problem_of", "tolerance_of"]


class EntryKind(StrEnum):
    """What an entry did: advances, charges and returned payments raise what is owed, the others lower it."""

    ADVANCE = "advance"  # money lent, or a purchase
    CHARGE = "charge"  # interest, fees and late charges as they were added
    PAYMENT = "payment"
    RETURNED = "returned"  # a payment that came back
    WAIVED = "waived"


_RAISES = {EntryKind.ADVANCE, EntryKind.CHARGE, EntryKind.RETURNED}
_FLOWS = {EntryKind.ADVANCE: -1, EntryKind.PAYMENT: 1, EntryKind.RETURNED: -1}


class AccountEntry(Part):
    """One dated entry of an account; the amount is above zero, the kind says its direction."""

    on: date
    kind: EntryKind
    amount: MoneyField


def flows_of(entries: Iterable[AccountEntry]) -> tuple[DebtFlow, ...]:
    """Give the money that moved, advances negative and payments positive. Charges and waivers move none."""
    return merged(
        DebtFlow(on=entry.on, amount=entry.amount * _FLOWS[entry.kind])
        for entry in entries
        if entry.kind in _FLOWS
    )


def merged(flows: Iterable[DebtFlow]) -> tuple[DebtFlow, ...]:
    """Give flows of one currency by day, one for each day on which money moved."""
    sums: dict[date, Money] = {}
    for flow in flows:
        known = sums.get(flow.on)
        sums[flow.on] = flow.amount if known is None else known + flow.amount
    return tuple(DebtFlow(on=day, amount=sums[day]) for day in sorted(sums) if not sums[day].is_zero)


def problem_of(
    entries: Sequence[AccountEntry], owed: Money, as_of: date, tolerance_pct: Decimal
) -> Reason | None:
    """Say why a history cannot be relied on; None where it can.

    It has entries in the currency of the debt up to `as_of`, begins with an advance, and adds up to what is
    owed then, within `tolerance_pct` per cent of it.
    """
    first = min(entries, key=lambda entry: (entry.on, entry.kind is not EntryKind.ADVANCE))
    if first.kind is not EntryKind.ADVANCE:
        return Reason(code=ReasonCode.HISTORY_WITHOUT_ADVANCE, params={"date": first.on.isoformat()})
    strange = any(entry.amount.currency != owed.currency or entry.on > as_of for entry in entries)
    found = sum(entry.amount.minor * (1 if entry.kind in _RAISES else -1) for entry in entries)
    if strange or abs(found - owed.minor) > tolerance_of(owed, tolerance_pct):
        params = {"owed": str(owed), "found": str(Money(found, owed.currency)), "currency": owed.currency}
        return Reason(code=ReasonCode.HISTORY_DOES_NOT_ADD_UP, params=params)
    return None


def tolerance_of(owed: Money, tolerance_pct: Decimal) -> int:
    """Give the tolerance in minor units: the part of a unit is cut off."""
    return int(Fraction(tolerance_pct) / 100 * abs(owed.minor))
