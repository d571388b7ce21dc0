"""Who owns a case, and how it changes hands: away, named by a supervisor, no longer fit to own. Pure.

An owner keeps a case. It changes hands only when they are away, have left or may not own it any more, when
they do not speak the borrower's language, or when a supervisor says so with a reason.
"""

from __future__ import annotations

from datetime import date, timedelta

from services.intake.cases import Outcome, answer, assign
from services.intake.model import IntakeState, Leaving
from services.intake.reach import said_of_wishes, with_wishes
from services.intake.rules import conduct_in, refusal
from shared.contracts import desk
from shared.contracts.base import Reason
from shared.contracts.decision import Decision
from shared.contracts.desk_team import AwayWhy, OwnerAway, OwnerNamed
from shared.contracts.envelope import Envelope
from shared.contracts.ids import case_id
from shared.contracts.intake import CaseAssigned
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import Reference
from shared.policy.roster import Negotiator

__all__ = ["away", "last_day_over", "named", "preferred", "relieve", "unfit_from"]

_BECAUSE = {
    AwayWhy.ABSENT: ReasonCode.OWNER_ABSENT,
    AwayWhy.LEFT: ReasonCode.OWNER_LEFT,
    AwayWhy.CERTIFICATE: ReasonCode.OWNER_UNCERTIFIED,
}


def away(state: IntakeState | None, message: Envelope[OwnerAway], reference: Reference) -> Outcome:
    """Hand over one case of a portfolio, unless somebody else owns it by now, or its owner is back."""
    data = message.data
    if state is None or not state.is_open or message.subject != state.case or state.owner != data.staff:
        return Decision(state)
    if data.is_over(message.day):
        return Decision(state)
    going = Leaving(why=data.why, since=data.since, until=data.until, by=data.by, reason=data.reason)
    if data.since > message.day:
        # Not yet: the case changes hands at the close of the last day before, by the order that comes first.
        first = min(data.since, state.owned_before or data.since)
        if state.leaving is not None and state.leaving.since < data.since:
            going = state.leaving
        return answer(state.model_copy(update={"leaving": going, "owned_before": first}))
    owned, assigned = _without_owner(state, going, message.day, reference)
    if not assigned:  # whoever may have it first takes it then
        return answer(owned, refusal(message, ReasonCode.NOBODY_CAN_OWN, owner=data.staff))
    return answer(owned, *assigned)


def _without_owner(
    state: IntakeState, going: Leaving, on: date, reference: Reference
) -> tuple[IntakeState, tuple[CaseAssigned, ...]]:
    """Give the case to anybody but its owner, who is away."""
    staff = state.owner or ""
    params = {"staff": staff, "since": going.since.isoformat(), "note": going.reason}
    if going.until is not None and going.why is AwayWhy.ABSENT:
        params["until"] = going.until.isoformat()
    because = Reason(code=_BECAUSE[going.why], params=params)
    return assign(state, on, reference, because, without=frozenset({staff}), by=going.by)


def last_day_over(
    state: IntakeState, on: date, reference: Reference
) -> tuple[IntakeState, tuple[CaseAssigned, ...]]:
    """The owner's last day is over: from the next one somebody else has the case, or a person decides."""
    going, next_day = state.leaving, on + timedelta(days=1)
    released = state.model_copy(update={"owned_before": None, "leaving": None})
    if going is None or going.since > next_day:
        owner, certified = _owner(state, reference), _certified(state, next_day, reference)
        if owner is not None and owner.may_own_on(next_day, certified=certified):
            known = owner.owns_before(next_day, certified=certified)
            owned = released.model_copy(update={"owned_before": known})
            assigned: tuple[CaseAssigned, ...] = ()
        else:
            owned, assigned = relieve(released, next_day, reference)
        if going is not None and not assigned:
            first = min(going.since, owned.owned_before or going.since)
            return owned.model_copy(update={"owned_before": first, "leaving": going}), ()
        return owned, assigned
    return _without_owner(released, going, next_day, reference)


