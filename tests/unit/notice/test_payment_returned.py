"""A payment that came back: the new grace counts from the word of it, so somebody has to give that word."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from services.followup.rules import return_grace_until
from shared.contracts import desk, followup, intake
from shared.contracts.notice import NoticeDue, NoticeKind, NoticeWithdrawn
from shared.texts.messages import message_words
from tests.unit.builders import DAY, message, reference, taken_back
from tests.unit.notice.test_decide import SHANGHAI, at, case
from tests.unit.texts.test_messages import FILLED


def test_who_has_a_payment_returned_hears_of_it_while_the_new_grace_runs() -> None:
    said = case().when(at(taken_back("100.00", DAY, DAY), 10)).last(NoticeDue)
    assert (said.kind, said.category, said.recipient) == (NoticeKind.PAYMENT_RETURNED, "service", "borrower")
    policy = reference().policies.in_force("example-card", DAY)
    assert said.useful_until == return_grace_until(DAY, policy)
    assert said.send_from == datetime(2026, 3, 2, 10, tzinfo=SHANGHAI)


def test_each_return_is_told_of_also_when_it_is_the_same_payment_again() -> None:
    first = case().when(at(taken_back("60.00", DAY, DAY), 9))
    second = first.when(at(taken_back("40.00", DAY, DAY + timedelta(days=1)), 9, day=DAY + timedelta(days=1)))
    assert second.last(NoticeDue).message_id != first.last(NoticeDue).message_id


@pytest.mark.parametrize("closed", [False, True])
def test_nobody_is_rung_at_night_for_it_and_a_closed_case_leaves_it_to_a_person(*, closed: bool) -> None:
    there = case().when(message(desk.PreferencesSet(channel="sms")))
    if closed:
        over = intake.CaseClosed(as_of=DAY, reason=intake.CloseReason.PLAN_COMPLETED)
        there = there.when(at(over, 9))
    told = there.when(at(taken_back("100.00", DAY, DAY), 23))
    if closed:
        assert told.said == ()
    else:
        assert told.last(NoticeDue).send_from == datetime(2026, 3, 3, 8, tzinfo=SHANGHAI)


def test_whose_plan_has_broken_meanwhile_is_not_told_that_there_is_time() -> None:
    waits = case().when(message(desk.PreferencesSet(channel="sms")), at(taken_back("9.00", DAY, DAY), 23))
    broken = followup.PlanBroken(agreement_id="a-1", as_of=DAY, missed=2, reasons=())
    assert waits.when(at(broken, 23)).last(NoticeWithdrawn).kind is NoticeKind.PAYMENT_RETURNED


@pytest.mark.parametrize(("language", "says"), [("zh", "如果我们已有约定"), ("en", "If we have agreed")])
def test_who_has_no_plan_is_not_told_that_nothing_of_it_changes(language: str, says: str) -> None:
    """It said so to everybody, and that there was time: a payment comes back in talks, too."""
    assert says in message_words(NoticeKind.PAYMENT_RETURNED, language, FILLED)[1]
