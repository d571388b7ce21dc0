"""Limits of contact that the borrower has agreed not to need, where a pack lets them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from shared.conduct import Rule
from shared.contracts import desk
from shared.contracts.envelope import Envelope
from shared.contracts.notice import ContactAnswered, InputRefused, NoticeDue
from shared.contracts.reasons import ReasonCode
from shared.policy.testing import example_pack
from tests.unit.builders import DAY, message
from tests.unit.notice.test_decide import SHANGHAI, asked, at, case, statement


def wish(*lifts: str) -> Envelope[Any]:
    return message(desk.PreferencesSet(lifts=lifts))


def test_a_limit_that_the_pack_lets_the_borrower_agree_away_holds_until_they_have() -> None:
    """The packs said so and nobody could say it: the limit held for ever."""
    late = asked(datetime(2026, 3, 2, 23, tzinfo=SHANGHAI))
    assert case().when(late).last(ContactAnswered).rule is Rule.QUIET_HOURS
    agreed = case().when(wish("quiet_hours"))
    assert agreed.when(late).last(ContactAnswered).allowed
    other = message(desk.PreferencesSet(language="en"))
    assert agreed.when(other, late).last(ContactAnswered).allowed, "a wish about something else ends nothing"
    for back in (wish(), wish("cooldown")):
        assert agreed.when(back, late).last(ContactAnswered).rule is Rule.QUIET_HOURS
    early = asked(datetime(2026, 3, 1, 23, tzinfo=SHANGHAI))
    assert agreed.when(early).last(ContactAnswered).rule is Rule.QUIET_HOURS, "it was not agreed then"
    firm = {"unless_agreed": False}
    scope = example_pack().in_force(DAY).contact_rules.quiet_hours.model_dump(mode="json") | firm
    held = case(**{"contact_rules.quiet_hours": scope}).when(wish("quiet_hours"))
    assert held.when(late).last(ContactAnswered).rule is Rule.QUIET_HOURS, "the pack lets nobody agree"


def test_a_message_leaves_at_night_where_the_borrower_has_agreed_to_it() -> None:
    there = case().when(message(desk.PreferencesSet(channel="sms", lifts=("quiet_hours",))))
    due = there.when(at(statement(), 23)).last(NoticeDue)
    assert due.send_from == datetime(2026, 3, 2, 23, tzinfo=SHANGHAI)


def test_a_limit_that_nobody_can_agree_away_is_refused_and_the_known_ones_are() -> None:
    after = case().when(wish("complaint_open", "cooldown"))
    assert after.last(InputRefused).reason.code is ReasonCode.LIMIT_UNKNOWN
    assert [one.limit for one in after.state.states.agreed] == ["cooldown"]
