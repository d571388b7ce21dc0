"""What is asked, answered and refused while a reference rate is stale."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from shared.contracts import desk, desk_talks
from shared.contracts.offer import (
    ApprovalRequested,
    HumanReviewOpened,
    LumpSumAnswered,
    NoPlanFound,
    OfferAgreed,
    OfferRevised,
    OfferTabled,
    RefusalAnswered,
)
from shared.contracts.reasons import ReasonCode
from shared.policy.rates import ReferenceRates
from shared.policy.testing import example_policy
from tests.unit.builders import DAY, assessed, cny, message
from tests.unit.offer.test_asking import accept, after, deny, funding, tabled


def test_a_stale_reference_rate_stops_new_offers_and_says_so() -> None:
    fresh = tabled(rates=funding(DAY), value__discount_over="funding")
    assert fresh.emits(OfferTabled)
    stale = tabled(rates=funding(after(-1)), value__discount_over="funding")
    assert stale.emits(NoPlanFound, HumanReviewOpened)
    none, opened = stale.last(NoPlanFound), stale.last(HumanReviewOpened)
    assert none.reason.code is ReasonCode.RATES_STALE
    assert none.reason.params == {"name": "funding", "until": after(-1).isoformat()}
    # Who is told that a person gets in touch has a role that does, by the day that is told.
    due = {"due": opened.due.isoformat()}
    assert (none.next_step.code, none.next_step.params) == (ReasonCode.NEXT_HUMAN_REVIEW, due)
    assert (opened.role, opened.reason) == (example_policy().talks.human_role, none.reason)
    assert none.review_on == stale.decider.due(stale.state) == date(2026, 3, 5)
    unknown = tabled(rates=ReferenceRates(), value__discount_over="funding")
    assert unknown.last(NoPlanFound).reason.params == {"name": "funding"}
    assert tabled(rates=ReferenceRates()).emits(OfferTabled)  # this pack rests on no rate


@pytest.mark.parametrize("why", [None, desk.RefusalReason.TOO_HIGH])
def test_who_answers_while_rates_are_stale_loses_neither_the_offer_nor_a_round(
    why: desk.RefusalReason | None,
) -> None:
    start = tabled(rates=funding(after(1)), value__discount_over="funding", talks__untested_ceiling="said")
    offer = start.last(OfferTabled)
    said: desk.CounterOffered | desk.OfferRejected = desk.CounterOffered(
        offer_id=offer.offer_id, round=1, monthly=cny("700.00")
    )
    if why is not None:
        said = desk.OfferRejected(offer_id=offer.offer_id, reason=why)
    step = start.when(message(said, after(3)))
    assert step.emits(RefusalAnswered, HumanReviewOpened)
    heard = step.last(RefusalAnswered)
    assert (heard.reason.code, heard.stands_until) == (ReasonCode.RATES_STALE, offer.valid_until)
    assert heard.next_step.params == {"due": step.last(HumanReviewOpened).due.isoformat()}
    again = step.when(message(said, after(4)))
    assert again.emits(RefusalAnswered)  # the person looks already
    plan = next(plan for plan in offer.plans if not plan.needs_approval)
    yes = desk.OfferAccepted(offer_id=offer.offer_id, plan_id=plan.plan_id, channel="app")
    assert again.when(message(yes, after(5))).emits(OfferAgreed)
    lapsed = again.closes(offer.valid_until)
    fresh = replace(lapsed, reference=replace(lapsed.reference, rates=funding(after(400))))
    following = fresh.closes(lapsed.state.next_date).last(OfferTabled)
    assert following.round == 2
    if why is not None:  # what was said is not forgotten
        lowest = min(max(row.total for row in plan.payments) for plan in offer.plans)
        assert all(row.total < lowest for plan in following.plans for row in plan.payments)


_A_SUM = desk_talks.LumpSumOffered(amount=cny("1000.00"))


@pytest.mark.parametrize("how", ["wish", "sum", "no"])
def test_what_is_said_while_rates_are_stale_is_answered_when_they_are_fresh(how: str) -> None:
    """It had to be said again, and an offered sum took the offer and a round."""
    start = tabled(rates=funding(after(1)), value__discount_over="funding", talks__untested_ceiling="said")
    offer = start.last(OfferTabled)
    said = {
        "wish": desk.CounterOffered(offer_id=offer.offer_id, round=1, monthly=cny("700.00")),
        "sum": _A_SUM,
        "no": desk.OfferRejected(offer_id=offer.offer_id, reason=desk.RefusalReason.TOO_HIGH),
    }[how]
    step = start.when(message(said, after(2)))
    assert step.emits(LumpSumAnswered if how == "sum" else RefusalAnswered, HumanReviewOpened)
    look = step.decider.due(step.state)
    assert look is not None
    assert look < offer.valid_until
    assert (step.state.offer, step.state.round) == (start.state.offer, 1)
    still = step.closes(look)  # stale yet: nothing is said, and it is looked at again
    assert still.said == ()
    again = still.decider.due(still.state)
    assert again is not None
    assert look < again <= offer.valid_until
    fresh = replace(step, reference=replace(step.reference, rates=funding(after(400)))).closes(look)
    if how == "no":
        following = fresh.last(OfferTabled)
        lowest = min(max(row.total for row in plan.payments) for plan in offer.plans)
        assert all(row.total < lowest for plan in following.plans for row in plan.payments)
        assert following.round == 2
        return
    assert fresh.emits(OfferRevised)
    revised = fresh.last(OfferRevised)
    assert revised.round == 2
    assert revised.answer is not None
    wished = {"wish": revised.answer.wished_monthly, "sum": revised.answer.wished_lump_sum}[how]
    assert wished == {"wish": cny("700.00"), "sum": cny("1000.00")}[how]
    assert fresh.decider.due(fresh.state) == revised.valid_until, "it is answered once"


def test_a_wish_that_waits_for_rates_outlives_the_offer_it_was_made_to() -> None:
    start = tabled(rates=funding(after(1)), value__discount_over="funding", talks__untested_ceiling="said")
    offer = start.last(OfferTabled)
    wish = desk.CounterOffered(offer_id=offer.offer_id, round=1, monthly=cny("700.00"))
    step = start.when(message(wish, after(2))).closes(offer.valid_until)
    stale = step.closes(step.state.next_date)
    assert stale.last(NoPlanFound).reason.code is ReasonCode.RATES_STALE
    fresh = replace(stale, reference=replace(stale.reference, rates=funding(after(400))))
    answer = fresh.closes(stale.state.next_date).last(OfferTabled).answer
    assert answer is not None
    assert answer.wished_monthly == cny("700.00")


@pytest.mark.parametrize("how", ["statement", "sum"])
def test_who_is_told_again_that_a_person_comes_has_one_again(how: str) -> None:
    """The review was left out where nothing else was new, though the answer named its day."""
    stale = tabled(rates=funding(after(-1)), value__discount_over="funding")
    later = stale.last(HumanReviewOpened).due + timedelta(days=3)
    again = assessed("1500.00", version=2).model_copy(update={"answers_statement": True})
    step = stale.when(message(again if how == "statement" else _A_SUM, later))
    said = step.last(NoPlanFound if how == "statement" else LumpSumAnswered)
    assert step.emits(type(said), HumanReviewOpened)
    assert said.next_step.params == {"due": step.last(HumanReviewOpened).due.isoformat()}
    assert said.review_on == stale.state.next_date
    once = step.when(message(_A_SUM, later + timedelta(days=1)))
    assert once.emits(LumpSumAnswered)  # the person looks already


def test_a_no_of_the_lender_while_rates_are_stale_does_not_end_the_talks() -> None:
    step = accept(
        tabled(
            rates=funding(after(1)), value__discount_over="funding", talks__untested_ceiling="person_looks"
        ),
        after(1),
    )
    denied = step.when(message(deny(step.last(ApprovalRequested)), after(3)))
    assert denied.last(NoPlanFound).reason.code is ReasonCode.RATES_STALE
    assert denied.state.next_date < after(20)
    fresh = replace(denied, reference=replace(denied.reference, rates=funding(after(400))))
    following = fresh.closes(denied.state.next_date).last(OfferTabled)
    assert following.round == 1
    assert not any(r.code is ReasonCode.APPROVAL_NEEDED for plan in following.plans for r in plan.reasons)
