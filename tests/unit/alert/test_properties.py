"""Whatever comes, in whatever state: one alert of a kind at a time, resolved once, in a small document."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.alert.decide import AlertDecider
from services.alert.model import AlertState, AlertStatus
from shared.contracts import agreement, intake
from shared.contracts.alert import AlertEscalated, AlertRaised, AlertResolved
from shared.contracts.base import Event
from shared.contracts.envelope import Envelope
from shared.contracts.registry import EVENTS
from tests.unit.alert.test_decide import (
    after,
    answered,
    broken,
    broken_plan,
    case,
    closed,
    completed,
    corrected,
    drafted,
    instructed,
    line_paid,
    lives,
    missed,
    requested,
    started,
    tabled,
)
from tests.unit.builders import CASE, DAY, message, paid, reference
from tests.unit.contracts.strategies import envelopes
from tests.unit.spec import Given
from tests.unit.spec import given as start

DECIDER = AlertDecider()
REFERENCE = reference()
FACTS = [
    missed(1), missed(2), missed(1, "USD"), line_paid(1), line_paid(2), line_paid(1, "USD"),
    corrected("paid"), corrected("late", 2), broken("p"), broken("q"), broken_plan(), started(), completed(),
    requested(), tabled(), tabled(2), drafted(), instructed("i"), instructed("j"), answered("i"),
    answered("j"), paid("60.00", DAY),
]  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.sampled_from(FACTS)), max_size=60), st.booleans())
def test_one_alert_of_a_kind_at_a_time_each_resolved_or_open_escalated_once(
    steps: list[tuple[int, Event]], ends: bool
) -> None:
    plan, day, said = case(), DAY, list[Event]()
    for days, fact in steps:
        for n in range(days):
            plan = plan.closes(day + timedelta(days=n))
            said += plan.said
        day += timedelta(days=days)
        plan = plan.when(message(fact, day))
        said += plan.said
    if ends:
        plan = plan.when(message(closed(), day))
        said += plan.said
    open_: dict[str, Any] = {}
    escalated, seen = set(), set()
    for event in said:
        if isinstance(event, AlertRaised):
            assert event.kind not in open_.values()
            assert event.alert_id not in seen
            seen.add(event.alert_id)
            open_[event.alert_id] = event.kind
        elif isinstance(event, AlertEscalated):
            assert event.alert_id in open_
            assert event.alert_id not in escalated
            escalated.add(event.alert_id)
        elif isinstance(event, AlertResolved):
            del open_[event.alert_id]
    assert {alert.alert_id: alert.kind for alert in plan.state.alerts} == open_
    assert not (ends and open_)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(FACTS), max_size=12), st.data())
def test_facts_of_one_day_from_different_services_may_arrive_in_any_order(
    facts: list[Event], data: st.DataObject
) -> None:
    """Between the services the order is free; within one it stays. What is open in the end is the same."""
    # An instruction is given once and answered once.
    once = agreement.BankInstructed | intake.BankAnswered
    facts = [fact for n, fact in enumerate(facts) if not isinstance(fact, once) or fact not in facts[:n]]

    def merged(order: list[str]) -> Given:
        queues = {p: [f for f in facts if p == f.PRODUCER] for p in order}
        plan = case()
        for producer in order:
            plan = plan.when(message(queues[producer].pop(0), DAY))
        return lives(plan, DAY, after(40))

    order = [fact.PRODUCER for fact in facts]
    one, other = merged(order), merged(data.draw(st.permutations(order)))
    assert sorted(a.kind for a in one.state.alerts) == sorted(a.kind for a in other.state.alerts)
    assert sorted(p.instruction_id for p in one.state.pending) == sorted(
        p.instruction_id for p in other.state.pending
    )


def test_a_long_life_stays_a_small_document() -> None:
    plan, day = case(), DAY
    for number in range(1, 400):
        day += timedelta(days=3)
        plan = plan.when(
            *(
                message(fact, day)
                for fact in (missed(number), broken(f"p{number}"), instructed(f"i{number}"))
            ),
            message(tabled(number), day),
        ).closes(day)
    assert len(plan.state.model_dump_json()) < 25_000


def _states() -> dict[str, Given]:
    opened = case()
    asked = opened.when(message(requested()), message(instructed()), message(missed()), message(broken()))
    return {
        "none": start(DECIDER, REFERENCE),
        "watching": opened,
        "alerted": asked,
        "silent": lives(asked, DAY, after(20)),
        "closed": asked.when(message(closed())),
    }


STATES = _states()
READ = [
    event
    for event in EVENTS.values()
    if event.PRODUCER in {"intake", "assessment", "offer", "agreement", "followup", "desk", "runtime"}
]


@pytest.mark.parametrize("event", READ, ids=lambda e: e.TYPE)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_message_in_any_state_is_decided(event: type[Event], data: st.DataObject) -> None:
    sent: Envelope[Any] = replace(data.draw(envelopes(event)), subject=CASE)
    if data.draw(st.booleans()):
        sent = replace(sent, time=message(sent.data, after(9)).time)
    before = STATES[data.draw(st.sampled_from(sorted(STATES)))].state
    decision = DECIDER.decide(before, sent, REFERENCE)
    assert DECIDER.decide(before, sent, REFERENCE) == decision
    state = decision.state
    if state is None:
        assert before is None
        return
    assert AlertState.model_validate(state.model_dump(mode="json")) == state
    if state.status is not AlertStatus.CLOSED:  # a complaint, or the bank, may still raise one there
        assert (state.status is AlertStatus.ALERTED) == bool(state.alerts)
    due: date | None = DECIDER.due(state)
    if due is not None:
        after_close = DECIDER.close(state, due, REFERENCE).state
        assert after_close is not None
        again = DECIDER.due(after_close)
        assert again is None or again > due
        assert DECIDER.close(after_close, due, REFERENCE).emissions == ()
