"""Rules on who may be spoken to, by which channel and about what. Pure.

They bind every kind of message; frequency is the business of `shared.conduct.limits`. The exceptions: a legal
notice by letter reaches also who wants no letters, who writes by a channel they had closed gets one reply
there, and so does who asks while contact is stopped, where the pack says so, or where somebody else is
protected with whom they owe the debt.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from shared.conduct.model import BORROWER, Authority, Denial, Message, PastContact, Rule, Stop, StopEvent
from shared.conduct.moment import Moment
from shared.conduct.walltime import day_starts, local_day
from shared.policy.sections_conduct import Party, Purpose, StopRule

__all__ = ["SPOKEN_FOR", "person_denials"]

# What is said to who acts for the borrower, and not past them.
SPOKEN_FOR: Final[frozenset[Purpose]] = frozenset({"collection", "service"})

# Who answers for the borrower; somebody recorded without an id is known by what they are.
_THEIR_SIDE: Final[frozenset[Party]] = frozenset(
    {
        "borrower",
        "representative",
        "estate",
        "insolvency_practitioner",
        "debt_adviser",
        "guardian",
        "lawyer",
    }
)

_BEFALLS_A_PERSON: Final[frozenset[StopEvent]] = frozenset(
    {"death", "insolvency", "breathing_space", "crisis_breathing_space", "lost_capacity", "minor"}
)


def person_denials(m: Moment) -> Iterator[Denial]:
    """Every rule of this module that denies the message, the heaviest first."""
    yield from _stops(m)
    yield from _channel(m)
    yield from _party(m)
    yield from _represented(m)
    yield from _disclosure(m)
    yield from _states(m)


def _stops(m: Moment) -> Iterator[Denial]:
    """What stops contact; where contact goes on and enforcement does not, nobody is asked for money.

    Of legal notices only those go on that the pack names, where either is stopped.
    """
    for stop in m.case.stops:
        end = _end(m, stop)
        if stop.since > m.at or (end is not None and end <= m.at) or not stop.touches(m.message):
            continue
        rule = getattr(m.policy.stop_events, stop.event)
        if m.message.purpose == "legal_notice":
            denied = _stops_notice(m.message, rule)
        elif "contact" in rule.stops:
            denied = m.message.party not in rule.may_contact and not _goes_on(m, stop, rule)
        else:
            denied = "enforcement" in rule.stops and m.message.purpose == "collection"
        if denied:
            yield m.denied(Rule.STOP_EVENT, f"stop_events.{stop.event}", end)


def _stops_notice(message: Message, rule: StopRule) -> bool:
    """Whether a legal notice waits. Who speaks for the person is told all but of a court that is stopped."""
    if message.matter in rule.legal_notices:
        return False
    if message.party != "borrower" and message.party in rule.may_contact:
        return "enforcement" in rule.stops and message.matter in {"court", None}
    return bool({"contact", "enforcement"} & set(rule.stops))


def _goes_on(m: Moment, stop: Stop, rule: StopRule) -> bool:
    """Whether the pack lets this kind of message go on; who asks while it lasts is answered once.

    So is another who owes the debt and asks, whatever the pack says: that is no contact with the dead.
    """
    purpose, person = m.message.purpose, m.message.person
    if purpose == "reply" and _protects_another(stop) and person in m.case.liable:
        return _asked_last(m, m.history)
    if purpose not in rule.still_allowed:
        return False
    return purpose != "reply" or _asked_last(m, (past for past in m.history if past.at >= stop.since))


def _protects_another(stop: Stop) -> bool:
    """Whether it befalls the borrower, and not the debt: of one that is not ours nobody is told here."""
    return stop.person is None and stop.event in _BEFALLS_A_PERSON


def _asked_last(m: Moment, contacts: Iterable[PastContact]) -> bool:
    """Whether the person was the last to say something in these contacts, so that they wait for an answer."""
    theirs = [(past.at, past.direction) for past in contacts if past.person == m.message.person]
    return bool(theirs) and max(theirs)[1] == "inbound"


def _end(m: Moment, stop: Stop) -> datetime | None:
    """When a stop ends: as the case says, or after the pack's whole days where only those end it."""
    rule = getattr(m.policy.stop_events, stop.event)
    if stop.until is not None or not rule.max_days or rule.max_days_after:
        return stop.until
    return day_starts(local_day(stop.since, m.zone) + timedelta(days=rule.max_days + 1), m.zone)


def _channel(m: Moment) -> Iterator[Denial]:
    message, key = m.message, "contact_rules.channels"
    row = next((row for row in m.rules.channels if row.channel == message.channel), None)
    if row is None or not row.allowed:
        yield m.denied(Rule.CHANNEL_CLOSED, key)
        return
    if row.needs_consent:
        who = message.person
        given = (c for c in m.case.consents if c.person == who and c.channel == message.channel)
        if not any(c.holds(m.at) for c in given):
            yield m.denied(Rule.NO_CONSENT, key)
    if row.opt_out_in_every_message and not message.says_how_to_stop:
        yield m.denied(Rule.NO_WAY_TO_STOP, key)
    if _opted_out(m):
        yield m.denied(Rule.OPTED_OUT, key)


