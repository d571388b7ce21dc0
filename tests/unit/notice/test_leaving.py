"""Whether a message may leave at its moment, and what becomes of one that may not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.notice.decide import NoticeDecider
from shared.conduct import Rule
from shared.contracts import agreement, assessment, desk, desk_contact, followup, followup_care, intake
from shared.contracts.base import Reason
from shared.contracts.notice import (
    NoticeDenied,
    NoticeDue,
    NoticeFiled,
    NoticeKind,
    NoticeWithdrawn,
)
from shared.contracts.parties import StopCause, StopInForce
from shared.contracts.reasons import ReasonCode
from shared.texts import LANGUAGES, story, word
from tests.unit.builders import DAY, case_opened, message, reference
from tests.unit.notice.test_decide import (
    LATER,
    SHANGHAI,
    at,
    called,
    case,
    delivered,
    failed,
    statement,
    stops,
)
from tests.unit.spec import given

# --- right before sending: limits, consent, dated changes

ONE_A_WEEK = {
    "contact.max_calls_per_7_days": 1,
    "contact_rules.max_calls_per_7_days": {
        "counts": "attempts", "window_days": 7, "scope": "person", "actors": ["creditor", "agent"],
        "direction": "outbound", "purposes": ["collection", "service"],
        "channels": ["email", "app", "sms", "letter", "phone"], "unless_agreed": False,
    },
}  # fmt: skip


def support() -> followup.SupportOffered:
    return followup.SupportOffered(as_of=DAY, reasons=())


def test_what_may_leave_at_any_moment_counts_so_that_two_never_pass_a_limit_of_one() -> None:
    first = case(**ONE_A_WEEK).when(at(statement(), 10))
    held = first.when(at(support(), 11))
    denied = held.last(NoticeDenied)
    assert (denied.kind, denied.rule) == (NoticeKind.SUPPORT_OFFER, Rule.CALLS)
    again = datetime(2026, 3, 9, tzinfo=SHANGHAI)
    assert denied.allowed_again == again
    sent = held.when(at(delivered(first.last(NoticeDue)), 12))
    assert not any(isinstance(said, NoticeDue) for said in sent.said)
    assert sent.closes(DAY + timedelta(days=4)).said == ()
    due = sent.closes(DAY + timedelta(days=5)).last(NoticeDue)  # less than a day ahead
    assert (due.kind, due.send_from) == (NoticeKind.SUPPORT_OFFER, again)


def test_what_had_to_wait_for_another_has_room_when_that_is_of_no_use_any_more() -> None:
    held = case(**ONE_A_WEEK).when(at(statement(), 10), at(support(), 11))
    over = held.when(at(assessment.AssessmentLapsed.model_construct(as_of=DAY), 12))
    assert over.emits(NoticeWithdrawn, NoticeDue)
    assert over.last(NoticeDue).kind == NoticeKind.SUPPORT_OFFER


def test_a_call_by_a_person_takes_the_place_of_a_message_that_has_not_left() -> None:
    due = case(**ONE_A_WEEK).when(at(statement(), 10))
    rung = due.when(at(called(purpose="service"), 11))
    assert rung.last(NoticeDenied).rule is Rule.CALLS
    again = rung.closes(DAY + timedelta(days=5)).last(NoticeDue)
    assert (again.attempt, again.send_from) == (2, datetime(2026, 3, 9, tzinfo=SHANGHAI))


def test_a_channel_that_needs_consent_is_used_only_while_it_is_given() -> None:
    channels = [
        {"channel": name, "allowed": True, "needs_consent": name == "sms", "opt_out_in_every_message": True}
        for name in ("sms", "letter")
    ]
    there = case(**{"contact_rules.channels": channels}).when(message(desk.PreferencesSet(channel="sms")))
    assert there.when(at(statement(), 10)).last(NoticeDue).channel == "letter"
    agreed = there.when(at(desk.PreferencesSet(consents=("sms",)), 9))
    due = agreed.when(at(statement(), 10))
    assert due.last(NoticeDue).channel == "sms"
    kept = due.when(at(desk.PreferencesSet(time_zone="Asia/Shanghai"), 11))
    assert kept.said == (), "what is not said stays as it was"
    taken_back = due.when(at(desk.PreferencesSet(consents=()), 11)).last(NoticeDue)
    assert (taken_back.channel, taken_back.attempt) == ("letter", 2)


def test_it_may_leave_only_up_to_a_change_whose_date_is_known() -> None:
    # By e-mail at eleven in the evening, which is not quiet here; a stop begins at eight the next morning.
    coming = StopInForce(stop_id="s", cause=StopCause.DEATH, since=DAY + timedelta(days=2))
    free = case().when(at(statement(), 23)).last(NoticeDue)
    assert free.send_until == datetime(2026, 3, 3, 22, tzinfo=SHANGHAI)
    due = case().when(at(stops(coming), 9), at(statement(), 23)).last(NoticeDue)
    assert (due.channel, due.send_until) == ("email", datetime(2026, 3, 3, 8, tzinfo=SHANGHAI))


@pytest.mark.parametrize(
    ("lang", "held", "dropped"),
    [
        ("en", "May not leave: statement asked for, rule attempts in seven days, allowed again from 2026",
         "Withdrawn: statement asked for (This message came too late to be of use.)"),
        ("zh", "暂不发送：请填写收支情况，规则七日内联系次数，2026-03-08",
         "不再发送：请填写收支情况（"),
    ],
)  # fmt: skip
def test_the_cases_story_says_what_was_held_back_and_why_it_was_dropped(
    lang: Any, held: str, dropped: str
) -> None:
    soon = statement(DAY + timedelta(days=2))
    denied = case(**ONE_A_WEEK).when(at(called(purpose="service"), 9), at(soon, 10))
    late = denied.closes(DAY + timedelta(days=2))
    shown = story(NoticeDenied.TYPE, lang, denied.last(NoticeDenied))
    assert shown.startswith(held)
    assert story(NoticeWithdrawn.TYPE, lang, late.last(NoticeWithdrawn)).startswith(dropped)
    assert late.state.notices == ()


def test_every_rule_has_words_in_the_story() -> None:
    for rule in Rule:
        for lang in LANGUAGES:
            assert word("rule", rule.value, lang) != rule.value


# --- later, again, not any more


def test_a_denied_message_is_asked_for_again_on_the_day_it_is_allowed() -> None:
    there = case(
        **{"contact_rules.channels": [
            {"channel": "phone", "allowed": True, "needs_consent": False, "opt_out_in_every_message": False},
            {"channel": "email", "allowed": True, "needs_consent": False, "opt_out_in_every_message": True},
        ]}
    )  # fmt: skip
    until = desk_contact.AuthorityRecorded(
        authority_id="r", party="lawyer", purposes=("service",), until=DAY + timedelta(days=4),
        verified_by="s-1", evidence="paper",
    )  # fmt: skip
    # A lawyer may not be written to under this pack, so that the borrower's message waits for the end of it.
    denied = there.when(at(until, 9), at(statement(), 10))
    assert denied.last(NoticeDenied).rule is Rule.REPRESENTED
    over = datetime(2026, 3, 7, tzinfo=SHANGHAI)
    assert denied.last(NoticeDenied).allowed_again == over
    assert denied.closes(DAY + timedelta(days=2)).said == ()
    due = denied.closes(DAY + timedelta(days=3)).last(NoticeDue)
    assert (due.recipient, due.send_from) == ("borrower", over)


def test_what_is_over_or_too_late_is_withdrawn_and_one_that_left_all_the_same_is_on_file() -> None:
    due = case().when(at(statement(), 10))
    done = due.when(at(assessment.AssessmentLapsed.model_construct(as_of=DAY), 11))
    assert done.last(NoticeWithdrawn).reason.code is ReasonCode.NOTICE_CAUSE_OVER
    filed = done.when(at(delivered(due.last(NoticeDue)), 12)).last(NoticeFiled)
    assert (filed.outcome, filed.next_step) == ("message_left", "none")
    late = due.closes(LATER)
    assert late.last(NoticeWithdrawn).reason.code is ReasonCode.NOTICE_TOO_LATE
    assert late.state.notices == ()


def test_a_newer_message_of_a_kind_takes_the_place_of_the_older() -> None:
    first = case().when(at(statement(), 10))
    second = first.when(at(assessment.StatementReminded(missing=("income",), due=LATER, number=1), 11))
    assert second.emits(NoticeWithdrawn, NoticeDue)
    assert second.last(NoticeWithdrawn).reason.code is ReasonCode.NOTICE_REPLACED


def test_a_channel_that_does_not_work_is_followed_by_the_next_and_in_the_end_by_none() -> None:
    there = case().when(at(statement(), 10))
    channels = []
    while there.said and isinstance(there.said[-1], NoticeDue):
        due = there.last(NoticeDue)
        channels.append(due.channel)
        there = there.when(at(failed(due, "smtp_550"), 11))
    assert channels == ["email", "app", "sms", "letter"]
    assert there.last(NoticeWithdrawn).reason.code is ReasonCode.NOTICE_NOT_SENT


def test_a_message_whose_window_has_passed_is_asked_for_again() -> None:
    there = case().when(message(desk.PreferencesSet(channel="sms")), at(statement(), 21))
    night = datetime(2026, 3, 2, 23, 30, tzinfo=SHANGHAI)
    again = there.when(at(failed(there.last(NoticeDue), "window_passed", night), 23, 30))
    assert again.emits(NoticeFiled, NoticeDue)
    assert again.last(NoticeFiled).next_step == "try_again"
    assert again.last(NoticeDue).send_from == datetime(2026, 3, 3, 8, tzinfo=SHANGHAI)
    assert again.last(NoticeDue).channel == "sms"


def test_a_closed_case_is_told_nothing_but_its_letter() -> None:
    closed = intake.CaseClosed(as_of=DAY, reason=intake.CloseReason.SETTLED)
    there = case().when(at(statement(), 10), at(closed, 11))
    assert there.emits(NoticeDue, NoticeWithdrawn)
    assert there.when(at(statement(LATER + timedelta(days=1)), 12)).said == ()
    letter = agreement.SettlementLetterIssued.model_construct(letter_id="L")
    assert there.when(at(letter, 12)).last(NoticeDue).kind == "completion_letter"


def test_a_letter_that_a_returned_payment_has_undone_does_not_leave_any_more() -> None:
    letter = agreement.SettlementLetterIssued.model_construct(letter_id="L")
    reason = Reason(code=ReasonCode.PAYMENT_RETURNED)
    back = followup_care.PlanReopened(agreement_id="a", as_of=DAY, missing=(), reason=reason)
    gone = case().when(at(letter, 10)).when(at(back, 11))
    assert gone.last(NoticeWithdrawn).reason.code is ReasonCode.NOTICE_CAUSE_OVER
    assert gone.when(at(letter.model_copy(update={"letter_id": "L-1"}), 12)).emits(NoticeDue)


def test_a_message_waits_for_its_case() -> None:
    early = given(NoticeDecider(), reference()).when(at(statement(), 10))
    assert early.said == ()
    assert early.when(message(case_opened())).emits(NoticeDue)


def test_an_old_story_that_is_read_again_sends_nothing() -> None:
    assert case().when(at(statement(DAY - timedelta(days=1)), 10)).said == ()


def test_every_moment_is_an_instant() -> None:
    due = case().when(at(statement(), 10)).last(NoticeDue)
    assert due.send_from.tzinfo is not None
    assert due.send_from.astimezone(UTC).date() == DAY
