"""Builders of messages for tests of deciders: short calls, full messages. Add yours at the end."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from itertools import count
from typing import Any

from shared.contracts import agreement, assessment, intake
from shared.contracts.base import Event
from shared.contracts.debts import (
    Balances,
    DebtSchedule,
    DebtSnapshot,
    DebtStatus,
    InstalmentTotal,
    ProductKind,
)
from shared.contracts.envelope import Envelope
from shared.contracts.ids import case_id
from shared.lending.money import Money
from shared.policy.loader import PolicyBook
from shared.policy.reference import Reference
from shared.policy.roster import Roster
from shared.policy.testing import example_book, example_pack

CASE = case_id("C-1", 1)
DAY = date(2026, 3, 2)  # a Monday, business day of the example's calendar

ROSTER = Roster.model_validate(
    {
        "negotiators": [
            {"id": "n-1", "skills": ["card", "personal_loan"], "languages": ["zh", "en"], "capacity": 100,
             "certifications": [{"name": "collections", "issued": "2010-01-01", "expires": "2035-01-01"}]}
        ]
    }
)  # fmt: skip

_numbers = count(1)


def message(data: Event, day: date = DAY, *, case: str = CASE, sequence: int | None = None, hour: int = 9,
            id_: str | None = None) -> Envelope[Any]:  # fmt: skip
    """Wrap what is said; each message has an id of its own unless one is given."""
    return Envelope(
        id=id_ or f"m-{next(_numbers)}",
        source=f"/test/{data.PRODUCER}",
        time=datetime.combine(day, time(hour), UTC),
        key="C-1",
        data=data,
        subject=case,
        sequence=sequence,
    )


def cny(amount: str, currency: str = "CNY") -> Money:
    """Give an amount of the example's currency."""
    return Money.parse(amount, currency)


def balances(principal: str = "0.00", interest: str = "0.00", fees: str = "0.00", late: str = "0.00",
             currency: str = "CNY") -> Balances:  # fmt: skip
    """Give an amount by component."""
    return Balances(
        principal=cny(principal, currency),
        interest=cny(interest, currency),
        fees=cny(fees, currency),
        late_charges=cny(late, currency),
    )


def reference(*packs: Any, roster: Roster | None = None, **overrides: Any) -> Reference:
    """Give the example policy (with values replaced) as what deciders read."""
    book: PolicyBook = example_book(*packs) if packs else example_book(example_pack(**overrides))
    return Reference(book, roster or ROSTER, {})


def debt(debt_id: str = "A-1", *, outstanding: Balances | None = None, overdue: Balances | None = None,
         status: DebtStatus = DebtStatus.ACTIVE, as_of: date = DAY, policy: str = "example-card",
         rate: str = "18", days: int = 75, payment: str | None = "900.00") -> DebtSnapshot:  # fmt: skip
    """Give a debt: 12,000 of principal, some interest and charges, 75 days late."""
    return DebtSnapshot(
        debt_id=debt_id,
        policy=policy,
        kind=ProductKind.CARD,
        outstanding=outstanding or balances("12000.00", "420.00", "60.00", "150.00"),
        overdue=overdue or balances("1600.00", "420.00", "60.00", "150.00"),
        annual_rate_pct=Decimal(rate),
        days_past_due=days,
        contract_date=date(2022, 5, 4),
        contractual_payment=None if payment is None else cny(payment),
        as_of=as_of,
        status=status,
    )


def case_opened(
    *debts: DebtSnapshot, policy: str = "example-card", language: str = "zh"
) -> intake.CaseOpened:
    """Give an opened case over `debts` (one, if none is given)."""
    return intake.CaseOpened(
        episode=1,
        opened_on=DAY,
        policy=policy,
        policy_version="example-card@start#00000000",
        language=language,
        debts=debts or (debt(),),
        timetable=(),
    )


def assessed(now: str = "1500.00", stress: str | None = None, *, version: int = 1, as_of: date = DAY,
             expires: date = date(2026, 5, 31),
             currency: str = "CNY") -> assessment.AssessmentCompleted:  # fmt: skip
    """Give a completed assessment with so much available a month."""
    zero = cny("0.00", currency)
    return assessment.AssessmentCompleted(
        assessment_id=f"assessment-{version}",
        version=version,
        as_of=as_of,
        expires=expires,
        capacity=assessment.Capacity(
            currency=currency,
            income_declared=cny("9000.00", currency),
            income_verified=cny("9000.00", currency),
            spending_declared=cny("6000.00", currency),
            spending_counted=cny("6000.00", currency),
            priority_debts=zero,
            residual_now=cny(now, currency),
            residual_stress=cny(stress or now, currency),
            available_now=cny(now, currency),
            available_stress=cny(stress or now, currency),
            liquid_assets=zero,
        ),
        dependants=1,
        hardship=assessment.HardshipKind.TEMPORARY,
        capacity_score=60,
        willingness_score=70,
        policy_version="example-card@start#00000000",
    )


def signed(*instalments: tuple[date, str] | tuple[date, str, str], effective: date = DAY, version: int = 1,
           policy: str = "example-card", agreement_id: str | None = None,
           debts: tuple[str, ...] = ("A-1",)) -> agreement.AgreementSigned:  # fmt: skip
    """Give a signed agreement over instalments (due, amount, currency), numbered by due day."""
    days = sorted({row[0] for row in instalments})
    return agreement.AgreementSigned(
        agreement_id=agreement_id or f"agreement-{version}",
        version=version,
        offer_id=f"offer-{version}",
        effective=effective,
        schedules=tuple(DebtSchedule(debt_id=debt_id, rows=()) for debt_id in debts),
        instalments=tuple(
            InstalmentTotal(number=days.index(row[0]) + 1, due=row[0], total=cny(*row[1:]))
            for row in instalments
        ),
        content_hash="0" * 64,
        policy=policy,
        policy_version="example-card@start#00000000",
    )


def paid(amount: str, value_date: date, payment_id: str | None = None, *debts: DebtSnapshot,
         currency: str = "CNY") -> intake.PaymentMatched:  # fmt: skip
    """Give a payment that intake has matched: all of it is on the books of debts, which are not named."""
    return intake.PaymentMatched(
        payment_id=payment_id or f"p-{next(_numbers)}",
        amount=cny(amount, currency),
        value_date=value_date,
        allocations=(),
        unallocated=cny("0.00", currency),
        debts=debts,
    )


def taken_back(amount: str, value_date: date, reversed_on: date, payment_id: str = "p",
               currency: str = "CNY") -> intake.PaymentTakenBack:  # fmt: skip
    """Give a payment that was returned, whole or in part."""
    return intake.PaymentTakenBack(
        payment_id=payment_id,
        reversal_id=f"r-{next(_numbers)}",
        amount=cny(amount, currency),
        reversed_on=reversed_on,
        value_date=value_date,
        allocations=(),
    )
