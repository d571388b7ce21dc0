"""A debt of a live plan goes to another obligor's case: that one knows no plan, and a person hears of it."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from services.followup.decide import FollowupDecider
from services.followup.model import FollowupStatus
from shared.contracts.agreement import DebtRate, WaivedDebt
from shared.contracts.debts import DebtStatus
from shared.contracts.desk_care import ProblemSolved
from shared.contracts.followup import PlanBroken
from shared.contracts.followup_care import (
    BreachNoticed,
    LegalReferralHeld,
    LegalReferralMade,
    ProblemOpened,
    ProblemOverdue,
    ProblemResolved,
)
from shared.contracts.intake import CaseChanged, CaseClosed, CloseReason, JointDebtElsewhere
from shared.contracts.parties import ObligorRole, StopCause
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import DAY, balances, case_opened, cny, debt, message, reference
from tests.unit.followup.plans import FIRST, PLAIN, live, lives_to
from tests.unit.followup.test_referral import ASKED, LATER, case, lapsed, refused
from tests.unit.followup.test_sold import agreed
from tests.unit.spec import Given, given
from tests.unit.stopping import begins

GONE = debt().model_copy(update={"status": DebtStatus.ELSEWHERE})


def moved(account: str = "A-1") -> Any:
    return message(JointDebtElsewhere(account_id=account, role=ObligorRole.BORROWER, as_of=DAY), DAY)


def closes(step: Given, *debts: Any, reason: CloseReason = CloseReason.ELSEWHERE) -> Given:
    return step.when(message(CaseClosed(as_of=DAY, reason=reason, debts=debts), DAY))


def test_a_person_tells_whoever_looks_after_the_other_case() -> None:
    """There it could be collected, or go to the lawyers, while the plan was kept: nobody knew of both."""
    step = live().when(moved())
    opened = step.last(ProblemOpened)
    assert step.emits(ProblemOpened)
    assert (opened.about, opened.due > DAY) == ("joint_debt_in_another_case", True)
    answers = reference(**PLAIN).policies.in_force("example-card", DAY)
    assert opened.due <= answers.deadline(DAY, answers.agreement.instruction_business_days), (
        "as soon as the bank has to stop collection by an instruction"
    )
    assert step.when(moved()).said == (), "said once"
    assert lives_to(step, max(opened.due, FIRST)).last(ProblemOverdue).problem_id == opened.problem_id


def test_in_the_other_case_it_goes_to_no_court_once_it_is_on_file_as_disputed() -> None:
    """That case knows nothing of the plan: until somebody says so there, the lawyers may have it."""
    other = case().when(message(lapsed()))
    assert other.when(message(ASKED, LATER)).emits(LegalReferralMade)
    rests = other.when(*begins(StopCause.DISPUTE, DAY))
    assert refused(rests.when(message(ASKED, LATER))) is ReasonCode.LEGAL_STOPPED
    after = other.when(message(ASKED, LATER))
    told = after.when(*begins(StopCause.DISPUTE, LATER + timedelta(days=1), since=LATER))
    assert told.emits(LegalReferralHeld), "what had gone there meanwhile waits"


def test_one_that_is_not_of_the_plan_is_nobody_s_problem() -> None:
    assert live().when(moved("A-9")).said == ()


@pytest.mark.parametrize("told", [False, True])
def test_it_outlasts_the_case_that_closes_with_it(told: bool) -> None:
    before = live().when(moved(), message(CaseChanged(as_of=DAY, debts=(GONE,)), DAY)) if told else live()
    gone = closes(before, GONE)
    assert gone.state.status is FollowupStatus.CLOSED
    assert [one.about for one in gone.state.problems] == ["joint_debt_in_another_case"]
    assert gone.emits(*([] if told else [ProblemOpened]))
    (problem,) = gone.state.problems
    assert gone.when(message(ProblemSolved(problem_id=problem.problem_id, by="n-1"), DAY)).emits(
        ProblemResolved
    )


def test_what_was_solved_is_not_asked_again_when_the_case_closes() -> None:
    step = live().when(moved(), message(CaseChanged(as_of=DAY, debts=(GONE,)), DAY))
    done = step.when(message(ProblemSolved(problem_id=step.last(ProblemOpened).problem_id, by="n-1"), DAY))
    assert closes(done, GONE).said == ()


def test_a_recall_is_the_banks_own() -> None:
    away = debt().model_copy(update={"status": DebtStatus.RECALLED})
    assert closes(live(), away, reason=CloseReason.RECALLED).said == ()


@pytest.mark.parametrize("again", [False, True])
def test_a_breach_takes_nothing_back_of_what_the_other_case_holds(again: bool) -> None:
    """The notice named as owed again what the bank is not told to bring back there."""
    both = tuple(
        WaivedDebt(debt_id=one, amounts=balances("0.00", much))
        for one, much in (("A-1", "7.00"), ("A-2", "5.00"))
    )
    rates = tuple(DebtRate(debt_id=one, annual_rate_pct=Decimal(9)) for one in ("A-1", "A-2"))
    start = given(FollowupDecider(), reference(**PLAIN | {"breach__notice_required": True}))
    signed = agreed(waived=both, returns=both, rates_return=rates)
    known = CaseChanged(as_of=DAY, debts=(GONE, debt("A-2")))
    back = CaseChanged(as_of=DAY, debts=(debt(), debt("A-2")))
    step = start.when(message(case_opened()), signed, message(known, DAY), *([message(back, DAY)] * again))
    lived = lives_to(step, date(2026, 12, 1))
    for said in (lived.last(BreachNoticed), lived.last(PlanBroken)):
        assert said.returns == (cny("12.00") if again else cny("5.00"),)
        assert [rate.debt_id for rate in said.facts.rates] == (["A-1", "A-2"] if again else ["A-2"])
        assert said.facts.returns == said.returns
        assert said.facts.debts == (("A-1", "A-2") if again else ("A-2",))
