"""The borrower says no: what is asked, what comes next, and that the same is never offered again."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from services.notice.decide import NoticeDecider
from services.offer.decide import OfferDecider
from services.offer.model import OfferStatus, Refusals
from services.offer.refusals import seen
from shared.contracts import desk
from shared.contracts.base import Personal
from shared.contracts.debts import Plan
from shared.contracts.desk import RefusalReason
from shared.contracts.notice import NoticeDue, NoticeKind
from shared.contracts.offer import (
    HumanReviewOpened,
    OfferAgreed,
    OfferLapsed,
    OfferRevised,
    OfferTabled,
    OfferWithdrawn,
    RefusalAnswered,
    TalksFailed,
)
from shared.contracts.reasons import ReasonCode
from shared.lending.plans import Shown
from shared.texts import LANGUAGES, text
from tests.unit.builders import DAY, assessed, balances, case_opened, cny, debt, message, reference
from tests.unit.offer.table import LESS, accept, changed, counter, plan_of
from tests.unit.spec import Given, given

APART_PCT = 10  # `offers.min_difference_pct` of the example pack


def after(days: int) -> date:
    return DAY + timedelta(days=days)


def tabled(now: str = "1500.00", **overrides: Any) -> Given:
    """A case whose offer of round 1 is on the table since DAY, with figures that last for months."""
    start = given(OfferDecider(), reference(**overrides))
    return start.when(message(case_opened(), sequence=1), message(assessed(now, expires=after(400))))


def no(step: Given, why: RefusalReason | None = None, words: str | None = None, days: int = 2) -> Given:
    """The borrower says no to what is on the table."""
    said = None if words is None else Personal[str](value=words)
    rejected = desk.OfferRejected(offer_id=step.state.offer.offer_id, reason=why, words=said)
    return step.when(message(rejected, after(days)))


def alike(one: Plan, other: Plan) -> bool:
    a, b = seen(one), seen(other)
    shown = Shown(a.instalments, a.totals[0], a.firsts[0])
    return not shown.differs(b.instalments, b.totals[0].minor, b.firsts[0].minor, APART_PCT)


def peak(plan: Plan) -> int:
    return max(row.total.minor for row in plan.payments)


def in_words(reason: Any) -> None:
    """Every parameter can be read in both languages."""
    for lang in LANGUAGES:
        assert all(value in text(reason.code, reason.params, lang) for value in reason.params.values())


# -- with a reason ----------------------------------------------------------------------------------------


def test_a_no_to_the_amount_is_answered_at_once_with_lower_instalments_in_the_next_round() -> None:
    start = tabled()
    first = start.last(OfferTabled)
    step = no(start, RefusalReason.TOO_HIGH)
    assert step.emits(OfferTabled)
    second = step.last(OfferTabled)
    assert (second.round, second.tabled_on, step.state.status) == (2, after(2), OfferStatus.TABLED)
    lowest = min(map(peak, first.plans))
    assert all(peak(plan) < lowest for plan in second.plans)
    assert not any(alike(plan, refused) for plan in second.plans for refused in first.plans)
    (reason,) = second.reasons
    assert reason.code is ReasonCode.REFUSED_TOO_HIGH
    assert reason.params == {"payment": f"{cny('0.01') * lowest} CNY"}
    in_words(reason)
    old = step.when(message(accept(first.offer_id, plan_of(first, approval=False)), after(3)))
    assert old.state == step.state  # what was refused is over
    chosen = step.when(message(accept(second.offer_id, plan_of(second, approval=False)), after(3)))
    assert chosen.emits(OfferAgreed)


def test_every_no_is_kept_to_in_the_rounds_after_it() -> None:
    start = tabled(now="2500.00", offers__max_rounds=4)
    refused: list[Plan] = [*start.last(OfferTabled).plans]
    step = no(start, RefusalReason.TOO_HIGH)
    refused += step.last(OfferTabled).plans
    third = no(step, words="The dates do not suit me.", days=3)
    assert third.emits(OfferTabled, HumanReviewOpened)
    plans = third.last(OfferTabled).plans
    assert not any(alike(plan, other) for plan in plans for other in refused)
    assert max(map(peak, plans)) < min(map(peak, start.last(OfferTabled).plans))
    moved = third.when(message(changed(LESS), after(4), sequence=2))
    assert moved.emits(OfferWithdrawn, OfferTabled)
    assert not any(alike(plan, other) for plan in moved.last(OfferTabled).plans for other in refused)


def test_a_no_to_the_first_date_is_answered_with_the_latest_that_the_pack_allows() -> None:
    start = tabled()
    step = no(start, RefusalReason.TOO_SOON)
    second = step.last(OfferTabled)
    first_due = min(row.due for row in start.last(OfferTabled).plans[0].payments)
    assert all(min(row.due for row in plan.payments) > first_due for plan in second.plans)
    assert second.reasons[0].code is ReasonCode.REFUSED_TOO_SOON
    assert second.reasons[0].params == {"date": first_due.isoformat()}
    again = no(step, RefusalReason.TOO_SOON, days=3)
    assert again.last(RefusalAnswered).reason.code is ReasonCode.NOTHING_LATER


def test_who_has_said_that_it_begins_too_soon_and_then_names_an_amount_is_not_asked_for_it_sooner() -> None:
    step = no(tabled(), RefusalReason.TOO_SOON)
    on = step.last(OfferTabled)
    later = on.plans[0].payments[0].due
    revised = step.when(message(counter(on, monthly=cny("700.00")), after(3))).last(OfferRevised)
    assert min(row.due for plan in revised.plans for row in plan.payments) >= later
    assert revised.answer is not None
    assert (revised.answer.granted, revised.answer.wished_first_due) == (True, None)
    sooner = later - timedelta(days=9)
    named = counter(on, monthly=cny("700.00"), first_due=sooner)  # who names a day has it
    assert step.when(message(named, after(3))).last(OfferRevised).plans[0].payments[0].due == sooner


@pytest.mark.parametrize(
    ("why", "code"),
    [
        (RefusalReason.TOO_LONG, ReasonCode.NOTHING_SHORTER),
        (RefusalReason.TOO_EXPENSIVE, ReasonCode.NOTHING_CHEAPER),
    ],
)
def test_where_nothing_can_answer_the_no_it_is_said_a_person_comes_and_the_offer_stands(
    why: RefusalReason, code: ReasonCode
) -> None:
    """The fastest and the cheapest plan were shown already."""
    start = tabled()
    offer = start.last(OfferTabled)
    step = no(start, why)
    assert step.emits(RefusalAnswered, HumanReviewOpened)
    heard = step.last(RefusalAnswered)
    assert (heard.offer_id, heard.round, heard.stands_until) == (offer.offer_id, 1, offer.valid_until)
    assert (heard.reason.code, heard.next_step.code) == (code, ReasonCode.NEXT_HUMAN_REVIEW)
    assert heard.reason.params
    assert heard.next_step.params["due"] == step.last(HumanReviewOpened).due.isoformat()
    in_words(heard.reason)
    in_words(heard.next_step)
    agreed = step.when(message(accept(offer.offer_id, plan_of(offer, approval=False)), after(5)))
    assert agreed.emits(OfferAgreed)
    wish = step.when(message(counter(offer, monthly=cny("700.00")), after(5)))
    assert wish.last(OfferRevised).round == 2
    assert no(step, why, days=4).last(TalksFailed).reason.code is ReasonCode.OFFER_REJECTED


def test_what_no_plan_could_give_is_tabled_as_soon_as_one_can() -> None:
    start = tabled()
    months = min(len(plan.payments) for plan in start.last(OfferTabled).plans)
    step = no(start, RefusalReason.TOO_LONG)
    small = debt(outstanding=balances("3000.00"), overdue=balances("900.00"))
    moved = step.when(message(changed(small), after(5), sequence=2))
    assert moved.emits(OfferWithdrawn, OfferTabled)
    assert moved.last(OfferTabled).round == 2
    assert all(len(plan.payments) < months for plan in moved.last(OfferTabled).plans)
    other = step.when(message(changed(LESS), after(5), sequence=2))
    assert other.last(OfferTabled).round == 1


def test_words_of_their_own_are_read_by_a_person_and_other_plans_come_at_once() -> None:
    start = tabled()
    step = no(start, words="My mother is ill, I cannot think about this now.")
    assert step.emits(OfferTabled, HumanReviewOpened)
    second, opened = step.last(OfferTabled), step.last(HumanReviewOpened)
    assert opened.reason.code is ReasonCode.REFUSED_IN_OWN_WORDS
    assert second.reasons[0].params == {"due": opened.due.isoformat()}
    assert not any(alike(a, b) for a in second.plans for b in start.last(OfferTabled).plans)
    assert "mother" not in str([event.model_dump() for event in step.said])


# -- without one ------------------------------------------------------------------------------------------


def test_a_bare_no_is_asked_once_what_does_not_fit_and_the_offer_stands() -> None:
    start = tabled()
    offer = start.last(OfferTabled)
    step = no(start)
    assert step.emits(RefusalAnswered)
    heard = step.last(RefusalAnswered)
    assert heard.reason.code is ReasonCode.REFUSED_WITHOUT_REASON
    assert heard.next_step.code is ReasonCode.NEXT_SAY_WHAT_FITS
    assert heard.next_step.params == {"until": offer.valid_until.isoformat()}
    in_words(heard.next_step)
    assert (step.state.status, step.state.round) == (OfferStatus.TABLED, 1)
    assert no(step, RefusalReason.TOO_HIGH, days=4).last(OfferTabled).round == 2
    assert no(step, days=4).last(TalksFailed).reason.code is ReasonCode.OFFER_REJECTED


def test_who_says_no_and_then_nothing_is_never_offered_the_same_again() -> None:
    start = tabled(offers__max_days=200)
    first = start.last(OfferTabled)
    lapsed = no(start).closes(after(15))
    assert lapsed.emits(OfferLapsed)
    again = lapsed.closes(lapsed.last(OfferLapsed).review_on or DAY)
    second = again.last(OfferTabled)
    assert second.round == 2
    assert not any(alike(a, b) for a in second.plans for b in first.plans)
    quiet = start.closes(after(15))
    same = quiet.closes(quiet.last(OfferLapsed).review_on or DAY).last(OfferTabled)
    assert any(alike(a, b) for a in same.plans for b in first.plans)  # silence is no refusal


@pytest.mark.parametrize(
    ("why", "kind"),
    [
        (None, NoticeKind.NEXT_STEP),
        (RefusalReason.TOO_LONG, NoticeKind.NEXT_STEP),
        (RefusalReason.TOO_HIGH, NoticeKind.OFFER),
        (RefusalReason.NO_PLAN_WANTED, NoticeKind.NEXT_STEP),
    ],
)
def test_whatever_the_no_a_message_goes_to_the_borrower(why: RefusalReason | None, kind: NoticeKind) -> None:
    step = no(tabled(), why)
    told = given(NoticeDecider(), step.reference).when(message(case_opened()))
    told = told.when(*(message(event, after(2)) for event in step.said))
    assert [event.kind for event in told.said if isinstance(event, NoticeDue)] == [kind]


@pytest.mark.parametrize(
    ("rounds", "why", "code"),
    [
        (3, RefusalReason.NO_PLAN_WANTED, ReasonCode.OFFER_REJECTED),
        (1, None, ReasonCode.OFFER_REJECTED),
        (1, RefusalReason.TOO_HIGH, ReasonCode.ROUNDS_EXHAUSTED),
    ],
)
def test_talks_end_where_no_plan_is_wanted_or_no_round_is_left(
    rounds: int, why: RefusalReason | None, code: ReasonCode
) -> None:
    step = no(tabled(offers__max_rounds=rounds), why)
    assert step.emits(TalksFailed)
    failed = step.last(TalksFailed)
    assert (failed.reason.code, failed.next_step.code) == (code, ReasonCode.NEXT_HUMAN_REVIEW)
    assert failed.review_on == step.decider.due(step.state)


def test_where_nothing_unlike_is_left_the_talks_end_with_that_reason() -> None:
    # One payment of all that is owed is the only plan there is.
    only = tabled(term__offered_months=[1], term__max_months=1, now="20000.00", offers__max_days=200)
    lapsed = no(only).closes(after(15))
    over = lapsed.closes(lapsed.last(OfferLapsed).review_on or DAY)
    assert over.last(TalksFailed).reason.code is ReasonCode.NOTHING_ELSE_FITS


def test_talks_that_begin_anew_know_nothing_of_an_old_no() -> None:
    start = tabled()
    failed = no(start, RefusalReason.NO_PLAN_WANTED)
    again = failed.closes(failed.decider.due(failed.state)).last(OfferTabled)
    assert again.round == 1
    assert any(alike(a, b) for a in again.plans for b in start.last(OfferTabled).plans)


# -- in any order -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("why", [None, *RefusalReason])
@pytest.mark.parametrize("words", [None, "Not like this."])
def test_a_no_and_a_fact_of_the_same_day_come_to_the_same_in_either_order(
    why: RefusalReason | None, words: str | None
) -> None:
    start = tabled(offers__max_days=200)
    said = None if words is None else Personal[str](value=words)
    offer_id = start.state.offer.offer_id
    refusal = message(desk.OfferRejected(offer_id=offer_id, reason=why, words=said), after(2))
    richer = message(assessed("3500.00", version=2, as_of=after(2), expires=after(402)), after(2))
    small = debt(outstanding=balances("3000.00"), overdue=balances("900.00"))
    for fact in (
        message(changed(LESS), after(2), sequence=2),
        message(changed(small), after(2), sequence=2),
        richer,
    ):
        one, other = start.when(fact, refusal), start.when(refusal, fact)
        assert one.state.offer == other.state.offer
        assert one.state.refusals == other.state.refusals
        assert (one.state.status, one.state.round) == (other.state.status, other.state.round)


def test_amounts_that_were_refused_in_an_older_version_are_read() -> None:
    old = {"below": {"amount": "450.00", "currency": "CNY"}, "cheaper_than": None}
    assert Refusals.model_validate(old) == Refusals(below=(cny("450.00"),))
    now = Refusals(below=(cny("450.00"), cny("60.00", "USD")))
    assert Refusals.model_validate(now.model_dump(mode="json")) == now
