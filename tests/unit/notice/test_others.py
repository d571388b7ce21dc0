"""Others than the borrower: who owes too, who acts for them; each with limits and wishes of their own."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from services.notice.decide import NoticeDecider
from shared.conduct import PastContact
from shared.contracts import assessment, desk, desk_contact, intake
from shared.contracts.base import Personal
from shared.contracts.notice import ContactAnswered, NoticeDue
from shared.contracts.parties import ObligorRole, PartyInCase, StopCause, StopInForce
from tests.unit.builders import DAY, case_opened, message, reference
from tests.unit.notice.test_their_clock import EASTERN, SHANGHAI, acting, at, case, midnight_after, morning
from tests.unit.spec import Given, given

NOON = datetime(2026, 3, 4, 12, tzinfo=SHANGHAI)
HERS = {"party": "guarantor", "person": "g-1"}


def parties(**other: Any) -> intake.PartiesChanged:
    known = {"party_id": "g-1", "roles": (ObligorRole.GUARANTOR,), "debts": ("A-1",), **other}
    return intake.PartiesChanged(as_of=DAY, parties=(PartyInCase(**known),))


def two_debts(**other: Any) -> Given:
    return case("cn-card", "A-1", "A-2").when(at(parties(**other), morning(SHANGHAI)))


def in_new_york() -> Given:
    lives = desk.PreferencesSet(time_zone="America/New_York")
    return case("us-unsecured").when(at(lives, morning(EASTERN)))


def rung(moment: datetime, outcome: str = "no_answer", **other: Any) -> desk.ContactRecorded:
    plain = {"direction": "outbound", "channel": "phone", "purpose": "collection", **other}
    return desk.ContactRecorded(
        at=moment, place="office", participants=("n-1",), key_points=Personal(value="…"),
        outcome=desk.ContactOutcome(outcome), **plain,
    )  # fmt: skip


def ask(there: Given, moment: datetime = NOON, **other: Any) -> ContactAnswered:
    question = {"purpose": "collection", "channel": "phone", "tells_about_debt": False, **other}
    asked = desk_contact.ContactAsked(contact_id="c-1", at=moment, by="n-1", **question)
    return there.when(at(asked, moment)).last(ContactAnswered)


def test_a_guarantor_is_spoken_to_about_what_they_stand_for_and_nothing_else() -> None:
    there = two_debts()
    assert ask(there, **HERS, debts=("A-1",)).allowed
    assert ask(there, **HERS).allowed, "nobody said of which: of theirs"
    for debts in (("A-2",), ("A-1", "A-2")):
        assert ask(there, **HERS, debts=debts).rules == ("third_party",)
    assert ask(two_debts(may_discuss=True), **HERS, debts=("A-1", "A-2")).allowed, "the borrower has agreed"
    assert ask(two_debts(may_contact=False), **HERS, debts=("A-1",)).rules == ("third_party",)
    assert ask(there, party="guarantor", person="g-2", debts=("A-1",)).rules == ("third_party",)
    gone = there.when(at(intake.PartiesChanged(as_of=DAY, parties=()), morning(SHANGHAI)))
    assert ask(gone, **HERS, debts=("A-1",)).rules == ("third_party",)


def test_a_guarantor_of_a_debt_that_rests_is_spoken_to_when_it_does_not_rest_any_more() -> None:
    last = DAY + timedelta(days=9)
    rests = StopInForce(stop_id="s", cause=StopCause.BREATHING_SPACE, since=DAY, debts=("A-1",), ends_on=last)
    there = two_debts().when(at(intake.StopsChanged(as_of=DAY, stops=(rests,)), morning(SHANGHAI)))
    denied = ask(there, **HERS, purpose="service", channel="letter")
    over = midnight_after(last, SHANGHAI)
    assert (denied.rules, denied.allowed_again) == (("stop_event",), over)
    assert ask(there, over, **HERS, purpose="service", channel="letter").allowed


def test_a_guarantor_hears_of_the_debt_once_they_were_shown_to_be_themselves() -> None:
    details = {**HERS, "debts": ("A-1",), "tells_about_debt": True}
    borrower = two_debts().when(at(rung(NOON, "talked", right_party=True), NOON))
    assert ask(borrower, **details).rules == ("not_verified",), "that was the borrower"
    assert ask(borrower.when(at(rung(NOON, "talked", right_party=True, **HERS), NOON)), **details).allowed


def test_a_channel_that_a_guarantor_closed_is_closed_for_them_alone() -> None:
    there = two_debts(opt_out=("sms", "pigeon"))
    assert ask(there, channel="sms", **HERS).rules == ("opted_out",)
    assert ask(there, **HERS).allowed
    assert ask(there, channel="sms").allowed
    since = there.state.obligors[0].opt_outs[0].since
    later = there.when(at(parties(opt_out=("sms", "app")), NOON))
    assert [out.since for out in later.state.obligors[0].opt_outs] == [since, NOON]
    wishes = later.when(at(desk.PreferencesSet(opt_out=()), NOON))
    assert ask(wishes, channel="sms", **HERS).rules == ("opted_out",), "the borrower's wishes are not theirs"


def test_attempts_count_for_whom_they_were_made_to() -> None:
    there = two_debts()
    for n in range(6):
        there = there.when(at(rung(NOON + n * timedelta(minutes=5), number="no-g", **HERS), NOON))
    assert ask(there, number="no-g", **HERS).rules == ("attempts",), "six on a number a day"
    assert ask(there, number="no-b").allowed
    for n in range(6):
        there = there.when(at(rung(NOON + n * timedelta(minutes=5), number="no-b"), NOON))
    assert ask(there, number="no-b").rules == ("attempts",)


def acts() -> Any:
    given = acting(DAY + timedelta(days=30), EASTERN)
    return at(given.data.model_copy(update={"purposes": ("collection", "service")}), morning(EASTERN))


@pytest.mark.parametrize("calls", [6, 7])
def test_calls_to_who_acts_for_the_borrower_are_counted_up_to_the_seventh(calls: int) -> None:
    theirs = {"party": "representative", "person": "rep-1", "debts": ("A-1",)}
    there, wednesday = in_new_york().when(acts()), morning(EASTERN, DAY + timedelta(days=2))
    for n in range(calls):  # three a day, from Monday on
        moment = morning(EASTERN, DAY + timedelta(days=n // 3)) + n * timedelta(minutes=1)
        there = there.when(at(rung(moment, **theirs), moment))
    told = ask(there, wednesday + timedelta(hours=1), **theirs)
    if calls < 7:
        assert told.allowed
        return
    again = datetime(2026, 3, 9, 8, tzinfo=EASTERN)
    assert (told.rules, told.allowed_again) == (("calls",), again), (
        "its window opens at night, which is quiet"
    )
    assert ask(there, again, **theirs).allowed
    assert ask(there, again - timedelta(seconds=1), **theirs).rules == ("quiet_hours",)


# --- who acts for some of the debts, or is a lawyer: somebody always hears


def acting_for(who: str, *debts: str, party: Any = "representative") -> Any:
    recorded = desk_contact.AuthorityRecorded(
        authority_id=who, party=party, purposes=("service",), until=DAY + timedelta(days=30), debts=debts,
        verified_by="s-1", evidence="paper",
    )  # fmt: skip
    return at(recorded, morning(SHANGHAI))


def told(there: Given) -> NoticeDue:
    asked = assessment.StatementRequested(missing=("income",), due=DAY + timedelta(days=14))
    return there.when(at(asked, morning(SHANGHAI))).last(NoticeDue)


@pytest.mark.parametrize("pack", ["cn-card", "cn-consumer-loan", "tw-card", "us-unsecured", "eu-consumer"])
@pytest.mark.parametrize("party", ["representative", "debt_adviser", "lawyer", "guardian"])
def test_whoever_acts_for_the_borrower_is_written_to_in_their_place(pack: str, party: str) -> None:
    due = told(case(pack, "A-1", "A-2").when(acting_for("r-1", party=party)))
    assert (due.recipient, due.party, due.debts) == ("r-1", party, ("A-1", "A-2"))


def test_the_borrower_hears_of_the_debts_that_nobody_acts_for() -> None:
    there = case("cn-card", "A-1", "A-2", "A-3").when(acting_for("r-1", "A-2"))
    due = told(there)
    assert (due.recipient, due.debts) == ("borrower", ("A-1", "A-3"))
    sent = desk_contact.NoticeDelivered(
        notice_id=due.notice_id, message_id=due.message_id, channel=due.channel, at=NOON, attempts=1
    )
    asked = assessment.StatementRequested(missing=("income",), due=DAY + timedelta(days=14))
    left = there.when(at(asked, morning(SHANGHAI)), at(sent, NOON))
    assert left.state.history[-1].debts == ("A-1", "A-3"), "it counts for what it was about"
    about = {"purpose": "service", "channel": "letter"}
    assert ask(there, debts=("A-2",), **about).rules == ("represented",)
    assert ask(there, debts=("A-1",), **about).allowed


def test_of_several_who_act_for_all_debts_together_one_hears_of_theirs() -> None:
    there = case("cn-card", "A-1", "A-2").when(acting_for("r-1", "A-1"), acting_for("r-2", "A-2"))
    due = told(there)
    assert (due.recipient, due.debts) == ("r-1", ("A-1",))
    theirs = {"party": "representative", "person": "r-2", "purpose": "service", "channel": "letter"}
    assert ask(there, **theirs).allowed, "nobody said of which: of theirs"
    assert ask(there, debts=("A-1",), **theirs).rules == ("no_authority",)


def test_who_refuses_is_left_alone_and_the_borrower_is_not() -> None:
    monday = morning(EASTERN)
    theirs = {"party": "representative", "person": "rep-1"}
    there = case("us-unsecured").when(
        acts(), at(rung(monday, "refused", purpose="service", **theirs), monday)
    )
    assert ask(there, monday, purpose="service", channel="letter", **theirs).rules == ("refused",)


# --- moments that cannot be, and what is told late


def test_a_talk_dated_in_a_year_to_come_keeps_nobody_from_calling_until_then() -> None:
    monday = morning(EASTERN)
    slip = rung(monday.replace(year=2062), "talked", debts=("A-1",))
    there = in_new_york().when(at(slip, monday))
    denied = ask(there, monday + timedelta(days=1), debts=("A-1",))
    assert denied.rules == ("cooldown",)
    assert denied.allowed_again == datetime(2026, 3, 9, 8, tzinfo=EASTERN), "seven days, the talk's the first"
    assert ask(there, denied.allowed_again, debts=("A-1",)).allowed


def test_what_is_told_late_pushes_no_newer_contact_out_of_the_count() -> None:
    monday = morning(EASTERN)
    there = in_new_york()
    for n in range(7):
        there = there.when(at(rung(monday + n * timedelta(minutes=1), debts=("A-1",)), monday))
    old = rung(monday - timedelta(days=90), "message_left", debts=("A-1",))
    for _ in range(120):
        there = there.when(at(old, monday))
    assert ask(there, monday + timedelta(days=1), debts=("A-1",)).rules == ("calls",)
    assert len(there.state.history) == 120
    assert isinstance(there.state.history[-1], PastContact)
    assert there.state.history[-1].at.date() == date(2026, 3, 2)


# --- who calls: the lender, or an agent of theirs


def test_a_limit_for_agents_binds_agents_and_counts_what_they_did() -> None:
    scope = {
        "counts": "attempts", "window_days": 7, "scope": "person", "actors": ["agent"],
        "direction": "outbound", "purposes": ["collection"], "channels": ["phone"], "unless_agreed": False,
    }  # fmt: skip
    rules = {"contact.max_calls_per_7_days": 2, "contact_rules.max_calls_per_7_days": scope}
    there = given(NoticeDecider(), reference(**rules)).when(message(case_opened()))
    for n, actor in enumerate(("creditor", "agent", "creditor", "agent")):
        if n == 3:
            assert ask(there, actor="agent").allowed, "one of theirs, two of the lender's"
        there = there.when(
            at(rung(NOON - timedelta(hours=2, minutes=n), actor=actor, number=f"no-{n}"), NOON)
        )
    assert ask(there, actor="agent").rules == ("calls",)
    assert ask(there, actor="creditor").allowed


# --- a reply is an answer


def test_nobody_is_rung_at_night_by_calling_it_a_reply() -> None:
    night = datetime(2026, 3, 4, 23, tzinfo=SHANGHAI)
    reply = {"purpose": "reply"}
    assert ask(case("cn-card"), night, **reply).rules == ("quiet_hours",), "nobody has asked anything"
    asked = case("cn-card").when(
        at(rung(night - timedelta(minutes=9), "talked", direction="inbound"), night - timedelta(minutes=9))
    )
    assert ask(asked, night, **reply).allowed
    answered = asked.when(at(rung(night - timedelta(minutes=5), "talked", purpose="reply"), night))
    assert ask(answered, night, **reply).rules == ("quiet_hours",), "they have their answer"
    guarantor = {**reply, **HERS, "debts": ("A-1",)}
    assert ask(asked.when(at(parties(), night)), night, **guarantor).rules == ("quiet_hours",)


# --- relatives and contacts on file: only to find who cannot be reached


@pytest.mark.parametrize("party", ["relative", "named_contact"])
def test_who_knows_the_borrower_is_asked_for_a_number_only_after_attempts_in_vain(party: str) -> None:
    theirs = {"party": party, "person": "x-1", "purpose": "service", "errand": "find_contact_data"}
    there = case("cn-card")
    for n in range(9):
        there = there.when(at(rung(NOON - timedelta(days=20 - n), number=f"no-{n}"), NOON))
    assert ask(there, **theirs).rules == ("third_party",)
    lost = there.when(at(rung(NOON - timedelta(days=2)), NOON))
    assert ask(lost, **theirs).allowed, "ten"
    decided = lost.when(at(desk_contact.ContactResumed(by="s-1", reason="look for a number"), NOON))
    assert ask(decided, **theirs).allowed
    assert ask(lost, **{**theirs, "errand": "talk_about_debt"}).rules == ("third_party",)
    assert ask(lost, **{**theirs, "tells_about_debt": True}).rules == ("third_party", "not_verified")
    no = lost.when(at(rung(NOON, "refused", party=party, person="x-1", purpose="service"), NOON))
    assert ask(no, NOON + timedelta(days=9), **theirs).rules == ("refused",)
    for heard in (rung(NOON, "talked"), rung(NOON, "message_left", direction="inbound")):
        assert ask(lost.when(at(heard, NOON)), **theirs).rules == ("third_party",), "they can be reached"
    elsewhere = in_new_york()
    for n in range(12):
        elsewhere = elsewhere.when(at(rung(NOON - timedelta(days=30 - n)), NOON))
    assert ask(elsewhere, morning(EASTERN, date(2026, 3, 5)), **theirs).rules == ("third_party",)
