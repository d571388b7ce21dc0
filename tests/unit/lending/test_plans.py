"""The search over plans: what it promises, checked from the outside on many cases."""

import ast
import itertools
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contracts.reasons import ReasonCode
from shared.lending import plan_model
from shared.lending.allocation import Component, Components
from shared.lending.money import Money
from shared.lending.plan_search import Search
from shared.lending.plans import (
    Capacity,
    CapacityStep,
    DebtTerms,
    MeasureKind,
    NextStep,
    NoPlan,
    Plan,
    PlanLimits,
    PlanSpec,
    Reason,
    build_plan,
    find_plans,
    schedule_of,
)
from shared.lending.rates import CashFlow
from shared.lending.schedule import ScheduleError
from shared.policy.testing import example_policy
from shared.texts.words import parameters

FIRST_DUE = date(2026, 4, 1)
LIMITS = example_policy().plan_limits


def cny(text: str) -> Money:
    return Money.parse(text, "CNY")


def debt(
    debt_id: str = "card",
    principal: str = "30000",
    interest: str = "900",
    late: str = "600",
    rate: str = "18.25",
    days: int = 95,
    payment: str | None = "1500",
) -> DebtTerms:
    outstanding = Components.of(
        "CNY", principal=cny(principal), interest=cny(interest), late_charges=cny(late)
    )
    return DebtTerms(
        debt_id=debt_id,
        outstanding=outstanding,
        overdue=replace(outstanding, principal=cny("0")),
        annual_rate_pct=Decimal(rate),
        days_past_due=days,
        contract_date=date(2024, 5, 1),
        monthly_payment=None if payment is None else cny(payment),
    )


TWO = [debt(), debt("loan", "12000", "300", "200", "15", 45, "800")]


def capacity(now: str, stress: str | None = None, lump_sum: str | None = None) -> Capacity:
    return Capacity(cny(now), cny(stress or now), lump_sum=None if lump_sum is None else cny(lump_sum))


def plans(
    debts: list[DebtTerms], can_pay: Capacity, limits: PlanLimits = LIMITS, authority: str | None = None
) -> tuple[Plan, ...]:
    found = find_plans(debts, can_pay, FIRST_DUE, limits, authority)
    assert not isinstance(found, NoPlan), found
    return found


def none(debts: list[DebtTerms], can_pay: Capacity, limits: PlanLimits = LIMITS) -> NoPlan:
    found = find_plans(debts, can_pay, FIRST_DUE, limits)
    assert isinstance(found, NoPlan)
    return found


def check(plan: Plan, debts: list[DebtTerms], can_pay: Capacity, limits: PlanLimits) -> None:
    """Every constraint that a plan claims, computed again from its parts."""
    assert [part.debt_id for part in plan.debts] == [d.debt_id for d in debts]
    assert plan.spec.months <= limits.max_months
    for part, terms in zip(plan.debts, debts, strict=True):
        for component in Component:
            waived = part.waived.get(component)
            cap = terms.overdue.get(component).minor * limits.max_waived_pct.get(component, Decimal(0)) / 100
            assert plan.spec.lump_sum or waived.minor <= cap
            assert not waived.is_negative
        repaid = part.schedule
        left = terms.outstanding - part.waived
        assert repaid.principal == left.principal
        assert repaid.late_charges == left.late_charges
        assert repaid.fees == left.fees + left.costs
        assert repaid.interest >= left.interest
        assert part.terms.annual_rate_pct <= terms.annual_rate_pct
        ceiling = limits.ceiling(terms.contract_date)
        assert ceiling is None or part.all_in_pct is None or part.all_in_pct <= ceiling
        again = schedule_of(
            part.balance,
            part.waived,
            annual_rate_pct=part.terms.annual_rate_pct,
            periods=part.terms.periods,
            first_due=part.terms.first_due,
            rounding=part.terms.rounding,
            grace_periods=part.terms.grace_periods,
            step_pct=part.terms.step_pct,
            step_every=part.terms.step_every,
        )
        assert again == repaid
    for k, row in enumerate(plan.payments):
        rows = [part.schedule.instalments[k] for part in plan.debts]
        assert {other.due for other in rows} == {row.due}
        assert row.total == Money.sum((other.total for other in rows), "CNY")
        if not plan.spec.lump_sum:
            assert row.total <= min(can_pay.at(row.due))
    assert plan.total == Money.sum((part.schedule.total for part in plan.debts), "CNY")
    balance = Money.sum((d.outstanding.total for d in debts), "CNY")
    assert plan.total == balance - plan.waived + plan.interest
    if plan.spec.periods > 1:
        assert plan.payments[plan.spec.grace].total >= limits.min_payment
        assert plan.payments[0].total >= limits.min_payment
    if plan.npv < plan.npv_no_deal:
        assert plan.needs_approval
    assert plan.needs_approval == (plan.approval_role is not None)


