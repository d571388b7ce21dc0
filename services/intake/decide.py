"""Intake's decisions: from the bank's vocabulary to cases, ledgers and owners."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from services.intake import (
    absences,
    differences,
    figures,
    owners,
    parties,
    payments,
    plans,
    rates,
    reach,
    stops,
    talks,
)
from services.intake.cases import Outcome, answer, conclude, said_of_conduct
from services.intake.differences import with_news_of_balances
from services.intake.halting import dated
from services.intake.holding import told_of_stops, with_leaving
from services.intake.lateness import with_lateness
from services.intake.ledger import leave
from services.intake.model import IntakeState
from services.intake.parties import said_of_elsewhere, said_of_parties
from services.intake.rates import with_news_of_rates
from services.intake.stops import ended_by_date, said_of_plan, said_of_stops
from shared.contracts import (
    agreement,
    alert,
    bank,
    desk,
    desk_care,
    desk_contact,
    desk_parties,
    desk_team,
    followup,
    followup_care,
)
from shared.contracts.base import Event, Reason
from shared.contracts.debts import DebtStatus
from shared.contracts.decision import Decision, Emission
from shared.contracts.envelope import Envelope
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import Reference

__all__ = ["HANDLED", "IntakeDecider"]

Handler = Callable[[IntakeState | None, Envelope[Any], Reference], Outcome]


class IntakeDecider:
    """One customer: cases opened, refreshed and closed; balances, payments, owner."""

    def decide(self, state: IntakeState | None, message: Envelope[Any], reference: Reference) -> Outcome:
        """Decide one message; see `shared.contracts.decision`."""
        handler = _HANDLERS.get(type(message.data))
        if handler is None:
            return Decision(state)
        reference = absences.with_absences(reference)
        decided = with_news_of_balances(state, handler(state, message, reference), message.day, reference)
        decided = with_news_of_rates(state, decided, message)
        told = _with_leaving(state, _with_news(state, decided, message.day, reference), message.day)
        return with_lateness(_bank_told(told, message.day, message.id, reference), message.day, reference)

    def due(self, state: IntakeState) -> date | None:
        """The next date of the owner or of a stop, debts paid up on our books, or a plan that is over."""
        return state.next_date

    def close(self, state: IntakeState, day: date, reference: Reference) -> Outcome:
        """Act on all that is due, oldest first."""
        if state.away:
            return Decision(absences.without_past(state, day))
        said: tuple[Emission, ...] = ()
        reference = absences.with_absences(reference)
        while state.next_date is not None and state.next_date <= day:
            on, before = state.next_date, state
            done = with_lateness(_with_leaving(before, _act(state, on, reference), on), on, reference)
            assert done.state is not None  # noqa: S101 - narrows
            state = done.state
            said += (*done.emissions, *answer(state, *said_of_conduct(before, state, on)).emissions)
        return Decision(state, said)


def _with_news(before: IntakeState | None, decided: Outcome, day: date, reference: Reference) -> Outcome:
    """Add what an open case has to say of its owner, packs, other obligors, stops, and its plan's debts.

    Of a closed one stops alone: a letter of it may still be on its way, and who has died gets none.
    """
    if decided.waits or decided.state is None:
        return decided
    if not decided.state.is_open:
        if not _was_closed(before):
            return decided
        closed = dated(decided.state, day, reference)
        told = answer(closed, *said_of_stops(before, closed, day, reference))
        return Decision(closed, (*decided.emissions, *told.emissions))
    after, assigned = dated(decided.state, day, reference), tuple[Event, ...]()
    if before is None or before.owner == after.owner:  # who has just been given it is the best there is
        after, assigned = owners.relieve(after, day, reference)
    news = (
        *assigned,
        *said_of_conduct(before, after, day),
        *said_of_parties(before, after, day),
        *said_of_elsewhere(before, after),
        *said_of_stops(before, after, day, reference),
        *said_of_plan(before, after, day),
    )
    return Decision(after, (*decided.emissions, *answer(after, *news).emissions))


def _was_closed(before: IntakeState | None) -> bool:
    """Whether a case of the customer had ended before this."""
    return before is not None and before.episode > 0 and not before.is_open


def _with_leaving(before: IntakeState | None, decided: Outcome, day: date) -> Outcome:
    if decided.waits or decided.state is None:
        return decided
    return Decision(with_leaving(before, decided.state, day), decided.emissions)


def _bank_told(decided: Outcome, day: date, cause: str, reference: Reference) -> Outcome:
    """Tell the bank what stop events stop of its own doings, and what goes on after them."""
    if decided.waits or decided.state is None:
        return decided
    after, said = told_of_stops(decided.state, day, cause, reference)
    more = () if said is None else answer(after, said).emissions
    return Decision(after, (*decided.emissions, *more))


def _act(state: IntakeState, on: date, reference: Reference) -> Outcome:
    if any(d.quiet_since == on for d in state.of_case if d.is_active and not state.plans(d)):
        return _paid_up(state, on)
    if state.finish is not None and state.finish.on == on:
        return plans.finish(state, on, state.finish.reason)
    if any(stop.ends_on == on and stop.ended_on is None for stop in state.stops):
        over = _with_news(state, ended_by_date(state, on), on, reference)
        return _bank_told(over, on, on.isoformat(), reference)
    if state.plan is not None and any(watched.look_on == on for watched in state.plan.watched):
        return differences.look(state, on, reference)
    owned, assigned = owners.last_day_over(state, on, reference)
    return answer(owned, *assigned)


def _paid_up(state: IntakeState, on: date) -> Outcome:
    """Payments left nothing overdue and the day brought no other word: the debt has recovered."""
    after = state
    for debt in state.of_case:
        if debt.quiet_since != on or not debt.is_active or state.plans(debt):
            continue
        settled = debt.outstanding.total == 0
        if debt.is_late and not settled:
            after = after.with_debt(debt.model_copy(update={"quiet_since": None}))
            continue
        status = DebtStatus.SETTLED if settled else DebtStatus.CURED
        after = after.with_debt(leave(debt, status, on, by_bank=False))
    concluded, said = conclude(state, after, on, Reason(code=ReasonCode.ACCOUNT_CURED))
    return answer(concluded, *said)


_HANDLERS: dict[type[Event], Handler] = {
    bank.AccountOverdue: figures.overdue,
    bank.BalanceReported: figures.reported,
    bank.AccountCured: figures.cured,
    bank.DebtSold: figures.sold,
    bank.DebtRecalled: figures.recalled,
    bank.PaymentReceived: payments.received,
    bank.PaymentReversed: payments.reversed_,
    bank.InstructionConfirmed: plans.bank_answered,
    bank.InstructionRefused: plans.bank_answered,
    bank.StopReported: stops.reported,
    bank.StopLifted: stops.lifted,
    desk_care.BalanceReconciled: differences.reconciled,
    desk_care.RateReconciled: rates.reconciled,
    desk.PreferencesSet: owners.preferred,
    desk.ContactRecorded: talks.contacted,
    desk_contact.NoticeDelivered: reach.delivered,
    desk_contact.ContactResumed: reach.resumed,
    desk_contact.AuthorityRecorded: reach.authorised,
    desk_contact.AuthorityEnded: reach.authority_ended,
    desk.ComplaintMade: reach.complained,
    alert.ComplaintClosed: reach.complaint_closed,
    desk_team.OwnerAway: owners.away,
    desk_team.OwnerNamed: owners.named,
    desk_team.StaffAbsent: absences.told,
    desk_team.ConversationScored: talks.scored,
    desk_parties.PartyRightsSet: parties.rights_set,
    desk_parties.StopReported: stops.reported,
    desk_parties.StopLifted: stops.lifted,
    agreement.AgreementSigned: plans.signed,
    agreement.BankInstructed: plans.instructed,
    agreement.AgreementCompleted: plans.completed,
    agreement.AgreementEnded: plans.ended,
    followup.RewardGranted: plans.rewarded,
    followup.PlanCompleted: plans.plan_completed,
    followup_care.PlanReopened: plans.plan_reopened,
    followup_care.CreditInstructed: plans.credit_instructed,
    followup_care.LegalReferralHeld: plans.referral_instructed,
    followup_care.LegalReferralResumed: plans.referral_instructed,
}

HANDLED = frozenset(_HANDLERS)
"""The messages that this service does anything about."""
