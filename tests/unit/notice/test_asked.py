"""Who was told that they may call is about to: who asks in that moment hears what is left after that call."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.notice.decide import NoticeDecider
from shared.conduct import Rule
from shared.contracts.base import Event, Personal
from shared.contracts.desk import ContactRecorded
from shared.contracts.desk_contact import ContactAsked
from shared.contracts.envelope import Envelope
from shared.contracts.followup import PromiseBroken
from shared.contracts.notice import ContactAnswered, NoticeDue
from tests.unit.builders import DAY, case_opened, cny, debt, message, reference
from tests.unit.spec import Given, given

SHANGHAI = ZoneInfo("Asia/Shanghai")
TEN = datetime(2026, 3, 2, 10, tzinfo=SHANGHAI)
MOST = 3


def case(**changes: Any) -> Given:
    """At most so many calls in seven days; nothing else counts calls."""
    none = {"contact.max_attempts_per_number_per_day": 0, "contact.max_effective_calls_per_day": 0}
    rules = {"contact.max_calls_per_7_days": MOST, "contact.cooldown_after_talk_days": 0, **none, **changes}
    return given(NoticeDecider(), reference(**rules)).when(message(case_opened(debt())))


def at(data: Event, when: datetime) -> Envelope[Any]:
    """Say it at that moment."""
    return replace(message(data), time=when)


def asks(who: str, when: datetime = TEN, *, told: datetime | None = None, **more: Any) -> Envelope[Any]:
    said = {"purpose": "collection", "channel": "phone", "number": "no-1", "tells_about_debt": False, **more}
    return at(ContactAsked(contact_id=who, at=when, by="n-1", **said), told or when)


def answer(there: Given, *asked: Any, **more: Any) -> ContactAnswered:
    found: ContactAnswered = there.when(asks(*asked, **more)).last(ContactAnswered)
    return found


def rang(when: datetime = TEN, number: str | None = "no-1", **more: Any) -> Envelope[Any]:
    record = ContactRecorded.model_validate(
        {"at": when, "place": "office", "participants": ("n-1",), "key_points": Personal(value="…"),
         "direction": "outbound", "outcome": "no_answer", "channel": "phone", "number": number, **more}
    )  # fmt: skip
    return at(record, when)


def test_of_all_who_ask_at_once_only_so_many_may_call_as_are_left() -> None:
    """Each was told that the limit was not reached, and all called."""
    there, said = case(), []
    for n in range(MOST + 2):
        there = there.when(asks(f"agent-{n}", TEN + timedelta(seconds=n), actor="agent"))
        said.append(there.last(ContactAnswered))
    assert [one.allowed for one in said] == [True] * MOST + [False] * 2
    assert said[-1].rules == (Rule.CALLS,)
    again = said[-1].allowed_again
    assert again == datetime(2026, 3, 9, 8, tzinfo=SHANGHAI)
    assert answer(there, "agent-4", again).allowed


def test_what_is_on_file_is_counted_once() -> None:
    there = case()
    for n in range(MOST):
        there = there.when(asks(f"a-{n}", TEN + timedelta(minutes=n)))
        assert there.last(ContactAnswered).allowed
        there = there.when(rang(TEN + timedelta(minutes=n)))
        assert there.state.permitted == ()
        assert len(there.state.history) == n + 1
    assert not answer(there, "a-4", TEN + timedelta(hours=1)).allowed


def test_a_question_that_is_asked_again_takes_the_place_of_itself() -> None:
    there = case()
    for n in range(9):
        there = there.when(asks("the same", TEN + timedelta(minutes=n)))
        assert there.last(ContactAnswered).allowed
    assert len(there.state.permitted) == 1


@pytest.mark.parametrize(
    ("number", "left"),
    [("no-1", 0), (None, 0), ("no-2", 1)],
    ids=["that one", "not told", "another"],
)
def test_a_call_to_another_number_is_another_call(number: str | None, left: int) -> None:
    there = case().when(asks("a")).when(rang(number=number))
    assert len(there.state.permitted) == left


def test_who_did_not_call_by_the_end_of_the_borrowers_day_is_in_nobodys_way() -> None:
    there = case()
    for n in range(MOST):
        there = there.when(asks(f"a-{n}"))
    evening = datetime(2026, 3, 2, 21, 59, 59, tzinfo=SHANGHAI)
    assert not answer(there, "b", evening).allowed
    morning = datetime(2026, 3, 3, 8, tzinfo=SHANGHAI)
    assert answer(there, "b", morning).allowed


def test_what_no_limit_counts_and_what_is_for_later_is_not_kept() -> None:
    there = case()
    for n, more in enumerate(({"purpose": "service"}, {"channel": "letter"}, {"purpose": "legal_notice"})):
        there = there.when(asks(f"a-{n}", **more))
    next_week = TEN + timedelta(days=7)
    there = there.when(asks("later", next_week, told=TEN))
    assert there.last(ContactAnswered).allowed
    assert there.state.permitted == ()


def test_a_message_of_ours_waits_for_a_call_that_is_about_to_be_made() -> None:
    broken = PromiseBroken(promise_id="p", promised=cny("10.00"), paid=cny("0.00"), due=DAY)
    scope = {
        "counts": "attempts", "window_days": 1, "scope": "person", "actors": ["creditor"],
        "direction": "outbound", "purposes": ["collection"], "channels": ["phone", "email", "sms", "app",
        "letter"], "unless_agreed": False,
    }  # fmt: skip
    there = case(**{"contact.max_calls_per_7_days": 1, "contact_rules.max_calls_per_7_days": scope})
    there = there.when(rang(TEN - timedelta(days=2), outcome="talked", right_party=True))
    assert there.when(at(broken, TEN)).last(NoticeDue).send_from == TEN
    there = there.when(asks("a")).when(at(broken, TEN + timedelta(minutes=1)))
    assert there.last(NoticeDue).send_from == datetime(2026, 3, 3, tzinfo=SHANGHAI)
