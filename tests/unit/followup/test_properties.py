"""What holds for every plan and every order of its facts: money adds up, and only the facts decide."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from services.followup.decide import FollowupDecider
from services.followup.judging import policy_of, served_by
from services.followup.ledger import total
from services.followup.model import FollowupState, FollowupStatus
from shared.contracts import desk, followup, intake
from shared.contracts.base import Event
from shared.contracts.envelope import Envelope
from shared.contracts.registry import EVENTS
from shared.lending.calendar import add_months
from shared.lending.money import Money
from tests.unit.builders import CASE, DAY, case_opened, message, paid, reference, signed, taken_back
from tests.unit.contracts.strategies import envelopes
from tests.unit.followup.plans import FIRST, ROWS, live
from tests.unit.spec import Given
from tests.unit.spec import given as start

# Nothing breaks these plans: breaking is an act, and acts are not undone by what is learnt later.
PATIENT = {"followup__breach_missed_in_a_row": 60, "followup__breach_days_late": 3000}
LAST = DAY + timedelta(days=150)
READ = [e for e in EVENTS.values() if e.PRODUCER in {"intake", "agreement", "desk", "followup", "runtime"}]

Fact = tuple[date, Envelope[Any]]  # the day on whose arrival it is decided, and the message


@st.composite
def lives(draw: st.DrawFn) -> list[tuple[date, Event]]:
    """Payments with value dates, and returns of some of them; each with the value date it counts from."""
    facts: list[tuple[date, Event]] = []
    for number in range(draw(st.integers(1, 7))):
        on = DAY + timedelta(days=draw(st.integers(-3, 140)))
        minor = draw(st.sampled_from([1, 99, 3_000, 9_899, 9_900, 10_000, 15_000, 31_000]))
        currency = draw(st.sampled_from(["CNY", "CNY", "CNY", "USD"]))
        amount = str(Money(minor, currency))
        facts.append((on, paid(amount, on, f"p{number}", currency=currency)))
        if draw(st.integers(0, 3)) == 0:
            back = Money(draw(st.integers(1, minor)), currency)
            later = min(on + timedelta(days=draw(st.integers(0, 30))), LAST)
            facts.append((later, taken_back(str(back), on, later, f"p{number}", currency)))
    for number in range(draw(st.integers(0, 2))):
        made = DAY + timedelta(days=draw(st.integers(1, 60)))
        due = made + timedelta(days=draw(st.integers(0, 30)))
        promised = Money(draw(st.integers(1, 20_000)), "CNY")
        facts.append((made, desk.PromiseMade(promise_id=f"promise-{number}", amount=promised, due=due)))
    return facts


def lived(facts: list[Fact], closes: list[date]) -> Given:
    """Decide each fact on its day of arrival, in the order given, and close the days."""
    plan = live((FIRST, "100.00"), (add_months(FIRST, 1), "100.00"), (add_months(FIRST, 1), "40.00", "USD"),
                (add_months(FIRST, 2), "100.00"), **PATIENT)  # fmt: skip
    said: list[Event] = []
    for day in closes:
        for fact in [fact for arrives, fact in facts if arrives <= day]:
            plan = plan.when(fact)
            said += plan.said
        facts = [(arrives, fact) for arrives, fact in facts if arrives > day]
        plan = plan.closes(day)
        said += plan.said
    return replace(plan, said=tuple(said))


def conclusions(plan: Given) -> Any:
    """Give what does not depend on the way: instalments, promises, money."""
    state: FollowupState = plan.state
    assert state.plan is not None
    lines = [(line.number, line.total, line.state) for line in state.plan.lines]
    promises = sorted((promise.promise_id, promise.state) for promise in state.promises)
    return lines, promises, state.received, state.status


def every_day(until: date = LAST) -> list[date]:
    return [DAY + timedelta(days=n) for n in range((until - DAY).days + 1)]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(facts=lives(), data=st.data())
def test_any_order_any_delay_any_batches_lead_to_the_same_conclusions(
    facts: list[tuple[date, Event]], data: st.DataObject
) -> None:
    in_time = lived([(on, message(event, on)) for on, event in facts], every_day())
    # The same facts shuffled; money arrives up to fifty days late, what the desk says on its day.
    shuffled = []
    for on, event in data.draw(st.permutations(facts)):
        delay = 0 if event.PRODUCER == "desk" else data.draw(st.sampled_from([0, 0, 1, 7, 50]))
        shuffled.append((min(on + timedelta(days=delay), LAST), message(event, on)))
    closes = every_day()
    if data.draw(st.booleans()):  # a process that was away closes several days at once
        closes = sorted({*data.draw(st.lists(st.sampled_from(closes), max_size=9)), LAST})
    assume(in_time.state.status is not FollowupStatus.COMPLETED)
    otherwise = lived(shuffled, closes)
    assume(otherwise.state.status is not FollowupStatus.COMPLETED)
    assert conclusions(otherwise) == conclusions(in_time)


@settings(max_examples=80, deadline=None)
@given(facts=lives())
def test_what_instalments_have_and_the_credit_are_all_that_was_paid(facts: list[tuple[date, Event]]) -> None:
    plan = lived([(on, message(event, on)) for on, event in facts], every_day())
    state: FollowupState = plan.state
    assert state.plan is not None
    until = state.plan.ended_on or LAST
    served = served_by(state.plan, state, until, policy_of(state.plan, plan.reference))
    for currency in ("CNY", "USD"):
        came = sum(_net(event, currency, state.plan.effective, until) for _, event in facts)
        on_lines = sum(part.paid.minor for part in served if part.paid.currency == currency)
        credit = total(state.received, currency, state.plan.effective, until).minor - on_lines
        assert on_lines + credit == came
        owed = [line.total.minor for line in state.plan.lines if line.total.currency == currency]
        assert credit >= 0
        # No credit lies idle while an instalment has room for it; the oldest are full first.
        assert credit == 0 or on_lines == sum(owed)
        parts = [part.paid.minor for part in served if part.paid.currency == currency]
        room = [total - part for total, part in zip(owed, parts, strict=True)]
        assert all(not later for first, later in zip(room, parts[1:], strict=False) if first)


def _net(event: Event, currency: str, since: date, until: date) -> int:
    if not isinstance(event, intake.PaymentMatched | intake.PaymentTakenBack):
        return 0
    if event.amount.currency != currency or not since <= event.value_date <= until:
        return 0
    return -event.amount.minor if isinstance(event, intake.PaymentTakenBack) else event.amount.minor


@settings(max_examples=40, deadline=None)
@given(facts=lives())
def test_closing_twice_or_on_a_day_without_work_changes_nothing(facts: list[tuple[date, Event]]) -> None:
    plan = live(*ROWS)
    for on, event in facts:
        plan = plan.when(message(event, on))
    for day in every_day(DAY + timedelta(days=80)):
        plan = plan.closes(day)
        again = plan.decider.close(plan.state, day, plan.reference)
        assert again.emissions == ()
        assert again.state == plan.state


@settings(max_examples=40, deadline=None)
@given(facts=lives())
def test_what_is_said_about_an_instalment_tells_where_it_stands(facts: list[tuple[date, Event]]) -> None:
    """Whoever reads only the events knows what the document knows."""
    plan = lived([(on, message(event, on)) for on, event in facts], every_day())
    known: dict[tuple[int, str], str] = {}
    for event in plan.said:
        key = (getattr(event, "number", 0), getattr(getattr(event, "total", None), "currency", ""))
        if isinstance(event, followup.InstalmentCorrected):
            assert known.get(key, "due") == event.was
            known[key] = event.now
        elif isinstance(event, followup.InstalmentPaid):
            known[key] = "paid" if event.on_time else "paid_late"
        elif isinstance(event, followup.InstalmentMissed):
            known[key] = "missed"
        elif isinstance(event, followup.InstalmentPartial):
            known[key] = "partial"
        elif isinstance(event, followup.InstalmentLate):
            known[key] = "late"
    for line in plan.state.plan.lines:
        assert known.get((line.number, line.total.currency), "due") == line.state.value


def test_years_of_daily_payments_stay_a_small_document_with_the_same_conclusions() -> None:
    rows = [(add_months(FIRST, n), "300.00") for n in range(30)]
    plan = live(*rows, **PATIENT, incentives__steps=[])
    day = DAY
    while day <= rows[-1][0]:
        plan = plan.when(message(paid("10.00", day), day))
        due = plan.decider.due(plan.state)
        assert due is not None
        plan = plan.closes(day) if due <= day else plan
        if plan.state.status is not FollowupStatus.LIVE:
            break
        day += timedelta(days=1)
    assert plan.state.status is FollowupStatus.COMPLETED
    assert {line.state.value for line in plan.state.plan.lines} == {"paid"}
    assert len(plan.state.received) <= 400
    assert len(plan.state.model_dump_json()) < 60_000
    paid_in_all = sum(entry.amount.minor for entry in plan.state.received)
    assert paid_in_all == 1_000 * ((day - DAY).days + 1)


DECIDER = FollowupDecider()
REFERENCE = reference()


def _states() -> dict[str, Given]:
    empty = start(DECIDER, REFERENCE)
    opened = empty.when(message(case_opened()))
    promised = desk.PromiseMade(promise_id="p", amount=Money(5_000, "CNY"), due=FIRST)
    plan = opened.when(message(signed(*ROWS)), message(promised))
    return {
        "none": empty,
        "waiting": opened,
        "live": plan,
        "missed": plan.closes(FIRST).closes(FIRST + timedelta(days=6)),
        "broken": plan.closes(FIRST + timedelta(days=60)),
        "completed": plan.when(message(paid("300.00", DAY))).closes(DAY),
        "closed": plan.when(message(intake.CaseClosed(as_of=DAY, reason=intake.CloseReason.SOLD))),
    }


STATES = _states()


@pytest.mark.parametrize("event", READ, ids=lambda e: e.TYPE)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_message_in_any_state_is_decided(event: type[Event], data: st.DataObject) -> None:
    sent = replace(data.draw(envelopes(event)), subject=CASE)
    if "policy" in event.model_fields and data.draw(st.booleans()):
        sent = replace(sent, data=sent.data.model_copy(update={"policy": "example-card"}))
    if data.draw(st.booleans()):
        sent = replace(sent, time=message(sent.data, DAY + timedelta(days=9)).time)
    before = STATES[data.draw(st.sampled_from(sorted(STATES)))].state
    decision = DECIDER.decide(before, sent, REFERENCE)
    assert DECIDER.decide(before, sent, REFERENCE) == decision
    after = decision.state
    if after is None:
        assert before is None
        return
    assert FollowupState.model_validate(after.model_dump(mode="json")) == after
    due = DECIDER.due(after)
    if after.status is FollowupStatus.LIVE:
        assert due is not None
    if due is not None:
        closed = DECIDER.close(after, due, REFERENCE).state
        assert closed is not None
        again = DECIDER.due(closed)
        assert again is None or again > due
        assert DECIDER.close(closed, due, REFERENCE).emissions == ()
