"""The bank's answers about credits, rewards and the rest, and new credit after the completion."""

from __future__ import annotations

import tomllib
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.followup import problems
from shared import texts
from shared.contracts import intake
from shared.contracts.base import Event
from shared.contracts.debts import Allocation
from shared.contracts.desk_care import CreditChoice, CreditChosen, NewCreditAsked, ProblemSolved
from shared.contracts.followup import InputRefused, PlanCompleted, RewardGranted
from shared.contracts.followup_care import (
    CreditFound,
    CreditInstructed,
    NewCreditCleared,
    ProblemOpened,
    ProblemOverdue,
    ProblemResolved,
)
from shared.contracts.intake import InstructionAbout
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import DAY, balances, cny, debt, message, paid, signed
from tests.unit.followup.plans import FIRST, GRACE, SECOND, THIRD, lives_to, steps
from tests.unit.followup.plans import live as plan_live
from tests.unit.followup.test_keeping import overpaid, taken_back
from tests.unit.spec import Given

REFUND = CreditChosen(currency="CNY", choice=CreditChoice.REFUND)
END = intake.CaseClosed(as_of=FIRST, reason=intake.CloseReason.PLAN_COMPLETED)


def answers(step: Given, id_: str, *, confirmed: bool, on: date = SECOND, about: Any = None) -> Given:
    data = intake.BankAnswered(
        instruction_id=id_, confirmed=confirmed, as_of=on, about=about or InstructionAbout.CREDIT
    )
    return step.when(message(data, on))


def completed_twice() -> Given:
    """Twelve too much by the first plan, five by the second; nobody has chosen about either."""
    again = overpaid().when(message(signed((THIRD, "50.00"), effective=SECOND, version=2), SECOND))
    return lives_to(again.when(message(paid("55.00", SECOND, "r"), SECOND)), THIRD)


def refunded(*, closed: bool) -> Given:
    done = overpaid()
    return (done.when(message(END, FIRST)) if closed else done).when(message(REFUND, FIRST))


@pytest.mark.parametrize("closed", [True, False])
def test_a_credit_is_the_bank_s_to_pay_and_nothing_is_left_of_it_when_it_has(closed: bool) -> None:
    asked = refunded(closed=closed)
    told = asked.last(CreditInstructed)
    assert told.answer_by is not None
    assert told.answer_by > FIRST
    paid_out = answers(asked, told.instruction_id, confirmed=True)
    assert paid_out.said == ()
    assert paid_out.state.credits_asked == ()
    assert paid_out.when(message(REFUND, SECOND)).last(InputRefused).reason.code is ReasonCode.NO_CREDIT


@pytest.mark.parametrize("closed", [True, False])
def test_a_credit_that_the_bank_refused_is_to_be_chosen_again_and_a_person_s_problem(closed: bool) -> None:
    asked = refunded(closed=closed)
    told = asked.last(CreditInstructed)
    refused = answers(asked, told.instruction_id, confirmed=False)
    assert refused.emits(CreditFound, ProblemOpened, ProblemOpened)
    assert refused.last(CreditFound).amount == cny("12.00")
    opened, to_choose = (event for event in refused.said if isinstance(event, ProblemOpened))
    assert opened.about == "credit_refused_by_bank"
    assert to_choose.about == "credit_to_be_chosen"
    again = refused.when(message(REFUND, SECOND)).last(CreditInstructed)
    assert again.amount == cny("12.00")
    assert again.instruction_id != told.instruction_id
    late = refused.closes(opened.due)
    overdue = [event.problem_id for event in late.said if isinstance(event, ProblemOverdue)]
    assert overdue == [opened.problem_id, to_choose.problem_id]
    solved = late.when(message(ProblemSolved(problem_id=opened.problem_id, by="n-1"), opened.due))
    assert solved.emits(ProblemResolved)
    assert answers(refused, told.instruction_id, confirmed=False).said == (), "the same answer twice is one"


