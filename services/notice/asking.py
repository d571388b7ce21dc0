"""One message before the guard: whom it goes to, by which channel, from when until when. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from services.notice.model import Notice, NoticeState, Permitted
from services.notice.rules import MATTERS, WRITTEN
from shared.conduct import (
    BORROWER,
    SPOKEN_FOR,
    Answer,
    CaseStates,
    Guard,
    Message,
    PastContact,
    Request,
    Rule,
    ask_all,
    on_their_clock,
    quiet_begins,
)
from shared.conduct.walltime import day_starts, local_day
from shared.contracts.desk_contact import ContactAsked
from shared.policy.model import Pack
from shared.policy.reference import Reference
from shared.policy.sections_conduct import Channel, Party

__all__ = ["Way", "about_contact", "is_still_allowed", "opens", "ways", "without_unused"]

# A message may be told when to leave so long ahead; beyond it the guard is asked again on the day.
_AHEAD = timedelta(hours=24)
_GUARDS: dict[int, tuple[Pack, Guard]] = {}


@dataclass(frozen=True, slots=True)
class Way:
    """One channel to one person, with the guard's answer; `closes`: quiet hours begin again.

    `tells_facts`: with the figures of the debt.
    """

    channel: Channel
    party: Party
    recipient: str
    answer: Answer
    opens: datetime | None
    closes: datetime | None
    debts: tuple[str, ...]
    tells_facts: bool = False


def _guard(pack: Pack) -> Guard:
    """Give the pack's guard; it keeps the views of the pack, so one is enough."""
    known = _GUARDS.get(id(pack))
    if known is None or known[0] is not pack:
        known = _GUARDS[id(pack)] = (pack, Guard(pack))
    return known[1]


def _ask(state: NoticeState, message: Message, reference: Reference, notice: Notice | None = None) -> Answer:
    guards = [_guard(reference.policies.pack(name)) for name in state.packs]
    about_to = (one.contact for one in state.permitted)
    history = (*state.history, *_on_their_way(state, notice), *about_to)
    known = _dated(state, reference)
    case = known.model_copy(
        update={
            "cannot_be_reached": _cannot_be_reached(state, message.at, reference),
            "liable": tuple(one.person for one in state.obligors if one.may_hear_of(message.debts)),
            "opt_outs": (*known.opt_outs, *(out for one in state.obligors for out in one.opt_outs)),
        }
    )
    return ask_all(guards, Request(message=message, history=history, case=case))


def _dated(state: NoticeState, reference: Reference) -> CaseStates:
    """What bears on contact, by the borrower's clock: it may change after a last day was noted."""
    zone, known = _zone_of(state, reference), state.states
    return known.model_copy(
        update={
            "stops": on_their_clock(known.stops, zone),
            "authorities": on_their_clock(known.authorities, zone),
        }
    )


def _zone_of(state: NoticeState, reference: Reference) -> ZoneInfo:
    return ZoneInfo(state.time_zone or reference.policies.pack(state.packs[0]).info.time_zone)


def _on_their_way(state: NoticeState, asked: Notice | None) -> Iterator[PastContact]:
    """What may leave at any moment counts as a contact already: two at once would pass a limit of one."""
    for notice in state.notices:
        if notice.due and notice.channel is not None and notice.send_from is not None:
            if asked is not None and notice.notice_id == asked.notice_id:
                continue
            yield PastContact(
                at=notice.send_from,
                kind=notice.category,
                actor="creditor",
                direction="outbound",
                channel=notice.channel,
                outcome="message_left",
                person=notice.recipient,
                debts=notice.debts or state.debts,
                asks_for_payment=notice.category == "collection",
            )


