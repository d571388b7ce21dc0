"""Intake's document: one customer, the debts with their ledgers, the payments, and who owns the case."""

from datetime import date
from decimal import Decimal
from enum import StrEnum

from services.intake.amounts import Amounts
from shared.contracts.debts import DebtLedger, DebtSnapshot, DebtStatus, ProductKind
from shared.contracts.decision import State
from shared.contracts.ids import case_id
from shared.contracts.intake import CloseReason
from shared.lending.money import Money

__all__ = [
    "CaseStatus",
    "Debt",
    "Finish",
    "Instruction",
    "IntakeState",
    "Movement",
    "Part",
    "Payment",
    "Plan",
]


class CaseStatus(StrEnum):
    """Where the customer stands."""

    NONE = "none"  # no overdue account was ever reported; money may wait for a case
    OPEN = "open"
    CLOSED = "closed"  # the last episode is over; the next overdue account opens another


class Movement(State):
    """What changed a debt and the bank's figure does not hold yet: a payment, a return, a waiver.

    `on` is its value date: a figure as of that day or later holds it. A waiver has none while the bank has
    not answered the instruction; `waiver` then says which agreement or reward it came from.
    """

    on: date | None
    amounts: Amounts
    overdue: Amounts
    waiver: str | None = None


class Debt(State):
    """One debt. Amounts are minor units of `currency`; the ledger counts since it joined `episode`.

    `figure_on` is the day of the bank's figure that the rest stands on, `overdue` and `oldest_due` what is
    late now, `ended_on` the last day for which the bank said that it is not overdue, sold or recalled,
    `quiet_since` the day on which a payment left nothing overdue on our books.
    """

    debt_id: str
    episode: int
    policy: str
    kind: ProductKind
    currency: str
    annual_rate_pct: Decimal
    contract_date: date
    contractual_payment: int | None = None
    status: DebtStatus = DebtStatus.ACTIVE
    figure_on: date
    as_of: date
    oldest_due: date | None = None
    overdue: Amounts
    overdue_stated: bool = True
    opening: Amounts
    charges: Amounts = Amounts()
    corrections: Amounts = Amounts()
    paid: Amounts = Amounts()
    waived: Amounts = Amounts()
    after: tuple[Movement, ...] = ()
    ended_on: date | None = None
    quiet_since: date | None = None

    @property
    def outstanding(self) -> Amounts:
        """What is owed: it follows from the ledger, so the ledger always adds up."""
        return self.opening + self.charges + self.corrections - self.paid - self.waived

    @property
    def is_active(self) -> bool:
        """Whether it is in the case."""
        return self.status is DebtStatus.ACTIVE

    @property
    def is_late(self) -> bool:
        """Whether something of it is overdue (a bank may name the days and not the amount)."""
        return self.oldest_due is not None and (self.overdue.total > 0 or not self.overdue_stated)

    def days_late(self, on: date) -> int:
        """Give the days past due on a day."""
        return max((on - self.oldest_due).days, 0) if self.oldest_due is not None and self.is_late else 0

    def snapshot(self) -> DebtSnapshot:
        """Give it as downstream knows it."""
        return DebtSnapshot(
            debt_id=self.debt_id,
            policy=self.policy,
            kind=self.kind,
            outstanding=self.outstanding.on_wire(self.currency),
            overdue=self.overdue.on_wire(self.currency),
            annual_rate_pct=self.annual_rate_pct,
            days_past_due=min(self.days_late(self.as_of), 36500),
            oldest_due=self.oldest_due if self.is_late else None,
            contract_date=self.contract_date,
            contractual_payment=(
                None if self.contractual_payment is None else Money(self.contractual_payment, self.currency)
            ),
            as_of=self.as_of,
            status=self.status,
        )

    def ledger(self) -> DebtLedger:
        """Give its ledger as it is published."""
        names = ("opening", "charges", "corrections", "paid", "waived", "outstanding")
        return DebtLedger(
            debt_id=self.debt_id, **{name: getattr(self, name).on_wire(self.currency) for name in names}
        )


class Part(State):
    """One step of a payment's waterfall, in the order served; `overdue` is how much of it was late."""

    debt_id: str
    component: str
    amount: int
    overdue: int = 0


class Payment(State):
    """A payment of the last year or so, with what it was allocated to and what came back of it.

    `episode` is the case it was reported in, None while it waits for one. Amounts are minor units.
    """

    payment_id: str
    account_id: str | None = None
    currency: str
    amount: int
    value_date: date
    episode: int | None = None
    parts: tuple[Part, ...] = ()
    unallocated: int = 0
    reversals: tuple[str, ...] = ()

    @property
    def left(self) -> int:
        """What has not been returned."""
        return self.unallocated + sum(part.amount for part in self.parts)


class Plan(State):
    """The signed plan that is in force, and the debts in it."""

    agreement_id: str
    debts: tuple[str, ...]


class Instruction(State):
    """An instruction to the bank: the case it is about, the waiver it carries, and the day of the answer.

    Either part may come first.
    """

    instruction_id: str
    episode: int | None = None
    waiver: str | None = None
    answered_on: date | None = None


class Finish(State):
    """The case ends on this day, if nobody else ends it before: what the plan was about is over."""

    on: date
    reason: CloseReason


class IntakeState(State):
    """One customer. `episode` counts cases from 1 (0: none yet), `next_review` is the owner's next date."""

    customer: str
    status: CaseStatus = CaseStatus.NONE
    episode: int = 0
    opened_on: date | None = None
    policy: str | None = None
    policy_version: str | None = None
    language: str = "en"
    region: str | None = None
    owner: str | None = None
    timetable: tuple[date, ...] = ()
    next_review: date | None = None
    debts: tuple[Debt, ...] = ()
    payments: tuple[Payment, ...] = ()
    plan: Plan | None = None
    finish: Finish | None = None
    instructions: tuple[Instruction, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether a case is open."""
        return self.status is CaseStatus.OPEN

    @property
    def case(self) -> str:
        """The case that speaks for the customer now: the last one, or the first one to come."""
        return case_id(self.customer, max(self.episode, 1))

    @property
    def of_case(self) -> tuple[Debt, ...]:
        """The debts of the last episode."""
        return tuple(debt for debt in self.debts if debt.episode == self.episode)

    @property
    def next_date(self) -> date | None:
        """The first business day whose close has work; an open case always has one."""
        if not self.is_open:
            return None
        quiet = (debt.quiet_since for debt in self.of_case if debt.is_active and not self.plans(debt))
        days = (*quiet, self.next_review, self.finish.on if self.finish else None)
        return min((day for day in days if day is not None), default=None)

    def plans(self, debt: Debt) -> bool:
        """Whether a signed plan in force covers the debt."""
        return self.plan is not None and debt.debt_id in self.plan.debts

    def debt(self, debt_id: str) -> Debt | None:
        """Give one debt."""
        return next((debt for debt in self.debts if debt.debt_id == debt_id), None)

    def with_debt(self, debt: Debt) -> "IntakeState":
        """Give the state with a debt replaced or added."""
        if self.debt(debt.debt_id) is None:
            return self.model_copy(update={"debts": (*self.debts, debt)})
        debts = tuple(debt if other.debt_id == debt.debt_id else other for other in self.debts)
        return self.model_copy(update={"debts": debts})
