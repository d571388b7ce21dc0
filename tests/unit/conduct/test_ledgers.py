"""Every ledger counts every contact: a call, or a message that was sent, in this case or an earlier one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from services.followup.decide import FollowupDecider
from services.intake.decide import IntakeDecider
from services.notice.decide import NoticeDecider
from shared.conduct import PastContact, Rule
from shared.contracts import desk
from shared.contracts.assessment import StatementRequested
from shared.contracts.desk_contact import AuthorityEnded, ContactResumed
from shared.contracts.envelope import Envelope
from shared.contracts.intake import CaseOpened
from shared.contracts.intake_team import EarlierContactMade, EarlierReachHeard
from shared.contracts.notice import NoticeDenied, NoticeDue
from tests.unit.builders import message, reference
from tests.unit.conduct.test_two_cases import (
    FIRST,
    ONE_A_WEEK,
    OPENS,
    RULES,
    SECOND,
    acts,
    answer,
    asked,
    call,
    first_case,
    second_case,
    sent,
)
from tests.unit.intake.bank_says import cured, day, overdue
from tests.unit.spec import Given, given

COLLECTION_ONLY = {
    **ONE_A_WEEK,
    "contact_rules.max_calls_per_7_days": {
        **ONE_A_WEEK["contact_rules.max_calls_per_7_days"],  # type: ignore[dict-item]
        "purposes": ["collection"],
    },
}


def ledger(there: Given) -> tuple[PastContact, ...]:
    """Give the contacts that a service counts."""
    state = there.state
    found: tuple[PastContact, ...] = state.contacts.recent if hasattr(state, "contacts") else state.history
    return found


# --- within one case


@pytest.mark.parametrize(
    ("more", "counts"),
    [
        pytest.param({"purpose": "collection"}, True, id="a request for money"),
        pytest.param({"purpose": None}, True, id="an older courier did not say"),
        pytest.param({"purpose": "service"}, False, id="a service"),
        pytest.param({"purpose": "legal_notice"}, False, id="a notice of the law"),
        pytest.param({"purpose": "reply"}, False, id="a reply"),
        pytest.param({"purpose": "collection", "recipient": "rep-1"}, False, id="to who acts for them"),
    ],
)
def test_followup_counts_a_message_of_the_same_case_by_its_class(more: dict[str, Any], counts: bool) -> None:
    """After the one contact of the week a call is none within the rules, and none that leads to court."""
    there = second_case(FollowupDecider(), **COLLECTION_ONLY).when(sent(OPENS, case=SECOND, **more))
    assert there.said == ()
    assert there.when(call(OPENS, 4, case=SECOND)).state.attempts.count == (0 if counts else 1)


@pytest.mark.parametrize("purpose", ["collection", "service", "legal_notice", "reply", None])
def test_the_ledgers_of_the_case_and_of_the_next_one_hold_the_same(purpose: Any) -> None:
    in_the_case = given(FollowupDecider(), reference(**RULES)).when(
        message(given(IntakeDecider(), reference(**RULES)).when(overdue(n=0)).last(CaseOpened), day(0))
    )
    counted = ledger(in_the_case.when(sent(1, purpose=purpose)))
    assert len(counted) == 1
    assert ledger(second_case(FollowupDecider(), sent(1, purpose=purpose))) == counted
    assert ledger(second_case(NoticeDecider(), sent(1, purpose=purpose))) == counted


def test_notice_and_followup_count_the_messages_of_a_case_alike() -> None:
    there, _ = first_case()
    opened = given(IntakeDecider(), reference(**RULES)).when(overdue(n=0)).last(CaseOpened)
    follows = given(FollowupDecider(), reference(**RULES)).when(message(opened, day(0)))
    assert ledger(there.when(sent(1))) == ledger(follows.when(sent(1)))


def test_a_message_whose_delivery_is_told_after_its_last_day_is_counted_once() -> None:
    """It was withdrawn at the close of that day, when nobody knew that it had left."""
    there, due = first_case()
    over = there
    for n in range(2, (due.useful_until - day(0)).days + 2):
        over = over.closes(day(n))
    assert over.state.notices == ()
    late = sent(9)
    counted = over.when(replace(late, data=late.data.model_copy(update={"at": due.send_from})))
    assert counted.said == ()
    (contact,) = ledger(counted)
    assert (contact.at, contact.kind, contact.person) == (due.send_from, "service", "borrower")
    again = replace(late, data=late.data.model_copy(update={"at": due.send_from}), id="again")
    assert ledger(counted.when(again)) == (contact,)
    in_time = there.when(sent(1))
    assert ledger(in_time.when(replace(sent(1), id="twice"))) == ledger(in_time)


@pytest.mark.parametrize("said", [sent(0), call(0)], ids=["message", "call"])
def test_what_is_read_before_the_case_waits_for_it(said: Envelope[Any]) -> None:
    ref = reference(**RULES)
    opened = message(given(IntakeDecider(), ref).when(overdue(n=0)).last(CaseOpened), day(0))
    ahead = given(FollowupDecider(), ref).when(said, opened)
    assert ahead.state == given(FollowupDecider(), ref).when(opened, said).state
    assert len(ledger(ahead)) == 1


def test_a_closed_case_counts_nothing_any_more() -> None:
    there = second_case(FollowupDecider())
    over = there.when(*(message(event, day(OPENS + 1)) for event in closing()))
    assert over.state.status == "closed"
    assert over.when(sent(OPENS + 2, case=SECOND)).state == over.state


def closing() -> list[Any]:
    ref = reference(**RULES)
    intake = given(IntakeDecider(), ref).when(overdue(n=0)).when(cured(2))
    return list(intake.said)


# --- of an earlier case, while the next one is open


def open_again(**rules: Any) -> Given:
    """The customer's document at intake, with the second case open."""
    ref = reference(**{**RULES, **rules})
    return given(IntakeDecider(), ref).when(overdue(n=0)).when(cured(2)).when(overdue(n=OPENS))