def about_contact(
    state: NoticeState, asked: ContactAsked, told: datetime, reference: Reference
) -> tuple[NoticeState, Answer]:
    """Ask about a contact that somebody at the desk wants to make; who may make it now, is about to.

    A reply is one to who has said something last, by what is on file; any other is a message of ours. Asked
    again, a question takes the place of itself. Who asks about a later day asks again when it has come.
    """
    state = state.with_permitted(without=asked.contact_id)
    unasked = asked.purpose == "reply" and not _waits_for_an_answer(state, asked)
    message = Message(
        kind="service" if unasked else asked.purpose,
        matter=asked.matter,
        actor=asked.actor,
        channel=asked.channel,
        at=asked.at,
        time_zone=state.time_zone,
        person=asked.person,
        party=asked.party,
        errand=asked.errand,
        number=asked.number,
        debts=asked.debts or _debts_with(state, asked.person),
        asks_for_payment=asked.asks_for_payment,
        tells_about_debt=asked.tells_about_debt,
        says_how_to_stop=True,
    )
    answer = _ask(state, message, reference)
    if not answer.allowed or message.at > told + _AHEAD or not _is_counted(state, message, reference):
        return state, answer
    made = PastContact(
        at=message.at,
        kind=message.kind,
        actor=asked.actor,
        direction="outbound",
        channel=asked.channel,
        outcome="message_left",  # an attempt: whether they talk is not known yet
        person=asked.party if asked.person == BORROWER else asked.person,
        number=asked.number,
        debts=message.debts,
        asks_for_payment=asked.asks_for_payment,
    )
    may = Permitted(contact_id=asked.contact_id, contact=made)
    return state.with_permitted(may, without=asked.contact_id), answer


def _is_counted(state: NoticeState, message: Message, reference: Reference) -> bool:
    """Whether any limit counts such a contact: what none counts is in nobody's way."""
    policies = (reference.policies.in_force(name, message.at.date()) for name in state.packs)
    scopes = (limit.scope for policy in policies for limit in policy.contact_limits)
    return any(message.purpose in scope.purposes and message.channel in scope.channels for scope in scopes)


def without_unused(state: NoticeState, at: datetime, reference: Reference) -> NoticeState:
    """Forget what might have been made on a day that is over for the borrower: it is on file, or was not."""
    if not state.permitted:
        return state
    zone = _zone_of(state, reference)
    today = local_day(at, zone)
    left = tuple(one for one in state.permitted if local_day(one.contact.at, zone) >= today)
    return state if left == state.permitted else state.model_copy(update={"permitted": left})


def _cannot_be_reached(state: NoticeState, at: datetime, reference: Reference) -> bool:
    """Whether the borrower has answered none of as many attempts as a person has to look at.

    A person's word that it goes on answers nothing: looking for another number may be what they decided.
    """
    theirs = [past for past in state.history if past.person == BORROWER and past.at <= at]
    heard = [past.at for past in theirs if past.outcome == "talked" or past.direction == "inbound"]
    since = max(heard, default=None)
    tried = sum(past.outcome == "no_answer" and (since is None or past.at > since) for past in theirs)
    packs = (reference.policies.in_force(name, at.date()) for name in state.packs)
    return tried >= max(pack.contact_rules.failed_attempts_until_person for pack in packs)


def _waits_for_an_answer(state: NoticeState, asked: ContactAsked) -> bool:
    theirs = [
        (past.at, past.direction)
        for past in state.history
        if past.person == asked.person and past.at <= asked.at
    ]
    return bool(theirs) and max(theirs)[1] == "inbound"


def _debts_with(state: NoticeState, person: str) -> tuple[str, ...]:
    """What a contact is about where nobody said: with another obligor, or who acts for some, theirs."""
    owed = [one.debts for one in state.obligors if one.person == person]
    acted_for = [one.debts for one in state.states.authorities if one.person == person]
    theirs = {debt for debts in (*owed, *acted_for) for debt in debts}
    return tuple(debt for debt in state.debts if debt in theirs) or state.debts_of()


def _debts_to(
    state: NoticeState, notice: Notice, person: str, at: datetime, reference: Reference
) -> tuple[str, ...]:
    """What a message is about: to who acts for some of the debts, those; to the borrower, the others.

    Where somebody else is to be spoken to about every debt, all of them: the guard denies it then.
    """
    about = state.debts_of(notice.kind)
    if person != BORROWER:
        theirs = set(_debts_with(state, person))
        return tuple(debt for debt in about if debt in theirs) or about
    if notice.category not in SPOKEN_FOR:
        return about
    others = {
        debt
        for one in _dated(state, reference).authorities
        if one.verified and notice.category in one.kinds and one.holds(at)
        for debt in one.debts or about
    }
    return tuple(debt for debt in about if debt not in others) or about


