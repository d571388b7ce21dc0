"""The alert's document: what is watched on a case, and what is open."""

from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Any

from pydantic import model_validator

from shared.contracts.alert import AlertKind
from shared.contracts.base import MoneyField
from shared.contracts.debts import PackId
from shared.contracts.decision import State
from shared.contracts.departures import Departure
from shared.contracts.desk_talks import RequestKind

__all__ = [
    "AlertState",
    "AlertStatus",
    "Answered",
    "Ask",
    "Asked",
    "AwaitedReview",
    "AwaitedTraining",
    "BrokenPromise",
    "ComingYear",
    "Dated",
    "EndedAlert",
    "MechanismReview",
    "MissedLine",
    "OpenAlert",
    "OpenComplaint",
    "OpenRequest",
    "OpenStep",
    "Paying",
    "Pending",
    "StopLook",
    "TriedOther",
    "Turn",
    "WatchedPlan",
]

# Ids of alerts that are over, kept so that a late acknowledgement hears why.
_RESOLVED_KEPT = 12
_LONG_AGO = datetime(1900, 1, 2, tzinfo=UTC)


class AlertStatus(StrEnum):
    """Whether somebody has to act."""

    WATCHING = "watching"  # nothing abnormal
    ALERTED = "alerted"  # remedies are under way; each has a day
    CLOSED = "closed"  # the case is closed; final


class OpenAlert(State):
    """An alert that is not resolved. `remedy_due` is the last day of its remedy; then it is escalated.

    `escalates_on`: a later business day, where a word of a stop put it off to one on which nobody works.
    """

    alert_id: str
    kind: AlertKind
    about: str
    raised_on: date
    remedy: str
    remedy_due: date
    escalate_to: str
    escalated: bool = False
    escalates_on: date | None = None
    taken_by: str | None = None


class EndedAlert(State):
    """An alert that is over since the day `on`: who takes it in hand on that day may have done so before."""

    alert_id: str
    on: date
    taken_by: str | None = None


class Ask(StrEnum):
    """What the borrower may be asked for."""

    STATEMENT = "statement"
    ANSWER = "answer"
    SIGNATURE = "signature"


class Asked(State):
    """Something that the borrower is asked for since a day."""

    what: Ask
    since: date


class MissedLine(State):
    """An instalment, in one currency, that is missed and not paid since."""

    agreement_id: str
    number: int
    currency: str


class BrokenPromise(State):
    """A promise that was not kept on `broken_on`; `short` is what is missing of it still."""

    promise_id: str
    short: MoneyField
    broken_on: date


class Pending(State):
    """An instruction that the bank has not answered; `overdue`: its last day has closed."""

    instruction_id: str
    kind: str
    answer_by: date
    overdue: bool = False


class OpenComplaint(State):
    """A complaint without its final response; `overdue`: its last day has closed.

    `owner`: who answers for it, by staff id; None: the pack's role. `owned_since`: the first day on which
    they do, where it was handed to them. `acknowledge_by`: until when it is acknowledged; None: it was, or no
    day of its own is kept for that. `unheard`: that day has closed first.
    """

    complaint_id: str
    made_on: date
    answer_by: date
    overdue: bool = False
    owner: str | None = None
    owned_since: date | None = None
    acknowledge_by: date | None = None
    unheard: bool = False

    @property
    def next_date(self) -> date | None:
        """The next day whose close has something to say of it."""
        awaited = None if self.unheard else self.acknowledge_by
        return awaited or (None if self.overdue else self.answer_by)


class Dated(State):
    """Something that is to be done by `due`, its last day; `overdue`, once that has been said."""

    due: date
    remind_on: date | None = None
    overdue: bool = False

    @property
    def next_date(self) -> date | None:
        """The next day on which something is said of it."""
        return self.remind_on or (None if self.overdue else self.due)


class OpenStep(Dated):
    """A step of the timetable that is to be done on the case since `begun`."""

    name: str
    begun: date
    reminded: bool = False


class AwaitedReview(Dated):
    """A conversation drawn for review (R71c), until it has its scores; `also`: others who took part."""

    contact_id: str
    negotiator: str
    also: tuple[str, ...] = ()


class AwaitedTraining(Dated):
    """A training that follows a reviewed conversation, until it is held with `negotiator` (R71c)."""

    contact_id: str
    training: str
    negotiator: str


