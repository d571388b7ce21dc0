"""Debts of several packs in one plan: each debt gets what its own pack allows, and no more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

import deploy
from services.offer.decide import OfferDecider
from shared.contracts import desk
from shared.contracts.assessment import ProjectedCapacity
from shared.contracts.debts import DebtSnapshot, Measure, Plan, PlanDebt
from shared.contracts.offer import NoPlanFound, OfferRevised, OfferTabled
from shared.contracts.plan_terms import schedules_of
from shared.lending.allocation import Component, Components
from shared.lending.money import Money, Rounding
from shared.lending.plan_model import MeasureKind
from shared.policy.loader import PolicyBook
from shared.policy.model import Pack, PolicyInForce, PolicyValue
from shared.policy.rates import ExchangeFigure, ReferenceRates
from shared.policy.reference import Reference
from shared.policy.testing import example_book
from tests.unit.builders import DAY, ROSTER, assessed, balances, case_opened, cny, debt, message
from tests.unit.spec import Given, given

SHIPPED = PolicyBook.load(Path(deploy.__file__).parent / "policies")
CARD, LOAN, DOLLAR = "cn-card", "cn-consumer-loan", "us-unsecured"
DATED = {"re_age.min_account_months": 0, "value.discount_over": ""}
# What both packs allow where a row says nothing else.
USUAL: dict[str, Any] = {
    "rate.ceilings": [],
    "rate.cuts_pct": [0],
    "measures.grace_months": [0],
    "measures.step_ups": [],
    "measures.min_days_past_due": {},
    "waiver.max_overdue_pct": {},
    "measures.lump_sum_max_waived_pct": {},
    "waiver.authority": [{"role": "negotiator", "max_waived_pct": 100, "max_rate_cut_pct": 100}],
}
STEP, SLOWER = {"pct": 10, "every_months": 6}, {"pct": 5, "every_months": 12}


def pack(name: str, values: dict[str, Any]) -> Pack:
    """A shipped pack with some of its values replaced."""
    shipped = SHIPPED.pack(name)
    said = {"clause": "-", "source": "assumption: a test", "verified": False}
    rows = {key: (PolicyValue(value=value, **said),) for key, value in (DATED | USUAL | values).items()}
    return shipped.model_copy(update={"values": shipped.values | rows})


def ref(**values: dict[str, Any]) -> Reference:
    """The shipped packs of this case, with values replaced: by ``card``, ``loan`` and ``dollar``."""
    names = {"card": CARD, "loan": LOAN, "dollar": DOLLAR}
    packs = [pack(name, values.get(short, {})) for short, name in names.items()]
    rate = ExchangeFigure.model_validate(
        {"currency": "USD", "against": "CNY", "from": DAY, "per_unit": "7", "good_until": date(2027, 1, 1),
         "source": "the lender's desk", "verified": False}
    )  # fmt: skip
    return Reference(example_book(*packs), ROSTER, {}, ReferenceRates((), (rate,)))


def owed(policy: str, currency: str = "CNY", days: int = 120, principal: str = "12000.00") -> DebtSnapshot:
    parts = (
        balances(principal, "400.00", "100.00", "200.00", currency),
        balances("600.00", "400.00", "100.00", "200.00", currency),
    )
    found = debt(policy, outstanding=parts[0], overdue=parts[1], policy=policy, days=days, payment=None)
    return found.model_copy(update={"contractual_payment": cny("900.00", currency)})


def talks(reference: Reference, *debts: DebtSnapshot, now: str) -> Given:
    start = given(OfferDecider(), reference)
    return start.when(
        message(case_opened(*debts, policy=debts[0].policy), sequence=1), message(assessed(now))
    )


def plans_of(step: Given) -> tuple[Plan, ...]:
    return tuple(plan for event in step.said if isinstance(event, OfferTabled) for plan in event.plans)


def tabled(reference: Reference, *debts: DebtSnapshot) -> list[Plan]:
    """All plans that come of these debts, from little to much that can be paid."""
    found = [plan for now in ("560.00", "900.00", "1800.00", "4000.00")
             for plan in plans_of(talks(reference, *debts, now=now))]  # fmt: skip
    assert found
    return found


# -- one row for each limit ---------------------------------------------------------------------------------

Figure = Callable[[PlanDebt], Any]


def months(part: PlanDebt) -> int:
    return part.instalments + part.grace_periods


def waived(name: str) -> Figure:
    return lambda part: getattr(part.waived, name)


def rate(part: PlanDebt) -> Decimal:
    return -part.annual_rate_pct  # the deepest cut is the lowest rate


LIMITS: list[tuple[str, Figure, Any, Any, Any, Any]] = [
    # a value, what is looked at, the wide pack, the strict one, the most that each debt gets of it
    ("term.max_months", months, 36, 10, 36, 10),
    ("rate.cuts_pct", rate, [0, 50, 100], [0, 50], 0, -9),
    ("rate.cuts_pct", rate, [0, 30], [0], Decimal("-12.60"), -18),
    ("measures.grace_months", lambda part: part.grace_periods, [0, 6], [0], 6, 0),
    ("measures.step_ups", lambda part: part.step_pct, [STEP], [], 10, 0),
    ("measures.step_ups", lambda part: part.step_pct, [STEP, SLOWER], [SLOWER], 10, 5),
    ("waiver.max_overdue_pct", waived("interest"), {"interest": 50}, {"interest": 10}, "200.00", "40.00"),
    ("waiver.max_overdue_pct", waived("fees"), {"fees": 100}, {}, "100.00", "0.00"),
    ("waiver.max_overdue_pct", waived("late_charges"), {"late_charges": 100}, {"late_charges": 25}, "200.00",
     "50.00"),
]  # fmt: skip


def most(plans: list[Plan], policy: str, figure: Figure) -> Any:
    return max(figure(part) for plan in plans for part in plan.debts if part.policy == policy)


@pytest.mark.parametrize(("key", "figure", "wide", "strict", "gets_wide", "gets_strict"), LIMITS)
@pytest.mark.parametrize("strict_card", [True, False])
def test_each_debt_has_the_limit_of_its_own_pack(
    key: str, figure: Figure, wide: Any, strict: Any, gets_wide: Any, gets_strict: Any, strict_card: bool
) -> None:
    card, loan = (strict, wide) if strict_card else (wide, strict)
    more = {"term.offered_months": [6]}
    found = tabled(ref(card=more | {key: card}, loan=more | {key: loan}), owed(CARD), owed(LOAN))
    expected = (gets_strict, gets_wide) if strict_card else (gets_wide, gets_strict)
    expected = tuple(cny(one) if isinstance(one, str) else one for one in expected)
    assert (most(found, CARD, figure), most(found, LOAN, figure)) == expected


@pytest.mark.parametrize(
    ("key", "value", "figure", "gets", "gets_not"),
    [
        ("rate.cuts_pct", [0, 100], rate, 0, -18),
        ("waiver.max_overdue_pct", {"interest": 50}, waived("interest"), "200.00", "0.00"),
        ("measures.grace_months", [0, 3], lambda part: part.grace_periods, 3, 0),
        ("measures.step_ups", [STEP], lambda part: part.step_pct, 10, 0),
    ],
)
def test_from_when_on_a_measure_may_be_used_is_as_the_debt_s_own_pack_says(
    key: str, value: Any, figure: Figure, gets: Any, gets_not: Any
) -> None:
    late = {"measures.min_days_past_due": dict.fromkeys(MeasureKind, 121)}
    found = tabled(ref(card={key: value}, loan={key: value} | late), owed(CARD), owed(LOAN))
    expected = tuple(cny(one) if isinstance(one, str) else one for one in (gets, gets_not))
    assert (most(found, CARD, figure), most(found, LOAN, figure)) == expected


def test_the_floor_of_a_rate_is_that_of_the_debt_s_own_pack() -> None:
    cut = {"rate.cuts_pct": [0, 100]}
    found = tabled(ref(card=cut, loan=cut | {"rate.floor_pct": 7}), owed(CARD), owed(LOAN))
    assert (most(found, CARD, rate), most(found, LOAN, rate)) == (0, -7)


def test_principal_is_forgiven_only_where_the_debt_s_own_pack_forgives() -> None:
    short = {"term.max_months": 12, "term.offered_months": [12], "relief.holiday_months": []}
    forgiving = short | {"relief.part_forgiveness_max_pct": 60}
    found = plans_of(talks(ref(card=forgiving, loan=short), owed(CARD), owed(LOAN), now="2000.00"))
    assert most(list(found), CARD, waived("principal")).is_positive
    assert most(list(found), LOAN, waived("principal")) == cny("0.00")


def test_what_settling_at_once_waives_is_as_the_debt_s_own_pack_says() -> None:
    settle = {"measures.lump_sum_max_waived_pct": {"interest": 50, "late_charges": 100}}
    for loan in (
        {"measures.lump_sum_allowed": False},
        {"measures.lump_sum_max_waived_pct": {"interest": 10}},
    ):
        step = talks(ref(card=settle, loan=settle | loan), owed(CARD), owed(LOAN), now="3000.00")
        offer = step.last(OfferTabled)
        wish = desk.CounterOffered(offer_id=offer.offer_id, round=offer.round, lump_sum=cny("25000.00"))
        plans = step.when(message(wish)).last(OfferRevised).plans
        parts = {
            p.policy: p.waived for plan in plans if Measure.LUMP_SUM in plan.measures for p in plan.debts
        }
        assert parts[CARD] == balances("0.00", "200.00", late="200.00")
        assert parts[LOAN] == balances(
            "0.00", "40.00" if "measures.lump_sum_max_waived_pct" in loan else "0.00"
        )


@pytest.mark.parametrize(("card", "loan", "asks"), [(24, None, True), (None, 24, False), (24, 24, True)])
def test_a_person_looks_where_the_pack_of_the_untested_debt_says_so(
    card: int | None, loan: int | None, asks: bool
) -> None:
    def ceiling(pct: int | None, looks: str) -> dict[str, Any]:
        rows = [{"contract_from": date(2000, 1, 1), "lender_type": kind, "all_in_pct": pct or 0}
                for kind in ("bank", "consumer_finance")]  # fmt: skip
        return {"rate.ceilings": rows if pct else [], "talks.untested_ceiling": looks,
                "value.no_deal_recovery_pct": 0}  # fmt: skip

    reference = ref(card=ceiling(card, "person_looks"), loan=ceiling(loan, "said"))
    found = tabled(reference, owed(CARD), owed(LOAN))
    assert {plan.ceiling_test for plan in found} == {"not_testable"}
    assert {plan.needs_approval for plan in found} == {asks}


def test_the_minimum_of_a_month_is_that_of_the_debts_still_repaid_in_it() -> None:
    card = {"term.max_months": 12, "term.min_payment": "1000.00", "term.offered_months": [12]}
    loan = {"term.max_months": 48, "term.min_payment": "100.00", "term.offered_months": [12, 24]}
    small = debt(LOAN, policy=LOAN, outstanding=balances("9000.00"), overdue=balances("900.00"))
    found = tabled(ref(card=card, loan=loan), owed(CARD), small)
    longer = [plan for plan in found if max(months(part) for part in plan.debts) > 12]
    assert longer  # the loan runs on at less than the card's pack would collect
    for plan in longer:
        assert all(row.total >= cny("1000.00") for row in plan.payments[:12])
        assert any(row.total < cny("1000.00") for row in plan.payments[12:])


def test_a_shorter_grace_of_one_debt_leaves_the_longer_one_of_the_other() -> None:
    card, loan = {"measures.grace_months": [0, 6]}, {"measures.grace_months": [0, 3]}
    figures, rest = assessed("600.00"), {"residual": cny("3000.00"), "residual_stress": cny("3000.00")}
    more = ProjectedCapacity(start=date(2026, 9, 20), available=cny("3000.00"),
                             available_stress=cny("3000.00"), **rest)  # fmt: skip
    start = given(OfferDecider(), ref(card=card, loan=loan))
    opened = message(case_opened(owed(CARD), owed(LOAN), policy=CARD), sequence=1)
    step = start.when(opened, message(figures.model_copy(update={"projection": (more,)})))
    found = [{part.policy: part.grace_periods for part in plan.debts} for plan in plans_of(step)]
    assert {CARD: 6, LOAN: 3} in found


def test_a_debt_too_short_for_the_steps_is_level_and_the_others_step() -> None:
    card = {"term.max_months": 5, "term.offered_months": [5], "measures.step_ups": [STEP]}
    found = tabled(ref(card=card, loan={"measures.step_ups": [STEP]}), owed(CARD), owed(LOAN))
    assert (most(found, CARD, lambda p: p.step_pct), most(found, LOAN, lambda p: p.step_pct)) == (0, 10)


def test_a_debt_in_another_currency_has_its_own_pack_too() -> None:
    values = {"rate.cuts_pct": [0, 50], "measures.grace_months": [0, 3]}
    reference = ref(card=values, loan=USUAL, dollar=USUAL | {"term.max_months": 20})
    found = tabled(reference, owed(CARD), owed(LOAN), owed(DOLLAR, "USD", principal="800.00"))
    both = [plan for plan in found if DOLLAR in {part.policy for part in plan.debts}]
    assert both
    assert (most(both, CARD, rate), most(both, LOAN, rate), most(both, DOLLAR, rate)) == (-9, -18, -18)
    assert most(both, DOLLAR, months) <= 20 < most(both, LOAN, months)
    assert most(both, DOLLAR, lambda part: part.grace_periods) == 0


# -- and no plan breaks any of them -------------------------------------------------------------------------


def broken(plan: Plan, debts: dict[str, DebtSnapshot], reference: Reference) -> Iterator[str]:
    """Every limit of its own pack that a part of a plan does not keep, worked out from the pack alone."""
    settled = Measure.LUMP_SUM in plan.measures
    for part in plan.debts:
        one, own = debts[part.debt_id], reference.policies.in_force(part.policy, DAY)
        late = own.measures.min_days_past_due

        def may(measure: MeasureKind, one: DebtSnapshot = one, late: Any = late) -> bool:
            return one.days_past_due >= late.get(measure, 0)

        if months(part) + plan.holiday_months > own.term.max_months:
            yield "term"
        if part.grace_periods not in own.measures.grace_months or (
            part.grace_periods and not may(MeasureKind.GRACE)
        ):
            yield "grace"
        steps = {(row.pct, row.every_months) for row in own.measures.step_ups}
        if part.step_pct and ((part.step_pct, part.step_every) not in steps or not may(MeasureKind.STEP_UP)):
            yield "step"
        cuts = own.rate.cuts_pct if may(MeasureKind.RATE_CUT) else (Decimal(0),)
        rates = {max(one.annual_rate_pct * (100 - cut) / 100, own.rate.floor_pct) for cut in (0, *cuts)}
        if not settled and part.annual_rate_pct not in rates:
            yield "rate"
        yield from _too_much(part, one, own, settled)


def _too_much(part: PlanDebt, one: DebtSnapshot, own: PolicyInForce, settled: bool) -> Iterator[str]:
    given_up, all_, overdue = (
        Components.from_balances(b) for b in (part.waived, one.outstanding, one.overdue)
    )
    kinds = {Component.INTEREST: MeasureKind.INTEREST_WAIVER, Component.FEES: MeasureKind.FEE_WAIVER,
             Component.LATE_CHARGES: MeasureKind.LATE_CHARGE_WAIVER,
             Component.PRINCIPAL: MeasureKind.PART_FORGIVENESS}  # fmt: skip
    for component, kind in kinds.items():
        cap, base = own.waiver.max_overdue_pct.get(component, 0), overdue
        if component is Component.PRINCIPAL:
            cap, base = own.relief.part_forgiveness_max_pct, all_
        if settled:
            cap, base = own.measures.lump_sum_max_waived_pct.get(component, 0), all_
            cap = cap if own.measures.lump_sum_allowed else 0
        elif one.days_past_due < own.measures.min_days_past_due.get(kind, 0):
            cap = 0
        if given_up.get(component) > base.get(component).times(Decimal(cap) / 100, Rounding.DOWN):
            yield f"waiver of {component}"


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    pct = st.sampled_from([0, 10, 50, 100])
    charges = st.sampled_from(["interest", "fees", "late_charges"])
    cuts = draw(st.lists(pct, min_size=1, max_size=3, unique=True))
    return {
        "term.max_months": draw(st.sampled_from([4, 12, 30])),
        "term.min_payment": draw(st.sampled_from(["10.00", "300.00"])),
        "rate.cuts_pct": sorted({0, *cuts}),
        "rate.floor_pct": draw(st.sampled_from([0, 3])),
        "measures.grace_months": sorted({0, *draw(st.lists(st.sampled_from([3, 6]), max_size=2))}),
        "measures.step_ups": draw(st.sampled_from([[], [STEP], [SLOWER], [STEP, SLOWER]])),
        "measures.min_days_past_due": draw(
            st.dictionaries(st.sampled_from(list(MeasureKind)), st.sampled_from([0, 60, 121]), max_size=3)
        ),
        "waiver.max_overdue_pct": draw(st.dictionaries(charges, pct, max_size=3)),
        "relief.part_forgiveness_max_pct": draw(st.sampled_from([0, 0, 20, 60])),
        "relief.holiday_months": draw(st.sampled_from([[], [3], [3, 6]])),
        "measures.lump_sum_allowed": draw(st.booleans()),
        "measures.lump_sum_max_waived_pct": draw(st.dictionaries(charges, pct, max_size=3)),
    }


@settings(max_examples=25, deadline=None)
@for_all(
    card=rules(),
    loan=rules(),
    now=st.integers(0, 9_000_00),
    days=st.tuples(st.sampled_from([0, 75, 200]), st.sampled_from([0, 75, 200])),
    once=st.integers(1, 26_000_00),
)
def test_no_part_of_a_plan_breaks_a_limit_of_its_own_pack(
    card: dict[str, Any], loan: dict[str, Any], now: int, days: tuple[int, int], once: int
) -> None:
    reference = ref(card=card, loan=loan)
    debts = {CARD: owed(CARD, days=days[0]), LOAN: owed(LOAN, days=days[1])}
    step = talks(reference, *debts.values(), now=str(Money(now, "CNY")))
    found = plans_of(step)
    assert found or any(isinstance(event, NoPlanFound) for event in step.said)  # never silence
    if found:
        offer = step.last(OfferTabled)
        lump = Money(once, "CNY")
        wish = desk.CounterOffered(offer_id=offer.offer_id, round=offer.round, lump_sum=lump)
        answer = step.when(message(wish)).said
        found += tuple(plan for event in answer if isinstance(event, OfferRevised) for plan in event.plans)
    for plan in found:
        assert not [*broken(plan, debts, reference)]
        by_day: dict[date, int] = {}
        for schedule in schedules_of(plan.debts, Rounding.HALF_UP):
            for row in schedule.rows:
                by_day[row.due] = by_day.get(row.due, 0) + row.total.minor
        assert {row.due: row.total.minor for row in plan.payments} == by_day
        assert Measure.LUMP_SUM in plan.measures or max(by_day.values()) <= now
