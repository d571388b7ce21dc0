"""What the guard is asked, and what it answers. Persons, numbers and debts are opaque ids, never names.

Whoever asks keeps the history and the states; the guard keeps nothing. Numbers (or addresses) do not show
when a message is printed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from shared.policy.sections_conduct import Actor, Channel, Errand, LegalMatter, Party, Purpose

__all__ = [
    "BORROWER",
    "Agreed",
    "Answer",
    "Authority",
    "CaseStates",
    "Consent",
    "Denial",
    "Liftable",
    "Message",
    "OptOut",
    "PastContact",
    "Request",
    "Rule",
    "Stop",
    "is_time_zone",
]

BORROWER: Final = "borrower"
"""The person of a case whose debts it is, where the guard is told who is spoken to."""

Id = Annotated[str, Field(min_length=1, max_length=80)]
# fmt: off
StopEvent = Literal[
    "death", "insolvency", "breathing_space", "crisis_breathing_space", "lost_capacity", "minor",
    "dispute", "identity_fraud", "sold", "recalled", "litigation",
]
# fmt: on
# What the borrower may agree to beforehand: the limits of a pack that say `unless_agreed`.
Liftable = Literal["quiet_hours", "effective_calls", "attempts", "calls", "cooldown"]


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    # Listing them reads a folder, and every message names one.
    return frozenset(available_timezones())


def is_time_zone(name: str) -> bool:
    """Whether the time zone database knows the name."""
    return name in _zones()


def _known_zone(name: str) -> str:
    if not is_time_zone(name):
        raise ValueError("not a time zone of the time zone database, such as Asia/Shanghai")
    return name


def _utc(at: datetime) -> datetime:
    # Two times of one zone compare by their walls, which is wrong where a wall comes twice.
    return at.astimezone(UTC)


TimeZone = Annotated[str, AfterValidator(_known_zone)]
Instant = Annotated[AwareDatetime, AfterValidator(_utc)]


class Rule(StrEnum):
    """Why a contact is denied."""

    STOP_EVENT = "stop_event"
    OPTED_OUT = "opted_out"
    CHANNEL_CLOSED = "channel_closed"
    NO_CONSENT = "no_consent"
    NO_WAY_TO_STOP = "no_way_to_stop"
    THIRD_PARTY = "third_party"
    NO_AUTHORITY = "no_authority"
    REFUSED = "refused"
    REPRESENTED = "represented"
    NOT_VERIFIED = "not_verified"
    PLAN_KEPT = "plan_kept"
    COMPLAINT_OPEN = "complaint_open"
    PERSON_DECIDES = "person_decides"
    QUIET_HOURS = "quiet_hours"
    EFFECTIVE_CALLS = "effective_calls"
    ATTEMPTS = "attempts"
    CALLS = "calls"
    COOLDOWN = "cooldown"


class _Asked(BaseModel):
    # An error must not repeat the value: it may be somebody's number.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class _Dated(_Asked):
    """Holds from ``since`` (None: always) until just before ``until`` (None: no end known)."""

    since: Instant | None = None
    until: Instant | None = None

    def holds(self, at: datetime) -> bool:
        """Whether it holds at ``at``."""
        return (self.since is None or self.since <= at) and (self.until is None or at < self.until)


class Message(_Asked):
    """What is about to be sent or dialled.

    ``debts`` empty: no debt in particular, so every limit per debt counts all of them. ``errand`` says what
    somebody other than the borrower is spoken to for, ``matter`` what a legal notice is about: one that does
    not say may be a threat.
    """

    kind: Purpose
    matter: LegalMatter | None = None
    actor: Actor
    channel: Channel
    at: Instant
    time_zone: TimeZone | None = Field(default=None, description="of the borrower; None: that of the pack")
    person: Id
    party: Party = "borrower"
    errand: Errand = "talk_about_debt"
    number: Id | None = Field(default=None, repr=False)
    debts: tuple[Id, ...] = ()
    asks_for_payment: bool = False
    tells_about_debt: bool = False
    says_how_to_stop: bool = False

    @property
    def purpose(self) -> Purpose:
        """What it counts as: a request for payment makes it collection, whatever it is called."""
        return "collection" if self.asks_for_payment else self.kind

    @property
    def discloses(self) -> bool:
        """Whether who receives it learns of a debt; nobody is asked to pay what they do not learn of."""
        return self.tells_about_debt or self.asks_for_payment


class PastContact(_Asked):
    """A contact on file, in either direction."""

    at: Instant
    kind: Purpose
    actor: Actor
    direction: Literal["inbound", "outbound"]
    channel: Channel
    outcome: Literal["talked", "no_answer", "refused", "message_left"]
    person: Id
    number: Id | None = Field(default=None, repr=False)
    debts: tuple[Id, ...] = ()
    asks_for_payment: bool = False

    @property
    def purpose(self) -> Purpose:
        """What it counts as."""
        return "collection" if self.asks_for_payment else self.kind


class OptOut(_Asked):
    """The person wants nothing more by this channel."""

    person: Id
    channel: Channel
    since: Instant


class Agreed(_Dated):
    """The person's own consent that a limit does not hold for them."""

    person: Id
    limit: Liftable


