"""What can be afforded over the life of a plan: worked by hand from the example pack, 8,000 in and 3,000 out.

Without stress and saving 5,000 are left a month, and all of it is ours where nobody else is owed.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from services.assessment.decide import AssessmentDecider
from shared.contracts import desk
from shared.contracts import desk_household as household
from shared.contracts.assessment import AssessmentCompleted, InputRefused
from shared.contracts.household import ChangeKind, IncomeStability, KnownChange
from shared.contracts.reasons import ReasonCode
from tests.unit.assessment.desk_says import checked, day, income, opened, owes, spends, states
from tests.unit.assessment.test_capacity import NO_STRESS, codes, completed
from tests.unit.builders import balances, cny, debt, message, reference
from tests.unit.spec import given

LATER = date(2026, 9, 1)
STEADY = {
    **NO_STRESS,
    "assessment__stress_variable_income_drop_pct": 0,
    "assessment__stress_rate_rise_pct": 0,
}


def change(kind: str, item: str | None = None, monthly: str | None = None, on: date = LATER) -> KnownChange:
    return KnownChange(
        kind=ChangeKind(kind), on=on, item=item, monthly=None if monthly is None else cny(monthly)
    )


def plan_agreed(monthly: str, until: date | None = None, n: int = 3) -> Any:
    said = household.DebtPlanAgreed(
        monthly=cny(monthly), arranged_by="debt adviser", until=until, evidence_kind="contract",
        verified_by="n-1", as_of=day(n),
    )  # fmt: skip
    return message(said, day(n))


def steps(said: AssessmentCompleted) -> list[tuple[date, str]]:
    return [(step.start, str(step.available)) for step in said.projection]


@pytest.mark.parametrize(
    ("parts", "after"),
    [
        pytest.param({"income": (income("6000.00"), income("2000.00", "benefit")),
                      "changes": (change("income", "income:benefit", "0.00"),)}, "3000.00",
                     id="a benefit that ends"),
        pytest.param({"changes": (change("income", "income:salary", "5000.00"),)}, "2000.00",
                     id="a contract on fewer hours"),
        pytest.param({"changes": (change("income", "income:pension", "500.00"),)}, "5500.00",
                     id="a pension that begins"),
        pytest.param({"changes": (change("spending", "spending:education", "700.00"),)}, "4300.00",
                     id="school fees"),
        pytest.param({"changes": (change("child_born", monthly="900.00"),)}, "4100.00",
                     id="a child as stated"),
        # 1,000 of the guideline's 1,500 for food; of 2,500 for two it is 1,666.67.
        pytest.param({"changes": (change("child_born"),)}, "4333.33", id="a child by the guidelines"),
        pytest.param({"other_debts": (owes("rent", "900.00", "300.00", priority=True),),
                      "changes": (change("debt_ends", "other_debt:rent"),)}, "5000.00",
                     id="a priority debt paid off"),
    ],
)  # fmt: skip
def test_known_changes_are_in_the_projection(parts: dict[str, Any], after: str) -> None:
    said = completed(states(**parts), **STEADY)
    assert [step.start for step in said.projection] == [day(3), LATER]
    assert said.projection[1].available == cny(after)
    assert [reason.code for reason in said.projection[1].reasons] == [ReasonCode.KNOWN_CHANGE]
    assert said.projection[0].available == said.capacity.available_now
    assert said.available_over_life == min(step.available for step in said.projection)
    assert (ReasonCode.LESS_LATER in codes(said)) == (cny(after) < said.capacity.available_now)


def test_twins_are_two_children() -> None:
    twins = change("child_born", monthly="900.00")
    assert steps(completed(states(changes=(twins, twins)), **STEADY)) == [
        (day(3), "5000.00"),
        (LATER, "3200.00"),
    ]


def test_an_income_with_a_last_day_is_gone_the_day_after() -> None:
    ending = income("2000.00", "benefit").model_copy(update={"ends": date(2026, 8, 31)})
    said = completed(states(income=(income("6000.00"), ending)), **STEADY)
    assert steps(said) == [(day(3), "5000.00"), (LATER, "3000.00")]
    over = ending.model_copy(update={"ends": day(2)})
    gone = completed(states(income=(income("6000.00"), over)), **STEADY)
    assert steps(gone) == [(day(3), "3000.00")]
    proven = completed(
        states(income=(income("6000.00"), over)), checked(4, "income:benefit", "2000.00"), **STEADY
    )
    assert proven.capacity.available_now == cny("3000.00")  # evidence of what has ended pays nothing


def test_of_a_rise_only_the_share_counts_that_counts_of_what_nobody_verified() -> None:
    rise = change("income", "income:salary", "10000.00")
    half = {**STEADY, "assessment__unverified_income_pct": 50}
    said = completed(states(changes=(rise,)), checked(4, "income:salary", "8000.00"), **half)
    assert [amount for _, amount in steps(said)] == ["5000.00", "6000.00"]


def test_a_newer_statement_has_the_change_in_it_already() -> None:
    born = change("child_born", on=day(10))
    ref = reference(**STEADY)
    after = given(AssessmentDecider(), ref).when(
        opened(), states(3, changes=(born,)), states(12, dependants=1)
    )
    assert [amount for _, amount in steps(after.last(AssessmentCompleted))] == ["5000.00"]


def test_a_change_beyond_the_longest_term_is_nobodys_concern() -> None:
    far = change("income", "income:salary", "0.00", on=date(2036, 1, 1))
    assert len(completed(states(changes=(far,)), **STEADY).projection) == 1


def test_the_capacity_score_counts_what_will_be_available_month_by_month() -> None:
    """60 months: 6 of 5,000 until 3 September, 54 of nothing: 30,000 of 60,000."""
    ours = debt(outstanding=balances("60000.00"), overdue=balances("100.00"))
    out_of_work = change("income", "income:salary", "0.00", on=date(2026, 9, 2))
    said = completed(states(2, changes=(out_of_work,)), debts=(ours,), **STEADY)
    assert said.capacity_score == 50
    assert completed(states(2), debts=(ours,), **STEADY).capacity_score == 100


@pytest.mark.parametrize("unclear", [
    change("income", None, "1.00"), change("income", "income:salary"), change("debt_ends", "income:salary"),
])  # fmt: skip
def test_a_change_that_does_not_say_of_what_is_refused(unclear: KnownChange) -> None:
    after = given(AssessmentDecider(), reference()).when(opened(), states(changes=(unclear,)))
    assert after.last(InputRefused).reason.code is ReasonCode.CHANGE_INCOMPLETE


# -- stress


def test_income_that_varies_falls_further_under_stress() -> None:
    two = (income("6000.00"), income("2000.00", "self_employment"))
    ref = {**NO_STRESS, "assessment__stress_income_drop_pct": 10}
    assert completed(states(income=two), **ref).capacity.residual_stress == cny("4000.00")  # -600 - 400
    steady = (two[0], two[1].model_copy(update={"stability": IncomeStability.STABLE}))
    assert completed(states(income=steady), **ref).capacity.residual_stress == cny("4200.00")


def test_a_rate_rise_is_paid_on_priority_debts_with_a_variable_rate() -> None:
    """2 points on 120,000 are 200 a month."""
    home = owes("mortgage", "120000.00", "1000.00").model_copy(
        update={"secured": True, "variable_rate": True}
    )
    said = completed(states(other_debts=(home,)), **NO_STRESS)
    assert (said.capacity.residual_now, said.capacity.residual_stress) == (cny("4000.00"), cny("3800.00"))


# -- other creditors


def test_a_secured_debt_comes_first_though_nobody_called_it_priority() -> None:
    car = owes("car_loan", "50000.00", "1500.00").model_copy(update={"secured": True})
    said = completed(states(other_debts=(car,)), **STEADY)
    assert (said.capacity.priority_debts, said.capacity.available_now) == (cny("1500.00"), cny("3500.00"))


def test_an_agreed_debt_plan_takes_the_place_of_our_share_until_it_ends() -> None:
    ours = debt(outstanding=balances("10000.00"), overdue=balances("1000.00"))
    other = (owes("bank", "30000.00", "900.00"),)
    ref = reference(**STEADY)
    share = given(AssessmentDecider(), ref).when(opened(ours), states(other_debts=other))
    assert share.last(AssessmentCompleted).capacity.available_now == cny("1250.00")
    said = share.when(plan_agreed("700.00", until=date(2026, 8, 31))).last(AssessmentCompleted)
    assert steps(said) == [(day(3), "700.00"), (LATER, "1250.00")]
    assert ReasonCode.DEBT_PLAN_FOLLOWED in codes(said)
    more = share.when(plan_agreed("9000.00")).last(AssessmentCompleted)
    assert more.capacity.available_now == cny("5000.00")  # never more than what is left


# -- extreme households


def test_forty_other_debts_leave_us_our_share_and_no_more() -> None:
    ours = debt(outstanding=balances("1000.00"), overdue=balances("100.00"))
    many = tuple(owes(f"lender_{chr(97 + n % 26)}{'x' * (n // 26)}", "1000.00", "50.00") for n in range(40))
    said = completed(states(other_debts=many), debts=(ours,), **STEADY)
    assert said.capacity.available_now == cny("121.95")  # 5000 / 41
    assert len([figure for figure in said.figures if figure.item.startswith("other_debt:")]) == 40


def test_one_yuan_of_debt_is_assessed_like_any_other() -> None:
    ours = debt(outstanding=balances("1.00"), overdue=balances("1.00"))
    said = completed(states(), debts=(ours,), **STEADY)
    assert (said.capacity_score, said.capacity.available_now) == (100, cny("5000.00"))


def test_no_income_at_all_is_an_answer_and_says_so() -> None:
    said = completed(states(income=()))
    assert said.capacity.residual_now == cny("-3000.00")
    assert said.capacity.available_now == said.available_over_life == cny("0.00")
    assert ReasonCode.NO_RESIDUAL_INCOME in codes(said)
    assert said.capacity_score == 0


DAYS = st.integers(1, 2400).map(lambda n: day(3) + timedelta(days=n))
CHANGES = st.one_of(
    st.builds(change, st.just("income"), st.sampled_from(["income:salary", "income:pension"]),
              st.integers(0, 9000).map(lambda n: f"{n}.00"), DAYS),
    st.builds(change, st.just("spending"), st.just("spending:food"),
              st.integers(0, 9000).map(lambda n: f"{n}.00"), DAYS),
    st.builds(change, st.sampled_from(["child_born", "dependant_leaves"]), st.none(), st.none(), DAYS),
    st.builds(change, st.just("debt_ends"), st.just("other_debt:bank"), st.none(), DAYS),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@forall(st.lists(CHANGES, max_size=8))
def test_a_projection_is_in_order_and_never_promises_what_is_not_left(changes: list[KnownChange]) -> None:
    said = completed(states(changes=tuple(changes), other_debts=(owes("bank", "5000.00", "1.00"),)))
    starts = [step.start for step in said.projection]
    assert starts == sorted(set(starts))
    assert starts[0] == day(3)
    for step in said.projection:
        assert cny("0.00") <= step.available_stress <= step.available <= max(step.residual, cny("0.00"))
    assert said.available_over_life == min(step.available for step in said.projection)
    assert said.available_over_life_stress == min(step.available_stress for step in said.projection)
    assert len(said.projection) <= 1 + len({item.on for item in changes}) <= 9


# -- figures and open points


def test_every_figure_says_what_was_declared_who_checked_it_and_what_counts() -> None:
    said = completed(states(), checked(4, "income:salary", "7500.00"), **STEADY)
    salary = next(figure for figure in said.figures if figure.item == "income:salary")
    assert (salary.declared, salary.verified, salary.counted) == (
        cny("8000.00"),
        cny("7500.00"),
        cny("7500.00"),
    )
    assert (salary.verified_by, salary.evidence_kind, salary.verified_on) == ("desk-1", "payslip", day(4))
    assert salary.stability is IncomeStability.STABLE


def test_what_would_make_it_better_is_named_with_a_day() -> None:
    unsure = states(
        income=(income("8000.00"),),
        spending=(spends("food", "1900.00"), spends("housing", "1.00")),
        assets=(desk.Asset(kind="savings", value=cny("500.00"), liquid=True),),
    )
    points = {(point.item, point.need.value) for point in completed(unsure).open_points}
    assert points == {
        ("income:salary", "evidence"), ("asset:savings", "evidence"), ("spending:food", "explanation"),
    }  # fmt: skip
    tiny = completed(states(spending=(spends("food", "100.00"),)))
    assert ("spending:food", "check") in {(point.item, point.need.value) for point in tiny.open_points}
    assert tiny.capacity.spending_counted == cny("100.00")  # asked about, never corrected
    assert ReasonCode.SPENDING_VERY_LOW in codes(tiny)
    assert all(point.due > day(3) for point in tiny.open_points)


def test_on_the_day_of_a_known_change_the_figures_are_renewed_and_nobody_is_asked() -> None:
    first, second = day(20), day(40)
    parts = {
        "changes": (
            change("income", "income:salary", "7000.00", on=first),
            change("spending", "spending:education", "700.00", on=second),
        )
    }
    start = given(AssessmentDecider(), reference(**STEADY)).when(opened(), states(**parts))
    before = start.last(AssessmentCompleted)
    assert not start.closes(first - timedelta(days=1)).said
    on_the_day = start.closes(first)
    assert on_the_day.emits(AssessmentCompleted)
    after = on_the_day.last(AssessmentCompleted)
    assert (after.version, after.expires) == (before.version + 1, before.expires)
    assert after.capacity.available_now == cny("4000.00")
    assert steps(after) == [(first, "4000.00"), (second, "3300.00")]
    assert on_the_day.closes(second).last(AssessmentCompleted).capacity.available_now == cny("3300.00")
    # Days that were missed are made up for in their order.
    late = start.closes(second + timedelta(days=3))
    assert [str(e.capacity.available_now) for e in late.said if isinstance(e, AssessmentCompleted)] == [
        "4000.00",
        "3300.00",
    ]


def test_a_change_that_leaves_the_figures_as_they_are_is_not_said() -> None:
    same = change("income", "income:salary", "8000.00", on=day(20))
    real = change("spending", "spending:education", "700.00", on=day(40))
    start = given(AssessmentDecider(), reference(**STEADY)).when(opened(), states(changes=(same, real)))
    step = start.closes(day(20))
    said = [event for event in step.said if isinstance(event, AssessmentCompleted)]
    assert all(event.capacity.available_now == cny("5000.00") for event in said)
    assert step.closes(day(40)).last(AssessmentCompleted).capacity.available_now == cny("4300.00")
