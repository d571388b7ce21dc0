"""The steps of an assessment: ask, complete, expire. Each gives the state after it and what is said. Pure."""

from __future__ import annotations

from datetime import date, timedelta
from hashlib import sha256
from typing import Any

from services.assessment.behaviour import as_of_morning
from services.assessment.care import more_days, questions_for
from services.assessment.model import AssessmentState, AssessmentStatus, InForce, Wanted
from services.assessment.outlook import dates_of_change
from services.assessment.report import report_of
from services.assessment.rules import ask, missing_parts, required_parts
from shared.contracts.assessment import (
    AssessmentCompleted,
    AssessmentExpired,
    InputRefused,
    OpenPoint,
    StatementRequested,
)
from shared.contracts.base import Event, Reason
from shared.contracts.envelope import Envelope
from shared.contracts.ids import derive_id
from shared.contracts.reasons import ReasonCode
from shared.policy.model import PolicyInForce
from shared.policy.reference import Reference

__all__ = ["Step", "ask_afresh", "complete", "expire", "policy_of", "refusal", "renew", "resting", "valid"]

Step = tuple[AssessmentState, tuple[Event, ...]]

# What makes a version say something else than the one before: the household and how it is treated. Days are
# left out that move with every day, and behaviour, which changes no figure.
_SAYS: Any = {
    "capacity": True,
    "dependants": True,
    "hardship": True,
    "cause": True,
    "onset": True,
    "projection": {"__all__": {"residual", "residual_stress", "available", "available_stress"}},
    "wilful": True,
    "vulnerabilities": True,
    "doubts": True,
    "overrides": True,
}


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
    if state.halted_on is not None:  # asked when the halt is over
        return state.model_copy(update={"talks": True, "request": None, "ask_again": on}), ()
    if state.request is not None and set(state.request.missing) == set(wanted):
        return state.model_copy(update={"talks": True}), ()
    request = ask(wanted, policy, on, more_days(state, policy))
    asked = state.model_copy(
        update={
            "status": AssessmentStatus.ASKED,
            "request": request,
            "talks": True,
            "ask_again": None,
            "wanted": None,  # the whole statement is asked for: one question at a time
            "no_plan": False,
        }
    )
    said = StatementRequested(
        missing=request.missing,
        due=request.due,
        reasons=reasons,
        questions=questions_for(asked, policy),
    )
    return asked, (said,)


def complete(state: AssessmentState, policy: PolicyInForce, on: date, *, in_full: bool) -> Step:
    """Work out the assessment on the figures at hand. With `in_full` it answers a statement.

    A statement is always answered with a version, so that nobody who sends one meets silence; otherwise one
    follows only where it says anything else than the one in force.
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
    known = as_of_morning(state, on).model_copy(update={"version": version})
    said = report_of(known, current, policy, on)
    said = said.model_copy(update={"answers_statement": in_full})
    # What a person had set beside a computed value falls with it: it was about other figures.
    wanted = _wanted(state.wanted, said.open_points, policy, on)
    state = state.model_copy(update={"overrides": said.overrides, "wanted": wanted})
    changes = dates_of_change(state, on, expires)
    digest = {"figures": _figures(said), "renew_on": changes[0] if changes else None}
    current = current.model_copy(update=digest)
    if not in_full and state.current is not None and _says_the_same(state.current, current):
        same = state.current.model_copy(update={"renew_on": current.renew_on})
        return state.model_copy(update={"current": same}), ()
    now = state.model_copy(update={"version": version, "current": current})
    if in_full or now.request is None:
        now = now.model_copy(update={"request": None, "ask_again": None, "status": resting(now)})
    return now, (said,)


def _wanted(
    known: Wanted | None, points: tuple[OpenPoint, ...], policy: PolicyInForce, on: date
) -> Wanted | None:
    """Remind of open points from the day they are known; what is reminded of already keeps its days."""
    if not points:
        return None
    needs = {(point.item, point.need) for point in points}
    if known is not None and needs <= {(point.item, point.need) for point in known.points}:
        return known.model_copy(update={"points": points})
    due = points[0].due
    days = sorted({policy.deadline(on, after) for after in policy.assessment.open_reminders_business_days})
    before = tuple(day for day in days if on < day < due)
    return Wanted(points=points, due=due, reminders=before, asked_on=on)


def _figures(said: AssessmentCompleted) -> str:
    content = said.model_dump_json(include=_SAYS)
    return sha256(content.encode()).hexdigest()[:16]


def _says_the_same(known: InForce, new: InForce) -> bool:
    return (known.figures, known.expires) == (new.figures, new.expires)


def renew(state: AssessmentState, current: InForce, policy: PolicyInForce, on: date) -> Step:
    """A change that was known takes effect: the figures are worked out again, and nobody is asked."""
    gone = current.model_copy(update={"renew_on": None})
    return complete(state.model_copy(update={"current": gone}), policy, on, in_full=False)


def expire(state: AssessmentState, as_of: date, policy: PolicyInForce, on: date) -> Step:
    """The figures are too old to offer on: said, and new ones are asked for unless they are already."""
    if state.current is None:
        return state, ()
    said = AssessmentExpired(assessment_id=state.current.assessment_id, as_of=as_of)
    gone = state.model_copy(update={"current": None, "wanted": None})
    if gone.live and gone.no_plan and gone.request is None:
        # No other plan was found, so the one in force goes on, and nothing needs the figures any more.
        over = {"talks": False, "no_plan": False, "status": AssessmentStatus.PLANNED, "ask_again": None}
        return gone.model_copy(update=over), (said,)
    if gone.request is not None or gone.ask_again is not None:
        return gone, (said,)
    asked, more = ask_afresh(gone, policy, on, Reason(code=ReasonCode.STATEMENT_RENEWAL))
    return asked, (said, *more)
