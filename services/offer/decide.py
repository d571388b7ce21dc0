"""The offer's decisions: debts from intake, capacity from assessment, answers from the desk."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

from services.offer import answers, asking, lump_sums
from services.offer.basis import basis_of
from services.offer.dating import dated
from services.offer.history import with_flows_since, with_known_flows
from services.offer.meanwhile import as_the_day_began, charged_in_talks, ruled_by, with_payment_in_talks
from services.offer.model import OfferState, OfferStatus
from services.offer.part_payment import less_what_is_paid
from services.offer.rules import (
    assessed_from,
    came_to_nothing,
    figures_of,
    is_affordable,
    is_assessed,
    no_longer_valid,
    review_on,
    says_the_same,
)
from services.offer.search import payments_of
from services.offer.standing import (
    balance_moved,
    end_of_validity,
    is_held,
    request_of_the_day,
    while_held,
)
from services.offer.stops import all_stopped, follow, stop_told
from services.offer.talks import (
    Step,
    meet,
    new_talks,
    next_round,
    policy_of,
    retable,
    review,
    say_again,
    table,
    withdraw,
)
from shared.contracts import (
    agreement,
    assessment,
    desk,
    desk_parties,
    desk_talks,
    desk_team,
    followup,
    followup_care,
    intake,
)
from shared.contracts.base import Event, Reason
from shared.contracts.debts import DebtSnapshot
from shared.contracts.decision import Decision, Emission
from shared.contracts.departures import told
from shared.contracts.envelope import Envelope
from shared.contracts.offer import HumanReviewOpened
from shared.contracts.parties import judged_on
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import Reference

__all__ = ["HANDLED", "OfferDecider"]

Outcome = Decision[OfferState]
Handler = Callable[[OfferState | None, Envelope[Any], Reference], Outcome]

_ON_TABLE = {OfferStatus.TABLED, OfferStatus.APPROVAL}
_NOTHING_TABLED = {OfferStatus.NO_PLAN, OfferStatus.FAILED, OfferStatus.ENDED}


class OfferDecider:
    """Plans on the table, rounds, agreement in principle, or why not."""

    def decide(self, state: OfferState | None, message: Envelope[Any], reference: Reference) -> Outcome:
        """Decide one message; see `shared.contracts.decision`."""
        handler = _HANDLERS.get(type(message.data))
        if handler is None:
            return Decision(state)
        known = state if state is None else as_the_day_began(state, message.day)
        held: Outcome | None = None
        if type(message.data) in _AS_IT_STOOD:
            held = while_held(known, message.day, lambda then: handler(then, message, reference), reference)
        outcome = held or handler(known, message, reference)
        if outcome.state == known:
            outcome = replace(outcome, state=state)  # it still stands as when the day began
        return outcome if outcome.waits else dated(state, outcome, message.time)

    def due(self, state: OfferState) -> date | None:
        """An offer's last day, an approval's due day, or the day to look again; none while stops halt it."""
        if state.halted_on is not None or state.next_date is None:
            return None
        judged = judged_on(state.next_date, state.stop_told_on)
        # What only a balance's day holds does not outlast it: had another been read first, it would be gone.
        return state.next_date if judged > state.next_date and is_held(state) else judged

    def close(self, state: OfferState, day: date, reference: Reference) -> Outcome:
        """Lapse, give up waiting for an approval, or look again."""
        said: tuple[Event, ...] = ()
        while (due := self.due(state)) is not None and due <= day:
            if state.status is OfferStatus.TABLED:
                state, events = end_of_validity(state, state.next_date or due, day, reference)
            elif state.status is OfferStatus.APPROVAL:
                # What is tabled anew is for the borrower to read: it is dated when it is said.
                of_the_day = request_of_the_day(state, day, reference)
                state, events = of_the_day or answers.approval_overdue(state, day, reference)
            else:
                state, events = review(state, day, reference)
            said += events
        return Decision.of(state, *said)


def _left(state: OfferState | None, message: Envelope[desk_team.StaffAbsent], _: Reference) -> Outcome:
    """Somebody is away or leaves, or does not after all: said under a key that is no customer's."""
    known = state or OfferState(case=message.case, status=OfferStatus.CLOSED, policy="", debts=())
    if known.policy:
        return Decision(state)  # a customer's key: nobody sends this there
    departures = told(known.departures, message.data, message.day)
    if departures == known.departures:
        return Decision(state)
    return Decision(known.model_copy(update={"departures": departures}))


