"""At `allowed_again` it is allowed and not a second before, in any zone, history and state."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.conduct.asking import GUARDS, ask

# Half-hour offsets, clocks changed at midnight (Cairo, Beirut), by half an hour (Lord Howe), and never.
ZONES = (
    *("Asia/Shanghai", "America/New_York", "Europe/London", "Africa/Cairo", "Asia/Beirut"),
    *("Australia/Lord_Howe", "America/St_Johns", "Asia/Kolkata", "America/Havana"),
)
SECOND = timedelta(seconds=1)
# Around the days on which clocks change, and around a change of the Chinese pack (2026-01-30).
NEAR = st.sampled_from(
    [
        datetime(2026, month, day, tzinfo=UTC)
        for month, day in ((1, 29), (3, 8), (3, 28), (4, 5), (4, 24), (10, 30), (11, 1))
    ]
)
MOMENTS = st.builds(lambda day, s: day + timedelta(seconds=s), NEAR, st.integers(0, 3 * 86400))


def dated(at: datetime, draw: Any) -> dict[str, datetime]:
    """A time of validity around a moment."""
    since = at + timedelta(minutes=draw(st.integers(-4000, 4000)))
    return {"since": since, "until": since + timedelta(minutes=draw(st.integers(1, 6000)))}


@st.composite
def questions(draw: Any) -> tuple[str, Any]:
    at = draw(MOMENTS)
    choice = lambda *values: draw(st.sampled_from(values))  # noqa: E731
    history = [
        {
            "at": at - timedelta(minutes=draw(st.integers(0, 9 * 1440))),
            "kind": choice("collection", "service", "reply"),
            "actor": choice("creditor", "agent"),
            "direction": choice("outbound", "outbound", "inbound"),
            "channel": choice("phone", "phone", "sms"),
            "outcome": choice("talked", "no_answer", "message_left"),
            "person": choice("p1", "p1", "p2"),
            "number": choice("n1", "n2", None),
            "debts": choice([], ["d1"], ["d2"]),
        }
        for _ in range(draw(st.integers(0, 9)))
    ]
    limits = st.sampled_from(["quiet_hours", "cooldown", "attempts", "calls"])
    case = {
        "verified": ["p1"],
        "agreed": [
            {"person": "p1", "limit": draw(limits), **dated(at, draw)} for _ in range(draw(st.integers(0, 2)))
        ],
        "consents": [{"person": "p1", "channel": "sms", **dated(at, draw)}],
        "stops": [
            {"event": choice("breathing_space", "dispute", "minor"), **dated(at, draw)}
            for _ in range(draw(st.integers(0, 1)))
        ],
        "authorities": [
            {"person": "r1", "verified": True, "kinds": ["collection"], **dated(at, draw)}
            for _ in range(draw(st.integers(0, 1)))
        ],
        "decided_at": at,
    }
    message = {
        "kind": choice("collection", "collection", "service", "reply"),
        "channel": choice("phone", "sms", "email"),
        "debts": choice([], ["d1"], ["d1", "d2"]),
        **choice({}, {}, {"party": "representative", "person": "r1"}),
    }
    return draw(st.sampled_from(sorted(GUARDS))), ask(
        at, draw(st.sampled_from(ZONES)), case, history, **message
    )


def later(request: Any, at: datetime) -> Any:
    """The same question at another moment."""
    return request.model_copy(update={"message": request.message.model_copy(update={"at": at})})


@settings(max_examples=200, deadline=None)
@given(questions())
def test_at_allowed_again_it_is_allowed_and_not_a_second_before(question: tuple[str, Any]) -> None:
    guard, request = GUARDS[question[0]], question[1]
    answer = guard.ask(request)
    again = answer.allowed_again
    assert again is None or not answer.allowed
    if again is None:
        return
    start = request.message.at
    assert again > start
    assert guard.ask(later(request, again)).allowed
    # A second before, and at steps all the way from the question on.
    span = again - start
    for moment in (again - SECOND, *(start + span * n / 12 for n in range(12))):
        if start <= moment < again:
            assert not guard.ask(later(request, moment)).allowed


@settings(max_examples=80, deadline=None)
@given(questions())
def test_one_more_contact_on_file_never_allows_what_was_denied(question: tuple[str, Any]) -> None:
    guard, request = GUARDS[question[0]], question[1]
    calls = [past for past in request.history if past.direction == "outbound"]
    if not calls or guard.ask(request).allowed:
        return
    more = request.model_copy(update={"history": (*request.history, calls[0])})
    assert not guard.ask(more).allowed