@pytest.mark.parametrize(("came_back", "left"), [("110.00", "0.00"), ("5.00", "7.00")])
def test_a_refund_that_is_refused_after_its_payment_came_back_is_no_credit_again(
    came_back: str, left: str
) -> None:
    """The bank was asked to pay out twelve; the payment that they were of came back before it answered."""
    asked = refunded(closed=True)
    back = asked.when(message(taken_back(came_back, FIRST, SECOND, "p"), SECOND))
    assert not any(isinstance(event, CreditFound) for event in back.said[len(asked.said) :])
    refused = answers(back, asked.last(CreditInstructed).instruction_id, confirmed=False)
    assert refused.last(CreditFound).amount == cny(left)
    again = refused.when(message(REFUND, SECOND))
    if cny(left).is_positive:
        assert again.last(CreditInstructed).amount == cny(left)
    else:
        assert again.last(InputRefused).reason.code is ReasonCode.NO_CREDIT


def rewarded() -> Given:
    plan = plan_live(incentives__steps=steps((1, 50, 0)))
    owing = intake.CaseChanged(as_of=DAY, debts=(debt(),))
    return lives_to(plan.when(message(owing), message(paid("100.00", FIRST), FIRST)), GRACE)


def test_a_reward_is_an_instruction_with_a_day_to_answer_and_each_step_has_its_own() -> None:
    granted = rewarded().last(RewardGranted)
    assert granted.instruction_id is not None
    assert granted.answer_by is not None
    assert granted.answer_by > FIRST
    assert rewarded().last(RewardGranted).instruction_id == granted.instruction_id, "the same again"


@pytest.mark.parametrize("about", list(InstructionAbout))
def test_what_the_bank_refused_is_a_problem_until_it_has_done_it_or_a_person_solved_it(
    about: InstructionAbout,
) -> None:
    plan = plan_live()
    refused = answers(plan, "I-1", confirmed=False, on=DAY, about=about)
    assert refused.emits(ProblemOpened)
    assert refused.last(ProblemOpened).about == f"{about.value}_refused_by_bank"
    done = answers(refused, "I-1", confirmed=True, on=DAY + timedelta(days=1), about=about)
    assert done.emits(ProblemResolved)
    assert done.last(ProblemResolved).by == "bank"
    assert answers(plan, "I-1", confirmed=True, on=DAY, about=about).said == ()


def test_an_answer_that_was_quicker_than_what_intake_knew_counts_too() -> None:
    asked = refunded(closed=True)
    told = asked.last(CreditInstructed)
    plain = intake.BankAnswered(instruction_id=told.instruction_id, confirmed=False, as_of=SECOND)
    assert asked.when(message(plain, SECOND)).emits(CreditFound, ProblemOpened, ProblemOpened)
    unknown = intake.BankAnswered(instruction_id="?", confirmed=False, as_of=DAY)
    opened = plan_live().when(message(unknown)).last(ProblemOpened)
    assert opened.about == "instruction_refused_by_bank"
    yes = unknown.model_copy(update={"confirmed": True})
    assert plan_live().when(message(yes)).said == ()


# --- new credit


def wants(check: str | None = "C-1", *pays: str) -> Event:
    return NewCreditAsked(request_id="R", by="n-1", check=check, pays=pays)


def code(step: Given) -> ReasonCode:
    return step.last(InputRefused).reason.code


@pytest.mark.parametrize("closed", [True, False])
def test_new_credit_is_looked_at_after_completion_with_a_check_of_its_own(closed: bool) -> None:
    done = overpaid()
    done = done.when(message(END, FIRST)) if closed else done
    assert done.when(message(wants(), SECOND)).emits(NewCreditCleared)
    assert code(done.when(message(wants(None), SECOND))) is ReasonCode.NEW_CREDIT_NEEDS_CHECK
    never = done.when(message(wants("C-1", "A-1"), SECOND))
    assert code(never) is ReasonCode.NEW_CREDIT_NOT_FOR_THIS_DEBT
    assert done.when(message(wants("C-1", "other"), SECOND)).emits(NewCreditCleared)


