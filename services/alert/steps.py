"""What is to be done next on a case, by whom and by when: begun, reminded of, overdue, done. Pure.

What leads a case on (a statement, an assessment, an offer, a signature) comes by several topics in any order.
It is only noted when it comes, and judged in the order of business time when its day is closed: this service
waits for all of them, so everything that was said of the day is known then. A step done in its time says
nothing. While a plan is kept no step is open: its dates are followup's.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from services.alert.model import AlertState, OpenStep, Turn
from services.alert.raising import Step, raise_step, resolve
from shared.contracts import agreement, assessment, desk, followup, followup_care, intake, intake_team, offer
from shared.contracts.alert import AlertKind
from shared.contracts.alert_steps import StepCaughtUp, StepOverdue, StepReminded
from shared.contracts.base import Event
from shared.contracts.envelope import Envelope
from shared.contracts.reasons import ReasonCode
from shared.policy import sections as s
from shared.policy.conduct import Conduct, conduct_of
from shared.policy.model import PolicyInForce
from shared.policy.reference import Reference
from shared.policy.roster import Hours

__all__ = [
    "LEADS_ON",
    "begun",
    "conduct_on",
    "escalate_step",
    "judge",
    "judged_on",
    "known_packs",
    "note",
    "policy_on",
    "remind",
    "workday",
]

_CONTACT = "first_contact"
_STOPPED = "stopped"
_AT_ONCE = frozenset({_CONTACT, "statement"})  # begin with the case
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
# What leads on from some stages only: from which, and to which. None: nothing is known of the case yet.
_ONLY_FROM: dict[str, tuple[frozenset[str | None] | None, str]] = {
    "stated": (frozenset({"statement", "no_plan", None}), "assessment"),
    # Where there was no plan, offer says what new figures come to, and nothing where they are no news.
    "assessed": (frozenset({"statement", "assessment", None}), "offer"),
}
# What waits for the close of its day: far above what a day brings; of more the oldest goes first.
_TURNS_KEPT = 100
_REACHED, _TALKED, _STOPS = "reached", "talked", "stops"
_ENDS = {
    "stated": frozenset({_CONTACT}),
    _REACHED: frozenset({_CONTACT}),
    _TALKED: frozenset({_CONTACT, "no_plan"}),
}


def _after_end(data: agreement.AgreementEnded) -> str | None:
    """One that another takes the place of ends nothing; one that an earlier one returns from goes on."""
    if data.returns_to is not None:
        return "performing"
    return None if data.reason.code is ReasonCode.PLAN_SUPERSEDED else "no_plan"


_TURNS: dict[type[Event], Callable[[Any], str | None]] = {
    desk.StatementSubmitted: lambda _: "stated",
    assessment.AssessmentCompleted: lambda _: "assessed",
    offer.OfferTabled: lambda _: "answer",
    # A counter-offer was heard, and is answered: it is the borrower's turn again.
    offer.OfferRevised: lambda _: "answer",
    offer.ApprovalRequested: lambda _: "approval",
    offer.OfferAgreed: lambda _: "signature",
    offer.OfferLapsed: lambda _: "offer",
    offer.NoPlanFound: lambda _: "no_plan",
    offer.TalksFailed: lambda _: "no_plan",
    agreement.AgreementReturned: lambda _: "offer",
    agreement.AgreementSigned: lambda _: "performing",
    agreement.AgreementEnded: _after_end,
    # Agreement hears of it by a topic that flows back, and says the same of the same moment.
    followup.PlanBroken: lambda _: "no_plan",
    # With everything paid intake closes the case; where debts are left beside the plan, they need a date.
    followup.PlanCompleted: lambda _: "no_plan",
    followup_care.PlanReopened: lambda _: "performing",
    followup.RenegotiationRequested: lambda _: "statement",
    intake.StopsChanged: lambda _: _STOPS,
}

LEADS_ON: frozenset[type[Event]] = frozenset({*_TURNS, intake_team.ConductChanged, intake.CaseAssigned})
"""The messages that say where a case stands, besides its opening and contacts."""


# --- taking note


def begun(state: AlertState, message: Envelope[intake.CaseOpened], reference: Reference) -> AlertState:
    """Begin a case: the borrower is contacted and asked for a statement at once, by the published dates."""
    data = message.data
    opened = state.model_copy(update={"packs": data.conduct})
    steps = tuple(
        _step(opened, step.name, data.opened_on, step.due, reference)
        for step in data.timetable
        if step.name in _AT_ONCE
    )
    if not steps:
        return opened
    return opened.model_copy(update={"steps": steps, "stage": "statement", "stage_at": message.time})


def note(state: AlertState, message: Envelope[Any], reference: Reference) -> AlertState:
    """Note what leads a case on, for the close of its day; who owns it, and whose rules hold, at once."""
    data = message.data
    if isinstance(data, intake_team.ConductChanged):
        return state.model_copy(update={"packs": data.packs})
    if isinstance(data, intake.CaseAssigned):
        return _with_reminders(state, reference)
    if isinstance(data, desk.ContactRecorded):
        return state if data.with_another else _contact(state, message)
    if isinstance(data, intake.StopsChanged) and (_needs_no_step(state) or state.halted == _rests(state)):
        return state  # whatever else the day brings sees what is halted, too
    find = _TURNS.get(type(data))
    what = None if find is None else find(data)
    return state if what is None else _noted(state, what, message)


def _noted(state: AlertState, what: str, message: Envelope[Any]) -> AlertState:
    turn = Turn(what=what, at=message.time, on=message.day)
    if turn in state.turns:
        return state
    return state.model_copy(update={"turns": (*state.turns, turn)[-_TURNS_KEPT:]})


def _contact(state: AlertState, message: Envelope[desk.ContactRecorded]) -> AlertState:
    """An attempt is the first contact; a talk is what a case without a plan needs.

    A step that is not late yet is taken off without another word. Whether it is late is known since the close
    of an earlier day, so it does not matter what else of this day has come. What is said ahead of the days
    that are closed waits for its own.
    """
    talked = message.data.outcome is desk.ContactOutcome.TALKED
    if talked and (state.talked_at is None or message.time > state.talked_at):
        state = state.model_copy(update={"talked_at": message.time})
    late = [step for step in state.steps if step.overdue or step.due < message.day]
    if any(step.name in _ENDS[_TALKED if talked else _REACHED] for step in late):
        return _noted(state, _TALKED if talked else _REACHED, message)
    ends = {_CONTACT}
    if talked and state.stage == "no_plan" and state.stage_at is not None and message.time > state.stage_at:
        ends.add("no_plan")
    left = tuple(step for step in state.steps if step.name not in ends)
    return state if left == state.steps else state.model_copy(update={"steps": left})


# --- judging


def judged_on(state: AlertState) -> date | None:
    """The next day whose close has something to judge: what was noted of it, or a step's date."""
    days = [turn.on for turn in state.turns]
    days += [step.next_date for step in state.steps if step.next_date is not None]
    return min(days, default=None)


