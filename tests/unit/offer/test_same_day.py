"""An answer and another balance on one day, in every order that they may be read in: the same comes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from services.offer.model import OfferState, OfferStatus
from shared.contracts.base import Event
from shared.contracts.envelope import Envelope
from shared.contracts.offer import (
    ApprovalRequested,
    InputRefused,
    NoPlanFound,
    OfferAgreed,
    OfferRevised,
    OfferTabled,
    OfferWithdrawn,
    TalksFailed,
)
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import assessed, balances, cny, debt, message
from tests.unit.offer.table import (
    LESS,
    accept,
    after,
    changed,
    counter,
    grant,
    no_plan_wanted,
    paid,
    plan_of,
    tabled,
)
from tests.unit.spec import Given

STILL_LESS = debt(outstanding=balances("11800.00", "420.00", "60.00", "150.00"))
PASSING = (OfferTabled, OfferRevised, OfferWithdrawn)


def lasting(events: tuple[Event, ...]) -> list[Event]:
    """What is said besides what stood for a moment."""
    return sorted((event for event in events if not isinstance(event, PASSING)), key=repr)


def without_memory(state: OfferState) -> OfferState:
    """The document without what is kept for late answers."""
    return state.model_copy(update={"answered": (), "stood": ()})


def outcomes(
    start: Given, desk: Sequence[Envelope[Any]], intake: Sequence[Envelope[Any]], day: int = 1
) -> list[Given]:
    """What a day comes to at its close, in every order of two topics, each in its own."""
    facts = [*desk, *intake]
    found = []
    for order in permutations(range(len(facts))):
        if [n for n in order if n < len(desk)] + [n for n in order if n >= len(desk)] == [*range(len(facts))]:
            step = start.when(*(facts[n] for n in order))
            closed = step.closes(after(day))
            found.append(replace(closed, said=(*step.said, *closed.said)))
    return found


def same(found: list[Given], orders: int) -> Given:
    assert len(found) == orders
    first = found[0]
    for other in found[1:]:
        assert lasting(other.said) == lasting(first.said)
        assert without_memory(other.state) == without_memory(first.state)
    return first


@pytest.mark.parametrize("fact", [changed(LESS), paid(LESS)])
def test_an_acceptance_counts_on_the_day_of_another_balance(fact: Event) -> None:
    start = tabled()
    on = start.last(OfferTabled)
    wish = message(accept(on.offer_id, plan_of(on, approval=False)), after(1))
    one = same(outcomes(start, [wish], [message(fact, after(1), sequence=2)]), orders=2)
    agreed = one.last(OfferAgreed)
    assert agreed.offer_id == on.offer_id
    assert (agreed.balances, agreed.intake_sequence) == (on.balances, 1)  # what the offer was made on
    assert one.state.status is OfferStatus.AGREED
    assert one.state.debts[0].outstanding == LESS.outstanding
    assert one.state.debts_seen == 2


def test_what_replaced_it_is_off_the_table_then() -> None:
    start = tabled()
    on = start.last(OfferTabled)
    moved = start.when(message(changed(LESS), after(1), sequence=2))
    instead = moved.last(OfferTabled)
    done = moved.when(message(accept(on.offer_id, plan_of(on, approval=False)), after(1)))
    assert done.emits(OfferWithdrawn, OfferAgreed)
    assert done.last(OfferWithdrawn).offer_id == instead.offer_id
    both = done.when(message(accept(instead.offer_id, plan_of(instead, approval=False)), after(1)))
    assert both.last(InputRefused).reason.code is ReasonCode.OFFER_ALREADY_ANSWERED


def test_two_balances_of_the_day_make_no_difference_either() -> None:
    start = tabled()
    on = start.last(OfferTabled)
    wish = message(accept(on.offer_id, plan_of(on, approval=False)), after(1))
    facts = [message(changed(LESS), after(1), sequence=2), message(changed(STILL_LESS), after(1), sequence=3)]
    one = same(outcomes(start, [wish], facts), orders=3)
    assert one.state.status is OfferStatus.AGREED
    assert one.state.debts[0].outstanding == STILL_LESS.outstanding


def test_a_request_made_that_day_stands_until_it_is_closed() -> None:
    start = tabled()
    on = start.last(OfferTabled)
    wish = message(accept(on.offer_id, plan_of(on, approval=True)), after(1))
    one = same(outcomes(start, [wish], [message(changed(LESS), after(1), sequence=2)]), orders=2)
    request = one.last(ApprovalRequested)
    assert one.state.status is OfferStatus.TABLED
    assert one.last(OfferTabled).balances[0].balances == LESS.outstanding
    late = one.when(message(grant(request), after(2)))
    assert late.last(InputRefused).reason.code is ReasonCode.BALANCE_CHANGED


def test_balances_that_come_back_leave_the_request_until_its_own_day() -> None:
    start = tabled()
    on = start.last(OfferTabled)
    asked = start.when(message(accept(on.offer_id, plan_of(on, approval=True)), after(1)))
    less, back = message(changed(LESS), after(1), sequence=2), message(changed(debt()), after(1), sequence=3)
    closed = asked.when(less, back).closes(after(1))
    assert closed.emits()
    assert closed.state.status is OfferStatus.APPROVAL
    assert closed.state.next_date == asked.last(ApprovalRequested).due


def test_a_request_made_and_granted_on_the_day_of_another_balance_is_agreed() -> None:
    start = tabled()
    on = start.last(OfferTabled)
    wish = message(accept(on.offer_id, plan_of(on, approval=True)), after(1))
    granted = message(grant(start.when(wish).last(ApprovalRequested)), after(1))
    one = same(outcomes(start, [wish, granted], [message(changed(LESS), after(1), sequence=2)]), orders=3)
    assert one.state.status is OfferStatus.AGREED
    assert one.last(OfferAgreed).balances == on.balances


def test_a_grant_counts_on_the_day_of_another_balance() -> None:
    start = tabled()
    on = start.last(OfferTabled)
    asked = start.when(message(accept(on.offer_id, plan_of(on, approval=True)), after(1)))
    granted = message(grant(asked.last(ApprovalRequested)), after(2))
    moved = message(changed(LESS), after(2), sequence=2)
    one = same(outcomes(asked.closes(after(1)), [granted], [moved], day=2), orders=2)
    agreed = one.last(OfferAgreed)
    assert (agreed.balances, agreed.intake_sequence) == (on.balances, 1)
    assert one.state.status is OfferStatus.AGREED


def test_the_next_day_it_is_too_late() -> None:
    start = tabled()
    on = start.last(OfferTabled)
    moved = start.when(message(changed(LESS), after(1), sequence=2)).closes(after(1))
    late = moved.when(message(accept(on.offer_id, plan_of(on, approval=False)), after(2)))
    assert late.last(InputRefused).reason.code is ReasonCode.BALANCE_CHANGED
    assert late.state.status is OfferStatus.TABLED


def test_what_would_have_been_refused_is_refused_and_changes_nothing() -> None:
    start = tabled()
    on = start.last(OfferTabled)
    moved = start.when(message(changed(LESS), after(1), sequence=2))
    unknown = moved.when(message(accept(on.offer_id, "no-such-plan"), after(1)))
    assert unknown.emits(InputRefused)
    assert unknown.last(InputRefused).reason.code is ReasonCode.PLAN_UNKNOWN
    assert unknown.state == moved.state


def test_a_wish_about_what_replaced_it_is_the_borrowers_answer() -> None:
    start = tabled()
    on = start.last(OfferTabled)
    moved = start.when(message(changed(LESS), after(1), sequence=2))
    wished = moved.when(message(counter(on, monthly=cny("700.00")), after(1)))
    assert wished.emits(OfferRevised)
    late = wished.when(message(accept(on.offer_id, plan_of(on, approval=False)), after(1)))
    assert late.emits(InputRefused)
    assert late.state.status is OfferStatus.TABLED


def too_dear() -> tuple[Given, Envelope[Any], OfferTabled]:
    """A plan that could be paid when it was tabled, and cannot any more by figures of the day after."""
    start = tabled()
    on = start.last(OfferTabled)
    plans = {max(row.total.minor for row in p.payments): p for p in on.plans if not p.needs_approval}
    between = cny(f"{(min(plans) + max(plans)) // 200}.00")
    poorer = start.when(message(assessed(str(between), version=2), after(1))).closes(after(1))
    return poorer, message(accept(on.offer_id, plans[max(plans)].plan_id), after(2)), on


def test_a_plan_that_is_too_dear_can_be_accepted_on_the_day_of_better_figures() -> None:
    start, wish, on = too_dear()
    better = message(assessed("1500.00", version=3, as_of=after(2)), after(2))
    found = [start.when(wish, better), start.when(better, wish)]
    for step in found:
        assert step.last(OfferAgreed).offer_id == on.offer_id
    assert [without_memory(step.state) for step in found] == [without_memory(found[0].state)] * 2


def test_without_better_figures_it_is_refused_at_the_close_and_something_else_is_tabled() -> None:
    start, wish, _ = too_dear()
    waits = start.when(wish)
    assert waits.emits()
    closed = waits.closes(after(2))
    assert closed.emits(InputRefused, OfferWithdrawn, OfferTabled)
    assert closed.last(InputRefused).reason.code is ReasonCode.NOT_AFFORDABLE


def test_a_statement_without_news_on_the_day_of_a_no_needs_no_answer_of_its_own() -> None:
    start = tabled()
    no = message(no_plan_wanted(start.last(OfferTabled).offer_id), after(1))
    again = assessed(version=2).model_copy(update={"answers_statement": True})
    found = [start.when(no, message(again, after(1))), start.when(message(again, after(1)), no)]
    assert all(step.emits(TalksFailed) for step in found)
    assert found[0].when(message(again.model_copy(update={"version": 3}), after(2))).emits(NoPlanFound)
