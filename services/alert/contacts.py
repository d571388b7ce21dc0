"""Attempts at contact that were in vain, counted as the guard counts them: after so many a person decides.

The guard holds back what we would say from the same attempt on, so that nothing is held back for ever without
somebody being asked. Pure.
"""

from datetime import UTC, date, datetime

from services.alert.model import AlertState
from services.alert.raising import Step, raise_alert, resolve
from services.alert.steps import known_packs, policy_on
from shared.conduct import BORROWER, Recorded, is_reckoned, past_contact
from shared.contracts.alert import AlertKind
from shared.contracts.base import Event, Reason
from shared.contracts.desk import ContactRecorded
from shared.contracts.desk_contact import ContactResumed
from shared.contracts.envelope import Envelope
from shared.contracts.intake import CaseOpened
from shared.contracts.intake_team import ConductChanged, EarlierContactMade, EarlierReachHeard
from shared.contracts.reach import EarlierReach
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import Reference

__all__ = ["OF_CONTACTS", "note"]

OF_CONTACTS: tuple[type[Event], ...] = (
    ContactRecorded,
    ContactResumed,
    ConductChanged,
    EarlierContactMade,
    EarlierReachHeard,
)

# As many as notice keeps: a pack counts at most a hundred.
_TRIED_KEPT = 120


def note(state: AlertState, message: Envelope[CaseOpened | Event], reference: Reference) -> Step:
    """Count an attempt; a word of theirs starts anew, and so does a person's decision."""
    data, code = message.data, ReasonCode.CONTACT_MADE
    if isinstance(data, CaseOpened) and data.reach is not None:
        state = _with_earlier(state, data.reach)
    elif isinstance(data, ContactRecorded) and not data.with_another:
        state = _with(state, data, message.time)
    elif isinstance(data, EarlierContactMade) and data.contact.person == BORROWER:
        state = _with(state, data.contact)
    elif isinstance(data, EarlierReachHeard):
        state, code = _since(state, data.reach.decided_at), ReasonCode.PERSON_DECIDED
    elif isinstance(data, ContactResumed) and is_reckoned(message.time):
        state, code = _since(state, message.time), ReasonCode.PERSON_DECIDED
    elif not isinstance(data, ConductChanged):
        return state, ()
    return _judged(state, message.id, message.day, reference, code)


def _with_earlier(state: AlertState, reach: EarlierReach) -> AlertState:
    """Begin with the attempts that an earlier case has left: the guard counts them in this one, too."""
    for contact in reach.contacts:
        if contact.person == BORROWER:
            state = _with(state, contact)
    return _since(state, reach.decided_at)


def _with(state: AlertState, record: Recorded, told: datetime | None = None) -> AlertState:
    past = past_contact(record, told=told)
    if past is None:
        return state
    if past.direction == "inbound" or past.outcome == "talked":
        return _since(state, past.at)
    if past.outcome != "no_answer" or (state.reached_at is not None and past.at <= state.reached_at):
        return state
    return state.model_copy(update={"tried": tuple(sorted((*state.tried, past.at))[-_TRIED_KEPT:])})


def _since(state: AlertState, at: datetime | None) -> AlertState:
    """Attempts up to here count no more; a word that becomes known late leaves those after it."""
    if at is None or (state.reached_at is not None and at <= state.reached_at):
        return state
    at = at.astimezone(UTC)
    return state.model_copy(update={"reached_at": at, "tried": tuple(one for one in state.tried if one > at)})


def _judged(state: AlertState, cause: str, day: date, reference: Reference, code: ReasonCode) -> Step:
    """The pack of the case that asks for a person first decides: no other lets anything leave either."""
    packs = (reference.policies.in_force(pack, day) for pack in known_packs(state, reference))
    if len(state.tried) < min(pack.contact_rules.failed_attempts_until_person for pack in packs):
        return resolve(state, AlertKind.CONTACT_IN_VAIN, day, code)
    reason = Reason(code=ReasonCode.CONTACT_IN_VAIN, params={"attempts": str(len(state.tried))})
    policy = policy_on(state, day, reference)
    return raise_alert(state, AlertKind.CONTACT_IN_VAIN, "contact", day, policy, reason, cause=cause)