class Consent(_Dated):
    """The person's consent to a channel that needs one."""

    person: Id
    channel: Channel


class Authority(_Dated):
    """Somebody may speak for the borrower, for these kinds of message and debts (empty: all of them).

    It counts once a person has verified it, and ends at ``until``, which every authority has.
    """

    person: Id
    until: Instant
    verified: bool
    kinds: Annotated[tuple[Purpose, ...], Field(min_length=1)]
    debts: tuple[Id, ...] = ()


class Stop(_Dated):
    """An event that stops contact, or asking for money (`policy.stop_events`).

    ``debts``: what it is about (empty: every debt); a message about other debts goes on. ``person``: another
    obligor whom it protects; None: the borrower, and so everybody who is spoken to about the debt.
    """

    event: StopEvent
    since: Instant
    debts: tuple[Id, ...] = ()
    person: Id | None = None

    def touches(self, message: Message) -> bool:
        """Whether it is about a message; one about no debt in particular is not about the stopped ones."""
        if self.person not in {None, message.person}:
            return False
        return not self.debts or bool(set(self.debts) & set(message.debts))


class CaseStates(_Asked):
    """What the case knows today that bears on contact.

    ``verified`` are the persons who were shown to be who they are; ``liable`` those who owe the debt too.
    ``decided_at``: when a person last decided that it goes on after attempts in vain.
    """

    verified: tuple[Id, ...] = ()
    liable: tuple[Id, ...] = ()
    refused: tuple[Id, ...] = ()
    opt_outs: tuple[OptOut, ...] = ()
    agreed: tuple[Agreed, ...] = ()
    consents: tuple[Consent, ...] = ()
    authorities: tuple[Authority, ...] = ()
    stops: tuple[Stop, ...] = ()
    cannot_be_reached: bool = False
    complaint_open: bool = False
    plan_kept: bool = Field(
        default=False, description="signed and kept; also in the withdrawal and trial periods"
    )
    decided_at: Instant | None = None

    def next_change(self, at: datetime) -> datetime | None:
        """The first moment after ``at`` at which something dated begins or ends; None where nothing does."""
        dated: tuple[_Dated, ...] = (*self.agreed, *self.consents, *self.authorities, *self.stops)
        moments = (moment for each in dated for moment in (each.since, each.until))
        return min((moment for moment in moments if moment is not None and moment > at), default=None)


class Request(_Asked):
    """One question to the guard."""

    message: Message
    history: tuple[PastContact, ...] = ()
    case: CaseStates = CaseStates()


@dataclass(frozen=True, slots=True)
class Denial:
    """One rule that denies the contact.

    ``key`` is the value of the pack that it rests on, with its clause and source. ``until`` is up to when it
    surely holds; None: until something other than time changes it.
    """

    rule: Rule
    key: str
    clause: str
    source: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Answer:
    """The guard's answer. ``allowed_again`` (UTC) is the first instant at which nothing denies it any more.

    It is None where the contact is allowed, and where time alone never allows it.
    """

    denials: tuple[Denial, ...]
    allowed_again: datetime | None

    @property
    def allowed(self) -> bool:
        """Whether it may be sent now."""
        return not self.denials


def earliest(moments: Iterable[datetime | None]) -> datetime | None:
    """The first of the moments that there are."""
    return min((moment for moment in moments if moment is not None), default=None)


def zone_of(message: Message, pack_zone: str) -> ZoneInfo:
    """The borrower's time zone."""
    return ZoneInfo(message.time_zone or pack_zone)
