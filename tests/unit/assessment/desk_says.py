"""What the desk says of the case, in short calls."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from shared.contracts import agreement, desk, followup
from shared.contracts.base import Personal, Reason
from shared.contracts.debts import DebtSnapshot
from shared.contracts.envelope import Envelope
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import DAY, case_opened, cny, message

ALL = ("income", "spending", "dependants", "assets", "other_debts")


def day(n: int) -> date:
    """The n-th day after DAY, a Monday."""
    return DAY + timedelta(days=n)


def opened(*debts: DebtSnapshot, **terms: Any) -> Envelope[Any]:
    """The case is opened on DAY."""
    return message(case_opened(*debts, **terms))


def income(amount: str, source: str = "salary") -> desk.IncomeItem:
    """A monthly income."""
    return desk.IncomeItem(source=desk.IncomeSource(source), monthly=cny(amount))


def spends(category: str, amount: str, why: str | None = None) -> desk.SpendingItem:
    """A monthly spending."""
    return desk.SpendingItem(
        category=desk.SpendingCategory(category),
        monthly=cny(amount),
        explanation=None if why is None else Personal(value=why),
    )


def owes(kind: str, balance: str, monthly: str, *, priority: bool = False) -> desk.OtherDebt:
    """A debt to somebody else."""
    return desk.OtherDebt(creditor_kind=kind, balance=cny(balance), monthly=cny(monthly), priority=priority)


def states(n: int = 3, *only: str, as_of: int | None = None, **parts: Any) -> Envelope[Any]:
    """A statement on day n: 8,000 of salary, 1,000 for food, 2,000 for housing, nobody else, nothing owned.

    `only` names the parts that are given; `parts` replaces some.
    """
    full: dict[str, Any] = {
        "income": (income("8000.00"),),
        "spending": (spends("food", "1000.00"), spends("housing", "2000.00")),
        "dependants": 0,
        "assets": (),
        "other_debts": (),
    } | parts
    given = {name: value for name, value in full.items() if name in (only or (*ALL, "changes", "adults"))}
    said = desk.StatementSubmitted(as_of=day(n if as_of is None else as_of), **given)
    return message(said, day(n))


def checked(n: int, item: str, amount: str, *, as_of: int | None = None) -> Envelope[Any]:
    """A person has checked a figure."""
    said = desk.EvidenceVerified(
        item=item,
        verified=cny(amount),
        evidence_kind="payslip",
        verified_by="desk-1",
        as_of=day(n if as_of is None else as_of),
    )
    return message(said, day(n))


def hardship(n: int, *, months: int | None = None, cause: str = "job_loss") -> Envelope[Any]:
    """Circumstances changed on day n, expected to end after so many months of 30 days."""
    said = desk.HardshipReported(
        cause=desk.HardshipCause(cause),
        since=day(n),
        expected_end=None if months is None else day(n + 30 * months),
    )
    return message(said, day(n))


def contact(n: int, outcome: str, direction: str = "outbound") -> Envelope[Any]:
    """A contact on day n."""
    said = desk.ContactRecorded(
        at=datetime(2026, 3, 2, 10, tzinfo=UTC) + timedelta(days=n),
        place="phone",
        participants=("negotiator", "borrower"),
        key_points=Personal(value="…"),
        direction=desk.ContactDirection(direction),
        outcome=desk.ContactOutcome(outcome),
        channel="phone",
    )
    return message(said, day(n))


def plan_started(n: int) -> Envelope[Any]:
    """A signed plan is followed."""
    said = followup.PlanStarted(
        agreement_id="AG-1",
        version=1,
        effective=day(n),
        instalments=12,
        first_due=day(n + 30),
        last_due=day(n + 360),
        next_review=day(n + 90),
    )
    return message(said, day(n))


def plan_broken(n: int) -> Envelope[Any]:
    """The plan is broken."""
    said = followup.PlanBroken(agreement_id="AG-1", as_of=day(n), missed=2, reasons=())
    return message(said, day(n))


def ended(n: int, code: ReasonCode) -> Envelope[Any]:
    """The agreement is over."""
    said = agreement.AgreementEnded(agreement_id="AG-1", as_of=day(n), reason=Reason(code=code))
    return message(said, day(n))


def renegotiation(n: int) -> Envelope[Any]:
    """The plan no longer fits."""
    reason = Reason(code=ReasonCode.NEW_DIFFICULTIES)
    said = followup.RenegotiationRequested(agreement_id="AG-1", as_of=day(n), reasons=(reason,))
    return message(said, day(n))