def test_before_completion_and_after_one_that_was_undone_it_is_not() -> None:
    assert code(plan_live().when(message(wants()))) is ReasonCode.NEW_CREDIT_AFTER_COMPLETION
    closed = overpaid().when(message(END, FIRST))
    covered = closed.when(message(taken_back("5.00", FIRST, SECOND, "p"), SECOND))
    assert covered.when(message(wants(), SECOND)).emits(NewCreditCleared)
    undone = closed.when(message(taken_back("200.00", FIRST, SECOND, "p"), SECOND))
    assert code(undone.when(message(wants(), SECOND))) is ReasonCode.NEW_CREDIT_AFTER_COMPLETION
    live_again = overpaid().when(message(taken_back("200.00", FIRST, SECOND, "p"), SECOND))
    reopened = live_again.closes(SECOND)
    assert code(reopened.when(message(wants(), SECOND))) is ReasonCode.NEW_CREDIT_AFTER_COMPLETION


def test_a_pack_may_allow_it_earlier() -> None:
    free = plan_live(incentives__new_credit_only_after_completion=False)
    assert free.when(message(wants())).emits(NewCreditCleared)


# --- after the case


def test_a_payment_that_comes_back_after_the_case_is_a_person_s_to_look_at() -> None:
    """The letter said that all was settled; two days later the last debit came back, and nobody was told."""
    done = overpaid().when(message(END, FIRST))
    (credit,) = [entry.found for entry in done.state.credits]
    told = FIRST + timedelta(days=2)
    covered = done.when(message(taken_back(str(credit), FIRST, told), told))
    assert not covered.emits(ProblemOpened), "what was beyond the plan covers it"
    back = covered.when(message(taken_back("50.00", FIRST, told), told))
    opened = back.last(ProblemOpened)
    assert opened.about == "payment_returned_after_completion"
    assert opened.due > told
    late = back.closes(opened.due)
    assert late.last(ProblemOverdue).problem_id == opened.problem_id
    solved = back.when(message(ProblemSolved(problem_id=opened.problem_id, by="n-1"), told))
    assert solved.state.problems == ()


def test_a_return_on_a_case_that_never_completed_opens_nothing() -> None:
    cured = plan_live().when(message(intake.CaseClosed(as_of=FIRST, reason=intake.CloseReason.CURED), FIRST))
    assert cured.when(message(taken_back("50.00", FIRST, SECOND), SECOND)).said == ()


def test_money_from_before_the_plan_that_came_back_stays_somebody_s_when_the_plan_is_completed() -> None:
    """It was called solved by the end of the case, two days after it had come back."""
    back = plan_live().when(message(taken_back("100.00", DAY - timedelta(days=30), DAY), DAY))
    opened = back.last(ProblemOpened)
    done = back.when(message(END, FIRST))
    assert not [event for event in done.said if isinstance(event, ProblemResolved)]
    late = done.closes(opened.due)
    assert late.last(ProblemOverdue).problem_id == opened.problem_id
    solved = late.when(message(ProblemSolved(problem_id=opened.problem_id, by="n-1"), opened.due))
    assert solved.emits(ProblemResolved)
    cured = back.when(message(intake.CaseClosed(as_of=FIRST, reason=intake.CloseReason.CURED), FIRST))
    assert cured.last(ProblemResolved).by == "case_closed"


