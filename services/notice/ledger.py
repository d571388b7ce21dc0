"""What the guard has to know of a case, learnt from what is said about it. Pure: no message leaves by it."""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from services.notice.model import NoticeState, NoticeStatus, Obligor
from shared.conduct import (
    BORROWER,
    Consent,
    OptOut,
    PastContact,
    Stop,
    StopEvent,
    agreed_now,
    agreed_still,
    authority_of,
    closed_before,
    closed_now,
    end_of,
    is_time_zone,
    known_channel,
    opt_outs,
    past_contact,
)
from shared.contracts import (
    agreement,
    alert,
    desk,
    desk_contact,
    followup,
    followup_care,
    intake,
    intake_team,
)
from shared.contracts.base import Event
from shared.contracts.debts import DebtSnapshot, DebtStatus
from shared.contracts.envelope import Envelope
from shared.contracts.reach import EarlierAuthority, EarlierReach

__all__ = ["LEDGER", "with_earlier", "without_past_stops"]

_A_DAY: Final = timedelta(days=1)
# Dates beyond these are slips of the pen; clocks cannot reckon with them.
_EARLIEST: Final = date(1900, 1, 1)
_LATEST: Final = date(8999, 12, 31)
# A debt that has left by these has its row among the stop events, too.
_GONE: Final[dict[DebtStatus, StopEvent]] = {DebtStatus.SOLD: "sold", DebtStatus.RECALLED: "recalled"}
_LANGUAGES: Final = frozenset({"zh", "en"})

Learn = Callable[[NoticeState, Envelope[Any]], NoticeState]


def with_earlier(state: NoticeState, reach: EarlierReach) -> NoticeState:
    """Begin a case with what is on file of the person: a new case gives nobody new calls this week."""
    for contact in reach.contacts:
        past = past_contact(contact, contact.person)
        state = state if past is None else state.with_contact(past)
    agreed = (
        Consent(person=BORROWER, channel=channel, since=one.since)
        for one in reach.consents
        if (channel := known_channel(one.channel)) is not None
    )
    for one in reach.authorities:
        state = _acting(state, one, since=one.since, verified=one.verified)
    for complaint in reach.complaints:
        state = _complaining(state, complaint)
    state = state.model_copy(update={"channel": known_channel(reach.channel), "time_zone": reach.time_zone})
    return state.with_states(
        opt_outs=closed_before(reach.opt_outs), consents=tuple(agreed), decided_at=reach.decided_at
    )


def _contact(state: NoticeState, message: Envelope[desk.ContactRecorded]) -> NoticeState:
    """A contact is on file: counted by the guard from now on."""
    data = message.data
    past = past_contact(data, data.with_whom, message.time)
    if past is None:
        return state
    state = _made(state.with_contact(past), past)
    if data.right_party and past.person not in state.states.verified:
        state = state.with_states(verified=(*state.states.verified, past.person))
    return state


def _made(state: NoticeState, past: PastContact) -> NoticeState:
    """It is on file now: nobody is about to make it any more. Of several that it may be, one is made."""
    for one in state.permitted:
        asked = one.contact
        a_number = len({asked.number, past.number} - {None}) <= 1  # the same, or one of them was not told
        if a_number and (asked.direction, asked.person, asked.channel) == (
            past.direction, past.person, past.channel,
        ):  # fmt: skip
            return state.with_permitted(without=one.contact_id)
    return state


def _parties(state: NoticeState, message: Envelope[intake.PartiesChanged]) -> NoticeState:
    """Who else owes which of the debts, and what they wish; a channel closed before stays so since then."""
    held = {out for one in state.obligors for out in one.opt_outs}
    since = {(out.person, out.channel): out.since for out in held}
    obligors = tuple(
        Obligor(
            person=one.party_id,
            debts=one.debts,
            may_contact=one.may_contact,
            may_discuss=one.may_discuss,
            opt_outs=tuple(
                OptOut(
                    person=one.party_id,
                    channel=channel,
                    since=since.get((one.party_id, channel), message.time),
                )
                for channel in dict.fromkeys(known_channel(name) for name in one.opt_out)
                if channel is not None
            ),
        )
        for one in message.data.parties
    )
    return state.model_copy(update={"obligors": obligors})


