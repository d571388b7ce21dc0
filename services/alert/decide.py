"""Alert's decisions: what is abnormal, its remedy at once, its escalation, its end."""

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

from services.alert import (
    complaints,
    contacts,
    languages,
    mechanism,
    moratorium,
    referred,
    requests,
    reviews,
    steps,
    trainings,
    watching,
    worsening,
    years,
)
from services.alert.model import AlertState, AlertStatus, Ask, EndedAlert, OpenAlert, Pending
from services.alert.raising import Step, escalate, raise_alert, resolve, resolve_all, rest
from services.alert.rules import ANSWERS, ends_silence, is_heard, silent_on
from services.alert.stops import stop_told, stops_changed
from shared.contracts import (
    agreement,
    assessment,
    desk,
    desk_care,
    desk_contact,
    desk_household,
    desk_parties,
    desk_team,
    followup,
    followup_care,
    intake,
    intake_team,
    offer,
)
from shared.contracts.alert import AlertKind, AlertTaken, InputRefused
from shared.contracts.base import Event, Reason
from shared.contracts.decision import Decision
from shared.contracts.departures import told
from shared.contracts.desk_mechanism import CalendarWatched, MechanismReviewed
from shared.contracts.envelope import Envelope
from shared.contracts.parties import judged_on
from shared.contracts.reasons import ReasonCode
from shared.policy.model import PolicyInForce
from shared.policy.reference import Reference

__all__ = ["HANDLED", "AlertDecider"]

Outcome = Decision[AlertState]
Handler = Callable[[AlertState, Envelope[Any], PolicyInForce], Step]

_NO_PACK = "none"  # of the document that keeps who is away
_WITH_DAYS = (reviews, trainings, requests, moratorium, mechanism, years, languages)


class AlertDecider:
    """One alert per cause, while it lasts."""

    def decide(self, state: AlertState | None, message: Envelope[Any], reference: Reference) -> Outcome:
        """Decide one message; see `shared.contracts.decision`."""
        data = message.data
        if isinstance(data, intake.CaseOpened):
            return _opened(state, message, reference)
        if isinstance(data, MechanismReviewed):
            return mechanism.reviewed(state, message, reference)
        if isinstance(data, CalendarWatched):
            return years.watched(state, message, reference)
        if isinstance(data, desk_team.StaffAbsent):
            return _left(state, message)
        if isinstance(data, desk_team.TrainingHeld):
            return trainings.held(state, message, reference)
        if isinstance(data, desk.AlertAcknowledged):
            return _acknowledged(state, message)
        heard, handler = is_heard(data), _HANDLERS.get(type(data))
        if handler is None and not heard and type(data) not in _ALSO_NOTED:
            return Decision(state)
        if state is None:
            # The case is on its way by another topic; what comes with it has its own order.
            if data.PRODUCER == "intake":
                return Decision(None)
            unknown = (_refusal(message, ReasonCode.COMPLAINT_UNKNOWN),)
            return Decision.wait(None, *(unknown if isinstance(data, desk_contact.ComplaintAnswered) else ()))
        if state.status is AlertStatus.CLOSED and not isinstance(data, _AFTER_THE_CASE):
            state, said = requests.note(trainings.note(state, message, reference), message, reference)
            return Decision.of(state, *said)
        if isinstance(data, intake.BankAnswered) and not _is_pending(state, data.instruction_id):
            return Decision.wait(state)
        policy = reference.policies.in_force(state.policy, message.day)
        said = ()
        if heard:
            state, said = _heard(state, message, policy)
        if handler is not None:
            state, events = handler(state, message, policy)
            said += events
        if isinstance(data, desk.ComplaintMade):
            state, events = complaints.made(state, message, reference)
            said += events
        if isinstance(data, desk_contact.ComplaintAnswered):
            state, events = complaints.answered(state, message, reference)
            said += events
        if state.status is not AlertStatus.CLOSED:  # a complaint is answered all the same
            state = trainings.note(steps.note(state, message, reference), message, reference)
            state, events = reviews.note(state, message, reference)
            said += events
            if isinstance(data, intake_team.ConductChanged):
                state, events = complaints.shortened(state, message.day, reference)
                said += events
            for module in (contacts, requests, moratorium, worsening, languages):
                state, events = module.note(state, message, reference)
                said += events
            state = state.model_copy(update={"silent_on": silent_on(state, policy)})
        return Decision.of(state, *said)

    def due(self, state: AlertState) -> date | None:
        """The day of a step or remedy, or when the borrower or the bank will have been silent too long."""
        days = [_silent_on(state), _steps_on(state)]
        days += [item.answer_by for item in state.pending if not item.overdue]
        days += [_escalates_on(state, alert) for alert in state.alerts if not alert.escalated]
        days += [module.judged_on(state) for module in _WITH_DAYS]
        days += [complaints.handed_on(state), complaints.judged_on(state)]
        return min((day for day in days if day is not None), default=None)

    def close(self, state: AlertState, day: date, reference: Reference) -> Outcome:
        """Raise what silence has come to by `day`; escalate what was not cured in time.

        What is raised after its day (the case was held) is dated when it is said: a remedy needs its time.
        """
        said: tuple[Event, ...] = ()
        policy = reference.policies.in_force(state.policy, day)
        while (due := self.due(state)) is not None and due <= day:
            if _steps_on(state) == due:  # first what is done by now: it is escalated no more
                state, events = steps.judge(state, due, day, reference)
            elif reviews.judged_on(state) == due:
                state, events = reviews.act(state, due, day, reference)
            elif trainings.judged_on(state) == due:
                state, events = trainings.act(state, due, day, reference)
            elif requests.judged_on(state) == due:
                state, events = requests.act(state, due, day, reference)
            elif moratorium.judged_on(state) == due:
                state, events = moratorium.act(state, due, day, reference)
            elif mechanism.judged_on(state) == due:
                state, events = mechanism.act(state, due, day, policy)
            elif years.judged_on(state) == due:
                state, events = years.act(state, day, policy)
            elif languages.judged_on(state) == due:
                state, events = languages.act(state, day, reference)
            elif complaints.handed_on(state) == due:
                state, events = complaints.hand_over(state, day, reference)
            elif complaints.judged_on(state) == due:
                state, events = complaints.act(state, due, day, policy)
            else:
                state, events = _due_work(state, due, day, policy)
            said += events
        return Decision.of(state, *said)