@pytest.mark.parametrize("closed", [True, False])
def test_a_credit_nobody_has_chosen_about_is_there_beside_that_of_the_next_plan(closed: bool) -> None:
    done = completed_twice()
    assert done.last(CreditFound).amount == cny("5.00")
    done = done.when(message(END, THIRD)) if closed else done
    both = done.when(message(REFUND, THIRD))
    told = [event for event in both.said if isinstance(event, CreditInstructed)]
    assert [one.amount for one in told] == [cny("12.00"), cny("5.00")]
    assert len({one.instruction_id for one in told}) == 2
    assert both.when(message(REFUND, THIRD)).last(InputRefused).reason.code is ReasonCode.NO_CREDIT
    first = answers(both, told[0].instruction_id, confirmed=False, on=THIRD)
    found = first.last(CreditFound)
    assert (found.amount, found.agreement_id) == (cny("12.00"), done.state.credits[0].agreement_id)
    assert first.when(message(REFUND, THIRD)).last(CreditInstructed).amount == cny("12.00")
    second = answers(both, told[1].instruction_id, confirmed=False, on=THIRD)
    found = second.last(CreditFound)
    assert (found.amount, found.agreement_id) == (cny("5.00"), done.state.credits[1].agreement_id)
    assert [one.settled for one in second.state.credits] == [cny("12.00"), cny("0.00")]


def test_a_payment_that_comes_back_lessens_the_credit_of_the_plan_that_had_counted_it() -> None:
    closed = completed_twice().when(message(END, THIRD))
    first = closed.when(message(taken_back("4.00", FIRST, THIRD, "p"), THIRD))
    assert [(one.found, one.settled) for one in first.state.credits] == [
        (cny("8.00"), cny("0.00")),
        (cny("5.00"), cny("0.00")),
    ]
    second = closed.when(message(taken_back("4.00", SECOND, THIRD, "r"), THIRD))
    assert [one.found for one in second.state.credits] == [cny("12.00"), cny("1.00")]


def test_under_the_next_plan_what_was_on_no_debt_and_came_back_is_no_credit() -> None:
    live = overpaid().when(message(signed((THIRD, "50.00"), effective=SECOND, version=2), SECOND))
    part = (Allocation(debt_id="A-1", amounts=balances("40.00")),)
    back = taken_back("45.00", FIRST, SECOND, "p").model_copy(update={"allocations": part})
    after = live.when(message(back, SECOND))
    assert after.last(CreditFound).amount == cny("7.00")
    booked = taken_back("40.00", FIRST, SECOND, "p").model_copy(update={"allocations": part})
    assert not any(isinstance(event, CreditFound) for event in live.when(message(booked, SECOND)).said)


def test_a_return_after_the_case_is_closed_takes_off_the_credit_what_is_not_owed_again() -> None:
    """Money that another debt had had went off the credit, and was owed on that debt as well."""
    closed = overpaid().when(message(END, FIRST))

    def back(owed: str, beside: str) -> Given:
        parts = (Allocation(debt_id="A-9", amounts=balances(owed)),)
        update = {"allocations": parts, "beside": cny(beside)}
        return closed.when(message(taken_back("9.00", FIRST, SECOND, "q").model_copy(update=update), SECOND))

    other = back("9.00", "9.00")
    assert (other.said, other.state.completed_on) == ((), closed.state.completed_on)
    both = back("6.00", "6.00")
    assert both.emits(CreditFound)
    assert (both.last(CreditFound).amount, both.state.completed_on) == (
        cny("9.00"),
        closed.state.completed_on,
    )
    owing = back("6.00", "0.00")
    assert owing.last(CreditFound).amount == cny("9.00")
    assert owing.last(ProblemOpened).about == "payment_returned_after_completion"
    assert owing.state.completed_on is None


def test_of_what_comes_back_once_more_somebody_hears_who_has_looked_into_the_first() -> None:
    """A second payment of the plan came back when the first was dealt with, and nobody was told."""
    closed = overpaid().when(message(END, FIRST))

    def back(step: Given, n: int, amount: str = "100.00") -> Given:
        parts = (Allocation(debt_id="A-1", amounts=balances(amount)),)
        data = taken_back(amount, FIRST, SECOND, f"q-{n}").model_copy(update={"allocations": parts})
        return step.when(message(data, SECOND))

    first = back(closed, 1)
    opened = first.last(ProblemOpened)
    assert not any(isinstance(event, ProblemOpened) for event in back(first, 2).said), "one while it is open"
    done = first.when(message(ProblemSolved(problem_id=opened.problem_id, by="n-1"), SECOND))
    again = back(done, 2).last(ProblemOpened)
    assert again.about == "payment_returned_after_completion"
    assert again.problem_id != opened.problem_id
    cured = plan_live().when(message(intake.CaseClosed(as_of=FIRST, reason=intake.CloseReason.CURED), FIRST))
    assert back(cured, 1).said == (), "no plan was completed in it"


