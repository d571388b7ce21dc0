"""The guard: asked before every outbound message of any service; it allows it or says which rule denies it.

Pure: the moment comes with the message, the history and the states from the case. A change of
the pack on a day to come is known, so that `allowed_again` is right across it.
"""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from shared.conduct.limits import limit_denials
from shared.conduct.model import Answer, Denial, Request, earliest, zone_of
from shared.conduct.moment import Moment
from shared.conduct.persons import person_denials
from shared.conduct.walltime import day_starts, local_day
from shared.policy.model import Pack, PolicyInForce, PolicyValue

__all__ = ["Guard"]


class Guard:
    """Answers for one pack. Rules of conduct follow the day itself, never the day of an agreement.

    The day on which a pack changes begins in the pack's own time zone.
    """

    def __init__(self, pack: Pack) -> None:
        self._pack = pack
        self._zone = ZoneInfo(pack.info.time_zone)
        self._or_zones = tuple(map(ZoneInfo, pack.info.time_zones))
        self._changes = pack.dates()
        self._views: dict[date | None, tuple[PolicyInForce, dict[str, PolicyValue]]] = {}

    def ask(self, request: Request) -> Answer:
        """Whether the message may be sent at its moment, and if not, why and when it may be."""
        first = self._denials(request, request.message.at)
        if not first:
            return Answer((), None)
        denials, at = first, request.message.at
        while denials:
            # Up to the last of these moments at least one rule denies it without a break.
            change = earliest((self._next_change(at), request.case.next_change(at)))
            ends = [earliest((denial.until, change)) for denial in denials]
            later = [end for end in ends if end is not None]
            if len(later) < len(ends):
                return Answer(first, None)
            at = max(later)
            denials = self._denials(request, at)
        return Answer(first, at)

    def _denials(self, request: Request, at: datetime) -> tuple[Denial, ...]:
        policy, entries = self._in_force(local_day(at, self._zone))
        moment = Moment(
            at=at,
            zone=zone_of(request.message, self._pack.info.time_zone),
            message=request.message,
            history=request.history,
            case=request.case,
            policy=policy,
            entries=entries,
            or_zones=() if request.message.time_zone else self._or_zones,
        )
        return (*person_denials(moment), *limit_denials(moment))

    def _in_force(self, day: date) -> tuple[PolicyInForce, dict[str, PolicyValue]]:
        since = max((change for change in self._changes if change <= day), default=None)
        if since not in self._views:
            self._views[since] = self._pack.in_force(day), self._pack.entries_in_force(day)
        return self._views[since]

    def _next_change(self, at: datetime) -> datetime | None:
        today = local_day(at, self._zone)
        day = min((change for change in self._changes if change > today), default=None)
        return day_starts(day, self._zone) if day else None
