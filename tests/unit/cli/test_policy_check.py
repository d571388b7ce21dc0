"""`parley policy check` names what nobody has verified, and where assumptions stand for rules."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli.catalogue import policies_dir
from services.cli.main import app
from shared.lending import calendar
from shared.policy.loader import PolicyBook, explain
from shared.policy.sections_conduct import StopEvents


def said(*options: str) -> str:
    result = CliRunner().invoke(app, ["policy", "check", *options], env={"COLUMNS": "400"})
    assert result.exit_code == 0, result.output
    return result.output


def figures() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(said("--json"))
    return found


def test_every_value_in_force_is_verified_or_named() -> None:
    book = PolicyBook.load(policies_dir())
    found = figures()
    assert set(found) == set(book.pack_ids)
    for pack in book.pack_ids:
        rows = explain(book.pack(pack), date.today())  # noqa: DTZ011 - what is in force as the command sees it
        named = {row["key"] for name in ("not_verified", "assumptions") for row in found[pack][name]}
        assert named == {row.key for row in rows if not row.verified}
        assert found[pack]["verified"] + len(named) == found[pack]["values"] == len(rows)


def test_the_rows_of_the_stop_table_and_the_days_of_a_review_are_among_them() -> None:
    rows = {f"stop_events.{name}" for name in StopEvents.model_fields}
    for pack, found in figures().items():
        named = {row["key"] for name in ("not_verified", "assumptions") for row in found[name]}
        verified = {row.key for row in explain(PolicyBook.load(policies_dir()).pack(pack), date.today())  # noqa: DTZ011
                    if row.verified}  # fmt: skip
        assert rows - named <= verified, pack
        assert "timetable.steps" in named


def test_it_is_read_line_by_line() -> None:
    text = said()
    assert "  not verified: " in text
    assert "stop_events (" in text
    assert "assumption:" not in text
    every = said("--assumptions")
    assert "  timetable.steps: assumption: " in every
    assert "packs can be used" in every


def test_a_year_whose_business_days_are_not_known_in_time_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    known = set(range(2001, date.today().year + 2))  # noqa: DTZ011
    monkeypatch.setattr(calendar, "_announced", lambda code: frozenset(known if code == "CN" else ()))
    assert "business days" not in said()
    assert {pack["calendar_missing"] for pack in figures().values()} == {None}
    this = date.today().year  # noqa: DTZ011
    known -= {this, this + 1}
    text = said()
    assert f"The business days of {this} are not known for CN" in text
    assert text.count("are not known for") == 1  # two packs have that calendar
    missing = {pack: found["calendar_missing"] for pack, found in figures().items()}
    assert missing["cn-card"] == missing["cn-consumer-loan"] == this
    assert missing["us-unsecured"] is None
