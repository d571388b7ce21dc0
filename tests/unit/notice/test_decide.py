"""Messages to a borrower: when they are due, who denies them, how they end."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.notice.decide import NoticeDecider
from shared.conduct import Rule
from shared.contracts import agreement, assessment, desk, desk_contact, followup, followup_care, intake, offer
from shared.contracts.alert import ComplaintClosed
from shared.contracts.base import Event, Personal, Reason
from shared.contracts.debts import DebtSchedule
from shared.contracts.envelope import Envelope
from shared.contracts.notice import (
    ContactAnswered,
    InputRefused,
    NoticeDenied,
    NoticeDue,
    NoticeFiled,
    NoticeKind,
    NoticeWithdrawn,
)
from shared.contracts.parties import StopCause, StopInForce
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import CASE, DAY, case_opened, cny, debt, message, reference
from tests.unit.spec import Given, given

SHANGHAI = ZoneInfo("Asia/Shanghai")
LATER = DAY + timedelta(days=10)
WITHDRAWN = Reason(code=ReasonCode.WITHDRAWN_IN_TIME)
IN_A_STOP = Reason(code=ReasonCode.BROKEN_IN_A_STOP)


def at(data: Event, hour: int, minute: int = 0, day: date = DAY, zone: Any = SHANGHAI) -> Envelope[Any]:
    """Say it at a time on somebody's clock."""
    plain = message(data, day)
    moment = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)
    return Envelope(plain.id, plain.source, moment, plain.key, data, CASE)


def case(**overrides: Any) -> Given:
    return given(NoticeDecider(), reference(**overrides)).when(message(case_opened()))


def statement(due: date = LATER) -> assessment.StatementRequested:
    return assessment.StatementRequested(missing=("income",), due=due)


def broken(promise: str = "P-1") -> followup.PromiseBroken:
    return followup.PromiseBroken(promise_id=promise, promised=cny("10.00"), paid=cny("0.00"), due=DAY)


def complaint(name: str = "K-1") -> desk.ComplaintMade:
    return desk.ComplaintMade(complaint_id=name, words=Personal(value="太吵"))


def answered(name: str = "K-1", *, final: bool = True) -> desk_contact.ComplaintAnswered:
    return desk_contact.ComplaintAnswered(
        complaint_id=name, by="s-1", final=final, words=Personal(value="好")
    )


def ended(name: str = "K-1") -> ComplaintClosed:
    """What alert says when who may give it has given the final response."""
    return ComplaintClosed(complaint_id=name, by="s-1", as_of=DAY, days=0, in_time=True)


def verified() -> desk.ContactRecorded:
    """The borrower has called, and was shown to be the borrower."""
    return called(desk.ContactOutcome.TALKED, desk.ContactDirection.INBOUND, purpose="service", right=True)


def called(
    outcome: desk.ContactOutcome = desk.ContactOutcome.NO_ANSWER,
    direction: desk.ContactDirection = desk.ContactDirection.OUTBOUND,
    *,
    when: datetime = datetime(2026, 3, 2, 10, tzinfo=SHANGHAI),
    purpose: Any = None,
    right: bool = False,
) -> desk.ContactRecorded:
    return desk.ContactRecorded(
        at=when, place="office", participants=("n-1",), key_points=Personal(value="…"), direction=direction,
        outcome=outcome, channel="phone", purpose=purpose, right_party=right, number="no-1",
        next_step="call_again", recorded_by="n-1",
    )  # fmt: skip


def delivered(due: NoticeDue, when: datetime | None = None) -> desk_contact.NoticeDelivered:
    return desk_contact.NoticeDelivered(
        notice_id=due.notice_id, message_id=due.message_id, channel=due.channel,
        at=when or due.send_from, attempts=1,
    )  # fmt: skip


def failed(due: NoticeDue, reason: str, when: datetime | None = None) -> desk_contact.NoticeFailed:
    return desk_contact.NoticeFailed(
        notice_id=due.notice_id, message_id=due.message_id, channel=due.channel,
        at=when or due.send_from, attempts=3, reason=reason,
    )  # fmt: skip


