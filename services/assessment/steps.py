"""The steps of an assessment: ask, complete, expire. Each gives the state after it and what is said. Pure."""

from __future__ import annotations

from datetime import date, timedelta
from hashlib import sha256
from typing import Any

from services.assessment.capacity import capacity_of, capacity_score
from services.assessment.model import AssessmentState, AssessmentStatus, InForce
from services.assessment.rules import ask, hardship_kind, missing_parts, required_parts, willingness
from shared.contracts.assessment import (
    AssessmentCompleted,
    AssessmentExpired,
    InputRefused,
    StatementRequested,
)
from shared.contracts.base import Event, Reason
from shared.contracts.envelope import Envelope
from shared.contracts.ids import derive_id
from shared.contracts.reasons import ReasonCode
from shared.policy.model import PolicyInForce
from shared.policy.reference import Reference

__all__ = ["Step", "ask_afresh", "complete", "expire", "policy_of", "refusal", "resting", "valid"]

Step = tuple[AssessmentState, tuple[Event, ...]]


def refusal(message: Envelope[Any], code: ReasonCode, **params: str) -> InputRefused:
    """Refuse a message with a reason."""
    return InputRefused(cause_id=message.id, cause_type=message.type, reason=Reason(code=code, params=params))


def policy_of(state: AssessmentState, on: date, reference: Reference) -> PolicyInForce:
    """Give the case's pack as in force on a day."""
    return reference.policies.in_force(state.policy, on)


def resting(state: AssessmentState) -> AssessmentStatus:
    """Where nothing is asked: figures are in force, or a plan is."""
    return AssessmentStatus.ASSESSED if state.talks else AssessmentStatus.PLANNED


def valid(state: AssessmentState, on: date) -> bool:
    """Whether an assessment is in force on a day."""
    return state.current is not None and on <= state.current.expires


def ask_afresh(state: AssessmentState, policy: PolicyInForce, on: date, *reasons: Reason) -> Step:
    """Ask for the whole statement anew; what is being asked in full already is not asked twice."""
    wanted = required_parts(policy)
    if state.request is not None and set(state.request.missing) == set(wanted):
        return state.model_copy(update={"talks": True}), ()
    request = ask(wanted, policy, on)
    asked = state.model_copy(
        update={
            "status": AssessmentStatus.ASKED,
            "request": request,
            "talks": True,
            "ask_again": None,
        }
    )
    return asked, (StatementRequested(missing=request.missing, due=request.due, reasons=reasons),)


def complete(state: AssessmentState, policy: PolicyInForce, on: date, *, in_full: bool) -> Step:
    """Work out the assessment on the figures at hand. With `in_full` it answers what was asked.

    What was asked for is always answered with a version; otherwise one follows only where it says anything
    else than the one in force.
    """
    if missing_parts(state.statement, policy):
        return state, ()
    # A part that the pack does not require is welcome, but nothing waits for it to be renewed.
    given = [state.statement.given[name] for name in required_parts(policy)]
    expires = min(given) + timedelta(days=policy.assessment.validity_days)
    if expires < on:
        return ask_afresh(state, policy, on, Reason(code=ReasonCode.STATEMENT_RENEWAL))
    version = state.version + 1
    current = InForce(
        assessment_id=derive_id("assessment", state.case, version), as_of=max(given), expires=expires
    )
    said = _completed(state.model_copy(update={"version": version, "current": current}), policy, on)
    current = current.model_copy(update={"figures": _figures(said)})
    answers_request = in_full and state.request is not None
    if not answers_request and _says_the_same(state.current, current):
        return state, ()
    now = state.model_copy(update={"version": version, "current": current})
    if in_full or now.request is None:
        now = now.model_copy(update={"request": None, "ask_again": None, "status": resting(now)})
    return now, (said,)


def _figures(said: AssessmentCompleted) -> str:
    content = said.model_dump_json(include={"capacity", "dependants", "hardship", "cause"})
    return sha256(content.encode()).hexdigest()[:16]


def _says_the_same(known: InForce | None, new: InForce) -> bool:
    return known is not None and (known.figures, known.expires) == (new.figures, new.expires)


def _completed(state: AssessmentState, policy: PolicyInForce, on: date) -> AssessmentCompleted:
    assert state.current is not None  # noqa: S101 - narrows: set just before
    capacity, why = capacity_of(state, policy)
    score, behaviour = willingness(state)
    hardship = state.hardship
    reasons = [*why, *behaviour]
    if hardship is not None:
        params = {"cause": hardship.cause.value}
        reasons.append(Reason(code=ReasonCode.HARDSHIP_REPORTED, params=params))
    return AssessmentCompleted(
        assessment_id=state.current.assessment_id,
        version=state.version,
        as_of=state.current.as_of,
        expires=state.current.expires,
        capacity=capacity,
        dependants=state.statement.dependants or 0,
        hardship=hardship_kind(hardship, policy, on),
        cause=None if hardship is None else hardship.cause,
        capacity_score=capacity_score(capacity, state.owed, policy),
        willingness_score=score,
        reasons=tuple(reasons),
        policy_version=policy.version,
    )


def expire(state: AssessmentState, as_of: date, policy: PolicyInForce, on: date) -> Step:
    """The figures are too old to offer on: said, and new ones are asked for unless they are already."""
    if state.current is None:
        return state, ()
    said = AssessmentExpired(assessment_id=state.current.assessment_id, as_of=as_of)
    gone = state.model_copy(update={"current": None})
    if gone.request is not None or gone.ask_again is not None:
        return gone, (said,)
    asked, more = ask_afresh(gone, policy, on, Reason(code=ReasonCode.STATEMENT_RENEWAL))
    return asked, (said, *more)
