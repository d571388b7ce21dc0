"""Alerts as tables: given a case, when something goes wrong or is cured, then what is raised and resolved."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from services.alert.decide import AlertDecider
from services.alert.model import AlertStatus
from shared.contracts import agreement, assessment, desk, followup, intake, offer
from shared.contracts.alert import (
    AlertEscalated,
    AlertKind,
    AlertRaised,
    AlertResolved,
    AlertSeverity,
    AlertTaken,
    ComplaintOpened,
    InputRefused,
    RemedyStarted,
)
from shared.contracts.base import Event, Personal, Reason
from shared.contracts.debts import Measure, Plan
from shared.contracts.reasons import ReasonCode
from shared.policy.testing import example_pack
from tests.unit.builders import DAY, case_opened, cny, message, paid, reference, signed, taken_back
from tests.unit.spec import Given, given

DUE = date(2026, 3, 2)
SILENT = DAY + timedelta(days=15)
REASON = Reason(code=ReasonCode.NO_ANSWER)


def after(days: int) -> date:
    return DAY + timedelta(days=days)


def case(*packs: Any, **overrides: Any) -> Given:
    """A case without steps: those have tests of their own."""
    overrides = overrides if packs else {"timetable__steps": [], **overrides}
    return given(AlertDecider(), reference(*packs, **overrides)).when(message(case_opened()))


def lives(plan: Given, first: date, last: date) -> Given:
    """Close every day from `first` to `last`, gathering what is said."""
    said: list[Event] = []
    for n in range((last - first).days + 1):
        plan = plan.closes(first + timedelta(days=n))
        said += plan.said
    return replace(plan, said=tuple(said))


def _about(number: int, currency: str = "CNY", agreement_id: str = "a") -> dict[str, Any]:
    return {
        "agreement_id": agreement_id,
        "version": 1,
        "number": number,
        "due": DUE,
        "total": cny("100.00", currency),
        "paid": cny("0.00", currency),
    }


def missed(number: int = 1, currency: str = "CNY", agreement_id: str = "a") -> followup.InstalmentMissed:
    return followup.InstalmentMissed(**_about(number, currency, agreement_id), missed_in_a_row=1)


def line_paid(number: int = 1, currency: str = "CNY") -> followup.InstalmentPaid:
    return followup.InstalmentPaid(**_about(number, currency), on=DUE, on_time=False)


def corrected(now: str, number: int = 1) -> followup.InstalmentCorrected:
    reason = Reason(code=ReasonCode.PAID_LATER_FOUND)
    return followup.InstalmentCorrected(**_about(number), was="missed", now=now, reason=reason)


def started(version: int = 2) -> followup.PlanStarted:
    return followup.PlanStarted(
        agreement_id="b",
        version=version,
        effective=DAY,
        instalments=3,
        first_due=DUE,
        last_due=DUE,
        next_review=DUE,
    )


def broken_plan() -> followup.PlanBroken:
    return followup.PlanBroken(
        agreement_id="a", as_of=DAY, missed=2, reasons=(Reason(code=ReasonCode.MISSED_TOO_MANY),)
    )


def broken(promise_id: str = "p", promised: str = "100.00", had: str = "40.00") -> followup.PromiseBroken:
    return followup.PromiseBroken(promise_id=promise_id, promised=cny(promised), paid=cny(had), due=DUE)


def requested() -> assessment.StatementRequested:
    return assessment.StatementRequested(missing=("income",), due=after(14))


def tabled(round_: int = 1) -> offer.OfferTabled | offer.OfferRevised:
    plan = Plan(plan_id="plan", rank=1, measures=(Measure.GRACE,), debts=(), payments=(), total_paid=())
    kind = offer.OfferTabled if round_ == 1 else offer.OfferRevised
    return kind(
        offer_id=f"offer-{round_}",
        round=round_,
        assessment_id="a",
        plans=(plan,),
        balances=(),
        tabled_on=DAY,
        valid_until=after(15),
        policy_version="v",
    )


def drafted() -> agreement.AgreementDrafted:
    return agreement.AgreementDrafted(
        agreement_id="a",
        version=1,
        offer_id="o",
        plan=tabled().plans[0],
        schedules=(),
        instalments=(),
        sections=(),
        language="zh",
        drafted_on=DAY,
        sign_by=after(5),
        content_hash="0" * 64,
        policy_version="v",
    )


def contact(outcome: desk.ContactOutcome, direction: desk.ContactDirection) -> desk.ContactRecorded:
    return desk.ContactRecorded(
        at=datetime(2026, 3, 9, 10, tzinfo=UTC),
        place="phone",
        participants=("negotiator",),
        key_points=Personal(value="…"),
        direction=direction,
        outcome=outcome,
        channel="phone",
    )


def signature(party: desk.SignatureParty) -> desk.SignatureGiven:
    return desk.SignatureGiven(
        agreement_id="a", version=1, content_hash="0" * 64, party=party, channel="app", evidence="code"
    )


def instructed(
    id_: str = "i", kind: agreement.InstructionKind = agreement.InstructionKind.APPLY_PLAN
) -> agreement.BankInstructed:
    return agreement.BankInstructed(
        instruction_id=id_, agreement_id="a", version=1, kind=kind, effective=DAY, answer_by=after(3)
    )


def answered(id_: str = "i") -> intake.BankAnswered:
    return intake.BankAnswered(instruction_id=id_, confirmed=True, as_of=DAY)


def closed() -> intake.CaseClosed:
    return intake.CaseClosed(as_of=DAY, reason=intake.CloseReason.CURED)


def completed() -> followup.PlanCompleted:
    return followup.PlanCompleted(agreement_id="a", as_of=DAY, paid=())


# --- raised once, with the remedy of the policy


@pytest.mark.parametrize(
    ("cause", "kind", "severity", "remedy"),
    [
        (missed(), AlertKind.INSTALMENT_MISSED, AlertSeverity.MEDIUM, "call_about_instalment"),
        (broken(), AlertKind.PROMISE_BROKEN, AlertSeverity.MEDIUM, "ask_what_changed"),
        (broken_plan(), AlertKind.PLAN_BROKEN, AlertSeverity.HIGH, "offer_reassessment"),
    ],
)
def test_a_cause_raises_one_alert_and_starts_its_remedy_at_once(
    cause: Event, kind: AlertKind, severity: AlertSeverity, remedy: str
) -> None:
    once = case().when(message(cause))
    assert once.emits(AlertRaised, RemedyStarted)
    raised, remedied = once.last(AlertRaised), once.last(RemedyStarted)
    assert (raised.kind, raised.severity, raised.remedy, raised.owner_role) == (
        kind,
        severity,
        remedy,
        "negotiator",
    )
    assert (remedied.alert_id, remedied.remedy, remedied.due) == (raised.alert_id, remedy, date(2026, 3, 5))
    assert once.state.status is AlertStatus.ALERTED
    assert once.when(message(cause, after(1))).said == ()


def test_a_run_of_misses_is_one_alert_cured_when_nothing_missed_is_left() -> None:
    run = case().when(message(missed(1)), message(missed(2)), message(missed(2, "USD")))
    assert run.emits(AlertRaised, RemedyStarted)
    some = run.when(message(line_paid(1)), message(line_paid(2)))
    assert some.said == ()
    cured = some.when(message(line_paid(2, "USD"), after(2)))
    assert cured.emits(AlertResolved)
    assert cured.last(AlertResolved).alert_id == run.last(AlertRaised).alert_id
    assert cured.last(AlertResolved).reason.code is ReasonCode.CAUGHT_UP
    assert cured.state.status is AlertStatus.WATCHING
    assert cured.decider.due(cured.state) is None
    again = cured.when(message(missed(3), after(40)))
    assert again.emits(AlertRaised, RemedyStarted)
    assert again.last(AlertRaised).alert_id != run.last(AlertRaised).alert_id


def test_a_corrected_miss_resolves_its_alert_once() -> None:
    wrong = case().when(message(missed()))
    assert wrong.when(message(corrected("missed"))).said == ()
    right = wrong.when(message(corrected("paid")), message(line_paid()))
    assert right.emits(AlertResolved)


def test_a_broken_plan_takes_the_place_of_its_missed_instalments() -> None:
    worse = case().when(message(missed(1)), message(missed(2))).when(message(broken_plan()))
    assert worse.emits(AlertResolved, AlertRaised, RemedyStarted)
    assert worse.last(AlertResolved).reason.code is ReasonCode.PLAN_BROKEN
    assert worse.last(AlertRaised).reasons[0].code is ReasonCode.MISSED_TOO_MANY
    assert worse.when(message(missed(2))).said == ()
    again = worse.when(message(started()))
    assert again.emits(AlertResolved)
    assert again.last(AlertResolved).reason.code is ReasonCode.PLAN_SUPERSEDED
    assert again.when(message(missed(1, agreement_id="b"))).emits(AlertRaised, RemedyStarted)


def test_what_the_policy_says_is_what_is_done() -> None:
    rule = {"kind": "instalment_missed", "severity": "high", "remedy": "visit", "owner_role": "supervisor",
            "business_days": 1, "escalate_to": "committee"}  # fmt: skip
    strict = example_pack(alert__rules=[rule])
    once = case(strict).when(message(missed()))
    assert once.last(AlertRaised).remedy == "visit"
    assert once.last(AlertRaised).severity is AlertSeverity.HIGH
    assert once.closes(date(2026, 3, 3)).last(AlertEscalated).to_role == "committee"
    assert case(strict).when(message(broken())).said == ()  # no rule: no alert


# --- promises


@pytest.mark.parametrize(
    ("payments", "cured"),
    [
        ([("55.00", 1)], True),  # 95 of 100 keep a promise
        ([("54.99", 1)], False),
        ([("30.00", 1), ("25.00", 2)], True),
        ([("55.00", 0)], False),  # known when it was called broken
    ],
)
def test_a_broken_promise_is_cured_by_the_money_that_was_missing(
    payments: list[tuple[str, int]], cured: bool
) -> None:
    plan = case().when(message(broken()))
    said: list[Event] = []
    for amount, days in payments:
        plan = plan.when(message(paid(amount, after(days)), after(days)))
        said += plan.said
    assert [type(event) for event in said] == [AlertResolved] * cured


def test_broken_promises_are_one_alert_until_all_are_made_good() -> None:
    two = case().when(message(broken("p")), message(broken("q", had="0.00")))
    assert two.emits(AlertRaised, RemedyStarted)
    kept = two.when(message(followup.PromiseKept(promise_id="p", paid=cny("100.00"))))
    assert kept.said == ()
    part = kept.when(message(paid("60.00", after(1), "x"), after(1)))
    back = part.when(message(taken_back("60.00", after(1), after(2), "x"), after(2)))
    assert back.state.promises[0].short == cny("95.00")
    assert back.when(message(paid("50.00", after(3)), after(3))).said == ()
    other = back.when(message(paid("95.00", after(3), currency="USD"), after(3)))
    assert other.said == ()
    assert other.when(message(paid("95.00", after(4)), after(4))).emits(AlertResolved)


def test_who_reported_a_hardship_is_not_called_about_a_promise_that_was_broken_since() -> None:
    told = case().when(message(broken().model_copy(update={"shielded": True})))
    assert (told.said, told.state.promises) == ((), ())


# --- silence of the borrower


@pytest.mark.parametrize("ask", [requested(), tabled(), tabled(2), drafted()], ids=lambda e: e.TYPE)
def test_who_is_asked_and_says_nothing_is_silent_once(ask: Event) -> None:
    asked = case().when(message(ask))
    assert asked.state.silent_on == SILENT
    silent = lives(asked, DAY, after(17))
    assert silent.emits(AlertRaised, RemedyStarted)
    raised = silent.last(AlertRaised)
    assert (raised.kind, raised.raised_on) == (AlertKind.BORROWER_SILENT, SILENT)
    assert raised.reasons[0].params == {"days": "15"}
    assert silent.when(message(tabled(2), after(18))).said == ()
    assert lives(asked, DAY, after(40)).emits(AlertRaised, RemedyStarted, AlertEscalated)


HEARD: list[tuple[Event, bool]] = [
    (desk.StatementSubmitted(as_of=DAY), True),
    (desk.CounterOffered(offer_id="o", round=1), True),
    (desk.OfferAccepted(offer_id="o", plan_id="p", channel="app"), True),
    (desk.OfferRejected(offer_id="o"), True),
    (desk.PromiseMade(promise_id="p", amount=cny("1.00"), due=DUE), True),
    (desk.HardshipReported(cause=desk.HardshipCause.ILLNESS, since=DAY), True),
    (desk.ComplaintMade(complaint_id="c", words=Personal(value="…")), True),
    (desk.PreferencesSet(channel="email"), True),
    (signature(desk.SignatureParty.BORROWER), True),
    (signature(desk.SignatureParty.LENDER), False),
    (contact(desk.ContactOutcome.TALKED, desk.ContactDirection.OUTBOUND), True),
    (contact(desk.ContactOutcome.REFUSED, desk.ContactDirection.OUTBOUND), True),
    (contact(desk.ContactOutcome.NO_ANSWER, desk.ContactDirection.OUTBOUND), False),
    (contact(desk.ContactOutcome.MESSAGE_LEFT, desk.ContactDirection.OUTBOUND), False),
    (contact(desk.ContactOutcome.MESSAGE_LEFT, desk.ContactDirection.INBOUND), True),
    (paid("1.00", DAY), True),
    (taken_back("1.00", DAY, DAY), False),
]


@pytest.mark.parametrize(("fact", "heard"), HEARD, ids=[type(fact).__name__ for fact, _ in HEARD])
def test_a_word_or_a_payment_breaks_the_silence(fact: Event, heard: bool) -> None:
    asked = case().when(message(requested()))
    in_time = lives(asked.when(message(fact, after(10))), DAY, SILENT)
    assert in_time.emits(*([] if heard else [AlertRaised, RemedyStarted]))
    silent = lives(asked, DAY, SILENT)
    later = silent.when(message(fact, after(20)))
    said = [type(event) for event in later.said if not isinstance(event, ComplaintOpened)]
    assert said == ([AlertResolved] if heard else [])
    if heard:
        assert later.last(AlertResolved).reason.code is ReasonCode.BORROWER_ANSWERED
        assert later.state.silent_on == after(35)  # the statement is still asked for


def test_a_word_from_long_ago_does_not_break_the_silence() -> None:
    silent = lives(case().when(message(requested())), DAY, SILENT)
    assert silent.when(message(paid("1.00", DAY), DAY)).said == ()
    assert silent.when(message(paid("1.00", after(1)), after(1))).emits(AlertResolved)


@pytest.mark.parametrize(
    ("ask", "given_"),
    [
        (requested(), assessment.AssessmentLapsed(as_of=DAY, missing=(), next_step=REASON)),
        (tabled(), offer.OfferWithdrawn(offer_id="offer-1", as_of=DAY, reason=REASON)),
        (drafted(), signed((DUE, "100.00"))),
        (drafted(), agreement.PartySigned(agreement_id="a", version=1, party=desk.SignatureParty.BORROWER,
                                          content_hash="0" * 64)),
    ],
)  # fmt: skip
def test_who_is_asked_nothing_is_not_silent(ask: Event, given_: Event) -> None:
    quiet = case().when(message(ask), message(given_, after(2)))
    assert quiet.state.silent_on is None
    lender = agreement.PartySigned(
        agreement_id="a", version=1, party=desk.SignatureParty.LENDER, content_hash="0" * 64
    )
    waiting = case().when(message(drafted()), message(lender, after(2)))
    assert waiting.decider.due(waiting.state) == SILENT


def test_dates_at_the_end_of_time_do_no_harm() -> None:
    asked = case().when(message(requested(), date.max), message(missed(), date.max))
    assert asked.state.silent_on == date.max
    assert asked.last(RemedyStarted).due == date.max


def test_the_days_of_silence_are_the_policys() -> None:
    asked = case(alert__silent_days=5).when(message(requested()))
    assert asked.decider.due(asked.state) == after(5)


# --- silence of the bank


def test_an_instruction_without_answer_is_an_alert_until_it_is_answered() -> None:
    told = case().when(
        message(instructed("i")), message(instructed("j", agreement.InstructionKind.STOP_COLLECTION))
    )
    assert told.decider.due(told.state) == after(3)
    silent = told.closes(after(3))
    assert silent.emits(AlertRaised, RemedyStarted)
    assert silent.last(AlertRaised).kind is AlertKind.BANK_SILENT
    one = silent.when(message(answered("i"), after(4)))
    assert one.said == ()
    both = one.when(message(answered("j"), after(4)))
    assert both.last(AlertResolved).reason.code is ReasonCode.BANK_ANSWERED


def test_an_answer_in_time_is_no_alert_even_if_it_overtakes_the_instruction() -> None:
    early = case().when(message(answered()))
    assert len(early.waiting) == 1
    told = early.when(message(instructed()))
    assert told.waiting == ()
    assert told.decider.due(told.state) is None
    assert case().when(message(answered("x"))).closes(DAY).said == ()


# --- in hand, escalated, over


def test_a_remedy_without_cure_is_escalated_once() -> None:
    open_ = case().when(message(missed()))
    due = open_.last(RemedyStarted).due
    late = lives(open_, DAY, after(30))
    assert late.emits(AlertEscalated)
    assert (late.last(AlertEscalated).as_of, late.last(AlertEscalated).to_role) == (due, "supervisor")
    assert late.when(message(line_paid(), after(31))).emits(AlertResolved)
    in_time = open_.when(message(line_paid(), due))
    assert lives(in_time, due, after(30)).said == ()


def test_an_alert_is_taken_in_hand_by_name() -> None:
    open_ = case().when(message(missed()))
    id_ = open_.last(AlertRaised).alert_id
    taken = open_.when(message(desk.AlertAcknowledged(alert_id=id_, by="n-1")))
    assert taken.last(AlertTaken).by == "n-1"
    assert taken.when(message(desk.AlertAcknowledged(alert_id=id_, by="n-1"))).said == ()
    assert taken.when(message(desk.AlertAcknowledged(alert_id=id_, by="n-2"))).last(AlertTaken).by == "n-2"
    unknown = taken.when(message(desk.AlertAcknowledged(alert_id="?", by="n-1")))
    assert unknown.last(InputRefused).reason.code is ReasonCode.ALERT_UNKNOWN
    over = taken.when(message(line_paid()))
    late = over.when(message(desk.AlertAcknowledged(alert_id=id_, by="n-1"), after(1)))
    assert late.last(InputRefused).reason.code is ReasonCode.ALERT_CLOSED


@pytest.mark.parametrize("end", [line_paid(), completed(), closed()], ids=lambda end: type(end).__name__)
def test_who_takes_an_alert_on_its_last_day_is_told_the_same_before_and_after_its_end(end: Event) -> None:
    open_ = case().when(message(missed()))
    id_ = open_.last(AlertRaised).alert_id
    takes = [message(desk.AlertAcknowledged(alert_id=id_, by=who), after(1)) for who in ("n-1", "n-1", "n-2")]
    ends = message(end, after(1))
    stories = [open_.when(*takes[:n], ends, *takes[n:]) for n in range(len(takes) + 1)]
    assert all(sorted(map(repr, one.said)) == sorted(map(repr, stories[0].said)) for one in stories)
    assert [event.by for event in stories[0].said if isinstance(event, AlertTaken)] == ["n-1", "n-2"]
    assert all(one.state == stories[0].state for one in stories)


@pytest.mark.parametrize(
    ("end", "code"), [(closed(), ReasonCode.CASE_CLOSED), (completed(), ReasonCode.CAUGHT_UP)]
)
def test_the_end_resolves_everything_that_is_open(end: Event, code: ReasonCode) -> None:
    open_ = case().when(message(missed()), message(broken()), message(requested()), message(instructed()))
    open_ = lives(open_, DAY, SILENT)
    assert len(open_.state.alerts) == 4
    over = open_.when(message(end, after(16)))
    assert over.emits(*[AlertResolved] * 4)
    assert {event.reason.code for event in over.said if isinstance(event, AlertResolved)} == {code}
    assert over.state.alerts == ()
    assert over.when(message(end, after(16))).said == ()
    assert lives(over, after(16), after(60)).said == ()


def test_a_closed_case_is_watched_no_more() -> None:
    over = case().when(message(closed()))
    assert over.state.status is AlertStatus.CLOSED
    later = over.when(message(missed()), message(requested()), message(case_opened()))
    assert later.said == ()
    assert later.decider.due(later.state) is None
    late = over.when(message(desk.AlertAcknowledged(alert_id="?", by="n-1")))
    assert late.last(InputRefused).reason.code is ReasonCode.ALERT_CLOSED


def test_facts_that_overtake_their_case_wait_for_it() -> None:
    early = given(AlertDecider(), reference()).when(message(missed()), message(requested()))
    assert (early.state, len(early.waiting)) == (None, 2)
    opened = early.when(message(case_opened()))
    assert opened.emits(AlertRaised, RemedyStarted)
    assert opened.state.silent_on == SILENT
    refused = given(AlertDecider(), reference()).when(message(desk.AlertAcknowledged(alert_id="?", by="n-1")))
    assert refused.closes(DAY).last(InputRefused).reason.code is ReasonCode.ALERT_UNKNOWN
    unknown = given(AlertDecider(), reference()).when(message(case_opened(policy="no-such-pack")))
    assert unknown.last(InputRefused).reason.code is ReasonCode.UNKNOWN_PRODUCT


def test_a_case_that_was_held_gives_a_remedy_its_time() -> None:
    held = case().when(message(requested())).closes(after(30))
    assert held.emits(AlertRaised, RemedyStarted)
    assert held.last(RemedyStarted).due > after(30)