# --- the thread: due, sent, on file


def test_a_statement_is_asked_for_by_a_message_that_is_sent_and_on_file() -> None:
    asked = case().when(at(statement(), 10))
    assert asked.emits(NoticeDue)
    due = asked.last(NoticeDue)
    assert (due.kind, due.category, due.channel) == (NoticeKind.STATEMENT_REQUEST, "service", "email")
    assert (due.language, due.arguments, due.recipient) == ("zh", {"due": LATER.isoformat()}, "borrower")
    assert due.send_from == datetime(2026, 3, 2, 10, tzinfo=SHANGHAI)
    assert due.send_until == datetime(2026, 3, 2, 22, tzinfo=SHANGHAI), "quiet hours begin"
    filed = asked.when(at(delivered(due), 11)).last(NoticeFiled)
    assert (filed.place, filed.outcome, filed.next_step) == ("email", "message_left", "await_answer")
    assert filed.recorded_by == "courier"
    assert filed.at == due.send_from


def test_what_caused_a_message_twice_or_was_delivered_twice_is_told_once() -> None:
    asked = case().when(at(statement(), 10))
    due = asked.last(NoticeDue)
    assert asked.when(at(statement(), 11)).said == ()
    done = asked.when(at(delivered(due), 11))
    assert done.when(at(delivered(due), 12)).said == ()
    assert done.when(at(statement(), 12)).said == ()
    assert len(done.state.history) == 1


@pytest.mark.parametrize(
    ("event", "kind", "category"),
    [
        (offer.OfferTabled.model_construct(offer_id="O", round=1, valid_until=LATER), "offer", "service"),
        (offer.OfferRevised.model_construct(offer_id="O", round=2, valid_until=LATER, answer=None),
         "offer_revised", "service"),
        (offer.OfferRevised.model_construct(offer_id="O", round=2, valid_until=LATER, answer=object()),
         "offer_revised", "reply"),
        (assessment.StatementReminded(missing=("income",), due=LATER, number=1),
         "statement_reminder", "service"),
        (agreement.AgreementDrafted.model_construct(agreement_id="A", version=1, sign_by=LATER),
         "agreement", "service"),
        (followup_care.ReviewInvited(number=1, on=LATER, as_of=DAY), "review_invitation", "service"),
        (followup.SupportOffered(as_of=DAY, reasons=()), "support_offer", "service"),
        (followup.RewardGranted(reward="lower_rate", after_instalment=6), "reward_granted", "service"),
        (followup_care.BreachNoticed(agreement_id="A", as_of=DAY, cure_by=LATER, missing=()),
         "breach_notice", "legal_notice"),
        (followup.PlanBroken(agreement_id="A", as_of=DAY, missed=2, reasons=()),
         "plan_broken", "legal_notice"),
        (agreement.AgreementEnded(agreement_id="A", as_of=DAY, reason=WITHDRAWN),
         "agreement_withdrawn", "service"),
        (followup_care.PlanReopened(agreement_id="A", as_of=DAY, missing=(), reason=IN_A_STOP),
         "plan_stands_again", "service"),
        (agreement.SettlementLetterIssued.model_construct(letter_id="L"),
         "completion_letter", "legal_notice"),
    ],
)  # fmt: skip
def test_each_event_calls_for_its_message(event: Event, kind: str, category: str) -> None:
    due = case().when(at(event, 10)).last(NoticeDue)
    assert (due.kind, due.category) == (kind, category)


@pytest.mark.parametrize("code", [ReasonCode.PLAN_BROKEN, ReasonCode.CASE_CLOSED])
def test_only_a_withdrawal_is_confirmed_as_one(code: ReasonCode) -> None:
    ended = agreement.AgreementEnded(agreement_id="A", as_of=DAY, reason=Reason(code=code))
    assert case().when(at(ended, 10)).said == ()


