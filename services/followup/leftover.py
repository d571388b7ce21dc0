"""Money beyond the plan is the borrower's, who chooses: paid back, or moved to another debt. Pure."""

from datetime import date

from services.followup.model import Credit, CreditAsk, FollowupState
from services.followup.rules import bank_answers_by
from shared.contracts.base import Event
from shared.contracts.desk_care import CreditChoice, CreditChosen
from shared.contracts.followup_care import CreditFound, CreditInstructed
from shared.contracts.ids import derive_id
from shared.contracts.intake import BankAnswered
from shared.contracts.reasons import ReasonCode
from shared.lending.money import Money
from shared.policy.model import PolicyInForce

__all__ = ["bank_answered", "chosen", "returned"]

Step = tuple[FollowupState, tuple[Event, ...]]

# Instructions about credits that are remembered until they are answered.
_ASKED_KEPT = 12


def chosen(
    state: FollowupState, data: CreditChosen, cause: str, day: date, policy: PolicyInForce | None
) -> Step | ReasonCode:
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
        answer_by=None if policy is None else bank_answers_by(day, policy),
    )
    asked = CreditAsk(instruction_id=said.instruction_id, amount=left)
    after = _with(state, credit.model_copy(update={"settled": credit.found}))
    return after.model_copy(update={"credits_asked": (*state.credits_asked, asked)[-_ASKED_KEPT:]}), (said,)


def bank_answered(state: FollowupState, data: BankAnswered, day: date) -> Step:
    """The bank has paid the credit out; where it could not, it is the borrower's to choose about again."""
    asked = next((one for one in state.credits_asked if one.instruction_id == data.instruction_id), None)
    if asked is None:
        return state, ()
    left = tuple(one for one in state.credits_asked if one is not asked)
    state = state.model_copy(update={"credits_asked": left})
    credit = next((one for one in state.credits if one.found.currency == asked.amount.currency), None)
    if data.confirmed or credit is None:
        return state, ()
    nothing = Money.zero(asked.amount.currency)
    back = credit.model_copy(update={"settled": max(credit.settled - asked.amount, nothing)})
    said = CreditFound(
        agreement_id=credit.agreement_id, as_of=day, amount=max(back.found - back.settled, nothing)
    )
    if state.plan is not None and state.plan.agreement_id == credit.agreement_id:
        state = state.model_copy(update={"plan": state.plan.model_copy(update={"replay": True})})
    return _with(state, back), (said,)


def returned(state: FollowupState, amount: Money, day: date) -> Step:
    """A payment came back after the case was closed: what was beyond the plan is less by it.

    Where what is left of that does not cover it, the plan is not completed any more; who asks sees it by
    `completed_on`.
    """
    credit = next((entry for entry in state.credits if entry.found.currency == amount.currency), None)
    free = None if credit is None else credit.found - credit.settled
    if free is None or free < amount:
        state = state.model_copy(update={"completed_on": None})
    if credit is None or free is None or not free.is_positive:
        return state, ()
    left = max(free - amount, Money.zero(amount.currency))
    said = CreditFound(agreement_id=credit.agreement_id, as_of=day, amount=left)
    return _with(state, credit.model_copy(update={"found": credit.settled + left})), (said,)


def _with(state: FollowupState, credit: Credit) -> FollowupState:
    others = (entry for entry in state.credits if entry.found.currency != credit.found.currency)
    order = sorted((*others, credit), key=lambda entry: entry.found.currency)
    return state.model_copy(update={"credits": tuple(order)})
