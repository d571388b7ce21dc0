"""Payments where a plan covers some debts of a case and another is owed beside it: which they serve."""

from __future__ import annotations

from dataclasses import replace

from services.intake.decide import IntakeDecider
from shared.contracts import followup, followup_care
from shared.contracts.agreement import AgreementCompleted, WaivedDebt
from shared.contracts.intake import PaymentMatched, PaymentTakenBack
from shared.contracts.plan_terms import total_of
from shared.lending.money import Money
from tests.unit.builders import balances, cny, message, reference
from tests.unit.intake.bank_says import balance, day, overdue, paid, returned
from tests.unit.intake.test_splits import B, plan, planned, schedule, served
from tests.unit.spec import Given, given

MONTHS = 3


def over_the_second() -> Given:
    """A plan over A-2 alone, 200.00 a month; A-1 is overdue beside it, and the pack serves it first."""
    return planned(schedule("A-2", "200.00", "0.00", months=MONTHS))


def beside(step: Given) -> Money | None:
    return step.last(PaymentMatched).beside


def came_back(step: Given) -> Money | None:
    return step.last(PaymentTakenBack).beside


def test_an_instalment_of_a_plan_over_one_debt_is_paid_on_that_debt() -> None:
    """It went to the debt that is overdue beside it: the plan was kept to its end, and its debt not paid."""
    step = over_the_second()
    for number in range(1, MONTHS + 1):
        step = step.when(paid("200.00", 30 * number, f"P-{number}"))
        assert served(step) == {"A-2": "200.00"}
        assert beside(step) is None


def test_so_is_one_of_a_plan_that_was_signed_before_its_rows_were_kept() -> None:
    step = over_the_second()
    older = step.state.plan.model_copy(update={"splits": ()})
    step = replace(step, state=step.state.model_copy(update={"plan": older}))
    assert served(step.when(paid("200.00", 30))) == {"A-2": "200.00"}
    assert served(step.when(paid("2100.00", 30))) == {"A-2": "2000.00", "A-1": "100.00"}
    assert served(step.when(paid("200.00", 4))) == {"A-1": "200.00"}, "dated before the plan"
    both = older.model_copy(update={"debts": ("A-2", "A-1")})
    several = replace(step, state=step.state.model_copy(update={"plan": both}))
    assert served(several.when(paid("200.00", 30))) == {"A-1": "200.00"}, "nobody knows how it is split"


def test_what_is_paid_on_another_debt_by_name_is_said_to_be_beside_the_plan() -> None:
    step = over_the_second().when(paid("200.00", 30, account="A-1"))
    assert (served(step), beside(step)) == ({"A-1": "200.00"}, cny("200.00"))
    part = step.when(returned("50.00", 40))
    assert came_back(part) == cny("50.00")
    assert came_back(part.when(returned("150.00", 41, reversal="R-2"))) == cny("150.00")
    assert beside(over_the_second().when(paid("200.00", 30, account="A-2"))) is None


def test_what_is_beyond_all_instalments_on_a_debt_of_the_plan_is_no_credit_either() -> None:
    """It reduced the debt, and was a credit as well: paid back on wish, it had been paid twice."""
    named = over_the_second().when(paid("700.00", 30, account="A-2"))
    assert (served(named), beside(named)) == ({"A-2": "700.00"}, cny("100.00"))
    done = over_the_second().when(paid("600.00", 30))
    done = done.when(message(AgreementCompleted(agreement_id="AG-1", as_of=day(30)), day(31)))
    step = done.when(paid("100.00", 60, "P-2", account="A-2"))
    assert (served(step), beside(step)) == ({"A-2": "100.00"}, cny("100.00"))


