"""A debt that comes back after its signed agreement was handed to the bank: the new case knows of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from services.agreement.decide import AgreementDecider
from services.intake.decide import IntakeDecider
from services.offer.decide import OfferDecider
from shared.contracts.agreement import AgreementSigned, BankInstructed, DebtSettled, InstructionKind
from shared.contracts.bank import Obligor
from shared.contracts.debts import DebtSchedule, DebtSnapshot
from shared.contracts.envelope import Envelope
from shared.contracts.intake import CaseChanged, CaseOpened
from shared.contracts.offer import HumanReviewOpened, OfferTabled
from shared.contracts.parties import ObligorRole, party_id_of
from shared.contracts.reasons import ReasonCode
from tests.unit.agreement.test_decide import BOTH, agreed, signed_by
from tests.unit.builders import DAY, assessed, case_opened, debt, message, reference
from tests.unit.intake.bank_says import overdue, recalled
from tests.unit.spec import Given, given

OLD = "AG-old"
BOUND = debt().model_copy(update={"bound_by": OLD})


def after(days: int) -> date:
    return DAY + timedelta(days=days)


# -- intake ---------------------------------------------------------------------------------------------


def told(kind: InstructionKind, n: int, agreement_id: str = OLD, paid: bool = False) -> Envelope[Any]:
    """An instruction about the account: it is in the agreement's schedules."""
    rows = DebtSchedule(debt_id="A-1", rows=())
    settled = (DebtSettled(debt_id="A-1", settlement="full", credit_status="settled"),) if paid else ()
    said = BankInstructed(
        instruction_id=f"{kind}-{n}",
        agreement_id=agreement_id,
        version=1,
        kind=kind,
        effective=after(n),
        answer_by=after(n + 5),
        schedules=(rows,),
        settled=settled,
    )
    return message(said, after(n))


def handed_back(*between: Envelope[Any], paid: bool = False) -> Given:
    start = given(IntakeDecider(), reference()).when(overdue(), recalled(2))
    return start.when(told(InstructionKind.HAND_BACK, 3, paid=paid), *between)


def bound_in_new_case(step: Given) -> str | None:
    return step.when(overdue(n=9)).last(CaseOpened).debts[0].bound_by


def test_the_new_case_knows_the_agreement_that_still_binds() -> None:
    """It began as if nothing was there: nobody knew of schedules and waivers that the bank had signed."""
    assert bound_in_new_case(handed_back()) == OLD
    assert bound_in_new_case(given(IntakeDecider(), reference()).when(overdue(), recalled(2))) is None


def test_what_was_paid_of_it_or_is_since_is_bound_no_more() -> None:
    assert bound_in_new_case(handed_back(paid=True)) is None
    assert bound_in_new_case(handed_back(told(InstructionKind.PLAN_COMPLETED, 4))) is None
    other = told(InstructionKind.PLAN_COMPLETED, 4, agreement_id="AG-other")
    assert bound_in_new_case(handed_back(other)) == OLD


def test_a_new_agreement_takes_its_place() -> None:
    step = handed_back().when(overdue(n=9))
    signed = step.when(told(InstructionKind.APPLY_PLAN, 12, agreement_id="AG-new"))
    assert signed.last(CaseChanged).debts[0].bound_by is None


def test_a_word_that_comes_after_the_new_case_is_said_in_it() -> None:
    step = given(IntakeDecider(), reference()).when(overdue(), recalled(2), overdue(n=9))
    late = step.when(told(InstructionKind.HAND_BACK, 9))
    assert late.last(CaseChanged).debts[0].bound_by == OLD


@pytest.mark.parametrize("kept", ["bound", "signed_before"])
def test_the_new_case_knows_which_co_borrowers_of_the_debt_had_signed_it(kept: str) -> None:
    """Neither a guarantor nor who owes another debt of that agreement is bound with this one."""
    roles = {"C-1": ObligorRole.BORROWER, "C-2": ObligorRole.CO_BORROWER, "C-3": ObligorRole.GUARANTOR}
    joint = tuple(Obligor(customer=customer, role=role) for customer, role in roles.items())
    signed = tuple(party_id_of(customer) for customer in ("C-2", "C-3", "C-4"))
    back = told(InstructionKind.HAND_BACK, 3)
    back = replace(back, data=back.data.model_copy(update={kept: signed}))
    step = given(IntakeDecider(), reference()).when(overdue(obligors=joint), recalled(2), back)
    (known,) = step.when(overdue(n=9, obligors=joint)).last(CaseOpened).debts
    assert (known.bound_by, known.bound_with) == (OLD, (party_id_of("C-2"),))
    again = step.when(
        overdue(n=9, obligors=joint), told(InstructionKind.APPLY_PLAN, 12, agreement_id="AG-new")
    )
    assert again.last(CaseChanged).debts[0].bound_with == ()


# -- offer and agreement --------------------------------------------------------------------------------


def talks(*debts: DebtSnapshot) -> Given:
    start = given(OfferDecider(), reference())
    return start.when(message(case_opened(*debts), sequence=1), message(assessed("2500.00")))


def test_its_offers_say_so_and_a_person_looks_into_it() -> None:
    """The old schedule could be offered anew, or a dearer one, with no word of what was signed."""
    step = talks(BOUND, debt("A-2"))
    assert step.emits(OfferTabled, HumanReviewOpened)
    reason = step.last(HumanReviewOpened).reason
    assert reason.code is ReasonCode.EARLIER_AGREEMENT_BINDS
    assert reason.params == {"account": "A-1", "agreement": OLD}
    assert all(plan.reasons.count(reason) == 1 for plan in step.last(OfferTabled).plans)
    assert talks(debt(), debt("A-2")).emits(OfferTabled)


def test_plans_that_were_computed_without_it_no_longer_fit() -> None:
    step = talks(debt())
    heard = CaseChanged(as_of=after(1), debts=(BOUND,))
    again = step.when(message(heard, after(1), sequence=5))
    assert again.last(HumanReviewOpened).reason.code is ReasonCode.EARLIER_AGREEMENT_BINDS


def test_what_is_signed_takes_its_place_at_the_bank() -> None:
    said = agreed(debts=(BOUND,))
    for known, replaced in ((BOUND, OLD), (debt(), None)):
        start = given(AgreementDecider(), reference()).when(message(case_opened(known), sequence=1))
        signed = signed_by(start.when(message(said, after(1))), *BOTH, day=after(2)).closes(after(2))
        assert signed.last(BankInstructed).supersedes == replaced
        assert signed.last(AgreementSigned).supersedes is None, "of this case it is the first"
