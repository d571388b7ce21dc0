"""A borrower with whom whoever owns the case has no language in common: a supervisor is asked. Pure.

Intake gives the case to somebody who speaks it, where there is anybody; where not, it stays with whom it was.
A wish comes by one topic and the change of hands by another, so that it is looked at when the day is closed.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from services.alert.model import AlertState
from services.alert.raising import Step, raise_alert, resolve
from services.alert.steps import policy_on
from shared.contracts import desk, intake
from shared.contracts.alert import AlertKind
from shared.contracts.base import Reason
from shared.contracts.envelope import Envelope
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import Reference

__all__ = ["act", "judged_on", "note"]


def note(state: AlertState, message: Envelope[Any], _: Reference) -> Step:
    """Note the borrower's language, and that it is to be looked at who owns the case."""
    data = message.data
    if isinstance(data, intake.CaseOpened):
        return state.model_copy(update={"language": data.language}), ()
    if isinstance(data, desk.PreferencesSet) and data.language not in {None, state.language}:
        state = state.model_copy(update={"language": data.language})
    elif not isinstance(data, intake.CaseAssigned):
        return state, ()
    return state.model_copy(update={"spoken_with_on": message.day}), ()


def judged_on(state: AlertState) -> date | None:
    """The day whose close looks whether the owner speaks the borrower's language."""
    return state.spoken_with_on


def act(state: AlertState, day: date, reference: Reference) -> Step:
    """Raise it where they do not, or nobody owns the case. Of who is on no roster nobody knows."""
    due, language = state.spoken_with_on, state.language
    assert due is not None  # noqa: S101 - narrows: `judged_on` has looked
    state = state.model_copy(update={"spoken_with_on": None})
    owner = reference.roster.get(state.owner) if state.owner is not None else None
    if language is None or (owner is None and state.owner is not None):
        return state, ()
    if owner is not None and language in owner.languages:
        return resolve(state, AlertKind.LANGUAGE_UNSPOKEN, day, ReasonCode.OWNER_FITS_LANGUAGE)
    reason = Reason(code=ReasonCode.LANGUAGE_UNSPOKEN, params={"language": language})
    policy, cause = policy_on(state, day, reference), f"{language}/{due.isoformat()}"
    return raise_alert(state, AlertKind.LANGUAGE_UNSPOKEN, language, day, policy, reason, cause=cause)
