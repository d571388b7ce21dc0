"""The simulated core bank: the truth about accounts. It says what a core system would say, and listens.

It publishes overdue accounts, their refresh each month, payments, returns, cures, what instalments charge,
and answers to instructions; it learns of allocations and plans from published events alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from deploy.demo.portfolio import Account, Customer
from shared.contracts import agreement, bank, followup, followup_care, intake
from shared.contracts.base import Event
from shared.contracts.debts import Allocation, Balances, InstalmentTotal
from shared.contracts.envelope import Envelope
from shared.contracts.ids import derive_id
from shared.lending.money import Money
from shared.lending.plan_split import pro_rata

__all__ = ["CoreBank", "at", "external"]

SOURCE = "/bank/core"

BILLED_BEFORE = 3
"""Days before its due date that an instalment is billed, with its interest: nobody pays earlier."""


def at(day: date, hour: int = 9) -> datetime:
    """Give a moment of a business day."""
    return datetime.combine(day, time(hour), UTC)


def external(source: str, key: str, day: date, data: Event, *about: str, subject: str | None = None,
             hour: int = 9) -> Envelope[Any]:  # fmt: skip
    """Make a message from outside, with an id that depends on what it says: repeated, it is the same."""
    return Envelope(
        id=derive_id(source, key, data.TYPE, day.isoformat(), *about),
        source=source,
        time=at(day, hour),
        key=key,
        data=data,
        subject=subject,
    )


@dataclass(slots=True)
class _Charge:
    """What one instalment of one account asks for, and the interest in it that is billed shortly before."""

    account: str
    total: int
    interest: int
    carried: int
    billed: bool = False

    @property
    def bill(self) -> int:
        """What is billed: the interest beyond what had been owed before the plan."""
        return max(self.interest - self.carried, 0)


@dataclass(slots=True)
class _Plan:
    """A plan that the bank has been told of: what it charges, by due date and account."""

    customer: str
    charges: dict[date, list[_Charge]]


class CoreBank:
    """The bank's books for the customers of the demo."""

    def __init__(self, customers: list[Customer]) -> None:
        self._customers = {c.number: c for c in customers}
        self._accounts = {a.account_id: (c, a) for c in customers for a in c.accounts}
        self._plans: dict[str, _Plan] = {}
        self._cured: set[str] = set()
        self._closed: set[str] = set()
        self._answers: list[tuple[date, str, str]] = []
        self._corrected: set[str] = set()
        self._uncharged: set[str] = set()  # accounts whose interest a stop event stops
        self.payments: dict[str, Money] = {}
        self._posted: dict[str, tuple[Allocation, ...]] = {}

    def account(self, account_id: str) -> Account:
        """Give an account; KeyError for one that is not ours."""
        return self._accounts[account_id][1]

    def says(self, day: date) -> Iterator[Envelope[Any]]:
        """Say what the bank says on `day`, payments apart."""
        for customer in self._customers.values():
            if day >= customer.enters:
                yield from self._accounts_of(customer, day)
        answers, self._answers = self._answers, []
        for when, key, instruction in answers:
            data = bank.InstructionConfirmed(instruction_id=instruction, as_of=day)
            yield external(SOURCE, key, max(day, when), data, instruction)

    def _accounts_of(self, customer: Customer, day: date) -> Iterator[Envelope[Any]]:
        plan = self._plans.get(customer.number)
        due = plan.charges.get(day + timedelta(days=BILLED_BEFORE), []) if plan else []
        told = {charge.account for charge in due if charge.bill and not charge.billed}
        told |= self._corrected & {account.account_id for account in customer.accounts}
        self._corrected -= told
        for charge in due:
            if not charge.billed:
                self.account(charge.account).interest += charge.bill
                charge.billed = True
        for account_id in sorted(told):
            account = self.account(account_id)
            data = bank.BalanceReported(
                account_id=account_id,
                as_of=day,
                outstanding=account.balances(),
                overdue=account.overdue(),
                days_past_due=0,
                obligors=account.obligors,
            )
            yield external(SOURCE, customer.number, day, data, account_id, hour=1)
        if plan is not None or customer.number in self._closed:
            return
        for account in customer.accounts:
            if account.account_id in self._cured or account.outstanding == 0:
                continue
            months, rest = divmod((day - customer.enters).days, 30)
            if rest == 0:
                if months:
                    _accrue(account, charged=account.account_id not in self._uncharged)
                late = self._overdue(customer, account, day)
                yield external(SOURCE, customer.number, day, late, account.account_id, hour=1)
                # Of a joint account the other borrower is told too; it belongs to one case all the same.
                for other in account.obligors:
                    if other.customer != customer.number and other.customer in self._customers:
                        yield external(SOURCE, other.customer, day, late, account.account_id, hour=1)

    def _overdue(self, customer: Customer, account: Account, day: date) -> bank.AccountOverdue:
        return bank.AccountOverdue(
            account_id=account.account_id,
            as_of=day,
            product=account.product,
            kind=account.kind,
            days_past_due=max(1, (day - account.oldest_due).days),
            outstanding=account.balances(),
            overdue=account.overdue(),
            annual_rate_pct=account.annual_rate_pct,
            contract_date=account.contract_date,
            contractual_payment=Money(account.monthly, account.currency),
            language=customer.language,
            region=customer.region,
            obligors=account.obligors,
            # Told once: what has been paid since is known.
            history=account.history if day == customer.enters else (),
        )

    def receives(self, customer: str, day: date, amount: Money, *about: str) -> Envelope[Any]:
        """Receive a payment: what the platform makes of it comes back as an event."""
        payment_id = derive_id("payment", customer, day.isoformat(), *about)
        self.payments[payment_id] = amount
        data = bank.PaymentReceived(payment_id=payment_id, amount=amount, value_date=day)
        return external(SOURCE, customer, day, data, payment_id, hour=12)

    def returns(self, customer: str, payment_id: str, day: date) -> Envelope[Any]:
        """Have a payment returned by the payer's bank."""
        amount = self.payments.pop(payment_id)
        data = bank.PaymentReversed(
            payment_id=payment_id,
            reversal_id=derive_id("reversal", payment_id),
            amount=amount,
            reversed_on=day,
            reason="insufficient_funds",
        )
        return external(SOURCE, customer, day, data, payment_id, hour=13)

    def cures(self, customer: str, day: date) -> list[Envelope[Any]]:
        """Report accounts whose arrears have been paid."""
        said = []
        for account in self._customers[customer].accounts:
            if account.account_id not in self._cured and account.arrears <= 0:
                self._cured.add(account.account_id)
                data = bank.AccountCured(account_id=account.account_id, as_of=day)
                said.append(external(SOURCE, customer, day, data, account.account_id, hour=14))
        return said

    def hears(self, message: Envelope[Any]) -> None:
        """Learn from a published event: allocations, plans, waivers, closed cases."""
        data = message.data
        if isinstance(data, intake.PaymentMatched):
            self._posted[data.payment_id] = data.allocations
            self._post(data.allocations, -1)
        elif isinstance(data, intake.PaymentTakenBack):
            self._post(self._posted.pop(data.payment_id, ()), +1)
        elif isinstance(data, intake.CaseClosed):
            self._closed.add(message.key)
        elif isinstance(data, followup.RewardGranted):
            self._waive(data.waived)
            self._lower(message.key, data.instalments)
            if data.instruction_id is not None:
                self._confirm(message, data.instruction_id)
        elif isinstance(data, followup_care.CreditInstructed):
            # The money was never put on an account; where it goes to another debt, that is reported by it.
            if data.answer_by is not None:
                self._confirm(message, data.instruction_id)
        elif isinstance(data, followup_care.LegalReferralHeld | followup_care.LegalReferralResumed):
            self._confirm(message, data.instruction_id)
        elif isinstance(data, intake.StopsInstructed):
            self._hold(data)
            self._confirm(message, data.instruction_id)
        elif isinstance(data, agreement.BankInstructed):
            self._confirm(message, data.instruction_id)
            self._obey(message.key, data)

    def _confirm(self, message: Envelope[Any], instruction_id: str) -> None:
        self._answers.append((message.day + timedelta(days=1), message.key, instruction_id))

    def _hold(self, told: intake.StopsInstructed) -> None:
        """Charge no interest on what stop events protect, until told that it goes on."""
        for debt in told.holds:
            if debt.party_id is None and "interest" in debt.stops:
                self._uncharged.add(debt.debt_id)
            elif debt.party_id is None and "interest" in debt.resumes:
                self._uncharged.discard(debt.debt_id)

    def _post(self, allocations: tuple[Allocation, ...], sign: int) -> None:
        for part in allocations:
            account, amounts = self.account(part.debt_id), part.amounts
            account.principal += sign * amounts.principal.minor
            account.interest += sign * amounts.interest.minor
            account.fees += sign * amounts.fees.minor
            account.late_charges += sign * amounts.late_charges.minor
            account.arrears += sign * _total(amounts)

    def _obey(self, customer: str, told: agreement.BankInstructed) -> None:
        self._waive(told.waived)
        if told.kind is agreement.InstructionKind.APPLY_PLAN:
            self._plans[customer] = _Plan(customer, self._future_interest(told))
        elif told.kind is agreement.InstructionKind.RESTORE_TERMS:
            self._waive(told.restored, -1)
            self._plans.pop(customer, None)
            if told.schedules:  # the earlier plan applies again
                self._plans[customer] = _Plan(customer, self._future_interest(told))
                self._lower(customer, told.instalments)
        elif told.kind is agreement.InstructionKind.RESUME_COLLECTION:
            self._waive(told.restored, -1)  # what was waived on condition, and broken
            for back in told.rates:
                self.account(back.debt_id).annual_rate_pct = back.annual_rate_pct
            self._plans.pop(customer, None)

    def _waive(self, waived: tuple[agreement.WaivedDebt, ...], sign: int = 1) -> None:
        for part in waived:
            account, amounts = self.account(part.debt_id), part.amounts
            account.principal -= sign * amounts.principal.minor
            account.interest -= sign * amounts.interest.minor
            account.fees -= sign * amounts.fees.minor
            account.late_charges -= sign * amounts.late_charges.minor

    def _lower(self, customer: str, instalments: tuple[InstalmentTotal, ...]) -> None:
        """Charge less interest from now on: a lower rate was granted, and each instalment is smaller by it.

        What has been billed already is taken back.
        """
        plan = self._plans.get(customer)
        for row in instalments if plan is not None else ():
            due = [
                charge
                for charge in (plan.charges.get(row.due, []) if plan is not None else [])
                if self.account(charge.account).currency == row.total.currency
            ]
            interest = [charge.bill for charge in due]
            less = min(max(sum(charge.total for charge in due) - row.total.minor, 0), sum(interest))
            for charge, part in zip(due, pro_rata(less, interest), strict=True):
                before = charge.bill
                charge.total -= part
                charge.interest -= part
                if charge.billed and charge.bill < before:
                    self._credit(self.account(charge.account), before - charge.bill)
                    self._corrected.add(charge.account)
        if plan is not None:
            for account in {charge.account for row in plan.charges.values() for charge in row}:
                _carry_on(plan, account)

    @staticmethod
    def _credit(account: Account, amount: int) -> None:
        of_interest = min(max(account.interest, 0), amount)
        account.interest -= of_interest
        account.principal -= amount - of_interest

    def _future_interest(self, told: agreement.BankInstructed) -> dict[date, list[_Charge]]:
        """Give what a plan asks for, by due date, with the interest that it adds to what is owed already."""
        charges: dict[date, list[_Charge]] = {}
        rates = {rate.debt_id: rate.annual_rate_pct for rate in told.rates}
        for schedule in told.schedules:
            owed = self.account(schedule.debt_id).interest
            gives = schedule.accruing(rates.get(schedule.debt_id, Decimal(0)))
            for row, accruing in zip(schedule.rows, gives, strict=True):
                carried = min(owed, row.interest.minor - accruing.minor)
                owed -= carried
                charge = _Charge(schedule.debt_id, row.total.minor, row.interest.minor, carried)
                charges.setdefault(row.due, []).append(charge)
        return charges


def _carry_on(plan: _Plan, account: str) -> None:
    """Where an instalment has less interest than was owed before it, the rest stands in the next ones."""
    rest = 0
    for day in sorted(plan.charges):
        for charge in plan.charges[day]:
            if charge.account == account and not charge.billed:
                carried = charge.carried + rest
                charge.carried = min(carried, charge.interest)
                rest = carried - charge.carried


def _accrue(account: Account, *, charged: bool) -> None:
    if charged:
        account.interest += int(account.principal * account.annual_rate_pct / 1200)
    account.arrears = min(account.arrears + account.monthly, account.outstanding)


def _total(amounts: Balances) -> int:
    return (amounts.principal + amounts.interest + amounts.fees + amounts.late_charges).minor
