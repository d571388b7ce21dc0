"""Stop events on a draft and on a signed agreement: no day to sign passes, what is signed stays."""

from __future__ import annotations

import pytest

from services.agreement.model import AgreementStatus
from shared.contracts import intake
from shared.contracts.agreement import (
    AgreementEnded,
    AgreementReturned,
    AgreementSigned,
    BankInstructed,
    CollectionOrder,
    InputRefused,
)
from shared.contracts.debts import DebtStatus
from shared.contracts.desk import WithdrawalDeclared
from shared.contracts.desk_parties import StopReported
from shared.contracts.followup import PlanBroken
from shared.contracts.parties import CaseHalt, StopCause
from shared.contracts.reasons import ReasonCode
from tests.unit.agreement.test_decide import BOTH, DEBTS, after, drafted, in_force, refused, signed_by
from tests.unit.builders import message
from tests.unit.spec import Given
from tests.unit.stopping import CAUSES, begins, over


def stops(step: Given, cause: StopCause, n: int) -> Given:
    """Both debts of the case are stopped on day n."""
    status = begins(cause, after(n))[0].data.debts[0].status
    held = tuple(debt.model_copy(update={"status": status}) for debt in DEBTS)
    return step.when(message(intake.CaseChanged(as_of=after(n), debts=held), after(n)))


@pytest.mark.parametrize("cause", CAUSES)
def test_an_unsigned_draft_goes_back_at_once_and_does_not_expire(cause: StopCause) -> None:
    stopped = stops(drafted(), cause, 2)
    assert stopped.emits(AgreementReturned)
    assert stopped.last(AgreementReturned).reason.code is ReasonCode.DEBT_LEFT_PLAN
    assert stopped.decider.due(stopped.state) is None
    late = stops(signed_by(drafted(), BOTH[0]), cause, 2)
    assert late.emits(AgreementReturned)
    assert late.closes(after(300)).said == ()


@pytest.mark.parametrize("cause", CAUSES)
def test_nobody_signs_what_was_taken_back(cause: StopCause) -> None:
    draft = drafted()
    stopped = stops(draft, cause, 2)
    signs = Given(stopped.decider, stopped.reference, stopped.state, (), draft.said)
    assert refused(signed_by(signs, *BOTH, day=after(3))) is ReasonCode.DEBT_LEFT_PLAN


@pytest.mark.parametrize("cause", CAUSES)
def test_a_signed_agreement_stays_in_force(cause: StopCause) -> None:
    stopped = stops(in_force(), cause, 5)
    assert stopped.said == ()
    assert stopped.state.status is AgreementStatus.IN_FORCE


@pytest.mark.parametrize("status", [DebtStatus.SOLD, DebtStatus.RECALLED])
def test_a_sale_or_recall_never_voids_what_is_signed(status: DebtStatus) -> None:
    signed = in_force()
    assert signed.last(AgreementSigned)
    gone = tuple(debt.model_copy(update={"status": status}) for debt in DEBTS)
    sold = signed.when(message(intake.CaseChanged(as_of=after(5), debts=gone), after(5)))
    assert sold.said == ()
    assert sold.state.live.model_copy(update={"out": ()}) == signed.state.live


def test_after_a_broken_plan_collection_of_a_debt_that_is_held_rests_all_the_same() -> None:
    signed = in_force()
    ended = PlanBroken(
        agreement_id=signed.last(AgreementSigned).agreement_id, as_of=after(90), missed=2, reasons=()
    )
    assert signed.when(message(ended, after(90))).last(BankInstructed).held == ()
    one = (DEBTS[0].model_copy(update={"status": DebtStatus.DISPUTED}), *DEBTS[1:])
    stopped = signed.when(message(intake.CaseChanged(as_of=after(5), debts=one), after(5)))
    told = stopped.when(message(ended, after(90))).last(BankInstructed)
    assert (told.collection, told.held) == (CollectionOrder.RESUME, (DEBTS[0].debt_id,))


