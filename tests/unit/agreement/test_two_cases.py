"""A joint debt in two cases, and a debt that an earlier agreement binds: what an end says, and what not."""

from __future__ import annotations

from typing import Any

import pytest

from services.agreement.decide import AgreementDecider
from services.intake.decide import IntakeDecider
from shared.contracts.agreement import (
    AgreementEnded,
    AgreementSigned,
    BankInstructed,
    CollectionOrder,
    DebtBound,
    InstructionKind,
)
from shared.contracts.debts import DebtStatus
from shared.contracts.desk_parties import CoBorrowerSigned
from shared.contracts.intake import CaseChanged
from shared.contracts.plan_terms import total_of
from tests.unit.agreement.test_conditional import ON, breaks, live
from tests.unit.agreement.test_decide import (
    BOTH,
    DEBTS,
    after,
    agreed,
    broken,
    changed,
    completed,
    in_force,
    signed_by,
)
from tests.unit.agreement.test_guarantors import drafted
from tests.unit.agreement.test_left_beside import amended as leaves_one_beside
from tests.unit.agreement.test_others import UNCLE, WIFE
from tests.unit.agreement.test_withdrawal import DAYS, amended, withdrawal
from tests.unit.builders import balances, case_opened, debt, message, reference
from tests.unit.intake.bank_says import overdue, recalled
from tests.unit.spec import Given, given

OLD = "AG-old"
RULES = {"agreement__cooling_off_days": DAYS}


def moved(step: Given, *away: str) -> Given:
    """Other customers' cases hold these debts now."""
    gone = {"status": DebtStatus.ELSEWHERE}
    debts = (one.model_copy(update=gone) if one.debt_id in away else one for one in DEBTS)
    return step.when(message(changed(*debts), after(20), sequence=20))


def breach(step: Given) -> BankInstructed:
    return step.when(message(broken(step.state.live.agreement_id), after(90))).last(BankInstructed)


def ends(step: Given) -> BankInstructed:
    return step.when(withdrawal(step.state.live.agreement_id, 8)).last(BankInstructed)


# -- a joint debt ----------------------------------------------------------------------------------------


def test_a_breach_here_does_not_say_that_a_debt_of_another_case_is_collected_again() -> None:
    """A plan over it may be kept there: the bank was told to collect, with nothing said of it."""
    told = breach(moved(in_force(), "A-2"))
    assert (told.collection, told.joint) == (CollectionOrder.RESUME, ("A-2",))
    assert breach(in_force()).joint == ()


def test_nor_does_it_take_back_there_what_was_conceded_here() -> None:
    """What a breach brought back made a plan that is kept there dearer, and its rate the contract's."""
    step = live(**ON)
    gone = step.last(AgreementSigned).returns[0].debt_id
    plain, over = (breaks(Given(one.decider, one.reference, one.state, (), step.said))
                   for one in (step, moved(step, gone)))  # fmt: skip
    assert gone in {one.debt_id for one in plain.last(BankInstructed).restored}
    kept = tuple(one for one in plain.last(AgreementEnded).restored if one.debt_id != gone)
    assert over.last(AgreementEnded).restored == over.last(BankInstructed).restored == kept
    assert gone not in {one.debt_id for one in over.last(BankInstructed).rates}


@pytest.mark.parametrize("ending", [breach, ends])
def test_where_a_plan_ends_over_a_debt_that_somebody_else_owes_their_own_agreement_stands(
    ending: Any,
) -> None:
    """They may have signed in a case of their own before the debt came here; a guarantor has none."""
    step = signed_by(drafted(WIFE, UNCLE, **RULES), *BOTH).closes(after(2))
    assert step.last(BankInstructed).joint == ()
    told = ending(step)
    assert (told.collection, told.joint) == (CollectionOrder.RESUME, ("A-1",))
    alone = signed_by(drafted(UNCLE, **RULES), *BOTH).closes(after(2))
    assert ending(alone).joint == ()


