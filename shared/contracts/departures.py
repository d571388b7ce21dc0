"""Who has left the house by the word of a command, as every partition of a service knows it. Pure.

`parley staff leave` says it once to each partition, under a key of its own that is no customer's. A service
in which people decide keeps it in the document of that key, which counts among the open work of the partition
(rule 22): so it is known there without a query, in the order of the log, and again after a restart.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from shared.contracts.decision import State
from shared.contracts.desk_team import AwayWhy, StaffAbsent
from shared.policy.reference import Reference

__all__ = ["Departure", "has_left", "may_decide", "told", "work_of"]

_PREFIX: Final = "~left/"  # no staff id begins so
_KEPT: Final = 50  # words about one person; of more the earliest are forgotten


class Departure(State):
    """Somebody is not there any more from `since` on."""

    staff: str
    since: date


def told(known: Sequence[Departure], data: StaffAbsent) -> tuple[Departure, ...]:
    """Add it; another word of the same person and first day takes its place, so that a slip is mended.

    Absences that end are left out: who is away may decide.
    """
    others = [one for one in known if (one.staff, one.since) != (data.staff, data.since)]
    if data.why is AwayWhy.LEFT:
        others.append(Departure(staff=data.staff, since=data.since))
    return tuple(others[-_KEPT:])


def work_of(departures: Sequence[Departure]) -> tuple[str, ...]:
    """Name the departures of a document for the count of open work."""
    return tuple(f"{_PREFIX}{one.staff}/{one.since.isoformat()}" for one in departures)


def may_decide(reference: Reference, name: str, tier: int, day: date) -> bool:
    """Say whether somebody decides with the authority of a tier on a day, by the roster and what was told."""
    return reference.roster.may_decide(name, tier, day) and not has_left(reference, name, day)


def has_left(reference: Reference, name: str, day: date) -> bool:
    """Say whether somebody has left for good by a day, by the roster or by what was told."""
    if reference.roster.has_left(name, day):
        return True
    mine, work = f"{_PREFIX}{name}/", reference.open_work
    left = (
        date.fromisoformat(word.removeprefix(mine)) for word in work if word.startswith(mine) and work[word]
    )
    return any(since <= day for since in left)
