"""The packs that are shipped: complete, sourced, and different where their jurisdictions are."""

from datetime import date, time
from decimal import Decimal
from pathlib import Path

import pytest

from shared.lending.allocation import Component, Components, DebtBalance, allocate
from shared.lending.money import Money
from shared.lending.plans import Capacity, DebtTerms, NoPlan, Plan, find_plans
from shared.policy.loader import PolicyBook, PolicyError, check, explain
from shared.policy.model import PolicyInForce
from shared.policy.rates import ReferenceRates
from shared.policy.testing import example_pack, example_policy

PACKS = Path(__file__).parents[3] / "deploy" / "policies"
TODAY = date(2026, 11, 24)
BOOK = PolicyBook.load(PACKS)
ALL = ("cn-card", "cn-consumer-loan", "eu-consumer", "tw-card", "uk-unsecured", "us-unsecured")
STATES = {
    *("first_contact", "statement", "assessment", "offer", "answer", "approval"),
    *("signature", "instruction", "performing", "no_plan", "stopped", "conversation_review"),
    *("training", "request_answer", "moratorium_review", "mechanism_review"),
}
ALERTS = {
    *{"instalment_missed", "promise_broken", "borrower_silent", "plan_broken", "bank_silent"},
    *{
        "review_overdue",
        "problem_overdue",
        "completion_undone",
        "person_asked",
        "balance_differs",
        "rate_differs",
        "step_overdue",
    },
    *{"complaint_overdue", "complaint_unacknowledged", "contact_in_vain", "slow_worsening"},
    *{"mechanism_unreviewed", "calendar_missing", "language_unspoken"},
}


def in_force(pack_id: str) -> PolicyInForce:
    return BOOK.in_force(pack_id, TODAY)


def test_the_packs_are_clean_and_all_there() -> None:
    assert check(PACKS) == []
    assert BOOK.pack_ids == ALL


@pytest.mark.parametrize("pack_id", ALL)
def test_what_is_not_verified_says_why(pack_id: str) -> None:
    for row in explain(BOOK.pack(pack_id), TODAY):
        assert row.source.strip()
        if row.source.startswith("assumption:"):
            assert not row.verified, row.key
        elif row.verified:
            assert row.clause.strip(), row.key
            assert "not checked" not in row.source


@pytest.mark.parametrize("pack_id", ALL)
def test_every_state_and_every_alert_has_an_owner_and_a_limit(pack_id: str) -> None:
    policy = in_force(pack_id)
    assert {step.state for step in policy.timetable.steps} == STATES
    assert {rule.kind for rule in policy.alert.rules} == ALERTS
    assert policy.step("no_plan") is not None
    assert policy.alert_rule("instalment_missed") is not None
    assert policy.step("nowhere") is policy.alert_rule("nothing") is None
    deadline = policy.deadline(TODAY, policy.assessment.statement_business_days)
    assert policy.calendar.is_business_day(deadline)
    assert policy.calendar.is_business_day(policy.first_due(TODAY))
    assert all(
        day < policy.assessment.statement_business_days for day in policy.assessment.reminders_business_days
    )


@pytest.mark.parametrize("pack_id", ALL)
def test_tiers_ascend_and_reach_what_the_policy_may_grant(pack_id: str) -> None:
    tiers = in_force(pack_id).waiver.authority
    waived = [tier.max_waived_pct for tier in tiers]
    cuts = [tier.max_rate_cut_pct for tier in tiers]
    assert (waived, cuts) == (sorted(waived), sorted(cuts))
    assert cuts[-1] >= max(in_force(pack_id).rate.cuts_pct)


def paid_1000(pack_id: str, days: int) -> Components:
    money = {"fees": 20_000, "interest": 50_000, "principal": 500_000}
    owed = Components.of("CNY", **{name: Money(minor, "CNY") for name, minor in money.items()})
    rules = in_force(pack_id).allocation_rules
    return allocate(Money(100_000, "CNY"), [DebtBalance("a", owed, days)], rules).of("a")


def test_chinese_cards_switch_the_order_on_day_91_and_loans_do_not() -> None:
    def principal(pack_id: str, days: int) -> str:
        return str(paid_1000(pack_id, days).get(Component.PRINCIPAL))

    assert [principal("cn-card", days) for days in (60, 90, 91, 120)] == [
        "300.00",
        "300.00",
        "1000.00",
        "1000.00",
    ]
    assert [principal("cn-consumer-loan", days) for days in (60, 120)] == ["300.00", "300.00"]


def test_conduct_differs_by_jurisdiction() -> None:
    quiet = {pack_id: in_force(pack_id).contact.quiet_from for pack_id in ALL}
    assert (quiet["cn-card"], quiet["us-unsecured"]) == (time(22), time(21))
    assert in_force("uk-unsecured").moratorium.days == 60
    assert "sale_of_home" in in_force("uk-unsecured").measures.lump_sum_not_from
    # Three monthly payments in a row, which a plan that leaves out months does not bring.
    assert (
        in_force("us-unsecured").relief.season_max_months == 0 < in_force("cn-card").relief.season_max_months
    )
    assert in_force("us-unsecured").contact.cooldown_after_talk_days == 7
    assert len(in_force("cn-card").agreement.required_sections) == 6


