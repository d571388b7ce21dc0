"""Who is away or has left by the word of a command, as every partition of a service knows it. Pure.

`parley staff` says it once to each partition, under a key of its own that is no customer's. A service in
which people decide or answer for something keeps it in the document of that key, which counts among the open
work of the partition (rule 22): so it is known there without a query, in the order of the log, and again
after a restart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final

from shared.contracts.decision import State
from shared.contracts.desk_team import AwayWhy, StaffAbsent
from shared.policy.reference import Reference

__all__ = ["Departure", "has_left", "is_away", "may_decide", "told", "work_of"]

_LEFT: Final = "~left/"  # no staff id begins so
_AWAY: Final = "~away/"
_KEPT: Final = 50  # words about one person; of more the earliest are forgotten


class Departure(State):
    """Somebody is not there from `since` to `until`, both included; None: not any more."""

    staff: str
    since: date
    until: date | None = None


def told(known: Sequence[Departure], data: StaffAbsent, day: date) -> tuple[Departure, ...]:
    """Add it; another word of the same person and first day takes its place, so that a slip is mended.

    Absences that are over by `day` are forgotten.
    """
    said = Departure(
        staff=data.staff, since=data.since, until=None if data.why is AwayWhy.LEFT else data.until
    )
    others = [one for one in known if (one.staff, one.since) != (data.staff, data.since)]
    left = [one for one in (*others, said) if one.until is None or one.until >= day]
    return tuple(sorted(left, key=lambda one: one.since)[-_KEPT:])


def work_of(departures: Sequence[Departure]) -> tuple[str, ...]:
    """Name the departures of a document for the count of open work."""
    return tuple(
        f"{_LEFT}{one.staff}/{one.since.isoformat()}"
        if one.until is None
        else f"{_AWAY}{one.staff}/{one.since.isoformat()}/{one.until.isoformat()}"
        for one in departures
    )


def may_decide(reference: Reference, name: str, tier: int, day: date) -> bool:
    """Say whether somebody decides with the authority of a tier on a day, by the roster and what was told."""
    return reference.roster.may_decide(name, tier, day) and not has_left(reference, name, day)


def has_left(reference: Reference, name: str, day: date) -> bool:
    """Say whether somebody has left for good by a day, by the roster or by what was told."""
    if reference.roster.has_left(name, day):
        return True
    return any(date.fromisoformat(since) <= day for (since,) in _told_of(reference, _LEFT, name))


def is_away(reference: Reference, name: str, day: date) -> bool:
    """Say whether somebody is absent on a day or has left by then, by the roster or by what was told.

    Who is on no roster and of whom nothing was told is known to the house alone, and there.
    """
    who = reference.roster.get(name)
    if (who is not None and not who.present_on(day)) or has_left(reference, name, day):
        return True
    spans = _told_of(reference, _AWAY, name)
    return any(date.fromisoformat(since) <= day <= date.fromisoformat(until) for since, until in spans)


def _told_of(reference: Reference, prefix: str, name: str) -> Iterator[list[str]]:
    """Give the days of each word about a person; an id that the house chose may have strokes in it."""
    for word, count in reference.open_work.items():
        if count and word.startswith(prefix):
            staff, *days = word.removeprefix(prefix).rsplit("/", 1 if prefix == _LEFT else 2)
            if staff == name:
                yield days
