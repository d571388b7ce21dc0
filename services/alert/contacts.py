"""Attempts at contact that were in vain, counted as the guard counts them: after so many a person decides.

The guard holds back what we would say from the same attempt on, so that nothing is held back for ever without
somebody being asked: those at the borrower and who acts for them together, at anybody else by person. Pure.
"""

from datetime import UTC, date, datetime
from functools import partial
from typing import TypeVar

from services.alert.model import AlertState, TriedOther
from services.alert.raising import Step, raise_alert, resolve
from services.alert.steps import known_packs
from shared.conduct import BORROWER, Recorded, is_reckoned, past_contact
from shared.contracts.alert import AlertKind
from shared.contracts.base import Event, Reason
from shared.contracts.desk import ContactRecorded
from shared.contracts.desk_contact import ContactResumed
from shared.contracts.envelope import Envelope
from shared.contracts.intake import CaseOpened
from shared.contracts.intake_team import ConductChanged, EarlierContactMade, EarlierReachHeard
from shared.contracts.reach import EarlierContact, EarlierReach
from shared.contracts.reasons import ReasonCode
from shared.policy.model import PolicyInForce
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
# Far above whom a borrower has at a time; of more the oldest is forgotten.
_ACTING_KEPT = 20
# Far above whom a case has; of more the one who was tried longest ago is forgotten.
_OTHERS_KEPT = 20


def note(state: AlertState, message: Envelope[CaseOpened | Event], reference: Reference) -> Step:
    """Count an attempt; a word of theirs starts anew, and so does a person's decision."""
    data, code = message.data, ReasonCode.CONTACT_MADE
    if isinstance(data, CaseOpened) and data.reach is not None:
        state = _with_earlier(state, data.reach)
    elif isinstance(data, ContactRecorded):
        state = _with(state, data, data.with_whom, message.time, theirs=not data.with_another)
    elif isinstance(data, EarlierContactMade):
        state = _with_past(state, data.contact)
    elif isinstance(data, EarlierReachHeard):
        state, code = _acted_for(state, data.reach), ReasonCode.PERSON_DECIDED
        state = _decided(state, data.reach.decided_at)
    elif isinstance(data, ContactResumed) and is_reckoned(message.time):
        state, code = _decided(state, message.time), ReasonCode.PERSON_DECIDED
    elif not isinstance(data, ConductChanged):
        return state, ()
    return _judged(state, message.id, message.day, reference, code)


def _with_earlier(state: AlertState, reach: EarlierReach) -> AlertState:
    """Begin with the attempts that an earlier case has left: the guard counts them in this one, too."""
    state = _acted_for(state, reach)
    for contact in reach.contacts:
        state = _with_past(state, contact)
    return _decided(state, reach.decided_at)


def _acted_for(state: AlertState, reach: EarlierReach) -> AlertState:
    """Take note who acts for the borrower: of contacts of an earlier case only the person is known."""
    found = (*state.acting, *(one.authority_id for one in reach.authorities))
    return state.model_copy(update={"acting": tuple(dict.fromkeys(found))[-_ACTING_KEPT:]})


def _with_past(state: AlertState, contact: EarlierContact) -> AlertState:
    return _with(state, contact, contact.person, theirs=contact.person in state.acting)


def _with(
    state: AlertState, record: Recorded, person: str, told: datetime | None = None, *, theirs: bool = False
) -> AlertState:
    """Count a contact; `theirs`: with the borrower's side."""
    past = past_contact(record, told=told)
    if past is None:
        return state
    word = past.direction == "inbound" or past.outcome == "talked"
    if not word and past.outcome != "no_answer":
        return state
    known = {other.person: other for other in state.others}
    if person != BORROWER and (person in known or not theirs):
        other = known.pop(person, TriedOther(person=person, reached_at=state.decided_at))
        other = _heard(other, past.at) if word else _tried(other, past.at)
        state = state.model_copy(update={"others": (*known.values(), other)[-_OTHERS_KEPT:]})
    if person != BORROWER and not theirs:
        return state
    return _heard(state, past.at) if word else _tried(state, past.at)


_Counted = TypeVar("_Counted", AlertState, TriedOther)


def _tried(counted: _Counted, at: datetime) -> _Counted:
    if counted.reached_at is not None and at <= counted.reached_at:
        return counted
    return counted.model_copy(update={"tried": tuple(sorted((*counted.tried, at))[-_TRIED_KEPT:])})


def _heard(counted: _Counted, at: datetime | None) -> _Counted:
    """Attempts up to here count no more; a word that becomes known late leaves those after it."""
    if at is None or (counted.reached_at is not None and at <= counted.reached_at):
        return counted
    at = at.astimezone(UTC)
    left = tuple(one for one in counted.tried if one > at)
    return counted.model_copy(update={"reached_at": at, "tried": left})


def _decided(state: AlertState, at: datetime | None) -> AlertState:
    """A person's decision is about everybody, also whom we are told only later to have tried before it."""
    if at is None or (state.decided_at is not None and at <= state.decided_at):
        return state
    others = tuple(_heard(other, at) for other in state.others)
    return _heard(state.model_copy(update={"others": others, "decided_at": at.astimezone(UTC)}), at)


def _judged(state: AlertState, cause: str, day: date, reference: Reference, code: ReasonCode) -> Step:
    """The pack of the case that asks for a person first decides: no other lets anything leave either.

    Of those that ask, the one that wants it done soonest says what is to be done, and by whom.
    """
    packs = [reference.policies.in_force(pack, day) for pack in known_packs(state, reference)]
    if not any(_asks(state, pack) for pack in packs):
        return resolve(state, AlertKind.CONTACT_IN_VAIN, day, code)
    reasons = [Reason(code=ReasonCode.CONTACT_IN_VAIN, params={"attempts": str(state.in_vain)})]
    person = _tried_most(state)
    if person != BORROWER:
        reasons.append(Reason(code=ReasonCode.TRIED_ANOTHER, params={"person": person}))
    policy = min(packs, key=partial(_says_what, state))
    return raise_alert(state, AlertKind.CONTACT_IN_VAIN, person, day, policy, *reasons, cause=cause)


def _tried_most(state: AlertState) -> str:
    """Give at whom the attempts were in vain; the borrower stands for who acts for them, too."""
    most = [other.person for other in state.others if len(other.tried) == state.in_vain]
    return BORROWER if len(state.tried) == state.in_vain else most[0]


def _asks(state: AlertState, pack: PolicyInForce) -> bool:
    return state.in_vain >= pack.contact_rules.failed_attempts_until_person


def _says_what(state: AlertState, pack: PolicyInForce) -> tuple[bool, bool, int]:
    """First those with a rule for it, of them those that ask for a person, of them the soonest."""
    rule = pack.alert_rule(AlertKind.CONTACT_IN_VAIN.value)
    return rule is None, not _asks(state, pack), 0 if rule is None else rule.business_days
