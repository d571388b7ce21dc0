"""Whether an attempt to reach the borrower kept the rules of contact: the guard is asked as if before. Pure.

What counts towards a referral to the lawyers (R71a) has to be within the rules: not in quiet hours on the
borrower's clock, not by a channel that is closed, not more often than allowed, not while a complaint is open.
Nobody was told anything by an attempt in vain, so what may be told to whom is not asked.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from services.followup.model import ContactLedger, FollowupState
from shared.conduct import (
    BORROWER,
    Authority,
    CaseStates,
    Guard,
    Message,
    Request,
    agreed_now,
    agreed_still,
    authority_of,
    closed_before,
    closed_now,
    is_time_zone,
    on_their_clock,
    opt_outs,
    past_contact,
    past_message,
)
from shared.contracts import desk, desk_contact, intake_team
from shared.contracts.alert import ComplaintClosed, with_over
from shared.contracts.envelope import Envelope
from shared.contracts.reach import EarlierReach
from shared.policy.model import Pack
from shared.policy.reference import Reference

__all__ = ["kept_the_rules", "learn", "remember", "remember_message", "with_earlier"]

# As far back as any rule counts, far above what may be done in a week.
_CONTACTS_KEPT = 30
_AUTHORITIES_KEPT = 20
_GUARDS: dict[int, tuple[Pack, Guard]] = {}


def kept_the_rules(
    state: FollowupState, message: Envelope[desk.ContactRecorded], reference: Reference
) -> bool:
    """Say whether every pack of the case allowed a contact at its moment, by what was on file before it."""
    data, known = message.data, state.contacts
    packs = known.packs or ((state.policy,) if state.policy is not None else ())
    past = past_contact(data, told=message.time)
    if past is None or not packs or any(pack not in reference.policies for pack in packs):
        return False
    attempt = Message(
        kind="collection" if past.purpose == "reply" else past.purpose,  # nobody who asked was not there
        actor=past.actor,
        channel=past.channel,
        at=past.at,
        time_zone=known.time_zone,
        person=BORROWER,
        number=data.number or None,
        debts=data.debts,
        says_how_to_stop=True,
    )
    zone = ZoneInfo(known.time_zone or reference.policies.pack(packs[0]).info.time_zone)
    states = CaseStates(
        opt_outs=known.opt_outs,
        agreed=known.agreed,
        complaint_open=bool(known.complaints),
        decided_at=known.decided_at,
        authorities=on_their_clock(known.authorities, zone),
    )
    request = Request(message=attempt, history=known.recent, case=states)
    return all(_guard(reference.policies.pack(pack)).ask(request).allowed for pack in packs)


def remember(state: FollowupState, message: Envelope[desk.ContactRecorded]) -> FollowupState:
    """Keep a contact for the limits that count it."""
    past = past_contact(message.data, message.data.with_whom, message.time)
    if past is None:
        return state
    return _with(state, recent=(*state.contacts.recent, past)[-_CONTACTS_KEPT:])


def remember_message(state: FollowupState, data: desk_contact.NoticeDelivered) -> FollowupState:
    """Keep a message that the courier has sent: it is a contact like any other, by what it was for."""
    past = past_message(data)
    if past is None:
        return state
    return _with(state, recent=(*state.contacts.recent, past)[-_CONTACTS_KEPT:])


def with_earlier(state: FollowupState, reach: EarlierReach) -> FollowupState:
    """Begin a case with what is on file of the person; what this case has heard already is newer."""
    known = state.contacts
    found = (past_contact(contact, contact.person) for contact in reach.contacts)
    earlier = tuple(past for past in found if past is not None)
    return _with(
        state,
        recent=(*earlier, *known.recent)[-_CONTACTS_KEPT:],
        opt_outs=known.opt_outs or closed_before(reach.opt_outs),
        time_zone=known.time_zone or reach.time_zone,
        decided_at=known.decided_at or reach.decided_at,
        complaints=tuple(dict.fromkeys((*reach.complaints, *known.complaints))),
        authorities=known.authorities or _handed_over(reach)[-_AUTHORITIES_KEPT:],
    )


def learn(state: FollowupState, message: Envelope[Any]) -> FollowupState:
    """Note wishes, complaints, contacts of earlier cases, and that a person lets attempts in vain go on."""
    data, known = message.data, state.contacts
    if isinstance(data, desk.PreferencesSet):
        return _preferred(state, data, message.time)
    if isinstance(data, desk_contact.ContactResumed):
        return _with(state, decided_at=message.time)
    if isinstance(data, desk_contact.AuthorityRecorded):
        return _acting(state, authority_of(data, since=message.time, verified=data.is_verified))
    if isinstance(data, desk_contact.AuthorityEnded):
        return _acting(state, ended=(data.authority_id,))
    if isinstance(data, intake_team.EarlierReachHeard):
        still = _with(state, agreed=agreed_still(known.agreed, data.lifts))
        return _acting(_reached(still, data.reach), *_handed_over(data.reach), ended=data.ended)
    if isinstance(data, intake_team.EarlierContactMade):
        past = past_contact(data.contact, data.contact.person)
        return state if past is None else _with(state, recent=(*known.recent, past)[-_CONTACTS_KEPT:])
    others = tuple(one for one in known.complaints if one != data.complaint_id)
    if isinstance(data, ComplaintClosed) or (
        isinstance(data, intake_team.EarlierComplaint) and not data.is_open
    ):
        over = with_over(known.complaints_over, data.complaint_id)
        return _with(state, complaints=others, complaints_over=over)
    if data.complaint_id in known.complaints_over:
        return state  # its end came first, by another topic
    return _with(state, complaints=(*others, data.complaint_id))


def _handed_over(reach: EarlierReach) -> tuple[Authority, ...]:
    return tuple(authority_of(one, since=one.since, verified=one.verified) for one in reach.authorities)


def _acting(state: FollowupState, *given: Authority, ended: tuple[str, ...] = ()) -> FollowupState:
    """Somebody acts for the borrower, or does not any more; of too many the oldest is forgotten."""
    gone = {*ended, *(one.person for one in given)}
    others = (one for one in state.contacts.authorities if one.person not in gone)
    return _with(state, authorities=(*others, *given)[-_AUTHORITIES_KEPT:])


def _reached(state: FollowupState, reach: EarlierReach) -> FollowupState:
    """What was said about an earlier case adds to what this one knows; it opens nothing."""
    known, zone = state.contacts, reach.time_zone
    decided = [at for at in (known.decided_at, reach.decided_at) if at is not None]
    return _with(
        state,
        opt_outs=closed_before(reach.opt_outs, known.opt_outs),
        time_zone=zone if zone is not None and is_time_zone(zone) else known.time_zone,
        decided_at=max(decided, default=None),
    )


def _preferred(state: FollowupState, data: desk.PreferencesSet, at: datetime) -> FollowupState:
    held = state.contacts.opt_outs
    names = closed_now((one.channel for one in held), data.opt_out, data.opens)
    update: dict[str, Any] = {
        "opt_outs": opt_outs(held, names, at),
        "agreed": agreed_now(state.contacts.agreed, data.lifts, at),
    }
    if data.time_zone is not None and is_time_zone(data.time_zone):
        update["time_zone"] = data.time_zone
    return _with(state, **update)


def _with(state: FollowupState, **changes: object) -> FollowupState:
    known: ContactLedger = state.contacts.model_copy(update=changes)
    return state if known == state.contacts else state.model_copy(update={"contacts": known})


def _guard(pack: Pack) -> Guard:
    """Give the pack's guard; it keeps the views of the pack, so one is enough."""
    known = _GUARDS.get(id(pack))
    if known is None or known[0] is not pack:
        known = _GUARDS[id(pack)] = (pack, Guard(pack))
    return known[1]