def codes(reasons: tuple[Reason, ...]) -> list[str]:
    return [reason.code for reason in reasons]


def test_several_truly_different_plans_ranked_with_reasons() -> None:
    can_pay = capacity("1500", "1200")
    found = plans(TWO, can_pay)
    assert [plan.rank for plan in found] == [1, 2, 3, 4, 5]
    assert len({plan.plan_id for plan in found}) == 5
    assert len({plan.measures for plan in found}) >= 4
    for plan in found:
        check(plan, TWO, can_pay, LIMITS)
        assert {"affordable_now", "affordable_under_stress"} <= set(codes(plan.reasons))
    said = [code for plan in found for code in codes(plan.reasons)]
    for title in ("lowest_total", "fastest", "lowest_instalment", "best_balance"):
        assert said.count(title) == 1
    assert "best_balance" in codes(found[0].reasons)


def test_the_cheapest_and_the_fastest_of_everything_allowed_are_among_them() -> None:
    can_pay = capacity("1500", "1200")
    everything = [
        plan
        for candidate in Search(TWO, can_pay, LIMITS).candidates(FIRST_DUE)
        if isinstance(plan := build_plan(candidate.spec, TWO, can_pay, LIMITS), Plan)
    ]
    found = plans(TWO, can_pay)
    assert len(everything) > 200
    assert min(p.total.minor for p in found) == min(p.total.minor for p in everything)
    assert min(p.last_due for p in found) == min(p.last_due for p in everything)


def test_the_search_is_deterministic_and_does_not_hang_on_the_order_of_tiers() -> None:
    assert plans(TWO, capacity("1500")) == plans(TWO, capacity("1500"))


def test_within_a_negotiators_authority_nothing_needs_approval() -> None:
    found = plans(TWO, capacity("1500", "1200"), authority="negotiator")
    assert not any(plan.needs_approval for plan in found)
    assert any(plan.needs_approval for plan in plans(TWO, capacity("1500", "1200")))
    with pytest.raises(ValueError, match="no role"):
        find_plans(TWO, capacity("1500"), FIRST_DUE, LIMITS, "cleaner")


def test_a_plan_below_the_value_floor_goes_to_approval_and_is_not_dropped() -> None:
    generous = replace(LIMITS.value.no_deal, recovery_pct=Decimal(110), cost_pct=Decimal(0))
    limits = replace(LIMITS, value=replace(LIMITS.value, no_deal=generous))
    found = plans(TWO, capacity("1500"), limits, "negotiator")
    assert len(found) == 5
    assert all(plan.npv < plan.npv_no_deal for plan in found)
    assert all(plan.needs_approval and plan.approval_role == "supervisor" for plan in found)
    assert all("below_npv_floor" in codes(plan.reasons) for plan in found)


def test_no_measure_before_a_debt_is_late_enough() -> None:
    limits = replace(LIMITS, min_days_past_due=dict.fromkeys(MeasureKind, 91))
    young = [debt(days=10), debt("loan", "12000", days=20)]
    found = plans(young, capacity("1500"), limits)
    assert {kind for plan in found for kind in plan.measures} == {MeasureKind.TERM_EXTENSION}
    mixed = [debt(days=95), debt("loan", "12000", days=20)]
    for plan in plans(mixed, capacity("1500"), limits):
        assert plan.debts[1].waived.total.is_zero
        assert plan.debts[1].terms.annual_rate_pct == Decimal("18.25")