def judge(state: AlertState, due: date, day: date, reference: Reference) -> Step:
    """Follow the case through what was noted of `due`, then remind of steps and say what is overdue.

    `day` is the one that is closed: later than `due` where the case was held.
    """
    before = state.steps
    turns = [turn for turn in state.turns if turn.on <= due]
    state = state.model_copy(update={"turns": tuple(turn for turn in state.turns if turn.on > due)})
    said: tuple[Event, ...] = ()
    for turn in sorted(turns, key=lambda turn: (turn.at, _place(turn.what), turn.what)):
        state, events = _taken(state, turn, reference)
        said += events
    state, events = _halted_or_not(state, due, reference)
    said += events
    if state.steps != before:
        state, events = _cured(state, due)
        said += events
    for step in state.steps:
        if step.next_date is not None and step.next_date <= due:
            state, events = _tell(state, step, due, day, reference)
            said += events
    return state, said


def _place(what: str) -> int:
    stage = _ONLY_FROM[what][1] if what in _ONLY_FROM else what
    return _WAY.index(stage) if stage in _WAY else len(_WAY)


def _taken(state: AlertState, turn: Turn, reference: Reference) -> Step:
    """Take one turn: steps that it ends are done, and the next one begins."""
    state, said = _done(state, _ENDS.get(turn.what, frozenset()), turn.on)
    only_from, stage = _ONLY_FROM.get(turn.what, (None, turn.what))
    if stage not in _WAY or (only_from is not None and state.stage not in only_from):
        return state, said
    if not _is_news(state, turn, stage):
        return state, said
    state, more = _done(state, frozenset(step.name for step in state.steps) - {_STOPPED}, turn.on)
    state = state.model_copy(update={"stage": stage, "stage_at": turn.at})
    talked_since = state.talked_at is not None and state.talked_at > turn.at
    if stage == "no_plan" and talked_since:
        return state, said + more
    if _rests(state) and stage != "performing":
        return state, said + more
    begins = max(turn.on, _first_day(_hours(state, reference), turn))
    return state.model_copy(update={"steps": _next_step(state, begins, reference)}), said + more