@pytest.mark.parametrize("first", [True, False])
def test_who_withdraws_takes_nothing_back_of_a_debt_in_another_obligors_case(first: bool) -> None:
    """There a plan may have been signed on what is owed since, which it made dearer."""
    step = in_force(**RULES) if first else amended()[1]
    waived = {one.debt_id for one in step.state.live.waived}
    assert "A-1" in waived
    over = moved(step, "A-1").when(withdrawal(step.state.live.agreement_id, 8))
    told = over.last(BankInstructed)
    assert {one.debt_id for one in told.restored} == waived - {"A-1"}
    assert over.last(AgreementEnded).restored == told.restored
    assert (told.kind, told.joint) == (InstructionKind.RESTORE_TERMS, ("A-1",))
    plain = step.when(withdrawal(step.state.live.agreement_id, 8)).last(BankInstructed)
    assert "A-1" in {one.debt_id for one in plain.restored}


def test_a_completion_that_resumes_what_it_left_beside_speaks_of_that_alone() -> None:
    step = leaves_one_beside()
    owing = tuple(one.model_copy(update={"obligors": (WIFE,)}) for one in DEBTS)
    done = step.when(
        message(changed(*owing), after(20), sequence=20),
        message(completed(step.state.live.agreement_id), after(30)),
    )
    assert (done.last(BankInstructed).beside, done.last(BankInstructed).joint) == (("A-2",), ("A-2",))


# -- what was signed in an earlier case --------------------------------------------------------------------


def in_its_place(*between: Any, rank: int = 1) -> Given:
    """A plan over both debts, of which one had come back with an agreement that bound it."""
    debts = (DEBTS[0].model_copy(update={"bound_by": OLD}), DEBTS[1])
    start = given(AgreementDecider(), reference(**RULES)).when(message(case_opened(*debts), sequence=1))
    step = start.when(message(agreed(rank, debts, **RULES), after(1)))
    step = signed_by(step, *BOTH, day=after(2)).closes(after(2))
    return step.when(message(changed(*DEBTS), after(3), sequence=5), *between)


def test_who_withdraws_is_bound_by_the_earlier_agreement_again_and_the_bank_is_told() -> None:
    """It was told to collect, by its contract's terms, what it had signed another agreement about."""
    step = in_its_place()
    told = ends(step)
    assert (told.kind, told.collection) == (InstructionKind.RESTORE_TERMS, CollectionOrder.RESUME)
    assert told.binds_again == (DebtBound(debt_id="A-1", agreement_id=OLD),)
    assert ends(in_force(**RULES)).binds_again == ()
    assert breach(step).binds_again == (), "who breaks the new one had put it in the place of the old"


def test_what_is_paid_by_then_is_bound_by_nothing() -> None:
    paid = debt("A-1", outstanding=balances(), overdue=balances())
    free = next(n for n in range(1, 6) if not total_of(agreed(n).plan.debts[0].waived).is_positive)
    assert ends(in_its_place(rank=free)).binds_again
    assert (
        ends(in_its_place(message(changed(paid, DEBTS[1]), after(4), sequence=6), rank=free)).binds_again
        == ()
    )


def test_who_withdraws_from_an_amendment_too_is_bound_by_it_again() -> None:
    _, step = amended()
    assert ends(step).binds_again == ()
    first = in_its_place()
    offer = agreed(2, **RULES).model_copy(update={"offer_id": "O-2"})
    second = signed_by(first.when(message(offer, after(5))), *BOTH, day=after(6)).closes(after(6))
    back = second.when(withdrawal(second.state.live.agreement_id, 8))
    assert back.last(BankInstructed).binds_again == (), "the first agreement of this case is in its place"
    assert ends(back).binds_again == (DebtBound(debt_id="A-1", agreement_id=OLD),)


def test_the_case_knows_it_again() -> None:
    """Plans over the debt said nothing of what was signed, though it bound both sides again."""
    step = given(IntakeDecider(), reference()).when(overdue(), recalled(2), overdue(n=9))
    assert step.state.debt("A-1").bound_by is None
    told = BankInstructed(
        instruction_id="I-1",
        agreement_id="AG-new",
        version=1,
        kind=InstructionKind.RESTORE_TERMS,
        effective=after(12),
        answer_by=after(17),
        binds_again=(DebtBound(debt_id="A-1", agreement_id=OLD), DebtBound(debt_id="A-9", agreement_id=OLD)),
    )
    again = step.when(message(told, after(12)))
    assert again.last(CaseChanged).debts[0].bound_by == OLD


