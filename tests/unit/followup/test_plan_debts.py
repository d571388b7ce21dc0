"""Debts leave a live plan or come back: talks over what remains, and nobody is held to what no longer is."""

from __future__ import annotations

from datetime import date

from services.followup.decide import FollowupDecider
from shared.contracts.followup import PlanBroken, RenegotiationRequested
from shared.contracts.intake import PlanDebtsChanged
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import case_opened, message, reference, signed
from tests.unit.followup.plans import FIRST, ROWS, live, lives_to
from tests.unit.spec import Given, given

ON = date(2026, 3, 20)
LONG_AFTER = date(2026, 10, 30)


def said(left: tuple[str, ...] = (), remaining: tuple[str, ...] = ("A-1",), beside: tuple[str, ...] = (),
         plan: str = "agreement-1") -> PlanDebtsChanged:  # fmt: skip
    return PlanDebtsChanged(agreement_id=plan, as_of=ON, left=left, remaining=remaining, beside=beside)


def broken(plan: Given, until: date = LONG_AFTER) -> list[date]:
    return [event.as_of for event in lives_to(plan, until).said if isinstance(event, PlanBroken)]


def test_the_plan_is_reopened_over_what_remains_and_kept_meanwhile() -> None:
    after = live().when(message(said(left=("A-2",)), ON))
    assert after.emits(RenegotiationRequested)
    request = after.last(RenegotiationRequested)
    assert (request.agreement_id, request.as_of) == ("agreement-1", ON)
    assert request.reasons[0].code is ReasonCode.DEBT_LEFT_PLAN
    assert [line.total.minor for line in after.state.plan.lines] == [10000] * 3
    assert broken(after)[0] > broken(live())[0], "misses do not break it while it is talked about"


def test_a_second_debt_that_leaves_during_the_talks_asks_for_no_others() -> None:
    after = live().when(message(said(left=("A-2",), remaining=("A-1", "A-3")), ON))
    assert after.when(message(said(left=("A-2", "A-3")), ON)).said == ()


def test_a_debt_beside_the_plan_leads_back_to_the_table() -> None:
    after = live().when(message(said(beside=("A-2",)), ON))
    assert after.last(RenegotiationRequested).reasons[0].code is ReasonCode.ACCOUNT_OVERDUE


def test_a_plan_none_of_whose_debts_remains_rests_and_nobody_is_asked_for_anything() -> None:
    after = live().when(message(said(left=("A-1",), remaining=()), ON))
    assert after.said == ()
    assert broken(live())
    assert broken(after) == []
    assert after.decider.due(after.state) is not None


def test_when_all_come_back_the_plan_goes_on_and_can_be_broken_again() -> None:
    resting = live().when(message(said(left=("A-1",), remaining=()), ON))
    back = resting.when(message(said(), FIRST))
    assert back.said == ()
    assert broken(back)


def test_when_some_come_back_the_rest_is_talked_about() -> None:
    resting = live().when(message(said(left=("A-1", "A-2"), remaining=()), ON))
    assert resting.when(message(said(left=("A-2",)), FIRST)).emits(RenegotiationRequested)


def test_word_of_a_plan_whose_signature_is_still_on_its_way_waits_for_it() -> None:
    start = given(FollowupDecider(), reference()).when(message(case_opened()))
    word = message(said(left=("A-2",)), ON)
    waiting = start.when(word)
    assert (waiting.said, waiting.waiting) == ((), (word,))
    assert waiting.when(message(signed(*ROWS))).last(RenegotiationRequested).as_of == ON


def test_word_of_a_plan_that_was_replaced_changes_nothing() -> None:
    after = live().when(message(said(left=("A-2",), plan="agreement-0"), ON))
    assert after.closes(ON).said == ()
