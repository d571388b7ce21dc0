"""The alert's decisions: everything about payment behaviour comes in, alerts with their remedies go out."""

from collections.abc import Callable
from datetime import date
from typing import Any

from services.alert.model import AlertState, AlertStatus, Ask, AskKind, Instruction, OpenAlert
from services.alert.raising import Said, escalate, raise_once, resolve
from services.alert.rules import instalment_name, is_heard, silent_on
from shared.contracts import agreement, assessment, desk, followup, intake, offer
from shared.contracts.alert import AlertKind, AlertTaken, InputRefused
from shared.contracts.base import Event, Reason
from shared.contracts.decision import Decision
from shared.contracts.envelope import Envelope
from shared.contracts.reasons import ReasonCode
from shared.policy.model import PolicyInForce
from shared.policy.reference import Reference

__all__ = ["AlertDecider"]

Handler = Callable[[AlertState, Envelope[Any], PolicyInForce], Said]

_MISSED = "missed"


class AlertDecider:
    """One alert per cause, with its remedy at once; resolved when the cause is cured."""

    def decide(
        self, state: AlertState | None, message: Envelope[Any], reference: Reference
    ) -> Decision[AlertState]:
        """Decide one message; see `shared.contracts.decision`."""
        if isinstance(message.data, intake.CaseOpened):
            return Decision(state or _opened(message))
        handler = _HANDLERS.get(type(message.data))
        if handler is None:
            return Decision(state)
        if state is None:
            return Decision.wait(None, *_refusal_of_unknown(message))
        if state.status is AlertStatus.CLOSED and not isinstance(message.data, desk.AlertAcknowledged):
            return Decision(state)
        if state.policy not in reference.policies:
            return Decision(state)  # intake has refused the product; there is nothing to watch it by
        after, said = handler(state, message, reference.policies.in_force(state.policy, message.day))
        if isinstance(message.data, intake.BankAnswered) and after is state:
            return Decision.wait(state)  # the answer has overtaken the instruction
        return Decision.of(after, *said)

    def due(self, state: AlertState) -> date | None:
        """The end of a silence, of a remedy's time, or of the bank's."""
        if state.status is AlertStatus.CLOSED:
            return None
        days = [a.remedy_due for a in state.alerts if not a.escalated]
        days += [i.answer_by for i in state.instructions]
        if state.silent_on is not None:
            days.append(state.silent_on)
        return min(days, default=None)

    def close(self, state: AlertState, day: date, reference: Reference) -> Decision[AlertState]:
        """Notice what did not happen by `day`, in order of due date."""
        said: list[Event] = []
        while (due := self.due(state)) is not None and due <= day:
            policy = reference.policies.in_force(state.policy, due)
            state, events = escalate(state, due)
            said += events
            state, events = _bank_is_silent(state, due, policy)
            said += events
            if state.silent_on is not None and state.silent_on <= due:
                state, events = raise_once(
                    state, AlertKind.BORROWER_SILENT, "silence", due, policy, ReasonCode.BORROWER_SILENT
                )
                state = state.model_copy(update={"silent_on": None})
                said += events
        return Decision.of(state, *said)


def _opened(message: Envelope[intake.CaseOpened]) -> AlertState:
    return AlertState(case=message.case, policy=message.data.policy, opened_on=message.day)


def _refusal_of_unknown(message: Envelope[Any]) -> tuple[Event, ...]:
    if not isinstance(message.data, desk.AlertAcknowledged):
        return ()
    return (_refused(message, ReasonCode.ALERT_UNKNOWN),)


def _refused(message: Envelope[Any], code: ReasonCode) -> InputRefused:
    return InputRefused(cause_id=message.id, cause_type=message.type, reason=Reason(code=code))


def _silence(state: AlertState, policy: PolicyInForce) -> AlertState:
    return state.model_copy(update={"silent_on": silent_on(state, policy)})


# -- what is asked of the borrower, and what is heard of them -----------------------------------------


def _asks(kind: AskKind) -> Handler:
    def handler(state: AlertState, message: Envelope[Any], policy: PolicyInForce) -> Said:
        others = tuple(ask for ask in state.asks if ask.kind is not kind)
        asked = Ask(kind=kind, since=message.day)
        return _silence(state.model_copy(update={"asks": (*others, asked)}), policy), ()

    return handler


def _asks_no_more(kind: AskKind) -> Handler:
    def handler(state: AlertState, message: Envelope[Any], policy: PolicyInForce) -> Said:
        left = tuple(ask for ask in state.asks if ask.kind is not kind)
        return _silence(state.model_copy(update={"asks": left}), policy), ()

    return handler


