"""What can be afforded: worked examples, the policy's numbers, and what never happens."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as forall
from hypothesis import strategies as st

from services.assessment.decide import AssessmentDecider
from shared.contracts.assessment import AssessmentCompleted, Capacity
from shared.contracts.desk import Asset
from shared.contracts.intake import CaseChanged
from shared.contracts.reasons import ReasonCode
from tests.unit.assessment.desk_says import checked, contact, day, income, opened, owes, spends, states
from tests.unit.builders import balances, cny, debt, message, reference
from tests.unit.spec import given

NO_STRESS: dict[str, Any] = {
    "assessment__stress_income_drop_pct": 0,
    "assessment__saving_share_pct": 0,
}
REFERENCE = reference()


def completed(*facts: Any, debts: Any = (), **overrides: Any) -> AssessmentCompleted:
    ref = reference(**overrides) if overrides else REFERENCE
    after = given(AssessmentDecider(), ref).when(opened(*debts), *facts)
    return after.last(AssessmentCompleted)


def codes(said: AssessmentCompleted) -> set[ReasonCode]:
    return {reason.code for reason in said.reasons}


def test_residual_income_by_the_formula() -> None:
    """8000 - (1000 + 2000) = 5000; a tenth, at most 200, may be saved: 4800. Stress: 7200 - 3000 - 200."""
    said = completed(states()).capacity
    assert said == Capacity(
        currency="CNY",
        income_declared=cny("8000.00"),
        income_verified=cny("0.00"),
        spending_declared=cny("3000.00"),
        spending_counted=cny("3000.00"),
        priority_debts=cny("0.00"),
        residual_now=cny("4800.00"),
        residual_stress=cny("4000.00"),
        available_now=cny("4800.00"),
        available_stress=cny("4000.00"),
        liquid_assets=cny("0.00"),
    )


@pytest.mark.parametrize(
    ("overrides", "now", "stress"),
    [
        ({"assessment__unverified_income_pct": 80}, "3200.00", "2560.00"),
        ({"assessment__stress_income_drop_pct": 20}, "4800.00", "3200.00"),
        ({"assessment__stress_spending_rise_pct": 10}, "4800.00", "3700.00"),
        ({"assessment__stress_one_off": "1200.00"}, "4800.00", "3900.00"),
        ({"assessment__saving_share_pct": 0}, "5000.00", "4200.00"),
        ({"assessment__saving_max": "500.00"}, "4500.00", "3780.00"),
    ],
)
def test_the_policy_s_numbers_move_what_is_available(
    overrides: dict[str, Any], now: str, stress: str
) -> None:
    capacity = completed(states(), **overrides).capacity
    assert (capacity.residual_now, capacity.residual_stress) == (cny(now), cny(stress))


def test_verified_income_counts_in_full_and_the_rest_in_part() -> None:
    two = states(income=(income("6000.00"), income("2000.00", "rent")))
    said = completed(
        two, checked(4, "income:salary", "5500.00"), assessment__unverified_income_pct=50, **NO_STRESS
    )
    assert said.capacity.residual_now == cny("3500.00")  # 5500 + 1000 - 3000
    assert (said.capacity.income_declared, said.capacity.income_verified) == (
        cny("8000.00"), cny("5500.00"))  # fmt: skip
    assert ReasonCode.INCOME_NOT_VERIFIED in codes(said)
    both = completed(two, checked(4, "income:salary", "5500.00"), checked(5, "income:rent", "2000.00"))
    assert ReasonCode.INCOME_NOT_VERIFIED not in codes(both)


@pytest.mark.parametrize(
    ("spending", "dependants", "counted", "code"),
    [
        pytest.param([spends("food", "900.00")], 0, "900.00", None, id="below the guideline as declared"),
        pytest.param([spends("food", "1900.00")], 0, "1500.00",
                     ReasonCode.SPENDING_CAPPED_WITHOUT_EXPLANATION, id="above without a word"),
        pytest.param([spends("food", "1900.00", "diabetes")], 0, "1900.00", None, id="above, explained"),
        pytest.param([spends("food", "1900.00")], 1, "1900.00", None, id="of two persons not above"),
        pytest.param([spends("food", "1000.00"), spends("food", "900.00")], 0, "1500.00",
                     ReasonCode.SPENDING_CAPPED_WITHOUT_EXPLANATION, id="stated twice is added up"),
        pytest.param([spends("other", "400.00")], 0, "1900.00",
                     ReasonCode.SPENDING_RAISED_TO_GUIDELINE, id="food left out is not nothing"),
        pytest.param([], 3, "4100.00", ReasonCode.SPENDING_RAISED_TO_GUIDELINE, id="by household"),
    ],
)  # fmt: skip
def test_spending_by_household_and_guideline(
    spending: list[Any], dependants: int, counted: str, code: ReasonCode | None
) -> None:
    said = completed(states(spending=tuple(spending), dependants=dependants))
    assert said.capacity.spending_counted == cny(counted)
    about = {
        ReasonCode.SPENDING_CAPPED_WITHOUT_EXPLANATION,
        ReasonCode.SPENDING_RAISED_TO_GUIDELINE,
    }
    assert codes(said) & about == ({code} if code else set())


def test_what_is_not_usual_at_all_does_not_count_until_it_is_explained() -> None:
    guidelines = [{"category": "education", "by_household_size": ["0.00"], "each_more": "1000.00"}]
    stated = states(spending=(spends("education", "700.00"),))
    said = completed(stated, assessment__guidelines=guidelines)
    assert said.capacity.spending_counted == cny("0.00")
    (why,) = (reason for reason in said.reasons if reason.params.get("category") == "education")
    assert why.code is ReasonCode.SPENDING_NOT_COUNTED_YET
    assert "guideline" not in why.params, "that nothing is usual is no usual level"
    told = states(spending=(spends("education", "700.00", "a course"),))
    assert completed(told, assessment__guidelines=guidelines).capacity.spending_counted == cny("700.00")


def test_verified_spending_needs_no_explanation() -> None:
    said = completed(states(spending=(spends("food", "1900.00"),)), checked(4, "spending:food", "1850.00"))
    assert said.capacity.spending_counted == cny("1850.00")
    assert said.capacity.spending_declared == cny("1900.00")


def test_priority_debts_come_first_and_the_rest_is_shared_by_balance() -> None:
    ours = debt(outstanding=balances("10000.00"), overdue=balances("1000.00"))
    others = (owes("rent", "3000.00", "1000.00", priority=True), owes("bank", "30000.00", "900.00"))
    said = completed(states(other_debts=others), debts=(ours,), **NO_STRESS)
    assert said.capacity.priority_debts == cny("1000.00")
    assert said.capacity.residual_now == cny("4000.00")
    assert said.capacity.available_now == cny("1000.00")  # 10000 of 40000
    assert {ReasonCode.PRIORITY_DEBTS_FIRST, ReasonCode.SHARED_WITH_OTHER_CREDITORS} <= codes(said)
    alone = completed(
        states(other_debts=others), debts=(ours,), assessment__share_with_other_creditors=False, **NO_STRESS
    )
    assert alone.capacity.available_now == cny("4000.00")


def test_a_debt_in_another_currency_is_not_ours_to_share() -> None:
    ours = debt(outstanding=balances("10000.00"), overdue=balances("1000.00"))
    nine = balances("9.00", currency="USD")
    dollars = debt("U-1", outstanding=nine, overdue=nine, payment=None)
    other = (owes("bank", "10000.00", "900.00"),)
    said = completed(states(other_debts=other), debts=(ours, dollars), **NO_STRESS)
    assert said.capacity.available_now == cny("2500.00")


def test_liquid_assets_are_told_apart() -> None:
    assets = (
        Asset(kind="savings", value=cny("500.00"), liquid=True),
        Asset(kind="car", value=cny("50000.00")),
    )
    said = completed(states(assets=assets), checked(4, "asset:savings", "450.00"))
    assert said.capacity.liquid_assets == cny("450.00")


def test_where_nothing_is_left_nothing_is_available() -> None:
    said = completed(states(income=(income("2500.00"),)))
    assert said.capacity.residual_now == cny("-500.00")
    assert said.capacity.available_now == said.capacity.available_stress == cny("0.00")
    assert ReasonCode.NO_RESIDUAL_INCOME in codes(said)
    assert said.capacity_score == 0


def test_what_is_left_now_may_not_survive_stress() -> None:
    said = completed(states(income=(income("3200.00"),)))
    assert said.capacity.available_now.is_positive
    assert said.capacity.available_stress.is_zero
    assert ReasonCode.STRESS_LEAVES_LESS in codes(said)


def test_the_capacity_score_is_what_the_longest_term_could_pay_off() -> None:
    ours = debt(outstanding=balances("480000.00"), overdue=balances("1000.00"))
    assert completed(states(), debts=(ours,)).capacity_score == 50  # 4000 a month for 60 months
    assert completed(states(), debts=(ours,), term__max_months=30).capacity_score == 25


def test_willingness_is_apart_from_capacity_and_never_makes_it_worse() -> None:
    plain = completed(states())
    calls = [contact(n, "no_answer") for n in (1, 2, 3)]
    silent = completed(*(c for c in calls), states())
    willing = completed(contact(1, "talked", "inbound"), contact(2, "talked"), states())
    assert silent.willingness_score < plain.willingness_score < willing.willingness_score
    assert silent.capacity == plain.capacity == willing.capacity
    assert silent.capacity_score == plain.capacity_score
    assert ReasonCode.CONTACTS_UNANSWERED in codes(silent)
    assert {ReasonCode.CONTACTS_ANSWERED, ReasonCode.STATEMENT_IN_TIME} <= codes(willing)


def test_a_refusal_to_talk_is_no_sign_of_bad_will() -> None:
    assert (
        completed(contact(1, "refused"), states()).willingness_score == completed(states()).willingness_score
    )


FIGURE = st.integers(0, 2_000_000).map(lambda minor: f"{minor // 100}.{minor % 100:02d}")
CATEGORY = st.sampled_from(["food", "housing", "transport", "other"])


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@forall(
    st.lists(FIGURE, max_size=3),
    st.lists(st.tuples(CATEGORY, FIGURE, st.none() | st.just("why")), max_size=5),
    st.lists(st.tuples(st.sampled_from(["rent", "bank", "shop"]), FIGURE, FIGURE, st.booleans()), max_size=4),
    st.integers(0, 8),
    st.none() | FIGURE,
)
def test_capacity_never_promises_what_is_not_there(
    incomes: list[str], spending: list[Any], debts: list[Any], dependants: int, proof: str | None
) -> None:
    statement = states(
        income=tuple(income(amount) for amount in incomes),
        spending=tuple(spends(*item) for item in spending),
        other_debts=tuple(owes(kind, left, monthly, priority=first) for kind, left, monthly, first in debts),
        dependants=dependants,
    )
    facts = [statement] if proof is None else [statement, checked(4, "income:salary", proof)]
    said = completed(*facts)
    capacity = said.capacity
    assert cny("0.00") <= capacity.available_stress <= capacity.available_now
    assert capacity.available_now <= max(capacity.residual_now, cny("0.00"))
    counted = capacity.income_verified if proof is not None else capacity.income_declared
    assert capacity.residual_now <= counted - capacity.spending_counted - capacity.priority_debts
    assert 0 <= said.capacity_score <= 100
    assert 0 <= said.willingness_score <= 100


def test_more_income_never_gives_less() -> None:
    available = [
        completed(states(income=(income(f"{n}00.00"),))).capacity.available_stress.minor
        for n in range(20, 100, 7)
    ]
    assert available == sorted(available)


def test_the_debts_may_change_between_two_assessments() -> None:
    ours = debt(outstanding=balances("10000.00"), overdue=balances("1000.00"))
    less = debt(outstanding=balances("5000.00"), overdue=balances("1000.00"))
    other = (owes("bank", "10000.00", "900.00"),)
    after = given(AssessmentDecider(), reference(**NO_STRESS)).when(opened(ours), states(other_debts=other))
    assert after.last(AssessmentCompleted).capacity.available_now == cny("2500.00")
    changed = after.when(message(CaseChanged(as_of=day(5), debts=(less,)), day(5)))
    assert changed.said == ()
    again = changed.when(checked(6, "income:salary", "8000.00")).last(AssessmentCompleted)
    assert again.capacity.available_now == cny("1666.66")
