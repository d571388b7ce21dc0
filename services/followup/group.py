"""The support group (R58-R61) and how satisfied borrowers are. Pure."""

from datetime import date

from services.followup.model import FollowupState, Support
from shared.contracts.base import Event, Reason
from shared.contracts.desk_care import SatisfactionGiven, SatisfactionTopic, SessionKind, SupportSessionHeld
from shared.contracts.followup_care import (
    ReferralMade,
    SatisfactionAsked,
    SatisfactionNoted,
    SupportEnrolled,
    SupportSessionNoted,
)
from shared.contracts.reasons import ReasonCode

__all__ = ["asks", "enrolled", "offered", "satisfied", "session_held"]

Step = tuple[FollowupState, tuple[Event, ...]]

# Ids of sessions kept, so that one that is reported twice counts once.
_SESSIONS_KEPT = 60


def offered(state: FollowupState) -> FollowupState:
    """The rule (good will, and a difficulty that is temporary) was met: who wants may join."""
    return state.model_copy(update={"support": state.support.model_copy(update={"offered": True})})


def enrolled(state: FollowupState, day: date) -> Step | ReasonCode:
    """The borrower joins; only who was offered it by the rule can."""
    support = state.support
    if not support.offered:
        return ReasonCode.SUPPORT_NOT_OFFERED
    if support.since is not None:
        return state, ()
    reasons = (Reason(code=ReasonCode.COOPERATED), Reason(code=ReasonCode.TEMPORARY_DIFFICULTY))
    after = support.model_copy(update={"since": day})
    return state.model_copy(update={"support": after}), (SupportEnrolled(as_of=day, reasons=reasons),)


def session_held(state: FollowupState, data: SupportSessionHeld, day: date) -> Step | ReasonCode:
    """A session: attendance, where it led to, and after a seminar the question how it was."""
    support = state.support
    if support.since is None:
        return ReasonCode.SUPPORT_NOT_JOINED if support.offered else ReasonCode.SUPPORT_NOT_OFFERED
    if data.session_id in support.sessions:
        return state, ()
    after = Support(
        offered=support.offered,
        since=support.since,
        sessions=(*support.sessions, data.session_id)[-_SESSIONS_KEPT:],
        held=support.held + 1,
        attended=support.attended + data.attended,
    )
    said: tuple[Event, ...] = (
        SupportSessionNoted(
            session_id=data.session_id,
            session=data.session,
            at=data.at,
            place=data.place,
            attended=data.attended,
            sessions=after.held,
            attended_in_all=after.attended,
        ),
    )
    if data.referred_to is not None:
        said += (ReferralMade(session_id=data.session_id, referred_to=data.referred_to),)
    if data.attended and data.session is SessionKind.SEMINAR:
        said += (asks(SatisfactionTopic.SEMINAR, day),)
    return state.model_copy(update={"support": after}), said


def asks(topic: SatisfactionTopic, day: date) -> SatisfactionAsked:
    """Ask how satisfied the borrower is."""
    return SatisfactionAsked(topic=topic, as_of=day)


def satisfied(data: SatisfactionGiven) -> SatisfactionNoted:
    """Note the answer; the borrower's words stay in the desk's event."""
    return SatisfactionNoted(topic=data.topic, score=data.score, about=data.about)
