"""Who may be spoken to, by which channel and about what."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from shared.conduct import Guard, Request
from shared.policy.testing import example_pack
from tests.unit.conduct.asking import CHINA, CN, EASTERN, LONDON, UK, US, ask, local, past, rules

NOON = local("2026-03-02T12:00:00")
DAY = timedelta(days=1)
EXAMPLE = Guard(example_pack())
OPTED_OUT = {"opt_outs": [{"person": "p1", "channel": "email", "since": NOON - DAY}]}


def authority(**other: Any) -> dict[str, Any]:
    """A representative's authority, in force at NOON."""
    plain = {"person": "r1", "verified": True, "kinds": ["collection", "service"], "debts": ["d1"]}
    return {"authorities": [{**plain, "since": NOON - DAY, "until": NOON + DAY, **other}]}


def test_an_opt_out_closes_its_channel_for_its_person_only() -> None:
    denied = CN.ask(ask(NOON, case=OPTED_OUT, channel="email", kind="service"))
    assert [d.rule for d in denied.denials] == ["opted_out"]
    assert denied.allowed_again is None
    assert CN.ask(ask(NOON, case=OPTED_OUT, channel="sms", kind="service")).allowed
    other = ask(NOON, case=OPTED_OUT, channel="email", kind="service", person="p2")
    assert CN.ask(other).allowed


def test_who_writes_by_a_closed_channel_gets_one_reply_there() -> None:
    wrote = past(NOON - timedelta(hours=2), "talked", channel="email", direction="inbound", kind="reply")
    sent = past(NOON - timedelta(hours=1), "message_left", channel="email", kind="reply")
    reply = {"channel": "email", "kind": "reply"}
    assert rules(CN, ask(NOON, case=OPTED_OUT, **reply)) == ["opted_out"]
    assert CN.ask(ask(NOON, case=OPTED_OUT, history=[wrote], **reply)).allowed
    assert rules(CN, ask(NOON, case=OPTED_OUT, history=[wrote, sent], **reply)) == ["opted_out"]
    assert rules(CN, ask(NOON, case=OPTED_OUT, history=[wrote], channel="email", kind="service")) == [
        "opted_out"
    ]


def test_a_legal_notice_by_letter_arrives_whatever_was_refused() -> None:
    case = {"opt_outs": [{"person": "p1", "channel": "letter", "since": NOON}]}
    assert CN.ask(ask(NOON, case=case, channel="letter", kind="legal_notice")).allowed
    assert rules(CN, ask(NOON, case=case, channel="letter", kind="service")) == ["opted_out"]


def test_channels_closed_by_consent_and_by_the_pack_and_the_way_to_stop() -> None:
    at = local("2026-03-02T12:00:00", EASTERN)
    assert rules(US, ask(at, EASTERN, channel="visit", kind="service")) == ["channel_closed"]
    assert rules(US, ask(at, EASTERN, channel="sms", kind="service")) == ["no_consent"]
    consent = {"person": "p1", "channel": "sms", "since": at + timedelta(hours=1)}
    later = US.ask(ask(at, EASTERN, {"consents": [consent]}, channel="sms", kind="service"))
    assert later.allowed_again == at + timedelta(hours=1)
    silent = ask(at, EASTERN, channel="email", kind="service", says_how_to_stop=False)
    assert rules(US, silent) == ["no_way_to_stop"]


@pytest.mark.parametrize(
    ("party", "case", "message", "denied"),
    [
        ("employer", {}, {"errand": "pass_on_message"}, ["third_party"]),
        ("buyer", {}, {}, ["third_party"]),
        ("relative", {}, {"errand": "pass_on_message"}, ["third_party"]),
        ("relative", {"cannot_be_reached": True}, {"errand": "pass_on_message"}, []),
        ("relative", {"cannot_be_reached": True}, {"errand": "talk_about_debt"}, ["third_party"]),
        (
            "relative",
            {"cannot_be_reached": True, "verified": ["x1"]},
            {"errand": "find_contact_data", "tells_about_debt": True},
            ["third_party"],
        ),
        (
            "relative",
            {"cannot_be_reached": True, "refused": ["x1"]},
            {"errand": "pass_on_message"},
            ["refused"],
        ),
        ("guarantor", {}, {}, ["third_party"]),
        ("guarantor", {"liable": ["x1"], "verified": ["x1"]}, {"tells_about_debt": True}, []),
        ("guarantor", {"liable": ["x1"]}, {"tells_about_debt": True}, ["not_verified"]),
    ],
)
def test_third_parties_in_china(
    party: str, case: dict[str, Any], message: dict[str, Any], denied: list[str]
) -> None:
    request = ask(NOON, case=case, party=party, person="x1", kind="service", **message)
    assert rules(CN, request) == denied
    if denied:
        assert CN.ask(request).allowed_again is None