@pytest.mark.parametrize(
    "about", [a for a in intake.InstructionAbout if a is not intake.InstructionAbout.PLAN]
)
def test_the_answer_to_another_service_s_instruction_is_not_refused_here(
    about: intake.InstructionAbout,
) -> None:
    answer = intake.BankAnswered(instruction_id="I-9", confirmed=True, as_of=after(5), about=about)
    assert in_force().when(message(answer, after(5))).said == ()


# --- the days to withdraw

COOLING = {"agreement__cooling_off_days": 14}


def halted(step: Given, n: int, *, begin: bool) -> Given:
    said = begins(StopCause.DEATH, after(n))[1] if begin else over(after(n))[1]
    return step.when(said)


def withdraws(step: Given, agreement_id: str, n: int) -> list[type]:
    data = WithdrawalDeclared(agreement_id=agreement_id, channel="app", evidence="letter-1")
    return [type(event) for event in step.when(message(data, after(n))).said]


@pytest.mark.parametrize(("n", "in_time"), [(2 + 14 + 20, True), (2 + 14 + 21, False)])
def test_the_days_to_withdraw_stand_still_while_the_case_is_stopped(n: int, in_time: bool) -> None:
    signed = in_force(**COOLING)
    id_ = signed.last(AgreementSigned).agreement_id
    back = halted(halted(signed, 5, begin=True), 25, begin=False)
    assert back.state.live.withdraw_until == after(2 + 14 + 20)
    assert withdraws(back, id_, n) == ([AgreementEnded, BankInstructed] if in_time else [InputRefused])


def test_nobody_is_too_late_in_a_stop_that_began_in_time_and_a_late_one_brings_no_day_back() -> None:
    signed = in_force(**COOLING)
    id_ = signed.last(AgreementSigned).agreement_id
    assert withdraws(halted(signed, 16, begin=True), id_, 200) == [AgreementEnded, BankInstructed]
    late = halted(signed, 17, begin=True)
    assert withdraws(late, id_, 17) == [InputRefused]
    assert halted(late, 40, begin=False).state.live.withdraw_until == after(16)


def test_where_the_pack_counts_every_day_the_stop_changes_nothing() -> None:
    signed = in_force(**COOLING, cooling_off__stands_still_when_stopped=False)
    id_ = signed.last(AgreementSigned).agreement_id
    stopped = halted(signed, 5, begin=True)
    assert withdraws(stopped, id_, 17) == [InputRefused]
    assert halted(stopped, 25, begin=False).state.live.withdraw_until == after(16)


def test_a_sale_halts_the_case_and_gives_no_day_to_withdraw() -> None:
    signed = in_force(**COOLING)
    id_ = signed.last(AgreementSigned).agreement_id
    sale = CaseHalt(stops=("contact",), may_contact=("buyer",))
    sold = signed.when(message(intake.StopsChanged(as_of=after(5), stops=(), halt=sale), after(5)))
    assert withdraws(sold, id_, 16) == [AgreementEnded, BankInstructed]
    assert withdraws(sold, id_, 17) == [InputRefused]
    both = halted(signed, 5, begin=True)
    left = both.when(message(intake.StopsChanged(as_of=after(25), stops=(), halt=sale), after(25)))
    assert left.state.live.withdraw_until == after(2 + 14 + 20), "as many as were left when the stop began"


@pytest.mark.parametrize("reason", [intake.CloseReason.SETTLED, intake.CloseReason.RECALLED])
def test_a_closed_case_stands_the_same_whether_a_stop_of_its_last_day_was_read_before_or_after_its_end(
    reason: intake.CloseReason,
) -> None:
    told = message(StopReported(stop_id="S-1", cause=StopCause.DISPUTE, since=after(5)), after(5))
    gone = tuple(debt.model_copy(update={"status": DebtStatus.RECALLED}) for debt in DEBTS)
    debts = gone if reason is intake.CloseReason.RECALLED else ()
    end = message(intake.CaseClosed(as_of=after(5), reason=reason, debts=debts), after(5))
    for before in (drafted(), in_force()):
        assert before.when(told).when(end).state == before.when(end).when(told).state
