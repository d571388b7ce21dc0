"""The timetable of a case: what is reminded of, overdue and done, in business days of the jurisdiction."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

import pytest

from services.intake.decide import IntakeDecider
from shared.contracts import desk, desk_parties
from shared.contracts.base import Personal, Reason
from shared.contracts.intake_team import StepCaughtUp, StepOverdue, StepReminded
from shared.contracts.offer import TalksFailed
from shared.contracts.parties import StopCause
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import assessed, message, reference, signed
from tests.unit.intake.bank_says import cured, day, overdue
from tests.unit.intake.team import roster
from tests.unit.spec import Given, given

# Monday 2 March 2026: the first contact is due on Wednesday the 4th, the statement on Monday the 16th.
CONTACT_DUE, STATEMENT_DUE = date(2026, 3, 4), date(2026, 3, 16)


def opened(**people: dict[str, Any]) -> Given:
    return given(IntakeDecider(), reference(roster=roster(**(people or {"a": {}})))).when(overdue())


def contact(on: date, outcome: desk.ContactOutcome = desk.ContactOutcome.NO_ANSWER) -> Any:
    data = desk.ContactRecorded(
        at=datetime.combine(on, time(9), UTC),
        place="phone",
        participants=("a",),
        key_points=Personal(value="-"),
        direction=desk.ContactDirection.OUTBOUND,
        outcome=outcome,
        channel="phone",
    )
    return message(data, on)


def statement(on: date, hour: int = 9) -> Any:
    return message(desk.StatementSubmitted(as_of=on), on, hour=hour)


def failed(on: date) -> Any:
    reason = Reason(code=ReasonCode.NO_CASE)
    return message(TalksFailed(rounds=3, as_of=on, reason=reason, next_step=reason), on)


def test_a_silent_case_is_reminded_of_and_escalated_step_by_step_and_then_is_quiet() -> None:
    now, said = opened(), []
    for n in range(200):
        now = now.closes(day(n))
        said += [(day(n), type(event), event) for event in now.said]
    assert [(on, kind) for on, kind, _ in said] == [
        (CONTACT_DUE, StepOverdue),
        (date(2026, 3, 12), StepReminded),
        (STATEMENT_DUE, StepOverdue),
    ]
    late = said[0][2]
    assert (late.step, late.action, late.owner, late.due) == (
        "first_contact",
        "call_borrower",
        "a",
        CONTACT_DUE,
    )
    assert late.escalate_to == "supervisor"
    assert now.decider.due(now.state) == date(2034, 12, 31), "nothing more until the certificate runs out"


def test_a_step_that_is_done_in_time_says_nothing() -> None:
    now = opened().when(contact(day(1)))
    assert now.said == ()
    assert now.when(statement(day(3))).closes(day(3)).said == ()


@pytest.mark.parametrize(
    ("on_time", "what"),
    [
        pytest.param(contact(day(1)), "first_contact", id="an attempt is the first contact"),
        pytest.param(statement(day(2)), "first_contact", id="who hands in a statement was reached"),
        pytest.param(statement(day(2)), "statement", id="the statement is in"),
    ],
)
def test_what_ends_a_step(on_time: Any, what: str) -> None:
    now, said = opened().when(on_time), []
    for n in range(60):
        now = now.closes(day(n))
        said += [event.step for event in now.said if isinstance(event, StepOverdue)]
    assert what not in said


def test_an_overdue_step_that_is_done_is_caught_up_and_says_what_is_still_open() -> None:
    late = opened().closes(day(40))
    assert len(late.said) >= 2
    reached = late.when(contact(day(41)))
    assert reached.emits(StepCaughtUp)
    assert reached.last(StepCaughtUp).still_overdue == 1
    done = reached.when(statement(day(42)))
    assert done.emits(StepCaughtUp)
    assert (done.last(StepCaughtUp).step, done.last(StepCaughtUp).still_overdue) == ("statement", 0)


def test_the_way_to_a_plan_and_no_step_while_it_is_kept() -> None:
    now = opened().when(statement(day(1)))
    assert [step.name for step in now.state.steps] == ["assessment"]
    now = now.when(message(assessed(), day(2)))
    assert [step.name for step in now.state.steps] == ["offer"]
    now = now.when(message(signed((day(30), "500.00")), day(9)))
    assert now.state.stage == "performing"
    for n in range(400):
        now = now.closes(day(n))
        assert now.said == ()
    assert now.decider.due(now.state) == date(2034, 12, 31)
    assert now.when(failed(day(401))).state.steps[0].name == "no_plan"


def test_what_was_only_read_late_leads_no_case_back() -> None:
    now = opened().when(message(signed((day(30), "500.00")), day(9)))
    assert now.when(message(assessed(), day(2))).state == now.state
    assert now.when(failed(day(8))).state == now.state


def test_a_step_of_after_hours_begins_the_next_day_and_holidays_do_not_count() -> None:
    early = opened().when(statement(day(1), hour=9)).state.steps[0]
    late = opened().when(statement(day(1), hour=11)).state.steps[0]  # 19:00 on the owner's clock
    assert (early.due, late.due) == (date(2026, 3, 6), date(2026, 3, 9))
    before = opened().when(statement(date(2026, 9, 24))).state.steps[0]
    assert before.due == date(2026, 9, 30), "Mid-Autumn and the weekend do not count"


def test_a_reminder_comes_on_a_day_on_which_the_owner_works() -> None:
    part_time = {"hours": {"days": ["mon", "tue"]}}
    assert [step.remind_on for step in opened(a=part_time).state.steps] == [None, date(2026, 3, 10)]


def test_while_all_debts_are_stopped_the_owner_only_looks_at_the_stop_and_then_the_step_begins_anew() -> None:
    stop = desk_parties.StopReported(stop_id="S-1", cause=StopCause.INSOLVENCY, since=day(1))
    now = opened().when(message(stop, day(1)))
    looks = 0
    for n in range(60):
        now = now.closes(day(n))
        assert [type(event) for event in now.said] in ([], [StepReminded])
        looks += len(now.said)
        assert now.state.next_date is not None
    assert looks >= 1
    assert [step.name for step in now.state.steps] == ["stopped"]
    assert day(59) < now.state.steps[0].due < day(95)
    back = now.when(message(desk_parties.StopLifted(stop_id="S-1", on=day(60)), day(60)))
    assert [step.name for step in back.state.steps] == ["statement"]
    assert back.state.steps[0].due > day(60)
    assert back.closes(day(90)).emits(StepReminded, StepOverdue)


def test_of_a_closed_case_nothing_is_due() -> None:
    closed = opened().when(cured(1))
    assert closed.closes(day(60)).said == ()
    assert closed.state.steps == ()


def test_old_documents_are_read() -> None:
    old = {"customer": "C-1", "timetable": ["2026-03-04"], "next_review": "2026-03-04"}
    state = type(opened().state).model_validate(old, strict=False)
    assert (state.steps, state.stage) == ((), None)