def _left(state: AlertState | None, message: Envelope[desk_team.StaffAbsent]) -> Outcome:
    """Somebody is away or leaves, or does not after all: said under a key that is no customer's."""
    known = state or AlertState(case=message.case, status=AlertStatus.CLOSED, policy=_NO_PACK)
    if known.policy != _NO_PACK:
        return Decision(state)  # a customer's key: nobody sends this there
    departures = told(known.departures, message.data, message.day)
    if departures == known.departures:
        return Decision(state)
    return Decision(known.model_copy(update={"departures": departures}))


def _steps_on(state: AlertState) -> date | None:
    return _after_stops(state, steps.judged_on(state))


def _silent_on(state: AlertState) -> date | None:
    return _after_stops(state, state.silent_on)


def _escalates_on(state: AlertState, alert: OpenAlert) -> date:
    return judged_on(alert.escalates_on or alert.remedy_due, state.stop_told_on)


def _after_stops(state: AlertState, day: date | None) -> date | None:
    return None if day is None else judged_on(day, state.stop_told_on)


def _due_work(state: AlertState, due: date, day: date, policy: PolicyInForce) -> Step:
    if state.silent_on is not None and _silent_on(state) == due:
        first = min(state.asked, key=lambda ask: (ask.since, ask.what))
        days = str((state.silent_on - max(first.since, state.heard_on or first.since)).days)
        reason = Reason(code=ReasonCode.BORROWER_SILENT, params={"days": days})
        state = state.model_copy(update={"silent_on": None})
        return raise_alert(
            state, AlertKind.BORROWER_SILENT, first.what, day, policy, reason, cause=due.isoformat()
        )
    for item in state.pending:
        if item.answer_by == due and not item.overdue:
            return _bank_silent(state, item, day, policy)
    alert = next(
        alert for alert in state.alerts if _escalates_on(state, alert) == due and not alert.escalated
    )
    if not policy.calendar.is_business_day(due):  # a word of a stop has put it off
        return rest(state, alert, policy.calendar.next_business_day(due)), ()
    return escalate(state, alert, day)


def _bank_silent(state: AlertState, item: Pending, day: date, policy: PolicyInForce) -> Step:
    late = item.model_copy(update={"overdue": True})
    pending = tuple(late if other is item else other for other in state.pending)
    reason = Reason(code=ReasonCode.BANK_SILENT, params={"due": item.answer_by.isoformat()})
    state = state.model_copy(update={"pending": pending})
    cause = f"{item.instruction_id}/{day.isoformat()}"  # an instruction may be given, and missed, again
    return raise_alert(state, AlertKind.BANK_SILENT, item.kind, day, policy, reason, cause=cause)


def _opened(state: AlertState | None, message: Envelope[intake.CaseOpened], reference: Reference) -> Outcome:
    if state is not None:
        return Decision(state)
    if message.data.policy not in reference.policies:
        refused = _refusal(message, ReasonCode.UNKNOWN_PRODUCT)
        return Decision.of(None, refused)
    opened = AlertState(case=message.case, status=AlertStatus.WATCHING, policy=message.data.policy)
    opened, _ = languages.note(steps.begun(opened, message, reference), message, reference)
    state, said = contacts.note(opened, message, reference)
    return Decision.of(state, *said)


