"""The review of the whole mechanism of a pack: due again so many months after the last one (R70). Pure.

It is about no case, so it has a document of its own, under a key that is no customer's. The first review that
is recorded begins it. When its months are over, the owner of the step hears of it; not recorded by its last
day, it is overdue and an alert is raised, which escalates like every other until a review is recorded.
"""

from __future__ import annotations

from datetime import date

from services.alert.model import AlertState, AlertStatus, MechanismReview
from services.alert.raising import Step, raise_alert, resolve
from services.alert.steps import remind
from shared.contracts.alert import AlertKind, InputRefused
from shared.contracts.alert_steps import MechanismReviewNoted, StepCaughtUp, StepOverdue
from shared.contracts.base import Event, Reason
from shared.contracts.decision import Decision
from shared.contracts.desk_mechanism import MechanismReviewed
from shared.contracts.envelope import Envelope
from shared.contracts.reasons import ReasonCode
from shared.lending.calendar import add_months
from shared.policy.model import PolicyInForce
from shared.policy.reference import Reference

__all__ = ["act", "judged_on", "reviewed"]

_STEP = "mechanism_review"  # its row in the pack's timetable


def reviewed(
    state: AlertState | None, message: Envelope[MechanismReviewed], reference: Reference
) -> Decision[AlertState]:
    """Put a review on file, by a role that it is for; what was overdue is caught up, and the months begin."""
    data, on = message.data, message.day
    refused = _refused(state, message, reference)
    if refused is not None:
        reason = Reason(code=refused)
        return Decision.of(state, InputRefused(cause_id=message.id, cause_type=message.type, reason=reason))
    policy = reference.policies.in_force(data.pack, on)
    begins, due = _next(on, policy)
    now = state or AlertState(case=message.case, status=AlertStatus.WATCHING, policy=data.pack)
    before = now.mechanism
    said: tuple[Event, ...] = ()
    if before is not None and before.overdue:
        now, said = resolve(now, AlertKind.MECHANISM_UNREVIEWED, on, ReasonCode.STEP_DONE)
        said = (StepCaughtUp(step=_STEP, due=before.due, as_of=on), *said)
    remind_on = _workday(begins, policy)
    next_ = MechanismReview(reviewed_on=on, due=due, remind_on=remind_on if remind_on < due else None)
    noted = MechanismReviewNoted(
        pack=data.pack,
        on=on,
        reviewer=data.reviewer,
        role=data.role,
        decided=data.decided,
        policy_version=policy.version,
        next_review=begins,
        due=due,
    )
    return Decision.of(now.model_copy(update={"mechanism": next_}), noted, *said)


def _refused(
    state: AlertState | None, message: Envelope[MechanismReviewed], reference: Reference
) -> ReasonCode | None:
    data = message.data
    if data.pack not in reference.policies:
        return ReasonCode.UNKNOWN_PRODUCT
    if state is not None and (state.mechanism is None or state.policy != data.pack):
        return ReasonCode.UNKNOWN_PRODUCT  # a borrower's case, or another pack's mechanism
    if state is not None and state.mechanism is not None and message.day < state.mechanism.reviewed_on:
        return ReasonCode.STALE_FACT
    row = reference.policies.in_force(data.pack, message.day).step(_STEP)
    if row is not None and data.role not in {row.owner_role, row.escalate_to}:
        return ReasonCode.NOT_ALLOWED_TO
    return None


def _next(on: date, policy: PolicyInForce) -> tuple[date, date]:
    """Give from when to when the next one is due."""
    row = policy.step(_STEP)
    try:
        begins = add_months(on, policy.alert.mechanism_review_months)
        return begins, policy.deadline(begins, row.business_days if row is not None else 0)
    except (OverflowError, ValueError):  # past the last date there is
        return date.max, date.max


def _workday(day: date, policy: PolicyInForce) -> date:
    try:
        return policy.calendar.next_business_day(day)
    except (OverflowError, ValueError):  # past the last date there is
        return day


def judged_on(state: AlertState) -> date | None:
    """The next day whose close has something to say of a review."""
    return None if state.mechanism is None else state.mechanism.next_date


def act(state: AlertState, due: date, day: date, policy: PolicyInForce) -> Step:
    """Say at the close of `day` that a review is due from `due` on, or that it was not held by then."""
    item = state.mechanism
    assert item is not None  # noqa: S101 - narrows: `judged_on` has looked
    late = due >= item.due
    told = item.model_copy(update={"remind_on": None, "overdue": late})
    state, row = state.model_copy(update={"mechanism": told}), policy.step(_STEP)
    if row is None:
        return state, ()
    if not late:
        return state, (remind(state, row, _STEP, item.due, policy),)
    overdue = StepOverdue(
        step=_STEP, action=row.action, owner_role=row.owner_role, due=item.due, escalate_to=row.escalate_to
    )
    reason = Reason(code=ReasonCode.STEP_OVERDUE, params={"step": _STEP, "due": item.due.isoformat()})
    kind, cause = AlertKind.MECHANISM_UNREVIEWED, item.due.isoformat()
    state, raised = raise_alert(state, kind, state.policy, day, policy, reason, cause=cause)
    return state, (overdue, *raised)
