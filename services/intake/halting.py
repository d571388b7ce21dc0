"""What the packs' tables of stop events come to for a case: what ends by date, and what is halted. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from datetime import date, timedelta

from services.intake.books import Debt
from services.intake.model import IntakeState, Stop
from shared.contracts.parties import CaseHalt, ObligorRole
from shared.lending.calendar import add_months
from shared.policy.reference import Reference
from shared.policy.sections_conduct import StopRule

__all__ = [
    "all_joint",
    "dated",
    "days_without_interest",
    "halt_of",
    "is_in",
    "over_on",
    "past_halts",
    "rules_of",
    "too_soon",
    "with_joint",
]


def dated(state: IntakeState, day: date, reference: Reference) -> IntakeState:
    """Give each stop its last day, where the pack lets it end by date; one that is long over has ended."""
    if not any(stop.ended_on is None and stop.ends_on is None for stop in state.stops):
        return state
    stops = tuple(_dated(state, stop, day, reference) for stop in state.stops)
    return state if stops == state.stops else state.model_copy(update={"stops": stops})


def too_soon(state: IntakeState, stop: Stop, reference: Reference) -> date | None:
    """Give the first day on which a stop may begin that comes too soon after another of its kind, or None.

    Months count from beginning to beginning, for each person; the most lenient of the packs decides.
    """
    rules = rules_of(stop, list(state.of_case), stop.since, reference)
    months = min((rule.once_in_months for rule in rules), default=0)
    before = [
        other.since
        for other in state.stops
        if (other.cause, other.party_id) == (stop.cause, stop.party_id)
        and (other.stop_id != stop.stop_id or other.ended_on is not None)
        and other.since <= stop.since
        # One that had ended before it began was a mistake: nobody has had it.
        and (other.ended_on is None or other.ended_on >= other.since)
    ]
    if not months or not before:
        return None
    try:
        again = add_months(max(before), months)
    except (OverflowError, ValueError):
        return date.max
    return again if stop.since < again else None


def over_on(state: IntakeState, day: date) -> IntakeState:
    """End the stops whose last day this is."""
    stops = tuple(
        stop.model_copy(update={"ended_on": day})
        if stop.ended_on is None and stop.ends_on is not None and stop.ends_on <= day
        else stop
        for stop in state.stops
    )
    return state.model_copy(update={"stops": stops})


def halt_of(state: IntakeState, day: date, reference: Reference) -> CaseHalt | None:
    """Give what is halted, where no debt of the case is free of the customer's own stops; None otherwise.

    A case in which nothing is left but debts that were sold with their plan is halted by the row of the sale.
    """
    running = [stop for stop in state.stops if stop.ended_on is None]
    ours = [debt for debt in state.of_case if debt.is_active]
    own = [[stop for stop in running if stop.stops_debt(debt.debt_id)] for debt in ours]
    about = [
        [rule for stop in stops for rule in rules_of(stop, [debt], day, reference)]
        for debt, stops in zip(ours, own, strict=True)
    ]
    if not ours:
        sold = {debt.policy for debt in state.of_case if state.keeps_open(debt)}
        packs = sorted(sold.intersection(reference.policies.pack_ids))
        about = [[reference.policies.in_force(pack, day).stop_events.sold] for pack in packs]
    if not about or not all(about):
        return None
    since = [min(stop.since for stop in stops) for stops in own]
    silent = [set[str](rule.may_contact) for of in about for rule in of if "contact" in rule.stops]
    return CaseHalt(
        stops=_in_all([{what for rule in of for what in rule.stops} for of in about]),
        may_contact=_in_all(silent),
        offers=any(all(rule.offers for rule in of) for of in about),
        plan_stands=all(rule.plan_stands for of in about for rule in of),
        since=max(since, default=None),
    )


def past_halts(state: IntakeState, day: date, reference: Reference) -> tuple[CaseHalt, ...]:
    """Give what all stops together have halted up to the end of one of them; none of them in another."""
    stops = [stop for stop in state.stops if stop.ended_on is None or stop.ended_on >= stop.since]
    found: list[CaseHalt] = []
    for last in sorted({stop.ended_on for stop in stops if stop.ended_on is not None}, reverse=True):
        then = (stop for stop in stops if stop.since <= last <= (stop.ended_on or date.max))
        running = tuple(stop.model_copy(update={"ended_on": None}) for stop in then)
        halt = halt_of(state.model_copy(update={"stops": running}), day, reference)
        if halt is not None and halt.since is not None and not is_in(halt.since, last, found):
            found.append(halt.model_copy(update={"until": last}))
    return tuple(found)


def is_in(since: date, until: date, halts: Iterable[CaseHalt]) -> bool:
    """Whether one of these halts, that which still runs included, holds these days."""
    return any(
        halt.since is not None and halt.since <= since and until <= (halt.until or date.max) for halt in halts
    )


def _in_all(sets: Sequence[Set[str]]) -> tuple[str, ...]:
    return tuple(sorted(frozenset(sets[0]).intersection(*sets[1:]))) if sets else ()


def rules_of(stop: Stop, debts: list[Debt], day: date, reference: Reference) -> list[StopRule]:
    """Give what the packs of the debts that a stop is about say of its cause."""
    packs = {debt.policy: None for debt in debts if stop.is_about(debt.debt_id)}
    views = [reference.policies.in_force(pack, day) for pack in packs if pack in reference.policies]
    return [getattr(view.stop_events, stop.cause.value) for view in views]


def days_without_interest(
    state: IntakeState, debt: Debt, after: date, until: date, reference: Reference
) -> int:
    """Count the days after one date, up to and with another, in which a stop lets no interest run."""
    days, counted_to = 0, after
    for stop in sorted(state.stops, key=lambda stop: stop.since):
        if not stop.stops_debt(debt.debt_id):
            continue
        first, last = max(stop.since, _later(counted_to, 1)), min(stop.ended_on or until, until)
        rules = rules_of(stop, [debt], until, reference)
        if last >= first and any("interest" in rule.stops for rule in rules):
            days += (last - first).days + 1
            counted_to = last
    return days


def with_joint(state: IntakeState, stop: Stop, day: date, reference: Reference) -> Stop:
    """Give another obligor's stop with the debts that it stops for all who owe them, by the packs."""
    if stop.party_id is None:
        return stop
    joint = tuple(
        debt.debt_id
        for debt in state.of_case
        if any(o.party_id == stop.party_id and o.role is not ObligorRole.GUARANTOR for o in debt.obligors)
        and any(rule.joint for rule in rules_of(stop, [debt], day, reference))
    )
    return stop.model_copy(update={"joint": joint})