def test_what_no_debt_has_room_for_is_beside_nothing() -> None:
    """It is the credit: 2,000.00 are owed, and the three instalments that ask for 600.00 are paid."""
    alone = given(IntakeDecider(), reference()).when(overdue("A-2", owed=B, late=B))
    alone = alone.when(plan(schedule("A-2", "200.00", "0.00", months=MONTHS)))
    step = alone.when(paid("2300.00", 30))
    assert (served(step), beside(step)) == ({"A-2": "2000.00"}, cny("1400.00"))
    assert step.last(PaymentMatched).unallocated == cny("300.00")


def overpaid() -> Given:
    """2,000.00 are owed and asked for; 700.00 and 1,500.00 came, so 200.00 had no room."""
    alone = given(IntakeDecider(), reference()).when(overdue("A-2", owed=B, late=B))
    alone = alone.when(plan(schedule("A-2", "200.00", "0.00")))
    return alone.when(paid("700.00", 30)).when(paid("1500.00", 31, "P-2"))


def back(step: Given) -> tuple[list[str], Money | None]:
    said = step.last(PaymentTakenBack)
    return [str(total_of(part.amounts)) for part in said.allocations], said.made_up


def test_money_that_no_debt_had_room_for_pays_what_comes_back() -> None:
    """The plan was completed by it, and its debt was owed all the same."""
    step = overpaid()
    assert step.last(PaymentMatched).unallocated == cny("200.00")
    part = step.when(returned("150.00", 40))
    assert back(part) == ([], cny("150.00"))
    assert [debt.outstanding.total for debt in part.state.debts] == [0]
    more = part.when(returned("150.00", 41, reversal="R-2"))
    assert back(more) == (["100.00"], cny("50.00"))
    assert [debt.outstanding.total for debt in more.state.debts] == [10_000]
    # What has paid in its place is there no more when it comes back itself.
    gone = more.when(returned("1500.00", 42, "P-2", "R-3"))
    assert back(gone)[1] is None
    assert [debt.outstanding.total for debt in gone.state.debts] == [160_000]


def test_a_credit_that_was_disposed_of_pays_nothing_that_comes_back() -> None:
    told = followup_care.CreditInstructed(instruction_id="I-7", amount=cny("200.00"), choice="refund")
    step = overpaid().when(message(told, day(35))).when(returned("150.00", 40))
    assert back(step) == (["150.00"], None)
    # Nor does any where the bank's figure says already that it came back.
    figured = overpaid().when(balance(41, balances("150.00"), account="A-2")).when(returned("150.00", 40))
    assert back(figured)[1] is None
    # What had been paid beside the plan was never part of its credit.
    beyond = over_the_second().when(paid("700.00", 30, account="A-2"))
    beyond = beyond.when(paid("1500.00", 31, "P-2", account="A-2"))
    assert (beside(beyond), beyond.last(PaymentMatched).unallocated) == (cny("1300.00"), cny("200.00"))
    assert back(beyond.when(returned("100.00", 40))) == (["100.00"], None)


def test_what_pays_the_interest_of_instalments_that_money_without_room_had_paid_is_their_credit() -> None:
    """Three of 900.00 ask for more than the 2,000.00 that are owed now: interest is billed later."""
    step = planned(schedule("A-2", "900.00", "0.00", months=MONTHS)).when(paid("2700.00", 30, account="A-2"))
    assert (served(step), beside(step)) == ({"A-2": "2000.00"}, None)
    billed = step.when(balance(40, balances("50.00"), account="A-2"))
    later = billed.when(paid("50.00", 41, "P-2", account="A-2"))
    assert (served(later), beside(later)) == ({"A-2": "50.00"}, None), "the first 50.00 are free again"


def in_advance() -> Given:
    """Three of 900.00 ask for 700.00 more than the 2,000.00 that are owed of A-2; A-1 is owed beside it."""
    return planned(schedule("A-2", "900.00", "0.00", months=MONTHS))


