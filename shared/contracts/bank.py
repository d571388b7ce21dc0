"""What the bank's core system says on `bank.events`. The record key is the customer number."""

from datetime import date
from typing import ClassVar

from pydantic import Field

from shared.contracts.base import AccountId, Event, MoneyField, Part, Percent, Personal
from shared.contracts.debts import Balances, PackId, ProductKind

__all__ = [
    "AccountCured",
    "AccountOverdue",
    "BalanceReported",
    "Contact",
    "DayClosed",
    "DebtRecalled",
    "DebtSold",
    "InstructionConfirmed",
    "InstructionRefused",
    "PaymentReceived",
    "PaymentReversed",
]


class Contact(Part):
    """How the borrower can be reached."""

    phone: str | None = None
    email: str | None = None
    address: str | None = None


class _Bank(Event):
    PRODUCER: ClassVar[str] = "bank"


class AccountOverdue(_Bank):
    """An account is overdue on `as_of`. A later one refreshes the case, an older one changes nothing."""

    TYPE: ClassVar[str] = "parley.bank.account.overdue.v1"

    account_id: AccountId
    as_of: date
    product: PackId = Field(description="the policy pack of the product, e.g. cn-card")
    kind: ProductKind
    days_past_due: int = Field(ge=1, le=36500)
    outstanding: Balances
    overdue: Balances
    annual_rate_pct: Percent
    contract_date: date
    contractual_payment: MoneyField | None = None
    language: str = Field(default="en", pattern=r"^(zh|en)$")
    region: str | None = Field(default=None, description="coarse region for groups; no address")
    name: Personal[str] | None = None
    contact: Personal[Contact] | None = None


class BalanceReported(_Bank):
    """The bank's figures of an account: they win over ours by `as_of`."""

    TYPE: ClassVar[str] = "parley.bank.balance.reported.v1"

    account_id: AccountId
    as_of: date
    outstanding: Balances
    overdue: Balances
    days_past_due: int = Field(ge=0, le=36500)


class PaymentReceived(_Bank):
    """Money arrived. Without an account it is allocated over all debts of the case."""

    TYPE: ClassVar[str] = "parley.bank.payment.received.v1"

    payment_id: str = Field(min_length=1, max_length=64)
    account_id: AccountId | None = None
    amount: MoneyField
    value_date: date

    def money_date(self) -> date:
        """Give the value date."""
        return self.value_date


class PaymentReversed(_Bank):
    """A payment was returned, whole or in part."""

    TYPE: ClassVar[str] = "parley.bank.payment.reversed.v1"

    payment_id: str = Field(min_length=1, max_length=64)
    reversal_id: str = Field(min_length=1, max_length=64)
    amount: MoneyField
    reversed_on: date
    reason: str | None = Field(default=None, max_length=64, description="the bank's return code")

    def money_date(self) -> date:
        """Give the day of the return."""
        return self.reversed_on


class AccountCured(_Bank):
    """The account is no longer overdue."""

    TYPE: ClassVar[str] = "parley.bank.account.cured.v1"

    account_id: AccountId
    as_of: date


class DebtSold(_Bank):
    """The debt now belongs to another creditor."""

    TYPE: ClassVar[str] = "parley.bank.debt.sold.v1"

    account_id: AccountId
    as_of: date
    buyer: str = Field(max_length=200)


class DebtRecalled(_Bank):
    """The bank takes the debt back out of renegotiation."""

    TYPE: ClassVar[str] = "parley.bank.debt.recalled.v1"

    account_id: AccountId
    as_of: date
    reason: str = Field(max_length=200)


class InstructionConfirmed(_Bank):
    """The bank has carried out an instruction."""

    TYPE: ClassVar[str] = "parley.bank.instruction.confirmed.v1"

    instruction_id: str
    as_of: date


class InstructionRefused(_Bank):
    """The bank could not carry out an instruction."""

    TYPE: ClassVar[str] = "parley.bank.instruction.refused.v1"

    instruction_id: str
    as_of: date
    reason: str = Field(max_length=200)


class DayClosed(_Bank):
    """Every fact of `day` and earlier is on this partition before this message. Sent to every partition."""

    TYPE: ClassVar[str] = "parley.bank.day.closed.v1"

    day: date