def test_of_a_signature_and_a_withdrawal_only_the_later_is_told() -> None:
    """A copy that still waits would say that what was withdrawn from holds."""
    by_sms = case().when(message(desk.PreferencesSet(channel="sms")))
    signed = agreement.AgreementSigned.model_construct(
        agreement_id="A", version=1, effective=DAY, schedules=()
    )
    again = signed.model_copy(update={"agreement_id": "B"})
    back = agreement.AgreementEnded(agreement_id="A", as_of=DAY, reason=WITHDRAWN)
    for earlier, later in ((signed, back), (back, again)):
        told = by_sms.when(at(earlier, 22), at(later, 23))
        assert [type(event) for event in told.said][-2:] == [NoticeWithdrawn, NoticeDue]
        assert told.last(NoticeWithdrawn).reason.code is ReasonCode.NOTICE_REPLACED


def test_a_withdrawal_is_confirmed_although_the_case_is_closed_meanwhile() -> None:
    back = agreement.AgreementEnded(agreement_id="A", as_of=DAY, reason=WITHDRAWN)
    closed = intake.CaseClosed(as_of=DAY, reason=intake.CloseReason.CURED)
    assert NoticeWithdrawn not in {type(e) for e in case().when(at(back, 10), at(closed, 11)).said}


# --- the guard at its edges, through the service


@pytest.mark.parametrize(
    ("hour", "minute", "opens"),
    [(21, 59, (2, 21, 59)), (22, 0, (3, 8, 0)), (7, 59, (2, 8, 0)), (8, 0, (2, 8, 0))],
)
def test_at_ten_in_the_evening_a_message_waits_until_eight(
    hour: int, minute: int, opens: tuple[int, int, int]
) -> None:
    # By sms: in the example pack quiet hours bind the channels that ring.
    there = case().when(message(desk.PreferencesSet(channel="sms")))
    due = there.when(at(statement(), hour, minute)).last(NoticeDue)
    day, begin_hour, begin_minute = opens
    assert due.channel == "sms"
    assert due.send_from == datetime(2026, 3, day, begin_hour, begin_minute, tzinfo=SHANGHAI)
    assert due.send_until == datetime(2026, 3, day, 22, tzinfo=SHANGHAI)


def test_the_evening_is_that_of_where_the_borrower_lives() -> None:
    there = case().when(message(desk.PreferencesSet(channel="sms", time_zone="Europe/Madrid")))
    due = there.when(at(statement(), 22)).last(NoticeDue)  # three in the afternoon in Madrid
    assert due.send_from == datetime(2026, 3, 2, 22, tzinfo=SHANGHAI)
    assert due.send_until == datetime(2026, 3, 2, 22, tzinfo=ZoneInfo("Europe/Madrid"))


def test_an_unknown_time_zone_is_refused() -> None:
    refused = case().when(message(desk.PreferencesSet(time_zone="Mars/Base"))).last(InputRefused)
    assert refused.reason.code is ReasonCode.TIME_ZONE_UNKNOWN


def test_a_channel_is_closed_whatever_else_is_wrong_with_the_word_that_closes_it() -> None:
    """The whole word was refused for its time zone, and messages went on."""
    wishes = desk.PreferencesSet(time_zone="Mars/Base", opt_out=("email", "app"))
    closed = case().when(at(statement(), 10), at(wishes, 10))
    assert [type(event) for event in closed.said] == [NoticeDue, NoticeDue, InputRefused]
    assert closed.last(NoticeDue).channel == "sms", "the one by e-mail was stopped"


def test_a_channel_that_nobody_knows_is_refused_and_the_known_ones_are_closed() -> None:
    """It was left out without a word: who closed "SMS" went on getting them."""
    closed = case().when(message(desk.PreferencesSet(opt_out=("SMS", "email"))))
    assert closed.last(InputRefused).reason.code is ReasonCode.CHANNEL_UNKNOWN
    assert [out.channel for out in closed.state.states.opt_outs] == ["email"]