def test_what_is_paid_in_advance_and_served_another_debt_is_paid_once() -> None:
    """What came next lowered that debt too, and was a credit as well: paid back on wish, the bank lost it."""
    step = in_advance().when(paid("2700.00", 30))
    assert (served(step), beside(step)) == ({"A-2": "2000.00", "A-1": "700.00"}, None)
    done = step.when(message(AgreementCompleted(agreement_id="AG-1", as_of=day(30)), day(31)))
    for now in (step, done):
        more = now.when(paid("100.00", 40, "P-2"))
        assert (served(more), beside(more)) == ({"A-1": "100.00"}, cny("100.00"))
    billed = step.when(balance(40, balances("50.00"), account="A-2")).when(paid("50.00", 41, "P-2"))
    assert (served(billed), beside(billed)) == ({"A-2": "50.00"}, cny("50.00"))
    # Of what came back of it the plan asks for as much again.
    back = step.when(returned("300.00", 35)).when(paid("350.00", 40, "P-2"))
    assert (served(back), beside(back)) == ({"A-1": "350.00"}, cny("50.00"))


def test_nor_is_what_serves_another_debt_while_interest_to_come_is_paid_by_money_on_none() -> None:
    step = in_advance().when(paid("2700.00", 30, account="A-2")).when(paid("100.00", 40, "P-2"))
    assert (served(step), beside(step)) == ({"A-1": "100.00"}, cny("100.00"))


def test_what_is_beyond_all_instalments_and_serves_another_debt_is_no_credit_of_the_plan() -> None:
    ahead = over_the_second().when(paid("150.00", 30))
    step = ahead.when(paid("700.00", 31, "P-2"))
    assert (served(step), beside(step)) == ({"A-2": "450.00", "A-1": "250.00"}, cny("250.00"))
    back = step.when(returned("300.00", 40, "P-2"))
    taken = {part.debt_id: str(total_of(part.amounts)) for part in back.last(PaymentTakenBack).allocations}
    assert (taken, came_back(back)) == ({"A-1": "250.00", "A-2": "50.00"}, cny("250.00"))
    assert came_back(back.when(returned("400.00", 41, "P-2", "R-2"))) is None


def test_a_plan_that_was_completed_asks_for_nothing_more() -> None:
    done = over_the_second().when(paid("600.00", 30))
    done = done.when(message(AgreementCompleted(agreement_id="AG-1", as_of=day(30)), day(31)))
    assert done.state.plan is None
    assert done.state.is_open
    step = done.when(paid("100.00", 60, "P-2"))
    assert (served(step), beside(step)) == ({"A-1": "100.00"}, cny("100.00"))
    assert beside(over_the_second().when(paid("100.00", 4, account="A-1"))) is None, "dated before the plan"


def test_nor_for_what_came_back_from_before_it() -> None:
    """The plan stays completed, and what is paid then lowers a debt: it was a credit as well."""
    before = given(IntakeDecider(), reference()).when(overdue("A-1"), overdue("A-2", owed=B, late=B))
    before = before.when(paid("300.00", 4, "P-0", account="A-2"))
    signed = before.when(plan(schedule("A-2", "200.00", "0.00", months=MONTHS))).when(paid("600.00", 30))
    done = signed.when(message(AgreementCompleted(agreement_id="AG-1", as_of=day(30)), day(31)))
    back = done.when(returned("300.00", 40, "P-0"))
    for account in (None, "A-2"):
        step = back.when(paid("300.00", 45, "P-2", account=account))
        assert beside(step) == cny("300.00")
        assert step.last(PaymentMatched).unallocated == cny("0.00")


def test_nor_for_late_charges_that_a_reward_waived() -> None:
    """The instalments asked for less by then; as much of what came beyond them was a credit as well."""
    said = followup.RewardGranted(
        agreement_id="AG-1",
        reward="late_charges_waived",
        after_instalment=1,
        waived=(WaivedDebt(debt_id="A-2", amounts=balances("0.00", late="250.00")),),
    )
    step = over_the_second().when(paid("200.00", 30)).when(message(said, day(31)))
    last = step.when(paid("300.00", 60, "P-2"))
    assert (served(last), beside(last)) == ({"A-2": "150.00", "A-1": "150.00"}, cny("150.00"))
