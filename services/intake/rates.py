"""The rate of a debt under a plan, or lowered by a reward for good: no notice of the bank undoes it. Pure.

What was agreed stands. A higher rate in an overdue notice is a difference between the bank's books and the
agreement, as one of balances is: a person looks into it and says which is right. Until then nothing is
changed by it, nor what is agreed later computed on it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from services.intake.books import Debt
from services.intake.cases import Outcome, answer, conclude
from services.intake.model import IntakeState
from services.intake.rules import policy_of, refusal
from shared.contracts.base import Event, Reason
from shared.contracts.decision import Decision
from shared.contracts.desk_care import BalanceRight, RateReconciled
from shared.contracts.envelope import Envelope
from shared.contracts.intake import BalanceOutcome, RateDifferenceClosed, RateDiffers
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import Reference

__all__ = ["reconciled", "with_news_of_rates", "with_rate"]


def with_rate(debt: Debt, says: Decimal, as_of: date, *, planned: bool) -> Debt:
    """Read the rate in an overdue notice.

    Under a plan a lower one changes nothing either: it may be the plan's own, and what a breach returns to is
    the contract's. Until `rate_due` the bank has its days to know of the agreed one.
    """
    if not planned and not debt.rate_vested:
        return debt.model_copy(update={"annual_rate_pct": says})
    if says <= debt.annual_rate_pct:
        rate = debt.annual_rate_pct if planned else says
        return debt.model_copy(update={"annual_rate_pct": rate, "rate_told": None})
    if debt.rate_told is None and debt.rate_due is not None and as_of <= debt.rate_due:
        return debt
    return debt.model_copy(update={"rate_told": says})


def with_news_of_rates(before: IntakeState | None, decided: Outcome, message: Envelope[Any]) -> Outcome:
    """Say which rates differ since a message, and which do so no more; a new case hears of them anew."""
    after = decided.state
    if decided.waits or after is None or not after.is_open or isinstance(message.data, RateReconciled):
        return decided
    same = before is not None and before.is_open and before.episode == after.episode
    said: list[Event] = []
    for now in after.of_case:
        debt, stands = now, after.plans(now) or now.rate_vested
        if debt.rate_told is not None and not stands:
            debt = debt.model_copy(update={"rate_told": None})
            after = after.with_debt(debt)
        was = before.debt(debt.debt_id) if before is not None and same else None
        told = None if was is None else was.rate_told
        if debt.rate_told is not None and debt.rate_told != told:
            said.append(_differs(debt, debt.rate_told))
        elif debt.rate_told is None and told is not None:
            outcome = BalanceOutcome.AGREES_AGAIN if stands else BalanceOutcome.PLAN_OVER
            said.append(_closed(debt, told, message.day, outcome))
    if not said and after is decided.state:
        return decided
    return replace(decided, state=after, emissions=(*decided.emissions, *answer(after, *said).emissions))


def reconciled(state: IntakeState | None, message: Envelope[RateReconciled], reference: Reference) -> Outcome:
    """A person says which rate is right: the bank's, which holds from now on, or the agreed one.

    Then the bank has its days to correct its own; if it does not, the difference is said again.
    """
    data = message.data
    debt = None if state is None or not state.is_open else state.debt(data.account_id)
    if state is None or debt is None or debt.episode != state.episode or debt.rate_told is None:
        none = refusal(message, ReasonCode.NO_RATE_DIFFERENCE, account=data.account_id)
        return Decision.wait(state, none, subject=(state or IntakeState(customer=message.key)).case)
    told, until = debt.rate_told, None
    if data.right is BalanceRight.BANK:
        outcome = BalanceOutcome.BANK_RIGHT
        known = debt.model_copy(update={"annual_rate_pct": told, "rate_told": None})
    else:
        outcome = BalanceOutcome.PLAN_RIGHT
        policy = policy_of(state, message.day, reference)
        until = policy.deadline(message.day, policy.agreement.instruction_business_days)
        known = debt.model_copy(update={"rate_told": None, "rate_due": until})
    closed = _closed(known, told, message.day, outcome, by=data.by, correct_by=until)
    reason = Reason(code=ReasonCode.RATE_RECONCILED)
    after, said = conclude(state, state.with_debt(known), message.day, reason)
    return answer(after, closed, *said)


def _differs(debt: Debt, told: Decimal) -> RateDiffers:
    params = {"account": debt.debt_id, "bank": f"{told.normalize():f}", "agreed": _text(debt)}
    return RateDiffers(
        account_id=debt.debt_id,
        as_of=debt.figure_on,
        bank_says=told,
        agreed=debt.annual_rate_pct,
        reason=Reason(code=ReasonCode.RATE_DIFFERS, params=params),
    )


def _text(debt: Debt) -> str:
    return f"{debt.annual_rate_pct.normalize():f}"


def _closed(
    debt: Debt,
    told: Decimal,
    day: date,
    outcome: BalanceOutcome,
    *,
    by: str | None = None,
    correct_by: date | None = None,
) -> RateDifferenceClosed:
    return RateDifferenceClosed(
        account_id=debt.debt_id,
        as_of=day,
        outcome=outcome,
        bank_says=told,
        by=by,
        correct_by=correct_by,
    )
