"""What is to be done next on a case, by whom and by when: begun, reminded of, overdue, done. Pure.

The way of a case is heard from the others: a statement, an assessment, an offer, a signature. A step done in
its time says nothing. While a plan is kept no step is open here: its dates are followup's.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from services.intake.model import IntakeState, OpenStep
from services.intake.rules import conduct_in, policy_of
from shared.contracts.base import Event
from shared.contracts.decision import Decision
from shared.contracts.envelope import Envelope
from shared.contracts.intake_team import StepCaughtUp, StepOverdue, StepReminded
from shared.policy.conduct import Conduct
from shared.policy.reference import Reference
from shared.policy.roster import Hours

__all__ = ["Handler", "act_on_steps", "begin_steps", "goes_to", "move", "resumed", "stage_done"]

Outcome = Decision[IntakeState]
Handler = Callable[[IntakeState | None, Envelope[Any], Reference], Outcome]

_CONTACT = "first_contact"
_STOPPED = "stopped"
_USUAL_HOURS = Hours()  # where a case has no owner yet
# The order in which things happen that carry the same time: what comes earlier on the way was only read late.
_WAY = (
    _CONTACT,
    "statement",
    "assessment",
    "offer",
    "answer",
    "approval",
    "signature",
    "performing",
    "no_plan",
)


def begin_steps(
    state: IntakeState, dates: dict[str, date], at: datetime, reference: Reference
) -> IntakeState:
    """Begin a case: the borrower is contacted and asked for a statement at once, by the published dates."""
    on = state.opened_on or at.date()
    steps = tuple(
        _step(state, name, on, dates[name], reference) for name in (_CONTACT, "statement") if name in dates
    )
    return state.model_copy(update={"steps": steps, "stage": "statement", "stage_at": at})


def goes_to(stage: str, *, only_from: frozenset[str] = frozenset()) -> Handler:
    """Give the handler of messages by which a case comes to a stage; `only_from`: from these stages only."""

    def handle(state: IntakeState | None, message: Envelope[Any], reference: Reference) -> Outcome:
        if state is None or not state.is_open or message.subject != state.case:
            return Decision(state)
        if only_from and state.stage not in only_from:
            return Decision(state)
        moved, said = move(state, stage, message, reference)
        return Decision.of(moved, *said, subject=state.case)

    return handle


def move(
    state: IntakeState, stage: str, message: Envelope[Any], reference: Reference
) -> tuple[IntakeState, tuple[Event, ...]]:
    """Bring a case to a stage, if the message is news: all steps before it are done."""
    if state.stage_at is not None and state.stage is not None:
        place = _WAY.index(stage)
        if (message.time, place) <= (state.stage_at, _WAY.index(state.stage)):
            return state, ()
    row = conduct_in(state, message.day, reference).step(stage)
    steps: tuple[OpenStep, ...] = ()
    if row is not None and stage != "performing":
        begins = max(message.day, _hours(state, reference).first_day(message.time))
        due = conduct_in(state, begins, reference).deadline(begins, row.business_days)
        steps = (_step(state, stage, begins, due, reference),)
    moved = state.model_copy(update={"steps": steps, "stage": stage, "stage_at": message.time})
    return moved, _caught_up(state.steps, (), message.day)


def stage_done(state: IntakeState, names: frozenset[str], on: date) -> tuple[IntakeState, tuple[Event, ...]]:
    """Take steps off without going on to another stage: the borrower was reached, a person has looked."""
    done = tuple(step for step in state.steps if step.name in names)
    if not done:
        return state, ()
    left = tuple(step for step in state.steps if step.name not in names)
    return state.model_copy(update={"steps": left}), _caught_up(done, left, on)


def act_on_steps(state: IntakeState, on: date, reference: Reference) -> tuple[IntakeState, tuple[Event, ...]]:
    """Remind of what is due soon; say what was not done by the end of its last day.

    Of a case all of whose debts are stopped nothing is asked but to see, time and again, whether they still
    are; its step begins anew when they are not.
    """
    if _all_stopped(state):
        return _rest(state, on, reference)
    conduct, steps = conduct_in(state, on, reference), []
    said: tuple[Event, ...] = ()
    for step in state.steps:
        if step.next_date != on:
            steps.append(step)
            continue
        told, event = _tell(step, state.owner, on, conduct)
        steps.append(told)
        said += event
    return state.model_copy(update={"steps": tuple(steps)}), said


def resumed(before: IntakeState | None, after: IntakeState, day: date, reference: Reference) -> IntakeState:
    """Keep a date for a case all of whose debts are stopped; begin its step anew when they no longer are."""
    if before is None or after.plan is not None or after.stage in {None, "performing"}:
        return after
    if _all_stopped(after):
        return after if after.steps else _rest(after, day, reference)[0]
    left = tuple(step for step in after.steps if step.name != _STOPPED)
    if left or not _all_stopped(before):
        return after
    conduct = conduct_in(after, day, reference)
    row = conduct.step(after.stage or "")
    if row is None:
        return after.model_copy(update={"steps": ()})
    due = conduct.deadline(day, row.business_days)
    return after.model_copy(update={"steps": (_step(after, row.state, day, due, reference),)})


def _rest(state: IntakeState, on: date, reference: Reference) -> tuple[IntakeState, tuple[Event, ...]]:
    """Set the next date on which the owner sees whether the stop goes on, and remind of one that has come."""
    conduct = conduct_in(state, on, reference)
    row = conduct.step(_STOPPED)
    if row is None:
        return state.model_copy(update={"steps": ()}), ()
    said = tuple(
        StepReminded(
            step=_STOPPED, action=row.action, owner_role=row.owner_role, owner=state.owner, due=step.due
        )
        for step in state.steps
        if step.name == _STOPPED and step.due <= on
    )
    due = conduct.deadline(on, row.business_days)
    return state.model_copy(update={"steps": (OpenStep(name=_STOPPED, due=due),)}), said


def _all_stopped(state: IntakeState) -> bool:
    return all(state.stopped(debt) is not None for debt in state.of_case if state.keeps_open(debt))


def _tell(
    step: OpenStep, owner: str | None, on: date, conduct: Conduct
) -> tuple[OpenStep, tuple[Event, ...]]:
    row = conduct.step(step.name)
    late = on >= step.due
    told = step.model_copy(update={"remind_on": None, "overdue": late})
    if row is None:
        return told, ()
    who = {"step": step.name, "action": row.action, "owner_role": row.owner_role, "owner": owner}
    if late:
        return told, (StepOverdue(**who, due=step.due, escalate_to=row.escalate_to),)
    return told, (StepReminded(**who, due=step.due),)


def _caught_up(done: tuple[OpenStep, ...], left: tuple[OpenStep, ...], on: date) -> tuple[Event, ...]:
    still = sum(step.overdue for step in left)
    return tuple(
        StepCaughtUp(step=step.name, due=step.due, as_of=on, still_overdue=still)
        for step in done
        if step.overdue
    )


def _hours(state: IntakeState, reference: Reference) -> Hours:
    owner = reference.roster.get(state.owner) if state.owner is not None else None
    return owner.hours if owner is not None else _USUAL_HOURS


def _step(state: IntakeState, name: str, begins: date, due: date, reference: Reference) -> OpenStep:
    return OpenStep(name=name, due=due, remind_on=_reminder(state, begins, due, reference))


def _reminder(state: IntakeState, begins: date, due: date, reference: Reference) -> date | None:
    """Give the day of the reminder, one on which the owner works; None for short steps."""
    policy = policy_of(state, begins, reference)
    if policy.team.remind_business_days == 0:
        return None
    day, hours = (
        policy.calendar.add_business_days(due, -policy.team.remind_business_days),
        _hours(state, reference),
    )
    while day > begins and not hours.works_on(day):
        day -= timedelta(days=1)
    return day if day > begins else None