@pytest.mark.parametrize("over", ["12.00", "0.00"])
def test_what_is_paid_after_the_case_is_closed_is_a_credit_as_before(over: str) -> None:
    """A standing order went on: nobody heard of it, and what came back of it was taken off what was there."""
    paid_up = plan_live().when(message(paid(str(cny("300.00") + cny(over)).split()[0], FIRST, "p"), FIRST))
    closed = lives_to(paid_up, FIRST).when(message(END, FIRST))

    def comes(spare: str, dated: date = SECOND) -> Given:
        booked = (Allocation(debt_id="A-1", amounts=balances(str(cny("100.00") - cny(spare)).split()[0])),)
        update = {"unallocated": cny(spare), "allocations": booked}
        return closed.when(message(paid("100.00", dated, "late").model_copy(update=update), SECOND))

    came = comes("100.00")
    assert came.last(CreditFound).amount == cny(over) + cny("100.00")
    assert came.when(message(REFUND, SECOND)).last(CreditInstructed).amount == cny(over) + cny("100.00")
    back = came.when(message(taken_back("100.00", SECOND, THIRD, "late"), THIRD))
    assert (back.last(CreditFound).amount, back.emits(ProblemOpened)) == (cny(over), False)
    assert back.state.completed_on is not None, "the letter holds"
    assert comes("30.00").last(CreditFound).amount == cny(over) + cny("30.00"), "what a debt had is on it"
    assert comes("0.00").said == comes("100.00", DAY - timedelta(days=1)).said == ()


@pytest.mark.parametrize("before", ["12.00", "0.00"])
def test_what_comes_beyond_a_completed_plan_on_the_day_its_case_is_closed_is_a_credit(before: str) -> None:
    """The payment that settled the other debts, too, was more than they needed: nobody heard of the rest."""

    def booked(amount: str, on: str, spare: str, dated: date) -> Any:
        parts = (Allocation(debt_id=on, amounts=balances(amount)),)
        whole = str(cny(amount) + cny(spare)).split()[0]
        update = {"unallocated": cny(spare), "allocations": parts}
        return message(paid(whole, dated, f"p-{on}").model_copy(update=update), dated)

    done = lives_to(plan_live().when(booked("300.00", "A-1", before, FIRST)), FIRST)
    came = done.when(booked("70.00", "A-2", "30.00", SECOND))
    closed = came.when(message(intake.CaseClosed(as_of=SECOND, reason=intake.CloseReason.SETTLED), SECOND))
    assert closed.last(CreditFound).amount == cny(before) + cny("30.00")
    assert closed.when(message(REFUND, THIRD)).last(CreditInstructed).amount == cny(before) + cny("30.00")
    assert not done.when(message(END, FIRST)).emits(CreditFound)


def test_of_a_case_that_closed_without_a_completed_plan_money_is_no_credit() -> None:
    cured = plan_live().when(message(intake.CaseClosed(as_of=FIRST, reason=intake.CloseReason.CURED), FIRST))
    assert (
        cured.when(message(paid("50.00", SECOND).model_copy(update={"unallocated": cny("50.00")}))).said == ()
    )


def test_what_is_owed_again_in_a_later_case_is_not_taken_off_the_credit_as_well() -> None:
    """The debt had gone on to the next case, and the borrower lost a credit for what was owed there."""
    closed = overpaid().when(message(END, FIRST))

    def back(owed: str) -> Given:
        parts = (Allocation(debt_id="A-1", amounts=balances(owed)),)
        data = taken_back("9.00", FIRST, SECOND, "q").model_copy(update={"elsewhere": parts})
        return closed.when(message(data, SECOND))

    assert back("6.00").last(CreditFound).amount == cny("9.00")
    assert back("6.00").last(ProblemOpened).about == "payment_returned_after_completion"
    assert not back("9.00").emits(CreditFound)


