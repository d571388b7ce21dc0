"""Cases for the search over plans: generated customers, every shipped pack, capacities from none to ample."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from random import Random

from deploy.demo.portfolio import Account, generate, random_for
from services.offer.limits import limits_of_all
from shared.lending.allocation import Components
from shared.lending.calendar import add_months
from shared.lending.money import Money
from shared.lending.plans import Capacity, CapacityStep, Counter, DebtTerms, PlanLimits
from shared.policy.loader import PolicyBook
from shared.policy.model import PolicyInForce

POLICIES = Path(__file__).parents[2] / "deploy" / "policies"
DAY = date(2026, 3, 2)


@dataclass(frozen=True, slots=True)
class Case:
    """What `find_plans` and `nearest` are asked."""

    debts: tuple[DebtTerms, ...]
    capacity: Capacity
    first_due: date
    limits: PlanLimits
    wish: Counter | None


def cases(count: int, *, seed: int = 1) -> Iterator[Case]:
    """Give `count` cases: one to three debts each, packs in turn, two thirds of them with a wish."""
    book = PolicyBook.load(POLICIES)
    policies = [book.in_force(pack_id, DAY) for pack_id in book.pack_ids]
    for n, customer in enumerate(generate(count, seed=seed, start=DAY, entry_days=30)):
        draw = random_for(seed, "search", customer.number)
        policy = policies[n % len(policies)]
        yield _case(customer.accounts, policy, policies, draw)


def _case(
    accounts: list[Account], policy: PolicyInForce, policies: list[PolicyInForce], draw: Random
) -> Case:
    currency = policy.currency
    debts = tuple(_terms(account, currency) for account in accounts[: draw.choice((1, 1, 2, 2, 3))])
    owed = sum(debt.outstanding.total.minor for debt in debts)
    # From hopeless over tight to ample: what five years would cost without interest, times so much.
    now = int(owed / 60 * draw.choice((0.0, 0.8, 1.1, 1.2, 1.5, 2.0, 2.5, 3.0, 6.0)))
    capacity = Capacity(Money(now, currency), Money(int(now * draw.choice((1.0, 0.9, 0.7))), currency))
    if draw.random() < 0.1:
        later = Money(int(owed / 40), currency)
        capacity = replace(
            capacity, later=(CapacityStep(add_months(DAY, draw.choice((4, 8))), later, later),)
        )
    others = [other for other in policies if other.currency == currency]
    limits = limits_of_all(
        policy.plan_limits, [policy.plan_limits, draw.choice([policy, *others]).plan_limits]
    )
    if draw.random() < 0.1:
        limits = replace(limits, authority=limits.authority[:1])
    first_due = policy.first_due(DAY)
    return Case(debts, capacity, first_due, limits, _wish(now, owed, currency, first_due, draw))


def _terms(account: Account, currency: str) -> DebtTerms:
    """Give the debt as the offer sees it; amounts in the currency of the pack that is tried."""

    def components(balances: object) -> Components:
        names = ("principal", "interest", "fees", "late_charges")
        return Components.of(
            currency, **{name: Money(getattr(balances, name).minor, currency) for name in names}
        )

    return DebtTerms(
        account.account_id,
        components(account.balances()),
        components(account.overdue()),
        account.annual_rate_pct,
        max((DAY - account.oldest_due).days, 0),
        account.contract_date,
        Money(account.monthly, currency),
    )


def _wish(now: int, owed: int, currency: str, first_due: date, draw: Random) -> Counter | None:
    monthly = Money(int(now * draw.uniform(0.3, 1.2)) + 1, currency)
    kind = draw.randrange(6)
    return (
        None,
        None,
        Counter(monthly=monthly),
        Counter(monthly=monthly, first_due=first_due + timedelta(days=draw.randrange(90))),
        Counter(months=draw.randrange(1, 70)),
        Counter(lump_sum=Money(int(owed * draw.uniform(0.3, 1.1)), currency), monthly=monthly),
    )[kind]
