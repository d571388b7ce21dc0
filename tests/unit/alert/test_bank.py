"""The bank's silence: about stops, credits and rewards as about plans, also when the case is closed."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from services.alert.decide import AlertDecider
from services.alert.model import AlertStatus
from shared.contracts import agreement, followup, followup_care, intake
from shared.contracts.alert import AlertKind, AlertRaised, AlertResolved, RemedyStarted
from shared.contracts.base import Event, Reason
from shared.contracts.desk_care import CreditChoice
from shared.contracts.parties import StopCause
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import DAY, case_opened, cny, debt, message, reference
from tests.unit.spec import Given, given
from tests.unit.stopping import begins

BY = DAY + timedelta(days=3)


def stops() -> Event:
    held = intake.HeldDebt(debt_id="A-1", stops=("contact",), collection=agreement.CollectionOrder.STOP)
    return intake.StopsInstructed(instruction_id="I-1", effective=DAY, answer_by=BY, holds=(held,))


def plan() -> Event:
    return agreement.BankInstructed(
        instruction_id="I-1", agreement_id="a", version=1, kind=agreement.InstructionKind.PLAN_COMPLETED,
        effective=DAY, answer_by=BY,
    )  # fmt: skip


def credit() -> Event:
    return followup_care.CreditInstructed(
        instruction_id="I-1", amount=cny("12.00"), choice=CreditChoice.REFUND, answer_by=BY
    )


def referral() -> Event:
    reason = Reason(code=ReasonCode.LEGAL_COMPLAINT_OPEN)
    return followup_care.LegalReferralHeld(instruction_id="I-1", as_of=DAY, reason=reason, answer_by=BY)


def reward() -> Event:
    return followup.RewardGranted(reward="lower_rate", after_instalment=6, instruction_id="I-1", answer_by=BY)


def answered(*, confirmed: bool = True) -> Event:
    return intake.BankAnswered(instruction_id="I-1", confirmed=confirmed, as_of=DAY)


def case() -> Given:
    return given(AlertDecider(), reference()).when(message(case_opened()))


def closed() -> Event:
    return intake.CaseClosed(as_of=DAY, reason=intake.CloseReason.PLAN_COMPLETED, debts=(debt(),))


ENDS = [pytest.param(asks, id=asks.__name__) for asks in (stops, plan, credit, referral)]
ASKED = [*ENDS, pytest.param(reward, id="reward")]


@pytest.mark.parametrize("asks", ASKED)
def test_silence_past_the_deadline_raises_an_alert_and_an_answer_ends_it(asks: Any) -> None:
    asked = case().when(message(asks()))
    assert asked.closes(BY - timedelta(days=1)).said == ()
    silent = asked.closes(BY)
    assert silent.emits(AlertRaised, RemedyStarted)
    assert silent.last(AlertRaised).kind is AlertKind.BANK_SILENT
    assert silent.when(message(answered(), BY + timedelta(days=1))).emits(AlertResolved)


@pytest.mark.parametrize("confirmed", [True, False])
@pytest.mark.parametrize("asks", ASKED)
def test_an_answer_in_time_is_no_alert_whichever_it_is(asks: Any, confirmed: bool) -> None:
    asked = case().when(message(asks()), message(answered(confirmed=confirmed)))
    assert asked.closes(date(2026, 12, 1)).said == ()


@pytest.mark.parametrize("asks", ENDS)
@pytest.mark.parametrize("first", ["closed", "asked"])
def test_what_the_bank_was_told_at_the_end_is_followed_when_the_case_is_closed(asks: Any, first: str) -> None:
    both = [message(closed()), message(asks())]
    over = case().when(*(both if first == "closed" else reversed(both)))
    assert over.state.status is AlertStatus.CLOSED
    silent = over.closes(BY)
    assert silent.emits(AlertRaised, RemedyStarted)
    assert silent.state.status is AlertStatus.CLOSED
    assert over.when(message(answered())).closes(BY).said == ()


def test_a_halted_case_still_hears_of_the_silence_about_its_stop() -> None:
    halted = case().when(*begins(StopCause.DEATH, DAY), message(stops()))
    assert halted.closes(BY).emits(AlertRaised, RemedyStarted)


def test_what_the_bank_refused_after_the_end_and_nobody_solved_raises_an_alert_too() -> None:
    over = case().when(message(closed()))
    late = followup_care.ProblemOverdue(problem_id="q", as_of=BY, to_role="supervisor")
    raised = over.when(message(late, BY))
    assert raised.last(AlertRaised).kind is AlertKind.PROBLEM_OVERDUE
    solved = followup_care.ProblemResolved(problem_id="q", as_of=BY, by="n-1", days=1)
    assert raised.when(message(solved, BY)).emits(AlertResolved)


def test_an_older_instruction_that_names_no_day_is_not_waited_for() -> None:
    old = credit().model_copy(update={"answer_by": None})
    option = reward().model_copy(update={"instruction_id": None, "answer_by": None})
    assert case().when(message(old), message(option)).closes(date(2026, 12, 1)).said == ()
