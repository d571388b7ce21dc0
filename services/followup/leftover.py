"""Money beyond the plan is the borrower's, who chooses: paid back, or moved to another debt. Pure."""

from datetime import date

from services.followup.found import owed_again
from services.followup.model import Credit, CreditAsk, FollowupState
from services.followup.rules import bank_answers_by
from shared.contracts.base import Event
from shared.contracts.desk_care import CreditChoice, CreditChosen
from shared.contracts.followup_care import CreditFound, CreditInstructed
from shared.contracts.ids import derive_id
from shared.contracts.intake import BankAnswered, PaymentMatched, PaymentTakenBack
from shared.contracts.reasons import ReasonCode
from shared.lending.money import Money
from shared.policy.model import PolicyInForce

__all__ = ["bank_answered", "came", "chosen", "is_missed", "kept", "returned", "returned_later"]

Step = tuple[FollowupState, tuple[Event, ...]]

# Instructions about credits that are remembered until they are answered.
_ASKED_KEPT = 12


def chosen(
    state: FollowupState, data: CreditChosen, cause: str, day: date, policy: PolicyInForce | None
) -> Step | ReasonCode:
    """Ask the bank to do what the borrower chose with all that is left of the credits in a currency."""
    if data.choice is CreditChoice.OTHER_DEBT and data.debt_id is None:
        return ReasonCode.DEBT_NOT_NAMED
    mine = [one for one in state.credits if one.found.currency == data.currency and one.found > one.settled]
    if not mine:
        return ReasonCode.NO_CREDIT
    said: list[Event] = []
    for credit in mine:
        asks = CreditInstructed(
            instruction_id=derive_id("credit", state.case, credit.agreement_id, data.currency, cause),
            amount=credit.found - credit.settled,
            choice=data.choice,
            debt_id=data.debt_id if data.choice is CreditChoice.OTHER_DEBT else None,
            answer_by=None if policy is None else bank_answers_by(day, policy),
        )
        said.append(asks)
        asked = CreditAsk(
            instruction_id=asks.instruction_id, amount=asks.amount, agreement_id=credit.agreement_id
        )
        state = _with(state, credit, settled=credit.found)
        state = state.model_copy(update={"credits_asked": (*state.credits_asked, asked)[-_ASKED_KEPT:]})
    return state, tuple(said)


def bank_answered(state: FollowupState, data: BankAnswered, day: date) -> Step:
    """The bank has paid the credit out; where it could not, it is the borrower's to choose about again."""
    asked = next((one for one in state.credits_asked if one.instruction_id == data.instruction_id), None)
    if asked is None:
        return state, ()
    left = tuple(one for one in state.credits_asked if one is not asked)
    state = state.model_copy(update={"credits_asked": left})
    mine = [one for one in state.credits if one.found.currency == asked.amount.currency]
    credit = next((one for one in mine if asked.agreement_id in (None, one.agreement_id)), None)
    if data.confirmed or credit is None:
        return state, ()
    nothing = Money.zero(asked.amount.currency)
    settled = max(credit.settled - asked.amount, nothing)
    left_of_it = max(credit.found - settled, nothing)
    said = CreditFound(agreement_id=credit.agreement_id, as_of=day, amount=left_of_it)
    if state.plan is not None and state.plan.agreement_id == credit.agreement_id:
        state = state.model_copy(update={"plan": state.plan.model_copy(update={"replay": True})})
    return _with(state, credit, settled=settled), (said,)


def kept(state: FollowupState) -> tuple[Credit, ...]:
    """Give what a closed case keeps: of a completed plan one in each currency, for what still comes."""
    plan = state.plan
    if plan is None or not plan.completed:
        return state.credits
    known = {one.found.currency for one in state.credits if one.agreement_id == plan.agreement_id}
    nothing = (Money.zero(one) for one in sorted({line.total.currency for line in plan.lines} - known))
    none = (
        Credit(agreement_id=plan.agreement_id, found=zero, settled=zero, since=plan.effective)
        for zero in nothing
    )
    return (*state.credits, *none)


def came(state: FollowupState, data: PaymentMatched, day: date) -> Step:
    """Money came after the case was closed: what no debt has room for is beyond the plan, as before."""
    credit = _of_day(state, data)
    if credit is None or not data.unallocated.is_positive:
        return state, ()
    found = credit.found + data.unallocated
    free = max(found - credit.settled, Money.zero(found.currency))
    said = CreditFound(agreement_id=credit.agreement_id, as_of=day, amount=free)
    return _with(state, credit, found=found), (said,)


def returned(state: FollowupState, data: PaymentTakenBack, day: date) -> Step:
    """A payment came back after the case was closed: what of it is not owed again was beyond the plan.

    Where more is owed than had gone beside the plan, or what is left beyond does not cover the rest, the
    plan is not completed any more; who asks sees it by `completed_on`.
    """
    credit = _of_day(state, data)
    if _is_missed(credit, data):
        state = state.model_copy(update={"completed_on": None})
    return _less(state, credit, data.amount - owed_again(data), day)


def is_missed(state: FollowupState, data: PaymentTakenBack) -> bool:
    """Whether money that comes back is missing from a plan that was completed before the case was closed."""
    credit = _of_day(state, data)
    return credit is not None and _is_missed(credit, data)


def _is_missed(credit: Credit | None, data: PaymentTakenBack) -> bool:
    owed = owed_again(data)
    gone, nothing = data.amount - owed, Money.zero(owed.currency)
    beside = data.beside if data.beside is not None and data.beside.currency == owed.currency else nothing
    free = nothing if credit is None else credit.found - credit.settled
    return owed > beside or free < gone


def returned_later(state: FollowupState, data: PaymentTakenBack, day: date) -> Step:
    """A payment of an earlier plan came back under the next: what of it was on no debt is no credit now.

    The rest is owed again, and nothing that is left of the earlier plan makes up for it.
    """
    gone = data.amount - owed_again(data)
    if data.made_up is not None and data.made_up.currency == gone.currency:
        gone -= data.made_up
    return _less(state, _of_day(state, data), gone, day)


def _of_day(state: FollowupState, data: PaymentMatched | PaymentTakenBack) -> Credit | None:
    """Give the credit of the plan that counted money of that day."""
    mine = (one for one in state.credits if one.found.currency == data.amount.currency)
    return max((one for one in mine if one.since <= data.value_date), key=lambda one: one.since, default=None)


def _less(state: FollowupState, credit: Credit | None, amount: Money, day: date) -> Step:
    """There is less of a credit, also of one that the bank was asked to pay out and may still refuse."""
    if credit is None or not amount.is_positive:
        return state, ()
    nothing = Money.zero(amount.currency)
    left = max(credit.found - amount, nothing)
    after = _with(state, credit, found=left)
    if credit.found <= credit.settled:
        return after, ()
    said = CreditFound(
        agreement_id=credit.agreement_id, as_of=day, amount=max(left - credit.settled, nothing)
    )
    return after, (said,)


def _with(state: FollowupState, credit: Credit, **changes: Money) -> FollowupState:
    after = credit.model_copy(update=changes)
    return state.model_copy(
        update={"credits": tuple(after if one is credit else one for one in state.credits)}
    )
