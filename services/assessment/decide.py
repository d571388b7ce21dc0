"""The assessment's decisions: what is asked, what is missing, what can be afforded, and until when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from services.assessment import answers, people
from services.assessment.behaviour import noted, with_morning, with_payment
from services.assessment.care import lapsed_next_step, questions_for
from services.assessment.model import AssessmentState, AssessmentStatus, Wanted
from services.assessment.rules import ask, our_balance, required_parts, review_on, review_soon
from services.assessment.steps import Step, ask_afresh, expire, policy_of, refusal, renew, valid
from services.assessment.stops import after_stops, is_halted, stop_told
from shared.contracts import (
    agreement,
    desk,
    desk_household,
    desk_parties,
    followup,
    followup_care,
    intake,
    offer,
)
from shared.contracts.assessment import AssessmentLapsed, StatementReminded, StatementRequested
from shared.contracts.base import Event, Reason
from shared.contracts.decision import Decision
from shared.contracts.envelope import Envelope
from shared.contracts.parties import judged_on
from shared.contracts.reasons import ReasonCode
from shared.policy.model import PolicyInForce
from shared.policy.reference import Reference

__all__ = ["HANDLED", "AssessmentDecider"]

Outcome = Decision[AssessmentState]
Handler = Callable[[AssessmentState | None, Envelope[Any], Reference], Outcome]


class AssessmentDecider:
    """The borrower's real situation, before any offer (R28)."""

    def decide(self, state: AssessmentState | None, message: Envelope[Any], reference: Reference) -> Outcome:
        """Decide one message; see `shared.contracts.decision`."""
        handler = _HANDLERS.get(type(message.data))
        return Decision(state) if handler is None else handler(state, message, reference)

    def due(self, state: AssessmentState) -> date | None:
        """A reminder, the last day to answer, figures that expire, or the day to ask again."""
        return None if state.next_date is None else judged_on(state.next_date, state.stop_told_on)

    def close(self, state: AssessmentState, day: date, reference: Reference) -> Outcome:
        """Remind, give up waiting, let figures expire, ask again: oldest first.

        What is asked anew is asked on the day that is closed, so that the borrower has the days to answer.
        """
        said: tuple[Event, ...] = ()
        while state.next_date is not None and judged_on(state.next_date, state.stop_told_on) <= day:
            state, events = _act(state, state.next_date, day, reference)
            said += events
        return Decision.of(state, *said)


def _act(state: AssessmentState, due: date, day: date, reference: Reference) -> Step:
    policy = policy_of(state, day, reference)
    request = state.request
    if request is not None and due in request.reminders:
        left = tuple(on for on in request.reminders if on > due)
        number = request.reminded + 1
        reminded = request.model_copy(update={"reminders": left, "reminded": number})
        said = StatementReminded(missing=request.missing, due=request.due, number=number)
        return state.model_copy(update={"request": reminded}), (said,)
    wanted = state.wanted
    if wanted is not None and due in wanted.reminders:
        return _remind_of_open_points(state, wanted, due)
    if request is not None and due == request.due:
        return _lapse(state, due, reference)
    if state.ask_again == due:
        again = state.model_copy(update={"ask_again": None})
        return ask_afresh(again, policy, day, Reason(code=ReasonCode.STATEMENT_RENEWAL))
    if state.current is not None and state.current.renew_on == due:
        return renew(state, state.current, policy_of(state, due, reference), due)
    return expire(state, due, policy, day)


def _remind_of_open_points(state: AssessmentState, wanted: Wanted, due: date) -> Step:
    number = wanted.reminded + 1
    left = tuple(on for on in wanted.reminders if on > due)
    now = wanted.model_copy(update={"reminders": left, "reminded": number})
    said = StatementReminded(missing=(), due=wanted.due, number=number, open_points=wanted.points)
    return state.model_copy(update={"wanted": now}), (said,)


def _lapse(state: AssessmentState, due: date, reference: Reference) -> Step:
    """Nothing came after every reminder: a person takes over; later the borrower is asked once more.

    While a signed plan is in force, it simply goes on.
    """
    assert state.request is not None  # noqa: S101 - narrows: the caller has looked
    lapsed = AssessmentLapsed(
        as_of=due,
        missing=state.request.missing,
        next_step=Reason(code=lapsed_next_step(state, policy_of(state, due, reference))),
    )
    update: dict[str, Any] = {"request": None, "status": AssessmentStatus.LAPSED}
    if state.live:
        update |= {"status": AssessmentStatus.PLANNED, "talks": False}
    elif valid(state, due):
        # The figures at hand stay in force until they expire; then new ones are asked for.
        update |= {"status": AssessmentStatus.ASSESSED}
    else:
        update |= {"ask_again": review_on(policy_of(state, due, reference), due)}
    return state.model_copy(update=update), (lapsed,)


