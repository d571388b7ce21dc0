"""The rules of contact protect a person: the case that opens three days after the last one knows what was."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from services.followup.decide import FollowupDecider
from services.intake.decide import IntakeDecider
from services.notice.decide import NoticeDecider
from shared.conduct import PastContact, Rule, days_counted, past_contact
from shared.contracts import desk, desk_contact
from shared.contracts.alert import ComplaintClosed
from shared.contracts.assessment import StatementRequested
from shared.contracts.base import Personal
from shared.contracts.envelope import Envelope
from shared.contracts.ids import case_id
from shared.contracts.intake import CaseOpened
from shared.contracts.intake_team import EarlierComplaint, EarlierReachHeard
from shared.contracts.notice import ContactAnswered, NoticeDue
from shared.contracts.reach import EarlierContact, EarlierReach
from tests.unit.builders import DAY, message, reference
from tests.unit.intake.bank_says import cured, day, overdue
from tests.unit.spec import Given, given

FIRST, SECOND = case_id("C-1", 1), case_id("C-1", 2)
RULES = {
    "contact.max_calls_per_7_days": 7,
    "contact.max_attempts_per_number_per_day": 20,
    "contact_rules.failed_attempts_until_person": 50,
}
OPENS = 5
"""The second case opens on this day: the first was over on day 2."""


def call(n: int, hour: int = 3, *, case: str = FIRST, **more: Any) -> Envelope[Any]:
    """A call that nobody answers, at eleven in the morning of Shanghai unless told."""
    data = desk.ContactRecorded(
        **{
            "at": datetime.combine(day(n), time(hour), UTC),
            "place": "phone",
            "participants": ("n-1",),
            "key_points": Personal[str](value="rang"),
            "direction": desk.ContactDirection.OUTBOUND,
            "outcome": desk.ContactOutcome.NO_ANSWER,
            "channel": "phone",
            **more,
        }
    )
    return message(data, day(n), case=case, hour=hour)


def asked(n: int, hour: int = 3, **more: Any) -> Envelope[Any]:
    at = datetime.combine(day(n), time(hour), UTC)
    data = desk_contact.ContactAsked(
        contact_id="c", at=at, by="n-1", purpose="collection",
        **{"channel": "phone", "tells_about_debt": False, **more},
    )  # fmt: skip
    return message(data, day(n), case=SECOND, hour=hour)


def second_case(decider: Any, *heard: Envelope[Any], **rules: Any) -> Given:
    """Whatever was heard of the first case, the second one opens over the same account on its day."""
    ref = reference(**{**RULES, **rules})
    intake = given(IntakeDecider(), ref).when(overdue(n=0)).when(*heard).when(cured(2))
    opened = intake.when(overdue(n=OPENS)).last(CaseOpened)
    assert opened.episode == 2
    return given(decider, ref).when(message(opened, day(OPENS), case=SECOND))


def answer(there: Given, question: Envelope[Any]) -> ContactAnswered:
    return there.when(question).last(ContactAnswered)


def test_the_seventh_call_of_a_week_is_allowed_and_the_eighth_is_not_over_two_cases() -> None:
    six = [call(1, hour) for hour in range(1, 7)]
    there = second_case(NoticeDecider(), *six)
    assert answer(there, asked(OPENS)).allowed, "the seventh"
    after = there.when(call(OPENS, case=SECOND))
    eighth = answer(after, asked(OPENS, 4))
    assert (eighth.allowed, eighth.rule) == (False, Rule.CALLS)
    # The six of day 1 leave the week with day 8; it begins at eight of the borrower's clock.
    assert eighth.allowed_again == datetime.combine(day(8), time(0), UTC)
    assert answer(after, asked(7, 13)).rule is Rule.CALLS
    assert answer(after, asked(8, 0)).allowed


def test_seven_calls_of_the_first_case_leave_none_for_the_second() -> None:
    there = second_case(NoticeDecider(), *(call(1, hour) for hour in range(1, 8)))
    assert answer(there, asked(OPENS)).rule is Rule.CALLS
    assert answer(there, asked(8)).allowed


def test_a_call_after_the_first_case_was_closed_counts_too() -> None:
    heard = [call(1, hour) for hour in range(1, 7)]
    ref = reference(**RULES)
    intake = given(IntakeDecider(), ref).when(overdue(n=0)).when(*heard, cured(2), call(3))
    opened = intake.when(overdue(n=OPENS)).last(CaseOpened)
    there = given(NoticeDecider(), ref).when(message(opened, day(OPENS), case=SECOND))
    assert answer(there, asked(OPENS)).rule is Rule.CALLS


def test_what_no_limit_counts_any_more_is_not_handed_over_and_closes_nobody_off() -> None:
    """Attempts in vain of long ago do not make a person decide about a new case."""
    ref = reference(**{**RULES, "contact_rules.failed_attempts_until_person": 3})
    heard = [call(1, hour) for hour in range(1, 5)]
    intake = given(IntakeDecider(), ref).when(overdue(n=0)).when(*heard, cured(2))
    opened = intake.when(overdue(n=60)).last(CaseOpened)
    assert opened.reach is None
    soon = intake.when(overdue(n=OPENS)).last(CaseOpened)
    assert soon.reach is not None
    assert len(soon.reach.contacts) == 4
    there = given(NoticeDecider(), ref).when(message(soon, day(OPENS), case=SECOND))
    assert answer(there, asked(OPENS)).rule is Rule.PERSON_DECIDES


def test_a_person_who_decided_that_it_goes_on_has_decided_for_the_next_case() -> None:
    resumed = desk_contact.ContactResumed(by="s-1", reason="asked for by letter")
    heard = [call(1, 1), call(1, 2), call(1, 3), message(resumed, day(1), case=FIRST, hour=4)]
    there = second_case(NoticeDecider(), *heard, **{"contact_rules.failed_attempts_until_person": 3})
    assert answer(there, asked(OPENS)).allowed


def test_waiting_after_a_conversation_goes_on_into_the_next_case() -> None:
    talked = call(1, outcome=desk.ContactOutcome.TALKED)
    there = second_case(NoticeDecider(), talked, **{"contact.cooldown_after_talk_days": 7})
    denied = answer(there, asked(OPENS))
    assert denied.rule is Rule.COOLDOWN
    assert denied.allowed_again is not None
    assert not answer(there, asked(8)).allowed
    assert answer(there, asked(9)).allowed


def test_a_closed_channel_a_consent_and_the_clock_of_the_borrower_stay() -> None:
    wishes = desk.PreferencesSet(
        opt_out=("sms",), channel="email", time_zone="Europe/Madrid", consents=("app",)
    )
    there = second_case(NoticeDecider(), message(wishes, day(1), case=FIRST))
    assert answer(there, asked(OPENS, 12, channel="sms")).rule is Rule.OPTED_OUT
    assert answer(there, asked(OPENS, 3)).rule is Rule.QUIET_HOURS, "it is four in the morning in Madrid"
    assert (there.state.channel, there.state.time_zone) == ("email", "Europe/Madrid")
    assert [consent.channel for consent in there.state.states.consents] == ["app"]
    assert there.state.states.opt_outs[0].since == datetime.combine(day(1), time(9), UTC)
    opened_again = message(
        desk.PreferencesSet(opens=("sms", "email", "phone", "app")), day(OPENS), case=SECOND
    )
    assert answer(there.when(opened_again), asked(OPENS, 12, channel="sms")).rule is not Rule.OPTED_OUT


def test_a_limit_is_agreed_away_in_one_case_and_taken_back_in_all() -> None:
    """A new case asks again; what was taken back in a word about the first case holds in the second."""
    agrees, ends = desk.PreferencesSet(lifts=("quiet_hours",)), desk.PreferencesSet(lifts=())
    late = asked(OPENS, 15)  # eleven in the evening in Shanghai
    before = second_case(NoticeDecider(), message(agrees, day(1), case=FIRST))
    assert answer(before, late).rule is Rule.QUIET_HOURS
    there = before.when(message(agrees, day(OPENS), case=SECOND))
    assert answer(there, late).allowed
    both = given(IntakeDecider(), reference()).when(overdue(n=0)).when(cured(2)).when(overdue(n=OPENS))
    for said, still in ((ends, False), (agrees, True), (desk.PreferencesSet(lifts=("cooldown",)), False)):
        heard = both.when(message(said, day(OPENS), case=FIRST)).last(EarlierReachHeard)
        assert answer(there.when(message(heard, day(OPENS), case=SECOND)), late).allowed is still
        told = before.when(message(heard, day(OPENS), case=SECOND))
        assert not told.state.states.agreed, "and nothing is agreed to by a word about another case"


def acts(until: int, *, by: str | None = "s-1", case: str = FIRST, n: int = 1) -> Envelope[Any]:
    data = desk_contact.AuthorityRecorded(
        authority_id="rep-1", party="representative", purposes=("service", "collection"), until=day(until),
        verified_by=by, evidence="letter-7",
    )  # fmt: skip
    return message(data, day(n), case=case)


def complaint(case: str = FIRST, n: int = 1, *, name: str = "q-1") -> Envelope[Any]:
    data = desk.ComplaintMade(complaint_id=name, words=Personal(value="unfair"))
    return message(data, day(n), case=case, hour=10)


def response(case: str = FIRST, n: int = 1) -> Envelope[Any]:
    """Its final response, of who may give it: alert says so."""
    data = ComplaintClosed(complaint_id="q-1", by="s-1", as_of=day(n), days=0, in_time=True)
    return message(data, day(n), case=case, hour=11)


def by_anyone(case: str = FIRST, n: int = 1) -> Envelope[Any]:
    """A word that calls itself the final response; alert has not said that it is."""
    data = desk_contact.ComplaintAnswered(
        complaint_id="q-1", by="n-9", final=True, words=Personal(value="so")
    )
    return message(data, day(n), case=case, hour=11)


def test_whoever_acts_for_the_borrower_does_so_in_the_next_case() -> None:
    there = second_case(NoticeDecider(), acts(90))
    assert answer(there, asked(OPENS)).rule is Rule.REPRESENTED, "the representative is the one to call"
    to_them = asked(OPENS, person="rep-1", party="representative")
    assert answer(there, to_them).allowed
    assert there.state.states.authorities[0].since == datetime.combine(day(1), time(9), UTC)
    for nobody in (None, " ", "rep-1"):
        unverified = second_case(NoticeDecider(), acts(90, by=nobody))
        assert answer(unverified, asked(OPENS)).allowed
        assert answer(unverified, to_them).rule is Rule.NO_AUTHORITY
        there = second_case(NoticeDecider()).when(acts(90, by=nobody, case=SECOND, n=OPENS))
        assert answer(there, asked(OPENS, person="rep-1", party="representative")).rule is Rule.NO_AUTHORITY


@pytest.mark.parametrize(
    "heard",
    [
        pytest.param([acts(OPENS - 1)], id="its last day was before"),
        pytest.param(
            [
                acts(90),
                message(desk_contact.AuthorityEnded(authority_id="rep-1"), day(1), case=FIRST, hour=10),
            ],
            id="it was ended",
        ),
        pytest.param([acts(90), acts(1)], id="recorded anew, for a shorter time"),
    ],
)
def test_an_authority_that_is_over_is_not_handed_over(heard: list[Envelope[Any]]) -> None:
    there = second_case(NoticeDecider(), *heard)
    assert there.state.states.authorities == ()
    assert answer(there, asked(OPENS)).allowed


def test_a_complaint_without_a_final_response_keeps_the_next_case_quiet_too() -> None:
    there = second_case(NoticeDecider(), complaint(), by_anyone())
    assert answer(there, asked(OPENS)).rule is Rule.COMPLAINT_OPEN
    assert answer(second_case(NoticeDecider(), complaint(), response()), asked(OPENS)).allowed
    # An attempt while it is open is none within the rules.
    assert (
        second_case(FollowupDecider(), complaint()).when(call(OPENS, case=SECOND)).state.attempts.count == 0
    )
    done = second_case(FollowupDecider(), complaint(), response()).when(call(OPENS, case=SECOND))
    assert done.state.attempts.count == 1


def test_the_open_case_hears_of_a_complaint_about_an_earlier_one() -> None:
    """Made, or answered, under the number of the case that it is about: the person is the same."""
    ref = reference(**RULES)
    intake = given(IntakeDecider(), ref).when(overdue(n=0)).when(complaint(), cured(2)).when(overdue(n=OPENS))
    answered = intake.when(response(n=OPENS))
    assert answered.said == (EarlierComplaint(complaint_id=f"{FIRST}/q-1", is_open=False),)
    (told,) = IntakeDecider().decide(intake.state, response(n=OPENS), ref).emissions
    assert told.subject == SECOND
    assert answered.when(response(n=OPENS)).said == (), "once"
    assert answered.when(complaint(n=OPENS)).said == (), "it is over, and stays so"
    made = answered.when(complaint(n=OPENS, name="q-2"))
    assert made.said == (EarlierComplaint(complaint_id=f"{FIRST}/q-2", is_open=True),)
    assert made.when(complaint(n=OPENS, name="q-2")).said == ()
    # What is said of the case itself every service hears by itself.
    assert answered.when(complaint(SECOND, OPENS), response(SECOND, OPENS)).said == ()

    earlier = f"{FIRST}/q-1"
    for decider in (NoticeDecider(), FollowupDecider()):
        there = second_case(decider, complaint())
        heard = [
            there.when(
                message(EarlierComplaint(complaint_id=earlier, is_open=still), day(OPENS), case=SECOND)
            )
            for still in (False, True)
        ]
        held = [getattr(one.state, "contacts", one.state).complaints for one in heard]
        assert held == [(), (earlier,)]
        if isinstance(decider, NoticeDecider):
            assert [answer(one, asked(OPENS, 10)).allowed for one in heard] == [True, False]


def test_what_is_said_before_the_bank_speaks_waits_for_the_customer() -> None:
    ref = reference(**RULES)
    for said in (acts(90, n=0), complaint(n=0)):
        ahead = given(IntakeDecider(), ref).when(said).when(overdue(n=0))
        after = given(IntakeDecider(), ref).when(overdue(n=0)).when(said)
        assert ahead.state == after.state
        assert ahead.state.reach != EarlierReach()


def test_an_attempt_beyond_the_limit_over_two_cases_is_none_within_the_rules() -> None:
    """What counts towards a referral to the lawyers is asked by the same ledger."""
    calls = [call(1, hour) for hour in range(1, 8)]
    eighth = second_case(FollowupDecider(), *calls).when(call(OPENS, case=SECOND))
    assert eighth.state.attempts.count == 0
    seventh = second_case(FollowupDecider(), *calls[1:]).when(call(OPENS, case=SECOND))
    assert seventh.state.attempts.count == 1


def test_a_contact_that_is_read_before_the_banks_word_waits_for_the_customer() -> None:
    ref = reference(**RULES)
    ahead = given(IntakeDecider(), ref).when(call(0)).when(overdue(n=0))
    after = given(IntakeDecider(), ref).when(overdue(n=0)).when(call(0))
    assert ahead.state == after.state
    assert len(ahead.state.reach.contacts) == 1


def test_a_first_case_that_nobody_knows_anything_of_says_nothing_of_it() -> None:
    assert given(IntakeDecider(), reference()).when(overdue()).last(CaseOpened).reach is None


def test_a_document_of_version_4_knows_of_no_contacts() -> None:
    state = given(IntakeDecider(), reference()).when(overdue()).state
    old = {name: value for name, value in state.model_dump(mode="json").items() if name != "reach"}
    assert type(state).model_validate(old).reach == EarlierReach()


def recorded(**more: Any) -> desk.ContactRecorded:
    data: desk.ContactRecorded = call(0, **more).data
    return data


@pytest.mark.parametrize(
    ("more", "kind", "marked", "counts_as"),
    [
        pytest.param({}, "collection", False, "collection", id="nobody said"),
        pytest.param({"direction": "inbound"}, "collection", False, "collection", id="the borrower called"),
        pytest.param({"purpose": "service"}, "service", False, "service", id="service"),
        pytest.param(
            {"purpose": "service", "asks_for_payment": True},
            "service",
            True,
            "collection",
            id="asked for money",
        ),
    ],
)
def test_a_record_keeps_its_purpose_beside_the_mark_and_counts_by_the_mark(
    more: dict[str, Any], kind: str, marked: bool, counts_as: str
) -> None:
    past = past_contact(recorded(**more))
    assert past is not None
    assert (past.kind, past.asks_for_payment, past.purpose) == (kind, marked, counts_as)


def test_every_ledger_holds_the_same_contact_in_the_same_form() -> None:
    """A call for service in which money was asked for, over two cases and in both services."""
    odd = call(1, purpose="service", asks_for_payment=True, number="no-1", debts=("A-1",))
    expected = past_contact(odd.data)
    assert isinstance(expected, PastContact)
    assert second_case(NoticeDecider(), odd).state.history == (expected,)
    assert second_case(FollowupDecider(), odd).state.contacts.recent == (expected,)
    again = replace(odd, subject=SECOND)
    assert second_case(NoticeDecider()).when(again).state.history == (expected,)
    assert second_case(FollowupDecider()).when(again).state.contacts.recent == (expected,)


@pytest.mark.parametrize("when", [date(1900, 1, 1), date(8999, 12, 31)])
def test_a_slip_of_the_pen_is_no_contact(when: date) -> None:
    assert past_contact(recorded(at=datetime.combine(when, time(9), UTC))) is None
    inside = EarlierContact(
        at=datetime(1900, 1, 2, 9, tzinfo=UTC), direction=desk.ContactDirection.OUTBOUND,
        outcome=desk.ContactOutcome.NO_ANSWER,
        channel="fax",
    )  # fmt: skip
    past = past_contact(inside)
    assert past is not None
    assert past.channel == "phone", "a channel that the guard does not know counts as a call"


def test_contacts_are_kept_as_long_as_the_longest_limit_counts() -> None:
    rules = {**RULES, "contact.cooldown_after_talk_days": 9}
    policy = reference(**rules).policies.in_force("example-card", DAY)
    assert days_counted([policy]) == 10
    assert days_counted([]) == 0
    assert day(OPENS) - DAY < timedelta(days=10)


# --- messages that the courier has sent

ONE_A_WEEK = {
    "contact.max_calls_per_7_days": 1,
    "contact_rules.max_calls_per_7_days": {
        "counts": "attempts", "window_days": 7, "scope": "person", "actors": ["creditor", "agent"],
        "direction": "outbound", "purposes": ["collection", "service"],
        "channels": ["email", "app", "sms", "letter", "phone"], "unless_agreed": False,
    },
}  # fmt: skip


def first_case() -> tuple[Given, NoticeDue]:
    """The first case asks for a statement, by e-mail."""
    ref = reference(**RULES)
    opened = given(IntakeDecider(), ref).when(overdue(n=0)).last(CaseOpened)
    wanted = StatementRequested(missing=("income",), due=day(9))
    there = given(NoticeDecider(), ref).when(
        message(opened, day(0), case=FIRST), message(wanted, day(1), case=FIRST)
    )
    return there, there.last(NoticeDue)


def sent(n: int, hour: int = 3, *, case: str = FIRST, **more: Any) -> Envelope[Any]:
    """What the courier tells of a message that has left; `purpose` and debts are those of the message."""
    _, due = first_case()
    data = desk_contact.NoticeDelivered(
        **{
            "notice_id": due.notice_id,
            "message_id": due.message_id,
            "channel": due.channel,
            "at": datetime.combine(day(n), time(hour), UTC),
            "attempts": 1,
            "purpose": due.category,
            "recipient": due.recipient,
            "debts": due.debts,
            **more,
        }
    )
    return message(data, day(n), case=case, hour=hour)


def test_a_message_of_the_first_case_leaves_no_room_for_a_call_in_the_second() -> None:
    there = second_case(NoticeDecider(), sent(1), **ONE_A_WEEK)
    denied = answer(there, asked(OPENS))
    assert (denied.allowed, denied.rule) == (False, Rule.CALLS)
    assert denied.allowed_again == datetime.combine(day(8), time(0), UTC)
    assert answer(there, asked(8)).allowed
    assert answer(second_case(NoticeDecider(), **ONE_A_WEEK), asked(OPENS)).allowed


def test_a_message_that_left_after_the_first_case_was_closed_counts_too() -> None:
    ref = reference(**{**RULES, **ONE_A_WEEK})
    intake = given(IntakeDecider(), ref).when(overdue(n=0)).when(cured(2), sent(3))
    opened = intake.when(overdue(n=OPENS)).last(CaseOpened)
    there = given(NoticeDecider(), ref).when(message(opened, day(OPENS), case=SECOND))
    assert answer(there, asked(8)).rule is Rule.CALLS
    assert answer(there, asked(10)).allowed


def test_both_cases_count_a_message_in_the_same_form() -> None:
    there, _ = first_case()
    counted = there.when(sent(1)).state.history
    assert (counted[0].kind, counted[0].outcome, counted[0].debts) == ("service", "message_left", ("A-1",))
    assert second_case(NoticeDecider(), sent(1)).state.history == counted
    assert second_case(FollowupDecider(), sent(1)).state.contacts.recent == counted
    theirs = sent(1, recipient="rep-1")
    others = (counted[0].model_copy(update={"person": "rep-1"}),)
    assert second_case(NoticeDecider(), theirs).state.history == others
    assert second_case(FollowupDecider(), theirs).state.contacts.recent == others


@pytest.mark.parametrize(
    ("more", "denies"),
    [
        pytest.param({}, False, id="a service"),
        pytest.param({"purpose": "legal_notice"}, False, id="a notice of the law"),
        pytest.param({"purpose": "collection"}, True, id="a request for money"),
        pytest.param({"purpose": None}, True, id="an older courier did not say"),
        pytest.param({"purpose": "collection", "recipient": "rep-1"}, False, id="to who acts for them"),
        pytest.param({"purpose": "collection", "at": datetime(1899, 1, 1, tzinfo=UTC)}, False, id="a slip"),
    ],
)
def test_a_message_counts_by_what_it_was_for_and_whom_it_went_to(more: dict[str, Any], denies: bool) -> None:
    scope: dict[str, Any] = ONE_A_WEEK["contact_rules.max_calls_per_7_days"]  # type: ignore[assignment]
    rules = {**ONE_A_WEEK, "contact_rules.max_calls_per_7_days": {**scope, "purposes": ["collection"]}}
    there = second_case(NoticeDecider(), sent(1, **more), **rules)
    assert answer(there, asked(OPENS)).allowed is not denies


def test_a_message_that_did_not_leave_is_no_contact() -> None:
    _, due = first_case()
    failed = desk_contact.NoticeFailed(
        notice_id=due.notice_id, message_id=due.message_id, channel="email", at=due.send_from, attempts=3,
        reason="smtp_550",
    )  # fmt: skip
    there = second_case(NoticeDecider(), message(failed, day(1), case=FIRST), **ONE_A_WEEK)
    assert there.state.history == ()


def test_a_message_that_is_read_before_the_banks_word_waits_for_the_customer() -> None:
    ref = reference(**RULES)
    ahead = given(IntakeDecider(), ref).when(sent(0)).when(overdue(n=0))
    after = given(IntakeDecider(), ref).when(overdue(n=0)).when(sent(0))
    assert ahead.state == after.state
    assert len(ahead.state.reach.contacts) == 1


def test_about_very_many_debts_it_is_about_none_in_particular() -> None:
    ref = reference(**RULES)
    opened = given(IntakeDecider(), ref).when(overdue(n=0)).last(CaseOpened)
    for count, named in ((200, 200), (201, 0)):
        debts = tuple(opened.debts[0].model_copy(update={"debt_id": f"A-{n}"}) for n in range(count))
        many = message(opened.model_copy(update={"debts": debts}), day(0), case=FIRST)
        wanted = message(StatementRequested(missing=("income",), due=day(9)), day(1), case=FIRST)
        assert len(given(NoticeDecider(), ref).when(many, wanted).last(NoticeDue).debts) == named
