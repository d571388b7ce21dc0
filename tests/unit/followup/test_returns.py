"""Whatever the order in which payments and returns of the same set arrive, the end is the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.followup.model import FollowupState, FollowupStatus
from services.followup.rules import is_performing, on_time_count
from services.followup.work import policy_of
from shared.contracts.base import Event
from shared.contracts.followup import InstalmentMissed, InstalmentPaid
from shared.contracts.followup_care import BreachNoticed
from shared.lending.calendar import add_months
from tests.unit.builders import DAY, cny, message, paid, taken_back
from tests.unit.followup.plans import FIRST, live
from tests.unit.spec import Given

# Nothing breaks these plans and nothing is granted: acts are not undone by what is learnt later.
PATIENT: dict[str, Any] = {
    "followup__breach_missed_in_a_row": 60,
    "followup__breach_days_late": 3000,
    "incentives__steps": [],
}
LAST = DAY + timedelta(days=160)
ROWS = [(add_months(FIRST, n), "100.00") for n in range(3)]
TOLD_AND_GRACE = 13  # days, of the example: three for the notice, ten to pay again

Fact = tuple[date, Event]


@st.composite
def lives(draw: st.DrawFn) -> list[Fact]:
    """Payments, and returns of some of them, whole or in part, soon or months later, on their days."""
    facts: list[Fact] = []
    for number in range(draw(st.integers(1, 6))):
        on = DAY + timedelta(days=draw(st.integers(0, 130)))
        amount = draw(st.sampled_from(["40.00", "100.00", "100.00", "150.00", "300.00"]))
        facts.append((on, paid(amount, on, f"p{number}")))
        left = cny(amount)
        for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2]))):
            part = min(left, cny(draw(st.sampled_from(["20.00", "100.00", "300.00"]))))
            told = min(on + timedelta(days=draw(st.integers(0, 120))), LAST)
            if part.is_positive:
                facts.append((told, taken_back(str(part), on, told, f"p{number}")))
                left = left - part
    return facts


def lived(facts: list[tuple[date, Any]], closes: list[date]) -> Given:
    """Decide each message on its day of arrival, in the order given, and close the days."""
    plan, said = live(*ROWS, **PATIENT), list[Event]()
    for day in closes:
        for fact in [fact for arrives, fact in facts if arrives <= day]:
            plan = plan.when(fact)
            said += plan.said
        facts = [(arrives, fact) for arrives, fact in facts if arrives > day]
        plan = plan.closes(day)
        said += plan.said
    return replace(plan, said=tuple(said))


def end(plan: Given) -> Any:
    """Give what only the facts decide: instalments with their grace, money, status, credit."""
    state: FollowupState = plan.state
    assert state.plan is not None
    lines = [(line.number, line.until, line.breach_on, line.state) for line in state.plan.lines]
    found = [entry.found for entry in state.credits if entry.found.is_positive]
    return lines, state.received, state.returned, state.status, found


def every_day() -> list[date]:
    return [DAY + timedelta(days=n) for n in range((LAST - DAY).days + 1)]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(facts=lives(), data=st.data())
def test_returns_at_any_age_in_any_order_come_to_the_same_end(facts: list[Fact], data: st.DataObject) -> None:
    in_time = lived([(on, message(event, on)) for on, event in facts], every_day())
    shuffled = []
    for on, event in data.draw(st.permutations(facts)):
        delay = data.draw(st.sampled_from([0, 0, 1, 7, 60]))
        shuffled.append((min(on + timedelta(days=delay), LAST), message(event, on)))
    closes = every_day()
    if data.draw(st.booleans()):
        closes = sorted({*data.draw(st.lists(st.sampled_from(closes), max_size=9)), LAST})
    assert end(lived(shuffled, closes)) == end(in_time)


def test_a_plan_that_one_close_completes_and_reopens_is_judged_up_to_its_day() -> None:
    """A return that came before its payment reopened what was completed; due work of that day was left."""
    paid_on, paid_again, back, close = (DAY + timedelta(days=days) for days in (73, 82, 111, 137))
    whole, second = paid("300.00", paid_on, "p1"), paid("100.00", paid_again, "p2")
    returned = taken_back("100.00", paid_again, back, "p2")
    facts: list[Fact] = [(paid_on, whole), (paid_again, second), (back, returned)]
    late = [(paid_on, message(whole, paid_on)), (back, message(returned, back))]
    late.append((close + timedelta(days=3), message(second, paid_again)))
    in_time = lived([(on, message(event, on)) for on, event in facts], every_day())
    assert end(lived(late, [close, LAST])) == end(in_time)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(facts=lives())
def test_money_adds_up_after_every_return(facts: list[Fact]) -> None:
    plan = lived([(on, message(event, on)) for on, event in facts], every_day())
    state: FollowupState = plan.state
    came = sum(
        event.amount.minor * (-1 if "taken-back" in event.TYPE else 1)  # type: ignore[attr-defined]
        for _, event in facts
    )
    assert sum(entry.amount.minor for entry in state.received) == came
    if state.status is FollowupStatus.COMPLETED:
        assert sum(entry.found.minor for entry in state.credits) == max(came - 30_000, 0)
    else:
        assert came < 30_000


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(back=st.integers(0, 60), amount=st.sampled_from(["100.00", "60.00", "2.00"]))
def test_nobody_misses_an_instalment_by_a_return_before_notice_and_new_grace(back: int, amount: str) -> None:
    told = FIRST + timedelta(days=10 + back)
    facts: list[tuple[date, Any]] = [(on, message(paid("100.00", on), on)) for on, _ in ROWS]
    facts.append((told, message(taken_back(amount, FIRST, told), told)))
    plan, said = live(*ROWS, **PATIENT), list[tuple[date, Event]]()
    for day in every_day():
        plan = plan.when(*(fact for arrives, fact in facts if arrives == day))
        plan = plan.closes(day)
        said += [(day, event) for event in plan.said]
    missed = [day for day, event in said if isinstance(event, InstalmentMissed)]
    assert missed
    assert missed[0] >= told + timedelta(days=TOLD_AND_GRACE)


def test_what_was_paid_late_and_came_back_has_notice_and_new_grace_too() -> None:
    """It was missed the day the bank spoke, and with months behind it a breach was noticed on that day."""
    told, late = FIRST + timedelta(days=90), FIRST + timedelta(days=12)
    facts = {
        late: paid("100.00", late),
        told: taken_back("100.00", late, told),
        told + timedelta(days=9): paid("100.00", told + timedelta(days=9)),
    }
    rows = (ROWS[0], (add_months(FIRST, 6), "100.00"))
    plan, said = live(*rows, incentives__steps=[], breach__notice_required=True), list[tuple[date, Event]]()
    for n in range(150):
        day = DAY + timedelta(days=n)
        if day in facts:
            plan = plan.when(message(facts[day], day))
        plan = plan.closes(day)
        said += [(day, event) for event in plan.said if day >= told]
        if told <= day < told + timedelta(days=9):
            (first, _) = plan.state.plan.lines
            assert first.state.value == "late"
            assert first.until >= told + timedelta(days=TOLD_AND_GRACE)
            assert on_time_count(plan.state.plan.model_copy(update={"on_time_before": 9})) == 0
            performing = plan.state.plan.model_copy(update={"on_time_before": 9})
            assert not is_performing(performing, policy_of(performing, plan.reference))
    assert [event.on_time for _, event in said if isinstance(event, InstalmentPaid)] == [False]
    assert not [day for day, event in said if isinstance(event, InstalmentMissed | BreachNoticed)]


def test_money_that_comes_and_goes_on_one_day_gives_the_same_grace_whichever_close_hears_of_it() -> None:
    """Heard of before the close it left no trace in the money, and no day of work: there was no new grace."""
    on = date(2026, 6, 17)
    facts = [paid("40.00", on, "p0"), paid("40.00", DAY, "p1"), paid("40.00", DAY, "p2")]
    back = taken_back("40.00", on, on, "p0")
    arrives = [(fact.value_date, message(fact, fact.value_date)) for fact in facts]
    at_once = lived([*arrives, (on, message(back, on))], every_day())
    later = lived([*arrives, (on + timedelta(days=1), message(back, on))], every_day())
    assert end(at_once) == end(later)
    assert at_once.state.plan.lines[0].until == date(2026, 6, 30)


def test_a_return_of_the_open_day_gives_what_one_of_the_day_after_its_close_does() -> None:
    """A missed instalment was paid late and the money returned on that day: one order gave new grace."""
    late = FIRST + timedelta(days=77)
    facts: list[Fact] = [(late, paid("40.00", late, "p0")), (DAY, paid("80.00", DAY, "p1"))]
    back = message(taken_back("40.00", late, late, "p0"), late)
    known = [(on, message(event, on)) for on, event in facts]
    ends = [
        end(lived([*known, (arrives, back)], every_day())) for arrives in (late, late + timedelta(days=1))
    ]
    assert ends[0] == ends[1]
    assert ends[0][0][0][1] >= late + timedelta(days=TOLD_AND_GRACE)
