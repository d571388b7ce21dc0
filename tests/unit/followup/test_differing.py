"""A difference of balances that nobody has reconciled when the plan is completed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.followup import problems
from shared.contracts.base import Reason
from shared.contracts.desk_care import ProblemSolved
from shared.contracts.followup import PlanCompleted
from shared.contracts.followup_care import ProblemOpened, ProblemResolved
from shared.contracts.intake import (
    BalanceDifferenceClosed,
    BalanceDiffers,
    BalanceOutcome,
    CaseClosed,
    CloseReason,
)
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import cny, message, paid
from tests.unit.followup.plans import FIRST, ROWS, live, lives_to
from tests.unit.spec import Given

FOUND = FIRST - timedelta(days=3)


def differs(difference: str, agreement: str = "agreement-1") -> Any:
    said = BalanceDiffers(account_id="A-1", agreement_id=agreement, as_of=FOUND, bank_says=cny("5300.00"),
                          plan_says=cny("5300.00") - cny(difference), difference=cny(difference),
                          reason=Reason(code=ReasonCode.BALANCE_DIFFERS))  # fmt: skip
    return message(said, FOUND)


def closed(outcome: BalanceOutcome) -> Any:
    said = BalanceDifferenceClosed(account_id="A-1", agreement_id="agreement-1", as_of=FIRST,
                                   outcome=outcome, difference=cny("300.00"))  # fmt: skip
    return message(said, FIRST)


def completed(*told: Any) -> Given:
    plan = lives_to(live(), FOUND - timedelta(days=1)).when(*told)
    total = cny(f"{100 * len(ROWS)}.00")
    done = lives_to(plan.when(message(paid(str(total), FIRST), FIRST)), FIRST)
    assert done.last(PlanCompleted)
    return done


def opened(done: Given) -> list[ProblemOpened]:
    found = [event for event in done.said if isinstance(event, ProblemOpened)]
    return [event for event in found if event.about == problems.DIFFERS]


@pytest.mark.parametrize("reason", [CloseReason.PLAN_COMPLETED, CloseReason.SETTLED, CloseReason.CURED])
def test_it_is_somebody_s_and_outlasts_the_case(reason: CloseReason) -> None:
    """The alert about it was called caught up with the last instalment, and the case closed that evening."""
    done = completed(differs("300.00"))
    (problem,) = opened(done)
    over = done.when(message(CaseClosed(as_of=FIRST, reason=reason), FIRST))
    assert not any(isinstance(event, ProblemResolved) for event in over.said)
    solved = over.when(message(ProblemSolved(problem_id=problem.problem_id, by="n-1"), FIRST))
    assert solved.last(ProblemResolved).problem_id == problem.problem_id


@pytest.mark.parametrize("outcome", [BalanceOutcome.BANK_RIGHT, BalanceOutcome.AGREES_AGAIN])
def test_what_was_reconciled_is_nobody_s(outcome: BalanceOutcome) -> None:
    assert opened(completed(differs("300.00"), closed(outcome))) == []


@pytest.mark.parametrize(
    "told",
    [
        (),
        (differs("-300.00"),),  # what lies on no debt is asked about already
        (differs("300.00"), differs("-300.00")),
        (differs("300.00", "agreement-0"),),
    ],
)
def test_nor_is_what_the_bank_does_not_claim(told: tuple[Any, ...]) -> None:
    assert opened(completed(*told)) == []