def test_a_wish_about_something_else_opens_no_channel_that_was_closed() -> None:
    """It did: who closed all channels and then chose a language was written to again."""
    closed = case().when(message(desk.PreferencesSet(opt_out=("email", "app", "sms"))))
    for wish in ({"language": "en"}, {"time_zone": "Europe/Madrid"}, {"consents": ()}, {"channel": "email"}):
        still = closed.when(message(desk.PreferencesSet.model_validate(wish)), at(statement(), 10))
        assert still.last(NoticeDue).channel == "letter"
    for wish in ({"opt_out": ("sms",)}, {"opens": ("email",)}):
        opened = closed.when(message(desk.PreferencesSet.model_validate(wish)), at(statement(), 10))
        assert opened.last(NoticeDue).channel == "email"


def asked(when: datetime, **more: Any) -> Envelope[Any]:
    data = desk_contact.ContactAsked(
        contact_id="c", at=when, by="n-1",
        **{"purpose": "collection", "channel": "phone", "number": "no-1", "tells_about_debt": False, **more},
    )  # fmt: skip
    return message(data)


def test_the_seventh_call_of_a_day_is_denied_and_the_first_of_the_next_is_not() -> None:
    # The example: six attempts at one number a day; a person decides only after more than that.
    there = case(**{"contact_rules.failed_attempts_until_person": 50, "contact.max_calls_per_7_days": 50})
    most = there.reference.policies.in_force("example-card", DAY).contact.max_attempts_per_number_per_day
    for hour in range(most):
        before = there.when(asked(datetime(2026, 3, 2, 9 + hour, tzinfo=SHANGHAI))).last(ContactAnswered)
        assert before.allowed
        there = there.when(message(called(when=datetime(2026, 3, 2, 9 + hour, tzinfo=SHANGHAI))))
    answer = there.when(asked(datetime(2026, 3, 2, 20, tzinfo=SHANGHAI))).last(ContactAnswered)
    assert (answer.allowed, answer.rule) == (False, Rule.ATTEMPTS)
    assert answer.allowed_again == datetime(2026, 3, 3, 8, tzinfo=SHANGHAI), "and not in the night"
    assert there.when(asked(datetime(2026, 3, 3, 8, tzinfo=SHANGHAI))).last(ContactAnswered).allowed


def test_after_attempts_in_vain_a_person_decides_also_about_messages() -> None:
    there = case(**{"contact_rules.failed_attempts_until_person": 3})
    for minute in range(3):
        there = there.when(message(called(when=datetime(2026, 3, 2, 9, minute, tzinfo=SHANGHAI))))
    denied = there.when(at(statement(), 12)).last(NoticeDenied)
    assert (denied.rule, denied.allowed_again) == (Rule.PERSON_DECIDES, None)
    resumed = desk_contact.ContactResumed(by="s-1", reason="asked for by letter")
    assert there.when(at(statement(), 12), at(resumed, 13)).last(NoticeDue).kind == "statement_request"


def test_a_reminder_is_collection_and_stops_while_a_complaint_is_open() -> None:
    there = case().when(message(verified()), at(complaint(), 9))
    denied = there.when(at(broken(), 10))
    assert denied.last(NoticeDenied).rules == (Rule.COMPLAINT_OPEN,)
    assert denied.when(at(answered(final=False), 11)).said == (), "not the last word yet"
    assert denied.when(at(answered(), 12)).said == (), "whether it is final is alert's to judge"
    assert denied.when(at(ended(), 12)).emits(NoticeDue)


def test_the_end_of_a_complaint_that_is_heard_before_it_leaves_it_over() -> None:
    """Two topics: a complaint would have stayed open for ever, and nobody would have been written to."""
    there = case().when(at(ended(), 9), at(complaint(), 8))
    assert not there.state.states.complaint_open
    assert there.when(at(complaint("K-2"), 10)).state.states.complaint_open
    assert there.when(at(statement(), 10)).emits(NoticeDue), "what serves the borrower goes on"


