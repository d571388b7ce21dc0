"""Of two facts of one day the table carries the later one's time, whichever was read first."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any

import pytest

from services.offer.decide import OfferDecider
from shared.contracts import agreement, desk
from shared.contracts.base import Event, Reason
from shared.contracts.envelope import Envelope
from shared.contracts.offer import (
    ApprovalRequested,
    NoPlanFound,
    OfferAgreed,
    OfferRevised,
    OfferTabled,
)
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import assessed, balances, case_opened, cny, debt, message, reference
from tests.unit.offer.table import LESS, accept, after, changed, counter, plan_of, tabled
from tests.unit.spec import Given, given


def at(hour: int, day: int = 1) -> datetime:
    return datetime.combine(after(day), time(hour), UTC)


def orders(start: Given, one: Envelope[Any], other: Envelope[Any]) -> list[Given]:
    return [start.when(one, other), start.when(other, one)]


def on_the_table(step: Given) -> datetime:
    laid = [
        at
        for said, at in zip(step.said, step.at, strict=True)
        if isinstance(said, (OfferTabled, OfferRevised))
    ]
    return laid[-1]


@pytest.mark.parametrize(("counter_at", "figures_at"), [(10, 23), (23, 10)])
def test_new_figures_on_the_day_of_a_counter_offer(counter_at: int, figures_at: int) -> None:
    start = tabled()
    wish = message(counter(start.last(OfferTabled), monthly=cny("700.00")), after(1), hour=counter_at)
    figures = message(assessed("1600.00", version=2, as_of=after(1)), after(1), hour=figures_at)
    one, other = orders(start, wish, figures)
    assert one.state.offer == other.state.offer
    assert one.state.rests_at == other.state.rests_at == at(23)
    assert on_the_table(one) == on_the_table(other) == at(23)


@pytest.mark.parametrize(("balance_at", "figures_at"), [(10, 18), (18, 10)])
def test_new_figures_on_the_day_of_a_balance(balance_at: int, figures_at: int) -> None:
    balance = message(changed(LESS), after(1), sequence=2, hour=balance_at)
    figures = message(assessed("700.00", version=2, as_of=after(1)), after(1), hour=figures_at)
    one, other = orders(tabled(), balance, figures)
    assert one.state.offer == other.state.offer
    assert on_the_table(one) == on_the_table(other) == at(18)


def test_a_draft_that_comes_back_on_the_day_of_new_figures() -> None:
    start = tabled()
    on = start.last(OfferTabled)
    done = start.when(message(accept(on.offer_id, plan_of(on, approval=False)), after(1)))
    back = agreement.AgreementReturned(
        agreement_id="a-1", version=1, offer_id=done.last(OfferAgreed).offer_id, as_of=after(2),
        reason=Reason(code=ReasonCode.BALANCE_CHANGED),
    )  # fmt: skip
    returned = message(back, after(2), hour=20)
    figures = message(assessed("1600.00", version=2, as_of=after(2)), after(2), hour=9)
    one, other = orders(done, returned, figures)
    assert on_the_table(one) == on_the_table(other) == at(20, day=2)


def test_what_is_no_answer_of_the_table_keeps_its_own_time() -> None:
    start = tabled()
    on = start.last(OfferTabled)
    yes = message(accept(on.offer_id, plan_of(on, approval=False)), after(1), hour=8)
    balance = message(changed(LESS), after(1), sequence=2, hour=18)
    for step in orders(start, yes, balance):
        assert step.moment_of(OfferAgreed) == at(8)


def test_facts_of_another_day_do_not_count() -> None:
    start = tabled().when(message(changed(LESS), after(2), sequence=2, hour=18))
    wish = message(counter(tabled().last(OfferTabled), monthly=cny("700.00")), after(1), hour=8)
    assert start.when(wish).moment_of(OfferRevised) == at(8)
    assert start.state.rests_at == start.when(wish).state.rests_at == at(18, day=2)


@pytest.mark.parametrize("fact", [changed(debt()), assessed(version=2)])
def test_what_is_no_news_moves_nothing(fact: Event) -> None:
    start = tabled()
    assert start.when(message(fact, after(1), sequence=2)).state.rests_at == start.state.rests_at
    none = tabled(now="90.00")
    assert none.moment_of(NoPlanFound) == none.state.rests_at == at(9, day=0)


def test_that_a_no_of_the_lender_and_a_balance_leave_no_plan_is_said_at_the_later_of_the_two() -> None:
    start = tabled()
    on = start.last(OfferTabled)
    asked = start.when(message(accept(on.offer_id, plan_of(on, approval=True)), after(1))).closes(after(1))
    request = start.when(message(accept(on.offer_id, plan_of(on, approval=True)), after(1)))
    asked_for = request.last(ApprovalRequested)
    no = desk.ApprovalRefused(
        request_id=asked_for.request_id, by="s-1", role=asked_for.role, reason="not needed"
    )
    much = debt(outstanding=balances("900000.00", "420.00", "60.00", "150.00"))
    refused = message(no, after(2), hour=21)
    balance = message(changed(much), after(2), sequence=2, hour=9)
    for step in orders(asked, refused, balance):
        assert step.moment_of(NoPlanFound) == at(21, day=2)


def test_that_there_is_no_plan_is_dated_by_its_cause_for_a_balance_says_nothing_anew() -> None:
    start = given(OfferDecider(), reference()).when(message(case_opened(), sequence=1))
    figures = message(assessed("90.00", as_of=after(1)), after(1), hour=9)
    balance = message(changed(LESS), after(1), sequence=2, hour=21)
    one, other = orders(start, figures, balance)
    assert one.emits(NoPlanFound)
    assert other.emits(NoPlanFound)
    assert one.moment_of(NoPlanFound) == other.moment_of(NoPlanFound) == at(9)
