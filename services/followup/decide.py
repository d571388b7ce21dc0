"""Followup's decisions: how a signed plan is kept.

Messages only add facts; what follows from them is concluded when a day closes (see `judging`), so that the
order and the batches in which they came make no difference.
"""

from collections.abc import Callable
from datetime import date
from typing import Any

from services.followup import care
from services.followup.judging import close_plan, finish, plan_due
from services.followup.ledger import prune, receive
from services.followup.model import FollowupState, FollowupStatus, LateCharges
from services.followup.promises import close_promises, note, promises_due
from services.followup.rules import counts_for_plan, is_counted
from services.followup.starting import start
from shared.contracts import agreement, desk, followup, intake
from shared.contracts.base import Event, Reason
from shared.contracts.debts import DebtSnapshot, DebtStatus
from shared.contracts.decision import Decision
from shared.contracts.envelope import Envelope
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import Reference

__all__ = ["HANDLED", "FollowupDecider"]

Outcome = Decision[FollowupState]
Handler = Callable[[FollowupState | None, Envelope[Any], Reference], Outcome]


class FollowupDecider:
    """Instalments, promises, reviews, incentives and support."""

    def decide(self, state: FollowupState | None, message: Envelope[Any], reference: Reference) -> Outcome:
        """Decide one message; see `shared.contracts.decision`."""
        handler = _HANDLERS.get(type(message.data))
        return Decision(state) if handler is None else handler(state, message, reference)

    def due(self, state: FollowupState) -> date | None:
        """The next day of the plan, of a promise, or of money that only a plan signed by then could count."""
        if state.status is FollowupStatus.CLOSED:
            return None
        uncounted = (entry.on for entry in state.received if not is_counted(state, entry.on))
        days = (plan_due(state), promises_due(state), min(uncounted, default=None))
        return min((day for day in days if day is not None), default=None)

    def close(self, state: FollowupState, day: date, reference: Reference) -> Outcome:
        """Conclude about instalments and promises; act on it; forget what nothing counts any more."""
        due = self.due(state)
        if due is None or due > day:
            return Decision(state)
        after, of_plan = close_plan(state, day, reference)
        after, of_promises = close_promises(after, day, reference)
        return Decision.of(prune(after, day), *of_plan, *of_promises)


def _opened(
    state: FollowupState | None, message: Envelope[intake.CaseOpened], reference: Reference
) -> Outcome:
    data = message.data
    if data.policy not in reference.policies:
        return Decision.of(state, _refusal(message, ReasonCode.UNKNOWN_PRODUCT))
    if state is not None and state.status is FollowupStatus.CLOSED:
        return Decision(state)
    known = state or FollowupState(case=message.case)
    update = {"policy": known.policy or data.policy, "charges": _charges(data.debts)}
    return Decision(known.model_copy(update=update))


def _changed(state: FollowupState | None, message: Envelope[intake.CaseChanged], _: Reference) -> Outcome:
    if state is None or state.status is FollowupStatus.CLOSED:
        return Decision(state)
    return Decision(state.model_copy(update={"charges": _charges(message.data.debts)}))


def _charges(debts: tuple[DebtSnapshot, ...]) -> tuple[LateCharges, ...]:
    return tuple(
        LateCharges(debt_id=debt.debt_id, owed=debt.outstanding.late_charges)
        for debt in debts
        if debt.status is DebtStatus.ACTIVE and debt.outstanding.late_charges.is_positive
    )


def _moved(state: FollowupState, debts: tuple[DebtSnapshot, ...]) -> FollowupState:
    """A payment or a return names the debts after it."""
    named = {debt.debt_id for debt in debts}
    kept = tuple(charge for charge in state.charges if charge.debt_id not in named)
    return state.model_copy(update={"charges": (*kept, *_charges(debts))})


def _paid(state: FollowupState | None, message: Envelope[intake.PaymentMatched], _: Reference) -> Outcome:
    """Money is never refused: the plan counts it by its value date, or the next plan may."""
    data = message.data
    known = state or FollowupState(case=message.case)
    if known.status is FollowupStatus.CLOSED:
        return Decision(known)
    now = receive(_moved(known, data.debts), data.value_date, data.amount)
    plan = now.plan
    has_line = plan is not None and any(line.total.currency == data.amount.currency for line in plan.lines)
    if plan is not None and has_line and counts_for_plan(data.value_date, plan):
        return Decision(now)
    return Decision.of(now, followup.PaymentUnallocated(payment_id=data.payment_id, amount=data.amount))


def _taken_back(
    state: FollowupState | None, message: Envelope[intake.PaymentTakenBack], _: Reference
) -> Outcome:
    """A payment that is returned never was: it is taken back on its own value date."""
    data = message.data
    if state is None or state.status is FollowupStatus.CLOSED:
        return Decision(state)
    return Decision(receive(_moved(state, data.debts), data.value_date, -data.amount))


