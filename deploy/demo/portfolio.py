"""Overdue customers to renegotiate with: generated from the calibration, or taken from a mapped file.

Everything is drawn from generators that are seeded per customer, so that the same seed gives the same
portfolio whatever else is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from deploy.demo import calibration
from deploy.demo.histories import history_of
from shared.contracts.bank import AccountOverdue, Obligor
from shared.contracts.debts import Balances, ProductKind
from shared.contracts.envelope import Envelope
from shared.contracts.history import AccountEntry
from shared.contracts.parties import ObligorRole
from shared.lending.money import Money

__all__ = ["Account", "Customer", "Dispute", "Market", "from_envelopes", "generate", "random_for"]


@dataclass(frozen=True, slots=True)
class Market:
    """Where a generated customer lives. Scales are assumptions: local units for one of the source's USD.

    `zones`: the clocks that customers live by, where a market has several; each has as many of them.
    """

    product: str
    kind: ProductKind
    currency: str
    language: str
    region: str
    annual_rate_pct: Decimal
    scale: Decimal
    weight: int
    zones: tuple[str, ...] = ()


MARKETS = (
    Market("cn-card", ProductKind.CARD, "CNY", "zh", "CN-east", Decimal("18.25"), Decimal("3"), 5),
    Market(
        "cn-consumer-loan",
        ProductKind.PERSONAL_LOAN,
        "CNY",
        "zh",
        "CN-west",
        Decimal("14.4"),
        Decimal("4"),
        3,
    ),
    Market(
        "us-unsecured",
        ProductKind.PERSONAL_LOAN,
        "USD",
        "en",
        "US",
        Decimal("15.5"),
        Decimal("1"),
        1,
        ("America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles"),
    ),
    Market("uk-unsecured", ProductKind.PERSONAL_LOAN, "GBP", "en", "GB", Decimal("16.9"), Decimal("0.8"), 1),
)

_DIGITS = Decimal(100)  # every market above has two minor digits

# Of a hundred customers so many owe an account jointly or have a guarantor for it; of a hundred with several
# accounts so many dispute one. Assumptions, frequent enough that a small demo has some of each.
_JOINT_PCT, _GUARANTEED_PCT, _DISPUTED_PCT = 6, 6, 25


@dataclass(slots=True)
class Account:
    """An overdue account as the bank knows it. Balances in minor units of `currency`."""

    account_id: str
    product: str
    kind: ProductKind
    currency: str
    annual_rate_pct: Decimal
    contract_date: date
    oldest_due: date
    principal: int
    interest: int
    fees: int
    late_charges: int
    arrears: int
    monthly: int
    obligors: tuple[Obligor, ...] = ()
    history: tuple[AccountEntry, ...] = ()

    @property
    def outstanding(self) -> int:
        """What is owed in all."""
        return self.principal + self.interest + self.fees + self.late_charges

    def balances(self) -> Balances:
        """Give what is owed by component."""
        return _balances(self.currency, self.principal, self.interest, self.fees, self.late_charges)

    def overdue(self) -> Balances:
        """Give what is overdue: interest, fees and late charges first, the rest is principal."""
        left = max(0, min(self.arrears, self.outstanding))
        parts = []
        for part in (self.interest, self.fees, self.late_charges):
            parts.append(min(part, left))
            left -= parts[-1]
        return _balances(self.currency, min(left, self.principal), *parts)


@dataclass(frozen=True, slots=True)
class Dispute:
    """A customer disputes an account so many days after becoming overdue; it is settled later."""

    account_id: str
    after_days: int
    settled_after_days: int


@dataclass(slots=True)
class Customer:
    """A borrower: accounts, and the true circumstances that only the borrower knows."""

    number: str
    language: str
    region: str
    enters: date
    accounts: list[Account]
    income: int  # minor units a month, true
    spending: dict[str, int] = field(default_factory=dict)
    dependants: int = 0
    currency: str = "CNY"
    dispute: Dispute | None = None
    time_zone: str | None = None


def random_for(seed: int, *about: str) -> Random:
    """Give a generator that depends on the seed and on what it is about, and on nothing else."""
    return Random(f"{seed}|{'|'.join(about)}")


def generate(customers: int, *, seed: int, start: date, entry_days: int) -> list[Customer]:
    """Generate overdue customers; their accounts become overdue within `entry_days` from `start`."""
    found = [_customer(n, seed, start, entry_days) for n in range(1, customers + 1)]
    for n, customer in enumerate(found, start=1):
        for account in customer.accounts:
            account.history = _history(account, customer.enters, seed)
        _join(customer, n, seed)
        customer.dispute = _dispute(customer, seed)
    return found


def _history(account: Account, as_of: date, seed: int) -> tuple[AccountEntry, ...]:
    return history_of(
        random_for(seed, "history", account.account_id),
        currency=account.currency,
        annual_rate_pct=account.annual_rate_pct,
        contract_date=account.contract_date,
        oldest_due=account.oldest_due,
        as_of=as_of,
        principal=account.principal,
        charged=account.interest + account.fees + account.late_charges,
        monthly=account.monthly,
    )


def _join(customer: Customer, n: int, seed: int) -> None:
    """Some accounts have a co-borrower (the customer before, who has a case of their own) or a guarantor.

    Half of the guarantors are liable for what is owed today at most, the others for all of it.
    """
    draw = random_for(seed, "guarantees", customer.number)
    chance, account = draw.randrange(100), customer.accounts[0]
    if chance < _JOINT_PCT and n > 1:
        other = Obligor(customer=_number(n - 1), role=ObligorRole.CO_BORROWER)
    elif _JOINT_PCT <= chance < _JOINT_PCT + _GUARANTEED_PCT:
        most = Money(account.outstanding, account.currency) if draw.random() < 0.5 else None
        other = Obligor(customer=f"G{n:06d}", role=ObligorRole.GUARANTOR, liability=most)
    else:
        return
    account.obligors = (Obligor(customer=customer.number, role=ObligorRole.BORROWER), other)


def _dispute(customer: Customer, seed: int) -> Dispute | None:
    """Who has several accounts may dispute the last: before an offer, in the talks or on a live plan."""
    draw = random_for(seed, "dispute", customer.number)
    if len(customer.accounts) < 2 or draw.randrange(100) >= _DISPUTED_PCT:
        return None
    return Dispute(customer.accounts[-1].account_id, draw.randrange(2, 120), draw.randrange(20, 90))


def _number(n: int) -> str:
    return f"C{n:06d}"


def _customer(n: int, seed: int, start: date, entry_days: int) -> Customer:
    number = _number(n)
    draw = random_for(seed, "customer", number)
    market = draw.choices(MARKETS, [m.weight for m in MARKETS])[0]
    enters = start + timedelta(days=draw.randrange(entry_days))
    accounts = [
        _account(f"{number}-{i}", market, draw, enters)
        for i in range(1, draw.choices((2, 3, 4), (70, 22, 8))[0])
    ]
    owed = sum(a.outstanding for a in accounts)
    # An instalment over five years must be in reach of most and out of reach of some.
    income = int(owed / 60 / draw.uniform(0.03, 0.16)) + int(market.scale * 900 * _DIGITS)
    dependants = draw.choices((0, 1, 2, 3), (40, 30, 22, 8))[0]
    return Customer(
        number=number,
        language=market.language,
        region=market.region,
        enters=enters,
        accounts=accounts,
        income=income - income % 100,
        spending=_spending(income, dependants, draw),
        dependants=dependants,
        currency=market.currency,
        time_zone=random_for(seed, "zone", number).choice(market.zones) if market.zones else None,
    )


def _account(account_id: str, market: Market, draw: Random, enters: date) -> Account:
    low, median, high = calibration.BALANCE_QUARTILES_USD
    sigma = math.log(high / low) / (2 * 0.6745)  # quartiles of a log-normal lie 0.6745 sigma from the median
    usd = Decimal(str(round(min(max(draw.lognormvariate(math.log(median), sigma), 300.0), 60000.0), 2)))
    principal = int(usd * market.scale * _DIGITS / 2)
    months = draw.choices(list(calibration.MONTHS_PAST_DUE), list(calibration.MONTHS_PAST_DUE.values()))[0]
    monthly_rate = market.annual_rate_pct / 1200
    interest = int(principal * monthly_rate * months)
    monthly = max(int(principal / 36) + int(principal * monthly_rate), 1)
    late = int(monthly * Decimal("0.05") * months) if market.kind is ProductKind.CARD else 0
    return Account(
        account_id=account_id,
        product=market.product,
        kind=market.kind,
        currency=market.currency,
        annual_rate_pct=market.annual_rate_pct,
        contract_date=enters - timedelta(days=30 * draw.randrange(8, 40)),
        oldest_due=enters - timedelta(days=30 * months - draw.randrange(0, 25)),
        principal=principal,
        interest=interest,
        fees=0,
        late_charges=late,
        arrears=min(monthly * months + interest + late, principal),
        monthly=monthly,
    )


def _spending(income: int, dependants: int, draw: Random) -> dict[str, int]:
    """Draw true monthly spending (minor units): no source has it, so the shares are assumptions."""
    shares = {
        "housing": draw.uniform(0.16, 0.30),
        "utilities": draw.uniform(0.03, 0.05),
        "food": draw.uniform(0.13, 0.18) + 0.02 * dependants,
        "transport": draw.uniform(0.03, 0.08),
        "communication": draw.uniform(0.01, 0.02),
        "health": draw.uniform(0.01, 0.04),
        "education": 0.03 * dependants,
        "personal": draw.uniform(0.02, 0.06),
    }
    return {name: int(income * share) // 100 * 100 for name, share in shares.items() if share > 0}


def from_envelopes(envelopes: Iterable[Envelope[AccountOverdue]], *, seed: int, limit: int) -> list[Customer]:
    """Take customers from mapped bank events (real accounts); circumstances that no file has are drawn."""
    customers: dict[str, Customer] = {}
    for envelope in envelopes:
        event = envelope.data
        account = _account_of(event)
        known = customers.get(envelope.key)
        if known is not None:
            known.accounts.append(account)
            continue
        if len(customers) >= limit:
            break
        draw = random_for(seed, "customer", envelope.key)
        income = int(account.outstanding / 60 / draw.uniform(0.03, 0.16)) + account.monthly
        dependants = draw.choices((0, 1, 2, 3), (40, 30, 22, 8))[0]
        customers[envelope.key] = Customer(
            number=envelope.key,
            language=event.language,
            region=event.region or "unknown",
            enters=event.as_of,
            accounts=[account],
            income=income - income % 100,
            spending=_spending(income, dependants, draw),
            dependants=dependants,
            currency=account.currency,
        )
    return list(customers.values())


def _account_of(event: AccountOverdue) -> Account:
    owed, overdue = event.outstanding, event.overdue
    arrears = overdue.principal + overdue.interest + overdue.fees + overdue.late_charges
    monthly = (
        event.contractual_payment.minor if event.contractual_payment else max(owed.principal.minor // 36, 1)
    )
    return Account(
        account_id=event.account_id,
        product=event.product,
        kind=event.kind,
        currency=owed.principal.currency,
        annual_rate_pct=event.annual_rate_pct,
        contract_date=event.contract_date,
        oldest_due=event.as_of - timedelta(days=event.days_past_due),
        principal=owed.principal.minor,
        interest=owed.interest.minor,
        fees=owed.fees.minor,
        late_charges=owed.late_charges.minor,
        arrears=arrears.minor,
        monthly=monthly,
        obligors=event.obligors,
        history=event.history,
    )


def _balances(currency: str, principal: int, interest: int, fees: int, late_charges: int) -> Balances:
    return Balances(
        principal=Money(principal, currency),
        interest=Money(interest, currency),
        fees=Money(fees, currency),
        late_charges=Money(late_charges, currency),
    )