def test_a_rate_above_the_ceiling_is_lowered_until_the_all_in_rate_fits() -> None:
    dear = [debt(rate="36", interest="0", late="0")]
    found = plans(dear, capacity("3000"), replace(LIMITS, rate_cuts_pct=()))
    for plan in found:
        check(plan, dear, capacity("3000"), LIMITS)
        assert MeasureKind.RATE_CUT in plan.measures
        assert plan.debts[0].all_in_pct is not None
        assert Decimal(23) < plan.debts[0].all_in_pct <= Decimal(24)


def test_the_ceiling_follows_the_contracts_date() -> None:
    rows = (replace(LIMITS.rate_ceilings[0], contract_from=date(2025, 1, 1)),)
    limits = replace(LIMITS, rate_ceilings=rows, rate_cuts_pct=())
    old = replace(debt(rate="36"), contract_date=date(2024, 12, 31))
    unknown = replace(old, contract_date=None)
    assert plans([old], capacity("3000"), limits)[0].debts[0].terms.annual_rate_pct == 36
    assert plans([unknown], capacity("3000"), limits)[0].debts[0].terms.annual_rate_pct < 24


def test_with_its_history_a_debt_is_tested_from_the_advance() -> None:
    cheap_so_far = (CashFlow(date(2024, 5, 1), cny("-30000")),)
    known = replace(debt(), history=cheap_so_far)
    part = plans([known], capacity("1500"))[0].debts[0]
    assert part.tested_from_advance
    paid_twice = (*cheap_so_far, CashFlow(date(2024, 6, 1), cny("45000")))
    over = none([replace(debt(), history=paid_twice)], capacity("1500"))
    assert (over.reason.code, over.next_step) == ("above_rate_ceiling", NextStep.HUMAN_REVIEW)


def test_a_grace_asks_for_nothing_that_is_too_small_to_collect() -> None:
    """Of 30 owed in principal a month's interest is 0.46, or less where the rate is cut; that is no plan."""
    small = [debt(principal="30", interest="0", late="900")]
    for can_pay in (
        capacity("400"),
        Capacity(cny("110"), cny("110"), (CapacityStep(date(2026, 10, 1), cny("600"), cny("600")),)),
    ):
        found = find_plans(small, can_pay, FIRST_DUE, LIMITS)
        for plan in () if isinstance(found, NoPlan) else found:
            check(plan, small, can_pay, LIMITS)
            assert all(row.total >= LIMITS.min_payment for row in plan.payments[:-1])
    waiting = PlanSpec(periods=3, first_due=FIRST_DUE, grace=3)
    refused = build_plan(waiting, small, None, LIMITS)
    assert isinstance(refused, Reason)
    assert (refused.code, refused.as_dict()["payment"]) == ("below_min_payment", "0.46 CNY")


@pytest.mark.parametrize(("least", "given_"), [("456.25", True), ("456.26", False)])
def test_a_grace_whose_interest_is_worth_collecting_is_still_given(least: str, given_: bool) -> None:
    large, limits = [debt()], replace(LIMITS, min_payment=cny(least))  # a month's interest is 456.25
    found = Search(large, capacity("2500"), limits).candidates(FIRST_DUE)
    assert any(one.spec.grace and not one.spec.rate_cut_pct for one in found) is given_
    built = build_plan(PlanSpec(periods=24, first_due=FIRST_DUE, grace=3), large, None, limits)
    assert isinstance(built, Plan) is given_


def test_later_capacity_is_used_when_it_comes_and_not_before() -> None:
    later = Capacity(cny("500"), cny("500"), (CapacityStep(date(2026, 10, 1), cny("2500"), cny("2000")),))
    found = plans(TWO, later)
    for plan in found:
        check(plan, TWO, later, LIMITS)
    assert all(plan.spec.step or plan.spec.grace for plan in found)
    assert isinstance(find_plans(TWO, capacity("500"), FIRST_DUE, LIMITS), NoPlan)