class OpenRequest(Dated):
    """Something that the borrower has asked for at a moment, until it is answered.

    `about` is the offer or request that is to be explained; None: how things stand.
    """

    what: RequestKind
    about: str | None
    at: datetime


class Answered(State):
    """A request that a talk at this moment has answered; what was asked for before it may come later."""

    what: RequestKind
    about: str | None
    at: datetime


class Paying(State):
    """How an instalment of the watched plan was paid: what part by its due day, and how long after it all.

    `share`: per mille; `days`: None while it is not paid.
    """

    number: int
    currency: str
    share: int = 1000
    days: int | None = None


class WatchedPlan(State):
    """A plan that is kept, with what may slowly worsen; `unanswered` counts our attempts since `since`."""

    agreement_id: str
    since: date
    paying: tuple[Paying, ...] = ()
    unanswered: int = 0


class TriedOther(State):
    """Our attempts at somebody besides the borrower that nobody answered, since `reached_at`, as for them."""

    person: str
    tried: tuple[datetime, ...] = ()
    reached_at: datetime | None = None


class StopLook(Dated):
    """A breathing space that is to be looked at between `begins` and `due`."""

    stop_id: str
    begins: date


class MechanismReview(Dated):
    """The next review of the whole mechanism of a pack, after the one of `reviewed_on`."""

    reviewed_on: date


class ComingYear(State):
    """The first year of a calendar whose business days were not known; `look_on`: when it is looked again."""

    year: int
    look_on: date | None = None


class Turn(State):
    """Something that leads a case on, noted until its business day `on` is closed."""

    what: str
    at: datetime
    on: date


# What an older version knew to be asked of the borrower, as the stage that it was asked in.
_STAGE_OF = {Ask.STATEMENT: "statement", Ask.ANSWER: "answer", Ask.SIGNATURE: "signature"}


def _latest(asked: Asked) -> tuple[date, Ask]:
    return asked.since, asked.what


