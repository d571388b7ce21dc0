"""The limits counted a second time, from the packs' files alone, with nothing of what is checked."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.unit.conduct.asking import GUARDS, ask, rules

PACKS = Path(__file__).parents[3] / "deploy" / "policies"
ZONES = ("Asia/Shanghai", "America/New_York", "Europe/London", "Asia/Kolkata", "Pacific/Kiritimati",
         "America/Los_Angeles", "Australia/Lord_Howe", "Africa/Cairo")  # fmt: skip
EDGES = ("20:59:59", "21:00:00", "21:59:59", "22:00:00", "22:00:01", "07:59:59", "08:00:00", "00:00:00",
         "23:59:59", "01:30:00", "02:30:00", "12:00:00")  # fmt: skip
# A change of a pack, clocks that are put on or back, and the turn of a year.
DAYS = (date(2026, 1, 29), date(2026, 1, 30), date(2026, 3, 8), date(2026, 3, 29), date(2026, 10, 25),
        date(2026, 11, 1), date(2027, 1, 1))  # fmt: skip
LIMITS = {  # the guard's name: the figure, what it counts
    "effective_calls": ("max_effective_calls_per_day", "max_effective_calls_per_day"),
    "attempts": ("max_attempts_per_number_per_day", "max_attempts_per_number_per_day"),
    "calls": ("max_calls_per_7_days", "max_calls_per_7_days"),
    "cooldown": ("cooldown_after_talk_days", "cooldown_after_talk"),
}


Call = dict[str, Any]


@cache
def chain(pack: str) -> tuple[dict[str, Any], ...]:
    """A pack's file and those that it extends."""
    found = tomllib.loads((PACKS / f"{pack}.toml").read_text(encoding="utf-8"))
    return (found, *(chain(found["extends"]) if "extends" in found else ()))


def value(pack: str, section: str, key: str, on: date) -> Any:
    """The value on a day: of the nearest file that has it the latest entry that has begun, else the first."""
    entries = next(file[section][key] for file in chain(pack) if key in file.get(section, {}))
    begun = [entry for entry in entries if entry.get("from", date.min) <= on]
    return (max(begun, key=lambda one: one.get("from", date.min)) if begun else entries[0])["value"]


def denied(pack: str, at: datetime, zone: str, message: Call, past: list[Call]) -> set[str]:
    """Which limits deny a call to p1, by counting."""
    on = at.astimezone(ZoneInfo(chain(pack)[0]["pack"]["time_zone"])).date()
    place = ZoneInfo(zone)
    today, wall = at.astimezone(place).date(), at.astimezone(place).time()
    begins, ends = (
        time.fromisoformat(value(pack, "contact", key, on)) for key in ("quiet_from", "quiet_until")
    )
    found = set()
    scope = value(pack, "contact_rules", "quiet_hours", on)
    if (wall >= begins or wall < ends) and message["kind"] in scope["purposes"]:
        found.add("quiet_hours")
    for name, (figure, counted) in LIMITS.items():
        most, scope = value(pack, "contact", figure, on), value(pack, "contact_rules", counted, on)
        if not most or message["kind"] not in scope["purposes"]:
            continue
        talks = scope["counts"] in {"conversations", "days_after_conversation"}
        who, whom = ("number", "n1") if scope["scope"] == "number" else ("person", "p1")
        relevant = [
            call
            for call in past
            if call["kind"] in scope["purposes"]
            and (scope["direction"] == "both" or call["direction"] == "outbound")
            and (call["outcome"] == "talked" or not talks)
            and call[who] == whom
        ]
        groups = [relevant]
        if scope["scope"] == "debt":
            groups = [[c for c in relevant if not c["debts"] or d in c["debts"]] for d in message["debts"]]
        for group in groups:
            ages = [(today - call["at"].astimezone(place).date()).days for call in group]
            if scope["counts"] == "days_after_conversation":
                last = most - 1 if scope.get("first_day_is_the_talk") else most
                too_many = any(age <= last for age in ages)
            else:
                too_many = sum(age < scope["window_days"] for age in ages) >= most
            if too_many:
                found.add(name)
    return found


def question(draw: Random) -> tuple[datetime, str, Call, list[Call]]:
    """A call at an edge of a day, with calls at edges of the days before it."""
    zone, day = draw.choice(ZONES), draw.choice(DAYS)

    def moment(on: date) -> datetime:
        wall = datetime.combine(on, time.fromisoformat(draw.choice(EDGES)))
        return wall.replace(tzinfo=ZoneInfo(zone), fold=draw.randrange(2)).astimezone(UTC)

    at = moment(day)
    ages = draw.choice(((0,), (0, 0, 1, 2, 5, 6, 6, 7, 8)))
    past = [
        {
            "at": min(moment(day - timedelta(days=draw.choice(ages))), at),
            "kind": draw.choice(("collection", "collection", "collection", "service")),
            "actor": draw.choice(("creditor", "agent")),
            "direction": draw.choice(("outbound", "outbound", "outbound", "inbound")),
            "channel": "phone",
            "outcome": draw.choice(("message_left", "message_left", "talked")),
            "person": draw.choice(("p1", "p1", "p2")),
            "number": draw.choice(("n1", "n1", "n2")),
            "debts": draw.choice((["d1"], ["d2"], ["d1", "d2"], [])),
        }
        for _ in range(draw.choice((0, 1, 3, 8, 12, 18, 24)))
    ]
    debts = draw.choice((["d1"], ["d1", "d2"]))
    message = {"kind": draw.choice(("collection", "collection", "service")), "number": "n1", "debts": debts}
    return at, zone, {**message, "actor": draw.choice(("creditor", "agent"))}, past


@pytest.mark.parametrize("pack", sorted(GUARDS))
def test_the_guard_counts_as_the_files_say(pack: str) -> None:
    draw, seen = Random(pack), set[str]()
    for _ in range(400):
        at, zone, message, past = question(draw)
        expected = denied(pack, at, zone, message, past)
        said = set(rules(GUARDS[pack], ask(at, zone, history=past, **message)))
        assert said & {"quiet_hours", *LIMITS} == expected, (at, zone, message, past)
        seen |= expected
    active = {name for name, (figure, _) in LIMITS.items() if value(pack, "contact", figure, DAYS[2])}
    assert seen >= {"quiet_hours", *active}, "each limit of the pack has denied something"