def test_the_ceiling_is_that_of_the_lender_and_the_contracts_date() -> None:
    loan, taiwan = in_force("cn-consumer-loan").plan_limits, in_force("tw-card").plan_limits
    assert [loan.ceiling(day) for day in (date(2010, 1, 1), date(2020, 1, 1))] == [36, 24]
    assert [taiwan.ceiling(day) for day in (date(2015, 8, 31), date(2015, 9, 1), None)] == [15, 15, 15]
    assert in_force("uk-unsecured").plan_limits.ceiling(date(2020, 1, 1)) is None


def test_guidelines_by_household_size() -> None:
    policy = in_force("uk-unsecured")
    sizes = [policy.guideline("food", size) for size in (0, 1, 2, 3, 5)]
    assert [str(amount) for amount in sizes] == ["340.00", "340.00", "570.00", "780.00", "1200.00"]
    assert policy.guideline("yachts", 1) is None


def test_the_same_borrower_is_treated_differently_under_three_jurisdictions() -> None:
    def cheapest(pack_id: str) -> Plan:
        policy = in_force(pack_id)
        money = {"principal": 900_000, "interest": 40_000, "late_charges": 20_000}
        owed = Components.of(
            policy.currency, **{name: Money(minor, policy.currency) for name, minor in money.items()}
        )
        debt = DebtTerms("d", owed, owed, Decimal("17.5"), 20, date(2024, 1, 1))
        room = Money(30_000, policy.currency)
        found = find_plans([debt], Capacity(room, room), policy.first_due(TODAY), policy.plan_limits)
        assert not isinstance(found, NoPlan)
        return min(found, key=lambda plan: plan.total.minor)

    china, states, kingdom = (cheapest(pack_id) for pack_id in ("cn-card", "us-unsecured", "uk-unsecured"))
    # Twenty days late: no rate cut yet in China and the States; in the United Kingdom nothing waits.
    assert china.interest.is_positive
    assert states.interest.is_positive
    assert kingdom.interest.is_zero
    assert kingdom.waived.minor == 60_000
    assert china.waived.minor == 20_000


def test_limits_stress_and_saving_come_from_the_pack() -> None:
    policy = example_policy(assessment__stress_income_drop_pct=25, measures__lump_sum_allowed=False)
    assert policy.stress.income_drop_pct == 25
    assert policy.saving_allowance.maximum == Money(20_000, "CNY")
    assert policy.plan_limits.lump_sum is None
    assert example_policy().plan_limits.lump_sum is not None
    assert [policy.delinquency.bucket_of(days) for days in (0, 1)] == ["current", "1-30"]


@pytest.mark.parametrize("pack", ALL)
def test_the_rate_that_offers_of_a_pack_rest_on_is_on_file_in_its_currency(pack: str) -> None:
    """Without it no offer is made: whoever adds a pack in another currency enters the figure too."""
    policy, rates = in_force(pack), ReferenceRates.load(PACKS / "rates.toml")
    rate = rates.at(policy.value.discount_over, policy.currency, TODAY)
    assert isinstance(rate, Decimal)


def test_a_calendar_whose_years_nobody_announces_cannot_be_missing(tmp_path: Path) -> None:
    for file in PACKS.glob("*.toml"):
        (tmp_path / file.name).write_text(file.read_text())
    file = tmp_path / "us-unsecured.toml"
    value = '{ value = 2, clause = "-", source = "assumption: as in China", verified = false }'
    file.write_text(f"{file.read_text()}\n[alert]\ncalendar_months_ahead = [{value}]\n")
    assert any(
        "alert.calendar_months_ahead: no year of US is announced" in one.rule for one in check(tmp_path)
    )


@pytest.mark.parametrize("pack_id", ALL)
def test_what_decides_of_the_pack_table_says_what_it_rests_on(pack_id: str) -> None:
    rows = {row.key: row for row in explain(BOOK.pack(pack_id), TODAY) if row.key.startswith("pack.")}
    info = BOOK.pack(pack_id).info
    assert rows.keys() == {
        f"pack.{name}" for name in ("calendar", "currency", "languages", "time_zone", "time_zones")
    }
    assert rows["pack.languages"].value == list(info.languages)
    assert not [row.key for row in rows.values() if "nobody has said" in row.source]


def test_what_nobody_has_said_the_basis_of_is_named_as_an_assumption() -> None:
    rows = [row for row in explain(example_pack({"basis": []}), TODAY) if row.key.startswith("pack.")]
    assert {(row.verified, row.source) for row in rows} == {
        (False, "assumption: nobody has said what it rests on")
    }


@pytest.mark.parametrize(
    ("rows", "rule"),
    [
        ([{"of": ["calendar"], "clause": "-", "source": "a law", "verified": True}], "clause: is missing"),
        (
            [{"of": ["calendar"], "clause": "1", "source": "assumption: so", "verified": True}],
            "is not verified",
        ),
        ([{"of": ["calendar"], "clause": "-", "source": " ", "verified": False}], "source: is empty"),
        ([{"of": ["id"], "clause": "-", "source": "assumption: so", "verified": False}], "basis.0.of.0"),
        (
            [{"of": ["calendar", "calendar"], "clause": "1", "source": "x", "verified": False}],
            "rests on one row",
        ),
    ],
)
def test_a_basis_is_held_to_what_every_value_is(rows: list[dict[str, object]], rule: str) -> None:
    with pytest.raises(PolicyError, match=rule):
        example_pack({"basis": rows})