def test_one_no_of_a_third_party_on_file_is_final() -> None:
    case = {"cannot_be_reached": True}
    message = {"party": "named_contact", "person": "x1", "kind": "service", "errand": "pass_on_message"}
    assert CN.ask(ask(NOON, case=case, **message)).allowed
    said_no = past(NOON - 100 * DAY, "refused", person="x1", kind="service")
    assert rules(CN, ask(NOON, case=case, history=[said_no], **message)) == ["refused"]


def test_no_detail_of_a_debt_before_the_right_party_is_verified() -> None:
    assert CN.ask(ask(NOON)).allowed  # the call begins by finding out who answers
    assert rules(CN, ask(NOON, tells_about_debt=True)) == ["not_verified"]
    assert rules(CN, ask(NOON, kind="service", asks_for_payment=True)) == ["not_verified"]
    assert rules(CN, ask(NOON, kind="legal_notice", tells_about_debt=True)) == ["not_verified"]
    assert rules(CN, ask(NOON, case={"verified": ["p2"]}, tells_about_debt=True)) == ["not_verified"]
    assert CN.ask(ask(NOON, case={"verified": ["p1"]}, tells_about_debt=True)).allowed


def test_a_representative_is_the_one_to_talk_to_while_the_authority_lasts() -> None:
    theirs = {"party": "representative", "person": "r1", "debts": ["d1"]}
    assert CN.ask(ask(NOON, case=authority(), **theirs)).allowed
    denied = CN.ask(ask(NOON, case=authority(), debts=["d1"]))
    assert [d.rule for d in denied.denials] == ["represented"]
    assert denied.allowed_again == NOON + DAY
    assert CN.ask(ask(NOON, case=authority(), debts=["d2"])).allowed
    assert CN.ask(ask(NOON, case=authority(), debts=["d1"], kind="reply")).allowed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"verified": False}, {}),
        ({"until": NOON}, {}),
        ({"kinds": ["service"]}, {}),
        ({"person": "r2"}, {}),
        ({}, {"debts": ["d1", "d2"]}),
        ({}, {"debts": []}),
    ],
)
def test_authority_is_verified_scoped_and_in_date(change: dict[str, Any], message: dict[str, Any]) -> None:
    asked = {"party": "representative", "person": "r1", "debts": ["d1"], **message}
    assert rules(CN, ask(NOON, case=authority(**change), **asked)) == ["no_authority"]


def test_an_authority_that_begins_tomorrow_opens_the_way_then() -> None:
    case = authority(since=NOON + DAY, until=NOON + 9 * DAY)
    denied = CN.ask(ask(NOON, case=case, party="representative", person="r1", debts=["d1"]))
    assert denied.allowed_again == NOON + DAY


def test_every_authority_ends_some_day() -> None:
    with pytest.raises(ValidationError, match="until"):
        ask(NOON, case=authority(until=None))


def test_breathing_space_stops_contact_until_it_ends() -> None:
    at = local("2026-03-02T12:00:00", LONDON)
    stop = {"event": "breathing_space", "since": at - DAY}
    for kind in ("collection", "service", "legal_notice", "reply"):
        assert rules(UK, ask(at, LONDON, {"stops": [stop]}, kind=kind))[0] == "stop_event"
    denied = UK.ask(ask(at, LONDON, {"stops": [stop]}))
    assert denied.denials[0].clause.startswith("standard breathing space")
    # 60 whole days after the day on which it began, then the end of the quiet hours.
    assert denied.denials[0].until == local("2026-05-01T00:00:00", LONDON)
    assert denied.allowed_again == local("2026-05-01T08:00:00", LONDON)
    adviser = {"party": "debt_adviser", "person": "a1", "kind": "service"}
    assert UK.ask(ask(at, LONDON, {"stops": [stop]}, **adviser)).allowed
    assert rules(UK, ask(at, LONDON, **adviser)) == ["no_authority"]
    ended = {"stops": [stop | {"until": at}]}
    assert UK.ask(ask(at, LONDON, ended)).allowed


def test_in_a_breathing_space_only_who_asked_last_is_answered() -> None:
    at = local("2026-03-02T12:00:00", LONDON)
    case = {"stops": [{"event": "breathing_space", "since": at - DAY}]}
    asked = past(at - DAY / 4, "talked", direction="inbound")

    def first(kind: str, *history: Any, **other: Any) -> list[str]:
        return rules(UK, ask(at, LONDON, case, history, kind=kind, **other))[:1]

    assert first("reply", asked) == []
    assert first("reply", asked, channel="letter") == []
    assert first("reply", asked, asks_for_payment=True) == ["stop_event"], "that is collection"
    for kind in ("collection", "service", "legal_notice"):
        assert first(kind, asked) == ["stop_event"]
    assert first("reply", asked, past(at - DAY / 8)) == ["stop_event"], "it was answered"
    other = past(at - DAY / 4, "talked", direction="inbound", person="x1")
    assert first("reply", other) == ["stop_event"], "somebody else asked"
    before = past(at - 2 * DAY, "talked", direction="inbound")
    assert first("reply", before) == ["stop_event"], "that was before it began"


