"""Alerts about what surrounds a plan: reviews, problems, a completion undone, and who is not pressed."""

from __future__ import annotations

from datetime import date, timedelta

from services.alert.decide import AlertDecider
from shared.contracts import desk_care, followup, followup_care, intake, offer
from shared.contracts.alert import AlertEscalated, AlertKind, AlertRaised, AlertResolved, RemedyStarted
from shared.contracts.base import Reason
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import DAY, case_opened, cny, message, reference
from tests.unit.spec import Given, given

LATER = DAY + timedelta(days=6)


def case() -> Given:
    start = given(AlertDecider(), reference()).when(message(case_opened()))
    return start.when(message(intake.CaseAssigned(owner="n-1")))


def missed(*, shielded: bool) -> followup.InstalmentMissed:
    return followup.InstalmentMissed(
        agreement_id="a", version=1, number=1, due=DAY, total=cny("100.00"), paid=cny("0.00"),
        missed_in_a_row=1, shielded=shielded,
    )  # fmt: skip


def test_nobody_is_called_about_what_was_missed_after_a_report_of_hardship() -> None:
    assert case().when(message(missed(shielded=True))).said == ()
    assert case().when(message(missed(shielded=False))).emits(AlertRaised, RemedyStarted)


def test_an_alert_names_its_owner_and_how_long_it_lasted() -> None:
    raised = case().when(message(missed(shielded=False)))
    assert raised.last(AlertRaised).owner == "n-1"
    paid = followup.InstalmentPaid(
        agreement_id="a", version=1, number=1, due=DAY, total=cny("100.00"), paid=cny("100.00"), on=LATER,
        on_time=False,
    )  # fmt: skip
    assert raised.when(message(paid, LATER)).last(AlertResolved).days == 6


def overdue(number: int = 1) -> followup_care.ReviewOverdue:
    return followup_care.ReviewOverdue(number=number, due=DAY, as_of=DAY, owner="n-1")


def test_an_overdue_review_has_a_remedy_until_it_is_held_or_declined() -> None:
    raised = case().when(message(overdue()))
    assert raised.last(AlertRaised).kind is AlertKind.REVIEW_OVERDUE
    assert raised.closes(DAY + timedelta(days=3)).emits(AlertEscalated)
    passed = followup_care.ReviewPassed(
        number=1, outcome=desk_care.ReviewOutcome.DECLINED, next_review=date(2026, 9, 2)
    )
    assert raised.when(message(passed, LATER)).last(AlertResolved).reason.code is ReasonCode.REVIEW_DONE


def test_overdue_problems_are_one_alert_until_the_last_is_solved() -> None:
    def late(name: str) -> followup_care.ProblemOverdue:
        return followup_care.ProblemOverdue(problem_id=name, as_of=DAY, to_role="supervisor")

    def solved(name: str) -> followup_care.ProblemResolved:
        return followup_care.ProblemResolved(problem_id=name, as_of=LATER, by="n-1", days=9)

    two = case().when(message(late("q")), message(late("r")))
    assert two.emits(AlertRaised, RemedyStarted)
    one = two.when(message(solved("q"), LATER), message(solved("other"), LATER))
    assert one.said == ()
    assert one.when(message(solved("r"), LATER)).emits(AlertResolved)


def test_a_completion_that_is_undone_is_explained_at_once() -> None:
    reopened = followup_care.PlanReopened(
        agreement_id="a", as_of=DAY, missing=(cny("5.00"),), reason=Reason(code=ReasonCode.PAYMENT_RETURNED)
    )
    raised = case().when(message(reopened))
    assert raised.last(AlertRaised).kind is AlertKind.COMPLETION_UNDONE
    done = followup.PlanCompleted(agreement_id="a", as_of=LATER, paid=(cny("100.00"),))
    assert raised.when(message(done, LATER)).emits(AlertResolved)


def test_declining_a_review_is_a_word_and_not_being_reached_is_not() -> None:
    asked = case().when(message(offer.OfferTabled.model_construct()))
    declined = asked.when(
        message(desk_care.ReviewNotHeld(outcome=desk_care.ReviewOutcome.DECLINED), DAY + timedelta(days=9))
    )
    assert declined.state.heard_on == DAY + timedelta(days=9)
    silent = asked.when(
        message(desk_care.ReviewNotHeld(outcome=desk_care.ReviewOutcome.NOT_REACHED), DAY + timedelta(days=9))
    )
    assert silent.state.heard_on is None
