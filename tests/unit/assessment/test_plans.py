"""Assessment beside a signed plan: two topics tell of it, in any order; what a late answer finds on file."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from services.assessment.decide import AssessmentDecider
from services.assessment.model import AssessmentStatus
from shared.contracts import agreement, desk, followup, followup_care, offer
from shared.contracts.assessment import (
    AssessmentCompleted,
    AssessmentExpired,
    HardshipKind,
    StatementReminded,
    StatementRequested,
)
from shared.contracts.base import Reason
from shared.contracts.envelope import Envelope
from shared.contracts.reasons import ReasonCode
from tests.unit.assessment.desk_says import (
    ALL,
    day,
    ended,
    hardship,
    opened,
    plan_broken,
    plan_started,
    renegotiation,
    states,
)
from tests.unit.builders import cny, message, reference
from tests.unit.spec import Given, given


def assessed(**overrides: Any) -> Given:
    return given(AssessmentDecider(), reference(**overrides)).when(opened(), states(3))


def signed(n: int, *, agreement_id: str = "AG-1", version: int = 1) -> Envelope[Any]:
    said = agreement.AgreementSigned(
        agreement_id=agreement_id,
        version=version,
        offer_id="offer-1",
        effective=day(n),
        schedules=(),
        instalments=(),
        content_hash="0" * 64,
        policy="example-card",
        policy_version="example-card@start#00000000",
    )
    return message(said, day(n))


def completed(n: int) -> Envelope[Any]:
    return message(agreement.AgreementCompleted(agreement_id="AG-1", as_of=day(n)), day(n))


@pytest.mark.parametrize("both", [(signed(5), plan_started(5)), (plan_started(5), signed(5))])
def test_who_tells_of_the_plan_first_makes_no_difference(both: tuple[Envelope[Any], ...]) -> None:
    after = assessed().when(*both)
    assert after.said == ()
    assert (after.state.status, after.decider.due(after.state)) == (AssessmentStatus.PLANNED, None)
    assert after.state == assessed().when(*reversed(both)).state


def test_after_a_plan_nobody_is_reminded_of_a_day_that_has_passed_while_it_was_kept() -> None:
    """A statement of half a year ago had left a point open: the borrower was told to clear it up by then."""
    kept = assessed(assessment__open_reminders_business_days=[5, 8]).when(signed(5), states(10), states(120))
    assert kept.state.wanted is not None
    assert kept.state.wanted.due < day(120)
    over = kept.when(completed(130))
    assert over.state.talks
    assert not [event for event in over.closes(day(131)).said if isinstance(event, StatementReminded)]
    soon = assessed(assessment__open_reminders_business_days=[5, 8]).when(
        signed(5), states(10), completed(11)
    )
    assert [event for event in soon.closes(day(20)).said if isinstance(event, StatementReminded)]


def test_a_hardship_reported_in_a_new_plan_is_not_forgotten_when_its_signature_arrives_late() -> None:
    after = assessed().when(plan_started(5), hardship(6), signed(5))
    assert after.state.status is AssessmentStatus.ASKED
    assert after.state.request is not None


def test_a_renegotiation_that_overtakes_the_signature_waits_for_it() -> None:
    early = assessed().when(renegotiation(60))
    assert (early.said, early.state.status) == ((), AssessmentStatus.ASSESSED)
    after = early.when(signed(5))
    assert after.emits(StatementRequested)
    assert after.decider.due(after.state) is not None


def test_figures_as_new_as_the_renegotiation_are_not_asked_again() -> None:
    after = assessed().when(plan_started(5), hardship(60), states(63)).when(renegotiation(60))
    assert after.said == ()
    assert after.decider.due(after.state) == day(
        63 + 90
    )  # talks are open: the figures' last day counts again
    older = assessed().when(plan_started(5), hardship(60), states(63)).when(renegotiation(64))
    assert older.emits(StatementRequested)


def test_the_end_of_another_agreement_leaves_the_plan_in_force() -> None:
    after = assessed().when(signed(5, agreement_id="AG-0"), signed(30))
    for late in (plan_broken(31), ended(31, ReasonCode.PLAN_BROKEN)):
        other = late.data.model_copy(update={"agreement_id": "AG-0"})
        assert after.when(message(other, day(31))).state == after.state
    assert after.when(plan_broken(31)).emits(StatementRequested)


def test_a_completed_plan_asks_nothing_but_an_open_case_keeps_a_date() -> None:
    fresh = assessed().when(signed(5)).when(completed(60))
    assert (fresh.said, fresh.decider.due(fresh.state)) == ((), day(93))
    stale = assessed().when(signed(5)).when(completed(200))
    due = stale.decider.due(stale.state)
    assert stale.said == ()
    assert due == date(2026, 9, 22)  # three business days of the timetable; Sunday the 20th is one
    assert stale.closes(due).emits(StatementRequested)


def test_what_is_on_file_and_still_good_is_not_asked_twice() -> None:
    start = given(AssessmentDecider(), reference()).when(opened(), states(2, "income", "assets"))
    lapsed = start.closes(date(2026, 3, 16))
    assert lapsed.state.status is AssessmentStatus.LAPSED
    rest = states(40, "spending", "dependants", "other_debts")
    assert lapsed.when(rest).emits(AssessmentCompleted)
    too_late = states(101, "spending", "dependants", "other_debts")
    assert lapsed.when(too_late).last(StatementRequested).missing == ("income", "assets")


def test_a_part_that_nobody_requires_is_not_waited_for() -> None:
    after = assessed(assessment__required_parts=["income", "spending"]).closes(day(93))
    assert after.last(StatementRequested).missing == ("income", "spending")
    renewed = after.when(states(95, "income", "spending"))
    assert renewed.last(AssessmentCompleted).expires == day(185)


def test_a_statement_is_always_answered_and_nothing_else_is_said_twice() -> None:
    after = assessed()
    same = after.when(states(3))
    assert same.emits(AssessmentCompleted)  # nobody who sends a statement meets silence
    assert same.last(AssessmentCompleted).version == 2
    assert same.last(AssessmentCompleted).answers_statement
    assert after.when(states(9, "dependants")).emits(AssessmentCompleted)
    told = after.when(hardship(10))
    assert not told.last(AssessmentCompleted).answers_statement
    assert told.when(hardship(10)).said == ()
    assert told.when(states(11)).last(AssessmentCompleted).answers_statement


def test_a_difficulty_may_end_as_late_as_the_calendar() -> None:
    said = desk.HardshipReported(
        cause=desk.HardshipCause.OTHER, since=date(9999, 12, 1), expected_end=date(9999, 12, 31)
    )
    after = assessed().when(message(said, day(5)))
    assert after.last(AssessmentCompleted).hardship is HardshipKind.TEMPORARY


def test_a_request_names_the_reasons_of_the_renegotiation() -> None:
    bare = followup.RenegotiationRequested(agreement_id="AG-1", as_of=day(60), reasons=())
    asked = assessed().when(signed(5)).when(message(bare, day(60))).last(StatementRequested)
    assert (asked.missing, asked.reasons[0].code) == (ALL, ReasonCode.STATEMENT_RENEWAL)


def no_plan(n: int, step: ReasonCode = ReasonCode.NEXT_TOKEN_PLAN, look: date | None = None) -> Envelope[Any]:
    said = offer.NoPlanFound(
        assessment_id="a",
        as_of=day(n),
        reason=Reason(code=ReasonCode.NOT_AFFORDABLE_UNDER_STRESS),
        next_step=Reason(code=step),
        review_on=look,
    )
    return message(said, day(n))


def test_talks_that_found_no_other_plan_end_with_the_figures_and_nobody_is_asked_anew() -> None:
    """Who kept to the old plan was asked for a whole statement every three months, for years."""
    talks = assessed().when(plan_started(5), renegotiation(60), states(63))
    resting = talks.when(no_plan(63))
    assert resting.said == ()
    over = resting.closes(day(63 + 90))
    assert over.emits(AssessmentExpired)
    assert (over.state.status, over.decider.due(over.state)) == (AssessmentStatus.PLANNED, None)
    assert over.when(hardship(200)).emits(StatementRequested), "another hardship is another round"
    # Without a plan in force the figures are renewed as before, and so they are while an offer may come: also
    # where offer has only put it off, for reasons of the lender's own.
    looks = talks.when(no_plan(63, look=day(70)))
    assert looks.closes(day(63 + 90)).emits(AssessmentExpired, StatementRequested)
    assert talks.closes(day(63 + 90)).emits(AssessmentExpired, StatementRequested)
    alone = assessed().when(no_plan(4)).closes(day(3 + 90))
    assert alone.emits(AssessmentExpired, StatementRequested)


def test_a_plan_that_is_live_again_after_its_completion_needs_no_figures() -> None:
    done = agreement.AgreementCompleted(agreement_id="AG-1", as_of=day(40))
    reason = Reason(code=ReasonCode.PAYMENT_RETURNED)
    back = followup_care.PlanReopened(
        agreement_id="AG-1", as_of=day(41), missing=(cny("1.00"),), reason=reason
    )
    over = assessed().when(plan_started(5), message(done, day(40)))
    assert over.state.live is False
    again = over.when(message(back, day(41)))
    assert (again.state.status, again.state.live) == (AssessmentStatus.PLANNED, True)
    assert again.decider.due(again.state) is None or again.closes(day(3 + 90)).emits(AssessmentExpired)
