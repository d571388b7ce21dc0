"""Forgiving principal, pausing, token payments, and the figures printed with a plan, worked by hand."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from shared.lending.allocation import Component, Components
from shared.lending.money import Money
from shared.lending.plan_lender import MarginRow
from shared.lending.plan_model import RateCeiling, StepUp
from shared.lending.plans import (
    Capacity,
    CapacityStep,
    CeilingTest,
    DebtTerms,
    MeasureKind,
    NextStep,
    NoPlan,
    Plan,
    PlanLimits,
    PlanSpec,
    build_plan,
    count_candidates,
    find_plans,
)
from shared.lending.rates import CashFlow
from shared.policy.testing import example_policy

FIRST_DUE = date(2026, 4, 1)
LIMITS = example_policy().plan_limits
PAUSES = replace(LIMITS, holiday_months=(3, 6))


def cny(text: str) -> Money:
    return Money.parse(text, "CNY")


def loan(principal: str = "20000", rate: str = "18", late: str = "0", **more: object) -> DebtTerms:
    outstanding = Components.of("CNY", principal=cny(principal), late_charges=cny(late))
    overdue = replace(outstanding, principal=cny("0"))
    return replace(
        DebtTerms("loan", outstanding, overdue, Decimal(rate), 95, date(2024, 5, 1)),
        **more,  # type: ignore[arg-type]
    )


def steady(now: str, stress: str | None = None) -> Capacity:
    return Capacity(cny(now), cny(stress or now))


def built(
    spec: PlanSpec, debt: DebtTerms, limits: PlanLimits = LIMITS, can_pay: Capacity | None = None
) -> Plan:
    plan = build_plan(spec, [debt], can_pay, limits)
    assert isinstance(plan, Plan), plan
    return plan


def found(debts: list[DebtTerms], can_pay: Capacity, limits: PlanLimits) -> tuple[Plan, ...]:
    plans = find_plans(debts, can_pay, FIRST_DUE, limits)
    assert not isinstance(plans, NoPlan), plans
    return plans


def nothing(debts: list[DebtTerms], can_pay: Capacity, limits: PlanLimits) -> NoPlan:
    plans = find_plans(debts, can_pay, FIRST_DUE, limits)
    assert isinstance(plans, NoPlan), plans
    return plans


def test_a_payment_far_above_the_old_one_is_no_safer_than_one_a_little_above() -> None:
    value, rows = LIMITS.value, LIMITS.value.redefault
    assert value.probability(rows[0].reduction_pct - 1) == rows[0].probability != value.unknown_probability


# -- what is printed with a plan ----------------------------------------------------------------------


def test_the_modification_indicator_is_taken_at_the_original_rate() -> None:
    """20000 left at 18 %: to 6 % over 48 months is -20.05 %, to 15 % over 36 months -4.11 %."""
    free = replace(LIMITS, rate_ceilings=(), rate_cuts_pct=(Decimal(50),), min_days_past_due={})
    third = Decimal(100) - Decimal(6) / 18 * 100
    large = built(
        PlanSpec(48, FIRST_DUE, rate_cut_pct=third), loan(), replace(free, rate_floor_pct=Decimal(6))
    )
    assert large.debts[0].terms.annual_rate_pct == 6
    assert large.modification_pct == Decimal("-20.05")
    assert large.substantial
    sixth = Decimal(100) / 6
    small = built(
        PlanSpec(36, FIRST_DUE, rate_cut_pct=sixth), loan(), replace(free, rate_floor_pct=Decimal(15))
    )
    assert small.debts[0].terms.annual_rate_pct == 15
    assert small.modification_pct == Decimal("-4.11")
    assert not small.substantial


def test_at_its_own_rate_a_plan_changes_nothing_and_gives_nothing_up() -> None:
    plan = built(PlanSpec(24, FIRST_DUE), loan(), replace(LIMITS, rate_ceilings=()))
    assert plan.modification_pct == 0
    assert plan.concession == cny("0")


def test_the_concession_is_what_is_waived_and_the_interest_that_is_not_earned() -> None:
    debt = loan("12000", "12", late="300")
    full = built(PlanSpec(12, FIRST_DUE), debt)
    cut = built(PlanSpec(12, FIRST_DUE, rate_cut_pct=Decimal(100)), debt)
    assert cut.interest == cny("0")
    assert cut.concession == full.interest
    waived = ((Component.LATE_CHARGES, Decimal(100)),)
    both = built(PlanSpec(12, FIRST_DUE, rate_cut_pct=Decimal(100), waived_pct=waived), debt)
    assert both.concession == full.interest + cny("300")


def test_interest_that_the_ceiling_does_not_allow_is_not_given_up() -> None:
    """What was paid since the advance leaves room for 18.65 % of the 24: that much is given up, no more."""
    paid = (CashFlow(date(2025, month, 28), cny("2000")) for month in range(2, 9))
    debt = loan("22000", "24", history=(CashFlow(date(2025, 1, 31), cny("-30000")), *paid))
    full = built(PlanSpec(24, FIRST_DUE), debt)
    assert full.debts[0].terms.annual_rate_pct == Decimal("18.65")
    assert full.concession == cny("0")
    cut = built(PlanSpec(24, FIRST_DUE, rate_cut_pct=Decimal(100)), debt)
    assert cut.concession == full.interest == cny("4526.06")


def test_a_rate_at_which_the_plan_would_never_be_repaid_has_a_concession_all_the_same() -> None:
    """In steps over five years the first payments would not cover 31.14 % of interest: all is interest."""
    limits = replace(LIMITS, rate_ceilings=(RateCeiling(date(2000, 1, 1), Decimal(36)),))
    steps = PlanSpec(60, FIRST_DUE, step=StepUp(Decimal(10), 6), rate_cut_pct=Decimal(100))
    plan = built(steps, loan("38000", "36"), limits)
    accrued = plan.concession.minor // 60
    assert plan.concession == Money(accrued * 60, "CNY")
    assert Money(accrued, "CNY") == cny("986.10")  # of 38000.00 at the 31.14 % that compound to 36


def test_the_stress_margin_is_what_the_tightest_instalment_leaves() -> None:
    plan = built(PlanSpec(12, FIRST_DUE), loan("12000", "0"), can_pay=steady("2000", "1250"))
    assert plan.payments[0].total == cny("1000")
    assert plan.stress_margin_pct == Decimal("20.00")
    assert plan.headroom == cny("250")


@pytest.mark.parametrize(
    ("stress", "probability"), [("1000", "0.50"), ("1040", "0.45"), ("1250", "0.43"), ("4000", "0.40")]
)
def test_how_often_plans_break_depends_on_the_margin_and_names_its_model(
    stress: str, probability: str
) -> None:
    rows = tuple(
        MarginRow(Decimal(margin), Decimal(added))
        for margin, added in (("-1000", "0.07"), ("3", "0.02"), ("20", "0"), ("50", "-0.03"))
    )
    value = replace(LIMITS.value, by_margin=rows, model="model-7", unknown_probability=Decimal("0.43"))
    plan = built(
        PlanSpec(12, FIRST_DUE), loan("12000", "0"), replace(LIMITS, value=value), steady("4000", stress)
    )
    assert plan.redefault_probability == Decimal(probability)
    assert plan.redefault_model == "model-7"


def test_a_deeper_cut_and_a_wider_margin_are_worth_more_to_the_lender_than_their_own_chance_of_breaking() -> (
    None
):
    value = replace(LIMITS.value, by_margin=(MarginRow(Decimal(0), Decimal("0.3")),))
    risky = built(PlanSpec(12, FIRST_DUE), loan(), replace(LIMITS, value=value), steady("9000"))
    safe = built(PlanSpec(12, FIRST_DUE), loan(), LIMITS, steady("9000"))
    assert risky.payments == safe.payments
    assert risky.npv < safe.npv


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        (PlanSpec(12, FIRST_DUE), "record_renegotiated"),
        (PlanSpec(1, FIRST_DUE, lump_sum=True), "record_settled"),
        (
            PlanSpec(1, FIRST_DUE, waived_pct=((Component.LATE_CHARGES, Decimal(100)),), lump_sum=True),
            "record_settled_for_less",
        ),
        (
            PlanSpec(12, FIRST_DUE, waived_pct=((Component.PRINCIPAL, Decimal(10)),)),
            "record_settled_for_less",
        ),
    ],
)
def test_what_a_plan_does_to_the_credit_record_is_said(spec: PlanSpec, code: str) -> None:
    reasons = [reason.code for reason in built(spec, loan(late="300")).reasons]
    assert [found for found in reasons if found.startswith("record_")] == [code]


# -- the ceiling --------------------------------------------------------------------------------------


def test_without_the_flows_since_the_advance_the_ceiling_is_not_testable_and_a_person_looks() -> None:
    known = loan(history=(CashFlow(date(2024, 5, 1), cny("-20000")),))
    looks = replace(LIMITS, untested_to_person=True)
    assert built(PlanSpec(12, FIRST_DUE), known, looks).ceiling is CeilingTest.TESTED
    assert not built(PlanSpec(12, FIRST_DUE), known, looks).needs_approval
    unknown = built(PlanSpec(12, FIRST_DUE), loan(), looks)
    assert unknown.ceiling is CeilingTest.NOT_TESTABLE
    assert (unknown.needs_approval, unknown.approval_role) == (True, "supervisor")
    assert "ceiling_not_testable" in [reason.code for reason in unknown.reasons]
    assert not built(PlanSpec(12, FIRST_DUE), loan(), LIMITS).needs_approval
    unbound = built(PlanSpec(12, FIRST_DUE), loan(), replace(looks, rate_ceilings=()))
    assert (unbound.ceiling, unbound.needs_approval) == (CeilingTest.NO_CEILING, False)


def test_each_debt_is_tested_by_itself_and_capitalised_charges_count() -> None:
    """Charges added to the balance are repaid by the plan without ever having been advanced."""
    flows = (CashFlow(date(2024, 5, 1), cny("-20000")),)
    charged = replace(loan("40000", "0"), debt_id="charged", history=flows)
    cheap = loan("20000", "0", history=flows)
    both = build_plan(PlanSpec(12, FIRST_DUE), [charged, cheap], None, LIMITS)
    assert not isinstance(both, Plan)
    assert (both.code, dict(both.params)["limit"]) == ("above_rate_ceiling", "24")
    assert isinstance(build_plan(PlanSpec(12, FIRST_DUE), [cheap], None, LIMITS), Plan)


# -- part forgiveness ---------------------------------------------------------------------------------


def test_a_part_of_the_principal_is_forgiven_only_up_to_the_policys_share_and_with_approval() -> None:
    debts, can_pay = [loan("30000", "12", late="500")], steady("420")
    assert nothing(debts, can_pay, LIMITS).reason.code == "not_affordable"
    limits = replace(LIMITS, max_forgiven_pct=Decimal(30))
    plans = found(debts, can_pay, limits)
    for plan in plans:
        forgiven = plan.debts[0].waived.principal
        assert cny("0") < forgiven <= cny("9000")
        assert MeasureKind.PART_FORGIVENESS in plan.measures
        assert plan.needs_approval
        assert {"part_forgiven", "record_settled_for_less"} <= {reason.code for reason in plan.reasons}
        assert plan.total + plan.waived - plan.interest == cny("30500")
    able = found(debts, steady("1500"), limits)  # who can pay without it is not forgiven any
    assert not any(MeasureKind.PART_FORGIVENESS in plan.measures for plan in able)
    late_enough = replace(limits, min_days_past_due={MeasureKind.PART_FORGIVENESS: 96})
    assert nothing(debts, can_pay, late_enough).reason.code == "not_affordable"


# -- holidays and token payments ----------------------------------------------------------------------


def test_a_holiday_is_given_where_income_comes_back_and_only_as_long_as_needed() -> None:
    later = Capacity(cny("0"), cny("0"), (CapacityStep(date(2026, 6, 15), cny("2500"), cny("2000")),))
    plans = found([loan()], later, PAUSES)
    assert [plan.spec.holiday for plan in plans] == [3] * len(plans)
    for plan in plans:
        assert plan.payments[0].due == date(2026, 7, 1)
        assert plan.spec.months <= PAUSES.max_months
        assert MeasureKind.PAYMENT_HOLIDAY in plan.measures
        assert all(row.total <= min(later.at(row.due)) for row in plan.payments)
        # Interest rests in the holiday: 20000 at 18 % for three months is given up.
        assert plan.concession >= cny("900")
    assert len({plan.payments for plan in plans}) == len(plans)
    never = nothing([loan()], later, LIMITS)
    assert never.next_step is NextStep.SUPPORT_GROUP


def test_a_holiday_is_exempt_from_the_lenders_floor() -> None:
    generous = replace(LIMITS.value.no_deal, recovery_pct=Decimal(200), cost_pct=Decimal(0))
    limits = replace(PAUSES, value=replace(LIMITS.value, no_deal=generous))
    assert built(PlanSpec(12, FIRST_DUE), loan(), limits).needs_approval
    paused = built(PlanSpec(12, date(2026, 7, 1), holiday=3), loan(), limits)
    assert paused.npv < paused.npv_no_deal
    assert not paused.needs_approval


def test_money_that_comes_after_a_holiday_is_worth_less() -> None:
    at_once, paused = (
        built(PlanSpec(12, due, holiday=months), loan())
        for due, months in ((FIRST_DUE, 0), (date(2026, 7, 1), 3))
    )
    assert [row.total for row in at_once.payments] == [row.total for row in paused.payments]
    assert paused.npv < at_once.npv
    assert at_once.plan_id != paused.plan_id


@pytest.mark.parametrize(
    ("capacity", "step", "months"),
    [
        (Capacity(cny("0"), cny("0"), temporary=True), NextStep.HOLIDAY, 6),
        (Capacity(cny("-900"), cny("-1500"), temporary=True), NextStep.HOLIDAY, 6),
        (Capacity(cny("0"), cny("0")), NextStep.DEBT_ADVICE, None),
        (
            Capacity(cny("0"), cny("0"), (CapacityStep(date(2026, 6, 1), cny("80"), cny("80")),)),
            NextStep.HOLIDAY,
            3,
        ),
        (
            Capacity(cny("0"), cny("0"), (CapacityStep(date(2029, 6, 1), cny("900"), cny("900")),)),
            NextStep.SUPPORT_GROUP,
            None,
        ),
        # Seven months away, where six are the longest: who knows the day had less help than who knows none.
        (
            Capacity(cny("0"), cny("0"), (CapacityStep(date(2026, 11, 1), cny("900"), cny("900")),)),
            NextStep.HOLIDAY,
            6,
        ),
    ],
)
def test_without_income_the_next_step_fits_what_is_expected(
    capacity: Capacity, step: NextStep, months: int | None
) -> None:
    none = nothing([loan("90000")], capacity, PAUSES)
    assert (none.reason.code, none.next_step, none.months) == ("no_residual_income", step, months)


def test_what_can_be_paid_is_asked_for_where_a_plan_would_need_more() -> None:
    """A plan needs 1500.00 a month, at no interest over five years; 1305.00 stays in stress: not a token."""
    debt = loan("90000", days_past_due=128)
    falls = (CapacityStep(date(2026, 8, 1), cny("2100"), cny("1305")),)
    none = nothing([debt], Capacity(cny("3620"), cny("2618"), falls), LIMITS)
    assert none.reason.code == "not_affordable_later_under_stress"
    assert (none.next_step, none.payment, none.months) == (NextStep.REDUCED_PAYMENTS, cny("1305"), 6)
    assert [row.due for row in none.payments] == [date(2026, month, 1) for month in range(4, 10)]
    # Who will have too little later is not asked for more than the plan would have been.
    falls = (CapacityStep(date(2027, 1, 1), cny("100"), cny("100")),)
    none = nothing([debt], Capacity(cny("3620"), cny("2618"), falls), LIMITS)
    assert (none.next_step, none.payment) == (NextStep.REDUCED_PAYMENTS, cny("1500"))


def test_a_season_without_income_has_no_payments() -> None:
    away = (
        CapacityStep(date(2026, 6, 1), cny("0"), cny("0")),
        CapacityStep(date(2026, 9, 1), cny("500"), cny("400")),
    )
    none = nothing([loan("90000")], Capacity(cny("900"), cny("700"), away), LIMITS)
    assert (none.next_step, none.payment, none.months) == (NextStep.REDUCED_PAYMENTS, cny("400"), 3)
    assert [row.due.month for row in none.payments] == [4, 5, 9]


def test_it_is_said_up_to_what_more_can_be_paid_in_months_in_which_nothing_goes_wrong() -> None:
    """A shop that slowly earns less: 765 are left today, then 495, and nothing where something goes wrong."""
    falls = CapacityStep(date(2026, 6, 1), cny("495"), cny("0"))
    shop = replace(steady("765", "0"), later=(falls,))
    none = find_plans((loan("38000", "24"),), shop, FIRST_DUE, replace(LIMITS, token_months=6))
    assert isinstance(none, NoPlan)
    assert (none.next_step, none.payment, none.most) == (NextStep.TOKEN_PLAN, cny("50"), cny("495"))
    # Somebody with work until the autumn is asked for what the smallest plan would need, and can pay more.
    ends = CapacityStep(date(2026, 10, 1), cny("0"), cny("0"))
    season = replace(steady("2350", "1557"), later=(ends,))
    lower = find_plans((loan("38000", "24"),), season, FIRST_DUE, replace(LIMITS, token_months=6))
    assert isinstance(lower, NoPlan)
    assert lower.next_step is NextStep.REDUCED_PAYMENTS
    assert lower.payment is not None
    assert (lower.most, lower.payment < cny("2350")) == (cny("2350"), True)


def test_nothing_is_said_of_more_where_there_is_no_more_or_no_more_is_owed() -> None:
    poor = find_plans((loan("38000", "24"),), steady("60", "0"), FIRST_DUE, LIMITS)
    assert isinstance(poor, NoPlan)
    assert (poor.payment, poor.most) == (cny("50"), cny("60"))
    bare = find_plans((loan("38000", "24"),), steady("50", "0"), FIRST_DUE, LIMITS)
    assert isinstance(bare, NoPlan)
    assert (bare.payment, bare.most) == (cny("50"), None)


def test_lower_payments_are_never_more_than_is_owed() -> None:
    little = nothing([loan("120")], steady("60"), replace(LIMITS, max_months=1))
    assert (little.next_step, little.months) == (NextStep.REDUCED_PAYMENTS, 2)
    assert Money.sum((row.total for row in little.payments), "CNY") == cny("120")


def test_token_payments_are_dated_small_and_never_more_than_is_owed() -> None:
    """Where stress leaves less than the token, there is nothing else to ask for."""
    none = nothing([loan("90000")], steady("60", "20"), LIMITS)
    assert (none.next_step, none.payment, none.months) == (NextStep.TOKEN_PLAN, cny("50"), 6)
    assert [row.due for row in none.payments] == [date(2026, month, 1) for month in range(4, 10)]
    assert {row.total for row in none.payments} == {cny("50")}
    little = nothing([loan("120")], steady("60", "20"), replace(LIMITS, max_months=1))
    assert Money.sum((row.total for row in little.payments), "CNY") == cny("100")
    falling = Capacity(cny("60"), cny("20"), (CapacityStep(date(2026, 7, 1), cny("10"), cny("10")),))
    assert len(nothing([loan("90000")], falling, LIMITS).payments) == 3


# -- never twice --------------------------------------------------------------------------------------


def test_no_plan_is_shown_twice_even_where_any_difference_is_enough() -> None:
    """A ceiling can make two cuts of the rate end at the same schedule."""
    limits = replace(
        LIMITS,
        min_difference_pct=Decimal(0),
        max_ranked=7,
        max_months=4,
        rate_cuts_pct=(Decimal(0), Decimal("0.5"), Decimal(1), Decimal("1.5")),
        max_waived_pct={},
    )
    debts = [loan("4000", "36", days_past_due=95)]
    plans = found(debts, steady("1500"), limits)
    assert len(plans) > 1
    for one, other in itertools.combinations(plans, 2):
        assert one.payments != other.payments


# -- extremes -----------------------------------------------------------------------------------------


def test_extreme_cases_are_answered() -> None:
    # Nobody is sent to seek advice about one yuan: a person decides whether it is asked for.
    assert nothing([loan("1")], steady("0"), PAUSES).next_step is NextStep.HUMAN_REVIEW
    assert nothing([loan("50")], steady("0"), PAUSES).next_step is NextStep.HUMAN_REVIEW
    assert nothing([loan("51")], steady("0"), PAUSES).next_step is NextStep.DEBT_ADVICE
    tiny = found([loan("0.01", "0")], steady("0.01"), PAUSES)
    assert [(len(plan.payments), plan.total) for plan in tiny] == [(1, cny("0.01"))]
    many = [replace(loan("1"), debt_id=f"d{n:02}") for n in range(40)]
    assert found(many, steady("50"), PAUSES)[0].total >= cny("40")
    assert count_candidates([loan()], steady("-5"), FIRST_DUE, LIMITS) == 0
    assert count_candidates([loan()], steady("1500"), FIRST_DUE, LIMITS) > 100
    assert count_candidates([], steady("1500"), FIRST_DUE, LIMITS) == 0