def _is_news(state: AlertState, turn: Turn, stage: str) -> bool:
    if state.stage is None or state.stage_at is None:
        return True
    return (turn.at, _WAY.index(stage)) > (state.stage_at, _WAY.index(state.stage))


def _next_step(state: AlertState, begins: date, reference: Reference) -> tuple[OpenStep, ...]:
    conduct = conduct_on(state, begins, reference)
    row = conduct.step(state.stage or "")
    if row is None or state.stage == "performing":
        return ()
    due = _deadline(conduct, begins, row.business_days)
    return (_step(state, row.state, begins, due, reference),)


def _done(state: AlertState, names: frozenset[str], on: date) -> Step:
    done = [step for step in state.steps if step.name in names]
    if not done:
        return state, ()
    left = tuple(step for step in state.steps if step.name not in names)
    now = state.model_copy(update={"steps": left})
    said = tuple(
        StepCaughtUp(step=step.name, due=step.due, as_of=on, still_overdue=now.late)
        for step in done
        if step.overdue
    )
    return now, said


def _cured(state: AlertState, on: date) -> Step:
    """The alert ends with the last step that was overdue."""
    if state.late:
        return state, ()
    code = ReasonCode.DEBT_STOPPED if _rests(state) else ReasonCode.STEP_DONE
    return resolve(state, AlertKind.STEP_OVERDUE, on, code)


def _halted_or_not(state: AlertState, on: date, reference: Reference) -> Step:
    """Of a case all of whose debts are stopped nothing is asked but to see whether they still are.

    Its step begins anew when they are not.
    """
    if _needs_no_step(state):
        return state, ()
    if state.halted and not _rests(state):
        state, said = _done(state, frozenset(step.name for step in state.steps), on)
        return _rest(state, on, reference), said
    if not state.halted and _rests(state):
        return state.model_copy(update={"steps": _next_step(state, on, reference)}), ()
    return state, ()


def _needs_no_step(state: AlertState) -> bool:
    """Whether no step is looked for: nothing is known of the case yet, or its plan is kept."""
    return state.stage in {None, "performing"}


def _rests(state: AlertState) -> bool:
    return any(step.name == _STOPPED for step in state.steps)


def _rest(state: AlertState, on: date, reference: Reference) -> AlertState:
    """Set the next date on which the owner sees whether the stop goes on."""
    conduct = conduct_on(state, on, reference)
    row = conduct.step(_STOPPED)
    steps: tuple[OpenStep, ...] = ()
    if row is not None:
        steps = (OpenStep(name=_STOPPED, begun=on, due=_deadline(conduct, on, row.business_days)),)
    return state.model_copy(update={"steps": steps})


def _tell(state: AlertState, step: OpenStep, on: date, day: date, reference: Reference) -> Step:
    row = conduct_on(state, on, reference).step(step.name)
    late = on >= step.due
    later = None if late else workday(state, step.due, day, reference)
    if later is not None:
        rested = step.model_copy(update={"remind_on": later})
        kept = tuple(rested if other is step else other for other in state.steps)
        return state.model_copy(update={"steps": kept}), ()
    if step.name == _STOPPED:
        told = _rest(state, on, reference)
    else:
        said = step.model_copy(update={"remind_on": None, "reminded": True, "overdue": late})
        told = state.model_copy(
            update={"steps": tuple(said if other is step else other for other in state.steps)}
        )
    if row is None:
        return told, ()
    if not late or step.name == _STOPPED:
        return told, (remind(state, row, step.name, step.due, policy_on(state, day, reference)),)
    return escalate_step(told, row, step.name, step.due, day, reference)


