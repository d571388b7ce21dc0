"""Rules on when and how often: quiet hours, counts over days, waiting after a conversation. Pure.

Days are calendar days of the borrower. A window of n days is today and the n - 1 days before it.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from shared.conduct.model import Denial, PastContact, Rule
from shared.conduct.moment import Moment
from shared.conduct.walltime import day_starts, is_quiet, local_day, next_look
from shared.policy.sections_conduct import ContactLimit, LimitScope

__all__ = ["limit_denials"]

_KEYS: Final = {
    Rule.EFFECTIVE_CALLS: "contact.max_effective_calls_per_day",
    Rule.ATTEMPTS: "contact.max_attempts_per_number_per_day",
    Rule.CALLS: "contact.max_calls_per_7_days",
    Rule.COOLDOWN: "contact.cooldown_after_talk_days",
}


def limit_denials(m: Moment) -> Iterator[Denial]:
    """Every rule of this module that denies the message."""
    yield from _quiet_hours(m)
    if m.message.purpose in m.rules.uncapped_purposes:
        return
    for limit in m.policy.contact_limits:
        yield from _limit(m, limit)


def _quiet_hours(m: Moment) -> Iterator[Denial]:
    scope, figures = m.rules.quiet_hours, m.policy.contact
    if not _binds(m, scope):
        return
    ends = [
        next_look(m.at, zone, figures.quiet_until)
        for zone in (m.zone, *m.or_zones)
        if is_quiet(m.at.astimezone(zone).time(), figures.quiet_from, figures.quiet_until)
    ]
    if ends:
        yield from _unless_agreed(m, scope, m.denied(Rule.QUIET_HOURS, "contact.quiet_from", max(ends)))


def _limit(m: Moment, limit: ContactLimit) -> Iterator[Denial]:
    scope = limit.scope
    if not _binds(m, scope):
        return
    ends: list[date] = []
    for days in _days(m, scope):
        if scope.counts == "days_after_conversation":
            wait = limit.maximum + (0 if scope.first_day_is_the_talk else 1)
            ends += [max(days) + timedelta(days=wait)] if days else []
        elif len(days) >= limit.maximum:
            # The window has room again once the oldest of the newest `maximum` has left it.
            ends.append(sorted(days)[-limit.maximum] + timedelta(days=scope.window_days))
    if ends and local_day(m.at, m.zone) < max(ends):
        rule = Rule(limit.name)
        denial = m.denied(rule, _KEYS[rule], day_starts(max(ends), m.zone))
        yield from _unless_agreed(m, scope, denial)


def _binds(m: Moment, scope: LimitScope) -> bool:
    message = m.message
    return (
        message.purpose in scope.purposes
        and message.channel in scope.channels
        and message.actor in scope.actors
    )


def _days(m: Moment, scope: LimitScope) -> Iterator[list[date]]:
    """The days of the contacts that a limit counts: one list for the person or number, one for each debt."""
    talks = scope.counts != "attempts"
    counted = [
        past
        for past in m.history
        if past.purpose in scope.purposes
        and past.channel in scope.channels
        and past.actor in scope.actors
        and (scope.direction == "both" or past.direction == "outbound")
        and (not talks or past.outcome == "talked")
        and _same(m, scope, past)
    ]
    debts: tuple[str | None, ...] = m.message.debts if scope.scope == "debt" else ()
    for debt in debts or (None,):
        yield [
            local_day(past.at, m.zone)
            for past in counted
            if debt is None or not past.debts or debt in past.debts
        ]


def _same(m: Moment, scope: LimitScope, past: PastContact) -> bool:
    """Whether a contact was with whom the limit protects: that number, whoever answered, or that person.

    A message without a number is counted by person, and so is what was noted without one.
    """
    number = m.message.number
    if scope.scope == "number" and number is not None and past.number is not None:
        return past.number == number
    return past.person == m.message.person


def _unless_agreed(m: Moment, scope: LimitScope, denial: Denial) -> Iterator[Denial]:
    """The denial, unless the limit may be lifted and the person has agreed to that."""
    person, rule = m.message.person, denial.rule
    agreed = any(a.person == person and a.limit == rule and a.holds(m.at) for a in m.case.agreed)
    if not (scope.unless_agreed and agreed):
        yield denial
