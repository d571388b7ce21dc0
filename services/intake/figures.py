"""What the bank says of an account: overdue, its figures, cured, sold, recalled. Pure.

Its word on a debt's state counts by its as-of date like its figures. Where an account is called overdue and
not overdue as of the same day, not overdue is believed: the next day tells, and nobody is wrongly pursued.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from services.intake.amounts import Amounts
from services.intake.books import Debt
from services.intake.cases import Outcome, answer, conclude, open_case
from services.intake.halting import all_joint
from services.intake.histories import has_news, saying_flows, with_bank_history
from services.intake.ledger import claimed, leave, re_age, reopen, with_figure
from services.intake.model import CaseStatus, Finish, IntakeState
from services.intake.parties import belongs_elsewhere, learn_elsewhere, with_obligors
from services.intake.payments import match_waiting
from services.intake.rates import with_rate
from services.intake.rules import in_range, is_stale, policy_of, refusal
from shared.contracts import bank
from shared.contracts.base import Event, Reason
from shared.contracts.debts import Balances, DebtStatus
from shared.contracts.decision import Decision
from shared.contracts.envelope import Envelope
from shared.contracts.intake import CloseReason, InputRefused
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import Reference

__all__ = ["cured", "overdue", "recalled", "reported", "sold"]


def overdue(
    state: IntakeState | None, message: Envelope[bank.AccountOverdue], reference: Reference
) -> Outcome:
    """An account is overdue: a new case, a further debt of the open one, or newer figures."""
    now = state or IntakeState(customer=message.key)
    data = message.data
    if belongs_elsewhere(now, message):
        return learn_elsewhere(state, message, data.as_of)
    wrong = _refuses_overdue(now, message, reference)
    if wrong is not None:
        return _refuse(state, now, wrong)
    debt = now.debt(data.account_id)
    rules = reference.policies.in_force(data.product, message.day).talks
    fresh = _figured(debt, data, planned=now.plans(debt)) if debt is not None else _new_debt(data)
    fresh = with_bank_history(fresh, data, rules.history_tolerance_pct)
    news = {fresh.debt_id} if has_news(debt, fresh) else set()
    if debt is not None and debt.episode == now.episode and now.is_open:
        named, figured = with_obligors(now, fresh, message)
        newer = _status_of(figured, named, data.as_of, message.day, said_late=_says_late(data))
        owed = all_joint(named.with_debt(newer), message.day, reference)
        after = _finishing(owed, message.day, reference)
        ended, said = conclude(now, after, message.day, _is_overdue(data))
        return answer(ended, *saying_flows(said, ended, message.day, news))
    named, candidate = with_obligors(now, fresh, message)
    if not candidate.is_late:
        # Known, and what we heard since has paid it: the case it belonged to stays closed.
        return answer(now if debt is None else named.with_debt(candidate))
    if now.is_open:
        after = all_joint(named.with_debt(reopen(candidate, now.episode)), message.day, reference)
        joined, said = conclude(now, after, message.day, _is_overdue(data))
        joining = {candidate.debt_id} if candidate.history is not None else set()
        said = saying_flows(said, joined, message.day, joining)
        return answer(joined, *said)
    opened, said = open_case(named, reopen(candidate, now.episode + 1), message, reference)
    said = saying_flows(said, opened, message.day, ())
    matched, more = match_waiting(opened, message.day, reference)
    return answer(matched, *said, *more)


def _refuses_overdue(
    state: IntakeState, message: Envelope[bank.AccountOverdue], reference: Reference
) -> InputRefused | None:
    data = message.data
    debt = state.debt(data.account_id)
    if data.product not in reference.policies:
        return refusal(message, ReasonCode.UNKNOWN_PRODUCT, product=data.product)
    # Every amount of a pack is in its currency; a debt in another one needs a pack of its own.
    currency = reference.policies.in_force(data.product, message.day).currency
    wrong = _refuses_amounts(message, currency, data.outstanding, data.overdue)
    if wrong is not None:
        return wrong
    for amount in (entry.amount for entry in data.history):
        if amount.currency != currency:
            return refusal(message, ReasonCode.CURRENCY_MISMATCH, given=amount.currency, expected=currency)
        if not in_range(amount):
            return refusal(message, ReasonCode.AMOUNT_OUT_OF_RANGE, amount=str(amount))
    payment = data.contractual_payment
    if payment is not None and payment.currency != currency:
        return refusal(message, ReasonCode.CURRENCY_MISMATCH, given=payment.currency, expected=currency)
    if not in_range(payment):
        return refusal(message, ReasonCode.AMOUNT_OUT_OF_RANGE, amount=str(payment))
    for liable in (o.liability for o in data.obligors if o.liability is not None):
        if liable.currency != currency:
            return refusal(message, ReasonCode.CURRENCY_MISMATCH, given=liable.currency, expected=currency)
        if not in_range(liable):
            return refusal(message, ReasonCode.AMOUNT_OUT_OF_RANGE, amount=str(liable))
    if debt is None:
        if Amounts.of(data.outstanding).settled.total == 0:
            return refusal(message, ReasonCode.NOTHING_OWED, account=data.account_id)
        return None
    if debt.currency != currency:
        return refusal(message, ReasonCode.CURRENCY_MISMATCH, given=currency, expected=debt.currency)
    if debt.status is DebtStatus.SOLD:
        return refusal(message, ReasonCode.DEBT_SOLD)
    if is_stale(debt, data.as_of) or (debt.ended_on is not None and data.as_of <= debt.ended_on):
        known = max(debt.figure_on, debt.ended_on or debt.figure_on)
        return _stale(message, data.as_of, known)
    return None


def _refuses_amounts(
    message: Envelope[Any], currency: str, outstanding: Balances, late: Balances
) -> InputRefused | None:
    for given in (outstanding.principal.currency, late.principal.currency):
        if given != currency:
            return refusal(message, ReasonCode.CURRENCY_MISMATCH, given=given, expected=currency)
    if not in_range(outstanding, late):
        return refusal(message, ReasonCode.AMOUNT_OUT_OF_RANGE)
    return None


def _stale(message: Envelope[Any], as_of: date, known: date) -> InputRefused:
    return refusal(message, ReasonCode.STALE_FACT, as_of=as_of.isoformat(), known=known.isoformat())


def _refuse(state: IntakeState | None, now: IntakeState, wrong: InputRefused) -> Outcome:
    return Decision.of(state, wrong, subject=now.case)


def _is_overdue(data: bank.AccountOverdue) -> Reason:
    params = {"account": data.account_id, "days": str(data.days_past_due)}
    return Reason(code=ReasonCode.ACCOUNT_OVERDUE, params=params)


def _new_debt(data: bank.AccountOverdue) -> Debt:
    owed = Amounts.of(data.outstanding).settled
    bare = Debt(
        debt_id=data.account_id,
        episode=0,
        policy=data.product,
        kind=data.kind,
        currency=data.outstanding.principal.currency,
        annual_rate_pct=data.annual_rate_pct,
        contract_date=data.contract_date,
        contractual_payment=None if data.contractual_payment is None else data.contractual_payment.minor,
        figure_on=data.as_of,
        as_of=data.as_of,
        overdue=Amounts(),
        opening=owed,
        priority=data.priority,
    )
    bare = re_age(bare, *data.re_aged) if data.re_aged else bare
    return with_figure(bare, data.as_of, owed, Amounts.of(data.overdue), data.days_past_due)


def _figured(debt: Debt, data: bank.AccountOverdue, *, planned: bool) -> Debt:
    """Stand on the figures of a newer overdue notice, which also says the terms anew."""
    payment = data.contractual_payment
    rated = with_rate(debt, data.annual_rate_pct, data.as_of, planned=planned)
    terms = rated.model_copy(
        update={
            "policy": data.product,
            "kind": data.kind,
            "contract_date": data.contract_date,
            "contractual_payment": debt.contractual_payment if payment is None else payment.minor,
            "priority": data.priority,
        }
    )
    owed, late = Amounts.of(data.outstanding), Amounts.of(data.overdue)
    terms = re_age(terms, *data.re_aged) if data.re_aged else terms
    return with_figure(terms, data.as_of, owed, late, data.days_past_due)


def _status_of(debt: Debt, state: IntakeState, as_of: date, day: date, *, said_late: bool) -> Debt:
    """Read a debt's status from the bank's newest figures. A debt in a signed plan stays in it."""
    if debt.status is DebtStatus.SOLD:
        return debt
    if debt.ended_on is not None and as_of <= debt.ended_on:
        return debt
    if debt.is_late:
        return claimed(debt).model_copy(update={"status": DebtStatus.ACTIVE})
    if state.plans(debt):
        return debt if said_late else leave(debt, DebtStatus.ACTIVE, as_of)
    if said_late and debt.is_active:
        # Payments that the figure does not hold left nothing overdue: concluded when the day is closed.
        return debt.model_copy(update={"quiet_since": debt.quiet_since or day})
    settled = debt.outstanding.total == 0
    return leave(debt, DebtStatus.SETTLED if settled else DebtStatus.CURED, as_of)


def _says_late(data: bank.AccountOverdue | bank.BalanceReported) -> bool:
    late = data.days_past_due > 0 or Amounts.of(data.overdue).positive.total > 0
    return late and Amounts.of(data.outstanding).total > 0


def _finishing(state: IntakeState, day: date, reference: Reference) -> IntakeState:
    """By the bank nothing of a plan is owed any more: followup completes it, or intake does in its stead."""
    if state.plan is None:
        return state
    owed = any(debt.outstanding.total > 0 for debt in state.of_case if state.plans(debt))
    if state.finish is not None:
        undone = owed and state.finish.reason is CloseReason.SETTLED
        return state.model_copy(update={"finish": None}) if undone else state
    if owed:
        return state
    policy = policy_of(state, day, reference)
    on = policy.deadline(day, policy.agreement.instruction_business_days)
    return state.model_copy(update={"finish": Finish(on=on, reason=CloseReason.SETTLED)})


def reported(
    state: IntakeState | None, message: Envelope[bank.BalanceReported], reference: Reference
) -> Outcome:
    """The bank's figures of an account; they win over ours by their as-of date."""
    data = message.data
    debt = _known(state, message)
    if isinstance(debt, Decision) or state is None:
        return debt if isinstance(debt, Decision) else Decision(state)
    wrong = _refuses_amounts(message, debt.currency, data.outstanding, data.overdue)
    if wrong is not None:
        return _refuse(state, state, wrong)
    if is_stale(debt, data.as_of):
        return _refuse(state, state, _stale(message, data.as_of, debt.figure_on))
    # Of a debt that was sold with its signed plan the bank still keeps the account for the buyer.
    if debt.status in _LEFT and not state.keeps_open(debt):
        return _refuse(state, state, refusal(message, _LEFT[debt.status]))
    owed, late = Amounts.of(data.outstanding), Amounts.of(data.overdue)
    figured = with_figure(debt, data.as_of, owed, late, data.days_past_due)
    if not state.is_open or debt.episode != state.episode:
        return _on_file(state, state.with_debt(figured), message)
    newer = _status_of(figured, state, data.as_of, message.day, said_late=_says_late(data))
    after = _finishing(state.with_debt(newer), message.day, reference)
    corrected = Reason(code=ReasonCode.BALANCE_CORRECTED, params={"account": debt.debt_id})
    ended, said = conclude(state, after, message.day, corrected)
    return answer(ended, *said)


