"""Figures that were held against the text of the law: what stood in the packs before contradicted it."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from shared.lending.allocation import DebtOrder
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


@pytest.mark.parametrize("pack_id", ["eu-consumer", "uk-unsecured"])
def test_what_is_asked_at_the_end_of_january_is_answered_within_a_month(pack_id: str) -> None:
    """Art. 12(3): one month, of which the shortest has 28 days."""
    asked = date(2027, 1, 31)
    answered = asked + timedelta(days=in_force(pack_id).data_protection.answer_days)
    assert answered <= date(2027, 2, 28)


def test_a_british_complaint_has_eight_weeks_by_the_pack_itself() -> None:
    entry = BOOK.pack("uk-unsecured").entries_in_force(TODAY)["complaints.final_response_days"]
    assert (entry.clause, entry.verified) == ("DISP 1.6.2R", True)
    assert in_force("uk-unsecured").complaints.final_response_days == 8 * 7


@pytest.mark.parametrize("key", ["agreement.cooling_off_days", "cooling_off.counted_from"])
def test_withdrawal_rests_on_the_directive_that_is_in_force(key: str) -> None:
    """Directive (EU) 2023/2225 applies from 2026-11-20 and repeals the one of 2008."""
    pack = BOOK.pack("eu-consumer")
    clauses = [pack.entries_in_force(day)[key].clause for day in (date(2026, 11, 19), TODAY)]
    assert clauses == ["Art. 14(1)", "Art. 26(1)"]


@pytest.mark.parametrize(
    ("kind", "clause"),
    [
        ("litigation", "CONC 7.12.2R(4)"),
        ("death", "CONC 7.9.6R"),
        ("insolvency", "Insolvency Act 1986 s. 251G, 285(3)"),
    ],
)
def test_british_stops_name_the_clause_that_speaks_of_them(kind: str, clause: str) -> None:
    entry = BOOK.pack("uk-unsecured").entries_in_force(TODAY)[f"stop_events.{kind}"]
    assert entry.clause == clause


@pytest.mark.parametrize("contract", [date(2010, 1, 1), date(2015, 8, 31), date(2015, 9, 1), None])
def test_a_taiwanese_card_has_one_ceiling_whenever_it_was_taken_out(contract: date | None) -> None:
    """Art. 47-1 of the Banking Act limits the rate from 2015-09-01 on, of older cards too."""
    assert in_force("tw-card").plan_limits.ceiling(contract) == 15


def test_taiwan_answers_sooner_than_elsewhere() -> None:
    """Fifteen days about data (個人資料保護法 Art. 13), thirty to a complaint (金融消費者保護法 Art. 13)."""
    policy = in_force("tw-card")
    assert policy.data_protection.answer_days == 15
    assert policy.complaints.final_response_days == 30


def test_in_the_union_debt_advice_is_among_what_follows_talks_in_vain() -> None:
    """Directive (EU) 2023/2225 Art. 36(3): creditors direct who has difficulties to debt advice."""
    before = BOOK.in_force("eu-consumer", date(2026, 11, 19)).talks.after_rounds
    assert "debt_advice" not in before
    assert "debt_advice" in in_force("eu-consumer").talks.after_rounds


@pytest.mark.parametrize("pack_id", ["cn-card", "cn-consumer-loan"])
def test_what_the_bank_association_forbids_is_named_in_full(pack_id: str) -> None:
    acts = in_force(pack_id).contact_rules.forbidden_acts
    assert {"misleading_statements", "private_devices", "entering_without_consent"} <= set(acts)


def test_taiwanese_recordings_outlast_a_settlement() -> None:
    """Six months from the call at the least: a call may be followed by the settlement the next day."""
    assert in_force("tw-card").retention.recordings_years >= 1


@pytest.mark.parametrize("pack_id", ["cn-card", "cn-consumer-loan"])
def test_of_several_chinese_debts_the_heaviest_is_served_first(pack_id: str) -> None:
    """Civil Code, Art. 560; the older one goes first only where they weigh the same."""
    assert in_force(pack_id).allocation_rules.debt_order is DebtOrder.HEAVIEST_DUE_FIRST
