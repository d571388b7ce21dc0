"""One payment over several running loans: which loan first, and in which order of parts inside each.

The order of slots depends on how many days a loan is past due, counted from before any re-age; the order
of loans (or their shares, pro rata) is the one that debts of a case have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from shared.lending.allocation import DebtBalance, DebtOrder, shares_of_debts
from shared.lending.delinquency import Pause, days_of_loan
from shared.lending.instalment_allocation import Payment, PaymentRules, pay
from shared.lending.loan import RunningLoan
from shared.lending.money import CurrencyMismatch, Money


@dataclass(frozen=True, slots=True)
class BandedRules:
    """From so many days past due on, these rules; ascending from day 0 (ValueError otherwise)."""

    bands: tuple[tuple[int, PaymentRules], ...]

    def __post_init__(self) -> None:
        starts = [start for start, _ in self.bands]
        if not starts or starts[0] != 0 or starts != sorted(set(starts)):
            raise ValueError("bands of payment rules start at day 0 and ascend")

    def at(self, days: int) -> PaymentRules:
        """The rules for a loan so many days past due (negative counts as 0)."""
        return [rules for start, rules in self.bands if start <= max(days, 0)][-1]


def pay_several(
    loans: Mapping[str, RunningLoan],
    on: date,
    amount: Money,
    rules: BandedRules,
    order: DebtOrder,
    pauses: Sequence[Pause] = (),
) -> tuple[dict[str, Payment], Money]:
    """Each loan's payment by its name, and what is left of ``amount`` when all are served.

    What the loans received and what is left add up to ``amount``. CurrencyMismatch when a loan has another
    currency, ValueError for a negative amount.
    """
    if amount.is_negative:
        raise ValueError("a payment is not negative")
    if any(loan.currency != amount.currency for loan in loans.values()):
        raise CurrencyMismatch("a payment serves loans of its own currency")
    debts = [
        DebtBalance(
            name,
            loan.unpaid,
            days_of_loan(loan, on, pauses).for_allocation,
            loan.overdue_from(on),
            loan.accrual.rate_on(on),
        )
        for name, loan in loans.items()
    ]
    nothing = Money.zero(amount.currency)
    done = {name: Payment(loan, loan.paid - loan.paid, nothing) for name, loan in loans.items()}
    left = amount
    for debt, share in shares_of_debts(amount, debts, order):
        result = pay(loans[debt.debt_id], on, min(share, left), rules.at(debt.days_past_due))
        done[debt.debt_id] = Payment(result.loan, result.parts, nothing)
        left -= result.parts.total
    return done, left
