"""Complaints until their final response. Pure."""

from datetime import date, timedelta

from services.alert.model import AlertState, OpenComplaint
from services.alert.raising import Step, raise_alert, resolve
from services.alert.steps import conduct_on, policy_on
from shared.contracts.alert import (
    AlertKind,
    ComplaintAssigned,
    ComplaintClosed,
    ComplaintHandedOver,
    ComplaintOpened,
    ComplaintShortened,
    InputRefused,
    with_over,
)
from shared.contracts.base import Event, Reason
from shared.contracts.departures import has_left, is_away, may_decide
from shared.contracts.desk import ComplaintMade
from shared.contracts.desk_contact import ComplaintAnswered
from shared.contracts.desk_team import AwayWhy, OwnerAway
from shared.contracts.envelope import Envelope
from shared.contracts.ids import derive_id
from shared.contracts.reasons import ReasonCode
from shared.policy.conduct import Conduct
from shared.policy.model import PolicyInForce
from shared.policy.reference import Reference
from shared.policy.roster import SUPERVISORS

__all__ = [
    "ALERTS",
    "OF_COMPLAINTS",
    "act",
    "answered",
    "assigned",
    "away",
    "hand_over",
    "handed_on",
    "judged_on",
    "made",
    "shortened",
]

OF_COMPLAINTS = (ComplaintMade, ComplaintAnswered, OwnerAway)
"""What is heard also when the case is closed: the borrower is owed an answer."""

ALERTS = (AlertKind.COMPLAINT_UNACKNOWLEDGED, AlertKind.COMPLAINT_OVERDUE)

_FORMER_KEPT = 20  # owners before the one that a case has now


def made(state: AlertState, message: Envelope[ComplaintMade], reference: Reference) -> Step:
    """A complaint has an owner and the shortest days of the packs in the case; the same one twice is one.

    Its id is its own for ever: who complains again after the final response makes another complaint.
    """
    data, conduct = message.data, conduct_on(state, message.day, reference)
    if any(one.complaint_id == data.complaint_id for one in state.complaints):
        return state, ()
    if data.complaint_id in state.complaints_over:
        return state, (_refused(message, ReasonCode.COMPLAINT_ANSWERED),)
    acknowledge_by, answer_by = _days(conduct, message.day)
    owner = (data.owner or "").strip() or None  # a blank names nobody
    item = OpenComplaint(
        complaint_id=data.complaint_id,
        made_on=message.day,
        answer_by=answer_by,
        owner=owner,
        acknowledge_by=acknowledge_by if acknowledge_by < answer_by else None,
    )
    opened = ComplaintOpened(
        complaint_id=data.complaint_id,
        owner=owner,
        owner_role=policy_on(state, message.day, reference).complaints.owner_role,
        opened_on=message.day,
        acknowledge_by=min(acknowledge_by, answer_by),
        answer_by=answer_by,
    )
    return state.model_copy(update={"complaints": (*state.complaints, item)}), (opened,)


def _days(conduct: Conduct, made_on: date) -> tuple[date, date]:
    """Until when a complaint of that day is acknowledged, and until when it has its final response."""
    try:
        answer_by = made_on + timedelta(days=conduct.final_response_days)
        return conduct.deadline(made_on, conduct.acknowledge_business_days), answer_by
    except (OverflowError, ValueError):  # past the last date there is
        return made_on, made_on


def shortened(state: AlertState, day: date, reference: Reference) -> Step:
    """Debts of other packs are in the case: what is open has their days where they are shorter, never longer.

    They count from when it was made, as for one that is made now; a day that is past by then is today.
    """
    said, kept = [], []
    for one in state.complaints:
        acknowledge_by, answer_by = _days(conduct_on(state, one.made_on, reference), one.made_on)
        answer_by = min(one.answer_by, max(answer_by, day))
        update: dict[str, date | None] = {"answer_by": answer_by}
        if one.acknowledge_by is not None and not one.unheard:
            awaited = min(one.acknowledge_by, max(acknowledge_by, day))
            update["acknowledge_by"] = awaited if awaited < answer_by else None
        now = one.model_copy(update=update)
        if now != one:
            said.append(
                ComplaintShortened(
                    complaint_id=now.complaint_id,
                    owner=now.owner,
                    acknowledge_by=now.acknowledge_by,
                    answer_by=answer_by,
                    as_of=day,
                )
            )
        kept.append(now)
    return state.model_copy(update={"complaints": tuple(kept)}), tuple(said)


