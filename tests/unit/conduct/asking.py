"""Questions to the guard, shortly said."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from shared.conduct import Guard, Request
from shared.policy.loader import PolicyBook

CHINA, EASTERN, LONDON = "Asia/Shanghai", "America/New_York", "Europe/London"
BOOK = PolicyBook.load(Path(__file__).parents[3] / "deploy" / "policies")
GUARDS = {pack: Guard(BOOK.pack(pack)) for pack in BOOK.pack_ids}
CN, US, UK = GUARDS["cn-card"], GUARDS["us-unsecured"], GUARDS["uk-unsecured"]


def local(text: str, zone: str = CHINA, fold: int = 0) -> datetime:
    """A wall time of a zone, as the instant that it is."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


def ask(
    at: datetime, zone: str | None = CHINA, case: Any = None, history: Any = (), **message: Any
) -> Request:
    """A call to the borrower that tells nothing yet, unless said otherwise."""
    plain = {"kind": "collection", "actor": "creditor", "channel": "phone", "person": "p1", "number": "n1"}
    data = {**plain, "at": at, "time_zone": zone, "says_how_to_stop": True, **message}
    return Request.model_validate({"message": data, "history": history, "case": case or {}})


def past(at: datetime, outcome: str = "no_answer", **other: Any) -> dict[str, Any]:
    """A call to the borrower that is on file."""
    plain = {"kind": "collection", "actor": "creditor", "channel": "phone", "person": "p1", "number": "n1"}
    return {**plain, "direction": "outbound", "at": at, "outcome": outcome, **other}


def rules(guard: Guard, request: Request) -> list[str]:
    """The rules that deny it."""
    return [str(denial.rule) for denial in guard.ask(request).denials]
