"""What the bank is told of stop events: to stop by the table's row, to go on, each once; and its answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from services.intake.decide import IntakeDecider
from shared.contracts import bank, followup, followup_care
from shared.contracts.agreement import CollectionOrder, WaivedDebt
from shared.contracts.base import Reason
from shared.contracts.desk_care import CreditChoice
from shared.contracts.intake import BankAnswered, CaseClosed, InstructionAbout, StopsInstructed
from shared.contracts.parties import ObligorRole, StopCause
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import balances, cny, message, reference
from tests.unit.intake.bank_says import (
    balance,
    confirmed,
    cured,
    day,
    lifted,
    overdue,
    says,
    signed,
    sold,
    stopped,
)
from tests.unit.spec import Given, given


def case(*accounts: str, **overrides: Any) -> Given:
    step = given(IntakeDecider(), reference(**overrides))
    return step.when(*(overdue(account) for account in accounts or ("A-1",)))


def told(step: Given) -> list[StopsInstructed]:
    return [event for event in step.said if isinstance(event, StopsInstructed)]


def rows(step: Given) -> list[tuple[str, tuple[str, ...], tuple[str, ...], CollectionOrder | None]]:
    return [(d.debt_id, d.stops, d.resumes, d.collection) for said in told(step) for d in said.holds]


@pytest.mark.parametrize("cause", StopCause)
def test_the_bank_is_told_what_the_row_stops_and_to_go_on_when_it_ends(cause: StopCause) -> None:
    step = case().when(stopped(cause, 1))
    rule = getattr(step.reference.policies.in_force("example-card", day(1)).stop_events, cause.value)
    what = tuple(sorted(rule.stops))
    assert rows(step) == [("A-1", what, (), CollectionOrder.STOP)]
    back = step.when(lifted(9))
    assert rows(back) == [("A-1", (), what, CollectionOrder.RESUME)]
    assert told(step)[0].instruction_id != told(back)[0].instruction_id
    assert told(step)[0].effective == day(1) < told(step)[0].answer_by


def test_the_same_word_again_tells_nothing_and_gives_the_same_instruction_after_a_restore() -> None:
    fact = stopped(StopCause.DISPUTE, 1)
    step = case().when(fact)
    assert told(step.when(replace(fact, id="other"))) == []
    assert told(step) == told(case().when(fact)), "told twice it has the same id"
    again = step.when(lifted(1)).when(
        replace(fact, id="third", data=fact.data.model_copy(update={"since": day(2)}))
    )
    assert told(again)[0].instruction_id != told(step)[0].instruction_id, "a new stop of the same day is new"


def test_only_the_debts_it_is_about_are_stopped() -> None:
    step = case("A-1", "A-2").when(stopped(StopCause.DISPUTE, 1, "A-2"))
    assert [row[0] for row in rows(step)] == ["A-2"]


def test_what_another_stop_still_stops_does_not_go_on() -> None:
    step = case().when(stopped(StopCause.INSOLVENCY, 1)).when(stopped(StopCause.DISPUTE, 2, stop="S-2"))
    assert told(step) == [], "an insolvency stops all of that already"
    over = step.when(lifted(3))
    assert rows(over) == [("A-1", ("enforcement", "fees"), ("contact", "interest"), CollectionOrder.STOP)]
    assert rows(over.when(lifted(4, "S-2"))) == [("A-1", (), ("enforcement", "fees"), CollectionOrder.RESUME)]


def test_where_the_pack_lets_interest_run_it_is_not_stopped() -> None:
    runs = {
        "stop_events__dispute": {
            **reference().policies.in_force("example-card", day(0)).stop_events.dispute.model_dump(),
            "stops": ("enforcement",),
        }
    }
    assert rows(case(**runs).when(stopped(StopCause.DISPUTE, 1)))[0][1] == ("enforcement",)


def test_a_breathing_space_that_ends_by_date_goes_on_at_the_close_of_its_last_day() -> None:
    step = case().when(stopped(StopCause.BREATHING_SPACE, 0))
    assert told(step.closes(day(29))) == []
    over = step.closes(day(29)).closes(day(30))
    assert rows(over)[0][3] is CollectionOrder.RESUME
    assert told(over)[0].effective == day(30)


def test_a_debt_that_joins_a_protected_case_is_stopped_with_it() -> None:
    step = case().when(stopped(StopCause.DEATH, 1)).when(overdue("A-2", n=2))
    assert [row[0] for row in rows(step)] == ["A-2"]
    assert [row[0] for row in rows(step.when(lifted(3)))] == ["A-1", "A-2"]


def test_collection_stays_stopped_by_a_plan_that_is_in_force() -> None:
    planned = case("A-1", "A-2").when(signed(1, "A-1")).when(stopped(StopCause.DISPUTE, 2))
    back = planned.when(lifted(3))
    assert {row[0]: row[3] for row in rows(back)} == {"A-1": None, "A-2": CollectionOrder.RESUME}
    free = case("A-1", agreement__stop_collection_on_sign=False).when(signed(1, "A-1"))
    assert rows(free.when(stopped(StopCause.DISPUTE, 2)).when(lifted(3)))[0][3] is CollectionOrder.RESUME


def test_what_was_stopped_goes_on_also_when_the_case_has_been_closed_meanwhile() -> None:
    closed = case().when(stopped(StopCause.BREATHING_SPACE, 0)).when(cured(3))
    assert [event for event in closed.said if isinstance(event, CaseClosed)]
    assert rows(closed.when(lifted(5)))[0][3] is CollectionOrder.RESUME
    by_date = closed.closes(day(30))
    assert rows(by_date)[0][3] is CollectionOrder.RESUME
    assert by_date.decider.due(by_date.state) is None


@pytest.mark.parametrize("accounts", [("A-1",), ("A-1", "A-2")])
def test_a_stop_of_the_day_on_which_a_debt_leaves_is_told_in_either_order(accounts: tuple[str, ...]) -> None:
    """The desk's word comes by another topic than the bank's: the order of the two says nothing."""
    start, stop = case(*accounts), stopped(StopCause.DISPUTE, 3)
    first, last = start.when(stop).when(cured(3)), start.when(cured(3)).when(stop)
    assert last.state.held == first.state.held != ()
    assert rows(last) == [(one, ("enforcement", "fees"), (), CollectionOrder.STOP) for one in accounts]
    assert rows(last.when(lifted(5)))[0][3] is CollectionOrder.RESUME
    assert "A-1" not in {row[0] for row in rows(start.when(cured(2)).when(stop))}, (
        "it had left the day before"
    )


def test_nothing_is_told_about_a_debt_that_was_sold() -> None:
    step = case("A-1", "A-2").when(stopped(StopCause.DEATH, 1)).when(sold(2))
    assert told(step) == []
    assert [row[0] for row in rows(step.when(lifted(3)))] == ["A-2"]


def test_a_stop_of_another_obligor_protects_them_and_leaves_the_debt_as_it_is() -> None:
    both = (
        bank.Obligor(customer="C-1", role=ObligorRole.BORROWER),
        bank.Obligor(customer="C-2", role=ObligorRole.CO_BORROWER),
    )
    step = given(IntakeDecider(), reference()).when(overdue(obligors=both))
    step = step.when(stopped(StopCause.INSOLVENCY, 1, customer="C-2"))
    (held,) = told(step)[0].holds
    assert held.party_id is not None
    assert held.stops == ("contact", "enforcement"), "interest runs on for the customer"


@pytest.mark.parametrize("confirms", [True, False])
def test_the_answer_of_the_bank_is_passed_on_by_what_it_is_about(confirms: bool) -> None:
    step = case().when(stopped(StopCause.DEATH, 1))
    known = told(step)[0].instruction_id
    refused = bank.InstructionRefused(instruction_id=known, as_of=day(2), reason="unknown account")
    answer = step.when(confirmed(2, known) if confirms else says(refused, day(2))).last(BankAnswered)
    assert (answer.confirmed, answer.about) == (confirms, InstructionAbout.STOPS)


def test_answers_about_credits_rewards_and_referrals_are_passed_on_by_what_they_are_about() -> None:
    step = case()
    credit = followup_care.CreditInstructed(
        instruction_id="I-8", amount=cny("12.00"), choice=CreditChoice.REFUND, answer_by=day(3)
    )
    why = {"as_of": day(1), "reason": Reason(code=ReasonCode.LEGAL_COMPLAINT_OPEN), "answer_by": day(4)}
    held = followup_care.LegalReferralHeld(instruction_id="I-6", **why)
    resumed = followup_care.LegalReferralResumed(instruction_id="I-7", **why)
    told_all = step.when(*(message(one, day(1)) for one in (credit, reward(), held, resumed)))
    for instruction, about in {
        "I-6": InstructionAbout.REFERRAL,
        "I-7": InstructionAbout.REFERRAL,
        "I-8": InstructionAbout.CREDIT,
        "I-9": InstructionAbout.REWARD,
    }.items():
        answer = told_all.when(confirmed(2, instruction)).last(BankAnswered)
        assert (answer.about, answer.instruction_id) == (about, instruction)
    unknown = step.when(confirmed(2, "?"))
    assert unknown.said == (), "what it answers may be on its way"
    assert unknown.closes(day(2)).last(BankAnswered).about is None


def reward() -> followup.RewardGranted:
    waived = WaivedDebt(debt_id="A-1", amounts=balances("0.00", "100.00"))
    return followup.RewardGranted(
        reward="late_charges_waived", after_instalment=3, waived=(waived,), instruction_id="I-9",
        answer_by=day(4),
    )  # fmt: skip


@pytest.mark.parametrize("first", ["reward", "answer"])
def test_from_the_answer_on_the_bank_s_figures_hold_what_a_reward_waives(first: str) -> None:
    """Without an answer they are believed to hold it from the last day to answer on."""
    both = [message(reward(), day(1)), confirmed(2, "I-9")]
    held = case().when(*(both if first == "reward" else reversed(both)))
    figure = balance(3, balances("5000.00", "400.00", "200.00", "0.00"))
    assert held.when(figure).state.debt("A-1").outstanding.interest == 40000, "not waived a second time"
    silent = case().when(message(reward(), day(1)))
    assert silent.when(figure).state.debt("A-1").outstanding.interest == 30000
