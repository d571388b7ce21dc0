"""The negotiators: who may be given a case, from `roster.toml` beside the policy packs.

Days are days of business time; nothing here asks a clock.
"""

import tomllib
from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

__all__ = ["SUPERVISORS", "Absence", "Certification", "Hours", "Negotiator", "Roster", "RosterError"]

SUPERVISORS: Final = 2
"""The tier of those who decide what is never a negotiator's own word, whatever the role is called: to go to
court early, to have a broken plan stand again, to end a complaint about a colleague.
"""

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_WEEK: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Word = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[a-z0-9][a-z0-9_-]*$")]


class RosterError(ValueError):
    """A roster that cannot be used; the text names the file, the key and the rule."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Certification(_Frozen):
    """A certificate, valid from `issued` (included) to `expires` (excluded)."""

    name: Word
    issued: date
    expires: date

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.expires <= self.issued:
            raise ValueError("expires must lie after issued")
        return self

    def valid_on(self, day: date) -> bool:
        """Whether it is in force on `day`."""
        return self.issued <= day < self.expires


class Absence(_Frozen):
    """Days on which a person owns no case: `since` to `until`, both included."""

    since: date
    until: date

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.until < self.since:
            raise ValueError("until must not lie before since")
        return self

    def covers(self, day: date) -> bool:
        """Whether `day` is one of them."""
        return self.since <= day <= self.until


class Hours(_Frozen):
    """When a person works: days of the week, from and until on the clock of `time_zone`."""

    days: tuple[Weekday, ...] = Field(default=("mon", "tue", "wed", "thu", "fri"), min_length=1)
    opens: time = time(9)
    closes: time = time(18)
    time_zone: str = "Asia/Shanghai"

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.closes <= self.opens:
            raise ValueError("closes must lie after opens")
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("no such time zone") from None
        return self

    def works_on(self, day: date) -> bool:
        """Whether `day` is one of the working days."""
        return _WEEK[day.weekday()] in self.days

    def first_day(self, at: datetime) -> date:
        """Give the day on which what comes `at` can be begun: the next one where the hours are over."""
        there = at.astimezone(ZoneInfo(self.time_zone))
        return there.date() + timedelta(days=1) if there.time() >= self.closes else there.date()


class Negotiator(_Frozen):
    """A named person who negotiates. `capacity` is how many open cases they can carry (R46, R47).

    `tier` is how far their authority reaches: 1 for negotiators, more for those who review and decide.
    `left` is the first day on which they are not there any more.
    """

    id: Word
    skills: tuple[Word, ...] = Field(min_length=1, description="product kinds and hardship skills")
    languages: tuple[Word, ...] = Field(min_length=1)
    certifications: tuple[Certification, ...] = ()
    capacity: int = Field(ge=1, le=10_000)
    supervisor: bool = False
    tier: int = Field(default=1, ge=1, le=9)
    hours: Hours = Hours()
    absences: tuple[Absence, ...] = ()
    left: date | None = None

    @property
    def authority(self) -> int:
        """The tier that counts: a supervisor's is 2 at least."""
        return max(self.tier, SUPERVISORS) if self.supervisor else self.tier

    def present_on(self, day: date) -> bool:
        """Whether they are there on `day`: not absent, and not gone for good."""
        return not self.gone_on(day) and not any(absence.covers(day) for absence in self.absences)

    def gone_on(self, day: date) -> bool:
        """Whether they have left for good by `day`."""
        return self.left is not None and self.left <= day

    def may_own_on(self, day: date, *, certified: bool) -> bool:
        """Whether a case may be theirs on `day`; `certified`: only with a certificate in force."""
        return self.present_on(day) and (not certified or self.certified_on(day))

    def owns_before(self, day: date, *, certified: bool) -> date | None:
        """Give the first day after `day` on which no case may be theirs; None where none is known."""
        ends = (
            *(held.expires for held in self.certifications if certified),
            *(absence.since for absence in self.absences),
            *((self.left,) if self.left is not None else ()),
        )
        coming = sorted(end for end in ends if end > day)
        return next((end for end in coming if not self.may_own_on(end, certified=certified)), None)

    def certified(self, name: str, on: date) -> bool:
        """Whether the certificate `name` is in force on `on`."""
        return any(held.name == name and held.valid_on(on) for held in self.certifications)

    def certified_on(self, on: date) -> bool:
        """Whether any certificate is in force on `on`."""
        return any(held.valid_on(on) for held in self.certifications)


class Roster(_Frozen):
    """All negotiators, in the order of the file."""

    negotiators: tuple[Negotiator, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        ids = [negotiator.id for negotiator in self.negotiators]
        if len(set(ids)) != len(ids):
            raise ValueError("every negotiator's id must be given once")
        return self

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a roster file. Raises RosterError."""
        try:
            return cls.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise RosterError(
                f"{path.name}: there is no such file; the roster stands beside the packs"
            ) from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise RosterError(f"{path.name}: not valid TOML: {error}") from None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "negotiators"
            raise RosterError(f"{path.name}: {where}: {first['msg']}") from None

    def get(self, id_: str) -> Negotiator | None:
        """Give one negotiator."""
        return next((negotiator for negotiator in self.negotiators if negotiator.id == id_), None)

    def has_left(self, name: str, day: date) -> bool:
        """Whether somebody on the roster has left for good by `day`."""
        who = self.get(name)
        return who is not None and who.gone_on(day)

    def may_review(self, reviewer: str, negotiator: str, also: Collection[str], day: date) -> bool:
        """Whether a person may score the conversation of another: a supervisor, of no less authority.

        Where there is none, who comes next: supervisors of less authority, then the others who have most.
        """
        return any(reviewer == one.id for one in self.reviewers(negotiator, also, day))

    def reviewers(self, negotiator: str, also: Collection[str], day: date) -> tuple[Negotiator, ...]:
        """Give who may score a conversation, of those who have not left by a day and took no part in it.

        Whoever took part in it beside them, `also`, would score what was theirs, too.
        """
        heard = self.get(negotiator)
        below = heard.authority if heard is not None else 1
        there = [
            one
            for one in self.negotiators
            if one.id != negotiator and one.id not in also and not one.gone_on(day)
        ]
        fit = tuple(one for one in there if one.supervisor and one.authority >= below)
        most = max(((one.supervisor, one.authority) for one in there), default=None)
        return fit or tuple(one for one in there if (one.supervisor, one.authority) == most)

    def may_decide(self, name: str, tier: int, day: date) -> bool:
        """Whether somebody decides with the authority of a tier on a day: who has not left, and reaches it.

        An absence is about who works on cases: who decides from elsewhere, or came in for it, has decided.
        Who is not on the roster (a committee, the lawyers) is known to the house that passes their word on.
        """
        who = self.get(name)
        return who is None or (not self.has_left(name, day) and who.authority >= tier)

    @property
    def supervisors(self) -> tuple[Negotiator, ...]:
        """Those who may approve."""
        return tuple(negotiator for negotiator in self.negotiators if negotiator.supervisor)