def _opted_out(m: Moment) -> bool:
    message = m.message
    since = [o.since for o in m.case.opt_outs if o.person == message.person and o.channel == message.channel]
    if not since or (message.purpose == "legal_notice" and message.channel == "letter"):
        return False
    if message.purpose != "reply":
        return True
    later = (past for past in m.history if past.channel == message.channel and past.at > max(since))
    return not _asked_last(m, later)


def _party(m: Moment) -> Iterator[Denial]:
    message = m.message
    if message.party == "borrower" or _let_in_by_a_stop(m):
        return
    key = "contact_rules.third_parties"
    row = next((row for row in m.rules.third_parties if row.party == message.party), None)
    if row is None or row.when == "never" or message.errand not in row.purposes:
        yield m.denied(Rule.THIRD_PARTY, key)
        return
    if row.when == "cannot_be_reached" and not m.case.cannot_be_reached:
        yield m.denied(Rule.THIRD_PARTY, key)
    if row.when == "liable_too" and message.person not in m.case.liable:
        yield m.denied(Rule.THIRD_PARTY, key)
    if row.when == "authorised":
        theirs = (a for a in m.case.authorities if a.person == message.person and a.holds(m.at))
        if not any(_covers(authority, m) for authority in theirs):
            yield m.denied(Rule.NO_AUTHORITY, key)
    if message.discloses and not row.details:
        yield m.denied(Rule.THIRD_PARTY, key)
    if row.stop_on_refusal and (message.person in m.case.refused or _has_refused(m)):
        yield m.denied(Rule.REFUSED, key)


def _let_in_by_a_stop(m: Moment) -> bool:
    """Whether an event that holds names this party as one to speak with (the estate, after a death)."""
    return any(
        m.message.party in getattr(m.policy.stop_events, stop.event).may_contact
        for stop in m.case.stops
        if stop.touches(m.message) and stop.since <= m.at and ((end := _end(m, stop)) is None or m.at < end)
    )


def _has_refused(m: Moment) -> bool:
    return any(past.person == m.message.person and past.outcome == "refused" for past in m.history)


def _covers(authority: Authority, m: Moment) -> bool:
    """Whether a verified authority reaches all that the message is about."""
    debts = set(m.message.debts)
    return (
        authority.verified
        and m.message.purpose in authority.kinds
        and (not authority.debts or (bool(debts) and debts <= set(authority.debts)))
    )


def _represented(m: Moment) -> Iterator[Denial]:
    """Who has a representative is not spoken to past them, on anything that the authority touches."""
    message = m.message
    if message.party != "borrower" or message.purpose not in SPOKEN_FOR:
        return
    debts = set(message.debts)
    for authority in m.case.authorities:
        touches = not authority.debts or not debts or bool(debts & set(authority.debts))
        if authority.verified and message.purpose in authority.kinds and touches and authority.holds(m.at):
            yield m.denied(Rule.REPRESENTED, "contact_rules.third_parties", authority.until)


def _disclosure(m: Moment) -> Iterator[Denial]:
    if m.message.discloses and m.message.person not in m.case.verified:
        yield m.denied(Rule.NOT_VERIFIED, "contact_rules.forbidden_acts")


def _states(m: Moment) -> Iterator[Denial]:
    purpose = m.message.purpose
    if purpose == "collection" and m.case.plan_kept:
        yield m.denied(Rule.PLAN_KEPT, "agreement.stop_collection_on_sign")
    if purpose == "collection" and m.case.complaint_open and m.rules.open_complaint_pauses_collection:
        yield m.denied(Rule.COMPLAINT_OPEN, "contact_rules.open_complaint_pauses_collection")
    if purpose in SPOKEN_FOR and _in_vain(m) >= m.rules.failed_attempts_until_person:
        yield m.denied(Rule.PERSON_DECIDES, "contact_rules.failed_attempts_until_person")


def _in_vain(m: Moment) -> int:
    """Attempts that nobody answered, since a word of theirs and since a person last decided to go on.

    A word is a talk, or anything that they began; one of who acts for the borrower ends the attempts at both.
    """
    person, side = m.message.person, {m.message.person}
    if m.message.party in _THEIR_SIDE:
        side |= {BORROWER, *_THEIR_SIDE, *(authority.person for authority in m.case.authorities)}
    words = (past for past in m.history if past.person in side)
    marks = [past.at for past in words if past.outcome == "talked" or past.direction == "inbound"]
    since = max((*marks, *([m.case.decided_at] if m.case.decided_at else [])), default=None)
    return sum(
        past.person == person
        and past.direction == "outbound"
        and past.outcome == "no_answer"
        and (since is None or past.at > since)
        for past in m.history
    )
