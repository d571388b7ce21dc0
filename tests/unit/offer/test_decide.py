"""What is put on the table, accepted, or met with silence."""

from __future__ import annotations

from datetime import date

import pytest

from services.offer.decide import OfferDecider
from services.offer.model import OfferStatus
from shared.contracts import assessment
from shared.contracts.offer import (
    HumanReviewOpened,
    NoPlanFound,
    OfferAgreed,
    OfferLapsed,
    OfferTabled,
    TalksFailed,
)
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import DAY, assessed, balances, case_opened, cny, debt, message, reference
from tests.unit.offer.table import (
    LESS,
    accept,
    after,
    changed,
    no_plan_wanted,
    plan_of,
    refused,
    tabled,
)
from tests.unit.spec import given


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
