"""What somebody wrote down of the borrower, in the guard's form: contacts, closed channels. Pure.

Every service that asks the guard reads the record here, so that all of them count the same.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Protocol, TypeVar, get_args
from zoneinfo import ZoneInfo

from shared.conduct.model import BORROWER, Agreed, Authority, Liftable, OptOut, PastContact, Stop
from shared.conduct.walltime import day_starts
from shared.policy.model import PolicyInForce
from shared.policy.sections_conduct import Actor, Channel, Purpose

__all__ = [
    "BORROWER",
    "Acting",
    "Closed",
    "Delivered",
    "Recorded",
    "agreed_now",
    "agreed_still",
    "authority_of",
    "closed_before",
    "closed_now",
    "days_counted",
    "end_of",
    "is_reckoned",
    "known_channel",
    "known_limit",
    "on_their_clock",
    "opt_outs",
    "past_contact",
    "past_message",
    "when_it_was",
]

_CHANNELS: Final = frozenset(get_args(Channel))
_LIFTABLE: Final = frozenset(get_args(Liftable))
# Dates beyond these are slips of the pen; clocks cannot reckon with them.
_EARLIEST: Final = date(1900, 1, 1)
_LATEST: Final = date(8999, 12, 31)
_A_DAY: Final = timedelta(days=1)


class Recorded(Protocol):
    """A contact as the desk wrote it down, or as it is handed over from an earlier case."""

    @property
    def at(self) -> datetime:
        """When it was; a moment without a zone is in UTC."""

    @property
    def direction(self) -> str:
        """`outbound` or `inbound`."""

    @property
    def outcome(self) -> str:
        """How it ended, as the guard names it."""

    @property
    def channel(self) -> str:
        """By which channel; one that the guard does not know counts as a call."""

    @property
    def purpose(self) -> Purpose | None:
        """What it was for; None where nobody said."""

    @property
    def asks_for_payment(self) -> bool:
        """Whether money was asked for, whatever else it was for."""

    @property
    def actor(self) -> Actor:
        """Who made it: the lender, or an agent of theirs."""

    @property
    def number(self) -> str | None:
        """A reference to the number, never the number."""

    @property
    def debts(self) -> tuple[str, ...]:
        """What it was about; none: no debt in particular."""


class Delivered(Protocol):
    """A message that has left, as the courier tells it."""

    @property
    def at(self) -> datetime:
        """When it left; a moment without a zone is in UTC."""

    @property
    def channel(self) -> str:
        """By which channel."""

    @property
    def purpose(self) -> Purpose | None:
        """What it was for; None where an older courier did not say: it is counted as a collector's."""

    @property
    def recipient(self) -> str:
        """Whom it went to: the borrower, or the id of an authority."""

    @property
    def debts(self) -> tuple[str, ...]:
        """What it was about; none: no debt in particular."""


class Acting(Protocol):
    """Somebody who acts for the borrower, as the desk wrote it down, or as it is handed over."""

    @property
    def authority_id(self) -> str:
        """By which they are known."""

    @property
    def purposes(self) -> tuple[Purpose, ...]:
        """For what."""

    @property
    def until(self) -> date:
        """The last day on which it holds."""

    @property
    def debts(self) -> tuple[str, ...]:
        """For which debts; none: all of them."""


class Closed(Protocol):
    """A channel that was closed, as it is handed over from an earlier case."""

    @property
    def channel(self) -> str:
        """Its name; one that the guard does not know is left out."""

    @property
    def since(self) -> datetime:
        """When it was closed."""


def known_channel(name: str | None) -> Channel | None:
    """Give the channel of that name; None where the guard knows none."""
    return name if name in _CHANNELS else None  # type: ignore[return-value]


def is_reckoned(at: datetime) -> bool:
    """Whether clocks can reckon with this moment in every time zone."""
    return _EARLIEST < at.date() < _LATEST


def when_it_was(at: datetime, told: datetime) -> datetime:
    """Give the moment of a contact; one dated more than a day ahead of its telling was when it was told.

    Else a slip of the pen in the year would keep a waiting time going until then.
    """
    moment = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return told if moment > told + _A_DAY else at