def _preferences(state: NoticeState, message: Envelope[desk.PreferencesSet]) -> NoticeState:
    """Wishes of the borrower; a channel that was closed before stays closed since then."""
    data = message.data
    held = state.states.opt_outs
    names = closed_now((one.channel for one in held), data.opt_out, data.opens)
    outs = opt_outs(held, names, message.time)
    update: dict[str, Any] = {"channel": known_channel(data.channel) or state.channel}
    if data.language in _LANGUAGES:
        update["language"] = data.language
    if data.time_zone is not None and is_time_zone(data.time_zone):
        update["time_zone"] = data.time_zone
    agreed = agreed_now(state.states.agreed, data.lifts, message.time)
    state = state.model_copy(update=update).with_states(opt_outs=outs, agreed=agreed)
    if data.consents is None:
        return state
    before = {consent.channel: consent for consent in state.states.consents}
    given = tuple(
        before.get(channel) or Consent(person=BORROWER, channel=channel, since=message.time)
        for channel in dict.fromkeys(known_channel(name) for name in data.consents)
        if channel is not None
    )
    return state.with_states(consents=given)


def _complaint(state: NoticeState, message: Envelope[desk.ComplaintMade]) -> NoticeState:
    return _complaining(state, message.data.complaint_id)


def _complaining(state: NoticeState, complaint_id: str) -> NoticeState:
    if complaint_id in state.complaints_over:
        return state  # its end came first, by another topic
    complaints = tuple(dict.fromkeys((*state.complaints, complaint_id)))
    return state.model_copy(update={"complaints": complaints}).with_states(complaint_open=True)


def _closed_complaint(state: NoticeState, message: Envelope[alert.ComplaintClosed]) -> NoticeState:
    return _settled(state, message.data.complaint_id)


def _earlier_complaint(state: NoticeState, message: Envelope[intake_team.EarlierComplaint]) -> NoticeState:
    data = message.data
    return (_complaining if data.is_open else _settled)(state, data.complaint_id)


def _earlier_contact(state: NoticeState, message: Envelope[intake_team.EarlierContactMade]) -> NoticeState:
    contact = message.data.contact
    past = past_contact(contact, contact.person)
    return state if past is None else state.with_contact(past)


def _earlier_reach(state: NoticeState, message: Envelope[intake_team.EarlierReachHeard]) -> NoticeState:
    """What was said about an earlier case adds to what this one knows; it opens nothing."""
    reach = message.data.reach
    state = state.with_states(
        opt_outs=closed_before(reach.opt_outs, state.states.opt_outs),
        agreed=agreed_still(state.states.agreed, message.data.lifts),
    )
    for one in reach.authorities:
        state = _acting(state, one, since=one.since, verified=one.verified)
    for gone in message.data.ended:
        state = _without_authority(state, gone)
    decided = [at for at in (state.states.decided_at, reach.decided_at) if at is not None]
    state = state.with_states(decided_at=max(decided, default=None))
    if reach.time_zone is None or not is_time_zone(reach.time_zone):
        return state
    return state.model_copy(update={"time_zone": reach.time_zone})


def _settled(state: NoticeState, complaint_id: str) -> NoticeState:
    left = tuple(one for one in state.complaints if one != complaint_id)
    over = alert.with_over(state.complaints_over, complaint_id)
    known = state.model_copy(update={"complaints": left, "complaints_over": over})
    return known.with_states(complaint_open=bool(left))


def _resumed(state: NoticeState, message: Envelope[desk_contact.ContactResumed]) -> NoticeState:
    decided = state.states.decided_at
    return state.with_states(decided_at=message.time if decided is None else max(decided, message.time))


def _authority(state: NoticeState, message: Envelope[desk_contact.AuthorityRecorded]) -> NoticeState:
    return _acting(state, message.data, since=message.time, verified=message.data.is_verified)


def _acting(
    state: NoticeState,
    data: desk_contact.AuthorityRecorded | EarlierAuthority,
    *,
    since: datetime,
    verified: bool,
) -> NoticeState:
    given = authority_of(data, since=since, verified=verified)
    others = tuple(one for one in state.states.authorities if one.person != data.authority_id)
    known = tuple(one for one in state.states.verified if one != data.authority_id)
    parties = {**state.parties, data.authority_id: data.party}
    state = state.model_copy(update={"parties": parties})
    return state.with_states(
        authorities=(*others, given), verified=(*known, data.authority_id) if verified else known
    )


def _authority_ended(state: NoticeState, message: Envelope[desk_contact.AuthorityEnded]) -> NoticeState:
    return _without_authority(state, message.data.authority_id)


def _without_authority(state: NoticeState, gone: str) -> NoticeState:
    left = tuple(one for one in state.states.authorities if one.person != gone)
    verified = tuple(one for one in state.states.verified if one != gone)
    parties = {name: party for name, party in state.parties.items() if name != gone}
    return state.model_copy(update={"parties": parties}).with_states(authorities=left, verified=verified)