def answered(state: AlertState, message: Envelope[ComplaintAnswered], reference: Reference) -> Step:
    """Any answer acknowledges a complaint; only the final response of who may give it closes it."""
    data = message.data
    item = next((one for one in state.complaints if one.complaint_id == data.complaint_id), None)
    if item is None:
        return state, (_refused(message, ReasonCode.COMPLAINT_UNKNOWN),)
    if not data.final:
        heard = item.model_copy(update={"acknowledge_by": None, "unheard": False})
        return _less_late(_with(state, item, heard), message.day)
    if not (data.words.value.strip() and data.by.strip()):  # nothing follows from a blank record
        return state, (_refused(message, ReasonCode.RECORD_INCOMPLETE, missing="words"),)
    if not _may_close(item, data.by.strip(), message.day, reference):
        return state, (_refused(message, ReasonCode.COMPLAINT_NOT_THEIRS),)
    closed = ComplaintClosed(
        complaint_id=data.complaint_id,
        by=data.by,
        as_of=message.day,
        days=max((message.day - item.made_on).days, 0),
        in_time=message.day <= item.answer_by,
    )
    over = {"complaints_over": with_over(state.complaints_over, data.complaint_id)}
    state, cured = _less_late(_with(state, item).model_copy(update=over), message.day)
    return state, (closed, *cured)


def _may_close(item: OpenComplaint, by: str, day: date, reference: Reference) -> bool:
    """Say whether somebody gives the final response: who answers for the complaint, or a supervisor.

    Who is on no roster (a department for complaints, the lawyers) is known to the house.
    """
    if by == item.owner:
        return not has_left(reference, by, day)
    return may_decide(reference, by, SUPERVISORS, day)


def _refused(
    message: Envelope[ComplaintMade] | Envelope[ComplaintAnswered], code: ReasonCode, **params: str
) -> Event:
    reason = Reason(code=code, params=params)
    return InputRefused(cause_id=message.id, cause_type=message.type, reason=reason)


def _with(state: AlertState, item: OpenComplaint, *now: OpenComplaint) -> AlertState:
    """Give the document with a complaint as it is now, or without it."""
    kept = [other for one in state.complaints for other in (now if one is item else (one,))]
    leaving = tuple(item for item in state.leaving if any(one.owner == item[0] for one in kept))
    return state.model_copy(update={"complaints": tuple(kept), "leaving": leaving})


def _less_late(state: AlertState, day: date) -> Step:
    """End the alerts that no complaint is late for any more."""
    said: tuple[Event, ...] = ()
    if not any(one.unheard for one in state.complaints):
        code = ReasonCode.COMPLAINT_ACKNOWLEDGED
        state, said = resolve(state, AlertKind.COMPLAINT_UNACKNOWLEDGED, day, code)
    if any(one.overdue for one in state.complaints):
        return state, said
    state, cured = resolve(state, AlertKind.COMPLAINT_OVERDUE, day, ReasonCode.COMPLAINT_ANSWERED)
    return state, (*said, *cured)


def assigned(state: AlertState, owner: str, before: str | None, day: date) -> AlertState:
    """The case has another owner. Who had it before is known for the complaints that name them."""
    former = {name: on for name, on in state.former if name != owner}
    if before is not None and before != owner:
        former[before] = day
    return state.model_copy(update={"owner": owner, "former": tuple(former.items())[-_FORMER_KEPT:]})


def away(state: AlertState, message: Envelope[OwnerAway], _policy: PolicyInForce) -> Step:
    """Somebody will not be there: the complaints that they answer for have another owner by their first day.

    The order comes for each case with a complaint of theirs, whoever owns the case.
    """
    data = message.data
    theirs = any(one.owner == data.staff for one in state.complaints)
    if data.why is AwayWhy.CERTIFICATE or not theirs or data.is_over(message.day):  # no certificate is needed
        return state, ()
    leaving = {**dict(state.leaving), data.staff: data.since}
    return state.model_copy(update={"leaving": tuple(leaving.items())}), ()


