"""An instalment paid while a debt of its plan is stopped: the money lies on no debt; a person hears of it."""

from __future__ import annotations

from typing import Any

import pytest

from services.followup.model import FollowupStatus
from shared.contracts import intake
from shared.contracts.debts import DebtStatus
from shared.contracts.desk_care import ProblemSolved
from shared.contracts.followup import InstalmentPaid
from shared.contracts.followup_care import ProblemOpened, ProblemOverdue, ProblemResolved
from tests.unit.builders import cny, debt, message, paid
from tests.unit.followup.plans import FIRST, GRACE, SECOND, live, lives_to

STOPPED = {
    DebtStatus.DISPUTED,
    DebtStatus.LITIGATION,
    DebtStatus.INSOLVENCY,
    DebtStatus.HELD,
    DebtStatus.RECALLED,
    DebtStatus.ELSEWHERE,
}


def pays(status: DebtStatus, payment: str = "p-1", amount: str = "100.00", of: str = "A-1") -> Any:
    """A payment that intake could put on no debt."""
    data = paid(amount, FIRST, payment, debt(of).model_copy(update={"status": status}))
    return message(data.model_copy(update={"unallocated": cny(amount)}), FIRST)


@pytest.mark.parametrize("status", sorted(STOPPED))
def test_money_that_pays_an_instalment_and_no_debt_is_somebody_s_to_place(status: DebtStatus) -> None:
    """All was paid, the debt stayed owed, and nobody had heard that the money lay there."""
    step = live().when(pays(status))
    opened = step.last(ProblemOpened)
    assert opened.about == "payment_on_no_debt"
    assert opened.due > FIRST
    assert lives_to(step, GRACE).last(InstalmentPaid).on_time, "for the plan it counts"
    assert step.when(pays(status, "p-2")).said == (), "one problem while it is open"
    late = lives_to(step, opened.due)
    assert late.last(ProblemOverdue).problem_id == opened.problem_id
    solved = step.when(message(ProblemSolved(problem_id=opened.problem_id, by="n-1"), FIRST))
    assert solved.emits(ProblemResolved)
    again = solved.when(pays(status, "p-3")).last(ProblemOpened)
    assert again.problem_id != opened.problem_id


@pytest.mark.parametrize("status", sorted(set(DebtStatus) - STOPPED))
def test_what_lies_there_for_another_reason_is_a_credit_or_the_buyer_s(status: DebtStatus) -> None:
    assert live().when(pays(status)).said == ()


def test_a_stopped_debt_beside_the_plan_or_money_that_was_put_on_it_is_no_problem() -> None:
    assert live().when(pays(DebtStatus.DISPUTED, of="A-9")).said == ()
    named = pays(DebtStatus.DISPUTED).data.model_copy(update={"unallocated": cny("0.00")})
    assert live().when(message(named, FIRST)).said == ()


@pytest.mark.parametrize("reason", list(intake.CloseReason))
def test_it_outlasts_the_plan_that_it_completed_and_its_case(reason: intake.CloseReason) -> None:
    step = live().when(pays(DebtStatus.INSOLVENCY, amount="300.00"))
    opened = step.last(ProblemOpened)
    done = lives_to(step, SECOND)
    assert done.state.status is FollowupStatus.COMPLETED
    end = intake.CaseClosed(as_of=SECOND, reason=reason)
    closed = done.when(message(end, SECOND))
    assert [one.problem_id for one in closed.state.problems] == [opened.problem_id]
