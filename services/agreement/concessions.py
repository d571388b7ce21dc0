"""Concessions that hold only while the plan is kept: what of them returns when a breach ends it. Pure.

They stand in the document; what it does not name never returns, and nor does what vests as a reward. An
amendment ends the conditions of the agreement before it: what that one had waived is waived for good.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from services.agreement.model import KnownDebt
from shared.contracts.agreement import DebtRate, WaivedDebt
from shared.contracts.debts import Balances, Plan
from shared.contracts.plan_terms import total_of
from shared.lending.money import Money
from shared.policy.reference import Reference

__all__ = ["contract_rates", "returning", "returns_of"]

_RATE = "rate"


def returns_of(
    packs: Sequence[str], on: date, pinned_on: date | None, reference: Reference
) -> tuple[str, ...]:
    """Give the concessions that are conditional by every pack of the plan."""
    known = [pack for pack in packs if pack in reference.policies]
    rules = [
        reference.policies.for_case(pack, on, agreed_on=pinned_on).agreement.returns_on_breach
        for pack in known
    ]
    return tuple(name for name in rules[0] if all(name in others for others in rules)) if rules else ()


def contract_rates(plan: Plan, returns: Sequence[str], debts: Sequence[KnownDebt]) -> tuple[DebtRate, ...]:
    """Give the rates that return, of the debts for which the plan has a lower one."""
    if _RATE not in returns:
        return ()
    before = {debt.debt_id: debt.annual_rate_pct for debt in debts}
    cut = (
        (debt.debt_id, before.get(debt.debt_id))
        for debt in plan.debts
        if debt.annual_rate_pct < (before.get(debt.debt_id) or 0)
    )
    return tuple(DebtRate(debt_id=debt, annual_rate_pct=rate) for debt, rate in cut if rate is not None)


def returning(waived: Sequence[WaivedDebt], returns: Sequence[str]) -> tuple[WaivedDebt, ...]:
    """Give what of the waivers is conditional, where it is anything."""
    rows = []
    for debt in waived:
        nothing = Money.zero(debt.amounts.principal.currency)
        parts = {
            name: getattr(debt.amounts, name) if name in returns else nothing
            for name in Balances.model_fields
        }
        rows.append(WaivedDebt(debt_id=debt.debt_id, amounts=Balances(**parts)))
    return tuple(row for row in rows if total_of(row.amounts).is_positive)
