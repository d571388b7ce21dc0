"""What becomes of a signed agreement: paid, broken, closed, or followed by another."""

from __future__ import annotations

import pytest

from services.agreement.decide import AgreementDecider
from services.agreement.model import AgreementStatus
from shared.contracts import intake
from shared.contracts.agreement import (
    AgreementCompleted,
    AgreementDrafted,
    AgreementEnded,
    AgreementReturned,
    AgreementSigned,
    BankInstructed,
    CollectionOrder,
    InstructionKind,
    PeriodRestarted,
    SettlementLetterIssued,
)
from shared.contracts.desk import SignatureParty
from shared.contracts.intake import CloseReason
from shared.contracts.reasons import ReasonCode
from tests.unit.agreement.test_decide import (
    BOTH,
    LESS,
    after,
    agreed,
    broken,
    changed,
    closed,
    completed,
    drafted,
    in_force,
    paid,
    refused,
    signature,
    signed_by,
)
from tests.unit.builders import case_opened, cny, message, reference
from tests.unit.spec import given


def test_payments_on_a_plan_in_force_change_nothing_here() -> None:
    step = in_force().when(message(paid(LESS[0]), after(30), sequence=3))
    assert step.emits()
    assert step.state.status is AgreementStatus.IN_FORCE


@pytest.mark.parametrize("confirmed", [True, False])
def test_the_banks_answers_are_kept(confirmed: bool) -> None:
    step = in_force()
    told = step.last(BankInstructed).instruction_id
    answer = intake.BankAnswered(instruction_id=told, confirmed=confirmed, as_of=after(3))
    kept = step.when(message(answer, after(3)))
    assert kept.emits()
    assert [item.confirmed for item in kept.state.instructions] == [confirmed]
    other = answer.model_copy(update={"instruction_id": "another"})
    assert refused(kept.when(message(other, after(3)))) is ReasonCode.AGREEMENT_UNKNOWN


def test_a_completed_plan_completes_the_agreement_once_whoever_says_so_first() -> None:
    step = in_force()
    id_ = step.last(AgreementSigned).agreement_id
    done = message(completed(id_), after(300))
    end = message(closed(CloseReason.PLAN_COMPLETED), after(300))
    first = step.when(done)
    assert first.emits(AgreementCompleted, SettlementLetterIssued, BankInstructed)
    assert first.last(BankInstructed).kind is InstructionKind.PLAN_COMPLETED
    assert first.last(AgreementCompleted).paid == (cny("12000.00"),)
    assert first.when(done).emits()
    assert first.when(end).emits()
    second = step.when(end)
    assert second.emits(AgreementCompleted, SettlementLetterIssued, BankInstructed)
    assert second.when(done).emits()
    assert first.when(end).state == second.when(done).state


def test_a_broken_plan_ends_the_agreement_and_collection_may_go_on() -> None:
    step = in_force()
    id_ = step.last(AgreementSigned).agreement_id
    ended = step.when(message(broken(id_), after(90)))
    assert ended.emits(AgreementEnded, BankInstructed)
    assert ended.last(AgreementEnded).reason.code is ReasonCode.PLAN_BROKEN
    told = ended.last(BankInstructed)
    assert (told.kind, told.collection, told.agents) == (
        InstructionKind.RESUME_COLLECTION,
        CollectionOrder.RESUME,
        True,
    )
    assert told.credit_status == "overdue"
    assert ended.when(message(broken(id_), after(91))).emits()
    assert refused(step.when(message(broken("another"), after(90)))) is ReasonCode.AGREEMENT_UNKNOWN
    assert (
        refused(given(AgreementDecider(), reference()).when(message(completed("x"))))
        is ReasonCode.AGREEMENT_UNKNOWN
    )


@pytest.mark.parametrize("reason", [CloseReason.CURED, CloseReason.SOLD, CloseReason.RECALLED])
def test_a_closed_case_ends_the_agreement(reason: CloseReason) -> None:
    ended = in_force().when(message(closed(reason), after(90)))
    recalled = (BankInstructed,) if reason is CloseReason.RECALLED else ()
    assert ended.emits(AgreementEnded, *recalled)
    assert ended.last(AgreementEnded).reason.params == {"reason": reason.value}
    assert ended.state.status is AgreementStatus.CLOSED
    assert refused(ended.when(message(agreed(), after(91)))) is ReasonCode.CASE_CLOSED


def test_a_closed_case_makes_a_draft_void() -> None:
    step = drafted()
    draft = step.last(AgreementDrafted)
    void = signed_by(step, *BOTH).when(message(closed(CloseReason.CURED), after(2)))
    assert void.emits(AgreementReturned)
    assert void.closes(after(2)).emits()
    late = void.when(message(signature(draft, SignatureParty.LENDER), after(3)))
    assert refused(late) is ReasonCode.CASE_CLOSED


def test_a_second_agreement_is_the_next_version_and_supersedes_the_first() -> None:
    step = in_force()
    old = step.last(AgreementSigned)
    second = agreed(2, debts=LESS)
    step = step.when(message(changed(*LESS), after(2), sequence=2))
    step = step.when(message(second.model_copy(update={"intake_sequence": 2}), after(2)))
    draft = step.last(AgreementDrafted)
    assert draft.version == 2
    assert draft.agreement_id != old.agreement_id
    assert step.state.live is not None  # the first stays in force until the second is signed
    new = step.when(*(message(signature(draft, party), after(3)) for party in BOTH)).closes(after(3))
    assert new.emits(AgreementEnded, AgreementSigned, BankInstructed, PeriodRestarted)
    assert (new.last(AgreementEnded).agreement_id, new.last(AgreementEnded).reason.code) == (
        old.agreement_id,
        ReasonCode.PLAN_SUPERSEDED,
    )
    assert new.last(AgreementSigned).version == 2
    assert new.when(message(broken(old.agreement_id), after(50))).emits()


def test_a_plan_broken_while_a_new_one_is_drafted_leaves_the_draft() -> None:
    step = in_force()
    old = step.last(AgreementSigned)
    step = step.when(message(agreed(2), after(2)))
    ended = step.when(message(broken(old.agreement_id), after(3)))
    assert ended.emits(AgreementEnded, BankInstructed)
    assert ended.state.status is AgreementStatus.DRAFTED


def test_a_newer_agreed_offer_replaces_the_draft() -> None:
    step = drafted()
    again = step.when(message(agreed(2), after(2)))
    assert again.emits(AgreementReturned, AgreementDrafted)
    assert again.last(AgreementReturned).reason.code is ReasonCode.PLAN_SUPERSEDED
    assert again.last(AgreementDrafted).version == 1
    assert refused(again.when(message(agreed(2), after(2)))) is ReasonCode.OFFER_ALREADY_ANSWERED


def test_an_unknown_pack_is_refused() -> None:
    step = given(AgreementDecider(), reference()).when(message(case_opened(policy="no-such-pack")))
    assert refused(step) is ReasonCode.UNKNOWN_PRODUCT
    assert step.state is None
