"""A signature of the agreement in force is in doubt: somebody looks at it, and the plan goes on."""

from __future__ import annotations

import pytest

from shared.contracts.agreement import SignatureDoubted
from shared.contracts.base import Reason
from shared.contracts.desk_care import ProblemSolved
from shared.contracts.followup_care import ProblemOpened, ProblemOverdue, ProblemResolved
from shared.contracts.intake import CaseClosed, CloseReason
from shared.contracts.reasons import ReasonCode
from shared.texts.words import story
from tests.unit.builders import DAY, message
from tests.unit.followup.plans import live
from tests.unit.followup.test_co_borrowers_told import bound


def doubt(code: ReasonCode = ReasonCode.SIGNED_IN_A_STOP, party_id: str | None = None) -> SignatureDoubted:
    reason = Reason(code=code)
    return SignatureDoubted(agreement_id="AG-1", version=1, as_of=DAY, party_id=party_id, reason=reason)


def test_a_person_has_it_by_a_day_and_nothing_of_the_plan_is_different() -> None:
    before = bound()
    step = before.when(message(doubt(), DAY))
    problem = step.last(ProblemOpened)
    assert step.emits(ProblemOpened)
    assert (problem.about, problem.owner, problem.party_id) == ("signature_in_doubt", "n-1", None)
    assert problem.due > DAY
    assert step.state.model_copy(update={"problems": ()}) == before.state
    assert step.when(message(doubt(), DAY)).said == ()
    assert [type(one) for one in step.closes(problem.due).said].count(ProblemOverdue) == 1
    solved = step.when(message(ProblemSolved(problem_id=problem.problem_id, by="s-1"), DAY))
    assert solved.last(ProblemResolved).by == "s-1"


def test_each_doubt_has_its_own() -> None:
    step = bound().when(
        message(doubt()), message(doubt(ReasonCode.SIGNED_WITHOUT_AUTHORITY)), message(doubt(party_id="p-2"))
    )
    assert len({one.problem_id for one in step.state.problems}) == 3


def test_in_a_closed_case_nobody_has_it() -> None:
    closed = CaseClosed(as_of=DAY, reason=CloseReason.SETTLED)
    assert bound().when(message(closed)).when(message(doubt())).said == ()
    assert bound().when(message(doubt())).when(message(closed)).last(ProblemResolved).by == "case_closed"


@pytest.mark.parametrize(
    ("lang", "said"), [("zh", "协议的签署存疑"), ("en", "a signature of the agreement is in doubt")]
)
def test_the_story_says_what_it_is(lang: str, said: str) -> None:
    problem = live().when(message(doubt())).last(ProblemOpened)
    assert said in story(ProblemOpened.TYPE, lang, problem)
