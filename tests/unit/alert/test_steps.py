"""A step of the timetable that was not done in time: an alert with a remedy until every step is caught up."""

from __future__ import annotations

from datetime import timedelta

from services.alert.decide import AlertDecider
from shared.contracts.alert import AlertEscalated, AlertKind, AlertRaised, AlertResolved, RemedyStarted
from shared.contracts.intake_team import StepCaughtUp, StepOverdue
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import DAY, case_opened, message, reference
from tests.unit.spec import Given, given


def late(step: str = "first_contact") -> StepOverdue:
    return StepOverdue(
        step=step,
        action="call_borrower",
        owner_role="negotiator",
        owner="n-1",
        due=DAY,
        escalate_to="supervisor",
    )


def done(step: str = "first_contact", still: int = 0) -> StepCaughtUp:
    return StepCaughtUp(step=step, due=DAY, as_of=DAY, still_overdue=still)


def raised() -> Given:
    return given(AlertDecider(), reference()).when(message(case_opened()), message(late()))


def test_an_overdue_step_is_an_alert_with_its_remedy_and_escalates() -> None:
    now = raised()
    assert now.emits(AlertRaised, RemedyStarted)
    said = now.last(AlertRaised)
    assert (said.kind, said.about, said.remedy) == (AlertKind.STEP_OVERDUE, "first_contact", "do_step")
    assert said.reasons[0].code is ReasonCode.STEP_OVERDUE
    assert now.closes(DAY + timedelta(days=3)).emits(AlertEscalated)


def test_it_ends_with_the_last_step_that_is_caught_up() -> None:
    two = raised().when(message(late("statement")))
    assert two.said == (), "one alert while it lasts"
    one = two.when(message(done(still=1)))
    assert one.said == ()
    none = one.when(message(done("statement")))
    assert none.emits(AlertResolved)
    assert none.last(AlertResolved).reason.code is ReasonCode.STEP_DONE
