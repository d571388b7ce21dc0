"""Everything that is owed may be waived: such a plan is a settlement, and says so; nothing is asked for."""

from __future__ import annotations

import pytest

from services.agreement.decide import AgreementDecider
from services.offer.decide import OfferDecider
from shared.contracts.agreement import AgreementDrafted, AgreementSigned
from shared.contracts.debts import Plan
from shared.contracts.desk import ApprovalGranted, OfferAccepted, SignatureParty
from shared.contracts.offer import ApprovalRequested, OfferAgreed, OfferTabled
from shared.contracts.reasons import ReasonCode
from shared.texts import LANGUAGES, text
from tests.unit.agreement.test_decide import signature
from tests.unit.builders import DAY, assessed, balances, case_opened, debt, message, reference
from tests.unit.spec import Given, given

CHARGES = balances(late="150.00")


def tabled(now: str) -> Given:
    """Only late charges are owed, all of which may be waived."""
    start = given(OfferDecider(), reference())
    small = debt(outstanding=CHARGES, overdue=CHARGES)
    return start.when(message(case_opened(small), sequence=1), message(assessed(now)))


def free(step: Given) -> Plan:
    return next(plan for plan in step.last(OfferTabled).plans if plan.total_paid[0].is_zero)


@pytest.mark.parametrize("now", ["1500.00", "0.00"])
def test_a_plan_of_nothing_says_that_it_settles_and_not_that_it_can_be_afforded(now: str) -> None:
    plan = free(tabled(now))
    said = {reason.code: reason for reason in plan.reasons}
    assert said[ReasonCode.NOTHING_TO_PAY].params == {"waived": "150.00 CNY"}
    assert ReasonCode.RECORD_SETTLED_FOR_LESS in said
    assert not {ReasonCode.AFFORDABLE_NOW, ReasonCode.RECORD_RENEGOTIATED} & set(said)
    assert plan.needs_approval  # giving all away is never the negotiator's own to grant
    for lang in LANGUAGES:
        assert "150.00 CNY" in text(ReasonCode.NOTHING_TO_PAY, {"waived": "150.00 CNY"}, lang)


def test_where_something_is_to_be_paid_nothing_of_the_kind_is_said() -> None:
    others = [plan for plan in tabled("1500.00").last(OfferTabled).plans if plan.total_paid[0].is_positive]
    assert others
    for plan in others:
        codes = {reason.code for reason in plan.reasons}
        assert ReasonCode.NOTHING_TO_PAY not in codes
        assert {ReasonCode.AFFORDABLE_NOW, ReasonCode.RECORD_RENEGOTIATED} <= codes


def test_once_approved_it_is_drawn_up_and_signed_as_any_other() -> None:
    step = tabled("1500.00")
    accepted = OfferAccepted(
        offer_id=step.last(OfferTabled).offer_id, plan_id=free(step).plan_id, channel="app"
    )
    step = step.when(message(accepted))
    request = step.last(ApprovalRequested)
    yes = ApprovalGranted(request_id=request.request_id, by="s-1", role=request.role, reason="too small")
    agreed = step.when(message(yes)).last(OfferAgreed)
    owed = debt(outstanding=CHARGES, overdue=CHARGES)
    draft = given(AgreementDecider(), reference()).when(message(case_opened(owed), sequence=1))
    draft = draft.when(message(agreed))
    document = draft.last(AgreementDrafted)
    both = [message(signature(document, party)) for party in SignatureParty]
    signed = draft.when(*both).closes(DAY).last(AgreementSigned)
    assert [debt.amounts for debt in signed.waived] == [CHARGES]
    assert all(row.total.is_zero for row in signed.instalments)