LATE = [
    pytest.param(sent(OPENS, 2, purpose="collection"), id="message"),
    pytest.param(call(OPENS, 2), id="call"),
    pytest.param(call(OPENS, 2, outcome=desk.ContactOutcome.TALKED), id="talk"),
]


@pytest.mark.parametrize("late", LATE)
def test_the_open_case_hears_of_a_contact_about_an_earlier_one(late: Envelope[Any]) -> None:
    intake = open_again(**ONE_A_WEEK)
    told = intake.when(late)
    assert [type(event) for event in told.said] == [EarlierContactMade]
    (emission,) = IntakeDecider().decide(intake.state, late, intake.reference).emissions
    assert emission.subject == SECOND

    passed_on = message(told.last(EarlierContactMade), day(OPENS), case=SECOND)
    notice = second_case(NoticeDecider(), **ONE_A_WEEK)
    assert answer(notice, asked(OPENS)).allowed
    after = notice.when(passed_on)
    assert answer(after, asked(OPENS)).rule is Rule.CALLS
    assert answer(after, asked(OPENS + 7)).allowed
    follows = second_case(FollowupDecider(), **ONE_A_WEEK)
    assert follows.when(call(OPENS, case=SECOND)).state.attempts.count == 1
    assert follows.when(passed_on, call(OPENS, case=SECOND)).state.attempts.count == 0


@pytest.mark.parametrize("late", LATE)
def test_it_is_counted_as_if_it_had_come_before_the_case_opened(late: Envelope[Any]) -> None:
    passed_on = message(open_again().when(late).last(EarlierContactMade), day(OPENS), case=SECOND)
    for decider in (NoticeDecider(), FollowupDecider()):
        handed_over = second_case(decider, late)
        assert ledger(second_case(decider).when(passed_on)) == ledger(handed_over)
        assert len(ledger(handed_over)) == 1


def test_a_message_that_waits_is_asked_for_again_when_such_a_contact_is_heard_of() -> None:
    """What is due already is stopped: two contacts would be one more than the week has room for."""
    there = second_case(NoticeDecider(), **ONE_A_WEEK)
    wanted = StatementRequested(missing=("income",), due=day(OPENS + 9))
    due = there.when(message(wanted, day(OPENS), case=SECOND, hour=1))
    assert due.emits(NoticeDue)
    late = open_again(**ONE_A_WEEK).when(call(OPENS, 1)).last(EarlierContactMade)
    stopped = due.when(message(late, day(OPENS), case=SECOND, hour=1))
    assert stopped.emits(NoticeDenied)
    assert stopped.last(NoticeDenied).rule is Rule.CALLS


