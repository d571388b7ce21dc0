"""Money beyond the plan is the borrower's, who chooses: paid back, or moved to another debt. Pure."""

from datetime import date

from services.followup.model import Credit, FollowupState
from shared.contracts.base import Event
from shared.contracts.desk_care import CreditChoice, CreditChosen
from shared.contracts.followup_care import CreditFound, CreditInstructed
from shared.contracts.ids import derive_id
from shared.contracts.reasons import ReasonCode
from shared.lending.money import Money

__all__ = ["chosen", "returned"]

Step = tuple[FollowupState, tuple[Event, ...]]


def chosen(state: FollowupState, data: CreditChosen, cause: str) -> Step | ReasonCode:
    """Ask the bank to do what the borrower chose with all that is left of a credit."""
    if data.choice is CreditChoice.OTHER_DEBT and data.debt_id is None:
        return ReasonCode.DEBT_NOT_NAMED
    credit = next((entry for entry in state.credits if entry.found.currency == data.currency), None)
    left = None if credit is None else credit.found - credit.settled
    if credit is None or left is None or not left.is_positive:
        return ReasonCode.NO_CREDIT
    said = CreditInstructed(
        instruction_id=derive_id("credit", state.case, data.currency, cause),
        amount=left,
        choice=data.choice,
        debt_id=data.debt_id if data.choice is CreditChoice.OTHER_DEBT else None,
    )
    return _with(state, credit.model_copy(update={"settled": credit.found})), (said,)


def returned(state: FollowupState, amount: Money, day: date) -> Step:
    """A payment came back after the case was closed: what was beyond the plan is less by it."""
    credit = next((entry for entry in state.credits if entry.found.currency == amount.currency), None)
    if credit is None or not credit.found.is_positive:
        return state, ()
    left = max(credit.found - amount, Money.zero(amount.currency))
    said = CreditFound(agreement_id=credit.agreement_id, as_of=day, amount=left)
    return _with(state, credit.model_copy(update={"found": left})), (said,)


def _with(state: FollowupState, credit: Credit) -> FollowupState:
    others = (entry for entry in state.credits if entry.found.currency != credit.found.currency)
    order = sorted((*others, credit), key=lambda entry: entry.found.currency)
    return state.model_copy(update={"credits": tuple(order)})