def test_a_death_stops_contact_with_everybody_but_the_estate() -> None:
    case = {"stops": [{"event": "death", "since": NOON}], "cannot_be_reached": True}
    assert EXAMPLE.ask(ask(NOON, case=case)).allowed_again is None
    relative = ask(NOON, case=case, party="relative", person="x1", errand="pass_on_message")
    assert rules(EXAMPLE, relative)[0] == "stop_event"
    assert EXAMPLE.ask(ask(NOON, case=case, party="estate", person="e1")).allowed


@pytest.mark.parametrize(
    ("state", "rule"), [("plan_kept", "plan_kept"), ("complaint_open", "complaint_open")]
)
def test_a_kept_plan_and_an_open_complaint_stop_collection_and_nothing_else(state: str, rule: str) -> None:
    case = {state: True, "verified": ["p1"]}
    for actor in ("creditor", "agent"):
        assert rules(CN, ask(NOON, case=case, actor=actor)) == [rule]
    assert rules(CN, ask(NOON, case=case, kind="service", asks_for_payment=True)) == [rule]
    for kind in ("service", "reply", "legal_notice"):
        assert CN.ask(ask(NOON, case=case, kind=kind, tells_about_debt=True)).allowed


def test_a_complaint_pauses_collection_only_where_the_pack_says_so() -> None:
    guard = Guard(example_pack(contact_rules__open_complaint_pauses_collection=False))
    assert guard.ask(ask(NOON, case={"complaint_open": True})).allowed


def test_after_attempts_in_vain_a_person_decides() -> None:
    calls = [past(NOON - n * DAY) for n in range(1, 6)]
    assert EXAMPLE.ask(ask(NOON, history=calls[:4])).allowed
    assert rules(EXAMPLE, ask(NOON, history=calls)) == ["person_decides"]
    assert EXAMPLE.ask(ask(NOON, history=calls, kind="reply")).allowed
    assert EXAMPLE.ask(ask(NOON, history=calls, case={"decided_at": NOON})).allowed
    talked = past(NOON - timedelta(days=3, hours=1), "talked", direction="inbound", kind="reply")
    assert EXAMPLE.ask(ask(NOON, history=[*calls, talked])).allowed


def test_every_rule_that_denies_is_named_the_heaviest_first() -> None:
    case = {"plan_kept": True, "stops": [{"event": "death", "since": NOON}]}
    night = local("2026-03-02T23:00:00")
    assert rules(CN, ask(night, case=case)) == ["stop_event", "plan_kept", "quiet_hours"]
    assert CN.ask(ask(night, case=case)).allowed_again is None


@pytest.mark.parametrize(
    "change",
    [
        {"at": NOON.replace(tzinfo=None)},
        {"time_zone": "Mars/Base"},
        {"kind": "chat"},
        {"number": "13900000000" * 9},
    ],
)
def test_a_question_that_makes_no_sense_is_refused_without_repeating_it(change: dict[str, Any]) -> None:
    data = ask(NOON, CHINA).model_dump(mode="python")
    with pytest.raises(ValidationError) as refused:
        Request.model_validate(data | {"message": data["message"] | change})
    assert "13900000000" not in str(refused.value)


def test_a_number_does_not_show_in_what_is_printed() -> None:
    request = ask(NOON, number="13900000000", history=[past(NOON, number="13900000000")])
    assert "13900000000" not in repr(request)


def test_a_word_of_theirs_ends_the_attempts_in_vain_as_it_ends_the_alert() -> None:
    """Who called back and left a word was waited for by the guard for ever: nobody was asked any more."""
    calls = [past(NOON - n * DAY) for n in range(1, 6)]
    word = past(NOON - timedelta(hours=1), "message_left", direction="inbound")
    assert rules(EXAMPLE, ask(NOON, history=calls)) == ["person_decides"]
    assert rules(EXAMPLE, ask(NOON, history=[*calls, word])) == []
    lawyer = {"person": "L-1", "verified": True, "kinds": ["reply"], "until": NOON + timedelta(days=9)}
    spoke = past(NOON - timedelta(hours=1), "talked", person="L-1", number=None)
    assert rules(EXAMPLE, ask(NOON, case={"authorities": [lawyer]}, history=[*calls, spoke])) == []
    assert rules(EXAMPLE, ask(NOON, history=[*calls, spoke])) == ["person_decides"], "somebody else"
