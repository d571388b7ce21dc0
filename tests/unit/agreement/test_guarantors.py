"""A guarantor whose liability grows agrees in writing before anything takes effect; others are not asked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.agreement.decide import AgreementDecider
from services.agreement.model import AgreementStatus
from shared.contracts import intake
from shared.contracts.agreement import (
    AgreementDrafted,
    AgreementReturned,
    AgreementSigned,
    BankInstructed,
    CollectionOrder,
    GuarantorConsented,
    InputRefused,
    InstructionKind,
    PartySigned,
)
from shared.contracts.debts import DebtSnapshot
from shared.contracts.desk import SignatureParty, WithdrawalDeclared
from shared.contracts.desk_parties import GuarantorAgreed
from shared.contracts.parties import DebtObligor, ObligorRole
from shared.contracts.reasons import ReasonCode
from shared.policy.testing import example_pack
from tests.unit.agreement.test_decide import BOTH, DEBTS, SIGN_BY, after, agreed, signature
from tests.unit.builders import case_opened, cny, message, reference
from tests.unit.spec import Given, given

PARTY = "party-g"
# 12,630.00 are owed on A-1.
ALL_OF_IT = DebtObligor(party_id=PARTY, role=ObligorRole.GUARANTOR)
CAPPED = DebtObligor(party_id=PARTY, role=ObligorRole.GUARANTOR, liability=cny("12630.00"))
HIGH_CAP = DebtObligor(party_id=PARTY, role=ObligorRole.GUARANTOR, liability=cny("12630.01"))
CO = DebtObligor(party_id="party-c", role=ObligorRole.CO_BORROWER)


def debts(*obligors: DebtObligor) -> tuple[DebtSnapshot, ...]:
    return DEBTS[0].model_copy(update={"obligors": obligors}), DEBTS[1]


def drafted(*obligors: DebtObligor, rank: int = 1, **overrides: Any) -> Given:
    start = given(AgreementDecider(), reference(**overrides))
    opened = start.when(message(case_opened(*debts(*obligors)), sequence=1))
    return opened.when(message(agreed(rank, **overrides), after(1)))


def consent(draft: AgreementDrafted, party: str = PARTY, **other: Any) -> GuarantorAgreed:
    return GuarantorAgreed(
        **{
            "party_id": party,
            "agreement_id": draft.agreement_id,
            "version": draft.version,
            "content_hash": draft.content_hash,
            "evidence": "signed-paper",
            **other,
        }
    )


def with_interest(*obligors: DebtObligor) -> Given:
    """The first plan that bears interest on A-1."""
    for rank in range(1, 6):
        step = drafted(*obligors, rank=rank)
        if step.last(AgreementDrafted).plan.debts[0].annual_rate_pct > 0:
            return step
    raise AssertionError("no plan bears interest")


@pytest.mark.parametrize(
    ("obligor", "asked"),
    [(ALL_OF_IT, (PARTY,)), (CAPPED, ()), (HIGH_CAP, (PARTY,)), (CO, ())],
)
def test_only_a_guarantor_whose_liability_grows_is_asked(
    obligor: DebtObligor, asked: tuple[str, ...]
) -> None:
    assert with_interest(obligor).last(AgreementDrafted).guarantors == asked


def test_a_plan_that_asks_for_no_more_than_today_needs_no_consent() -> None:
    free = {"rate__cuts_pct": [100], "waiver__authority": [
        {"role": "negotiator", "max_waived_pct": 100, "max_rate_cut_pct": 100}]}  # fmt: skip
    draft = drafted(ALL_OF_IT, **free).last(AgreementDrafted)
    assert draft.plan.debts[0].annual_rate_pct == 0
    assert draft.guarantors == ()


def test_nothing_takes_effect_before_the_guarantor_has_agreed() -> None:
    step = with_interest(ALL_OF_IT)
    draft = step.last(AgreementDrafted)
    signed = step.when(*(message(signature(draft, party), after(2)) for party in BOTH))
    assert signed.emits(PartySigned, PartySigned)
    assert signed.state.status is AgreementStatus.GUARANTOR
    assert signed.closes(after(2)).said == ()
    late = signed.closes(SIGN_BY)
    assert late.emits(AgreementReturned)
    agreed_ = signed.when(message(consent(draft), after(3)))
    assert agreed_.emits(GuarantorConsented)
    assert agreed_.state.status is AgreementStatus.SIGNED_BY_BOTH
    in_force = agreed_.closes(after(3))
    assert in_force.last(AgreementSigned).effective == after(3)


@pytest.mark.parametrize("first", [0, 1, 2])
def test_consent_and_signatures_may_come_in_any_order(first: int) -> None:
    step = with_interest(ALL_OF_IT)
    draft = step.last(AgreementDrafted)
    given_ = [message(consent(draft), after(2)), *(message(signature(draft, p), after(2)) for p in BOTH)]
    done = step.when(*given_[first:], *given_[:first])
    assert done.closes(after(2)).last(AgreementSigned).effective == after(2)


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({"party_id": "somebody"}, ReasonCode.GUARANTOR_NOT_NEEDED),
        ({"version": 2}, ReasonCode.VERSION_MISMATCH),
        ({"content_hash": "0" * 64}, ReasonCode.HASH_MISMATCH),
    ],
)
def test_a_consent_counts_for_this_content_from_who_was_asked(
    other: dict[str, Any], code: ReasonCode
) -> None:
    step = with_interest(ALL_OF_IT)
    draft = step.last(AgreementDrafted)
    refused = step.when(message(consent(draft).model_copy(update=other), after(2)))
    assert refused.last(InputRefused).reason.code is code
    assert refused.state == step.state


def test_a_consent_counts_once_in_time_and_not_after() -> None:
    step = with_interest(ALL_OF_IT)
    draft = step.last(AgreementDrafted)
    again = step.when(message(consent(draft), after(2)), message(consent(draft), after(2)))
    assert again.last(InputRefused).reason.code is ReasonCode.ALREADY_SIGNED
    late = step.when(message(consent(draft), SIGN_BY + timedelta(days=1)))
    assert late.last(InputRefused).reason.code is ReasonCode.SIGNATURE_TOO_LATE
    gone = step.closes(SIGN_BY).when(message(consent(draft), after(3)))
    assert gone.last(InputRefused).reason.code is ReasonCode.SIGNATURE_TOO_LATE


def test_who_was_not_asked_is_not_told_that_they_have_signed() -> None:
    """A word about an agreement in force was answered as if the guarantor had signed it."""
    step = with_interest(CAPPED)
    draft = step.last(AgreementDrafted)
    assert draft.guarantors == ()
    in_force = step.when(*(message(signature(draft, p), after(2)) for p in BOTH)).closes(after(2))
    late = in_force.when(message(consent(draft), after(3)))
    assert late.last(InputRefused).reason.code is ReasonCode.GUARANTOR_NOT_NEEDED
    assert late.state == in_force.state


def test_a_guarantor_who_comes_to_the_debt_makes_the_draft_void() -> None:
    step = with_interest()
    assert step.last(AgreementDrafted).guarantors == ()
    after_ = step.when(message(intake.CaseChanged(as_of=after(2), debts=debts(ALL_OF_IT)), after(2)))
    assert after_.last(AgreementReturned).reason.code is ReasonCode.PLAN_NO_LONGER_COMPUTES


def test_the_guarantors_are_part_of_what_both_parties_sign() -> None:
    assert with_interest(ALL_OF_IT).last(AgreementDrafted).content_hash != (
        with_interest().last(AgreementDrafted).content_hash
    )


# -- clauses and conduct of several packs


def test_clauses_follow_each_debt_s_own_pack_and_conduct_the_strictest() -> None:
    card = example_pack(agreement__stop_collection_on_sign=False)
    loan = example_pack(
        {"id": "example-loan"},
        agreement__required_sections=["debt_structure", "loan_terms"],
        agreement__stop_collection_on_sign=True,
        agreement__cooling_off_days=14,
    )
    mixed = (DEBTS[0], DEBTS[1].model_copy(update={"policy": "example-loan"}))
    plan = agreed()
    packs = [
        row.model_copy(update={"policy": d.policy}) for row, d in zip(plan.plan.debts, mixed, strict=True)
    ]
    plan = plan.model_copy(update={"plan": plan.plan.model_copy(update={"debts": tuple(packs)})})
    step = given(AgreementDecider(), reference(card, loan)).when(message(case_opened(*mixed), sequence=1))
    step = step.when(message(plan, after(1)))
    draft = step.last(AgreementDrafted)
    assert draft.sections == ("debt_structure", "instalment_plan", "interest_and_fees", "loan_terms")
    signed = step.when(*(message(signature(draft, party), after(2)) for party in SignatureParty))
    signed = signed.closes(after(2))
    told = signed.last(BankInstructed)
    assert (told.kind, told.collection, told.agents) == (
        InstructionKind.APPLY_PLAN,
        CollectionOrder.STOP,
        True,
    )
    assert draft.terms is not None
    assert draft.terms.stop_collection
    assert draft.terms.cooling_off_days == 14
    assert draft.terms.clauses[-1] == "loan_terms"
    assert signed.state.live.withdraw_until == after(16)
    gone = signed.when(
        message(WithdrawalDeclared(agreement_id=draft.agreement_id, channel="app", evidence="m-1"), after(3))
    )
    assert gone.last(BankInstructed).collection is CollectionOrder.RESUME
