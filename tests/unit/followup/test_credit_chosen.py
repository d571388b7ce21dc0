"""Money beyond a plan is somebody's to have chosen about until the borrower has, however long that takes."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from shared.contracts.desk_care import CreditChoice, CreditChosen
from shared.contracts.envelope import Envelope
from shared.contracts.followup_care import CreditFound, ProblemOpened, ProblemOverdue, ProblemResolved
from shared.contracts.intake import BankAnswered, CaseClosed, CloseReason
from tests.unit.builders import cny, message, paid, taken_back
from tests.unit.followup.plans import FIRST, SECOND, live, lives_to
from tests.unit.spec import Given

ABOUT = "credit_to_be_chosen"
REFUND = CreditChosen(currency="CNY", choice=CreditChoice.REFUND)


def overpaid() -> Given:
    return lives_to(live((FIRST, "100.00")).when(message(paid("112.00", FIRST, "p"), FIRST)), FIRST)


def closed(step: Given, reason: CloseReason = CloseReason.PLAN_COMPLETED) -> Given:
    return step.when(message(CaseClosed(as_of=FIRST, reason=reason), FIRST))


def open_(step: Given) -> list[str]:
    return [one.about for one in step.state.problems if one.about == ABOUT]


def of(step: Given, kind: type[Any]) -> list[Any]:
    return [event for event in step.said if isinstance(event, kind)]


def choice(on: date) -> Envelope[Any]:
    return message(REFUND, on)


def test_it_has_an_owner_and_a_day_outlasts_the_case_and_escalates() -> None:
    done = overpaid()
    (opened,) = of(done, ProblemOpened)
    assert (opened.about, opened.owner_role) == (ABOUT, "negotiator")
    for reason in (CloseReason.PLAN_COMPLETED, CloseReason.SETTLED, CloseReason.SOLD):
        over = closed(done, reason)
        assert open_(over) == [ABOUT]
        late = over.closes(opened.due)
        assert [one.problem_id for one in of(late, ProblemOverdue)] == [opened.problem_id]


def test_the_choice_solves_it_on_the_open_and_on_the_closed_case() -> None:
    for step in (overpaid(), closed(overpaid())):
        chosen = step.when(choice(SECOND))
        assert of(chosen, ProblemResolved)
        assert open_(chosen) == []


def test_what_the_bank_could_not_do_is_to_be_chosen_about_again() -> None:
    chosen = closed(overpaid()).when(choice(SECOND))
    asked = chosen.state.credits_asked[0].instruction_id
    no = BankAnswered(instruction_id=asked, confirmed=False, as_of=SECOND)
    refused = chosen.when(message(no, SECOND + timedelta(days=2)))
    assert open_(refused) == [ABOUT]
    yes = chosen.when(message(no.model_copy(update={"confirmed": True}), SECOND))
    assert open_(yes) == []


def test_a_credit_that_is_gone_by_a_payment_that_came_back_is_nobody_s() -> None:
    back = closed(overpaid()).when(message(taken_back("12.00", FIRST, SECOND, "p"), SECOND))
    assert back.last(CreditFound).amount == cny("0.00")
    assert open_(back) == []


def test_what_comes_later_is_one_problem_and_after_the_choice_a_new_one() -> None:
    more = message(paid("5.00", SECOND, "q").model_copy(update={"unallocated": cny("5.00")}), SECOND)
    assert open_(closed(overpaid()).when(more)) == [ABOUT]
    again = closed(overpaid()).when(choice(SECOND), more)
    assert open_(again) == [ABOUT]
    assert len(of(again, ProblemOpened)) == 1


def test_a_plan_that_is_paid_exactly_leaves_nothing_to_choose() -> None:
    exact = lives_to(live((FIRST, "100.00")).when(message(paid("100.00", FIRST, "p"), FIRST)), FIRST)
    assert open_(closed(exact)) == []


def test_where_the_case_ends_with_the_payment_it_is_open_too() -> None:
    """The day of the last payment is not closed when intake closes the case."""
    over = closed(live((FIRST, "100.00")).when(message(paid("112.00", FIRST, "p"), FIRST)))
    assert of(over, CreditFound)
    assert open_(over) == [ABOUT]
