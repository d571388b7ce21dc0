"""Others than the borrower: who owes too, who acts for them; each with limits and wishes of their own."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from shared.conduct import PastContact
from shared.contracts import assessment, desk, desk_contact, intake
from shared.contracts.base import Personal
from shared.contracts.notice import ContactAnswered, NoticeDue
from shared.contracts.parties import ObligorRole, PartyInCase
from tests.unit.builders import DAY
from tests.unit.notice.test_their_clock import EASTERN, SHANGHAI, acting, at, case, morning
from tests.unit.spec import Given

NOON = datetime(2026, 3, 4, 12, tzinfo=SHANGHAI)
HERS = {"party": "guarantor", "person": "g-1"}


def parties(**other: Any) -> intake.PartiesChanged:
    known = {"party_id": "g-1", "roles": (ObligorRole.GUARANTOR,), "debts": ("A-1",), **other}
    return intake.PartiesChanged(as_of=DAY, parties=(PartyInCase(**known),))


def two_debts(**other: Any) -> Given:
    return case("cn-card", "A-1", "A-2").when(at(parties(**other), morning(SHANGHAI)))


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
    there, wednesday = case("us-unsecured").when(acts()), morning(EASTERN, DAY + timedelta(days=2))
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
    there = case("us-unsecured").when(at(slip, monday))
    denied = ask(there, monday + timedelta(days=1), debts=("A-1",))
    assert denied.rules == ("cooldown",)
    assert denied.allowed_again == datetime(2026, 3, 9, 8, tzinfo=EASTERN), "seven days, the talk's the first"
    assert ask(there, denied.allowed_again, debts=("A-1",)).allowed


def test_what_is_told_late_pushes_no_newer_contact_out_of_the_count() -> None:
    monday = morning(EASTERN)
    there = case("us-unsecured")
    for n in range(7):
        there = there.when(at(rung(monday + n * timedelta(minutes=1), debts=("A-1",)), monday))
    old = rung(monday - timedelta(days=90), "message_left", debts=("A-1",))
    for _ in range(120):
        there = there.when(at(old, monday))
    assert ask(there, monday + timedelta(days=1), debts=("A-1",)).rules == ("calls",)
    assert len(there.state.history) == 120
    assert isinstance(there.state.history[-1], PastContact)
    assert there.state.history[-1].at.date() == date(2026, 3, 2)
