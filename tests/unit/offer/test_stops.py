"""Stop events in mid-round: the round is suspended, nothing lapses, and it goes on afterwards."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from services.offer.decide import OfferDecider
from services.offer.model import OfferStatus
from shared.contracts import agreement, desk, intake
from shared.contracts.base import Reason
from shared.contracts.debts import Balances, DebtStatus
from shared.contracts.desk_parties import StopLifted
from shared.contracts.envelope import Envelope
from shared.contracts.offer import (
    InputRefused,
    NoPlanFound,
    OfferAgreed,
    OfferLapsed,
    OfferTabled,
    OfferWithdrawn,
)
from shared.contracts.parties import StopCause
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import DAY, assessed, balances, case_opened, debt, message, reference
from tests.unit.spec import Given, given
from tests.unit.stopping import CAUSES, begins, over

START = DAY + timedelta(days=2)
END = DAY + timedelta(days=40)
LONG_AFTER = date(2026, 12, 1)


def tabled() -> Given:
    return given(OfferDecider(), reference()).when(message(case_opened(), sequence=1), message(assessed()))


def lives(step: Given, first: date, last: date) -> Given:
    """Close every day; what is said on the way must be nothing."""
    while first <= last:
        step = step.closes(first)
        assert step.said == (), first
        first += timedelta(days=1)
    return step


@pytest.mark.parametrize("cause", CAUSES)
def test_before_an_offer_nothing_is_tabled(cause: StopCause) -> None:
    start = given(OfferDecider(), reference()).when(message(case_opened(), sequence=1))
    stopped = start.when(*begins(cause, START), message(assessed(), START))
    assert stopped.said == ()
    resting = lives(stopped, START, END)
    back = resting.when(*over(END))
    assert back.emits(OfferTabled)
    assert back.last(OfferTabled).round == 1


@pytest.mark.parametrize("cause", CAUSES)
def test_in_mid_round_the_offer_is_taken_off_and_its_round_goes_on_afterwards(cause: StopCause) -> None:
    second = tabled()
    while second.state.round < 2:
        second = second.closes(second.decider.due(second.state))
    on = second.state.offer.tabled_on
    stopped = second.when(*begins(cause, on))
    assert stopped.emits(OfferWithdrawn)
    assert stopped.last(OfferWithdrawn).reason.code is ReasonCode.DEBT_STOPPED
    resting = lives(stopped, on, on + timedelta(days=40))
    back = resting.when(*over(on + timedelta(days=40)))
    assert back.emits(OfferTabled)
    assert back.last(OfferTabled).round == 2, "the stop has used up no round"
    assert back.last(OfferTabled).reasons[0].code is ReasonCode.STOP_ENDED


def test_the_time_for_the_talks_stands_still() -> None:
    plain = tabled()
    stopped = plain.when(*begins(StopCause.BREATHING_SPACE, START))
    back = stopped.when(*over(END))
    assert back.state.started == plain.state.started + (END - START)


def test_an_answer_to_what_was_taken_off_hears_why() -> None:
    standing = tabled().last(OfferTabled)
    yes = desk.OfferAccepted(offer_id=standing.offer_id, plan_id=standing.plans[0].plan_id, channel="app")
    after = tabled().when(*begins(StopCause.DEATH, START), message(yes, START))
    assert after.last(InputRefused).reason.code is ReasonCode.DEBT_STOPPED


@pytest.mark.parametrize("cause", CAUSES)
def test_what_waits_for_its_next_round_waits_on(cause: StopCause) -> None:
    due = tabled().state.next_date
    lapsed = tabled().closes(due)
    assert lapsed.emits(OfferLapsed)
    stopped = lapsed.when(*begins(cause, due + timedelta(days=1)))
    assert stopped.said == ()
    resting = lives(stopped, due + timedelta(days=1), LONG_AFTER - timedelta(days=200))
    assert resting.decider.due(resting.state) is None
    assert resting.when(*over(LONG_AFTER)).closes(LONG_AFTER).said != ()


@pytest.mark.parametrize("cause", CAUSES)
def test_a_draft_that_comes_back_rests_and_its_round_goes_on(cause: StopCause) -> None:
    standing = tabled().last(OfferTabled)
    plan = next(plan for plan in standing.plans if not plan.needs_approval)
    yes = desk.OfferAccepted(offer_id=standing.offer_id, plan_id=plan.plan_id, channel="app")
    agreed = tabled().when(message(yes, START))
    assert agreed.emits(OfferAgreed)
    returned = agreement.AgreementReturned(
        agreement_id="x",
        version=1,
        offer_id=standing.offer_id,
        as_of=START,
        reason=Reason(code=ReasonCode.DEBT_STOPPED),
    )
    resting = agreed.when(*begins(cause, START), message(returned, START))
    assert resting.said == ()
    assert resting.state.status is OfferStatus.WAITING
    assert lives(resting, START, END).when(*over(END)).last(OfferTabled).round == 1


def test_one_free_debt_keeps_the_talks_going() -> None:
    two = given(OfferDecider(), reference()).when(
        message(case_opened(debt(), debt("A-2")), sequence=1), message(assessed())
    )
    changed = begins(StopCause.DISPUTE, START)[0]
    both = changed.data.model_copy(update={"debts": (*changed.data.debts, debt("A-2"))})
    assert two.when(message(both, START)).emits(OfferWithdrawn, OfferTabled)
    assert both.debts[0].status is DebtStatus.DISPUTED


def test_figures_that_come_meanwhile_begin_no_other_talks() -> None:
    figures = message(assessed("1600.00", version=2, as_of=START), END)
    stopped = tabled().when(*begins(StopCause.DISPUTE, START))
    before, after = stopped.when(figures).when(*over(END)), stopped.when(*over(END)).when(figures)
    assert stopped.when(figures).said == ()
    assert before.state.offer == after.state.offer
    assert (before.state.talks, before.state.round) == (after.state.talks, after.state.round) == (1, 1)


# -- a balance on the day of a stop: each by a topic of its own, so that either may be read first

DEAR, LIGHT = (balances(f"{n}.00", "420.00", "60.00", "150.00") for n in (120_000, 11_000))
ACTIVE, HELD = DebtStatus.ACTIVE, DebtStatus.DISPUTED


def owes(owed: Balances, status: DebtStatus, on: date) -> Envelope[Any]:
    known = debt(outstanding=owed, status=status, as_of=on)
    return message(intake.CaseChanged(as_of=on, debts=(known,)), on)


def test_a_lower_balance_on_the_day_of_a_stop_leads_to_the_same_offer_afterwards_in_either_order() -> None:
    """Read before the stop it was tabled for a moment, and its round rested; after it, nothing was."""
    facts = (message(case_opened(debt(outstanding=DEAR)), sequence=1), message(assessed()))
    none = given(OfferDecider(), reference()).when(*facts)
    assert none.emits(NoPlanFound)
    before = none.when(owes(LIGHT, ACTIVE, START), owes(LIGHT, HELD, START))
    after = none.when(owes(DEAR, HELD, START), owes(LIGHT, HELD, START))
    assert before.emits(OfferTabled, OfferWithdrawn)
    assert after.said == ()
    back = [lives(step, START, END).when(owes(LIGHT, ACTIVE, END)) for step in (before, after)]
    assert [step.last(OfferTabled).plans for step in back] == [back[0].last(OfferTabled).plans] * 2
    assert back[0].state.next_date == back[1].state.next_date
    assert back[0].last(OfferTabled).offer_id == back[1].last(OfferTabled).offer_id


def test_a_higher_balance_on_the_day_of_a_stop_leaves_the_round_its_time_in_either_order() -> None:
    first = tabled()
    cheaper = owes(LIGHT, ACTIVE, START)  # tabled that day: what makes it too dear is said at once
    before = first.when(cheaper, owes(DEAR, ACTIVE, START), owes(DEAR, HELD, START))
    after = first.when(cheaper, owes(LIGHT, HELD, START), owes(DEAR, HELD, START))
    assert [NoPlanFound in map(type, step.said) for step in (before, after)] == [True, False]
    back = [lives(step, START, END).when(owes(LIGHT, ACTIVE, END)) for step in (before, after)]
    assert [step.emits(OfferTabled) for step in back] == [True, True]
    states = [step.state.model_copy(update={"answered": (), "gone_on": None, "human_due": None, "stood": ()})
              for step in back]  # fmt: skip
    assert states[0] == states[1]


def test_a_round_that_goes_on_for_a_moment_and_rests_again_keeps_its_time() -> None:
    resting = lives(tabled().when(owes(LIGHT, HELD, START)), START, END)
    before = resting.when(owes(LIGHT, ACTIVE, END), owes(LIGHT, HELD, END), owes(DEAR, HELD, END))
    after = resting.when(owes(DEAR, HELD, END), owes(DEAR, ACTIVE, END), owes(DEAR, HELD, END))
    assert [step.emits(NoPlanFound) for step in (before, after)] == [False, True]
    later = END + timedelta(days=30)
    back = [lives(step, END, later).when(owes(LIGHT, ACTIVE, later)) for step in (before, after)]
    assert [step.last(OfferTabled) for step in back] == [back[0].last(OfferTabled)] * 2
    assert [step.state.started for step in back] == [back[0].state.started] * 2


def test_when_a_stop_is_over_who_had_no_plan_hears_how_things_stand() -> None:
    dear = debt(outstanding=balances("120000.00", "420.00", "60.00", "150.00"))
    none = given(OfferDecider(), reference()).when(
        message(case_opened(dear), sequence=1), message(assessed()))  # fmt: skip
    stopped = dear.model_copy(update={"status": DebtStatus.DISPUTED})
    halted = none.when(message(intake.CaseChanged(as_of=START, debts=(stopped,)), START))
    assert halted.said == ()
    back = lives(halted, START, END).when(message(intake.CaseChanged(as_of=END, debts=(dear,)), END))
    assert back.emits(NoPlanFound)
    assert back.last(NoPlanFound).review_on == back.state.next_date > END


@pytest.mark.parametrize("earlier", [False, True])
def test_who_heard_that_day_how_things_stand_has_the_answer_to_a_statement_without_news(
    earlier: bool,
) -> None:
    """By two topics: the end of a stop, and the figures of a statement that says the same again."""
    dear = debt(outstanding=DEAR)
    none = given(OfferDecider(), reference()).when(
        message(case_opened(dear), sequence=1), message(assessed()))  # fmt: skip
    halted = none.when(owes(DEAR, HELD, START))
    again = message(assessed(version=2).model_copy(update={"answers_statement": True}), END)
    ends = owes(DEAR, ACTIVE, END)
    step = halted.when(*((again, ends) if earlier else (ends, again)))
    assert step.emits(NoPlanFound)
    assert step.when(message(assessed(version=3).model_copy(update={"answers_statement": True}),
                             END + timedelta(days=1))).emits(NoPlanFound)  # fmt: skip


def test_a_balance_that_leaves_no_plan_is_judged_that_evening_though_a_stop_was_told() -> None:
    """One of the day's figures between would have left nothing on the table by then."""
    start, word = tabled(), over_of_another(START)
    at_once = start.when(word, owes(LIGHT, ACTIVE, START), owes(DEAR, ACTIVE, START))
    held = start.when(word, owes(DEAR, ACTIVE, START))
    assert at_once.emits(OfferWithdrawn, OfferTabled, OfferWithdrawn, NoPlanFound)
    assert held.said == ()
    found = [step.closes(START).state for step in (at_once, held)]
    assert [state.status for state in found] == [OfferStatus.NO_PLAN] * 2
    seen = [state.model_copy(update={"answered": (), "stood": (), "shown": ()}) for state in found]
    assert seen[0] == seen[1]


def test_a_round_that_lost_its_offer_for_a_moment_keeps_its_time() -> None:
    start = tabled()
    before = start.when(owes(LIGHT, ACTIVE, START), owes(DEAR, ACTIVE, START), owes(LIGHT, ACTIVE, START))
    after = start.when(owes(LIGHT, ACTIVE, START), owes(LIGHT, ACTIVE, START))
    assert NoPlanFound in map(type, before.said)
    assert NoPlanFound not in map(type, after.said)
    assert before.state.started == after.state.started == DAY
    assert before.state.offer == after.state.offer


def over_of_another(on: date) -> Envelope[Any]:
    """The desk's word on a stop that leaves debts to talk about."""
    return message(StopLifted(stop_id="another", on=on), on)