def _opened(state: OfferState | None, message: Envelope[intake.CaseOpened], reference: Reference) -> Outcome:
    data = message.data
    if state is not None:
        return _debts(state, message, data.debts, reference)
    if data.policy not in reference.policies:
        return Decision.of(None, answers.refusal(message, ReasonCode.UNKNOWN_PRODUCT))
    opened = OfferState(
        case=message.case,
        status=OfferStatus.WAITING,
        policy=data.policy,
        debts=data.debts,
        debts_seen=message.sequence,
    )
    halted_on = message.day if all_stopped(opened) else None
    return Decision(opened.model_copy(update={"halted_on": halted_on}))


def _changed(
    state: OfferState | None, message: Envelope[intake.CaseChanged], reference: Reference
) -> Outcome:
    """The debts as they stand now. What the bank has charged though it should rest is a person's to undo."""
    debts = message.data.debts
    outcome = _debts(state, message, debts, reference)
    if state is None or state.status is OfferStatus.CLOSED:
        return outcome
    policy = policy_of(state, message.day, reference)
    role, due = policy.talks.human_role, policy.deadline(message.day, policy.talks.human_business_days)
    ruled = ruled_by(debts, message.day, reference, state.round_on)
    charged = charged_in_talks(state, debts, message.day, ruled)
    asked = [HumanReviewOpened(role=role, due=due, reason=reason) for reason in charged]
    return replace(outcome, emissions=(*outcome.emissions, *map(Emission, asked)))


def _paid(state: OfferState | None, message: Envelope[Any], reference: Reference) -> Outcome:
    """A payment, or one taken back: the event names the debts after it."""
    if state is None:
        return Decision(None)
    state = with_payment_in_talks(state, message.data)
    named = {debt.debt_id: debt for debt in message.data.debts}
    kept = tuple(named.pop(debt.debt_id, debt) for debt in state.debts)
    known = with_known_flows(state.debts, (*kept, *named.values()))
    return _debts(state, message, with_flows_since(known, message.data), reference)


def _debts(
    state: OfferState | None, message: Envelope[Any], debts: tuple[DebtSnapshot, ...], reference: Reference
) -> Outcome:
    """Keep the debts; what stands on other figures is withdrawn and tabled again."""
    if state is None or state.status is OfferStatus.CLOSED:
        return Decision(state)
    debts = with_known_flows(state.debts, debts)
    moved = basis_of(debts) != basis_of(state.debts)
    seen = state.debts_seen if message.sequence is None else message.sequence
    now = less_what_is_paid(state, state.model_copy(update={"debts": debts, "debts_seen": seen}))
    stopped = follow(now, message.day, reference)
    if stopped is not None:
        return _decided(stopped)
    if not moved:
        return Decision(now)
    return _decided(balance_moved(state, now, message.day, reference))


def _closed(state: OfferState | None, message: Envelope[intake.CaseClosed], _reference: Reference) -> Outcome:
    if state is None or state.status is OfferStatus.CLOSED:
        return Decision(state)
    said: tuple[Event, ...] = ()
    if state.status in _ON_TABLE:
        state, said = withdraw(state, message.day, ReasonCode.CASE_CLOSED)
    gone = {
        "status": OfferStatus.CLOSED,
        "debts": (),
        "assessed": None,
        "offer": None,
        "request": None,
        "wish": None,
        "live": False,
        "answered": (),
        "next_date": None,
        "stood": (),
        "dawn": None,
    }
    return Decision.of(state.model_copy(update=gone), *said)