def test_each_agreement_whose_place_is_taken_is_named_by_its_debts() -> None:
    """One was: of two debts with one each, and of an amendment that took in a debt with another."""
    bound = tuple(DebtBound(debt_id=one.debt_id, agreement_id=f"AG-{one.debt_id}") for one in DEBTS)
    debts = tuple(
        one.model_copy(update={"bound_by": by.agreement_id}) for one, by in zip(DEBTS, bound, strict=True)
    )
    start = given(AgreementDecider(), reference(**RULES)).when(message(case_opened(*debts), sequence=1))
    step = signed_by(start.when(message(agreed(1, debts, **RULES), after(1))), *BOTH, day=after(2))
    told = step.closes(after(2)).last(BankInstructed)
    assert (told.supersedes, told.replaces) == ("AG-A-1", bound)
    later = in_force(**RULES).when(message(changed(DEBTS[0], debts[1]), after(4), sequence=9))
    offer = agreed(2, (DEBTS[0], debts[1]), **RULES).model_copy(update={"offer_id": "O-2"})
    amended_ = signed_by(later.when(message(offer, after(5))), *BOTH, day=after(6)).closes(after(6))
    again = amended_.last(BankInstructed)
    assert (again.supersedes, again.replaces) == (amended_.last(AgreementSigned).supersedes, bound[1:])
    assert in_force(**RULES).last(BankInstructed).replaces == ()


def test_where_the_agreement_is_followed_here_again_it_is_no_earlier_one() -> None:
    """A debt that an amendment had left with the bank is in the plan again after a withdrawal from it."""
    told = BankInstructed(
        instruction_id="I-1",
        agreement_id="AG-new",
        version=2,
        kind=InstructionKind.RESTORE_TERMS,
        effective=after(12),
        answer_by=after(17),
        binds_again=(DebtBound(debt_id="A-1", agreement_id=OLD),),
    )
    bound = given(IntakeDecider(), reference()).when(overdue(), message(told, after(12)))
    back = told.model_copy(update={"instruction_id": "I-2", "binds_again": (), "returns_to": OLD})
    assert bound.when(message(back, after(13))).last(CaseChanged).debts[0].bound_by is None
    other = back.model_copy(update={"returns_to": "AG-3"})
    assert bound.when(message(other, after(13))).state.debt("A-1").bound_by == OLD


# -- a co-borrower who had signed it -----------------------------------------------------------------------


def joint_in_its_place(*signs: str) -> Given:
    """The same where the co-borrower of that debt had signed the earlier agreement; `signs`: and this one."""
    came = {"bound_by": OLD, "bound_with": (WIFE.party_id,), "obligors": (WIFE, UNCLE)}
    debts = (DEBTS[0].model_copy(update=came), DEBTS[1])
    start = given(AgreementDecider(), reference(**RULES)).when(message(case_opened(*debts), sequence=1))
    step = start.when(message(agreed(1, debts, **RULES), after(1)))
    draft = step.state.draft
    words = [
        CoBorrowerSigned(
            party_id=party_id, agreement_id=draft.agreement_id, version=1, content_hash=draft.content_hash,
            channel="app", evidence="one-time-code", checked=("identity", "capacity"),
        )
        for party_id in signs
    ]  # fmt: skip
    both = signed_by(step, *BOTH, day=after(2))
    return both.when(*(message(word, after(2)) for word in words)).closes(after(2))


def test_a_co_borrower_who_had_signed_the_earlier_agreement_owes_by_that_one_still() -> None:
    """The bank was told that they owe by the original contract: what it had conceded to them was lost."""
    step = joint_in_its_place()
    told = step.last(BankInstructed)
    assert (told.bound, told.signed_before) == ((), (WIFE.party_id,))
    assert step.last(AgreementSigned).signed_before == (WIFE.party_id,)
    again = joint_in_its_place(WIFE.party_id).last(BankInstructed)
    assert (again.bound, again.signed_before) == ((WIFE.party_id,), ())


def test_who_withdraws_is_bound_by_it_again_with_the_co_borrower() -> None:
    bound = DebtBound(debt_id="A-1", agreement_id=OLD, co_borrowers=(WIFE.party_id,))
    assert ends(joint_in_its_place()).binds_again == (bound,)
