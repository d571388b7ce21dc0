"""A pack that changes while somebody negotiates or keeps a plan: what each service goes by."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from services.agreement.decide import AgreementDecider
from services.followup.decide import FollowupDecider
from services.offer.decide import OfferDecider
from shared.contracts import desk, intake
from shared.contracts.agreement import AgreementDrafted, AgreementSigned
from shared.contracts.desk import SignatureParty
from shared.contracts.offer import OfferAgreed, OfferRevised, OfferTabled
from shared.lending.calendar import add_months
from shared.policy.reference import Reference
from shared.policy.testing import example_book
from tests.unit.builders import (
    DAY,
    ROSTER,
    assessed,
    balances,
    case_opened,
    cny,
    debt,
    message,
    signed,
)
from tests.unit.followup.test_care import review
from tests.unit.policy.test_ruling import AFTER, BOOK, CHANGE, ID, changed
from tests.unit.spec import Given, given

REFERENCE = Reference(BOOK, ROSTER, {})
OLD, NEW = BOOK.in_force(ID, DAY).version, BOOK.in_force(ID, AFTER).version
LESS = debt(outstanding=balances("11900.00", "420.00", "60.00", "150.00"))
IN_ROUND = CHANGE + timedelta(days=1)


def talks(on: date = DAY, now: str = "650.00") -> Given:
    start = given(OfferDecider(), REFERENCE).when(message(case_opened(), on, sequence=1))
    return start.when(message(assessed(now, as_of=on, expires=date(2026, 9, 1)), on))


def longest(offer: OfferTabled | OfferRevised) -> int:
    return max(part.instalments for plan in offer.plans for part in plan.debts)


def test_within_a_round_an_offer_that_is_tabled_again_keeps_the_rules_of_the_first() -> None:
    step = talks(now="400.00")
    assert longest(step.last(OfferTabled)) > 36
    moved = intake.CaseChanged(as_of=IN_ROUND, debts=(LESS,))
    again = step.when(message(moved, IN_ROUND, sequence=2)).last(OfferTabled)
    assert (again.round, again.policy_version) == (1, OLD)
    assert longest(again) > 36


def test_the_next_round_has_the_rules_of_its_own_day() -> None:
    step = talks()
    wish = desk.CounterOffered(
        offer_id=step.last(OfferTabled).offer_id, round=1, monthly=cny("500.00"), channel="app"
    )
    answer = step.when(message(wish, IN_ROUND)).last(OfferRevised)
    assert (answer.round, answer.policy_version) == (2, NEW)
    assert longest(answer) <= 36


def test_new_talks_have_the_rules_of_their_day() -> None:
    offer = talks(AFTER).last(OfferTabled)
    assert offer.policy_version == NEW
    assert longest(offer) <= 36


def agreed_on(day: date) -> OfferAgreed:
    step = talks()
    offer = step.last(OfferTabled)
    plan = next(plan for plan in offer.plans if not plan.needs_approval)
    accepted = desk.OfferAccepted(offer_id=offer.offer_id, plan_id=plan.plan_id, channel="app")
    return step.when(message(accepted, day)).last(OfferAgreed)


def test_what_was_offered_before_a_change_is_drawn_up_and_signed_under_the_same_rules() -> None:
    agreed = agreed_on(IN_ROUND)
    assert (agreed.pinned_on, agreed.policy_version) == (DAY, OLD)
    case = given(AgreementDecider(), REFERENCE).when(message(case_opened(), sequence=1))
    step = case.when(message(agreed, IN_ROUND))
    draft = step.last(AgreementDrafted)
    assert draft.policy_version == OLD
    assert draft.terms is not None
    assert draft.terms.grace_days == BOOK.in_force(ID, DAY).followup.grace_days
    for party in (SignatureParty.BORROWER, SignatureParty.LENDER):
        mark = desk.SignatureGiven(
            agreement_id=draft.agreement_id,
            version=draft.version,
            party=party,
            content_hash=draft.content_hash,
            channel="app",
            evidence="ref-1",
        )
        step = step.when(message(mark, IN_ROUND))
    after = step.closes(IN_ROUND).last(AgreementSigned)
    assert (after.effective, after.pinned_on, after.policy_version) == (IN_ROUND, DAY, OLD)


def followed(**more: Any) -> Given:
    start = given(FollowupDecider(), REFERENCE).when(message(case_opened(), sequence=1))
    plan = signed((date(2026, 5, 4), "500.00"), (date(2026, 6, 4), "500.00"), effective=IN_ROUND)
    return start.when(message(plan.model_copy(update=more), IN_ROUND))


@pytest.mark.parametrize(("pinned_on", "grace"), [(DAY, 3), (None, 9), (IN_ROUND, 9)])
def test_a_plan_is_judged_by_the_rules_that_were_promised(pinned_on: date | None, grace: int) -> None:
    state: Any = followed(pinned_on=pinned_on).state
    line = state.plan.lines[0]
    assert 0 <= (line.until - line.due).days - grace <= 3  # the last day of grace is a business day


def test_a_rule_of_conduct_reaches_a_live_plan_on_its_day_and_what_was_agreed_stays() -> None:
    pack = changed(breach__hardship_shield_days=120, followup__review_months=1)
    reference = Reference(example_book(pack), ROSTER, {})
    start = given(FollowupDecider(), reference).when(message(case_opened(), sequence=1))
    rows = [(date(2026, month, 13), "500.00") for month in range(4, 12)]
    live = start.when(message(signed(*rows, effective=DAY)))
    told = desk.HardshipReported(cause="illness", since=AFTER)
    old = example_book(pack).in_force(ID, DAY).breach.hardship_shield_days
    for day, shield in ((CHANGE - timedelta(days=1), old), (CHANGE, 120)):
        state: Any = live.when(message(told.model_copy(update={"since": day}), day)).state
        assert state.plan.paused_until == day + timedelta(days=shield)
    assert old != 120
    agreed = example_book(pack).in_force(ID, DAY).followup.review_months
    assert agreed > 1
    state = live.when(message(review(), AFTER)).state
    assert state.plan.review_on >= add_months(AFTER, agreed)


def test_the_ceiling_is_that_of_the_contracts_date() -> None:
    rows = [(date(2000, 1, 1), 24), (CHANGE, 20)]
    ceilings = [{"contract_from": day, "lender_type": "bank", "all_in_pct": pct} for day, pct in rows]
    book = example_book(changed(rate__ceilings=ceilings, rate__cuts_pct=[0]))

    def rate(contract_date: date) -> Decimal:
        dear = debt(rate="23").model_copy(update={"contract_date": contract_date})
        start = given(OfferDecider(), Reference(book, ROSTER, {})).when(
            message(case_opened(dear), AFTER, sequence=1)
        )
        figures = assessed("650.00", as_of=AFTER, expires=date(2026, 9, 1))
        offer = start.when(message(figures, AFTER)).last(OfferTabled)
        return max(part.annual_rate_pct for plan in offer.plans for part in plan.debts)

    # All-in 24 % and 20 % a year are 21.7 % and 18.4 % when interest is reckoned monthly.
    assert Decimal("21") < rate(CHANGE - timedelta(days=1)) < Decimal("21.8")
    assert Decimal("18") < rate(CHANGE) < Decimal("18.4")
