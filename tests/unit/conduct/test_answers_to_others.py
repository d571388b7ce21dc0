"""Who owes a debt with somebody who has died, and asks, is answered: that is no contact with the dead."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.conduct import Guard, Rule
from tests.unit.conduct.asking import CHINA, GUARDS, ask, local, past, rules

NOON = local("2026-11-11T12:00")
SINCE = NOON - timedelta(days=9)
SURVIVOR = {"person": "p2", "number": "n2"}
EACH = pytest.mark.parametrize("guard", GUARDS.values(), ids=GUARDS)


def asked(guard: Guard, event: str = "death", *before: Any, stop: Any = None, **said: Any) -> list[str]:
    case = {
        "stops": [{"event": event, "since": SINCE, **(stop or {})}],
        "liable": ["p2"],
        "verified": ["p1", "p2"],
    }
    message = {"kind": "reply", "party": "co_debtor", "errand": "talk_about_debt", **SURVIVOR, **said}
    return rules(guard, ask(NOON, CHINA, case, before, **message))


def question(days_ago: int = 1, **other: Any) -> dict[str, Any]:
    return past(NOON - timedelta(days=days_ago), "talked", **{"direction": "inbound", **SURVIVOR, **other})


@EACH
@pytest.mark.parametrize("event", ["death", "lost_capacity", "minor"])
@pytest.mark.parametrize("days_ago", [1, 30])
def test_a_survivor_who_asked_last_is_answered(guard: Guard, event: str, days_ago: int) -> None:
    """Nobody could answer: the row of the dead lets no reply through."""
    assert Rule.STOP_EVENT not in asked(guard, event, question(days_ago))


@EACH
def test_once_and_only_to_what_they_asked(guard: Guard) -> None:
    stop = [str(Rule.STOP_EVENT)]

    def held(*before: Any, **said: Any) -> list[str]:
        return [rule for rule in asked(guard, "death", *before, **said) if rule == Rule.STOP_EVENT]

    answer = past(NOON - timedelta(hours=1), "talked", **SURVIVOR)
    assert held(question()) == []
    assert held() == stop, "who has not asked"
    assert held(question(), answer) == stop, "who was answered"
    assert held(question(person="p1", number="n1")) == stop, "somebody else has asked"
    assert held(question(), kind="service") == stop
    assert held(question(), kind="collection", asks_for_payment=True) == stop
    assert held(question(), asks_for_payment=True) == stop, "money is asked of nobody"
    other: dict[str, Any] = {"person": "p3", "number": "n3"}
    assert held(question(**other), party="relative", errand="pass_on_message", **other) == stop, (
        "who owes nothing"
    )
    borrower: dict[str, Any] = {"person": "p1", "number": "n1"}
    assert held(question(**borrower), party="borrower", **borrower) == stop, "not past the death itself"


@EACH
def test_a_stop_of_their_own_and_one_of_a_debt_that_is_not_ours_go_by_their_rows(guard: Guard) -> None:
    own = asked(guard, "death", question(), stop={"person": "p2"})
    assert Rule.STOP_EVENT in own
    # Asked before it, of a debt that is not ours any more.
    assert Rule.STOP_EVENT in asked(guard, "recalled", question(30)), (
        "asked before, of a debt that is not ours"
    )
