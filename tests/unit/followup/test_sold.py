"""A plan of which a part was sold: the buyer is paid for that part, and here only the rest is judged."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from services.followup.decide import FollowupDecider
from services.followup.rules import on_time_count
from shared.contracts import intake
from shared.contracts.agreement import DebtRate, WaivedDebt
from shared.contracts.debts import Allocation, DebtSchedule, DebtStatus, ScheduleRow
from shared.contracts.followup import InstalmentMissed, PlanBroken, PlanCompleted, RewardGranted
from shared.contracts.plan_terms import instalment_totals
from shared.lending.calendar import add_months
from tests.unit.builders import DAY, balances, case_opened, cny, debt, message, paid, reference, signed
from tests.unit.builders import taken_back as taken_back_
from tests.unit.followup.plans import PLAIN, lives_to, steps
from tests.unit.spec import Given, given

FIRST = date(2026, 4, 1)
DUES = [add_months(FIRST, n) for n in range(4)]
END = add_months(FIRST, 6)
SALE = DAY + timedelta(days=10)


def schedule(debt_id: str, amount: str, months: int = 4) -> DebtSchedule:
    nothing = cny("0.00")
    return DebtSchedule(debt_id=debt_id, rows=tuple(
        ScheduleRow(number=n + 1, due=due, principal=cny(amount), interest=nothing, fees=nothing,
                    late_charges=nothing, total=cny(amount), balance=nothing)
        for n, due in enumerate(DUES[:months])
    ))  # fmt: skip


def agreed(*schedules: DebtSchedule, version: int = 1, **more: Any) -> Any:
    schedules = schedules or (schedule("A-1", "60.00"), schedule("A-2", "40.00"))
    data = signed((FIRST, "1.00"), version=version)
    update = {"schedules": schedules, "instalments": instalment_totals(schedules), **more}
    return message(data.model_copy(update=update))


def plan(*schedules: DebtSchedule, **overrides: Any) -> Given:
    start = given(FollowupDecider(), reference(**PLAIN | overrides)).when(message(case_opened()))
    return start.when(agreed(*schedules))


def sells(*debts: str, on: date = SALE) -> Any:
    held = tuple(
        debt(one, status=DebtStatus.SOLD if one in debts else DebtStatus.ACTIVE) for one in ("A-1", "A-2")
    )
    return message(intake.CaseChanged(as_of=on, debts=held), on)


def pays(amount: str, on: date, debt_id: str = "A-1", id_: str | None = None) -> Any:
    data = paid(amount, on, id_)
    share = Allocation(debt_id=debt_id, amounts=balances(amount))
    return message(data.model_copy(update={"allocations": (share,)}), on)


def of(step: Given, kind: type[Any]) -> list[Any]:
    return [event for event in step.said if isinstance(event, kind)]


def test_who_pays_the_rest_here_and_the_buyer_the_other_part_keeps_the_plan() -> None:
    """The part of the buyer was missed here, and the plan was called broken."""
    kept = plan().when(sells("A-2")).when(*(pays("60.00", due) for due in DUES))
    lived = lives_to(kept, END)
    assert of(lived, InstalmentMissed) == of(lived, PlanBroken) == []
    assert len(of(lived, PlanCompleted)) == 1
    assert [line.total for line in lived.state.plan.lines[:3]] == [cny("60.00")] * 3, (
        "a reward shortens the last"
    )
    assert {line.debts for line in lived.state.plan.lines} == {("A-1",)}


def test_who_does_not_pay_the_rest_breaks_it_as_ever() -> None:
    lived = lives_to(plan().when(sells("A-2")), END)
    assert of(lived, InstalmentMissed)[0].total == cny("60.00")
    (broken,) = of(lived, PlanBroken)
    assert broken.facts.debts == ("A-1",)
    assert {one.missing for one in broken.facts.instalments} == {cny("60.00")}


def test_what_was_settled_before_the_sale_stays_and_what_was_missed_asks_for_less() -> None:
    first = lives_to(plan().when(pays("100.00", DUES[0])), DUES[0])
    late = lives_to(first, DUES[1] + timedelta(days=10))
    assert [line.state.value for line in late.state.plan.lines[:2]] == ["paid", "missed"]
    on = DUES[1] + timedelta(days=11)
    sold = late.when(sells("A-2", on=on)).when(pays("60.00", on)).closes(on)
    assert [line.state.value for line in sold.state.plan.lines[:2]] == ["paid", "paid_late"]
    assert sold.state.plan.lines[0].total == cny("100.00")


def test_money_that_the_bank_books_on_the_sold_debt_is_the_buyer_s_and_so_is_its_return() -> None:
    sold = plan().when(sells("A-2"))
    assert sold.when(pays("40.00", DUES[0], "A-2")).state.received == ()
    before = sold.when(pays("40.00", SALE, "A-2"))
    assert before.state.received[0].amount == cny("40.00"), "of the day of the sale, or before it"
    back = taken_back_("40.00", DUES[0], DUES[1], "p-1")
    share = Allocation(debt_id="A-2", amounts=balances("40.00"))
    back = back.model_copy(update={"allocations": (share,)})
    assert sold.when(pays("40.00", DUES[0], "A-2", "p-1"), message(back, DUES[1])).state.received == ()


def test_an_instalment_of_the_sold_debt_alone_asks_for_nothing() -> None:
    shorter = plan(schedule("A-1", "60.00", 2), schedule("A-2", "40.00"))
    lived = lives_to(shorter.when(sells("A-2")).when(*(pays("60.00", due) for due in DUES[:2])), END)
    assert len(of(lived, PlanCompleted)) == 1
    assert of(lived, InstalmentMissed) == []


def test_where_the_pack_lets_a_sold_debt_be_collected_here_all_is_judged_as_before() -> None:
    row = reference().policies.in_force("example-card", DAY).stop_events.sold.model_dump(mode="json")
    row["stops"] = ["contact"]
    lived = lives_to(
        plan(stop_events__sold=row).when(sells("A-2")).when(*(pays("60.00", due) for due in DUES)), END
    )
    assert len(of(lived, PlanBroken)) == 1


@pytest.mark.parametrize("second", [SALE + timedelta(days=40), DUES[1]])
def test_when_the_rest_is_sold_too_nothing_is_judged(second: date) -> None:
    rest = lives_to(plan().when(sells("A-2")).when(*(pays("60.00", due) for due in DUES[:1])), DUES[0])
    lived = lives_to(rest.when(sells("A-1", "A-2", on=second)), END)
    assert of(lived, PlanBroken) == []


@pytest.mark.parametrize("sale_first", [True, False])
def test_the_sale_and_the_signature_are_read_in_either_order(sale_first: bool) -> None:
    both = [sells("A-2", on=DAY), agreed()]
    start = given(FollowupDecider(), reference(**PLAIN)).when(message(case_opened()))
    after = start.when(*(both if sale_first else reversed(both)))
    assert after.state.plan.lines[0].total == cny("60.00")


def test_of_what_returns_with_a_breach_the_sold_part_is_not_ours() -> None:
    def waived(debt_id: str) -> WaivedDebt:
        return WaivedDebt(debt_id=debt_id, amounts=balances("0.00", "7.00"))

    rates = tuple(DebtRate(debt_id=one, annual_rate_pct=Decimal(9)) for one in ("A-1", "A-2"))
    start = given(FollowupDecider(), reference(**PLAIN)).when(message(case_opened()))
    both = (waived("A-1"), waived("A-2"))
    sold = start.when(agreed(waived=both, returns=both, rates_return=rates)).when(sells("A-2"))
    assert sold.state.plan.returns == (cny("7.00"),)
    assert [rate.debt_id for rate in sold.state.plan.contract_rates] == ["A-1"]


def test_a_lower_rate_is_granted_on_what_is_left() -> None:
    with_rate = tuple(DebtRate(debt_id=one, annual_rate_pct=Decimal(12)) for one in ("A-1", "A-2"))

    def row(debt_id: str) -> DebtSchedule:
        known, parts = schedule(debt_id, "60.00"), ("interest", "principal", "balance")
        rows = tuple(
            one.model_copy(update=dict(zip(parts, map(cny, ("6.00", "54.00", "546.00")), strict=True)))
            for one in known.rows
        )
        return known.model_copy(update={"rows": rows})

    rules = {"incentives__steps": steps((1, 0, 50))}
    start = given(FollowupDecider(), reference(**PLAIN | rules)).when(message(case_opened()))
    sold = start.when(agreed(row("A-1"), row("A-2"), rates=with_rate)).when(sells("A-2"))
    lived = lives_to(sold.when(pays("60.00", DUES[0])), DUES[0])
    assert lived.last(RewardGranted).instalments[0].total == cny("57.00")


def in_turns() -> Given:
    """Give a plan whose debts are due on days of their own, by turns, and of which the first debt is sold."""
    later = schedule("A-1", "60.00")
    rows = tuple(row.model_copy(update={"due": row.due + timedelta(days=12)}) for row in later.rows)
    both = (schedule("A-2", "40.00"), later.model_copy(update={"rows": rows}))
    return plan(*both, followup__breach_missed_in_a_row=2).when(sells("A-2"))


def test_what_asks_for_nothing_is_no_instalment_kept_on_time() -> None:
    """A reward after two was granted for two instalments of the buyer's, of which nothing was owed here."""
    sold, own = in_turns(), [due + timedelta(days=12) for due in DUES]
    once = lives_to(sold.when(pays("60.00", own[0])), own[1] - timedelta(days=1))
    assert [line.state.value for line in once.state.plan.lines[:3]] == ["paid"] * 3
    assert on_time_count(once.state.plan) == 1
    assert on_time_count(lives_to(once.when(pays("60.00", own[1])), own[1]).state.plan) == 2


def test_what_asks_for_nothing_does_not_part_two_that_are_missed() -> None:
    lived = lives_to(in_turns(), DUES[2])
    assert [one.missed_in_a_row for one in of(lived, InstalmentMissed)] == [1, 2]
    assert [one.as_of for one in of(lived, PlanBroken)] == [lived.state.plan.ended_on]
