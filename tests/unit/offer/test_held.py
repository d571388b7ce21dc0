"""A balance that leaves no plan at all, against what else its day brings: any order comes to the same."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any

import pytest

from services.offer.decide import OfferDecider
from services.offer.model import OfferStatus
from shared.contracts import agreement, desk
from shared.contracts.base import Event, Reason
from shared.contracts.envelope import Envelope
from shared.contracts.offer import (
    ApprovalRequested,
    InputRefused,
    NoPlanFound,
    OfferAgreed,
    OfferLapsed,
    OfferTabled,
    OfferWithdrawn,
    TalksFailed,
)
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import assessed, balances, case_opened, cny, debt, message, reference
from tests.unit.offer.table import (
    LESS,
    accept,
    after,
    agreed,
    changed,
    counter,
    grant,
    no_plan_wanted,
    plan_of,
    tabled,
)
from tests.unit.offer.test_same_day import outcomes, same
from tests.unit.spec import Given, given

MUCH = debt(outstanding=balances("900000.00", "420.00", "60.00", "150.00"))
SOARS = message(changed(MUCH), after(1), sequence=2)


def answers() -> dict[str, Event]:
    on = tabled().last(OfferTabled)
    return {
        "accepted": accept(on.offer_id, plan_of(on, approval=False)),
        "accepted, to be approved": accept(on.offer_id, plan_of(on, approval=True)),
        "another plan": accept(on.offer_id, "no-such-plan"),
        "countered": counter(on, monthly=cny("700.00")),
        "countered in another round": desk.CounterOffered(
            offer_id=on.offer_id, round=2, monthly=cny("700.00")
        ),
        "rejected": no_plan_wanted(on.offer_id),
        "new figures": assessed("1600.00", version=2, as_of=after(1)),
        "poorer": assessed("600.00", version=2, as_of=after(1)),
        "nothing to pay from": assessed("90.00", version=2, as_of=after(1)),
    }


@pytest.mark.parametrize("kind", answers())
def test_whichever_comes_first(kind: str) -> None:
    start = tabled()
    wish = message(answers()[kind], after(1))
    one = same(outcomes(start, [wish], [SOARS]), orders=2)
    if kind == "accepted":
        assert one.last(OfferAgreed).balances == start.last(OfferTabled).balances
        assert one.state.status is OfferStatus.AGREED
    elif kind == "rejected":
        assert one.last(TalksFailed).reason.code is ReasonCode.OFFER_REJECTED
    else:
        assert one.state.status is OfferStatus.NO_PLAN
        assert sum(isinstance(event, NoPlanFound) for event in one.said) == 1
    assert one.state.debts[0].outstanding == MUCH.outstanding


def test_nothing_is_said_before_the_close_and_then_once() -> None:
    held = tabled().when(SOARS)
    assert held.emits()
    assert held.decider.due(held.state) == after(1)
    closed = held.closes(after(1))
    assert closed.emits(OfferWithdrawn, NoPlanFound)
    assert closed.last(OfferWithdrawn).reason.code is ReasonCode.BALANCE_CHANGED
    assert closed.closes(after(1)).emits()
    late = closed.when(message(answers()["accepted"], after(2)))
    assert late.last(InputRefused).reason.code is ReasonCode.BALANCE_CHANGED


def test_an_answer_of_the_next_day_does_not_count_though_it_is_read_before_the_close() -> None:
    wish = message(answers()["accepted"], after(2))
    refusals = [
        tabled().when(SOARS, wish).last(InputRefused),
        tabled().when(SOARS).closes(after(1)).when(wish).last(InputRefused),
    ]
    assert [one.reason.code for one in refusals] == [ReasonCode.BALANCE_CHANGED] * 2


def test_what_was_agreed_that_day_comes_back_from_agreement_and_there_is_no_plan_once() -> None:
    step = tabled().when(SOARS, message(answers()["accepted"], after(1)))
    assert step.emits(OfferAgreed)
    back = agreement.AgreementReturned(
        agreement_id="a-1", version=1, offer_id=step.last(OfferAgreed).offer_id, as_of=after(1),
        reason=Reason(code=ReasonCode.BALANCE_CHANGED),
    )  # fmt: skip
    returned = step.when(message(back, after(1)))
    assert returned.emits(NoPlanFound)
    assert returned.closes(after(1)).emits()


def test_a_second_balance_of_the_day_may_leave_plans_again() -> None:
    start = tabled()
    wish = message(answers()["accepted"], after(1))
    one = same(outcomes(start, [wish], [SOARS, message(changed(LESS), after(1), sequence=3)]), orders=3)
    assert one.state.status is OfferStatus.AGREED


@pytest.mark.parametrize(("back", "until"), [(debt(), 15), (LESS, 16)])
def test_where_a_second_balance_leaves_plans_again_they_are_on_the_table(back: Any, until: int) -> None:
    again = tabled().when(SOARS, message(changed(back), after(1), sequence=3)).closes(after(1))
    assert again.state.status is OfferStatus.TABLED
    assert again.decider.due(again.state) == after(until)  # the same offer, or one on the new balance


def test_on_the_last_day_of_an_offer_there_is_no_plan_rather_than_silence() -> None:
    start = tabled()
    held = start.when(message(changed(MUCH), after(15), sequence=2)).closes(after(15))
    assert held.emits(OfferWithdrawn, NoPlanFound)
    same_again = start.when(
        message(changed(MUCH), after(15), sequence=2), message(changed(debt()), after(15), sequence=3)
    )
    assert same_again.closes(after(15)).emits(OfferLapsed)


def asked_for_approval() -> tuple[Given, ApprovalRequested]:
    start = tabled()
    asked = start.when(message(answers()["accepted, to be approved"], after(1)))
    return asked.closes(after(1)), asked.last(ApprovalRequested)


@pytest.mark.parametrize("granted", [True, False])
def test_the_lenders_answer_counts_on_the_day_of_such_a_balance(granted: bool) -> None:
    asked, request = asked_for_approval()
    no = desk.ApprovalRefused(request_id=request.request_id, by="s-1", role=request.role, reason="not needed")
    answer: Envelope[Any] = message(grant(request) if granted else no, after(2))
    one = same(outcomes(asked, [answer], [message(changed(MUCH), after(2), sequence=2)], day=2), orders=2)
    # What has become too dear is not put down to the lender who said no.
    assert one.state.status is (OfferStatus.AGREED if granted else OfferStatus.NO_PLAN)


def test_a_request_without_an_answer_is_void_at_the_close() -> None:
    asked, request = asked_for_approval()
    closed = asked.when(message(changed(MUCH), after(2), sequence=2)).closes(after(2))
    assert closed.emits(OfferWithdrawn, NoPlanFound)
    late = closed.when(message(grant(request), after(3)))
    assert late.last(InputRefused).reason.code is ReasonCode.BALANCE_CHANGED


@pytest.mark.parametrize("figures_first", [True, False])
def test_what_is_tabled_on_that_day_itself_is_not_held(figures_first: bool) -> None:
    start = given(OfferDecider(), reference()).when(message(case_opened(), sequence=1))
    facts = [message(assessed(), after(1), hour=8), message(changed(MUCH), after(1), sequence=2, hour=11)]
    step = start.when(*(facts if figures_first else reversed(facts)))
    none = NoPlanFound if not figures_first else OfferTabled
    assert isinstance(step.said[0], none)
    cause = 11 if figures_first else 8
    assert step.moment_of(NoPlanFound) == datetime.combine(after(1), time(cause), UTC)
    assert step.closes(after(1)).emits()


def test_what_is_agreed_already_is_not_held() -> None:
    step, _ = agreed()
    assert step.when(message(changed(MUCH), after(2), sequence=2)).emits()
