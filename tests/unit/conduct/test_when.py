"""Quiet hours to the second, across time zones and changes of clocks; counts and waiting at their edges."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shared.conduct import Guard
from shared.policy.model import PolicyValue
from shared.policy.testing import example_pack
from tests.unit.conduct.asking import CHINA, CN, EASTERN, LONDON, UK, US, ask, local, past, rules

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("wall", "denied"),
    [
        ("2026-03-02T21:59:59", False),
        ("2026-03-02T21:59:59.999999", False),
        ("2026-03-02T22:00:00", True),
        ("2026-03-03T00:00:00", True),
        ("2026-03-03T07:59:59.999999", True),
        ("2026-03-03T08:00:00", False),
    ],
)
def test_china_is_quiet_from_22_to_the_second_until_8(wall: str, denied: bool) -> None:
    answer = CN.ask(ask(local(wall)))
    assert answer.allowed is not denied
    assert [d.rule for d in answer.denials] == (["quiet_hours"] if denied else [])
    if denied:
        assert answer.allowed_again == local("2026-03-03T08:00:00")
        assert answer.denials[0].key == "contact.quiet_from"
        assert answer.denials[0].clause == "collection conduct (clause number not checked)"


def test_the_hour_is_the_borrowers_and_not_the_lenders() -> None:
    noon_in_new_york = local("2026-03-02T12:00:00", EASTERN)
    assert US.ask(ask(noon_in_new_york, EASTERN)).allowed
    assert rules(US, ask(noon_in_new_york, CHINA)) == ["quiet_hours"]
    assert rules(US, ask(local("2026-03-02T09:00:00", EASTERN), "America/Los_Angeles")) == ["quiet_hours"]
    assert rules(CN, ask(local("2026-03-02T22:00:00"), None)) == ["quiet_hours"]  # None: the pack's zone


@pytest.mark.parametrize(
    ("wall", "until"),
    [
        ("2026-03-02T08:00:00", "2026-03-02T13:00:00"),
        ("2026-03-02T12:59:59", "2026-03-02T13:00:00"),
        ("2026-03-02T13:00:00", None),
        ("2026-03-02T19:59:59", None),
        ("2026-03-02T20:00:00", "2026-03-03T13:00:00"),
        ("2026-07-01T13:59:59", "2026-07-01T14:00:00"),
        ("2026-07-01T20:59:59", None),
        ("2026-07-01T21:00:00", "2026-07-02T14:00:00"),
    ],
)
def test_who_may_live_anywhere_is_rung_when_it_is_night_nowhere(wall: str, until: str | None) -> None:
    """From 8 in Honolulu until 21 in Puerto Rico, in winter and in summer, on the clock of New York."""
    answer = US.ask(ask(local(wall, EASTERN), None))
    assert [denial.rule for denial in answer.denials] == ([] if until is None else ["quiet_hours"])
    assert answer.allowed_again == (None if until is None else local(until, EASTERN))
    if until is not None:
        assert US.ask(ask(local(until, EASTERN), None)).allowed


@pytest.mark.parametrize(
    ("kind", "channel", "denied"),
    [
        ("service", "phone", True),
        ("collection", "email", True),
        ("collection", "letter", False),
        ("reply", "phone", False),
        ("legal_notice", "email", True),
        ("legal_notice", "phone", True),
        ("legal_notice", "letter", False),
    ],
)
def test_quiet_hours_hold_for_the_kinds_and_channels_of_the_pack(
    kind: str, channel: str, denied: bool
) -> None:
    request = ask(local("2026-03-02T23:00:00"), kind=kind, channel=channel)
    assert (not CN.ask(request).allowed) is denied


def test_a_request_for_payment_is_collection_whatever_it_is_called() -> None:
    case = {"verified": ["p1"]}
    for kind in ("service", "reply", "legal_notice"):
        at = local("2026-03-02T23:00:00")
        assert rules(CN, ask(at, case=case, kind=kind, asks_for_payment=True)) == ["quiet_hours"]


@pytest.mark.parametrize(
    ("at", "again"),
    [
        # New York puts clocks on at 02:00 on 8 March 2026 and back at 02:00 on 1 November.
        (local("2026-03-07T21:00:00", EASTERN), local("2026-03-08T08:00:00", EASTERN)),
        (local("2026-10-31T21:00:00", EASTERN), local("2026-11-01T08:00:00", EASTERN)),
        (local("2026-11-01T01:30:00", EASTERN, fold=1), local("2026-11-01T08:00:00", EASTERN)),
    ],
)
def test_a_change_of_clocks_makes_the_night_longer_or_shorter_not_the_hour_other(
    at: datetime, again: datetime
) -> None:
    answer = US.ask(ask(at, EASTERN))
    assert answer.allowed_again == again
    assert answer.allowed_again is not None
    assert rules(US, ask(again - SECOND, EASTERN)) == ["quiet_hours"]
    assert US.ask(ask(again, EASTERN)).allowed


def test_quiet_hours_that_end_within_the_change_of_clocks() -> None:
    guard = Guard(example_pack(contact__quiet_from="21:00", contact__quiet_until="02:30"))
    # 02:30 does not exist: the wall jumps from 01:59:59 to 03:00.
    answer = guard.ask(ask(local("2026-03-08T01:59:59", EASTERN), EASTERN))
    assert answer.allowed_again == local("2026-03-08T03:00:00", EASTERN)
    # 01:30 comes twice: over at the first, back at 01:00, over again at the second.
    twice = Guard(example_pack(contact__quiet_from="21:00", contact__quiet_until="01:30"))
    first, second = (local("2026-11-01T01:30:00", EASTERN, fold=fold) for fold in (0, 1))
    assert twice.ask(ask(first - SECOND, EASTERN)).allowed_again == first
    assert twice.ask(ask(first, EASTERN)).allowed
    assert twice.ask(ask(local("2026-11-01T01:00:00", EASTERN, fold=1), EASTERN)).allowed_again == second


def test_the_borrowers_consent_lifts_quiet_hours_while_it_lasts() -> None:
    at, begins = local("2026-03-02T22:30:00"), local("2026-03-02T23:00:00")
    agreed = {"person": "p1", "limit": "quiet_hours", "since": begins, "until": begins + timedelta(hours=1)}
    assert CN.ask(ask(at, case={"agreed": [agreed]})).allowed_again == begins
    assert CN.ask(ask(begins, case={"agreed": [agreed]})).allowed
    late = begins + timedelta(hours=1)
    assert CN.ask(ask(late, case={"agreed": [agreed]})).allowed_again == local("2026-03-03T08:00:00")
    assert not CN.ask(ask(begins, case={"agreed": [agreed | {"person": "p2"}]})).allowed


def test_the_seventh_call_is_allowed_and_the_eighth_is_not() -> None:
    calls = [past(local(f"2026-03-0{day}T10:00:00", EASTERN), debts=["d1"]) for day in range(2, 9)]
    at = local("2026-03-08T12:00:00", EASTERN)
    case = {"decided_at": at}
    assert US.ask(ask(at, EASTERN, case, calls[:6], debts=["d1"])).allowed
    answer = US.ask(ask(at, EASTERN, case, calls, debts=["d1"]))
    assert [(d.rule, d.clause) for d in answer.denials] == [("calls", "1006.14(b)(2)(i)(A)")]
    # The first call leaves the window of seven days at the midnight that begins 9 March.
    assert answer.denials[0].until == local("2026-03-09T00:00:00", EASTERN)
    assert answer.allowed_again == local("2026-03-09T08:00:00", EASTERN)  # after the quiet hours


@pytest.mark.parametrize("direction", ["outbound", "inbound"])
def test_the_wait_after_a_conversation_begins_whoever_called(direction: str) -> None:
    """Only our own calls counted: who rang us on Monday could be rung by us on Tuesday."""
    talk = past(local("2026-03-02T10:00:00", EASTERN), "talked", direction=direction, debts=["d1"])
    for day in range(3, 9):
        at = local(f"2026-03-0{day}T12:00:00", EASTERN)
        assert rules(US, ask(at, EASTERN, history=[talk], debts=["d1"])) == ["cooldown"]
    eighth_day = local("2026-03-09T08:00:00", EASTERN)
    assert US.ask(ask(eighth_day, EASTERN, history=[talk], debts=["d1"])).allowed
    first = local("2026-03-03T12:00:00", EASTERN)
    assert US.ask(ask(first, EASTERN, history=[talk], debts=["d2"])).allowed, "it was about the other debt"


def test_calls_from_the_borrower_are_none_of_the_seven() -> None:
    at = local("2026-03-08T12:00:00", EASTERN)
    calls = [past(at - timedelta(hours=n), "message_left", direction="inbound") for n in range(1, 9)]
    assert US.ask(ask(at, EASTERN, history=calls)).allowed


def test_calls_count_per_debt_where_the_pack_says_so() -> None:
    at = local("2026-03-08T12:00:00", EASTERN)
    calls = [past(at - timedelta(hours=n), debts=["d1"], number=f"n{n}") for n in range(1, 8)]
    case = {"decided_at": at}
    assert "calls" in rules(US, ask(at, EASTERN, case, calls, debts=["d1"], number="n9"))
    assert US.ask(ask(at, EASTERN, case, calls, debts=["d2"], number="n9")).allowed
    assert "calls" in rules(US, ask(at, EASTERN, case, calls, debts=["d2", "d1"], number="n9"))
    assert "calls" in rules(US, ask(at, EASTERN, case, calls, number="n9"))  # no debt in particular: all


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        ({}, True),
        ({"direction": "inbound"}, False),
        ({"channel": "email"}, False),
        ({"kind": "reply"}, False),
        ({"kind": "reply", "asks_for_payment": True}, True),
        ({"actor": "agent"}, True),
        ({"person": "p2"}, True),  # six attempts at a number, whoever is asked for
        ({"number": "n2"}, False),
    ],
)
def test_what_counts_as_an_attempt_at_a_number(change: dict[str, Any], counts: bool) -> None:
    at = local("2026-03-02T12:00:00")
    calls = [past(at - timedelta(minutes=n), **change) for n in range(1, 7)]
    case = {"decided_at": at}
    assert ("attempts" in rules(CN, ask(at, case=case, history=calls))) is counts
    assert "attempts" not in rules(CN, ask(at, case=case, history=calls[:5]))


def test_legal_notices_and_replies_escape_the_caps_only() -> None:
    at = local("2026-03-02T12:00:00")
    calls = [past(at - timedelta(minutes=n)) for n in range(1, 7)]
    assert rules(CN, ask(at, history=calls, case={"decided_at": at})) == ["attempts"]
    for kind in ("reply", "legal_notice"):
        assert CN.ask(ask(at, history=calls, kind=kind)).allowed
        opted_out = {"opt_outs": [{"person": "p1", "channel": "phone", "since": at}]}
        assert rules(CN, ask(at, case=opted_out, kind=kind)) == ["opted_out"]


def test_three_conversations_a_day_in_china_and_the_next_day_again() -> None:
    at = local("2026-03-02T20:00:00")
    talks = [past(at - timedelta(hours=n), "talked", number=f"n{n}") for n in (2, 3, 4)]
    assert CN.ask(ask(at, history=talks[:2])).allowed
    answer = CN.ask(ask(at, history=talks))
    assert [d.rule for d in answer.denials] == ["effective_calls"]
    assert answer.denials[0].until == local("2026-03-03T00:00:00")
    assert answer.allowed_again == local("2026-03-03T08:00:00")


def test_waiting_seven_days_after_a_conversation_of_which_its_day_is_the_first() -> None:
    talk = past(local("2026-03-02T20:59:59", EASTERN), "talked", debts=["d1"])
    at = local("2026-03-05T10:00:00", EASTERN)
    answer = US.ask(ask(at, EASTERN, history=[talk], debts=["d1"]))
    assert [(d.rule, d.clause) for d in answer.denials] == [("cooldown", "1006.14(b)(2)(i)(B)")]
    assert answer.denials[0].until == local("2026-03-09T00:00:00", EASTERN)
    assert answer.allowed_again == local("2026-03-09T08:00:00", EASTERN)
    assert US.ask(ask(at, EASTERN, history=[talk], debts=["d2"])).allowed
    assert US.ask(ask(at, EASTERN, history=[talk], debts=["d1"], kind="reply")).allowed
    agreed = {"agreed": [{"person": "p1", "limit": "cooldown"}]}
    assert US.ask(ask(at, EASTERN, agreed, [talk], debts=["d1"])).allowed


def test_waiting_begins_the_day_after_where_the_pack_does_not_count_the_talk() -> None:
    guard = Guard(example_pack(contact__cooldown_after_talk_days=2))
    talk = past(local("2026-03-02T10:00:00"), "talked")
    assert guard.ask(ask(local("2026-03-04T20:00:00"), history=[talk])).denials[-1].rule == "cooldown"
    assert guard.ask(ask(local("2026-03-05T10:00:00"), history=[talk])).allowed


def test_a_pack_that_changes_tonight_is_known_today() -> None:
    pack = example_pack(contact__quiet_from="21:00", contact__quiet_until="08:00")
    entry = pack.values["contact.quiet_until"][0]
    changed = {"effective_from": date(2026, 3, 3), "value": "06:00"}
    later = PolicyValue(**dict(entry) | changed)
    guard = Guard(pack.model_copy(update={"values": pack.values | {"contact.quiet_until": (entry, later)}}))
    assert guard.ask(ask(local("2026-03-01T22:00:00"))).allowed_again == local("2026-03-02T08:00:00")
    assert guard.ask(ask(local("2026-03-02T22:00:00"))).allowed_again == local("2026-03-03T06:00:00")


def test_attempts_on_a_short_day_of_london_are_counted_by_its_own_midnights() -> None:
    # Clocks go on at 01:00 on 29 March 2026: the day has 23 hours.
    calls = [past(local(f"2026-03-29T{hour}:00:00", LONDON), number="n1") for hour in ("08", "09", "10")]
    answer = UK.ask(ask(local("2026-03-29T12:00:00", LONDON), LONDON, history=calls))
    assert [d.rule for d in answer.denials] == ["attempts"]
    assert answer.denials[0].until == local("2026-03-30T00:00:00", LONDON)


def test_times_of_one_zone_are_compared_as_instants_where_a_wall_comes_twice() -> None:
    zone = ZoneInfo(EASTERN)
    first, second = (
        datetime(2026, 11, 1, 1, minute, tzinfo=zone, fold=fold) for minute, fold in ((45, 0), (15, 1))
    )
    guard = Guard(example_pack(contact__quiet_from="21:00", contact__quiet_until="01:00"))
    consent = {"person": "p1", "channel": "visit", "since": first}
    assert guard.ask(ask(second, EASTERN, {"consents": [consent]}, channel="visit", kind="service")).allowed
