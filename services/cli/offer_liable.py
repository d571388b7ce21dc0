"""Who else owes the debts of a case file, and who has to agree in writing before a plan takes effect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.agreement.model import KnownDebt
from services.agreement.rules import guarantors_asked
from shared.contracts.parties import party_id_of
from shared.contracts.plan_terms import schedules_of, total_of
from shared.lending.money import Money

if TYPE_CHECKING:
    from services.cli.offer_case import CaseFile
    from shared.contracts.debts import DebtSnapshot, Plan
    from shared.contracts.parties import ObligorRole
    from shared.lending.money import Rounding

__all__ = ["Liable", "MustAgree", "liable_for", "must_agree"]


@dataclass(frozen=True, slots=True)
class Liable:
    """Somebody beside the customer who owes a debt of the case, or stands in for it."""

    debt_id: str
    customer: str
    role: ObligorRole
    liability: Money | None


@dataclass(frozen=True, slots=True)
class MustAgree:
    """A guarantor who answers for more under a plan than today."""

    debt_id: str
    customer: str
    today: Money
    later: Money


def liable_for(case: CaseFile) -> tuple[Liable, ...]:
    """Give who else owes each debt."""
    return tuple(
        Liable(debt.debt_id, other.customer, other.role, other.liability)
        for debt in case.debts
        for other in debt.obligors
        if other.customer != case.case
    )


def must_agree(
    plan: Plan, debts: tuple[DebtSnapshot, ...], liable: tuple[Liable, ...], rounding: Rounding
) -> tuple[MustAgree, ...]:
    """Give the guarantors whose liability grows by a plan, as the agreement would ask them."""
    found = []
    snapshots = {debt.debt_id: debt for debt in debts}
    for schedule in schedules_of(plan.debts, rounding):
        debt = snapshots[schedule.debt_id]
        known = KnownDebt(
            debt_id=debt.debt_id,
            status=debt.status,
            outstanding=debt.outstanding,
            as_of=debt.as_of,
            obligors=debt.obligors,
        )
        asked = guarantors_asked([schedule], [known])
        today = total_of(debt.outstanding)
        later = Money.sum([row.total for row in schedule.rows], today.currency)
        for one in liable:
            if one.debt_id == debt.debt_id and party_id_of(one.customer) in asked:
                most = later if one.liability is None else one.liability
                found.append(MustAgree(debt.debt_id, one.customer, min(today, most), min(later, most)))
    return tuple(found)
