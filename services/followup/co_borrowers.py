"""What becomes of a plan, for the co-borrowers whom it binds: a person tells them. Pure.

Notices go to the borrower and to who acts for them: of another obligor the platform has an id and no address,
and what may be told to them, and how, is for a person to see. There is one problem for each of them and each
event; it ends when the contact is on file, by the person's word, or when newer word makes it untrue.
"""

from collections.abc import Callable
from datetime import date
from typing import Final

from services.followup.model import FollowedPlan, FollowupState, FollowupStatus, Problem
from services.followup.problems import (
    TELL_AMENDED,
    TELL_BROKEN,
    TELL_COMPLETED,
    TELL_NOTICED,
    TELL_STANDS,
    TELL_UNCOUNTED,
    TELL_VOID,
    TELL_WITHDRAWN,
    opened,
    taken_off,
)
from services.followup.rules import later
from services.followup.work import policy_of
from shared.contracts.agreement import AgreementSigned
from shared.contracts.base import Event
from shared.contracts.debts import DebtStatus
from shared.contracts.desk import ContactDirection, ContactOutcome, ContactRecorded
from shared.contracts.desk_care import ProblemNoted
from shared.contracts.ids import derive_id
from shared.contracts.intake import CaseClosed, CloseReason
from shared.contracts.plan_terms import total_of
from shared.policy.model import PolicyInForce
from shared.policy.reference import Reference
from shared.policy.sections_conduct import Purpose

__all__ = ["heard", "notice_void", "settled_with_case", "signed", "to_tell"]

Step = tuple[FollowupState, tuple[Event, ...]]

# What each may be told by: of a breach the borrower has a legal notice, of the others a message.
_TOLD_BY: Final[dict[str, frozenset[Purpose]]] = {
    TELL_NOTICED: frozenset({"legal_notice"}),
    TELL_BROKEN: frozenset({"legal_notice"}),
    TELL_STANDS: frozenset({"legal_notice", "service"}),
    TELL_COMPLETED: frozenset({"legal_notice", "service"}),
    TELL_WITHDRAWN: frozenset({"legal_notice", "service"}),
    TELL_UNCOUNTED: frozenset({"legal_notice", "service"}),
    TELL_VOID: frozenset({"legal_notice", "service"}),
    TELL_AMENDED: frozenset({"legal_notice", "service"}),
}
# What is not true any more with newer word. A notice makes nothing untrue but one before it: it may be void
# before anybody heard of it, and what was to be told before is to be told then, too.
_MAKES_UNTRUE: Final[dict[str, frozenset[str]]] = {
    TELL_NOTICED: frozenset({TELL_NOTICED}),
    TELL_BROKEN: frozenset({TELL_NOTICED, TELL_VOID, TELL_STANDS}),
    TELL_STANDS: frozenset({TELL_BROKEN, TELL_COMPLETED}),
    TELL_COMPLETED: frozenset({TELL_NOTICED, TELL_VOID, TELL_STANDS, TELL_AMENDED}),
    TELL_WITHDRAWN: frozenset({TELL_NOTICED, TELL_VOID, TELL_STANDS, TELL_AMENDED}),
}
# Of the agreement before, once another takes effect.
_OLDER_NEWS: Final = frozenset({TELL_NOTICED, TELL_UNCOUNTED, TELL_AMENDED})
_NOTHING_OWED: Final = frozenset({CloseReason.SETTLED, CloseReason.PLAN_COMPLETED})
_AWAY: Final = frozenset({DebtStatus.RECALLED, DebtStatus.ELSEWHERE})
_OF_A_BREACH: Final = frozenset({TELL_NOTICED, TELL_BROKEN, TELL_VOID})
_TOLD: Final = frozenset({ContactOutcome.TALKED, ContactOutcome.MESSAGE_LEFT})
_BY_NEWER_WORD: Final = "newer_word"
_BY_VOID_NOTICE: Final = "notice_void"
_BY_CONTACT: Final = "contact"


