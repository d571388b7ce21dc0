"""Payments under a plan over several debts: split as the instalments are, beyond them by the waterfall."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from services.intake.decide import IntakeDecider
from shared.contracts import followup
from shared.contracts.agreement import AgreementEnded, AgreementSigned, DebtRate, EarlierAgreement
from shared.contracts.base import Reason
from shared.contracts.debts import DebtSchedule, InstalmentTotal, ScheduleRow
from shared.contracts.envelope import Envelope
from shared.contracts.intake import BalanceDiffers, CaseChanged, PaymentMatched, PaymentTakenBack
from shared.contracts.plan_terms import instalment_totals, total_of
from shared.contracts.reasons import ReasonCode
from shared.lending.calendar import add_months
from shared.lending.money import Money
from tests.unit.builders import balances, cny, message, reference
from tests.unit.intake.bank_says import balance, day, overdue, paid, recalled, returned, signed, sold
from tests.unit.spec import Given, given

FIRST = day(30)
# Two debts of 6,000.00 and 2,000.00; the plan asks for 600.00 + 200.00 a month, ten times.
A, B = balances("5400.00", "600.00"), balances("2000.00")


def schedule(debt_id: str, principal: str, interest: str, *, months: int = 10, currency: str = "CNY") -> Any:
    parts = cny(principal, currency), cny(interest, currency)
    nothing = Money.zero(currency)
    rows = tuple(
        ScheduleRow(number=n + 1, due=add_months(FIRST, n), principal=parts[0], interest=parts[1],
                    fees=nothing, late_charges=nothing, total=parts[0] + parts[1], balance=nothing)
        for n in range(months)
    )  # fmt: skip
    return DebtSchedule(debt_id=debt_id, rows=rows)


def plan(*schedules: DebtSchedule, n: int = 5, on: int | None = None) -> Envelope[Any]:
    data: AgreementSigned = signed(n, *(one.debt_id for one in schedules)).data
    data = data.model_copy(update={"schedules": schedules, "instalments": instalment_totals(schedules)})
    return message(data, day(n if on is None else on))


PLAN = (schedule("A-1", "540.00", "60.00"), schedule("A-2", "200.00", "0.00"))


def planned(*schedules: DebtSchedule, **overrides: Any) -> Given:
    start = given(IntakeDecider(), reference(**overrides))
    start = start.when(overdue("A-1", owed=A, late=A), overdue("A-2", owed=B, late=B))
    return start.when(plan(*(schedules or PLAN)))


def served(step: Given) -> dict[str, str]:
    matched = step.last(PaymentMatched)
    return {part.debt_id: str(total_of(part.amounts)) for part in matched.allocations}


def left(step: Given) -> dict[str, int]:
    return {debt.debt_id: debt.outstanding.total for debt in step.state.debts}


def test_an_instalment_is_split_over_the_debts_as_the_plan_says() -> None:
    assert served(planned().when(paid("800.00", 30))) == {"A-1": "600.00", "A-2": "200.00"}
    unplanned = given(IntakeDecider(), reference()).when(overdue("A-1", owed=A, late=A))
    unplanned = unplanned.when(overdue("A-2", owed=B, late=B))
    assert served(unplanned.when(paid("800.00", 30))) == {"A-1": "800.00"}  # by the order of the pack


def test_a_part_of_an_instalment_is_shared_in_proportion_and_the_rest_of_it_completes_it() -> None:
    part = planned().when(paid("333.33", 28))
    assert served(part) == {"A-1": "249.99", "A-2": "83.34"}
    whole = part.when(paid("466.67", 30, "P-2"))
    assert served(whole) == {"A-1": "350.01", "A-2": "116.66"}
    assert left(whole) == {"A-1": 540_000, "A-2": 180_000}


def test_what_is_paid_ahead_serves_the_next_instalments_and_beyond_the_plan_the_waterfall() -> None:
    short = (schedule("A-1", "540.00", "60.00", months=2), schedule("A-2", "200.00", "0.00", months=2))
    ahead = planned(*short).when(paid("1000.00", 30))
    assert served(ahead) == {"A-1": "750.00", "A-2": "250.00"}
    beyond = ahead.when(paid("700.00", 60, "P-2"))
    # 600.00 complete both instalments; 100.00 are beyond, and the pack serves the older debt first.
    assert served(beyond) == {"A-1": "550.00", "A-2": "150.00"}


def test_within_a_debt_the_order_of_its_pack_holds() -> None:
    matched = planned().when(paid("800.00", 30)).last(PaymentMatched)
    by_debt = {part.debt_id: part.amounts for part in matched.allocations}
    assert by_debt["A-1"].interest == cny("600.00")  # interest first, up to day 90
    assert by_debt["A-2"].principal == cny("200.00")


def test_money_dated_before_the_plan_and_debts_outside_it_go_by_the_waterfall() -> None:
    assert served(planned().when(paid("800.00", 4))) == {"A-1": "800.00"}
    named = planned().when(paid("800.00", 30, account="A-2"))
    assert served(named) == {"A-2": "800.00"}
    # Money that named one debt was ahead for it: the others catch up.
    assert served(named.when(paid("800.00", 31, "P-2"))) == {"A-1": "800.00"}
    alone = planned(schedule("A-1", "540.00", "60.00", months=1)).when(paid("800.00", 30))
    assert served(alone) == {"A-1": "800.00"}


def test_money_that_came_before_the_signature_was_heard_of_counts_for_the_plan() -> None:
    start = given(IntakeDecider(), reference())
    start = start.when(overdue("A-1", owed=A, late=A), overdue("A-2", owed=B, late=B))
    early = start.when(paid("600.00", 6), plan(*PLAN, n=5, on=6))
    assert served(early) == {"A-1": "600.00"}
    assert served(early.when(paid("200.00", 30, "P-2"))) == {"A-2": "200.00"}  # one instalment is complete


def test_a_return_takes_back_what_the_payment_had_served_and_the_next_one_serves_it_again() -> None:
    two = planned().when(paid("800.00", 30), paid("800.00", 60, "P-2"))
    back = two.when(returned("800.00", 62, "P-2"))
    taken = {part.debt_id: str(total_of(part.amounts)) for part in back.last(PaymentTakenBack).allocations}
    assert taken == {"A-1": "600.00", "A-2": "200.00"}
    again = back.when(paid("800.00", 65, "P-3"))
    assert served(again) == {"A-1": "600.00", "A-2": "200.00"}
    assert left(again) == left(two)


def test_a_debt_that_has_left_the_plan_gets_nothing() -> None:
    without = planned().when(recalled(20, "A-2"))
    assert served(without.when(paid("800.00", 30))) == {"A-1": "800.00"}


def test_a_lower_rate_makes_the_split_of_later_instalments_smaller_by_their_interest() -> None:
    rows = PLAN[0], schedule("A-2", "180.00", "20.00")
    kept = planned(*rows).when(paid("800.00", 30))
    total, less = cny("800.00"), cny("760.00")
    later = tuple(InstalmentTotal(number=n, due=add_months(FIRST, n - 1), total=less) for n in range(2, 11))
    granted = followup.RewardGranted.model_validate(
        {"reward": "lower_rate", "after_instalment": 1, "rate_cut_pct": 50, "instalments": later,
         "not_charged": (cny("360.00"),)}
    )  # fmt: skip
    lowered = kept.when(message(granted, day(31)))
    # Of 40.00 less, 30.00 are interest of the first debt and 10.00 of the second.
    assert served(lowered.when(paid("760.00", 61, "P-2"))) == {"A-1": "570.00", "A-2": "190.00"}
    assert served(kept.when(paid(total, 61, "P-2"))) == {"A-1": "600.00", "A-2": "200.00"}


def test_interest_that_was_owed_before_the_plan_is_not_made_less_with_the_rate() -> None:
    # What the first debt calls interest was owed before: only the second one bears any, at 12 per cent.
    second = schedule("A-2", "180.00", "20.00")
    rows = tuple(row.model_copy(update={"balance": cny("1820.00")}) for row in second.rows)
    signed_ = plan(PLAN[0], second.model_copy(update={"rows": rows}))
    rates = tuple(DebtRate(debt_id=d, annual_rate_pct=Decimal(r)) for d, r in (("A-1", "0"), ("A-2", "12")))
    told = replace(signed_, data=signed_.data.model_copy(update={"rates": rates}))
    start = given(IntakeDecider(), reference())
    start = start.when(overdue("A-1", owed=A, late=A), overdue("A-2", owed=B, late=B))
    kept = start.when(told).when(paid("800.00", 30))
    later = (InstalmentTotal(number=2, due=add_months(FIRST, 1), total=cny("790.00")),)
    granted = followup.RewardGranted.model_validate(
        {"reward": "lower_rate", "after_instalment": 1, "rate_cut_pct": 50, "instalments": later}
    )
    lowered = kept.when(message(granted, day(31)))
    assert served(lowered.when(paid("790.00", 61, "P-2"))) == {"A-1": "600.00", "A-2": "190.00"}


def amended(step: Given, *, may_withdraw: bool = True) -> Given:
    """Another plan takes the place of AG-1 on day 31: 400.00 a month for each of the two debts."""
    over = AgreementEnded(agreement_id="AG-1", as_of=day(31), reason=Reason(code=ReasonCode.PLAN_SUPERSEDED))
    other = plan(schedule("A-1", "400.00", "0.00"), schedule("A-2", "400.00", "0.00"), n=31)
    told = {"agreement_id": "AG-2", "supersedes": "AG-1", "may_withdraw": may_withdraw}
    changed = replace(other, data=other.data.model_copy(update=told))
    return step.when(message(over, day(31)), changed)


def withdrawn(step: Given) -> Given:
    gone = AgreementEnded(
        agreement_id="AG-2",
        as_of=day(45),
        reason=Reason(code=ReasonCode.WITHDRAWN_IN_TIME),
        returns_to=EarlierAgreement(agreement_id="AG-1", version=1, debts=("A-1", "A-2")),
    )
    return step.when(message(gone, day(45)))


def test_a_plan_that_is_in_force_again_splits_payments_as_it_did() -> None:
    kept = amended(planned().when(paid("800.00", 30)))
    assert served(kept.when(paid("800.00", 40, "P-2"))) == {"A-1": "400.00", "A-2": "400.00"}
    back = withdrawn(kept)
    assert back.state.earlier == ()
    assert served(back.when(paid("800.00", 60, "P-2"))) == {"A-1": "600.00", "A-2": "200.00"}
    # What was paid under the amendment counts: the debt that got less catches up first.
    since = withdrawn(kept.when(paid("800.00", 40, "P-2"))).when(paid("800.00", 60, "P-3"))
    assert served(since) == {"A-1": "800.00"}
    assert left(since) == {"A-1": 420_000, "A-2": 140_000}


def test_a_plan_is_kept_only_while_its_amendment_may_be_withdrawn_from() -> None:
    assert [one.agreement_id for one in amended(planned()).state.earlier] == ["AG-1"]
    assert amended(planned(), may_withdraw=False).state.earlier == ()


def test_currencies_are_split_apart() -> None:
    dollars = schedule("A-3", "10.00", "0.00", currency="USD")
    step = planned(*PLAN, dollars)
    assert [split.currency for split in step.state.plan.splits] == ["CNY", "USD"]
    assert served(step.when(paid("80.00", 30))) == {"A-1": "60.00", "A-2": "20.00"}


def test_a_bank_that_bills_by_the_schedule_agrees_with_the_plan() -> None:
    """What made balances differ: one debt was paid faster than its schedule, and bore less interest."""
    step = planned(*PLAN, agreement__balance_tolerance_pct="0.1")
    a, b = 600_000, 200_000
    for n in range(1, 9):
        step = step.when(paid("800.00", 30 * n, f"P-{n}"))
        # 18 per cent a year for 30 days, on what the schedule says was owed of each.
        a, b = a - 60_000 + a * 18 * 30 // 36500, b - 20_000 + b * 18 * 30 // 36500
        figures = [balances(str(Money(owed, "CNY"))) for owed in (a, b)]
        for account, owed in zip(("A-1", "A-2"), figures, strict=True):
            step = step.when(balance(30 * n + 1, owed, balances(), account=account, days=0))
        closed = step.closes(day(30 * n + 1))
        assert not [event for event in closed.said if isinstance(event, BalanceDiffers)]
        step = closed


@settings(max_examples=40, deadline=None)
@for_all(
    rows=st.lists(st.tuples(st.integers(1, 90_000), st.integers(1, 90_000)), min_size=2, max_size=5),
    payments=st.lists(st.integers(1, 120_000), min_size=1, max_size=6),
)
def test_money_adds_up_and_no_debt_runs_ahead_of_the_plan(
    rows: list[tuple[int, int]], payments: list[int]
) -> None:
    schedules = []
    for at, debt_id in enumerate(("A-1", "A-2")):
        base = schedule(debt_id, "1.00", "0.00", months=len(rows))
        made = tuple(
            row.model_copy(update={"total": Money(n[at], "CNY"), "principal": Money(n[at], "CNY")})
            for row, n in zip(base.rows, rows, strict=True)
        )
        schedules.append(DebtSchedule(debt_id=debt_id, rows=made))
    step = planned(*schedules)
    before, paid_in = left(step), 0
    for n, amount in enumerate(payments):
        step = step.when(paid(Money(amount, "CNY"), 10 + n, f"P-{n}"))
        paid_in += amount
        matched = step.last(PaymentMatched)
        got = sum(total_of(part.amounts).minor for part in matched.allocations)
        assert got + matched.unallocated.minor == amount
        now = {debt_id: before[debt_id] - owed for debt_id, owed in left(step).items()}
        reached = next((n for n in range(len(rows) + 1) if paid_in <= sum(map(sum, rows[:n]))), None)
        if reached is not None:  # no debt is further than the instalment that is being paid
            most = [sum(row[at] for row in rows[:reached]) for at in range(2)]
            assert now["A-1"] <= most[0] or now["A-2"] == before["A-2"]
            assert now["A-2"] <= most[1] or now["A-1"] == before["A-1"]


def test_after_a_sale_money_serves_what_is_left_of_the_plan_unless_it_names_the_sold_debt() -> None:
    """The buyer is paid for their part: what comes here went to it all the same, and the rest was short."""
    step = planned().when(sold(10, "A-2"))
    assert served(step.when(paid("600.00", 30))) == {"A-1": "600.00"}
    assert served(step.when(paid("200.00", 30, account="A-2"))) == {"A-2": "200.00"}
    assert served(step.when(paid("800.00", 9))) == {"A-1": "600.00", "A-2": "200.00"}, "dated before the sale"
    both = step.when(sold(11, "A-1"))
    assert served(both.when(paid("800.00", 30))) == {"A-1": "600.00", "A-2": "200.00"}, "as it was signed"


def test_where_the_pack_lets_a_sold_debt_be_collected_here_money_is_split_as_before() -> None:
    row = reference().policies.in_force("example-card", day(0)).stop_events.sold.model_dump(mode="json")
    step = planned(stop_events__sold={**row, "stops": ["contact"]}).when(sold(10, "A-2"))
    assert served(step.when(paid("800.00", 30))) == {"A-1": "600.00", "A-2": "200.00"}


def test_a_lower_rate_after_a_sale_makes_only_what_is_left_less() -> None:
    step = planned().when(sold(10, "A-2"))
    rows = tuple(
        InstalmentTotal(number=n + 1, due=add_months(FIRST, n), total=cny("570.00")) for n in range(10)
    )
    cut = followup.RewardGranted(reward="lower_rate", after_instalment=1, instalments=rows)
    lower = step.when(message(cut, day(20)))
    assert [row[1:3] for row in lower.state.plan.splits[0].rows[:1]] == [(57000, 20000)]


def test_a_lower_rate_that_has_vested_is_the_rate_that_what_is_agreed_later_starts_from() -> None:
    """An amendment was drawn up at the rate of the contract: what had vested was gone with it."""
    step = planned()
    contract = {debt.debt_id: debt.annual_rate_pct for debt in step.state.debts}
    rows = tuple(InstalmentTotal(number=n, due=add_months(FIRST, n - 1), total=cny("760.00")) for n in (2, 3))
    for day_, cut in ((20, "5"), (30, "10")):
        granted = followup.RewardGranted.model_validate(
            {"reward": "lower_rate", "after_instalment": 1, "rate_cut_pct": cut, "instalments": rows}
        )
        step = step.when(message(granted, day(day_)), message(granted, day(day_)))
        share = 1 - Decimal(cut) / 100
        wanted = {debt_id: (rate * share).quantize(Decimal("0.0001")) for debt_id, rate in contract.items()}
        assert {debt.debt_id: debt.annual_rate_pct for debt in step.last(CaseChanged).debts} == wanted
    # Where a person has to work it out nothing changes, nor where the bank says another rate.
    option = followup.RewardGranted(reward="lower_rate_option", after_instalment=1, rate_cut_pct=Decimal(50))
    assert step.when(message(option, day(40))).state.debts == step.state.debts
    anew = step.when(overdue("A-1", owed=A, late=A, n=45))
    assert anew.state.debt("A-1").annual_rate_pct == step.state.debt("A-1").annual_rate_pct
