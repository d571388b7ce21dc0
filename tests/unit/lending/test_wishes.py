"""What a borrower wishes of a plan: granted with the least concession, or answered by the nearest."""

from dataclasses import replace
from datetime import date

from shared.lending.money import Money
from shared.lending.plan_search import Search
from shared.lending.plans import (
    Capacity,
    Counter,
    MeasureKind,
    Nearest,
    NoPlan,
    PlanLimits,
    nearest,
)
from tests.unit.lending.test_plans import FIRST_DUE, LIMITS, TWO, capacity, check, cny, codes, debt


def answer(counter: Counter, can_pay: Capacity | None = None, limits: PlanLimits = LIMITS) -> Nearest:
    found = nearest(counter, TWO, can_pay or capacity("1500", "1200"), FIRST_DUE, limits)
    assert isinstance(found, Nearest)
    check(found.plan, TWO, can_pay or capacity("1500", "1200"), limits)
    return found


def test_a_wish_within_policy_is_granted_with_the_least_concession() -> None:
    found = answer(Counter(monthly=cny("1100")))
    assert found.granted
    assert codes(found.reasons) == ["counter_granted"]
    assert found.plan.peak <= cny("1100")
    assert found.plan.measures == (MeasureKind.TERM_EXTENSION,)


def test_no_instalment_is_above_a_wish_that_is_granted_the_last_one_included() -> None:
    # Each debt rounds its instalments, and the last one takes what that leaves: 81.67 after 80.34 here.
    owed = [debt("a", "1629.72", "0", "77.76", "12"), debt("b", "559.42", "0", "9.04", "3.85")]
    owed.append(debt("c", "1859.64", "0", "14.97", "0.01"))
    limits = replace(LIMITS, min_payment=cny("20"))
    for wished in range(8030, 8110, 10):
        wish = Counter(monthly=Money(wished, "CNY"))
        found = nearest(wish, owed, capacity("1500", "1200"), FIRST_DUE, limits)
        assert isinstance(found, Nearest)
        assert found.granted == (found.plan.peak.minor <= wished), wished


def test_a_wish_that_is_too_low_is_answered_by_the_smallest_instalment() -> None:
    found = answer(Counter(monthly=cny("300")))
    assert not found.granted
    assert codes(found.reasons) == ["counter_nearest", "counter_too_low"]
    assert found.reasons[1].as_dict() == {"wished": "300.00 CNY", "needed": f"{found.plan.peak} CNY"}
    everything = Search(TWO, capacity("1500", "1200"), LIMITS).candidates(FIRST_DUE)
    assert found.plan.peak.minor <= min(c.peak for c in everything) + LIMITS.max_months


def test_a_wish_above_what_is_affordable_is_held_to_it() -> None:
    found = answer(Counter(monthly=cny("2000")))
    assert codes(found.reasons) == ["counter_nearest", "counter_not_affordable"]
    assert found.reasons[1].as_dict() == {"available": "1200.00 CNY"}


def test_more_than_is_affordable_changes_nothing_where_the_wished_time_needs_less() -> None:
    months = answer(Counter(monthly=cny("1200"))).plan.spec.months
    for wish in (Counter(monthly=cny("2000"), months=months), Counter(months=months)):
        found = answer(wish)
        assert found.granted
        assert (found.plan.spec.months, found.plan.peak <= cny("1200")) == (months, True)
    at_once = answer(Counter(monthly=cny("90000")), capacity("80000", "80000"))
    assert (at_once.plan.spec.months, at_once.granted) == (1, True)


def test_a_wished_first_date_is_kept_up_to_the_policys_limit() -> None:
    assert answer(Counter(first_due=date(2026, 5, 10))).plan.payments[0].due == date(2026, 5, 10)
    early = answer(Counter(first_due=date(2026, 1, 1)))
    assert codes(early.reasons) == ["counter_nearest", "counter_too_early"]
    assert early.reasons[1].as_dict() == {"wished": "2026-01-01", "limit": FIRST_DUE.isoformat()}
    assert early.plan.payments[0].due == FIRST_DUE
    assert answer(Counter(first_due=FIRST_DUE)).granted
    late = answer(Counter(monthly=cny("1100"), first_due=date(2027, 1, 1)))
    assert codes(late.reasons) == ["counter_nearest", "counter_too_late"]
    assert late.plan.payments[0].due == date(2026, 5, 31)


def test_a_wished_term_is_met_where_it_can_be() -> None:
    assert answer(Counter(months=48)).plan.spec.months == 48
    short = answer(Counter(months=24))
    assert codes(short.reasons) == ["counter_nearest", "counter_not_affordable"]
    assert short.plan.spec.months == 36
    long = answer(Counter(months=90))
    assert codes(long.reasons) == ["counter_nearest", "above_max_term"]
    assert long.plan.spec.months == 60
    high_minimum = replace(LIMITS, min_payment=cny("1190"))
    bounded = answer(Counter(months=60), limits=high_minimum)
    assert codes(bounded.reasons) == ["counter_nearest", "counter_too_long"]
    beyond = answer(Counter(months=90), limits=high_minimum)
    assert codes(beyond.reasons) == ["counter_nearest", "counter_too_long"]  # not that 60 are allowed, too
    limit = str(bounded.plan.spec.months)
    assert beyond.reasons[1].as_dict() == {"months": "90", "limit": limit}


def test_a_wished_settlement() -> None:
    can_pay = replace(capacity("1500", "1200"), lump_sum=cny("43500"))
    found = answer(Counter(lump_sum=cny("43500")), can_pay)
    assert found.granted
    assert found.plan.spec.lump_sum
    too_low = answer(Counter(lump_sum=cny("1000")))
    assert codes(too_low.reasons)[:2] == ["counter_nearest", "settlement_too_low"]
    assert too_low.reasons[1].as_dict() == {"wished": "1000.00 CNY", "needed": "42600.00 CNY"}


def test_no_wish_helps_where_nothing_fits() -> None:
    found = nearest(Counter(monthly=cny("100")), TWO, capacity("0"), FIRST_DUE, LIMITS)
    assert isinstance(found, NoPlan)
    assert isinstance(nearest(Counter(), [], capacity("100"), FIRST_DUE, LIMITS), NoPlan)