def test_a_settlement_that_is_offered_is_among_the_plans_and_nobody_is_asked_for_one() -> None:
    with_offer = plans(TWO, capacity("1500", lump_sum="43500"))
    settled = [plan for plan in with_offer if plan.spec.lump_sum]
    assert [len(plan.payments) for plan in settled] == [1]
    assert settled[0].total <= cny("43500")
    assert MeasureKind.LUMP_SUM in settled[0].measures
    assert not any(plan.spec.lump_sum for plan in plans(TWO, capacity("1500")))
    no_rule = replace(LIMITS, lump_sum=None)
    assert not any(p.spec.lump_sum for p in plans(TWO, capacity("1500", lump_sum="43500"), no_rule))
    in_full = plans(TWO, capacity("1500", lump_sum="44000"), no_rule)
    assert [plan.total for plan in in_full if plan.spec.lump_sum] == [cny("44000")]


@pytest.mark.parametrize(
    ("now", "stress", "code", "step"),
    [
        ("0", "0", "no_residual_income", NextStep.DEBT_ADVICE),
        ("-200", "-900", "no_residual_income", NextStep.DEBT_ADVICE),
        ("40", "40", "not_affordable", NextStep.DEBT_ADVICE),
        ("400", "300", "not_affordable", NextStep.REDUCED_PAYMENTS),
        ("400", "30", "not_affordable", NextStep.TOKEN_PLAN),
        ("1500", "100", "not_affordable_under_stress", NextStep.REDUCED_PAYMENTS),
        ("1500", "50", "not_affordable_under_stress", NextStep.TOKEN_PLAN),
    ],
)
def test_where_nothing_fits_there_is_a_reason_and_a_next_step(
    now: str, stress: str, code: str, step: NextStep
) -> None:
    found = none(TWO, capacity(now, stress))
    assert (found.reason.code, found.next_step) == (code, step)
    each = {NextStep.TOKEN_PLAN: LIMITS.token_payment, NextStep.REDUCED_PAYMENTS: cny(stress)}
    assert found.payment == each.get(step)


def test_hope_for_later_leads_to_support_instead_of_debt_advice() -> None:
    later = (CapacityStep(date(2030, 1, 1), cny("5000"), cny("5000")),)
    found = none(TWO, Capacity(cny("0"), cny("0"), later))
    assert found.next_step is NextStep.SUPPORT_GROUP


def test_nothing_owed_and_several_currencies_go_to_a_person() -> None:
    free = replace(debt(), outstanding=Components.zero("CNY"), overdue=Components.zero("CNY"))
    assert none([], capacity("100")).next_step is NextStep.HUMAN_REVIEW
    assert none([free], capacity("100")).reason.code == "account_cured"
    dollars = replace(
        debt("usd"), outstanding=Components.zero("USD") + Components.of("USD", principal=Money(100, "USD"))
    )
    assert none([debt(), dollars], capacity("1500")).reason.code == "currency_mismatch"


def test_one_yuan_is_paid_at_once() -> None:
    tiny = [debt(principal="1", interest="0", late="0")]
    found = plans(tiny, capacity("100"))
    assert [(plan.spec.months, len(found)) for plan in found] == [(1, 1)]
    assert found[0].total <= cny("1.02")


def test_the_minimum_payment_bounds_the_term() -> None:
    small = [debt(principal="600", interest="0", late="0", rate="0")]
    found = plans(small, capacity("100"))
    assert {plan.spec.periods for plan in found} == {6}
    found = plans(small, capacity("150"))
    assert all(4 <= plan.spec.periods <= 6 for plan in found)


def test_forty_debts() -> None:
    many = [debt(f"d{i:02}", "1000", "30", "10", str(10 + i % 8), 40 + i) for i in range(40)]
    can_pay = capacity("2000", "1800")
    for plan in plans(many, can_pay):
        check(plan, many, can_pay, LIMITS)


# -- one plan again -----------------------------------------------------------------------------------


def test_a_plan_is_computed_again_and_changes_with_the_balance() -> None:
    agreed = plans(TWO, capacity("1500", "1200"))[0]
    again = build_plan(agreed.spec, TWO, None, LIMITS)
    assert isinstance(again, Plan)
    assert (again.payments, again.debts) == (agreed.payments, agreed.debts)
    changed = build_plan(agreed.spec, [debt(principal="29000"), TWO[1]], None, LIMITS)
    assert isinstance(changed, Plan)
    assert changed.payments != agreed.payments


