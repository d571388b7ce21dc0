"""A rate that is set anew, or vests, between a plan and its signatures: what was drawn up goes back."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from services.agreement.decide import AgreementDecider
from services.agreement.model import AgreementStatus
from shared.contracts.agreement import (
    AgreementDrafted,
    AgreementReturned,
    AgreementSigned,
    BankInstructed,
    PartySigned,
)
from shared.contracts.base import Event
from shared.contracts.debts import DebtSnapshot
from shared.contracts.desk import SignatureParty
from shared.contracts.offer import OfferAgreed
from shared.contracts.reasons import ReasonCode
from tests.unit.agreement.test_decide import (
    BOTH,
    DEBTS,
    after,
    agreed,
    changed,
    drafted,
    in_force,
    refused,
    signature,
    signed_by,
)
from tests.unit.builders import case_opened, message, reference
from tests.unit.spec import given

BORROWER, LENDER = SignatureParty.BORROWER, SignatureParty.LENDER
CONDITIONAL = {"agreement__returns_on_breach": ["rate"]}


def at(rate: str) -> tuple[DebtSnapshot, ...]:
    return tuple(one.model_copy(update={"annual_rate_pct": Decimal(rate)}) for one in DEBTS)


def names(said: Sequence[Event]) -> list[str]:
    return [type(event).__name__ for event in said]


@pytest.mark.parametrize("rules", [{}, CONDITIONAL])
@pytest.mark.parametrize("signed", [(), (BORROWER,), BOTH])
def test_a_rate_that_is_set_anew_before_the_day_is_closed_sends_the_draft_back(
    signed: tuple[SignatureParty, ...], rules: dict[str, Any]
) -> None:
    """The balances were the same, so it was signed, however much lower the contract's rate was by then."""
    step = signed_by(drafted(**rules), *signed).when(message(changed(*at("3.00")), after(2), sequence=2))
    assert step.last(AgreementReturned).reason.code is ReasonCode.RATE_CHANGED
    assert step.state.status is AgreementStatus.OPEN
    assert AgreementSigned.__name__ not in names(step.closes(after(2)).said)


def test_the_rate_it_was_drawn_up_beside_changes_nothing() -> None:
    step = signed_by(drafted(), *BOTH).when(message(changed(*at("18.00")), after(2), sequence=2))
    assert step.said == ()
    assert step.closes(after(2)).emits(AgreementSigned, BankInstructed)


def test_a_lower_rate_that_vests_under_the_plan_sends_the_amendment_back() -> None:
    """What had vested was signed away by an amendment whose plan did not know of it yet."""
    live = in_force()
    amendment = agreed(2).model_copy(update={"offer_id": "O-2"})
    step = live.when(message(amendment, after(5)))
    vested = step.when(message(changed(*at("17.10")), after(6), sequence=2))
    assert vested.last(AgreementReturned).reason.code is ReasonCode.RATE_CHANGED
    assert vested.state.status is AgreementStatus.IN_FORCE


@pytest.mark.parametrize("rules", [{}, CONDITIONAL])
def test_it_is_the_same_whichever_is_read_first(rules: dict[str, Any]) -> None:
    """Offer had not read the new rate when the plan was agreed; agreement has it by another topic."""
    start = given(AgreementDecider(), reference(**rules)).when(message(case_opened(*DEBTS), sequence=1))
    rate = message(changed(*at("3.00")), after(1), sequence=2)
    plan = message(agreed(**rules), after(1))
    assert isinstance(plan.data, OfferAgreed)
    assert {one.annual_rate_pct for one in plan.data.balances} == {Decimal(18)}
    one = start.when(plan)
    first = one.last(AgreementDrafted)
    one = one.when(rate)
    other = start.when(rate, plan)
    assert names(other.said) == ["AgreementDrafted", "AgreementReturned"]
    assert other.last(AgreementDrafted) == first
    assert other.last(AgreementReturned) == one.last(AgreementReturned)
    late = message(signature(first, BORROWER), after(1))
    assert names(one.when(late).said) == names(other.when(late).said) == [PartySigned.__name__]
    assert refused(other.when(message(signature(first, BORROWER), after(2)))) is ReasonCode.RATE_CHANGED
