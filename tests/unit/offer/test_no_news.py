"""A statement that says what the last one said: the borrower has an answer, and nothing begins anew."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from services.alert.decide import AlertDecider
from services.offer.decide import OfferDecider
from shared.contracts import assessment, desk
from shared.contracts.offer import NoPlanFound, OfferLapsed, OfferTabled, TalksFailed
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import DAY, assessed, balances, case_opened, debt, message, reference
from tests.unit.offer.table import changed, no_plan_wanted
from tests.unit.spec import Given, given


def after(days: int) -> date:
    return DAY + timedelta(days=days)


def restated(now: str, version: int = 2) -> assessment.AssessmentCompleted:
    """The assessment of a statement that was sent once more, on a later day: so it lasts longer."""
    later = assessed(now, version=version, as_of=after(version), expires=after(90 + version))
    return later.model_copy(update={"answers_statement": True})


def case(now: str) -> Given:
    return given(OfferDecider(), reference()).when(message(case_opened()), message(assessed(now)))


@pytest.mark.parametrize(
    ("now", "reason", "step"),
    [
        ("0.00", ReasonCode.NO_RESIDUAL_INCOME, ReasonCode.NEXT_SUPPORT_GROUP),
        ("90.00", ReasonCode.NOT_AFFORDABLE, ReasonCode.NEXT_REDUCED_PAYMENTS),
    ],
)
def test_where_there_was_no_plan_it_is_said_again_why_and_what_comes_next(
    now: str, reason: ReasonCode, step: ReasonCode
) -> None:
    before = case(now)
    again = before.when(message(restated(now), after(5)))
    assert again.emits(NoPlanFound)
    none = again.last(NoPlanFound)
    assert (none.reason.code, none.next_step.code, none.as_of) == (reason, step, after(5))
    assert none.assessment_id == "assessment-2"
    # Neither the day to look again nor the talks move: sending the same twice gains and loses nothing.
    assert none.review_on == before.last(NoPlanFound).review_on == again.state.next_date
    kept = {"assessed", "rests_at"}
    assert again.state.model_dump(exclude=kept) == before.state.model_dump(exclude=kept)


def test_figures_that_nobody_has_just_stated_are_not_said_again() -> None:
    assert case("90.00").when(message(assessed("90.00", version=2), after(5))).said == ()


def test_where_something_else_has_made_a_plan_possible_it_is_tabled() -> None:
    start = case("200.00")
    # A balance that is no news is kept without a word, and the next statement is answered on it.
    small = debt(outstanding=balances("6000.00"), overdue=balances("900.00"))
    waits = start.state.model_copy(update={"debts": (small,)})
    again = Given(start.decider, start.reference, waits).when(message(restated("200.00"), after(3)))
    assert again.emits(OfferTabled)


def test_after_talks_that_failed_the_answer_stays_and_a_person_is_named_as_the_next_step() -> None:
    start = case("1500.00")
    offer = start.last(OfferTabled)
    over = start.when(message(no_plan_wanted(offer.offer_id), after(2)))
    assert over.emits(TalksFailed)
    again = over.when(message(restated("1500.00"), after(3)))
    none = again.last(NoPlanFound)
    assert (none.reason.code, none.next_step.code) == (
        ReasonCode.STATEMENT_NO_NEWS,
        ReasonCode.NEXT_HUMAN_REVIEW,
    )
    assert none.review_on == over.state.next_date
    assert again.state.status is over.state.status
    assert over.when(message(restated("1600.00"), after(3))).emits(OfferTabled)


def test_figures_that_have_expired_are_news_when_they_come_again() -> None:
    start = case("1500.00")
    over = start.when(message(no_plan_wanted(start.last(OfferTabled).offer_id), after(2)))
    late = assessed("1500.00", version=2, as_of=after(120), expires=after(210))
    assert over.when(message(late, after(120))).emits(OfferTabled)


def test_who_has_sent_the_same_again_in_talks_has_no_others_when_they_fail() -> None:
    start = case("1500.00")
    on = start.when(message(restated("1500.00"), after(3)))
    assert on.said == ()
    over = on.when(message(no_plan_wanted(start.last(OfferTabled).offer_id), after(5)))
    assert over.emits(TalksFailed)
    assert over.last(TalksFailed).review_on == over.state.next_date
    other = start.when(message(restated("1600.00"), after(3)))
    assert other.when(message(no_plan_wanted(start.last(OfferTabled).offer_id), after(5))).emits(
        TalksFailed, OfferTabled
    )


def test_after_a_lapsed_offer_the_next_round_comes_at_once() -> None:
    """Who sends a statement has been heard of: the days until the next round were for silence."""
    start = case("1500.00")
    lapsed = start.closes(after(15))
    due = lapsed.last(OfferLapsed).review_on
    assert due is not None
    assert due > after(16)
    again = lapsed.when(message(restated("1500.00"), after(16)))
    assert again.emits(OfferTabled)
    offer = again.last(OfferTabled)
    assert (offer.round, offer.tabled_on) == (2, after(16))
    (reason,) = offer.reasons
    assert reason.code is ReasonCode.STATEMENT_RESUMES_TALKS
    # It is the round that was due: sending the same twice more brings no other.
    twice = again.when(message(restated("1500.00", version=3), after(17)))
    assert twice.said == ()
    assert lapsed.when(message(assessed("1500.00", version=2), after(16))).said == ()  # nobody stated it


def test_new_figures_after_a_lapse_go_on_with_the_same_talks() -> None:
    """They began others: whoever let an offer lapse had all the rounds and days again for a cent."""
    start = case("1500.00")
    for figures in ("1500.01", "1500.02"):
        offer = start.last(OfferTabled)
        lapsed = start.closes(offer.valid_until)
        assert lapsed.emits(OfferLapsed)
        version, day = start.state.assessed.version + 1, offer.valid_until + timedelta(days=1)
        later = assessed(figures, version=version, as_of=day, expires=after(300))
        start = lapsed.when(message(later, day))
        following = start.last(OfferTabled)
        assert [reason.code for reason in following.reasons] == [ReasonCode.CAPACITY_CHANGED]
        assert (following.round, start.state.talks) == (offer.round + 1, 1)
    last = start.closes(start.last(OfferTabled).valid_until)
    assert last.emits(OfferLapsed, TalksFailed)


def test_what_was_refused_stays_refused_when_new_figures_come_after_a_lapse() -> None:
    start = case("1500.00")
    no = desk.OfferRejected(offer_id=start.last(OfferTabled).offer_id, reason=desk.RefusalReason.TOO_HIGH)
    second = start.when(message(no, after(1)))
    lowest = second.state.refusals.below
    assert lowest
    lapsed = second.closes(second.last(OfferTabled).valid_until)
    day = second.last(OfferTabled).valid_until + timedelta(days=1)
    later = assessed("1600.00", version=2, as_of=day, expires=after(300))
    following = lapsed.when(message(later, day)).last(OfferTabled)
    assert all(row.total < lowest[0] for plan in following.plans for row in plan.payments)


def test_after_the_last_round_has_lapsed_it_is_said_what_comes_next() -> None:
    lapsed = given(OfferDecider(), reference(offers__max_rounds=1)).when(
        message(case_opened()), message(assessed("1500.00"))
    )
    over = lapsed.closes(after(15))
    assert over.emits(OfferLapsed, TalksFailed)
    none = over.when(message(restated("1500.00"), after(16))).last(NoPlanFound)
    assert none.reason.code is ReasonCode.STATEMENT_NO_NEWS
    assert none.review_on == over.last(TalksFailed).review_on


def test_an_offer_on_the_table_is_the_answer() -> None:
    start = case("1500.00")
    assert start.when(message(restated("1500.00"), after(3))).said == ()


def test_what_is_halted_stays_halted() -> None:
    stopped = debt().model_copy(update={"status": "disputed"})
    halted = case("90.00").when(message(changed(stopped), after(1)))
    assert halted.when(message(restated("90.00"), after(2))).said == ()


def test_nobody_is_asked_for_an_offer_by_a_statement_that_was_answered() -> None:
    """The alert that followed: a step "offer" that nobody could do, since offer had said nothing."""
    first, again = case("90.00"), case("90.00").when(message(restated("90.00"), after(5)))
    sent = desk.StatementSubmitted(as_of=DAY, income=())
    watch = given(AlertDecider(), reference()).when(message(case_opened()))
    watch = watch.when(message(sent), message(assessed("90.00")), *(message(said) for said in first.said))
    for days in range(5):
        watch = watch.closes(after(days))
    watch = watch.when(
        message(sent, after(5)),
        message(restated("90.00"), after(5)),
        *(message(said, after(5)) for said in again.said),
    ).closes(after(5))
    assert [step.name for step in watch.state.steps] == ["no_plan"]
    assert watch.state.stage == "no_plan"
