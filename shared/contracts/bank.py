"""What the bank's core system says on `bank.events`. The record key is the customer number.

A joint account is one debt of one case. Every message about it names all its obligors and is sent under the
key of its holder (`is_held_by`); it may be sent under the others' keys too, where it changes no amount.
"""

from collections.abc import Sequence
from datetime import date
from typing import ClassVar

from pydantic import Field

from shared.contracts.base import AccountId, CustomerId, Event, MoneyField, Part, Percent, Personal
from shared.contracts.debts import Balances, DebtPriority, PackId, ProductKind
from shared.contracts.history import AccountEntry
from shared.contracts.parties import ObligorRole, StopCause

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
    "Obligor",
    "PaymentReceived",
    "PaymentReversed",
    "StopLifted",
    "StopReported",
    "is_held_by",
]


class Contact(Part):
    """How the borrower can be reached."""

    phone: str | None = None
    email: str | None = None
    address: str | None = None


class Obligor(Part):
    """Somebody who owes an account, or stands in for it."""

    customer: CustomerId
    role: ObligorRole
    liability: MoneyField | None = Field(
        default=None, description="the most that a guarantor is liable for; None: for all of it"
    )
    language: str | None = Field(default=None, pattern=r"^(zh|en)$")
    name: Personal[str] | None = None
    contact: Personal[Contact] | None = None


def is_held_by(customer: str, obligors: Sequence[Obligor]) -> bool:
    """Say whether a debt belongs to this customer's case: it follows from the obligors alone.

    Of the borrowers, and without any of the co-borrowers, the one with the smallest customer number (by its
    characters) holds it. A guarantor never does. Where nobody is named, the record's key is the borrower.
    """
    for role in (ObligorRole.BORROWER, ObligorRole.CO_BORROWER):
        owing = [obligor.customer for obligor in obligors if obligor.role is role]
        if owing:
            return customer == min(owing)
    return all(obligor.customer != customer for obligor in obligors)


class _Bank(Event):
    PRODUCER: ClassVar[str] = "bank"


class _OfAccount(_Bank):
    obligors: tuple[Obligor, ...] = Field(
        default=(), max_length=50, description="of a joint account: all who owe it, and its guarantors"
    )


class AccountOverdue(_OfAccount):
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
    priority: DebtPriority = DebtPriority.ORDINARY
    history: tuple[AccountEntry, ...] = Field(
        default=(),
        max_length=1000,
        description="all entries from the original advance to as_of; none: as given before, if ever",
    )
    name: Personal[str] | None = None
    contact: Personal[Contact] | None = None
    re_aged: tuple[date, ...] = Field(
        default=(),
        max_length=60,
        description="days on which the account was re-aged, signed plans of this platform apart",
    )


class BalanceReported(_OfAccount):
    """The bank's figures of an account: they win over ours by `as_of`."""

    TYPE: ClassVar[str] = "parley.bank.balance.reported.v1"

    account_id: AccountId
    as_of: date
    outstanding: Balances
    overdue: Balances
    days_past_due: int = Field(ge=0, le=36500)


class PaymentReceived(_OfAccount):
    """Money arrived. Without an account it is allocated over all debts of the case."""

    TYPE: ClassVar[str] = "parley.bank.payment.received.v1"

    payment_id: str = Field(min_length=1, max_length=64)
    account_id: AccountId | None = None
    amount: MoneyField
    value_date: date

    def money_date(self) -> date:
        """Give the value date."""
        return self.value_date


class PaymentReversed(_OfAccount):
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


class AccountCured(_OfAccount):
    """The account is no longer overdue."""

    TYPE: ClassVar[str] = "parley.bank.account.cured.v1"

    account_id: AccountId
    as_of: date


class DebtSold(_OfAccount):
    """The debt now belongs to another creditor."""

    TYPE: ClassVar[str] = "parley.bank.debt.sold.v1"

    account_id: AccountId
    as_of: date
    buyer: str = Field(max_length=200)


class DebtRecalled(_OfAccount):
    """The bank takes the debt back out of renegotiation."""

    TYPE: ClassVar[str] = "parley.bank.debt.recalled.v1"
    PRIVATE: ClassVar[tuple[str, ...]] = ("reason",)

    account_id: AccountId
    as_of: date
    reason: str = Field(max_length=200)


class StopReported(_Bank):
    """The bank knows of what stops debts or protects a person: a dispute, a lawsuit, an insolvency, a death.

    Without accounts it is about every debt of the case. `customer` is another obligor of them; without it,
    the stop is about the customer of the record's key.
    """

    TYPE: ClassVar[str] = "parley.bank.stop.reported.v1"
    PRIVATE: ClassVar[tuple[str, ...]] = ("cause", "expected_end")

    stop_id: str = Field(min_length=1, max_length=64)
    cause: StopCause
    since: date
    accounts: tuple[AccountId, ...] = Field(default=(), max_length=200)
    customer: CustomerId | None = None
    expected_end: date | None = None


class StopLifted(_Bank):
    """What stopped has ended."""

    TYPE: ClassVar[str] = "parley.bank.stop.lifted.v1"
    PRIVATE: ClassVar[tuple[str, ...]] = ("outcome",)

    stop_id: str = Field(min_length=1, max_length=64)
    on: date
    outcome: str | None = Field(default=None, max_length=100)


class InstructionConfirmed(_Bank):
    """The bank has carried out an instruction."""

    TYPE: ClassVar[str] = "parley.bank.instruction.confirmed.v1"

    instruction_id: str
    as_of: date


class InstructionRefused(_Bank):
    """The bank could not carry out an instruction."""

    TYPE: ClassVar[str] = "parley.bank.instruction.refused.v1"
    PRIVATE: ClassVar[tuple[str, ...]] = ("reason",)

    instruction_id: str
    as_of: date
    reason: str = Field(max_length=200)


class DayClosed(_Bank):
    """Every fact of `day` and earlier is on this partition before this message. Sent to every partition."""

    TYPE: ClassVar[str] = "parley.bank.day.closed.v1"

    day: date
