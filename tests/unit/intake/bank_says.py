"""What the bank says of customer C-1, in short calls."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from shared.contracts import agreement, bank
from shared.contracts.agreement import WaivedDebt
from shared.contracts.bank import Obligor
from shared.contracts.base import Event
from shared.contracts.debts import Balances, DebtPriority, DebtSchedule, ProductKind
from shared.contracts.envelope import Envelope
from shared.contracts.parties import StopCause
from shared.lending.money import Money
from tests.unit.builders import DAY, balances, cny, message

OWED = balances("5000.00", "500.00", "200.00", "0.00")
LATE = balances("1000.00", "500.00", "200.00", "0.00")
NOTHING = balances()


def day(n: int) -> date:
    """The n-th day after DAY."""
    return DAY + timedelta(days=n)


def says(data: Event, on: date = DAY, hour: int = 9) -> Envelope[Any]:
    """A bank message: it knows no case."""
    return replace(message(data, on, hour=hour), subject=None)


def overdue(
    account: str = "A-1",
    *,
    n: int = 0,
    days: int = 60,
    owed: Balances = OWED,
    late: Balances = LATE,
    on: date | None = None,
    product: str = "example-card",
    kind: ProductKind = ProductKind.CARD,
    language: str = "zh",
    obligors: tuple[Obligor, ...] = (),
    priority: DebtPriority = DebtPriority.ORDINARY,
    key: str = "C-1",
) -> Envelope[Any]:
    """An overdue account as of day n, said on that day unless told."""
    data = bank.AccountOverdue(
        account_id=account,
        as_of=day(n),
        product=product,
        kind=kind,
        days_past_due=days,
        outstanding=owed,
        overdue=late,
        annual_rate_pct=Decimal("18"),
        contract_date=date(2022, 5, 4),
        language=language,
        obligors=obligors,
        priority=priority,
    )
    return replace(says(data, on or day(n)), key=key)


def balance(
    n: int, owed: Balances, late: Balances = LATE, *, account: str = "A-1", days: int = 60
) -> Envelope[Any]:
    """The bank's figures as of day n."""
    data = bank.BalanceReported(
        account_id=account, as_of=day(n), outstanding=owed, overdue=late, days_past_due=days
    )
    return says(data, day(n))


def paid(
    amount: str | Money, n: int, payment: str = "P-1", *, account: str | None = None, on: int | None = None,
    obligors: tuple[Obligor, ...] = (), key: str = "C-1",
) -> Envelope[Any]:  # fmt: skip
    """A payment of value date n, said on day `on` (n unless told)."""
    data = bank.PaymentReceived(
        payment_id=payment,
        account_id=account,
        amount=cny(amount) if isinstance(amount, str) else amount,
        value_date=day(n),
        obligors=obligors,
    )
    return replace(says(data, day(n if on is None else on), hour=12), key=key)


def returned(
    amount: str | Money, n: int, payment: str = "P-1", reversal: str = "R-1", *, on: int | None = None
) -> Envelope[Any]:
    """A payment came back on day n."""
    data = bank.PaymentReversed(
        payment_id=payment,
        reversal_id=reversal,
        amount=cny(amount) if isinstance(amount, str) else amount,
        reversed_on=day(n),
    )
    return says(data, day(n if on is None else on), hour=13)


def cured(n: int, account: str = "A-1") -> Envelope[Any]:
    """No longer overdue as of day n."""
    return says(bank.AccountCured(account_id=account, as_of=day(n)), day(n))


def stopped(
    cause: StopCause, n: int, *accounts: str, stop: str = "S-1", customer: str | None = None
) -> Envelope[Any]:
    """The bank knows of something that stops debts, or protects a person, since day n."""
    data = bank.StopReported(stop_id=stop, cause=cause, since=day(n), accounts=accounts, customer=customer)
    return says(data, day(n))


def lifted(n: int, stop: str = "S-1") -> Envelope[Any]:
    """It ended on day n."""
    return says(bank.StopLifted(stop_id=stop, on=day(n)), day(n))


def sold(n: int, account: str = "A-1") -> Envelope[Any]:
    """Sold on day n."""
    return says(bank.DebtSold(account_id=account, as_of=day(n), buyer="somebody"), day(n))


def recalled(n: int, account: str = "A-1") -> Envelope[Any]:
    """Recalled on day n."""
    return says(bank.DebtRecalled(account_id=account, as_of=day(n), reason="error"), day(n))


def signed(n: int, *accounts: str, waived: Balances | None = None) -> Envelope[Any]:
    """A plan over these accounts is signed on day n; the waiver is of the first."""
    accounts = accounts or ("A-1",)
    data = agreement.AgreementSigned(
        agreement_id="AG-1",
        version=1,
        offer_id="O-1",
        effective=day(n),
        schedules=tuple(DebtSchedule(debt_id=account, rows=()) for account in accounts),
        instalments=(),
        waived=() if waived is None else (WaivedDebt(debt_id=accounts[0], amounts=waived),),
        content_hash="0" * 64,
        policy="example-card",
        policy_version="example-card@start#00000000",
    )
    return message(data, day(n))


def instructed(n: int, waived: Balances | None = None, instruction: str = "I-1") -> Envelope[Any]:
    """The bank is told of the signed plan."""
    data = agreement.BankInstructed(
        instruction_id=instruction,
        agreement_id="AG-1",
        version=1,
        kind=agreement.InstructionKind.APPLY_PLAN,
        effective=day(n),
        waived=() if waived is None else (WaivedDebt(debt_id="A-1", amounts=waived),),
        answer_by=day(n + 3),
    )
    return message(data, day(n))


def confirmed(n: int, instruction: str = "I-1") -> Envelope[Any]:
    """The bank has carried it out."""
    return says(bank.InstructionConfirmed(instruction_id=instruction, as_of=day(n)), day(n))


def plan_completed(n: int) -> Envelope[Any]:
    """The agreement is fulfilled."""
    return message(agreement.AgreementCompleted(agreement_id="AG-1", as_of=day(n)), day(n))