def _opened(
    state: AssessmentState | None, message: Envelope[intake.CaseOpened], reference: Reference
) -> Outcome:
    """A case begins with a question: the borrower is asked for a statement."""
    data = message.data
    if state is not None:
        return _debts(state, message, reference)
    if data.policy not in reference.policies:
        return Decision.of(None, refusal(message, ReasonCode.UNKNOWN_PRODUCT, product=data.policy))
    policy = reference.policies.in_force(data.policy, message.day)
    request = ask(required_parts(policy), policy, message.day)
    opened = AssessmentState(
        case=message.case,
        status=AssessmentStatus.ASKED,
        policy=data.policy,
        owed=our_balance(data.debts, policy.currency),
        request=request,
    )
    if is_halted(data.debts):
        later = {"request": None, "ask_again": message.day, "halted_on": message.day}
        return Decision(opened.model_copy(update=later))
    needed = Reason(code=ReasonCode.STATEMENT_NEEDED)
    said = StatementRequested(
        missing=request.missing,
        due=request.due,
        reasons=(needed,),
        questions=questions_for(opened, policy),
    )
    return Decision.of(opened, said)


def _debts(state: AssessmentState | None, message: Envelope[Any], reference: Reference) -> Outcome:
    """What is owed to us: our share beside other creditors follows from it at the next assessment."""
    debts = message.data.debts
    if state is None or state.status is AssessmentStatus.CLOSED:
        return Decision(state)
    state = with_payment(with_morning(state, message.day), message.data)
    if not debts:
        return Decision(state)
    return Decision(state.model_copy(update={"owed": our_balance(debts, state.owed.currency)}))


def _stopped(
    state: AssessmentState | None, message: Envelope[intake.StopsChanged], reference: Reference
) -> Outcome:
    """What stops the debts or protects the borrower has changed: a question that waited for it is asked."""
    if state is None:
        return Decision(None)
    day = message.day
    after = after_stops(state, message.data, day)
    goes_on = state.halted_on is not None and after.halted_on is None
    if not goes_on or after.ask_again is None or after.ask_again > day:
        return Decision(after)
    again = after.model_copy(update={"ask_again": None})
    renewal = Reason(code=ReasonCode.STATEMENT_RENEWAL)
    return _decided(ask_afresh(again, policy_of(after, day, reference), day, renewal))


def _told(state: AssessmentState | None, message: Envelope[Any], _reference: Reference) -> Outcome:
    return Decision(stop_told(state, message.day))


def _closed(
    state: AssessmentState | None, message: Envelope[intake.CaseClosed], _reference: Reference
) -> Outcome:
    """The case is over, and with it every reason to keep a household's figures here."""
    if state is None or state.status is AssessmentStatus.CLOSED:
        return Decision(state)
    closed = AssessmentState(
        case=state.case,
        status=AssessmentStatus.CLOSED,
        policy=state.policy,
        owed=state.owed,
        version=state.version,
        talks=False,
    )
    return Decision(closed)


def _signed(state: AssessmentState | None, message: Envelope[Any], _reference: Reference) -> Outcome:
    """A plan is in force: nothing is asked any more, until it is broken or no longer fits.

    Agreement and followup both say so, each on its own topic: what the second says is no news.
    """
    data = message.data
    if state is None or state.status is AssessmentStatus.CLOSED:
        return Decision(state)
    if state.agreement == data.agreement_id and data.version <= state.agreed_version:
        return Decision(state)
    planned = {
        "agreement": data.agreement_id,
        "agreed_version": data.version,
        "status": AssessmentStatus.PLANNED,
        "live": True,
        "talks": False,
        "request": None,
        "ask_again": None,
        "wanted": None,
        "no_plan": False,
    }
    return Decision(state.model_copy(update=planned))


def _reopened(state: AssessmentState | None, message: Envelope[Any], _reference: Reference) -> Outcome:
    """What had completed the plan came back: it is in force again, and nothing is asked."""
    if state is None or state.status is AssessmentStatus.CLOSED:
        return Decision(state)
    if state.agreement != message.data.agreement_id:
        return Decision(state)
    state = state.model_copy(update={"stands_since": message.data.as_of})
    if state.live:
        return Decision(state)
    again = {"status": AssessmentStatus.PLANNED, "live": True, "talks": False, "request": None}
    return Decision(state.model_copy(update={**again, "ask_again": None, "wanted": None}))


def _plan_over(state: AssessmentState | None, message: Envelope[Any], reference: Reference) -> Outcome:
    """The plan is over. Where it broke it did not fit: what can be paid is asked anew, once."""
    data = message.data
    superseded = isinstance(data, agreement.AgreementEnded) and data.reason.code is ReasonCode.PLAN_SUPERSEDED
    if state is None or state.status is AssessmentStatus.CLOSED or superseded:
        return Decision(state)
    if not state.live or state.agreement != data.agreement_id:
        return Decision(state)
    if state.stands_since is not None and data.as_of < state.stands_since:
        return Decision(state)  # an end that is undone, heard later by another topic
    if isinstance(data, agreement.AgreementEnded) and data.returns_to is not None:
        return Decision(state.model_copy(update={"agreement": data.returns_to.agreement_id}))
    policy = policy_of(state, message.day, reference)
    # What was to be reminded of and rested while the plan was kept is no news any more when its day is past.
    wanted = None if state.wanted is None or state.wanted.due < message.day else state.wanted
    over = state.model_copy(update={"live": False, "talks": True, "no_plan": False, "wanted": wanted})
    if over.request is not None:
        return Decision(over)
    closing = isinstance(data, agreement.AgreementEnded) and data.reason.code is ReasonCode.CASE_CLOSED
    if closing or isinstance(data, agreement.AgreementCompleted):
        return Decision(_after_plan(over, message.day, policy))
    if over.current is not None and not valid(over, message.day):
        return _decided(expire(over, over.current.expires, policy, message.day))
    return _decided(ask_afresh(over, policy, message.day, Reason(code=ReasonCode.PLAN_BROKEN)))


