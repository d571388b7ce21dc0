"""`parley calibrate`: what it prints, when it writes a table, and that offers can be made by it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from services.cli.common import stdout
from services.cli.main import app
from services.console.audit import Audit
from services.console.outcomes import Outcomes
from tests.unit.console.test_outcomes import Told, missed, paid, plan

Run = Callable[..., Result]
FIRST, UNTIL = date(2025, 9, 1), date(2026, 10, 31)


def lived(number: int, one_in: int) -> Outcomes:
    told = Told(UNTIL)
    for case in range(number):
        on = FIRST + timedelta(days=case)
        told.signs(f"c-{case}", plan("25", "24.3", "cn-card"), effective=on)
        told.says(f"c-{case}", paid(1, on, 0) if case % one_in else missed(1, on))
    return told.outcomes


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """The console's width is that of when it was first imported, by whichever test was the first."""
    monkeypatch.setattr(stdout, "_width", 400)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    def command(outcomes: Outcomes, *options: str) -> Result:
        found = Audit([], {}, [], outcomes=outcomes)
        monkeypatch.setattr("services.cli.calibrate.audited", lambda _: found)
        return CliRunner().invoke(app, ["calibrate", "cn-card", *options])

    return command


def test_it_shows_what_was_foreseen_beside_what_came(run: Run) -> None:
    result = run(lived(120, 12))
    assert result.exit_code == 0, result.output
    words = " ".join(result.output.replace("│", " ").split())
    assert f"up to {UNTIL}" in words
    assert "from 20 % on 120 24.3 % 10 8.3 % 4.6–14.7 % 24.3 % 13.0 %" in words
    assert "6 months 120 10 8.3 %" in words
    assert "example-1 120 24.3 % 10" in words
    assert "Tried on the 40 plans signed last" in words
    rows = json.loads(run(lived(120, 12), "--json").output)
    assert (rows["plans"], rows["broke"], rows["why_not"]) == (120, 10, None)


def test_the_table_is_written_beside_the_others_checked_and_offered_by(run: Run, tmp_path: Path) -> None:
    new = tmp_path / "new"
    result = run(lived(120, 12), "-o", str(new), "--from", "2026-11-01")
    assert result.exit_code == 0, result.output
    model = f"occ-2009-q1+margin-1+own-{UNTIL}"
    assert model in result.output
    checked = CliRunner().invoke(app, ["policy", "check", "--folder", str(new)])
    assert checked.exit_code == 0, checked.output
    shown = CliRunner().invoke(app, ["policy", "show", "cn-card", "--on", "2026-11-01", "--folder", str(new)],
                               env={"COLUMNS": "400"})  # fmt: skip
    assert "120 own plans signed 2025-09-01 to 2025-12-29, 10 of them 60+ days late within 6" in shown.output
    for on, holds in (("2026-10-31", False), ("2026-11-24", True)):
        options = ("--example", "--policy", "cn-card", "--on", on, "--folder", str(new))
        offered = CliRunner().invoke(app, ["offer", *options])
        assert offered.exit_code == 0, offered.output
        assert "occ-2009-q1+margin-1" in offered.output
        assert (model in offered.output) is holds
    assert not result.stderr


@pytest.mark.parametrize(
    ("number", "one_in", "why"),
    [(99, 5, "Too few to learn from: 99 plans"), (120, 120, "120 plans, 1 of them broken")],
)
def test_nothing_is_written_where_nothing_is_learnt(
    run: Run, tmp_path: Path, number: int, one_in: int, why: str
) -> None:
    assert why in run(lived(number, one_in)).stderr
    result = run(lived(number, one_in), "-o", str(tmp_path / "new"), "--from", "2026-11-01")
    assert result.exit_code == 1
    assert "No table was written" in result.stderr
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("-o", "new"), "go together"),
        (("-o", "new", "--from", str(UNTIL)), "rest on the old table"),
        (("-o", "new", "--from", "soon"), "not a date"),
        (("-o", ".", "--from", "2026-11-01"), "not empty"),
    ],
)
def test_what_cannot_be_done_is_said(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], why: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").touch()
    result = run(lived(120, 12), *options)
    assert result.exit_code != 0
    assert why in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_before_the_first_closed_day_nothing_can_be_said(run: Run) -> None:
    result = run(Outcomes())
    assert result.exit_code == 1
    assert "No day is closed yet" in result.stderr
