"""Figures that were held against the text of the law: what stood in the packs before contradicted it."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from shared.policy.loader import PolicyBook
from shared.policy.model import PolicyInForce
from shared.policy.rates import ReferenceRates

PACKS = Path(__file__).parents[3] / "deploy" / "policies"
TODAY = date(2026, 11, 27)
BOOK = PolicyBook.load(PACKS)


def in_force(pack_id: str) -> PolicyInForce:
    return BOOK.in_force(pack_id, TODAY)


@pytest.mark.parametrize(
    ("days", "name"),
    [
        *((0, "normal"), (1, "special_mention"), (90, "special_mention"), (91, "substandard")),
        *((120, "substandard"), (121, "doubtful"), (180, "doubtful"), (181, "loss")),
    ],
)
def test_a_chinese_card_is_a_loss_after_180_days(days: int, name: str) -> None:
    """Art. 92 of the card measures, not the 271 and 361 days of other loans."""
    assert in_force("cn-card").delinquency.class_of(days) == name


def test_the_ceiling_of_a_private_lender_is_four_times_the_loan_prime_rate_of_the_contract() -> None:
    rows = in_force("cn-consumer-loan").rate.ceilings
    private = {row.contract_from: row.all_in_pct for row in rows if row.lender_type == "private"}
    rates = ReferenceRates.load(PACKS / "rates.toml")
    for day in (*private, TODAY):
        rate = rates.at("lpr_1y", "CNY", day)
        if isinstance(rate, Decimal):
            assert private[max(since for since in private if since <= day)] == 4 * rate, day
    assert max(private) > date(2025, 1, 1)