def _heard(state: AlertState, message: Envelope[Any], policy: PolicyInForce) -> Said:
    """A sign of the borrower ends the silence, and the alert about it."""
    heard = max(state.heard_on or message.day, message.day)
    state, said = resolve(
        state.model_copy(update={"heard_on": heard}),
        message.day,
        ReasonCode.BORROWER_ANSWERED,
        lambda a: a.kind is AlertKind.BORROWER_SILENT,
    )
    return _silence(state, policy), said


def _contact(state: AlertState, message: Envelope[desk.ContactRecorded], policy: PolicyInForce) -> Said:
    return _heard(state, message, policy) if is_heard(message.data) else (state, ())


def _signature(state: AlertState, message: Envelope[desk.SignatureGiven], policy: PolicyInForce) -> Said:
    by_borrower = message.data.party is desk.SignatureParty.BORROWER
    return _heard(state, message, policy) if by_borrower else (state, ())


# -- instalments and promises ---------------------------------------------------------------------------


def _name(data: Any) -> str:
    return instalment_name(data.agreement_id, data.version, data.number, data.total.currency)


def _missed(state: AlertState, message: Envelope[Any], policy: PolicyInForce) -> Said:
    name = _name(message.data)
    if name not in state.missed:
        state = state.model_copy(update={"missed": (*state.missed, name)})
    return raise_once(
        state, AlertKind.INSTALMENT_MISSED, name, message.day, policy, ReasonCode.INSTALMENT_MISSED
    )


def _caught_up(state: AlertState, message: Envelope[Any]) -> Said:
    """An instalment is missed no longer; with the last of them, the run of misses is cured."""
    name = _name(message.data)
    if name not in state.missed:
        return state, ()
    state = state.model_copy(update={"missed": tuple(m for m in state.missed if m != name)})
    if state.missed:
        return state, ()
    cured = {AlertKind.INSTALMENT_MISSED, AlertKind.PROMISE_BROKEN}
    return resolve(state, message.day, ReasonCode.CAUGHT_UP, lambda a: a.kind in cured)


def _paid(state: AlertState, message: Envelope[Any], policy: PolicyInForce) -> Said:
    return _caught_up(state, message)


def _corrected(
    state: AlertState, message: Envelope[followup.InstalmentCorrected], policy: PolicyInForce
) -> Said:
    if message.data.now == _MISSED:
        return _missed(state, message, policy)
    return _caught_up(state, message)


def _promise_broken(
    state: AlertState, message: Envelope[followup.PromiseBroken], policy: PolicyInForce
) -> Said:
    about = message.data.promise_id
    return raise_once(state, AlertKind.PROMISE_BROKEN, about, message.day, policy, ReasonCode.PROMISE_BROKEN)


def _promise_kept(state: AlertState, message: Envelope[followup.PromiseKept], policy: PolicyInForce) -> Said:
    """The same promise was found kept, or a new one was: what was broken before is made good."""
    return resolve(state, message.day, ReasonCode.CAUGHT_UP, lambda a: a.kind is AlertKind.PROMISE_BROKEN)


def _plan_broken(state: AlertState, message: Envelope[followup.PlanBroken], policy: PolicyInForce) -> Said:
    """The broken plan's own alert takes the place of those about its instalments."""
    state, gone = resolve(
        state.model_copy(update={"missed": ()}),
        message.day,
        ReasonCode.PLAN_BROKEN,
        lambda a: a.kind is AlertKind.INSTALMENT_MISSED,
    )
    about = message.data.agreement_id
    state, said = raise_once(state, AlertKind.PLAN_BROKEN, about, message.day, policy, ReasonCode.PLAN_BROKEN)
    return state, (*gone, *said)


def _new_plan(state: AlertState, message: Envelope[Any], policy: PolicyInForce) -> Said:
    """A new signature starts afresh: what was missed under the plan before is in the new one."""
    left = tuple(ask for ask in state.asks if ask.kind is not AskKind.SIGNATURE)
    state, said = resolve(
        state.model_copy(update={"missed": (), "asks": left}),
        message.day,
        ReasonCode.PLAN_SUPERSEDED,
        lambda a: a.kind not in {AlertKind.BANK_SILENT, AlertKind.BORROWER_SILENT},
    )
    return _silence(state, policy), said


def _plan_completed(state: AlertState, message: Envelope[Any], policy: PolicyInForce) -> Said:
    state, said = resolve(
        state.model_copy(update={"missed": (), "asks": ()}),
        message.day,
        ReasonCode.CAUGHT_UP,
        lambda a: a.kind is not AlertKind.BANK_SILENT,
    )
    return _silence(state, policy), said


# -- the bank -------------------------------------------------------------------------------------------


