"""A draft that goes back to the table on the very day on which it is signed.

The facts come by different topics, so that either may be read first: what is said, and what stands, must be
the same.
"""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any

import pytest

from services.agreement.decide import AgreementDecider
from shared.contracts.agreement import AgreementDrafted, AgreementReturned, InputRefused
from shared.contracts.base import Reason
from shared.contracts.desk import SignatureParty
from shared.contracts.envelope import Envelope
from shared.contracts.intake import CloseReason
from shared.contracts.offer import OfferWithdrawn
from shared.contracts.reasons import ReasonCode
from tests.unit.agreement.test_decide import (
    BOTH,
    DEBTS,
    LESS,
    after,
    agreed,
    changed,
    closed,
    drafted,
    paid,
    signature,
)
from tests.unit.builders import case_opened, message, reference
from tests.unit.spec import given

WHAT_TAKES_A_DRAFT_BACK = {
    "the balance": message(changed(*LESS), after(2), sequence=2),
    "a payment": message(paid(LESS[0]), after(2), sequence=2),
    "the end of the case": message(closed(CloseReason.CURED), after(2), sequence=2),
    "offer": message(
        OfferWithdrawn(
            offer_id=agreed().offer_id, as_of=after(2), reason=Reason(code=ReasonCode.CAPACITY_CHANGED)
        ),
        after(2),
        sequence=9,
    ),
}


@pytest.mark.parametrize("fact", WHAT_TAKES_A_DRAFT_BACK.values(), ids=WHAT_TAKES_A_DRAFT_BACK.keys())
@pytest.mark.parametrize("parties", [BOTH[:1], BOTH, (BOTH[0], BOTH[0])])
def test_what_is_said_of_a_days_signatures_does_not_depend_on_when_the_draft_went_back(
    fact: Envelope[Any], parties: tuple[SignatureParty, ...]
) -> None:
    step = drafted()
    draft = step.last(AgreementDrafted)
    signatures = [message(signature(draft, party), after(2)) for party in parties]
    stories = []
    for number in range(len(signatures) + 1):
        order = [*signatures[:number], fact, *signatures[number:]]
        done = step.when(*order)
        closed_ = done.closes(after(2))
        stories.append((sorted(map(repr, done.said)), closed_.said, closed_.state))
    assert all(story == stories[0] for story in stories), "by intake or offer, and by the desk: in any order"
    (said, at_close, state) = stories[0]
    assert sum("PartySigned" in one for one in said) == len(set(parties))
    assert (at_close, state.live) == ((), None), "it binds nobody"
    next_day = step.when(fact).when(message(signature(draft, parties[0]), after(3)))
    assert next_day.emits(InputRefused)


@pytest.mark.parametrize(("balance_at", "agreed_at"), [(14, 10), (10, 14)])
def test_a_draft_goes_back_at_the_moment_of_the_later_fact(balance_at: int, agreed_at: int) -> None:
    start = given(AgreementDecider(), reference()).when(message(case_opened(*DEBTS), sequence=1))
    plan = message(agreed().model_copy(update={"intake_sequence": 1}), after(2), sequence=3, hour=agreed_at)
    balance = message(changed(*LESS), after(2), sequence=2, hour=balance_at)
    for step in (start.when(plan, balance), start.when(balance, plan)):
        assert step.emits(AgreementDrafted, AgreementReturned)
        assert step.moment_of(AgreementReturned) == datetime.combine(after(2), time(14), UTC)


@pytest.mark.parametrize(("gone_at", "agreed_at"), [(14, 10), (10, 14)])
def test_nor_does_it_go_back_before_it_was_agreed(gone_at: int, agreed_at: int) -> None:
    start = given(AgreementDecider(), reference()).when(message(case_opened(*DEBTS), sequence=1))
    plan = message(agreed(), after(2), sequence=3, hour=agreed_at)
    gone = OfferWithdrawn(
        offer_id=agreed().offer_id, as_of=after(2), reason=Reason(code=ReasonCode.CAPACITY_CHANGED)
    )
    step = start.when(plan, message(gone, after(2), sequence=4, hour=gone_at))
    assert step.moment_of(AgreementReturned) == datetime.combine(after(2), time(14), UTC)