def cured(state: IntakeState | None, message: Envelope[bank.AccountCured], _reference: Reference) -> Outcome:
    """The account is no longer overdue. In a signed plan it stays: the plan goes on, and ends the case."""
    data = message.data
    debt = _known(state, message)
    if isinstance(debt, Decision) or state is None:
        return debt if isinstance(debt, Decision) else Decision(state)
    if is_stale(debt, data.as_of) and debt.is_late:
        return _refuse(state, state, _stale(message, data.as_of, debt.figure_on))
    if debt.status in _LEFT:
        return _refuse(state, state, refusal(message, _LEFT[debt.status]))
    settled = debt.outstanding.total == 0
    status = DebtStatus.SETTLED if settled else DebtStatus.CURED
    after = state.with_debt(leave(debt, debt.status if state.plans(debt) else status, data.as_of))
    if not state.is_open or debt.episode != state.episode:
        return _on_file(state, after, message)
    reason = Reason(code=ReasonCode.ACCOUNT_CURED, params={"account": debt.debt_id})
    ended, said = conclude(state, after, message.day, reason)
    return answer(ended, *said)


_LEFT = {
    DebtStatus.SOLD: ReasonCode.DEBT_SOLD,
    DebtStatus.RECALLED: ReasonCode.DEBT_RECALLED,
    DebtStatus.ELSEWHERE: ReasonCode.JOINT_DEBT_ELSEWHERE,
}


