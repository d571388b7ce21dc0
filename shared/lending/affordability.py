"""What a borrower can pay: residual income today and under stress, our share of it, and ratios.

``residual = income - essential spending - payments on priority debts - saving allowance``; spending
counts as declared, but below the guideline it is not questioned and above it only what was explained
counts (the practice of the UK's Standard Financial Statement). All amounts are per month.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from shared.lending.money import CurrencyMismatch, Money, Rounding

_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class Spending:
    """One category per month: what is spent, the guideline for this household, and whether spending
    above the guideline has been explained."""

    declared: Money
    guideline: Money | None = None
    explained: bool = False

    @property
    def allowed(self) -> Money:
        """What counts: all of it up to the guideline; above it only with an explanation."""
        if self.guideline is None or self.explained:
            return self.declared
        return min(self.declared, self.guideline)

    @property
    def needs_explanation(self) -> bool:
        return self.guideline is not None and not self.explained and self.declared > self.guideline


@dataclass(frozen=True, slots=True)
class Household:
    """The monthly figures that capacity follows from.

    ``variable_income`` is the part of ``income`` that varies from month to month; ``variable_rate_balance``
    is owed on priority debts whose payments rise with interest rates. None is nothing.
    """

    income: Money
    spending: Mapping[str, Spending]
    priority_debt_payments: Money
    variable_income: Money | None = None
    variable_rate_balance: Money | None = None

    @property
    def currency(self) -> str:
        return self.income.currency

    @property
    def allowed_spending(self) -> Money:
        return Money.sum((item.allowed for item in self.spending.values()), self.currency)


@dataclass(frozen=True, slots=True)
class SavingAllowance:
    """A small monthly saving that stays with the borrower: a share of what is left, up to a maximum."""

    share_pct: Decimal
    maximum: Money


@dataclass(frozen=True, slots=True)
class Stress:
    """What must still be survived: income falls, spending rises, one shock is spread over some months.

    Income that varies falls by its own percentage, or by that of all income where that is more;
    ``rate_rise_pct`` is in points a year, on what is owed at a variable rate on priority debts.
    """

    income_drop_pct: Decimal = Decimal(0)
    spending_rise_pct: Decimal = Decimal(0)
    one_off: Money | None = None
    one_off_months: int = 12
    variable_income_drop_pct: Decimal = Decimal(0)
    rate_rise_pct: Decimal = Decimal(0)


def residual_income(household: Household, saving: SavingAllowance | None, rounding: Rounding) -> Money:
    """What is left each month; negative when essentials are not covered."""
    surplus = household.income - household.allowed_spending - household.priority_debt_payments
    if saving is None or not surplus.is_positive:
        return surplus
    kept = min(surplus.times(saving.share_pct / _HUNDRED, rounding), saving.maximum)
    return surplus - kept


def stressed(household: Household, stress: Stress, rounding: Rounding) -> Household:
    """The same household under stress."""
    steady_drop = min(stress.income_drop_pct, _HUNDRED)
    variable_drop = min(max(steady_drop, stress.variable_income_drop_pct), _HUNDRED)
    variable = household.variable_income or Money.zero(household.currency)
    steady = household.income - variable
    rise = (_HUNDRED + stress.spending_rise_pct) / _HUNDRED
    spending = {
        name: Spending(
            declared=item.declared.times(rise, rounding),
            guideline=None if item.guideline is None else item.guideline.times(rise, rounding),
            explained=item.explained,
        )
        for name, item in household.spending.items()
    }
    if stress.one_off is not None and stress.one_off.is_positive:
        monthly = stress.one_off.times(Fraction(1, stress.one_off_months), Rounding.UP)
        spending["one_off_shock"] = Spending(declared=monthly)
    priority = household.priority_debt_payments
    balance = household.variable_rate_balance
    if balance is not None and balance.is_positive:
        priority += balance.times(Fraction(stress.rate_rise_pct) / 1200, Rounding.UP)
    return Household(
        income=steady.times((_HUNDRED - steady_drop) / _HUNDRED, rounding)
        + variable.times((_HUNDRED - variable_drop) / _HUNDRED, rounding),
        spending=spending,
        priority_debt_payments=priority,
    )


def stressed_residual(
    household: Household, stress: Stress, saving: SavingAllowance | None, rounding: Rounding
) -> Money:
    """Residual income under stress; negative when essentials are not covered any more."""
    return residual_income(stressed(household, stress, rounding), saving, rounding)


def our_share(residual: Money, our_balance: Money, other_balances: Money) -> Money:
    """``residual x ours / (ours + others)``, rounded down; zero when nothing is left.

    All of it when the borrower owes nobody else.
    """
    if not residual.is_positive:
        return Money.zero(residual.currency)
    total = our_balance + other_balances
    if not total.is_positive:
        return residual
    return residual.times(Fraction(our_balance.minor, total.minor), Rounding.DOWN)


def planned_share(residual: Money, monthly: Money) -> Money:
    """What an agreed debt plan gives us a month, and never more than is left; zero when nothing is left."""
    return max(Money.zero(residual.currency), min(residual, monthly))


def debt_to_income(monthly_debt_payments: Money, income: Money) -> Decimal | None:
    """Debt payments over income as a ratio (0.31 is 31 %), four digits; None without income."""
    if monthly_debt_payments.currency != income.currency:
        raise CurrencyMismatch(f"{monthly_debt_payments.currency} over {income.currency} is no ratio")
    if not income.is_positive:
        return None
    return (Decimal(monthly_debt_payments.minor) / Decimal(income.minor)).quantize(Decimal("0.0001"))


def weekly_to_monthly(amount: Money, rounding: Rounding) -> Money:
    """A weekly figure as a monthly one: 52 weeks over 12 months."""
    return amount.times(Fraction(52, 12), rounding)