def test_no_reminder_while_a_signed_plan_is_kept_and_none_before_the_right_party_is_known() -> None:
    unknown = case().when(at(broken(), 10))
    assert unknown.last(NoticeDenied).rule is Rule.NOT_VERIFIED
    signed = case().when(message(verified()), at(agreement.AgreementSigned.model_construct(
        agreement_id="A", version=1, effective=DAY, schedules=()), 9))  # fmt: skip
    assert signed.when(at(broken(), 10)).last(NoticeDenied).rules == (Rule.PLAN_KEPT,)
    assert (
        signed.when(
            at(followup.PlanBroken.model_construct(agreement_id="A", as_of=DAY), 10), at(broken(), 11)
        )
        .last(NoticeDue)
        .category
        == "collection"
    )


def test_a_closed_channel_is_left_for_the_next_and_a_notice_of_the_law_comes_by_letter() -> None:
    three = case().when(message(desk.PreferencesSet(opt_out=("email", "app"))))
    assert three.when(at(statement(), 10)).last(NoticeDue).channel == "sms"
    none = case().when(message(desk.PreferencesSet(opt_out=("email", "app", "sms", "letter"))))
    denied = none.when(at(statement(), 10)).last(NoticeDenied)
    assert (denied.channel, denied.rule) == ("email", Rule.OPTED_OUT)
    letter = agreement.SettlementLetterIssued.model_construct(letter_id="L")
    assert none.when(at(letter, 10)).last(NoticeDue).channel == "letter"


def stops(*stop: StopInForce) -> intake.StopsChanged:
    return intake.StopsChanged(as_of=DAY, stops=stop)


def test_what_stops_contact_calls_back_what_was_due_and_its_end_lets_it_leave() -> None:
    due = case().when(at(statement(), 10))
    stopped = due.when(at(stops(StopInForce(stop_id="s", cause=StopCause.DEATH, since=DAY)), 11))
    assert stopped.last(NoticeDenied).rule is Rule.STOP_EVENT
    assert stopped.last(NoticeDenied).notice_id == due.last(NoticeDue).notice_id
    again = stopped.when(at(stops(), 12)).last(NoticeDue)
    assert (again.attempt, again.message_id == due.last(NoticeDue).message_id) == (2, False)


def test_a_dispute_of_one_debt_leaves_the_talk_about_the_others() -> None:
    part = StopInForce(stop_id="s", cause=StopCause.DISPUTE, since=DAY, debts=("other",))
    assert case().when(at(stops(part), 9), at(statement(), 10)).emits(NoticeDue)


def two_debts() -> Given:
    opened = case_opened(debt("A-1"), debt("A-2"))
    return given(NoticeDecider(), reference()).when(message(opened), at(verified(), 9))


def wants_to_call(
    debts: tuple[str, ...], *, pay: bool, person: str = "borrower", party: Any = "borrower"
) -> Any:
    return desk_contact.ContactAsked(
        contact_id="C", at=datetime(2026, 3, 2, 15, tzinfo=SHANGHAI), purpose="service", channel="phone",
        by="n-1", debts=debts, asks_for_payment=pay, person=person, party=party,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("cause", "debts", "pay", "allowed"),
    [
        (StopCause.DISPUTE, ("A-1",), True, False),
        (StopCause.DISPUTE, ("A-1",), False, True),
        (StopCause.DISPUTE, ("A-2",), True, True),
        (StopCause.DISPUTE, ("A-1", "A-2"), True, False),
        (StopCause.DISPUTE, (), True, True),
        (StopCause.LITIGATION, ("A-1",), False, False),
        (StopCause.LITIGATION, ("A-2",), False, True),
        (StopCause.BREATHING_SPACE, ("A-1",), False, False),
        (StopCause.BREATHING_SPACE, ("A-2",), False, True),
    ],
)
def test_a_stop_of_one_debt_denies_what_is_about_it_and_nothing_about_the_other(
    cause: StopCause, debts: tuple[str, ...], pay: bool, allowed: bool
) -> None:
    part = StopInForce(stop_id="s", cause=cause, since=DAY, debts=("A-1",))
    asked = two_debts().when(at(stops(part), 10), at(wants_to_call(debts, pay=pay), 14))
    answer = asked.last(ContactAnswered)
    assert (answer.allowed, answer.rule) == (allowed, None if allowed else Rule.STOP_EVENT)


