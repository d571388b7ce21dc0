"""Talks as tables: given a case, when facts and answers come, then what is on the table."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from services.offer.decide import OfferDecider
from services.offer.model import OfferStatus
from shared.contracts import agreement, assessment, desk, followup, intake
from shared.contracts.base import Event, Reason
from shared.contracts.debts import Allocation, DebtSnapshot, DebtStatus, Measure
from shared.contracts.offer import (
    ApprovalRequested,
    HumanReviewOpened,
    InputRefused,
    NoPlanFound,
    OfferAgreed,
    OfferLapsed,
    OfferRevised,
    OfferTabled,
    OfferWithdrawn,
    TalksFailed,
)
from shared.contracts.plan_terms import total_of
from shared.contracts.reasons import ReasonCode
from shared.policy.roster import Roster
from shared.texts import LANGUAGES, text
from tests.unit.builders import CASE, DAY, assessed, balances, case_opened, cny, debt, message, reference
from tests.unit.spec import Given, given


def after(days: int) -> date:
    return DAY + timedelta(days=days)


def tabled(*debts: DebtSnapshot, now: str = "1500.00", **overrides: Any) -> Given:
    """A case whose offer of round 1 is on the table since DAY."""
    start = given(OfferDecider(), reference(**overrides))
    return start.when(message(case_opened(*debts), sequence=1), message(assessed(now)))


def accept(offer_id: str, plan_id: str) -> desk.OfferAccepted:
    return desk.OfferAccepted(offer_id=offer_id, plan_id=plan_id, channel="app")


def no_plan_wanted(offer_id: str) -> desk.OfferRejected:
    return desk.OfferRejected(offer_id=offer_id, reason=desk.RefusalReason.NO_PLAN_WANTED)


def changed(*debts: DebtSnapshot) -> intake.CaseChanged:
    return intake.CaseChanged(as_of=DAY, debts=debts)


def paid(left: DebtSnapshot) -> intake.PaymentMatched:
    part = Allocation(debt_id=left.debt_id, amounts=balances("100.00"))
    return intake.PaymentMatched(payment_id="p-1", amount=cny("100.00"), value_date=DAY, allocations=(part,),
                                 unallocated=cny("0.00"), debts=(left,))  # fmt: skip


LESS = debt(outstanding=balances("11900.00", "420.00", "60.00", "150.00"))


def plan_of(offer: OfferTabled | OfferRevised, *, approval: bool) -> str:
    return next(plan.plan_id for plan in offer.plans if plan.needs_approval is approval)


def refused(step: Given) -> ReasonCode:
    return step.last(InputRefused).reason.code


# -- tabling ----------------------------------------------------------------------------------------------


def test_an_assessment_puts_three_plans_or_more_on_the_table() -> None:
    step = tabled(debt(), debt("A-2", outstanding=balances("5000.00"), overdue=balances("700.00")))
    assert step.emits(OfferTabled)
    offer = step.last(OfferTabled)
    assert offer.round == 1
    assert len(offer.plans) >= 3
    assert [plan.rank for plan in offer.plans] == list(range(1, len(offer.plans) + 1))
    assert all(plan.reasons for plan in offer.plans)
    assert {d.debt_id for plan in offer.plans for d in plan.debts} == {"A-1", "A-2"}
    assert [b.debt_id for b in offer.balances] == ["A-1", "A-2"]
    assert offer.valid_until == after(15)
    assert step.decider.due(step.state) == after(15)
    assert len({plan.payments for plan in offer.plans}) == len(offer.plans)


def test_no_offer_without_a_case_or_an_assessment() -> None:
    start = given(OfferDecider(), reference())
    early = start.when(message(assessed()))
    assert early.emits()
    assert early.when(message(case_opened())).emits(OfferTabled)  # it waited for the case
    assert refused(early.closes(DAY)) is ReasonCode.NO_CASE
    assert start.when(message(case_opened())).emits()
    late = start.when(message(case_opened()), message(assessed(expires=after(3)), after(4)))
    assert refused(late) is ReasonCode.ASSESSMENT_EXPIRED


def test_an_offer_never_outlives_its_assessment() -> None:
    step = given(OfferDecider(), reference()).when(
        message(case_opened()), message(assessed(expires=after(4)))
    )
    assert step.last(OfferTabled).valid_until == after(4)


def test_where_nothing_is_affordable_it_says_why_what_next_and_when_it_is_looked_at_again() -> None:
    step = tabled(now="90.00")
    assert step.emits(NoPlanFound)
    none = step.last(NoPlanFound)
    assert none.reason.code is ReasonCode.NOT_AFFORDABLE
    assert none.next_step.code is ReasonCode.NEXT_REDUCED_PAYMENTS
    assert none.next_step.params == {"amount": "90.00", "currency": "CNY", "months": "6"}
    assert [(row.number, row.total) for row in none.payments] == [(n, cny("90.00")) for n in range(1, 7)]
    assert none.review_on == step.decider.due(step.state) == date(2026, 6, 2)
    again = step.closes(date(2026, 6, 2))
    assert again.last(NoPlanFound).reason.code is ReasonCode.ASSESSMENT_EXPIRED
    assert again.last(NoPlanFound).next_step.code is ReasonCode.NEXT_NEW_STATEMENT
    assert again.decider.due(again.state) == date(2026, 9, 2)
    renewed = again.when(message(assessed("90.00", version=2, expires=after(300)), date(2026, 6, 9)))
    assert renewed.last(NoPlanFound).reason.code is ReasonCode.NOT_AFFORDABLE
    assert renewed.closes(date(2026, 9, 9)).last(NoPlanFound).reason.code is ReasonCode.NOT_AFFORDABLE
    nothing = tabled(now="0.00")
    assert nothing.last(NoPlanFound).next_step.code is ReasonCode.NEXT_SUPPORT_GROUP  # it is temporary
    lasting = assessed("0.00").model_copy(update={"hardship": assessment.HardshipKind.LASTING})
    hopeless = given(OfferDecider(), reference()).when(message(case_opened()), message(lasting))
    assert hopeless.last(NoPlanFound).next_step.code is ReasonCode.NEXT_DEBT_ADVICE
    paused = tabled(now="0.00", relief__holiday_months=[3, 6]).last(NoPlanFound)
    assert paused.next_step.code is ReasonCode.NEXT_PAYMENT_HOLIDAY
    assert paused.next_step.params == {"months": "6"}


def test_a_debt_that_shrinks_can_make_a_plan_possible() -> None:
    step = tabled(now="200.00")
    assert step.emits(NoPlanFound)
    assert step.when(message(changed(LESS), after(1))).emits()  # no news is not said again
    small = debt(outstanding=balances("6000.00"), overdue=balances("900.00"))
    assert step.when(message(changed(small), after(2))).emits(OfferTabled)


def test_debts_of_another_currency_are_left_to_a_person() -> None:
    dollars = debt(outstanding=balances("100.00", currency="USD"), overdue=balances(currency="USD"))
    dollars = dollars.model_copy(update={"debt_id": "A-2", "contractual_payment": None})
    step = tabled(debt(), dollars)
    assert step.emits(OfferTabled, HumanReviewOpened)
    assert step.last(HumanReviewOpened).reason.code is ReasonCode.NO_RULES_IN_CURRENCY
    assert {d.debt_id for plan in step.last(OfferTabled).plans for d in plan.debts} == {"A-1"}
    alone = tabled(dollars)
    assert alone.last(NoPlanFound).reason.code is ReasonCode.NO_RULES_IN_CURRENCY
    assert alone.last(NoPlanFound).next_step.code is ReasonCode.NEXT_HUMAN_REVIEW


def test_another_policy_gives_other_offers() -> None:
    offer = tabled(offers__max_ranked=2, offers__validity_days=7, term__offered_months=[12]).last(OfferTabled)
    assert len(offer.plans) == 2
    assert offer.valid_until == after(7)
    assert offer.policy_version != tabled().last(OfferTabled).policy_version


def test_an_unknown_pack_is_refused() -> None:
    step = given(OfferDecider(), reference()).when(message(case_opened(policy="no-such-pack")))
    assert refused(step) is ReasonCode.UNKNOWN_PRODUCT
    assert step.state is None
    other = tabled(debt(), debt("A-2", policy="no-such-pack"))
    assert other.last(NoPlanFound).reason.code is ReasonCode.UNKNOWN_PRODUCT


# -- acceptance -------------------------------------------------------------------------------------------


def test_the_accepted_plan_is_agreed_with_all_its_payments() -> None:
    step = tabled()
    offer = step.last(OfferTabled)
    for plan in (plan for plan in offer.plans if not plan.needs_approval):
        done = step.when(message(accept(offer.offer_id, plan.plan_id), after(3)))
        assert done.emits(OfferAgreed)
        agreed = done.last(OfferAgreed)
        assert agreed.plan == plan  # payments are computed again from the terms: the very same
        assert (agreed.agreed_on, agreed.intake_sequence) == (after(3), 1)
        assert agreed.balances == offer.balances
        assert done.state.status is OfferStatus.AGREED
        twice = done.when(message(accept(offer.offer_id, plan.plan_id), after(3)))
        assert refused(twice) is ReasonCode.OFFER_ALREADY_ANSWERED


@pytest.mark.parametrize(
    ("day", "offer", "plan", "code"),
    [
        (16, None, None, ReasonCode.OFFER_EXPIRED),
        (1, None, "another", ReasonCode.PLAN_UNKNOWN),
    ],
)
def test_what_cannot_be_accepted(day: int, offer: str | None, plan: str | None, code: ReasonCode) -> None:
    step = tabled()
    on = step.last(OfferTabled)
    wish = accept(offer or on.offer_id, plan or on.plans[0].plan_id)
    assert refused(step.when(message(wish, after(day)))) is code


def test_an_unknown_offer_waits_and_is_refused_at_the_close_of_its_day() -> None:
    step = tabled().when(message(accept("another", "plan"), after(1)))
    assert step.emits()
    assert refused(step.closes(after(1))) is ReasonCode.OFFER_UNKNOWN


def test_an_acceptance_that_came_before_the_offer_waits_for_it() -> None:
    on = tabled().last(OfferTabled)
    wish = message(accept(on.offer_id, plan_of(on, approval=False)))
    step = given(OfferDecider(), reference()).when(message(case_opened()), wish, message(assessed()))
    assert step.emits(OfferTabled, OfferAgreed)


def test_acceptance_on_the_last_day_counts_by_its_own_date() -> None:
    step = tabled()
    on = step.last(OfferTabled)
    in_time = message(accept(on.offer_id, plan_of(on, approval=False)), after(15))
    assert step.when(in_time).emits(OfferAgreed)
    lapsed = step.closes(after(15))
    assert lapsed.emits(OfferLapsed)
    assert lapsed.when(in_time).emits(OfferAgreed)  # arrived late, was dated in time
    moved = lapsed.when(message(changed(LESS), after(16)))
    assert refused(moved.when(in_time)) is ReasonCode.BALANCE_CHANGED


# -- silence ----------------------------------------------------------------------------------------------


def test_silence_lapses_round_after_round_until_the_talks_have_failed() -> None:
    step, rounds = tabled(offers__max_days=200), []
    while step.state.status is not OfferStatus.FAILED:
        due = step.decider.due(step.state)
        step = step.closes(due)
        rounds += [event.round for event in step.said if isinstance(event, OfferTabled)]
    assert rounds == [2, 3]
    assert step.emits(OfferLapsed, TalksFailed)
    failed = step.last(TalksFailed)
    assert (failed.rounds, failed.reason.code) == (3, ReasonCode.NO_ANSWER)
    assert failed.next_step.code is ReasonCode.NEXT_HUMAN_REVIEW
    assert failed.review_on == step.decider.due(step.state)


def test_time_for_talks_ends_them_too() -> None:
    step = tabled(offers__max_days=16).closes(after(15))
    assert step.emits(OfferLapsed, TalksFailed)
    assert step.last(OfferLapsed).review_on is None


def test_a_case_held_for_months_is_caught_up_with_in_one_close() -> None:
    far = date(2026, 5, 20)
    step = tabled(offers__max_days=400).closes(far)
    assert step.emits(OfferLapsed, OfferTabled)
    assert step.last(OfferTabled).tabled_on == far


def test_after_failed_talks_the_case_is_looked_at_again() -> None:
    start = given(OfferDecider(), reference())
    long = start.when(message(case_opened()), message(assessed(expires=after(300))))
    offer = long.last(OfferTabled)
    failed = long.when(message(no_plan_wanted(offer.offer_id), after(2)))
    assert failed.last(TalksFailed).reason.code is ReasonCode.OFFER_REJECTED
    again = failed.closes(failed.decider.due(failed.state))
    assert again.last(OfferTabled).round == 1
    assert again.last(OfferTabled).offer_id != offer.offer_id


# -- counter-offers ---------------------------------------------------------------------------------------


def counter(on: OfferTabled | OfferRevised, **wish: Any) -> desk.CounterOffered:
    return desk.CounterOffered(offer_id=on.offer_id, round=on.round, **wish)


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


# -- approval ---------------------------------------------------------------------------------------------


def requested() -> tuple[Given, ApprovalRequested]:
    step = tabled()
    on = step.last(OfferTabled)
    asked = step.when(message(accept(on.offer_id, plan_of(on, approval=True)), after(1)))
    assert asked.emits(ApprovalRequested)
    return asked, asked.last(ApprovalRequested)


def grant(request: ApprovalRequested, role: str = "supervisor") -> desk.ApprovalGranted:
    return desk.ApprovalGranted(
        request_id=request.request_id, by="s-1", role=role, reason="it is sustainable"
    )


def deny(request: ApprovalRequested) -> desk.ApprovalRefused:
    return desk.ApprovalRefused(request_id=request.request_id, by="s-1", role="supervisor", reason="too much")


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


# -- figures that move ------------------------------------------------------------------------------------


@pytest.mark.parametrize("fact", [changed(LESS), paid(LESS)])
def test_a_changed_balance_withdraws_and_tables_anew_in_the_same_round(fact: Event) -> None:
    step = tabled()
    on = step.last(OfferTabled)
    step = step.when(message(counter(on, monthly=cny("700.00")), after(1)))
    second = step.last(OfferRevised)
    moved = step.when(message(fact, after(2), sequence=2))
    assert moved.emits(OfferWithdrawn, OfferTabled)
    again = moved.last(OfferTabled)
    assert (again.round, again.tabled_on) == (2, after(2))
    assert again.balances[0].balances == LESS.outstanding
    assert max(row.total.minor for row in again.plans[0].payments) <= 70000  # the wish is remembered
    old = moved.when(message(accept(second.offer_id, second.plans[0].plan_id), after(3)))
    assert refused(old) is ReasonCode.BALANCE_CHANGED


def test_an_unchanged_balance_changes_nothing() -> None:
    step = tabled()
    same = step.when(message(changed(debt(as_of=after(1), days=76)), after(1), sequence=2))
    assert same.emits()
    assert same.state.offer == step.state.offer
    assert same.state.debts_seen == 2


def test_a_balance_that_moves_during_approval_makes_the_request_void() -> None:
    asked, request = requested()
    moved = asked.when(message(changed(LESS), after(2)))
    assert moved.emits(OfferWithdrawn, OfferTabled)
    assert refused(moved.when(message(grant(request), after(3)))) is ReasonCode.BALANCE_CHANGED


def test_when_nothing_is_owed_any_more_the_offer_is_withdrawn_and_comes_back_with_a_debt() -> None:
    cured = debt(status=DebtStatus.CURED)
    held = tabled().when(message(changed(cured), after(1)))
    assert held.emits()  # whatever else the day brings: it is closed first
    step = held.closes(after(1))
    assert step.emits(OfferWithdrawn)
    assert step.state.status is OfferStatus.WAITING
    assert step.when(message(changed(debt()), after(2))).emits(OfferTabled)


def test_an_expired_assessment_withdraws_and_a_new_one_begins_talks() -> None:
    step = tabled()
    expired = assessment.AssessmentExpired(assessment_id="assessment-1", as_of=after(5))
    gone = step.when(message(expired, after(5)))
    assert gone.emits(OfferWithdrawn)
    assert gone.last(OfferWithdrawn).reason.code is ReasonCode.ASSESSMENT_EXPIRED
    renewed = gone.when(message(assessed(version=2, as_of=after(9), expires=after(99)), after(9)))
    assert renewed.last(OfferTabled).round == 1
    other = step.when(message(expired.model_copy(update={"assessment_id": "older"}), after(5)))
    assert other.emits()


@pytest.mark.parametrize(
    ("now", "version", "says"),
    [
        ("1490.00", 2, ()),  # what is on the table can still be paid
        ("2500.00", 2, ()),
        ("300.00", 2, (OfferWithdrawn, OfferTabled)),
        ("50.00", 2, (OfferWithdrawn, NoPlanFound)),
        ("300.00", 1, (InputRefused,)),
    ],
)
def test_a_new_assessment_replaces_only_what_cannot_be_paid_any_more(
    now: str, version: int, says: tuple[type[Event], ...]
) -> None:
    start = given(OfferDecider(), reference()).when(message(case_opened()), message(assessed(version=2)))
    step = start.when(message(assessed(now, version=version, as_of=after(1)), after(1)))
    assert step.emits(*says)
    if version == 1:
        assert refused(step) is ReasonCode.STALE_FACT


def test_a_plan_that_became_too_dear_is_refused_and_a_new_offer_made() -> None:
    step = tabled()
    on = step.last(OfferTabled)
    plans = {max(row.total.minor for row in plan.payments): plan for plan in on.plans}
    between = cny(f"{(min(plans) + max(plans)) // 200}.00")
    step = step.when(message(assessed(str(between), version=2), after(1)))
    assert step.emits()
    dear = message(accept(on.offer_id, plans[max(plans)].plan_id), after(1))
    done = step.when(dear)
    assert done.emits(InputRefused, OfferWithdrawn, OfferTabled)
    assert refused(done) is ReasonCode.NOT_AFFORDABLE


def test_same_day_facts_lead_to_the_same_offer_in_either_order() -> None:
    start = given(OfferDecider(), reference()).when(message(case_opened(), sequence=1))
    facts = [message(assessed()), message(changed(LESS), sequence=2)]
    one, other = start.when(*facts), start.when(*reversed(facts))
    assert one.state.offer == other.state.offer
    # An agreed plan that turns out too dear on the same day, before or after: the same new offer.
    on = tabled()
    offer = on.last(OfferTabled)
    plan = max(
        (p for p in offer.plans if not p.needs_approval), key=lambda p: max(r.total.minor for r in p.payments)
    )
    low = message(assessed("600.00", version=2, as_of=after(1)), after(1))
    wish = message(accept(offer.offer_id, plan.plan_id), after(1))
    first, second = on.when(low, wish), on.when(wish, low)
    assert first.state.offer == second.state.offer
    assert first.state.status is second.state.status is OfferStatus.TABLED


# -- after the handshake ----------------------------------------------------------------------------------


def agreed() -> tuple[Given, OfferAgreed]:
    step = tabled()
    on = step.last(OfferTabled)
    done = step.when(message(accept(on.offer_id, plan_of(on, approval=False)), after(1)))
    return done, done.last(OfferAgreed)


def returned(offer_id: str, code: ReasonCode) -> agreement.AgreementReturned:
    return agreement.AgreementReturned(
        agreement_id="a-1", version=1, offer_id=offer_id, as_of=after(2), reason=Reason(code=code)
    )


def signed(offer_id: str) -> agreement.AgreementSigned:
    return agreement.AgreementSigned(
        agreement_id="a-1", version=1, offer_id=offer_id, effective=after(2), schedules=(), instalments=(),
        content_hash="0" * 64, policy="example-card", policy_version="-",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("code", "round_"),
    [
        (ReasonCode.BALANCE_CHANGED, 1),
        (ReasonCode.PLAN_NO_LONGER_COMPUTES, 1),
        (ReasonCode.SIGN_BY_PASSED, 2),
    ],
)
def test_a_returned_draft_comes_back_to_the_table(code: ReasonCode, round_: int) -> None:
    step, done = agreed()
    moved = step.when(message(changed(LESS), after(2), sequence=2))
    assert moved.emits()  # the agreement looks at the balances of what is agreed
    back = moved.when(message(returned(done.offer_id, code), after(2)))
    assert back.emits(OfferTabled)
    again = back.last(OfferTabled)
    assert (again.round, again.reasons[0].code) == (round_, code)
    assert again.balances[0].balances == LESS.outstanding
    assert back.when(message(returned(done.offer_id, code), after(2))).emits()


def test_a_draft_nobody_signs_uses_up_the_rounds() -> None:
    step = tabled(offers__max_rounds=1)
    on = step.last(OfferTabled)
    step = step.when(message(accept(on.offer_id, plan_of(on, approval=False)), after(1)))
    back = step.when(message(returned(on.offer_id, ReasonCode.SIGN_BY_PASSED), after(9)))
    assert back.last(TalksFailed).reason.code is ReasonCode.ROUNDS_EXHAUSTED


def test_an_agreed_plan_that_can_no_longer_be_paid_is_withdrawn_before_it_is_signed() -> None:
    step, done = agreed()
    poorer = step.when(message(assessed("300.00", version=2, as_of=after(2)), after(2)))
    assert poorer.emits(OfferWithdrawn, OfferTabled)
    assert poorer.last(OfferWithdrawn).offer_id == done.offer_id
    # The signature had been given after all: the plan in force stands, the new offer is withdrawn.
    late = poorer.when(message(signed(done.offer_id), after(2)))
    assert late.emits(OfferWithdrawn)
    assert late.state.live
    after_signing = step.when(message(signed(done.offer_id), after(2)))
    assert after_signing.when(message(assessed("300.00", version=2, as_of=after(3)), after(3))).emits()


def live() -> Given:
    step, done = agreed()
    return step.when(message(signed(done.offer_id), after(2)))


def renegotiate(as_of: date) -> followup.RenegotiationRequested:
    reason = Reason(code=ReasonCode.NEW_DIFFICULTIES)
    return followup.RenegotiationRequested(agreement_id="a-1", as_of=as_of, reasons=(reason,))


def test_renegotiation_needs_new_figures_and_leaves_the_plan_in_force_when_it_fails() -> None:
    step = live().when(message(renegotiate(after(60)), after(60)))
    assert step.emits()
    step = step.when(message(assessed(version=2, as_of=after(70), expires=after(160)), after(70)))
    assert step.emits(OfferTabled)
    assert step.last(OfferTabled).round == 1
    on = step.last(OfferTabled)
    failed = step.when(message(no_plan_wanted(on.offer_id), after(71)))
    assert failed.last(TalksFailed).review_on is None
    assert failed.state.status is OfferStatus.AGREED
    assert failed.decider.due(failed.state) is None


def test_new_figures_that_overtook_the_request_count_for_it() -> None:
    step = live().when(message(assessed(version=2, as_of=after(60), expires=after(150)), after(60)))
    assert step.emits()
    step = step.when(message(renegotiate(after(60)), after(60)))
    assert step.emits(OfferTabled)
    assert step.last(OfferTabled).reasons[0].code is ReasonCode.NEW_DIFFICULTIES


@pytest.mark.parametrize("request_first", [True, False])
def test_figures_older_than_the_request_begin_no_talks_whichever_comes_first(request_first: bool) -> None:
    request = message(renegotiate(after(60)), after(60))
    # A hardship report makes assessment say its figures again: they still rest on the old statement.
    old = message(assessed(version=2, as_of=after(10), expires=after(100)), after(60))
    step = live().when(*((request, old) if request_first else (old, request)))
    assert step.emits()
    assert (step.state.status, step.state.figures_from) == (OfferStatus.WAITING, after(60))
    step = step.when(message(assessed(version=3, as_of=after(66), expires=after(160)), after(66)))
    assert step.emits(OfferTabled)


def test_a_request_that_overtook_the_signature_waits_for_it() -> None:
    step, done = agreed()
    early = step.when(message(renegotiate(after(2)), after(2)))
    assert early.emits()
    assert early.when(message(signed(done.offer_id), after(2))).state.status is OfferStatus.WAITING


@pytest.mark.parametrize(
    ("code", "status"),
    [(ReasonCode.PLAN_BROKEN, OfferStatus.ENDED), (ReasonCode.PLAN_SUPERSEDED, OfferStatus.AGREED)],
)
def test_a_broken_plan_is_looked_at_again(code: ReasonCode, status: OfferStatus) -> None:
    ended = agreement.AgreementEnded(agreement_id="a-1", as_of=after(70), reason=Reason(code=code))
    step = live().when(message(ended, after(70)))
    assert step.state.status is status
    if status is OfferStatus.ENDED:
        assert step.closes(step.decider.due(step.state)).last(OfferTabled).round == 1


def test_a_closed_case_ends_everything() -> None:
    step = tabled()
    on = step.last(OfferTabled)
    closed = intake.CaseClosed(as_of=after(3), reason=intake.CloseReason.CURED)
    step = step.when(message(closed, after(3)))
    assert step.emits(OfferWithdrawn)
    assert step.decider.due(step.state) is None
    assert refused(step.when(message(accept(on.offer_id, "p"), after(3)))) is ReasonCode.CASE_CLOSED
    assert step.when(message(assessed(version=2), after(4)), message(closed, after(4))).emits()


def test_amounts_of_a_plan_add_up_to_what_is_owed_less_what_is_waived() -> None:
    offer = tabled().last(OfferTabled)
    for plan in offer.plans:
        paid_in_all = sum(row.total.minor for row in plan.payments)
        owed = sum((total_of(d.balance) - total_of(d.waived)).minor for d in plan.debts)
        assert paid_in_all == plan.total_paid[0].minor
        assert paid_in_all >= owed
        if all(d.annual_rate_pct == 0 for d in plan.debts):
            assert paid_in_all == owed
    assert CASE not in {plan.plan_id for plan in offer.plans}
