"""The generated portfolio: the same seed gives the same customers, and the figures are what they claim."""

from __future__ import annotations

from datetime import date

from deploy.demo.calibration import BALANCE_QUARTILES_USD, MONTHS_PAST_DUE
from deploy.demo.portfolio import MARKETS, generate

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
