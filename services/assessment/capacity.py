"""What the borrower can pay a month, now and under the policy's stress. Pure.

    residual = income that counts - spending that counts - priority debts - saving allowance
    ours     = residual x what is owed to us / what is owed to all non-priority creditors

Income counts as verified where somebody has checked it, otherwise the policy's share of what was declared.
Spending counts as declared; above the household's guideline only what was explained or verified, and a
category of the guideline that the statement leaves out counts at the guideline: nobody lives on nothing.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from services.assessment.model import AssessmentState, Statement
from services.assessment.rules import declared
from shared.contracts.assessment import Capacity
from shared.contracts.base import Reason
from shared.contracts.reasons import ReasonCode
from shared.lending.affordability import Household, Spending, our_share, residual_income, stressed_residual
from shared.lending.money import Money
from shared.policy.model import PolicyInForce

__all__ = ["capacity_of", "capacity_score"]

_HUNDRED = Decimal(100)


def capacity_of(state: AssessmentState, policy: PolicyInForce) -> tuple[Capacity, tuple[Reason, ...]]:
    """Work out what can be afforded, with the reasons why it is what it is."""
    currency, statement = policy.currency, state.statement
    checked = {item.item: item.amount for item in state.verified}
    reasons: list[Reason] = []
    income = _income(statement, checked, policy, reasons)
    spending = _spending(statement, checked, policy, reasons)
    priority, others, liquid = _debts_and_assets(statement, checked, currency)
    household = Household(income=income, spending=spending, priority_debt_payments=priority)
    rounding, saving = policy.amounts.rounding, policy.saving_allowance
    now = residual_income(household, saving, rounding)
    stress = min(now, stressed_residual(household, policy.stress, saving, rounding))
    if not policy.assessment.share_with_other_creditors:
        others = Money.zero(currency)
    available, under_stress = (our_share(residual, state.owed, others) for residual in (now, stress))
    if priority.is_positive:
        reasons.append(_reason(ReasonCode.PRIORITY_DEBTS_FIRST, amount=_shown(priority)))
    if others.is_positive and state.owed.is_positive:
        share = Fraction(100 * state.owed.minor, (state.owed + others).minor)
        reasons.append(_reason(ReasonCode.SHARED_WITH_OTHER_CREDITORS, share=f"{int(share)} %"))
    if not now.is_positive:
        reasons.append(_reason(ReasonCode.NO_RESIDUAL_INCOME))
    elif under_stress < available:
        reasons.append(_reason(ReasonCode.STRESS_LEAVES_LESS, amount=_shown(under_stress)))
    figures = declared(statement)
    capacity = Capacity(
        currency=currency,
        income_declared=_total(figures, "income:", currency),
        income_verified=_total(checked, "income:", currency),
        spending_declared=_total(figures, "spending:", currency),
        spending_counted=household.allowed_spending,
        priority_debts=priority,
        residual_now=now,
        residual_stress=stress,
        available_now=available,
        available_stress=under_stress,
        liquid_assets=liquid,
    )
    return capacity, tuple(reasons)


def capacity_score(capacity: Capacity, owed: Money, policy: PolicyInForce) -> int:
    """Score from 0 to 100: how much of the debt the policy's longest term could pay off, under stress."""
    if not owed.is_positive:
        return 100
    within_term = capacity.available_stress.minor * policy.term.max_months
    return min(100, 100 * within_term // owed.minor)


def _reason(code: ReasonCode, **params: str) -> Reason:
    return Reason(code=code, params=params)


def _shown(amount: Money) -> str:
    return f"{amount} {amount.currency}"


def _total(figures: dict[str, Money], kind: str, currency: str) -> Money:
    return Money.sum((amount for name, amount in figures.items() if name.startswith(kind)), currency)


def _income(
    statement: Statement, checked: dict[str, Money], policy: PolicyInForce, reasons: list[Reason]
) -> Money:
    stated = {name: amount for name, amount in declared(statement).items() if name.startswith("income:")}
    share, counted = policy.assessment.unverified_income_pct, Money.zero(policy.currency)
    unverified = False
    for name in sorted({*stated, *(item for item in checked if item.startswith("income:"))}):
        if name in checked:
            counted += checked[name]
            continue
        unverified = unverified or stated[name].is_positive
        counted += stated[name].times(share / _HUNDRED, policy.amounts.rounding)
    if unverified and share < _HUNDRED:
        reasons.append(_reason(ReasonCode.INCOME_NOT_VERIFIED, share=f"{share} %"))
    return counted


def _spending(
    statement: Statement, checked: dict[str, Money], policy: PolicyInForce, reasons: list[Reason]
) -> dict[str, Spending]:
    size = 1 + (statement.dependants or 0)
    zero = Money.zero(policy.currency)
    stated = {
        name.removeprefix("spending:"): amount
        for name, amount in declared(statement).items()
        if name.startswith("spending:")
    }
    proven = {
        name.removeprefix("spending:"): amount
        for name, amount in checked.items()
        if name.startswith("spending:")
    }
    explained = {item.category.value for item in statement.spending or () if item.explained} | proven.keys()
    spending: dict[str, Spending] = {}
    for category in sorted(stated.keys() | proven.keys()):
        spending[category] = Spending(
            declared=proven.get(category, stated.get(category, zero)),
            guideline=policy.guideline(category, size),
            explained=category in explained,
        )
        if spending[category].needs_explanation:
            limit = _shown(spending[category].allowed)
            reasons.append(
                _reason(ReasonCode.SPENDING_CAPPED_WITHOUT_EXPLANATION, category=category, guideline=limit)
            )
    raised = zero
    for row in policy.assessment.guidelines:
        usual = policy.guideline(row.category, size)
        if row.category not in spending and usual is not None and usual.is_positive:
            spending[row.category] = Spending(declared=usual, guideline=usual)
            raised += usual
    if raised.is_positive:
        reasons.append(_reason(ReasonCode.SPENDING_RAISED_TO_GUIDELINE, guideline=_shown(raised)))
    return spending


def _debts_and_assets(
    statement: Statement, checked: dict[str, Money], currency: str
) -> tuple[Money, Money, Money]:
    """Give the monthly payments on priority debts, the balances of the others, and liquid assets."""
    debts: dict[tuple[str, bool], Money] = {}
    for debt in statement.other_debts or ():
        key, counts = (debt.creditor_kind, debt.priority), debt.monthly if debt.priority else debt.balance
        debts[key] = debts[key] + counts if key in debts else counts
    for (kind, first), amount in tuple(debts.items()):
        # Evidence names the kind of creditor alone: where it is owed both ways, nobody knows which is meant.
        if (kind, not first) not in debts:
            debts[kind, first] = checked.get(f"other_debt:{kind}", amount)
    assets = declared(statement) | {name: v for name, v in checked.items() if name.startswith("asset:")}
    liquid = {f"asset:{item.kind}" for item in statement.assets or () if item.liquid}
    return (
        Money.sum((amount for (_, first), amount in debts.items() if first), currency),
        Money.sum((amount for (_, first), amount in debts.items() if not first), currency),
        Money.sum((assets[name] for name in sorted(liquid)), currency),
    )
