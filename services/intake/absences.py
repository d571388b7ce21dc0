"""Absences told by a command, as every partition knows them. Pure.

A command on a portfolio hands over the cases that there are; new ones come from nobody's portfolio. So the
order is said once to each partition too, under a key of its own that is no customer's, and its document
counts among the open work of the partition (rule 22): it is read there like the roster's own absences.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Final

from services.intake.model import IntakeState, StaffAway
from shared.contracts.decision import Decision
from shared.contracts.desk_team import AwayWhy, StaffAbsent
from shared.contracts.envelope import Envelope
from shared.policy.reference import Reference
from shared.policy.roster import Absence, Negotiator, Roster

__all__ = ["told", "whose_work", "with_absences", "without_past"]

_PREFIX: Final = "~away/"  # no staff id begins so
_KEPT: Final = 50  # absences of one person that are still to come; of more the earliest are forgotten
_MERGED: dict[int, tuple[Roster, tuple[str, ...], Roster]] = {}


def told(
    state: IntakeState | None, message: Envelope[StaffAbsent], _reference: Reference
) -> Decision[IntakeState]:
    """Keep it; another word of an absence with the same first day takes the place of the one before."""
    data = message.data
    now = state or IntakeState(customer=message.key)
    if now.debts or now.payments:
        return Decision(state)  # a customer's key: nobody sends this there
    others = tuple(one for one in now.away if (one.staff, one.since) != (data.staff, data.since))
    until = None if data.why is AwayWhy.LEFT else data.until
    away = StaffAway(staff=data.staff, since=data.since, until=until)
    kept = sorted((*others, away), key=lambda one: one.since)[-_KEPT:]
    return Decision(now.model_copy(update={"away": tuple(kept)}))


def without_past(state: IntakeState, day: date) -> IntakeState:
    """Forget the absences that are over at the close of a day."""
    left = tuple(one for one in state.away if one.until is None or one.until > day)
    return state if left == state.away else state.model_copy(update={"away": left})


def whose_work(state: IntakeState) -> tuple[str, ...]:
    """Say what a document is in the count of open work: its owner's case, or absences that were told."""
    if state.away:
        return tuple(
            f"{_PREFIX}{one.staff}/{one.since.isoformat()}/{one.until.isoformat() if one.until else ''}"
            for one in state.away
        )
    return (state.owner,) if state.is_open and state.owner is not None else ()


def with_absences(reference: Reference) -> Reference:
    """Give the reference with the absences that were told here among those of the roster."""
    work = reference.open_work
    names = tuple(sorted(name for name in work if name.startswith(_PREFIX) and work[name] > 0))
    if not names:
        return reference
    known = _MERGED.get(id(reference.roster))
    if known is None or known[0] is not reference.roster or known[1] != names:
        known = (reference.roster, names, _merged(reference.roster, names))
        _MERGED[id(reference.roster)] = known
    return replace(reference, roster=known[2])


def _merged(roster: Roster, names: tuple[str, ...]) -> Roster:
    people = {who.id: who for who in roster.negotiators}
    for name in names:
        staff, since, until = name.removeprefix(_PREFIX).rsplit("/", 2)
        if staff in people:
            people[staff] = _away(people[staff], date.fromisoformat(since), until)
    return roster.model_copy(update={"negotiators": tuple(people.values())})


def _away(who: Negotiator, since: date, until: str) -> Negotiator:
    if not until:
        return who.model_copy(update={"left": min(since, who.left or since)})
    absence = Absence(since=since, until=date.fromisoformat(until))
    return who.model_copy(update={"absences": (*who.absences, absence)})
