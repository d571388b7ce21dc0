"""A plan of three instalments, and a life lived day by day, for the tests of followup."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from services.followup.decide import FollowupDecider
from shared.contracts.envelope import Envelope
from tests.unit.builders import case_opened, message, reference, signed
from tests.unit.spec import Given, given

FIRST = date(2026, 4, 1)  # a Wednesday; its three grace days run into a holiday: they end on a Tuesday
SECOND = date(2026, 5, 6)
THIRD = date(2026, 6, 3)
GRACE = date(2026, 4, 7)
ROWS = ((FIRST, "100.00"), (SECOND, "100.00"), (THIRD, "100.00"))


# Plans break without notice, and nothing is asked for a reward but to pay on time, unless a test says so.
PLAIN: dict[str, Any] = {"breach__notice_required": False, "incentives__cooperation": []}


def live(*rows: Any, **overrides: Any) -> Given:
    """Give a case with a plan signed on DAY."""
    start = given(FollowupDecider(), reference(**PLAIN | overrides))
    return start.when(message(case_opened()), message(signed(*(rows or ROWS))))


def steps(*rows: tuple[int, int, int]) -> list[dict[str, int]]:
    """Give steps of rewards: instalments on time, per cent of late charges waived and of the rate cut."""
    names = ("after_on_time", "late_charges_waived_pct", "rate_cut_pct")
    return [dict(zip(names, row, strict=True)) for row in rows]


def lives_to(plan: Given, day: date) -> Given:
    """Close every day up to `day`, gathering what is said."""
    said: list[Any] = []
    at = plan.state.plan.judged_to + timedelta(days=1)
    while at <= day:
        plan = plan.closes(at)
        said += plan.said
        at += timedelta(days=1)
    return replace(plan, said=tuple(said))


def by_evening(case: Given, day: date, *messages: Envelope[Any]) -> Given:
    """Give the case at the close of a day on which it hears something, with what was said of both."""
    told = case.when(*messages)
    closed = told.closes(day)
    return replace(closed, said=(*told.said, *closed.said))


def states(plan: Given) -> list[str]:
    """Give what is concluded about each instalment."""
    return [line.state.value for line in plan.state.plan.lines]
