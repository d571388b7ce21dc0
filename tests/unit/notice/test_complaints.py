"""A complaint is open: nobody asks for money until its final response, at each moment of a case."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.conduct import Rule
from shared.contracts import agreement, followup_care, offer
from shared.contracts.base import Event, Reason
from shared.contracts.notice import ContactAnswered, NoticeDenied, NoticeDue, NoticeWithdrawn
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import DAY, cny, message, signed
from tests.unit.notice.test_decide import (
    LATER,
    SHANGHAI,
    answered,
    asked,
    at,
    broken,
    case,
    complaint,
    ended,
    statement,
    verified,
)
from tests.unit.spec import Given

NOON = datetime(2026, 3, 2, 12, tzinfo=SHANGHAI)
TABLED = offer.OfferTabled.model_construct(offer_id="O", round=1, valid_until=LATER)
PLAN = signed((LATER, "100.00"))
BREACH = followup_care.BreachNoticed(
    agreement_id="agreement-1", as_of=DAY, cure_by=LATER, missing=(cny("100.00"),)
)
OVER = agreement.AgreementEnded(
    agreement_id="agreement-1", as_of=DAY, reason=Reason(code=ReasonCode.PLAN_BROKEN)
)


def may_ask(there: Given, purpose: str = "collection", **more: Any) -> ContactAnswered:
    return there.when(asked(NOON, purpose=purpose, **more)).last(ContactAnswered)


MOMENTS = [
    pytest.param((), False, id="before an offer"),
    pytest.param((TABLED,), False, id="in mid-round"),
    pytest.param((PLAN,), True, id="on a live plan"),
    pytest.param((PLAN, OVER), False, id="after a plan that broke"),
]


@pytest.mark.parametrize(("before", "kept"), MOMENTS)
def test_collection_stops_from_the_complaint_to_its_final_response(
    before: tuple[Event, ...], kept: bool
) -> None:
    there = case().when(message(verified()), *(message(event) for event in before))
    assert may_ask(there).allowed is not kept
    open_ = there.when(at(complaint(), 9))
    denied = may_ask(open_)
    assert not denied.allowed
    assert Rule.COMPLAINT_OPEN in denied.rules
    assert denied.allowed_again is None, "no clock ends a complaint"
    assert not may_ask(open_, "service", asks_for_payment=True).allowed, "whatever it is called"
    assert may_ask(open_, "service").allowed, "who complains is still served"
    first = open_.when(at(answered(final=False), 10))
    assert Rule.COMPLAINT_OPEN in may_ask(first).rules
    over = open_.when(at(ended(), 10))
    assert may_ask(over).allowed is not kept
    assert Rule.COMPLAINT_OPEN not in may_ask(over).rules


@pytest.mark.parametrize(("before", "kept"), MOMENTS)
def test_of_two_complaints_the_last_final_response_counts_in_either_order(
    before: tuple[Event, ...], kept: bool
) -> None:
    there = case().when(message(verified()), *(message(event) for event in before))
    open_ = there.when(at(complaint("K-1"), 9), at(complaint("K-2"), 9, 5), at(complaint("K-1"), 9, 6))
    for first, last in (("K-1", "K-2"), ("K-2", "K-1")):
        half = open_.when(at(ended(first), 10))
        assert Rule.COMPLAINT_OPEN in may_ask(half).rules
        assert may_ask(half.when(at(ended(last), 11))).allowed is not kept


def test_a_notice_that_the_law_asks_for_and_what_was_asked_for_go_on_while_a_complaint_is_open() -> None:
    there = case().when(message(verified()), message(PLAN), at(complaint(), 9))
    assert there.when(at(BREACH, 12)).last(NoticeDue).kind == "breach_notice"
    assert case().when(at(complaint(), 9), at(statement(), 12)).last(NoticeDue).kind == "statement_request"


def test_a_reminder_that_was_due_is_called_back_by_the_complaint_and_leaves_after_it() -> None:
    due = case().when(message(verified()), at(broken(), 10))
    assert due.last(NoticeDue).kind == "promise_reminder"
    held = due.when(at(complaint(), 11))
    assert held.last(NoticeDenied).rule is Rule.COMPLAINT_OPEN
    assert not held.when(at(complaint("K-2"), 12)).emits(NoticeDue)
    assert held.when(at(ended(), 12)).last(NoticeDue).kind == "promise_reminder"


def test_a_reminder_of_no_use_any_more_is_dropped_while_the_complaint_is_still_open() -> None:
    held = case().when(message(verified()), at(complaint(), 9), at(broken(), 10))
    useful = held.state.notices[0].useful_until
    assert not held.closes(useful - timedelta(days=1)).emits(NoticeWithdrawn)
    dropped = held.closes(useful)
    assert dropped.last(NoticeWithdrawn).reason.code is ReasonCode.NOTICE_TOO_LATE
    assert dropped.when(at(ended(), 9, day=useful + timedelta(days=1))).emits()