def _after_plan(over: AssessmentState, day: date, policy: PolicyInForce) -> AssessmentState:
    """Intake closes the case now, most likely: nobody is asked in vain; what stays open is looked at soon."""
    if valid(over, day):
        return over.model_copy(update={"status": AssessmentStatus.ASSESSED})
    soon = {"status": AssessmentStatus.LAPSED, "current": None, "ask_again": review_soon(policy, day)}
    return over.model_copy(update=soon)


def _renegotiation(
    state: AssessmentState | None, message: Envelope[followup.RenegotiationRequested], reference: Reference
) -> Outcome:
    """The plan no longer fits: new figures first (R45), unless those in force are as new as the request."""
    data = message.data
    if state is None or state.status is AssessmentStatus.CLOSED:
        return Decision(state)
    if state.agreement != data.agreement_id:
        # Followup knows a signed plan, so the signature is on its way here.
        return Decision.wait(state)
    in_force = state.current if valid(state, message.day) else None
    if in_force is not None and in_force.as_of >= data.as_of and state.request is None:
        return Decision(state.model_copy(update={"talks": True, "status": AssessmentStatus.ASSESSED}))
    policy = policy_of(state, message.day, reference)
    reasons = message.data.reasons or (Reason(code=ReasonCode.STATEMENT_RENEWAL),)
    return _decided(ask_afresh(state, policy, message.day, *reasons))


def _new_statement_wanted(
    state: AssessmentState | None, message: Envelope[Any], reference: Reference
) -> Outcome:
    """Offer cannot go on without new figures, or a talk beside a live plan is over."""
    if state is None or state.status is AssessmentStatus.CLOSED:
        return Decision(state)
    if message.data.next_step.code is ReasonCode.NEXT_NEW_STATEMENT:
        if state.request is not None or valid(state, message.day):
            return Decision(state)
        policy = policy_of(state, message.day, reference)
        renewal = Reason(code=ReasonCode.STATEMENT_RENEWAL)
        return _decided(ask_afresh(state, policy, message.day, renewal))
    if isinstance(message.data, offer.NoPlanFound):
        # Beside a live plan the talks rest until evidence makes the figures better, or they expire; not where
        # offer looks again by itself, and needs figures then.
        rests = {"no_plan": message.data.review_on is None}
        return Decision(state.model_copy(update=rests) if state.live and state.talks else state)
    over = isinstance(message.data, offer.TalksFailed) and state.live and state.request is None
    if not over:
        return Decision(state)
    return Decision(
        state.model_copy(update={"talks": False, "status": AssessmentStatus.PLANNED, "ask_again": None})
    )


def _decided(step: Step) -> Outcome:
    return Decision.of(step[0], *step[1])


_HANDLERS: dict[type[Event], Handler] = {
    intake.CaseOpened: _opened,
    intake.CaseChanged: _debts,
    intake.PaymentMatched: _debts,
    intake.PaymentTakenBack: _debts,
    intake.StopsChanged: _stopped,
    intake.CaseClosed: _closed,
    desk.StatementSubmitted: answers.submitted,
    desk.EvidenceVerified: answers.verified,
    desk.HardshipReported: answers.hardship,
    desk.ContactRecorded: answers.contact,
    desk_parties.StopReported: _told,
    desk_parties.StopLifted: _told,
    desk_household.InterviewHeld: people.interviewed,
    desk_household.VulnerabilityRecorded: people.vulnerable,
    desk_household.DebtPlanAgreed: people.debt_plan,
    desk_household.DoubtRaised: people.doubted,
    desk_household.DoubtSettled: people.settled,
    desk_household.WilfulDefaultStated: people.wilful,
    desk_household.AssessmentOverridden: people.overridden,
    offer.NoPlanFound: _new_statement_wanted,
    offer.OfferLapsed: _new_statement_wanted,
    offer.TalksFailed: _new_statement_wanted,
    agreement.AgreementSigned: _signed,
    agreement.AgreementEnded: _plan_over,
    agreement.AgreementCompleted: _plan_over,
    followup.InstalmentCorrected: noted,
    followup.InstalmentMissed: noted,
    followup.InstalmentPaid: noted,
    followup.PlanStarted: _signed,
    followup.PlanBroken: _plan_over,
    followup_care.PlanReopened: _reopened,
    followup.PromiseBroken: noted,
    followup.PromiseKept: noted,
    followup.RenegotiationRequested: _renegotiation,
}

HANDLED = frozenset(_HANDLERS)
"""The messages that this service does anything about."""