def to_tell(state: FollowupState, plan: FollowedPlan, about: str, day: date, policy: PolicyInForce) -> Step:
    """Have a person tell each co-borrower whom the plan binds; what it makes untrue is older news."""
    untrue = _MAKES_UNTRUE[about]
    older = _where(state, lambda one: one.party_id in plan.bound and one.about in untrue)
    state, said = taken_off(state, older, day, _BY_NEWER_WORD)
    for party_id in plan.bound:
        state, more = _to_tell(state, plan.agreement_id, about, party_id, day, policy)
        said += more
    return state, said


def signed(
    state: FollowupState, before: FollowedPlan | None, data: AgreementSigned, day: date, policy: PolicyInForce
) -> Step:
    """An agreement takes effect: who believes that they signed it, and is not bound, is to hear so.

    So is who signed only what it amends, or whose place it takes. The same of the one `before` it is older
    news, and a notice about that one is void: who was told of it, and is no party of this one, hears that.
    """
    unsigned = [one for one in data.signed_before if one not in data.not_counted]
    hear = {*data.bound, *data.not_counted, *unsigned}
    told = () if before is None or before.cure_by is None else _told_of_notice(state, before)
    older = _where(
        state,
        lambda one: one.about in _OLDER_NEWS or (one.about == TELL_VOID and one.party_id in hear),
    )
    state, said = taken_off(state, older, day, _BY_NEWER_WORD)
    gone = [one for one in told if one not in hear]
    for about, parties in ((TELL_UNCOUNTED, data.not_counted), (TELL_AMENDED, unsigned), (TELL_VOID, gone)):
        for party_id in parties:
            state, more = _to_tell(state, data.agreement_id, about, party_id, day, policy)
            said += more
    return state, said


def _to_tell(
    state: FollowupState, agreement_id: str, about: str, party_id: str, day: date, policy: PolicyInForce
) -> Step:
    """Open it. The word of a breach goes out in the pack's days for the notice, so that the time to cure is
    all theirs, and nobody pays for a notice that is void; the others have the time that any problem has.
    """
    id_ = derive_id("problem", state.case, about, agreement_id, day.isoformat(), party_id)
    asked = ProblemNoted(problem_id=id_, about=about)
    latest = later(day, max(policy.breach.notice_days, 1)) if about in _OF_A_BREACH else date.max
    return opened(state, asked, day, policy, party_id=party_id, latest=latest)


def notice_void(state: FollowupState, plan: FollowedPlan, day: date, policy: PolicyInForce) -> Step:
    """A notice of breach is void: who was told of it is to hear so, and nobody else has to hear of it."""
    told = _told_of_notice(state, plan)
    untold = _where(state, lambda one: one.about == TELL_NOTICED)
    state, said = taken_off(state, untold, day, _BY_VOID_NOTICE)
    for party_id in told:
        state, more = _to_tell(state, plan.agreement_id, TELL_VOID, party_id, day, policy)
        said += more
    return state, said


def _told_of_notice(state: FollowupState, plan: FollowedPlan) -> tuple[str, ...]:
    """Give who was told of the notice that was given: nobody is to tell them of it, or that one is void."""
    asked = _where(state, lambda one: one.about in {TELL_NOTICED, TELL_VOID})
    return tuple(one for one in plan.bound if all(one != problem.party_id for problem in asked))


def settled_with_case(state: FollowupState, data: CaseClosed, day: date, reference: Reference) -> Step:
    """The case ends before its plan, for nothing is owed any more: the agreement is completed.

    Not where the bank took a debt of it back, or another obligor's case did: that one goes on.
    """
    plan = state.plan
    if plan is None or state.status is not FollowupStatus.LIVE or data.reason not in _NOTHING_OWED:
        return state, ()
    away = any(
        debt.debt_id in plan.debts and debt.status in _AWAY and total_of(debt.outstanding).is_positive
        for debt in data.debts
    )
    if away and data.reason is CloseReason.SETTLED:
        return state, ()
    return to_tell(state, plan, TELL_COMPLETED, day, policy_of(plan, reference, day))


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
