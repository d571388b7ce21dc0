"""Last days on the borrower's own clock, of an authority, a stop, a message; and which plan is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.notice.decide import NoticeDecider
from shared.contracts import agreement, assessment, desk, desk_contact, followup, followup_care, intake
from shared.contracts.base import Event, Personal, Reason
from shared.contracts.debts import DebtSchedule
from shared.contracts.envelope import Envelope
from shared.contracts.notice import ContactAnswered, NoticeDenied, NoticeDue
from shared.contracts.parties import StopCause, StopInForce
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import load_reference
from tests.unit.builders import CASE, DAY, ROSTER, case_opened, debt, message
from tests.unit.spec import Given, given

REFERENCE = replace(
    load_reference(Path(__file__).parents[3] / "deploy" / "policies")({}), roster=ROSTER, lender_keys=()
)
SHANGHAI, LONDON, EASTERN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/London"), ZoneInfo("America/New_York")
ZONES = {"cn-card": SHANGHAI, "uk-unsecured": LONDON, "us-unsecured": EASTERN}
SECOND = timedelta(seconds=1)


def at(data: Event, moment: datetime) -> Envelope[Any]:
    plain = message(data, moment.astimezone(UTC).date())
    return Envelope(plain.id, plain.source, moment, plain.key, data, CASE)


def case(pack: str, *debts: str) -> Given:
    owed = (debt(one, policy=pack) for one in debts or ("A-1",))
    return given(NoticeDecider(), REFERENCE).when(message(case_opened(*owed, policy=pack)))


def morning(zone: ZoneInfo, day: date = DAY) -> datetime:
    return datetime(day.year, day.month, day.day, 9, tzinfo=zone)


def ask(there: Given, moment: datetime, **other: Any) -> ContactAnswered:
    """May somebody write then, without a word about the debt?"""
    question = {"purpose": "service", "channel": "email", "tells_about_debt": False, **other}
    asked = desk_contact.ContactAsked(contact_id="c-1", at=moment, by="n-1", **question)
    return there.when(at(asked, moment)).last(ContactAnswered)


def midnight_after(day: date, zone: ZoneInfo) -> datetime:
    following = day + timedelta(days=1)
    return datetime(following.year, following.month, following.day, tzinfo=zone)


# --- who acts for the borrower, up to the end of the last day


def acting(until: date, zone: ZoneInfo) -> Envelope[Any]:
    given_ = desk_contact.AuthorityRecorded(
        authority_id="rep-1", party="representative", purposes=("service", "legal_notice"), until=until,
        verified_by="s-1", evidence="paper 7",
    )  # fmt: skip
    return at(given_, morning(zone))


@pytest.mark.parametrize("lives", [None, "Asia/Kolkata", "Pacific/Kiritimati", "America/Los_Angeles"])
@pytest.mark.parametrize("pack", ZONES)
def test_an_authority_is_over_at_the_borrowers_midnight_for_both_sides(pack: str, lives: str | None) -> None:
    zone, until = ZONES[pack], date(2026, 3, 10)
    there = case(pack).when(acting(until, zone))
    if lives is not None:
        zone = ZoneInfo(lives)
        there = there.when(at(desk.PreferencesSet(time_zone=lives), morning(zone)))
    over = midnight_after(until, zone)
    who = {"party": "representative", "person": "rep-1", "tells_about_debt": True, "purpose": "legal_notice",
           "channel": "letter"}  # fmt: skip
    assert ask(there, over - SECOND, **who).allowed
    assert ask(there, over, **who).rules == ("no_authority",), "nobody else hears of the debt after it"
    before = ask(there, over - SECOND, channel="letter")
    assert (before.rules, before.allowed_again) == (("represented",), over)
    assert ask(there, over, channel="letter").allowed


# --- stops that end by date


def space(ends_on: date | None, cause: StopCause = StopCause.BREATHING_SPACE) -> StopInForce:
    return StopInForce(stop_id="s", cause=cause, since=DAY, debts=("A-1",), ends_on=ends_on)


@pytest.mark.parametrize("days", [30, 60, 90, 10])
@pytest.mark.parametrize("pack", ZONES)
def test_a_breathing_space_protects_up_to_the_last_second_of_its_last_day(pack: str, days: int) -> None:
    zone, last = ZONES[pack], DAY + timedelta(days=days)
    held = case(pack).when(at(intake.StopsChanged(as_of=DAY, stops=(space(last),)), morning(zone)))
    over = midnight_after(last, zone)
    for moment in (morning(zone, last - timedelta(days=1)), morning(zone, last), over - SECOND):
        denied = ask(held, moment, channel="letter")
        assert (denied.rules, denied.allowed_again) == (("stop_event",), over)
    assert ask(held, over, channel="letter").allowed


def test_a_stop_whose_day_was_closed_protects_where_that_day_is_not_over() -> None:
    last = DAY + timedelta(days=30)
    held = case("us-unsecured").when(
        at(intake.StopsChanged(as_of=DAY, stops=(space(last),)), morning(EASTERN)),
        at(assessment.StatementRequested(missing=("income",), due=last + timedelta(days=20)),
           morning(EASTERN)),
    )  # fmt: skip
    assert held.last(NoticeDenied).rules == ("stop_event",)
    closed = datetime(last.year, last.month, last.day, 23, 59, 59, tzinfo=UTC)
    ended = held.when(at(intake.StopsChanged(as_of=last, stops=()), closed))
    over = midnight_after(last, EASTERN)
    assert ended.last(NoticeDue).send_from == over, "it is still the afternoon of the last day there"
    assert ask(ended, over - SECOND, channel="letter").rules == ("stop_event",)
    later = ended.when(at(desk.PreferencesSet(), over + timedelta(days=1)))
    assert later.state.states.stops == ()


def test_a_stop_that_is_lifted_early_is_over_at_once() -> None:
    last = DAY + timedelta(days=30)
    held = case("us-unsecured").when(
        at(intake.StopsChanged(as_of=DAY, stops=(space(last),)), morning(EASTERN)),
        at(intake.StopsChanged(as_of=DAY + timedelta(days=3), stops=()),
           morning(EASTERN, DAY + timedelta(days=3))),
    )  # fmt: skip
    assert ask(held, morning(EASTERN, DAY + timedelta(days=3))).allowed


def test_of_two_stops_the_one_that_goes_on_still_denies() -> None:
    last = DAY + timedelta(days=10)
    both = (space(last), space(None, StopCause.INSOLVENCY))
    held = case("uk-unsecured").when(at(intake.StopsChanged(as_of=DAY, stops=both), morning(LONDON)))
    denied = ask(held, morning(LONDON), channel="letter")
    assert (denied.rules, denied.allowed_again) == (("stop_event",), None)
    assert ask(held, morning(LONDON, last + timedelta(days=1)), channel="letter").rules == ("stop_event",)


# --- until when what is due may leave


def test_who_moves_to_where_the_evening_is_earlier_is_not_written_to_in_it() -> None:
    asked = case("cn-card").when(
        at(assessment.StatementRequested(missing=("income",), due=DAY + timedelta(days=9)), morning(SHANGHAI))
    )
    first = asked.last(NoticeDue)
    moved = asked.when(at(desk.PreferencesSet(time_zone="Pacific/Auckland"), morning(SHANGHAI)))
    due = moved.last(NoticeDue)
    assert due.send_until == datetime(2026, 3, 2, 22, tzinfo=ZoneInfo("Pacific/Auckland")) < first.send_until
    assert due.attempt == first.attempt + 1, "the courier drops the one before"
    noon = morning(SHANGHAI) + timedelta(hours=3)
    assert moved.when(at(desk.PreferencesSet(time_zone="Asia/Kolkata"), noon)).said == (), (
        "a later evening takes nothing away: what is due leaves in the shorter time"
    )


def test_who_moves_to_where_it_is_night_is_not_written_to_in_it() -> None:
    """It would have been allowed later, so what was due went on: at half past six in the morning."""
    asked = case("cn-card").when(
        at(assessment.StatementRequested(missing=("income",), due=DAY + timedelta(days=9)), morning(SHANGHAI))
    )
    moved = asked.when(at(desk.PreferencesSet(time_zone="Asia/Kolkata"), morning(SHANGHAI)))
    assert moved.last(NoticeDue).send_from == datetime(2026, 3, 2, 8, tzinfo=ZoneInfo("Asia/Kolkata"))
    assert moved.last(NoticeDue).attempt == asked.last(NoticeDue).attempt + 1


def test_a_stop_that_is_over_within_a_day_calls_back_what_is_due_before() -> None:
    asked = case("uk-unsecured").when(
        at(assessment.StatementRequested(missing=("income",), due=DAY + timedelta(days=9)), morning(LONDON))
    )
    stopped = asked.when(
        at(intake.StopsChanged(as_of=DAY, stops=(space(DAY),)), morning(LONDON) + timedelta(hours=1))
    )
    due = stopped.last(NoticeDue)
    assert due.send_from == midnight_after(DAY, LONDON)
    assert due.attempt == asked.last(NoticeDue).attempt + 1


def test_where_nobody_knows_the_clock_each_pack_s_evening_ends_the_time() -> None:
    packs = ("uk-unsecured", "cn-card")
    opened = case_opened(debt("A-1", policy="uk-unsecured"), policy="uk-unsecured").model_copy(
        update={"conduct": packs}
    )
    said = at(
        assessment.StatementRequested(missing=("income",), due=DAY + timedelta(days=9)), morning(LONDON)
    )
    due = given(NoticeDecider(), REFERENCE).when(message(opened), said).last(NoticeDue)
    assert due.send_until == datetime(2026, 3, 2, 22, tzinfo=SHANGHAI)


def test_where_nobody_knows_in_which_state_a_borrower_lives_the_earliest_evening_ends_the_time() -> None:
    said = at(
        assessment.StatementRequested(missing=("income",), due=DAY + timedelta(days=9)), morning(EASTERN)
    )
    due = case("us-unsecured").when(said).last(NoticeDue)
    assert due.send_until == datetime(2026, 3, 2, 20, tzinfo=EASTERN), "21:00 in Puerto Rico"


# --- which plan holds collection back


def plan(agreement_id: str, *debts: str) -> agreement.AgreementSigned:
    return agreement.AgreementSigned.model_construct(
        agreement_id=agreement_id, version=1, effective=DAY,
        schedules=tuple(DebtSchedule(debt_id=one, rows=()) for one in debts or ("A-1",)),
    )  # fmt: skip


def ended(agreement_id: str, code: ReasonCode, back: str | None = None) -> agreement.AgreementEnded:
    earlier = (
        None if back is None else agreement.EarlierAgreement(agreement_id=back, version=1, debts=("A-1",))
    )
    return agreement.AgreementEnded(
        agreement_id=agreement_id, as_of=DAY, reason=Reason(code=code), returns_to=earlier
    )


def spoken_to() -> desk.ContactRecorded:
    return desk.ContactRecorded(
        at=morning(LONDON), place="app", participants=("n-1",), key_points=Personal(value="…"),
        direction=desk.ContactDirection.INBOUND, outcome=desk.ContactOutcome.MESSAGE_LEFT, channel="app",
        purpose="service", right_party=True,
    )  # fmt: skip


def test_who_withdraws_from_an_amendment_keeps_the_plan_before_it_and_is_not_collected_from() -> None:
    noon = morning(LONDON)
    amended = case("uk-unsecured", "A-1", "A-2").when(
        at(spoken_to(), noon),
        at(plan("AG-1"), noon),
        at(ended("AG-1", ReasonCode.PLAN_SUPERSEDED), noon),
        at(plan("AG-2", "A-1", "A-2"), noon),
    )
    money = {"purpose": "collection", "channel": "letter", "asks_for_payment": True}
    back = amended.when(at(ended("AG-2", ReasonCode.WITHDRAWN_IN_TIME, "AG-1"), noon))
    assert ask(back, noon, **money).rules == ("plan_kept",)
    assert back.state.plan_debts == ("A-1",)
    gone = amended.when(at(ended("AG-2", ReasonCode.WITHDRAWN_IN_TIME), noon))
    assert ask(gone, noon, **money).allowed, "before the first plan there was none"


def test_a_completed_plan_protects_nothing_that_was_beside_it_until_it_is_reopened() -> None:
    noon = morning(LONDON)
    live = case("uk-unsecured", "A-1", "A-2").when(at(spoken_to(), noon), at(plan("AG-1"), noon))
    money = {"purpose": "collection", "channel": "letter", "asks_for_payment": True, "debts": ("A-2",)}
    assert ask(live, noon, **money).rules == ("plan_kept",)
    done = live.when(at(followup.PlanCompleted(agreement_id="AG-1", as_of=DAY, paid=()), noon))
    assert ask(done, noon, **money).allowed
    reopened = followup_care.PlanReopened(
        agreement_id="AG-1", as_of=DAY, missing=(), reason=Reason(code=ReasonCode.PAYMENT_RETURNED)
    )
    assert ask(done.when(at(reopened, noon)), noon, **money).rules == ("plan_kept",)
    alone = case("uk-unsecured").when(at(spoken_to(), noon), at(plan("AG-1"), noon))
    paid = alone.when(at(followup.PlanCompleted(agreement_id="AG-1", as_of=DAY, paid=()), noon))
    assert ask(paid, noon, **money | {"debts": ()}).rules == ("plan_kept",), "nothing is left to ask for"
