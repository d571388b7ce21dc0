"""The late charges owed on the debts of a case, as intake last said. Pure."""

from services.followup.model import FollowupState, LateCharges
from shared.contracts.debts import DebtSnapshot, DebtStatus

__all__ = ["charges_of", "moved"]


def charges_of(debts: tuple[DebtSnapshot, ...]) -> tuple[LateCharges, ...]:
    """Give what is owed in late charges, by debt, where it is anything."""
    return tuple(
        LateCharges(debt_id=debt.debt_id, owed=debt.outstanding.late_charges)
        for debt in debts
        if debt.status is DebtStatus.ACTIVE and debt.outstanding.late_charges.is_positive
    )


def moved(state: FollowupState, debts: tuple[DebtSnapshot, ...]) -> FollowupState:
    """A payment or a return names the debts after it."""
    named = {debt.debt_id for debt in debts}
    kept = tuple(charge for charge in state.charges if charge.debt_id not in named)
    return state.model_copy(update={"charges": (*kept, *charges_of(debts))})