def _closed(
    state: FollowupState | None, message: Envelope[intake.CaseClosed], reference: Reference
) -> Outcome:
    """The case ends. A plan that the last payment settled was completed, though its day is not closed yet."""
    known = state or FollowupState(case=message.case)
    if known.status is FollowupStatus.CLOSED:
        return Decision(known)
    after, said = finish(known, message.day, reference)
    gone = {
        "status": FollowupStatus.CLOSED,
        "received": (),
        "plan": None,
        "promises": (),
        "charges": (),
        "look_on": None,
    }
    return Decision.of(after.model_copy(update=gone), *said)


def _signed(
    state: FollowupState | None, message: Envelope[agreement.AgreementSigned], reference: Reference
) -> Outcome:
    """Follow the signed plan; a later version takes the place of an earlier one."""
    known = state or FollowupState(case=message.case)
    started = start(known, message.data, reference)
    if isinstance(started, ReasonCode):
        return Decision.of(state, _refusal(message, started))
    after, said = started
    return Decision.of(after, *said)


def _ended(state: FollowupState | None, message: Envelope[agreement.AgreementEnded], _: Reference) -> Outcome:
    """The borrower has withdrawn in time: nothing is followed any more. Every other end comes from here."""
    plan = None if state is None else state.plan
    if state is None or plan is None or plan.agreement_id != message.data.agreement_id:
        return Decision(state)
    if message.data.reason.code is not ReasonCode.WITHDRAWN_IN_TIME:
        return Decision(state)
    if state.status is not FollowupStatus.LIVE:
        return Decision(state)
    return Decision(state.model_copy(update={"plan": None, "status": FollowupStatus.WAITING}))


def _promised(
    state: FollowupState | None, message: Envelope[desk.PromiseMade], reference: Reference
) -> Outcome:
    noted = ReasonCode.NO_CASE if state is None else note(state, message.data, message.day, reference)
    if noted is ReasonCode.NO_CASE:
        return Decision.wait(state, _refusal(message, noted))
    if isinstance(noted, ReasonCode):
        return Decision.of(state, _refusal(message, noted))
    after, said = noted
    return Decision.of(after, *said)


def _reviewed(
    state: FollowupState | None, message: Envelope[desk.ReviewHeld], reference: Reference
) -> Outcome:
    if state is not None and state.status is FollowupStatus.CLOSED:
        return Decision.of(state, _refusal(message, ReasonCode.CASE_CLOSED))
    if state is None or state.plan is None or state.status is not FollowupStatus.LIVE:
        return Decision.wait(state, _refusal(message, ReasonCode.NO_LIVE_PLAN))
    after, said = care.reviewed(state, state.plan, message.data, message.day, reference)
    return Decision.of(after, *said)


def _hardship(
    state: FollowupState | None, message: Envelope[desk.HardshipReported], reference: Reference
) -> Outcome:
    """Without a plan it is assessment's alone; so it is if it came before the plan took effect."""
    plan = state.plan if state is not None and state.status is FollowupStatus.LIVE else None
    if state is None or plan is None or message.day <= plan.effective:
        return Decision(state)
    after, said = care.hardship(state, plan, message.data, message.day, reference)
    return Decision.of(after, *said)


def _plan_debts(
    state: FollowupState | None, message: Envelope[intake.PlanDebtsChanged], reference: Reference
) -> Outcome:
    """Debts have left the signed plan or come back: it is re-opened over what remains."""
    if state is not None and state.status is FollowupStatus.CLOSED:
        return Decision(state)
    if state is None or state.plan is None or state.plan.agreement_id != message.data.agreement_id:
        # Intake knows a signed plan, so the signature is on its way here by another topic.
        return Decision.wait(state)
    if state.status is not FollowupStatus.LIVE:
        return Decision(state)
    after, said = care.debts_changed(state, state.plan, message.data, message.day, reference)
    return Decision.of(after, *said)


def _contact(state: FollowupState | None, message: Envelope[desk.ContactRecorded], _: Reference) -> Outcome:
    plan = state.plan if state is not None and state.status is FollowupStatus.LIVE else None
    if state is None or plan is None or message.day <= plan.effective:
        return Decision(state)
    after, said = care.contact(state, plan, message.data)
    return Decision.of(after, *said)


def _refusal(message: Envelope[Any], code: ReasonCode) -> followup.InputRefused:
    return followup.InputRefused(cause_id=message.id, cause_type=message.type, reason=Reason(code=code))


_HANDLERS: dict[type[Event], Handler] = {
    intake.CaseOpened: _opened,
    intake.CaseChanged: _changed,
    intake.PaymentMatched: _paid,
    intake.PaymentTakenBack: _taken_back,
    intake.CaseClosed: _closed,
    intake.PlanDebtsChanged: _plan_debts,
    agreement.AgreementSigned: _signed,
    agreement.AgreementEnded: _ended,
    desk.PromiseMade: _promised,
    desk.ReviewHeld: _reviewed,
    desk.HardshipReported: _hardship,
    desk.ContactRecorded: _contact,
}

HANDLED = frozenset(_HANDLERS)
"""The messages that this service does anything about."""
