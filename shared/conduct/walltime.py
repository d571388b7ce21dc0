"""The borrower's own clock: when a wall time is reached, also where clocks are put on or back."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

__all__ = ["day_starts", "is_quiet", "local_day", "next_look"]

_DAY = timedelta(days=1)


def local_day(at: datetime, zone: ZoneInfo) -> date:
    """The calendar day that ``zone`` has at ``at``."""
    return at.astimezone(zone).date()


def day_starts(day: date, zone: ZoneInfo) -> datetime:
    """The first instant (UTC) at which ``zone`` has ``day`` or a later one.

    A midnight that a change of clocks leaves out is reached at the change; one that comes twice, the first
    time.
    """
    naive = datetime.combine(day, time())
    found = naive.replace(tzinfo=zone).astimezone(UTC)
    if _wall(found, zone) == naive:
        return found
    # Left out: read with the offset after the change it lies before the change, and the other way round.
    before = naive.replace(tzinfo=zone, fold=1).astimezone(UTC)
    low, high = 0, int((found - before).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (
            (low, middle) if _wall(before + timedelta(seconds=middle), zone) >= naive else (middle, high)
        )
    return before + timedelta(seconds=high)


def is_quiet(wall: time, quiet_from: time, quiet_to: time) -> bool:
    """Whether ``wall`` lies in the quiet hours: from ``quiet_from`` on, until just before ``quiet_to``.

    Hours that end when they begin are no hours at all.
    """
    if quiet_from <= quiet_to:
        return quiet_from <= wall < quiet_to
    return wall >= quiet_from or wall < quiet_to


def next_look(at: datetime, zone: ZoneInfo, quiet_to: time) -> datetime:
    """Up to when (UTC) quiet hours that hold at ``at`` surely go on: their end, or a change of clocks.

    After a change of clocks it takes another look whether they still hold.
    """
    day = local_day(at, zone)
    ends = (
        datetime.combine(day + n * _DAY, quiet_to, zone).replace(fold=fold).astimezone(UTC)
        for n in (0, 1, 2)
        for fold in (0, 1)
    )
    end = min(end for end in ends if end > at)
    return _change_of_clocks(at, end, zone) or end


def _change_of_clocks(start: datetime, end: datetime, zone: ZoneInfo) -> datetime | None:
    """The second in (start, end] from which clocks show another offset; None where they do not."""
    offset = start.astimezone(zone).utcoffset()
    if end.astimezone(zone).utcoffset() == offset:
        return None
    low = start.astimezone(UTC).replace(microsecond=0)
    high = end
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
        low, high = (middle, high) if middle.astimezone(zone).utcoffset() == offset else (low, middle)
    return high


def _wall(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None)