def _stops(state: NoticeState, message: Envelope[intake.StopsChanged]) -> NoticeState:
    """What protects the borrower or another obligor, each with the debts it is about; others go on.

    A stop holds since the day before it, so that its whole day is covered wherever the borrower lives. One
    that ends by date holds up to the end of its last day there, which may come after its day was closed.
    """
    data = message.data
    stops = tuple(
        Stop(
            event=stop.cause.value,
            since=datetime.combine(max(stop.since, _EARLIEST), time(), UTC) - _A_DAY,
            until=None if stop.ends_on is None else end_of(stop.ends_on),
            debts=stop.debts,
            person=stop.party_id or None,
        )
        for stop in data.stops
    )
    others = tuple(
        stop
        for stop in state.states.stops
        if stop.event in _GONE.values()
        or (
            stop not in stops
            and stop.until is not None
            and message.time < stop.until
            and stop.until.date() - _A_DAY <= data.as_of
        )
    )
    return state.with_states(stops=(*stops, *others))


def without_past_stops(state: NoticeState, at: datetime) -> NoticeState:
    """Forget the stops whose last day is over everywhere."""
    left = tuple(stop for stop in state.states.stops if stop.until is None or at < stop.until)
    return state if left == state.states.stops else state.with_states(stops=left)


def _left(state: NoticeState, debts: Iterable[DebtSnapshot]) -> NoticeState:
    """What was sold or taken back is nobody's here to talk about, until it is handed over again."""
    gone = tuple(
        Stop(event=event, since=datetime.combine(max(debt.as_of, _EARLIEST), time(), UTC) - _A_DAY,
             debts=(debt.debt_id,))
        for debt in debts
        if (event := _GONE.get(debt.status)) is not None
    )  # fmt: skip
    others = (stop for stop in state.states.stops if stop.event not in _GONE.values())
    return state.with_states(stops=(*others, *gone))


def _changed(state: NoticeState, message: Envelope[intake.CaseChanged]) -> NoticeState:
    debts = tuple(debt.debt_id for debt in message.data.debts)
    known = state.model_copy(update={"debts": debts, "packs": message.data.conduct or state.packs})
    return _left(known, message.data.debts)


def _closed(state: NoticeState, message: Envelope[intake.CaseClosed]) -> NoticeState:
    known = _left(state, message.data.debts) if message.data.debts else state
    return known.model_copy(update={"status": NoticeStatus.CLOSED})


def _broken(state: NoticeState, _message: Envelope[followup.PlanBroken]) -> NoticeState:
    return state.with_states(plan_kept=False)


def _reopened(state: NoticeState, message: Envelope[followup_care.PlanReopened]) -> NoticeState:
    since = state.model_copy(update={"stands_since": message.data.as_of})
    return since.with_states(plan_kept=True)


def _agreement_over(state: NoticeState, message: Envelope[agreement.AgreementEnded]) -> NoticeState:
    """Who withdraws from an amendment keeps the plan before it: nobody collects while that one is kept."""
    if state.stands_since is not None and message.data.as_of < state.stands_since:
        return state  # an end that is undone, heard later by another topic
    back = message.data.returns_to
    known = state if back is None else state.model_copy(update={"plan_debts": back.debts})
    return known.with_states(plan_kept=back is not None)


def _signed(state: NoticeState, message: Envelope[agreement.AgreementSigned]) -> NoticeState:
    debts = tuple(schedule.debt_id for schedule in message.data.schedules)
    return state.model_copy(update={"plan_debts": debts}).with_states(plan_kept=True)


def _completed(state: NoticeState, _message: Envelope[followup.PlanCompleted]) -> NoticeState:
    """It does not protect any more what was beside it; where nothing was, there is nothing to collect."""
    beside = set(state.debts) - set(state.plan_debts)
    return state.with_states(plan_kept=not beside)


LEDGER: Final[dict[type[Event], Learn]] = {
    intake.CaseChanged: _changed,
    intake.CaseClosed: _closed,
    intake.PartiesChanged: _parties,
    intake.StopsChanged: _stops,
    desk.ContactRecorded: _contact,
    desk.PreferencesSet: _preferences,
    desk.ComplaintMade: _complaint,
    alert.ComplaintClosed: _closed_complaint,
    desk_contact.ContactResumed: _resumed,
    desk_contact.AuthorityRecorded: _authority,
    desk_contact.AuthorityEnded: _authority_ended,
    intake_team.EarlierComplaint: _earlier_complaint,
    intake_team.EarlierContactMade: _earlier_contact,
    intake_team.EarlierReachHeard: _earlier_reach,
    agreement.AgreementSigned: _signed,
    agreement.AgreementEnded: _agreement_over,
    followup.PlanBroken: _broken,
    followup.PlanCompleted: _completed,
    followup_care.PlanReopened: _reopened,
}
"""What each fact teaches. Whatever changes is looked at again by the guard for every message that waits."""
