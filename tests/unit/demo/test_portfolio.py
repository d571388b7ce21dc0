"""The generated portfolio: the same seed gives the same customers, and the figures are what they claim."""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal

from deploy.demo.acts import Say
from deploy.demo.bank import CoreBank
from deploy.demo.borrower import PERSONAS, Borrower
from deploy.demo.calibration import BALANCE_QUARTILES_USD, MONTHS_PAST_DUE
from deploy.demo.portfolio import MARKETS, generate
from services.cli.catalogue import policies_dir
from shared.contracts.assessment import StatementRequested
from shared.contracts.bank import AccountOverdue, is_held_by
from shared.contracts.desk import PreferencesSet
from shared.contracts.history import EntryKind, problem_of
from shared.contracts.parties import ObligorRole
from shared.lending.money import Money
from shared.policy.loader import PolicyBook
from tests.unit import builders

START = date(2026, 1, 5)


def test_one_seed_gives_one_portfolio_and_another_seed_another() -> None:
    assert generate(30, seed=7, start=START, entry_days=20) == generate(
        30, seed=7, start=START, entry_days=20
    )
    assert generate(30, seed=7, start=START, entry_days=20) != generate(
        30, seed=8, start=START, entry_days=20
    )


def test_more_customers_leave_the_first_ones_as_they_are() -> None:
    assert generate(50, seed=7, start=START, entry_days=20)[:30] == generate(
        30, seed=7, start=START, entry_days=20
    )


def test_arrears_follow_the_calibration() -> None:
    customers = generate(1500, seed=1, start=START, entry_days=20)
    accounts = [a for c in customers for a in c.accounts]
    one_month = sum(1 for c in customers for a in c.accounts if (c.enters - a.oldest_due).days <= 30)
    share = MONTHS_PAST_DUE[1] / sum(MONTHS_PAST_DUE.values())
    assert abs(one_month / len(accounts) - share) < 0.05
    scale = {m.product: float(m.scale) for m in MARKETS}
    balances = sorted(2 * a.principal / 100 / scale[a.product] for a in accounts)
    median = balances[len(balances) // 2]
    assert abs(median / BALANCE_QUARTILES_USD[1] - 1) < 0.1


def test_what_is_overdue_is_never_more_than_what_is_owed() -> None:
    for customer in generate(300, seed=3, start=START, entry_days=20):
        for account in customer.accounts:
            owed, overdue = account.balances(), account.overdue()
            for part in ("principal", "interest", "fees", "late_charges"):
                assert 0 <= getattr(overdue, part).minor <= getattr(owed, part).minor
            assert account.arrears > 0


def test_some_debts_are_joint_some_guaranteed_and_some_disputed_each_in_one_case() -> None:
    customers = generate(200, seed=1, start=START, entry_days=20)
    numbers = [c.number for c in customers]
    roles: dict[ObligorRole, int] = {}
    for customer in customers:
        for account in customer.accounts:
            if not account.obligors:
                continue
            roles[account.obligors[-1].role] = roles.get(account.obligors[-1].role, 0) + 1
            holders = [o.customer for o in account.obligors if is_held_by(o.customer, account.obligors)]
            assert holders == [customer.number]
            if account.obligors[-1].role is ObligorRole.CO_BORROWER:
                assert account.obligors[-1].customer in numbers
    assert roles.keys() == {ObligorRole.CO_BORROWER, ObligorRole.GUARANTOR}
    assert min(roles.values()) >= 5
    disputed = [c for c in customers if c.dispute is not None]
    assert len(disputed) >= 5
    for customer in disputed:
        assert customer.dispute is not None
        assert customer.dispute.account_id in {a.account_id for a in customer.accounts[1:]}


def test_the_other_borrower_of_a_joint_account_is_told_of_it_too() -> None:
    customers = generate(60, seed=1, start=START, entry_days=1)
    told = [m for m in CoreBank(customers).says(START) if isinstance(m.data, AccountOverdue)]
    keys: dict[str, set[str]] = {}
    for message in told:
        keys.setdefault(message.data.account_id, set()).add(message.key)
    joint = [a for c in customers for a in c.accounts if any(o.customer[0] == "C" for o in a.obligors[1:])]
    assert joint
    for account in joint:
        assert keys[account.account_id] == {o.customer for o in account.obligors}
    assert len({m.id for m in told}) == len(told)


def test_most_accounts_have_a_history_that_adds_up_and_some_have_none_or_a_gap() -> None:
    accounts = [
        account
        for customer in generate(200, seed=7, start=date(2026, 3, 2), entry_days=60)
        for account in customer.accounts
    ]
    found = Counter(
        "none"
        if not account.history
        else "whole"
        if problem_of(
            account.history,
            Money(account.outstanding, account.currency),
            max(entry.on for entry in account.history),
            Decimal("0.5"),
        )
        is None
        else "gap"
        for account in accounts
    )
    assert found["whole"] > 0.75 * len(accounts)
    assert found["none"] > 0
    assert found["gap"] > 0
    for account in accounts:
        if account.history:
            assert account.history[0].kind is EntryKind.ADVANCE
            assert account.history[0].on == account.contract_date


def test_who_lives_where_there_are_several_zones_is_rung_by_the_clock_of_their_own() -> None:
    """They could be rung only while it is day in all of them."""
    customers = generate(300, seed=1, start=START, entry_days=20)
    book = PolicyBook.load(policies_dir())
    zones = set()
    for customer in customers:
        pack = book.pack(customer.accounts[0].product).info
        assert (customer.time_zone is not None) == bool(pack.time_zones)
        asked = StatementRequested(missing=("income",), due=START)
        told = Borrower(customer, PERSONAS[0], 1).sees(builders.message(asked))
        said = [act.event for act in told if isinstance(act, Say) and isinstance(act.event, PreferencesSet)]
        assert [one.time_zone for one in said] == ([customer.time_zone] if customer.time_zone else [])
        if customer.time_zone:
            assert customer.time_zone in {pack.time_zone, *pack.time_zones}
            zones.add(customer.time_zone)
    assert len(zones) == 4
