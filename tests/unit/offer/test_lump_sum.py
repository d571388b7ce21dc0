"""A sum that a borrower offers to pay at once, whether or not an offer is on the table.

| given | when a sum is offered | then |
| --- | --- | --- |
| nothing fits | it is enough to settle | a settlement is tabled: granted, for nothing of the wish changes |
| nothing fits | it settles only with a waiver beyond the negotiator's | the same, needing approval |
| nothing fits | it is too little, but the rest would fit | told what settles, and which plan follows it |
| nothing fits | it is too little, and the rest fits neither | told what it would leave; the next step stays |
| no figures yet | any | noted, a statement is needed; answered with the first offer |
| an offer | any | the next round; in the last one the offer stands and a person looks |
| a plan in force, a draft, a request | any | that stands; a person looks |
| any | it is borrowed (or, in the Kingdom, from the home) | not taken, and nothing else changes |
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from services.offer.decide import OfferDecider
from services.offer.model import OfferStatus
from shared.contracts.base import Event
from shared.contracts.debts import Measure
from shared.contracts.desk import OfferAccepted
from shared.contracts.desk_talks import LumpSumOffered, MoneySource
from shared.contracts.offer import (
    ApprovalRequested,
    HumanReviewOpened,
    InputRefused,
    LumpSumAnswered,
    NoPlanFound,
    OfferAgreed,
    OfferRevised,
    OfferTabled,
)
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import Reference
from tests.unit.builders import DAY, assessed, balances, case_opened, cny, debt, message, reference, signed
from tests.unit.offer.table import changed
from tests.unit.spec import Given, given

# Owed are 12,000.00 of principal, 420.00 of interest and 150.00 in late charges: 12,570.00. All late charges
# and half of the interest may be waived in a settlement: 360.00.
OWED, LEAST = "12570.00", "12210.00"
DEBT = debt(
    outstanding=balances("12000.00", "420.00", late="150.00"),
    overdue=balances("1600.00", "420.00", late="150.00"),
)


def after(days: int) -> date:
    return DAY + timedelta(days=days)


def case(now: str, rules: Reference | None = None) -> Given:
    start = given(OfferDecider(), rules or reference()).when(message(case_opened(DEBT)))
    return start.when(message(assessed(now)))


def offers(amount: str, day: date | None = None, **more: Any) -> Any:
    return message(LumpSumOffered(amount=cny(amount), **more), day or after(1))


def codes(reasons: Any) -> list[ReasonCode]:
    return [reason.code for reason in reasons]


def without_rests(state: Any) -> dict[str, Any]:
    return dict(state.model_dump(exclude={"rests_at"}))


@pytest.mark.parametrize(("amount", "waived"), [(OWED, "0.00"), (LEAST, "360.00"), ("12390.00", "180.00")])
def test_who_has_no_means_a_month_settles_with_what_they_offer(amount: str, waived: str) -> None:
    start = case("0.00")
    assert start.emits(NoPlanFound)
    step = start.when(offers(amount, source=MoneySource.RELATIVES))
    assert step.emits(OfferTabled)
    offer = step.last(OfferTabled)
    (plan,) = offer.plans
    assert Measure.LUMP_SUM in plan.measures
    assert plan.total_paid == (cny(OWED) - cny(waived),)
    answer = offer.answer
    assert answer is not None
    assert (answer.granted, answer.wished_lump_sum) == (True, cny(amount))
    assert ReasonCode.LUMP_SUM_YOUR_WISH in codes(answer.reasons)
    # Paying it accepts nothing, and is no first instalment of anything.
    assert codes(offer.terms)[-1] is ReasonCode.PAYMENT_IN_TALKS
    accepted = OfferAccepted(offer_id=offer.offer_id, plan_id=plan.plan_id, channel="app")
    assert step.when(message(accepted, after(2))).emits(OfferAgreed)


def test_a_settlement_beyond_the_negotiators_limit_goes_to_the_role_that_may_grant_it() -> None:
    tiers = [
        {"role": "negotiator", "max_waived_pct": 1, "max_rate_cut_pct": 50},
        {"role": "supervisor", "max_waived_pct": 100, "max_rate_cut_pct": 100},
    ]
    step = case("0.00", reference(waiver__authority=tiers)).when(offers(LEAST))
    (plan,) = step.last(OfferTabled).plans
    assert plan.needs_approval
    accepted = OfferAccepted(offer_id=step.last(OfferTabled).offer_id, plan_id=plan.plan_id, channel="app")
    asked = step.when(message(accepted, after(2)))
    assert asked.emits(ApprovalRequested)
    assert asked.last(ApprovalRequested).role == "supervisor"


def test_where_nobody_may_waive_as_much_it_is_said_what_would_settle() -> None:
    tiers = [{"role": "negotiator", "max_waived_pct": 1, "max_rate_cut_pct": 50}]
    said = case("0.00", reference(waiver__authority=tiers)).when(offers(LEAST)).last(LumpSumAnswered)
    assert said.reasons[0].params == {"wished": f"{LEAST} CNY", "needed": f"{OWED} CNY"}


def test_a_sum_that_settles_nothing_is_answered_by_the_plan_that_would_follow_its_payment() -> None:
    start = case("200.00")
    step = start.when(offers("9000.00"))
    assert step.emits(LumpSumAnswered)
    said = step.last(LumpSumAnswered)
    assert codes(said.reasons) == [
        ReasonCode.LUMP_SUM_TOO_LOW,
        ReasonCode.LUMP_SUM_THEN_PLAN,
        ReasonCode.LUMP_SUM_YOUR_WISH,
    ]
    then = said.reasons[1].params
    assert (then["amount"], then["left"]) == ("9000.00 CNY", "3570.00 CNY")
    assert float(then["payment"].split()[0]) <= 200
    assert said.next_step.code is start.last(NoPlanFound).next_step.code
    # Nothing has moved: it is looked at again on the same day, and no round is used up.
    assert said.review_on == start.state.next_date == step.state.next_date
    assert (step.state.status, step.state.round) == (OfferStatus.NO_PLAN, start.state.round)
    # Once it is paid, the plan is there as it was said.
    left = debt(outstanding=balances("3570.00"), overdue=balances("0.00"), days=0, as_of=after(3))
    tabled = step.when(message(changed(left), after(3))).last(OfferTabled)
    shown = tabled.plans[0]
    assert str(len(shown.payments)) == then["months"]
    assert f"{max(row.total for row in shown.payments)} CNY" == then["payment"]


def test_where_the_rest_would_not_fit_either_it_is_said_what_the_sum_would_leave() -> None:
    start = case("0.00")
    said = start.when(offers("3000.00")).last(LumpSumAnswered)
    assert codes(said.reasons) == [
        ReasonCode.LUMP_SUM_TOO_LOW,
        ReasonCode.LUMP_SUM_LOWERS,
        ReasonCode.LUMP_SUM_YOUR_WISH,
    ]
    assert said.reasons[1].params == {"amount": "3000.00 CNY", "left": "9570.00 CNY"}
    assert said.next_step == start.last(NoPlanFound).next_step


def test_a_sum_stays_offered_until_its_figures_are_old() -> None:
    step = case("0.00").when(offers("12000.00"))
    again = step.when(message(assessed("10.00", version=2), after(5)))
    assert again.emits(NoPlanFound, LumpSumAnswered)
    late = assessed("0.00", version=2, as_of=after(400), expires=after(450))
    assert step.when(message(late, after(400))).emits(NoPlanFound)


@pytest.mark.parametrize(("paid", "left"), [("5000.00", "4000.00"), ("9000.00", None), ("9500.00", None)])
def test_what_is_paid_of_it_is_not_counted_again(paid: str, left: str | None) -> None:
    step = case("0.00").when(offers("9000.00"))
    owed = balances(str(cny(OWED) - cny(paid)))
    smaller = debt(outstanding=owed, overdue=balances("1600.00"), as_of=after(3))
    wish = step.when(message(changed(smaller), after(3))).state.wish
    assert (wish and wish.lump_sum) == (left and cny(left))


def test_what_is_offered_before_anything_is_known_is_noted_and_answered_with_the_first_offer() -> None:
    start = given(OfferDecider(), reference()).when(message(case_opened(DEBT)))
    noted = start.when(offers(LEAST))
    said = noted.last(LumpSumAnswered)
    assert noted.emits(LumpSumAnswered)
    assert codes(said.reasons) == [ReasonCode.LUMP_SUM_NOTED, ReasonCode.LUMP_SUM_YOUR_WISH]
    assert said.next_step.code is ReasonCode.STATEMENT_NEEDED
    without = noted.when(message(assessed("0.00"), after(2)))
    assert without.emits(OfferTabled)
    (plan,) = without.last(OfferTabled).plans
    assert Measure.LUMP_SUM in plan.measures
    with_means = noted.when(message(assessed("1500.00"), after(2)))
    assert Measure.LUMP_SUM in with_means.last(OfferTabled).plans[0].measures
    assert len(with_means.last(OfferTabled).plans) > 1
    short = start.when(offers("100.00")).when(message(assessed("0.00"), after(2)))
    assert short.emits(NoPlanFound, LumpSumAnswered)


def test_with_an_offer_on_the_table_it_is_a_wish_like_any_other() -> None:
    start = case("1500.00")
    step = start.when(offers(LEAST))
    assert step.emits(OfferRevised)
    revised = step.last(OfferRevised)
    assert revised.round == 2
    assert Measure.LUMP_SUM in revised.plans[0].measures


def test_in_the_last_round_the_offer_stands_and_a_person_looks() -> None:
    start = case("1500.00", reference(offers__max_rounds=1))
    step = start.when(offers(LEAST))
    assert step.emits(LumpSumAnswered, HumanReviewOpened)
    said = step.last(LumpSumAnswered)
    assert codes(said.reasons) == [ReasonCode.LUMP_SUM_TO_A_PERSON, ReasonCode.LUMP_SUM_YOUR_WISH]
    assert said.next_step.params["due"] == step.last(HumanReviewOpened).due.isoformat()
    assert (step.state.status, step.state.offer) == (OfferStatus.TABLED, start.state.offer)
    again = step.when(offers(LEAST, after(2)))
    assert again.emits(LumpSumAnswered)  # who looks already is enough


def test_after_a_lapsed_offer_it_brings_the_next_round_at_once() -> None:
    lapsed = case("1500.00").closes(after(15))
    assert lapsed.state.status is OfferStatus.LAPSED
    revised = lapsed.when(offers(LEAST, after(16))).last(OfferRevised)
    assert (revised.round, revised.plans[0].total_paid) == (2, (cny(LEAST),))


def test_what_is_agreed_stands_and_a_person_looks() -> None:
    start = case("1500.00")
    offer = start.last(OfferTabled)
    agreed = OfferAccepted(offer_id=offer.offer_id, plan_id=offer.plans[0].plan_id, channel="app")
    draft = start.when(message(agreed, after(1)))
    in_force = draft.when(message(signed((after(30), "500.00")), after(2)))
    for step in (draft, in_force):
        heard = step.when(offers(LEAST, after(3)))
        assert heard.emits(LumpSumAnswered, HumanReviewOpened)
        assert heard.state.status is step.state.status


@pytest.mark.parametrize("now", ["0.00", "1500.00"])
def test_borrowed_money_is_not_taken_and_changes_nothing(now: str) -> None:
    start = case(now)
    step = start.when(offers(LEAST, source=MoneySource.BORROWED))
    assert step.emits(LumpSumAnswered)
    said = step.last(LumpSumAnswered)
    assert codes(said.reasons) == [ReasonCode.LUMP_SUM_NOT_FROM]
    assert said.reasons[0].params == {"source": "borrowed"}
    assert without_rests(step.state) == without_rests(start.state)


def test_which_sources_are_not_taken_is_the_packs_to_say() -> None:
    rules = reference(measures__lump_sum_not_from=["borrowed", "sale_of_home"])
    home = offers(OWED, source=MoneySource.SALE_OF_HOME)
    assert codes(case("0.00", rules).when(home).last(LumpSumAnswered).reasons) == [
        ReasonCode.LUMP_SUM_NOT_FROM
    ]
    assert case("0.00").when(home).emits(OfferTabled)


def test_a_sum_that_comes_later_is_due_when_it_is_there() -> None:
    day = after(40)
    tabled = case("0.00").when(offers(LEAST, available_on=day)).last(OfferTabled)
    assert [row.due for row in tabled.plans[0].payments] == [day]


def test_while_contact_rests_it_is_noted() -> None:
    halted = case("0.00").when(message(changed(DEBT.model_copy(update={"status": "disputed"})), after(1)))
    noted = halted.when(offers(LEAST, after(2)))
    assert codes(noted.last(LumpSumAnswered).reasons)[0] is ReasonCode.DEBT_STOPPED
    assert noted.when(message(changed(DEBT), after(3))).emits(OfferTabled)


@pytest.mark.parametrize(
    ("sum_", "code"),
    [
        (LumpSumOffered(amount=cny("0.00")), ReasonCode.COUNTER_TOO_LOW),
        (LumpSumOffered(amount=cny("100.00", "USD")), ReasonCode.CURRENCY_MISMATCH),
    ],
)
def test_what_cannot_be_answered_is_refused(sum_: Event, code: ReasonCode) -> None:
    step = case("0.00").when(message(sum_, after(1)))
    assert step.emits(InputRefused)
    assert step.last(InputRefused).reason.code is code
