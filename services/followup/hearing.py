"""What is heard of contacts and talks about a plan: attempts, rules of contact, offers, statements. Pure."""

from typing import Any

from services.followup import care, co_borrowers, referral, trying, unserved
from services.followup.cooperation import note_statement
from services.followup.desk import Handler, Outcome, refusal
from services.followup.model import FollowupState, FollowupStatus
from services.followup.rules import ends_the_talks
from services.followup.work import live_plan
from shared.contracts import desk, desk_care, desk_contact, intake_team, offer
from shared.contracts.alert import ComplaintClosed
from shared.contracts.base import Event
from shared.contracts.decision import Decision
from shared.contracts.envelope import Envelope
from shared.contracts.notice import NoticeWithdrawn
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import Reference

__all__ = ["OF_CONTACTS_AND_TALKS"]


def _contact(
    state: FollowupState | None, message: Envelope[desk.ContactRecorded], reference: Reference
) -> Outcome:
    plan = live_plan(state)
    if state is None or state.policy is None:
        # The case is on its way by intake's topic; what limits count must not depend on which is read.
        return Decision.wait(state)
    state, told = co_borrowers.heard(state, message.data, message.day)
    if state.status is FollowupStatus.CLOSED:
        return Decision.of(state, *told)
    if plan is None or message.day <= plan.effective:
        kept = trying.kept_the_rules(state, message, reference)
        noted = referral.note_attempt(state, message.data, message.day, kept_the_rules=kept)
        return Decision.of(trying.remember(noted, message), *told)
    after, said = care.contact(trying.remember(state, message), plan, message.data)
    return Decision.of(after, *told, *said)


def _delivered(
    state: FollowupState | None, message: Envelope[desk_contact.NoticeDelivered], reference: Reference
) -> Outcome:
    """A message has left: the limits of contact count it, and a notice that was given up was served by it."""
    if state is None or state.policy is None:
        return Decision.wait(state)
    if state.status is FollowupStatus.CLOSED:
        return Decision(state)
    known = trying.remember_message(state, message.data)
    after, said = unserved.delivered(known, message.data, message.day, reference)
    return Decision.of(after, *said)


def _withdrawn(
    state: FollowupState | None, message: Envelope[NoticeWithdrawn], reference: Reference
) -> Outcome:
    """A message will not leave any more: of weight where it is a notice that the plan would break by."""
    if state is None:
        return Decision(state)
    after, said = unserved.heard(state, message.data, message.day, reference)
    return Decision.of(after, *said)


def _rules_of_contact(state: FollowupState | None, message: Envelope[Any], reference: Reference) -> Outcome:
    """What decides whether an attempt to reach the borrower was within the rules; a complaint holds more."""
    known = state or FollowupState(case=message.case)
    if known.status is FollowupStatus.CLOSED:
        return Decision(state)
    learned = trying.learn(known, message)
    after, said = referral.held_or_resumed(learned, message.id, message.day, reference)
    return Decision.of(after, *said)


def _review_passed(
    state: FollowupState | None, message: Envelope[desk_care.ReviewNotHeld], reference: Reference
) -> Outcome:
    if state is not None and state.status is FollowupStatus.CLOSED:
        return Decision.of(state, refusal(message, ReasonCode.CASE_CLOSED))
    plan = live_plan(state)
    if state is None or plan is None:
        return Decision.wait(state, refusal(message, ReasonCode.NO_LIVE_PLAN))
    after, said = care.review_passed(state, plan, message.data, message.day, reference)
    return Decision.of(after, *said)


def _round_over(state: FollowupState | None, message: Envelope[Any], _: Reference) -> Outcome:
    """No plan came of the talks: the old one is kept to again, after notice and time to cure."""
    state = _on_table(state, message)
    plan = live_plan(state)
    if isinstance(message.data, offer.OfferLapsed | offer.TalksFailed):
        known = state or FollowupState(case=message.case)
        if known.status is FollowupStatus.CLOSED:
            return Decision(state)
        state = referral.note_talks(known, message.data)
    if state is None or plan is None or not ends_the_talks(message.data):
        return Decision(state)
    seeks = isinstance(message.data, offer.NoPlanFound)
    return Decision(care.round_over(state, plan, message.day, evidence_may_come=seeks))


def _round_again(state: FollowupState | None, message: Envelope[offer.OfferTabled], _: Reference) -> Outcome:
    """An offer beside a live plan, after talks about it had ended: they go on."""
    state = _on_table(state, message)
    plan = live_plan(state)
    if state is None or plan is None:
        return Decision(state)
    return Decision(care.round_again(state, plan, message.day))


def _table(state: FollowupState | None, message: Envelope[Any], _: Reference) -> Outcome:
    """An offer is answered by another one, accepted, or taken back."""
    return Decision(_on_table(state, message))


def _on_table(state: FollowupState | None, message: Envelope[Any]) -> FollowupState | None:
    known = state or FollowupState(case=message.case)
    if known.status is FollowupStatus.CLOSED:
        return state
    after = referral.note_table(known, message.data)
    return state if after == known else after


def _statement(
    state: FollowupState | None, message: Envelope[desk.StatementSubmitted], reference: Reference
) -> Outcome:
    """A statement with every part is cooperation (R39); what it says is assessment's."""
    plan = live_plan(state)
    if state is not None and plan is not None:
        state = care.brought(state, plan, message.day)
    known = state or FollowupState(case=message.case)
    if known.status is FollowupStatus.CLOSED or known.cooperation.statement:
        return Decision(state)
    if known.policy is None:
        return Decision.wait(state)
    required = reference.policies.in_force(known.policy, message.day).assessment.required_parts
    return Decision(known.model_copy(update={"cooperation": note_statement(known, message.data, required)}))


def _evidence(state: FollowupState | None, message: Envelope[desk.EvidenceVerified], _: Reference) -> Outcome:
    """Evidence after talks in which no plan was found may bring another round."""
    plan = live_plan(state)
    if state is None or plan is None:
        return Decision(state)
    return Decision(care.brought(state, plan, message.day))


OF_CONTACTS_AND_TALKS: dict[type[Event], Handler] = {
    desk.ContactRecorded: _contact,
    desk.PreferencesSet: _rules_of_contact,
    desk.ComplaintMade: _rules_of_contact,
    ComplaintClosed: _rules_of_contact,
    desk_contact.ContactResumed: _rules_of_contact,
    desk_contact.AuthorityRecorded: _rules_of_contact,
    desk_contact.AuthorityEnded: _rules_of_contact,
    intake_team.EarlierComplaint: _rules_of_contact,
    intake_team.EarlierContactMade: _rules_of_contact,
    intake_team.EarlierReachHeard: _rules_of_contact,
    desk_contact.NoticeDelivered: _delivered,
    NoticeWithdrawn: _withdrawn,
    desk.StatementSubmitted: _statement,
    desk.EvidenceVerified: _evidence,
    offer.OfferTabled: _round_again,
    offer.OfferRevised: _table,
    offer.ApprovalRequested: _table,
    offer.OfferAgreed: _table,
    offer.OfferWithdrawn: _table,
    offer.TalksFailed: _round_over,
    offer.OfferLapsed: _round_over,
    offer.NoPlanFound: _round_over,
    desk_care.ReviewNotHeld: _review_passed,
}
