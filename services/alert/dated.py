"""What has a last day of its own beside the case's steps: reminded of once, escalated when it is over. Pure.

Reviews of conversations, requests of the borrower, looks at a breathing space: each is a row of the pack's
timetable, and a case may have several of one kind at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, TypeVar

from services.alert.model import AlertState, Dated
from services.alert.raising import Step
from services.alert.steps import escalate_step, policy_on, remind, workday
from shared.contracts.base import Event
from shared.policy import sections as s
from shared.policy.reference import Reference

__all__ = ["act", "judged_on", "reminder"]

D = TypeVar("D", bound=Dated)


def judged_on(items: Sequence[Dated]) -> date | None:
    """The next day whose close has something to say of one of them."""
    return min((day for one in items if (day := one.next_date) is not None), default=None)


def reminder(state: AlertState, due: date, on: date, reference: Reference) -> date | None:
    """The day on which its owner is reminded, the pack's business days ahead; None where that is over."""
    policy = policy_on(state, on, reference)
    if policy.team.remind_business_days == 0 or due <= on:
        return None
    day = policy.calendar.add_business_days(due, -policy.team.remind_business_days)
    return day if day > on else None


def act(
    state: AlertState,
    items: tuple[D, ...],
    keep: Callable[[tuple[D, ...]], dict[str, Any]],
    *,
    step: str,
    row_of: Callable[[D], s.StepRow | None],
    due: date,
    day: date,
    reference: Reference,
    owner_of: Callable[[D], str | None] = lambda _item: None,
) -> Step:
    """Remind of those whose day is `due`; say which were not done by the end of their last day.

    `keep` gives the changed field of the state. `day` is the one that is closed: later than `due` where the
    case was held. Where the timetable has no row for it, nothing is said. `owner_of`: whose it is, where not
    who owns the case.
    """
    said: tuple[Event, ...] = ()
    for item in items:
        if item.next_date != due:
            continue
        late = due >= item.due
        later = None if late else workday(state, item.due, day, reference)
        if later is not None:
            rests = item.model_copy(update={"remind_on": later})
            items = tuple(rests if one is item else one for one in items)
            state = state.model_copy(update=keep(items))
            continue
        told = item.model_copy(update={"remind_on": None, "overdue": late})
        items = tuple(told if one is item else one for one in items)
        state = state.model_copy(update=keep(items))
        row = row_of(item)
        if row is None:
            continue
        if late:
            state, events = escalate_step(state, row, step, item.due, day, reference, owner_of(item))
        else:
            policy = policy_on(state, day, reference)
            events = (remind(state, row, step, item.due, policy, owner_of(item)),)
        said += tuple(event for event in events if event not in said)  # several of one day are told once
    return state, said