def _instructed(
    state: AlertState, message: Envelope[agreement.BankInstructed], policy: PolicyInForce
) -> Said:
    data = message.data
    waits = Instruction(instruction_id=data.instruction_id, answer_by=data.answer_by)
    known = {i.instruction_id for i in state.instructions}
    if waits.instruction_id in known:
        return state, ()
    return state.model_copy(update={"instructions": (*state.instructions, waits)}), ()


def _bank_answered(state: AlertState, message: Envelope[intake.BankAnswered], policy: PolicyInForce) -> Said:
    about = message.data.instruction_id
    left = tuple(i for i in state.instructions if i.instruction_id != about)
    if len(left) < len(state.instructions):
        return state.model_copy(update={"instructions": left}), ()
    return resolve(
        state,
        message.day,
        ReasonCode.BANK_ANSWERED,
        lambda a: a.kind is AlertKind.BANK_SILENT and a.about == about,
    )


def _bank_is_silent(state: AlertState, day: date, policy: PolicyInForce) -> Said:
    late = tuple(i for i in state.instructions if i.answer_by <= day)
    said: tuple[Event, ...] = ()
    for instruction in late:
        state, events = raise_once(
            state, AlertKind.BANK_SILENT, instruction.instruction_id, day, policy, ReasonCode.BANK_SILENT
        )
        said += events
    left = tuple(i for i in state.instructions if i not in late)
    return (state.model_copy(update={"instructions": left}) if late else state), said


# -- people, and the end ----------------------------------------------------------------------------------


def _acknowledged(
    state: AlertState, message: Envelope[desk.AlertAcknowledged], policy: PolicyInForce
) -> Said:
    wanted = message.data.alert_id
    found: OpenAlert | None = next((a for a in state.alerts if a.alert_id == wanted), None)
    if found is None:
        closed = wanted in state.closed_ids
        return state, (_refused(message, ReasonCode.ALERT_CLOSED if closed else ReasonCode.ALERT_UNKNOWN),)
    taken = found.model_copy(update={"taken_by": message.data.by})
    alerts = tuple(taken if a is found else a for a in state.alerts)
    return state.model_copy(update={"alerts": alerts}), (
        AlertTaken(alert_id=found.alert_id, by=message.data.by),
    )


def _closed(state: AlertState, message: Envelope[intake.CaseClosed], policy: PolicyInForce) -> Said:
    state, said = resolve(state, message.day, ReasonCode.CASE_CLOSED, lambda _alert: True)
    ended = {"status": AlertStatus.CLOSED, "asks": (), "missed": (), "instructions": (), "silent_on": None}
    return state.model_copy(update=ended), said


_HANDLERS: dict[type[Event], Handler] = {
    assessment.StatementRequested: _asks(AskKind.STATEMENT),
    assessment.AssessmentCompleted: _asks_no_more(AskKind.STATEMENT),
    assessment.AssessmentLapsed: _asks_no_more(AskKind.STATEMENT),
    offer.OfferTabled: _asks(AskKind.ANSWER),
    offer.OfferRevised: _asks(AskKind.ANSWER),
    offer.OfferAgreed: _asks_no_more(AskKind.ANSWER),
    offer.OfferLapsed: _asks_no_more(AskKind.ANSWER),
    offer.OfferWithdrawn: _asks_no_more(AskKind.ANSWER),
    offer.NoPlanFound: _asks_no_more(AskKind.ANSWER),
    offer.TalksFailed: _asks_no_more(AskKind.ANSWER),
    agreement.AgreementDrafted: _asks(AskKind.SIGNATURE),
    agreement.AgreementReturned: _asks_no_more(AskKind.SIGNATURE),
    agreement.AgreementEnded: _asks_no_more(AskKind.SIGNATURE),
    agreement.AgreementSigned: _new_plan,
    agreement.BankInstructed: _instructed,
    followup.InstalmentMissed: _missed,
    followup.InstalmentPaid: _paid,
    followup.InstalmentCorrected: _corrected,
    followup.PromiseBroken: _promise_broken,
    followup.PromiseKept: _promise_kept,
    followup.PlanBroken: _plan_broken,
    followup.PlanCompleted: _plan_completed,
    intake.PaymentMatched: _heard,
    intake.BankAnswered: _bank_answered,
    intake.CaseClosed: _closed,
    desk.StatementSubmitted: _heard,
    desk.CounterOffered: _heard,
    desk.OfferAccepted: _heard,
    desk.OfferRejected: _heard,
    desk.PromiseMade: _heard,
    desk.HardshipReported: _heard,
    desk.ComplaintMade: _heard,
    desk.PreferencesSet: _heard,
    desk.ContactRecorded: _contact,
    desk.SignatureGiven: _signature,
    desk.AlertAcknowledged: _acknowledged,
}
"""What is done on which message; a type that is not listed changes nothing."""
