"""Stop events on a draft and on a signed agreement: no day to sign passes, what is signed stays."""

from __future__ import annotations

import pytest

from services.agreement.model import AgreementStatus
from shared.contracts import intake
from shared.contracts.agreement import AgreementReturned, AgreementSigned
from shared.contracts.debts import DebtStatus
from shared.contracts.parties import StopCause
from shared.contracts.reasons import ReasonCode
from tests.unit.agreement.test_decide import BOTH, DEBTS, after, drafted, in_force, refused, signed_by
from tests.unit.builders import message
from tests.unit.spec import Given
from tests.unit.stopping import CAUSES, begins


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
    assert sold.state.live == signed.state.live
