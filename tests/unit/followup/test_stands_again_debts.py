"""What has become of a plan's debts between its breach and the stop that is told later."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from services.followup.model import FollowupStatus
from shared.contracts import agreement, desk, followup, followup_care, intake
from shared.contracts.agreement import BankInstructed, SettlementKind
from shared.contracts.base import Reason
from shared.contracts.debts import DebtStatus, ProductKind
from shared.contracts.envelope import Envelope
from shared.contracts.parties import ObligorRole, StopCause
from shared.contracts.reasons import ReasonCode
from shared.lending.money import Money
from tests.unit.agreement.test_conditional import ON, breaks
from tests.unit.agreement.test_conditional import live as on_condition
from tests.unit.agreement.test_two_cases import moved
from tests.unit.builders import message
from tests.unit.conduct.test_stop_contacts import PACKS, REFERENCE, agreed, amount, opened, owed
from tests.unit.followup.test_stands_again import broken, late
from tests.unit.household import Household
from tests.unit.intake.bank_says import cured, day, lifted, overdue, paid, stopped


@cache
def with_two_debts(pack: str) -> tuple[Household, int]:
    """Give a life with a plan over two debts to the day on which it broke, and the next day."""
    info = REFERENCE.policies.pack(pack).info
    other = overdue(
        "A-2", product=pack, kind=ProductKind(info.product_kinds[0]), n=1,
        owed=owed("600", "10", info.currency), late=owed("60", "10", info.currency), days=75,
    )  # fmt: skip
    income, housing, food = (amount(of, info.currency) for of in ("9000", "1500", "900"))
    states = desk.StatementSubmitted(
        as_of=day(1),
        income=(desk.IncomeItem(source=desk.IncomeSource.SALARY, monthly=income),),
        spending=(
            desk.SpendingItem(category=desk.SpendingCategory.HOUSING, monthly=housing),
            desk.SpendingItem(category=desk.SpendingCategory.FOOD, monthly=food),
        ),
        dependants=0,
        assets=(),
        other_debts=(),
    )
    proves = desk.EvidenceVerified(
        item="income:salary", verified=income, evidence_kind="payslip", verified_by="n-1", as_of=day(1)
    )
    at_table = opened(pack).branch().hears(other, message(states, day(1)), message(proves, day(1)))
    there, n = agreed(at_table), 4
    while not there.all(followup.PlanBroken):
        there.lives_to(day(n))
        n += 1
    return there, n


def _stop(n: int, since: int) -> Envelope[Any]:
    said = stopped(StopCause.CRISIS_BREATHING_SPACE, n)
    return replace(said, data=said.data.model_copy(update={"since": day(since)}))


@pytest.mark.parametrize("pack", PACKS)
def test_a_debt_that_is_no_longer_late_is_in_the_plan_again(pack: str) -> None:
    """It had left the case: its part of the instalments lay on no debt, and the letter called it settled."""
    known, n = with_two_debts(pack)
    there = known.branch().hears(cured(n, "A-2")).lives_to(day(n))
    assert there.state("intake").debt("A-2").status is DebtStatus.CURED
    there.hears(_stop(n + 1, n - 10)).lives_to(day(n + 1))
    assert not there.all(followup.RenegotiationRequested, day(n + 1)), "the stop goes on"
    there.hears(lifted(n + 2)).lives_to(day(n + 2))
    lines = there.state("followup").plan.lines
    asked = Money.sum((line.total for line in lines), lines[0].total.currency)
    there.hears(paid(asked, n + 3)).lives_to(day(n + 6))
    letter = there.all(agreement.SettlementLetterIssued)[-1]
    assert {one.settlement for one in letter.settled} == {SettlementKind.FULL}
    books = {debt.debt_id: debt.outstanding.total for debt in there.state("intake").debts}
    assert books == {"A-1": 0, "A-2": 0}
    assert there.state("followup").problems == ()


def test_one_that_another_obligor_s_case_holds_since_leaves_it_to_a_person() -> None:
    """What was agreed there would have been undone by what is told of here."""
    step, broke = broken()
    gone = intake.JointDebtElsewhere(account_id="A-1", role=ObligorRole.BORROWER, as_of=broke)
    told = late(step.when(message(gone, broke)), broke)
    assert told.state.status is FollowupStatus.BROKEN
    assert told.last(followup_care.ProblemOpened).about == "plan_broken_in_a_stop"


@pytest.mark.parametrize("dated", [-200, -20, 0, 1])
def test_money_that_came_since_leaves_it_to_a_person_whatever_its_date(dated: int) -> None:
    """Dated before the breach it counted for the plan, but lay where it goes without one."""
    known, n = with_two_debts("cn-card")
    there = known.branch()
    came = paid("100.00", n)
    there.hears(replace(came, data=came.data.model_copy(update={"value_date": day(n - 1 + dated)})))
    there.lives_to(day(n)).hears(_stop(n + 1, n - 10)).lives_to(day(n + 1))
    assert there.state("followup").status is FollowupStatus.BROKEN
    assert [one.about for one in there.state("followup").problems] == ["plan_broken_in_a_stop"]


def test_only_what_the_breach_brought_back_is_waived_again() -> None:
    """Of a debt that another case held by then nothing had come back, and it was waived a second time."""
    step = on_condition(**ON)
    gone = step.last(agreement.AgreementSigned).returns[0].debt_id
    over = breaks(replace(moved(step, gone), said=step.said))
    restored = over.last(BankInstructed).restored
    reason = Reason(code=ReasonCode.BROKEN_IN_A_STOP)
    said = followup_care.PlanReopened(
        agreement_id=step.state.live.agreement_id, as_of=day(200), missing=(), reason=reason
    )
    again = over.when(message(said, day(200))).last(BankInstructed)
    assert again.waived == restored
    assert gone not in {one.debt_id for one in again.waived}


@pytest.mark.parametrize("first", ["A-1", "A-2"])
@pytest.mark.parametrize("over", [(), ("A-1",), ("A-2",), ("A-1", "A-2")])
def test_stops_that_together_halted_it_are_told_in_either_order(first: str, over: tuple[str, ...]) -> None:
    """Where the one that was over was told first, or both were, a person was to make the breach good."""
    known, n = with_two_debts("cn-card")
    there = known.branch().lives_to(day(n))
    for account in sorted(("A-1", "A-2"), reverse=first == "A-2"):
        said = stopped(StopCause.DISPUTE, n + 1, account, stop=f"S-{account}")
        late_ = replace(said, data=said.data.model_copy(update={"since": day(n - 20)}))
        ends = lifted(n + 1, f"S-{account}")
        ended = replace(ends, data=ends.data.model_copy(update={"on": day(n)}))
        there.hears(*([ended] if account in over else []), late_)
    there.lives_to(day(n + 1))
    assert there.state("followup").status is FollowupStatus.LIVE
    assert there.state("followup").problems == ()
    assert len(there.all(followup_care.PlanReopened)) == 1