def named(state: IntakeState | None, message: Envelope[OwnerNamed], reference: Reference) -> Outcome:
    """A supervisor gives the case to a person who may own it; beyond their capacity only by this word."""
    data = message.data
    if state is None or not state.is_open or message.subject != state.case:
        about = state.case if state is not None else case_id(message.key, 1)
        return Decision.of(state, refusal(message, ReasonCode.NO_OPEN_CASE), subject=about)
    by, wanted = reference.roster.get(data.by), reference.roster.get(data.owner)
    if by is None or not by.supervisor or by.gone_on(message.day):
        return answer(state, refusal(message, ReasonCode.NOT_ALLOWED_TO, by=data.by))
    if not data.reason.strip():
        return answer(state, refusal(message, ReasonCode.RECORD_INCOMPLETE, missing="reason"))
    certified = _certified(state, message.day, reference)
    if wanted is None or not wanted.may_own_on(message.day, certified=certified):
        return answer(state, refusal(message, ReasonCode.OWNER_CANNOT_TAKE, owner=data.owner))
    if wanted.id == state.owner:
        return Decision(state)
    because = Reason(code=ReasonCode.OWNER_NAMED, params={"by": data.by, "note": data.reason})
    owned = state.model_copy(
        update={
            "owner": wanted.id,
            "owned_since": message.day,
            "owned_before": wanted.owns_before(message.day, certified=certified),
            "leaving": None,
        }
    )
    said = CaseAssigned(owner=wanted.id, reasons=(because,), previous=state.owner, by=data.by)
    return answer(owned, said)


def preferred(
    state: IntakeState | None, message: Envelope[desk.PreferencesSet], reference: Reference
) -> Outcome:
    """The borrower's language; an owner who does not speak it hands the case over."""
    if state is None:
        no_case = refusal(message, ReasonCode.NO_OPEN_CASE)
        return Decision.wait(None, no_case, subject=case_id(message.key, 1))
    before, state = state, with_wishes(state, message)
    heard = said_of_wishes(before, state, message)
    language = message.data.language
    if language is None or language == state.language:
        return answer(state, *heard)
    spoken = state.model_copy(update={"language": language})
    owner = _owner(spoken, reference)
    if not state.is_open or (owner is not None and language in owner.languages):
        return answer(spoken, *heard)
    because = Reason(code=ReasonCode.OWNER_LACKS_LANGUAGE, params={"staff": state.owner or ""})
    owned, assigned = assign(spoken, message.day, reference, because)
    other = _owner(owned, reference)
    if owner is not None and other is not None and language not in other.languages:
        return answer(spoken, *heard)  # nobody who could take it speaks it either
    return answer(owned, *heard, *assigned)


def relieve(
    state: IntakeState, day: date, reference: Reference
) -> tuple[IntakeState, tuple[CaseAssigned, ...]]:
    """Hand the case over if its owner may not own it on a day; where nobody can take it, it stays.

    Of a day before the owner had it nothing is asked: facts of that day may come late.
    """
    day, owner = max(day, state.owned_since or day), _owner(state, reference)
    if owner is not None and owner.may_own_on(day, certified=True):
        return state, ()
    certified = _certified(state, day, reference)
    if owner is not None and owner.may_own_on(day, certified=certified):
        return state, ()
    because = (Reason(code=_why(owner, day), params={"staff": state.owner}),) if state.owner else ()
    owned, assigned = assign(state, day, reference, *because)
    return owned, assigned


def unfit_from(state: IntakeState, day: date, reference: Reference) -> tuple[AwayWhy, date] | None:
    """Say from when on the owner of an open case may not have it, and why, where the case does not know."""
    if not state.is_open or state.owner is None:
        return None
    owner, certified = _owner(state, reference), _certified(state, day, reference)
    first = day
    if owner is not None and owner.may_own_on(day, certified=certified):
        coming = owner.owns_before(day, certified=certified)
        if coming is None or (state.owned_before is not None and state.owned_before <= coming):
            return None
        first = coming
    code = _why(owner, first)
    return next((why, first) for why, because in _BECAUSE.items() if because is code)


def _why(owner: Negotiator | None, day: date) -> ReasonCode:
    if owner is None or (owner.left is not None and owner.left <= day):
        return ReasonCode.OWNER_LEFT
    return ReasonCode.OWNER_UNCERTIFIED if owner.present_on(day) else ReasonCode.OWNER_ABSENT


def _certified(state: IntakeState, on: date, reference: Reference) -> bool:
    return conduct_in(state, on, reference).assignment.certification_required


def _owner(state: IntakeState, reference: Reference) -> Negotiator | None:
    return reference.roster.get(state.owner) if state.owner is not None else None
