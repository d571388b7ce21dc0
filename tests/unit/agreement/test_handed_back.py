"""A signed plan is unpaid where a debt of it leaves with the case: it binds the bank, which is told so."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from services.agreement.document import content_hash
from services.agreement.model import AgreementStatus
from services.agreement.paper.layout import Letter, page_of
from services.agreement.paper.standing import standing_in
from services.agreement.paper.words import LANGUAGES
from shared.contracts.agreement import (
    AgreementCompleted,
    AgreementEnded,
    AgreementSigned,
    BankInstructed,
    CollectionOrder,
    InstructionKind,
    SettlementKind,
    SettlementLetterIssued,
)
from shared.contracts.base import Reason
from shared.contracts.debts import (
    OUT_OF_PLAN,
    PROTECTED,
    Allocation,
    DebtApart,
    DebtSnapshot,
    DebtStatus,
    InstalmentTotal,
)
from shared.contracts.followup import RewardGranted
from shared.contracts.intake import BankAnswered, CaseClosed, CloseReason
from shared.contracts.reasons import ReasonCode
from tests.unit.agreement.test_decide import (
    BOTH,
    DEBTS,
    after,
    agreed,
    changed,
    completed,
    in_force,
    signed_by,
)
from tests.unit.agreement.test_withdrawal import DAYS, withdrawal
from tests.unit.builders import CASE, balances, cny, debt, message, taken_back
from tests.unit.spec import Given

PAID = debt("A-1", outstanding=balances(), overdue=balances())


def recalled(step: Given, *debts: DebtSnapshot) -> Given:
    gone = tuple(one.model_copy(update={"status": DebtStatus.RECALLED}) for one in debts or DEBTS)
    closed = CaseClosed(as_of=after(20), reason=CloseReason.RECALLED, debts=gone)
    return step.when(message(closed, after(20)))


def handed_back(*between: Any, debts: tuple[DebtSnapshot, ...] = (), **rules: Any) -> BankInstructed:
    gone = recalled(in_force(**rules).when(*between), *debts)
    letters = (SettlementLetterIssued,) if debts else ()
    assert gone.emits(AgreementEnded, *letters, BankInstructed)
    return gone.last(BankInstructed)


def test_a_recall_of_every_debt_hands_the_signed_agreement_back() -> None:
    """It ended without a word: nobody followed it any more, and the bank was not told that it is bound."""
    signed, told = in_force().last(AgreementSigned), handed_back()
    assert (told.kind, told.agreement_id) == (InstructionKind.HAND_BACK, signed.agreement_id)
    assert (told.schedules, told.rates) == (signed.schedules, signed.rates)
    assert (told.collection, told.agents, told.credit_status) == (CollectionOrder.STOP, True, "renegotiated")
    assert (told.restored, told.settled) == ((), ()), "nothing that was conceded is owed again"


def test_where_a_signature_stops_no_collection_its_handing_back_does_not_either() -> None:
    told = handed_back(agreement__stop_collection_on_sign=False)
    assert (told.collection, told.agents) == (None, False)


def test_what_has_vested_and_what_is_paid_is_said_with_it() -> None:
    row = InstalmentTotal(number=2, due=after(40), total=cny("90.00"))
    granted = RewardGranted(
        reward="lower_rate", after_instalment=1, rate_cut_pct=Decimal(25), instalments=(row,)
    )
    told = handed_back(message(granted, after(10)), debts=(PAID, DEBTS[1]))
    assert (told.rate_cut_pct, told.instalments) == (25, (row,))
    assert [(one.debt_id, one.settlement) for one in told.settled] == [("A-1", SettlementKind.FULL)]


def test_the_banks_answer_to_it_is_heard_after_the_case() -> None:
    gone = recalled(in_force())
    assert gone.state.status is AgreementStatus.CLOSED
    answer = BankAnswered(
        instruction_id=gone.last(BankInstructed).instruction_id, confirmed=True, as_of=after(21)
    )
    heard = gone.when(message(answer, after(21)))
    assert heard.emits()
    assert heard.state.instructions[-1].confirmed is True


def test_where_everything_was_paid_there_is_nothing_to_hand_back() -> None:
    other = debt("A-2", outstanding=balances(), overdue=balances())
    done = recalled(in_force(), PAID, other)
    assert done.emits(AgreementCompleted, SettlementLetterIssued, BankInstructed)
    assert done.last(BankInstructed).kind is InstructionKind.PLAN_COMPLETED


# -- where the other debts are settled -----------------------------------------------------------------------

AWAY = (DebtStatus.RECALLED, DebtStatus.ELSEWHERE)


def closed(away: DebtStatus, reason: CloseReason = CloseReason.SETTLED) -> Any:
    debts = (PAID, DEBTS[1].model_copy(update={"status": away}))
    return message(CaseClosed(as_of=after(20), reason=reason, debts=debts), after(20))


@pytest.mark.parametrize("away", AWAY)
def test_what_left_it_unpaid_is_handed_back_though_the_case_closes_as_settled(away: DebtStatus) -> None:
    """A letter certified that the agreement was fulfilled, though the rest of its instalments was unpaid."""
    signed, gone = in_force().last(AgreementSigned), in_force().when(closed(away))
    assert gone.emits(AgreementEnded, SettlementLetterIssued, BankInstructed)
    assert gone.last(SettlementLetterIssued).handed_back, "it does not say that the agreement is fulfilled"
    told = gone.last(BankInstructed)
    assert (told.kind, told.schedules) == (InstructionKind.HAND_BACK, signed.schedules)
    assert told.collection is CollectionOrder.STOP
    assert [(one.debt_id, one.settlement) for one in told.settled] == [("A-1", SettlementKind.FULL)]


@pytest.mark.parametrize("reason", [CloseReason.ELSEWHERE, CloseReason.CURED])
def test_so_it_is_where_the_last_debt_of_the_case_goes_to_another_obligors(reason: CloseReason) -> None:
    """The bank was told nothing: neither that nobody follows the plan here, nor that it is bound by it."""
    gone = in_force().when(closed(DebtStatus.ELSEWHERE, reason))
    assert gone.last(BankInstructed).kind is InstructionKind.HAND_BACK


@pytest.mark.parametrize("away", AWAY)
@pytest.mark.parametrize("ahead", [True, False])
def test_where_every_instalment_was_paid_it_is_completed_all_the_same(away: DebtStatus, ahead: bool) -> None:
    """Whichever is read first: intake's word of the end, or followup's of the last instalment."""
    live = in_force()
    done = completed(live.state.live.agreement_id).model_copy(update={"with_case": True})
    paid = message(done, after(20))
    step = live.when(paid, closed(away)) if ahead else live.when(closed(away), paid)
    kinds = [one.kind for one in step.said if isinstance(one, BankInstructed)]
    assert kinds == [InstructionKind.HAND_BACK, InstructionKind.PLAN_COMPLETED]
    letter = step.last(SettlementLetterIssued)
    assert letter.settlement is SettlementKind.PARTIAL
    assert [one.debt_id for one in letter.surviving] == ["A-2"]
    assert (step.state.status, step.state.debts) == (AgreementStatus.CLOSED, ())
    assert not step.when(paid).said, "said once"


# -- what was paid of it -------------------------------------------------------------------------------------


def test_who_has_paid_one_debt_of_it_has_a_letter_about_that_one() -> None:
    """The bank was told that it is settled, and the borrower had nothing to show for it."""
    gone = recalled(in_force(), PAID, DEBTS[1])
    letter, told = gone.last(SettlementLetterIssued), gone.last(BankInstructed)
    assert (letter.debts, letter.settled, letter.surviving) == (("A-1",), told.settled, ())
    assert (letter.settlement, letter.handed_back) == (SettlementKind.PARTIAL, True)
    assert {one.debt_id for one in letter.forgiven} <= {"A-1"}
    assert letter.content_hash == content_hash(letter, CASE)


def test_where_nothing_of_it_was_paid_there_is_none() -> None:
    assert not [one for one in recalled(in_force()).said if isinstance(one, SettlementLetterIssued)]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_paper_says_that_it_is_about_that_debt_alone(lang: str) -> None:
    issued = recalled(in_force(), PAID, DEBTS[1]).last(SettlementLetterIssued)
    (section,) = page_of(Letter(CASE, "C-1", issued), lang)["sections"]
    text = " ".join(section["paragraphs"])
    assert ("本证明仅涉及文中列明的债务" if lang == "zh" else "about the debts that it names alone") in text
    assert ("履行完毕" if lang == "zh" else "has fulfilled") not in text
    assert ("（A-1）已" if lang == "zh" else "nothing is owed on it any more: A-1") in text
    assert "A-2" not in text


def test_a_later_completion_has_its_own_letter_and_makes_this_one_no_less_true() -> None:
    closes = closed(DebtStatus.RECALLED)
    live = in_force()
    done = completed(live.state.live.agreement_id).model_copy(update={"with_case": True})
    said = live.when(closes, message(done, after(20))).said
    first, second = [one for one in said if isinstance(one, SettlementLetterIssued)]
    assert (first.handed_back, second.handed_back, second.replaces) == (True, False, None)
    assert first.letter_id != second.letter_id
    filed = [
        {"type": one.TYPE, "case": CASE, "data": one.model_dump(mode="json")}
        for one in said
        if isinstance(one, SettlementLetterIssued | AgreementCompleted)
    ]
    assert standing_in(filed, CASE).letters == {}
    part = Allocation(debt_id="A-1", amounts=balances("10.00"))
    back = taken_back("10.00", after(3), after(400)).model_copy(update={"allocations": (part,)})
    filed.append({"type": back.TYPE, "case": CASE, "data": back.model_dump(mode="json")})
    assert set(standing_in(filed, CASE).letters) == {first.letter_id, second.letter_id}


# -- where the others are amended ----------------------------------------------------------------------------


def amended(
    away: DebtStatus, second: DebtSnapshot = DEBTS[1], *between: Any, days: int | None = None
) -> Given:
    """A plan over both debts; the bank takes one back, and the other is agreed about anew."""
    rules = {} if days is None else {"agreement__cooling_off_days": days}
    gone = message(changed(DEBTS[0], second.model_copy(update={"status": away})), after(4), sequence=9)
    said = agreed(2, (DEBTS[0],)).model_copy(update={"offer_id": "O-2"})
    step = in_force(**rules).when(*between, gone, message(said, after(5)))
    return signed_by(step, *BOTH, day=after(6)).closes(after(6))


@pytest.mark.parametrize("away", AWAY)
def test_what_an_amendment_leaves_with_the_bank_stays_bound_by_what_it_amends(away: DebtStatus) -> None:
    """It was told alone that another agreement had taken its place: of this debt no word of it held."""
    first, step = in_force().last(AgreementSigned), amended(away)
    applied, back = [one for one in step.said if isinstance(one, BankInstructed)]
    assert (applied.kind, applied.supersedes) == (InstructionKind.APPLY_PLAN, first.agreement_id)
    assert (back.kind, back.agreement_id) == (InstructionKind.HAND_BACK, first.agreement_id)
    assert back.schedules == tuple(one for one in first.schedules if one.debt_id == "A-2")
    assert [rate.debt_id for rate in back.rates] == ["A-2"]
    assert (back.collection, back.agents, back.restored) == (CollectionOrder.STOP, True, ())
    asked = [(one.instruction_id, one.kind) for one in step.state.instructions][-2:]
    assert asked == [(one.instruction_id, one.kind) for one in (applied, back)]


@pytest.mark.parametrize("status", sorted(PROTECTED))
def test_so_does_what_a_stop_keeps_out_of_the_amendment(status: DebtStatus) -> None:
    """It was neither handed back nor beside the plan: no word said what binds the bank about it."""
    first, step = in_force().last(AgreementSigned), amended(status)
    applied, back = [one for one in step.said if isinstance(one, BankInstructed)]
    assert (applied.kind, applied.supersedes) == (InstructionKind.APPLY_PLAN, first.agreement_id)
    assert (applied.beside, [one.debt_id for one in applied.schedules]) == ((), ["A-1"])
    assert (back.kind, back.agreement_id) == (InstructionKind.HAND_BACK, first.agreement_id)
    assert back.schedules == tuple(one for one in first.schedules if one.debt_id == "A-2")
    assert ([rate.debt_id for rate in back.rates], back.collection) == (["A-2"], CollectionOrder.STOP)


def test_when_the_stop_is_over_and_it_is_agreed_anew_the_bank_hears_whose_place_that_takes() -> None:
    step = amended(DebtStatus.DISPUTED)
    old = step.last(BankInstructed).agreement_id
    again = tuple(one.model_copy(update={"bound_by": old if one.debt_id == "A-2" else None}) for one in DEBTS)
    said = agreed(3, again).model_copy(update={"offer_id": "O-3"})
    told = step.when(message(changed(*again), after(8), sequence=20), message(said, after(9)))
    told = signed_by(told, *BOTH, day=after(10)).closes(after(10))
    (applied,) = [one for one in told.said if isinstance(one, BankInstructed)]
    assert applied.supersedes == step.state.live.agreement_id
    assert [(one.debt_id, one.agreement_id) for one in applied.replaces] == [("A-2", old)]


def test_who_withdraws_from_the_amendment_has_it_in_the_plan_again() -> None:
    step = amended(DebtStatus.DISPUTED, days=DAYS)
    back = step.when(withdrawal(step.state.live.agreement_id, 8)).last(BankInstructed)
    assert back.returns_to == step.last(BankInstructed).agreement_id
    assert {one.debt_id for one in back.schedules} == {"A-1", "A-2"}


@pytest.mark.parametrize("status", sorted(OUT_OF_PLAN))
def test_what_both_left_to_a_person_is_not_handed_back_too(status: DebtStatus) -> None:
    """It left the plan between draft and signature: one word said that no schedule holds of it, another that
    the old one does."""
    said = agreed(2, (DEBTS[0],))
    left = DebtApart(debt_id="A-2", reason=Reason(code=ReasonCode.CURRENCY_APART))
    said = said.model_copy(
        update={"plan": said.plan.model_copy(update={"apart": (left,)}), "offer_id": "O-2"}
    )
    gone = changed(DEBTS[0], DEBTS[1].model_copy(update={"status": status}))
    step = in_force().when(message(said, after(5)), message(gone, after(5), sequence=9))
    step = signed_by(step, *BOTH, day=after(6)).closes(after(6))
    (told,) = [one for one in step.said if isinstance(one, BankInstructed)]
    assert (told.kind, told.beside) == (InstructionKind.APPLY_PLAN, ("A-2",))


def test_what_has_vested_is_said_of_it_by_its_rate_alone() -> None:
    row = InstalmentTotal(number=2, due=after(40), total=cny("90.00"))
    granted = RewardGranted(
        reward="lower_rate", after_instalment=1, rate_cut_pct=Decimal(25), instalments=(row,)
    )
    told = amended(DebtStatus.RECALLED, DEBTS[1], message(granted, after(3))).last(BankInstructed)
    assert (told.rate_cut_pct, told.instalments) == (25, ())


@pytest.mark.parametrize(("status", "second"), [(DebtStatus.RECALLED, PAID), (DebtStatus.SOLD, DEBTS[1])])
def test_nothing_is_handed_back_of_what_is_paid_or_goes_on_with_its_buyer(
    status: DebtStatus, second: DebtSnapshot
) -> None:
    second = second.model_copy(update={"debt_id": "A-2"})
    kinds = [one.kind for one in amended(status, second).said if isinstance(one, BankInstructed)]
    assert kinds == [InstructionKind.APPLY_PLAN]


def test_after_a_withdrawal_from_the_amendment_the_whole_of_it_may_be_handed_back() -> None:
    """Another instruction than that about the part, which the bank would take for one that it has done."""
    step = amended(DebtStatus.RECALLED, days=DAYS)
    part = step.last(BankInstructed)
    again = step.when(withdrawal(step.state.live.agreement_id, 8))
    assert again.last(BankInstructed).returns_to == part.agreement_id
    whole = recalled(again).last(BankInstructed)
    assert (whole.kind, whole.agreement_id) == (InstructionKind.HAND_BACK, part.agreement_id)
    assert whole.instruction_id != part.instruction_id
    assert {one.debt_id for one in whole.schedules} == {"A-1", "A-2"}
