"""`parley policy reviewed` says a review at the desk; `parley report` lists it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from services.cli import reviewed as command
from services.cli.main import app
from services.cli.reviewed import said
from services.console.audit import Audit
from services.console.effects import Effects
from services.console.mechanism import Mechanism
from shared.contracts.desk_mechanism import CalendarWatched, MechanismReviewed, calendar_key, mechanism_key
from shared.contracts.followup_care import ProblemResolved
from tests.unit.builders import case_opened, message

DAY = date(2026, 3, 2)
sent: list[Any] = []


class Door:
    async def send(self, *events: Any) -> None:
        sent.extend(events)


@asynccontextmanager
async def door(_: object) -> AsyncIterator[Door]:
    yield Door()


@pytest.fixture(autouse=True)
def _no_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    sent.clear()
    monkeypatch.setattr(command, "open_publisher", door)
    monkeypatch.setattr(command, "with_database", lambda *_: DAY)


def run(pack: str = "cn-card", role: str = "supervisor", decided: str = "go on as it is") -> Result:
    words = ["--by", "s-zhao", "--role", role, "--decided", decided]
    return CliRunner().invoke(app, ["policy", "reviewed", pack, *words], env={"COLUMNS": "200"})


def test_it_is_said_under_the_mechanisms_own_key_and_the_same_words_count_once() -> None:
    for _ in range(2):
        assert run().exit_code == 0
    assert run(decided="another word").exit_code == 0
    first, again, other = sent[::2]
    assert first.id == again.id != other.id
    assert (first.key, first.day) == (mechanism_key("cn-card"), DAY)
    assert first.subject == again.subject == other.subject
    assert isinstance(first.data, MechanismReviewed)
    assert said("tw-card", "s", "supervisor", "go on", DAY).subject != first.subject


def test_with_it_the_coming_years_of_the_calendar_are_watched_once_for_all_packs() -> None:
    assert run().exit_code == run(pack="cn-consumer-loan").exit_code == 0
    one, other = sent[1::2]
    assert isinstance(one.data, CalendarWatched)
    assert (one.key, one.subject) == (other.key, other.subject)
    assert one.key == calendar_key("CN")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ({"pack": "nowhere"}, "no such pack"),
        ({"role": "negotiator"}, "asks for supervisor or credit_committee"),
        ({"decided": "-"}, "--decided: String should have at least 3 characters"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_said(words: dict[str, str], why: str) -> None:
    result = run(**words)
    assert result.exit_code in {1, 2}
    assert why in result.stderr
    assert sent == []


def test_the_report_lists_packs_that_nobody_has_reviewed(monkeypatch: pytest.MonkeyPatch) -> None:
    mechanism = Mechanism()
    mechanism.saw(message(case_opened().model_copy(update={"policy": "cn-card"}), sequence=1))
    found = Audit([], {}, [], mechanism=mechanism)
    monkeypatch.setattr("services.cli.report.audited", lambda _: found)
    shown = CliRunner().invoke(app, ["report"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0, shown.output
    assert "never reviewed" in shown.output
    rows = json.loads(CliRunner().invoke(app, ["report", "--json"]).output)["reviews"]
    assert [(row["pack"], row["state"]) for row in rows] == [("cn-card", "never reviewed")]


def test_a_mean_of_nothing_is_a_figure_as_any(monkeypatch: pytest.MonkeyPatch) -> None:
    """An alert that was resolved on its own day: the whole report ended in a traceback."""
    effects = Effects()
    solved = ProblemResolved(problem_id="p", as_of=date(2026, 3, 2), by="n-1", days=0)
    effects.saw(message(solved, sequence=1))
    found = Audit([], {}, [], effects=effects)
    monkeypatch.setattr("services.cli.report.audited", lambda _: found)
    shown = CliRunner().invoke(app, ["report", "--json"])
    assert shown.exit_code == 0, shown.output
    means = {row["group"]: row["mean"] for row in json.loads(shown.output)["figures"] if row["count"]}
    assert means == {"problems": "0.0"}
