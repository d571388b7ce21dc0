"""The money received, by value date: what came, what was taken back, and how far it reaches. Pure.

A payment that is taken back never was: it is subtracted on the value date of the payment. So the amounts of
one day and currency add up to one, in whatever order they arrive, and nothing else needs to be kept of them.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate

from services.followup.model import DayMoney, FollowedPlan, FollowupState, FollowupStatus, Line
from services.followup.rules import (
    counts_for_plan,
    counts_for_promise,
    day_before,
    end_too_late_on,
    is_counted,
    too_late_on,
)
from shared.lending.money import Money

__all__ = ["Reach", "Served", "prune", "receive", "serve", "total"]

# So many entries are kept as they came; beyond, older ones that no rule can tell apart are added up.
_ENTRIES_KEPT = 400


@dataclass(frozen=True, slots=True)
class Served:
    """What one instalment has: `paid` of it, `at_due` when its day closed, and when it had enough."""

    paid: Money
    at_due: Money
    reached: date | None


class Reach:
    """How far the money of one currency, dated from `since` to `day`, reaches.

    `received` is in the order of its days. What counts on a day is what stayed: money that was taken back
    later in excess counts never.
    """

    def __init__(self, received: Iterable[DayMoney], currency: str, since: date, day: date) -> None:
        entries = [
            (entry.on, entry.amount.minor)
            for entry in received
            if entry.amount.currency == currency and since <= entry.on <= day
        ]
        self._days = [on for on, _ in entries]
        sums = list(accumulate(minor for _, minor in entries))
        self._stayed = list(accumulate(reversed(sums), min))[::-1]
        self.total = sums[-1] if sums else 0

    def by(self, day: date) -> int:
        """Give the minor units that were there when `day` closed."""
        index = bisect_right(self._days, day)
        return max(self._stayed[index - 1], 0) if index else 0

    def first_with(self, minor: int) -> date | None:
        """Give the first day by whose close so much was there."""
        index = bisect_left(self._stayed, minor)
        return self._days[index] if index < len(self._days) else None


def serve(
    lines: Sequence[Line], enough: Sequence[Money], received: Iterable[DayMoney], since: date, day: date
) -> tuple[Served, ...]:
    """Give the money to the instalments, oldest due first, each currency apart; `enough` settles each."""
    entries = tuple(received)
    reaches: dict[str, Reach] = {}
    before: dict[str, int] = {}
    served = []
    for line, settles in zip(lines, enough, strict=True):
        currency = line.total.currency
        if currency not in reaches:
            reaches[currency] = Reach(entries, currency, since, day)
        reach, start = reaches[currency], before.get(currency, 0)

        def part(there: int, start: int = start, most: int = line.total.minor) -> int:
            return min(max(there - start, 0), most)

        served.append(
            Served(
                paid=Money(part(reach.by(day)), currency),
                at_due=Money(part(reach.by(min(line.due, day))), currency),
                reached=reach.first_with(start + settles.minor) if settles.is_positive else since,
            )
        )
        before[currency] = start + line.total.minor
    return tuple(served)


def total(received: Iterable[DayMoney], currency: str, since: date, day: date) -> Money:
    """Add up what was received in one currency, dated from `since` to `day`."""
    return Money(Reach(received, currency, since, day).total, currency)


def receive(
    state: FollowupState, value_date: date, amount: Money, on_no_debt: Money | None = None
) -> FollowupState:
    """Keep an amount (negative: taken back) if something may count it; have judged again what it changes.

    All of it is on the books of debts, but for what is `on_no_debt`.
    """
    loose = Money.zero(amount.currency) if on_no_debt is None else on_no_debt
    received = _added(state.received, DayMoney(on=value_date, amount=amount, on_no_debt=loose))
    plan = state.plan
    is_past = plan is not None and (value_date <= plan.judged_to or plan.completed)
    if plan is not None and is_past and counts_for_plan(value_date, plan):
        plan = plan.model_copy(update={"replay": True})
    look_on = state.look_on
    if any(counts_for_promise(value_date, promise) for promise in state.promises):
        look_on = value_date if look_on is None else min(look_on, value_date)
    now = state.model_copy(update={"received": received, "plan": plan, "look_on": look_on})
    if state.status is FollowupStatus.LIVE:
        now = prune(now, date.max)  # a plan that is signed later counts from a later day
    return _bounded(now)


def _added(received: tuple[DayMoney, ...], new: DayMoney) -> tuple[DayMoney, ...]:
    """Keep the entries in the order of their days, one for each day and currency, none of nothing."""
    index = bisect_left(received, _key(new), key=_key)
    found = received[index : index + 1]
    if not found or _key(found[0]) != _key(new):
        return received if _is_nothing(new) else (*received[:index], new, *received[index:])
    both = _both(found[0], new)
    same = () if _is_nothing(both) else (both,)
    return (*received[:index], *same, *received[index + 1 :])


def _is_nothing(entry: DayMoney) -> bool:
    return entry.amount.is_zero and (entry.on_no_debt is None or entry.on_no_debt.is_zero)


def _both(first: DayMoney, then: DayMoney) -> DayMoney:
    """Add up two entries; they are of the day of the later one."""
    loose = None
    if first.on_no_debt is not None and then.on_no_debt is not None:
        loose = first.on_no_debt + then.on_no_debt
    return DayMoney(on=then.on, amount=first.amount + then.amount, on_no_debt=loose)


def _key(entry: DayMoney) -> tuple[date, str]:
    return entry.on, entry.amount.currency


def prune(state: FollowupState, closed: date) -> FollowupState:
    """Drop what nothing counts: a plan that is signed after `closed` counts from a later day."""
    kept = tuple(entry for entry in state.received if entry.on > closed or is_counted(state, entry.on))
    return state if kept == state.received else state.model_copy(update={"received": kept})


def _bounded(state: FollowupState) -> FollowupState:
    """Add up older entries between which no day is judged, where there are very many."""
    if len(state.received) <= _ENTRIES_KEPT:
        return state
    old, new = state.received[: -_ENTRIES_KEPT // 2], state.received[-_ENTRIES_KEPT // 2 :]
    days = _judged_days(state)
    sums: dict[tuple[int, str], DayMoney] = {}
    for entry in old:  # ascending: the last day of an interval stays
        key = (bisect_left(days, entry.on), entry.amount.currency)
        sums[key] = _both(sums[key], entry) if key in sums else entry
    merged = tuple(sorted(sums.values(), key=_key))
    return state.model_copy(update={"received": (*merged, *new)})


def _judged_days(state: FollowupState) -> list[date]:
    """Give every day at whose close the money received so far decides something."""
    plan: FollowedPlan | None = state.plan
    days: set[date] = set()
    if plan is not None:
        days |= {day_before(plan.effective), plan.judged_to, plan.ended_on or plan.judged_to}
        days |= {day for line in plan.lines for day in (line.due, line.until, too_late_on(line, plan.stops))}
        days.add(end_too_late_on(plan))
    for promise in state.promises:
        days |= {day_before(promise.made_on), promise.until}
    return sorted(days)
