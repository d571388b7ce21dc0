"""Rosters and staff for the tests of intake's team: short calls."""

from __future__ import annotations

from datetime import date
from typing import Any

from shared.contracts.desk_team import AwayWhy, OwnerAway, OwnerNamed
from shared.contracts.envelope import Envelope
from shared.policy.roster import Roster
from tests.unit.builders import DAY, message

CERTIFIED = [{"name": "collections", "issued": "2010-01-01", "expires": "2035-01-01"}]
OLD = [{"name": "collections", "issued": "2010-01-01", "expires": "2026-03-02"}]


def expiring(day: date) -> list[dict[str, str]]:
    """A certificate whose first day out of date is `day`."""
    return [{"name": "collections", "issued": "2010-01-01", "expires": day.isoformat()}]


def roster(**who: dict[str, Any]) -> Roster:
    """People by id, certified and with both languages unless told."""
    base = {
        "skills": ["card", "personal_loan"],
        "languages": ["zh", "en"],
        "capacity": 10,
        "certifications": CERTIFIED,
    }
    return Roster.model_validate({"negotiators": [base | {"id": id_} | over for id_, over in who.items()]})


def away(staff: str = "a", on: date = DAY, *, since: date | None = None, why: AwayWhy = AwayWhy.LEFT,
         until: date | None = None) -> Envelope[Any]:  # fmt: skip
    """One case of a hand-over."""
    data = OwnerAway(staff=staff, why=why, since=since or on, until=until, by="s", reason="moved to audit")
    return message(data, on)


def named(owner: str, on: date = DAY, *, by: str = "s", reason: str = "knows the family") -> Envelope[Any]:
    """A supervisor's word."""
    return message(OwnerNamed(owner=owner, by=by, reason=reason), on)
