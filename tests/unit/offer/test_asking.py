"""What a borrower may ask for, what an offer says of itself, and what stops new offers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from services.offer.decide import OfferDecider
from services.offer.model import LaterCapacity, OfferStatus
from services.offer.rules import capacity_of, is_affordable
from services.offer.shown import in_order, strategy_of, with_nearest
from shared.contracts import assessment, desk, desk_talks, intake
from shared.contracts.debts import DebtFlow, DebtSnapshot, DebtStatus, Plan
from shared.contracts.ids import case_id
from shared.contracts.offer import (
    ApprovalRequested,
    DecisionExplained,
    HumanReviewOpened,
    InputRefused,
    NoPlanFound,
    OfferRevised,
    OfferTabled,
    TalksFailed,
)
from shared.contracts.plan_terms import total_of
from shared.contracts.reasons import ReasonCode
from shared.lending import plans as lending
from shared.policy.rates import RateFigure, ReferenceRates
from shared.policy.sections_agreement import StrategyRow
from shared.policy.testing import example_policy
from tests.unit.builders import DAY, assessed, case_opened, cny, debt, message, reference
from tests.unit.offer.table import no_plan_wanted
from tests.unit.spec import Given, given


def after(days: int) -> date:
    return DAY + timedelta(days=days)


def tabled(
    *debts: DebtSnapshot, now: str = "1500.00", rates: ReferenceRates | None = None, **pack: Any
) -> Given:
    ref = reference(**pack)
    start = given(OfferDecider(), ref if rates is None else replace(ref, rates=rates))
    return start.when(message(case_opened(*debts), sequence=1), message(assessed(now)))


def funding(until: date, pct: str = "2") -> ReferenceRates:
    figure = {"name": "funding", "currency": "CNY", "from": date(2020, 1, 1), "pct": pct}
    return ReferenceRates(
        [RateFigure.model_validate({**figure, "good_until": until, "source": "-", "verified": False})]
    )


# -- what an offer says of itself -------------------------------------------------------------------------


def test_every_plan_carries_its_figures_and_reasons() -> None:
    offer = tabled().last(OfferTabled)
    for plan in offer.plans:
        assert plan.redefault_model == "example-1"
        assert plan.redefault_pct is not None
        assert plan.modification_pct is not None
        assert plan.substantial_modification == (abs(plan.modification_pct) >= 10)
        assert plan.stress_margin_pct is not None
        assert plan.ceiling_test == "not_testable"
        waived = sum(total_of(part.waived).minor for part in plan.debts)
        assert plan.concession[0].minor >= waived
        owed = sum(total_of(part.balance).minor for part in plan.debts)
        assert plan.total_paid[0].minor == owed - waived + plan.interest[0].minor
        codes = {reason.code for reason in plan.reasons}
        assert {ReasonCode.RECORD_RENEGOTIATED, ReasonCode.CEILING_NOT_TESTABLE} <= codes


def test_with_its_flows_on_the_snapshot_a_debt_is_tested_since_the_advance() -> None:
    flows = (DebtFlow(on=date(2022, 5, 4), amount=cny("-12000.00")),)
    known = debt().model_copy(update={"history": flows})
    step = tabled(known, talks__untested_ceiling="person_looks")
    assert {plan.ceiling_test for plan in step.last(OfferTabled).plans} == {"tested"}
    looks = tabled(talks__untested_ceiling="person_looks").last(OfferTabled)
    assert all(plan.needs_approval for plan in looks.plans)


@pytest.mark.parametrize(
    ("interest", "code", "grows"),
    [
        ("runs", ReasonCode.INTEREST_RUNS, True),
        ("frozen", ReasonCode.INTEREST_FROZEN, False),
        ("waived", ReasonCode.INTEREST_WAIVED, False),
    ],
)
def test_an_offer_shows_its_balance_on_each_day_and_what_holds_meanwhile(
    interest: str, code: ReasonCode, grows: bool
) -> None:
    offer = tabled(talks__interest=interest).last(OfferTabled)
    assert [row.day for row in offer.balance_by_day] == [after(n) for n in range(16)]
    assert offer.balance_by_day[0].balance == cny("12630.00")
    # 12000 at 18 % for 15 days of 365 is 88.77.
    assert offer.balance_by_day[-1].balance == cny("12718.77" if grows else "12630.00")
    assert offer.terms[0].code is code
    assert offer.terms[-1].code is ReasonCode.PAYMENT_COUNTS_AS_FIRST
    smallest = min(plan.payments[0].total for plan in offer.plans)
    assert offer.terms[-1].params == {"amount": f"{smallest} CNY"}
    never = tabled(talks__interest=interest, talks__payment_is_first_instalment="never").last(OfferTabled)
    assert never.terms[-1].code is ReasonCode.PAYMENT_IN_TALKS


def test_the_answer_to_a_counter_offer_repeats_the_whole_wish() -> None:
    step = tabled()
    on = step.last(OfferTabled)
    wish = desk.CounterOffered(
        offer_id=on.offer_id, round=1, monthly=cny("700.00"), first_due=after(40), months=24
    )
    answer = step.when(message(wish, after(1))).last(OfferRevised).answer
    assert answer is not None
    assert (answer.wished_monthly, answer.wished_first_due, answer.wished_months, answer.wished_lump_sum) == (
        cny("700.00"), after(40), 24, None,
    )  # fmt: skip


def test_the_nearest_plan_never_pushes_out_the_cheapest_or_the_fastest() -> None:
    step = tabled(offers__max_ranked=3)
    on = step.last(OfferTabled)
    wish = desk.CounterOffered(offer_id=on.offer_id, round=1, monthly=cny("500.00"))
    plans = step.when(message(wish, after(1))).last(OfferRevised).plans
    assert len(plans) == 3
    assert min(p.total_paid[0] for p in plans) == min(p.total_paid[0] for p in on.plans)
    assert min(len(p.payments) for p in plans) == min(len(p.payments) for p in on.plans)
    assert len({plan.payments for plan in plans}) == 3
    assert [plan.rank for plan in plans] == [1, 2, 3]


# -- a person, and an explanation -------------------------------------------------------------------------


def test_a_person_is_given_to_whoever_asks_and_the_offer_stays() -> None:
    step = tabled()
    asked = step.when(message(desk_talks.HumanRequested(), after(1)))
    assert asked.emits(HumanReviewOpened)
    opened = asked.last(HumanReviewOpened)
    assert (opened.role, opened.due) == ("supervisor", date(2026, 3, 5))
    assert opened.reason.params == {"role": "supervisor", "due": "2026-03-05"}
    assert (asked.state.offer, asked.state.status) == (step.state.offer, OfferStatus.TABLED)
    assert asked.when(message(desk_talks.HumanRequested(), after(2))).emits()
    assert asked.when(message(desk_talks.HumanRequested(), after(9))).emits(HumanReviewOpened)
    nothing = given(OfferDecider(), reference()).when(message(desk_talks.HumanRequested()))
    assert nothing.emits()
    assert nothing.closes(DAY).last(InputRefused).reason.code is ReasonCode.NO_CASE


def explain(about: str | None = None) -> desk_talks.ExplanationRequested:
    return desk_talks.ExplanationRequested(about=about)


def test_an_offer_is_explained_with_its_figures_and_a_person_can_be_asked_for() -> None:
    step = tabled()
    on = step.last(OfferTabled)
    for about in (None, on.offer_id):
        said = step.when(message(explain(about), after(1))).last(DecisionExplained)
        assert (said.about, said.automatic, said.policy_version) == (about, True, on.policy_version)
        assert said.next_step.code is ReasonCode.NEXT_HUMAN_REVIEW
        codes = [reason.code for reason in said.reasons]
        assert codes[0] is ReasonCode.PLANS_COMPARED
        assert int(said.reasons[0].params["count"]) > 100
        assert codes.count(ReasonCode.PLAN_FIGURES) == len(on.plans)
        figures = next(r for r in said.reasons if r.code is ReasonCode.PLAN_FIGURES).params
        assert figures["rank"] == "1"
        assert figures["model"] == "example-1"
        assert figures["total"] == f"{on.plans[0].total_paid[0]} CNY"


def test_what_is_over_and_what_is_unknown_are_explained_too() -> None:
    step = tabled()
    on = step.last(OfferTabled)
    failed = step.when(message(no_plan_wanted(on.offer_id), after(1)))
    over = failed.when(message(explain(on.offer_id), after(1))).last(DecisionExplained)
    assert [reason.code for reason in over.reasons] == [ReasonCode.OFFER_REJECTED]
    unknown = step.when(message(explain("another"), after(1)))
    assert unknown.emits()
    assert unknown.closes(after(1)).last(InputRefused).reason.code is ReasonCode.DECISION_UNKNOWN
    none = tabled(now="90.00").when(message(explain(), after(1))).last(DecisionExplained)
    assert [reason.code for reason in none.reasons] == [ReasonCode.NOT_AFFORDABLE]
    early = given(OfferDecider(), reference()).when(message(case_opened()), message(explain()))
    assert [r.code for r in early.last(DecisionExplained).reasons] == [ReasonCode.NO_ASSESSMENT]


def test_debts_that_are_all_stopped_are_not_called_cured() -> None:
    stopped = debt().model_copy(update={"status": DebtStatus.DISPUTED})
    asked = given(OfferDecider(), reference()).when(message(case_opened(stopped)), message(assessed()))
    assert asked.emits()  # nothing is offered on what is disputed
    said = asked.when(message(explain(), after(1))).last(DecisionExplained)
    assert [reason.code for reason in said.reasons] == [ReasonCode.DEBT_STOPPED]
    assert said.next_step.code is ReasonCode.NEXT_HUMAN_REVIEW


def test_a_persons_decision_under_way_is_not_called_automatic() -> None:
    step = tabled()
    on = step.last(OfferTabled)
    plan = next(plan for plan in on.plans if plan.needs_approval)
    wish = desk.OfferAccepted(offer_id=on.offer_id, plan_id=plan.plan_id, channel="app")
    asked = step.when(message(wish, after(1)))
    request = asked.last(ApprovalRequested)
    said = asked.when(message(explain(request.request_id), after(1))).last(DecisionExplained)
    assert not said.automatic


# -- approval because a cost cannot be tested -------------------------------------------------------------


def deny(request: ApprovalRequested) -> desk.ApprovalRefused:
    return desk.ApprovalRefused(request_id=request.request_id, by="s-1", role="supervisor", reason="too much")


def accept(step: Given, day: date) -> Given:
    on = [event for event in step.said if isinstance(event, OfferTabled)][-1]
    wish = desk.OfferAccepted(offer_id=on.offer_id, plan_id=on.plans[0].plan_id, channel="app")
    return step.when(message(wish, day))


def test_a_plan_that_only_needs_a_look_stays_on_the_table_until_that_is_refused_too() -> None:
    step = accept(tabled(talks__untested_ceiling="person_looks"), after(1))
    request = step.last(ApprovalRequested)
    assert ReasonCode.CEILING_NOT_TESTABLE in {reason.code for reason in request.reasons}
    again = step.when(message(deny(request), after(2)))
    plans = again.last(OfferTabled).plans
    assert all(plan.needs_approval for plan in plans)
    assert not any(r.code is ReasonCode.APPROVAL_NEEDED for plan in plans for r in plan.reasons)
    asked = accept(again, after(3))
    # Who looks is the same role as before: never the negotiator whose offer it is.
    assert asked.last(ApprovalRequested).role == request.role == "supervisor"
    failed = asked.when(message(deny(asked.last(ApprovalRequested)), after(4)))
    assert failed.last(TalksFailed).reason.code is ReasonCode.APPROVAL_DENIED


def test_who_wishes_for_what_the_lender_has_refused_is_answered_by_the_nearest_of_what_is_left() -> None:
    step = tabled(now="1500.00", value__no_deal_recovery_pct=97)  # long plans are below the lender's floor
    on = step.last(OfferTabled)
    favour = next(plan for plan in on.plans if plan.needs_approval)
    said = desk.OfferAccepted(offer_id=on.offer_id, plan_id=favour.plan_id, channel="app")
    asked = step.when(message(said, after(1)))
    left = asked.when(message(deny(asked.last(ApprovalRequested)), after(2)))
    again = left.last(OfferTabled)

    def revised(**wish: Any) -> OfferRevised:
        counter = desk.CounterOffered(offer_id=again.offer_id, round=1, **wish)
        return left.when(message(counter, after(3))).last(OfferRevised)

    def peak(plan: Plan) -> int:
        return max(row.total.minor for row in plan.payments)

    granted = revised(monthly=cny("400.00"))
    assert granted.answer is not None
    assert granted.answer.granted
    low = revised(monthly=cny("300.00"))
    assert low.answer is not None
    assert not low.answer.granted
    codes = [reason.code for reason in low.answer.reasons]
    assert codes == [ReasonCode.COUNTER_NEAREST, ReasonCode.APPROVAL_DENIED]
    first = low.plans[0]
    assert not any(plan.needs_approval for plan in low.plans)
    assert peak(first) < min(peak(plan) for plan in low.plans[1:])
    assert 30_000 < peak(first) <= peak(granted.plans[0])
    largest = max(row.total for row in first.payments)
    shown = {"monthly": f"{largest} CNY", "months": str(len(first.payments))}
    assert low.answer.reasons[0].params == shown


# -- reference rates --------------------------------------------------------------------------------------


def test_what_money_costs_is_part_of_what_a_plan_is_worth() -> None:
    worth = [
        {
            tuple(p.payments): p.npv[0].minor
            for p in tabled(rates=funding(DAY, pct), **_over).last(OfferTabled).plans
        }
        for pct in ("0", "9")
    ]
    common = worth[0].keys() & worth[1].keys()
    assert common
    assert all(worth[1][plan] < worth[0][plan] for plan in common)


_over = {"value__discount_over": "funding"}


def test_who_asks_after_talks_have_failed_hears_why_they_did() -> None:
    step = tabled(offers__max_rounds=1)
    offer = step.last(OfferTabled)
    wish = desk.CounterOffered(offer_id=offer.offer_id, round=1, monthly=cny("700.00"))
    over = step.when(message(wish, after(1)))
    assert over.last(TalksFailed).reason.code is ReasonCode.ROUNDS_EXHAUSTED
    asked = over.when(message(desk_talks.ExplanationRequested(), after(2)))
    first, *others = asked.last(DecisionExplained).reasons
    assert first.code is ReasonCode.ROUNDS_EXHAUSTED
    assert [reason.code for reason in others] == [ReasonCode.PLANS_COMPARED]


# -- experiments ------------------------------------------------------------------------------------------

ARMS = (
    StrategyRow(name="champion", share_pct=Decimal(80), first="best_balance"),
    StrategyRow(name="challenger", share_pct=Decimal(20), first="lowest_total"),
)


def test_a_case_is_always_in_the_same_arm_and_the_shares_hold() -> None:
    cases = [case_id(f"C-{number}", 1) for number in range(4000)]
    arms = [strategy_of(case, ARMS).name for case in cases]
    assert arms == [strategy_of(case, ARMS).name for case in cases]
    assert 0.17 < arms.count("challenger") / len(arms) < 0.23


@pytest.mark.parametrize("first", ["best_balance", "lowest_total", "lowest_instalment"])
def test_the_arm_is_recorded_and_decides_which_plan_comes_first(first: str) -> None:
    step = tabled(talks__strategies=[{"name": "trial", "share_pct": 100, "first": first}])
    offer = step.last(OfferTabled)
    assert (offer.strategy, step.state.strategy) == ("trial", "trial")
    leads = offer.plans[0]
    if first == "lowest_total":
        assert leads.total_paid[0] == min(plan.total_paid[0] for plan in offer.plans)
    if first == "lowest_instalment":
        peaks = [max(row.total for row in plan.payments) for plan in offer.plans]
        assert peaks[0] == min(peaks)
    assert [plan.rank for plan in offer.plans] == list(range(1, len(offer.plans) + 1))
    usual = tabled().last(OfferTabled)
    assert {plan.payments for plan in offer.plans} == {plan.payments for plan in usual.plans}


def test_other_shares_are_for_other_cases_and_an_arm_that_is_gone_leaves_its_cases_to_the_others() -> None:
    rows = [{"name": "old", "share_pct": 100, "first": "lowest_total"}]
    step = tabled(talks__strategies=rows)
    rows = [{**rows[0], "share_pct": 0}, {"name": "new", "share_pct": 100, "first": "best_balance"}]

    def next_round(arms: list[dict[str, Any]]) -> OfferRevised:
        on = step.last(OfferTabled)
        wish = desk.CounterOffered(offer_id=on.offer_id, round=1, monthly=cny("700.00"))
        later = replace(step, reference=reference(talks__strategies=arms))
        return later.when(message(wish, after(1))).last(OfferRevised)

    assert step.last(OfferTabled).strategy == next_round(rows).strategy == "old"
    assert next_round(rows[1:]).strategy == "new"


def test_the_nearest_plan_is_not_shown_twice() -> None:
    limits = example_policy().plan_limits
    terms = lending.DebtTerms(
        "d", *(lending_parts() for _ in range(2)), annual_rate_pct=Decimal(12), days_past_due=40
    )
    plans = lending.find_plans([terms], capacity_of(_now("1500.00")), date(2026, 4, 1), limits)
    assert isinstance(plans, tuple)
    same = replace(plans[-1], plan_id="another name")
    shown = with_nearest(same, plans, 5)
    assert shown[0] is plans[-1]
    assert len(shown) == len(plans)
    assert in_order(plans, "best_balance") == list(plans)


def lending_parts() -> Any:
    from shared.lending.allocation import Components

    return Components.of("CNY", principal=cny("12000.00"), interest=cny("300.00"))


# -- capacity that changes --------------------------------------------------------------------------------


def _now(amount: str) -> Any:
    step = given(OfferDecider(), reference()).when(message(case_opened()), message(assessed(amount)))
    return step.state.assessed


def test_a_plan_must_stay_affordable_when_capacity_is_known_to_fall() -> None:
    offer = tabled().last(OfferTabled)
    today = _now("1500.00")
    falls = LaterCapacity(start=after(90), now=cny("100.00"), stress=cny("100.00"))
    later = today.model_copy(update={"later": (falls,)})
    long = max(offer.plans, key=lambda plan: len(plan.payments))
    assert is_affordable(long, long.payments, today)
    assert not is_affordable(long, long.payments, later)
    assert capacity_of(later).at(after(91)) == (cny("100.00"), cny("100.00"))


def test_a_temporary_difficulty_is_known_to_the_search() -> None:
    lasting = assessed("0.00").model_copy(update={"hardship": assessment.HardshipKind.LASTING})
    start = given(OfferDecider(), reference(relief__holiday_months=[3]))
    steps = {
        kind: start.when(message(case_opened()), message(figures)).last(NoPlanFound).next_step.code
        for kind, figures in (("temporary", assessed("0.00")), ("lasting", lasting))
    }
    assert steps == {
        "temporary": ReasonCode.NEXT_PAYMENT_HOLIDAY,
        "lasting": ReasonCode.NEXT_DEBT_ADVICE,
    }


# -- a payment during talks -------------------------------------------------------------------------------


def test_a_payment_during_talks_is_never_acceptance() -> None:
    step = tabled()
    left = debt(outstanding=step.state.debts[0].outstanding.model_copy(update={"principal": cny("11000.00")}))
    matched = intake.PaymentMatched(
        payment_id="p-1",
        amount=cny("1000.00"),
        value_date=after(1),
        allocations=(),
        unallocated=cny("0.00"),
        debts=(left,),
    )
    paid = step.when(message(matched, after(1), sequence=2))
    assert paid.state.status is OfferStatus.TABLED
    again = paid.last(OfferTabled)
    assert again.round == 1
    assert again.balance_by_day[0].balance == cny("11630.00")
