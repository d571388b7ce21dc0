"""A coming year whose business days nobody has announced yet: one item for each calendar and year. Pure.

Where a jurisdiction moves working days by an announcement of each year, a deadline in business days of a year
that is not known falls on days on which nobody works. It is about no case, so it has a document of its own,
under a key that is no customer's. So many months before the year begins (a rule of the pack) an alert is
raised; it escalates like every other, and ends by itself when the platform knows the year.
"""

from __future__ import annotations

from datetime import MAXYEAR, date, timedelta

from services.alert.model import AlertState, AlertStatus, ComingYear
from services.alert.raising import Step, raise_alert, resolve
from shared.contracts.alert import AlertKind, InputRefused
from shared.contracts.base import Event, Reason
from shared.contracts.decision import Decision
from shared.contracts.desk_mechanism import CalendarWatched
from shared.contracts.envelope import Envelope
from shared.contracts.reasons import ReasonCode
from shared.policy.model import PolicyInForce
from shared.policy.reference import Reference

__all__ = ["act", "judged_on", "watched"]

_KIND = AlertKind.CALENDAR_MISSING


def watched(
    state: AlertState | None, message: Envelope[CalendarWatched], reference: Reference
) -> Decision[AlertState]:
    """Begin to look at a calendar; said again it changes nothing."""
    pack = message.data.pack
    if pack not in reference.policies or (state is not None and state.coming is None):
        reason = Reason(code=ReasonCode.UNKNOWN_PRODUCT)
        refused = InputRefused(cause_id=message.id, cause_type=message.type, reason=reason)
        return Decision.of(state, refused)
    if state is not None:
        return Decision(state)
    begun = AlertState(case=message.case, status=AlertStatus.WATCHING, policy=pack)
    return Decision(_next(begun, message.day, reference.policies.in_force(pack, message.day)))


def judged_on(state: AlertState) -> date | None:
    """The next day whose close looks whether the year is known."""
    return None if state.coming is None else state.coming.look_on


def act(state: AlertState, day: date, policy: PolicyInForce) -> Step:
    """Raise the alert at the close of `day` where the year is not known yet; end it where it is."""
    coming = state.coming
    assert coming is not None  # noqa: S101 - narrows: `judged_on` has looked
    if policy.knows(coming.year):
        said: tuple[Event, ...]
        state, said = resolve(state, _KIND, day, ReasonCode.CALENDAR_KNOWN)
        return _next(state, day, policy), said
    tomorrow = None if day == date.max else day + timedelta(days=1)
    state = state.model_copy(update={"coming": coming.model_copy(update={"look_on": tomorrow})})
    about = f"{policy.pack.calendar} {coming.year}"
    params = {"calendar": policy.pack.calendar, "year": str(coming.year)}
    reason = Reason(code=ReasonCode.CALENDAR_MISSING, params=params)
    return raise_alert(state, _KIND, about, day, policy, reason, cause=about)


def _next(state: AlertState, day: date, policy: PolicyInForce) -> AlertState:
    """Take up the first year from that of `day` on that is not known; where none is asked for, the next."""
    found = policy.unknown_year(day)
    if found is not None:
        year, since = found
        coming = ComingYear(year=year, look_on=max(since, day))
    else:
        year = day.year + 1
        coming = ComingYear(year=year, look_on=date(year, 1, 1) if year <= MAXYEAR else None)
    return state.model_copy(update={"coming": coming})