def all_joint(state: IntakeState, day: date, reference: Reference) -> IntakeState:
    """Look again at what running stops of other obligors stop: a debt has joined, or is owed by others."""
    if all(stop.party_id is None or stop.ended_on is not None for stop in state.stops):
        return state
    stops = tuple(
        stop if stop.ended_on is not None else with_joint(state, stop, day, reference) for stop in state.stops
    )
    return state.model_copy(update={"stops": stops})


def _dated(state: IntakeState, stop: Stop, day: date, reference: Reference) -> Stop:
    if stop.ended_on is not None or stop.ends_on is not None:
        return stop
    days = [_last_day(stop, rule) for rule in rules_of(stop, list(state.of_case), day, reference)]
    known = [found for found in days if found is not None]
    if not known or len(known) < len(days):
        return stop
    last = max(known)
    return stop.model_copy(update={"ends_on": last, "ended_on": last if last < day else None})


def _last_day(stop: Stop, rule: StopRule) -> date | None:
    """Give the last day: so long after what caused it, or the days that were granted; None: it is lifted.

    Only what ends with its period ends by date. What is merely expected ends nothing else.
    """
    if rule.ends != "period_over":
        return None
    if rule.max_days_after:
        return None if stop.expected_end is None else _later(stop.expected_end, rule.max_days_after)
    if stop.expected_end is not None:
        return stop.expected_end
    return _later(stop.since, rule.max_days) if rule.max_days else None


def _later(day: date, days: int) -> date:
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return date.max