def _assessed(
    state: OfferState | None, message: Envelope[assessment.AssessmentCompleted], reference: Reference
) -> Outcome:
    """New figures begin the talks. An offer that can still be paid stands; another is replaced (R29)."""
    data = message.data
    if state is None:
        return Decision.wait(None, answers.refusal(message, ReasonCode.NO_CASE))
    if state.status is OfferStatus.CLOSED:
        return Decision(state)
    if data.expires < message.day:
        return Decision.of(state, answers.refusal(message, ReasonCode.ASSESSMENT_EXPIRED))
    if state.assessed is not None and data.version < state.assessed.version:
        return Decision.of(state, answers.refusal(message, ReasonCode.STALE_FACT))
    latest = assessed_from(data, message.day)
    # Where the last figures have expired, who sends the same again has been asked for them.
    before = state.assessed
    no_news = (
        before is not None
        and message.day <= before.expires
        and says_the_same(figures_of(before), figures_of(latest))
    )
    if no_news and before is not None:
        latest = latest.model_copy(update={"since": before.since})
    now = state.model_copy(update={"assessed": latest})
    if now.halted_on is not None and now.suspended:
        return Decision(now)  # the round that rests goes on with them: they begin no other talks
    if now.offer is None or now.status in {OfferStatus.LAPSED, OfferStatus.FAILED}:
        seeks = now.live and now.sought_until is not None and message.day <= now.sought_until
        agreed = now.status is OfferStatus.AGREED and not (seeks and now.offer is None)
        rests = agreed or (no_news and now.status is not OfferStatus.WAITING)
        # Figures from before a wish to renegotiate may come after it, by their own topic: they begin nothing.
        # What talks have come to today is an answer; had it come later, nothing would have been said before.
        answered = came_to_nothing(now, message.day)
        tells = now.status in _NOTHING_TABLED or seeks
        if rests and data.answers_statement and tells and not answered:
            return _decided(say_again(now, message.day, reference))
        if rests and data.answers_statement and now.status is OfferStatus.LAPSED:
            # Who was waited for has come back: the next round need not wait for its day.
            why = Reason(code=ReasonCode.STATEMENT_RESUMES_TALKS)
            return _decided(next_round(now, message.day, reference, why))
        if rests or not is_assessed(now, message.day):
            return Decision(now)
        if now.status is OfferStatus.LAPSED:
            # The talks go on: silence gains no fresh count of rounds, nor makes a no forgotten.
            why = Reason(code=ReasonCode.CAPACITY_CHANGED)
            return _decided(next_round(now, message.day, reference, why))
        return _decided(new_talks(now, message.day, reference))
    if now.status is OfferStatus.TABLED and now.offer.tabled_on >= message.day:
        # What was tabled today knows today's figures.
        stands = now.offer.figures == figures_of(latest)
    else:
        wanted = now.request.plan_id if now.request is not None else None
        stands = any(
            is_affordable(plan, payments_of(now, now.offer, plan, reference), latest)
            for plan in now.offer.plans
            if wanted in {None, plan.plan_id}
        )
    if stands:
        met = meet(now, message.day, reference) if now.status is OfferStatus.TABLED else None
        return Decision(now) if met is None else _decided(met)
    return _decided(retable(now, message.day, reference, ReasonCode.CAPACITY_CHANGED))


def _assessment_expired(
    state: OfferState | None, message: Envelope[assessment.AssessmentExpired], _reference: Reference
) -> Outcome:
    if state is None:
        return Decision.wait(None, answers.refusal(message, ReasonCode.NO_CASE))
    if state.assessed is None or state.assessed.assessment_id != message.data.assessment_id:
        return Decision(state)
    now = state.model_copy(update={"assessed": no_longer_valid(state.assessed, message.day)})
    if now.status not in _ON_TABLE:
        return Decision(now)
    gone, said = withdraw(now, message.day, ReasonCode.ASSESSMENT_EXPIRED)
    waiting = {"status": OfferStatus.WAITING, "next_date": None}
    return Decision.of(gone.model_copy(update=waiting), *said)


def _returned(
    state: OfferState | None, message: Envelope[agreement.AgreementReturned], reference: Reference
) -> Outcome:
    """The draft was not signed: the same round on today's figures, or the next one after silence."""
    if state is None or state.status is not OfferStatus.AGREED or state.offer is None:
        return Decision(state)
    if state.offer.offer_id != message.data.offer_id:
        return Decision(state)
    reason = message.data.reason
    now = state.model_copy(
        update={"answered": state.over(state.offer.offer_id, ReasonCode.OFFER_ALREADY_ANSWERED)}
    )
    if reason.code is ReasonCode.CASE_CLOSED:
        return Decision(now)
    if reason.code is ReasonCode.SIGN_BY_PASSED:
        return _decided(next_round(now, message.day, reference, reason))
    return _decided(table(now, message.day, reference, reason))


def _signed(
    state: OfferState | None, message: Envelope[agreement.AgreementSigned], _reference: Reference
) -> Outcome:
    """A plan is in force: nothing is on the table any more."""
    if state is None or state.status is OfferStatus.CLOSED:
        return Decision(state)
    said: tuple[Event, ...] = ()
    if state.status in _ON_TABLE:
        state, said = withdraw(state, message.day, ReasonCode.PLAN_SUPERSEDED)
    answered = state.over(message.data.offer_id, ReasonCode.OFFER_ALREADY_ANSWERED)
    in_force = {
        "status": OfferStatus.AGREED,
        "offer": None,
        "request": None,
        "wish": None,
        "live": True,
        "answered": answered,
        "next_date": None,
        "stood": (),
        "sought_until": None,
    }
    return Decision.of(state.model_copy(update=in_force), *said)