@pytest.mark.parametrize(
    ("change", "can_pay", "code"),
    [
        ({"max_months": 12}, None, "above_max_term"),
        ({"min_payment": cny("5000")}, None, "below_min_payment"),
        ({"authority": ()}, None, "waiver_above_limit"),
        ({}, capacity("100"), "not_affordable"),
        ({}, capacity("1500", "100"), "not_affordable_under_stress"),
    ],
)
def test_why_a_plan_no_longer_stands(change: dict[str, object], can_pay: Capacity | None, code: str) -> None:
    agreed = plans(TWO, capacity("1500", "1200"))[0]
    refused = build_plan(agreed.spec, TWO, can_pay, replace(LIMITS, **change))  # type: ignore[arg-type]
    assert isinstance(refused, Reason)
    assert refused.code == code


def test_more_cannot_be_waived_than_is_owed() -> None:
    owed = Components.of("CNY", principal=cny("100"))
    with pytest.raises(ScheduleError, match="waived"):
        schedule_of(
            owed,
            Components.of("CNY", interest=cny("1")),
            annual_rate_pct=Decimal(0),
            periods=1,
            first_due=FIRST_DUE,
            rounding=LIMITS.rounding,
        )


def test_every_reason_is_in_the_catalogue_and_carries_what_its_words_show() -> None:
    sources = sorted(Path(plan_model.__file__).parent.glob("plan*.py"))
    calls = [
        (str(node.args[0].value), {keyword.arg for keyword in node.keywords})
        for path in sources
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "Reason.of"
        and isinstance(node.args[0], ast.Constant)
    ]
    assert len(calls) > 20
    known = {code.value for code in ReasonCode}
    for code, params in calls:
        assert code in known
        # What is left out of the words where it is not given.
        shown = parameters(code) - {"account", "limit", "field"}
        assert shown <= params, code
    assert {step.value for step in NextStep} <= known


# -- many cases ---------------------------------------------------------------------------------------

amounts = st.integers(0, 5_000_000)


@st.composite
def any_debt(draw: st.DrawFn, debt_id: str) -> DebtTerms:
    outstanding = Components(
        principal=Money(draw(st.integers(1, 10_000_000)), "CNY"),
        interest=Money(draw(st.integers(0, 500_000)), "CNY"),
        fees=Money(draw(st.integers(0, 50_000)), "CNY"),
        late_charges=Money(draw(st.integers(0, 200_000)), "CNY"),
        costs=Money(draw(st.sampled_from([0, 0, 12_345])), "CNY"),
    )
    part = draw(st.sampled_from([Decimal("0.1"), Decimal("0.5"), Decimal(1)]))
    overdue = Components(*(Money(int(m.minor * part), "CNY") for m in outstanding.parts().values()))
    return DebtTerms(
        debt_id,
        outstanding,
        overdue,
        annual_rate_pct=draw(st.decimals(0, 40, places=2)),
        days_past_due=draw(st.integers(0, 400)),
        contract_date=draw(st.none() | st.dates(date(1999, 1, 1), date(2026, 1, 1))),
        monthly_payment=draw(st.none() | st.integers(1, 10**6).map(lambda minor: Money(minor, "CNY"))),
    )


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_every_plan_of_every_case_keeps_its_promises(data: st.DataObject) -> None:
    debts = [data.draw(any_debt(f"d{i}")) for i in range(data.draw(st.integers(1, 3)))]
    balance = sum(d.outstanding.total.minor for d in debts)
    now = data.draw(st.integers(0, balance // 4 + 1))
    stress = data.draw(st.integers(now // 2, now))
    can_pay = Capacity(Money(now, "CNY"), Money(stress, "CNY"))
    found = find_plans(debts, can_pay, FIRST_DUE, LIMITS)
    if isinstance(found, NoPlan):
        assert found.reason.code
        return
    assert 1 <= len(found) <= LIMITS.max_ranked
    for plan in found:
        check(plan, debts, can_pay, LIMITS)
    for one, other in itertools.combinations(found, 2):
        assert one.spec != other.spec
        assert (one.payments, one.measures) != (other.payments, other.measures)