def wish(n: int, *, case: str = FIRST, **more: Any) -> Envelope[Any]:
    return message(desk.PreferencesSet(**more), day(n), case=case)


def heard_of(*said: Envelope[Any]) -> list[Envelope[Any]]:
    """Give what the open case is told when something is said about the first one."""
    told = open_again().when(*said).said
    assert all(isinstance(event, EarlierReachHeard) for event in told)
    return [message(event, day(OPENS), case=SECOND) for event in told]


def test_a_channel_that_was_closed_about_an_earlier_case_is_closed_in_the_open_one() -> None:
    (told,) = heard_of(wish(OPENS, opt_out=("sms",)))
    there = second_case(NoticeDecider())
    assert answer(there, asked(OPENS, channel="sms")).allowed
    closed = there.when(told)
    assert answer(closed, asked(OPENS, channel="sms")).rule is Rule.OPTED_OUT
    assert answer(closed, asked(OPENS)).allowed, "no other one"
    assert second_case(FollowupDecider()).when(told).state.contacts.opt_outs == closed.state.states.opt_outs
    # What the case itself has heard stays: a channel closed there is not opened by a word about another.
    own = there.when(wish(OPENS, case=SECOND, opt_out=("phone",))).when(told)
    assert [out.channel for out in own.state.states.opt_outs] == ["phone", "sms"]


def test_a_channel_that_was_closed_before_is_no_news_and_nothing_is_said_without_an_open_case() -> None:
    ref = reference(**RULES)
    known = given(IntakeDecider(), ref).when(overdue(n=0), wish(1, opt_out=("sms",)), cured(2))
    assert known.when(wish(3, opt_out=("sms", "email"))).said == ()
    again = known.when(overdue(n=OPENS))
    assert again.when(wish(OPENS, opt_out=("sms",))).said == ()
    assert again.when(wish(OPENS, case=SECOND, opt_out=("email",))).said == ()


def test_the_borrowers_clock_and_a_decision_are_the_persons_too() -> None:
    (told,) = heard_of(wish(OPENS, time_zone="Europe/Madrid"))
    resumed = message(ContactResumed(by="s-1", reason="asked for"), day(OPENS), case=FIRST)
    (decided,) = heard_of(resumed)
    for decider in (NoticeDecider(), FollowupDecider()):
        there = second_case(decider).when(told, decided)
        state = there.state
        zone = state.time_zone if decider.__class__ is NoticeDecider else state.contacts.time_zone
        when = state.states.decided_at if decider.__class__ is NoticeDecider else state.contacts.decided_at
        assert (zone, when) == ("Europe/Madrid", resumed.time)
    assert answer(second_case(NoticeDecider()).when(told), asked(OPENS, 3)).rule is Rule.QUIET_HOURS


def test_who_acts_for_the_borrower_does_so_in_the_open_case_until_that_ends() -> None:
    ends = message(AuthorityEnded(authority_id="rep-1"), day(OPENS), case=FIRST, hour=10)
    begun, ended = heard_of(acts(90, n=OPENS), ends)
    there = second_case(NoticeDecider()).when(begun)
    assert answer(there, asked(OPENS, 11)).rule is Rule.REPRESENTED
    assert answer(there, asked(OPENS, 11, person="rep-1", party="representative")).allowed
    over = there.when(ended)
    assert answer(over, asked(OPENS, 11)).allowed
    assert over.state.states.authorities == ()


@pytest.mark.parametrize("late", LATE)
def test_of_its_own_contacts_a_case_hears_by_itself_and_a_customer_without_one_has_none(
    late: Envelope[Any],
) -> None:
    own = open_again().when(replace(late, subject=SECOND))
    assert not any(isinstance(event, EarlierContactMade) for event in own.said)
    closed = given(IntakeDecider(), reference(**RULES)).when(overdue(n=0)).when(cured(2))
    assert closed.when(late).said == ()
    slip = open_again().when(
        message(late.data.model_copy(update={"at": late.data.at.replace(year=1899)}), day(OPENS), case=FIRST)
    )
    assert slip.said == (), "a slip of the pen is no contact"
