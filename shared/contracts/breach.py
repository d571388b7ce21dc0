"""What a borrower is told of a breach: what is open, what a breach takes back, and what it leaves."""

from datetime import date
from decimal import Decimal

from pydantic import Field

from shared.contracts.agreement import DebtRate
from shared.contracts.base import AccountId, MoneyField, Part, Percent

__all__ = ["BreachFacts", "OpenInstalment"]


class OpenInstalment(Part):
    """An instalment that is due and not paid; `missing` of it, in one currency, over all of its debts."""

    number: int = Field(ge=1)
    due: date
    missing: MoneyField
    debts: tuple[AccountId, ...] = Field(description="what it pays off")


class BreachFacts(Part):
    """The figures of a notice, as they stood when its day closed.

    `rates_return` without `rates`: a plan that was signed before its rates were kept.
    """

    debts: tuple[AccountId, ...] = Field(description="the debts of the plan")
    instalments: tuple[OpenInstalment, ...] = Field(description="what is open, the oldest first")
    returns: tuple[MoneyField, ...] = Field(
        default=(), description="waived on condition: owed again with a breach"
    )
    rates_return: bool = Field(default=False, description="the rates of the contract return with a breach")
    rates: tuple[DebtRate, ...] = Field(
        default=(), description="the rates a year that then hold, less what rewards have cut"
    )
    stays: tuple[MoneyField, ...] = Field(
        default=(), description="waived for good, with the signature or as a reward: never owed again"
    )
    rate_cut_pct: Percent = Field(
        default=Decimal(0), description="share of the rate that rewards have cut: that stays cut"
    )
