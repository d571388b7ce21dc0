"""What a plan, or the lack of one, says of itself is true: of today, of later, of stress, of each payment."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from shared.lending.allocation import Components
from shared.lending.money import Money
from shared.lending.plan_model import StepUp
from shared.lending.plans import (
    Capacity,
    CapacityStep,
    Counter,
    DebtTerms,
    Nearest,
    NoPlan,
    Plan,
    PlanSpec,
    Reason,
    build_plan,
    find_plans,
    nearest,
)
from shared.policy.testing import example_policy
from shared.texts import text

FIRST_DUE = date(2026, 4, 1)
LIMITS = example_policy().plan_limits


def cny(text: str) -> Money:
    return Money.parse(text, "CNY")


def loan(payment: str | None = "1500", rate: str = "12", name: str = "loan", days: int = 95) -> DebtTerms:
    outstanding = Components.of("CNY", principal=cny("12000"))
    overdue = replace(outstanding, principal=cny("0"))
    monthly = None if payment is None else cny(payment)
    contract = date(2024, 5, 1)
    return DebtTerms(name, outstanding, overdue, Decimal(rate), days, contract, monthly_payment=monthly)


def changing(now: str, stress: str, *later: tuple[date, str, str]) -> Capacity:
    return Capacity(cny(now), cny(stress), tuple(CapacityStep(on, cny(a), cny(b)) for on, a, b in later))


def said(spec: PlanSpec, can_pay: Capacity | None, *debts: DebtTerms) -> dict[str, dict[str, str]]:
    plan = build_plan(spec, list(debts) or [loan()], can_pay, LIMITS)
    assert isinstance(plan, Plan), plan
    return {reason.code: reason.as_dict() for reason in plan.reasons}


def refused(can_pay: Capacity) -> Reason:
    found = find_plans([loan()], can_pay, FIRST_DUE, LIMITS)
    assert isinstance(found, NoPlan), found
    return found.reason


def test_what_is_left_under_stress_is_not_called_what_is_left() -> None:
    """From July on 300 can be paid, which would do, and 20 if something goes wrong, which would not."""
    on = date(2026, 7, 1)
    reason = refused(changing("900", "500", (on, "300", "20")))
    assert reason.code == "not_affordable_later_under_stress"
    assert (reason.as_dict()["available"], reason.as_dict()["on"]) == ("20.00 CNY", "2026-07-01")
    plain = refused(changing("900", "500", (on, "40", "20")))
    assert (plain.code, plain.as_dict()["available"]) == ("not_affordable_later", "40.00 CNY")


def test_what_can_be_paid_later_is_not_called_todays() -> None:
    """Nothing can be paid today; after the holiday there is enough."""
    can_pay = changing("0", "0", (date(2026, 5, 15), "2000", "1500"))
    reasons = said(PlanSpec(12, date(2026, 7, 1), holiday=3), can_pay)
    assert "affordable_now" not in reasons
    assert reasons["affordable_later"]["available"] == "2000.00 CNY"
    assert reasons["affordable_later"]["on"] == "2026-07-01"


def test_the_tightest_month_is_the_one_that_is_named() -> None:
    """The payments are all but the same; the means are halved in autumn."""
    can_pay = changing("3000", "2800", (date(2026, 9, 15), "1400", "1200"))
    reasons = said(PlanSpec(12, FIRST_DUE, rate_cut_pct=Decimal(100)), can_pay)
    assert reasons["affordable_now"] == {"payment": "1000.00 CNY", "available": "3000.00 CNY"}
    later = {"payment": "1000.00 CNY", "available": "1400.00 CNY", "on": "2026-10-01"}
    assert reasons["affordable_later"] == later
    assert reasons["affordable_under_stress"] == {"payment": "1000.00 CNY", "available": "1200.00 CNY"}


def test_interest_only_is_no_step_and_says_what_comes_after_it() -> None:
    reasons = said(PlanSpec(12, FIRST_DUE, grace=3), None)
    assert "lower_start" not in reasons
    assert reasons["interest_only_first"]["months"] == "3"
    assert reasons["interest_only_first"]["payment"] == "120.00 CNY"
    assert reasons["interest_only_first"]["then"] == "1066.19 CNY"  # 12000 at 1 % over twelve months
    steps = said(PlanSpec(12, FIRST_DUE, step=StepUp(Decimal(10), 6)), None)
    assert "interest_only_first" not in steps
    assert "lower_start" in steps


def test_a_holiday_is_told_before_the_interest_that_follows_it() -> None:
    """Both were said to be at first: for the first three months nothing was paid, and interest only."""
    can_pay = changing("0", "0", (date(2026, 5, 15), "2000", "1500"))
    codes = list(said(PlanSpec(12, date(2026, 7, 1), grace=3, holiday=3), can_pay))
    assert codes.index("starts_after_holiday") < codes.index("interest_only_first")
    assert "first 3 instalments hold only interest" in text("interest_only_first", {"months": "3"})
    assert "开始的3期分期只付利息" in text("interest_only_first", {"months": "3"}, "zh")


@pytest.mark.parametrize(
    ("contract", "spec", "code"),
    [
        ("1500", PlanSpec(12, FIRST_DUE), "longer_term"),
        ("900", PlanSpec(12, FIRST_DUE), "repaid_over"),
        # The first six are far lighter, for three of them hold interest alone; the later ones are heavier.
        ("900", PlanSpec(12, FIRST_DUE, grace=3), "repaid_over"),
        (None, PlanSpec(12, FIRST_DUE), "repaid_over"),
    ],
)
def test_only_payments_that_are_all_below_the_contracts_are_called_lighter(
    contract: str | None, spec: PlanSpec, code: str
) -> None:
    found = {"longer_term", "repaid_over"} & said(spec, None, loan(contract)).keys()
    assert found == {code}


def test_who_names_an_amount_means_every_month_of_the_plan() -> None:
    """More a month is wished than is affordable: level payments come nearer to it than ones that grow."""
    debt = replace(loan("1500", "18"), outstanding=Components.of("CNY", principal=cny("30000")))
    found = nearest(
        Counter(monthly=cny("4000")), [debt], Capacity(cny("2350"), cny("1620")), FIRST_DUE, LIMITS
    )
    assert isinstance(found, Nearest)
    assert found.plan.waived.is_zero
    assert (found.plan.spec.months, found.plan.spec.step) == (22, None)
    assert found.plan.first_payment == cny("1611.10")  # at 1.5 % a month


def test_a_term_too_short_for_the_wished_amount_is_not_called_unaffordable() -> None:
    """500 a month are well within the means; it is in six months that they do not repay 12000."""
    debts, can_pay = [loan(rate="0")], Capacity(cny("3000"), cny("2500"))
    found = nearest(Counter(monthly=cny("500"), months=6), debts, can_pay, FIRST_DUE, LIMITS)
    assert isinstance(found, Nearest)
    told = {reason.code: reason.as_dict() for reason in found.reasons}
    assert told["counter_too_short"] == {"wished": "500.00 CNY", "months": "6", "needed": "24"}
    assert "counter_not_affordable" not in told
    alone = nearest(Counter(months=4), debts, can_pay, FIRST_DUE, LIMITS)
    assert isinstance(alone, Nearest)
    assert [reason.code for reason in alone.reasons] == ["counter_nearest", "counter_not_affordable"]