def remind(
    state: AlertState,
    row: s.StepRow,
    name: str,
    due: date,
    policy: PolicyInForce,
    owner: str | None = None,
) -> StepReminded:
    """Say that a step is due soon, and whose it is; where not who owns the case, `owner` says."""
    who = owner or _owner(state, row, policy)
    return StepReminded(step=name, action=row.action, owner_role=row.owner_role, owner=who, due=due)


def _owner(state: AlertState, row: s.StepRow, policy: PolicyInForce) -> str | None:
    """Give who owns the case, where the step is theirs: what a supervisor or operations does is not."""
    return state.owner if row.owner_role == policy.waiver.authority[0].role else None


def escalate_step(
    state: AlertState,
    row: s.StepRow,
    name: str,
    due: date,
    day: date,
    reference: Reference,
    owner: str | None = None,
) -> Step:
    """Say at the close of `day` that a step was not done by its last day, and raise the alert."""
    who, policy = owner or state.owner, policy_on(state, day, reference)
    overdue = StepOverdue(
        step=name,
        action=row.action,
        owner_role=row.owner_role,
        owner=owner or _owner(state, row, policy),
        due=due,
        escalate_to=row.escalate_to,
    )
    now, raised = raise_step(state, name, due, day, policy, who)
    return now, (overdue, *raised)


# --- dates


def _step(state: AlertState, name: str, begins: date, due: date, reference: Reference) -> OpenStep:
    step = OpenStep(name=name, begun=begins, due=due)
    return step.model_copy(update={"remind_on": _reminder(state, step, reference)})


def _with_reminders(state: AlertState, reference: Reference) -> AlertState:
    """Another owner works on other days."""
    steps = tuple(
        step
        if step.reminded or step.overdue or step.name == _STOPPED
        else step.model_copy(update={"remind_on": _reminder(state, step, reference)})
        for step in state.steps
    )
    return state.model_copy(update={"steps": steps})


def _reminder(state: AlertState, step: OpenStep, reference: Reference) -> date | None:
    """Give the day of the reminder, a business day, if possible one of the owner's; None for short steps."""
    policy = policy_on(state, step.begun, reference)
    if policy.team.remind_business_days == 0:
        return None
    latest = policy.calendar.add_business_days(step.due, -policy.team.remind_business_days)
    hours, day = _hours(state, reference), latest
    while day > step.begun and not hours.works_on(day):
        day = policy.calendar.add_business_days(day, -1)
    return next((on for on in (day, latest) if on > step.begun), None)


def workday(state: AlertState, due: date, day: date, reference: Reference) -> date | None:
    """Give the day of a reminder that came to nothing until a `day` on which nobody works; None: it is `day`.

    A case that was held, or a word of a stop, may end on such a day. Of the days after it, and before the
    step's own, the first is taken on which the owner works, else the first business day.
    """
    calendar, hours = policy_on(state, day, reference).calendar, _hours(state, reference)
    if calendar.is_business_day(day):
        return None
    days, on = [], calendar.next_business_day(day)
    while on < due:
        days.append(on)
        on = calendar.add_business_days(on, 1)
    return next((on for on in days if hours.works_on(on)), days[0] if days else None)


def _deadline(conduct: Conduct, begins: date, business_days: int) -> date:
    try:
        return conduct.deadline(begins, business_days)
    except (OverflowError, ValueError):  # past the last date there is
        return date.max


def _first_day(hours: Hours, turn: Turn) -> date:
    try:
        return hours.first_day(turn.at)
    except (OverflowError, ValueError):
        return turn.on


def _hours(state: AlertState, reference: Reference) -> Hours:
    owner = reference.roster.get(state.owner) if state.owner is not None else None
    return owner.hours if owner is not None else _USUAL_HOURS


def policy_on(state: AlertState, on: date, reference: Reference) -> PolicyInForce:
    """Give the case's own pack, as in force on a day."""
    return reference.policies.in_force(state.policy, on)


def conduct_on(state: AlertState, on: date, reference: Reference) -> Conduct:
    """Give the strictest conduct of the packs in the case, as in force on a day (R13)."""
    return conduct_of([reference.policies.in_force(pack, on) for pack in known_packs(state, reference)])


def known_packs(state: AlertState, reference: Reference) -> list[str]:
    """Give the packs whose conduct the case keeps."""
    return [pack for pack in state.packs if pack in reference.policies] or [state.policy]