def _plan_over(state: OfferState | None, message: Envelope[Any], reference: Reference) -> Outcome:
    """The plan in force is broken or completed, the case is open: it is looked at again soon."""
    data = message.data
    superseded = isinstance(data, agreement.AgreementEnded) and (
        data.reason.code is ReasonCode.PLAN_SUPERSEDED or data.returns_to is not None
    )
    if state is None or state.status is OfferStatus.CLOSED or superseded:
        return Decision(state)
    if state.stands_since is not None and data.as_of < state.stands_since:
        return Decision(state)  # an end that is undone, heard later by another topic
    now = state.model_copy(update={"live": False, "sought_until": None})
    if now.status is not OfferStatus.AGREED or now.offer is not None:
        return Decision(now)
    policy = policy_of(now, message.day, reference)
    step = policy.step("no_plan")
    soon = policy.deadline(message.day, step.business_days) if step else review_on(message.day, policy)
    return Decision(now.model_copy(update={"status": OfferStatus.ENDED, "next_date": soon}))


def _plan_reopened(
    state: OfferState | None, message: Envelope[followup_care.PlanReopened], _reference: Reference
) -> Outcome:
    """What had completed the plan came back: it is in force again, and no other is looked for by itself.

    So it is where a breach is undone, whatever was looked for since; what lies before a role goes on.
    """
    if state is None or state.status is OfferStatus.CLOSED:
        return Decision(state)
    state = state.model_copy(update={"stands_since": message.data.as_of})
    undone = message.data.reason.code is ReasonCode.BROKEN_IN_A_STOP
    if undone and (state.offer is not None or state.status in _ON_TABLE):
        return Decision(state.model_copy(update={"live": True}))
    if state.offer is not None or (state.status is not OfferStatus.ENDED and not undone):
        return Decision(state)
    again = {"live": True, "status": OfferStatus.AGREED, "next_date": None}
    return Decision(state.model_copy(update=again))


def _renegotiation(
    state: OfferState | None, message: Envelope[followup.RenegotiationRequested], reference: Reference
) -> Outcome:
    """The plan no longer fits: new talks on the same case, on figures not older than the request (R45)."""
    if state is None or state.status not in {OfferStatus.AGREED, OfferStatus.ENDED}:
        return Decision(state)
    if state.offer is not None:
        # Followup knows a signed plan, so the signature is on its way here by another topic.
        return Decision.wait(state)
    since = max(message.data.as_of, state.figures_from or message.data.as_of)
    now = state.model_copy(update={"figures_from": since})
    if is_assessed(now, message.day):
        return _decided(new_talks(now, message.day, reference, *message.data.reasons))
    return Decision(now.model_copy(update={"status": OfferStatus.WAITING, "next_date": None}))


def _decided(step: Step) -> Outcome:
    return Decision.of(step[0], *step[1])


_HANDLERS: dict[type[Event], Handler] = {
    intake.CaseOpened: _opened,
    intake.CaseChanged: _changed,
    intake.PaymentMatched: _paid,
    intake.PaymentTakenBack: _paid,
    intake.CaseClosed: _closed,
    assessment.AssessmentCompleted: _assessed,
    assessment.AssessmentExpired: _assessment_expired,
    desk.OfferAccepted: answers.accepted,
    desk.CounterOffered: answers.countered,
    desk.OfferRejected: answers.rejected,
    desk.ApprovalGranted: answers.approval_granted,
    desk.ApprovalRefused: answers.approval_refused,
    desk_parties.StopReported: stop_told,
    desk_parties.StopLifted: stop_told,
    desk_team.StaffAbsent: _left,
    desk_talks.HumanRequested: asking.human_requested,
    desk_talks.ExplanationRequested: asking.explanation_requested,
    desk_talks.LumpSumOffered: lump_sums.lump_sum_offered,
    agreement.AgreementReturned: _returned,
    agreement.AgreementSigned: _signed,
    agreement.AgreementEnded: _plan_over,
    agreement.AgreementCompleted: _plan_over,
    followup.RenegotiationRequested: _renegotiation,
    followup_care.PlanReopened: _plan_reopened,
}

# What comes by other topics than balances: what it means does not depend on which is read first.
_AS_IT_STOOD = frozenset(
    {
        assessment.AssessmentCompleted,
        desk.OfferAccepted,
        desk.CounterOffered,
        desk.OfferRejected,
        desk.ApprovalGranted,
        desk.ApprovalRefused,
        desk_talks.LumpSumOffered,
    }
)

HANDLED = frozenset(_HANDLERS)
"""The messages that this service does anything about."""
