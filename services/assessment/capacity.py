"""What the borrower can pay a month: now, over the life of a plan, and under the policy's stress. Pure.

    residual = income that counts - spending that counts - priority debts - saving allowance
    ours     = residual x what is owed to us / what is owed to all non-priority creditors

Income counts as verified where somebody has checked it, otherwise the policy's share of what was declared.
Spending counts as declared; above the household's guideline only what was explained or verified, and a
category of the guideline that the statement leaves out counts at the guideline: nobody lives on nothing.
Who pays off a home loan pays for housing by that: the loan comes first, as a debt, and what the statement
leaves out of housing is not counted beside it.
Of other adults in the household what they contribute is income, what they cost is spending, and each makes
the household larger that the guidelines are for; the rest of their money is theirs.
Secured debts and priority debts are paid first. An agreed debt plan takes the place of our share by balance.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from services.assessment.model import AssessmentState
from services.assessment.outlook import Outlook, dates_of_change, in_doubt, outlook
from services.assessment.rules import HOME_LOAN, declared, served_first
from shared.contracts.assessment import Capacity, ProjectedCapacity
from shared.contracts.base import Reason
from shared.contracts.desk import OtherDebt
from shared.contracts.reasons import ReasonCode
from shared.lending.affordability import (
    Household,
    Spending,
    our_share,
    planned_share,
    residual_income,
    stressed_residual,
)
from shared.lending.calendar import add_months
from shared.lending.money import Money
from shared.policy.model import PolicyInForce

__all__ = ["Ability", "Budget", "ability_of", "budget_of", "capacity_score", "looks_low", "pays_home_loan"]

_HUNDRED = Decimal(100)
_HOUSING = "housing"


@dataclass(frozen=True, slots=True)
class Budget:
    """A household's month on one day, and what is left of it."""

    income: dict[str, Money]
    spending: dict[str, Spending]
    priority: Money
    others: Money
    household: Household
    residual: Money
    residual_stress: Money
    available: Money
    available_stress: Money
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Ability:
    """What can be afforded today and over life, with the reasons why it is what it is."""

    today: Budget
    capacity: Capacity
    projection: tuple[ProjectedCapacity, ...]
    reasons: tuple[Reason, ...]


def ability_of(state: AssessmentState, policy: PolicyInForce, on: date) -> Ability:
    """Work out what can be afforded from a day on, up to the pack's longest term."""
    today = budget_of(state, policy, on)
    projection, before = [_projected(on, today, ())], outlook(state, policy, on).reasons
    for day in dates_of_change(state, on, _months_later(on, policy.term.max_months)):
        then, budget = outlook(state, policy, day), budget_of(state, policy, day)
        new = tuple(reason for reason in then.reasons if reason not in before)
        projection.append(_projected(day, budget, (*new, *_counts_in_part(new, then, budget, policy))))
        before = then.reasons
    reasons = [*today.reasons]
    lowest = min(projection, key=lambda step: (step.available.minor, step.start))
    if lowest.available < today.available:
        params = {"amount": _shown(lowest.available), "on": lowest.start.isoformat()}
        reasons.append(Reason(code=ReasonCode.LESS_LATER, params=params))
    return Ability(
        today=today,
        capacity=_capacity(state, today, policy),
        projection=tuple(projection),
        reasons=tuple(reasons),
    )


def budget_of(state: AssessmentState, policy: PolicyInForce, on: date) -> Budget:
    """Work out one month as it will be on a day."""
    found = outlook(state, policy, on)
    reasons: list[Reason] = []
    income = _income(found, policy, reasons)
    spending = _spending(found, policy, reasons, owns_home=pays_home_loan(state))
    priority, others, rate_balance = _debts(found.debts, found.checked, policy.currency)
    household = Household(
        income=Money.sum(income.values(), policy.currency),
        spending=spending,
        priority_debt_payments=priority,
        variable_income=Money.sum(
            (amount for name, amount in income.items() if name in found.variable), policy.currency
        ),
        variable_rate_balance=rate_balance,
    )
    rounding, saving = policy.amounts.rounding, policy.saving_allowance
    residual = residual_income(household, saving, rounding)
    stress = min(residual, stressed_residual(household, policy.stress, saving, rounding))
    available, under_stress = (_ours(state, left, others, policy, on) for left in (residual, stress))
    if priority.is_positive:
        reasons.append(_reason(ReasonCode.PRIORITY_DEBTS_FIRST, amount=_shown(priority)))
    if _plan_in_force(state, on):
        reasons.append(_reason(ReasonCode.DEBT_PLAN_FOLLOWED, amount=_shown(available)))
    elif others.is_positive and state.owed.is_positive and policy.assessment.share_with_other_creditors:
        share = Fraction(100 * state.owed.minor, (state.owed + others).minor)
        reasons.append(_reason(ReasonCode.SHARED_WITH_OTHER_CREDITORS, share=f"{int(share)} %"))
    if not residual.is_positive:
        reasons.append(_reason(ReasonCode.NO_RESIDUAL_INCOME))
    elif under_stress < available:
        reasons.append(_reason(ReasonCode.STRESS_LEAVES_LESS, amount=_shown(under_stress)))
    return Budget(
        income=income,
        spending=spending,
        priority=priority,
        others=others,
        household=household,
        residual=residual,
        residual_stress=stress,
        available=available,
        available_stress=under_stress,
        reasons=tuple(reasons),
    )