def _acknowledged(state: AlertState | None, message: Envelope[desk.AlertAcknowledged]) -> Outcome:
    """A person takes an alert in hand, or takes it over from another."""
    data = message.data
    if state is None:
        return Decision.wait(None, _refusal(message, ReasonCode.ALERT_UNKNOWN))
    alert = next((alert for alert in state.alerts if alert.alert_id == data.alert_id), None)
    if alert is None:
        ended = next((one for one in state.ended if one.alert_id == data.alert_id), None)
        if ended is not None and ended.on == message.day:
            return _taken_on_its_last_day(state, ended, message)
        over = data.alert_id in state.resolved or state.status is AlertStatus.CLOSED
        code = ReasonCode.ALERT_CLOSED if over else ReasonCode.ALERT_UNKNOWN
        return Decision.of(state, _refusal(message, code))
    if alert.taken_by == data.by:
        return Decision(state)
    taken = alert.model_copy(update={"taken_by": data.by})
    alerts = tuple(taken if other is alert else other for other in state.alerts)
    return Decision.of(
        state.model_copy(update={"alerts": alerts}), AlertTaken(alert_id=data.alert_id, by=data.by)
    )


def _taken_on_its_last_day(
    state: AlertState, ended: EndedAlert, message: Envelope[desk.AlertAcknowledged]
) -> Outcome:
    """What ended it came by another topic: whether before or after this says nothing about the person."""
    data = message.data
    if ended.taken_by == data.by:
        return Decision(state)
    taken = ended.model_copy(update={"taken_by": data.by})
    kept = tuple(taken if other is ended else other for other in state.ended)
    said = AlertTaken(alert_id=data.alert_id, by=data.by)
    return Decision.of(state.model_copy(update={"ended": kept}), said)


def _heard(state: AlertState, message: Envelope[Any], policy: PolicyInForce) -> Step:
    """The borrower was heard of: silence counts from here."""
    day = message.day if state.heard_on is None else max(state.heard_on, message.day)
    state = state.model_copy(update={"heard_on": day})
    alert = state.open(AlertKind.BORROWER_SILENT)
    if alert is None or not ends_silence(message.day, alert, policy):
        return state, ()
    return resolve(state, AlertKind.BORROWER_SILENT, message.day, ReasonCode.BORROWER_ANSWERED)


def _is_pending(state: AlertState, instruction_id: str) -> bool:
    return any(item.instruction_id == instruction_id for item in state.pending)


def _closed(state: AlertState, message: Envelope[intake.CaseClosed], _: PolicyInForce) -> Step:
    kept = set(complaints.ALERTS)  # the borrower is owed an answer, whatever becomes of the case
    if any(one.overdue for one in (*state.requests, *state.trainings)):
        kept.add(AlertKind.STEP_OVERDUE)
    state, said = resolve_all(state, message.day, ReasonCode.CASE_CLOSED, kept)
    gone = {
        "status": AlertStatus.CLOSED,
        "asked": (),
        "silent_on": None,
        "missed": (),
        "promises": (),
        # The bank still answers what it was told at the end, or is silent.
        "pending": tuple(item for item in state.pending if not item.overdue),
        "problems": (),
        "referred": 0,
        "differing": (),
        "rates_differing": (),
        "tried": (),
        "stage": None,
        "stage_at": None,
        "steps": (),
        "turns": (),
        "reviews": (),
        "scored": (),
        "looks": (),
        "watched": None,
        "spoken_with_on": None,
    }
    return state.model_copy(update=gone), said


def _assigned(state: AlertState, message: Envelope[intake.CaseAssigned], _: PolicyInForce) -> Step:
    """Alerts that are raised from now on name this person."""
    data = message.data
    return complaints.assigned(state, data.owner, data.previous or state.owner, message.day), ()


def _asked(what: Ask, state: AlertState, message: Envelope[Any], _: PolicyInForce) -> Step:
    return watching.asks(what, state, message), ()


def _not_asked(what: Ask, state: AlertState, _message: Envelope[Any], _: PolicyInForce) -> Step:
    return watching.no_longer_asks(what, state), ()


def _refusal(message: Envelope[Any], code: ReasonCode) -> InputRefused:
    return InputRefused(cause_id=message.id, cause_type=message.type, reason=Reason(code=code))


