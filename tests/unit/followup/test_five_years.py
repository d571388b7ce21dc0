"""Five years of a plan in seconds: what happens to people, and the money that adds up at every step."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from services.followup.decide import FollowupDecider
from services.followup.model import FollowupStatus
from services.followup.work import policy_of, served_by
from shared.contracts import desk, intake
from shared.contracts.agreement import DebtRate
from shared.contracts.base import Event, Personal
from shared.contracts.debts import InstalmentTotal
from shared.contracts.followup import (
    InstalmentCorrected,
    InstalmentMissed,
    InstalmentPaid,
    InstalmentPartial,
    PlanBroken,
    PlanCompleted,
    RenegotiationRequested,
    ReviewDue,
    RewardGranted,
    SupportOffered,
)
from shared.contracts.followup_care import BreachNoticed, CreditFound, ProblemOverdue, ReviewOverdue
from shared.contracts.plan_terms import instalment_totals, schedule_on_wire
from shared.lending.allocation import Components
from shared.lending.calendar import add_months
from shared.lending.money import Money, Rounding
from shared.lending.plans import schedule_of
from tests.unit.builders import case_opened, message, reference, signed, taken_back
from tests.unit.builders import paid as paying
from tests.unit.followup.plans import steps
from tests.unit.spec import Given, given

START = date(2026, 3, 2)
TERMS: dict[str, Any] = {
    "incentives__cooperation": ["contacts_answered", "promises_kept", "hardship_told_early"],
    "incentives__steps": steps((6, 50, 0), (12, 100, 25)),
    "breach__notice_days": 3,
    "breach__cure_days": 14,
}


def yuan(text: str) -> Money:
    return Money.parse(text, "CNY")


def terms(principal: str, months: int, first: date, rate: str, *, grace: int = 0, step: str = "0") -> Any:
    """A schedule as agreement signs it: holiday of principal, then steps of half a year."""
    nothing = Money.zero("CNY")
    schedule = schedule_of(
        Components(yuan(principal), nothing, nothing, nothing, nothing),
        Components(nothing, nothing, nothing, nothing, nothing),
        annual_rate_pct=Decimal(rate),
        periods=months,
        first_due=first,
        rounding=Rounding.HALF_UP,
        grace_periods=grace,
        step_pct=Decimal(step),
        step_every=6 if step != "0" else 0,
    )
    return schedule_on_wire("A-1", schedule)


def agreement(schedule: Any, effective: date, version: int, rate: str = "12") -> Any:
    rows: tuple[InstalmentTotal, ...] = instalment_totals((schedule,))
    base = signed((rows[0].due, "1.00"), effective=effective, version=version)
    rates = (DebtRate(debt_id="A-1", annual_rate_pct=Decimal(rate)),)
    return base.model_copy(update={"schedules": (schedule,), "instalments": rows, "rates": rates})


class Life:
    """A case lived day by day; after each day the money is added up from outside."""

    def __init__(self) -> None:
        start = given(FollowupDecider(), reference(**TERMS))
        self.plan: Given = start.when(
            message(intake.CaseAssigned(owner="n-1"), START), message(case_opened(), START)
        )
        self.day = START
        self.said: list[Event] = []
        self.money: list[tuple[date, Money]] = []
        self.count = 0

    def hears(self, event: Event) -> None:
        self.plan = self.plan.when(message(event, self.day))
        self.said += self.plan.said

    def pays(self, amount: Money, on: date | None = None) -> None:
        self.money.append((on or self.day, amount))
        self.hears(paying(str(amount), on or self.day))

    def returns(self, amount: Money, on: date) -> None:
        self.money.append((on, -amount))
        self.hears(taken_back(str(amount), on, self.day))

    def lives_to(self, until: date, *, pays: str = "all") -> None:
        """Live on; on each due day of the plan pay all of it, half, or nothing."""
        while self.day < until:
            kept = self.plan.state.plan
            if pays != "nothing" and kept is not None and self.plan.state.status is FollowupStatus.LIVE:
                for line in kept.lines:
                    if line.due == self.day and line.state.value == "due":
                        self.pays(line.total if pays == "all" else Money(line.total.minor // 2, "CNY"))
            self.plan = self.plan.closes(self.day)
            self.said += self.plan.said
            self.adds_up()
            self.day += timedelta(days=1)

    def adds_up(self) -> None:
        """What instalments have, and what is beyond them, is what came; none has more than it asks."""
        state = self.plan.state
        if state.plan is None:
            return
        served = served_by(state.plan, state, self.day, policy_of(state.plan, self.plan.reference))
        came = sum(m.minor for on, m in self.money if state.plan.effective <= on <= self.day)
        on_lines = sum(part.paid.minor for part in served)
        credit = max(came, 0) - on_lines
        assert credit >= 0
        owed = sum(line.total.minor for line in state.plan.lines)
        assert credit == 0 or on_lines == owed
        assert all(part.paid <= line.total for part, line in zip(served, state.plan.lines, strict=True))
        if state.status is FollowupStatus.COMPLETED:
            assert sum(entry.found.minor for entry in state.credits) == credit

    def of(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.said if isinstance(event, kind)]


def test_five_years_of_a_plan() -> None:
    life = Life()
    # A plan of five years at 12 %: three months of interest only, then payments that grow each half year.
    first = terms("12000.00", 60, date(2026, 4, 2), "12", grace=3, step="10")
    life.hears(agreement(first, START, 1))
    holiday, after = first.rows[0].total, first.rows[3].total
    assert holiday == yuan("120.00")
    assert after > holiday
    # A year of keeping to it: late charges are waived in two steps, then the rate is lower by a quarter.
    life.lives_to(date(2027, 4, 3))
    assert [event.reward for event in life.of(RewardGranted)] == ["late_charges_waived"] * 2 + ["lower_rate"]
    assert [str(e.waived[0].amounts.late_charges) for e in life.of(RewardGranted)[:2]] == ["75.00", "75.00"]
    rate_cut = life.of(RewardGranted)[-1]
    assert sum(row.total.minor for row in rate_cut.instalments) == (
        sum(line.total.minor for line in life.plan.state.plan.lines if line.due > date(2027, 3, 2))
    )
    # The national holidays of May: half is paid on the day, the rest in the grace days; it is in time.
    life.lives_to(date(2027, 5, 3), pays="half")
    assert life.of(InstalmentPartial)
    short = next(line for line in life.plan.state.plan.lines if line.due == date(2027, 5, 2))
    life.pays(Money(short.total.minor - short.total.minor // 2, "CNY"))
    life.lives_to(date(2027, 6, 20))
    assert not life.of(InstalmentMissed)
    assert life.of(InstalmentPaid)[-1].on_time
    # The payment of half a year ago comes back: notice and new grace, then it is paid again.
    back = next(line for line in life.plan.state.plan.lines if line.due == date(2026, 12, 2))
    life.returns(back.total, back.due)
    life.lives_to(date(2027, 6, 25))
    assert [event.now for event in life.of(InstalmentCorrected)][-1] == "late"
    assert not life.of(InstalmentMissed)
    life.pays(back.total)
    life.lives_to(date(2027, 7, 10))
    assert not life.of(InstalmentMissed)
    # Reviews were held by nobody: each escalated, none did any harm.
    assert len(life.of(ReviewOverdue)) >= 2
    assert [event.interval_months for event in life.of(ReviewDue)][:2] == [6, 6]
    # The job is lost: told at once; for three months nothing is paid and nothing breaks.
    told = desk.HardshipReported(
        cause=desk.HardshipCause.JOB_LOSS, since=life.day, expected_end=add_months(life.day, 5)
    )
    life.hears(told)
    life.lives_to(date(2027, 9, 25), pays="nothing")
    assert len(life.of(RenegotiationRequested)) == len(life.of(SupportOffered)) == 1
    assert [event.shielded for event in life.of(InstalmentMissed)] == [True, True]
    assert not life.of(BreachNoticed)
    assert life.plan.state.plan.version == 1  # the old schedule stands until the new one is signed
    # The amendment, over what is owed then: a holiday of half a year, then level payments at the lower rate.
    second = terms("9100.00", 36, date(2027, 10, 20), "9", grace=6)
    life.hears(agreement(second, date(2027, 9, 25), 2))
    assert life.plan.state.plan.version == 2
    assert life.plan.state.plan.steps_given == 2
    life.lives_to(date(2028, 6, 1))
    # A child: said at a review, which leads back to the table; a second amendment, in smaller steps.
    held = desk.ReviewHeld(
        at=datetime(2028, 6, 1, 10, tzinfo=UTC), place="phone", participants=("n-1", "borrower"),
        key_points=Personal(value="…"), new_difficulties=True, special_needs=True, satisfaction=5,
    )  # fmt: skip
    life.hears(held)
    assert len(life.of(RenegotiationRequested)) == 2
    life.lives_to(date(2028, 6, 19))
    third = terms("8400.00", 33, date(2028, 7, 20), "9", step="5")
    life.hears(agreement(third, date(2028, 6, 19), 3))
    life.lives_to(date(2030, 12, 31))
    assert life.plan.state.status is FollowupStatus.LIVE
    # The last two instalments and a little more, in advance: completed, and the rest is the borrower's.
    left = [line.total for line in life.plan.state.plan.lines if line.state.value == "due"]
    assert len(left) == 3
    life.pays(Money.sum(left, "CNY") + yuan("7.50"))
    life.lives_to(date(2031, 3, 21))
    assert len(life.of(PlanCompleted)) == 1
    assert life.of(PlanCompleted)[0].as_of == date(2030, 12, 31)
    assert life.of(PlanCompleted)[0].paid == (Money.sum((row.total for row in third.rows), "CNY"),)
    assert life.of(CreditFound)[-1].amount == yuan("7.50")
    assert not life.of(PlanBroken)
    # Principal of each plan adds up to what it was made over.
    for schedule, over in ((first, "12000.00"), (second, "9100.00"), (third, "8400.00")):
        assert Money.sum((row.principal for row in schedule.rows), "CNY") == yuan(over)


CHANGES: dict[str, dict[str, Any]] = {
    "holiday": {"rate": "12", "grace": 3},
    "step_up": {"rate": "12", "step": "10"},
    "rate_change": {"rate": "6"},
    "more_time": {"rate": "12", "more": 12},
}


ORDERS = [*permutations(list(CHANGES)[:3]), ("more_time", "holiday", "rate_change")]


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_amendments_in_any_order_ask_for_all_that_is_owed_and_count_each_payment_once(
    order: tuple[str, ...],
) -> None:
    """Each is made over what the one before it left; its holiday, steps and rate end with it."""
    life = Life()
    principal, months, left = "12000.00", 24, yuan("12000.00")
    schedule = terms(principal, months, date(2026, 4, 2), "12")
    life.hears(agreement(schedule, START, 1))
    paid_principal = Money.zero("CNY")
    for version, kind in enumerate(order, start=2):
        until = add_months(START, 6 * (version - 1)) + timedelta(days=10)
        life.lives_to(until)
        rows = [row for row in schedule.rows if row.due < until]
        left = rows[-1].balance
        paid_principal += Money.sum((row.principal for row in rows), "CNY")
        assert paid_principal + left == yuan("12000.00")
        change = dict(CHANGES[kind])
        months += change.pop("more", 0) - len(rows)
        schedule = terms(str(left), months, date(until.year, until.month, 28), change.pop("rate"), **change)
        life.hears(agreement(schedule, until, version))
        # What was paid before has lowered what this one divides; nothing of it is counted again.
        assert not [entry for entry in life.plan.state.received if entry.on < until]
        assert Money.sum((row.principal for row in schedule.rows), "CNY") == left
    life.lives_to(schedule.rows[-1].due + timedelta(days=2))
    assert life.plan.state.status is FollowupStatus.COMPLETED
    assert life.of(PlanCompleted)[-1].paid == (Money.sum((line.total for line in schedule.rows), "CNY"),)
    assert not life.of(InstalmentMissed)


def test_the_same_life_closed_in_one_step_comes_to_the_same_end() -> None:
    """A process that was away for years concludes what one that was there every day did."""
    plain = terms("6000.00", 60, date(2026, 4, 2), "0")
    daily = given(FollowupDecider(), reference(**TERMS)).when(
        message(case_opened(), START),
        message(agreement(plain, START, 1)),
    )
    daily = daily.when(*(message(paying(str(row.total), row.due), row.due) for row in plain.rows))
    at_once = daily.closes(date(2031, 3, 31))
    day, said = START, list[Event]()
    while day <= date(2031, 3, 31):
        daily = daily.closes(day)
        said += daily.said
        day += timedelta(days=1)
    assert at_once.state == daily.state
    # Nobody has asked about the credit in time: a close over all the days says so at its end.
    late = [[one for one in life if isinstance(one, ProblemOverdue)] for life in (at_once.said, said)]
    assert [one.problem_id for one in late[0]] == [one.problem_id for one in late[1]] != []
    in_order = [[one for one in life if one not in late[0] + late[1]] for life in (at_once.said, said)]
    assert in_order[0] == in_order[1]