def in_advance(*, credit: str = "0.00", lies: str = "20.00") -> Given:
    """All instalments are paid at once, and twenty of interest are not billed yet."""
    amount = cny("300.00") + cny(credit)
    data = paid(str(amount).split()[0], DAY, "p").model_copy(update={"unallocated": cny(lies)})
    return lives_to(plan_live().when(message(data, DAY)), DAY)


def test_interest_that_was_paid_before_it_was_billed_is_somebody_s_to_ask_about() -> None:
    """It was on no debt and no credit, and of a bank that never bills it nobody heard."""
    done = in_advance()
    opened = done.last(ProblemOpened)
    assert opened.about == "interest_paid_before_it_was_billed"
    assert opened.due > DAY
    closed = done.when(message(END.model_copy(update={"as_of": DAY}), DAY))
    assert not any(isinstance(event, ProblemResolved) for event in closed.said), "it outlasts the case"
    assert closed.closes(opened.due).emits(ProblemOverdue)
    solved = closed.when(message(ProblemSolved(problem_id=opened.problem_id, by="s-1"), FIRST))
    assert solved.last(ProblemResolved).problem_id == opened.problem_id


def test_what_lies_on_no_debt_and_is_a_credit_is_nobody_s_to_ask_about() -> None:
    done = in_advance(credit="20.00")
    assert done.last(CreditFound).amount == cny("20.00")
    asked = [event.about for event in done.said if isinstance(event, ProblemOpened)]
    assert asked == ["credit_to_be_chosen"], "that is the borrower's to say"
    more = in_advance(credit="20.00", lies="30.00")
    opened = [event.about for event in more.said if isinstance(event, ProblemOpened)]
    assert opened == ["credit_to_be_chosen", "interest_paid_before_it_was_billed"]


@pytest.mark.parametrize("reason", [intake.CloseReason.SETTLED, intake.CloseReason.SOLD])
def test_what_lies_on_no_debt_when_the_case_ends_before_the_plan_is_asked_about(
    reason: intake.CloseReason,
) -> None:
    """The bank reported that nothing was owed before it had billed the last interest: nobody heard of it."""
    data = paid("297.00", DAY, "p").model_copy(update={"unallocated": cny("17.00")})
    step = lives_to(plan_live().when(message(data, DAY)), DAY)
    assert not step.emits(PlanCompleted)
    closed = step.when(message(intake.CaseClosed(as_of=FIRST, reason=reason), FIRST))
    opened = closed.last(ProblemOpened)
    assert opened.about == "interest_paid_before_it_was_billed"
    assert [one.problem_id for one in closed.state.problems] == [opened.problem_id], "it outlasts the case"


def test_money_that_came_back_or_was_put_on_a_debt_by_it_lies_there_no_more() -> None:
    rest = paid("50.00", DAY, "q").model_copy(update={"unallocated": cny("20.00")})
    early = plan_live().when(message(rest, DAY), message(taken_back("20.00", DAY, DAY, "q"), DAY))
    done = lives_to(early.when(message(paid("270.00", DAY, "r"), DAY)), DAY)
    assert done.last(PlanCompleted)
    assert not any(isinstance(event, ProblemOpened) for event in done.said)


def test_what_a_problem_is_about_has_words_in_both_languages() -> None:
    """Two of them were shown by their code."""
    words = tomllib.loads((Path(texts.__file__).parent / "words.toml").read_text("utf-8"))["about"]
    for about in (
        problems.RETURNED_BEFORE,
        problems.RETURNED_AFTER,
        problems.INTEREST_OF_A_STOP,
        problems.UNBOOKED,
        problems.UNBILLED,
        problems.BROKEN_IN_A_STOP,
        problems.JOINT,
        problems.DIFFERS,
    ):
        assert all(words[about])