def sold(state: IntakeState | None, message: Envelope[bank.DebtSold], _reference: Reference) -> Outcome:
    """The debt has another creditor: final, and no figure of later date undoes it.

    A signed plan over it stays in force: it binds the buyer.
    """
    return _left(state, message, DebtStatus.SOLD)


def recalled(
    state: IntakeState | None, message: Envelope[bank.DebtRecalled], _reference: Reference
) -> Outcome:
    """The bank takes the debt back; a later overdue notice hands it over again."""
    return _left(state, message, DebtStatus.RECALLED)


def _left(state: IntakeState | None, message: Envelope[Any], status: DebtStatus) -> Outcome:
    as_of: date = message.data.as_of
    debt = _known(state, message)
    if isinstance(debt, Decision) or state is None:
        return debt if isinstance(debt, Decision) else Decision(state)
    if status is DebtStatus.RECALLED and (is_stale(debt, as_of) or debt.status is DebtStatus.SOLD):
        known = max(debt.figure_on, debt.ended_on or debt.figure_on)
        return _refuse(state, state, _stale(message, as_of, known))
    after = state.with_debt(leave(debt, status, as_of))
    if not state.is_open or debt.episode != state.episode:
        return _on_file(state, after, message)
    ended, said = conclude(state, after, message.day, Reason(code=_LEFT[status]))
    return answer(ended, *said)


def _known(state: IntakeState | None, message: Envelope[Any]) -> Debt | Outcome:
    """Give the debt that a message is about; it waits for one that has not been reported yet."""
    account: str = message.data.account_id
    now = state or IntakeState(customer=message.key)
    if belongs_elsewhere(now, message):
        elsewhere = refusal(message, ReasonCode.JOINT_DEBT_ELSEWHERE, account=account)
        return Decision.of(state, elsewhere, subject=now.case)
    debt = None if state is None else state.debt(account)
    if debt is not None:
        return debt
    return Decision.wait(
        state, refusal(message, ReasonCode.UNKNOWN_ACCOUNT, account=account), subject=now.case
    )


def _on_file(before: IntakeState, after: IntakeState, message: Envelope[Any]) -> Outcome:
    """A fact about a debt of a closed case: kept and answered there, it changes no talks."""
    if after == before:
        return Decision(before)
    said: tuple[Event, ...] = ()
    if before.status is CaseStatus.CLOSED:
        said = (refusal(message, ReasonCode.CASE_CLOSED),)
    return answer(after, *said)