_HANDLERS: dict[type[Event], Handler] = {
    desk_team.OwnerAway: complaints.away,
    intake.PaymentMatched: watching.paid,
    intake.PaymentTakenBack: watching.taken_back,
    intake.BankAnswered: watching.bank_answered,
    intake.BalanceDiffers: watching.balance_differs,
    intake.BalanceDifferenceClosed: watching.balance_settled,
    intake.RateDiffers: watching.rate_differs,
    intake.RateDifferenceClosed: watching.rate_settled,
    intake.CaseClosed: _closed,
    intake.CaseAssigned: _assigned,
    intake.StopsChanged: stops_changed,
    desk_parties.StopReported: stop_told,
    desk_parties.StopLifted: stop_told,
    intake.StopsInstructed: watching.stops_instructed,
    intake_team.StepOverdue: watching.step_overdue,
    intake_team.StepCaughtUp: watching.step_done,
    assessment.StatementRequested: partial(_asked, Ask.STATEMENT),
    assessment.AssessmentCompleted: partial(_not_asked, Ask.STATEMENT),
    assessment.AssessmentLapsed: partial(_not_asked, Ask.STATEMENT),
    assessment.ReviewReferred: referred.referred,
    desk_household.DoubtSettled: referred.decided,
    desk_household.WilfulDefaultStated: referred.decided,
    offer.OfferTabled: partial(_asked, Ask.ANSWER),
    offer.OfferRevised: partial(_asked, Ask.ANSWER),
    offer.ApprovalRequested: partial(_not_asked, Ask.ANSWER),
    offer.OfferAgreed: partial(_not_asked, Ask.ANSWER),
    offer.OfferLapsed: partial(_not_asked, Ask.ANSWER),
    offer.OfferWithdrawn: partial(_not_asked, Ask.ANSWER),
    offer.NoPlanFound: partial(_not_asked, Ask.ANSWER),
    offer.TalksFailed: partial(_not_asked, Ask.ANSWER),
    agreement.AgreementDrafted: partial(_asked, Ask.SIGNATURE),
    agreement.PartySigned: watching.party_signed,
    agreement.AgreementSigned: partial(_not_asked, Ask.SIGNATURE),
    agreement.AgreementReturned: partial(_not_asked, Ask.SIGNATURE),
    agreement.BankInstructed: watching.bank_instructed,
    followup.PlanStarted: watching.plan_started,
    followup.InstalmentMissed: watching.missed,
    followup.InstalmentPaid: watching.line_paid,
    followup.InstalmentCorrected: watching.corrected,
    followup.PlanBroken: watching.plan_broken,
    followup.PlanCompleted: watching.plan_completed,
    followup.PromiseBroken: watching.promise_broken,
    followup.PromiseKept: watching.promise_kept,
    followup.ReviewRecorded: watching.review_done,
    followup_care.ReviewPassed: watching.review_done,
    followup_care.ReviewOverdue: watching.review_overdue,
    followup_care.ProblemOverdue: watching.problem_overdue,
    followup_care.ProblemResolved: watching.problem_solved,
    followup_care.PlanReopened: watching.plan_reopened,
    followup_care.CreditInstructed: watching.credit_instructed,
    followup_care.LegalReferralHeld: watching.referral_instructed,
    followup_care.LegalReferralResumed: watching.referral_instructed,
    followup.RewardGranted: watching.reward_granted,
}

# What has no handler here: it is noted by the module that judges it at the close.
_ALSO_NOTED: frozenset[type[Event]] = frozenset(
    {
        *contacts.OF_CONTACTS,
        *steps.LEADS_ON,
        *reviews.OF_REVIEWS,
        intake_team.ConversationReviewed,
        desk_contact.ComplaintAnswered,
        *requests.OF_REQUESTS,
        *moratorium.OF_MORATORIUMS,
        *worsening.OF_WORSENING,
    }
)

# What is told and answered also when the case is closed: complaints, and the bank's instructions.
_AFTER_THE_CASE = (
    *complaints.OF_COMPLAINTS,
    agreement.BankInstructed,
    intake.StopsInstructed,
    followup_care.CreditInstructed,
    followup_care.LegalReferralHeld,
    followup_care.LegalReferralResumed,
    intake.BankAnswered,
    followup_care.ProblemOverdue,
    followup_care.ProblemResolved,
)

HANDLED: frozenset[type[Event]] = frozenset(
    {
        intake.CaseOpened,
        MechanismReviewed,
        CalendarWatched,
        desk_team.StaffAbsent,
        desk_team.TrainingHeld,
        desk.AlertAcknowledged,
        desk.ContactRecorded,
        desk.SignatureGiven,
        desk_care.ReviewNotHeld,
        *ANSWERS,
        *_ALSO_NOTED,
        *_HANDLERS,
    }
)
"""The messages that this service does anything about."""