def past_contact(
    record: Recorded, person: str = BORROWER, told: datetime | None = None
) -> PastContact | None:
    """Give a contact with somebody as the guard counts it; None where its moment is a slip of the pen.

    Who did not say what it was for is counted as a collector, also where the borrower called: what was talked
    about on a case of overdue debts was the debts. A limit on the calls that we make counts no other ones.
    What was said stands beside the mark that money was asked for: the guard counts it as collection by the
    mark, and the purpose is not lost.
    """
    if not is_reckoned(record.at):
        return None
    at = record.at if told is None else when_it_was(record.at, told)
    outbound = record.direction == "outbound"
    return PastContact(
        at=at if at.tzinfo is not None else at.replace(tzinfo=UTC),
        kind=record.purpose or "collection",
        actor=record.actor,
        direction="outbound" if outbound else "inbound",
        channel=known_channel(record.channel) or "phone",
        outcome=str(record.outcome),
        person=person,
        number=record.number or None,
        debts=record.debts,
        asks_for_payment=record.asks_for_payment,
    )


def past_message(sent: Delivered) -> PastContact | None:
    """Give a message that has left as the guard counts it; None where its moment is a slip of the pen."""
    if not is_reckoned(sent.at):
        return None
    return PastContact(
        at=sent.at if sent.at.tzinfo is not None else sent.at.replace(tzinfo=UTC),
        kind=sent.purpose or "collection",
        actor="creditor",
        direction="outbound",
        channel=known_channel(sent.channel) or "phone",
        outcome="message_left",
        person=sent.recipient,
        debts=sent.debts,
        asks_for_payment=sent.purpose == "collection",
    )


def end_of(last_day: date) -> datetime:
    """Noon (UTC) of the day after, when a day is over everywhere: how ledgers keep the end of a last day."""
    return datetime.combine(min(last_day, _LATEST), time(12), UTC) + _A_DAY


_D = TypeVar("_D", Authority, Stop)


def on_their_clock(dated: Iterable[_D], zone: ZoneInfo) -> tuple[_D, ...]:
    """Give what a ledger keeps as the guard is asked with it: a last day is over at their midnight."""
    return tuple(
        one if one.until is None else one.model_copy(update={"until": day_starts(one.until.date(), zone)})
        for one in dated
    )


def authority_of(data: Acting, *, since: datetime, verified: bool) -> Authority:
    """Give who acts for the borrower in the guard's form, its end as ledgers keep it."""
    return Authority(
        person=data.authority_id,
        since=since,
        until=end_of(data.until),
        verified=verified,
        kinds=data.purposes,
        debts=data.debts,
    )


def opt_outs(held: Sequence[OptOut], names: Iterable[str], at: datetime) -> tuple[OptOut, ...]:
    """Give the channels that the borrower closed, by a new list; one closed before stays so since then."""
    since = {out.channel: out.since for out in held}
    return tuple(
        OptOut(person=BORROWER, channel=channel, since=since.get(channel, at))
        for channel in dict.fromkeys(known_channel(name) for name in names)
        if channel is not None
    )


def closed_now(held: Iterable[str], opt_out: Sequence[str], opens: Sequence[str]) -> tuple[str, ...]:
    """Give the channels that are closed after a wish: a wish about something else opens none of them."""
    return tuple(name for name in (opt_out or tuple(held)) if name not in opens)


def closed_before(channels: Iterable[Closed], known: tuple[OptOut, ...] = ()) -> tuple[OptOut, ...]:
    """Add to the `known` closed channels those closed in an earlier case, each since its own day."""
    held = {out.channel for out in known}
    earlier = (out for one in channels for out in opt_outs((), (one.channel,), one.since))
    return (*known, *(out for out in earlier if out.channel not in held))


def known_limit(name: str) -> Liftable | None:
    """Give the limit of that name; None where a borrower can agree to none such."""
    return name if name in _LIFTABLE else None  # type: ignore[return-value]


def agreed_now(held: Sequence[Agreed], names: Sequence[str] | None, at: datetime) -> tuple[Agreed, ...]:
    """Give the limits that the borrower has agreed not to need; one agreed before is so since then."""
    if names is None:
        return tuple(held)
    before = {one.limit: one for one in held}
    return tuple(
        before.get(limit) or Agreed(person=BORROWER, limit=limit, since=at)
        for limit in dict.fromkeys(known_limit(name) for name in names)
        if limit is not None
    )


def agreed_still(held: Sequence[Agreed], names: Sequence[str] | None) -> tuple[Agreed, ...]:
    """Give what is left of it after a word about an earlier case: that ends an agreement, and makes none."""
    return tuple(one for one in held if names is None or one.limit in names)


def days_counted(packs: Iterable[PolicyInForce]) -> int:
    """Give the days, today included, beyond which no limit of the packs counts a contact any more."""
    limits = (limit for pack in packs for limit in pack.contact_limits)
    return max(
        (
            limit.maximum + 1 if limit.scope.counts == "days_after_conversation" else limit.scope.window_days
            for limit in limits
        ),
        default=0,
    )