def capacity_score(projection: tuple[ProjectedCapacity, ...], owed: Money, policy: PolicyInForce) -> int:
    """Score from 0 to 100: how much of the debt the policy's longest term could pay off, under stress.

    Each month counts with what will be available in it by what is known today (R19: future ability).
    """
    if not owed.is_positive:
        return 100
    start, total = projection[0].start, 0
    for month in range(policy.term.max_months):
        day = _months_later(start, month)
        total += [step for step in projection if step.start <= day][-1].available_stress.minor
    return min(100, 100 * total // owed.minor)


def pays_home_loan(state: AssessmentState) -> bool:
    """Whether the statement names a home loan; also after its end, for nobody pays rent because of that."""
    return any(debt.creditor_kind == HOME_LOAN for debt in state.statement.other_debts or ())


def looks_low(category: str, figure: Spending, policy: PolicyInForce, *, owns_home: bool) -> bool:
    """Whether so little is stated that something was left out, most likely; it is asked, never corrected."""
    if figure.guideline is None or figure.explained or (owns_home and category == _HOUSING):
        return False
    share = policy.assessment.low_spending_pct / _HUNDRED
    return figure.declared < figure.guideline.times(share, policy.amounts.rounding)


# -- the parts of a month --------------------------------------------------------------------------------


def _months_later(start: date, months: int) -> date:
    """Give the day so many months later; the calendar's last where there is none."""
    try:
        return add_months(start, months)
    except (OverflowError, ValueError):
        return date.max


def _reason(code: ReasonCode, **params: str) -> Reason:
    return Reason(code=code, params=params)


def _shown(amount: Money) -> str:
    return f"{amount} {amount.currency}"


def _projected(start: date, budget: Budget, reasons: tuple[Reason, ...]) -> ProjectedCapacity:
    return ProjectedCapacity(
        start=start,
        residual=budget.residual,
        residual_stress=budget.residual_stress,
        available=budget.available,
        available_stress=budget.available_stress,
        reasons=reasons,
    )


def _counts_in_part(
    new: tuple[Reason, ...], then: Outlook, budget: Budget, policy: PolicyInForce
) -> tuple[Reason, ...]:
    """Say that an income to come counts in part: else its amount does not lead to what will be left."""
    changed = {reason.params.get("item", "") for reason in new if reason.code is ReasonCode.KNOWN_CHANGE}
    if all(budget.income[item] >= then.declared[item] for item in changed & budget.income.keys()):
        return ()
    share = policy.assessment.unverified_income_pct
    return (_reason(ReasonCode.INCOME_NOT_VERIFIED, share=f"{share} %"),)


def _plan_in_force(state: AssessmentState, on: date) -> bool:
    plan = state.debt_plan
    return plan is not None and (plan.until is None or on <= plan.until)


def _ours(state: AssessmentState, left: Money, others: Money, policy: PolicyInForce, on: date) -> Money:
    if state.debt_plan is not None and _plan_in_force(state, on):
        return planned_share(left, state.debt_plan.monthly)
    if not policy.assessment.share_with_other_creditors:
        others = Money.zero(policy.currency)
    return our_share(left, state.owed, others)


def _income(found: Outlook, policy: PolicyInForce, reasons: list[Reason]) -> dict[str, Money]:
    share, counted = policy.assessment.unverified_income_pct, {}
    unverified = False
    names = {name for name in (*found.declared, *found.checked) if name.startswith("income:")}
    for name in sorted(names):
        if name in found.checked:
            counted[name] = found.checked[name]
            continue
        unverified = unverified or found.declared[name].is_positive
        counted[name] = found.declared[name].times(share / _HUNDRED, policy.amounts.rounding)
    if unverified and share < _HUNDRED:
        reasons.append(_reason(ReasonCode.INCOME_NOT_VERIFIED, share=f"{share} %"))
    return counted


def _spending(
    found: Outlook, policy: PolicyInForce, reasons: list[Reason], *, owns_home: bool
) -> dict[str, Spending]:
    size, zero = found.size, Money.zero(policy.currency)
    spending: dict[str, Spending] = {}
    low = []
    names = {name for name in (*found.declared, *found.checked) if name.startswith("spending:")}
    for name in sorted(names):
        category = name.removeprefix("spending:")
        usual = policy.guideline(category, size)
        figure = Spending(
            declared=found.checked.get(name, found.declared.get(name, zero)),
            guideline=usual,
            explained=name in found.explained,
        )
        spending[category] = figure
        if figure.needs_explanation:
            reasons.append(_unexplained(category, figure))
        elif looks_low(category, figure, policy, owns_home=owns_home):
            low.append(category)
    if low:  # one sentence, for who lives on little states little of everything
        reasons.append(_reason(ReasonCode.SPENDING_VERY_LOW, category=", ".join(low)))
    raised = zero
    for row in policy.assessment.guidelines:
        usual = policy.guideline(row.category, size)
        if owns_home and row.category == _HOUSING:
            continue
        if row.category not in spending and usual is not None and usual.is_positive:
            spending[row.category] = Spending(declared=usual, guideline=usual)
            raised += usual
    if raised.is_positive:
        reasons.append(_reason(ReasonCode.SPENDING_RAISED_TO_GUIDELINE, guideline=_shown(raised)))
    return spending


def _unexplained(category: str, figure: Spending) -> Reason:
    """Say what counts until the borrower has told the reason; of what is not usual at all, nothing does."""
    if figure.allowed.is_zero:
        return _reason(ReasonCode.SPENDING_NOT_COUNTED_YET, category=category)
    limit = _shown(figure.allowed)
    return _reason(ReasonCode.SPENDING_CAPPED_WITHOUT_EXPLANATION, category=category, guideline=limit)


def _debts(
    debts: tuple[OtherDebt, ...], checked: dict[str, Money], currency: str
) -> tuple[Money, Money, Money]:
    """Give the monthly payments that come first, the balances of the others, and what bears a variable rate
    among those that come first."""
    figures: dict[tuple[str, bool], Money] = {}
    rate_balance = Money.zero(currency)
    for debt in debts:
        first = served_first(debt)
        key, counts = (debt.creditor_kind, first), debt.monthly if first else debt.balance
        figures[key] = figures[key] + counts if key in figures else counts
        if first and debt.variable_rate:
            rate_balance += debt.balance
    for (kind, first), amount in tuple(figures.items()):
        # Evidence names the kind of creditor alone: where it is owed both ways, nobody knows which is meant.
        if (kind, not first) not in figures:
            figures[kind, first] = checked.get(f"other_debt:{kind}", amount)
    return (
        Money.sum((amount for (_, first), amount in figures.items() if first), currency),
        Money.sum((amount for (_, first), amount in figures.items() if not first), currency),
        rate_balance,
    )


def _capacity(state: AssessmentState, today: Budget, policy: PolicyInForce) -> Capacity:
    currency, statement = policy.currency, state.statement
    figures = declared(statement)
    aside = in_doubt(state)
    checked = {item.item: item.amount for item in state.verified if item.item not in aside}
    assets = figures | {name: amount for name, amount in checked.items() if name.startswith("asset:")}
    liquid = {f"asset:{item.kind}" for item in statement.assets or () if item.liquid}
    return Capacity(
        currency=currency,
        income_declared=_total(figures, "income:", currency),
        income_verified=_total(checked, "income:", currency),
        spending_declared=_total(figures, "spending:", currency),
        spending_counted=today.household.allowed_spending,
        priority_debts=today.priority,
        residual_now=today.residual,
        residual_stress=today.residual_stress,
        available_now=today.available,
        available_stress=today.available_stress,
        liquid_assets=Money.sum((assets[name] for name in sorted(liquid)), currency),
    )


def _total(figures: dict[str, Money], kind: str, currency: str) -> Money:
    return Money.sum((amount for name, amount in figures.items() if name.startswith(kind)), currency)
