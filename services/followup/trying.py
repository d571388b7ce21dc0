"""Whether an attempt to reach the borrower kept the rules of contact: the guard is asked as if before. Pure.

What counts towards a referral to the lawyers (R71a) has to be within the rules: not in quiet hours on the
borrower's clock, not by a channel that is closed, not more often than allowed, not while a complaint is open.
Nobody was told anything by an attempt in vain, so what may be told to whom is not asked.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, get_args

from services.followup.model import ContactLedger, FollowupState
from shared.conduct import CaseStates, Guard, Message, OptOut, PastContact, Request, is_time_zone
from shared.contracts import desk, desk_contact
from shared.contracts.envelope import Envelope
from shared.policy.model import Pack
from shared.policy.reference import Reference
from shared.policy.sections_conduct import Channel, Purpose

__all__ = ["kept_the_rules", "learn", "remember"]

# As far back as any rule counts, far above what may be done in a week.
_CONTACTS_KEPT = 30
_COMPLAINTS_KEPT = 12
_CHANNELS = frozenset(get_args(Channel))
_BORROWER = "borrower"
# Dates beyond these are slips of the pen; clocks cannot reckon with them.
_EARLIEST, _LATEST = date(1900, 1, 1), date(8999, 12, 31)
_GUARDS: dict[int, tuple[Pack, Guard]] = {}


def kept_the_rules(state: FollowupState, data: desk.ContactRecorded, reference: Reference) -> bool:
    """Say whether every pack of the case allowed a contact at its moment, by what was on file before it."""
    known = state.contacts
    packs = known.packs or ((state.policy,) if state.policy is not None else ())
    if (
        not packs
        or not _EARLIEST < data.at.date() < _LATEST
        or any(p not in reference.policies for p in packs)
    ):
        return False
    past = _past(data)
    message = Message(
        kind=past.purpose,
        actor="creditor",
        channel=past.channel,
        at=past.at,
        time_zone=known.time_zone,
        person=_BORROWER,
        number=data.number or None,
        debts=data.debts,
        says_how_to_stop=True,
    )
    states = CaseStates(
        opt_outs=known.opt_outs, complaint_open=bool(known.complaints), decided_at=known.decided_at
    )
    request = Request(message=message, history=known.recent, case=states)
    return all(_guard(reference.policies.pack(pack)).ask(request).allowed for pack in packs)


def remember(state: FollowupState, data: desk.ContactRecorded) -> FollowupState:
    """Keep a contact for the limits that count it."""
    if not _EARLIEST < data.at.date() < _LATEST:
        return state
    return _with(state, recent=(*state.contacts.recent, _past(data))[-_CONTACTS_KEPT:])


def learn(state: FollowupState, message: Envelope[Any]) -> FollowupState:
    """Note wishes, complaints, and a person's decision to go on after attempts in vain."""
    data, known = message.data, state.contacts
    if isinstance(data, desk.PreferencesSet):
        return _preferred(state, data, message.time)
    if isinstance(data, desk.ComplaintMade):
        others = (one for one in known.complaints if one != data.complaint_id)
        return _with(state, complaints=(*others, data.complaint_id)[-_COMPLAINTS_KEPT:])
    if isinstance(data, desk_contact.ContactResumed):
        return _with(state, decided_at=message.time)
    # Only the final response ends a complaint.
    left = tuple(one for one in known.complaints if one != data.complaint_id or not data.final)
    return _with(state, complaints=left)


def _preferred(state: FollowupState, data: desk.PreferencesSet, at: datetime) -> FollowupState:
    since = {out.channel: out.since for out in state.contacts.opt_outs}
    outs = tuple(
        OptOut(person=_BORROWER, channel=channel, since=since.get(channel, at))
        for channel in map(_channel, dict.fromkeys(data.opt_out))
        if channel is not None
    )
    update: dict[str, Any] = {"opt_outs": outs}
    if data.time_zone is not None and is_time_zone(data.time_zone):
        update["time_zone"] = data.time_zone
    return _with(state, **update)


def _with(state: FollowupState, **changes: object) -> FollowupState:
    known: ContactLedger = state.contacts.model_copy(update=changes)
    return state if known == state.contacts else state.model_copy(update={"contacts": known})


def _past(data: desk.ContactRecorded) -> PastContact:
    outbound = data.direction is desk.ContactDirection.OUTBOUND
    purpose: Purpose = data.purpose or ("collection" if outbound else "service")
    return PastContact(
        at=data.at if data.at.tzinfo is not None else data.at.replace(tzinfo=UTC),
        kind="collection" if data.asks_for_payment else purpose,
        actor="creditor",
        direction="outbound" if outbound else "inbound",
        channel=_channel(data.channel) or "phone",
        outcome=data.outcome.value,
        person=_BORROWER,
        number=data.number or None,
        debts=data.debts,
    )


def _channel(name: str) -> Channel | None:
    return name if name in _CHANNELS else None  # type: ignore[return-value]


def _guard(pack: Pack) -> Guard:
    """Give the pack's guard; it keeps the views of the pack, so one is enough."""
    known = _GUARDS.get(id(pack))
    if known is None or known[0] is not pack:
        known = _GUARDS[id(pack)] = (pack, Guard(pack))
    return known[1]
