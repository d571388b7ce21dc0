"""A case under several packs: a message leaves only where every one of them lets it. Pure."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain
from zoneinfo import ZoneInfo

from shared.conduct.guard import Guard
from shared.conduct.model import Answer, Request
from shared.conduct.walltime import local_day

__all__ = ["ask_all", "quiet_begins"]

# Each look is later than the one before; packs that never agree are not waited for.
_LOOKS = 50


def ask_all(guards: Sequence[Guard], request: Request) -> Answer:
    """Ask every guard; the denials of all of them, and the first moment at which none denies it."""
    answers = [guard.ask(request) for guard in guards]
    denials = tuple(chain.from_iterable(answer.denials for answer in answers))
    if not denials:
        return Answer((), None)
    for _ in range(_LOOKS):
        later = [answer.allowed_again for answer in answers if not answer.allowed]
        if not later:
            return Answer(denials, request.message.at)
        at = max((moment for moment in later if moment is not None), default=None)
        if at is None or None in later:
            return Answer(denials, None)
        message = request.message.model_copy(update={"at": at})
        request = request.model_copy(update={"message": message})
        answers = [guard.ask(request) for guard in guards]
    return Answer(denials, None)


def quiet_begins(at: datetime, zone: ZoneInfo, quiet_from: time) -> datetime:
    """Give the first moment (UTC) after `at` at which quiet hours begin on the borrower's clock."""
    day: date = local_day(at, zone)
    moments = (
        datetime.combine(day + timedelta(days=days), quiet_from, zone).astimezone(UTC) for days in (0, 1, 2)
    )
    return min(moment for moment in moments if moment > at)
