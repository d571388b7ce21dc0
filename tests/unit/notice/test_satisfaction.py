"""After a signing, a review and a seminar the borrower is asked how it was, by a message of their own."""

from __future__ import annotations

from datetime import datetime

import pytest

from services.followup.decide import FollowupDecider
from shared.conduct import Rule
from shared.contracts import desk, followup
from shared.contracts.desk_care import SatisfactionGiven, SatisfactionTopic
from shared.contracts.followup_care import SatisfactionAsked
from shared.contracts.notice import NoticeDenied, NoticeDue, NoticeKind, NoticeWithdrawn
from shared.contracts.parties import StopCause, StopInForce
from shared.contracts.reasons import ReasonCode
from shared.texts.messages import message_words
from tests.unit.builders import DAY, case_opened, message, reference, signed
from tests.unit.followup.plans import PLAIN, ROWS
from tests.unit.notice.test_decide import SHANGHAI, at, case, stops
from tests.unit.spec import given
from tests.unit.texts.test_messages import FILLED


def asked(topic: SatisfactionTopic = SatisfactionTopic.SIGNING) -> SatisfactionAsked:
    return SatisfactionAsked(topic=topic, as_of=DAY)


def test_what_followup_asks_after_a_signing_reaches_the_borrower() -> None:
    plan = given(FollowupDecider(), reference(**PLAIN)).when(message(case_opened()), message(signed(*ROWS)))
    due = case().when(at(plan.last(SatisfactionAsked), 10)).last(NoticeDue)
    assert (due.kind, due.category, due.recipient) == (NoticeKind.SATISFACTION, "service", "borrower")
    for language in ("zh", "en"):
        _, body = message_words(due.kind, language, FILLED)
        assert "1" in body
        assert "5" in body


@pytest.mark.parametrize("topic", SatisfactionTopic)
def test_each_is_asked_once_in_the_daytime(topic: SatisfactionTopic) -> None:
    there = case().when(message(desk.PreferencesSet(channel="sms")), at(asked(topic), 23))
    due = there.last(NoticeDue)
    assert due.send_from == datetime(2026, 3, 3, 8, tzinfo=SHANGHAI)
    assert there.when(at(asked(topic), 23)).said == ()


def test_who_has_answered_or_whose_plan_has_broken_is_asked_no_more() -> None:
    waits = case().when(message(desk.PreferencesSet(channel="sms")), at(asked(), 23))
    given_ = message(SatisfactionGiven(topic=SatisfactionTopic.SIGNING, score=4))
    plan = given(FollowupDecider(), reference(**PLAIN)).when(message(case_opened()), message(signed(*ROWS)))
    broken = followup.PlanBroken(agreement_id="a-1", as_of=DAY, missed=2, reasons=())
    for said in (plan.when(given_).said[0], broken):
        withdrawn = waits.when(at(said, 23)).last(NoticeWithdrawn)
        assert withdrawn.kind is NoticeKind.SATISFACTION
        assert withdrawn.reason.code is ReasonCode.NOTICE_CAUSE_OVER


def test_nobody_is_asked_while_contact_is_stopped() -> None:
    stopped = case().when(message(stops(StopInForce(stop_id="s", cause=StopCause.DEATH, since=DAY))))
    denied = stopped.when(at(asked(), 10)).last(NoticeDenied)
    assert (denied.kind, denied.rule) == (NoticeKind.SATISFACTION, Rule.STOP_EVENT)