def signed_over(*debts: str) -> agreement.AgreementSigned:
    return agreement.AgreementSigned.model_construct(
        agreement_id="AG", version=1, effective=DAY,
        schedules=tuple(DebtSchedule(debt_id=one, rows=()) for one in debts),
    )  # fmt: skip


@pytest.mark.parametrize(("planned", "leaves"), [(("A-1",), False), (("A-1", "A-2"), True), (("A-2",), True)])
def test_what_is_told_about_a_plan_rests_when_every_debt_in_it_is_stopped(
    planned: tuple[str, ...], leaves: bool
) -> None:
    part = StopInForce(stop_id="s", cause=StopCause.BREATHING_SPACE, since=DAY, debts=("A-1",))
    review = followup_care.ReviewInvited(number=1, on=DAY, as_of=DAY)
    live = two_debts().when(at(signed_over(*planned), 9), at(stops(part), 10))
    told = live.when(at(review, 11))
    assert isinstance(told.said[-1], NoticeDue if leaves else NoticeDenied)
    assert two_debts().when(at(stops(part), 10), at(statement(), 11)).emits(NoticeDue), "about the other"


def test_every_debt_stopped_by_a_stop_of_its_own_leaves_nothing_to_talk_about() -> None:
    one = StopInForce(stop_id="s", cause=StopCause.BREATHING_SPACE, since=DAY, debts=("A-1",))
    two = StopInForce(stop_id="t", cause=StopCause.LITIGATION, since=DAY, debts=("A-2",))
    assert two_debts().when(at(stops(one, two), 10), at(statement(), 11)).emits(NoticeDenied)


def test_a_stop_of_another_obligor_protects_that_person_alone() -> None:
    theirs = StopInForce(
        stop_id="s", cause=StopCause.INSOLVENCY, since=DAY, party_id="party-1", debts=("A-1",)
    )
    case_ = two_debts().when(at(stops(theirs), 10))
    assert case_.when(at(wants_to_call(("A-1",), pay=False), 14)).last(ContactAnswered).allowed
    guarantor = wants_to_call(("A-1",), pay=False, person="party-1", party="guarantor")
    assert case_.when(at(guarantor, 14)).last(ContactAnswered).rules[0] is Rule.STOP_EVENT


def test_a_stop_of_nobody_in_particular_protects_the_borrower() -> None:
    nobody = StopInForce(stop_id="s", cause=StopCause.INSOLVENCY, since=DAY, party_id="", debts=("A-1",))
    told = two_debts().when(at(stops(nobody), 10), at(wants_to_call(("A-1",), pay=True), 14))
    assert told.last(ContactAnswered).rules[0] is Rule.STOP_EVENT


def authority(until: date, by: str | None = "s-1") -> desk_contact.AuthorityRecorded:
    return desk_contact.AuthorityRecorded(
        authority_id="rep-1", party="representative", purposes=("service", "collection"), until=until,
        verified_by=by, evidence="paper 7",
    )  # fmt: skip


def test_a_verified_representative_is_the_one_to_write_to_until_the_authority_ends() -> None:
    there = case().when(at(authority(LATER), 9))
    due = there.when(at(statement(), 10)).last(NoticeDue)
    assert (due.party, due.recipient) == ("representative", "rep-1")
    nobody = case().when(at(authority(LATER, by=None), 9), at(statement(), 10)).last(NoticeDue)
    assert nobody.recipient == "borrower"
    over = there.when(at(desk_contact.AuthorityEnded(authority_id="rep-1"), 10), at(statement(), 11))
    assert over.last(NoticeDue).recipient == "borrower"
    expired = there.when(at(statement(LATER + timedelta(days=9)), 10, day=LATER + timedelta(days=2)))
    assert expired.last(NoticeDue).recipient == "borrower"
