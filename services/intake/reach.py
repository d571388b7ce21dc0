"""What protects the person in every case to come: contacts that limits count, who acts for them. Pure.

The guard's ledgers are per case and intake alone knows the person: it hands over what an earlier case left.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from services.intake.model import IntakeState
from services.intake.rules import refusal
from shared.conduct import closed_now, days_counted, is_reckoned, is_time_zone, known_channel, when_it_was
from shared.contracts import desk
from shared.contracts.alert import ComplaintClosed, with_over
from shared.contracts.decision import Decision
from shared.contracts.desk_contact import (
    AuthorityEnded,
    AuthorityRecorded,
    ContactResumed,
    NoticeDelivered,
)
from shared.contracts.envelope import Envelope
from shared.contracts.ids import case_id
from shared.contracts.intake_team import EarlierComplaint, EarlierContactMade, EarlierReachHeard
from shared.contracts.reach import ChannelSince, EarlierAuthority, EarlierContact, EarlierReach
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import Reference

__all__ = [
    "authorised",
    "authority_ended",
    "complained",
    "complaint_closed",
    "contacted",
    "delivered",
    "handed_over",
    "resumed",
    "said_of_wishes",
    "with_wishes",
]

# Far above what any pack allows in the days that its limits count.
_CONTACTS_KEPT = 60
# Far above what one person has at a time; of more the oldest is forgotten.
_AUTHORITIES_KEPT = 20


def contacted(state: IntakeState, message: Envelope[desk.ContactRecorded]) -> Decision[IntakeState]:
    """Keep a contact, of whichever case it was; words and persons of it stay on that case."""
    data = message.data
    return _counted(
        state,
        message,
        EarlierContact(
            at=when_it_was(data.at, message.time),
            direction=data.direction,
            outcome=data.outcome,
            channel=data.channel,
            purpose=data.purpose,
            asks_for_payment=data.asks_for_payment,
            number=data.number or None,
            debts=data.debts,
            actor=data.actor,
            person=data.with_whom,
        ),
    )


def delivered(
    state: IntakeState | None, message: Envelope[NoticeDelivered], _: Reference
) -> Decision[IntakeState]:
    """Keep a message that has left: limits count it as notice does; who did not say why asked for money."""
    if state is None:
        return Decision.wait(None)
    data = message.data
    contact = EarlierContact(
        at=data.at,
        direction=desk.ContactDirection.OUTBOUND,
        outcome=desk.ContactOutcome.MESSAGE_LEFT,
        channel=data.channel,
        purpose=data.purpose,
        asks_for_payment=data.purpose == "collection",
        debts=data.debts,
        person=data.recipient,
    )
    return _counted(state, message, contact)


def _counted(state: IntakeState, message: Envelope[Any], contact: EarlierContact) -> Decision[IntakeState]:
    """The case that is open hears of a contact about an earlier one; of its own it hears by itself."""
    if not is_reckoned(contact.at):
        return Decision(state)
    after = _with(state, contacts=(*state.reach.contacts, contact)[-_CONTACTS_KEPT:])
    if _is_of_the_open_case(state, message):
        return Decision(after)
    return Decision.of(after, EarlierContactMade(contact=contact), subject=state.case)


def _is_of_the_open_case(state: IntakeState, message: Envelope[Any]) -> bool:
    """Say whether nobody else has to hear of it: it is of the open case, or no case is open."""
    return not state.is_open or message.subject == state.case


def with_wishes(state: IntakeState, message: Envelope[desk.PreferencesSet]) -> IntakeState:
    """Keep which channels the borrower closed or agreed to, since when, and by which clock they live."""
    data, known = message.data, state.reach
    names = closed_now((one.channel for one in known.opt_outs), data.opt_out, data.opens)
    update: dict[str, Any] = {"opt_outs": _since(known.opt_outs, names, message)}
    if data.consents is not None:
        update["consents"] = _since(known.consents, data.consents, message)
    if known_channel(data.channel) is not None:
        update["channel"] = data.channel
    if data.time_zone is not None and is_time_zone(data.time_zone):
        update["time_zone"] = data.time_zone
    return _with(state, **update)


def said_of_wishes(
    before: IntakeState, after: IntakeState, message: Envelope[desk.PreferencesSet]
) -> tuple[EarlierReachHeard, ...]:
    """Give what the open case has to hear of wishes told about an earlier one: closed channels, the clock.

    And which limits the borrower agrees not to need: of those the case has, the others are needed again.
    """
    held = {one.channel for one in before.reach.opt_outs}
    closed = tuple(one for one in after.reach.opt_outs if one.channel not in held)
    zone = after.reach.time_zone if after.reach.time_zone != before.reach.time_zone else None
    lifts = message.data.lifts
    if _is_of_the_open_case(after, message) or not (closed or zone or lifts is not None):
        return ()
    return (EarlierReachHeard(reach=EarlierReach(opt_outs=closed, time_zone=zone), lifts=lifts),)


def _heard(
    before: IntakeState, after: IntakeState, message: Envelope[Any], news: EarlierReach, *ended: str
) -> Decision[IntakeState]:
    """Decide a change; the case that is open hears of one that was said about an earlier case."""
    if after == before or _is_of_the_open_case(after, message):
        return Decision(after)
    return Decision.of(after, EarlierReachHeard(reach=news, ended=ended), subject=after.case)


def resumed(
    state: IntakeState | None, message: Envelope[ContactResumed], _: Reference
) -> Decision[IntakeState]:
    """Keep when a person decided that it goes on after attempts in vain."""
    if state is None:
        return Decision.wait(None)
    if not is_reckoned(message.time):
        return Decision(state)
    after = _with(state, decided_at=message.time)
    return _heard(state, after, message, EarlierReach(decided_at=message.time))


def authorised(
    state: IntakeState | None, message: Envelope[AuthorityRecorded], _: Reference
) -> Decision[IntakeState]:
    """Keep who acts for the borrower, of whichever case it was said; the paper stays on that case."""
    if state is None:
        return Decision.wait(None)
    data = message.data
    given = EarlierAuthority(
        authority_id=data.authority_id,
        party=data.party,
        purposes=data.purposes,
        since=message.time,
        until=data.until,
        debts=data.debts,
        verified=data.is_verified,
        signs=data.signs,
    )
    others = (one for one in state.reach.authorities if one.authority_id != data.authority_id)
    after = _with(state, authorities=(*others, given)[-_AUTHORITIES_KEPT:])
    return _heard(state, after, message, EarlierReach(authorities=(given,)))


def authority_ended(
    state: IntakeState | None, message: Envelope[AuthorityEnded], _: Reference
) -> Decision[IntakeState]:
    """Forget who does not act for the borrower any more."""
    if state is None:
        return Decision.wait(None)
    gone = message.data.authority_id
    left = (one for one in state.reach.authorities if one.authority_id != gone)
    return _heard(state, _with(state, authorities=tuple(left)), message, EarlierReach(), gone)


def complained(
    state: IntakeState | None, message: Envelope[desk.ComplaintMade], _: Reference
) -> Decision[IntakeState]:
    """Keep a complaint until its final response: it is of the person, and holds in every case.

    One about no case of theirs is nobody's to answer, and would hold for ever: it is refused.
    """
    now = state or IntakeState(customer=message.key)
    if state is None or message.subject not in _cases_of(state):
        return Decision.wait(state, refusal(message, ReasonCode.COMPLAINT_OF_NO_CASE), subject=now.case)
    known, complaint = state.reach.complaints, _complaint(message)
    if complaint in (*known, *state.complaints_over) or message.data.complaint_id in known:
        return Decision(state)  # its end may come first; documents of before know the id alone
    return _told(state, message, complaint, (*known, complaint), is_open=True)


def complaint_closed(
    state: IntakeState | None, message: Envelope[ComplaintClosed], _: Reference
) -> Decision[IntakeState]:
    """The final response of who may give it ends a complaint; alert alone judges that."""
    if state is None:
        return Decision.wait(None)
    known, closed = state.reach.complaints, _complaint(message)
    state = state.model_copy(update={"complaints_over": with_over(state.complaints_over, closed)})
    if closed not in known:
        closed = message.data.complaint_id
    if closed not in known:
        return Decision(state)
    return _told(state, message, closed, tuple(one for one in known if one != closed), is_open=False)


def _cases_of(state: IntakeState) -> frozenset[str]:
    return frozenset(case_id(state.customer, number + 1) for number in range(state.episode))


def _complaint(message: Envelope[desk.ComplaintMade] | Envelope[ComplaintClosed]) -> str:
    """Name a complaint among all of the person: a desk may count them anew in each case."""
    return f"{message.subject}/{message.data.complaint_id}"


def _told(
    state: IntakeState,
    message: Envelope[desk.ComplaintMade] | Envelope[ComplaintClosed],
    complaint: str,
    complaints: tuple[str, ...],
    *,
    is_open: bool,
) -> Decision[IntakeState]:
    """The case that is open hears of what was said about an earlier one; of its own it hears by itself."""
    after = _with(state, complaints=complaints)
    if _is_of_the_open_case(state, message):
        return Decision(after)
    return Decision.of(after, EarlierComplaint(complaint_id=complaint, is_open=is_open), subject=state.case)


def handed_over(state: IntakeState, day: date, reference: Reference) -> EarlierReach | None:
    """Give what the next case has to know of the person from its first day on; None where that is nothing.

    Debts of any pack may join a case, so contacts go back as far as a limit of any pack counts, and a day
    more for clocks that are behind.
    """
    known = state.reach
    if known == EarlierReach():
        return None
    lasting = tuple(one for one in known.authorities if one.until >= day)
    known = known.model_copy(update={"authorities": lasting})
    if known.contacts:
        packs = (reference.policies.in_force(pack, day) for pack in reference.policies.pack_ids)
        first = day - timedelta(days=days_counted(packs) + 1)
        recent = tuple(contact for contact in known.contacts if contact.at.date() >= first)
        known = known.model_copy(update={"contacts": recent})
    return known if known != EarlierReach() else None


def _since(
    held: tuple[ChannelSince, ...], names: tuple[str, ...], message: Envelope[Any]
) -> tuple[ChannelSince, ...]:
    since = {one.channel: one.since for one in held}
    return tuple(
        ChannelSince(channel=name, since=since.get(name, message.time))
        for name in dict.fromkeys(names)
        if known_channel(name) is not None
    )


def _with(state: IntakeState, **changes: object) -> IntakeState:
    known = state.reach.model_copy(update=changes)
    return state if known == state.reach else state.model_copy(update={"reach": known})