def handed_on(state: AlertState) -> date | None:
    """Give the day whose close hands complaints over; None where there are none to hand over.

    At a close, because a complaint and the change of the owner on its day are heard in either order.
    """
    lost = [one.made_on for one in state.complaints if _has_lost_its_owner(state, one)]
    leaving = [
        _last_day(since)
        for name, since in state.leaving
        if any(one.owner == name for one in state.complaints)
    ]
    return min((*lost, *leaving, *_roster_asked_on(state)), default=None)


def _roster_asked_on(state: AlertState) -> tuple[date, ...]:
    """Each evening while a complaint is open: the roster is written anew at any time."""
    if not state.complaints:
        return ()
    made = [one.made_on for one in state.complaints]
    return (min(made) if state.roster_asked_on is None else _next(state.roster_asked_on),)


def hand_over(state: AlertState, day: date, reference: Reference) -> Step:
    """Who answered for a complaint has left the case, or is not there: another does, by the same day.

    Of a former owner of the case the new one takes it over, if they are there. Who leaves the house, or is
    absent from the next day on, by a command or by the roster alone, hands it to a supervisor, never to who
    owns the case: the complaint may be about them. So does a complaint for which only a role was named, for
    a role answers nobody. Where none is there it stays, and is found by its alert. One that somebody beside
    the owners answers for stays theirs while they are there, and so does one that was given to a former
    owner afterwards.
    """
    gone = {name for name, since in state.leaving if _last_day(since) <= day}
    said: list[Event] = []
    kept = []
    for one in state.complaints:
        owner, lost = one.owner, _has_lost_its_owner(state, one)
        if lost:
            owner = state.owner
        if owner is None or owner in gone or is_away(reference, owner, _next(day)):
            owner = _deputy(state, one, day, reference) or one.owner
        if owner is not None and owner != one.owner:
            said.append(_given(one, owner))
        since = _next(day) if lost or owner != one.owner else one.owned_since
        kept.append(one.model_copy(update={"owner": owner, "owned_since": since}))
    left = tuple(item for item in state.leaving if item[0] not in gone)
    asked = {"complaints": tuple(kept), "leaving": left, "roster_asked_on": day}
    return state.model_copy(update=asked), tuple(said)


def _given(item: OpenComplaint, owner: str) -> Event:
    if item.owner is None:
        return ComplaintAssigned(complaint_id=item.complaint_id, owner=owner, answer_by=item.answer_by)
    return ComplaintHandedOver(
        complaint_id=item.complaint_id, owner=owner, before=item.owner, answer_by=item.answer_by
    )


def _deputy(state: AlertState, item: OpenComplaint, day: date, reference: Reference) -> str | None:
    """Give a supervisor who is there from the next day on; spread by the complaint, the same each time."""
    barred = {state.owner, *(name for name, _ in state.leaving)}
    first = _next(day)
    there = [
        who.id
        for who in reference.roster.supervisors
        if who.id not in barred and not is_away(reference, who.id, first)
    ]
    return min(there, key=lambda name: derive_id("deputy", item.complaint_id, name), default=None)


def _next(day: date) -> date:
    return day + timedelta(days=1) if day < date.max else day


def _last_day(since: date) -> date:
    return since - timedelta(days=1) if since > date.min else since


def _has_lost_its_owner(state: AlertState, item: OpenComplaint) -> bool:
    since = item.owned_since or item.made_on
    return any(name == item.owner and since <= on for name, on in state.former)


def judged_on(state: AlertState) -> date | None:
    """The next day whose close finds a complaint not acknowledged, or without its final response."""
    return min((day for one in state.complaints if (day := one.next_date) is not None), default=None)


def act(state: AlertState, due: date, day: date, policy: PolicyInForce) -> Step:
    """The last day for an acknowledgement, or for the final response, has closed without one."""
    item = next(one for one in state.complaints if one.next_date == due)
    if item.acknowledge_by == due and not item.unheard:
        kind, code, late = ALERTS[0], ReasonCode.COMPLAINT_UNACKNOWLEDGED, {"unheard": True}
    else:
        kind, code, late = ALERTS[1], ReasonCode.COMPLAINT_OVERDUE, {"overdue": True}
    return raise_alert(
        _with(state, item, item.model_copy(update=late)),
        kind,
        item.complaint_id,
        day,
        policy,
        Reason(code=code, params={"due": due.isoformat()}),
        cause=item.complaint_id,
        owner=item.owner,
    )
