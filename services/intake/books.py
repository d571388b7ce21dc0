"""The money in intake's document: each debt with its ledger, and the payments with what they settled."""

from datetime import date
from decimal import Decimal

from services.intake.amounts import Amounts
from shared.contracts.base import Reason
from shared.contracts.debts import DebtLedger, DebtPriority, DebtSnapshot, DebtStatus, ProductKind
from shared.contracts.decision import State
from shared.contracts.parties import DebtObligor, ObligorRole
from shared.contracts.reasons import ReasonCode
from shared.lending.money import Money

__all__ = ["Debt", "History", "Movement", "Owing", "Part", "Payment"]


class Movement(State):
    """What changed a debt and the bank's figure does not hold yet: a payment, a return, a waiver.

    `on` is its value date: a figure as of that day or later holds it. A waiver has none while the bank has
    not answered the instruction; `waiver` then says which agreement or reward it came from.
    """

    on: date | None
    amounts: Amounts
    overdue: Amounts
    waiver: str | None = None


class Owing(State):
    """Another obligor of a debt: in which role, and up to how much (minor units; None: for all of it)."""

    party_id: str
    role: ObligorRole
    liability: int | None = None


class History(State):
    """The money that moved on a debt since its advance: the bank's word up to `as_of`, and ours since.

    `flows` are minor units by day, advances negative. `problem` says why the bank's word does not count.
    `agreed` is what the ledger's corrections came to when it added up: where they come to something else by
    more than `tolerance`, the bank's figure holds what nobody has told.
    """

    as_of: date
    flows: tuple[tuple[date, int], ...] = ()
    agreed: int = 0
    tolerance: int = 0
    problem: Reason | None = None


class Debt(State):
    """One debt. Amounts are minor units of `currency`; the ledger counts since it joined `episode`.

    `figure_on` is the day of the bank's figure that the rest stands on, `overdue` and `oldest_due` what is
    late now, `re_aged` the days on which it was shown as current again,
    `ended_on` the last day for which the bank said that it is not overdue, sold or recalled,
    `quiet_since` the day on which a payment left nothing overdue on our books.
    `rate_vested`: rewards have lowered the rate, whatever the bank's notices say. It has until `rate_due` to
    correct them; `rate_told` is the higher rate of a notice that a person looks into. `bound_by`: the
    agreement of an earlier case that the bank got back with it, or that had settled what is claimed again;
    `bound_with` its co-borrowers who had signed that. `settled_by`: the agreement that has settled it in
    full, on the day `settled_on`. `left_on`: the day on which it left a case last.
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
    priority: DebtPriority = DebtPriority.ORDINARY
    obligors: tuple[Owing, ...] = ()
    history: History | None = None
    re_aged: tuple[date, ...] = ()
    rate_vested: bool = False
    rate_due: date | None = None
    rate_told: Decimal | None = None
    bound_by: str | None = None
    bound_with: tuple[str, ...] = ()
    settled_by: str | None = None
    settled_on: date | None = None
    left_on: date | None = None

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

    @property
    def history_problem(self) -> Reason | None:
        """Say why the history does not count now; None where it does, and where there is none."""
        if self.history is None or self.history.problem is not None:
            return None if self.history is None else self.history.problem
        gap = self.corrections.total - self.history.agreed
        if abs(gap) <= self.history.tolerance:
            return None
        owed = Money(self.outstanding.total, self.currency)
        params = {
            "owed": str(owed),
            "found": str(owed - Money(gap, self.currency)),
            "currency": self.currency,
        }
        return Reason(code=ReasonCode.HISTORY_DOES_NOT_ADD_UP, params=params)

    def snapshot(self, stopped: DebtStatus | None = None) -> DebtSnapshot:
        """Give it as downstream knows it; `stopped` is what keeps it out of plans while it is in the case."""
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
            status=stopped if stopped is not None and self.is_active else self.status,
            priority=self.priority,
            obligors=tuple(
                DebtObligor(
                    party_id=owing.party_id,
                    role=owing.role,
                    liability=None if owing.liability is None else Money(owing.liability, self.currency),
                )
                for owing in self.obligors
            ),
            history_problem=self.history_problem,
            re_aged=self.re_aged,
            bound_by=self.bound_by,
            bound_with=self.bound_with,
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

    `episode` is the case it was reported in, None while it waits for one. Amounts are minor units. `beside`
    went to debts that the plan in force did not cover, beside all that it asks for.
    """

    payment_id: str
    account_id: str | None = None
    currency: str
    amount: int
    value_date: date
    episode: int | None = None
    parts: tuple[Part, ...] = ()
    unallocated: int = 0
    beside: int = 0
    reversals: tuple[str, ...] = ()

    @property
    def left(self) -> int:
        """What has not been returned."""
        return self.unallocated + sum(part.amount for part in self.parts)
