"""A stop told to the desk on the very day on which something ends: what comes of it is the same in any order.

Intake reads the desk without waiting for its days, so its word on the stop may come before the day's close or
after it. Nothing is concluded from the day before the next close, in every service that waits for the desk.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from shared.contracts import intake
from shared.contracts.agreement import AgreementReturned, AgreementSigned
from shared.contracts.alert_steps import StepOverdue, StepReminded
from shared.contracts.assessment import AssessmentLapsed, StatementReminded
from shared.contracts.base import Event
from shared.contracts.desk_parties import StopLifted, StopReported
from shared.contracts.envelope import Envelope
from shared.contracts.followup import InstalmentMissed
from shared.contracts.offer import OfferLapsed
from shared.contracts.parties import StopCause, judged_on
from tests.unit.agreement.test_decide import BOTH, DEBTS, SIGN_BY, drafted, signed_by
from tests.unit.agreement.test_decide import after as day_of_agreement
from tests.unit.alert.test_timetable import CONTACT_DUE, opened
from tests.unit.assessment.test_stops import asked
from tests.unit.builders import DAY, message
from tests.unit.followup.plans import GRACE, live, lives_to
from tests.unit.offer.table import after, tabled
from tests.unit.spec import Given
from tests.unit.stopping import begins

CAUSE = StopCause.DISPUTE
NEXT = timedelta(days=1)


def closing(step: Given, first: date, last: date) -> Given:
    while first <= last:
        step, first = step.closes(first), first + NEXT
    return step


def offer_expires() -> tuple[Given, date, list[Envelope[Any]]]:
    return tabled(), after(15), begins(CAUSE, after(15))


def both_have_signed() -> tuple[Given, date, list[Envelope[Any]]]:
    return signed_by(drafted(), *BOTH), day_of_agreement(2), both_held(day_of_agreement(2))


def nobody_has_signed() -> tuple[Given, date, list[Envelope[Any]]]:
    return drafted(), SIGN_BY, both_held(SIGN_BY)


def both_held(on: date) -> list[Envelope[Any]]:
    status = begins(CAUSE, on)[0].data.debts[0].status
    held = tuple(debt.model_copy(update={"status": status}) for debt in DEBTS)
    return [message(intake.CaseChanged(as_of=on, debts=held), on), begins(CAUSE, on)[1]]


def is_reminded_of_a_statement() -> tuple[Given, date, list[Envelope[Any]]]:
    start = asked()
    return start, start.state.request.reminders[0], begins(CAUSE, start.state.request.reminders[0])


def gives_no_statement() -> tuple[Given, date, list[Envelope[Any]]]:
    start = asked()
    last = start.state.request.due
    return closing(start, DAY, last - NEXT), last, begins(CAUSE, last)


def instalment_is_missed() -> tuple[Given, date, list[Envelope[Any]]]:
    return lives_to(live(), GRACE - NEXT), GRACE, begins(CAUSE, GRACE)


def nobody_has_called() -> tuple[Given, date, list[Envelope[Any]]]:
    return closing(opened(), DAY, CONTACT_DUE - NEXT), CONTACT_DUE, begins(CAUSE, CONTACT_DUE)


LAST_DAYS: dict[Callable[[], tuple[Given, date, list[Envelope[Any]]]], type[Event]] = {
    offer_expires: OfferLapsed,
    both_have_signed: AgreementSigned,
    nobody_has_signed: AgreementReturned,
    is_reminded_of_a_statement: StatementReminded,
    gives_no_statement: AssessmentLapsed,
    instalment_is_missed: InstalmentMissed,
    nobody_has_called: StepOverdue,
}
each_last_day = pytest.mark.parametrize("last_day", LAST_DAYS, ids=lambda one: one.__name__)


def told(on: date) -> Envelope[Any]:
    return message(StopReported(stop_id="s-1", cause=CAUSE, since=on), on)


def kinds(step: Given) -> list[type[Event]]:
    return [type(event) for event in step.said]


@each_last_day
def test_intakes_word_may_come_before_the_close_or_after_it(last_day: Any) -> None:
    start, on, word = last_day()
    before = start.when(told(on), *word)
    early, early_next = before.closes(on), before.closes(on).closes(on + NEXT)
    late = start.when(told(on)).closes(on)
    came = late.when(*word)
    late_next = came.closes(on + NEXT)
    said_early = [*before.said, *early.said, *early_next.said]
    said_late = [*late.said, *came.said, *late_next.said]
    assert sorted(map(repr, said_early)) == sorted(map(repr, said_late))
    assert early_next.state == late_next.state
    if LAST_DAYS[last_day] not in {InstalmentMissed, AgreementReturned}:  # recorded and shielded; at once
        assert LAST_DAYS[last_day] not in map(type, said_early)


@each_last_day
@pytest.mark.parametrize("lifted", [False, True])
def test_where_intake_has_nothing_to_say_it_is_concluded_a_day_later(last_day: Any, lifted: bool) -> None:
    start, on, _ = last_day()
    end = message(StopLifted(stop_id="s-1", on=on), on)
    step = start.when(end if lifted else told(on)).closes(on)
    assert LAST_DAYS[last_day] in kinds(start.closes(on))
    assert LAST_DAYS[last_day] not in kinds(step)
    assert LAST_DAYS[last_day] in kinds(step.closes(on + NEXT))


def test_what_both_have_signed_is_in_force_from_the_day_of_the_last_signature() -> None:
    start, on, _ = both_have_signed()
    signed = start.when(told(on)).closes(on).closes(on + NEXT).last(AgreementSigned)
    assert signed.effective == on


def test_an_offer_lapses_as_of_its_last_day() -> None:
    start, on, _ = offer_expires()
    assert start.when(told(on)).closes(on).closes(on + NEXT).last(OfferLapsed).as_of == on


def test_a_stop_told_the_day_before_puts_nothing_off() -> None:
    start, on, _ = nobody_has_called()
    assert StepOverdue in kinds(start.when(told(on - NEXT)).closes(on))


def reminded_on(step: Given, told_on: date | None) -> list[date]:
    days = []
    for n in range(14):
        day = DAY + timedelta(days=n)
        step = (step.when(told(day)) if day == told_on else step).closes(day)
        days += [day for event in step.said if isinstance(event, StepReminded)]
    return days


def test_a_reminder_of_a_step_waits_too_and_is_given_once() -> None:
    days = reminded_on(opened(), None)
    assert days
    assert reminded_on(opened(), days[-1]) == [*days[:-1], days[-1] + NEXT]


@pytest.mark.parametrize(
    ("due", "told_on", "judged"),
    [(0, None, 0), (0, -1, 0), (0, 0, 1), (0, 1, 2), (2, 1, 2)],
)
def test_the_day_of_the_judgement(due: int, told_on: int | None, judged: int) -> None:
    on = None if told_on is None else DAY + timedelta(days=told_on)
    assert judged_on(DAY + timedelta(days=due), on) == DAY + timedelta(days=judged)
    assert judged_on(date.max, date.max) == date.max