class AlertState(State):
    """One case. `heard_on` is the last day that the borrower was heard of: a word, a payment, a signature.

    `silent_on` is the day whose close finds the borrower silent: None while nothing is asked, or while that
    alert is open. `owner` is who owns the case, by staff id; `former` are those who did before, each with the
    day of the change; `leaving` are staff who answer for complaints and will be away, each since a day;
    `roster_asked_on` is the last evening on which the roster was asked whether they are there.
    `complaints_over` have their final response.
    `problems` are those that are overdue, `differing` the accounts whose balance a person looks into,
    `rates_differing` those whose rate.
    `referred` counts what a person was asked to look at and has not decided. `halted`: stop events leave no
    debt to talk about, and nobody is pressed for anything.
    `tried` are our attempts that nobody answered, since `reached_at`: the last word of theirs, or a person's
    decision. `others` counts them for each person besides, `decided_at` is when a person last decided.
    `acting` are who has acted for the borrower since an earlier case.
    `packs` are those whose conduct the case keeps. `stage` is where it stands on the timetable, since
    `stage_at`, as of the last close; `turns` is what has been heard since, `talked_at` the last talk.
    `scored` names conversations, each with its reviewer, whose scores came before the news of their drawing.
    `trainings` are to be held; `trainees_asked_on` is the last evening on which the roster was asked for who
    is to be trained. `requests` are the borrower's that are not answered; `explained` names, with the day,
    what was explained before the news that it was asked for, and `answered` what was answered in a talk.
    `looks` are breathing spaces whose review is to come, `adviser_on` is the last talk with the debt adviser.
    `watched` is the plan that is kept. `mechanism` stands in the document of a pack's mechanism alone,
    `coming` in that of a calendar. `language` is the borrower's: the close of `spoken_with_on` looks whether
    the owner speaks it.
    `stop_told_on` is the last day on which the desk told of a stop, or of its end. `departures` stand in the
    document of a partition's own key alone: who is away or has left, as a command said.
    """

    case: str
    status: AlertStatus
    policy: PackId
    alerts: tuple[OpenAlert, ...] = ()
    resolved: tuple[str, ...] = ()
    ended: tuple[EndedAlert, ...] = ()
    asked: tuple[Asked, ...] = ()
    heard_on: date | None = None
    silent_on: date | None = None
    missed: tuple[MissedLine, ...] = ()
    promises: tuple[BrokenPromise, ...] = ()
    pending: tuple[Pending, ...] = ()
    owner: str | None = None
    former: tuple[tuple[str, date], ...] = ()
    leaving: tuple[tuple[str, date], ...] = ()
    roster_asked_on: date | None = None
    problems: tuple[str, ...] = ()
    halted: bool = False
    stop_told_on: date | None = None
    referred: int = 0
    differing: tuple[str, ...] = ()
    rates_differing: tuple[str, ...] = ()
    complaints: tuple[OpenComplaint, ...] = ()
    complaints_over: tuple[str, ...] = ()
    tried: tuple[datetime, ...] = ()
    reached_at: datetime | None = None
    others: tuple[TriedOther, ...] = ()
    decided_at: datetime | None = None
    packs: tuple[PackId, ...] = ()
    departures: tuple[Departure, ...] = ()
    stage: str | None = None
    stage_at: datetime | None = None
    steps: tuple[OpenStep, ...] = ()
    turns: tuple[Turn, ...] = ()
    talked_at: datetime | None = None
    reviews: tuple[AwaitedReview, ...] = ()
    scored: tuple[tuple[str, str], ...] = ()
    trainings: tuple[AwaitedTraining, ...] = ()
    trainees_asked_on: date | None = None
    requests: tuple[OpenRequest, ...] = ()
    explained: tuple[tuple[str | None, date], ...] = ()
    answered: tuple[Answered, ...] = ()
    looks: tuple[StopLook, ...] = ()
    adviser_on: date | None = None
    watched: WatchedPlan | None = None
    mechanism: MechanismReview | None = None
    coming: ComingYear | None = None
    language: str | None = None
    spoken_with_on: date | None = None
    acting: tuple[str, ...] = ()

    @property
    def late(self) -> int:
        """How many steps, reviews, trainings, answers and looks are overdue and not done yet."""
        dated: tuple[Dated, ...] = (*self.steps, *self.reviews, *self.trainings, *self.requests, *self.looks)
        return sum(one.overdue for one in dated)

    @property
    def in_vain(self) -> int:
        """How many of our attempts nobody has answered: of those at one person, where they are the most."""
        return max((len(self.tried), *(len(other.tried) for other in self.others)))

    @model_validator(mode="before")
    @classmethod
    def _of_version_9(cls, data: Any) -> Any:
        """Documents of version 9 have a number only: of moments before any that is known."""
        if not isinstance(data, dict) or "in_vain" not in data:
            return data
        number = data["in_vain"]
        left = {name: value for name, value in data.items() if name != "in_vain"}
        return {"tried": (_LONG_AGO,) * number, **left}

    @model_validator(mode="before")
    @classmethod
    def _of_version_2(cls, data: Any) -> Any:
        """Documents of version 2 left steps to intake: what is asked of the borrower says where a case is."""
        if not isinstance(data, dict) or "stage" in data or not data.get("asked"):
            return data
        asked = max((Asked.model_validate(one, strict=False) for one in data["asked"]), key=_latest)
        at = datetime.combine(asked.since, time.min, UTC)
        return {**data, "turns": (Turn(what=_STAGE_OF[asked.what], at=at, on=asked.since),)}

    def open(self, kind: AlertKind) -> OpenAlert | None:
        """Give the open alert of a kind; there is one at most."""
        return next((alert for alert in self.alerts if alert.kind is kind), None)

    def without(self, alert: OpenAlert, on: date) -> "AlertState":
        """Give the document with that alert over since a day."""
        alerts = tuple(other for other in self.alerts if other.alert_id != alert.alert_id)
        resolved = (*self.resolved, alert.alert_id)[-_RESOLVED_KEPT:]
        now = EndedAlert(alert_id=alert.alert_id, on=on, taken_by=alert.taken_by)
        ended = (*(one for one in self.ended if one.on >= on), now)
        update = {"resolved": resolved, "ended": ended[-_RESOLVED_KEPT:]}
        return self.with_alerts(alerts).model_copy(update=update)

    def with_alerts(self, alerts: tuple[OpenAlert, ...]) -> "AlertState":
        """Give the document with these open; a closed case stays closed, whatever is still owed."""
        status = AlertStatus.ALERTED if alerts else AlertStatus.WATCHING
        if self.status is AlertStatus.CLOSED:
            status = AlertStatus.CLOSED
        return self.model_copy(update={"alerts": alerts, "status": status})