def ways(state: NoticeState, notice: Notice, at: datetime, reference: Reference) -> Iterator[Way]:
    """Give the ways of a message in the order of preference; last those to who acts for the borrower.

    By each channel what has figures leaves with them where the guard lets a debt be told of, else without.
    """
    represented = False
    for channel in _channels(state, notice):
        way = _fullest(state, notice, channel, ("borrower", BORROWER), at, reference)
        represented |= any(denial.rule is Rule.REPRESENTED for denial in way.answer.denials)
        yield way
    if represented:
        for authority in _dated(state, reference).authorities:
            if authority.verified and authority.holds(at):
                party = state.parties[authority.person]
                for channel in WRITTEN:
                    yield _fullest(state, notice, channel, (party, authority.person), at, reference)


def is_still_allowed(state: NoticeState, notice: Notice, at: datetime, reference: Reference) -> Way:
    """Ask again about a message that is due, by its own way."""
    assert notice.channel is not None  # noqa: S101 - what is due has a channel
    moment = max(at, notice.send_from) if notice.send_from is not None else at
    to = (notice.party, notice.recipient)
    return _way(state, notice, notice.channel, to, moment, reference, tells_facts=notice.tells_facts)


def opens(answer: Answer, at: datetime) -> datetime | None:
    """When it may leave: now, or soon enough to be told now; None where neither."""
    if answer.allowed:
        return at
    again = answer.allowed_again
    return again if again is not None and again - at <= _AHEAD else None


def _channels(state: NoticeState, notice: Notice) -> tuple[Channel, ...]:
    preferred = (state.channel,) if state.channel in WRITTEN else ()
    return tuple(one for one in dict.fromkeys((*preferred, *WRITTEN)) if one not in notice.tried)


def _fullest(
    state: NoticeState,
    notice: Notice,
    channel: Channel,
    to: tuple[Party, str],
    at: datetime,
    reference: Reference,
) -> Way:
    if notice.facts is not None:
        told = _way(state, notice, channel, to, at, reference, tells_facts=True)
        if told.opens is not None:
            return told
    return _way(state, notice, channel, to, at, reference)


def _way(
    state: NoticeState,
    notice: Notice,
    channel: Channel,
    to: tuple[Party, str],
    at: datetime,
    reference: Reference,
    *,
    tells_facts: bool = False,
) -> Way:
    party, person = to
    if tells_facts and notice.facts is not None:
        debts = notice.facts.debts  # all of them are told of: a debt that is stopped is not
    else:
        debts = _debts_to(state, notice, person, at, reference)
    message = Message(
        kind=notice.category,
        matter=MATTERS.get(notice.kind),
        actor="creditor",
        channel=channel,
        at=at,
        time_zone=state.time_zone,
        person=person,
        party=party,
        debts=debts,
        asks_for_payment=notice.category == "collection",
        # Without figures no template names a debt: whoever else reads a letter box learns nothing of it.
        tells_about_debt=tells_facts,
        says_how_to_stop=True,
    )
    answer = _ask(state, message, reference, notice)
    begins = opens(answer, at)
    closes = None if begins is None else _closes(state, notice, begins, reference)
    return Way(channel, party, person, answer, begins, closes, debts, tells_facts)


def _closes(state: NoticeState, notice: Notice, begins: datetime, reference: Reference) -> datetime:
    """Up to when it may leave: the next quiet hours of any pack, the end of its use, or a dated change.

    An authority or a consent that ends, or a stop that begins, is asked about again from then on.
    """
    quiet = min(_quiet(state, pack, begins, reference) for pack in state.packs)
    change = _dated(state, reference).next_change(begins)
    quiet = quiet if change is None else min(quiet, change)
    try:
        end = day_starts(notice.useful_until + timedelta(days=1), _zone_of(state, reference))
    except OverflowError:
        return quiet
    return min(quiet, end)


def _quiet(state: NoticeState, pack: str, at: datetime, reference: Reference) -> datetime:
    """When a pack's quiet hours begin next: by its own clocks, as its guard's, where no other is known."""
    info = reference.policies.pack(pack).info
    names = (state.time_zone,) if state.time_zone else (info.time_zone, *info.time_zones)
    zones = [ZoneInfo(name) for name in names]
    contact = reference.policies.in_force(pack, local_day(at, zones[0])).contact
    return min(quiet_begins(at, zone, contact.quiet_from) for zone in zones)
