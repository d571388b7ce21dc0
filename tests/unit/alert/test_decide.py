"""Alerts as tables: given a watched case, when something goes wrong, then one alert with its remedy."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given as draws
from hypothesis import settings
from hypothesis import strategies as st

from services.alert.decide import AlertDecider
from services.alert.model import AlertStatus
from shared.contracts import agreement, assessment, desk, followup, intake, offer
from shared.contracts.alert import (
    AlertEscalated,
    AlertKind,
    AlertRaised,
    AlertResolved,
    AlertTaken,
    InputRefused,
    RemedyStarted,
)
from shared.contracts.base import Event, Personal, Reason
from shared.contracts.intake import CloseReason
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import DAY, case_opened, cny, debt, message, reference
from tests.unit.spec import Given, given

AGREEMENT = "ag-1"


def after(days: int) -> date:
    return DAY + timedelta(days=days)


def watched(**overrides: Any) -> Given:
    return given(AlertDecider(), reference(**overrides)).when(message(case_opened(debt())))


def row(kind: type[Event], number: int = 1, version: int = 1, **more: Any) -> Event:
    return kind(agreement_id=AGREEMENT, version=version, number=number, due=DAY, total=cny("100.00"),
                paid=cny("0.00"), **more)  # type: ignore[call-arg]  # fmt: skip


def missed(number: int = 1, in_a_row: int = 1) -> Event:
    return row(followup.InstalmentMissed, number, missed_in_a_row=in_a_row)


def paid(number: int = 1) -> Event:
    return row(followup.InstalmentPaid, number, on=DAY, on_time=False)


def corrected(was: str, now: str, number: int = 1) -> Event:
    reason = Reason(code=ReasonCode.PAID_LATER_FOUND)
    return row(followup.InstalmentCorrected, number, was=was, now=now, reason=reason)


BROKEN = followup.PromiseBroken(promise_id="p-1", promised=cny("100.00"), paid=cny("0.00"), due=DAY)
KEPT = followup.PromiseKept(promise_id="p-1", paid=cny("100.00"))
PLAN_BROKEN = followup.PlanBroken(agreement_id=AGREEMENT, as_of=DAY, missed=3, reasons=())
REQUESTED = assessment.StatementRequested(missing=("income",), due=after(10))
STATEMENT = desk.StatementSubmitted(as_of=DAY, dependants=0)
INSTRUCTED = agreement.BankInstructed(
    instruction_id="i-1",
    agreement_id=AGREEMENT,
    version=1,
    kind=agreement.InstructionKind.STOP_COLLECTION,
    effective=DAY,
    answer_by=after(3),
)
ANSWERED = intake.BankAnswered(instruction_id="i-1", confirmed=True, as_of=DAY)
PAYMENT = intake.PaymentMatched(
    payment_id="p", amount=cny("1.00"), value_date=DAY, allocations=(), unallocated=cny("1.00")
)
CLOSED = intake.CaseClosed(as_of=DAY, reason=CloseReason.CURED)


@pytest.mark.parametrize(
    ("cause", "kind", "cure"),
    [
        (missed(), AlertKind.INSTALMENT_MISSED, paid()),
        (missed(), AlertKind.INSTALMENT_MISSED, corrected("missed", "paid")),
        (corrected("paid", "missed"), AlertKind.INSTALMENT_MISSED, paid()),
        (BROKEN, AlertKind.PROMISE_BROKEN, KEPT),
        (PLAN_BROKEN, AlertKind.PLAN_BROKEN, CLOSED),
    ],
    ids=["missed-paid", "missed-corrected", "unpaid-again", "promise", "plan"],
)
def test_a_cause_raises_one_alert_with_its_remedy_and_its_cure_resolves_it_once(
    cause: Event, kind: AlertKind, cure: Event
) -> None:
    raised = watched().when(message(cause))
    assert raised.emits(AlertRaised, RemedyStarted)
    alert = raised.last(AlertRaised)
    assert alert.kind is kind
    assert raised.last(RemedyStarted).remedy == alert.remedy
    again = raised.when(message(cause))
    assert again.emits()
    cured = again.when(message(cure))
    assert cured.emits(AlertResolved)
    assert cured.last(AlertResolved).alert_id == alert.alert_id
    assert cured.when(message(cure)).emits()


def test_a_run_of_misses_is_one_alert_and_ends_with_the_last_of_them() -> None:
    run = watched().when(message(missed(1)), message(missed(2, 2)))
    assert run.emits(AlertRaised, RemedyStarted)
    half = run.when(message(paid(1)))
    assert half.emits()
    assert half.when(message(paid(2))).emits(AlertResolved)


def test_a_new_run_is_a_new_alert() -> None:
    first = watched().when(message(missed(1)))
    second = first.when(message(paid(1))).when(message(missed(1)))
    assert second.emits(AlertRaised, RemedyStarted)
    assert second.last(AlertRaised).alert_id != first.last(AlertRaised).alert_id


def test_the_remedys_time_passes_and_the_alert_escalates_once() -> None:
    raised = watched().when(message(missed()))
    due = raised.last(RemedyStarted).due
    assert raised.closes(due - timedelta(days=1)).emits()
    late = raised.closes(due)
    assert late.emits(AlertEscalated)
    assert late.closes(after(60)).emits()
    assert raised.when(message(paid())).closes(due).emits()


@pytest.mark.parametrize(
    "sign",
    [
        STATEMENT,
        desk.PromiseMade(promise_id="p", amount=cny("1.00"), due=DAY),
        desk.PreferencesSet(language="zh"),
        PAYMENT,
    ],
    ids=["statement", "promise", "preferences", "payment"],
)  # fmt: skip
def test_a_silent_borrower_raises_one_alert_and_any_sign_resolves_it(sign: Event) -> None:
    asked = watched(alert__silent_days=14).when(message(REQUESTED))
    assert asked.closes(after(13)).emits()
    silent = asked.closes(after(14))
    assert silent.emits(AlertRaised, RemedyStarted)
    assert silent.last(AlertRaised).kind is AlertKind.BORROWER_SILENT
    assert not any(isinstance(event, AlertRaised) for event in silent.closes(after(60)).said)
    assert silent.when(message(sign, after(15))).emits(AlertResolved)


def test_a_sign_in_time_begins_the_silence_anew() -> None:
    asked = watched(alert__silent_days=14).when(message(REQUESTED), message(STATEMENT, after(10)))
    assert asked.closes(after(23)).emits()
    assert asked.closes(after(24)).emits(AlertRaised, RemedyStarted)


def test_who_is_asked_for_nothing_is_not_silent() -> None:
    lapsed = assessment.AssessmentLapsed(
        as_of=DAY, missing=("income",), next_step=Reason(code=ReasonCode.NEXT_HUMAN_REVIEW)
    )
    assert watched().closes(after(90)).emits()
    assert watched().when(message(REQUESTED), message(lapsed)).closes(after(90)).emits()


def test_a_call_that_nobody_answered_is_no_sign() -> None:
    def call(outcome: desk.ContactOutcome) -> desk.ContactRecorded:
        return desk.ContactRecorded(
            at=message(STATEMENT, after(5)).time,
            place="phone",
            participants=("negotiator",),
            key_points=Personal(value="-"),
            direction=desk.ContactDirection.OUTBOUND,
            outcome=outcome,
            channel="phone",
        )

    asked = watched(alert__silent_days=14).when(message(REQUESTED))
    unheard = asked.when(message(call(desk.ContactOutcome.NO_ANSWER), after(5)))
    assert unheard.closes(after(14)).emits(AlertRaised, RemedyStarted)
    assert asked.when(message(call(desk.ContactOutcome.TALKED), after(5))).closes(after(14)).emits()


def test_a_silent_bank_raises_an_alert_that_its_answer_resolves() -> None:
    told = watched().when(message(INSTRUCTED))
    silent = told.closes(after(3))
    assert silent.emits(AlertRaised, RemedyStarted)
    assert silent.last(AlertRaised).kind is AlertKind.BANK_SILENT
    assert silent.when(message(ANSWERED, after(4))).emits(AlertResolved)
    assert told.when(message(ANSWERED)).closes(after(3)).emits()


def test_an_answer_that_overtakes_its_instruction_waits_for_it() -> None:
    assert watched().when(message(ANSWERED)).when(message(INSTRUCTED)).closes(after(3)).emits()


def test_a_person_takes_an_alert_and_an_unknown_or_closed_one_is_refused() -> None:
    raised = watched().when(message(missed()))
    taken = desk.AlertAcknowledged(alert_id=raised.last(AlertRaised).alert_id, by="n-1")
    assert raised.when(message(taken)).emits(AlertTaken)
    unknown = raised.when(message(desk.AlertAcknowledged(alert_id="x", by="n-1")))
    assert unknown.last(InputRefused).reason.code is ReasonCode.ALERT_UNKNOWN
    gone = raised.when(message(paid())).when(message(taken))
    assert gone.last(InputRefused).reason.code is ReasonCode.ALERT_CLOSED


def test_a_closed_case_resolves_everything_and_is_watched_no_more() -> None:
    troubled = watched().when(message(missed()), message(BROKEN), message(REQUESTED))
    closed = troubled.when(message(CLOSED))
    assert closed.emits(AlertResolved, AlertResolved)
    assert closed.state.status is AlertStatus.CLOSED
    assert closed.when(message(missed(2))).emits()
    assert closed.closes(after(400)).emits()


def test_what_comes_before_the_case_waits_for_it() -> None:
    early = given(AlertDecider(), reference()).when(message(missed()))
    assert early.emits()
    assert early.when(message(case_opened(debt()))).emits(AlertRaised, RemedyStarted)


def test_the_pack_decides_who_is_silent_and_what_is_done() -> None:
    asked = watched(alert__silent_days=3).when(message(REQUESTED))
    assert asked.closes(after(3)).emits(AlertRaised, RemedyStarted)
    rules = [
        {"kind": "instalment_missed", "severity": "high", "remedy": "visit", "owner_role": "supervisor",
         "business_days": 1, "escalate_to": "head"}
    ]  # fmt: skip
    raised = watched(alert__rules=rules).when(message(missed())).last(AlertRaised)
    assert (raised.remedy, raised.owner_role, raised.severity) == ("visit", "supervisor", "high")
    assert watched(alert__rules=[]).when(message(missed())).emits()


_TABLED_ENDS = offer.OfferLapsed(
    offer_id="o", round=1, as_of=DAY, next_step=Reason(code=ReasonCode.NEXT_HUMAN_REVIEW)
)
_ANY = (
    missed(1), missed(2, 2), paid(1), paid(2), corrected("paid", "missed"), corrected("missed", "paid"),
    BROKEN, KEPT, PLAN_BROKEN, REQUESTED, STATEMENT, INSTRUCTED, ANSWERED, _TABLED_ENDS, CLOSED,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@draws(st.lists(st.tuples(st.integers(0, len(_ANY)), st.integers(0, 40)), max_size=25))
def test_every_alert_is_raised_and_resolved_at_most_once_whatever_comes(steps: list[tuple[int, int]]) -> None:
    now, said = watched(), []
    day = 0
    for which, days in steps:
        day += days
        now = now.closes(after(day)) if which == len(_ANY) else now.when(message(_ANY[which], after(day)))
        said += now.said
    raised = [e.alert_id for e in said if isinstance(e, AlertRaised)]
    resolved = [e.alert_id for e in said if isinstance(e, AlertResolved)]
    escalated = [e.alert_id for e in said if isinstance(e, AlertEscalated)]
    assert len(set(raised)) == len(raised)
    assert len(set(resolved)) == len(resolved)
    assert len(set(escalated)) == len(escalated)
    assert set(resolved) <= set(raised)
    assert {a.alert_id for a in now.state.alerts} == set(raised) - set(resolved)
