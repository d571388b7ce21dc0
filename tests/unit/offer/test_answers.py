"""Counter-offers, and plans that need approval."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from services.offer.decide import OfferDecider
from services.offer.model import OfferStatus
from shared.contracts import desk
from shared.contracts.debts import Measure
from shared.contracts.offer import (
    ApprovalRequested,
    InputRefused,
    NoPlanFound,
    OfferAgreed,
    OfferRevised,
    OfferTabled,
    OfferWithdrawn,
    TalksFailed,
)
from shared.contracts.reasons import ReasonCode
from shared.policy.roster import Roster
from shared.texts import LANGUAGES, text
from tests.unit.builders import DAY, assessed, balances, case_opened, cny, debt, message, reference
from tests.unit.offer.table import (
    LESS,
    accept,
    after,
    changed,
    counter,
    deny,
    grant,
    no_plan_wanted,
    plan_of,
    refused,
    requested,
    tabled,
)
from tests.unit.spec import Given, given


def test_a_counter_offer_is_answered_in_the_next_round_with_the_nearest_plan_first() -> None:
    step = tabled()
    on = step.last(OfferTabled)
    answer = step.when(message(counter(on, monthly=cny("700.00")), after(2)))
    assert answer.emits(OfferRevised)
    revised = answer.last(OfferRevised)
    assert revised.round == 2
    assert revised.answer is not None
    assert revised.answer.granted
    assert revised.answer.wished_monthly == cny("700.00")
    assert max(row.total.minor for row in revised.plans[0].payments) <= 70000
    assert [plan.rank for plan in revised.plans] == list(range(1, len(revised.plans) + 1))
    old = answer.when(message(accept(on.offer_id, on.plans[0].plan_id), after(3)))
    assert refused(old) is ReasonCode.OFFER_ALREADY_ANSWERED
    new = answer.when(message(accept(revised.offer_id, plan_of(revised, approval=False)), after(3)))
    assert new.emits(OfferAgreed)
    assert new.last(OfferAgreed).round == 2


def test_the_latest_first_day_that_is_offered_in_place_of_a_wish_is_one_of_business() -> None:
    days = set()
    for n in range(7):
        start = given(OfferDecider(), reference())
        step = start.when(message(case_opened(), after(n)), message(assessed(), after(n)))
        on = step.last(OfferTabled)
        answer = step.when(message(counter(on, first_due=after(400)), after(n))).last(OfferRevised)
        first = answer.plans[0].payments[0].due
        assert first.weekday() < 5, first
        assert answer.answer is not None
        assert ReasonCode.COUNTER_TOO_LATE in {reason.code for reason in answer.answer.reasons}
        days.add(first)
    assert len(days) > 1


def test_who_offers_all_that_is_owed_at_once_is_shown_as_having_settled() -> None:
    """Not as one whose terms were changed to a single instalment, and that may yet be missed."""
    little = debt(outstanding=balances("500.00"), overdue=balances("0.00"), payment=None, days=0)
    little = little.model_copy(update={"annual_rate_pct": Decimal(0)})
    step = given(OfferDecider(), reference()).when(message(case_opened(little)), message(assessed()))
    on = step.last(OfferTabled)
    once = [plan for plan in on.plans if plan.payments[0].total == plan.total_paid[0]]
    assert once, "one instalment of all of it is among the plans"
    answer = step.when(message(counter(on, lump_sum=once[0].total_paid[0]), after(1))).last(OfferRevised)
    codes = {reason.code for reason in answer.plans[0].reasons}
    assert Measure.LUMP_SUM in answer.plans[0].measures
    assert ReasonCode.RECORD_SETTLED in codes
    assert ReasonCode.RECORD_RENEGOTIATED not in codes
    assert answer.plans[0].redefault_pct == 0


def test_what_the_policy_does_not_allow_is_not_granted_and_it_says_what_would_have_to_change() -> None:
    step = tabled()
    on = step.last(OfferTabled)
    answer = step.when(message(counter(on, monthly=cny("20.00"), months=400), after(1))).last(OfferRevised)
    assert answer.answer is not None
    assert not answer.answer.granted
    codes = {reason.code for reason in answer.answer.reasons}
    assert {ReasonCode.COUNTER_NEAREST, ReasonCode.COUNTER_TOO_LOW, ReasonCode.ABOVE_MAX_TERM} <= codes
    late = counter(on, first_due=after(400))
    later = step.when(message(late, after(1))).last(OfferRevised)
    assert later.answer is not None
    assert ReasonCode.COUNTER_TOO_LATE in {reason.code for reason in later.answer.reasons}


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({}, ReasonCode.COUNTER_EMPTY),
        ({"monthly": cny("5.00", "USD")}, ReasonCode.CURRENCY_MISMATCH),
        ({"lump_sum": cny("-5.00")}, ReasonCode.COUNTER_TOO_LOW),
        ({"round": 2, "monthly": cny("500.00")}, ReasonCode.ROUND_MISMATCH),
    ],
)
def test_counter_offers_that_cannot_be_answered(wish: dict[str, Any], code: ReasonCode) -> None:
    step = tabled()
    on = step.last(OfferTabled)
    data = desk.CounterOffered(**{"offer_id": on.offer_id, "round": 1, **wish})
    after_it = step.when(message(data, after(1)))
    assert refused(after_it) is code
    assert after_it.state == step.state  # no round is used up


def test_rounds_are_limited_by_the_policy() -> None:
    step = tabled(offers__max_rounds=2)
    step = step.when(message(counter(step.last(OfferTabled), monthly=cny("700.00")), after(1)))
    assert step.last(OfferRevised).round == 2
    step = step.when(message(counter(step.last(OfferRevised), monthly=cny("600.00")), after(2)))
    assert step.emits(TalksFailed)
    assert step.last(TalksFailed).reason.code is ReasonCode.ROUNDS_EXHAUSTED


@pytest.mark.parametrize(
    ("steps", "codes"),
    [
        (["human_review"], ["next_human_review"]),
        (["human_review", "token_plan", "debt_advice"],
         ["next_human_review", "next_token_plan", "next_debt_advice"]),
        (["token_plan", "payment_holiday", "support_group"],
         ["next_token_plan", "next_payment_holiday", "next_support_group"]),
    ],
)  # fmt: skip
def test_what_follows_when_rounds_are_used_up_is_as_the_pack_orders_it(
    steps: list[str], codes: list[str]
) -> None:
    step = tabled(offers__max_rounds=1, talks__after_rounds=steps, relief__holiday_months=[3, 6])
    failed = step.when(message(counter(step.last(OfferTabled), monthly=cny("700.00")), after(1)))
    said = failed.last(TalksFailed)
    assert [one.code.value for one in (said.next_step, *said.then)] == codes
    for one in (said.next_step, *said.then):
        for lang in LANGUAGES:
            assert all(value in text(one.code, one.params, lang) for value in one.params.values())


def test_figures_that_no_offer_has_used_begin_new_talks_when_talks_fail() -> None:
    step = tabled()
    on = step.last(OfferTabled)
    richer = message(assessed("1700.00", version=2, as_of=after(3)), after(3))
    no = message(no_plan_wanted(on.offer_id), after(3))
    one, other = step.when(richer, no), step.when(no, richer)
    assert one.emits(TalksFailed, OfferTabled)
    assert other.emits(TalksFailed, OfferTabled)
    assert one.state.offer == other.state.offer
    assert one.last(OfferTabled).round == 1


def test_a_wish_or_a_no_holds_for_the_offer_that_replaced_its_own() -> None:
    step = tabled()
    on = step.last(OfferTabled)
    moved = message(changed(LESS), after(2), sequence=2)
    wish = message(counter(on, monthly=cny("700.00")), after(2))
    no = message(no_plan_wanted(on.offer_id), after(2))
    assert step.when(moved, wish).state.offer == step.when(wish, moved).state.offer
    assert step.when(moved, no).state.status is step.when(no, moved).state.status is OfferStatus.FAILED
    asked, request = requested()
    refusal = message(deny(request), after(1))
    change = message(changed(LESS), after(1), sequence=2)
    assert asked.when(change, refusal).state.offer == asked.when(refusal, change).state.offer


def test_a_plan_beyond_the_negotiators_limit_is_agreed_when_a_role_that_may_grants_it() -> None:
    asked, request = requested()
    assert request.role == "supervisor"
    assert request.due == date(2026, 3, 6)
    assert asked.decider.due(asked.state) == request.due
    assert ReasonCode.APPROVAL_NEEDED in {reason.code for reason in request.reasons}
    low = asked.when(message(grant(request, role="negotiator"), after(2)))
    assert refused(low) is ReasonCode.APPROVAL_NEEDED
    done = low.when(message(grant(request), after(2)))
    assert done.emits(OfferAgreed)
    assert done.last(OfferAgreed).plan.plan_id == request.plan_id
    assert refused(done.when(message(grant(request), after(2)))) is ReasonCode.OFFER_ALREADY_ANSWERED


def test_nobody_on_the_roster_grants_by_a_role_that_is_not_theirs() -> None:
    """Whoever said "supervisor" was one: a negotiator granted their own plan, and who had left went on."""
    people = [
        {"id": "n-1", "tier": 1},
        {"id": "s-1", "supervisor": True, "left": after(3).isoformat()},
        {"id": "s-2", "supervisor": True, "absences": [{"since": after(2), "until": after(2)}]},
    ]
    plain = {"skills": ["card"], "languages": ["zh"], "capacity": 9}
    roster = Roster.model_validate({"negotiators": [{**plain, **one} for one in people]})
    asked, request = requested()
    there = replace(asked, reference=replace(asked.reference, roster=roster))

    def by(who: str, on: date) -> Given:
        granted = grant(request).model_copy(update={"by": who})
        return there.when(message(granted, on))

    for who, on in (("n-1", after(2)), ("s-1", after(3))):
        assert refused(by(who, on)) is ReasonCode.NOT_ALLOWED_TO
    for who, on in (("s-1", after(2)), ("s-2", after(2)), ("of-a-committee", after(3))):
        assert by(who, on).emits(OfferAgreed)


@pytest.mark.parametrize("overdue", [False, True])
def test_without_approval_the_same_round_goes_on_with_what_needs_none(overdue: bool) -> None:
    asked, request = requested()
    step = asked.closes(request.due) if overdue else asked.when(message(deny(request), after(2)))
    assert step.emits(OfferWithdrawn, OfferTabled)
    code = ReasonCode.APPROVAL_OVERDUE if overdue else ReasonCode.APPROVAL_DENIED
    assert step.last(OfferWithdrawn).reason.code is code
    again = step.last(OfferTabled)
    assert again.round == 1
    assert not any(plan.needs_approval for plan in again.plans)
    assert refused(step.when(message(grant(request), after(5)))) is code
    lower = step.when(message(counter(again, monthly=cny("450.00")), after(6)))
    assert not any(plan.needs_approval for plan in lower.last(OfferRevised).plans)


def test_what_has_become_too_dear_after_a_refusal_is_not_put_down_to_the_lender() -> None:
    asked, request = requested()
    step = asked.when(message(deny(request), after(2)))
    dear = debt(outstanding=balances("900000.00", "420.00", "60.00", "150.00"))
    gone = step.when(message(changed(dear), after(3), sequence=2)).closes(after(3))
    assert gone.emits(OfferWithdrawn, NoPlanFound)
    assert gone.last(NoPlanFound).reason.code is ReasonCode.NOT_AFFORDABLE
    back = gone.when(message(changed(LESS), after(4), sequence=3))
    again = back.last(OfferTabled)
    assert again.round == 1
    assert not any(plan.needs_approval for plan in again.plans)  # what was refused stays so


def test_when_nothing_is_left_without_approval_the_talks_have_failed() -> None:
    ref = reference(value__no_deal_recovery_pct=400)  # no plan beats this: each needs approval
    step = given(OfferDecider(), ref).when(message(case_opened()), message(assessed()))
    on = step.last(OfferTabled)
    asked = step.when(message(accept(on.offer_id, on.plans[0].plan_id), after(1)))
    failed = asked.when(message(deny(asked.last(ApprovalRequested)), after(1)))
    assert failed.emits(OfferWithdrawn, TalksFailed)
    assert failed.last(TalksFailed).reason.code is ReasonCode.APPROVAL_DENIED


@pytest.mark.parametrize("now", ["400.00", "1500.00"])
def test_of_what_is_left_after_a_refusal_it_is_said_which_is_the_cheapest(now: str) -> None:
    step = tabled(now=now, value__no_deal_recovery_pct=95)  # most plans are below the floor
    on = step.last(OfferTabled)
    asked = step.when(message(accept(on.offer_id, plan_of(on, approval=True)), after(1)))
    left = asked.when(message(deny(asked.last(ApprovalRequested)), after(1))).last(OfferTabled).plans
    titles = ("lowest_total", "fastest", "lowest_instalment", "best_balance")
    said = [reason.code for plan in left for reason in plan.reasons if reason.code in titles]
    assert sorted(said) == sorted(titles)


def test_an_approval_that_nobody_asked_for_waits_and_is_refused() -> None:
    nobody = ApprovalRequested(
        request_id="r", offer_id="o", plan_id="p", role="supervisor", due=DAY, reasons=()
    )
    step = tabled().when(message(grant(nobody)), message(deny(nobody)))
    assert step.emits()
    assert [e.reason.code for e in step.closes(DAY).said if isinstance(e, InputRefused)] == [
        ReasonCode.APPROVAL_UNKNOWN,
        ReasonCode.APPROVAL_UNKNOWN,
    ]
