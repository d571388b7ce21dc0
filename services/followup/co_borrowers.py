"""What becomes of a plan, for the co-borrowers whom it binds: a person tells them. Pure.

Notices go to the borrower and to who acts for them: of another obligor the platform has an id and no address,
and what may be told to them, and how, is for a person to see. There is one problem for each of them and each
event; it ends when the contact is on file, or by the person's word.
"""

from collections.abc import Callable
from datetime import date
from typing import Final

from services.followup.model import FollowedPlan, FollowupState, Problem
from services.followup.problems import (
    TELL_BROKEN,
    TELL_COMPLETED,
    TELL_NOTICED,
    TELL_STANDS,
    TELL_UNCOUNTED,
    TELL_WITHDRAWN,
    opened,
    taken_off,
)
from services.followup.rules import later
from shared.contracts.agreement import AgreementSigned
from shared.contracts.base import Event
from shared.contracts.desk import ContactDirection, ContactOutcome, ContactRecorded
from shared.contracts.desk_care import ProblemNoted
from shared.contracts.ids import derive_id
from shared.policy.model import PolicyInForce
from shared.policy.sections_conduct import Purpose

__all__ = ["heard", "notice_void", "signed", "to_tell"]

Step = tuple[FollowupState, tuple[Event, ...]]

# What each may be told by: of a breach the borrower has a legal notice, of the others a message.
_TOLD_BY: Final[dict[str, frozenset[Purpose]]] = {
    TELL_NOTICED: frozenset({"legal_notice"}),
    TELL_BROKEN: frozenset({"legal_notice"}),
    TELL_STANDS: frozenset({"legal_notice", "service"}),
    TELL_COMPLETED: frozenset({"legal_notice", "service"}),
    TELL_WITHDRAWN: frozenset({"legal_notice", "service"}),
    TELL_UNCOUNTED: frozenset({"legal_notice", "service"}),
}
_OF_A_BREACH: Final = frozenset({TELL_NOTICED, TELL_BROKEN})
_TOLD: Final = frozenset({ContactOutcome.TALKED, ContactOutcome.MESSAGE_LEFT})
_BY_NEWER_WORD: Final = "newer_word"
_BY_VOID_NOTICE: Final = "notice_void"
_BY_CONTACT: Final = "contact"


def to_tell(state: FollowupState, plan: FollowedPlan, about: str, day: date, policy: PolicyInForce) -> Step:
    """Have a person tell each co-borrower whom the plan binds; what they were not told before is older news.

    The word of a breach goes out in the pack's days for the notice, so that the time to cure is all theirs;
    the others have the time that any problem has.
    """
    older = _where(state, lambda one: one.party_id in plan.bound and one.about != TELL_UNCOUNTED)
    state, said = taken_off(state, older, day, _BY_NEWER_WORD)
    latest = later(day, max(policy.breach.notice_days, 1)) if about in _OF_A_BREACH else date.max
    for party_id in plan.bound:
        state, more = _to_tell(state, plan.agreement_id, about, party_id, day, policy, latest)
        said += more
    return state, said


def signed(state: FollowupState, data: AgreementSigned, day: date, policy: PolicyInForce) -> Step:
    """An agreement takes effect: who believes that they signed it, and is not bound, is to hear so.

    The same of the one before it is older news, and a notice about that one is void.
    """
    before = _where(state, lambda one: one.about in {TELL_NOTICED, TELL_UNCOUNTED})
    state, said = taken_off(state, before, day, _BY_NEWER_WORD)
    for party_id in data.not_counted:
        state, more = _to_tell(state, data.agreement_id, TELL_UNCOUNTED, party_id, day, policy)
        said += more
    return state, said


def _to_tell(
    state: FollowupState,
    agreement_id: str,
    about: str,
    party_id: str,
    day: date,
    policy: PolicyInForce,
    latest: date = date.max,
) -> Step:
    id_ = derive_id("problem", state.case, about, agreement_id, day.isoformat(), party_id)
    asked = ProblemNoted(problem_id=id_, about=about)
    return opened(state, asked, day, policy, party_id=party_id, latest=latest)


def notice_void(state: FollowupState, day: date) -> Step:
    """A notice of breach is void: nobody has to hear of it any more."""
    return taken_off(state, _where(state, lambda one: one.about == TELL_NOTICED), day, _BY_VOID_NOTICE)


def heard(state: FollowupState, data: ContactRecorded, day: date) -> Step:
    """A legal notice, or a message, to a co-borrower is on file: what was open before its day is told.

    Of the same day it may be about anything: which was first is not known, they come by other topics.
    """
    if data.direction is not ContactDirection.OUTBOUND or data.outcome not in _TOLD:
        return state, ()
    told = _where(
        state,
        lambda one: (
            one.party_id == data.person
            and one.opened_on < min(data.at.date(), day)
            and data.purpose in _TOLD_BY.get(one.about, ())
        ),
    )
    return taken_off(state, told, day, data.recorded_by or _BY_CONTACT)


def _where(state: FollowupState, holds: Callable[[Problem], bool]) -> list[Problem]:
    return [one for one in state.problems if one.party_id is not None and holds(one)]
